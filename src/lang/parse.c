#include "lang/parse.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"
#include "lang/diagnostic.h"
#include "lang/parse_private.h"

#define MESSAGE_BYTES_MAX 1024

const Token *parse_peek(const Parser *parser, size_t ahead) {
    size_t at = parser->at + ahead;
    return &parser->tokens.items[at < parser->tokens.count ? at : parser->tokens.count - 1];
}

const Token *parse_next(Parser *parser) {
    const Token *token = parse_peek(parser, 0);
    if (token->kind != TOKEN_END)
        parser->at++;
    return token;
}

bool parse_is_kind(const Parser *parser, size_t ahead, TokenKind kind) {
    return parse_peek(parser, ahead)->kind == kind;
}

bool parse_is_word(const Parser *parser, size_t ahead, const char *word) {
    const Token *token = parse_peek(parser, ahead);
    return token->kind == TOKEN_NAME && lang_token_word_equal(token->text, word);
}

bool parse_take_word(Parser *parser, const char *word) {
    if (!parse_is_word(parser, 0, word))
        return false;
    parser->at++;
    return true;
}

bool parse_take(Parser *parser, TokenKind kind) {
    if (!parse_is_kind(parser, 0, kind))
        return false;
    if (kind != TOKEN_END)
        parser->at++;
    return true;
}

size_t parse_end(const Parser *parser) {
    return parser->at == 0 ? 0 : parser->tokens.items[parser->at - 1].span.end;
}

static void add_problem(Parser *parser, SyntaxSpan span, Str message) {
    SyntaxProblem *problem = base_arena_alloc(parser->arena, sizeof *problem);
    *problem = (SyntaxProblem){.span = span, .message = message};
    if (parser->last_problem == NULL)
        parser->problems = problem;
    else
        parser->last_problem->next = problem;
    parser->last_problem = problem;
}

void *parse_fail(Parser *parser, SyntaxSpan span, const char *format, ...) {
    if (parser->is_failed)
        return NULL;
    parser->is_failed = true;
    char message[MESSAGE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    add_problem(parser, span, base_arena_str(parser->arena, base_str_from(message)));
    return NULL;
}

void *parse_fail_expected(Parser *parser, const char *expected) {
    const Token *token = parse_peek(parser, 0);
    if (token->kind == TOKEN_END)
        return parse_fail(parser, token->span, "the expression ends here; %s is missing", expected);
    size_t size = token->span.end - token->span.begin;
    return parse_fail(parser, token->span, "expected %s, not %.*s", expected,
                      (int)(size > 60 ? 60 : size), parser->in.data + token->span.begin);
}

void parse_unavailable(Parser *parser, SyntaxSpan span, const char *what) {
    if (!parser->is_failed)
        add_problem(parser, span,
                    base_arena_printf(parser->arena, "%s is not available yet", what));
}

bool parse_expect(Parser *parser, TokenKind kind, const char *expected) {
    if (parse_take(parser, kind))
        return true;
    parse_fail_expected(parser, expected);
    return false;
}

Syntax *parse_new(Parser *parser, SyntaxKind kind, size_t begin) {
    Syntax *syntax = base_arena_alloc(parser->arena, sizeof *syntax);
    *syntax = (Syntax){.kind = kind, .span = {begin, begin}, .depth = 1};
    return syntax;
}

void parse_add_arg(Parser *parser, Syntax *syntax, const Syntax *arg) {
    size_t count = syntax->arg_count;
    if ((count & (count - 1)) == 0) // full at each power of two
        syntax->args = base_arena_grow(parser->arena, (void *)syntax->args, count,
                                       count == 0 ? 1 : count * 2, sizeof(Syntax *));
    syntax->args[syntax->arg_count++] = arg;
    if (arg->depth >= syntax->depth)
        syntax->depth = arg->depth + 1;
}

static void *fail_depth(Parser *parser, SyntaxSpan span) {
    return parse_fail(parser, span,
                      "this expression is nested more than %d levels deep; split it into metrics",
                      LANG_EXPRESSION_DEPTH_MAX);
}

Syntax *parse_finish(Parser *parser, Syntax *syntax) {
    if (parser->is_failed)
        return NULL;
    syntax->span.end = parse_end(parser);
    if (syntax->depth > LANG_EXPRESSION_DEPTH_MAX)
        return fail_depth(parser, syntax->span);
    return syntax;
}

bool parse_skip_parenthesis(Parser *parser) {
    size_t opened = parse_end(parser) - 1;
    for (int open = 1; open > 0;) {
        const Token *token = parse_next(parser);
        if (token->kind == TOKEN_END) {
            parse_fail(parser, (SyntaxSpan){opened, opened + 1},
                       "this parenthesis is never closed");
            return false;
        }
        open += token->kind == TOKEN_LEFT ? 1 : token->kind == TOKEN_RIGHT ? -1 : 0;
    }
    return true;
}

// Words that end an operand and so cannot be names without quotes.
static bool is_reserved(Str word) {
    static const char *const reserved[] = {"and",  "or",    "not",    "in",       "between", "is",
                                           "null", "like",  "ilike",  "contains", "matches", "then",
                                           "by",   "where", "within", "on"};
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (lang_token_word_equal(word, reserved[i]))
            return true;
    }
    return false;
}

