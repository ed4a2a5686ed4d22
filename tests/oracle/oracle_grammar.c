// Random expressions, type by type: what the check would refuse is written rarely.
#include <stdlib.h>

#include "oracle_grammar.h"

static Str text(Grammar *g);
static Str list(Grammar *g);

static bool spend(Grammar *g) {
    g->budget--;
    return g->budget > 0;
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
        Str x = grammar_numeric(g);
        return SAY("%.*s(%.*s)", STR_ARG(name), STR_ARG(x));
    }
    case 2: {
        Str x = grammar_numeric(g);
        return SAY("round(%.*s, %d)", STR_ARG(x), (int)below(g, 10) - 4);
    }
    case 3: {
        Str name = PICK(of_times);
        Str x = grammar_calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
        return SAY("%.*s(%.*s)", STR_ARG(name), STR_ARG(x));
    }
    case 4: {
        Str x = grammar_calendar(g, VALUE_TIME);
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
        Str x = grammar_numeric(g), y = grammar_numeric(g);
        return SAY("%.*s(%.*s, %.*s)", STR_ARG(name), STR_ARG(x), STR_ARG(y));
    }
    case 8: {
        Str c = grammar_boolean(g), x = grammar_numeric(g), y = grammar_numeric(g);
        return SAY("if(%.*s, %.*s, %.*s)", STR_ARG(c), STR_ARG(x), STR_ARG(y));
    }
    case 9: {
        Str x = grammar_calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
        Str y = grammar_calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
        return SAY("days_between(%.*s, %.*s)", STR_ARG(x), STR_ARG(y));
    }
    case 10: {
        Str x = grammar_numeric(g), y = grammar_numeric(g);
        return SAY("distance_km(%.*s, %.*s, 59.33, 18.07)", STR_ARG(x), STR_ARG(y));
    }
    case 11:
        return SAY("bucket('s%zu', %zu)", below(g, 3), 1 + below(g, 9));
    default: {
        Str name = PICK(moving);
        Str x = grammar_calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
        return SAY("%.*s(%.*s)", STR_ARG(name), STR_ARG(x));
    }
    }
}

static Str fit(Grammar *g, bool is_top) {
    int budget = g->budget;
    g->budget = budget < 4 ? budget : 4;
    Str x = grammar_numeric(g);
    Str filter = STR("");
    if (chance(g, 40)) {
        Str condition = grammar_boolean(g);
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
    if (g->budget > 0 && chance(g, 15) && grammar_was(g, ANY_NUMERIC, &name)) {
        return name;
    }
    if (!g->is_event && chance(g, 15)) {
        return STR("spending");
    }
    if (chance(g, 60) && grammar_name_of(g, ANY_NUMERIC, &name)) {
        return name;
    }
    return number_literal(g);
}

Str grammar_numeric(Grammar *g) {
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
        Str x = grammar_numeric(g), y = grammar_numeric(g);
        return SAY("(%.*s %.*s %.*s)", STR_ARG(x), STR_ARG(sign), STR_ARG(y));
    }
    case 4:
        return numeric_call(g);
    case 5: {
        Str x = grammar_numeric(g);
        return SAY("-(%.*s)", STR_ARG(x));
    }
    case 6:
    case 7:
        return grammar_event_aggregate(g, counts, 6);
    case 8:
    case 9:
    case 10:
        return grammar_value_aggregate(g, ANY_NUMERIC, of_numbers, 9);
    case 11:
        return grammar_value_aggregate(g, ~(1u << VALUE_LIST), of_all, 1);
    case 12:
        return grammar_grouped(g, ANY_NUMERIC);
    default:
        return fit(g, false);
    }
}

static const char *const odd_texts[] = {"",  "a",    "A",    "ab",  "Å",    "å",   "STRASSE",
                                        "İ", "日本", "100%", "a_b", "it's", "new", "vip"};

static Str text_literal(Grammar *g) {
    Str value = PICK(odd_texts);
    return grammar_quoted(g, value);
}

