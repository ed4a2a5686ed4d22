// Random expressions, type by type: what the check would refuse is written rarely.
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "oracle_random.h"

#define SCOPE_MAX    16
#define NAMES_MAX    ((size_t)SCOPE_MAX * 8)
#define ANY_NUMERIC  (1u << VALUE_INTEGER | 1u << VALUE_DECIMAL | 1u << VALUE_NUMBER)
#define ANY_CALENDAR (1u << VALUE_TIME | 1u << VALUE_DATE)

typedef struct Grammar {
    Arena *arena;
    Random *random;
    const World *world;
    const CatalogEvent *scope[SCOPE_MAX]; // of `where` and `value`
    size_t scope_count;
    bool is_event;
    int budget; // of nodes; at 0 only leaves come
} Grammar;

static Str boolean(Grammar *g);
static Str numeric(Grammar *g);
static Str text(Grammar *g);
static Str calendar(Grammar *g, ValueType type);
static Str list(Grammar *g);

#define SAY(...)    base_arena_printf(g->arena, __VA_ARGS__)
#define PICK(texts) RANDOM_PICK(g->random, texts)

static size_t below(Grammar *g, size_t count) {
    return random_below(g->random, count);
}
static bool chance(Grammar *g, size_t percent) {
    return random_chance(g->random, percent);
}

static bool spend(Grammar *g) {
    g->budget--;
    return g->budget > 0;
}

static Str quoted(Grammar *g, Str value) {
    BASE_TEXT_SCOPED out = {0};
    base_text_append_char(&out, '\'');
    for (size_t i = 0; i < value.size_bytes; i++) {
        base_text_append(&out, value.data[i] == '\'' ? STR("''") : (Str){value.data + i, 1});
    }
    base_text_append_char(&out, '\'');
    return base_arena_str(g->arena, base_text_str(&out));
}

static const char *const units[] = {"second", "minute", "hour",    "day",
                                    "week",   "month",  "quarter", "year"};

static Str amount(Grammar *g) {
    static const unsigned most[] = {9000, 4000, 100, 100, 20, 14, 6, 4};
    size_t unit = below(g, 8);
    size_t n = chance(g, 1) ? 200000 : 1 + below(g, most[unit]);
    return SAY("%zu %s%s", n, units[unit], n == 1 ? "" : "s");
}

// ---- names ----

static bool property_name(Grammar *g, unsigned types, Str *ret_name) {
    Str names[NAMES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < g->scope_count; i++) {
        for (size_t j = 0; j < g->scope[i]->property_count; j++) {
            const CatalogProperty *property = &g->scope[i]->properties[j];
            if ((types & 1u << property->type) != 0 && count < NAMES_MAX) {
                names[count++] = property->name;
            }
        }
    }
    if (count > 0) {
        *ret_name = names[below(g, count)];
    }
    return count > 0;
}

static bool trait_name(Grammar *g, unsigned types, Str *ret_name) {
    const CatalogEvent *identify = data_catalog_event(g->world->catalog, STR("identify"));
    Grammar traits = *g;
    traits.scope[0] = identify;
    traits.scope_count = 1;
    return property_name(&traits, types, ret_name);
}

static bool name_of(Grammar *g, unsigned types, Str *ret_name) {
    return g->is_event ? property_name(g, types, ret_name) : trait_name(g, types, ret_name);
}

static Str event_name(Grammar *g, const CatalogEvent *event) {
    bool is_plain =
        !base_str_contains(event->name, STR(" ")) && !base_str_contains(event->name, STR("."));
    return SAY(is_plain ? "%.*s" : "\"%.*s\"", STR_ARG(event->name));
}

