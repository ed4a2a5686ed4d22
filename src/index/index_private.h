// Inside of the index: its files, its parts in memory, and what builds them.
//
// A partition is two kinds of files: one `core` (customers, times, places) and one or more
// `columns` (codes, dictionaries, texts), each a frame of sections. One `customers` file maps ids
// to ordinals and one `roster` names the files that make up the index. See README.md.
#ifndef KRETS_INDEX_INDEX_PRIVATE_H
#define KRETS_INDEX_INDEX_PRIVATE_H

#include <stdatomic.h>

#include "base/map.h"
#include "index/index.h"

#define INDEX_VERSION     2u
#define INDEX_TEXT_NONE   UINT32_MAX
#define INDEX_STREAM_NONE UINT16_MAX
#define INDEX_TIE_NONE    UINT64_MAX // a block without ties

// --- memory of a build ---

// A budget shared by the threads of one build.
typedef struct IndexMemory {
    atomic_size_t used_bytes;
    size_t limit_bytes;
} IndexMemory;

// Bytes that grow; zero-initialise.
typedef struct IndexBuffer {
    char *data;
    size_t size_bytes, room_bytes;
} IndexBuffer;

// Room for `more_bytes` at the end, not yet counted in the size; NULL: the budget is exceeded.
void *index_buffer_reserve(IndexMemory *memory, IndexBuffer *buffer, size_t more_bytes);
bool index_buffer_append(IndexMemory *memory, IndexBuffer *buffer, const void *data, size_t size);
void index_buffer_done(IndexMemory *memory, IndexBuffer *buffer);
int index_memory_fail(const IndexMemory *memory, KretsError *error);

// --- interned texts and lists of one partition ---

typedef struct IndexSlot {
    uint32_t hash, number; // number + 1; 0: free
} IndexSlot;

typedef struct IndexPool {
    IndexBuffer bytes;   // of all items, one after the other
    IndexBuffer offsets; // uint64_t, count + 1 of them once something was added
    IndexBuffer slots;   // IndexSlot
    size_t slot_count;   // a power of two, or 0
    uint32_t count;
} IndexPool;

// The number of these bytes: that of equal ones, or the next. INDEX_TEXT_NONE: no memory.
uint32_t index_pool_add(IndexMemory *memory, IndexPool *pool, const void *data, size_t size);
void index_pool_done(IndexMemory *memory, IndexPool *pool);
static inline const uint64_t *index_pool_offsets(const IndexPool *pool) {
    return (const uint64_t *)(const void *)pool->offsets.data;
}

// --- frames: files of checksummed sections ---

typedef enum FrameKind { FRAME_ROSTER = 1, FRAME_CORE, FRAME_COLUMNS, FRAME_CUSTOMERS } FrameKind;

typedef struct FrameSection {
    uint64_t offset, size_bytes;
    uint64_t checksum;
    uint64_t is_rows; // checked block by block when it is first read, not when it is opened
} FrameSection;

// A frame in memory: a mapped file or, for an index without files, a buffer of its own.
typedef struct Frame {
    const uint8_t *data;
    size_t size_bytes;
    bool is_mapped;
    uint32_t section_count;
    const FrameSection *sections;
    uint64_t checksum; // of header and section table: names this very file
} Frame;

typedef struct FramePart {
    const void *data;
    size_t size_bytes;
    bool is_rows;
} FramePart;

typedef struct FrameName {
    FrameKind kind;
    uint64_t build_id;
    uint32_t partition;
} FrameName;

// Makes a frame of the parts: in a new, synced file at `path`, mapped again, or without a path in
// memory.
int index_frame_make(const char *path, FrameName name, const FramePart *parts, size_t count,
                     Frame *ret_frame, KretsError *error);
// Maps and checks a file: header, table, and the checksums of all sections but those of rows
// (is_thorough: of all). INDEX_MISSING, INDEX_DAMAGED, INDEX_NEWER with a reason.
int index_frame_open(const char *path, FrameName name, bool is_thorough, Frame *ret_frame,
                     Text *reason, KretsError *error);
void index_frame_close(Frame *frame);
uint64_t index_frame_build(const Frame *frame); // FrameName.build_id
// The bytes of a section and how many items of `item_bytes` they are.
const void *index_frame_section(const Frame *frame, uint32_t section, size_t item_bytes,
                                uint64_t *ret_count);
