// What the files of this folder share.
#ifndef KRETS_STORE_STORE_PRIVATE_H
#define KRETS_STORE_STORE_PRIVATE_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/map.h"
#include "db/sqlite.h"
#include "store/store.h"

// Version of the control database's schema, kept in its user_version.
enum { STORE_SCHEMA_VERSION = 1 };

// Rows that one bucket should hold at most, so that its customers fit in memory.
enum {
    STORE_BUCKET_ROWS = 16 << 20,
    STORE_BUCKET_ROWS_MIN = 1 << 20,
    STORE_BUCKETS_MAX = STORE_PART_MAX
};
// An import of fewer rows than this part of a bucket is written as one file.
enum { STORE_BUCKET_SMALL_PART = 16 };
// Property columns of the history's files; further ones go into the JSON column `more`.
enum { STORE_COLUMNS_MAX = 1000 };

#define STORE_MORE_COLUMN "more"

// One import: what a source delivered at once.
typedef struct StoredImport {
    int64_t generation;
    Str source;
} StoredImport;

typedef struct StoredFile {
    Str path; // below the data folder
    int64_t generation;
    uint64_t bucket;
    uint64_t bucket_count; // a power of two; buckets of the file's own import
    uint64_t row_count;
    uint64_t size_bytes;
    Str checksum; // BLAKE2b-256, hexadecimal
} StoredFile;

typedef struct StoredEvent {
    int64_t generation;
    Str name;
    uint64_t row_count;
    int64_t time_min_us, time_max_us;
} StoredEvent;

// A property of an event in one import. One column holds the values of all events' properties with
// the same name and type.
typedef struct StoredProperty {
    int64_t generation;
    Str event;
    Str name;
    Str column; // "" while no value was seen
    ValueType type;
    bool is_more; // inside the JSON column
    uint64_t value_count;
} StoredProperty;

// A column of the history as it is read: of its final type, made of one or more stored columns.
typedef struct ResolvedColumn {
    Str column;
    ValueType type;
    const StoredProperty **sources; // one for each stored column
    size_t source_count;
} ResolvedColumn;

typedef struct ResolvedProperty {
    Str event;
    Str name;
    Str column; // "" while no value was seen
    ValueType type;
} ResolvedProperty;

// The state of the store at one moment. Immutable; owned by its arena.
typedef struct Manifest {
    StoredImport *imports; // by generation
    size_t import_count;
    StoredFile *files; // by generation, path
    size_t file_count;
    StoredEvent *events; // by generation, name
    size_t event_count;
    StoredProperty *properties; // by generation, event, name
    size_t property_count;
    ResolvedColumn *columns;
    size_t column_count;
    ResolvedProperty *resolved; // by event, name
    size_t resolved_count;
    uint64_t row_count;
} Manifest;

struct Store {
    Str directory; // absolute
    Arena *arena;
    StoreOptions options;
    int lock_fd; // -1: none
    Sqlite *sqlite;
    Duck *duck;
    Str temp_directory;
    Arena *manifest_arena;
    const Manifest *manifest;
    atomic_bool was_read; // a bucket was read under this manifest
};

// manifest.c
int store_manifest_load(Store *store, KretsError *error); // replaces store->manifest
Str store_path(Arena *arena, const Store *store, const char *format, ...)
    __attribute__((format(printf, 3, 4))); // absolute, NUL-terminated

// schema.c: creates or migrates, refuses a newer one.
int store_schema_prepare(Store *store, KretsError *error);

// folder.c
int store_folder_make(const char *path, KretsError *error);
int store_folder_sync(const char *path, KretsError *error);
int store_file_sync(const char *path, KretsError *error);
int store_lock_take(Store *store, KretsError *error);
int store_sweep(Store *store, KretsError *error);
int64_t store_clock_us(void);

// checksum.c
enum { STORE_CHECKSUM_TEXT = 65 };
int store_file_checksum(const char *path, char *ret_text, KretsError *error);

// columns.c: the form of values in files and in the JSON column; `h` is the table they are in.
const char *store_type_sql(ValueType type);
ValueType store_type_widen(ValueType a, ValueType b);
bool store_column_is_core(Str name);
void store_column_read_sql(Text *out, const StoredProperty *property);
void store_more_write_sql(Text *out, Str expression, ValueType type);
void store_widen_sql(Text *out, Str expression, ValueType from, ValueType to);

// resolve.c
void store_manifest_resolve(Arena *arena, Manifest *manifest);
// A column name for a property that none in `used` has; it is added to `used`.
Str store_column_name(Arena *arena, Map *used, Str name);
void store_column_use(Map *used, Str column);

// history.c: a select over some of the manifest's files with the core columns and `columns` of the
// resolved ones (NULL: all).
void store_files_sql(Text *out, const Store *store, const StoredFile *const *files, size_t count,
                     const Str *columns, size_t column_count);

// bucket.c
uint64_t store_customer_hash(Str customer);
uint64_t store_bucket_wanted(const Store *store, uint64_t rows); // a power of two
uint64_t store_bucket_rows(const Store *store);

#endif
