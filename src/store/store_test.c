#include "store/store.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/calendar.h"
#include "db/sqlite.h"

static KretsError error;
static Arena *arena;
static char folder[] = "/tmp/krets-store-test-XXXXXX";
static char data[64];

static void check(int r) {
    if (r < 0)
        fail_msg("%s", error.text);
    assert_int_equal(r, 0);
}

// A fresh data folder for each test.
static int set_up(void **state) {
    (void)state;
    static int number;
    arena = base_arena_new(SIZE_MAX);
    snprintf(data, sizeof(data), "%s/data%d", folder, number++);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    base_arena_free(arena);
    return 0;
}

static Store *open_with(StoreOptions options) {
    Store *store = NULL;
    options.threads = 2;
    options.memory_bytes = (size_t)512 << 20;
    check(store_open(base_str_from(data), &options, &store, &error));
    return store;
}

static Store *open_store(void) {
    return open_with((StoreOptions){0});
}

static void import(Store *store, Staged staged) {
    check(store_import(store, &staged, NULL, NULL, &error));
}

// The result of `sql` over the history, called "h", as lines of "a|b".
static const char *ask(Store *store, const char *sql) {
    BASE_TEXT_SCOPED text = {0};
    base_text_append(&text, STR("with h as ("));
    check(store_history_sql(store, arena, &text, &error));
    base_text_printf(&text, ") %s", sql);
    DB_DUCK_RESULT_SCOPED result = NULL;
    int r = db_duck_query(store_duck(store), base_text_str(&text), &result, &error);
    if (r < 0)
        fail_msg("%s\n%s", text.data, error.text);
    BASE_TEXT_SCOPED out = {0};
    base_text_append(&out, STR(""));
    while (db_duck_next(result, &error) == 1) {
        for (size_t i = 0; i < db_duck_column_count(result); i++) {
            base_text_append(&out, i > 0 ? STR("|") : STR(""));
            data_value_format(&out, db_duck_value(result, i));
        }
        base_text_append(&out, STR("\n"));
    }
    return base_arena_str(arena, base_text_str(&out)).data;
}

#define HISTORY "select customer, time, arrival, event from h order by customer, time, arrival"

static const CatalogProperty *property(Store *store, const char *event, const char *name) {
    const Catalog *catalog = NULL;
    check(store_catalog(store, arena, &catalog, &error));
    const CatalogEvent *found = data_catalog_event(catalog, base_str_from(event));
    if (found == NULL)
        return NULL;
    return data_catalog_property(found, base_str_from(name));
}

static void assert_property(Store *store, const char *event, const char *name, ValueType type,
                            const char *column) {
    const CatalogProperty *found = property(store, event, name);
    assert_non_null(found);
    assert_string_equal(data_value_type_name(found->type), data_value_type_name(type));
    assert_true(base_str_equal(found->column, base_str_from(column)));
}

// A relation of one row, event "e", with a property "p" of the given type.
static Staged one_value(const char *source, const char *value, ValueType type) {
    StagedProperty *p = base_arena_alloc(arena, sizeof(*p));
    *p = (StagedProperty){STR("p"), STR(""), STR("p"), type};
    return (Staged){
        .source = base_str_from(source),
        .relation = base_arena_printf(
            arena,
            "select 'c' as customer, timestamptz '2026-01-01 00:00:00+00' as time,"
            " 8192::bigint as arrival, 'e' as event, null::varchar as message_id, %s as p",
            value),
        .properties = p,
        .property_count = 1,
    };
}

#define PLAIN_ROWS(rows)                                                                           \
    "select customer, timezone('UTC', time) as time, arrival::bigint as arrival, event,"           \
    " null::varchar as message_id from (values " rows ") t(customer, time, arrival, event)"

static Staged plain(const char *source, const char *relation) {
    return (Staged){.source = base_str_from(source), .relation = base_str_from(relation)};
}

// --- round trips ---

