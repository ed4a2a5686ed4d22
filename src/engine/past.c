// What looks back in a customer's history: was, changed.
#include <assert.h>

#include "base/calendar.h"
#include "engine/engine_private.h"

Value engine_was_value(Work *work, const Node *node) {
    assert(node->kind == NODE_WAS && node->arg_count == 1);
    Value point = engine_node_value(work, node->args[0], ENGINE_NO_ROW);
    if (point.is_null) {
        return data_value_null(node->type);
    }
    bool is_constant = work->plan->nodes[node->args[0]].kind == NODE_CONST;
    int64_t at_us = engine_value_instant(work, point, is_constant);
    return engine_trait_before(work, node->index, engine_window_row(work, at_us, true));
}

static bool is_change(const TraitChange *change, Value before, Value after) {
    if (data_value_equal(before, after)) {
        return false;
    }
    bool is_from = change->has_from ? data_value_equal(before, change->from) : true;
    return is_from && (!change->has_to || data_value_equal(after, change->to));
}

Value engine_changed_value(Work *work, const TraitChange *change) {
    const PlanTrait *trait = &work->plan->traits[change->trait];
    Span span = engine_window_span(work, &change->window);
    if (span.is_null) {
        return data_value_null(VALUE_BOOLEAN);
    }
    if (trait->column < 0) {
        return engine_value_boolean(false);
    }
    const TableColumn *column = &work->table->columns[trait->column];
    Value before = engine_trait_before(work, change->trait, span.from);
    for (uint64_t row = span.from; row < span.to; row++) {
        if (work->table->event[row] != work->ready->identify ||
            (column->valid != NULL && !column->valid[row])) {
            continue;
        }
        Value after = engine_value_widen(data_table_value(column, row), trait->type);
        if (work->table->time_us[row] > CALENDAR_TIME_MIN && is_change(change, before, after)) {
            return engine_value_boolean(true);
        }
        before = after;
    }
    return engine_value_boolean(false);
}
