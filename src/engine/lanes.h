// Lanes: the nodes of a plan evaluated for up to 1,024 customers, or rows of events, at once.
//
// A frame holds one value per node and lane: lanes are the customers of a block (customer nodes) or
// rows of events (event nodes). Values and nulls are those of the reference evaluator, to the bit,
// at every SIMD level. What a frame cannot know (leaves) or has no vector form for (boxed) its
// owner supplies. A frame belongs to one thread.
//
// Bits of lanes that are not in use are 0, in all LANE_WORDS words; values of such lanes are
// unspecified.
#ifndef KRETS_ENGINE_LANES_H
#define KRETS_ENGINE_LANES_H

#include "data/block.h"
#include "data/table.h"
#include "engine/fit.h"
#include "engine/kernel.h"
#include "lang/plan.h"

// A frame holds several blocks of customers, so that what is done once a node is done seldom.
enum { LANE_COUNT_MAX = 4 * BLOCK_CUSTOMER_MAX, LANE_WORDS = LANE_COUNT_MAX / 64 };

// One node's values over the lanes. Null lanes hold 0 where it says so, but for lanes that the
// owner put.
typedef struct Lanes {
    ValueType type;             // of the node
    uint64_t valid[LANE_WORDS]; // bit set: not null
    union {
        uint64_t *bits;    // BOOLEAN: LANE_WORDS; bits of null lanes are 0
        int64_t *integers; // INTEGER, DECIMAL (mantissa), TIME (us), DATE (days); null lanes hold 0
        double *numbers;   // NUMBER; null lanes hold 0
        Str *texts;        // TEXT; not to be read where null
        TableList *lists;  // LIST; not to be read where null
        Value *values;     // DURATION or anything else, boxed; not to be read where null
    };
} Lanes;

typedef struct LaneFrame LaneFrame;

// What the frame's owner supplies. Texts and lists that it hands out must last until the next
// engine_lanes_begin().
typedef struct LaneHooks {
    void *context;
    // Fills a leaf: NODE_TRAIT, NODE_PROPERTY, NODE_EVENT_TIME, NODE_AGGREGATE, NODE_SEQUENCE,
    // NODE_LIST, NODE_WAS, NODE_CHANGED. Its type and room for the lanes in use (rounded up to 8)
    // are set, `valid` and the bits of a boolean are all 0, values are what they were. Negative:
    // stops the evaluation.
    int (*leaf)(void *context, LaneFrame *frame, NodeId id, Lanes *ret_lanes);
    // One lane of a node without a vector form: the reference evaluator's answer. Its arguments are
    // evaluated already: engine_lanes_node() of them only looks up. Asked only for lanes in use
    // where no argument that decides alone is null.
    Value (*boxed)(void *context, LaneFrame *frame, NodeId id, uint32_t lane);
} LaneHooks;

// A frame for the nodes of a plan, which must outlive it, as must the fits (NULL when the plan has
// none) and what the hooks point to. Memory for values is allotted when a node is first asked for
// and then kept. `simd`: at most this level; what the processor has not is left out.
LaneFrame *engine_lanes_new(const Plan *plan, const FitSet *fits, const LaneHooks *hooks,
                            KernelSimd simd);
void engine_lanes_free(LaneFrame *frame);
static inline void engine_lanes_freep(LaneFrame **frame) {
    engine_lanes_free(*frame);
}
#define ENGINE_LANES_SCOPED __attribute__((cleanup(engine_lanes_freep))) LaneFrame *

// The most memory that a frame of this plan can take.
size_t engine_lanes_size_bytes(const Plan *plan);

// New lanes [0, lane_count), 1 <= lane_count <= LANE_COUNT_MAX, at a now: everything known is
// forgotten. Constant time.
void engine_lanes_begin(LaneFrame *frame, uint32_t lane_count, int64_t now_us);
uint32_t engine_lanes_count(const LaneFrame *frame);
int64_t engine_lanes_now(const LaneFrame *frame);

// Evaluates a node and what it needs, once until the next begin. `and`, `or`, `if` and `coalesce`
// leave out arguments that no lane needs. The lanes are valid until the next begin. Negative: what
// a hook returned.
int engine_lanes_node(LaneFrame *frame, NodeId id, const Lanes **ret_lanes);

// One lane as a value of the lanes' type; texts and lists are shared, not copied.
Value engine_lanes_value(const Lanes *lanes, uint32_t lane);
// Sets one lane; a value that is not null must be of the lanes' type. The lane must hold nothing
// yet (as in lanes that a leaf hook or engine_lanes_put() begins with).
void engine_lanes_set(Lanes *lanes, uint32_t lane, Value value);

// The lanes of a node for the owner to fill before anybody asks for the node: marked as known, as
// empty as a leaf's. Null lanes may hold anything.
Lanes *engine_lanes_put(LaneFrame *frame, NodeId id);
// Whether the node is known since the last begin.
bool engine_lanes_has(const LaneFrame *frame, NodeId id);

#endif
