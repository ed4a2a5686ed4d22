// The data-quality report of one source, over all its rows.
#include <inttypes.h>
#include <string.h>

#include "ingest/report_json.h"
#include "ingest/rows_private.h"

#define TOP_VALUES    10
#define EVENTS_LISTED 1000

static const char *const reasons[ROW_REASON_COUNT] = {
    [ROW_WHERE] = "where: does not hold",
    [ROW_NO_CUSTOMER] = "no customer",
    [ROW_PLACEHOLDER] = "customer is a placeholder",
    [ROW_NO_TIME] = "no time",
    [ROW_BAD_TIME] = "time cannot be read",
    [ROW_FAR_TIME] = "time out of range",
    [ROW_NO_EVENT] = "no event",
};

// --- rows left out ---

static int example_reason(Stage *stage, const Rows *rows, Finding *finding, int reason) {
    Str value = STR("cast(null as varchar)");
    Str from = stage_printf(stage, "%s r", rows->table.data);
    if (reason == ROW_PLACEHOLDER)
        value = STR("r.krets_customer");
    if (reason == ROW_BAD_TIME || reason == ROW_FAR_TIME) {
        // The text itself is not kept; it is looked up again for these few rows.
        Str view = rows->plan->is_tried ? rows->plan->tried_view : rows->plan->value_view;
        from =
            stage_printf(stage,
                         "(select krets_row, krets_time_raw as krets_raw from (%.*s) where "
                         "krets_row in (select krets_row from %s where krets_reason = %d order "
                         "by 1 limit %d)) t join %s r using (krets_row)",
                         STR_ARG(view), rows->table.data, reason, EXAMPLES_MAX, rows->table.data);
        value = STR("cast(krets_raw as varchar)");
    }
    return finding_examples(stage, finding,
                            stage_printf(stage,
                                         "select r.krets_row, %s from %s where r.krets_reason = %d "
                                         "order by 1 limit %d",
                                         value.data, from.data, reason, EXAMPLES_MAX));
}

// One pass over the rows counts them by event, reason and daylight-saving fold.
static int summarise(Stage *stage, const Rows *rows) {
    return stage_run(
        stage, stage_printf(stage,
                            "create or replace temp table krets_summary_%zu as select "
                            "krets_event, krets_reason, %s as fold, count(*) as n, "
                            "min(krets_instant) as least, max(krets_instant) as most, count(*) "
                            "filter (krets_instant > %" PRId64 ") as future from %s group by "
                            "all",
                            stage->place, rows->plan->fold.size_bytes > 0 ? "krets_fold" : "0",
                            stage->state->now_us, rows->table.data));
}

static int count_reasons(Stage *stage, Rows *rows) {
    uint64_t counts[ROW_REASON_COUNT] = {0};
    DB_DUCK_RESULT_SCOPED result = NULL;
    int r = db_duck_query(
        stage->duck,
        stage_printf(stage, "select krets_reason, sum(n)::bigint from krets_summary_%zu group by 1",
                     stage->place),
        &result, stage->error);
    while (r >= 0 && (r = db_duck_next(result, stage->error)) > 0)
        counts[db_duck_value(result, 0).integer] = (uint64_t)db_duck_value(result, 1).integer;
    rows->kept_count = counts[ROW_KEPT] - rows->repeat_count;
    if (counts[ROW_OLD] > 0)
        findings_add(stage, &stage->noted, STR("rows imported before (cursor)"), STR(""),
                     counts[ROW_OLD]);
    for (int reason = 1; r >= 0 && reason < ROW_OLD; reason++) {
        if (counts[reason] == 0)
            continue;
        Finding *finding = findings_add(stage, &stage->left_out, base_str_from(reasons[reason]),
                                        STR(""), counts[reason]);
        r = example_reason(stage, rows, finding, reason);
    }
    return r < 0 ? r : 0;
}

static void append_difference(const RowPlan *plan, Text *sql) {
    base_text_append(sql, STR("hash(krets_customer, krets_instant, krets_event"));
    for (size_t i = 0; i < plan->property_count; i++)
        if (plan->properties[i].array.size_bytes == 0)
            base_text_printf(sql, ", p%zu", i);
    base_text_append_char(sql, ')');
}

