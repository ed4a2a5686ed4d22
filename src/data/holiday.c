// A series is a text of parts between ';'. A part is either a run of years (counted from 1990) and
// a rule, "0-70d1225", or "x" and days as differences, the first from 1990-01-01: "x45,355,384".
// Rules:  dMMDD  that date;  aMMDDw  the first weekday w (1 = Monday) on or after that date;
//         eN  N days after Western Easter Sunday;  oN  after Orthodox Easter Sunday.
#include "data/holiday.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "base/map.h"
#include "base/utf8.h"

typedef struct HolidayEntry {
    uint16_t name;
    uint16_t statutory; // series
    uint16_t observed;
} HolidayEntry;

typedef struct HolidayPlace {
    const char *code;
    uint16_t first;
    uint16_t count;
} HolidayPlace;

#include "data/holiday_table.inc"

#define PLACE_COUNT    (sizeof holiday_places / sizeof *holiday_places)
#define SERIES_COUNT   (sizeof holiday_series / sizeof *holiday_series)
#define CODE_BYTES_MAX 8
#define NAME_BYTES_MAX 200

typedef struct Days {
    int32_t *items; // NULL until first asked for
    size_t count;
    size_t room;
} Days;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t days_lock = PTHREAD_MUTEX_INITIALIZER;
static Days decoded[SERIES_COUNT]; // filled under the lock, immutable after that, never freed
static Map *place_entries;         // "CODE\nfolded name" -> entry; read-only after `once`

static void add_day(Days *days, int32_t day) {
    if (days->count == days->room) {
        days->room = days->room == 0 ? 80 : days->room * 2;
        days->items = realloc(days->items, days->room * sizeof *days->items);
        if (days->items == NULL) {
            abort();
        }
    }
    days->items[days->count++] = day;
}

static int compare_days(const void *a, const void *b) {
    int32_t left = *(const int32_t *)a;
    int32_t right = *(const int32_t *)b;
    return (left > right) - (left < right);
}

static int32_t rule_day(char kind, int32_t argument, int32_t year) {
    if (kind == 'e') {
        return base_calendar_easter(year) + argument;
    }
    if (kind == 'o') {
        return base_calendar_easter_orthodox(year) + argument;
    }
    int32_t month_day = kind == 'a' ? argument / 10 : argument;
    int32_t day =
        base_calendar_day((Date){.year = year, .month = month_day / 100, .day = month_day % 100});
    return kind == 'a' ? day + (argument % 10 - base_calendar_weekday(day) + 7) % 7 : day;
}

static void decode_steps(const char *at, Days *days) {
    int32_t day = base_calendar_day((Date){DATA_HOLIDAY_YEAR_MIN, 1, 1});
    do {
        char *end;
        day += (int32_t)strtol(at + 1, &end, 10); // past the 'x' or ','
        add_day(days, day);
        at = end;
    } while (*at == ',');
}

static void decode_series(const char *text, Days *days) {
    for (const char *at = text; at != NULL && *at != '\0';) {
        if (*at == 'x') {
            decode_steps(at, days);
        } else {
            char *end;
            int32_t first = DATA_HOLIDAY_YEAR_MIN + (int32_t)strtol(at, &end, 10);
            int32_t last = DATA_HOLIDAY_YEAR_MIN + (int32_t)strtol(end + 1, &end, 10);
            char kind = *end;
            int32_t argument = (int32_t)strtol(end + 1, NULL, 10);
            for (int32_t year = first; year <= last; year++) {
                add_day(days, rule_day(kind, argument, year));
            }
        }
        const char *end = strchr(at, ';');
        at = end == NULL ? NULL : end + 1;
    }
    if (days->items == NULL) {
        return;
    }
    qsort(days->items, days->count, sizeof *days->items, compare_days);
    size_t kept = 1;
    for (size_t i = 1; i < days->count; i++) {
        if (days->items[i] != days->items[kept - 1]) {
            days->items[kept++] = days->items[i];
        }
    }
    days->count = kept;
}

