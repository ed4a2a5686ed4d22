#include "app/import.h"

#include <jansson.h>

#include "ingest/ingest.h"

typedef struct ImportProgress {
    const AppProgress *progress;
    const char *what;
} ImportProgress;

static void on_progress(void *context, double ratio, uint64_t rows) {
    ImportProgress *import = context;
    app_progress_step(import->progress, import->what, ratio, rows, "rows");
}

// What the earlier import of the source left; NULL: nothing.
static int import_state(Project *project, const StoreSource *previous, IngestState *ret_state,
                        KretsError *error) {
    *ret_state = (IngestState){.now_us = app_project_wall_clock(), .catalog = project->catalog};
    if (!previous)
        return 0;
    BASE_TEXT_SCOPED history = {0};
    int r = store_history_sql(project->store, project->arena, &history, error);
    if (r < 0)
        return r;
    ret_state->is_known = true;
    ret_state->fingerprint = previous->fingerprint;
    ret_state->cursor = previous->cursor;
    ret_state->row_max = previous->row_max;
    ret_state->history_sql = base_arena_str(project->arena, base_text_str(&history));
    return 0;
}

// The sum of the counts of the report's findings of one kind.
static json_int_t count_findings(const json_t *report, const char *kind) {
    json_int_t sum = 0;
    size_t i;
    json_t *finding;
    json_array_foreach(json_object_get(report, kind), i, finding) {
        sum += json_integer_value(json_object_get(finding, "count"));
    }
    return sum;
}

// Nothing is left out in silence: the numbers here, the reasons in the profile.
static void note_import(Project *project, const StoreSource *imported) {
    json_t *report =
        json_loadb(imported->report_json.data, imported->report_json.size_bytes, 0, NULL);
    json_int_t rows = count_findings(report, "left_out"),
               values = count_findings(report, "rejected");
    json_decref(report);
    BASE_TEXT_SCOPED lost = {0};
    if (rows > 0)
        base_text_printf(&lost, "; rows left out: %lld", (long long)rows);
    if (values > 0)
        base_text_printf(&lost, "; values rejected: %lld", (long long)values);
    app_progress_note(project->progress, "%.*s: %llu events%s%s", STR_ARG(imported->source),
                      (unsigned long long)imported->row_count, lost.data ? lost.data : "",
                      rows + values > 0 ? " (krets profile says why)" : "");
}

static int import_source(Project *project, size_t place, ImportedSource *ret_source,
                         KretsError *error) {
    const Source *source = &project->model->sources[place];
    *ret_source = (ImportedSource){.source = source->key};
    StoreSource previous = {0};
    int known = store_source_get(project->store, project->arena, source->key, &previous, error);
    if (known < 0)
        return known;
    IngestState state = {0};
    int r = import_state(project, known == 0 ? &previous : NULL, &state, error);
    if (r < 0)
        return r;
    Staged staged = {0};
    BASE_TEXT_SCOPED what = {0};
    base_text_printf(&what, "import %.*s", STR_ARG(source->key));
    app_progress_step(project->progress, what.data, -1, 0, "rows");
    r = ingest_stage(project->arena, store_duck(project->store), project->model, source, place,
                     &state, &staged, error);
    if (r < 0)
        return r;
    if (r > 0) {
        ret_source->is_unchanged = true;
        app_progress_note(project->progress, "%.*s: unchanged, nothing to import",
                          STR_ARG(source->key));
        return 0;
    }
    ImportProgress progress = {.progress = project->progress, .what = what.data};
    r = store_import(project->store, &staged, on_progress, &progress, error);
    if (r < 0)
        return base_error_prefix(error, r, "importing %.*s", STR_ARG(source->key));
    StoreSource imported;
    r = store_source_get(project->store, project->arena, source->key, &imported, error);
    if (r < 0)
        return r;
    ret_source->row_count = imported.row_count;
    note_import(project, &imported);
    return ingest_release(store_duck(project->store), place, error);
}

static bool is_in_model(const Model *model, Str source) {
    for (size_t i = 0; i < model->source_count; i++)
        if (base_str_equal(model->sources[i].key, source))
            return true;
    return false;
}

static int drop_others(Project *project, KretsError *error) {
    StoreSource *sources = NULL;
    size_t count = 0;
    int r = store_sources(project->store, project->arena, &sources, &count, error);
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (is_in_model(project->model, sources[i].source))
            continue;
        app_progress_note(project->progress, "%.*s: no longer in the model, its events are removed",
                          STR_ARG(sources[i].source));
        r = store_source_drop(project->store, sources[i].source, error);
    }
    return r;
}

int app_import(Project *project, ImportResult *ret_result, KretsError *error) {
    size_t count = project->model->source_count;
    ImportedSource *sources = base_arena_alloc_array(project->arena, count + 1, sizeof *sources);
    int r = drop_others(project, error);
    for (size_t place = 0; r == 0 && place < count; place++)
        r = import_source(project, place, &sources[place], error);
    if (r < 0)
        return r;
    if (ret_result)
        *ret_result = (ImportResult){.sources = sources, .source_count = count};
    return store_catalog(project->store, project->arena, &project->catalog, error);
}
