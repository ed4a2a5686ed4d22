#include "lang/token.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define NUMBER_BYTES_MAX 400

typedef struct Lexer {
    Arena *arena;
    Str in;
    size_t at;
    TokenList list;
    size_t capacity;
    SyntaxProblem *problem;
} Lexer;

bool lang_token_word_equal(Str text, const char *word) {
    size_t i = 0;
    for (; i < text.size_bytes && word[i] != '\0'; i++) {
        char c = text.data[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        if (c != word[i])
            return false;
    }
    return i == text.size_bytes && word[i] == '\0';
}

static bool is_digit(uint32_t c) {
    return c >= '0' && c <= '9';
}

static bool is_name_start(uint32_t c) {
    return c == '_' || base_utf8_is_letter(c);
}

// Combining marks continue a name, so that scripts that need them can be written without quotes.
static bool is_name_part(uint32_t c) {
    return is_name_start(c) || is_digit(c) || (c >= 0x300 && c <= 0x36F) ||
           (c >= 0x900 && c <= 0xDFF && c != 0x964 && c != 0x965);
}

bool lang_token_is_plain(Str name) {
    size_t at = 0;
    for (size_t i = 0; at < name.size_bytes; i++) {
        uint32_t c = base_utf8_next(name, &at);
        if (!(i == 0 ? is_name_start(c) : is_name_part(c)))
            return false;
    }
    return name.size_bytes > 0;
}

static int fail(Lexer *lexer, size_t begin, size_t end, Str message) {
    *lexer->problem = (SyntaxProblem){.span = {begin, end}, .message = message};
    return BASE_E_USAGE;
}

static Token *push(Lexer *lexer, TokenKind kind, size_t begin) {
    if (lexer->list.count == lexer->capacity) {
        size_t wider = lexer->capacity == 0 ? 32 : lexer->capacity * 2;
        lexer->list.items = base_arena_grow(lexer->arena, lexer->list.items, lexer->list.count,
                                            wider, sizeof(Token));
        lexer->capacity = wider;
    }
    Token *token = &lexer->list.items[lexer->list.count++];
    *token = (Token){.kind = kind,
                     .span = {begin, lexer->at},
                     .text = {lexer->in.data + begin, lexer->at - begin}};
    return token;
}

static char peek(const Lexer *lexer, size_t ahead) {
    size_t at = lexer->at + ahead;
    return at < lexer->in.size_bytes ? lexer->in.data[at] : '\0';
}

static void skip_space(Lexer *lexer) {
    while (lexer->at < lexer->in.size_bytes) {
        char c = peek(lexer, 0);
        if (c == '-' && peek(lexer, 1) == '-') {
            while (lexer->at < lexer->in.size_bytes && peek(lexer, 0) != '\n')
                lexer->at++;
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            lexer->at++;
        } else if (c == '\xC2' && peek(lexer, 1) == '\xA0') { // a no-break space, pasted
            lexer->at += 2;
        } else {
            return;
        }
    }
}

// 'text' or "name", the quote doubled inside.
static int lex_quoted(Lexer *lexer, char quote) {
    size_t begin = lexer->at++;
    BASE_TEXT_SCOPED inside = {0};
    for (;;) {
        if (lexer->at >= lexer->in.size_bytes)
            return fail(lexer, begin, begin + 1,
                        quote == '"' ? STR("this name has no closing quote (\")")
                                     : STR("this text has no closing quote (')"));
        char c = lexer->in.data[lexer->at++];
        if (c == quote) {
            if (peek(lexer, 0) != quote)
                break;
            lexer->at++;
        }
        base_text_append_char(&inside, c);
    }
    if (quote == '"' && inside.size_bytes == 0)
        return fail(lexer, begin, lexer->at, STR("a name cannot be empty"));
    Token *token = push(lexer, quote == '"' ? TOKEN_QUOTED : TOKEN_TEXT, begin);
    token->text = base_arena_str(lexer->arena, base_text_str(&inside));
    token->value = (Value){.type = VALUE_TEXT, .text = token->text};
    return 0;
}

// Digits only, no leading minus.
static bool parse_whole(Str digits, int64_t *ret_value) {
    int64_t value = 0;
    for (size_t i = 0; i < digits.size_bytes; i++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digits.data[i] - '0', &value))
            return false;
    }
    *ret_value = value;
    return true;
}

