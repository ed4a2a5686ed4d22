// The RFM grid: customers by recency and frequency in equal tiles.
#ifndef KRETS_MEASURE_RFM_H
#define KRETS_MEASURE_RFM_H

#include "data/table.h"

enum { MEASURE_RFM_TILES = 5 };

typedef struct RfmCell {
    uint64_t customers;
    __int128 money;
} RfmCell;

// Tiles as ntile(x, 5) of the language makes them: tile k is the smallest with x <= bounds[k - 1],
// the bounds are type 7 quantiles (Hyndman and Fan 1996); recency tile 1 is the most recent.
typedef struct Rfm {
    double recency_bounds[MEASURE_RFM_TILES - 1], frequency_bounds[MEASURE_RFM_TILES - 1];
    double recency_min, recency_max, frequency_min, frequency_max;
    uint64_t customers;                                  // where both are not null
    RfmCell cells[MEASURE_RFM_TILES][MEASURE_RFM_TILES]; // [recency - 1][frequency - 1]
} Rfm;

// `money` in 1/10000, one per customer. Both columns numeric. False when nobody has both metrics.
bool measure_rfm(Arena *arena, const TableColumn *recency, const TableColumn *frequency,
                 const __int128 *money, size_t customer_count, Rfm *ret_rfm);

#endif
