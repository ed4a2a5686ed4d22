// The next flip of conditions: when a boolean node may begin or cease to be true (or false).
#include <assert.h>

#include "base/calendar.h"
#include "engine/flip_private.h"

// So many pieces of a condition are looked at before it is left to an early wake-up; so many of one
// microsecond before it is only looked at now and then.
enum { STEPS_MAX = 400, BLIND_STEPS_MAX = 8 };

// Nor is it followed further than this: a wake-up in a hundred years costs nothing.
#define FAR_US (INT64_C(36525) * CALENDAR_US_PER_DAY)

// Possible outcomes of a condition over an interval.
enum { MAY_BE_FALSE = 1, MAY_BE_TRUE = 2, MAY_BE_NULL = 4, MAY_BE_ANY = 7 };

bool engine_flip_holds(Flips *flips, NodeId id, bool polarity) {
    Value value = engine_flip_value(flips, id);
    assert(value.is_null || value.type == VALUE_BOOLEAN);
    return !value.is_null && value.boolean == polarity;
}

// ---- possible outcomes ----

static int outcome_and(int a, int b) {
    int result = ((a | b) & MAY_BE_FALSE) | (a & b & MAY_BE_TRUE);
    if ((a & MAY_BE_NULL && b & (MAY_BE_TRUE | MAY_BE_NULL)) ||
        (b & MAY_BE_NULL && a & MAY_BE_TRUE)) {
        result |= MAY_BE_NULL;
    }
    return result;
}

static int outcome_not(int a) {
    return (a & MAY_BE_NULL) | (a & MAY_BE_FALSE ? MAY_BE_TRUE : 0) |
           (a & MAY_BE_TRUE ? MAY_BE_FALSE : 0);
}

static int outcome_or(int a, int b) {
    return outcome_not(outcome_and(outcome_not(a), outcome_not(b)));
}

static bool is_null_range(const Range *range) {
    return range->is_known && range->low.is_null && range->high.is_null;
}

static bool is_free_of_null(const Range *range) {
    return range->is_known && !range->low.is_null && !range->high.is_null;
}

static int outcome_if(bool is_true, bool is_false) {
    return is_true ? MAY_BE_TRUE : is_false ? MAY_BE_FALSE : MAY_BE_TRUE | MAY_BE_FALSE;
}

// Two times (or lengths) that move alike, to the microsecond.
static bool is_fixed_distance(const Flips *flips, NodeId a, NodeId b) {
    const Shape *p = &flips->shapes[a].shape, *q = &flips->shapes[b].shape;
    return p->is_exact && q->is_exact && p->motion == q->motion &&
           flips->plan->nodes[a].type == flips->plan->nodes[b].type;
}

// <0, >0: two straight lines that are apart by more than rounding at both ends of an interval, or
// at an exact distance, and so all the way; 0: not so.
static int apart(Flips *flips, NodeId a, const Range *x, NodeId b, const Range *y) {
    const Shape *p = &flips->shapes[a].shape, *q = &flips->shapes[b].shape;
    if (is_fixed_distance(flips, a, b)) {
        return engine_flip_order(flips, a, x->low, b, y->low);
    }
    if (!p->is_affine || !q->is_affine || x->is_rough || y->is_rough ||
        x->low.type != VALUE_NUMBER || y->low.type != VALUE_NUMBER) {
        return 0;
    }
    bool x_rises = p->motion == MOTION_RISING, y_rises = q->motion == MOTION_RISING;
    double x0 = (x_rises ? x->low : x->high).number, x1 = (x_rises ? x->high : x->low).number;
    double y0 = (y_rises ? y->low : y->high).number, y1 = (y_rises ? y->high : y->low).number;
    double slack = 1e-300 + engine_flip_slack(flips, a) + engine_flip_slack(flips, b);
    if (x0 - y0 > slack && x1 - y1 > slack) {
        return 1;
    }
    return y0 - x0 > slack && y1 - x1 > slack ? -1 : 0;
}

