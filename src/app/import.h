// `krets import`: every source of the model into the store.
#ifndef KRETS_APP_IMPORT_H
#define KRETS_APP_IMPORT_H

#include "app/project.h"

typedef struct ImportedSource {
    Str source;
    bool is_unchanged;
    uint64_t row_count; // events (or trait rows) that this import wrote
} ImportedSource;

typedef struct ImportResult {
    ImportedSource *sources; // in the order of the model
    size_t source_count;
} ImportResult;

// Imports what is new, notes each source on the project's progress, and reads the catalog again.
// The store must be open. `ret_result` (may be NULL) lives in the project's arena.
int app_import(Project *project, ImportResult *ret_result, KretsError *error);

#endif
