// Instants, local times and calendar steps as SQL.
//
// Everything here is integer microseconds and local naive timestamps; `timezone()` is the only
// function that knows zones, and it never sees a zone that has not been checked.
#include "base/calendar.h"
#include "lang/sql_private.h"

#define MONTHS_MOST 120000 // more months than the calendar has

bool lang_sql_unit_is_exact(CalendarUnit unit) {
    return unit <= UNIT_WEEK;
}

int64_t lang_sql_unit_us(CalendarUnit unit) {
    switch (unit) {
    case UNIT_SECOND:
        return CALENDAR_US_PER_SECOND;
    case UNIT_MINUTE:
        return 60 * CALENDAR_US_PER_SECOND;
    case UNIT_HOUR:
        return 3600 * CALENDAR_US_PER_SECOND;
    case UNIT_DAY:
        return CALENDAR_US_PER_DAY;
    default:
        return 7 * CALENDAR_US_PER_DAY;
    }
}

int64_t lang_sql_unit_months(CalendarUnit unit) {
    return unit == UNIT_MONTH ? 1 : unit == UNIT_QUARTER ? 3 : 12;
}

const char *lang_sql_unit_name(CalendarUnit unit) {
    static const char *const names[] = {"second", "minute", "hour",    "day",
                                        "week",   "month",  "quarter", "year"};
    return names[unit];
}

static int64_t months_of(CalendarUnit unit, int64_t n) {
    if (n > MONTHS_MOST || n < -MONTHS_MOST) {
        return n > 0 ? MONTHS_MOST : -MONTHS_MOST;
    }
    int64_t months = n * lang_sql_unit_months(unit);
    return months > MONTHS_MOST ? MONTHS_MOST : months < -MONTHS_MOST ? -MONTHS_MOST : months;
}

Str lang_sql_time(SqlBuilder *b, int64_t time_us) {
    Str text = base_calendar_format_local(b->arena, time_us);
    for (size_t i = 0; i < text.size_bytes; i++) {
        if (text.data[i] == 'T') {
            return base_arena_printf(b->arena, "epoch_us(timestamptz '%.*s %.*s+00')", (int)i,
                                     text.data, (int)(text.size_bytes - i - 1), text.data + i + 1);
        }
    }
    return base_arena_printf(b->arena, "epoch_us(timestamptz '%.*s+00')", STR_ARG(text));
}

Str lang_sql_model_zone(SqlBuilder *b) {
    return lang_sql_quote(b, base_zone_name(b->plan->zone));
}

Str lang_sql_zone(SqlBuilder *b, const char *alias) {
    if (b->plan->zone_trait < 0) {
        return lang_sql_model_zone(b);
    }
    return base_arena_printf(b->arena, "%s.zone", alias);
}

Str lang_sql_local(SqlBuilder *b, Str zone, Str time_us) {
    return base_arena_printf(b->arena, "timezone(%.*s, make_timestamptz(%.*s))", STR_ARG(zone),
                             STR_ARG(time_us));
}

// timezone(zone, local) moves a gap's time forward, as we do; of an overlap's two instants it gives
// the later. The first is earlier by the length of the overlap, which is one of these since 1970.
Str lang_sql_instant(SqlBuilder *b, Str zone, Str local) {
    return base_arena_printf(
        b->arena,
        "(epoch_us(timezone(%.*s, %.*s)) - 1000000::bigint * coalesce(list_max(list_filter("
        "[1800, 3600, 7200, 10800, 25200], lambda s: timezone(%.*s, timezone(%.*s, %.*s)"
        " - to_seconds(s)) = %.*s)), 0))",
        STR_ARG(zone), STR_ARG(local), STR_ARG(zone), STR_ARG(zone), STR_ARG(local),
        STR_ARG(local));
}

Str lang_sql_midnight(SqlBuilder *b, Str zone, Str date) {
    return lang_sql_instant(b, zone,
                            base_arena_printf(b->arena, "cast(%.*s as timestamp)", STR_ARG(date)));
}

static Str clamped(SqlBuilder *b, Str time_us) {
    return base_arena_printf(b->arena, "least(greatest(%.*s, %lld), %lld)", STR_ARG(time_us),
                             (long long)CALENDAR_TIME_MIN, (long long)CALENDAR_TIME_MAX);
}

// n units later: no overflow, for |n * unit| is first limited to more than the calendar's length.
static Str exact_step(SqlBuilder *b, Str time_us, CalendarUnit unit, int64_t n) {
    const int64_t most = 2 * CALENDAR_TIME_MAX;
    int64_t unit_us = lang_sql_unit_us(unit);
    if (n > most / unit_us || n < -(most / unit_us)) {
        return clamped(b, base_arena_printf(b->arena, "%lld", (long long)(n > 0 ? most : -most)));
    }
    return base_arena_printf(b->arena, "greatest(%.*s %s %lld::bigint * %lld, %lld)",
                             STR_ARG(time_us), n < 0 ? "-" : "+", (long long)(n < 0 ? -n : n),
                             (long long)unit_us, (long long)CALENDAR_TIME_MIN);
}

