// A pass: one loop over the matches of a selection, newest first, that answers every window which
// ends at the same place. What has been added up when the loop reaches a window's start is that
// window's answer.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "engine/kernel_private.h"

// --- results ---

typedef struct Target {
    KernelWork *work;
    const uint64_t *lanes; // that the result is for
    const uint64_t *valid; // lanes with a result; others are null
    bool is_first;         // nothing was put for other lanes yet
} Target;

static Lanes *lanes_for(const Target *target, NodeId id) {
    if (target->is_first)
        return engine_lanes_put(target->work->frame, id);
    const Lanes *lanes = NULL;
    int code = engine_lanes_node(target->work->frame, id, &lanes);
    assert(code == 0 && lanes != NULL);
    (void)code;
    return (Lanes *)lanes; // it was put for other lanes of this block
}

static void put_bits(const Target *target, NodeId id, const uint64_t *bits) {
    Lanes *lanes = lanes_for(target, id);
    for (uint32_t w = 0; w < BLOCK_WORDS; w++) {
        uint64_t valid = target->lanes[w] & target->valid[w];
        lanes->valid[w] |= valid;
        lanes->bits[w] |= bits[w] & valid;
    }
}

static uint32_t words_of(const KernelWork *work) {
    return (work->block->customer_count + 63) / 64;
}

static void invert(uint64_t *bits) {
    for (uint32_t w = 0; w < BLOCK_WORDS; w++)
        bits[w] = ~bits[w];
}

static void fill(uint64_t *bits, bool is_set) {
    memset(bits, is_set ? 0xff : 0, BLOCK_WORDS * sizeof(*bits));
}

static bool next_of(int64_t constant, int64_t *ret_next) {
    return !__builtin_add_overflow(constant, 1, ret_next);
}

static void at_least_u32(const KernelWork *work, const uint32_t *values, int64_t low,
                         uint64_t *bits) {
    if (low <= 0 || low > UINT32_MAX)
        fill(bits, low <= 0);
    else
        work->compare->at_least_u32(values, words_of(work), (uint32_t)low, bits);
}

static void compare_u32(const KernelWork *work, const uint32_t *values, CompareOp op,
                        int64_t constant, uint64_t *bits) {
    int64_t next;
    fill(bits, false);
    if (op == COMPARE_EQ || op == COMPARE_NE) {
        if (constant >= 0 && constant <= UINT32_MAX)
            work->compare->equal_u32(values, words_of(work), (uint32_t)constant, bits);
        if (op == COMPARE_NE)
            invert(bits);
        return;
    }
    if (op == COMPARE_GE || op == COMPARE_LT)
        at_least_u32(work, values, constant, bits);
    else if (next_of(constant, &next))
        at_least_u32(work, values, next, bits);
    if (op == COMPARE_LT || op == COMPARE_LE)
        invert(bits);
}

static void compare_i64(const KernelWork *work, const int64_t *values, CompareOp op,
                        int64_t constant, uint64_t *bits) {
    int64_t next;
    fill(bits, false);
    if (op == COMPARE_EQ || op == COMPARE_NE)
        work->compare->equal_i64(values, words_of(work), constant, bits);
    else if (op == COMPARE_GE || op == COMPARE_LT)
        work->compare->at_least_i64(values, words_of(work), constant, bits);
    else if (next_of(constant, &next))
        work->compare->at_least_i64(values, words_of(work), next, bits);
    if (op == COMPARE_NE || op == COMPARE_LT || op == COMPARE_LE)
        invert(bits);
}

#define EACH_LANE(target, lane)                                                                    \
    for (uint32_t lane = 0; lane < (target)->work->block->customer_count; lane++)                  \
        if (BIT_GET((target)->lanes, lane) && BIT_GET((target)->valid, lane))

