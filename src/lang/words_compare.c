// Comparisons in English: counts, sums, how long ago, ranks.
#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "lang/syntax.h"
#include "lang/words_private.h"

CompareOp words_inverse(CompareOp op) {
    static const CompareOp inverse[] = {
        [COMPARE_EQ] = COMPARE_NE, [COMPARE_NE] = COMPARE_EQ, [COMPARE_LT] = COMPARE_GE,
        [COMPARE_LE] = COMPARE_GT, [COMPARE_GT] = COMPARE_LE, [COMPARE_GE] = COMPARE_LT};
    return inverse[op];
}

// a < b says b > a.
static CompareOp swapped(CompareOp op) {
    static const CompareOp other[] = {
        [COMPARE_EQ] = COMPARE_EQ, [COMPARE_NE] = COMPARE_NE, [COMPARE_LT] = COMPARE_GT,
        [COMPARE_LE] = COMPARE_GE, [COMPARE_GT] = COMPARE_LT, [COMPARE_GE] = COMPARE_LE};
    return other[op];
}

void words_bound(Text *out, CompareOp op, Str value) {
    static const char *const before[] = {
        [COMPARE_EQ] = "", [COMPARE_NE] = "other than ", [COMPARE_LT] = "less than ",
        [COMPARE_LE] = "", [COMPARE_GT] = "more than ",  [COMPARE_GE] = ""};
    base_text_printf(out, "%s%.*s", before[op], STR_ARG(value));
    base_text_append(out, op == COMPARE_LE   ? STR(" or less")
                          : op == COMPARE_GE ? STR(" or more")
                                             : STR(""));
}

// "at least 3 orders", "no order", "exactly one order".
static void append_counted(Text *out, CompareOp op, int64_t n, Str one, Str many) {
    bool is_none = (op == COMPARE_EQ && n == 0) || (op == COMPARE_LE && n == 0) ||
                   (op == COMPARE_LT && n == 1);
    bool is_some = (op == COMPARE_GT && n == 0) || (op == COMPARE_NE && n == 0) ||
                   (op == COMPARE_GE && n == 1);
    if (is_none || is_some) {
        base_text_printf(out, "%s %.*s", is_none ? "no" : "at least one", STR_ARG(one));
        return;
    }
    static const char *const before[] = {
        [COMPARE_EQ] = "exactly ", [COMPARE_NE] = "any number of ", [COMPARE_LT] = "fewer than ",
        [COMPARE_LE] = "at most ", [COMPARE_GT] = "more than ",     [COMPARE_GE] = "at least "};
    base_text_append(out, base_str_from(before[op]));
    if (n == 1 && op != COMPARE_NE) {
        base_text_printf(out, "one %.*s", STR_ARG(one));
    } else if (op == COMPARE_NE) {
        base_text_printf(out, "%.*s other than %lld", STR_ARG(many), (long long)n);
    } else {
        base_text_printf(out, "%lld %.*s", (long long)n, STR_ARG(many));
    }
}

// "added to cart at least 3 times".
static void append_times(Text *out, CompareOp op, int64_t n, const WordsEvent *event) {
    bool is_none = (op == COMPARE_EQ && n == 0) || (op == COMPARE_LE && n == 0) ||
                   (op == COMPARE_LT && n == 1);
    bool is_some = (op == COMPARE_GT && n == 0) || (op == COMPARE_NE && n == 0) ||
                   (op == COMPARE_GE && n == 1);
    if (is_none) {
        base_text_printf(out, "did not %.*s", STR_ARG(event->plain));
        return;
    }
    base_text_append(out, event->past);
    if (!is_some) {
        base_text_append_char(out, ' ');
        append_counted(out, op, n, STR("time"), STR("times"));
    }
}

