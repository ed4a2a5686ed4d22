// The distribution of one metric over the customers.
#ifndef KRETS_MEASURE_DISTRIBUTION_H
#define KRETS_MEASURE_DISTRIBUTION_H

#include "data/table.h"

enum {
    MEASURE_DISTRIBUTION_QUANTILE_COUNT = 6,
    MEASURE_DISTRIBUTION_BIN_MAX = 30,
    MEASURE_DISTRIBUTION_TOP_MAX = 20
};

extern const double measure_distribution_shares[MEASURE_DISTRIBUTION_QUANTILE_COUNT];

typedef struct DistributionBin {
    double from, to; // [from, to); the last one closed
    uint64_t count;
} DistributionBin;

typedef struct DistributionTop {
    Str value;
    uint64_t count;
} DistributionTop;

// Numeric types, times (microseconds) and dates (days) have min, max, mean, quantiles and bins;
// text, boolean and list have the most frequent values.
typedef struct Distribution {
    uint64_t count, nulls, distinct;
    bool is_numeric;
    double min, max, mean;
    // Linear interpolation between order statistics (Hyndman and Fan 1996, type 7).
    double quantiles[MEASURE_DISTRIBUTION_QUANTILE_COUNT];
    const DistributionBin *bins; // equal width up to the 99th percentile; the last holds the rest
    size_t bin_count;
    const DistributionTop *top;
    size_t top_count;
} Distribution;

void measure_distribution(Arena *arena, const TableColumn *column, size_t row_count,
                          Distribution *ret_distribution);

// A value of a numeric type, time (microseconds), date (days) or duration as a number.
double measure_distribution_number(Value value);

// The not-null values of a column as numbers, ascending, in `arena`; gives their count.
size_t measure_distribution_sorted(Arena *arena, const TableColumn *column, size_t row_count,
                                   const double **ret_sorted);

// Type 7 quantile of ascending values; count > 0.
double measure_distribution_quantile(const double *sorted, size_t count, double p);

#endif
