// Kills a building process at every fault point: the folder holds the index as before or as after.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/index_fixture.h"

enum { HITS_MAX = 8 };

static KretsError error;
static char folder[] = "/tmp/krets-index-crash-XXXXXX";
static const char *const points[] = {"index_core", "index_columns", "index_customers",
                                     "index_roster_written", "index_roster"};

static int build(const Crowd *crowd, const char *stamp, bool is_extended) {
    IndexBuild spec = index_fixture_spec(crowd, base_str_from(folder));
    IndexBuilder *builder = NULL;
    spec.stamp = base_str_from(stamp);
    if (!is_extended)
        spec.wanted_count /= 2;
    int r = is_extended ? index_extend_begin(&spec, &builder, &error)
                        : index_build_begin(&spec, &builder, &error);
    if (r == 0)
        r = index_fixture_fill(crowd, builder, 1, &error);
    INDEX_SCOPED index = NULL;
    return r == 0 ? index_build_end(builder, &index, &error) : r;
}

// True when the child was killed at the point; else it came to its end.
static bool build_until(const Crowd *crowd, const char *stamp, bool is_extended, const char *point,
                        int hit) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char fault[64];
        snprintf(fault, sizeof fault, "%s:%d", point, hit);
        setenv("KRETS_FAULT", fault, 1);
        _exit(build(crowd, stamp, is_extended) == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

static size_t count_files(void) {
    size_t count = 0;
    DIR *files = opendir(folder);
    assert_non_null(files);
    for (struct dirent *entry = readdir(files); entry != NULL; entry = readdir(files))
        count += strstr(entry->d_name, ".index") != NULL;
    closedir(files);
    return count;
}

static void kill_everywhere(const Crowd *before, const Crowd *after, bool is_extended) {
    int kills = 0;
    for (size_t p = 0; p < sizeof points / sizeof *points; p++) {
        for (int hit = 1; hit <= HITS_MAX; hit++) {
            assert_int_equal(build(before, "before", false), 0);
            size_t files = count_files();
            const char *stamp = is_extended ? "before" : "after";
            bool is_killed = build_until(after, stamp, is_extended, points[p], hit);
            kills += is_killed;
            INDEX_SCOPED index = NULL;
            BASE_TEXT_SCOPED reason = {0};
            int r = index_open(base_str_from(folder), STR(""), true, &index, &reason, &error);
            if (r != 0)
                fail_msg("%s, hit %d: %s", points[p], hit, r > 0 ? reason.data : error.text);
            bool is_new = base_str_equal(index_facts(index).stamp, STR("after"));
            index_fixture_check(index, is_new ? after : before);
            assert_int_equal(build(before, "before", false), 0); // sweeps what was left over
            assert_int_equal(count_files(), files);
            if (!is_killed)
                break;
        }
    }
    assert_true(kills >= 4);
}

static void test_kills(void **state) {
    (void)state;
    CrowdShape shape = {.seed = 1, .customers = 40, .rows_max = 5};
    Crowd *before = index_fixture_crowd(&shape);
    shape.seed = 2;
    Crowd *after = index_fixture_crowd(&shape);
    kill_everywhere(before, after, false);
    kill_everywhere(before, before, true);
    index_fixture_free(before);
    index_fixture_free(after);
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state) {
    (void)state;
    char path[400];
    DIR *files = opendir(folder);
    for (struct dirent *entry = readdir(files); entry != NULL; entry = readdir(files)) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.')
            unlink(path);
    }
    closedir(files);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kills)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
