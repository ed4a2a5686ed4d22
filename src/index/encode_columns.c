// A gathered partition's values as codes and dictionaries: the sections of a columns frame.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "index/index_private.h"

enum { NUMBERS_MAX = 65535 }; // distinct ones in a dictionary

typedef struct ColumnCodes {
    ColumnRecord record;
    IndexBuffer codes, checks, entries, items;
} ColumnCodes;

static uint8_t width_of(uint64_t code_count) {
    uint64_t max = code_count - 1;
    return max <= UINT8_MAX ? 1 : max <= UINT16_MAX ? 2 : max <= UINT32_MAX ? 4 : 8;
}

static void put_code(char *codes, uint8_t width, uint64_t row, uint64_t code) {
    memcpy(codes + row * width, &code, width); // the low bytes come first
}

static char *code_room(Gather *gather, ColumnCodes *to, uint64_t rows) {
    to->record.width = width_of(to->record.code_count);
    char *codes = index_buffer_reserve(gather->memory, &to->codes, rows * to->record.width);
    if (codes != NULL)
        to->codes.size_bytes = rows * to->record.width;
    return codes;
}

// --- LINEAR ---

// A table of integers, for those whose range does not fit in 64 bits.
static bool encode_whole(Gather *gather, const int64_t *values, const uint8_t *valid, uint64_t rows,
                         ColumnCodes *to) {
    IndexPool pool = {0};
    IndexBuffer numbers = {0};
    int64_t null = 0;
    uint32_t *room = index_buffer_reserve(gather->memory, &numbers, rows * sizeof *room);
    bool is_fine = room != NULL;
    for (uint64_t i = 0; is_fine && i < rows; i++) {
        bool is_null = valid != NULL && valid[i] == 0;
        uint32_t number =
            is_null ? 0 : index_pool_add(gather->memory, &pool, &values[i], sizeof *values);
        is_fine = number != INDEX_TEXT_NONE;
        room[i] = is_null ? 0 : number + 1;
    }
    to->record.kind = BLOCK_CODE_WHOLE;
    to->record.code_count = pool.count + (uint64_t)1;
    is_fine =
        is_fine && index_buffer_append(gather->memory, &to->entries, &null, sizeof null) &&
        index_buffer_append(gather->memory, &to->entries, pool.bytes.data, pool.bytes.size_bytes);
    char *codes = is_fine ? code_room(gather, to, rows) : NULL;
    for (uint64_t i = 0; codes != NULL && i < rows; i++)
        put_code(codes, to->record.width, i, room[i]);
    index_buffer_done(gather->memory, &numbers);
    index_pool_done(gather->memory, &pool);
    return codes != NULL;
}

static bool encode_linear(Gather *gather, const GatherColumn *column, uint64_t rows,
                          ColumnCodes *to) {
    const int64_t *values = (const int64_t *)(const void *)column->values.data;
    const uint8_t *valid = column->has_null ? (const uint8_t *)column->valid.data : NULL;
    uint64_t scale = column->divisor.value == 0 ? 1 : column->divisor.value;
    uint64_t range = ((uint64_t)column->max - (uint64_t)column->min) / scale;
    if (range > UINT64_MAX - 2 || scale > INT64_MAX)
        return encode_whole(gather, values, valid, rows, to);
    to->record.kind = BLOCK_CODE_LINEAR;
    to->record.base = column->min;
    to->record.scale = (int64_t)scale;
    to->record.code_count = range + 2;
    char *codes = code_room(gather, to, rows);
    IndexDivisor divisor = index_divisor(scale);
    for (uint64_t i = 0; codes != NULL && i < rows; i++) {
        bool is_null = valid != NULL && valid[i] == 0;
        uint64_t distance = (uint64_t)values[i] - (uint64_t)column->min;
        put_code(codes, to->record.width, i, is_null ? 0 : index_divide(&divisor, distance) + 1);
    }
    return codes != NULL;
}

