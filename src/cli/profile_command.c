// `krets profile`.
#include <stdio.h>
#include <unistd.h>

#include "app/quality.h"
#include "cli/command.h"
#include "cli/listing.h"
#include "cli/terminal.h"

static Str text_of(const json_t *object, const char *key) {
    return base_str_from(json_string_value(json_object_get(object, key)));
}

static void count_cell(Listing *listing, const json_t *count) {
    char digits[32];
    if (json_is_integer(count))
        cli_listing_cell(listing, cli_listing_count(digits, (uint64_t)json_integer_value(count)));
    else
        cli_listing_cell(listing, STR("–"));
}

static void scalar_cell(Listing *listing, const json_t *value) {
    if (json_is_string(value))
        cli_listing_cell(listing, base_str_from(json_string_value(value)));
    else if (json_is_number(value))
        cli_listing_cellf(listing, "%.15g", json_number_value(value));
    else
        cli_listing_cell(listing, STR("–"));
}

static void print_findings(const char *title, const json_t *findings) {
    size_t index = 0;
    json_t *finding = NULL;
    json_array_foreach(findings, index, finding) {
        const char *column = json_string_value(json_object_get(finding, "column"));
        long long count = json_integer_value(json_object_get(finding, "count"));
        printf("  %s", title);
        if (count > 0)
            printf(" %lld", count);
        printf(": %s%s%s%s\n", json_string_value(json_object_get(finding, "reason")),
               column ? " (" : "", column ? column : "", column ? ")" : "");
        const json_t *example = json_array_get(json_object_get(finding, "examples"), 0);
        const json_t *line = json_object_get(example, "line");
        const char *value = json_string_value(json_object_get(example, "value"));
        if (line)
            printf("      for example line %lld%s%s\n", (long long)json_integer_value(line),
                   value ? ": " : "", value ? value : "");
        else if (value)
            printf("      for example %s\n", value);
    }
}

static void print_columns(const json_t *columns) {
    static const ListingColumn titles[] = {{"  column", false, 32}, {"type", false, 0},
                                           {"nulls", true, 0},      {"distinct", true, 0},
                                           {"min", false, 24},      {"max", false, 24}};
    if (json_array_size(columns) == 0)
        return;
    CLI_LISTING_SCOPED listing = cli_listing_new(titles, 6);
    size_t index = 0;
    json_t *column = NULL;
    json_array_foreach(columns, index, column) {
        cli_listing_cellf(listing, "  %.*s", STR_ARG(text_of(column, "name")));
        cli_listing_cell(listing, text_of(column, "type"));
        count_cell(listing, json_object_get(column, "nulls"));
        count_cell(listing, json_object_get(column, "distinct"));
        scalar_cell(listing, json_object_get(column, "min"));
        scalar_cell(listing, json_object_get(column, "max"));
    }
    cli_listing_print(listing, stdout, cli_terminal_is_colour(STDOUT_FILENO));
}

static void print_source(const json_t *source) {
    char rows[32], events[32];
    printf("source %.*s: %.*s rows, %.*s events kept\n", STR_ARG(text_of(source, "source")),
           STR_ARG(cli_listing_count(
               rows, (uint64_t)json_integer_value(json_object_get(source, "rows")))),
           STR_ARG(cli_listing_count(
               events, (uint64_t)json_integer_value(json_object_get(source, "stored_events")))));
    print_findings("left out", json_object_get(source, "left_out"));
    print_findings("rejected values", json_object_get(source, "rejected"));
    print_findings("noted", json_object_get(source, "notes"));
    print_columns(json_object_get(source, "columns"));
    putchar('\n');
}

static void print_event(const json_t *event) {
    char count[32];
    printf("event %.*s: %.*s\n", STR_ARG(text_of(event, "event")),
           STR_ARG(cli_listing_count(
               count, (uint64_t)json_integer_value(json_object_get(event, "events")))));
    print_columns(json_object_get(event, "properties"));
    putchar('\n');
}

int cli_profile_run(const Arguments *arguments, Project *project, KretsError *error) {
    json_t *profile = NULL;
    int r = app_project_open_store(project, true, error);
    if (r == 0)
        r = app_quality_profile(project, &profile, error);
    if (r < 0)
        return r;
    cli_terminal_clear();
    if (arguments->is_json)
        return cli_command_json(profile, error);
    size_t index = 0;
    json_t *item = NULL;
    json_array_foreach(json_object_get(profile, "sources"), index, item) print_source(item);
    json_array_foreach(json_object_get(profile, "catalog"), index, item) print_event(item);
    json_decref(profile);
    return 0;
}
