// The job: many nows, threads, budgets, what a sink sees, and traces.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_fixture.h"

enum { JOB_CUSTOMERS = 150, JOB_EVENTS = 20, JOB_NOWS = 9 };

static const FixtureProperty PROPERTIES[] = {
    {"order", "amount", "decimal"},  {"order", "weight", "number"},
    {"order", "product", "text"},    {"page", "url", "text"},
    {"identify", "city", "text"},    {"identify", "timezone", "text"},
    {"identify", "country", "text"}, {NULL, NULL, NULL},
};

#define LITERAL(text)                                                                              \
    { (text), sizeof(text) - 1 } // STR() cannot initialise what is static

// Everything that is kept between the nows of one customer, and everything that must not be.
static const MetricSource METRICS[] = {
    {.name = LITERAL("orders"), .expression = LITERAL("count(order last 30 days)")},
    {.name = LITERAL("spent"), .expression = LITERAL("sum(order.amount last 3 months)")},
    {.name = LITERAL("load"), .expression = LITERAL("sum(order.weight since first(page))")},
    {.name = LITERAL("nights"), .expression = LITERAL("count(order where hour(time) < 6)")},
    {.name = LITERAL("hours"), .expression = LITERAL("sum(order.(hour(time)) this year)")},
    {.name = LITERAL("days"), .expression = LITERAL("days(any this quarter)")},
    {.name = LITERAL("home"), .expression = LITERAL("lower(city)")},
    {.name = LITERAL("last_product"), .expression = LITERAL("last(order.(lower(product)))")},
    {.name = LITERAL("kinds"), .expression = LITERAL("distinct(order.product)")},
    {.name = LITERAL("top"), .expression = LITERAL("most(sum(order.amount) by product)")},
    {.name = LITERAL("near"),
     .expression =
         LITERAL("count(order where time within 40 days before holiday('Christmas Day'))")},
    {.name = LITERAL("tile"), .expression = LITERAL("ntile(orders, 4)")},
};
static const SegmentSource SEGMENTS[] = {
    {.key = LITERAL("active"),
     .name = LITERAL("Active"),
     .expression = LITERAL("count(order last 60 days) > 1")},
    {.key = LITERAL("path"),
     .name = LITERAL("Path"),
     .expression = LITERAL("sequence(page then order within 2 days last 6 months)")},
    {.key = LITERAL("best"),
     .name = LITERAL("Best"),
     .expression = LITERAL("tile >= 3 and segment(active)")},
};

typedef struct Job {
    Fixture fixture;
    const Plan *plan;
    const EventTable *table;
    const FitSet *fits;
    int64_t nows_us[JOB_NOWS];
} Job;

static const char *const *random_lines(Arena *arena, unsigned *seed) {
    static const char *const products[] = {"Tea", "Cup", "Pot"};
    static const char *const zones[] = {"Asia/Tokyo", "America/New_York", "Europe/London"};
    const char **lines =
        base_arena_alloc_array(arena, JOB_CUSTOMERS * JOB_EVENTS + 1, sizeof(char *));
    for (int i = 0; i < JOB_CUSTOMERS * JOB_EVENTS; i++) {
        int customer = i / JOB_EVENTS, kind = rand_r(seed) % 8;
        Str when = base_arena_printf(arena, "c%03d 2026-%02d-%02dT%02d:%02dZ", customer,
                                     1 + rand_r(seed) % 12, 1 + rand_r(seed) % 28,
                                     rand_r(seed) % 24, rand_r(seed) % 60);
        Str line;
        if (kind < 5) {
            line = base_arena_printf(arena, "%s order amount=%d.%02d weight=%d.1 product=%s",
                                     when.data, rand_r(seed) % 90, rand_r(seed) % 100,
                                     rand_r(seed) % 9, products[rand_r(seed) % 3]);
        } else if (kind < 7) {
            line = base_arena_printf(arena, "%s page url=/%d", when.data, rand_r(seed) % 3);
        } else {
            line = base_arena_printf(arena, "%s identify city=Town%d timezone=%s country=%s",
                                     when.data, rand_r(seed) % 9, zones[rand_r(seed) % 3],
                                     rand_r(seed) % 2 ? "GB" : "SE");
        }
        lines[i] = line.data;
    }
    return lines;
}

