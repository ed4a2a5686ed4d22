// The narrowest type that a column of text allows.
#include <inttypes.h>
#include <string.h>

#include "ingest/ingest_private.h"

// Rows looked at before a whole column is; a column that is clearly text stops here.
#define SAMPLE_ROWS 5000

#define RE_INTEGER    "[+-]?(0|[1-9][0-9]*)"
#define RE_PLAIN      "[+-]?((0|[1-9][0-9]*)([.][0-9]*)?|[.][0-9]+)"
#define RE_NUMBER     RE_PLAIN "([eE][+-]?[0-9]{1,3})?"
#define RE_FINE       "[.][0-9]{4}[0-9]*[1-9]"
#define RE_WHOLE      "[+-]?[0-9]+[.]0*"
#define RE_COMMA      "[+-]?([0-9]{1,3}([.][0-9]{3})+|[0-9]+),[0-9]+"
#define RE_GROUPED    "[+-]?[0-9]{1,3}(,[0-9]{3})+([.][0-9]*)?"
#define RE_CODE       "0[0-9]+|.*([0-9][A-Za-z]|[A-Za-z][0-9]).*"
#define RE_ISO_DATE   "[0-9]{4}-[0-9]{2}-[0-9]{2}"
#define RE_ISO_TIME   RE_ISO_DATE "[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?"
#define RE_OFFSET     " ?(Z|z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)"
#define RE_SLASHED    "[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}([ T].*)?"
#define MISSING_MARKS "'na', 'n/a', 'null', 'none', 'nan', '-', '?', '#n/a', 'inf', '-inf'"

// How many values of a column look like what.
typedef struct Look {
    int64_t values, blanks, integers, plain, numbers, fine, whole, commas, grouped, codes, missing;
    int64_t huge, wide, booleans, dates, times, offsets, slashed;
} Look;

#define LOOK_COUNT (sizeof(Look) / sizeof(int64_t))

static const char look_sql[] =
    "sum(n) filter (b = '' is false), sum(n) filter (b = ''), "
    "sum(n) filter (regexp_full_match(v, '" RE_INTEGER "')), "
    "sum(n) filter (regexp_full_match(v, '" RE_PLAIN "')), "
    "sum(n) filter (regexp_full_match(v, '" RE_NUMBER "')), "
    "sum(n) filter (regexp_matches(v, '" RE_FINE "')), "
    "sum(n) filter (regexp_full_match(v, '" RE_WHOLE "')), "
    "sum(n) filter (regexp_full_match(b, '" RE_COMMA "')), "
    "sum(n) filter (regexp_full_match(b, '" RE_GROUPED "')), "
    "sum(n) filter (regexp_full_match(v, '" RE_CODE "') and not regexp_full_match(v, '" RE_NUMBER
    "')), "
    "sum(n) filter (lower(v) in (" MISSING_MARKS ")), "
    "sum(n) filter (strlen(v) >= 14 and regexp_full_match(v, '" RE_PLAIN
    "') and (try_cast(v as bigint) is null or abs(try_cast(v as double)) >= 1e14)), "
    "sum(n) filter (strlen(v) >= 19 and regexp_full_match(v, '" RE_INTEGER
    "') and try_cast(v as bigint) is null), "
    "sum(n) filter (lower(v) in ('true', 'false')), "
    "sum(n) filter (regexp_full_match(b, '" RE_ISO_DATE "')), "
    "sum(n) filter (regexp_full_match(b, '" RE_ISO_TIME "')), "
    "sum(n) filter (regexp_full_match(b, '" RE_ISO_TIME RE_OFFSET "')), "
    "sum(n) filter (regexp_full_match(b, '" RE_SLASHED "'))";

// A few bad values do not make a text of a column of numbers: one in a hundred, or a single one
// among five. What reads like a code ("C536379", "007") weighs ten times.
static bool tolerates(int64_t fitting, const Look *look) {
    int64_t bad = look->values - look->missing - fitting;
    int64_t weight = bad + 9 * look->codes;
    if (fitting <= 0 || bad < 0)
        return fitting > 0;
    return bad == 0 || weight * 100 <= look->values || (weight <= 1 && look->values >= 5);
}

