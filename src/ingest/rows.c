// Every row of a source with its customer, time, event and properties, or the reason it is left
// out.
#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "ingest/rows_private.h"

// Ids that programs send when they know none; whoever bears one is nobody. Each counts as it stands
// here, in capitals, and with a first capital.
static const char *const placeholders[] = {
    "null",
    "undefined",
    "none",
    "nil",
    "nan",
    "NaN",
    "na",
    "n/a",
    "unknown",
    "anonymous",
    "guest",
    "0",
    "-1",
    "-",
    "true",
    "false",
    "id",
    "distinct_id",
    "distinctid",
    "not_authenticated",
    "[object Object]",
    "00000000-0000-0000-0000-000000000000",
};

// --- fields ---

static bool same_name(Stage *stage, Str a, Str b) {
    return a.size_bytes == b.size_bytes &&
           base_str_equal(base_utf8_lower(stage->arena, a), base_utf8_lower(stage->arena, b));
}

InputColumn *row_column_find(Stage *stage, Str name) {
    for (size_t i = 0; i < stage->column_count; i++)
        if (base_str_equal(stage->columns[i].name, name))
            return &stage->columns[i];
    for (size_t i = 0; i < stage->column_count; i++)
        if (same_name(stage, stage->columns[i].name, name))
            return &stage->columns[i];
    return NULL;
}

static int fail_column(Stage *stage, const Field *field, const char *what) {
    const InputColumn *near = NULL;
    size_t distance = 4;
    BASE_TEXT_SCOPED list = {0};
    assert(stage->column_count == 0 || stage->columns != NULL);
    for (size_t i = 0; i < stage->column_count; i++) {
        const InputColumn *column = &stage->columns[i];
        size_t d = base_utf8_distance(base_utf8_lower(stage->arena, field->text),
                                      base_utf8_lower(stage->arena, column->name), 3);
        if (d < distance) {
            distance = d;
            near = column;
        }
        if (i < 20 && !column->is_nest)
            base_text_printf(&list, "%s%.*s", i == 0 ? "" : ", ", STR_ARG(column->name));
    }
    if (near != NULL)
        return base_error_set(
            stage->error, BASE_E_USAGE,
            "%.*s:%d:%d: %s has no column %.*s, which `%s` names: did you mean %.*s?",
            STR_ARG(stage->model->path), field->place.line, field->place.column,
            stage_source(stage), STR_ARG(field->text), what, STR_ARG(near->name));
    return base_error_set(
        stage->error, BASE_E_USAGE,
        "%.*s:%d:%d: %s has no column %.*s, which `%s` names: its columns are %s%s",
        STR_ARG(stage->model->path), field->place.line, field->place.column, stage_source(stage),
        STR_ARG(field->text), what, list.data, stage->column_count > 20 ? ", ..." : "");
}

// What a field means: a column of the source, or SQL over the row view.
static int resolve_field(Stage *stage, const Field *field, const char *usual, const char *what,
                         RowField *ret_field) {
    RowField resolved = {0};
    if (field->kind == FIELD_NONE)
        resolved.column = row_column_find(stage, base_str_from(usual));
    else if (field->kind == FIELD_CONSTANT)
        resolved.sql = stage_literal(stage, field->text);
    else if (field->kind == FIELD_SQL)
        resolved.sql = stage_printf(stage, "(%.*s\n)", STR_ARG(field->text));
    else if ((resolved.column = row_column_find(stage, field->text)) == NULL)
        return fail_column(stage, field, what);
    resolved.is_set = resolved.column != NULL || resolved.sql.size_bytes > 0;
    *ret_field = resolved;
    return 0;
}