static void all_types_come_back(void **state) {
    (void)state;
    static const struct {
        ValueType type;
        const char *sql, *column;
    } types[] = {
        {VALUE_BOOLEAN, "case i when 0 then true when 1 then false end", "b"},
        {VALUE_INTEGER, "case i when 0 then 9223372036854775807 when 1 then -1 end::bigint", "i"},
        {VALUE_DECIMAL,
         "case i when 0 then 99999999999999.9999 when 1 then -0.0001 end"
         "::decimal(18,4)",
         "d"},
        {VALUE_NUMBER, "case i when 0 then 0.1 when 1 then 1e300 end::double", "n"},
        {VALUE_TEXT, "case i when 0 then '' when 1 then '\u00e5\u5b57\U0001f600' end", "t"},
        {VALUE_TIME,
         "case i when 0 then timestamptz '0001-01-01 00:00:00+00'"
         " when 1 then timestamptz '9999-12-31 23:59:59.999999+00' end",
         "m"},
        {VALUE_DATE, "case i when 0 then date '0001-01-01' when 1 then date '9999-12-31' end", "y"},
        {VALUE_LIST, "case i when 0 then []::varchar[] when 1 then ['a', 'b;'] end", "l"},
    };
    enum { COUNT = sizeof(types) / sizeof(types[0]) };
    for (uint32_t columns_max = 0; columns_max < 2; columns_max++) { // 1: all but one in JSON
        StagedProperty properties[COUNT];
        BASE_TEXT_SCOPED sql = {0};
        base_text_append(&sql,
                         STR("select 'c' || i as customer, timestamptz '2026-01-01 00:00:00+00'"
                             " as time, i as arrival, 'e' as event, null::varchar as message_id"));
        for (size_t i = 0; i < COUNT; i++) {
            base_text_printf(&sql, ", %s as %s", types[i].sql, types[i].column);
            properties[i] = (StagedProperty){base_str_from(types[i].column), STR(""),
                                             base_str_from(types[i].column), types[i].type};
        }
        base_text_append(&sql, STR(" from range(3) r(i)"));
        STORE_SCOPED store = open_with((StoreOptions){.columns_max = columns_max});
        Staged staged = {.source = STR("s"),
                         .relation = base_text_str(&sql),
                         .properties = properties,
                         .property_count = COUNT};
        import(store, staged);
        assert_string_equal(
            ask(store, "select b, i, d, n, t, m, y, l from h order by customer"),
            "true|9223372036854775807|99999999999999.9999|0.1||0001-01-01T00:00:00Z|"
            "0001-01-01|\n"
            "false|-1|-0.0001|1e+300|\u00e5\u5b57\U0001f600|"
            "9999-12-31T23:59:59.999999Z|9999-12-31|a; b;\n"
            "|||||||\n");
        assert_string_equal(ask(store, "select size from (select len(l) as size, customer from h)"
                                       " order by customer"),
                            "0\n2\n\n");
        for (size_t i = 0; i < COUNT; i++)
            assert_property(store, "e", types[i].column, types[i].type, types[i].column);
        snprintf(data + strlen(data), 4, "x"); // the second round in its own folder
    }
}

// --- widening and clashes ---

static void types_widen_over_sources(void **state) {
    (void)state;
    STORE_SCOPED store = open_store();
    import(store, one_value("a", "7::bigint", VALUE_INTEGER));
    assert_property(store, "e", "p", VALUE_INTEGER, "p");
    import(store, one_value("b", "2.5::decimal(18,4)", VALUE_DECIMAL));
    assert_property(store, "e", "p", VALUE_DECIMAL, "p~2");
    assert_string_equal(ask(store, "select \"p~2\" from h order by 1"), "2.5\n7\n");
    import(store, one_value("c", "0.125::double", VALUE_NUMBER));
    assert_property(store, "e", "p", VALUE_NUMBER, "p~3");
    assert_string_equal(ask(store, "select \"p~3\" from h order by 1"), "0.125\n2.5\n7\n");
    import(store, one_value("d", "'x'", VALUE_TEXT));
    assert_property(store, "e", "p", VALUE_TEXT, "p~4");
    assert_string_equal(ask(store, "select \"p~4\" from h order by 1"), "0.125\n2.5\n7\nx\n");
}

static void kinds_that_do_not_mix_become_text(void **state) {
    (void)state;
    STORE_SCOPED store = open_store();
    import(store, one_value("a", "true", VALUE_BOOLEAN));
    import(store, one_value("b", "date '2026-02-28'", VALUE_DATE));
    import(store, one_value("c", "timestamptz '2026-01-31 12:00:00.5+00'", VALUE_TIME));
    import(store, one_value("d", "['x', 'y']", VALUE_LIST));
    import(store, one_value("e", "17850::double", VALUE_NUMBER));
    import(store, one_value("f", "timestamptz '2026-01-31 12:00:00+00'", VALUE_TIME));
    assert_property(store, "e", "p", VALUE_TEXT, "p~6"); // no source has text: a column of its own
    assert_string_equal(ask(store, "select \"p~6\" from h order by 1"),
                        "17850\n2026-01-31T12:00:00.5Z\n2026-01-31T12:00:00Z\n2026-02-28\ntrue\n"
                        "x; y\n");
}

