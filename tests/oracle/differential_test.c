// Random expressions over random worlds: the evaluator and the SQL must agree on every customer.
//
// KRETS_SEED=n repeats the run that printed it, KRETS_BATCHES=n says how many worlds.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/calendar.h"
#include "lang/sql.h"
#include "oracle_cover.h"
#include "oracle_random.h"

enum { QUESTIONS = 40, BATCHES = 200, TRIES_MOST = 400, REPORTS_MOST = 5 };

static Duck *duck;
static uint64_t seed = 20260331;
static size_t batch_count = BATCHES;
static char list_path[] = "/tmp/krets-oracle-XXXXXX";

// ---- one comparison ----

// Where the two differ on one question: text for people, or nothing.
static bool find_difference(const Plan *plan, const WorldAnswers *a, const WorldAnswers *b,
                            size_t question, Text *ret_text) {
    if (a->customer_count != b->customer_count) {
        base_text_printf(ret_text, "population: evaluator %zu, SQL %zu\n", a->customer_count,
                         b->customer_count);
        return true;
    }
    bool is_loose = lang_plan_is_inexact(plan, plan->metrics[question].node);
    for (size_t c = 0; c < a->customer_count; c++) {
        Value x = a->values[c * a->question_count + question];
        Value y = b->values[c * b->question_count + question];
        if (!base_str_equal(a->customers[c], b->customers[c])) {
            base_text_printf(ret_text, "population: evaluator %.*s, SQL %.*s\n",
                             STR_ARG(a->customers[c]), STR_ARG(b->customers[c]));
            return true;
        }
        if (!world_value_equal(x, y, is_loose)) {
            base_text_printf(ret_text, "customer %.*s: evaluator ", STR_ARG(a->customers[c]));
            world_value_print(ret_text, x);
            base_text_append(ret_text, STR(", SQL "));
            world_value_print(ret_text, y);
            base_text_append(ret_text, STR("\n"));
            return true;
        }
    }
    return false;
}

// Whether evaluator and SQL differ on the expression, or either fails. Not for what does not
// compile.
static bool disagrees(const World *world, Str expression, Text *ret_text) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    KretsError error = {0};
    const Plan *plan;
    WorldAnswers a, b;
    base_text_clear(ret_text);
    if (world_compile(arena, world, &expression, 1, &plan, &error) < 0) {
        return false;
    }
    if (world_load(arena, world, duck, &error) < 0 ||
        world_evaluate(arena, world, plan, &a, &error) < 0 ||
        world_query(arena, world, plan, duck, &b, &error) < 0) {
        base_text_printf(ret_text, "%s\n", error.text);
        return true;
    }
    return find_difference(plan, &a, &b, 0, ret_text);
}

// ---- shrinking ----

// The smallest part of the expression that fails by itself.
static Str shrink_expression(Arena *arena, const World *world, Str expression) {
    const Plan *plan;
    KretsError error;
    if (world_compile(arena, world, &expression, 1, &plan, &error) < 0) {
        return expression;
    }
    for (int32_t i = 0; i < plan->node_count; i++) {
        const Node *node = &plan->nodes[i];
        if (node->is_event_scope || node->kind == NODE_CONST || node->type == VALUE_DURATION ||
            node->type == VALUE_LIST) {
            continue;
        }
        BASE_TEXT_SCOPED part = {0};
        BASE_TEXT_SCOPED text = {0};
        lang_canonical_node(&part, plan, i);
        if (disagrees(world, base_text_str(&part), &text)) {
            return base_arena_str(arena, base_text_str(&part));
        }
    }
    return expression;
}

static void shrink_events(Arena *arena, World *world, Str expression) {
    WorldEvent *events = base_arena_alloc_array(arena, world->event_count + 1, sizeof *events);
    memcpy(events, world->events, world->event_count * sizeof *events);
    world->events = events;
    for (size_t step = world->event_count / 2; step > 0; step /= 2) {
        for (size_t i = 0; i + step <= world->event_count;) {
            BASE_TEXT_SCOPED text = {0};
            World fewer = *world;
            WorldEvent *kept = base_arena_alloc_array(arena, world->event_count + 1, sizeof *kept);
            memcpy(kept, world->events, i * sizeof *kept);
            memcpy(kept + i, world->events + i + step,
                   (world->event_count - i - step) * sizeof *kept);
            fewer.events = kept;
            fewer.event_count -= step;
            if (disagrees(&fewer, expression, &text)) {
                *world = fewer;
            } else {
                i += step;
            }
        }
    }
}

static void print_world(const World *world) {
    BASE_TEXT_SCOPED out = {0};
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Str now = base_calendar_format_local(arena, world->now_us);
    base_text_printf(&out, "zone %.*s, country '%.*s', now %.*sZ\n", STR_ARG(world->model.timezone),
                     STR_ARG(world->model.country), STR_ARG(now));
    for (size_t i = 0; i < world->event_count; i++) {
        const WorldEvent *event = &world->events[i];
        Str time = base_calendar_format_local(arena, event->time_us);
        base_text_printf(&out, "  %.*s %.*s %.*sZ #%lld", STR_ARG(event->customer),
                         STR_ARG(event->event), STR_ARG(time), (long long)event->arrival);
        for (size_t j = 0; j < world->column_count; j++) {
            if (!event->values[j].is_null) {
                base_text_printf(&out, " %.*s=", STR_ARG(world->columns[j].name));
                world_value_print(&out, event->values[j]);
            }
        }
        base_text_append(&out, STR("\n"));
    }
    fprintf(stderr, "%s", out.data);
}

