// Transactions to frequency, recency, age and monetary value, said in the language, against the
// published cases of lifetimes and pymc-marketing.
//
// What the language cannot say: "pymc default RFM quartile segments" ranks customers with ties
// broken by their order in the file before cutting quartiles; in ntile equal values share a tile.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_fixture.h"

static const FixtureProperty PROPERTIES[] = {{"order", "amount", "decimal"}, {NULL, NULL, NULL}};

#define MONDAYS_APART(from, to, days) "((" days ") + weekday(" from ") - weekday(" to ")) / 7"
#define FIRST_TO_LAST                 "days_between(first(order), last(order))"
#define AFTER_CALIBRATION             "since time '2015-02-01T00:00:00.000001'"

// A column of a case, as an expression at the end of the observation or of the calibration.
typedef struct Column {
    const char *name;
    const char *expression;
} Column;

static const Column DAILY[] = {
    {"frequency", "days(order) - 1"},
    {"recency", FIRST_TO_LAST},
    {"T", "calendar_days_since(first(order))"},
    {"monetary_value", "coalesce(sum(order.amount since first(order)) / (days(order) - 1), 0)"},
    {NULL, NULL},
};
static const Column WEEKLY[] = {
    {"frequency", "weeks(order) - 1"},
    {"recency", MONDAYS_APART("first(order)", "last(order)", FIRST_TO_LAST)},
    {"T", MONDAYS_APART("first(order)", "now", "calendar_days_since(first(order))")},
    {NULL, NULL},
};
static const Column WITH_FIRST[] = {
    {"frequency", "days(order)"},
    {"recency_days_since_last", "calendar_days_since(last(order))"},
    {"monetary_value", "sum(order.amount) / days(order)"},
    {NULL, NULL},
};

static json_t *load_cases(void) {
    const char *data = getenv("KRETS_TEST_DATA");
    BASE_TEXT_SCOPED path = {0};
    base_text_printf(&path, "%s/../reference/transactions_to_rfm_cases.json",
                     data != NULL ? data : "../shared/data");
    json_error_t error;
    json_t *json = json_load_file(path.data, 0, &error);
    if (json == NULL) {
        print_message("SKIPPED: %s: %s (set KRETS_TEST_DATA)\n", path.data, error.text);
    }
    return json;
}

static const json_t *case_named(const json_t *json, const char *id) {
    const json_t *cases = json_object_get(json, "cases");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *item = json_array_get(cases, i);
        if (strcmp(json_string_value(json_object_get(item, "id")), id) == 0) {
            return item;
        }
    }
    fail_msg("no case %s", id);
    return NULL;
}

static void init_case(Fixture *fixture, const json_t *item) {
    const json_t *rows = json_object_get(item, "transactions");
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    const char **lines = base_arena_alloc_array(arena, json_array_size(rows) + 1, sizeof(char *));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        lines[i] = base_arena_printf(arena, "%d %sT00:00Z order amount=%g",
                                     (int)json_integer_value(json_array_get(row, 0)),
                                     json_string_value(json_array_get(row, 1)),
                                     json_number_value(json_array_get(row, 2)))
                       .data;
    }
    engine_fixture_init(fixture, "UTC", "", PROPERTIES, lines);
    for (size_t i = 0; i < fixture->row_count; i++) {
        FixtureRow *row = &fixture->rows[i];
        row->customer = base_arena_str(fixture->arena, row->customer);
        row->event = base_arena_str(fixture->arena, row->event);
        row->fields = base_arena_str(fixture->arena, row->fields);
    }
}

static void check_number(Fixture *fixture, const char *customer, const char *day,
                         const char *expression, double expected) {
    Str now = base_arena_printf(fixture->arena, "%sT00:00Z", day);
    Str value = engine_fixture_value(fixture, customer, now.data, expression);
    char *end;
    double number = strtod(value.data, &end);
    if (end == value.data || number != expected) {
        fail_msg("%s for customer %s at %s: %.*s, not %g", expression, customer, day,
                 STR_ARG(value), expected);
    }
}

// The columns of the case that the table has; returns how many numbers were checked.
static size_t check_columns(const json_t *item, const Column *columns) {
    Fixture fixture;
    size_t checked = 0;
    init_case(&fixture, item);
    const char *day = json_string_value(json_object_get(item, "observation_end"));
    const json_t *names = json_object_get(item, "columns"),
                 *rows = json_object_get(item, "expected");
    for (size_t r = 0; r < json_array_size(rows); r++) {
        const json_t *row = json_array_get(rows, r);
        Str customer =
            base_arena_printf(fixture.arena, "%d", (int)json_integer_value(json_array_get(row, 0)));
        for (size_t c = 1; c < json_array_size(names); c++) {
            const char *name = json_string_value(json_array_get(names, c));
            for (const Column *column = columns; column->name != NULL; column++) {
                if (strcmp(column->name, name) == 0) {
                    check_number(&fixture, customer.data, day, column->expression,
                                 json_number_value(json_array_get(row, c)));
                    checked++;
                }
            }
        }
    }
    engine_fixture_done(&fixture);
    return checked;
}

