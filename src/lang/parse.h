// Reads an expression into a tree of syntax.
#ifndef KRETS_LANG_PARSE_H
#define KRETS_LANG_PARSE_H

#include "lang/syntax.h"

// Parses one expression (untrusted). Returns 0, or BASE_E_USAGE with at least one problem: the
// first syntax error, and every construct before it that is not available yet. The tree and the
// messages live in `arena`; texts may point into `expression`.
int lang_parse(Arena *arena, Str expression, const Syntax **ret_syntax,
               const SyntaxProblem **ret_problems);

#endif
