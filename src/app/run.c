#include "app/run.h"

#include <math.h>
#include <time.h>

#include "app/flips.h"
#include "app/history_index.h"
#include "app/import.h"
#include "app/report.h"
#include "app/results.h"

double app_run_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void app_run_money_format(Text *out, __int128 money) {
    unsigned __int128 left = money < 0 ? -(unsigned __int128)money : (unsigned __int128)money;
    unsigned fraction = (unsigned)(left % VALUE_DECIMAL_ONE);
    left /= VALUE_DECIMAL_ONE;
    char digits[48];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + (int)(left % 10));
        left /= 10;
    } while (left);
    if (money < 0)
        base_text_append_char(out, '-');
    base_text_append(out, (Str){digits + at, sizeof digits - at});
    if (!fraction)
        return;
    char decimals[8];
    int size = snprintf(decimals, sizeof decimals, ".%04u", fraction);
    while (decimals[size - 1] == '0')
        size--;
    base_text_append(out, (Str){decimals, (size_t)size});
}

static Value column_value(const Answers *answers, size_t row) {
    if (answers->value.type == VALUE_NULL)
        return data_value_null(VALUE_NULL);
    return data_table_value(&answers->value, row);
}

static __int128 sum_members(const roaring_bitmap_t *members, const __int128 *money) {
    uint32_t some[1024];
    __int128 sum = 0;
    roaring_uint32_iterator_t at;
    roaring_init_iterator(members, &at);
    for (uint32_t count; (count = roaring_read_uint32_iterator(&at, some, 1024)) > 0;)
        for (uint32_t i = 0; i < count; i++)
            sum += money[some[i]];
    return sum;
}

static double ratio(__int128 part, __int128 whole) {
    return whole > 0 ? (double)part / (double)whole : NAN;
}

void app_run_segments(const Project *project, Arena *arena, const Answers *answers,
                      RunResult *result) {
    result->now_us = answers->now_us;
    result->customer_count = answers->customer_count;
    result->invalid_zone_count = answers->invalid_zone_count;
    result->has_value = project->plan->value != NODE_NONE;
    result->segment_count = answers->segment_count;
    result->segments =
        base_arena_alloc_array(arena, answers->segment_count + 1, sizeof(SegmentRow));
    result->money = 0;
    uint64_t beyond_count = 0;
    BASE_ARENA_SCOPED scratch = base_arena_new(SIZE_MAX);
    __int128 *money = base_arena_alloc_array(scratch, answers->customer_count + 1, sizeof *money);
    for (size_t i = 0; i < answers->customer_count; i++) {
        Value value = column_value(answers, i);
        beyond_count += !app_population_is_money(value);
        money[i] = app_population_money(value);
        result->money += money[i];
    }
    if (beyond_count > 0)
        app_progress_note(
            project->progress, "value: customers beyond %g either way count as that much: %llu",
            POPULATION_MONEY_MAX / VALUE_DECIMAL_ONE, (unsigned long long)beyond_count);
    for (size_t s = 0; s < answers->segment_count; s++) {
        __int128 of_members = result->has_value ? sum_members(answers->segments[s], money) : 0;
        uint64_t customers = roaring_bitmap_get_cardinality(answers->segments[s]);
        result->segments[s] = (SegmentRow){
            .key = project->model->segments[s].key,
            .name = project->model->segments[s].name,
            .customers = customers,
            .share = ratio((__int128)customers, (__int128)answers->customer_count),
            .money = of_members,
            .value_share = ratio(of_members, result->money),
            .mean_value = customers
                              ? (double)of_members / (double)VALUE_DECIMAL_ONE / (double)customers
                              : NAN,
        };
    }
}

int app_run_fit(Project *project, int64_t now_us, const FitSet **ret_fits, int64_t *ret_version,
                KretsError *error) {
    *ret_fits = NULL;
    *ret_version = 0;
    if (project->plan->fit_count == 0)
        return 0;
    const FitSet *fits = NULL;
    int r = app_population_fit(project, now_us, &fits, error);
    if (r < 0)
        return r;
    BASE_TEXT_SCOPED json = {0};
    engine_fit_write(&json, project->plan, fits);
    r = store_fit_save(project->store, now_us, base_text_str(&json), ret_version, error);
    if (r == 0)
        *ret_fits = fits;
    return r;
}