static int resolve_fields(Stage *stage, RowPlan *plan) {
    const Source *source = stage->source;
    bool is_traits = source->kind == SOURCE_TRAITS;
    int r = resolve_field(stage, &source->customer, "customer", "customer", &plan->customer);
    if (r == 0)
        r = resolve_field(stage, &source->time, "time", "time", &plan->time);
    if (r == 0)
        r = resolve_field(stage, &source->event, is_traits ? "" : "event", "event", &plan->event);
    if (r == 0)
        r = resolve_field(stage, &source->id, "", "id", &plan->id);
    if (r < 0)
        return r;
    if (!plan->customer.is_set)
        return base_error_set(stage->error, BASE_E_USAGE,
                              "%.*s:%d: %s: say which column holds the customer: customer: COLUMN",
                              STR_ARG(stage->model->path), source->place.line, stage_source(stage));
    if (!plan->time.is_set && !is_traits)
        return base_error_set(stage->error, BASE_E_USAGE,
                              "%.*s:%d: %s: say which column holds the time: time: COLUMN",
                              STR_ARG(stage->model->path), source->place.line, stage_source(stage));
    plan->is_timeless = !plan->time.is_set;
    if (!plan->event.is_set) {
        plan->event.sql =
            stage_literal(stage, is_traits ? STR(CATALOG_EVENT_IDENTIFY) : source->key);
        plan->event.is_set = true;
    }
    return 0;
}

// --- the row view: columns of their narrowed types under the user's names ---

static Str row_view(Stage *stage, const RowPlan *plan) {
    BASE_TEXT_SCOPED sql = {0};
    base_text_printf(&sql, "select %s as krets_row", stage->row_sql.data);
    for (size_t i = 0; i < stage->column_count; i++) {
        const InputColumn *column = &stage->columns[i];
        base_text_printf(&sql, ", %s as %s", column->typed.data,
                         stage_identifier(stage, column->name).data);
    }
    if (plan->customer.column != NULL)
        base_text_printf(&sql, ", %s as krets_customer", plan->customer.column->raw.data);
    if (plan->time.column != NULL)
        base_text_printf(&sql, ", %s as krets_time, %s as krets_time_raw",
                         plan->time.column->typed.data, plan->time.column->raw.data);
    if (plan->event.column != NULL)
        base_text_printf(&sql, ", %s as krets_event", plan->event.column->raw.data);
    if (plan->id.column != NULL)
        base_text_printf(&sql, ", %s as krets_id", plan->id.column->raw.data);
    base_text_printf(&sql, " from %s s", stage->table.data);
    return stage_text(stage, &sql);
}

static bool is_field_column(const RowPlan *plan, const InputColumn *column) {
    return plan->customer.column == column || plan->time.column == column ||
           plan->event.column == column || plan->id.column == column;
}

// Properties as written in the model, or all columns that are not fields.
static void list_values(Stage *stage, RowPlan *plan) {
    const Source *source = stage->source;
    size_t most = source->has_properties ? source->property_count : stage->column_count;
    plan->values = base_arena_alloc_array(stage->arena, most + 1, sizeof(RowValue));
    for (size_t i = 0; source->has_properties && i < source->property_count; i++) {
        const SourceProperty *property = &source->properties[i];
        InputColumn *column = row_column_find(stage, property->sql);
        plan->values[plan->value_count++] = (RowValue){
            .name = property->name,
            .sql = column != NULL ? stage_identifier(stage, column->name)
                                  : stage_printf(stage, "(%.*s\n)", STR_ARG(property->sql)),
            .column = column,
            .place = property->place,
        };
    }
    for (size_t i = 0; !source->has_properties && i < stage->column_count; i++) {
        InputColumn *column = &stage->columns[i];
        if (column->is_nest || is_field_column(plan, column))
            continue;
        plan->values[plan->value_count++] = (RowValue){
            .name = column->name,
            .sql = stage_identifier(stage, column->name),
            .column = column,
        };
    }
}

// A struct that holds a value is null only where its expression failed. Each expression stands
// once: shared by two tries, it would be computed outside of both.
static Str unwrap_tries(Stage *stage, const RowPlan *plan, Str tried) {
    BASE_TEXT_SCOPED sql = {0};
    base_text_append(&sql, STR("select *"));
    for (size_t i = 0; i < plan->value_count; i++)
        if (plan->values[i].column == NULL)
            base_text_printf(&sql, ", w%zu.v as v%zu, w%zu is null as f%zu", i, i, i, i);
    base_text_printf(&sql, " from (%.*s) w", STR_ARG(tried));
    return stage_text(stage, &sql);
}

