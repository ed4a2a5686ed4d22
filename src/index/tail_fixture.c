#include "index/tail_fixture.h"

// cmocka wants these first
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"

enum { PARTITIONS_MAX = 3 };

static const ValueType column_types[TAIL_WORLD_COLUMNS] = {
    VALUE_BOOLEAN, VALUE_INTEGER, VALUE_DECIMAL, VALUE_NUMBER, VALUE_TEXT,
    VALUE_TIME,    VALUE_DATE,    VALUE_LIST,    VALUE_TEXT,
};
static const char *const column_names[TAIL_WORLD_COLUMNS] = {
    "flag", "count", "price", "rate", "colour", "when", "day", "tags", "count"};

uint64_t tail_world_below(TailWorld *world, uint64_t count) {
    return index_fixture_random(&world->state) % count;
}

// --- random events ---

static int64_t random_integer(TailWorld *world, int style) {
    static const int64_t extremes[] = {INT64_MIN, INT64_MAX, 0, -1, INT64_MIN + 1, INT64_MAX - 1};
    switch (style) {
    case 0:
        return (int64_t)tail_world_below(world, 100);
    case 1:
        return (int64_t)tail_world_below(world, 3000) * 250 - 1000;
    case 2:
        return tail_world_below(world, 40) == 0 ? (int64_t)tail_world_below(world, 1000000)
                                                : 7 * (int64_t)tail_world_below(world, 9);
    case 3:
        return extremes[tail_world_below(world, 6)];
    default:
        return tail_world_below(world, 50) == 0 ? extremes[tail_world_below(world, 6)]
                                                : (int64_t)tail_world_below(world, 1 << 20);
    }
}

static Str random_text(TailWorld *world) {
    uint64_t number = tail_world_below(world, 60);
    number = number < 40 ? number % 5 : number;
    if (number == 0)
        return (Str){NULL, 0};
    return base_arena_printf(world->arena, "text %llu", (unsigned long long)number);
}

