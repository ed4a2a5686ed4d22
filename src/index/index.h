// The index: customer-sorted, memory-mapped, derived. Delete it and it comes back.
//
// An index is a folder of immutable files and a BlockSource over them. Customers are spread over
// partitions (the store's buckets); inside a partition they are in ascending order of their id's
// bytes; ordinals are dense over all. See data/block.h for how events lie.
#ifndef KRETS_INDEX_INDEX_H
#define KRETS_INDEX_INDEX_H

#include "base/arena.h"
#include "data/block.h"
#include "data/table.h"

typedef struct Index Index;

// What an index was made from: the history's state in words (the store's manifest). An index whose
// stamp is another one is outdated.
typedef struct IndexColumn {
    Str event;  // event type
    Str column; // as PlanColumn.column
    ValueType type;
} IndexColumn;

// --- building ---

// Events come as tables (data/table.h), one call a partition or several with ascending customers.
// Tables hold no null item of a list and no number that is not finite.
// `events` names the tables' event numbers, `columns` their columns; only the (event, column) pairs
// listed in `wanted` are kept. Partitions may be added by different threads at once.
typedef struct IndexBuilder IndexBuilder;
typedef struct IndexBuild {
    Str directory; // of the index; "" : in memory, without files
    Str stamp;
    uint32_t partition_count;
    const Str *events; // in the order of EventTable.event
    size_t event_count;
    const Str *columns; // in the order of EventTable.columns
    const ValueType *types;
    size_t column_count;
    const IndexColumn *wanted;
    size_t wanted_count;
    size_t memory_bytes;
    // The last so many partitions may have their customers in any order of ids (those that came
    // after the index was first built keep the ordinals they were given then).
    uint32_t unordered_count;
} IndexBuild;
int index_build_begin(const IndexBuild *build, IndexBuilder **ret_builder, KretsError *error);
// All customers of the partition that were not added yet, in order.
int index_build_add(IndexBuilder *builder, uint32_t partition, const EventTable *table,
                    KretsError *error);
// All tables of the partition were added: writes it and gives its memory back.
int index_build_partition_end(IndexBuilder *builder, uint32_t partition, KretsError *error);
// Ends the partitions that were not, and makes the index the folder's current one (rename); the old
// one's files are removed. An in-memory index lives until index_close(). Frees the builder, also
// when it fails.
int index_build_end(IndexBuilder *builder, Index **ret_index, KretsError *error);
void index_build_free(IndexBuilder *builder); // gives up; removes what was written

// Adds columns to the index in `directory` without touching what is there: the tables must hold the
// same events as when it was built, in the same order; rows are matched by place. Positive outcomes
// of index_open() when there is no such index (or `stamp` is another one, or a wanted event is not
// in it); INDEX_OUTDATED from index_build_partition_end() and index_build_end() when the tables
// hold other events. Then a new index is to be built.
int index_extend_begin(const IndexBuild *build, IndexBuilder **ret_builder, KretsError *error);

// --- opening ---

// Positive outcomes of index_open().
enum { INDEX_MISSING = 1, INDEX_OUTDATED, INDEX_DAMAGED, INDEX_NEWER };
// Maps the folder's current index. `stamp` "" : whatever it was made from. Checks the header of
// every file and, with is_thorough, all checksums. `reason` (may be NULL) says what is wrong.
int index_open(Str directory, Str stamp, bool is_thorough, Index **ret_index, Text *reason,
               KretsError *error);
void index_close(Index *index);
static inline void index_closep(Index **index) {
    index_close(*index);
}
#define INDEX_SCOPED __attribute__((cleanup(index_closep))) Index *

const BlockSource *index_source(const Index *index);
bool index_has_column(const Index *index, Str event, Str column, ValueType type);
bool index_has_event(const Index *index, Str event);

// --- customers ---

Str index_customer_id(const Index *index, uint32_t ordinal);
// True with the ordinal of the customer of that id.
bool index_customer_find(const Index *index, Str id, uint32_t *ret_ordinal);
// Ordinals of all customers in ascending order of their id's bytes.
const uint32_t *index_customers_sorted(const Index *index);

// --- tail: events after the index was built ---

// New events and customers, in memory. Arrivals of a tail are later than all of the index and grow
// with each call. `event` may be new: then all its values are kept; else a value of a column that
// the index does not hold for the event (the same name and type) is left out. New customers have
// the ordinals after those of the index, in the order in which they came, in a partition of their
// own. A snapshot is a BlockSource over index and tail as they were when it was taken; later
// appends do not change it, and it may outlive the tail. Taking one costs no look at the events.
// Appending and taking snapshots: one thread at a time; reading snapshots: any, also meanwhile.
typedef struct IndexValue {
    Str column;
    Value value;
} IndexValue;
typedef struct IndexEvent {
    Str customer, event;
    bool is_any;
    int64_t time_us;
    const IndexValue *values;
    size_t value_count;
} IndexEvent;
typedef struct IndexTail IndexTail;
IndexTail *index_tail_new(Index *index); // keeps a reference to the index
// All of the events or, on failure, none of them.
int index_tail_append(IndexTail *tail, const IndexEvent *events, size_t count, KretsError *error);
uint64_t index_tail_event_count(const IndexTail *tail);
uint64_t index_tail_bytes(const IndexTail *tail); // memory of the tail and its snapshots' rows
void index_tail_free(IndexTail *tail);

typedef struct IndexSnapshot IndexSnapshot;
IndexSnapshot *index_snapshot_new(const IndexTail *tail);
void index_snapshot_free(IndexSnapshot *snapshot);
const BlockSource *index_snapshot_source(const IndexSnapshot *snapshot);
uint64_t index_snapshot_event_count(const IndexSnapshot *snapshot); // of the tail
bool index_snapshot_find(const IndexSnapshot *snapshot, Str id, uint32_t *ret_ordinal);
// Writes index and snapshot together as a new index in the folder (in memory, if the index is).
// Safe beside readers of the old one and beside appending, so it may run in the background. The
// ordinals of all customers of the snapshot stay: new ones join the last partition. Fails when the
// folder is being built already.
int index_fold(const IndexSnapshot *snapshot, Str stamp, Index **ret_index, KretsError *error);
// A tail over the index that a snapshot of `tail` was folded into, with the events that were
// appended since; on the thread that appends. `tail` and its snapshots stay as they are.
int index_tail_rebase(const IndexTail *tail, const IndexSnapshot *snapshot, Index *index,
                      IndexTail **ret_tail, KretsError *error);

// --- for `krets doctor` ---

typedef struct IndexFacts {
    Str stamp;
    uint32_t version, partition_count, block_count, customer_count;
    uint64_t event_count;
    uint64_t file_bytes;
    uint64_t core_bytes;   // customers, times, places: what every model needs
    uint64_t column_bytes; // codes and dictionaries
    int64_t built_us;
} IndexFacts;
IndexFacts index_facts(const Index *index);

#endif
