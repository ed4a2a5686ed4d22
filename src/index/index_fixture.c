#include "index/index_fixture.h"

// cmocka wants these first
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"

enum { CROWD_EVENTS = 6, CROWD_COLUMNS = 10, CROWD_PARTITIONS_MAX = 4 };

static const ValueType crowd_types[CROWD_COLUMNS] = {
    VALUE_BOOLEAN, VALUE_INTEGER, VALUE_DECIMAL, VALUE_NUMBER, VALUE_TEXT,
    VALUE_TIME,    VALUE_DATE,    VALUE_LIST,    VALUE_TEXT,   VALUE_NULL,
};

struct Crowd {
    Arena *arena;
    CrowdShape shape;
    uint64_t state;
    uint32_t partition_count;
    EventTable tables[CROWD_PARTITIONS_MAX];
    Str events[CROWD_EVENTS], columns[CROWD_COLUMNS];
    uint8_t is_any[CROWD_EVENTS + 1]; // of the events; the last one: of unknown ones, both
    IndexColumn wanted[CROWD_EVENTS * CROWD_COLUMNS];
    size_t wanted_count;
    int style[CROWD_COLUMNS];
    int null_ratio[CROWD_COLUMNS]; // of 100
    int64_t time_unit;
};

uint64_t index_fixture_random(uint64_t *state) {
    *state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t x = *state;
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

static uint64_t below(Crowd *crowd, uint64_t count) {
    return index_fixture_random(&crowd->state) % count;
}

// --- random values ---

static int64_t random_integer(Crowd *crowd, int style) {
    static const int64_t extremes[] = {INT64_MIN, INT64_MAX, 0, 1, -1, INT64_MIN + 1};
    switch (style % 6) {
    case 0:
        return (int64_t)below(crowd, 200);
    case 1:
        return (int64_t)below(crowd, 60000) * 100 - 3000000;
    case 2:
        return (int64_t)index_fixture_random(&crowd->state);
    case 3:
        return extremes[below(crowd, 6)];
    case 4:
        return below(crowd, 2) == 0 ? INT64_MIN : INT64_MAX;
    default:
        return (int64_t)below(crowd, UINT64_C(1) << 33);
    }
}

static double random_number(Crowd *crowd, int style) {
    static const double special[] = {0.0, -0.0, 1e308, -1e-308, 0.1, 4.9e-324};
    if (style % 3 == 0)
        return special[below(crowd, 6)];
    if (style % 3 == 1)
        return (double)below(crowd, 300) / 8;
    return (double)(int64_t)index_fixture_random(&crowd->state) / 3;
}

static Str random_text(Crowd *crowd) {
    uint64_t distinct = crowd->shape.distinct > 0 ? crowd->shape.distinct : 20;
    uint64_t number = below(crowd, distinct);
    if (number == 0)
        return below(crowd, 2) == 0 ? (Str){NULL, 0} : STR("");
    return base_arena_printf(crowd->arena, number % 3 == 0 ? "%llu" : "text number %llu, long",
                             (unsigned long long)number);
}

static TableList random_list(Crowd *crowd) {
    size_t count = below(crowd, 4);
    Str *items = base_arena_alloc_array(crowd->arena, count + 1, sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = random_text(crowd);
    return (TableList){items, count};
}

static void put_random(Crowd *crowd, int column, void *values, size_t row) {
    int style = crowd->style[column];
    Value value = {.type = crowd_types[column]};
    switch (value.type) {
    case VALUE_BOOLEAN:
        value.boolean = below(crowd, 2) != 0;
        break;
    case VALUE_NUMBER:
        value.number = random_number(crowd, style);
        break;
    case VALUE_TEXT:
        value.text = random_text(crowd);
        break;
    case VALUE_DATE:
        value.date = (int32_t)below(crowd, style % 2 == 0 ? 300 : 3000000) - 700000;
        break;
    case VALUE_LIST: {
        TableList list = random_list(crowd);
        value.list.items = list.items;
        value.list.count = list.count;
        break;
    }
    default:
        value.integer = random_integer(crowd, style);
        break;
    }
    data_table_put(values, row, value);
}

// --- random tables ---

static int64_t random_time(Crowd *crowd) {
    if (below(crowd, crowd->shape.has_rare_ties ? 10000 : 20) == 0)
        return CALENDAR_TIME_MIN;
    if (crowd->shape.has_far_times || crowd->shape.has_rare_ties)
        return CALENDAR_TIME_MIN + (int64_t)below(crowd, (uint64_t)CALENDAR_TIME_MAX) + 1;
    return INT64_C(1700000000000000) + (int64_t)below(crowd, 5000) * crowd->time_unit;
}

static int compare_times(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void fill_rows(Crowd *crowd, EventTable *table) {
    uint16_t *event = (uint16_t *)(uintptr_t)table->event;
    uint8_t *is_any = (uint8_t *)(uintptr_t)table->is_any;
    int64_t *times = (int64_t *)(uintptr_t)table->time_us;
    for (size_t row = 0; row < table->row_count; row++) {
        uint64_t pick = below(crowd, CROWD_EVENTS + 1);
        event[row] = pick == CROWD_EVENTS ? TABLE_EVENT_UNKNOWN : (uint16_t)pick;
        is_any[row] = pick == CROWD_EVENTS ? below(crowd, 2) != 0 : (uint8_t)crowd->is_any[pick];
        times[row] = random_time(crowd);
    }
    for (size_t c = 0; c < table->customer_count; c++) {
        size_t first = table->first_row[c], count = table->first_row[c + 1] - first;
        qsort(times + first, count, sizeof *times, compare_times);
        if (crowd->shape.has_rare_ties && count > 1 && below(crowd, 200) == 0)
            times[first + 1] = times[first];
    }
}

static void fill_columns(Crowd *crowd, EventTable *table) {
    TableColumn *columns = base_arena_alloc_array(crowd->arena, CROWD_COLUMNS, sizeof *columns);
    for (int i = 0; i < CROWD_COLUMNS; i++) {
        void *values = base_arena_alloc_array(crowd->arena, table->row_count + 1,
                                              data_table_value_size(crowd_types[i]));
        uint8_t *valid =
            crowd->null_ratio[i] == 0 ? NULL : base_arena_alloc(crowd->arena, table->row_count + 1);
        for (size_t row = 0; row < table->row_count; row++) {
            bool is_null = below(crowd, 100) < (uint64_t)crowd->null_ratio[i];
            if (valid != NULL)
                valid[row] = !is_null;
            if (!is_null && crowd_types[i] != VALUE_NULL)
                put_random(crowd, i, values, row);
        }
        columns[i] = (TableColumn){crowd_types[i], values, valid};
    }
    table->columns = columns;
    table->column_count = CROWD_COLUMNS;
}

static void fill_table(Crowd *crowd, uint32_t partition, uint32_t customers) {
    EventTable *table = &crowd->tables[partition];
    Str *ids = base_arena_alloc_array(crowd->arena, customers + (size_t)1, sizeof *ids);
    uint64_t *first = base_arena_alloc_array(crowd->arena, customers + (size_t)1, sizeof *first);
    uint64_t rows = 0;
    for (uint32_t c = 0; c < customers; c++) {
        ids[c] = base_arena_printf(crowd->arena, "c%05u%s", c * CROWD_PARTITIONS_MAX + partition,
                                   c % 3 == 0 ? "" : " some longer id");
        rows += 1 + below(crowd, crowd->shape.rows_max);
        first[c + 1] = rows;
    }
    *table = (EventTable){.customer_count = customers,
                          .customer_ids = ids,
                          .first_row = first,
                          .row_count = rows,
                          .time_us = base_arena_alloc_array(crowd->arena, rows + 1, 8),
                          .event = base_arena_alloc_array(crowd->arena, rows + 1, 2),
                          .is_any = base_arena_alloc_array(crowd->arena, rows + 1, 1)};
    fill_rows(crowd, table);
    fill_columns(crowd, table);
}

static void choose_columns(Crowd *crowd) {
    static const int64_t units[] = {1, 1000, 1000000, INT64_C(86400000000), INT64_C(1234567890)};
    crowd->time_unit = units[below(crowd, 5)];
    for (int i = 0; i < CROWD_COLUMNS; i++) {
        crowd->columns[i] = base_arena_printf(crowd->arena, "column %d", i);
        crowd->style[i] = (int)below(crowd, 60);
        crowd->null_ratio[i] = below(crowd, 3) == 0 ? 0 : (int)below(crowd, 101);
    }
    for (int e = 0; e < CROWD_EVENTS; e++) {
        crowd->events[e] = base_arena_printf(crowd->arena, "event %d", e);
        crowd->is_any[e] = below(crowd, 2) != 0;
        for (int i = 0; i < CROWD_COLUMNS; i++) {
            if (below(crowd, 2) == 0)
                crowd->wanted[crowd->wanted_count++] =
                    (IndexColumn){crowd->events[e], crowd->columns[i], crowd_types[i]};
        }
    }
}

Crowd *index_fixture_crowd(const CrowdShape *shape) {
    Crowd *crowd = calloc(1, sizeof *crowd);
    assert_non_null(crowd);
    crowd->arena = base_arena_new(SIZE_MAX);
    crowd->shape = *shape;
    crowd->state = shape->seed;
    choose_columns(crowd);
    uint32_t customers = shape->customers;
    if (shape->is_random) {
        customers = (uint32_t)below(crowd, customers + 1);
        crowd->shape.rows_max = 1 + (uint32_t)below(crowd, shape->rows_max);
    }
    crowd->partition_count = 1 + (uint32_t)below(crowd, CROWD_PARTITIONS_MAX);
    for (uint32_t p = 0; p < crowd->partition_count; p++) {
        bool is_last = p + 1 == crowd->partition_count;
        uint32_t here = is_last ? customers : (uint32_t)below(crowd, customers + (uint64_t)1);
        fill_table(crowd, p, here);
        customers -= here;
    }
    return crowd;
}

void index_fixture_free(Crowd *crowd) {
    base_arena_free(crowd->arena);
    free(crowd);
}

// --- building ---

IndexBuild index_fixture_spec(const Crowd *crowd, Str directory) {
    return (IndexBuild){
        .directory = directory,
        .stamp = STR("stamp"),
        .partition_count = crowd->partition_count,
        .events = crowd->events,
        .event_count = CROWD_EVENTS,
        .columns = crowd->columns,
        .types = crowd_types,
        .column_count = CROWD_COLUMNS,
        .wanted = crowd->wanted,
        .wanted_count = crowd->wanted_count,
        .memory_bytes = SIZE_MAX / 2,
    };
}

// Customers [begin, end) as a table of their own, with texts that go away.
static int add_piece(const EventTable *table, size_t begin, size_t end, IndexBuilder *builder,
                     uint32_t partition, KretsError *error) {
    EventTable piece = *table;
    uint64_t row = table->first_row[begin];
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    uint64_t *first = base_arena_alloc_array(arena, end - begin + 1, sizeof *first);
    for (size_t c = begin; c <= end; c++)
        first[c - begin] = table->first_row[c] - row;
    piece.customer_count = end - begin;
    piece.customer_ids += begin;
    piece.first_row = first;
    piece.row_count = first[end - begin];
    piece.time_us += row;
    piece.event += row;
    piece.is_any += row;
    TableColumn *columns = base_arena_alloc_array(arena, table->column_count, sizeof *columns);
    for (size_t i = 0; i < table->column_count; i++) {
        columns[i] = table->columns[i];
        columns[i].values =
            (const char *)columns[i].values + row * data_table_value_size(columns[i].type);
        columns[i].valid = columns[i].valid == NULL ? NULL : columns[i].valid + row;
    }
    piece.columns = columns;
    return index_build_add(builder, partition, &piece, error);
}

int index_fixture_fill_partition(const Crowd *crowd, IndexBuilder *builder, uint32_t partition,
                                 uint64_t seed, KretsError *error) {
    uint64_t state = seed + partition;
    int r = 0;
    const EventTable *table = &crowd->tables[partition];
    for (size_t next = 0; r == 0 && next < table->customer_count;) {
        size_t left = table->customer_count - next;
        size_t count = 1 + index_fixture_random(&state) % 400;
        count = count < left ? count : left;
        r = add_piece(table, next, next + count, builder, partition, error);
        next += count;
    }
    if (r == 0 && index_fixture_random(&state) % 2 == 0)
        r = index_build_partition_end(builder, partition, error);
    return r;
}

uint32_t index_fixture_partitions(const Crowd *crowd) {
    return crowd->partition_count;
}

int index_fixture_fill(const Crowd *crowd, IndexBuilder *builder, uint64_t seed,
                       KretsError *error) {
    int r = 0;
    for (uint32_t p = 0; r == 0 && p < crowd->partition_count; p++)
        r = index_fixture_fill_partition(crowd, builder, p, seed, error);
    return r;
}

int index_fixture_build(const Crowd *crowd, Str directory, Index **ret_index, KretsError *error) {
    IndexBuild spec = index_fixture_spec(crowd, directory);
    IndexBuilder *builder = NULL;
    int r = index_build_begin(&spec, &builder, error);
    if (r < 0)
        return r;
    r = index_fixture_fill(crowd, builder, crowd->shape.seed, error);
    if (r < 0) {
        index_build_free(builder);
        return r;
    }
    return index_build_end(builder, ret_index, error);
}

// --- checking ---

#define SAME(is_same, ...)                                                                         \
    do {                                                                                           \
        if (!(is_same)) {                                                                          \
            base_text_printf(difference, __VA_ARGS__);                                             \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

static uint64_t double_bits(double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

// The value that a block's column has in a row, and whether it is that of the table.
static bool is_value(const Index *index, const Block *block, const BlockColumn *column, size_t row,
                     Value expected) {
    const BlockSource *source = index_source(index);
    const BlockCoding *coding = column->coding;
    if (coding == NULL)
        return expected.is_null;
    uint64_t code = data_block_code(coding, column->codes, row);
    if (code == 0 || expected.is_null)
        return code == 0 && expected.is_null && coding->has_null;
    if (coding->kind != BLOCK_CODE_DOUBLE && code >= coding->code_count)
        return false;
    switch (coding->kind) {
    case BLOCK_CODE_LINEAR:
    case BLOCK_CODE_WHOLE: {
        int64_t linear = coding->kind == BLOCK_CODE_WHOLE ? coding->integers[code]
                                                          : data_block_linear(coding, code);
        return expected.type == VALUE_DATE      ? linear == expected.date
               : expected.type == VALUE_BOOLEAN ? linear == expected.boolean
                                                : linear == expected.integer;
    }
    case BLOCK_CODE_NUMBER:
        return double_bits(coding->numbers[code]) == double_bits(expected.number);
    case BLOCK_CODE_DOUBLE:
        return (code ^ BLOCK_DOUBLE_NULL) == double_bits(expected.number);
    case BLOCK_CODE_TEXT:
        return base_str_equal(source->text(source->context, block->partition, coding->texts[code]),
                              expected.text);
    case BLOCK_CODE_LIST: {
        uint64_t first = coding->first_item[code];
        bool is_same = coding->first_item[code + 1] - first == expected.list.count;
        for (size_t i = 0; is_same && i < expected.list.count; i++)
            is_same = base_str_equal(
                source->text(source->context, block->partition, coding->items[first + i]),
                expected.list.items[i]);
        return is_same;
    }
    }
    return false;
}

typedef struct Check {
    const Index *index;
    const Crowd *crowd;
    Text *difference;
    const EventTable *table;
    const Block *block;
    size_t first_customer; // of the block, in the table
    uint32_t *tie;         // by row of the table
    uint8_t *is_found;
} Check;

static bool is_of_stream(const Crowd *crowd, const EventTable *table, size_t row,
                         const BlockStreamInfo *info) {
    if (info->is_any != (table->is_any[row] != 0))
        return false;
    if (table->event[row] == TABLE_EVENT_UNKNOWN)
        return info->event.size_bytes == 0;
    return base_str_equal(info->event, crowd->events[table->event[row]]);
}

static int check_values(const Check *check, const BlockStreamInfo *info, const BlockStream *stream,
                        size_t row, size_t table_row) {
    Text *difference = check->difference;
    for (uint32_t c = 0; c < info->column_count; c++) {
        int number = 0;
        while (!base_str_equal(check->crowd->columns[number], info->columns[c].column))
            number++;
        Value expected = data_table_value(&check->table->columns[number], table_row);
        SAME(is_value(check->index, check->block, &stream->columns[c], row, expected),
             "row %zu: another value of %.*s", table_row, STR_ARG(info->columns[c].column));
    }
    return 0;
}

// Rows of the stream against those of the table, customer by customer.
static int check_stream(const Check *check, uint32_t number) {
    Text *difference = check->difference;
    const BlockStreamInfo *info = &index_source(check->index)->streams[number];
    const BlockStream *stream = &check->block->streams[number];
    size_t next[BLOCK_CUSTOMER_MAX];
    for (uint32_t lane = 0; lane < check->block->customer_count; lane++)
        next[lane] = check->table->first_row[check->first_customer + lane];
    int64_t before_us = INT64_MIN;
    for (size_t row = 0; row < stream->count; row++) {
        uint32_t lane = stream->customer[row];
        SAME(lane < check->block->customer_count, "no lane %u", lane);
        size_t end = check->table->first_row[check->first_customer + lane + 1];
        while (next[lane] < end && !is_of_stream(check->crowd, check->table, next[lane], info))
            next[lane]++;
        SAME(next[lane] < end, "more rows than the table has");
        size_t table_row = next[lane]++;
        int64_t time_us = data_block_time(check->block->time, stream, row);
        SAME(time_us == check->table->time_us[table_row], "row %zu: another time", table_row);
        SAME(time_us >= before_us, "row %zu: times go back", table_row);
        before_us = time_us;
        check->tie[table_row] = data_block_tie(stream, row);
        check->is_found[table_row] = 1;
        int r = check_values(check, info, stream, row, table_row);
        if (r != 0)
            return r;
    }
    return 0;
}

static bool is_kept(const EventTable *table, size_t row) {
    return table->event[row] != TABLE_EVENT_UNKNOWN || table->is_any[row] != 0;
}

// All kept rows were found, those of one time can be told apart, and the earliest times are right.
static int check_customer(const Check *check, uint32_t lane) {
    Text *difference = check->difference;
    const EventTable *table = check->table;
    size_t begin = table->first_row[check->first_customer + lane];
    size_t end = table->first_row[check->first_customer + lane + 1];
    int64_t first_any_us = INT64_MAX;
    for (size_t row = begin; row < end; row++) {
        if (first_any_us == INT64_MAX && table->is_any[row] != 0)
            first_any_us = table->time_us[row];
        SAME(!is_kept(table, row) || check->is_found[row], "row %zu is missing", row);
        for (size_t other = row + 1;
             other < end && is_kept(table, row) && table->time_us[other] == table->time_us[row];
             other++) {
            bool is_same_stream = table->event[row] == table->event[other];
            if (is_kept(table, other) && !is_same_stream)
                SAME(check->tie[row] < check->tie[other], "rows %zu, %zu: no order", row, other);
        }
    }
    SAME(check->block->first_us[lane] == table->time_us[begin], "another first time");
    SAME(check->block->first_any_us[lane] == first_any_us, "another first `any`");
    return 0;
}

static int check_block(Check *check) {
    int r = 0;
    for (uint32_t s = 0; r == 0 && s < index_source(check->index)->stream_count; s++)
        r = check_stream(check, s);
    for (uint32_t lane = 0; r == 0 && lane < check->block->customer_count; lane++)
        r = check_customer(check, lane);
    return r;
}

static int check_ids(const Index *index, const Crowd *crowd, Text *difference) {
    uint32_t ordinal = 0, found = 0;
    for (uint32_t p = 0; p < crowd->partition_count; p++) {
        for (size_t c = 0; c < crowd->tables[p].customer_count; c++, ordinal++) {
            Str id = crowd->tables[p].customer_ids[c];
            SAME(base_str_equal(index_customer_id(index, ordinal), id), "another id");
            SAME(index_customer_find(index, id, &found) && found == ordinal, "an id is not found");
        }
    }
    SAME(ordinal == index_source(index)->customer_count, "another count of customers");
    SAME(!index_customer_find(index, STR("nobody"), &found), "nobody is found");
    const uint32_t *sorted = index_customers_sorted(index);
    for (uint32_t i = 1; i < ordinal; i++)
        SAME(base_str_compare(index_customer_id(index, sorted[i - 1]),
                              index_customer_id(index, sorted[i])) < 0,
             "ids out of order");
    return 0;
}

static BlockNeeds need_all(const BlockSource *source, Arena *arena) {
    uint8_t *streams = base_arena_alloc(arena, source->stream_count + 1);
    const uint8_t **columns =
        base_arena_alloc_array(arena, source->stream_count + 1, sizeof *columns);
    memset(streams, 1, source->stream_count);
    for (uint32_t s = 0; s < source->stream_count; s++) {
        uint8_t *wanted = base_arena_alloc(arena, source->streams[s].column_count + 1);
        memset(wanted, 1, source->streams[s].column_count);
        columns[s] = wanted;
    }
    return (BlockNeeds){streams, columns};
}

// Where an ordinal's customer lies in the tables.
static void locate(const Crowd *crowd, uint32_t ordinal, Check *check) {
    uint32_t p = 0;
    while (ordinal >= crowd->tables[p].customer_count)
        ordinal -= (uint32_t)crowd->tables[p++].customer_count;
    check->table = &crowd->tables[p];
    check->first_customer = ordinal;
}

static int check_one(Check *check, BlockScratch *scratch, const BlockNeeds *needs, uint32_t number,
                     bool is_customer, KretsError *error) {
    const BlockSource *source = index_source(check->index);
    Block block;
    int r = is_customer ? source->customer(source->context, scratch, number, needs, &block, error)
                        : source->block(source->context, scratch, number, needs, &block, error);
    if (r < 0)
        return r;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    locate(check->crowd, block.first_ordinal, check);
    check->block = &block;
    check->tie = base_arena_alloc_array(arena, check->table->row_count + 1, sizeof *check->tie);
    check->is_found = base_arena_alloc(arena, check->table->row_count + 1);
    return check_block(check);
}

int index_fixture_compare(const Index *index, const Crowd *crowd, Text *difference,
                          KretsError *error) {
    const BlockSource *source = index_source(index);
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    BlockNeeds needs = need_all(source, arena);
    BlockScratch *scratch = source->scratch_new(source->context);
    Check check = {.index = index, .crowd = crowd, .difference = difference};
    int r = check_ids(index, crowd, difference);
    for (uint32_t b = 0; r == 0 && b < source->block_count; b++)
        r = check_one(&check, scratch, &needs, b, false, error);
    for (uint32_t i = 0; r == 0 && i < source->customer_count; i += 1 + source->customer_count / 16)
        r = check_one(&check, scratch, &needs, i, true, error);
    source->scratch_free(scratch);
    return r;
}

void index_fixture_check(const Index *index, const Crowd *crowd) {
    BASE_TEXT_SCOPED difference = {0};
    KretsError error = {0};
    int r = index_fixture_compare(index, crowd, &difference, &error);
    if (r < 0)
        fail_msg("seed %llu: %s", (unsigned long long)crowd->shape.seed, error.text);
    if (r > 0)
        fail_msg("seed %llu: %s", (unsigned long long)crowd->shape.seed, difference.data);
}
