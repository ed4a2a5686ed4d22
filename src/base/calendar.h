// The proleptic Gregorian calendar, without zones.
#ifndef KRETS_BASE_CALENDAR_H
#define KRETS_BASE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

#define CALENDAR_US_PER_SECOND INT64_C(1000000)
#define CALENDAR_US_PER_DAY    INT64_C(86400000000)

// Days are counted from 1970-01-01 (day 0, a Thursday). Times are microseconds from its midnight.
// Times run from 0001-01-01T00:00:00Z (CALENDAR_TIME_MIN, which also stands for "from the
// beginning", the time of traits without one) to 9999-12-31T23:59:59.999999Z.
#define CALENDAR_TIME_MIN INT64_C(-62135596800000000)
#define CALENDAR_TIME_MAX INT64_C(253402300799999999)
#define CALENDAR_DAY_MIN  (-719162)
#define CALENDAR_DAY_MAX  2932896

typedef struct Date {
    int32_t year;
    int32_t month; // 1..12
    int32_t day;   // 1..31
} Date;

int32_t base_calendar_day(Date date); // day number; the date must be valid
Date base_calendar_date(int32_t day);
bool base_calendar_valid(Date date);
int32_t base_calendar_month_days(int32_t year, int32_t month);
int32_t base_calendar_weekday(int32_t day);               // 1 = Monday .. 7 = Sunday
Date base_calendar_add_months(Date date, int64_t months); // day kept even if it does not exist
int32_t base_calendar_easter(int32_t year);               // Western Easter Sunday
int32_t base_calendar_easter_orthodox(int32_t year);      // Orthodox Easter, Gregorian date

// "2026-01-31" and "2026-01-31T12:00[:00[.ffffff]][Z|+hh[:mm]]" ('T' or one space). Returns false
// when malformed or out of range. `ret_offset_s` is the offset if one was given, else
// `*ret_has_offset` is false and the time is local.
bool base_calendar_parse_date(Str text, int32_t *ret_day);
bool base_calendar_parse_time(Str text, int64_t *ret_local_us, bool *ret_has_offset,
                              int32_t *ret_offset_s);
Str base_calendar_format_date(Arena *arena, int32_t day); // 2026-01-31
Str base_calendar_format_local(Arena *arena,
                               int64_t local_us); // 2026-01-31T12:00:00[.ffffff], short fraction

#endif
