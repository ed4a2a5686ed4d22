// The history as SQL.

#include "store/store_private.h"

static bool has_generation(const StoredFile *const *files, size_t count, int64_t generation) {
    for (size_t i = 0; i < count; i++) {
        if (files[i]->generation == generation)
            return true;
    }
    return false;
}

// A column that is in none of the files may not be named.
static bool is_in_files(const Manifest *manifest, const StoredFile *const *files, size_t count,
                        const StoredProperty *source) {
    for (size_t i = 0; i < manifest->property_count; i++) {
        const StoredProperty *property = &manifest->properties[i];
        if (base_str_equal(property->column, source->column) &&
            has_generation(files, count, property->generation))
            return true;
    }
    return false;
}

static void append_column(Text *out, const Manifest *manifest, const StoredFile *const *files,
                          size_t count, const ResolvedColumn *column) {
    BASE_TEXT_SCOPED list = {0};
    size_t found = 0;
    for (size_t i = 0; i < column->source_count; i++) {
        const StoredProperty *source = column->sources[i];
        if (!is_in_files(manifest, files, count, source))
            continue;
        BASE_TEXT_SCOPED read = {0};
        store_column_read_sql(&read, source);
        if (found++ > 0)
            base_text_append(&list, STR(", "));
        store_widen_sql(&list, base_text_str(&read), source->type, column->type);
    }
    base_text_append(out, STR(",\n  "));
    if (found == 0)
        base_text_printf(out, "cast(null as %s)", store_type_sql(column->type));
    else
        base_text_printf(out, found > 1 ? "coalesce(%s)" : "%s", list.data);
    base_text_append(out, STR(" as "));
    db_sql_identifier(out, column->column);
}

static void append_from(Text *out, const Store *store, const StoredFile *const *files,
                        size_t count) {
    if (count == 0) {
        base_text_append(out, STR("\nfrom (select 1) h where false"));
        return;
    }
    bool is_one_import = true;
    base_text_append(out, STR("\nfrom read_parquet(["));
    for (size_t i = 0; i < count; i++) {
        BASE_TEXT_SCOPED path = {0};
        base_text_printf(&path, "%.*s/%.*s", STR_ARG(store->directory), STR_ARG(files[i]->path));
        if (i > 0)
            base_text_append(out, STR(", "));
        db_sql_literal(out, base_text_str(&path));
        is_one_import &= files[i]->generation == files[0]->generation;
    }
    base_text_printf(out, "], hive_partitioning = false%s) h",
                     is_one_import ? "" : ", union_by_name = true");
}

static bool is_wanted(Str column, const Str *columns, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (base_str_equal(columns[i], column))
            return true;
    }
    return false;
}

void store_files_sql(Text *out, const Store *store, const StoredFile *const *files, size_t count,
                     const Str *columns, size_t column_count) {
    const Manifest *manifest = store->manifest;
    if (count == 0)
        base_text_append(out, STR("select cast(null as varchar) as customer,"
                                  " cast(null as timestamptz) as time,"
                                  " cast(null as bigint) as arrival,"
                                  " cast(null as varchar) as event,"
                                  " cast(null as varchar) as message_id"));
    else
        base_text_append(out, STR("select h.customer, h.time, h.arrival, h.event, h.message_id"));
    for (size_t i = 0; i < manifest->column_count; i++) {
        const ResolvedColumn *column = &manifest->columns[i];
        if (columns == NULL || is_wanted(column->column, columns, column_count))
            append_column(out, manifest, files, count, column);
    }
    append_from(out, store, files, count);
}

int store_history_sql(Store *store, Arena *arena, Text *out, KretsError *error) {
    (void)error;
    const Manifest *manifest = store->manifest;
    const StoredFile **files =
        base_arena_alloc_array(arena, manifest->file_count + 1, sizeof(*files));
    for (size_t i = 0; i < manifest->file_count; i++)
        files[i] = &manifest->files[i];
    store_files_sql(out, store, files, manifest->file_count, NULL, 0);
    return 0;
}

uint64_t store_event_count(Store *store) {
    return store->manifest->row_count;
}
