// The next flip: what each kind of node does from now on.
#include <assert.h>
#include <math.h>

#include "base/calendar.h"
#include "engine/flip_private.h"

// So far from the calendar's ends sums of times and months are not cut off within a day.
#define SURE_US (INT64_C(1000) * CALENDAR_US_PER_DAY)

static Motion reversed(Motion motion) {
    return motion == MOTION_RISING    ? MOTION_FALLING
           : motion == MOTION_FALLING ? MOTION_RISING
                                      : motion;
}

static Motion together(Motion a, Motion b) {
    return a == MOTION_STILL || a == b ? b : b == MOTION_STILL ? a : MOTION_FREE;
}

static Shape reversed_shape(Shape shape) {
    shape.motion = reversed(shape.motion);
    shape.slope = -shape.slope;
    return shape;
}

static Shape now_shape(const Flips *flips) {
    return (Shape){.until_us = flips->limit_us,
                   .motion = MOTION_RISING,
                   .is_exact = true,
                   .is_affine = true,
                   .slope = 1.0};
}

static bool is_straight(const Shape *shape) {
    return shape->motion == MOTION_STILL || shape->is_affine;
}

// The sum of two shapes, as far as both are sure.
static Shape sum_shape(Shape a, Shape b) {
    Shape sum = {.until_us = engine_flip_sooner(a.until_us, b.until_us),
                 .motion = together(a.motion, b.motion),
                 .is_daily = (a.is_daily || a.motion == MOTION_STILL) &&
                             (b.is_daily || b.motion == MOTION_STILL),
                 .is_affine = is_straight(&a) && is_straight(&b),
                 .slope = engine_flip_steeper(a.slope, -b.slope)};
    sum.is_exact =
        (a.is_exact && b.motion == MOTION_STILL) || (b.is_exact && a.motion == MOTION_STILL);
    if (a.is_exact && b.is_exact && sum.slope == 0.0) {
        sum = (Shape){.until_us = sum.until_us}; // what the one gains the other loses
    }
    return sum;
}

static Shape still_until(int64_t until_us) {
    return (Shape){.until_us = until_us};
}

static int64_t args_until(Flips *flips, const Node *node) {
    int64_t until_us = flips->limit_us;
    for (int32_t i = 0; i < node->arg_count; i++) {
        (void)engine_flip_shape_within(flips, node->args[i], &until_us);
    }
    return until_us;
}

// The last instant of a shape at which the calendar still goes on.
static int64_t last_of(const Shape *shape) {
    return engine_flip_sooner(shape->until_us, FLIP_END_US) - 1;
}

// The value of a node at the last instant of its shape.
static Value last_value(Flips *flips, NodeId id, const Shape *shape) {
    int64_t last_us = last_of(shape);
    if (last_us <= flips->work->now_us) {
        return engine_flip_value(flips, id);
    }
    FlipTrial trial = engine_flip_trial(flips, &id, 1, shape->until_us);
    engine_flip_trial_at(flips, &trial, last_us);
    Value value = engine_flip_value(flips, id);
    engine_flip_trial_end(flips, &trial);
    return value;
}

typedef struct NullTrial {
    NodeId id;
    bool is_null;
} NullTrial;

static bool has_same_nullness(Flips *flips, const void *context) {
    const NullTrial *trial = context;
    return engine_flip_value(flips, trial->id).is_null == trial->is_null;
}

// A node that is null, or is not, for all of its shape: ends it where that changes.
static Shape settle_null(Flips *flips, NodeId id, int64_t *until_us) {
    Shape shape = engine_flip_shape_within(flips, id, until_us);
    if (shape.motion == MOTION_STILL || shape.motion == MOTION_FREE) {
        return shape;
    }
    bool is_null = engine_flip_value(flips, id).is_null;
    NullTrial trial = {.id = id, .is_null = is_null};
    shape.until_us =
        engine_flip_sure_until(flips, &id, 1, shape.until_us, has_same_nullness, &trial);
    *until_us = shape.until_us;
    shape.motion = is_null ? MOTION_STILL : shape.motion;
    return shape;
}

// ---- arithmetic ----

static bool is_still_null(Flips *flips, NodeId id, const Shape *shape) {
    return shape->motion == MOTION_STILL && engine_flip_value(flips, id).is_null;
}

static int sign_of(Value value) {
    double number = engine_value_number(value);
    return (number > 0.0) - (number < 0.0);
}

