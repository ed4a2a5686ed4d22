// Random expressions over events: sets of them, windows, aggregates, sequences, the history of
// traits.
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "oracle_grammar.h"

Str grammar_quoted(Grammar *g, Str value) {
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

Str grammar_amount(Grammar *g) {
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

bool grammar_name_of(Grammar *g, unsigned types, Str *ret_name) {
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
    Str condition = grammar_boolean(inside);
    take_budget(g, inside);
    return SAY(" where %.*s", STR_ARG(condition));
}

// ---- windows ----

Str grammar_anchor(Grammar *g) {
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
    return chance(g, 50) ? fixed_point(g) : grammar_anchor(g);
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
        Str n = grammar_amount(g);
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
        Str n = grammar_amount(g);
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
        Str n = grammar_amount(g);
        return SAY(" first %.*s", STR_ARG(n));
    }
    case 10:
    case 11: {
        Str n = grammar_amount(g);
        Str a = grammar_anchor(g);
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
        Str inner = grammar_numeric(inside);
        return SAY("(%.*s)", STR_ARG(inner));
    }
    return property_name(inside, types, &name) ? name : STR("missing");
}

// Of a value: name(event.value [, n] [where] [window]).
Str grammar_value_aggregate(Grammar *g, unsigned types, const char *const *names, size_t count) {
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

Str grammar_event_aggregate(Grammar *g, const char *const *names, size_t count) {
    Grammar inside;
    Str set = events(g, &inside);
    const char *name = names[below(g, count)];
    Str n = strcmp(name, "nth") == 0 ? SAY(", %d", chance(g, 50) ? 2 : -1) : STR("");
    Str filter = where(g, &inside, 40);
    Str when = window(g);
    return SAY("%s(%.*s%.*s%.*s%.*s)", name, STR_ARG(set), STR_ARG(n), STR_ARG(filter),
               STR_ARG(when));
}

Str grammar_grouped(Grammar *g, unsigned types) {
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

static bool has_property(const Grammar *scope, Str name) {
    for (size_t i = 0; i < scope->scope_count; i++) {
        if (data_catalog_property(scope->scope[i], name) != NULL) {
            return true;
        }
    }
    return scope->scope_count == 0;
}

enum { STEPS_MAX = 5 };

// A property that some event of each step has.
static bool shared_property(Grammar *g, const Grammar *steps, size_t count, Str *ret_name) {
    Str names[NAMES_MAX];
    size_t found = 0;
    for (size_t i = 0; i < steps[0].scope_count; i++) {
        for (size_t j = 0; j < steps[0].scope[i]->property_count; j++) {
            const CatalogProperty *property = &steps[0].scope[i]->properties[j];
            bool is_shared = property->type != VALUE_LIST && found < NAMES_MAX;
            for (size_t step = 1; step < count; step++) {
                is_shared = is_shared && has_property(&steps[step], property->name);
            }
            if (is_shared) {
                names[found++] = property->name;
            }
        }
    }
    if (found > 0) {
        *ret_name = names[below(g, found)];
    }
    return found > 0;
}

Str grammar_sequence(Grammar *g) {
    BASE_TEXT_SCOPED out = {0};
    Grammar steps[STEPS_MAX];
    Str name;
    bool is_often_all = chance(g, 40), has_by = chance(g, 35);
    base_text_append(&out, STR("sequence("));
    base_text_append(&out, events(g, &steps[0]));
    base_text_append(&out, where(g, &steps[0], 25));
    size_t count = 1 + below(g, STEPS_MAX - 1);
    for (size_t i = 1; i <= count; i++) {
        base_text_append(&out, chance(g, 40) ? STR(" then not ") : STR(" then "));
        base_text_append(&out, events(g, &steps[i]));
        base_text_append(&out, where(g, &steps[i], 20));
        if (chance(g, is_often_all ? 20 : 45)) {
            Str n = grammar_amount(g);
            base_text_printf(&out, " within %.*s", STR_ARG(n));
        }
    }
    if (is_often_all) {
        Str n = grammar_amount(g);
        base_text_printf(&out, " in all within %.*s", STR_ARG(n));
    }
    if (has_by && shared_property(g, steps, count + 1, &name)) {
        base_text_printf(&out, " by %.*s", STR_ARG(name));
    } else if (has_by && chance(g, 30)) {
        base_text_append(&out, STR(" by time"));
    }
    base_text_append(&out, window(g));
    base_text_append_char(&out, ')');
    return base_arena_str(g->arena, base_text_str(&out));
}

static void chain_limit(Grammar *g, Text *out) {
    static const char *const names[] = {"minutes", "hours", "days", "weeks"};
    static const size_t most[] = {300, 100, 60, 10};
    size_t unit = below(g, 4);
    base_text_printf(out, " within %zu %s", 1 + below(g, most[unit]), names[unit]);
}

Str grammar_chain(Grammar *g) {
    enum { KINDS = 3, CHAIN_MAX = 8 };
    BASE_TEXT_SCOPED out = {0};
    Str kinds[KINDS];
    for (size_t i = 0; i < KINDS; i++) {
        Grammar step;
        Str of = events(g, &step), that = where(g, &step, 15);
        kinds[i] = SAY("%.*s%.*s", STR_ARG(of), STR_ARG(that));
    }
    base_text_append(&out, STR("sequence("));
    base_text_append(&out, kinds[below(g, KINDS)]);
    size_t count = 1 + below(g, CHAIN_MAX - 1), bars = below(g, 60);
    for (size_t i = 1; i <= count; i++) {
        base_text_append(&out, chance(g, bars) ? STR(" then not ") : STR(" then "));
        base_text_append(&out, kinds[below(g, KINDS)]);
        if (chance(g, 45))
            chain_limit(g, &out);
    }
    if (chance(g, 35)) {
        base_text_append(&out, STR(" in all"));
        chain_limit(g, &out);
    }
    base_text_append(&out, window(g));
    base_text_append_char(&out, ')');
    return base_arena_str(g->arena, base_text_str(&out));
}

// ---- the history of a trait ----

// An instant for was(), near now, at an event or anywhere.
static Str instant(Grammar *g) {
    if (chance(g, 40)) {
        Str n = grammar_amount(g);
        return SAY("now %s %.*s", chance(g, 90) ? "-" : "+", STR_ARG(n));
    }
    return chance(g, 40) ? point(g) : grammar_calendar(g, chance(g, 70) ? VALUE_TIME : VALUE_DATE);
}

bool grammar_was(Grammar *g, unsigned types, Str *ret_text) {
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
            return value.type == VALUE_TEXT   ? grammar_quoted(g, text)
                   : value.type == VALUE_TIME ? SAY("time '%.*s'", STR_ARG(text))
                   : value.type == VALUE_DATE ? SAY("date '%.*s'", STR_ARG(text))
                                              : text;
        }
    }
    return chance(g, 50) ? STR("1") : STR("'a'");
}

Str grammar_changed(Grammar *g) {
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

// ---- the past of a segment ----

Str grammar_history(Grammar *g) {
    static const char *const names[] = {"active", "active", "regulars", "listed"};
    Str name = PICK(names);
    if (chance(g, 35)) {
        Str n = grammar_amount(g);
        return SAY("in(%.*s) for %.*s", STR_ARG(name), STR_ARG(n));
    }
    Str when = window(g);
    when = when.size_bytes == 0 ? STR(" before date '2090-01-01'") : when;
    return SAY("%s(%.*s%.*s)", chance(g, 50) ? "entered" : "exited", STR_ARG(name), STR_ARG(when));
}
