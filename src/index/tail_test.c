// Random events cut at random into an index, a tail in several pieces and folds: at any time every
// customer must read as the list of events says.
//
// KRETS_SEED=n repeats the world that failed, KRETS_BATCHES=n says how many.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/calendar.h"
#include "index/index_fixture.h"

enum {
    TYPES = 8,
    TYPES_KNOWN = 5, // of the first index
    COLUMNS = 9,
    SNAPSHOTS = 6,
    BATCHES = 60,
    PARTITIONS_MAX = 3
};

static const ValueType column_types[COLUMNS] = {
    VALUE_BOOLEAN, VALUE_INTEGER, VALUE_DECIMAL, VALUE_NUMBER, VALUE_TEXT,
    VALUE_TIME,    VALUE_DATE,    VALUE_LIST,    VALUE_TEXT,
};
static const char *const column_names[COLUMNS] = {"flag", "count", "price", "rate", "colour",
                                                  "when", "day",   "tags",  "count"};

typedef struct Event {
    uint32_t customer;
    int type;
    bool is_any;
    int64_t time_us;
    Value values[COLUMNS];
    bool is_unknown;       // it came when nobody knew its type
    bool is_held[COLUMNS]; // the index or tail had the column when it came
} Event;

typedef struct World {
    Arena *arena;
    uint64_t state;
    Event *events;
    uint32_t event_count, customer_count, partition_count;
    Str ids[600], types[TYPES], columns[COLUMNS];
    bool is_known[TYPES], is_wanted[TYPES][COLUMNS];
    bool has_type[TYPES], has_column[TYPES][COLUMNS]; // new ones in the tail
    int style[COLUMNS];
    int64_t unit_us;
} World;

static uint64_t below(World *world, uint64_t count) {
    return index_fixture_random(&world->state) % count;
}

// --- random events ---

static int64_t random_integer(World *world, int style) {
    static const int64_t extremes[] = {INT64_MIN, INT64_MAX, 0, -1, INT64_MIN + 1, INT64_MAX - 1};
    switch (style) {
    case 0:
        return (int64_t)below(world, 100);
    case 1:
        return (int64_t)below(world, 3000) * 250 - 1000;
    case 2:
        return below(world, 40) == 0 ? (int64_t)below(world, 1000000)
                                     : 7 * (int64_t)below(world, 9);
    case 3:
        return extremes[below(world, 6)];
    default:
        return below(world, 50) == 0 ? extremes[below(world, 6)] : (int64_t)below(world, 1 << 20);
    }
}

static Str random_text(World *world) {
    uint64_t number = below(world, 60);
    number = number < 40 ? number % 5 : number;
    if (number == 0)
        return (Str){NULL, 0};
    return base_arena_printf(world->arena, "text %llu", (unsigned long long)number);
}

static Value random_value(World *world, int column) {
    Value value = {.type = column_types[column]};
    int style = world->style[column];
    switch (value.type) {
    case VALUE_BOOLEAN:
        value.boolean = below(world, 2) != 0;
        break;
    case VALUE_NUMBER:
        value.number = style % 2 == 0 ? (double)below(world, 50) / 4
                                      : (double)(int64_t)index_fixture_random(&world->state) / 3;
        if (below(world, 20) == 0)
            value.number = -0.0;
        break;
    case VALUE_TEXT:
        value.text = random_text(world);
        break;
    case VALUE_DATE:
        value.date = (int32_t)below(world, 30000) - 4000;
        break;
    case VALUE_LIST: {
        size_t count = below(world, 4);
        Str *items = base_arena_alloc_array(world->arena, count + 1, sizeof *items);
        for (size_t i = 0; i < count; i++)
            items[i] = random_text(world);
        value.list.items = items;
        value.list.count = count;
        break;
    }
    default:
        value.integer = random_integer(world, style);
        break;
    }
    return value;
}

static int64_t random_time(World *world) {
    if (below(world, 15) == 0)
        return CALENDAR_TIME_MIN;
    if (below(world, 40) == 0)
        return CALENDAR_TIME_MIN + 1 + (int64_t)below(world, (uint64_t)CALENDAR_TIME_MAX);
    return INT64_C(1700000000000000) + (int64_t)below(world, 40) * world->unit_us +
           (below(world, 8) == 0 ? (int64_t)below(world, 1000) : 0);
}

