// A map from text to a number (an index or a pointer).
#ifndef KRETS_BASE_MAP_H
#define KRETS_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

typedef struct Map Map;

Map *base_map_new(void);
void base_map_free(Map *map);
static inline void base_map_freep(Map **map) {
    base_map_free(*map);
}
#define BASE_MAP_SCOPED __attribute__((cleanup(base_map_freep))) Map *

// Keys are copied. Replaces the value of an equal key. Returns false if the key was there before.
bool base_map_put(Map *map, Str key, uint64_t value);
bool base_map_get(const Map *map, Str key, uint64_t *ret_value);
size_t base_map_count(const Map *map);

#endif
