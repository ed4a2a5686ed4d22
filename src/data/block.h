// Blocks: how the index hands events to the kernel.
//
// An index orders customers by dense 32-bit ordinals and cuts them into blocks of at most 256. The
// events of one (type, `any` flag) are a stream: a table of its own, its rows grouped by block and
// inside a block sorted by (time, arrival), whatever their customer. So a window that is the same
// for all customers of a block is a run of rows found by binary search, a filter is a loop over one
// code column, and a segment reads only the streams it names.
//
// Everything that a Block points to belongs to its source and stays as it is until the same thread
// asks its scratch for another block.
#ifndef KRETS_DATA_BLOCK_H
#define KRETS_DATA_BLOCK_H

#include <assert.h>
#include <stdbool.h>

#include "base/error.h"
#include "data/value.h"

#define BLOCK_CUSTOMER_MAX 256
#define BLOCK_WORDS                                                                                \
    (BLOCK_CUSTOMER_MAX / 64) // of a set of customers: bit i of word w is lane 64 w + i

// How the codes of a column become values. Code 0 is null, whatever the kind.
typedef enum BlockCodeKind {
    BLOCK_CODE_LINEAR, // boolean (base 0), integer, decimal, time, date: base + scale * (code - 1),
                       // scale > 0
    BLOCK_CODE_WHOLE,  // like LINEAR where the range does not fit in 64 bits: integers[code]
    BLOCK_CODE_NUMBER, // number: numbers[code]; codes are not in order of value
    BLOCK_CODE_DOUBLE, // number: width 8, the code is the bits of the double XOR BLOCK_DOUBLE_NULL
    BLOCK_CODE_TEXT,   // text: text number texts[code]; other codes have other texts
    BLOCK_CODE_LIST,   // list: items[first_item[code] .. first_item[code + 1]) are text numbers
} BlockCodeKind;

#define BLOCK_DOUBLE_NULL UINT64_C(0x7ff8000000000001) // a NaN: no value of a column
#define BLOCK_TEXT_NULL   UINT32_MAX                   // a null item of a list

typedef struct BlockCoding {
    uint32_t id; // dense in [0, BlockSource.coding_count): callers may keep tables by it
    BlockCodeKind kind;
    ValueType type;
    uint8_t width;       // bytes of a code: 1, 2, 4 or 8
    bool has_null;       // false: no code is 0
    uint64_t code_count; // codes are below (not DOUBLE)
    int64_t base, scale; // LINEAR
    const int64_t *integers;
    const double *numbers;
    const uint32_t *texts;
    const uint32_t *items;
    const uint64_t *first_item;
} BlockCoding;

typedef struct BlockColumn {
    const BlockCoding *coding; // NULL: the column was not asked for, or has no value in this source
    const void *codes;
} BlockColumn;

// us = base_us + tick * tick_us + rest. Tick 0 stands for CALENDAR_TIME_MIN; others are >= 1.
typedef struct BlockTime {
    int64_t base_us, tick_us;
} BlockTime;

// The rows of one stream in one block, ascending by (time, arrival).
typedef struct BlockStream {
    uint32_t count;
    uint8_t rest_width, tie_width; // bytes of an item of `rest` (2 or 4) and `tie` (1, 2 or 4)
    const uint8_t *customer;       // lane
    const uint32_t *tick;
    const void *rest; // microseconds beyond the tick; NULL: all 0. Read with data_block_rest().
    // Place among the rows of the same customer and time in all streams, ascending in arrival;
    // equal nowhere within a customer and time that more than one stream shares. NULL: all 0. When
    // it is NULL in all streams, no customer has events of two streams at one time. Read with
    // data_block_tie().
    const void *tie;
    const BlockColumn *columns; // in the order of BlockStreamInfo.columns
} BlockStream;

typedef struct Block {
    uint32_t number;
    uint32_t first_ordinal;
    uint32_t customer_count; // lanes in use, [0, customer_count)
    const BlockTime *time;
    const int64_t *first_us; // by lane: earliest event of all (CALENDAR_TIME_MIN: a timeless trait)
    const int64_t *first_any_us; // by lane: earliest `any` event; INT64_MAX without one
    const BlockStream *streams;  // in the order of BlockSource.streams; count 0 where not asked for
    uint32_t partition;          // text numbers are those of this partition
} Block;