// Of `args[a] op args[b]` over the interval of the trial.
static int compare_outcome(Flips *flips, CompareOp op, NodeId a, const Range *x, NodeId b,
                           const Range *y) {
    if (is_null_range(x) || is_null_range(y)) {
        return MAY_BE_NULL;
    }
    if (!is_free_of_null(x) || !is_free_of_null(y)) {
        return MAY_BE_ANY;
    }
    int least = engine_flip_order(flips, a, x->low, b, y->high);
    int most = engine_flip_order(flips, a, x->high, b, y->low);
    int order = apart(flips, a, x, b, y);
    if (order != 0 || is_fixed_distance(flips, a, b)) {
        least = most = order;
    }
    switch (op) {
    case COMPARE_LT:
        return outcome_if(most < 0, least >= 0);
    case COMPARE_LE:
        return outcome_if(most <= 0, least > 0);
    case COMPARE_GT:
        return outcome_if(least > 0, most <= 0);
    case COMPARE_GE:
        return outcome_if(least >= 0, most < 0);
    case COMPARE_EQ:
        return outcome_if(least == 0 && most == 0, least > 0 || most < 0);
    case COMPARE_NE:
        return outcome_if(least > 0 || most < 0, least == 0 && most == 0);
    }
    assert(false && "a comparison that is not one");
    return MAY_BE_ANY;
}

static int comparison_outcome(Flips *flips, const Node *node) {
    const NodeId *args = node->args;
    Range x = engine_flip_range(flips, args[0]);
    int outcome = MAY_BE_FALSE;
    switch (node->kind) {
    case NODE_COMPARE: {
        Range y = engine_flip_range(flips, args[1]);
        return compare_outcome(flips, node->compare, args[0], &x, args[1], &y);
    }
    case NODE_BETWEEN: {
        Range low = engine_flip_range(flips, args[1]), high = engine_flip_range(flips, args[2]);
        outcome = outcome_and(compare_outcome(flips, COMPARE_GE, args[0], &x, args[1], &low),
                              compare_outcome(flips, COMPARE_LE, args[0], &x, args[2], &high));
        break;
    }
    case NODE_IN:
        for (int32_t i = 1; i < node->arg_count; i++) {
            Range y = engine_flip_range(flips, args[i]);
            outcome =
                outcome_or(outcome, compare_outcome(flips, COMPARE_EQ, args[0], &x, args[i], &y));
        }
        break;
    default:
        assert(node->kind == NODE_IS_NULL);
        outcome = is_null_range(&x)     ? MAY_BE_TRUE
                  : is_free_of_null(&x) ? MAY_BE_FALSE
                                        : MAY_BE_TRUE | MAY_BE_FALSE;
    }
    return node->is_negated ? outcome_not(outcome) : outcome;
}

// ---- comparisons of what moves ----

// One comparison being tried at later instants.
typedef struct Tried {
    Flips *flips;
    const Node *node;
    FlipTrial trial;
    int outcome; // at now
} Tried;

// Whether the outcome is sure to stay as it is from now to `time_us`.
static bool stays(Tried *tried, int64_t time_us) {
    engine_flip_trial_at(tried->flips, &tried->trial, time_us);
    return comparison_outcome(tried->flips, tried->node) == tried->outcome;
}

// Where an affine operand meets a constant, about; INT64_MAX where there is no telling.
static int64_t guess_meeting(Flips *flips, const Node *node, bool *ret_is_daily) {
    double soonest = 1e18;
    for (int32_t m = 0; m < node->arg_count; m++) {
        Shape shape = flips->shapes[node->args[m]].shape;
        Value value = flips->starts[node->args[m]];
        if (shape.motion == MOTION_STILL || shape.slope == 0.0 || value.is_null) {
            continue;
        }
        *ret_is_daily = shape.is_daily;
        for (int32_t i = 0; i < node->arg_count; i++) {
            Value other = flips->starts[node->args[i]];
            if (i == m || other.is_null || other.type == VALUE_BOOLEAN ||
                other.type == VALUE_TEXT || other.type == VALUE_LIST) {
                continue;
            }
            double distance = value.type == VALUE_TIME && other.type == VALUE_TIME
                                  ? (double)(other.time_us - value.time_us)
                              : value.type == VALUE_DURATION && other.type == VALUE_DURATION
                                  ? (double)(other.duration.us - value.duration.us)
                              : value.type <= VALUE_NUMBER && other.type <= VALUE_NUMBER
                                  ? engine_value_number(other) - engine_value_number(value)
                                  : -1.0;
            double span_us = distance / shape.slope;
            soonest = span_us >= 0.0 && span_us < soonest ? span_us : soonest;
        }
    }
    return soonest < 1e17 ? flips->work->now_us + (int64_t)soonest : INT64_MAX;
}