// Rows with their fields as the model says, not yet converted. `is_tried`: an expression that fails
// on a row gives null there instead of ending the import.
static Str value_view(Stage *stage, const RowPlan *plan, bool is_tried) {
    const Source *source = stage->source;
    BASE_TEXT_SCOPED sql = {0};
    base_text_printf(&sql, "select krets_row, %s as krets_customer",
                     plan->customer.column != NULL ? "krets_customer" : plan->customer.sql.data);
    if (source->where.size_bytes > 0)
        base_text_printf(&sql, ", (%.*s\n) is true as krets_where", STR_ARG(source->where));
    if (plan->time.column != NULL)
        base_text_append(&sql, STR(", krets_time, krets_time_raw"));
    else if (plan->time.is_set)
        base_text_printf(&sql, ", %s as krets_time, %s as krets_time_raw", plan->time.sql.data,
                         plan->time_raw.data);
    base_text_printf(&sql, ", %s as krets_event",
                     plan->event.column != NULL ? "krets_event" : plan->event.sql.data);
    if (plan->id.is_set)
        base_text_printf(&sql, ", %s as krets_id",
                         plan->id.column != NULL ? "krets_id" : plan->id.sql.data);
    if (source->cursor.size_bytes > 0)
        base_text_printf(&sql, ", %s as krets_cursor",
                         stage_identifier(stage, source->cursor).data);
    for (size_t i = 0; i < plan->value_count; i++) {
        const RowValue *value = &plan->values[i];
        bool is_trying = is_tried && value->column == NULL;
        base_text_printf(&sql, is_trying ? ", try({'v': %s}) as w%zu" : ", %s as v%zu",
                         value->sql.data, i);
    }
    base_text_printf(&sql, " from (%s) r", plan->row_view.data);
    return is_tried ? unwrap_tries(stage, plan, base_text_str(&sql)) : stage_text(stage, &sql);
}

// --- conversions ---

static Str text_of(Stage *stage, const char *sql, Str type, bool was_fraction) {
    if (base_str_equal(type, STR("DOUBLE")) || base_str_equal(type, STR("FLOAT")))
        return stage_printf(stage,
                            "case when %s = trunc(%s) and abs(%s) < 1e15 then cast(cast(%s as "
                            "bigint) as varchar) else cast(%s as varchar) end",
                            sql, sql, sql, sql, sql);
    if (base_str_starts(type, STR("DECIMAL(")) || was_fraction) {
        const char *text =
            was_fraction ? sql : stage_printf(stage, "cast(%s as varchar)", sql).data;
        return stage_printf(
            stage,
            "case when contains(%s, '.') then rtrim(rtrim(trim(%s), '0'), '.') when "
            "trim(%s) <> '' then %s end",
            text, text, text, text);
    }
    if (base_str_equal(type, STR("VARCHAR")))
        // A text that begins with a visible ASCII letter is not blank: trim() is dear.
        return stage_printf(stage,
                            "case when (%s >= '!' and %s < '~') or trim(%s) <> '' then %s end", sql,
                            sql, sql, sql);
    return stage_printf(stage, "cast(%s as varchar)", sql);
}

typedef struct Span {
    bool is_known;
    double least, most;
} Span;

static int time_span(Stage *stage, const RowPlan *plan, const char *sql, Span *ret_span) {
    Value values[2];
    int r = stage_ask(stage,
                      stage_printf(stage,
                                   "select cast(min(x) as double), cast(max(x) as double) from "
                                   "(select %s as x from (%s))",
                                   sql, plan->time_view.data),
                      2, values);
    if (r < 0)
        return r;
    if (values[0].is_null || values[1].is_null)
        return 0;
    *ret_span = (Span){.is_known = true, .least = values[0].number, .most = values[1].number};
    return 0;
}

