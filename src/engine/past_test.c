// entered, exited and in … for, worked out by hand to the microsecond; budgets and many nows.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/engine_fixture.h"

static const FixtureProperty PROPERTIES[] = {
    {"order", "amount", "decimal"},   {"identify", "plan", "text"}, {"identify", "birth", "date"},
    {"identify", "timezone", "text"}, {NULL, NULL, NULL},
};

static const char *const LINES[] = {
    // active: (last 3 days) from the 1st to the 4th 12:00, and from the 10th to the 13th 12:00
    "anna 2026-03-01T12:00Z order amount=10",
    "anna 2026-03-10T12:00Z order amount=10",
    // gold from the 5th to the 6th, and from the 20th
    "bo 2026-03-05T08:00Z identify plan=gold",
    "bo 2026-03-06T08:00Z identify plan=free",
    "bo 2026-03-20T08:00Z identify plan=gold",
    // 18 on 15 March in New York
    "cy always identify birth=2008-03-15 timezone=America/New_York plan=gold",
    // an order that is yet to come
    "dee 2026-03-01T00:00Z order amount=1",
    "dee 2026-04-30T00:00Z order amount=1",
    NULL,
};

#define LITERAL(text)                                                                              \
    { (text), sizeof(text) - 1 }
static const SegmentSource SEGMENTS[] = {
    {.key = LITERAL("active"), .expression = LITERAL("did(order last 3 days)")},
    {.key = LITERAL("gold"), .expression = LITERAL("plan = 'gold'")},
    {.key = LITERAL("adult"), .expression = LITERAL("age(birth) >= 18")},
    {.key = LITERAL("minor"), .expression = LITERAL("age(birth) < 18")},
    {.key = LITERAL("born"), .expression = LITERAL("age(birth) >= 0")},
    {.key = LITERAL("idle"), .expression = LITERAL("not segment(active)")},
    {.key = LITERAL("rank"), .expression = LITERAL("ntile(count(order), 2) = 2")},
};

typedef struct Case {
    const char *customer, *now, *expression, *expected;
} Case;

static const Case CASES[] = {
    {"anna", "2026-03-12T00:00Z", "entered(active last 7 days)", "true"},
    {"anna", "2026-03-12T00:00Z", "exited(active last 7 days)", "false"},
    {"anna", "2026-03-12T00:00Z", "exited(active last 8 days)", "true"},
    // the instant itself is in a window that ends with it, and not in one that begins there
    {"anna", "2026-03-01T12:00Z", "entered(active last 1 second)", "true"},
    {"anna", "2026-03-01T11:59:59.999999Z", "entered(active last 1 year)", "out"},
    {"anna", "2026-03-02T12:00Z", "entered(active last 1 day)", "false"},
    {"anna", "2026-03-02T11:59:59.999999Z", "entered(active last 1 day)", "true"},
    {"anna", "2026-03-04T12:00Z", "exited(active last 1 second)", "true"},
    {"anna", "2026-03-04T11:59:59.999999Z", "exited(active last 1 year)", "false"},
    // an anchor counts by its time: what it causes is not after it
    {"anna", "2026-03-12T00:00Z", "entered(active since last(order))", "false"},
    {"anna", "2026-03-12T00:00Z", "entered(active since first(order))", "true"},
    {"anna", "2026-03-12T00:00Z", "exited(active from first(order) to last(order))", "true"},
    {"anna", "2026-03-12T00:00Z", "entered(active before last(order))", "true"},
    {"anna", "2026-03-12T00:00Z", "entered(active since last(refund))", "null"},
    {"anna", "2026-03-12T00:00Z", "entered(active today)", "false"},
    {"anna", "2026-03-10T23:00Z", "entered(active today)", "true"},
    {"anna", "2026-03-12T00:00Z", "in(active) for 1 day", "true"},
    {"anna", "2026-03-11T12:00Z", "in(active) for 1 day", "true"},
    {"anna", "2026-03-11T11:59:59.999999Z", "in(active) for 1 day", "false"},
    {"anna", "2026-03-13T11:59:59.999999Z", "in(active) for 2 days", "true"},
    {"anna", "2026-03-13T12:00Z", "in(active) for 1 second", "false"},
    {"anna", "2026-03-09T00:00Z", "in(idle) for 1 day", "true"},
    {"anna", "2026-03-09T00:00Z", "in(idle) for 5 days", "false"},
    // younger than the length
    {"anna", "2026-03-01T13:00Z", "in(active) for 2 hours", "false"},
    {"anna", "2026-03-01T13:00Z", "in(active) for 1 hour", "true"},
    {"bo", "2026-03-06T00:00Z", "in(gold) for 16 hours", "true"},
    {"bo", "2026-03-06T00:00Z", "in(gold) for 17 hours", "false"},
    {"bo", "2026-03-21T08:00Z", "in(gold) for 1 day", "true"},
    {"bo", "2026-03-21T08:00Z", "in(gold) for 1 month", "false"},
    {"bo", "2026-03-21T08:00Z", "entered(gold last 1 month) and exited(gold last 1 month)", "true"},
    {"bo", "2026-03-21T08:00Z", "exited(gold from date '2026-03-05' to date '2026-03-06')",
     "false"},
    {"bo", "2026-03-21T08:00Z", "exited(gold from date '2026-03-06' to date '2026-03-07')", "true"},
    // what holds from the beginning was not entered, and has been so for any time
    {"cy", "2026-03-21T00:00Z", "entered(gold more than 1 day ago)", "false"},
    {"cy", "2026-03-21T00:00Z", "in(gold) for 1000 years", "true"},
    {"cy", "2026-03-21T00:00Z", "entered(minor more than 1 day ago)", "false"},
    {"cy", "2026-03-21T00:00Z", "exited(minor before date '2090-01-01')", "true"},
    {"cy", "2016-03-21T00:00Z", "entered(born before date '2090-01-01')", "true"},
    {"cy", "2019-03-21T00:00Z", "entered(born before date '2090-01-01')", "false"},
    // local midnight in New York: 04:00 in summer time
    {"cy", "2026-03-15T04:00Z", "entered(adult last 1 second)", "true"},
    {"cy", "2026-03-15T03:59:59.999999Z", "entered(adult last 1 year)", "false"},
    {"cy", "2026-03-16T04:00Z", "in(adult) for 1 day", "true"},
    {"cy", "2026-03-16T03:59:59.999999Z", "in(adult) for 1 day", "false"},
    // events to come change nothing now
    {"dee", "2026-03-20T00:00Z", "entered(active last 1 year)", "true"},
    {"dee", "2026-03-20T00:00Z", "entered(active last 18 days)", "false"},
    {"dee", "2026-03-20T00:00Z", "in(idle) for 16 days", "true"},
    // fits are those of now, at every instant
    {"anna", "2026-03-12T00:00Z", "entered(rank last 3 days)", "false"},
    {"anna", "2026-03-12T00:00Z", "entered(rank last 12 days)", "true"},
};

