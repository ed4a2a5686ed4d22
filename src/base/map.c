#include "base/map.h"

#include <stdlib.h>

#include "base/arena.h"

// Open addressing with linear probing, at most three quarters full.
#define SLOTS_FIRST ((size_t)16)

typedef struct Slot {
    uint64_t hash;
    Str key; // data is never NULL in a used slot: keys are copied with a NUL after them
    uint64_t value;
} Slot;

struct Map {
    Arena *keys;
    Slot *slots;
    size_t slot_count; // a power of two
    size_t count;
};

static Slot *new_slots(size_t count) {
    Slot *slots = calloc(count, sizeof *slots);
    if (slots == NULL) {
        abort();
    }
    return slots;
}

Map *base_map_new(void) {
    Map *map = calloc(1, sizeof *map);
    if (map == NULL) {
        abort();
    }
    map->keys = base_arena_new(SIZE_MAX);
    map->slot_count = SLOTS_FIRST;
    map->slots = new_slots(map->slot_count);
    return map;
}

void base_map_free(Map *map) {
    if (map == NULL) {
        return;
    }
    base_arena_free(map->keys);
    free(map->slots);
    free(map);
}

// The slot of the key, or the free one where it would go.
static Slot *find_slot(Slot *slots, size_t slot_count, Str key, uint64_t hash) {
    size_t at = (size_t)hash & (slot_count - 1);
    while (slots[at].key.data != NULL &&
           (slots[at].hash != hash || !base_str_equal(slots[at].key, key))) {
        at = (at + 1) & (slot_count - 1);
    }
    return &slots[at];
}

static void grow_map(Map *map) {
    size_t wider = map->slot_count * 2;
    Slot *slots = new_slots(wider);
    for (size_t i = 0; i < map->slot_count; i++) {
        if (map->slots[i].key.data != NULL) {
            *find_slot(slots, wider, map->slots[i].key, map->slots[i].hash) = map->slots[i];
        }
    }
    free(map->slots);
    map->slots = slots;
    map->slot_count = wider;
}

bool base_map_put(Map *map, Str key, uint64_t value) {
    uint64_t hash = base_str_hash(key);
    Slot *slot = find_slot(map->slots, map->slot_count, key, hash);
    if (slot->key.data != NULL) {
        slot->value = value;
        return false;
    }
    if ((map->count + 1) * 4 > map->slot_count * 3) {
        grow_map(map);
        slot = find_slot(map->slots, map->slot_count, key, hash);
    }
    *slot = (Slot){hash, base_arena_str(map->keys, key), value};
    map->count++;
    return true;
}

bool base_map_get(const Map *map, Str key, uint64_t *ret_value) {
    const Slot *slot = find_slot(map->slots, map->slot_count, key, base_str_hash(key));
    if (slot->key.data == NULL) {
        return false;
    }
    *ret_value = slot->value;
    return true;
}

size_t base_map_count(const Map *map) {
    return map->count;
}
