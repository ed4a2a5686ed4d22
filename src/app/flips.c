#include "app/flips.h"

#include <assert.h>

#include "app/history_index.h"
#include "base/thread.h"
#include "engine/kernel.h"

// One thread's memory.
typedef struct Sweeper {
    BlockScratch *scratch;
    Arena *arena; // of one block's table
    KretsError error;
} Sweeper;

// What the threads share.
typedef struct Sweep {
    const Project *project;
    const FitSet *fits;
    const BlockSource *source;
    const KernelBinding *binding;
    size_t memory_bytes; // of a thread's flips; three times that for the table
    Sweeper *sweepers;   // by thread
    FlipsVisit visit;
    void *context;
} Sweep;

static int sweep_table(Sweep *sweep, unsigned thread, const EventTable *table) {
    Sweeper *sweeper = &sweep->sweepers[thread];
    Flips *flips = NULL;
    int r = engine_flips_new(sweep->project->plan, table, sweep->fits, sweep->memory_bytes, &flips,
                             &sweeper->error);
    for (size_t customer = 0; r == 0 && customer < table->customer_count; customer++)
        r = sweep->visit(sweep->context, thread, flips, table, customer, &sweeper->error);
    engine_flips_free(flips);
    return r;
}

static int sweep_blocks(void *context, unsigned thread, size_t begin, size_t end) {
    Sweep *sweep = context;
    Sweeper *sweeper = &sweep->sweepers[thread];
    const BlockSource *source = sweep->source;
    for (size_t number = begin; number < end; number++) {
        Block block;
        const EventTable *table = NULL;
        base_arena_reset(sweeper->arena);
        int r = source->block(source->context, sweeper->scratch, (uint32_t)number,
                              engine_kernel_needs(sweep->binding), &block, &sweeper->error);
        if (r == 0)
            r = engine_block_table(sweeper->arena, sweep->binding, &block, &table, &sweeper->error);
        if (r == 0)
            r = sweep_table(sweep, thread, table);
        if (r < 0)
            return r;
    }
    return 0;
}

static int sweep_all(Sweep *sweep, unsigned threads, KretsError *error) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    const BlockSource *source = sweep->source;
    sweep->sweepers = base_arena_alloc_array(arena, threads, sizeof *sweep->sweepers);
    for (unsigned i = 0; i < threads; i++) {
        sweep->sweepers[i].scratch = source->scratch_new(source->context);
        sweep->sweepers[i].arena = base_arena_new(sweep->memory_bytes * 3);
    }
    int r = base_thread_for(threads, source->block_count, 1, sweep_blocks, sweep);
    bool is_told = r == 0;
    for (unsigned i = 0; i < threads; i++) {
        if (!is_told && sweep->sweepers[i].error.code == r) {
            base_error_set(error, r, "%s", sweep->sweepers[i].error.text);
            is_told = true;
        }
        source->scratch_free(sweep->sweepers[i].scratch);
        base_arena_free(sweep->sweepers[i].arena);
    }
    assert(is_told);
    return r;
}

int app_flips_each(Project *project, const FitSet *fits, FlipsVisit visit, void *context,
                   KretsError *error) {
    int r = app_history_index_open(project, false, error);
    if (r < 0)
        return r;
    // By the slow path, which reads every column of the plan, as flips do.
    KernelOptions options = {.is_slow = true};
    ENGINE_KERNEL_SCOPED kernel = NULL;
    KernelBinding *binding = NULL;
    r = engine_kernel_new(project->plan, &options, &kernel, error);
    if (r == 0)
        r = engine_kernel_bind(kernel, index_source(project->index), fits, &binding, error);
    if (r < 0)
        return r;
    unsigned threads = project->options.threads;
    Sweep sweep = {.project = project,
                   .fits = fits,
                   .source = index_source(project->index),
                   .binding = binding,
                   .memory_bytes = project->options.memory_bytes / 10 / threads,
                   .visit = visit,
                   .context = context};
    app_progress_step(project->progress, "flips", 0, 0, "customers");
    r = sweep_all(&sweep, threads, error);
    app_progress_step(project->progress, "flips", 1, sweep.source->customer_count, "customers");
    engine_kernel_unbind(binding);
    return r;
}

// The number of a customer in the answers; false when not of their population.
static bool find_customer(const Answers *answers, Str id, size_t *ret_customer) {
    size_t begin = 0, end = answers->customer_count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        int order = base_str_compare(answers->customer_ids[middle], id);
        if (order == 0) {
            *ret_customer = middle;
            return true;
        }
        if (order < 0)
            begin = middle + 1;
        else
            end = middle;
    }
    return false;
}

// ---- the next flip over all segments ----

typedef struct NextFlips {
    const Answers *answers;
    int64_t *times_us;
    uint8_t *valid;
} NextFlips;

static int visit_next(void *context, unsigned thread, Flips *flips, const EventTable *table,
                      size_t customer, KretsError *error) {
    (void)thread;
    NextFlips *next = context;
    size_t number = 0;
    if (!find_customer(next->answers, table->customer_ids[customer], &number))
        return 0;
    int64_t flip_us = FLIP_NEVER;
    int r = engine_flip_next(flips, customer, next->answers->now_us, NULL, 0, &flip_us, error);
    if (r < 0)
        return r;
    next->valid[number] = flip_us != FLIP_NEVER;
    next->times_us[number] = flip_us != FLIP_NEVER ? flip_us : 0;
    return 0;
}

int app_flips_next(Project *project, Arena *arena, const FitSet *fits, const Answers *answers,
                   TableColumn *ret_column, KretsError *error) {
    NextFlips next = {
        .answers = answers,
        .times_us = base_arena_alloc_array(arena, answers->customer_count + 1, sizeof(int64_t)),
        .valid = base_arena_alloc(arena, answers->customer_count + 1),
    };
    int r = app_flips_each(project, fits, visit_next, &next, error);
    if (r == 0)
        *ret_column =
            (TableColumn){.type = VALUE_TIME, .values = next.times_us, .valid = next.valid};
    return r;
}

// ---- since and until ----

typedef struct Spans {
    const Answers *answers;
    const roaring_bitmap_t *members;
    int32_t segment;
    FlipSpan *spans;
} Spans;

static int visit_span(void *context, unsigned thread, Flips *flips, const EventTable *table,
                      size_t customer, KretsError *error) {
    (void)thread;
    Spans *spans = context;
    size_t number = 0;
    if (!find_customer(spans->answers, table->customer_ids[customer], &number) ||
        !roaring_bitmap_contains(spans->members, (uint32_t)number))
        return 0;
    return engine_flip_span(flips, customer, spans->segment, spans->answers->now_us,
                            &spans->spans[number], error);
}

int app_flips_spans(Project *project, Arena *arena, const FitSet *fits, const Answers *answers,
                    const roaring_bitmap_t *members, int32_t segment, const FlipSpan **ret_spans,
                    KretsError *error) {
    Spans spans = {
        .answers = answers,
        .members = members,
        .segment = segment,
        .spans = base_arena_alloc_array(arena, answers->customer_count + 1, sizeof(FlipSpan)),
    };
    int r = app_flips_each(project, fits, visit_span, &spans, error);
    if (r == 0)
        *ret_spans = spans.spans;
    return r;
}
