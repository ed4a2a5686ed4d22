#include "app/project.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/tables.h"
#include "base/thread.h"
#include "ingest/ingest.h"
#include "lang/canonical.h"

void app_progress_step(const AppProgress *progress, const char *what, double ratio, uint64_t done,
                       const char *unit) {
    if (progress && progress->step)
        progress->step(progress->context, what, ratio, done, unit);
}

void app_progress_note(const AppProgress *progress, const char *format, ...) {
    if (!progress || !progress->note)
        return;
    char line[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    progress->note(progress->context, base_str_from(line));
}

static size_t half_of_memory(void) {
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page_bytes <= 0)
        return (size_t)1 << 30;
    return (size_t)pages / 2 * (size_t)page_bytes;
}

Str app_project_path(const Project *project, Str directory, Str name) {
    if (base_str_starts(name, STR("/")) || directory.size_bytes == 0)
        return base_arena_str(project->arena, name);
    return base_arena_printf(project->arena, "%.*s/%.*s", STR_ARG(directory), STR_ARG(name));
}

static void fill_options(Project *project) {
    AppOptions *options = &project->options;
    if (options->directory.size_bytes == 0)
        options->directory = STR(".");
    if (options->data.size_bytes == 0)
        options->data = app_project_path(project, options->directory, STR("krets-data"));
    if (options->out.size_bytes == 0)
        options->out = app_project_path(project, options->directory, STR("out"));
    if (options->threads == 0)
        options->threads = base_thread_count();
    if (options->memory_bytes == 0)
        options->memory_bytes = half_of_memory();
}

void app_project_begin(const AppOptions *options, const AppProgress *progress,
                       Project *ret_project) {
    Arena *arena = base_arena_new(SIZE_MAX);
    *ret_project = (Project){.arena = arena, .options = *options, .progress = progress};
    ret_project->diagnostics.arena = arena;
    fill_options(ret_project);
}

int app_project_open(const AppOptions *options, const AppProgress *progress, Project *ret_project,
                     KretsError *error) {
    app_project_begin(options, progress, ret_project);
    Str path = app_project_path(ret_project, ret_project->options.directory, STR("krets.yaml"));
    if (access(path.data, R_OK) != 0)
        return base_error_set(error, BASE_E_USAGE,
                              "there is no %s; write one, or let `krets init --from FILE` look at "
                              "your data and write it",
                              path.data);
    return lang_model_read(ret_project->arena, path, &ret_project->diagnostics, &ret_project->model,
                           error);
}

void app_project_done(Project *project) {
    app_tables_done(project);
    index_close(project->index);
    store_close(project->store);
    base_arena_free(project->arena);
    *project = (Project){0};
}

int app_project_open_store(Project *project, bool is_read_only, KretsError *error) {
    struct stat status;
    Str control = app_project_path(project, project->options.data, STR("krets.sqlite"));
    if (is_read_only && stat(control.data, &status) != 0)
        return base_error_set(error, BASE_E_STORE,
                              "there is no data in %.*s yet; run `krets import` or `krets run`",
                              STR_ARG(project->options.data));
    StoreOptions options = {.threads = project->options.threads,
                            .memory_bytes = project->options.memory_bytes,
                            .is_read_only = is_read_only};
    project->is_read_only = is_read_only;
    int r = store_open(project->options.data, &options, &project->store, error);
    if (r < 0)
        return r;
    return store_catalog(project->store, project->arena, &project->catalog, error);
}

int64_t app_project_wall_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * CALENDAR_US_PER_SECOND + now.tv_nsec / 1000;
}

// Before the first import the sources' own columns stand for the catalog.
static int provisional_catalog(Project *project, KretsError *error) {
    DB_DUCK_SCOPED duck = NULL;
    DuckOptions options = {.threads = project->options.threads,
                           .memory_bytes = project->options.memory_bytes / 10 * 7};
    int r = db_duck_open(&options, &duck, error);
    if (r < 0)
        return r;
    return ingest_catalog(project->arena, duck, project->model, app_project_wall_clock(),
                          &project->catalog, error);
}

int app_project_is_stale(Project *project, bool *ret_is_stale, KretsError *error) {
    bool is_stale = false;
    for (size_t i = 0; i < project->model->source_count && !is_stale; i++) {
        const Source *source = &project->model->sources[i];
        StoreSource imported;
        int r = store_source_get(project->store, project->arena, source->key, &imported, error);
        if (r < 0)
            return r;
        is_stale = r > 0 || !ingest_is_same_definition(project->arena, project->model, source, i,
                                                       imported.fingerprint);
    }
    *ret_is_stale = is_stale;
    return 0;
}

