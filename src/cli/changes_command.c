// `krets changes`.
#include <stdio.h>

#include "app/changes.h"
#include "cli/command.h"
#include "cli/listing.h"
#include "cli/output.h"
#include "cli/terminal.h"

static const char *change_name(const ChangeRow *row) {
    return row->is_entry ? "entered" : "left";
}

static json_t *row_json(const ChangeRow *row) {
    return json_pack("{s:o, s:o, s:s}", "customer", cli_command_json_text(row->customer), "time",
                     cli_command_json_time(row->at_us), "change", change_name(row));
}

static int print_json(const ChangesResult *result, size_t shown, KretsError *error) {
    json_t *changes = json_array();
    for (size_t i = 0; i < shown; i++)
        json_array_append_new(changes, row_json(&result->rows[i]));
    return cli_command_json(
        json_pack(
            "{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o}", "segment",
            cli_command_json_text(result->segment), "name", cli_command_json_text(result->name),
            "words", cli_command_json_text(result->words), "from",
            cli_command_json_time(result->from_us), "to", cli_command_json_time(result->to_us),
            "fit", result->fit_version ? json_integer(result->fit_version) : json_null(), "entered",
            (json_int_t)result->entry_count, "left", (json_int_t)result->exit_count, "customers",
            (json_int_t)result->customer_count, "changes", changes),
        error);
}

static int print_lines(const ChangesResult *result, size_t shown, KretsError *error) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < shown; i++)
        r = cli_output_json(row_json(&result->rows[i]), error);
    return r;
}

static void print_csv(const ChangesResult *result, size_t shown) {
    BASE_TEXT_SCOPED line = {0};
    fputs("customer,time,change\n", stdout);
    for (size_t i = 0; i < shown; i++) {
        base_text_clear(&line);
        cli_output_csv(&line, result->rows[i].customer);
        base_text_append_char(&line, ',');
        cli_output_time(&line, result->rows[i].at_us);
        base_text_printf(&line, ",%s\n", change_name(&result->rows[i]));
        fwrite(line.data, 1, line.size_bytes, stdout);
    }
}

static void print_totals(const Project *project, const ChangesResult *result) {
    char entered[32], left[32], customers[32];
    fprintf(stderr, "%.*s: %.*s entered, %.*s left (%.*s %s), after %.*s", STR_ARG(result->segment),
            STR_ARG(cli_listing_count(entered, result->entry_count)),
            STR_ARG(cli_listing_count(left, result->exit_count)),
            STR_ARG(cli_listing_count(customers, result->customer_count)),
            result->customer_count == 1 ? "customer" : "customers",
            STR_ARG(app_project_time(project, result->from_us)));
    fprintf(stderr, " until %.*s", STR_ARG(app_project_time(project, result->to_us)));
    if (result->fit_version)
        fprintf(stderr, ", fit %lld", (long long)result->fit_version);
    fprintf(stderr, ": %.*s\n", STR_ARG(result->words));
    if (result->is_foretold)
        fputs("note: what comes after now is foretold: it holds if nothing more happens\n", stderr);
}

int cli_changes_run(const Arguments *arguments, Project *project, KretsError *error) {
    Str from = base_str_from(arguments->from), to = base_str_from(arguments->to);
    if (from.size_bytes == 0)
        return base_error_set(error, BASE_E_USAGE,
                              "changes needs --from TIME (and --to TIME, else up to now)");
    ChangesResult result = {0};
    int r = cli_command_format(arguments, "changes", FORMAT_CSV, FORMAT_NDJSON, error);
    if (r == 0)
        r = app_changes_check(project, from, to, error);
    if (r == 0)
        r = app_project_open_store(project, true, error);
    if (r == 0)
        r = app_project_compile(project, error);
    if (r == 0)
        r = app_changes(project, base_str_from(arguments->operands[0]), from, to, &result, error);
    if (r < 0)
        return r;
    cli_terminal_clear();
    size_t shown = result.row_count;
    if (arguments->limit > 0 && (uint64_t)arguments->limit < shown)
        shown = (size_t)arguments->limit;
    if (arguments->is_json)
        return print_json(&result, shown, error);
    if (arguments->format == FORMAT_NDJSON)
        r = print_lines(&result, shown, error);
    else
        print_csv(&result, shown);
    fflush(stdout);
    print_totals(project, &result);
    return r;
}
