#include "oracle_cover.h"

#define KIND(name) [NODE_##name] = #name
static const char *const kind_names[NODE_KIND_COUNT] = {
    KIND(CONST),     KIND(NOW),      KIND(TRAIT),  KIND(PROPERTY), KIND(EVENT_TIME), KIND(METRIC),
    KIND(SEGMENT),   KIND(LIST),     KIND(NEGATE), KIND(ADD),      KIND(SUBTRACT),   KIND(MULTIPLY),
    KIND(DIVIDE),    KIND(COMPARE),  KIND(AND),    KIND(OR),       KIND(NOT),        KIND(IN),
    KIND(BETWEEN),   KIND(IS_NULL),  KIND(MATCH),  KIND(HOLIDAY),  KIND(WITHIN),     KIND(CALL),
    KIND(AGGREGATE), KIND(SEQUENCE), KIND(FIT),    KIND(WAS),      KIND(CHANGED),    KIND(HISTORY)};

#define CALL(name) [CALL_##name] = #name
static const char *const call_names[CALL_FUNCTION_COUNT] = {
    CALL(DAYS_SINCE),   CALL(DAYS_UNTIL), CALL(CALENDAR_DAYS_SINCE),
    CALL(DAYS_BETWEEN), CALL(AGE),        CALL(ANNIVERSARY),
    CALL(WEEKDAY),      CALL(HOUR),       CALL(DAY),
    CALL(MONTH),        CALL(YEAR),       CALL(LOWER),
    CALL(LENGTH),       CALL(ABS),        CALL(ROUND),
    CALL(FLOOR),        CALL(CEIL),       CALL(COALESCE),
    CALL(LEAST),        CALL(GREATEST),   CALL(IF),
    CALL(HAS),          CALL(HAS_ANY),    CALL(SIZE),
    CALL(DISTANCE_KM),  CALL(BUCKET),     CALL(COMPLETED)};

#define AGGREGATE(name) [AGGREGATE_##name] = #name
static const char *const aggregate_names[AGGREGATE_FUNCTION_COUNT] = {
    AGGREGATE(COUNT), AGGREGATE(DID),    AGGREGATE(NEVER),    AGGREGATE(DAYS),
    AGGREGATE(WEEKS), AGGREGATE(MONTHS), AGGREGATE(GAP),      AGGREGATE(FIRST),
    AGGREGATE(LAST),  AGGREGATE(NTH),    AGGREGATE(SUM),      AGGREGATE(AVG),
    AGGREGATE(MIN),   AGGREGATE(MAX),    AGGREGATE(DISTINCT), AGGREGATE(MODE)};

#define WINDOW_COUNT (WINDOW_PRIOR + 1)
static const char *const window_names[WINDOW_COUNT] = {"all",       "last",  "last full", "ago",
                                                       "more than", "since", "before",    "from to",
                                                       "period",    "first", "after",     "prior"};
static const char *const unit_names[] = {"second", "minute", "hour",    "day",
                                         "week",   "month",  "quarter", "year"};
static const char *const match_names[] = {"like",        "ilike",     "contains",
                                          "starts with", "ends with", "matches"};
static const char *const compare_names[] = {"=", "!=", "<", "<=", ">", ">="};
static const char *const type_names[] = {"null value", "boolean", "integer", "decimal", "number",
                                         "text",       "time",    "date",    "list",    "duration"};

enum { SEQUENCE_FEATURES = 15 };
static const char *const sequence_names[SEQUENCE_FEATURES] = {"then",
                                                              "then within",
                                                              "then within, calendar",
                                                              "then not, between",
                                                              "then not within, between",
                                                              "then not, at the end",
                                                              "then not within, at the end",
                                                              "two negatives in a row",
                                                              "window with an anchor",
                                                              "in all within",
                                                              "in all within, calendar",
                                                              "by",
                                                              "by, with a negative",
                                                              "by, in all within",
                                                              "by time"};