// Rows that repeat an id are left out; those that differ from the first one are told apart.
static int report_repeats(Stage *stage, Rows *rows) {
    if (rows->repeat_count == 0)
        return 0;
    BASE_TEXT_SCOPED hash = {0};
    append_difference(rows->plan, &hash);
    Str repeats =
        stage_printf(stage,
                     "(select krets_row, r.krets_id, %s as h, first_row from %s r join "
                     "krets_repeats_%zu d on d.krets_id = r.krets_id where krets_reason = 0)",
                     hash.data, rows->table.data, stage->place);
    Str differing =
        stage_printf(stage,
                     "%s a join (select krets_id, h from %s where krets_row = first_row) "
                     "b using (krets_id) where a.krets_row > a.first_row and a.h <> b.h",
                     repeats.data, repeats.data);
    int r = stage_ask_count(stage, stage_printf(stage, "select count(*) from %s", differing.data),
                            &rows->differing_count);
    if (r < 0)
        return r;
    Finding *finding;
    if (rows->repeat_count > rows->differing_count) {
        finding = findings_add(stage, &stage->left_out, STR("repeats an id"), STR(""),
                               rows->repeat_count - rows->differing_count);
        r = finding_examples(
            stage, finding,
            stage_printf(stage,
                         "select a.krets_row, krets_id from %s a join (select "
                         "krets_id, h from %s where krets_row = first_row) b using "
                         "(krets_id) where a.krets_row > a.first_row and a.h = b.h "
                         "order by 1 limit %d",
                         repeats.data, repeats.data, EXAMPLES_MAX));
    }
    if (r == 0 && rows->differing_count > 0) {
        finding = findings_add(stage, &stage->left_out,
                               STR("repeats an id, but differs elsewhere; the first row counts"),
                               STR(""), rows->differing_count);
        r = finding_examples(stage, finding,
                             stage_printf(stage,
                                          "select a.krets_row, krets_id from %s order by 1 "
                                          "limit %d",
                                          differing.data, EXAMPLES_MAX));
    }
    return r;
}

// --- values that do not fit ---

static int report_misfits(Stage *stage, const RowPlan *plan) {
    for (size_t i = 0; i < stage->column_count; i++) {
        const InputColumn *column = &stage->columns[i];
        if (column->note.size_bytes > 0)
            findings_add(stage, &stage->noted, column->note, column->name, 0);
        // Times that cannot be read leave their rows out, and are told there.
        if (column->misfit.count == 0 || column == plan->time.column)
            continue;
        Finding *finding = findings_add(stage, &stage->rejected, column->misfit.reason,
                                        column->name, column->misfit.count);
        int r =
            finding_examples(stage, finding,
                             stage_printf(stage,
                                          "select %s, %s from %s s where trim(%s) <> '' and %s "
                                          "is null order by 1 limit %d",
                                          stage->row_sql.data, column->raw.data, stage->table.data,
                                          column->raw.data, column->typed.data, EXAMPLES_MAX));
        if (r < 0)
            return r;
    }
    return 0;
}

static int report_failures(Stage *stage, const Rows *rows) {
    const RowPlan *plan = rows->plan;
    for (size_t i = 0; plan->is_tried && i < plan->value_count; i++) {
        uint64_t count = 0;
        if (plan->values[i].column != NULL)
            continue;
        int r = stage_ask_count(
            stage, stage_printf(stage, "select count(*) from %s where f%zu", rows->table.data, i),
            &count);
        if (r < 0)
            return r;
        if (count == 0)
            continue;
        Finding *finding = findings_add(stage, &stage->rejected, STR("its expression fails"),
                                        plan->values[i].name, count);
        r = finding_examples(stage, finding,
                             stage_printf(stage,
                                          "select krets_row, null from %s where f%zu order "
                                          "by 1 limit %d",
                                          rows->table.data, i, EXAMPLES_MAX));
        if (r < 0)
            return r;
    }
    return 0;
}