bool parse_name_parts(Parser *parser, Str *ret_name) {
    BASE_TEXT_SCOPED joined = {0};
    for (;;) {
        const Token *token = parse_peek(parser, 0);
        if (token->kind != TOKEN_NAME && token->kind != TOKEN_QUOTED) {
            parse_fail_expected(parser, "a name");
            return false;
        }
        parser->at++;
        base_text_append(&joined, token->text);
        if (!parse_is_kind(parser, 0, TOKEN_DOT) || parse_is_kind(parser, 1, TOKEN_LEFT))
            break;
        parser->at++;
        base_text_append_char(&joined, '.');
    }
    *ret_name = base_arena_str(parser->arena, base_text_str(&joined));
    return true;
}

static int64_t amount_years(int64_t n, CalendarUnit unit) {
    static const int64_t per_year[] = {31536000, 525600, 8760, 365, 52, 12, 4, 1};
    return n / per_year[unit];
}

bool parse_amount(Parser *parser, SyntaxAmount *ret_amount) {
    const Token *number = parse_peek(parser, 0);
    if (number->kind != TOKEN_NUMBER) {
        parse_fail_expected(parser, "a number and a unit, as in 30 days");
        return false;
    }
    if (number->value.type != VALUE_INTEGER) {
        parse_fail(parser, number->span,
                   "write a whole number of units: 90 minutes, not 1.5 hours");
        return false;
    }
    parser->at++;
    const Token *word = parse_peek(parser, 0);
    CalendarUnit unit;
    if (word->kind != TOKEN_NAME || !lang_unit_parse(word->text, &unit)) {
        static const Str units[] = {STR("seconds"), STR("minutes"), STR("hours"),    STR("days"),
                                    STR("weeks"),   STR("months"),  STR("quarters"), STR("years")};
        Str near =
            word->kind == TOKEN_NAME ? lang_suggest(parser->arena, word->text, units, 8) : (Str){0};
        if (near.size_bytes > 0)
            parse_fail(parser, word->span, "%.*s is no unit of time; did you mean %.*s?",
                       STR_ARG(word->text), STR_ARG(near));
        else
            parse_fail_expected(parser, "a unit: seconds, minutes, hours, days, weeks, months, "
                                        "quarters or years");
        return false;
    }
    parser->at++;
    SyntaxSpan span = {number->span.begin, word->span.end};
    if (amount_years(number->value.integer, unit) > LANG_AMOUNT_YEARS_MAX) {
        parse_fail(parser, span, "this is longer than %d years", LANG_AMOUNT_YEARS_MAX);
        return false;
    }
    *ret_amount = (SyntaxAmount){.n = number->value.integer, .unit = unit, .span = span};
    return true;
}

static Value duration_of(SyntaxAmount amount) {
    static const int64_t seconds[] = {1, 60, 3600, 86400, 604800, 0, 0, 0};
    static const int64_t months[] = {0, 0, 0, 0, 0, 1, 3, 12};
    Value value = {.type = VALUE_DURATION};
    value.duration.months = amount.n * months[amount.unit];
    value.duration.us = amount.n * seconds[amount.unit] * CALENDAR_US_PER_SECOND;
    return value;
}

