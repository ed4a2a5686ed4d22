// Reading TZif files (RFC 8536) and the POSIX TZ rule in their last line.
#include <stdlib.h>
#include <string.h>

#include "base/zone_private.h"

#define HEADER_BYTES  44
#define CHANGES_MAX   20000
#define TYPES_MAX     256
#define OFFSET_MOST_S (26 * 3600)

typedef struct Header {
    uint32_t utc_count;
    uint32_t standard_count;
    uint32_t leap_count;
    uint32_t time_count;
    uint32_t type_count;
    uint32_t char_count;
} Header;

static uint32_t read_u32(const unsigned char *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int64_t read_time(const unsigned char *at, size_t width) {
    if (width == 4) {
        return (int32_t)read_u32(at);
    }
    return (int64_t)((uint64_t)read_u32(at) << 32 | read_u32(at + 4));
}

static bool read_header(Str bytes, size_t at, Header *ret_header) {
    if (bytes.size_bytes < at + HEADER_BYTES || memcmp(bytes.data + at, "TZif", 4) != 0) {
        return false;
    }
    const unsigned char *counts = (const unsigned char *)bytes.data + at + 20;
    Header header = {read_u32(counts),      read_u32(counts + 4),  read_u32(counts + 8),
                     read_u32(counts + 12), read_u32(counts + 16), read_u32(counts + 20)};
    if (header.time_count > CHANGES_MAX || header.type_count == 0 ||
        header.type_count > TYPES_MAX || header.char_count > 4096 || header.leap_count > 4096 ||
        header.utc_count > TYPES_MAX || header.standard_count > TYPES_MAX) {
        return false;
    }
    *ret_header = header;
    return true;
}

static size_t body_size(const Header *header, size_t width) {
    return header->time_count * (width + 1) + (size_t)header->type_count * 6 + header->char_count +
           header->leap_count * (width + 4) + header->standard_count + header->utc_count;
}

static int64_t seconds_to_us(int64_t seconds) {
    int64_t us;
    if (__builtin_mul_overflow(seconds, CALENDAR_US_PER_SECOND, &us)) {
        return seconds < 0 ? INT64_MIN : INT64_MAX;
    }
    return us;
}

// Adds a change at the end; one that is not later or changes nothing leaves no trace. Nobody asks
// for times outside the calendar: changes before it only say what holds at its beginning.
static void add_change(Zone *zone, int64_t at_us, int32_t offset_s) {
    size_t count = zone->change_count;
    if (at_us < CALENDAR_TIME_MIN && count == 0) {
        zone->offset_s[0] = offset_s;
        return;
    }
    if (at_us > CALENDAR_TIME_MAX) {
        return;
    }
    if (zone->offset_s[count] == offset_s || (count > 0 && at_us <= zone->at_us[count - 1])) {
        return;
    }
    zone->at_us[count] = at_us;
    zone->offset_s[count + 1] = offset_s;
    zone->change_count++;
}

static bool read_body(const unsigned char *body, const Header *header, size_t width, Zone *zone) {
    const unsigned char *times = body;
    const unsigned char *indexes = times + header->time_count * width;
    const unsigned char *types = indexes + header->time_count;
    int32_t offsets[TYPES_MAX] = {0};
    for (size_t i = 0; i < header->type_count; i++) {
        offsets[i] = (int32_t)read_u32(types + i * 6);
        if (offsets[i] < -OFFSET_MOST_S || offsets[i] > OFFSET_MOST_S) {
            return false;
        }
    }
    zone->offset_s[0] = offsets[0]; // the first type holds before the first change
    for (size_t i = 0; i < header->time_count; i++) {
        if (indexes[i] >= header->type_count) {
            return false;
        }
        add_change(zone, seconds_to_us(read_time(times + i * width, width)), offsets[indexes[i]]);
    }
    return true;
}

// One of the two days of a rule: Mm.w.d, Jn or n, and a time of that day.
typedef struct RuleDay {
    char kind; // 'M', 'J' or '0'
    int32_t month;
    int32_t week;
    int32_t day;
    int32_t time_s; // local, by the clock before the change
} RuleDay;

typedef struct Rule {
    int32_t standard_s; // east of UTC
    int32_t saving_s;
    bool has_saving;
    RuleDay start;
    RuleDay end;
} Rule;

typedef struct Cursor {
    const char *at;
    const char *end;
} Cursor;

static bool take(Cursor *cursor, char c) {
    if (cursor->at >= cursor->end || *cursor->at != c) {
        return false;
    }
    cursor->at++;
    return true;
}

static bool take_number(Cursor *cursor, int32_t *ret_value) {
    int32_t value = 0;
    const char *start = cursor->at;
    for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++) {
        if (value > 9999) {
            return false;
        }
        value = value * 10 + (*cursor->at - '0');
    }
    *ret_value = value;
    return cursor->at > start;
}