static void put_counts(const Target *target, const Feature *feature, const uint32_t *counts) {
    KernelWork *work = target->work;
    const Kernel *kernel = work->kernel;
    AggregateFunction function = kernel->plan->aggregates[feature->aggregate].function;
    uint64_t bits[BLOCK_WORDS];
    if (function == AGGREGATE_DID || function == AGGREGATE_NEVER) {
        compare_u32(work, counts, function == AGGREGATE_DID ? COMPARE_GT : COMPARE_EQ, 0, bits);
        put_bits(target, feature->node, bits);
        return;
    }
    for (int32_t i = 0; i < feature->use_count; i++) {
        const FeatureUse *use = &kernel->uses[feature->first_use + i];
        compare_u32(work, counts, use->op, use->constant, bits);
        put_bits(target, use->node, bits);
    }
    if (!feature->needs_column)
        return;
    Lanes *lanes = lanes_for(target, feature->node);
    EACH_LANE(target, lane)
    lanes->integers[lane] = counts[lane];
    for (uint32_t w = 0; w < BLOCK_WORDS; w++)
        lanes->valid[w] |= target->lanes[w] & target->valid[w];
}

static void put_sums(const Target *target, const Feature *feature, const int64_t *sums,
                     const uint32_t *counts) {
    KernelWork *work = target->work;
    const Kernel *kernel = work->kernel;
    const Aggregate *aggregate = &kernel->plan->aggregates[feature->aggregate];
    if (aggregate->function == AGGREGATE_AVG) {
        bool is_decimal = kernel->plan->nodes[aggregate->value].type == VALUE_DECIMAL;
        Lanes *lanes = lanes_for(target, feature->node);
        EACH_LANE(target, lane) {
            double sum =
                is_decimal ? (double)sums[lane] / (double)VALUE_DECIMAL_ONE : (double)sums[lane];
            if (counts[lane] > 0)
                engine_lanes_set(lanes, lane, engine_value_finite(sum / (double)counts[lane]));
        }
        return;
    }
    for (int32_t i = 0; i < feature->use_count; i++) {
        const FeatureUse *use = &kernel->uses[feature->first_use + i];
        uint64_t bits[BLOCK_WORDS];
        compare_i64(work, sums, use->op, use->constant, bits);
        put_bits(target, use->node, bits);
    }
    if (!feature->needs_column)
        return;
    Lanes *lanes = lanes_for(target, feature->node);
    EACH_LANE(target, lane)
    lanes->integers[lane] = sums[lane];
    for (uint32_t w = 0; w < BLOCK_WORDS; w++)
        lanes->valid[w] |= target->lanes[w] & target->valid[w];
}

static void put_extremes(const Target *target, const Feature *feature, const int64_t *best,
                         const uint32_t *counts) {
    const Plan *plan = target->work->kernel->plan;
    const Aggregate *aggregate = &plan->aggregates[feature->aggregate];
    ValueType from = plan->nodes[aggregate->value].type;
    Lanes *lanes = lanes_for(target, feature->node);
    EACH_LANE(target, lane) {
        Value value = {.type = from};
        if (counts[lane] == 0)
            continue;
        if (from == VALUE_DATE)
            value.date = (int32_t)best[lane];
        else
            value.integer = best[lane];
        engine_lanes_set(lanes, lane, engine_value_widen(value, aggregate->type));
    }
}

static void put_gaps(const Target *target, const Feature *feature, const int64_t *first_us,
                     const int64_t *last_us, const uint32_t *counts) {
    Lanes *lanes = lanes_for(target, feature->node);
    EACH_LANE(target, lane) {
        if (counts[lane] < 2)
            continue;
        double days = (double)(last_us[lane] - first_us[lane]) / ENGINE_US_PER_DAY;
        engine_lanes_set(lanes, lane, engine_value_finite(days / (double)(counts[lane] - 1)));
    }
}

static void put_picks(const Target *target, const Feature *feature) {
    KernelWork *work = target->work;
    const Kernel *kernel = work->kernel;
    const Aggregate *aggregate = &kernel->plan->aggregates[feature->aggregate];
    const Picked *picked = &work->picked;
    if (feature->is_anchor) {
        Places *places = &work->anchors[feature->anchor];
        if (target->is_first)
            memset(places->valid, 0, sizeof(places->valid));
        EACH_LANE(target, lane) {
            places->us[lane] = picked->us[lane];
            places->order[lane] = picked->order[lane];
            if (BIT_GET(picked->found, lane))
                BIT_SET(places->valid, lane);
        }
    }
    if (!feature->needs_column)
        return;
    Lanes *lanes = lanes_for(target, feature->node);
    EACH_LANE(target, lane) {
        if (!BIT_GET(picked->found, lane))
            continue;
        if (feature->property < 0) {
            engine_lanes_set(lanes, lane, (Value){.type = VALUE_TIME, .time_us = picked->us[lane]});
            continue;
        }
        int32_t stream = picked->stream[lane];
        const BlockColumn *column = engine_kernel_column(work, stream, feature->property);
        uint64_t code = data_block_code(column->coding, column->codes, picked->row[lane]);
        Value value = engine_kernel_code_value(work->binding->source, work->block->partition,
                                               column->coding, code, work->table_arena);
        value = engine_value_widen(value, kernel->plan->properties[feature->property].type);
        engine_lanes_set(lanes, lane, engine_value_widen(value, aggregate->type));
    }
}

