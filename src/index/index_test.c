// Random tables through the index: every row comes back from its blocks, in its place.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/index_fixture.h"

static KretsError error;

static void check_index(const Index *index, const Crowd *crowd) {
    index_fixture_check(index, crowd);
}

static Index *build(const Crowd *crowd, Str directory) {
    Index *index = NULL;
    if (index_fixture_build(crowd, directory, &index, &error) < 0)
        fail_msg("%s", error.text);
    return index;
}

static void test_shape(CrowdShape shape) {
    Crowd *crowd = index_fixture_crowd(&shape);
    INDEX_SCOPED index = build(crowd, STR(""));
    check_index(index, crowd);
    index_fixture_free(crowd);
}

static void test_customer_counts(void **state) {
    (void)state;
    static const uint32_t counts[] = {0, 1, 2, 255, 256, 257, 512, 700};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        test_shape((CrowdShape){.seed = 100 + i, .customers = counts[i], .rows_max = 12});
}

static void test_random_shapes(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++)
        test_shape((CrowdShape){.seed = seed, .customers = 40, .rows_max = 30, .is_random = true});
}

static void test_many_distinct_texts(void **state) {
    (void)state;
    test_shape((CrowdShape){.seed = 7, .customers = 2000, .rows_max = 90, .distinct = 70000});
}

static void test_one_large_customer(void **state) {
    (void)state;
    test_shape((CrowdShape){.seed = 8, .customers = 3, .rows_max = 200000});
}

static void test_times_far_apart(void **state) {
    (void)state;
    test_shape((CrowdShape){.seed = 9, .customers = 300, .rows_max = 40, .has_far_times = true});
}

static void test_rare_ties(void **state) {
    (void)state;
    for (uint64_t seed = 30; seed < 34; seed++)
        test_shape(
            (CrowdShape){.seed = seed, .customers = 1500, .rows_max = 12, .has_rare_ties = true});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_customer_counts),     cmocka_unit_test(test_random_shapes),
        cmocka_unit_test(test_many_distinct_texts), cmocka_unit_test(test_one_large_customer),
        cmocka_unit_test(test_times_far_apart),     cmocka_unit_test(test_rare_ties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
