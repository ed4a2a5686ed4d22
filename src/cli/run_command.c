// `krets run` and `krets fit`.
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/instants.h"
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

static json_t *segments_json(const RunResult *result) {
    json_t *segments = json_array();
    for (size_t i = 0; i < result->segment_count; i++)
        json_array_append_new(segments, segment_json(&result->segments[i], result->has_value));
    return segments;
}

static json_t *timings_json(const RunTimings *timings, bool is_with_flips) {
    json_t *document =
        json_pack("{s:f, s:f, s:f, s:f}", "import_s", timings->import_s, "index_s",
                  timings->index_s, "fit_s", timings->fit_s, "evaluate_s", timings->evaluate_s);
    if (is_with_flips)
        json_object_set_new(document, "flip_s", json_real(timings->flip_s));
    json_object_set_new(document, "write_s", json_real(timings->write_s));
    return document;
}

static json_t *fit_json(int64_t version) {
    return version ? json_integer(version) : json_null();
}

// What one instant has, whether it is the only one or not.
static json_t *instant_json(const char *key, const RunResult *result) {
    return json_pack(
        "{s:o, s:I, s:I, s:o, s:o, s:s}", key, cli_command_json_time(result->now_us), "customers",
        (json_int_t)result->customer_count, "invalid_timezones",
        (json_int_t)result->invalid_zone_count, "value",
        result->has_value ? json_real((double)result->money / VALUE_DECIMAL_ONE) : json_null(),
        "segments", segments_json(result), "customers_file", result->customers_path.data);
}

static int print_json(const RunResult *result, bool is_with_flips, KretsError *error) {
    json_t *document = instant_json("now", result);
    json_object_set_new(document, "fit", fit_json(result->fit_version));
    json_object_set_new(document, "segments_file", json_string(result->segments_path.data));
    json_object_set_new(document, "report", json_string(result->report_path.data));
    json_object_set_new(document, "timings", timings_json(&result->timings, is_with_flips));
    return cli_command_json(document, error);
}

