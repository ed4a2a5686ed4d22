// What the parts of the evaluator share: the plan made ready, and one thread's customer at work.
#ifndef KRETS_ENGINE_ENGINE_PRIVATE_H
#define KRETS_ENGINE_ENGINE_PRIVATE_H

#include "base/regex.h"
#include "base/thread.h"
#include "engine/evaluate.h"
#include "engine/flip.h"

__extension__ typedef __int128 Int128;

#define ENGINE_US_PER_DAY 86400000000.0

// An argument that says "no row": customer scope.
#define ENGINE_NO_ROW UINT64_MAX

// Events of a selection with the values of one expression where it is not null; without a value,
// all events of the selection. What every aggregate and every step works on.
typedef struct SeriesKey {
    int32_t selection;
    NodeId value;   // or NODE_NONE
    bool is_zoned;  // made again when the zone or the country changes
    bool is_moving; // made again at every now
} SeriesKey;

// Values numbered so that equal ones have equal numbers, all below `count`.
typedef struct Groups {
    const uint32_t *numbers; // beside the values
    uint32_t count;
} Groups;

typedef struct Series {
    bool is_ready;
    const uint64_t *rows; // of the table, ascending
    const Value *values;  // beside the rows; NULL without a value
    size_t count;
    Groups groups; // of the values, once distinct or mode asked for them
} Series;

// A plan made ready for evaluation, read by all threads.
typedef struct Ready {
    Arena *arena;
    const Plan *plan;
    int32_t identify;                // index into Plan.events, or -1
    const int32_t *property_columns; // [property * event_count + event]: Plan.columns, or -1
    const SeriesKey *series;
    int32_t series_count;
    const int32_t *selection_series; // by selection: its series without a value
    const int32_t *aggregate_series; // by aggregate
    const int32_t **step_series;     // by sequence: beside its steps, with the values of its `by`
    Regex **patterns;                // by node; NULL but for MATCH_REGEX
} Ready;

int engine_ready_make(const Plan *plan, Ready **ret_ready, KretsError *error);
void engine_ready_free(Ready *ready);
static inline void engine_ready_freep(Ready **ready) {
    engine_ready_free(*ready);
}
#define ENGINE_READY_SCOPED __attribute__((cleanup(engine_ready_freep))) Ready *

// A holiday's days in one customer's country.
typedef struct HolidayDays {
    bool is_ready, is_known;
    const int32_t *days; // ascending
    size_t count;
} HolidayDays;

// Rows [from, to) of the table inside a window, and the window as (from_us, to_us].
typedef struct Span {
    bool is_null; // the window has no anchor
    uint64_t from, to;
    int64_t from_us, to_us;
} Span;

// One thread's work: one customer at one now. Values it hands out live as long as the customer.
typedef struct Work {
    const Ready *ready;
    const Plan *plan;
    const EventTable *table;
    const FitSet *fits;
    Arena *lasting; // while the customer is at work
    Arena *passing; // until the next now
    size_t limit_bytes;
    bool is_over_budget; // an allocation failed: everything since is worthless

    size_t customer;
    uint64_t first_row, end_row; // of the customer
    int64_t now_us;
    uint64_t visible_row; // one after the last row with a time <= now
    const Zone *zone;
    bool is_zone_invalid; // the customer's own zone is none, so that `zone` is the model's
    Str country;          // "" when unknown

    uint64_t stamp;            // of this customer and now
    uint64_t *node_stamps;     // by node: the stamp of its value
    Value *values;             // by node
    Series *series;            // by Ready.series
    HolidayDays *holidays;     // by node
    uint64_t *row_buffer;      // room for all rows of the customer; NULL until needed
    const int32_t *local_days; // of the customer's rows in `zone`; NULL until needed

    size_t past_bytes; // budget of the flips
    Flips *flips;      // what NODE_HISTORY looks back with; NULL until needed
} Work;

Work *engine_work_new(const Ready *ready, const EventTable *table, const FitSet *fits,
                      size_t limit_bytes, KretsError *error);
void engine_work_free(Work *work);
static inline void engine_work_freep(Work **work) {
    engine_work_free(*work);
}
#define ENGINE_WORK_SCOPED __attribute__((cleanup(engine_work_freep))) Work *

