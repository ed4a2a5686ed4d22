// Holidays against dates everybody can look up, and against the reference files where they are.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/calendar.h"
#include "base/file.h"
#include "data/holiday.h"

static bool has_day(const char *country, Str name, bool observed, int32_t day) {
    const int32_t *days = NULL;
    size_t count = 0;
    if (data_holiday_days(base_str_from(country), name, observed, &days, &count) != 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (days[i] == day) {
            return true;
        }
    }
    return false;
}

static int32_t day_of(const char *date) {
    int32_t day = 0;
    if (!base_calendar_parse_date(base_str_from(date), &day)) {
        fail_msg("bad date %s", date);
    }
    return day;
}

typedef struct Fact {
    const char *country;
    const char *name;
    const char *date;
    bool observed;
} Fact;

static const Fact facts[] = {
    {"GB", "Christmas Day", "2021-12-25", false},
    {"GB", "Christmas Day", "2021-12-27", true},
    {"GB", "Boxing Day", "2021-12-28", true},
    {"gb", "christmas", "2026-12-25", false},
    {"UK", "Summer Bank Holiday", "2026-08-31", false},
    {"GB-SCT", "Summer Bank Holiday", "2026-08-03", false},
    {"GB-SCT", "Saint Andrew's Day", "2026-11-30", false},
    {"GB-SCT", "Black Friday", "2026-11-27", false},
    {"GB-NIR", "Saint Patrick's Day", "2026-03-17", false},
    {"GB-ENG", "Easter Monday", "2026-04-06", false},
    {"GB", "Spring Bank Holiday", "2012-06-04", false},
    {"GB", "Mother's Day", "2026-03-15", false},
    {"SE", "Midsummer Day", "2026-06-20", false},
    {"SE", "Midsummer Eve", "2026-06-19", false},
    {"SE", "Midsommarafton", "2026-06-19", false},
    {"SE", "Juldagen", "1990-12-25", false},
    {"SE", "Mother's Day", "2026-05-31", false},
    {"SE", "Father's Day", "2026-11-08", false},
    {"SE", "Lucia", "2060-12-13", false},
    {"SE", "Advent", "2026-11-29", false},
    {"SE", "Fourth Sunday of Advent", "2023-12-24", false},
    {"SE", "Christmas Eve", "2026-12-24", false},
    {"NO", "Constitution Day", "2026-05-17", false},
    {"GB-WLS", "Late Summer Bank Holiday", "2026-08-31", false},
    {"GB", "August Bank Holiday", "2026-08-31", false},
    {"DE", "Easter Monday", "2026-04-06", false},
    {"DE", "Ostermontag", "2026-04-06", false},
    {"DE", "Father's Day", "2026-05-14", false},
    {"DE-BY", "Epiphany", "2026-01-06", false},
    {"DE", "Tag der Deutschen Einheit", "1990-10-03", false},
    {"DE", "Reformation Day", "2026-10-31", false},
    {"DE", "Christmas Day", "1990-12-25", false},
    {"GB", "St. Andrew's day", "2026-11-30", false},
    {"FR", "Labour Day", "2026-05-01", false},
    {"KE", "Eid-al-Fitr", "2024-04-10", false},
    {"FR", "Mother's Day", "2026-05-31", false},
    {"FR", "Mother's Day", "2020-06-07", false},
    {"US", "Thanksgiving", "2026-11-26", false},
    {"US", "Black Friday", "2026-11-27", false},
    {"US", "Cyber Monday", "2026-11-30", false},
    {"US", "Independence Day", "2026-07-03", true},
    {"US", "Independence Day", "2026-07-04", false},
    {"US", "Mother's Day", "2026-05-10", false},
    {"US", "Father's Day", "2026-06-21", false},
    {"US", "Valentine\xE2\x80\x99s Day", "2026-02-14", false},
    {"BR", "Valentine's Day", "2026-06-12", false},
    {"CN", "Singles' Day", "2026-11-11", false},
    {"IN", "Diwali", "2025-10-20", false},
    {"GR", "Easter Sunday", "2024-05-05", false},
    {"EG", "Eid al-Fitr", "2024-04-10", false},
    {"GB", "Ramadan", "2024-03-11", false},
    {"GB", "Chinese New Year", "2025-01-29", false},
    {"AU", "Australia Day", "2026-01-26", false},
    {"CA", "Victoria Day", "2026-05-18", false},
    {"NZ", "Waitangi Day", "2026-02-06", false},
    {"CH", "Good Friday", "2026-04-03", false},
};

