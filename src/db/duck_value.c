// Values and type names of DuckDB's vectors.

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "db/duck_private.h"

// --- names of types ---

static const char *const type_names[] = {
    [DUCKDB_TYPE_BOOLEAN] = "BOOLEAN",
    [DUCKDB_TYPE_TINYINT] = "TINYINT",
    [DUCKDB_TYPE_SMALLINT] = "SMALLINT",
    [DUCKDB_TYPE_INTEGER] = "INTEGER",
    [DUCKDB_TYPE_BIGINT] = "BIGINT",
    [DUCKDB_TYPE_UTINYINT] = "UTINYINT",
    [DUCKDB_TYPE_USMALLINT] = "USMALLINT",
    [DUCKDB_TYPE_UINTEGER] = "UINTEGER",
    [DUCKDB_TYPE_UBIGINT] = "UBIGINT",
    [DUCKDB_TYPE_FLOAT] = "FLOAT",
    [DUCKDB_TYPE_DOUBLE] = "DOUBLE",
    [DUCKDB_TYPE_TIMESTAMP] = "TIMESTAMP",
    [DUCKDB_TYPE_DATE] = "DATE",
    [DUCKDB_TYPE_TIME] = "TIME",
    [DUCKDB_TYPE_INTERVAL] = "INTERVAL",
    [DUCKDB_TYPE_HUGEINT] = "HUGEINT",
    [DUCKDB_TYPE_UHUGEINT] = "UHUGEINT",
    [DUCKDB_TYPE_VARCHAR] = "VARCHAR",
    [DUCKDB_TYPE_BLOB] = "BLOB",
    [DUCKDB_TYPE_TIMESTAMP_S] = "TIMESTAMP_S",
    [DUCKDB_TYPE_TIMESTAMP_MS] = "TIMESTAMP_MS",
    [DUCKDB_TYPE_TIMESTAMP_NS] = "TIMESTAMP_NS",
    [DUCKDB_TYPE_ENUM] = "ENUM",
    [DUCKDB_TYPE_UUID] = "UUID",
    [DUCKDB_TYPE_UNION] = "UNION",
    [DUCKDB_TYPE_BIT] = "BIT",
    [DUCKDB_TYPE_TIME_TZ] = "TIME WITH TIME ZONE",
    [DUCKDB_TYPE_TIMESTAMP_TZ] = "TIMESTAMP WITH TIME ZONE",
    [DUCKDB_TYPE_SQLNULL] = "\"NULL\"",
    [DUCKDB_TYPE_BIGNUM] = "BIGNUM",
    [DUCKDB_TYPE_TIME_NS] = "TIME_NS",
};

static void append_child_type(Text *out, duckdb_logical_type child) {
    duck_type_name(out, child);
    duckdb_destroy_logical_type(&child);
}

static void append_struct_type(Text *out, duckdb_logical_type type) {
    base_text_append(out, STR("STRUCT("));
    uint64_t count = duckdb_struct_type_child_count(type);
    for (uint64_t i = 0; i < count; i++) {
        char *name = duckdb_struct_type_child_name(type, i);
        if (i > 0)
            base_text_append(out, STR(", "));
        db_sql_identifier(out, base_str_from(name));
        duckdb_free(name);
        base_text_append_char(out, ' ');
        append_child_type(out, duckdb_struct_type_child_type(type, i));
    }
    base_text_append_char(out, ')');
}

void duck_type_name(Text *out, duckdb_logical_type type) {
    duckdb_type id = duckdb_get_type_id(type);
    switch (id) {
    case DUCKDB_TYPE_DECIMAL:
        base_text_printf(out, "DECIMAL(%u,%u)", (unsigned)duckdb_decimal_width(type),
                         (unsigned)duckdb_decimal_scale(type));
        return;
    case DUCKDB_TYPE_LIST:
        append_child_type(out, duckdb_list_type_child_type(type));
        base_text_append(out, STR("[]"));
        return;
    case DUCKDB_TYPE_ARRAY:
        append_child_type(out, duckdb_array_type_child_type(type));
        base_text_printf(out, "[%" PRIu64 "]", (uint64_t)duckdb_array_type_array_size(type));
        return;
    case DUCKDB_TYPE_MAP:
        base_text_append(out, STR("MAP("));
        append_child_type(out, duckdb_map_type_key_type(type));
        base_text_append(out, STR(", "));
        append_child_type(out, duckdb_map_type_value_type(type));
        base_text_append_char(out, ')');
        return;
    case DUCKDB_TYPE_STRUCT:
        append_struct_type(out, type);
        return;
    default:
        break;
    }
    size_t known = sizeof(type_names) / sizeof(type_names[0]);
    const char *name = (size_t)id < known ? type_names[id] : NULL;
    base_text_append(out, base_str_from(name != NULL ? name : "UNKNOWN"));
}

