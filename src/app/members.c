#include "app/members.h"

#include "app/flips.h"
#include "app/focus.h"
#include "app/tables.h"
#include "lang/diagnostic.h"

int app_members_find(const Project *project, Str segment, int32_t *ret_index, KretsError *error) {
    const Plan *plan = project->plan;
    Str *known =
        base_arena_alloc_array(project->arena, (size_t)plan->segment_count + 1, sizeof *known);
    for (int32_t s = 0; s < plan->segment_count; s++) {
        known[s] = plan->segments[s].key;
        if (base_str_equal(known[s], segment) ||
            base_str_equal(project->model->segments[s].name, segment)) {
            *ret_index = s;
            return 0;
        }
    }
    Str near = lang_suggest(project->arena, segment, known, (size_t)plan->segment_count);
    if (near.size_bytes > 0)
        return base_error_set(error, BASE_E_USAGE,
                              "there is no segment `%.*s` in the model; did you mean `%.*s`?",
                              STR_ARG(segment), STR_ARG(near));
    return base_error_set(error, BASE_E_USAGE,
                          "there is no segment `%.*s` in the model; `krets check --print` lists "
                          "them",
                          STR_ARG(segment));
}

int app_members(Project *project, Str segment, MembersResult *ret_result, KretsError *error) {
    int32_t index = 0;
    int r = app_members_find(project, segment, &index, error);
    if (r < 0)
        return r;
    MembersResult result = {.segment = project->plan->segments[index].key,
                            .name = project->model->segments[index].name};
    r = app_project_now(project, &result.now_us, error);
    if (r < 0)
        return r;
    const FitSet *fits = NULL;
    r = app_population_stored_fit(project, &fits, &result.fit_version, error);
    if (r < 0)
        return r;
    r = app_population_answers(project, project->arena, result.now_us, &index, fits,
                               &result.answers, error);
    if (r < 0)
        return r;
    BASE_TEXT_SCOPED words = {0};
    lang_words_node(&words, project->plan, project->plan->segments[index].node);
    result.words = base_arena_str(project->arena, base_text_str(&words));
    result.population = result.answers.customer_count;
    result.members = result.answers.segments[0];
    *ret_result = result;
    return 0;
}

int app_members_spans(Project *project, MembersResult *result, KretsError *error) {
    const Model *model = project->model;
    const Plan *plan = project->plan;
    int32_t index = 0;
    const FitSet *fits = NULL;
    int r = app_members_find(project, result->segment, &index, error);
    if (r == 0)
        r = app_focus_segment(project, index, &index, error);
    if (r == 0)
        r = app_population_stored_fit(project, &fits, NULL, error);
    if (r == 0)
        r = app_flips_spans(project, project->arena, fits, &result->answers, result->members, index,
                            &result->spans, error);
    app_tables_done(project); // of the narrow plan
    project->model = model;
    project->plan = plan;
    return r;
}
