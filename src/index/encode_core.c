// A gathered partition's customers, times and places as the sections of a core frame.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "index/index_private.h"

// --- time ---

typedef struct TimeCode {
    int64_t base_us, tick_us;
    uint64_t min_us; // as distance from base
    bool has_rest;
    IndexDivisor divisor; // when there is no rest
} TimeCode;

// Ticks are the common divisor of all times where 32 bits are enough for them; else as short as 32
// bits allow, and the microseconds beyond are kept apart.
static TimeCode choose_time(const Gather *gather) {
    uint64_t range = gather->has_time ? (uint64_t)(gather->time_max_us - gather->time_min_us) : 0;
    uint64_t tick = gather->time_divisor.value == 0 ? 1 : gather->time_divisor.value;
    TimeCode code = {.has_rest = range / tick > UINT32_MAX - 2};
    if (code.has_rest)
        tick = range / (UINT32_MAX - 2) + 1;
    assert(range / tick <= UINT32_MAX - 2 && (tick <= UINT32_MAX || !code.has_rest));
    code.tick_us = (int64_t)tick;
    code.base_us = gather->has_time ? gather->time_min_us - code.tick_us : 0;
    code.divisor = index_divisor(tick);
    return code;
}

// Turns the stream's times to ticks, in place, and its rests to a buffer of their own.
static bool encode_times(Gather *gather, const TimeCode *code, GatherStream *stream,
                         IndexBuffer *rest, uint8_t *ret_width) {
    const int64_t *times = (const int64_t *)(const void *)stream->time_us.data;
    uint32_t *ticks = (uint32_t *)(void *)stream->time_us.data;
    *ret_width = !code->has_rest ? 0 : code->tick_us <= UINT16_MAX + 1 ? 2 : 4;
    size_t rest_size = stream->row_count * *ret_width;
    char *rests = index_buffer_reserve(gather->memory, rest, rest_size);
    if (rests == NULL)
        return false;
    rest->size_bytes = rest_size;
    for (uint64_t i = 0; i < stream->row_count; i++) {
        int64_t time_us;
        memcpy(&time_us, &times[i], sizeof time_us); // ticks overwrite times that were read
        uint64_t distance = (uint64_t)(time_us - code->base_us), beyond = 0, tick = 0;
        if (time_us != CALENDAR_TIME_MIN && !code->has_rest) {
            tick = index_divide(&code->divisor, distance);
        } else if (time_us != CALENDAR_TIME_MIN) {
            tick = distance / (uint64_t)code->tick_us;
            beyond = distance % (uint64_t)code->tick_us;
        }
        assert(tick <= UINT32_MAX && (tick >= 1 || time_us == CALENDAR_TIME_MIN));
        uint32_t narrow = (uint32_t)tick;
        memcpy((char *)ticks + i * sizeof narrow, &narrow, sizeof narrow);
        if (*ret_width == 2)
            ((uint16_t *)(void *)rests)[i] = (uint16_t)beyond;
        else if (*ret_width == 4)
            ((uint32_t *)(void *)rests)[i] = (uint32_t)beyond;
    }
    stream->time_us.size_bytes = stream->row_count * sizeof(uint32_t);
    return true;
}

// Narrows the places of equal times, in place.
static uint8_t encode_ties(GatherStream *stream) {
    if (stream->tie_max == 0)
        return 0;
    uint8_t width = stream->tie_max <= UINT8_MAX ? 1 : stream->tie_max <= UINT16_MAX ? 2 : 4;
    size_t count = stream->tie.size_bytes / sizeof(uint32_t);
    for (size_t i = 0; width < 4 && i < count; i++) {
        char *data = stream->tie.data;
        memcpy(data + i * width, data + i * sizeof(uint32_t), width); // the low bytes come first
    }
    stream->tie.size_bytes = count * width;
    return width;
}

// --- sections ---

typedef struct CoreSections {
    FramePart *parts;
    CoreStream *streams;
    IndexBuffer *rests, *checks; // by stream
} CoreSections;

static FramePart part_of(const IndexBuffer *buffer, bool is_rows) {
    return (FramePart){buffer->data, buffer->size_bytes, is_rows};
}

