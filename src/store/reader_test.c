// Reading buckets, against the history as SQL row by row.

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/thread.h"
#include "store/store.h"

static KretsError error;
static Arena *arena;
static char folder[] = "/tmp/krets-reader-test-XXXXXX";
static char data[64];

static void check(int r) {
    if (r < 0)
        fail_msg("%s", error.text);
    assert_int_equal(r, 0);
}

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

static Store *open_with(uint64_t bucket_rows, bool is_read_only) {
    Store *store = NULL;
    StoreOptions options = {.threads = 2,
                            .memory_bytes = (size_t)512 << 20,
                            .bucket_rows = bucket_rows,
                            .is_read_only = is_read_only};
    check(store_open(base_str_from(data), &options, &store, &error));
    return store;
}

// --- random sources ---

typedef struct Shape {
    const char *name;
    unsigned place; // arrivals are unique only if each import has its own
    unsigned rows, customers, seed;
    ValueType amount; // the type of the property "amount" in this source
    StagedMode mode;
} Shape;

// Events page, order, mail and identify; ties in time; nulls in every property.
static void import_shape(Store *store, const Shape *shape) {
    const char *amount_sql = shape->amount == VALUE_INTEGER   ? "bigint"
                             : shape->amount == VALUE_DECIMAL ? "decimal(18,4)"
                                                              : "double";
    Str relation = base_arena_printf(
        arena,
        "select 'k' || (hash(i || '/1/%u') %% %u) as customer,"
        " make_timestamptz((1767225600 + hash(i || '/2/%u') %% 50)::bigint * 1000000) as time,"
        " (%u::bigint << 53) | (i << 13) as arrival,"
        " list_extract(['page', 'order', 'mail', 'identify'], (1 + hash(i || '/3/%u') %% "
        "4)::bigint)"
        " as event, null::varchar as message_id,"
        " case when hash(i || '/4/%u') %% 3 > 0 then ((hash(i || '/5/%u') %% 1000)::double / "
        "8)::%s end"
        " as amount,"
        " case when hash(i || '/6/%u') %% 2 = 0 then repeat('t', (hash(i || '/7/%u') %% 30)::int) "
        "end as "
        "word,"
        " case when hash(i || '/8/%u') %% 4 = 0 then ['a', 'b' || (hash(i || '/9/%u') %% 5)] end "
        "as tags,"
        " hash(i || '/10/%u') %% 2 = 0 as flag,"
        " (date '2020-01-01' + (hash(i || '/11/%u') %% 1000)::int) as born"
        " from range(%u) r(i)",
        shape->seed, shape->customers, shape->seed, shape->place, shape->seed, shape->seed,
        shape->seed, amount_sql, shape->seed, shape->seed, shape->seed, shape->seed, shape->seed,
        shape->seed, shape->rows);
    const StagedProperty properties[] = {
        {STR("amount"), STR(""), STR("amount"), shape->amount},
        {STR("word"), STR(""), STR("word"), VALUE_TEXT},
        {STR("tags"), STR(""), STR("tags"), VALUE_LIST},
        {STR("flag"), STR(""), STR("flag"), VALUE_BOOLEAN},
        {STR("born"), STR(""), STR("born"), VALUE_DATE},
    };
    Staged staged = {.source = base_str_from(shape->name),
                     .relation = relation,
                     .properties = properties,
                     .property_count = 5,
                     .mode = shape->mode};
    check(store_import(store, &staged, NULL, NULL, &error));
}

// --- plans by hand ---

typedef struct PlanParts {
    Plan plan;
    PlanEvent events[4];
    PlanColumn columns[8];
    PlanTrait trait;
    Selection selection;
} PlanParts;

static void add_column(PlanParts *parts, Store *store, const char *name) {
    const Catalog *catalog = NULL;
    check(store_catalog(store, arena, &catalog, &error));
    const CatalogProperty *property =
        data_catalog_property(data_catalog_event(catalog, STR("order")), base_str_from(name));
    if (property == NULL)
        fail_msg("no property %s among %zu events", name, catalog->event_count);
    parts->columns[parts->plan.column_count++] = (PlanColumn){property->column, property->type};
}

