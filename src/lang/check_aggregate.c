// Aggregates, their windows, and sequences.

#include <stdlib.h>

#include "lang/check_private.h"
#include "lang/token.h"

// What the value of an aggregate may be and what comes out.
typedef enum AggregateResult { YIELDS_FIXED, YIELDS_VALUE } AggregateResult;

typedef struct AggregateRule {
    bool needs_value, takes_value;
    unsigned types; // of the value
    AggregateResult rule;
    ValueType type; // of the result; of an event's first, last, nth: time
    bool is_zoned;
} AggregateRule;

#define TYPES_PLAIN                                                                                \
    (TYPES_NUMERIC | TYPES_CALENDAR | TYPE_BIT(VALUE_TEXT) | TYPE_BIT(VALUE_BOOLEAN))
#define TYPES_RANKED (TYPES_NUMERIC | TYPES_CALENDAR | TYPE_BIT(VALUE_TEXT))

static const AggregateRule rules[AGGREGATE_FUNCTION_COUNT] = {
    [AGGREGATE_COUNT] = {.type = VALUE_INTEGER},
    [AGGREGATE_DID] = {.type = VALUE_BOOLEAN},
    [AGGREGATE_NEVER] = {.type = VALUE_BOOLEAN},
    [AGGREGATE_DAYS] = {.type = VALUE_INTEGER, .is_zoned = true},
    [AGGREGATE_WEEKS] = {.type = VALUE_INTEGER, .is_zoned = true},
    [AGGREGATE_MONTHS] = {.type = VALUE_INTEGER, .is_zoned = true},
    [AGGREGATE_GAP] = {.type = VALUE_NUMBER},
    [AGGREGATE_FIRST] = {false, true, TYPES_PLAIN, YIELDS_VALUE, VALUE_TIME, false},
    [AGGREGATE_LAST] = {false, true, TYPES_PLAIN, YIELDS_VALUE, VALUE_TIME, false},
    [AGGREGATE_NTH] = {false, true, TYPES_PLAIN, YIELDS_VALUE, VALUE_TIME, false},
    [AGGREGATE_SUM] = {true, true, TYPES_NUMERIC, YIELDS_VALUE, VALUE_INTEGER, false},
    [AGGREGATE_AVG] = {true, true, TYPES_NUMERIC, YIELDS_FIXED, VALUE_NUMBER, false},
    [AGGREGATE_MIN] = {true, true, TYPES_RANKED, YIELDS_VALUE, VALUE_NULL, false},
    [AGGREGATE_MAX] = {true, true, TYPES_RANKED, YIELDS_VALUE, VALUE_NULL, false},
    [AGGREGATE_DISTINCT] = {true, true, TYPES_PLAIN, YIELDS_FIXED, VALUE_INTEGER, false},
    [AGGREGATE_MODE] = {true, true, TYPES_PLAIN, YIELDS_VALUE, VALUE_NULL, false},
};

// A checker for expressions over the events of a set.
static Checker event_checker(const Checker *checker, const EventSet *scope,
                             const SyntaxEvents *names, const char *clause) {
    Checker inside = *checker;
    inside.scope = scope;
    inside.scope_names = names;
    inside.clause = clause;
    return inside;
}

static NodeId check_where(const Checker *checker, const Syntax *where, const EventSet *scope,
                          const SyntaxEvents *names, bool *is_wrong) {
    if (where == NULL)
        return NODE_NONE;
    Checker inside = event_checker(checker, scope, names, "where");
    NodeId id = lang_check_condition(&inside, where, "where");
    *is_wrong |= id == NODE_NONE;
    return id;
}

// ---- windows ----

