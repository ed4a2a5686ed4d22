// Fits: numpy's quantiles, tiles, shares, levels, and the artifact.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "engine/engine_fixture.h"

#define NOW "2026-03-31T12:00Z"

static const FixtureProperty PROPERTIES[] = {
    {"order", "amount", "decimal"},
    {"order", "weight", "number"},
    {"identify", "city", "text"},
    {"identify", "score", "integer"},
    {NULL, NULL, NULL},
};

// Spent: a 1, b 2, c 2, d 3.5, e 10, f nothing, g not yet a customer.
static const char *const LINES[] = {
    "a 2026-01-01T00:00Z order amount=1 weight=0.1",
    "b 2026-01-01T00:00Z order amount=2 weight=0.7",
    "c 2026-01-01T00:00Z order amount=2 weight=0.3",
    "d 2026-01-01T00:00Z order amount=3.5 weight=2.9",
    "e 2026-01-01T00:00Z order amount=10 weight=-5.5",
    "f always identify city=Lund",
    "g 2027-01-01T00:00Z order amount=1000 weight=9",
    NULL,
};

static void init(Fixture *fixture) {
    engine_fixture_init(fixture, "UTC", "", PROPERTIES, LINES);
}

static void check_value(Fixture *fixture, const char *customer, const char *expression,
                        const char *expected) {
    Str value = engine_fixture_value(fixture, customer, NOW, expression);
    if (!base_str_equal(value, base_str_from(expected))) {
        fail_msg("%s for %s: %.*s, not %s", expression, customer, STR_ARG(value), expected);
    }
}

static const FitSet *fit_expression(Fixture *fixture, const char *expression,
                                    const Plan **ret_plan) {
    NodeId node;
    *ret_plan = engine_fixture_plan(fixture, expression, &node);
    const EventTable *table = engine_fixture_table(fixture, *ret_plan);
    return engine_fixture_fit(fixture, *ret_plan, table, engine_fixture_time(NOW), 2);
}

static void check_bounds(const FitBounds *fit, const double *bounds, size_t count) {
    assert_int_equal(fit->bound_count, count);
    for (size_t i = 0; i < count; i++) {
        if (fit->bounds[i] != bounds[i]) {
            fail_msg("bound %zu: %.17g, not %.17g", i, fit->bounds[i], bounds[i]);
        }
    }
}

// numpy.quantile([...], [k / n ...]) as numpy 2.4.6 prints them
static void test_bounds_are_numpys_quantiles(void **state) {
    (void)state;
    Fixture fixture;
    const Plan *plan;
    init(&fixture);
    const FitSet *fits = fit_expression(&fixture, "ntile(sum(order.weight), 5) = 1", &plan);
    // sum over no events is 0: the six are -5.5, 0, 0.1, 0.3, 0.7, 2.9
    check_bounds(&fits->fits[0], (const double[]){0.0, 0.1, 0.3, 0.7}, 4);
    assert_int_equal(fits->fits[0].customer_count, 6);
    fits = fit_expression(&fixture, "ntile(max(order.weight), 4) = 1", &plan);
    check_bounds(&fits->fits[0], (const double[]){0.1, 0.3, 0.7}, 3);
    assert_int_equal(fits->fits[0].customer_count, 5);
    fits = fit_expression(&fixture, "ntile(max(order.weight), 7) = 1", &plan);
    check_bounds(&fits->fits[0],
                 (const double[]){-2.3, 0.12857142857142856, 0.24285714285714283,
                                  0.4142857142857142, 0.6428571428571428, 1.6428571428571423},
                 6);
    engine_fixture_done(&fixture);
}

static void test_tiles(void **state) {
    (void)state;
    Fixture fixture;
    init(&fixture);
    // spent with orders only: 1, 2, 2, 3.5, 10; q(1/2) = 2; q(1/4) = 2, q(3/4) = 3.5
    const char *half = "ntile(max(order.amount), 2)", *quarter = "ntile(max(order.amount), 4)";
    check_value(&fixture, "a", half, "1");
    check_value(&fixture, "b", half, "1");
    check_value(&fixture, "d", half, "2");
    check_value(&fixture, "f", half, "null");
    check_value(&fixture, "a", quarter, "1");
    check_value(&fixture, "b", quarter, "1");
    check_value(&fixture, "c", quarter, "1");
    check_value(&fixture, "d", quarter, "3");
    check_value(&fixture, "e", quarter, "4");
    // people who never bought fill a tile, unless they are left out
    check_value(&fixture, "f", "ntile(count(order), 2)", "1");
    check_value(&fixture, "a", "ntile(sum(order.amount), 4 where did(order))", "1");
    check_value(&fixture, "f", "ntile(sum(order.amount), 4 where did(order))", "1");
    // 0, 1, 2, 2, 3.5, 10: q(1/3) = 5/3
    check_value(&fixture, "b", "ntile(sum(order.amount), 3)", "2");
    check_value(&fixture, "b", "ntile(sum(order.amount), 4 where count(order) > 5)", "null");
    engine_fixture_done(&fixture);
}