enum {
    FIT_WHERE,
    FIT_NESTED,
    FIT_KIND_NTILE,
    FIT_KIND_PERCENTILE,
    FIT_KIND_TOP,
    PICK_MOST,
    PICK_FEWEST,
    HOLIDAY_IS_ON,
    HOLIDAY_IS_BEFORE,
    HOLIDAY_IS_AFTER,
    HOLIDAY_IS_OBSERVED,
    HOLIDAY_HAS_COUNTRY,
    WITHIN_LAST,
    WITHIN_NEXT,
    WITHIN_DATE,
    NEGATED_IN,
    NEGATED_BETWEEN,
    NEGATED_MATCH,
    MATCH_WITH_ESCAPE,
    ANY_EVENT,
    SEVERAL_EVENTS,
    MIXED_TYPES,
    NTH_FROM_END,
    ANCHOR_TIME_ONLY,
    ANCHOR_EVENT,
    CHANGED_FROM,
    CHANGED_FROM_NULL,
    CHANGED_TO,
    SEGMENT_ENTERED,
    SEGMENT_EXITED,
    SEGMENT_STAYED,
    OWN_ZONE,
    OTHER_FEATURES
};
static const char *const other_names[OTHER_FEATURES] = {"fit where",
                                                        "nested fit",
                                                        "ntile",
                                                        "percentile",
                                                        "top",
                                                        "most",
                                                        "fewest",
                                                        "on holiday",
                                                        "before holiday",
                                                        "after holiday",
                                                        "observed",
                                                        "holiday of a country",
                                                        "within last",
                                                        "within next",
                                                        "within of a date",
                                                        "not in",
                                                        "not between",
                                                        "not like",
                                                        "escape",
                                                        "any",
                                                        "event or event",
                                                        "property of several types",
                                                        "nth from the end",
                                                        "anchor: a time",
                                                        "anchor: an event",
                                                        "changed from",
                                                        "changed from null",
                                                        "changed to",
                                                        "entered",
                                                        "exited",
                                                        "in for",
                                                        "zones of customers"};

static size_t kinds[NODE_KIND_COUNT], event_kinds[NODE_KIND_COUNT], null_kinds[NODE_KIND_COUNT];
static size_t calls[CALL_FUNCTION_COUNT], null_calls[CALL_FUNCTION_COUNT];
static size_t aggregates[AGGREGATE_FUNCTION_COUNT], null_aggregates[AGGREGATE_FUNCTION_COUNT];
static size_t windows[WINDOW_COUNT], window_units[8], matches[6], compares[6];
static size_t aggregate_types[VALUE_TYPE_COUNT], sequences[SEQUENCE_FEATURES];
static size_t others[OTHER_FEATURES];

static void cover_window(const Plan *plan, const Window *window) {
    windows[window->kind]++;
    if (window->kind != WINDOW_ALL) {
        window_units[window->unit]++;
    }
    const NodeId points[] = {window->from, window->to};
    bool has_points = window->kind == WINDOW_SINCE || window->kind == WINDOW_BEFORE ||
                      window->kind == WINDOW_FROM_TO || window->kind == WINDOW_AFTER ||
                      window->kind == WINDOW_PRIOR;
    for (int i = 0; has_points && i < 2; i++) {
        if (points[i] >= 0 && plan->nodes[points[i]].kind == NODE_AGGREGATE) {
            bool is_event = plan->aggregates[plan->nodes[points[i]].index].value == NODE_NONE;
            others[is_event ? ANCHOR_EVENT : ANCHOR_TIME_ONLY]++;
        }
    }
}

