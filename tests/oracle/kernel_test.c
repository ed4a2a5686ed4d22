// Random expressions over random crowds: the kernel must answer as the reference evaluator does, to
// the bit, at every SIMD level, with any number of threads and nows; over plain blocks, and over an
// index with a tail.
//
// KRETS_SEED=n repeats the run that printed it, KRETS_BATCHES=n says how many worlds.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/calendar.h"
#include "engine/evaluate.h"
#include "engine/kernel.h"
#include "oracle_blocks.h"
#include "oracle_random.h"
#include "oracle_tail.h"

enum {
    QUESTIONS = 30,
    BATCHES = 60,
    TRIES_MOST = 300,
    REPORTS_MOST = 8,
    CLONES_MOST = 150,
    NOWS = 3
};

static uint64_t seed = 20261101;
static size_t batch_count = BATCHES;

typedef struct Count {
    size_t cases, answers, failures;
} Count;

// One batch: a world, its plan, and the reference's answers.
typedef struct Batch {
    Arena *arena;
    World world;
    const Plan *plan;
    const EventTable *table;
    const FitSet *fits;
    int64_t nows_us[NOWS];
    size_t now_count;
    bool *is_in;   // [now * customers + customer]
    Value *values; // [(now * customers + customer) * metrics + metric]
    const BlockSource *source;
    const char *variant;
    Count *count;
} Batch;

typedef Str Say(Arena *arena, Random *random, const World *world);

// ---- the crowd: a world's customers many times over, each a little different ----

static void make_crowd(Batch *batch, Random *random) {
    World *world = &batch->world;
    size_t clones = 1 + random_below(random, CLONES_MOST);
    WorldEvent *events =
        base_arena_alloc_array(batch->arena, world->event_count * clones + 1, sizeof *events);
    size_t count = 0;
    for (size_t clone = 0; clone < clones; clone++) {
        for (size_t i = 0; i < world->event_count; i++) {
            WorldEvent event = world->events[i];
            if (clone > 0 && random_chance(random, 15))
                continue;
            if (clone > 0)
                event.customer =
                    base_arena_printf(batch->arena, "%.*s~%zu", STR_ARG(event.customer), clone);
            if (clone > 0 && random_chance(random, 10) && event.time_us > CALENDAR_TIME_MIN)
                event.time_us += (int64_t)random_below(random, 7200) * 1000000 - 3600000000;
            events[count++] = event;
        }
    }
    world->events = events;
    world->event_count = count;
}

// ---- the reference ----

static size_t place(const Batch *batch, size_t now, size_t customer) {
    return now * batch->table->customer_count + customer;
}

static int take_reference(void *context, unsigned thread, const Answer *answer) {
    Batch *batch = context;
    (void)thread;
    size_t at = place(batch, answer->now_index, answer->customer);
    batch->is_in[at] = true;
    for (int32_t i = 0; i < batch->plan->metric_count; i++) {
        Value value = answer->metrics[i];
        if (!value.is_null && value.type == VALUE_TEXT)
            value.text = base_arena_str(batch->arena, value.text);
        batch->values[at * (size_t)batch->plan->metric_count + (size_t)i] = value;
    }
    return 0;
}

static int answer_reference(Batch *batch, KretsError *error) {
    size_t places = batch->table->customer_count * batch->now_count;
    batch->is_in = base_arena_alloc_array(batch->arena, places + 1, sizeof(bool));
    batch->values = base_arena_alloc_array(
        batch->arena, places * (size_t)batch->plan->metric_count + 1, sizeof(Value));
    EvaluateJob job = {.plan = batch->plan,
                       .table = batch->table,
                       .fits = batch->fits,
                       .nows_us = batch->nows_us,
                       .now_count = batch->now_count,
                       .threads = 1,
                       .memory_bytes = (size_t)1 << 30,
                       .sink = take_reference,
                       .context = batch};
    return engine_evaluate(&job, error);
}

// ---- comparing ----