// Narrows [low, high] around a guess: all of [now, low] stays, [now, high] does not.
static void narrow(Tried *tried, int64_t guess_us, int64_t around_us, int64_t *low, int64_t *high) {
    int64_t before_us = engine_flip_add(guess_us, -around_us);
    int64_t after_us = engine_flip_add(guess_us, around_us);
    if (before_us > *low && before_us < *high) {
        if (!stays(tried, before_us)) {
            *high = before_us;
            return;
        }
        *low = before_us;
    }
    if (after_us > *low && after_us < *high) {
        if (stays(tried, after_us)) {
            *low = after_us;
        } else {
            *high = after_us;
        }
    }
}

// Within a day or two around the meeting: the midnights in between.
static void narrow_to_midnight(Tried *tried, int64_t *low, int64_t *high) {
    const Zone *zone = tried->flips->work->zone;
    if (*high - *low > 3 * CALENDAR_US_PER_DAY) {
        return;
    }
    for (int32_t day = base_zone_day(zone, *low) + 1; day <= base_zone_day(zone, *high); day++) {
        int64_t midnight_us = base_zone_midnight(zone, day);
        if (midnight_us > *low && midnight_us <= *high && !stays(tried, midnight_us)) {
            *high = midnight_us;
            if (midnight_us - 1 > *low && stays(tried, midnight_us - 1)) {
                *low = midnight_us - 1;
            }
            return;
        }
    }
}

