// Import: a staged relation becomes sorted Parquet files and, in one transaction, part of the
// store.
//
// Until the transaction commits, the new files are orphans that the next opening sweeps; after it,
// the replaced ones are. So a crash leaves the store as before or as after.

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/thread.h"
#include "store/loader_private.h"

// --- columns ---

static bool is_of_source(const Manifest *manifest, int64_t generation, Str source) {
    for (size_t i = 0; i < manifest->import_count; i++) {
        if (manifest->imports[i].generation == generation)
            return base_str_equal(manifest->imports[i].source, source);
    }
    return false;
}

// What stays in the store when this import is done.
static bool stays(const Load *load, int64_t generation) {
    return load->staged->mode == STAGED_APPEND ||
           !is_of_source(load->store->manifest, generation, load->staged->source);
}

static LoadColumn *find_load_column(Load *load, Str name, ValueType type) {
    for (size_t i = 0; i < load->column_count; i++) {
        LoadColumn *column = &load->columns[i];
        if (column->type == type && base_str_equal(column->name, name))
            return column;
    }
    return NULL;
}

// The stored column of this name and type, if the rest of the store has one.
static const StoredProperty *find_stored(const Load *load, Str name, ValueType type) {
    const Manifest *manifest = load->store->manifest;
    for (size_t i = 0; i < manifest->property_count; i++) {
        const StoredProperty *property = &manifest->properties[i];
        if (property->type == type && base_str_equal(property->name, name) &&
            stays(load, property->generation))
            return property;
    }
    return NULL;
}

static size_t use_stored_columns(const Load *load, Map *used) {
    const Manifest *manifest = load->store->manifest;
    BASE_MAP_SCOPED file_columns = base_map_new();
    for (size_t i = 0; i < manifest->property_count; i++) {
        const StoredProperty *property = &manifest->properties[i];
        if (property->type == VALUE_NULL || !stays(load, property->generation))
            continue;
        store_column_use(used, property->column);
        if (!property->is_more)
            base_map_put(file_columns, property->column, 1);
    }
    return base_map_count(file_columns);
}

// Gives every staged property a column: the one that the store has for its name and type, else a
// new one, in the JSON column once the limit is reached.
static void plan_columns(Load *load) {
    const Staged *staged = load->staged;
    uint32_t limit = load->store->options.columns_max;
    if (limit == 0)
        limit = STORE_COLUMNS_MAX;
    BASE_MAP_SCOPED used = base_map_new();
    size_t file_columns = use_stored_columns(load, used);
    load->columns =
        base_arena_alloc_array(load->arena, staged->property_count + 1, sizeof(*load->columns));
    load->property_columns = base_arena_alloc_array(load->arena, staged->property_count + 1,
                                                    sizeof(*load->property_columns));
    for (size_t i = 0; i < staged->property_count; i++) {
        const StagedProperty *property = &staged->properties[i];
        if (property->type == VALUE_NULL)
            continue;
        LoadColumn *column = find_load_column(load, property->name, property->type);
        if (column == NULL) {
            column = &load->columns[load->column_count++];
            *column = (LoadColumn){.name = property->name, .type = property->type};
            const StoredProperty *stored = find_stored(load, property->name, property->type);
            if (stored != NULL) {
                column->column = stored->column;
                column->is_more = stored->is_more;
            } else {
                column->column = store_column_name(load->arena, used, property->name);
                column->is_more = file_columns >= limit;
                file_columns += column->is_more ? 0 : 1;
            }
        }
        load->property_columns[i] = column;
    }
}

// --- the select ---

// The values of a column: those of the staged properties that share it (of different events).
static void append_values(Text *out, const Load *load, const LoadColumn *column) {
    const Staged *staged = load->staged;
    BASE_TEXT_SCOPED list = {0};
    size_t count = 0;
    for (size_t i = 0; i < staged->property_count; i++) {
        if (load->property_columns[i] != column)
            continue;
        base_text_append(&list, count++ > 0 ? STR(", r.") : STR("r."));
        db_sql_identifier(&list, staged->properties[i].column);
    }
    base_text_printf(out, count > 1 ? "coalesce(%s)" : "%s", list.data);
}

// Members without a value are left out; a row without any has no JSON at all.
static void append_more(Text *out, const Load *load) {
    BASE_TEXT_SCOPED members = {0};
    for (size_t i = 0; i < load->column_count; i++) {
        const LoadColumn *column = &load->columns[i];
        if (!column->is_more)
            continue;
        BASE_TEXT_SCOPED values = {0};
        append_values(&values, load, column);
        base_text_append(&members, members.size_bytes > 0 ? STR(", ") : STR(""));
        db_sql_literal(&members, column->column);
        base_text_append(&members, STR(", "));
        store_more_write_sql(&members, base_text_str(&values), column->type);
    }
    if (members.size_bytes > 0)
        base_text_printf(out,
                         ", nullif(cast(json_merge_patch('{}', json_object(%s)) as varchar), '{}')"
                         " as " STORE_MORE_COLUMN,
                         members.data);
}