static void cover_sequence(const Plan *plan, const Sequence *sequence) {
    int32_t end = sequence->step_count;
    while (end > 0 && sequence->steps[end - 1].is_negated) {
        end--;
    }
    for (int32_t i = 1; i < sequence->step_count; i++) {
        const SequenceStep *step = &sequence->steps[i];
        bool is_limited = step->within_n > 0;
        if (step->is_negated) {
            sequences[(i < end ? 3 : 5) + (is_limited ? 1 : 0)]++;
            sequences[7] += sequence->steps[i - 1].is_negated;
        } else {
            sequences[is_limited ? 1 : 0]++;
            sequences[2] += is_limited && step->within_unit >= UNIT_MONTH;
        }
    }
    WindowKind kind = sequence->window.kind;
    bool has_by = sequence->by != NODE_NONE, has_limit = sequence->all_within_n > 0;
    sequences[9] += has_limit;
    sequences[10] += has_limit && sequence->all_within_unit >= UNIT_MONTH;
    sequences[11] += has_by;
    for (int32_t i = 1; i < sequence->step_count; i++) {
        sequences[12] += has_by && sequence->steps[i].is_negated;
    }
    sequences[13] += has_by && has_limit;
    sequences[14] += has_by && plan->nodes[sequence->by].kind == NODE_EVENT_TIME;
    sequences[8] += kind == WINDOW_AFTER || kind == WINDOW_PRIOR || kind == WINDOW_FIRST;
}

static void cover_aggregate(const Plan *plan, const Aggregate *aggregate) {
    aggregates[aggregate->function]++;
    aggregate_types[aggregate->type]++;
    others[PICK_MOST] += aggregate->pick == GROUP_MOST;
    others[PICK_FEWEST] += aggregate->pick == GROUP_FEWEST;
    others[ANY_EVENT] += aggregate->events.is_any;
    others[SEVERAL_EVENTS] += aggregate->events.count > 1;
    others[NTH_FROM_END] += aggregate->function == AGGREGATE_NTH && aggregate->n < 0;
    cover_window(plan, &aggregate->window);
}

static void cover_details(const Plan *plan, const Node *node) {
    switch (node->kind) {
    case NODE_CALL:
        calls[node->function]++;
        break;
    case NODE_MATCH:
        matches[node->match]++;
        others[NEGATED_MATCH] += node->is_negated;
        others[MATCH_WITH_ESCAPE] += node->escape != 0;
        break;
    case NODE_COMPARE:
        compares[node->compare]++;
        break;
    case NODE_IN:
        others[NEGATED_IN] += node->is_negated;
        break;
    case NODE_BETWEEN:
        others[NEGATED_BETWEEN] += node->is_negated;
        break;
    case NODE_HOLIDAY:
        others[HOLIDAY_IS_ON + (int)node->holiday.side]++;
        others[HOLIDAY_IS_OBSERVED] += node->holiday.is_observed;
        others[HOLIDAY_HAS_COUNTRY] += node->holiday.country.size_bytes > 0;
        break;
    case NODE_WITHIN:
        others[node->within.is_next ? WITHIN_NEXT : WITHIN_LAST]++;
        others[WITHIN_DATE] += plan->nodes[node->args[0]].type == VALUE_DATE;
        break;
    default:
        break;
    }
}

static void cover_null(const Plan *plan, const Node *node) {
    null_kinds[node->kind]++;
    if (node->kind == NODE_CALL) {
        null_calls[node->function]++;
    } else if (node->kind == NODE_AGGREGATE) {
        null_aggregates[plan->aggregates[node->index].function]++;
    }
}

static void cover_property(const Plan *plan, const PlanProperty *property) {
    for (int32_t i = 0; i < property->count; i++) {
        if (property->columns[i] >= 0 &&
            plan->columns[property->columns[i]].type != property->type) {
            others[MIXED_TYPES]++;
        }
    }
}

void cover_plan(const Plan *plan, const Value *nodes) {
    for (int32_t i = 0; i < plan->node_count; i++) {
        const Node *node = &plan->nodes[i];
        (node->is_event_scope ? event_kinds : kinds)[node->kind]++;
        cover_details(plan, node);
        if (nodes != NULL && !node->is_event_scope && nodes[i].is_null) {
            cover_null(plan, node);
        }
    }
    for (int32_t i = 0; i < plan->aggregate_count; i++) {
        cover_aggregate(plan, &plan->aggregates[i]);
    }
    for (int32_t i = 0; i < plan->sequence_count; i++) {
        cover_sequence(plan, &plan->sequences[i]);
        cover_window(plan, &plan->sequences[i].window);
    }
    for (int32_t i = 0; i < plan->change_count; i++) {
        const TraitChange *change = &plan->changes[i];
        others[CHANGED_FROM] += change->has_from && !change->from.is_null;
        others[CHANGED_FROM_NULL] += change->has_from && change->from.is_null;
        others[CHANGED_TO] += change->has_to;
        cover_window(plan, &change->window);
    }
    for (int32_t i = 0; i < plan->history_count; i++) {
        others[SEGMENT_ENTERED + (int)plan->histories[i].kind]++;
        cover_window(plan, &plan->histories[i].window);
    }
    for (int32_t i = 0; i < plan->property_count; i++) {
        cover_property(plan, &plan->properties[i]);
    }
    for (int32_t i = 0; i < plan->fit_count; i++) {
        const Fit *fit = &plan->fits[i];
        others[FIT_WHERE] += fit->where != NODE_NONE;
        others[FIT_NESTED] += fit->level > 0;
        others[FIT_KIND_NTILE + (int)fit->kind]++;
    }
    others[OWN_ZONE] += plan->zone_trait >= 0;
}