static Str operand(Stage *stage, const InputColumn *column, char decimal, bool is_grouped) {
    if (column->origin != ORIGIN_TEXT)
        return stage_printf(stage, "trim(%s)", column->raw.data);
    if (decimal == ',')
        return stage_printf(stage, "replace(replace(trim(%s), '.', ''), ',', '.')",
                            column->raw.data);
    if (is_grouped)
        return stage_printf(stage, "replace(trim(%s), ',', '')", column->raw.data);
    return column->raw; // casts pass over white space at both ends
}

static int look_at(Stage *stage, Str relation, const InputColumn *column, Str value,
                   Look *ret_look) {
    Str sql =
        stage_printf(stage,
                     "select %s from (select trim(%s) as b, trim(%s) as v, count(*) as n from "
                     "%.*s group by all)",
                     look_sql, column->raw.data, value.data, STR_ARG(relation));
    Value values[LOOK_COUNT];
    int r = stage_ask(stage, sql, LOOK_COUNT, values);
    if (r < 0)
        return r;
    int64_t *counts = (int64_t *)ret_look;
    for (size_t i = 0; i < LOOK_COUNT; i++)
        counts[i] = values[i].is_null                 ? 0
                    : values[i].type == VALUE_INTEGER ? values[i].integer
                                                      : (int64_t)values[i].number;
    return 0;
}

static void set_type(InputColumn *column, ValueType type, Str typed) {
    column->type = type;
    column->typed = typed;
    column->typed_type = base_str_from(type_duck(type));
    if (type == VALUE_TIME)
        column->typed_type = STR("TIMESTAMP");
}

static bool set_number(Stage *stage, InputColumn *column, const Look *look, Str value) {
    if (look->numbers <= 0 || !tolerates(look->numbers, look))
        return false;
    column->was_fraction = look->whole > 0 && look->whole + look->integers == look->plain;
    if (look->integers == look->numbers) {
        // A few numbers beyond int64 are rejected; many mean that these are codes.
        if (!tolerates(look->integers - look->wide, look))
            return false;
        set_type(column, VALUE_INTEGER, stage_printf(stage, "try_cast(%s as bigint)", value.data));
        column->misfit.reason = STR("not an integer of 64 bits");
        return true;
    }
    if (look->plain == look->numbers && look->fine == 0 &&
        tolerates(look->numbers - look->huge, look)) {
        set_type(column, VALUE_DECIMAL,
                 stage_printf(stage, "try_cast(%s as decimal(18,4))", value.data));
        column->misfit.reason = STR("not a number below 10^14");
        return true;
    }
    set_type(column, VALUE_NUMBER,
             stage_printf(stage,
                          "case when isfinite(try_cast(%s as double)) then "
                          "try_cast(%s as double) end",
                          value.data, value.data));
    column->misfit.reason = STR("not a finite number");
    return true;
}

// Values that are there but do not fit, and the span of local times.
static int count_misfits(Stage *stage, Str relation, InputColumn *column, const Look *look) {
    if (column->type == VALUE_TEXT || column->type == VALUE_NULL)
        return 0;
    column->blank_count = (uint64_t)look->blanks;
    bool is_local =
        column->type == VALUE_DATE || base_str_equal(column->typed_type, STR("TIMESTAMP"));
    const char *instant = is_local ? "epoch_us(cast(x as timestamp))" : "0";
    // Every distinct text is converted once; leaves of objects have no name to group by.
    Str from = column->origin == ORIGIN_TEXT
                   ? stage_printf(stage, "(select %s, count(*) as n from %.*s group by 1) s",
                                  column->raw.data, STR_ARG(relation))
                   : stage_printf(stage, "(select *, 1 as n from %.*s) s", STR_ARG(relation));
    Value values[3];
    int r = stage_ask(stage,
                      stage_printf(stage,
                                   "select coalesce(sum(n) filter (x is not null), 0)::bigint, "
                                   "min(%s) filter (x is not null), max(%s) filter (x is not null) "
                                   "from (select %s as x, n from %s)",
                                   instant, instant, column->typed.data, from.data),
                      3, values);
    if (r < 0)
        return r;
    if (look->values > values[0].integer)
        column->misfit.count = (uint64_t)(look->values - values[0].integer);
    column->has_span = is_local && !values[1].is_null;
    if (column->has_span) {
        column->least_us = values[1].integer;
        column->most_us = values[2].integer;
    }
    return 0;
}

// --- times ---