// An event set; what may stand inside its `where` goes to `inside`.
static Str events(Grammar *g, Grammar *inside) {
    const Catalog *catalog = g->world->catalog;
    *inside = *g;
    inside->is_event = true;
    inside->scope_count = 0;
    if (chance(g, 18)) {
        for (size_t i = 0; i < catalog->event_count; i++) {
            if (catalog->events[i].is_any) {
                inside->scope[inside->scope_count++] = &catalog->events[i];
            }
        }
        return STR("any");
    }
    if (chance(g, 2)) {
        return STR("never_seen");
    }
    size_t count = chance(g, 15) ? 2 : 1;
    Str names[2];
    for (size_t i = 0; i < count; i++) {
        inside->scope[i] = chance(g, 40) ? data_catalog_event(catalog, STR("order"))
                                         : &catalog->events[below(g, catalog->event_count)];
        names[i] = event_name(g, inside->scope[i]);
    }
    inside->scope_count = count;
    return count == 1 ? names[0] : SAY("(%.*s or %.*s)", STR_ARG(names[0]), STR_ARG(names[1]));
}

static void take_budget(Grammar *g, const Grammar *inside) {
    g->budget = inside->budget;
}

static Str where(Grammar *g, Grammar *inside, size_t percent) {
    if (!chance(g, percent) || inside->scope_count == 0) {
        return STR("");
    }
    inside->budget = g->budget < 8 ? g->budget : 8;
    Str condition = boolean(inside);
    take_budget(g, inside);
    return SAY(" where %.*s", STR_ARG(condition));
}

// ---- windows ----

static Str anchor(Grammar *g) {
    Grammar inside;
    Str set = events(g, &inside);
    switch (below(g, 6)) {
    case 0:
        return SAY("first(%.*s)", STR_ARG(set));
    case 1:
        return SAY("nth(%.*s, %d)", STR_ARG(set), chance(g, 50) ? 2 : -2);
    case 2: {
        Str property;
        if (property_name(&inside, 1u << VALUE_TIME, &property)) {
            return SAY("max(%.*s.%.*s)", STR_ARG(set), STR_ARG(property));
        }
        return SAY("last(%.*s)", STR_ARG(set));
    }
    default:
        return SAY("last(%.*s)", STR_ARG(set));
    }
}

static Str fixed_point(Grammar *g) {
    int64_t time_us = g->world->now_us - (int64_t)below(g, 500) * CALENDAR_US_PER_DAY;
    if (chance(g, 50)) {
        Str day = base_calendar_format_date(g->arena, base_zone_day(g->world->model.zone, time_us));
        return SAY("date '%.*s'", STR_ARG(day));
    }
    time_us -= time_us % 1000000;
    Str time = base_calendar_format_local(g->arena, time_us);
    return SAY("time '%.*s%s'", STR_ARG(time), chance(g, 50) ? "Z" : "");
}

static Str point(Grammar *g) {
    return chance(g, 50) ? fixed_point(g) : anchor(g);
}

static Str window(Grammar *g) {
    static const char *const periods[] = {"today",         "yesterday",     "this day",
                                          "this week",     "this month",    "this quarter",
                                          "this year",     "previous week", "previous month",
                                          "previous year", "previous day",  "previous quarter"};
    switch (below(g, 16)) {
    case 0:
    case 1:
    case 2: {
        Str n = amount(g);
        return SAY(" last %.*s", STR_ARG(n));
    }
    case 3: {
        size_t unit = 2 + below(g, 6);
        return SAY(" last %zu full %ss", 1 + below(g, unit == 2 ? 200 : 8), units[unit]);
    }
    case 4: {
        size_t n = 1 + below(g, 60);
        return SAY(" from %zu %ss ago to %zu %ss ago", n + 1 + below(g, 60), units[3 + below(g, 4)],
                   n, units[3]);
    }
    case 5: {
        Str n = amount(g);
        return SAY(" more than %.*s ago", STR_ARG(n));
    }
    case 6:
    case 7: {
        Str p = point(g);
        return SAY(chance(g, 50) ? " since %.*s" : " before %.*s", STR_ARG(p));
    }
    case 8: {
        Str p = chance(g, 40) ? STR("date '1999-12-31'") : point(g);
        Str q = point(g);
        return SAY(" from %.*s to %.*s", STR_ARG(p), STR_ARG(q));
    }
    case 9: {
        Str n = amount(g);
        return SAY(" first %.*s", STR_ARG(n));
    }
    case 10:
    case 11: {
        Str n = amount(g);
        Str a = anchor(g);
        return SAY(" within %.*s %s %.*s", STR_ARG(n), chance(g, 60) ? "after" : "before",
                   STR_ARG(a));
    }
    case 12:
    case 13: {
        Str period = PICK(periods);
        return SAY(" %.*s", STR_ARG(period));
    }
    default:
        return STR("");
    }
}