int app_project_compile(Project *project, KretsError *error) {
    if (!project->catalog || project->catalog->event_count == 0) {
        int r = provisional_catalog(project, error);
        if (r < 0)
            return r;
    }
    int r = lang_plan_compile(project->arena, project->model, project->catalog,
                              &project->diagnostics, &project->plan, error);
    bool is_stale = false;
    KretsError ignored;
    if (r < 0 && project->store && !project->catalog->is_provisional &&
        app_project_is_stale(project, &is_stale, &ignored) == 0 && is_stale)
        app_progress_note(project->progress,
                          "the model's sources changed since the last import; run `krets import`");
    return r;
}

static int last_event(Project *project, int64_t *ret_now_us, KretsError *error) {
    int r = store_last_event(project->store, app_project_wall_clock(), ret_now_us, error);
    if (r > 0)
        return base_error_set(error, BASE_E_STORE,
                              "there is no event yet that `last event` could mean; run "
                              "`krets import`, or give a time with --now");
    return r;
}

// A time as a person writes it: with an offset, or local to the model's zone; or a whole day.
static int read_time(const Project *project, const char *option, Str text, int64_t *ret_now_us,
                     KretsError *error) {
    int64_t local_us = 0;
    bool has_offset = false;
    int32_t offset_s = 0, day = 0;
    if (base_calendar_parse_time(text, &local_us, &has_offset, &offset_s)) {
        *ret_now_us = has_offset ? local_us - offset_s * CALENDAR_US_PER_SECOND
                                 : base_zone_instant(project->model->zone, local_us, NULL);
        return 0;
    }
    if (base_calendar_parse_date(text, &day)) {
        *ret_now_us = base_zone_midnight(project->model->zone, day);
        return 0;
    }
    return base_error_set(error, BASE_E_USAGE,
                          "%s: `%.*s` is not a time; write 2026-01-31, 2026-01-31T12:00, "
                          "2026-01-31T12:00Z or last-event",
                          option, STR_ARG(text));
}

static bool is_last_event(Str text) {
    return base_str_equal(text, STR("last-event")) || base_str_equal(text, STR("last event"));
}

int app_project_check_time(const Project *project, const char *option, Str text,
                           KretsError *error) {
    int64_t ignored = 0;
    return is_last_event(text) ? 0 : read_time(project, option, text, &ignored, error);
}

int app_project_read_time(Project *project, const char *option, Str text, int64_t *ret_time_us,
                          KretsError *error) {
    return is_last_event(text) ? last_event(project, ret_time_us, error)
                               : read_time(project, option, text, ret_time_us, error);
}

static const char *now_option(const Project *project) {
    return project->options.is_now_at ? "--at" : "--now";
}

int app_project_check_now(const Project *project, KretsError *error) {
    Str text = project->options.now;
    return text.size_bytes > 0 ? app_project_check_time(project, now_option(project), text, error)
                               : 0;
}

int app_project_now(Project *project, int64_t *ret_now_us, KretsError *error) {
    Str text = project->options.now;
    if (text.size_bytes > 0)
        return app_project_read_time(project, now_option(project), text, ret_now_us, error);
    if (project->model->now_kind == MODEL_NOW_LAST_EVENT)
        return last_event(project, ret_now_us, error);
    *ret_now_us = project->model->now_kind == MODEL_NOW_TIME ? project->model->now_us
                                                             : app_project_wall_clock();
    return 0;
}

int app_project_hash(Project *project, Str *ret_hash, KretsError *error) {
    BASE_TEXT_SCOPED text = {0};
    lang_canonical_model(&text, project->model, project->plan);
    StoreSource *sources = NULL;
    size_t count = 0;
    int r = store_sources(project->store, project->arena, &sources, &count, error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++)
        base_text_printf(&text, "\n%.*s %.*s %llu", STR_ARG(sources[i].source),
                         STR_ARG(sources[i].fingerprint), (unsigned long long)sources[i].row_count);
    *ret_hash = base_arena_printf(project->arena, "%016llx%016llx",
                                  (unsigned long long)base_str_hash(base_text_str(&text)),
                                  (unsigned long long)text.size_bytes);
    return 0;
}

Str app_project_time(const Project *project, int64_t time_us) {
    int64_t local_us = base_zone_local(project->model->zone, time_us);
    Str local = base_calendar_format_local(project->arena, local_us);
    Str zone = base_zone_name(project->model->zone);
    return base_arena_printf(project->arena, "%.*s %.*s %.*s", 10, local.data,
                             (int)local.size_bytes - 11, local.data + 11, STR_ARG(zone));
}

int app_project_check_store(Project *project, KretsError *error) {
    StoreFault *faults = NULL;
    size_t count = 0;
    int r = store_check_files(project->store, project->arena, &faults, &count, error);
    if (r < 0 || count == 0)
        return r;
    Str directory = project->options.data;
    return base_error_set(error, BASE_E_STORE,
                          "%zu of the store's files %s damaged: %.*s/%.*s: %.*s", count,
                          count == 1 ? "is" : "are", STR_ARG(directory), STR_ARG(faults[0].path),
                          STR_ARG(faults[0].text));
}
