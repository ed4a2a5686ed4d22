#include "db/duck.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static KretsError error;

static Duck *open_duck(void) {
    Duck *duck = NULL;
    DuckOptions options = {.threads = 2, .memory_bytes = (size_t)256 << 20};
    assert_int_equal(db_duck_open(&options, &duck, &error), 0);
    return duck;
}

static DuckResult *query(Duck *duck, const char *sql) {
    DuckResult *result = NULL;
    int r = db_duck_query(duck, base_str_from(sql), &result, &error);
    if (r < 0)
        fail_msg("%s: %s", sql, error.text);
    return result;
}

// The one value of `sql` as text for people, with its type's name in front.
static void assert_value(Duck *duck, const char *sql, const char *expected) {
    DB_DUCK_RESULT_SCOPED result = query(duck, sql);
    assert_int_equal(db_duck_next(result, &error), 1);
    Value value = db_duck_value(result, 0);
    BASE_TEXT_SCOPED text = {0};
    base_text_printf(&text, "%s ", data_value_type_name(value.type));
    data_value_format(&text, value);
    assert_string_equal(text.data, expected);
    assert_int_equal(db_duck_next(result, &error), 0);
}

static void values_come_as_krets_types(void **state) {
    (void)state;
    DB_DUCK_SCOPED duck = open_duck();
    assert_value(duck, "select true", "boolean true");
    assert_value(duck, "select 7::utinyint", "integer 7");
    assert_value(duck, "select -9223372036854775808::hugeint", "integer -9223372036854775808");
    assert_value(duck, "select 12.5::decimal(9,1)", "decimal 12.5");
    assert_value(duck, "select -0.0001::decimal(18,4)", "decimal -0.0001");
    assert_value(duck, "select 99999999999999.9999::decimal(18,4)", "decimal 99999999999999.9999");
    assert_value(duck, "select 1.00001::decimal(18,5)", "number 1.00001");
    assert_value(duck, "select 100000000000000::decimal(38,0)", "number 100000000000000");
    assert_value(duck, "select 0.1::double", "number 0.1");
    assert_value(duck, "select 'sm\u00f6rg\u00e5s'", "text sm\u00f6rg\u00e5s");
    assert_value(duck, "select date '1969-12-31'", "date 1969-12-31");
    assert_value(duck, "select timestamptz '2026-01-31 12:00:00+02'", "time 2026-01-31T10:00:00Z");
    assert_value(duck, "select timestamp_ns '1969-12-31 23:59:59.999999'",
                 "time 1969-12-31T23:59:59.999999Z");
    assert_value(duck, "select ['a', null, 'b']", "list a; b");
    assert_value(duck, "select null::date", "date ");
}

static void other_types_come_as_text(void **state) {
    (void)state;
    DB_DUCK_SCOPED duck = open_duck();
    assert_value(duck, "select {'a': 1, 'b': ['x']}", "text {'a': 1, 'b': x}");
    assert_value(duck, "select [1, null, 3]", "text [1, NULL, 3]");
    assert_value(duck, "select 'b'::enum('a', 'b')", "text b");
    assert_value(duck, "select '00112233-4455-6677-8899-aabbccddeeff'::uuid",
                 "text 00112233-4455-6677-8899-aabbccddeeff");
    assert_value(duck, "select time '13:14:15.5'", "text 13:14:15.500000");
    assert_value(duck, "select map {'k': 2}", "text [{'key': k, 'value': 2}]");
}

static void types_have_duckdbs_names(void **state) {
    (void)state;
    DB_DUCK_SCOPED duck = open_duck();
    DB_DUCK_RESULT_SCOPED result =
        query(duck, "select 1::decimal(9,2) as a, [{'x': 1::bigint}] as b, now() as c, "
                    "map {'k': 1.5::double} as d");
    const char *const names[] = {"DECIMAL(9,2)", "STRUCT(\"x\" BIGINT)[]",
                                 "TIMESTAMP WITH TIME ZONE", "MAP(VARCHAR, DOUBLE)"};
    assert_int_equal(db_duck_column_count(result), 4);
    for (size_t i = 0; i < 4; i++) {
        Str type = db_duck_column_type(result, i);
        assert_int_equal(type.size_bytes, strlen(names[i]));
        assert_memory_equal(type.data, names[i], type.size_bytes);
    }
    assert_true(base_str_equal(db_duck_column_name(result, 1), STR("b")));
}

static void rows_run_over_chunks(void **state) {
    (void)state;
    DB_DUCK_SCOPED duck = open_duck();
    DB_DUCK_RESULT_SCOPED result = query(duck, "select i from range(10000) t(i) order by i");
    int64_t count = 0;
    while (db_duck_next(result, &error) == 1)
        assert_int_equal(db_duck_value(result, 0).integer, count++);
    assert_int_equal(count, 10000);
}

