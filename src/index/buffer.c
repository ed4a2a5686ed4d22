// Bytes that grow within the budget of a build.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "index/index_private.h"

enum { BUFFER_FIRST_BYTES = 256 };

static bool take_budget(IndexMemory *memory, size_t bytes) {
    size_t before = atomic_fetch_add(&memory->used_bytes, bytes);
    if (before <= memory->limit_bytes && bytes <= memory->limit_bytes - before)
        return true;
    atomic_fetch_sub(&memory->used_bytes, bytes);
    return false;
}

void *index_buffer_reserve(IndexMemory *memory, IndexBuffer *buffer, size_t more_bytes) {
    if (more_bytes <= buffer->room_bytes - buffer->size_bytes && buffer->data != NULL)
        return buffer->data + buffer->size_bytes;
    if (more_bytes > SIZE_MAX / 4 - buffer->size_bytes)
        return NULL;
    size_t need = buffer->size_bytes + more_bytes;
    size_t room = buffer->room_bytes + buffer->room_bytes / 2;
    room = room < BUFFER_FIRST_BYTES ? BUFFER_FIRST_BYTES : room;
    room = room < need ? need : room;
    if (!take_budget(memory, room - buffer->room_bytes))
        return NULL;
    char *data = realloc(buffer->data, room);
    if (data == NULL) {
        atomic_fetch_sub(&memory->used_bytes, room - buffer->room_bytes);
        return NULL;
    }
    buffer->data = data;
    buffer->room_bytes = room;
    assert(buffer->size_bytes + more_bytes <= buffer->room_bytes);
    return buffer->data + buffer->size_bytes;
}

bool index_buffer_append(IndexMemory *memory, IndexBuffer *buffer, const void *data, size_t size) {
    char *to = index_buffer_reserve(memory, buffer, size);
    if (to == NULL)
        return false;
    if (size > 0)
        memcpy(to, data, size);
    buffer->size_bytes += size;
    return true;
}

void index_buffer_done(IndexMemory *memory, IndexBuffer *buffer) {
    assert(atomic_load(&memory->used_bytes) >= buffer->room_bytes);
    atomic_fetch_sub(&memory->used_bytes, buffer->room_bytes);
    free(buffer->data);
    *buffer = (IndexBuffer){0};
}

int index_memory_fail(const IndexMemory *memory, KretsError *error) {
    return base_error_set(error, BASE_E_RESOURCES,
                          "building the index needs more memory than the %zu MiB it may use: give "
                          "the program more with --memory",
                          memory->limit_bytes >> 20);
}