static Value random_value(TailWorld *world, int column) {
    Value value = {.type = column_types[column]};
    int style = world->style[column];
    switch (value.type) {
    case VALUE_BOOLEAN:
        value.boolean = tail_world_below(world, 2) != 0;
        break;
    case VALUE_NUMBER:
        value.number = style % 2 == 0 ? (double)tail_world_below(world, 50) / 4
                                      : (double)(int64_t)index_fixture_random(&world->state) / 3;
        if (tail_world_below(world, 20) == 0)
            value.number = -0.0;
        break;
    case VALUE_TEXT:
        value.text = random_text(world);
        break;
    case VALUE_DATE:
        value.date = (int32_t)tail_world_below(world, 30000) - 4000;
        break;
    case VALUE_LIST: {
        size_t count = tail_world_below(world, 4);
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

static int64_t random_time(TailWorld *world) {
    if (tail_world_below(world, 15) == 0)
        return CALENDAR_TIME_MIN;
    if (tail_world_below(world, 40) == 0)
        return CALENDAR_TIME_MIN + 1 +
               (int64_t)tail_world_below(world, (uint64_t)CALENDAR_TIME_MAX);
    return INT64_C(1700000000000000) + (int64_t)tail_world_below(world, 40) * world->unit_us +
           (tail_world_below(world, 8) == 0 ? (int64_t)tail_world_below(world, 1000) : 0);
}

void tail_world_event(TailWorld *world, WorldEvent *event) {
    event->customer = (uint32_t)tail_world_below(world, world->customer_count);
    event->type = (int)tail_world_below(world, TAIL_WORLD_TYPES);
    event->is_any =
        tail_world_below(world, 10) == 0 ? tail_world_below(world, 2) != 0 : event->type % 3 != 0;
    event->time_us = random_time(world);
    for (int c = 0; c < TAIL_WORLD_COLUMNS; c++) {
        event->values[c] = data_value_null(column_types[c]);
        if (tail_world_below(world, 3) != 0)
            event->values[c] = random_value(world, c);
    }
}

void tail_world_make(TailWorld *world, uint64_t seed, uint32_t customers_max, uint32_t events_max) {
    static const int64_t units[] = {1, 1000, 1000000, INT64_C(3600000000), INT64_C(123456789012)};
    *world = (TailWorld){.arena = base_arena_new(SIZE_MAX), .state = seed};
    world->customer_count = 1 + (uint32_t)tail_world_below(world, customers_max);
    world->event_count = 1 + (uint32_t)tail_world_below(world, events_max);
    world->partition_count = 1 + (uint32_t)tail_world_below(world, PARTITIONS_MAX);
    world->unit_us = units[tail_world_below(world, 5)];
    for (uint32_t i = 0; i < world->customer_count; i++)
        world->ids[i] = base_arena_printf(world->arena, "c%u %u", i * 7919 % 1000, i);
    for (int c = 0; c < TAIL_WORLD_COLUMNS; c++) {
        world->columns[c] = base_str_from(column_names[c]);
        world->style[c] = (int)tail_world_below(world, 5);
    }
    for (int t = 0; t < TAIL_WORLD_TYPES; t++) {
        world->types[t] = base_arena_printf(world->arena, "type %d", t);
        world->is_known[t] = t < TAIL_WORLD_TYPES_KNOWN;
        for (int c = 0; c < TAIL_WORLD_COLUMNS; c++)
            world->is_wanted[t][c] = t < TAIL_WORLD_TYPES_KNOWN && tail_world_below(world, 4) != 0;
    }
    world->events =
        base_arena_alloc_array(world->arena, world->event_count + (size_t)1, sizeof(WorldEvent));
    for (uint32_t i = 0; i < world->event_count; i++)
        tail_world_event(world, &world->events[i]);
}

// --- the first index ---

static TailWorld *sorted_world;

static int compare_events(const void *a, const void *b) {
    const WorldEvent *x = &sorted_world->events[*(const uint32_t *)a];
    const WorldEvent *y = &sorted_world->events[*(const uint32_t *)b];
    int order = base_str_compare(sorted_world->ids[x->customer], sorted_world->ids[y->customer]);
    if (order != 0)
        return order;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    return x < y ? -1 : x > y;
}

static EventTable make_table(TailWorld *world, const uint32_t *rows, uint32_t count) {
    Arena *arena = world->arena;
    Str *ids = base_arena_alloc_array(arena, count + (size_t)1, sizeof *ids);
    uint64_t *first = base_arena_alloc_array(arena, count + (size_t)2, sizeof *first);
    int64_t *times = base_arena_alloc_array(arena, count + (size_t)1, sizeof *times);
    uint16_t *events = base_arena_alloc_array(arena, count + (size_t)1, sizeof *events);
    uint8_t *is_any = base_arena_alloc(arena, count + (size_t)1);
    TableColumn *columns = base_arena_alloc_array(arena, TAIL_WORLD_COLUMNS, sizeof *columns);
    size_t customers = 0;
    for (uint32_t i = 0; i < count; i++) {
        const WorldEvent *event = &world->events[rows[i]];
        if (i == 0 || world->events[rows[i - 1]].customer != event->customer) {
            first[customers] = i;
            ids[customers++] = world->ids[event->customer];
        }
        times[i] = event->time_us;
        events[i] = world->is_known[event->type] ? (uint16_t)event->type : TABLE_EVENT_UNKNOWN;
        is_any[i] = event->is_any;
    }
    first[customers] = count;
    for (int c = 0; c < TAIL_WORLD_COLUMNS; c++) {
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
    return (EventTable){customers,         ids, first, count, times, events, is_any, columns,
                        TAIL_WORLD_COLUMNS};
}

static void note_held(TailWorld *world, WorldEvent *event) {
    event->is_unknown = !world->is_known[event->type];
    for (int c = 0; c < TAIL_WORLD_COLUMNS; c++)
        event->is_held[c] = world->is_wanted[event->type][c];
}

Index *tail_world_build(TailWorld *world, uint32_t count, Str directory) {
    IndexColumn wanted[TAIL_WORLD_TYPES * TAIL_WORLD_COLUMNS];
    size_t wanted_count = 0;
    for (int t = 0; t < TAIL_WORLD_TYPES; t++) {
        for (int c = 0; c < TAIL_WORLD_COLUMNS; c++) {
            if (world->is_wanted[t][c])
                wanted[wanted_count++] =
                    (IndexColumn){world->types[t], world->columns[c], column_types[c]};
        }
    }
    IndexBuild build = {.directory = directory,
                        .partition_count = world->partition_count,
                        .events = world->types,
                        .event_count = TAIL_WORLD_TYPES_KNOWN,
                        .columns = world->columns,
                        .types = column_types,
                        .column_count = TAIL_WORLD_COLUMNS,
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

// Events that the tail took before a fold and has again after it.
void tail_world_note_again(TailWorld *world, uint32_t begin, uint32_t end) {
    for (uint32_t i = begin; i < end; i++) {
        WorldEvent *event = &world->events[i];
        bool is_new = !world->is_known[event->type];
        world->has_type[event->type] |= is_new;
        for (int c = 0; c < TAIL_WORLD_COLUMNS; c++) {
            event->is_held[c] = is_new || world->is_wanted[event->type][c];
            world->has_column[event->type][c] |= is_new && !event->values[c].is_null;
        }
    }
}

void tail_world_append(TailWorld *world, IndexTail *tail, uint32_t begin, uint32_t end) {
    KretsError error = {0};
    for (uint32_t i = begin; i < end; i++) {
        WorldEvent *event = &world->events[i];
        IndexValue values[TAIL_WORLD_COLUMNS];
        size_t count = 0;
        bool is_new = !world->is_known[event->type];
        world->has_type[event->type] |= is_new;
        for (int c = 0; c < TAIL_WORLD_COLUMNS; c++) {
            event->is_held[c] = is_new || world->is_wanted[event->type][c];
            if (event->values[c].is_null && tail_world_below(world, 2) != 0)
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
void tail_world_note_fold(TailWorld *world) {
    for (int t = 0; t < TAIL_WORLD_TYPES; t++) {
        world->is_known[t] |= world->has_type[t];
        for (int c = 0; c < TAIL_WORLD_COLUMNS; c++)
            world->is_wanted[t][c] |= world->has_column[t][c];
        world->has_type[t] = false;
        memset(world->has_column[t], 0, sizeof world->has_column[t]);
    }
}

// --- what a customer should read as ---

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

static void expect_customer(TailWorld *world, const uint32_t *rows, uint32_t count,
                            const TailAsked *asked, Text *out) {
    int64_t first_us = INT64_MAX, first_any_us = INT64_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const WorldEvent *event = &world->events[rows[i]];
        first_us = event->time_us < first_us ? event->time_us : first_us;
        if (event->is_any && event->time_us < first_any_us)
            first_any_us = event->time_us;
    }
    base_text_printf(out, "%lld %lld\n", (long long)first_us, (long long)first_any_us);
    for (uint32_t i = 0; i < count; i++) {
        const WorldEvent *event = &world->events[rows[i]];
        int type = event->is_unknown ? TAIL_WORLD_TYPES : event->type;
        if (!asked->types[type][event->is_any] || (event->is_unknown && !event->is_any))
            continue;
        base_text_printf(out, "%lld %s %d", (long long)event->time_us,
                         event->is_unknown ? "" : world->types[type].data, event->is_any);
        for (int c = 0; c < TAIL_WORLD_COLUMNS; c++) {
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
    for (int c = 0; c < TAIL_WORLD_COLUMNS; c++) {
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

void tail_world_read(const BlockSource *source, const Block *block, uint32_t lane, Text *out) {
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

BlockNeeds tail_world_needs(const TailWorld *world, const BlockSource *source,
                            const TailAsked *asked, Arena *arena) {
    uint8_t *streams = base_arena_alloc(arena, source->stream_count + (size_t)1);
    const uint8_t **columns =
        base_arena_alloc_array(arena, source->stream_count + (size_t)1, sizeof *columns);
    for (uint32_t s = 0; s < source->stream_count; s++) {
        const BlockStreamInfo *info = &source->streams[s];
        int type = 0;
        while (type < TAIL_WORLD_TYPES && !base_str_equal(info->event, world->types[type]))
            type++;
        streams[s] = asked->types[type][info->is_any];
        uint8_t *wanted = base_arena_alloc(arena, info->column_count + (size_t)1);
        for (uint32_t i = 0; i < info->column_count; i++) {
            for (int c = 0; c < TAIL_WORLD_COLUMNS; c++)
                wanted[i] |= asked->columns[c] && info->columns[i].type == column_types[c] &&
                             base_str_equal(info->columns[i].column, world->columns[c]);
        }
        columns[s] = wanted;
    }
    return (BlockNeeds){streams, columns};
}

typedef struct Rows {
    uint32_t *of[TAIL_WORLD_CUSTOMERS_MAX], count[TAIL_WORLD_CUSTOMERS_MAX];
} Rows;

static void collect(TailWorld *world, uint32_t end, Arena *arena, Rows *rows) {
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

static void compare_lane(TailWorld *world, const Rows *rows, const BlockSource *source,
                         const Block *block, uint32_t lane, const TailAsked *asked) {
    BASE_TEXT_SCOPED expected = {0};
    BASE_TEXT_SCOPED got = {0};
    Str id = source->customer_id(source->context, block->first_ordinal + lane);
    uint32_t customer = 0;
    while (customer < world->customer_count && !base_str_equal(world->ids[customer], id))
        customer++;
    assert_true(customer < world->customer_count);
    expect_customer(world, rows->of[customer], rows->count[customer], asked, &expected);
    tail_world_read(source, block, lane, &got);
    if (strcmp(expected.data, got.data) != 0)
        fail_msg("customer %.*s: expected\n%sgot\n%s", STR_ARG(id), expected.data, got.data);
}

void tail_world_compare(TailWorld *world, uint32_t end, const BlockSource *source,
                        const TailAsked *asked) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    KretsError error = {0};
    Rows *rows = base_arena_alloc(arena, sizeof *rows);
    collect(world, end, arena, rows);
    BlockNeeds needs = tail_world_needs(world, source, asked, arena);
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

void tail_world_compare_texts(const BlockSource *source) {
    for (uint32_t p = 0; p < source->partition_count; p++) {
        BASE_MAP_SCOPED numbers = base_map_new();
        for (uint32_t i = 0; i < source->text_count(source->context, p); i++)
            assert_true(base_map_put(numbers, source->text(source->context, p, i), i));
    }
}

TailAsked tail_world_ask(TailWorld *world, bool is_all) {
    TailAsked asked;
    for (int t = 0; t <= TAIL_WORLD_TYPES; t++) {
        asked.types[t][0] = is_all || tail_world_below(world, 2) != 0;
        asked.types[t][1] = is_all || tail_world_below(world, 2) != 0;
    }
    for (int c = 0; c < TAIL_WORLD_COLUMNS; c++)
        asked.columns[c] = is_all || tail_world_below(world, 2) != 0;
    return asked;
}
