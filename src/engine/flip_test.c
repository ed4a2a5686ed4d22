// The next flips of single conditions; the instants were worked out by hand from the language's
// definition.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "engine/engine_fixture.h"
#include "engine/flip.h"

typedef struct Case {
    const char *expression, *now;
    const char *expected; // instants of the next changes, or "never"
    const char *customer; // NULL: anna
} Case;

static const FixtureProperty PROPERTIES[] = {
    {"order", "amount", "decimal"},
    {"order", "product", "text"},
    {"identify", "birth", "date"},
    {"identify", "renewal", "time"},
    {"identify", "timezone", "text"},
    {"cart", NULL, NULL},
    {"mail", NULL, NULL},
    {"page", NULL, NULL},
    {NULL, NULL, NULL},
};

static const char *const LINES[] = {
    "anna 2026-01-05T10:00Z order amount=100 product=tea",
    "anna 2026-01-10T10:00Z order amount=50 product=tea",
    "anna 2026-01-20T10:00Z order amount=10 product=cup",
    "anna 2026-01-25T10:00Z order amount=40 product=tea",
    "anna 2026-01-25T10:00Z page",
    "anna always identify birth=2000-02-29 renewal=2026-09-30T12:00Z",
    // one who left a cart, and one who did not
    "carl 2026-03-01T09:00Z cart",
    "carl 2026-03-01T09:30Z order amount=5",
    "carl 2026-03-02T09:00Z cart",
    // events of the future
    "fred 2026-01-01T00:00Z page",
    "fred 2026-05-01T08:00Z order amount=7",
    "fred 2026-05-03T08:00Z order amount=8",
    // in other zones
    "lord 2026-03-31T12:00Z order amount=1",
    "lord always identify timezone=Australia/Lord_Howe birth=1990-04-05",
    "york 2026-08-31T12:00Z order amount=1",
    "york always identify timezone=America/New_York",
    // a trait that comes later
    "zoe 2026-01-01T00:00Z page",
    "zoe 2026-06-01T00:00Z identify timezone=Asia/Tokyo",
    NULL,
};

static const char *const JOHN[] = {
    "john 2010-10-28T12:00Z order amount=1",
    "john always identify timezone=America/St_Johns",
    NULL,
};

enum { SHOWN_MAX = 6 };

static const Plan *plan_of(Fixture *fixture, const char *expression) {
    SegmentSource *segment = base_arena_alloc(fixture->arena, sizeof *segment);
    *segment = (SegmentSource){.key = STR("s"), .expression = base_str_from(expression)};
    fixture->model.segments = segment;
    fixture->model.segment_count = 1;
    NodeId node;
    return engine_fixture_plan(fixture, "count(any)", &node);
}

static void show_time(Text *out, int64_t time_us) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Str text = base_calendar_format_local(arena, time_us);
    base_text_printf(out, "%s%.*sZ", out->size_bytes == 0 ? "" : " ", STR_ARG(text));
}

// The next changes of an expression, at most so many as are expected.
static void show_flips(Text *out, Fixture *fixture, const Case *test) {
    const Plan *plan = plan_of(fixture, test->expression);
    const EventTable *table = engine_fixture_table(fixture, plan);
    size_t customer =
        engine_fixture_customer(table, test->customer == NULL ? "anna" : test->customer);
    Flips *flips = NULL;
    KretsError error = {0};
    int64_t now_us = engine_fixture_time(test->now);
    const FitSet *fits = engine_fixture_fit(fixture, plan, table, now_us, 1);
    assert_int_equal(engine_flips_new(plan, table, fits, (size_t)64 << 20, &flips, &error), 0);
    size_t wanted = 1;
    for (const char *c = test->expected; *c != '\0'; c++) {
        wanted += *c == ' ';
    }
    for (size_t i = 0; i < wanted && i < SHOWN_MAX; i++) {
        int64_t flip_us = 0;
        assert_int_equal(engine_flip_next(flips, customer, now_us, NULL, 0, &flip_us, &error), 0);
        if (flip_us == FLIP_NEVER) {
            base_text_append(out, out->size_bytes == 0 ? STR("never") : STR(" never"));
            break;
        }
        show_time(out, flip_us);
        now_us = flip_us;
    }
    engine_flips_free(flips);
}

