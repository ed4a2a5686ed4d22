// Inside of the tail: rows that never change once they can be seen, and how a snapshot reads them.
//
// One thread appends; any number read. A customer's rows hang one before the other on an atomic
// head, newest first; a snapshot is the count of events at its time and leaves out rows that came
// later. Dictionaries only grow: a reader takes their count, then their place, and what lies below
// the count stays as it is. What a grown array leaves behind is kept until the tail and its last
// snapshot are gone.
#ifndef KRETS_INDEX_TAIL_PRIVATE_H
#define KRETS_INDEX_TAIL_PRIVATE_H

#include <pthread.h>

#include "index/index_private.h"

#define TAIL_EVENT_MAX (UINT32_C(1) << 31) // so that places among equal times fit in 32 bits

// --- items that stay where they are: level l has room for TAIL_LIST_FIRST << l of them ---

enum { TAIL_LIST_BITS = 4, TAIL_LIST_LEVELS = 28 };
typedef struct TailList {
    _Atomic(char *) levels[TAIL_LIST_LEVELS];
} TailList;

// NULL: there is no such item yet.
static inline void *index_list_at(const TailList *list, size_t item_bytes, uint32_t number) {
    uint64_t at = (uint64_t)number + (UINT64_C(1) << TAIL_LIST_BITS);
    unsigned bits = 63 - (unsigned)__builtin_clzll(at);
    char *level = atomic_load_explicit(&list->levels[bits - TAIL_LIST_BITS], memory_order_acquire);
    return level == NULL ? NULL : level + (at - (UINT64_C(1) << bits)) * item_bytes;
}
// The item, zeroed when it is new.
void *index_list_make(Arena *arena, TailList *list, size_t item_bytes, uint32_t number);

// --- rows ---

typedef struct TailRow TailRow;
struct TailRow {
    const TailRow *before; // of the same customer, the one that arrived before
    int64_t time_us;
    uint32_t arrival; // place among all events of the tail
    uint32_t stream;
    uint32_t column_count; // later columns are null
    // By column: an integer as it is, the code of anything else; then a bit each: not null.
    uint64_t values[];
};

static inline bool index_tail_has(const TailRow *row, uint32_t column) {
    return column < row->column_count &&
           (row->values[row->column_count + column / 64] >> (column % 64) & 1) != 0;
}

typedef struct TailBlock {
    _Atomic(const TailRow *) heads[BLOCK_CUSTOMER_MAX];
    atomic_uint_fast64_t lanes[BLOCK_WORDS]; // with a head
    Str *ids;                                // of new customers
} TailBlock;

// --- columns of a partition ---

typedef struct TailSlot {
    uint64_t key;
    uint32_t code; // 0: free
} TailSlot;

// One column's values in one partition. Codes of the index keep their meaning, new ones follow.
typedef struct TailColumn {
    atomic_bool has_value;        // all below is there
    BlockCodeKind kind;           // LINEAR: an integer of any range
    const BlockCoding *base;      // of the index; NULL: it has no value here
    atomic_int_fast64_t min, max; // LINEAR
    atomic_bool is_off;           // LINEAR: some value is not on the base's steps
    atomic_uint_fast64_t count;   // of codes
    _Atomic(void *) entries;      // as in BlockCoding: numbers, texts or first_item
    _Atomic(uint32_t *) items;    // LIST
    uint64_t entry_room, item_room;
    TailSlot *slots; // the tail's own codes by key
    uint64_t slot_count, slot_used;
} TailColumn;

typedef struct TailPartition {
    TailList columns; // TailColumn, by number of the column
    TailList texts;   // Str, after those of the index
    atomic_uint text_count;
    uint32_t base_text_count;
    IndexSlot *slots; // texts of index and tail by hash; made with the first text
    uint64_t slot_count;
} TailPartition;

// --- what is the same in all partitions ---

typedef struct TailStream {
    Str event;
    bool is_any, is_known; // is_known: the index says which columns there are
    uint64_t row_count;    // of the tail
    BlockColumnInfo *columns;
    uint32_t *numbers; // of the columns
    uint32_t column_count, column_room;
} TailStream;

