// Reading a bucket's customers into memory.
//
// Each file of a bucket is sorted by (customer, time, arrival). They are read as streams side by
// side and merged, so that nothing is sorted again.

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "store/builder_private.h"

// More files than this are merged by a sort in DuckDB.
enum { READER_STREAMS_MAX = 12 };

typedef struct Cursor {
    Duck *duck;
    DuckResult *result;
    size_t rows, row; // of the current chunk
    const int64_t *times, *arrivals;
} Cursor;

typedef struct Reading {
    Store *store;
    Duck *duck; // a connection of its own: others may read at the same time
    const Plan *plan;
    Arena *arena; // for the table
    Arena *scratch;
    const StoredFile **files;
    size_t file_count;
    uint64_t bucket_count; // of the store
    uint64_t bucket;
    Cursor cursors[READER_STREAMS_MAX];
    size_t cursor_count;
} Reading;

size_t store_bucket_count(Store *store) {
    return (size_t)store_bucket_wanted(store, store->manifest->row_count);
}

// --- which files ---

// Counts are powers of two: of two counts the larger's bucket lies inside the smaller's.
static bool is_in_bucket(const StoredFile *file, uint64_t bucket_count, uint64_t bucket) {
    uint64_t common = file->bucket_count < bucket_count ? file->bucket_count : bucket_count;
    return file->bucket % common == bucket % common;
}

static bool needs_filter(const Reading *reading, const StoredFile *file) {
    return file->bucket_count < reading->bucket_count;
}

static void choose_files(Reading *reading) {
    const Manifest *manifest = reading->store->manifest;
    reading->files =
        base_arena_alloc_array(reading->scratch, manifest->file_count + 1, sizeof(*reading->files));
    reading->file_count = 0;
    for (size_t i = 0; i < manifest->file_count; i++) {
        const StoredFile *file = &manifest->files[i];
        if (is_in_bucket(file, reading->bucket_count, reading->bucket))
            reading->files[reading->file_count++] = file;
    }
}

// --- SQL ---

static const ResolvedColumn *find_column(const Manifest *manifest, Str name) {
    for (size_t i = 0; i < manifest->column_count; i++) {
        if (base_str_equal(manifest->columns[i].column, name))
            return &manifest->columns[i];
    }
    return NULL;
}

// A plan made of an older catalog may name columns that have gone or are of another type now.
static int check_columns(const Reading *reading, KretsError *error) {
    const Plan *plan = reading->plan;
    for (int32_t i = 0; i < plan->column_count; i++) {
        const ResolvedColumn *column =
            find_column(reading->store->manifest, plan->columns[i].column);
        if (column != NULL && column->type != plan->columns[i].type)
            return base_error_set(error, BASE_E_STORE,
                                  "the type of \"%.*s\" has changed from %s to %s since the model "
                                  "was checked: run again",
                                  STR_ARG(plan->columns[i].column),
                                  data_value_type_name(plan->columns[i].type),
                                  data_value_type_name(column->type));
    }
    return 0;
}

static void append_filter(Text *sql, const Reading *reading) {
    base_text_printf(sql, "(krets_hash(f.customer) & %llu) = %llu",
                     (unsigned long long)(reading->bucket_count - 1),
                     (unsigned long long)reading->bucket);
}

static void append_plan_columns(Text *sql, const Reading *reading) {
    const Plan *plan = reading->plan;
    for (int32_t i = 0; i < plan->column_count; i++) {
        const PlanColumn *column = &plan->columns[i];
        if (find_column(reading->store->manifest, column->column) != NULL) {
            base_text_append(sql, STR(", f."));
            db_sql_identifier(sql, column->column);
        } else {
            base_text_printf(sql, ", cast(null as %s)",
                             column->type == VALUE_NULL ? "BOOLEAN" : store_type_sql(column->type));
        }
        base_text_printf(sql, " as c%d", (int)i);
    }
}

