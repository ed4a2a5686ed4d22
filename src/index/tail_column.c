// Values of the tail as codes: those of the index, and new ones after them.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "index/tail_private.h"

enum { SLOTS_FIRST = 16, ENTRIES_FIRST = 16 };

static void *allot_slots(TailStore *store, uint64_t count, size_t item_bytes) {
    void *slots = calloc(count, item_bytes);
    if (slots == NULL)
        abort();
    atomic_fetch_add(&store->bytes, count * item_bytes);
    return slots;
}

static void give_slots_back(TailStore *store, void *slots, uint64_t count, size_t item_bytes) {
    atomic_fetch_sub(&store->bytes, count * item_bytes);
    free(slots);
}

// --- texts of a partition ---

Str index_store_text(const TailStore *store, uint32_t number, uint32_t text) {
    const TailPartition *partition = &store->partitions[number];
    if (text < partition->base_text_count)
        return index_partition_text(&store->index->partitions[number], text);
    return *(const Str *)index_list_at(&partition->texts, sizeof(Str),
                                       text - partition->base_text_count);
}

static void put_text_slot(IndexSlot *slots, uint64_t count, IndexSlot slot) {
    uint64_t at = slot.hash & (count - 1);
    while (slots[at].number != 0)
        at = (at + 1) & (count - 1);
    slots[at] = slot;
}

// Room for one text more; the first time all texts of the index are hashed.
static void widen_texts(TailStore *store, uint32_t number) {
    TailPartition *partition = &store->partitions[number];
    uint32_t text_count = partition->text_count;
    if (partition->slots != NULL && ((uint64_t)text_count + 1) * 2 <= partition->slot_count)
        return;
    uint64_t count = SLOTS_FIRST;
    while (count < ((uint64_t)text_count + 1) * 3)
        count *= 2;
    IndexSlot *slots = allot_slots(store, count, sizeof *slots);
    assert(partition->slots != NULL || partition->slot_count == 0);
    for (uint64_t i = 0; i < partition->slot_count; i++) {
        if (partition->slots[i].number != 0)
            put_text_slot(slots, count, partition->slots[i]);
    }
    for (uint32_t i = 0; partition->slots == NULL && i < text_count; i++) {
        Str text = index_store_text(store, number, i);
        uint32_t hash = (uint32_t)index_checksum(text.data, text.size_bytes, 0);
        put_text_slot(slots, count, (IndexSlot){hash, i + 1});
    }
    give_slots_back(store, partition->slots, partition->slot_count, sizeof *slots);
    partition->slots = slots;
    partition->slot_count = count;
}

// The text's number in the partition, its next one if it is new there.
static uint32_t text_number(TailStore *store, uint32_t number, Str text) {
    TailPartition *partition = &store->partitions[number];
    widen_texts(store, number);
    uint32_t hash = (uint32_t)index_checksum(text.data, text.size_bytes, 0);
    uint64_t mask = partition->slot_count - 1, at = hash & mask;
    for (; partition->slots[at].number != 0; at = (at + 1) & mask) {
        uint32_t other = partition->slots[at].number - 1;
        if (partition->slots[at].hash == hash &&
            base_str_equal(index_store_text(store, number, other), text))
            return other;
    }
    uint32_t added = partition->text_count;
    assert(added < INDEX_TEXT_NONE - 1);
    Str *to = index_list_make(store->arena, &partition->texts, sizeof *to,
                              added - partition->base_text_count);
    *to = base_arena_str(store->arena, text);
    partition->slots[at] = (IndexSlot){hash, added + 1};
    atomic_store_explicit(&partition->text_count, added + 1, memory_order_release);
    return added;
}

// --- dictionaries ---

static size_t entry_bytes(BlockCodeKind kind) {
    return kind == BLOCK_CODE_TEXT ? sizeof(uint32_t) : sizeof(uint64_t);
}

static const void *base_entries(const BlockCoding *base) {
    if (base->kind == BLOCK_CODE_TEXT)
        return base->texts;
    return base->kind == BLOCK_CODE_NUMBER ? (const void *)base->numbers
                                           : (const void *)base->first_item;
}

// Room for entries up to `count`; readers of the old place go on there.
static void *entries_room(TailStore *store, TailColumn *column, uint64_t count) {
    void *entries = atomic_load_explicit(&column->entries, memory_order_relaxed);
    if (count <= column->entry_room)
        return entries;
    uint64_t room = count + count / 2 + ENTRIES_FIRST;
    entries =
        base_arena_grow(store->arena, entries, column->entry_room, room, entry_bytes(column->kind));
    column->entry_room = room;
    atomic_store_explicit(&column->entries, entries, memory_order_release);
    return entries;
}

