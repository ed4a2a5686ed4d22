// The frame: slots of nodes, constants, leaves, and what only the reference evaluator can say.
#include "engine/lanes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/lanes_private.h"

static const size_t VALUE_SIZES[VALUE_TYPE_COUNT] = {
    [VALUE_NULL] = sizeof(Value),      [VALUE_BOOLEAN] = 0,
    [VALUE_INTEGER] = sizeof(int64_t), [VALUE_DECIMAL] = sizeof(int64_t),
    [VALUE_NUMBER] = sizeof(double),   [VALUE_TEXT] = sizeof(Str),
    [VALUE_TIME] = sizeof(int64_t),    [VALUE_DATE] = sizeof(int64_t),
    [VALUE_LIST] = sizeof(TableList),  [VALUE_DURATION] = sizeof(Value),
};

LaneFrame *engine_lanes_new(const Plan *plan, const FitSet *fits, const LaneHooks *hooks,
                            KernelSimd simd) {
    assert(fits == NULL || fits->count >= (size_t)plan->fit_count);
    assert(hooks->leaf != NULL && hooks->boxed != NULL);
    size_t slots_bytes = ((size_t)plan->node_count + 1) * sizeof(LaneSlot);
    LaneFrame *frame = aligned_alloc(64, (sizeof(LaneFrame) + 63) / 64 * 64);
    LaneSlot *slots = aligned_alloc(64, slots_bytes);
    if (frame == NULL || slots == NULL) {
        abort();
    }
    memset(frame, 0, sizeof *frame);
    memset(slots, 0, slots_bytes);
    frame->plan = plan;
    frame->fits = fits;
    frame->hooks = *hooks;
    frame->vector = engine_lanes_vector(simd);
    frame->arena = base_arena_new(SIZE_MAX);
    frame->slots = slots;
    return frame;
}

void engine_lanes_free(LaneFrame *frame) {
    if (frame == NULL) {
        return;
    }
    for (int32_t i = 0; i < frame->plan->node_count; i++) {
        free(frame->slots[i].storage);
    }
    base_arena_free(frame->arena);
    free(frame->slots);
    free(frame);
}

size_t engine_lanes_size_bytes(const Plan *plan) {
    size_t size_bytes = sizeof(LaneFrame) + sizeof(LaneSlot);
    for (int32_t i = 0; i < plan->node_count; i++) {
        const Node *node = &plan->nodes[i];
        size_bytes += sizeof(LaneSlot) + LANE_COUNT_MAX * VALUE_SIZES[node->type] + 64;
        size_bytes += ((size_t)node->arg_count + 1) * (sizeof(LaneTest) + 2 * sizeof(Value));
    }
    return size_bytes;
}

void engine_lanes_begin(LaneFrame *frame, uint32_t lane_count, int64_t now_us) {
    assert(lane_count >= 1 && lane_count <= LANE_COUNT_MAX);
    frame->stamp++;
    frame->now_us = now_us;
    if (frame->lane_count == lane_count) {
        return;
    }
    frame->lane_count = lane_count;
    frame->word_count = (lane_count + 63) / 64;
    LANE_WORDS_EACH(w) {
        uint32_t first = (uint32_t)w * 64;
        uint32_t count = lane_count <= first ? 0 : lane_count - first;
        frame->used[w] = count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
    }
}

uint32_t engine_lanes_count(const LaneFrame *frame) {
    return frame->lane_count;
}

int64_t engine_lanes_now(const LaneFrame *frame) {
    return frame->now_us;
}

// ---- storage ----

// A node's values stand in the slot when they are few, so that one customer touches few cache
// lines.
static bool is_small(const LaneFrame *frame, size_t value_size_bytes) {
    return frame->lane_count * value_size_bytes <= sizeof((LaneSlot *)NULL)->small;
}

static void *storage_of(LaneSlot *slot, size_t value_size_bytes) {
    if (slot->storage == NULL) {
        slot->storage = aligned_alloc(64, LANE_COUNT_MAX * value_size_bytes);
        if (slot->storage == NULL) {
            abort();
        }
        memset(slot->storage, 0, LANE_COUNT_MAX * value_size_bytes);
    }
    return slot->storage;
}

// Empty lanes of the node's type.
static void begin_slot(LaneFrame *frame, LaneSlot *slot) {
    Lanes *lanes = &slot->lanes;
    lanes->type = slot->node->type;
    memset(lanes->valid, 0, sizeof lanes->valid);
    size_t size_bytes = VALUE_SIZES[lanes->type];
    if (lanes->type == VALUE_BOOLEAN) {
        lanes->bits = slot->small;
        memset(lanes->bits, 0, sizeof lanes->valid);
    } else if (is_small(frame, size_bytes)) {
        lanes->bits = slot->small;
    } else {
        lanes->bits = storage_of(slot, size_bytes);
    }
}