static void append_rows(Text *sql, const Reading *reading, const StoredFile *const *files,
                        size_t count) {
    const Plan *plan = reading->plan;
    Str *columns =
        base_arena_alloc_array(reading->scratch, (size_t)plan->column_count + 1, sizeof(*columns));
    for (int32_t i = 0; i < plan->column_count; i++)
        columns[i] = plan->columns[i].column;
    base_text_append(sql, STR("select f.customer, f.time, f.arrival, f.event"));
    append_plan_columns(sql, reading);
    base_text_append(sql, STR(" from ("));
    store_files_sql(sql, reading->store, files, count, columns, (size_t)plan->column_count);
    base_text_append(sql, STR(") f"));
}

// --- how many rows ---

static void append_kept_events(Text *sql, const Reading *reading) {
    const Manifest *manifest = reading->store->manifest;
    base_text_append(sql, STR("f.event in (''"));
    for (size_t i = 0; i < manifest->event_count; i++) {
        if (!store_plan_keeps(reading->plan, manifest->events[i].name))
            continue;
        base_text_append(sql, STR(", "));
        db_sql_literal(sql, manifest->events[i].name);
    }
    base_text_append_char(sql, ')');
}

static bool keeps_everything(const Reading *reading) {
    const Manifest *manifest = reading->store->manifest;
    for (size_t i = 0; i < manifest->event_count; i++) {
        if (!store_plan_keeps(reading->plan, manifest->events[i].name))
            return false;
    }
    return true;
}

// The most rows of one file that can be kept: the events of the plan and two more a customer.
static int count_file_rows(const Reading *reading, const StoredFile *file, uint64_t *rows,
                           KretsError *error) {
    bool is_whole = !needs_filter(reading, file);
    if (is_whole && keeps_everything(reading)) {
        *rows += file->row_count;
        return 0;
    }
    BASE_TEXT_SCOPED sql = {0};
    base_text_append(&sql, STR("select count(*) filter ("));
    append_kept_events(&sql, reading);
    base_text_append(&sql, STR("), count(*), 2 * count(distinct f.customer) from ("));
    store_files_sql(&sql, reading->store, &file, 1, &(Str){NULL, 0}, 0);
    base_text_append(&sql, STR(") f"));
    if (!is_whole) {
        base_text_append(&sql, STR(" where "));
        append_filter(&sql, reading);
    }
    DB_DUCK_RESULT_SCOPED result = NULL;
    int r = db_duck_query(reading->duck, base_text_str(&sql), &result, error);
    if (r == 0)
        r = db_duck_next(result, error);
    if (r < 0)
        return r;
    uint64_t kept = (uint64_t)(db_duck_value(result, 0).integer + db_duck_value(result, 2).integer);
    uint64_t all = (uint64_t)db_duck_value(result, 1).integer;
    *rows += kept < all ? kept : all;
    return 0;
}

// --- cursors ---

static int cursor_fetch(Cursor *cursor, KretsError *error) {
    int r = db_duck_next_chunk(cursor->result, error);
    if (r < 0)
        return r;
    cursor->rows = (size_t)r;
    cursor->row = 0;
    if (r > 0) {
        cursor->times = db_duck_chunk_data(cursor->result, BUILDER_TIME);
        cursor->arrivals = db_duck_chunk_data(cursor->result, BUILDER_ARRIVAL);
    }
    return 0;
}

static int cursor_open(Reading *reading, Str sql, KretsError *error) {
    Cursor *cursor = &reading->cursors[reading->cursor_count];
    int r = db_duck_connect(reading->store->duck, &cursor->duck, error);
    if (r < 0)
        return r;
    reading->cursor_count++;
    r = db_duck_stream(cursor->duck, sql, &cursor->result, error);
    if (r == 0)
        r = cursor_fetch(cursor, error);
    return r;
}