typedef struct BlockColumnInfo {
    Str column; // as PlanColumn.column
    ValueType type;
} BlockColumnInfo;

typedef struct BlockStreamInfo {
    Str event;
    bool is_any; // its rows count as `any`
    uint64_t row_count;
    const BlockColumnInfo *columns;
    uint32_t column_count;
} BlockStreamInfo;

// What a caller will read: a byte per stream, and per stream a byte per column (may be NULL: none).
typedef struct BlockNeeds {
    const uint8_t *streams;
    const uint8_t *const *columns;
} BlockNeeds;

// Memory of one thread for blocks that must be put together (base and tail); made by the source.
typedef struct BlockScratch BlockScratch;

// Customers as blocks. All functions may be called by many threads at once, each with its scratch.
typedef struct BlockSource {
    void *context;
    uint32_t customer_count, block_count;
    uint32_t partition_count;
    const BlockStreamInfo *streams;
    uint32_t stream_count;
    uint32_t coding_count;
    BlockScratch *(*scratch_new)(void *context);
    void (*scratch_free)(BlockScratch *scratch);
    // Block `number` in [0, block_count).
    int (*block)(void *context, BlockScratch *scratch, uint32_t number, const BlockNeeds *needs,
                 Block *ret_block, KretsError *error);
    // One customer as a block with one lane (lane 0).
    int (*customer)(void *context, BlockScratch *scratch, uint32_t ordinal, const BlockNeeds *needs,
                    Block *ret_block, KretsError *error);
    Str (*customer_id)(void *context, uint32_t ordinal);
    // The text of a number; numbers of a partition are dense in [0, text_count(partition)), equal
    // texts have equal numbers.
    Str (*text)(void *context, uint32_t partition, uint32_t number);
    uint32_t (*text_count)(void *context, uint32_t partition);
} BlockSource;

static inline uint64_t data_block_code(const BlockCoding *coding, const void *codes, size_t row) {
    switch (coding->width) {
    case 1:
        return ((const uint8_t *)codes)[row];
    case 2:
        return ((const uint16_t *)codes)[row];
    case 4:
        return ((const uint32_t *)codes)[row];
    default:
        assert(coding->width == 8);
        return ((const uint64_t *)codes)[row];
    }
}

// The integer, decimal mantissa, time, date or boolean of a LINEAR code above 0.
static inline int64_t data_block_linear(const BlockCoding *coding, uint64_t code) {
    return (int64_t)((uint64_t)coding->base + (uint64_t)coding->scale * (code - 1));
}

// The same of a LINEAR or WHOLE code above 0, as a number and as a value.
static inline int64_t data_block_whole(const BlockCoding *coding, uint64_t code) {
    return coding->kind == BLOCK_CODE_WHOLE ? coding->integers[code]
                                            : data_block_linear(coding, code);
}
Value data_block_whole_value(const BlockCoding *coding, uint64_t code);

static inline uint32_t data_block_item(const void *items, uint8_t width, size_t row) {
    switch (width) {
    case 1:
        return ((const uint8_t *)items)[row];
    case 2:
        return ((const uint16_t *)items)[row];
    default:
        assert(width == 4);
        return ((const uint32_t *)items)[row];
    }
}

static inline uint32_t data_block_rest(const BlockStream *stream, size_t row) {
    return stream->rest == NULL ? 0 : data_block_item(stream->rest, stream->rest_width, row);
}

static inline uint32_t data_block_tie(const BlockStream *stream, size_t row) {
    return stream->tie == NULL ? 0 : data_block_item(stream->tie, stream->tie_width, row);
}

int64_t data_block_time(const BlockTime *time, const BlockStream *stream, size_t row);
// First row of the stream with a time >= `time_us` (with is_after: > time_us); at most `count`.
uint32_t data_block_row(const BlockTime *time, const BlockStream *stream, int64_t time_us,
                        bool is_after);

#endif