uint64_t index_checksum(const void *data, size_t size, uint64_t seed);

// --- what the files hold ---

enum { // sections of a core
    CORE_META,
    CORE_STREAMS, // CoreStream
    CORE_ID_OFFSETS,
    CORE_ID_BYTES,
    CORE_FIRST,
    CORE_FIRST_ANY, // empty: as CORE_FIRST
    CORE_FIXED_COUNT
};
enum { // and of each of its streams
    CORE_BLOCK_ROW,
    CORE_LANE,
    CORE_TICK,
    CORE_REST,
    CORE_TIE,     // of the blocks that have some
    CORE_TIE_ROW, // per block where its ties begin, or INDEX_TIE_NONE; empty: none has any
    CORE_CHECKS,  // per block
    CORE_STREAM_COUNT
};

typedef struct CoreMeta {
    uint64_t customer_count, row_count;
    int64_t base_us, tick_us;
} CoreMeta;

typedef struct CoreStream {
    uint64_t row_count;
    uint32_t event; // in the roster's events; roster.event_count: none of them
    uint8_t is_any, rest_width, tie_width, unused;
} CoreStream;

enum {            // sections of a file of columns
    COLUMNS_META, // ColumnRecord
    COLUMNS_TEXT_OFFSETS,
    COLUMNS_TEXT_BYTES,
    COLUMNS_FIXED_COUNT
};
enum { // and of each of its columns
    COLUMN_CODES,
    COLUMN_CHECKS,  // per block
    COLUMN_ENTRIES, // WHOLE: int64_t; NUMBER: double; TEXT: uint32_t; LIST: uint64_t, first items
    COLUMN_ITEMS,   // LIST: uint32_t
    COLUMN_SECTION_COUNT
};

typedef struct ColumnRecord {
    uint64_t code_count;
    int64_t base, scale;
    uint32_t wanted; // in the roster's list of columns
    uint8_t is_any;  // of the stream
    uint8_t kind, width, has_null;
} ColumnRecord;

enum { CUSTOMERS_SLOTS, CUSTOMERS_SORTED, CUSTOMERS_SECTION_COUNT };

// --- the roster: which files make up the index ---

typedef struct RosterFile {
    Str name; // in the folder
    FrameKind kind;
    uint32_t partition;
    uint64_t checksum;
} RosterFile;

typedef struct Roster {
    Arena *arena;
    uint64_t build_id, generation;
    int64_t built_us;
    Str stamp;
    uint32_t partition_count;
    Str *events;
    uint32_t event_count;
    IndexColumn *wanted;
    uint32_t wanted_count;
    RosterFile *files; // of all partitions, in no order but that columns come in order of age
    uint32_t file_count, file_room;
} Roster;

void index_roster_init(Roster *roster);
void index_roster_done(Roster *roster);
// A deep copy without its files.
void index_roster_copy(Roster *to, const Roster *from);
void index_roster_add_file(Roster *roster, RosterFile file);
// The number of an event; roster.event_count when there is none of that name.
uint32_t index_roster_event(const Roster *roster, Str event);
uint32_t index_roster_wanted(const Roster *roster, IndexColumn column); // or wanted_count
void index_roster_print(Text *out, const Roster *roster);
// INDEX_DAMAGED when the bytes are not a roster's.
int index_roster_parse(Str bytes, Roster *ret_roster);
// Makes the roster the folder's current one.
int index_roster_save(const Roster *roster, Str directory, KretsError *error);
int index_roster_load(Str directory, Roster *ret_roster, Text *reason, KretsError *error);
// Removes files of the folder that the roster (NULL: none) does not name.
int index_roster_sweep(const Roster *roster, Str directory, KretsError *error);

// --- an open index ---

typedef struct IndexColumnPart {
    BlockCoding coding; // code_count 0: no values in this partition
    const uint8_t *codes;
    const uint64_t *checks;
    atomic_uchar *is_checked; // by block; NULL: no need
} IndexColumnPart;