static void test_top(void **state) {
    (void)state;
    Fixture fixture;
    const Plan *plan;
    init(&fixture);
    const FitSet *fits = fit_expression(&fixture, "top(max(order.amount), 3)", &plan);
    check_bounds(&fits->fits[0], (const double[]){2.0}, 1);
    assert_int_equal(fits->fits[0].customer_count, 5);
    // spent with orders only: 1, 2, 2, 3.5, 10; the third largest is 2, and so is the fourth
    check_value(&fixture, "a", "top(max(order.amount), 3)", "false");
    check_value(&fixture, "b", "top(max(order.amount), 3)", "true");
    check_value(&fixture, "c", "top(max(order.amount), 3)", "true");
    check_value(&fixture, "e", "top(max(order.amount), 3)", "true");
    check_value(&fixture, "d", "top(max(order.amount), 1)", "false");
    check_value(&fixture, "e", "top(max(order.amount), 1)", "true");
    check_value(&fixture, "f", "top(max(order.amount), 1)", "null");
    // as many as there are, and more
    check_value(&fixture, "a", "top(max(order.amount), 5)", "true");
    check_value(&fixture, "a", "top(max(order.amount), 6)", "true");
    check_value(&fixture, "f", "top(max(order.amount), 6)", "null");
    // who does not count is not among them
    check_value(&fixture, "e", "top(max(order.amount), 2 where max(order.amount) < 5)", "false");
    check_value(&fixture, "d", "top(max(order.amount), 2 where max(order.amount) < 5)", "true");
    check_value(&fixture, "b", "top(max(order.amount), 2 where max(order.amount) < 5)", "true");
    check_value(&fixture, "a", "top(max(order.amount), 2 where max(order.amount) < 5)", "false");
    check_value(&fixture, "f", "top(count(order), 9 where max(order.amount) < 5)", "null");
    check_value(&fixture, "e", "top(count(order), 1 where city = 'Lund')", "null");
    check_value(&fixture, "f", "top(count(order), 1 where city = 'Lund')", "true");
    check_value(&fixture, "e", "top(count(order), 1 where false)", "false");
    check_value(&fixture, "e", "top(count(order), 1 where null)", "null");
    engine_fixture_done(&fixture);
}

static void test_shares(void **state) {
    (void)state;
    Fixture fixture;
    init(&fixture);
    check_value(&fixture, "a", "percentile(max(order.amount))", "0.2");
    check_value(&fixture, "b", "percentile(max(order.amount))", "0.6");
    check_value(&fixture, "e", "percentile(max(order.amount))", "1");
    check_value(&fixture, "f", "percentile(max(order.amount))", "null");
    check_value(&fixture, "f", "percentile(sum(order.amount))", "0.16666666666666666");
    // below and between the fitted values
    check_value(&fixture, "a", "percentile(sum(order.amount) where sum(order.amount) > 1)", "0");
    check_value(&fixture, "b", "percentile(sum(order.amount) where sum(order.amount) != 2)", "0.5");
    check_value(&fixture, "a", "percentile(max(order.amount) where count(order) > 5)", "null");
    engine_fixture_done(&fixture);
}

static void test_a_fit_of_fits(void **state) {
    (void)state;
    Fixture fixture;
    const Plan *plan;
    init(&fixture);
    const char *expression = "percentile(ntile(max(order.amount), 4))";
    const FitSet *fits = fit_expression(&fixture, expression, &plan);
    assert_int_equal(fits->count, 2);
    // tiles 1 1 1 3 4
    check_value(&fixture, "c", expression, "0.6");
    check_value(&fixture, "d", expression, "0.8");
    check_value(&fixture, "e", expression, "1");
    engine_fixture_done(&fixture);
}

