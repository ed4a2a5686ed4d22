// `krets run`: import what is new, fit, evaluate, write the results and the report.
#ifndef KRETS_APP_RUN_H
#define KRETS_APP_RUN_H

#include "app/population.h"

// One segment at the run's instant. Shares are ratios (0..1), NAN where they have no meaning
// (nobody in the population, value not positive); money is in 1/10000 of the currency.
typedef struct SegmentRow {
    Str key, name;
    uint64_t customers;
    double share;
    __int128 money;
    double value_share;
    double mean_value;
} SegmentRow;

typedef struct RunTimings {
    double import_s, index_s, fit_s, evaluate_s, flip_s, write_s;
} RunTimings;

typedef struct RunResult {
    int64_t now_us;
    uint64_t customer_count;
    uint64_t invalid_zone_count; // customers with a time zone that is not known
    bool has_value;              // the model has a `value`
    __int128 money;              // of the whole population
    SegmentRow *segments;
    size_t segment_count;
    int64_t fit_version; // 0: the model needs none
    RunTimings timings;
    Str segments_path, customers_path, report_path;
} RunResult;

typedef struct RunOptions {
    bool is_csv;        // customers.csv in place of customers.parquet
    bool is_with_flips; // a column `next_flip` for each customer
} RunOptions;

// The whole main job.
int app_run(Project *project, const RunOptions *options, RunResult *ret_result, KretsError *error);

// Sizes and money of the plan's segments, in the order of the model.
void app_run_segments(const Project *project, Arena *arena, const Answers *answers,
                      RunResult *result);

// "1234.5": money with as many decimals as it needs, at most four.
void app_run_money_format(Text *out, __int128 money);

// Fits at the project's now and stores the artifact (`krets fit`); version 0 when there is nothing
// to fit.
int app_run_fit(Project *project, int64_t now_us, const FitSet **ret_fits, int64_t *ret_version,
                KretsError *error);

double app_run_seconds(void); // of a clock that never goes back

#endif