static Value value_of_number(double number) {
    if (fabs(number) < 1e14) {
        int64_t mantissa = llround(number * 10000.0);
        if ((double)mantissa / 10000.0 == number) {
            if (mantissa % VALUE_DECIMAL_ONE == 0)
                return (Value){.type = VALUE_INTEGER, .integer = mantissa / VALUE_DECIMAL_ONE};
            return (Value){.type = VALUE_DECIMAL, .decimal = mantissa};
        }
    }
    return (Value){.type = VALUE_NUMBER, .number = number};
}

static int lex_number(Lexer *lexer) {
    size_t begin = lexer->at;
    while (is_digit((unsigned char)peek(lexer, 0)))
        lexer->at++;
    size_t whole_end = lexer->at, kept = whole_end;
    bool has_exponent = false;
    if (peek(lexer, 0) == '.' && is_digit((unsigned char)peek(lexer, 1))) {
        lexer->at++;
        while (is_digit((unsigned char)peek(lexer, 0)))
            if (lexer->in.data[lexer->at++] != '0')
                kept = lexer->at;
    }
    size_t sign = peek(lexer, 1) == '+' || peek(lexer, 1) == '-' ? 2 : 1;
    if ((peek(lexer, 0) | 32) == 'e' && is_digit((unsigned char)peek(lexer, sign))) {
        has_exponent = true;
        lexer->at += sign;
        while (is_digit((unsigned char)peek(lexer, 0)))
            lexer->at++;
    }
    if (peek(lexer, 0) == '_')
        return fail(lexer, begin, lexer->at + 1, STR("write numbers without separators, as 10000"));
    if (lexer->at - begin > NUMBER_BYTES_MAX)
        return fail(lexer, begin, lexer->at, STR("this number has too many digits"));
    Value value = {.type = VALUE_INTEGER};
    Str whole = {lexer->in.data + begin, whole_end - begin};
    if (!has_exponent && kept == whole_end) {
        if (!parse_whole(whole, &value.integer))
            return fail(lexer, begin, lexer->at,
                        STR("this number is too large: whole numbers go to 9223372036854775807"));
    } else {
        char copy[NUMBER_BYTES_MAX + 1];
        memcpy(copy, lexer->in.data + begin, lexer->at - begin);
        copy[lexer->at - begin] = '\0';
        double number = strtod(copy, NULL);
        if (!isfinite(number))
            return fail(lexer, begin, lexer->at, STR("this number is too large"));
        value = value_of_number(number);
    }
    push(lexer, TOKEN_NUMBER, begin)->value = value;
    return 0;
}

static const struct {
    const char *text;
    const char *message;
} wrong_signs[] = {
    {"==", "write = for “equals”"},
    {"&&", "write and"},
    {"||", "write or"},
    {"!", "write not"},
    {"‘", "write the straight quote ' around texts"},
    {"’", "write the straight quote ' around texts"},
    {"“", "write the straight quote \" around names, ' around texts"},
    {"”", "write the straight quote \" around names, ' around texts"},
    {"≥", "write >="},
    {"≤", "write <="},
    {"≠", "write !="},
    {"–", "write the plain minus sign -"},
    {"−", "write the plain minus sign -"},
    {"×", "write * for “times”"},
    {"÷", "write / for “divided by”"},
    {"{", "braces are not part of an expression"},
    {"%", "there is no % here: write 0.1 for 10 %"},
};