static void random_event(World *world, Event *event) {
    event->customer = (uint32_t)below(world, world->customer_count);
    event->type = (int)below(world, TYPES);
    event->is_any = below(world, 10) == 0 ? below(world, 2) != 0 : event->type % 3 != 0;
    event->time_us = random_time(world);
    for (int c = 0; c < COLUMNS; c++) {
        event->values[c] = data_value_null(column_types[c]);
        if (below(world, 3) != 0)
            event->values[c] = random_value(world, c);
    }
}

static void make_world(World *world, uint64_t seed, uint32_t customers_max, uint32_t events_max) {
    static const int64_t units[] = {1, 1000, 1000000, INT64_C(3600000000), INT64_C(123456789012)};
    *world = (World){.arena = base_arena_new(SIZE_MAX), .state = seed};
    world->customer_count = 1 + (uint32_t)below(world, customers_max);
    world->event_count = 1 + (uint32_t)below(world, events_max);
    world->partition_count = 1 + (uint32_t)below(world, PARTITIONS_MAX);
    world->unit_us = units[below(world, 5)];
    for (uint32_t i = 0; i < world->customer_count; i++)
        world->ids[i] = base_arena_printf(world->arena, "c%u %u", i * 7919 % 1000, i);
    for (int c = 0; c < COLUMNS; c++) {
        world->columns[c] = base_str_from(column_names[c]);
        world->style[c] = (int)below(world, 5);
    }
    for (int t = 0; t < TYPES; t++) {
        world->types[t] = base_arena_printf(world->arena, "type %d", t);
        world->is_known[t] = t < TYPES_KNOWN;
        for (int c = 0; c < COLUMNS; c++)
            world->is_wanted[t][c] = t < TYPES_KNOWN && below(world, 4) != 0;
    }
    world->events =
        base_arena_alloc_array(world->arena, world->event_count + (size_t)1, sizeof(Event));
    for (uint32_t i = 0; i < world->event_count; i++)
        random_event(world, &world->events[i]);
}

// --- the first index ---

static World *sorted_world;

static int compare_events(const void *a, const void *b) {
    const Event *x = &sorted_world->events[*(const uint32_t *)a];
    const Event *y = &sorted_world->events[*(const uint32_t *)b];
    int order = base_str_compare(sorted_world->ids[x->customer], sorted_world->ids[y->customer]);
    if (order != 0)
        return order;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    return x < y ? -1 : x > y;
}

static EventTable make_table(World *world, const uint32_t *rows, uint32_t count) {
    Arena *arena = world->arena;
    Str *ids = base_arena_alloc_array(arena, count + (size_t)1, sizeof *ids);
    uint64_t *first = base_arena_alloc_array(arena, count + (size_t)2, sizeof *first);
    int64_t *times = base_arena_alloc_array(arena, count + (size_t)1, sizeof *times);
    uint16_t *events = base_arena_alloc_array(arena, count + (size_t)1, sizeof *events);
    uint8_t *is_any = base_arena_alloc(arena, count + (size_t)1);
    TableColumn *columns = base_arena_alloc_array(arena, COLUMNS, sizeof *columns);
    size_t customers = 0;
    for (uint32_t i = 0; i < count; i++) {
        const Event *event = &world->events[rows[i]];
        if (i == 0 || world->events[rows[i - 1]].customer != event->customer) {
            first[customers] = i;
            ids[customers++] = world->ids[event->customer];
        }
        times[i] = event->time_us;
        events[i] = world->is_known[event->type] ? (uint16_t)event->type : TABLE_EVENT_UNKNOWN;
        is_any[i] = event->is_any;
    }
    first[customers] = count;
    for (int c = 0; c < COLUMNS; c++) {
        void *values = base_arena_alloc_array(arena, count + (size_t)1,
                                              data_table_value_size(column_types[c]));
        uint8_t *valid = base_arena_alloc(arena, count + (size_t)1);
        for (uint32_t i = 0; i < count; i++) {
            Value value = world->events[rows[i]].values[c];
            valid[i] = !value.is_null;
            if (!value.is_null)
                data_table_put(values, i, value);
        }
        columns[c] = (TableColumn){column_types[c], values, valid};
    }
    return (EventTable){customers, ids, first, count, times, events, is_any, columns, COLUMNS};
}

static void note_held(World *world, Event *event) {
    event->is_unknown = !world->is_known[event->type];
    for (int c = 0; c < COLUMNS; c++)
        event->is_held[c] = world->is_wanted[event->type][c];
}