static void report_failure(const World *world, Str expression, size_t batch) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    BASE_TEXT_SCOPED text = {0};
    World smaller = *world;
    if (!disagrees(world, expression, &text)) {
        fprintf(stderr, "KRETS_SEED=%llu, world %zu: differs only beside others: %.*s\n",
                (unsigned long long)seed, batch, STR_ARG(expression));
        return;
    }
    Str part = shrink_expression(arena, world, expression);
    shrink_events(arena, &smaller, part);
    disagrees(&smaller, part, &text);
    fprintf(stderr, "KRETS_SEED=%llu, world %zu: %.*s\nsmallest part: %.*s\n%s",
            (unsigned long long)seed, batch, STR_ARG(expression), STR_ARG(part),
            text.data == NULL ? "" : text.data);
    print_world(&smaller);
}

// ---- batches ----

typedef struct Count {
    size_t cases, answers, refused, failures;
} Count;

static size_t write_questions(Arena *arena, Random *random, const World *world, Str *expressions,
                              Count *count) {
    size_t made = 0;
    for (size_t tries = 0; tries < TRIES_MOST && made < QUESTIONS; tries++) {
        const Plan *plan;
        KretsError error;
        expressions[made] = random_expression(arena, random, world);
        if (world_compile(arena, world, &expressions[made], 1, &plan, &error) == 0) {
            made++;
        } else {
            count->refused++;
            if (getenv("KRETS_ORACLE_REFUSED") != NULL) {
                fprintf(stderr, "refused: %.*s\n   %s\n", STR_ARG(expressions[made]), error.text);
            }
        }
    }
    return made;
}

static void run_batch(size_t batch, Count *count) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Random random = {.state = seed + batch * UINT64_C(0x632be59bd9b4e019)};
    World world;
    KretsError error = {0};
    const Plan *plan;
    Str expressions[QUESTIONS];
    WorldAnswers a, b;
    random_world(arena, &random, &world);
    static const MetricSource metrics[] = {
        {.name = STR("spending"), .expression = STR("sum(order.amount)")}};
    SegmentSource segments[] = {
        {.key = STR("regulars"), .expression = STR("count(order) >= 3 or spending > 100")},
        {.key = STR("listed"), .list = base_str_from(list_path)},
        {.key = STR("active"),
         .expression = STR("did(any last 40 days) and not days_since(last(order)) between 3 and "
                           "20.5")}};
    world.model.metrics = metrics;
    world.model.metric_count = 1;
    world.model.segments = segments;
    world.model.segment_count = 3;
    size_t made = write_questions(arena, &random, &world, expressions, count);
    if (world_compile(arena, &world, expressions, made, &plan, &error) < 0) {
        fail_msg("KRETS_SEED=%llu, world %zu: %s", (unsigned long long)seed, batch, error.text);
    }
    count->cases += made;
    int r = world_load(arena, &world, duck, &error);
    r = r < 0 ? r : world_evaluate(arena, &world, plan, &a, &error);
    r = r < 0 ? r : world_query(arena, &world, plan, duck, &b, &error);
    for (size_t i = 0; i < made; i++) {
        BASE_TEXT_SCOPED text = {0};
        bool is_wrong = r < 0 ? disagrees(&world, expressions[i], &text)
                              : find_difference(plan, &a, &b, i, &text);
        if (is_wrong && count->failures++ < REPORTS_MOST) {
            report_failure(&world, expressions[i], batch);
        }
    }
    if (r < 0 && count->failures == 0) {
        fail_msg("KRETS_SEED=%llu, world %zu: %s", (unsigned long long)seed, batch, error.text);
    }
    count->answers += r < 0 ? 0 : a.customer_count * made;
    const Value *nodes = NULL;
    cover_plan(plan, world_trace(arena, &world, plan, &nodes) ? nodes : NULL);
}

static void evaluator_and_sql_agree(void **state) {
    (void)state;
    Count count = {0};
    for (size_t batch = 0; batch < batch_count && count.failures < REPORTS_MOST; batch++) {
        run_batch(batch, &count);
    }
    fprintf(stderr, "KRETS_SEED=%llu: %zu expressions, %zu answers compared, %zu refused\n",
            (unsigned long long)seed, count.cases, count.answers, count.refused);
    assert_int_equal(count.failures, 0);
    assert_true(count.refused < count.cases);
}

static void everything_was_exercised(void **state) {
    (void)state;
    BASE_TEXT_SCOPED missing = {0};
    if (batch_count < BATCHES) {
        print_message("skipped: %zu worlds are too few to see everything\n", batch_count);
        skip();
    }
    if (cover_missing(&missing) > 0) {
        fail_msg("never exercised:\n%s", missing.data);
    }
}

static int set_up(void **state) {
    (void)state;
    KretsError error;
    const char *wanted = getenv("KRETS_SEED");
    const char *batches = getenv("KRETS_BATCHES");
    seed = wanted != NULL ? strtoull(wanted, NULL, 10) : seed;
    batch_count = batches != NULL ? strtoull(batches, NULL, 10) : batch_count;
    int file = mkstemp(list_path);
    static const char ids[] = "B\n17850\n";
    if (file < 0 || write(file, ids, sizeof ids - 1) != (ssize_t)sizeof ids - 1) {
        return -1;
    }
    close(file);
    DuckOptions options = {.threads = 1, .memory_bytes = (size_t)1 << 30};
    return db_duck_open(&options, &duck, &error);
}

static int tear_down(void **state) {
    (void)state;
    unlink(list_path);
    db_duck_close(duck);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluator_and_sql_agree),
        cmocka_unit_test(everything_was_exercised),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
