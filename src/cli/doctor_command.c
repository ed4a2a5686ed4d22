// `krets doctor`.
#include <stdio.h>
#include <unistd.h>

#include "app/doctor.h"
#include "base/calendar.h"
#include "cli/command.h"
#include "cli/listing.h"
#include "cli/terminal.h"

static double bytes_per_event(const IndexFacts *facts) {
    return facts->event_count ? (double)facts->file_bytes / (double)facts->event_count : 0;
}

static json_t *index_json(const DoctorResult *result) {
    const IndexFacts *facts = &result->facts;
    json_t *index = json_object();
    json_object_set_new(index, "state", json_string(app_doctor_index_name(result->index)));
    json_object_set_new(index, "reason", cli_command_json_text(result->index_reason));
    if (facts->version == 0)
        return index;
    json_object_set_new(index, "version", json_integer(facts->version));
    json_object_set_new(index, "built", cli_command_json_time(facts->built_us));
    json_object_set_new(index, "stamp", cli_command_json_text(facts->stamp));
    json_object_set_new(index, "customers", json_integer(facts->customer_count));
    json_object_set_new(index, "events", json_integer((json_int_t)facts->event_count));
    json_object_set_new(index, "partitions", json_integer(facts->partition_count));
    json_object_set_new(index, "blocks", json_integer(facts->block_count));
    json_object_set_new(index, "bytes", json_integer((json_int_t)facts->file_bytes));
    json_object_set_new(index, "core_bytes", json_integer((json_int_t)facts->core_bytes));
    json_object_set_new(index, "column_bytes", json_integer((json_int_t)facts->column_bytes));
    json_object_set_new(index, "bytes_per_event", json_real(bytes_per_event(facts)));
    json_t *columns = json_array();
    for (size_t i = 0; i < result->column_count; i++)
        json_array_append_new(columns,
                              json_pack("{s:o, s:o, s:s}", "event",
                                        cli_command_json_text(result->columns[i].event), "column",
                                        cli_command_json_text(result->columns[i].column), "type",
                                        data_value_type_name(result->columns[i].type)));
    json_object_set_new(index, "columns", columns);
    return index;
}

static int print_json(const Project *project, const DoctorResult *result, KretsError *error) {
    json_t *findings = json_array();
    for (size_t i = 0; i < result->finding_count; i++)
        json_array_append_new(findings,
                              json_pack("{s:o, s:o}", "path",
                                        cli_command_json_text(result->findings[i].path), "message",
                                        cli_command_json_text(result->findings[i].text)));
    return cli_command_json(
        json_pack("{s:b, s:o, s:o, s:{s:I, s:I, s:I}, s:o}", "fine",
                  (int)(result->finding_count == 0), "data",
                  cli_command_json_text(project->options.data), "findings", findings, "history",
                  "files", (json_int_t)result->history.file_count, "bytes",
                  (json_int_t)result->history.size_bytes, "events",
                  (json_int_t)result->history.row_count, "index", index_json(result)),
        error);
}

static void print_size(uint64_t bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double size = (double)bytes;
    size_t unit = 0;
    while (size >= 1000 && unit + 1 < sizeof units / sizeof *units) {
        size /= 1000;
        unit++;
    }
    printf(unit == 0 ? "%.0f %s" : "%.1f %s", size, units[unit]);
}

// 2011-12-09T12:50:00Z
static Str built_text(const Project *project, int64_t time_us) {
    Str text =
        base_calendar_format_local(project->arena, time_us - time_us % CALENDAR_US_PER_SECOND);
    return base_arena_printf(project->arena, "%.*sZ", STR_ARG(text));
}

static void print_index(const Project *project, const DoctorResult *result) {
    const IndexFacts *facts = &result->facts;
    printf("index:    %s", app_doctor_index_name(result->index));
    if (result->index_reason.size_bytes > 0)
        printf(" (%.*s)", STR_ARG(result->index_reason));
    putchar('\n');
    if (facts->version == 0)
        return;
    char events[32], customers[32];
    printf("          %.*s events of %.*s customers, ",
           STR_ARG(cli_listing_count(events, facts->event_count)),
           STR_ARG(cli_listing_count(customers, facts->customer_count)));
    print_size(facts->file_bytes);
    printf(" (%.1f bytes an event)\n", bytes_per_event(facts));
    printf("          version %u, made %.*s, %u partition%s\n", (unsigned)facts->version,
           STR_ARG(built_text(project, facts->built_us)), (unsigned)facts->partition_count,
           facts->partition_count == 1 ? "" : "s");
    for (size_t i = 0; i < result->column_count; i++)
        printf("          %.*s.%.*s %s\n", STR_ARG(result->columns[i].event),
               STR_ARG(result->columns[i].column), data_value_type_name(result->columns[i].type));
}

static void print_result(const Project *project, const DoctorResult *result) {
    char files[32], events[32];
    printf("history:  %.*s file%s, %.*s events, ",
           STR_ARG(cli_listing_count(files, result->history.file_count)),
           result->history.file_count == 1 ? "" : "s",
           STR_ARG(cli_listing_count(events, result->history.row_count)));
    print_size(result->history.size_bytes);
    putchar('\n');
    print_index(project, result);
    for (size_t i = 0; i < result->finding_count; i++)
        printf("%.*s/%.*s: %.*s\n", STR_ARG(project->options.data),
               STR_ARG(result->findings[i].path), STR_ARG(result->findings[i].text));
    if (result->finding_count == 0)
        printf("fine: every file is as it was written\n");
    else
        printf("%zu thing%s wrong\n", result->finding_count,
               result->finding_count == 1 ? " is" : "s are");
}

int cli_doctor_run(const Arguments *arguments, Project *project, KretsError *error) {
    app_project_begin(&arguments->app, cli_terminal_progress(), project);
    DoctorResult result = {0};
    int r = app_doctor(project, &result, error);
    if (r < 0)
        return r;
    cli_terminal_clear();
    if (arguments->is_json)
        r = print_json(project, &result, error);
    else
        print_result(project, &result);
    return r < 0 ? r : result.finding_count > 0;
}
