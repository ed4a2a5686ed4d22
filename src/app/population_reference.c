// The population by the reference evaluator, over tables read from the store: the twin of the
// kernel over the index.
#include <stdlib.h>

#include "app/population.h"
#include "app/tables.h"
#include "engine/evaluate.h"

static size_t evaluate_budget(const Project *project) {
    return project->options.memory_bytes / 10 * 2;
}

static int fit_level(Project *project, FitBuilder *builder, int32_t level, KretsError *error) {
    for (size_t bucket = 0; bucket < store_bucket_count(project->store); bucket++) {
        const EventTable *table = NULL;
        int r = app_tables_get(project, bucket, &table, error);
        if (r < 0)
            return r;
        r = engine_fit_collect(builder, level, table, project->options.threads, error);
        if (r < 0)
            return r;
    }
    return engine_fit_level(builder, level, error);
}

int app_population_reference_fit(Project *project, int64_t now_us, const FitSet **ret_fits,
                                 KretsError *error) {
    FitBuilder *builder = engine_fit_new(project->arena, project->plan, now_us);
    int r = 0;
    for (int32_t level = 0; r == 0 && level < engine_fit_level_count(builder); level++)
        r = fit_level(project, builder, level, error);
    const FitSet *fits = engine_fit_done(builder);
    if (r == 0)
        *ret_fits = fits;
    return r;
}

// --- answers ---

// What the sink writes for each customer of one bucket; rows of customers outside the population
// stay empty. Each customer has its own slots, so threads need no lock.
typedef struct Slots {
    const EventTable *table;
    size_t metric_count, segment_count;
    uint8_t *is_member_of_population; // [customer]
    Value *metrics;                   // [customer * metric_count + metric]
    Value *value;                     // [customer]
    uint8_t *segments;                // [customer * segment_count + segment]
    uint64_t invalid_zone_count;
} Slots;

// Texts of values live in the sink's call only: copies go to an arena per thread.
typedef struct AnswerSinkContext {
    Slots *slots;
    Arena **arenas; // per thread
} AnswerSinkContext;

static int keep_answer(void *context, unsigned thread, const Answer *answer) {
    AnswerSinkContext *sink = context;
    Slots *slots = sink->slots;
    size_t customer = answer->customer;
    slots->is_member_of_population[customer] = 1;
    for (size_t m = 0; m < slots->metric_count; m++)
        slots->metrics[customer * slots->metric_count + m] =
            app_population_keep(sink->arenas[thread], answer->metrics[m]);
    slots->value[customer] = answer->value;
    for (size_t s = 0; s < slots->segment_count; s++)
        slots->segments[customer * slots->segment_count + s] = answer->segments[s];
    return 0;
}

static int evaluate_bucket(Project *project, Arena *arena, Arena **arenas, const EventTable *table,
                           int64_t now_us, const FitSet *fits, Slots *slots, KretsError *error) {
    size_t customers = table->customer_count + 1;
    slots->table = table;
    slots->metric_count = (size_t)project->plan->metric_count;
    slots->segment_count = (size_t)project->plan->segment_count;
    slots->is_member_of_population = base_arena_alloc(arena, customers);
    slots->metrics =
        base_arena_alloc_array(arena, customers * (slots->metric_count + 1), sizeof(Value));
    slots->value = base_arena_alloc_array(arena, customers, sizeof(Value));
    slots->segments = base_arena_alloc_array(arena, customers, slots->segment_count + 1);
    AnswerSinkContext context = {.slots = slots, .arenas = arenas};
    EvaluateJob job = {.plan = project->plan,
                       .table = table,
                       .fits = fits,
                       .nows_us = &now_us,
                       .now_count = 1,
                       .threads = project->options.threads,
                       .memory_bytes = evaluate_budget(project),
                       .sink = keep_answer,
                       .context = &context,
                       .invalid_zone_counts = &slots->invalid_zone_count};
    return engine_evaluate(&job, error);
}

// One customer of the population: where its answers are.
typedef struct Found {
    Str id;
    const Slots *slots;
    size_t customer;
} Found;

static int compare_found(const void *a, const void *b) {
    return base_str_compare(((const Found *)a)->id, ((const Found *)b)->id);
}

// Column `metric` of the found customers; SIZE_MAX stands for the model's value.
static TableColumn gather_column(Arena *arena, const Found *found, size_t count, ValueType type,
                                 size_t metric) {
    char *values = base_arena_alloc_array(arena, count + 1, data_table_value_size(type));
    uint8_t *valid = base_arena_alloc(arena, count + 1);
    for (size_t i = 0; i < count; i++) {
        const Slots *slots = found[i].slots;
        Value value = metric == SIZE_MAX
                          ? slots->value[found[i].customer]
                          : slots->metrics[found[i].customer * slots->metric_count + metric];
        valid[i] = !value.is_null;
        if (valid[i])
            data_table_put(values, i, app_population_keep(arena, value));
    }
    return (TableColumn){.type = type, .values = values, .valid = valid};
}

