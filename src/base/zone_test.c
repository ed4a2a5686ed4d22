// Zones against known facts, against the C library, and the property that windows never go back.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/zone.h"
#include "base/zone_private.h"

#define SEED    UINT64_C(20240331)
#define HOUR_US (INT64_C(3600) * CALENDAR_US_PER_SECOND)

static uint64_t random_state;

static uint64_t next_random(void) { // splitmix64
    uint64_t x = random_state += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

static int64_t random_between(int64_t low, int64_t high) {
    return low + (int64_t)(next_random() % (uint64_t)(high - low));
}

static const Zone *open_zone(const char *name) {
    const Zone *zone = NULL;
    KretsError error;
    if (base_zone_open(base_str_from(name), &zone, &error) != BASE_OK) {
        fail_msg("%s", error.text);
    }
    return zone;
}

// "2026-01-31T12:00" as microseconds, whatever the zone.
static int64_t at(const char *text) {
    int64_t time_us = 0;
    bool has_offset = false;
    int32_t offset_s = 0;
    if (!base_calendar_parse_time(base_str_from(text), &time_us, &has_offset, &offset_s)) {
        fail_msg("bad time %s", text);
    }
    return time_us - (has_offset ? offset_s : 0) * CALENDAR_US_PER_SECOND;
}

static void assert_time(int64_t actual_us, const char *expected) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Str text = base_calendar_format_local(arena, actual_us);
    assert_string_equal(text.data, expected);
}

static void assert_instant(const char *zone, const char *local, ZoneFold fold, const char *utc) {
    ZoneFold seen;
    int64_t instant_us = base_zone_instant(open_zone(zone), at(local), &seen);
    assert_time(instant_us, utc);
    assert_int_equal(seen, fold);
}

static int day_of(const char *date) {
    int32_t day = 0;
    assert_true(base_calendar_parse_date(base_str_from(date), &day));
    return day;
}

static void test_instants_in_gaps_and_overlaps(void **state) {
    (void)state;
    assert_instant("Europe/London", "2026-03-29T00:59:59", ZONE_EXACT, "2026-03-29T00:59:59");
    assert_instant("Europe/London", "2026-03-29T01:30", ZONE_GAP, "2026-03-29T01:30:00");
    assert_instant("Europe/London", "2026-03-29T02:00", ZONE_EXACT, "2026-03-29T01:00:00");
    assert_instant("Europe/London", "2026-10-25T01:30", ZONE_OVERLAP, "2026-10-25T00:30:00");
    assert_instant("Europe/London", "2026-10-25T02:00", ZONE_EXACT, "2026-10-25T02:00:00");
    assert_instant("Australia/Lord_Howe", "2026-10-04T02:15", ZONE_GAP, "2026-10-03T15:45:00");
    assert_instant("Australia/Lord_Howe", "2026-04-05T01:45", ZONE_OVERLAP, "2026-04-04T14:45:00");
    assert_instant("Asia/Kolkata", "2026-01-31T12:00", ZONE_EXACT, "2026-01-31T06:30:00");
    assert_instant("America/Sao_Paulo", "2018-11-04T00:30", ZONE_GAP, "2018-11-04T03:30:00");
    assert_instant("Pacific/Apia", "2011-12-30T12:00", ZONE_GAP, "2011-12-30T22:00:00");
    // Ramadan takes Morocco's clocks back an hour.
    assert_instant("Africa/Casablanca", "2026-02-15T02:30", ZONE_OVERLAP, "2026-02-15T01:30:00");
    assert_instant("Africa/Casablanca", "2026-03-22T02:30", ZONE_GAP, "2026-03-22T02:30:00");
    // Far beyond the table: the rule of the last line.
    assert_instant("Europe/London", "2999-07-01T12:00", ZONE_EXACT, "2999-07-01T11:00:00");
    assert_instant("America/New_York", "9998-07-01T12:00", ZONE_EXACT, "9998-07-01T16:00:00");
}

