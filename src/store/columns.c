// The forms that a value takes: in a column of its own, in the JSON column, and widened.

#include <strings.h>

#include "store/store_private.h"

static const char *const type_sql[VALUE_TYPE_COUNT] = {
    [VALUE_BOOLEAN] = "BOOLEAN", [VALUE_INTEGER] = "BIGINT", [VALUE_DECIMAL] = "DECIMAL(18,4)",
    [VALUE_NUMBER] = "DOUBLE",   [VALUE_TEXT] = "VARCHAR",   [VALUE_TIME] = "TIMESTAMPTZ",
    [VALUE_DATE] = "DATE",       [VALUE_LIST] = "VARCHAR[]",
};

const char *store_type_sql(ValueType type) {
    return type_sql[type];
}

bool store_column_is_core(Str name) {
    // "bucket" is what readers of Hive folders make of the folder's name.
    static const char *const core[] = {"customer",   "time",   "arrival",        "event",
                                       "message_id", "bucket", STORE_MORE_COLUMN};
    for (size_t i = 0; i < sizeof(core) / sizeof(core[0]); i++) {
        Str word = base_str_from(core[i]);
        if (word.size_bytes == name.size_bytes &&
            strncasecmp(word.data, name.data, name.size_bytes) == 0)
            return true;
    }
    return false;
}

ValueType store_type_widen(ValueType a, ValueType b) {
    if (a == b || b == VALUE_NULL)
        return a;
    if (a == VALUE_NULL)
        return b;
    bool is_numeric =
        a >= VALUE_INTEGER && a <= VALUE_NUMBER && b >= VALUE_INTEGER && b <= VALUE_NUMBER;
    _Static_assert(VALUE_INTEGER < VALUE_DECIMAL && VALUE_DECIMAL < VALUE_NUMBER,
                   "numeric types are in the order of widening");
    if (is_numeric)
        return a > b ? a : b;
    return VALUE_TEXT;
}

// JSON pointer (RFC 6901) to a member of the JSON column.
static void append_pointer(Text *out, Str column) {
    BASE_TEXT_SCOPED pointer = {0};
    base_text_append_char(&pointer, '/');
    for (size_t i = 0; i < column.size_bytes; i++) {
        char c = column.data[i];
        if (c == '~' || c == '/')
            base_text_append(&pointer, c == '~' ? STR("~0") : STR("~1"));
        else
            base_text_append_char(&pointer, c);
    }
    db_sql_literal(out, base_text_str(&pointer));
}

// In the JSON column every value is a text that gives the value back exactly.
void store_more_write_sql(Text *out, Str expression, ValueType type) {
    const char *function = type == VALUE_TIME ? "epoch_us" : type == VALUE_LIST ? "to_json" : "";
    base_text_printf(out, "cast(%s(%.*s) as varchar)", function, STR_ARG(expression));
}

void store_column_read_sql(Text *out, const StoredProperty *property) {
    if (!property->is_more) {
        base_text_append(out, STR("h."));
        db_sql_identifier(out, property->column);
        return;
    }
    BASE_TEXT_SCOPED text = {0};
    base_text_append(&text, STR("json_extract_string(h." STORE_MORE_COLUMN ", "));
    append_pointer(&text, property->column);
    base_text_append_char(&text, ')');
    if (property->type == VALUE_TIME)
        base_text_printf(out, "timezone('UTC', make_timestamp(cast(%s as bigint)))", text.data);
    else if (property->type == VALUE_LIST)
        base_text_printf(out, "cast(cast(%s as json) as varchar[])", text.data);
    else
        base_text_printf(out, "cast(%s as %s)", text.data, store_type_sql(property->type));
}

// The same text as for people: 12.5, 17850, 2026-01-31T12:00:00Z, true, a; b.
static void append_as_text(Text *out, Str e, ValueType from) {
    switch (from) {
    case VALUE_DECIMAL:
        base_text_printf(out, "rtrim(rtrim(cast(%.*s as varchar), '0'), '.')", STR_ARG(e));
        return;
    case VALUE_NUMBER:
        base_text_printf(out, "regexp_replace(cast(%.*s as varchar), '\\.0$', '')", STR_ARG(e));
        return;
    case VALUE_TIME:
        base_text_printf(out,
                         "regexp_replace(strftime(make_timestamp(epoch_us(%.*s)), "
                         "'%%Y-%%m-%%dT%%H:%%M:%%S.%%f'), '\\.?0*$', '') || 'Z'",
                         STR_ARG(e));
        return;
    case VALUE_LIST:
        base_text_printf(out, "array_to_string(%.*s, '; ')", STR_ARG(e));
        return;
    default:
        base_text_printf(out, "cast(%.*s as varchar)", STR_ARG(e));
        return;
    }
}

void store_widen_sql(Text *out, Str expression, ValueType from, ValueType to) {
    if (from == to)
        base_text_append(out, expression);
    else if (to == VALUE_TEXT)
        append_as_text(out, expression, from);
    else // an integer of 10^14 or more is no decimal
        base_text_printf(out, "try_cast(%.*s as %s)", STR_ARG(expression), store_type_sql(to));
}