static void append_things(Text *out, const Plan *plan, const Aggregate *aggregate, CompareOp op,
                          int64_t n) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    WordsEvent event = words_event(arena, plan, aggregate->events);
    static const char *const periods[AGGREGATE_FUNCTION_COUNT] = {
        [AGGREGATE_DAYS] = "day", [AGGREGATE_WEEKS] = "week", [AGGREGATE_MONTHS] = "month"};
    const char *period = periods[aggregate->function];
    if (period != NULL) {
        Str with =
            base_arena_printf(arena, "with %s %.*s", words_article(event.one), STR_ARG(event.one));
        append_counted(out, op, n, base_arena_printf(arena, "%s %.*s", period, STR_ARG(with)),
                       base_arena_printf(arena, "%ss %.*s", period, STR_ARG(with)));
    } else if (aggregate->function == AGGREGATE_DISTINCT) {
        Str name = words_human(arena, plan->properties[plan->nodes[aggregate->value].index].name);
        append_counted(out, op, n,
                       base_arena_printf(arena, "%.*s %.*s", STR_ARG(event.one), STR_ARG(name)),
                       base_arena_printf(arena, "different %.*s %.*s", STR_ARG(event.one),
                                         STR_ARG(words_plural(arena, name))));
    } else if (event.is_verb) {
        append_times(out, op, n, &event);
    } else {
        append_counted(out, op, n, event.one, event.many);
    }
    words_scope(out, plan, aggregate);
}

static const Aggregate *aggregate_of(const Plan *plan, NodeId id) {
    const Node *node = &plan->nodes[id];
    return node->kind == NODE_AGGREGATE ? &plan->aggregates[node->index] : NULL;
}

static bool is_countable(const Plan *plan, const Aggregate *aggregate) {
    bool is_distinct = aggregate != NULL && aggregate->function == AGGREGATE_DISTINCT &&
                       plan->nodes[aggregate->value].kind == NODE_PROPERTY &&
                       !aggregate->events.is_any && aggregate->events.count == 1;
    return aggregate != NULL && aggregate->pick == GROUP_NONE &&
           (is_distinct || aggregate->function == AGGREGATE_COUNT ||
            aggregate->function == AGGREGATE_DAYS || aggregate->function == AGGREGATE_WEEKS ||
            aggregate->function == AGGREGATE_MONTHS);
}

// "a total order amount of 500 or more in the last 90 days".
static bool append_total(Text *out, const Plan *plan, NodeId left, CompareOp op, Str bound) {
    const Aggregate *aggregate = aggregate_of(plan, left);
    if (aggregate == NULL || aggregate->pick != GROUP_NONE ||
        (aggregate->function != AGGREGATE_SUM && aggregate->function != AGGREGATE_AVG) ||
        plan->nodes[aggregate->value].kind != NODE_PROPERTY) {
        return false;
    }
    Aggregate bare = *aggregate; // its name without window and condition
    bare.window = (Window){.kind = WINDOW_ALL, .from = NODE_NONE, .to = NODE_NONE};
    bare.where = NODE_NONE;
    BASE_TEXT_SCOPED name = {0};
    words_aggregate(&name, plan, &bare);
    base_text_append(out, aggregate->function == AGGREGATE_SUM ? STR("a ") : STR("an "));
    base_text_append(out, (Str){name.data + 4, name.size_bytes - 4});
    base_text_append(out, STR(" of "));
    words_bound(out, op, bound);
    words_scope(out, plan, aggregate);
    return true;
}

// "last order more than 90 days ago".
static bool append_ago(Text *out, const Plan *plan, const Node *left, CompareOp op, Str bound) {
    bool is_since = left->function == CALL_DAYS_SINCE || left->function == CALL_CALENDAR_DAYS_SINCE;
    if (left->kind != NODE_CALL || (!is_since && left->function != CALL_DAYS_UNTIL)) {
        return false;
    }
    static const char *const before[] = {
        [COMPARE_EQ] = "exactly ", [COMPARE_NE] = "not exactly ", [COMPARE_LT] = "less than ",
        [COMPARE_LE] = "at most ", [COMPARE_GT] = "more than ",   [COMPARE_GE] = "at least "};
    words_noun_bare(out, plan, left->args[0]);
    base_text_printf(out, " %s%.*s %s%s%s", before[op], STR_ARG(bound),
                     left->function == CALL_CALENDAR_DAYS_SINCE ? "calendar " : "",
                     base_str_equal(bound, STR("1")) ? "day" : "days",
                     is_since ? " ago" : " from now");
    return true;
}

