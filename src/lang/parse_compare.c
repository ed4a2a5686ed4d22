// Comparisons: what stands between two operands, or after one.

#include "lang/parse_private.h"

static bool compare_sign(const Parser *parser, CompareOp *ret_op) {
    TokenKind kind = parse_peek(parser, 0)->kind;
    if (kind < TOKEN_EQ || kind > TOKEN_GE)
        return false;
    *ret_op = (CompareOp)((int)kind - TOKEN_EQ + COMPARE_EQ);
    return true;
}

static Syntax *comparison(Parser *parser, SyntaxKind kind, const Syntax *left, bool is_negated) {
    Syntax *syntax = parse_new(parser, kind, left->span.begin);
    syntax->is_negated = is_negated;
    parse_add_arg(parser, syntax, left);
    return syntax;
}

static const Syntax *in_list(Parser *parser, const Syntax *left, bool is_negated) {
    Syntax *syntax = comparison(parser, SYNTAX_IN, left, is_negated);
    if (!parse_expect(parser, TOKEN_LEFT, "an opening parenthesis: in ('a', 'b')"))
        return NULL;
    do {
        size_t begin = parse_peek(parser, 0)->span.begin;
        bool is_minus = parse_is_kind(parser, 1, TOKEN_NUMBER) && parse_take(parser, TOKEN_MINUS);
        const Syntax *item = parse_literal_or_null(parser);
        if (item == NULL)
            return parse_fail_expected(parser, "a plain value such as 'a' or 5 in the list");
        if (is_minus) {
            Syntax *negative = parse_new(parser, SYNTAX_NEGATE, begin);
            parse_add_arg(parser, negative, item);
            item = parse_finish(parser, negative);
        }
        if (item == NULL)
            return NULL;
        if (syntax->arg_count > LANG_LITERAL_LIST_MAX)
            return parse_fail(parser, item->span,
                              "a list holds at most %d values; use a static "
                              "list of customers or several lists",
                              LANG_LITERAL_LIST_MAX);
        parse_add_arg(parser, syntax, item);
    } while (parse_take(parser, TOKEN_COMMA));
    return parse_expect(parser, TOKEN_RIGHT, "a comma or a closing parenthesis")
               ? parse_finish(parser, syntax)
               : NULL;
}

static const Syntax *between(Parser *parser, const Syntax *left, bool is_negated) {
    Syntax *syntax = comparison(parser, SYNTAX_BETWEEN, left, is_negated);
    const Syntax *low = parse_sum(parser);
    if (low == NULL)
        return NULL;
    if (!parse_take_word(parser, "and"))
        return parse_fail_expected(parser, "`and` and the upper end: between 1 and 5");
    const Syntax *high = parse_sum(parser);
    if (high == NULL)
        return NULL;
    parse_add_arg(parser, syntax, low);
    parse_add_arg(parser, syntax, high);
    return parse_finish(parser, syntax);
}

static bool match_word(Parser *parser, MatchOp *ret_match) {
    static const struct {
        const char *word;
        MatchOp match;
    } words[] = {{"like", MATCH_LIKE},
                 {"ilike", MATCH_ILIKE},
                 {"contains", MATCH_CONTAINS},
                 {"matches", MATCH_REGEX}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (parse_take_word(parser, words[i].word)) {
            *ret_match = words[i].match;
            return true;
        }
    }
    bool is_start = parse_is_word(parser, 0, "starts");
    if ((is_start || parse_is_word(parser, 0, "ends")) && parse_is_word(parser, 1, "with")) {
        parser->at += 2;
        *ret_match = is_start ? MATCH_STARTS : MATCH_ENDS;
        return true;
    }
    return false;
}

static const Syntax *match_text(Parser *parser, const Syntax *left, MatchOp match,
                                bool is_negated) {
    Syntax *syntax = comparison(parser, SYNTAX_MATCH, left, is_negated);
    syntax->match = match;
    if (!parse_is_kind(parser, 0, TOKEN_TEXT))
        return parse_fail_expected(parser, "a text in single quotes");
    parse_add_arg(parser, syntax, parse_literal_or_null(parser));
    if ((match == MATCH_LIKE || match == MATCH_ILIKE) && parse_take_word(parser, "escape")) {
        const Token *token = parse_next(parser);
        if (token->kind != TOKEN_TEXT || token->text.size_bytes != 1)
            return parse_fail(parser, token->span, "escape takes one character, as in escape '!'");
        syntax->escape = token->text.data[0];
    }
    return parse_finish(parser, syntax);
}