// --- numbers ---

typedef __int128 Wide;

static Wide huge_wide(duckdb_hugeint huge) {
    return (Wide)((unsigned __int128)(uint64_t)huge.upper << 64 | huge.lower);
}

// Reads the integer, of whatever width, behind an integer or decimal column.
static bool read_integer(duckdb_type type, const void *data, size_t row, Wide *ret_integer) {
    switch (type) {
    case DUCKDB_TYPE_TINYINT:
        *ret_integer = ((const int8_t *)data)[row];
        return true;
    case DUCKDB_TYPE_SMALLINT:
        *ret_integer = ((const int16_t *)data)[row];
        return true;
    case DUCKDB_TYPE_INTEGER:
        *ret_integer = ((const int32_t *)data)[row];
        return true;
    case DUCKDB_TYPE_BIGINT:
        *ret_integer = ((const int64_t *)data)[row];
        return true;
    case DUCKDB_TYPE_UTINYINT:
        *ret_integer = ((const uint8_t *)data)[row];
        return true;
    case DUCKDB_TYPE_USMALLINT:
        *ret_integer = ((const uint16_t *)data)[row];
        return true;
    case DUCKDB_TYPE_UINTEGER:
        *ret_integer = ((const uint32_t *)data)[row];
        return true;
    case DUCKDB_TYPE_UBIGINT:
        *ret_integer = (Wide)((const uint64_t *)data)[row];
        return true;
    case DUCKDB_TYPE_HUGEINT:
        *ret_integer = huge_wide(((const duckdb_hugeint *)data)[row]);
        return true;
    default:
        return false;
    }
}

static Value integer_value(Wide integer) {
    if (integer >= INT64_MIN && integer <= INT64_MAX)
        return (Value){.type = VALUE_INTEGER, .integer = (int64_t)integer};
    return (Value){.type = VALUE_NUMBER, .number = (double)integer};
}

static Value decimal_value(duckdb_logical_type type, const void *data, size_t row) {
    Wide mantissa = 0;
    read_integer(duckdb_decimal_internal_type(type), data, row, &mantissa);
    unsigned scale = duckdb_decimal_scale(type);
    if (scale <= 4) {
        int64_t factor = 1;
        for (unsigned i = scale; i < 4; i++)
            factor *= 10;
        Wide bound = VALUE_DECIMAL_LIMIT / factor;
        if (mantissa < bound && mantissa > -bound)
            return (Value){.type = VALUE_DECIMAL, .decimal = (int64_t)mantissa * factor};
    }
    double number = (double)mantissa, divisor = 1;
    for (unsigned i = 0; i < scale; i++)
        divisor *= 10;
    return (Value){.type = VALUE_NUMBER, .number = number / divisor};
}

// --- times ---

static Value time_value(int64_t time_us) {
    return (Value){.type = VALUE_TIME, .time_us = time_us};
}

static int64_t floor_divide(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

static bool read_time(duckdb_type type, const void *data, size_t row, Value *ret_value) {
    switch (type) {
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
        *ret_value = time_value(((const int64_t *)data)[row]);
        return true;
    case DUCKDB_TYPE_TIMESTAMP_S:
        *ret_value = time_value(((const int64_t *)data)[row] * 1000000);
        return true;
    case DUCKDB_TYPE_TIMESTAMP_MS:
        *ret_value = time_value(((const int64_t *)data)[row] * 1000);
        return true;
    case DUCKDB_TYPE_TIMESTAMP_NS:
        *ret_value = time_value(floor_divide(((const int64_t *)data)[row], 1000));
        return true;
    case DUCKDB_TYPE_DATE:
        *ret_value = (Value){.type = VALUE_DATE, .date = ((const int32_t *)data)[row]};
        return true;
    default:
        return false;
    }
}

// --- everything else as text ---

static Str string_text(duckdb_string_t *string) {
    return (Str){duckdb_string_t_data(string), duckdb_string_t_length(*string)};
}

static bool is_valid(duckdb_vector vector, size_t row) {
    const uint64_t *validity = duckdb_vector_get_validity(vector);
    return validity == NULL || (validity[row / 64] >> (row % 64) & 1) != 0;
}

static void append_element(Text *out, duckdb_vector vector, duckdb_logical_type type, size_t row,
                           Arena *arena) {
    if (!is_valid(vector, row)) {
        base_text_append(out, STR("NULL"));
        return;
    }
    data_value_format(out, duck_vector_value(vector, type, row, arena));
}

static void append_items(Text *out, duckdb_vector items, duckdb_logical_type type, size_t first,
                         size_t count, Arena *arena) {
    base_text_append_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            base_text_append(out, STR(", "));
        append_element(out, items, type, first + i, arena);
    }
    base_text_append_char(out, ']');
}