static Index *build_first(World *world, uint32_t count, Str directory) {
    IndexColumn wanted[TYPES * COLUMNS];
    size_t wanted_count = 0;
    for (int t = 0; t < TYPES; t++) {
        for (int c = 0; c < COLUMNS; c++) {
            if (world->is_wanted[t][c])
                wanted[wanted_count++] =
                    (IndexColumn){world->types[t], world->columns[c], column_types[c]};
        }
    }
    IndexBuild build = {.directory = directory,
                        .partition_count = world->partition_count,
                        .events = world->types,
                        .event_count = TYPES_KNOWN,
                        .columns = world->columns,
                        .types = column_types,
                        .column_count = COLUMNS,
                        .wanted = wanted,
                        .wanted_count = wanted_count};
    IndexBuilder *builder = NULL;
    KretsError error = {0};
    assert_int_equal(index_build_begin(&build, &builder, &error), 0);
    for (uint32_t p = 0; p < world->partition_count; p++) {
        uint32_t *rows = base_arena_alloc_array(world->arena, count + (size_t)1, sizeof *rows);
        uint32_t row_count = 0;
        for (uint32_t i = 0; i < count; i++) {
            if (world->events[i].customer % world->partition_count == p)
                rows[row_count++] = i;
        }
        sorted_world = world;
        qsort(rows, row_count, sizeof *rows, compare_events);
        EventTable table = make_table(world, rows, row_count);
        assert_int_equal(index_build_add(builder, p, &table, &error), 0);
    }
    for (uint32_t i = 0; i < count; i++)
        note_held(world, &world->events[i]);
    Index *index = NULL;
    assert_int_equal(index_build_end(builder, &index, &error), 0);
    return index;
}

// --- the tail ---

static void append(World *world, IndexTail *tail, uint32_t begin, uint32_t end) {
    KretsError error = {0};
    for (uint32_t i = begin; i < end; i++) {
        Event *event = &world->events[i];
        IndexValue values[COLUMNS];
        size_t count = 0;
        bool is_new = !world->is_known[event->type];
        world->has_type[event->type] |= is_new;
        for (int c = 0; c < COLUMNS; c++) {
            event->is_held[c] = is_new || world->is_wanted[event->type][c];
            if (event->values[c].is_null && below(world, 2) != 0)
                continue;
            world->has_column[event->type][c] |= is_new;
            values[count++] = (IndexValue){world->columns[c], event->values[c]};
        }
        event->is_unknown = false;
        IndexEvent appended = {world->ids[event->customer],
                               world->types[event->type],
                               event->is_any,
                               event->time_us,
                               values,
                               count};
        assert_int_equal(index_tail_append(tail, &appended, 1, &error), 0);
    }
}

// What the tail brought is part of the index now.
static void note_fold(World *world) {
    for (int t = 0; t < TYPES; t++) {
        world->is_known[t] |= world->has_type[t];
        for (int c = 0; c < COLUMNS; c++)
            world->is_wanted[t][c] |= world->has_column[t][c];
        world->has_type[t] = false;
        memset(world->has_column[t], 0, sizeof world->has_column[t]);
    }
}

// --- what a customer should read as ---

// Which streams and columns are asked for.
typedef struct Asked {
    bool types[TYPES + 1][2], columns[COLUMNS];
} Asked;

static void print_value(Text *out, const char *name, Value value) {
    base_text_printf(out, " %s:%s=", name, data_value_type_name(value.type));
    if (value.type == VALUE_NUMBER) {
        uint64_t bits;
        memcpy(&bits, &value.number, sizeof bits);
        base_text_printf(out, "%llx", (unsigned long long)bits);
    } else if (value.type == VALUE_TEXT) {
        base_text_printf(out, "%.*s", STR_ARG(value.text));
    } else if (value.type == VALUE_LIST) {
        for (size_t i = 0; i < value.list.count; i++)
            base_text_printf(out, "%.*s,", STR_ARG(value.list.items[i]));
    } else {
        int64_t integer = value.type == VALUE_BOOLEAN ? value.boolean
                          : value.type == VALUE_DATE  ? value.date
                                                      : value.integer;
        base_text_printf(out, "%lld", (long long)integer);
    }
}