// ---- aggregates ----

static Str value(Grammar *g, Grammar *inside, unsigned types) {
    Str name;
    if (chance(g, 25) && (types & ANY_NUMERIC) == types) {
        inside->budget = 5;
        Str inner = numeric(inside);
        return SAY("(%.*s)", STR_ARG(inner));
    }
    return property_name(inside, types, &name) ? name : STR("missing");
}

// Of a value: name(event.value [, n] [where] [window]).
static Str value_aggregate(Grammar *g, unsigned types, const char *const *names, size_t count) {
    Grammar inside;
    Str set = events(g, &inside);
    const char *name = names[below(g, count)];
    Str of = value(g, &inside, types);
    Str n = strcmp(name, "nth") == 0 ? SAY(", %d", (int)below(g, 5) - 2) : STR("");
    if (base_str_equal(n, STR(", 0"))) {
        n = STR(", 3");
    }
    Str filter = where(g, &inside, 30);
    Str when = window(g);
    return SAY("%s(%.*s.%.*s%.*s%.*s%.*s)", name, STR_ARG(set), STR_ARG(of), STR_ARG(n),
               STR_ARG(filter), STR_ARG(when));
}

static Str event_aggregate(Grammar *g, const char *const *names, size_t count) {
    Grammar inside;
    Str set = events(g, &inside);
    const char *name = names[below(g, count)];
    Str n = strcmp(name, "nth") == 0 ? SAY(", %d", chance(g, 50) ? 2 : -1) : STR("");
    Str filter = where(g, &inside, 40);
    Str when = window(g);
    return SAY("%s(%.*s%.*s%.*s%.*s)", name, STR_ARG(set), STR_ARG(n), STR_ARG(filter),
               STR_ARG(when));
}

static Str grouped(Grammar *g, unsigned types) {
    static const char *const numbers[] = {"sum",   "avg",  "min",  "max",
                                          "first", "last", "mode", "nth"};
    static const char *const counts[] = {"count", "days", "weeks", "months", "gap"};
    static const char *const times[] = {"first", "last", "nth"};
    Grammar inside;
    Str set = events(g, &inside);
    Str by;
    if (!property_name(&inside, ~(1u << VALUE_LIST), &by)) {
        return STR("0");
    }
    const char *pick = chance(g, 50) ? "most" : "fewest";
    Str when = window(g);
    if ((types & ANY_NUMERIC) == 0) {
        Str name = PICK(times);
        return SAY("%s(%.*s(%.*s%s%.*s) by %.*s)", pick, STR_ARG(name), STR_ARG(set),
                   base_str_equal(name, STR("nth")) ? ", 1" : "", STR_ARG(when), STR_ARG(by));
    }
    if (chance(g, 50)) {
        Str name = PICK(counts);
        return SAY("%s(%.*s(%.*s%.*s) by %.*s)", pick, STR_ARG(name), STR_ARG(set), STR_ARG(when),
                   STR_ARG(by));
    }
    Str name = PICK(numbers);
    Str of = value(g, &inside, ANY_NUMERIC);
    return SAY("%s(%.*s(%.*s.%.*s%s%.*s) by %.*s)", pick, STR_ARG(name), STR_ARG(set), STR_ARG(of),
               base_str_equal(name, STR("nth")) ? ", -1" : "", STR_ARG(when), STR_ARG(by));
}

