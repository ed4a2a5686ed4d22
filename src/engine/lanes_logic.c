// Lanes of truth: and, or, not, names, searches in text and `within`, on words of bits.
#include <assert.h>
#include <string.h>

#include "engine/lanes_private.h"

// The bits of a condition; a literal null has none.
static uint64_t true_bits(const Lanes *lanes, size_t w) {
    return lanes->bits[w] & lanes->valid[w];
}

// Two words at once, which every processor can.
typedef uint64_t WordPair __attribute__((vector_size(16), aligned(8), may_alias));
#define WORD_PAIR(words, pair) (*(WordPair *)((words) + (size_t)2 * (pair)))
enum { PAIRS = LANE_WORDS / 2 };

// `and` is true where all are and false where any is, `or` the other way round (flip: all bits
// set); arguments after those that settle every lane are left out.
static inline __attribute__((always_inline)) int run_junction(LaneFrame *frame, LaneSlot *slot,
                                                              uint64_t flip) {
    const Node *node = slot->node;
    const WordPair flips = {flip, flip};
    WordPair all[PAIRS], any_not[PAIRS] = {{0, 0}};
    for (int p = 0; p < PAIRS; p++)
        all[p] = WORD_PAIR(frame->used, p);
    for (int32_t i = 0; i < node->arg_count; i++) {
        const Lanes *arg;
        int code = engine_lanes_get(frame, node->args[i], &arg);
        if (code < 0) {
            return code;
        }
        WordPair open = {0, 0};
        for (int p = 0; p < PAIRS; p++) {
            WordPair valid = WORD_PAIR(arg->valid, p), bits = WORD_PAIR(arg->bits, p) ^ flips;
            all[p] &= valid & bits;
            any_not[p] |= valid & ~bits;
            open |= WORD_PAIR(frame->used, p) & ~any_not[p];
        }
        if ((open[0] | open[1]) == 0) {
            break;
        }
    }
    for (int p = 0; p < PAIRS; p++) {
        WordPair truth = all[p] & ~any_not[p];
        if (flip != 0) {
            truth = any_not[p];
        }
        WORD_PAIR(slot->lanes.bits, p) = truth;
        WORD_PAIR(slot->lanes.valid, p) = all[p] | any_not[p];
    }
    return BASE_OK;
}

static int run_and(LaneFrame *frame, LaneSlot *slot) {
    return run_junction(frame, slot, 0);
}

static int run_or(LaneFrame *frame, LaneSlot *slot) {
    return run_junction(frame, slot, UINT64_MAX);
}

static int run_not(LaneFrame *frame, LaneSlot *slot) {
    const Lanes *arg;
    int code = engine_lanes_get(frame, slot->node->args[0], &arg);
    if (code < 0) {
        return code;
    }
    LANE_WORDS_EACH(w) {
        slot->lanes.valid[w] = arg->valid[w];
        slot->lanes.bits[w] = arg->valid[w] & ~arg->bits[w];
    }
    return BASE_OK;
}

static int run_is_null(LaneFrame *frame, LaneSlot *slot) {
    const Lanes *arg;
    int code = engine_lanes_get(frame, slot->node->args[0], &arg);
    if (code < 0) {
        return code;
    }
    LANE_WORDS_EACH(w) {
        slot->lanes.valid[w] = frame->used[w];
        slot->lanes.bits[w] =
            slot->node->is_negated ? arg->valid[w] : frame->used[w] & ~arg->valid[w];
    }
    return BASE_OK;
}

// A metric is its expression: the lanes share the values.
static int run_metric(LaneFrame *frame, LaneSlot *slot) {
    const Lanes *arg;
    int code = engine_lanes_get(frame, slot->node->args[0], &arg);
    if (code < 0) {
        return code;
    }
    slot->lanes = *arg;
    return BASE_OK;
}

static int run_segment(LaneFrame *frame, LaneSlot *slot) {
    const Lanes *arg;
    int code = engine_lanes_get(frame, slot->node->args[0], &arg);
    if (code < 0) {
        return code;
    }
    LANE_WORDS_EACH(w) {
        slot->lanes.valid[w] = frame->used[w];
        slot->lanes.bits[w] = true_bits(arg, w);
    }
    return BASE_OK;
}

// Only of times and units of exact length, which are the same in every zone.
static int run_within(LaneFrame *frame, LaneSlot *slot) {
    const Node *node = slot->node;
    const Zone *zone = frame->plan->zone;
    const Lanes *point;
    int code = engine_lanes_get(frame, node->args[0], &point);
    if (code < 0) {
        return code;
    }
    int64_t now_us = frame->now_us, low = 0, high = 0;
    if (node->within.is_next) {
        low = now_us + 1;
        high = base_zone_add(zone, now_us, node->within.unit, node->within.amount);
    } else {
        low = base_zone_window_start(zone, now_us, node->within.unit, node->within.amount) + 1;
        high = now_us;
    }
    LaneMask mask = engine_lanes_mask(frame, point->valid);
    mask.flip = node->is_negated ? UINT64_MAX : 0;
    memcpy(slot->lanes.valid, point->valid, sizeof point->valid);
    frame->vector->integers_in(point->integers, low, high, &mask, slot->lanes.bits);
    return BASE_OK;
}

static bool matches(const Node *node, Str text, Str pattern) {
    switch (node->match) {
    case MATCH_CONTAINS:
        return base_str_contains(text, pattern);
    case MATCH_STARTS:
        return base_str_starts(text, pattern);
    case MATCH_ENDS:
        return base_str_ends(text, pattern);
    default:
        assert(node->match == MATCH_LIKE);
        return engine_match_like(text, pattern, node->escape);
    }
}

static int run_match(LaneFrame *frame, LaneSlot *slot) {
    const Node *node = slot->node;
    Str pattern = engine_lanes_arg(frame, node, 1)->value.text;
    const Lanes *text;
    int code = engine_lanes_get(frame, node->args[0], &text);
    if (code < 0) {
        return code;
    }
    memcpy(slot->lanes.valid, text->valid, sizeof text->valid);
    LANE_EACH(lane, text->valid) {
        if (matches(node, text->texts[lane], pattern) != node->is_negated) {
            slot->lanes.bits[lane / 64] |= UINT64_C(1) << (lane % 64);
        }
    }
    return BASE_OK;
}

static bool can_match(const LaneFrame *frame, const Node *node) {
    const Node *pattern = engine_lanes_arg(frame, node, 1);
    return node->match != MATCH_REGEX && node->match != MATCH_ILIKE &&
           engine_lanes_arg(frame, node, 0)->type == VALUE_TEXT && pattern->kind == NODE_CONST &&
           pattern->type == VALUE_TEXT && !pattern->value.is_null;
}

LaneRun engine_lanes_logic(LaneFrame *frame, LaneSlot *slot) {
    const Node *node = slot->node;
    switch (node->kind) {
    case NODE_AND:
        return run_and;
    case NODE_OR:
        return run_or;
    case NODE_NOT:
        return run_not;
    case NODE_IS_NULL:
        return run_is_null;
    case NODE_METRIC:
        return run_metric;
    case NODE_SEGMENT:
        return run_segment;
    case NODE_WITHIN:
        return engine_lanes_arg(frame, node, 0)->type == VALUE_TIME &&
                       node->within.unit <= UNIT_WEEK
                   ? run_within
                   : NULL;
    case NODE_MATCH:
        return can_match(frame, node) ? run_match : NULL;
    default:
        return NULL;
    }
}