// Upper case, with the codes that people use beside those of the standard. False when too long.
static bool read_code(Str country, char code[CODE_BYTES_MAX]) {
    Str trimmed = base_str_trim(country);
    if (trimmed.size_bytes < 2 || trimmed.size_bytes >= CODE_BYTES_MAX) {
        return false;
    }
    memset(code, 0, CODE_BYTES_MAX);
    for (size_t i = 0; i < trimmed.size_bytes; i++) {
        char c = trimmed.data[i];
        code[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    if (code[2] == '\0' || code[2] == '-') {
        if (memcmp(code, "UK", 2) == 0) {
            memcpy(code, "GB", 2);
        } else if (memcmp(code, "EL", 2) == 0) {
            memcpy(code, "GR", 2);
        }
    }
    return true;
}

static const HolidayPlace *find_place(const char *code) {
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        if (strcmp(holiday_places[i].code, code) == 0) {
            return &holiday_places[i];
        }
    }
    return NULL;
}

// The key of a name in a place: case, the kind of apostrophe, hyphens and "St" do not matter.
static Str make_key(Arena *arena, Str code, Str name) {
    BASE_TEXT_SCOPED text = {0};
    base_text_append(&text, code);
    base_text_append_char(&text, '\n');
    Str lower = base_utf8_lower(arena, base_str_trim(name));
    size_t at = 0;
    if (base_str_starts(lower, STR("st ")) || base_str_starts(lower, STR("st. "))) {
        base_text_append(&text, STR("saint"));
        at = lower.data[2] == '.' ? 3 : 2;
    }
    while (at < lower.size_bytes) {
        uint32_t code_point = base_utf8_next(lower, &at);
        uint32_t plain = code_point == '-' ? ' ' : code_point;
        base_utf8_append(&text, code_point == 0x2019 ? '\'' : plain);
    }
    return base_arena_str(arena, base_text_str(&text));
}

static void fill_entries(void) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    place_entries = base_map_new();
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        const HolidayPlace *place = &holiday_places[i];
        for (size_t entry = place->first; entry < (size_t)place->first + place->count; entry++) {
            Str name = base_str_from(holiday_names[holiday_entries[entry].name]);
            base_map_put(place_entries, make_key(arena, base_str_from(place->code), name), entry);
        }
    }
}

static const HolidayEntry *find_entry(const char *code, Str name) {
    if (name.size_bytes > NAME_BYTES_MAX) {
        return NULL;
    }
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    uint64_t entry;
    if (!base_map_get(place_entries, make_key(arena, base_str_from(code), name), &entry)) {
        return NULL;
    }
    return &holiday_entries[entry];
}

void data_holiday_countries(Arena *arena, const Str **ret_codes, size_t *ret_count) {
    Str *codes = base_arena_alloc_array(arena, PLACE_COUNT, sizeof *codes);
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        codes[i] = base_str_from(holiday_places[i].code);
    }
    *ret_codes = codes;
    *ret_count = PLACE_COUNT;
}

bool data_holiday_has_country(Str country) {
    char code[CODE_BYTES_MAX];
    return read_code(country, code) && find_place(code) != NULL;
}

int data_holiday_days(Str country, Str name, bool observed, const int32_t **ret_days,
                      size_t *ret_count) {
    char code[CODE_BYTES_MAX];
    if (!read_code(country, code) || find_place(code) == NULL) {
        return DATA_HOLIDAY_UNKNOWN_COUNTRY;
    }
    pthread_once(&once, fill_entries);
    const HolidayEntry *entry = find_entry(code, name);
    if (entry == NULL && code[2] == '-') {
        code[2] = '\0'; // what a part does not have of its own it has from its country
        entry = find_entry(code, name);
    }
    if (entry == NULL) {
        return DATA_HOLIDAY_UNKNOWN_NAME;
    }
    size_t series = observed ? entry->observed : entry->statutory;
    pthread_mutex_lock(&days_lock);
    if (decoded[series].items == NULL) {
        decode_series(holiday_series[series], &decoded[series]);
    }
    *ret_days = decoded[series].items;
    *ret_count = decoded[series].count;
    pthread_mutex_unlock(&days_lock);
    return 0;
}

static void add_names(const HolidayPlace *place, Map *seen, Arena *arena, Str *names,
                      size_t *count) {
    for (size_t i = place->first; i < (size_t)place->first + place->count; i++) {
        Str name = base_str_from(holiday_names[holiday_entries[i].name]);
        if (base_map_put(seen, make_key(arena, STR(""), name), 1)) {
            names[(*count)++] = name;
        }
    }
}

void data_holiday_names(Arena *arena, Str country, const Str **ret_names, size_t *ret_count) {
    char code[CODE_BYTES_MAX];
    bool all = country.size_bytes == 0;
    bool known = all || read_code(country, code);
    size_t room = sizeof holiday_entries / sizeof *holiday_entries;
    Str *names = base_arena_alloc_array(arena, room, sizeof *names);
    BASE_MAP_SCOPED seen = base_map_new();
    BASE_ARENA_SCOPED keys = base_arena_new(SIZE_MAX);
    size_t count = 0;
    for (size_t i = 0; known && names != NULL && i < PLACE_COUNT; i++) {
        const HolidayPlace *place = &holiday_places[i];
        bool is_parent = !all && strlen(place->code) == 2 && memcmp(place->code, code, 2) == 0 &&
                         (code[2] == '\0' || find_place(code) != NULL);
        if (all || is_parent || strcmp(place->code, code) == 0) {
            add_names(place, seen, keys, names, &count);
        }
    }
    *ret_names = names;
    *ret_count = count;
}