static void append_struct(Text *out, duckdb_vector vector, duckdb_logical_type type, size_t row,
                          Arena *arena) {
    uint64_t count = duckdb_struct_type_child_count(type);
    base_text_append_char(out, '{');
    for (uint64_t i = 0; i < count; i++) {
        char *name = duckdb_struct_type_child_name(type, i);
        duckdb_logical_type child = duckdb_struct_type_child_type(type, i);
        base_text_printf(out, "%s'%s': ", i > 0 ? ", " : "", name);
        append_element(out, duckdb_struct_vector_get_child(vector, i), child, row, arena);
        duckdb_destroy_logical_type(&child);
        duckdb_free(name);
    }
    base_text_append_char(out, '}');
}

static void append_list(Text *out, duckdb_vector vector, duckdb_logical_type type, size_t row,
                        Arena *arena) {
    const duckdb_list_entry entry = ((duckdb_list_entry *)duckdb_vector_get_data(vector))[row];
    duckdb_logical_type child = duckdb_list_type_child_type(type);
    append_items(out, duckdb_list_vector_get_child(vector), child, (size_t)entry.offset,
                 (size_t)entry.length, arena);
    duckdb_destroy_logical_type(&child);
}

static void append_array(Text *out, duckdb_vector vector, duckdb_logical_type type, size_t row,
                         Arena *arena) {
    size_t size = (size_t)duckdb_array_type_array_size(type);
    duckdb_logical_type child = duckdb_array_type_child_type(type);
    append_items(out, duckdb_array_vector_get_child(vector), child, row * size, size, arena);
    duckdb_destroy_logical_type(&child);
}

// A map is a list of structs (key, value) whose vector type DuckDB gives itself.
static void append_map(Text *out, duckdb_vector vector, size_t row, Arena *arena) {
    const duckdb_list_entry entry = ((duckdb_list_entry *)duckdb_vector_get_data(vector))[row];
    duckdb_vector entries = duckdb_list_vector_get_child(vector);
    duckdb_logical_type child = duckdb_vector_get_column_type(entries);
    append_items(out, entries, child, (size_t)entry.offset, (size_t)entry.length, arena);
    duckdb_destroy_logical_type(&child);
}

static void append_enum(Text *out, duckdb_logical_type type, const void *data, size_t row) {
    Wide index = 0;
    read_integer(duckdb_enum_internal_type(type), data, row, &index);
    char *name = duckdb_enum_dictionary_value(type, (uint64_t)index);
    base_text_append(out, base_str_from(name));
    duckdb_free(name);
}

static void append_clock(Text *out, int64_t us) {
    int64_t s = us / 1000000;
    base_text_printf(out, "%02" PRId64 ":%02" PRId64 ":%02" PRId64, s / 3600, s / 60 % 60, s % 60);
    if (us % 1000000 != 0)
        base_text_printf(out, ".%06" PRId64, us % 1000000);
}

// DuckDB keeps UUIDs as signed integers with the top bit flipped, so that they sort.
static void append_uuid(Text *out, duckdb_hugeint huge) {
    uint64_t high = (uint64_t)huge.upper ^ (UINT64_C(1) << 63);
    base_text_printf(out, "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
                     high >> 32, high >> 16 & 0xffff, high & 0xffff, huge.lower >> 48,
                     huge.lower & UINT64_C(0xffffffffffff));
}

static void append_blob(Text *out, Str bytes) {
    for (size_t i = 0; i < bytes.size_bytes; i++)
        base_text_printf(out, "\\x%02X", (unsigned)(unsigned char)bytes.data[i]);
}

static void append_interval(Text *out, duckdb_interval interval) {
    base_text_printf(out, "%d months %d days %" PRId64 " us", interval.months, interval.days,
                     interval.micros);
}

