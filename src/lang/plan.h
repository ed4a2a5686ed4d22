// The logical plan: every metric, segment and fit of a model, resolved, typed and shared.
//
// A plan is a table of nodes in topological order: a node's children have smaller indices, equal
// sub-expressions are one node. It is immutable and owned by one arena. Everything downstream
// (evaluator, SQL, canonical text, words, explain) reads it and nothing else.
//
// Nodes have one of two scopes. A customer node has one value per customer and now. An event node
// (inside `where`, `value`, `by`) has one value per event; it may only hold properties, the event's
// time, constants and functions of those.
#ifndef KRETS_LANG_PLAN_H
#define KRETS_LANG_PLAN_H

#include "base/arena.h"
#include "base/zone.h"
#include "data/catalog.h"
#include "data/value.h"

typedef int32_t NodeId; // index into Plan.nodes
#define NODE_NONE ((NodeId)-1)

typedef enum NodeKind {
    NODE_CONST,      // value
    NODE_NOW,        // time
    NODE_TRAIT,      // index: Plan.traits
    NODE_PROPERTY,   // event scope; index: Plan.properties
    NODE_EVENT_TIME, // event scope; `time`
    NODE_METRIC,     // index: Plan.metrics; args[0] its expression
    NODE_SEGMENT,    // index: Plan.segments; args[0] its expression; null becomes false
    NODE_LIST,       // index: Plan.lists; true where the customer's id is in the static list
    NODE_NEGATE,
    NODE_ADD,
    NODE_SUBTRACT,
    NODE_MULTIPLY,
    NODE_DIVIDE,  // result type in node.type
    NODE_COMPARE, // op; args[0], args[1]
    NODE_AND,
    NODE_OR, // two or more args, three-valued
    NODE_NOT,
    NODE_IN,        // args[0] in consts args[1..]; negated
    NODE_BETWEEN,   // args[0] between args[1] and args[2], closed; negated
    NODE_IS_NULL,   // args[0]; negated
    NODE_MATCH,     // match; args[0] text, args[1] a text constant; negated
    NODE_HOLIDAY,   // holiday; args[0] time or date
    NODE_WITHIN,    // args[0] time or date `within last|next` amount unit. A time t, last:
                    // base_zone_window_start(now) < t <= now; next: now < t <= base_zone_add(now).
                    // A date d by whole local days, closed at both ends: last:
                    // day(window_start(now)) <= d <= today; next: today <= d <= day(add(now))
    NODE_CALL,      // function; args
    NODE_AGGREGATE, // index: Plan.aggregates
    NODE_SEQUENCE,  // index: Plan.sequences
    NODE_FIT,       // index: Plan.fits; ntile -> integer, percentile -> number, top -> boolean:
                    // `where and x >= bound`
    NODE_WAS,       // index: Plan.traits; args[0] a time or a date; see TraitChange
    NODE_CHANGED,   // index: Plan.changes
    NODE_HISTORY,   // index: Plan.histories; args[0] the NODE_SEGMENT
    NODE_KIND_COUNT
} NodeKind;

typedef enum CompareOp {
    COMPARE_EQ,
    COMPARE_NE,
    COMPARE_LT,
    COMPARE_LE,
    COMPARE_GT,
    COMPARE_GE
} CompareOp;

typedef enum MatchOp {
    MATCH_LIKE, // % and _; an escape character only when `escape 'c'` is said
    MATCH_ILIKE,
    MATCH_CONTAINS,
    MATCH_STARTS,
    MATCH_ENDS,
    MATCH_REGEX // RE2 syntax, found anywhere in the text
} MatchOp;