static Str sequence(Grammar *g) {
    BASE_TEXT_SCOPED out = {0};
    Grammar inside;
    base_text_append(&out, STR("sequence("));
    base_text_append(&out, events(g, &inside));
    base_text_append(&out, where(g, &inside, 25));
    size_t count = 1 + below(g, 4);
    for (size_t i = 0; i < count; i++) {
        base_text_append(&out, chance(g, 40) ? STR(" then not ") : STR(" then "));
        base_text_append(&out, events(g, &inside));
        base_text_append(&out, where(g, &inside, 20));
        if (chance(g, 45)) {
            Str n = amount(g);
            base_text_printf(&out, " within %.*s", STR_ARG(n));
        }
    }
    base_text_append(&out, window(g));
    base_text_append_char(&out, ')');
    return base_arena_str(g->arena, base_text_str(&out));
}

// ---- the history of a trait ----

// An instant for was(), near now, at an event or anywhere.
static Str instant(Grammar *g) {
    if (chance(g, 40)) {
        Str n = amount(g);
        return SAY("now %s %.*s", chance(g, 90) ? "-" : "+", STR_ARG(n));
    }
    return chance(g, 40) ? point(g) : calendar(g, chance(g, 70) ? VALUE_TIME : VALUE_DATE);
}

static bool was(Grammar *g, unsigned types, Str *ret_text) {
    Str name;
    if (g->is_event || !trait_name(g, types, &name)) {
        return false;
    }
    Str at = instant(g);
    *ret_text = SAY("was(%.*s, %.*s)", STR_ARG(name), STR_ARG(at));
    return true;
}

// A value that the trait has somewhere, or none that it can have.
static Str trait_value(Grammar *g, Str name) {
    const World *world = g->world;
    for (int tries = 0; tries < 30; tries++) {
        const WorldEvent *event = &world->events[below(g, world->event_count)];
        for (size_t i = 0; i < world->column_count; i++) {
            Value value = event->values[i];
            if (value.is_null || !base_str_equal(world->columns[i].name, name) ||
                !base_str_equal(event->event, STR("identify"))) {
                continue;
            }
            BASE_TEXT_SCOPED out = {0};
            data_value_format(&out, value);
            Str text = base_arena_str(g->arena, base_text_str(&out));
            return value.type == VALUE_TEXT   ? quoted(g, text)
                   : value.type == VALUE_TIME ? SAY("time '%.*s'", STR_ARG(text))
                   : value.type == VALUE_DATE ? SAY("date '%.*s'", STR_ARG(text))
                                              : text;
        }
    }
    return chance(g, 50) ? STR("1") : STR("'a'");
}

static Str changed(Grammar *g) {
    Str name, from = STR(""), to = STR("");
    if (!trait_name(g, ~(1u << VALUE_LIST), &name)) {
        return STR("true");
    }
    if (chance(g, 35)) {
        Str value = chance(g, 25) ? STR("null") : trait_value(g, name);
        from = SAY(" from %.*s", STR_ARG(value));
    }
    if (chance(g, 35)) {
        Str value = trait_value(g, name);
        to = SAY(" to %.*s", STR_ARG(value));
    }
    Str when = window(g);
    when = when.size_bytes == 0 ? STR(" before date '2090-01-01'") : when;
    return SAY("changed(%.*s%.*s%.*s%.*s)", STR_ARG(name), STR_ARG(from), STR_ARG(to),
               STR_ARG(when));
}

// ---- values by type ----

static Str number_literal(Grammar *g) {
    static const char *const literals[] = {"0",
                                           "1",
                                           "2",
                                           "3",
                                           "7",
                                           "2.5",
                                           "0.1",
                                           "-1",
                                           "100",
                                           "0.0001",
                                           "1e3",
                                           "9223372036854775807",
                                           "99999999999999.9999"};
    return PICK(literals);
}