// [+-]hh[:mm[:ss]] in seconds; version 3 lets hours go from -167 to 167.
static bool take_clock(Cursor *cursor, int32_t *ret_seconds) {
    int32_t sign = take(cursor, '-') ? -1 : 1;
    if (sign == 1) {
        take(cursor, '+');
    }
    int32_t hour;
    int32_t minute = 0;
    int32_t second = 0;
    if (!take_number(cursor, &hour) || (take(cursor, ':') && !take_number(cursor, &minute)) ||
        (take(cursor, ':') && !take_number(cursor, &second)) || hour > 167 || minute > 59 ||
        second > 59) {
        return false;
    }
    *ret_seconds = sign * (hour * 3600 + minute * 60 + second);
    return true;
}

static bool is_name_char(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool take_name(Cursor *cursor) {
    bool quoted = take(cursor, '<');
    const char *start = cursor->at;
    while (cursor->at < cursor->end && (quoted ? *cursor->at != '>' : is_name_char(*cursor->at))) {
        cursor->at++;
    }
    return cursor->at - start >= 3 && (!quoted || take(cursor, '>'));
}

static bool take_rule_day(Cursor *cursor, RuleDay *ret_day) {
    RuleDay day = {.kind = '0', .time_s = 2 * 3600};
    if (take(cursor, 'M')) {
        day.kind = 'M';
        if (!take_number(cursor, &day.month) || !take(cursor, '.') ||
            !take_number(cursor, &day.week) || !take(cursor, '.') ||
            !take_number(cursor, &day.day) || day.month < 1 || day.month > 12 || day.week < 1 ||
            day.week > 5 || day.day > 6) {
            return false;
        }
    } else {
        day.kind = take(cursor, 'J') ? 'J' : '0';
        int32_t first = day.kind == 'J' ? 1 : 0;
        if (!take_number(cursor, &day.day) || day.day < first || day.day > 365) {
            return false;
        }
    }
    if (take(cursor, '/') && !take_clock(cursor, &day.time_s)) {
        return false;
    }
    *ret_day = day;
    return true;
}

static bool read_rule(Str text, Rule *ret_rule) {
    Cursor cursor = {text.data, text.data + text.size_bytes};
    Rule rule = {0};
    if (!take_name(&cursor) || !take_clock(&cursor, &rule.standard_s)) {
        return false;
    }
    rule.standard_s = -rule.standard_s; // POSIX counts west of UTC
    rule.saving_s = rule.standard_s + 3600;
    if (cursor.at < cursor.end) {
        rule.has_saving = true;
        if (!take_name(&cursor)) {
            return false;
        }
        if (cursor.at < cursor.end && *cursor.at != ',') {
            if (!take_clock(&cursor, &rule.saving_s)) {
                return false;
            }
            rule.saving_s = -rule.saving_s;
        }
        if (!take(&cursor, ',') || !take_rule_day(&cursor, &rule.start) || !take(&cursor, ',') ||
            !take_rule_day(&cursor, &rule.end)) {
            return false;
        }
    }
    *ret_rule = rule;
    return cursor.at == cursor.end && abs(rule.standard_s) <= OFFSET_MOST_S &&
           abs(rule.saving_s) <= OFFSET_MOST_S;
}

static int64_t rule_instant(const RuleDay *rule, int32_t year, int32_t offset_before_s) {
    int32_t new_year = base_calendar_day((Date){year, 1, 1});
    int32_t day;
    if (rule->kind == 'M') {
        int32_t first = base_calendar_day((Date){year, rule->month, 1});
        int32_t sunday_based = base_calendar_weekday(first) % 7;
        int32_t skip = (rule->day - sunday_based + 7) % 7 + (rule->week - 1) * 7;
        if (skip >= base_calendar_month_days(year, rule->month)) {
            skip -= 7; // week 5 is the last one
        }
        day = first + skip;
    } else if (rule->kind == 'J') { // 29 February is never counted
        bool leap = base_calendar_month_days(year, 2) == 29;
        day = new_year + rule->day - 1 + (leap && rule->day >= 60);
    } else {
        day = new_year + rule->day;
    }
    return day * CALENDAR_US_PER_DAY +
           ((int64_t)rule->time_s - offset_before_s) * CALENDAR_US_PER_SECOND;
}

// Appends the rule's changes after the last one of the file, over a cycle of 400 years and a rim.
static void extend_by_rule(Zone *zone, const Rule *rule) {
    int64_t last =
        zone->change_count == 0 ? CALENDAR_TIME_MIN : zone->at_us[zone->change_count - 1];
    int32_t year = base_calendar_date((int32_t)(last / CALENDAR_US_PER_DAY)).year;
    if (!rule->has_saving) {
        zone->cycle_us = INT64_MAX;
        return;
    }
    if (zone->change_count == 0) {
        zone->offset_s[0] = rule->standard_s; // a file with a rule alone: it holds from 1970 on
        year = 1970;
    }
    for (int32_t y = year - 1; y <= year + 403; y++) {
        int64_t start = rule_instant(&rule->start, y, rule->standard_s);
        int64_t end = rule_instant(&rule->end, y, rule->saving_s);
        for (int turn = 0; turn < 2; turn++) {
            bool saving = (start < end) == (turn == 0);
            int64_t at_us = saving ? start : end;
            if (at_us > last) {
                add_change(zone, at_us, saving ? rule->saving_s : rule->standard_s);
            }
        }
    }
    zone->cycle_us = base_calendar_day((Date){year + 402, 1, 1}) * CALENDAR_US_PER_DAY;
}

// The last line of the file, between newlines; empty when there is none.
static Str find_footer(Str bytes, size_t at) {
    if (at >= bytes.size_bytes || bytes.data[at] != '\n') {
        return (Str){NULL, 0};
    }
    const char *start = bytes.data + at + 1;
    const char *end = memchr(start, '\n', bytes.size_bytes - at - 1);
    return end == NULL ? (Str){NULL, 0} : (Str){start, (size_t)(end - start)};
}

int base_zone_decode(Str bytes, Zone *ret_zone) {
    Header header;
    size_t at = 0;
    size_t width = 4;
    if (!read_header(bytes, 0, &header)) {
        return 1;
    }
    if (bytes.data[4] != '\0') { // version 2 and later say everything again with 64 bits
        at = HEADER_BYTES + body_size(&header, 4);
        width = 8;
        if (!read_header(bytes, at, &header)) {
            return 1;
        }
    }
    size_t body = at + HEADER_BYTES;
    size_t body_bytes = body_size(&header, width);
    if (header.leap_count > 0 || bytes.size_bytes - body < body_bytes) {
        return 1; // clocks that count leap seconds are not UTC
    }
    size_t room = header.time_count + 2 * 405 + 1;
    Zone zone = {.at_us = malloc(room * sizeof *zone.at_us),
                 .offset_s = malloc((room + 1) * sizeof *zone.offset_s),
                 .cycle_us = INT64_MAX};
    if (zone.at_us == NULL || zone.offset_s == NULL) {
        abort();
    }
    Str footer = width == 8 ? find_footer(bytes, body + body_bytes) : (Str){NULL, 0};
    Rule rule;
    bool fine = read_body((const unsigned char *)bytes.data + body, &header, width, &zone);
    if (fine && footer.size_bytes > 0) {
        fine = read_rule(footer, &rule);
        if (fine) {
            extend_by_rule(&zone, &rule);
        }
    }
    if (!fine) {
        free(zone.at_us);
        free(zone.offset_s);
        return 1;
    }
    *ret_zone = zone;
    return 0;
}
