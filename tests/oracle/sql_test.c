// The SQL oracle against answers worked out by hand from the language's definition.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/calendar.h"
#include "lang/sql.h"
#include "oracle_world.h"

typedef enum Column {
    AMOUNT,
    QTY,
    PRICE,
    COUPON,
    PRODUCT,
    SHIPPED,
    DUE,
    TAGS,
    FLAG,
    CITY,
    BIRTH,
    TIMEZONE,
    COUNTRY,
    AMOUNT_2,
    COLUMN_COUNT
} Column;

static const WorldColumn columns[COLUMN_COUNT] = {
    [AMOUNT] = {STR("amount"), VALUE_DECIMAL}, [QTY] = {STR("qty"), VALUE_INTEGER},
    [PRICE] = {STR("place"), VALUE_NUMBER},    [COUPON] = {STR("coupon"), VALUE_TEXT},
    [PRODUCT] = {STR("product"), VALUE_TEXT},  [SHIPPED] = {STR("shipped"), VALUE_TIME},
    [DUE] = {STR("due"), VALUE_DATE},          [TAGS] = {STR("tags"), VALUE_LIST},
    [FLAG] = {STR("flag"), VALUE_BOOLEAN},     [CITY] = {STR("city"), VALUE_TEXT},
    [BIRTH] = {STR("birth"), VALUE_DATE},      [TIMEZONE] = {STR("timezone"), VALUE_TEXT},
    [COUNTRY] = {STR("country"), VALUE_TEXT},  [AMOUNT_2] = {STR("amount~2"), VALUE_INTEGER},
};

static CatalogProperty identify_properties[] = {
    {STR("birth"), STR("birth"), VALUE_DATE},       {STR("city"), STR("city"), VALUE_TEXT},
    {STR("country"), STR("country"), VALUE_TEXT},   {STR("tags"), STR("tags"), VALUE_LIST},
    {STR("timezone"), STR("timezone"), VALUE_TEXT},
};
static CatalogProperty order_properties[] = {
    {STR("amount"), STR("amount"), VALUE_DECIMAL}, {STR("coupon"), STR("coupon"), VALUE_TEXT},
    {STR("due"), STR("due"), VALUE_DATE},          {STR("flag"), STR("flag"), VALUE_BOOLEAN},
    {STR("price"), STR("place"), VALUE_NUMBER},    {STR("product"), STR("product"), VALUE_TEXT},
    {STR("qty"), STR("qty"), VALUE_INTEGER},       {STR("shipped"), STR("shipped"), VALUE_TIME},
    {STR("tags"), STR("tags"), VALUE_LIST},
};
static CatalogProperty refund_properties[] = {
    {STR("amount"), STR("amount~2"), VALUE_INTEGER},
};
static CatalogEvent events_known[] = {
    {STR("identify"), identify_properties, 5, false},
    {STR("krets.sent"), NULL, 0, false},
    {STR("mail"), NULL, 0, true},
    {STR("order"), order_properties, 9, true},
    {STR("order[items]"), NULL, 0, false},
    {STR("refund"), refund_properties, 1, true},
    {STR("visit"), NULL, 0, true},
};
static const Catalog catalog = {.events = events_known, .event_count = 7};

static Arena *arena;
static Duck *duck;
static KretsError error;
static WorldEvent rows[64];
static size_t row_count;
static World world;

static int64_t at(const char *text) {
    int64_t local_us;
    bool has_offset;
    int32_t offset_s;
    assert_true(base_calendar_parse_time(base_str_from(text), &local_us, &has_offset, &offset_s));
    return local_us;
}

// A new event, its time UTC, "" for a trait without one; arrival counts up.
static Value *add(const char *customer, const char *event, const char *time) {
    Value *values = base_arena_alloc_array(arena, COLUMN_COUNT, sizeof *values);
    for (int i = 0; i < COLUMN_COUNT; i++) {
        values[i] = data_value_null(columns[i].type);
    }
    rows[row_count] = (WorldEvent){.customer = base_str_from(customer),
                                   .event = base_str_from(event),
                                   .time_us = *time == '\0' ? CALENDAR_TIME_MIN : at(time),
                                   .arrival = (int64_t)row_count + 1,
                                   .values = values};
    row_count++;
    return values;
}

