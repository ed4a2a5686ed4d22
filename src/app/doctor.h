// `krets doctor`: is the data folder as it was written, and what is its index?
#ifndef KRETS_APP_DOCTOR_H
#define KRETS_APP_DOCTOR_H

#include "app/project.h"

typedef struct DoctorFinding {
    Str path; // below the data folder
    Str text; // what is wrong and what to do
} DoctorFinding;

typedef enum DoctorIndex {
    DOCTOR_INDEX_CURRENT,
    DOCTOR_INDEX_OUTDATED, // the next command that needs it makes it anew
    DOCTOR_INDEX_MISSING,  // likewise
    DOCTOR_INDEX_DAMAGED,
    DOCTOR_INDEX_NEWER,
    DOCTOR_INDEX_COUNT
} DoctorIndex;

typedef struct DoctorResult {
    const DoctorFinding *findings;
    size_t finding_count;
    StoreSize history;
    DoctorIndex index;
    Str index_reason;     // why it is not current
    IndexFacts facts;     // zeros when it is missing, damaged or newer
    IndexColumn *columns; // of the index, by event type
    size_t column_count;
} DoctorResult;

// Reads every file of the store against its checksum, lets the control database check itself, and
// reads the index through. The project needs neither model nor plan; its store is opened here. 0
// also when there are findings; BASE_E_STORE when there is no store, or none that can be opened.
int app_doctor(Project *project, DoctorResult *ret_result, KretsError *error);

// "current", "outdated", ...
const char *app_doctor_index_name(DoctorIndex index);

#endif
