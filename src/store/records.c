// Fits and the answers of the last run.

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "store/store_private.h"

static int refuse_read_only(const Store *store, KretsError *error) {
    if (!store->options.is_read_only)
        return 0;
    return base_error_set(error, BASE_E_STORE, "the data folder is open for reading only");
}

// --- fits ---

int store_fit_save(Store *store, int64_t now_us, Str json, int64_t *ret_version,
                   KretsError *error) {
    int r = refuse_read_only(store, error);
    if (r == 0)
        r = db_sqlite_run(store->sqlite, error,
                          "insert into fit (now_us, created_us, json) values (?1, ?2, ?3)", "iit",
                          now_us, store_clock_us(), json);
    if (r == 0)
        *ret_version = db_sqlite_last_id(store->sqlite);
    return r;
}

static StoreFit read_fit(SqliteRows *rows, Arena *arena) {
    return (StoreFit){
        .version = db_sqlite_integer(rows, 0),
        .now_us = db_sqlite_integer(rows, 1),
        .created_us = db_sqlite_integer(rows, 2),
        .json = db_sqlite_text(rows, 3, arena),
    };
}

int store_fit_get(Store *store, Arena *arena, int64_t version, StoreFit *ret_fit,
                  KretsError *error) {
    DB_SQLITE_ROWS_SCOPED rows = NULL;
    int r = db_sqlite_query(store->sqlite, &rows, error,
                            "select version, now_us, created_us, json from fit"
                            " where ?1 in (0, version) order by version desc limit 1",
                            "i", version);
    if (r == 0)
        r = db_sqlite_next(rows, error);
    if (r <= 0)
        return r < 0 ? r : 1;
    *ret_fit = read_fit(rows, arena);
    return 0;
}

int store_fit_list(Store *store, Arena *arena, StoreFit **ret_fits, size_t *ret_count,
                   KretsError *error) {
    DB_SQLITE_ROWS_SCOPED rows = NULL;
    int r =
        db_sqlite_query(store->sqlite, &rows, error,
                        "select version, now_us, created_us, json from fit order by version", "");
    StoreFit *fits = NULL;
    size_t count = 0, room = 0;
    while (r == 0 && (r = db_sqlite_next(rows, error)) == 1) {
        if (count == room) {
            room = room * 2 + 8;
            fits = base_arena_grow(arena, fits, count, room, sizeof(*fits));
        }
        fits[count++] = read_fit(rows, arena);
        r = 0;
    }
    if (r < 0)
        return r;
    *ret_fits = fits;
    *ret_count = count;
    return 0;
}

// --- runs ---

int store_run_path(Store *store, Arena *arena, Str *ret_path, KretsError *error) {
    int r = refuse_read_only(store, error);
    if (r == 0)
        *ret_path = store_path(arena, store, "runs/%lld-%ld.parquet", (long long)store_clock_us(),
                               (long)getpid());
    return r;
}

static int replace_run(Store *store, const StoreRun *run, Str below, KretsError *error) {
    DB_SQLITE_TRANSACTION_SCOPED sqlite = store->sqlite;
    int r = db_sqlite_begin(sqlite, true, error);
    if (r == 0)
        r = db_sqlite_script(sqlite, "delete from run", error);
    if (r == 0)
        r = db_sqlite_run(sqlite, error,
                          "insert into run (now_us, fit_version, created_us, model_hash, path)"
                          " values (?1, ?2, ?3, ?4, ?5)",
                          "iiitt", run->now_us, run->fit_version,
                          run->created_us != 0 ? run->created_us : store_clock_us(),
                          run->model_hash, below);
    base_fault_point("store.run.before_commit");
    if (r == 0)
        r = db_sqlite_commit(sqlite, error);
    base_fault_point("store.run.after_commit");
    return r;
}

int store_run_save(Store *store, const StoreRun *run, KretsError *error) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    int r = refuse_read_only(store, error);
    if (r < 0)
        return r;
    Str folder = store_path(arena, store, "runs/");
    if (!base_str_starts(run->answers_path, folder))
        return base_error_set(error, BASE_E_STORE, "answers must lie in %s", folder.data);
    Str below = {run->answers_path.data + folder.size_bytes - 5,
                 run->answers_path.size_bytes - folder.size_bytes + 5};
    StoreRun old;
    int had_old = store_run_get(store, arena, &old, error);
    if (had_old < 0)
        return had_old;
    Str path = base_arena_str(arena, run->answers_path);
    r = store_file_sync(path.data, error);
    if (r == 0)
        r = store_folder_sync(folder.data, error);
    if (r == 0)
        r = replace_run(store, run, below, error);
    if (r == 0 && had_old == 0 && !base_str_equal(old.answers_path, run->answers_path))
        unlink(old.answers_path.data); // swept later if this fails
    return r;
}

int store_run_get(Store *store, Arena *arena, StoreRun *ret_run, KretsError *error) {
    DB_SQLITE_ROWS_SCOPED rows = NULL;
    int r = db_sqlite_query(store->sqlite, &rows, error,
                            "select now_us, fit_version, created_us, model_hash, path from run"
                            " order by id desc limit 1",
                            "");
    if (r == 0)
        r = db_sqlite_next(rows, error);
    if (r <= 0)
        return r < 0 ? r : 1;
    Str below = db_sqlite_text(rows, 4, arena);
    *ret_run = (StoreRun){
        .now_us = db_sqlite_integer(rows, 0),
        .fit_version = db_sqlite_integer(rows, 1),
        .created_us = db_sqlite_integer(rows, 2),
        .model_hash = db_sqlite_text(rows, 3, arena),
        .answers_path = store_path(arena, store, "%.*s", STR_ARG(below)),
    };
    return 0;
}
