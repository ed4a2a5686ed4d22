#include "data/answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

// Numbers of a linear congruence: the same in every run.
static uint32_t next(uint64_t *seed) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

// `share` of the customers in 1/1000, but none in containers of which `skip` bit is set.
static void assert_bits_become_members(size_t count, uint32_t share, uint32_t skip) {
    uint64_t seed = count + share;
    uint64_t *words = calloc((count + 63) / 64 + 1, sizeof *words);
    roaring_bitmap_t *expected = roaring_bitmap_create();
    for (size_t i = 0; i < count; i++) {
        if ((skip >> (i >> 16) & 1) == 0 && next(&seed) % 1000 < share) {
            words[i / 64] |= UINT64_C(1) << (i % 64);
            roaring_bitmap_add(expected, (uint32_t)i);
        }
    }
    roaring_bitmap_t *members = data_answers_members(words, count);
    assert_int_equal(roaring_bitmap_get_cardinality(members),
                     roaring_bitmap_get_cardinality(expected));
    assert_true(roaring_bitmap_equals(members, expected));
    roaring_bitmap_free(members);
    roaring_bitmap_free(expected);
    free(words);
}

static void bits_become_members(void **state) {
    (void)state;
    static const size_t counts[] = {0, 1, 63, 64, 65, 4096, 65535, 65536, 65537, 300000};
    static const uint32_t shares[] = {0, 1, 62, 63, 500, 1000}; // about 4,096 of 65,536, too
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        for (size_t s = 0; s < sizeof shares / sizeof *shares; s++) {
            assert_bits_become_members(counts[c], shares[s], 0);
            assert_bits_become_members(counts[c], shares[s], 5);
        }
    }
}

static void a_container_is_an_array_up_to_4096(void **state) {
    (void)state;
    for (size_t count = 4095; count <= 4097; count++) {
        uint64_t *words = calloc(1025, sizeof *words);
        roaring_bitmap_t *expected = roaring_bitmap_create();
        for (size_t i = 0; i < count; i++) {
            words[i / 64] |= UINT64_C(1) << (i % 64);
            roaring_bitmap_add(expected, (uint32_t)i);
        }
        roaring_bitmap_t *members = data_answers_members(words, 65536);
        assert_true(roaring_bitmap_equals(members, expected));
        roaring_bitmap_add(members, 65000); // it is one that can grow
        assert_int_equal(roaring_bitmap_get_cardinality(members), count + 1);
        roaring_bitmap_free(members);
        roaring_bitmap_free(expected);
        free(words);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_become_members),
        cmocka_unit_test(a_container_is_an_array_up_to_4096),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