static Str numeric_call(Grammar *g) {
    static const char *const plain[] = {"abs", "floor", "ceil", "round"};
    static const char *const of_times[] = {"weekday", "day", "month", "year"};
    static const char *const moving[] = {"days_since", "days_until", "calendar_days_since", "age"};
    static const char *const many[] = {"coalesce", "least", "greatest"};
    switch (below(g, g->is_event ? 10 : 14)) {
    case 0:
    case 1: {
        Str name = PICK(plain);
        Str x = numeric(g);
        return SAY("%.*s(%.*s)", STR_ARG(name), STR_ARG(x));
    }
    case 2: {
        Str x = numeric(g);
        return SAY("round(%.*s, %d)", STR_ARG(x), (int)below(g, 10) - 4);
    }
    case 3: {
        Str name = PICK(of_times);
        Str x = calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
        return SAY("%.*s(%.*s)", STR_ARG(name), STR_ARG(x));
    }
    case 4: {
        Str x = calendar(g, VALUE_TIME);
        return SAY("hour(%.*s)", STR_ARG(x));
    }
    case 5: {
        Str x = text(g);
        return SAY("length(%.*s)", STR_ARG(x));
    }
    case 6: {
        Str x = list(g);
        return SAY("size(%.*s)", STR_ARG(x));
    }
    case 7: {
        Str name = PICK(many);
        Str x = numeric(g), y = numeric(g);
        return SAY("%.*s(%.*s, %.*s)", STR_ARG(name), STR_ARG(x), STR_ARG(y));
    }
    case 8: {
        Str c = boolean(g), x = numeric(g), y = numeric(g);
        return SAY("if(%.*s, %.*s, %.*s)", STR_ARG(c), STR_ARG(x), STR_ARG(y));
    }
    case 9: {
        Str x = calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
        Str y = calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
        return SAY("days_between(%.*s, %.*s)", STR_ARG(x), STR_ARG(y));
    }
    case 10: {
        Str x = numeric(g), y = numeric(g);
        return SAY("distance_km(%.*s, %.*s, 59.33, 18.07)", STR_ARG(x), STR_ARG(y));
    }
    case 11:
        return SAY("bucket('s%zu', %zu)", below(g, 3), 1 + below(g, 9));
    default: {
        Str name = PICK(moving);
        Str x = calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
        return SAY("%.*s(%.*s)", STR_ARG(name), STR_ARG(x));
    }
    }
}

static Str fit(Grammar *g, bool is_top) {
    int budget = g->budget;
    g->budget = budget < 4 ? budget : 4;
    Str x = numeric(g);
    Str filter = STR("");
    if (chance(g, 40)) {
        Str condition = boolean(g);
        filter = SAY(" where %.*s", STR_ARG(condition));
    }
    g->budget = budget - 4;
    if (is_top) {
        return SAY("top(%.*s, %zu%.*s)", STR_ARG(x), 1 + below(g, chance(g, 10) ? 20 : 4),
                   STR_ARG(filter));
    }
    return chance(g, 60) ? SAY("ntile(%.*s, %zu%.*s)", STR_ARG(x), 1 + below(g, 6), STR_ARG(filter))
                         : SAY("percentile(%.*s%.*s)", STR_ARG(x), STR_ARG(filter));
}

static Str numeric_leaf(Grammar *g) {
    Str name;
    if (g->budget > 0 && chance(g, 15) && was(g, ANY_NUMERIC, &name)) {
        return name;
    }
    if (!g->is_event && chance(g, 15)) {
        return STR("spending");
    }
    if (chance(g, 60) && name_of(g, ANY_NUMERIC, &name)) {
        return name;
    }
    return number_literal(g);
}

static Str numeric(Grammar *g) {
    static const char *const counts[] = {"count", "count", "days", "weeks", "months", "gap"};
    static const char *const of_numbers[] = {"sum",   "sum",  "avg",  "min", "max",
                                             "first", "last", "mode", "nth"};
    static const char *const of_all[] = {"distinct"};
    if (!spend(g)) {
        return numeric_leaf(g);
    }
    switch (below(g, g->is_event ? 6 : 14)) {
    case 0:
    case 1:
        return numeric_leaf(g);
    case 2:
    case 3: {
        static const char *const signs[] = {"+", "-", "*", "/"};
        Str sign = PICK(signs);
        Str x = numeric(g), y = numeric(g);
        return SAY("(%.*s %.*s %.*s)", STR_ARG(x), STR_ARG(sign), STR_ARG(y));
    }
    case 4:
        return numeric_call(g);
    case 5: {
        Str x = numeric(g);
        return SAY("-(%.*s)", STR_ARG(x));
    }
    case 6:
    case 7:
        return event_aggregate(g, counts, 6);
    case 8:
    case 9:
    case 10:
        return value_aggregate(g, ANY_NUMERIC, of_numbers, 9);
    case 11:
        return value_aggregate(g, ~(1u << VALUE_LIST), of_all, 1);
    case 12:
        return grouped(g, ANY_NUMERIC);
    default:
        return fit(g, false);
    }
}