static void check_lines(const char *const *lines, const Case *cases) {
    Fixture fixture;
    size_t failed = 0;
    engine_fixture_init(&fixture, "Europe/London", "GB", PROPERTIES, lines);
    for (; cases->expression != NULL; cases++) {
        BASE_TEXT_SCOPED text = {0};
        show_flips(&text, &fixture, cases);
        if (!base_str_equal(base_text_str(&text), base_str_from(cases->expected))) {
            print_error("%s at %s: %s, not %s\n", cases->expression, cases->now, text.data,
                        cases->expected);
            failed++;
        }
    }
    engine_fixture_done(&fixture);
    assert_int_equal(failed, 0);
}

static void check_cases(const Case *cases) {
    check_lines(LINES, cases);
}

static void expiring_events_flip_at_the_threshold(void **state) {
    (void)state;
    check_cases((const Case[]){
        // four orders: the 3rd newest is that of 10 January
        {"count(order last 30 days) >= 3", "2026-01-26T00:00Z", "2026-02-09T10:00:00Z never", 0},
        {"count(order last 30 days) = 3", "2026-01-26T00:00Z",
         "2026-02-04T10:00:00Z 2026-02-09T10:00:00Z never", 0},
        {"count(order last 30 days) between 1 and 2", "2026-01-26T00:00Z",
         "2026-02-09T10:00:00Z 2026-02-24T10:00:00Z never", 0},
        {"did(order last 1 week)", "2026-01-26T00:00Z", "2026-02-01T10:00:00Z never", 0},
        {"never(order last 1 week)", "2026-01-26T00:00Z", "2026-02-01T10:00:00Z never", 0},
        // 200 in all; 100 without the first
        {"sum(order.amount last 30 days) > 99", "2026-01-26T00:00Z", "2026-02-09T10:00:00Z never",
         0},
        {"sum(order.amount last 30 days) > 100", "2026-01-26T00:00Z", "2026-02-04T10:00:00Z never",
         0},
        {"avg(order.amount last 30 days) < 30", "2026-01-26T00:00Z",
         "2026-02-09T10:00:00Z 2026-02-19T10:00:00Z never", 0},
        {"distinct(order.product last 30 days) = 2", "2026-01-26T00:00Z",
         "2026-02-19T10:00:00Z never", 0},
        {"last(order last 30 days) is null", "2026-01-26T00:00Z", "2026-02-24T10:00:00Z never", 0},
        {"max(order.amount last 30 days) >= 50", "2026-01-26T00:00Z", "2026-02-09T10:00:00Z never",
         0},
        {"did(order more than 60 days ago)", "2026-01-26T00:00Z", "2026-03-06T10:00:00Z never", 0},
        {"count(order from 60 days ago to 30 days ago) >= 2", "2026-01-26T00:00Z",
         "2026-02-09T10:00:00Z 2026-03-21T10:00:00Z never", 0},
        {0},
    });
}

static void thresholds_of_time_are_solved(void **state) {
    (void)state;
    check_cases((const Case[]){
        {"days_since(last(order)) > 90", "2026-02-01T00:00Z", "2026-04-25T10:00:00.000001Z never",
         0},
        {"days_since(last(order)) >= 90", "2026-02-01T00:00Z", "2026-04-25T10:00:00Z never", 0},
        {"days_since(last(order)) = 90", "2026-02-01T00:00Z",
         "2026-04-25T10:00:00Z 2026-04-25T10:00:00.000001Z never", 0},
        {"days_since(last(order)) between 10 and 20", "2026-01-26T00:00Z",
         "2026-02-04T10:00:00Z 2026-02-14T10:00:00.000001Z never", 0},
        {"days_until(renewal) < 7", "2026-02-01T00:00Z", "2026-09-23T12:00:00.000001Z never", 0},
        {"2 * days_since(last(order)) - 10 > 50", "2026-02-01T00:00Z",
         "2026-02-24T10:00:00.000001Z never", 0},
        {"days_since(last(order)) > 30 and days_since(last(order)) < 60", "2026-02-01T00:00Z",
         "2026-02-24T10:00:00.000001Z 2026-03-26T10:00:00Z never", 0},
        {"days_since(last(order)) > 30 or count(order last 20 days) > 0", "2026-02-01T00:00Z",
         "2026-02-14T10:00:00Z 2026-02-24T10:00:00.000001Z never", 0},
        {"last(order) > now - 30 days", "2026-02-01T00:00Z", "2026-02-24T10:00:00Z never", 0},
        {"renewal > now", "2026-02-01T00:00Z", "2026-09-30T12:00:00Z never", 0},
        {"renewal within next 7 days", "2026-02-01T00:00Z",
         "2026-09-23T12:00:00Z 2026-09-30T12:00:00Z never", 0},
        {"last(order) within last 30 days", "2026-02-01T00:00Z", "2026-02-24T10:00:00Z never", 0},
        // floor(10 000 / d) falls below 200 once d > 50
        {"10000 / days_since(last(order)) < 200", "2026-02-01T00:00Z",
         "2026-03-16T10:00:00.000001Z never", 0},
        {0},
    });
}