static int print_instants_json(const InstantsResult *result, bool is_with_flips,
                               KretsError *error) {
    json_t *instants = json_array();
    for (size_t i = 0; i < result->count; i++)
        json_array_append_new(instants, instant_json("at", &result->instants[i]));
    return cli_command_json(json_pack("{s:o, s:o, s:s, s:o}", "at", instants, "fit",
                                      fit_json(result->fit_version), "segments_file",
                                      result->segments_path.data, "timings",
                                      timings_json(&result->timings, is_with_flips)),
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

static void print_timings(const RunTimings *timings, bool is_with_flips) {
    printf("import %.2f s, index %.2f s, fit %.2f s, evaluate %.2f s", timings->import_s,
           timings->index_s, timings->fit_s, timings->evaluate_s);
    if (is_with_flips)
        printf(", flips %.2f s", timings->flip_s);
    printf(", write %.2f s\n", timings->write_s);
}

static void print_table(const Project *project, const RunResult *result, bool is_with_flips) {
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
    print_timings(&result->timings, is_with_flips);
    printf("%.*s\n%.*s\nreport: %.*s\n", STR_ARG(result->segments_path),
           STR_ARG(result->customers_path), STR_ARG(result->report_path));
}

// "+12": how much more than at the instant before.
static void change_cell(Listing *listing, uint64_t before, uint64_t after) {
    char digits[32];
    if (after == before)
        cli_listing_cell(listing, STR("0"));
    else
        cli_listing_cellf(
            listing, "%s%.*s", after < before ? "-" : "+",
            STR_ARG(cli_listing_count(digits, after < before ? before - after : after - before)));
}

static void instant_row(Listing *listing, const Project *project, const InstantsResult *result,
                        size_t segment, size_t at) {
    const RunResult *instant = &result->instants[at];
    const SegmentRow *row = &instant->segments[segment];
    char digits[32];
    cli_listing_cell(listing, at == 0 ? row->key : STR(""));
    cli_listing_cell(listing, app_project_time(project, instant->now_us));
    cli_listing_cell(listing, cli_listing_count(digits, row->customers));
    if (at == 0)
        cli_listing_cell(listing, STR(""));
    else
        change_cell(listing, instant[-1].segments[segment].customers, row->customers);
    percent_cell(listing, row->share);
    if (!instant->has_value)
        return;
    cli_listing_cell(listing, money_text(project->arena, (double)row->money / VALUE_DECIMAL_ONE));
    percent_cell(listing, row->value_share);
}

// A segment's instants under one another, so that one sees it grow or shrink.
static void print_instants(const Project *project, const InstantsResult *result,
                           bool is_with_flips) {
    static const ListingColumn columns[] = {
        {"segment", false, 32}, {"as of", false, 0}, {"customers", true, 0},  {"change", true, 0},
        {"share", true, 0},     {"value", true, 0},  {"value share", true, 0}};
    CLI_LISTING_SCOPED listing = cli_listing_new(columns, result->instants[0].has_value ? 7 : 5);
    size_t segment_count = result->instants[0].segment_count;
    for (size_t s = 0; s < segment_count; s++)
        for (size_t i = 0; i < result->count; i++)
            instant_row(listing, project, result, s, i);
    if (segment_count > 0)
        cli_listing_print(listing, stdout, cli_terminal_is_colour(STDOUT_FILENO));
    putchar('\n');
    char digits[32];
    for (size_t i = 0; i < result->count; i++)
        printf("%.*s %s as of %.*s: %.*s\n",
               STR_ARG(cli_listing_count(digits, result->instants[i].customer_count)),
               result->instants[i].customer_count == 1 ? "customer" : "customers",
               STR_ARG(app_project_time(project, result->instants[i].now_us)),
               STR_ARG(result->instants[i].customers_path));
    if (result->fit_version)
        printf("fit %lld, made for %.*s\n", (long long)result->fit_version,
               STR_ARG(app_project_time(project, result->fit_us)));
    print_timings(&result->timings, is_with_flips);
    printf("%.*s\n", STR_ARG(result->segments_path));
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

static int run_instants(const Arguments *arguments, Project *project, const RunOptions *options,
                        KretsError *error) {
    InstantsResult result;
    int r = app_instants_run(project, options, base_str_from(arguments->at), &result, error);
    if (r < 0)
        return r;
    cli_terminal_clear();
    uint64_t invalid_count = 0;
    for (size_t i = 0; i < result.count; i++)
        if (result.instants[i].invalid_zone_count > invalid_count)
            invalid_count = result.instants[i].invalid_zone_count;
    note_zones(invalid_count);
    if (arguments->is_json)
        return print_instants_json(&result, options->is_with_flips, error);
    print_instants(project, &result, options->is_with_flips);
    return 0;
}

static int run_now(const Arguments *arguments, Project *project, const RunOptions *options,
                   KretsError *error) {
    RunResult result;
    int r = app_run(project, options, &result, error);
    if (r < 0)
        return r;
    cli_terminal_clear();
    note_zones(result.invalid_zone_count);
    if (arguments->is_json)
        return print_json(&result, options->is_with_flips, error);
    print_table(project, &result, options->is_with_flips);
    return 0;
}

int cli_run_run(const Arguments *arguments, Project *project, KretsError *error) {
    RunOptions options = {.is_csv = arguments->format == FORMAT_CSV,
                          .is_with_flips = arguments->with != NULL};
    int r = cli_command_format(arguments, "run", FORMAT_CSV, FORMAT_PARQUET, error);
    if (r < 0)
        return r;
    if (arguments->with && strcmp(arguments->with, "until") != 0)
        return base_error_set(error, BASE_E_USAGE,
                              "--with: run has until, not `%s`; `krets members SEGMENT --with "
                              "since,until` says both of one segment",
                              arguments->with);
    return arguments->at ? run_instants(arguments, project, &options, error)
                         : run_now(arguments, project, &options, error);
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