Str lang_sql_in_calendar(SqlBuilder *b, Str time_us) {
    return base_arena_printf(b->arena, "list_filter([%.*s], lambda v: v between %lld and %lld)[1]",
                             STR_ARG(time_us), (long long)CALENDAR_TIME_MIN,
                             (long long)CALENDAR_TIME_MAX);
}

// A local date so many months away; outside of the calendar its nearest end.
static Str month_step(SqlBuilder *b, Str zone, Str time_us, int64_t months) {
    Str moved = base_arena_printf(b->arena, "(%.*s %s interval %lld month)",
                                  STR_ARG(lang_sql_local(b, zone, time_us)), months < 0 ? "-" : "+",
                                  (long long)(months < 0 ? -months : months));
    Str instant = clamped(b, lang_sql_instant(b, zone, moved));
    return base_arena_printf(b->arena,
                             "case when year(%.*s) < 1 then %lld when year(%.*s) > 9999 then %lld"
                             " else %.*s end",
                             STR_ARG(moved), (long long)CALENDAR_TIME_MIN, STR_ARG(moved),
                             (long long)CALENDAR_TIME_MAX, STR_ARG(instant));
}

Str lang_sql_add(SqlBuilder *b, Str zone, Str time_us, CalendarUnit unit, int64_t n) {
    if (lang_sql_unit_is_exact(unit)) {
        return exact_step(b, time_us, unit, n);
    }
    return month_step(b, zone, time_us, months_of(unit, n));
}

// The first instant of the day/week/.../year of now, moved by `shift` of them. `today` is a date.
Str lang_sql_period(SqlBuilder *b, Str zone, Str today, CalendarUnit unit, int64_t shift) {
    if (unit <= UNIT_HOUR) {
        Str local = lang_sql_local(b, zone, b->now);
        Str start = base_arena_printf(b->arena, "(%.*s - epoch_us(%.*s) %% %lld)", STR_ARG(b->now),
                                      STR_ARG(local), (long long)lang_sql_unit_us(unit));
        return exact_step(b, start, unit, shift);
    }
    Str first;
    long long away = shift < 0 ? -shift : shift;
    char sign = shift < 0 ? '-' : '+';
    if (unit <= UNIT_WEEK) {
        first = unit == UNIT_DAY
                    ? today
                    : base_arena_printf(b->arena, "cast(date_trunc('week', %.*s) as date)",
                                        STR_ARG(today));
        const long long most = 4000000; // more days than the calendar has
        away = away > most ? most : away;
        first = base_arena_printf(b->arena, "(%.*s %c %lld)", STR_ARG(first), sign,
                                  unit == UNIT_DAY ? away : away * 7);
    } else {
        int64_t months = months_of(unit, shift);
        first = base_arena_printf(b->arena,
                                  "cast(date_trunc('%s', %.*s) %c interval %lld month as date)",
                                  lang_sql_unit_name(unit), STR_ARG(today), sign,
                                  (long long)(months < 0 ? -months : months));
    }
    Str in_range = base_arena_printf(b->arena, "greatest(%.*s, date '0001-01-01')", STR_ARG(first));
    return clamped(b, lang_sql_midnight(b, zone, in_range));
}

// Start of `last n unit`. Months and longer: the same time of day on the same day n months ago;
// where the month has no such day, just before the next month.
Str lang_sql_start(SqlBuilder *b, Str zone, Str today, CalendarUnit unit, int64_t n) {
    if (lang_sql_unit_is_exact(unit)) {
        return exact_step(b, b->now, unit, n == INT64_MIN ? INT64_MAX : -n);
    }
    int64_t months = months_of(unit, n);
    if (months >= 119988) { // before the year 1, whatever today is
        return base_arena_printf(b->arena, "%lld", (long long)CALENDAR_TIME_MIN);
    }
    Str month = base_arena_printf(b->arena, "(date_trunc('month', %.*s) - interval %lld month)",
                                  STR_ARG(today), (long long)months);
    Str next = base_arena_printf(b->arena, "cast(%.*s + interval 1 month as date)", STR_ARG(month));
    Str day = base_arena_printf(b->arena, "(cast(%.*s as date) + cast(day(%.*s) - 1 as integer))",
                                STR_ARG(month), STR_ARG(today));
    Str day_after = base_arena_printf(b->arena, "(%.*s + 1)", STR_ARG(day));
    Str after_month = lang_sql_midnight(b, zone, next);
    Str at_day = lang_sql_midnight(b, zone, day);
    Str at_next = lang_sql_midnight(b, zone, day_after);
    Str at_today = lang_sql_midnight(b, zone, today);
    Str start =
        base_arena_printf(b->arena,
                          "case when year(%.*s) < 1 then %lld\n"
                          "      when day(%.*s) > day(last_day(%.*s)) then %.*s - 1\n"
                          "      else least(%.*s\n        + (%.*s - %.*s),\n        %.*s - 1) end",
                          STR_ARG(month), (long long)CALENDAR_TIME_MIN, STR_ARG(today),
                          STR_ARG(month), STR_ARG(after_month), STR_ARG(at_day), STR_ARG(b->now),
                          STR_ARG(at_today), STR_ARG(at_next));
    return clamped(b, start);
}
