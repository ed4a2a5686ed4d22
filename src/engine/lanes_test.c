// Random expressions over random lanes: every node, at every SIMD level, against the reference
// evaluator.
// cmocka wants these first
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/lanes.h"
#include "engine/lanes_fixture.h"

static int fill_leaf(void *context, LaneFrame *frame, NodeId id, Lanes *ret_lanes) {
    LaneWorld *world = context;
    assert_int_equal(world->nodes[id].kind, NODE_TRAIT);
    for (uint32_t lane = 0; lane < engine_lanes_count(frame); lane++) {
        Value value = engine_trait_value(world->works[lane], world->nodes[id].index);
        engine_lanes_set(ret_lanes, lane, value);
    }
    return 0;
}

// Gives the evaluator what the lanes know of the arguments, nothing else.
static Value evaluate_boxed(void *context, LaneFrame *frame, NodeId id, uint32_t lane) {
    LaneWorld *world = context;
    Work *helper = world->helpers[lane];
    const Node *node = &world->nodes[id];
    for (int32_t i = 0; i < node->arg_count; i++) {
        const Lanes *arg;
        assert_int_equal(engine_lanes_node(frame, node->args[i], &arg), 0);
        helper->values[node->args[i]] = engine_lanes_value(arg, lane);
        helper->node_stamps[node->args[i]] = helper->stamp;
    }
    helper->node_stamps[id] = 0;
    return engine_node_value(helper, id, ENGINE_NO_ROW);
}

// ---- the comparison ----

static bool is_same(Value a, Value b) {
    if (!data_value_equal(a, b)) {
        return false;
    }
    if (a.is_null || a.type != VALUE_NUMBER) {
        return true;
    }
    uint64_t a_bits, b_bits;
    memcpy(&a_bits, &a.number, sizeof(a_bits));
    memcpy(&b_bits, &b.number, sizeof(b_bits));
    return a_bits == b_bits;
}

static void fail_lane(const LaneWorld *world, NodeId id, uint32_t lane, Value expected,
                      Value found) {
    BASE_TEXT_SCOPED text = {0};
    const Node *node = &world->nodes[id];
    base_text_printf(&text, "node %d kind %d function %d, lane %u: %s expected ", id, node->kind,
                     node->kind == NODE_CALL ? (int)node->function : -1, lane,
                     data_value_type_name(expected.type));
    base_text_append(&text, expected.is_null ? STR("null") : STR(""));
    data_value_format(&text, expected);
    base_text_printf(&text, ", found %s ", data_value_type_name(found.type));
    base_text_append(&text, found.is_null ? STR("null") : STR(""));
    data_value_format(&text, found);
    for (int32_t i = 0; i < node->arg_count; i++) {
        Value arg = engine_node_value(world->works[lane], node->args[i], ENGINE_NO_ROW);
        base_text_printf(&text, "; argument %d: %s ", i, data_value_type_name(arg.type));
        base_text_append(&text, arg.is_null ? STR("null") : STR(""));
        data_value_format(&text, arg);
    }
    fail_msg("%.*s", STR_ARG(base_text_str(&text)));
}

// What a frame promises of lanes besides their values.
static void check_form(const Lanes *lanes, uint32_t lane_count) {
    for (uint32_t lane = 0; lane < LANE_COUNT_MAX; lane++) {
        bool is_valid = (lanes->valid[lane / 64] >> (lane % 64) & 1) != 0;
        if (lanes->type == VALUE_BOOLEAN && !is_valid) {
            assert_int_equal(lanes->bits[lane / 64] >> (lane % 64) & 1, 0);
        }
        if (lane >= lane_count) {
            assert_false(is_valid);
        } else if (!is_valid && (lanes->type == VALUE_INTEGER || lanes->type == VALUE_DECIMAL ||
                                 lanes->type == VALUE_TIME || lanes->type == VALUE_DATE)) {
            assert_int_equal(lanes->integers[lane], 0);
        } else if (!is_valid && lanes->type == VALUE_NUMBER) {
            assert_true(lanes->numbers[lane] == 0.0);
        }
    }
}

