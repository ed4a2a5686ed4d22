#include "app/instants.h"

#include <stdlib.h>
#include <string.h>

#include "app/flips.h"
#include "app/history_index.h"
#include "app/import.h"
#include "app/results.h"

// --- the instants ---

static int split(const Project *project, Str at, Str *texts, size_t *ret_count, KretsError *error) {
    size_t count = 0;
    for (;;) {
        const char *comma = memchr(at.data, ',', at.size_bytes);
        Str text = {at.data, comma ? (size_t)(comma - at.data) : at.size_bytes};
        if (count == INSTANTS_MAX)
            return base_error_set(error, BASE_E_USAGE,
                                  "--at: at most %d instants at once; run it again for the others",
                                  INSTANTS_MAX);
        texts[count++] = base_str_trim(text);
        int r = app_project_check_time(project, "--at", texts[count - 1], error);
        if (r < 0)
            return r;
        if (!comma)
            break;
        at = (Str){comma + 1, at.size_bytes - text.size_bytes - 1};
    }
    *ret_count = count;
    return 0;
}

static int compare_times(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

// Ascending, equal ones once.
static int read_instants(Project *project, const Str *texts, size_t text_count, int64_t *times_us,
                         size_t *ret_count, KretsError *error) {
    for (size_t i = 0; i < text_count; i++) {
        int r = app_project_read_time(project, "--at", texts[i], &times_us[i], error);
        if (r < 0)
            return r;
    }
    qsort(times_us, text_count, sizeof *times_us, compare_times);
    size_t count = 0;
    for (size_t i = 0; i < text_count; i++)
        if (count == 0 || times_us[count - 1] != times_us[i])
            times_us[count++] = times_us[i];
    *ret_count = count;
    return 0;
}

// --- one of them ---

// "customers-2026-01-31" for a midnight of the model's zone, else "customers-2026-01-31T113000Z",
// with the microseconds where there are any: names that every file system takes.
static Str file_name(const Project *project, int64_t time_us) {
    const Zone *zone = project->model->zone;
    int32_t day = base_zone_day(zone, time_us);
    if (base_zone_midnight(zone, day) == time_us)
        return base_arena_printf(project->arena, "customers-%.*s",
                                 STR_ARG(base_calendar_format_date(project->arena, day)));
    Str text = base_calendar_format_local(project->arena, time_us);
    BASE_TEXT_SCOPED name = {0};
    for (size_t i = 0; i < text.size_bytes; i++)
        if (text.data[i] != ':')
            base_text_append_char(&name, text.data[i]);
    return base_arena_printf(project->arena, "customers-%sZ", name.data);
}

static int answer_instant(Project *project, const RunOptions *options, const FitSet *fits,
                          int64_t time_us, RunResult *result, RunTimings *timings,
                          KretsError *error) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Answers answers = {0};
    double begin = app_run_seconds();
    int r = app_population_answers(project, arena, time_us, NULL, fits, &answers, error);
    if (r < 0)
        return r;
    app_run_segments(project, project->arena, &answers, result);
    double evaluated = app_run_seconds();
    TableColumn next_flip = {0};
    if (options->is_with_flips)
        r = app_flips_next(project, arena, fits, &answers, &next_flip, error);
    double flipped = app_run_seconds();
    if (r == 0)
        r = app_results_customers_at(project, &answers, options->is_with_flips ? &next_flip : NULL,
                                     options->is_csv, file_name(project, time_us),
                                     &result->customers_path, error);
    data_answers_done(&answers);
    timings->evaluate_s += evaluated - begin;
    timings->flip_s += flipped - evaluated;
    timings->write_s += app_run_seconds() - flipped;
    return r;
}

// --- all of them ---

static int find_fit(Project *project, const FitSet **ret_fits, InstantsResult *result,
                    KretsError *error) {
    StoreFit stored;
    int r =
        store_fit_get(project->store, project->arena, project->options.fit_version, &stored, error);
    if (r < 0)
        return r;
    int64_t now_us = 0;
    bool is_missing = r > 0 && project->plan->fit_count > 0 && project->options.fit_version == 0;
    if (is_missing)
        r = app_project_now(project, &now_us, error);
    if (is_missing && r == 0)
        r = app_run_fit(project, now_us, ret_fits, &result->fit_version, error);
    else if (r >= 0)
        r = app_population_stored_fit(project, ret_fits, &result->fit_version, error);
    if (r == 0 && *ret_fits)
        result->fit_us = (*ret_fits)->now_us;
    return r;
}

static int prepare(Project *project, const Str *texts, size_t text_count, int64_t *times_us,
                   InstantsResult *result, KretsError *error) {
    double begin = app_run_seconds();
    int r = app_project_open_store(project, false, error);
    if (r == 0)
        r = app_import(project, NULL, error);
    if (r == 0)
        r = app_project_compile(project, error);
    if (r == 0)
        r = read_instants(project, texts, text_count, times_us, &result->count, error);
    double imported = app_run_seconds();
    if (r == 0)
        r = app_history_index_open(project, false, error);
    result->timings.import_s = imported - begin;
    result->timings.index_s = app_run_seconds() - imported;
    return r;
}

static int answer_all(Project *project, const RunOptions *options, const int64_t *times_us,
                      InstantsResult *result, KretsError *error) {
    const FitSet *fits = NULL;
    double begin = app_run_seconds();
    int r = find_fit(project, &fits, result, error);
    if (r == 0)
        r = app_results_folder(project, error);
    result->timings.fit_s = app_run_seconds() - begin;
    RunResult *instants = base_arena_alloc_array(project->arena, result->count, sizeof *instants);
    for (size_t i = 0; r == 0 && i < result->count; i++) {
        r = answer_instant(project, options, fits, times_us[i], &instants[i], &result->timings,
                           error);
        app_progress_step(project->progress, "instants", (double)(i + 1) / (double)result->count,
                          i + 1, "instants");
    }
    result->instants = instants;
    if (r == 0)
        r = app_results_segments_at(project, instants, result->count, &result->segments_path,
                                    error);
    return r;
}

int app_instants_run(Project *project, const RunOptions *options, Str at,
                     InstantsResult *ret_result, KretsError *error) {
    Str texts[INSTANTS_MAX];
    int64_t times_us[INSTANTS_MAX];
    size_t text_count = 0;
    InstantsResult result = {0};
    int r = split(project, at, texts, &text_count, error);
    if (r == 0)
        r = prepare(project, texts, text_count, times_us, &result, error);
    if (r == 0)
        r = answer_all(project, options, times_us, &result, error);
    if (r == 0)
        *ret_result = result;
    return r;
}
