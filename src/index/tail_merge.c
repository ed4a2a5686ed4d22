// A block of the index and rows of the tail, put together in the scratch.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "index/tail_private.h"

// One stream on its way: rows of the index, and picks that go between them.
typedef struct Merge {
    const IndexSnapshot *snapshot;
    TailScratch *scratch;
    const Block *block;    // its time is still that of the index
    const BlockTime *time; // of the result
    const SnapshotPartition *partition;
    uint32_t tie_base; // places of tail rows come after those of the index
    BlockStream from;
    const TailPick *picks;  // of the stream
    const uint32_t *places; // rows of the index before each
    uint32_t pick_count;
} Merge;

// --- times ---

static bool fits_time(const BlockTime *time, int64_t us) {
    if (us == CALENDAR_TIME_MIN)
        return true;
    if (us < time->base_us)
        return false;
    uint64_t distance = (uint64_t)us - (uint64_t)time->base_us;
    uint64_t tick = distance / (uint64_t)time->tick_us, rest = distance % (uint64_t)time->tick_us;
    return tick >= 1 && tick <= UINT32_MAX && rest <= UINT32_MAX;
}

static void widen_range(int64_t us, int64_t *min, int64_t *max) {
    if (us == CALENDAR_TIME_MIN)
        return;
    *min = us < *min ? us : *min;
    *max = us > *max ? us : *max;
}

static bool needs_stream(const BlockNeeds *needs, uint32_t stream) {
    return needs->streams != NULL && needs->streams[stream] != 0;
}

// The finest ticks that reach over all rows.
static BlockTime choose_time(const Merge *merge, const BlockNeeds *needs) {
    int64_t min = INT64_MAX, max = INT64_MIN;
    const TailScratch *scratch = merge->scratch;
    for (uint32_t s = 0; s < merge->snapshot->source.stream_count; s++) {
        const BlockStream *stream = &scratch->streams[s];
        uint32_t first = 0;
        while (first < stream->count && stream->tick[first] == 0)
            first++;
        if (first == stream->count)
            continue;
        widen_range(data_block_time(merge->block->time, stream, first), &min, &max);
        widen_range(data_block_time(merge->block->time, stream, stream->count - 1), &min, &max);
    }
    for (uint32_t i = 0; i < scratch->pick_count; i++) {
        if (needs_stream(needs, scratch->picks[i].stream))
            widen_range(scratch->picks[i].time_us, &min, &max);
    }
    if (min > max)
        return (BlockTime){0, 1};
    int64_t tick_us = (max - min) / ((int64_t)UINT32_MAX - 2) + 1;
    return (BlockTime){min - tick_us, tick_us};
}

static void put_time(const BlockTime *time, int64_t us, uint32_t *tick, uint32_t *rest) {
    uint64_t distance = (uint64_t)us - (uint64_t)time->base_us;
    bool is_timeless = us == CALENDAR_TIME_MIN;
    assert(is_timeless || fits_time(time, us));
    *tick = is_timeless ? 0 : (uint32_t)(distance / (uint64_t)time->tick_us);
    if (rest != NULL)
        *rest = is_timeless ? 0 : (uint32_t)(distance % (uint64_t)time->tick_us);
}

// --- copies ---

static void *take(TailScratch *scratch, size_t size) {
    size_t at = (scratch->copy_bytes + 7) & ~(size_t)7;
    assert(at + size <= scratch->copy_room);
    scratch->copy_bytes = at + size;
    return scratch->copies + at;
}

// Widened where need be; the room is the result's width times its rows.
static void copy_run(void *to, uint8_t to_width, const void *from, uint8_t from_width,
                     uint32_t count) {
    if (to_width == from_width) {
        memcpy(to, from, (size_t)count * to_width);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t item = 0;
        memcpy(&item, (const char *)from + (size_t)i * from_width, from_width);
        memcpy((char *)to + (size_t)i * to_width, &item, to_width);
    }
}

static void put_item(char *to, uint8_t width, size_t row, uint64_t item) {
    memcpy(to + row * width, &item, width);
}

// Items of the index around those of the picks, which are filled in by others: NULL stands for 0.
static char *spread(const Merge *merge, const void *from, uint8_t from_width, uint8_t to_width) {
    uint32_t total = merge->from.count + merge->pick_count, done = 0;
    char *to = take(merge->scratch, (size_t)total * to_width);
    for (uint32_t i = 0; i <= merge->pick_count; i++) {
        uint32_t end = i == merge->pick_count ? merge->from.count : merge->places[i];
        char *at = to + (size_t)(done + i) * to_width;
        if (from == NULL)
            memset(at, 0, (size_t)(end - done) * to_width);
        else if (end > done)
            copy_run(at, to_width, (const char *)from + (size_t)done * from_width, from_width,
                     end - done);
        done = end;
    }
    return to;
}