static PlanParts *make_plan(Store *store, bool uses_any, bool has_traits) {
    PlanParts *parts = base_arena_alloc(arena, sizeof(*parts));
    parts->events[parts->plan.event_count++] = (PlanEvent){STR("mail"), true};
    parts->events[parts->plan.event_count++] = (PlanEvent){STR("order"), true};
    static const char *const names[] = {"amount", "word", "tags", "flag", "born"};
    for (size_t i = 0; i < 5; i++)
        add_column(parts, store, names[i]);
    parts->columns[parts->plan.column_count++] = (PlanColumn){STR("unknown"), VALUE_TEXT};
    parts->plan.events = parts->events;
    parts->plan.columns = parts->columns;
    parts->plan.selection_count = uses_any ? 1 : 0;
    parts->selection = (Selection){.events = {.is_any = true}, .where = NODE_NONE};
    parts->plan.selections = &parts->selection;
    parts->plan.trait_count = has_traits ? 1 : 0;
    parts->plan.traits = &parts->trait;
    return parts;
}

// --- both ways to lines ---

typedef struct Line {
    Str customer;
    Str text;
} Line;

typedef struct Lines {
    Line *items;
    size_t count, room;
} Lines;

static void add_line(Lines *lines, Str customer, const Text *text) {
    if (lines->count == lines->room) {
        size_t room = lines->room * 2 + 64;
        lines->items = base_arena_grow(arena, lines->items, lines->count, room, sizeof(Line));
        lines->room = room;
    }
    lines->items[lines->count++] =
        (Line){base_arena_str(arena, customer), base_arena_str(arena, base_text_str(text))};
}

static int compare_lines(const void *a, const void *b) {
    const Line *la = a, *lb = b;
    int order = base_str_compare(la->customer, lb->customer);
    return order != 0 ? order : base_str_compare(la->text, lb->text);
}

static void append_value(Text *text, Value value) {
    base_text_append_char(text, '|');
    if (value.is_null)
        base_text_append(text, STR("null"));
    else
        data_value_format(text, value);
}

static const char *event_name(const Plan *plan, uint16_t event) {
    return event == TABLE_EVENT_UNKNOWN ? "?" : plan->events[event].name.data;
}

// Rows are numbered within the customer, so that their order counts.
static void table_lines(Lines *lines, const Plan *plan, const EventTable *table) {
    for (size_t customer = 0; customer < table->customer_count; customer++) {
        if (customer > 0)
            assert_true(base_str_compare(table->customer_ids[customer - 1],
                                         table->customer_ids[customer]) < 0);
        for (uint64_t row = table->first_row[customer]; row < table->first_row[customer + 1];
             row++) {
            BASE_TEXT_SCOPED text = {0};
            base_text_printf(&text, "%05llu|%lld|%s|%d",
                             (unsigned long long)(row - table->first_row[customer]),
                             (long long)table->time_us[row], event_name(plan, table->event[row]),
                             (int)table->is_any[row]);
            for (size_t i = 0; i < table->column_count; i++)
                append_value(&text, data_table_value(&table->columns[i], row));
            add_line(lines, table->customer_ids[customer], &text);
        }
    }
}

// The rule of which rows are kept, said once more and row by row.
static void history_lines(Lines *lines, Store *store, const PlanParts *parts, bool keeps_all) {
    const Plan *plan = &parts->plan;
    BASE_TEXT_SCOPED sql = {0};
    base_text_append(&sql, STR("select customer, epoch_us(time), event, "));
    for (int32_t i = 0; i < plan->column_count - 1; i++) {
        db_sql_identifier(&sql, plan->columns[i].column);
        base_text_append(&sql, STR(", "));
    }
    base_text_append(&sql, STR("null::varchar from ("));
    check(store_history_sql(store, arena, &sql, &error));
    base_text_append(&sql, STR(") order by customer, time, arrival"));
    DB_DUCK_RESULT_SCOPED result = NULL;
    check(db_duck_query(store_duck(store), base_text_str(&sql), &result, &error));
    Str last = {NULL, 0};
    bool has_any = false;
    unsigned number = 0;
    while (db_duck_next(result, &error) == 1) {
        Str customer = db_duck_value(result, 0).text, event = db_duck_value(result, 2).text;
        bool is_first = last.data == NULL || !base_str_equal(last, customer);
        if (is_first) {
            last = base_arena_str(arena, customer);
            has_any = false;
            number = 0;
        }
        bool is_planned = base_str_equal(event, STR("mail")) || base_str_equal(event, STR("order"));
        bool is_identify = base_str_equal(event, STR("identify"));
        bool is_any = !is_identify;
        bool is_kept = keeps_all || is_planned || is_first || (is_any && !has_any) ||
                       (is_any && plan->selection_count > 0) ||
                       (is_identify && plan->trait_count > 0);
        if (!is_kept)
            continue;
        has_any |= is_any;
        BASE_TEXT_SCOPED text = {0};
        base_text_printf(
            &text, "%05u|%lld|%.*s|%d", number++, (long long)db_duck_value(result, 1).integer,
            is_planned ? (int)event.size_bytes : 1, is_planned ? event.data : "?", (int)is_any);
        for (size_t i = 0; i < (size_t)plan->column_count; i++)
            append_value(&text, db_duck_value(result, i + 3));
        add_line(lines, customer, &text);
    }
}

