// What the parts of the kernel share: the physical plan, its binding to a source, one thread's
// work.
#ifndef KRETS_ENGINE_KERNEL_PRIVATE_H
#define KRETS_ENGINE_KERNEL_PRIVATE_H

#include <pthread.h>

#include "engine/engine_private.h"
#include "engine/kernel.h"
#include "engine/kernel_simd.h"
#include "engine/lanes.h"

// --- the physical plan ---

// Part of a selection's `where` that reads one property and nothing else: it holds or not for each
// code of a column.
typedef struct Clause {
    NodeId node;
    int32_t property; // Plan.properties
} Clause;

// What of a selection's `where` is of that kind, and what else it asks of each row.
typedef struct KernelSelection {
    int32_t selection;      // Plan.selections
    const int32_t *clauses; // Kernel.clauses; all must hold
    int32_t clause_count;
    const NodeId *tests; // of rows; all must hold
    int32_t test_count;
    bool is_shifting; // its matches are others at another now
    bool is_fast;
    int32_t slot; // where its matches are kept while a block is at hand; 0: with the next's gone
} KernelSelection;

typedef enum BoundsKind {
    BOUNDS_SHARED, // the same instants for all customers
    BOUNDS_ZONED,  // the same instants for all customers of a zone
    BOUNDS_LANES   // each customer their own: anchors, first n unit
} BoundsKind;

typedef struct KernelWindow {
    Window window;
    BoundsKind kind;
} KernelWindow;

typedef enum FeatureKind {
    FEATURE_COUNT,    // count, did, never
    FEATURE_DISTINCT, // distinct
    FEATURE_PERIODS,  // days, weeks, months
    FEATURE_SUM,      // sum, avg of integers and decimals
    FEATURE_NUMBER,   // sum, avg of floating-point numbers
    FEATURE_EXTREME,  // min, max of numbers, times, dates
    FEATURE_PICK,     // first, last, nth: of an event or of a value
    FEATURE_GAP,
    FEATURE_SLOW // by the reference evaluator
} FeatureKind;

// A comparison of a feature with constants, answered from what a pass adds up: no column of values
// in between.
typedef enum UseKind {
    USE_COMPARE, // feature op low
    USE_BETWEEN, // low <= feature <= high
    USE_SINCE    // days_since(event) op constant: changes where the age exceeds `low` microseconds
} UseKind;

typedef struct FeatureUse {
    NodeId node;
    UseKind kind;
    bool is_negated; // BETWEEN
    CompareOp op;
    int64_t low, high; // in the units of the feature
} FeatureUse;

// One aggregate.
typedef struct Feature {
    NodeId node;
    int32_t aggregate;
    FeatureKind kind;
    int32_t window;               // Kernel.windows
    int32_t selection;            // Kernel.selections
    int32_t property;             // of the value; -1: none
    NodeId value;                 // evaluated by row: an expression, or floating-point
    int32_t first_use, use_count; // Kernel.uses
    bool needs_column;
    bool is_anchor; // its event's place is wanted too: Kernel.anchor_count places
    int32_t anchor;
} Feature;

// Features that one loop over the matches of a selection answers, newest event first: the same
// kind, the same value, the same upper end.
typedef struct Pass {
    FeatureKind kind;
    NodeId node; // of its first feature
    BoundsKind bounds;
    int32_t selection; // Kernel.selections
    int32_t property;
    NodeId value;             // of each row; NODE_NONE: codes of `property` tell
    AggregateFunction period; // of its first feature, where all have the same
    bool needs_counts;        // some feature is an average
    uint32_t limit;           // counts need not go above it; UINT32_MAX: none
    bool needs_events;        // PICK: the events themselves, not only how old they are
    int32_t first_feature;    // Kernel.pass_features
    const int32_t *features;  // from there on
    int32_t feature_count;
} Pass;

// What the events of a step do to the chains that have come so far. Gap i lies after the i-th
// positive step.
typedef enum ActKind {
    ACT_FIRST, // begins a chain: into gap 0
    ACT_NEXT,  // goes on with a chain: from gap to gap + 1
    ACT_BAR,   // a negative step: ends chains that wait in the gap
    ACT_END    // a negative step at the end: undoes whole chains
} ActKind;

typedef struct SequenceAct {
    ActKind kind;
    int32_t selection; // Kernel.selections
    int32_t gap;
    int64_t within_us;
} SequenceAct;