static const Syntax *literal(Parser *parser, size_t begin, Value value) {
    Syntax *syntax = parse_new(parser, SYNTAX_LITERAL, begin);
    syntax->value = value;
    return parse_finish(parser, syntax);
}

// time '…' and date '…': the text is kept, the checker reads it in the model's zone.
static const Syntax *time_literal(Parser *parser, size_t begin, bool is_date) {
    parser->at++;
    const Token *text = parse_next(parser);
    Syntax *syntax = parse_new(parser, SYNTAX_LITERAL, begin);
    syntax->value = (Value){.type = is_date ? VALUE_DATE : VALUE_TIME};
    syntax->name = text->text;
    return parse_finish(parser, syntax);
}

const Syntax *parse_literal_or_null(Parser *parser) {
    const Token *token = parse_peek(parser, 0);
    size_t begin = token->span.begin;
    CalendarUnit unit;
    if (token->kind == TOKEN_TEXT) {
        parser->at++;
        return literal(parser, begin, token->value);
    }
    if (token->kind == TOKEN_NUMBER) {
        const Token *after = parse_peek(parser, 1);
        if (after->kind == TOKEN_NAME && lang_unit_parse(after->text, &unit)) {
            SyntaxAmount amount;
            return parse_amount(parser, &amount) ? literal(parser, begin, duration_of(amount))
                                                 : NULL;
        }
        parser->at++;
        return literal(parser, begin, token->value);
    }
    if (token->kind != TOKEN_NAME)
        return NULL;
    bool is_true = parse_is_word(parser, 0, "true");
    if (is_true || parse_is_word(parser, 0, "false")) {
        parser->at++;
        return literal(parser, begin, (Value){.type = VALUE_BOOLEAN, .boolean = is_true});
    }
    if (parse_take_word(parser, "null"))
        return literal(parser, begin, data_value_null(VALUE_NULL));
    if (parse_is_kind(parser, 1, TOKEN_TEXT) &&
        (parse_is_word(parser, 0, "date") || parse_is_word(parser, 0, "time")))
        return time_literal(parser, begin, parse_is_word(parser, 0, "date"));
    return NULL;
}

// ---- calls ----

static const char *const unavailable_calls[] = {"cluster", "score", "consent"};

static const Syntax *unavailable(Parser *parser, size_t begin, const char *what) {
    parse_unavailable(parser, (SyntaxSpan){begin, parse_end(parser)}, what);
    while (!parse_is_kind(parser, 0, TOKEN_LEFT))
        parser->at++;
    parser->at++;
    if (!parse_skip_parenthesis(parser))
        return NULL;
    return parse_finish(parser, parse_new(parser, SYNTAX_UNAVAILABLE, begin));
}

static const Syntax *segment_call(Parser *parser, size_t begin) {
    Syntax *syntax = parse_new(parser, SYNTAX_SEGMENT, begin);
    if (!parse_segment_name(parser, syntax))
        return NULL;
    return parse_expect(parser, TOKEN_RIGHT, "a closing parenthesis after the segment's name")
               ? parse_finish(parser, syntax)
               : NULL;
}

static const Syntax *fit_call(Parser *parser, size_t begin, FitKind kind) {
    Syntax *syntax = parse_new(parser, SYNTAX_FIT, begin);
    syntax->fit = kind;
    const Syntax *x = parse_expression(parser);
    if (x == NULL)
        return NULL;
    parse_add_arg(parser, syntax, x);
    if (kind == FIT_NTILE) {
        if (!parse_expect(parser, TOKEN_COMMA, "a comma and the number of tiles: ntile(x, 5)"))
            return NULL;
        const Token *tiles = parse_next(parser);
        if (tiles->kind != TOKEN_NUMBER || tiles->value.type != VALUE_INTEGER ||
            tiles->value.integer < 2 || tiles->value.integer > 1000)
            return parse_fail(parser, tiles->span,
                              "the number of tiles is a whole number from 2 to 1000");
        syntax->tiles = tiles->value.integer;
    }
    if (kind == FIT_TOP) {
        if (!parse_expect(parser, TOKEN_COMMA, "a comma and how many customers: top(x, 100)"))
            return NULL;
        const Token *number = parse_next(parser);
        if (number->kind != TOKEN_NUMBER || number->value.type != VALUE_INTEGER ||
            number->value.integer < 1 || number->value.integer > LANG_TOP_MAX)
            return parse_fail(parser, number->span,
                              "the number of customers is a whole number from 1 to %d",
                              LANG_TOP_MAX);
        syntax->tiles = number->value.integer;
    }
    if (parse_take_word(parser, "where")) {
        const Syntax *where = parse_expression(parser);
        if (where == NULL)
            return NULL;
        parse_add_arg(parser, syntax, where);
    }
    return parse_expect(parser, TOKEN_RIGHT, "a closing parenthesis") ? parse_finish(parser, syntax)
                                                                      : NULL;
}