// A point of a window. An aggregate must yield a time; dates and times stand as they are.
static NodeId check_point(Checker *checker, const Syntax *syntax, bool needs_aggregate) {
    NodeId id = lang_check_expression(checker, syntax);
    if (id == NODE_NONE)
        return NODE_NONE;
    bool is_constant = lang_check_is_constant(checker, id);
    if (needs_aggregate && is_constant)
        return lang_check_error(checker, syntax->span,
                                "after and before take an aggregate such as last(mail); for a "
                                "fixed time write from … to …");
    if (lang_check_type(checker, id) == VALUE_TIME || is_constant)
        return id;
    return lang_check_error(checker, syntax->span,
                            "a window needs a time here, but %.*s is %s; use first(…), last(…) or "
                            "max(event.property) of a time",
                            STR_ARG(lang_check_slice(checker, syntax->span)),
                            data_value_type_name(lang_check_type(checker, id)));
}

static bool window_is_moving(WindowKind kind) {
    return kind == WINDOW_LAST || kind == WINDOW_LAST_FULL || kind == WINDOW_AGO ||
           kind == WINDOW_MORE_THAN || kind == WINDOW_PERIOD;
}

static bool window_is_zoned(const SyntaxWindow *window) {
    if (window->kind == WINDOW_LAST_FULL || window->kind == WINDOW_PERIOD)
        return true;
    return window->amount.unit >= UNIT_MONTH || window->to_amount.unit >= UNIT_MONTH;
}

bool lang_check_window(Checker *checker, const SyntaxWindow *syntax, Window *ret_window,
                       Node *flags) {
    Window window = {.kind = syntax->kind,
                     .n = syntax->amount.n,
                     .unit = syntax->amount.unit,
                     .to_n = syntax->to_amount.n,
                     .to_unit = syntax->to_amount.unit,
                     .shift = syntax->shift,
                     .from = NODE_NONE,
                     .to = NODE_NONE};
    const Syntax *points[2] = {syntax->from, syntax->to};
    NodeId *ids[2] = {&window.from, &window.to};
    bool needs_aggregate = syntax->kind == WINDOW_AFTER || syntax->kind == WINDOW_PRIOR;
    flags->is_moving = window_is_moving(syntax->kind);
    flags->is_zoned = window_is_zoned(syntax);
    bool is_fine = true;
    for (int i = 0; i < 2; i++) {
        if (points[i] == NULL)
            continue;
        *ids[i] = check_point(checker, points[i], needs_aggregate);
        if (*ids[i] == NODE_NONE) {
            is_fine = false;
            continue;
        }
        const Node *point = lang_build_at(checker->build, *ids[i]);
        flags->is_moving |= point->is_moving;
        flags->is_zoned |= point->is_zoned;
        flags->is_historic |= point->is_historic;
    }
    if (!is_fine)
        return false;
    if (window.kind == WINDOW_FROM_TO && lang_check_is_constant(checker, window.from) &&
        lang_check_is_constant(checker, window.to)) {
        NodeId from = lang_check_widen(checker, window.from, VALUE_TIME);
        NodeId to = lang_check_widen(checker, window.to, VALUE_TIME);
        if (lang_build_at(checker->build, from)->value.time_us >=
            lang_build_at(checker->build, to)->value.time_us) {
            lang_check_error(checker, syntax->span,
                             "this window is empty: its end does not lie after its beginning");
            return false;
        }
    }
    *ret_window = window;
    return true;
}

// ---- aggregates ----

static NodeId fail_no_value(Checker *checker, const Syntax *syntax, const EventSet *scope) {
    const SyntaxAggregate *aggregate = syntax->aggregate;
    const char *name = lang_aggregate_name(aggregate->function);
    Str events = lang_check_slice(checker, aggregate->events.span);
    Str example = STR("amount");
    if (scope->count == 1) { // a property that would do
        const PlanEvent *event = (const PlanEvent *)checker->build->events.items + scope->events[0];
        const CatalogEvent *seen = data_catalog_event(checker->compiler->catalog, event->name);
        for (size_t i = 0; seen != NULL && i < seen->property_count; i++) {
            if ((TYPE_BIT(seen->properties[i].type) & rules[aggregate->function].types) != 0) {
                example = seen->properties[i].name;
                break;
            }
        }
    }
    return lang_check_error(checker, aggregate->events.span,
                            "%s works on a property: write %s(%.*s.%.*s)", name, name,
                            STR_ARG(events), STR_ARG(example));
}