static void merge_lanes(const Merge *merge, BlockStream *to) {
    char *lanes = spread(merge, merge->from.customer, 1, 1);
    for (uint32_t i = 0; i < merge->pick_count; i++)
        lanes[merge->places[i] + i] = (char)merge->picks[i].lane;
    to->customer = (const uint8_t *)lanes;
}

static void merge_ties(const Merge *merge, BlockStream *to) {
    char *ties = spread(merge, merge->from.tie, merge->from.tie_width, 4);
    for (uint32_t i = 0; i < merge->pick_count; i++)
        put_item(ties, 4, merge->places[i] + (size_t)i,
                 (uint64_t)merge->tie_base + merge->picks[i].row->arrival);
    to->tie = ties;
    to->tie_width = 4;
}

static bool has_rest(const Merge *merge) {
    bool is_same = merge->time == merge->block->time;
    if (merge->from.count > 0 && (!is_same || merge->from.rest != NULL))
        return is_same || merge->time->tick_us > 1;
    for (uint32_t i = 0; i < merge->pick_count; i++) {
        int64_t us = merge->picks[i].time_us;
        if (us != CALENDAR_TIME_MIN &&
            ((uint64_t)us - (uint64_t)merge->time->base_us) % (uint64_t)merge->time->tick_us != 0)
            return true;
    }
    return false;
}

static void merge_times(const Merge *merge, BlockStream *to) {
    bool is_same = merge->time == merge->block->time;
    const BlockStream *from = &merge->from;
    uint32_t *ticks = (uint32_t *)(void *)spread(merge, is_same ? from->tick : NULL, 4, 4);
    uint32_t *rests = NULL;
    if (has_rest(merge))
        rests = (uint32_t *)(void *)spread(merge, is_same ? from->rest : NULL, from->rest_width, 4);
    uint32_t next = 0;
    for (uint32_t i = 0; !is_same && i < from->count; i++) {
        while (next < merge->pick_count && merge->places[next] <= i)
            next++;
        uint32_t row = i + next;
        put_time(merge->time, data_block_time(merge->block->time, from, i), &ticks[row],
                 rests == NULL ? NULL : &rests[row]);
    }
    for (uint32_t i = 0; i < merge->pick_count; i++) {
        uint32_t row = merge->places[i] + i;
        put_time(merge->time, merge->picks[i].time_us, &ticks[row],
                 rests == NULL ? NULL : &rests[row]);
    }
    to->tick = ticks;
    to->rest = rests;
    to->rest_width = 4;
}

// --- columns ---

static uint64_t code_of_integer(const BlockCoding *coding, int64_t value) {
    if (coding->kind == BLOCK_CODE_LINEAR) {
        uint64_t distance = (uint64_t)value - (uint64_t)coding->base;
        return (coding->scale == 1 ? distance : distance / (uint64_t)coding->scale) + 1;
    }
    uint64_t low = 1, high = coding->code_count;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (coding->integers[middle] <= value)
            low = middle;
        else
            high = middle;
    }
    assert(coding->integers[low] == value);
    return low;
}

static uint64_t recode(const SnapshotColumn *column, uint64_t code) {
    if (code == 0)
        return 0;
    if (column->recode == RECODE_LINEAR)
        return column->step * (code - 1) + column->shift + 1;
    int64_t value = column->base->kind == BLOCK_CODE_WHOLE ? column->base->integers[code]
                                                           : data_block_linear(column->base, code);
    return code_of_integer(column->coding, value);
}

static char *recode_rows(const Merge *merge, const SnapshotColumn *column, const void *codes) {
    uint32_t total = merge->from.count + merge->pick_count, next = 0;
    uint8_t width = column->coding->width;
    char *to = take(merge->scratch, (size_t)total * width);
    for (uint32_t i = 0; i < merge->from.count; i++) {
        while (next < merge->pick_count && merge->places[next] <= i)
            next++;
        put_item(to, width, i + (size_t)next,
                 recode(column, data_block_code(column->base, codes, i)));
    }
    return to;
}

static void merge_column(const Merge *merge, const SnapshotColumn *column, uint32_t number,
                         BlockColumn *to) {
    const BlockColumn *from =
        merge->from.columns == NULL || merge->from.count == 0 ? NULL : &merge->from.columns[number];
    const void *codes = from == NULL || from->coding == NULL ? NULL : from->codes;
    const BlockCoding *coding = column->coding;
    char *merged =
        codes != NULL && column->recode != RECODE_SAME
            ? recode_rows(merge, column, codes)
            : spread(merge, codes, codes == NULL ? 0 : column->base->width, coding->width);
    for (uint32_t i = 0; i < merge->pick_count; i++) {
        const TailRow *row = merge->picks[i].row;
        uint64_t code = 0;
        if (index_tail_has(row, number)) {
            code = row->values[number];
            if (coding->kind == BLOCK_CODE_LINEAR || coding->kind == BLOCK_CODE_WHOLE)
                code = code_of_integer(coding, (int64_t)code);
        }
        put_item(merged, coding->width, merge->places[i] + (size_t)i, code);
    }
    *to = (BlockColumn){coding, merged};
}

