// Random tables of customers, indexes built of them, and the obvious check of one against the
// other.
#ifndef KRETS_INDEX_INDEX_FIXTURE_H
#define KRETS_INDEX_INDEX_FIXTURE_H

#include "index/index_private.h"

typedef struct CrowdShape {
    uint64_t seed;
    uint32_t customers, rows_max; // customers at most so many rows each
    uint32_t distinct;            // texts; 0: few
    bool is_random;               // counts are at most those above
    bool has_far_times;           // over all years, by the microsecond
    bool has_rare_ties;           // a few rows of one time; else many
} CrowdShape;

typedef struct Crowd Crowd;
Crowd *index_fixture_crowd(const CrowdShape *shape);
void index_fixture_free(Crowd *crowd);

// The index of all wanted columns, or of the first `wanted_count`; tables are cut in pieces.
IndexBuild index_fixture_spec(const Crowd *crowd, Str directory);
int index_fixture_fill(const Crowd *crowd, IndexBuilder *builder, uint64_t seed, KretsError *error);
// All of one partition.
int index_fixture_fill_partition(const Crowd *crowd, IndexBuilder *builder, uint32_t partition,
                                 uint64_t seed, KretsError *error);
uint32_t index_fixture_partitions(const Crowd *crowd);
int index_fixture_build(const Crowd *crowd, Str directory, Index **ret_index, KretsError *error);

// Everything that the index says against the tables; fails the test at the first difference. Needs
// a cmocka test around it.
void index_fixture_check(const Index *index, const Crowd *crowd);
// The same, but a negative return from a block is forwarded instead.
int index_fixture_compare(const Index *index, const Crowd *crowd, Text *difference,
                          KretsError *error);

uint64_t index_fixture_random(uint64_t *state);

#endif
