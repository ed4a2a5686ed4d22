#include "db/duck_table.h"

#include <assert.h>
#include <string.h>

#include "db/duck_private.h"

static const char *column_type(ValueType type) {
    switch (type) {
    case VALUE_BOOLEAN:
        return "BOOLEAN";
    case VALUE_INTEGER:
    case VALUE_DURATION:
        return "BIGINT";
    case VALUE_DECIMAL:
        return "DECIMAL(18,4)";
    case VALUE_NUMBER:
        return "DOUBLE";
    case VALUE_TIME:
        return "TIMESTAMPTZ";
    case VALUE_DATE:
        return "DATE";
    case VALUE_LIST:
        return "VARCHAR[]";
    default:
        return "VARCHAR";
    }
}

static size_t fixed_size(ValueType type) {
    return type == VALUE_BOOLEAN ? 1 : type == VALUE_DATE ? 4 : 8;
}

static void fill_validity(duckdb_vector vector, const TableColumn *column, size_t begin,
                          size_t count) {
    bool is_all_null = column->type == VALUE_NULL;
    if (!column->valid && !is_all_null)
        return;
    duckdb_vector_ensure_validity_writable(vector);
    uint64_t *validity = duckdb_vector_get_validity(vector);
    for (size_t i = 0; i < count; i++)
        duckdb_validity_set_row_validity(validity, i, !is_all_null && column->valid[begin + i]);
}

static void fill_texts(duckdb_vector vector, const TableColumn *column, size_t begin,
                       size_t count) {
    const Str *texts = column->values;
    for (size_t i = 0; i < count; i++) {
        Str text = texts[begin + i];
        if (!column->valid || column->valid[begin + i])
            duckdb_vector_assign_string_element_len(vector, i, text.data ? text.data : "",
                                                    text.size_bytes);
    }
}

static void fill_lists(duckdb_vector vector, const TableColumn *column, size_t begin,
                       size_t count) {
    const TableList *lists = column->values;
    duckdb_list_entry *entries = duckdb_vector_get_data(vector);
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += !column->valid || column->valid[begin + i] ? lists[begin + i].count : 0;
    duckdb_list_vector_reserve(vector, total);
    duckdb_list_vector_set_size(vector, total);
    duckdb_vector items = duckdb_list_vector_get_child(vector);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_valid = !column->valid || column->valid[begin + i];
        size_t length = is_valid ? lists[begin + i].count : 0;
        entries[i] = (duckdb_list_entry){.offset = at, .length = length};
        for (size_t k = 0; k < length; k++, at++) {
            Str item = lists[begin + i].items[k];
            duckdb_vector_assign_string_element_len(items, at, item.data ? item.data : "",
                                                    item.size_bytes);
        }
    }
    assert(at == total);
}

static void fill_vector(duckdb_vector vector, const TableColumn *column, size_t begin,
                        size_t count) {
    fill_validity(vector, column, begin, count);
    if (column->type == VALUE_NULL)
        return;
    if (column->type == VALUE_TEXT)
        fill_texts(vector, column, begin, count);
    else if (column->type == VALUE_LIST)
        fill_lists(vector, column, begin, count);
    else
        memcpy(duckdb_vector_get_data(vector),
               (const char *)column->values + begin * fixed_size(column->type),
               count * fixed_size(column->type));
}

static int create(Duck *duck, Str name, const DuckTableColumn *columns, size_t column_count,
                  KretsError *error) {
    BASE_TEXT_SCOPED sql = {0};
    base_text_append(&sql, STR("create or replace temp table "));
    db_sql_identifier(&sql, name);
    for (size_t c = 0; c < column_count; c++) {
        base_text_append(&sql, c ? STR(", ") : STR(" ("));
        db_sql_identifier(&sql, columns[c].name);
        base_text_printf(&sql, " %s", column_type(columns[c].column.type));
    }
    base_text_append(&sql, STR(")"));
    return db_duck_run(duck, error, "%s", sql.data);
}

static int append_rows(duckdb_appender appender, const DuckTableColumn *columns,
                       size_t column_count, size_t row_count, KretsError *error) {
    idx_t chunk_max = duckdb_vector_size();
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    duckdb_logical_type *types = base_arena_alloc_array(arena, column_count, sizeof *types);
    for (size_t c = 0; c < column_count; c++)
        types[c] = duckdb_appender_column_type(appender, c);
    duckdb_data_chunk chunk = duckdb_create_data_chunk(types, column_count);
    bool is_fine = true;
    for (size_t begin = 0; is_fine && begin < row_count; begin += chunk_max) {
        size_t count = row_count - begin < chunk_max ? row_count - begin : chunk_max;
        duckdb_data_chunk_reset(chunk);
        for (size_t c = 0; c < column_count; c++)
            fill_vector(duckdb_data_chunk_get_vector(chunk, c), &columns[c].column, begin, count);
        duckdb_data_chunk_set_size(chunk, count);
        is_fine = duckdb_append_data_chunk(appender, chunk) == DuckDBSuccess;
    }
    is_fine = is_fine && duckdb_appender_close(appender) == DuckDBSuccess;
    duckdb_destroy_data_chunk(&chunk);
    for (size_t c = 0; c < column_count; c++)
        duckdb_destroy_logical_type(&types[c]);
    if (is_fine)
        return 0;
    const char *message = duckdb_appender_error(appender);
    return base_error_set(error, BASE_E_RESOURCES, "could not fill a table of %zu rows: %s",
                          row_count, message ? message : "no reason given");
}

int db_duck_table_create(Duck *duck, Str name, const DuckTableColumn *columns, size_t column_count,
                         size_t row_count, KretsError *error) {
    assert(column_count > 0);
    int r = create(duck, name, columns, column_count, error);
    if (r < 0)
        return r;
    BASE_TEXT_SCOPED table = {0};
    base_text_append(&table, name);
    duckdb_appender appender = NULL;
    if (duckdb_appender_create(duck_connection(duck), NULL, table.data, &appender) !=
        DuckDBSuccess) {
        r = base_error_set(error, BASE_E_STORE, "could not write to the table %s", table.data);
    } else {
        r = append_rows(appender, columns, column_count, row_count, error);
    }
    duckdb_appender_destroy(&appender);
    return r;
}