typedef struct TailEvent {
    Str name;
    bool is_known;
    uint32_t streams[2]; // by is_any: 1 + the stream, 0: none yet
} TailEvent;

typedef struct TailTable {        // new customers by id
    uint64_t room;                // a power of two
    atomic_uint_fast64_t slots[]; // part of the hash << 32 | 1 + number
} TailTable;

// Shared by a tail and its snapshots.
typedef struct TailStore {
    atomic_uint references;
    Arena *arena; // of the thread that appends
    Index *index;
    atomic_uint_fast64_t bytes;
    uint32_t event_count, column_count;
    uint32_t customer_count;      // new ones
    _Atomic(TailBlock *) *blocks; // by block of the index
    TailList new_blocks;          // TailBlock, of new customers
    TailPartition *partitions;    // of the index, and that of new customers
    _Atomic(TailTable *) table;
    TailStream *streams; // those of the index come first
    uint32_t stream_count, stream_room;
    TailEvent *events;
    uint32_t name_count, name_room;
    Map *event_numbers; // names to places in `events`
} TailStore;

struct IndexTail {
    TailStore *store;
};

TailStore *index_store_ref(TailStore *store);
void index_store_unref(TailStore *store);
bool index_store_find(const TailStore *store, uint32_t customer_count, Str id,
                      uint32_t *ret_number);
Str index_store_text(const TailStore *store, uint32_t partition, uint32_t text);
static inline TailBlock *index_store_new_block(const TailStore *store, uint32_t block) {
    return index_list_at(&store->new_blocks, sizeof(TailBlock), block);
}

// The code of a value, added to what the partition has; integers are their own.
uint64_t index_tail_code(TailStore *store, uint32_t partition, uint32_t stream, uint32_t column,
                         Value value);

// --- snapshots ---

// How codes of the index become those of a merged block.
typedef enum RecodeKind {
    RECODE_SAME,   // the same numbers, perhaps wider
    RECODE_LINEAR, // step * (code - 1) + shift + 1
    RECODE_WHOLE   // by value
} RecodeKind;

typedef struct SnapshotColumn {
    const BlockCoding *coding; // NULL: no values in the partition
    BlockCoding own;
    const BlockCoding *base;
    RecodeKind recode;
    uint64_t step, shift;
} SnapshotColumn;

typedef struct SnapshotPartition {
    SnapshotColumn *columns; // by number
    uint32_t text_count;
} SnapshotPartition;

struct IndexSnapshot {
    BlockSource source;
    TailStore *store;
    Arena *arena;
    pthread_mutex_t lock; // of the arena while partitions are made
    uint32_t event_count, customer_count, column_count;
    uint64_t tail_rows;
    const uint32_t **numbers; // of columns, by stream
    _Atomic(SnapshotPartition *) *partitions;
};

// The partition's codings, made when the first block with new rows is asked for.
const SnapshotPartition *index_snapshot_partition(const IndexSnapshot *snapshot, uint32_t number);

// A row of the tail on its way into a block.
typedef struct TailPick {
    const TailRow *row;
    int64_t time_us;
    uint32_t stream;
    uint8_t lane;
} TailPick;

typedef struct TailScratch {
    BlockScratch *inner; // of the index
    void (*inner_free)(BlockScratch *scratch);
    BlockStream *streams;
    BlockColumn **columns;
    TailPick *picks;
    uint32_t pick_count, pick_room;
    uint32_t *places; // of picks among the rows of the index
    char *copies;
    size_t copy_bytes, copy_room;
    BlockTime time;
    int64_t first_us[BLOCK_CUSTOMER_MAX], first_any_us[BLOCK_CUSTOMER_MAX];
} TailScratch;

// Puts the picks into the block of the index, whose streams are those of scratch->streams (all
// picks have lanes and streams of the block).
void index_tail_merge(const IndexSnapshot *snapshot, TailScratch *scratch, const BlockNeeds *needs,
                      Block *block);

static inline int64_t index_linear_of(Value value) {
    return value.type == VALUE_BOOLEAN ? value.boolean
           : value.type == VALUE_DATE  ? value.date
                                       : value.integer;
}

#endif
