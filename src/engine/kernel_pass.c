// A pass: one loop over the matches of a selection, newest first, that answers every window which
// ends at the same place. What has been added up when the loop reaches a window's start is that
// window's answer.
#include <assert.h>

#include "engine/kernel_private.h"

// Whether this block's values fit the loop: no sum can leave its range, columns are numbers in a
// line. Else the reference answers.
static bool fits_loop(KernelWork *work, const Pass *pass, const Matches *matches, int32_t count) {
    if (pass->kind == FEATURE_PICK && pass->period == AGGREGATE_NTH) {
        int32_t stream = -1;
        for (int32_t s = 0; s < count; s++) {
            if (matches[s].count == 0)
                continue;
            if (stream >= 0 && stream != matches[s].stream)
                return false;
            stream = matches[s].stream;
        }
    }
    if (pass->value != NODE_NONE)
        return engine_kernel_add_row_fits(pass, matches, count,
                                          work->kernel->plan->nodes[pass->value].type);
    if (pass->property < 0)
        return true;
    ValueType type = work->kernel->plan->properties[pass->property].type;
    bool is_sum = pass->kind == FEATURE_SUM, is_linear = is_sum || pass->kind == FEATURE_EXTREME;
    __int128 most = 0;
    for (int32_t s = 0; s < count; s++) {
        const BlockColumn *column =
            engine_kernel_column(work, matches[s].block, matches[s].stream, pass->property);
        Linear linear;
        if (column == NULL || matches[s].count == 0)
            continue;
        bool can_vanish = column->coding->type == VALUE_INTEGER && type == VALUE_DECIMAL;
        if (!is_linear && !can_vanish)
            continue;
        if (!engine_kernel_linear(column, type, &linear))
            return false;
        most += (__int128)linear.size_max * (is_sum ? matches[s].count : 1);
    }
    return most < VALUE_DECIMAL_LIMIT;
}

static void answer_slowly(KernelWork *work, const Pass *pass) {
    const Kernel *kernel = work->kernel;
    for (int32_t i = 0; i < pass->feature_count; i++) {
        const Feature *feature = &kernel->features[pass->features[i]];
        engine_kernel_slow(work, feature->node, engine_lanes_put(work->frame, feature->node));
        for (int32_t u = 0; u < feature->use_count; u++) {
            NodeId use = kernel->uses[feature->first_use + u].node;
            engine_kernel_slow(work, use, engine_lanes_put(work->frame, use));
        }
        if (feature->is_anchor)
            engine_kernel_slow_places(work, feature);
    }
}

// How far down the list the rows from `from` on reach.
static uint32_t reach_of(const Matches *matches, uint32_t at, uint32_t from) {
    if (matches->rows == NULL)
        return at < from ? at : from;
    while (at > 0 && matches->rows[at - 1] >= from)
        at--;
    return at;
}

static void pass_by_lane(KernelWork *work, const Pass *pass) {
    uint64_t valid[LANE_WORDS], all[LANE_WORDS];
    int32_t window = work->kernel->features[pass->features[0]].window, count;
    const Matches *matches =
        engine_kernel_lane_matches(work, pass->selection, window, &count, valid);
    if (!fits_loop(work, pass, matches, count)) {
        answer_slowly(work, pass);
        return;
    }
    engine_kernel_all_lanes(work, all);
    engine_kernel_add_begin(work, pass, matches, count);
    for (int32_t s = 0; s < count; s++)
        engine_kernel_add(work, pass, &matches[s], 0, matches[s].count);
    engine_kernel_add_settle(work, pass);
    Target target = {.work = work, .lanes = all, .valid = valid, .is_first = true};
    for (int32_t i = 0; i < pass->feature_count; i++)
        engine_kernel_put(&target, &work->kernel->features[pass->features[i]]);
}