static void a_replaced_source_takes_its_types_with_it(void **state) {
    (void)state;
    STORE_SCOPED store = open_store();
    import(store, one_value("a", "'12 EUR'", VALUE_TEXT));
    assert_property(store, "e", "p", VALUE_TEXT, "p");
    import(store, one_value("a", "12::bigint", VALUE_INTEGER));
    assert_property(store, "e", "p", VALUE_INTEGER, "p");
    assert_string_equal(ask(store, "select p from h"), "12\n");
}

static void names_that_clash_get_a_suffix(void **state) {
    (void)state;
    static const char *const names[] = {"Price", "price",   "time",        "Customer", "bucket",
                                        "more",  "Price~2", "a \"b\" 'c'", ""};
    static const char *const columns[] = {"Price",      "price~2",     "time~2",
                                          "Customer~2", "bucket~2",    "more~2",
                                          "Price~2~2",  "a \"b\" 'c'", "_"};
    enum { COUNT = sizeof(names) / sizeof(names[0]) };
    StagedProperty properties[COUNT];
    BASE_TEXT_SCOPED sql = {0};
    base_text_append(&sql,
                     STR("select 'c' as customer, timestamptz '2026-01-01 00:00:00+00' as time,"
                         " 1::bigint as arrival, 'e' as event, null::varchar as message_id"));
    for (size_t i = 0; i < COUNT; i++) {
        Str column = base_arena_printf(arena, "p%zu", i);
        base_text_printf(&sql, ", %zu::bigint as %s", i, column.data);
        properties[i] = (StagedProperty){base_str_from(names[i]), STR(""), column, VALUE_INTEGER};
    }
    STORE_SCOPED store = open_store();
    import(store, (Staged){.source = STR("s"),
                           .relation = base_text_str(&sql),
                           .properties = properties,
                           .property_count = COUNT});
    for (size_t i = 0; i < COUNT; i++) {
        assert_property(store, "e", names[i], VALUE_INTEGER, columns[i]);
        BASE_TEXT_SCOPED query = {0};
        base_text_append(&query, STR("select "));
        db_sql_identifier(&query, base_str_from(columns[i]));
        base_text_append(&query, STR(" from h"));
        char expected[16];
        snprintf(expected, sizeof(expected), "%zu\n", i);
        assert_string_equal(ask(store, query.data), expected);
    }
}

// Beyond the limit properties live in the JSON column: names with every character that JSON
// pointers and SQL treat specially must come back.
static void further_columns_go_into_json(void **state) {
    (void)state;
    static const char *const names[] = {"first", "a/b", "a~b",    "a\"b", "a'b",
                                        "a.b",   "$x",  "\u00e5", "a\\b"};
    enum { COUNT = sizeof(names) / sizeof(names[0]) };
    StagedProperty properties[COUNT];
    BASE_TEXT_SCOPED sql = {0};
    base_text_append(&sql,
                     STR("select 'c' as customer, timestamptz '2026-01-01 00:00:00+00' as time,"
                         " 1::bigint as arrival, 'e' as event, null::varchar as message_id"));
    for (size_t i = 0; i < COUNT; i++) {
        Str column = base_arena_printf(arena, "p%zu", i);
        base_text_printf(&sql, ", %zu::bigint as %s", i, column.data);
        properties[i] = (StagedProperty){base_str_from(names[i]), STR(""), column, VALUE_INTEGER};
    }
    STORE_SCOPED store = open_with((StoreOptions){.columns_max = 1});
    import(store, (Staged){.source = STR("s"),
                           .relation = base_text_str(&sql),
                           .properties = properties,
                           .property_count = COUNT});
    for (size_t i = 0; i < COUNT; i++) {
        BASE_TEXT_SCOPED query = {0};
        base_text_append(&query, STR("select "));
        db_sql_identifier(&query, base_str_from(names[i]));
        base_text_append(&query, STR(" from h"));
        char expected[16];
        snprintf(expected, sizeof(expected), "%zu\n", i);
        assert_string_equal(ask(store, query.data), expected);
    }
}

