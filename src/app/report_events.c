// The parts of the report that come from the events themselves, by SQL over the history.
#include <string.h>

#include "app/report_private.h"

enum { COHORT_ROW_MAX = 120 };

typedef struct Query {
    const Report *report;
    Text sql;
} Query;

static void query_done(Query *query) {
    base_text_done(&query->sql);
}

// Starts with the events visible at now: customer, event, time, and `day`, the local date in the
// model's zone. Traits that hold from the beginning have no time of their own.
static int query_start(Query *query, const Report *report, KretsError *error) {
    *query = (Query){.report = report};
    BASE_TEXT_SCOPED history = {0}, zone = {0};
    int r = store_history_sql(report->project->store, report->project->arena, &history, error);
    db_sql_literal(&zone, base_zone_name(report->project->model->zone));
    base_text_printf(&query->sql,
                     "with events as (select customer, event, time, "
                     "cast(timezone(%s, time) as date) as day from (%s) "
                     "where time <= make_timestamptz(%lld) and time > make_timestamptz(%lld)) ",
                     zone.data, history.data ? history.data : "", (long long)report->result->now_us,
                     (long long)CALENDAR_TIME_MIN);
    return r;
}

static int query_run(Query *query, DuckResult **ret_result, KretsError *error) {
    return db_duck_query(store_duck(query->report->project->store), base_text_str(&query->sql),
                         ret_result, error);
}

static json_t *instant_or_null(const Report *report, Value value) {
    return value.is_null ? json_null() : app_report_instant(report->project, value.time_us);
}

static json_t *count_of(const DuckResult *result, size_t column) {
    Value value = db_duck_value(result, column);
    return json_integer(value.is_null ? 0 : (json_int_t)value.integer);
}

// Event types, most frequent first; sums up events that count as `any` in ret_any.
static int event_types(const Report *report, json_t **ret_types, uint64_t *ret_any,
                       KretsError *error) {
    __attribute__((cleanup(query_done))) Query query;
    int r = query_start(&query, report, error);
    if (r < 0)
        return r;
    base_text_append(&query.sql, STR("select event, count(*), count(distinct customer), min(time), "
                                     "max(time) from events group by event order by 2 desc, 1"));
    DB_DUCK_RESULT_SCOPED result = NULL;
    r = query_run(&query, &result, error);
    if (r < 0)
        return r;
    json_t *types = json_array();
    *ret_any = 0;
    while ((r = db_duck_next(result, error)) > 0) {
        Str name = db_duck_value(result, 0).text;
        if (data_catalog_is_any(name))
            *ret_any += (uint64_t)db_duck_value(result, 1).integer;
        json_array_append_new(
            types, json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", app_report_text(name), "events",
                             count_of(result, 1), "customers", count_of(result, 2), "first",
                             instant_or_null(report, db_duck_value(result, 3)), "last",
                             instant_or_null(report, db_duck_value(result, 4))));
    }
    *ret_types = types;
    return r;
}

// Activity by month, no month of the span left out.
static int months(const Report *report, json_t **ret_months, KretsError *error) {
    __attribute__((cleanup(query_done))) Query query;
    int r = query_start(&query, report, error);
    if (r < 0)
        return r;
    base_text_append(
        &query.sql,
        STR(", active as (select date_trunc('month', day) as month, count(*) as events, "
            "count(distinct customer) as customers from events group by 1), span as (select "
            "unnest(generate_series(min(month), max(month), interval 1 month)) as month from "
            "active) select strftime(s.month, '%Y-%m'), coalesce(events, 0), coalesce(customers, "
            "0) from span s left join active a on a.month = cast(s.month as date) order by 1"));
    DB_DUCK_RESULT_SCOPED result = NULL;
    r = query_run(&query, &result, error);
    if (r < 0)
        return r;
    json_t *items = json_array();
    while ((r = db_duck_next(result, error)) > 0)
        json_array_append_new(items,
                              json_pack("{s:o, s:o, s:o}", "month",
                                        app_report_text(db_duck_value(result, 0).text), "events",
                                        count_of(result, 1), "customers", count_of(result, 2)));
    *ret_months = items;
    return r;
}

static json_t *extreme_instant(const json_t *types, const char *key, bool is_latest) {
    const json_t *best = NULL;
    size_t index = 0;
    json_t *type = NULL;
    json_array_foreach(types, index, type) {
        const json_t *at = json_object_get(type, key);
        if (!json_is_string(at))
            continue;
        int order = best ? strcmp(json_string_value(at), json_string_value(best)) : 0;
        if (!best || (is_latest ? order > 0 : order < 0))
            best = at;
    }
    return best ? json_copy((json_t *)(uintptr_t)best) : json_null();
}

