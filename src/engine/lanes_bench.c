// How fast the lanes are: 64 nodes of one kind over the same leaves, at each level of SIMD.
//
// Prints the nanoseconds of a node over 256 lanes, the same per lane, and those of a node over one
// lane (a customer on its own).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/lanes.h"

enum { BENCH_COPIES = 64, BENCH_LEAVES = 600, BENCH_REPEATS = 7 };

#define BENCH_SECONDS 0.01
#define BENCH_NOW_US  INT64_C(1774000000000000)

typedef struct Bench {
    const char *name;
    NodeKind kind;
    CallFunction function;
    CompareOp compare;
    ValueType type;    // of the result
    ValueType left;    // a leaf
    ValueType right;   // VALUE_NULL: none
    bool is_constant;  // the right side is; its value differs from copy to copy
    bool is_each_leaf; // each copy has its own leaf: they do not fit the first cache
} Bench;

static const Bench BENCHES[] = {
    {"integer >= constant", NODE_COMPARE, 0, COMPARE_GE, VALUE_BOOLEAN, VALUE_INTEGER,
     VALUE_INTEGER, true, false},
    {"integer >= constant, 600 leaves", NODE_COMPARE, 0, COMPARE_GE, VALUE_BOOLEAN, VALUE_INTEGER,
     VALUE_INTEGER, true, true},
    {"decimal = constant", NODE_COMPARE, 0, COMPARE_EQ, VALUE_BOOLEAN, VALUE_DECIMAL, VALUE_DECIMAL,
     true, false},
    {"number < constant", NODE_COMPARE, 0, COMPARE_LT, VALUE_BOOLEAN, VALUE_NUMBER, VALUE_NUMBER,
     true, false},
    {"text = constant", NODE_COMPARE, 0, COMPARE_EQ, VALUE_BOOLEAN, VALUE_TEXT, VALUE_TEXT, true,
     false},
    {"decimal < decimal", NODE_COMPARE, 0, COMPARE_LT, VALUE_BOOLEAN, VALUE_DECIMAL, VALUE_DECIMAL,
     false, false},
    {"integer < number", NODE_COMPARE, 0, COMPARE_LT, VALUE_BOOLEAN, VALUE_INTEGER, VALUE_NUMBER,
     false, false},
    {"a and b", NODE_AND, 0, 0, VALUE_BOOLEAN, VALUE_BOOLEAN, VALUE_BOOLEAN, false, false},
    {"not a", NODE_NOT, 0, 0, VALUE_BOOLEAN, VALUE_BOOLEAN, VALUE_NULL, false, false},
    {"decimal + decimal", NODE_ADD, 0, 0, VALUE_DECIMAL, VALUE_DECIMAL, VALUE_DECIMAL, false,
     false},
    {"decimal * integer", NODE_MULTIPLY, 0, 0, VALUE_DECIMAL, VALUE_DECIMAL, VALUE_INTEGER, false,
     false},
    {"decimal / integer", NODE_DIVIDE, 0, 0, VALUE_NUMBER, VALUE_DECIMAL, VALUE_INTEGER, false,
     false},
    {"number + number", NODE_ADD, 0, 0, VALUE_NUMBER, VALUE_NUMBER, VALUE_NUMBER, false, false},
    {"days_since(time)", NODE_CALL, CALL_DAYS_SINCE, 0, VALUE_NUMBER, VALUE_TIME, VALUE_NULL, false,
     false},
    {"round(number)", NODE_CALL, CALL_ROUND, 0, VALUE_NUMBER, VALUE_NUMBER, VALUE_NULL, false,
     false},
    {"coalesce(decimal, decimal)", NODE_CALL, CALL_COALESCE, 0, VALUE_DECIMAL, VALUE_DECIMAL,
     VALUE_DECIMAL, false, false},
    {"greatest(number, number)", NODE_CALL, CALL_GREATEST, 0, VALUE_NUMBER, VALUE_NUMBER,
     VALUE_NUMBER, false, false},
    {"ntile(number, 10)", NODE_FIT, 0, 0, VALUE_INTEGER, VALUE_NUMBER, VALUE_NULL, false, false},
};

typedef struct BenchPlan {
    Plan plan;
    Node nodes[3 * BENCH_LEAVES + 8];
    NodeId args[BENCH_LEAVES][2];
    NodeId results[BENCH_LEAVES];
    int32_t result_count;
    Fit fit;
    FitBounds bounds;
    FitSet fits;
} BenchPlan;

static Value bench_value(ValueType type, size_t i) {
    static const char *const texts[] = {"London", "Stockholm", "Oslo", "Umeå"};
    int64_t scattered = (int64_t)(i * UINT64_C(2654435761) % 1000);
    Value value = {.type = type};
    switch (type) {
    case VALUE_BOOLEAN:
        value.boolean = scattered % 3 != 0;
        break;
    case VALUE_NUMBER:
        value.number = (double)scattered / 7.0;
        break;
    case VALUE_TEXT:
        value.text = base_str_from(texts[i % 4]);
        break;
    case VALUE_TIME:
        value.time_us = BENCH_NOW_US - scattered * CALENDAR_US_PER_DAY;
        break;
    default:
        value.integer = scattered;
    }
    return value;
}

