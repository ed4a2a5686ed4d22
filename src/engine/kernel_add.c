// What a pass adds up: loops over the matches of one stream, a few instructions an event.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/calendar.h"
#include "engine/kernel_private.h"

static inline uint32_t row_at(const Matches *matches, uint32_t i) {
    return matches->rows == NULL ? i : matches->rows[i];
}

static void add_values(KernelWork *work, const BlockColumn *column, const Matches *matches,
                       uint32_t low, uint32_t high) {
    for (uint32_t i = low; i < high; i++) {
        if (data_block_code(column->coding, column->codes, row_at(matches, i)) != 0)
            work->counts[matches->first_lane + matches->lanes[i]]++;
    }
}

static void add_counts(KernelWork *work, const Pass *pass, const Matches *matches, uint32_t low,
                       uint32_t high) {
    if (pass->property >= 0) {
        const BlockColumn *column =
            engine_kernel_column(work, matches->block, matches->stream, pass->property);
        if (column != NULL)
            add_values(work, column, matches, low, high);
        return;
    }
    const uint8_t *lanes = matches->lanes;
    uint32_t *counts = work->counts + matches->first_lane;
    for (uint32_t i = low; i < high; i++)
        counts[lanes[i]]++;
}

// --- distinct ---

// Whether the key is new for the lane.
static bool see(Seen *seen, uint64_t key, uint32_t lane) {
    uint64_t hash = (key ^ ((uint64_t)lane << 54)) * UINT64_C(0x9e3779b97f4a7c15);
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
        value.integer = data_block_whole(coding, code);
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

// Bits are for the texts of one stream when there are few, lists where few need be counted.
static SeenKind seen_kind(KernelWork *work, const Pass *pass, const Matches *matches,
                          int32_t count) {
    const BlockCoding *coding = NULL;
    bool is_text = pass->kind == FEATURE_DISTINCT, is_one = true;
    for (int32_t s = 0; is_text && s < count; s++) {
        const BlockColumn *column =
            engine_kernel_column(work, matches[s].block, matches[s].stream, pass->property);
        if (column == NULL || matches[s].count == 0)
            continue;
        is_text = column->coding->kind == BLOCK_CODE_TEXT;
        is_one = is_one && (coding == NULL || coding == column->coding);
        coding = column->coding;
    }
    if (is_text && is_one && coding != NULL && coding->code_count <= 64)
        return SEEN_BITS;
    return is_text && pass->limit <= SEEN_LISTED_MAX ? SEEN_LISTS : SEEN_TABLE;
}

#if defined(__SSE2__)
// Which of the first eight keys it is, as bits.
static inline uint32_t find_key(const uint32_t *keys, uint32_t key) {
    __m128i wanted = _mm_set1_epi32((int)key);
    const __m128i *at = (const __m128i *)(const void *)keys;
    __m128i low = _mm_cmpeq_epi32(_mm_loadu_si128(at), wanted);
    __m128i high = _mm_cmpeq_epi32(_mm_loadu_si128(at + 1), wanted);
    return (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(low)) |
           (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(high)) << 4;
}
#else
static inline uint32_t find_key(const uint32_t *keys, uint32_t key) {
    uint32_t bits = 0;
    for (uint32_t i = 0; i < 8; i++)
        bits |= (uint32_t)(keys[i] == key) << i;
    return bits;
}
#endif

static inline void list_key(KernelWork *work, uint32_t lane, uint32_t key, uint32_t limit) {
    uint32_t count = work->counts[lane], *keys = work->listed[lane];
    if (count >= limit)
        return;
    uint32_t is_seen = 0;
    for (uint32_t i = 0; i < count; i += 8) {
        uint32_t used = count - i < 8 ? (1u << (count - i)) - 1 : 255;
        is_seen |= find_key(keys + i, key) & used;
    }
    keys[count] = key;
    work->counts[lane] = count + (is_seen == 0);
}

#define LIST_TEXTS(Code)                                                                           \
    static void list_texts_##Code(KernelWork *work, const Code *codes, const uint32_t *texts,      \
                                  const Matches *matches, uint32_t low, uint32_t high,             \
                                  uint32_t limit) {                                                \
        for (uint32_t i = low; i < high; i++) {                                                    \
            Code code = codes[row_at(matches, i)];                                                 \
            if (code != 0)                                                                         \
                list_key(work, matches->first_lane + matches->lanes[i], texts[code], limit);       \
        }                                                                                          \
    }