static void expect_customer(World *world, const uint32_t *rows, uint32_t count, const Asked *asked,
                            Text *out) {
    int64_t first_us = INT64_MAX, first_any_us = INT64_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const Event *event = &world->events[rows[i]];
        first_us = event->time_us < first_us ? event->time_us : first_us;
        if (event->is_any && event->time_us < first_any_us)
            first_any_us = event->time_us;
    }
    base_text_printf(out, "%lld %lld\n", (long long)first_us, (long long)first_any_us);
    for (uint32_t i = 0; i < count; i++) {
        const Event *event = &world->events[rows[i]];
        int type = event->is_unknown ? TYPES : event->type;
        if (!asked->types[type][event->is_any] || (event->is_unknown && !event->is_any))
            continue;
        base_text_printf(out, "%lld %s %d", (long long)event->time_us,
                         event->is_unknown ? "" : world->types[type].data, event->is_any);
        for (int c = 0; c < COLUMNS; c++) {
            if (asked->columns[c] && !event->is_unknown && event->is_held[c] &&
                !event->values[c].is_null)
                print_value(out, column_names[c], event->values[c]);
        }
        base_text_append_char(out, '\n');
    }
}

// --- what a block says ---

typedef struct Line {
    int64_t time_us;
    uint64_t order;
    uint32_t stream, row;
} Line;

