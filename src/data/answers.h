// The answers of one evaluation: metrics and segments of the whole population at one instant.
#ifndef KRETS_DATA_ANSWERS_H
#define KRETS_DATA_ANSWERS_H

#include <roaring/roaring.h>

#include "data/table.h"

// Customers are in ascending order of their id's bytes; a customer's number is its position.
// Everything is owned by the arena that the answers were made in, but the bitmaps, which
// data_answers_done() frees.
typedef struct Answers {
    int64_t now_us;
    size_t customer_count;
    const Str *customer_ids;
    const TableColumn *metrics; // in the order of Plan.metrics
    size_t metric_count;
    TableColumn value;           // the model's `value`; type VALUE_NULL when it has none
    roaring_bitmap_t **segments; // members by customer number, in the order of Plan.segments
    size_t segment_count;
    uint64_t
        invalid_zone_count; // customers whose `timezone` trait names no zone: the model's is used
} Answers;

void data_answers_done(Answers *answers);

// The set of the bits of `words`: bit i of word w is customer 64 w + i, all below `customer_count`.
// In bulk: about a byte copied for each eight customers. Aborts when memory runs out.
roaring_bitmap_t *data_answers_members(const uint64_t *words, size_t customer_count);

#endif
