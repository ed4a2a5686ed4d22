// Events after the index was built: appended by one thread, in memory.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "index/tail_private.h"

enum {
    TABLE_FIRST_ROOM = 64,
    NAMES_MAX = 16000 // of event types, known and new: streams are numbered by 16 bits
};

void *index_list_make(Arena *arena, TailList *list, size_t item_bytes, uint32_t number) {
    uint64_t at = (uint64_t)number + (UINT64_C(1) << TAIL_LIST_BITS);
    unsigned bits = 63 - (unsigned)__builtin_clzll(at);
    _Atomic(char *) *level = &list->levels[bits - TAIL_LIST_BITS];
    assert(bits - TAIL_LIST_BITS < TAIL_LIST_LEVELS);
    if (atomic_load_explicit(level, memory_order_relaxed) == NULL)
        atomic_store_explicit(level, base_arena_alloc_array(arena, (size_t)1 << bits, item_bytes),
                              memory_order_release);
    return index_list_at(list, item_bytes, number);
}

// --- streams ---

static uint32_t add_stream(TailStore *store, Str event, bool is_any, bool is_known) {
    if (store->stream_count == store->stream_room) {
        uint32_t room = store->stream_room * 2 + 16;
        store->streams = base_arena_grow(store->arena, store->streams, store->stream_count, room,
                                         sizeof *store->streams);
        store->stream_room = room;
    }
    store->streams[store->stream_count] =
        (TailStream){.event = event, .is_any = is_any, .is_known = is_known};
    return store->stream_count++;
}

static void add_column(TailStore *store, TailStream *stream, Str name, ValueType type) {
    if (stream->column_count == stream->column_room) {
        uint32_t room = stream->column_room * 2 + 4;
        stream->columns = base_arena_grow(store->arena, stream->columns, stream->column_count, room,
                                          sizeof *stream->columns);
        stream->numbers = base_arena_grow(store->arena, stream->numbers, stream->column_count, room,
                                          sizeof *stream->numbers);
        stream->column_room = room;
    }
    stream->columns[stream->column_count] = (BlockColumnInfo){name, type};
    stream->numbers[stream->column_count++] = store->column_count++;
}

static TailEvent *add_event(TailStore *store, Str name, bool is_known) {
    if (store->name_count == store->name_room) {
        uint32_t room = store->name_room * 2 + 16;
        store->events = base_arena_grow(store->arena, store->events, store->name_count, room,
                                        sizeof *store->events);
        store->name_room = room;
    }
    assert(store->events != NULL);
    TailEvent *event = &store->events[store->name_count];
    *event = (TailEvent){.name = name, .is_known = is_known};
    (void)base_map_put(store->event_numbers, name, store->name_count++);
    return event;
}

static TailEvent *find_event(const TailStore *store, Str name) {
    uint64_t number;
    return base_map_get(store->event_numbers, name, &number) ? &store->events[number] : NULL;
}

// The columns that the index keeps of an event.
static void add_wanted(TailStore *store, uint32_t stream) {
    const Roster *roster = &store->index->roster;
    for (uint32_t i = 0; i < roster->wanted_count; i++) {
        if (base_str_equal(roster->wanted[i].event, store->streams[stream].event))
            add_column(store, &store->streams[stream], roster->wanted[i].column,
                       roster->wanted[i].type);
    }
}

static uint32_t stream_of(TailStore *store, Str name, bool is_any) {
    TailEvent *event = find_event(store, name);
    if (event == NULL)
        event = add_event(store, base_arena_str(store->arena, name), false);
    if (event->streams[is_any] == 0) {
        uint32_t stream = add_stream(store, event->name, is_any, event->is_known);
        event->streams[is_any] = stream + 1;
        if (event->is_known)
            add_wanted(store, stream);
    }
    return event->streams[is_any] - 1;
}

static void take_streams(TailStore *store) {
    const BlockSource *source = &store->index->source;
    const Roster *roster = &store->index->roster;
    for (uint32_t i = 0; i < roster->event_count; i++) {
        if (find_event(store, roster->events[i]) == NULL)
            add_event(store, roster->events[i], true);
    }
    if (find_event(store, STR("")) == NULL)
        add_event(store, STR(""), true);
    for (uint32_t s = 0; s < source->stream_count; s++) {
        const BlockStreamInfo *info = &source->streams[s];
        TailEvent *event = find_event(store, info->event);
        assert(event != NULL);
        event->streams[info->is_any] = 1 + add_stream(store, info->event, info->is_any, true);
        for (uint32_t c = 0; c < info->column_count; c++)
            add_column(store, &store->streams[s], info->columns[c].column, info->columns[c].type);
    }
}

// --- making ---

