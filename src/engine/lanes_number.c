// Arithmetic and functions of numbers and times, and the look-up of fits.
#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/utf8.h"
#include "engine/lanes_private.h"

// An integer of more units than this is beyond every decimal, also after one is added to it.
#define INTEGER_UNITS_LIMIT INT64_C(200000000000000)

// Bounds up to this many are counted for all lanes at once, more are searched lane by lane.
enum { RANK_BOUNDS_MAX = 32 };

// Rounding steps beyond this need 128 bits.
#define STEP_MAX INT64_C(1000000000000000000)

// ---- operands ----

typedef struct Operands {
    const Lanes *a, *b;
    uint64_t valid[LANE_WORDS]; // of both
} Operands;

static int operands_of(LaneFrame *frame, const Node *node, Operands *ret_operands) {
    int code = engine_lanes_get(frame, node->args[0], &ret_operands->a);
    ret_operands->b = ret_operands->a;
    if (code >= 0 && node->arg_count > 1) {
        code = engine_lanes_get(frame, node->args[1], &ret_operands->b);
    }
    if (code < 0) {
        return code;
    }
    LANE_WORDS_EACH(w) {
        ret_operands->valid[w] = ret_operands->a->valid[w] & ret_operands->b->valid[w];
    }
    return BASE_OK;
}

const Lanes *engine_lanes_widen(const LaneFrame *frame, const Lanes *from, ValueType type,
                                Lanes *scratch, int64_t *room) {
    if (from->type == type) {
        return from;
    }
    *scratch = (Lanes){.type = type};
    scratch->integers = room;
    if (from->type == VALUE_NULL) {
        return scratch;
    }
    const LaneVector *vector = frame->vector;
    if (type == VALUE_NUMBER) {
        assert(from->type == VALUE_INTEGER || from->type == VALUE_DECIMAL);
        memcpy(scratch->valid, from->valid, sizeof from->valid);
        vector->integers_to_numbers(from->integers, from->type == VALUE_DECIMAL ? 10000.0 : 1.0,
                                    frame->lane_count, scratch->numbers);
        return scratch;
    }
    assert(type == VALUE_DECIMAL && from->type == VALUE_INTEGER);
    const int64_t most = VALUE_DECIMAL_LIMIT / VALUE_DECIMAL_ONE - 1;
    LaneMask mask = engine_lanes_mask(frame, from->valid);
    vector->integers_in(from->integers, -most, most, &mask, scratch->valid);
    vector->integers_scale(from->integers, INTEGER_UNITS_LIMIT, VALUE_DECIMAL_ONE,
                           frame->lane_count, scratch->integers);
    engine_lanes_clear(frame, scratch);
    return scratch;
}

// ---- arithmetic ----

static int run_null(LaneFrame *frame, LaneSlot *slot) {
    (void)frame;
    (void)slot; // is empty already
    return BASE_OK;
}

// Keeps what is finite.
static void settle_numbers(LaneFrame *frame, Lanes *lanes, const uint64_t *valid) {
    LaneMask mask = engine_lanes_mask(frame, valid);
    frame->vector->numbers_in(lanes->numbers, -DBL_MAX, DBL_MAX, &mask, lanes->valid);
    engine_lanes_clear(frame, lanes);
}

static int run_numbers(LaneFrame *frame, LaneSlot *slot) {
    Operands operands;
    int code = operands_of(frame, slot->node, &operands);
    if (code < 0) {
        return code;
    }
    Lanes wide[2];
    const double *a =
        engine_lanes_widen(frame, operands.a, VALUE_NUMBER, &wide[0], frame->scratch[0])->numbers;
    const double *b =
        engine_lanes_widen(frame, operands.b, VALUE_NUMBER, &wide[1], frame->scratch[1])->numbers;
    const LaneVector *vector = frame->vector;
    double *numbers = slot->lanes.numbers;
    switch (slot->node->kind) {
    case NODE_ADD:
        vector->numbers_add(a, b, frame->lane_count, numbers);
        break;
    case NODE_SUBTRACT:
        vector->numbers_subtract(a, b, frame->lane_count, numbers);
        break;
    case NODE_MULTIPLY:
        vector->numbers_multiply(a, b, frame->lane_count, numbers);
        break;
    default: // by zero: not finite, so null
        assert(slot->node->kind == NODE_DIVIDE);
        vector->numbers_divide(a, b, frame->lane_count, numbers);
    }
    settle_numbers(frame, &slot->lanes, operands.valid);
    return BASE_OK;
}

