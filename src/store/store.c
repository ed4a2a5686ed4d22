// Opening and closing the data folder; its sources.

#include "store/store.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/calendar.h"
#include "store/store_private.h"

// --- opening ---

static int find_directory(Store *store, Str directory, KretsError *error) {
    BASE_TEXT_SCOPED path = {0};
    base_text_append(&path, directory);
    if (!store->options.is_read_only) {
        int r = store_folder_make(path.data, error);
        if (r < 0)
            return r;
    }
    char *absolute = realpath(path.data, NULL);
    if (absolute == NULL)
        return base_error_set(error, BASE_E_STORE,
                              "no data folder %s: `krets import` or `krets run` makes it",
                              path.data);
    store->directory = base_arena_str(store->arena, base_str_from(absolute));
    free(absolute);
    return 0;
}

static int make_folders(Store *store, KretsError *error) {
    static const char *const folders[] = {"events", "tmp", "runs"};
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof(folders) / sizeof(folders[0]); i++)
        r = store_folder_make(store_path(store->arena, store, "%s", folders[i]).data, error);
    if (r == 0)
        r = store_folder_sync(store->directory.data, error);
    return r;
}

static int open_control(Store *store, KretsError *error) {
    Str path = store_path(store->arena, store, "krets.sqlite");
    bool is_read_only = store->options.is_read_only;
    if (is_read_only && access(path.data, F_OK) != 0)
        return base_error_set(error, BASE_E_STORE,
                              "no store in %.*s: `krets import` or `krets run` makes it",
                              STR_ARG(store->directory));
    int r = db_sqlite_open(path.data, is_read_only, &store->sqlite, error);
    if (r == 0)
        r = store_schema_prepare(store, error);
    if (r == 0)
        r = store_manifest_load(store, error);
    return r;
}

// A reader spills outside the folder, where it may not be allowed to write and where the next
// writer sweeps.
static int choose_temp_directory(Store *store, KretsError *error) {
    if (!store->options.is_read_only) {
        store->temp_directory = store_path(store->arena, store, "tmp");
        return 0;
    }
    const char *base = getenv("TMPDIR");
    Str path = base_arena_printf(store->arena, "%s/krets-XXXXXX",
                                 base != NULL && base[0] != '\0' ? base : "/tmp");
    if (mkdtemp((char *)path.data) == NULL)
        return base_error_set(error, BASE_E_STORE,
                              "cannot create a folder for temporary files in %s: set TMPDIR",
                              base != NULL ? base : "/tmp");
    store->temp_directory = path;
    return 0;
}

// DuckDB's share of the budget: it exceeds its own limit by up to 60 %, and a small process needs
// most of what is left for itself.
enum { OWN_BYTES = 96 << 20, SMALL_BYTES = 1 << 30, DUCK_BYTES_MIN = 32 << 20 };

static size_t duck_budget(size_t memory_bytes) {
    size_t share = memory_bytes / 10 * 7;
    if (memory_bytes >= SMALL_BYTES)
        return share;
    return share > OWN_BYTES + DUCK_BYTES_MIN ? share - OWN_BYTES : DUCK_BYTES_MIN;
}

static int open_duck(Store *store, KretsError *error) {
    int r = choose_temp_directory(store, error);
    if (r < 0)
        return r;
    // What the process resides in exceeds DuckDB's own limit.
    DuckOptions options = {
        .threads = store->options.threads,
        .memory_bytes = duck_budget(store->options.memory_bytes),
        .temp_directory = store->temp_directory.data,
    };
    r = db_duck_open(&options, &store->duck, error);
    if (r == 0)
        r = db_duck_register(store->duck, "krets_hash", store_customer_hash, error);
    return r;
}

static size_t default_memory(void) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (size_t)pages * (size_t)page / 2 : (size_t)1 << 30;
}

int store_open(Str directory, const StoreOptions *options, Store **ret_store, KretsError *error) {
    STORE_SCOPED store = calloc(1, sizeof(*store));
    if (store == NULL)
        abort();
    store->arena = base_arena_new(SIZE_MAX);
    store->options = *options;
    if (store->options.memory_bytes == 0)
        store->options.memory_bytes = default_memory();
    store->lock_fd = -1;
    bool is_writer = !options->is_read_only;
    int r = find_directory(store, directory, error);
    if (r == 0 && is_writer)
        r = store_lock_take(store, error);
    if (r == 0 && is_writer)
        r = make_folders(store, error);
    if (r == 0)
        r = open_control(store, error);
    if (r == 0 && is_writer)
        r = store_sweep(store, error);
    if (r == 0)
        r = open_duck(store, error);
    if (r < 0)
        return r;
    *ret_store = store;
    store = NULL;
    return 0;
}

