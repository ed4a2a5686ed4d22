// Sequences: every rule of chains, with the answers worked out by hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "engine/engine_fixture.h"

typedef struct Case {
    const char *customer;
    const char *expression;
    const char *expected;
    const char *now; // NULL: NOW
} Case;

#define NOW "2026-03-10T20:00Z"

static const FixtureProperty PROPERTIES[] = {
    {"view", "url", "text"},     {"cart", "url", "text"},   {"buy", "url", "text"},
    {"mail", "url", "text"},     {"refund", "url", "text"}, {"view", "item", "integer"},
    {"cart", "item", "decimal"}, {"buy", "item", "number"}, {NULL, NULL, NULL},
};

static const char *const LINES[] = {
    "plain 2026-03-10T10:00Z view url=/x",
    "plain 2026-03-10T10:30Z cart",
    "plain 2026-03-10T11:00Z buy",
    // two tries: the first has a cart, the second none
    "twice 2026-03-10T10:00Z view url=/x",
    "twice 2026-03-10T10:05Z cart",
    "twice 2026-03-10T11:00Z view url=/y",
    "twice 2026-03-10T11:10Z buy",
    // at the same time, by arrival
    "tied 2026-03-10T10:00Z view",
    "tied 2026-03-10T10:00Z cart",
    "tied 2026-03-10T10:10Z buy",
    // the earlier start fits where the later one does not
    "early 2026-03-10T10:00Z view",
    "early 2026-03-10T10:50Z view",
    "early 2026-03-10T10:55Z cart",
    "early 2026-03-10T11:30Z buy",
    "month 2026-01-31T10:00Z view",
    "month 2026-02-28T10:00Z buy",
    "month 2026-02-28T10:00:01Z cart",
    "future 2026-03-10T10:00Z view",
    "future 2026-03-10T21:00Z buy",
    // a later start has an event of its own in between; the earlier one ends too late
    "all 2026-03-10T10:00Z view",
    "all 2026-03-10T10:20Z cart",
    "all 2026-03-10T10:30Z view",
    "all 2026-03-10T10:40Z cart",
    "all 2026-03-10T11:05Z buy",
    "all 2026-03-10T12:00Z mail",
    // one month later the day is clamped: the chain that begins later must end earlier
    "clamp 2026-01-30T18:00Z view",
    "clamp 2026-01-31T06:00Z view",
    "clamp 2026-02-10T00:00Z cart",
    "clamp 2026-02-28T12:00Z buy",
    // three things: one bought after it was put into the cart, one only viewed, one without name
    "items 2026-03-10T10:00Z view url=/a item=1",
    "items 2026-03-10T10:01Z view url=/b item=2",
    "items 2026-03-10T10:02Z view",
    "items 2026-03-10T10:10Z cart url=/b item=2.0",
    "items 2026-03-10T10:11Z cart url=/a item=3.5",
    "items 2026-03-10T10:12Z cart",
    "items 2026-03-10T10:20Z buy url=/b item=2",
    "items 2026-03-10T10:21Z buy",
    "items 2026-03-10T10:22Z buy url=/c item=3.5",
    NULL,
};

static void check_cases(const Case *cases) {
    Fixture fixture;
    engine_fixture_init(&fixture, "UTC", "", PROPERTIES, LINES);
    size_t failed = 0;
    for (; cases->expression != NULL; cases++) {
        const char *now = cases->now != NULL ? cases->now : NOW;
        Str value = engine_fixture_value(&fixture, cases->customer, now, cases->expression);
        if (!base_str_equal(value, base_str_from(cases->expected))) {
            print_error("%s at %s for %s: %.*s, not %s\n", cases->expression, now, cases->customer,
                        STR_ARG(value), cases->expected);
            failed++;
        }
    }
    engine_fixture_done(&fixture);
    assert_int_equal(failed, 0);
}