// Numbers that are times: days as 20260131, or seconds, milliseconds ... since 1970.
static int convert_number_time(Stage *stage, RowPlan *plan) {
    Span span = {0};
    int r = time_span(stage, plan, "krets_time", &span);
    if (r < 0)
        return r;
    if (span.is_known && span.least >= 18000101 && span.most <= 22001231) {
        plan->naive = STR("epoch_us(try_strptime(cast(cast(krets_time as bigint) as varchar), "
                          "'%Y%m%d'))");
        plan->time_format = STR("yearmonthday");
        return 0;
    }
    if (span.is_known && stage->kind == INPUT_EXCEL && span.least >= 1 && span.most < 2958466) {
        plan->naive = STR("cast(round((krets_time - 25569) * 86400000) * 1000 as bigint)");
        plan->time_format = STR("days since 1900 as Excel counts them");
        return 0;
    }
    static const struct {
        double below;
        const char *factor, *words;
    } scales[] = {{1e11, "1000000", "seconds since 1970"},
                  {1e14, "1000", "milliseconds since 1970"},
                  {1e17, "1", "microseconds since 1970"},
                  {1e30, "0.001", "nanoseconds since 1970"}};
    size_t scale = 0;
    while (scale < 3 && span.is_known && span.most >= scales[scale].below)
        scale++;
    plan->instant =
        stage_printf(stage, "try_cast(krets_time * %s as bigint)", scales[scale].factor);
    plan->time_format = base_str_from(scales[scale].words);
    return 0;
}

// Instants of local times, daylight saving included; folds are counted.
static int convert_naive(Stage *stage, RowPlan *plan) {
    Span span = {0};
    const InputColumn *column = plan->time.column;
    int r = 0;
    if (column != NULL && column->has_span)
        span = (Span){true, (double)column->least_us, (double)column->most_us};
    else
        r = time_span(stage, plan, plan->naive.data, &span);
    if (r < 0)
        return r;
    Moment moment =
        moment_local(stage, plan->zone, STR("krets_naive"), span.is_known ? (int64_t)span.least : 0,
                     span.is_known ? (int64_t)span.most : 0);
    plan->instant = moment.value;
    plan->fold = moment.fold;
    return 0;
}

static int convert_time(Stage *stage, RowPlan *plan, Str type) {
    if (plan->is_timeless) {
        int64_t at = stage->state->is_known ? stage->state->now_us : CALENDAR_TIME_MIN;
        plan->instant = stage_printf(stage, "cast(%" PRId64 " as bigint)", at);
        return 0;
    }
    ValueType value = type_value(type);
    if (plan->time.column != NULL)
        plan->time_format = plan->time.column->format;
    if (base_str_equal(type, STR("TIMESTAMP WITH TIME ZONE"))) {
        plan->instant = STR("case when isfinite(krets_time) then epoch_us(krets_time) end");
    } else if (value == VALUE_TIME || value == VALUE_DATE) {
        plan->naive = STR("case when isfinite(krets_time) then epoch_us(cast(krets_time as "
                          "timestamp)) end");
    } else if (value == VALUE_INTEGER || value == VALUE_DECIMAL || value == VALUE_NUMBER) {
        int r = convert_number_time(stage, plan);
        if (r < 0)
            return r;
    } else if (value != VALUE_NULL && stage->row_count > 0) {
        return base_error_set(stage->error, BASE_E_USAGE,
                              "%.*s:%d:%d: %s: time: its values are neither dates nor times: give "
                              "an SQL expression, such as { sql: \"strptime(d, '%%d/%%m/%%Y')\" }",
                              STR_ARG(stage->model->path), stage->source->time.place.line,
                              stage->source->time.place.column, stage_source(stage));
    } else {
        plan->instant = STR("cast(null as bigint)");
    }
    return plan->naive.size_bytes > 0 ? convert_naive(stage, plan) : 0;
}

