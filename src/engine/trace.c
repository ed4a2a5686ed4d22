// Everything about one customer at one now: the value of each node, the events behind each
// aggregate.
#include <assert.h>
#include <string.h>

#include "base/calendar.h"
#include "engine/engine_private.h"

static int out_of_memory(KretsError *error) {
    return base_error_set(error, BASE_E_RESOURCES,
                          "no memory left in the budget to explain this customer: raise --memory");
}

// Copies what must outlive the customer's work.
static bool keep_value(Arena *arena, Value *value) {
    if (value->is_null || value->type != VALUE_TEXT) {
        return true; // lists belong to the table or to the plan
    }
    value->text = base_arena_str(arena, value->text);
    return value->text.data != NULL;
}

static int keep_rows(Arena *arena, const uint64_t *rows, size_t count, const Span *span,
                     TraceRows *ret_rows, KretsError *error) {
    uint64_t *copy = base_arena_alloc_array(arena, count + 1, sizeof(uint64_t));
    if (copy == NULL) {
        return out_of_memory(error);
    }
    assert(rows != NULL || count == 0);
    if (count > 0) {
        memcpy(copy, rows, count * sizeof(uint64_t));
    }
    *ret_rows = (TraceRows){
        .rows = copy, .count = count, .window_from_us = span->from_us, .window_to_us = span->to_us};
    return BASE_OK;
}

static Span empty_span(const Work *work) {
    return (Span){.from_us = CALENDAR_TIME_MIN, .to_us = work->now_us};
}

static int trace_aggregate(Arena *arena, Work *work, int32_t index, TraceRows *ret_rows,
                           KretsError *error) {
    const Aggregate *aggregate = &work->plan->aggregates[index];
    Span span = engine_window_span(work, &aggregate->window);
    if (span.is_null) {
        span = empty_span(work);
        return keep_rows(arena, NULL, 0, &span, ret_rows, error);
    }
    const Series *series = engine_work_series(work, work->ready->aggregate_series[index]);
    size_t from, to;
    engine_window_positions(series, &span, &from, &to);
    return keep_rows(arena, from < to ? series->rows + from : NULL, to - from, &span, ret_rows,
                     error);
}

static int trace_sequence(Arena *arena, Work *work, int32_t index, TraceRows *ret_rows,
                          KretsError *error) {
    Span span;
    const uint64_t *rows;
    size_t count;
    engine_sequence_chain(work, &work->plan->sequences[index], &span, &rows, &count);
    if (span.is_null) {
        span = empty_span(work);
    }
    return keep_rows(arena, rows, count, &span, ret_rows, error);
}

static int trace_nodes(Arena *arena, Work *work, Value *nodes, KretsError *error) {
    for (int32_t i = 0; i < work->plan->node_count; i++) {
        const Node *node = &work->plan->nodes[i];
        nodes[i] = node->is_event_scope ? data_value_null(node->type)
                                        : engine_node_value(work, i, ENGINE_NO_ROW);
        if (!keep_value(arena, &nodes[i])) {
            return out_of_memory(error);
        }
    }
    return BASE_OK;
}

static int trace_customer(Arena *arena, Work *work, Trace *trace, KretsError *error) {
    const Plan *plan = work->plan;
    Value *nodes = base_arena_alloc_array(arena, (size_t)plan->node_count + 1, sizeof(Value));
    TraceRows *aggregates =
        base_arena_alloc_array(arena, (size_t)plan->aggregate_count + 1, sizeof(TraceRows));
    TraceRows *sequences =
        base_arena_alloc_array(arena, (size_t)plan->sequence_count + 1, sizeof(TraceRows));
    if (nodes == NULL || aggregates == NULL || sequences == NULL) {
        return out_of_memory(error);
    }
    int code = trace_nodes(arena, work, nodes, error);
    for (int32_t i = 0; code == BASE_OK && i < plan->aggregate_count; i++) {
        code = trace_aggregate(arena, work, i, &aggregates[i], error);
    }
    for (int32_t i = 0; code == BASE_OK && i < plan->sequence_count; i++) {
        code = trace_sequence(arena, work, i, &sequences[i], error);
    }
    trace->nodes = nodes;
    trace->aggregates = aggregates;
    trace->sequences = sequences;
    return code < 0 ? code : engine_work_check(work, error);
}

int engine_trace(Arena *arena, const Plan *plan, const EventTable *table, size_t customer,
                 const FitSet *fits, int64_t now_us, const Trace **ret_trace, KretsError *error) {
    assert(customer < table->customer_count);
    if (plan->fit_count > 0 && fits == NULL) {
        return base_error_set(
            error, BASE_E_USAGE,
            "the model uses ntile, percentile or top, which are fitted over the whole "
            "population first: run krets fit");
    }
    ENGINE_READY_SCOPED ready = NULL;
    int code = engine_ready_make(plan, &ready, error);
    if (code < 0) {
        return code;
    }
    ENGINE_WORK_SCOPED work = engine_work_new(ready, table, fits, SIZE_MAX / 2, error);
    Trace *trace = base_arena_alloc(arena, sizeof(Trace));
    if (work == NULL || trace == NULL) {
        return out_of_memory(error);
    }
    engine_work_customer(work, customer);
    trace->is_in_population = engine_work_now(work, now_us);
    trace->zone = work->zone;
    code = trace_customer(arena, work, trace, error);
    if (code == BASE_OK) {
        *ret_trace = trace;
    }
    return code;
}