static const char *const odd_texts[] = {"",  "a",    "A",    "ab",  "Å",    "å",   "STRASSE",
                                        "İ", "日本", "100%", "a_b", "it's", "new", "vip"};

static Str text_literal(Grammar *g) {
    Str value = PICK(odd_texts);
    return quoted(g, value);
}

static Str text(Grammar *g) {
    static const char *const of_texts[] = {"first", "last", "nth", "mode", "min", "max"};
    Str name;
    if (g->budget > 0 && chance(g, 10) && was(g, 1u << VALUE_TEXT, &name)) {
        return name;
    }
    bool has_name = name_of(g, 1u << VALUE_TEXT, &name);
    if (!spend(g) || chance(g, 40)) {
        return has_name && chance(g, 85) ? name : text_literal(g);
    }
    switch (below(g, g->is_event ? 3 : 5)) {
    case 0: {
        Str x = text(g);
        return SAY("lower(%.*s)", STR_ARG(x));
    }
    case 1: {
        Str x = text(g), y = text(g);
        return SAY("%s(%.*s, %.*s)", chance(g, 50) ? "coalesce" : "least", STR_ARG(x), STR_ARG(y));
    }
    case 2: {
        Str c = boolean(g), x = text(g), y = text(g);
        return SAY("if(%.*s, %.*s, %.*s)", STR_ARG(c), STR_ARG(x), STR_ARG(y));
    }
    default:
        return value_aggregate(g, 1u << VALUE_TEXT, of_texts, 6);
    }
}

static Str list(Grammar *g) {
    Str name;
    return name_of(g, 1u << VALUE_LIST, &name) ? name : STR("null");
}

static Str calendar_leaf(Grammar *g, ValueType type) {
    Str name;
    if (spend(g) && chance(g, 10) && was(g, 1u << type, &name)) {
        return name;
    }
    if (chance(g, 70) && name_of(g, 1u << type, &name)) {
        return name;
    }
    if (type == VALUE_TIME) {
        return g->is_event ? STR("time") : STR("now");
    }
    Str day = base_calendar_format_date(
        g->arena, base_zone_day(g->world->model.zone, g->world->now_us) - (int32_t)below(g, 400));
    return SAY("date '%.*s'", STR_ARG(day));
}

static Str calendar(Grammar *g, ValueType type) {
    static const char *const of_events[] = {"first", "last", "last", "nth"};
    static const char *const of_values[] = {"first", "last", "nth", "mode", "min", "max"};
    if (!spend(g)) {
        return calendar_leaf(g, type);
    }
    switch (below(g, g->is_event ? 4 : 9)) {
    case 0: {
        Str x = calendar(g, type);
        static const char *const lengths[] = {"1 day",    "30 days", "2 weeks",  "1 month",
                                              "5 months", "1 year",  "100 years"};
        Str length = PICK(lengths);
        return SAY("(%.*s %s %.*s)", STR_ARG(x), chance(g, 50) ? "+" : "-", STR_ARG(length));
    }
    case 1: {
        Str x = calendar(g, type), y = calendar(g, type);
        return SAY("%s(%.*s, %.*s)", chance(g, 50) ? "greatest" : "coalesce", STR_ARG(x),
                   STR_ARG(y));
    }
    case 2:
    case 3:
        return calendar_leaf(g, type);
    case 4:
        if (type == VALUE_DATE) {
            Str x = calendar(g, chance(g, 50) ? VALUE_TIME : VALUE_DATE);
            return SAY("anniversary(%.*s)", STR_ARG(x));
        }
        return grouped(g, 1u << VALUE_TIME);
    case 5:
        return value_aggregate(g, 1u << type, of_values, 6);
    default:
        return type == VALUE_TIME ? event_aggregate(g, of_events, 4)
                                  : value_aggregate(g, 1u << type, of_values, 6);
    }
}

