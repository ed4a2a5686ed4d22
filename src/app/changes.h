// `krets changes SEGMENT`: every entry and exit with its instant, under today's definition.
#ifndef KRETS_APP_CHANGES_H
#define KRETS_APP_CHANGES_H

#include "app/population.h"

typedef struct ChangeRow {
    int64_t at_us;
    Str customer;
    bool is_entry;
} ChangeRow;

typedef struct ChangesResult {
    Str segment, name, words;
    int64_t from_us, to_us;
    int64_t fit_version;   // 0: none needed
    const ChangeRow *rows; // by (time, customer)
    size_t row_count;
    uint64_t entry_count, exit_count, customer_count; // customers: who entered or left
    bool is_foretold;                                 // it goes on after now
} ChangesResult;

// Changes after `from`, up to and including `to` ("": the project's now). BASE_E_USAGE when `from`
// is after `to` or a time cannot be read, or with a suggestion when there is no such segment.
int app_changes(Project *project, Str segment, Str from, Str to, ChangesResult *ret_result,
                KretsError *error);
// Whether the times can be read, before any work is done for them.
int app_changes_check(const Project *project, Str from, Str to, KretsError *error);

#endif