// Whether a value of the DuckDB type may be out of the range of its type in Krets.
static bool may_not_fit(const RowProperty *property) {
    Str type = property->duck_type;
    if (property->array.size_bytes > 0)
        return false;
    if (property->type == VALUE_INTEGER)
        return base_str_ends(type, STR("HUGEINT")) || base_str_equal(type, STR("UBIGINT"));
    if (property->type == VALUE_NUMBER)
        return property->input == NULL || property->input->origin == ORIGIN_TYPED;
    return property->type == VALUE_DECIMAL && !base_str_equal(type, STR("DECIMAL(18,4)"));
}

static Str value_sql(Stage *stage, const RowProperty *property) {
    // "x.v3.city" over the value view.
    return stage_printf(stage, "x.v%zu", property->value_index);
}

static int report_ranges(Stage *stage, const Rows *rows) {
    const RowPlan *plan = rows->plan;
    Str view = plan->is_tried ? plan->tried_view : plan->value_view;
    for (size_t i = 0; i < rows->property_count; i++) {
        const RowProperty *property = &rows->properties[i];
        if (!may_not_fit(property) || property->is_nested)
            continue;
        Str raw = value_sql(stage, property);
        bool is_decimal = property->type == VALUE_DECIMAL;
        Value values[2];
        int r = stage_ask(
            stage,
            stage_printf(stage,
                         "select count(*) filter (%s is not null and (%s) is null), "
                         "count(*) filter (%s) from (%.*s) x",
                         raw.data, property->sql.data,
                         is_decimal
                             ? stage_printf(stage, "%s <> %s", raw.data, property->sql.data).data
                             : "false",
                         STR_ARG(view)),
            2, values);
        if (r < 0)
            return r;
        if (values[0].integer > 0) {
            Finding *finding = findings_add(
                stage, &stage->rejected,
                property->type == VALUE_NUMBER ? STR("not a finite number") : STR("out of range"),
                property->name, (uint64_t)values[0].integer);
            r = finding_examples(
                stage, finding,
                stage_printf(stage,
                             "select x.krets_row, cast(%s as varchar) from (%.*s) x "
                             "where %s is not null and (%s) is null order by 1 "
                             "limit %d",
                             raw.data, STR_ARG(view), raw.data, property->sql.data, EXAMPLES_MAX));
            if (r < 0)
                return r;
        }
        if (values[1].integer > 0)
            findings_add(stage, &stage->noted, STR("rounded to four decimals"), property->name,
                         (uint64_t)values[1].integer);
    }
    return 0;
}

// --- things worth knowing ---

static int note_look_alikes(Stage *stage, const Rows *rows) {
    if (!rows->is_held)
        return 0;
    Str groups = stage_printf(
        stage,
        "(select list(c order by c) as ids from (select distinct krets_customer as c from %s where "
        "krets_reason = 0) group by regexp_replace(ltrim(lower(trim(c)), '0'), '[.]0+$', '') "
        "having "
        "count(*) > 1)",
        rows->table.data);
    uint64_t count = 0;
    int r =
        stage_ask_count(stage, stage_printf(stage, "select count(*) from %s", groups.data), &count);
    if (r < 0 || count == 0)
        return r;
    Finding *finding =
        findings_add(stage, &stage->noted, STR("customers that look alike but are not the same"),
                     STR(""), count);
    return finding_examples(
        stage, finding,
        stage_printf(stage,
                     "select null::bigint, array_to_string(ids, ' | ') as s from "
                     "%s order by s limit %d",
                     groups.data, EXAMPLES_MAX));
}

