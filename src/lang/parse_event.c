// The part of the grammar that speaks of events: aggregates, windows, sequences.

#include "lang/diagnostic.h"
#include "lang/parse_private.h"

// ---- windows ----

const Syntax *parse_point(Parser *parser) {
    const Token *token = parse_peek(parser, 0);
    if (token->kind == TOKEN_TEXT)
        return parse_fail(
            parser, token->span, "write date %.*s for a day, time %.*s for an instant",
            (int)(token->span.end - token->span.begin), parser->in.data + token->span.begin,
            (int)(token->span.end - token->span.begin), parser->in.data + token->span.begin);
    if (token->kind == TOKEN_NAME && parse_is_kind(parser, 1, TOKEN_TEXT) &&
        (lang_token_word_equal(token->text, "date") || lang_token_word_equal(token->text, "time")))
        return parse_literal_or_null(parser);
    AggregateFunction function;
    if (token->kind == TOKEN_NAME && parse_is_kind(parser, 1, TOKEN_LEFT) &&
        lang_aggregate_parse(token->text, &function))
        return parse_aggregate(parser);
    return parse_fail_expected(parser, "date '…', time '…' or an aggregate that yields a time, "
                                       "such as last(order)");
}

bool parse_is_holiday_within(const Parser *parser) {
    return parse_is_word(parser, 0, "within") && parse_is_kind(parser, 1, TOKEN_NUMBER) &&
           parse_is_kind(parser, 2, TOKEN_NAME) &&
           (parse_is_word(parser, 3, "before") || parse_is_word(parser, 3, "after")) &&
           parse_is_word(parser, 4, "holiday");
}

bool parse_positive_amount(Parser *parser, SyntaxAmount *ret_amount) {
    if (!parse_amount(parser, ret_amount))
        return false;
    if (ret_amount->n >= 1)
        return true;
    parse_fail(parser, ret_amount->span, "this must be at least 1");
    return false;
}

// last n unit | last n full unit
static bool last_window(Parser *parser, SyntaxWindow *window) {
    CalendarUnit unit;
    const Token *token = parse_peek(parser, 0);
    if (token->kind == TOKEN_NAME && lang_unit_parse(token->text, &unit)) {
        parse_fail(parser, token->span,
                   "say how many: last 1 %s back from now, or previous %s for "
                   "the calendar's",
                   lang_unit_name(unit), lang_unit_name(unit));
        return false;
    }
    window->kind = WINDOW_LAST;
    if (parse_is_kind(parser, 0, TOKEN_NUMBER) && parse_is_word(parser, 1, "full")) {
        window->kind = WINDOW_LAST_FULL;
        const Token *number = parse_next(parser);
        const Token *word = parse_peek(parser, 1);
        if (number->value.type != VALUE_INTEGER || number->value.integer < 1 ||
            number->value.integer > 100000 || word->kind != TOKEN_NAME ||
            !lang_unit_parse(word->text, &window->amount.unit)) {
            parser->at++;
            parse_fail_expected(parser, "a whole number and a unit: last 3 full months");
            return false;
        }
        window->amount.n = number->value.integer;
        window->amount.span = (SyntaxSpan){number->span.begin, word->span.end};
        parser->at += 2;
        return true;
    }
    return parse_positive_amount(parser, &window->amount);
}

static double rough_seconds(SyntaxAmount amount) {
    static const double seconds[] = {1, 60, 3600, 86400, 604800, 2629746, 7889238, 31556952};
    return (double)amount.n * seconds[amount.unit];
}

// from a ago to b ago
static bool ago_window(Parser *parser, SyntaxWindow *window) {
    window->kind = WINDOW_AGO;
    if (!parse_positive_amount(parser, &window->amount))
        return false;
    if (!parse_take_word(parser, "ago")) {
        parse_fail_expected(parser, "ago, as in from 60 days ago to 30 days ago");
        return false;
    }
    if (!parse_take_word(parser, "to")) {
        parse_fail_expected(parser, "`to`, as in from 60 days ago to 30 days ago");
        return false;
    }
    if (!parse_amount(parser, &window->to_amount))
        return false;
    if (!parse_take_word(parser, "ago")) {
        parse_fail_expected(parser, "ago, as in from 60 days ago to 30 days ago");
        return false;
    }
    if (rough_seconds(window->amount) <= rough_seconds(window->to_amount)) {
        parse_fail(parser, window->to_amount.span,
                   "this window is empty: the first time must lie longer ago than the second");
        return false;
    }
    return true;
}

