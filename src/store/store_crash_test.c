// Kills an importing process at every fault point and at random instants.
//
// The program runs itself as `store_crash_test OPERATION FOLDER`; the parent compares by content
// what the killed child left with the store as before and as after the operation.

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/store.h"

enum { RANDOM_KILLS = 25, POINTS_MAX = 64 };

static KretsError error;
static char folder[] = "/tmp/krets-crash-test-XXXXXX";
static const char *program;

static void check(int r) {
    if (r < 0) {
        fprintf(stderr, "%s\n", error.text);
        if (program == NULL)
            _exit(9); // in a child
        fail_msg("%s", error.text);
    }
}

static Store *open_store(const char *path) {
    Store *store = NULL;
    StoreOptions options = {.threads = 1, .memory_bytes = (size_t)256 << 20, .bucket_rows = 1000};
    check(store_open(base_str_from(path), &options, &store, &error));
    return store;
}

// --- operations ---

static int import(Store *store, const char *source, unsigned seed, unsigned rows, StagedMode mode) {
    BASE_TEXT_SCOPED relation = {0};
    base_text_printf(&relation,
                     "select 'k' || (hash(i || '/%u') %% 500) as customer,"
                     " make_timestamptz((i %% 97)::bigint * 1000000) as time,"
                     " ((%u + i) << 13)::bigint as arrival, 'e' as event,"
                     " null::varchar as message_id, repeat('v' || i, 5) as v from range(%u) r(i)",
                     seed, seed * 100000, rows);
    const StagedProperty property = {STR("v"), STR(""), STR("v"), VALUE_TEXT};
    Staged staged = {.source = base_str_from(source),
                     .relation = base_text_str(&relation),
                     .properties = &property,
                     .property_count = 1,
                     .mode = mode};
    return store_import(store, &staged, NULL, NULL, &error);
}

static int save_run(Store *store) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    StoreRun run = {.now_us = 1, .fit_version = 1, .model_hash = STR("m")};
    int r = store_run_path(store, arena, &run.answers_path, &error);
    if (r < 0)
        return r;
    FILE *file = fopen(run.answers_path.data, "w");
    fputs("answers", file);
    fclose(file);
    return store_run_save(store, &run, &error);
}

static int operate(Store *store, const char *operation) {
    if (strcmp(operation, "first") == 0 || strcmp(operation, "replace") == 0)
        return import(store, "a", 2, 4000, STAGED_REPLACE);
    if (strcmp(operation, "append") == 0)
        return import(store, "a", 3, 2000, STAGED_APPEND);
    if (strcmp(operation, "drop") == 0)
        return store_source_drop(store, STR("a"), &error);
    return save_run(store);
}

// The store before the operation.
static void prepare(const char *operation, const char *path) {
    STORE_SCOPED store = open_store(path);
    if (strcmp(operation, "first") == 0)
        return;
    check(import(store, "a", 1, 3000, STAGED_REPLACE));
    check(import(store, "b", 9, 100, STAGED_REPLACE));
    check(save_run(store));
}

static int run_child(const char *operation, const char *path) {
    STORE_SCOPED store = open_store(path);
    check(operate(store, operation));
    return 0;
}

// --- content ---

static void append_history(Text *out, Store *store, Arena *arena) {
    const Catalog *catalog = NULL;
    check(store_catalog(store, arena, &catalog, &error));
    bool has_value = catalog->event_count > 0;
    BASE_TEXT_SCOPED sql = {0};
    base_text_printf(
        &sql,
        "select count(*), md5(string_agg(concat_ws('|', customer, epoch_us(time), arrival,"
        " event, %s), ';' order by customer, time, arrival)) from (",
        has_value ? "v" : "''");
    check(store_history_sql(store, arena, &sql, &error));
    base_text_append(&sql, STR(")"));
    DB_DUCK_RESULT_SCOPED result = NULL;
    check(db_duck_query(store_duck(store), base_text_str(&sql), &result, &error));
    assert_int_equal(db_duck_next(result, &error), 1);
    data_value_format(out, db_duck_value(result, 0));
    base_text_append(out, STR(" "));
    data_value_format(out, db_duck_value(result, 1));
}

