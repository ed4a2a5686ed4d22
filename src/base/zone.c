#include "base/zone.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/map.h"
#include "base/utf8.h"
#include "base/zone_private.h"

#define DATABASE        "/usr/share/zoneinfo/"
#define FILE_BYTES_MAX  ((size_t)1 << 20)
#define NAME_BYTES_MAX  64
#define SUGGESTIONS_MAX 3

static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
static Map *cache; // name -> Zone *; 0 for a name that is known to be none. Never freed.

// Unknown names come from data, so their number is unbounded; beyond this they are not remembered.
#define UNKNOWN_MAX 10000
static size_t unknown_count;

static bool is_name(Str name) {
    if (name.size_bytes == 0 || name.size_bytes > NAME_BYTES_MAX || name.data[0] == '/') {
        return false;
    }
    for (size_t i = 0; i < name.size_bytes; i++) {
        char c = name.data[i];
        bool fine = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                    c == '/' || c == '_' || c == '-' || c == '+';
        if (!fine) {
            return false;
        }
    }
    // Not zones of a place, but copies with leap seconds, this machine's own choice, and what
    // stands for a machine without a choice.
    return !base_str_starts(name, STR("right/")) && !base_str_starts(name, STR("posix/")) &&
           !base_str_equal(name, STR("localtime")) && !base_str_equal(name, STR("posixrules")) &&
           !base_str_equal(name, STR("Factory"));
}

static Zone *load_zone(Str name) {
    Zone zone;
    if (base_str_equal(name, STR("UTC"))) { // also where no database is installed
        static int32_t no_offset = 0;
        zone = (Zone){.offset_s = &no_offset, .cycle_us = INT64_MAX};
    } else {
        BASE_TEXT_SCOPED path = {0};
        base_text_printf(&path, DATABASE "%.*s", STR_ARG(name));
        BASE_TEXT_SCOPED bytes = {0};
        if (base_file_read(path.data, FILE_BYTES_MAX, &bytes, NULL) != BASE_OK ||
            base_zone_decode(base_text_str(&bytes), &zone) != 0) {
            return NULL;
        }
    }
    Zone *kept = malloc(sizeof *kept);
    char *copy = strndup(name.data, name.size_bytes);
    if (kept == NULL || copy == NULL) {
        abort();
    }
    *kept = zone;
    kept->name = (Str){copy, name.size_bytes};
    return kept;
}

const Zone *base_zone_find(Str name) {
    if (!is_name(name)) {
        return NULL;
    }
    pthread_mutex_lock(&cache_lock);
    if (cache == NULL) {
        cache = base_map_new();
    }
    uint64_t known = 0;
    Zone *zone = NULL;
    if (base_map_get(cache, name, &known)) {
        zone = (Zone *)(uintptr_t)known;
    } else {
        zone = load_zone(name);
        if (zone != NULL || unknown_count < UNKNOWN_MAX) {
            unknown_count += zone == NULL;
            base_map_put(cache, name, (uint64_t)(uintptr_t)zone);
        }
    }
    pthread_mutex_unlock(&cache_lock);
    return zone;
}

// Takes the next line from the text.
static bool next_line(Str *rest, Str *ret_line) {
    if (rest->size_bytes == 0) {
        return false;
    }
    const char *end = memchr(rest->data, '\n', rest->size_bytes);
    size_t length = end == NULL ? rest->size_bytes : (size_t)(end - rest->data);
    *ret_line = (Str){rest->data, length};
    size_t taken = length + (end != NULL);
    rest->data += taken;
    rest->size_bytes -= taken;
    return true;
}

static Str next_word(Str *line) {
    Str trimmed = base_str_trim(*line);
    size_t length = 0;
    while (length < trimmed.size_bytes && trimmed.data[length] != ' ') {
        length++;
    }
    *line = (Str){trimmed.data + length, trimmed.size_bytes - length};
    return (Str){trimmed.data, length};
}

