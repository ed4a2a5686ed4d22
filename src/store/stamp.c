// The state of the history in a short text.

#include <sodium.h>
#include <stdlib.h>

#include "store/store_private.h"

enum { STAMP_BYTES = 16 };

static int compare_checksums(const void *a, const void *b) {
    return base_str_compare(*(const Str *)a, *(const Str *)b);
}

// Not the paths: the same files imported again are the same history.
static void append_files(Text *out, Arena *arena, const Manifest *manifest) {
    Str *checksums = base_arena_alloc_array(arena, manifest->file_count + 1, sizeof(*checksums));
    for (size_t i = 0; i < manifest->file_count; i++)
        checksums[i] = manifest->files[i].checksum;
    qsort(checksums, manifest->file_count, sizeof(*checksums), compare_checksums);
    for (size_t i = 0; i < manifest->file_count; i++)
        base_text_printf(out, "%.*s\n", STR_ARG(checksums[i]));
}

// Two imports may be read through columns of other types than each has alone.
static void append_properties(Text *out, const Manifest *manifest) {
    for (size_t i = 0; i < manifest->resolved_count; i++) {
        const ResolvedProperty *property = &manifest->resolved[i];
        base_text_printf(out, "%zu %.*s %zu %.*s %zu %.*s %s\n", property->event.size_bytes,
                         STR_ARG(property->event), property->name.size_bytes,
                         STR_ARG(property->name), property->column.size_bytes,
                         STR_ARG(property->column), data_value_type_name(property->type));
    }
}

Str store_stamp(const Store *store, Arena *arena) {
    BASE_ARENA_SCOPED scratch = base_arena_new(SIZE_MAX);
    BASE_TEXT_SCOPED text = {0};
    base_text_append(&text, STR("krets history\n"));
    append_files(&text, scratch, store->manifest);
    append_properties(&text, store->manifest);
    unsigned char digest[STAMP_BYTES];
    crypto_generichash(digest, sizeof(digest), (const unsigned char *)text.data, text.size_bytes,
                       NULL, 0);
    char digits[2 * STAMP_BYTES + 1];
    sodium_bin2hex(digits, sizeof(digits), digest, sizeof(digest));
    return base_arena_str(arena, base_str_from(digits));
}

StoreSize store_size(const Store *store) {
    const Manifest *manifest = store->manifest;
    StoreSize size = {.file_count = manifest->file_count, .row_count = manifest->row_count};
    for (size_t i = 0; i < manifest->file_count; i++)
        size.size_bytes += manifest->files[i].size_bytes;
    return size;
}