static Str mixed_time(Stage *stage, const InputColumn *column) {
    const Zone *zone = stage->model->zone;
    if (stage->source->timezone.size_bytes > 0)
        zone = base_zone_find(stage->source->timezone);
    Str naive = stage_printf(stage, "epoch_us(try_cast(trim(%s) as timestamp))", column->raw.data);
    Moment moment = moment_local(stage, zone, naive, CALENDAR_TIME_MIN, CALENDAR_TIME_MAX);
    return stage_printf(stage,
                        "case when regexp_full_match(trim(%s), '" RE_ISO_TIME RE_OFFSET
                        "') then try_cast(trim(%s) as timestamptz) else make_timestamptz(%s) end",
                        column->raw.data, column->raw.data, moment.value.data);
}

static bool set_iso(Stage *stage, InputColumn *column, const Look *look, bool is_forced) {
    int64_t fitting = look->dates + look->times + look->offsets;
    if (fitting <= 0 || (!tolerates(fitting, look) && !(is_forced && fitting * 2 > look->values)))
        return false;
    column->misfit.reason = STR("not a date or time");
    Str text = column->raw;
    if (look->offsets == 0 && look->times == 0) {
        set_type(column, VALUE_DATE, stage_printf(stage, "try_cast(%s as date)", text.data));
        column->format = STR("2026-01-31");
    } else if (look->offsets == 0) {
        set_type(column, VALUE_TIME, stage_printf(stage, "try_cast(%s as timestamp)", text.data));
        column->format = STR("2026-01-31 12:00:00");
    } else {
        bool is_mixed = look->dates + look->times > 0;
        set_type(column, VALUE_TIME,
                 is_mixed ? mixed_time(stage, column)
                          : stage_printf(stage, "try_cast(%s as timestamptz)", text.data));
        column->typed_type = STR("TIMESTAMP WITH TIME ZONE");
        column->is_mixed_zone = is_mixed;
        column->format = STR("2026-01-31T12:00:00+01:00");
    }
    return true;
}

typedef struct DateOrder {
    const char *words; // for people
    const char *date;  // strptime, @ stands for the separator
    const char *regex;
    bool is_american;
    bool needs_force;
} DateOrder;

static const DateOrder date_orders[] = {
    {"day/month/year", "%d@%m@%Y", "[0-9]{1,2}@[0-9]{1,2}@[0-9]{4}", false, false},
    {"month/day/year", "%m@%d@%Y", "[0-9]{1,2}@[0-9]{1,2}@[0-9]{4}", true, false},
    {"day/month/year of two digits", "%d@%m@%y", "[0-9]{1,2}@[0-9]{1,2}@[0-9]{2}", false, false},
    {"month/day/year of two digits", "%m@%d@%y", "[0-9]{1,2}@[0-9]{1,2}@[0-9]{2}", true, false},
    {"year/month/day", "%Y@%m@%d", "[0-9]{4}@[0-9]{1,2}@[0-9]{1,2}", false, false},
    {"yearmonthday", "%Y%m%d", "[0-9]{8}", false, true},
    {"day month year", "%d %b %Y", "[0-9]{1,2} [A-Za-z]{3} [0-9]{4}", false, true},
    {"day month year", "%d-%b-%Y", "[0-9]{1,2}-[A-Za-z]{3}-[0-9]{4}", false, false},
    {"month day, year", "%b %d, %Y", "[A-Za-z]{3} [0-9]{1,2}, [0-9]{4}", false, true},
};

static const char *const time_tails[] = {"",          " %H:%M",       " %H:%M:%S", " %H:%M:%S.%f",
                                         " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S", " %H%M%S"};

static void append_separated(Text *text, const char *pattern, char separator, bool is_regex) {
    for (const char *c = pattern; *c != '\0'; c++) {
        if (*c == '@' && is_regex)
            base_text_printf(text, "[%c]", separator);
        else
            base_text_append_char(text, *c == '@' ? separator : *c);
    }
}