static void assert_same_lines(Lines *a, Lines *b) {
    qsort(a->items, a->count, sizeof(Line), compare_lines);
    qsort(b->items, b->count, sizeof(Line), compare_lines);
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        assert_true(base_str_equal(a->items[i].customer, b->items[i].customer));
        assert_string_equal(a->items[i].text.data, b->items[i].text.data);
    }
    assert_int_equal(a->count, b->count);
}

static void assert_store_reads(Store *store, bool uses_any, bool has_traits) {
    PlanParts *parts = make_plan(store, uses_any, has_traits);
    Lines read = {0}, expected = {0};
    size_t buckets = store_bucket_count(store);
    for (size_t bucket = 0; bucket < buckets; bucket++) {
        BASE_ARENA_SCOPED table_arena = base_arena_new(SIZE_MAX);
        const EventTable *table = NULL;
        check(store_read(store, table_arena, &parts->plan, bucket, &table, &error));
        table_lines(&read, &parts->plan, table);
    }
    history_lines(&expected, store, parts, false);
    assert_true(expected.count > 0);
    assert_same_lines(&read, &expected);
}

static void assert_store_reads_all_ways(Store *store) {
    for (int way = 0; way < 4; way++)
        assert_store_reads(store, (way & 1) != 0, (way & 2) != 0);
}

// --- tests ---

static void one_bucket_of_one_file(void **state) {
    (void)state;
    STORE_SCOPED store = open_with(0, false);
    import_shape(store, &(Shape){"a", 0, 20000, 300, 1, VALUE_DECIMAL, STAGED_REPLACE});
    assert_int_equal(store_bucket_count(store), 1);
    assert_store_reads_all_ways(store);
}

static void sources_of_other_types_merge_in_order(void **state) {
    (void)state;
    STORE_SCOPED store = open_with(0, false);
    import_shape(store, &(Shape){"a", 0, 6000, 500, 2, VALUE_INTEGER, STAGED_REPLACE});
    import_shape(store, &(Shape){"b", 1, 5000, 700, 3, VALUE_NUMBER, STAGED_REPLACE});
    import_shape(store, &(Shape){"c", 2, 10, 5, 4, VALUE_DECIMAL, STAGED_REPLACE});
    assert_store_reads_all_ways(store);
}

static void buckets_of_several_sizes_live_side_by_side(void **state) {
    (void)state;
    STORE_SCOPED store = open_with(1000, false);
    import_shape(store, &(Shape){"a", 0, 3000, 400, 5, VALUE_INTEGER, STAGED_REPLACE}); // 4 buckets
    import_shape(store, &(Shape){"b", 1, 9000, 500, 6, VALUE_DECIMAL, STAGED_REPLACE}); // 16
    import_shape(store, &(Shape){"c", 2, 20, 10, 7, VALUE_DECIMAL, STAGED_REPLACE});    // 1
    import_shape(store, &(Shape){"a", 3, 30, 400, 8, VALUE_INTEGER, STAGED_APPEND});    // 1
    assert_int_equal(store_bucket_count(store), 16);
    assert_store_reads_all_ways(store);
}

static void many_small_imports_are_sorted_together(void **state) {
    (void)state;
    STORE_SCOPED store = open_with(200, false);
    for (unsigned i = 0; i < 20; i++)
        import_shape(store, &(Shape){"a", i, 100, 30, 20 + i, VALUE_INTEGER, STAGED_APPEND});
    assert_true(store_bucket_count(store) > 1);
    assert_store_reads_all_ways(store);
}