static void test_midnights(void **state) {
    (void)state;
    const Zone *zone = open_zone("America/Sao_Paulo"); // the day began at 01:00
    assert_time(base_zone_midnight(zone, day_of("2018-11-04")), "2018-11-04T03:00:00");
    assert_int_equal(base_zone_day(zone, at("2018-11-04T02:59:59Z")), day_of("2018-11-03"));
    assert_int_equal(base_zone_day(zone, at("2018-11-04T03:00:00Z")), day_of("2018-11-04"));
    zone = open_zone("Pacific/Apia"); // no 30 December 2011
    assert_time(base_zone_midnight(zone, day_of("2011-12-30")), "2011-12-30T10:00:00");
    assert_time(base_zone_midnight(zone, day_of("2011-12-31")), "2011-12-30T10:00:00");
    assert_int_equal(base_zone_day(zone, at("2011-12-30T10:00:00Z")), day_of("2011-12-31"));
    assert_time(base_zone_period(zone, at("2011-12-31T12:00Z"), UNIT_DAY, -1),
                "2011-12-30T10:00:00");
    zone = open_zone("Europe/London");
    assert_time(base_zone_midnight(zone, day_of("2026-07-01")), "2026-06-30T23:00:00");
}

static void test_periods(void **state) {
    (void)state;
    const Zone *zone = open_zone("Europe/London");
    int64_t now_us = at("2026-07-01T12:34:56Z"); // a Wednesday
    assert_time(base_zone_period(zone, now_us, UNIT_HOUR, 0), "2026-07-01T12:00:00");
    assert_time(base_zone_period(zone, now_us, UNIT_MINUTE, -1), "2026-07-01T12:33:00");
    assert_time(base_zone_period(zone, now_us, UNIT_DAY, 0), "2026-06-30T23:00:00");
    assert_time(base_zone_period(zone, now_us, UNIT_WEEK, 0), "2026-06-28T23:00:00");
    assert_time(base_zone_period(zone, now_us, UNIT_WEEK, -1), "2026-06-21T23:00:00");
    assert_time(base_zone_period(zone, now_us, UNIT_MONTH, 1), "2026-07-31T23:00:00");
    assert_time(base_zone_period(zone, now_us, UNIT_QUARTER, -1), "2026-03-31T23:00:00");
    assert_time(base_zone_period(zone, now_us, UNIT_QUARTER, -2), "2026-01-01T00:00:00");
    assert_time(base_zone_period(zone, now_us, UNIT_YEAR, 0), "2026-01-01T00:00:00");
    assert_time(base_zone_period(open_zone("Asia/Kolkata"), now_us, UNIT_HOUR, 0),
                "2026-07-01T12:30:00");
    assert_int_equal(base_zone_period(zone, now_us, UNIT_YEAR, -5000), CALENDAR_TIME_MIN);
    assert_int_equal(base_zone_period(zone, now_us, UNIT_YEAR, 9000), CALENDAR_TIME_MAX);
}

static void assert_window(const char *zone, const char *now, CalendarUnit unit, int64_t n,
                          const char *start) {
    assert_time(base_zone_window_start(open_zone(zone), at(now), unit, n), start);
}

static void test_window_starts(void **state) {
    (void)state;
    assert_window("UTC", "2026-12-31T12:00Z", UNIT_MONTH, 3, "2026-09-30T23:59:59.999999");
    assert_window("UTC", "2026-12-30T12:00Z", UNIT_MONTH, 3, "2026-09-30T12:00:00");
    assert_window("UTC", "2024-02-29T08:00Z", UNIT_YEAR, 1, "2023-02-28T23:59:59.999999");
    assert_window("UTC", "2028-02-29T08:00Z", UNIT_YEAR, 4, "2024-02-29T08:00:00");
    assert_window("UTC", "2026-05-31T08:00Z", UNIT_QUARTER, 1, "2026-02-28T23:59:59.999999");
    // 2026-03-29 has 23 hours in London, 2026-10-25 has 25.
    assert_window("Europe/London", "2026-04-29T22:30Z", UNIT_MONTH, 1,
                  "2026-03-29T22:59:59.999999");
    assert_window("Europe/London", "2026-11-25T12:00Z", UNIT_MONTH, 1, "2026-10-25T11:00:00");
    assert_window("UTC", "2026-03-29T22:30Z", UNIT_DAY, 30, "2026-02-27T22:30:00");
    const Zone *zone = open_zone("UTC");
    int64_t now_us = at("2026-01-01T00:00Z");
    assert_int_equal(base_zone_window_start(zone, now_us, UNIT_YEAR, 3000), CALENDAR_TIME_MIN);
    assert_int_equal(base_zone_window_start(zone, now_us, UNIT_WEEK, INT64_MAX), CALENDAR_TIME_MIN);
    assert_int_equal(base_zone_window_start(zone, now_us, UNIT_YEAR, INT64_MAX), CALENDAR_TIME_MIN);
}

