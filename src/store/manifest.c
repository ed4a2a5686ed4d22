// The state of the store at one moment, read from the control database.

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/store_private.h"

Str store_path(Arena *arena, const Store *store, const char *format, ...) {
    char *below = NULL;
    va_list arguments;
    va_start(arguments, format);
    int n = vasprintf(&below, format, arguments);
    va_end(arguments);
    if (n < 0)
        abort();
    Str path = base_arena_printf(arena, "%.*s/%s", STR_ARG(store->directory), below);
    free(below);
    return path;
}

// Runs `sql`, counts its rows first and gives each to `read` with its zeroed item.
typedef void (*RowReader)(SqliteRows *rows, Arena *arena, void *item);

static int read_rows(Store *store, Arena *arena, const char *table, const char *columns,
                     const char *order, size_t item_bytes, RowReader read, void **ret_items,
                     size_t *ret_count, KretsError *error) {
    BASE_TEXT_SCOPED sql = {0};
    base_text_printf(&sql, "select count(*) over (), %s from %s order by %s", columns, table,
                     order);
    DB_SQLITE_ROWS_SCOPED rows = NULL;
    int r = db_sqlite_query(store->sqlite, &rows, error, sql.data, "");
    if (r < 0)
        return r;
    char *items = NULL;
    size_t count = 0;
    while ((r = db_sqlite_next(rows, error)) == 1) {
        if (items == NULL)
            items = base_arena_alloc_array(arena, (size_t)db_sqlite_integer(rows, 0), item_bytes);
        read(rows, arena, items + count++ * item_bytes);
    }
    *ret_items = items;
    *ret_count = count;
    return r;
}

static void read_import(SqliteRows *rows, Arena *arena, void *item) {
    *(StoredImport *)item = (StoredImport){
        .generation = db_sqlite_integer(rows, 1),
        .source = db_sqlite_text(rows, 2, arena),
    };
}

static void read_file(SqliteRows *rows, Arena *arena, void *item) {
    *(StoredFile *)item = (StoredFile){
        .path = db_sqlite_text(rows, 1, arena),
        .generation = db_sqlite_integer(rows, 2),
        .bucket = (uint64_t)db_sqlite_integer(rows, 3),
        .bucket_count = (uint64_t)db_sqlite_integer(rows, 4),
        .row_count = (uint64_t)db_sqlite_integer(rows, 5),
        .size_bytes = (uint64_t)db_sqlite_integer(rows, 6),
        .checksum = db_sqlite_text(rows, 7, arena),
    };
}

static void read_event(SqliteRows *rows, Arena *arena, void *item) {
    *(StoredEvent *)item = (StoredEvent){
        .generation = db_sqlite_integer(rows, 1),
        .name = db_sqlite_text(rows, 2, arena),
        .row_count = (uint64_t)db_sqlite_integer(rows, 3),
        .time_min_us = db_sqlite_integer(rows, 4),
        .time_max_us = db_sqlite_integer(rows, 5),
    };
}

static void read_property(SqliteRows *rows, Arena *arena, void *item) {
    *(StoredProperty *)item = (StoredProperty){
        .generation = db_sqlite_integer(rows, 1),
        .event = db_sqlite_text(rows, 2, arena),
        .name = db_sqlite_text(rows, 3, arena),
        .column = db_sqlite_text(rows, 4, arena),
        .type = (ValueType)db_sqlite_integer(rows, 5),
        .is_more = db_sqlite_integer(rows, 6) != 0,
        .value_count = (uint64_t)db_sqlite_integer(rows, 7),
    };
}

static int read_manifest(Store *store, Arena *arena, Manifest *manifest, KretsError *error) {
    void *items = NULL;
    int r = read_rows(store, arena, "import", "generation, source", "generation",
                      sizeof(StoredImport), read_import, &items, &manifest->import_count, error);
    manifest->imports = items;
    if (r == 0) {
        r = read_rows(store, arena, "file",
                      "path, generation, bucket, bucket_count, row_count, size_bytes, checksum",
                      "generation, bucket", sizeof(StoredFile), read_file, &items,
                      &manifest->file_count, error);
        manifest->files = items;
    }
    if (r == 0) {
        r = read_rows(store, arena, "event",
                      "generation, name, row_count, time_min_us, time_max_us", "generation, name",
                      sizeof(StoredEvent), read_event, &items, &manifest->event_count, error);
        manifest->events = items;
    }
    if (r == 0) {
        r = read_rows(store, arena, "property",
                      "generation, event, name, column_name, type, is_more, value_count",
                      "generation, event, name", sizeof(StoredProperty), read_property, &items,
                      &manifest->property_count, error);
        manifest->properties = items;
    }
    assert(manifest->file_count == 0 || manifest->files != NULL);
    for (size_t i = 0; i < manifest->file_count; i++)
        manifest->row_count += manifest->files[i].row_count;
    return r;
}

int store_manifest_load(Store *store, KretsError *error) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Manifest *manifest = base_arena_alloc(arena, sizeof(*manifest));
    DB_SQLITE_TRANSACTION_SCOPED transaction = store->sqlite; // one state for all tables
    int r = db_sqlite_begin(transaction, false, error);
    if (r == 0)
        r = read_manifest(store, arena, manifest, error);
    if (r < 0)
        return r;
    store_manifest_resolve(arena, manifest);
    base_arena_free(store->manifest_arena);
    store->manifest_arena = arena;
    arena = NULL;
    store->manifest = manifest;
    store->was_read = false;
    return 0;
}