// Integers and decimals: what leaves the type's range is null.
static int run_sum(LaneFrame *frame, LaneSlot *slot) {
    Operands operands;
    int code = operands_of(frame, slot->node, &operands);
    if (code < 0) {
        return code;
    }
    const LaneVector *vector = frame->vector;
    bool is_decimal = slot->node->type == VALUE_DECIMAL;
    const int64_t *terms[2] = {operands.a->integers, operands.b->integers};
    for (int i = 0; i < 2; i++) {
        if (is_decimal && (i == 0 ? operands.a : operands.b)->type == VALUE_INTEGER) {
            vector->integers_scale(terms[i], INTEGER_UNITS_LIMIT, VALUE_DECIMAL_ONE,
                                   frame->lane_count, frame->scratch[i]);
            terms[i] = frame->scratch[i];
        }
    }
    (slot->node->kind == NODE_ADD ? vector->integers_add : vector->integers_subtract)(
        terms[0], terms[1], frame->lane_count, slot->lanes.integers, frame->scratch[2]);
    LaneMask mask = engine_lanes_mask(frame, operands.valid);
    if (is_decimal) {
        vector->integers_in(slot->lanes.integers, -VALUE_DECIMAL_LIMIT + 1, VALUE_DECIMAL_LIMIT - 1,
                            &mask, slot->lanes.valid);
    } else {
        vector->integers_in(frame->scratch[2], 0, INT64_MAX, &mask, slot->lanes.valid);
    }
    engine_lanes_clear(frame, &slot->lanes);
    return BASE_OK;
}

static int run_product(LaneFrame *frame, LaneSlot *slot) {
    Operands operands;
    int code = operands_of(frame, slot->node, &operands);
    if (code < 0) {
        return code;
    }
    bool is_decimal = slot->node->type == VALUE_DECIMAL;
    uint32_t count = (frame->lane_count + 7) / 8 * 8;
    int64_t *is_over = frame->scratch[2];
    for (uint32_t lane = 0; lane < count; lane++) {
        int64_t product;
        bool is_wrong = __builtin_mul_overflow(operands.a->integers[lane],
                                               operands.b->integers[lane], &product);
        is_wrong |=
            is_decimal & ((product <= -VALUE_DECIMAL_LIMIT) | (product >= VALUE_DECIMAL_LIMIT));
        slot->lanes.integers[lane] = product;
        is_over[lane] = is_wrong;
    }
    LaneMask mask = engine_lanes_mask(frame, operands.valid);
    frame->vector->integers_in(is_over, 0, 0, &mask, slot->lanes.valid);
    engine_lanes_clear(frame, &slot->lanes);
    return BASE_OK;
}

static int run_negate(LaneFrame *frame, LaneSlot *slot) {
    Operands operands;
    int code = operands_of(frame, slot->node, &operands);
    if (code < 0) {
        return code;
    }
    LaneMask mask = engine_lanes_mask(frame, operands.valid);
    Lanes *lanes = &slot->lanes;
    if (lanes->type == VALUE_NUMBER) {
        for (uint32_t lane = 0; lane < frame->lane_count; lane++) {
            lanes->numbers[lane] = -operands.a->numbers[lane];
        }
        memcpy(lanes->valid, operands.valid, sizeof operands.valid);
    } else { // the least integer has no opposite
        frame->vector->integers_in(operands.a->integers, -INT64_MAX, INT64_MAX, &mask,
                                   lanes->valid);
        frame->vector->integers_shift(operands.a->integers, -1, 0, frame->lane_count,
                                      lanes->integers);
    }
    engine_lanes_clear(frame, lanes);
    return BASE_OK;
}

static int run_time_difference(LaneFrame *frame, LaneSlot *slot) {
    Operands operands;
    int code = operands_of(frame, slot->node, &operands);
    if (code < 0) {
        return code;
    }
    memcpy(slot->lanes.valid, operands.valid, sizeof operands.valid);
    LANE_EACH(lane, operands.valid) {
        int64_t us = operands.a->integers[lane] - operands.b->integers[lane];
        slot->lanes.values[lane] = (Value){.type = VALUE_DURATION, .duration = {.us = us}};
    }
    return BASE_OK;
}

