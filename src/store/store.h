// The data folder: control database, Parquet history, catalog, fits, runs.
#ifndef KRETS_STORE_STORE_H
#define KRETS_STORE_STORE_H

#include "data/catalog.h"
#include "data/staged.h"
#include "data/table.h"
#include "db/duck.h"
#include "lang/plan.h"

typedef struct Store Store;

typedef struct StoreOptions {
    unsigned threads;
    size_t memory_bytes;  // of the whole process
    bool is_read_only;    // takes no lock, never creates
    uint64_t bucket_rows; // rows of a bucket at most; 0: by the memory, at most 16 million
    uint32_t columns_max; // property columns of the history; 0: 1,000
} StoreOptions;

// Opens (creates when missing and not read-only) the folder. Takes the lock: a second process gets
// BASE_E_STORE that says who holds it (pid, command, since). A newer schema is refused, an older
// one migrated in a transaction. Sweeps orphans of interrupted imports.
int store_open(Str directory, const StoreOptions *options, Store **ret_store, KretsError *error);
void store_close(Store *store);
static inline void store_closep(Store **store) {
    store_close(*store);
}
#define STORE_SCOPED __attribute__((cleanup(store_closep))) Store *

Duck *store_duck(Store *store); // the store's connection; sources are staged on it

// What the last import of a source left: positive 1 when there is none.
typedef struct StoreSource {
    Str source, fingerprint, cursor, report_json;
    uint64_t row_count;
    uint64_t row_max; // highest row number of its arrivals
    int64_t imported_us;
} StoreSource;
int store_source_get(Store *store, Arena *arena, Str source, StoreSource *ret_source,
                     KretsError *error);
int store_sources(Store *store, Arena *arena, StoreSource **ret_sources, size_t *ret_count,
                  KretsError *error);

// Writes the staged relation as sorted Parquet and swaps it in with one transaction. A crash at any
// point leaves the store as before or as after. `progress` (may be NULL) is called now and then.
typedef void (*StoreProgress)(void *context, double ratio, uint64_t rows);
int store_import(Store *store, const Staged *staged, StoreProgress progress, void *context,
                 KretsError *error);
// Drops what sources that are no longer in the model had delivered.
int store_source_drop(Store *store, Str source, KretsError *error);

// Files of the history that are missing or are not what the manifest says, with a sentence each.
typedef struct StoreFault {
    Str path; // below the data folder
    Str text;
} StoreFault;
int store_check_files(Store *store, Arena *arena, StoreFault **ret_faults, size_t *ret_count,
                      KretsError *error);

// What the control database itself finds wrong with its pages, indexes and references.
int store_check_control(Store *store, Arena *arena, StoreFault **ret_faults, size_t *ret_count,
                        KretsError *error);

typedef struct StoreSize {
    uint64_t file_count, size_bytes, row_count;
} StoreSize;
StoreSize store_size(const Store *store); // of the history's files

// The catalog as of now; lives in the arena.
int store_catalog(Store *store, Arena *arena, const Catalog **ret_catalog, KretsError *error);

// An SQL select over all Parquet files with the columns customer VARCHAR, time TIMESTAMPTZ, arrival
// BIGINT, event VARCHAR, message_id, and one column per CatalogProperty.column with its final
// (widened) type. Stands on its own: runs in any DuckDB. Absolute paths.
int store_history_sql(Store *store, Arena *arena, Text *out, KretsError *error);
uint64_t store_event_count(Store *store);
// The earliest event type's first event that has a time; 1 when there is none.
int store_first_event(const Store *store, int64_t *ret_time_us);
int store_last_event(Store *store, int64_t before_us, int64_t *ret_time_us,
                     KretsError *error); // latest not after before_us; 1 when none

// Customers are spread over buckets by a hash of their id; a bucket's customers fit in memory.
size_t store_bucket_count(Store *store);
// Reads what `plan` needs of one bucket (only its event types and columns; all rows needed to know
// the population and `any`). `arena` should carry the memory budget.
int store_read(Store *store, Arena *arena, const Plan *plan, size_t bucket,
               const EventTable **ret_table, KretsError *error);
enum { STORE_PART_MAX = 256 };
// The same of part `part` of `part_count` (a power of two, STORE_PART_MAX at most): customers whose
// hash modulo the count is the part; the store's buckets are the parts of its bucket count. Several
// threads may read at once, each with its own arena, while nothing else uses the store. A read-only
// store whose files another process replaced meanwhile is BASE_E_STORE.
int store_read_part(Store *store, Arena *arena, const Plan *plan, size_t part, size_t part_count,
                    const EventTable **ret_table, KretsError *error);
// The same part as tables of some 100,000 rows one after the other, whole customers in order; each
// is gone after the call. `memory_bytes` bounds one of them. A result other than 0 of the sink ends
// the reading and is forwarded.
typedef int (*StoreSink)(void *context, const EventTable *table, KretsError *error);
int store_read_tables(Store *store, size_t memory_bytes, const Plan *plan, size_t part,
                      size_t part_count, StoreSink sink, void *context, KretsError *error);
// About how many rows a part has in the files.
uint64_t store_part_rows(const Store *store, size_t part, size_t part_count);
// Whether reading for the plan keeps all events that count as `any`, whatever their type.
bool store_plan_uses_any(const Plan *plan);
// A short text for the state of the history: another one whenever an import changed its events,
// their values or how these are typed and named. In the arena.
Str store_stamp(const Store *store, Arena *arena);
// The same for one customer (explain): positive 1 when there is no such customer.
int store_read_customer(Store *store, Arena *arena, const Plan *plan, Str customer,
                        const EventTable **ret_table, KretsError *error);

// Versioned fits: JSON artifacts.
typedef struct StoreFit {
    int64_t version;
    int64_t now_us, created_us;
    Str json;
} StoreFit;
int store_fit_save(Store *store, int64_t now_us, Str json, int64_t *ret_version, KretsError *error);
int store_fit_get(Store *store, Arena *arena, int64_t version, StoreFit *ret_fit,
                  KretsError *error); // version 0: the newest; 1 when none
int store_fit_list(Store *store, Arena *arena, StoreFit **ret_fits, size_t *ret_count,
                   KretsError *error);

// The answers of the last run, kept so that `verify` can prove them: a Parquet file of the store
// (customer, one column per metric "metric:NAME", one boolean per segment "segment:KEY") beside a
// record of the run.
typedef struct StoreRun {
    int64_t now_us, fit_version, created_us;
    Str model_hash;
    Str answers_path; // absolute
} StoreRun;
int store_run_path(Store *store, Arena *arena, Str *ret_path,
                   KretsError *error); // where to write new answers
int store_run_save(Store *store, const StoreRun *run,
                   KretsError *error); // consumes the file at answers_path
int store_run_get(Store *store, Arena *arena, StoreRun *ret_run, KretsError *error); // 1 when none

#endif
