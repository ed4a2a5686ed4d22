// Sequences: whether a chain of events fits.
//
// Step by step, the events that can be reached. An event p reached as a positive step can be
// followed by events in a run of rows (p, end): `within` and the negative steps only ever shorten
// that run. So an event of the next step is reached when it lies in the run of any p before it.
// Of those p the best is the one whose chain may go on longest: `in all within` ends it some time
// after its first step. With `by` all this happens among the events of one value at a time.
#include <assert.h>

#include "engine/engine_private.h"

// The events among which a chain is looked for.
typedef struct Search {
    Work *work;
    const Sequence *sequence;
    const Span *span;    // of the first step
    const Series *steps; // beside Sequence.steps
} Search;

// Events reached as one positive step, and by which event of the step before.
typedef struct Reached {
    const uint64_t *rows;
    const uint64_t *ends;  // one after the last row that a chain through here may hold
    const size_t *parents; // position in the step before; NULL for the first
    size_t count;
} Reached;

// A chain found: one row a positive step.
typedef struct Chain {
    const uint64_t *rows;
    size_t count;
} Chain;

// One after the last row that is within n units of `row`.
static uint64_t limit_of(Work *work, uint64_t row, CalendarUnit unit, int64_t n) {
    if (n == 0) {
        return work->visible_row;
    }
    int64_t end_us = base_zone_add(work->zone, work->table->time_us[row], unit, n);
    return engine_window_row(work, end_us, true);
}

// The first event of the series after `row` and before `limit`; `limit` when there is none.
static uint64_t first_between(const Series *series, uint64_t row, uint64_t limit) {
    Span span = {.from = row + 1, .to = limit > row ? limit : row + 1};
    size_t from, to;
    engine_window_positions(series, &span, &from, &to);
    return from < to ? series->rows[from] : limit;
}

// One after the last row that may be the next positive step after `row`; the negative steps
// [negative, positive) stand before it.
static uint64_t run_end(const Search *search, int32_t negative, int32_t positive, uint64_t row) {
    const SequenceStep *steps = search->sequence->steps;
    Work *work = search->work;
    uint64_t end = limit_of(work, row, steps[positive].within_unit, steps[positive].within_n);
    for (int32_t i = negative; i < positive; i++) {
        assert(steps[i].is_negated);
        uint64_t limit = limit_of(work, row, steps[i].within_unit, steps[i].within_n);
        uint64_t b = first_between(&search->steps[i], row, limit);
        if (b == limit) {
            continue;
        }
        uint64_t stop = steps[i].within_n == 0 ? b + 1 : b; // b itself may be the next step, or not
        end = stop < end ? stop : end;
    }
    return end;
}

// Whether the negative steps from `negative` to the end hold after `row`.
static bool ends_well(const Search *search, int32_t negative, uint64_t row) {
    Work *work = search->work;
    for (int32_t i = negative; i < search->sequence->step_count; i++) {
        const SequenceStep *step = &search->sequence->steps[i];
        assert(step->is_negated);
        int64_t time_us = work->table->time_us[row];
        if (step->within_n != 0 &&
            work->now_us < base_zone_add(work->zone, time_us, step->within_unit, step->within_n)) {
            return false;
        }
        uint64_t limit = limit_of(work, row, step->within_unit, step->within_n);
        if (first_between(&search->steps[i], row, limit) != limit) {
            return false;
        }
    }
    return true;
}

static Reached reach_first(const Search *search) {
    const Sequence *sequence = search->sequence;
    const Series *series = &search->steps[0];
    size_t from, to;
    engine_window_positions(series, search->span, &from, &to);
    uint64_t *ends =
        engine_work_alloc(search->work, search->work->passing, to - from, sizeof(uint64_t));
    if (ends == NULL) {
        return (Reached){0};
    }
    for (size_t i = from; i < to; i++) {
        ends[i - from] = limit_of(search->work, series->rows[i], sequence->all_within_unit,
                                  sequence->all_within_n);
    }
    return (Reached){.rows = series->rows + from, .ends = ends, .count = to - from};
}

// ---- the events that may come before ----

