// The rows every statement stands on: history, events, population, traits, zones, customers.
#include <string.h>
#include <strings.h>

#include "data/holiday.h"
#include "lang/sql_private.h"

// Columns of `events` that are not the model's.
static bool is_own_column(Str name) {
    static const char *const own[] = {"customer", "time",       "time_us", "arrival",   "event",
                                      "place",    "message_id", "value",   "grouped_by"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (strlen(own[i]) == name.size_bytes &&
            strncasecmp(own[i], name.data, name.size_bytes) == 0) {
            return true;
        }
    }
    return false;
}

Str lang_sql_column(SqlBuilder *b, int32_t column) {
    b->columns[column] = true;
    Str name = b->plan->columns[column].column;
    BASE_TEXT_SCOPED text = {0};
    lang_sql_identifier(
        &text, is_own_column(name) ? base_arena_printf(b->arena, "%.*s~own", STR_ARG(name)) : name);
    return base_arena_str(b->arena, base_text_str(&text));
}

Str lang_sql_trait_column(SqlBuilder *b, int32_t trait) {
    if (b->traits[trait].size_bytes == 0) {
        b->traits[trait] = lang_sql_name(b, "trait", b->plan->traits[trait].name);
        if (b->plan->traits[trait].column >= 0) {
            lang_sql_column(b, b->plan->traits[trait].column);
        }
    }
    return b->traits[trait];
}

// Every country there are holidays for, when the customer's own trait decides.
static void write_holiday_days(SqlBuilder *b, Text *out, const SqlHoliday *holiday, Str country,
                               size_t *count) {
    const int32_t *days;
    size_t day_count;
    if (data_holiday_days(country, holiday->name, holiday->is_observed, &days, &day_count) != 0) {
        return;
    }
    base_text_append(out, *count > 0 ? STR(",\n    (") : STR("\n    ("));
    lang_sql_literal(out, country);
    base_text_append(out, STR(", ["));
    for (size_t i = 0; i < day_count; i++) {
        Str day = base_calendar_format_date(b->arena, days[i]);
        base_text_printf(out, "%s'%.*s'", i > 0 ? "," : "", STR_ARG(day));
    }
    base_text_append(out, STR("])"));
    (*count)++;
}

static void write_holiday(SqlBuilder *b, const SqlHoliday *holiday, bool is_any_country) {
    Text *out = lang_sql_cte_begin(b, holiday->table, NODE_NONE);
    size_t count = 0;
    base_text_append(out, STR("  select country, days::date[] as days from (values"));
    if (is_any_country) {
        const Str *countries;
        size_t country_count;
        data_holiday_countries(b->arena, &countries, &country_count);
        for (size_t i = 0; i < country_count; i++) {
            write_holiday_days(b, out, holiday, countries[i], &count);
        }
    } else {
        write_holiday_days(b, out, holiday, holiday->country, &count);
    }
    if (count == 0) {
        base_text_append(out, STR("\n    (cast(null as varchar), cast(null as varchar[]))"));
    }
    base_text_append(out, STR(") as t(country, days)"));
    lang_sql_cte_end(b);
}

Str lang_sql_holiday_column(SqlBuilder *b, const HolidayTest *test) {
    for (size_t i = 0; i < b->holiday_count; i++) {
        const SqlHoliday *known = &b->holidays[i];
        if (base_str_equal(known->name, test->name) &&
            base_str_equal(known->country, test->country) &&
            known->is_observed == test->is_observed) {
            return known->column;
        }
    }
    b->holidays = base_arena_grow(b->arena, b->holidays, b->holiday_count, b->holiday_count + 1,
                                  sizeof *b->holidays);
    SqlHoliday *made = &b->holidays[b->holiday_count++];
    *made = (SqlHoliday){
        .name = test->name, .country = test->country, .is_observed = test->is_observed};
    made->column = lang_sql_name(b, "days_of", test->name);
    made->table = lang_sql_name(b, "holiday", test->name);
    bool is_own = test->country.size_bytes == 0;
    if (is_own && b->plan->country_trait >= 0) {
        lang_sql_trait_column(b, b->plan->country_trait);
    }
    if (is_own && b->plan->country_trait < 0) {
        made->country = b->plan->country;
    }
    return made->column;
}