static int fail_sign(Lexer *lexer) {
    Str rest = {lexer->in.data + lexer->at, lexer->in.size_bytes - lexer->at};
    for (size_t i = 0; i < sizeof wrong_signs / sizeof wrong_signs[0]; i++) {
        Str sign = base_str_from(wrong_signs[i].text);
        if (base_str_starts(rest, sign))
            return fail(lexer, lexer->at, lexer->at + sign.size_bytes,
                        base_str_from(wrong_signs[i].message));
    }
    size_t end = lexer->at;
    uint32_t c = base_utf8_next(lexer->in, &end);
    if (c < 0x20 || c == 0x7F || c == 0xFFFD)
        return fail(lexer, lexer->at, end,
                    base_arena_printf(lexer->arena, "the character U+%04X is not allowed here", c));
    return fail(lexer, lexer->at, end,
                base_arena_printf(lexer->arena, "the character %.*s has no meaning here",
                                  (int)(end - lexer->at), lexer->in.data + lexer->at));
}

static TokenKind sign_kind(const Lexer *lexer, size_t *ret_size) {
    char c = peek(lexer, 0), next = peek(lexer, 1);
    *ret_size = 1;
    switch (c) {
    case '(':
        return TOKEN_LEFT;
    case ')':
        return TOKEN_RIGHT;
    case '[':
        return TOKEN_OPEN;
    case ']':
        return TOKEN_CLOSE;
    case ',':
        return TOKEN_COMMA;
    case '.':
        return TOKEN_DOT;
    case '+':
        return TOKEN_PLUS;
    case '-':
        return TOKEN_MINUS;
    case '*':
        return TOKEN_STAR;
    case '/':
        return TOKEN_SLASH;
    case '=':
        return next == '=' ? TOKEN_END : TOKEN_EQ;
    case '!':
        *ret_size = 2;
        return next == '=' ? TOKEN_NE : TOKEN_END;
    case '<':
        *ret_size = next == '=' || next == '>' ? 2 : 1;
        return next == '=' ? TOKEN_LE : next == '>' ? TOKEN_NE : TOKEN_LT;
    case '>':
        *ret_size = next == '=' ? 2 : 1;
        return next == '=' ? TOKEN_GE : TOKEN_GT;
    default:
        return TOKEN_END;
    }
}

static int lex_one(Lexer *lexer) {
    size_t begin = lexer->at, size = 0;
    char c = peek(lexer, 0);
    if (is_digit((unsigned char)c))
        return lex_number(lexer);
    if (c == '\'' || c == '"')
        return lex_quoted(lexer, c);
    TokenKind kind = sign_kind(lexer, &size);
    if (kind != TOKEN_END) {
        lexer->at += size;
        push(lexer, kind, begin);
        return 0;
    }
    size_t end = lexer->at;
    if (!is_name_start(base_utf8_next(lexer->in, &end)))
        return fail_sign(lexer);
    while (end < lexer->in.size_bytes) {
        size_t next = end;
        if (!is_name_part(base_utf8_next(lexer->in, &next)))
            break;
        end = next;
    }
    lexer->at = end;
    push(lexer, TOKEN_NAME, begin);
    return 0;
}

int lang_token_split(Arena *arena, Str expression, TokenList *ret_list,
                     SyntaxProblem *ret_problem) {
    Lexer lexer = {.arena = arena, .in = expression, .problem = ret_problem};
    size_t bad = base_utf8_invalid(expression);
    int rc = 0;
    if (expression.size_bytes > LANG_EXPRESSION_BYTES_MAX)
        rc =
            fail(&lexer, 0, 1, STR("this expression is longer than 64 KiB; split it into metrics"));
    else if (bad < expression.size_bytes)
        rc = fail(&lexer, bad, bad + 1, STR("this is not UTF-8 text"));
    while (rc == 0) {
        skip_space(&lexer);
        if (lexer.at >= expression.size_bytes)
            break;
        rc = lex_one(&lexer);
    }
    push(&lexer, TOKEN_END, lexer.at < expression.size_bytes ? lexer.at : expression.size_bytes);
    Token *end = &lexer.list.items[lexer.list.count - 1];
    end->text = (Str){0};
    end->span.end = end->span.begin;
    *ret_list = lexer.list;
    return rc;
}