// A point of time moved by a length, one of which moves with now.
static Shape shifted_shape(Flips *flips, const Node *node, Shape a, Shape b) {
    const Node *first = &flips->plan->nodes[node->args[0]];
    bool is_point_first = first->type == VALUE_TIME || first->type == VALUE_DATE;
    NodeId point_id = node->args[is_point_first ? 0 : 1];
    NodeId length_id = node->args[is_point_first ? 1 : 0];
    Shape point = is_point_first ? a : b, length = is_point_first ? b : a;
    Value by = engine_flip_value(flips, length_id), at = engine_flip_value(flips, point_id);
    Value sum = engine_flip_value(flips, (NodeId)(node - flips->plan->nodes));
    bool is_less = node->kind == NODE_SUBTRACT;
    Shape shape = sum_shape(point, is_less ? reversed_shape(length) : length);
    shape.is_daily = shape.is_daily && node->type == VALUE_DATE;
    if (by.is_null || by.duration.months == 0 || point.motion == MOTION_STILL ||
        node->type == VALUE_DATE) {
        return shape;
    }
    // Calendar months: the same local time of another day, so only piece by piece.
    shape.until_us =
        engine_flip_sooner(shape.until_us, engine_flip_cell_until(flips, point_id, FLIP_DAY));
    if (point.motion == MOTION_RISING && !at.is_null && at.type == VALUE_TIME) {
        int64_t months = is_less ? -by.duration.months : by.duration.months;
        int64_t end_us = engine_flip_add_end(flips->work->zone, at.time_us, UNIT_MONTH, months);
        shape.until_us =
            engine_flip_sooner(shape.until_us, engine_flip_reach(flips, point_id, end_us));
    } else {
        shape.motion = MOTION_FREE;
    }
    if (sum.is_null || sum.time_us <= CALENDAR_TIME_MIN + SURE_US ||
        sum.time_us >= CALENDAR_TIME_MAX - SURE_US || shape.motion != MOTION_RISING) {
        shape.is_exact = shape.is_affine = false; // stops at the calendar's ends
    }
    return shape;
}

// A product or quotient with a factor that stands still.
static Shape scaled_shape(Flips *flips, NodeId id, NodeId factor_id, Shape moving) {
    bool is_divided = flips->plan->nodes[id].kind == NODE_DIVIDE;
    double factor = engine_value_number(engine_flip_value(flips, factor_id));
    Shape shape = factor < 0.0 ? reversed_shape(moving) : moving;
    shape.is_daily = moving.is_daily;
    shape.slope =
        is_divided ? moving.slope / (factor == 0.0 ? 1.0 : factor) : moving.slope * factor;
    if (factor == 0.0) {
        shape.motion = is_divided                     ? MOTION_STILL
                       : moving.motion == MOTION_FREE ? MOTION_FREE
                                                      : MOTION_RISING;
        shape.slope = 0.0;
        shape.is_affine = false;
    }
    if (engine_flip_value(flips, id)
            .is_null) { // too large, and perhaps again on the other side of 0
        shape.motion = MOTION_FREE;
        shape.is_affine = false;
    }
    return shape;
}

static bool keeps_sign(Flips *flips, const void *context) {
    const NodeId *id = context;
    Value start = flips->starts[*id], value = engine_flip_value(flips, *id);
    return start.is_null == value.is_null && (start.is_null || sign_of(start) == sign_of(value));
}

// Something minus or over itself: still while that is neither null nor 0, or stays so.
static Shape own_shape(Flips *flips, NodeId id) {
    Shape shape = engine_flip_shape(flips, id);
    if (shape.motion == MOTION_FREE) {
        return shape;
    }
    return still_until(engine_flip_sure_until(flips, &id, 1, shape.until_us, keeps_sign, &id));
}

static Shape arithmetic_shape(Flips *flips, NodeId id) {
    const Node *node = &flips->plan->nodes[id];
    int64_t until_us = flips->limit_us;
    if (node->args[0] == node->args[1] && node->type != VALUE_DURATION &&
        (node->kind == NODE_SUBTRACT || node->kind == NODE_DIVIDE)) {
        return own_shape(flips, node->args[0]);
    }
    Shape a = engine_flip_shape_within(flips, node->args[0], &until_us);
    Shape b = engine_flip_shape_within(flips, node->args[1], &until_us);
    if (is_still_null(flips, node->args[0], &a)) {
        return still_until(a.until_us);
    }
    if (is_still_null(flips, node->args[1], &b)) {
        return still_until(b.until_us);
    }
    if (a.motion == MOTION_STILL && b.motion == MOTION_STILL) {
        return still_until(until_us);
    }
    Shape shape = {.until_us = until_us, .motion = MOTION_FREE};
    if (node->type == VALUE_TIME || node->type == VALUE_DATE) {
        return shifted_shape(flips, node, a, b);
    }
    if (node->kind == NODE_ADD || node->kind == NODE_SUBTRACT) {
        shape = sum_shape(a, node->kind == NODE_ADD ? b : reversed_shape(b));
    } else if (b.motion == MOTION_STILL) {
        shape = scaled_shape(flips, id, node->args[1], a);
    } else if (a.motion == MOTION_STILL && node->kind == NODE_MULTIPLY) {
        shape = scaled_shape(flips, id, node->args[0], b);
    }
    shape.until_us = until_us;
    return shape;
}