IndexTail *index_tail_new(Index *index) {
    IndexTail *tail = calloc(1, sizeof *tail);
    TailStore *store = calloc(1, sizeof *store);
    if (tail == NULL || store == NULL)
        abort();
    const BlockSource *source = &index->source;
    atomic_init(&store->references, 1);
    store->arena = base_arena_new(SIZE_MAX);
    store->index = index_ref(index);
    store->event_numbers = base_map_new();
    store->blocks = base_arena_alloc_array(store->arena, source->block_count + (size_t)1,
                                           sizeof *store->blocks);
    store->partitions = base_arena_alloc_array(store->arena, source->partition_count + (size_t)1,
                                               sizeof *store->partitions);
    for (uint32_t p = 0; p < source->partition_count; p++) {
        uint32_t count = index->partitions[p].text_count;
        store->partitions[p].base_text_count = count;
        atomic_init(&store->partitions[p].text_count, count);
    }
    take_streams(store);
    tail->store = store;
    return tail;
}

TailStore *index_store_ref(TailStore *store) {
    atomic_fetch_add(&store->references, 1);
    return store;
}

void index_store_unref(TailStore *store) {
    if (atomic_fetch_sub(&store->references, 1) > 1)
        return;
    for (uint32_t p = 0; p <= store->index->source.partition_count; p++) {
        TailPartition *partition = &store->partitions[p];
        for (uint32_t c = 0; c < store->column_count; c++) {
            TailColumn *column = index_list_at(&partition->columns, sizeof *column, c);
            if (column != NULL)
                free(column->slots);
        }
        free(partition->slots);
    }
    base_map_free(store->event_numbers);
    index_close(store->index);
    base_arena_free(store->arena);
    free(store);
}

void index_tail_free(IndexTail *tail) {
    if (tail == NULL)
        return;
    index_store_unref(tail->store);
    free(tail);
}

uint64_t index_tail_event_count(const IndexTail *tail) {
    return tail->store->event_count;
}

uint64_t index_tail_bytes(const IndexTail *tail) {
    const TailStore *store = tail->store;
    return base_arena_used(store->arena) + store->bytes;
}

// --- new customers ---

static const Str *new_id(const TailStore *store, uint32_t number) {
    return &index_store_new_block(store, number / BLOCK_CUSTOMER_MAX)
                ->ids[number % BLOCK_CUSTOMER_MAX];
}

bool index_store_find(const TailStore *store, uint32_t customer_count, Str id,
                      uint32_t *ret_number) {
    const TailTable *table = atomic_load_explicit(&store->table, memory_order_acquire);
    if (table == NULL || customer_count == 0)
        return false;
    uint64_t hash = index_customer_hash(id), mask = table->room - 1;
    for (uint64_t at = hash & mask;; at = (at + 1) & mask) {
        uint64_t slot = atomic_load_explicit(&table->slots[at], memory_order_acquire);
        if (slot == 0)
            return false;
        uint32_t number = (uint32_t)slot - 1;
        if (slot >> 32 == hash >> 32 && number < customer_count &&
            base_str_equal(*new_id(store, number), id)) {
            *ret_number = number;
            return true;
        }
    }
}

static void put_slot(TailTable *table, uint64_t hash, uint32_t number) {
    uint64_t at = hash & (table->room - 1);
    while (atomic_load_explicit(&table->slots[at], memory_order_relaxed) != 0)
        at = (at + 1) & (table->room - 1);
    atomic_store_explicit(&table->slots[at], hash >> 32 << 32 | (number + UINT64_C(1)),
                          memory_order_release);
}

// Readers of the old table go on: what they may find is in it.
static TailTable *widen_table(TailStore *store, const TailTable *old) {
    uint64_t room = old == NULL ? TABLE_FIRST_ROOM : old->room * 2;
    TailTable *table =
        base_arena_alloc(store->arena, sizeof *table + room * sizeof table->slots[0]);
    table->room = room;
    for (uint32_t i = 0; i < store->customer_count; i++)
        put_slot(table, index_customer_hash(*new_id(store, i)), i);
    atomic_store_explicit(&store->table, table, memory_order_release);
    return table;
}

static uint32_t add_customer(TailStore *store, Str id) {
    uint32_t number = store->customer_count, lane = number % BLOCK_CUSTOMER_MAX;
    TailBlock *block = index_list_make(store->arena, &store->new_blocks, sizeof *block,
                                       number / BLOCK_CUSTOMER_MAX);
    if (lane == 0)
        block->ids = base_arena_alloc_array(store->arena, BLOCK_CUSTOMER_MAX, sizeof *block->ids);
    block->ids[lane] = base_arena_str(store->arena, id);
    TailTable *table = atomic_load_explicit(&store->table, memory_order_relaxed);
    if (table == NULL || (uint64_t)number * 2 >= table->room)
        table = widen_table(store, table);
    put_slot(table, index_customer_hash(id), number);
    return store->customer_count++;
}

// --- appending ---

static TailBlock *block_of(TailStore *store, uint32_t block) {
    TailBlock *at = atomic_load_explicit(&store->blocks[block], memory_order_relaxed);
    if (at == NULL) {
        at = base_arena_alloc(store->arena, sizeof *at);
        atomic_store_explicit(&store->blocks[block], at, memory_order_release);
    }
    return at;
}