// try_strptime over every way the time of day may follow the date.
static Str strptime_sql(Stage *stage, Str value, const DateOrder *order, char separator) {
    BASE_TEXT_SCOPED sql = {0};
    base_text_printf(&sql, "case when regexp_full_match(%s, '", value.data);
    append_separated(&sql, order->regex, separator, true);
    base_text_printf(&sql, "([ T].*)?') then try_strptime(%s, [", value.data);
    for (size_t i = 0; i < sizeof(time_tails) / sizeof(time_tails[0]); i++) {
        base_text_append(&sql, i == 0 ? STR("'") : STR(", '"));
        append_separated(&sql, order->date, separator, false);
        base_text_printf(&sql, "%s'", time_tails[i]);
    }
    base_text_append(&sql, STR("]) end"));
    return stage_text(stage, &sql);
}

typedef struct Written {
    Str sql;
    const DateOrder *order;
    char separator;
    int64_t fitting, midnights;
} Written;

static int try_written(Stage *stage, Str relation, const InputColumn *column, Written *way) {
    Str inner = strptime_sql(stage, STR("v"), way->order, way->separator);
    Str sql = stage_printf(
        stage,
        "select sum(n) filter (t is not null), sum(n) filter (t is not null and strpos(v, ':') = "
        "0) "
        "from (select v, n, %s as t from (select trim(%s) as v, count(*) as n from %.*s group by "
        "all))",
        inner.data, column->raw.data, STR_ARG(relation));
    Value values[2];
    int r = stage_ask(stage, sql, 2, values);
    if (r < 0)
        return r;
    way->fitting = values[0].is_null ? 0 : (int64_t)values[0].integer;
    way->midnights = values[1].is_null ? 0 : (int64_t)values[1].integer;
    way->sql = strptime_sql(stage, stage_printf(stage, "trim(%s)", column->raw.data), way->order,
                            way->separator);
    return 0;
}

static bool prefers_american(const Stage *stage) {
    return base_str_equal(stage->model->country, STR("US"));
}

// Day and month may be either way round: the values decide, then the model's country.
static bool is_better(const Stage *stage, const Written *way, const Written *best) {
    if (way->fitting != best->fitting)
        return way->fitting > best->fitting;
    return way->order->is_american && prefers_american(stage) && !best->order->is_american;
}

static int set_written(Stage *stage, Str relation, InputColumn *column, const Look *look,
                       bool is_forced, bool *ret_is_set) {
    Written best = {.order = &date_orders[0]}, rival = {0};
    for (size_t i = 0; i < sizeof(date_orders) / sizeof(date_orders[0]); i++) {
        const DateOrder *order = &date_orders[i];
        if (order->needs_force && !is_forced)
            continue;
        for (const char *separator = "/.-"; *separator != '\0'; separator++) {
            if (strchr(order->date, '@') == NULL && separator[0] != '/')
                continue;
            Written way = {.order = order, .separator = *separator};
            int r = try_written(stage, relation, column, &way);
            if (r < 0)
                return r;
            bool is_twin =
                best.separator == way.separator && way.fitting > 0 && best.fitting == way.fitting;
            if (is_twin)
                rival = way;
            if (is_better(stage, &way, &best))
                best = way;
        }
    }
    *ret_is_set = best.fitting > 0 &&
                  (tolerates(best.fitting, look) || (is_forced && best.fitting * 2 > look->values));
    if (!*ret_is_set)
        return 0;
    bool is_date = best.midnights == best.fitting;
    set_type(column, is_date ? VALUE_DATE : VALUE_TIME,
             is_date ? stage_printf(stage, "cast(%s as date)", best.sql.data) : best.sql);
    column->misfit.reason = STR("not a date or time");
    column->format = base_str_from(best.order->words);
    if (rival.fitting == best.fitting && rival.fitting > 0)
        column->note = stage_printf(stage,
                                    "dates read as %s, but every one of them would also fit the "
                                    "other order of day and month",
                                    best.order->words);
    return 0;
}

int narrow_time(Stage *stage, Str relation, InputColumn *column, bool is_forced) {
    Look look = {0};
    int r = look_at(stage, relation, column, column->raw, &look);
    if (r < 0 || look.values == 0)
        return r;
    if (set_iso(stage, column, &look, is_forced))
        return count_misfits(stage, relation, column, &look);
    bool is_set = false;
    if (look.slashed > 0 || is_forced)
        r = set_written(stage, relation, column, &look, is_forced, &is_set);
    return r == 0 ? count_misfits(stage, relation, column, &look) : r;
}

// --- columns ---