// ---- functions ----

// abs: as its operand while that stays on one side of 0.
static Shape abs_shape(Flips *flips, NodeId id) {
    int64_t until_us = flips->limit_us;
    Shape shape = settle_null(flips, id, &until_us);
    if (shape.motion == MOTION_STILL || shape.motion == MOTION_FREE) {
        return shape;
    }
    int sign = sign_of(engine_flip_value(flips, id));
    Value last = last_value(flips, id, &shape);
    int last_sign = last.is_null ? 0 : sign_of(last);
    if (sign >= 0 && last_sign >= 0) {
        return shape;
    }
    if (sign <= 0 && last_sign <= 0) {
        return reversed_shape(shape);
    }
    shape.motion = MOTION_FREE;
    shape.is_affine = false;
    return shape;
}

// coalesce: the first operand that is not null.
static Shape coalesce_shape(Flips *flips, const Node *node) {
    int64_t until_us = flips->limit_us;
    for (int32_t i = 0; i < node->arg_count; i++) {
        Shape shape = settle_null(flips, node->args[i], &until_us);
        if (shape.motion == MOTION_FREE || !engine_flip_value(flips, node->args[i]).is_null) {
            shape.until_us = until_us;
            return shape;
        }
    }
    return still_until(until_us);
}

// least, greatest of two times that move with now: one for ever. Of times of which one does: that
// one, or the other until they meet.
static bool find_leader(Flips *flips, const Node *node, Shape *ret_shape) {
    int64_t until_us = flips->limit_us, now_us = flips->work->now_us;
    Shape a = engine_flip_shape_within(flips, node->args[0], &until_us);
    Shape b = engine_flip_shape_within(flips, node->args[1], &until_us);
    Value x = engine_flip_value(flips, node->args[0]), y = engine_flip_value(flips, node->args[1]);
    bool is_pair =
        (a.is_exact && b.motion == MOTION_STILL) || (b.is_exact && a.motion == MOTION_STILL);
    if (is_still_null(flips, node->args[0], &a) || is_still_null(flips, node->args[1], &b)) {
        *ret_shape = is_still_null(flips, node->args[0], &a) ? b : a;
        ret_shape->until_us = until_us;
        return true;
    }
    bool is_alike = a.is_exact && b.is_exact && a.motion == b.motion;
    if (is_alike && !x.is_null && !y.is_null && x.type == VALUE_TIME && y.type == VALUE_TIME) {
        *ret_shape = (node->function == CALL_GREATEST) == (x.time_us >= y.time_us) ? a : b;
        ret_shape->until_us = until_us;
        return true;
    }
    if (!is_pair || x.is_null || y.is_null || x.type != VALUE_TIME || y.type != VALUE_TIME ||
        a.motion == MOTION_FALLING || b.motion == MOTION_FALLING) {
        return false;
    }
    Shape moving = a.is_exact ? a : b, still = a.is_exact ? b : a;
    int64_t ahead_us = (a.is_exact ? x : y).time_us - (a.is_exact ? y : x).time_us;
    bool is_moving = (node->function == CALL_GREATEST) == (ahead_us >= 0);
    *ret_shape = is_moving ? moving : still;
    ret_shape->until_us = ahead_us < 0 ? engine_flip_sooner(until_us, now_us - ahead_us) : until_us;
    return true;
}

// least, greatest: all operands that are not null.
static Shape extreme_shape(Flips *flips, const Node *node) {
    Shape leader;
    if (node->arg_count == 2 && node->type == VALUE_TIME && find_leader(flips, node, &leader)) {
        return leader;
    }
    Shape result = {.until_us = flips->limit_us, .is_daily = true};
    for (int32_t i = 0; i < node->arg_count; i++) {
        Shape shape = settle_null(flips, node->args[i], &result.until_us);
        result.motion = together(result.motion, shape.motion);
        result.is_daily = result.is_daily && (shape.is_daily || shape.motion == MOTION_STILL);
    }
    return result;
}