static void test_positive_steps(void **state) {
    (void)state;
    check_cases((const Case[]){
        {"plain", "sequence(view then cart then buy)", "true", NULL},
        {"plain", "sequence(view then buy)", "true", NULL},
        {"plain", "sequence(buy then view)", "false", NULL},
        {"plain", "sequence(view then refund)", "false", NULL},
        {"plain", "sequence(refund then view)", "false", NULL},
        {"plain", "sequence(view then view)", "false", NULL},
        {"twice", "sequence(view then view)", "true", NULL},
        {"twice", "sequence(view then view then view)", "false", NULL},
        {"twice", "sequence(view then cart then view then buy)", "true", NULL},
        {"plain", "sequence(view where url = '/x' then buy)", "true", NULL},
        {"plain", "sequence(view where url = '/y' then buy)", "false", NULL},
        {"twice", "sequence(cart then view where url = '/x')", "false", NULL},
        {"twice", "sequence((view or mail) then (buy or refund))", "true", NULL},
        {"tied", "sequence(view then cart)", "true", NULL},
        {"tied", "sequence(cart then view)", "false", NULL},
        {"tied", "sequence(any then any then any)", "true", NULL},
        {"tied", "sequence(any then any then any then any)", "false", NULL},
        {"future", "sequence(view then buy)", "false", NULL},
        {"future", "sequence(view then buy)", "true", "2026-03-10T21:00Z"},
        {0},
    });
}

static void test_time_limits(void **state) {
    (void)state;
    check_cases((const Case[]){
        {"plain", "sequence(view then cart within 30 minutes)", "true", NULL},
        {"plain", "sequence(view then cart within 29 minutes)", "false", NULL},
        {"plain", "sequence(view then buy within 45 minutes)", "false", NULL},
        // from the previous positive step, not from the first
        {"plain", "sequence(view then cart within 1 hour then buy within 30 minutes)", "true",
         NULL},
        {"twice", "sequence(view then cart within 10 minutes then buy within 30 minutes)", "false",
         NULL},
        {"twice", "sequence(view then cart within 10 minutes then buy within 65 minutes)", "true",
         NULL},
        // the later start fits where the earlier one does not
        {"twice", "sequence(view then buy within 10 minutes)", "true", NULL},
        {"month", "sequence(view then buy within 1 month)", "true", NULL},
        {"month", "sequence(view then cart within 1 month)", "false", NULL},
        {"month", "sequence(view then buy within 28 days)", "true", NULL},
        {"month", "sequence(view then buy within 27 days)", "false", NULL},
        {"tied", "sequence(view then cart within 1 second)", "true", NULL},
        {0},
    });
}

static void test_negative_steps_between(void **state) {
    (void)state;
    check_cases((const Case[]){
        {"plain", "sequence(view then not cart then buy)", "false", NULL},
        {"plain", "sequence(cart then not view then buy)", "true", NULL},
        {"plain", "sequence(view then not mail then buy)", "true", NULL},
        {"plain", "sequence(view then not cart within 10 minutes then buy)", "true", NULL},
        {"plain", "sequence(view then not cart within 30 minutes then buy)", "false", NULL},
        {"twice", "sequence(view then not cart then buy)", "true", NULL},
        {"twice", "sequence(view then not mail then not cart then buy)", "true", NULL},
        {"twice", "sequence(view then not view then not cart then buy)", "true", NULL},
        {"tied", "sequence(view then not cart then buy)", "false", NULL},
        {"tied", "sequence(cart then not view then buy)", "true", NULL},
        {"early", "sequence(view then not cart then buy)", "false", NULL},
        {"early", "sequence(view then not cart within 10 minutes then buy)", "true", NULL},
        // without a limit strictly between; with one the next step itself counts
        {"month", "sequence(view then not any then buy)", "true", NULL},
        {"month", "sequence(view then not any within 40 days then buy)", "false", NULL},
        {"month", "sequence(view then not any within 1 day then buy)", "true", NULL},
        {"month", "sequence(view then not buy then cart)", "false", NULL},
        {0},
    });
}