// Everything that a store promises, as text; also checks that nothing is left over.
static char *content(const char *path) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    STORE_SCOPED store = open_store(path);
    BASE_TEXT_SCOPED out = {0};
    append_history(&out, store, arena);
    StoreSource *sources = NULL;
    size_t count = 0;
    check(store_sources(store, arena, &sources, &count, &error));
    for (size_t i = 0; i < count; i++)
        base_text_printf(&out, " %.*s:%llu:%llu", STR_ARG(sources[i].source),
                         (unsigned long long)sources[i].row_count,
                         (unsigned long long)sources[i].row_max);
    StoreRun run;
    int has_run = store_run_get(store, arena, &run, &error);
    check(has_run < 0 ? has_run : 0);
    if (has_run == 0)
        assert_int_equal(access(run.answers_path.data, R_OK), 0);
    base_text_printf(&out, " run:%d", has_run);
    StoreFault *faults = NULL;
    check(store_check_files(store, arena, &faults, &count, &error));
    assert_int_equal(count, 0);
    BASE_TEXT_SCOPED command = {0};
    base_text_printf(&command,
                     "test $(find %s/events -name '*.part' | wc -l) = 0"
                     " && test $(find %s/tmp -type f | wc -l) = 0"
                     " && test $(find %s/runs -type f | wc -l) -le 1",
                     path, path, path);
    assert_int_equal(system(command.data), 0);
    return strdup(out.data);
}

static void copy_folder(const char *from, const char *to) {
    BASE_TEXT_SCOPED command = {0};
    base_text_printf(&command, "rm -rf %s && cp -r %s %s", to, from, to);
    assert_int_equal(system(command.data), 0);
}

// --- children ---

// Starts the operation; the environment says where it is to be killed.
static pid_t start_child(const char *operation, const char *path, const char *fault,
                         const char *log) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid != 0)
        return pid;
    if (fault != NULL)
        setenv("KRETS_FAULT", fault, 1);
    if (log != NULL)
        setenv("KRETS_FAULT_LOG", log, 1);
    execl(program, program, operation, path, (char *)NULL);
    _exit(8);
}

static bool wait_killed(pid_t pid) {
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return true;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

typedef struct Scene {
    const char *operation;
    char start[96], work[96], log[96];
    char *before, *after;
} Scene;

static void make_scene(Scene *scene, const char *operation) {
    scene->operation = operation;
    snprintf(scene->start, sizeof(scene->start), "%s/%s-start", folder, operation);
    snprintf(scene->work, sizeof(scene->work), "%s/%s-work", folder, operation);
    snprintf(scene->log, sizeof(scene->log), "%s/%s-log", folder, operation);
    prepare(operation, scene->start);
    scene->before = content(scene->start);
    copy_folder(scene->start, scene->work);
    assert_false(wait_killed(start_child(operation, scene->work, NULL, scene->log)));
    scene->after = content(scene->work);
}

static void done_scene(Scene *scene) {
    free(scene->before);
    free(scene->after);
}

// What the killed child left is the store as before or as after; and the operation can be done.
static bool assert_whole(const Scene *scene, const char *fault) {
    char *left = content(scene->work);
    bool is_after = strcmp(left, scene->after) == 0;
    if (!is_after && strcmp(left, scene->before) != 0)
        fail_msg("%s killed at %s left\n%s, neither\n%s nor\n%s", scene->operation, fault, left,
                 scene->before, scene->after);
    free(left);
    bool is_again = !is_after || strcmp(scene->operation, "append") != 0;
    if (is_again) {
        STORE_SCOPED store = open_store(scene->work);
        check(operate(store, scene->operation));
    }
    char *again = content(scene->work);
    assert_string_equal(again, scene->after);
    free(again);
    return is_after;
}

// --- every fault point ---

typedef struct Point {
    char name[64];
    int hits, kills;
} Point;

static size_t read_points(const char *log, Point *points) {
    FILE *file = fopen(log, "r");
    assert_non_null(file);
    char line[64];
    size_t count = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        size_t i = 0;
        while (i < count && strcmp(points[i].name, line) != 0)
            i++;
        if (i == count) {
            assert_true(count < POINTS_MAX);
            points[count++] = (Point){.hits = 0};
            snprintf(points[i].name, sizeof(points[i].name), "%s", line);
        }
        points[i].hits++;
    }
    fclose(file);
    return count;
}