// A time moved by an exact length: slot->step. What leaves the calendar is null.
static int run_shift(LaneFrame *frame, LaneSlot *slot) {
    const Node *node = slot->node;
    bool is_first = engine_lanes_arg(frame, node, 0)->type == VALUE_TIME;
    const Lanes *point;
    int code = engine_lanes_get(frame, node->args[is_first ? 0 : 1], &point);
    if (code < 0) {
        return code;
    }
    LaneMask mask = engine_lanes_mask(frame, point->valid);
    frame->vector->integers_in(point->integers, slot->test.low, slot->test.high, &mask,
                               slot->lanes.valid);
    frame->vector->integers_shift(point->integers, 1, slot->step, frame->lane_count,
                                  slot->lanes.integers);
    engine_lanes_clear(frame, &slot->lanes);
    return BASE_OK;
}

static LaneRun prepare_shift(const LaneFrame *frame, LaneSlot *slot) {
    const Node *node = slot->node;
    const Node *a = engine_lanes_arg(frame, node, 0), *b = engine_lanes_arg(frame, node, 1);
    const Node *point = a->type == VALUE_TIME ? a : b, *length = point == a ? b : a;
    if (node->type != VALUE_TIME || point->type != VALUE_TIME || length->kind != NODE_CONST ||
        length->type != VALUE_DURATION || length->value.is_null ||
        length->value.duration.months != 0 || length->value.duration.us == INT64_MIN) {
        return NULL;
    }
    int64_t us = length->value.duration.us;
    slot->step = node->kind == NODE_SUBTRACT ? -us : us;
    Int128 low = (Int128)CALENDAR_TIME_MIN - slot->step;
    Int128 high = (Int128)CALENDAR_TIME_MAX - slot->step;
    bool is_empty = low > INT64_MAX || high < INT64_MIN;
    slot->test.low = is_empty ? 1 : low < INT64_MIN ? INT64_MIN : (int64_t)low;
    slot->test.high = is_empty ? 0 : high > INT64_MAX ? INT64_MAX : (int64_t)high;
    return run_shift;
}

static bool is_exact_number(ValueType type) {
    return type == VALUE_INTEGER || type == VALUE_DECIMAL;
}

// Exact sums and products, of the types that the language gives them.
static LaneRun exact_run(const Node *node, ValueType a, ValueType b) {
    if (!is_exact_number(a) || !is_exact_number(b)) {
        return NULL;
    }
    bool is_mixed = a != b;
    switch (node->kind) {
    case NODE_ADD:
    case NODE_SUBTRACT:
        return (is_mixed && node->type == VALUE_DECIMAL) || (!is_mixed && node->type == a) ? run_sum
                                                                                           : NULL;
    case NODE_MULTIPLY:
        return (is_mixed && node->type == VALUE_DECIMAL) ||
                       (!is_mixed && a == VALUE_INTEGER && node->type == VALUE_INTEGER)
                   ? run_product
                   : NULL;
    default:
        return NULL;
    }
}

LaneRun engine_lanes_arithmetic(LaneFrame *frame, LaneSlot *slot) {
    const Node *node = slot->node;
    ValueType a = engine_lanes_arg(frame, node, 0)->type;
    ValueType b = engine_lanes_arg(frame, node, node->arg_count - 1)->type;
    if (a == VALUE_NULL || b == VALUE_NULL) {
        return run_null;
    }
    if (node->kind == NODE_NEGATE) {
        return a == node->type && engine_lanes_is_numeric(a) ? run_negate : NULL;
    }
    if (a == VALUE_TIME && b == VALUE_TIME) {
        return node->type == VALUE_DURATION ? run_time_difference : NULL;
    }
    if (!engine_lanes_is_numeric(a) || !engine_lanes_is_numeric(b)) {
        return prepare_shift(frame, slot);
    }
    return node->type == VALUE_NUMBER ? run_numbers : exact_run(node, a, b);
}

// ---- days between times ----

// us / a day as doubles; of dates the whole days.
static int settle_days(LaneFrame *frame, LaneSlot *slot, const int64_t *exact, double divisor,
                       const uint64_t *valid) {
    memcpy(slot->lanes.valid, valid, sizeof slot->lanes.valid);
    frame->vector->integers_to_numbers(exact, divisor, frame->lane_count, slot->lanes.numbers);
    engine_lanes_clear(frame, &slot->lanes);
    return BASE_OK;
}