static void cursors_close(Reading *reading) {
    for (size_t i = 0; i < reading->cursor_count; i++) {
        db_duck_result_free(reading->cursors[i].result);
        db_duck_close(reading->cursors[i].duck);
    }
    reading->cursor_count = 0;
}

static int open_streams(Reading *reading, KretsError *error) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < reading->file_count; i++) {
        BASE_TEXT_SCOPED sql = {0};
        append_rows(&sql, reading, &reading->files[i], 1);
        if (needs_filter(reading, reading->files[i])) {
            base_text_append(&sql, STR(" where "));
            append_filter(&sql, reading);
        }
        r = cursor_open(reading, base_text_str(&sql), error);
    }
    return r;
}

static int open_sorted(Reading *reading, KretsError *error) {
    BASE_TEXT_SCOPED sql = {0};
    append_rows(&sql, reading, reading->files, reading->file_count);
    if (reading->bucket_count > 1) {
        base_text_append(&sql, STR(" where "));
        append_filter(&sql, reading);
    }
    base_text_append(&sql, STR(" order by f.customer, f.time, f.arrival"));
    return cursor_open(reading, base_text_str(&sql), error);
}

static int compare_rows(const Cursor *a, size_t row_a, const Cursor *b, size_t row_b) {
    int order = base_str_compare(db_duck_chunk_text(a->result, BUILDER_CUSTOMER, row_a),
                                 db_duck_chunk_text(b->result, BUILDER_CUSTOMER, row_b));
    if (order == 0)
        order = (a->times[row_a] > b->times[row_b]) - (a->times[row_a] < b->times[row_b]);
    if (order == 0)
        order =
            (a->arrivals[row_a] > b->arrivals[row_b]) - (a->arrivals[row_a] < b->arrivals[row_b]);
    return order;
}

// The two cursors with the smallest current rows; NULL where there are not so many.
static void find_smallest(Reading *reading, Cursor **ret_first, Cursor **ret_second) {
    Cursor *first = NULL, *second = NULL;
    for (size_t i = 0; i < reading->cursor_count; i++) {
        Cursor *cursor = &reading->cursors[i];
        if (cursor->rows == 0)
            continue;
        if (first == NULL || compare_rows(cursor, cursor->row, first, first->row) < 0) {
            second = first;
            first = cursor;
        } else if (second == NULL || compare_rows(cursor, cursor->row, second, second->row) < 0) {
            second = cursor;
        }
    }
    *ret_first = first;
    *ret_second = second;
}

static int merge(Reading *reading, Builder *builder, KretsError *error) {
    for (;;) {
        Cursor *first = NULL, *second = NULL;
        find_smallest(reading, &first, &second);
        if (first == NULL)
            return 0;
        size_t end = second == NULL ? first->rows : first->row + 1;
        while (end < first->rows && compare_rows(first, end, second, second->row) < 0)
            end++;
        int r = store_builder_append(builder, first->result, first->row, end, error);
        first->row = end;
        if (r == 0 && end == first->rows)
            r = cursor_fetch(first, error);
        if (r != 0)
            return r;
    }
}

// --- reading ---

static int read_files(Reading *reading, bool keeps_all, const EventTable **ret_table,
                      KretsError *error) {
    uint64_t rows = 0;
    int r = check_columns(reading, error);
    for (size_t i = 0; r == 0 && i < reading->file_count; i++)
        r = count_file_rows(reading, reading->files[i], &rows, error);
    if (r < 0)
        return r;
    STORE_BUILDER_SCOPED builder = NULL;
    r = store_builder_new(reading->arena, reading->plan, rows, keeps_all, &builder, error);
    if (r == 0)
        r = reading->file_count <= READER_STREAMS_MAX ? open_streams(reading, error)
                                                      : open_sorted(reading, error);
    if (r == 0)
        r = merge(reading, builder, error);
    cursors_close(reading);
    if (r == 0)
        r = store_builder_finish(builder, ret_table, error);
    return r;
}