// ---- conditions ----

static Str match(Grammar *g) {
    static const char *const likes[] = {"%",   "a%", "%b", "_",    "a_b",
                                        "%s%", "Å",  "__", "%\n%", "100!%"};
    static const char *const patterns[] = {"^a",          "b$", "a.b",  "[aå]",
                                           "(?i)STRASSE", "^$", "\\d+", "x.y"};
    static const char *const parts[] = {"contains", "starts with", "ends with"};
    Str x = text(g);
    const char *no = chance(g, 25) ? "not " : "";
    Str pattern = PICK(likes);
    pattern = quoted(g, pattern);
    switch (below(g, 4)) {
    case 0:
        return SAY("%.*s %slike %.*s%s", STR_ARG(x), no, STR_ARG(pattern),
                   chance(g, 40) ? " escape '!'" : "");
    case 1:
        return SAY("%.*s %silike %.*s", STR_ARG(x), no, STR_ARG(pattern));
    case 2: {
        Str regex = PICK(patterns);
        regex = quoted(g, regex);
        return SAY("%.*s %smatches %.*s", STR_ARG(x), no, STR_ARG(regex));
    }
    default: {
        Str op = PICK(parts);
        Str part = text_literal(g);
        return SAY("%.*s %s%.*s %.*s", STR_ARG(x), no, STR_ARG(op), STR_ARG(part));
    }
    }
}

static Str holiday(Grammar *g) {
    static const char *const names[] = {"Christmas Day", "New Year's Day", "Good Friday",
                                        "Black Friday", "Easter Monday"};
    static const char *const countries[] = {", 'GB'",    ", 'US'",         "", "", "",
                                            " observed", ", 'SE' observed"};
    Str x = calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
    Str name = PICK(names);
    name = quoted(g, name);
    Str country = PICK(countries);
    if (chance(g, 25)) {
        return SAY("%.*s on holiday(%.*s%.*s)", STR_ARG(x), STR_ARG(name), STR_ARG(country));
    }
    return SAY("%.*s within %zu days %s holiday(%.*s%.*s)", STR_ARG(x), 1 + below(g, 120),
               chance(g, 50) ? "before" : "after", STR_ARG(name), STR_ARG(country));
}

static Str compare(Grammar *g) {
    static const char *const ops[] = {"=", "!=", "<", "<=", ">", ">="};
    Str op = PICK(ops);
    switch (below(g, 8)) {
    case 0: {
        Str x = text(g), y = chance(g, 60) ? text_literal(g) : text(g);
        return SAY("%.*s %.*s %.*s", STR_ARG(x), STR_ARG(op), STR_ARG(y));
    }
    case 1: {
        Str x = calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
        Str y = calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
        return SAY("%.*s %.*s %.*s", STR_ARG(x), STR_ARG(op), STR_ARG(y));
    }
    case 2: {
        Str x = calendar(g, VALUE_TIME), y = calendar(g, VALUE_TIME);
        Str n = SAY("%zu days", below(g, 90));
        return SAY("%.*s - %.*s %.*s %.*s", STR_ARG(x), STR_ARG(y), STR_ARG(op), STR_ARG(n));
    }
    case 3: {
        Str x = numeric(g), y = numeric(g), z = numeric(g);
        return SAY("%.*s %sbetween %.*s and %.*s", STR_ARG(x), chance(g, 30) ? "not " : "",
                   STR_ARG(y), STR_ARG(z));
    }
    case 4: {
        Str x = numeric(g), y = number_literal(g), z = number_literal(g);
        return SAY("%.*s %sin (%.*s, %.*s)", STR_ARG(x), chance(g, 30) ? "not " : "", STR_ARG(y),
                   STR_ARG(z));
    }
    case 5: {
        Str x = text(g), y = text_literal(g), z = text_literal(g);
        return SAY("%.*s %sin (%.*s, %.*s)", STR_ARG(x), chance(g, 30) ? "not " : "", STR_ARG(y),
                   STR_ARG(z));
    }
    default: {
        Str x = numeric(g), y = numeric(g);
        return SAY("%.*s %.*s %.*s", STR_ARG(x), STR_ARG(op), STR_ARG(y));
    }
    }
}

