// `krets verify` and `krets sql`.
#include <stdio.h>
#include <unistd.h>

#include "app/members.h"
#include "app/verify.h"
#include "cli/command.h"
#include "cli/listing.h"
#include "cli/terminal.h"
#include "lang/sql.h"

static json_t *row_json(const VerifyRow *row) {
    json_t *differences = json_array();
    for (size_t i = 0; i < row->shown_count; i++)
        json_array_append_new(differences,
                              json_pack("{s:o, s:o, s:o}", "customer",
                                        cli_command_json_text(row->differences[i].customer),
                                        "answer", cli_command_json_text(row->differences[i].answer),
                                        "proof", cli_command_json_text(row->differences[i].proof)));
    return json_pack(
        "{s:s, s:o, s:s, s:o, s:I, s:o, s:f}", "kind", row->is_segment ? "segment" : "metric",
        "name", cli_command_json_text(row->name), "side", row->is_stored ? "stored" : "evaluated",
        "not_proved_by_sql",
        row->unproved.size_bytes > 0 ? cli_command_json_text(row->unproved) : json_null(),
        "differences", (json_int_t)row->difference_count, "examples", differences, "seconds",
        row->seconds);
}

static const char *evaluator_name(const VerifyResult *result) {
    return result->is_reference ? "reference" : "kernel";
}

static int print_json(const VerifyResult *result, KretsError *error) {
    json_t *rows = json_array();
    for (size_t i = 0; i < result->row_count; i++)
        json_array_append_new(rows, row_json(&result->rows[i]));
    return cli_command_json(
        json_pack("{s:o, s:s, s:I, s:I, s:I, s:b, s:o, s:{s:o, s:o}, s:o}", "now",
                  cli_command_json_time(result->now_us), "evaluator", evaluator_name(result),
                  "customers", (json_int_t)result->customer_count, "differences",
                  (json_int_t)result->difference_count, "not_proved_by_sql",
                  (json_int_t)result->unproved_count, "stored_checked", (int)result->has_stored,
                  "note", cli_command_json_text(result->stored_note), "versions", "duckdb",
                  cli_command_json_text(result->duckdb_version), "tz",
                  cli_command_json_text(result->tz_version), "checks", rows),
        error);
}

static const char *proof_name(const VerifyResult *result, const VerifyRow *row) {
    return row->unproved.size_bytes == 0 ? "SQL"
           : result->is_reference        ? "kernel"
                                         : "reference evaluator";
}

static void print_differences(const VerifyResult *result, const VerifyRow *row) {
    printf("%s %.*s (%s): %llu customers differ\n", row->is_segment ? "segment" : "metric",
           STR_ARG(row->name), row->is_stored ? "stored answers" : "evaluated",
           (unsigned long long)row->difference_count);
    for (size_t i = 0; i < row->shown_count; i++)
        printf("  customer %.*s: %s %.*s, the %s says %.*s\n",
               STR_ARG(row->differences[i].customer), row->is_stored ? "stored" : "evaluated",
               STR_ARG(row->differences[i].answer), proof_name(result, row),
               STR_ARG(row->differences[i].proof));
    if (row->difference_count > row->shown_count)
        printf("  and %llu more\n", (unsigned long long)(row->difference_count - row->shown_count));
}

static void print_result(const Project *project, const VerifyResult *result) {
    for (size_t i = 0; i < result->row_count; i++)
        if (result->rows[i].difference_count > 0)
            print_differences(result, &result->rows[i]);
    char customers[32];
    printf("%s: %d metrics and %d segments of %.*s customers as of %.*s, evaluated%s%s\n",
           result->difference_count ? "DISAGREE" : "proved", (int)project->plan->metric_count,
           (int)project->plan->segment_count,
           STR_ARG(cli_listing_count(customers, result->customer_count)),
           STR_ARG(app_project_time(project, result->now_us)),
           result->is_reference ? " by the reference evaluator" : "",
           result->has_stored ? " and as stored by the last run," : "");
    printf("by SQL in DuckDB %.*s (time zones: system %.*s)\n", STR_ARG(result->duckdb_version),
           STR_ARG(result->tz_version));
    for (size_t i = 0; i < result->row_count; i++)
        if (result->rows[i].unproved.size_bytes > 0 && !result->rows[i].is_stored)
            printf("not proved by SQL, only by the %s: %s %.*s: %.*s\n",
                   proof_name(result, &result->rows[i]),
                   result->rows[i].is_segment ? "segment" : "metric", STR_ARG(result->rows[i].name),
                   STR_ARG(result->rows[i].unproved));
    if (result->stored_note.size_bytes > 0)
        printf("stored answers not compared: %.*s\n", STR_ARG(result->stored_note));
}

int cli_verify_run(const Arguments *arguments, Project *project, KretsError *error) {
    VerifyResult result = {0};
    int r = app_project_open_store(project, true, error);
    if (r == 0)
        r = app_project_compile(project, error);
    if (r == 0)
        r = app_verify(project, arguments->is_reference, &result, error);
    if (r < 0)
        return r;
    cli_terminal_clear();
    if (arguments->is_json)
        r = print_json(&result, error);
    else
        print_result(project, &result);
    return r < 0 ? r : result.difference_count > 0;
}

static int print_sql(Project *project, bool is_segment, int32_t index, const SqlOptions *options,
                     KretsError *error) {
    const Plan *plan = project->plan;
    Str name = is_segment ? plan->segments[index].key : plan->metrics[index].name;
    BASE_TEXT_SCOPED sql = {0};
    int r = (is_segment ? lang_sql_segment : lang_sql_metric)(project->arena, &sql, plan, index,
                                                              options, error);
    if (r == 0)
        printf("-- %.*s\n%s;\n\n", STR_ARG(name), sql.data);
    return r;
}

static int print_named(Project *project, Str name, const SqlOptions *options, KretsError *error) {
    for (int32_t m = 0; m < project->plan->metric_count; m++)
        if (base_str_equal(project->plan->metrics[m].name, name))
            return print_sql(project, false, m, options, error);
    int32_t segment = 0;
    int r = app_members_find(project, name, &segment, error);
    return r < 0 ? r : print_sql(project, true, segment, options, error);
}

int cli_sql_run(const Arguments *arguments, Project *project, KretsError *error) {
    SqlOptions options = {0};
    BASE_TEXT_SCOPED history = {0};
    int r = app_project_open_store(project, true, error);
    if (r == 0)
        r = app_project_compile(project, error);
    if (r == 0)
        r = app_project_now(project, &options.now_us, error);
    if (r == 0)
        r = store_history_sql(project->store, project->arena, &history, error);
    if (r < 0)
        return r;
    options.history = base_text_str(&history);
    const Plan *plan = project->plan;
    if (arguments->operand_count == 1)
        return print_named(project, base_str_from(arguments->operands[0]), &options, error);
    for (int32_t m = 0; r == 0 && m < plan->metric_count; m++)
        r = print_sql(project, false, m, &options, error);
    for (int32_t s = 0; r == 0 && s < plan->segment_count; s++)
        r = print_sql(project, true, s, &options, error);
    return r;
}