static bool from_window(Parser *parser, SyntaxWindow *window) {
    if (parse_is_kind(parser, 0, TOKEN_NUMBER))
        return ago_window(parser, window);
    window->kind = WINDOW_FROM_TO;
    window->from = parse_point(parser);
    if (window->from == NULL)
        return false;
    if (!parse_take_word(parser, "to")) {
        parse_fail_expected(parser, "`to` and the end of the window (without one, write since)");
        return false;
    }
    window->to = parse_point(parser);
    return window->to != NULL;
}

static bool more_than_window(Parser *parser, SyntaxWindow *window) {
    window->kind = WINDOW_MORE_THAN;
    if (!parse_take_word(parser, "than")) {
        parse_fail_expected(parser, "than, as in more than 30 days ago");
        return false;
    }
    if (!parse_positive_amount(parser, &window->amount))
        return false;
    if (parse_take_word(parser, "ago"))
        return true;
    parse_fail_expected(parser, "ago, as in more than 30 days ago");
    return false;
}

// within n unit after|before aggregate
static bool within_window(Parser *parser, SyntaxWindow *window) {
    if (!parse_positive_amount(parser, &window->amount))
        return false;
    if (parse_take_word(parser, "after"))
        window->kind = WINDOW_AFTER;
    else if (parse_take_word(parser, "before"))
        window->kind = WINDOW_PRIOR;
    else {
        parse_fail_expected(parser, "after or before, as in within 7 days after first(order)");
        return false;
    }
    window->from = parse_point(parser);
    return window->from != NULL;
}

// this|previous unit
static bool period_window(Parser *parser, SyntaxWindow *window, int32_t shift) {
    const Token *token = parse_peek(parser, 0);
    window->kind = WINDOW_PERIOD;
    window->shift = shift;
    if (token->kind != TOKEN_NAME || !lang_unit_parse(token->text, &window->amount.unit) ||
        window->amount.unit < UNIT_DAY) {
        parse_fail_expected(parser, "day, week, month, quarter or year");
        return false;
    }
    parser->at++;
    return true;
}

static bool word_window(Parser *parser, SyntaxWindow *window) {
    bool is_today = parse_take_word(parser, "today");
    if (is_today || parse_take_word(parser, "yesterday")) {
        window->kind = WINDOW_PERIOD;
        window->amount.unit = UNIT_DAY;
        window->shift = is_today ? 0 : -1;
        return true;
    }
    if (parse_take_word(parser, "last"))
        return last_window(parser, window);
    if (parse_take_word(parser, "from"))
        return from_window(parser, window);
    if (parse_take_word(parser, "more"))
        return more_than_window(parser, window);
    if (parse_take_word(parser, "this"))
        return period_window(parser, window, 0);
    if (parse_take_word(parser, "previous"))
        return period_window(parser, window, -1);
    if (parse_take_word(parser, "within"))
        return within_window(parser, window);
    if (parse_take_word(parser, "first")) {
        window->kind = WINDOW_FIRST;
        return parse_positive_amount(parser, &window->amount);
    }
    if (parse_take_word(parser, "since")) {
        window->kind = WINDOW_SINCE;
        window->from = parse_point(parser);
        return window->from != NULL;
    }
    if (parse_take_word(parser, "before")) {
        window->kind = WINDOW_BEFORE;
        window->to = parse_point(parser);
        return window->to != NULL;
    }
    if (parse_is_word(parser, 0, "next")) {
        size_t begin = parse_next(parser)->span.begin;
        if (!parse_positive_amount(parser, &window->amount))
            return false;
        parse_unavailable(parser, (SyntaxSpan){begin, parse_end(parser)},
                          "next (only in the target of a prediction)");
        return true;
    }
    return true;
}

bool parse_window(Parser *parser, SyntaxWindow *ret_window) {
    SyntaxWindow window = {.kind = WINDOW_ALL};
    window.span.begin = parse_peek(parser, 0)->span.begin;
    if (parse_is_kind(parser, 0, TOKEN_NAME) && !word_window(parser, &window))
        return false;
    window.span.end = parse_end(parser);
    *ret_window = window;
    return true;
}