static void test_tables_together_are_one_population(void **state) {
    (void)state;
    Fixture fixture;
    NodeId node;
    init(&fixture);
    const Plan *plan = engine_fixture_plan(&fixture, "ntile(sum(order.weight), 5) = 1", &node);
    const EventTable *table = engine_fixture_table(&fixture, plan);
    EventTable first = *table, second = *table;
    first.customer_count = 3;
    second.customer_count -= 3;
    second.customer_ids += 3;
    second.first_row += 3;
    KretsError error = {0};
    FitBuilder *builder = engine_fit_new(fixture.arena, plan, engine_fixture_time(NOW));
    assert_int_equal(engine_fit_level_count(builder), 1);
    assert_int_equal(engine_fit_collect(builder, 0, &second, 1, &error), 0);
    assert_int_equal(engine_fit_collect(builder, 0, &first, 2, &error), 0);
    assert_int_equal(engine_fit_level(builder, 0, &error), 0);
    const FitSet *parts = engine_fit_done(builder);
    const FitSet *whole = engine_fixture_fit(&fixture, plan, table, engine_fixture_time(NOW), 1);
    check_bounds(&parts->fits[0], whole->fits[0].bounds, whole->fits[0].bound_count);
    assert_int_equal(parts->fits[0].customer_count, whole->fits[0].customer_count);
    engine_fixture_done(&fixture);
}

static void test_artifact_reads_back_to_the_same_bits(void **state) {
    (void)state;
    Fixture fixture;
    const Plan *plan;
    init(&fixture);
    const FitSet *fits =
        fit_expression(&fixture,
                       "ntile(sum(order.weight), 7) = 1 or percentile(max(order.weight)) > 0.5 or "
                       "top(avg(order.weight), 3) or top(count(order), 99 where did(order))",
                       &plan);
    BASE_TEXT_SCOPED text = {0};
    engine_fit_write(&text, plan, fits);
    const FitSet *read = NULL;
    KretsError error = {0};
    assert_int_equal(engine_fit_read(fixture.arena, plan, base_text_str(&text), &read, &error), 0);
    assert_int_equal(read->count, 4);
    assert_true(read->now_us == fits->now_us);
    for (size_t i = 0; i < read->count; i++) {
        assert_int_equal(read->fits[i].kind, fits->fits[i].kind);
        assert_int_equal(read->fits[i].customer_count, fits->fits[i].customer_count);
        assert_int_equal(read->fits[i].bound_count, fits->fits[i].bound_count);
        assert_memory_equal(read->fits[i].bounds, fits->fits[i].bounds,
                            read->fits[i].bound_count * sizeof(double));
        if (read->fits[i].kind == FIT_PERCENTILE) {
            assert_memory_equal(read->fits[i].cumulative, fits->fits[i].cumulative,
                                read->fits[i].bound_count * sizeof(uint64_t));
        }
    }
    engine_fixture_done(&fixture);
}

static void check_refused(const Plan *plan, Arena *arena, const char *json, int code,
                          const char *word) {
    KretsError error = {0};
    const FitSet *read = NULL;
    int result = engine_fit_read(arena, plan, base_str_from(json), &read, &error);
    if (result != code || strstr(error.text, word) == NULL) {
        fail_msg("%s: %d %s", json, result, error.text);
    }
    assert_null(read);
}

static void test_artifact_of_another_model_or_damaged(void **state) {
    (void)state;
    Fixture fixture;
    const Plan *plan, *other;
    init(&fixture);
    const FitSet *fits = fit_expression(&fixture, "ntile(count(order), 4) = 1", &plan);
    (void)fit_expression(&fixture, "ntile(count(order), 5) = 1", &other);
    BASE_TEXT_SCOPED text = {0};
    engine_fit_write(&text, plan, fits);
    check_refused(other, fixture.arena, text.data, BASE_E_USAGE, "ntile(5, count(");
    check_refused(plan, fixture.arena, "{", BASE_E_STORE, "damaged");
    check_refused(plan, fixture.arena, "{\"krets_fit\": 9, \"now_us\": 1, \"fits\": []}",
                  BASE_E_STORE, "version");
    char *bounds = strstr(text.data, "\"bounds\"");
    assert_non_null(bounds);
    bounds[2] = 'a';
    check_refused(plan, fixture.arena, text.data, BASE_E_STORE, "damaged");
    (void)fit_expression(&fixture, "top(count(order), 2)", &plan);
    const char *stored = "{\"krets_fit\": 1, \"now_us\": 1, \"fits\": [{\"key\": "
                         "\"top(2, count(\\\"order\\\"))\", \"kind\": \"top\", \"top\": 2, "
                         "\"customers\": 5, \"bounds\": []}]}";
    check_refused(plan, fixture.arena, stored, BASE_E_STORE, "does not fit its number");
    engine_fixture_done(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds_are_numpys_quantiles),
        cmocka_unit_test(test_tiles),
        cmocka_unit_test(test_top),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_a_fit_of_fits),
        cmocka_unit_test(test_tables_together_are_one_population),
        cmocka_unit_test(test_artifact_reads_back_to_the_same_bits),
        cmocka_unit_test(test_artifact_of_another_model_or_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
