// What the parts of a lane frame share: the slot of a node, and the tests that predicates run.
#ifndef KRETS_ENGINE_LANES_PRIVATE_H
#define KRETS_ENGINE_LANES_PRIVATE_H

#include "engine/engine_private.h"
#include "engine/lanes.h"
#include "engine/lanes_vector.h"

typedef struct LaneSlot LaneSlot;

// Computes slot->lanes; the slot's lanes are empty (no bit set, type of the node) before.
typedef int (*LaneRun)(LaneFrame *frame, LaneSlot *slot);

// Three-valued truth of each lane: true (bits), false (valid without bits), null (neither).
typedef struct LaneTruth {
    uint64_t bits[LANE_WORDS], valid[LANE_WORDS];
} LaneTruth;

typedef enum LaneTestKind {
    LANE_TEST_NONE,     // no vector form
    LANE_TEST_NULL,     // one side is the literal null, or always null
    LANE_TEST_INTEGERS, // low <= a <= high; a: integer, decimal, time, date
    LANE_TEST_ELAPSED,  // low <= now - a <= high; a: time
    LANE_TEST_NUMBERS,  // low_number <= a <= high_number
    LANE_TEST_BITS,     // a = boolean
    LANE_TEST_TEXT,     // a = text
    LANE_TEST_INTEGER_PAIRS,
    LANE_TEST_NUMBER_PAIRS,
    LANE_TEST_BIT_PAIRS,
    LANE_TEST_VALUES // any types, lane by lane
} LaneTestKind;

// One comparison. Those of a node with a constant are intervals: exact for integers, decimals and
// times whatever the constant's type.
typedef struct LaneTest {
    uint8_t kind;
    uint8_t compare; // PAIRS, VALUES: CompareOp
    bool is_flipped; // the opposite, where not null
    NodeId a, b;     // nodes; b: PAIRS and VALUES only
    union {
        struct {
            int64_t low, high;
        };
        struct {
            double low_number, high_number;
        };
        Str text;
        bool boolean;
    };
} LaneTest;

// A node in a frame, a cache line each: what is read of it, room for a few lanes, how it is made.
struct LaneSlot {
    Lanes lanes;
    uint64_t stamp; // of the frame's lanes that it holds
    LaneRun run;    // NULL until the node is first asked for
    _Alignas(64) uint64_t small[LANE_WORDS];
    const Node *node;
    void *storage; // for LANE_COUNT_MAX lanes; NULL until needed
    LaneTest test; // COMPARE, BETWEEN of constants; its interval: a time moved
    union {
        const LaneTest *tests; // BETWEEN, IN
        int64_t step;          // ROUND, FLOOR, CEIL, COMPLETED, a time moved
    };
    int32_t test_count;
    bool is_broadcast; // CONST: the storage holds it
} __attribute__((aligned(64)));

enum { LANE_SCRATCH_COUNT = 3 };

struct LaneFrame {
    const Plan *plan;
    const FitSet *fits;
    LaneHooks hooks;
    const LaneVector *vector;
    Arena *arena; // of what prepares nodes
    LaneSlot *slots;
    uint64_t stamp;
    int64_t now_us;
    uint32_t lane_count, word_count;
    uint64_t used[LANE_WORDS];
    // Room for intermediate values; nobody keeps them while another node is evaluated.
    _Alignas(64) int64_t scratch[LANE_SCRATCH_COUNT][LANE_COUNT_MAX];
};

#define LANE_WORDS_EACH(w) for (size_t w = 0; (w) < LANE_WORDS; (w)++)

// Each lane of a set of lanes, ascending.
#define LANE_EACH(lane, set)                                                                       \
    for (size_t lane##_w = 0; lane##_w < LANE_WORDS; lane##_w++)                                   \
        for (uint64_t lane##_rest = (set)[lane##_w]; lane##_rest != 0;                             \
             lane##_rest &= lane##_rest - 1)                                                       \
            for (uint32_t                                                                          \
                     lane = (uint32_t)(lane##_w * 64) + (uint32_t)__builtin_ctzll(lane##_rest),    \
                     lane##_once = 1;                                                              \
                 lane##_once != 0; lane##_once = 0)

static inline bool engine_lanes_bit(const uint64_t *words, uint32_t lane) {
    return (words[lane / 64] >> (lane % 64) & 1) != 0;
}

static inline const Node *engine_lanes_arg(const LaneFrame *frame, const Node *node, int32_t arg) {
    return &frame->plan->nodes[node->args[arg]];
}

static inline LaneMask engine_lanes_mask(const LaneFrame *frame, const uint64_t *valid) {
    return (LaneMask){.valid = valid, .count = frame->lane_count};
}

// True of types whose lanes are `integers`.
static inline bool engine_lanes_is_exact(ValueType type) {
    return type == VALUE_INTEGER || type == VALUE_DECIMAL || type == VALUE_TIME ||
           type == VALUE_DATE;
}

static inline bool engine_lanes_is_numeric(ValueType type) {
    return type == VALUE_INTEGER || type == VALUE_DECIMAL || type == VALUE_NUMBER;
}

// A node's lanes; quick where they are known.
static inline int engine_lanes_get(LaneFrame *frame, NodeId id, const Lanes **ret_lanes) {
    const LaneSlot *slot = &frame->slots[id];
    if (slot->stamp == frame->stamp) {
        *ret_lanes = &slot->lanes;
        return BASE_OK;
    }
    return engine_lanes_node(frame, id, ret_lanes);
}

// Sets lanes without a value to 0, of types whose lanes are `integers` or `numbers`.
void engine_lanes_clear(const LaneFrame *frame, Lanes *lanes);
// Where the set has a lane, the lane of `from`, of the same type; one without a value stays what it
// was, so a clear must follow.
void engine_lanes_copy(const LaneFrame *frame, Lanes *lanes, const Lanes *from,
                       const uint64_t *set);
// The lanes as a wider type: themselves, or `*scratch` filled, its values in `room`. Of lanes of
// the literal null nothing but `valid` may be read.
const Lanes *engine_lanes_widen(const LaneFrame *frame, const Lanes *from, ValueType type,
                                Lanes *scratch, int64_t *room);

// How a node of the kind is computed; NULL: no vector form for these types. They may prepare the
// slot.
LaneRun engine_lanes_logic(LaneFrame *frame, LaneSlot *slot);
LaneRun engine_lanes_compare(LaneFrame *frame, LaneSlot *slot);
LaneRun engine_lanes_between(LaneFrame *frame, LaneSlot *slot);
LaneRun engine_lanes_in(LaneFrame *frame, LaneSlot *slot);
LaneRun engine_lanes_arithmetic(LaneFrame *frame, LaneSlot *slot);
LaneRun engine_lanes_call(LaneFrame *frame, LaneSlot *slot);
LaneRun engine_lanes_choice(LaneFrame *frame, LaneSlot *slot);

#endif