static Shape if_shape(Flips *flips, const Node *node) {
    bool is_true = engine_flip_holds(flips, node->args[0], true);
    int64_t limit_us = flips->limit_us;
    Shape shape = engine_flip_shape(flips, node->args[is_true ? 1 : 2]);
    flips->limit_us = shape.until_us;
    shape.until_us = engine_flip_truth(flips, node->args[0], true);
    flips->limit_us = limit_us;
    return shape;
}

// days_since, days_until, days_between: b - a in days, now in place of one of them.
static Shape days_shape(Flips *flips, const Node *node) {
    int64_t until_us = flips->limit_us;
    Shape a = engine_flip_shape_within(flips, node->args[0], &until_us);
    Shape b = node->function == CALL_DAYS_BETWEEN
                  ? engine_flip_shape_within(flips, node->args[1], &until_us)
                  : now_shape(flips);
    if (is_still_null(flips, node->args[0], &a)) {
        return still_until(a.until_us);
    }
    if (node->function == CALL_DAYS_BETWEEN && is_still_null(flips, node->args[1], &b)) {
        return still_until(b.until_us);
    }
    Shape shape = sum_shape(b, reversed_shape(a));
    shape.slope /= ENGINE_US_PER_DAY;
    shape.is_exact = false;
    return node->function == CALL_DAYS_UNTIL ? reversed_shape(shape) : shape;
}

// calendar_days_since, age, anniversary: they rise with the local day.
static Shape daily_shape(Flips *flips, const Node *node) {
    Shape point = engine_flip_shape(flips, node->args[0]);
    if (is_still_null(flips, node->args[0], &point)) {
        return still_until(point.until_us);
    }
    if (point.motion != MOTION_STILL) {
        return still_until(
            engine_flip_sooner(engine_flip_cell_until(flips, node->args[0], FLIP_DAY),
                               engine_flip_today_until(flips)));
    }
    double days = node->function == CALL_AGE ? 365.2425 : 1.0;
    return (Shape){.until_us = engine_flip_sooner(point.until_us, engine_flip_calm_until(flips)),
                   .motion = MOTION_RISING,
                   .is_daily = true,
                   .slope =
                       node->function == CALL_ANNIVERSARY ? 0.0 : 1.0 / (days * ENGINE_US_PER_DAY)};
}

static Shape rounded_shape(Flips *flips, const Node *node) {
    Shape shape = engine_flip_shape(flips, node->args[0]);
    if (node->arg_count > 1) {
        Shape places = engine_flip_shape(flips, node->args[1]);
        shape.until_us = engine_flip_sooner(shape.until_us, places.until_us);
        if (places.motion != MOTION_STILL) {
            shape.motion = MOTION_FREE;
        }
    }
    shape.slope = 0.0;
    shape.is_exact = shape.is_affine = false;
    return shape;
}

Shape engine_flip_call_shape(Flips *flips, const Node *node) {
    switch (node->function) {
    case CALL_DAYS_SINCE:
    case CALL_DAYS_UNTIL:
    case CALL_DAYS_BETWEEN:
        return days_shape(flips, node);
    case CALL_CALENDAR_DAYS_SINCE:
    case CALL_AGE:
    case CALL_ANNIVERSARY:
        return daily_shape(flips, node);
    case CALL_WEEKDAY:
    case CALL_DAY:
        return still_until(engine_flip_cell_until(flips, node->args[0], FLIP_DAY));
    case CALL_HOUR:
        return still_until(engine_flip_cell_until(flips, node->args[0], FLIP_HOUR));
    case CALL_MONTH:
        return still_until(engine_flip_cell_until(flips, node->args[0], FLIP_MONTH));
    case CALL_YEAR:
        return still_until(engine_flip_cell_until(flips, node->args[0], FLIP_YEAR));
    case CALL_ABS:
        return abs_shape(flips, node->args[0]);
    case CALL_ROUND:
    case CALL_FLOOR:
    case CALL_CEIL:
        return rounded_shape(flips, node);
    case CALL_COALESCE:
        return coalesce_shape(flips, node);
    case CALL_LEAST:
    case CALL_GREATEST:
        return extreme_shape(flips, node);
    case CALL_IF:
        return if_shape(flips, node);
    case CALL_COMPLETED:
        return engine_flip_completed_shape(flips, node);
    case CALL_DISTANCE_KM: {
        Shape shape = still_until(args_until(flips, node));
        for (int32_t i = 0; i < node->arg_count; i++) {
            if (engine_flip_shape(flips, node->args[i]).motion != MOTION_STILL) {
                shape.motion = MOTION_FREE;
            }
        }
        return shape;
    }
    default: // of text, lists and the customer's id: still
        return still_until(args_until(flips, node));
    }
}

