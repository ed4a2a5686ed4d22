// The control database's schema and its migrations.

#include "store/store_private.h"

#define SCHEMA_APPLICATION_ID 0x4b726574 // "Kret", so that `file` and we can tell it from others

// migrations[v] lifts a database of version v to v + 1. Released ones never change.
static const char *const migrations[STORE_SCHEMA_VERSION] = {
    "create table import ("
    "  generation integer primary key autoincrement,"
    "  source text not null,"
    "  imported_us integer not null,"
    "  row_count integer not null);"
    "create table source ("
    "  name text primary key,"
    "  fingerprint text not null,"
    "  cursor text not null,"
    "  report_json text not null,"
    "  row_count integer not null,"
    "  row_max integer not null,"
    "  imported_us integer not null);"
    "create table file ("
    "  path text primary key,"
    "  generation integer not null references import(generation) on delete cascade,"
    "  bucket integer not null,"
    "  bucket_count integer not null,"
    "  row_count integer not null,"
    "  size_bytes integer not null,"
    "  checksum text not null);"
    "create table event ("
    "  generation integer not null references import(generation) on delete cascade,"
    "  name text not null,"
    "  row_count integer not null,"
    "  time_min_us integer not null,"
    "  time_max_us integer not null,"
    "  primary key (generation, name));"
    "create table property ("
    "  generation integer not null references import(generation) on delete cascade,"
    "  event text not null,"
    "  name text not null,"
    "  column_name text not null,"
    "  type integer not null,"
    "  is_more integer not null,"
    "  value_count integer not null,"
    "  primary key (generation, event, name));"
    "create table fit ("
    "  version integer primary key autoincrement,"
    "  now_us integer not null,"
    "  created_us integer not null,"
    "  json text not null);"
    "create table run ("
    "  id integer primary key autoincrement,"
    "  now_us integer not null,"
    "  fit_version integer not null,"
    "  created_us integer not null,"
    "  model_hash text not null,"
    "  path text not null);",
};

static int read_pragma(Store *store, const char *sql, int64_t *ret_value, KretsError *error) {
    DB_SQLITE_ROWS_SCOPED rows = NULL;
    int r = db_sqlite_query(store->sqlite, &rows, error, sql, "");
    if (r == 0)
        r = db_sqlite_next(rows, error);
    if (r < 0)
        return r;
    *ret_value = db_sqlite_integer(rows, 0);
    return 0;
}

static int migrate(Store *store, int64_t version, KretsError *error) {
    DB_SQLITE_TRANSACTION_SCOPED transaction = store->sqlite;
    int r = db_sqlite_begin(transaction, true, error);
    for (int64_t v = version; r == 0 && v < STORE_SCHEMA_VERSION; v++)
        r = db_sqlite_script(transaction, migrations[v], error);
    BASE_TEXT_SCOPED pragmas = {0};
    base_text_printf(&pragmas, "pragma application_id = %d; pragma user_version = %d",
                     SCHEMA_APPLICATION_ID, STORE_SCHEMA_VERSION);
    if (r == 0)
        r = db_sqlite_script(transaction, pragmas.data, error);
    if (r == 0)
        r = db_sqlite_commit(transaction, error);
    return r;
}

int store_schema_prepare(Store *store, KretsError *error) {
    int64_t version = 0, application = 0;
    int r = read_pragma(store, "pragma user_version", &version, error);
    if (r == 0)
        r = read_pragma(store, "pragma application_id", &application, error);
    if (r < 0)
        return r;
    if (version > STORE_SCHEMA_VERSION)
        return base_error_set(error, BASE_E_STORE,
                              "%.*s was written by a newer Krets (schema %lld; this one knows %d): "
                              "use that version",
                              STR_ARG(store->directory), (long long)version, STORE_SCHEMA_VERSION);
    if (version > 0 && application != SCHEMA_APPLICATION_ID)
        return base_error_set(error, BASE_E_STORE,
                              "%.*s/krets.sqlite is a database of another program",
                              STR_ARG(store->directory));
    if (version == STORE_SCHEMA_VERSION)
        return 0;
    if (store->options.is_read_only)
        return base_error_set(
            error, BASE_E_STORE,
            "%.*s was written by an older Krets (schema %lld): run `krets import` "
            "once to bring it up to date",
            STR_ARG(store->directory), (long long)version);
    return migrate(store, version, error);
}