Value engine_lanes_value(const Lanes *lanes, uint32_t lane) {
    assert(lane < LANE_COUNT_MAX);
    if (!engine_lanes_bit(lanes->valid, lane)) {
        return data_value_null(lanes->type);
    }
    Value value = {.type = lanes->type};
    switch (lanes->type) {
    case VALUE_BOOLEAN:
        value.boolean = engine_lanes_bit(lanes->bits, lane);
        break;
    case VALUE_INTEGER:
    case VALUE_DECIMAL:
    case VALUE_TIME:
        value.integer = lanes->integers[lane];
        break;
    case VALUE_DATE:
        value.date = (int32_t)lanes->integers[lane];
        break;
    case VALUE_NUMBER:
        value.number = lanes->numbers[lane];
        break;
    case VALUE_TEXT:
        value.text = lanes->texts[lane];
        break;
    case VALUE_LIST:
        value.list.items = lanes->lists[lane].items;
        value.list.count = lanes->lists[lane].count;
        break;
    default:
        value = lanes->values[lane];
    }
    return value;
}

void engine_lanes_set(Lanes *lanes, uint32_t lane, Value value) {
    assert(lane < LANE_COUNT_MAX);
    assert(value.is_null || value.type == lanes->type);
    uint64_t bit = UINT64_C(1) << (lane % 64);
    lanes->valid[lane / 64] |= value.is_null ? 0 : bit;
    switch (lanes->type) {
    case VALUE_BOOLEAN:
        lanes->bits[lane / 64] |= !value.is_null && value.boolean ? bit : 0;
        break;
    case VALUE_INTEGER:
    case VALUE_DECIMAL:
    case VALUE_TIME:
        lanes->integers[lane] = value.is_null ? 0 : value.integer;
        break;
    case VALUE_DATE:
        lanes->integers[lane] = value.is_null ? 0 : value.date;
        break;
    case VALUE_NUMBER:
        lanes->numbers[lane] = value.is_null ? 0.0 : value.number;
        break;
    case VALUE_TEXT:
        lanes->texts[lane] = value.is_null ? (Str){0} : value.text;
        break;
    case VALUE_LIST:
        lanes->lists[lane] =
            value.is_null ? (TableList){0} : (TableList){value.list.items, value.list.count};
        break;
    default:
        lanes->values[lane] = value;
    }
}

void engine_lanes_clear(const LaneFrame *frame, Lanes *lanes) {
    bool is_full = true;
    if (!engine_lanes_is_exact(lanes->type) && lanes->type != VALUE_NUMBER) {
        return;
    }
    LANE_WORDS_EACH(w) {
        assert((lanes->valid[w] & ~frame->used[w]) == 0);
        is_full = is_full && lanes->valid[w] == frame->used[w];
    }
    if (!is_full) {
        frame->vector->words_select(NULL, lanes->valid, frame->lane_count, lanes->integers);
    }
}

void engine_lanes_copy(const LaneFrame *frame, Lanes *lanes, const Lanes *from,
                       const uint64_t *set) {
    assert(lanes->type == from->type);
    uint64_t taken[LANE_WORDS];
    LANE_WORDS_EACH(w) {
        taken[w] = set[w] & from->valid[w];
        lanes->valid[w] = (lanes->valid[w] & ~set[w]) | taken[w];
    }
    switch (lanes->type) {
    case VALUE_BOOLEAN:
        LANE_WORDS_EACH(w) {
            lanes->bits[w] = (lanes->bits[w] & ~set[w]) | (from->bits[w] & taken[w]);
        }
        break;
    case VALUE_TEXT:
        LANE_EACH(lane, taken) {
            lanes->texts[lane] = from->texts[lane];
        }
        break;
    case VALUE_LIST:
        LANE_EACH(lane, taken) {
            lanes->lists[lane] = from->lists[lane];
        }
        break;
    case VALUE_NULL:
    case VALUE_DURATION:
        LANE_EACH(lane, taken) {
            lanes->values[lane] = from->values[lane];
        }
        break;
    default:
        frame->vector->words_select(from->integers, taken, frame->lane_count, lanes->integers);
    }
}

// ---- nodes that are not computed ----

static int run_leaf(LaneFrame *frame, LaneSlot *slot) {
    NodeId id = (NodeId)(slot->node - frame->plan->nodes);
    int code = frame->hooks.leaf(frame->hooks.context, frame, id, &slot->lanes);
    LANE_WORDS_EACH(w) {
        slot->lanes.valid[w] &= frame->used[w];
    }
    engine_lanes_clear(frame, &slot->lanes);
    return code < 0 ? code : BASE_OK;
}

static int run_constant(LaneFrame *frame, LaneSlot *slot) {
    Value value = slot->node->value;
    Lanes *lanes = &slot->lanes;
    if (value.is_null) {
        return BASE_OK;
    }
    memcpy(lanes->valid, frame->used, sizeof lanes->valid);
    if (value.type == VALUE_BOOLEAN) {
        memcpy(lanes->bits, frame->used, value.boolean ? sizeof lanes->valid : 0);
        return BASE_OK;
    }
    bool is_in_slot = lanes->bits == slot->small;
    if (is_in_slot || !slot->is_broadcast) {
        Lanes all = *lanes;
        size_t size_bytes = VALUE_SIZES[lanes->type];
        uint32_t count = is_in_slot ? (uint32_t)(sizeof slot->small / size_bytes) : LANE_COUNT_MAX;
        for (uint32_t lane = 0; lane < count; lane++) {
            engine_lanes_set(&all, lane, value);
        }
        slot->is_broadcast = slot->is_broadcast || !is_in_slot;
    }
    return BASE_OK;
}