static void a_stream_gives_the_same_chunks_in_order(void **state) {
    (void)state;
    DB_DUCK_SCOPED duck = open_duck();
    DuckResult *result = NULL;
    const char *sql = "select i, case when i % 3 = 0 then null else 't' || i end, "
                      "case when i % 2 = 0 then ['p', null, 'q' || i] end "
                      "from range(300000) t(i) order by i";
    assert_int_equal(db_duck_stream(duck, base_str_from(sql), &result, &error), 0);
    int64_t next = 0;
    int rows = 0;
    while ((rows = db_duck_next_chunk(result, &error)) > 0) {
        const int64_t *numbers = db_duck_chunk_data(result, 0);
        const uint64_t *valid = db_duck_chunk_validity(result, 1);
        const uint64_t *lists = db_duck_chunk_validity(result, 2);
        for (size_t i = 0; i < (size_t)rows; i++, next++) {
            char expected[32];
            assert_int_equal(numbers[i], next);
            assert_int_equal((valid[i / 64] >> (i % 64)) & 1, next % 3 != 0);
            assert_int_equal((lists[i / 64] >> (i % 64)) & 1, next % 2 == 0);
            snprintf(expected, sizeof(expected), "t%lld", (long long)next);
            if (next % 3 != 0)
                assert_true(
                    base_str_equal(db_duck_chunk_text(result, 1, i), base_str_from(expected)));
            if (next % 2 != 0)
                continue;
            size_t first = 0;
            Str item;
            assert_int_equal(db_duck_chunk_list(result, 2, i, &first), 3);
            assert_false(db_duck_chunk_item(result, 2, first + 1, &item));
            assert_true(db_duck_chunk_item(result, 2, first + 2, &item));
            expected[0] = 'q';
            snprintf(expected, sizeof(expected), "q%lld", (long long)next);
            assert_true(base_str_equal(item, base_str_from(expected)));
        }
    }
    assert_int_equal(rows, 0);
    assert_int_equal(next, 300000);
    db_duck_result_free(result);
    assert_int_equal(db_duck_run(duck, &error, "select 1"), 0);
}

// A stream that fails after its first rows must not look like its end.
static void a_stream_that_fails_late_fails(void **state) {
    (void)state;
    DB_DUCK_SCOPED duck = open_duck();
    DuckResult *result = NULL;
    const char *sql = "select case when i = 900000 then cast('no' || i as bigint) else i end "
                      "from range(1000000) t(i)";
    assert_int_equal(db_duck_stream(duck, base_str_from(sql), &result, &error), 0);
    int rows = 0;
    int64_t total = 0;
    while ((rows = db_duck_next_chunk(result, &error)) > 0)
        total += rows;
    assert_int_equal(rows, BASE_E_STORE);
    assert_true(total <= 900000); // which rows came before is not promised
    assert_non_null(strstr(error.text, "no900000"));
    db_duck_result_free(result);
}

static void a_wrong_statement_tells_where(void **state) {
    (void)state;
    DB_DUCK_SCOPED duck = open_duck();
    DuckResult *result = NULL;
    assert_int_equal(db_duck_query(duck, STR("select nonsense"), &result, &error), BASE_E_STORE);
    assert_non_null(strstr(error.text, "nonsense"));
    assert_null(result);
    assert_int_equal(db_duck_stream(duck, STR("selec 1"), &result, &error), BASE_E_STORE);
    assert_non_null(strstr(error.text, "selec"));
}

static void messages_hold_no_secret(void **state) {
    (void)state;
    DB_DUCK_SCOPED duck = open_duck();
    char secret[40], longer[48];
    snprintf(secret, sizeof(secret), "s%08lx", (unsigned long)random());
    snprintf(longer, sizeof(longer), "%s_tail", secret);
    db_duck_redact(duck, base_str_from(secret));
    db_duck_redact(duck, base_str_from(longer));
    assert_int_equal(db_duck_run(duck, &error, "select * from \"%s\" where \"%s\"", longer, secret),
                     BASE_E_STORE);
    assert_null(strstr(error.text, secret));
    assert_null(strstr(error.text, "_tail"));
    assert_non_null(strstr(error.text, "***"));
}

static void running_out_of_memory_is_a_matter_of_resources(void **state) {
    (void)state;
    DB_DUCK_SCOPED duck = NULL;
    DuckOptions options = {.threads = 1, .memory_bytes = (size_t)32 << 20};
    assert_int_equal(db_duck_open(&options, &duck, &error), 0);
    assert_int_equal(db_duck_run(duck, &error,
                                 "create temp table t as select repeat(md5(i::varchar), 8) s "
                                 "from range(2000000) t(i)"),
                     BASE_E_RESOURCES);
    assert_non_null(strstr(error.text, "--memory"));
    assert_null(strstr(error.text, "PRAGMA"));
}