static void make(Fixture *fixture) {
    engine_fixture_init(fixture, "Europe/London", "GB", PROPERTIES, LINES);
    fixture->model.segments = SEGMENTS;
    fixture->model.segment_count = sizeof SEGMENTS / sizeof SEGMENTS[0];
}

static void test_membership_over_time(void **state) {
    (void)state;
    Fixture fixture;
    size_t failed = 0;
    make(&fixture);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const Case *want = &CASES[i];
        Str value = engine_fixture_value(&fixture, want->customer, want->now, want->expression);
        if (!base_str_equal(value, base_str_from(want->expected))) {
            print_error("%s at %s for %s: %.*s, not %s\n", want->expression, want->now,
                        want->customer, STR_ARG(value), want->expected);
            failed++;
        }
    }
    engine_fixture_done(&fixture);
    assert_int_equal(failed, 0);
}

// ---- the job: many nows, and what one of them must not leave for the next ----

typedef struct Seen {
    size_t count;
    bool was_in[64];
} Seen;

static int take(void *context, unsigned thread, const Answer *answer) {
    Seen *seen = context;
    (void)thread;
    assert_true(seen->count < 64);
    seen->was_in[seen->count++] = !answer->value.is_null && answer->value.integer == 1;
    return 0;
}

static EvaluateJob job_of(Fixture *fixture, const int64_t *nows_us, size_t count, Seen *seen) {
    NodeId node;
    const Plan *plan = engine_fixture_plan(
        fixture, "if(entered(active last 1 day) and in(active) for 1 hour, 1, 0)", &node);
    const EventTable *table = engine_fixture_table(fixture, plan);
    Plan *with_value = base_arena_alloc(fixture->arena, sizeof *with_value);
    *with_value = *plan;
    with_value->value = node;
    return (EvaluateJob){.plan = with_value,
                         .table = table,
                         .fits = engine_fixture_fit(fixture, plan, table, nows_us[0], 1),
                         .nows_us = nows_us,
                         .now_count = count,
                         .threads = 1,
                         .memory_bytes = (size_t)1 << 20,
                         .sink = take,
                         .context = seen};
}

static void test_many_nows_and_customers_do_not_mix(void **state) {
    (void)state;
    Fixture fixture;
    KretsError error;
    make(&fixture);
    int64_t nows_us[] = {
        engine_fixture_time("2026-03-01T12:30Z"), engine_fixture_time("2026-03-01T13:00Z"),
        engine_fixture_time("2026-03-05T00:00Z"), engine_fixture_time("2026-03-10T14:00Z")};
    Seen seen = {0};
    EvaluateJob job = job_of(&fixture, nows_us, 4, &seen);
    assert_int_equal(engine_evaluate(&job, &error), 0);
    // anna at four nows, bo at one, cy at four, dee at four
    const bool wanted[] = {false, true,  false, true, false, false, false,
                           false, false, true,  true, false, false};
    assert_int_equal(seen.count, sizeof wanted);
    for (size_t i = 0; i < seen.count; i++) {
        assert_int_equal(seen.was_in[i], wanted[i]);
    }
    engine_fixture_done(&fixture);
}

static void test_a_small_budget_is_an_error(void **state) {
    (void)state;
    Fixture fixture;
    KretsError error;
    make(&fixture);
    int64_t now_us = engine_fixture_time("2026-03-12T00:00Z");
    Seen seen = {0};
    EvaluateJob job = job_of(&fixture, &now_us, 1, &seen);
    size_t enough = 0;
    for (size_t bytes = 4096; enough == 0; bytes += bytes / 4) {
        job.memory_bytes = bytes;
        seen.count = 0;
        int code = engine_evaluate(&job, &error);
        assert_true(code == 0 || code == BASE_E_RESOURCES);
        enough = code == 0 ? bytes : 0;
    }
    assert_true(enough > 4096 && seen.was_in[0] == false && seen.count == 4);
    engine_fixture_done(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_membership_over_time),
        cmocka_unit_test(test_many_nows_and_customers_do_not_mix),
        cmocka_unit_test(test_a_small_budget_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