static size_t report(Text *out, const char *group, const char *const *names, const size_t *counts,
                     size_t count, uint64_t exempt) {
    size_t missing = 0;
    for (size_t i = 0; i < count; i++) {
        if (counts[i] == 0 && (exempt >> i & 1) == 0) {
            base_text_printf(out, "%s: %s\n", group, names[i]);
            missing++;
        }
    }
    return missing;
}

#define BIT(i) (UINT64_C(1) << (i))

size_t cover_missing(Text *out) {
    // What cannot stand in the scope, and what is never null.
    const uint64_t customer_only = BIT(NODE_NOW) | BIT(NODE_TRAIT) | BIT(NODE_METRIC) |
                                   BIT(NODE_SEGMENT) | BIT(NODE_LIST) | BIT(NODE_WITHIN) |
                                   BIT(NODE_AGGREGATE) | BIT(NODE_SEQUENCE) | BIT(NODE_FIT) |
                                   BIT(NODE_WAS) | BIT(NODE_CHANGED) | BIT(NODE_HISTORY);
    // Constants carry no scope: they count as the customer's.
    const uint64_t no_event = customer_only | BIT(NODE_CONST) | BIT(NODE_HISTORY);
    // History is asked about in a test of its own.
    const uint64_t event_only = BIT(NODE_PROPERTY) | BIT(NODE_EVENT_TIME) | BIT(NODE_HISTORY);
    const uint64_t never_null = event_only | BIT(NODE_NOW) | BIT(NODE_SEGMENT) | BIT(NODE_LIST) |
                                BIT(NODE_IS_NULL) | BIT(NODE_CONST);
    size_t missing = 0;
    missing += report(out, "node", kind_names, kinds, NODE_KIND_COUNT, event_only);
    missing += report(out, "node of an event", kind_names, event_kinds, NODE_KIND_COUNT, no_event);
    missing += report(out, "null node", kind_names, null_kinds, NODE_KIND_COUNT, never_null);
    missing += report(out, "call", call_names, calls, CALL_FUNCTION_COUNT, 0);
    missing +=
        report(out, "null call", call_names, null_calls, CALL_FUNCTION_COUNT, BIT(CALL_BUCKET));
    missing += report(out, "aggregate", aggregate_names, aggregates, AGGREGATE_FUNCTION_COUNT, 0);
    missing += report(out, "null aggregate", aggregate_names, null_aggregates,
                      AGGREGATE_FUNCTION_COUNT, 0);
    missing += report(out, "type of an aggregate", type_names, aggregate_types, VALUE_TYPE_COUNT,
                      BIT(VALUE_NULL) | BIT(VALUE_LIST) | BIT(VALUE_DURATION));
    missing += report(out, "window", window_names, windows, WINDOW_COUNT, 0);
    missing += report(out, "unit of a window", unit_names, window_units, 8, 0);
    missing += report(out, "match", match_names, matches, 6, 0);
    missing += report(out, "comparison", compare_names, compares, 6, 0);
    missing += report(out, "sequence", sequence_names, sequences, SEQUENCE_FEATURES, 0);
    missing += report(out, "feature", other_names, others, OTHER_FEATURES, 0);
    return missing;
}
