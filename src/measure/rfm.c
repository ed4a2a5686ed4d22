#include "measure/rfm.h"

#include <string.h>

#include "measure/distribution.h"

// The tiles' bounds; gives the count of not-null values.
static size_t fit(Arena *arena, const TableColumn *column, size_t count, double *ret_bounds,
                  double *ret_min, double *ret_max) {
    const double *sorted = NULL;
    size_t known = measure_distribution_sorted(arena, column, count, &sorted);
    if (known == 0)
        return 0;
    for (int k = 1; k < MEASURE_RFM_TILES; k++)
        ret_bounds[k - 1] =
            measure_distribution_quantile(sorted, known, (double)k / MEASURE_RFM_TILES);
    *ret_min = sorted[0];
    *ret_max = sorted[known - 1];
    return known;
}

static int tile_of(double x, const double *bounds) {
    int tile = 0;
    while (tile < MEASURE_RFM_TILES - 1 && x > bounds[tile])
        tile++;
    return tile;
}

bool measure_rfm(Arena *arena, const TableColumn *recency, const TableColumn *frequency,
                 const __int128 *money, size_t customer_count, Rfm *ret_rfm) {
    Rfm rfm;
    memset(&rfm, 0, sizeof rfm);
    if (fit(arena, recency, customer_count, rfm.recency_bounds, &rfm.recency_min,
            &rfm.recency_max) == 0 ||
        fit(arena, frequency, customer_count, rfm.frequency_bounds, &rfm.frequency_min,
            &rfm.frequency_max) == 0)
        return false;
    for (size_t i = 0; i < customer_count; i++) {
        Value r = data_table_value(recency, i), f = data_table_value(frequency, i);
        if (r.is_null || f.is_null)
            continue;
        RfmCell *cell = &rfm.cells[tile_of(measure_distribution_number(r), rfm.recency_bounds)]
                                  [tile_of(measure_distribution_number(f), rfm.frequency_bounds)];
        cell->customers++;
        cell->money += money[i];
        rfm.customers++;
    }
    *ret_rfm = rfm;
    return rfm.customers > 0;
}