// Adds what is not older than the window's start.
static void reach_window(KernelWork *work, const Pass *pass, const Matches *matches, int32_t count,
                         const Bounds *bounds, int32_t window) {
    uint32_t *at = work->reaches;
    for (int32_t s = 0; s < count; s++) {
        uint32_t from, to;
        if (at[s] == 0)
            continue;
        engine_kernel_positions(work, bounds, window, &matches[s], &from, &to);
        uint32_t low = reach_of(&matches[s], at[s], from);
        engine_kernel_add(work, pass, &matches[s], low, at[s]);
        at[s] = low;
    }
}

static void begin_at_end(KernelWork *work, const Pass *pass, const Matches *matches, int32_t count,
                         const Bounds *bounds, int32_t window) {
    engine_kernel_add_begin(work, pass, matches, count);
    for (int32_t s = 0; s < count; s++) {
        uint32_t from, to;
        work->reaches[s] = 0;
        if (matches[s].count == 0)
            continue;
        engine_kernel_positions(work, bounds, window, &matches[s], &from, &to);
        work->reaches[s] = reach_of(&matches[s], matches[s].count, to);
    }
}

// The last event is the same for all windows that hold it.
static bool is_once(const KernelWork *work, const Pass *pass) {
    return pass->kind == FEATURE_PICK && pass->period == AGGREGATE_LAST &&
           work->picked.kind != PICKED_PLACES;
}

// Where the window begins in each block.
static void last_from(KernelWork *work, const Bounds *bounds, int32_t window, Target *target) {
    for (uint32_t b = 0; b < work->block_count; b++) {
        Matches rows = {.block = &work->blocks[b],
                        .first_lane = b * BLOCK_CUSTOMER_MAX,
                        .stream = work->picked.stream};
        uint32_t to;
        if (work->picked.kind == PICKED_TICKS)
            target->from[b] = engine_kernel_tick(rows.block->time, bounds[window].from_us + 1);
        else
            engine_kernel_positions(work, bounds, window, &rows, &target->from[b], &to);
    }
}

static void pass_group(KernelWork *work, const Pass *pass, const Matches *matches, int32_t count,
                       int32_t group, Target *target) {
    const Feature *features = work->kernel->features;
    const BoundsEntry *entry = engine_kernel_bounds(work, group);
    const int32_t *order = entry->order + pass->first_feature;
    begin_at_end(work, pass, matches, count, entry->bounds, features[order[0]].window);
    bool is_all_added = is_once(work, pass);
    if (is_all_added)
        reach_window(work, pass, matches, count, entry->bounds,
                     features[order[pass->feature_count - 1]].window);
    for (int32_t i = 0; i < pass->feature_count; i++) {
        int32_t window = features[order[i]].window;
        if (is_all_added)
            last_from(work, entry->bounds, window, target);
        else
            reach_window(work, pass, matches, count, entry->bounds, window);
        engine_kernel_add_settle(work, pass);
        engine_kernel_put(target, &features[order[i]]);
    }
}

void engine_kernel_pass(KernelWork *work, const Pass *pass) {
    if (pass->bounds == BOUNDS_LANES) {
        pass_by_lane(work, pass);
        return;
    }
    int32_t count;
    const Matches *matches = engine_kernel_matches(work, pass->selection, &count);
    if (!fits_loop(work, pass, matches, count)) {
        answer_slowly(work, pass);
        return;
    }
    uint64_t all[LANE_WORDS];
    engine_kernel_all_lanes(work, all);
    int32_t groups = pass->bounds == BOUNDS_ZONED ? work->zone_count : 1;
    for (int32_t group = 0; group < groups; group++) {
        const uint64_t *lanes = pass->bounds == BOUNDS_ZONED ? work->zones[group].lanes : all;
        Target target = {.work = work, .lanes = lanes, .valid = lanes, .is_first = group == 0};
        if (groups > 1 || work->position_group != group) {
            work->position_group = group;
            work->position_stamp++;
        }
        pass_group(work, pass, matches, count, group, &target);
    }
}
