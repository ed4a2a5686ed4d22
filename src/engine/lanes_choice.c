// Functions that choose one of their arguments: coalesce, least, greatest, if.
#include <assert.h>
#include <string.h>

#include "engine/lanes_private.h"

// The first value that is not null, then widened; arguments that no lane needs are left out.
static int run_coalesce(LaneFrame *frame, LaneSlot *slot) {
    const Node *node = slot->node;
    uint64_t open[LANE_WORDS], is_open = 1;
    memcpy(open, frame->used, sizeof open);
    for (int32_t i = 0; i < node->arg_count && is_open != 0; i++) {
        const Lanes *arg;
        int code = engine_lanes_get(frame, node->args[i], &arg);
        if (code < 0) {
            return code;
        }
        uint64_t taken[LANE_WORDS];
        is_open = 0;
        LANE_WORDS_EACH(w) {
            taken[w] = open[w] & arg->valid[w];
            open[w] &= ~arg->valid[w];
            is_open |= open[w];
        }
        Lanes wide;
        arg = engine_lanes_widen(frame, arg, node->type, &wide, frame->scratch[0]);
        engine_lanes_copy(frame, &slot->lanes, arg, taken);
    }
    engine_lanes_clear(frame, &slot->lanes);
    return BASE_OK;
}

static int run_if(LaneFrame *frame, LaneSlot *slot) {
    const Node *node = slot->node;
    const Lanes *condition;
    int code = engine_lanes_get(frame, node->args[0], &condition);
    if (code < 0) {
        return code;
    }
    uint64_t sets[2][LANE_WORDS], any[2] = {0, 0};
    LANE_WORDS_EACH(w) {
        sets[0][w] = condition->bits[w] & condition->valid[w];
        sets[1][w] = frame->used[w] & ~sets[0][w];
        any[0] |= sets[0][w];
        any[1] |= sets[1][w];
    }
    for (int i = 0; i < 2; i++) {
        const Lanes *arg;
        if (any[i] == 0) {
            continue;
        }
        code = engine_lanes_get(frame, node->args[i + 1], &arg);
        if (code < 0) {
            return code;
        }
        Lanes wide;
        arg = engine_lanes_widen(frame, arg, node->type, &wide, frame->scratch[0]);
        engine_lanes_copy(frame, &slot->lanes, arg, sets[i]);
    }
    engine_lanes_clear(frame, &slot->lanes);
    return BASE_OK;
}

// Where `from` is strictly beyond the best so far.
static void find_better(LaneFrame *frame, const Lanes *best, const Lanes *from, bool is_least,
                        const uint64_t *both, uint64_t *ret_better) {
    LaneMask mask = engine_lanes_mask(frame, both);
    const Lanes *low = is_least ? from : best, *high = is_least ? best : from;
    if (engine_lanes_is_exact(best->type)) {
        frame->vector->integers_less(low->integers, high->integers, &mask, ret_better);
        return;
    }
    if (best->type == VALUE_NUMBER) {
        frame->vector->numbers_less(low->numbers, high->numbers, &mask, ret_better);
        return;
    }
    memset(ret_better, 0, LANE_WORDS * sizeof(uint64_t));
    LANE_EACH(lane, both) {
        int order =
            engine_value_order(engine_lanes_value(low, lane), engine_lanes_value(high, lane));
        ret_better[lane / 64] |= (uint64_t)(order < 0) << (lane % 64);
    }
}

// The least or the greatest, nulls left out; the first of equals.
static int run_extreme(LaneFrame *frame, LaneSlot *slot) {
    const Node *node = slot->node;
    Lanes *best = &slot->lanes;
    for (int32_t i = 0; i < node->arg_count; i++) {
        const Lanes *arg;
        int code = engine_lanes_get(frame, node->args[i], &arg);
        if (code < 0) {
            return code;
        }
        Lanes wide;
        arg = engine_lanes_widen(frame, arg, node->type, &wide, frame->scratch[0]);
        uint64_t both[LANE_WORDS], taken[LANE_WORDS];
        LANE_WORDS_EACH(w) {
            both[w] = best->valid[w] & arg->valid[w];
        }
        find_better(frame, best, arg, node->function == CALL_LEAST, both, taken);
        LANE_WORDS_EACH(w) {
            taken[w] |= arg->valid[w] & ~best->valid[w];
        }
        engine_lanes_copy(frame, best, arg, taken);
    }
    engine_lanes_clear(frame, best);
    return BASE_OK;
}

// Whether lanes of the type can become the node's.
static bool can_widen(ValueType from, ValueType to) {
    return from == to || from == VALUE_NULL ||
           (to == VALUE_NUMBER && (from == VALUE_INTEGER || from == VALUE_DECIMAL)) ||
           (to == VALUE_DECIMAL && from == VALUE_INTEGER);
}

LaneRun engine_lanes_choice(LaneFrame *frame, LaneSlot *slot) {
    const Node *node = slot->node;
    if (node->function != CALL_COALESCE && node->function != CALL_LEAST &&
        node->function != CALL_GREATEST && node->function != CALL_IF) {
        return NULL;
    }
    for (int32_t i = node->function == CALL_IF ? 1 : 0; i < node->arg_count; i++) {
        if (!can_widen(engine_lanes_arg(frame, node, i)->type, node->type)) {
            return NULL;
        }
    }
    assert(node->function != CALL_IF || node->arg_count == 3);
    return node->function == CALL_COALESCE ? run_coalesce
           : node->function == CALL_IF     ? run_if
                                           : run_extreme;
}
