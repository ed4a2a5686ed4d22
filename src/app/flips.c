#include "app/flips.h"

#include <assert.h>

#include "app/tables.h"
#include "base/thread.h"

enum { CUSTOMERS_A_CHUNK = 64 };

// What the threads share over one bucket.
typedef struct Sweep {
    const EventTable *table;
    Flips **flips;      // by thread
    KretsError *errors; // by thread
    FlipsVisit visit;
    void *context;
} Sweep;

static int sweep_customers(void *context, unsigned thread, size_t begin, size_t end) {
    Sweep *sweep = context;
    assert(begin <= end && end <= sweep->table->customer_count);
    for (size_t customer = begin; customer < end; customer++) {
        int r = sweep->visit(sweep->context, thread, sweep->flips[thread], sweep->table, customer,
                             &sweep->errors[thread]);
        if (r < 0)
            return r;
    }
    return 0;
}

static int sweep_bucket(Project *project, const FitSet *fits, Sweep *sweep, KretsError *error) {
    unsigned threads = project->options.threads, made = 0;
    size_t memory_bytes = project->options.memory_bytes / 10 / threads;
    int r = 0;
    for (; r == 0 && made < threads; made += r == 0)
        r = engine_flips_new(project->plan, sweep->table, fits, memory_bytes, &sweep->flips[made],
                             error);
    if (r == 0) {
        r = base_thread_for(threads, sweep->table->customer_count, CUSTOMERS_A_CHUNK,
                            sweep_customers, sweep);
        for (unsigned i = 0; r < 0 && error && i < threads; i++)
            if (sweep->errors[i].code == r) {
                *error = sweep->errors[i];
                break;
            }
    }
    for (unsigned i = 0; i < made; i++)
        engine_flips_free(sweep->flips[i]);
    return r;
}

int app_flips_each(Project *project, const FitSet *fits, FlipsVisit visit, void *context,
                   KretsError *error) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    unsigned threads = project->options.threads;
    Sweep sweep = {
        .flips = base_arena_alloc_array(arena, threads, sizeof(Flips *)),
        .errors = base_arena_alloc_array(arena, threads, sizeof(KretsError)),
        .visit = visit,
        .context = context,
    };
    size_t bucket_count = store_bucket_count(project->store);
    for (size_t bucket = 0; bucket < bucket_count; bucket++) {
        int r = app_tables_get(project, bucket, &sweep.table, error);
        if (r == 0)
            r = sweep_bucket(project, fits, &sweep, error);
        if (r < 0)
            return r;
        app_progress_step(project->progress, "flips", (double)(bucket + 1) / (double)bucket_count,
                          bucket + 1, "buckets");
    }
    return 0;
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
