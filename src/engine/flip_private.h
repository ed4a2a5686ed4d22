// What the parts of the next flip share.
//
// Between two events of a customer every node is a function of now alone. `engine_flip_shape` says
// what a node does from the work's now on, and until when that is sure; `engine_flip_truth` says
// when a boolean node may stop (or begin) to be true. Both look only as far as `limit_us`.
#ifndef KRETS_ENGINE_FLIP_PRIVATE_H
#define KRETS_ENGINE_FLIP_PRIVATE_H

#include <math.h>

#include "engine/engine_private.h"
#include "engine/flip.h"

// Nothing is looked for after this: the calendar ends two days later.
#define FLIP_END_US (CALENDAR_TIME_MAX - 2 * CALENDAR_US_PER_DAY)

// Two moving values closer to each other than rounding can tell, or a moving value without known
// bounds, are looked at this often. The one thing that may be noticed late.
#define FLIP_BLIND_US (60 * CALENDAR_US_PER_SECOND)

typedef enum Motion {
    MOTION_STILL,   // the value it has now
    MOTION_RISING,  // never smaller later; where it can be null, then at one end only
    MOTION_FALLING, // never larger later, null likewise
    MOTION_FREE     // between the bounds that engine_flip_range finds
} Motion;

// What a node does on [now, until): `until` is later than now, and the limit where it is not
// sooner.
typedef struct Shape {
    int64_t until_us;
    Motion motion;
    bool is_daily;  // changes at local midnights only
    bool is_exact;  // a time or length that moves by exactly `slope` (1 or -1) with now
    bool is_affine; // a straight line of that slope, but for rounding
    double slope;   // a microsecond, about; 0 where that says nothing
} Shape;

// Bounds of a node's values over [now, to]. Where they are not known the value may be anything.
typedef struct Range {
    bool is_known;
    bool is_rough;   // low and high are numbers in which the exact values lie
    Value low, high; // both null: null all the time
} Range;

// A memo of one node: what was found at a stamp, looking as far as a limit.
typedef struct ShapeMemo {
    uint64_t stamp;
    int64_t limit_us;
    Shape shape;
} ShapeMemo;

typedef struct TruthMemo {
    uint64_t stamp;
    int64_t limit_us, until_us;
} TruthMemo;

// The local day never goes back in the zone on (from, to).
typedef struct FlipCalm {
    const Zone *zone;
    int64_t from_us, to_us;
} FlipCalm;
enum { FLIP_CALMS = 64 };

struct Flips {
    const Ready *ready;
    Ready *own_ready; // freed with the flips; NULL where somebody else's is used
    const Plan *plan;
    Work *work;
    bool has_customer;
    int64_t limit_us; // nothing at or after this instant matters now
    uint64_t last_stamp;
    size_t steps_left;    // of this call, before it gives up early
    int64_t begun_us;     // now of this call
    bool *can_move;       // by node: the value depends on now
    ShapeMemo *shapes;    // by node
    TruthMemo *truths[2]; // by polarity, then by node
    Value *starts;        // by node: the value at now, while later instants are tried
    NodeId *held;         // still nodes under the comparison being tried
    size_t held_count, held_capacity;
    int64_t trial_from_us; // now, while later instants are tried
    int64_t *root_flip_us; // by root
    bool *root_truths;     // by root
    NodeId *roots;         // of this call
    size_t root_count;
    FlipCalm calms[FLIP_CALMS]; // of the zones that came last
};

// Flips over a plan that somebody else made ready and keeps.
int engine_flips_over(const Ready *ready, const EventTable *table, const FitSet *fits,
                      size_t memory_bytes, Flips **ret_flips, KretsError *error);
// Whether a boolean customer node is true for the customer at now (false outside the population).
int engine_flip_is_true(Flips *flips, size_t customer, NodeId node, int64_t now_us,
                        bool *ret_is_true, KretsError *error);
// Every change of a boolean customer node in (from_us, to_us], ascending, as engine_flip_changes.
// Free to call while another Work is busy with the same customer: the flips have their own.
int engine_flip_node_changes(Flips *flips, Arena *arena, size_t customer, NodeId node,
                             int64_t from_us, int64_t to_us, const FlipChange **ret_changes,
                             size_t *ret_count, KretsError *error);

// Another table of the same columns, or another customer in the same place of it.
void engine_flips_reset(Flips *flips, const EventTable *table);

// Another instant before the customer's next event. Nothing of the work's place but now changes;
// engine_flip_back() returns to where engine_flip_go() was called.
typedef struct FlipPlace {
    int64_t now_us;
    uint64_t stamp;
} FlipPlace;
FlipPlace engine_flip_go(Flips *flips, int64_t now_us);
void engine_flip_back(Flips *flips, FlipPlace place);

