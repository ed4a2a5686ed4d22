// The next flip of a segment's past: entered, exited, in … for.
#include <assert.h>

#include "base/calendar.h"
#include "engine/flip_private.h"

static int64_t later_than_now(const Flips *flips, int64_t time_us) {
    return time_us > flips->work->now_us ? time_us : flips->work->now_us + 1;
}

// When the first change inside the window leaves it, or the first behind it enters.
static int64_t changes_until(Flips *flips, const Window *window, NodeId segment) {
    const FlipChange *changes;
    size_t count;
    Span span = engine_window_span(flips->work, window);
    int64_t until_us = FLIP_NEVER;
    bool has_left = false, has_entered = false;
    if (span.is_null || !engine_history_changes(flips->work, segment, span.from_us,
                                                flips->work->now_us, &changes, &count)) {
        return until_us;
    }
    for (size_t i = 0; i < count && !(has_left && has_entered); i++) {
        bool is_inside = changes[i].at_us <= span.to_us;
        int64_t at_us = FLIP_NEVER;
        if (!has_left) {
            at_us = engine_flip_leaves_at(flips, window, changes[i].at_us);
            has_left = true;
        }
        if (!is_inside && !has_entered) {
            at_us =
                engine_flip_sooner(at_us, engine_flip_enters_at(flips, window, changes[i].at_us));
            has_entered = true;
        }
        until_us = engine_flip_sooner(until_us, later_than_now(flips, at_us));
    }
    return until_us;
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