typedef struct IndexStreamPart {
    uint64_t row_count;
    const uint64_t *block_row; // rows of block b: [block_row[b], block_row[b + 1]); NULL: no rows
    const uint8_t *lane, *rest, *tie;
    const uint32_t *tick;
    const uint64_t *tie_row; // NULL: no ties
    uint8_t rest_width, tie_width;
    const uint64_t *checks;
    atomic_uchar *is_checked;
    IndexColumnPart *columns; // in the order of BlockStreamInfo.columns
} IndexStreamPart;

typedef struct IndexTexts {
    uint32_t first_number, count;
    const uint64_t *offsets; // count + 1
    const char *bytes;
} IndexTexts;

typedef struct IndexPartition {
    uint32_t first_ordinal, customer_count;
    uint32_t first_block, block_count;
    BlockTime time;
    const int64_t *first_us, *first_any_us; // by customer
    const uint32_t *id_offsets;
    const char *id_bytes;
    IndexStreamPart *streams; // in the order of BlockSource.streams
    IndexTexts *texts;        // pieces, by first_number
    uint32_t text_piece_count, text_count;
} IndexPartition;

struct Index {
    atomic_uint references;
    Arena *arena;
    Roster roster;
    Str directory; // "": without files
    Frame *frames;
    uint32_t frame_count;
    BlockSource source;
    IndexPartition *partitions;
    const IndexSlot *slots; // customers by hash
    uint64_t slot_count;
    const uint32_t *sorted;
    IndexFacts facts;
};

// Another owner of the index; each calls index_close().
Index *index_ref(Index *index);

// Makes an index of frames, one for each file of the roster; takes roster and frames in any case.
// INDEX_DAMAGED when they do not fit together.
int index_attach(Roster *roster, Frame *frames, Str directory, Index **ret_index, Text *reason);
void index_facts_set(Index *index);
// The parts of index_attach().
int index_attach_core(Index *index, uint32_t partition, const Frame *frame, Text *reason);
int index_attach_columns(Index *index, uint32_t partition, const Frame *frame, Text *reason);
int index_attach_customers(Index *index, const Frame *frame, Text *reason);

// The place of a stream (event in the roster) among those of the index; stream_count: none.
uint32_t index_stream_find(const Index *index, uint32_t event, bool is_any);

void index_source_init(Index *index); // functions of index->source

const IndexPartition *index_partition_of(const Index *index, uint32_t ordinal);
Str index_partition_id(const IndexPartition *partition, uint32_t customer);
Str index_partition_text(const IndexPartition *partition, uint32_t number);
uint64_t index_customer_hash(Str id);
// Makes the frame that maps ids to ordinals, for an index whose partitions are attached.
// `unordered_count` as in IndexBuild.
int index_customers_make(const Index *index, uint32_t unordered_count, const char *path,
                         Frame *ret_frame, KretsError *error);

// --- memory of one thread that reads blocks ---

struct BlockScratch {
    Arena *arena;
    BlockStream *streams;  // in the order of BlockSource.streams
    BlockColumn **columns; // their columns
    IndexMemory memory;
    IndexBuffer copies; // of one customer's rows
    IndexBuffer rows;   // uint32_t, of one customer in one stream's block
};

// The ties of a block; NULL: all 0.
static inline const uint8_t *index_stream_ties(const IndexStreamPart *stream, uint32_t block) {
    if (stream->tie_row == NULL || stream->tie_row[block] == INDEX_TIE_NONE)
        return NULL;
    return stream->tie + stream->tie_row[block] * stream->tie_width;
}

// Sum over a block's rows of a stream, as in the CORE_CHECKS.
uint64_t index_stream_check(const IndexStreamPart *stream, uint32_t block);

// --- building ---

// A number that is known to divide others: 0 for "no number yet".
typedef struct IndexDivisor {
    uint64_t value;
    uint64_t inverse, limit;
    unsigned shift;
} IndexDivisor;
IndexDivisor index_divisor(uint64_t value);
// How often the divisor goes into a number; UINT64_MAX unless that is exact (then never so many,
// save for 1 and UINT64_MAX).
static inline uint64_t index_divide(const IndexDivisor *divisor, uint64_t number) {
    uint64_t odd = number * divisor->inverse;
    return odd >> divisor->shift | (divisor->shift == 0 ? 0 : odd << (64 - divisor->shift));
}
static inline bool index_divides(const IndexDivisor *divisor, uint64_t number) {
    return index_divide(divisor, number) <= divisor->limit;
}
void index_divisor_narrow(IndexDivisor *divisor, uint64_t number); // so that it divides the number