// Where a customer's rows hang; a customer never seen is a new one.
static TailBlock *place_of(TailStore *store, Str id, uint32_t *ret_partition, uint32_t *ret_lane) {
    const Index *index = store->index;
    uint32_t ordinal, number;
    if (index_customer_find(index, id, &ordinal)) {
        const IndexPartition *partition = index_partition_of(index, ordinal);
        uint32_t customer = ordinal - partition->first_ordinal;
        *ret_partition = (uint32_t)(partition - index->partitions);
        *ret_lane = customer % BLOCK_CUSTOMER_MAX;
        return block_of(store, partition->first_block + customer / BLOCK_CUSTOMER_MAX);
    }
    if (!index_store_find(store, store->customer_count, id, &number))
        number = add_customer(store, id);
    *ret_partition = index->source.partition_count;
    *ret_lane = number % BLOCK_CUSTOMER_MAX;
    return index_store_new_block(store, number / BLOCK_CUSTOMER_MAX);
}

static bool can_be_column(ValueType type) {
    return type != VALUE_NULL && type != VALUE_DURATION && type < VALUE_TYPE_COUNT;
}

static bool finds_column(const TailStream *stream, const IndexValue *value, uint32_t *ret_column) {
    for (uint32_t c = 0; c < stream->column_count; c++) {
        if (stream->columns[c].type == value->value.type &&
            base_str_equal(stream->columns[c].column, value->column)) {
            *ret_column = c;
            return true;
        }
    }
    return false;
}

// Columns that an event of a new type brings.
static void take_columns(TailStore *store, uint32_t stream, const IndexEvent *event) {
    TailStream *to = &store->streams[stream];
    uint32_t column;
    for (size_t i = 0; !to->is_known && i < event->value_count; i++) {
        const IndexValue *value = &event->values[i];
        if (can_be_column(value->value.type) && !finds_column(to, value, &column))
            add_column(store, to, base_arena_str(store->arena, value->column), value->value.type);
    }
}

static void append_event(TailStore *store, const IndexEvent *event) {
    uint32_t partition, lane, column;
    TailBlock *block = place_of(store, event->customer, &partition, &lane);
    uint32_t stream = stream_of(store, event->event, event->is_any);
    take_columns(store, stream, event);
    TailStream *to = &store->streams[stream];
    uint32_t count = to->column_count, words = (count + 63) / 64;
    TailRow *row =
        base_arena_alloc(store->arena, sizeof *row + (count + words) * sizeof row->values[0]);
    for (size_t i = 0; i < event->value_count; i++) {
        const IndexValue *value = &event->values[i];
        if (value->value.is_null || !can_be_column(value->value.type) ||
            !finds_column(to, value, &column))
            continue;
        row->values[column] = index_tail_code(store, partition, stream, column, value->value);
        row->values[count + column / 64] |= UINT64_C(1) << (column % 64);
    }
    row->before = atomic_load_explicit(&block->heads[lane], memory_order_relaxed);
    row->time_us = event->time_us;
    row->arrival = store->event_count++;
    row->stream = stream;
    row->column_count = count;
    to->row_count++;
    atomic_store_explicit(&block->heads[lane], row, memory_order_release);
    atomic_fetch_or_explicit(&block->lanes[lane / 64], UINT64_C(1) << (lane % 64),
                             memory_order_release);
}

// Streams of new types are made here: without rows they say nothing.
static int check_event(TailStore *store, const IndexEvent *event, KretsError *error) {
    if (event->time_us < CALENDAR_TIME_MIN || event->time_us > CALENDAR_TIME_MAX)
        return base_error_set(error, BASE_E_STORE,
                              "an event \"%.*s\" of the customer \"%.*s\" has a time outside of "
                              "the years 1 to 9999: correct it where it comes from",
                              STR_ARG(event->event), STR_ARG(event->customer));
    if (find_event(store, event->event) == NULL && store->name_count >= NAMES_MAX)
        return base_error_set(error, BASE_E_RESOURCES,
                              "the event \"%.*s\" of the customer \"%.*s\" would be one of more "
                              "than %d event types: name kinds of events, not single ones",
                              STR_ARG(event->event), STR_ARG(event->customer), (int)NAMES_MAX);
    (void)stream_of(store, event->event, event->is_any);
    return 0;
}

int index_tail_append(IndexTail *tail, const IndexEvent *events, size_t count, KretsError *error) {
    TailStore *store = tail->store;
    if (count > TAIL_EVENT_MAX - store->event_count ||
        count > UINT32_MAX - BLOCK_CUSTOMER_MAX - store->index->source.customer_count -
                    store->customer_count)
        return base_error_set(error, BASE_E_RESOURCES,
                              "%u new events are waiting to become part of the index: more do not "
                              "fit before they are",
                              store->event_count);
    for (size_t i = 0; i < count; i++) {
        int r = check_event(store, &events[i], error);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < count; i++)
        append_event(store, &events[i]);
    return 0;
}