static void a_time_that_passes_flips_once(void **state) {
    (void)state;
    check_cases((const Case[]){
        {"completed(last(order), 30 days)", "2026-02-01T00:00Z", "2026-02-24T10:00:00Z never", 0},
        {"not completed(last(order), 30 days)", "2026-02-01T00:00Z", "2026-02-24T10:00:00Z never",
         0},
        // the clocks went forward in between
        {"completed(last(order), 3 months)", "2026-02-01T00:00Z", "2026-04-25T09:00:00Z never", 0},
        {"completed(birth, 9497 days)", "2026-02-01T00:00Z", "2026-03-01T00:00:00Z never", 0},
        {"completed(last(mail), 30 days)", "2026-02-01T00:00Z", "never", 0},
        {"completed(last(cart), 1 day) and days_since(last(cart)) < 3", "2026-03-02T10:00Z",
         "2026-03-03T09:00:00Z 2026-03-05T09:00:00Z never", "carl"},
        // a time that goes on itself
        {"completed(coalesce(renewal, now), 1 week)", "2026-02-01T00:00Z",
         "2026-10-07T12:00:00Z never", 0},
        {"completed(least(renewal, now), 1 week)", "2026-02-01T00:00Z",
         "2026-10-07T12:00:00Z never", 0},
        {0},
    });
}

static void the_top_flips_where_x_meets_its_bound(void **state) {
    (void)state;
    check_cases((const Case[]){
        // fitted on 1 February: 31 days of fred and zoe, less of anna
        {"top(days_since(last(any)), 3)", "2026-02-01T00:00Z", "never", 0},
        {"top(days_since(last(any)), 1)", "2026-02-01T00:00Z", "2026-02-25T10:00:00Z never", 0},
        {"top(count(order last 30 days), 1)", "2026-02-01T00:00Z", "2026-02-04T10:00:00Z never", 0},
        {"top(count(order), 1 where did(order last 30 days))", "2026-02-01T00:00Z",
         "2026-02-24T10:00:00Z never", 0},
        {"not top(count(order), 1 where days_since(last(order)) < 30.5)", "2026-02-01T00:00Z",
         "2026-02-24T22:00:00Z never", 0},
        {0},
    });
}

static void local_days_follow_the_clock(void **state) {
    (void)state;
    check_cases((const Case[]){
        // the clocks go forward on 29 March at 01:00 UTC
        {"calendar_days_since(last(order)) >= 70", "2026-02-01T00:00Z",
         "2026-04-04T23:00:00Z never", 0},
        {"weekday(now) = 7", "2026-03-26T00:00Z",
         "2026-03-29T00:00:00Z 2026-03-29T23:00:00Z 2026-04-04T23:00:00Z", 0},
        {"hour(now) = 1", "2026-03-28T12:00Z",
         "2026-03-30T00:00:00Z 2026-03-30T01:00:00Z 2026-03-31T00:00:00Z", 0},
        // on 25 October the hour from 1 to 2 comes twice
        {"hour(now) = 1", "2026-10-24T12:00Z", "2026-10-25T00:00:00Z 2026-10-25T02:00:00Z", 0},
        // half an hour back on 5 April at 15:00 UTC, from +11:00 to +10:30
        {"weekday(now) = 1", "2026-04-04T00:00Z", "2026-04-05T13:30:00Z 2026-04-06T13:30:00Z",
         "lord"},
        {"month(now) = 4", "2026-03-15T00:00Z", "2026-03-31T13:00:00Z 2026-04-30T13:30:00Z",
         "lord"},
        {"count(order today) > 0", "2026-03-31T12:30Z", "2026-03-31T13:00:00Z never", "lord"},
        {"count(order this month) > 0", "2026-03-31T12:30Z", "2026-03-31T13:00:00Z never", "lord"},
        {"count(order previous month) > 0", "2026-03-31T12:30Z",
         "2026-03-31T13:00:00Z 2026-04-30T13:30:00Z never", "lord"},
        {"count(order last 2 full weeks) > 0", "2026-03-31T12:30Z",
         "2026-04-05T13:30:00Z 2026-04-19T13:30:00Z never", "lord"},
        // 31 August in New York; there is no 31 September, so "last 1 month" holds until October
        {"count(order last 1 month) > 0", "2026-09-01T00:00Z", "2026-10-01T04:00:00Z never",
         "york"},
        {"count(order last 1 year) > 0", "2026-09-01T00:00Z", "2027-08-31T12:00:00Z never", "york"},
        {"now within 2 days before holiday('Christmas Day')", "2026-12-01T00:00Z",
         "2026-12-23T00:00:00Z 2026-12-25T00:00:00Z", 0},
        {0},
    });
}