static int compare_lines(const void *a, const void *b) {
    const Line *x = a, *y = b;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static Value read_value(const BlockSource *source, const Block *block, const BlockColumn *column,
                        size_t row, Str *items) {
    const BlockCoding *coding = column->coding;
    Value value = data_value_null(coding->type);
    assert_true(coding->id < source->coding_count);
    uint64_t code = data_block_code(coding, column->codes, row);
    assert_true(code != 0 || coding->has_null);
    if (code == 0)
        return value;
    value.is_null = false;
    assert_true(coding->kind == BLOCK_CODE_DOUBLE || code < coding->code_count);
    switch (coding->kind) {
    case BLOCK_CODE_LINEAR:
    case BLOCK_CODE_WHOLE:
        value.integer = coding->kind == BLOCK_CODE_WHOLE ? coding->integers[code]
                                                         : data_block_linear(coding, code);
        if (value.type == VALUE_BOOLEAN)
            value.boolean = value.integer != 0;
        else if (value.type == VALUE_DATE)
            value.date = (int32_t)value.integer;
        break;
    case BLOCK_CODE_NUMBER:
        value.number = coding->numbers[code];
        break;
    case BLOCK_CODE_DOUBLE:
        code ^= BLOCK_DOUBLE_NULL;
        memcpy(&value.number, &code, sizeof code);
        break;
    case BLOCK_CODE_TEXT:
        assert_true(coding->texts[code] < source->text_count(source->context, block->partition));
        value.text = source->text(source->context, block->partition, coding->texts[code]);
        break;
    case BLOCK_CODE_LIST:
        value.list.items = items;
        for (uint64_t i = coding->first_item[code]; i < coding->first_item[code + 1]; i++)
            items[value.list.count++] =
                source->text(source->context, block->partition, coding->items[i]);
        break;
    }
    return value;
}

static void print_row(const BlockSource *source, const Block *block, uint32_t stream, size_t row,
                      Text *out) {
    const BlockStreamInfo *info = &source->streams[stream];
    base_text_printf(out, "%lld %.*s %d",
                     (long long)data_block_time(block->time, &block->streams[stream], row),
                     STR_ARG(info->event), info->is_any);
    for (int c = 0; c < COLUMNS; c++) {
        for (uint32_t i = 0; i < info->column_count; i++) {
            const BlockColumn *column = &block->streams[stream].columns[i];
            if (column->coding == NULL || info->columns[i].type != column_types[c] ||
                !base_str_equal(info->columns[i].column, base_str_from(column_names[c])))
                continue;
            Str items[8];
            assert_int_equal(column->coding->type, column_types[c]);
            Value value = read_value(source, block, column, row, items);
            if (!value.is_null)
                print_value(out, column_names[c], value);
        }
    }
    base_text_append_char(out, '\n');
}

static void read_lane(const BlockSource *source, const Block *block, uint32_t lane, Text *out) {
    size_t total = 0, count = 0;
    for (uint32_t s = 0; s < source->stream_count; s++)
        total += block->streams[s].count;
    Line *lines = calloc(total + 1, sizeof *lines);
    assert_non_null(lines);
    for (uint32_t s = 0; s < source->stream_count; s++) {
        const BlockStream *stream = &block->streams[s];
        int64_t before_us = INT64_MIN;
        for (uint32_t row = 0; row < stream->count; row++) {
            int64_t us = data_block_time(block->time, stream, row);
            assert_true(us >= before_us && stream->customer[row] < block->customer_count);
            before_us = us;
            if (stream->customer[row] == lane)
                lines[count++] =
                    (Line){us, (uint64_t)data_block_tie(stream, row) << 32 | row, s, row};
        }
    }
    qsort(lines, count, sizeof *lines, compare_lines);
    base_text_printf(out, "%lld %lld\n", (long long)block->first_us[lane],
                     (long long)block->first_any_us[lane]);
    for (size_t i = 0; i < count; i++)
        print_row(source, block, lines[i].stream, lines[i].row, out);
    free(lines);
}

// --- comparing ---

static BlockNeeds needs_of(const World *world, const BlockSource *source, const Asked *asked,
                           Arena *arena) {
    uint8_t *streams = base_arena_alloc(arena, source->stream_count + (size_t)1);
    const uint8_t **columns =
        base_arena_alloc_array(arena, source->stream_count + (size_t)1, sizeof *columns);
    for (uint32_t s = 0; s < source->stream_count; s++) {
        const BlockStreamInfo *info = &source->streams[s];
        int type = 0;
        while (type < TYPES && !base_str_equal(info->event, world->types[type]))
            type++;
        streams[s] = asked->types[type][info->is_any];
        uint8_t *wanted = base_arena_alloc(arena, info->column_count + (size_t)1);
        for (uint32_t i = 0; i < info->column_count; i++) {
            for (int c = 0; c < COLUMNS; c++)
                wanted[i] |= asked->columns[c] && info->columns[i].type == column_types[c] &&
                             base_str_equal(info->columns[i].column, world->columns[c]);
        }
        columns[s] = wanted;
    }
    return (BlockNeeds){streams, columns};
}

typedef struct Rows {
    uint32_t *of[600], count[600];
} Rows;

static void collect(World *world, uint32_t end, Arena *arena, Rows *rows) {
    memset(rows, 0, sizeof *rows);
    for (uint32_t i = 0; i < end; i++)
        rows->count[world->events[i].customer]++;
    for (uint32_t c = 0; c < world->customer_count; c++) {
        rows->of[c] = base_arena_alloc_array(arena, rows->count[c] + (size_t)1, sizeof(uint32_t));
        rows->count[c] = 0;
    }
    for (uint32_t i = 0; i < end; i++) {
        uint32_t c = world->events[i].customer, at = rows->count[c]++;
        for (; at > 0 && world->events[rows->of[c][at - 1]].time_us > world->events[i].time_us;
             at--)
            rows->of[c][at] = rows->of[c][at - 1];
        rows->of[c][at] = i;
    }
}

static void compare_lane(World *world, const Rows *rows, const BlockSource *source,
                         const Block *block, uint32_t lane, const Asked *asked) {
    BASE_TEXT_SCOPED expected = {0};
    BASE_TEXT_SCOPED got = {0};
    Str id = source->customer_id(source->context, block->first_ordinal + lane);
    uint32_t customer = 0;
    while (customer < world->customer_count && !base_str_equal(world->ids[customer], id))
        customer++;
    assert_true(customer < world->customer_count);
    expect_customer(world, rows->of[customer], rows->count[customer], asked, &expected);
    read_lane(source, block, lane, &got);
    if (strcmp(expected.data, got.data) != 0)
        fail_msg("customer %.*s: expected\n%sgot\n%s", STR_ARG(id), expected.data, got.data);
}

static void compare_all(World *world, uint32_t end, const BlockSource *source, const Asked *asked) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    KretsError error = {0};
    Rows *rows = base_arena_alloc(arena, sizeof *rows);
    collect(world, end, arena, rows);
    BlockNeeds needs = needs_of(world, source, asked, arena);
    BlockScratch *scratch = source->scratch_new(source->context);
    Block block;
    uint32_t next = 0, partition = 0;
    bool is_short = false;
    for (uint32_t b = 0; b < source->block_count; b++) {
        assert_int_equal(source->block(source->context, scratch, b, &needs, &block, &error), 0);
        assert_true(block.first_ordinal == next && block.number == b);
        assert_true(block.partition >= partition && block.partition < source->partition_count);
        assert_true(!is_short || block.partition > partition);
        partition = block.partition;
        is_short = block.customer_count < BLOCK_CUSTOMER_MAX;
        next += block.customer_count;
        for (uint32_t lane = 0; lane < block.customer_count; lane += 1 + lane / 20)
            compare_lane(world, rows, source, &block, lane, asked);
    }
    assert_int_equal(next, source->customer_count);
    for (uint32_t i = 0; i < next; i += 1 + i / 10) {
        assert_int_equal(source->customer(source->context, scratch, i, &needs, &block, &error), 0);
        assert_true(block.first_ordinal == i && block.customer_count == 1);
        compare_lane(world, rows, source, &block, 0, asked);
    }
    source->scratch_free(scratch);
}

