// `krets init`: a model file to start from.
#ifndef KRETS_APP_INIT_H
#define KRETS_APP_INIT_H

#include "app/project.h"

typedef struct InitResult {
    Str path;           // of the model written
    const Str *reasons; // one sentence for each guess
    size_t reason_count;
} InitResult;

// Writes DIRECTORY/krets.yaml: from a look at `file` (CSV, TSV, JSON lines, Parquet, Excel), or,
// with an empty `file`, a commented example. An existing model is only replaced when `is_force`.
int app_init(Arena *arena, const AppOptions *options, Str file, bool is_force,
             InitResult *ret_result, KretsError *error);

#endif