static void gather_segments(Answers *answers, Arena *arena, const Found *found) {
    answers->segments =
        base_arena_alloc_array(arena, answers->segment_count + 1, sizeof *answers->segments);
    for (size_t s = 0; s < answers->segment_count; s++) {
        roaring_bitmap_t *members = roaring_bitmap_create();
        for (size_t i = 0; i < answers->customer_count; i++) {
            const Slots *slots = found[i].slots;
            if (slots->segments[found[i].customer * slots->segment_count + s])
                roaring_bitmap_add(members, (uint32_t)i);
        }
        roaring_bitmap_run_optimize(members);
        answers->segments[s] = members;
    }
}

static void gather_answers(const Project *project, Arena *arena, const Found *found,
                           Answers *answers) {
    const Plan *plan = project->plan;
    Str *ids = base_arena_alloc_array(arena, answers->customer_count + 1, sizeof *ids);
    for (size_t i = 0; i < answers->customer_count; i++)
        ids[i] = base_arena_str(arena, found[i].id);
    answers->customer_ids = ids;
    TableColumn *metrics =
        base_arena_alloc_array(arena, (size_t)plan->metric_count + 1, sizeof *metrics);
    for (int32_t m = 0; m < plan->metric_count; m++)
        metrics[m] = gather_column(arena, found, answers->customer_count,
                                   plan->nodes[plan->metrics[m].node].type, (size_t)m);
    answers->metrics = metrics;
    if (plan->value != NODE_NONE)
        answers->value = gather_column(arena, found, answers->customer_count,
                                       plan->nodes[plan->value].type, SIZE_MAX);
    gather_segments(answers, arena, found);
}

// Customers of the population of all buckets, by id.
static Found *find_population(Arena *arena, const Slots *slots, size_t bucket_count,
                              size_t *ret_count) {
    size_t count = 0;
    for (size_t b = 0; b < bucket_count; b++)
        for (size_t c = 0; c < slots[b].table->customer_count; c++)
            count += slots[b].is_member_of_population[c];
    Found *found = base_arena_alloc_array(arena, count + 1, sizeof *found);
    size_t at = 0;
    for (size_t b = 0; b < bucket_count; b++)
        for (size_t c = 0; c < slots[b].table->customer_count; c++)
            if (slots[b].is_member_of_population[c])
                found[at++] = (Found){slots[b].table->customer_ids[c], &slots[b], c};
    if (bucket_count > 1)
        qsort(found, count, sizeof *found, compare_found);
    *ret_count = count;
    return found;
}

// Ids must outlive the bucket's table when there are several.
static const EventTable *keep_ids(Arena *arena, const EventTable *table) {
    EventTable *kept = base_arena_alloc(arena, sizeof *kept);
    Str *ids = base_arena_alloc_array(arena, table->customer_count + 1, sizeof *ids);
    for (size_t c = 0; c < table->customer_count; c++)
        ids[c] = base_arena_str(arena, table->customer_ids[c]);
    *kept = (EventTable){.customer_count = table->customer_count, .customer_ids = ids};
    return kept;
}

static void free_arenas(Arena **arenas, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        base_arena_free(arenas[i]);
}

static int evaluate_buckets(Project *project, Arena *scratch, Arena **arenas, int64_t now_us,
                            const FitSet *fits, Slots *slots, KretsError *error) {
    size_t bucket_count = store_bucket_count(project->store);
    for (size_t bucket = 0; bucket < bucket_count; bucket++) {
        const EventTable *table = NULL;
        int r = app_tables_get(project, bucket, &table, error);
        if (r < 0)
            return r;
        r = evaluate_bucket(project, scratch, arenas, table, now_us, fits, &slots[bucket], error);
        if (r < 0)
            return r;
        slots[bucket].table = keep_ids(scratch, table);
        app_progress_step(project->progress, "evaluate",
                          (double)(bucket + 1) / (double)bucket_count, bucket + 1, "buckets");
    }
    return 0;
}

int app_population_reference(Project *project, Arena *arena, int64_t now_us, const FitSet *fits,
                             Answers *ret_answers, KretsError *error) {
    BASE_ARENA_SCOPED scratch = base_arena_new(SIZE_MAX);
    unsigned threads = project->options.threads;
    Arena **arenas = base_arena_alloc_array(arena, threads, sizeof *arenas);
    for (unsigned i = 0; i < threads; i++)
        arenas[i] = base_arena_new(SIZE_MAX);
    size_t bucket_count = store_bucket_count(project->store);
    Slots *slots = base_arena_alloc_array(scratch, bucket_count + 1, sizeof *slots);
    int r = evaluate_buckets(project, scratch, arenas, now_us, fits, slots, error);
    if (r == 0) {
        Answers answers = {.now_us = now_us,
                           .metric_count = (size_t)project->plan->metric_count,
                           .segment_count = (size_t)project->plan->segment_count};
        Found *found = find_population(scratch, slots, bucket_count, &answers.customer_count);
        gather_answers(project, arena, found, &answers);
        for (size_t bucket = 0; bucket < bucket_count; bucket++)
            answers.invalid_zone_count += slots[bucket].invalid_zone_count;
        *ret_answers = answers;
    }
    free_arenas(arenas, threads);
    return r;
}
