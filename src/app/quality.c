#include "app/quality.h"

#include <math.h>
#include <string.h>

enum {
    QUALITY_EXAMPLE_MAX = 5,
    QUALITY_TEXT_MAX = 80,
    QUALITY_EXAMPLE_ROW_MAX = 2000,
    // Distinct counts are exact up to so many events, approximate beyond.
    QUALITY_EXACT_EVENT_MAX = 2000000
};

static json_t *text_json(Str text) {
    return json_stringn(text.data ? text.data : "", text.size_bytes);
}

static json_t *value_json(Value value) {
    if (value.is_null)
        return json_null();
    if (value.type == VALUE_INTEGER)
        return json_integer(value.integer);
    if (value.type == VALUE_BOOLEAN)
        return json_boolean(value.boolean);
    if (value.type == VALUE_DECIMAL)
        return json_real(data_value_decimal_number(value.decimal));
    if (value.type == VALUE_NUMBER)
        return isfinite(value.number) ? json_real(value.number) : json_null();
    BASE_TEXT_SCOPED text = {0};
    data_value_format(&text, value);
    return text_json(base_text_str(&text));
}

static bool has_order(ValueType type) {
    return type != VALUE_LIST && type != VALUE_NULL && type != VALUE_BOOLEAN;
}

// A property never seen with a value has no column in the history.
static void column_sql(Text *sql, const CatalogProperty *property) {
    if (property->column.size_bytes > 0)
        db_sql_identifier(sql, property->column);
    else
        base_text_append(sql, STR("cast(null as varchar)"));
}

// One scan for all properties of an event type: nulls, distinct, min, max of each.
static void figures_sql(Text *sql, Str history, const CatalogEvent *event, bool is_exact) {
    BASE_TEXT_SCOPED name = {0};
    db_sql_literal(&name, event->name);
    base_text_append(sql, STR("select count(*), min(time), max(time)"));
    for (size_t p = 0; p < event->property_count; p++) {
        const CatalogProperty *property = &event->properties[p];
        BASE_TEXT_SCOPED column = {0};
        column_sql(&column, property);
        bool is_ordered = has_order(property->type);
        base_text_printf(sql, ", count(*) - count(%s), %s%s), %s%s%s, %s%s%s", column.data,
                         is_exact ? "count(distinct " : "approx_count_distinct(", column.data,
                         is_ordered ? "min(" : "null", is_ordered ? column.data : "",
                         is_ordered ? ")" : "", is_ordered ? "max(" : "null",
                         is_ordered ? column.data : "", is_ordered ? ")" : "");
    }
    base_text_printf(sql, " from (%.*s) where event = %s", STR_ARG(history), name.data);
}

// A few values of each property, from the first rows.
static void examples_sql(Text *sql, Str history, const CatalogEvent *event) {
    BASE_TEXT_SCOPED name = {0};
    db_sql_literal(&name, event->name);
    base_text_append(sql, STR("select 0"));
    for (size_t p = 0; p < event->property_count; p++) {
        BASE_TEXT_SCOPED column = {0};
        column_sql(&column, &event->properties[p]);
        base_text_printf(sql,
                         ", list_sort(list_slice(list_distinct(list(left(cast(%s as varchar), %d))"
                         "), 1, %d))",
                         column.data, QUALITY_TEXT_MAX, QUALITY_EXAMPLE_MAX);
    }
    base_text_printf(sql, " from (select * from (%.*s) where event = %s limit %d)",
                     STR_ARG(history), name.data, QUALITY_EXAMPLE_ROW_MAX);
}

static json_t *list_json(Value value) {
    json_t *items = json_array();
    for (size_t i = 0; !value.is_null && i < value.list.count; i++)
        json_array_append_new(items, text_json(value.list.items[i]));
    return items;
}

static json_t *property_json(const CatalogProperty *property, const DuckResult *figures,
                             size_t place, const DuckResult *examples) {
    size_t column = 3 + 4 * place;
    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "name", text_json(property->name),
                     "type", data_value_type_name(property->type), "nulls",
                     value_json(db_duck_value(figures, column)), "distinct",
                     value_json(db_duck_value(figures, column + 1)), "min",
                     value_json(db_duck_value(figures, column + 2)), "max",
                     value_json(db_duck_value(figures, column + 3)), "examples",
                     list_json(db_duck_value(examples, 1 + place)));
}