static bool encode_checks(Gather *gather, const FramePart *parts, const CoreStream *about,
                          IndexBuffer *checks) {
    IndexStreamPart stream = {
        .block_row = parts[CORE_BLOCK_ROW].data,
        .lane = parts[CORE_LANE].data,
        .tick = parts[CORE_TICK].data,
        .rest = about->rest_width == 0 ? NULL : parts[CORE_REST].data,
        .tie = parts[CORE_TIE].data,
        .tie_row = about->tie_width == 0 ? NULL : parts[CORE_TIE_ROW].data,
        .rest_width = about->rest_width,
        .tie_width = about->tie_width,
    };
    for (uint32_t b = 0; b < gather->block_count; b++) {
        uint64_t check = index_stream_check(&stream, b);
        if (!index_buffer_append(gather->memory, checks, &check, sizeof check))
            return false;
    }
    return true;
}

static bool encode_stream(Gather *gather, const TimeCode *code, uint32_t number, CoreSections *to) {
    GatherStream *stream = &gather->streams[number];
    FramePart *parts = to->parts + CORE_FIXED_COUNT + (size_t)number * CORE_STREAM_COUNT;
    CoreStream *about = &to->streams[number];
    *about = (CoreStream){
        .row_count = stream->row_count, .event = stream->event, .is_any = stream->is_any};
    if (!encode_times(gather, code, stream, &to->rests[number], &about->rest_width))
        return false;
    about->tie_width = encode_ties(stream);
    parts[CORE_BLOCK_ROW] = part_of(&stream->block_row, false);
    parts[CORE_LANE] = part_of(&stream->lane, true);
    parts[CORE_TICK] = part_of(&stream->time_us, true);
    parts[CORE_REST] = part_of(&to->rests[number], true);
    parts[CORE_TIE] = part_of(&stream->tie, true);
    parts[CORE_TIE_ROW] = part_of(&stream->tie_row, false);
    if (!encode_checks(gather, parts, about, &to->checks[number]))
        return false;
    parts[CORE_CHECKS] = part_of(&to->checks[number], false);
    return true;
}

static bool encode_sections(Gather *gather, CoreMeta *meta, CoreSections *to) {
    TimeCode code = choose_time(gather);
    *meta = (CoreMeta){gather->customer_count, gather->row_count, code.base_us, code.tick_us};
    size_t count = gather->stream_count;
    to->parts[CORE_META] = (FramePart){meta, sizeof *meta, false};
    to->parts[CORE_STREAMS] = (FramePart){to->streams, count * sizeof *to->streams, false};
    to->parts[CORE_ID_OFFSETS] = part_of(&gather->id_offsets, false);
    to->parts[CORE_ID_BYTES] = part_of(&gather->ids, false);
    to->parts[CORE_FIRST] = part_of(&gather->first_us, false);
    size_t first_size = gather->first_us.size_bytes;
    if (first_size > 0 && memcmp(gather->first_us.data, gather->first_any_us.data, first_size) != 0)
        to->parts[CORE_FIRST_ANY] = part_of(&gather->first_any_us, false);
    for (uint32_t i = 0; i < gather->stream_count; i++) {
        if (!encode_stream(gather, &code, i, to))
            return false;
    }
    return true;
}

int index_encode_core(Gather *gather, uint32_t partition, const char *path, Frame *ret_frame,
                      KretsError *error) {
    size_t count = gather->stream_count;
    size_t part_count = CORE_FIXED_COUNT + count * CORE_STREAM_COUNT;
    CoreSections to = {
        .parts = base_arena_alloc_array(gather->arena, part_count, sizeof *to.parts),
        .streams = base_arena_alloc_array(gather->arena, count + 1, sizeof *to.streams),
        .rests = base_arena_alloc_array(gather->arena, count + 1, sizeof *to.rests),
        .checks = base_arena_alloc_array(gather->arena, count + 1, sizeof *to.checks),
    };
    CoreMeta meta;
    FrameName name = {FRAME_CORE, gather->roster->build_id, partition};
    int r = encode_sections(gather, &meta, &to) ? 0 : index_memory_fail(gather->memory, error);
    if (r == 0)
        r = index_frame_make(path, name, to.parts, part_count, ret_frame, error);
    for (size_t i = 0; i < count; i++) {
        index_buffer_done(gather->memory, &to.rests[i]);
        index_buffer_done(gather->memory, &to.checks[i]);
    }
    return r;
}