static Str text(Grammar *g) {
    static const char *const of_texts[] = {"first", "last", "nth", "mode", "min", "max"};
    Str name;
    if (g->budget > 0 && chance(g, 10) && grammar_was(g, 1u << VALUE_TEXT, &name)) {
        return name;
    }
    bool has_name = grammar_name_of(g, 1u << VALUE_TEXT, &name);
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
        Str c = grammar_boolean(g), x = text(g), y = text(g);
        return SAY("if(%.*s, %.*s, %.*s)", STR_ARG(c), STR_ARG(x), STR_ARG(y));
    }
    default:
        return grammar_value_aggregate(g, 1u << VALUE_TEXT, of_texts, 6);
    }
}

static Str list(Grammar *g) {
    Str name;
    return grammar_name_of(g, 1u << VALUE_LIST, &name) ? name : STR("null");
}

static Str calendar_leaf(Grammar *g, ValueType type) {
    Str name;
    if (spend(g) && chance(g, 10) && grammar_was(g, 1u << type, &name)) {
        return name;
    }
    if (chance(g, 70) && grammar_name_of(g, 1u << type, &name)) {
        return name;
    }
    if (type == VALUE_TIME) {
        return g->is_event ? STR("time") : STR("now");
    }
    Str day = base_calendar_format_date(
        g->arena, base_zone_day(g->world->model.zone, g->world->now_us) - (int32_t)below(g, 400));
    return SAY("date '%.*s'", STR_ARG(day));
}

