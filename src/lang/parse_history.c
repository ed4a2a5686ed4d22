// Calls that look back in a customer's history: was, changed, entered, exited, in … for.

#include "lang/parse_private.h"

static bool trait_name(Parser *parser, Syntax *syntax) {
    size_t begin = parse_peek(parser, 0)->span.begin;
    if (!parse_name_parts(parser, &syntax->name))
        return false;
    syntax->name_span = (SyntaxSpan){begin, parse_end(parser)};
    return true;
}

// was ( trait , t )
const Syntax *parse_was(Parser *parser, size_t begin) {
    Syntax *syntax = parse_new(parser, SYNTAX_WAS, begin);
    if (!trait_name(parser, syntax) ||
        !parse_expect(parser, TOKEN_COMMA, "a comma and an instant: was(plan, now - 30 days)"))
        return NULL;
    const Syntax *instant = parse_expression(parser);
    if (instant == NULL)
        return NULL;
    parse_add_arg(parser, syntax, instant);
    return parse_expect(parser, TOKEN_RIGHT, "a closing parenthesis") ? parse_finish(parser, syntax)
                                                                      : NULL;
}

static bool is_calendar_word(const Parser *parser, size_t ahead) {
    return (parse_is_word(parser, ahead, "date") || parse_is_word(parser, ahead, "time")) &&
           parse_is_kind(parser, ahead + 1, TOKEN_TEXT);
}

// Whether the `from` that comes next begins the window, not the value changed from: `from 3 days
// ago`, `from first(order)`, and `from date '…' to date '…'` when nothing follows.
static bool is_from_window(const Parser *parser) {
    if (parse_is_kind(parser, 1, TOKEN_NUMBER)) {
        const Token *unit = parse_peek(parser, 2);
        CalendarUnit found;
        return unit->kind == TOKEN_NAME && lang_unit_parse(unit->text, &found);
    }
    if (parse_is_kind(parser, 1, TOKEN_NAME) && parse_is_kind(parser, 2, TOKEN_LEFT))
        return true;
    if (!is_calendar_word(parser, 1) || !parse_is_word(parser, 3, "to"))
        return false;
    return is_calendar_word(parser, 4) ? parse_is_kind(parser, 6, TOKEN_RIGHT)
                                       : parse_is_kind(parser, 5, TOKEN_LEFT);
}

static const Syntax *plain_value(Parser *parser) {
    size_t begin = parse_peek(parser, 0)->span.begin;
    bool is_minus = parse_is_kind(parser, 1, TOKEN_NUMBER) && parse_take(parser, TOKEN_MINUS);
    const Syntax *value = parse_literal_or_null(parser);
    if (value == NULL)
        return parse_fail_expected(parser, "a plain value such as 'gold' or 5");
    if (!is_minus)
        return value;
    Syntax *negative = parse_new(parser, SYNTAX_NEGATE, begin);
    parse_add_arg(parser, negative, value);
    return parse_finish(parser, negative);
}

// changed ( trait [from v] [to v] window )
const Syntax *parse_changed(Parser *parser, size_t begin) {
    Syntax *syntax = parse_new(parser, SYNTAX_CHANGED, begin);
    SyntaxChange *change = base_arena_alloc(parser->arena, sizeof *change);
    *change = (SyntaxChange){0};
    if (!trait_name(parser, syntax))
        return NULL;
    if (parse_is_word(parser, 0, "from") && !is_from_window(parser)) {
        parser->at++;
        change->from = plain_value(parser);
        if (change->from == NULL)
            return NULL;
    }
    if (parse_take_word(parser, "to")) {
        change->to = plain_value(parser);
        if (change->to == NULL)
            return NULL;
    }
    if (!parse_window(parser, &change->window))
        return NULL;
    if (change->window.kind == WINDOW_ALL && !parser->is_failed)
        return parse_fail_expected(parser, "a window: changed(plan to 'gold' last 30 days)");
    if (!parse_take(parser, TOKEN_RIGHT))
        return parse_fail_expected(parser, "a closing parenthesis after the window");
    syntax->change = change;
    syntax->depth = parse_window_depth(2, &change->window);
    return parse_finish(parser, syntax);
}

bool parse_segment_name(Parser *parser, Syntax *syntax) {
    const Token *name = parse_peek(parser, 0);
    if (name->kind != TOKEN_NAME && name->kind != TOKEN_QUOTED && name->kind != TOKEN_TEXT) {
        parse_fail_expected(parser, "the name of a segment");
        return false;
    }
    parser->at++;
    syntax->name = name->text;
    syntax->name_span = name->span;
    return true;
}

// entered ( segment window )
const Syntax *parse_moved(Parser *parser, size_t begin, HistoryKind kind) {
    Syntax *syntax = parse_new(parser, SYNTAX_HISTORY, begin);
    SyntaxHistory *history = base_arena_alloc(parser->arena, sizeof *history);
    *history = (SyntaxHistory){.kind = kind};
    if (!parse_segment_name(parser, syntax) || !parse_window(parser, &history->window))
        return NULL;
    if (history->window.kind == WINDOW_ALL)
        return parse_fail_expected(parser, kind == HISTORY_ENTERED
                                               ? "a window: entered(vips last 7 days)"
                                               : "a window: exited(vips last 7 days)");
    if (!parse_take(parser, TOKEN_RIGHT))
        return parse_fail_expected(parser, "a closing parenthesis after the window");
    syntax->history = history;
    syntax->depth = parse_window_depth(1, &history->window);
    return parse_finish(parser, syntax);
}

// in ( segment ) for n unit
const Syntax *parse_stayed(Parser *parser) {
    Syntax *syntax = parse_new(parser, SYNTAX_HISTORY, parse_next(parser)->span.begin);
    SyntaxHistory *history = base_arena_alloc(parser->arena, sizeof *history);
    *history = (SyntaxHistory){.kind = HISTORY_STAYED, .window.kind = WINDOW_LAST};
    parser->at++;
    if (!parse_segment_name(parser, syntax) ||
        !parse_expect(parser, TOKEN_RIGHT, "a closing parenthesis after the segment's name"))
        return NULL;
    if (!parse_take_word(parser, "for"))
        return parse_fail_expected(parser,
                                   "`for` and a length, as in in(vips) for 30 days; without "
                                   "them write segment(…)");
    if (!parse_positive_amount(parser, &history->window.amount))
        return NULL;
    history->window.span = history->window.amount.span;
    syntax->history = history;
    return parse_finish(parser, syntax);
}