// A smaller memory makes more, smaller buckets of the same files, a larger one fewer.
static void the_bucket_size_may_change_between_processes(void **state) {
    (void)state;
    store_close(open_with(1000, false));
    Store *store = open_with(1000, false);
    import_shape(store, &(Shape){"a", 0, 8000, 400, 9, VALUE_INTEGER, STAGED_REPLACE});
    store_close(store);
    static const uint64_t sizes[] = {100, 1000, 4000, 0};
    for (size_t i = 0; i < 4; i++) {
        STORE_SCOPED other = open_with(sizes[i], true);
        assert_store_reads(other, true, true);
    }
}

static void an_empty_store_reads_as_an_empty_table(void **state) {
    (void)state;
    STORE_SCOPED store = open_with(0, false);
    Plan plan = {0};
    const EventTable *table = NULL;
    check(store_read(store, arena, &plan, 0, &table, &error));
    assert_int_equal(table->customer_count, 0);
    assert_int_equal(table->row_count, 0);
    assert_int_equal(table->first_row[0], 0);
}

static void one_customer_is_read_with_every_row(void **state) {
    (void)state;
    STORE_SCOPED store = open_with(1000, false);
    import_shape(store, &(Shape){"a", 0, 9000, 40, 10, VALUE_INTEGER, STAGED_REPLACE});
    import_shape(store, &(Shape){"b", 1, 30, 40, 11, VALUE_DECIMAL, STAGED_REPLACE});
    PlanParts *parts = make_plan(store, false, false);
    Lines read = {0}, expected = {0};
    for (unsigned i = 0; i < 40; i++) {
        char customer[16];
        snprintf(customer, sizeof(customer), "k%u", i);
        const EventTable *table = NULL;
        check(store_read_customer(store, arena, &parts->plan, base_str_from(customer), &table,
                                  &error));
        assert_int_equal(table->customer_count, 1);
        table_lines(&read, &parts->plan, table);
    }
    history_lines(&expected, store, parts, true);
    assert_same_lines(&read, &expected);
    const EventTable *table = NULL;
    assert_int_equal(store_read_customer(store, arena, &parts->plan, STR("nobody"), &table, &error),
                     1);
}

static void a_budget_too_small_is_a_matter_of_resources(void **state) {
    (void)state;
    STORE_SCOPED store = open_with(0, false);
    import_shape(store, &(Shape){"a", 0, 20000, 300, 12, VALUE_DECIMAL, STAGED_REPLACE});
    PlanParts *parts = make_plan(store, true, true);
    const EventTable *table = NULL;
    static const size_t budgets[] = {1000, 200000, 1000000};
    for (size_t i = 0; i < 3; i++) {
        BASE_ARENA_SCOPED small = base_arena_new(budgets[i]);
        assert_int_equal(store_read(store, small, &parts->plan, 0, &table, &error),
                         BASE_E_RESOURCES);
        assert_non_null(strstr(error.text, "--memory"));
        assert_non_null(strstr(error.text, "MiB"));
    }
    assert_null(table);
}

static void a_plan_of_an_older_catalog_is_refused(void **state) {
    (void)state;
    STORE_SCOPED store = open_with(0, false);
    import_shape(store, &(Shape){"a", 0, 100, 10, 13, VALUE_INTEGER, STAGED_REPLACE});
    PlanParts *parts = make_plan(store, true, true);
    import_shape(store, &(Shape){"a", 0, 100, 10, 13, VALUE_NUMBER, STAGED_REPLACE});
    const EventTable *table = NULL;
    assert_int_equal(store_read(store, arena, &parts->plan, 0, &table, &error), BASE_E_STORE);
    assert_non_null(strstr(error.text, "amount"));
    assert_non_null(strstr(error.text, "run again"));
}

static void a_reader_outlives_a_replacement_before_its_first_bucket(void **state) {
    (void)state;
    STORE_SCOPED writer = open_with(1000, false);
    import_shape(writer, &(Shape){"a", 0, 9000, 300, 14, VALUE_INTEGER, STAGED_REPLACE});
    STORE_SCOPED reader = open_with(1000, true);
    import_shape(writer, &(Shape){"a", 0, 9000, 300, 15, VALUE_INTEGER, STAGED_REPLACE});
    assert_store_reads(reader, true, true);
}

