// Nodes: three-valued logic, comparisons, and the way to everything else.
#include <assert.h>

#include "base/calendar.h"
#include "base/utf8.h"
#include "data/holiday.h"
#include "engine/engine_private.h"

static Value not_of(Value value) {
    assert(value.type == VALUE_BOOLEAN || value.is_null);
    return value.is_null ? data_value_null(VALUE_BOOLEAN) : engine_value_boolean(!value.boolean);
}

static Value negated_if(bool is_negated, Value value) {
    return is_negated ? not_of(value) : value;
}

static Value arg_value(Work *work, const Node *node, int32_t arg, uint64_t row) {
    assert(arg >= 0 && arg < node->arg_count);
    return engine_node_value(work, node->args[arg], row);
}

static bool is_constant_arg(const Work *work, const Node *node, int32_t arg) {
    assert(arg >= 0 && arg < node->arg_count);
    return work->plan->nodes[node->args[arg]].kind == NODE_CONST;
}

// <0, 0, >0 of two arguments that are not null; a date beside a time is its first instant.
static int order_args(const Work *work, const Node *node, int32_t arg_a, Value a, int32_t arg_b,
                      Value b) {
    if (a.type == VALUE_DATE && b.type == VALUE_TIME) {
        a = (Value){.type = VALUE_TIME,
                    .time_us = engine_value_instant(work, a, is_constant_arg(work, node, arg_a))};
    } else if (a.type == VALUE_TIME && b.type == VALUE_DATE) {
        b = (Value){.type = VALUE_TIME,
                    .time_us = engine_value_instant(work, b, is_constant_arg(work, node, arg_b))};
    }
    return engine_value_order(a, b);
}

static bool holds(CompareOp op, int order) {
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
    assert(false && "a comparison that is not one");
    return false;
}

static Value compare_args(Work *work, const Node *node, CompareOp op, int32_t arg, Value a,
                          uint64_t row) {
    Value b = arg_value(work, node, arg, row);
    if (a.is_null || b.is_null) {
        return data_value_null(VALUE_BOOLEAN);
    }
    return engine_value_boolean(holds(op, order_args(work, node, 0, a, arg, b)));
}

// `and` is false where any is false, `or` true where any is true; else null where any is null.
static Value junction(Work *work, const Node *node, bool decisive, uint64_t row) {
    bool is_unknown = false;
    for (int32_t i = 0; i < node->arg_count; i++) {
        Value value = arg_value(work, node, i, row);
        if (value.is_null) {
            is_unknown = true;
        } else if (value.boolean == decisive) {
            return engine_value_boolean(decisive);
        }
    }
    return is_unknown ? data_value_null(VALUE_BOOLEAN) : engine_value_boolean(!decisive);
}

static Value and_of(Value a, Value b) {
    if ((!a.is_null && !a.boolean) || (!b.is_null && !b.boolean)) {
        return engine_value_boolean(false);
    }
    return a.is_null || b.is_null ? data_value_null(VALUE_BOOLEAN) : engine_value_boolean(true);
}

static Value in_value(Work *work, const Node *node, uint64_t row) {
    Value operand = arg_value(work, node, 0, row);
    Value result = engine_value_boolean(false);
    for (int32_t i = 1; i < node->arg_count; i++) {
        Value equal = compare_args(work, node, COMPARE_EQ, i, operand, row);
        if (equal.is_null) {
            result = equal;
        } else if (equal.boolean) {
            result = equal;
            break;
        }
    }
    return negated_if(node->is_negated, result);
}

static Value between_value(Work *work, const Node *node, uint64_t row) {
    assert(node->arg_count == 3);
    Value operand = arg_value(work, node, 0, row);
    Value low = compare_args(work, node, COMPARE_GE, 1, operand, row);
    Value high = compare_args(work, node, COMPARE_LE, 2, operand, row);
    return negated_if(node->is_negated, and_of(low, high));
}