// A sequence that one loop over the matches of its steps answers for all customers.
typedef struct KernelSequence {
    NodeId node;
    int32_t window;          // Kernel.windows
    const SequenceAct *acts; // in the order in which one event that is of several steps does them
    int32_t act_count;
    int32_t gap_count;
    const bool *is_stacked; // by gap: newer chains may be ended before older ones
    int64_t all_within_us;
    int64_t wait_us; // since the last event, until the negative steps at the end hold
} KernelSequence;

struct Kernel {
    Arena *arena;
    const Plan *plan;
    Ready *ready;
    KernelSimd simd;
    const int32_t *segments;
    int32_t segment_count;
    const int32_t *metrics;
    int32_t metric_count;
    NodeId value;
    bool *is_needed; // by node
    bool *is_slow;   // by node: the reference reads it to answer a slow leaf
    bool *is_read;   // by node: its values are asked for, or a use answers it
    KernelSelection *selections;
    int32_t selection_count;
    Clause *clauses;
    int32_t clause_count;
    KernelWindow *windows;
    int32_t window_count;
    Feature *features;
    int32_t feature_count;
    int32_t *node_features; // by node: its feature, or -1
    FeatureUse *uses;
    int32_t use_count;
    Pass *passes;
    int32_t pass_count;
    int32_t *pass_features; // of all passes
    int32_t pass_feature_count;
    NodeId *slow_nodes; // leaves that only the reference can answer
    int32_t slow_count;
    KernelSequence *sequences;
    int32_t sequence_count;
    int32_t *node_sequences; // by node: its sequence, or -1
    int32_t slot_count;      // of selections whose matches are kept
    int32_t anchor_count;
    bool has_rows; // some expression is evaluated over rows of events
};

// kernel.c
int32_t engine_kernel_window_of(Kernel *kernel, const Window *window);
// Kernel.selections of Plan.selections.
int32_t engine_kernel_selection_of(Kernel *kernel, int32_t selection);
// Whether windows can hang on the point: an event that a fast feature picks, or a column of times.
bool engine_kernel_is_fast_point(Kernel *kernel, NodeId point);
void engine_kernel_add_slow(Kernel *kernel, NodeId id);

// --- binding ---

typedef struct StreamBinding {
    int32_t event;          // Plan.events, or -1
    const int32_t *columns; // by Plan.columns: the stream's column, or -1
} StreamBinding;

typedef enum FilterKind { FILTER_RANGE, FILTER_TABLE } FilterKind;

// Codes for which a clause is true.
typedef struct Filter {
    FilterKind kind;
    uint64_t low, high;   // RANGE: closed; low > high: none
    const uint8_t *table; // TABLE: by code
} Filter;

// Streams that hold events of a selection, with the clause's answer where a column is missing.
typedef struct SelectionBinding {
    const int32_t *streams;
    int32_t stream_count;
} SelectionBinding;

// What is read of blocks.
typedef struct KernelNeeds {
    uint8_t *streams;
    uint8_t **columns;
    bool has_any; // some selection is `any`: their streams are all read
} KernelNeeds;

struct KernelBinding {
    Arena *arena;
    const Kernel *kernel;
    const BlockSource *source;
    const FitSet *fits;
    StreamBinding *streams;       // by source stream
    SelectionBinding *selections; // by Kernel.selections
    int32_t *identify_streams;
    int32_t identify_count;
    KernelNeeds all_needs;
    KernelNeeds slow_needs; // of the slow leaves alone
    BlockNeeds needs;
    const bool *clause_nulls; // by clause: whether it is true of null
    pthread_mutex_t lock;     // of `arena` once bound
    Filter **filters;         // [clause * coding_count + coding]; NULL until asked for
};

// The filter of a clause over a column's coding, for an event type; made at first use.
const Filter *engine_kernel_filter(const KernelBinding *binding, int32_t clause, int32_t event,
                                   uint32_t partition, const BlockCoding *coding);
// Whether a filter can be made; else rows are asked one by one: keep[row] is whether the clause
// holds (too, unless is_first).
bool engine_kernel_is_listed(const Kernel *kernel, int32_t clause, const BlockCoding *coding);
void engine_kernel_ask(const KernelBinding *binding, int32_t clause, int32_t event,
                       uint32_t partition, const BlockColumn *column, uint32_t count, uint8_t *keep,
                       bool is_first);
Value engine_kernel_code_value(const BlockSource *source, uint32_t partition,
                               const BlockCoding *coding, uint64_t code, Arena *arena);

// --- one thread's work ---

enum { KERNEL_BLOCKS_MAX = LANE_COUNT_MAX / BLOCK_CUSTOMER_MAX };

