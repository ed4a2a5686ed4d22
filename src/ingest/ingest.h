// Sources of the model, turned into relations of events.
#ifndef KRETS_INGEST_INGEST_H
#define KRETS_INGEST_INGEST_H

#include "data/staged.h"
#include "db/duck.h"
#include "lang/model.h"

// Sources of at most this many rows are profiled exactly; larger ones get approximate distinct
// counts, marked so in the report, and are streamed instead of being held in a temporary table.
#define INGEST_EXACT_ROWS_MAX UINT64_C(5000000)
// Files of at most this size in all are fingerprinted by content, larger ones by name, size and
// time of change.
#define INGEST_HASHED_BYTES_MAX UINT64_C(268435456)
// A row's number within its source fits 40 bits, an item's number within its row 13.
#define INGEST_ROWS_MAX  (UINT64_C(1) << 40)
#define INGEST_ITEMS_MAX 8191

enum { INGEST_STAGED = 0, INGEST_UNCHANGED = 1 };

// What is known before an import. Zeroed but for `now_us`: nothing was imported before.
typedef struct IngestState {
    int64_t now_us; // the wall clock: later events are counted, changed traits are dated
    bool is_known;  // an earlier import left the fields below
    Str fingerprint, cursor;
    uint64_t row_max;           // highest row number of the earlier arrivals
    Str history_sql;            // store_history_sql(), "" none: for changed traits and repeated ids
    const Catalog *catalog;     // what history_sql's columns mean; NULL none
    const char *temp_directory; // for converted and downloaded files; NULL: the system's
} IngestState;

// Stages `source` on the connection: 0 and `ret` filled, or INGEST_UNCHANGED when there is nothing
// to import. `source_place` is its index in the model. Everything in `ret` lives in `arena`; the
// relation lives as long as the connection, or until the same place is staged again.
// Rows that cannot be kept are counted by reason in `ret->report_json` (its form: README.md).
// The data are not trusted; the model's SQL is. Errors: BASE_E_USAGE (the model does not fit the
// source), BASE_E_STORE (the source cannot be read), BASE_E_RESOURCES.
int ingest_stage(Arena *arena, Duck *duck, const Model *model, const Source *source,
                 size_t source_place, const IngestState *state, Staged *ret, KretsError *error);

// Whether the import that left `fingerprint` was made under the source's present definition.
bool ingest_is_same_definition(Arena *arena, const Model *model, const Source *source,
                               size_t source_place, Str fingerprint);

// Frees the temporary tables that staging `source_place` left on the connection.
int ingest_release(Duck *duck, size_t source_place, KretsError *error);

// The catalog as the sources themselves describe it, for checking a model before its first import.
// Reads every source that the model names, but keeps nothing.
int ingest_catalog(Arena *arena, Duck *duck, const Model *model, int64_t now_us,
                   const Catalog **ret_catalog, KretsError *error);

// What a look at one file suggests. Texts are "" where nothing fits; each `why` is a sentence.
typedef struct IngestGuess {
    Str file;  // as given
    Str input; // "csv", "parquet", ...
    uint64_t row_count;
    Str customer, customer_why;
    Str time, time_why;
    Str amount, amount_why; // SQL over the row: a column or a product of two
    Str quantity;           // column multiplied into `amount`, ""
    Str event, event_why;   // column that names the kind of event
    Str id, id_why;
    Str event_name;       // constant event where no column names it: "order" or "event"
    Str where, where_why; // rows without a customer, said in SQL; "" none
    Str last_time;        // latest time in the file, "" none
    const Str *columns;   // all column names, and their types
    const Str *column_types;
    size_t column_count;
    const Str *event_values; // most frequent first, when `event` is set
    size_t event_value_count;
} IngestGuess;

int ingest_guess(Arena *arena, Duck *duck, Str file, int64_t now_us, IngestGuess *ret_guess,
                 KretsError *error);
// A commented model that runs at once on the guess.
void ingest_guess_model(const IngestGuess *guess, Text *out);

#endif
