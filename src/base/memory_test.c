// Errors, arenas, texts, maps, files and threads.
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/map.h"
#include "base/thread.h"
#include "base/utf8.h"

static void test_errors_keep_code_and_text(void **state) {
    (void)state;
    KretsError error = {0};
    assert_int_equal(base_error_set(NULL, BASE_E_STORE, "x"), BASE_E_STORE);
    assert_int_equal(base_error_set(&error, BASE_E_USAGE, "line %d", 7), BASE_E_USAGE);
    assert_int_equal(base_error_prefix(&error, BASE_E_STORE, "krets.yaml"), BASE_E_STORE);
    assert_string_equal(error.text, "krets.yaml: line 7");
    assert_int_equal(error.code, BASE_E_STORE);
    base_error_set(&error, BASE_E_USAGE, "%s!", error.text); // its own text as argument
    assert_string_equal(error.text, "krets.yaml: line 7!");
}

static void test_long_errors_are_cut_at_a_code_point(void **state) {
    (void)state;
    KretsError error;
    BASE_TEXT_SCOPED text = {0};
    for (size_t lead = 0; lead < 4; lead++) {
        base_text_clear(&text);
        base_text_append(&text, (Str){"abc", lead});
        while (text.size_bytes < (size_t)2 * BASE_ERROR_TEXT_MAX) {
            base_text_append(&text, STR("\xE2\x82\xAC\xF0\x9F\x99\x82\xC3\xA5"));
        }
        base_error_set(&error, BASE_E_USAGE, "%s", text.data);
        Str seen = base_str_from(error.text);
        assert_int_equal(base_utf8_invalid(seen), seen.size_bytes);
        assert_in_range(seen.size_bytes, BASE_ERROR_TEXT_MAX - 5, BASE_ERROR_TEXT_MAX - 1);
        base_error_prefix(&error, BASE_E_USAGE, "%s", "x");
        seen = base_str_from(error.text);
        assert_int_equal(base_utf8_invalid(seen), seen.size_bytes);
    }
}

static void test_arena_memory_is_zeroed_aligned_and_limited(void **state) {
    (void)state;
    BASE_ARENA_SCOPED arena = base_arena_new(100000);
    for (int turn = 0; turn < 3; turn++) {
        size_t taken = 0;
        unsigned char *memory;
        for (size_t size = 1; (memory = base_arena_alloc(arena, size)) != NULL; size += 37) {
            assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
            for (size_t i = 0; i < size; i++) {
                assert_int_equal(memory[i], 0);
            }
            memset(memory, 0xEE, size);
            taken += size;
        }
        assert_in_range(taken, 90000, 100000);
        assert_true(base_arena_used(arena) <= 100000);
        assert_null(base_arena_alloc_array(arena, SIZE_MAX / 2, 8));
        base_arena_reset(arena);
        assert_int_equal(base_arena_used(arena), 0);
    }
    int *numbers = base_arena_alloc_array(arena, 2, sizeof *numbers);
    numbers[1] = 5;
    numbers = base_arena_grow(arena, numbers, 2, 2000, sizeof *numbers);
    assert_int_equal(numbers[1], 5);
    assert_int_equal(numbers[1999], 0);
    Str text = base_arena_printf(arena, "%d-%s", 12, "x");
    assert_true(base_str_equal(text, STR("12-x")));
    assert_string_equal(base_arena_str(arena, (Str){"abcdef", 3}).data, "abc");
    base_arena_free(NULL);
}

static void test_texts(void **state) {
    (void)state;
    assert_true(base_str_compare(STR("a"), STR("b")) < 0);
    assert_true(base_str_compare(STR("a"), STR("ab")) < 0);
    assert_true(base_str_compare(STR("\xC3\xA5"), STR("z")) > 0); // bytes are unsigned
    assert_int_equal(base_str_compare((Str){NULL, 0}, STR("")), 0);
    assert_true(base_str_equal((Str){NULL, 0}, STR("")));
    assert_true(base_str_starts(STR("order"), STR("or")));
    assert_false(base_str_starts(STR("or"), STR("order")));
    assert_true(base_str_ends(STR("order"), STR("der")));
    assert_true(base_str_contains(STR("order"), STR("rde")));
    assert_false(base_str_contains(STR("order"), STR("rdx")));
    assert_true(base_str_contains((Str){NULL, 0}, (Str){NULL, 0}));
    assert_true(base_str_equal(base_str_trim(STR(" \t a b\n")), STR("a b")));
    BASE_TEXT_SCOPED text = {0};
    base_text_printf(&text, "%s", "");
    assert_string_equal(text.data, "");
    for (int i = 0; i < 1000; i++) {
        base_text_append_char(&text, 'a');
        base_text_printf(&text, "%d", i);
    }
    assert_int_equal(text.size_bytes, strlen(text.data));
    assert_int_equal(text.size_bytes, 1000 + 10 + 180 + 2700);
}

