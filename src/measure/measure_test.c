#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

#include "measure/concentration.h"
#include "measure/distribution.h"
#include "measure/overlap.h"
#include "measure/rfm.h"

static void assert_near(double a, double b) {
    assert_true(fabs(a - b) < 1e-12);
}

static void overlap_counts_shared_customers(void **state) {
    (void)state;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    roaring_bitmap_t *segments[] = {roaring_bitmap_of(4, 0, 1, 2, 3), roaring_bitmap_of(2, 2, 9),
                                    roaring_bitmap_create()};
    Answers answers = {.customer_count = 10, .segments = segments, .segment_count = 3};
    Overlap overlap;
    measure_overlap(arena, &answers, &overlap);
    const uint64_t expected[] = {4, 1, 2, 0, 0, 0};
    assert_int_equal(overlap.count, 3);
    assert_memory_equal(overlap.counts, expected, sizeof expected);
    for (int i = 0; i < 3; i++)
        roaring_bitmap_free(segments[i]);
}

static void concentration_finds_the_few_who_bring_most(void **state) {
    (void)state;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    // Ten customers: one brings 91, nine bring 1 each.
    __int128 money[10] = {1, 1, 1, 91, 1, 1, 1, 1, 1, 1};
    Concentration result;
    assert_true(measure_concentration(arena, money, 10, &result));
    assert_int_equal(result.top[2].customers, 1); // 10 %
    assert_near(result.top[2].value_share, 0.91);
    assert_near(result.half, 0.1);
    assert_int_equal(result.point_count, 11);
    assert_near(result.points[10].value, 1);
    // sum of (2 i - 11) x_i, ascending: 9 * 91 + (-9 - 7 - ... + 7) = 819 - 9, over 10 * 100
    assert_near(result.gini, 0.81);
    assert_int_equal(result.without_value, 0);
}

static void concentration_needs_a_value(void **state) {
    (void)state;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    __int128 nothing[3] = {0, 0, 0}, debts[2] = {-5, 3}, mixed[3] = {5, -1, 0};
    Concentration result;
    assert_false(measure_concentration(arena, nothing, 3, &result));
    assert_false(measure_concentration(arena, debts, 2, &result));
    assert_false(measure_concentration(arena, nothing, 0, &result));
    assert_true(measure_concentration(arena, mixed, 3, &result));
    assert_true(isnan(result.gini));
    assert_int_equal(result.without_value, 1);
}

static void quantiles_match_numpy(void **state) {
    (void)state;
    const double sorted[] = {1, 2, 4, 8};
    assert_near(measure_distribution_quantile(sorted, 4, 0.5), 3);
    assert_near(measure_distribution_quantile(sorted, 4, 0.25), 1.75);
    assert_near(measure_distribution_quantile(sorted, 4, 1), 8);
    assert_near(measure_distribution_quantile(sorted, 1, 0.3), 1);
}

static void distribution_of_numbers_has_bins_that_hold_all(void **state) {
    (void)state;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    int64_t values[1000];
    uint8_t valid[1000];
    for (int i = 0; i < 1000; i++) {
        values[i] = i == 0 ? 1000000 : i % 97;
        valid[i] = i % 10 != 9;
    }
    TableColumn column = {.type = VALUE_INTEGER, .values = values, .valid = valid};
    Distribution result;
    measure_distribution(arena, &column, 1000, &result);
    assert_int_equal(result.count, 900);
    assert_int_equal(result.nulls, 100);
    assert_true(result.bin_count > 5 && result.bin_count <= MEASURE_DISTRIBUTION_BIN_MAX + 1);
    uint64_t total = 0;
    for (size_t b = 0; b < result.bin_count; b++) {
        total += result.bins[b].count;
        if (b > 0)
            assert_near(result.bins[b].from, result.bins[b - 1].to);
    }
    assert_int_equal(total, 900);
    assert_near(result.bins[result.bin_count - 1].to, 1000000);
    assert_int_equal(result.bins[result.bin_count - 1].count, 1);
}

static void distribution_of_one_value_is_one_bin(void **state) {
    (void)state;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    const double values[] = {2.5, 2.5, 2.5};
    TableColumn column = {.type = VALUE_NUMBER, .values = values};
    Distribution result;
    measure_distribution(arena, &column, 3, &result);
    assert_int_equal(result.bin_count, 1);
    assert_int_equal(result.bins[0].count, 3);
    assert_int_equal(result.distinct, 1);
}

static void distribution_of_texts_lists_the_most_frequent(void **state) {
    (void)state;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    const Str values[] = {STR("b"), STR("a"), STR("b"), STR("c"), STR("a"), STR("b")};
    TableColumn column = {.type = VALUE_TEXT, .values = values};
    Distribution result;
    measure_distribution(arena, &column, 6, &result);
    assert_int_equal(result.top_count, 3);
    assert_true(base_str_equal(result.top[0].value, STR("b")));
    assert_int_equal(result.top[0].count, 3);
    assert_true(base_str_equal(result.top[2].value, STR("c")));
}

static void rfm_puts_everybody_with_both_metrics_into_one_cell(void **state) {
    (void)state;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    double recency[50];
    int64_t frequency[50];
    uint8_t valid[50];
    __int128 money[50];
    for (int i = 0; i < 50; i++) {
        recency[i] = i;
        frequency[i] = 50 - i;
        valid[i] = i != 49;
        money[i] = 10000;
    }
    TableColumn r = {.type = VALUE_NUMBER, .values = recency, .valid = valid};
    TableColumn f = {.type = VALUE_INTEGER, .values = frequency};
    Rfm rfm;
    assert_true(measure_rfm(arena, &r, &f, money, 50, &rfm));
    assert_int_equal(rfm.customers, 49);
    uint64_t total = 0;
    for (int i = 0; i < MEASURE_RFM_TILES; i++)
        for (int k = 0; k < MEASURE_RFM_TILES; k++)
            total += rfm.cells[i][k].customers;
    assert_int_equal(total, 49);
    // The most recent buy most often: tile 1 of recency meets tile 5 of frequency.
    assert_int_equal(rfm.cells[0][4].customers, 10);
    assert_int_equal(rfm.cells[0][0].customers, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overlap_counts_shared_customers),
        cmocka_unit_test(concentration_finds_the_few_who_bring_most),
        cmocka_unit_test(concentration_needs_a_value),
        cmocka_unit_test(quantiles_match_numpy),
        cmocka_unit_test(distribution_of_numbers_has_bins_that_hold_all),
        cmocka_unit_test(distribution_of_one_value_is_one_bin),
        cmocka_unit_test(distribution_of_texts_lists_the_most_frequent),
        cmocka_unit_test(rfm_puts_everybody_with_both_metrics_into_one_cell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
