// Static lists: the ids of customers in a file.

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/utf8.h"
#include "lang/check_private.h"

#define LIST_BYTES_MAX ((size_t)1024 * 1024 * 1024)

static int compare_ids(const void *a, const void *b) {
    return base_str_compare(*(const Str *)a, *(const Str *)b);
}

static size_t count_lines(Str text) {
    size_t lines = 1;
    for (size_t i = 0; i < text.size_bytes; i++)
        lines += text.data[i] == '\n';
    return lines;
}

// Splits into trimmed lines that are not empty; a byte order mark is not part of an id.
static size_t split(Str text, Str *ids) {
    size_t count = 0;
    if (base_str_starts(text, STR("\xEF\xBB\xBF")))
        text = (Str){text.data + 3, text.size_bytes - 3};
    while (text.size_bytes > 0) {
        const char *end = memchr(text.data, '\n', text.size_bytes);
        size_t size = end == NULL ? text.size_bytes : (size_t)(end - text.data);
        Str id = base_str_trim((Str){text.data, size});
        if (id.size_bytes > 0)
            ids[count++] = id;
        size += end == NULL ? 0 : 1;
        text = (Str){text.data + size, text.size_bytes - size};
    }
    return count;
}

int lang_list_read(Arena *arena, Str directory, Str file, const Str **ret_ids, size_t *ret_count,
                   KretsError *error) {
    BASE_TEXT_SCOPED bytes = {0};
    bool is_absolute = base_str_starts(file, STR("/")) || directory.size_bytes == 0;
    Str path = is_absolute
                   ? base_arena_str(arena, file)
                   : base_arena_printf(arena, "%.*s/%.*s", STR_ARG(directory), STR_ARG(file));
    int rc = base_file_read(path.data, LIST_BYTES_MAX, &bytes, error);
    if (rc != 0)
        return rc;
    Str text = base_arena_str(arena, base_text_str(&bytes));
    size_t bad = base_utf8_invalid(text);
    if (bad < text.size_bytes)
        return base_error_set(error, BASE_E_USAGE, "%.*s:%zu: this line is not UTF-8 text",
                              STR_ARG(path), count_lines((Str){text.data, bad}));
    Str *ids = base_arena_alloc_array(arena, count_lines(text), sizeof *ids);
    size_t count = split(text, ids), kept = 0;
    qsort(ids, count, sizeof *ids, compare_ids);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !base_str_equal(ids[i], ids[i - 1]))
            ids[kept++] = ids[i];
    }
    *ret_ids = ids;
    *ret_count = kept;
    return 0;
}
