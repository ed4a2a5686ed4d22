// `krets run --at T1,T2,...`: the segments and their customers as of several instants.
#ifndef KRETS_APP_INSTANTS_H
#define KRETS_APP_INSTANTS_H

#include "app/run.h"

enum { INSTANTS_MAX = 120 };

typedef struct InstantsResult {
    const RunResult *instants; // ascending; each with its own customers file, without a report
    size_t count;
    int64_t fit_version; // 0: the model needs none
    int64_t fit_us;      // the instant that the fit was made for
    RunTimings timings;
    Str segments_path;
} InstantsResult;

// Imports what is new and answers for each instant of `at` (times with commas between them, as
// --now takes them; equal ones count once) with one fit: --fit, else the newest; one is made at the
// project's now when the store has none yet. BASE_E_USAGE when a time cannot be read or there are
// more than INSTANTS_MAX. The stored answers of the last run stay.
int app_instants_run(Project *project, const RunOptions *options, Str at,
                     InstantsResult *ret_result, KretsError *error);

#endif
