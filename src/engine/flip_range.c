// The next flip: trying later instants, and the bounds of a moving node over an interval.
//
// Every bound holds for the doubles that the evaluator computes, not only for real numbers:
// rounding keeps the order of its operands, so what rises still rises, and the rest is widened
// outwards.
#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/calendar.h"
#include "engine/flip_private.h"

// Degrees of a great circle are at most this long.
#define KM_A_DEGREE 111.2

// Beyond these, exact values may become null.
#define DECIMAL_SURE 9.999e13
#define INTEGER_SURE 9.22e18
#define BEYOND       1.001 // and so much farther out they are null for sure

// What a few operations may round off, as a share of the result.
#define ROUNDING 2e-15

// Integers up to here are exact as doubles.
#define NUMBER_EXACT 0x1p53

typedef struct Bounds {
    double low, high;
} Bounds;

FlipPlace engine_flip_go(Flips *flips, int64_t now_us) {
    Work *work = flips->work;
    FlipPlace place = {.now_us = work->now_us, .stamp = work->stamp};
    assert(work->visible_row == work->end_row || work->table->time_us[work->visible_row] > now_us);
    base_arena_reset(work->passing);
    work->now_us = now_us;
    work->stamp = ++flips->last_stamp;
    return place;
}

void engine_flip_back(Flips *flips, FlipPlace place) {
    flips->work->now_us = place.now_us;
    flips->work->stamp = place.stamp;
}

// ---- trials ----

static NodeId child_of(const Plan *plan, const Node *node, int32_t child) {
    return node->kind == NODE_FIT ? plan->fits[node->index].x : node->args[child];
}

static int32_t child_count(const Node *node) {
    return node->kind == NODE_FIT ? 1 : node->arg_count;
}

// Finds the shapes of everything that moves under the node, before any value is kept.
static void find_shapes(Flips *flips, NodeId id) {
    if (engine_flip_shape(flips, id).motion != MOTION_STILL) {
        const Node *node = &flips->plan->nodes[id];
        for (int32_t i = 0; i < child_count(node); i++) {
            find_shapes(flips, child_of(flips->plan, node, i));
        }
    }
}

static void hold(Flips *flips, NodeId id) {
    const Node *node = &flips->plan->nodes[id];
    flips->starts[id] = engine_flip_value(flips, id);
    if (flips->shapes[id].shape.motion != MOTION_STILL) {
        for (int32_t i = 0; i < child_count(node); i++) {
            hold(flips, child_of(flips->plan, node, i));
        }
        return;
    }
    if (flips->held_count == flips->held_capacity) {
        size_t capacity = flips->held_capacity * 2;
        NodeId *held = realloc(flips->held, capacity * sizeof(NodeId));
        if (held == NULL) {
            abort();
        }
        flips->held = held;
        flips->held_capacity = capacity;
    }
    flips->held[flips->held_count++] = id;
}

FlipTrial engine_flip_trial(Flips *flips, const NodeId *ids, int32_t count, int64_t until_us) {
    int64_t limit_us = flips->limit_us;
    FlipTrial trial = {
        .place = {.now_us = flips->work->now_us, .stamp = flips->work->stamp},
        .held_from = flips->held_count,
    };
    flips->limit_us = engine_flip_sooner(until_us, limit_us);
    for (int32_t i = 0; i < count; i++) {
        find_shapes(flips, ids[i]);
    }
    flips->limit_us = limit_us;
    for (int32_t i = 0; i < count; i++) {
        hold(flips, ids[i]);
    }
    flips->trial_from_us = trial.place.now_us;
    return trial;
}

static void stamp_held(Flips *flips, const FlipTrial *trial) {
    for (size_t i = trial->held_from; i < flips->held_count; i++) {
        flips->work->node_stamps[flips->held[i]] = flips->work->stamp;
    }
}

void engine_flip_trial_at(Flips *flips, const FlipTrial *trial, int64_t time_us) {
    assert(time_us >= trial->place.now_us);
    (void)engine_flip_go(flips, time_us);
    stamp_held(flips, trial);
}