// An event of the step before: its chain may go on before row `end`, its next step be before
// `run_end`.
typedef struct Before {
    uint64_t end, run_end;
    size_t position;
} Before;

static bool is_better(const Before *a, const Before *b) {
    if (a->end != b->end) {
        return a->end > b->end;
    }
    return a->run_end != b->run_end ? a->run_end > b->run_end : a->position > b->position;
}

// A heap: the best is at 0.
static void push(Before *heap, size_t *count, Before item) {
    size_t at = (*count)++;
    for (; at > 0 && is_better(&item, &heap[(at - 1) / 2]); at = (at - 1) / 2) {
        heap[at] = heap[(at - 1) / 2];
    }
    heap[at] = item;
}

static void pop(Before *heap, size_t *count) {
    assert(*count > 0);
    Before item = heap[--*count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < *count; at = child) {
        child += child + 1 < *count && is_better(&heap[child + 1], &heap[child]);
        if (!is_better(&heap[child], &item)) {
            break;
        }
        heap[at] = heap[child];
    }
    heap[at] = item;
}

static Reached reach_next(const Search *search, int32_t negative, int32_t positive,
                          const Reached *before) {
    Work *work = search->work;
    const Series *series = &search->steps[positive];
    uint64_t *rows = engine_work_alloc(work, work->passing, series->count, sizeof(uint64_t));
    uint64_t *ends = engine_work_alloc(work, work->passing, series->count, sizeof(uint64_t));
    size_t *parents = engine_work_alloc(work, work->passing, series->count, sizeof(size_t));
    Before *heap = engine_work_alloc(work, work->passing, before->count, sizeof(Before));
    Reached reached = {.rows = rows, .ends = ends, .parents = parents};
    if (heap == NULL) {
        return reached;
    }
    size_t waiting = 0, next = 0;
    for (size_t i = 0; i < series->count; i++) {
        uint64_t row = series->rows[i];
        for (; next < before->count && before->rows[next] < row; next++) {
            push(heap, &waiting,
                 (Before){.end = before->ends[next],
                          .run_end = run_end(search, negative, positive, before->rows[next]),
                          .position = next});
        }
        while (waiting > 0 && heap[0].run_end <= row) { // nor does it reach any later row
            pop(heap, &waiting);
        }
        if (waiting > 0 && row < heap[0].end) {
            rows[reached.count] = row;
            ends[reached.count] = heap[0].end;
            parents[reached.count++] = heap[0].position;
        }
    }
    assert(reached.count <= series->count);
    return reached;
}

// The chain that ends latest.
static Chain find_chain(const Search *search) {
    Work *work = search->work;
    const Sequence *sequence = search->sequence;
    Reached *reached =
        engine_work_alloc(work, work->passing, (size_t)sequence->step_count, sizeof(Reached));
    if (reached == NULL) {
        return (Chain){0};
    }
    size_t depth = 0;
    int32_t negative = 1;
    reached[0] = reach_first(search);
    if (reached[0].rows == NULL || reached[0].count == 0) {
        return (Chain){0};
    }
    for (int32_t i = 1; i < sequence->step_count; i++) {
        if (!sequence->steps[i].is_negated) {
            reached[depth + 1] = reach_next(search, negative, i, &reached[depth]);
            depth++;
            negative = i + 1;
        }
    }
    for (size_t i = reached[depth].count; i-- > 0;) {
        if (!ends_well(search, negative, reached[depth].rows[i])) {
            continue;
        }
        uint64_t *rows = engine_work_alloc(work, work->passing, depth + 1, sizeof(uint64_t));
        for (size_t step = depth + 1, at = i; rows != NULL && step-- > 0;) {
            rows[step] = reached[step].rows[at];
            at = step > 0 ? reached[step].parents[at] : 0;
        }
        return (Chain){.rows = rows, .count = rows == NULL ? 0 : depth + 1};
    }
    return (Chain){0};
}

// ---- by ----

// A step's events parted by the number of their group: those of group g are [starts[g],
// starts[g + 1]).
typedef struct Parted {
    const uint64_t *rows;
    const size_t *starts;
} Parted;

