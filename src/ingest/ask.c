// Small questions to DuckDB, and notes about the data.
#include <string.h>

#include "ingest/ingest_private.h"

Str stage_text(Stage *stage, const Text *text) {
    return base_arena_str(stage->arena, base_text_str(text));
}

Str stage_identifier(Stage *stage, Str name) {
    BASE_TEXT_SCOPED text = {0};
    db_sql_identifier(&text, name);
    return stage_text(stage, &text);
}

Str stage_literal(Stage *stage, Str literal) {
    BASE_TEXT_SCOPED text = {0};
    db_sql_literal(&text, literal);
    return stage_text(stage, &text);
}

const char *stage_source(const Stage *stage) {
    return base_arena_printf(stage->arena, "source %.*s", STR_ARG(stage->source->key)).data;
}

Str stage_value_text(Stage *stage, Value value) {
    BASE_TEXT_SCOPED text = {0};
    data_value_format(&text, value);
    return stage_text(stage, &text);
}

int stage_run(Stage *stage, Str sql) {
    DB_DUCK_RESULT_SCOPED result = NULL;
    return db_duck_query(stage->duck, sql, &result, stage->error);
}

static Value copy_value(Stage *stage, Value value) {
    if (!value.is_null && value.type == VALUE_TEXT)
        value.text = base_arena_str(stage->arena, value.text);
    if (value.is_null || value.type != VALUE_LIST)
        return value;
    Str *items = base_arena_alloc_array(stage->arena, value.list.count + 1, sizeof(*items));
    for (size_t i = 0; i < value.list.count; i++)
        items[i] = base_arena_str(stage->arena, value.list.items[i]);
    value.list.items = items;
    return value;
}

int stage_ask(Stage *stage, Str sql, size_t count, Value *ret_values) {
    DB_DUCK_RESULT_SCOPED result = NULL;
    int r = db_duck_query(stage->duck, sql, &result, stage->error);
    if (r < 0)
        return r;
    r = db_duck_next(result, stage->error);
    if (r <= 0)
        return r < 0 ? r : 1;
    for (size_t i = 0; i < count; i++)
        ret_values[i] = copy_value(stage, db_duck_value(result, i));
    return 0;
}

int stage_ask_count(Stage *stage, Str sql, uint64_t *ret_count) {
    Value value = {0};
    int r = stage_ask(stage, sql, 1, &value);
    if (r < 0)
        return r;
    *ret_count = 0;
    if (r == 0 && !value.is_null && value.type == VALUE_INTEGER && value.integer > 0)
        *ret_count = (uint64_t)value.integer;
    return 0;
}

int stage_shape(Stage *stage, Str sql, Shape *ret_shape) {
    DB_DUCK_RESULT_SCOPED result = NULL;
    Str limited = stage_printf(stage, "select * from (%.*s) krets_shape limit 0", STR_ARG(sql));
    int r = db_duck_query(stage->duck, limited, &result, stage->error);
    if (r < 0)
        return r;
    Shape shape = {.count = db_duck_column_count(result)};
    shape.names = base_arena_alloc_array(stage->arena, shape.count + 1, sizeof(Str));
    shape.types = base_arena_alloc_array(stage->arena, shape.count + 1, sizeof(Str));
    for (size_t i = 0; i < shape.count; i++) {
        shape.names[i] = base_arena_str(stage->arena, db_duck_column_name(result, i));
        shape.types[i] = base_arena_str(stage->arena, db_duck_column_type(result, i));
    }
    *ret_shape = shape;
    return 0;
}

// --- findings ---

Finding *findings_add(Stage *stage, Findings *findings, Str reason, Str subject, uint64_t count) {
    if (findings->count == findings->capacity) {
        size_t capacity = findings->capacity == 0 ? 16 : findings->capacity * 2;
        findings->items = base_arena_grow(stage->arena, findings->items, findings->count, capacity,
                                          sizeof(Finding));
        findings->capacity = capacity;
    }
    Finding *finding = &findings->items[findings->count++];
    *finding = (Finding){.reason = reason, .subject = subject, .count = count};
    return finding;
}

int finding_examples(Stage *stage, Finding *finding, Str sql) {
    DB_DUCK_RESULT_SCOPED result = NULL;
    int r = db_duck_query(stage->duck, sql, &result, stage->error);
    if (r < 0)
        return r;
    finding->examples =
        base_arena_alloc_array(stage->arena, EXAMPLES_MAX, sizeof(*finding->examples));
    while (finding->example_count < EXAMPLES_MAX && (r = db_duck_next(result, stage->error)) > 0) {
        Value row = db_duck_value(result, 0), value = db_duck_value(result, 1);
        finding->examples[finding->example_count++] = (Example){
            .row = row.is_null ? UINT64_MAX : (uint64_t)row.integer,
            .value = stage_value_text(stage, value),
            .has_value = !value.is_null,
        };
    }
    return r < 0 ? r : 0;
}