Str grammar_calendar(Grammar *g, ValueType type) {
    static const char *const of_events[] = {"first", "last", "last", "nth"};
    static const char *const of_values[] = {"first", "last", "nth", "mode", "min", "max"};
    if (!spend(g)) {
        return calendar_leaf(g, type);
    }
    switch (below(g, g->is_event ? 4 : 9)) {
    case 0: {
        Str x = grammar_calendar(g, type);
        static const char *const lengths[] = {"1 day",    "30 days", "2 weeks",  "1 month",
                                              "5 months", "1 year",  "100 years"};
        Str length = PICK(lengths);
        return SAY("(%.*s %s %.*s)", STR_ARG(x), chance(g, 50) ? "+" : "-", STR_ARG(length));
    }
    case 1: {
        Str x = grammar_calendar(g, type), y = grammar_calendar(g, type);
        return SAY("%s(%.*s, %.*s)", chance(g, 50) ? "greatest" : "coalesce", STR_ARG(x),
                   STR_ARG(y));
    }
    case 2:
    case 3:
        return calendar_leaf(g, type);
    case 4:
        if (type == VALUE_DATE) {
            Str x = grammar_calendar(g, chance(g, 50) ? VALUE_TIME : VALUE_DATE);
            return SAY("anniversary(%.*s)", STR_ARG(x));
        }
        return grammar_grouped(g, 1u << VALUE_TIME);
    case 5:
        return grammar_value_aggregate(g, 1u << type, of_values, 6);
    default:
        return type == VALUE_TIME ? grammar_event_aggregate(g, of_events, 4)
                                  : grammar_value_aggregate(g, 1u << type, of_values, 6);
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
    pattern = grammar_quoted(g, pattern);
    switch (below(g, 4)) {
    case 0:
        return SAY("%.*s %slike %.*s%s", STR_ARG(x), no, STR_ARG(pattern),
                   chance(g, 40) ? " escape '!'" : "");
    case 1:
        return SAY("%.*s %silike %.*s", STR_ARG(x), no, STR_ARG(pattern));
    case 2: {
        Str regex = PICK(patterns);
        regex = grammar_quoted(g, regex);
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
    Str x = grammar_calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
    Str name = PICK(names);
    name = grammar_quoted(g, name);
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
        Str x = grammar_calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
        Str y = grammar_calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
        return SAY("%.*s %.*s %.*s", STR_ARG(x), STR_ARG(op), STR_ARG(y));
    }
    case 2: {
        Str x = grammar_calendar(g, VALUE_TIME), y = grammar_calendar(g, VALUE_TIME);
        Str n = SAY("%zu days", below(g, 90));
        return SAY("%.*s - %.*s %.*s %.*s", STR_ARG(x), STR_ARG(y), STR_ARG(op), STR_ARG(n));
    }
    case 3: {
        Str x = grammar_numeric(g), y = grammar_numeric(g), z = grammar_numeric(g);
        return SAY("%.*s %sbetween %.*s and %.*s", STR_ARG(x), chance(g, 30) ? "not " : "",
                   STR_ARG(y), STR_ARG(z));
    }
    case 4: {
        Str x = grammar_numeric(g), y = number_literal(g), z = number_literal(g);
        return SAY("%.*s %sin (%.*s, %.*s)", STR_ARG(x), chance(g, 30) ? "not " : "", STR_ARG(y),
                   STR_ARG(z));
    }
    case 5: {
        Str x = text(g), y = text_literal(g), z = text_literal(g);
        return SAY("%.*s %sin (%.*s, %.*s)", STR_ARG(x), chance(g, 30) ? "not " : "", STR_ARG(y),
                   STR_ARG(z));
    }
    default: {
        Str x = grammar_numeric(g), y = grammar_numeric(g);
        return SAY("%.*s %.*s %.*s", STR_ARG(x), STR_ARG(op), STR_ARG(y));
    }
    }
}

static Str boolean_leaf(Grammar *g) {
    Str name;
    if (chance(g, 50) && grammar_name_of(g, 1u << VALUE_BOOLEAN, &name)) {
        return name;
    }
    if (grammar_name_of(g, ~0u, &name)) {
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
        return grammar_event_aggregate(g, asks, 2);
    case 2:
    case 3:
    case 4:
        return grammar_sequence(g);
    case 5: {
        Str x = grammar_calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
        Str n = grammar_amount(g);
        return SAY("%.*s within %s %.*s", STR_ARG(x), chance(g, 50) ? "last" : "next", STR_ARG(n));
    }
    case 6:
        return grammar_changed(g);
    case 7:
        return chance(g, 50)   ? grammar_history(g)
               : chance(g, 50) ? STR("segment(regulars)")
                               : STR("segment(listed)");
    case 8:
        return fit(g, true);
    case 9: {
        Str x = chance(g, 60) ? grammar_anchor(g)
                              : grammar_calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
        Str n = grammar_amount(g);
        return SAY("completed(%.*s, %.*s)", STR_ARG(x), STR_ARG(n));
    }
    default:
        return grammar_value_aggregate(g, 1u << VALUE_BOOLEAN, of_flags, 4);
    }
}

Str grammar_boolean(Grammar *g) {
    if (!spend(g)) {
        return boolean_leaf(g);
    }
    switch (below(g, g->is_event ? 11 : 16)) {
    case 0: {
        Str x = grammar_boolean(g), y = grammar_boolean(g);
        return SAY("(%.*s %s %.*s)", STR_ARG(x), chance(g, 50) ? "and" : "or", STR_ARG(y));
    }
    case 1: {
        Str x = grammar_boolean(g);
        return SAY("not (%.*s)", STR_ARG(x));
    }
    case 2:
        return boolean_leaf(g);
    case 3: {
        Str x = grammar_numeric(g);
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
        return grammar_calendar(g, chance(g, 60) ? VALUE_TIME : VALUE_DATE);
    case 2:
    case 3:
    case 4:
        return grammar_numeric(g);
    default:
        return grammar_boolean(g);
    }
}

Str random_sequence(Arena *arena, Random *random, const World *world) {
    Grammar grammar = {.arena = arena, .random = random, .world = world, .budget = 2};
    return random_chance(random, 40) ? grammar_sequence(&grammar) : grammar_chain(&grammar);
}
