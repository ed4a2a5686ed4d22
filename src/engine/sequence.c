// Sequences: whether a chain of events fits.
//
// Step by step, the events that can be reached. An event p reached as a positive step can be
// followed by events in a run of rows (p, end): `within` and the negative steps only ever shorten
// that run. So an event of the next step is reached when it lies in the run of any p before it, and
// it is enough to remember the p whose run reaches furthest.
#include <assert.h>

#include "engine/engine_private.h"

// Events reached as one positive step, and by which event of the step before.
typedef struct Reached {
    const uint64_t *rows;
    const size_t *parents; // position in the step before; NULL for the first
    size_t count;
} Reached;

static const Series *series_of(Work *work, const SequenceStep *step) {
    return engine_work_series(work, work->ready->selection_series[step->selection]);
}

// One after the last row that is within the step's limit of `row`.
static uint64_t limit_of(Work *work, const SequenceStep *step, uint64_t row) {
    if (step->within_n == 0) {
        return work->visible_row;
    }
    int64_t end_us =
        base_zone_add(work->zone, work->table->time_us[row], step->within_unit, step->within_n);
    return engine_window_row(work, end_us, true);
}

// The first event of the series after `row` and before `limit`; `limit` when there is none.
static uint64_t first_between(const Series *series, uint64_t row, uint64_t limit) {
    Span span = {.from = row + 1, .to = limit > row ? limit : row + 1};
    size_t from, to;
    engine_window_positions(series, &span, &from, &to);
    return from < to ? series->rows[from] : limit;
}

// One after the last row that may be the next positive step (steps[positive]) after `row`; the
// negative steps between stand before it.
static uint64_t run_end(Work *work, const SequenceStep *negatives, const SequenceStep *positive,
                        uint64_t row) {
    uint64_t end = limit_of(work, positive, row);
    for (const SequenceStep *step = negatives; step < positive; step++) {
        assert(step->is_negated);
        uint64_t limit = limit_of(work, step, row);
        uint64_t b = first_between(series_of(work, step), row, limit);
        if (b == limit) {
            continue;
        }
        uint64_t stop = step->within_n == 0 ? b + 1 : b; // b itself may be the next step, or not
        end = stop < end ? stop : end;
    }
    return end;
}

// Whether the negative steps at the end hold after `row`.
static bool ends_well(Work *work, const SequenceStep *negatives, const SequenceStep *end,
                      uint64_t row) {
    for (const SequenceStep *step = negatives; step < end; step++) {
        assert(step->is_negated);
        int64_t time_us = work->table->time_us[row];
        if (step->within_n != 0 &&
            work->now_us < base_zone_add(work->zone, time_us, step->within_unit, step->within_n)) {
            return false;
        }
        uint64_t limit = limit_of(work, step, row);
        if (first_between(series_of(work, step), row, limit) != limit) {
            return false;
        }
    }
    return true;
}

static Reached reach_first(Work *work, const SequenceStep *step, const Span *span) {
    const Series *series = series_of(work, step);
    size_t from, to;
    engine_window_positions(series, span, &from, &to);
    return (Reached){.rows = series->rows + from, .count = to - from};
}

static Reached reach_next(Work *work, const SequenceStep *negatives, const SequenceStep *positive,
                          const Reached *before) {
    const Series *series = series_of(work, positive);
    uint64_t *rows = engine_work_alloc(work, work->passing, series->count, sizeof(uint64_t));
    size_t *parents = engine_work_alloc(work, work->passing, series->count, sizeof(size_t));
    Reached reached = {.rows = rows, .parents = parents};
    if (rows == NULL || parents == NULL) {
        return reached;
    }
    uint64_t furthest = 0; // end of the longest run so far
    size_t parent = 0, next = 0;
    for (size_t i = 0; i < series->count; i++) {
        uint64_t row = series->rows[i];
        for (; next < before->count && before->rows[next] < row; next++) {
            uint64_t end = run_end(work, negatives, positive, before->rows[next]);
            if (end >= furthest) {
                furthest = end;
                parent = next;
            }
        }
        if (row < furthest) {
            rows[reached.count] = row;
            parents[reached.count++] = parent;
        }
    }
    assert(reached.count <= series->count);
    return reached;
}

void engine_sequence_chain(Work *work, const Sequence *sequence, Span *ret_span,
                           const uint64_t **ret_rows, size_t *ret_count) {
    const SequenceStep *steps = sequence->steps, *end = steps + sequence->step_count;
    assert(sequence->step_count > 0 && !steps[0].is_negated);
    *ret_rows = NULL;
    *ret_count = 0;
    *ret_span = engine_window_span(work, &sequence->window);
    Reached *reached =
        engine_work_alloc(work, work->passing, (size_t)sequence->step_count, sizeof(Reached));
    if (ret_span->is_null || reached == NULL) {
        return;
    }
    size_t depth = 0;
    reached[0] = reach_first(work, steps, ret_span);
    const SequenceStep *negatives = steps + 1;
    for (const SequenceStep *step = steps + 1; step < end; step++) {
        if (!step->is_negated) {
            reached[depth + 1] = reach_next(work, negatives, step, &reached[depth]);
            depth++;
            negatives = step + 1;
        }
    }
    for (size_t i = reached[depth].count; i-- > 0;) {
        if (!ends_well(work, negatives, end, reached[depth].rows[i])) {
            continue;
        }
        uint64_t *rows = engine_work_alloc(work, work->passing, depth + 1, sizeof(uint64_t));
        for (size_t step = depth + 1, at = i; rows != NULL && step-- > 0;) {
            rows[step] = reached[step].rows[at];
            at = step > 0 ? reached[step].parents[at] : 0;
        }
        *ret_rows = rows;
        *ret_count = rows == NULL ? 0 : depth + 1;
        break;
    }
}

Value engine_sequence_value(Work *work, const Sequence *sequence) {
    Span span;
    const uint64_t *rows;
    size_t count;
    engine_sequence_chain(work, sequence, &span, &rows, &count);
    if (span.is_null) {
        return data_value_null(VALUE_BOOLEAN);
    }
    return engine_value_boolean(count > 0);
}