static void kill_at_points(const char *operation, size_t expected_points) {
    Scene scene;
    make_scene(&scene, operation);
    Point points[POINTS_MAX];
    size_t count = read_points(scene.log, points);
    for (size_t i = 0; i < count; i++) {
        for (int hit = 1; hit <= points[i].hits; hit++) {
            char fault[sizeof(points[i].name) + 16];
            snprintf(fault, sizeof(fault), "%.63s:%d", points[i].name, hit);
            copy_folder(scene.start, scene.work);
            assert_true(wait_killed(start_child(operation, scene.work, fault, NULL)));
            assert_whole(&scene, fault);
            points[i].kills++;
        }
        print_message("%-8s %-36s killed %d of %d hits\n", operation, points[i].name,
                      points[i].kills, points[i].hits);
        assert_int_equal(points[i].kills, points[i].hits);
    }
    assert_int_equal(count, expected_points);
    done_scene(&scene);
}

static void a_first_import_is_killed_at_every_point(void **state) {
    (void)state;
    kill_at_points("first", 9);
}

static void a_replacing_import_is_killed_at_every_point(void **state) {
    (void)state;
    kill_at_points("replace", 10);
}

static void an_appending_import_is_killed_at_every_point(void **state) {
    (void)state;
    kill_at_points("append", 9);
}

static void dropping_a_source_is_killed_at_every_point(void **state) {
    (void)state;
    kill_at_points("drop", 3);
}

static void saving_a_run_is_killed_at_every_point(void **state) {
    (void)state;
    kill_at_points("run", 2);
}

// --- random instants ---

static double clock_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void sleep_s(double seconds) {
    struct timespec rest = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR)
        continue;
}

static void an_import_is_killed_at_random_instants(void **state) {
    (void)state;
    const char *chosen = getenv("KRETS_TEST_SEED");
    unsigned seed = chosen != NULL ? (unsigned)strtoul(chosen, NULL, 10) : 20260131;
    print_message("seed %u (KRETS_TEST_SEED)\n", seed);
    srandom(seed);
    Scene scene;
    make_scene(&scene, "replace");
    copy_folder(scene.start, scene.work);
    double began_s = clock_s();
    assert_false(wait_killed(start_child("replace", scene.work, NULL, NULL)));
    double length_s = clock_s() - began_s;
    int killed = 0, after = 0;
    for (int i = 0; i < RANDOM_KILLS; i++) {
        copy_folder(scene.start, scene.work);
        pid_t pid = start_child("replace", scene.work, NULL, NULL);
        sleep_s(length_s * (double)(random() % 1000) / 1000);
        kill(pid, SIGKILL);
        killed += wait_killed(pid) ? 1 : 0;
        after += assert_whole(&scene, "a random instant") ? 1 : 0;
    }
    print_message("killed %d of %d; %d were as after\n", killed, RANDOM_KILLS, after);
    assert_true(killed > 0);
    done_scene(&scene);
}

int main(int argc, char **argv) {
    if (argc == 3)
        return run_child(argv[1], argv[2]);
    program = argv[0];
    if (mkdtemp(folder) == NULL)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_import_is_killed_at_every_point),
        cmocka_unit_test(a_replacing_import_is_killed_at_every_point),
        cmocka_unit_test(an_appending_import_is_killed_at_every_point),
        cmocka_unit_test(dropping_a_source_is_killed_at_every_point),
        cmocka_unit_test(saving_a_run_is_killed_at_every_point),
        cmocka_unit_test(an_import_is_killed_at_random_instants),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) == 0 ? failed : 1;
}
