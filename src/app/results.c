#include "app/results.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

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

int app_results_folder(const Project *project, KretsError *error) {
    Str path = project->options.out;
    if (mkdir(path.data, 0777) != 0) {
        int code = errno;
        struct stat status;
        if (stat(path.data, &status) != 0 || !S_ISDIR(status.st_mode))
            return base_error_set(error, code == ENOSPC ? BASE_E_RESOURCES : BASE_E_STORE,
                                  "could not make the folder %.*s (%s): give another with --out",
                                  STR_ARG(path), strerror(code));
    }
    return 0;
}

static void append_segments(Text *csv, const RunResult *result, Str at) {
    for (size_t i = 0; i < result->segment_count; i++) {
        const SegmentRow *row = &result->segments[i];
        base_text_append(csv, at);
        append_csv_text(csv, row->key);
        base_text_append_char(csv, ',');
        append_csv_text(csv, row->name);
        base_text_printf(csv, ",%llu", (unsigned long long)row->customers);
        append_csv_ratio(csv, row->share);
        base_text_append_char(csv, ',');
        if (result->has_value)
            app_run_money_format(csv, row->money);
        append_csv_ratio(csv, result->has_value ? row->value_share : NAN);
        base_text_append_char(csv, ',');
        if (result->has_value && isfinite(row->mean_value))
            base_text_printf(csv, "%.4f", row->mean_value);
        base_text_append_char(csv, '\n');
    }
}

static const char segments_header[] = "segment,name,customers,share,value,value_share,mean_value\n";

static int write_segments(Project *project, const Text *csv, Str *ret_path, KretsError *error) {
    *ret_path = app_project_path(project, project->options.out, STR("segments.csv"));
    return base_file_write(ret_path->data, base_text_str(csv), error);
}

int app_results_segments(Project *project, RunResult *result, KretsError *error) {
    BASE_TEXT_SCOPED csv = {0};
    base_text_append(&csv, STR(segments_header));
    append_segments(&csv, result, STR(""));
    return write_segments(project, &csv, &result->segments_path, error);
}

int app_results_segments_at(Project *project, const RunResult *instants, size_t count,
                            Str *ret_path, KretsError *error) {
    BASE_TEXT_SCOPED csv = {0}, at = {0};
    base_text_printf(&csv, "at,%s", segments_header);
    for (size_t i = 0; i < count; i++) {
        base_text_clear(&at);
        data_value_format(&at, (Value){.type = VALUE_TIME, .time_us = instants[i].now_us});
        base_text_append_char(&at, ',');
        append_segments(&csv, &instants[i], base_text_str(&at));
    }
    return write_segments(project, &csv, ret_path, error);
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

static const Str next_flip = {"next_flip", sizeof "next_flip" - 1};

// As DuckDB compares the names of columns.
static bool is_same_column(Str a, Str b) {
    return a.size_bytes == b.size_bytes && strncasecmp(a.data, b.data, a.size_bytes) == 0;
}

// A column of the file that no metric or segment may take the name of.
static bool is_own_column(Str name, bool has_flips) {
    return is_same_column(name, STR("customer")) || (has_flips && is_same_column(name, next_flip));
}

static bool is_metric_name(const Plan *plan, Str name) {
    for (int32_t m = 0; m < plan->metric_count; m++)
        if (is_same_column(plan->metrics[m].name, name))
            return true;
    return false;
}

static Str kept_name(Arena *arena, bool is_segment, Str name) {
    return base_arena_printf(arena, "%s:%.*s", is_segment ? "segment" : "metric", STR_ARG(name));
}

int app_results_table(Project *project, const Answers *answers, const TableColumn *flips, Str table,
                      KretsError *error) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    const Plan *plan = project->plan;
    size_t count = 1 + answers->metric_count + answers->segment_count;
    DuckTableColumn *columns = base_arena_alloc_array(arena, count + 1, sizeof *columns);
    columns[0] =
        (DuckTableColumn){STR("customer"), {.type = VALUE_TEXT, .values = answers->customer_ids}};
    for (size_t m = 0; m < answers->metric_count; m++)
        columns[1 + m] =
            (DuckTableColumn){kept_name(arena, false, plan->metrics[m].name), answers->metrics[m]};
    for (size_t s = 0; s < answers->segment_count; s++)
        columns[1 + answers->metric_count + s] = (DuckTableColumn){
            kept_name(arena, true, plan->segments[s].key), member_column(arena, answers, s)};
    if (flips)
        columns[count++] = (DuckTableColumn){next_flip, *flips};
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
static void plain_sql(Text *out, const Plan *plan, bool has_flips) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    base_text_append(out, STR("(select customer"));
    for (int32_t m = 0; m < plan->metric_count; m++) {
        Str name = plan->metrics[m].name, kept = kept_name(arena, false, name);
        append_plain(out, kept, is_own_column(name, has_flips) ? kept : name);
    }
    for (int32_t s = 0; s < plan->segment_count; s++) {
        Str key = plan->segments[s].key, kept = kept_name(arena, true, key);
        bool is_taken = is_own_column(key, has_flips) || is_metric_name(plan, key);
        append_plain(out, kept, is_taken ? kept : key);
    }
    if (has_flips)
        append_plain(out, next_flip, next_flip);
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

static int keep_answers(Project *project, const Answers *answers, bool has_flips,
                        const RunResult *result, KretsError *error) {
    StoreRun run = {.now_us = answers->now_us, .fit_version = result->fit_version};
    int r = app_project_hash(project, &run.model_hash, error);
    if (r < 0)
        return r;
    r = store_run_path(project->store, project->arena, &run.answers_path, error);
    if (r < 0)
        return r;
    Str rows =
        has_flips ? STR("(select * exclude (next_flip) from krets_answers)") : STR("krets_answers");
    r = copy_rows(project, rows, run.answers_path, STR("format parquet"), error);
    if (r < 0)
        return r;
    return store_run_save(project->store, &run, error);
}

int app_results_customers_at(Project *project, const Answers *answers, const TableColumn *flips,
                             bool is_csv, Str name, Str *ret_path, KretsError *error) {
    int r = app_results_table(project, answers, flips, STR("krets_answers"), error);
    if (r < 0)
        return r;
    BASE_TEXT_SCOPED rows = {0};
    plain_sql(&rows, project->plan, flips != NULL);
    Str file =
        base_arena_printf(project->arena, "%.*s.%s", STR_ARG(name), is_csv ? "csv" : "parquet");
    *ret_path = app_project_path(project, project->options.out, file);
    return copy_rows(project, base_text_str(&rows), *ret_path,
                     is_csv ? STR("format csv, header") : STR("format parquet"), error);
}

int app_results_customers(Project *project, const Answers *answers, const TableColumn *flips,
                          bool is_csv, RunResult *result, KretsError *error) {
    int r = app_results_customers_at(project, answers, flips, is_csv, STR("customers"),
                                     &result->customers_path, error);
    return r < 0 ? r : keep_answers(project, answers, flips != NULL, result, error);
}