// What stands where a window, `where` or the end of an aggregate should.
static void *fail_window(Parser *parser) {
    static const Str words[] = {STR("where"), STR("last"),     STR("from"),  STR("more than"),
                                STR("since"), STR("before"),   STR("today"), STR("yesterday"),
                                STR("this"),  STR("previous"), STR("first"), STR("within"),
                                STR("by"),    STR("then")};
    const Token *token = parse_peek(parser, 0);
    if (token->kind != TOKEN_NAME)
        return parse_fail_expected(parser, "where, a window such as last 30 days, or a closing "
                                           "parenthesis");
    Str near = lang_suggest(parser->arena, token->text, words, sizeof words / sizeof words[0]);
    if (near.size_bytes > 0)
        return parse_fail(parser, token->span, "%.*s is not understood here; did you mean %.*s?",
                          STR_ARG(token->text), STR_ARG(near));
    return parse_fail(parser, token->span,
                      "%.*s is not understood here: after the event comes where, a window such as "
                      "last 30 days, or a closing parenthesis; a name of several words stands in "
                      "double quotes",
                      STR_ARG(token->text));
}

// ---- events ----

static void add_event(Parser *parser, SyntaxEvents *events, SyntaxEvent event) {
    SyntaxEvent *items = base_arena_grow(parser->arena, (void *)events->items, events->count,
                                         events->count + 1, sizeof *items);
    items[events->count++] = event;
    events->items = items;
}

static bool parse_events(Parser *parser, SyntaxEvents *events);

// ( event or event … )
static bool event_set(Parser *parser, SyntaxEvents *events) {
    parser->at++;
    if (++parser->depth > LANG_EXPRESSION_DEPTH_MAX) {
        parse_fail(parser, parse_peek(parser, 0)->span, "nested more than %d levels deep",
                   LANG_EXPRESSION_DEPTH_MAX);
        return false;
    }
    do {
        if (!parse_events(parser, events))
            return false;
    } while (parse_take_word(parser, "or"));
    parser->depth--;
    return parse_expect(parser, TOKEN_RIGHT, "`or` or a closing parenthesis after the events");
}

// name | name [ array ] | any | ( event or event … ); adds to the set.
static bool parse_events(Parser *parser, SyntaxEvents *events) {
    const Token *token = parse_peek(parser, 0);
    if (token->kind == TOKEN_LEFT)
        return event_set(parser, events);
    if (token->kind != TOKEN_NAME && token->kind != TOKEN_QUOTED) {
        parse_fail_expected(parser, "the name of an event, or any");
        return false;
    }
    parser->at++;
    if (token->kind == TOKEN_NAME && lang_token_word_equal(token->text, "any")) {
        events->is_any = true;
        return true;
    }
    SyntaxEvent event = {.name = token->text, .span = token->span};
    if (parse_take(parser, TOKEN_OPEN)) {
        Str array;
        if (!parse_name_parts(parser, &array) ||
            !parse_expect(parser, TOKEN_CLOSE, "a closing bracket ]"))
            return false;
        event.name =
            base_arena_printf(parser->arena, "%.*s[%.*s]", STR_ARG(token->text), STR_ARG(array));
        event.span.end = parse_end(parser);
    }
    add_event(parser, events, event);
    return true;
}

static bool parse_event_set(Parser *parser, SyntaxEvents *events) {
    *events = (SyntaxEvents){.span = {parse_peek(parser, 0)->span.begin, 0}};
    if (!parse_events(parser, events))
        return false;
    events->span.end = parse_end(parser);
    if (events->is_any && events->count > 0) {
        parse_fail(parser, events->span,
                   "any already holds every event a customer does; it stands "
                   "alone");
        return false;
    }
    return true;
}

// ---- aggregates ----

// .property or .(expr)
static const Syntax *parse_value(Parser *parser) {
    if (parse_take(parser, TOKEN_LEFT)) {
        const Syntax *inside = parse_expression(parser);
        if (inside == NULL)
            return NULL;
        return parse_expect(parser, TOKEN_RIGHT, "a closing parenthesis") ? inside : NULL;
    }
    Syntax *name = parse_new(parser, SYNTAX_NAME, parse_peek(parser, 0)->span.begin);
    name->is_quoted = parse_is_kind(parser, 0, TOKEN_QUOTED); // order."time" is the property
    return parse_name_parts(parser, &name->name) ? parse_finish(parser, name) : NULL;
}

