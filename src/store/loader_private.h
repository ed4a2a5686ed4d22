// The state of one import.
#ifndef KRETS_STORE_LOADER_PRIVATE_H
#define KRETS_STORE_LOADER_PRIVATE_H

#include "store/store_private.h"

// A column of the new files: of all staged properties with one name and type.
typedef struct LoadColumn {
    Str name;
    Str column;
    ValueType type;
    bool is_more;
} LoadColumn;

typedef struct LoadFile {
    Str path;       // below the data folder
    Str whole_path; // absolute
    Str part_path;  // absolute; while it is written
    uint64_t bucket;
    uint64_t row_count;
    uint64_t size_bytes;
    char checksum[STORE_CHECKSUM_TEXT];
    KretsError error;
} LoadFile;

typedef struct Load {
    Store *store;
    const Staged *staged;
    Arena *arena;
    StoreProgress progress;
    void *progress_context;
    double progress_base, progress_part; // of the bucket that is being written
    int64_t generation;
    uint64_t expected_rows;
    uint64_t bucket_count;
    LoadColumn *columns;
    size_t column_count;
    LoadColumn **property_columns; // for each staged property; NULL: never a value
    LoadFile *files;
    size_t file_count;
    uint64_t row_count;
    StoredEvent *events; // what the new files hold
    size_t event_count;
    StoredProperty *properties;
    size_t property_count;
    int64_t row_max;
} Load;

// describe.c: fills events, properties and row_max from the new files.
int load_describe(Load *load, KretsError *error);

// watch.c: runs a COPY and calls the progress meanwhile, in the caller's thread.
int load_run_watched(Load *load, Str sql, uint64_t *ret_rows, KretsError *error);

#endif