// --- loops: each adds the matches of a stream that are not older than row `from` ---

static inline uint32_t row_at(const Matches *matches, uint32_t i) {
    return matches->rows == NULL ? i : matches->rows[i];
}

// How far down the list the rows from `from` on reach.
static uint32_t reach_of(const Matches *matches, uint32_t at, uint32_t from) {
    if (matches->rows == NULL)
        return at < from ? at : from;
    while (at > 0 && matches->rows[at - 1] >= from)
        at--;
    return at;
}

static void add_counts(KernelWork *work, const Matches *matches, uint32_t low, uint32_t high) {
    const uint8_t *lanes = matches->lanes;
    uint32_t *counts = work->counts;
    for (uint32_t i = low; i < high; i++)
        counts[lanes[i]]++;
}

// Whether the key is new for the lane.
static bool see(Seen *seen, uint64_t key, uint32_t lane) {
    uint64_t hash = (key ^ ((uint64_t)lane << 56)) * UINT64_C(0x9e3779b97f4a7c15);
    size_t mask = seen->room - 1, at = (size_t)(hash >> 20) & mask;
    while (seen->entries[at].stamp == seen->stamp) {
        if (seen->entries[at].key == key && seen->entries[at].lane == lane)
            return false;
        at = (at + 1) & mask;
    }
    seen->entries[at] = (struct SeenEntry){.key = key, .stamp = seen->stamp, .lane = lane};
    return true;
}

static void seen_begin(Seen *seen, size_t count) {
    size_t room = 256;
    while (room < count * 2)
        room *= 2;
    if (room > seen->room) {
        free(seen->entries);
        seen->entries = calloc(room, sizeof(*seen->entries));
        if (seen->entries == NULL)
            abort();
        seen->room = room;
        seen->stamp = 0;
    }
    if (++seen->stamp == 0) { // the stamps begin again
        memset(seen->entries, 0, seen->room * sizeof(*seen->entries));
        seen->stamp = 1;
    }
}

// What makes two values one, over all streams of a property.
static uint64_t key_of(const BlockColumn *column, ValueType type, uint64_t code) {
    const BlockCoding *coding = column->coding;
    Value value = {.type = coding->type};
    uint64_t key = 0;
    switch (coding->kind) {
    case BLOCK_CODE_TEXT:
        return coding->texts[code];
    case BLOCK_CODE_WHOLE:
    case BLOCK_CODE_LINEAR:
        value.integer = coding->kind == BLOCK_CODE_WHOLE ? coding->integers[code]
                                                         : data_block_linear(coding, code);
        if (coding->type == VALUE_DATE || coding->type == VALUE_BOOLEAN || coding->type == type)
            return (uint64_t)value.integer;
        value = engine_value_widen(value, type);
        break;
    case BLOCK_CODE_NUMBER:
        value.number = coding->numbers[code];
        break;
    case BLOCK_CODE_DOUBLE: {
        uint64_t bits = code ^ BLOCK_DOUBLE_NULL;
        memcpy(&value.number, &bits, sizeof(bits));
        break;
    }
    case BLOCK_CODE_LIST:
        return code;
    }
    if (type != VALUE_NUMBER)
        return (uint64_t)value.integer;
    double number = value.number == 0 ? 0.0 : value.number; // -0 is 0
    memcpy(&key, &number, sizeof(key));
    return key;
}