static const Syntax *unknown_call(Parser *parser, const Token *name) {
    Str known[(size_t)CALL_FUNCTION_COUNT + AGGREGATE_FUNCTION_COUNT + 16];
    static const char *const others[] = {"sequence", "segment", "ntile",   "percentile",
                                         "top",      "most",    "fewest",  "holiday",
                                         "was",      "changed", "entered", "exited"};
    size_t count = 0;
    for (int i = 0; i < CALL_FUNCTION_COUNT; i++)
        known[count++] = base_str_from(lang_call_name((CallFunction)i));
    for (int i = 0; i < AGGREGATE_FUNCTION_COUNT; i++)
        known[count++] = base_str_from(lang_aggregate_name((AggregateFunction)i));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        known[count++] = base_str_from(others[i]);
    for (size_t i = 0; i < sizeof unavailable_calls / sizeof unavailable_calls[0]; i++)
        known[count++] = base_str_from(unavailable_calls[i]);
    Str near = lang_suggest(parser->arena, name->text, known, count);
    if (near.size_bytes > 0)
        return parse_fail(parser, name->span, "there is no function %.*s; did you mean %.*s?",
                          STR_ARG(name->text), STR_ARG(near));
    return parse_fail(parser, name->span, "there is no function %.*s", STR_ARG(name->text));
}

static const Syntax *call(Parser *parser) {
    const Token *name = parse_next(parser);
    size_t begin = name->span.begin;
    for (size_t i = 0; i < sizeof unavailable_calls / sizeof unavailable_calls[0]; i++) {
        if (lang_token_word_equal(name->text, unavailable_calls[i]))
            return unavailable(parser, begin, unavailable_calls[i]);
    }
    CallFunction function;
    bool is_call = lang_call_parse(name->text, &function);
    parser->at++;
    if (lang_token_word_equal(name->text, "segment"))
        return segment_call(parser, begin);
    if (lang_token_word_equal(name->text, "ntile"))
        return fit_call(parser, begin, FIT_NTILE);
    if (lang_token_word_equal(name->text, "percentile"))
        return fit_call(parser, begin, FIT_PERCENTILE);
    if (lang_token_word_equal(name->text, "top"))
        return fit_call(parser, begin, FIT_TOP);
    if (lang_token_word_equal(name->text, "was"))
        return parse_was(parser, begin);
    if (lang_token_word_equal(name->text, "changed"))
        return parse_changed(parser, begin);
    bool is_entered = lang_token_word_equal(name->text, "entered");
    if (is_entered || lang_token_word_equal(name->text, "exited"))
        return parse_moved(parser, begin, is_entered ? HISTORY_ENTERED : HISTORY_EXITED);
    if (!is_call)
        return unknown_call(parser, name);
    Syntax *syntax = parse_new(parser, SYNTAX_CALL, begin);
    syntax->name = base_str_from(lang_call_name(function));
    syntax->name_span = name->span;
    if (!parse_is_kind(parser, 0, TOKEN_RIGHT)) {
        do {
            const Syntax *arg = parse_expression(parser);
            if (arg == NULL)
                return NULL;
            if (syntax->arg_count == LANG_LITERAL_LIST_MAX)
                return parse_fail(parser, arg->span, "a call takes at most %d arguments",
                                  LANG_LITERAL_LIST_MAX);
            parse_add_arg(parser, syntax, arg);
        } while (parse_take(parser, TOKEN_COMMA));
    }
    return parse_expect(parser, TOKEN_RIGHT, "a comma or a closing parenthesis")
               ? parse_finish(parser, syntax)
               : NULL;
}

