// SQLite, wrapped: the control database of the data folder.
#ifndef KRETS_DB_SQLITE_H
#define KRETS_DB_SQLITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

typedef struct Sqlite Sqlite; // one connection; not thread-safe
typedef struct SqliteRows SqliteRows;

// Write-ahead log, every commit on disk before it returns (synchronous=FULL). Read-only never
// creates, and also reads a folder that this user may not write to. `path` is NUL-terminated.
int db_sqlite_open(const char *path, bool is_read_only, Sqlite **ret_sqlite, KretsError *error);
void db_sqlite_close(Sqlite *sqlite);
static inline void db_sqlite_closep(Sqlite **sqlite) {
    db_sqlite_close(*sqlite);
}
#define DB_SQLITE_SCOPED __attribute__((cleanup(db_sqlite_closep))) Sqlite *

// Runs a script without parameters.
int db_sqlite_script(Sqlite *sqlite, const char *sql, KretsError *error);

// Parameters ?1, ?2, ... follow as `types` says: 't' a Str, 'i' an int64_t, 'f' a double.
int db_sqlite_run(Sqlite *sqlite, KretsError *error, const char *sql, const char *types, ...);
int db_sqlite_query(Sqlite *sqlite, SqliteRows **ret_rows, KretsError *error, const char *sql,
                    const char *types, ...);
void db_sqlite_rows_free(SqliteRows *rows);
static inline void db_sqlite_rows_freep(SqliteRows **rows) {
    db_sqlite_rows_free(*rows);
}
#define DB_SQLITE_ROWS_SCOPED __attribute__((cleanup(db_sqlite_rows_freep))) SqliteRows *

// 1 while there is a row, 0 at the end, negative on error.
int db_sqlite_next(SqliteRows *rows, KretsError *error);
int64_t db_sqlite_integer(const SqliteRows *rows, int column);
Str db_sqlite_text(const SqliteRows *rows, int column, Arena *arena); // a copy; "" for null
bool db_sqlite_is_null(const SqliteRows *rows, int column);

int64_t db_sqlite_last_id(const Sqlite *sqlite); // of the last insert

// A transaction: begun at once as a writer, or as a reader that sees one state. What is not
// committed when the scope ends is rolled back.
int db_sqlite_begin(Sqlite *sqlite, bool is_writer, KretsError *error);
int db_sqlite_commit(Sqlite *sqlite, KretsError *error);
void db_sqlite_rollback(Sqlite *sqlite); // nothing when none is open
static inline void db_sqlite_rollbackp(Sqlite **sqlite) {
    db_sqlite_rollback(*sqlite);
}
#define DB_SQLITE_TRANSACTION_SCOPED __attribute__((cleanup(db_sqlite_rollbackp))) Sqlite *

#endif
