// The files of a run: segments.csv, customers.parquet (or .csv), and the stored answers.
#ifndef KRETS_APP_RESULTS_H
#define KRETS_APP_RESULTS_H

#include "app/run.h"

// Makes the folder of --out, when there is none.
int app_results_folder(const Project *project, KretsError *error);

// out/segments.csv: segment, name, customers, share, value, value_share, mean_value. UTF-8, RFC
// 4180.
int app_results_segments(Project *project, RunResult *result, KretsError *error);
// The same for several instants, one after the other, with a leading column `at` (UTC).
int app_results_segments_at(Project *project, const RunResult *instants, size_t count,
                            Str *ret_path, KretsError *error);

// out/customers.parquet or customers.csv (customer, one column per metric, one boolean per
// segment), and the same columns kept in the store, where `krets verify` proves them. `next_flip`
// (may be NULL) is one more column of the file, after the others.
int app_results_customers(Project *project, const Answers *answers, const TableColumn *next_flip,
                          bool is_csv, RunResult *result, KretsError *error);
// The file alone, under another name ("customers-2026-01-31"; its ending is added).
int app_results_customers_at(Project *project, const Answers *answers, const TableColumn *next_flip,
                             bool is_csv, Str name, Str *ret_path, KretsError *error);

// The answers as a temporary table of the store's DuckDB connection. Columns: customer, then
// "metric:NAME" and "segment:KEY"; with a `next_flip` (may be NULL) that, too.
int app_results_table(Project *project, const Answers *answers, const TableColumn *next_flip,
                      Str table, KretsError *error);

#endif