// Rows of one stream of a block that match a selection, ascending.
typedef struct Matches {
    const Block *block;
    uint32_t first_lane; // of the block's customers
    int32_t stream;
    uint32_t count;
    const uint32_t *rows; // NULL: row i is i
    const uint8_t *lanes;
    uint32_t *row_room;
    uint8_t *lane_room;
    uint32_t room;
} Matches;

// Customers of the block that share a zone.
typedef struct ZoneGroup {
    const Zone *zone;
    uint64_t lanes[LANE_WORDS];
} ZoneGroup;

// A window at now in one zone: (from_us, to_us], to_us at most now.
typedef struct Bounds {
    int64_t from_us, to_us;
} Bounds;

enum { KERNEL_BOUNDS_BITS = 9 };
typedef struct BoundsEntry {
    const Zone *zone;
    int64_t now_us;
    Bounds *bounds; // by window
    int32_t *order; // by place in Kernel.pass_features: of each pass, latest begin first
} BoundsEntry;

// Rows [from, to) of a stream are inside a window.
typedef struct Positions {
    uint64_t stamp;
    uint32_t from, to;
} Positions;

// A place in a customer's order of events: see Places.
typedef struct LaneBound {
    int64_t us;
    uint64_t order;
} LaneBound;

// Places of events in a customer's order: (us, order), order = tie << 32 | row.
typedef struct Places {
    int64_t us[LANE_COUNT_MAX];
    uint64_t order[LANE_COUNT_MAX];
    uint64_t valid[LANE_WORDS];
} Places;

typedef enum PickedKind {
    PICKED_ROWS,  // of one stream: its rows tell all
    PICKED_TICKS, // the latest tick of several streams: how old the event is tells all
    PICKED_PLACES // of several streams: which, and its place
} PickedKind;

// By lane: the event that first, last or nth picks.
typedef struct Picked {
    PickedKind kind;
    uint32_t row1[LANE_COUNT_MAX]; // 1 + its row, or its tick; 0: none
    int32_t stream;                // ROWS: whose rows they are, in each block
    int32_t streams[LANE_COUNT_MAX];
    int64_t us[LANE_COUNT_MAX];
    uint64_t order[LANE_COUNT_MAX];
} Picked;

// Up to so many distinct keys of a lane stand in a list, more in a table.
enum { SEEN_LISTED_MAX = 32 };
typedef enum SeenKind { SEEN_BITS, SEEN_LISTS, SEEN_TABLE } SeenKind;

// Keys seen by customer: open addressing, emptied by a new stamp.
typedef struct Seen {
    struct SeenEntry {
        uint64_t key;
        uint32_t stamp;
        uint32_t lane;
    } * entries;
    size_t room; // a power of two
    uint32_t stamp;
} Seen;

// Where a row of the block's table lies.
typedef struct RowOrigin {
    int32_t stream; // -1: a row that stands for the customer's first event
    uint32_t row;
} RowOrigin;

typedef struct KernelRows KernelRows;
typedef struct SequenceRoom SequenceRoom;

