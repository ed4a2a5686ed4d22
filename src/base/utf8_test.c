// UTF-8 decoding, widths, case and distance.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

static void test_every_code_point_comes_back(void **state) {
    (void)state;
    BASE_TEXT_SCOPED text = {0};
    for (uint32_t code_point = 0; code_point <= 0x10FFFF; code_point++) {
        if (code_point >= 0xD800 && code_point <= 0xDFFF) {
            continue;
        }
        base_text_clear(&text);
        base_utf8_append(&text, code_point);
        size_t at = 0;
        if (base_utf8_next(base_text_str(&text), &at) != code_point || at != text.size_bytes ||
            base_utf8_invalid(base_text_str(&text)) != at) {
            fail_msg("U+%04X does not come back", code_point);
        }
    }
}

static void test_invalid_bytes_are_found(void **state) {
    (void)state;
    static const char *const bad[] = {"ab\x80",
                                      "ab\xC3",
                                      "ab\xC0\x80",
                                      "ab\xC1\xBF",
                                      "ab\xE0\x80\x80",
                                      "ab\xED\xA0\x80",
                                      "ab\xE2\x82",
                                      "ab\xF0\x80\x80\x80",
                                      "ab\xF4\x90\x80\x80",
                                      "ab\xF5\x80\x80\x80",
                                      "ab\xFF",
                                      "ab\xC3(",
                                      "ab\xF0\x9F\x99"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Str text = base_str_from(bad[i]);
        assert_int_equal(base_utf8_invalid(text), 2);
        size_t at = 2;
        assert_int_equal(base_utf8_next(text, &at), 0xFFFD);
        assert_int_equal(at, 3);
    }
    assert_int_equal(base_utf8_invalid((Str){NULL, 0}), 0);
    BASE_TEXT_SCOPED text = {0};
    base_utf8_append(&text, 0xD800);
    assert_string_equal(text.data, "\xEF\xBF\xBD");
}

static void test_counts_and_widths(void **state) {
    (void)state;
    assert_int_equal(base_utf8_count(STR("\xC3\x85ngstr\xC3\xB6m")), 8);
    assert_int_equal(base_utf8_width(STR("\xC3\x85ngstr\xC3\xB6m")), 8);
    assert_int_equal(base_utf8_width(STR("\xE9\xA1\xA7\xE5\xAE\xA2")), 4); // two wide characters
    assert_int_equal(base_utf8_width(STR("e\xCC\x81")), 1);                // combining accent
    assert_int_equal(base_utf8_width(STR("")), 0);
}

static void test_lower_case_is_by_code_point(void **state) {
    (void)state;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    assert_string_equal(base_utf8_lower(arena, STR("\xC3\x85"
                                                   "BC 1"))
                            .data,
                        "\xC3\xA5"
                        "bc 1");
    assert_string_equal(base_utf8_lower(arena, STR("STRASSE \xC3\x9F")).data, "strasse \xC3\x9F");
    assert_string_equal(base_utf8_lower(arena, STR("\xCE\xA3\xCE\x91\xCE\xA3")).data,
                        "\xCF\x83\xCE\xB1\xCF\x83"); // no final sigma
    assert_int_equal(base_utf8_lower(arena, (Str){NULL, 0}).size_bytes, 0);
}

static void test_letters(void **state) {
    (void)state;
    assert_true(base_utf8_is_letter('a') && base_utf8_is_letter(0xC5));
    assert_true(base_utf8_is_letter(0x987E) && base_utf8_is_letter(0x0434));
    assert_false(base_utf8_is_letter('1') || base_utf8_is_letter('_') || base_utf8_is_letter(' '));
    assert_false(base_utf8_is_letter(0x301) || base_utf8_is_letter(0x110000));
}

static void test_distance(void **state) {
    (void)state;
    assert_int_equal(base_utf8_distance(STR("order"), STR("order"), 3), 0);
    assert_int_equal(base_utf8_distance(STR("order"), STR("oder"), 3), 1);
    assert_int_equal(base_utf8_distance(STR("order"), STR("ordre"), 3), 1);
    assert_int_equal(base_utf8_distance(STR("kitten"), STR("sitting"), 5), 3);
    assert_int_equal(base_utf8_distance(STR("kitten"), STR("sitting"), 2), 3);
    assert_int_equal(base_utf8_distance(STR("abcdef"), STR("uvwxyz"), 3), 4);
    assert_int_equal(base_utf8_distance(STR(""), STR("ab"), 3), 2);
    assert_int_equal(base_utf8_distance(STR("abcdefgh"), STR("a"), 3), 4);
    assert_int_equal(base_utf8_distance(STR("\xC3\xA5r"), STR("ar"), 3), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point_comes_back),
        cmocka_unit_test(test_invalid_bytes_are_found),
        cmocka_unit_test(test_counts_and_widths),
        cmocka_unit_test(test_lower_case_is_by_code_point),
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