static int event_json(Project *project, Str history, const CatalogEvent *event, json_t **ret_event,
                      KretsError *error) {
    BASE_TEXT_SCOPED sql = {0}, sample = {0};
    bool is_exact = store_event_count(project->store) <= QUALITY_EXACT_EVENT_MAX;
    figures_sql(&sql, history, event, is_exact);
    examples_sql(&sample, history, event);
    DB_DUCK_RESULT_SCOPED figures = NULL;
    DB_DUCK_RESULT_SCOPED examples = NULL;
    Duck *duck = store_duck(project->store);
    int r = db_duck_query(duck, base_text_str(&sql), &figures, error);
    if (r == 0)
        r = db_duck_query(duck, base_text_str(&sample), &examples, error);
    if (r == 0)
        r = db_duck_next(figures, error);
    if (r > 0)
        r = db_duck_next(examples, error);
    if (r <= 0)
        return r;
    json_t *properties = json_array();
    for (size_t p = 0; p < event->property_count; p++)
        json_array_append_new(properties,
                              property_json(&event->properties[p], figures, p, examples));
    *ret_event = json_pack("{s:o, s:o, s:o, s:o, s:o}", "event", text_json(event->name), "events",
                           value_json(db_duck_value(figures, 0)), "first",
                           value_json(db_duck_value(figures, 1)), "last",
                           value_json(db_duck_value(figures, 2)), "properties", properties);
    return 0;
}

static int catalog_json(Project *project, json_t **ret_catalog, KretsError *error) {
    BASE_TEXT_SCOPED history = {0};
    int r = store_history_sql(project->store, project->arena, &history, error);
    json_t *catalog = json_array();
    for (size_t e = 0; r == 0 && e < project->catalog->event_count; e++) {
        json_t *event = NULL;
        r = event_json(project, base_text_str(&history), &project->catalog->events[e], &event,
                       error);
        if (event)
            json_array_append_new(catalog, event);
    }
    if (r < 0)
        json_decref(catalog);
    else
        *ret_catalog = catalog;
    return r < 0 ? r : 0;
}

static const char *source_kind(const Project *project, Str key) {
    for (size_t i = 0; i < project->model->source_count; i++)
        if (base_str_equal(project->model->sources[i].key, key))
            return project->model->sources[i].kind == SOURCE_TRAITS ? "traits" : "events";
    return "events";
}

static json_t *time_json(int64_t time_us) {
    return value_json((Value){.type = VALUE_TIME, .time_us = time_us});
}

static int sources_json(Project *project, json_t **ret_sources, KretsError *error) {
    StoreSource *sources = NULL;
    size_t count = 0;
    int r = store_sources(project->store, project->arena, &sources, &count, error);
    if (r < 0)
        return r;
    json_t *items = json_array();
    for (size_t i = 0; i < count; i++) {
        Str text = sources[i].report_json;
        json_t *report =
            json_loadb(text.data ? text.data : "{}", text.data ? text.size_bytes : 2, 0, NULL);
        if (!report)
            report = json_object();
        json_object_set_new(report, "source", text_json(sources[i].source));
        json_object_set_new(report, "kind", json_string(source_kind(project, sources[i].source)));
        json_object_set_new(report, "imported_at", time_json(sources[i].imported_us));
        json_object_set_new(report, "stored_events",
                            json_integer((json_int_t)sources[i].row_count));
        json_array_append_new(items, report);
    }
    *ret_sources = items;
    return 0;
}

int app_quality_profile(Project *project, json_t **ret_profile, KretsError *error) {
    json_t *sources = NULL, *catalog = NULL;
    int r = sources_json(project, &sources, error);
    if (r == 0)
        r = catalog_json(project, &catalog, error);
    if (r < 0) {
        json_decref(sources);
        return r;
    }
    *ret_profile = json_pack("{s:o, s:o}", "sources", sources, "catalog", catalog);
    return 0;
}