LIST_TEXTS(uint8_t)
LIST_TEXTS(uint16_t)
LIST_TEXTS(uint32_t)
LIST_TEXTS(uint64_t)

static void list_texts(KernelWork *work, const BlockColumn *column, const Matches *matches,
                       uint32_t low, uint32_t high, uint32_t limit) {
    const uint32_t *texts = column->coding->texts;
    switch (column->coding->width) {
    case 1:
        list_texts_uint8_t(work, column->codes, texts, matches, low, high, limit);
        break;
    case 2:
        list_texts_uint16_t(work, column->codes, texts, matches, low, high, limit);
        break;
    case 4:
        list_texts_uint32_t(work, column->codes, texts, matches, low, high, limit);
        break;
    default:
        list_texts_uint64_t(work, column->codes, texts, matches, low, high, limit);
        break;
    }
}

// The codes seen of a lane are bits of a word; how many there are is counted when it is asked.
static void mark_codes(KernelWork *work, const BlockColumn *column, const Matches *matches,
                       uint32_t low, uint32_t high) {
    uint64_t *bits = work->seen_bits + matches->first_lane;
    const uint8_t *lanes = matches->lanes;
    if (column->coding->width == 1) {
        const uint8_t *codes = column->codes;
        for (uint32_t i = low; i < high; i++)
            bits[lanes[i]] |= UINT64_C(1) << codes[row_at(matches, i)];
        return;
    }
    for (uint32_t i = low; i < high; i++)
        bits[lanes[i]] |= UINT64_C(1)
                          << data_block_code(column->coding, column->codes, row_at(matches, i));
}

void engine_kernel_add_settle(KernelWork *work, const Pass *pass) {
    if (pass->value != NODE_NONE)
        engine_kernel_add_row_settle(work, pass);
    if (pass->kind != FEATURE_DISTINCT || work->seen_kind != SEEN_BITS || pass->limit == 1)
        return;
    for (uint32_t lane = 0; lane < work->lane_count; lane++)
        work->counts[lane] = (uint32_t)__builtin_popcountll(work->seen_bits[lane] & ~UINT64_C(1));
}

// One is enough: any value will do.
static void mark_values(KernelWork *work, const BlockColumn *column, const Matches *matches,
                        uint32_t low, uint32_t high) {
    uint32_t *counts = work->counts + matches->first_lane;
    const uint8_t *lanes = matches->lanes;
    if (!column->coding->has_null) {
        for (uint32_t i = low; i < high; i++)
            counts[lanes[i]] = 1;
        return;
    }
    for (uint32_t i = low; i < high; i++)
        counts[lanes[i]] |= data_block_code(column->coding, column->codes, row_at(matches, i)) != 0;
}

