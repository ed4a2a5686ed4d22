// `krets run` and `krets fit`.
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "app/run.h"
#include "cli/command.h"
#include "cli/listing.h"
#include "cli/terminal.h"

static json_t *segment_json(const SegmentRow *row, bool has_value) {
    BASE_TEXT_SCOPED money = {0};
    app_run_money_format(&money, row->money);
    json_t *document = json_object();
    json_object_set_new(document, "segment", cli_command_json_text(row->key));
    json_object_set_new(document, "name", cli_command_json_text(row->name));
    json_object_set_new(document, "customers", json_integer((json_int_t)row->customers));
    json_object_set_new(document, "share", cli_command_json_number(row->share));
    json_object_set_new(document, "value",
                        has_value ? json_real((double)row->money / VALUE_DECIMAL_ONE)
                                  : json_null());
    json_object_set_new(document, "value_share",
                        cli_command_json_number(has_value ? row->value_share : NAN));
    json_object_set_new(document, "mean_value",
                        cli_command_json_number(has_value ? row->mean_value : NAN));
    return document;
}

static int print_json(const RunResult *result, KretsError *error) {
    json_t *segments = json_array();
    for (size_t i = 0; i < result->segment_count; i++)
        json_array_append_new(segments, segment_json(&result->segments[i], result->has_value));
    const RunTimings *timings = &result->timings;
    return cli_command_json(
        json_pack(
            "{s:o, s:I, s:I, s:o, s:o, s:o, s:s, s:s, s:s, s:{s:f, s:f, s:f, s:f, s:f}}", "now",
            cli_command_json_time(result->now_us), "customers", (json_int_t)result->customer_count,
            "invalid_timezones", (json_int_t)result->invalid_zone_count, "value",
            result->has_value ? json_real((double)result->money / VALUE_DECIMAL_ONE) : json_null(),
            "segments", segments, "fit",
            result->fit_version ? json_integer(result->fit_version) : json_null(), "segments_file",
            result->segments_path.data, "customers_file", result->customers_path.data, "report",
            result->report_path.data, "timings", "import_s", timings->import_s, "index_s",
            timings->index_s, "fit_s", timings->fit_s, "evaluate_s", timings->evaluate_s, "write_s",
            timings->write_s),
        error);
}

// Money for people: whole units when large, two decimals otherwise.
static Str money_text(Arena *arena, double money) {
    if (!isfinite(money))
        return STR("–");
    char digits[32];
    uint64_t whole = (uint64_t)(fabs(money) + 0.5);
    if (fabs(money) >= 1000 && fabs(money) < 1e18)
        return base_arena_printf(arena, "%s%.*s", money < 0 ? "-" : "",
                                 STR_ARG(cli_listing_count(digits, whole)));
    return base_arena_printf(arena, "%.2f", money);
}

static void percent_cell(Listing *listing, double ratio) {
    if (isfinite(ratio))
        cli_listing_cellf(listing, "%.1f %%", ratio * 100);
    else
        cli_listing_cell(listing, STR("–"));
}

static void print_table(const Project *project, const RunResult *result) {
    static const ListingColumn columns[] = {{"segment", false, 32}, {"name", false, 40},
                                            {"customers", true, 0}, {"share", true, 0},
                                            {"value", true, 0},     {"value share", true, 0},
                                            {"mean value", true, 0}};
    CLI_LISTING_SCOPED listing = cli_listing_new(columns, result->has_value ? 7 : 4);
    char digits[32];
    for (size_t i = 0; i < result->segment_count; i++) {
        const SegmentRow *row = &result->segments[i];
        cli_listing_cell(listing, row->key);
        cli_listing_cell(listing, row->name);
        cli_listing_cell(listing, cli_listing_count(digits, row->customers));
        percent_cell(listing, row->share);
        if (!result->has_value)
            continue;
        double money = (double)row->money / VALUE_DECIMAL_ONE;
        cli_listing_cell(listing, money_text(project->arena, money));
        percent_cell(listing, row->value_share);
        cli_listing_cell(listing, money_text(project->arena, row->mean_value));
    }
    if (result->segment_count > 0)
        cli_listing_print(listing, stdout, cli_terminal_is_colour(STDOUT_FILENO));
    printf("\n%.*s customers", STR_ARG(cli_listing_count(digits, result->customer_count)));
    if (result->has_value)
        printf(", value %.*s%s%.*s",
               STR_ARG(money_text(project->arena, (double)result->money / VALUE_DECIMAL_ONE)),
               project->model->currency.size_bytes > 0 ? " " : "",
               STR_ARG(project->model->currency));
    printf(", as of %.*s\n", STR_ARG(app_project_time(project, result->now_us)));
    const RunTimings *timings = &result->timings;
    printf("import %.2f s, index %.2f s, fit %.2f s, evaluate %.2f s, write %.2f s\n",
           timings->import_s, timings->index_s, timings->fit_s, timings->evaluate_s,
           timings->write_s);
    printf("%.*s\n%.*s\nreport: %.*s\n", STR_ARG(result->segments_path),
           STR_ARG(result->customers_path), STR_ARG(result->report_path));
}

static void note_zones(uint64_t count) {
    char digits[32];
    if (count > 0)
        fprintf(stderr,
                "note: %.*s %s a time zone that is not known; the model's is used "
                "(`timezone` takes IANA names such as Europe/London)\n",
                STR_ARG(cli_listing_count(digits, count)),
                count == 1 ? "customer has" : "customers have");
}

int cli_run_run(const Arguments *arguments, Project *project, KretsError *error) {
    RunResult result;
    int r = cli_command_format(arguments, "run", FORMAT_CSV, FORMAT_PARQUET, error);
    if (r == 0)
        r = app_run(project, arguments->format == FORMAT_CSV, &result, error);
    if (r < 0)
        return r;
    cli_terminal_clear();
    note_zones(result.invalid_zone_count);
    if (arguments->is_json)
        return print_json(&result, error);
    print_table(project, &result);
    return 0;
}

int cli_fit_run(const Arguments *arguments, Project *project, KretsError *error) {
    int64_t now_us = 0, version = 0;
    const FitSet *fits = NULL;
    int r = app_project_open_store(project, false, error);
    if (r == 0)
        r = app_project_compile(project, error);
    if (r == 0)
        r = app_project_now(project, &now_us, error);
    if (r == 0)
        r = app_run_fit(project, now_us, &fits, &version, error);
    if (r < 0)
        return r;
    cli_terminal_clear();
    if (arguments->is_json)
        return cli_command_json(json_pack("{s:o, s:o, s:i}", "now", cli_command_json_time(now_us),
                                          "fit", version ? json_integer(version) : json_null(),
                                          "count", (int)project->plan->fit_count),
                                error);
    if (!version) {
        printf("nothing to fit: the model uses none of ntile, percentile and top\n");
        return 0;
    }
    for (size_t i = 0; i < fits->count; i++)
        printf("%.*s: %llu customers\n", STR_ARG(project->plan->fits[i].key),
               (unsigned long long)fits->fits[i].customer_count);
    printf("fit %lld as of %.*s\n", (long long)version, STR_ARG(app_project_time(project, now_us)));
    return 0;
}