// --- catalog ---

static void the_catalog_knows_which_event_has_which_property(void **state) {
    (void)state;
    StagedProperty properties[] = {
        {STR("amount"), STR(""), STR("amount"), VALUE_DECIMAL},
        {STR("page"), STR(""), STR("page"), VALUE_TEXT},
        {STR("unused"), STR(""), STR("unused"), VALUE_TEXT},
        {STR("price"), STR("items"), STR("item_price"), VALUE_DECIMAL},
        {STR("parent.coupon"), STR("items"), STR("coupon"), VALUE_TEXT},
    };
    STORE_SCOPED store = open_store();
    import(
        store,
        (Staged){
            .source = STR("s"),
            .relation = STR(
                "select customer, timezone('UTC', time) as time, row_number() over () as arrival, "
                "event,"
                " null::varchar as message_id, amount::decimal(18,4) as amount, page,"
                " null::varchar as unused, price::decimal(18,4) as item_price, coupon from (values"
                " ('c', timestamp '2026-01-01', 'order', 5, null, null, null),"
                " ('c', timestamp '2026-01-01', 'order[items]', null, null, 2, 'X'),"
                " ('c', timestamp '2026-01-02', 'page', null, '/', null, null))"
                " t(customer, time, event, amount, page, price, coupon)"),
            .properties = properties,
            .property_count = 5});
    assert_property(store, "order", "amount", VALUE_DECIMAL, "amount");
    assert_property(store, "order[items]", "price", VALUE_DECIMAL, "price");
    assert_property(store, "order[items]", "parent.coupon", VALUE_TEXT, "parent.coupon");
    assert_property(store, "page", "page", VALUE_TEXT, "page");
    assert_null(property(store, "page", "amount"));
    assert_null(property(store, "order", "price"));
    assert_null(property(store, "order", "unused")); // nobody knows whose it would be
    const Catalog *catalog = NULL;
    check(store_catalog(store, arena, &catalog, &error));
    assert_true(data_catalog_event(catalog, STR("order"))->is_any);
    assert_false(data_catalog_event(catalog, STR("order[items]"))->is_any);
    assert_int_equal(catalog->event_count, 3);
}

static void a_property_without_values_of_the_only_event_is_known(void **state) {
    (void)state;
    STORE_SCOPED store = open_store();
    import(store, one_value("s", "null::varchar", VALUE_TEXT));
    assert_property(store, "e", "p", VALUE_NULL, "");
    import(store, one_value("t", "3::bigint", VALUE_INTEGER));
    assert_property(store, "e", "p", VALUE_INTEGER, "p");
}

// --- importing again ---

static void a_changed_source_is_replaced_whole(void **state) {
    (void)state;
    STORE_SCOPED store = open_store();
    import(store, plain("a", PLAIN_ROWS("('x', timestamp '2026-01-01', 1, 'e'),"
                                        "('x', timestamp '2026-01-02', 2, 'e')")));
    import(store, plain("b", PLAIN_ROWS("('z', timestamp '2026-01-01', 1, 'f')")));
    assert_int_equal(store_event_count(store), 3);
    import(store, plain("a", PLAIN_ROWS("('y', timestamp '2026-01-03', 1, 'e')")));
    assert_string_equal(ask(store, HISTORY),
                        "y|2026-01-03T00:00:00Z|1|e\nz|2026-01-01T00:00:00Z|1|f\n");
    assert_int_equal(store_event_count(store), 2);
    StoreSource source;
    check(store_source_get(store, arena, STR("a"), &source, &error));
    assert_int_equal(source.row_count, 1);
    assert_int_equal(store_source_get(store, arena, STR("none"), &source, &error), 1);
}

