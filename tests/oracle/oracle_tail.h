// A world cut at random into an index, a tail in pieces and folds between them.
#ifndef KRETS_TESTS_ORACLE_TAIL_H
#define KRETS_TESTS_ORACLE_TAIL_H

#include "data/block.h"
#include "oracle_random.h"

typedef struct OracleTail OracleTail;

// Holds all of the plan's columns. Events come in the order of their arrival. Fails the test when
// index or tail do. Texts are those of the world, which must outlive it.
OracleTail *oracle_tail_new(const World *world, const Plan *plan, Random *random);
void oracle_tail_free(OracleTail *tail);
const BlockSource *oracle_tail_source(const OracleTail *tail);

#endif
