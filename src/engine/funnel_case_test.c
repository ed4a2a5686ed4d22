// Funnels and patterns of events, said as sequences, against the published cases of ClickHouse's
// windowFunnel and sequenceMatch.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_fixture.h"

static const FixtureProperty PROPERTIES[] = {{"any_event", "x", "text"}, {NULL, NULL, NULL}};
#define NOW "2026-01-02T00:00Z"

// What stands between two steps of a funnel.
typedef enum Between {
    BETWEEN_ANYTHING,
    BETWEEN_NOTHING,  // strict_order: no other event
    BETWEEN_NO_REPEAT // strict_deduplication: no step so far again, the next one not twice
} Between;

typedef struct FunnelCase {
    const char *id;
    Between between;
} FunnelCase;

static const FunnelCase FUNNELS[] = {
    {"wf1", BETWEEN_ANYTHING},
    {"wf3", BETWEEN_ANYTHING},
    {"wf5", BETWEEN_ANYTHING},
    {"wf6_w3", BETWEEN_ANYTHING},
    {"wf7", BETWEEN_ANYTHING},
    {"wf9_reverse", BETWEEN_ANYTHING},
    {"wf13_users_default", BETWEEN_ANYTHING},
    {"wf11_dedup", BETWEEN_NO_REPEAT},
    {"wf17_issue27469", BETWEEN_NO_REPEAT},
    // an event that comes twice is another event: strict_deduplication adds nothing to strict_order
    {"wf15_users_dedup+strict_order", BETWEEN_NOTHING},
    {"wf29", BETWEEN_NOTHING},
    // strict_once is how every sequence is; no two events of these have the same time, so that
    // strict_increase adds nothing
    {"wf21_once", BETWEEN_ANYTHING},
    {"wf23_strict_once+strict_increase", BETWEEN_ANYTHING},
    {"wf23_strict_once+strict_deduplication", BETWEEN_NO_REPEAT},
};

typedef struct PatternCase {
    const char *id, *expression;
} PatternCase;

// Condition N of a case is "data=N-1" (in the last one "data=N"). What follows at once is `then not
// any then`; times are whole seconds and never equal, so that t < 11 is within 10 seconds, and
// t == 1 within 1 second.
static const PatternCase PATTERNS[] = {
    {"seq (?2)", "sequence(x_1)"},
    {"seq (?4)", "sequence(x_3)"},
    {"seq (?1)(?1)(?1)", "sequence(x_0 then not any then x_0 then not any then x_0)"},
    {"seq (?1)(?1)(?1)(?1)(?1)", "sequence(x_0 then not any then x_0 then not any then x_0 "
                                 "then not any then x_0 then not any then x_0)"},
    {"seq (?1)(?t<11)(?2)", "sequence(x_0 then x_1 within 10 seconds)"},
    {"seq (?1)(?t<=2)(?3)", "sequence(x_0 then x_2 within 2 seconds)"},
    {"seq (?2)(?3)(?1)", "sequence(x_1 then not any then x_2 then not any then x_0)"},
    {"seq12 (?1)(?t==1)(?2)", "sequence(x_1 then x_2 within 1 second)"},
};

typedef struct OutCase {
    const char *id, *reason;
} OutCase;