Shape engine_flip_shape(Flips *flips, NodeId id);
// The same, looking only as far as *until_us, which is brought forward to the shape's end.
Shape engine_flip_shape_within(Flips *flips, NodeId id, int64_t *until_us);
// The first instant after now at which it may change whether the node's value is `polarity`.
int64_t engine_flip_truth(Flips *flips, NodeId id, bool polarity);
bool engine_flip_holds(Flips *flips, NodeId id, bool polarity);
// The first instant after now at which a comparison (or `in`, `between`, `is null`) may change.
int64_t engine_flip_compared(Flips *flips, const Node *node);

Shape engine_flip_call_shape(Flips *flips, const Node *node);
Shape engine_flip_aggregate_shape(Flips *flips, int32_t index);
Shape engine_flip_sequence_shape(Flips *flips, const Sequence *sequence);
Shape engine_flip_history_shape(Flips *flips, const Node *node);
// When what is at `time_us` leaves the window at its beginning, and enters it at its end.
int64_t engine_flip_leaves_at(const Flips *flips, const Window *window, int64_t time_us);
int64_t engine_flip_enters_at(const Flips *flips, const Window *window, int64_t time_us);
Shape engine_flip_within_shape(Flips *flips, const Node *node);
Shape engine_flip_completed_shape(Flips *flips, const Node *node);
Shape engine_flip_was_shape(Flips *flips, const Node *node);
Shape engine_flip_changed_shape(Flips *flips, const TraitChange *change);
// For a comparison of one aggregate with constants: the first instant after now at which its truth
// changes, or false where there is no short way to it.
bool engine_flip_jump(Flips *flips, const Node *node, NodeId operand, int64_t *ret_us);

// The first instant at which the local day, hour, month or year of a time or date may change.
typedef enum FlipCell { FLIP_DAY, FLIP_HOUR, FLIP_MONTH, FLIP_YEAR } FlipCell;
int64_t engine_flip_cell_until(Flips *flips, NodeId id, FlipCell cell);
// The first instant at which a time that rises comes to `time_us`, at most the end of its shape.
int64_t engine_flip_reach(Flips *flips, NodeId id, int64_t time_us);
// The first instant at which the local day of now may change.
int64_t engine_flip_today_until(Flips *flips);
// The next instant at which the local day goes back.
int64_t engine_flip_calm_until(Flips *flips);
// A time later than time_us, before which base_zone_add moves exactly as what it is added to does.
int64_t engine_flip_add_end(const Zone *zone, int64_t time_us, CalendarUnit unit, int64_t n);
// The first instant after `after_us` at which base_zone_window_start has come to `time_us`.
int64_t engine_flip_start_reaches(const Zone *zone, int64_t after_us, CalendarUnit unit, int64_t n,
                                  int64_t time_us);

// Trying later instants while the still nodes under some nodes keep their values: begin, any
// number of at() and range() before `until_us`, end. At() leaves the work at that instant, end() at
// now.
typedef struct FlipTrial {
    FlipPlace place;
    size_t held_from;
} FlipTrial;
FlipTrial engine_flip_trial(Flips *flips, const NodeId *ids, int32_t count, int64_t until_us);
void engine_flip_trial_at(Flips *flips, const FlipTrial *trial, int64_t time_us);
void engine_flip_trial_end(Flips *flips, const FlipTrial *trial);
Range engine_flip_range(Flips *flips, NodeId id);
// How far rounding may take a straight line's values from it, between now and the trial's instant.
double engine_flip_slack(Flips *flips, NodeId id);
// The first instant after now until which `is_sure` says nothing happens, at most `until_us`. It is
// asked in a trial of the nodes, at instants after now, and must not become true again once false.
typedef bool (*FlipSure)(Flips *flips, const void *context);
int64_t engine_flip_sure_until(Flips *flips, const NodeId *ids, int32_t count, int64_t until_us,
                               FlipSure is_sure, const void *context);
// <0, 0, >0 of two bounds; a date beside a time is its first instant.
int engine_flip_order(const Flips *flips, NodeId id_a, Value a, NodeId id_b, Value b);

static inline int64_t engine_flip_sooner(int64_t a, int64_t b) {
    return a < b ? a : b;
}

// The difference of two slopes; 0 where it is but rounding.
static inline double engine_flip_steeper(double a, double b) {
    double larger = fabs(a) > fabs(b) ? fabs(a) : fabs(b);
    return fabs(a - b) <= 1e-12 * larger ? 0.0 : a - b;
}

static inline Value engine_flip_value(Flips *flips, NodeId id) {
    return engine_node_value(flips->work, id, ENGINE_NO_ROW);
}

// A time plus a span, kept within int64.
static inline int64_t engine_flip_add(int64_t time_us, int64_t span_us) {
    int64_t sum_us;
    return __builtin_add_overflow(time_us, span_us, &sum_us) ? (span_us < 0 ? INT64_MIN : INT64_MAX)
                                                             : sum_us;
}

#endif