// "last order after 31 January 2026".
static void append_moment(Text *out, const Plan *plan, NodeId left, CompareOp op, NodeId right) {
    static const char *const words[] = {
        [COMPARE_EQ] = "on",        [COMPARE_NE] = "not on", [COMPARE_LT] = "before",
        [COMPARE_LE] = "not after", [COMPARE_GT] = "after",  [COMPARE_GE] = "not before"};
    if (plan->nodes[left].kind == NODE_AGGREGATE) {
        words_noun_bare(out, plan, left);
    } else {
        words_noun(out, plan, left);
        base_text_append(out, STR(" is"));
    }
    base_text_printf(out, " %s ", words[op]);
    words_noun(out, plan, right);
}

static const char *tile_name(int64_t tiles) {
    switch (tiles) {
    case 2:
        return "half";
    case 3:
        return "third";
    case 4:
        return "quarter";
    case 5:
        return "fifth";
    case 10:
        return "tenth";
    case 20:
        return "twentieth";
    case 100:
        return "hundredth";
    default:
        return NULL;
    }
}

static void append_by(Text *out, const Plan *plan, const Fit *fit) {
    base_text_append(out, STR(" by "));
    words_noun_bare(out, plan, fit->x);
    if (fit->where != NODE_NONE) {
        base_text_append(out, STR(" among customers with "));
        words_phrase(out, plan, fit->where, false);
    }
}

// Tiles [low, high] of all, when they touch the top or the bottom.
static bool append_end(Text *out, const Fit *fit, int64_t low, int64_t high) {
    static const char *const numbers[] = {"",      "",     "two ",   "three ", "four ",
                                          "five ", "six ", "seven ", "eight ", "nine "};
    const char *name = tile_name(fit->tiles);
    int64_t count = high - low + 1;
    if (name == NULL || count < 1 || count > 9 || (low != 1 && high != fit->tiles) ||
        count >= fit->tiles) {
        return false;
    }
    base_text_printf(out, "in the %s %s%s%s", low == 1 ? "lowest" : "highest", numbers[count], name,
                     count == 1                                         ? ""
                     : base_str_equal(base_str_from(name), STR("half")) ? ""
                                                                        : "s");
    return true;
}

static bool append_tile(Text *out, const Plan *plan, const Node *left, CompareOp op, Value value) {
    const Fit *fit = &plan->fits[left->index];
    if (fit->kind != FIT_NTILE || value.type != VALUE_INTEGER) {
        return false;
    }
    int64_t n = value.integer;
    int64_t low = op == COMPARE_GE ? n : op == COMPARE_GT ? n + 1 : op == COMPARE_EQ ? n : 1;
    int64_t high = op == COMPARE_LE   ? n
                   : op == COMPARE_LT ? n - 1
                   : op == COMPARE_EQ ? n
                                      : fit->tiles;
    if (op == COMPARE_NE || n < 1 || n > fit->tiles || !append_end(out, fit, low, high)) {
        const char *name = tile_name(fit->tiles);
        if (op == COMPARE_EQ || op == COMPARE_NE) {
            base_text_printf(out, "%sin %s %lld of %lld", op == COMPARE_NE ? "not " : "",
                             name == NULL ? "group" : name, (long long)n, (long long)fit->tiles);
        } else {
            BASE_TEXT_SCOPED number = {0};
            base_text_printf(&number, "%lld", (long long)n);
            base_text_append(out, STR("rank "));
            words_bound(out, op, base_text_str(&number));
            base_text_printf(out, " of %lld", (long long)fit->tiles);
        }
    }
    append_by(out, plan, fit);
    return true;
}

void words_top(Text *out, const Plan *plan, const Fit *fit, bool is_negated) {
    assert(fit->kind == FIT_TOP);
    base_text_append(out, is_negated ? STR("not among the ") : STR("among the "));
    if (fit->tiles == 1) {
        base_text_append(out, STR("customers with the highest"));
    } else {
        base_text_printf(out, "%lld customers with the highest", (long long)fit->tiles);
    }
    base_text_append_char(out, ' ');
    words_noun_bare(out, plan, fit->x);
    if (fit->where != NODE_NONE) {
        base_text_append(out, STR(" of those with "));
        words_phrase(out, plan, fit->where, false);
    }
}