static void add_distinct(KernelWork *work, const Pass *pass, const Matches *matches, uint32_t low,
                         uint32_t high) {
    const BlockColumn *column = engine_kernel_column(work, matches->stream, pass->property);
    ValueType type = work->kernel->plan->properties[pass->property].type;
    if (column == NULL)
        return;
    for (uint32_t i = high; i-- > low;) {
        uint64_t code = data_block_code(column->coding, column->codes, row_at(matches, i));
        uint32_t lane = matches->lanes[i];
        if (code != 0 && see(&work->seen, key_of(column, type, code), lane))
            work->counts[lane]++;
    }
}

static int32_t period_of(AggregateFunction function, int32_t day) {
    if (function == AGGREGATE_WEEKS)
        return day - (base_calendar_weekday(day) - 1);
    if (function == AGGREGATE_MONTHS) {
        Date date = base_calendar_date(day);
        return date.year * 12 + date.month - 1;
    }
    return day;
}

static void add_periods(KernelWork *work, const Pass *pass, const Matches *matches, uint32_t low,
                        uint32_t high) {
    const BlockStream *stream = &work->block->streams[matches->stream];
    for (uint32_t i = high; i-- > low;) {
        uint32_t lane = matches->lanes[i];
        int64_t us = data_block_time(work->block->time, stream, row_at(matches, i));
        int32_t day = base_zone_day(work->zones[work->lane_zones[lane]].zone, us);
        if (see(&work->seen, (uint64_t)(int64_t)period_of(pass->period, day), lane))
            work->counts[lane]++;
    }
}

// The value of a code times what widens it, and its size at most.
typedef struct Linear {
    int64_t base, scale;
    uint64_t size_max;
} Linear;

static bool linear_of(const BlockColumn *column, ValueType type, Linear *ret_linear) {
    const BlockCoding *coding = column->coding;
    if (coding->kind != BLOCK_CODE_LINEAR)
        return false;
    int64_t factor = coding->type == VALUE_INTEGER && type == VALUE_DECIMAL ? VALUE_DECIMAL_ONE : 1;
    __int128 low = (__int128)coding->base * factor;
    __int128 high = low + (__int128)coding->scale * factor *
                              (coding->code_count < 2 ? 0 : (__int128)(coding->code_count - 2));
    __int128 size = -low > high ? -low : high;
    size = low > size ? low : size;
    if (size >= VALUE_DECIMAL_LIMIT || (__int128)coding->scale * factor >= VALUE_DECIMAL_LIMIT)
        return false;
    *ret_linear = (Linear){.base = (int64_t)low - coding->scale * factor,
                           .scale = coding->scale * factor,
                           .size_max = (uint64_t)size};
    return true;
}

#define ADD_SUMS(Code)                                                                             \
    static void add_sums_##Code(const Code *codes, const Matches *matches, uint32_t low,           \
                                uint32_t high, int64_t base, int64_t scale, int64_t *sums) {       \
        const uint8_t *lanes = matches->lanes;                                                     \
        if (matches->rows == NULL) {                                                               \
            for (uint32_t i = low; i < high; i++)                                                  \
                sums[lanes[i]] += codes[i] == 0 ? 0 : base + scale * (int64_t)codes[i];            \
        } else {                                                                                   \
            for (uint32_t i = low; i < high; i++) {                                                \
                Code code = codes[matches->rows[i]];                                               \
                sums[lanes[i]] += code == 0 ? 0 : base + scale * (int64_t)code;                    \
            }                                                                                      \
        }                                                                                          \
    }
ADD_SUMS(uint8_t)
ADD_SUMS(uint16_t)
ADD_SUMS(uint32_t)
ADD_SUMS(uint64_t)

static void add_values(KernelWork *work, const BlockColumn *column, const Matches *matches,
                       uint32_t low, uint32_t high) {
    for (uint32_t i = low; i < high; i++) {
        if (data_block_code(column->coding, column->codes, row_at(matches, i)) != 0)
            work->counts[matches->lanes[i]]++;
    }
}