static int run_now(LaneFrame *frame, LaneSlot *slot) {
    memcpy(slot->lanes.valid, frame->used, sizeof frame->used);
    for (uint32_t lane = 0; lane < (frame->lane_count + 7) / 8 * 8; lane++) {
        slot->lanes.integers[lane] = frame->now_us;
    }
    return BASE_OK;
}

// ---- nodes that the reference evaluator computes ----

// Whether any null argument makes the node null.
static bool is_strict(const Node *node) {
    switch (node->kind) {
    case NODE_IN:
    case NODE_BETWEEN:
        return false;
    case NODE_CALL:
        return node->function != CALL_HAS && node->function != CALL_HAS_ANY &&
               node->function != CALL_COALESCE && node->function != CALL_LEAST &&
               node->function != CALL_GREATEST && node->function != CALL_IF;
    default:
        return true;
    }
}

static int run_boxed(LaneFrame *frame, LaneSlot *slot) {
    const Node *node = slot->node;
    NodeId id = (NodeId)(node - frame->plan->nodes);
    uint64_t wanted[LANE_WORDS];
    memcpy(wanted, frame->used, sizeof wanted);
    for (int32_t i = 0; i < node->arg_count; i++) {
        const Lanes *arg;
        int code = engine_lanes_get(frame, node->args[i], &arg);
        if (code < 0) {
            return code;
        }
        LANE_WORDS_EACH(w) {
            wanted[w] &= is_strict(node) ? arg->valid[w] : UINT64_MAX;
        }
    }
    LANE_EACH(lane, wanted) {
        Value value = frame->hooks.boxed(frame->hooks.context, frame, id, lane);
        engine_lanes_set(&slot->lanes, lane, value);
    }
    engine_lanes_clear(frame, &slot->lanes);
    return BASE_OK;
}

// ---- the way to a node ----

static LaneRun choose_run(LaneFrame *frame, LaneSlot *slot) {
    LaneRun run = NULL;
    switch (slot->node->kind) {
    case NODE_CONST:
        return run_constant;
    case NODE_NOW:
        return run_now;
    case NODE_TRAIT:
    case NODE_PROPERTY:
    case NODE_EVENT_TIME:
    case NODE_LIST:
    case NODE_AGGREGATE:
    case NODE_SEQUENCE:
    case NODE_WAS:
    case NODE_CHANGED:
    case NODE_HISTORY:
        return run_leaf;
    case NODE_COMPARE:
        run = engine_lanes_compare(frame, slot);
        break;
    case NODE_BETWEEN:
        run = engine_lanes_between(frame, slot);
        break;
    case NODE_IN:
        run = engine_lanes_in(frame, slot);
        break;
    case NODE_NEGATE:
    case NODE_ADD:
    case NODE_SUBTRACT:
    case NODE_MULTIPLY:
    case NODE_DIVIDE:
        run = engine_lanes_arithmetic(frame, slot);
        break;
    case NODE_CALL:
        run = engine_lanes_choice(frame, slot);
        run = run != NULL ? run : engine_lanes_call(frame, slot);
        break;
    case NODE_FIT:
        run = engine_lanes_call(frame, slot);
        break;
    default:
        run = engine_lanes_logic(frame, slot);
    }
    return run != NULL ? run : run_boxed;
}

static LaneSlot *slot_of(LaneFrame *frame, NodeId id) {
    assert(id >= 0 && id < frame->plan->node_count);
    assert(frame->stamp > 0);
    LaneSlot *slot = &frame->slots[id];
    if (slot->run == NULL) {
        slot->node = &frame->plan->nodes[id];
        slot->run = choose_run(frame, slot);
    }
    return slot;
}

int engine_lanes_node(LaneFrame *frame, NodeId id, const Lanes **ret_lanes) {
    LaneSlot *slot = slot_of(frame, id);
    if (slot->stamp != frame->stamp) {
        begin_slot(frame, slot);
        int code = slot->run(frame, slot);
        if (code < 0) {
            return code;
        }
        slot->stamp = frame->stamp;
    }
    *ret_lanes = &slot->lanes;
    return BASE_OK;
}

Lanes *engine_lanes_put(LaneFrame *frame, NodeId id) {
    LaneSlot *slot = slot_of(frame, id);
    begin_slot(frame, slot);
    slot->stamp = frame->stamp;
    return &slot->lanes;
}

bool engine_lanes_has(const LaneFrame *frame, NodeId id) {
    assert(id >= 0 && id < frame->plan->node_count);
    return frame->slots[id].stamp == frame->stamp;
}