// The name that a line of tzdata.zi defines ("Z Europe/London ...", "L target name"), or "".
static Str defined_name(Str line) {
    Str kind = next_word(&line);
    Str name = next_word(&line);
    if (base_str_equal(kind, STR("Z"))) {
        return name;
    }
    return base_str_equal(kind, STR("L")) ? next_word(&line) : (Str){NULL, 0};
}

static Str last_part(Str name) {
    for (size_t i = name.size_bytes; i > 0; i--) {
        if (name.data[i - 1] == '/') {
            return (Str){name.data + i, name.size_bytes - i};
        }
    }
    return name;
}

// How far a name is from what was asked for; the city alone may be given.
static size_t name_distance(Arena *arena, Str asked, Str name) {
    Str lower = base_utf8_lower(arena, name);
    size_t whole = base_utf8_distance(asked, lower, 5);
    size_t city = base_utf8_distance(asked, last_part(lower), 2);
    size_t both = base_utf8_distance(last_part(asked), last_part(lower), 1) + 2;
    city = city <= 2 ? city : SIZE_MAX;
    both = both <= 3 && last_part(asked).size_bytes > 3 ? both : SIZE_MAX;
    whole = whole <= asked.size_bytes / 4 ? whole : SIZE_MAX;
    size_t nearest = city < both ? city : both;
    return whole < nearest ? whole : nearest;
}

// " Did you mean A, B or C?" for the nearest names of the database.
static void suggest_names(Text *out, Str asked) {
    BASE_TEXT_SCOPED database = {0};
    if (base_utf8_invalid(asked) != asked.size_bytes ||
        base_file_read(DATABASE "tzdata.zi", FILE_BYTES_MAX, &database, NULL) != BASE_OK) {
        return;
    }
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Str lower = base_utf8_lower(arena, asked);
    Str best[SUGGESTIONS_MAX];
    size_t distances[SUGGESTIONS_MAX];
    size_t count = 0;
    Str rest = base_text_str(&database);
    for (Str line; next_line(&rest, &line);) {
        Str name = defined_name(line);
        size_t distance = !is_name(name) ? SIZE_MAX : name_distance(arena, lower, name);
        size_t at = count;
        while (at > 0 && distance < distances[at - 1]) {
            at--;
        }
        if (distance == SIZE_MAX || at == SUGGESTIONS_MAX) {
            continue;
        }
        count += count < SUGGESTIONS_MAX;
        for (size_t i = count - 1; i > at; i--) {
            best[i] = best[i - 1];
            distances[i] = distances[i - 1];
        }
        best[at] = name;
        distances[at] = distance;
    }
    for (size_t i = 0; i < count; i++) {
        const char *glue = i == 0 ? " Did you mean " : i + 1 == count ? " or " : ", ";
        base_text_printf(out, "%s%.*s%s", glue, STR_ARG(best[i]), i + 1 == count ? "?" : "");
    }
}

int base_zone_open(Str name, const Zone **ret_zone, KretsError *error) {
    const Zone *zone = base_zone_find(name);
    if (zone != NULL) {
        *ret_zone = zone;
        return BASE_OK;
    }
    if (base_zone_find(STR("Europe/London")) == NULL) {
        return base_error_set(
            error, BASE_E_USAGE,
            "time zone \"%.*s\" cannot be opened: there is no tz database in " DATABASE
            " (install the package tzdata)",
            STR_ARG(name));
    }
    BASE_TEXT_SCOPED advice = {0};
    suggest_names(&advice, name);
    return base_error_set(error, BASE_E_USAGE,
                          "unknown time zone \"%.*s\": use an IANA name such as Europe/London or "
                          "UTC.%s",
                          STR_ARG(name), advice.data == NULL ? "" : advice.data);
}

Str base_zone_name(const Zone *zone) {
    return zone->name;
}

