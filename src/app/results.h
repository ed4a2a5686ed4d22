// The files of a run: segments.csv, customers.parquet (or .csv), and the stored answers.
#ifndef KRETS_APP_RESULTS_H
#define KRETS_APP_RESULTS_H

#include "app/run.h"

// out/segments.csv: segment, name, customers, share, value, value_share, mean_value. UTF-8, RFC
// 4180.
int app_results_segments(Project *project, RunResult *result, KretsError *error);

// out/customers.parquet or customers.csv (customer, one column per metric, one boolean per
// segment), and the same columns kept in the store, where `krets verify` proves them.
int app_results_customers(Project *project, const Answers *answers, bool is_csv, RunResult *result,
                          KretsError *error);

// The answers as a temporary table of the store's DuckDB connection. Columns: customer, then
// "metric:NAME" and "segment:KEY".
int app_results_table(Project *project, const Answers *answers, Str table, KretsError *error);

#endif