static uint32_t *items_room(TailStore *store, TailColumn *column, uint64_t count) {
    uint32_t *items = atomic_load_explicit(&column->items, memory_order_relaxed);
    if (count <= column->item_room && items != NULL)
        return items;
    uint64_t room = count + count / 2 + ENTRIES_FIRST;
    items = base_arena_grow(store->arena, items, column->item_room, room, sizeof *items);
    column->item_room = room;
    atomic_store_explicit(&column->items, items, memory_order_release);
    return items;
}

static void begin_dictionary(TailStore *store, TailColumn *column) {
    const BlockCoding *base = column->base;
    uint64_t count = base == NULL ? 1 : base->code_count;
    uint64_t entries = count + (column->kind == BLOCK_CODE_LIST);
    void *to = entries_room(store, column, entries);
    if (base != NULL)
        memcpy(to, base_entries(base), entries * entry_bytes(column->kind));
    if (column->kind == BLOCK_CODE_LIST) {
        uint64_t items = base == NULL ? 0 : base->first_item[count];
        uint32_t *all = items_room(store, column, items);
        if (items > 0)
            memcpy(all, base->items, items * sizeof *all);
    }
    atomic_store_explicit(&column->count, count, memory_order_release);
}

static void begin_column(TailStore *store, TailColumn *column, uint32_t partition, uint32_t stream,
                         uint32_t number) {
    const BlockSource *source = &store->index->source;
    if (partition < source->partition_count && stream < source->stream_count) {
        const IndexColumnPart *part =
            &store->index->partitions[partition].streams[stream].columns[number];
        column->base = part->codes == NULL ? NULL : &part->coding;
    }
    ValueType type = store->streams[stream].columns[number].type;
    column->kind = type == VALUE_TEXT     ? BLOCK_CODE_TEXT
                   : type == VALUE_LIST   ? BLOCK_CODE_LIST
                   : type == VALUE_NUMBER ? BLOCK_CODE_NUMBER
                                          : BLOCK_CODE_LINEAR;
    if (column->base != NULL && column->base->kind == BLOCK_CODE_DOUBLE)
        column->kind = BLOCK_CODE_DOUBLE;
    if (column->kind != BLOCK_CODE_DOUBLE && column->kind != BLOCK_CODE_LINEAR)
        begin_dictionary(store, column);
}

static void widen_slots(TailStore *store, TailColumn *column) {
    uint64_t count = column->slot_count == 0 ? SLOTS_FIRST : column->slot_count * 2;
    TailSlot *slots = allot_slots(store, count, sizeof *slots);
    for (uint64_t i = 0; i < column->slot_count; i++) {
        TailSlot slot = column->slots[i];
        uint64_t at = index_checksum(&slot.key, sizeof slot.key, 0) & (count - 1);
        while (slot.code != 0 && slots[at].code != 0)
            at = (at + 1) & (count - 1);
        if (slot.code != 0)
            slots[at] = slot;
    }
    give_slots_back(store, column->slots, column->slot_count, sizeof *slots);
    column->slots = slots;
    column->slot_count = count;
}

static bool is_list(const TailColumn *column, uint32_t code, const uint32_t *texts, size_t count) {
    const uint64_t *first = atomic_load_explicit(&column->entries, memory_order_relaxed);
    const uint32_t *items = atomic_load_explicit(&column->items, memory_order_relaxed);
    return first[code + 1] - first[code] == count &&
           (count == 0 || memcmp(items + first[code], texts, count * sizeof *texts) == 0);
}

// The slot of a key: taken by an equal value, or free.
static TailSlot *find_slot(TailStore *store, TailColumn *column, uint64_t key,
                           const uint32_t *texts, size_t count) {
    if ((column->slot_used + 1) * 2 > column->slot_count)
        widen_slots(store, column);
    uint64_t mask = column->slot_count - 1;
    uint64_t at = index_checksum(&key, sizeof key, 0) & mask;
    while (
        column->slots[at].code != 0 &&
        (column->slots[at].key != key || (column->kind == BLOCK_CODE_LIST &&
                                          !is_list(column, column->slots[at].code, texts, count))))
        at = (at + 1) & mask;
    return &column->slots[at];
}