static void test_map_holds_many_keys(void **state) {
    (void)state;
    BASE_MAP_SCOPED map = base_map_new();
    char key[32];
    uint64_t value = 0;
    for (uint64_t i = 0; i < 50000; i++) {
        int length = snprintf(key, sizeof key, "customer %d", (int)i);
        assert_true(base_map_put(map, (Str){key, (size_t)length}, i));
    }
    assert_false(base_map_put(map, STR("customer 7"), 8));
    assert_true(base_map_put(map, (Str){NULL, 0}, 9));
    assert_false(base_map_put(map, STR(""), 10));
    assert_true(base_map_put(map, (Str){"a\0b", 3}, 11));
    assert_int_equal(base_map_count(map), 50002);
    for (uint64_t i = 0; i < 50000; i++) {
        int length = snprintf(key, sizeof key, "customer %d", (int)i);
        assert_true(base_map_get(map, (Str){key, (size_t)length}, &value));
        assert_int_equal(value, i == 7 ? 8 : i);
    }
    assert_true(base_map_get(map, STR(""), &value));
    assert_int_equal(value, 10);
    assert_false(base_map_get(map, STR("a"), &value));
    base_map_free(NULL);
}

typedef struct Seen {
    _Atomic unsigned char items[10007];
    size_t stop_at;
} Seen;

static int mark_items(void *context, unsigned thread, size_t begin, size_t end) {
    Seen *seen = context;
    assert_true(thread < 4 && end - begin <= 64);
    for (size_t i = begin; i < end; i++) {
        if (i == seen->stop_at) {
            return -7;
        }
        atomic_fetch_add(&seen->items[i], 1);
    }
    return 0;
}

static void test_threads_do_each_item_once(void **state) {
    (void)state;
    assert_true(base_thread_count() >= 1);
    Seen *seen = calloc(1, sizeof *seen);
    assert_non_null(seen);
    seen->stop_at = SIZE_MAX;
    assert_int_equal(base_thread_for(4, 10007, 64, mark_items, seen), 0);
    for (size_t i = 0; i < 10007; i++) {
        assert_int_equal(seen->items[i], 1);
    }
    seen->stop_at = 5000;
    assert_int_equal(base_thread_for(4, 10007, 64, mark_items, seen), -7);
    assert_int_equal(seen->items[5000], 1);
    assert_int_equal(base_thread_for(0, 0, 0, mark_items, seen), 0);
    free(seen);
}

static void test_files_are_written_whole_and_read_within_limits(void **state) {
    (void)state;
    char folder[] = "/tmp/krets-file-XXXXXX";
    assert_non_null(mkdtemp(folder));
    BASE_TEXT_SCOPED path = {0};
    base_text_printf(&path, "%s/a.txt", folder);
    KretsError error;
    assert_int_equal(base_file_write(path.data, STR("first"), &error), BASE_OK);
    assert_int_equal(base_file_write(path.data, (Str){"se\0cond", 7}, &error), BASE_OK);
    BASE_TEXT_SCOPED text = {0};
    base_text_append(&text, STR("kept "));
    assert_int_equal(base_file_read(path.data, 6, &text, &error), BASE_E_USAGE);
    assert_non_null(strstr(error.text, "limit of 6 bytes"));
    assert_string_equal(text.data, "kept ");
    assert_int_equal(base_file_read(path.data, 7, &text, &error), BASE_OK);
    assert_true(base_str_equal(base_text_str(&text), (Str){"kept se\0cond", 12}));
    struct stat status;
    assert_int_equal(stat(path.data, &status), 0);
    assert_int_equal(status.st_mode & 0600, 0600);
    assert_int_equal(base_file_read(folder, 100, &text, &error), BASE_E_USAGE);
    assert_int_equal(unlink(path.data), 0);
    assert_int_equal(base_file_read(path.data, 100, &text, &error), BASE_E_STORE);
    assert_non_null(strstr(error.text, path.data));
    assert_int_equal(rmdir(folder), 0); // no temporary file is left
    assert_int_equal(base_file_write(path.data, STR("x"), &error), BASE_E_STORE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_keep_code_and_text),
        cmocka_unit_test(test_long_errors_are_cut_at_a_code_point),
        cmocka_unit_test(test_arena_memory_is_zeroed_aligned_and_limited),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_map_holds_many_keys),
        cmocka_unit_test(test_threads_do_each_item_once),
        cmocka_unit_test(test_files_are_written_whole_and_read_within_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