static void sql_text_is_quoted(void **state) {
    (void)state;
    DB_DUCK_SCOPED duck = open_duck();
    BASE_TEXT_SCOPED sql = {0};
    base_text_append(&sql, STR("select "));
    db_sql_literal(&sql, STR("it's \"fine\""));
    base_text_append(&sql, STR(" as "));
    db_sql_identifier(&sql, STR("a \"strange\" 'name'"));
    DB_DUCK_RESULT_SCOPED result = query(duck, sql.data);
    assert_true(base_str_equal(db_duck_column_name(result, 0), STR("a \"strange\" 'name'")));
    assert_int_equal(db_duck_next(result, &error), 1);
    assert_true(base_str_equal(db_duck_value(result, 0).text, STR("it's \"fine\"")));
}

static void an_extension_loads_twice_and_a_missing_one_says_where_to_put_it(void **state) {
    (void)state;
    DB_DUCK_SCOPED duck = open_duck();
    int r = db_duck_load(duck, "sqlite_scanner", &error);
    if (r < 0)
        fail_msg("%s", error.text);
    assert_int_equal(db_duck_load(duck, "sqlite_scanner", &error), 0);
    assert_int_equal(db_duck_load(duck, "no_such", &error), BASE_E_STORE);
    assert_non_null(strstr(error.text, "KRETS_EXTENSIONS"));
}

static void nothing_is_loaded_from_the_network(void **state) {
    (void)state;
    DB_DUCK_SCOPED duck = open_duck();
    assert_int_equal(db_duck_run(duck, &error, "select * from read_xlsx('none.xlsx')"),
                     BASE_E_STORE);
    assert_value(duck,
                 "select string_agg(value, ',' order by name) from duckdb_settings() where name in "
                 "('autoinstall_known_extensions', 'autoload_known_extensions')",
                 "text false,false");
}

static uint64_t count_bytes(Str text) {
    return text.size_bytes;
}

static void a_function_of_texts_is_called_from_sql(void **state) {
    (void)state;
    DB_DUCK_SCOPED duck = open_duck();
    assert_int_equal(db_duck_register(duck, "count_bytes", count_bytes, &error), 0);
    assert_value(duck,
                 "select sum(count_bytes(repeat('\u00e5', (i % 40)::int))) from range(100000) t(i)",
                 "integer 3900000");
    assert_value(duck, "select count_bytes('')", "integer 0");
    assert_value(duck, "select count_bytes(null) is null", "boolean true");
}

static void connections_share_the_database_and_stream_side_by_side(void **state) {
    (void)state;
    DB_DUCK_SCOPED duck = open_duck();
    assert_int_equal(db_duck_register(duck, "count_bytes", count_bytes, &error), 0);
    DB_DUCK_SCOPED other = NULL;
    assert_int_equal(db_duck_connect(duck, &other, &error), 0);
    assert_value(other, "select count_bytes('abc')", "integer 3");
    DuckResult *results[2] = {NULL, NULL};
    const char *sql = "select i from range(50000) t(i)";
    assert_int_equal(db_duck_stream(duck, base_str_from(sql), &results[0], &error), 0);
    assert_int_equal(db_duck_stream(other, base_str_from(sql), &results[1], &error), 0);
    for (int64_t i = 0; i < 50000; i++) {
        assert_int_equal(db_duck_next(results[i % 2], &error), 1);
        assert_int_equal(db_duck_value(results[i % 2], 0).integer, i / 2);
    }
    db_duck_result_free(results[1]);
    db_duck_result_free(results[0]);
}

static void a_full_disk_is_a_matter_of_resources(void **state) {
    (void)state;
    DB_DUCK_SCOPED duck = open_duck();
    assert_int_equal(
        db_duck_run(duck, &error, "copy (select range from range(100000)) to '/dev/full'"),
        BASE_E_RESOURCES);
    assert_non_null(strstr(error.text, "free some space"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_as_krets_types),
        cmocka_unit_test(other_types_come_as_text),
        cmocka_unit_test(types_have_duckdbs_names),
        cmocka_unit_test(rows_run_over_chunks),
        cmocka_unit_test(a_stream_gives_the_same_chunks_in_order),
        cmocka_unit_test(a_stream_that_fails_late_fails),
        cmocka_unit_test(a_wrong_statement_tells_where),
        cmocka_unit_test(messages_hold_no_secret),
        cmocka_unit_test(running_out_of_memory_is_a_matter_of_resources),
        cmocka_unit_test(sql_text_is_quoted),
        cmocka_unit_test(an_extension_loads_twice_and_a_missing_one_says_where_to_put_it),
        cmocka_unit_test(nothing_is_loaded_from_the_network),
        cmocka_unit_test(a_function_of_texts_is_called_from_sql),
        cmocka_unit_test(connections_share_the_database_and_stream_side_by_side),
        cmocka_unit_test(a_full_disk_is_a_matter_of_resources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