// ---- operands ----

static const Syntax *named(Parser *parser) {
    const Token *first = parse_peek(parser, 0);
    AggregateFunction function;
    if (first->kind == TOKEN_NAME && parse_is_kind(parser, 1, TOKEN_LEFT)) {
        if (lang_token_word_equal(first->text, "sequence"))
            return parse_sequence(parser);
        if (lang_aggregate_parse(first->text, &function) ||
            lang_token_word_equal(first->text, "most") ||
            lang_token_word_equal(first->text, "fewest"))
            return parse_aggregate(parser);
        return call(parser);
    }
    if (parse_is_word(parser, 0, "account") && parse_is_kind(parser, 1, TOKEN_DOT) &&
        parse_is_kind(parser, 3, TOKEN_LEFT)) {
        parser->at += 3;
        return unavailable(parser, first->span.begin, "account");
    }
    if (first->kind == TOKEN_NAME && is_reserved(first->text))
        return parse_fail_expected(parser, "a value");
    Syntax *syntax = parse_new(parser, SYNTAX_NAME, first->span.begin);
    syntax->is_quoted = first->kind == TOKEN_QUOTED;
    return parse_name_parts(parser, &syntax->name) ? parse_finish(parser, syntax) : NULL;
}

static const Syntax *primary(Parser *parser) {
    const Token *token = parse_peek(parser, 0);
    const Syntax *value = parse_literal_or_null(parser);
    if (value != NULL || parser->is_failed)
        return value;
    if (token->kind == TOKEN_LEFT) {
        parser->at++;
        const Syntax *inside = parse_expression(parser);
        if (inside == NULL)
            return NULL;
        return parse_expect(parser, TOKEN_RIGHT, "a closing parenthesis") ? inside : NULL;
    }
    if (parse_is_word(parser, 0, "in") && parse_is_kind(parser, 1, TOKEN_LEFT))
        return parse_stayed(parser);
    if (parse_is_word(parser, 0, "now") && !parse_is_kind(parser, 1, TOKEN_LEFT)) {
        parser->at++;
        return parse_finish(parser, parse_new(parser, SYNTAX_NOW, token->span.begin));
    }
    if (token->kind == TOKEN_NAME || token->kind == TOKEN_QUOTED)
        return named(parser);
    return parse_fail_expected(parser, "a value");
}

static bool enter(Parser *parser) {
    if (++parser->depth <= LANG_EXPRESSION_DEPTH_MAX)
        return true;
    fail_depth(parser, parse_peek(parser, 0)->span);
    return false;
}

static const Syntax *unary(Parser *parser) {
    const Token *minus = parse_peek(parser, 0);
    if (!parse_take(parser, TOKEN_MINUS))
        return primary(parser);
    const Syntax *operand = NULL;
    if (enter(parser))
        operand = unary(parser);
    parser->depth--;
    if (operand == NULL)
        return NULL;
    Syntax *syntax = parse_new(parser, SYNTAX_NEGATE, minus->span.begin);
    parse_add_arg(parser, syntax, operand);
    return parse_finish(parser, syntax);
}

static bool arithmetic_sign(const Parser *parser, bool is_product, NodeKind *ret_node) {
    switch (parse_peek(parser, 0)->kind) {
    case TOKEN_PLUS:
        *ret_node = NODE_ADD;
        return !is_product;
    case TOKEN_MINUS:
        *ret_node = NODE_SUBTRACT;
        return !is_product;
    case TOKEN_STAR:
        *ret_node = NODE_MULTIPLY;
        return is_product;
    case TOKEN_SLASH:
        *ret_node = NODE_DIVIDE;
        return is_product;
    default:
        return false;
    }
}

