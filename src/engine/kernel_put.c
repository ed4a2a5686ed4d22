// From what a pass has added up into the lanes: comparisons become masks at once, values columns.
#include <assert.h>
#include <string.h>

#include "engine/kernel_private.h"

static Lanes *lanes_for(const Target *target, NodeId id) {
    if (target->is_first)
        return engine_lanes_put(target->work->frame, id);
    const Lanes *lanes = NULL;
    int code = engine_lanes_node(target->work->frame, id, &lanes);
    assert(code == 0 && lanes != NULL);
    (void)code;
    return (Lanes *)lanes; // it was put for other lanes of this block
}

// Lanes where `has` is false are null.
static void put_bits(const Target *target, NodeId id, const uint64_t *bits, const uint64_t *has) {
    Lanes *lanes = lanes_for(target, id);
    for (uint32_t w = 0; w < LANE_WORDS; w++) {
        uint64_t valid = target->lanes[w] & target->valid[w];
        valid &= has == NULL ? UINT64_MAX : has[w];
        lanes->valid[w] |= valid;
        lanes->bits[w] |= bits[w] & valid;
    }
}

static void mark_valid(const Target *target, Lanes *lanes, const uint64_t *has) {
    for (uint32_t w = 0; w < LANE_WORDS; w++)
        lanes->valid[w] |=
            target->lanes[w] & target->valid[w] & (has == NULL ? UINT64_MAX : has[w]);
}

static uint32_t words_of(const KernelWork *work) {
    return (work->lane_count + 63) / 64;
}

static void invert(uint64_t *bits) {
    for (uint32_t w = 0; w < LANE_WORDS; w++)
        bits[w] = ~bits[w];
}

static void fill(uint64_t *bits, bool is_set) {
    memset(bits, is_set ? 0xff : 0, LANE_WORDS * sizeof(*bits));
}

static bool next_of(int64_t constant, int64_t *ret_next) {
    return !__builtin_add_overflow(constant, 1, ret_next);
}

// --- counts and sums against constants ---

static void at_least_u32(const KernelWork *work, const uint32_t *values, int64_t low,
                         uint64_t *bits) {
    if (low <= 0 || low > UINT32_MAX)
        fill(bits, low <= 0);
    else
        work->compare->at_least_u32(values, words_of(work), (uint32_t)low, bits);
}

// Either the one or the other holds numbers.
typedef struct Numbers {
    const uint32_t *counts;
    const int64_t *sums;
    const uint64_t *has; // lanes where there is one; NULL: in all
} Numbers;

static void at_least(const KernelWork *work, const Numbers *numbers, int64_t low, uint64_t *bits) {
    if (numbers->counts != NULL)
        at_least_u32(work, numbers->counts, low, bits);
    else
        work->compare->at_least_i64(numbers->sums, words_of(work), low, bits);
}

static void equal(const KernelWork *work, const Numbers *numbers, int64_t to, uint64_t *bits) {
    if (numbers->counts == NULL)
        work->compare->equal_i64(numbers->sums, words_of(work), to, bits);
    else if (to < 0 || to > UINT32_MAX)
        fill(bits, false);
    else
        work->compare->equal_u32(numbers->counts, words_of(work), (uint32_t)to, bits);
}

static void above(const KernelWork *work, const Numbers *numbers, int64_t constant,
                  uint64_t *bits) {
    int64_t next;
    if (next_of(constant, &next))
        at_least(work, numbers, next, bits);
    else
        fill(bits, false);
}

static void compare(const KernelWork *work, const Numbers *numbers, CompareOp op, int64_t constant,
                    uint64_t *bits) {
    bool is_equality = op == COMPARE_EQ || op == COMPARE_NE;
    if (is_equality)
        equal(work, numbers, constant, bits);
    else if (op == COMPARE_GE || op == COMPARE_LT)
        at_least(work, numbers, constant, bits);
    else
        above(work, numbers, constant, bits);
    if (op == COMPARE_NE || op == COMPARE_LT || op == COMPARE_LE)
        invert(bits);
}

static void put_use(const Target *target, const FeatureUse *use, const Numbers *numbers) {
    uint64_t bits[LANE_WORDS] = {0}, over[LANE_WORDS] = {0};
    if (use->kind == USE_COMPARE) {
        compare(target->work, numbers, use->op, use->low, bits);
    } else {
        at_least(target->work, numbers, use->low, bits);
        above(target->work, numbers, use->high, over);
        for (uint32_t w = 0; w < LANE_WORDS; w++)
            bits[w] &= ~over[w];
        if (use->is_negated)
            invert(bits);
    }
    put_bits(target, use->node, bits, numbers->has);
}

static void put_uses(const Target *target, const Feature *feature, const Numbers *numbers) {
    const Kernel *kernel = target->work->kernel;
    for (int32_t i = 0; i < feature->use_count; i++)
        put_use(target, &kernel->uses[feature->first_use + i], numbers);
}