// "line 12: 31.02.2011"
static json_t *example_text(const json_t *example) {
    if (json_is_string(example))
        return json_copy((json_t *)(uintptr_t)example);
    const json_t *line = json_object_get(example, "line"), *row = json_object_get(example, "row");
    const char *value = json_string_value(json_object_get(example, "value"));
    BASE_TEXT_SCOPED text = {0};
    if (line || row)
        base_text_printf(&text, "%s %" JSON_INTEGER_FORMAT "%s", line ? "line" : "row",
                         json_integer_value(line ? line : row), value && *value ? ": " : "");
    base_text_append(&text, base_str_from(value));
    Str all = base_text_str(&text);
    size_t most = QUALITY_TEXT_MAX;
    while (all.size_bytes > most && most > 0 && ((unsigned char)all.data[most] & 0xC0) == 0x80)
        most--; // never inside a letter
    return text_json((Str){all.data, all.size_bytes < most ? all.size_bytes : most});
}

static json_t *examples_of(const json_t *finding) {
    json_t *texts = json_array();
    size_t index = 0;
    json_t *example = NULL;
    json_array_foreach(json_object_get(finding, "examples"), index,
                       example) if (index < QUALITY_EXAMPLE_MAX)
        json_array_append_new(texts, example_text(example));
    return texts;
}

static json_t *findings_json(const json_t *findings) {
    json_t *items = json_array();
    size_t index = 0;
    json_t *finding = NULL;
    json_array_foreach(findings, index, finding) {
        const char *reason = json_string_value(json_object_get(finding, "reason"));
        const char *column = json_string_value(json_object_get(finding, "column"));
        json_array_append_new(
            items, json_pack("{s:o, s:o, s:o}", "reason",
                             column ? json_sprintf("%s (%s)", reason ? reason : "", column)
                                    : json_string(reason ? reason : ""),
                             "rows", json_deep_copy(json_object_get(finding, "count")), "examples",
                             examples_of(finding)));
    }
    return items;
}

// Keeps the keys of a column or property that the page shows, if they are there.
static json_t *column_json(const json_t *column) {
    static const char *const keys[] = {"name", "type", "nulls", "distinct", "min", "max"};
    json_t *shown = json_object(), *examples = json_array();
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        if (json_object_get(column, keys[k]))
            json_object_set(shown, keys[k], json_object_get(column, keys[k]));
    size_t index = 0;
    json_t *top = NULL;
    json_array_foreach(json_object_get(column, "top"), index, top) {
        const json_t *value = json_object_get(top, "value");
        if (index < QUALITY_EXAMPLE_MAX && json_is_string(value))
            json_array_append_new(examples, example_text(value));
    }
    json_object_set_new(shown, "examples", examples);
    return shown;
}

static json_t *columns_json(const json_t *columns) {
    json_t *items = json_array();
    size_t index = 0;
    json_t *column = NULL;
    json_array_foreach(columns, index, column) json_array_append_new(items, column_json(column));
    return items;
}

static json_t *source_report(const json_t *source) {
    const json_t *rows = json_object_get(source, "rows");
    // Values that were rejected stand first among the notes: their rows are kept.
    json_t *notes = findings_json(json_object_get(source, "rejected"));
    json_t *others = findings_json(json_object_get(source, "notes"));
    json_array_extend(notes, others);
    json_decref(others);
    return json_pack("{s:O, s:O, s:O, s:o, s:O, s:o, s:o, s:o}", "source",
                     json_object_get(source, "source"), "kind", json_object_get(source, "kind"),
                     "imported_at", json_object_get(source, "imported_at"), "rows",
                     rows ? json_deep_copy(rows) : json_integer(0), "events",
                     json_object_get(source, "stored_events"), "left_out",
                     findings_json(json_object_get(source, "left_out")), "notes", notes, "columns",
                     columns_json(json_object_get(source, "columns")));
}

int app_quality_report(Project *project, json_t **ret_quality, KretsError *error) {
    json_t *profile = NULL;
    int r = app_quality_profile(project, &profile, error);
    if (r < 0)
        return r;
    json_t *sources = json_array();
    size_t index = 0;
    json_t *source = NULL;
    json_array_foreach(json_object_get(profile, "sources"), index, source)
        json_array_append_new(sources, source_report(source));
    *ret_quality =
        json_pack("{s:o, s:O}", "sources", sources, "catalog", json_object_get(profile, "catalog"));
    json_decref(profile);
    return 0;
}