// ---- all nodes ----

static bool stays_in_top(Flips *flips, const void *context) {
    const int32_t *index = context;
    const FitBounds *fit = &flips->work->fits->fits[*index];
    Range range = engine_flip_range(flips, flips->plan->fits[*index].x);
    return range.is_known &&
           data_value_equal(engine_fit_value(fit, range.low), engine_fit_value(fit, range.high));
}

static Shape fit_shape(Flips *flips, const Node *node) {
    const Fit *fit = &flips->plan->fits[node->index];
    Shape shape = engine_flip_shape(flips, fit->x);
    shape.slope = 0.0;
    shape.is_exact = shape.is_affine = false;
    if (fit->kind != FIT_TOP) {
        return shape;
    }
    if (shape.motion != MOTION_STILL) {
        shape = still_until(
            engine_flip_sure_until(flips, &fit->x, 1, shape.until_us, stays_in_top, &node->index));
    }
    if (fit->where != NODE_NONE) {
        shape.until_us =
            engine_flip_sooner(shape.until_us, engine_flip_shape(flips, fit->where).until_us);
    }
    return shape;
}

static Shape shape_of(Flips *flips, NodeId id) {
    const Node *node = &flips->plan->nodes[id];
    switch (node->kind) {
    case NODE_NOW:
        return now_shape(flips);
    case NODE_METRIC:
        return engine_flip_shape(flips, node->args[0]);
    case NODE_NEGATE:
        return reversed_shape(engine_flip_shape(flips, node->args[0]));
    case NODE_ADD:
    case NODE_SUBTRACT:
    case NODE_MULTIPLY:
    case NODE_DIVIDE:
        return arithmetic_shape(flips, id);
    case NODE_HOLIDAY:
        return still_until(engine_flip_cell_until(flips, node->args[0], FLIP_DAY));
    case NODE_WITHIN:
        return engine_flip_within_shape(flips, node);
    case NODE_MATCH:
        return still_until(args_until(flips, node));
    case NODE_CALL:
        return engine_flip_call_shape(flips, node);
    case NODE_AGGREGATE:
        return engine_flip_aggregate_shape(flips, node->index);
    case NODE_SEQUENCE:
        return engine_flip_sequence_shape(flips, &flips->plan->sequences[node->index]);
    case NODE_FIT:
        return fit_shape(flips, node);
    case NODE_WAS:
        return engine_flip_was_shape(flips, node);
    case NODE_CHANGED:
        return engine_flip_changed_shape(flips, &flips->plan->changes[node->index]);
    case NODE_HISTORY:
        return engine_flip_history_shape(flips, node);
    case NODE_COMPARE:
    case NODE_IN:
    case NODE_BETWEEN:
    case NODE_IS_NULL:
    case NODE_AND:
    case NODE_OR:
    case NODE_NOT:
    case NODE_SEGMENT:
        return still_until(engine_flip_sooner(engine_flip_truth(flips, id, true),
                                              engine_flip_truth(flips, id, false)));
    default:
        return still_until(flips->limit_us);
    }
}

Shape engine_flip_shape_within(Flips *flips, NodeId id, int64_t *until_us) {
    int64_t limit_us = flips->limit_us;
    assert(*until_us > flips->work->now_us && *until_us <= limit_us);
    flips->limit_us = *until_us;
    Shape shape = engine_flip_shape(flips, id);
    flips->limit_us = limit_us;
    *until_us = shape.until_us;
    return shape;
}

Shape engine_flip_shape(Flips *flips, NodeId id) {
    ShapeMemo *memo = &flips->shapes[id];
    assert(!flips->plan->nodes[id].is_event_scope);
    if (memo->stamp == flips->work->stamp &&
        (memo->limit_us >= flips->limit_us || memo->shape.until_us < memo->limit_us)) {
        Shape shape = memo->shape;
        shape.until_us = engine_flip_sooner(shape.until_us, flips->limit_us);
        return shape;
    }
    Shape shape = flips->can_move[id] ? shape_of(flips, id) : still_until(flips->limit_us);
    shape.until_us = engine_flip_sooner(shape.until_us, flips->limit_us);
    assert(shape.until_us > flips->work->now_us);
    *memo = (ShapeMemo){.stamp = flips->work->stamp, .limit_us = flips->limit_us, .shape = shape};
    return shape;
}