static void test_known_dates(void **state) {
    (void)state;
    size_t failed = 0;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        const Fact *fact = &facts[i];
        if (!has_day(fact->country, base_str_from(fact->name), fact->observed,
                     day_of(fact->date))) {
            print_error("%s %s is not on %s\n", fact->country, fact->name, fact->date);
            failed++;
        }
    }
    assert_int_equal(failed, 0);
}

static void test_a_statutory_day_is_not_the_observed_one(void **state) {
    (void)state;
    assert_false(has_day("GB", STR("Christmas Day"), false, day_of("2021-12-27")));
    assert_false(has_day("GB", STR("Christmas Day"), true, day_of("2021-12-25")));
    assert_false(has_day("GB-SCT", STR("Summer Bank Holiday"), false, day_of("2026-08-31")));
}

// Ascension Day fell on 1 May in 2008; neither name may take the other's days.
static void test_names_that_share_a_day_stay_apart(void **state) {
    (void)state;
    Str may = STR("F\xC3\xB6rsta maj");
    assert_true(has_day("SE", may, false, day_of("2008-05-01")));
    assert_true(has_day("SE", may, false, day_of("2026-05-01")));
    assert_false(has_day("SE", may, false, day_of("2026-05-14")));
    assert_true(has_day("SE", STR("Ascension Day"), false, day_of("2026-05-14")));
    assert_true(has_day("NO", STR("Constitution Day"), false, day_of("2026-05-17")));
    assert_false(has_day("NO", STR("Grunnlovsdag"), false, day_of("2026-05-14")));
}

static void test_unknown_names_and_countries_are_told_apart(void **state) {
    (void)state;
    const int32_t *days = NULL;
    size_t count = 0;
    const char *const strange[] = {"", "X", "XX", "GB-QQQ", "GBR", "GB-ENG-LONDON", "SE\n"};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(data_holiday_days(base_str_from(strange[i]), STR("Christmas Day"), false,
                                           &days, &count),
                         DATA_HOLIDAY_UNKNOWN_COUNTRY);
        assert_false(data_holiday_has_country(base_str_from(strange[i])));
    }
    assert_int_equal(data_holiday_days(STR("SE"), STR("Thanksgiving"), false, &days, &count),
                     DATA_HOLIDAY_UNKNOWN_NAME);
    assert_int_equal(data_holiday_days(STR("SE"), STR(""), false, &days, &count),
                     DATA_HOLIDAY_UNKNOWN_NAME);
    assert_int_equal(data_holiday_days(STR("SA"), STR("Christmas Day"), false, &days, &count),
                     DATA_HOLIDAY_UNKNOWN_NAME);
    assert_null(days);
    assert_true(data_holiday_has_country(STR("se")));
}

// Every name of every country: days ascend without repeats and lie in the years of the table.
static void check_country(Str country) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    const Str *names = NULL;
    size_t name_count = 0;
    data_holiday_names(arena, country, &names, &name_count);
    assert_true(name_count >= 10);
    for (size_t i = 0; i < 2 * name_count; i++) {
        const int32_t *days = NULL;
        size_t count = 0;
        int result = data_holiday_days(country, names[i / 2], i % 2 == 1, &days, &count);
        if (result != 0 || count == 0) {
            fail_msg("%.*s: %.*s has no days", STR_ARG(country), STR_ARG(names[i / 2]));
        }
        for (size_t d = 0; d < count; d++) {
            int32_t year = base_calendar_date(days[d]).year;
            assert_true(d == 0 || days[d - 1] < days[d]);
            assert_in_range(year, DATA_HOLIDAY_YEAR_MIN - 1, DATA_HOLIDAY_YEAR_MAX + 1);
        }
    }
}

static void test_all_countries_are_well_formed(void **state) {
    (void)state;
    static const char *const countries[] = {
        "SE", "NO",     "DK",     "FI",     "DE",     "AT",    "CH",     "NL", "BE", "FR", "IT",
        "ES", "PT",     "PL",     "IE",     "GB",     "US",    "CA",     "AU", "NZ", "JP", "IN",
        "BR", "GB-ENG", "GB-WLS", "GB-SCT", "GB-NIR", "DE-BY", "AU-VIC", "TR", "CN"};
    for (size_t i = 0; i < sizeof countries / sizeof *countries; i++) {
        check_country(base_str_from(countries[i]));
    }
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    const Str *names = NULL;
    size_t count = 0;
    data_holiday_names(arena, STR(""), &names, &count);
    assert_true(count > 500);
    data_holiday_names(arena, STR("XX"), &names, &count);
    assert_int_equal(count, 0);
}