static void add_sums(KernelWork *work, const Pass *pass, const Matches *matches, uint32_t low,
                     uint32_t high) {
    const BlockColumn *column = engine_kernel_column(work, matches->stream, pass->property);
    Linear linear;
    if (column == NULL)
        return;
    bool is_linear =
        linear_of(column, work->kernel->plan->properties[pass->property].type, &linear);
    assert(is_linear);
    (void)is_linear;
    switch (column->coding->width) {
    case 1:
        add_sums_uint8_t(column->codes, matches, low, high, linear.base, linear.scale, work->sums);
        break;
    case 2:
        add_sums_uint16_t(column->codes, matches, low, high, linear.base, linear.scale, work->sums);
        break;
    case 4:
        add_sums_uint32_t(column->codes, matches, low, high, linear.base, linear.scale, work->sums);
        break;
    default:
        add_sums_uint64_t(column->codes, matches, low, high, linear.base, linear.scale, work->sums);
        break;
    }
    if (pass->needs_counts)
        add_values(work, column, matches, low, high);
}

static void add_extremes(KernelWork *work, const Pass *pass, const Matches *matches, uint32_t low,
                         uint32_t high) {
    const BlockColumn *column = engine_kernel_column(work, matches->stream, pass->property);
    Linear linear;
    if (column == NULL ||
        !linear_of(column, work->kernel->plan->properties[pass->property].type, &linear))
        return; // checked at the pass's begin
    bool is_max = pass->period == AGGREGATE_MAX;
    for (uint32_t i = low; i < high; i++) {
        uint64_t code = data_block_code(column->coding, column->codes, row_at(matches, i));
        uint32_t lane = matches->lanes[i];
        int64_t value = linear.base + linear.scale * (int64_t)code;
        if (code == 0)
            continue;
        if (work->counts[lane]++ == 0 ||
            (is_max ? value > work->sums[lane] : value < work->sums[lane]))
            work->sums[lane] = value;
    }
}

static void add_gaps(KernelWork *work, const Matches *matches, uint32_t low, uint32_t high) {
    const BlockStream *stream = &work->block->streams[matches->stream];
    for (uint32_t i = high; i-- > low;) {
        uint32_t lane = matches->lanes[i];
        int64_t us = data_block_time(work->block->time, stream, row_at(matches, i));
        bool is_new = work->counts[lane]++ == 0;
        if (is_new || us > work->sums[lane])
            work->sums[lane] = us;
        if (is_new || us < work->firsts[lane])
            work->firsts[lane] = us;
    }
}

static void pick(Picked *picked, uint32_t lane, int64_t us, uint64_t order, uint32_t row,
                 int32_t stream) {
    picked->us[lane] = us;
    picked->order[lane] = order;
    picked->row[lane] = row;
    picked->stream[lane] = stream;
    BIT_SET(picked->found, lane);
}

static void add_picks(KernelWork *work, const Pass *pass, const Matches *matches, uint32_t low,
                      uint32_t high) {
    const BlockStream *stream = &work->block->streams[matches->stream];
    const BlockColumn *column = NULL;
    Picked *picked = &work->picked;
    bool is_last = pass->period == AGGREGATE_LAST;
    if (pass->property >= 0) {
        column = engine_kernel_column(work, matches->stream, pass->property);
        if (column == NULL)
            return;
    }
    for (uint32_t i = high; i-- > low;) {
        uint32_t lane = matches->lanes[i], row = row_at(matches, i);
        bool is_found = BIT_GET(picked->found, lane);
        if (column != NULL && data_block_code(column->coding, column->codes, row) == 0)
            continue;
        if (is_found && is_last && picked->stream[lane] == matches->stream)
            continue; // newest first
        int64_t us = data_block_time(work->block->time, stream, row);
        uint64_t order = engine_kernel_order(stream, row);
        bool is_later =
            us > picked->us[lane] || (us == picked->us[lane] && order > picked->order[lane]);
        if (!is_found || is_later == is_last)
            pick(picked, lane, us, order, row, matches->stream);
    }
}

// The n-th from either end, of one stream.
static void add_nth(KernelWork *work, int64_t n, const Pass *pass, const Matches *matches,
                    uint32_t low, uint32_t high) {
    const BlockStream *stream = &work->block->streams[matches->stream];
    const BlockColumn *column = NULL;
    if (pass->property >= 0) {
        column = engine_kernel_column(work, matches->stream, pass->property);
        if (column == NULL)
            return;
    }
    uint64_t distance = n > 0 ? (uint64_t)n : 0 - (uint64_t)n;
    for (uint32_t step = 0; step < high - low; step++) {
        uint32_t i = n > 0 ? low + step : high - 1 - step;
        uint32_t lane = matches->lanes[i], row = row_at(matches, i);
        if (column != NULL && data_block_code(column->coding, column->codes, row) == 0)
            continue;
        if (++work->counts[lane] == distance)
            pick(&work->picked, lane, data_block_time(work->block->time, stream, row),
                 engine_kernel_order(stream, row), row, matches->stream);
    }
}

