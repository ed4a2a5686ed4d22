// Small files written at run time, staged and read back.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/ingest_private.h"

typedef struct World {
    Arena *arena;
    Duck *duck;
    char folder[64];
    Source source;
    Model model;
    IngestState state;
    Staged staged;
    KretsError error;
} World;

static int set_up(void **state) {
    World *world = calloc(1, sizeof(*world));
    world->arena = base_arena_new(SIZE_MAX);
    snprintf(world->folder, sizeof(world->folder), "/tmp/krets-ingest-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    DuckOptions options = {.threads = 2, .temp_directory = world->folder};
    assert_int_equal(db_duck_open(&options, &world->duck, &world->error), 0);
    world->source = (Source){.key = STR("orders"),
                             .file = STR("orders.csv"),
                             .customer = {.kind = FIELD_COLUMN, .text = STR("customer")},
                             .time = {.kind = FIELD_COLUMN, .text = STR("time")},
                             .event = {.kind = FIELD_CONSTANT, .text = STR("order")}};
    world->model = (Model){.path = STR("krets.yaml"),
                           .directory = base_str_from(world->folder),
                           .timezone = STR("Europe/Stockholm"),
                           .sources = &world->source,
                           .source_count = 1};
    assert_int_equal(base_zone_open(world->model.timezone, &world->model.zone, NULL), 0);
    world->state.now_us = INT64_C(1772323200000000); // 2026-03-01
    *state = world;
    return 0;
}

static int tear_down(void **state) {
    World *world = *state;
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", world->folder);
    assert_int_equal(system(command), 0);
    db_duck_close(world->duck);
    base_arena_free(world->arena);
    free(world);
    return 0;
}

static void write_file(World *world, const char *content) {
    Str path = base_arena_printf(world->arena, "%s/orders.csv", world->folder);
    FILE *file = fopen(path.data, "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void stage(World *world, const char *content) {
    write_file(world, content);
    int r = ingest_stage(world->arena, world->duck, &world->model, &world->source, 0, &world->state,
                         &world->staged, &world->error);
    if (r != 0)
        fail_msg("staging gives %d: %s", r, world->error.text);
}

// All values of an expression over the relation, in the order of arrival, parted by |.
static const char *read_back(World *world, const char *expression) {
    Str sql =
        base_arena_printf(world->arena,
                          "select string_agg(coalesce(cast(%s as varchar), 'null'), '|' order by "
                          "arrival) from (%.*s)",
                          expression, STR_ARG(world->staged.relation));
    DB_DUCK_RESULT_SCOPED result = NULL;
    int r = db_duck_query(world->duck, sql, &result, &world->error);
    if (r < 0 || db_duck_next(result, &world->error) != 1)
        fail_msg("%s: %s", sql.data, world->error.text);
    Value value = db_duck_value(result, 0);
    return value.is_null ? "" : base_arena_str(world->arena, value.text).data;
}

static ValueType type_of(World *world, const char *name) {
    for (size_t i = 0; i < world->staged.property_count; i++)
        if (base_str_equal(world->staged.properties[i].name, base_str_from(name)))
            return world->staged.properties[i].type;
    fail_msg("no property %s", name);
    return VALUE_NULL;
}

static void assert_reports(World *world, const char *part) {
    if (!base_str_contains(world->staged.report_json, base_str_from(part)))
        fail_msg("%s is not in %s", part, world->staged.report_json.data);
}

static void types_are_as_narrow_as_every_value_allows(void **state) {
    World *world = *state;
    stage(world, "customer,time,i,d,n,t,b,day,empty,zip\n"
                 "a,2026-01-01,1,2.55,0.123456,x,true,1990-02-28,,01234\n"
                 "b,2026-01-02,-7,100,1e5,2,false,2000-01-01,,99999\n");
    assert_int_equal(type_of(world, "i"), VALUE_INTEGER);
    assert_int_equal(type_of(world, "d"), VALUE_DECIMAL);
    assert_int_equal(type_of(world, "n"), VALUE_NUMBER);
    assert_int_equal(type_of(world, "t"), VALUE_TEXT);
    assert_int_equal(type_of(world, "b"), VALUE_BOOLEAN);
    assert_int_equal(type_of(world, "day"), VALUE_DATE);
    assert_int_equal(type_of(world, "empty"), VALUE_NULL);
    assert_int_equal(type_of(world, "zip"), VALUE_TEXT); // its zeros mean something
    assert_string_equal(read_back(world, "p1"), "2.5500|100.0000");
}

static void one_bad_value_is_rejected_not_its_column(void **state) {
    World *world = *state;
    stage(world, "customer,time,amount\na,2026-01-01,1.5\na,2026-01-01,2.5\na,2026-01-01,oops\n"
                 "a,2026-01-01,so what\na,2026-01-01,3.25\na,2026-01-01,4\n");
    assert_int_equal(type_of(world, "amount"), VALUE_TEXT); // two of six are too many
    stage(world, "customer,time,amount\na,2026-01-01,1.5\na,2026-01-01,2.5\na,2026-01-01,oops\n"
                 "a,2026-01-01,3.25\na,2026-01-01,4\n");
    assert_int_equal(type_of(world, "amount"), VALUE_DECIMAL);
    assert_string_equal(read_back(world, "p0"), "1.5000|2.5000|null|3.2500|4.0000");
    assert_reports(world, "\"line\":4");
    assert_reports(world, "\"value\":\"oops\"");
}

static void customers_keep_their_bytes_but_lose_an_empty_fraction(void **state) {
    World *world = *state;
    stage(world, "customer,time\n17850.0,2026-01-01\n17851.0,2026-01-01\n");
    assert_string_equal(read_back(world, "customer"), "17850|17851");
    stage(world, "customer,time\n017,2026-01-01\n17,2026-01-01\nA1,2026-01-01\n1.0,2026-01-01\n");
    assert_string_equal(read_back(world, "customer"), "017|17|A1|1.0");
    assert_reports(world, "017 | 17");
}

static void placeholders_are_nobody(void **state) {
    World *world = *state;
    stage(world, "customer,time\nnull,2026-01-01\nundefined,2026-01-01\n0,2026-01-01\n"
                 "Anonymous,2026-01-01\n,2026-01-01\nx,2026-01-01\n");
    assert_string_equal(read_back(world, "customer"), "x");
    assert_reports(world, "\"reason\":\"customer is a placeholder\",\"count\":4");
    assert_reports(world, "\"reason\":\"no customer\",\"count\":1");
}

static void gaps_shift_forward_and_overlaps_take_the_first(void **state) {
    World *world = *state;
    stage(world, "customer,time\na,2026-03-29 01:59:59\na,2026-03-29 02:30:00\n"
                 "a,2026-03-29 03:30:00\na,2026-10-25 02:30:00\na,2026-10-25 03:00:00\n");
    assert_string_equal(read_back(world, "epoch_us(time) // 1000000"),
                        "1774745999|1774747800|1774747800|1792888200|1792893600");
    assert_reports(world, "\"dst_gap\":1,\"dst_overlap\":1");
    assert_reports(world, "\"future\":5");
}

static void every_zone_agrees_with_the_calendar(void **state) {
    World *world = *state;
    static const char *const names[] = {"Europe/London",  "America/New_York", "Australia/Lord_Howe",
                                        "Asia/Kathmandu", "Pacific/Apia",     "Africa/Casablanca"};
    Stage stage = {.arena = world->arena, .duck = world->duck};
    for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
        const Zone *zone = base_zone_find(base_str_from(names[n]));
        assert_non_null(zone);
        int64_t least = INT64_C(1262304000000000), most = INT64_C(1893456000000000);
        Moment moment = moment_local(&stage, zone, STR("l"), least, most);
        Str sql = base_arena_printf(world->arena,
                                    "select l, %s from (select %lld + i * 1700000000 as l from "
                                    "range(371000) r(i))",
                                    moment.value.data, (long long)least);
        DB_DUCK_RESULT_SCOPED result = NULL;
        assert_int_equal(db_duck_query(world->duck, sql, &result, &world->error), 0);
        while (db_duck_next(result, &world->error) == 1) {
            int64_t local = db_duck_value(result, 0).integer;
            assert_int_equal(db_duck_value(result, 1).integer,
                             base_zone_instant(zone, local, NULL));
        }
    }
}

static void day_and_month_are_told_apart_by_all_values(void **state) {
    World *world = *state;
    stage(world, "customer,time\na,01/02/2026\na,03/02/2026\na,25/02/2026\n");
    assert_string_equal(read_back(world, "timezone('Europe/Stockholm', time)::date"),
                        "2026-02-01|2026-02-03|2026-02-25");
    stage(world, "customer,time\na,01/02/2026\na,02/25/2026\n");
    assert_string_equal(read_back(world, "timezone('Europe/Stockholm', time)::date"),
                        "2026-01-02|2026-02-25");
    stage(world, "customer,time\na,01/02/2026\na,02/03/2026\n");
    assert_reports(world, "also fit the other order");
}

static void a_failing_expression_rejects_the_value_only(void **state) {
    World *world = *state;
    SourceProperty property = {.name = STR("twice"), .sql = STR("cast(raw as integer) * 2")};
    world->source.properties = &property;
    world->source.property_count = 1;
    world->source.has_properties = true;
    stage(world, "customer,time,raw\na,2026-01-01,5\na,2026-01-02,x\na,2026-01-03,\n");
    assert_string_equal(read_back(world, "p0"), "10|null|null");
    assert_reports(world, "\"reason\":\"its expression fails\",\"column\":\"twice\",\"count\":1");
}

static void an_expression_that_does_not_fit_is_blamed_by_name(void **state) {
    World *world = *state;
    SourceProperty property = {.name = STR("x"), .sql = STR("nowhere + 1"), .place = {7, 3}};
    world->source.properties = &property;
    world->source.property_count = 1;
    world->source.has_properties = true;
    write_file(world, "customer,time\na,2026-01-01\n");
    assert_int_equal(ingest_stage(world->arena, world->duck, &world->model, &world->source, 0,
                                  &world->state, &world->staged, &world->error),
                     BASE_E_USAGE);
    assert_non_null(strstr(world->error.text, "krets.yaml:7:3"));
    assert_non_null(strstr(world->error.text, "nowhere"));
}

static void an_unknown_column_is_suggested(void **state) {
    World *world = *state;
    world->source.customer.text = STR("custmer");
    write_file(world, "customer,time\na,2026-01-01\n");
    assert_int_equal(ingest_stage(world->arena, world->duck, &world->model, &world->source, 0,
                                  &world->state, &world->staged, &world->error),
                     BASE_E_USAGE);
    assert_non_null(strstr(world->error.text, "did you mean customer?"));
}

static void repeated_ids_count_once_and_differences_are_told(void **state) {
    World *world = *state;
    world->source.id = (Field){.kind = FIELD_COLUMN, .text = STR("id")};
    stage(world, "id,customer,time,amount\n1,a,2026-01-01,1\n2,b,2026-01-02,2\n1,a,2026-01-01,1\n"
                 "2,b,2026-01-02,9\n");
    assert_string_equal(read_back(world, "message_id"), "1|2");
    assert_reports(world, "\"reason\":\"repeats an id\",\"count\":1");
    assert_reports(world, "\"line\":5");
    assert_int_equal(world->staged.row_count, 2);
}

static void an_unchanged_source_is_nothing_to_do(void **state) {
    World *world = *state;
    stage(world, "customer,time,x\na,2026-01-01,1\n");
    world->state.is_known = true;
    world->state.fingerprint = world->staged.fingerprint;
    Staged again;
    assert_int_equal(ingest_stage(world->arena, world->duck, &world->model, &world->source, 0,
                                  &world->state, &again, &world->error),
                     INGEST_UNCHANGED);
    write_file(world, "customer,time,x\na,2026-01-01,1\n"); // touched, but the same
    assert_int_equal(ingest_stage(world->arena, world->duck, &world->model, &world->source, 0,
                                  &world->state, &again, &world->error),
                     INGEST_UNCHANGED);
    world->source.where = STR("x > 0");
    assert_int_equal(ingest_stage(world->arena, world->duck, &world->model, &world->source, 0,
                                  &world->state, &again, &world->error),
                     INGEST_STAGED);
}

static void a_cursor_takes_only_newer_rows_and_numbers_go_on(void **state) {
    World *world = *state;
    world->source.cursor = STR("time");
    stage(world, "customer,time\na,2026-01-01\nb,2026-01-02\n");
    world->state.is_known = true;
    world->state.fingerprint = world->staged.fingerprint;
    world->state.cursor = world->staged.cursor;
    world->state.row_max = 1;
    stage(world, "customer,time\na,2026-01-01\nb,2026-01-02\nc,2026-01-03\n");
    assert_int_equal(world->staged.mode, STAGED_APPEND);
    assert_string_equal(read_back(world, "customer"), "c");
    assert_string_equal(read_back(world, "arrival >> 13"), "4");
}

static void where_counts_what_it_leaves_out(void **state) {
    World *world = *state;
    world->source.where = STR("amount > 1");
    stage(world, "customer,time,amount\na,2026-01-01,1\na,2026-01-02,2\na,2026-01-03,\n");
    assert_string_equal(read_back(world, "p0"), "2");
    assert_reports(world, "\"rows\":3,\"kept\":1");
    assert_reports(world, "\"reason\":\"where: does not hold\",\"count\":2");
}

static void a_catalog_is_read_from_the_sources(void **state) {
    World *world = *state;
    write_file(world, "customer,time,amount,city\na,2026-01-01,1.5,Oslo\n");
    const Catalog *catalog;
    assert_int_equal(
        ingest_catalog(world->arena, world->duck, &world->model, 0, &catalog, &world->error), 0);
    const CatalogEvent *event = data_catalog_event(catalog, STR("order"));
    assert_non_null(event);
    assert_int_equal(data_catalog_property(event, STR("amount"))->type, VALUE_DECIMAL);
    assert_int_equal(data_catalog_property(event, STR("city"))->type, VALUE_TEXT);
    assert_true(catalog->is_provisional);
}

static void a_file_is_guessed_with_reasons(void **state) {
    World *world = *state;
    write_file(world,
               "OrderDate,CustomerID,Quantity,UnitPrice,Country\n"
               "2026-01-01,c1,2,2.50,SE\n2026-01-02,c2,1,3.00,NO\n2026-01-03,c1,1,3.00,SE\n");
    IngestGuess guess;
    Str path = base_arena_printf(world->arena, "%s/orders.csv", world->folder);
    assert_int_equal(ingest_guess(world->arena, world->duck, path, 0, &guess, &world->error), 0);
    assert_true(base_str_equal(guess.customer, STR("CustomerID")));
    assert_true(base_str_equal(guess.time, STR("OrderDate")));
    assert_true(base_str_contains(guess.amount, STR("\"Quantity\" * \"UnitPrice\"")));
    BASE_TEXT_SCOPED model = {0};
    ingest_guess_model(&guess, &model);
    assert_non_null(strstr(model.data, "customer: \"CustomerID\"    # its name says so"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(types_are_as_narrow_as_every_value_allows),
        TEST(one_bad_value_is_rejected_not_its_column),
        TEST(customers_keep_their_bytes_but_lose_an_empty_fraction),
        TEST(placeholders_are_nobody),
        TEST(gaps_shift_forward_and_overlaps_take_the_first),
        TEST(every_zone_agrees_with_the_calendar),
        TEST(day_and_month_are_told_apart_by_all_values),
        TEST(a_failing_expression_rejects_the_value_only),
        TEST(an_expression_that_does_not_fit_is_blamed_by_name),
        TEST(an_unknown_column_is_suggested),
        TEST(repeated_ids_count_once_and_differences_are_told),
        TEST(an_unchanged_source_is_nothing_to_do),
        TEST(a_cursor_takes_only_newer_rows_and_numbers_go_on),
        TEST(where_counts_what_it_leaves_out),
        TEST(a_catalog_is_read_from_the_sources),
        TEST(a_file_is_guessed_with_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