static void test_tables(void **state) {
    (void)state;
    json_t *json = load_cases();
    if (json == NULL) {
        skip();
    }
    assert_int_equal(check_columns(case_named(json, "daily + monetary"), DAILY), 24);
    assert_int_equal(check_columns(case_named(json, "weekly"), WEEKLY), 18);
    assert_int_equal(check_columns(case_named(json, "same-day purchases summed"), DAILY), 24);
    assert_int_equal(check_columns(case_named(json, "small"), DAILY), 9);
    const char *with_first = "RFM segmentation variant incl. first purchase";
    assert_int_equal(check_columns(case_named(json, with_first), WITH_FIRST), 18);
    json_decref(json);
}

static void test_calibration_and_holdout(void **state) {
    (void)state;
    json_t *json = load_cases();
    if (json == NULL) {
        skip();
    }
    Fixture fixture;
    const json_t *item = case_named(json, "calibration/holdout boundaries");
    const json_t *expected = json_object_get(item, "expected"), *value;
    const char *customer;
    init_case(&fixture, item);
    json_object_foreach((json_t *)json_object_get(expected, "holdout_frequency"), customer, value) {
        check_number(&fixture, customer,
                     json_string_value(json_object_get(item, "observation_end")),
                     "days(order " AFTER_CALIBRATION ")", json_number_value(value));
    }
    assert_true(base_str_equal(
        engine_fixture_value(&fixture, "6", "2015-02-01T00:00Z", "count(order)"), STR("out")));
    engine_fixture_done(&fixture);
    item = case_named(json, "calibration/holdout monetary");
    expected = json_object_get(item, "expected");
    init_case(&fixture, item);
    for (size_t i = 0; i < 5; i++) {
        Str id = base_arena_printf(fixture.arena, "%zu", i + 1);
        check_number(
            &fixture, id.data, "2015-02-01", DAILY[3].expression,
            json_number_value(json_array_get(json_object_get(expected, "monetary_cal"), i)));
        check_number(
            &fixture, id.data, "2015-02-07",
            "coalesce(sum(order.amount " AFTER_CALIBRATION ") / days(order " AFTER_CALIBRATION
            "), 0)",
            json_number_value(json_array_get(json_object_get(expected, "monetary_holdout"), i)));
    }
    engine_fixture_done(&fixture);
    json_decref(json);
}

static void test_weekly_calibration(void **state) {
    (void)state;
    json_t *json = load_cases();
    if (json == NULL) {
        skip();
    }
    Fixture fixture;
    const json_t *item = case_named(json, "calibration/holdout weekly");
    const json_t *rows = json_object_get(item, "expected");
    init_case(&fixture, item);
    for (size_t r = 0; r < json_array_size(rows); r++) {
        const json_t *row = json_array_get(rows, r);
        Str id =
            base_arena_printf(fixture.arena, "%d", (int)json_integer_value(json_array_get(row, 0)));
        for (size_t c = 0; c < 3; c++) {
            check_number(&fixture, id.data, "2015-02-01", WEEKLY[c].expression,
                         json_number_value(json_array_get(row, c + 1)));
        }
        check_number(&fixture, id.data, "2015-02-07", "weeks(order " AFTER_CALIBRATION ")",
                     json_number_value(json_array_get(row, 4)));
        check_number(
            &fixture, id.data, "2015-02-07",
            MONDAYS_APART("date '2015-02-01'", "now", "days_between(date '2015-02-01', now)"),
            json_number_value(json_array_get(row, 5)));
    }
    engine_fixture_done(&fixture);
    json_decref(json);
}

static void test_unordered_dates(void **state) {
    (void)state;
    json_t *json = load_cases();
    if (json == NULL) {
        skip();
    }
    Fixture fixture;
    const json_t *item = case_named(json, "unordered dates");
    init_case(&fixture, item);
    check_number(
        &fixture, "2", "2014-06-01", DAILY[3].expression,
        json_number_value(json_object_get(json_object_get(item, "expected"), "monetary_value")));
    engine_fixture_done(&fixture);
    json_decref(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_calibration_and_holdout),
        cmocka_unit_test(test_weekly_calibration),
        cmocka_unit_test(test_unordered_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