static void test_negative_steps_at_the_end(void **state) {
    (void)state;
    check_cases((const Case[]){
        {"plain", "sequence(view then not refund)", "true", NULL},
        {"plain", "sequence(view then not buy)", "false", NULL},
        {"plain", "sequence(view then not buy)", "true", "2026-03-10T10:45Z"},
        {"plain", "sequence(view then not buy within 1 hour)", "false", NULL},
        {"plain", "sequence(view then not buy within 59 minutes)", "true", NULL},
        // true only once the time has passed
        {"plain", "sequence(view then not buy within 59 minutes)", "false",
         "2026-03-10T10:58:59.999999Z"},
        {"plain", "sequence(view then not buy within 59 minutes)", "true", "2026-03-10T10:59Z"},
        {"plain", "sequence(buy then not view within 1 day)", "false", "2026-03-11T10:59:59Z"},
        {"plain", "sequence(buy then not view within 1 day)", "true", "2026-03-11T11:00Z"},
        {"plain", "sequence(view then cart then not mail then not refund)", "true", NULL},
        {"plain", "sequence(view then cart then not mail then not buy)", "false", NULL},
        {"tied", "sequence(view then not cart)", "false", NULL},
        {"tied", "sequence(cart then not view)", "true", NULL},
        {"twice", "sequence(view then not cart)", "true", NULL},
        {"month", "sequence(view then not cart within 1 month)", "true", NULL},
        {"month", "sequence(view then not buy within 1 month)", "false", NULL},
        {0},
    });
}

static void test_window_holds_the_first_step(void **state) {
    (void)state;
    check_cases((const Case[]){
        {"plain", "sequence(view then buy last 1 day)", "true", NULL},
        {"plain", "sequence(view then buy last 1 day)", "false", "2026-03-11T10:30Z"},
        {"plain", "sequence(cart then buy last 1 day)", "false", "2026-03-11T10:30Z"},
        {"plain", "sequence(cart then buy last 1 day)", "true", "2026-03-11T10:29:59Z"},
        {"twice", "sequence(view then buy since last(cart))", "true", NULL},
        {"twice", "sequence(view then cart since last(cart))", "false", NULL},
        // what follows may lie outside
        {"twice", "sequence(view then buy before first(cart))", "true", NULL},
        {"plain", "sequence(view then buy since last(refund))", "null", NULL},
        {0},
    });
}

static void test_limit_over_all_steps(void **state) {
    (void)state;
    check_cases((const Case[]){
        {"plain", "sequence(view then cart then buy in all within 60 minutes)", "true", NULL},
        {"plain", "sequence(view then cart then buy in all within 59 minutes)", "false", NULL},
        {"plain", "sequence(view then cart in all within 30 minutes)", "true", NULL},
        // one step has no other to be far from
        {"plain", "sequence(buy in all within 1 second)", "true", NULL},
        {"tied", "sequence(view then cart in all within 1 second)", "true", NULL},
        {"all", "sequence(view then cart then buy in all within 35 minutes)", "true", NULL},
        {"all", "sequence(view then cart then buy in all within 34 minutes)", "false", NULL},
        {"all", "sequence(view then cart then view then cart in all within 40 minutes)", "true",
         NULL},
        {"all", "sequence(view then view then buy in all within 1 hour)", "false", NULL},
        // the limit of a step, and of all
        {"all", "sequence(view then cart within 10 minutes then buy in all within 35 minutes)",
         "true", NULL},
        {"all", "sequence(view then cart within 9 minutes then buy in all within 1 day)", "false",
         NULL},
        {"all",
         "sequence(view then not cart within 15 minutes then cart then buy in all within "
         "65 minutes)",
         "true", NULL},
        {"all",
         "sequence(view then not cart within 15 minutes then cart then buy in all within "
         "64 minutes)",
         "false", NULL},
        // what must not happen at the end is not among the steps
        {"all", "sequence(view then cart then not mail in all within 10 minutes)", "false", NULL},
        {"all", "sequence(view then cart then not mail within 1 hour in all within 10 minutes)",
         "true", NULL},
        {"clamp", "sequence(view then cart then buy in all within 1 month)", "true", NULL},
        {"clamp", "sequence(view then view then buy in all within 1 month)", "true", NULL},
        {"clamp", "sequence(view then cart then buy in all within 1 month last 39 days)", "false",
         NULL},
        {0},
    });
}

