#include "app/results.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "db/duck_table.h"

static void append_csv_text(Text *out, Str text) {
    bool needs_quotes = false;
    for (size_t i = 0; i < text.size_bytes; i++)
        needs_quotes |= strchr(",\"\r\n", text.data[i]) != NULL;
    if (!needs_quotes) {
        base_text_append(out, text);
        return;
    }
    base_text_append_char(out, '"');
    for (size_t i = 0; i < text.size_bytes; i++) {
        if (text.data[i] == '"')
            base_text_append_char(out, '"');
        base_text_append_char(out, text.data[i]);
    }
    base_text_append_char(out, '"');
}

static void append_csv_ratio(Text *out, double ratio) {
    base_text_append_char(out, ',');
    if (isfinite(ratio))
        base_text_printf(out, "%.6f", ratio);
}

int app_results_segments(Project *project, RunResult *result, KretsError *error) {
    BASE_TEXT_SCOPED csv = {0};
    base_text_append(&csv, STR("segment,name,customers,share,value,value_share,mean_value\n"));
    for (size_t i = 0; i < result->segment_count; i++) {
        const SegmentRow *row = &result->segments[i];
        append_csv_text(&csv, row->key);
        base_text_append_char(&csv, ',');
        append_csv_text(&csv, row->name);
        base_text_printf(&csv, ",%llu", (unsigned long long)row->customers);
        append_csv_ratio(&csv, row->share);
        base_text_append_char(&csv, ',');
        if (result->has_value)
            app_run_money_format(&csv, row->money);
        append_csv_ratio(&csv, result->has_value ? row->value_share : NAN);
        base_text_append_char(&csv, ',');
        if (result->has_value && isfinite(row->mean_value))
            base_text_printf(&csv, "%.4f", row->mean_value);
        base_text_append_char(&csv, '\n');
    }
    result->segments_path = app_project_path(project, project->options.out, STR("segments.csv"));
    return base_file_write(result->segments_path.data, base_text_str(&csv), error);
}

// The members of a segment as a boolean column.
static TableColumn member_column(Arena *arena, const Answers *answers, size_t segment) {
    uint8_t *values = base_arena_alloc(arena, answers->customer_count + 1);
    roaring_uint32_iterator_t *at = roaring_create_iterator(answers->segments[segment]);
    for (; at->has_value; roaring_advance_uint32_iterator(at))
        values[at->current_value] = 1;
    roaring_free_uint32_iterator(at);
    return (TableColumn){.type = VALUE_BOOLEAN, .values = values};
}

// As DuckDB compares the names of columns.
static bool is_same_column(Str a, Str b) {
    return a.size_bytes == b.size_bytes && strncasecmp(a.data, b.data, a.size_bytes) == 0;
}

static bool is_metric_name(const Plan *plan, Str name) {
    for (int32_t m = 0; m < plan->metric_count; m++)
        if (is_same_column(plan->metrics[m].name, name))
            return true;
    return is_same_column(name, STR("customer"));
}

static Str kept_name(Arena *arena, bool is_segment, Str name) {
    return base_arena_printf(arena, "%s:%.*s", is_segment ? "segment" : "metric", STR_ARG(name));
}

int app_results_table(Project *project, const Answers *answers, Str table, KretsError *error) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    const Plan *plan = project->plan;
    size_t count = 1 + answers->metric_count + answers->segment_count;
    DuckTableColumn *columns = base_arena_alloc_array(arena, count, sizeof *columns);
    columns[0] =
        (DuckTableColumn){STR("customer"), {.type = VALUE_TEXT, .values = answers->customer_ids}};
    for (size_t m = 0; m < answers->metric_count; m++)
        columns[1 + m] =
            (DuckTableColumn){kept_name(arena, false, plan->metrics[m].name), answers->metrics[m]};
    for (size_t s = 0; s < answers->segment_count; s++)
        columns[1 + answers->metric_count + s] = (DuckTableColumn){
            kept_name(arena, true, plan->segments[s].key), member_column(arena, answers, s)};
    return db_duck_table_create(store_duck(project->store), table, columns, count,
                                answers->customer_count, error);
}

static void append_plain(Text *out, Str kept, Str plain) {
    base_text_append(out, STR(", "));
    db_sql_identifier(out, kept);
    base_text_append(out, STR(" as "));
    db_sql_identifier(out, plain);
}

// The table's columns under the names of the model. Where one is taken, it stays as it is kept.
static void plain_sql(Text *out, const Plan *plan) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    base_text_append(out, STR("(select customer"));
    for (int32_t m = 0; m < plan->metric_count; m++) {
        Str name = plan->metrics[m].name, kept = kept_name(arena, false, name);
        append_plain(out, kept, is_same_column(name, STR("customer")) ? kept : name);
    }
    for (int32_t s = 0; s < plan->segment_count; s++) {
        Str key = plan->segments[s].key, kept = kept_name(arena, true, key);
        append_plain(out, kept, is_metric_name(plan, key) ? kept : key);
    }
    base_text_append(out, STR(" from krets_answers)"));
}

// Writes beside the target and renames, so that a reader never sees half a file.
static int copy_rows(Project *project, Str rows, Str path, Str format, KretsError *error) {
    Str part = base_arena_printf(project->arena, "%.*s.part", STR_ARG(path));
    BASE_TEXT_SCOPED target = {0};
    db_sql_literal(&target, part);
    int r = db_duck_run(store_duck(project->store), error, "copy %.*s to %s (%.*s)", STR_ARG(rows),
                        target.data, STR_ARG(format));
    if (r < 0)
        return base_error_prefix(error, r, "writing %.*s", STR_ARG(path));
    if (rename(part.data, path.data) != 0)
        return base_error_set(error, BASE_E_STORE, "could not rename %s to %s: %s", part.data,
                              path.data, strerror(errno));
    return 0;
}

static int keep_answers(Project *project, const Answers *answers, const RunResult *result,
                        KretsError *error) {
    StoreRun run = {.now_us = answers->now_us, .fit_version = result->fit_version};
    int r = app_project_hash(project, &run.model_hash, error);
    if (r < 0)
        return r;
    r = store_run_path(project->store, project->arena, &run.answers_path, error);
    if (r < 0)
        return r;
    r = copy_rows(project, STR("krets_answers"), run.answers_path, STR("format parquet"), error);
    if (r < 0)
        return r;
    return store_run_save(project->store, &run, error);
}

int app_results_customers(Project *project, const Answers *answers, bool is_csv, RunResult *result,
                          KretsError *error) {
    int r = app_results_table(project, answers, STR("krets_answers"), error);
    if (r < 0)
        return r;
    BASE_TEXT_SCOPED rows = {0};
    plain_sql(&rows, project->plan);
    result->customers_path = app_project_path(
        project, project->options.out, is_csv ? STR("customers.csv") : STR("customers.parquet"));
    r = copy_rows(project, base_text_str(&rows), result->customers_path,
                  is_csv ? STR("format csv, header") : STR("format parquet"), error);
    if (r < 0)
        return r;
    return keep_answers(project, answers, result, error);
}
