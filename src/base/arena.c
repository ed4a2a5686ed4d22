#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Blocks grow from the first size to the second; larger requests get a block of their own.
#define BLOCK_FIRST_BYTES ((size_t)4096)
#define BLOCK_MOST_BYTES  ((size_t)1 << 20)

typedef struct Block {
    struct Block *next;
    size_t capacity_bytes;
    size_t used_bytes;
    alignas(max_align_t) unsigned char bytes[];
} Block;

struct Arena {
    Block *current; // the block that is being filled, then the full ones
    Block *spare;   // emptied by a reset
    size_t limit_bytes;
    size_t used_bytes;
    size_t next_block_bytes;
};

Arena *base_arena_new(size_t limit_bytes) {
    Arena *arena = calloc(1, sizeof *arena);
    if (arena == NULL) {
        abort();
    }
    arena->limit_bytes = limit_bytes;
    arena->next_block_bytes = BLOCK_FIRST_BYTES;
    return arena;
}

static void free_blocks(Block *block) {
    while (block != NULL) {
        Block *next = block->next;
        free(block);
        block = next;
    }
}

void base_arena_free(Arena *arena) {
    if (arena == NULL) {
        return;
    }
    free_blocks(arena->current);
    free_blocks(arena->spare);
    free(arena);
}

// A block of at least `size` bytes from the emptied ones, or NULL.
static Block *take_spare(Arena *arena, size_t size) {
    for (Block **link = &arena->spare; *link != NULL; link = &(*link)->next) {
        if ((*link)->capacity_bytes >= size) {
            Block *block = *link;
            *link = block->next;
            return block;
        }
    }
    return NULL;
}

static Block *new_block(Arena *arena, size_t size) {
    Block *block = take_spare(arena, size);
    if (block != NULL) {
        return block;
    }
    size_t capacity = size > arena->next_block_bytes ? size : arena->next_block_bytes;
    block = malloc(sizeof *block + capacity);
    if (block == NULL) {
        return NULL;
    }
    block->capacity_bytes = capacity;
    block->used_bytes = 0;
    if (arena->next_block_bytes < BLOCK_MOST_BYTES) {
        arena->next_block_bytes *= 2;
    }
    return block;
}

static void *refuse(const Arena *arena) {
    if (arena->limit_bytes == SIZE_MAX) {
        abort();
    }
    return NULL;
}

void *base_arena_alloc(Arena *arena, size_t size_bytes) {
    if (size_bytes > SIZE_MAX / 2) {
        return refuse(arena);
    }
    size_t size = size_bytes == 0 ? 1 : size_bytes;
    size = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    if (size > arena->limit_bytes - arena->used_bytes) {
        return refuse(arena);
    }
    Block *block = arena->current;
    if (block == NULL || block->capacity_bytes - block->used_bytes < size) {
        block = new_block(arena, size);
        if (block == NULL) {
            return refuse(arena);
        }
        // A block of its own goes behind the one that still has room.
        if (arena->current != NULL && block->capacity_bytes == size && size > BLOCK_FIRST_BYTES) {
            block->next = arena->current->next;
            arena->current->next = block;
        } else {
            block->next = arena->current;
            arena->current = block;
        }
    }
    void *memory = block->bytes + block->used_bytes;
    block->used_bytes += size;
    arena->used_bytes += size;
    return memset(memory, 0, size);
}

void *base_arena_alloc_array(Arena *arena, size_t count, size_t item_size_bytes) {
    size_t size;
    if (__builtin_mul_overflow(count, item_size_bytes, &size)) {
        return refuse(arena);
    }
    return base_arena_alloc(arena, size);
}

void *base_arena_grow(Arena *arena, void *array, size_t count, size_t new_count,
                      size_t item_size_bytes) {
    void *grown = base_arena_alloc_array(arena, new_count, item_size_bytes);
    size_t kept = count < new_count ? count : new_count;
    if (grown != NULL && array != NULL && kept > 0) {
        memcpy(grown, array, kept * item_size_bytes);
    }
    return grown;
}

Str base_arena_str(Arena *arena, Str text) {
    char *copy = base_arena_alloc(arena, text.size_bytes + 1);
    if (copy == NULL) {
        return (Str){NULL, 0};
    }
    if (text.size_bytes > 0) {
        memcpy(copy, text.data, text.size_bytes);
    }
    return (Str){copy, text.size_bytes};
}

Str base_arena_printf(Arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        abort();
    }
    char *text = base_arena_alloc(arena, (size_t)length + 1);
    if (text == NULL) {
        return (Str){NULL, 0};
    }
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return (Str){text, (size_t)length};
}

size_t base_arena_used(const Arena *arena) {
    return arena->used_bytes;
}

void base_arena_reset(Arena *arena) {
    while (arena->current != NULL) {
        Block *block = arena->current;
        arena->current = block->next;
        block->used_bytes = 0;
        block->next = arena->spare;
        arena->spare = block;
    }
    arena->used_bytes = 0;
}
