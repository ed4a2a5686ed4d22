// `krets check`, `krets import` and `krets version`.
#include <stdio.h>
#include <unistd.h>

#include "app/import.h"
#include "cli/command.h"
#include "cli/listing.h"
#include "cli/terminal.h"
#include "engine/kernel.h"
#include "lang/canonical.h"

static json_t *diagnostics_json(const Diagnostics *diagnostics) {
    json_t *items = json_array();
    for (size_t i = 0; i < diagnostics->count; i++) {
        const Diagnostic *item = &diagnostics->items[i];
        json_array_append_new(items,
                              json_pack("{s:s, s:i, s:i, s:o}", "severity",
                                        item->is_warning ? "warning" : "error", "line",
                                        (int)item->place.line, "column", (int)item->place.column,
                                        "message", cli_command_json_text(item->message)));
    }
    return items;
}

static bool has_store(const Project *project) {
    Str control = app_project_path(project, project->options.data, STR("krets.sqlite"));
    return access(control.data, R_OK) == 0;
}

// Where the sources changed since the last import, they are looked at themselves.
static int look_again(Project *project, KretsError *error) {
    bool is_stale = false;
    int r = app_project_open_store(project, true, error);
    if (r == 0)
        r = app_project_is_stale(project, &is_stale, error);
    if (is_stale)
        project->catalog = NULL;
    return r;
}

// Opens the model itself, so that errors of the model are an answer rather than a failure.
static int compile(const Arguments *arguments, Project *project, KretsError *error) {
    int r = app_project_open(&arguments->app, cli_terminal_progress(), project, error);
    if (r == 0 && has_store(project))
        r = look_again(project, error);
    if (r == 0)
        r = app_project_compile(project, error);
    return r;
}

static const char *plural(size_t count) {
    return count == 1 ? "" : "s";
}

static void print_summary(const Project *project) {
    size_t errors = project->diagnostics.error_count;
    size_t warnings = project->diagnostics.count - errors;
    if (errors > 0)
        printf("%zu error%s, %zu warning%s\n", errors, plural(errors), warnings, plural(warnings));
    else
        printf("fine: %zu source%s, %zu metric%s, %zu segment%s; %zu warning%s\n",
               project->model->source_count, plural(project->model->source_count),
               project->model->metric_count, plural(project->model->metric_count),
               project->model->segment_count, plural(project->model->segment_count), warnings,
               plural(warnings));
}

// The logical plan, and how the kernel answers it: what is slow, at what cost.
static int plan_text(const Project *project, Text *text, KretsError *error) {
    ENGINE_KERNEL_SCOPED kernel = NULL;
    int r = engine_kernel_new(project->plan, NULL, &kernel, error);
    if (r < 0)
        return r;
    lang_plan_print(text, project->plan);
    base_text_append(text, STR("\nkernel\n"));
    engine_kernel_print(text, kernel);
    return 0;
}

static int print_model(const Project *project, bool is_plan, KretsError *error) {
    BASE_TEXT_SCOPED text = {0};
    int r = 0;
    if (is_plan)
        r = plan_text(project, &text, error);
    else
        lang_canonical_model(&text, project->model, project->plan);
    if (r == 0)
        fwrite(text.data, 1, text.size_bytes, stdout);
    return r;
}

static int print_json(const Arguments *arguments, const Project *project, bool is_wrong,
                      KretsError *error) {
    json_t *document = json_pack("{s:b, s:o}", "fine", (int)!is_wrong, "diagnostics",
                                 diagnostics_json(&project->diagnostics));
    if (arguments->is_plan && !is_wrong) {
        BASE_TEXT_SCOPED text = {0};
        int r = plan_text(project, &text, error);
        if (r < 0) {
            json_decref(document);
            return r;
        }
        json_object_set_new(document, "plan", cli_command_json_text(base_text_str(&text)));
    }
    return cli_command_json(document, error);
}

int cli_check_run(const Arguments *arguments, Project *project, KretsError *error) {
    int r = compile(arguments, project, error);
    bool is_wrong = r < 0 && project->diagnostics.error_count > 0;
    if (r < 0 && !is_wrong)
        return r;
    if (arguments->is_json) {
        r = print_json(arguments, project, is_wrong, error);
        return r < 0 ? r : is_wrong;
    }
    cli_terminal_diagnostics(&project->diagnostics);
    r = 0;
    if (!is_wrong && (arguments->is_print || arguments->is_plan))
        r = print_model(project, arguments->is_plan, error);
    else
        print_summary(project);
    return r < 0 ? r : is_wrong;
}

static int import_json(const ImportResult *result, KretsError *error) {
    json_t *sources = json_array();
    for (size_t i = 0; i < result->source_count; i++)
        json_array_append_new(sources,
                              json_pack("{s:o, s:b, s:I}", "source",
                                        cli_command_json_text(result->sources[i].source),
                                        "unchanged", (int)result->sources[i].is_unchanged, "events",
                                        (json_int_t)result->sources[i].row_count));
    return cli_command_json(json_pack("{s:o}", "sources", sources), error);
}

int cli_import_run(const Arguments *arguments, Project *project, KretsError *error) {
    ImportResult result = {0};
    int r = app_project_open_store(project, false, error);
    if (r == 0)
        r = app_import(project, &result, error);
    if (r < 0)
        return r;
    cli_terminal_clear();
    if (arguments->is_json)
        return import_json(&result, error);
    char count[32];
    printf("%.*s events in %.*s\n",
           STR_ARG(cli_listing_count(count, store_event_count(project->store))),
           STR_ARG(project->options.data));
    return 0;
}

int cli_version_run(const Arguments *arguments, Project *project, KretsError *error) {
    (void)project;
    if (arguments->is_json)
        return cli_command_json(json_pack("{s:s, s:o}", "krets", KRETS_VERSION, "tz",
                                          cli_command_json_text(base_zone_version())),
                                error);
    printf("krets %s (tz %.*s)\n", KRETS_VERSION, STR_ARG(base_zone_version()));
    return 0;
}