static char version_text[32] = "unknown";
static pthread_once_t version_once = PTHREAD_ONCE_INIT;

static void read_version(void) {
    BASE_TEXT_SCOPED database = {0};
    if (base_file_read(DATABASE "tzdata.zi", FILE_BYTES_MAX, &database, NULL) != BASE_OK) {
        return;
    }
    Str rest = base_text_str(&database);
    Str line;
    Str mark = STR("# version ");
    if (next_line(&rest, &line) && base_str_starts(line, mark)) {
        Str version =
            base_str_trim((Str){line.data + mark.size_bytes, line.size_bytes - mark.size_bytes});
        if (version.size_bytes > 0 && version.size_bytes < sizeof version_text) {
            memcpy(version_text, version.data, version.size_bytes);
            version_text[version.size_bytes] = '\0';
        }
    }
}

Str base_zone_version(void) {
    pthread_once(&version_once, read_version);
    return base_str_from(version_text);
}

// Moves a time of the periodic part into the table; *ret_shift_us is what was taken away.
static int64_t fold_cycle(const Zone *zone, int64_t time_us, int64_t *ret_shift_us) {
    int64_t shift_us = 0;
    if (time_us >= zone->cycle_us) {
        shift_us = ((time_us - zone->cycle_us) / ZONE_CYCLE_US + 1) * ZONE_CYCLE_US;
    }
    *ret_shift_us = shift_us;
    return time_us - shift_us;
}