#define EACH_LANE(target, lane)                                                                    \
    for (uint32_t lane = 0; (lane) < (target)->work->lane_count; (lane)++)                         \
        if (BIT_GET((target)->lanes, lane) && BIT_GET((target)->valid, lane))

static void put_counts(const Target *target, const Feature *feature) {
    KernelWork *work = target->work;
    Numbers numbers = {.counts = work->counts};
    AggregateFunction function = work->kernel->plan->aggregates[feature->aggregate].function;
    if (function == AGGREGATE_DID || function == AGGREGATE_NEVER) {
        uint64_t bits[LANE_WORDS] = {0};
        at_least(work, &numbers, 1, bits);
        if (function == AGGREGATE_NEVER)
            invert(bits);
        put_bits(target, feature->node, bits, NULL);
        return;
    }
    put_uses(target, feature, &numbers);
    if (!feature->needs_column)
        return;
    Lanes *lanes = lanes_for(target, feature->node);
    EACH_LANE(target, lane)
    lanes->integers[lane] = work->counts[lane];
    mark_valid(target, lanes, NULL);
}

static void put_averages(const Target *target, const Feature *feature) {
    KernelWork *work = target->work;
    const Plan *plan = work->kernel->plan;
    bool is_decimal = plan->nodes[plan->aggregates[feature->aggregate].value].type == VALUE_DECIMAL;
    Lanes *lanes = lanes_for(target, feature->node);
    EACH_LANE(target, lane) {
        double sum =
            feature->value == NODE_NONE ? (double)work->sums[lane] : (double)work->wides[lane];
        sum = is_decimal ? sum / (double)VALUE_DECIMAL_ONE : sum;
        if (work->counts[lane] > 0)
            engine_lanes_set(lanes, lane, engine_value_finite(sum / (double)work->counts[lane]));
    }
}

static void put_sums(const Target *target, const Feature *feature) {
    KernelWork *work = target->work;
    if (work->kernel->plan->aggregates[feature->aggregate].function == AGGREGATE_AVG) {
        put_averages(target, feature);
        return;
    }
    Numbers numbers = {.sums = work->sums,
                       .has = feature->value == NODE_NONE ? NULL : work->sum_valid};
    put_uses(target, feature, &numbers);
    if (!feature->needs_column)
        return;
    Lanes *lanes = lanes_for(target, feature->node);
    EACH_LANE(target, lane)
    lanes->integers[lane] = work->sums[lane];
    mark_valid(target, lanes, numbers.has);
}

static void put_numbers(const Target *target, const Feature *feature) {
    KernelWork *work = target->work;
    const Aggregate *aggregate = &work->kernel->plan->aggregates[feature->aggregate];
    Lanes *lanes = lanes_for(target, feature->node);
    EACH_LANE(target, lane) {
        double sum = work->numbers[lane];
        uint32_t count = work->counts[lane];
        if (aggregate->function == AGGREGATE_SUM)
            engine_lanes_set(lanes, lane,
                             engine_value_widen(engine_value_finite(sum), aggregate->type));
        else if (count > 0)
            engine_lanes_set(lanes, lane, engine_value_finite(sum / (double)count));
    }
}

// --- other values ---

static void put_extremes(const Target *target, const Feature *feature) {
    KernelWork *work = target->work;
    const Plan *plan = work->kernel->plan;
    const Aggregate *aggregate = &plan->aggregates[feature->aggregate];
    ValueType from = plan->nodes[aggregate->value].type;
    Lanes *lanes = lanes_for(target, feature->node);
    EACH_LANE(target, lane) {
        Value value = {.type = from};
        if (work->counts[lane] == 0)
            continue;
        if (from == VALUE_NUMBER)
            value.number = work->numbers[lane];
        else if (from == VALUE_DATE)
            value.date = (int32_t)work->sums[lane];
        else
            value.integer = work->sums[lane];
        engine_lanes_set(lanes, lane, engine_value_widen(value, aggregate->type));
    }
}

static void put_gaps(const Target *target, const Feature *feature) {
    KernelWork *work = target->work;
    Lanes *lanes = lanes_for(target, feature->node);
    EACH_LANE(target, lane) {
        if (work->counts[lane] < 2)
            continue;
        double days = (double)(work->sums[lane] - work->firsts[lane]) / ENGINE_US_PER_DAY;
        engine_lanes_set(lanes, lane, engine_value_finite(days / (double)(work->counts[lane] - 1)));
    }
}

// --- picked events ---

static int32_t picked_stream(const Picked *picked, uint32_t lane) {
    return picked->kind == PICKED_ROWS ? picked->stream : picked->streams[lane];
}

static const Block *block_of(const KernelWork *work, uint32_t lane) {
    return &work->blocks[lane / BLOCK_CUSTOMER_MAX];
}

static int64_t picked_us(const KernelWork *work, uint32_t lane) {
    const Block *block = block_of(work, lane);
    const Picked *picked = &work->picked;
    return picked->kind == PICKED_PLACES
               ? picked->us[lane]
               : data_block_time(block->time, &block->streams[picked->stream],
                                 picked->row1[lane] - 1);
}