static int run_days_from_now(LaneFrame *frame, LaneSlot *slot) {
    const Lanes *point;
    int code = engine_lanes_get(frame, slot->node->args[0], &point);
    if (code < 0) {
        return code;
    }
    bool is_since = slot->node->function == CALL_DAYS_SINCE;
    frame->vector->integers_shift(point->integers, is_since ? -1 : 1,
                                  is_since ? frame->now_us : -frame->now_us, frame->lane_count,
                                  frame->scratch[0]);
    return settle_days(frame, slot, frame->scratch[0], ENGINE_US_PER_DAY, point->valid);
}

static int run_days_between(LaneFrame *frame, LaneSlot *slot) {
    Operands operands;
    int code = operands_of(frame, slot->node, &operands);
    if (code < 0) {
        return code;
    }
    frame->vector->integers_subtract(operands.b->integers, operands.a->integers, frame->lane_count,
                                     frame->scratch[0], frame->scratch[1]);
    bool is_date = operands.a->type == VALUE_DATE;
    return settle_days(frame, slot, frame->scratch[0], is_date ? 1.0 : ENGINE_US_PER_DAY,
                       operands.valid);
}

// completed(t, d) of an exact length: whether now is at or after t + d, which is the same in every
// zone.
static int run_completed(LaneFrame *frame, LaneSlot *slot) {
    const Lanes *since;
    int code = engine_lanes_get(frame, slot->node->args[0], &since);
    if (code < 0) {
        return code;
    }
    memcpy(slot->lanes.valid, since->valid, sizeof since->valid);
    LANE_EACH(lane, since->valid) {
        int64_t end_us =
            base_zone_add(frame->plan->zone, since->integers[lane], UNIT_SECOND, slot->step);
        slot->lanes.bits[lane / 64] |= (uint64_t)(frame->now_us >= end_us) << (lane % 64);
    }
    return BASE_OK;
}

static LaneRun prepare_completed(const LaneFrame *frame, LaneSlot *slot) {
    const Node *length = engine_lanes_arg(frame, slot->node, 1);
    if (engine_lanes_arg(frame, slot->node, 0)->type != VALUE_TIME || length->kind != NODE_CONST ||
        length->type != VALUE_DURATION || length->value.is_null ||
        length->value.duration.months != 0) {
        return NULL;
    }
    slot->step = length->value.duration.us / CALENDAR_US_PER_SECOND;
    return run_completed;
}

// ---- size and rounding ----

static int run_abs(LaneFrame *frame, LaneSlot *slot) {
    Operands operands;
    int code = operands_of(frame, slot->node, &operands);
    if (code < 0) {
        return code;
    }
    Lanes *lanes = &slot->lanes;
    LaneMask mask = engine_lanes_mask(frame, operands.valid);
    if (lanes->type == VALUE_NUMBER) {
        memcpy(lanes->valid, operands.valid, sizeof operands.valid);
        for (uint32_t lane = 0; lane < frame->lane_count; lane++) {
            lanes->numbers[lane] = fabs(operands.a->numbers[lane]);
        }
    } else {
        const int64_t *from = operands.a->integers;
        frame->vector->integers_in(from, -INT64_MAX, INT64_MAX, &mask, lanes->valid);
        for (uint32_t lane = 0; lane < frame->lane_count; lane++) {
            uint64_t x = (uint64_t)from[lane];
            lanes->integers[lane] = (int64_t)(from[lane] < 0 ? 0 - x : x);
        }
    }
    engine_lanes_clear(frame, lanes);
    return BASE_OK;
}

// To a multiple of a step, half away from zero, or down, or up. |x| + step may be out of range.
static bool round_exact(CallFunction function, int64_t x, int64_t step, int64_t *ret_x) {
    int64_t rest = x % step, down = x - rest;
    int64_t move = 0;
    if (function == CALL_ROUND) {
        int64_t size = rest < 0 ? -rest : rest;
        move = size >= step - size ? (rest < 0 ? -step : step) : 0;
    } else if (function == CALL_FLOOR) {
        move = rest < 0 ? -step : 0;
    } else {
        move = rest > 0 ? step : 0;
    }
    return !__builtin_add_overflow(down, move, ret_x);
}

static int run_round_exact(LaneFrame *frame, LaneSlot *slot) {
    const Lanes *from;
    int code = engine_lanes_get(frame, slot->node->args[0], &from);
    if (code < 0) {
        return code;
    }
    Lanes *lanes = &slot->lanes;
    bool is_decimal = lanes->type == VALUE_DECIMAL;
    LANE_EACH(lane, from->valid) {
        int64_t x = from->integers[lane];
        bool is_fine = slot->step == 0 || round_exact(slot->node->function, x, slot->step, &x);
        is_fine =
            is_fine && !(is_decimal && (x <= -VALUE_DECIMAL_LIMIT || x >= VALUE_DECIMAL_LIMIT));
        lanes->integers[lane] = is_fine ? x : 0;
        lanes->valid[lane / 64] |= (uint64_t)is_fine << (lane % 64);
    }
    engine_lanes_clear(frame, lanes);
    return BASE_OK;
}