// Month ends from the first event to now, and now itself: at most REPORT_INSTANT_MAX of them.
enum { REPORT_INSTANT_MAX = 120 };

static size_t history_instants(const Project *project, Arena *arena, int64_t first_us,
                               int64_t now_us, const int64_t **ret_instants) {
    int64_t *instants = base_arena_alloc_array(arena, REPORT_INSTANT_MAX + 1, sizeof *instants);
    const Zone *zone = project->model->zone;
    size_t count = 0;
    int64_t shift = 0;
    while (count < REPORT_INSTANT_MAX - 1) { // newest first
        int64_t end_us = base_zone_period(zone, now_us, UNIT_MONTH, shift--) - 1;
        if (end_us < first_us)
            break;
        instants[count++] = end_us;
    }
    for (size_t i = 0; i < count / 2; i++) {
        int64_t swap = instants[i];
        instants[i] = instants[count - 1 - i];
        instants[count - 1 - i] = swap;
    }
    instants[count++] = now_us;
    *ret_instants = instants;
    return count;
}

static int write_report(Project *project, const Answers *answers, RunResult *result,
                        KretsError *error) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    int64_t first_us = result->now_us;
    store_first_event(project->store, &first_us); // without events the history is now alone
    const int64_t *instants = NULL;
    size_t count = history_instants(project, arena, first_us, result->now_us, &instants);
    PopulationHistory history;
    const FitSet *fits = NULL;
    int r = app_population_stored_fit(project, &fits, NULL, error);
    if (r == 0)
        r = app_population_history(project, arena, instants, count, fits, &history, error);
    if (r < 0)
        return r;
    return app_report_write(project, answers, result, &history, error);
}

static int write_results(Project *project, const Answers *answers, const TableColumn *next_flip,
                         bool is_csv, RunResult *result, KretsError *error) {
    int r = app_results_folder(project, error);
    if (r < 0)
        return r;
    r = app_results_segments(project, result, error);
    if (r < 0)
        return r;
    r = app_results_customers(project, answers, next_flip, is_csv, result, error);
    if (r < 0)
        return r;
    return write_report(project, answers, result, error);
}

int app_run(Project *project, const RunOptions *options, RunResult *ret_result, KretsError *error) {
    RunResult result = {0};
    double begin = app_run_seconds();
    int r = app_project_check_now(project, error);
    if (r < 0)
        return r;
    r = app_project_open_store(project, false, error);
    if (r < 0)
        return r;
    r = app_import(project, NULL, error);
    if (r < 0)
        return r;
    r = app_project_compile(project, error);
    if (r < 0)
        return r;
    int64_t now_us = 0;
    r = app_project_now(project, &now_us, error);
    if (r < 0)
        return r;
    double imported = app_run_seconds();
    r = app_history_index_open(project, false, error);
    if (r < 0)
        return r;
    double indexed = app_run_seconds();
    const FitSet *fits = NULL;
    r = app_run_fit(project, now_us, &fits, &result.fit_version, error);
    if (r < 0)
        return r;
    double fitted = app_run_seconds();
    Answers answers = {0};
    r = app_population_answers(project, project->arena, now_us, NULL, fits, &answers, error);
    if (r < 0)
        return r;
    app_run_segments(project, project->arena, &answers, &result);
    double evaluated = app_run_seconds();
    TableColumn next_flip = {0};
    if (options->is_with_flips)
        r = app_flips_next(project, project->arena, fits, &answers, &next_flip, error);
    double flipped = app_run_seconds();
    if (r == 0)
        r = write_results(project, &answers, options->is_with_flips ? &next_flip : NULL,
                          options->is_csv, &result, error);
    data_answers_done(&answers);
    result.timings = (RunTimings){.import_s = imported - begin,
                                  .index_s = indexed - imported,
                                  .fit_s = fitted - indexed,
                                  .evaluate_s = evaluated - fitted,
                                  .flip_s = flipped - evaluated,
                                  .write_s = app_run_seconds() - flipped};
    if (r == 0)
        *ret_result = result;
    return r;
}