int app_report_activity(const Report *report, json_t **ret_data, KretsError *error) {
    const Project *project = report->project;
    json_t *types = NULL, *activity = NULL;
    uint64_t events = 0;
    int r = event_types(report, &types, &events, error);
    if (r == 0)
        r = months(report, &activity, error);
    if (r < 0) {
        json_decref(types);
        return r;
    }
    BASE_TEXT_SCOPED words = {0};
    if (project->plan->value != NODE_NONE)
        lang_words_node(&words, project->plan, project->plan->value);
    *ret_data = json_pack(
        "{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "events", (json_int_t)events, "customers",
        (json_int_t)report->answers->customer_count, "first_event",
        extreme_instant(types, "first", false), "last_event", extreme_instant(types, "last", true),
        "value", app_report_money(report, report->result->money), "value_expression",
        app_report_text(project->model->value), "value_words",
        app_report_text(base_text_str(&words)), "event_types", types, "months", activity);
    return 0;
}

// The event that makes a customer active: the model's, else the most frequent type of the catalog
// that counts as `any`.
static Str cohort_event(const Report *report, const json_t *types) {
    if (report->project->model->cohort_event.size_bytes > 0)
        return report->project->model->cohort_event;
    size_t index = 0;
    json_t *type = NULL;
    json_array_foreach(types, index, type) {
        Str name = base_str_from(json_string_value(json_object_get(type, "name")));
        if (data_catalog_is_any(name))
            return base_arena_str(report->project->arena, name);
    }
    return STR("");
}

static const char *period_name(Str unit) {
    if (base_str_equal(unit, STR("month")))
        return "strftime(cohort, '%Y-%m')";
    if (base_str_equal(unit, STR("quarter")))
        return "concat(year(cohort), '-Q', quarter(cohort))";
    if (base_str_equal(unit, STR("year")))
        return "strftime(cohort, '%Y')";
    return "strftime(cohort, '%Y-%m-%d')";
}

static json_t *new_cohort(Str name, size_t period_count) {
    json_t *counts = json_array();
    for (size_t k = 0; k < period_count; k++)
        json_array_append_new(counts, json_integer(0));
    return json_pack("{s:o, s:i, s:o}", "cohort", app_report_text(name), "size", 0, "counts",
                     counts);
}

// Rows of (cohort, last period number as far as now reaches, k, customers), by cohort and k.
static int read_cohorts(DuckResult *result, json_t *rows, KretsError *error) {
    json_t *row = NULL;
    int r = 0;
    while ((r = db_duck_next(result, error)) > 0) {
        Str name = db_duck_value(result, 0).text;
        if (!row || !base_str_equal(
                        name, base_str_from(json_string_value(json_object_get(row, "cohort"))))) {
            row = new_cohort(name, (size_t)db_duck_value(result, 1).integer + 1);
            json_array_append_new(rows, row);
        }
        size_t k = (size_t)db_duck_value(result, 2).integer;
        json_array_set_new(json_object_get(row, "counts"), k, count_of(result, 3));
        if (k == 0)
            json_object_set_new(row, "size", count_of(result, 3));
    }
    return r;
}

static void cohort_sql(Query *query, Str event, Str unit) {
    BASE_TEXT_SCOPED name = {0}, period = {0}, zone = {0};
    db_sql_literal(&name, event);
    db_sql_literal(&period, unit);
    db_sql_literal(&zone, base_zone_name(query->report->project->model->zone));
    base_text_printf(
        &query->sql,
        ", active as (select distinct customer, date_trunc(%s, day) as period from events where "
        "event = %s), born as (select *, min(period) over (partition by customer) as cohort from "
        "active) select %s, date_diff(%s, cohort, date_trunc(%s, cast(timezone(%s, "
        "make_timestamptz(%lld)) as date))), date_diff(%s, cohort, period) as k, "
        "count(*) from born group by cohort, k order by cohort, k",
        period.data, name.data, period_name(unit), period.data, period.data, zone.data,
        (long long)query->report->result->now_us, period.data);
}

static void drop_oldest(json_t *rows, json_t *cohorts) {
    size_t left_out = 0;
    for (; json_array_size(rows) > COHORT_ROW_MAX; left_out++)
        json_array_remove(rows, 0);
    json_object_set_new(cohorts, "left_out", json_integer((json_int_t)left_out));
}

int app_report_cohorts(const Report *report, const json_t *data, json_t **ret_cohorts,
                       KretsError *error) {
    Str event = cohort_event(report, json_object_get(data, "event_types"));
    *ret_cohorts = json_null();
    if (event.size_bytes == 0)
        return 0;
    Str unit = report->project->model->cohort_unit;
    if (unit.size_bytes == 0)
        unit = STR("month");
    __attribute__((cleanup(query_done))) Query query;
    int r = query_start(&query, report, error);
    if (r < 0)
        return r;
    cohort_sql(&query, event, unit);
    DB_DUCK_RESULT_SCOPED result = NULL;
    r = query_run(&query, &result, error);
    if (r < 0)
        return r;
    json_t *rows = json_array();
    json_t *cohorts = json_pack("{s:o, s:o, s:b, s:o}", "unit", app_report_text(unit), "event",
                                app_report_text(event), "last_complete", 0, "rows", rows);
    r = read_cohorts(result, rows, error);
    drop_oldest(rows, cohorts);
    if (r == 0 && json_array_size(rows) > 0)
        *ret_cohorts = cohorts;
    else
        json_decref(cohorts);
    return r;
}
