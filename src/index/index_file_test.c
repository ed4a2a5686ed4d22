// Indexes in files: opened again, extended, damaged, outdated, interrupted.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/thread.h"
#include "index/index_fixture.h"

static KretsError error;
static char folder[64];

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/krets-index-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

typedef void (*FileAction)(const char *path, void *context);

static void each_file(FileAction action, void *context) {
    DIR *files = opendir(folder);
    assert_non_null(files);
    for (struct dirent *entry = readdir(files); entry != NULL; entry = readdir(files)) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "lock") == 0)
            continue;
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        action(path, context);
    }
    closedir(files);
}

static void remove_file(const char *path, void *context) {
    (void)context;
    assert_int_equal(unlink(path), 0);
}

static void count_file(const char *path, void *context) {
    (void)path;
    ++*(int *)context;
}

static int remove_folder(void **state) {
    (void)state;
    char lock[128];
    each_file(remove_file, NULL);
    snprintf(lock, sizeof lock, "%s/lock", folder);
    unlink(lock);
    return rmdir(folder);
}

static Index *build(const Crowd *crowd) {
    Index *index = NULL;
    if (index_fixture_build(crowd, base_str_from(folder), &index, &error) < 0)
        fail_msg("%s", error.text);
    return index;
}

static Index *open_index(const char *stamp) {
    Index *index = NULL;
    BASE_TEXT_SCOPED reason = {0};
    int r = index_open(base_str_from(folder), base_str_from(stamp), true, &index, &reason, &error);
    if (r != 0)
        fail_msg("%d: %s", r, r < 0 ? error.text : reason.data);
    return index;
}

static void test_opens_again(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        CrowdShape shape = {.seed = seed, .customers = 700, .rows_max = 20, .is_random = true};
        Crowd *crowd = index_fixture_crowd(&shape);
        INDEX_SCOPED built = build(crowd);
        index_fixture_check(built, crowd);
        INDEX_SCOPED index = open_index("stamp");
        index_fixture_check(index, crowd);
        IndexFacts a = index_facts(built), b = index_facts(index);
        assert_true(base_str_equal(b.stamp, STR("stamp")));
        assert_int_equal(a.event_count, b.event_count);
        assert_int_equal(a.file_bytes, b.file_bytes);
        assert_int_equal(a.core_bytes + a.column_bytes, a.file_bytes);
        index_fixture_free(crowd);
    }
    int count = 0; // those of the generations before are gone
    each_file(count_file, &count);
    assert_in_range(count, 4, 2 * 4 + 2);
}

static int outcome(const char *stamp, Text *reason) {
    Index *index = NULL;
    int r = index_open(base_str_from(folder), base_str_from(stamp), false, &index, reason, &error);
    if (r == 0)
        index_close(index);
    return r;
}

// As another version would write it: its number, and the checksum of the head with it.
static void set_version(Text *file, uint32_t version) {
    enum { AT_VERSION = 8, AT_SECTION_COUNT = 28, AT_CHECKSUM = 40, HEADER = 48 };
    uint64_t checksum = 0;
    uint32_t count;
    memcpy(file->data + AT_VERSION, &version, sizeof version);
    memcpy(file->data + AT_CHECKSUM, &checksum, sizeof checksum);
    memcpy(&count, file->data + AT_SECTION_COUNT, sizeof count);
    checksum = index_checksum(file->data, HEADER, 0);
    checksum = index_checksum(file->data + HEADER, count * sizeof(FrameSection), checksum);
    memcpy(file->data + AT_CHECKSUM, &checksum, sizeof checksum);
}

static void test_outcomes(void **state) {
    (void)state;
    BASE_TEXT_SCOPED reason = {0};
    assert_int_equal(outcome("", &reason), INDEX_MISSING);
    assert_non_null(reason.data);
    CrowdShape shape = {.seed = 3, .customers = 30, .rows_max = 5};
    Crowd *crowd = index_fixture_crowd(&shape);
    index_close(build(crowd));
    assert_int_equal(outcome("", &reason), 0);
    assert_int_equal(outcome("stamp", &reason), 0);
    assert_int_equal(outcome("another stamp", &reason), INDEX_OUTDATED);
    char path[128];
    snprintf(path, sizeof path, "%s/roster", folder);
    BASE_TEXT_SCOPED roster = {0};
    assert_int_equal(base_file_read(path, 1 << 20, &roster, &error), 0);
    set_version(&roster, 99);
    assert_int_equal(base_file_write(path, base_text_str(&roster), &error), 0);
    assert_int_equal(outcome("", &reason), INDEX_NEWER);
    set_version(&roster, 0);
    assert_int_equal(base_file_write(path, base_text_str(&roster), &error), 0);
    assert_int_equal(outcome("", &reason), INDEX_OUTDATED);
    index_fixture_free(crowd);
}

