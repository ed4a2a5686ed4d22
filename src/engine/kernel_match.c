// Which rows of a block match a selection.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/kernel_private.h"

Value engine_kernel_code_value(const BlockSource *source, uint32_t partition,
                               const BlockCoding *coding, uint64_t code, Arena *arena) {
    if (coding->kind == BLOCK_CODE_DOUBLE) {
        Value value = {.type = VALUE_NUMBER};
        uint64_t bits = code ^ BLOCK_DOUBLE_NULL;
        memcpy(&value.number, &bits, sizeof(bits));
        return code == 0 ? data_value_null(VALUE_NUMBER) : value;
    }
    if (code == 0)
        return data_value_null(coding->type);
    assert(code < coding->code_count);
    Value value = {.type = coding->type};
    switch (coding->kind) {
    case BLOCK_CODE_WHOLE:
    case BLOCK_CODE_LINEAR:
        return data_block_whole_value(coding, code);
    case BLOCK_CODE_NUMBER:
        value.number = coding->numbers[code];
        break;
    case BLOCK_CODE_TEXT:
        value.text = source->text(source->context, partition, coding->texts[code]);
        break;
    case BLOCK_CODE_LIST: {
        uint64_t first = coding->first_item[code], end = coding->first_item[code + 1];
        Str *items = base_arena_alloc_array(arena, (size_t)(end - first) + 1, sizeof(*items));
        for (uint64_t i = first; items != NULL && i < end; i++) {
            if (coding->items[i] != BLOCK_TEXT_NULL)
                items[i - first] = source->text(source->context, partition, coding->items[i]);
        }
        value.list.items = items;
        value.list.count = items == NULL ? 0 : (size_t)(end - first);
        break;
    }
    case BLOCK_CODE_DOUBLE:
        break;
    }
    return value;
}

const BlockColumn *engine_kernel_column(const KernelWork *work, const Block *block, int32_t stream,
                                        int32_t property) {
    const KernelBinding *binding = work->binding;
    const Kernel *kernel = work->kernel;
    const StreamBinding *bound = &binding->streams[stream];
    if (bound->event < 0)
        return NULL;
    int32_t column =
        kernel->ready->property_columns[(size_t)property * (size_t)kernel->plan->event_count +
                                        (size_t)bound->event];
    int32_t place = column < 0 ? -1 : bound->columns[column];
    if (place < 0)
        return NULL;
    const BlockColumn *at = &block->streams[stream].columns[place];
    return at->coding == NULL ? NULL : at;
}

// --- one clause over the rows of a stream ---

#define KEEP_RANGE(Code)                                                                           \
    static void keep_range_##Code(const void *codes, uint32_t count, uint64_t low, uint64_t high,  \
                                  uint8_t *keep, bool is_first) {                                  \
        const Code *at = codes;                                                                    \
        Code from = (Code)low, length = (Code)(high - low);                                        \
        if (is_first) {                                                                            \
            for (uint32_t i = 0; i < count; i++)                                                   \
                keep[i] = (Code)(at[i] - from) <= length;                                          \
        } else {                                                                                   \
            for (uint32_t i = 0; i < count; i++)                                                   \
                keep[i] &= (Code)(at[i] - from) <= length;                                         \
        }                                                                                          \
    }
KEEP_RANGE(uint8_t)
KEEP_RANGE(uint16_t)
KEEP_RANGE(uint32_t)
KEEP_RANGE(uint64_t)

#define KEEP_TABLE(Code)                                                                           \
    static void keep_table_##Code(const void *codes, uint32_t count, const uint8_t *table,         \
                                  uint8_t *keep, bool is_first) {                                  \
        const Code *at = codes;                                                                    \
        if (is_first) {                                                                            \
            for (uint32_t i = 0; i < count; i++)                                                   \
                keep[i] = table[at[i]];                                                            \
        } else {                                                                                   \
            for (uint32_t i = 0; i < count; i++)                                                   \
                keep[i] &= table[at[i]];                                                           \
        }                                                                                          \
    }
KEEP_TABLE(uint8_t)
KEEP_TABLE(uint16_t)
KEEP_TABLE(uint32_t)
KEEP_TABLE(uint64_t)

static void keep_range(const BlockColumn *column, const Filter *filter, uint32_t count,
                       uint8_t *keep, bool is_first) {
    uint64_t low = filter->low, high = filter->high;
    switch (column->coding->width) {
    case 1:
        keep_range_uint8_t(column->codes, count, low, high, keep, is_first);
        break;
    case 2:
        keep_range_uint16_t(column->codes, count, low, high, keep, is_first);
        break;
    case 4:
        keep_range_uint32_t(column->codes, count, low, high, keep, is_first);
        break;
    default:
        keep_range_uint64_t(column->codes, count, low, high, keep, is_first);
        break;
    }
}

static void keep_table(const BlockColumn *column, const Filter *filter, uint32_t count,
                       uint8_t *keep, bool is_first) {
    switch (column->coding->width) {
    case 1:
        keep_table_uint8_t(column->codes, count, filter->table, keep, is_first);
        break;
    case 2:
        keep_table_uint16_t(column->codes, count, filter->table, keep, is_first);
        break;
    case 4:
        keep_table_uint32_t(column->codes, count, filter->table, keep, is_first);
        break;
    default:
        keep_table_uint64_t(column->codes, count, filter->table, keep, is_first);
        break;
    }
}