static Str value_slice(Checker *checker, const SyntaxAggregate *aggregate) {
    return lang_check_slice(checker,
                            (SyntaxSpan){aggregate->events.span.begin, aggregate->value->span.end});
}

static NodeId fail_value_type(Checker *checker, const SyntaxAggregate *aggregate, ValueType type) {
    const AggregateRule *rule = &rules[aggregate->function];
    const char *name = lang_aggregate_name(aggregate->function);
    const char *needed = rule->types == TYPES_NUMERIC  ? "numbers"
                         : rule->types == TYPES_RANKED ? "numbers, times, dates or text"
                                                       : "plain values, not lists";
    const char *hint = type == VALUE_BOOLEAN ? "; count the events where it is true"
                       : type == VALUE_TEXT  ? "; distinct and mode work on text"
                       : type == VALUE_LIST  ? "; ask a list with has(list, 'x') in where"
                                             : "";
    return lang_check_error(checker, aggregate->value->span, "%s needs %s, but %.*s is %s%s", name,
                            needed, STR_ARG(value_slice(checker, aggregate)),
                            data_value_type_name(type), hint);
}

// The value of an aggregate; NODE_NONE with *is_wrong unset when it has none.
static NodeId check_value(Checker *checker, const Syntax *syntax, const EventSet *scope,
                          bool *is_wrong) {
    const SyntaxAggregate *aggregate = syntax->aggregate;
    const AggregateRule *rule = &rules[aggregate->function];
    const char *name = lang_aggregate_name(aggregate->function);
    *is_wrong = true;
    if (aggregate->value == NULL) {
        *is_wrong = rule->needs_value;
        return rule->needs_value ? fail_no_value(checker, syntax, scope) : NODE_NONE;
    }
    if (!rule->takes_value) {
        Str events = lang_check_slice(checker, aggregate->events.span);
        Str value = value_slice(checker, aggregate);
        return lang_check_error(checker, aggregate->value->span,
                                "%s counts events, not values: write %s(%.*s), or distinct(%.*s) "
                                "for different values; an event whose name has a dot stands in "
                                "double quotes",
                                name, name, STR_ARG(events), STR_ARG(value));
    }
    Checker inside = event_checker(checker, scope, &aggregate->events, "a value");
    NodeId id = lang_check_expression(&inside, aggregate->value);
    if (id == NODE_NONE)
        return NODE_NONE;
    if (!lang_check_is(checker, id, rule->types))
        return fail_value_type(checker, aggregate, lang_check_type(checker, id));
    *is_wrong = false;
    return id;
}

static bool check_n(Checker *checker, const SyntaxAggregate *aggregate) {
    const char *name = lang_aggregate_name(aggregate->function);
    if (aggregate->function == AGGREGATE_NTH && !aggregate->has_n) {
        lang_check_error(checker, aggregate->name_span,
                         "nth needs to know which: nth(order, 2) is the second, nth(order, -1) the "
                         "last");
        return false;
    }
    if (aggregate->function != AGGREGATE_NTH && aggregate->has_n) {
        lang_check_error(checker, aggregate->n_span, "%s takes no number; only nth does", name);
        return false;
    }
    if (aggregate->has_n && aggregate->n == 0) {
        lang_check_error(checker, aggregate->n_span, "nth counts from 1, or from -1 backwards");
        return false;
    }
    return true;
}