static double number_of(Value value) {
    return value.type == VALUE_INTEGER   ? (double)value.integer
           : value.type == VALUE_DECIMAL ? data_value_decimal_number(value.decimal)
                                         : value.number;
}

static bool append_percentile(Text *out, const Plan *plan, const Node *left, CompareOp op,
                              Value value) {
    const Fit *fit = &plan->fits[left->index];
    double share = number_of(value);
    bool is_top = op == COMPARE_GE || op == COMPARE_GT;
    if (fit->kind != FIT_PERCENTILE || share < 0 || share > 1 || op == COMPARE_EQ ||
        op == COMPARE_NE) {
        return false;
    }
    base_text_printf(out, "in the %s ", is_top ? "highest" : "lowest");
    words_number(out, is_top ? 100 - share * 100 : share * 100, true);
    base_text_append(out, STR(" %"));
    append_by(out, plan, fit);
    return true;
}

static bool is_numeric(Value value) {
    return !value.is_null && (value.type == VALUE_INTEGER || value.type == VALUE_DECIMAL ||
                              value.type == VALUE_NUMBER);
}

static bool append_with_number(Text *out, const Plan *plan, NodeId left, CompareOp op,
                               Value value) {
    const Node *node = &plan->nodes[left];
    const Aggregate *aggregate = aggregate_of(plan, left);
    BASE_TEXT_SCOPED bound = {0};
    words_const(&bound, plan, value);
    Str text = base_text_str(&bound);
    if (value.type == VALUE_INTEGER && value.integer >= 0 && is_countable(plan, aggregate)) {
        append_things(out, plan, aggregate, op, value.integer);
        return true;
    }
    if (node->kind == NODE_FIT) {
        return append_tile(out, plan, node, op, value) ||
               append_percentile(out, plan, node, op, value);
    }
    return append_total(out, plan, left, op, text) || append_ago(out, plan, node, op, text);
}

static bool is_time_like(const Node *node) {
    return node->type == VALUE_TIME || node->type == VALUE_DATE;
}

// "the city is ‘London’", "the price is at least the cost".
static void append_clause(Text *out, const Plan *plan, NodeId left, CompareOp op, NodeId right) {
    static const char *const words[] = {
        [COMPARE_EQ] = "",         [COMPARE_NE] = "not ",       [COMPARE_LT] = "less than ",
        [COMPARE_LE] = "at most ", [COMPARE_GT] = "more than ", [COMPARE_GE] = "at least "};
    words_noun(out, plan, left);
    base_text_printf(out, " %s ", words_is(plan, left));
    const Node *node = &plan->nodes[right];
    if (node->kind == NODE_CONST && is_numeric(node->value) && op != COMPARE_NE) {
        BASE_TEXT_SCOPED value = {0};
        words_const(&value, plan, node->value);
        words_bound(out, op, base_text_str(&value));
        return;
    }
    base_text_append(out, base_str_from(words[op]));
    words_noun(out, plan, right);
}

void words_comparison(Text *out, const Plan *plan, NodeId id, bool is_negated) {
    const Node *node = &plan->nodes[id];
    NodeId left = node->args[0];
    NodeId right = node->args[1];
    CompareOp op = is_negated ? words_inverse(node->compare) : node->compare;
    if (plan->nodes[left].kind == NODE_CONST) {
        left = node->args[1];
        right = node->args[0];
        op = swapped(op);
    }
    const Node *bound = &plan->nodes[right];
    bool is_const = bound->kind == NODE_CONST && !bound->value.is_null;
    if (is_const && bound->value.type == VALUE_BOOLEAN && op <= COMPARE_NE &&
        plan->nodes[left].type == VALUE_BOOLEAN) {
        words_phrase(out, plan, left, (op == COMPARE_EQ) != bound->value.boolean);
        return;
    }
    if (is_const && is_numeric(bound->value) &&
        append_with_number(out, plan, left, op, bound->value)) {
        return;
    }
    if (is_time_like(&plan->nodes[left]) && is_time_like(bound)) {
        append_moment(out, plan, left, op, right);
        return;
    }
    append_clause(out, plan, left, op, right);
}