// --- a selection over a stream ---

static void grow(Matches *matches, uint32_t count) {
    if (matches->room >= count)
        return;
    uint32_t room = count + count / 2 + 64;
    size_t spare = 64; // vectors write whole
    matches->row_room = realloc(matches->row_room, (room + spare) * sizeof(uint32_t));
    matches->lane_room = realloc(matches->lane_room, room + spare);
    if (matches->row_room == NULL || matches->lane_room == NULL)
        abort();
    matches->room = room;
}

void engine_kernel_matches_room(Matches *matches, uint32_t count) {
    grow(matches, count);
}

void engine_kernel_matches_free(Matches *matches) {
    free(matches->row_room);
    free(matches->lane_room);
}

static void collect(const KernelWork *work, const BlockStream *rows, const uint8_t *keep,
                    Matches *matches) {
    grow(matches, rows->count);
    matches->count = work->compare->collect(keep, rows->customer, rows->count, matches->row_room,
                                            matches->lane_room);
    matches->rows = matches->row_room;
    matches->lanes = matches->lane_room;
}

// Leaves the rows of which a node is true.
static void keep_rows(KernelWork *work, NodeId test, Matches *matches) {
    uint32_t kept = 0, count = matches->count;
    grow(matches, count);
    for (uint32_t low = 0; low < count; low += LANE_COUNT_MAX) {
        uint32_t chunk = count - low < LANE_COUNT_MAX ? count - low : LANE_COUNT_MAX;
        const Lanes *lanes = engine_kernel_row_lanes(work, matches, low, chunk, test);
        for (uint32_t i = 0; lanes != NULL && i < chunk; i++) {
            matches->row_room[kept] = matches->rows == NULL ? low + i : matches->rows[low + i];
            matches->lane_room[kept] = matches->lanes[low + i];
            uint64_t word = lanes->bits[i / 64] & lanes->valid[i / 64];
            kept += (word >> (i % 64)) & 1;
        }
    }
    matches->rows = matches->row_room;
    matches->lanes = matches->lane_room;
    matches->count = kept;
}

// The matches of the clauses alone.
static void match_stream(KernelWork *work, const KernelSelection *selection, Matches *matches) {
    const Kernel *kernel = work->kernel;
    const Block *block = matches->block;
    int32_t stream = matches->stream;
    const BlockStream *rows = &block->streams[stream];
    matches->rows = NULL;
    matches->lanes = rows->customer;
    matches->count = rows->count;
    if (rows->count > work->keep_room) {
        work->keep_room = rows->count + rows->count / 2;
        free(work->keep);
        work->keep = malloc(work->keep_room);
        if (work->keep == NULL)
            abort();
    }
    bool is_first = true;
    for (int32_t i = 0; i < selection->clause_count && rows->count > 0; i++) {
        int32_t clause = selection->clauses[i];
        const BlockColumn *column =
            engine_kernel_column(work, block, stream, kernel->clauses[clause].property);
        if (column == NULL) {
            if (work->binding->clause_nulls[clause])
                continue;
            matches->count = 0;
            return;
        }
        if (!engine_kernel_is_listed(kernel, clause, column->coding)) {
            engine_kernel_ask(work->binding, clause, work->binding->streams[stream].event,
                              block->partition, column, rows->count, work->keep, is_first);
            is_first = false;
            continue;
        }
        const Filter *filter =
            engine_kernel_filter(work->binding, clause, work->binding->streams[stream].event,
                                 block->partition, column->coding);
        if (filter->kind == FILTER_RANGE && filter->low > filter->high) {
            matches->count = 0;
            return;
        }
        if (filter->kind == FILTER_RANGE)
            keep_range(column, filter, rows->count, work->keep, is_first);
        else
            keep_table(column, filter, rows->count, work->keep, is_first);
        is_first = false;
    }
    if (!is_first)
        collect(work, rows, work->keep, matches);
}

size_t engine_kernel_slot_count(const KernelWork *work) {
    const Kernel *kernel = work->kernel;
    return work->is_keeping ? (size_t)kernel->selection_count : 1 + (size_t)kernel->slot_count;
}

const Matches *engine_kernel_matches(KernelWork *work, int32_t selection, int32_t *ret_count) {
    const SelectionBinding *bound = &work->binding->selections[selection];
    int32_t slot = work->is_keeping ? selection : work->kernel->selections[selection].slot;
    *ret_count = bound->stream_count * (int32_t)work->block_count;
    if (work->made_selection[slot] == selection + 1)
        return work->matches[slot];
    Matches *matches = work->matches[slot];
    const KernelSelection *asked = &work->kernel->selections[selection];
    for (uint32_t b = 0; b < work->block_count; b++) {
        for (int32_t i = 0; i < bound->stream_count; i++, matches++) {
            matches->block = &work->blocks[b];
            matches->first_lane = b * BLOCK_CUSTOMER_MAX;
            matches->stream = bound->streams[i];
            match_stream(work, asked, matches);
            for (int32_t t = 0; t < asked->test_count && matches->count > 0; t++)
                keep_rows(work, asked->tests[t], matches);
        }
    }
    work->made_selection[slot] = selection + 1;
    return work->matches[slot];
}
