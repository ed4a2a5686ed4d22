// Byte strings that are kept once and numbered: texts, and lists of text numbers.
#include <assert.h>
#include <string.h>

#include "index/index_private.h"

enum { POOL_FIRST_SLOTS = 64 };

static bool equals(const IndexPool *pool, uint32_t number, const void *data, size_t size) {
    const uint64_t *offsets = index_pool_offsets(pool);
    return offsets[number + 1] - offsets[number] == size &&
           (size == 0 || memcmp(pool->bytes.data + offsets[number], data, size) == 0);
}

static IndexSlot *slots_of(const IndexPool *pool) {
    return (IndexSlot *)(void *)pool->slots.data;
}

static bool widen(IndexMemory *memory, IndexPool *pool) {
    size_t count = pool->slot_count == 0 ? POOL_FIRST_SLOTS : pool->slot_count * 2;
    IndexBuffer wider = {0};
    IndexSlot *slots = index_buffer_reserve(memory, &wider, count * sizeof *slots);
    if (slots == NULL)
        return false;
    memset(slots, 0, count * sizeof *slots);
    for (size_t i = 0; i < pool->slot_count; i++) {
        IndexSlot slot = slots_of(pool)[i];
        if (slot.number == 0)
            continue;
        size_t at = slot.hash & (count - 1);
        while (slots[at].number != 0)
            at = (at + 1) & (count - 1);
        slots[at] = slot;
    }
    index_buffer_done(memory, &pool->slots);
    pool->slots = wider;
    pool->slot_count = count;
    return true;
}

static bool append(IndexMemory *memory, IndexPool *pool, const void *data, size_t size) {
    if (pool->count == 0) {
        uint64_t zero = 0;
        pool->offsets.size_bytes = 0;
        if (!index_buffer_append(memory, &pool->offsets, &zero, sizeof zero))
            return false;
    }
    if (!index_buffer_append(memory, &pool->bytes, data, size))
        return false;
    uint64_t end = pool->bytes.size_bytes;
    if (!index_buffer_append(memory, &pool->offsets, &end, sizeof end))
        return false;
    pool->count++;
    assert(pool->offsets.size_bytes == (pool->count + (size_t)1) * sizeof end);
    return true;
}

uint32_t index_pool_add(IndexMemory *memory, IndexPool *pool, const void *data, size_t size) {
    bool is_full = ((size_t)pool->count + 1) * 2 > pool->slot_count;
    if (is_full && (pool->count >= INDEX_TEXT_NONE / 2 || !widen(memory, pool)))
        return INDEX_TEXT_NONE;
    uint32_t hash = (uint32_t)index_checksum(data, size, 0);
    IndexSlot *slots = slots_of(pool);
    size_t at = hash & (pool->slot_count - 1);
    for (; slots[at].number != 0; at = (at + 1) & (pool->slot_count - 1)) {
        if (slots[at].hash == hash && equals(pool, slots[at].number - 1, data, size))
            return slots[at].number - 1;
    }
    if (!append(memory, pool, data, size))
        return INDEX_TEXT_NONE;
    slots[at] = (IndexSlot){hash, pool->count};
    return pool->count - 1;
}

void index_pool_done(IndexMemory *memory, IndexPool *pool) {
    index_buffer_done(memory, &pool->bytes);
    index_buffer_done(memory, &pool->offsets);
    index_buffer_done(memory, &pool->slots);
    *pool = (IndexPool){0};
}
