// What has no fast form: the reference evaluator over the block.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/kernel_private.h"

void engine_kernel_fail(KernelWork *work, int code) {
    if (work->code == BASE_OK)
        work->code = code;
}

// --- the reference evaluator on the block's table ---

static bool make_table(KernelWork *work, bool is_full) {
    if (work->table != NULL && (work->is_table_full || !is_full))
        return true;
    const KernelBinding *binding = work->binding;
    int code = engine_kernel_table(work->table_arena, binding, work->blocks, work->block_count,
                                   is_full ? &binding->all_needs : &binding->slow_needs,
                                   &work->table, &work->origins, &work->error);
    work->is_table_full = is_full;
    if (code == BASE_OK && work->reference == NULL) {
        work->reference = engine_work_new(work->kernel->ready, work->table, work->binding->fits,
                                          work->memory_bytes / 2, &work->error);
        code = work->reference == NULL ? BASE_E_RESOURCES : BASE_OK;
    }
    if (code < 0) {
        work->table = NULL;
        engine_kernel_fail(work, code);
        return false;
    }
    work->reference->table = work->table;
    return true;
}

// Texts live until the next block, as the lanes that hold them.
static Value keep_value(KernelWork *work, Value value) {
    if (!value.is_null && value.type == VALUE_TEXT)
        value.text = base_arena_str(work->table_arena, value.text);
    return value;
}

// Puts the reference to a customer at now; false when the customer is not in the population.
static bool move_to(KernelWork *work, uint32_t lane) {
    engine_work_customer(work->reference, lane);
    return engine_work_now(work->reference, work->now_us);
}

static void check(KernelWork *work) {
    int code = engine_work_check(work->reference, &work->error);
    if (code < 0)
        engine_kernel_fail(work, code);
}

void engine_kernel_slow(KernelWork *work, NodeId id, Lanes *ret_lanes) {
    if (!make_table(work, true))
        return;
    for (uint32_t lane = 0; lane < work->lane_count; lane++) {
        if (!BIT_GET(work->population, lane) || !move_to(work, lane))
            continue;
        Value value = engine_node_value(work->reference, id, ENGINE_NO_ROW);
        engine_lanes_set(ret_lanes, lane, keep_value(work, value));
        check(work);
    }
}

void engine_kernel_slow_places(KernelWork *work, const Feature *feature) {
    Places *places = &work->anchors[feature->anchor];
    memset(places->valid, 0, sizeof(places->valid));
    if (!make_table(work, true))
        return;
    const Aggregate *aggregate = &work->kernel->plan->aggregates[feature->aggregate];
    for (uint32_t lane = 0; lane < work->lane_count; lane++) {
        if (!BIT_GET(work->population, lane) || !move_to(work, lane))
            continue;
        uint64_t row = engine_aggregate_row(work->reference, aggregate, feature->aggregate);
        if (row == ENGINE_NO_ROW)
            continue;
        const RowOrigin *origin = &work->origins[row];
        assert(origin->stream >= 0);
        places->us[lane] = work->table->time_us[row];
        places->order[lane] = engine_kernel_order(
            &work->blocks[lane / BLOCK_CUSTOMER_MAX].streams[origin->stream], origin->row);
        BIT_SET(places->valid, lane);
        check(work);
    }
}

// --- all slow leaves at once ---

enum { AHEAD_BYTES = 16 << 20 };

static Value *ahead_values(const KernelWork *work, size_t now_index, uint32_t lane) {
    size_t now = now_index - work->ahead_from;
    assert(now < work->ahead_count);
    return work->ahead + now * (size_t)work->kernel->slow_count * LANE_COUNT_MAX + lane;
}

// One customer at as many nows as there is room for: the customer's events are gathered, and what
// does not depend on now is found, once for all of them.
static void look_ahead(KernelWork *work) {
    const Kernel *kernel = work->kernel;
    size_t now_bytes = (size_t)kernel->slow_count * LANE_COUNT_MAX * sizeof(Value);
    size_t room = AHEAD_BYTES / now_bytes < 1 ? 1 : AHEAD_BYTES / now_bytes;
    room = room < work->now_count ? room : work->now_count;
    if (work->ahead == NULL && (work->ahead = malloc(room * now_bytes)) == NULL)
        abort();
    size_t left = work->now_count - work->now_index;
    work->ahead_from = work->now_index;
    work->ahead_count = left < room ? left : room;
    for (uint32_t lane = 0; lane < work->lane_count; lane++) {
        engine_work_customer(work->reference, lane);
        for (size_t n = work->ahead_from; n < work->ahead_from + work->ahead_count; n++) {
            if (!engine_work_now(work->reference, work->nows_us[n]))
                continue;
            Value *values = ahead_values(work, n, lane);
            for (int32_t i = 0; i < kernel->slow_count; i++) {
                Value value =
                    engine_node_value(work->reference, kernel->slow_nodes[i], ENGINE_NO_ROW);
                values[(size_t)i * LANE_COUNT_MAX] = keep_value(work, value);
            }
        }
        check(work);
    }
}