// Begins a customer, forgetting the one before.
void engine_work_customer(Work *work, size_t customer);
// Moves the customer to a now; false when the customer is not in the population then.
bool engine_work_now(Work *work, int64_t now_us);
// BASE_E_RESOURCES with the customer's name when the budget was exceeded.
int engine_work_check(const Work *work, KretsError *error);
// Memory from one of the two arenas; NULL and `is_over_budget` when there is none left.
void *engine_work_alloc(Work *work, Arena *arena, size_t count, size_t item_size_bytes);
const Series *engine_work_series(Work *work, int32_t index);
// The series with the groups of its values; their numbers are NULL over budget.
const Series *engine_work_grouped_series(Work *work, int32_t index);
// Groups of any values; false over budget.
bool engine_group_values(Work *work, Arena *arena, const Value *values, size_t count,
                         Groups *ret_groups);
const int32_t *engine_work_local_days(Work *work); // by row - first_row; NULL over budget

// Latest not-null value at now.
Value engine_trait_value(const Work *work, int32_t index);
// Latest not-null value among the rows before `end_row`.
Value engine_trait_before(const Work *work, int32_t index, uint64_t end_row);

// The value of a node. `row` is ENGINE_NO_ROW for a customer node; an event node is evaluated on
// it.
Value engine_node_value(Work *work, NodeId id, uint64_t row);
Value engine_call_value(Work *work, const Node *node, uint64_t row);
Value engine_arithmetic_value(Work *work, const Node *node, Value a, Value b);
Value engine_negate_value(const Node *node, Value a);
Value engine_fit_value(const FitBounds *fit, Value x);

Span engine_window_span(Work *work, const Window *window);
// First row of the customer at or after `time_us` (strictly after, when so asked), at most
// visible_row.
uint64_t engine_window_row(const Work *work, int64_t time_us, bool is_after);
// Positions [*ret_from, *ret_to) of a series inside a span.
void engine_window_positions(const Series *series, const Span *span, size_t *ret_from,
                             size_t *ret_to);

Value engine_aggregate_value(Work *work, const Aggregate *aggregate, int32_t index);
// The row that `first`, `last` or `nth` of an event picks; ENGINE_NO_ROW: none.
uint64_t engine_aggregate_row(Work *work, const Aggregate *aggregate, int32_t index);
// True where the aggregate is an event's time, so that it can anchor a window at that event.
bool engine_aggregate_is_event(const Aggregate *aggregate);

Value engine_sequence_value(Work *work, const Sequence *sequence);
// The rows of the latest chain that fits, one a positive step; count 0 where there is none.
void engine_sequence_chain(Work *work, const Sequence *sequence, Span *ret_span,
                           const uint64_t **ret_rows, size_t *ret_count);

Value engine_was_value(Work *work, const Node *node);
Value engine_changed_value(Work *work, const TraitChange *change);
Value engine_history_value(Work *work, const Node *node);
// The window as instants (from_us, to_us], not further back than the past is looked at.
Span engine_history_span(Work *work, const Window *window);
// The changes of the customer's membership in (from_us, to_us]; false over budget. They live until
// the next now.
bool engine_history_changes(Work *work, NodeId segment, int64_t from_us, int64_t to_us,
                            const FlipChange **ret_changes, size_t *ret_count);

bool engine_match_like(Str text, Str pattern, char escape);

// <0, 0, >0; exact between integer and decimal, as doubles where a number takes part; both not null
// and of comparable types.
int engine_value_order(Value a, Value b);
// The value as `type`: integer to decimal to number; what does not fit is null.
Value engine_value_widen(Value value, ValueType type);
double engine_value_number(Value value); // numeric, time or date
int64_t engine_value_instant(const Work *work, Value value, bool is_constant); // time or date
int32_t engine_value_day(const Work *work, Value value);                       // time or date
Value engine_value_boolean(bool boolean);
Value engine_value_integer(Int128 integer); // null out of range
Value engine_value_decimal(Int128 mantissa);
Value engine_value_finite(double number);
// Half away from zero, to a multiple of 10^-places; may be out of range.
double engine_round_number(double x, int64_t places);

#endif