static void append_select(Text *out, const Load *load, uint64_t bucket) {
    base_text_append(out, STR("select r.customer, r.time, r.arrival, r.event, r.message_id"));
    for (size_t i = 0; i < load->column_count; i++) {
        const LoadColumn *column = &load->columns[i];
        if (column->is_more)
            continue;
        base_text_append(out, STR(", "));
        append_values(out, load, column);
        base_text_append(out, STR(" as "));
        db_sql_identifier(out, column->column);
    }
    append_more(out, load);
    base_text_append(out, STR(" from ("));
    base_text_append(out, load->staged->relation);
    base_text_append(out, STR(") r"));
    if (load->bucket_count > 1)
        base_text_printf(out, " where (krets_hash(r.customer) & %llu) = %llu",
                         (unsigned long long)(load->bucket_count - 1), (unsigned long long)bucket);
    if (!load->staged->is_sorted)
        base_text_append(out, STR(" order by r.customer, r.time, r.arrival"));
}

// --- files ---

static int read_count(Duck *duck, Str sql, uint64_t *ret_count, KretsError *error) {
    DB_DUCK_RESULT_SCOPED result = NULL;
    int r = db_duck_query(duck, sql, &result, error);
    if (r == 0)
        r = db_duck_next(result, error);
    if (r < 0)
        return r;
    *ret_count = (uint64_t)db_duck_value(result, 0).integer;
    return 0;
}

static int count_rows(Load *load, KretsError *error) {
    load->expected_rows = load->staged->row_count;
    if (load->expected_rows > 0)
        return 0;
    BASE_TEXT_SCOPED sql = {0};
    base_text_append(&sql, STR("select count(*) from ("));
    base_text_append(&sql, load->staged->relation);
    base_text_append(&sql, STR(") r"));
    return read_count(load->store->duck, base_text_str(&sql), &load->expected_rows, error);
}

// Large imports are cut for the store's size as it will be; small ones stay in one file.
static void choose_buckets(Load *load) {
    const Store *store = load->store;
    uint64_t rows = load->expected_rows, others = 0;
    for (size_t i = 0; i < store->manifest->file_count; i++) {
        const StoredFile *file = &store->manifest->files[i];
        others += stays(load, file->generation) ? file->row_count : 0;
    }
    bool is_small = rows < store_bucket_rows(store) / STORE_BUCKET_SMALL_PART;
    load->bucket_count = is_small ? 1 : store_bucket_wanted(store, rows + others);
}

static int write_bucket(Load *load, uint64_t bucket, KretsError *error) {
    Store *store = load->store;
    LoadFile *file = &load->files[load->file_count];
    Str folder = base_arena_printf(load->arena, "events/bucket=%03llu", (unsigned long long)bucket);
    file->bucket = bucket;
    file->path =
        base_arena_printf(load->arena, "%s/%lld.parquet", folder.data, (long long)load->generation);
    file->whole_path = store_path(load->arena, store, "%s", file->path.data);
    file->part_path = store_path(load->arena, store, "%s.part", file->path.data);
    int r = store_folder_make(store_path(load->arena, store, "%s", folder.data).data, error);
    if (r < 0)
        return r;
    load->file_count++;
    BASE_TEXT_SCOPED sql = {0};
    base_text_append(&sql, STR("copy ("));
    append_select(&sql, load, bucket);
    base_text_append(&sql, STR(") to "));
    db_sql_literal(&sql, file->part_path);
    base_text_append(&sql, STR(" (format parquet, compression snappy)"));
    load->progress_base = (double)bucket / (double)load->bucket_count;
    load->progress_part = 1.0 / (double)load->bucket_count;
    r = load_run_watched(load, base_text_str(&sql), &file->row_count, error);
    base_fault_point("store.import.bucket_written");
    load->row_count += file->row_count;
    return r;
}

static int sync_file(LoadFile *file, KretsError *error) {
    int r = store_file_sync(file->part_path.data, error);
    if (r < 0)
        return r;
    base_fault_point("store.import.file_synced");
    struct stat status;
    if (stat(file->part_path.data, &status) != 0 ||
        rename(file->part_path.data, file->whole_path.data) != 0)
        return base_error_set(error, BASE_E_STORE, "cannot rename %s", file->part_path.data);
    file->size_bytes = (uint64_t)status.st_size;
    base_fault_point("store.import.file_renamed");
    return 0;
}