void engine_flip_trial_end(Flips *flips, const FlipTrial *trial) {
    engine_flip_back(flips, trial->place);
    stamp_held(flips, trial);
    flips->held_count = trial->held_from;
}

int64_t engine_flip_sure_until(Flips *flips, const NodeId *ids, int32_t count, int64_t until_us,
                               FlipSure is_sure, const void *context) {
    int64_t low = flips->work->now_us, high = engine_flip_sooner(until_us, FLIP_END_US);
    if (high <= low + 1) {
        return until_us;
    }
    FlipTrial trial = engine_flip_trial(flips, ids, count, until_us);
    engine_flip_trial_at(flips, &trial, high - 1);
    if (is_sure(flips, context)) {
        low = high - 1;
    } else {
        engine_flip_trial_at(flips, &trial, low + 1);
        high = is_sure(flips, context) ? high : low + 1;
    }
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        engine_flip_trial_at(flips, &trial, middle);
        if (is_sure(flips, context)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    engine_flip_trial_end(flips, &trial);
    return engine_flip_sooner(high < FLIP_END_US ? high : INT64_MAX, until_us);
}

// ---- bounds as numbers ----

static double number_of(const Flips *flips, Value value) {
    switch (value.type) {
    case VALUE_DURATION:
        return (double)value.duration.us;
    case VALUE_DATE:
        return (double)base_zone_midnight(flips->work->zone, value.date);
    default:
        return engine_value_number(value);
    }
}

static bool is_countable(Value value) {
    switch (value.type) {
    case VALUE_INTEGER:
    case VALUE_DECIMAL:
    case VALUE_NUMBER:
    case VALUE_TIME:
    case VALUE_DATE:
        return true;
    case VALUE_DURATION:
        return value.duration.months == 0;
    default:
        return false;
    }
}

// Bounds of a range as numbers, as the evaluator converts them; false where it has none.
static bool bounds_of(const Flips *flips, const Range *range, Bounds *ret_bounds) {
    if (!range->is_known || range->low.is_null || range->high.is_null ||
        !is_countable(range->low) || !is_countable(range->high)) {
        return false;
    }
    *ret_bounds =
        (Bounds){.low = number_of(flips, range->low), .high = number_of(flips, range->high)};
    return true;
}

static bool is_always_null(const Range *range) {
    return range->is_known && range->low.is_null && range->high.is_null;
}

static Range null_range(ValueType type) {
    return (Range){.is_known = true, .low = data_value_null(type), .high = data_value_null(type)};
}

// Unknown where the evaluator may yield null instead.
static Range rough_range(ValueType type, double low, double high) {
    double sure = type == VALUE_DECIMAL   ? DECIMAL_SURE
                  : type == VALUE_INTEGER ? INTEGER_SURE
                                          : DBL_MAX;
    double lost = type == VALUE_NUMBER ? DBL_MAX : sure * BEYOND;
    if (low > lost || high < -lost) {
        return null_range(type); // too large all the time
    }
    if (!(low >= -sure) || !(high <= sure)) {
        return (Range){0};
    }
    if (type == VALUE_DECIMAL || low < -NUMBER_EXACT || high > NUMBER_EXACT) {
        low = nextafter(nextafter(low, -INFINITY), -INFINITY);
        high = nextafter(nextafter(high, INFINITY), INFINITY);
    }
    return (Range){.is_known = true,
                   .is_rough = true,
                   .low = {.type = VALUE_NUMBER, .number = low},
                   .high = {.type = VALUE_NUMBER, .number = high}};
}

// ---- free nodes ----

// Of products or quotients: those of the ends.
static Bounds of_corners(Bounds a, Bounds b, bool is_divided) {
    double x[2] = {a.low, a.high}, y[2] = {b.low, b.high};
    Bounds result = {.low = INFINITY, .high = -INFINITY};
    for (int i = 0; i < 4; i++) {
        double corner = is_divided ? x[i / 2] / y[i % 2] : x[i / 2] * y[i % 2];
        result.low = fmin(result.low, corner);
        result.high = fmax(result.high, corner);
    }
    return result;
}

static Range arithmetic_range(Flips *flips, const Node *node) {
    Range x = engine_flip_range(flips, node->args[0]), y = engine_flip_range(flips, node->args[1]);
    Bounds a, b;
    if (is_always_null(&x) || is_always_null(&y)) {
        return null_range(node->type);
    }
    if (!bounds_of(flips, &x, &a) || !bounds_of(flips, &y, &b)) {
        return (Range){0};
    }
    switch (node->kind) {
    case NODE_ADD:
        return rough_range(node->type, a.low + b.low, a.high + b.high);
    case NODE_SUBTRACT:
        return rough_range(node->type, a.low - b.high, a.high - b.low);
    case NODE_MULTIPLY: {
        Bounds product = of_corners(a, b, false);
        return rough_range(node->type, product.low, product.high);
    }
    default:
        if (b.low <= 0.0 && b.high >= 0.0) {
            bool is_zero =
                !y.is_rough && number_of(flips, y.low) == 0.0 && number_of(flips, y.high) == 0.0;
            return is_zero ? null_range(node->type) : (Range){0};
        }
        Bounds quotient = of_corners(a, b, true);
        return rough_range(node->type, quotient.low, quotient.high);
    }
}

// From a to b (or to now) in days.
static Range days_range(Flips *flips, const Node *node) {
    Range x = engine_flip_range(flips, node->args[0]), y = {0};
    Bounds a, b = {.low = (double)flips->trial_from_us, .high = (double)flips->work->now_us};
    bool is_between = node->function == CALL_DAYS_BETWEEN;
    if (is_between) {
        y = engine_flip_range(flips, node->args[1]);
    }
    if (is_always_null(&x) || (is_between && is_always_null(&y))) {
        return null_range(node->type);
    }
    if (!bounds_of(flips, &x, &a) || (is_between && !bounds_of(flips, &y, &b))) {
        return (Range){0};
    }
    double low = (b.low - a.high) / ENGINE_US_PER_DAY, high = (b.high - a.low) / ENGINE_US_PER_DAY;
    if (is_between && flips->plan->nodes[node->args[0]].type == VALUE_DATE &&
        flips->plan->nodes[node->args[1]].type == VALUE_DATE) {
        low -= 2.0; // of whole days, in a zone whose days differ in length
        high += 2.0;
    }
    return node->function == CALL_DAYS_UNTIL ? rough_range(VALUE_NUMBER, -high, -low)
                                             : rough_range(VALUE_NUMBER, low, high);
}

static Range rounded_range(const Flips *flips, const Node *node, const Range *x) {
    Bounds a;
    if (is_always_null(x) || !bounds_of(flips, x, &a)) {
        return is_always_null(x) ? null_range(node->type) : (Range){0};
    }
    if (node->function == CALL_FLOOR || node->function == CALL_CEIL) {
        bool is_floor = node->function == CALL_FLOOR;
        return rough_range(node->type, is_floor ? floor(a.low) : ceil(a.low),
                           is_floor ? floor(a.high) : ceil(a.high));
    }
    if (node->function == CALL_ABS) {
        double low = a.low > 0.0 ? a.low : a.high < 0.0 ? -a.high : 0.0;
        return rough_range(node->type, low, fmax(fabs(a.low), fabs(a.high)));
    }
    Value places = flips->starts[node->args[1]];
    if (places.is_null) {
        return null_range(node->type);
    }
    double step = pow(10.0, -(double)places.integer);
    return rough_range(node->type, a.low - step, a.high + step);
}

// least, greatest: of those that are not null.
static Range extreme_range(Flips *flips, const Node *node) {
    bool is_greatest = node->function == CALL_GREATEST, has_any = false;
    Bounds best = {0};
    for (int32_t i = 0; i < node->arg_count; i++) {
        Range x = engine_flip_range(flips, node->args[i]);
        Bounds a;
        if (is_always_null(&x)) {
            continue;
        }
        if (!bounds_of(flips, &x, &a)) {
            return (Range){0};
        }
        if (!has_any) {
            best = a;
        } else if (is_greatest) {
            best = (Bounds){.low = fmax(best.low, a.low), .high = fmax(best.high, a.high)};
        } else {
            best = (Bounds){.low = fmin(best.low, a.low), .high = fmin(best.high, a.high)};
        }
        has_any = true;
    }
    return has_any ? rough_range(node->type, best.low, best.high) : null_range(node->type);
}

static Range coalesce_range(Flips *flips, const Node *node) {
    for (int32_t i = 0; i < node->arg_count; i++) {
        Range x = engine_flip_range(flips, node->args[i]);
        if (!is_always_null(&x)) {
            bool is_sure = x.is_known && !x.low.is_null && !x.high.is_null;
            return is_sure ? x : (Range){0};
        }
    }
    return null_range(node->type);
}

// A point that moves by some degrees comes nearer or farther by no more than their length.
static Range distance_range(Flips *flips, const Node *node) {
    Value start = flips->starts[node - flips->plan->nodes];
    double moved = 0.0;
    for (int32_t i = 0; i < 4; i++) {
        Range x = engine_flip_range(flips, node->args[i]);
        Bounds a;
        if (is_always_null(&x)) {
            return null_range(node->type);
        }
        if (!bounds_of(flips, &x, &a) || (i % 2 == 0 && (a.low < -90.0 || a.high > 90.0))) {
            return (Range){0};
        }
        moved += a.high - a.low;
    }
    if (start.is_null) {
        return (Range){0};
    }
    double slack = 1e-6 + moved * KM_A_DEGREE;
    return rough_range(VALUE_NUMBER, start.number - slack, start.number + slack);
}

static Range call_range(Flips *flips, const Node *node) {
    Range x;
    switch (node->function) {
    case CALL_DAYS_SINCE:
    case CALL_DAYS_UNTIL:
    case CALL_DAYS_BETWEEN:
        return days_range(flips, node);
    case CALL_ABS:
    case CALL_ROUND:
    case CALL_FLOOR:
    case CALL_CEIL:
        x = engine_flip_range(flips, node->args[0]);
        return rounded_range(flips, node, &x);
    case CALL_LEAST:
    case CALL_GREATEST:
        return extreme_range(flips, node);
    case CALL_COALESCE:
        return coalesce_range(flips, node);
    case CALL_IF: {
        Value condition = flips->starts[node->args[0]];
        return engine_flip_range(flips,
                                 node->args[!condition.is_null && condition.boolean ? 1 : 2]);
    }
    case CALL_DISTANCE_KM:
        return distance_range(flips, node);
    default:
        return (Range){0};
    }
}

static Range fit_range(Flips *flips, const Node *node) {
    Range x = engine_flip_range(flips, flips->plan->fits[node->index].x);
    const FitBounds *fit = &flips->work->fits->fits[node->index];
    if (!x.is_known || x.low.is_null != x.high.is_null) {
        return (Range){0};
    }
    return (Range){.is_known = true,
                   .low = engine_fit_value(fit, x.low),
                   .high = engine_fit_value(fit, x.high)};
}

static Range free_range(Flips *flips, NodeId id) {
    const Node *node = &flips->plan->nodes[id];
    Bounds a;
    switch (node->kind) {
    case NODE_METRIC:
        return engine_flip_range(flips, node->args[0]);
    case NODE_NEGATE: {
        Range x = engine_flip_range(flips, node->args[0]);
        if (is_always_null(&x) || !bounds_of(flips, &x, &a)) {
            return is_always_null(&x) ? null_range(node->type) : (Range){0};
        }
        return rough_range(node->type, -a.high, -a.low);
    }
    case NODE_ADD:
    case NODE_SUBTRACT:
    case NODE_MULTIPLY:
    case NODE_DIVIDE:
        return arithmetic_range(flips, node);
    case NODE_CALL:
        return call_range(flips, node);
    case NODE_FIT:
        return fit_range(flips, node);
    default:
        return (Range){0};
    }
}

static double size_of(const Flips *flips, Value value) {
    return value.is_null || !is_countable(value) ? 0.0 : fabs(number_of(flips, value));
}

double engine_flip_slack(Flips *flips, NodeId id) {
    const Node *node = &flips->plan->nodes[id];
    const Shape *shape = &flips->shapes[id].shape;
    if (shape->motion == MOTION_STILL || shape->is_exact) {
        return 0.0;
    }
    double slack = ROUNDING * (size_of(flips, flips->starts[id]) +
                               size_of(flips, engine_flip_value(flips, id)));
    if (node->kind == NODE_MULTIPLY || node->kind == NODE_DIVIDE) {
        bool is_first = flips->shapes[node->args[0]].shape.motion == MOTION_STILL;
        NodeId moving = node->args[is_first ? 1 : 0];
        double factor = size_of(flips, flips->starts[node->args[is_first ? 0 : 1]]);
        factor = node->kind == NODE_DIVIDE ? 1.0 / factor : factor;
        return slack + engine_flip_slack(flips, moving) * factor;
    }
    if (node->kind == NODE_CALL && node->function == CALL_IF) {
        return slack + engine_flip_slack(flips, node->args[1]) +
               engine_flip_slack(flips, node->args[2]);
    }
    for (int32_t i = 0; i < node->arg_count; i++) {
        if (flips->shapes[node->args[i]].shape.is_affine) {
            slack += engine_flip_slack(flips, node->args[i]);
        }
    }
    return slack;
}

// Of a straight line: what lies between its ends, but for rounding.
static Range line_range(Flips *flips, NodeId id) {
    Value start = flips->starts[id], end = engine_flip_value(flips, id);
    if (start.is_null || end.is_null || start.type != VALUE_NUMBER || end.type != VALUE_NUMBER) {
        return free_range(flips, id);
    }
    double slack = engine_flip_slack(flips, id);
    return rough_range(VALUE_NUMBER, fmin(start.number, end.number) - slack,
                       fmax(start.number, end.number) + slack);
}

Range engine_flip_range(Flips *flips, NodeId id) {
    Motion motion = flips->shapes[id].shape.motion;
    Value start = flips->starts[id];
    if (motion == MOTION_STILL) {
        return (Range){.is_known = true, .low = start, .high = start};
    }
    if (motion == MOTION_FREE) {
        return flips->shapes[id].shape.is_affine ? line_range(flips, id) : free_range(flips, id);
    }
    Value end = engine_flip_value(flips, id);
    bool is_rising = motion == MOTION_RISING;
    return (Range){.is_known = start.is_null == end.is_null,
                   .low = is_rising ? start : end,
                   .high = is_rising ? end : start};
}

int engine_flip_order(const Flips *flips, NodeId id_a, Value a, NodeId id_b, Value b) {
    const Plan *plan = flips->plan;
    assert(!a.is_null && !b.is_null);
    bool is_time = plan->nodes[id_a].type == VALUE_TIME || plan->nodes[id_b].type == VALUE_TIME;
    if (is_time && a.type == VALUE_DATE) {
        bool is_constant = plan->nodes[id_a].kind == NODE_CONST;
        a = (Value){.type = VALUE_TIME,
                    .time_us = engine_value_instant(flips->work, a, is_constant)};
    }
    if (is_time && b.type == VALUE_DATE) {
        bool is_constant = plan->nodes[id_b].kind == NODE_CONST;
        b = (Value){.type = VALUE_TIME,
                    .time_us = engine_value_instant(flips->work, b, is_constant)};
    }
    if (a.type == b.type || !is_countable(a) || !is_countable(b) ||
        (a.type != VALUE_TIME && b.type != VALUE_TIME && a.type != VALUE_DURATION &&
         b.type != VALUE_DURATION && a.type != VALUE_DATE && b.type != VALUE_DATE)) {
        return engine_value_order(a, b);
    }
    double x = number_of(flips, a), y = number_of(flips, b);
    return (x > y) - (x < y);
}