static bool match_text(Work *work, const Node *node, Str text, Str pattern) {
    switch (node->match) {
    case MATCH_LIKE:
        return engine_match_like(text, pattern, node->escape);
    case MATCH_ILIKE:
        text = base_utf8_lower(work->lasting, text);
        pattern = base_utf8_lower(work->lasting, pattern);
        if (text.data == NULL || pattern.data == NULL) {
            work->is_over_budget = true;
            return false;
        }
        return engine_match_like(text, pattern, node->escape);
    case MATCH_CONTAINS:
        return base_str_contains(text, pattern);
    case MATCH_STARTS:
        return base_str_starts(text, pattern);
    case MATCH_ENDS:
        return base_str_ends(text, pattern);
    case MATCH_REGEX: {
        const Regex *regex = work->ready->patterns[node - work->plan->nodes];
        assert(regex != NULL);
        return base_regex_find(regex, text);
    }
    }
    assert(false && "a match that is not one");
    return false;
}

static Value match_value(Work *work, const Node *node, uint64_t row) {
    assert(node->arg_count == 2);
    Value text = arg_value(work, node, 0, row), pattern = arg_value(work, node, 1, row);
    if (text.is_null || pattern.is_null) {
        return data_value_null(VALUE_BOOLEAN);
    }
    bool is_match = match_text(work, node, text.text, pattern.text);
    return engine_value_boolean(is_match != node->is_negated);
}

static const HolidayDays *holiday_days(Work *work, const Node *node) {
    HolidayDays *holiday = &work->holidays[node - work->plan->nodes];
    if (!holiday->is_ready) {
        const HolidayTest *test = &node->holiday;
        Str country = test->country.size_bytes > 0 ? test->country : work->country;
        *holiday = (HolidayDays){.is_ready = true};
        holiday->is_known = data_holiday_days(country, test->name, test->is_observed,
                                              &holiday->days, &holiday->count) == BASE_OK;
    }
    return holiday;
}

// Whether any of the ascending days lies in [low, high].
static bool any_day_between(const HolidayDays *holiday, int64_t low, int64_t high) {
    size_t begin = 0, end = holiday->count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (holiday->days[middle] < low) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin < holiday->count && holiday->days[begin] <= high;
}

static Value holiday_value(Work *work, const Node *node, uint64_t row) {
    Value point = arg_value(work, node, 0, row);
    const HolidayDays *holiday = holiday_days(work, node);
    if (point.is_null || !holiday->is_known) {
        return data_value_null(VALUE_BOOLEAN);
    }
    int64_t day = engine_value_day(work, point), n = node->holiday.days;
    assert(n >= 0);
    bool is_in = false;
    switch (node->holiday.side) {
    case HOLIDAY_ON:
        is_in = any_day_between(holiday, day, day);
        break;
    case HOLIDAY_BEFORE:
        is_in = any_day_between(holiday, day + 1, day + n);
        break;
    case HOLIDAY_AFTER:
        is_in = any_day_between(holiday, day - n, day - 1);
        break;
    }
    return engine_value_boolean(is_in != node->is_negated);
}

static Value within_value(Work *work, const Node *node, uint64_t row) {
    Value point = arg_value(work, node, 0, row);
    if (point.is_null) {
        return data_value_null(VALUE_BOOLEAN);
    }
    const Zone *zone = work->zone;
    bool is_next = node->within.is_next;
    int64_t now_us = work->now_us;
    int64_t edge_us =
        is_next ? base_zone_add(zone, now_us, node->within.unit, node->within.amount)
                : base_zone_window_start(zone, now_us, node->within.unit, node->within.amount);
    assert(is_next ? edge_us >= now_us : edge_us <= now_us);
    bool is_in;
    if (point.type == VALUE_DATE) {
        int32_t today = base_zone_day(zone, now_us), edge = base_zone_day(zone, edge_us);
        is_in = is_next ? point.date >= today && point.date <= edge
                        : point.date >= edge && point.date <= today;
    } else {
        is_in = is_next ? point.time_us > now_us && point.time_us <= edge_us
                        : point.time_us > edge_us && point.time_us <= now_us;
    }
    return engine_value_boolean(is_in != node->is_negated);
}