static int run_round_number(LaneFrame *frame, LaneSlot *slot) {
    const Lanes *from;
    int code = engine_lanes_get(frame, slot->node->args[0], &from);
    if (code < 0) {
        return code;
    }
    double *numbers = slot->lanes.numbers;
    CallFunction function = slot->node->function;
    for (uint32_t lane = 0; lane < frame->lane_count; lane++) {
        double x = from->numbers[lane];
        numbers[lane] = function == CALL_ROUND   ? engine_round_number(x, slot->step)
                        : function == CALL_FLOOR ? floor(x)
                                                 : ceil(x);
    }
    settle_numbers(frame, &slot->lanes, from->valid);
    return BASE_OK;
}

// The places of a rounding, when they are plain.
static bool plain_places(const LaneFrame *frame, const Node *node, int64_t *ret_places) {
    *ret_places = 0;
    if (node->arg_count == 1) {
        return true;
    }
    const Node *places = engine_lanes_arg(frame, node, 1);
    *ret_places = places->value.integer;
    return places->kind == NODE_CONST && places->type == VALUE_INTEGER && !places->value.is_null;
}

static LaneRun prepare_round(const LaneFrame *frame, LaneSlot *slot) {
    ValueType type = engine_lanes_arg(frame, slot->node, 0)->type;
    int64_t places;
    if (type != slot->node->type || !plain_places(frame, slot->node, &places)) {
        return NULL;
    }
    if (type == VALUE_NUMBER) {
        slot->step = places;
        return run_round_number;
    }
    int64_t scale = type == VALUE_DECIMAL ? 4 : 0;
    slot->step = places >= scale ? 0 : 1;
    for (int64_t i = places; i < scale; i++) {
        if (slot->step > STEP_MAX / 10) {
            return NULL;
        }
        slot->step *= 10;
    }
    return run_round_exact;
}

// ---- texts and lists ----

static int run_size(LaneFrame *frame, LaneSlot *slot) {
    const Lanes *from;
    int code = engine_lanes_get(frame, slot->node->args[0], &from);
    if (code < 0) {
        return code;
    }
    memcpy(slot->lanes.valid, from->valid, sizeof from->valid);
    LANE_EACH(lane, from->valid) {
        slot->lanes.integers[lane] = from->type == VALUE_LIST
                                         ? (int64_t)from->lists[lane].count
                                         : (int64_t)base_utf8_count(from->texts[lane]);
    }
    engine_lanes_clear(frame, &slot->lanes);
    return BASE_OK;
}

// ---- fits ----

// How many of the ascending bounds are below x.
static size_t rank_of(const FitBounds *fit, double x) {
    if (fit->bound_count == 0) {
        return 0;
    }
    const double *base = fit->bounds;
    for (size_t count = fit->bound_count; count > 1; count -= count / 2) {
        base += base[count / 2 - 1] < x ? count / 2 : 0;
    }
    return (size_t)(base - fit->bounds) + (*base < x ? 1 : 0);
}

// The rank of each x.
static void find_ranks(LaneFrame *frame, const FitBounds *fit, const Lanes *x, int64_t *ranks) {
    if (fit->bound_count <= RANK_BOUNDS_MAX) {
        frame->vector->numbers_rank(x->numbers, fit->bounds, fit->bound_count, frame->lane_count,
                                    ranks);
        return;
    }
    LANE_EACH(lane, x->valid) {
        ranks[lane] = (int64_t)rank_of(fit, x->numbers[lane]);
    }
}

static void run_tiles(LaneFrame *frame, const FitBounds *fit, const Lanes *x, Lanes *lanes) {
    memcpy(lanes->valid, x->valid, sizeof x->valid);
    find_ranks(frame, fit, x, frame->scratch[1]);
    frame->vector->integers_shift(frame->scratch[1], 1, 1, frame->lane_count, lanes->integers);
    engine_lanes_clear(frame, lanes);
}

