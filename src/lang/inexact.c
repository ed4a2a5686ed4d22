// Which answers went through the C library's sine and arc sine, the only results that may differ
// between hosts, in their last bits.
#include "lang/plan.h"

static bool uses_libm(const Plan *plan, NodeId node, uint8_t *seen) {
    if (node == NODE_NONE || seen[node]) {
        return false;
    }
    seen[node] = 1;
    const Node *at = &plan->nodes[node];
    if (at->kind == NODE_CALL && at->function == CALL_DISTANCE_KM) {
        return true;
    }
    for (int32_t i = 0; i < at->arg_count; i++) {
        if (uses_libm(plan, at->args[i], seen)) {
            return true;
        }
    }
    if (at->kind == NODE_AGGREGATE) {
        const Aggregate *aggregate = &plan->aggregates[at->index];
        return uses_libm(plan, aggregate->value, seen) || uses_libm(plan, aggregate->where, seen) ||
               uses_libm(plan, aggregate->by, seen);
    }
    return at->kind == NODE_FIT && uses_libm(plan, plan->fits[at->index].x, seen);
}

bool lang_plan_is_inexact(const Plan *plan, NodeId node) {
    if (plan->nodes[node].type != VALUE_NUMBER) {
        return false;
    }
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    return uses_libm(plan, node, base_arena_alloc_array(arena, (size_t)plan->node_count + 1, 1));
}
