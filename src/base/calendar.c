#include "base/calendar.h"

static const int8_t month_lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

static bool is_leap(int32_t year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int32_t base_calendar_month_days(int32_t year, int32_t month) {
    return month == 2 && is_leap(year) ? 29 : month_lengths[month - 1];
}

bool base_calendar_valid(Date date) {
    return date.year >= 1 && date.year <= 9999 && date.month >= 1 && date.month <= 12 &&
           date.day >= 1 && date.day <= base_calendar_month_days(date.year, date.month);
}

static int64_t floor_divide(int64_t a, int64_t b) {
    int64_t quotient = a / b;
    return quotient - (a % b < 0);
}

// Years are taken to begin in March, so that the leap day is the last of its year; 146,097 days
// are one era of 400 years.
int32_t base_calendar_day(Date date) {
    int64_t year = (int64_t)date.year - (date.month <= 2);
    int64_t era = floor_divide(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t month = (date.month + 9) % 12; // 0 = March
    int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int32_t)(era * 146097 + day_of_era - 719468);
}

Date base_calendar_date(int32_t day) {
    int64_t shifted = (int64_t)day + 719468;
    int64_t era = floor_divide(shifted, 146097);
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; // 0 = March
    int64_t civil_month = month < 10 ? month + 3 : month - 9;
    return (Date){.year = (int32_t)(year_of_era + era * 400 + (civil_month <= 2)),
                  .month = (int32_t)civil_month,
                  .day = (int32_t)(day_of_year - (153 * month + 2) / 5 + 1)};
}

int32_t base_calendar_weekday(int32_t day) {
    int64_t since_monday = ((int64_t)day + 3) % 7; // day 0 is a Thursday
    return (int32_t)(since_monday < 0 ? since_monday + 7 : since_monday) + 1;
}

Date base_calendar_add_months(Date date, int64_t months) {
    const int64_t most = INT64_C(12) * 1000000; // keeps years within int32 whatever is asked
    months = months > most ? most : months < -most ? -most : months;
    int64_t count = (int64_t)date.year * 12 + (date.month - 1) + months;
    int64_t year = floor_divide(count, 12);
    return (Date){
        .year = (int32_t)year, .month = (int32_t)(count - year * 12) + 1, .day = date.day};
}

// Meeus, Jones and Butcher's rule (J. Meeus, Astronomical Algorithms, chapter 8).
int32_t base_calendar_easter(int32_t year) {
    int32_t a = year % 19;
    int32_t b = year / 100;
    int32_t c = year % 100;
    int32_t d = b / 4;
    int32_t e = b % 4;
    int32_t f = (b + 8) / 25;
    int32_t g = (b - f + 1) / 3;
    int32_t h = (19 * a + b - d - g + 15) % 30;
    int32_t i = c / 4;
    int32_t k = c % 4;
    int32_t l = (32 + 2 * e + 2 * i - h - k) % 7;
    int32_t m = (a + 11 * h + 22 * l) / 451;
    int32_t n = h + l - 7 * m + 114;
    return base_calendar_day((Date){.year = year, .month = n / 31, .day = n % 31 + 1});
}

// Meeus' Julian rule, moved to the Gregorian calendar.
int32_t base_calendar_easter_orthodox(int32_t year) {
    int32_t a = year % 4;
    int32_t b = year % 7;
    int32_t c = year % 19;
    int32_t d = (19 * c + 15) % 30;
    int32_t e = (2 * a + 4 * b - d + 34) % 7;
    int32_t n = d + e + 114;
    int32_t julian = base_calendar_day((Date){.year = year, .month = n / 31, .day = n % 31 + 1});
    return julian + year / 100 - year / 400 - 2;
}

// Reads exactly `digits` digits at *at.
static bool read_digits(Str text, size_t *at, size_t digits, int32_t *ret_value) {
    if (text.size_bytes - *at < digits) {
        return false;
    }
    int32_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        char c = text.data[*at + i];
        if (c < '0' || c > '9') {
            return false;
        }
        value = value * 10 + (c - '0');
    }
    *at += digits;
    *ret_value = value;
    return true;
}

static bool read_char(Str text, size_t *at, char wanted) {
    if (*at >= text.size_bytes || text.data[*at] != wanted) {
        return false;
    }
    (*at)++;
    return true;
}

static bool read_date(Str text, size_t *at, int32_t *ret_day) {
    Date date;
    if (!read_digits(text, at, 4, &date.year) || !read_char(text, at, '-') ||
        !read_digits(text, at, 2, &date.month) || !read_char(text, at, '-') ||
        !read_digits(text, at, 2, &date.day) || !base_calendar_valid(date)) {
        return false;
    }
    *ret_day = base_calendar_day(date);
    return true;
}