static Str boolean_leaf(Grammar *g) {
    Str name;
    if (chance(g, 50) && name_of(g, 1u << VALUE_BOOLEAN, &name)) {
        return name;
    }
    if (name_of(g, ~0u, &name)) {
        return SAY("%.*s is %snull", STR_ARG(name), chance(g, 50) ? "not " : "");
    }
    return chance(g, 50) ? STR("true") : STR("false");
}

static Str customer_condition(Grammar *g) {
    static const char *const asks[] = {"did", "never"};
    static const char *const of_flags[] = {"first", "last", "nth", "mode"};
    switch (below(g, 11)) {
    case 0:
    case 1:
        return event_aggregate(g, asks, 2);
    case 2:
    case 3:
    case 4:
        return sequence(g);
    case 5: {
        Str x = calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
        Str n = amount(g);
        return SAY("%.*s within %s %.*s", STR_ARG(x), chance(g, 50) ? "last" : "next", STR_ARG(n));
    }
    case 6:
        return changed(g);
    case 7:
        return chance(g, 50) ? STR("segment(regulars)") : STR("segment(listed)");
    case 8:
        return fit(g, true);
    case 9: {
        Str x = chance(g, 60) ? anchor(g) : calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
        Str n = amount(g);
        return SAY("completed(%.*s, %.*s)", STR_ARG(x), STR_ARG(n));
    }
    default:
        return value_aggregate(g, 1u << VALUE_BOOLEAN, of_flags, 4);
    }
}

static Str boolean(Grammar *g) {
    if (!spend(g)) {
        return boolean_leaf(g);
    }
    switch (below(g, g->is_event ? 11 : 16)) {
    case 0: {
        Str x = boolean(g), y = boolean(g);
        return SAY("(%.*s %s %.*s)", STR_ARG(x), chance(g, 50) ? "and" : "or", STR_ARG(y));
    }
    case 1: {
        Str x = boolean(g);
        return SAY("not (%.*s)", STR_ARG(x));
    }
    case 2:
        return boolean_leaf(g);
    case 3: {
        Str x = numeric(g);
        return SAY("(%.*s is %snull)", STR_ARG(x), chance(g, 50) ? "not " : "");
    }
    case 4: {
        Str x = match(g);
        return SAY("(%.*s)", STR_ARG(x));
    }
    case 5: {
        Str x = holiday(g);
        return SAY("(%.*s)", STR_ARG(x));
    }
    case 6: {
        Str x = list(g), y = text(g), z = text_literal(g);
        return chance(g, 50) ? SAY("has(%.*s, %.*s)", STR_ARG(x), STR_ARG(y))
                             : SAY("has_any(%.*s, %.*s, %.*s)", STR_ARG(x), STR_ARG(z), STR_ARG(y));
    }
    case 7:
    case 8:
    case 9:
    case 10: {
        Str x = compare(g);
        return SAY("(%.*s)", STR_ARG(x));
    }
    default: {
        Str x = customer_condition(g);
        return SAY("(%.*s)", STR_ARG(x));
    }
    }
}

Str random_expression(Arena *arena, Random *random, const World *world) {
    Grammar grammar = {.arena = arena, .random = random, .world = world};
    Grammar *g = &grammar;
    g->budget = 1 + (int)below(g, 12);
    switch (below(g, 10)) {
    case 0:
        return text(g);
    case 1:
        return calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
    case 2:
    case 3:
    case 4:
        return numeric(g);
    default:
        return boolean(g);
    }
}