static void order(const char *customer, const char *time, double amount, int64_t qty, double price,
                  const char *coupon, const char *product) {
    Value *v = add(customer, "order", time);
    v[AMOUNT] = (Value){.type = VALUE_DECIMAL, .decimal = (int64_t)(amount * 10000 + .5)};
    v[QTY] = (Value){.type = VALUE_INTEGER, .integer = qty};
    v[PRICE] = (Value){.type = VALUE_NUMBER, .number = price};
    if (coupon != NULL) {
        v[COUPON] = (Value){.type = VALUE_TEXT, .text = base_str_from(coupon)};
    }
    v[PRODUCT] = (Value){.type = VALUE_TEXT, .text = base_str_from(product)};
}

static Value text_value(const char *text) {
    return (Value){.type = VALUE_TEXT, .text = base_str_from(text)};
}

static Value date_value(int32_t year, int32_t month, int32_t day) {
    return (Value){.type = VALUE_DATE, .date = base_calendar_day((Date){year, month, day})};
}

// now: Tuesday 2026-03-31 12:00 UTC, which is 13:00 in London (summer time since the 29th).
static void make_world(void) {
    static const Str tags[] = {STR("new"), STR("vip")};
    // anna: three orders, a mail, a refund; lives in New York
    Value *v = add("anna", "identify", "");
    v[CITY] = text_value("Åre");
    v[BIRTH] = date_value(2000, 2, 29);
    v[TIMEZONE] = text_value("America/New_York");
    v[COUNTRY] = text_value("us");
    order("anna", "2026-01-10T10:00", 100, 2, 0.1, NULL, "tea");
    order("anna", "2026-02-28T23:30", 50.5, 1, 0.2, "SPRING", "coffee");
    add("anna", "mail", "2026-03-01T00:00");
    order("anna", "2026-03-30T12:00", 25.25, 4, 0.3, NULL, "tea");
    v = add("anna", "refund", "2026-03-30T12:00");
    v[AMOUNT_2] = (Value){.type = VALUE_INTEGER, .integer = 7};
    v = add("anna", "identify", "2026-03-01T08:00");
    v[CITY] = text_value("Umeå");
    // bo: one order on the London day of the change to summer time, visits around it, ties in time
    add("bo", "visit", "2026-03-29T00:30");
    order("bo", "2026-03-29T01:30", 10, 9223372036854775807, 1e308, "x", "tea");
    order("bo", "2026-03-29T01:30", 20, 1, 1e308, "y", "milk");
    add("bo", "visit", "2026-03-29T23:30");
    add("bo", "visit", "2026-05-01T00:00"); // not yet
    // cy: known only by a trait without time; a zone that is none
    v = add("cy", "identify", "");
    v[TIMEZONE] = text_value("Mars/Olympus");
    v[TAGS] = (Value){.type = VALUE_LIST, .list = {tags, 2}};
    v[BIRTH] = date_value(1990, 3, 31);
    // dee: in the future only, so not in the population
    order("dee", "2026-04-01T00:00", 5, 1, 1, NULL, "tea");
    world = (World){.catalog = &catalog,
                    .columns = columns,
                    .column_count = COLUMN_COUNT,
                    .events = rows,
                    .event_count = row_count,
                    .now_us = at("2026-03-31T12:00")};
    world.model.path = STR("krets.yaml");
    world.model.country = STR("GB");
    world.model.timezone = STR("Europe/London");
    assert_int_equal(base_zone_open(world.model.timezone, &world.model.zone, &error), 0);
}

typedef struct Case {
    const char *expression;
    const char *anna, *bo, *cy; // as for people; "-" is null
} Case;

static const Case cases[] = {
#include "sql_cases.inc"
};
enum { CASE_COUNT = sizeof cases / sizeof *cases };

static void check(const char *expression, const char *customer, Value value, const char *expected,
                  const char *who, int *wrong) {
    BASE_TEXT_SCOPED text = {0};
    if (value.is_null) {
        base_text_append(&text, STR("-"));
    } else {
        data_value_format(&text, value);
    }
    if (strcmp(text.data == NULL ? "" : text.data, expected) != 0) {
        print_error("%s of %s: %s says %s, by hand it is %s\n", expression, customer, who,
                    text.data == NULL ? "" : text.data, expected);
        (*wrong)++;
    }
}