static const OutCase OUT[] = {
    {"wf19_strict_increase", "events at one time are in order of arrival; none can be asked to be "
                             "strictly later in time"},
    {"wf25_reentry_on", "allow_reentry: what a step may be followed by depends on the whole path"},
    {"wf27", "allow_reentry, as wf25_reentry_on"},
    {"wf31", "there an event that two steps name counts for the last of them alone"},
    {"seq (empty)", "a pattern without a step is no sequence"},
    {"seq .*", "a pattern without a step is no sequence"},
    {"seq (?1)(?t>10)(?2)", "a least time between two steps cannot be said"},
    {"seq (?2)(?t>=7)(?2)", "a least time between two steps cannot be said"},
    {"ret1", "retention counts customers over cohorts; the report's own figure"},
    {"ret3", "retention, as ret1"},
    {"ret5_doris", "retention, as ret1"},
    {"next forward,head,A", "names the event that follows; a sequence is true or false"},
    {"next forward,head,C", "names the event that follows"},
    {"next backward,tail,C", "names the event before"},
    {"next forward,head,A->B", "names the event that follows"},
    {"next forward,head,(none)", "names the event that follows"},
    {"next forward,first_match,A", "names the event that follows"},
    {"next forward,first_match,A->B->C", "names the event that follows"},
    {"next forward,first_match,B->B", "names the event that follows"},
    {"next backward,first_match,B", "names the event before"},
};

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static json_t *document;

static void skip_without_cases(void) {
    if (document == NULL) {
        skip();
    }
}

static const json_t *case_named(const char *id) {
    const json_t *cases = json_object_get(document, "cases");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *item = json_array_get(cases, i);
        if (strcmp(json_string_value(json_object_get(item, "id")), id) == 0) {
            return item;
        }
    }
    fail_msg("no case %s", id);
    return NULL;
}

// ---- events ----

typedef struct Lines {
    Arena *arena;
    const char **items;
    size_t count;
} Lines;

// "x_1003", "x_begin_checkout": a name that needs no quotes.
static const char *event_name(Arena *arena, const json_t *event) {
    return json_is_integer(event)
               ? base_arena_printf(arena, "x_%d", (int)json_integer_value(event)).data
               : base_arena_printf(arena, "x_%s", json_string_value(event)).data;
}

static void add_events(Lines *lines, const char *customer, const json_t *events) {
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *pair = json_array_get(events, i);
        int second = (int)json_integer_value(json_array_get(pair, 0));
        assert_true(second >= 0 && second < 3600);
        lines->items = base_arena_grow(lines->arena, (void *)lines->items, lines->count,
                                       lines->count + 2, sizeof(char *));
        lines->items[lines->count++] =
            base_arena_printf(lines->arena, "%s 2026-01-01T00:%02d:%02dZ %s", customer, second / 60,
                              second % 60, event_name(lines->arena, json_array_get(pair, 1)))
                .data;
        lines->items[lines->count] = NULL;
    }
}

static void init_case(Fixture *fixture, Arena *arena, const json_t *item) {
    json_t *events = json_object_get(item, "events"), *of_customer;
    Lines lines = {.arena = arena};
    const char *customer;
    if (json_is_array(events)) {
        add_events(&lines, "one", events);
    }
    json_object_foreach(events, customer, of_customer) {
        add_events(&lines, customer, of_customer);
    }
    assert_true(lines.count > 0);
    engine_fixture_init(fixture, "UTC", "", PROPERTIES, lines.items);
}

static void check(Fixture *fixture, const char *id, const char *customer, const char *expression,
                  bool is_expected) {
    Str value = engine_fixture_value(fixture, customer, NOW, expression);
    if (!base_str_equal(value, is_expected ? STR("true") : STR("false"))) {
        fail_msg("%s: %s of %s is %.*s", id, expression, customer, STR_ARG(value));
    }
}

// ---- funnels ----

// The first `count` steps in the time of the window.
static const char *funnel_text(Arena *arena, const json_t *item, Between between, size_t count) {
    const json_t *steps = json_object_get(item, "steps");
    BASE_TEXT_SCOPED text = {0};
    base_text_append(&text, STR("sequence("));
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && between == BETWEEN_NOTHING) {
            base_text_append(&text, STR(" then not any"));
        } else if (i > 0 && between == BETWEEN_NO_REPEAT) {
            base_text_append(&text, STR(" then not ("));
            for (size_t k = 0; k <= i; k++) {
                base_text_printf(&text, "%s%s", k > 0 ? " or " : "",
                                 event_name(arena, json_array_get(steps, k)));
            }
            base_text_append(&text, STR(")"));
        }
        base_text_printf(&text, "%s%s", i > 0 ? " then " : "",
                         event_name(arena, json_array_get(steps, i)));
    }
    int window = (int)json_integer_value(json_object_get(item, "window"));
    base_text_printf(&text, " in all within %d seconds)", window);
    return base_arena_str(arena, base_text_str(&text)).data;
}