typedef struct Parts {
    Store *store;
    const Plan *plan;
    size_t count;
    Arena *arenas[8];
    const EventTable *tables[8];
    KretsError errors[8];
} Parts;

static int read_parts(void *context, unsigned thread, size_t begin, size_t end) {
    (void)thread;
    Parts *parts = context;
    int r = 0;
    for (size_t part = begin; r == 0 && part < end; part++)
        r = store_read_part(parts->store, parts->arenas[part], parts->plan, part, parts->count,
                            &parts->tables[part], &parts->errors[part]);
    return r;
}

// Files of more and of fewer parts than are asked for, four threads at a time.
static void parts_of_any_count_are_read_at_once(void **state) {
    (void)state;
    STORE_SCOPED store = open_with(1000, false);
    import_shape(store, &(Shape){"a", 0, 9000, 400, 18, VALUE_INTEGER, STAGED_REPLACE}); // 16
    import_shape(store, &(Shape){"b", 1, 20, 10, 19, VALUE_DECIMAL, STAGED_REPLACE});    // 1
    PlanParts *plan = make_plan(store, true, true);
    Lines expected = {0};
    history_lines(&expected, store, plan, false);
    for (size_t count = 1; count <= 8; count *= 2) {
        Parts parts = {.store = store, .plan = &plan->plan, .count = count};
        for (size_t i = 0; i < count; i++)
            parts.arenas[i] = base_arena_new(SIZE_MAX);
        check(base_thread_for(4, count, 1, read_parts, &parts));
        Lines read = {0};
        uint64_t estimate = 0;
        for (size_t i = 0; i < count; i++) {
            table_lines(&read, &plan->plan, parts.tables[i]);
            estimate += store_part_rows(store, i, count);
            base_arena_free(parts.arenas[i]);
        }
        assert_same_lines(&read, &expected);
        assert_true(estimate >= read.count && estimate < read.count + 100 * count);
    }
}

// The tables of a stream against the one table that holds them all.
typedef struct Pieces {
    const EventTable *whole;
    size_t customer, count;
    int stops_after; // tables; 0: never
} Pieces;

static int compare_piece(void *context, const EventTable *table, KretsError *failure) {
    (void)failure;
    Pieces *pieces = context;
    pieces->count++;
    uint64_t row = pieces->whole->first_row[pieces->customer];
    for (size_t c = 0; c < table->customer_count; c++, pieces->customer++) {
        assert_true(
            base_str_equal(table->customer_ids[c], pieces->whole->customer_ids[pieces->customer]));
        assert_int_equal(table->first_row[c + 1] + row,
                         pieces->whole->first_row[pieces->customer + 1]);
    }
    for (uint64_t i = 0; i < table->row_count; i++) {
        assert_int_equal(table->time_us[i], pieces->whole->time_us[row + i]);
        assert_int_equal(table->event[i], pieces->whole->event[row + i]);
        assert_int_equal(table->is_any[i], pieces->whole->is_any[row + i]);
        for (size_t k = 0; k < table->column_count; k++)
            assert_true(data_value_equal(data_table_value(&table->columns[k], i),
                                         data_table_value(&pieces->whole->columns[k], row + i)));
    }
    return (int)pieces->count == pieces->stops_after ? 7 : 0;
}

// Many customers a table, customers of more rows than a table has, no customer at all.
static void a_part_is_read_in_pieces(void **state) {
    (void)state;
    static const Shape shapes[] = {
        {"a", 0, 300000, 5000, 20, VALUE_INTEGER, STAGED_REPLACE},
        {"a", 0, 420000, 2, 21, VALUE_DECIMAL, STAGED_REPLACE},
        {"a", 0, 1, 1, 22, VALUE_INTEGER, STAGED_REPLACE},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        STORE_SCOPED store = open_with(0, false);
        import_shape(store, &shapes[i]);
        PlanParts *plan = make_plan(store, true, true);
        for (size_t part = 0; part < 2; part++) {
            BASE_ARENA_SCOPED tables = base_arena_new(SIZE_MAX);
            Pieces pieces = {0};
            check(store_read_part(store, tables, &plan->plan, part, 2, &pieces.whole, &error));
            check(store_read_tables(store, SIZE_MAX, &plan->plan, part, 2, compare_piece, &pieces,
                                    &error));
            assert_int_equal(pieces.customer, pieces.whole->customer_count);
            assert_true(i != 0 || pieces.count > 1);
            pieces = (Pieces){.whole = pieces.whole, .stops_after = 1};
            int r = store_read_tables(store, SIZE_MAX, &plan->plan, part, 2, compare_piece, &pieces,
                                      &error);
            assert_int_equal(r, pieces.whole->customer_count > 0 ? 7 : 0);
        }
    }
}