// The same as tables one after the other.
static int stream_files(Reading *reading, size_t memory_bytes, StoreSink sink, void *context,
                        KretsError *error) {
    int r = check_columns(reading, error);
    if (r < 0)
        return r;
    STORE_BUILDER_SCOPED builder = NULL;
    r = store_builder_new(reading->arena, reading->plan, BUILDER_TABLE_ROWS * 3 / 2, false,
                          &builder, error);
    if (r < 0)
        return r;
    store_builder_stream(builder, memory_bytes, sink, context);
    r = reading->file_count <= READER_STREAMS_MAX ? open_streams(reading, error)
                                                  : open_sorted(reading, error);
    if (r == 0)
        r = merge(reading, builder, error);
    cursors_close(reading);
    return r == 0 ? store_builder_flush(builder, error) : r;
}

static bool has_vanished(const Reading *reading) {
    for (size_t i = 0; i < reading->file_count; i++) {
        Str path =
            store_path(reading->scratch, reading->store, "%.*s", STR_ARG(reading->files[i]->path));
        if (access(path.data, F_OK) != 0)
            return true;
    }
    return false;
}

static int fail_changed(const Store *store, KretsError *error) {
    return base_error_set(error, BASE_E_STORE,
                          "%.*s was changed by another process while it was read: run again",
                          STR_ARG(store->directory));
}

// Another process may replace a source while we read. Before the first bucket its new state will
// do; later it would not fit what was read.
static int reload(Reading *reading, KretsError *error) {
    Store *store = reading->store;
    bool was_read = store->was_read;
    size_t bucket_count = store_bucket_count(store);
    int r = store_manifest_load(store, error);
    if (r < 0)
        return r;
    if (!was_read && store_bucket_count(store) == bucket_count)
        return 0;
    return fail_changed(store, error);
}

static int read_part(Reading *reading, const EventTable **ret_table, KretsError *error) {
    choose_files(reading);
    DB_DUCK_SCOPED duck = NULL;
    int r = db_duck_connect(reading->store->duck, &duck, error);
    if (r < 0)
        return r;
    reading->duck = duck;
    r = read_files(reading, false, ret_table, error);
    reading->duck = NULL;
    return r;
}

int store_read(Store *store, Arena *arena, const Plan *plan, size_t bucket,
               const EventTable **ret_table, KretsError *error) {
    BASE_ARENA_SCOPED scratch = base_arena_new(SIZE_MAX);
    Reading reading = {.store = store,
                       .plan = plan,
                       .arena = arena,
                       .scratch = scratch,
                       .bucket = bucket,
                       .bucket_count = store_bucket_count(store)};
    int r = read_part(&reading, ret_table, error);
    if (r < 0 && store->options.is_read_only && has_vanished(&reading)) {
        r = reload(&reading, error);
        if (r == 0)
            r = read_part(&reading, ret_table, error);
    }
    if (r == 0)
        store->was_read = true;
    return r;
}

int store_read_part(Store *store, Arena *arena, const Plan *plan, size_t part, size_t part_count,
                    const EventTable **ret_table, KretsError *error) {
    assert(part < part_count && part_count <= STORE_BUCKETS_MAX);
    assert((part_count & (part_count - 1)) == 0);
    BASE_ARENA_SCOPED scratch = base_arena_new(SIZE_MAX);
    Reading reading = {.store = store,
                       .plan = plan,
                       .arena = arena,
                       .scratch = scratch,
                       .bucket = part,
                       .bucket_count = part_count};
    int r = read_part(&reading, ret_table, error);
    if (r < 0 && store->options.is_read_only && has_vanished(&reading))
        return fail_changed(store, error);
    if (r == 0)
        store->was_read = true;
    return r;
}

