// Comparisons: with a constant they become intervals, which hold for every lane at once.
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/lanes_private.h"

// From how many places the lanes of `in` are looked up one by one instead of compared at once.
enum { SET_SEARCH_MIN = 12 };

// More units than any decimal has: an integer beyond is above every decimal.
#define INTEGER_UNITS_LIMIT INT64_C(200000000000000)

// ---- a constant's place among exact values ----

// Where a constant lies among the values f(x) of ascending x: f(x) >= c from `least` on, > c from
// `above` on. Both in [INT64_MIN, INT64_MAX + 1].
typedef struct Place {
    Int128 least, above;
} Place;

typedef enum ExactForm { FORM_WHOLE, FORM_DECIMAL, FORM_DAYS } ExactForm;

static double form_number(ExactForm form, int64_t x) {
    switch (form) {
    case FORM_DECIMAL:
        return data_value_decimal_number(x);
    case FORM_DAYS:
        return (double)x / ENGINE_US_PER_DAY;
    default:
        return (double)x;
    }
}

// The first x whose number is not below c (is_above: above c). The form never falls as x rises.
static Int128 first_number(ExactForm form, double c, bool is_above) {
    Int128 low = INT64_MIN, high = (Int128)INT64_MAX + 1;
    while (low < high) {
        Int128 middle = low + (high - low) / 2;
        double x = form_number(form, (int64_t)middle);
        if (is_above ? x > c : x >= c) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static Int128 clamped(Int128 x) {
    Int128 end = (Int128)INT64_MAX + 1;
    return x < INT64_MIN ? INT64_MIN : x > end ? end : x;
}

// Of a constant among lanes of an exact type.
static Place place_of(ValueType type, Value constant) {
    if (constant.type == VALUE_NUMBER) {
        ExactForm form = type == VALUE_DECIMAL ? FORM_DECIMAL : FORM_WHOLE;
        return (Place){first_number(form, constant.number, false),
                       first_number(form, constant.number, true)};
    }
    Int128 c = constant.type == VALUE_DATE ? constant.date : constant.integer;
    if (type == VALUE_DECIMAL && constant.type == VALUE_INTEGER) {
        c *= VALUE_DECIMAL_ONE;
    } else if (type == VALUE_INTEGER && constant.type == VALUE_DECIMAL) {
        Int128 rest = c % VALUE_DECIMAL_ONE;
        Int128 floor = (c - rest) / VALUE_DECIMAL_ONE - (rest < 0 ? 1 : 0);
        return (Place){rest == 0 ? floor : floor + 1, floor + 1};
    } else {
        assert(type == constant.type);
    }
    return (Place){clamped(c), clamped(c + 1)};
}

static void set_interval(LaneTest *test, CompareOp op, Place place) {
    Int128 low = INT64_MIN, high = INT64_MAX;
    switch (op) {
    case COMPARE_EQ:
    case COMPARE_NE:
        low = place.least;
        high = place.above - 1;
        break;
    case COMPARE_LT:
        high = place.least - 1;
        break;
    case COMPARE_LE:
        high = place.above - 1;
        break;
    case COMPARE_GT:
        low = place.above;
        break;
    case COMPARE_GE:
        low = place.least;
        break;
    }
    bool is_empty = low > high || low > INT64_MAX || high < INT64_MIN;
    test->low = is_empty ? 1 : (int64_t)low;
    test->high = is_empty ? 0 : (int64_t)high;
    test->is_flipped = op == COMPARE_NE;
}

static void set_number_interval(LaneTest *test, CompareOp op, double c) {
    test->low_number = -INFINITY;
    test->high_number = INFINITY;
    switch (op) {
    case COMPARE_EQ:
    case COMPARE_NE:
        test->low_number = test->high_number = c;
        break;
    case COMPARE_LT:
        test->high_number = nextafter(c, -INFINITY);
        break;
    case COMPARE_LE:
        test->high_number = c;
        break;
    case COMPARE_GT:
        test->low_number = nextafter(c, INFINITY);
        break;
    case COMPARE_GE:
        test->low_number = c;
        break;
    }
    test->is_flipped = op == COMPARE_NE;
}

// ---- which test ----

static CompareOp mirrored(CompareOp op) {
    switch (op) {
    case COMPARE_LT:
        return COMPARE_GT;
    case COMPARE_LE:
        return COMPARE_GE;
    case COMPARE_GT:
        return COMPARE_LT;
    case COMPARE_GE:
        return COMPARE_LE;
    default:
        return op;
    }
}

static bool is_equality(CompareOp op) {
    return op == COMPARE_EQ || op == COMPARE_NE;
}

// A node's days since (or until) a time; metrics are looked through.
static const Node *elapsed_node(const LaneFrame *frame, NodeId id) {
    const Node *node = &frame->plan->nodes[id];
    while (node->kind == NODE_METRIC) {
        node = engine_lanes_arg(frame, node, 0);
    }
    bool is_elapsed = node->kind == NODE_CALL &&
                      (node->function == CALL_DAYS_SINCE || node->function == CALL_DAYS_UNTIL);
    return is_elapsed && engine_lanes_arg(frame, node, 0)->type == VALUE_TIME ? node : NULL;
}

// days_since(t) < c is a test of now - t; days_until(t) < c one of t - now.
static LaneTest elapsed_test(const Node *elapsed, LaneTest test, CompareOp op, double c) {
    test.kind = LANE_TEST_ELAPSED;
    test.a = elapsed->args[0];
    set_interval(&test, op,
                 (Place){first_number(FORM_DAYS, c, false), first_number(FORM_DAYS, c, true)});
    if (elapsed->function == CALL_DAYS_UNTIL && test.low <= test.high) {
        int64_t low = test.high == INT64_MAX ? INT64_MIN : -test.high;
        test.high = test.low == INT64_MIN ? INT64_MAX : -test.low;
        test.low = low;
    }
    return test;
}

static LaneTest constant_test(const LaneFrame *frame, LaneTest test, CompareOp op, Value constant) {
    ValueType type = frame->plan->nodes[test.a].type;
    test.kind = LANE_TEST_VALUES;
    if (engine_lanes_is_exact(type)) {
        test.kind = LANE_TEST_INTEGERS;
        set_interval(&test, op, place_of(type, constant));
    } else if (type == VALUE_NUMBER) {
        const Node *elapsed = elapsed_node(frame, test.a);
        double c = engine_value_number(constant);
        if (elapsed != NULL) {
            return elapsed_test(elapsed, test, op, c);
        }
        test.kind = LANE_TEST_NUMBERS;
        set_number_interval(&test, op, c);
    } else if (type == VALUE_BOOLEAN && is_equality(op)) {
        test.kind = LANE_TEST_BITS;
        test.boolean = constant.boolean;
        test.is_flipped = op == COMPARE_NE;
    } else if (type == VALUE_TEXT && is_equality(op)) {
        test.kind = LANE_TEST_TEXT;
        test.text = constant.text;
        test.is_flipped = op == COMPARE_NE;
    }
    return test;
}

static LaneTest make_test(const LaneFrame *frame, CompareOp op, NodeId a, NodeId b) {
    const Node *nodes = frame->plan->nodes;
    if (nodes[a].kind == NODE_CONST && nodes[b].kind != NODE_CONST) {
        return make_test(frame, mirrored(op), b, a);
    }
    LaneTest test = {.kind = LANE_TEST_VALUES, .compare = (uint8_t)op, .a = a, .b = b};
    ValueType x = nodes[a].type, y = nodes[b].type;
    bool is_numeric = engine_lanes_is_numeric(x) && engine_lanes_is_numeric(y);
    bool is_null = (nodes[a].kind == NODE_CONST && nodes[a].value.is_null) ||
                   (nodes[b].kind == NODE_CONST && nodes[b].value.is_null);
    if (x == VALUE_NULL || y == VALUE_NULL || is_null) {
        test.kind = LANE_TEST_NULL;
    } else if (x != y && !is_numeric) { // a time and a date: the customer's zone decides
        test.kind = LANE_TEST_NONE;
    } else if (nodes[b].kind == NODE_CONST) {
        test = constant_test(frame, test, op, nodes[b].value);
    } else if (x == VALUE_NUMBER || y == VALUE_NUMBER) {
        test.kind = LANE_TEST_NUMBER_PAIRS;
    } else if (engine_lanes_is_exact(x)) {
        test.kind = LANE_TEST_INTEGER_PAIRS;
    } else if (x == VALUE_BOOLEAN && is_equality(op)) {
        test.kind = LANE_TEST_BIT_PAIRS;
    }
    return test;
}

// ---- running a test ----

static bool order_holds(CompareOp op, int order) {
    switch (op) {
    case COMPARE_EQ:
        return order == 0;
    case COMPARE_NE:
        return order != 0;
    case COMPARE_LT:
        return order < 0;
    case COMPARE_LE:
        return order <= 0;
    case COMPARE_GT:
        return order > 0;
    case COMPARE_GE:
        return order >= 0;
    }
    return false;
}

static void run_texts(const Lanes *a, const LaneTest *test, LaneTruth *ret_truth) {
    LANE_EACH(lane, a->valid) {
        Str text = a->texts[lane];
        bool is_equal =
            text.size_bytes == test->text.size_bytes &&
            (text.size_bytes == 0 || memcmp(text.data, test->text.data, text.size_bytes) == 0);
        ret_truth->bits[lane / 64] |= (uint64_t)(is_equal != test->is_flipped) << (lane % 64);
    }
}

static void run_values(const Lanes *a, const Lanes *b, const LaneTest *test, LaneTruth *ret_truth) {
    LANE_EACH(lane, ret_truth->valid) {
        int order = engine_value_order(engine_lanes_value(a, lane), engine_lanes_value(b, lane));
        bool holds = order_holds((CompareOp)test->compare, order);
        ret_truth->bits[lane / 64] |= (uint64_t)holds << (lane % 64);
    }
}

// Mantissas of an integer beside those of a decimal; an integer too large for one is beyond all.
static const int64_t *mantissas(LaneFrame *frame, const Lanes *lanes, int64_t *room) {
    if (lanes->type != VALUE_INTEGER) {
        return lanes->integers;
    }
    frame->vector->integers_scale(lanes->integers, INTEGER_UNITS_LIMIT, VALUE_DECIMAL_ONE,
                                  frame->lane_count, room);
    return room;
}

// All six orders come from "less" and "equal".
static void run_pairs(LaneFrame *frame, const Lanes *a, const Lanes *b, const LaneTest *test,
                      LaneTruth *ret_truth) {
    CompareOp op = (CompareOp)test->compare;
    LaneMask mask = engine_lanes_mask(frame, ret_truth->valid);
    bool is_swapped = op == COMPARE_GT || op == COMPARE_LE;
    mask.flip = op == COMPARE_NE || op == COMPARE_LE || op == COMPARE_GE ? UINT64_MAX : 0;
    if (test->kind == LANE_TEST_NUMBER_PAIRS) {
        Lanes wide[2];
        const Lanes *left = engine_lanes_widen(frame, a, VALUE_NUMBER, &wide[0], frame->scratch[0]);
        const Lanes *right =
            engine_lanes_widen(frame, b, VALUE_NUMBER, &wide[1], frame->scratch[1]);
        const double *x = is_swapped ? right->numbers : left->numbers;
        const double *y = is_swapped ? left->numbers : right->numbers;
        (is_equality(op) ? frame->vector->numbers_equal
                         : frame->vector->numbers_less)(x, y, &mask, ret_truth->bits);
        return;
    }
    bool is_mixed = a->type != b->type;
    const int64_t *left = is_mixed ? mantissas(frame, a, frame->scratch[0]) : a->integers;
    const int64_t *right = is_mixed ? mantissas(frame, b, frame->scratch[1]) : b->integers;
    const int64_t *x = is_swapped ? right : left, *y = is_swapped ? left : right;
    (is_equality(op) ? frame->vector->integers_equal
                     : frame->vector->integers_less)(x, y, &mask, ret_truth->bits);
}

// low <= now - t <= high is now - high <= t <= now - low.
static void run_elapsed(LaneFrame *frame, const Lanes *a, const LaneTest *test, LaneMask *mask,
                        uint64_t *ret_bits) {
    Int128 low = (Int128)frame->now_us - test->high, high = (Int128)frame->now_us - test->low;
    bool is_empty = test->low > test->high || low > INT64_MAX || high < INT64_MIN;
    low = low < INT64_MIN ? INT64_MIN : low;
    high = high > INT64_MAX ? INT64_MAX : high;
    frame->vector->integers_in(a->integers, is_empty ? 1 : (int64_t)low,
                               is_empty ? 0 : (int64_t)high, mask, ret_bits);
}

static void run_constant_test(LaneFrame *frame, const Lanes *a, const LaneTest *test,
                              LaneTruth *ret_truth) {
    LaneMask mask = engine_lanes_mask(frame, a->valid);
    mask.flip = test->is_flipped ? UINT64_MAX : 0;
    switch (test->kind) {
    case LANE_TEST_INTEGERS:
        frame->vector->integers_in(a->integers, test->low, test->high, &mask, ret_truth->bits);
        break;
    case LANE_TEST_ELAPSED:
        run_elapsed(frame, a, test, &mask, ret_truth->bits);
        break;
    case LANE_TEST_NUMBERS:
        frame->vector->numbers_in(a->numbers, test->low_number, test->high_number, &mask,
                                  ret_truth->bits);
        break;
    case LANE_TEST_BITS:
        LANE_WORDS_EACH(w) {
            uint64_t flip = test->boolean != test->is_flipped ? 0 : UINT64_MAX;
            ret_truth->bits[w] = (a->bits[w] ^ flip) & a->valid[w];
        }
        break;
    default:
        assert(test->kind == LANE_TEST_TEXT);
        run_texts(a, test, ret_truth);
    }
}

static bool is_pair(const LaneTest *test) {
    return test->kind >= LANE_TEST_INTEGER_PAIRS;
}

static int run_test(LaneFrame *frame, const LaneTest *test, LaneTruth *ret_truth) {
    const Lanes *a, *b;
    memset(ret_truth, 0, sizeof *ret_truth);
    if (test->kind == LANE_TEST_NULL) {
        return BASE_OK;
    }
    int code = engine_lanes_get(frame, test->a, &a);
    if (code < 0) {
        return code;
    }
    memcpy(ret_truth->valid, a->valid, sizeof a->valid);
    if (!is_pair(test)) {
        run_constant_test(frame, a, test, ret_truth);
        return BASE_OK;
    }
    code = engine_lanes_get(frame, test->b, &b);
    if (code < 0) {
        return code;
    }
    LANE_WORDS_EACH(w) {
        ret_truth->valid[w] &= b->valid[w];
    }
    if (test->kind == LANE_TEST_VALUES) {
        run_values(a, b, test, ret_truth);
    } else if (test->kind == LANE_TEST_BIT_PAIRS) {
        uint64_t flip = test->compare == COMPARE_EQ ? UINT64_MAX : 0;
        LANE_WORDS_EACH(w) {
            ret_truth->bits[w] = (a->bits[w] ^ b->bits[w] ^ flip) & ret_truth->valid[w];
        }
    } else {
        run_pairs(frame, a, b, test, ret_truth);
    }
    return BASE_OK;
}

// ---- compare and between ----

// The test of the slot; its intervals without a detour, as there are so many.
static int run_compare(LaneFrame *frame, LaneSlot *slot) {
    LaneTruth truth;
    int code = run_test(frame, &slot->test, &truth);
    memcpy(slot->lanes.bits, truth.bits, sizeof truth.bits);
    memcpy(slot->lanes.valid, truth.valid, sizeof truth.valid);
    return code;
}

static int run_integer_interval(LaneFrame *frame, LaneSlot *slot) {
    const LaneTest *test = &slot->test;
    const Lanes *a;
    int code = engine_lanes_get(frame, test->a, &a);
    if (code < 0) {
        return code;
    }
    LaneMask mask = engine_lanes_mask(frame, a->valid);
    mask.flip = test->is_flipped ? UINT64_MAX : 0;
    memcpy(slot->lanes.valid, a->valid, sizeof a->valid);
    frame->vector->integers_in(a->integers, test->low, test->high, &mask, slot->lanes.bits);
    return BASE_OK;
}

static int run_number_interval(LaneFrame *frame, LaneSlot *slot) {
    const LaneTest *test = &slot->test;
    const Lanes *a;
    int code = engine_lanes_get(frame, test->a, &a);
    if (code < 0) {
        return code;
    }
    LaneMask mask = engine_lanes_mask(frame, a->valid);
    mask.flip = test->is_flipped ? UINT64_MAX : 0;
    memcpy(slot->lanes.valid, a->valid, sizeof a->valid);
    frame->vector->numbers_in(a->numbers, test->low_number, test->high_number, &mask,
                              slot->lanes.bits);
    return BASE_OK;
}

static LaneRun run_of_test(const LaneTest *test) {
    return test->kind == LANE_TEST_INTEGERS  ? run_integer_interval
           : test->kind == LANE_TEST_NUMBERS ? run_number_interval
           : test->kind == LANE_TEST_NONE    ? NULL
                                             : run_compare;
}

static LaneTest *new_tests(LaneFrame *frame, int32_t count) {
    return base_arena_alloc_array(frame->arena, (size_t)count, sizeof(LaneTest));
}

LaneRun engine_lanes_compare(LaneFrame *frame, LaneSlot *slot) {
    const Node *node = slot->node;
    assert(node->kind == NODE_COMPARE && node->arg_count == 2);
    slot->test = make_test(frame, node->compare, node->args[0], node->args[1]);
    return run_of_test(&slot->test);
}

static int run_between(LaneFrame *frame, LaneSlot *slot) {
    LaneTruth low, high;
    int code = run_test(frame, &slot->tests[0], &low);
    code = code < 0 ? code : run_test(frame, &slot->tests[1], &high);
    if (code < 0) {
        return code;
    }
    uint64_t flip = slot->node->is_negated ? UINT64_MAX : 0;
    LANE_WORDS_EACH(w) {
        uint64_t is_true = low.bits[w] & high.bits[w];
        uint64_t is_false = (low.valid[w] & ~low.bits[w]) | (high.valid[w] & ~high.bits[w]);
        slot->lanes.valid[w] = is_true | is_false;
        slot->lanes.bits[w] = (is_true ^ flip) & slot->lanes.valid[w];
    }
    return BASE_OK;
}

// Two intervals of one operand are one.
static bool join_intervals(LaneTest *low, const LaneTest *high) {
    if (low->kind != high->kind || low->a != high->a) {
        return false;
    }
    if (low->kind == LANE_TEST_INTEGERS || low->kind == LANE_TEST_ELAPSED) {
        low->low = low->low > high->low ? low->low : high->low;
        low->high = low->high < high->high ? low->high : high->high;
        return true;
    }
    if (low->kind == LANE_TEST_NUMBERS) {
        low->low_number = fmax(low->low_number, high->low_number);
        low->high_number = fmin(low->high_number, high->high_number);
        return true;
    }
    return false;
}

LaneRun engine_lanes_between(LaneFrame *frame, LaneSlot *slot) {
    const Node *node = slot->node;
    assert(node->kind == NODE_BETWEEN && node->arg_count == 3);
    LaneTest low = make_test(frame, COMPARE_GE, node->args[0], node->args[1]);
    LaneTest high = make_test(frame, COMPARE_LE, node->args[0], node->args[2]);
    if (low.kind == LANE_TEST_NONE || high.kind == LANE_TEST_NONE) {
        return NULL;
    }
    if (join_intervals(&low, &high)) {
        low.is_flipped = node->is_negated;
        slot->test = low;
        return run_of_test(&slot->test);
    }
    LaneTest *tests = new_tests(frame, 2);
    tests[0] = low;
    tests[1] = high;
    slot->tests = tests;
    return run_between;
}

// ---- in ----

static int run_in_tests(LaneFrame *frame, LaneSlot *slot) {
    uint64_t any_true[LANE_WORDS] = {0}, all_valid[LANE_WORDS];
    memcpy(all_valid, frame->used, sizeof all_valid);
    for (int32_t i = 0; i < slot->test_count; i++) {
        LaneTruth truth;
        int code = run_test(frame, &slot->tests[i], &truth);
        if (code < 0) {
            return code;
        }
        LANE_WORDS_EACH(w) {
            any_true[w] |= truth.bits[w];
            all_valid[w] &= truth.valid[w];
        }
    }
    uint64_t flip = slot->node->is_negated ? UINT64_MAX : 0;
    LANE_WORDS_EACH(w) {
        slot->lanes.valid[w] = any_true[w] | all_valid[w];
        slot->lanes.bits[w] = (any_true[w] ^ flip) & slot->lanes.valid[w];
    }
    return BASE_OK;
}

static int compare_texts(Str a, Str b) {
    if (a.size_bytes != b.size_bytes) {
        return a.size_bytes < b.size_bytes ? -1 : 1;
    }
    return a.size_bytes == 0 ? 0 : memcmp(a.data, b.data, a.size_bytes);
}

static int order_tests(const void *a, const void *b) {
    const LaneTest *x = a, *y = b;
    if (x->kind == LANE_TEST_TEXT) {
        return compare_texts(x->text, y->text);
    }
    if (x->kind == LANE_TEST_NUMBERS) {
        return (x->low_number > y->low_number) - (x->low_number < y->low_number);
    }
    return (x->low > y->low) - (x->low < y->low);
}

// <0: the lane lies before the test's interval, >0: behind it.
static int order_lane(const Lanes *lanes, uint32_t lane, const LaneTest *test) {
    if (test->kind == LANE_TEST_TEXT) {
        return compare_texts(lanes->texts[lane], test->text);
    }
    if (test->kind == LANE_TEST_NUMBERS) {
        double x = lanes->numbers[lane];
        return (x > test->high_number) - (x < test->low_number);
    }
    int64_t x = lanes->integers[lane];
    return (x > test->high) - (x < test->low);
}

// The tests are disjoint and ascending.
static int run_in_search(LaneFrame *frame, LaneSlot *slot) {
    const Lanes *operand;
    int code = engine_lanes_get(frame, slot->tests[0].a, &operand);
    if (code < 0) {
        return code;
    }
    memcpy(slot->lanes.valid, operand->valid, sizeof operand->valid);
    LANE_EACH(lane, operand->valid) {
        int32_t low = 0, high = slot->test_count, order = 1;
        while (low < high && order != 0) {
            int32_t middle = low + (high - low) / 2;
            order = order_lane(operand, lane, &slot->tests[middle]);
            low = order > 0 ? middle + 1 : low;
            high = order > 0 ? high : middle;
        }
        bool is_in = (order == 0) != slot->node->is_negated;
        slot->lanes.bits[lane / 64] |= (uint64_t)is_in << (lane % 64);
    }
    return BASE_OK;
}

// Whether all tests are of one kind and operand, so that they can be sorted.
static bool can_sort(const LaneTest *tests, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        if (tests[i].kind != tests[0].kind || tests[i].a != tests[0].a) {
            return false;
        }
    }
    return tests[0].kind == LANE_TEST_INTEGERS || tests[0].kind == LANE_TEST_NUMBERS ||
           tests[0].kind == LANE_TEST_TEXT;
}

// Sorts the tests and joins equal, overlapping and adjoining ones; empty intervals go, but for one.
static int32_t join_tests(LaneTest *tests, int32_t count) {
    bool is_exact = tests[0].kind == LANE_TEST_INTEGERS;
    int32_t kept = 0;
    for (int32_t i = 0; i < count; i++) {
        if (!is_exact || tests[i].low <= tests[i].high) {
            tests[kept++] = tests[i];
        }
    }
    count = kept;
    qsort(tests, (size_t)count, sizeof(LaneTest), order_tests);
    kept = 0;
    for (int32_t i = 0; i < count; i++) {
        LaneTest *last = kept > 0 ? &tests[kept - 1] : NULL;
        if (last != NULL && is_exact &&
            (last->high == INT64_MAX || tests[i].low <= last->high + 1)) {
            last->high = tests[i].high > last->high ? tests[i].high : last->high;
        } else if (last == NULL || is_exact || order_tests(last, &tests[i]) != 0) {
            tests[kept++] = tests[i];
        }
    }
    return kept > 0 ? kept : 1;
}

LaneRun engine_lanes_in(LaneFrame *frame, LaneSlot *slot) {
    const Node *node = slot->node;
    assert(node->kind == NODE_IN && node->arg_count >= 2);
    LaneTest *tests = new_tests(frame, node->arg_count - 1);
    for (int32_t i = 1; i < node->arg_count; i++) {
        tests[i - 1] = make_test(frame, COMPARE_EQ, node->args[0], node->args[i]);
        if (tests[i - 1].kind == LANE_TEST_NONE) {
            return NULL;
        }
    }
    slot->tests = tests;
    slot->test_count = node->arg_count - 1;
    if (!can_sort(tests, slot->test_count)) {
        return run_in_tests;
    }
    slot->test_count = join_tests(tests, slot->test_count);
    bool is_text = tests[0].kind == LANE_TEST_TEXT;
    return is_text || slot->test_count >= SET_SEARCH_MIN ? run_in_search : run_in_tests;
}
