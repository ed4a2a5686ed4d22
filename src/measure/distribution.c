#include "measure/distribution.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/map.h"

const double measure_distribution_shares[MEASURE_DISTRIBUTION_QUANTILE_COUNT] = {0.05, 0.25, 0.5,
                                                                                 0.75, 0.95, 0.99};

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double measure_distribution_quantile(const double *sorted, size_t count, double p) {
    assert(count > 0 && p >= 0 && p <= 1);
    double h = p * (double)(count - 1);
    size_t low = (size_t)h;
    size_t high = low + 1 < count ? low + 1 : low;
    double f = h - (double)low, a = sorted[low], b = sorted[high];
    return f < 0.5 ? a + (b - a) * f : b - (b - a) * (1 - f);
}

double measure_distribution_number(Value value) {
    switch (value.type) {
    case VALUE_DECIMAL:
        return data_value_decimal_number(value.decimal);
    case VALUE_NUMBER:
        return value.number;
    case VALUE_DATE:
        return value.date;
    case VALUE_DURATION:
        return (double)value.duration.us;
    default:
        return (double)value.integer; // integer, time
    }
}

static bool is_numeric(ValueType type) {
    return type == VALUE_INTEGER || type == VALUE_DECIMAL || type == VALUE_NUMBER ||
           type == VALUE_TIME || type == VALUE_DATE || type == VALUE_DURATION;
}

// 1, 2 or 5 times a power of ten, not below `width`; whole for whole values.
static double round_width(double width, bool is_whole) {
    double power = pow(10, floor(log10(width)));
    double nice = power;
    static const double steps[] = {1, 2, 5, 10};
    for (size_t i = 0; i < 4; i++) {
        nice = steps[i] * power;
        if (nice >= width * (1 - 1e-9))
            break;
    }
    return is_whole && nice < 1 ? 1 : nice;
}

static void fill_bins(Arena *arena, const double *sorted, size_t count, bool is_whole,
                      Distribution *result) {
    double low = sorted[0], high = measure_distribution_quantile(sorted, count, 0.99);
    DistributionBin *bins =
        base_arena_alloc_array(arena, MEASURE_DISTRIBUTION_BIN_MAX + 2, sizeof *bins);
    result->bins = bins;
    if (high <= low) {
        bins[0] = (DistributionBin){low, sorted[count - 1], count};
        result->bin_count = 1;
        return;
    }
    double width = round_width((high - low) / (MEASURE_DISTRIBUTION_BIN_MAX - 6), is_whole);
    double from = floor(low / width) * width;
    size_t count_of_bins = 0, at = 0;
    while (at < count && count_of_bins < MEASURE_DISTRIBUTION_BIN_MAX) {
        DistributionBin *bin = &bins[count_of_bins];
        *bin = (DistributionBin){from + (double)count_of_bins * width,
                                 from + (double)(count_of_bins + 1) * width, 0};
        if (bin->from > high)
            break;
        for (; at < count && sorted[at] < bin->to; at++)
            bin->count++;
        count_of_bins++;
    }
    if (at < count) // the rest, beyond the 99th percentile
        bins[count_of_bins] =
            (DistributionBin){from + (double)count_of_bins * width, sorted[count - 1], count - at};
    result->bin_count = count_of_bins + (at < count);
}

size_t measure_distribution_sorted(Arena *arena, const TableColumn *column, size_t row_count,
                                   const double **ret_sorted) {
    double *sorted = base_arena_alloc_array(arena, row_count + 1, sizeof *sorted);
    size_t count = 0;
    for (size_t row = 0; row < row_count; row++) {
        Value value = data_table_value(column, row);
        if (!value.is_null)
            sorted[count++] = measure_distribution_number(value);
    }
    qsort(sorted, count, sizeof *sorted, ascending);
    *ret_sorted = sorted;
    return count;
}

static void measure_numbers(Arena *arena, const TableColumn *column, size_t row_count,
                            Distribution *result) {
    const double *sorted = NULL;
    size_t count = measure_distribution_sorted(arena, column, row_count, &sorted);
    if (count == 0)
        return;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += sorted[i];
        result->distinct += i == 0 || sorted[i] != sorted[i - 1];
    }
    result->min = sorted[0];
    result->max = sorted[count - 1];
    result->mean = sum / (double)count;
    for (size_t q = 0; q < MEASURE_DISTRIBUTION_QUANTILE_COUNT; q++)
        result->quantiles[q] =
            measure_distribution_quantile(sorted, count, measure_distribution_shares[q]);
    fill_bins(arena, sorted, count, column->type != VALUE_DECIMAL && column->type != VALUE_NUMBER,
              result);
}

static int by_count(const void *a, const void *b) {
    const DistributionTop *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return base_str_compare(x->value, y->value);
}

static void measure_texts(Arena *arena, const TableColumn *column, size_t row_count,
                          Distribution *result) {
    BASE_MAP_SCOPED places = base_map_new();
    DistributionTop *top = base_arena_alloc_array(arena, row_count + 1, sizeof *top);
    size_t count = 0;
    BASE_TEXT_SCOPED text = {0};
    for (size_t row = 0; row < row_count; row++) {
        Value value = data_table_value(column, row);
        if (value.is_null)
            continue;
        base_text_clear(&text);
        data_value_format(&text, value);
        uint64_t place = 0;
        if (!base_map_get(places, base_text_str(&text), &place)) {
            place = count;
            base_map_put(places, base_text_str(&text), place);
            top[count++].value = base_arena_str(arena, base_text_str(&text));
        }
        top[place].count++;
    }
    qsort(top, count, sizeof *top, by_count);
    result->distinct = count;
    result->top = top;
    result->top_count = count < MEASURE_DISTRIBUTION_TOP_MAX ? count : MEASURE_DISTRIBUTION_TOP_MAX;
}

void measure_distribution(Arena *arena, const TableColumn *column, size_t row_count,
                          Distribution *ret_distribution) {
    Distribution result = {.is_numeric = is_numeric(column->type)};
    for (size_t row = 0; row < row_count; row++)
        result.count += !data_table_value(column, row).is_null;
    result.nulls = row_count - result.count;
    if (result.is_numeric)
        measure_numbers(arena, column, row_count, &result);
    else if (column->type != VALUE_NULL)
        measure_texts(arena, column, row_count, &result);
    *ret_distribution = result;
}
