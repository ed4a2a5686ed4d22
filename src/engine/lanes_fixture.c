#include "engine/lanes_fixture.h"

// cmocka wants these first
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"

// ---- chance ----

uint64_t lanes_chance_next(Chance *chance) { // splitmix64
    uint64_t z = chance->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

size_t lanes_chance_below(Chance *chance, size_t count) {
    return lanes_chance_next(chance) % count;
}

bool lanes_chance_percent(Chance *chance, size_t percent) {
    return lanes_chance_below(chance, 100) < percent;
}

// ---- random nodes over random traits ----

static const int64_t integers[] = {0,
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
                                   15};
static const int64_t decimals[] = {0,
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
                                   100000};
static const double numbers[] = {0.0,
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
                                 90.0};
static const char *const texts[] = {"",  "a", "b",   "ab",  "abc",    "Anna",          "ANNA",
                                    "å", "Å", "tea", "a_c", "abcabc", "Europe/London", "z"};
static const char *const zones[] = {"Europe/London", "America/New_York", "Asia/Kolkata", "nowhere"};

static Str pick_text(LaneWorld *world) {
    return base_str_from(CHANCE_PICK(&world->chance, texts));
}

// At, just before or just after the edge of a window in one of the zones.
static int64_t pick_edge(LaneWorld *world) {
    Chance *chance = &world->chance;
    CalendarUnit unit = (CalendarUnit)lanes_chance_below(chance, UNIT_YEAR + 1);
    int64_t n = 1 + (int64_t)lanes_chance_below(chance, 4);
    const Zone *zone = base_zone_find(base_str_from(zones[lanes_chance_below(chance, 3)]));
    int64_t edge_us = lanes_chance_percent(chance, 50)
                          ? base_zone_window_start(zone, world->now_us, unit, n)
                          : base_zone_add(zone, world->now_us, unit, n);
    return edge_us + (int64_t)lanes_chance_below(chance, 3) - 1;
}

// Times gather around now, so that windows cut them.
static int64_t pick_time(LaneWorld *world) {
    static const int64_t steps[] = {0, 1, -1, 3600000000, 86400000000, -86400000000, 604800000000};
    switch (lanes_chance_below(&world->chance, 16)) {
    case 0:
        return CALENDAR_TIME_MIN;
    case 1:
        return CALENDAR_TIME_MAX;
    case 2:
        return (int64_t)(lanes_chance_next(&world->chance) % 4000000000000000);
    case 3:
    case 4:
    case 5:
    case 6:
        return pick_edge(world);
    default:
        return world->now_us -
               (int64_t)lanes_chance_below(&world->chance, 100) * CALENDAR_US_PER_DAY +
               CHANCE_PICK(&world->chance, steps);
    }
}

static Value pick_value(LaneWorld *world, ValueType type) {
    Chance *chance = &world->chance;
    Value value = {.type = type};
    switch (type) {
    case VALUE_BOOLEAN:
        value.boolean = lanes_chance_percent(chance, 50);
        break;
    case VALUE_INTEGER:
        value.integer = lanes_chance_percent(chance, 40) ? (int64_t)lanes_chance_below(chance, 20)
                                                         : CHANCE_PICK(chance, integers);
        break;
    case VALUE_DECIMAL:
        value.decimal = lanes_chance_percent(chance, 40)
                            ? (int64_t)lanes_chance_below(chance, 20) * 2500
                            : CHANCE_PICK(chance, decimals);
        break;
    case VALUE_NUMBER:
        value.number = lanes_chance_percent(chance, 40)
                           ? (double)lanes_chance_below(chance, 20) / 4.0
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
        value.list.count = lanes_chance_below(chance, 4);
        for (size_t i = 0; i < value.list.count; i++) {
            items[i] = pick_text(world);
        }
        break;
    }
    case VALUE_DURATION:
        value.duration.us =
            ((int64_t)lanes_chance_below(chance, 200) - 100) * CALENDAR_US_PER_DAY / 2;
        break;
    default:
        return data_value_null(type);
    }
    return value;
}

