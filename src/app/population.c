#include "app/population.h"

#include <math.h>
#include <pthread.h>

#include "app/history_index.h"
#include "app/population_private.h"

int app_population_run(const PopulationJob *job, KretsError *error) {
    Project *project = job->project;
    int r = app_history_index_open(project, false, error);
    if (r < 0)
        return r;
    ENGINE_KERNEL_SCOPED kernel = NULL;
    r = engine_kernel_new(job->plan, job->options, &kernel, error);
    if (r < 0)
        return r;
    KernelBinding *binding = NULL;
    r = engine_kernel_bind(kernel, index_source(project->index), job->fits, &binding, error);
    if (r < 0)
        return r;
    KernelJob kernel_job = {.binding = binding,
                            .nows_us = job->nows_us,
                            .now_count = job->now_count,
                            .threads = project->options.threads,
                            .memory_bytes = project->options.memory_bytes / 10 * 4,
                            .sink = job->sink,
                            .context = job->context};
    r = engine_kernel_run(&kernel_job, error);
    engine_kernel_unbind(binding);
    return r;
}

// --- fits ---

// The fits of a level as metrics behind those of the model: what is fitted, and which customers.
typedef struct FitColumns {
    FitBuilder *builder;
    pthread_mutex_t mutex;
    KretsError *error;
    int32_t *fits;    // of the level
    int32_t *metrics; // of the plan: for each fit its x, then its `where` if it has one
    int32_t fit_count, metric_count;
    const Plan *plan;
} FitColumns;

// Lanes of the population for which the boolean column is true.
static void keep_true(const TableColumn *column, uint64_t *lanes) {
    const uint8_t *values = column->values;
    for (size_t w = 0; w < BLOCK_WORDS; w++)
        for (uint64_t left = lanes[w]; left; left &= left - 1) {
            size_t lane = w * 64 + (size_t)__builtin_ctzll(left);
            if ((column->valid && !column->valid[lane]) || !values[lane])
                lanes[w] &= ~(left & -left);
        }
}

static int add_fit_block(void *context, unsigned thread, const KernelAnswer *answer) {
    (void)thread;
    FitColumns *columns = context;
    int r = 0;
    pthread_mutex_lock(&columns->mutex);
    for (int32_t i = 0, m = 0; r == 0 && i < columns->fit_count; i++) {
        const Fit *fit = &columns->plan->fits[columns->fits[i]];
        uint64_t lanes[BLOCK_WORDS];
        for (size_t w = 0; w < BLOCK_WORDS; w++)
            lanes[w] = answer->population[w];
        const TableColumn *x = &answer->metrics[m++];
        if (fit->where != NODE_NONE)
            keep_true(&answer->metrics[m++], lanes);
        r = engine_fit_add(columns->builder, columns->fits[i], x, lanes, BLOCK_WORDS,
                           columns->error);
    }
    pthread_mutex_unlock(&columns->mutex);
    return r;
}

// The plan with what is fitted as further metrics.
static Plan fit_plan(Arena *arena, const Plan *plan, int32_t level, FitColumns *columns) {
    size_t room = (size_t)plan->metric_count + 2 * (size_t)plan->fit_count + 1;
    PlanMetric *metrics = base_arena_alloc_array(arena, room, sizeof *metrics);
    columns->fits = base_arena_alloc_array(arena, room, sizeof *columns->fits);
    columns->metrics = base_arena_alloc_array(arena, room, sizeof *columns->metrics);
    Plan with = *plan;
    for (int32_t m = 0; m < plan->metric_count; m++)
        metrics[m] = plan->metrics[m];
    for (int32_t i = 0; i < plan->fit_count; i++) {
        if (plan->fits[i].level != level)
            continue;
        columns->fits[columns->fit_count++] = i;
        NodeId nodes[] = {plan->fits[i].x, plan->fits[i].where};
        for (size_t k = 0; k < 2; k++)
            if (nodes[k] != NODE_NONE) {
                columns->metrics[columns->metric_count++] = with.metric_count;
                metrics[with.metric_count++] = (PlanMetric){plan->fits[i].key, nodes[k]};
            }
    }
    with.metrics = metrics;
    return with;
}