static bool is_candidate(const Look *look, bool is_text) {
    int64_t numbers = look->numbers + look->commas + look->grouped + look->missing;
    int64_t others = look->booleans + look->dates + look->times + look->offsets + look->slashed;
    if (is_text && numbers * 10 >= look->values * 9)
        return true;
    return others * 10 >= look->values * 9;
}

static int narrow_text(Stage *stage, Str relation, InputColumn *column) {
    bool is_text = column->origin == ORIGIN_TEXT;
    Look look = {0};
    Str value = operand(stage, column, stage->dialect.decimal, false);
    int r = look_at(stage, relation, column, value, &look);
    if (r < 0)
        return r;
    if (look.values == 0) {
        column->type = VALUE_NULL;
        column->blank_count = (uint64_t)look.blanks;
        return 0;
    }
    if (is_text && look.grouped > 0 && stage->dialect.decimal != ',' &&
        tolerates(look.numbers + look.grouped, &look)) {
        value = operand(stage, column, '.', true);
        r = look_at(stage, relation, column, value, &look);
        if (r < 0)
            return r;
    }
    if (is_text && tolerates(look.booleans, &look) && look.booleans > 0) {
        set_type(column, VALUE_BOOLEAN,
                 stage_printf(stage,
                              "case lower(trim(%s)) when 'true' then true when 'false' then "
                              "false end",
                              column->raw.data));
        column->misfit.reason = STR("neither true nor false");
    } else if (!(is_text && set_number(stage, column, &look, value)) &&
               !set_iso(stage, column, &look, false) && look.slashed > 0) {
        bool is_set;
        r = set_written(stage, relation, column, &look, false, &is_set);
    }
    return r < 0 ? r : count_misfits(stage, relation, column, &look);
}

// JSON numbers that all have at most four decimals are decimals.
static int narrow_loose(Stage *stage, Str relation, InputColumn *column) {
    Str sql = stage_printf(stage,
                           "select count(v), count(v) filter (cast(try_cast(v as decimal(18,4)) as "
                           "double) = v) from (select %s as v from %.*s)",
                           column->raw.data, STR_ARG(relation));
    Value values[2];
    int r = stage_ask(stage, sql, 2, values);
    if (r < 0)
        return r;
    if (values[0].integer > 0 && values[0].integer == values[1].integer)
        set_type(column, VALUE_DECIMAL,
                 stage_printf(stage, "cast(%s as decimal(18,4))", column->raw.data));
    return 0;
}

static Str sample_of(Stage *stage, Str relation, uint64_t row_count) {
    if (row_count <= (uint64_t)SAMPLE_ROWS * 2)
        return relation;
    return stage_printf(stage, "(from %.*s where s.rowid %% %" PRIu64 " = 0) s", STR_ARG(relation),
                        row_count / SAMPLE_ROWS);
}

static int narrow_one(Stage *stage, Str relation, Str sample, InputColumn *column) {
    if (column->origin == ORIGIN_LOOSE)
        return narrow_loose(stage, relation, column);
    if (column->origin == ORIGIN_TYPED)
        return 0;
    if (!base_str_equal(sample, relation)) {
        Look look = {0};
        int r = look_at(stage, sample, column,
                        operand(stage, column, stage->dialect.decimal, false), &look);
        if (r < 0)
            return r;
        if (look.values > 0 && !is_candidate(&look, column->origin == ORIGIN_TEXT))
            return 0;
    }
    return narrow_text(stage, relation, column);
}

// A decimal comma shows itself where commas do not part the columns.
static int find_decimal(Stage *stage, Str sample, const InputColumn *columns, size_t count) {
    if (stage->dialect.decimal != 0 || stage->kind != INPUT_CSV)
        return 0;
    stage->dialect.decimal = '.';
    if (stage->dialect.delimiter == ',')
        return 0;
    for (size_t i = 0; i < count; i++) {
        Look look = {0};
        int r = look_at(stage, sample, &columns[i], columns[i].raw, &look);
        if (r < 0)
            return r;
        if (look.commas > 0 && look.commas * 2 > look.values - look.integers)
            stage->dialect.decimal = ',';
    }
    return 0;
}

int narrow_columns(Stage *stage, Str relation, uint64_t row_count, InputColumn *columns,
                   size_t count) {
    Str sample = sample_of(stage, relation, stage->is_held ? row_count : 0);
    int r = find_decimal(stage, sample, columns, count);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = narrow_one(stage, relation, sample, &columns[i]);
    return r;
}