static void report(Batch *batch, size_t now, size_t customer, int32_t metric, Value expected,
                   Value got) {
    if (batch->count->failures++ >= REPORTS_MOST)
        return;
    BASE_TEXT_SCOPED text = {0};
    base_text_printf(&text, "KRETS_SEED=%llu %s: now %zu (%lld), customer %.*s: ",
                     (unsigned long long)seed, batch->variant, now, (long long)batch->nows_us[now],
                     STR_ARG(batch->table->customer_ids[customer]));
    if (metric >= 0)
        lang_canonical_node(&text, batch->plan, batch->plan->metrics[metric].node);
    else
        base_text_append(&text, STR("population"));
    base_text_append(&text, STR("\n  reference "));
    world_value_print(&text, expected);
    base_text_append(&text, STR(", kernel "));
    world_value_print(&text, got);
    fprintf(stderr, "%s\n", text.data);
}

static size_t customer_of(const Batch *batch, Str id) {
    size_t low = 0, high = batch->table->customer_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (base_str_compare(batch->table->customer_ids[middle], id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    assert_true(low < batch->table->customer_count);
    return low;
}

static void compare_lane(Batch *batch, const KernelAnswer *answer, uint32_t lane) {
    const BlockSource *source = batch->source;
    Str id = source->customer_id(source->context, answer->block->first_ordinal + lane);
    size_t customer = customer_of(batch, id), at = place(batch, answer->now_index, customer);
    bool is_in = (answer->population[lane / 64] >> (lane % 64)) & 1;
    if (is_in != batch->is_in[at]) {
        Value expected = {.type = VALUE_BOOLEAN, .boolean = batch->is_in[at]};
        Value got = {.type = VALUE_BOOLEAN, .boolean = is_in};
        report(batch, answer->now_index, customer, -1, expected, got);
        return;
    }
    for (int32_t i = 0; is_in && i < batch->plan->metric_count; i++) {
        Value expected = batch->values[at * (size_t)batch->plan->metric_count + (size_t)i];
        Value got = data_table_value(&answer->metrics[i], lane);
        __atomic_fetch_add(&batch->count->answers, 1, __ATOMIC_RELAXED);
        if (!world_value_equal(expected, got, false))
            report(batch, answer->now_index, customer, i, expected, got);
    }
}

static int take_block(void *context, unsigned thread, const KernelAnswer *answer) {
    (void)thread;
    for (uint32_t lane = 0; lane < answer->block->customer_count; lane++)
        compare_lane(context, answer, lane);
    return 0;
}

static int run_variant(Batch *batch, const KernelOptions *options, unsigned threads,
                       KretsError *error) {
    ENGINE_KERNEL_SCOPED kernel = NULL;
    KernelBinding *binding = NULL;
    int code = engine_kernel_new(batch->plan, options, &kernel, error);
    if (code == 0)
        code = engine_kernel_bind(kernel, batch->source, batch->fits, &binding, error);
    KernelJob job = {.binding = binding,
                     .nows_us = batch->nows_us,
                     .now_count = batch->now_count,
                     .threads = threads,
                     .memory_bytes = (size_t)1 << 30,
                     .sink = take_block,
                     .context = batch};
    if (code == 0)
        code = engine_kernel_run(&job, error);
    engine_kernel_unbind(binding);
    return code;
}

static void run_variants(Batch *batch, Random *random) {
    static const struct {
        const char *name;
        KernelOptions options;
    } variants[] = {
        {"slow", {.is_slow = true}},
        {"portable", {.simd = KERNEL_SIMD_NONE}},
        {"AVX2", {.simd = KERNEL_SIMD_AVX2}},
        {"best", {.simd = KERNEL_SIMD_BEST}},
    };
    for (size_t v = 0; v < sizeof variants / sizeof *variants; v++) {
        KretsError error = {0};
        batch->variant = variants[v].name;
        unsigned threads = 1 + (unsigned)random_below(random, 3);
        if (run_variant(batch, &variants[v].options, threads, &error) < 0) {
            batch->count->failures++;
            fprintf(stderr, "KRETS_SEED=%llu %s: %s\n", (unsigned long long)seed, batch->variant,
                    error.text);
        }
    }
}

// One customer at a time, as events come in.
static int answer_customers(Batch *batch, KernelBinding *binding, Random *random,
                            KretsError *error) {
    const BlockSource *source = batch->source;
    KernelWork *work = NULL;
    BlockScratch *scratch = source->scratch_new(source->context);
    int code = engine_kernel_work_new(binding, (size_t)1 << 28, &work, error);
    uint32_t next = 0;
    while (code == 0 && next < source->customer_count) {
        Block block;
        KernelAnswer answer;
        code = source->customer(source->context, scratch, next, engine_kernel_needs(binding),
                                &block, error);
        if (code == 0)
            code = engine_kernel_block(work, &block, batch->nows_us[0], &answer, error);
        if (code == 0)
            compare_lane(batch, &answer, 0);
        next += 1 + (uint32_t)random_below(random, 1 + source->customer_count / 20);
    }
    engine_kernel_work_free(work);
    source->scratch_free(scratch);
    return code;
}

static void run_customers(Batch *batch, Random *random) {
    ENGINE_KERNEL_SCOPED kernel = NULL;
    KernelBinding *binding = NULL;
    KretsError error = {0};
    batch->variant = "customer";
    int code = engine_kernel_new(batch->plan, NULL, &kernel, &error);
    if (code == 0)
        code = engine_kernel_bind(kernel, batch->source, batch->fits, &binding, &error);
    if (code == 0)
        code = answer_customers(batch, binding, random, &error);
    engine_kernel_unbind(binding);
    if (code < 0) {
        batch->count->failures++;
        fprintf(stderr, "KRETS_SEED=%llu customer: %s\n", (unsigned long long)seed, error.text);
    }
}

// ---- batches ----

static size_t make_questions(Batch *batch, Random *random, Say *say, Str *questions) {
    size_t made = 0;
    for (size_t tries = 0; made < QUESTIONS && tries < TRIES_MOST; tries++) {
        KretsError error;
        const Plan *plan;
        questions[made] = say(batch->arena, random, &batch->world);
        if (world_compile(batch->arena, &batch->world, &questions[made], 1, &plan, &error) >= 0)
            made++;
    }
    return made;
}

// A comparison of one aggregate with a constant: what the kernel answers without a column of
// values. Windows begin or end at the very instant of an event now and then.
static Str random_use(Arena *arena, Random *random, const World *world) {
    static const char *const aggregates[] = {"count(order",
                                             "count(mail",
                                             "distinct(order.label",
                                             "distinct((order or mail).label",
                                             "sum(order.amount",
                                             "days_since(last(order",
                                             "days_since(last((order or mail)"};
    static const char *const compares[] = {">=", ">", "<", "<=", "=", "!="};
    size_t which = random_below(random, sizeof aggregates / sizeof *aggregates);
    const char *end = which >= 5 ? "))" : ")";
    Str at = base_calendar_format_local(
        arena, world->events[random_below(random, world->event_count)].time_us);
    Str window =
        random_chance(random, 40)
            ? base_arena_printf(arena, " %s time '%.*sZ'",
                                random_chance(random, 50) ? "since" : "before", STR_ARG(at))
            : base_arena_printf(arena, " last %zu days", 1 + random_below(random, 400));
    size_t constant = random_below(random, which >= 4 ? 90 : 4);
    if (random_chance(random, 20))
        return base_arena_printf(arena, "%s%.*s%s between %zu and %zu", aggregates[which],
                                 STR_ARG(window), end, constant, constant + 1);
    return base_arena_printf(arena, "%s%.*s%s %.*s %zu", aggregates[which], STR_ARG(window), end,
                             STR_ARG(RANDOM_PICK(random, compares)), constant);
}

static void make_nows(Batch *batch, Random *random) {
    batch->now_count = 1 + random_below(random, NOWS);
    int64_t now_us = batch->world.now_us;
    for (size_t i = batch->now_count; i-- > 0;) {
        batch->nows_us[i] = now_us;
        now_us -= (int64_t)random_below(random, (size_t)86400 * 40) * 1000000 +
                  (int64_t)random_below(random, 3);
    }
}

static void run_batch(uint64_t number, bool has_tail, Say *say, Count *count) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Random random = {.state = seed * UINT64_C(1000003) + number};
    Batch batch = {.arena = arena, .count = count};
    Str questions[QUESTIONS];
    KretsError error = {0};
    random_world(arena, &random, &batch.world);
    static const MetricSource metrics[] = {
        {.name = STR("spending"), .expression = STR("sum(order.amount)")}};
    static const SegmentSource segments[] = {
        {.key = STR("regulars"), .expression = STR("count(order) >= 3 or spending > 100")},
        {.key = STR("active"),
         .expression = STR("did(any last 40 days) and not days_since(last(order)) between 3 and "
                           "20.5")}};
    batch.world.model.metrics = metrics;
    batch.world.model.metric_count = 1;
    batch.world.model.segments = segments;
    batch.world.model.segment_count = 2;
    make_crowd(&batch, &random);
    size_t made = make_questions(&batch, &random, say, questions);
    assert_int_equal(world_compile(arena, &batch.world, questions, made, &batch.plan, &error), 0);
    batch.table = world_table(arena, &batch.world, batch.plan);
    make_nows(&batch, &random);
    assert_true(world_fits(arena, &batch.world, batch.plan, batch.table, &batch.fits, &error) >= 0);
    assert_int_equal(answer_reference(&batch, &error), 0);
    uint32_t customers_a_block = random_chance(&random, 50)
                                     ? BLOCK_CUSTOMER_MAX
                                     : 1 + (uint32_t)random_below(&random, BLOCK_CUSTOMER_MAX);
    if (has_tail) {
        OracleTail *tail = oracle_tail_new(&batch.world, batch.plan, &random);
        batch.source = oracle_tail_source(tail);
        run_variants(&batch, &random);
        run_customers(&batch, &random);
        oracle_tail_free(tail);
    } else {
        batch.source = oracle_blocks(arena, batch.plan, batch.table, customers_a_block);
        run_variants(&batch, &random);
    }
    count->cases += made;
}

static void compare_batches(bool has_tail, Say *say) {
    Count count = {0};
    for (size_t batch = 0; batch < batch_count && count.failures < REPORTS_MOST; batch++)
        run_batch(batch, has_tail, say, &count);
    fprintf(stderr, "KRETS_SEED=%llu: %zu expressions, %zu answers compared\n",
            (unsigned long long)seed, count.cases, count.answers);
    assert_int_equal(count.failures, 0);
}

static void kernel_and_evaluator_agree(void **state) {
    (void)state;
    compare_batches(false, random_expression);
}

static void kernel_over_a_tail_and_evaluator_agree(void **state) {
    (void)state;
    compare_batches(true, random_expression);
}

static void sequences_agree(void **state) {
    (void)state;
    compare_batches(false, random_sequence);
}

static void sequences_over_a_tail_agree(void **state) {
    (void)state;
    compare_batches(true, random_sequence);
}

static int set_up(void **state) {
    (void)state;
    const char *wanted = getenv("KRETS_SEED"), *batches = getenv("KRETS_BATCHES");
    seed = wanted != NULL ? strtoull(wanted, NULL, 10) : seed;
    batch_count = batches != NULL ? strtoull(batches, NULL, 10) : batch_count;
    return 0;
}

static void comparisons_agree(void **state) {
    (void)state;
    compare_batches(false, random_use);
}

static void comparisons_over_a_tail_agree(void **state) {
    (void)state;
    compare_batches(true, random_use);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernel_and_evaluator_agree),
        cmocka_unit_test(kernel_over_a_tail_and_evaluator_agree),
        cmocka_unit_test(sequences_agree),
        cmocka_unit_test(sequences_over_a_tail_agree),
        cmocka_unit_test(comparisons_agree),
        cmocka_unit_test(comparisons_over_a_tail_agree),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