static Parted part_step(Work *work, const Series *series, const uint32_t *numbers,
                        uint32_t group_count) {
    size_t *starts =
        engine_work_alloc(work, work->passing, (size_t)group_count + 2, sizeof(size_t));
    uint64_t *rows = engine_work_alloc(work, work->passing, series->count, sizeof(uint64_t));
    if (rows == NULL) {
        return (Parted){0};
    }
    for (uint32_t g = 0; g < group_count + 2; g++) {
        starts[g] = 0;
    }
    for (size_t i = 0; i < series->count; i++) {
        starts[numbers[i] + 2]++;
    }
    for (uint32_t g = 2; g < group_count + 2; g++) {
        starts[g] += starts[g - 1];
    }
    for (size_t i = 0; i < series->count; i++) { // moves each start to its end
        rows[starts[numbers[i] + 1]++] = series->rows[i];
    }
    return (Parted){.rows = rows, .starts = starts};
}

// The groups of the values of all steps' events together.
static bool group_steps(Work *work, const Series *steps, int32_t step_count, Groups *ret_groups) {
    size_t total = 0, at = 0;
    for (int32_t i = 0; i < step_count; i++) {
        total += steps[i].count;
    }
    Value *values = engine_work_alloc(work, work->passing, total, sizeof(Value));
    for (int32_t i = 0; values != NULL && i < step_count; i++) {
        for (size_t k = 0; k < steps[i].count; k++) {
            values[at++] = steps[i].values[k];
        }
    }
    return values != NULL && engine_group_values(work, work->passing, values, total, ret_groups);
}

// The chain that ends latest, of those of each value.
static Chain find_chain_by(const Search *whole) {
    Work *work = whole->work;
    int32_t step_count = whole->sequence->step_count;
    Groups groups;
    Parted *parted = engine_work_alloc(work, work->passing, (size_t)step_count, sizeof(Parted));
    Series *steps = engine_work_alloc(work, work->passing, (size_t)step_count, sizeof(Series));
    if (steps == NULL || !group_steps(work, whole->steps, step_count, &groups)) {
        return (Chain){0};
    }
    const uint32_t *numbers = groups.numbers;
    for (int32_t i = 0; i < step_count; i++) {
        parted[i] = part_step(work, &whole->steps[i], numbers, groups.count);
        if (parted[i].starts == NULL) {
            return (Chain){0};
        }
        numbers += whole->steps[i].count;
    }
    Search search = *whole;
    search.steps = steps;
    Chain best = {0};
    for (uint32_t g = 0; g < groups.count && !work->is_over_budget; g++) {
        bool is_possible = true; // each positive step has an event of this value
        for (int32_t i = 0; i < step_count; i++) {
            size_t from = parted[i].starts[g], count = parted[i].starts[g + 1] - from;
            steps[i] = (Series){.rows = parted[i].rows + from, .count = count};
            is_possible = is_possible && (count > 0 || whole->sequence->steps[i].is_negated);
        }
        if (!is_possible) {
            continue;
        }
        Chain chain = find_chain(&search);
        if (chain.count > 0 &&
            (best.count == 0 || chain.rows[chain.count - 1] > best.rows[best.count - 1])) {
            best = chain;
        }
    }
    return best;
}

void engine_sequence_chain(Work *work, const Sequence *sequence, Span *ret_span,
                           const uint64_t **ret_rows, size_t *ret_count) {
    assert(sequence->step_count > 0 && !sequence->steps[0].is_negated);
    const int32_t *series = work->ready->step_series[sequence - work->plan->sequences];
    *ret_rows = NULL;
    *ret_count = 0;
    *ret_span = engine_window_span(work, &sequence->window);
    Series *steps =
        engine_work_alloc(work, work->passing, (size_t)sequence->step_count, sizeof(Series));
    if (ret_span->is_null || steps == NULL) {
        return;
    }
    for (int32_t i = 0; i < sequence->step_count; i++) {
        steps[i] = *engine_work_series(work, series[i]);
    }
    Search search = {.work = work, .sequence = sequence, .span = ret_span, .steps = steps};
    Chain chain = sequence->by == NODE_NONE ? find_chain(&search) : find_chain_by(&search);
    *ret_rows = chain.rows;
    *ret_count = chain.count;
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
