// Values as text, equality, columns, and look-ups in the catalog.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/answers.h"
#include "data/catalog.h"
#include "data/table.h"

static void assert_decimal(int64_t mantissa, const char *expected) {
    BASE_TEXT_SCOPED text = {0};
    data_value_decimal_format(&text, mantissa);
    assert_string_equal(text.data, expected);
}

static void test_decimals(void **state) {
    (void)state;
    assert_decimal(125000, "12.5");
    assert_decimal(-1, "-0.0001");
    assert_decimal(1000000, "100");
    assert_decimal(0, "0");
    assert_decimal(-10100, "-1.01");
    assert_decimal(VALUE_DECIMAL_LIMIT - 1, "99999999999999.9999");
    assert_decimal(INT64_MIN, "-922337203685477.5808");
    assert_true(data_value_decimal_number(125000) == 12.5);
}

static void assert_number(double number, const char *expected) {
    BASE_TEXT_SCOPED text = {0};
    data_value_number_format(&text, number);
    assert_string_equal(text.data, expected);
}

static void test_numbers(void **state) {
    (void)state;
    assert_number(0.1, "0.1");
    assert_number(1e20, "1e+20");
    assert_number(100, "100");
    assert_number(1500000, "1500000");
    assert_number(-0.0, "0");
    assert_number(1.0 / 3, "0.3333333333333333");
    assert_number(0.1 + 0.2, "0.30000000000000004");
    assert_number(5e-324, "5e-324");
    uint64_t bits = 1;
    for (int i = 0; i < 2000; i++) { // whatever the bits, they come back
        bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        double number;
        memcpy(&number, &bits, sizeof number);
        if (!isfinite(number)) {
            continue;
        }
        BASE_TEXT_SCOPED text = {0};
        data_value_number_format(&text, number);
        assert_true(strtod(text.data, NULL) == number);
    }
}

static void assert_format(Value value, const char *expected) {
    BASE_TEXT_SCOPED text = {0};
    base_text_append(&text, STR(""));
    data_value_format(&text, value);
    assert_string_equal(text.data, expected);
}

static void test_values_as_text(void **state) {
    (void)state;
    static const Str items[] = {{"a", 1}, {"b c", 3}};
    assert_format(data_value_null(VALUE_NUMBER), "");
    assert_format((Value){.type = VALUE_BOOLEAN, .boolean = true}, "true");
    assert_format((Value){.type = VALUE_INTEGER, .integer = INT64_MIN}, "-9223372036854775808");
    assert_format((Value){.type = VALUE_TEXT, .text = STR("x")}, "x");
    assert_format((Value){.type = VALUE_TIME, .time_us = 1500000}, "1970-01-01T00:00:01.5Z");
    assert_format((Value){.type = VALUE_DATE, .date = -1}, "1969-12-31");
    assert_format((Value){.type = VALUE_LIST, .list = {items, 2}}, "a; b c");
    assert_format((Value){.type = VALUE_DURATION, .duration = {.months = 3}}, "3 months");
    assert_format((Value){.type = VALUE_DURATION, .duration = {.us = INT64_C(86400000000)}},
                  "1 day");
    assert_format((Value){.type = VALUE_DURATION, .duration = {.us = 1500000}}, "1.5 seconds");
    assert_string_equal(data_value_type_name(VALUE_DECIMAL), "decimal");
}

static void test_equality(void **state) {
    (void)state;
    Value one = {.type = VALUE_NUMBER, .number = 0.0};
    Value other = {.type = VALUE_NUMBER, .number = -0.0};
    assert_true(data_value_equal(one, other));
    other.number = 5e-324;
    assert_false(data_value_equal(one, other));
    assert_false(data_value_equal(one, data_value_null(VALUE_NUMBER)));
    assert_true(data_value_equal(data_value_null(VALUE_TEXT), data_value_null(VALUE_TEXT)));
    assert_false(data_value_equal(data_value_null(VALUE_TEXT), data_value_null(VALUE_NUMBER)));
    Str items[] = {STR("a"), STR("b")};
    Value list = {.type = VALUE_LIST, .list = {items, 2}};
    Value shorter = {.type = VALUE_LIST, .list = {items, 1}};
    assert_true(data_value_equal(list, list));
    assert_false(data_value_equal(list, shorter));
}

static void test_columns(void **state) {
    (void)state;
    int64_t numbers[] = {5, 6};
    uint8_t valid[] = {1, 0};
    TableColumn column = {VALUE_DECIMAL, numbers, valid};
    assert_int_equal(data_table_value(&column, 0).decimal, 5);
    assert_true(data_table_value(&column, 1).is_null);
    assert_int_equal(data_table_value(&column, 1).type, VALUE_DECIMAL);
    column.valid = NULL;
    assert_int_equal(data_table_value(&column, 1).decimal, 6);
    TableColumn empty = {VALUE_NULL, NULL, NULL};
    assert_true(data_table_value(&empty, 1).is_null);
    Str items[] = {STR("x")};
    TableList lists[] = {{items, 1}};
    TableColumn list = {VALUE_LIST, lists, NULL};
    assert_int_equal(data_table_value(&list, 0).list.count, 1);
}

static void test_catalog(void **state) {
    (void)state;
    CatalogProperty order[] = {{STR("Price"), STR("Price"), VALUE_DECIMAL},
                               {STR("price"), STR("price~2"), VALUE_NUMBER}};
    CatalogProperty identify[] = {{STR("city"), STR("city"), VALUE_TEXT}};
    CatalogEvent events[] = {{STR("identify"), identify, 1, false}, {STR("order"), order, 2, true}};
    Catalog catalog = {events, 2, false};
    const CatalogEvent *event = data_catalog_event(&catalog, STR("order"));
    assert_ptr_equal(event, &events[1]);
    assert_null(data_catalog_event(&catalog, STR("Order")));
    assert_ptr_equal(data_catalog_property(event, STR("price")), &order[1]);
    assert_null(data_catalog_property(event, STR("city")));
    assert_ptr_equal(data_catalog_trait(&catalog, STR("city")), identify);
    assert_null(data_catalog_trait(&(Catalog){0}, STR("city")));
    assert_true(data_catalog_is_any(STR("order")) && data_catalog_is_any(STR("identify2")));
    assert_false(data_catalog_is_any(STR("identify")) || data_catalog_is_any(STR("consent")));
    assert_false(data_catalog_is_any(STR("order[products]")));
    assert_false(data_catalog_is_any(STR("krets.mail")));
}

static void test_answers_are_freed(void **state) {
    (void)state;
    roaring_bitmap_t *segments[] = {roaring_bitmap_create(), NULL};
    Answers answers = {.segments = segments, .segment_count = 2};
    data_answers_done(&answers);
    assert_null(segments[0]);
    data_answers_done(&answers);
    data_answers_done(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimals),          cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_values_as_text),    cmocka_unit_test(test_equality),
        cmocka_unit_test(test_columns),           cmocka_unit_test(test_catalog),
        cmocka_unit_test(test_answers_are_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
