// IANA time zones from the system's tz database, without touching the process's own zone.
#ifndef KRETS_BASE_ZONE_H
#define KRETS_BASE_ZONE_H

#include "base/calendar.h"
#include "base/error.h"
#include "base/str.h"

// Immutable once opened; shared and cached for the life of the process; thread-safe.
typedef struct Zone Zone;

// Opens a zone by its IANA name ("Europe/London", "UTC"). The pointer is never freed. A name with
// "..", a leading "/", or one that is not in the database gives BASE_E_USAGE with suggestions.
int base_zone_open(Str name, const Zone **ret_zone, KretsError *error);
// The same, NULL when there is none (for customers' own zones).
const Zone *base_zone_find(Str name);
Str base_zone_name(const Zone *zone);
Str base_zone_version(void); // of the tz database, e.g. "2026a", or "unknown"

int32_t base_zone_offset(const Zone *zone, int64_t utc_us); // seconds east of UTC
int64_t base_zone_local(const Zone *zone, int64_t utc_us);  // local time as if it were UTC

typedef enum ZoneFold { ZONE_EXACT, ZONE_GAP, ZONE_OVERLAP } ZoneFold;
// The instant of a local time. In a gap it shifts forward by the length of the gap (01:30 becomes
// 02:30 local); in an overlap it is the first of the two instants. `ret_fold` (may be NULL) says
// which it was.
int64_t base_zone_instant(const Zone *zone, int64_t local_us, ZoneFold *ret_fold);

int32_t base_zone_day(const Zone *zone, int64_t utc_us);   // local day number
int64_t base_zone_midnight(const Zone *zone, int32_t day); // the first instant of the local day
// The next instant after utc_us at which the offset changes; INT64_MAX when there is none.
int64_t base_zone_next_change(const Zone *zone, int64_t utc_us);

typedef enum CalendarUnit {
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_QUARTER,
    UNIT_YEAR
} CalendarUnit;

// The first instant of the local day/week/month/quarter/year that holds `utc_us`, moved by `shift`
// periods (-1: the previous one). Weeks begin on Monday. For second..hour: shifts of exact length
// from the local second/minute/hour's start.
int64_t base_zone_period(const Zone *zone, int64_t utc_us, CalendarUnit unit, int64_t shift);
// Start of `last n unit` for months, quarters and years: let d = local date of now minus n months.
// If d does not exist in its month: 1 us before the next month's first local midnight. Else
// min(midnight(d) + (now - midnight(today)), midnight(d + 1) - 1 us). Never goes back as now
// advances. For second..week: now - n * length. The window is (start, now]. Saturates at
// CALENDAR_TIME_MIN.
int64_t base_zone_window_start(const Zone *zone, int64_t now_us, CalendarUnit unit, int64_t n);
// now + n units: exact for second..week; for longer units the same local time n months later, the
// day clamped to the month's end, gaps shift forward. Saturates at CALENDAR_TIME_MIN/MAX.
int64_t base_zone_add(const Zone *zone, int64_t utc_us, CalendarUnit unit, int64_t n);

#endif