static void a_stamp_tells_histories_apart(void **state) {
    (void)state;
    Str stamps[5];
    Store *store = open_with(0, false);
    stamps[0] = store_stamp(store, arena);
    import_shape(store, &(Shape){"a", 0, 900, 30, 1, VALUE_INTEGER, STAGED_REPLACE});
    stamps[1] = store_stamp(store, arena);
    import_shape(store, &(Shape){"a", 0, 900, 30, 1, VALUE_DECIMAL, STAGED_REPLACE}); // other type
    stamps[2] = store_stamp(store, arena);
    import_shape(store, &(Shape){"b", 1, 1, 1, 2, VALUE_DECIMAL, STAGED_REPLACE}); // one row more
    stamps[3] = store_stamp(store, arena);
    import_shape(store, &(Shape){"b", 1, 1, 1, 3, VALUE_DECIMAL, STAGED_REPLACE}); // another row
    stamps[4] = store_stamp(store, arena);
    store_close(store);
    for (size_t i = 0; i < 5; i++) {
        assert_true(stamps[i].size_bytes > 16 && stamps[i].size_bytes < 64);
        for (size_t k = 0; k < i; k++)
            assert_false(base_str_equal(stamps[i], stamps[k]));
    }
    STORE_SCOPED reader = open_with(10, true); // other buckets of the same files
    assert_true(base_str_equal(store_stamp(reader, arena), stamps[4]));
}

static void a_replacement_between_two_buckets_is_told(void **state) {
    (void)state;
    STORE_SCOPED writer = open_with(1000, false);
    import_shape(writer, &(Shape){"a", 0, 9000, 300, 16, VALUE_INTEGER, STAGED_REPLACE});
    STORE_SCOPED reader = open_with(1000, true);
    PlanParts *parts = make_plan(reader, true, true);
    const EventTable *table = NULL;
    check(store_read(reader, arena, &parts->plan, 0, &table, &error));
    import_shape(writer, &(Shape){"a", 0, 9000, 300, 17, VALUE_INTEGER, STAGED_REPLACE});
    assert_int_equal(store_read(reader, arena, &parts->plan, 1, &table, &error), BASE_E_STORE);
    assert_non_null(strstr(error.text, "another process"));
}

static void readers_leave_no_temporary_folder(void **state) {
    (void)state;
    char temporary[96], command[160];
    store_close(open_with(0, false));
    snprintf(temporary, sizeof(temporary), "%s-tmp", data);
    snprintf(command, sizeof(command), "mkdir %s", temporary);
    assert_int_equal(system(command), 0);
    setenv("TMPDIR", temporary, 1);
    store_close(open_with(0, true));
    unsetenv("TMPDIR");
    assert_int_equal(rmdir(temporary), 0);
}

int main(void) {
    if (mkdtemp(folder) == NULL)
        return 1;
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_bucket_of_one_file),
        TEST(sources_of_other_types_merge_in_order),
        TEST(buckets_of_several_sizes_live_side_by_side),
        TEST(many_small_imports_are_sorted_together),
        TEST(the_bucket_size_may_change_between_processes),
        TEST(an_empty_store_reads_as_an_empty_table),
        TEST(one_customer_is_read_with_every_row),
        TEST(a_budget_too_small_is_a_matter_of_resources),
        TEST(a_plan_of_an_older_catalog_is_refused),
        TEST(a_reader_outlives_a_replacement_before_its_first_bucket),
        TEST(a_replacement_between_two_buckets_is_told),
        TEST(parts_of_any_count_are_read_at_once),
        TEST(a_part_is_read_in_pieces),
        TEST(a_stamp_tells_histories_apart),
        TEST(readers_leave_no_temporary_folder),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) == 0 ? failed : 1;
}