// A date where a time is wanted (comparison with a time, days_since, days_until, days_between of a
// date and a time) is its first instant in the customer's zone, a constant's in the model's zone; a
// time where a date is wanted (age, anniversary) is its local date. days_between(a, b) = b - a in
// days, of two dates the whole days. days_until is the negative of days_since. age of a birth in
// the future: minus the full years until it. anniversary yields a date; 29 February is 1 March in
// other years. round of a number to n places: round(x * 10^n) / 10^n, x itself where x * 10^n is
// not finite (n < 0: round(x / 10^-n) * 10^-n), of integers and decimals exact; floor, ceil and
// round of a value out of range are null. A time moved by months stops at the calendar's ends
// (base_zone_add); moved by an exact length, or a date, it is null beyond them.
// completed(t, d): whether now >= base_zone_add(t, d), d a constant of months or an exact length.
// has_any and has: null where the list or (nothing else matching) an item is null.
typedef enum CallFunction {
    CALL_DAYS_SINCE,
    CALL_DAYS_UNTIL,
    CALL_CALENDAR_DAYS_SINCE,
    CALL_DAYS_BETWEEN,
    CALL_AGE,
    CALL_ANNIVERSARY,
    CALL_WEEKDAY,
    CALL_HOUR,
    CALL_DAY,
    CALL_MONTH,
    CALL_YEAR,
    CALL_LOWER,
    CALL_LENGTH,
    CALL_ABS,
    CALL_ROUND,
    CALL_FLOOR,
    CALL_CEIL,
    CALL_COALESCE,
    CALL_LEAST,
    CALL_GREATEST,
    CALL_IF,
    CALL_HAS,
    CALL_HAS_ANY,
    CALL_SIZE,
    CALL_DISTANCE_KM,
    CALL_BUCKET,
    CALL_COMPLETED,
    CALL_FUNCTION_COUNT
} CallFunction;

// `on holiday` and `within n unit before|after holiday`: whole local days. `days` is n in days.
typedef enum HolidaySide { HOLIDAY_ON, HOLIDAY_BEFORE, HOLIDAY_AFTER } HolidaySide;
typedef struct HolidayTest {
    HolidaySide side;
    int64_t days;
    Str name;         // as written
    Str country;      // "" : the customer's `country` trait, else the model's
    bool is_observed; // the observed date, not the statutory one
} HolidayTest;

typedef struct Node {
    NodeKind kind;
    ValueType type; // of the result
    bool is_event_scope;
    bool is_zoned;    // its value depends on the customer's zone (or country)
    bool is_moving;   // its value depends on now
    bool is_historic; // a NODE_HISTORY takes part in it
    bool is_negated;
    union {
        CompareOp compare;
        MatchOp match;
        CallFunction function;
        HolidayTest holiday;
        struct {
            bool is_next;
            CalendarUnit unit;
            int64_t amount;
        } within;
    };
    char escape; // NODE_MATCH: the escape character, 0 for none
    int32_t index;
    const NodeId *args;
    int32_t arg_count;
    Value value; // NODE_CONST
} Node;

// A set of event types: sorted indices into Plan.events, or `any`.
typedef struct EventSet {
    bool is_any;
    const int32_t *events;
    int32_t count;
} EventSet;

typedef enum WindowKind {
    WINDOW_ALL,
    WINDOW_LAST,      // last n unit: (start, now]
    WINDOW_LAST_FULL, // last n full unit: the n periods before the current one
    WINDOW_AGO,       // from n unit ago to m unit2 ago: (start(n), start(m)]
    WINDOW_MORE_THAN, // more than n unit ago: <= start(n)
    WINDOW_SINCE,     // since point
    WINDOW_BEFORE,    // before point
    WINDOW_FROM_TO,   // from point to point: [P, Q)
    WINDOW_PERIOD,    // this (shift 0) or previous (-1) unit; today, yesterday
    WINDOW_FIRST,     // first n unit: [t0, t0 + n), t0 the customer's first `any` event
    WINDOW_AFTER,     // within n unit after anchor: (A, A + n]
    WINDOW_PRIOR      // within n unit before anchor: [A - n, A)
} WindowKind;

// A point is a constant time or date node, or an aggregate that yields a time. `first`, `last` and
// `nth` of an event anchor at that event, in (time, arrival): "since" and "after" begin strictly
// after it, "before" ends strictly before it, "from" includes it, "to" leaves it out. Any other
// aggregate (max(order.shipped_at)) anchors at its time alone: "since"/"after" t > A, "before"/"to"
// t < A, "from" t >= A. Without an anchor (null) the whole aggregate is null. A constant date is
// its midnight in the model's zone, like every literal; "since" a constant: t >= P. A customer
// without any `any` event has no t0: with `first n unit` the whole aggregate is null.
typedef struct Window {
    WindowKind kind;
    int64_t n;
    CalendarUnit unit;
    int64_t to_n; // WINDOW_AGO
    CalendarUnit to_unit;
    int32_t shift;   // WINDOW_PERIOD: 0 or -1
    NodeId from, to; // points; anchor in `from` (AFTER, PRIOR, SINCE), in `to` (BEFORE)
} Window;

