// The next flip of a customer's segments, and what follows from it: spans and changes.
#include "engine/flip.h"

#include <assert.h>
#include <stdlib.h>

#include "base/calendar.h"
#include "engine/flip_private.h"

// Steps of one call, over all conditions; and instants without a change that it passes by.
enum { STEPS_A_CALL = 2000, PASSED_MAX = 64 };

#define SPAN_US_MAX (INT64_C(18263) * CALENDAR_US_PER_DAY) // 50 years

// ---- making ----

static void *allocate(size_t count, size_t item_size_bytes) {
    void *memory = calloc(count + 1, item_size_bytes);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static bool window_can_move(const bool *can_move, const Window *window) {
    return window->kind == WINDOW_LAST || window->kind == WINDOW_LAST_FULL ||
           window->kind == WINDOW_AGO || window->kind == WINDOW_MORE_THAN ||
           window->kind == WINDOW_PERIOD || (window->from != NODE_NONE && can_move[window->from]) ||
           (window->to != NODE_NONE && can_move[window->to]);
}

static bool sequence_can_move(const bool *can_move, const Sequence *sequence) {
    if (window_can_move(can_move, &sequence->window)) {
        return true;
    }
    for (int32_t i = sequence->step_count; i-- > 0 && sequence->steps[i].is_negated;) {
        if (sequence->steps[i].within_n > 0) {
            return true;
        }
    }
    return false;
}

static bool node_can_move(const Plan *plan, const bool *can_move, const Node *node) {
    if (node->kind == NODE_NOW || node->kind == NODE_WITHIN || node->kind == NODE_HISTORY) {
        return true;
    }
    if (node->kind == NODE_CALL &&
        (node->function == CALL_DAYS_SINCE || node->function == CALL_DAYS_UNTIL ||
         node->function == CALL_CALENDAR_DAYS_SINCE || node->function == CALL_AGE ||
         node->function == CALL_ANNIVERSARY || node->function == CALL_COMPLETED)) {
        return true;
    }
    if (node->kind == NODE_AGGREGATE) {
        return window_can_move(can_move, &plan->aggregates[node->index].window);
    }
    if (node->kind == NODE_SEQUENCE) {
        return sequence_can_move(can_move, &plan->sequences[node->index]);
    }
    if (node->kind == NODE_FIT) {
        const Fit *fit = &plan->fits[node->index];
        return can_move[fit->x] || (fit->where != NODE_NONE && can_move[fit->where]);
    }
    if (node->kind == NODE_CHANGED) {
        return window_can_move(can_move, &plan->changes[node->index].window);
    }
    for (int32_t i = 0; i < node->arg_count; i++) {
        if (can_move[node->args[i]]) {
            return true;
        }
    }
    return false;
}

static void find_movers(Flips *flips) {
    const Plan *plan = flips->plan;
    for (NodeId id = 0; id < plan->node_count; id++) {
        const Node *node = &plan->nodes[id];
        assert(!node->is_event_scope || !node->is_moving);
        flips->can_move[id] = !node->is_event_scope && node_can_move(plan, flips->can_move, node);
    }
}

int engine_flips_over(const Ready *ready, const EventTable *table, const FitSet *fits,
                      size_t memory_bytes, Flips **ret_flips, KretsError *error) {
    size_t node_count = (size_t)ready->plan->node_count;
    if (ready->plan->fit_count > 0 && fits == NULL) {
        return base_error_set(error, BASE_E_USAGE,
                              "the model uses ntile, percentile or top, which are fitted over the "
                              "whole population first: run krets fit");
    }
    Work *work = engine_work_new(ready, table, fits, memory_bytes, error);
    if (work == NULL) {
        return BASE_E_RESOURCES;
    }
    size_t root_count = (size_t)ready->plan->segment_count;
    Flips *flips = allocate(1, sizeof(Flips));
    *flips = (Flips){.ready = ready,
                     .plan = ready->plan,
                     .work = work,
                     .can_move = allocate(node_count, sizeof(bool)),
                     .shapes = allocate(node_count, sizeof(ShapeMemo)),
                     .truths = {allocate(node_count, sizeof(TruthMemo)),
                                allocate(node_count, sizeof(TruthMemo))},
                     .starts = allocate(node_count, sizeof(Value)),
                     .held = allocate(node_count, sizeof(NodeId)),
                     .held_capacity = node_count + 1,
                     .root_flip_us = allocate(root_count, sizeof(int64_t)),
                     .root_truths = allocate(root_count, sizeof(bool)),
                     .roots = allocate(root_count, sizeof(NodeId))};
    find_movers(flips);
    *ret_flips = flips;
    return BASE_OK;
}

int engine_flips_new(const Plan *plan, const EventTable *table, const FitSet *fits,
                     size_t memory_bytes, Flips **ret_flips, KretsError *error) {
    ENGINE_READY_SCOPED ready = NULL;
    int code = engine_ready_make(plan, &ready, error);
    if (code == BASE_OK) {
        code = engine_flips_over(ready, table, fits, memory_bytes, ret_flips, error);
    }
    if (code == BASE_OK) {
        (*ret_flips)->own_ready = ready;
        ready = NULL;
    }
    return code;
}

void engine_flips_free(Flips *flips) {
    if (flips == NULL) {
        return;
    }
    engine_work_free(flips->work);
    engine_ready_free(flips->own_ready);
    free(flips->can_move);
    free(flips->shapes);
    free(flips->truths[0]);
    free(flips->truths[1]);
    free(flips->starts);
    free(flips->held);
    free(flips->root_flip_us);
    free(flips->root_truths);
    free(flips->roots);
    free(flips);
}

void engine_flips_reset(Flips *flips, const EventTable *table) {
    flips->work->table = table;
    flips->has_customer = false;
}

// ---- one customer ----

// Begins a customer, unless they are at work already.
static void begin_customer(Flips *flips, size_t customer) {
    if (!flips->has_customer || flips->work->customer != customer) {
        engine_work_customer(flips->work, customer);
        flips->has_customer = true;
    }
}

// Moves the customer to an instant with the events visible then; false outside the population.
static bool move_to(Flips *flips, int64_t now_us) {
    flips->work->stamp = flips->last_stamp;
    bool is_in = engine_work_now(flips->work, now_us);
    flips->last_stamp = flips->work->stamp;
    return is_in;
}

static int64_t next_event_us(const Flips *flips) {
    const Work *work = flips->work;
    return work->visible_row < work->end_row ? work->table->time_us[work->visible_row] : FLIP_NEVER;
}

static int64_t limit_at(const Flips *flips) {
    return engine_flip_sooner(next_event_us(flips), FLIP_END_US);
}

static int check(Flips *flips, KretsError *error) {
    int code = engine_work_check(flips->work, error);
    flips->has_customer = flips->has_customer && code == BASE_OK;
    return code;
}

// Finds when each root that is due may change next, and the soonest of all.
static int64_t find_next(Flips *flips, int64_t due_us) {
    int64_t soonest_us = limit_at(flips);
    for (size_t i = 0; i < flips->root_count; i++) {
        if (flips->root_flip_us[i] > due_us) {
            soonest_us = engine_flip_sooner(soonest_us, flips->root_flip_us[i]);
        }
    }
    for (size_t i = 0; i < flips->root_count; i++) {
        if (flips->root_flip_us[i] <= due_us) {
            flips->limit_us = soonest_us;
            flips->root_flip_us[i] = engine_flip_truth(flips, flips->roots[i], true);
            soonest_us = engine_flip_sooner(soonest_us, flips->root_flip_us[i]);
        }
    }
    assert(soonest_us > flips->work->now_us);
    return soonest_us;
}

// Whether any root that is due at the work's now has another truth than before.
static bool has_changed(Flips *flips, int64_t due_us) {
    for (size_t i = 0; i < flips->root_count; i++) {
        if (flips->root_flip_us[i] <= due_us &&
            engine_flip_holds(flips, flips->roots[i], true) != flips->root_truths[i]) {
            return true;
        }
    }
    return false;
}

static void note_truths(Flips *flips) {
    for (size_t i = 0; i < flips->root_count; i++) {
        flips->root_truths[i] = engine_flip_holds(flips, flips->roots[i], true);
        flips->root_flip_us[i] = INT64_MIN;
    }
}

// The next change of the roots from the work's now, as far as `end_us`; what may be a change is
// evaluated, and passed by where it is none.
static int64_t next_change(Flips *flips, int64_t end_us) {
    int64_t due_us = INT64_MIN;
    flips->steps_left = STEPS_A_CALL;
    flips->begun_us = flips->work->now_us;
    for (int passed = 0;; passed++) {
        int64_t next_us = find_next(flips, due_us);
        bool is_event = next_us == next_event_us(flips);
        if (next_us >= FLIP_END_US) {
            return FLIP_NEVER;
        }
        if (next_us > end_us || passed == PASSED_MAX || flips->steps_left == 0) {
            return next_us;
        }
        due_us = is_event ? INT64_MAX : next_us;
        move_to(flips, next_us);
        if (has_changed(flips, due_us) || flips->work->is_over_budget) {
            return next_us;
        }
    }
}

static void set_segments(Flips *flips, const int32_t *segments, int32_t count) {
    const Plan *plan = flips->plan;
    flips->root_count = segments == NULL ? (size_t)plan->segment_count : (size_t)count;
    assert(flips->root_count <= (size_t)plan->segment_count);
    for (size_t i = 0; i < flips->root_count; i++) {
        int32_t segment = segments == NULL ? (int32_t)i : segments[i];
        assert(segment >= 0 && segment < plan->segment_count);
        flips->roots[i] = plan->segments[segment].node;
    }
}

int engine_flip_next(Flips *flips, size_t customer, int64_t now_us, const int32_t *segments,
                     int32_t segment_count, int64_t *ret_flip_us, KretsError *error) {
    set_segments(flips, segments, segment_count);
    begin_customer(flips, customer);
    int64_t flip_us;
    if (!move_to(flips, now_us)) {
        flip_us = next_event_us(flips);
    } else {
        note_truths(flips);
        flip_us = next_change(flips, FLIP_NEVER);
    }
    int code = check(flips, error);
    if (code == BASE_OK) {
        assert(flip_us > now_us);
        *ret_flip_us = flip_us;
    }
    return code;
}

// ---- one condition over time ----

static void set_node(Flips *flips, size_t customer, NodeId node) {
    begin_customer(flips, customer);
    flips->roots[0] = node;
    flips->root_count = 1;
}

// Moves to the instant; whether the one root is true there.
static bool truth_at(Flips *flips, int64_t now_us) {
    bool is_in = move_to(flips, now_us);
    flips->root_truths[0] = is_in && engine_flip_holds(flips, flips->roots[0], true);
    flips->root_flip_us[0] = INT64_MIN;
    return flips->root_truths[0];
}

// The next change of the one root after the work's now, at most `end_us` or later than it.
static int64_t next_turn(Flips *flips, int64_t end_us) {
    Work *work = flips->work;
    bool was_true = flips->root_truths[0];
    for (;;) {
        int64_t next_us = work->visible_row == work->first_row ? next_event_us(flips)
                                                               : next_change(flips, end_us);
        if (next_us > end_us || next_us == FLIP_NEVER || work->is_over_budget ||
            truth_at(flips, next_us) != was_true) {
            return next_us;
        }
    }
}

int engine_flip_is_true(Flips *flips, size_t customer, NodeId node, int64_t now_us,
                        bool *ret_is_true, KretsError *error) {
    set_node(flips, customer, node);
    bool is_true = truth_at(flips, now_us);
    int code = check(flips, error);
    if (code == BASE_OK) {
        *ret_is_true = is_true;
    }
    return code;
}

static int out_of_memory(KretsError *error) {
    return base_error_set(error, BASE_E_RESOURCES,
                          "no memory left in the budget for the changes of this customer: raise "
                          "--memory");
}

int engine_flip_node_changes(Flips *flips, Arena *arena, size_t customer, NodeId node,
                             int64_t from_us, int64_t to_us, const FlipChange **ret_changes,
                             size_t *ret_count, KretsError *error) {
    FlipChange *changes = NULL;
    size_t count = 0, capacity = 0;
    set_node(flips, customer, node);
    bool is_true = truth_at(flips, from_us);
    for (int64_t at_us = next_turn(flips, to_us); at_us <= to_us && at_us != FLIP_NEVER;
         at_us = next_turn(flips, to_us)) {
        if (count == capacity) {
            size_t more = capacity == 0 ? 8 : capacity * 2;
            changes = base_arena_grow(arena, changes, capacity, more, sizeof(FlipChange));
            capacity = more;
            if (changes == NULL) {
                return out_of_memory(error);
            }
        }
        is_true = !is_true;
        changes[count++] = (FlipChange){.at_us = at_us, .is_entry = is_true};
        int code = check(flips, error);
        if (code < 0) {
            return code;
        }
    }
    int code = check(flips, error);
    if (code == BASE_OK) {
        *ret_changes = changes;
        *ret_count = count;
    }
    return code;
}

int engine_flip_changes(Flips *flips, Arena *arena, size_t customer, int32_t segment,
                        int64_t from_us, int64_t to_us, const FlipChange **ret_changes,
                        size_t *ret_count, KretsError *error) {
    assert(segment >= 0 && segment < flips->plan->segment_count);
    return engine_flip_node_changes(flips, arena, customer, flips->plan->segments[segment].node,
                                    from_us, to_us, ret_changes, ret_count, error);
}

// The last change at or before now, looked for between events from the newest back;
// CALENDAR_TIME_MIN where there is none.
static int64_t find_since(Flips *flips, int64_t now_us, bool is_true) {
    const Work *work = flips->work;
    const int64_t *time_us = work->table->time_us;
    (void)truth_at(flips, now_us);
    uint64_t row = work->visible_row;
    int64_t end_us = now_us;
    while (row > work->first_row && !work->is_over_budget) {
        int64_t event_us = time_us[row - 1], since_us = FLIP_NEVER;
        (void)truth_at(flips, event_us);
        for (int64_t at_us = next_turn(flips, end_us); at_us <= end_us;
             at_us = next_turn(flips, end_us)) {
            since_us = at_us;
        }
        if (since_us != FLIP_NEVER) {
            return since_us;
        }
        while (row > work->first_row && time_us[row - 1] == event_us) {
            row--;
        }
        if (event_us == CALENDAR_TIME_MIN) {
            return CALENDAR_TIME_MIN; // of traits without a time
        }
        end_us = event_us - 1;
        if (truth_at(flips, end_us) != is_true) {
            return event_us;
        }
    }
    return CALENDAR_TIME_MIN;
}

int engine_flip_span(Flips *flips, size_t customer, int32_t segment, int64_t now_us,
                     FlipSpan *ret_span, KretsError *error) {
    assert(segment >= 0 && segment < flips->plan->segment_count);
    set_node(flips, customer, flips->plan->segments[segment].node);
    FlipSpan span = {.is_member = truth_at(flips, now_us)};
    int64_t end_us = engine_flip_add(now_us, SPAN_US_MAX);
    span.until_us = next_turn(flips, end_us);
    span.until_us = span.until_us > end_us ? FLIP_NEVER : span.until_us;
    span.since_us = find_since(flips, now_us, span.is_member);
    int code = check(flips, error);
    if (code == BASE_OK) {
        *ret_span = span;
    }
    return code;
}