// A text keeps the code that it has in the index: other codes have other texts.
static void know_texts(TailStore *store, TailColumn *column) {
    for (uint64_t code = 1; code < column->base->code_count; code++) {
        uint64_t key = column->base->texts[code];
        TailSlot *slot = find_slot(store, column, key, NULL, 0);
        *slot = (TailSlot){key, (uint32_t)code};
        column->slot_used++;
    }
}

static uint64_t add_code(TailColumn *column, TailSlot *slot, uint64_t key) {
    uint64_t code = column->count;
    *slot = (TailSlot){key, (uint32_t)code};
    column->slot_used++;
    atomic_store_explicit(&column->count, code + 1, memory_order_release);
    return code;
}

static uint64_t code_of_number(TailStore *store, TailColumn *column, double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    if (column->kind == BLOCK_CODE_DOUBLE)
        return bits ^ BLOCK_DOUBLE_NULL;
    TailSlot *slot = find_slot(store, column, bits, NULL, 0);
    if (slot->code != 0)
        return slot->code;
    double *numbers = entries_room(store, column, column->count + 1);
    numbers[column->count] = number;
    return add_code(column, slot, bits);
}

static uint64_t code_of_text(TailStore *store, TailColumn *column, uint32_t text) {
    if (column->slot_count == 0 && column->base != NULL)
        know_texts(store, column);
    TailSlot *slot = find_slot(store, column, text, NULL, 0);
    if (slot->code != 0)
        return slot->code;
    uint32_t *texts = entries_room(store, column, column->count + 1);
    texts[column->count] = text;
    return add_code(column, slot, text);
}

static uint64_t code_of_list(TailStore *store, TailColumn *column, uint32_t partition,
                             Value value) {
    size_t count = value.list.count;
    uint32_t *texts = calloc(count + 1, sizeof *texts);
    if (texts == NULL)
        abort();
    for (size_t i = 0; i < count; i++)
        texts[i] = text_number(store, partition, value.list.items[i]);
    uint64_t key = index_checksum(texts, count * sizeof *texts, 0);
    TailSlot *slot = find_slot(store, column, key, texts, count);
    uint64_t code = slot->code;
    if (code == 0) {
        uint64_t *first = entries_room(store, column, column->count + 2);
        uint64_t begin = first[column->count];
        uint32_t *items = items_room(store, column, begin + count);
        if (count > 0)
            memcpy(items + begin, texts, count * sizeof *texts);
        first[column->count + 1] = begin + count;
        code = add_code(column, slot, key);
    }
    free(texts);
    return code;
}

// --- integers: what a snapshot needs to know to put them in line ---

static void note_integer(TailColumn *column, int64_t value) {
    const BlockCoding *base = column->base;
    bool is_first = !atomic_load_explicit(&column->has_value, memory_order_relaxed);
    if (is_first || value < column->min)
        atomic_store_explicit(&column->min, value, memory_order_relaxed);
    if (is_first || value > column->max)
        atomic_store_explicit(&column->max, value, memory_order_relaxed);
    if (base == NULL || base->kind != BLOCK_CODE_LINEAR || base->scale == 1)
        return;
    uint64_t distance = value > base->base ? (uint64_t)value - (uint64_t)base->base
                                           : (uint64_t)base->base - (uint64_t)value;
    if (distance % (uint64_t)base->scale != 0)
        atomic_store_explicit(&column->is_off, true, memory_order_relaxed);
}

uint64_t index_tail_code(TailStore *store, uint32_t partition, uint32_t stream, uint32_t column,
                         Value value) {
    TailPartition *part = &store->partitions[partition];
    TailColumn *to = index_list_make(store->arena, &part->columns, sizeof *to,
                                     store->streams[stream].numbers[column]);
    bool is_first = !atomic_load_explicit(&to->has_value, memory_order_relaxed);
    if (is_first)
        begin_column(store, to, partition, stream, column);
    uint64_t code;
    if (value.type == VALUE_NUMBER)
        code = code_of_number(store, to, value.number);
    else if (value.type == VALUE_TEXT)
        code = code_of_text(store, to, text_number(store, partition, value.text));
    else if (value.type == VALUE_LIST)
        code = code_of_list(store, to, partition, value);
    else {
        code = (uint64_t)index_linear_of(value);
        note_integer(to, (int64_t)code);
    }
    if (is_first)
        atomic_store_explicit(&to->has_value, true, memory_order_release);
    return code;
}
