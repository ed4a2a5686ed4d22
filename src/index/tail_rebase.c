// A tail goes on over the index that one of its snapshots was folded into.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "index/tail_private.h"

typedef struct LateRow {
    const TailRow *row;
    Str customer;
    uint32_t partition;
} LateRow;

typedef struct Late {
    const TailStore *store;
    uint32_t first_arrival;
    LateRow *rows; // by arrival
} Late;

static void take_block(Late *late, const TailBlock *block, uint32_t partition,
                       uint32_t first_ordinal) {
    for (uint32_t lane = 0; lane < BLOCK_CUSTOMER_MAX; lane++) {
        const TailRow *row = atomic_load_explicit(&block->heads[lane], memory_order_relaxed);
        for (; row != NULL && row->arrival >= late->first_arrival; row = row->before) {
            Str id = block->ids == NULL
                         ? index_customer_id(late->store->index, first_ordinal + lane)
                         : block->ids[lane];
            late->rows[row->arrival - late->first_arrival] = (LateRow){row, id, partition};
        }
    }
}

static void take_rows(Late *late) {
    const TailStore *store = late->store;
    const Index *index = store->index;
    for (uint32_t p = 0; p < index->source.partition_count; p++) {
        const IndexPartition *partition = &index->partitions[p];
        for (uint32_t b = 0; b < partition->block_count; b++) {
            const TailBlock *block = atomic_load_explicit(
                &store->blocks[partition->first_block + b], memory_order_relaxed);
            if (block != NULL)
                take_block(late, block, p, partition->first_ordinal + b * BLOCK_CUSTOMER_MAX);
        }
    }
    for (uint32_t i = 0; i < store->customer_count; i += BLOCK_CUSTOMER_MAX)
        take_block(late, index_store_new_block(store, i / BLOCK_CUSTOMER_MAX),
                   index->source.partition_count, 0);
}

// Rooms of one event's values.
typedef struct Room {
    IndexValue *values;
    Arena *items;
} Room;

static Value value_of(const TailStore *store, const LateRow *late, uint32_t column,
                      BlockColumnInfo info, Room *room) {
    Value value = {.type = info.type};
    uint64_t code = late->row->values[column];
    const TailColumn *from =
        index_list_at(&store->partitions[late->partition].columns, sizeof *from,
                      store->streams[late->row->stream].numbers[column]);
    assert(from != NULL);
    const void *entries = atomic_load_explicit(&from->entries, memory_order_relaxed);
    if (info.type == VALUE_BOOLEAN) {
        value.boolean = code != 0;
    } else if (info.type == VALUE_DATE) {
        value.date = (int32_t)(int64_t)code;
    } else if (info.type == VALUE_NUMBER) {
        code ^= BLOCK_DOUBLE_NULL;
        memcpy(&value.number,
               from->kind == BLOCK_CODE_DOUBLE
                   ? (const void *)&code
                   : (const void *)&((const double *)entries)[late->row->values[column]],
               sizeof value.number);
    } else if (info.type == VALUE_TEXT) {
        value.text = index_store_text(store, late->partition, ((const uint32_t *)entries)[code]);
    } else if (info.type == VALUE_LIST) {
        const uint64_t *first = (const uint64_t *)entries + code;
        const uint32_t *texts = atomic_load_explicit(&from->items, memory_order_relaxed);
        size_t count = first[1] - first[0];
        Str *items = base_arena_alloc_array(room->items, count + 1, sizeof *items);
        for (size_t i = 0; i < count; i++)
            items[i] = index_store_text(store, late->partition, texts[first[0] + i]);
        value.list.items = items;
        value.list.count = count;
    } else {
        value.integer = (int64_t)code;
    }
    return value;
}

static int append_again(const Late *late, const LateRow *row, IndexTail *tail, Room *room,
                        KretsError *error) {
    assert(row->row != NULL);
    const TailStream *stream = &late->store->streams[row->row->stream];
    size_t count = 0;
    base_arena_reset(room->items);
    for (uint32_t c = 0; c < row->row->column_count; c++) {
        if (index_tail_has(row->row, c))
            room->values[count++] = (IndexValue){
                stream->columns[c].column, value_of(late->store, row, c, stream->columns[c], room)};
    }
    IndexEvent event = {.customer = row->customer,
                        .event = stream->event,
                        .is_any = stream->is_any,
                        .time_us = row->row->time_us,
                        .values = room->values,
                        .value_count = count};
    return index_tail_append(tail, &event, 1, error);
}

int index_tail_rebase(const IndexTail *tail, const IndexSnapshot *snapshot, Index *index,
                      IndexTail **ret_tail, KretsError *error) {
    const TailStore *store = tail->store;
    assert(snapshot->store == store);
    assert(index->source.customer_count == snapshot->source.customer_count);
    uint32_t count = store->event_count - snapshot->event_count;
    Late late = {.store = store,
                 .first_arrival = snapshot->event_count,
                 .rows = calloc(count + (size_t)1, sizeof *late.rows)};
    Room room = {.values = calloc(store->column_count + (size_t)1, sizeof *room.values),
                 .items = base_arena_new(SIZE_MAX)};
    if (late.rows == NULL || room.values == NULL)
        abort();
    take_rows(&late);
    IndexTail *next = index_tail_new(index);
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < count; i++)
        r = append_again(&late, &late.rows[i], next, &room, error);
    free(late.rows);
    free(room.values);
    base_arena_free(room.items);
    if (r == 0)
        *ret_tail = next;
    else
        index_tail_free(next);
    return r;
}