// --- numbers ---

// Codes of up to NUMBERS_MAX distinct numbers; false: there are more, or no memory.
static bool number_codes(Gather *gather, const uint64_t *bits, uint64_t rows, IndexPool *pool,
                         uint32_t *codes) {
    for (uint64_t i = 0; i < rows; i++) {
        codes[i] = 0;
        if (bits[i] == BLOCK_DOUBLE_NULL)
            continue;
        if (i > 0 && bits[i] == bits[i - 1]) {
            codes[i] = codes[i - 1];
            continue;
        }
        uint32_t number = index_pool_add(gather->memory, pool, &bits[i], sizeof *bits);
        if (number >= NUMBERS_MAX)
            return false;
        codes[i] = number + 1;
    }
    return true;
}

static bool put_numbers(Gather *gather, const IndexPool *pool, const uint32_t *codes, uint64_t rows,
                        ColumnCodes *to) {
    double null = 0;
    to->record.kind = BLOCK_CODE_NUMBER;
    to->record.code_count = pool->count + (uint64_t)1;
    char *room = code_room(gather, to, rows);
    if (room == NULL || !index_buffer_append(gather->memory, &to->entries, &null, sizeof null) ||
        !index_buffer_append(gather->memory, &to->entries, pool->bytes.data,
                             pool->bytes.size_bytes))
        return false;
    for (uint64_t i = 0; i < rows; i++)
        put_code(room, to->record.width, i, codes[i]);
    return true;
}

static bool put_doubles(Gather *gather, const uint64_t *bits, uint64_t rows, ColumnCodes *to) {
    to->record.kind = BLOCK_CODE_DOUBLE;
    to->record.code_count = UINT64_MAX;
    uint64_t *room = (uint64_t *)(void *)code_room(gather, to, rows);
    if (room == NULL)
        return false;
    for (uint64_t i = 0; i < rows; i++)
        room[i] = bits[i] ^ BLOCK_DOUBLE_NULL;
    return true;
}

static bool encode_numbers(Gather *gather, const GatherColumn *column, uint64_t rows,
                           ColumnCodes *to) {
    const uint64_t *bits = (const uint64_t *)(const void *)column->values.data;
    IndexBuffer codes = {0};
    IndexPool pool = {0};
    uint32_t *room = index_buffer_reserve(gather->memory, &codes, rows * sizeof *room);
    bool is_fine = room != NULL;
    if (is_fine) {
        is_fine = number_codes(gather, bits, rows, &pool, room)
                      ? put_numbers(gather, &pool, room, rows, to)
                      : put_doubles(gather, bits, rows, to);
    }
    index_buffer_done(gather->memory, &codes);
    index_pool_done(gather->memory, &pool);
    return is_fine;
}

// --- texts and lists ---

// Numbers of the pool, in order of appearance, become codes from 1 on; `numbers` holds number + 1
// and is changed to codes.
static bool dense_codes(Gather *gather, uint32_t *numbers, uint64_t rows, uint32_t pool_count,
                        IndexBuffer *used) {
    IndexBuffer map = {0};
    size_t size = (pool_count + (size_t)1) * sizeof(uint32_t);
    uint32_t *codes = index_buffer_reserve(gather->memory, &map, size);
    bool is_fine = codes != NULL;
    if (is_fine)
        memset(codes, 0, size);
    uint32_t count = 0;
    for (uint64_t i = 0; is_fine && i < rows; i++) {
        uint32_t number = numbers[i];
        if (number == 0)
            continue;
        assert(number <= pool_count);
        if (codes[number] == 0) {
            codes[number] = ++count;
            number--;
            is_fine = index_buffer_append(gather->memory, used, &number, sizeof number);
            number++;
        }
        numbers[i] = codes[number];
    }
    index_buffer_done(gather->memory, &map);
    return is_fine;
}