static size_t check_node(LaneWorld *world, LaneFrame *frame, NodeId id, uint32_t lane_count) {
    const Lanes *lanes = NULL;
    assert_int_equal(engine_lanes_node(frame, id, &lanes), 0);
    assert_true(engine_lanes_has(frame, id));
    check_form(lanes, lane_count);
    for (uint32_t lane = 0; lane < lane_count; lane++) {
        Value expected = engine_node_value(world->works[lane], id, ENGINE_NO_ROW);
        Value found = engine_lanes_value(lanes, lane);
        if (!is_same(expected, found)) {
            fail_lane(world, id, lane, expected, found);
        }
    }
    return lane_count;
}

// Some nodes are put by the owner before they are asked for.
static void put_some(LaneWorld *world, LaneFrame *frame, uint32_t lane_count) {
    for (int i = 0; i < 3; i++) {
        NodeId id = (NodeId)lanes_chance_below(&world->chance, (size_t)world->plan.node_count);
        Lanes *lanes = engine_lanes_put(frame, id);
        for (uint32_t lane = 0; lane < lane_count; lane++) {
            Value value = engine_node_value(world->works[lane], id, ENGINE_NO_ROW);
            engine_lanes_set(lanes, lane, value);
        }
    }
}

static size_t check_frame(LaneWorld *world, LaneFrame *frame) {
    static const uint32_t counts[] = {1,   2,   5,   7,   8,   9,   63,   64,  65,
                                      127, 128, 200, 255, 256, 257, 1000, 1024};
    uint32_t lane_count = CHANCE_PICK(&world->chance, counts);
    size_t checked = 0;
    engine_lanes_begin(frame, lane_count, world->now_us);
    assert_int_equal(engine_lanes_count(frame), lane_count);
    assert_int_equal(engine_lanes_now(frame), world->now_us);
    put_some(world, frame, lane_count);
    int32_t count = world->plan.node_count;
    NodeId first = (NodeId)lanes_chance_below(&world->chance, (size_t)count);
    for (int32_t i = 0; i < count; i++) { // from the roots, from the leaves, or from the middle
        NodeId id = lane_count % 2 == 0 ? (first + i) % count : count - 1 - i;
        checked += check_node(world, frame, id, lane_count);
    }
    return checked;
}

static void lanes_are_the_evaluators_values_at_every_level(void **state) {
    (void)state;
    static const KernelSimd levels[] = {KERNEL_SIMD_NONE, KERNEL_SIMD_AVX2, KERNEL_SIMD_AVX512,
                                        KERNEL_SIMD_BEST};
    const char *given = getenv("KRETS_TEST_SEED"), *rounds = getenv("KRETS_TEST_ROUNDS");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 20260331;
    int world_count = rounds != NULL ? (int)strtol(rounds, NULL, 10) : 40;
    size_t checked = 0;
    for (int w = 0; w < world_count; w++) {
        print_message("seed %llu\n", (unsigned long long)seed + (unsigned long long)w);
        LaneWorld *world = lanes_world_new(seed + (uint64_t)w);
        LaneHooks hooks = {.context = world, .leaf = fill_leaf, .boxed = evaluate_boxed};
        for (size_t level = 0; level < sizeof levels / sizeof levels[0]; level++) {
            ENGINE_LANES_SCOPED frame =
                engine_lanes_new(&world->plan, &world->fit_set, &hooks, levels[level]);
            for (int round = 0; round < 4; round++) {
                checked += check_frame(world, frame);
            }
        }
        lanes_world_free(world);
    }
    print_message("%zu values\n", checked);
    assert_true(checked > (size_t)world_count * 10000);
}

// ---- what is not asked, and what goes wrong ----

typedef struct Counter {
    int leaf_count, code;
} Counter;