static void test_steps_of_one_value(void **state) {
    (void)state;
    check_cases((const Case[]){
        {"items", "sequence(view then cart then buy by url)", "true", NULL},
        {"items", "sequence(view where url = '/a' then cart then buy by url)", "false", NULL},
        {"items", "sequence(view where url = '/a' then cart by url)", "true", NULL},
        {"items", "sequence(view where url is null then cart by url)", "false", NULL},
        {"items", "sequence(view then buy where url is null by url)", "false", NULL},
        {"items", "sequence(view then buy where url = '/c' by url)", "false", NULL},
        {"items", "sequence(view then view by url)", "false", NULL},
        {"items", "sequence(view then buy in all within 19 minutes by url)", "true", NULL},
        {"items", "sequence(view then buy in all within 18 minutes by url)", "false", NULL},
        // only what has the value can stand in the way
        {"items", "sequence(view then not cart then buy by url)", "false", NULL},
        {"items", "sequence(cart then not cart then buy)", "true", NULL},
        {"items", "sequence(cart where url = '/b' then not cart then buy where url = '/b')",
         "false", NULL},
        {"items", "sequence(cart where url = '/b' then not cart then buy by url)", "true", NULL},
        {"items", "sequence(view then not buy by url)", "true", NULL},
        {"items", "sequence(view then cart where url = '/b' then not buy by url)", "false", NULL},
        {"items", "sequence(view then not buy within 19 minutes by url)", "true", NULL},
        {"items", "sequence(view where url != '/a' then not buy within 19 minutes by url)", "false",
         NULL},
        // an integer, a decimal and a number are one value
        {"items", "sequence(view then cart then buy by item)", "true", NULL},
        {"items", "sequence(cart where url = '/a' then buy by item)", "true", NULL},
        {"items", "sequence(view where url = '/a' then cart by item)", "false", NULL},
        {"items", "sequence(any then any then any then any by item)", "false", NULL},
        {"items", "sequence(any then any then any by item)", "true", NULL},
        {"tied", "sequence(view then cart by time)", "true", NULL},
        {"plain", "sequence(view then cart by time)", "false", NULL},
        {"plain", "sequence(view then cart by url since last(refund))", "null", NULL},
        {0},
    });
}

// A chain by trying all: each positive step any later event, each rule as it is written.
typedef struct Naive {
    const int64_t *time;
    const int *kind;
    const int *value; // of `by`; 0: null
    int count;
    int64_t now;
    int64_t all_within; // 0: none
    int has_by;
    int first; // the event of the first step
} Naive;

typedef struct NaiveStep {
    int kind;
    int is_negated;
    int64_t within; // 0: none
} NaiveStep;

static int naive_is(const Naive *n, int event, int kind) {
    return n->kind[event] == kind && (!n->has_by || n->value[event] == n->value[n->first]);
}

static int naive_fits(const Naive *n, const NaiveStep *steps, int step_count, int p) {
    int positive = 0;
    while (positive < step_count && steps[positive].is_negated) {
        positive++;
    }
    for (int c = p + 1; positive < step_count && c < n->count; c++) {
        int fits =
            n->time[c] <= n->now && naive_is(n, c, steps[positive].kind) &&
            (n->all_within == 0 || n->time[c] <= n->time[n->first] + n->all_within) &&
            (steps[positive].within == 0 || n->time[c] <= n->time[p] + steps[positive].within);
        for (int s = 0; s < positive && fits; s++) {
            for (int b = p + 1; b <= c; b++) {
                int counts =
                    steps[s].within == 0 ? b < c : n->time[b] <= n->time[p] + steps[s].within;
                fits = fits && !(counts && naive_is(n, b, steps[s].kind));
            }
        }
        if (fits && naive_fits(n, steps + positive + 1, step_count - positive - 1, c)) {
            return 1;
        }
    }
    if (positive < step_count) {
        return 0;
    }
    for (int s = 0; s < step_count; s++) {
        if (steps[s].within != 0 && n->now < n->time[p] + steps[s].within) {
            return 0;
        }
        for (int b = p + 1; b < n->count && n->time[b] <= n->now; b++) {
            if (naive_is(n, b, steps[s].kind) &&
                (steps[s].within == 0 || n->time[b] <= n->time[p] + steps[s].within)) {
                return 0;
            }
        }
    }
    return 1;
}

static int naive_value(const Naive *naive, const NaiveStep *steps, int step_count) {
    for (int first = 0; first < naive->count && naive->time[first] <= naive->now; first++) {
        Naive at = *naive, *n = &at;
        n->first = first;
        if (n->has_by && n->value[first] == 0) {
            continue;
        }
        if (n->kind[first] == steps[0].kind && naive_fits(n, steps + 1, step_count - 1, first)) {
            return 1;
        }
    }
    return 0;
}

