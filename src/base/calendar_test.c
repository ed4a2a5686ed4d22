// The calendar against a count of days one by one, and dates and times as text.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/calendar.h"

static void test_every_day_of_the_calendar(void **state) {
    (void)state;
    Date date = {1, 1, 1};
    for (int32_t day = CALENDAR_DAY_MIN; day <= CALENDAR_DAY_MAX; day++) {
        Date seen = base_calendar_date(day);
        bool same = seen.year == date.year && seen.month == date.month && seen.day == date.day;
        if (!same || base_calendar_day(date) != day || !base_calendar_valid(date)) {
            fail_msg("day %d is %d-%d-%d", day, seen.year, seen.month, seen.day);
        }
        date.day++;
        if (date.day > base_calendar_month_days(date.year, date.month)) {
            date = (Date){date.year + (date.month == 12), date.month % 12 + 1, 1};
        }
    }
    assert_int_equal(date.year, 10000);
    assert_int_equal(base_calendar_day((Date){1970, 1, 1}), 0);
    assert_int_equal(base_calendar_day((Date){2000, 2, 29}), 11016);
}

static void test_leap_years_and_validity(void **state) {
    (void)state;
    assert_int_equal(base_calendar_month_days(2024, 2), 29);
    assert_int_equal(base_calendar_month_days(2000, 2), 29);
    assert_int_equal(base_calendar_month_days(1900, 2), 28);
    assert_int_equal(base_calendar_month_days(2023, 2), 28);
    assert_false(base_calendar_valid((Date){2023, 2, 29}));
    assert_false(base_calendar_valid((Date){2023, 13, 1}));
    assert_false(base_calendar_valid((Date){2023, 0, 1}));
    assert_false(base_calendar_valid((Date){2023, 4, 31}));
    assert_false(base_calendar_valid((Date){0, 1, 1}));
    assert_false(base_calendar_valid((Date){10000, 1, 1}));
}

static void test_weekdays(void **state) {
    (void)state;
    assert_int_equal(base_calendar_weekday(0), 4);
    assert_int_equal(base_calendar_weekday(-1), 3);
    assert_int_equal(base_calendar_weekday(base_calendar_day((Date){2026, 1, 31})), 6);
    assert_int_equal(base_calendar_weekday(CALENDAR_DAY_MIN), 1);
    for (int32_t day = -1000; day < 1000; day++) {
        assert_int_equal(base_calendar_weekday(day + 1), base_calendar_weekday(day) % 7 + 1);
    }
}

static void assert_months(Date date, int64_t months, Date expected) {
    Date seen = base_calendar_add_months(date, months);
    assert_int_equal(seen.year, expected.year);
    assert_int_equal(seen.month, expected.month);
    assert_int_equal(seen.day, expected.day);
}

static void test_months_keep_the_day(void **state) {
    (void)state;
    assert_months((Date){2026, 1, 31}, 1, (Date){2026, 2, 31});
    assert_months((Date){2026, 1, 31}, -1, (Date){2025, 12, 31});
    assert_months((Date){2026, 12, 1}, 1, (Date){2027, 1, 1});
    assert_months((Date){2024, 2, 29}, -12, (Date){2023, 2, 29});
    assert_months((Date){2024, 2, 29}, -49, (Date){2020, 1, 29});
    assert_true(base_calendar_add_months((Date){2024, 2, 29}, INT64_MAX).year > 9999);
    assert_true(base_calendar_add_months((Date){2024, 2, 29}, INT64_MIN).year < 1);
}

static void test_easter(void **state) {
    (void)state;
    static const Date western[] = {{1818, 3, 22}, {1943, 4, 25}, {2000, 4, 23}, {2008, 3, 23},
                                   {2024, 3, 31}, {2025, 4, 20}, {2026, 4, 5},  {2038, 4, 25}};
    static const Date orthodox[] = {{2000, 4, 30}, {2008, 4, 27}, {2023, 4, 16},
                                    {2024, 5, 5},  {2025, 4, 20}, {2026, 4, 12}};
    for (size_t i = 0; i < sizeof western / sizeof *western; i++) {
        assert_int_equal(base_calendar_easter(western[i].year), base_calendar_day(western[i]));
    }
    for (size_t i = 0; i < sizeof orthodox / sizeof *orthodox; i++) {
        assert_int_equal(base_calendar_easter_orthodox(orthodox[i].year),
                         base_calendar_day(orthodox[i]));
    }
    for (int32_t year = 1900; year < 2300; year++) {
        int32_t day = base_calendar_easter(year);
        assert_int_equal(base_calendar_weekday(day), 7);
        assert_in_range(day, base_calendar_day((Date){year, 3, 22}),
                        base_calendar_day((Date){year, 4, 25}));
        assert_int_equal(base_calendar_weekday(base_calendar_easter_orthodox(year)), 7);
    }
}