static int checksum_work(void *context, unsigned thread, size_t begin, size_t end) {
    (void)thread;
    Load *load = context;
    for (size_t i = begin; i < end; i++) {
        int r = store_file_checksum(load->files[i].whole_path.data, load->files[i].checksum,
                                    &load->files[i].error);
        if (r < 0)
            return r;
    }
    return 0;
}

static int finish_files(Load *load, KretsError *error) {
    size_t kept = 0;
    for (size_t i = 0; i < load->file_count; i++) {
        LoadFile *file = &load->files[i];
        if (file->row_count == 0) {
            unlink(file->part_path.data);
            continue;
        }
        int r = sync_file(file, error);
        if (r < 0)
            return r;
        LoadFile copy = *file;
        load->files[kept++] = copy;
    }
    load->file_count = kept;
    unsigned threads = load->store->options.threads;
    int r =
        base_thread_for(threads > 0 ? threads : base_thread_count(), kept, 1, checksum_work, load);
    for (size_t i = 0; r < 0 && i < kept; i++) {
        if (load->files[i].error.code < 0)
            return base_error_set(error, load->files[i].error.code, "%s",
                                  load->files[i].error.text);
    }
    for (size_t i = 0; r == 0 && i < kept; i++) {
        Str folder = store_path(load->arena, load->store, "events/bucket=%03llu",
                                (unsigned long long)load->files[i].bucket);
        r = store_folder_sync(folder.data, error);
    }
    if (r == 0)
        r = store_folder_sync(store_path(load->arena, load->store, "events").data, error);
    base_fault_point("store.import.folders_synced");
    return r;
}

static int write_files(Load *load, KretsError *error) {
    load->files =
        base_arena_alloc_array(load->arena, (size_t)load->bucket_count, sizeof(*load->files));
    int r = 0;
    for (uint64_t bucket = 0; r == 0 && bucket < load->bucket_count; bucket++)
        r = write_bucket(load, bucket, error);
    if (r == 0 && load->row_count != load->expected_rows)
        return base_error_set(error, BASE_E_STORE,
                              "the source changed while it was read (%llu rows, then %llu): import "
                              "it again",
                              (unsigned long long)load->expected_rows,
                              (unsigned long long)load->row_count);
    if (r == 0)
        r = finish_files(load, error);
    return r;
}

// --- the transaction ---

static int next_generation(Load *load, KretsError *error) {
    DB_SQLITE_ROWS_SCOPED rows = NULL;
    int r = db_sqlite_query(load->store->sqlite, &rows, error,
                            "select coalesce(max(seq), 0) + 1 from sqlite_sequence"
                            " where name = 'import'",
                            "");
    if (r == 0)
        r = db_sqlite_next(rows, error);
    if (r < 0)
        return r;
    load->generation = db_sqlite_integer(rows, 0);
    return 0;
}

static int insert_files(Load *load, KretsError *error) {
    Sqlite *sqlite = load->store->sqlite;
    int r = 0;
    for (size_t i = 0; r == 0 && i < load->file_count; i++) {
        const LoadFile *file = &load->files[i];
        r = db_sqlite_run(sqlite, error, "insert into file values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                          "tiiiiit", file->path, load->generation, (int64_t)file->bucket,
                          (int64_t)load->bucket_count, (int64_t)file->row_count,
                          (int64_t)file->size_bytes, base_str_from(file->checksum));
    }
    return r;
}

static int insert_catalog(Load *load, KretsError *error) {
    Sqlite *sqlite = load->store->sqlite;
    int r = 0;
    for (size_t i = 0; r == 0 && i < load->event_count; i++) {
        const StoredEvent *event = &load->events[i];
        r = db_sqlite_run(sqlite, error, "insert into event values (?1, ?2, ?3, ?4, ?5)", "itiii",
                          load->generation, event->name, (int64_t)event->row_count,
                          event->time_min_us, event->time_max_us);
    }
    for (size_t i = 0; r == 0 && i < load->property_count; i++) {
        const StoredProperty *property = &load->properties[i];
        r = db_sqlite_run(sqlite, error, "insert into property values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                          "ittt"
                          "iii",
                          load->generation, property->event, property->name, property->column,
                          (int64_t)property->type, (int64_t)property->is_more,
                          (int64_t)property->value_count);
    }
    return r;
}

