// The next flip of a segment's past: entered, exited, in … for.
#include <assert.h>

#include "base/calendar.h"
#include "engine/flip_private.h"

#define PART_US (32 * CALENDAR_US_PER_DAY)

static int64_t later_than_now(const Flips *flips, int64_t time_us) {
    return time_us > flips->work->now_us ? time_us : flips->work->now_us + 1;
}

static bool moves_at_start(const Window *window) {
    return window->kind == WINDOW_LAST || window->kind == WINDOW_LAST_FULL ||
           window->kind == WINDOW_AGO || window->kind == WINDOW_PERIOD;
}

static bool moves_at_end(const Window *window) {
    return window->kind == WINDOW_MORE_THAN || window->kind == WINDOW_LAST_FULL ||
           window->kind == WINDOW_AGO || window->kind == WINDOW_PERIOD;
}

// The segment's first change in (from_us, now], looked for in parts that grow.
static bool first_change(Flips *flips, NodeId segment, int64_t from_us, int64_t *ret_us) {
    Work *work = flips->work;
    int64_t part_us = PART_US;
    while (from_us < work->now_us) {
        int64_t to_us = work->now_us - from_us > part_us ? from_us + part_us : work->now_us;
        const FlipChange *changes;
        size_t count;
        if (!engine_history_changes(work, segment, from_us, to_us, &changes, &count)) {
            return false;
        }
        if (count > 0) {
            *ret_us = changes[0].at_us;
            return true;
        }
        from_us = to_us;
        part_us = part_us > INT64_MAX / 2 ? INT64_MAX : part_us * 2;
    }
    return false;
}

// When the first change inside the window leaves it, or the first behind it enters.
static int64_t changes_until(Flips *flips, const Window *window, NodeId segment) {
    Span span = engine_history_span(flips->work, window);
    int64_t until_us = FLIP_NEVER, at_us;
    if (span.is_null) {
        return until_us;
    }
    if (moves_at_start(window) && first_change(flips, segment, span.from_us, &at_us)) {
        until_us = engine_flip_leaves_at(flips, window, at_us);
    }
    if (moves_at_end(window) && first_change(flips, segment, span.to_us, &at_us)) {
        until_us = engine_flip_sooner(until_us, engine_flip_enters_at(flips, window, at_us));
    }
    return until_us == FLIP_NEVER ? until_us : later_than_now(flips, until_us);
}

Shape engine_flip_history_shape(Flips *flips, const Node *node) {
    const Window *window = &flips->plan->histories[node->index].window;
    NodeId segment = node->args[0];
    const NodeId points[] = {window->from, window->to};
    int64_t until_us = engine_flip_sooner(engine_flip_truth(flips, segment, true),
                                          engine_flip_truth(flips, segment, false));
    for (int i = 0; i < 2; i++) {
        if (points[i] != NODE_NONE) {
            Shape shape = engine_flip_shape(flips, points[i]);
            until_us = engine_flip_sooner(until_us, shape.until_us);
            if (shape.motion != MOTION_STILL) {
                until_us = engine_flip_sooner(until_us, flips->work->now_us + FLIP_BLIND_US);
            }
        }
    }
    until_us = engine_flip_sooner(until_us, changes_until(flips, window, segment));
    return (Shape){.until_us = later_than_now(flips, until_us)};
}