// Lanes of each block whose row1 is at least the block's bound.
static void picked_from(const KernelWork *work, const uint32_t *bounds, uint64_t *ret_bits) {
    fill(ret_bits, false);
    for (uint32_t b = 0; b < work->block_count; b++) {
        uint32_t words = (work->blocks[b].customer_count + 63) / 64;
        work->compare->at_least_u32(work->picked.row1 + (size_t)b * BLOCK_CUSTOMER_MAX, words,
                                    bounds[b], ret_bits + (size_t)b * BLOCK_WORDS);
    }
}

// Lanes whose event is inside the window.
static void picked_lanes(const Target *target, uint64_t *ret_has) {
    const Picked *picked = &target->work->picked;
    uint32_t bounds[KERNEL_BLOCKS_MAX];
    for (uint32_t b = 0; b < KERNEL_BLOCKS_MAX; b++)
        bounds[b] = picked->kind == PICKED_ROWS    ? target->from[b] + 1
                    : picked->kind == PICKED_TICKS ? target->from[b]
                                                   : 1;
    picked_from(target->work, bounds, ret_has);
}

static void put_places(const Target *target, const Feature *feature, const uint64_t *has) {
    KernelWork *work = target->work;
    Places *places = &work->anchors[feature->anchor];
    if (target->is_first)
        memset(places->valid, 0, sizeof(places->valid));
    EACH_LANE(target, lane) {
        if (!BIT_GET(has, lane))
            continue;
        uint32_t row = work->picked.row1[lane] - 1;
        int32_t stream = picked_stream(&work->picked, lane);
        places->us[lane] = picked_us(work, lane);
        places->order[lane] = engine_kernel_order(&block_of(work, lane)->streams[stream], row);
        BIT_SET(places->valid, lane);
    }
}

// Times ascend with rows, so an instant is a row.
static void put_since(const Target *target, const FeatureUse *use, const uint64_t *has) {
    KernelWork *work = target->work;
    const Picked *picked = &work->picked;
    int64_t since_us = work->now_us - use->low;
    uint64_t bits[LANE_WORDS] = {0};
    if (picked->kind == PICKED_PLACES) {
        work->compare->at_least_i64(picked->us, words_of(work), since_us, bits);
    } else {
        uint32_t bounds[KERNEL_BLOCKS_MAX] = {0};
        for (uint32_t b = 0; b < work->block_count; b++) {
            const Block *block = &work->blocks[b];
            bounds[b] = picked->kind == PICKED_TICKS
                            ? engine_kernel_tick(block->time, since_us)
                            : engine_kernel_rows_until(block->time, &block->streams[picked->stream],
                                                       since_us - 1) +
                                  1;
        }
        picked_from(work, bounds, bits);
    }
    if (use->op == COMPARE_GT || use->op == COMPARE_GE)
        invert(bits);
    put_bits(target, use->node, bits, has);
}

static Value picked_value(KernelWork *work, const Feature *feature, uint32_t lane) {
    const Plan *plan = work->kernel->plan;
    if (feature->property < 0)
        return (Value){.type = VALUE_TIME, .time_us = picked_us(work, lane)};
    const Block *block = block_of(work, lane);
    int32_t stream = picked_stream(&work->picked, lane);
    const BlockColumn *column = engine_kernel_column(work, block, stream, feature->property);
    uint64_t code = data_block_code(column->coding, column->codes, work->picked.row1[lane] - 1);
    Value value = engine_kernel_code_value(work->binding->source, block->partition, column->coding,
                                           code, work->table_arena);
    value = engine_value_widen(value, plan->properties[feature->property].type);
    return engine_value_widen(value, plan->aggregates[feature->aggregate].type);
}

static void put_picks(const Target *target, const Feature *feature) {
    KernelWork *work = target->work;
    const Kernel *kernel = work->kernel;
    uint64_t has[LANE_WORDS];
    picked_lanes(target, has);
    if (feature->is_anchor)
        put_places(target, feature, has);
    for (int32_t i = 0; i < feature->use_count; i++)
        put_since(target, &kernel->uses[feature->first_use + i], has);
    if (!feature->needs_column)
        return;
    Lanes *lanes = lanes_for(target, feature->node);
    EACH_LANE(target, lane) {
        if (BIT_GET(has, lane))
            engine_lanes_set(lanes, lane, picked_value(work, feature, lane));
    }
}

void engine_kernel_put(const Target *target, const Feature *feature) {
    switch (feature->kind) {
    case FEATURE_COUNT:
    case FEATURE_DISTINCT:
    case FEATURE_PERIODS:
        put_counts(target, feature);
        break;
    case FEATURE_SUM:
        put_sums(target, feature);
        break;
    case FEATURE_NUMBER:
        put_numbers(target, feature);
        break;
    case FEATURE_EXTREME:
        put_extremes(target, feature);
        break;
    case FEATURE_GAP:
        put_gaps(target, feature);
        break;
    case FEATURE_PICK:
        put_picks(target, feature);
        break;
    case FEATURE_SLOW:
        assert(false && "a slow feature in a pass");
    }
}