static Value list_value(const Work *work, const Node *node) {
    const PlanList *list = &work->plan->lists[node->index];
    Str id = work->table->customer_ids[work->customer];
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = base_str_compare(list->ids[middle], id);
        if (order == 0) {
            return engine_value_boolean(true);
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return engine_value_boolean(false);
}

static Value property_value(const Work *work, const Node *node, uint64_t row) {
    const Plan *plan = work->plan;
    assert(row >= work->first_row && row < work->end_row);
    uint16_t event = work->table->event[row];
    if (event == TABLE_EVENT_UNKNOWN) {
        return data_value_null(node->type);
    }
    assert(event < plan->event_count);
    int32_t column =
        work->ready->property_columns[(size_t)node->index * (size_t)plan->event_count + event];
    if (column < 0) {
        return data_value_null(node->type);
    }
    return engine_value_widen(data_table_value(&work->table->columns[column], row),
                              plan->properties[node->index].type);
}

static Value segment_value(Work *work, const Node *node, uint64_t row) {
    Value value = arg_value(work, node, 0, row);
    return engine_value_boolean(!value.is_null && value.boolean);
}

// top() is `where and x >= bound`: whoever does not count is not among them.
static Value fit_value(Work *work, int32_t index) {
    const Fit *fit = &work->plan->fits[index];
    Value value =
        engine_fit_value(&work->fits->fits[index], engine_node_value(work, fit->x, ENGINE_NO_ROW));
    if (fit->kind != FIT_TOP || fit->where == NODE_NONE) {
        return value;
    }
    Value where = engine_node_value(work, fit->where, ENGINE_NO_ROW);
    if ((!where.is_null && !where.boolean) || (!value.is_null && !value.boolean)) {
        return engine_value_boolean(false);
    }
    return where.is_null ? where : value;
}

static Value compute(Work *work, const Node *node, uint64_t row) {
    switch (node->kind) {
    case NODE_CONST:
        return node->value;
    case NODE_NOW:
        return (Value){.type = VALUE_TIME, .time_us = work->now_us};
    case NODE_TRAIT:
        return engine_trait_value(work, node->index);
    case NODE_PROPERTY:
        return property_value(work, node, row);
    case NODE_EVENT_TIME:
        return (Value){.type = VALUE_TIME, .time_us = work->table->time_us[row]};
    case NODE_METRIC:
        return arg_value(work, node, 0, row);
    case NODE_SEGMENT:
        return segment_value(work, node, row);
    case NODE_LIST:
        return list_value(work, node);
    case NODE_NEGATE:
        return engine_negate_value(node, arg_value(work, node, 0, row));
    case NODE_ADD:
    case NODE_SUBTRACT:
    case NODE_MULTIPLY:
    case NODE_DIVIDE:
        return engine_arithmetic_value(work, node, arg_value(work, node, 0, row),
                                       arg_value(work, node, 1, row));
    case NODE_COMPARE:
        return compare_args(work, node, node->compare, 1, arg_value(work, node, 0, row), row);
    case NODE_AND:
        return junction(work, node, false, row);
    case NODE_OR:
        return junction(work, node, true, row);
    case NODE_NOT:
        return not_of(arg_value(work, node, 0, row));
    case NODE_IN:
        return in_value(work, node, row);
    case NODE_BETWEEN:
        return between_value(work, node, row);
    case NODE_IS_NULL:
        return engine_value_boolean(arg_value(work, node, 0, row).is_null != node->is_negated);
    case NODE_MATCH:
        return match_value(work, node, row);
    case NODE_HOLIDAY:
        return holiday_value(work, node, row);
    case NODE_WITHIN:
        return within_value(work, node, row);
    case NODE_CALL:
        return engine_call_value(work, node, row);
    case NODE_AGGREGATE:
        return engine_aggregate_value(work, &work->plan->aggregates[node->index], node->index);
    case NODE_SEQUENCE:
        return engine_sequence_value(work, &work->plan->sequences[node->index]);
    case NODE_FIT:
        assert(work->fits != NULL);
        return fit_value(work, node->index);
    case NODE_WAS:
        return engine_was_value(work, node);
    case NODE_CHANGED:
        return engine_changed_value(work, &work->plan->changes[node->index]);
    case NODE_HISTORY:
        return engine_history_value(work, node);
    case NODE_KIND_COUNT:
        break;
    }
    assert(false && "a node that is not one");
    return data_value_null(node->type);
}

Value engine_node_value(Work *work, NodeId id, uint64_t row) {
    const Node *node = &work->plan->nodes[id];
    assert(id >= 0 && id < work->plan->node_count);
    if (node->is_event_scope) {
        assert(row != ENGINE_NO_ROW);
        return compute(work, node, row);
    }
    if (work->node_stamps[id] != work->stamp) {
        work->values[id] = compute(work, node, ENGINE_NO_ROW);
        work->node_stamps[id] = work->stamp;
    }
    return work->values[id];
}
