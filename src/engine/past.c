// What looks back in a customer's history: was, changed, entered, exited, in … for.
#include <assert.h>

#include "base/calendar.h"
#include "engine/engine_private.h"
#include "engine/flip_private.h"

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

// ---- a segment's membership over time ----

#define PART_US (32 * CALENDAR_US_PER_DAY)

// The flips have a customer at work of their own, so that an instant of the past does not touch
// what is known of this one. They are made when first asked: only here, so never by each other.
static Flips *flips_of(Work *work) {
    if (work->flips == NULL && !work->is_over_budget) {
        KretsError error;
        work->is_over_budget = engine_flips_over(work->ready, work->table, work->fits,
                                                 work->past_bytes, &work->flips, &error) < 0;
    }
    return work->flips;
}

bool engine_history_changes(Work *work, NodeId segment, int64_t from_us, int64_t to_us,
                            const FlipChange **ret_changes, size_t *ret_count) {
    KretsError error;
    bool is_fine = flips_of(work) != NULL &&
                   engine_flip_node_changes(work->flips, work->passing, work->customer, segment,
                                            from_us, to_us, ret_changes, ret_count, &error) == 0;
    work->is_over_budget |= !is_fine;
    return is_fine;
}

static bool is_wanted(const FlipChange *changes, size_t count, HistoryKind kind) {
    for (size_t i = 0; i < count; i++) {
        if (kind == HISTORY_STAYED || changes[i].is_entry == (kind == HISTORY_ENTERED)) {
            return true;
        }
    }
    return false;
}

// Looked for from the newest back, in parts that grow: of a segment that changes every day there is
// no need to know all days since the year 1.
static bool has_change(Work *work, NodeId segment, const Span *span, HistoryKind kind) {
    int64_t to_us = span->to_us, part_us = PART_US;
    while (to_us > span->from_us && !work->is_over_budget) {
        int64_t from_us = to_us - span->from_us > part_us ? to_us - part_us : span->from_us;
        const FlipChange *changes;
        size_t count;
        if (engine_history_changes(work, segment, from_us, to_us, &changes, &count) &&
            is_wanted(changes, count, kind)) {
            return true;
        }
        to_us = from_us;
        part_us = part_us > INT64_MAX / 2 ? INT64_MAX : part_us * 2;
    }
    return false;
}

static bool was_member(Work *work, NodeId segment, int64_t at_us) {
    bool is_member = false;
    KretsError error;
    if (engine_flip_is_true(work->flips, work->customer, segment, at_us, &is_member, &error) < 0) {
        work->is_over_budget = true;
    }
    return is_member;
}

Span engine_history_span(Work *work, const Window *window) {
    Span span = engine_window_span(work, window);
    uint64_t first = engine_window_row(work, CALENDAR_TIME_MIN, true);
    int64_t begin_us = work->now_us - PLAN_HISTORY_US;
    if (first < work->visible_row && work->table->time_us[first] <= begin_us) {
        begin_us = work->table->time_us[first] - 1;
    }
    if (span.from_us < begin_us) {
        span.from_us = begin_us;
    }
    if (span.from_us < CALENDAR_TIME_MIN) {
        span.from_us = CALENDAR_TIME_MIN; // what holds from the beginning was not entered
    }
    return span;
}

Value engine_history_value(Work *work, const Node *node) {
    const SegmentHistory *history = &work->plan->histories[node->index];
    NodeId segment = node->args[0];
    assert(node->kind == NODE_HISTORY && !work->plan->nodes[segment].is_historic);
    Span span = engine_history_span(work, &history->window);
    if (span.is_null) {
        return data_value_null(VALUE_BOOLEAN);
    }
    if (flips_of(work) == NULL) {
        return engine_value_boolean(false);
    }
    if (span.to_us <= span.from_us && history->kind != HISTORY_STAYED) {
        return engine_value_boolean(false);
    }
    bool is_changed = history->kind != HISTORY_STAYED || was_member(work, segment, span.from_us)
                          ? has_change(work, segment, &span, history->kind)
                          : true;
    return engine_value_boolean(is_changed != (history->kind == HISTORY_STAYED));
}
