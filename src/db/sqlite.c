#include "db/sqlite.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SQLITE_BUSY_WAIT_MS = 10000 };

struct Sqlite {
    sqlite3 *handle;
    char *path;
};

struct SqliteRows {
    Sqlite *sqlite;
    sqlite3_stmt *statement;
};

static int fail_sqlite(const Sqlite *sqlite, int code, KretsError *error) {
    int primary = code & 0xff;
    if (primary == SQLITE_FULL)
        return base_error_set(error, BASE_E_RESOURCES,
                              "%s: the disk is full: free some space, then run again",
                              sqlite->path);
    if (primary == SQLITE_NOMEM)
        return base_error_set(error, BASE_E_RESOURCES, "%s: out of memory", sqlite->path);
    const char *message =
        sqlite->handle != NULL ? sqlite3_errmsg(sqlite->handle) : sqlite3_errstr(code);
    const char *advice = "";
    if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
        advice = ": the file is damaged; restore it from a backup, or remove the data folder and "
                 "import again";
    return base_error_set(error, BASE_E_STORE, "%s: %s%s", sqlite->path, message, advice);
}

// A folder that may not be written to holds no log of a running writer that could be joined;
// without a log the file is whole by itself.
static bool is_immutable(const char *path) {
    BASE_TEXT_SCOPED log = {0};
    base_text_printf(&log, "%s-wal", path);
    BASE_TEXT_SCOPED directory = {0};
    const char *slash = strrchr(path, '/');
    base_text_append(&directory,
                     slash == NULL ? STR(".") : (Str){path, (size_t)(slash - path + 1)});
    return access(log.data, F_OK) != 0 && access(directory.data, W_OK) != 0;
}

static void append_uri(Text *uri, const char *path, bool is_read_only) {
    base_text_append(uri, STR("file:"));
    for (const char *c = path; *c != '\0'; c++) {
        if (*c == '%' || *c == '?' || *c == '#')
            base_text_printf(uri, "%%%02X", (unsigned)(unsigned char)*c);
        else
            base_text_append_char(uri, *c);
    }
    if (is_read_only)
        base_text_append(uri, is_immutable(path) ? STR("?mode=ro&immutable=1") : STR("?mode=ro"));
}

