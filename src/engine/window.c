// Windows: a set of event times at now becomes a run of the customer's rows.
#include <assert.h>

#include "base/calendar.h"
#include "engine/engine_private.h"

// Where a window begins or ends: before or after a row of the table.
typedef struct Anchor {
    bool is_null;
    bool is_event;    // the point is the event in `row`
    bool is_constant; // of the model, not of the customer
    int64_t time_us;
    uint64_t row;
} Anchor;

uint64_t engine_window_row(const Work *work, int64_t time_us, bool is_after) {
    uint64_t low = work->first_row, high = work->visible_row;
    assert(low <= high);
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        int64_t at_us = work->table->time_us[middle];
        if (at_us < time_us || (is_after && at_us == time_us)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    assert(low <= work->visible_row);
    return low;
}

static size_t position_of(const Series *series, uint64_t row) {
    size_t low = 0, high = series->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (series->rows[middle] < row) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void engine_window_positions(const Series *series, const Span *span, size_t *ret_from,
                             size_t *ret_to) {
    assert(!span->is_null && span->from <= span->to);
    *ret_from = position_of(series, span->from);
    *ret_to = position_of(series, span->to);
    assert(*ret_from <= *ret_to);
}

static Anchor anchor_of(Work *work, NodeId id) {
    const Node *node = &work->plan->nodes[id];
    while (node->kind == NODE_METRIC) {
        id = node->args[0];
        node = &work->plan->nodes[id];
    }
    assert(node->type == VALUE_TIME || node->type == VALUE_DATE);
    if (node->kind == NODE_AGGREGATE &&
        engine_aggregate_is_event(&work->plan->aggregates[node->index])) {
        uint64_t row =
            engine_aggregate_row(work, &work->plan->aggregates[node->index], node->index);
        if (row == ENGINE_NO_ROW) {
            return (Anchor){.is_null = true};
        }
        return (Anchor){.is_event = true, .time_us = work->table->time_us[row], .row = row};
    }
    bool is_constant = node->kind == NODE_CONST;
    Value value = engine_node_value(work, id, ENGINE_NO_ROW);
    if (value.is_null) {
        return (Anchor){.is_null = true};
    }
    return (Anchor){.is_constant = is_constant,
                    .time_us = engine_value_instant(work, value, is_constant)};
}

static int64_t just_before(int64_t time_us) {
    return time_us <= CALENDAR_TIME_MIN ? CALENDAR_TIME_MIN - 1 : time_us - 1;
}

// Starts the span strictly after the anchor.
static void begin_after(const Work *work, const Anchor *anchor, Span *span) {
    span->from = anchor->is_event ? anchor->row + 1
                                  : engine_window_row(work, anchor->time_us, !anchor->is_constant);
    span->from_us = anchor->is_constant ? just_before(anchor->time_us) : anchor->time_us;
}

// Starts the span with the anchor.
static void begin_at(const Work *work, const Anchor *anchor, Span *span) {
    span->from = anchor->is_event ? anchor->row : engine_window_row(work, anchor->time_us, false);
    span->from_us = just_before(anchor->time_us);
}

// Ends the span strictly before the anchor.
static void end_before(const Work *work, const Anchor *anchor, Span *span) {
    span->to = anchor->is_event ? anchor->row : engine_window_row(work, anchor->time_us, false);
    span->to_us = just_before(anchor->time_us);
}

// Both ends as instants: (from, to].
static void between_instants(const Work *work, int64_t from_us, int64_t to_us, Span *span) {
    span->from = engine_window_row(work, from_us, true);
    span->to = engine_window_row(work, to_us, true);
    span->from_us = from_us;
    span->to_us = to_us;
}

// The customer's first `any` event that is visible.
static bool first_any_us(const Work *work, int64_t *ret_us) {
    for (uint64_t row = work->first_row; row < work->visible_row; row++) {
        if (work->table->is_any[row]) {
            *ret_us = work->table->time_us[row];
            return true;
        }
    }
    return false;
}

// Windows that hang on points.
static bool span_of_points(Work *work, const Window *window, Span *span) {
    Anchor from = {0}, to = {0};
    if (window->from != NODE_NONE) {
        from = anchor_of(work, window->from);
    }
    if (window->to != NODE_NONE) {
        to = anchor_of(work, window->to);
    }
    if (from.is_null || to.is_null) {
        return false;
    }
    switch (window->kind) {
    case WINDOW_SINCE:
        begin_after(work, &from, span);
        break;
    case WINDOW_BEFORE:
        end_before(work, &to, span);
        break;
    case WINDOW_FROM_TO:
        begin_at(work, &from, span);
        end_before(work, &to, span);
        break;
    case WINDOW_AFTER: {
        begin_after(work, &from, span);
        int64_t end_us = base_zone_add(work->zone, from.time_us, window->unit, window->n);
        span->to = engine_window_row(work, end_us, true);
        span->to_us = end_us;
        break;
    }
    case WINDOW_PRIOR: {
        int64_t start_us = base_zone_add(work->zone, from.time_us, window->unit, -window->n);
        span->from = engine_window_row(work, start_us, false);
        span->from_us = just_before(start_us);
        end_before(work, &from, span);
        break;
    }
    default:
        assert(false && "a window without points");
    }
    return true;
}

// Windows that hang on now (and the first event).
static bool span_of_now(Work *work, const Window *window, Span *span) {
    const Zone *zone = work->zone;
    int64_t now_us = work->now_us, first_us;
    switch (window->kind) {
    case WINDOW_ALL:
        break;
    case WINDOW_LAST:
        between_instants(work, base_zone_window_start(zone, now_us, window->unit, window->n),
                         now_us, span);
        break;
    case WINDOW_LAST_FULL:
        between_instants(work, base_zone_period(zone, now_us, window->unit, -window->n) - 1,
                         base_zone_period(zone, now_us, window->unit, 0) - 1, span);
        break;
    case WINDOW_AGO:
        between_instants(work, base_zone_window_start(zone, now_us, window->unit, window->n),
                         base_zone_window_start(zone, now_us, window->to_unit, window->to_n), span);
        break;
    case WINDOW_MORE_THAN:
        span->to_us = base_zone_window_start(zone, now_us, window->unit, window->n);
        span->to = engine_window_row(work, span->to_us, true);
        break;
    case WINDOW_PERIOD:
        between_instants(work, base_zone_period(zone, now_us, window->unit, window->shift) - 1,
                         base_zone_period(zone, now_us, window->unit, window->shift + 1) - 1, span);
        break;
    case WINDOW_FIRST:
        if (!first_any_us(work, &first_us)) {
            return false;
        }
        between_instants(work, just_before(first_us),
                         base_zone_add(zone, first_us, window->unit, window->n) - 1, span);
        break;
    default:
        assert(false && "a window without a now");
    }
    return true;
}

Span engine_window_span(Work *work, const Window *window) {
    Span span = {.from = work->first_row,
                 .to = work->visible_row,
                 .from_us = CALENDAR_TIME_MIN,
                 .to_us = work->now_us};
    bool has_points = window->kind == WINDOW_SINCE || window->kind == WINDOW_BEFORE ||
                      window->kind == WINDOW_FROM_TO || window->kind == WINDOW_AFTER ||
                      window->kind == WINDOW_PRIOR;
    bool is_fine =
        has_points ? span_of_points(work, window, &span) : span_of_now(work, window, &span);
    if (!is_fine) {
        return (Span){.is_null = true};
    }
    if (span.to < span.from) {
        span.to = span.from;
    }
    if (span.to_us > work->now_us) {
        span.to_us = work->now_us;
    }
    assert(span.from >= work->first_row && span.from <= span.to);
    assert(span.to <= work->visible_row || span.from == span.to);
    return span;
}