static void job_init(Job *job) {
    unsigned seed = 17;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    engine_fixture_init(&job->fixture, "Europe/London", "GB", PROPERTIES,
                        random_lines(arena, &seed));
    for (size_t i = 0; i < job->fixture.row_count; i++) { // the lines go, so keep what they hold
        FixtureRow *row = &job->fixture.rows[i];
        row->customer = base_arena_str(job->fixture.arena, row->customer);
        row->event = base_arena_str(job->fixture.arena, row->event);
        row->fields = base_arena_str(job->fixture.arena, row->fields);
    }
    Model *model = &job->fixture.model;
    model->metrics = METRICS;
    model->metric_count = sizeof METRICS / sizeof METRICS[0];
    model->segments = SEGMENTS;
    model->segment_count = sizeof SEGMENTS / sizeof SEGMENTS[0];
    model->value = STR("sum(order.amount)");
    Diagnostics diagnostics = {.arena = job->fixture.arena};
    KretsError error = {0};
    if (lang_plan_compile(job->fixture.arena, model, &job->fixture.catalog, &diagnostics,
                          &job->plan, &error) < 0) {
        fail_msg("%s %.*s", error.text,
                 STR_ARG(diagnostics.count > 0 ? diagnostics.items[0].rendered : STR("")));
    }
    job->table = engine_fixture_table(&job->fixture, job->plan);
    for (int i = 0; i < JOB_NOWS; i++) {
        job->nows_us[i] = engine_fixture_time("2026-02-28T12:00Z") +
                          i * (35 * CALENDAR_US_PER_DAY + INT64_C(3599999999));
    }
    job->fits =
        engine_fixture_fit(&job->fixture, job->plan, job->table, job->nows_us[JOB_NOWS - 1], 2);
}

// The answers as one text a (now, customer), in order whatever the threads did.
typedef struct Sheet {
    const Plan *plan;
    size_t now_base;
    Text cells[JOB_NOWS][JOB_CUSTOMERS];
    int stop_after; // answers; 0: never
    int count;
} Sheet;

static int write_answer(void *context, unsigned thread, const Answer *answer) {
    Sheet *sheet = context;
    (void)thread;
    if (sheet->stop_after > 0 && ++sheet->count > sheet->stop_after) {
        return -77;
    }
    Text *cell = &sheet->cells[sheet->now_base + answer->now_index][answer->customer];
    for (int32_t i = 0; i < sheet->plan->metric_count; i++) {
        data_value_format(cell, answer->metrics[i]);
        base_text_append_char(cell, '|');
    }
    for (int32_t i = 0; i < sheet->plan->segment_count; i++) {
        base_text_append_char(cell, answer->segments[i] ? '1' : '0');
    }
    data_value_format(cell, answer->value);
    return 0;
}

static Sheet *sheet_new(const Plan *plan) {
    Sheet *sheet = calloc(1, sizeof(Sheet));
    assert_non_null(sheet);
    sheet->plan = plan;
    return sheet;
}

static void sheet_free(Sheet *sheet) {
    for (int i = 0; i < JOB_NOWS; i++) {
        for (int c = 0; c < JOB_CUSTOMERS; c++) {
            base_text_done(&sheet->cells[i][c]);
        }
    }
    free(sheet);
}

static int run(const Job *job, Sheet *sheet, size_t now_from, size_t now_count, unsigned threads,
               size_t memory_bytes, KretsError *error) {
    sheet->now_base = now_from;
    return engine_evaluate(&(EvaluateJob){.plan = job->plan,
                                          .table = job->table,
                                          .fits = job->fits,
                                          .nows_us = job->nows_us + now_from,
                                          .now_count = now_count,
                                          .threads = threads,
                                          .memory_bytes = memory_bytes,
                                          .sink = write_answer,
                                          .context = sheet},
                           error);
}

static void check_equal(const Sheet *a, const Sheet *b) {
    size_t filled = 0;
    for (int i = 0; i < JOB_NOWS; i++) {
        for (int c = 0; c < JOB_CUSTOMERS; c++) {
            Str x = base_text_str(&a->cells[i][c]), y = base_text_str(&b->cells[i][c]);
            if (!base_str_equal(x, y)) {
                fail_msg("now %d, customer %d: %.*s and %.*s", i, c, STR_ARG(x), STR_ARG(y));
            }
            filled += x.size_bytes > 0;
        }
    }
    assert_true(filled > JOB_NOWS * JOB_CUSTOMERS / 2);
}