static void write_events(SqlBuilder *b, Text *out) {
    const Plan *plan = b->plan;
    base_text_append(
        out, STR("events as (\n  select customer, epoch_us(time) as time_us, arrival, event"));
    for (int32_t i = 0; i < plan->column_count; i++) {
        if (!b->columns[i]) {
            continue;
        }
        Str alias = lang_sql_column(b, i);
        bool is_time = plan->columns[i].type == VALUE_TIME;
        base_text_append(out, is_time ? STR(",\n    epoch_us(") : STR(",\n    "));
        lang_sql_identifier(out, plan->columns[i].column);
        base_text_printf(out, "%s as %.*s", is_time ? ")" : "", STR_ARG(alias));
    }
    if (b->needs_place) {
        base_text_append(out, STR(",\n    row_number() over (partition by customer order by time, "
                                  "arrival) as place"));
    }
    Str now = lang_sql_time(b, b->options->now_us);
    // `time <= timestamptz '...'`, so that a reader of Parquet can leave files out.
    base_text_printf(out, "\n  from %s\n  where time <= %.*s\n),\n",
                     b->outer == NULL ? "history" : "past", (int)now.size_bytes - 10, now.data + 9);
    base_text_append(out, STR("population as (\n  select distinct customer from events\n),\n"));
}

static bool write_traits(SqlBuilder *b, Text *out) {
    bool is_any = false;
    for (int32_t i = 0; i < b->plan->trait_count; i++) {
        if (b->traits[i].size_bytes == 0) {
            continue;
        }
        int32_t column = b->plan->traits[i].column;
        base_text_append(out, is_any ? STR("")
                                     : STR("-- the latest value of each trait\ntraits as (\n"
                                           "  select e.customer"));
        is_any = true;
        if (column < 0) {
            base_text_printf(out, ",\n    cast(null as varchar) as %.*s", STR_ARG(b->traits[i]));
        } else {
            Str name = lang_sql_column(b, column);
            base_text_printf(out,
                             ",\n    arg_max(e.%.*s, (e.time_us, e.arrival))"
                             " filter (e.%.*s is not null) as %.*s",
                             STR_ARG(name), STR_ARG(name), STR_ARG(b->traits[i]));
        }
    }
    if (is_any) {
        base_text_append(out, STR("\n  from events e where e.event = 'identify'"
                                  " group by e.customer\n),\n"));
    }
    return is_any;
}

// Names that ICU knows beyond the tz database must not count as zones.
static void write_zones(SqlBuilder *b, Text *out, bool has_traits) {
    Str zone = lang_sql_model_zone(b);
    bool is_own = b->plan->zone_trait >= 0;
    if (is_own) {
        base_text_append(
            out, STR("known_zones as (\n  select name as zone from pg_timezone_names()\n"
                     "  where not starts_with(name, 'SystemV/')"
                     " and name not in ('Canada/East-Saskatchewan', 'US/Pacific-New', 'Factory')\n"
                     "    and not (length(name) = 3 and upper(name) = name"
                     " and name not in ('CET', 'EET', 'EST', 'GMT', 'HST', 'MET', 'MST', 'PRC',"
                     " 'ROC', 'ROK', 'UCT', 'UTC', 'WET'))\n),\n"));
        zone = base_arena_printf(b->arena, "coalesce(k.zone, %.*s)", STR_ARG(zone));
    }
    bool is_past = b->outer != NULL;
    base_text_printf(out,
                     "located as (\n  select p.customer, %s%.*s as zone%s\n  from population p",
                     is_past ? "m.person, m.now_us, " : "", STR_ARG(zone),
                     has_traits ? ", t.* exclude (customer)" : "");
    if (is_past) {
        base_text_printf(out, " join %.*s m on m.key = p.customer", STR_ARG(b->moments));
    }
    base_text_append(out, has_traits ? STR(" left join traits t using (customer)") : STR(""));
    if (is_own) {
        base_text_printf(out, " left join known_zones k on k.zone = t.%.*s",
                         STR_ARG(b->traits[b->plan->zone_trait]));
    }
    const char *by = is_past ? "zone, now_us" : "zone";
    Str now = is_past ? STR("now_us") : b->now;
    Str local = lang_sql_local(b, STR("zone"), now);
    Str next = lang_sql_midnight(b, STR("zone"), STR("(today + 1)"));
    base_text_printf(
        out,
        "\n),\n-- a day has begun from its first midnight on, also where the clock goes back"
        " over it\nzones as (\n  select %s, today,\n    today + (%.*s <= %.*s)::integer"
        " as begun_day\n  from (select %s, cast(%.*s as date) as today\n"
        "    from (select distinct %s from located))\n),\n",
        by, STR_ARG(next), STR_ARG(now), by, STR_ARG(local), by);
}