static void test_funnels_reach_the_published_steps(void **state) {
    (void)state;
    skip_without_cases();
    for (size_t i = 0; i < COUNT(FUNNELS); i++) {
        BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
        const json_t *item = case_named(FUNNELS[i].id);
        Fixture fixture;
        init_case(&fixture, arena, item);
        json_t *expected = json_object_get(item, "expected"), *reached;
        size_t step_count = json_array_size(json_object_get(item, "steps"));
        for (size_t count = 1; count <= step_count; count++) {
            const char *text = funnel_text(arena, item, FUNNELS[i].between, count), *customer;
            if (json_is_integer(expected)) {
                check(&fixture, FUNNELS[i].id, "one", text,
                      (json_int_t)count <= json_integer_value(expected));
            }
            json_object_foreach(expected, customer, reached) {
                check(&fixture, FUNNELS[i].id, customer, text,
                      (json_int_t)count <= json_integer_value(reached));
            }
        }
        engine_fixture_done(&fixture);
    }
}

static void test_patterns_match_as_published(void **state) {
    (void)state;
    skip_without_cases();
    for (size_t i = 0; i < COUNT(PATTERNS); i++) {
        BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
        const json_t *item = case_named(PATTERNS[i].id);
        const json_t *match = json_object_get(json_object_get(item, "expected"), "match");
        assert_true(json_is_integer(match));
        Fixture fixture;
        init_case(&fixture, arena, item);
        check(&fixture, PATTERNS[i].id, "one", PATTERNS[i].expression,
              json_integer_value(match) == 1);
        engine_fixture_done(&fixture);
    }
}

static size_t count_named(const char *id) {
    size_t count = 0;
    for (size_t i = 0; i < COUNT(FUNNELS); i++) {
        count += strcmp(FUNNELS[i].id, id) == 0;
    }
    for (size_t i = 0; i < COUNT(PATTERNS); i++) {
        count += strcmp(PATTERNS[i].id, id) == 0;
    }
    for (size_t i = 0; i < COUNT(OUT); i++) {
        assert_true(strlen(OUT[i].reason) > 10);
        count += strcmp(OUT[i].id, id) == 0;
    }
    return count;
}

// Each case of the file is used, or said why not.
static void test_every_case_is_accounted_for(void **state) {
    (void)state;
    skip_without_cases();
    const json_t *cases = json_object_get(document, "cases");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const char *id = json_string_value(json_object_get(json_array_get(cases, i), "id"));
        if (count_named(id) != 1) {
            fail_msg("%s is named %zu times", id, count_named(id));
        }
    }
    assert_int_equal(json_array_size(cases), COUNT(FUNNELS) + COUNT(PATTERNS) + COUNT(OUT));
}

static int load_cases(void **state) {
    (void)state;
    const char *data = getenv("KRETS_TEST_DATA");
    BASE_TEXT_SCOPED path = {0};
    base_text_printf(&path, "%s/../reference/funnel_retention_sequence_cases.json",
                     data != NULL ? data : "../shared/data");
    json_error_t error;
    document = json_load_file(path.data, 0, &error);
    if (document == NULL) {
        print_message("SKIPPED: %s: %s (set KRETS_TEST_DATA)\n", path.data, error.text);
    }
    return 0;
}

static int drop_cases(void **state) {
    (void)state;
    json_decref(document);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_funnels_reach_the_published_steps),
        cmocka_unit_test(test_patterns_match_as_published),
        cmocka_unit_test(test_every_case_is_accounted_for),
    };
    return cmocka_run_group_tests(tests, load_cases, drop_cases);
}
