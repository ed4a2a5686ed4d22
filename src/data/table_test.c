#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "data/table.h"

static void what_is_put_is_read_back(void **state) {
    (void)state;
    static const Str items[] = {{"a", 1}, {"b", 1}};
    const Value values[] = {
        {.type = VALUE_BOOLEAN, .boolean = true},
        {.type = VALUE_INTEGER, .integer = INT64_MIN},
        {.type = VALUE_DECIMAL, .decimal = -15000},
        {.type = VALUE_NUMBER, .number = 0.1},
        {.type = VALUE_TEXT, .text = {"å", 2}},
        {.type = VALUE_TIME, .time_us = -1},
        {.type = VALUE_DATE, .date = -719162},
        {.type = VALUE_LIST, .list = {items, 2}},
        {.type = VALUE_DURATION, .duration = {0, 86400000000}},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        _Alignas(16) char rows[3 * 16] = {0};
        const uint8_t valid[] = {0, 1, 0};
        assert_true(3 * data_table_value_size(values[i].type) <= sizeof rows);
        data_table_put(rows, 1, values[i]);
        TableColumn column = {.type = values[i].type, .values = rows, .valid = valid};
        assert_true(data_value_equal(data_table_value(&column, 1), values[i]));
        assert_true(data_table_value(&column, 0).is_null);
        assert_true(data_table_value(&column, 2).is_null);
    }
}

static void a_column_of_null_has_no_values(void **state) {
    (void)state;
    TableColumn column = {.type = VALUE_NULL};
    assert_true(data_table_value(&column, 7).is_null);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_read_back),
        cmocka_unit_test(a_column_of_null_has_no_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