static ValueType result_type(const Checker *checker, AggregateFunction function, NodeId value) {
    const AggregateRule *rule = &rules[function];
    if (rule->rule == YIELDS_FIXED || value == NODE_NONE)
        return rule->type;
    ValueType type = lang_check_type(checker, value);
    // The sum over values that were never seen is the whole number 0.
    return type == VALUE_NULL && function == AGGREGATE_SUM ? VALUE_INTEGER : type;
}

static bool check_by(Checker *checker, const Syntax *syntax, const EventSet *scope,
                     Aggregate *aggregate) {
    const SyntaxAggregate *source = syntax->aggregate;
    if (source->pick == GROUP_NONE)
        return true;
    Checker inside = event_checker(checker, scope, &source->events, "by");
    aggregate->by = lang_check_name(&inside, source->by);
    if (aggregate->by == NODE_NONE)
        return false;
    if (!lang_check_is(checker, aggregate->by, TYPES_PLAIN)) {
        lang_check_error(checker, source->by->span, "by needs plain values, but %.*s is a list",
                         STR_ARG(source->by->name));
        return false;
    }
    if (aggregate->type != VALUE_NULL &&
        (TYPE_BIT(aggregate->type) & (TYPES_NUMERIC | TYPES_CALENDAR)) == 0) {
        lang_check_error(
            checker, source->name_span, "%s compares numbers, times or dates, but %s yields %s",
            source->pick == GROUP_MOST ? "most" : "fewest", lang_aggregate_name(source->function),
            data_value_type_name(aggregate->type));
        return false;
    }
    return true;
}

static NodeId fail_in_event(Checker *checker, const Syntax *syntax) {
    return lang_check_error(checker, syntax->span,
                            "%.*s speaks of the customer and cannot stand inside %s, where one "
                            "event is judged; use a window, such as within 7 days after …, or "
                            "since …",
                            STR_ARG(lang_check_slice(checker, syntax->span)), checker->clause);
}

NodeId lang_check_aggregate(Checker *checker, const Syntax *syntax) {
    const SyntaxAggregate *source = syntax->aggregate;
    if (checker->scope != NULL)
        return fail_in_event(checker, syntax);
    EventSet *scope = base_arena_alloc(checker->arena, sizeof *scope);
    bool is_wrong = false, is_where_wrong = false;
    lang_check_events(checker, &source->events, scope);
    Aggregate aggregate = {.function = source->function,
                           .events = *scope,
                           .n = source->n,
                           .pick = source->pick,
                           .by = NODE_NONE};
    Node flags = {.kind = NODE_AGGREGATE};
    aggregate.value = check_value(checker, syntax, scope, &is_wrong);
    aggregate.where = check_where(checker, source->where, scope, &source->events, &is_where_wrong);
    bool is_window = lang_check_window(checker, &source->window, &aggregate.window, &flags);
    bool is_n = check_n(checker, source);
    if (is_wrong || is_where_wrong || !is_window || !is_n)
        return NODE_NONE;
    aggregate.type = result_type(checker, source->function, aggregate.value);
    if (!check_by(checker, syntax, scope, &aggregate))
        return NODE_NONE;
    aggregate.selection = lang_build_selection(checker->build, *scope, aggregate.where);
    flags.is_zoned |= rules[source->function].is_zoned;
    return lang_build_aggregate(checker->build, &aggregate, &flags);
}

// ---- sequences ----

static bool check_step(Checker *checker, const SyntaxStep *source, SequenceStep *ret_step) {
    EventSet *scope = base_arena_alloc(checker->arena, sizeof *scope);
    bool is_wrong = false;
    lang_check_events(checker, &source->events, scope);
    NodeId where = check_where(checker, source->where, scope, &source->events, &is_wrong);
    if (is_wrong)
        return false;
    *ret_step = (SequenceStep){.is_negated = source->is_negated,
                               .selection = lang_build_selection(checker->build, *scope, where)};
    if (source->has_within) {
        ret_step->within_n = source->within.n;
        ret_step->within_unit = source->within.unit;
    }
    return true;
}