// Text that stands for time is parsed by the form that most of its values have.
static int settle_time(Stage *stage, RowPlan *plan) {
    RowField *time = &plan->time;
    if (time->column != NULL) {
        bool is_text = base_str_equal(time->column->raw_type, STR("VARCHAR")) &&
                       time->column->type != VALUE_TIME && time->column->type != VALUE_DATE &&
                       type_value(time->column->typed_type) == VALUE_TEXT;
        return is_text ? narrow_time(stage, stage_printf(stage, "%s s", stage->table.data),
                                     time->column, true)
                       : 0;
    }
    plan->time_raw = time->sql;
    if (!time->is_set)
        return 0;
    Shape shape;
    Str sql =
        stage_printf(stage, "select %s as t from (%s) r", time->sql.data, plan->row_view.data);
    int r = stage_shape(stage, sql, &shape);
    if (r < 0)
        return base_error_prefix(
            stage->error, r, "%.*s:%d:%d: %s: time:", STR_ARG(stage->model->path),
            stage->source->time.place.line, stage->source->time.place.column, stage_source(stage));
    if (type_value(shape.types[0]) != VALUE_TEXT)
        return 0;
    InputColumn column = {.name = STR("time"),
                          .raw = time->sql,
                          .raw_type = shape.types[0],
                          .origin = ORIGIN_STRING,
                          .typed = time->sql,
                          .typed_type = shape.types[0],
                          .type = VALUE_TEXT};
    r = narrow_time(stage, stage_printf(stage, "(%s) r", plan->row_view.data), &column, true);
    time->sql = column.typed;
    plan->time_format = column.format;
    plan->time_note = column.note;
    return r;
}

// --- properties ---

Str row_value_convert(Stage *stage, const RowPlan *plan, const char *sql, Str type,
                      ValueType value) {
    switch (value) {
    case VALUE_BOOLEAN:
    case VALUE_DATE:
        return stage_printf(stage, "%s", sql);
    case VALUE_INTEGER:
        return stage_printf(stage, "try_cast(%s as bigint)", sql);
    case VALUE_DECIMAL:
        return stage_printf(stage, "try_cast(%s as decimal(18,4))", sql);
    case VALUE_NUMBER:
        return stage_printf(
            stage, "case when isfinite(cast(%s as double)) then cast(%s as double) end", sql, sql);
    case VALUE_LIST:
        return stage_printf(stage, "cast(%s as varchar[])", sql);
    case VALUE_TIME: {
        if (base_str_equal(type, STR("TIMESTAMP WITH TIME ZONE")))
            return stage_printf(stage, "case when isfinite(%s) then %s end", sql, sql);
        Str naive = stage_printf(
            stage, "epoch_us(case when isfinite(%s) then cast(%s as timestamp) end)", sql, sql);
        Moment moment =
            moment_local(stage, plan->zone, naive, INT64_C(0), INT64_C(4102444800000000));
        return stage_printf(stage, "make_timestamptz(%s)", moment.value.data);
    }
    default:
        return stage_printf(stage, "cast(%s as varchar)", sql);
    }
}

RowProperty *row_property_add(Stage *stage, RowPlan *plan) {
    if (plan->property_count == plan->property_capacity) {
        size_t wider = plan->property_capacity == 0 ? 32 : plan->property_capacity * 2;
        plan->properties = base_arena_grow(stage->arena, plan->properties, plan->property_count,
                                           wider, sizeof(RowProperty));
        plan->property_capacity = wider;
    }
    RowProperty *property = &plan->properties[plan->property_count];
    property->column = stage_printf(stage, "p%zu", plan->property_count);
    plan->property_count++;
    return property;
}