int db_sqlite_open(const char *path, bool is_read_only, Sqlite **ret_sqlite, KretsError *error) {
    DB_SQLITE_SCOPED sqlite = calloc(1, sizeof(*sqlite));
    if (sqlite == NULL || (sqlite->path = strdup(path)) == NULL)
        abort();
    BASE_TEXT_SCOPED uri = {0};
    append_uri(&uri, path, is_read_only);
    int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX |
                (is_read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    int code = sqlite3_open_v2(uri.data, &sqlite->handle, flags, NULL);
    if (code != SQLITE_OK)
        return fail_sqlite(sqlite, code, error);
    sqlite3_busy_timeout(sqlite->handle, SQLITE_BUSY_WAIT_MS);
    int r = db_sqlite_script(sqlite,
                             is_read_only ? "pragma query_only = on"
                                          : "pragma journal_mode = wal; pragma synchronous = full; "
                                            "pragma foreign_keys = on",
                             error);
    if (r < 0)
        return r;
    *ret_sqlite = sqlite;
    sqlite = NULL;
    return 0;
}

void db_sqlite_close(Sqlite *sqlite) {
    if (sqlite == NULL)
        return;
    sqlite3_close(sqlite->handle);
    free(sqlite->path);
    free(sqlite);
}

int db_sqlite_script(Sqlite *sqlite, const char *sql, KretsError *error) {
    int code = sqlite3_exec(sqlite->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : fail_sqlite(sqlite, code, error);
}

static int bind_one(sqlite3_stmt *statement, int index, char type, va_list *arguments) {
    switch (type) {
    case 't': {
        Str text = va_arg(*arguments, Str);
        const char *data = text.data != NULL ? text.data : "";
        return sqlite3_bind_text64(statement, index, data, text.size_bytes, SQLITE_TRANSIENT,
                                   SQLITE_UTF8);
    }
    case 'i':
        return sqlite3_bind_int64(statement, index, va_arg(*arguments, int64_t));
    case 'f':
        return sqlite3_bind_double(statement, index, va_arg(*arguments, double));
    default:
        abort();
    }
}

static int prepare(Sqlite *sqlite, SqliteRows **ret_rows, KretsError *error, const char *sql,
                   const char *types, va_list *arguments) {
    DB_SQLITE_ROWS_SCOPED rows = calloc(1, sizeof(*rows));
    if (rows == NULL)
        abort();
    rows->sqlite = sqlite;
    int code = sqlite3_prepare_v2(sqlite->handle, sql, -1, &rows->statement, NULL);
    for (int i = 0; code == SQLITE_OK && types[i] != '\0'; i++)
        code = bind_one(rows->statement, i + 1, types[i], arguments);
    if (code != SQLITE_OK)
        return fail_sqlite(sqlite, code, error);
    *ret_rows = rows;
    rows = NULL;
    return 0;
}

int db_sqlite_query(Sqlite *sqlite, SqliteRows **ret_rows, KretsError *error, const char *sql,
                    const char *types, ...) {
    va_list arguments;
    va_start(arguments, types);
    int r = prepare(sqlite, ret_rows, error, sql, types, &arguments);
    va_end(arguments);
    return r;
}

int db_sqlite_run(Sqlite *sqlite, KretsError *error, const char *sql, const char *types, ...) {
    va_list arguments;
    va_start(arguments, types);
    DB_SQLITE_ROWS_SCOPED rows = NULL;
    int r = prepare(sqlite, &rows, error, sql, types, &arguments);
    va_end(arguments);
    while (r == 0) {
        assert(rows != NULL);
        int code = db_sqlite_next(rows, error);
        if (code <= 0)
            return code;
    }
    return r;
}

void db_sqlite_rows_free(SqliteRows *rows) {
    if (rows == NULL)
        return;
    sqlite3_finalize(rows->statement);
    free(rows);
}

int db_sqlite_next(SqliteRows *rows, KretsError *error) {
    int code = sqlite3_step(rows->statement);
    if (code == SQLITE_ROW)
        return 1;
    return code == SQLITE_DONE ? 0 : fail_sqlite(rows->sqlite, code, error);
}

int64_t db_sqlite_integer(const SqliteRows *rows, int column) {
    return sqlite3_column_int64(rows->statement, column);
}

Str db_sqlite_text(const SqliteRows *rows, int column, Arena *arena) {
    const char *data = (const char *)sqlite3_column_text(rows->statement, column);
    size_t size_bytes = (size_t)sqlite3_column_bytes(rows->statement, column);
    return base_arena_str(arena, (Str){data != NULL ? data : "", data != NULL ? size_bytes : 0});
}

bool db_sqlite_is_null(const SqliteRows *rows, int column) {
    return sqlite3_column_type(rows->statement, column) == SQLITE_NULL;
}

int64_t db_sqlite_last_id(const Sqlite *sqlite) {
    return sqlite3_last_insert_rowid(sqlite->handle);
}

int db_sqlite_begin(Sqlite *sqlite, bool is_writer, KretsError *error) {
    return db_sqlite_script(sqlite, is_writer ? "begin immediate" : "begin", error);
}

int db_sqlite_commit(Sqlite *sqlite, KretsError *error) {
    return db_sqlite_script(sqlite, "commit", error);
}

void db_sqlite_rollback(Sqlite *sqlite) {
    if (sqlite != NULL && sqlite3_get_autocommit(sqlite->handle) == 0)
        sqlite3_exec(sqlite->handle, "rollback", NULL, NULL, NULL);
}