static void test_additions(void **state) {
    (void)state;
    const Zone *zone = open_zone("Europe/London");
    assert_time(base_zone_add(zone, at("2026-01-31T12:00Z"), UNIT_MONTH, 1), "2026-02-28T12:00:00");
    assert_time(base_zone_add(zone, at("2026-02-28T01:30Z"), UNIT_MONTH, 1), "2026-03-28T01:30:00");
    assert_time(base_zone_add(zone, at("2026-03-01T01:30Z"), UNIT_DAY, 28), "2026-03-29T01:30:00");
    assert_time(base_zone_add(zone, at("2026-01-29T01:30Z"), UNIT_MONTH, 2), "2026-03-29T01:30:00");
    assert_time(base_zone_add(zone, at("2026-07-01T11:00Z"), UNIT_YEAR, 1), "2027-07-01T11:00:00");
    assert_time(base_zone_add(zone, at("2026-07-01T11:00Z"), UNIT_QUARTER, -2),
                "2026-01-01T12:00:00");
    assert_int_equal(base_zone_add(zone, 0, UNIT_YEAR, INT64_MAX), CALENDAR_TIME_MAX);
    assert_int_equal(base_zone_add(zone, 0, UNIT_HOUR, INT64_MIN), CALENDAR_TIME_MIN);
}

static void test_bad_names_are_refused_with_suggestions(void **state) {
    (void)state;
    const char *const bad[] = {"../../etc/passwd", "/etc/localtime",  "",
                               "Europe/Lodnon",    "right/UTC",       "localtime",
                               "posixrules",       "Factory",         "zone.tab",
                               "Europe",           "Europe//London\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const Zone *zone = NULL;
        KretsError error;
        assert_int_equal(base_zone_open(base_str_from(bad[i]), &zone, &error), BASE_E_USAGE);
        assert_null(zone);
        assert_null(base_zone_find(base_str_from(bad[i])));
    }
    KretsError error;
    const Zone *zone;
    base_zone_open(STR("Europe/Lodnon"), &zone, &error);
    assert_non_null(strstr(error.text, "Did you mean Europe/London"));
    assert_ptr_equal(open_zone("Europe/London"), base_zone_find(STR("Europe/London")));
    assert_true(base_zone_version().size_bytes >= 5);
}

// A hurt file gives an error or a zone, never a bad read (run under the sanitizers).
static void test_hurt_files_are_survived(void **state) {
    (void)state;
    BASE_TEXT_SCOPED bytes = {0};
    assert_int_equal(base_file_read("/usr/share/zoneinfo/Europe/London", 1 << 20, &bytes, NULL),
                     BASE_OK);
    random_state = SEED;
    size_t refused = 0;
    for (int turn = 0; turn < 3000; turn++) {
        char *hurt = malloc(bytes.size_bytes); // exact size, so that the sanitizer sees the end
        assert_non_null(hurt);
        memcpy(hurt, bytes.data, bytes.size_bytes);
        size_t size = bytes.size_bytes;
        if (turn % 2 == 0) {
            size = (size_t)random_between(0, (int64_t)size);
        }
        for (int i = 0; i < 3 && size > 0; i++) {
            hurt[random_between(0, (int64_t)(turn % 3 == 0 && size > 60 ? 60 : size))] =
                (char)next_random();
        }
        Zone zone;
        if (base_zone_decode((Str){hurt, size}, &zone) == 0) {
            base_zone_day(&zone, random_between(CALENDAR_TIME_MIN, CALENDAR_TIME_MAX));
            base_zone_instant(&zone, random_between(CALENDAR_TIME_MIN, CALENDAR_TIME_MAX), NULL);
            free(zone.at_us);
            free(zone.offset_s);
        } else {
            refused++;
        }
        free(hurt);
    }
    assert_true(refused > 100);
}

