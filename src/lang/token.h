// The words of an expression.
#ifndef KRETS_LANG_TOKEN_H
#define KRETS_LANG_TOKEN_H

#include "lang/syntax.h"

typedef enum TokenKind {
    TOKEN_END,
    TOKEN_NUMBER, // value
    TOKEN_TEXT,   // 'it''s': text without quotes
    TOKEN_NAME,   // text as written; keywords are names in any case, told apart by the parser
    TOKEN_QUOTED, // "a name": text without quotes; never a keyword
    TOKEN_LEFT,
    TOKEN_RIGHT, // ( )
    TOKEN_OPEN,
    TOKEN_CLOSE, // [ ]
    TOKEN_COMMA,
    TOKEN_DOT,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_STAR,
    TOKEN_SLASH,
    TOKEN_EQ,
    TOKEN_NE,
    TOKEN_LT,
    TOKEN_LE,
    TOKEN_GT,
    TOKEN_GE
} TokenKind;

typedef struct Token {
    TokenKind kind;
    SyntaxSpan span;
    Str text;
    Value value;
} Token;

typedef struct TokenList {
    Token *items; // ends with TOKEN_END
    size_t count; // with the end
} TokenList;

// Splits an expression (untrusted bytes; comments are dropped). Returns 0, or BASE_E_USAGE with the
// first problem in `ret_problem`; then the list holds the tokens before it and an end.
// A number's type follows from its value alone: whole -> integer, at most four decimals -> decimal,
// else number; so 2.0 is the integer 2.
int lang_token_split(Arena *arena, Str expression, TokenList *ret_list, SyntaxProblem *ret_problem);

// Whether `text` is `word` (lower-case ASCII) in any case.
bool lang_token_word_equal(Str text, const char *word);
// Whether a name can be written without quotes.
bool lang_token_is_plain(Str name);

#endif