static void compare_texts(const BlockSource *source) {
    for (uint32_t p = 0; p < source->partition_count; p++) {
        BASE_MAP_SCOPED numbers = base_map_new();
        for (uint32_t i = 0; i < source->text_count(source->context, p); i++)
            assert_true(base_map_put(numbers, source->text(source->context, p, i), i));
    }
}

static Asked ask(World *world, bool is_all) {
    Asked asked;
    for (int t = 0; t <= TYPES; t++) {
        asked.types[t][0] = is_all || below(world, 2) != 0;
        asked.types[t][1] = is_all || below(world, 2) != 0;
    }
    for (int c = 0; c < COLUMNS; c++)
        asked.columns[c] = is_all || below(world, 2) != 0;
    return asked;
}

// --- lives of a world ---

typedef struct Taken {
    IndexSnapshot *snapshot;
    uint32_t end;
} Taken;

// Who has been given which ordinal must keep it.
static void compare_ordinals(World *world, const IndexSnapshot *snapshot, Map *ordinals,
                             uint32_t end) {
    uint32_t found, seen = 0;
    for (uint32_t c = 0; c < world->customer_count; c++) {
        uint64_t before;
        if (!index_snapshot_find(snapshot, world->ids[c], &found))
            continue;
        seen++;
        const BlockSource *source = index_snapshot_source(snapshot);
        assert_true(found < source->customer_count);
        assert_true(base_str_equal(source->customer_id(source->context, found), world->ids[c]));
        if (base_map_get(ordinals, world->ids[c], &before))
            assert_int_equal(before, found);
        (void)base_map_put(ordinals, world->ids[c], found);
    }
    bool *is_there = calloc(world->customer_count, 1);
    uint32_t count = 0;
    for (uint32_t i = 0; i < end; i++) {
        count += !is_there[world->events[i].customer];
        is_there[world->events[i].customer] = true;
    }
    free(is_there);
    assert_int_equal(seen, count);
    assert_int_equal(seen, index_snapshot_source(snapshot)->customer_count);
    assert_false(index_snapshot_find(snapshot, STR("nobody"), &found));
}

static void check_sorted(const Index *index) {
    const uint32_t *sorted = index_customers_sorted(index);
    uint32_t found;
    for (uint32_t i = 0; i < index_source(index)->customer_count; i++) {
        Str id = index_customer_id(index, sorted[i]);
        assert_true(i == 0 || base_str_compare(index_customer_id(index, sorted[i - 1]), id) < 0);
        assert_true(index_customer_find(index, id, &found) && found == sorted[i]);
    }
}

static uint32_t remove_folder(const char *path) {
    BASE_TEXT_SCOPED command = {0};
    base_text_printf(&command, "rm -rf '%s'", path);
    return (uint32_t)system(command.data);
}

