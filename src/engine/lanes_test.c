// Random expressions over random lanes: every node, at every SIMD level, against the reference
// evaluator.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka wants these first
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "engine/engine_private.h"
#include "engine/lanes.h"

enum { NODES_MAX = 400, FITS_MAX = 16, BOUNDS_MAX = 80, TRAITS_MAX = 20, ARGS_MAX = 24 };

// ---- chance ----

typedef struct Chance {
    uint64_t state;
} Chance;

static uint64_t chance_next(Chance *chance) { // splitmix64
    uint64_t z = chance->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static size_t chance_below(Chance *chance, size_t count) {
    return chance_next(chance) % count;
}

static bool chance_percent(Chance *chance, size_t percent) {
    return chance_below(chance, 100) < percent;
}

#define CHANCE_PICK(chance, items) (items)[chance_below(chance, sizeof(items) / sizeof(items)[0])]

// ---- a world of random nodes over random traits ----

typedef struct World {
    Arena *arena;
    Chance chance;
    Plan plan;
    Node nodes[NODES_MAX];
    Fit fits[FITS_MAX];
    FitBounds bounds[FITS_MAX];
    FitSet fit_set;
    PlanTrait traits[TRAITS_MAX];
    PlanColumn columns[TRAITS_MAX];
    TableColumn values[TRAITS_MAX];
    PlanEvent event;
    EventTable table;
    int64_t now_us;
    Ready *ready;
    Work *works[BLOCK_CUSTOMER_MAX];   // the reference
    Work *helpers[BLOCK_CUSTOMER_MAX]; // of boxed nodes: they know only what lanes know
    const LaneFrame *frame;
} World;

static const int64_t integers[] = {
    0,
    1,
    2,
    3,
    10,
    -1,
    -7,
    4,
    5,
    INT64_MAX,
    INT64_MIN,
    INT64_MIN + 1,
    INT64_MAX - 1,
    99999999999999,
    100000000000000,
    -99999999999999,
    -100000000000000,
    300000000000000,
    9007199254740993,
    -9007199254740993,
    1000000000,
    -1000000000,
    3037000500,
    50,
    49,
    15,
};
static const int64_t decimals[] = {
    0,
    1,
    -1,
    10000,
    20000,
    30000,
    5000,
    15000,
    -15000,
    49999,
    50000,
    50001,
    123456789,
    999999999999999999,
    -999999999999999999,
    999999999999990000,
    1000000000,
    -1000000000,
    -1,
    -9999,
    1000000000000,
    70000,
    100000,
};
static const double numbers[] = {
    0.0,
    -0.0,
    1.0,
    2.0,
    -1.0,
    0.5,
    1.5,
    2.5,
    -0.5,
    3.0,
    10.0,
    0.1,
    1e-300,
    1e300,
    -1e300,
    1.7976931348623157e308,
    4.9e-324,
    9007199254740992.0,
    9223372036854775808.0,
    -9223372036854775808.0,
    1e14,
    33.333333333333336,
    7.0,
    30.0,
    90.0,
};
static const char *const texts[] = {"",  "a", "b",   "ab",  "abc",    "Anna",          "ANNA",
                                    "å", "Å", "tea", "a_c", "abcabc", "Europe/London", "z"};
static const char *const zones[] = {"Europe/London", "America/New_York", "Asia/Kolkata", "nowhere"};

static Str pick_text(World *world) {
    return base_str_from(CHANCE_PICK(&world->chance, texts));
}

// At, just before or just after the edge of a window in one of the zones.
static int64_t pick_edge(World *world) {
    Chance *chance = &world->chance;
    CalendarUnit unit = (CalendarUnit)chance_below(chance, UNIT_YEAR + 1);
    int64_t n = 1 + (int64_t)chance_below(chance, 4);
    const Zone *zone = base_zone_find(base_str_from(zones[chance_below(chance, 3)]));
    int64_t edge_us = chance_percent(chance, 50)
                          ? base_zone_window_start(zone, world->now_us, unit, n)
                          : base_zone_add(zone, world->now_us, unit, n);
    return edge_us + (int64_t)chance_below(chance, 3) - 1;
}

// Times gather around now, so that windows cut them.
static int64_t pick_time(World *world) {
    static const int64_t steps[] = {0, 1, -1, 3600000000, 86400000000, -86400000000, 604800000000};
    switch (chance_below(&world->chance, 16)) {
    case 0:
        return CALENDAR_TIME_MIN;
    case 1:
        return CALENDAR_TIME_MAX;
    case 2:
        return (int64_t)(chance_next(&world->chance) % 4000000000000000);
    case 3:
    case 4:
    case 5:
    case 6:
        return pick_edge(world);
    default:
        return world->now_us - (int64_t)chance_below(&world->chance, 100) * CALENDAR_US_PER_DAY +
               CHANCE_PICK(&world->chance, steps);
    }
}

static Value pick_value(World *world, ValueType type) {
    Chance *chance = &world->chance;
    Value value = {.type = type};
    switch (type) {
    case VALUE_BOOLEAN:
        value.boolean = chance_percent(chance, 50);
        break;
    case VALUE_INTEGER:
        value.integer = chance_percent(chance, 40) ? (int64_t)chance_below(chance, 20)
                                                   : CHANCE_PICK(chance, integers);
        break;
    case VALUE_DECIMAL:
        value.decimal = chance_percent(chance, 40) ? (int64_t)chance_below(chance, 20) * 2500
                                                   : CHANCE_PICK(chance, decimals);
        break;
    case VALUE_NUMBER:
        value.number = chance_percent(chance, 40) ? (double)chance_below(chance, 20) / 4.0
                                                  : CHANCE_PICK(chance, numbers);
        break;
    case VALUE_TEXT:
        value.text = pick_text(world);
        break;
    case VALUE_TIME:
        value.time_us = pick_time(world);
        break;
    case VALUE_DATE:
        value.date = base_zone_day(world->plan.zone, pick_time(world));
        break;
    case VALUE_LIST: {
        Str *items = base_arena_alloc_array(world->arena, 4, sizeof(Str));
        value.list.items = items;
        value.list.count = chance_below(chance, 4);
        for (size_t i = 0; i < value.list.count; i++) {
            items[i] = pick_text(world);
        }
        break;
    }
    case VALUE_DURATION:
        value.duration.us = ((int64_t)chance_below(chance, 200) - 100) * CALENDAR_US_PER_DAY / 2;
        break;
    default:
        return data_value_null(type);
    }
    return value;
}

static NodeId add_node(World *world, Node node, const NodeId *args, int32_t arg_count) {
    NodeId *copy = base_arena_alloc_array(world->arena, (size_t)arg_count + 1, sizeof(NodeId));
    for (int32_t i = 0; i < arg_count; i++) {
        copy[i] = args[i];
        assert_true(args[i] < world->plan.node_count);
    }
    node.args = copy;
    node.arg_count = arg_count;
    assert_true(world->plan.node_count < NODES_MAX);
    world->nodes[world->plan.node_count] = node;
    return world->plan.node_count++;
}

static NodeId add_constant(World *world, Value value) {
    return add_node(world, (Node){.kind = NODE_CONST, .type = value.type, .value = value}, NULL, 0);
}

static NodeId pick_constant(World *world, ValueType type) {
    Value value = pick_value(world, type);
    return add_constant(world, chance_percent(&world->chance, 3) ? data_value_null(type) : value);
}

// A node of the type made before; lists and durations have few.
static NodeId pick_node(World *world, ValueType type) {
    for (int tries = 0; tries < 60; tries++) {
        NodeId id = (NodeId)chance_below(&world->chance, (size_t)world->plan.node_count);
        const Node *node = &world->nodes[id];
        bool has_months = type == VALUE_DURATION && node->kind == NODE_CONST &&
                          node->value.duration.months != 0; // has no order
        if (node->type == type && !has_months) {
            return id;
        }
    }
    return pick_constant(world, type == VALUE_LIST ? VALUE_NULL : type);
}

static ValueType pick_numeric(World *world) {
    static const ValueType types[] = {VALUE_INTEGER, VALUE_DECIMAL, VALUE_NUMBER};
    return CHANCE_PICK(&world->chance, types);
}

static ValueType pick_type(World *world) {
    static const ValueType types[] = {VALUE_INTEGER, VALUE_DECIMAL, VALUE_NUMBER,  VALUE_TEXT,
                                      VALUE_TIME,    VALUE_DATE,    VALUE_INTEGER, VALUE_BOOLEAN};
    return CHANCE_PICK(&world->chance, types);
}

// A type that compares with this one, also across the numbers and the calendar.
static ValueType pick_partner(World *world, ValueType type) {
    if (type == VALUE_INTEGER || type == VALUE_DECIMAL || type == VALUE_NUMBER) {
        return pick_numeric(world);
    }
    if (type == VALUE_TIME || type == VALUE_DATE) {
        return chance_percent(&world->chance, 20) ? (type == VALUE_TIME ? VALUE_DATE : VALUE_TIME)
                                                  : type;
    }
    return type;
}

static NodeId pick_operand(World *world, ValueType type) {
    if (chance_percent(&world->chance, 2)) {
        return add_constant(world, data_value_null(VALUE_NULL));
    }
    return chance_percent(&world->chance, 45) ? pick_constant(world, type) : pick_node(world, type);
}

// ---- kinds of nodes ----

static void add_comparison(World *world) {
    Chance *chance = &world->chance;
    ValueType type = chance_percent(chance, 10) ? VALUE_DURATION : pick_type(world);
    NodeId args[2] = {pick_node(world, type), pick_operand(world, pick_partner(world, type))};
    if (chance_percent(chance, 20)) {
        NodeId a = args[0];
        args[0] = args[1];
        args[1] = a;
    }
    Node node = {.kind = NODE_COMPARE, .type = VALUE_BOOLEAN};
    node.compare = (CompareOp)chance_below(chance, type == VALUE_BOOLEAN ? 2 : 6);
    add_node(world, node, args, 2);
}

static void add_membership(World *world) {
    Chance *chance = &world->chance;
    bool is_between = chance_percent(chance, 40);
    ValueType type = pick_type(world);
    if (is_between && type == VALUE_BOOLEAN) {
        type = VALUE_INTEGER;
    }
    NodeId args[ARGS_MAX];
    int32_t count = is_between                   ? 3
                    : chance_percent(chance, 20) ? ARGS_MAX
                                                 : 2 + (int32_t)chance_below(chance, 5);
    args[0] = pick_node(world, type);
    ValueType partner = pick_partner(world, type);
    for (int32_t i = 1; i < count; i++) {
        args[i] = chance_percent(chance, is_between ? 60 : 97) ? pick_constant(world, partner)
                                                               : pick_operand(world, partner);
    }
    add_node(world,
             (Node){.kind = is_between ? NODE_BETWEEN : NODE_IN,
                    .type = VALUE_BOOLEAN,
                    .is_negated = chance_percent(chance, 40)},
             args, count);
}

static void add_logic(World *world) {
    Chance *chance = &world->chance;
    NodeId args[4];
    int32_t count = 2 + (int32_t)chance_below(chance, 3);
    for (int32_t i = 0; i < count; i++) {
        args[i] = chance_percent(chance, 4) ? add_constant(world, data_value_null(VALUE_NULL))
                                            : pick_node(world, VALUE_BOOLEAN);
    }
    Node node = {.type = VALUE_BOOLEAN};
    switch (chance_below(chance, 6)) {
    case 0:
    case 1:
        node.kind = NODE_AND;
        break;
    case 2:
    case 3:
        node.kind = NODE_OR;
        break;
    case 4:
        node.kind = NODE_NOT;
        count = 1;
        break;
    default:
        node.kind = NODE_SEGMENT;
        count = 1;
    }
    add_node(world, node, args, count);
}

static void add_question(World *world) { // is null, within, match, a metric
    Chance *chance = &world->chance;
    ValueType calendar = chance_percent(chance, 80) ? VALUE_TIME : VALUE_DATE;
    NodeId arg = pick_node(world, pick_type(world));
    Node node = {.type = VALUE_BOOLEAN, .is_negated = chance_percent(chance, 30)};
    switch (chance_below(chance, 4)) {
    case 0:
        node.kind = NODE_IS_NULL;
        add_node(world, node, &arg, 1);
        break;
    case 1:
        node.kind = NODE_METRIC;
        node.type = world->nodes[arg].type;
        node.is_negated = false;
        add_node(world, node, &arg, 1);
        break;
    case 2: {
        NodeId args[2] = {pick_node(world, VALUE_TEXT), pick_constant(world, VALUE_TEXT)};
        node.kind = NODE_MATCH;
        node.match = (MatchOp)chance_below(chance, 6);
        if (!world->nodes[args[1]].value.is_null) {
            add_node(world, node, args, 2);
        }
        break;
    }
    default:
        arg = pick_node(world, calendar);
        node.kind = NODE_WITHIN;
        node.within.is_next = chance_percent(chance, 40);
        node.within.unit = (CalendarUnit)chance_below(chance, UNIT_YEAR + 1);
        node.within.amount = 1 + (int64_t)chance_below(chance, chance_percent(chance, 70) ? 4 : 60);
        add_node(world, node, &arg, 1);
    }
}

static ValueType wider(ValueType a, ValueType b) {
    return a > b ? a : b;
}

static void add_arithmetic(World *world) {
    Chance *chance = &world->chance;
    ValueType a = pick_numeric(world), b = pick_numeric(world);
    NodeId args[2] = {pick_node(world, a), pick_operand(world, b)};
    a = world->nodes[args[0]].type;
    b = world->nodes[args[1]].type;
    NodeKind kind = (NodeKind)(NODE_NEGATE + chance_below(chance, 5));
    ValueType type = wider(a, b);
    if (kind == NODE_NEGATE) {
        add_node(world, (Node){.kind = kind, .type = a}, args, 1);
        return;
    }
    if (kind == NODE_DIVIDE ||
        (kind == NODE_MULTIPLY && a == VALUE_DECIMAL && b == VALUE_DECIMAL)) {
        type = VALUE_NUMBER;
    }
    add_node(world, (Node){.kind = kind, .type = type}, args, 2);
}

static void add_calendar(World *world) {
    Chance *chance = &world->chance;
    if (chance_percent(chance, 30)) {
        NodeId args[2] = {pick_node(world, VALUE_TIME), pick_node(world, VALUE_TIME)};
        add_node(world, (Node){.kind = NODE_SUBTRACT, .type = VALUE_DURATION}, args, 2);
        return;
    }
    Value length = pick_value(world, VALUE_DURATION);
    if (chance_percent(chance, 20)) {
        length.duration.months = (int64_t)chance_below(chance, 30) - 15;
    }
    if (chance_percent(chance, 10)) {
        length.duration.us = CHANCE_PICK(chance, integers) / 2 * 2;
    }
    NodeId args[2] = {pick_node(world, VALUE_TIME), add_constant(world, length)};
    bool is_sum = chance_percent(chance, 60), is_turned = is_sum && chance_percent(chance, 20);
    if (length.duration.us == INT64_MIN) {
        is_sum = true;
    }
    NodeId turned[2] = {args[1], args[0]};
    add_node(world, (Node){.kind = is_sum ? NODE_ADD : NODE_SUBTRACT, .type = VALUE_TIME},
             is_turned ? turned : args, 2);
}

static void add_days(World *world) {
    Chance *chance = &world->chance;
    static const CallFunction functions[] = {
        CALL_DAYS_SINCE,          CALL_DAYS_UNTIL, CALL_DAYS_BETWEEN, CALL_DAYS_SINCE,
        CALL_CALENDAR_DAYS_SINCE, CALL_AGE,        CALL_WEEKDAY,      CALL_ANNIVERSARY};
    ValueType type = chance_percent(chance, 75) ? VALUE_TIME : VALUE_DATE;
    NodeId args[2] = {pick_node(world, type), pick_node(world, type)};
    Node node = {.kind = NODE_CALL, .type = VALUE_INTEGER};
    node.function = CHANCE_PICK(chance, functions);
    if (node.function <= CALL_DAYS_UNTIL || node.function == CALL_DAYS_BETWEEN) {
        node.type = VALUE_NUMBER;
    } else if (node.function == CALL_ANNIVERSARY) {
        node.type = VALUE_DATE;
    }
    add_node(world, node, args, node.function == CALL_DAYS_BETWEEN ? 2 : 1);
}

static void add_completed(World *world) {
    Chance *chance = &world->chance;
    Value length = pick_value(world, VALUE_DURATION);
    length.duration.us = length.duration.us < 0 ? -length.duration.us : length.duration.us;
    if (chance_percent(chance, 20)) {
        length.duration.us = 0;
        length.duration.months = (int64_t)chance_below(chance, 30);
    }
    NodeId args[2] = {pick_node(world, chance_percent(chance, 70) ? VALUE_TIME : VALUE_DATE),
                      add_constant(world, length)};
    Node node = {.kind = NODE_CALL, .type = VALUE_BOOLEAN};
    node.function = CALL_COMPLETED;
    add_node(world, node, args, 2);
}

static void add_rounding(World *world) {
    Chance *chance = &world->chance;
    static const CallFunction functions[] = {CALL_ABS, CALL_ROUND, CALL_ROUND, CALL_FLOOR,
                                             CALL_CEIL};
    Value places = {.type = VALUE_INTEGER, .integer = (int64_t)chance_below(chance, 34) - 18};
    if (chance_percent(chance, 50)) {
        places.integer = (int64_t)chance_below(chance, 5) - 2;
    }
    NodeId args[2] = {pick_node(world, pick_numeric(world)), add_constant(world, places)};
    Node node = {.kind = NODE_CALL, .type = world->nodes[args[0]].type};
    node.function = CHANCE_PICK(chance, functions);
    add_node(world, node, args, node.function == CALL_ROUND ? 2 : 1);
}

static void add_choice(World *world) {
    Chance *chance = &world->chance;
    static const CallFunction functions[] = {CALL_COALESCE, CALL_LEAST, CALL_GREATEST, CALL_IF};
    Node node = {.kind = NODE_CALL};
    node.function = CHANCE_PICK(chance, functions);
    bool is_if = node.function == CALL_IF;
    static const ValueType any[] = {VALUE_INTEGER,  VALUE_DECIMAL, VALUE_NUMBER,
                                    VALUE_TEXT,     VALUE_TIME,    VALUE_DATE,
                                    VALUE_DURATION, VALUE_LIST,    VALUE_BOOLEAN};
    ValueType type = CHANCE_PICK(chance, any);
    bool is_ordered = node.function == CALL_LEAST || node.function == CALL_GREATEST;
    if (is_ordered && (type == VALUE_LIST || type == VALUE_BOOLEAN)) {
        type = VALUE_TEXT;
    }
    bool is_numeric = type <= VALUE_NUMBER && type >= VALUE_INTEGER;
    NodeId args[4];
    int32_t count = is_if ? 3 : 1 + (int32_t)chance_below(chance, 4);
    for (int32_t i = 0; i < count; i++) {
        args[i] = is_if && i == 0 ? pick_node(world, VALUE_BOOLEAN)
                                  : pick_operand(world, is_numeric ? pick_numeric(world) : type);
        ValueType own = world->nodes[args[i]].type;
        node.type = is_if && i == 0 ? VALUE_NULL : wider(node.type, own);
    }
    add_node(world, node, args, count);
}

static void add_text_call(World *world) {
    Chance *chance = &world->chance;
    NodeId text = pick_node(world, VALUE_TEXT), list = pick_node(world, VALUE_LIST);
    NodeId args[3] = {list, text, pick_operand(world, VALUE_TEXT)};
    Node node = {.kind = NODE_CALL, .type = VALUE_INTEGER};
    switch (chance_below(chance, 4)) {
    case 0:
        node.function = CALL_LOWER;
        node.type = VALUE_TEXT;
        add_node(world, node, &text, 1);
        break;
    case 1:
        node.function = CALL_LENGTH;
        add_node(world, node, &text, 1);
        break;
    case 2:
        node.function = CALL_SIZE;
        add_node(world, node, &list, 1);
        break;
    default:
        node.function = CALL_HAS_ANY;
        node.type = VALUE_BOOLEAN;
        add_node(world, node, args, 3);
    }
}

static int compare_numbers(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void add_fit(World *world) {
    Chance *chance = &world->chance;
    if (world->plan.fit_count == FITS_MAX) {
        return;
    }
    int32_t index = world->plan.fit_count++;
    FitBounds *fit = &world->bounds[index];
    *fit = (FitBounds){.kind = (FitKind)chance_below(chance, 3)};
    size_t most = fit->kind == FIT_TOP ? 2 : chance_percent(chance, 50) ? 10 : BOUNDS_MAX;
    fit->bound_count = chance_below(chance, most);
    fit->bounds = base_arena_alloc_array(world->arena, fit->bound_count + 1, sizeof(double));
    fit->cumulative = base_arena_alloc_array(world->arena, fit->bound_count + 1, sizeof(uint64_t));
    for (size_t i = 0; i < fit->bound_count; i++) {
        fit->bounds[i] = pick_value(world, VALUE_NUMBER).number;
        fit->cumulative[i] = (i + 1) * 3;
    }
    qsort(fit->bounds, fit->bound_count, sizeof(double), compare_numbers);
    fit->customer_count = chance_percent(chance, 90) ? 3 * BOUNDS_MAX : 0;
    world->fits[index] =
        (Fit){.kind = fit->kind,
              .tiles = (int64_t)fit->bound_count + 1,
              .x = pick_node(world, pick_numeric(world)),
              .where = chance_percent(chance, 50) ? pick_node(world, VALUE_BOOLEAN) : NODE_NONE};
    static const ValueType types[] = {
        [FIT_NTILE] = VALUE_INTEGER, [FIT_PERCENTILE] = VALUE_NUMBER, [FIT_TOP] = VALUE_BOOLEAN};
    add_node(world, (Node){.kind = NODE_FIT, .type = types[fit->kind], .index = index}, NULL, 0);
}

static void add_random(World *world) {
    static void (*const adders[])(World *) = {
        add_comparison, add_comparison, add_membership, add_logic,     add_question,
        add_arithmetic, add_arithmetic, add_calendar,   add_days,      add_choice,
        add_rounding,   add_text_call,  add_fit,        add_completed,
    };
    CHANCE_PICK(&world->chance, adders)(world);
}

// ---- the lanes' customers ----

static const ValueType trait_types[] = {
    VALUE_TEXT,    VALUE_BOOLEAN, VALUE_INTEGER, VALUE_INTEGER, VALUE_INTEGER,
    VALUE_DECIMAL, VALUE_DECIMAL, VALUE_DECIMAL, VALUE_NUMBER,  VALUE_NUMBER,
    VALUE_NUMBER,  VALUE_TEXT,    VALUE_TEXT,    VALUE_TIME,    VALUE_TIME,
    VALUE_DATE,    VALUE_DATE,    VALUE_LIST,    VALUE_BOOLEAN, VALUE_TIME,
};
_Static_assert(sizeof trait_types / sizeof trait_types[0] == TRAITS_MAX, "a type for each trait");

// One `identify` each, with some traits; trait 0 is the zone.
static void make_table(World *world) {
    enum { COUNT = BLOCK_CUSTOMER_MAX };
    Arena *arena = world->arena;
    Str *ids = base_arena_alloc_array(arena, COUNT, sizeof(Str));
    uint64_t *first_row = base_arena_alloc_array(arena, COUNT + 1, sizeof(uint64_t));
    int64_t *time_us = base_arena_alloc_array(arena, COUNT, sizeof(int64_t));
    for (size_t i = 0; i < COUNT; i++) {
        ids[i] = base_arena_printf(arena, "c%03zu", i);
        first_row[i] = i;
        time_us[i] = CALENDAR_TIME_MIN;
    }
    first_row[COUNT] = COUNT;
    for (int32_t t = 0; t < TRAITS_MAX; t++) {
        ValueType type = trait_types[t];
        void *values = base_arena_alloc_array(arena, COUNT, data_table_value_size(type));
        uint8_t *valid = base_arena_alloc(arena, COUNT);
        size_t null_percent = chance_percent(&world->chance, 30) ? 0 : 15;
        for (size_t i = 0; i < COUNT; i++) {
            Value value = pick_value(world, type);
            if (t == 0) {
                value.text = base_str_from(CHANCE_PICK(&world->chance, zones));
            }
            valid[i] = !chance_percent(&world->chance, null_percent);
            if (valid[i]) {
                data_table_put(values, i, value);
            }
        }
        world->values[t] = (TableColumn){.type = type, .values = values, .valid = valid};
        world->columns[t] = (PlanColumn){.column = STR("x"), .type = type};
        world->traits[t] = (PlanTrait){.name = STR("x"), .column = t, .type = type};
    }
    world->event = (PlanEvent){.name = STR("identify")};
    world->table = (EventTable){
        .customer_count = COUNT,
        .customer_ids = ids,
        .first_row = first_row,
        .row_count = COUNT,
        .time_us = time_us,
        .event = base_arena_alloc_array(arena, COUNT, sizeof(uint16_t)),
        .is_any = base_arena_alloc(arena, COUNT),
        .columns = world->values,
        .column_count = TRAITS_MAX,
    };
}

// Products at the limit of decimals, which chance would hardly meet.
static void add_edges(World *world) {
    static const int64_t factors[][2] = {
        {1000000000, 1000000000}, {-1000000000, 1000000000}, {999999999, 1000000001}};
    for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++) {
        NodeId args[2] = {
            add_constant(world, (Value){.type = VALUE_INTEGER, .integer = factors[i][0]}),
            add_constant(world, (Value){.type = VALUE_DECIMAL, .decimal = factors[i][1]})};
        add_node(world, (Node){.kind = NODE_MULTIPLY, .type = VALUE_DECIMAL}, args, 2);
    }
}

static void make_plan(World *world) {
    Plan *plan = &world->plan;
    plan->nodes = world->nodes;
    plan->fits = world->fits;
    plan->events = &world->event;
    plan->event_count = 1;
    plan->columns = world->columns;
    plan->column_count = TRAITS_MAX;
    plan->traits = world->traits;
    plan->trait_count = TRAITS_MAX;
    plan->value = NODE_NONE;
    plan->country_trait = -1;
    for (int32_t t = 0; t < TRAITS_MAX; t++) {
        add_node(world, (Node){.kind = NODE_TRAIT, .type = trait_types[t], .index = t}, NULL, 0);
    }
    add_node(world, (Node){.kind = NODE_NOW, .type = VALUE_TIME}, NULL, 0);
    add_edges(world);
    while (plan->node_count < NODES_MAX - 2 * ARGS_MAX) {
        add_random(world);
    }
    world->fit_set = (FitSet){.fits = world->bounds, .count = (size_t)plan->fit_count};
}

static void make_works(World *world) {
    KretsError error = {0};
    assert_int_equal(engine_ready_make(&world->plan, &world->ready, &error), 0);
    for (size_t i = 0; i < BLOCK_CUSTOMER_MAX; i++) {
        Work **works[] = {&world->works[i], &world->helpers[i]};
        for (int k = 0; k < 2; k++) {
            *works[k] = engine_work_new(world->ready, &world->table, &world->fit_set,
                                        (size_t)1 << 40, &error);
            assert_non_null(*works[k]);
            engine_work_customer(*works[k], i);
            assert_true(engine_work_now(*works[k], world->now_us));
        }
    }
}

static World *world_new(uint64_t seed) {
    World *world = calloc(1, sizeof(World));
    assert_non_null(world);
    KretsError error = {0};
    world->arena = base_arena_new(SIZE_MAX);
    world->chance.state = seed;
    assert_int_equal(base_zone_open(STR("Europe/Stockholm"), &world->plan.zone, &error), 0);
    world->plan.zone_trait = chance_percent(&world->chance, 50) ? 0 : -1;
    world->now_us = INT64_C(1774000000000000) +
                    (int64_t)chance_below(&world->chance, 100) * CALENDAR_US_PER_DAY / 7;
    make_table(world);
    make_plan(world);
    make_works(world);
    return world;
}

static void world_free(World *world) {
    for (size_t i = 0; i < BLOCK_CUSTOMER_MAX; i++) {
        engine_work_free(world->works[i]);
        engine_work_free(world->helpers[i]);
    }
    engine_ready_free(world->ready);
    base_arena_free(world->arena);
    free(world);
}

static int fill_leaf(void *context, LaneFrame *frame, NodeId id, Lanes *ret_lanes) {
    World *world = context;
    assert_int_equal(world->nodes[id].kind, NODE_TRAIT);
    for (uint32_t lane = 0; lane < engine_lanes_count(frame); lane++) {
        Value value = engine_trait_value(world->works[lane], world->nodes[id].index);
        engine_lanes_set(ret_lanes, lane, value);
    }
    return 0;
}

// Gives the evaluator what the lanes know of the arguments, nothing else.
static Value evaluate_boxed(void *context, LaneFrame *frame, NodeId id, uint32_t lane) {
    World *world = context;
    Work *helper = world->helpers[lane];
    const Node *node = &world->nodes[id];
    for (int32_t i = 0; i < node->arg_count; i++) {
        const Lanes *arg;
        assert_int_equal(engine_lanes_node(frame, node->args[i], &arg), 0);
        helper->values[node->args[i]] = engine_lanes_value(arg, lane);
        helper->node_stamps[node->args[i]] = helper->stamp;
    }
    helper->node_stamps[id] = 0;
    return engine_node_value(helper, id, ENGINE_NO_ROW);
}

// ---- the comparison ----

static bool is_same(Value a, Value b) {
    if (!data_value_equal(a, b)) {
        return false;
    }
    return a.is_null || a.type != VALUE_NUMBER || memcmp(&a.number, &b.number, 8) == 0;
}

static void fail_lane(const World *world, NodeId id, uint32_t lane, Value expected, Value found) {
    BASE_TEXT_SCOPED text = {0};
    const Node *node = &world->nodes[id];
    base_text_printf(&text, "node %d kind %d function %d, lane %u: %s expected ", id, node->kind,
                     node->kind == NODE_CALL ? (int)node->function : -1, lane,
                     data_value_type_name(expected.type));
    base_text_append(&text, expected.is_null ? STR("null") : STR(""));
    data_value_format(&text, expected);
    base_text_printf(&text, ", found %s ", data_value_type_name(found.type));
    base_text_append(&text, found.is_null ? STR("null") : STR(""));
    data_value_format(&text, found);
    for (int32_t i = 0; i < node->arg_count; i++) {
        Value arg = engine_node_value(world->works[lane], node->args[i], ENGINE_NO_ROW);
        base_text_printf(&text, "; argument %d: %s ", i, data_value_type_name(arg.type));
        base_text_append(&text, arg.is_null ? STR("null") : STR(""));
        data_value_format(&text, arg);
    }
    fail_msg("%.*s", STR_ARG(base_text_str(&text)));
}

// What a frame promises of lanes besides their values.
static void check_form(const Lanes *lanes, uint32_t lane_count) {
    for (uint32_t lane = 0; lane < BLOCK_CUSTOMER_MAX; lane++) {
        bool is_valid = (lanes->valid[lane / 64] >> (lane % 64) & 1) != 0;
        if (lanes->type == VALUE_BOOLEAN && !is_valid) {
            assert_int_equal(lanes->bits[lane / 64] >> (lane % 64) & 1, 0);
        }
        if (lane >= lane_count) {
            assert_false(is_valid);
        } else if (!is_valid && (lanes->type == VALUE_INTEGER || lanes->type == VALUE_DECIMAL ||
                                 lanes->type == VALUE_TIME || lanes->type == VALUE_DATE)) {
            assert_int_equal(lanes->integers[lane], 0);
        } else if (!is_valid && lanes->type == VALUE_NUMBER) {
            assert_true(lanes->numbers[lane] == 0.0);
        }
    }
}

static size_t check_node(World *world, LaneFrame *frame, NodeId id, uint32_t lane_count) {
    const Lanes *lanes = NULL;
    assert_int_equal(engine_lanes_node(frame, id, &lanes), 0);
    assert_true(engine_lanes_has(frame, id));
    check_form(lanes, lane_count);
    for (uint32_t lane = 0; lane < lane_count; lane++) {
        Value expected = engine_node_value(world->works[lane], id, ENGINE_NO_ROW);
        Value found = engine_lanes_value(lanes, lane);
        if (!is_same(expected, found)) {
            fail_lane(world, id, lane, expected, found);
        }
    }
    return lane_count;
}

// Some nodes are put by the owner before they are asked for.
static void put_some(World *world, LaneFrame *frame, uint32_t lane_count) {
    for (int i = 0; i < 3; i++) {
        NodeId id = (NodeId)chance_below(&world->chance, (size_t)world->plan.node_count);
        Lanes *lanes = engine_lanes_put(frame, id);
        for (uint32_t lane = 0; lane < lane_count; lane++) {
            Value value = engine_node_value(world->works[lane], id, ENGINE_NO_ROW);
            engine_lanes_set(lanes, lane, value);
        }
    }
}

static size_t check_frame(World *world, LaneFrame *frame) {
    static const uint32_t counts[] = {1, 2, 5, 7, 8, 9, 63, 64, 65, 127, 128, 200, 255, 256, 256};
    uint32_t lane_count = CHANCE_PICK(&world->chance, counts);
    size_t checked = 0;
    engine_lanes_begin(frame, lane_count, world->now_us);
    assert_int_equal(engine_lanes_count(frame), lane_count);
    assert_int_equal(engine_lanes_now(frame), world->now_us);
    put_some(world, frame, lane_count);
    int32_t count = world->plan.node_count;
    NodeId first = (NodeId)chance_below(&world->chance, (size_t)count);
    for (int32_t i = 0; i < count; i++) { // from the roots, from the leaves, or from the middle
        NodeId id = lane_count % 2 == 0 ? (first + i) % count : count - 1 - i;
        checked += check_node(world, frame, id, lane_count);
    }
    return checked;
}

static void lanes_are_the_evaluators_values_at_every_level(void **state) {
    (void)state;
    static const KernelSimd levels[] = {KERNEL_SIMD_NONE, KERNEL_SIMD_AVX2, KERNEL_SIMD_AVX512,
                                        KERNEL_SIMD_BEST};
    const char *given = getenv("KRETS_TEST_SEED"), *rounds = getenv("KRETS_TEST_ROUNDS");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 20260331;
    int world_count = rounds != NULL ? atoi(rounds) : 40;
    size_t checked = 0;
    for (int w = 0; w < world_count; w++) {
        print_message("seed %llu\n", (unsigned long long)seed + (unsigned long long)w);
        World *world = world_new(seed + (uint64_t)w);
        LaneHooks hooks = {.context = world, .leaf = fill_leaf, .boxed = evaluate_boxed};
        for (size_t level = 0; level < sizeof levels / sizeof levels[0]; level++) {
            ENGINE_LANES_SCOPED frame =
                engine_lanes_new(&world->plan, &world->fit_set, &hooks, levels[level]);
            for (int round = 0; round < 4; round++) {
                checked += check_frame(world, frame);
            }
        }
        world_free(world);
    }
    print_message("%zu values\n", checked);
    assert_true(checked > (size_t)world_count * 10000);
}

// ---- what is not asked, and what goes wrong ----

typedef struct Counter {
    int leaf_count, code;
} Counter;

static int count_leaf(void *context, LaneFrame *frame, NodeId id, Lanes *ret_lanes) {
    Counter *counter = context;
    (void)id;
    counter->leaf_count++;
    for (uint32_t lane = 0; lane < engine_lanes_count(frame); lane++) {
        engine_lanes_set(ret_lanes, lane, (Value){.type = VALUE_BOOLEAN, .boolean = lane < 70});
    }
    return counter->code;
}

static Value refuse_boxed(void *context, LaneFrame *frame, NodeId id, uint32_t lane) {
    (void)context;
    (void)frame;
    (void)id;
    (void)lane;
    fail_msg("nothing here is boxed");
    return data_value_null(VALUE_NULL);
}

// Two leaves and their `and` and `or`.
static Plan junction_plan(Node nodes[4], const NodeId args[2]) {
    nodes[0] = (Node){.kind = NODE_TRAIT, .type = VALUE_BOOLEAN, .index = 0};
    nodes[1] = (Node){.kind = NODE_TRAIT, .type = VALUE_BOOLEAN, .index = 1};
    nodes[2] = (Node){.kind = NODE_AND, .type = VALUE_BOOLEAN, .args = args, .arg_count = 2};
    nodes[3] = (Node){.kind = NODE_OR, .type = VALUE_BOOLEAN, .args = args, .arg_count = 2};
    return (Plan){.nodes = nodes, .node_count = 4, .value = NODE_NONE};
}

static void arguments_that_no_lane_needs_are_left_out(void **state) {
    (void)state;
    Node nodes[4];
    const NodeId args[] = {0, 1};
    Plan plan = junction_plan(nodes, args);
    Counter counter = {0};
    LaneHooks hooks = {.context = &counter, .leaf = count_leaf, .boxed = refuse_boxed};
    ENGINE_LANES_SCOPED frame = engine_lanes_new(&plan, NULL, &hooks, KERNEL_SIMD_BEST);
    const Lanes *lanes = NULL;
    engine_lanes_begin(frame, 70, 0);
    assert_int_equal(engine_lanes_node(frame, 3, &lanes), 0); // true for all 70 after one
    assert_int_equal(counter.leaf_count, 1);
    assert_int_equal(lanes->bits[1], (1 << 6) - 1);
    assert_int_equal(engine_lanes_node(frame, 2, &lanes), 0);
    assert_int_equal(counter.leaf_count, 2);
    assert_int_equal(engine_lanes_node(frame, 2, &lanes), 0); // known
    assert_int_equal(counter.leaf_count, 2);
    engine_lanes_begin(frame, 71, 0); // one lane is false, so `or` needs both
    assert_false(engine_lanes_has(frame, 2));
    assert_int_equal(engine_lanes_node(frame, 3, &lanes), 0);
    assert_int_equal(counter.leaf_count, 4);
}

static void what_a_hook_returns_ends_the_evaluation(void **state) {
    (void)state;
    Node nodes[4];
    const NodeId args[] = {0, 1};
    Plan plan = junction_plan(nodes, args);
    Counter counter = {.code = -7};
    LaneHooks hooks = {.context = &counter, .leaf = count_leaf, .boxed = refuse_boxed};
    ENGINE_LANES_SCOPED frame = engine_lanes_new(&plan, NULL, &hooks, KERNEL_SIMD_BEST);
    const Lanes *lanes = NULL;
    engine_lanes_begin(frame, 3, 0);
    assert_int_equal(engine_lanes_node(frame, 2, &lanes), -7);
    assert_null(lanes);
    assert_false(engine_lanes_has(frame, 0));
    assert_false(engine_lanes_has(frame, 2));
    counter.code = 0; // it may be tried again
    assert_int_equal(engine_lanes_node(frame, 2, &lanes), 0);
    assert_int_equal(lanes->bits[0], 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lanes_are_the_evaluators_values_at_every_level),
        cmocka_unit_test(arguments_that_no_lane_needs_are_left_out),
        cmocka_unit_test(what_a_hook_returns_ends_the_evaluation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
