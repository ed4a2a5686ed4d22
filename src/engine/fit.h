// Fits of ntile, percentile and top: bounds over the whole population, fitted once, then only read.
#ifndef KRETS_ENGINE_FIT_H
#define KRETS_ENGINE_FIT_H

#include "base/error.h"
#include "data/table.h"
#include "lang/plan.h"

// ntile(x, n): bounds[k - 1] = q(k / n) for k = 1..n-1, numpy's default quantile (Hyndman and Fan
// 1996, type 7; h = p (count - 1), f = frac(h), f < .5 ? a + (b - a) f : b - (b - a)(1 - f)) of x
// as double over the customers of the population where x is not null and `where` is true.
// percentile(x): bounds are the distinct values ascending, cumulative[i] the count of values <= it.
// top(x, n): bounds[0] is the n-th largest x, equal ones counted singly; no bound where fewer than
// n customers were fitted: then every x is among them.
typedef struct FitBounds {
    FitKind kind;
    double *bounds;
    uint64_t *cumulative; // percentile only
    size_t bound_count;
    uint64_t customer_count; // that were fitted; 0: every tile, percentile and top is null
} FitBounds;

// In the order of Plan.fits. Owned by the arena it was made in.
typedef struct FitSet {
    FitBounds *fits;
    size_t count;
    int64_t now_us;
} FitSet;

// Collects and fits: for level 0, 1, ...: engine_fit_collect() for each table of customers (tables
// are disjoint), then engine_fit_level().
typedef struct FitBuilder FitBuilder;
FitBuilder *engine_fit_new(Arena *arena, const Plan *plan, int64_t now_us);
int32_t engine_fit_level_count(const FitBuilder *builder);
int engine_fit_collect(FitBuilder *builder, int32_t level, const EventTable *table,
                       unsigned threads, KretsError *error);
// In place of engine_fit_collect(), for who evaluates the fits' expressions otherwise: values of
// the x of a fit of the next level, for the rows of the column that are in `rows` (bit i of word w
// is row 64 w + i). One thread at a time.
int engine_fit_add(FitBuilder *builder, int32_t fit, const TableColumn *x, const uint64_t *rows,
                   size_t word_count, KretsError *error);
const FitSet *engine_fit_so_far(const FitBuilder *builder); // of the levels that are fitted
int engine_fit_level(FitBuilder *builder, int32_t level, KretsError *error);
const FitSet *engine_fit_done(FitBuilder *builder); // frees the builder; the set lives in the arena

// The artifact as JSON (key, kind, bounds written so that they read back to the same bits).
void engine_fit_write(Text *out, const Plan *plan, const FitSet *fits);
// Matches by Fit.key. BASE_E_USAGE names a fit that the artifact does not hold.
int engine_fit_read(Arena *arena, const Plan *plan, Str json, const FitSet **ret_fits,
                    KretsError *error);

#endif