static NodeId add_node(LaneWorld *world, Node node, const NodeId *args, int32_t arg_count) {
    NodeId *copy = base_arena_alloc_array(world->arena, (size_t)arg_count + 1, sizeof(NodeId));
    for (int32_t i = 0; i < arg_count; i++) {
        copy[i] = args[i];
        assert_true(args[i] < world->plan.node_count);
    }
    node.args = copy;
    node.arg_count = arg_count;
    assert_true(world->plan.node_count < LANES_NODES_MAX);
    world->nodes[world->plan.node_count] = node;
    return world->plan.node_count++;
}

static NodeId add_constant(LaneWorld *world, Value value) {
    return add_node(world, (Node){.kind = NODE_CONST, .type = value.type, .value = value}, NULL, 0);
}

static NodeId pick_constant(LaneWorld *world, ValueType type) {
    Value value = pick_value(world, type);
    return add_constant(world,
                        lanes_chance_percent(&world->chance, 3) ? data_value_null(type) : value);
}

// A node of the type made before; lists and durations have few.
static NodeId pick_node(LaneWorld *world, ValueType type) {
    for (int tries = 0; tries < 60; tries++) {
        NodeId id = (NodeId)lanes_chance_below(&world->chance, (size_t)world->plan.node_count);
        const Node *node = &world->nodes[id];
        bool has_months = type == VALUE_DURATION && node->kind == NODE_CONST &&
                          node->value.duration.months != 0; // has no order
        if (node->type == type && !has_months) {
            return id;
        }
    }
    return pick_constant(world, type == VALUE_LIST ? VALUE_NULL : type);
}

static ValueType pick_numeric(LaneWorld *world) {
    static const ValueType types[] = {VALUE_INTEGER, VALUE_DECIMAL, VALUE_NUMBER};
    return CHANCE_PICK(&world->chance, types);
}

static ValueType pick_type(LaneWorld *world) {
    static const ValueType types[] = {VALUE_INTEGER, VALUE_DECIMAL, VALUE_NUMBER,  VALUE_TEXT,
                                      VALUE_TIME,    VALUE_DATE,    VALUE_INTEGER, VALUE_BOOLEAN};
    return CHANCE_PICK(&world->chance, types);
}

// A type that compares with this one, also across the numbers and the calendar.
static ValueType pick_partner(LaneWorld *world, ValueType type) {
    if (type == VALUE_INTEGER || type == VALUE_DECIMAL || type == VALUE_NUMBER) {
        return pick_numeric(world);
    }
    if (type == VALUE_TIME || type == VALUE_DATE) {
        return lanes_chance_percent(&world->chance, 20)
                   ? (type == VALUE_TIME ? VALUE_DATE : VALUE_TIME)
                   : type;
    }
    return type;
}

static NodeId pick_operand(LaneWorld *world, ValueType type) {
    if (lanes_chance_percent(&world->chance, 2)) {
        return add_constant(world, data_value_null(VALUE_NULL));
    }
    return lanes_chance_percent(&world->chance, 45) ? pick_constant(world, type)
                                                    : pick_node(world, type);
}

// ---- kinds of nodes ----

static void add_comparison(LaneWorld *world) {
    Chance *chance = &world->chance;
    ValueType type = lanes_chance_percent(chance, 10) ? VALUE_DURATION : pick_type(world);
    NodeId args[2] = {pick_node(world, type), pick_operand(world, pick_partner(world, type))};
    if (lanes_chance_percent(chance, 20)) {
        NodeId a = args[0];
        args[0] = args[1];
        args[1] = a;
    }
    Node node = {.kind = NODE_COMPARE, .type = VALUE_BOOLEAN};
    node.compare = (CompareOp)lanes_chance_below(chance, type == VALUE_BOOLEAN ? 2 : 6);
    add_node(world, node, args, 2);
}