static Value other_value(duckdb_vector vector, duckdb_logical_type type, size_t row, Arena *arena) {
    BASE_TEXT_SCOPED text = {0};
    void *data = duckdb_vector_get_data(vector);
    switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_ENUM:
        append_enum(&text, type, data, row);
        break;
    case DUCKDB_TYPE_STRUCT:
        append_struct(&text, vector, type, row, arena);
        break;
    case DUCKDB_TYPE_LIST:
        append_list(&text, vector, type, row, arena);
        break;
    case DUCKDB_TYPE_ARRAY:
        append_array(&text, vector, type, row, arena);
        break;
    case DUCKDB_TYPE_MAP:
        append_map(&text, vector, row, arena);
        break;
    case DUCKDB_TYPE_TIME:
        append_clock(&text, ((int64_t *)data)[row]);
        break;
    case DUCKDB_TYPE_UUID:
        append_uuid(&text, ((duckdb_hugeint *)data)[row]);
        break;
    case DUCKDB_TYPE_INTERVAL:
        append_interval(&text, ((duckdb_interval *)data)[row]);
        break;
    case DUCKDB_TYPE_BLOB:
        append_blob(&text, string_text(&((duckdb_string_t *)data)[row]));
        break;
    default:
        base_text_append(&text, STR("("));
        duck_type_name(&text, type);
        base_text_append(&text, STR(" value: cast it to varchar)"));
        break;
    }
    return (Value){.type = VALUE_TEXT, .text = base_arena_str(arena, base_text_str(&text))};
}

static bool is_text_list(duckdb_logical_type type) {
    if (duckdb_get_type_id(type) != DUCKDB_TYPE_LIST)
        return false;
    duckdb_logical_type child = duckdb_list_type_child_type(type);
    bool is_text = duckdb_get_type_id(child) == DUCKDB_TYPE_VARCHAR;
    duckdb_destroy_logical_type(&child);
    return is_text;
}

// Null items are left out.
static Value list_value(duckdb_vector vector, size_t row, Arena *arena) {
    const duckdb_list_entry entry = ((duckdb_list_entry *)duckdb_vector_get_data(vector))[row];
    duckdb_vector child = duckdb_list_vector_get_child(vector);
    duckdb_string_t *strings = duckdb_vector_get_data(child);
    Str *items = base_arena_alloc_array(arena, (size_t)entry.length, sizeof(*items));
    size_t count = 0;
    for (size_t i = (size_t)entry.offset; i < entry.offset + entry.length; i++) {
        if (is_valid(child, i))
            items[count++] = string_text(&strings[i]);
    }
    return (Value){.type = VALUE_LIST, .list = {items, count}};
}

static ValueType null_type(duckdb_logical_type type) {
    switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_BOOLEAN:
        return VALUE_BOOLEAN;
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
        return VALUE_INTEGER;
    case DUCKDB_TYPE_DECIMAL:
        return duckdb_decimal_scale(type) <= 4 ? VALUE_DECIMAL : VALUE_NUMBER;
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
        return VALUE_NUMBER;
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
        return VALUE_TIME;
    case DUCKDB_TYPE_DATE:
        return VALUE_DATE;
    case DUCKDB_TYPE_SQLNULL:
        return VALUE_NULL;
    default:
        return is_text_list(type) ? VALUE_LIST : VALUE_TEXT;
    }
}

Value duck_vector_value(duckdb_vector vector, duckdb_logical_type type, size_t row, Arena *arena) {
    if (!is_valid(vector, row))
        return data_value_null(null_type(type));
    void *data = duckdb_vector_get_data(vector);
    duckdb_type id = duckdb_get_type_id(type);
    Wide integer = 0;
    Value value;
    if (read_integer(id, data, row, &integer))
        return integer_value(integer);
    if (read_time(id, data, row, &value))
        return value;
    switch (id) {
    case DUCKDB_TYPE_BOOLEAN:
        return (Value){.type = VALUE_BOOLEAN, .boolean = ((bool *)data)[row]};
    case DUCKDB_TYPE_DECIMAL:
        return decimal_value(type, data, row);
    case DUCKDB_TYPE_FLOAT:
        return (Value){.type = VALUE_NUMBER, .number = (double)((float *)data)[row]};
    case DUCKDB_TYPE_DOUBLE:
        return (Value){.type = VALUE_NUMBER, .number = ((double *)data)[row]};
    case DUCKDB_TYPE_VARCHAR:
        return (Value){.type = VALUE_TEXT, .text = string_text(&((duckdb_string_t *)data)[row])};
    default:
        return is_text_list(type) ? list_value(vector, row, arena)
                                  : other_value(vector, type, row, arena);
    }
}