static int note_times(Stage *stage, const Rows *rows, Text *out) {
    const RowPlan *plan = rows->plan;
    Value values[5];
    int r = stage_ask(stage,
                      stage_printf(stage,
                                   "select min(least), max(most), coalesce(sum(future) filter "
                                   "(krets_reason = 0), 0)::bigint, coalesce(sum(n) filter "
                                   "(krets_reason = 0 and fold = 1), 0)::bigint, coalesce(sum(n) "
                                   "filter (krets_reason = 0 and fold = 2), 0)::bigint from "
                                   "krets_summary_%zu",
                                   stage->place),
                      5, values);
    if (r < 0)
        return r;
    for (int i = 0; i < 2 && !plan->is_timeless; i++) {
        Value time = values[i];
        if (!time.is_null)
            time = (Value){.type = VALUE_TIME, .time_us = time.integer};
        report_value(out, i == 0 ? "first_time" : "last_time", time);
    }
    if (plan->time_format.size_bytes > 0)
        report_text(out, "time_format", plan->time_format);
    if (plan->time_note.size_bytes > 0)
        findings_add(stage, &stage->noted, plan->time_note, STR("time"), 0);
    report_count(out, "future", (uint64_t)values[2].integer);
    report_count(out, "dst_gap", (uint64_t)values[3].integer);
    report_count(out, "dst_overlap", (uint64_t)values[4].integer);
    if (values[2].integer > 0) {
        Finding *finding = findings_add(stage, &stage->noted, STR("time in the future"), STR(""),
                                        (uint64_t)values[2].integer);
        r = finding_examples(
            stage, finding,
            stage_printf(stage,
                         "select krets_row, make_timestamptz(krets_instant) from %s "
                         "where krets_reason = 0 and krets_instant > %" PRId64
                         " order by 1 limit %d",
                         rows->table.data, stage->state->now_us, EXAMPLES_MAX));
    }
    if (values[3].integer > 0)
        findings_add(stage, &stage->noted,
                     STR("local time that daylight saving skips, moved forward"), STR(""),
                     (uint64_t)values[3].integer);
    if (values[4].integer > 0)
        findings_add(stage, &stage->noted,
                     STR("local time that daylight saving repeats, taken as the first"), STR(""),
                     (uint64_t)values[4].integer);
    return r;
}

static int report_events(Stage *stage, const Rows *rows, Text *out) {
    DB_DUCK_RESULT_SCOPED result = NULL;
    Str sql =
        rows->is_held
            ? stage_printf(stage,
                           "select krets_event, count(*), count(*) filter (krets_reason = 0), "
                           "count(distinct krets_customer) from %s group by 1 order by 2 desc, "
                           "1 limit %d",
                           rows->table.data, EVENTS_LISTED)
            : stage_printf(stage,
                           "select krets_event, sum(n)::bigint, coalesce(sum(n) filter "
                           "(krets_reason = 0), 0)::bigint, null from krets_summary_%zu group "
                           "by 1 order by 2 desc, 1 limit %d",
                           stage->place, EVENTS_LISTED);
    int r = db_duck_query(stage->duck, sql, &result, stage->error);
    report_key(out, "events");
    base_text_append_char(out, '[');
    bool is_first = true;
    while (r >= 0 && (r = db_duck_next(result, stage->error)) > 0) {
        base_text_append(out, is_first ? STR("{") : STR(",{"));
        is_first = false;
        report_value(out, "name", db_duck_value(result, 0));
        report_value(out, "rows", db_duck_value(result, 1));
        report_value(out, "kept", db_duck_value(result, 2));
        report_value(out, "customers", db_duck_value(result, 3));
        base_text_append_char(out, '}');
    }
    base_text_append_char(out, ']');
    return r < 0 ? r : 0;
}

// One count serves for both when no row was left out: it is dear in large sources.
static int report_customers(Stage *stage, const Rows *rows, Text *out) {
    const char *count =
        rows->is_held ? "count(distinct krets_customer)" : "approx_count_distinct(krets_customer)";
    bool is_whole = rows->kept_count == stage->line_count;
    Str kept = is_whole ? STR("null") : stage_printf(stage, "%s filter (krets_reason = 0)", count);
    Value values[3];
    int r = stage_ask(
        stage,
        stage_printf(stage, "select %s, count(*) filter (krets_customer is null), %s from %s",
                     count, kept.data, rows->table.data),
        3, values);
    if (r < 0)
        return r;
    report_key(out, "customers");
    base_text_append_char(out, '{');
    report_value(out, "distinct", values[0]);
    report_value(out, "nulls", values[1]);
    report_value(out, "kept", is_whole ? values[0] : values[2]);
    base_text_append_char(out, '}');
    return 0;
}