static void make_slow_ahead(KernelWork *work) {
    if (work->now_index - work->ahead_from >= work->ahead_count)
        look_ahead(work);
    for (uint32_t lane = 0; work->code == BASE_OK && lane < work->lane_count; lane++) {
        if (!BIT_GET(work->population, lane))
            continue;
        const Value *values = ahead_values(work, work->now_index, lane);
        for (int32_t i = 0; i < work->kernel->slow_count; i++)
            engine_lanes_set(work->slow_lanes[i], lane, values[(size_t)i * LANE_COUNT_MAX]);
    }
}

// All slow leaves of one customer at a time: the customer's events are gathered once.
static void make_slow(KernelWork *work) {
    const Kernel *kernel = work->kernel;
    for (int32_t i = 0; i < kernel->slow_count; i++)
        work->slow_lanes[i] = engine_lanes_put(work->frame, kernel->slow_nodes[i]);
    if (!make_table(work, false))
        return;
    if (work->nows_us != NULL) {
        make_slow_ahead(work);
        return;
    }
    for (uint32_t lane = 0; lane < work->lane_count; lane++) {
        if (!BIT_GET(work->population, lane) || !move_to(work, lane))
            continue;
        for (int32_t i = 0; i < kernel->slow_count; i++) {
            Value value = engine_node_value(work->reference, kernel->slow_nodes[i], ENGINE_NO_ROW);
            engine_lanes_set(work->slow_lanes[i], lane, keep_value(work, value));
        }
        check(work);
    }
}

void engine_kernel_leaves(KernelWork *work) {
    if (work->kernel->slow_count > 0)
        make_slow(work);
}

// --- customers' own ids ---

static const Str *customer_ids(KernelWork *work) {
    const BlockSource *source = work->binding->source;
    for (uint32_t lane = 0; !work->has_customer_ids && lane < work->lane_count; lane++)
        work->customer_ids[lane] =
            source->customer_id(source->context, work->blocks[0].first_ordinal + lane);
    work->has_customer_ids = true;
    return work->customer_ids;
}

static void make_list(KernelWork *work, int32_t index, Lanes *ret_lanes) {
    const PlanList *list = &work->kernel->plan->lists[index];
    const Str *ids = customer_ids(work);
    for (uint32_t lane = 0; lane < work->lane_count; lane++) {
        size_t low = 0, high = list->count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (base_str_compare(list->ids[middle], ids[lane]) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        bool is_in = low < list->count && base_str_equal(list->ids[low], ids[lane]);
        engine_lanes_set(ret_lanes, lane, engine_value_boolean(is_in));
    }
}

// --- hooks of the lanes ---

int engine_kernel_leaf(void *context, LaneFrame *frame, NodeId id, Lanes *ret_lanes) {
    KernelWork *work = context;
    const Node *node = &work->kernel->plan->nodes[id];
    (void)frame;
    if (node->kind == NODE_TRAIT)
        engine_kernel_trait(work, node->index, ret_lanes);
    else if (node->kind == NODE_LIST)
        make_list(work, node->index, ret_lanes);
    else if (work->kernel->node_sequences[id] >= 0)
        engine_kernel_sequence(work, &work->kernel->sequences[work->kernel->node_sequences[id]],
                               ret_lanes);
    else
        engine_kernel_slow(work, id, ret_lanes);
    return work->code;
}

static Work *boxed_work(KernelWork *work) {
    if (work->boxed == NULL) {
        work->boxed_table.customer_count = LANE_COUNT_MAX;
        work->boxed_table.customer_ids = work->customer_ids;
        work->boxed_table.first_row = work->boxed_first_row;
        work->boxed_table.column_count = (size_t)work->kernel->plan->column_count;
        work->boxed = engine_work_new(work->kernel->ready, &work->boxed_table, work->binding->fits,
                                      work->memory_bytes / 4, &work->error);
        if (work->boxed == NULL)
            engine_kernel_fail(work, BASE_E_RESOURCES);
    }
    return work->boxed;
}

void engine_kernel_box(const KernelWork *work, Work *boxed, uint32_t lane) {
    const Zone *zone = work->zones[work->lane_zones[lane]].zone;
    Str country = work->countries[lane];
    if (boxed->zone != zone || !base_str_equal(boxed->country, country)) {
        for (int32_t i = 0; i < work->kernel->plan->node_count; i++)
            boxed->holidays[i].is_ready = false;
    }
    boxed->zone = zone;
    boxed->country = country;
    boxed->now_us = work->now_us;
    boxed->stamp++;
}

Value engine_kernel_boxed(void *context, LaneFrame *frame, NodeId id, uint32_t lane) {
    KernelWork *work = context;
    const Node *node = &work->kernel->plan->nodes[id];
    Work *boxed = boxed_work(work);
    if (boxed == NULL)
        return data_value_null(node->type);
    (void)customer_ids(work);
    engine_kernel_box(work, boxed, lane);
    boxed->customer = lane;
    for (int32_t i = 0; i < node->arg_count; i++) {
        const Lanes *lanes = NULL;
        if (engine_lanes_node(frame, node->args[i], &lanes) < 0)
            return data_value_null(node->type);
        boxed->values[node->args[i]] = engine_lanes_value(lanes, lane);
        boxed->node_stamps[node->args[i]] = boxed->stamp;
    }
    Value value = engine_node_value(boxed, id, ENGINE_NO_ROW);
    if (boxed->is_over_budget)
        engine_kernel_fail(work, engine_work_check(boxed, &work->error));
    return value;
}
