// How many customers segments share.
#ifndef KRETS_MEASURE_OVERLAP_H
#define KRETS_MEASURE_OVERLAP_H

#include "data/answers.h"

enum { MEASURE_OVERLAP_SEGMENT_MAX = 200 };

// counts[i * (i + 1) / 2 + j], j <= i: customers in both chosen[i] and chosen[j]; the diagonal is
// the segment's size. When there are more than MEASURE_OVERLAP_SEGMENT_MAX segments the largest are
// chosen (ties: the earlier one); they stay in the order of the model.
typedef struct Overlap {
    const size_t *chosen; // indices into Answers.segments
    size_t count;
    const uint64_t *counts;
} Overlap;

void measure_overlap(Arena *arena, const Answers *answers, Overlap *ret_overlap);

#endif