static int report_duplicates(Stage *stage, const Rows *rows, Text *out) {
    if (!rows->is_held || stage->column_count == 0)
        return 0;
    BASE_TEXT_SCOPED sql = {0};
    base_text_append(&sql, STR("select count(*) - count(distinct hash("));
    bool is_first = true;
    for (size_t i = 0; i < stage->column_count; i++) {
        if (base_str_contains(stage->columns[i].name, STR(".")) && stage->kind != INPUT_CSV)
            continue; // a leaf of a struct that is there whole
        base_text_printf(&sql, "%s%s", is_first ? "" : ", ", stage->columns[i].raw.data);
        is_first = false;
    }
    base_text_printf(&sql, ")) from %s s", stage->table.data);
    uint64_t count = 0;
    int r = is_first ? 0 : stage_ask_count(stage, base_text_str(&sql), &count);
    if (r == 0)
        report_count(out, "duplicate_rows", count);
    return r;
}

// --- columns ---

typedef struct ProfileItem {
    Str name, type_name;
    Str raw;   // SQL of the value as it came
    Str typed; // SQL of the value it stands for, over `raw` under its own name
    ValueType type;
    Str from;
    Str groups; // select of k (as it came), x (what it stands for), n (how often)
    bool is_exact;
    uint64_t blank_count;
} ProfileItem;

static bool is_number(ValueType type) {
    return type == VALUE_INTEGER || type == VALUE_DECIMAL || type == VALUE_NUMBER;
}

// Texts and lists are shown shortened.
static Str shown_sql(Stage *stage, const char *value, ValueType type) {
    if (is_number(type) || type == VALUE_TIME || type == VALUE_DATE || type == VALUE_BOOLEAN)
        return stage_printf(stage, "%s", value);
    return stage_printf(stage, "left(cast(%s as varchar), 200)", value);
}

static Str exact_sql(Stage *stage, const ProfileItem *item) {
    const char *wide = item->type == VALUE_NUMBER    ? "x * n"
                       : item->type == VALUE_DECIMAL ? "cast(x as decimal(38,4)) * n"
                                                     : "cast(x as hugeint) * n";
    Str numbers = STR("null, 0, 0");
    if (is_number(item->type))
        numbers =
            stage_printf(stage,
                         "cast(sum(%s) as varchar), coalesce(sum(n) filter (x <= 0), 0)::bigint, "
                         "coalesce(sum(n) filter (x < 0), 0)::bigint",
                         wide);
    return stage_printf(
        stage,
        "with g as materialized (select k, x, n, row_number() over (order by (k is null), n desc, "
        "k) as place from (%s)), "
        "t as (select k, n from g where k is not null and place <= %d order by place) "
        "select coalesce((select sum(n) from g where k is null), 0)::bigint, count(k), %s, %s, %s, "
        "(select list(left(cast(k as varchar), 200)) from t), (select list(cast(n as varchar)) "
        "from "
        "t) from g",
        item->groups.data, TOP_VALUES, shown_sql(stage, "min(x)", item->type).data,
        shown_sql(stage, "max(x)", item->type).data, numbers.data);
}

static Str rough_sql(Stage *stage, const ProfileItem *item) {
    Str numbers = is_number(item->type)
                      ? stage_printf(stage, "cast(sum(x) as varchar), count(*) filter (x <= "
                                            "0), count(*) filter (x < 0)")
                      : STR("null, 0, 0");
    return stage_printf(
        stage,
        "select count(*) - count(x), approx_count_distinct(x), %s, %s, %s, null, null "
        "from (select %s as x from %s)",
        shown_sql(stage, "min(x)", item->type).data, shown_sql(stage, "max(x)", item->type).data,
        numbers.data, item->typed.data, item->from.data);
}

static void append_top(Text *out, Value values, Value counts) {
    report_key(out, "top");
    base_text_append_char(out, '[');
    for (size_t i = 0; !values.is_null && i < values.list.count && i < counts.list.count; i++) {
        base_text_append(out, i == 0 ? STR("{") : STR(",{"));
        report_text(out, "value", values.list.items[i]);
        report_key(out, "count");
        base_text_append(out, counts.list.items[i]);
        base_text_append_char(out, '}');
    }
    base_text_append_char(out, ']');
}