typedef void (*ZoneCheck)(const char *name, const Zone *zone);

// Calls `check` for every zone of zone1970.tab.
static void for_all_zones(ZoneCheck check) {
    BASE_TEXT_SCOPED table = {0};
    KretsError error;
    if (base_file_read("/usr/share/zoneinfo/zone1970.tab", 1 << 20, &table, &error) != BASE_OK) {
        fail_msg("%s", error.text);
    }
    size_t count = 0;
    char *rest = table.data;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        if (line[0] == '#' || line[0] == '\0') {
            continue;
        }
        strsep(&line, "\t");
        strsep(&line, "\t");
        const char *name = strsep(&line, "\t");
        check(name, open_zone(name));
        count++;
    }
    assert_true(count > 250);
}

static void check_window_order(const char *name, const Zone *zone, int64_t early_us,
                               int64_t late_us) {
    static const CalendarUnit units[] = {UNIT_MONTH, UNIT_QUARTER, UNIT_YEAR};
    static const int64_t lengths[] = {1, 2, 3, 6, 11, 12, 13};
    for (size_t u = 0; u < 3; u++) {
        for (size_t i = 0; i < 7; i++) {
            int64_t before_us = base_zone_window_start(zone, early_us, units[u], lengths[i]);
            int64_t after_us = base_zone_window_start(zone, late_us, units[u], lengths[i]);
            if (before_us > after_us) {
                fail_msg("%s: last %d of unit %d goes back %lld us between %lld and %lld (seed "
                         "%llu)",
                         name, (int)lengths[i], (int)units[u], (long long)(before_us - after_us),
                         (long long)early_us, (long long)late_us, (unsigned long long)SEED);
            }
            assert_true(after_us < late_us);
        }
        int64_t period_us = base_zone_period(zone, late_us, units[u], 0);
        assert_true(period_us <= late_us);
        assert_true(base_zone_period(zone, late_us, units[u], 1) > late_us);
        assert_true(base_zone_period(zone, early_us, units[u], 0) <= period_us);
    }
    assert_true(base_zone_period(zone, late_us, UNIT_DAY, 0) <= late_us);
    assert_true(base_zone_period(zone, late_us, UNIT_DAY, 1) > late_us);
    assert_true(base_zone_period(zone, late_us, UNIT_WEEK, 1) > late_us);
}

static void check_around(const char *name, const Zone *zone, int64_t edge_us) {
    static const int64_t steps[] = {
        -25 * HOUR_US, -HOUR_US - 1,        -HOUR_US,    -1, 0, 1, HOUR_US - 1,
        HOUR_US,       90 * (HOUR_US / 60), 25 * HOUR_US};
    for (size_t i = 1; i < sizeof steps / sizeof *steps; i++) {
        check_window_order(name, zone, edge_us + steps[i - 1], edge_us + steps[i]);
    }
}

static void check_zone_windows(const char *name, const Zone *zone) {
    const int64_t low = at("1900-01-01T00:00Z");
    const int64_t high = at("2150-01-01T00:00Z");
    for (int i = 0; i < 40; i++) {
        int64_t now_us = random_between(low, high);
        check_window_order(name, zone, now_us, now_us + random_between(1, 40 * HOUR_US));
        Date date = base_calendar_date(base_zone_day(zone, now_us));
        date.day = 1; // a month's first midnight
        check_around(name, zone, base_zone_midnight(zone, base_calendar_day(date)));
    }
    int64_t change_us = low;
    for (int i = 0; i < 120; i++) {
        change_us = base_zone_next_change(zone, change_us);
        if (change_us > high) {
            break;
        }
        check_around(name, zone, change_us);
        check_around(name, zone, base_zone_add(zone, change_us, UNIT_MONTH, 1));
    }
}

