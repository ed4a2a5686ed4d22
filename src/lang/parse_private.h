// The parser's state and the rules that its files call in each other.
//
// Every rule returns NULL (or false) after an error; then `is_failed` is set and nothing more is
// reported: what follows a syntax error cannot be trusted.
#ifndef KRETS_LANG_PARSE_PRIVATE_H
#define KRETS_LANG_PARSE_PRIVATE_H

#include "lang/parse.h"
#include "lang/token.h"

typedef struct Parser {
    Arena *arena;
    Str in;
    TokenList tokens;
    size_t at;
    int depth;
    bool is_failed;
    SyntaxProblem *problems, *last_problem;
} Parser;

// parse.c
const Token *parse_peek(const Parser *parser, size_t ahead);
const Token *parse_next(Parser *parser);
bool parse_is_word(const Parser *parser, size_t ahead, const char *word);
bool parse_is_kind(const Parser *parser, size_t ahead, TokenKind kind);
bool parse_take_word(Parser *parser, const char *word);
bool parse_take(Parser *parser, TokenKind kind);
// Reports at the span and sets is_failed. Returns NULL.
void *parse_fail(Parser *parser, SyntaxSpan span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// The same at the next token; says what was found.
void *parse_fail_expected(Parser *parser, const char *expected);
// Reports "NAME is not available yet" and goes on.
void parse_unavailable(Parser *parser, SyntaxSpan span, const char *what);
bool parse_expect(Parser *parser, TokenKind kind, const char *expected);
Syntax *parse_new(Parser *parser, SyntaxKind kind, size_t begin);
// Sets the end of the node and its depth over the args. NULL when nested too deep.
Syntax *parse_finish(Parser *parser, Syntax *syntax);
void parse_add_arg(Parser *parser, Syntax *syntax, const Syntax *arg);
size_t parse_end(const Parser *parser); // of the token before
const Syntax *parse_expression(Parser *parser);
const Syntax *parse_sum(Parser *parser); // operands of `+` and `-`
bool parse_amount(Parser *parser, SyntaxAmount *ret_amount);
bool parse_positive_amount(Parser *parser, SyntaxAmount *ret_amount); // at least 1
const Syntax *parse_point(Parser *parser);
const Syntax *parse_literal_or_null(Parser *parser);  // NULL without an error: no literal is here
bool parse_name_parts(Parser *parser, Str *ret_name); // name {"." name}
// Skips to the parenthesis that closes the one just taken.
bool parse_skip_parenthesis(Parser *parser);

// parse_compare.c
const Syntax *parse_compare(Parser *parser);

// parse_history.c: at the opening parenthesis, after the function's name
const Syntax *parse_was(Parser *parser, size_t begin);
const Syntax *parse_changed(Parser *parser, size_t begin);
const Syntax *parse_moved(Parser *parser, size_t begin, HistoryKind kind); // entered, exited
const Syntax *parse_stayed(Parser *parser);                                // at `in`
bool parse_segment_name(Parser *parser, Syntax *syntax);

// parse_event.c
const Syntax *parse_aggregate(Parser *parser); // at the function's name
const Syntax *parse_sequence(Parser *parser);
bool parse_window(Parser *parser, SyntaxWindow *ret_window); // WINDOW_ALL where none is written
int32_t parse_window_depth(int32_t depth,
                           const SyntaxWindow *window); // at least that of its points
// Whether a sequence's `in all within` is here, which no comparison may take for its `in`.
bool parse_is_in_all(const Parser *parser);
// Whether `within n unit` at the parser's place goes on as a holiday test, not as a window.
bool parse_is_holiday_within(const Parser *parser);

#endif
