// A plan made ready: look-ups that every customer shares.
#include <assert.h>
#include <stdlib.h>

#include "engine/engine_private.h"

static int32_t find_event(const Plan *plan, Str name) {
    for (int32_t i = 0; i < plan->event_count; i++) {
        if (base_str_equal(plan->events[i].name, name)) {
            return i;
        }
    }
    return -1;
}

static bool can_widen(ValueType from, ValueType to) {
    return from == to || from == VALUE_NULL || (from == VALUE_INTEGER && to == VALUE_DECIMAL) ||
           ((from == VALUE_INTEGER || from == VALUE_DECIMAL) && to == VALUE_NUMBER);
}

static int make_property_columns(Ready *ready, KretsError *error) {
    const Plan *plan = ready->plan;
    size_t event_count = (size_t)plan->event_count;
    int32_t *columns = base_arena_alloc_array(
        ready->arena, (size_t)plan->property_count * event_count + 1, sizeof(int32_t));
    for (int32_t p = 0; p < plan->property_count; p++) {
        const PlanProperty *property = &plan->properties[p];
        int32_t *row = columns + (size_t)p * event_count;
        for (size_t e = 0; e < event_count; e++) {
            row[e] = -1;
        }
        for (int32_t i = 0; i < property->count; i++) {
            int32_t column = property->columns[i];
            assert(property->events[i] >= 0 && property->events[i] < plan->event_count);
            assert(column < plan->column_count);
            if (column >= 0 && !can_widen(plan->columns[column].type, property->type)) {
                return base_error_set(error, BASE_E_USAGE,
                                      "property '%.*s' of event '%.*s' is a %s and cannot be read "
                                      "as a %s: give it one type in all events, or name the event",
                                      STR_ARG(property->name),
                                      STR_ARG(plan->events[property->events[i]].name),
                                      data_value_type_name(plan->columns[column].type),
                                      data_value_type_name(property->type));
            }
            row[property->events[i]] = column;
        }
    }
    ready->property_columns = columns;
    return BASE_OK;
}

static int check_traits(Ready *ready, KretsError *error) {
    const Plan *plan = ready->plan;
    ready->identify = find_event(plan, STR(CATALOG_EVENT_IDENTIFY));
    for (int32_t i = 0; i < plan->trait_count; i++) {
        assert(plan->traits[i].column < plan->column_count);
        if (plan->traits[i].column >= 0 && ready->identify < 0) {
            return base_error_set(error, BASE_E_USAGE,
                                  "the plan reads the trait '%.*s' but not the event '%s' that "
                                  "carries it",
                                  STR_ARG(plan->traits[i].name), CATALOG_EVENT_IDENTIFY);
        }
    }
    return BASE_OK;
}

static bool flag_of(const Plan *plan, NodeId id, bool is_moving) {
    if (id == NODE_NONE) {
        return false;
    }
    return is_moving ? plan->nodes[id].is_moving : plan->nodes[id].is_zoned;
}

static int32_t series_of(Ready *ready, SeriesKey *series, int32_t selection, NodeId value) {
    const Plan *plan = ready->plan;
    assert(selection >= 0 && selection < plan->selection_count);
    for (int32_t i = 0; i < ready->series_count; i++) {
        if (series[i].selection == selection && series[i].value == value) {
            return i;
        }
    }
    NodeId where = plan->selections[selection].where;
    series[ready->series_count] = (SeriesKey){
        .selection = selection,
        .value = value,
        .is_zoned = flag_of(plan, where, false) || flag_of(plan, value, false),
        .is_moving = flag_of(plan, where, true) || flag_of(plan, value, true),
    };
    return ready->series_count++;
}

static void make_series(Ready *ready) {
    const Plan *plan = ready->plan;
    size_t count_max = (size_t)plan->selection_count + (size_t)plan->aggregate_count;
    for (int32_t i = 0; i < plan->sequence_count; i++) {
        count_max += (size_t)plan->sequences[i].step_count;
    }
    SeriesKey *series = base_arena_alloc_array(ready->arena, count_max + 1, sizeof(SeriesKey));
    const int32_t **by_sequence = base_arena_alloc_array(
        ready->arena, (size_t)plan->sequence_count + 1, sizeof(const int32_t *));
    int32_t *by_selection =
        base_arena_alloc_array(ready->arena, (size_t)plan->selection_count + 1, sizeof(int32_t));
    int32_t *by_aggregate =
        base_arena_alloc_array(ready->arena, (size_t)plan->aggregate_count + 1, sizeof(int32_t));
    for (int32_t i = 0; i < plan->selection_count; i++) {
        by_selection[i] = series_of(ready, series, i, NODE_NONE);
        assert(by_selection[i] == i);
    }
    for (int32_t i = 0; i < plan->aggregate_count; i++) {
        const Aggregate *aggregate = &plan->aggregates[i];
        by_aggregate[i] = series_of(ready, series, aggregate->selection, aggregate->value);
    }
    for (int32_t i = 0; i < plan->sequence_count; i++) {
        const Sequence *sequence = &plan->sequences[i];
        int32_t *of_steps =
            base_arena_alloc_array(ready->arena, (size_t)sequence->step_count, sizeof(int32_t));
        for (int32_t k = 0; k < sequence->step_count; k++) {
            of_steps[k] = series_of(ready, series, sequence->steps[k].selection, sequence->by);
        }
        by_sequence[i] = of_steps;
    }
    assert((size_t)ready->series_count <= count_max);
    ready->step_series = by_sequence;
    ready->series = series;
    ready->selection_series = by_selection;
    ready->aggregate_series = by_aggregate;
}

static int make_patterns(Ready *ready, KretsError *error) {
    const Plan *plan = ready->plan;
    ready->patterns =
        base_arena_alloc_array(ready->arena, (size_t)plan->node_count + 1, sizeof(Regex *));
    for (int32_t i = 0; i < plan->node_count; i++) {
        const Node *node = &plan->nodes[i];
        for (int32_t arg = 0; arg < node->arg_count; arg++) {
            assert(node->args[arg] >= 0 && node->args[arg] < i);
        }
        if (node->kind != NODE_MATCH || node->match != MATCH_REGEX) {
            continue;
        }
        const Node *pattern = &plan->nodes[node->args[1]];
        assert(pattern->kind == NODE_CONST);
        if (!pattern->value.is_null) {
            int code = base_regex_new(pattern->value.text, &ready->patterns[i], error);
            if (code < 0) {
                return code;
            }
        }
    }
    return BASE_OK;
}

int engine_ready_make(const Plan *plan, Ready **ret_ready, KretsError *error) {
    Arena *arena = base_arena_new(SIZE_MAX);
    ENGINE_READY_SCOPED ready = base_arena_alloc(arena, sizeof(Ready));
    ready->arena = arena;
    ready->plan = plan;
    assert(plan->zone != NULL);
    int code = check_traits(ready, error);
    if (code == BASE_OK) {
        code = make_property_columns(ready, error);
    }
    if (code == BASE_OK) {
        code = make_patterns(ready, error);
    }
    if (code != BASE_OK) {
        return code;
    }
    make_series(ready);
    *ret_ready = ready;
    ready = NULL;
    return BASE_OK;
}

void engine_ready_free(Ready *ready) {
    if (ready == NULL) {
        return;
    }
    for (int32_t i = 0; ready->patterns != NULL && i < ready->plan->node_count; i++) {
        base_regex_free(ready->patterns[i]);
    }
    base_arena_free(ready->arena);
}