// --- the pass ---

static void add(KernelWork *work, const Pass *pass, const Matches *matches, uint32_t low,
                uint32_t high) {
    if (low >= high)
        return;
    switch (pass->kind) {
    case FEATURE_COUNT:
        add_counts(work, matches, low, high);
        break;
    case FEATURE_DISTINCT:
        add_distinct(work, pass, matches, low, high);
        break;
    case FEATURE_PERIODS:
        add_periods(work, pass, matches, low, high);
        break;
    case FEATURE_SUM:
        add_sums(work, pass, matches, low, high);
        break;
    case FEATURE_EXTREME:
        add_extremes(work, pass, matches, low, high);
        break;
    case FEATURE_GAP:
        add_gaps(work, matches, low, high);
        break;
    case FEATURE_PICK:
        if (pass->period == AGGREGATE_NTH)
            add_nth(
                work,
                work->kernel->plan->aggregates[work->kernel->features[pass->features[0]].aggregate]
                    .n,
                pass, matches, low, high);
        else
            add_picks(work, pass, matches, low, high);
        break;
    case FEATURE_SLOW:
        assert(false && "a slow feature in a pass");
    }
}

static void begin(KernelWork *work, const Pass *pass, const Matches *matches, int32_t count) {
    memset(work->counts, 0, sizeof(work->counts));
    if (pass->kind == FEATURE_SUM)
        memset(work->sums, 0, sizeof(work->sums));
    if (pass->kind == FEATURE_PICK)
        memset(work->picked.found, 0, sizeof(work->picked.found));
    if (pass->kind == FEATURE_DISTINCT || pass->kind == FEATURE_PERIODS) {
        size_t rows = 0;
        for (int32_t s = 0; s < count; s++)
            rows += matches[s].count;
        seen_begin(&work->seen, rows);
    }
}

static void put(const Target *target, const Feature *feature) {
    KernelWork *work = target->work;
    switch (feature->kind) {
    case FEATURE_COUNT:
    case FEATURE_DISTINCT:
    case FEATURE_PERIODS:
        put_counts(target, feature, work->counts);
        break;
    case FEATURE_SUM:
        put_sums(target, feature, work->sums, work->counts);
        break;
    case FEATURE_EXTREME:
        put_extremes(target, feature, work->sums, work->counts);
        break;
    case FEATURE_GAP:
        put_gaps(target, feature, work->firsts, work->sums, work->counts);
        break;
    case FEATURE_PICK:
        put_picks(target, feature);
        break;
    case FEATURE_SLOW:
        assert(false && "a slow feature in a pass");
    }
}

// Whether this block's values fit the loop: no sum can leave its range, columns are numbers in a
// line. Else the reference answers.
static bool fits_loop(KernelWork *work, const Pass *pass, const Matches *matches, int32_t count) {
    if (pass->kind == FEATURE_PICK && pass->period == AGGREGATE_NTH) {
        int32_t filled = 0;
        for (int32_t s = 0; s < count; s++)
            filled += matches[s].count > 0;
        return filled <= 1;
    }
    if (pass->property < 0)
        return true;
    ValueType type = work->kernel->plan->properties[pass->property].type;
    bool is_sum = pass->kind == FEATURE_SUM, is_linear = is_sum || pass->kind == FEATURE_EXTREME;
    __int128 most = 0;
    for (int32_t s = 0; s < count; s++) {
        const BlockColumn *column = engine_kernel_column(work, matches[s].stream, pass->property);
        Linear linear;
        if (column == NULL || matches[s].count == 0)
            continue;
        bool can_vanish = column->coding->type == VALUE_INTEGER && type == VALUE_DECIMAL;
        if (!is_linear && !can_vanish)
            continue;
        if (!linear_of(column, type, &linear))
            return false;
        most += (__int128)linear.size_max * (is_sum ? matches[s].count : 1);
    }
    return most < VALUE_DECIMAL_LIMIT;
}

