// What a pass adds up when its value is an expression or a floating-point number: values of the
// matches come as lanes of rows, a chunk at a time.
#include <assert.h>
#include <string.h>

#include "engine/kernel_private.h"

// Values of matches [low, low + count).
typedef struct Chunk {
    const Lanes *lanes;
    const uint8_t *customers;
    uint32_t first_lane, count;
} Chunk;

static void add_counts(KernelWork *work, const Chunk *chunk) {
    uint32_t *counts = work->counts + chunk->first_lane;
    for (uint32_t i = 0; i < chunk->count; i++)
        counts[chunk->customers[i]] += (uint32_t)BIT_GET(chunk->lanes->valid, i);
}

static void add_wides(KernelWork *work, const Chunk *chunk) {
    Int128 *wides = work->wides + chunk->first_lane;
    for (uint32_t i = 0; i < chunk->count; i++) {
        if (BIT_GET(chunk->lanes->valid, i))
            wides[chunk->customers[i]] += chunk->lanes->integers[i];
    }
}

// In the order of events, as the evaluator adds: a sum of doubles depends on it.
static void add_numbers(KernelWork *work, const Chunk *chunk) {
    double *numbers = work->numbers + chunk->first_lane;
    for (uint32_t i = 0; i < chunk->count; i++) {
        if (BIT_GET(chunk->lanes->valid, i))
            numbers[chunk->customers[i]] += chunk->lanes->numbers[i];
    }
}

static void add_extremes(KernelWork *work, bool is_max, const Chunk *chunk) {
    for (uint32_t i = 0; i < chunk->count; i++) {
        uint32_t lane = chunk->first_lane + chunk->customers[i];
        int64_t value = chunk->lanes->integers[i];
        if (!BIT_GET(chunk->lanes->valid, i))
            continue;
        if (work->counts[lane]++ == 0 ||
            (is_max ? value > work->sums[lane] : value < work->sums[lane]))
            work->sums[lane] = value;
    }
}

// Newest first: of equal ones (0 and -0) the earliest stays, as in the evaluator.
static void add_number_extremes(KernelWork *work, bool is_max, const Chunk *chunk) {
    for (uint32_t i = chunk->count; i-- > 0;) {
        uint32_t lane = chunk->first_lane + chunk->customers[i];
        double value = chunk->lanes->numbers[i];
        if (!BIT_GET(chunk->lanes->valid, i))
            continue;
        if (work->counts[lane]++ == 0 ||
            (is_max ? value >= work->numbers[lane] : value <= work->numbers[lane]))
            work->numbers[lane] = value;
    }
}

static void add_chunk(KernelWork *work, const Pass *pass, const Chunk *chunk) {
    if (pass->kind == FEATURE_EXTREME) {
        bool is_max = pass->period == AGGREGATE_MAX;
        if (chunk->lanes->type == VALUE_NUMBER)
            add_number_extremes(work, is_max, chunk);
        else
            add_extremes(work, is_max, chunk);
        return;
    }
    add_counts(work, chunk);
    if (pass->kind == FEATURE_SUM)
        add_wides(work, chunk);
    else if (pass->kind == FEATURE_NUMBER)
        add_numbers(work, chunk);
}

void engine_kernel_add_row_begin(KernelWork *work, const Pass *pass) {
    if (pass->kind == FEATURE_SUM)
        memset(work->wides, 0, engine_kernel_lanes_compared(work) * sizeof(*work->wides));
    for (uint32_t lane = 0; pass->kind == FEATURE_NUMBER && lane < work->lane_count; lane++)
        work->numbers[lane] = 0.0;
}

void engine_kernel_add_rows(KernelWork *work, const Pass *pass, const Matches *matches,
                            uint32_t low, uint32_t high) {
    bool is_downward = pass->kind == FEATURE_EXTREME;
    while (low < high) {
        uint32_t count = high - low < LANE_COUNT_MAX ? high - low : LANE_COUNT_MAX;
        uint32_t from = is_downward ? high - count : low;
        Chunk chunk = {
            .customers = matches->lanes + from, .first_lane = matches->first_lane, .count = count};
        chunk.lanes = engine_kernel_row_lanes(work, matches, from, count, pass->value);
        if (chunk.lanes == NULL)
            return;
        add_chunk(work, pass, &chunk);
        if (is_downward)
            high = from;
        else
            low += count;
    }
}

// Sums of 128 bits become values, those out of range null.
void engine_kernel_add_row_settle(KernelWork *work, const Pass *pass) {
    bool is_decimal = work->kernel->plan->nodes[pass->value].type == VALUE_DECIMAL;
    if (pass->kind != FEATURE_SUM)
        return;
    memset(work->sum_valid, 0, sizeof(work->sum_valid));
    for (uint32_t lane = 0; lane < work->lane_count; lane++) {
        Value value = is_decimal ? engine_value_decimal(work->wides[lane])
                                 : engine_value_integer(work->wides[lane]);
        if (value.is_null)
            continue;
        work->sums[lane] = is_decimal ? value.decimal : value.integer;
        BIT_SET(work->sum_valid, lane);
    }
}

bool engine_kernel_add_row_fits(const Pass *pass, const Matches *matches, int32_t count,
                                ValueType type) {
    if (type != VALUE_NUMBER || pass->kind == FEATURE_COUNT)
        return true;
    const Block *with = NULL; // the matches of a block follow one another
    for (int32_t s = 0; s < count; s++) {
        if (matches[s].count == 0)
            continue;
        if (with == matches[s].block)
            return false;
        with = matches[s].block;
    }
    return true;
}
