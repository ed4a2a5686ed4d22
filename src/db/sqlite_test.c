#include "db/sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static KretsError error;
static char folder[] = "/tmp/krets-sqlite-test-XXXXXX";
static char path[64];

static void check(int r) {
    if (r < 0)
        fail_msg("%s", error.text);
    assert_int_equal(r, 0);
}

static int set_up(void **state) {
    (void)state;
    static int number;
    // Characters that mean something in a URI must not.
    snprintf(path, sizeof(path), "%s/a%%20b?c#%d", folder, number++);
    return 0;
}

static Sqlite *open_filled(void) {
    Sqlite *sqlite = NULL;
    check(db_sqlite_open(path, false, &sqlite, &error));
    check(db_sqlite_script(sqlite, "create table t (k text, n integer, f real)", &error));
    return sqlite;
}

static int64_t count_rows(Sqlite *sqlite) {
    DB_SQLITE_ROWS_SCOPED rows = NULL;
    check(db_sqlite_query(sqlite, &rows, &error, "select count(*) from t", ""));
    assert_int_equal(db_sqlite_next(rows, &error), 1);
    return db_sqlite_integer(rows, 0);
}

static void parameters_come_back(void **state) {
    (void)state;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    DB_SQLITE_SCOPED sqlite = open_filled();
    check(db_sqlite_run(sqlite, &error, "insert into t values (?1, ?2, ?3), (null, null, null)",
                        "tif", STR("it's\0hidden"), INT64_MIN, 0.5));
    assert_int_equal(db_sqlite_last_id(sqlite), 2);
    DB_SQLITE_ROWS_SCOPED rows = NULL;
    check(db_sqlite_query(sqlite, &rows, &error, "select k, n, f = 0.5 from t order by rowid", ""));
    assert_int_equal(db_sqlite_next(rows, &error), 1);
    assert_true(base_str_equal(db_sqlite_text(rows, 0, arena), STR("it's\0hidden")));
    assert_int_equal(db_sqlite_integer(rows, 1), INT64_MIN);
    assert_int_equal(db_sqlite_integer(rows, 2), 1);
    assert_false(db_sqlite_is_null(rows, 0));
    assert_int_equal(db_sqlite_next(rows, &error), 1);
    assert_true(db_sqlite_is_null(rows, 0));
    assert_int_equal(db_sqlite_text(rows, 0, arena).size_bytes, 0);
    assert_int_equal(db_sqlite_next(rows, &error), 0);
    assert_int_equal(access(path, F_OK), 0);
}

static int insert_and_fail(Sqlite *sqlite) {
    DB_SQLITE_TRANSACTION_SCOPED transaction = sqlite;
    check(db_sqlite_begin(transaction, true, &error));
    check(db_sqlite_run(transaction, &error, "insert into t values (?1, 1, 1)", "t", STR("x")));
    return db_sqlite_script(transaction, "insert into nowhere values (1)", &error);
}

static void what_is_not_committed_is_rolled_back(void **state) {
    (void)state;
    DB_SQLITE_SCOPED sqlite = open_filled();
    assert_int_equal(insert_and_fail(sqlite), BASE_E_STORE);
    assert_non_null(strstr(error.text, "nowhere"));
    assert_non_null(strstr(error.text, path));
    assert_int_equal(count_rows(sqlite), 0);
    {
        DB_SQLITE_TRANSACTION_SCOPED transaction = sqlite;
        check(db_sqlite_begin(transaction, true, &error));
        check(db_sqlite_run(transaction, &error, "insert into t values (?1, 1, 1)", "t", STR("x")));
        check(db_sqlite_commit(transaction, &error));
    }
    assert_int_equal(count_rows(sqlite), 1);
}

static void a_reader_sees_one_state(void **state) {
    (void)state;
    DB_SQLITE_SCOPED writer = open_filled();
    DB_SQLITE_SCOPED reader = NULL;
    check(db_sqlite_open(path, true, &reader, &error));
    check(db_sqlite_begin(reader, false, &error));
    assert_int_equal(count_rows(reader), 0);
    check(db_sqlite_run(writer, &error, "insert into t values (?1, 1, 1)", "t", STR("x")));
    assert_int_equal(count_rows(reader), 0);
    db_sqlite_rollback(reader);
    assert_int_equal(count_rows(reader), 1);
    assert_int_equal(db_sqlite_script(reader, "delete from t", &error), BASE_E_STORE);
}

static void reading_creates_nothing(void **state) {
    (void)state;
    Sqlite *sqlite = NULL;
    assert_int_equal(db_sqlite_open(path, true, &sqlite, &error), BASE_E_STORE);
    assert_null(sqlite);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void every_commit_is_on_disk(void **state) {
    (void)state;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    DB_SQLITE_SCOPED sqlite = open_filled();
    DB_SQLITE_ROWS_SCOPED rows = NULL;
    check(db_sqlite_query(sqlite, &rows, &error, "pragma synchronous", ""));
    assert_int_equal(db_sqlite_next(rows, &error), 1);
    assert_int_equal(db_sqlite_integer(rows, 0), 2);
    db_sqlite_rows_free(rows);
    rows = NULL;
    check(db_sqlite_query(sqlite, &rows, &error, "pragma journal_mode", ""));
    assert_int_equal(db_sqlite_next(rows, &error), 1);
    assert_true(base_str_equal(db_sqlite_text(rows, 0, arena), STR("wal")));
}

static void another_kind_of_file_is_told(void **state) {
    (void)state;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 200; i++)
        fputs("this is no database, but a long enough text file\n", file);
    fclose(file);
    Sqlite *sqlite = NULL;
    assert_int_equal(db_sqlite_open(path, false, &sqlite, &error), BASE_E_STORE);
    assert_non_null(strstr(error.text, "damaged"));
}

int main(void) {
    if (mkdtemp(folder) == NULL)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(parameters_come_back, set_up),
        cmocka_unit_test_setup(what_is_not_committed_is_rolled_back, set_up),
        cmocka_unit_test_setup(a_reader_sees_one_state, set_up),
        cmocka_unit_test_setup(reading_creates_nothing, set_up),
        cmocka_unit_test_setup(every_commit_is_on_disk, set_up),
        cmocka_unit_test_setup(another_kind_of_file_is_told, set_up),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) == 0 ? failed : 1;
}
