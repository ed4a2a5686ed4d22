#include "data/value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"

const char *data_value_type_name(ValueType type) {
    static const char *const names[VALUE_TYPE_COUNT] = {
        [VALUE_NULL] = "null",         [VALUE_BOOLEAN] = "boolean", [VALUE_INTEGER] = "integer",
        [VALUE_DECIMAL] = "decimal",   [VALUE_NUMBER] = "number",   [VALUE_TEXT] = "text",
        [VALUE_TIME] = "time",         [VALUE_DATE] = "date",       [VALUE_LIST] = "list",
        [VALUE_DURATION] = "duration",
    };
    return names[type];
}

double data_value_decimal_number(int64_t mantissa) {
    return (double)mantissa / 10000.0;
}

void data_value_decimal_format(Text *out, int64_t mantissa) {
    uint64_t size = mantissa < 0 ? 0 - (uint64_t)mantissa : (uint64_t)mantissa;
    uint64_t fraction = size % (uint64_t)VALUE_DECIMAL_ONE;
    base_text_printf(out, "%s%" PRIu64, mantissa < 0 ? "-" : "",
                     size / (uint64_t)VALUE_DECIMAL_ONE);
    if (fraction == 0) {
        return;
    }
    int digits = 4;
    for (; fraction % 10 == 0; fraction /= 10) {
        digits--;
    }
    base_text_printf(out, ".%0*" PRIu64, digits, fraction);
}

void data_value_number_format(Text *out, double number) {
    if (number == 0) {
        base_text_append_char(out, '0'); // also for -0, which equals it
        return;
    }
    char shortest[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(shortest, sizeof shortest, "%.*g", digits, number);
        if (strtod(shortest, NULL) == number) {
            break;
        }
    }
    // Whole numbers that a double holds exactly read better without an exponent.
    if (strchr(shortest, 'e') != NULL && fabs(number) < 1e15 && fabs(number) >= 1) {
        snprintf(shortest, sizeof shortest, "%.0f", number);
    }
    base_text_append(out, base_str_from(shortest));
}

static void format_time(Text *out, int64_t time_us) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    base_text_append(out, base_calendar_format_local(arena, time_us));
    base_text_append_char(out, 'Z');
}

static void format_date(Text *out, int32_t day) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    base_text_append(out, base_calendar_format_date(arena, day));
}

static void format_list(Text *out, const Str *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        base_text_append(out, i == 0 ? STR("") : STR("; "));
        base_text_append(out, items[i]);
    }
}

// "3 months 1.5 days": months and exact time, whichever is there.
static void format_duration(Text *out, int64_t months, int64_t us) {
    if (months != 0) {
        base_text_printf(out, "%" PRId64 " month%s", months, months == 1 ? "" : "s");
    }
    if (us == 0 && months != 0) {
        return;
    }
    static const struct {
        int64_t length_us;
        const char *name;
    } units[] = {{CALENDAR_US_PER_DAY, "day"},
                 {3600 * CALENDAR_US_PER_SECOND, "hour"},
                 {60 * CALENDAR_US_PER_SECOND, "minute"}};
    base_text_append(out, months != 0 ? STR(" ") : STR(""));
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (us % units[i].length_us == 0 && us != 0) {
            int64_t count = us / units[i].length_us;
            base_text_printf(out, "%" PRId64 " %s%s", count, units[i].name, count == 1 ? "" : "s");
            return;
        }
    }
    data_value_number_format(out, (double)us / (double)CALENDAR_US_PER_SECOND);
    base_text_append(out, us == CALENDAR_US_PER_SECOND ? STR(" second") : STR(" seconds"));
}

void data_value_format(Text *out, Value value) {
    if (value.is_null) {
        return;
    }
    switch (value.type) {
    case VALUE_BOOLEAN:
        base_text_append(out, value.boolean ? STR("true") : STR("false"));
        break;
    case VALUE_INTEGER:
        base_text_printf(out, "%" PRId64, value.integer);
        break;
    case VALUE_DECIMAL:
        data_value_decimal_format(out, value.decimal);
        break;
    case VALUE_NUMBER:
        data_value_number_format(out, value.number);
        break;
    case VALUE_TEXT:
        base_text_append(out, value.text);
        break;
    case VALUE_TIME:
        format_time(out, value.time_us);
        break;
    case VALUE_DATE:
        format_date(out, value.date);
        break;
    case VALUE_LIST:
        format_list(out, value.list.items, value.list.count);
        break;
    case VALUE_DURATION:
        format_duration(out, value.duration.months, value.duration.us);
        break;
    case VALUE_NULL:
    case VALUE_TYPE_COUNT:
        break;
    }
}

static bool lists_equal(Value a, Value b) {
    if (a.list.count != b.list.count) {
        return false;
    }
    for (size_t i = 0; i < a.list.count; i++) {
        if (!base_str_equal(a.list.items[i], b.list.items[i])) {
            return false;
        }
    }
    return true;
}

bool data_value_equal(Value a, Value b) {
    if (a.type != b.type || a.is_null != b.is_null) {
        return false;
    }
    if (a.is_null) {
        return true;
    }
    switch (a.type) {
    case VALUE_BOOLEAN:
        return a.boolean == b.boolean;
    case VALUE_INTEGER:
        return a.integer == b.integer;
    case VALUE_DECIMAL:
        return a.decimal == b.decimal;
    case VALUE_NUMBER:
        return a.number == b.number; // finite, so equal bits or both zero
    case VALUE_TEXT:
        return base_str_equal(a.text, b.text);
    case VALUE_TIME:
        return a.time_us == b.time_us;
    case VALUE_DATE:
        return a.date == b.date;
    case VALUE_LIST:
        return lists_equal(a, b);
    case VALUE_DURATION:
        return a.duration.months == b.duration.months && a.duration.us == b.duration.us;
    case VALUE_NULL:
    case VALUE_TYPE_COUNT:
        break;
    }
    return true;
}