static void times_that_come_again(void **state) {
    (void)state;
    check_cases((const Case[]){
        // 01:00 to 02:00 of 29 March is a gap: its times count as an hour later, and those after it
        // do not
        {"time '2026-03-29T01:30Z' < now + 2 months", "2026-01-28T12:00Z",
         "2026-01-29T01:30:00.000001Z 2026-01-29T02:00:00Z 2026-01-29T02:30:00.000001Z", 0},
        {"nth(page, -1) + 2 months > now", "2026-01-28T12:00Z", "2026-03-25T10:00:00Z never", 0},
        {"renewal within next 2 months", "2026-05-01T00:00Z",
         "2026-07-30T12:00:00Z 2026-07-30T23:00:00Z 2026-07-31T12:00:00Z 2026-09-30T12:00:00Z "
         "never",
         0},
        {"time '2026-02-28T12:00Z' <= now + 1 month", "2026-01-28T00:00Z",
         "2026-01-28T12:00:00Z 2026-01-29T00:00:00Z 2026-01-29T12:00:00Z 2026-01-30T00:00:00Z", 0},
        // what keeps its distance does not flip
        {"days_since(first(order)) - days_since(last(order)) > 10", "2026-02-01T00:00Z", "never",
         0},
        {"days_since(first(order)) > days_since(last(order))", "2026-02-01T00:00Z", "never", 0},
        {"greatest(now, renewal) > renewal", "2026-02-01T00:00Z",
         "2026-09-30T12:00:00.000001Z never", 0},
        {0},
    });
}

static void days_that_begin_twice(void **state) {
    (void)state;
    check_lines(
        JOHN,
        (const Case[]){
            // the clocks of St John's went back at one minute past midnight, so that 7 November
            // began
            // twice
            {"calendar_days_since(last(order)) >= 10", "2010-11-01T00:00Z",
             "2010-11-07T02:30:00Z 2010-11-07T02:31:00Z 2010-11-07T03:30:00Z never", "john"},
            {"day(now) = 7", "2010-11-01T00:00Z",
             "2010-11-07T02:30:00Z 2010-11-07T02:31:00Z 2010-11-07T03:30:00Z 2010-11-08T03:30:00Z",
             "john"},
            {0},
        });
}

static void birthdays(void **state) {
    (void)state;
    check_cases((const Case[]){
        // born on 29 February: older on 1 March, in leap years on the 29th
        {"age(birth) >= 27", "2026-02-01T00:00Z", "2027-03-01T00:00:00Z never", 0},
        {"age(birth) >= 28", "2026-02-01T00:00Z", "2028-02-29T00:00:00Z never", 0},
        {"age(birth) = 27", "2026-02-01T00:00Z", "2027-03-01T00:00:00Z 2028-02-29T00:00:00Z never",
         0},
        {"anniversary(birth) within next 3 days", "2026-02-20T00:00Z",
         "2026-02-26T00:00:00Z 2026-03-02T00:00:00Z 2027-02-26T00:00:00Z", 0},
        {"age(birth) >= 37", "2026-04-06T00:00Z", "2027-04-04T13:30:00Z never", "lord"},
        {0},
    });
}