void store_close(Store *store) {
    if (store == NULL)
        return;
    db_duck_close(store->duck);
    db_sqlite_close(store->sqlite);
    if (store->options.is_read_only && store->temp_directory.data != NULL)
        rmdir(store->temp_directory.data); // DuckDB has removed what it spilled
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    base_arena_free(store->manifest_arena);
    base_arena_free(store->arena);
    free(store);
}

Duck *store_duck(Store *store) {
    return store->duck;
}

// --- sources ---

#define SOURCE_COLUMNS                                                                             \
    "name, fingerprint, cursor, report_json, row_count, row_max, imported_us from source"

static StoreSource read_source(SqliteRows *rows, Arena *arena) {
    return (StoreSource){
        .source = db_sqlite_text(rows, 0, arena),
        .fingerprint = db_sqlite_text(rows, 1, arena),
        .cursor = db_sqlite_text(rows, 2, arena),
        .report_json = db_sqlite_text(rows, 3, arena),
        .row_count = (uint64_t)db_sqlite_integer(rows, 4),
        .row_max = (uint64_t)db_sqlite_integer(rows, 5),
        .imported_us = db_sqlite_integer(rows, 6),
    };
}

int store_source_get(Store *store, Arena *arena, Str source, StoreSource *ret_source,
                     KretsError *error) {
    DB_SQLITE_ROWS_SCOPED rows = NULL;
    int r = db_sqlite_query(store->sqlite, &rows, error,
                            "select " SOURCE_COLUMNS " where name = ?1", "t", source);
    if (r == 0)
        r = db_sqlite_next(rows, error);
    if (r <= 0)
        return r < 0 ? r : 1;
    *ret_source = read_source(rows, arena);
    return 0;
}

int store_sources(Store *store, Arena *arena, StoreSource **ret_sources, size_t *ret_count,
                  KretsError *error) {
    DB_SQLITE_ROWS_SCOPED rows = NULL;
    int r =
        db_sqlite_query(store->sqlite, &rows, error, "select " SOURCE_COLUMNS " order by name", "");
    StoreSource *sources = NULL;
    size_t count = 0, room = 0;
    while (r == 0 && (r = db_sqlite_next(rows, error)) == 1) {
        if (count == room) {
            room = room * 2 + 8;
            sources = base_arena_grow(arena, sources, count, room, sizeof(*sources));
        }
        sources[count++] = read_source(rows, arena);
        r = 0;
    }
    if (r < 0)
        return r;
    *ret_sources = sources;
    *ret_count = count;
    return 0;
}

int store_first_event(const Store *store, int64_t *ret_time_us) {
    const Manifest *manifest = store->manifest;
    int64_t earliest = INT64_MAX;
    for (size_t i = 0; i < manifest->event_count; i++) {
        int64_t time_us = manifest->events[i].time_min_us;
        if (time_us > CALENDAR_TIME_MIN && time_us < earliest) // timeless traits are no events
            earliest = time_us;
    }
    if (earliest == INT64_MAX)
        return 1;
    *ret_time_us = earliest;
    return 0;
}

int store_last_event(Store *store, int64_t before_us, int64_t *ret_time_us, KretsError *error) {
    const Manifest *manifest = store->manifest;
    int64_t latest = CALENDAR_TIME_MIN; // timeless traits are no events
    for (size_t i = 0; i < manifest->event_count; i++) {
        if (manifest->events[i].time_max_us > latest)
            latest = manifest->events[i].time_max_us;
    }
    if (latest == CALENDAR_TIME_MIN)
        return 1;
    if (latest <= before_us) { // else only the events themselves can tell
        *ret_time_us = latest;
        return 0;
    }
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    BASE_TEXT_SCOPED sql = {0};
    base_text_append(&sql, STR("select epoch_us(max(time)) from ("));
    int r = store_history_sql(store, arena, &sql, error);
    if (r < 0)
        return r;
    base_text_printf(&sql, ") where epoch_us(time) > %lld and epoch_us(time) <= %lld",
                     (long long)CALENDAR_TIME_MIN, (long long)before_us);
    DB_DUCK_RESULT_SCOPED result = NULL;
    r = db_duck_query(store->duck, base_text_str(&sql), &result, error);
    if (r == 0)
        r = db_duck_next(result, error);
    if (r < 0)
        return r;
    Value value = db_duck_value(result, 0);
    if (value.is_null)
        return 1;
    *ret_time_us = value.integer;
    return 0;
}