static void run_shares(LaneFrame *frame, const FitBounds *fit, const Lanes *x, Lanes *lanes) {
    const int64_t *ranks = frame->scratch[1];
    memcpy(lanes->valid, x->valid, sizeof x->valid);
    find_ranks(frame, fit, x, frame->scratch[1]);
    LANE_EACH(lane, x->valid) {
        size_t rank = (size_t)ranks[lane];
        bool is_equal = rank < fit->bound_count && fit->bounds[rank] == x->numbers[lane];
        uint64_t below = is_equal   ? fit->cumulative[rank]
                         : rank > 0 ? fit->cumulative[rank - 1]
                                    : 0;
        lanes->numbers[lane] = (double)below / (double)fit->customer_count;
    }
    engine_lanes_clear(frame, lanes);
}

// Whoever the fit's condition leaves out is not among the top.
static int run_top(LaneFrame *frame, const FitBounds *fit, NodeId where_id, const Lanes *x,
                   Lanes *lanes) {
    LaneMask mask = engine_lanes_mask(frame, x->valid);
    double least = fit->bound_count == 0 ? -INFINITY : fit->bounds[0];
    if (fit->customer_count > 0) {
        memcpy(lanes->valid, x->valid, sizeof x->valid);
        frame->vector->numbers_in(x->numbers, least, INFINITY, &mask, lanes->bits);
    }
    if (where_id == NODE_NONE) {
        return BASE_OK;
    }
    const Lanes *where;
    int code = engine_lanes_get(frame, where_id, &where);
    if (code < 0) {
        return code;
    }
    LANE_WORDS_EACH(w) {
        uint64_t is_false =
            (where->valid[w] & ~where->bits[w]) | (lanes->valid[w] & ~lanes->bits[w]);
        lanes->bits[w] &= where->valid[w] & where->bits[w];
        lanes->valid[w] = lanes->bits[w] | is_false;
    }
    return BASE_OK;
}

static int run_fit(LaneFrame *frame, LaneSlot *slot) {
    const Fit *fit = &frame->plan->fits[slot->node->index];
    const FitBounds *bounds = &frame->fits->fits[slot->node->index];
    const Lanes *from;
    int code = engine_lanes_get(frame, fit->x, &from);
    if (code < 0 || (bounds->customer_count == 0 && bounds->kind != FIT_TOP)) {
        return code;
    }
    Lanes wide;
    const Lanes *x = engine_lanes_widen(frame, from, VALUE_NUMBER, &wide, frame->scratch[0]);
    switch (bounds->kind) {
    case FIT_NTILE:
        run_tiles(frame, bounds, x, &slot->lanes);
        return BASE_OK;
    case FIT_PERCENTILE:
        run_shares(frame, bounds, x, &slot->lanes);
        return BASE_OK;
    case FIT_TOP:
        break;
    }
    return run_top(frame, bounds, fit->where, x, &slot->lanes);
}

// ---- which ----

static LaneRun days_run(const LaneFrame *frame, const Node *node) {
    ValueType a = engine_lanes_arg(frame, node, 0)->type;
    if (node->function != CALL_DAYS_BETWEEN) {
        return a == VALUE_TIME ? run_days_from_now : NULL;
    }
    ValueType b = engine_lanes_arg(frame, node, 1)->type;
    return a == b && node->type == VALUE_NUMBER && (a == VALUE_TIME || a == VALUE_DATE)
               ? run_days_between
               : NULL;
}

LaneRun engine_lanes_call(LaneFrame *frame, LaneSlot *slot) {
    const Node *node = slot->node;
    if (node->kind == NODE_FIT) {
        assert(frame->fits != NULL);
        return run_fit;
    }
    ValueType type = engine_lanes_arg(frame, node, 0)->type;
    switch (node->function) {
    case CALL_DAYS_SINCE:
    case CALL_DAYS_UNTIL:
    case CALL_DAYS_BETWEEN:
        return days_run(frame, node);
    case CALL_ABS:
        return type == node->type && engine_lanes_is_numeric(type) ? run_abs : NULL;
    case CALL_ROUND:
    case CALL_FLOOR:
    case CALL_CEIL:
        return engine_lanes_is_numeric(type) ? prepare_round(frame, slot) : NULL;
    case CALL_COMPLETED:
        return prepare_completed(frame, slot);
    case CALL_SIZE:
        return type == VALUE_LIST ? run_size : NULL;
    case CALL_LENGTH:
        return type == VALUE_TEXT ? run_size : NULL;
    default:
        return NULL;
    }
}