static int upsert_source(Load *load, KretsError *error) {
    const Staged *staged = load->staged;
    return db_sqlite_run(
        load->store->sqlite, error,
        "insert into source values (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        " on conflict (name) do update set fingerprint = ?2, cursor = ?3, report_json = ?4,"
        " row_count = ?5 + case when ?8 then row_count else 0 end,"
        " row_max = case when ?8 then max(row_max, ?6) else ?6 end, imported_us = ?7",
        "ttttiiii", staged->source, staged->fingerprint, staged->cursor, staged->report_json,
        (int64_t)load->row_count, load->row_max, store_clock_us(),
        (int64_t)(staged->mode == STAGED_APPEND));
}

static int commit_load(Load *load, KretsError *error) {
    const Staged *staged = load->staged;
    DB_SQLITE_TRANSACTION_SCOPED sqlite = load->store->sqlite;
    base_fault_point("store.import.before_transaction");
    int r = db_sqlite_begin(sqlite, true, error);
    if (r == 0 && staged->mode == STAGED_REPLACE)
        r = db_sqlite_run(sqlite, error, "delete from import where source = ?1", "t",
                          staged->source);
    if (r == 0)
        r = db_sqlite_run(sqlite, error, "insert into import values (?1, ?2, ?3, ?4)", "itii",
                          load->generation, staged->source, store_clock_us(),
                          (int64_t)load->row_count);
    if (r == 0)
        r = insert_files(load, error);
    if (r == 0)
        r = insert_catalog(load, error);
    if (r == 0)
        r = upsert_source(load, error);
    base_fault_point("store.import.before_commit");
    if (r == 0)
        r = db_sqlite_commit(sqlite, error);
    base_fault_point("store.import.after_commit");
    return r;
}

// --- the whole ---

static void remove_new_files(Load *load) {
    for (size_t i = 0; i < load->file_count; i++) {
        unlink(load->files[i].part_path.data);
        unlink(load->files[i].whole_path.data);
    }
}

// The manifest is still the one from before. A file that cannot be removed is swept later.
static void remove_files_of(Store *store, Str source) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    for (size_t i = 0; i < store->manifest->file_count; i++) {
        const StoredFile *file = &store->manifest->files[i];
        if (!is_of_source(store->manifest, file->generation, source))
            continue;
        unlink(store_path(arena, store, "%.*s", STR_ARG(file->path)).data);
        base_fault_point("store.import.old_file_removed");
    }
}

static int is_unchanged(Load *load, KretsError *error) {
    const Staged *staged = load->staged;
    StoreSource source;
    int r = store_source_get(load->store, load->arena, staged->source, &source, error);
    if (r < 0)
        return r;
    return r == 0 && staged->mode == STAGED_REPLACE && staged->fingerprint.size_bytes > 0 &&
           base_str_equal(source.fingerprint, staged->fingerprint);
}

static int run_load(Load *load, KretsError *error) {
    base_fault_point("store.import.begin");
    int r = next_generation(load, error);
    if (r == 0)
        r = count_rows(load, error);
    if (r < 0)
        return r;
    plan_columns(load);
    choose_buckets(load);
    r = write_files(load, error);
    if (r == 0)
        r = load_describe(load, error);
    if (r == 0)
        r = commit_load(load, error);
    if (r < 0)
        remove_new_files(load);
    return r;
}

int store_import(Store *store, const Staged *staged, StoreProgress progress, void *context,
                 KretsError *error) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Load load = {.store = store,
                 .staged = staged,
                 .arena = arena,
                 .progress = progress,
                 .progress_context = context};
    if (store->options.is_read_only)
        return base_error_set(error, BASE_E_STORE, "the data folder is open for reading only");
    int r = is_unchanged(&load, error);
    if (r != 0)
        return r < 0 ? r : 0;
    r = run_load(&load, error);
    if (r < 0)
        return base_error_prefix(error, r, "source %.*s", STR_ARG(staged->source));
    if (staged->mode == STAGED_REPLACE)
        remove_files_of(store, staged->source);
    r = store_manifest_load(store, error);
    base_fault_point("store.import.end");
    return r;
}

int store_source_drop(Store *store, Str source, KretsError *error) {
    DB_SQLITE_TRANSACTION_SCOPED sqlite = store->sqlite;
    int r = db_sqlite_begin(sqlite, true, error);
    if (r == 0)
        r = db_sqlite_run(sqlite, error, "delete from import where source = ?1", "t", source);
    if (r == 0)
        r = db_sqlite_run(sqlite, error, "delete from source where name = ?1", "t", source);
    base_fault_point("store.drop.before_commit");
    if (r == 0)
        r = db_sqlite_commit(sqlite, error);
    base_fault_point("store.drop.after_commit");
    if (r < 0)
        return r;
    remove_files_of(store, source);
    return store_manifest_load(store, error);
}