static bool put_texts(Gather *gather, const IndexBuffer *used, ColumnCodes *to) {
    uint32_t null = INDEX_TEXT_NONE;
    to->record.kind = BLOCK_CODE_TEXT;
    return index_buffer_append(gather->memory, &to->entries, &null, sizeof null) &&
           index_buffer_append(gather->memory, &to->entries, used->data, used->size_bytes);
}

// The items of code c are [first_item[c], first_item[c + 1]); null has none.
static bool put_lists(Gather *gather, const IndexBuffer *used, ColumnCodes *to) {
    const uint32_t *numbers = (const uint32_t *)(const void *)used->data;
    size_t count = used->size_bytes / sizeof *numbers;
    const uint64_t *offsets = index_pool_offsets(&gather->lists);
    uint64_t first[2] = {0, 0};
    to->record.kind = BLOCK_CODE_LIST;
    if (!index_buffer_append(gather->memory, &to->entries, first, sizeof first))
        return false;
    for (size_t i = 0; i < count; i++) {
        uint64_t begin = offsets[numbers[i]], size = offsets[numbers[i] + 1] - begin;
        if (!index_buffer_append(gather->memory, &to->items, gather->lists.bytes.data + begin,
                                 size))
            return false;
        uint64_t end = to->items.size_bytes / sizeof(uint32_t);
        if (!index_buffer_append(gather->memory, &to->entries, &end, sizeof end))
            return false;
    }
    return true;
}

static bool encode_pooled(Gather *gather, GatherColumn *column, uint64_t rows, ColumnCodes *to) {
    uint32_t *numbers = (uint32_t *)(void *)column->values.data;
    bool is_text = column->type == VALUE_TEXT;
    IndexBuffer used = {0};
    bool is_fine = dense_codes(gather, numbers, rows,
                               is_text ? gather->texts.count : gather->lists.count, &used) &&
                   (is_text ? put_texts(gather, &used, to) : put_lists(gather, &used, to));
    to->record.code_count = used.size_bytes / sizeof(uint32_t) + 1;
    index_buffer_done(gather->memory, &used);
    char *codes = is_fine ? code_room(gather, to, rows) : NULL;
    for (uint64_t i = 0; codes != NULL && i < rows; i++)
        put_code(codes, to->record.width, i, numbers[i]);
    return codes != NULL;
}

// --- the frame ---

static bool encode_checks(Gather *gather, const GatherStream *stream, ColumnCodes *to) {
    const uint64_t *block_row = (const uint64_t *)(const void *)stream->block_row.data;
    uint8_t width = to->record.width;
    for (uint32_t b = 0; b < gather->block_count; b++) {
        uint64_t check = index_checksum(to->codes.data + block_row[b] * width,
                                        (block_row[b + 1] - block_row[b]) * width, 0);
        if (!index_buffer_append(gather->memory, &to->checks, &check, sizeof check))
            return false;
    }
    return true;
}

static bool encode_column(Gather *gather, GatherStream *stream, GatherColumn *column,
                          ColumnCodes *to) {
    to->record.wanted = column->wanted;
    to->record.is_any = stream->is_any;
    to->record.has_null = column->has_null;
    bool is_fine;
    if (column->type == VALUE_NUMBER)
        is_fine = encode_numbers(gather, column, stream->row_count, to);
    else if (column->type == VALUE_TEXT || column->type == VALUE_LIST)
        is_fine = encode_pooled(gather, column, stream->row_count, to);
    else
        is_fine = encode_linear(gather, column, stream->row_count, to);
    index_buffer_done(gather->memory, &column->values);
    index_buffer_done(gather->memory, &column->valid);
    return is_fine && encode_checks(gather, stream, to);
}