// The first instant until which the outcome is not sure to stay, at most `end_us`.
static int64_t find_doubt(Tried *tried, int64_t end_us) {
    Flips *flips = tried->flips;
    int64_t low = flips->work->now_us, high = end_us - 1;
    bool is_daily = false;
    if (high <= low) {
        return end_us;
    }
    int64_t guess_us = guess_meeting(flips, tried->node, &is_daily);
    if (stays(tried, high)) {
        return end_us;
    }
    if (guess_us != INT64_MAX) {
        narrow(tried, guess_us, is_daily ? CALENDAR_US_PER_DAY + CALENDAR_US_PER_DAY / 4 : 3, &low,
               &high);
    }
    if (is_daily) {
        narrow_to_midnight(tried, &low, &high);
    }
    if (high - low > 1 && low == tried->trial.place.now_us && !stays(tried, low + 1)) {
        return low + 1;
    }
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (stays(tried, middle)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}

// Whether what is compared keeps its distance: then only rounding can change the outcome, any time.
static bool is_flicker(const Flips *flips, const Node *node) {
    const Shape *x = &flips->shapes[node->args[0]].shape;
    for (int32_t i = 1; i < node->arg_count; i++) {
        const Shape *y = &flips->shapes[node->args[i]].shape;
        if ((x->motion != MOTION_STILL && !x->is_affine) ||
            (y->motion != MOTION_STILL && !y->is_affine) ||
            engine_flip_steeper(x->slope, y->slope) != 0.0) {
            return false;
        }
    }
    return node->arg_count > 1;
}

int64_t engine_flip_compared(Flips *flips, const Node *node) {
    int64_t until_us = flips->limit_us, jump_us;
    bool is_moving = false;
    for (int32_t i = 0; i < node->arg_count && node->kind != NODE_IN && node->kind != NODE_BETWEEN;
         i++) {
        if (engine_flip_jump(flips, node, node->args[i], &jump_us)) {
            return engine_flip_sooner(jump_us, flips->limit_us);
        }
    }
    for (int32_t i = 0; i < node->arg_count; i++) {
        Shape shape = engine_flip_shape_within(flips, node->args[i], &until_us);
        is_moving = is_moving || shape.motion != MOTION_STILL;
    }
    if (!is_moving) {
        return until_us;
    }
    Tried tried = {.flips = flips, .node = node};
    Value now = engine_flip_value(flips, (NodeId)(node - flips->plan->nodes));
    tried.outcome = now.is_null ? MAY_BE_NULL : now.boolean ? MAY_BE_TRUE : MAY_BE_FALSE;
    tried.trial = engine_flip_trial(flips, node->args, node->arg_count, until_us);
    int64_t doubt_us = find_doubt(&tried, engine_flip_sooner(until_us, FLIP_END_US));
    engine_flip_trial_end(flips, &tried.trial);
    if (doubt_us == flips->work->now_us + 1 && is_flicker(flips, node)) {
        doubt_us = flips->work->now_us + FLIP_BLIND_US;
    }
    return engine_flip_sooner(doubt_us, until_us);
}

// ---- conditions ----

static bool is_comparison(const Node *node) {
    return node->kind == NODE_COMPARE || node->kind == NODE_IN || node->kind == NODE_BETWEEN ||
           node->kind == NODE_IS_NULL;
}

// Goes from piece to piece until it changes whether the node has that value.
static int64_t leaf_truth(Flips *flips, NodeId id, bool polarity) {
    const Node *node = &flips->plan->nodes[id];
    FlipPlace place = {.now_us = flips->work->now_us, .stamp = flips->work->stamp};
    bool holds = engine_flip_holds(flips, id, polarity);
    int64_t until_us = flips->limit_us;
    int blind = 0;
    for (int step = 0; step < STEPS_MAX; step++) {
        int64_t now_us = flips->work->now_us;
        until_us = is_comparison(node) ? engine_flip_compared(flips, node)
                                       : engine_flip_shape(flips, id).until_us;
        assert(until_us > now_us);
        blind = until_us == now_us + 1 ? blind + 1 : 0;
        if (until_us >= flips->limit_us || flips->steps_left == 0 ||
            until_us - flips->begun_us > FAR_US) {
            break;
        }
        if (blind > BLIND_STEPS_MAX) {
            until_us = engine_flip_sooner(place.now_us + FLIP_BLIND_US, flips->limit_us);
            break;
        }
        flips->steps_left--;
        (void)engine_flip_go(flips, until_us);
        if (engine_flip_holds(flips, id, polarity) != holds) {
            break;
        }
    }
    engine_flip_back(flips, place);
    return until_us;
}

// All of the arguments have that value, or any has.
static int64_t junction_truth(Flips *flips, const Node *node, bool is_all, bool polarity) {
    int64_t least_us = flips->limit_us, most_us = flips->work->now_us, limit_us = flips->limit_us;
    bool is_decided = false; // by arguments that would each suffice
    for (int32_t i = 0; i < node->arg_count; i++) {
        if (engine_flip_holds(flips, node->args[i], polarity) != is_all) {
            is_decided = true;
            int64_t at_us = engine_flip_truth(flips, node->args[i], polarity);
            most_us = at_us > most_us ? at_us : most_us;
            if (most_us >= limit_us) {
                return limit_us;
            }
        }
    }
    if (is_decided) {
        return most_us;
    }
    for (int32_t i = 0; i < node->arg_count; i++) {
        least_us = engine_flip_sooner(least_us, engine_flip_truth(flips, node->args[i], polarity));
        flips->limit_us = least_us;
    }
    flips->limit_us = limit_us;
    return least_us;
}

static int64_t truth_of(Flips *flips, NodeId id, bool polarity) {
    const Node *node = &flips->plan->nodes[id];
    switch (node->kind) {
    case NODE_METRIC:
        return engine_flip_truth(flips, node->args[0], polarity);
    case NODE_SEGMENT: // false where its expression is null
        return engine_flip_truth(flips, node->args[0], true);
    case NODE_NOT:
        return engine_flip_truth(flips, node->args[0], !polarity);
    case NODE_AND: // false where any is false
        return junction_truth(flips, node, polarity, polarity);
    case NODE_OR:
        return junction_truth(flips, node, !polarity, polarity);
    default:
        return leaf_truth(flips, id, polarity);
    }
}

int64_t engine_flip_truth(Flips *flips, NodeId id, bool polarity) {
    TruthMemo *memo = &flips->truths[polarity][id];
    if (!flips->can_move[id]) {
        return flips->limit_us;
    }
    if (memo->stamp == flips->work->stamp &&
        (memo->limit_us >= flips->limit_us || memo->until_us < memo->limit_us)) {
        return engine_flip_sooner(memo->until_us, flips->limit_us);
    }
    int64_t limit_us = flips->limit_us;
    int64_t until_us = truth_of(flips, id, polarity);
    assert(until_us > flips->work->now_us && flips->limit_us == limit_us);
    *memo = (TruthMemo){.stamp = flips->work->stamp, .limit_us = limit_us, .until_us = until_us};
    return until_us;
}