// Days as a number are always (double)microseconds / 86400000000.0. gap: that of last - first, then
// / (double)(n - 1). avg: number: sum in order / count; integer: (double)sum / count; decimal:
// (double)sum_mantissa / 10000.0 / count, the sum exact in 128 bits.
typedef enum AggregateFunction {
    AGGREGATE_COUNT,
    AGGREGATE_DID,
    AGGREGATE_NEVER,
    AGGREGATE_DAYS,
    AGGREGATE_WEEKS,
    AGGREGATE_MONTHS,
    AGGREGATE_GAP,
    AGGREGATE_FIRST,
    AGGREGATE_LAST,
    AGGREGATE_NTH, // of an event (value == NODE_NONE): its time; else of a value
    AGGREGATE_SUM,
    AGGREGATE_AVG,
    AGGREGATE_MIN,
    AGGREGATE_MAX,
    AGGREGATE_DISTINCT,
    AGGREGATE_MODE,
    AGGREGATE_FUNCTION_COUNT
} AggregateFunction;

typedef enum GroupPick { GROUP_NONE, GROUP_MOST, GROUP_FEWEST } GroupPick;

typedef struct Aggregate {
    AggregateFunction function;
    EventSet events;
    NodeId value; // event scope, or NODE_NONE
    int64_t n;    // nth: 1 is the first, -1 the last; never 0
    NodeId where; // event scope boolean, or NODE_NONE
    Window window;
    // most(aggregate by p) / fewest: the largest / smallest of the aggregate over the groups of
    // events with equal, not null `by` (event scope); null without a group; null results are
    // skipped.
    GroupPick pick;
    NodeId by;
    int32_t selection; // Plan.selections: (events, where) shared by aggregates
    ValueType type;    // of the result
} Aggregate;

// "After p" is strictly after in (time, arrival). A positive step c after the previous positive
// step p (at t): within d: c's time <= t + d. Negative steps between p and c: without `within` no b
// after p and before c; within d no b after p, not after c (c itself counts) and at a time <= t +
// d. Negative steps at the end: without `within` no b after p; within d no b after p at a time <= t
// + d, and now >= t + d. Only events visible at now exist. Null where the window has no anchor.
typedef struct SequenceStep {
    bool is_negated;
    int32_t selection;        // Plan.selections
    int64_t within_n;         // 0: no limit
    CalendarUnit within_unit; // second..week exact; month.. by base_zone_add
} SequenceStep;

typedef struct Sequence {
    const SequenceStep *steps;
    int32_t step_count;
    Window window;        // holds the first step
    int64_t all_within_n; // 0: no limit; else each positive step's time <= the first's + n units
    CalendarUnit all_within_unit;
    // Event scope, or NODE_NONE. All steps of a chain have equal, not null values of it; for
    // negative steps, events of another value or of none do not exist.
    NodeId by;
} Sequence;

// Events of a set for which `where` is true: the rows that aggregates and steps work on.
typedef struct Selection {
    EventSet events;
    NodeId where; // or NODE_NONE
} Selection;

typedef enum FitKind { FIT_NTILE, FIT_PERCENTILE, FIT_TOP } FitKind;
// Depends on the whole population: fitted first, then read. Fits are in an order in which each
// needs only earlier ones; `level` is 0 for those that need none, else 1 + the highest level
// needed.
typedef struct Fit {
    FitKind kind;
    int64_t tiles; // ntile; top: how many customers
    NodeId x;
    NodeId where; // or NODE_NONE
    int32_t level;
    Str key; // canonical text with metrics expanded: names the artifact
} Fit;

typedef struct PlanEvent {
    Str name;
    bool is_any;
} PlanEvent;

// A column that the plan reads of one event type.
typedef struct PlanColumn {
    Str column; // in the Parquet history
    ValueType type;
} PlanColumn;

// A property as an expression sees it: over each event type of the set it has a column, or none
// (then it is null there). Types that differ are widened to `type`: integer -> decimal -> number.
typedef struct PlanProperty {
    Str name;
    ValueType type;
    const int32_t *events;  // indices into Plan.events, ascending
    const int32_t *columns; // indices into Plan.columns, -1: null
    int32_t count;
} PlanProperty;