static int compare_ids(const void *a, const void *b) {
    int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    return (left > right) - (left < right);
}

// The events of all steps as one set; beside `any` only those that it does not hold.
static EventSet all_events(Checker *checker, const Sequence *sequence) {
    const Selection *selections = checker->build->selections.items;
    const PlanEvent *events = checker->build->events.items;
    EventSet set = {0};
    size_t most = 0;
    for (int32_t i = 0; i < sequence->step_count; i++) {
        set.is_any |= selections[sequence->steps[i].selection].events.is_any;
        most += (size_t)selections[sequence->steps[i].selection].events.count;
    }
    int32_t *ids = base_arena_alloc_array(checker->arena, most + 1, sizeof *ids);
    size_t count = 0;
    for (int32_t i = 0; i < sequence->step_count; i++) {
        EventSet step = selections[sequence->steps[i].selection].events;
        for (int32_t j = 0; j < step.count; j++) {
            if (!set.is_any || !events[step.events[j]].is_any)
                ids[count++] = step.events[j];
        }
    }
    qsort(ids, count, sizeof *ids, compare_ids);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || ids[i] != ids[i - 1])
            ids[set.count++] = ids[i];
    }
    set.events = ids;
    return set;
}

// `by` is known in every step, and of one type over all of them.
static bool check_sequence_by(Checker *checker, const SyntaxSequence *source, Sequence *sequence) {
    const Syntax *by = source->by;
    bool is_fine = true, is_time = !by->is_quoted && lang_token_word_equal(by->name, "time");
    for (size_t i = 0; i < source->step_count && !is_time; i++) {
        const Selection *selections = checker->build->selections.items;
        EventSet scope = selections[sequence->steps[i].selection].events;
        Checker inside = event_checker(checker, &scope, &source->steps[i].events, "by");
        is_fine = lang_check_property(&inside, by) && is_fine;
    }
    if (!is_fine)
        return false;
    EventSet scope = all_events(checker, sequence);
    Checker inside = event_checker(checker, &scope, &source->steps[0].events, "by");
    sequence->by = lang_check_name(&inside, by);
    if (sequence->by == NODE_NONE || lang_check_is(checker, sequence->by, TYPES_PLAIN))
        return sequence->by != NODE_NONE;
    lang_check_error(checker, by->span, "by needs plain values, but %.*s is a list",
                     STR_ARG(by->name));
    return false;
}

NodeId lang_check_sequence(Checker *checker, const Syntax *syntax) {
    const SyntaxSequence *source = syntax->sequence;
    if (checker->scope != NULL)
        return fail_in_event(checker, syntax);
    SequenceStep *steps = base_arena_alloc_array(checker->arena, source->step_count, sizeof *steps);
    Sequence sequence = {
        .steps = steps, .step_count = (int32_t)source->step_count, .by = NODE_NONE};
    Node flags = {.kind = NODE_SEQUENCE};
    bool is_fine = lang_check_window(checker, &source->window, &sequence.window, &flags);
    for (size_t i = 0; i < source->step_count; i++) {
        if (!check_step(checker, &source->steps[i], &steps[i]))
            is_fine = false;
        if (source->steps[i].has_within && source->steps[i].within.unit >= UNIT_MONTH)
            flags.is_zoned = true;
    }
    if (!is_fine || (source->by != NULL && !check_sequence_by(checker, source, &sequence)))
        return NODE_NONE;
    if (source->has_all_within) {
        sequence.all_within_n = source->all_within.n;
        sequence.all_within_unit = source->all_within.unit;
        flags.is_zoned |= source->all_within.unit >= UNIT_MONTH;
    }
    const SequenceStep *last = &steps[source->step_count - 1];
    flags.is_moving |= last->is_negated && last->within_n > 0; // true only once the time is over
    return lang_build_sequence(checker->build, &sequence, &flags);
}
