// Customers of a block that is not full yet, copied out of tables that go away.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "index/index_private.h"

typedef struct CarryColumn {
    ValueType type;
    IndexBuffer values, valid;
} CarryColumn;

struct Carry {
    IndexMemory *memory;
    Arena *texts; // the bytes of texts and the items of lists
    size_t texts_counted;
    IndexBuffer ids, first_row, time_us, event, is_any;
    CarryColumn *columns;
    size_t column_count;
    size_t customer_count, row_count;
    TableColumn *table_columns;
    EventTable table;
};

Carry *index_carry_new(IndexMemory *memory, const IndexBuild *build) {
    Carry *carry = calloc(1, sizeof *carry);
    if (carry == NULL)
        abort();
    carry->memory = memory;
    carry->texts = base_arena_new(SIZE_MAX);
    carry->column_count = build->column_count;
    carry->columns = calloc(build->column_count + 1, sizeof *carry->columns);
    carry->table_columns = calloc(build->column_count + 1, sizeof *carry->table_columns);
    if (carry->columns == NULL || carry->table_columns == NULL)
        abort();
    for (size_t i = 0; i < build->column_count; i++)
        carry->columns[i].type = build->types[i];
    return carry;
}

void index_carry_free(Carry *carry) {
    if (carry == NULL)
        return;
    IndexBuffer *buffers[] = {&carry->ids, &carry->first_row, &carry->time_us, &carry->event,
                              &carry->is_any};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        index_buffer_done(carry->memory, buffers[i]);
    for (size_t i = 0; i < carry->column_count; i++) {
        index_buffer_done(carry->memory, &carry->columns[i].values);
        index_buffer_done(carry->memory, &carry->columns[i].valid);
    }
    atomic_fetch_sub(&carry->memory->used_bytes, carry->texts_counted);
    base_arena_free(carry->texts);
    free(carry->columns);
    free(carry->table_columns);
    free(carry);
}

static void keep_texts(Carry *carry, Str *texts, const uint8_t *valid, size_t count) {
    for (size_t i = 0; i < count; i++)
        texts[i] = valid != NULL && valid[i] == 0 ? (Str){NULL, 0}
                                                  : base_arena_str(carry->texts, texts[i]);
}

static void keep_lists(Carry *carry, TableList *lists, const uint8_t *valid, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (valid != NULL && valid[i] == 0) {
            lists[i] = (TableList){0};
            continue;
        }
        Str *items = base_arena_alloc_array(carry->texts, lists[i].count + 1, sizeof *items);
        if (lists[i].count > 0)
            memcpy(items, lists[i].items, lists[i].count * sizeof *items);
        keep_texts(carry, items, NULL, lists[i].count);
        lists[i].items = items;
    }
}

static bool add_valid(Carry *carry, CarryColumn *to, const uint8_t *valid, size_t first,
                      size_t count) {
    uint8_t *room = index_buffer_reserve(carry->memory, &to->valid, count);
    if (room == NULL)
        return false;
    if (valid == NULL)
        memset(room, 1, count);
    else
        memcpy(room, valid + first, count);
    to->valid.size_bytes += count;
    return true;
}

static bool add_column(Carry *carry, CarryColumn *to, const TableColumn *from, size_t first,
                       size_t count) {
    assert(from->type == to->type);
    if (to->type == VALUE_NULL || count == 0)
        return true;
    size_t size = data_table_value_size(to->type);
    char *values = index_buffer_reserve(carry->memory, &to->values, count * size);
    if (values == NULL || !add_valid(carry, to, from->valid, first, count))
        return false;
    memcpy(values, (const char *)from->values + first * size, count * size);
    to->values.size_bytes += count * size;
    const uint8_t *valid = from->valid == NULL ? NULL : from->valid + first;
    if (to->type == VALUE_TEXT)
        keep_texts(carry, (Str *)(void *)values, valid, count);
    if (to->type == VALUE_LIST)
        keep_lists(carry, (TableList *)(void *)values, valid, count);
    return true;
}

static bool add_customers(Carry *carry, const EventTable *table, size_t begin, size_t end) {
    for (size_t c = begin; c < end; c++) {
        Str id = base_arena_str(carry->texts, table->customer_ids[c]);
        uint64_t row = table->first_row[c] - table->first_row[begin] + carry->row_count;
        if (!index_buffer_append(carry->memory, &carry->ids, &id, sizeof id) ||
            !index_buffer_append(carry->memory, &carry->first_row, &row, sizeof row))
            return false;
    }
    return true;
}

bool index_carry_add(Carry *carry, const EventTable *table, size_t begin, size_t end) {
    assert(begin <= end && end <= table->customer_count);
    assert(table->column_count == carry->column_count);
    size_t first = table->first_row[begin], count = table->first_row[end] - first;
    if (!add_customers(carry, table, begin, end) ||
        !index_buffer_append(carry->memory, &carry->time_us, table->time_us + first, count * 8) ||
        !index_buffer_append(carry->memory, &carry->event, table->event + first, count * 2) ||
        !index_buffer_append(carry->memory, &carry->is_any, table->is_any + first, count))
        return false;
    for (size_t i = 0; i < carry->column_count; i++) {
        if (!add_column(carry, &carry->columns[i], &table->columns[i], first, count))
            return false;
    }
    carry->customer_count += end - begin;
    carry->row_count += count;
    size_t used = base_arena_used(carry->texts); // counted after the fact: at most a block's texts
    atomic_fetch_add(&carry->memory->used_bytes, used - carry->texts_counted);
    carry->texts_counted = used;
    return atomic_load(&carry->memory->used_bytes) <= carry->memory->limit_bytes;
}

size_t index_carry_count(const Carry *carry) {
    return carry->customer_count;
}

const EventTable *index_carry_table(Carry *carry) {
    uint64_t *end = index_buffer_reserve(carry->memory, &carry->first_row, sizeof *end);
    if (end == NULL)
        return NULL;
    *end = carry->row_count;
    for (size_t i = 0; i < carry->column_count; i++)
        carry->table_columns[i] =
            (TableColumn){carry->columns[i].type, carry->columns[i].values.data,
                          (const uint8_t *)carry->columns[i].valid.data};
    carry->table = (EventTable){
        .customer_count = carry->customer_count,
        .customer_ids = (const Str *)(const void *)carry->ids.data,
        .first_row = (const uint64_t *)(const void *)carry->first_row.data,
        .row_count = carry->row_count,
        .time_us = (const int64_t *)(const void *)carry->time_us.data,
        .event = (const uint16_t *)(const void *)carry->event.data,
        .is_any = (const uint8_t *)carry->is_any.data,
        .columns = carry->table_columns,
        .column_count = carry->column_count,
    };
    return &carry->table;
}

void index_carry_clear(Carry *carry) {
    IndexBuffer *buffers[] = {&carry->ids, &carry->first_row, &carry->time_us, &carry->event,
                              &carry->is_any};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        buffers[i]->size_bytes = 0;
    for (size_t i = 0; i < carry->column_count; i++)
        carry->columns[i].values.size_bytes = carry->columns[i].valid.size_bytes = 0;
    base_arena_reset(carry->texts);
    atomic_fetch_sub(&carry->memory->used_bytes, carry->texts_counted);
    carry->texts_counted = 0;
    carry->customer_count = carry->row_count = 0;
}