// The number of changes at or before the time: also the index of the offset that holds.
static size_t find_span(const Zone *zone, int64_t time_us) {
    size_t low = 0;
    size_t count = zone->change_count;
    while (count > 0) {
        size_t half = count / 2;
        if (zone->at_us[low + half] <= time_us) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return low;
}

static int64_t span_offset_us(const Zone *zone, size_t span) {
    return zone->offset_s[span] * CALENDAR_US_PER_SECOND;
}

static int64_t span_end_us(const Zone *zone, size_t span) {
    return span < zone->change_count ? zone->at_us[span] : INT64_MAX;
}

int32_t base_zone_offset(const Zone *zone, int64_t utc_us) {
    int64_t shift_us;
    return zone->offset_s[find_span(zone, fold_cycle(zone, utc_us, &shift_us))];
}

int64_t base_zone_local(const Zone *zone, int64_t utc_us) {
    return utc_us + base_zone_offset(zone, utc_us) * CALENDAR_US_PER_SECOND;
}

int64_t base_zone_next_change(const Zone *zone, int64_t utc_us) {
    int64_t shift_us;
    size_t span = find_span(zone, fold_cycle(zone, utc_us, &shift_us));
    int64_t end_us = span_end_us(zone, span);
    return end_us == INT64_MAX ? end_us : end_us + shift_us;
}

// Where a local time lies: the first span that shows it, else the change that jumps over it.
typedef struct Place {
    int64_t exact_us; // first instant that shows it; meaningless in a gap
    size_t jump;      // span before the first change that reaches or passes the local time
    bool jumps;
    ZoneFold fold;
} Place;

static Place find_place(const Zone *zone, int64_t local_us) {
    Place place = {.fold = ZONE_GAP};
    bool found = false;
    for (size_t span = find_span(zone, local_us - ZONE_REACH_US); span <= zone->change_count;
         span++) {
        int64_t start_us = span == 0 ? INT64_MIN : zone->at_us[span - 1];
        if (start_us > local_us + ZONE_REACH_US) {
            break;
        }
        int64_t instant_us = local_us - span_offset_us(zone, span);
        if (instant_us >= start_us && instant_us < span_end_us(zone, span)) {
            if (found) {
                place.fold = ZONE_OVERLAP;
                break;
            }
            found = true;
            place.exact_us = instant_us;
            place.fold = ZONE_EXACT;
        } else if (!found && !place.jumps && instant_us < start_us && span > 0) {
            place.jumps = true;
            place.jump = span - 1;
        }
    }
    return place;
}

int64_t base_zone_instant(const Zone *zone, int64_t local_us, ZoneFold *ret_fold) {
    int64_t shift_us;
    int64_t folded_us = fold_cycle(zone, local_us, &shift_us);
    Place place = find_place(zone, folded_us);
    if (ret_fold != NULL) {
        *ret_fold = place.fold;
    }
    if (place.fold == ZONE_GAP) {
        return folded_us - span_offset_us(zone, place.jump) + shift_us;
    }
    return place.exact_us + shift_us;
}

static int64_t floor_divide(int64_t a, int64_t b) {
    int64_t quotient = a / b;
    return quotient - (a % b < 0);
}

int32_t base_zone_day(const Zone *zone, int64_t utc_us) {
    return (int32_t)floor_divide(base_zone_local(zone, utc_us), CALENDAR_US_PER_DAY);
}

int64_t base_zone_midnight(const Zone *zone, int32_t day) {
    int64_t shift_us;
    int64_t local_us = fold_cycle(zone, day * CALENDAR_US_PER_DAY, &shift_us);
    Place place = find_place(zone, local_us);
    // A change that jumps over midnight comes before any span that shows it again.
    if (place.jumps) {
        return zone->at_us[place.jump] + shift_us;
    }
    return place.exact_us + shift_us;
}

// The day that has begun: never goes backwards, also where the clock goes back over midnight.
static int32_t begun_day(const Zone *zone, int64_t utc_us) {
    int32_t day = base_zone_day(zone, utc_us);
    while (base_zone_midnight(zone, day + 1) <= utc_us) {
        day++;
    }
    return day;
}

static int64_t clamp_time(int64_t time_us) {
    return time_us < CALENDAR_TIME_MIN   ? CALENDAR_TIME_MIN
           : time_us > CALENDAR_TIME_MAX ? CALENDAR_TIME_MAX
                                         : time_us;
}

static int64_t unit_us(CalendarUnit unit) {
    switch (unit) {
    case UNIT_SECOND:
        return CALENDAR_US_PER_SECOND;
    case UNIT_MINUTE:
        return 60 * CALENDAR_US_PER_SECOND;
    case UNIT_HOUR:
        return 3600 * CALENDAR_US_PER_SECOND;
    case UNIT_DAY:
        return CALENDAR_US_PER_DAY;
    case UNIT_WEEK:
        return 7 * CALENDAR_US_PER_DAY;
    case UNIT_MONTH:
    case UNIT_QUARTER:
    case UNIT_YEAR:
        break;
    }
    return 0;
}

// n months in all, within what add_months takes.
static int64_t unit_months(CalendarUnit unit, int64_t n) {
    const int64_t most = 1000000;
    n = n > most ? most : n < -most ? -most : n;
    return n * (unit == UNIT_MONTH ? 1 : unit == UNIT_QUARTER ? 3 : 12);
}

// time + n * length, saturated.
static int64_t shift_time(int64_t time_us, int64_t n, int64_t length_us) {
    int64_t sum_us;
    if (__builtin_mul_overflow(n, length_us, &sum_us) ||
        __builtin_add_overflow(sum_us, time_us, &sum_us)) {
        return n < 0 ? CALENDAR_TIME_MIN : CALENDAR_TIME_MAX;
    }
    return clamp_time(sum_us);
}

// The first instant of a day that may lie outside the calendar.
static int64_t midnight_clamped(const Zone *zone, int64_t day) {
    if (day < CALENDAR_DAY_MIN) {
        return CALENDAR_TIME_MIN;
    }
    if (day > CALENDAR_DAY_MAX) {
        return CALENDAR_TIME_MAX;
    }
    return clamp_time(base_zone_midnight(zone, (int32_t)day));
}

static int64_t month_midnight(const Zone *zone, Date first) {
    if (first.year < 1) {
        return CALENDAR_TIME_MIN;
    }
    if (first.year > 9999) {
        return CALENDAR_TIME_MAX;
    }
    first.day = 1;
    return midnight_clamped(zone, base_calendar_day(first));
}

static int64_t clock_period(const Zone *zone, int64_t utc_us, CalendarUnit unit, int64_t shift) {
    int64_t length_us = unit_us(unit);
    int64_t local_us = base_zone_local(zone, utc_us);
    int64_t into_us = local_us - floor_divide(local_us, length_us) * length_us;
    return shift_time(utc_us - into_us, shift, length_us);
}

int64_t base_zone_period(const Zone *zone, int64_t utc_us, CalendarUnit unit, int64_t shift) {
    utc_us = clamp_time(utc_us);
    if (unit <= UNIT_HOUR) {
        return clock_period(zone, utc_us, unit, shift);
    }
    int32_t day = begun_day(zone, utc_us);
    if (unit == UNIT_DAY || unit == UNIT_WEEK) {
        const int64_t most = 10000000; // more days than the calendar has
        shift = shift > most ? most : shift < -most ? -most : shift;
        int64_t first = unit == UNIT_DAY ? day : day - (base_calendar_weekday(day) - 1);
        return midnight_clamped(zone, first + shift * (unit == UNIT_DAY ? 1 : 7));
    }
    Date date = base_calendar_date(day);
    date.day = 1;
    if (unit == UNIT_QUARTER) {
        date.month -= (date.month - 1) % 3;
    } else if (unit == UNIT_YEAR) {
        date.month = 1;
    }
    return month_midnight(zone, base_calendar_add_months(date, unit_months(unit, shift)));
}

int64_t base_zone_window_start(const Zone *zone, int64_t now_us, CalendarUnit unit, int64_t n) {
    now_us = clamp_time(now_us);
    if (unit < UNIT_MONTH) {
        return n == INT64_MIN ? CALENDAR_TIME_MAX : shift_time(now_us, -n, unit_us(unit));
    }
    int32_t today = begun_day(zone, now_us);
    int64_t months = n < -INT64_MAX ? INT64_MAX : -n;
    Date date = base_calendar_add_months(base_calendar_date(today), unit_months(unit, months));
    if (date.year < 1 || date.year > 9999) {
        return date.year < 1 ? CALENDAR_TIME_MIN : CALENDAR_TIME_MAX;
    }
    if (!base_calendar_valid(date)) {
        date.day = 1;
        return month_midnight(zone, base_calendar_add_months(date, 1)) - 1;
    }
    int32_t day = base_calendar_day(date);
    int64_t same_us = midnight_clamped(zone, day) + (now_us - base_zone_midnight(zone, today));
    int64_t last_us = midnight_clamped(zone, (int64_t)day + 1) - 1;
    return clamp_time(same_us < last_us ? same_us : last_us);
}

int64_t base_zone_add(const Zone *zone, int64_t utc_us, CalendarUnit unit, int64_t n) {
    utc_us = clamp_time(utc_us);
    if (unit < UNIT_MONTH) {
        return shift_time(utc_us, n, unit_us(unit));
    }
    int64_t local_us = base_zone_local(zone, utc_us);
    int32_t day = (int32_t)floor_divide(local_us, CALENDAR_US_PER_DAY);
    int64_t clock_us = local_us - day * CALENDAR_US_PER_DAY;
    Date date = base_calendar_add_months(base_calendar_date(day), unit_months(unit, n));
    if (date.year < 1 || date.year > 9999) {
        return date.year < 1 ? CALENDAR_TIME_MIN : CALENDAR_TIME_MAX;
    }
    int32_t last = base_calendar_month_days(date.year, date.month);
    date.day = date.day > last ? last : date.day;
    int64_t moved_us = base_calendar_day(date) * CALENDAR_US_PER_DAY + clock_us;
    return clamp_time(base_zone_instant(zone, moved_us, NULL));
}