static void test_many_nows_are_single_nows(void **state) {
    (void)state;
    Job job;
    KretsError error = {0};
    job_init(&job);
    Sheet *together = sheet_new(job.plan), *alone = sheet_new(job.plan);
    assert_int_equal(run(&job, together, 0, JOB_NOWS, 1, (size_t)64 << 20, &error), 0);
    for (size_t i = 0; i < JOB_NOWS; i++) {
        assert_int_equal(run(&job, alone, i, 1, 1, (size_t)64 << 20, &error), 0);
    }
    check_equal(together, alone);
    sheet_free(together);
    sheet_free(alone);
    engine_fixture_done(&job.fixture);
}

static void test_threads_do_not_matter(void **state) {
    (void)state;
    Job job;
    KretsError error = {0};
    job_init(&job);
    Sheet *one = sheet_new(job.plan), *three = sheet_new(job.plan);
    assert_int_equal(run(&job, one, 0, JOB_NOWS, 1, (size_t)64 << 20, &error), 0);
    assert_int_equal(run(&job, three, 0, JOB_NOWS, 3, (size_t)64 << 20, &error), 0);
    check_equal(one, three);
    sheet_free(one);
    sheet_free(three);
    engine_fixture_done(&job.fixture);
}

static int take_nothing(void *context, unsigned thread, const Answer *answer) {
    (void)context;
    (void)thread;
    (void)answer;
    return 0;
}

static void test_zones_that_are_none_are_counted_by_now(void **state) {
    (void)state;
    static const char *const lines[] = {
        "a always identify timezone=Mars/Base",
        "a 2026-02-01T00:00Z identify timezone=Asia/Tokyo",
        "b 2026-01-01T00:00Z order amount=1",
        "b 2026-03-01T00:00Z identify timezone=localtime",
        "c 2026-01-01T00:00Z identify timezone=Europe/London",
        "d 2026-03-01T00:00Z identify timezone=Europe/Lodnon",
        NULL,
    };
    Fixture fixture;
    KretsError error = {0};
    engine_fixture_init(&fixture, "Europe/London", "GB", PROPERTIES, lines);
    NodeId node;
    const Plan *plan = engine_fixture_plan(&fixture, "count(order) > 0", &node);
    int64_t nows_us[] = {engine_fixture_time("2026-01-15T00:00Z"),
                         engine_fixture_time("2026-02-15T00:00Z"),
                         engine_fixture_time("2026-03-15T00:00Z")};
    for (unsigned threads = 1; threads <= 3; threads++) {
        uint64_t counts[] = {0, 0, 0};
        EvaluateJob job = {.plan = plan,
                           .table = engine_fixture_table(&fixture, plan),
                           .nows_us = nows_us,
                           .now_count = 3,
                           .threads = threads,
                           .memory_bytes = (size_t)64 << 20,
                           .sink = take_nothing,
                           .invalid_zone_counts = counts};
        assert_int_equal(engine_evaluate(&job, &error), 0);
        assert_int_equal(counts[0], 1); // a
        assert_int_equal(counts[1], 0);
        assert_int_equal(counts[2], 2); // b and d
    }
    engine_fixture_done(&fixture);
}

static void test_budget_exceeded_names_the_customer(void **state) {
    (void)state;
    Job job;
    KretsError error = {0};
    job_init(&job);
    Sheet *sheet = sheet_new(job.plan);
    assert_int_equal(run(&job, sheet, 0, JOB_NOWS, 2, 100, &error), BASE_E_RESOURCES);
    assert_non_null(strstr(error.text, "--memory"));
    // enough for the plan, too little for a customer
    int code = 0;
    size_t bytes = 1000;
    for (; bytes < ((size_t)1 << 20) && strstr(error.text, "customer 'c") == NULL; bytes += 200) {
        code = run(&job, sheet, 0, JOB_NOWS, 1, bytes, &error);
    }
    assert_int_equal(code, BASE_E_RESOURCES);
    assert_non_null(strstr(error.text, "customer 'c000' with 20 events"));
    sheet_free(sheet);
    engine_fixture_done(&job.fixture);
}