// Once for a column and the property that it becomes.
static void note_negative(Stage *stage, Str name, uint64_t count) {
    Str reason = STR("negative amounts, kept");
    for (size_t i = 0; i < stage->noted.count; i++) {
        const Finding *noted = &stage->noted.items[i];
        if (noted->count == count && base_str_equal(noted->reason, reason) &&
            base_str_equal(noted->subject, name))
            return;
    }
    findings_add(stage, &stage->noted, reason, name, count);
}

// A sum of numbers may be infinite, for which JSON has no word.
static bool is_json_number(Value text) {
    Str digits = text.is_null ? STR("") : text.text;
    if (base_str_starts(digits, STR("-")))
        digits = (Str){digits.data + 1, digits.size_bytes - 1};
    return digits.size_bytes > 0 && digits.data[0] >= '0' && digits.data[0] <= '9';
}

static int report_item(Stage *stage, const ProfileItem *item, Text *out) {
    Value v[9];
    int r =
        stage_ask(stage, item->is_exact ? exact_sql(stage, item) : rough_sql(stage, item), 9, v);
    if (r < 0)
        return r;
    base_text_append(out, out->data[out->size_bytes - 1] == '[' ? STR("{") : STR(",{"));
    report_text(out, "name", item->name);
    report_text(out, "type", item->type_name);
    report_value(out, "nulls", v[0]);
    report_value(out, "distinct", v[1]);
    if (!item->is_exact) {
        report_key(out, "distinct_is_approximate");
        base_text_append(out, STR("true"));
    }
    if (item->blank_count > 0)
        report_count(out, "blank", item->blank_count);
    report_value(out, "min", v[2]);
    report_value(out, "max", v[3]);
    if (is_number(item->type)) {
        report_key(out, "sum");
        base_text_append(out, is_json_number(v[4]) ? v[4].text : STR("null"));
        report_value(out, "not_positive", v[5]);
        report_value(out, "negative", v[6]);
        if (v[6].integer > 0)
            note_negative(stage, item->name, (uint64_t)v[6].integer);
    }
    if (item->is_exact)
        append_top(out, v[7], v[8]);
    base_text_append_char(out, '}');
    return 0;
}

// Text is converted once for each of its distinct values.
static Str column_groups(Stage *stage, const InputColumn *column) {
    const char *typed = column->type == VALUE_NULL ? column->raw.data : column->typed.data;
    if (column->type == VALUE_NUMBER && column->origin != ORIGIN_TEXT)
        typed = stage_printf(stage, "case when isfinite(%s) then %s end", typed, typed).data;
    if (column->origin != ORIGIN_TEXT)
        return stage_printf(stage, "select %s as k, %s as x, count(*) as n from %s s group by all",
                            column->raw.data, typed, stage->table.data);
    return stage_printf(stage,
                        "select %s as k, %s as x, n from (select %s, count(*) as n from %s s "
                        "group by 1) s",
                        column->raw.data, typed, column->raw.data, stage->table.data);
}

static int report_columns(Stage *stage, const Rows *rows, Text *out) {
    report_key(out, "columns");
    base_text_append_char(out, '[');
    for (size_t i = 0; i < stage->column_count; i++) {
        const InputColumn *column = &stage->columns[i];
        Str item_type;
        bool is_items = type_is_list(column->raw_type, &item_type) && type_is_struct(item_type);
        if (column->is_nest || is_items)
            continue;
        ProfileItem item = {
            .name = column->name,
            .type_name = base_str_from(data_value_type_name(column->type)),
            .raw = column->raw,
            .typed = column->type == VALUE_NULL ? column->raw
                     : column->type == VALUE_NUMBER
                         ? stage_printf(stage, "case when isfinite(%s) then %s end",
                                        column->typed.data, column->typed.data)
                         : column->typed,
            .type = column->type,
            .from = stage_printf(stage, "%s s", stage->table.data),
            .groups = column_groups(stage, column),
            .is_exact = rows->is_held,
            .blank_count = column->blank_count,
        };
        int r = report_item(stage, &item, out);
        if (r < 0)
            return r;
    }
    base_text_append_char(out, ']');
    return 0;
}