static void answer_slowly(KernelWork *work, const Pass *pass) {
    const Kernel *kernel = work->kernel;
    for (int32_t i = 0; i < pass->feature_count; i++) {
        const Feature *feature = &kernel->features[pass->features[i]];
        engine_kernel_slow(work, feature->node, engine_lanes_put(work->frame, feature->node));
        for (int32_t u = 0; u < feature->use_count; u++) {
            NodeId use = kernel->uses[feature->first_use + u].node;
            engine_kernel_slow(work, use, engine_lanes_put(work->frame, use));
        }
        if (feature->is_anchor)
            engine_kernel_slow_places(work, feature);
    }
}

static void pass_by_lane(KernelWork *work, const Pass *pass) {
    uint64_t valid[BLOCK_WORDS], all[BLOCK_WORDS];
    int32_t window = work->kernel->features[pass->features[0]].window, count;
    const Matches *matches =
        engine_kernel_lane_matches(work, pass->selection, window, &count, valid);
    if (!fits_loop(work, pass, matches, count)) {
        answer_slowly(work, pass);
        return;
    }
    engine_kernel_all_lanes(work->block, all);
    begin(work, pass, matches, count);
    for (int32_t s = 0; s < count; s++)
        add(work, pass, &matches[s], 0, matches[s].count);
    Target target = {.work = work, .lanes = all, .valid = valid, .is_first = true};
    for (int32_t i = 0; i < pass->feature_count; i++)
        put(&target, &work->kernel->features[pass->features[i]]);
}

// Features by where their windows begin, latest first.
static void sort_features(const KernelWork *work, const Pass *pass, const Bounds *bounds,
                          int32_t *order) {
    const Feature *features = work->kernel->features;
    for (int32_t i = 0; i < pass->feature_count; i++) {
        int64_t from_us = bounds[features[pass->features[i]].window].from_us;
        int32_t at = i;
        while (at > 0 && bounds[features[order[at - 1]].window].from_us < from_us) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = pass->features[i];
    }
}

static void pass_group(KernelWork *work, const Pass *pass, const Matches *matches, int32_t count,
                       int32_t group, const Target *target) {
    const Feature *features = work->kernel->features;
    const Bounds *bounds = engine_kernel_bounds(work, group);
    int32_t *order = work->feature_order;
    uint32_t *at = work->reaches;
    sort_features(work, pass, bounds, order);
    begin(work, pass, matches, count);
    for (int32_t s = 0; s < count; s++) {
        uint32_t from, to;
        engine_kernel_positions(work, bounds, features[order[0]].window, matches[s].stream, &from,
                                &to);
        at[s] = reach_of(&matches[s], matches[s].count, to);
    }
    for (int32_t i = 0; i < pass->feature_count; i++) {
        for (int32_t s = 0; s < count; s++) {
            uint32_t from, to;
            engine_kernel_positions(work, bounds, features[order[i]].window, matches[s].stream,
                                    &from, &to);
            uint32_t low = reach_of(&matches[s], at[s], from);
            add(work, pass, &matches[s], low, at[s]);
            at[s] = low;
        }
        put(target, &features[order[i]]);
    }
}

void engine_kernel_pass(KernelWork *work, const Pass *pass) {
    if (pass->bounds == BOUNDS_LANES) {
        pass_by_lane(work, pass);
        return;
    }
    int32_t count;
    const Matches *matches = engine_kernel_matches(work, pass->selection, &count);
    if (!fits_loop(work, pass, matches, count)) {
        answer_slowly(work, pass);
        return;
    }
    uint64_t all[BLOCK_WORDS];
    engine_kernel_all_lanes(work->block, all);
    int32_t groups = pass->bounds == BOUNDS_ZONED ? work->zone_count : 1;
    for (int32_t group = 0; group < groups; group++) {
        const uint64_t *lanes = pass->bounds == BOUNDS_ZONED ? work->zones[group].lanes : all;
        Target target = {.work = work, .lanes = lanes, .valid = lanes, .is_first = group == 0};
        if (groups > 1 || work->position_group != group) {
            work->position_group = group;
            work->position_stamp++;
        }
        pass_group(work, pass, matches, count, group, &target);
    }
}