static bool parse_n(Parser *parser, SyntaxAggregate *aggregate) {
    size_t begin = parse_peek(parser, 0)->span.begin;
    bool is_minus = parse_take(parser, TOKEN_MINUS);
    const Token *number = parse_next(parser);
    if (number->kind != TOKEN_NUMBER || number->value.type != VALUE_INTEGER ||
        number->value.integer > INT32_MAX) {
        parse_fail(parser, number->span,
                   "a whole number stands here: nth(order, 2), or -1 for the "
                   "last");
        return false;
    }
    aggregate->has_n = true;
    aggregate->n = is_minus ? -number->value.integer : number->value.integer;
    aggregate->n_span = (SyntaxSpan){begin, parse_end(parser)};
    return true;
}

static bool where_clause(Parser *parser, const Syntax **ret_where) {
    if (!parse_take_word(parser, "where"))
        return true;
    *ret_where = parse_expression(parser);
    return *ret_where != NULL;
}

static int32_t deeper(int32_t depth, const Syntax *child) {
    return child != NULL && child->depth >= depth ? child->depth + 1 : depth;
}

int32_t parse_window_depth(int32_t depth, const SyntaxWindow *window) {
    return deeper(deeper(depth, window->from), window->to);
}

// most(aggregate by property)
static const Syntax *parse_grouped(Parser *parser, GroupPick pick) {
    size_t begin = parse_next(parser)->span.begin;
    parser->at++;
    const Token *inner = parse_peek(parser, 0);
    AggregateFunction function;
    if (inner->kind != TOKEN_NAME || !lang_aggregate_parse(inner->text, &function) ||
        !parse_is_kind(parser, 1, TOKEN_LEFT))
        return parse_fail_expected(parser, "an aggregate: most(count(order) by product)");
    const Syntax *inside = parse_aggregate(parser);
    if (inside == NULL)
        return NULL;
    if (!parse_take_word(parser, "by"))
        return parse_fail_expected(parser, "`by` and a property: most(count(order) by product)");
    Syntax *by = parse_new(parser, SYNTAX_NAME, parse_peek(parser, 0)->span.begin);
    by->is_quoted = parse_is_kind(parser, 0, TOKEN_QUOTED);
    if (!parse_name_parts(parser, &by->name) || parse_finish(parser, by) == NULL ||
        !parse_expect(parser, TOKEN_RIGHT, "a closing parenthesis"))
        return NULL;
    SyntaxAggregate *aggregate = base_arena_alloc(parser->arena, sizeof *aggregate);
    *aggregate = *inside->aggregate;
    aggregate->pick = pick;
    aggregate->by = by;
    Syntax *syntax = parse_new(parser, SYNTAX_AGGREGATE, begin);
    syntax->aggregate = aggregate;
    syntax->depth = inside->depth + 1;
    return parse_finish(parser, syntax);
}

static bool aggregate_body(Parser *parser, SyntaxAggregate *aggregate) {
    if (!parse_event_set(parser, &aggregate->events))
        return false;
    if (parse_take(parser, TOKEN_DOT)) {
        aggregate->value = parse_value(parser);
        if (aggregate->value == NULL)
            return false;
    }
    if (parse_take(parser, TOKEN_COMMA) && !parse_n(parser, aggregate))
        return false;
    if (!where_clause(parser, &aggregate->where) || !parse_window(parser, &aggregate->window))
        return false;
    if (parse_take(parser, TOKEN_RIGHT))
        return true;
    if (aggregate->window.kind != WINDOW_ALL && parse_is_word(parser, 0, "where"))
        parse_fail(parser, parse_peek(parser, 0)->span,
                   "where comes before the window: count(order where … last 30 days)");
    else
        fail_window(parser);
    return false;
}

const Syntax *parse_aggregate(Parser *parser) {
    const Token *name = parse_peek(parser, 0);
    if (parse_is_word(parser, 0, "most") || parse_is_word(parser, 0, "fewest"))
        return parse_grouped(parser, parse_is_word(parser, 0, "most") ? GROUP_MOST : GROUP_FEWEST);
    SyntaxAggregate *aggregate = base_arena_alloc(parser->arena, sizeof *aggregate);
    *aggregate = (SyntaxAggregate){.name_span = name->span};
    if (!lang_aggregate_parse(name->text, &aggregate->function))
        return parse_fail_expected(parser, "an aggregate");
    parser->at += 2;
    if (++parser->depth > LANG_EXPRESSION_DEPTH_MAX)
        return parse_fail(parser, name->span, "nested more than %d levels deep",
                          LANG_EXPRESSION_DEPTH_MAX);
    if (!aggregate_body(parser, aggregate))
        return NULL;
    parser->depth--;
    Syntax *syntax = parse_new(parser, SYNTAX_AGGREGATE, name->span.begin);
    syntax->aggregate = aggregate;
    syntax->depth = parse_window_depth(deeper(deeper(1, aggregate->value), aggregate->where),
                                       &aggregate->window);
    return parse_finish(parser, syntax);
}