static int report_properties(Stage *stage, const Rows *rows, Text *out) {
    report_key(out, "properties");
    base_text_append_char(out, '[');
    for (size_t i = 0; i < rows->property_count; i++) {
        const RowProperty *property = &rows->properties[i];
        if (property->array.size_bytes > 0)
            continue;
        Str type = base_str_from(data_value_type_name(property->type));
        if (property->is_source) {
            base_text_append(out, out->data[out->size_bytes - 1] == '[' ? STR("{") : STR(",{"));
            report_text(out, "name", property->name);
            report_text(out, "type", type);
            report_text(out, "column", property->name);
            base_text_append_char(out, '}');
            continue;
        }
        ProfileItem item = {
            .name = property->name,
            .type_name = type,
            .raw = property->column,
            .typed = property->column,
            .type = property->type,
            .from = rows->table,
            .groups =
                stage_printf(stage, "select %s as k, k as x, count(*) as n from %s group by 1",
                             property->column.data, rows->table.data),
            .is_exact = rows->is_held,
        };
        int r = report_item(stage, &item, out);
        if (r < 0)
            return r;
    }
    base_text_append_char(out, ']');
    return 0;
}

static void report_dialect(const Stage *stage, Text *out) {
    if (stage->kind != INPUT_CSV)
        return;
    const Dialect *dialect = &stage->dialect;
    report_key(out, "csv");
    base_text_append_char(out, '{');
    report_text(out, "delimiter", (Str){&dialect->delimiter, 1});
    report_text(out, "quote", (Str){&dialect->quote, dialect->quote != 0});
    report_text(out, "decimal", (Str){&dialect->decimal, dialect->decimal != 0});
    report_text(out, "encoding", dialect->encoding);
    report_key(out, "header");
    base_text_append(out, dialect->has_header ? STR("true}") : STR("false}"));
}

static const char *kind_name(InputKind kind) {
    static const char *const names[] = {"csv", "json", "parquet", "excel", "query", "database"};
    return names[kind];
}

static int find_faults(Stage *stage, Rows *rows) {
    int r = summarise(stage, rows);
    if (r == 0)
        r = count_reasons(stage, rows);
    if (r == 0)
        r = report_repeats(stage, rows);
    if (r == 0)
        r = report_misfits(stage, rows->plan);
    if (r == 0)
        r = report_failures(stage, rows);
    if (r == 0)
        r = report_ranges(stage, rows);
    return r == 0 ? note_look_alikes(stage, rows) : r;
}

int rows_profile(Stage *stage, Rows *rows, Str *ret_json) {
    BASE_TEXT_SCOPED out = {0};
    int r = find_faults(stage, rows);
    if (r < 0)
        return r;
    base_text_append_char(&out, '{');
    report_text(&out, "source", stage->source->key);
    report_text(&out, "kind", stage->source->kind == SOURCE_TRAITS ? STR("traits") : STR("events"));
    report_text(&out, "input", base_str_from(kind_name(stage->kind)));
    report_count(&out, "rows", stage->line_count);
    report_count(&out, "kept", rows->kept_count);
    report_dialect(stage, &out);
    r = report_events(stage, rows, &out);
    if (r == 0)
        r = report_customers(stage, rows, &out);
    if (r == 0)
        r = note_times(stage, rows, &out);
    if (r == 0)
        r = report_duplicates(stage, rows, &out);
    if (r == 0)
        r = report_columns(stage, rows, &out);
    if (r == 0)
        r = report_properties(stage, rows, &out);
    if (r == 0)
        r = input_locate(stage, &stage->left_out);
    if (r == 0)
        r = input_locate(stage, &stage->rejected);
    if (r == 0)
        r = input_locate(stage, &stage->noted);
    if (r < 0)
        return r;
    report_findings(&out, "left_out", &stage->left_out);
    report_findings(&out, "rejected", &stage->rejected);
    report_findings(&out, "notes", &stage->noted);
    base_text_append_char(&out, '}');
    *ret_json = stage_text(stage, &out);
    return 0;
}