// Codes are read without regard to case, with UK and EL for GB and GR.
static Str country_text(SqlBuilder *b, Str trait, Str own) {
    return base_arena_printf(b->arena,
                             "regexp_replace(regexp_replace(upper(trim(coalesce(l.%.*s, %.*s))),"
                             " '^UK(-|$)', 'GB\\1'), '^EL(-|$)', 'GR\\1')",
                             STR_ARG(trait), STR_ARG(own));
}

static void write_customers(SqlBuilder *b, Text *out) {
    base_text_append(out, STR("customers as (\n  select l.*, z.today, z.begun_day"));
    for (size_t i = 0; i < b->holiday_count; i++) {
        base_text_printf(out, ", %.*s.days as %.*s", STR_ARG(b->holidays[i].table),
                         STR_ARG(b->holidays[i].column));
    }
    base_text_append(out, STR("\n  from located l join zones z using ("));
    base_text_append(out, b->outer != NULL ? STR("zone, now_us)") : STR("zone)"));
    for (size_t i = 0; i < b->holiday_count; i++) {
        const SqlHoliday *holiday = &b->holidays[i];
        Str country = lang_sql_quote(b, holiday->country);
        if (holiday->country.size_bytes == 0) {
            Str own = lang_sql_quote(b, b->plan->country);
            country = b->plan->country_trait < 0
                          ? own
                          : country_text(b, b->traits[b->plan->country_trait], own);
        }
        base_text_printf(out, "\n  left join %.*s on %.*s.country = %.*s", STR_ARG(holiday->table),
                         STR_ARG(holiday->table), STR_ARG(country));
    }
    base_text_append(out, STR("\n)"));
}

static void write_first_any(SqlBuilder *b, Text *out) {
    EventSet any = {.is_any = true};
    base_text_printf(
        out,
        "first_any as (\n  select e.customer, min(e.time_us) as time_us from events e\n"
        "  where %.*s\n  group by e.customer\n),\n",
        STR_ARG(lang_sql_event_filter(b, &any)));
}

void lang_sql_population_text(SqlBuilder *b, Text *out) {
    if (b->plan->zone_trait >= 0) {
        lang_sql_trait_column(b, b->plan->zone_trait);
    }
    if (b->outer == NULL) {
        base_text_printf(out, "with history as (\n  %.*s\n),\n", STR_ARG(b->options->history));
    } else {
        base_text_printf(out,
                         "with past as (\n  select m.key as customer, h.* exclude (customer)\n"
                         "  from history h join %.*s m"
                         " on m.person = h.customer and epoch_us(h.time) <= m.now_us\n),\n",
                         STR_ARG(b->moments));
    }
    write_events(b, out);
    if (b->needs_first_any) {
        write_first_any(b, out);
    }
    bool has_traits = write_traits(b, out);
    write_zones(b, out, has_traits);
    // The tables of holidays come before `customers`, which reads them.
    Text later = b->ctes;
    b->ctes = (Text){0};
    for (size_t i = 0; i < b->holiday_count; i++) {
        const SqlHoliday *holiday = &b->holidays[i];
        write_holiday(b, holiday, holiday->country.size_bytes == 0 && b->plan->country_trait >= 0);
    }
    for (size_t i = 2; i < b->ctes.size_bytes; i++) { // each begins with ",\n"
        base_text_append_char(out, b->ctes.data[i]);
    }
    base_text_append(out, b->ctes.size_bytes > 0 ? STR(",\n") : STR(""));
    base_text_done(&b->ctes);
    b->ctes = later;
    write_customers(b, out);
}