static void test_sink_stops_the_job(void **state) {
    (void)state;
    Job job;
    KretsError error = {0};
    job_init(&job);
    Sheet *sheet = sheet_new(job.plan);
    sheet->stop_after = 10;
    assert_int_equal(run(&job, sheet, 0, JOB_NOWS, 1, (size_t)64 << 20, &error), -77);
    assert_int_equal(sheet->count, 11);
    sheet_free(sheet);
    engine_fixture_done(&job.fixture);
}

static void test_fits_are_asked_for(void **state) {
    (void)state;
    Job job;
    KretsError error = {0};
    job_init(&job);
    job.fits = NULL;
    Sheet *sheet = sheet_new(job.plan);
    assert_int_equal(run(&job, sheet, 0, 1, 1, (size_t)64 << 20, &error), BASE_E_USAGE);
    assert_non_null(strstr(error.text, "krets fit"));
    sheet_free(sheet);
    engine_fixture_done(&job.fixture);
}

static const char *const TRACE_LINES[] = {
    "a 2026-01-01T00:00Z order amount=1 product=Tea",
    "a 2026-02-01T00:00Z page url=/",
    "a 2026-03-01T00:00Z order amount=2 product=Cup",
    "a 2026-03-02T00:00Z order product=Cup",
    "a 2026-05-01T00:00Z order amount=9 product=Cup",
    "b 2026-06-01T00:00Z order amount=9 product=Cup",
    NULL,
};

static const Trace *trace_of(Fixture *fixture, const char *customer, const char *expression,
                             const Plan **ret_plan) {
    NodeId node;
    KretsError error = {0};
    const Trace *trace = NULL;
    *ret_plan = engine_fixture_plan(fixture, expression, &node);
    const EventTable *table = engine_fixture_table(fixture, *ret_plan);
    size_t index = engine_fixture_customer(table, customer);
    assert_int_equal(engine_trace(fixture->arena, *ret_plan, table, index, NULL,
                                  engine_fixture_time("2026-04-01T00:00Z"), &trace, &error),
                     0);
    return trace;
}

static void test_trace_shows_what_decided(void **state) {
    (void)state;
    Fixture fixture;
    const Plan *plan;
    engine_fixture_init(&fixture, "UTC", "", PROPERTIES, TRACE_LINES);
    const Trace *trace = trace_of(&fixture, "a", "sum(order.amount last 60 days) > 1", &plan);
    assert_true(trace->is_in_population);
    assert_int_equal(plan->aggregate_count, 1);
    assert_int_equal(trace->aggregates[0].count, 1); // the order without an amount does not count
    assert_int_equal(trace->aggregates[0].rows[0], 2);
    assert_true(trace->aggregates[0].window_from_us == engine_fixture_time("2026-01-31T00:00Z"));
    assert_true(trace->aggregates[0].window_to_us == engine_fixture_time("2026-04-01T00:00Z"));
    for (int32_t i = 0; i < plan->node_count; i++) {
        assert_true(!plan->nodes[i].is_event_scope || trace->nodes[i].is_null);
    }
    trace = trace_of(&fixture, "a", "sequence(order then page then order)", &plan);
    assert_int_equal(trace->sequences[0].count, 3);
    assert_int_equal(trace->sequences[0].rows[0], 0);
    assert_int_equal(trace->sequences[0].rows[1], 1);
    assert_int_equal(trace->sequences[0].rows[2], 3);
    trace = trace_of(&fixture, "a", "sequence(page then page)", &plan);
    assert_int_equal(trace->sequences[0].count, 0);
    trace = trace_of(&fixture, "b", "count(order) = 0", &plan);
    assert_false(trace->is_in_population);
    assert_int_equal(trace->aggregates[0].count, 0);
    engine_fixture_done(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_nows_are_single_nows),
        cmocka_unit_test(test_threads_do_not_matter),
        cmocka_unit_test(test_zones_that_are_none_are_counted_by_now),
        cmocka_unit_test(test_budget_exceeded_names_the_customer),
        cmocka_unit_test(test_sink_stops_the_job),
        cmocka_unit_test(test_fits_are_asked_for),
        cmocka_unit_test(test_trace_shows_what_decided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
