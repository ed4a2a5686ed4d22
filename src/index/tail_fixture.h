// Events that come to an index bit by bit, and what every customer must read as then. Needs a
// cmocka test around it.
#ifndef KRETS_INDEX_TAIL_FIXTURE_H
#define KRETS_INDEX_TAIL_FIXTURE_H

#include "index/index_fixture.h"

enum {
    TAIL_WORLD_TYPES = 8,
    TAIL_WORLD_TYPES_KNOWN = 5, // of the first index
    TAIL_WORLD_COLUMNS = 9,
    TAIL_WORLD_CUSTOMERS_MAX = 600
};

typedef struct WorldEvent {
    uint32_t customer;
    int type;
    bool is_any;
    int64_t time_us;
    Value values[TAIL_WORLD_COLUMNS];
    bool is_unknown;                  // it came when nobody knew its type
    bool is_held[TAIL_WORLD_COLUMNS]; // the index or tail had the column when it came
} WorldEvent;

typedef struct TailWorld {
    Arena *arena;
    uint64_t state;
    WorldEvent *events;
    uint32_t event_count, customer_count, partition_count;
    Str ids[TAIL_WORLD_CUSTOMERS_MAX], types[TAIL_WORLD_TYPES], columns[TAIL_WORLD_COLUMNS];
    bool is_known[TAIL_WORLD_TYPES], is_wanted[TAIL_WORLD_TYPES][TAIL_WORLD_COLUMNS];
    bool has_type[TAIL_WORLD_TYPES],
        has_column[TAIL_WORLD_TYPES][TAIL_WORLD_COLUMNS]; // new ones in the tail
    int style[TAIL_WORLD_COLUMNS];
    int64_t unit_us;
} TailWorld;

// Which streams and columns are asked for.
typedef struct TailAsked {
    bool types[TAIL_WORLD_TYPES + 1][2], columns[TAIL_WORLD_COLUMNS];
} TailAsked;

uint64_t tail_world_below(TailWorld *world, uint64_t count); // a random number
void tail_world_make(TailWorld *world, uint64_t seed, uint32_t customers_max, uint32_t events_max);
void tail_world_event(TailWorld *world, WorldEvent *event); // a random one

// An index of the first `count` events.
Index *tail_world_build(TailWorld *world, uint32_t count, Str directory);
void tail_world_append(TailWorld *world, IndexTail *tail, uint32_t begin, uint32_t end);
// What the tail brought is part of the index now.
void tail_world_note_fold(TailWorld *world);
// Events that the tail took before a fold and has again after it.
void tail_world_note_again(TailWorld *world, uint32_t begin, uint32_t end);

TailAsked tail_world_ask(TailWorld *world, bool is_all); // else a random part
BlockNeeds tail_world_needs(const TailWorld *world, const BlockSource *source,
                            const TailAsked *asked, Arena *arena);
// What a block says of a customer.
void tail_world_read(const BlockSource *source, const Block *block, uint32_t lane, Text *out);
// The source against the first `end` events: all blocks, and some customers by themselves.
void tail_world_compare(TailWorld *world, uint32_t end, const BlockSource *source,
                        const TailAsked *asked);
// Numbers of texts are dense and no text has two.
void tail_world_compare_texts(const BlockSource *source);

#endif