// ---- the reference files, where they are ----

static bool read_reference(const char *name, Text *text) {
    const char *folder = getenv("KRETS_TEST_DATA");
    BASE_TEXT_SCOPED path = {0};
    base_text_printf(&path, "%s/../reference/%s", folder == NULL ? "../shared/data" : folder, name);
    return base_file_read(path.data, 1 << 20, text, NULL) == BASE_OK;
}

// Cuts a field off a CSV line; quotes are taken away, quotes within quotes do not occur.
static char *take_field(char **line) {
    char *field = *line;
    if (*field != '"') {
        return strsep(line, ",\r");
    }
    char *end = strchr(++field, '"');
    assert_non_null(end);
    *end = '\0';
    *line = end + 1 + (end[1] == ',');
    return field;
}

// Moon sightings: the reference's tabular rule and the source differ by a day.
static bool is_known_difference(const char *country, const char *date) {
    return (strcmp(country, "AE") == 0 && strcmp(date, "2025-06-26") == 0) ||
           (strcmp(country, "KE") == 0 && strcmp(date, "2025-03-30") == 0);
}

// One of the names of a row ("A; B (observed)") has the day.
static bool row_holds(const char *country, char *names, int32_t day) {
    for (char *name; (name = strsep(&names, ";")) != NULL;) {
        Str text = base_str_trim(base_str_from(name));
        static const char *const tags[] = {" (observed)", " (in lieu)", " (estimated)",
                                           " (additional holiday)"};
        for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
            Str tag = base_str_from(tags[i]);
            if (base_str_ends(text, tag)) {
                text.size_bytes -= tag.size_bytes;
            }
        }
        if (has_day(country, text, false, day) || has_day(country, text, true, day)) {
            return true;
        }
    }
    return false;
}

static void test_reference_holidays(void **state) {
    (void)state;
    BASE_TEXT_SCOPED text = {0};
    if (!read_reference("holidays_selected.csv", &text)) {
        skip();
    }
    char *rest = text.data;
    size_t rows = 0;
    size_t failed = 0;
    strsep(&rest, "\n");
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        if (*line == '\0') {
            continue;
        }
        const char *country = take_field(&line);
        const char *date = take_field(&line);
        char *names = take_field(&line);
        char shown[256];
        snprintf(shown, sizeof shown, "%s", names);
        bool holds = row_holds(country, names, day_of(date));
        if (!holds && !is_known_difference(country, date)) {
            print_error("%s %s %s\n", country, date, shown);
            failed++;
        }
        rows++;
    }
    assert_int_equal(failed, 0);
    assert_int_equal(rows, 302);
}

static void test_reference_easter(void **state) {
    (void)state;
    BASE_TEXT_SCOPED text = {0};
    if (!read_reference("easter_dates.csv", &text)) {
        skip();
    }
    char *rest = text.data;
    size_t rows = 0;
    strsep(&rest, "\n");
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        if (*line == '\0') {
            continue;
        }
        int32_t year = (int32_t)strtol(take_field(&line), NULL, 10);
        int32_t western = day_of(take_field(&line));
        int32_t orthodox = day_of(take_field(&line));
        assert_int_equal(base_calendar_easter(year), western);
        assert_int_equal(base_calendar_easter_orthodox(year), orthodox);
        if (year >= DATA_HOLIDAY_YEAR_MIN && year <= DATA_HOLIDAY_YEAR_MAX) {
            assert_true(has_day("US", STR("Easter"), false, western));
            assert_true(has_day("GR", STR("Easter Monday"), false, orthodox + 1));
        }
        rows++;
    }
    assert_true(rows > 60);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_dates),
        cmocka_unit_test(test_a_statutory_day_is_not_the_observed_one),
        cmocka_unit_test(test_names_that_share_a_day_stay_apart),
        cmocka_unit_test(test_unknown_names_and_countries_are_told_apart),
        cmocka_unit_test(test_all_countries_are_well_formed),
        cmocka_unit_test(test_reference_holidays),
        cmocka_unit_test(test_reference_easter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