static bool encode_all(Gather *gather, ColumnCodes *columns, size_t *ret_count) {
    bool is_fine = true;
    size_t count = 0;
    for (uint32_t s = 0; is_fine && s < gather->stream_count; s++) {
        GatherStream *stream = &gather->streams[s];
        for (uint32_t i = 0; is_fine && i < stream->column_count; i++) {
            if (stream->columns[i].has_value) // else it is null wherever it is asked for
                is_fine = encode_column(gather, stream, &stream->columns[i], &columns[count++]);
        }
    }
    *ret_count = count;
    return is_fine;
}

// The texts that the index does not hold yet; `offsets` from 0.
static bool put_new_texts(Gather *gather, FramePart *parts, IndexBuffer *offsets) {
    const uint64_t *from = index_pool_offsets(&gather->texts);
    uint64_t begin = gather->texts.count == 0 ? 0 : from[gather->text_known];
    for (uint32_t i = gather->text_known; i <= gather->texts.count; i++) {
        uint64_t offset = gather->texts.count == 0 ? 0 : from[i] - begin;
        if (!index_buffer_append(gather->memory, offsets, &offset, sizeof offset))
            return false;
    }
    parts[COLUMNS_TEXT_OFFSETS] = (FramePart){offsets->data, offsets->size_bytes, false};
    parts[COLUMNS_TEXT_BYTES] = (FramePart){
        gather->texts.count == 0 ? NULL : gather->texts.bytes.data + begin,
        gather->texts.bytes.size_bytes - begin,
        false,
    };
    return true;
}

static int make_frame(Gather *gather, uint32_t partition, const char *path,
                      const ColumnCodes *columns, size_t count, Frame *ret_frame,
                      KretsError *error) {
    size_t part_count = COLUMNS_FIXED_COUNT + count * COLUMN_SECTION_COUNT;
    FramePart *parts = base_arena_alloc_array(gather->arena, part_count, sizeof *parts);
    ColumnRecord *records = base_arena_alloc_array(gather->arena, count + 1, sizeof *records);
    IndexBuffer offsets = {0};
    int r = put_new_texts(gather, parts, &offsets) ? 0 : index_memory_fail(gather->memory, error);
    for (size_t i = 0; i < count; i++) {
        const ColumnCodes *column = &columns[i];
        FramePart *to = parts + COLUMNS_FIXED_COUNT + i * COLUMN_SECTION_COUNT;
        records[i] = column->record;
        to[COLUMN_CODES] = (FramePart){column->codes.data, column->codes.size_bytes, true};
        to[COLUMN_CHECKS] = (FramePart){column->checks.data, column->checks.size_bytes, false};
        to[COLUMN_ENTRIES] = (FramePart){column->entries.data, column->entries.size_bytes, false};
        to[COLUMN_ITEMS] = (FramePart){column->items.data, column->items.size_bytes, false};
    }
    parts[COLUMNS_META] = (FramePart){records, count * sizeof *records, false};
    FrameName name = {FRAME_COLUMNS, gather->roster->build_id, partition};
    if (r == 0)
        r = index_frame_make(path, name, parts, part_count, ret_frame, error);
    index_buffer_done(gather->memory, &offsets);
    return r;
}

int index_encode_columns(Gather *gather, uint32_t partition, const char *path, Frame *ret_frame,
                         KretsError *error) {
    size_t room = 1;
    for (uint32_t s = 0; s < gather->stream_count; s++)
        room += gather->streams[s].column_count;
    ColumnCodes *columns = base_arena_alloc_array(gather->arena, room, sizeof *columns);
    size_t count = 0;
    int r = encode_all(gather, columns, &count) ? 0 : index_memory_fail(gather->memory, error);
    if (r == 0)
        r = make_frame(gather, partition, path, columns, count, ret_frame, error);
    for (size_t i = 0; i < count; i++) {
        index_buffer_done(gather->memory, &columns[i].codes);
        index_buffer_done(gather->memory, &columns[i].checks);
        index_buffer_done(gather->memory, &columns[i].entries);
        index_buffer_done(gather->memory, &columns[i].items);
    }
    return r;
}