// ---- sequences ----

bool parse_is_in_all(const Parser *parser) {
    return parse_is_word(parser, 0, "in") && parse_is_word(parser, 1, "all");
}

// `within n unit` after a step limits it, unless after or before follows: then it is the window.
static bool is_step_within(const Parser *parser) {
    return parse_is_word(parser, 0, "within") && !parse_is_word(parser, 3, "after") &&
           !parse_is_word(parser, 3, "before");
}

static bool parse_step(Parser *parser, SyntaxSequence *sequence, bool is_first) {
    SyntaxStep step = {.span = {parse_peek(parser, 0)->span.begin, 0}};
    step.is_negated = parse_take_word(parser, "not");
    if (is_first && step.is_negated) {
        parse_fail(parser,
                   step.span.end == 0 ? (SyntaxSpan){step.span.begin, step.span.begin + 3}
                                      : step.span,
                   "a sequence begins with an event that happened, not with `not`");
        return false;
    }
    if (!parse_event_set(parser, &step.events) || !where_clause(parser, &step.where))
        return false;
    if (is_step_within(parser)) {
        SyntaxSpan span = parse_next(parser)->span;
        step.has_within = true;
        if (!parse_positive_amount(parser, &step.within))
            return false;
        if (is_first) {
            parse_fail(parser, (SyntaxSpan){span.begin, step.within.span.end},
                       "the first step has no step before it; a window says when it may happen: "
                       "last 7 days");
            return false;
        }
    }
    step.span.end = parse_end(parser);
    if (sequence->step_count == LANG_SEQUENCE_STEPS_MAX) {
        parse_fail(parser, step.span, "a sequence has at most %d steps", LANG_SEQUENCE_STEPS_MAX);
        return false;
    }
    sequence->steps = base_arena_grow(parser->arena, sequence->steps, sequence->step_count,
                                      sequence->step_count + 1, sizeof step);
    sequence->steps[sequence->step_count++] = step;
    return true;
}

// in all within n unit, by property
static bool parse_sequence_limits(Parser *parser, SyntaxSequence *sequence) {
    if (parse_is_in_all(parser)) {
        parser->at += 2;
        if (!parse_take_word(parser, "within")) {
            parse_fail_expected(parser, "within, as in `in all within 7 days`");
            return false;
        }
        sequence->has_all_within = true;
        if (!parse_positive_amount(parser, &sequence->all_within))
            return false;
    }
    if (!parse_take_word(parser, "by"))
        return true;
    Syntax *by = parse_new(parser, SYNTAX_NAME, parse_peek(parser, 0)->span.begin);
    by->is_quoted = parse_is_kind(parser, 0, TOKEN_QUOTED);
    if (!parse_name_parts(parser, &by->name))
        return false;
    sequence->by = parse_finish(parser, by);
    return sequence->by != NULL;
}

const Syntax *parse_sequence(Parser *parser) {
    size_t begin = parse_next(parser)->span.begin;
    parser->at++;
    SyntaxSequence *sequence = base_arena_alloc(parser->arena, sizeof *sequence);
    *sequence = (SyntaxSequence){0};
    if (++parser->depth > LANG_EXPRESSION_DEPTH_MAX)
        return parse_fail(parser, parse_peek(parser, 0)->span, "nested more than %d levels deep",
                          LANG_EXPRESSION_DEPTH_MAX);
    bool is_first = true;
    do {
        if (!parse_step(parser, sequence, is_first))
            return NULL;
        is_first = false;
    } while (parse_take_word(parser, "then"));
    if (!parse_sequence_limits(parser, sequence) || !parse_window(parser, &sequence->window))
        return NULL;
    if (!parse_take(parser, TOKEN_RIGHT))
        return fail_window(parser);
    parser->depth--;
    Syntax *syntax = parse_new(parser, SYNTAX_SEQUENCE, begin);
    syntax->sequence = sequence;
    syntax->depth = parse_window_depth(1, &sequence->window);
    for (size_t i = 0; i < sequence->step_count; i++)
        syntax->depth = deeper(syntax->depth, sequence->steps[i].where);
    return parse_finish(parser, syntax);
}