typedef struct GatherColumn {
    uint32_t wanted; // in the roster
    uint32_t table_column;
    ValueType type;
    bool has_value, has_null;
    int64_t first, min, max;
    IndexDivisor divisor; // of all differences from `first`
    IndexBuffer values;   // int64_t; bits of a double; text or list number + 1 as uint32_t
    IndexBuffer valid;    // a byte a row, made with the first null of a LINEAR column
} GatherColumn;

typedef struct GatherStream {
    uint32_t event; // in the roster
    bool is_any;
    uint64_t row_count;
    IndexBuffer lane, time_us, block_row; // time: int64_t
    IndexBuffer tie, tie_row;             // tie: uint32_t; see CORE_TIE
    uint32_t tie_max;
    GatherColumn *columns;
    uint32_t column_count;
    uint32_t begin, count; // rows of the block at hand, in Gather.place
} GatherStream;

// The last texts seen, by where they lie.
enum { GATHER_SEEN_COUNT = 4096 };
typedef struct GatherSeen {
    const char *data;
    size_t size_bytes;
    uint64_t epoch;
    uint32_t number;
} GatherSeen;

typedef struct Carry Carry;

// A partition as it is being gathered.
typedef struct Gather {
    IndexMemory *memory;
    const IndexBuild *build;
    const Roster *roster;
    bool is_unordered;     // customers come in any order of ids
    uint32_t first_wanted; // columns before it are in the index already
    Arena *arena;
    IndexBuffer ids, id_offsets, first_us, first_any_us;
    uint32_t customer_count, block_count;
    uint64_t row_count;
    bool has_time;
    int64_t time_first_us, time_min_us, time_max_us;
    IndexDivisor time_divisor;
    uint16_t (*stream_of)[2]; // [event of the table][is_any]; the last one: of unknown events
    uint8_t *is_event_known;  // by event of the table: it is in the roster
    GatherStream *streams;
    uint32_t stream_count;
    IndexPool texts, lists;
    uint32_t text_known; // texts that the index has already
    GatherSeen *seen;
    uint64_t epoch;
    Carry *carry; // customers of a block that is not full yet
    // Of the block at hand, by row: stream, lane, place among equal times; then rows in order.
    IndexBuffer row_stream, row_lane, row_tie, order, order_swap, place;
    bool has_ties;
    IndexBuffer items; // of one list
} Gather;

int index_gather_new(const IndexBuild *build, const Roster *roster, uint32_t first_wanted,
                     IndexMemory *memory, Gather **ret_gather, KretsError *error);
void index_gather_free(Gather *gather);
// Customers of the table, in full blocks; what is left waits for the next table or the end.
int index_gather_add(Gather *gather, const EventTable *table, KretsError *error);
int index_gather_end(Gather *gather, KretsError *error);
// Values of the block's rows of one stream, whose places are known; false: no memory.
bool index_gather_columns(Gather *gather, GatherStream *stream, const EventTable *table,
                          uint64_t first_row);
// Puts (key << row_bits | row) in ascending order; `swap` has the same room. The result is in
// either of the two.
uint64_t *index_sort(uint64_t *items, uint64_t *swap, size_t count, unsigned row_bits,
                     unsigned key_bits);

// Copies of customers until there are enough for a block.
Carry *index_carry_new(IndexMemory *memory, const IndexBuild *build);
void index_carry_free(Carry *carry);
bool index_carry_add(Carry *carry, const EventTable *table, size_t begin, size_t end);
size_t index_carry_count(const Carry *carry);
const EventTable *index_carry_table(Carry *carry);
void index_carry_clear(Carry *carry);

// The two frames of a gathered partition; its buffers are used up. Paths NULL: in memory.
int index_encode_core(Gather *gather, uint32_t partition, const char *path, Frame *ret_frame,
                      KretsError *error);
int index_encode_columns(Gather *gather, uint32_t partition, const char *path, Frame *ret_frame,
                         KretsError *error);

// Adding columns: texts of the index keep their numbers; whether the events are the same ones.
bool index_extend_texts(Gather *gather, const IndexPartition *partition);
bool index_extend_matches(const Gather *gather, const Index *index, uint32_t partition);

#endif