static void add_distinct(KernelWork *work, const Pass *pass, const Matches *matches, uint32_t low,
                         uint32_t high) {
    const BlockColumn *column =
        engine_kernel_column(work, matches->block, matches->stream, pass->property);
    ValueType type = work->kernel->plan->properties[pass->property].type;
    if (column == NULL)
        return;
    if (pass->limit == 1) {
        mark_values(work, column, matches, low, high);
        return;
    }
    if (work->seen_kind == SEEN_BITS) {
        mark_codes(work, column, matches, low, high);
        return;
    }
    if (work->seen_kind == SEEN_LISTS) {
        list_texts(work, column, matches, low, high, pass->limit);
        return;
    }
    for (uint32_t i = low; i < high; i++) {
        uint32_t lane = matches->first_lane + matches->lanes[i];
        if (work->counts[lane] >= pass->limit)
            continue;
        uint64_t code = data_block_code(column->coding, column->codes, row_at(matches, i));
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
    const BlockStream *stream = &matches->block->streams[matches->stream];
    for (uint32_t i = low; i < high; i++) {
        uint32_t lane = matches->first_lane + matches->lanes[i];
        if (work->counts[lane] >= pass->limit)
            continue;
        int64_t us = data_block_time(matches->block->time, stream, row_at(matches, i));
        int32_t day = base_zone_day(work->zones[work->lane_zones[lane]].zone, us);
        if (see(&work->seen, (uint64_t)(int64_t)period_of(pass->period, day), lane))
            work->counts[lane]++;
    }
}

// --- sums, minima and maxima ---

bool engine_kernel_linear(const BlockColumn *column, ValueType type, Linear *ret_linear) {
    const BlockCoding *coding = column->coding;
    if (coding->kind != BLOCK_CODE_LINEAR)
        return false;
    int64_t factor = coding->type == VALUE_INTEGER && type == VALUE_DECIMAL ? VALUE_DECIMAL_ONE : 1;
    __int128 low = (__int128)coding->base * factor, step = (__int128)coding->scale * factor;
    __int128 high = low + step * (coding->code_count < 2 ? 0 : (__int128)(coding->code_count - 2));
    __int128 size = -low > high ? -low : high;
    size = low > size ? low : size;
    if (size >= VALUE_DECIMAL_LIMIT || step >= VALUE_DECIMAL_LIMIT)
        return false;
    *ret_linear =
        (Linear){.base = (int64_t)(low - step), .scale = (int64_t)step, .size_max = (uint64_t)size};
    return true;
}

#define ADD_SUMS(Code)                                                                             \
    static void add_sums_##Code(const Code *codes, const Matches *matches, uint32_t low,           \
                                uint32_t high, const Linear *linear, int64_t *sums) {              \
        const uint8_t *lanes = matches->lanes;                                                     \
        int64_t base = linear->base, scale = linear->scale;                                        \
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

// The pass's begin has looked that the columns are linear.
static void add_sums(KernelWork *work, const Pass *pass, const Matches *matches, uint32_t low,
                     uint32_t high) {
    const BlockColumn *column =
        engine_kernel_column(work, matches->block, matches->stream, pass->property);
    Linear linear;
    if (column == NULL ||
        !engine_kernel_linear(column, work->kernel->plan->properties[pass->property].type, &linear))
        return;
    switch (column->coding->width) {
    case 1:
        add_sums_uint8_t(column->codes, matches, low, high, &linear,
                         work->sums + matches->first_lane);
        break;
    case 2:
        add_sums_uint16_t(column->codes, matches, low, high, &linear,
                          work->sums + matches->first_lane);
        break;
    case 4:
        add_sums_uint32_t(column->codes, matches, low, high, &linear,
                          work->sums + matches->first_lane);
        break;
    default:
        add_sums_uint64_t(column->codes, matches, low, high, &linear,
                          work->sums + matches->first_lane);
        break;
    }
    if (pass->needs_counts)
        add_values(work, column, matches, low, high);
}

static void add_extremes(KernelWork *work, const Pass *pass, const Matches *matches, uint32_t low,
                         uint32_t high) {
    const BlockColumn *column =
        engine_kernel_column(work, matches->block, matches->stream, pass->property);
    Linear linear;
    if (column == NULL ||
        !engine_kernel_linear(column, work->kernel->plan->properties[pass->property].type, &linear))
        return;
    bool is_max = pass->period == AGGREGATE_MAX;
    for (uint32_t i = low; i < high; i++) {
        uint64_t code = data_block_code(column->coding, column->codes, row_at(matches, i));
        uint32_t lane = matches->first_lane + matches->lanes[i];
        int64_t value = linear.base + linear.scale * (int64_t)code;
        if (code == 0)
            continue;
        if (work->counts[lane]++ == 0 ||
            (is_max ? value > work->sums[lane] : value < work->sums[lane]))
            work->sums[lane] = value;
    }
}

static void add_gaps(KernelWork *work, const Matches *matches, uint32_t low, uint32_t high) {
    const BlockStream *stream = &matches->block->streams[matches->stream];
    for (uint32_t i = low; i < high; i++) {
        uint32_t lane = matches->first_lane + matches->lanes[i];
        int64_t us = data_block_time(matches->block->time, stream, row_at(matches, i));
        bool is_new = work->counts[lane]++ == 0;
        if (is_new || us > work->sums[lane])
            work->sums[lane] = us;
        if (is_new || us < work->firsts[lane])
            work->firsts[lane] = us;
    }
}

// --- the event that first, last or nth picks ---

static const BlockColumn *value_column(KernelWork *work, const Pass *pass, const Matches *matches,
                                       bool *ret_is_null) {
    *ret_is_null = false;
    if (pass->property < 0)
        return NULL;
    const BlockColumn *column =
        engine_kernel_column(work, matches->block, matches->stream, pass->property);
    *ret_is_null = column == NULL;
    return column;
}

static bool has_value(const BlockColumn *column, uint32_t row) {
    return column == NULL || data_block_code(column->coding, column->codes, row) != 0;
}

// Of one stream: what is written last stays.
static void add_last(uint32_t *row1, const Matches *matches, uint32_t low, uint32_t high) {
    const uint8_t *lanes = matches->lanes;
    if (matches->rows == NULL) {
        for (uint32_t i = low; i < high; i++)
            row1[lanes[i]] = i + 1;
    } else {
        for (uint32_t i = low; i < high; i++)
            row1[lanes[i]] = matches->rows[i] + 1;
    }
}

static void add_one_stream(KernelWork *work, const Pass *pass, const BlockColumn *column,
                           const Matches *matches, uint32_t low, uint32_t high) {
    uint32_t *row1 = work->picked.row1 + matches->first_lane;
    if (column == NULL && pass->period == AGGREGATE_LAST) {
        add_last(row1, matches, low, high);
        return;
    }
    for (uint32_t step = 0; step < high - low; step++) {
        uint32_t i = pass->period == AGGREGATE_LAST ? low + step : high - 1 - step;
        uint32_t row = row_at(matches, i);
        if (has_value(column, row))
            row1[matches->lanes[i]] = row + 1;
    }
}

// Of several streams: the latest tick.
static void add_ticks(KernelWork *work, const BlockColumn *column, const Matches *matches,
                      uint32_t low, uint32_t high) {
    uint32_t *latest = work->picked.row1 + matches->first_lane;
    const uint32_t *ticks = matches->block->streams[matches->stream].tick;
    const uint8_t *lanes = matches->lanes;
    for (uint32_t i = low; i < high; i++) {
        uint32_t row = row_at(matches, i), tick = ticks[row], lane = lanes[i];
        if (has_value(column, row))
            latest[lane] = tick > latest[lane] ? tick : latest[lane];
    }
}

static void add_streams(KernelWork *work, const Pass *pass, const BlockColumn *column,
                        const Matches *matches, uint32_t low, uint32_t high) {
    const BlockStream *stream = &matches->block->streams[matches->stream];
    Picked *picked = &work->picked;
    bool is_last = pass->period == AGGREGATE_LAST;
    for (uint32_t i = low; i < high; i++) {
        uint32_t lane = matches->first_lane + matches->lanes[i], row = row_at(matches, i);
        if (!has_value(column, row))
            continue;
        int64_t us = data_block_time(matches->block->time, stream, row);
        uint64_t order = engine_kernel_order(stream, row);
        bool is_later =
            us > picked->us[lane] || (us == picked->us[lane] && order > picked->order[lane]);
        if (picked->row1[lane] != 0 && is_later != is_last)
            continue;
        picked->row1[lane] = row + 1;
        picked->streams[lane] = matches->stream;
        picked->us[lane] = us;
        picked->order[lane] = order;
    }
}

// The n-th from either end, of one stream.
static void add_nth(KernelWork *work, const Pass *pass, const BlockColumn *column,
                    const Matches *matches, uint32_t low, uint32_t high) {
    const Kernel *kernel = work->kernel;
    int64_t n = kernel->plan->aggregates[kernel->features[pass->features[0]].aggregate].n;
    uint64_t distance = n > 0 ? (uint64_t)n : 0 - (uint64_t)n;
    for (uint32_t step = 0; step < high - low; step++) {
        uint32_t i = n > 0 ? low + step : high - 1 - step;
        uint32_t lane = matches->first_lane + matches->lanes[i], row = row_at(matches, i);
        if (has_value(column, row) && ++work->counts[lane] == distance)
            work->picked.row1[lane] = row + 1;
    }
}

static void add_picks(KernelWork *work, const Pass *pass, const Matches *matches, uint32_t low,
                      uint32_t high) {
    bool is_null;
    const BlockColumn *column = value_column(work, pass, matches, &is_null);
    if (is_null)
        return;
    if (pass->period == AGGREGATE_NTH)
        add_nth(work, pass, column, matches, low, high);
    else if (work->picked.kind == PICKED_TICKS)
        add_ticks(work, column, matches, low, high);
    else if (work->picked.kind == PICKED_ROWS)
        add_one_stream(work, pass, column, matches, low, high);
    else
        add_streams(work, pass, column, matches, low, high);
}

// --- a pass ---

// Ticks tell how old an event is where they are whole times and none is from the beginning.
static bool have_ticks(const Matches *matches, int32_t count) {
    for (int32_t s = 0; s < count; s++) {
        const BlockStream *stream = &matches[s].block->streams[matches[s].stream];
        if (stream->count > 0 && (stream->rest != NULL || stream->tick[0] == 0))
            return false;
    }
    return true;
}

static void begin_picks(KernelWork *work, const Pass *pass, const Matches *matches, int32_t count) {
    int32_t stream = -2; // of all matches; -1: there are several
    for (int32_t s = 0; s < count; s++) {
        if (matches[s].count > 0)
            stream = stream == -2 || stream == matches[s].stream ? matches[s].stream : -1;
    }
    work->picked.stream = stream < 0 ? 0 : stream;
    work->picked.kind = stream != -1 ? PICKED_ROWS : PICKED_PLACES;
    if (stream == -1 && pass->period == AGGREGATE_LAST && !pass->needs_events &&
        have_ticks(matches, count))
        work->picked.kind = PICKED_TICKS;
    memset(work->picked.row1, 0, engine_kernel_lanes_compared(work) * sizeof(*work->picked.row1));
}

static void begin_keys(KernelWork *work, const Pass *pass, const Matches *matches, int32_t count) {
    size_t rows = 0;
    for (int32_t s = 0; s < count; s++)
        rows += matches[s].count;
    work->seen_kind = seen_kind(work, pass, matches, count);
    if (work->seen_kind == SEEN_BITS)
        memset(work->seen_bits, 0, engine_kernel_lanes_compared(work) * sizeof(*work->seen_bits));
    if (work->seen_kind == SEEN_TABLE)
        seen_begin(&work->seen, rows);
}

void engine_kernel_add_begin(KernelWork *work, const Pass *pass, const Matches *matches,
                             int32_t count) {
    size_t lanes = engine_kernel_lanes_compared(work);
    memset(work->counts, 0, lanes * sizeof(*work->counts));
    if (pass->value != NODE_NONE)
        engine_kernel_add_row_begin(work, pass);
    if (pass->kind == FEATURE_SUM)
        memset(work->sums, 0, lanes * sizeof(*work->sums));
    if (pass->kind == FEATURE_PICK)
        begin_picks(work, pass, matches, count);
    if (pass->kind == FEATURE_DISTINCT || pass->kind == FEATURE_PERIODS)
        begin_keys(work, pass, matches, count);
}

void engine_kernel_add(KernelWork *work, const Pass *pass, const Matches *matches, uint32_t low,
                       uint32_t high) {
    if (low >= high)
        return;
    if (pass->value != NODE_NONE) {
        engine_kernel_add_rows(work, pass, matches, low, high);
        return;
    }
    switch (pass->kind) {
    case FEATURE_COUNT:
        add_counts(work, pass, matches, low, high);
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
        add_picks(work, pass, matches, low, high);
        break;
    case FEATURE_NUMBER:
    case FEATURE_SLOW:
        assert(false && "a slow feature in a pass");
    }
}