static void newer_rows_are_appended(void **state) {
    (void)state;
    STORE_SCOPED store = open_store();
    Staged first = plain("a", PLAIN_ROWS("('x', timestamp '2026-01-02', 2 << 13, 'e')"));
    first.cursor = STR("2");
    import(store, first);
    Staged second = plain("a", PLAIN_ROWS("('x', timestamp '2026-01-01', 3 << 13, 'e'),"
                                          "('a', timestamp '2026-01-01', (4 << 13) + 5, 'e')"));
    second.mode = STAGED_APPEND;
    second.cursor = STR("4");
    second.report_json = STR("{}");
    import(store, second);
    assert_string_equal(ask(store, HISTORY), "a|2026-01-01T00:00:00Z|32773|e\n"
                                             "x|2026-01-01T00:00:00Z|24576|e\n"
                                             "x|2026-01-02T00:00:00Z|16384|e\n");
    StoreSource source;
    check(store_source_get(store, arena, STR("a"), &source, &error));
    assert_int_equal(source.row_count, 3);
    assert_int_equal(source.row_max, 4);
    assert_true(base_str_equal(source.cursor, STR("4")));
    Staged nothing = plain("a", PLAIN_ROWS("('x', timestamp '2026-01-01', 1, 'e')") " where false");
    nothing.mode = STAGED_APPEND;
    import(store, nothing);
    check(store_source_get(store, arena, STR("a"), &source, &error));
    assert_int_equal(source.row_count, 3);
    assert_int_equal(source.row_max, 4);
}

static void an_unchanged_fingerprint_means_nothing_to_do(void **state) {
    (void)state;
    STORE_SCOPED store = open_store();
    Staged staged = plain("a", PLAIN_ROWS("('x', timestamp '2026-01-01', 1, 'e')"));
    staged.fingerprint = STR("f1");
    import(store, staged);
    Staged broken = staged;
    broken.relation = STR("select no such thing"); // would fail if it were read
    import(store, broken);
    broken.fingerprint = STR("f2");
    assert_int_equal(store_import(store, &broken, NULL, NULL, &error), BASE_E_STORE);
    assert_non_null(strstr(error.text, "source a"));
    assert_string_equal(ask(store, "select count(*) from h"), "1\n");
}

static void a_dropped_source_leaves_nothing(void **state) {
    (void)state;
    STORE_SCOPED store = open_store();
    import(store, one_value("a", "1::bigint", VALUE_INTEGER));
    import(store, one_value("b", "'t'", VALUE_TEXT));
    check(store_source_drop(store, STR("b"), &error));
    assert_property(store, "e", "p", VALUE_INTEGER, "p");
    StoreSource *sources = NULL;
    size_t count = 0;
    check(store_sources(store, arena, &sources, &count, &error));
    assert_int_equal(count, 1);
    assert_true(base_str_equal(sources[0].source, STR("a")));
    BASE_TEXT_SCOPED command = {0};
    base_text_printf(&command, "test $(find %s/events -type f | wc -l) = 1", data);
    assert_int_equal(system(command.data), 0);
}

static void a_source_that_changes_while_it_is_read_is_refused(void **state) {
    (void)state;
    STORE_SCOPED store = open_store();
    Staged staged = plain("a", PLAIN_ROWS("('x', timestamp '2026-01-01', 1, 'e')"));
    staged.row_count = 2;
    assert_int_equal(store_import(store, &staged, NULL, NULL, &error), BASE_E_STORE);
    assert_non_null(strstr(error.text, "changed while it was read"));
    assert_int_equal(store_event_count(store), 0);
    BASE_TEXT_SCOPED command = {0};
    base_text_printf(&command, "test $(find %s/events -type f | wc -l) = 0", data);
    assert_int_equal(system(command.data), 0);
}

// --- last event ---

static void the_last_event_is_none_before_there_is_one(void **state) {
    (void)state;
    STORE_SCOPED store = open_store();
    int64_t last = 0;
    assert_int_equal(store_last_event(store, INT64_MAX, &last, &error), 1);
    import(store, plain("traits", PLAIN_ROWS("('x', timestamp '0001-01-01', 1, 'identify')")));
    assert_int_equal(store_last_event(store, INT64_MAX, &last, &error), 1);
    import(store, plain("a", PLAIN_ROWS("('x', timestamp '2026-01-01', 1, 'e'),"
                                        "('y', timestamp '2026-01-03', 2, 'e')")));
    const int64_t day = CALENDAR_US_PER_DAY, first = INT64_C(1767225600000000);
    check(store_last_event(store, INT64_MAX, &last, &error));
    assert_int_equal(last, first + 2 * day);
    check(store_last_event(store, first + 2 * day - 1, &last, &error));
    assert_int_equal(last, first);
    assert_int_equal(store_last_event(store, first - 1, &last, &error), 1);
}

// --- the folder ---