static void add_membership(LaneWorld *world) {
    Chance *chance = &world->chance;
    bool is_between = lanes_chance_percent(chance, 40);
    ValueType type = pick_type(world);
    if (is_between && type == VALUE_BOOLEAN) {
        type = VALUE_INTEGER;
    }
    NodeId args[LANES_ARGS_MAX];
    int32_t count = is_between                         ? 3
                    : lanes_chance_percent(chance, 20) ? LANES_ARGS_MAX
                                                       : 2 + (int32_t)lanes_chance_below(chance, 5);
    args[0] = pick_node(world, type);
    ValueType partner = pick_partner(world, type);
    for (int32_t i = 1; i < count; i++) {
        args[i] = lanes_chance_percent(chance, is_between ? 60 : 97) ? pick_constant(world, partner)
                                                                     : pick_operand(world, partner);
    }
    add_node(world,
             (Node){.kind = is_between ? NODE_BETWEEN : NODE_IN,
                    .type = VALUE_BOOLEAN,
                    .is_negated = lanes_chance_percent(chance, 40)},
             args, count);
}

static void add_logic(LaneWorld *world) {
    Chance *chance = &world->chance;
    NodeId args[4];
    int32_t count = 2 + (int32_t)lanes_chance_below(chance, 3);
    for (int32_t i = 0; i < count; i++) {
        args[i] = lanes_chance_percent(chance, 4) ? add_constant(world, data_value_null(VALUE_NULL))
                                                  : pick_node(world, VALUE_BOOLEAN);
    }
    Node node = {.type = VALUE_BOOLEAN};
    switch (lanes_chance_below(chance, 6)) {
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

static void add_question(LaneWorld *world) { // is null, within, match, a metric
    Chance *chance = &world->chance;
    ValueType calendar = lanes_chance_percent(chance, 80) ? VALUE_TIME : VALUE_DATE;
    NodeId arg = pick_node(world, pick_type(world));
    Node node = {.type = VALUE_BOOLEAN, .is_negated = lanes_chance_percent(chance, 30)};
    switch (lanes_chance_below(chance, 4)) {
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
        node.match = (MatchOp)lanes_chance_below(chance, 6);
        if (!world->nodes[args[1]].value.is_null) {
            add_node(world, node, args, 2);
        }
        break;
    }
    default:
        arg = pick_node(world, calendar);
        node.kind = NODE_WITHIN;
        node.within.is_next = lanes_chance_percent(chance, 40);
        node.within.unit = (CalendarUnit)lanes_chance_below(chance, UNIT_YEAR + 1);
        node.within.amount =
            1 + (int64_t)lanes_chance_below(chance, lanes_chance_percent(chance, 70) ? 4 : 60);
        add_node(world, node, &arg, 1);
    }
}

static ValueType wider(ValueType a, ValueType b) {
    return a > b ? a : b;
}

static void add_arithmetic(LaneWorld *world) {
    Chance *chance = &world->chance;
    ValueType a = pick_numeric(world), b = pick_numeric(world);
    NodeId args[2] = {pick_node(world, a), pick_operand(world, b)};
    a = world->nodes[args[0]].type;
    b = world->nodes[args[1]].type;
    NodeKind kind = (NodeKind)(NODE_NEGATE + lanes_chance_below(chance, 5));
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

static void add_calendar(LaneWorld *world) {
    Chance *chance = &world->chance;
    if (lanes_chance_percent(chance, 30)) {
        NodeId args[2] = {pick_node(world, VALUE_TIME), pick_node(world, VALUE_TIME)};
        add_node(world, (Node){.kind = NODE_SUBTRACT, .type = VALUE_DURATION}, args, 2);
        return;
    }
    Value length = pick_value(world, VALUE_DURATION);
    if (lanes_chance_percent(chance, 20)) {
        length.duration.months = (int64_t)lanes_chance_below(chance, 30) - 15;
    }
    if (lanes_chance_percent(chance, 10)) {
        length.duration.us = CHANCE_PICK(chance, integers) / 2 * 2;
    }
    NodeId args[2] = {pick_node(world, VALUE_TIME), add_constant(world, length)};
    bool is_sum = lanes_chance_percent(chance, 60),
         is_turned = is_sum && lanes_chance_percent(chance, 20);
    if (length.duration.us == INT64_MIN) {
        is_sum = true;
    }
    NodeId turned[2] = {args[1], args[0]};
    add_node(world, (Node){.kind = is_sum ? NODE_ADD : NODE_SUBTRACT, .type = VALUE_TIME},
             is_turned ? turned : args, 2);
}

static void add_days(LaneWorld *world) {
    Chance *chance = &world->chance;
    static const CallFunction functions[] = {
        CALL_DAYS_SINCE,          CALL_DAYS_UNTIL, CALL_DAYS_BETWEEN, CALL_DAYS_SINCE,
        CALL_CALENDAR_DAYS_SINCE, CALL_AGE,        CALL_WEEKDAY,      CALL_ANNIVERSARY};
    ValueType type = lanes_chance_percent(chance, 75) ? VALUE_TIME : VALUE_DATE;
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

static void add_completed(LaneWorld *world) {
    Chance *chance = &world->chance;
    Value length = pick_value(world, VALUE_DURATION);
    length.duration.us = length.duration.us < 0 ? -length.duration.us : length.duration.us;
    if (lanes_chance_percent(chance, 20)) {
        length.duration.us = 0;
        length.duration.months = (int64_t)lanes_chance_below(chance, 30);
    }
    NodeId args[2] = {pick_node(world, lanes_chance_percent(chance, 70) ? VALUE_TIME : VALUE_DATE),
                      add_constant(world, length)};
    Node node = {.kind = NODE_CALL, .type = VALUE_BOOLEAN};
    node.function = CALL_COMPLETED;
    add_node(world, node, args, 2);
}

static void add_rounding(LaneWorld *world) {
    Chance *chance = &world->chance;
    static const CallFunction functions[] = {CALL_ABS, CALL_ROUND, CALL_ROUND, CALL_FLOOR,
                                             CALL_CEIL};
    Value places = {.type = VALUE_INTEGER, .integer = (int64_t)lanes_chance_below(chance, 34) - 18};
    if (lanes_chance_percent(chance, 50)) {
        places.integer = (int64_t)lanes_chance_below(chance, 5) - 2;
    }
    NodeId args[2] = {pick_node(world, pick_numeric(world)), add_constant(world, places)};
    Node node = {.kind = NODE_CALL, .type = world->nodes[args[0]].type};
    node.function = CHANCE_PICK(chance, functions);
    add_node(world, node, args, node.function == CALL_ROUND ? 2 : 1);
}

static void add_choice(LaneWorld *world) {
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
    int32_t count = is_if ? 3 : 1 + (int32_t)lanes_chance_below(chance, 4);
    for (int32_t i = 0; i < count; i++) {
        args[i] = is_if && i == 0 ? pick_node(world, VALUE_BOOLEAN)
                                  : pick_operand(world, is_numeric ? pick_numeric(world) : type);
        ValueType own = world->nodes[args[i]].type;
        node.type = is_if && i == 0 ? VALUE_NULL : wider(node.type, own);
    }
    add_node(world, node, args, count);
}

static void add_text_call(LaneWorld *world) {
    Chance *chance = &world->chance;
    NodeId text = pick_node(world, VALUE_TEXT), list = pick_node(world, VALUE_LIST);
    NodeId args[3] = {list, text, pick_operand(world, VALUE_TEXT)};
    Node node = {.kind = NODE_CALL, .type = VALUE_INTEGER};
    switch (lanes_chance_below(chance, 4)) {
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

static void add_fit(LaneWorld *world) {
    Chance *chance = &world->chance;
    if (world->plan.fit_count == LANES_FITS_MAX) {
        return;
    }
    int32_t index = world->plan.fit_count++;
    FitBounds *fit = &world->bounds[index];
    *fit = (FitBounds){.kind = (FitKind)lanes_chance_below(chance, 3)};
    size_t most = fit->kind == FIT_TOP               ? 2
                  : lanes_chance_percent(chance, 50) ? 10
                                                     : LANES_BOUNDS_MAX;
    fit->bound_count = lanes_chance_below(chance, most);
    fit->bounds = base_arena_alloc_array(world->arena, fit->bound_count + 1, sizeof(double));
    fit->cumulative = base_arena_alloc_array(world->arena, fit->bound_count + 1, sizeof(uint64_t));
    for (size_t i = 0; i < fit->bound_count; i++) {
        fit->bounds[i] = pick_value(world, VALUE_NUMBER).number;
        fit->cumulative[i] = (i + 1) * 3;
    }
    qsort(fit->bounds, fit->bound_count, sizeof(double), compare_numbers);
    fit->customer_count = lanes_chance_percent(chance, 90) ? 3 * LANES_BOUNDS_MAX : 0;
    world->fits[index] = (Fit){
        .kind = fit->kind,
        .tiles = (int64_t)fit->bound_count + 1,
        .x = pick_node(world, pick_numeric(world)),
        .where = lanes_chance_percent(chance, 50) ? pick_node(world, VALUE_BOOLEAN) : NODE_NONE};
    static const ValueType types[] = {
        [FIT_NTILE] = VALUE_INTEGER, [FIT_PERCENTILE] = VALUE_NUMBER, [FIT_TOP] = VALUE_BOOLEAN};
    add_node(world, (Node){.kind = NODE_FIT, .type = types[fit->kind], .index = index}, NULL, 0);
}

static void add_random(LaneWorld *world) {
    static void (*const adders[])(LaneWorld *) = {
        add_comparison, add_comparison, add_membership, add_logic,    add_question,
        add_arithmetic, add_arithmetic, add_calendar,   add_days,     add_choice,
        add_rounding,   add_text_call,  add_fit,        add_completed};
    CHANCE_PICK(&world->chance, adders)(world);
}

// ---- the lanes' customers ----

static const ValueType trait_types[] = {VALUE_TEXT,    VALUE_BOOLEAN, VALUE_INTEGER, VALUE_INTEGER,
                                        VALUE_INTEGER, VALUE_DECIMAL, VALUE_DECIMAL, VALUE_DECIMAL,
                                        VALUE_NUMBER,  VALUE_NUMBER,  VALUE_NUMBER,  VALUE_TEXT,
                                        VALUE_TEXT,    VALUE_TIME,    VALUE_TIME,    VALUE_DATE,
                                        VALUE_DATE,    VALUE_LIST,    VALUE_BOOLEAN, VALUE_TIME};
_Static_assert(sizeof trait_types / sizeof trait_types[0] == LANES_TRAITS_MAX,
               "a type for each trait");

// One `identify` each, with some traits; trait 0 is the zone.
static void make_table(LaneWorld *world) {
    enum { COUNT = LANE_COUNT_MAX };
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
    for (int32_t t = 0; t < LANES_TRAITS_MAX; t++) {
        ValueType type = trait_types[t];
        void *values = base_arena_alloc_array(arena, COUNT, data_table_value_size(type));
        uint8_t *valid = base_arena_alloc(arena, COUNT);
        size_t null_percent = lanes_chance_percent(&world->chance, 30) ? 0 : 15;
        for (size_t i = 0; i < COUNT; i++) {
            Value value = pick_value(world, type);
            if (t == 0) {
                value.text = base_str_from(CHANCE_PICK(&world->chance, zones));
            }
            valid[i] = !lanes_chance_percent(&world->chance, null_percent);
            if (valid[i]) {
                data_table_put(values, i, value);
            }
        }
        world->values[t] = (TableColumn){.type = type, .values = values, .valid = valid};
        world->columns[t] = (PlanColumn){.column = STR("x"), .type = type};
        world->traits[t] = (PlanTrait){.name = STR("x"), .column = t, .type = type};
    }
    world->event = (PlanEvent){.name = STR("identify")};
    world->table = (EventTable){.customer_count = COUNT,
                                .customer_ids = ids,
                                .first_row = first_row,
                                .row_count = COUNT,
                                .time_us = time_us,
                                .event = base_arena_alloc_array(arena, COUNT, sizeof(uint16_t)),
                                .is_any = base_arena_alloc(arena, COUNT),
                                .columns = world->values,
                                .column_count = LANES_TRAITS_MAX};
}

// Products at the limit of decimals, which chance would hardly meet.
static void add_edges(LaneWorld *world) {
    static const int64_t factors[][2] = {
        {1000000000, 1000000000}, {-1000000000, 1000000000}, {999999999, 1000000001}};
    for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++) {
        NodeId args[2] = {
            add_constant(world, (Value){.type = VALUE_INTEGER, .integer = factors[i][0]}),
            add_constant(world, (Value){.type = VALUE_DECIMAL, .decimal = factors[i][1]})};
        add_node(world, (Node){.kind = NODE_MULTIPLY, .type = VALUE_DECIMAL}, args, 2);
    }
}

static void make_plan(LaneWorld *world) {
    Plan *plan = &world->plan;
    plan->nodes = world->nodes;
    plan->fits = world->fits;
    plan->events = &world->event;
    plan->event_count = 1;
    plan->columns = world->columns;
    plan->column_count = LANES_TRAITS_MAX;
    plan->traits = world->traits;
    plan->trait_count = LANES_TRAITS_MAX;
    plan->value = NODE_NONE;
    plan->country_trait = -1;
    for (int32_t t = 0; t < LANES_TRAITS_MAX; t++) {
        add_node(world, (Node){.kind = NODE_TRAIT, .type = trait_types[t], .index = t}, NULL, 0);
    }
    add_node(world, (Node){.kind = NODE_NOW, .type = VALUE_TIME}, NULL, 0);
    add_edges(world);
    while (plan->node_count < LANES_NODES_MAX - 2 * LANES_ARGS_MAX) {
        add_random(world);
    }
    world->fit_set = (FitSet){.fits = world->bounds, .count = (size_t)plan->fit_count};
}

static void make_works(LaneWorld *world) {
    KretsError error = {0};
    assert_int_equal(engine_ready_make(&world->plan, &world->ready, &error), 0);
    for (size_t i = 0; i < LANE_COUNT_MAX; i++) {
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

LaneWorld *lanes_world_new(uint64_t seed) {
    LaneWorld *world = calloc(1, sizeof(LaneWorld));
    assert_non_null(world);
    KretsError error = {0};
    world->arena = base_arena_new(SIZE_MAX);
    world->chance.state = seed;
    assert_int_equal(base_zone_open(STR("Europe/Stockholm"), &world->plan.zone, &error), 0);
    world->plan.zone_trait = lanes_chance_percent(&world->chance, 50) ? 0 : -1;
    world->now_us = INT64_C(1774000000000000) +
                    (int64_t)lanes_chance_below(&world->chance, 100) * CALENDAR_US_PER_DAY / 7;
    make_table(world);
    make_plan(world);
    make_works(world);
    return world;
}

void lanes_world_free(LaneWorld *world) {
    for (size_t i = 0; i < LANE_COUNT_MAX; i++) {
        engine_work_free(world->works[i]);
        engine_work_free(world->helpers[i]);
    }
    engine_ready_free(world->ready);
    base_arena_free(world->arena);
    free(world);
}
