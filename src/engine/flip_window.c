// The next flip of aggregates and sequences: when events leave or enter their windows.
#include <assert.h>

#include "base/calendar.h"
#include "engine/flip_private.h"

// How a window's ends move with now: what lies in (from, to] at an instant.
typedef struct Ends {
    int64_t from_us, to_us;
    size_t leaving;  // position of the first event after `from_us`
    size_t entering; // position of the first event after `to_us`
    size_t count;    // visible events of the series
} Ends;

static bool has_moving_end(const Window *window) {
    return window->kind == WINDOW_LAST || window->kind == WINDOW_LAST_FULL ||
           window->kind == WINDOW_AGO || window->kind == WINDOW_MORE_THAN ||
           window->kind == WINDOW_PERIOD;
}

// Without a series: all rows of the customer.
static size_t row_count(const Flips *flips, const Series *series) {
    return series == NULL ? (size_t)(flips->work->end_row - flips->work->first_row) : series->count;
}

static int64_t time_at(const Flips *flips, const Series *series, size_t position) {
    assert(position < row_count(flips, series));
    uint64_t row = series == NULL ? flips->work->first_row + position : series->rows[position];
    return flips->work->table->time_us[row];
}

// The first position of the series with a time after `time_us`.
static size_t position_after(const Flips *flips, const Series *series, int64_t time_us) {
    size_t low = 0, high = row_count(flips, series);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (time_at(flips, series, middle) <= time_us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static Ends ends_of(Flips *flips, const Window *window, const Series *series) {
    Span span = engine_window_span(flips->work, window);
    assert(!span.is_null);
    Ends ends = {.from_us = span.from_us, .to_us = span.to_us};
    ends.count = position_after(flips, series, flips->work->now_us);
    ends.leaving = position_after(flips, series, span.from_us);
    ends.entering =
        window->kind == WINDOW_LAST ? ends.count : position_after(flips, series, span.to_us);
    return ends;
}

static int64_t later_than_now(const Flips *flips, int64_t time_us) {
    return time_us > flips->work->now_us ? time_us : flips->work->now_us + 1;
}

// The first instant at which base_zone_period(unit, shift) lies after `time_us`, or one before it.
static int64_t period_passes(const Flips *flips, CalendarUnit unit, int64_t shift,
                             int64_t time_us) {
    static const int64_t seconds[] = {1, 60, 3600};
    const Zone *zone = flips->work->zone;
    int64_t now_us = flips->work->now_us;
    if (unit >= UNIT_DAY) {
        return later_than_now(flips, base_zone_period(zone, time_us, unit, 1 - shift));
    }
    // Shorter ones are of exact length from the local clock, as long as that does not change.
    int64_t length_us = seconds[unit] * CALENDAR_US_PER_SECOND, span_us;
    if (__builtin_mul_overflow(-shift, length_us, &span_us)) {
        return FLIP_NEVER;
    }
    int64_t offset_us = base_zone_local(zone, now_us) - now_us;
    int64_t local_us = engine_flip_add(engine_flip_add(time_us, span_us), offset_us);
    int64_t rest_us = ((local_us % length_us) + length_us) % length_us;
    int64_t start_us = engine_flip_add(local_us, length_us - rest_us - offset_us);
    return engine_flip_sooner(later_than_now(flips, start_us), base_zone_next_change(zone, now_us));
}

// When the event at `time_us` leaves the window at its beginning.
static int64_t leaves_at(const Flips *flips, const Window *window, int64_t time_us) {
    const Zone *zone = flips->work->zone;
    int64_t now_us = flips->work->now_us;
    switch (window->kind) {
    case WINDOW_LAST:
    case WINDOW_AGO:
        return engine_flip_start_reaches(zone, now_us, window->unit, window->n, time_us);
    case WINDOW_LAST_FULL:
        return period_passes(flips, window->unit, -window->n, time_us);
    case WINDOW_PERIOD:
        return period_passes(flips, window->unit, window->shift, time_us);
    default:
        return FLIP_NEVER;
    }
}

// When the event at `time_us` enters at its end.
static int64_t enters_at(const Flips *flips, const Window *window, int64_t time_us) {
    const Zone *zone = flips->work->zone;
    int64_t now_us = flips->work->now_us;
    switch (window->kind) {
    case WINDOW_AGO:
        return engine_flip_start_reaches(zone, now_us, window->to_unit, window->to_n, time_us);
    case WINDOW_MORE_THAN:
        return engine_flip_start_reaches(zone, now_us, window->unit, window->n, time_us);
    case WINDOW_LAST_FULL:
        return period_passes(flips, window->unit, 0, time_us);
    case WINDOW_PERIOD:
        return period_passes(flips, window->unit, window->shift + 1, time_us);
    default:
        return FLIP_NEVER;
    }
}

int64_t engine_flip_leaves_at(const Flips *flips, const Window *window, int64_t time_us) {
    return leaves_at(flips, window, time_us);
}

int64_t engine_flip_enters_at(const Flips *flips, const Window *window, int64_t time_us) {
    return enters_at(flips, window, time_us);
}

static int64_t now_window_until(Flips *flips, const Window *window, const Series *series) {
    Ends ends = ends_of(flips, window, series);
    int64_t until_us = flips->limit_us;
    if (ends.leaving < ends.count) {
        until_us = engine_flip_sooner(
            until_us, leaves_at(flips, window, time_at(flips, series, ends.leaving)));
    }
    if (ends.entering < ends.count) {
        until_us = engine_flip_sooner(
            until_us, enters_at(flips, window, time_at(flips, series, ends.entering)));
    }
    return until_us;
}

// ---- windows that hang on points ----

typedef struct SpanTrial {
    const Window *window;
    Span start;
} SpanTrial;

// Whether the window holds the same rows at the instant of the trial as at now.
static bool has_same_span(Flips *flips, const void *context) {
    const SpanTrial *trial = context;
    Span span = engine_window_span(flips->work, trial->window);
    return span.is_null == trial->start.is_null &&
           (span.is_null || (span.from == trial->start.from && span.to == trial->start.to));
}

// Of months from a point that moves, only while that addition does not fall back.
static int64_t months_until(Flips *flips, const Window *window, NodeId id) {
    Value value = engine_flip_value(flips, id);
    bool is_added = window->kind == WINDOW_AFTER || window->kind == WINDOW_PRIOR;
    if (!is_added || window->unit < UNIT_MONTH || value.is_null) {
        return flips->limit_us;
    }
    if (engine_flip_shape(flips, id).motion != MOTION_RISING) {
        return flips->work->now_us + FLIP_BLIND_US;
    }
    int64_t n = window->kind == WINDOW_AFTER ? window->n : -window->n;
    return engine_flip_reach(
        flips, id, engine_flip_add_end(flips->work->zone, value.time_us, window->unit, n));
}

static int64_t moving_points_until(Flips *flips, const Window *window, const NodeId *ids,
                                   int32_t count, int64_t until_us) {
    int64_t now_us = flips->work->now_us;
    for (int32_t i = 0; i < count; i++) {
        Shape shape = engine_flip_shape(flips, ids[i]);
        if (shape.motion == MOTION_FREE) {
            until_us = engine_flip_sooner(until_us, now_us + FLIP_BLIND_US);
        } else if (shape.motion != MOTION_STILL) {
            until_us = engine_flip_sooner(until_us, months_until(flips, window, ids[i]));
        }
    }
    SpanTrial trial = {.window = window, .start = engine_window_span(flips->work, window)};
    return engine_flip_sure_until(flips, ids, count, until_us, has_same_span, &trial);
}

// The first instant at which the window may hold other events of the series.
static int64_t window_until(Flips *flips, const Window *window, const Series *series) {
    NodeId ids[2];
    int32_t count = 0;
    bool is_moving = false;
    int64_t until_us = flips->limit_us;
    if (window->from != NODE_NONE) {
        ids[count++] = window->from;
    }
    if (window->to != NODE_NONE) {
        ids[count++] = window->to;
    }
    for (int32_t i = 0; i < count; i++) {
        Shape shape = engine_flip_shape(flips, ids[i]);
        until_us = engine_flip_sooner(until_us, shape.until_us);
        is_moving = is_moving || shape.motion != MOTION_STILL;
    }
    if (is_moving) {
        return moving_points_until(flips, window, ids, count, until_us);
    }
    return has_moving_end(window)
               ? engine_flip_sooner(until_us, now_window_until(flips, window, series))
               : until_us;
}

// ---- aggregates ----

static const Series *series_of(Flips *flips, int32_t index) {
    const Aggregate *aggregate = &flips->plan->aggregates[index];
    int32_t number = aggregate->pick == GROUP_NONE
                         ? flips->ready->aggregate_series[index]
                         : flips->ready->selection_series[aggregate->selection];
    return engine_work_series(flips->work, number);
}

// Functions that only look so many events back from the newest; 0: others.
static size_t events_back(const Aggregate *aggregate) {
    if (aggregate->pick != GROUP_NONE || aggregate->window.kind != WINDOW_LAST) {
        return 0;
    }
    switch (aggregate->function) {
    case AGGREGATE_DID:
    case AGGREGATE_NEVER:
    case AGGREGATE_LAST:
        return 1;
    case AGGREGATE_NTH:
        return aggregate->n < 0 ? 0 - (size_t)aggregate->n : 0;
    default:
        return 0;
    }
}

Shape engine_flip_aggregate_shape(Flips *flips, int32_t index) {
    const Aggregate *aggregate = &flips->plan->aggregates[index];
    const Series *series = series_of(flips, index);
    size_t back = events_back(aggregate);
    if (back == 0) {
        return (Shape){.until_us = window_until(flips, &aggregate->window, series)};
    }
    Ends ends = ends_of(flips, &aggregate->window, series);
    if (ends.count - ends.leaving < back) {
        return (Shape){.until_us = flips->limit_us}; // gone for good
    }
    int64_t time_us = time_at(flips, series, ends.count - back);
    return (Shape){.until_us = leaves_at(flips, &aggregate->window, time_us)};
}

// ---- straight to the event that changes a comparison ----

// Whether the aggregate only falls, or only rises, while its oldest events leave one by one.
static bool is_monotone(const Aggregate *aggregate, const Series *series, const Ends *ends) {
    switch (aggregate->function) {
    case AGGREGATE_COUNT:
    case AGGREGATE_DAYS:
    case AGGREGATE_WEEKS:
    case AGGREGATE_MONTHS:
    case AGGREGATE_DISTINCT:
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
        return true;
    case AGGREGATE_FIRST:
        return aggregate->value == NODE_NONE;
    case AGGREGATE_SUM:
        for (size_t i = ends->leaving; i < ends->count; i++) {
            if (engine_value_number(series->values[i]) < 0.0) {
                return false;
            }
        }
        return true;
    default:
        return false;
    }
}

// A comparison whose truth changes at most once while its operand falls or rises, and once more
// where that becomes null.
static bool is_ordered(const Flips *flips, const Node *node, NodeId operand) {
    if (node->kind == NODE_IS_NULL) {
        return true;
    }
    if (node->kind != NODE_COMPARE || node->compare == COMPARE_EQ || node->compare == COMPARE_NE) {
        return false;
    }
    NodeId other = node->args[0] == operand ? node->args[1] : node->args[0];
    return node->args[0] != node->args[1] && flips->plan->nodes[other].kind == NODE_CONST;
}

static int outcome_at(Flips *flips, NodeId id, int64_t time_us) {
    FlipPlace place = engine_flip_go(flips, time_us);
    Value value = engine_flip_value(flips, id);
    engine_flip_back(flips, place);
    return value.is_null ? 2 : value.boolean;
}

bool engine_flip_jump(Flips *flips, const Node *node, NodeId operand, int64_t *ret_us) {
    const Plan *plan = flips->plan;
    const Node *inner = &plan->nodes[operand];
    while (inner->kind == NODE_METRIC) {
        inner = &plan->nodes[inner->args[0]];
    }
    if (inner->kind != NODE_AGGREGATE || !is_ordered(flips, node, operand)) {
        return false;
    }
    const Aggregate *aggregate = &plan->aggregates[inner->index];
    const Window *window = &aggregate->window;
    if (aggregate->pick != GROUP_NONE || window->kind != WINDOW_LAST) {
        return false;
    }
    const Series *series = series_of(flips, inner->index);
    Ends ends = ends_of(flips, window, series);
    int64_t until_us = ends.leaving == ends.count
                           ? FLIP_NEVER
                           : leaves_at(flips, window, time_at(flips, series, ends.leaving));
    if (until_us >= flips->limit_us) {
        *ret_us = until_us;
        return true;
    }
    if (!is_monotone(aggregate, series, &ends)) {
        return false;
    }
    NodeId id = (NodeId)(node - plan->nodes);
    Value now = engine_flip_value(flips, id);
    int outcome = now.is_null ? 2 : now.boolean;
    size_t low = ends.leaving, high = ends.count; // the first whose leaving changes it
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int64_t at_us = leaves_at(flips, window, time_at(flips, series, middle));
        // What comes after the limit need not be told apart.
        if (at_us >= flips->limit_us || outcome_at(flips, id, at_us) != outcome) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    *ret_us =
        low == ends.count ? FLIP_NEVER : leaves_at(flips, window, time_at(flips, series, low));
    return true;
}

// ---- sequences ----

// The first instant after now at which an absence after the last positive step is sure.
static int64_t deadlines_until(Flips *flips, const Sequence *sequence, int32_t positive) {
    const Work *work = flips->work;
    const Series *series = engine_work_series(
        flips->work, flips->ready->selection_series[sequence->steps[positive].selection]);
    size_t count = position_after(flips, series, work->now_us);
    int64_t until_us = flips->limit_us;
    for (int32_t step = positive + 1; step < sequence->step_count; step++) {
        const SequenceStep *absent = &sequence->steps[step];
        assert(absent->is_negated);
        for (size_t i = count; absent->within_n > 0 && i-- > 0;) {
            int64_t end_us = base_zone_add(work->zone, time_at(flips, series, i),
                                           absent->within_unit, absent->within_n);
            if (end_us > work->now_us) {
                until_us = engine_flip_sooner(until_us, end_us);
            } else if (end_us < work->now_us - 8 * CALENDAR_US_PER_DAY) {
                break; // those before are over too
            }
        }
    }
    return until_us;
}

Shape engine_flip_sequence_shape(Flips *flips, const Sequence *sequence) {
    const Series *first = engine_work_series(
        flips->work, flips->ready->selection_series[sequence->steps[0].selection]);
    int32_t positive = sequence->step_count - 1;
    while (sequence->steps[positive].is_negated) {
        positive--;
    }
    return (Shape){.until_us = engine_flip_sooner(window_until(flips, &sequence->window, first),
                                                  deadlines_until(flips, sequence, positive))};
}

// ---- traits of the past ----

static bool has_same_row(Flips *flips, const void *context) {
    const NodeId *id = context;
    Range range = engine_flip_range(flips, *id);
    if (!range.is_known || range.low.is_null || range.high.is_null) {
        return range.is_known && range.low.is_null && range.high.is_null;
    }
    if (range.is_rough) {
        return false;
    }
    int64_t low_us = engine_value_instant(flips->work, range.low, false);
    int64_t high_us = engine_value_instant(flips->work, range.high, false);
    return engine_window_row(flips->work, low_us, true) ==
           engine_window_row(flips->work, high_us, true);
}

Shape engine_flip_was_shape(Flips *flips, const Node *node) {
    Shape point = engine_flip_shape(flips, node->args[0]);
    if (point.motion == MOTION_STILL) {
        return (Shape){.until_us = point.until_us};
    }
    return (Shape){.until_us = engine_flip_sure_until(flips, node->args, 1, point.until_us,
                                                      has_same_row, &node->args[0])};
}

Shape engine_flip_changed_shape(Flips *flips, const TraitChange *change) {
    return (Shape){.until_us = window_until(flips, &change->window, NULL)};
}