// holiday('Christmas Day' [, 'GB'] [observed])
static const Syntax *holiday(Parser *parser, Syntax *syntax) {
    if (!parse_take_word(parser, "holiday") || !parse_take(parser, TOKEN_LEFT))
        return parse_fail_expected(parser, "holiday('…')");
    const Token *name = parse_next(parser);
    if (name->kind != TOKEN_TEXT)
        return parse_fail(parser, name->span, "a holiday's name is a text: 'Christmas Day'");
    syntax->holiday.name = name->text;
    syntax->name_span = name->span;
    while (!parse_is_kind(parser, 0, TOKEN_RIGHT)) {
        (void)parse_take(parser, TOKEN_COMMA);
        const Token *token = parse_peek(parser, 0);
        if (parse_take_word(parser, "observed"))
            syntax->holiday.is_observed = true;
        else if (token->kind == TOKEN_TEXT && syntax->holiday.country.size_bytes == 0)
            syntax->holiday.country = parse_next(parser)->text;
        else
            return parse_fail_expected(parser, "a country such as 'GB', `observed` or a closing "
                                               "parenthesis");
    }
    parser->at++;
    return parse_finish(parser, syntax);
}

// The length after `within`, at least 1.
static bool within_amount(Parser *parser, SyntaxAmount *ret_amount) {
    if (!parse_amount(parser, ret_amount))
        return false;
    if (ret_amount->n >= 1)
        return true;
    parse_fail(parser, ret_amount->span, "this must be at least 1");
    return false;
}

static const Syntax *within(Parser *parser, const Syntax *left, bool is_negated) {
    parser->at++;
    bool is_last = parse_is_word(parser, 0, "last");
    if (is_last || parse_is_word(parser, 0, "next")) {
        parser->at++;
        Syntax *syntax = comparison(parser, SYNTAX_WITHIN, left, is_negated);
        syntax->is_next = !is_last;
        return within_amount(parser, &syntax->within) ? parse_finish(parser, syntax) : NULL;
    }
    Syntax *syntax = comparison(parser, SYNTAX_HOLIDAY, left, is_negated);
    if (!within_amount(parser, &syntax->within))
        return NULL;
    if (syntax->within.unit != UNIT_DAY && syntax->within.unit != UNIT_WEEK)
        return parse_fail(parser, syntax->within.span,
                          "the distance to a holiday is in days or weeks");
    syntax->holiday.days = syntax->within.n * (syntax->within.unit == UNIT_WEEK ? 7 : 1);
    bool is_before = parse_is_word(parser, 0, "before");
    if (!is_before && !parse_is_word(parser, 0, "after"))
        return parse_fail_expected(parser, "before or after, as in within 7 days before "
                                           "holiday('…'), or within last 7 days");
    parser->at++;
    syntax->holiday.side = is_before ? HOLIDAY_BEFORE : HOLIDAY_AFTER;
    return holiday(parser, syntax);
}

// `within` goes on as a comparison, not as the window of an aggregate or a step's limit.
static bool is_within_comparison(const Parser *parser) {
    if (!parse_is_word(parser, 0, "within"))
        return false;
    return parse_is_word(parser, 1, "last") || parse_is_word(parser, 1, "next") ||
           parse_is_holiday_within(parser);
}

static const Syntax *negatable(Parser *parser, const Syntax *left, bool is_negated) {
    MatchOp match;
    if (parse_take_word(parser, "in"))
        return in_list(parser, left, is_negated);
    if (parse_take_word(parser, "between"))
        return between(parser, left, is_negated);
    if (match_word(parser, &match))
        return match_text(parser, left, match, is_negated);
    return parse_fail_expected(parser, "in, between, like, ilike, contains, starts with, ends with "
                                       "or matches after not");
}

static bool is_match_next(const Parser *parser) {
    Parser copy = *parser;
    MatchOp match;
    return match_word(&copy, &match);
}

const Syntax *parse_compare(Parser *parser) {
    const Syntax *left = parse_sum(parser);
    CompareOp op;
    if (left == NULL)
        return NULL;
    if (compare_sign(parser, &op)) {
        parser->at++;
        const Syntax *right = parse_sum(parser);
        if (right == NULL)
            return NULL;
        Syntax *syntax = comparison(parser, SYNTAX_COMPARE, left, false);
        syntax->compare = op;
        parse_add_arg(parser, syntax, right);
        if (compare_sign(parser, &op))
            return parse_fail(parser, parse_peek(parser, 0)->span,
                              "comparisons cannot be chained: write a < b and b < c, or between");
        return parse_finish(parser, syntax);
    }
    if (parse_take_word(parser, "not"))
        return negatable(parser, left, true);
    if ((parse_is_word(parser, 0, "in") && !parse_is_in_all(parser)) ||
        parse_is_word(parser, 0, "between") || is_match_next(parser))
        return negatable(parser, left, false);
    if (parse_take_word(parser, "is")) {
        bool is_negated = parse_take_word(parser, "not");
        if (!parse_take_word(parser, "null"))
            return parse_fail_expected(parser, "null (or not null) after is; for a value write =");
        return parse_finish(parser, comparison(parser, SYNTAX_IS_NULL, left, is_negated));
    }
    if (is_within_comparison(parser))
        return within(parser, left, false);
    if (parse_is_word(parser, 0, "on") && parse_is_word(parser, 1, "holiday")) {
        parser->at++;
        return holiday(parser, comparison(parser, SYNTAX_HOLIDAY, left, false));
    }
    return left;
}