static void the_second_process_learns_who_holds_the_lock(void **state) {
    (void)state;
    STORE_SCOPED store = open_store();
    (void)store; // holds the lock
    Store *second = NULL;
    StoreOptions options = {.threads = 1};
    assert_int_equal(store_open(base_str_from(data), &options, &second, &error), BASE_E_STORE);
    char pid[32];
    snprintf(pid, sizeof(pid), "pid %ld", (long)getpid());
    assert_non_null(strstr(error.text, pid));
    assert_non_null(strstr(error.text, "store_test"));
    assert_non_null(strstr(error.text, "since 20"));
    options.is_read_only = true; // readers need no lock
    check(store_open(base_str_from(data), &options, &second, &error));
    store_close(second);
}

static void reading_creates_nothing(void **state) {
    (void)state;
    Store *store = NULL;
    StoreOptions options = {.is_read_only = true};
    assert_int_equal(store_open(base_str_from(data), &options, &store, &error), BASE_E_STORE);
    assert_non_null(strstr(error.text, "krets import"));
    assert_int_not_equal(access(data, F_OK), 0);
}

static void a_newer_schema_is_refused(void **state) {
    (void)state;
    store_close(open_store());
    char path[96];
    snprintf(path, sizeof(path), "%s/krets.sqlite", data);
    {
        DB_SQLITE_SCOPED sqlite = NULL;
        check(db_sqlite_open(path, false, &sqlite, &error));
        check(db_sqlite_script(sqlite, "pragma user_version = 999", &error));
    }
    Store *store = NULL;
    StoreOptions options = {0};
    assert_int_equal(store_open(base_str_from(data), &options, &store, &error), BASE_E_STORE);
    assert_non_null(strstr(error.text, "newer Krets"));
    assert_non_null(strstr(error.text, "999"));
}

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void orphans_are_swept_and_other_files_left(void **state) {
    (void)state;
    Store *store = open_store();
    import(store, plain("a", PLAIN_ROWS("('x', timestamp '2026-01-01', 1, 'e')")));
    store_close(store);
    static const char *const orphans[] = {"events/bucket=000/99.parquet",
                                          "events/bucket=000/99.parquet.part", "tmp/spill",
                                          "runs/1-1.parquet"};
    static const char *const others[] = {"events/bucket=000/notes.txt", "events/notes.parquet"};
    char path[128];
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s/%s", data, orphans[i]);
        write_text(path, "x");
    }
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", data, others[i]);
        write_text(path, "x");
    }
    STORE_SCOPED again = open_store();
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s/%s", data, orphans[i]);
        assert_int_not_equal(access(path, F_OK), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", data, others[i]);
        assert_int_equal(access(path, F_OK), 0);
    }
    assert_string_equal(ask(again, HISTORY), "x|2026-01-01T00:00:00Z|1|e\n");
}

static void a_changed_byte_is_found(void **state) {
    (void)state;
    STORE_SCOPED store = open_store();
    import(store, plain("a", PLAIN_ROWS("('x', timestamp '2026-01-01', 1, 'e')")));
    StoreFault *faults = NULL;
    size_t count = 9;
    check(store_check_files(store, arena, &faults, &count, &error));
    assert_int_equal(count, 0);
    char path[128];
    snprintf(path, sizeof(path), "%s/events/bucket=000/1.parquet", data);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    char byte = 0;
    assert_int_equal(pread(fd, &byte, 1, 20), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 20), 1);
    close(fd);
    check(store_check_files(store, arena, &faults, &count, &error));
    assert_int_equal(count, 1);
    assert_true(base_str_equal(faults[0].path, STR("events/bucket=000/1.parquet")));
    assert_true(base_str_contains(faults[0].text, STR("checksum")));
    unlink(path);
    check(store_check_files(store, arena, &faults, &count, &error));
    assert_int_equal(count, 1);
    assert_true(base_str_contains(faults[0].text, STR("No such file")));
}

static size_t control_faults(Str *ret_text) {
    STORE_SCOPED store = open_with((StoreOptions){.is_read_only = true});
    StoreFault *faults = NULL;
    size_t count = 0;
    check(store_check_control(store, arena, &faults, &count, &error));
    if (count > 0)
        *ret_text = faults[0].text;
    return count;
}