static bool needs_column(const BlockNeeds *needs, uint32_t stream, uint32_t column) {
    return needs->columns != NULL && needs->columns[stream] != NULL &&
           needs->columns[stream][column] != 0;
}

// --- streams ---

static void merge_stream(Merge *merge, uint32_t number, const BlockNeeds *needs) {
    TailScratch *scratch = merge->scratch;
    BlockColumn *columns = scratch->columns[number];
    BlockStream to = {.count = merge->from.count + merge->pick_count, .columns = columns};
    merge_lanes(merge, &to);
    merge_times(merge, &to);
    if (merge->pick_count > 0) {
        merge_ties(merge, &to);
    } else {
        to.tie = merge->from.tie;
        to.tie_width = merge->from.tie_width;
    }
    for (uint32_t c = 0; c < merge->snapshot->source.streams[number].column_count; c++) {
        const SnapshotColumn *column =
            &merge->partition->columns[merge->snapshot->numbers[number][c]];
        columns[c] = (BlockColumn){0};
        if (!needs_column(needs, number, c) || column->coding == NULL)
            continue;
        if (merge->pick_count == 0)
            columns[c] = merge->from.columns[c];
        else
            merge_column(merge, column, c, &columns[c]);
    }
    scratch->streams[number] = to;
}

// The most that one needed stream takes.
static size_t stream_room(const Merge *merge, uint32_t stream, uint32_t picks) {
    size_t rows = (size_t)merge->scratch->streams[stream].count + picks;
    size_t columns = merge->snapshot->source.streams[stream].column_count;
    return rows * (1 + 4 + 4 + 4 + 8 * columns) + 8 * (columns + 5);
}

// Rows of the tail come after all of the index's at the same time.
static uint32_t tie_base(const Merge *merge) {
    uint32_t base = 1;
    for (uint32_t s = 0; s < merge->snapshot->source.stream_count; s++) {
        const BlockStream *stream = &merge->scratch->streams[s];
        for (uint32_t i = 0; stream->tie != NULL && i < stream->count; i++) {
            uint32_t tie = data_block_tie(stream, i);
            base = tie >= base ? tie + 1 : base;
        }
    }
    return base;
}

static void take_room(Merge *merge, const BlockNeeds *needs) {
    TailScratch *scratch = merge->scratch;
    size_t room = 64;
    uint32_t at = 0;
    for (uint32_t s = 0; s < merge->snapshot->source.stream_count; s++) {
        uint32_t first = at;
        while (at < scratch->pick_count && scratch->picks[at].stream == s)
            at++;
        if (needs_stream(needs, s))
            room += stream_room(merge, s, at - first);
    }
    if (room > scratch->copy_room) {
        free(scratch->copies); // nothing of the block before is needed
        scratch->copies = malloc(room);
        scratch->copy_room = room;
        if (scratch->copies == NULL)
            abort();
    }
    scratch->copy_bytes = 0;
}

// Whether all picks in need fit the index's ticks.
static bool keeps_time(const Merge *merge, const BlockNeeds *needs) {
    const TailScratch *scratch = merge->scratch;
    bool is_fine = merge->block->time != NULL;
    for (uint32_t i = 0; is_fine && i < scratch->pick_count; i++)
        is_fine = !needs_stream(needs, scratch->picks[i].stream) ||
                  fits_time(merge->block->time, scratch->picks[i].time_us);
    return is_fine;
}

void index_tail_merge(const IndexSnapshot *snapshot, TailScratch *scratch, const BlockNeeds *needs,
                      Block *block) {
    Merge merge = {.snapshot = snapshot, .scratch = scratch, .block = block};
    merge.partition = index_snapshot_partition(snapshot, block->partition);
    merge.time = block->time;
    if (!keeps_time(&merge, needs)) {
        scratch->time = choose_time(&merge, needs);
        merge.time = &scratch->time;
    }
    merge.tie_base = tie_base(&merge);
    take_room(&merge, needs);
    uint32_t at = 0;
    for (uint32_t s = 0; s < snapshot->source.stream_count; s++) {
        uint32_t first = at;
        while (at < scratch->pick_count && scratch->picks[at].stream == s)
            at++;
        merge.from = scratch->streams[s];
        merge.picks = scratch->picks + first;
        merge.places = scratch->places + first;
        merge.pick_count = at - first;
        bool is_touched = merge.pick_count > 0 || merge.time != block->time;
        if (!needs_stream(needs, s) || !is_touched ||
            (merge.from.count == 0 && merge.pick_count == 0))
            continue;
        for (uint32_t i = first; i < at; i++)
            scratch->places[i] =
                data_block_row(block->time, &merge.from, scratch->picks[i].time_us, true);
        merge_stream(&merge, s, needs);
    }
    block->time = merge.time;
}
