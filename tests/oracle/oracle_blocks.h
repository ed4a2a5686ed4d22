// Blocks made from a table in the plainest way: the twin of the index.
#ifndef KRETS_TESTS_ORACLE_BLOCKS_H
#define KRETS_TESTS_ORACLE_BLOCKS_H

#include "base/arena.h"
#include "data/block.h"
#include "data/table.h"
#include "lang/plan.h"

// A source over the table, whose events and columns are the plan's. Lives in the arena. Blocks have
// at most `customers_a_block` customers, each block a partition of its own.
const BlockSource *oracle_blocks(Arena *arena, const Plan *plan, const EventTable *table,
                                 uint32_t customers_a_block);

#endif
