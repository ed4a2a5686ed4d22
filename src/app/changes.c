#include "app/changes.h"

#include <assert.h>
#include <stdlib.h>

#include "app/flips.h"
#include "app/focus.h"
#include "app/history_index.h"
#include "app/members.h"

// What one thread found.
typedef struct Found {
    Arena *arena;   // of the rows and ids, with a budget
    Arena *passing; // of one customer
    ChangeRow *rows;
    size_t count, capacity;
    uint64_t customer_count;
} Found;

typedef struct Search {
    int32_t segment;
    int64_t from_us, to_us;
    Found *threads;
} Search;

static int out_of_memory(KretsError *error) {
    return base_error_set(error, BASE_E_RESOURCES,
                          "no memory left in the budget for so many changes: raise --memory, or "
                          "ask for a shorter time");
}

static int keep(Found *found, Str customer, const FlipChange *changes, size_t count,
                KretsError *error) {
    if (found->count + count > found->capacity) {
        size_t capacity = (found->count + count) * 2 + 64;
        ChangeRow *rows =
            base_arena_grow(found->arena, found->rows, found->count, capacity, sizeof *found->rows);
        if (!rows)
            return out_of_memory(error);
        found->rows = rows;
        found->capacity = capacity;
    }
    Str id = base_arena_str(found->arena, customer);
    if (!id.data)
        return out_of_memory(error);
    for (size_t i = 0; i < count; i++)
        found->rows[found->count++] =
            (ChangeRow){.at_us = changes[i].at_us, .customer = id, .is_entry = changes[i].is_entry};
    found->customer_count++;
    return 0;
}

static int visit(void *context, unsigned thread, Flips *flips, const EventTable *table,
                 size_t customer, KretsError *error) {
    const Search *search = context;
    Found *found = &search->threads[thread];
    const FlipChange *changes = NULL;
    size_t count = 0;
    base_arena_reset(found->passing);
    int r = engine_flip_changes(flips, found->passing, customer, search->segment, search->from_us,
                                search->to_us, &changes, &count, error);
    return r < 0 || count == 0 ? r
                               : keep(found, table->customer_ids[customer], changes, count, error);
}

static int compare_rows(const void *a, const void *b) {
    const ChangeRow *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return base_str_compare(x->customer, y->customer);
}

// The rows of all threads, ids copied, in order.
static int gather(Project *project, const Found *threads, ChangesResult *result,
                  KretsError *error) {
    size_t count = 0;
    for (unsigned i = 0; i < project->options.threads; i++)
        count += threads[i].count;
    ChangeRow *rows = base_arena_alloc_array(project->arena, count + 1, sizeof *rows);
    if (!rows)
        return out_of_memory(error);
    size_t at = 0;
    for (unsigned i = 0; i < project->options.threads; i++) {
        for (size_t k = 0; k < threads[i].count; k++) {
            rows[at] = threads[i].rows[k];
            result->entry_count += rows[at].is_entry;
            result->exit_count += !rows[at].is_entry;
            at++;
        }
        result->customer_count += threads[i].customer_count;
    }
    assert(at == count);
    qsort(rows, count, sizeof *rows, compare_rows);
    for (size_t k = 0; k < count; k++)
        rows[k].customer = base_arena_str(project->arena, rows[k].customer);
    result->rows = rows;
    result->row_count = count;
    return 0;
}

static int find_changes(Project *project, int32_t segment, const FitSet *fits,
                        ChangesResult *result, KretsError *error) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    unsigned threads = project->options.threads;
    size_t budget_bytes = project->options.memory_bytes / 10 / threads;
    Search search = {.segment = segment,
                     .from_us = result->from_us,
                     .to_us = result->to_us,
                     .threads = base_arena_alloc_array(arena, threads, sizeof(Found))};
    for (unsigned i = 0; i < threads; i++)
        search.threads[i] =
            (Found){.arena = base_arena_new(budget_bytes), .passing = base_arena_new(budget_bytes)};
    int r = app_flips_each(project, fits, visit, &search, error);
    if (r == 0)
        r = gather(project, search.threads, result, error);
    for (unsigned i = 0; i < threads; i++) {
        base_arena_free(search.threads[i].arena);
        base_arena_free(search.threads[i].passing);
    }
    return r;
}

int app_changes_check(const Project *project, Str from, Str to, KretsError *error) {
    int r = app_project_check_time(project, "--from", from, error);
    return r < 0 || to.size_bytes == 0 ? r : app_project_check_time(project, "--to", to, error);
}

static int read_times(Project *project, Str from, Str to, ChangesResult *result,
                      KretsError *error) {
    int r = app_project_read_time(project, "--from", from, &result->from_us, error);
    if (r == 0)
        r = to.size_bytes > 0 ? app_project_read_time(project, "--to", to, &result->to_us, error)
                              : app_project_now(project, &result->to_us, error);
    if (r < 0)
        return r;
    if (result->from_us > result->to_us)
        return base_error_set(error, BASE_E_USAGE,
                              "--from %.*s is after --to %.*s: the earlier instant comes first",
                              STR_ARG(app_project_time(project, result->from_us)),
                              STR_ARG(app_project_time(project, result->to_us)));
    int64_t now_us = 0;
    r = app_project_now(project, &now_us, error);
    result->is_foretold = r == 0 && result->to_us > now_us;
    return r;
}

int app_changes(Project *project, Str segment, Str from, Str to, ChangesResult *ret_result,
                KretsError *error) {
    int32_t index = 0;
    int r = app_members_find(project, segment, &index, error);
    if (r < 0)
        return r;
    ChangesResult result = {.segment = project->plan->segments[index].key,
                            .name = project->model->segments[index].name};
    BASE_TEXT_SCOPED words = {0};
    lang_words_node(&words, project->plan, project->plan->segments[index].node);
    result.words = base_arena_str(project->arena, base_text_str(&words));
    const FitSet *fits = NULL;
    r = read_times(project, from, to, &result, error);
    if (r == 0)
        r = app_focus_segment(project, index, &index, error);
    if (r == 0)
        r = app_population_stored_fit(project, &fits, &result.fit_version, error);
    if (r < 0)
        return r;
    r = find_changes(project, index, fits, &result, error);
    if (r < 0)
        r = app_history_index_renew(project, r, error);
    if (r == 1)
        r = find_changes(project, index, fits, &result, error);
    if (r == 0)
        *ret_result = result;
    return r;
}
