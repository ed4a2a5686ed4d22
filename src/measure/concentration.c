#include "measure/concentration.h"

#include <math.h>
#include <stdlib.h>

static int descending(const void *a, const void *b) {
    __int128 x = *(const __int128 *)a, y = *(const __int128 *)b;
    return x > y ? -1 : x < y;
}

static double gini(const __int128 *money, size_t count, __int128 total) {
    if (money[count - 1] < 0)
        return NAN;
    double weighted = 0;
    for (size_t i = 0; i < count; i++) { // descending, so the weights are negated
        double weight = (double)count + 1 - 2 * (double)(i + 1);
        weighted += weight * (double)money[i];
    }
    return weighted / ((double)count * (double)total);
}

static void fill_top(const __int128 *sums, size_t count, Concentration *result) {
    static const double shares[MEASURE_CONCENTRATION_TOP_COUNT] = {0.01, 0.05, 0.1, 0.2, 0.5};
    static const size_t parts[MEASURE_CONCENTRATION_TOP_COUNT] = {100, 20, 10, 5, 2};
    for (size_t t = 0; t < MEASURE_CONCENTRATION_TOP_COUNT; t++) {
        size_t customers = (count + parts[t] - 1) / parts[t];
        result->top[t] =
            (ConcentrationTop){.share = shares[t],
                               .customers = customers,
                               .money = sums[customers],
                               .value_share = (double)sums[customers] / (double)sums[count]};
    }
}

static size_t half_customers(const __int128 *sums, size_t count) {
    size_t customers = 0;
    while (customers < count && sums[customers] * 2 < sums[count])
        customers++;
    return customers;
}

static void fill_points(Arena *arena, const __int128 *sums, size_t count, Concentration *result) {
    size_t steps =
        count < MEASURE_CONCENTRATION_POINT_MAX - 1 ? count : MEASURE_CONCENTRATION_POINT_MAX - 1;
    ConcentrationPoint *points = base_arena_alloc_array(arena, steps + 1, sizeof *points);
    for (size_t i = 0; i <= steps; i++) {
        size_t customers = count * i / steps;
        points[i] = (ConcentrationPoint){(double)customers / (double)count,
                                         (double)sums[customers] / (double)sums[count]};
    }
    result->points = points;
    result->point_count = steps + 1;
}

bool measure_concentration(Arena *arena, __int128 *money, size_t count,
                           Concentration *ret_concentration) {
    if (count == 0)
        return false;
    qsort(money, count, sizeof *money, descending);
    __int128 *sums = base_arena_alloc_array(arena, count + 1, sizeof *sums);
    Concentration result = {0};
    for (size_t i = 0; i < count; i++) {
        sums[i + 1] = sums[i] + money[i];
        result.without_value += money[i] == 0;
    }
    if (sums[count] <= 0)
        return false;
    fill_points(arena, sums, count, &result);
    fill_top(sums, count, &result);
    result.half = (double)half_customers(sums, count) / (double)count;
    result.gini = gini(money, count, sums[count]);
    *ret_concentration = result;
    return true;
}