// One lane in ten is null.
static int fill_leaf(void *context, LaneFrame *frame, NodeId id, Lanes *ret_lanes) {
    bool *is_filled = context; // the values stay where they are from frame to frame
    for (uint32_t lane = 0; lane < engine_lanes_count(frame) && !*is_filled; lane++) {
        if (lane % 10 != 9) {
            engine_lanes_set(ret_lanes, lane, bench_value(ret_lanes->type, lane + (size_t)id));
        }
    }
    for (uint32_t lane = 0; lane < engine_lanes_count(frame) && *is_filled; lane += 64) {
        ret_lanes->valid[lane / 64] = engine_lanes_count(frame) == 1 ? 1 : ~(UINT64_C(1) << 9);
        if (ret_lanes->type == VALUE_BOOLEAN) {
            ret_lanes->bits[lane / 64] = ret_lanes->valid[lane / 64] & UINT64_C(0x5555555555555555);
        }
    }
    return 0;
}

static Value refuse_boxed(void *context, LaneFrame *frame, NodeId id, uint32_t lane) {
    (void)context;
    (void)frame;
    fprintf(stderr, "node %d has no vector form (lane %u)\n", id, lane);
    exit(1);
}

static NodeId add_node(BenchPlan *made, Node node) {
    made->nodes[made->plan.node_count] = node;
    return made->plan.node_count++;
}

static void make_plan(BenchPlan *made, const Bench *bench) {
    static double bounds[] = {1, 15, 30, 45, 60, 75, 90, 105, 120};
    memset(made, 0, sizeof *made);
    made->plan.nodes = made->nodes;
    made->plan.value = NODE_NONE;
    made->plan.fits = &made->fit;
    made->plan.fit_count = 1;
    made->bounds =
        (FitBounds){.kind = FIT_NTILE, .bounds = bounds, .bound_count = 9, .customer_count = 1000};
    made->fits = (FitSet){.fits = &made->bounds, .count = 1};
    made->result_count = bench->is_each_leaf ? BENCH_LEAVES : BENCH_COPIES;
    NodeId left = add_node(made, (Node){.kind = NODE_TRAIT, .type = bench->left});
    NodeId right = add_node(made, (Node){.kind = NODE_TRAIT, .type = bench->right});
    made->fit = (Fit){.kind = FIT_NTILE, .tiles = 10, .x = left, .where = NODE_NONE};
    for (int32_t i = 0; i < made->result_count; i++) {
        NodeId a = left, b = right;
        if (bench->is_each_leaf) {
            a = add_node(made, (Node){.kind = NODE_TRAIT, .type = bench->left});
        }
        if (bench->is_constant) {
            Value value = bench_value(bench->right, (size_t)i);
            b = add_node(made, (Node){.kind = NODE_CONST, .type = bench->right, .value = value});
        }
        made->args[i][0] = a;
        made->args[i][1] = b;
        Node node = {.kind = bench->kind,
                     .type = bench->type,
                     .args = made->args[i],
                     .arg_count = bench->kind == NODE_FIT      ? 0
                                  : bench->right == VALUE_NULL ? 1
                                                               : 2};
        if (bench->kind == NODE_CALL) {
            node.function = bench->function;
        } else {
            node.compare = bench->compare;
        }
        made->results[i] = add_node(made, node);
    }
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void evaluate(LaneFrame *frame, const BenchPlan *made, uint32_t lane_count) {
    const Lanes *lanes = NULL;
    engine_lanes_begin(frame, lane_count, BENCH_NOW_US);
    for (int32_t i = 0; i < made->result_count; i++) {
        if (engine_lanes_node(frame, made->results[i], &lanes) < 0) {
            exit(1);
        }
    }
}

// Nanoseconds of one node, the best of some repeats.
static double measure(const BenchPlan *made, KernelSimd simd, uint32_t lane_count) {
    bool is_filled = false;
    LaneHooks hooks = {.context = &is_filled, .leaf = fill_leaf, .boxed = refuse_boxed};
    ENGINE_LANES_SCOPED frame = engine_lanes_new(&made->plan, &made->fits, &hooks, simd);
    evaluate(frame, made, lane_count);
    is_filled = true;
    double best = 1e9;
    for (int repeat = 0; repeat < BENCH_REPEATS; repeat++) {
        double start = seconds(), spent = 0;
        size_t count = 0;
        for (; spent < BENCH_SECONDS; spent = seconds() - start) {
            for (int i = 0; i < 10; i++, count += (size_t)made->result_count) {
                evaluate(frame, made, lane_count);
            }
        }
        double each = spent / (double)count;
        best = each < best ? each : best;
    }
    return best * 1e9;
}

int main(void) {
    static const KernelSimd levels[] = {KERNEL_SIMD_NONE, KERNEL_SIMD_AVX2, KERNEL_SIMD_AVX512};
    BenchPlan *made = malloc(sizeof *made);
    if (made == NULL) {
        abort();
    }
    printf("%-32s %31s   %s\n", "", "ns a node, 256 lanes (ns a lane)", "ns a node, 1 lane");
    printf("%-32s %10s %10s %18s   %s\n", "", "plain", "AVX2", "AVX-512", "AVX-512");
    for (size_t i = 0; i < sizeof BENCHES / sizeof BENCHES[0]; i++) {
        make_plan(made, &BENCHES[i]);
        double each[3];
        for (int level = 0; level < 3; level++) {
            each[level] = measure(made, levels[level], LANE_COUNT_MAX);
        }
        printf("%-32s %10.1f %10.1f %10.1f (%.3f)   %.1f\n", BENCHES[i].name, each[0], each[1],
               each[2], each[2] / LANE_COUNT_MAX, measure(made, KERNEL_SIMD_AVX512, 1));
    }
    free(made);
    return 0;
}