static void test_extends(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        CrowdShape shape = {.seed = seed, .customers = 600, .rows_max = 9, .is_random = true};
        Crowd *crowd = index_fixture_crowd(&shape);
        IndexBuild spec = index_fixture_spec(crowd, base_str_from(folder));
        size_t wanted_count = spec.wanted_count;
        for (int step = 0; step <= 3; step++) { // a third of the columns at a time
            IndexBuilder *builder = NULL;
            INDEX_SCOPED index = NULL;
            spec.wanted_count = wanted_count * (size_t)step / 3;
            int r = step == 0 ? index_build_begin(&spec, &builder, &error)
                              : index_extend_begin(&spec, &builder, &error);
            assert_int_equal(r, 0);
            assert_int_equal(index_fixture_fill(crowd, builder, seed + (uint64_t)step, &error), 0);
            assert_int_equal(index_build_end(builder, &index, &error), 0);
            index_fixture_check(index, crowd);
        }
        INDEX_SCOPED index = open_index("stamp");
        for (size_t i = 0; i < wanted_count; i++)
            assert_true(index_has_column(index, spec.wanted[i].event, spec.wanted[i].column,
                                         spec.wanted[i].type));
        index_fixture_free(crowd);
    }
}

static void test_refuses_to_extend(void **state) {
    (void)state;
    CrowdShape shape = {.seed = 5, .customers = 300, .rows_max = 5};
    Crowd *crowd = index_fixture_crowd(&shape);
    index_close(build(crowd));
    IndexBuild spec = index_fixture_spec(crowd, base_str_from(folder));
    IndexBuilder *builder = NULL;
    spec.stamp = STR("later");
    assert_int_equal(index_extend_begin(&spec, &builder, &error), INDEX_OUTDATED);
    spec.stamp = STR("stamp");
    IndexColumn unknown = {STR("no such event"), spec.columns[0], spec.types[0]};
    spec.wanted = &unknown;
    spec.wanted_count = 1;
    assert_int_equal(index_extend_begin(&spec, &builder, &error), INDEX_OUTDATED);
    // Other events than those of the index, under the same stamp.
    spec.wanted_count = 0;
    shape.seed = 6;
    Crowd *other = index_fixture_crowd(&shape);
    IndexBuild fresh = index_fixture_spec(other, base_str_from(folder));
    if (fresh.partition_count == spec.partition_count) {
        Index *extended = NULL;
        assert_int_equal(index_extend_begin(&spec, &builder, &error), 0);
        int r = index_fixture_fill(other, builder, 1, &error);
        assert_int_equal(r == 0 ? index_build_end(builder, &extended, &error) : r, INDEX_OUTDATED);
        if (r != 0)
            index_build_free(builder);
    }
    INDEX_SCOPED again = open_index("stamp");
    index_fixture_check(again, crowd);
    index_fixture_free(other);
    index_fixture_free(crowd);
}

static void test_only_one_builds(void **state) {
    (void)state;
    CrowdShape shape = {.seed = 5, .customers = 30, .rows_max = 5};
    Crowd *crowd = index_fixture_crowd(&shape);
    IndexBuild spec = index_fixture_spec(crowd, base_str_from(folder));
    IndexBuilder *first = NULL, *second = NULL;
    assert_int_equal(index_build_begin(&spec, &first, &error), 0);
    assert_int_equal(index_fixture_fill(crowd, first, 1, &error), 0);
    assert_int_equal(index_build_begin(&spec, &second, &error), BASE_E_STORE);
    assert_non_null(strstr(error.text, "being built"));
    INDEX_SCOPED index = NULL;
    assert_int_equal(index_build_end(first, &index, &error), 0);
    index_fixture_check(index, crowd);
    index_fixture_free(crowd);
}

static void test_gives_up(void **state) {
    (void)state;
    CrowdShape shape = {.seed = 11, .customers = 600, .rows_max = 50};
    Crowd *crowd = index_fixture_crowd(&shape);
    IndexBuild spec = index_fixture_spec(crowd, base_str_from(folder));
    IndexBuilder *builder = NULL;
    assert_int_equal(index_build_begin(&spec, &builder, &error), 0);
    assert_int_equal(index_fixture_fill(crowd, builder, 1, &error), 0);
    index_build_free(builder);
    int count = 0;
    each_file(count_file, &count);
    assert_int_equal(count, 0);
    spec.memory_bytes = 100000;
    assert_int_equal(index_build_begin(&spec, &builder, &error), 0);
    Index *index = NULL;
    int r = index_fixture_fill(crowd, builder, 1, &error);
    if (r == 0)
        r = index_build_end(builder, &index, &error);
    else
        index_build_free(builder);
    assert_int_equal(r, BASE_E_RESOURCES);
    assert_non_null(strstr(error.text, "memory"));
    index_fixture_free(crowd);
}

// --- threads ---

typedef struct Crew {
    const Crowd *crowd;
    IndexBuilder *builder;
    const Index *index;
} Crew;

static int fill_some(void *context, unsigned thread, size_t begin, size_t end) {
    (void)thread;
    Crew *crew = context;
    KretsError failure;
    int r = 0;
    for (size_t p = begin; r == 0 && p < end; p++)
        r = index_fixture_fill_partition(crew->crowd, crew->builder, (uint32_t)p, 1, &failure);
    return r;
}