static void add_value(Stage *stage, RowPlan *plan, size_t index, Str name, Str sql, Str type) {
    if (type_is_struct(type)) {
        TypeField *fields;
        size_t count = type_fields(stage->arena, type, &fields);
        for (size_t i = 0; i < count; i++)
            add_value(stage, plan, index,
                      stage_printf(stage, "%.*s.%.*s", STR_ARG(name), STR_ARG(fields[i].name)),
                      stage_printf(stage, "%s.%s", sql.data,
                                   stage_identifier(stage, fields[i].name).data),
                      fields[i].type);
        return;
    }
    Str item;
    if (type_is_list(type, &item) && type_is_struct(item)) {
        row_items_add(stage, plan, name, sql, item);
        return;
    }
    const RowValue *value = &plan->values[index];
    RowProperty *property = row_property_add(stage, plan);
    property->name = name;
    property->duck_type = type;
    property->type = type_value(type);
    if (value->column != NULL)
        property->type = value->column->type == VALUE_NULL ? VALUE_NULL : property->type;
    property->is_source = value->column != NULL && base_str_equal(value->name, value->column->name);
    property->input = value->column;
    property->value_index = index;
    property->is_nested = base_str_contains(sql, STR(".\""));
    property->sql = row_value_convert(stage, plan, sql.data, type, property->type);
}

static int list_properties(Stage *stage, RowPlan *plan, const Shape *shape) {
    size_t first = shape->count;
    for (size_t i = 0; i < shape->count; i++)
        if (base_str_equal(shape->names[i], STR("v0")))
            first = i;
    for (size_t i = 0; i < plan->value_count; i++)
        add_value(stage, plan, i, plan->values[i].name, stage_printf(stage, "x.v%zu", i),
                  shape->types[first + i]);
    if (plan->property_count > 2000)
        return base_error_set(stage->error, BASE_E_USAGE,
                              "%s has %zu properties, more than 2000: choose with properties:",
                              stage_source(stage), plan->property_count);
    return 0;
}

// --- the table of rows ---

static void append_placeholders(Text *sql) {
    for (size_t i = 0; i < sizeof(placeholders) / sizeof(placeholders[0]); i++) {
        char variants[3][64];
        for (int v = 0; v < 3; v++) {
            snprintf(variants[v], sizeof(variants[v]), "%s", placeholders[i]);
            for (char *c = variants[v]; *c != '\0' && v > 0; c++)
                if (v == 1 || c == variants[v])
                    *c = (char)toupper((unsigned char)*c);
        }
        base_text_printf(sql, "%s'%s', '%s', '%s'", i == 0 ? "" : ", ", variants[0], variants[1],
                         variants[2]);
    }
}

static Str reason_sql(Stage *stage, const RowPlan *plan) {
    BASE_TEXT_SCOPED sql = {0};
    base_text_append(&sql, STR("case"));
    if (stage->source->where.size_bytes > 0)
        base_text_printf(&sql, " when not krets_where then %d", ROW_WHERE);
    base_text_printf(&sql, " when krets_customer is null then %d when krets_customer in (",
                     ROW_NO_CUSTOMER);
    append_placeholders(&sql);
    base_text_printf(&sql, ") then %d", ROW_PLACEHOLDER);
    if (!plan->is_timeless)
        base_text_printf(
            &sql,
            " when krets_instant is null then case when krets_no_time then %d else %d "
            "end when krets_instant <= %" PRId64 " or krets_instant > %" PRId64 " then %d",
            ROW_NO_TIME, ROW_BAD_TIME, CALENDAR_TIME_MIN, CALENDAR_TIME_MAX, ROW_FAR_TIME);
    base_text_printf(&sql, " when krets_event is null then %d", ROW_NO_EVENT);
    if (plan->cursor_filter.size_bytes > 0)
        base_text_printf(&sql, " when not (%s) then %d", plan->cursor_filter.data, ROW_OLD);
    base_text_append(&sql, STR(" else 0 end"));
    return stage_text(stage, &sql);
}