typedef struct TimeCase {
    const char *text;
    const char *local; // NULL: malformed
    int32_t offset_s;  // INT32_MIN: none
} TimeCase;

static void test_times_are_read(void **state) {
    (void)state;
    static const TimeCase cases[] = {
        {"2026-01-31T12:00", "2026-01-31T12:00:00", INT32_MIN},
        {"2026-01-31 12:00:01", "2026-01-31T12:00:01", INT32_MIN},
        {"2026-01-31T12:00:01.5", "2026-01-31T12:00:01.5", INT32_MIN},
        {"2026-01-31T12:00:01.000001Z", "2026-01-31T12:00:01.000001", 0},
        {"2026-01-31T12:00+02", "2026-01-31T12:00:00", 7200},
        {"2026-01-31T12:00-05:30", "2026-01-31T12:00:00", -19800},
        {"0001-01-01T00:00Z", "0001-01-01T00:00:00", 0},
        {"9999-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999", INT32_MIN},
        {"0001-01-01T00:00+01", NULL, 0},
        {"9999-12-31T23:59:59-01", NULL, 0},
        {"2026-01-31", NULL, 0},
        {"2026-01-31T", NULL, 0},
        {"2026-01-31T24:00", NULL, 0},
        {"2026-01-31T12:60", NULL, 0},
        {"2026-01-31T12:00:60", NULL, 0},
        {"2026-02-29T12:00", NULL, 0},
        {"2026-1-31T12:00", NULL, 0},
        {"2026-01-31  12:00", NULL, 0},
        {"2026-01-31T12:00:01.", NULL, 0},
        {"2026-01-31T12:00:01.0000001", NULL, 0},
        {"2026-01-31T12:00Zx", NULL, 0},
        {"2026-01-31T12:00+2", NULL, 0},
        {"2026-01-31T12:00+02:", NULL, 0},
        {"2026-01-31T12:00 Z", NULL, 0},
        {"", NULL, 0},
    };
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t local_us = 0;
        bool has_offset = false;
        int32_t offset_s = INT32_MIN;
        bool fine = base_calendar_parse_time(base_str_from(cases[i].text), &local_us, &has_offset,
                                             &offset_s);
        if (fine != (cases[i].local != NULL)) {
            fail_msg("\"%s\" was %s", cases[i].text, fine ? "taken" : "refused");
        }
        if (fine) {
            assert_string_equal(base_calendar_format_local(arena, local_us).data, cases[i].local);
            assert_int_equal(offset_s, cases[i].offset_s);
            assert_int_equal(has_offset, offset_s != INT32_MIN);
        }
    }
}

static void test_dates_are_read_and_written(void **state) {
    (void)state;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    int32_t day = 7;
    assert_true(base_calendar_parse_date(STR("2026-01-31"), &day));
    assert_string_equal(base_calendar_format_date(arena, day).data, "2026-01-31");
    assert_false(base_calendar_parse_date(STR("2026-02-30"), &day));
    assert_false(base_calendar_parse_date(STR("2026-01-31 "), &day));
    assert_false(base_calendar_parse_date(STR("26-01-31"), &day));
    assert_false(base_calendar_parse_date(STR("+026-01-31"), &day));
    assert_string_equal(base_calendar_format_local(arena, CALENDAR_TIME_MIN).data,
                        "0001-01-01T00:00:00");
    assert_string_equal(base_calendar_format_local(arena, -1).data, "1969-12-31T23:59:59.999999");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_day_of_the_calendar),
        cmocka_unit_test(test_leap_years_and_validity),
        cmocka_unit_test(test_weekdays),
        cmocka_unit_test(test_months_keep_the_day),
        cmocka_unit_test(test_easter),
        cmocka_unit_test(test_times_are_read),
        cmocka_unit_test(test_dates_are_read_and_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
