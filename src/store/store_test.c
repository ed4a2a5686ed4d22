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

int main(void) {
    if (mkdtemp(folder) == NULL)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_types_come_back, set_up, tear_down),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) == 0 ? failed : 1;
}