// x: as the model says; y: converted; the outermost: instants and reasons.
static Str rows_select(Stage *stage, const RowPlan *plan, bool is_tried) {
    BASE_TEXT_SCOPED sql = {0};
    const char *spent = plan->naive.size_bytes > 0 ? " exclude (krets_naive)"
                        : plan->is_timeless        ? ""
                                                   : " exclude (krets_time)";
    base_text_printf(&sql,
                     "select *%s, cast(%s as utinyint) as krets_reason from (select *, %s as "
                     "krets_instant",
                     spent, reason_sql(stage, plan).data, plan->instant.data);
    if (plan->fold.size_bytes > 0)
        base_text_printf(&sql, ", cast(%s as utinyint) as krets_fold", plan->fold.data);
    base_text_printf(&sql, " from (select krets_row, %s as krets_customer, %s as krets_event",
                     plan->customer_sql.data, plan->event_sql.data);
    if (stage->source->where.size_bytes > 0)
        base_text_append(&sql, STR(", krets_where"));
    if (!plan->is_timeless) {
        base_text_append(&sql, STR(", krets_time_raw is null"));
        if (plan->is_time_text)
            base_text_append(&sql, STR(" or (krets_time is null and trim(krets_time_raw) = '')"));
        base_text_append(&sql, STR(" as krets_no_time"));
    }
    if (plan->naive.size_bytes > 0)
        base_text_printf(&sql, ", %s as krets_naive", plan->naive.data);
    else if (!plan->is_timeless)
        base_text_append(&sql, STR(", krets_time"));
    base_text_printf(&sql, ", %s as krets_id", plan->id_sql.data);
    if (stage->source->cursor.size_bytes > 0)
        base_text_append(&sql, STR(", krets_cursor"));
    for (size_t i = 0; i < plan->property_count; i++)
        if (plan->properties[i].array.size_bytes == 0)
            base_text_printf(&sql, ", %s as %s", plan->properties[i].sql.data,
                             plan->properties[i].column.data);
    row_items_append_held(stage, plan, &sql);
    for (size_t i = 0; is_tried && i < plan->value_count; i++)
        if (plan->values[i].column == NULL)
            base_text_printf(&sql, ", f%zu", i);
    base_text_printf(&sql, " from (%s) x) y) z",
                     is_tried ? plan->tried_view.data : plan->value_view.data);
    return stage_text(stage, &sql);
}

static int create_rows(Stage *stage, RowPlan *plan, Rows *rows) {
    const char *kind = rows->is_held ? "table" : "view";
    int r = stage_run(stage, stage_printf(stage,
                                          "drop view if exists krets_streamed_%zu; "
                                          "drop table if exists krets_rows_%zu",
                                          stage->place, stage->place));
    if (r < 0)
        return r;
    rows->table =
        stage_printf(stage, "krets_%s_%zu", rows->is_held ? "rows" : "streamed", stage->place);
    KretsError first = {0};
    KretsError *error = stage->error;
    stage->error = &first;
    r = rows->is_held
            ? stage_run(stage, stage_printf(stage, "create temp table %s as %s", rows->table.data,
                                            rows_select(stage, plan, false).data))
            : BASE_E_STORE;
    stage->error = error;
    if (r == 0)
        return 0;
    if (r == BASE_E_RESOURCES)
        return base_error_set(error, r, "%s", first.text);
    plan->is_tried = true;
    r = stage_run(stage, stage_printf(stage, "create temp %s %s as %s", kind, rows->table.data,
                                      rows_select(stage, plan, true).data));
    return r < 0 ? base_error_prefix(error, r, "%s", stage_source(stage)) : 0;
}

// Names the property whose expression DuckDB does not accept.
static int blame_value(Stage *stage, const RowPlan *plan) {
    KretsError *error = stage->error;
    for (size_t i = 0; i < plan->value_count; i++) {
        const RowValue *value = &plan->values[i];
        KretsError inner = {0};
        Shape shape;
        stage->error = &inner;
        int r = stage_shape(
            stage,
            stage_printf(stage, "select %s as v from (%s) r", value->sql.data, plan->row_view.data),
            &shape);
        stage->error = error;
        if (r < 0)
            return base_error_set(error, BASE_E_USAGE, "%.*s:%d:%d: %s: property %.*s: %s",
                                  STR_ARG(stage->model->path), value->place.line,
                                  value->place.column, stage_source(stage), STR_ARG(value->name),
                                  inner.text);
    }
    return base_error_prefix(error, BASE_E_USAGE, "%.*s:%d: %s", STR_ARG(stage->model->path),
                             stage->source->place.line, stage_source(stage));
}