struct KernelWork {
    const KernelBinding *binding;
    const Kernel *kernel;
    LaneFrame *frame;
    size_t memory_bytes;
    // The blocks at hand, one after another: lane 256 i + j is customer j of block i.
    Block blocks[KERNEL_BLOCKS_MAX];
    uint32_t block_count;
    uint32_t lane_count;
    int64_t now_us;
    uint64_t population[LANE_WORDS];
    uint64_t invalid_zone[LANE_WORDS];
    ZoneGroup *zones; // room for LANE_COUNT_MAX
    int32_t zone_count;
    uint16_t lane_zones[LANE_COUNT_MAX]; // by lane: index into zones
    Str countries[LANE_COUNT_MAX];
    Str trait_texts[LANE_COUNT_MAX];
    // Matches of the selection at hand, of those that sequences read (or of all, when kept for more
    // nows).
    Matches **matches;       // by slot: one a stream
    int32_t *made_selection; // by place in matches: 1 + the selection, 0: none
    bool is_keeping;
    uint8_t *keep; // room for the rows of the largest stream
    uint32_t keep_room;
    KernelRows *rows;      // NULL: no expression needs them
    Matches *lane_matches; // of a window with bounds by lane
    BoundsEntry *bounds;   // 1 << KERNEL_BOUNDS_BITS
    Positions *positions;  // [window * stream_count + stream], of the zone group at hand
    uint64_t position_stamp;
    LaneBound lane_from[LANE_COUNT_MAX], lane_to[LANE_COUNT_MAX];
    Places *anchors;        // by Feature.anchor
    SequenceRoom *sequence; // of the sequence at hand
    // What a pass adds up, by lane.
    uint32_t counts[LANE_COUNT_MAX];
    int64_t sums[LANE_COUNT_MAX], firsts[LANE_COUNT_MAX];
    Int128 wides[LANE_COUNT_MAX]; // sums of expressions
    uint64_t sum_valid[LANE_WORDS];
    double numbers[LANE_COUNT_MAX];
    Picked picked;
    Seen seen;
    uint32_t listed[LANE_COUNT_MAX][SEEN_LISTED_MAX];
    uint64_t seen_bits[LANE_COUNT_MAX]; // of up to 64 codes
    SeenKind seen_kind;                 // of this pass
    uint32_t *reaches;                  // by matches
    const KernelCompare *compare;
    int32_t position_group; // whose positions are at hand
    // The reference evaluator over the block.
    Arena *table_arena;       // emptied by a new block
    const EventTable *table;  // NULL until asked for
    bool is_table_full;       // not only what slow leaves read
    const RowOrigin *origins; // by row of the table
    Work *reference;
    Work *boxed; // a reference that is given the values of arguments
    EventTable boxed_table;
    Str *customer_ids; // of the block; made with the first
    bool has_customer_ids;
    uint64_t boxed_first_row[LANE_COUNT_MAX + 1]; // no rows
    Lanes **slow_lanes;                           // by Kernel.slow_nodes
    // Of blocks at several nows: their slow leaves at `ahead_count` nows from `ahead_from` on.
    const int64_t *nows_us; // NULL: a now at a time
    size_t now_count, now_index;
    size_t ahead_from, ahead_count;
    Value *ahead;     // [(now * slow_count + leaf) * LANE_COUNT_MAX + lane]
    KretsError error; // of a hook
    int code;
    // The answer.
    uint64_t *segment_bits;         // [segment * LANE_WORDS]
    const uint64_t **segment_masks; // [block * segment_count + segment]
    TableColumn *block_metrics;     // [block * (metric_count + 1) + metric]
    // One more than there are metrics: the last is the model's `value`.
    void **metric_values; // room for LANE_COUNT_MAX
    uint8_t **metric_valid;
};

// kernel_block.c
// `is_keeping`: the matches of all selections are kept for more nows of the same block.
int engine_kernel_work_make(const KernelBinding *binding, size_t memory_bytes, bool is_keeping,
                            KernelWork **ret_work, KretsError *error);
// Begins up to KERNEL_BLOCKS_MAX blocks that are already in work->blocks, all but the last full.
void engine_kernel_begin(KernelWork *work, uint32_t block_count);
// Evaluates them at a now; then the answer of each can be had.
int engine_kernel_at(KernelWork *work, int64_t now_us, KretsError *error);
KernelAnswer engine_kernel_answer(KernelWork *work, uint32_t block);

// kernel_match.c
size_t engine_kernel_slot_count(const KernelWork *work);
const Matches *engine_kernel_matches(KernelWork *work, int32_t selection, int32_t *ret_count);
void engine_kernel_matches_room(Matches *matches, uint32_t count);
void engine_kernel_matches_free(Matches *matches);
const BlockColumn *engine_kernel_column(const KernelWork *work, const Block *block, int32_t stream,
                                        int32_t property);

// kernel_row.c: expressions over rows of events.
// Whether an expression of an event is one that lanes of rows can answer.
bool engine_kernel_is_row_node(const Plan *plan, NodeId id);
int engine_kernel_rows_new(KernelWork *work, KretsError *error);
void engine_kernel_rows_free(KernelRows *rows);
// The node of matches [low, low + count), at most LANE_COUNT_MAX, as lanes that are valid until the
// next call; NULL: work->code tells why.
const Lanes *engine_kernel_row_lanes(KernelWork *work, const Matches *matches, uint32_t low,
                                     uint32_t count, NodeId id);

// kernel_window.c
void engine_kernel_all_lanes(const KernelWork *work, uint64_t *ret_lanes);
void engine_kernel_zones(KernelWork *work);
// By window, and the order of each pass's features.
const BoundsEntry *engine_kernel_bounds(KernelWork *work, int32_t group);
// Positions [*ret_from, *ret_to) of the rows of a stream inside a shared or zoned window, by the
// bounds of the zone group at hand (a new position_stamp).
// Rows of the stream with a time <= us.
uint32_t engine_kernel_rows_until(const BlockTime *time, const BlockStream *stream, int64_t us);
void engine_kernel_positions(KernelWork *work, const Bounds *bounds, int32_t window,
                             const Matches *matches, uint32_t *ret_from, uint32_t *ret_to);