enum { RANDOM_ROUNDS = 1200, RANDOM_EVENTS = 10, RANDOM_STEPS = 4 };
static const char *const KINDS[] = {"view", "cart", "buy"};

// One round: random events with ties, random steps, against trying all chains.
static int random_round(unsigned *seed) {
    Arena *arena = base_arena_new(SIZE_MAX);
    const char *lines[RANDOM_EVENTS + 1] = {NULL};
    int64_t time[RANDOM_EVENTS];
    static const char *const urls[] = {"", " url=/a", " url=/b"};
    int kind[RANDOM_EVENTS], of_by[RANDOM_EVENTS], minute = 0;
    for (int i = 0; i < RANDOM_EVENTS; i++) {
        minute += rand_r(seed) % 4;
        time[i] = minute;
        kind[i] = rand_r(seed) % 3;
        of_by[i] = rand_r(seed) % 3;
        lines[i] = base_arena_printf(arena, "c 2026-03-10T10:%02dZ %s%s", minute, KINDS[kind[i]],
                                     urls[of_by[i]])
                       .data;
    }
    int now = rand_r(seed) % 40, step_count = 2 + rand_r(seed) % (RANDOM_STEPS - 1);
    now = now < time[0] ? (int)time[0] : now;
    NaiveStep steps[RANDOM_STEPS] = {{0}};
    Text text = {0};
    base_text_printf(&text, "sequence(");
    for (int i = 0; i < step_count; i++) {
        steps[i] = (NaiveStep){.kind = rand_r(seed) % 3,
                               .is_negated = i > 0 && rand_r(seed) % 3 == 0,
                               .within = i > 0 && rand_r(seed) % 2 ? 1 + rand_r(seed) % 9 : 0};
        base_text_printf(&text, "%s%s%s", i > 0 ? " then " : "", steps[i].is_negated ? "not " : "",
                         KINDS[steps[i].kind]);
        if (steps[i].within > 0) {
            base_text_printf(&text, " within %d minutes", (int)steps[i].within);
        }
    }
    int all_within = rand_r(seed) % 2 ? 1 + rand_r(seed) % 20 : 0, has_by = rand_r(seed) % 3 == 0;
    if (all_within > 0) {
        base_text_printf(&text, " in all within %d minutes", all_within);
    }
    base_text_printf(&text, has_by ? " by url)" : ")");
    Fixture fixture;
    engine_fixture_init(&fixture, "UTC", "", PROPERTIES, lines);
    const char *at = base_arena_printf(arena, "2026-03-10T10:%02dZ", now).data;
    Str value = engine_fixture_value(&fixture, "c", at, text.data);
    Naive naive = {.time = time,
                   .kind = kind,
                   .value = of_by,
                   .count = RANDOM_EVENTS,
                   .now = now,
                   .all_within = all_within,
                   .has_by = has_by};
    int expected = naive_value(&naive, steps, step_count);
    int is_equal = base_str_equal(value, base_str_from(expected ? "true" : "false"));
    for (int i = 0; !is_equal && lines[i] != NULL; i++) {
        print_error("%s\n", lines[i]);
    }
    if (!is_equal) {
        print_error("%s at %s: %.*s, trying all chains %d\n", text.data, at, STR_ARG(value),
                    expected);
    }
    engine_fixture_done(&fixture);
    base_text_done(&text);
    base_arena_free(arena);
    return !is_equal ? -1 : expected;
}

static void test_agrees_with_trying_all_chains(void **state) {
    (void)state;
    unsigned seed = 20260310;
    int count[2] = {0};
    for (int i = 0; i < RANDOM_ROUNDS; i++) {
        unsigned start = seed;
        int result = random_round(&seed);
        if (result < 0) {
            fail_msg("round %d, seed %u", i, start);
        }
        count[result]++;
    }
    assert_true(count[0] > RANDOM_ROUNDS / 10 && count[1] > RANDOM_ROUNDS / 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_positive_steps),
        cmocka_unit_test(test_time_limits),
        cmocka_unit_test(test_negative_steps_between),
        cmocka_unit_test(test_negative_steps_at_the_end),
        cmocka_unit_test(test_window_holds_the_first_step),
        cmocka_unit_test(test_limit_over_all_steps),
        cmocka_unit_test(test_steps_of_one_value),
        cmocka_unit_test(test_agrees_with_trying_all_chains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