// sum (products of `+` and `-`) or product (of `*` and `/`), from left to right.
static const Syntax *arithmetic(Parser *parser, bool is_product) {
    const Syntax *left = is_product ? unary(parser) : arithmetic(parser, true);
    NodeKind node;
    while (left != NULL && arithmetic_sign(parser, is_product, &node)) {
        parser->at++;
        const Syntax *right = is_product ? unary(parser) : arithmetic(parser, true);
        if (right == NULL)
            return NULL;
        Syntax *syntax = parse_new(parser, SYNTAX_ARITHMETIC, left->span.begin);
        syntax->node = node;
        parse_add_arg(parser, syntax, left);
        parse_add_arg(parser, syntax, right);
        left = parse_finish(parser, syntax);
    }
    return left;
}

const Syntax *parse_sum(Parser *parser) {
    return arithmetic(parser, false);
}

static const Syntax *negation(Parser *parser) {
    const Token *word = parse_peek(parser, 0);
    if (!parse_take_word(parser, "not"))
        return parse_compare(parser);
    const Syntax *operand = NULL;
    if (enter(parser))
        operand = negation(parser);
    parser->depth--;
    if (operand == NULL)
        return NULL;
    Syntax *syntax = parse_new(parser, SYNTAX_NOT, word->span.begin);
    parse_add_arg(parser, syntax, operand);
    return parse_finish(parser, syntax);
}

static const Syntax *conjunction(Parser *parser, bool is_or) {
    const char *word = is_or ? "or" : "and";
    const Syntax *first = is_or ? conjunction(parser, false) : negation(parser);
    if (first == NULL || !parse_is_word(parser, 0, word))
        return first;
    Syntax *syntax = parse_new(parser, is_or ? SYNTAX_OR : SYNTAX_AND, first->span.begin);
    parse_add_arg(parser, syntax, first);
    while (parse_take_word(parser, word)) {
        const Syntax *next = is_or ? conjunction(parser, false) : negation(parser);
        if (next == NULL)
            return NULL;
        parse_add_arg(parser, syntax, next);
    }
    return parse_finish(parser, syntax);
}

const Syntax *parse_expression(Parser *parser) {
    const Syntax *syntax = NULL;
    if (enter(parser))
        syntax = conjunction(parser, true);
    parser->depth--;
    return syntax;
}

// What follows a whole expression: a misspelt `and`, a missing operator.
static void fail_rest(Parser *parser) {
    static const Str words[] = {STR("and"),     STR("or"),          STR("in"),     STR("between"),
                                STR("is"),      STR("like"),        STR("ilike"),  STR("contains"),
                                STR("matches"), STR("starts with"), STR("within"), STR("not")};
    const Token *token = parse_peek(parser, 0);
    if (token->kind == TOKEN_RIGHT) {
        parse_fail(parser, token->span, "this parenthesis closes nothing");
        return;
    }
    if (parse_is_word(parser, 0, "within")) {
        parse_fail(parser, token->span,
                   "after within comes last or next and a length, or a length "
                   "and before or after holiday('…')");
        return;
    }
    Str near = token->kind == TOKEN_NAME
                   ? lang_suggest(parser->arena, token->text, words, sizeof words / sizeof words[0])
                   : (Str){0};
    if (near.size_bytes > 0)
        parse_fail(parser, token->span, "%.*s is not understood here; did you mean %.*s?",
                   STR_ARG(token->text), STR_ARG(near));
    else
        parse_fail_expected(parser, "an operator such as and, or, =, >= or the end");
}

int lang_parse(Arena *arena, Str expression, const Syntax **ret_syntax,
               const SyntaxProblem **ret_problems) {
    Parser parser = {.arena = arena, .in = expression};
    SyntaxProblem lexical;
    *ret_problems = NULL;
    if (lang_token_split(arena, expression, &parser.tokens, &lexical) != 0) {
        add_problem(&parser, lexical.span, lexical.message);
        *ret_problems = parser.problems;
        return BASE_E_USAGE;
    }
    const Syntax *syntax = NULL;
    if (parser.tokens.count == 1)
        parse_fail(&parser, (SyntaxSpan){0, 0}, "the expression is empty");
    else
        syntax = parse_expression(&parser);
    if (syntax != NULL && !parse_is_kind(&parser, 0, TOKEN_END))
        fail_rest(&parser);
    *ret_problems = parser.problems;
    if (parser.problems != NULL)
        return BASE_E_USAGE;
    *ret_syntax = syntax;
    return 0;
}