// Up to six digits of a fraction of a second.
static bool read_fraction(Str text, size_t *at, int32_t *ret_us) {
    int32_t us = 0;
    int32_t scale = 100000;
    size_t start = *at;
    for (; *at < text.size_bytes && text.data[*at] >= '0' && text.data[*at] <= '9'; (*at)++) {
        if (scale == 0) {
            return false;
        }
        us += (text.data[*at] - '0') * scale;
        scale /= 10;
    }
    *ret_us = us;
    return *at > start;
}

static bool read_clock(Str text, size_t *at, int64_t *ret_us) {
    int32_t hour;
    int32_t minute;
    int32_t second = 0;
    int32_t fraction_us = 0;
    if (!read_digits(text, at, 2, &hour) || !read_char(text, at, ':') ||
        !read_digits(text, at, 2, &minute)) {
        return false;
    }
    if (read_char(text, at, ':')) {
        if (!read_digits(text, at, 2, &second) ||
            (read_char(text, at, '.') && !read_fraction(text, at, &fraction_us))) {
            return false;
        }
    }
    if (hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    *ret_us = (hour * INT64_C(3600) + minute * INT64_C(60) + second) * CALENDAR_US_PER_SECOND +
              fraction_us;
    return true;
}

static bool read_offset(Str text, size_t *at, int32_t *ret_offset_s) {
    if (read_char(text, at, 'Z')) {
        *ret_offset_s = 0;
        return true;
    }
    int32_t sign = read_char(text, at, '-') ? -1 : 1;
    if (sign == 1 && !read_char(text, at, '+')) {
        return false;
    }
    int32_t hour;
    int32_t minute = 0;
    if (!read_digits(text, at, 2, &hour) ||
        (read_char(text, at, ':') && !read_digits(text, at, 2, &minute)) || hour > 23 ||
        minute > 59) {
        return false;
    }
    *ret_offset_s = sign * (hour * 3600 + minute * 60);
    return true;
}

bool base_calendar_parse_date(Str text, int32_t *ret_day) {
    size_t at = 0;
    int32_t day;
    if (!read_date(text, &at, &day) || at != text.size_bytes) {
        return false;
    }
    *ret_day = day;
    return true;
}

bool base_calendar_parse_time(Str text, int64_t *ret_local_us, bool *ret_has_offset,
                              int32_t *ret_offset_s) {
    size_t at = 0;
    int32_t day;
    int64_t clock_us;
    if (!read_date(text, &at, &day) || (!read_char(text, &at, 'T') && !read_char(text, &at, ' ')) ||
        !read_clock(text, &at, &clock_us)) {
        return false;
    }
    bool has_offset = at < text.size_bytes;
    int32_t offset_s = 0;
    if (has_offset && (!read_offset(text, &at, &offset_s) || at != text.size_bytes)) {
        return false;
    }
    int64_t local_us = day * CALENDAR_US_PER_DAY + clock_us;
    int64_t utc_us = local_us - offset_s * CALENDAR_US_PER_SECOND;
    if (utc_us < CALENDAR_TIME_MIN || utc_us > CALENDAR_TIME_MAX) {
        return false;
    }
    *ret_local_us = local_us;
    *ret_has_offset = has_offset;
    if (has_offset) {
        *ret_offset_s = offset_s;
    }
    return true;
}

Str base_calendar_format_date(Arena *arena, int32_t day) {
    Date date = base_calendar_date(day);
    return base_arena_printf(arena, "%04d-%02d-%02d", date.year, date.month, date.day);
}

Str base_calendar_format_local(Arena *arena, int64_t local_us) {
    int64_t day = floor_divide(local_us, CALENDAR_US_PER_DAY);
    int64_t clock_us = local_us - day * CALENDAR_US_PER_DAY;
    int second = (int)(clock_us / CALENDAR_US_PER_SECOND);
    int fraction = (int)(clock_us % CALENDAR_US_PER_SECOND);
    Date date = base_calendar_date((int32_t)day);
    char digits[8] = "";
    if (fraction != 0) {
        size_t length = 6;
        for (; fraction % 10 == 0; fraction /= 10) {
            length--;
        }
        digits[0] = '.';
        for (size_t i = length; i > 0; i--, fraction /= 10) {
            digits[i] = (char)('0' + fraction % 10);
        }
    }
    return base_arena_printf(arena, "%04d-%02d-%02dT%02d:%02d:%02d%s", date.year, date.month,
                             date.day, second / 3600, second / 60 % 60, second % 60, digits);
}
