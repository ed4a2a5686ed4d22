// DuckDB's names of types, read.
#include <string.h>
#include <strings.h>

#include "ingest/ingest_private.h"

bool type_is_struct(Str type) {
    return base_str_starts(type, STR("STRUCT(")) && base_str_ends(type, STR(")"));
}

bool type_is_list(Str type, Str *ret_item) {
    if (!base_str_ends(type, STR("]")))
        return false;
    size_t at = type.size_bytes - 1; // "[]" or "[3]"
    while (at > 0 && type.data[at] != '[')
        at--;
    *ret_item = (Str){type.data, at};
    return true;
}

// A name, quoted or not, at *at; quotes are taken off.
static Str read_name(Arena *arena, Str type, size_t *at) {
    BASE_TEXT_SCOPED name = {0};
    size_t i = *at;
    if (i < type.size_bytes && type.data[i] == '"') {
        for (i++; i < type.size_bytes; i++) {
            if (type.data[i] == '"' && (i + 1 >= type.size_bytes || type.data[i + 1] != '"'))
                break;
            i += type.data[i] == '"';
            base_text_append_char(&name, type.data[i]);
        }
        i++;
    } else {
        while (i < type.size_bytes && type.data[i] != ' ')
            base_text_append_char(&name, type.data[i++]);
    }
    *at = i;
    return base_arena_str(arena, base_text_str(&name));
}

// Offset of the comma or bracket that ends the type at `at`.
static size_t type_end(Str type, size_t at) {
    int depth = 0;
    bool is_quoted = false;
    for (; at < type.size_bytes; at++) {
        char c = type.data[at];
        if (c == '"')
            is_quoted = !is_quoted;
        if (is_quoted)
            continue;
        if (depth == 0 && (c == ',' || c == ')'))
            return at;
        depth += c == '(';
        depth -= c == ')';
    }
    return at;
}

size_t type_fields(Arena *arena, Str type, TypeField **ret_fields) {
    size_t count = 0, capacity = 8, at = sizeof("STRUCT(") - 1;
    TypeField *fields = base_arena_alloc_array(arena, capacity, sizeof(*fields));
    while (at < type.size_bytes && type.data[at] != ')') {
        if (count == capacity) {
            fields = base_arena_grow(arena, fields, count, capacity * 2, sizeof(*fields));
            capacity *= 2;
        }
        while (at < type.size_bytes && (type.data[at] == ' ' || type.data[at] == ','))
            at++;
        Str name = read_name(arena, type, &at);
        size_t end = type_end(type, at + 1);
        fields[count++] = (TypeField){
            .name = name,
            .type = base_str_trim((Str){type.data + at, end - at}),
        };
        at = end;
    }
    *ret_fields = fields;
    return count;
}

ValueType type_value(Str type) {
    static const struct {
        const char *name;
        ValueType type;
    } types[] = {
        {"BOOLEAN", VALUE_BOOLEAN},  {"TINYINT", VALUE_INTEGER},   {"SMALLINT", VALUE_INTEGER},
        {"INTEGER", VALUE_INTEGER},  {"BIGINT", VALUE_INTEGER},    {"HUGEINT", VALUE_INTEGER},
        {"UTINYINT", VALUE_INTEGER}, {"USMALLINT", VALUE_INTEGER}, {"UINTEGER", VALUE_INTEGER},
        {"UBIGINT", VALUE_INTEGER},  {"UHUGEINT", VALUE_INTEGER},  {"FLOAT", VALUE_NUMBER},
        {"DOUBLE", VALUE_NUMBER},    {"DATE", VALUE_DATE},         {"\"NULL\"", VALUE_NULL},
    };
    Str item;
    if (type_is_list(type, &item))
        return VALUE_LIST;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (base_str_equal(type, base_str_from(types[i].name)))
            return types[i].type;
    if (base_str_starts(type, STR("DECIMAL(")))
        return VALUE_DECIMAL;
    if (base_str_starts(type, STR("TIMESTAMP")))
        return VALUE_TIME;
    return VALUE_TEXT;
}

const char *type_duck(ValueType type) {
    switch (type) {
    case VALUE_BOOLEAN:
        return "BOOLEAN";
    case VALUE_INTEGER:
        return "BIGINT";
    case VALUE_DECIMAL:
        return "DECIMAL(18,4)";
    case VALUE_NUMBER:
        return "DOUBLE";
    case VALUE_TIME:
        return "TIMESTAMP WITH TIME ZONE";
    case VALUE_DATE:
        return "DATE";
    case VALUE_LIST:
        return "VARCHAR[]";
    default:
        return "VARCHAR";
    }
}