static Str shape_type(const Shape *shape, Str name) {
    for (size_t i = 0; i < shape->count; i++)
        if (base_str_equal(shape->names[i], name))
            return shape->types[i];
    return STR("VARCHAR");
}

static int convert_fields(Stage *stage, RowPlan *plan, const Shape *shape) {
    const InputColumn *customer = plan->customer.column;
    plan->customer_sql =
        text_of(stage, "krets_customer", shape_type(shape, STR("krets_customer")),
                customer != NULL && customer->origin == ORIGIN_TEXT && customer->was_fraction);
    plan->event_sql = text_of(stage, "krets_event", shape_type(shape, STR("krets_event")), false);
    plan->id_sql = STR("cast(null as varchar)");
    const InputColumn *id = plan->id.column;
    if (plan->id.is_set)
        plan->id_sql = text_of(stage, "krets_id", shape_type(shape, STR("krets_id")),
                               id != NULL && id->origin == ORIGIN_TEXT && id->was_fraction);
    if (!plan->is_timeless)
        plan->is_time_text =
            base_str_equal(shape_type(shape, STR("krets_time_raw")), STR("VARCHAR"));
    return convert_time(stage, plan, shape_type(shape, STR("krets_time")));
}

static int check_cursor(Stage *stage, RowPlan *plan) {
    Field field = {
        .kind = FIELD_COLUMN, .text = stage->source->cursor, .place = stage->source->place};
    if (field.text.size_bytes == 0)
        return 0;
    if (row_column_find(stage, field.text) == NULL)
        return fail_column(stage, &field, "cursor");
    // With ids a row of the same instant may come later and is still taken.
    if (stage->is_append)
        plan->cursor_filter =
            stage_printf(stage, "krets_cursor %s %s", plan->id.is_set ? ">=" : ">",
                         stage_literal(stage, stage->state->cursor).data);
    return 0;
}

static int plan_rows(Stage *stage, RowPlan *plan) {
    int r = resolve_fields(stage, plan);
    if (r == 0)
        r = check_cursor(stage, plan);
    if (r < 0)
        return r;
    plan->zone = stage->model->zone;
    if (stage->source->timezone.size_bytes > 0)
        r = base_zone_open(stage->source->timezone, &plan->zone, stage->error);
    if (r < 0)
        return base_error_prefix(stage->error, r, "%s", stage_source(stage));
    plan->row_view = row_view(stage, plan);
    r = settle_time(stage, plan);
    if (r < 0)
        return r;
    plan->row_view = row_view(stage, plan);
    list_values(stage, plan);
    plan->value_view = value_view(stage, plan, false);
    plan->tried_view = value_view(stage, plan, true);
    Shape shape;
    r = stage_shape(stage, plan->value_view, &shape);
    if (r < 0)
        return blame_value(stage, plan);
    plan->time_view = plan->value_view;
    r = convert_fields(stage, plan, &shape);
    return r == 0 ? list_properties(stage, plan, &shape) : r;
}

int rows_build(Stage *stage, Rows *ret_rows) {
    RowPlan *plan = base_arena_alloc(stage->arena, sizeof(*plan));
    int r = plan_rows(stage, plan);
    if (r < 0)
        return r;
    Rows rows = {.is_held = stage->row_count <= INGEST_EXACT_ROWS_MAX, .plan = plan};
    r = create_rows(stage, plan, &rows);
    if (r == 0)
        r = row_relation_build(stage, plan, &rows);
    if (r < 0)
        return r;
    rows.properties = plan->properties;
    rows.property_count = plan->property_count;
    rows.has_items = plan->array_count > 0;
    *ret_rows = rows;
    return 0;
}