typedef struct PlanTrait {
    Str name;
    int32_t column; // Plan.columns; -1: declared nowhere yet, always null
    ValueType type;
} PlanTrait;

// NODE_WAS: the latest value of the trait that is not null, among the events at or before the
// instant and visible at now; null where the instant is.
//
// NODE_CHANGED: whether the trait's value changed inside the window: an identify event in it, later
// than the beginning of the calendar, gives a value that is not null and differs from the latest
// one before it in (time, arrival), or from null where there is none; and the two are `from` and
// `to`, where said. What holds from the beginning (a trait without a time) is no change. Null where
// the window has no anchor.
typedef struct TraitChange {
    int32_t trait; // Plan.traits
    bool has_from, has_to;
    Value from; // of the trait's type or a number beside it; null: from no value. Not null: `to`
    Value to;
    Window window;
} TraitChange;

// A segment's membership over time: member(T) is whether the customer is in the segment at now = T,
// with the events at or before T, under the present definition and fits; false outside of the
// population. The customer entered at T where member(T) and not member(T - 1 us), exited the other
// way round. Entered, exited: at an instant T inside the window, as an instant: T is after an
// anchor where its time is; the beginning of the calendar is no entry. Null where the window has no
// anchor.
// Stayed: member at every instant of [start, now], start that of the window `last n unit`. Nothing
// is looked at that lies before both now - PLAN_HISTORY_US and the customer's first event with a
// time: a window begins there at the earliest (that event is in it). Not nested: the segment's own
// expression and the window's points hold no NODE_HISTORY.
#define PLAN_HISTORY_US (3652 * CALENDAR_US_PER_DAY) // ten years
typedef enum HistoryKind { HISTORY_ENTERED, HISTORY_EXITED, HISTORY_STAYED } HistoryKind;
typedef struct SegmentHistory {
    HistoryKind kind;
    int32_t segment; // Plan.segments
    Window window;   // HISTORY_STAYED: WINDOW_LAST
} SegmentHistory;

typedef struct PlanMetric {
    Str name;
    NodeId node;
} PlanMetric;

typedef struct PlanSegment {
    Str key;     // name in the model file
    Str name;    // for people; the key when the model gives none
    NodeId node; // boolean
} PlanSegment;

// Static lists: ids sorted by bytes.
typedef struct PlanList {
    Str key;
    const Str *ids;
    size_t count;
} PlanList;

typedef struct Plan {
    const Node *nodes;
    int32_t node_count;
    const Aggregate *aggregates;
    int32_t aggregate_count;
    const Sequence *sequences;
    int32_t sequence_count;
    const Selection *selections;
    int32_t selection_count;
    const Fit *fits;
    int32_t fit_count;
    const PlanEvent *events;
    int32_t event_count;
    const PlanColumn *columns;
    int32_t column_count;
    const PlanProperty *properties;
    int32_t property_count;
    const PlanTrait *traits;
    int32_t trait_count;
    const TraitChange *changes;
    int32_t change_count;
    const SegmentHistory *histories;
    int32_t history_count;
    const PlanMetric *metrics;
    int32_t metric_count; // in the order of the model file
    const PlanSegment *segments;
    int32_t segment_count; // in the order of the model file
    const PlanList *lists;
    int32_t list_count;
    NodeId value;          // the model's `value`, or NODE_NONE
    const Zone *zone;      // the model's
    Str country;           // the model's, or ""
    int32_t zone_trait;    // Plan.traits: `timezone`, or -1
    int32_t country_trait; // Plan.traits: `country`, or -1
} Plan;

// Canonical text of a node: fully parenthesised only where needed, one spelling for everything,
// parses back to the same node. Metrics and segments by name.
void lang_canonical_node(Text *out, const Plan *plan, NodeId node);
// As an English phrase; a segment's node gives a sentence without the full stop:
// "At least 3 orders in the last 90 days, worth 500 or more".
void lang_words_node(Text *out, const Plan *plan, NodeId node);
// Whether the node is a number that distance_km() takes part in: the last bits of its answers
// depend on the host's C library. All other answers are the same everywhere, to the bit.
bool lang_plan_is_inexact(const Plan *plan, NodeId node);
const char *lang_fit_name(FitKind kind); // "ntile", "percentile", "top"
// The whole plan, for people: nodes, selections, windows, fits.
void lang_plan_print(Text *out, const Plan *plan);

#endif
