// Memory that is freed all at once, within a budget.
#ifndef KRETS_BASE_ARENA_H
#define KRETS_BASE_ARENA_H

#include <stddef.h>

#include "base/str.h"

typedef struct Arena Arena;

// A new arena that hands out at most `limit_bytes` in all (SIZE_MAX: no limit). Never NULL: running
// out of memory for control structures aborts. Not thread-safe; one arena per thread.
Arena *base_arena_new(size_t limit_bytes);
void base_arena_free(Arena *arena);

// Zeroed memory aligned for any type, owned by the arena. NULL when the budget is exceeded (or,
// with a budget of SIZE_MAX, aborts on exhaustion: so control code need not check).
void *base_arena_alloc(Arena *arena, size_t size_bytes);
void *base_arena_alloc_array(Arena *arena, size_t count, size_t item_size_bytes);
// The array moved to a room of `new_count`, old content kept, the rest zeroed.
void *base_arena_grow(Arena *arena, void *array, size_t count, size_t new_count,
                      size_t item_size_bytes);

// A copy of the bytes with a NUL after them (not counted in the Str).
Str base_arena_str(Arena *arena, Str text);
Str base_arena_printf(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

size_t base_arena_used(const Arena *arena);

// Forgets everything handed out, keeps the memory for reuse.
void base_arena_reset(Arena *arena);

static inline void base_arena_freep(Arena **arena) {
    base_arena_free(*arena);
}
#define BASE_ARENA_SCOPED __attribute__((cleanup(base_arena_freep))) Arena *

#endif