static int fit_level(Project *project, FitBuilder *builder, int64_t now_us, int32_t level,
                     KretsError *error) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    FitColumns columns = {.builder = builder,
                          .mutex = PTHREAD_MUTEX_INITIALIZER,
                          .error = error,
                          .plan = project->plan};
    Plan plan = fit_plan(arena, project->plan, level, &columns);
    KernelOptions options = {.segments = &(int32_t){0},
                             .segment_count = 0,
                             .metrics = columns.metrics,
                             .metric_count = columns.metric_count,
                             .is_without_value = true};
    PopulationJob job = {.project = project,
                         .plan = &plan,
                         .options = &options,
                         .fits = engine_fit_so_far(builder),
                         .nows_us = &now_us,
                         .now_count = 1,
                         .sink = add_fit_block,
                         .context = &columns};
    int r = app_population_run(&job, error);
    pthread_mutex_destroy(&columns.mutex);
    return r < 0 ? r : engine_fit_level(builder, level, error);
}

static int fit_once(Project *project, int64_t now_us, const FitSet **ret_fits, KretsError *error) {
    FitBuilder *builder = engine_fit_new(project->arena, project->plan, now_us);
    int r = 0;
    for (int32_t level = 0; r == 0 && level < engine_fit_level_count(builder); level++)
        r = fit_level(project, builder, now_us, level, error);
    const FitSet *fits = engine_fit_done(builder);
    if (r == 0)
        *ret_fits = fits;
    return r;
}

int app_population_fit(Project *project, int64_t now_us, const FitSet **ret_fits,
                       KretsError *error) {
    int r = fit_once(project, now_us, ret_fits, error);
    if (r < 0)
        r = app_history_index_renew(project, r, error);
    return r == 1 ? fit_once(project, now_us, ret_fits, error) : r;
}

int app_population_stored_fit(Project *project, const FitSet **ret_fits, int64_t *ret_version,
                              KretsError *error) {
    *ret_fits = NULL;
    if (ret_version)
        *ret_version = 0;
    if (project->plan->fit_count == 0)
        return 0;
    StoreFit fit;
    int r =
        store_fit_get(project->store, project->arena, project->options.fit_version, &fit, error);
    if (r < 0)
        return r;
    if (r > 0)
        return base_error_set(
            error, BASE_E_USAGE,
            "the model uses ntile, percentile or top and no such fit is stored; run "
            "`krets fit` (or `krets run`) first");
    if (ret_version)
        *ret_version = fit.version;
    return engine_fit_read(project->arena, project->plan, fit.json, ret_fits, error);
}

bool app_population_is_money(Value value) {
    return value.is_null || value.type != VALUE_NUMBER ||
           fabs(value.number * (double)VALUE_DECIMAL_ONE) < POPULATION_MONEY_MAX;
}

__int128 app_population_money(Value value) {
    if (value.is_null)
        return 0;
    switch (value.type) {
    case VALUE_INTEGER:
        return (__int128)value.integer * VALUE_DECIMAL_ONE;
    case VALUE_DECIMAL:
        return value.decimal;
    case VALUE_NUMBER: {
        double scaled = value.number * (double)VALUE_DECIMAL_ONE;
        if (!app_population_is_money(value))
            return scaled > 0 ? (__int128)POPULATION_MONEY_MAX : -(__int128)POPULATION_MONEY_MAX;
        return (__int128)(scaled + (scaled < 0 ? -0.5 : 0.5));
    }
    default:
        return 0;
    }
}

Value app_population_keep(Arena *arena, Value value) {
    if (value.is_null)
        return value;
    if (value.type == VALUE_TEXT)
        value.text = base_arena_str(arena, value.text);
    if (value.type == VALUE_LIST) {
        Str *items = base_arena_alloc_array(arena, value.list.count + 1, sizeof *items);
        for (size_t i = 0; i < value.list.count; i++)
            items[i] = base_arena_str(arena, value.list.items[i]);
        value.list.items = items;
    }
    return value;
}