static void absences_have_deadlines(void **state) {
    (void)state;
    check_cases((const Case[]){
        {"sequence(cart then not order within 1 hour last 7 days)", "2026-03-01T10:00Z",
         "2026-03-02T10:00:00Z 2026-03-09T09:00:00Z never", "carl"},
        {"sequence(cart then not order within 1 hour)", "2026-03-02T09:59Z",
         "2026-03-02T10:00:00Z never", "carl"},
        {"sequence(cart then not order within 1 month)", "2026-03-03T00:00Z",
         "2026-04-02T08:00:00Z never", "carl"},
        {"sequence(cart then order within 1 hour last 3 days)", "2026-03-02T10:00Z",
         "2026-03-04T09:00:00Z never", "carl"},
        {0},
    });
}

static void later_events_and_traits_count(void **state) {
    (void)state;
    check_cases((const Case[]){
        {"count(order) >= 2", "2026-02-01T00:00Z", "2026-05-03T08:00:00Z never", "fred"},
        {"count(order last 1 day) >= 1", "2026-02-01T00:00Z",
         "2026-05-01T08:00:00Z 2026-05-02T08:00:00Z 2026-05-03T08:00:00Z 2026-05-04T08:00:00Z "
         "never",
         "fred"},
        {"count(any) > 0", "2025-02-01T00:00Z", "2026-01-01T00:00:00Z never", "fred"},
        {"true", "2025-02-01T00:00Z", "2026-01-01T00:00:00Z never", "fred"},
        // Tokyo is nine hours ahead from June on
        {"hour(now) = 9", "2026-05-31T12:00Z", "2026-06-01T00:00:00Z 2026-06-01T01:00:00Z", "zoe"},
        {"timezone = 'Asia/Tokyo'", "2026-05-31T12:00Z", "2026-06-01T00:00:00Z never", "zoe"},
        {0},
    });
}

static void spans_and_changes(void **state) {
    (void)state;
    Fixture fixture;
    KretsError error = {0};
    Flips *flips = NULL;
    engine_fixture_init(&fixture, "Europe/London", "GB", PROPERTIES, LINES);
    const Plan *plan = plan_of(&fixture, "count(order last 30 days) >= 3");
    const EventTable *table = engine_fixture_table(&fixture, plan);
    size_t anna = engine_fixture_customer(table, "anna");
    assert_int_equal(engine_flips_new(plan, table, NULL, (size_t)64 << 20, &flips, &error), 0);
    int64_t in_us = engine_fixture_time("2026-01-20T10:00Z");
    int64_t out_us = engine_fixture_time("2026-02-09T10:00Z");
    FlipSpan span;
    assert_int_equal(engine_flip_span(flips, anna, 0, in_us + 1, &span, &error), 0);
    assert_true(span.is_member);
    assert_int_equal(span.since_us, in_us);
    assert_int_equal(span.until_us, out_us);
    assert_int_equal(engine_flip_span(flips, anna, 0, in_us - 1, &span, &error), 0);
    assert_false(span.is_member);
    assert_int_equal(span.since_us, CALENDAR_TIME_MIN);
    assert_int_equal(span.until_us, in_us);
    assert_int_equal(engine_flip_span(flips, anna, 0, out_us + 1000, &span, &error), 0);
    assert_false(span.is_member);
    assert_int_equal(span.since_us, out_us);
    assert_int_equal(span.until_us, FLIP_NEVER);
    const FlipChange *changes;
    size_t count;
    assert_int_equal(engine_flip_changes(flips, fixture.arena, anna, 0, in_us - 1, out_us, &changes,
                                         &count, &error),
                     0);
    assert_int_equal(count, 2);
    assert_true(changes[0].at_us == in_us && changes[0].is_entry);
    assert_true(changes[1].at_us == out_us && !changes[1].is_entry);
    assert_int_equal(engine_flip_changes(flips, fixture.arena, anna, 0, in_us, out_us - 1, &changes,
                                         &count, &error),
                     0);
    assert_int_equal(count, 0);
    engine_flips_free(flips);
    engine_fixture_done(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expiring_events_flip_at_the_threshold),
        cmocka_unit_test(thresholds_of_time_are_solved),
        cmocka_unit_test(a_time_that_passes_flips_once),
        cmocka_unit_test(the_top_flips_where_x_meets_its_bound),
        cmocka_unit_test(local_days_follow_the_clock),
        cmocka_unit_test(times_that_come_again),
        cmocka_unit_test(days_that_begin_twice),
        cmocka_unit_test(birthdays),
        cmocka_unit_test(absences_have_deadlines),
        cmocka_unit_test(later_events_and_traits_count),
        cmocka_unit_test(spans_and_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
