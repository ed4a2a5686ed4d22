#include "oracle_random.h"

#include <string.h>

#include "base/calendar.h"

#define DAY  CALENDAR_US_PER_DAY
#define HOUR (DAY / 24)

uint64_t random_next(Random *random) { // splitmix64
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

size_t random_below(Random *random, size_t count) {
    return random_next(random) % count;
}

bool random_chance(Random *random, size_t percent) {
    return random_below(random, 100) < percent;
}

Str random_pick(Random *random, const char *const *texts, size_t count) {
    return base_str_from(texts[random_below(random, count)]);
}

// ---- the catalog ----

typedef struct Kind {
    const char *name;
    ValueType type;
} Kind;

static const Kind property_kinds[] = {
    {"amount", VALUE_DECIMAL}, {"at", VALUE_TIME},    {"day", VALUE_DATE},
    {"flag", VALUE_BOOLEAN},   {"label", VALUE_TEXT}, {"price", VALUE_NUMBER},
    {"qty", VALUE_INTEGER},    {"tags", VALUE_LIST},
};
static const Kind trait_kinds[] = {
    {"birth", VALUE_DATE},     {"city", VALUE_TEXT},     {"country", VALUE_TEXT},
    {"credit", VALUE_DECIMAL}, {"joined", VALUE_TIME},   {"likes", VALUE_LIST},
    {"score", VALUE_NUMBER},   {"timezone", VALUE_TEXT}, {"vip", VALUE_BOOLEAN},
    {"visits", VALUE_INTEGER},
};
static const char *const event_names[] = {"krets.sent",   "köp",       "mail",  "order",
                                          "order[items]", "page view", "refund"};
#define EVENT_NAME_COUNT (sizeof event_names / sizeof *event_names)

typedef struct Columns {
    WorldColumn *items;
    size_t count;
} Columns;

// The column for that name and type; a second type of one name gets a number.
static Str column_of(Arena *arena, Columns *columns, Str name, ValueType type) {
    Str column = type == VALUE_INTEGER && base_str_equal(name, STR("amount")) ? STR("amount~2")
                 : type == VALUE_NUMBER && base_str_equal(name, STR("amount"))
                     ? STR("amount~3")
                     : base_arena_str(arena, name);
    for (size_t i = 0; i < columns->count; i++) {
        if (base_str_equal(columns->items[i].name, column)) {
            return column;
        }
    }
    columns->items[columns->count++] = (WorldColumn){.name = column, .type = type};
    return column;
}

static CatalogEvent make_event(Arena *arena, Random *random, Columns *columns, Str name,
                               const Kind *kinds, size_t kind_count, size_t percent) {
    CatalogEvent event = {.name = name, .is_any = data_catalog_is_any(name)};
    event.properties = base_arena_alloc_array(arena, kind_count, sizeof *event.properties);
    for (size_t i = 0; i < kind_count; i++) {
        if (!random_chance(random, percent)) {
            continue;
        }
        ValueType type = kinds[i].type;
        Str property = base_str_from(kinds[i].name);
        if (type == VALUE_DECIMAL && base_str_equal(property, STR("amount"))) {
            static const ValueType types[] = {VALUE_DECIMAL, VALUE_DECIMAL, VALUE_INTEGER,
                                              VALUE_NUMBER};
            type = types[random_below(random, 4)];
        }
        event.properties[event.property_count++] = (CatalogProperty){
            .name = property, .column = column_of(arena, columns, property, type), .type = type};
    }
    return event;
}

static const Catalog *make_catalog(Arena *arena, Random *random, Columns *columns) {
    Catalog *catalog = base_arena_alloc(arena, sizeof *catalog);
    catalog->events = base_arena_alloc_array(arena, EVENT_NAME_COUNT + 1, sizeof *catalog->events);
    columns->items = base_arena_alloc_array(arena, 64, sizeof *columns->items);
    catalog->events[catalog->event_count++] =
        make_event(arena, random, columns, STR("identify"), trait_kinds,
                   sizeof trait_kinds / sizeof *trait_kinds, 85);
    for (size_t i = 0; i < EVENT_NAME_COUNT; i++) {
        Str name = base_str_from(event_names[i]);
        catalog->events[catalog->event_count++] =
            make_event(arena, random, columns, name, property_kinds,
                       sizeof property_kinds / sizeof *property_kinds,
                       base_str_equal(name, STR("order")) ? 100 : 60);
    }
    for (size_t i = 1; i < catalog->event_count; i++) { // by the bytes of the name
        for (size_t j = i;
             j > 0 && base_str_compare(catalog->events[j - 1].name, catalog->events[j].name) > 0;
             j--) {
            CatalogEvent other = catalog->events[j];
            catalog->events[j] = catalog->events[j - 1];
            catalog->events[j - 1] = other;
        }
    }
    return catalog;
}

// ---- times and values ----

static const char *const zones[] = {
    "UTC",          "Europe/London",       "America/New_York",  "America/St_Johns",
    "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia",
    "Asia/Tehran",  "Pacific/Chatham",     "Antarctica/Troll",  "America/Havana",
};

static int64_t random_now(Random *random, const Zone *zone) {
    // Not later: rules of zones for the future differ between editions of the tz database.
    int64_t year = 2000 + (int64_t)random_below(random, 24);
    int32_t month = 1 + (int32_t)random_below(random, 12);
    int32_t last = base_calendar_month_days((int32_t)year, month);
    int32_t day = random_chance(random, 40) ? last : 1 + (int32_t)random_below(random, last);
    int64_t now_us = base_calendar_day((Date){(int32_t)year, month, day}) * DAY;
    switch (random_below(random, 4)) {
    case 0:
        return now_us + (int64_t)random_below(random, DAY);
    case 1: { // beside a change of the clock
        int64_t change_us = base_zone_next_change(zone, now_us);
        int64_t away_us = ((int64_t)random_below(random, 9) - 4) * HOUR / 2;
        return change_us == INT64_MAX || change_us > CALENDAR_TIME_MAX - DAY ? now_us
                                                                             : change_us + away_us;
    }
    case 2: // beside a midnight
        return base_zone_midnight(zone, base_zone_day(zone, now_us)) +
               (int64_t)random_below(random, 3) - 1;
    default:
        return now_us + (int64_t)random_below(random, 24) * HOUR;
    }
}

static int64_t random_time(Random *random, const Zone *zone, int64_t now_us) {
    static const int64_t units[] = {1000000, 60000000, HOUR, DAY, 7 * DAY, 30 * DAY};
    int64_t jitter_us = (int64_t)random_below(random, 3) - 1;
    switch (random_below(random, 7)) {
    case 0: // on the edge of a window
        return now_us - (int64_t)random_below(random, 40) * units[random_below(random, 6)] +
               jitter_us;
    case 1: // on a local midnight
        return base_zone_midnight(zone,
                                  base_zone_day(zone, now_us) - (int32_t)random_below(random, 70)) +
               jitter_us;
    case 2: { // around a change of the clock in the last year
        int64_t change_us = base_zone_next_change(zone, now_us - 370 * DAY);
        return change_us > now_us
                   ? now_us - HOUR
                   : change_us + ((int64_t)random_below(random, 9) - 4) * HOUR / 2 + jitter_us;
    }
    case 3: // on the edge of a calendar window
        return base_zone_window_start(zone, now_us, UNIT_MONTH, (int64_t)random_below(random, 14)) +
               jitter_us;
    case 4: // not yet, now and then
        return now_us + (random_chance(random, 40) ? (int64_t)random_below(random, 9 * DAY)
                                                   : -(int64_t)random_below(random, 9 * DAY));
    case 5:
        return now_us - (int64_t)random_below(random, 90) * DAY;
    default:
        return now_us - (int64_t)random_below(random, 800 * DAY);
    }
}

static const char *const texts[] = {
    "",     "a",    "A",   "ab",   "Å",    "å",   "STRASSE", "straße", "İ",
    "日本", "100%", "a_b", "it's", "x\ny", "new", "vip",     "a b c",  "🤦🏼‍♂️"};

static Value random_number(Random *random) {
    static const double odd[] = {0.1, 0.2, -0.0, 0.0, 1e308, -1e308, 1e-308, 1e17, 0.3, -2.5, 1e15};
    double plain = (double)random_below(random, 2000) / 100 - 5;
    return (Value){.type = VALUE_NUMBER,
                   .number = random_chance(random, 50) ? plain : odd[random_below(random, 11)]};
}

static Value random_list(Arena *arena, Random *random) {
    size_t count = random_below(random, 4);
    Str *items = base_arena_alloc_array(arena, count + 1, sizeof *items);
    for (size_t i = 0; i < count; i++) {
        items[i] = RANDOM_PICK(random, texts);
    }
    return (Value){.type = VALUE_LIST, .list = {.items = items, .count = count}};
}

static Value random_value(Arena *arena, Random *random, ValueType type, const World *world) {
    Value value = {.type = type};
    switch (type) {
    case VALUE_BOOLEAN:
        value.boolean = random_chance(random, 50);
        break;
    case VALUE_INTEGER:
        value.integer = (int64_t)random_below(random, 12) - 3;
        if (random_chance(random, 8)) {
            value.integer = random_chance(random, 50) ? INT64_MAX : INT64_MIN;
        }
        break;
    case VALUE_DECIMAL:
        value.decimal = (int64_t)random_below(random, 2000000) - 200000;
        if (random_chance(random, 8)) {
            value.decimal =
                random_chance(random, 50) ? VALUE_DECIMAL_LIMIT - 1 : 1 - VALUE_DECIMAL_LIMIT;
        }
        break;
    case VALUE_NUMBER:
        return random_number(random);
    case VALUE_TEXT:
        value.text = RANDOM_PICK(random, texts);
        break;
    case VALUE_TIME:
        value.time_us = random_time(random, world->model.zone, world->now_us);
        break;
    case VALUE_DATE: {
        int32_t today = base_zone_day(world->model.zone, world->now_us);
        int32_t leap =
            base_calendar_day((Date){2000 - 4 * (int32_t)random_below(random, 12), 2, 29});
        value.date = random_chance(random, 40)   ? leap
                     : random_chance(random, 50) ? today + (int32_t)random_below(random, 9) - 4
                                                 : today - (int32_t)random_below(random, 20000);
        break;
    }
    default:
        return random_list(arena, random);
    }
    return value;
}

static Value random_trait(Arena *arena, Random *random, const WorldColumn *column,
                          const World *world) {
    static const char *const countries[] = {"GB", "us", "SE", "DE", "GB-SCT", "Mars", "", "FR"};
    static const char *const bad_zones[] = {"Mars/Olympus", "", "bst", "BST"};
    Value value = {.type = VALUE_TEXT};
    if (base_str_equal(column->name, STR("timezone"))) {
        value.text =
            random_chance(random, 75) ? RANDOM_PICK(random, zones) : RANDOM_PICK(random, bad_zones);
        return value;
    }
    if (base_str_equal(column->name, STR("country"))) {
        value.text = RANDOM_PICK(random, countries);
        return value;
    }
    return random_value(arena, random, column->type, world);
}

// ---- events ----

static Value *random_values(Arena *arena, Random *random, const World *world,
                            const CatalogEvent *event) {
    bool is_identify = base_str_equal(event->name, STR("identify"));
    Value *values = base_arena_alloc_array(arena, world->column_count, sizeof *values);
    for (size_t i = 0; i < world->column_count; i++) {
        values[i] = data_value_null(world->columns[i].type);
        for (size_t j = 0; j < event->property_count; j++) {
            if (base_str_equal(event->properties[j].column, world->columns[i].name) &&
                random_chance(random, 70)) {
                values[i] = is_identify
                                ? random_trait(arena, random, &world->columns[i], world)
                                : random_value(arena, random, world->columns[i].type, world);
            }
        }
    }
    return values;
}

static void random_events(Arena *arena, Random *random, World *world) {
    static const char *const ids[] = {"a", "B", "17850", "017850", "ä", "it's", "日本", "z z"};
    size_t customer_count = 3 + random_below(random, 6);
    world->event_count = 20 + random_below(random, 70);
    WorldEvent *events = base_arena_alloc_array(arena, world->event_count, sizeof *events);
    for (size_t i = 0; i < world->event_count; i++) {
        const Catalog *catalog = world->catalog;
        const CatalogEvent *event = &catalog->events[random_below(random, catalog->event_count)];
        if (random_chance(random, 30)) {
            event = data_catalog_event(catalog, STR("order"));
        }
        bool is_identify = base_str_equal(event->name, STR("identify"));
        events[i] =
            (WorldEvent){.customer = base_str_from(ids[random_below(random, customer_count)]),
                         .event = event->name,
                         .arrival = (int64_t)(i * 7919 % 1009) * 8,
                         .values = random_values(arena, random, world, event)};
        events[i].time_us = is_identify && random_chance(random, 50) ? CALENDAR_TIME_MIN
                            : i > 0 && !is_identify && random_chance(random, 25) &&
                                    events[i - 1].time_us != CALENDAR_TIME_MIN
                                ? events[i - 1].time_us
                                : random_time(random, world->model.zone, world->now_us);
        if (i > 0 && random_chance(random, 30)) {
            events[i].customer = events[i - 1].customer;
        }
    }
    world->events = events;
}

void random_world(Arena *arena, Random *random, World *ret_world) {
    *ret_world = (World){0};
    Columns columns = {0};
    ret_world->catalog = make_catalog(arena, random, &columns);
    ret_world->columns = columns.items;
    ret_world->column_count = columns.count;
    ret_world->model.path = STR("krets.yaml");
    ret_world->model.timezone = RANDOM_PICK(random, zones);
    ret_world->model.zone = base_zone_find(ret_world->model.timezone);
    ret_world->model.country = random_chance(random, 70) ? STR("GB") : STR("");
    ret_world->now_us = random_now(random, ret_world->model.zone);
    random_events(arena, random, ret_world);
}