int store_read_tables(Store *store, size_t memory_bytes, const Plan *plan, size_t part,
                      size_t part_count, StoreSink sink, void *context, KretsError *error) {
    assert(part < part_count && part_count <= STORE_BUCKETS_MAX);
    assert((part_count & (part_count - 1)) == 0);
    BASE_ARENA_SCOPED scratch = base_arena_new(SIZE_MAX);
    BASE_ARENA_SCOPED arena = base_arena_new(memory_bytes);
    DB_DUCK_SCOPED duck = NULL;
    int r = db_duck_connect(store->duck, &duck, error);
    if (r < 0)
        return r;
    Reading reading = {.store = store,
                       .duck = duck,
                       .plan = plan,
                       .arena = arena,
                       .scratch = scratch,
                       .bucket = part,
                       .bucket_count = part_count};
    choose_files(&reading);
    r = stream_files(&reading, memory_bytes, sink, context, error);
    if (r < 0 && store->options.is_read_only && has_vanished(&reading))
        return fail_changed(store, error);
    if (r == 0)
        store->was_read = true;
    return r;
}

uint64_t store_part_rows(const Store *store, size_t part, size_t part_count) {
    const Manifest *manifest = store->manifest;
    uint64_t rows = 0;
    for (size_t i = 0; i < manifest->file_count; i++) {
        const StoredFile *file = &manifest->files[i];
        if (!is_in_bucket(file, part_count, part))
            continue;
        uint64_t share = file->bucket_count < part_count ? part_count / file->bucket_count : 1;
        rows += file->row_count / share + 1;
    }
    return rows;
}

// --- one customer ---

static int read_one(Reading *reading, Str customer, const EventTable **ret_table,
                    KretsError *error) {
    BASE_TEXT_SCOPED where = {0};
    base_text_append(&where, STR(" where f.customer = "));
    db_sql_literal(&where, customer);
    BASE_TEXT_SCOPED sql = {0};
    base_text_append(&sql, STR("select count(*) from ("));
    append_rows(&sql, reading, reading->files, reading->file_count);
    base_text_printf(&sql, "%s)", where.data);
    DB_DUCK_RESULT_SCOPED counted = NULL;
    int r = db_duck_query(reading->duck, base_text_str(&sql), &counted, error);
    if (r == 0)
        r = db_duck_next(counted, error);
    if (r < 0)
        return r;
    uint64_t rows = (uint64_t)db_duck_value(counted, 0).integer;
    if (rows == 0)
        return 1;
    STORE_BUILDER_SCOPED builder = NULL;
    r = store_builder_new(reading->arena, reading->plan, rows, true, &builder, error);
    if (r < 0)
        return r;
    base_text_clear(&sql);
    append_rows(&sql, reading, reading->files, reading->file_count);
    base_text_printf(&sql, "%s order by f.customer, f.time, f.arrival", where.data);
    r = cursor_open(reading, base_text_str(&sql), error);
    if (r == 0)
        r = merge(reading, builder, error);
    cursors_close(reading);
    if (r == 0)
        r = store_builder_finish(builder, ret_table, error);
    return r;
}

int store_read_customer(Store *store, Arena *arena, const Plan *plan, Str customer,
                        const EventTable **ret_table, KretsError *error) {
    BASE_ARENA_SCOPED scratch = base_arena_new(SIZE_MAX);
    Reading reading = {.store = store, .plan = plan, .arena = arena, .scratch = scratch};
    // The finest count that any store has: every file's bucket follows from it.
    reading.bucket_count = STORE_BUCKETS_MAX;
    reading.bucket = store_customer_hash(customer) % STORE_BUCKETS_MAX;
    choose_files(&reading);
    if (reading.file_count == 0)
        return 1;
    DB_DUCK_SCOPED duck = NULL;
    int r = db_duck_connect(store->duck, &duck, error);
    if (r < 0)
        return r;
    reading.duck = duck;
    r = check_columns(&reading, error);
    if (r == 0)
        r = read_one(&reading, customer, ret_table, error);
    return r;
}