static int count_leaf(void *context, LaneFrame *frame, NodeId id, Lanes *ret_lanes) {
    Counter *counter = context;
    (void)id;
    counter->leaf_count++;
    for (uint32_t lane = 0; lane < engine_lanes_count(frame); lane++) {
        engine_lanes_set(ret_lanes, lane, (Value){.type = VALUE_BOOLEAN, .boolean = lane < 70});
    }
    return counter->code;
}

static Value refuse_boxed(void *context, LaneFrame *frame, NodeId id, uint32_t lane) {
    (void)context;
    (void)frame;
    (void)id;
    (void)lane;
    fail_msg("nothing here is boxed");
    return data_value_null(VALUE_NULL);
}

// Two leaves and their `and` and `or`.
static Plan junction_plan(Node nodes[4], const NodeId args[2]) {
    nodes[0] = (Node){.kind = NODE_TRAIT, .type = VALUE_BOOLEAN, .index = 0};
    nodes[1] = (Node){.kind = NODE_TRAIT, .type = VALUE_BOOLEAN, .index = 1};
    nodes[2] = (Node){.kind = NODE_AND, .type = VALUE_BOOLEAN, .args = args, .arg_count = 2};
    nodes[3] = (Node){.kind = NODE_OR, .type = VALUE_BOOLEAN, .args = args, .arg_count = 2};
    return (Plan){.nodes = nodes, .node_count = 4, .value = NODE_NONE};
}

static void arguments_that_no_lane_needs_are_left_out(void **state) {
    (void)state;
    Node nodes[4];
    const NodeId args[] = {0, 1};
    Plan plan = junction_plan(nodes, args);
    Counter counter = {0};
    LaneHooks hooks = {.context = &counter, .leaf = count_leaf, .boxed = refuse_boxed};
    ENGINE_LANES_SCOPED frame = engine_lanes_new(&plan, NULL, &hooks, KERNEL_SIMD_BEST);
    const Lanes *lanes = NULL;
    engine_lanes_begin(frame, 70, 0);
    assert_int_equal(engine_lanes_node(frame, 3, &lanes), 0); // true for all 70 after one
    assert_int_equal(counter.leaf_count, 1);
    assert_int_equal(lanes->bits[1], (1 << 6) - 1);
    assert_int_equal(engine_lanes_node(frame, 2, &lanes), 0);
    assert_int_equal(counter.leaf_count, 2);
    assert_int_equal(engine_lanes_node(frame, 2, &lanes), 0); // known
    assert_int_equal(counter.leaf_count, 2);
    engine_lanes_begin(frame, 71, 0); // one lane is false, so `or` needs both
    assert_false(engine_lanes_has(frame, 2));
    assert_int_equal(engine_lanes_node(frame, 3, &lanes), 0);
    assert_int_equal(counter.leaf_count, 4);
}

static void what_a_hook_returns_ends_the_evaluation(void **state) {
    (void)state;
    Node nodes[4];
    const NodeId args[] = {0, 1};
    Plan plan = junction_plan(nodes, args);
    Counter counter = {.code = -7};
    LaneHooks hooks = {.context = &counter, .leaf = count_leaf, .boxed = refuse_boxed};
    ENGINE_LANES_SCOPED frame = engine_lanes_new(&plan, NULL, &hooks, KERNEL_SIMD_BEST);
    const Lanes *lanes = NULL;
    engine_lanes_begin(frame, 3, 0);
    assert_int_equal(engine_lanes_node(frame, 2, &lanes), -7);
    assert_null(lanes);
    assert_false(engine_lanes_has(frame, 0));
    assert_false(engine_lanes_has(frame, 2));
    counter.code = 0; // it may be tried again
    assert_int_equal(engine_lanes_node(frame, 2, &lanes), 0);
    assert_int_equal(lanes->bits[0], 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lanes_are_the_evaluators_values_at_every_level),
        cmocka_unit_test(arguments_that_no_lane_needs_are_left_out),
        cmocka_unit_test(what_a_hook_returns_ends_the_evaluation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