static void test_windows_never_go_back(void **state) {
    (void)state;
    random_state = SEED;
    for_all_zones(check_zone_windows);
}

// A local time is shown by the instant it is given, unless it is in a gap; then it is later.
static void check_zone_round_trip(const char *name, const Zone *zone) {
    int64_t change_us = at("1900-01-01T00:00Z");
    for (int i = 0; i < 300; i++) {
        int64_t around_us = random_between(at("1890-01-01T00:00Z"), at("4000-01-01T00:00Z"));
        if (i % 2 == 0) {
            change_us = base_zone_next_change(zone, change_us);
            if (change_us == INT64_MAX) {
                break;
            }
            around_us = change_us + base_zone_offset(zone, change_us) * CALENDAR_US_PER_SECOND;
        }
        int64_t local_us = around_us + random_between(-3 * HOUR_US, 3 * HOUR_US);
        ZoneFold fold;
        int64_t instant_us = base_zone_instant(zone, local_us, &fold);
        int64_t shown_us = base_zone_local(zone, instant_us);
        bool fine = fold == ZONE_GAP ? shown_us > local_us : shown_us == local_us;
        for (int64_t back = 1; back <= 8 && fine; back++) { // no earlier instant shows it
            fine = base_zone_local(zone, instant_us - back * HOUR_US / 4) != local_us;
        }
        if (!fine) {
            fail_msg("%s: local %lld gives %lld, which shows %lld", name, (long long)local_us,
                     (long long)instant_us, (long long)shown_us);
        }
    }
}

static void test_local_times_come_back(void **state) {
    (void)state;
    random_state = SEED;
    for_all_zones(check_zone_round_trip);
}

// In a child, since TZ is the whole process's: the C library's own answer.
static int compare_with_libc(const char *name, const Zone *zone) {
    setenv("TZ", name, 1);
    tzset();
    for (int i = 0; i < 200; i++) {
        int64_t second = random_between(-INT64_C(2000000000), INT64_C(16000000000));
        time_t when = (time_t)second;
        struct tm broken;
        localtime_r(&when, &broken);
        int32_t offset_s = base_zone_offset(zone, second * CALENDAR_US_PER_SECOND);
        if (broken.tm_gmtoff != offset_s) {
            fprintf(stderr, "%s at %lld: %ld, not %d\n", name, (long long)second, broken.tm_gmtoff,
                    offset_s);
            return 1;
        }
        broken.tm_isdst = -1;
        int64_t local_us = base_zone_local(zone, second * CALENDAR_US_PER_SECOND);
        ZoneFold fold;
        int64_t instant_us = base_zone_instant(zone, local_us, &fold);
        if (fold == ZONE_EXACT && mktime(&broken) * CALENDAR_US_PER_SECOND != instant_us) {
            fprintf(stderr, "%s: local time of %lld differs\n", name, (long long)second);
            return 1;
        }
    }
    return 0;
}

static void check_zone_libc(const char *name, const Zone *zone) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(compare_with_libc(name, zone));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    next_random();
}

static void test_offsets_agree_with_the_c_library(void **state) {
    (void)state;
    random_state = SEED;
    for_all_zones(check_zone_libc);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instants_in_gaps_and_overlaps),
        cmocka_unit_test(test_midnights),
        cmocka_unit_test(test_periods),
        cmocka_unit_test(test_window_starts),
        cmocka_unit_test(test_additions),
        cmocka_unit_test(test_bad_names_are_refused_with_suggestions),
        cmocka_unit_test(test_hurt_files_are_survived),
        cmocka_unit_test(test_windows_never_go_back),
        cmocka_unit_test(test_local_times_come_back),
        cmocka_unit_test(test_offsets_agree_with_the_c_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