static void a_damaged_control_database_is_found(void **state) {
    (void)state;
    Store *store = open_store();
    import(store, plain("a", PLAIN_ROWS("('x', timestamp '2026-01-01', 1, 'e')")));
    StoreSize size = store_size(store);
    assert_int_equal(size.file_count, 1);
    assert_int_equal(size.row_count, 1);
    assert_true(size.size_bytes > 100);
    store_close(store);
    Str text = {NULL, 0};
    assert_int_equal(control_faults(&text), 0);
    char path[128];
    snprintf(path, sizeof(path), "%s/krets.sqlite", data);
    Sqlite *sqlite = NULL;
    check(db_sqlite_open(path, false, &sqlite, &error));
    check(db_sqlite_script(sqlite,
                           "pragma foreign_keys = off; insert into file values "
                           "('events/bucket=000/9.parquet', 9, 0, 1, 1, 1, '')",
                           &error));
    db_sqlite_close(sqlite);
    assert_int_equal(control_faults(&text), 1);
    assert_true(base_str_contains(text, STR("file")));
    // An index that no longer agrees with its table.
    check(db_sqlite_open(path, false, &sqlite, &error));
    check(db_sqlite_script(sqlite,
                           "delete from file where generation = 9; pragma writable_schema = on; "
                           "update sqlite_schema set rootpage = (select rootpage from "
                           "sqlite_schema where name = 'sqlite_autoindex_event_1') "
                           "where name = 'sqlite_autoindex_source_1'",
                           &error));
    db_sqlite_close(sqlite);
    assert_true(control_faults(&text) > 0);
    assert_true(base_str_contains(text, STR("control database is damaged")));
}

// --- fits and runs ---

static void fits_have_versions(void **state) {
    (void)state;
    STORE_SCOPED store = open_store();
    StoreFit fit;
    assert_int_equal(store_fit_get(store, arena, 0, &fit, &error), 1);
    int64_t first = 0, second = 0;
    check(store_fit_save(store, 5, STR("{\"a\": 1}"), &first, &error));
    check(store_fit_save(store, 6, STR("{\"b\": 2}"), &second, &error));
    assert_true(second > first);
    check(store_fit_get(store, arena, 0, &fit, &error));
    assert_int_equal(fit.version, second);
    check(store_fit_get(store, arena, first, &fit, &error));
    assert_true(base_str_equal(fit.json, STR("{\"a\": 1}")));
    assert_int_equal(fit.now_us, 5);
    assert_int_equal(store_fit_get(store, arena, 77, &fit, &error), 1);
    StoreFit *fits = NULL;
    size_t count = 0;
    check(store_fit_list(store, arena, &fits, &count, &error));
    assert_int_equal(count, 2);
    assert_int_equal(fits[0].version, first);
}

static void the_answers_of_the_last_run_are_kept(void **state) {
    (void)state;
    Store *store = open_store();
    StoreRun run;
    assert_int_equal(store_run_get(store, arena, &run, &error), 1);
    Str paths[2];
    for (int i = 0; i < 2; i++) {
        check(store_run_path(store, arena, &paths[i], &error));
        write_text(paths[i].data, i == 0 ? "first" : "second");
        run = (StoreRun){
            .now_us = 7 + i, .fit_version = 3, .model_hash = STR("m"), .answers_path = paths[i]};
        check(store_run_save(store, &run, &error));
    }
    assert_int_not_equal(access(paths[0].data, F_OK), 0);
    store_close(store);
    STORE_SCOPED again = open_store();
    check(store_run_get(again, arena, &run, &error));
    assert_int_equal(run.now_us, 8);
    assert_int_equal(run.fit_version, 3);
    assert_true(run.created_us > 0);
    assert_true(base_str_equal(run.answers_path, paths[1]));
    assert_int_equal(access(run.answers_path.data, F_OK), 0);
}

int main(void) {
    if (mkdtemp(folder) == NULL)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_types_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(types_widen_over_sources, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kinds_that_do_not_mix_become_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_replaced_source_takes_its_types_with_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(names_that_clash_get_a_suffix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(further_columns_go_into_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_catalog_knows_which_event_has_which_property, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_property_without_values_of_the_only_event_is_known,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_changed_source_is_replaced_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(newer_rows_are_appended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unchanged_fingerprint_means_nothing_to_do, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_dropped_source_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_source_that_changes_while_it_is_read_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_last_event_is_none_before_there_is_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_second_process_learns_who_holds_the_lock, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(reading_creates_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_newer_schema_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(orphans_are_swept_and_other_files_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_changed_byte_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_control_database_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fits_have_versions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_answers_of_the_last_run_are_kept, set_up, tear_down),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) == 0 ? failed : 1;
}