// The first tick at or after us; all are at least 1.
uint32_t engine_kernel_tick(const BlockTime *time, int64_t us);
uint64_t engine_kernel_order(const BlockStream *stream, uint32_t row);
// A window of any kind as work->lane_from and lane_to; customers without an anchor are left out of
// `ret_valid`.
void engine_kernel_bound_lanes(KernelWork *work, int32_t window, uint64_t *ret_valid);
// Matches inside a window with bounds by lane; customers without an anchor are left out of
// `ret_valid`.
const Matches *engine_kernel_lane_matches(KernelWork *work, int32_t selection, int32_t window,
                                          int32_t *ret_count, uint64_t *ret_valid);

// Lanes in use, in whole words: what comparisons read.
static inline size_t engine_kernel_lanes_compared(const KernelWork *work) {
    return ((size_t)work->lane_count + 63) / 64 * 64;
}

// kernel_add.c: what a pass adds up.
typedef struct Linear { // the value of a code is base + scale * code
    int64_t base, scale;
    uint64_t size_max; // of any value
} Linear;
bool engine_kernel_linear(const BlockColumn *column, ValueType type, Linear *ret_linear);
void engine_kernel_add_begin(KernelWork *work, const Pass *pass, const Matches *matches,
                             int32_t count);
// Adds matches [low, high) of a stream.
void engine_kernel_add(KernelWork *work, const Pass *pass, const Matches *matches, uint32_t low,
                       uint32_t high);

// Before what was added is put: counts of what was marked.
void engine_kernel_add_settle(KernelWork *work, const Pass *pass);

// kernel_add_row.c: the same where pass->value is evaluated by row.
void engine_kernel_add_row_begin(KernelWork *work, const Pass *pass);
void engine_kernel_add_rows(KernelWork *work, const Pass *pass, const Matches *matches,
                            uint32_t low, uint32_t high);
void engine_kernel_add_row_settle(KernelWork *work, const Pass *pass);
// Whether the loop meets the events of a customer in their order, where it matters.
bool engine_kernel_add_row_fits(const Pass *pass, const Matches *matches, int32_t count,
                                ValueType type);

// kernel_put.c: from there into the lanes.
typedef struct Target {
    KernelWork *work;
    const uint64_t *lanes; // that the result is for
    const uint64_t *valid; // lanes with a result; others are null
    bool is_first;         // nothing was put for other lanes yet
    // Of `last`, by block: rows, or ticks, that are earlier are outside of the window.
    uint32_t from[KERNEL_BLOCKS_MAX];
} Target;
void engine_kernel_put(const Target *target, const Feature *feature);

// kernel_pass.c
void engine_kernel_pass(KernelWork *work, const Pass *pass);
// kernel_sequence.c
// Plans a sequence, or leaves it to the reference.
void engine_kernel_add_sequence(Kernel *kernel, NodeId id);
SequenceRoom *engine_kernel_sequence_room(const KernelBinding *binding);
void engine_kernel_sequence_done(SequenceRoom *room);
void engine_kernel_sequence(KernelWork *work, const KernelSequence *sequence, Lanes *ret_lanes);
// kernel_trait.c
void engine_kernel_trait(KernelWork *work, int32_t trait, Lanes *ret_lanes);

// kernel_slow.c
void engine_kernel_leaves(KernelWork *work); // all slow leaves, a customer at a time
int engine_kernel_leaf(void *context, LaneFrame *frame, NodeId id, Lanes *ret_lanes);
Value engine_kernel_boxed(void *context, LaneFrame *frame, NodeId id, uint32_t lane);
// Gives an evaluator the zone, country and now of a lane's customer.
void engine_kernel_box(const KernelWork *work, Work *boxed, uint32_t lane);
// The node's values by the reference evaluator.
void engine_kernel_slow(KernelWork *work, NodeId id, Lanes *ret_lanes);
// Places of the event that an anchor picks, by the reference evaluator.
void engine_kernel_slow_places(KernelWork *work, const Feature *feature);
void engine_kernel_fail(KernelWork *work, int code);

// kernel_table.c
int engine_kernel_table(Arena *arena, const KernelBinding *binding, const Block *blocks,
                        uint32_t block_count, const KernelNeeds *needs,
                        const EventTable **ret_table, const RowOrigin **ret_origins,
                        KretsError *error);

#define BIT_GET(words, i) (((words)[(i) / 64] >> ((i) % 64)) & 1)
#define BIT_SET(words, i) ((words)[(i) / 64] |= UINT64_C(1) << ((i) % 64))

#endif