static void live(uint64_t seed) {
    World world;
    make_world(&world, seed, seed % 5 == 0 ? 600 : 30, seed % 5 == 0 ? 3000 : 400);
    char folder[] = "/tmp/krets-tail-XXXXXX";
    bool has_files = seed % 3 == 0;
    assert_non_null(mkdtemp(folder));
    BASE_MAP_SCOPED ordinals = base_map_new();
    Taken taken[SNAPSHOTS];
    uint32_t taken_count = 0, at = (uint32_t)below(&world, world.event_count + 1);
    Asked all = ask(&world, true);
    Index *index = build_first(&world, at, has_files ? base_str_from(folder) : STR(""));
    IndexTail *tail = index_tail_new(index);
    for (uint32_t round = 0; round < SNAPSHOTS; round++) {
        bool is_last = round + 1 == SNAPSHOTS;
        uint32_t left = world.event_count - at;
        uint32_t end = is_last ? world.event_count : at + (uint32_t)below(&world, left + 1);
        append(&world, tail, at, end);
        at = end;
        IndexSnapshot *snapshot = index_snapshot_new(tail);
        taken[taken_count++] = (Taken){snapshot, at};
        compare_ordinals(&world, snapshot, ordinals, at);
        if (below(&world, 2) == 0) // else it is first read after more was appended
            compare_all(&world, at, index_snapshot_source(snapshot), &all);
        if (below(&world, 3) == 0) {
            Index *folded = NULL;
            KretsError error = {0};
            assert_int_equal(index_fold(snapshot, STR("folded"), &folded, &error), 0);
            index_close(index);
            index_tail_free(tail);
            index = folded;
            note_fold(&world);
            check_sorted(index);
            compare_all(&world, at, index_source(index), &all);
            tail = index_tail_new(index);
        }
    }
    for (uint32_t i = 0; i < taken_count; i++) {
        const BlockSource *source = index_snapshot_source(taken[i].snapshot);
        Asked some = ask(&world, false);
        compare_all(&world, taken[i].end, source, &some);
        compare_all(&world, taken[i].end, source, &all);
        compare_texts(source);
    }
    if (has_files) {
        INDEX_SCOPED opened = NULL;
        KretsError error = {0};
        assert_int_equal(index_open(base_str_from(folder), STR(""), true, &opened, NULL, &error),
                         0);
        assert_int_equal(index_source(opened)->customer_count, index_source(index)->customer_count);
    }
    index_tail_free(tail);
    index_close(index);
    for (uint32_t i = 0; i < taken_count; i++)
        index_snapshot_free(taken[i].snapshot);
    remove_folder(folder);
    base_arena_free(world.arena);
}

static uint64_t seed_at_hand;

static void snapshots_read_as_the_events_say(void **state) {
    (void)state;
    const char *wanted = getenv("KRETS_SEED"), *batches = getenv("KRETS_BATCHES");
    uint64_t first = wanted == NULL ? 1 : strtoull(wanted, NULL, 10);
    uint64_t count = batches != NULL ? strtoull(batches, NULL, 10) : wanted == NULL ? BATCHES : 1;
    for (seed_at_hand = first; seed_at_hand < first + count; seed_at_hand++)
        live(seed_at_hand);
}

// --- readers beside an appender and a fold ---

// What a snapshot says of everybody, as one text.
static void read_all(const BlockSource *source, const BlockNeeds *needs, Text *out) {
    KretsError error = {0};
    BlockScratch *scratch = source->scratch_new(source->context);
    for (uint32_t b = 0; b < source->block_count; b++) {
        Block block;
        assert_int_equal(source->block(source->context, scratch, b, needs, &block, &error), 0);
        for (uint32_t lane = 0; lane < block.customer_count; lane += 7) {
            Str id = source->customer_id(source->context, block.first_ordinal + lane);
            base_text_append(out, id);
            read_lane(source, &block, lane, out);
        }
    }
    source->scratch_free(scratch);
}

typedef struct Shared {
    World world;
    _Atomic(IndexSnapshot *) newest;
    atomic_bool is_done;
    atomic_uint reads, failures;
} Shared;

static void *read_newest(void *context) {
    Shared *shared = context;
    Asked asked;
    memset(&asked, 1, sizeof asked);
    do {
        IndexSnapshot *snapshot = atomic_load(&shared->newest);
        const BlockSource *source = index_snapshot_source(snapshot);
        BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
        BlockNeeds needs = needs_of(&shared->world, source, &asked, arena);
        BASE_TEXT_SCOPED first = {0};
        BASE_TEXT_SCOPED again = {0};
        read_all(source, &needs, &first);
        read_all(source, &needs, &again);
        uint32_t found;
        bool is_fine = strcmp(first.data, again.data) == 0;
        for (uint32_t c = 0; c < shared->world.customer_count; c += 3) {
            if (index_snapshot_find(snapshot, shared->world.ids[c], &found))
                is_fine &= found < source->customer_count;
        }
        atomic_fetch_add(&shared->failures, !is_fine);
        atomic_fetch_add(&shared->reads, 1);
    } while (!atomic_load(&shared->is_done));
    return NULL;
}