static int read_all(void *context, unsigned thread, size_t begin, size_t end) {
    (void)thread;
    Crew *crew = context;
    KretsError failure;
    BASE_TEXT_SCOPED difference = {0};
    int r = 0;
    for (size_t i = begin; r == 0 && i < end; i++)
        r = index_fixture_compare(crew->index, crew->crowd, &difference, &failure);
    return r == 0 ? 0 : -1;
}

static void test_threads(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        CrowdShape shape = {.seed = seed, .customers = 600, .rows_max = 10};
        Crowd *crowd = index_fixture_crowd(&shape);
        IndexBuild spec = index_fixture_spec(crowd, base_str_from(folder));
        Crew crew = {.crowd = crowd};
        assert_int_equal(index_build_begin(&spec, &crew.builder, &error), 0);
        assert_int_equal(base_thread_for(4, index_fixture_partitions(crowd), 1, fill_some, &crew),
                         0);
        INDEX_SCOPED index = NULL;
        assert_int_equal(index_build_end(crew.builder, &index, &error), 0);
        crew.index = index;
        assert_int_equal(base_thread_for(4, 4, 1, read_all, &crew), 0);
        index_fixture_free(crowd);
    }
}

// --- damage ---

typedef struct Damage {
    const Crowd *crowd;
    uint64_t state;
    int per_file, seen_at_open, seen_at_read, unseen;
} Damage;

// What the index, as it is in the folder, answers: at best the truth, else an error.
static void read_damaged(Damage *damage, const char *what) {
    Index *index = NULL;
    BASE_TEXT_SCOPED reason = {0}, difference = {0};
    int r = index_open(base_str_from(folder), STR("stamp"), false, &index, &reason, &error);
    if (r != 0) {
        assert_in_range(r, INDEX_MISSING, INDEX_NEWER);
        assert_true(reason.size_bytes > 0);
        damage->seen_at_open++;
        return;
    }
    r = index_fixture_compare(index, damage->crowd, &difference, &error);
    index_close(index);
    if (r > 0)
        fail_msg("%s: a wrong answer: %s", what, difference.data);
    damage->seen_at_read += r < 0;
    damage->unseen += r == 0;
    // A thorough look sees all that can matter.
    r = index_open(base_str_from(folder), STR("stamp"), true, &index, &reason, &error);
    if (r == 0)
        index_close(index);
    assert_true(r >= 0);
}

static void damage_file(const char *path, void *context) {
    Damage *damage = context;
    BASE_TEXT_SCOPED content = {0};
    assert_int_equal(base_file_read(path, 1 << 26, &content, &error), 0);
    char moved[600];
    snprintf(moved, sizeof moved, "%s.kept", path);
    for (int i = 0; i < damage->per_file; i++) {
        size_t at = index_fixture_random(&damage->state) % content.size_bytes;
        size_t cut = i % 10 == 0 ? index_fixture_random(&damage->state) % content.size_bytes
                                 : content.size_bytes;
        char mask = (char)(1 << index_fixture_random(&damage->state) % 8);
        content.data[at] = (char)(content.data[at] ^ mask);
        int file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        assert_true(file >= 0 && write(file, content.data, cut) == (ssize_t)cut);
        close(file);
        char what[700];
        snprintf(what, sizeof what, "%s, byte %zu of %zu, cut %zu", path, at, content.size_bytes,
                 cut);
        read_damaged(damage, what);
        content.data[at] = (char)(content.data[at] ^ mask);
    }
    int file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(file, content.data, content.size_bytes), (ssize_t)content.size_bytes);
    close(file);
}

static void test_damage_is_never_an_answer(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        CrowdShape shape = {.seed = seed, .customers = 300, .rows_max = 4};
        Crowd *crowd = index_fixture_crowd(&shape);
        index_close(build(crowd));
        Damage damage = {.crowd = crowd, .state = seed, .per_file = 120};
        each_file(damage_file, &damage);
        assert_true(damage.seen_at_open > 0 && damage.seen_at_read > 0);
        assert_int_equal(damage.unseen, 0);
        INDEX_SCOPED index = open_index("stamp"); // put back as it was
        index_fixture_check(index, crowd);
        index_fixture_free(crowd);
    }
}

static void test_missing_file(void **state) {
    (void)state;
    CrowdShape shape = {.seed = 4, .customers = 300, .rows_max = 4};
    Crowd *crowd = index_fixture_crowd(&shape);
    index_close(build(crowd));
    char path[128];
    snprintf(path, sizeof path, "%s/1-0-core.index", folder);
    assert_int_equal(unlink(path), 0);
    BASE_TEXT_SCOPED reason = {0};
    assert_int_equal(outcome("stamp", &reason), INDEX_DAMAGED);
    assert_non_null(strstr(reason.data, "1-0-core.index"));
    INDEX_SCOPED index = build(crowd);
    index_fixture_check(index, crowd);
    index_fixture_free(crowd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_opens_again),     TEST(test_outcomes),
        TEST(test_extends),         TEST(test_refuses_to_extend),
        TEST(test_only_one_builds), TEST(test_gives_up),
        TEST(test_threads),         TEST(test_damage_is_never_an_answer),
        TEST(test_missing_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
