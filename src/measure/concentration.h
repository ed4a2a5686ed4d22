// How much of the value few customers bring: the Lorenz curve from the top.
#ifndef KRETS_MEASURE_CONCENTRATION_H
#define KRETS_MEASURE_CONCENTRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum { MEASURE_CONCENTRATION_POINT_MAX = 201, MEASURE_CONCENTRATION_TOP_COUNT = 5 };

typedef struct ConcentrationPoint {
    double customers; // share of the customers, highest value first
    double value;     // share of the value they bring
} ConcentrationPoint;

typedef struct ConcentrationTop {
    double share;       // 0.01, 0.05, 0.1, 0.2, 0.5
    uint64_t customers; // share x all, rounded up
    __int128 money;
    double value_share;
} ConcentrationTop;

typedef struct Concentration {
    const ConcentrationPoint *points; // from (0, 0) to (1, 1)
    size_t point_count;
    ConcentrationTop top[MEASURE_CONCENTRATION_TOP_COUNT];
    double half; // smallest share of the customers that brings half of the value
    // Gini coefficient, sum of (2 i - n - 1) x_i over n times the total, x ascending (Dixon et al.
    // 1987, eq. 1, without the small-sample factor); NAN when a value is negative.
    double gini;
    uint64_t without_value; // customers whose value is 0
} Concentration;

// `money` in 1/10000, one per customer; it is sorted in place, descending. Returns false when the
// total is not over 0: then there is no curve.
bool measure_concentration(Arena *arena, __int128 *money, size_t count,
                           Concentration *ret_concentration);

#endif