static void *fold_newest(void *context) {
    Shared *shared = context;
    Index *folded = NULL;
    KretsError error = {0};
    IndexSnapshot *snapshot = atomic_load(&shared->newest);
    if (index_fold(snapshot, STR(""), &folded, &error) < 0 ||
        index_source(folded)->customer_count != index_snapshot_source(snapshot)->customer_count)
        atomic_fetch_add(&shared->failures, 1);
    index_close(folded);
    return NULL;
}

static void readers_and_a_fold_go_on_beside_appending(void **state) {
    (void)state;
    enum { READERS = 2, TAKEN = 12 };
    Shared *shared = calloc(1, sizeof *shared);
    IndexSnapshot *taken[TAKEN];
    uint32_t ends[TAKEN];
    assert_non_null(shared);
    World *world = &shared->world;
    make_world(world, 77, 600, 1);
    world->customer_count = 500;
    world->event_count = 6000;
    for (uint32_t i = 0; i < world->customer_count; i++)
        world->ids[i] = base_arena_printf(world->arena, "customer %u", i);
    world->events = base_arena_alloc_array(world->arena, world->event_count, sizeof(Event));
    for (uint32_t i = 0; i < world->event_count; i++)
        random_event(world, &world->events[i]);
    uint32_t at = world->event_count / 20, step = (world->event_count - at) / TAKEN;
    Index *index = build_first(world, at, STR(""));
    IndexTail *tail = index_tail_new(index);
    pthread_t readers[READERS], folder;
    for (int i = 0; i < TAKEN; i++) {
        append(world, tail, at, at + step);
        at += step;
        ends[i] = at;
        taken[i] = index_snapshot_new(tail);
        atomic_store(&shared->newest, taken[i]);
        for (int k = 0; i == 0 && k < READERS; k++)
            assert_int_equal(pthread_create(&readers[k], NULL, read_newest, shared), 0);
        if (i == TAKEN / 2)
            assert_int_equal(pthread_create(&folder, NULL, fold_newest, shared), 0);
        // Readers are to meet an appender at work, however fast it is.
        unsigned reads = atomic_load(&shared->reads);
        for (int waits = 0; waits < 1000 && atomic_load(&shared->reads) == reads; waits++)
            usleep(1000);
    }
    atomic_store(&shared->is_done, true);
    for (int k = 0; k < READERS; k++)
        pthread_join(readers[k], NULL);
    pthread_join(folder, NULL);
    assert_int_equal(atomic_load(&shared->failures), 0);
    assert_true(atomic_load(&shared->reads) > 0);
    index_tail_free(tail);
    index_close(index);
    Asked all = ask(world, true);
    for (int i = 0; i < TAKEN; i++) {
        compare_all(world, ends[i], index_snapshot_source(taken[i]), &all);
        index_snapshot_free(taken[i]);
    }
    base_arena_free(world->arena);
    free(shared);
}

// --- refusals ---

static void a_time_outside_of_the_calendar_is_refused(void **state) {
    (void)state;
    World world;
    make_world(&world, 5, 10, 50);
    Index *index = build_first(&world, world.event_count, STR(""));
    IndexTail *tail = index_tail_new(index);
    IndexEvent events[] = {
        {.customer = STR("a"), .event = STR("type 1"), .is_any = true, .time_us = 5},
        {.customer = STR("b"), .event = STR("type 1"), .time_us = CALENDAR_TIME_MAX + 1},
    };
    KretsError error = {0};
    assert_int_equal(index_tail_append(tail, events, 2, &error), BASE_E_STORE);
    assert_non_null(strstr(error.text, "customer \"b\""));
    assert_int_equal(index_tail_event_count(tail), 0);
    IndexSnapshot *snapshot = index_snapshot_new(tail);
    uint32_t found;
    assert_false(index_snapshot_find(snapshot, STR("a"), &found));
    index_snapshot_free(snapshot);
    size_t before = index_tail_bytes(tail);
    assert_int_equal(index_tail_append(tail, events, 1, &error), 0);
    assert_true(index_tail_bytes(tail) > before);
    index_tail_free(tail);
    index_close(index);
    base_arena_free(world.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshots_read_as_the_events_say),
        cmocka_unit_test(readers_and_a_fold_go_on_beside_appending),
        cmocka_unit_test(a_time_outside_of_the_calendar_is_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed != 0)
        fprintf(stderr, "KRETS_SEED=%llu\n", (unsigned long long)seed_at_hand);
    return failed;
}