// Cases [first, first + count) against their answers.
static void check_some(const WorldAnswers *answers, size_t first, size_t count, const char *who) {
    int wrong = 0;
    assert_int_equal(answers->customer_count, 3);
    for (size_t i = 0; i < count; i++) {
        const Case *at = &cases[first + i];
        const char *const expected[] = {at->anna, at->bo, at->cy};
        for (size_t c = 0; c < 3; c++) {
            check(at->expression, answers->customers[c].data, answers->values[c * count + i],
                  expected[c], who, &wrong);
        }
    }
    assert_int_equal(wrong, 0);
}

static const Plan *compile_some(size_t first, size_t count) {
    Str expressions[CASE_COUNT];
    for (size_t i = 0; i < count; i++) {
        expressions[i] = base_str_from(cases[first + i].expression);
    }
    const Plan *plan = NULL;
    if (world_compile(arena, &world, expressions, count, &plan, &error) < 0) {
        fail_msg("%s", error.text);
    }
    return plan;
}

// All in one statement would need more memory than a query may have.
static void sql_gives_what_was_worked_out_by_hand(void **state) {
    (void)state;
    enum { AT_ONCE = 60 };
    for (size_t first = 0; first < CASE_COUNT; first += AT_ONCE) {
        size_t count = CASE_COUNT - first < AT_ONCE ? CASE_COUNT - first : AT_ONCE;
        const Plan *plan = compile_some(first, count);
        WorldAnswers answers;
        if (world_query(arena, &world, plan, duck, &answers, &error) < 0) {
            fail_msg("%s", error.text);
        }
        check_some(&answers, first, count, "the SQL");
    }
}

static void evaluator_gives_what_was_worked_out_by_hand(void **state) {
    (void)state;
    const Plan *plan = compile_some(0, CASE_COUNT);
    WorldAnswers answers;
    if (world_evaluate(arena, &world, plan, &answers, &error) < 0) {
        fail_msg("%s", error.text);
    }
    check_some(&answers, 0, CASE_COUNT, "the evaluator");
}

static void a_statement_is_one_statement_with_comments(void **state) {
    (void)state;
    Str expression = STR("count(order last 90 days) >= 3");
    const Plan *plan = NULL;
    assert_int_equal(world_compile(arena, &world, &expression, 1, &plan, &error), 0);
    BASE_TEXT_SCOPED sql = {0};
    SqlOptions options = {.history = STR("select * from world_events"), .now_us = world.now_us};
    assert_int_equal(lang_sql_metric(arena, &sql, plan, 0, &options, &error), 0);
    assert_non_null(strstr(sql.data, "-- count(order last 90 days)"));
    assert_non_null(strstr(sql.data, "count_order_last_90_days as ("));
    assert_null(strchr(sql.data, ';'));
}

static void population_is_who_has_been_seen(void **state) {
    (void)state;
    Str expression = STR("true");
    const Plan *plan = NULL;
    assert_int_equal(world_compile(arena, &world, &expression, 1, &plan, &error), 0);
    BASE_TEXT_SCOPED sql = {0};
    SqlOptions options = {.history = STR("select * from world_events"), .now_us = world.now_us};
    assert_int_equal(lang_sql_population(arena, &sql, plan, &options, &error), 0);
    DB_DUCK_RESULT_SCOPED result = NULL;
    assert_int_equal(db_duck_query(duck, base_text_str(&sql), &result, &error), 0);
    static const char *const expected[] = {"anna", "bo", "cy"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(db_duck_next(result, &error), 1);
        Str id = db_duck_value(result, 0).text;
        assert_true(base_str_equal(id, base_str_from(expected[i])));
    }
    assert_int_equal(db_duck_next(result, &error), 0);
}

static int set_up(void **state) {
    (void)state;
    arena = base_arena_new(SIZE_MAX);
    DuckOptions options = {.threads = 1, .memory_bytes = (size_t)512 << 20};
    if (db_duck_open(&options, &duck, &error) < 0) {
        print_error("%s\n", error.text);
        return -1;
    }
    make_world();
    if (world_load(arena, &world, duck, &error) < 0) {
        print_error("%s\n", error.text);
        return -1;
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    db_duck_close(duck);
    base_arena_free(arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sql_gives_what_was_worked_out_by_hand),
        cmocka_unit_test(evaluator_gives_what_was_worked_out_by_hand),
        cmocka_unit_test(a_statement_is_one_statement_with_comments),
        cmocka_unit_test(population_is_who_has_been_seen),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
