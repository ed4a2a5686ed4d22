// Values of the wanted columns, stream by stream, as they will be coded.
#include <assert.h>
#include <string.h>

#include "index/index_private.h"

// --- texts and lists ---

static uint32_t text_number(Gather *gather, Str text) {
    uintptr_t place = (uintptr_t)text.data;
    GatherSeen *seen = &gather->seen[(place ^ place >> 12) % GATHER_SEEN_COUNT];
    if (seen->epoch == gather->epoch && seen->data == text.data &&
        seen->size_bytes == text.size_bytes)
        return seen->number;
    uint32_t number = index_pool_add(gather->memory, &gather->texts, text.data, text.size_bytes);
    *seen = (GatherSeen){text.data, text.size_bytes, gather->epoch, number};
    return number;
}

static uint32_t list_number(Gather *gather, TableList list) {
    gather->items.size_bytes = 0;
    uint32_t *numbers =
        index_buffer_reserve(gather->memory, &gather->items, list.count * sizeof *numbers);
    for (size_t i = 0; numbers != NULL && i < list.count; i++) {
        numbers[i] = text_number(gather, list.items[i]);
        if (numbers[i] == INDEX_TEXT_NONE)
            return INDEX_TEXT_NONE;
    }
    if (numbers == NULL)
        return INDEX_TEXT_NONE;
    return index_pool_add(gather->memory, &gather->lists, numbers, list.count * sizeof *numbers);
}

// Numbers + 1 of texts or lists, 0 where null.
static bool take_numbers(Gather *gather, GatherColumn *column, const TableColumn *from,
                         const uint32_t *rows, size_t count) {
    uint32_t *to = index_buffer_reserve(gather->memory, &column->values, count * sizeof *to);
    if (to == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        uint32_t row = rows[i];
        if (from->valid != NULL && from->valid[row] == 0) {
            column->has_null = true;
            to[i] = 0;
            continue;
        }
        uint32_t number = column->type == VALUE_TEXT
                              ? text_number(gather, ((const Str *)from->values)[row])
                              : list_number(gather, ((const TableList *)from->values)[row]);
        if (number == INDEX_TEXT_NONE)
            return false;
        column->has_value = true;
        to[i] = number + 1;
    }
    column->values.size_bytes += count * sizeof *to;
    return true;
}

// --- numbers ---

static bool take_doubles(Gather *gather, GatherColumn *column, const TableColumn *from,
                         const uint32_t *rows, size_t count) {
    uint64_t *to = index_buffer_reserve(gather->memory, &column->values, count * sizeof *to);
    if (to == NULL)
        return false;
    const uint64_t *values = from->values;
    for (size_t i = 0; i < count; i++) {
        bool is_null = from->valid != NULL && from->valid[rows[i]] == 0;
        to[i] = is_null ? BLOCK_DOUBLE_NULL : values[rows[i]];
        assert(is_null || to[i] != BLOCK_DOUBLE_NULL);
        column->has_null |= is_null;
        column->has_value |= !is_null;
    }
    column->values.size_bytes += count * sizeof *to;
    return true;
}

static inline int64_t linear_value(ValueType type, const void *values, uint32_t row) {
    if (type == VALUE_BOOLEAN)
        return ((const uint8_t *)values)[row] != 0;
    if (type == VALUE_DATE)
        return ((const int32_t *)values)[row];
    return ((const int64_t *)values)[row];
}

// Notes one value's part in minimum, maximum and common divisor.
static inline void note_value(GatherColumn *column, int64_t value) {
    if (!column->has_value) {
        column->has_value = true;
        column->first = column->min = column->max = value;
        return;
    }
    column->min = value < column->min ? value : column->min;
    column->max = value > column->max ? value : column->max;
    uint64_t distance = value > column->first ? (uint64_t)value - (uint64_t)column->first
                                              : (uint64_t)column->first - (uint64_t)value;
    if (column->divisor.value == 0) {
        if (distance != 0)
            column->divisor = index_divisor(distance);
    } else if (column->divisor.value != 1 && !index_divides(&column->divisor, distance)) {
        index_divisor_narrow(&column->divisor, distance);
    }
}

static void note_values(GatherColumn *column, const int64_t *values, const uint8_t *valid,
                        size_t count) {
    GatherColumn noted = *column; // in registers
    for (size_t i = 0; i < count; i++) {
        if (valid == NULL || valid[i] != 0)
            note_value(&noted, values[i]);
    }
    *column = noted;
}

// A byte a row from the first null on; rows before it were all valid.
static uint8_t *valid_room(Gather *gather, GatherColumn *column, uint64_t before, size_t count) {
    if (!column->has_null) {
        uint8_t *old = index_buffer_reserve(gather->memory, &column->valid, before);
        if (old == NULL)
            return NULL;
        memset(old, 1, before);
        column->valid.size_bytes = before;
        column->has_null = true;
    }
    assert(column->valid.size_bytes == before);
    return index_buffer_reserve(gather->memory, &column->valid, count);
}

static bool has_null(const uint8_t *valid, const uint32_t *rows, size_t count) {
    uint8_t all = 1;
    for (size_t i = 0; i < count; i++)
        all &= valid[rows[i]];
    return all == 0;
}

static bool take_linear(Gather *gather, GatherColumn *column, const TableColumn *from,
                        const uint32_t *rows, size_t count) {
    uint64_t before = column->values.size_bytes / sizeof(int64_t);
    int64_t *to = index_buffer_reserve(gather->memory, &column->values, count * sizeof *to);
    if (to == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        to[i] = linear_value(column->type, from->values, rows[i]);
    uint8_t *valid = NULL;
    if (column->has_null || (from->valid != NULL && has_null(from->valid, rows, count))) {
        valid = valid_room(gather, column, before, count);
        if (valid == NULL)
            return false;
        for (size_t i = 0; i < count; i++)
            valid[i] = from->valid == NULL ? 1 : from->valid[rows[i]];
        column->valid.size_bytes += count;
    }
    note_values(column, to, valid, count);
    column->values.size_bytes += count * sizeof *to;
    return true;
}

bool index_gather_columns(Gather *gather, GatherStream *stream, const EventTable *table,
                          uint64_t first_row) {
    const uint32_t *rows = (const uint32_t *)(const void *)gather->place.data + stream->begin;
    for (uint32_t i = 0; i < stream->column_count; i++) {
        GatherColumn *column = &stream->columns[i];
        TableColumn from = table->columns[column->table_column];
        assert(from.type == column->type);
        from.values = (const char *)from.values + first_row * data_table_value_size(column->type);
        from.valid = from.valid == NULL ? NULL : from.valid + first_row;
        bool is_fine = false;
        switch (column->type) {
        case VALUE_TEXT:
        case VALUE_LIST:
            is_fine = take_numbers(gather, column, &from, rows, stream->count);
            break;
        case VALUE_NUMBER:
            is_fine = take_doubles(gather, column, &from, rows, stream->count);
            break;
        default:
            is_fine = take_linear(gather, column, &from, rows, stream->count);
            break;
        }
        if (!is_fine)
            return false;
    }
    return true;
}
