// DuckDB, wrapped: the only way to run SQL over files, sources and Parquet.
#ifndef KRETS_DB_DUCK_H
#define KRETS_DB_DUCK_H

#include "base/error.h"
#include "data/value.h"

typedef struct Duck Duck; // one database and one connection; not thread-safe
typedef struct DuckResult DuckResult;

typedef struct DuckOptions {
    unsigned threads;    // 0: all processors
    size_t memory_bytes; // DuckDB's memory_limit (about 70 % of the process's budget); 0: default
    const char *temp_directory; // where it spills; NULL: none
    const char *path;           // database file; NULL: in memory
} DuckOptions;

int db_duck_open(const DuckOptions *options, Duck **ret_duck, KretsError *error);
void db_duck_close(Duck *duck);
static inline void db_duck_closep(Duck **duck) {
    db_duck_close(*duck);
}
#define DB_DUCK_SCOPED __attribute__((cleanup(db_duck_closep))) Duck *

// Every later message has this text replaced by "***" (connection strings, passwords, keys).
void db_duck_redact(Duck *duck, Str secret);
// LOADs an extension that ships with Krets: postgres_scanner, mysql_scanner, sqlite_scanner,
// httpfs, excel, encodings. Never from the network. Loading twice is fine.
int db_duck_load(Duck *duck, const char *extension, KretsError *error);

// Makes `name`(VARCHAR) -> UBIGINT available in SQL; null gives null. `function` is called by any
// thread.
typedef uint64_t (*DuckTextFunction)(Str text);
int db_duck_register(Duck *duck, const char *name, DuckTextFunction function, KretsError *error);

// A further connection to the same database, for several streams at once. Close it before `duck`.
int db_duck_connect(Duck *duck, Duck **ret_duck, KretsError *error);

// Runs one or more statements; the last one's result is dropped.
int db_duck_run(Duck *duck, KretsError *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// Runs one statement. Fatal codes: BASE_E_STORE, BASE_E_RESOURCES (out of memory or disk).
int db_duck_query(Duck *duck, Str sql, DuckResult **ret_result, KretsError *error);
// The same, but rows are made while they are fetched: large results need no room. No other
// statement may run on `duck` until the result is freed.
int db_duck_stream(Duck *duck, Str sql, DuckResult **ret_result, KretsError *error);
void db_duck_result_free(DuckResult *result);
static inline void db_duck_result_freep(DuckResult **result) {
    db_duck_result_free(*result);
}
#define DB_DUCK_RESULT_SCOPED __attribute__((cleanup(db_duck_result_freep))) DuckResult *
// From 0 to 1 while db_duck_query runs in another thread, -1 unknown.
double db_duck_progress(const Duck *duck);
// Makes the running query of another thread end with an error.
void db_duck_interrupt(Duck *duck);

size_t db_duck_column_count(const DuckResult *result);
Str db_duck_column_name(const DuckResult *result, size_t column);
// DuckDB's own name of the type ("DECIMAL(18,4)", "STRUCT(a INTEGER)", ...).
Str db_duck_column_type(const DuckResult *result, size_t column);

// Row by row (small results): 1 while there is a row, 0 at the end, negative on error.
int db_duck_next(DuckResult *result, KretsError *error);
// Of the current row; texts are valid until the next db_duck_next. Types: BOOLEAN, integers,
// DECIMAL (scale <= 4 -> decimal, else number), DOUBLE/FLOAT, VARCHAR, TIMESTAMP(TZ) -> time, DATE,
// VARCHAR[] -> list. Anything else comes as text.
Value db_duck_value(const DuckResult *result, size_t column);

// Chunk by chunk (large results). Rows of the chunk, 0 at the end, negative on error.
// `data` and `validity` are DuckDB's vectors: see duckdb.h (duckdb_vector_get_data).
int db_duck_next_chunk(DuckResult *result, KretsError *error);
const void *db_duck_chunk_data(const DuckResult *result, size_t column);
// One bit a row, NULL when all are valid.
const uint64_t *db_duck_chunk_validity(const DuckResult *result, size_t column);
// Text of a VARCHAR vector's row; valid until the next chunk.
Str db_duck_chunk_text(const DuckResult *result, size_t column, size_t row);
// Texts of the rows [begin, end) at once; those of null rows must not be looked at.
void db_duck_chunk_texts(const DuckResult *result, size_t column, size_t begin, size_t end,
                         Str *ret_texts);
// Count of items of a list row and the number of its first item in the column's items.
size_t db_duck_chunk_list(const DuckResult *result, size_t column, size_t row, size_t *ret_first);
// Text of an item of a VARCHAR[] vector; false when the item is null.
bool db_duck_chunk_item(const DuckResult *result, size_t column, size_t item, Str *ret_text);

// 'it''s' and "quo""ted" appended to `out`.
void db_sql_literal(Text *out, Str text);
void db_sql_identifier(Text *out, Str name);

#endif
