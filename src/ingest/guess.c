// Which columns of an unknown file are the customer, the time, the money.
#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"
#include "ingest/ingest_private.h"

// What is known about a column of the file.
typedef struct Traits {
    const InputColumn *column;
    Str lower; // its name in lower case, only letters and digits
    uint64_t distinct, nulls;
    Value least, most;
    bool is_time_number; // a number that reads as a date or seconds since 1970
} Traits;

typedef struct Hint {
    const char *part; // of the name; "=x" means the whole name
    int score;
} Hint;

static int score_name(Str lower, const Hint *hints, size_t count) {
    int best = 0;
    for (size_t i = 0; i < count; i++) {
        Str part = base_str_from(hints[i].part);
        bool is_whole = base_str_starts(part, STR("="));
        if (is_whole)
            part = (Str){part.data + 1, part.size_bytes - 1};
        bool is_hit = is_whole ? base_str_equal(lower, part) : base_str_contains(lower, part);
        if (is_hit && (best == 0 || hints[i].score < 0 || hints[i].score > best) && best >= 0)
            best = hints[i].score;
    }
    return best;
}

#define SCORE(lower, hints) score_name(lower, hints, sizeof(hints) / sizeof((hints)[0]))

static const Hint customer_hints[] = {
    {"customerid", 100}, {"customernumber", 95}, {"custid", 95},      {"clientid", 90},
    {"userid", 90},      {"memberid", 85},       {"householdid", 80}, {"householdkey", 80},
    {"visitorid", 75},   {"accountid", 60},      {"=customer", 98},   {"=cust", 90},
    {"=user", 85},       {"=client", 85},        {"=member", 80},     {"personid", 80},
    {"kundnr", 95},      {"kundid", 95},         {"kundnummer", 95},  {"kundennummer", 95},
    {"kund", 60},        {"email", 55},          {"customer", 50},    {"buyer", 60},
    {"patient", 50},     {"anonymousid", 50},    {"=id", 30},         {"uid", 30},
    {"segment", -1},     {"cohort", -1},
};
static const Hint time_hints[] = {
    {"invoicedate", 100}, {"orderdate", 100}, {"purchasedate", 100}, {"transactiondate", 100},
    {"eventtime", 100},   {"timestamp", 95},  {"createdat", 90},     {"=ts", 85},
    {"=time", 90},        {"=date", 90},      {"datum", 80},         {"tidpunkt", 80},
    {"datetime", 90},     {"date", 60},       {"time", 60},          {"birth", -1},
    {"dob", -1},
};
static const Hint amount_hints[] = {
    {"amount", 100},    {"revenue", 98}, {"total", 90},  {"dollar", 90},   {"salesvalue", 95},
    {"=value", 80},     {"=sales", 85},  {"spend", 85},  {"belopp", 95},   {"summa", 90},
    {"omsattning", 90}, {"umsatz", 90},  {"betrag", 90}, {"montant", 90},  {"price", 50},
    {"=pris", 50},      {"preis", 50},   {"cost", 30},   {"discount", -1}, {"tax", -1},
    {"id", 0},
};
static const Hint price_hints[] = {{"unitprice", 100}, {"price", 60}, {"=pris", 60}, {"apris", 60},
                                   {"preis", 60},      {"prix", 60},  {"total", -1}};
static const Hint quantity_hints[] = {{"quantity", 100}, {"=qty", 95},  {"antal", 90},
                                      {"menge", 90},     {"units", 60}, {"numberof", 40}};
static const Hint event_hints[] = {{"=event", 100}, {"eventname", 100}, {"eventtype", 100},
                                   {"=action", 80}, {"=activity", 70},  {"=type", 50}};
static const Hint id_hints[] = {{"lineid", 80},       {"transactionid", 80}, {"eventid", 90},
                                {"messageid", 100},   {"rowid", 60},         {"orderid", 70},
                                {"orderlineid", 100}, {"invoiceid", 70}};

static Str plain_name(Arena *arena, Str name) {
    BASE_TEXT_SCOPED out = {0};
    Str lower = base_utf8_lower(arena, name);
    for (size_t at = 0; at < lower.size_bytes;) {
        uint32_t c = base_utf8_next(lower, &at);
        if (base_utf8_is_letter(c) || (c >= '0' && c <= '9'))
            base_utf8_append(&out, c);
    }
    return base_arena_str(arena, base_text_str(&out));
}

static bool is_number(ValueType type) {
    return type == VALUE_INTEGER || type == VALUE_DECIMAL || type == VALUE_NUMBER;
}

static double as_number(Value value) {
    if (value.is_null)
        return 0;
    return value.type == VALUE_INTEGER   ? (double)value.integer
           : value.type == VALUE_DECIMAL ? data_value_decimal_number(value.decimal)
           : value.type == VALUE_NUMBER  ? value.number
                                         : 0;
}

static int measure(Stage *stage, const InputColumn *column, Traits *ret_traits) {
    Value v[4];
    int r = stage_ask(
        stage,
        stage_printf(stage,
                     "select approx_count_distinct(x), count(*) - count(x), min(x), max(x) "
                     "from (select %s as x from %s s)",
                     column->type == VALUE_NULL ? column->raw.data : column->typed.data,
                     stage->table.data),
        4, v);
    if (r < 0)
        return r;
    double least = as_number(v[2]), most = as_number(v[3]);
    *ret_traits = (Traits){
        .column = column,
        .lower = plain_name(stage->arena, column->name),
        .distinct = (uint64_t)v[0].integer,
        .nulls = (uint64_t)v[1].integer,
        .least = v[2],
        .most = v[3],
        .is_time_number = column->type == VALUE_INTEGER && !v[2].is_null &&
                          ((least >= 19000101 && most <= 21001231) || (least > 5e8 && most < 5e12)),
    };
    return 0;
}

typedef struct Choice {
    const Traits *traits;
    int score;
} Choice;

static void offer(Choice *choice, const Traits *traits, int score) {
    if (score > choice->score)
        *choice = (Choice){traits, score};
}

static bool is_taken(const Traits *traits, const Choice *choice) {
    return choice->traits != NULL && choice->traits->column == traits->column;
}

static Str column_sql(Stage *stage, const Traits *traits) {
    return stage_identifier(stage, traits->column->name);
}

// --- each field ---

static void guess_time(Stage *stage, const Traits *all, size_t count, Choice *choice,
                       IngestGuess *guess) {
    for (size_t i = 0; i < count; i++) {
        ValueType type = all[i].column->type;
        int score = SCORE(all[i].lower, time_hints);
        bool is_time = type == VALUE_TIME || type == VALUE_DATE;
        if (score < 0 || !(is_time || (all[i].is_time_number && score > 0)))
            continue;
        offer(choice, &all[i], 1 + score + (type == VALUE_TIME ? 20 : 0));
    }
    if (choice->traits == NULL) {
        guess->time_why = STR("no column holds dates or times");
        return;
    }
    guess->time = choice->traits->column->name;
    guess->time_why =
        stage_printf(stage, "every value reads as a %s%s%.*s",
                     choice->traits->is_time_number               ? "time"
                     : choice->traits->column->type == VALUE_DATE ? "date"
                                                                  : "date and time",
                     choice->traits->column->format.size_bytes > 0 ? ", written like " : "",
                     STR_ARG(choice->traits->column->format));
}

static void guess_customer(Stage *stage, const Traits *all, size_t count, const Choice *time,
                           Choice *choice, IngestGuess *guess) {
    for (size_t i = 0; i < count; i++) {
        ValueType type = all[i].column->type;
        int score = SCORE(all[i].lower, customer_hints);
        if (score < 0 || is_taken(&all[i], time) || type == VALUE_TIME || type == VALUE_DATE ||
            type == VALUE_BOOLEAN || type == VALUE_NULL || type == VALUE_LIST)
            continue;
        // Without a telling name: something that repeats, but has many values.
        uint64_t rows = stage->row_count;
        if (score == 0 && type != VALUE_NUMBER && type != VALUE_DECIMAL && all[i].distinct > 20 &&
            all[i].distinct * 10 < rows * 9 && all[i].nulls * 2 < rows)
            score = 5;
        offer(choice, &all[i], score);
    }
    if (choice->traits == NULL) {
        guess->customer_why = STR("no column looks like a customer's id: each row counts as one");
        return;
    }
    guess->customer = choice->traits->column->name;
    guess->customer_why =
        choice->score > 5
            ? stage_printf(stage, "its name says so; about %" PRIu64 " different values%s",
                           choice->traits->distinct,
                           choice->traits->nulls > 0 ? "; rows without one are left out" : "")
            : stage_printf(stage,
                           "no name says so, but its %" PRIu64 " values repeat over %" PRIu64
                           " rows: check this one",
                           choice->traits->distinct, stage->row_count);
}

static void guess_amount(Stage *stage, const Traits *all, size_t count, const Choice *customer,
                         const Choice *time, IngestGuess *guess) {
    Choice amount = {0}, price = {0}, quantity = {0};
    for (size_t i = 0; i < count; i++) {
        if (!is_number(all[i].column->type) || is_taken(&all[i], customer) ||
            is_taken(&all[i], time))
            continue;
        offer(&amount, &all[i], SCORE(all[i].lower, amount_hints));
        offer(&price, &all[i], SCORE(all[i].lower, price_hints));
        offer(&quantity, &all[i], SCORE(all[i].lower, quantity_hints));
    }
    if (price.traits != NULL && quantity.traits != NULL && amount.score <= 50) {
        guess->quantity = quantity.traits->column->name;
        guess->amount = stage_printf(stage, "cast(%s * %s as decimal(18,4))",
                                     column_sql(stage, quantity.traits).data,
                                     column_sql(stage, price.traits).data);
        guess->amount_why = STR("a quantity times a price is money");
    } else if (amount.traits != NULL) {
        guess->amount = column_sql(stage, amount.traits);
        guess->amount_why = STR("a number whose name speaks of money");
    } else {
        guess->amount_why = STR("no column looks like money");
    }
}

static int list_event_values(Stage *stage, IngestGuess *guess) {
    Str column = stage_identifier(stage, guess->event);
    for (size_t i = 0; i < stage->column_count; i++)
        if (base_str_equal(stage->columns[i].name, guess->event))
            column = stage->columns[i].raw;
    DB_DUCK_RESULT_SCOPED result = NULL;
    int r =
        db_duck_query(stage->duck,
                      stage_printf(stage,
                                   "select cast(v as varchar) from (select %s as v, count(*) as n "
                                   "from %s s group by 1) where v is not null order by n desc, v "
                                   "limit 20",
                                   column.data, stage->table.data),
                      &result, stage->error);
    Str *values = base_arena_alloc_array(stage->arena, 20, sizeof(*values));
    while (r >= 0 && (r = db_duck_next(result, stage->error)) > 0)
        values[guess->event_value_count++] =
            base_arena_str(stage->arena, db_duck_value(result, 0).text);
    guess->event_values = values;
    return r < 0 ? r : 0;
}

static int guess_event(Stage *stage, const Traits *all, size_t count, const Choice *customer,
                       const Choice *time, IngestGuess *guess) {
    Choice event = {0}, id = {0};
    for (size_t i = 0; i < count; i++) {
        if (is_taken(&all[i], customer) || is_taken(&all[i], time))
            continue;
        if (all[i].column->type == VALUE_TEXT && all[i].distinct <= 500 && all[i].nulls == 0)
            offer(&event, &all[i], SCORE(all[i].lower, event_hints));
        if (all[i].nulls == 0 && all[i].distinct * 100 >= stage->row_count * 95)
            offer(&id, &all[i], SCORE(all[i].lower, id_hints));
    }
    if (id.traits != NULL) {
        uint64_t distinct = 0;
        int r = stage_ask_count(stage,
                                stage_printf(stage, "select count(distinct %s) from %s s",
                                             id.traits->column->raw.data, stage->table.data),
                                &distinct);
        if (r < 0)
            return r;
        if (distinct == stage->row_count) {
            guess->id = id.traits->column->name;
            guess->id_why = STR("different in every row");
        }
    }
    guess->event_name = guess->amount.size_bytes > 0 ? STR("order") : STR("event");
    if (event.traits == NULL)
        return 0;
    guess->event = event.traits->column->name;
    guess->event_why = stage_printf(
        stage, "its name says so, and it has %" PRIu64 " different values", event.traits->distinct);
    return list_event_values(stage, guess);
}

static int find_last_time(Stage *stage, const Choice *time, IngestGuess *guess) {
    if (time->traits == NULL || time->traits->most.is_null)
        return 0;
    guess->last_time = stage_value_text(stage, time->traits->most);
    return 0;
}

static int look(Stage *stage, IngestGuess *guess) {
    Traits *all = base_arena_alloc_array(stage->arena, stage->column_count + 1, sizeof(*all));
    Str *names = base_arena_alloc_array(stage->arena, stage->column_count + 1, sizeof(*names));
    Str *types = base_arena_alloc_array(stage->arena, stage->column_count + 1, sizeof(*types));
    size_t count = 0;
    for (size_t i = 0; i < stage->column_count; i++) {
        const InputColumn *column = &stage->columns[i];
        Str item;
        if (column->is_nest || (type_is_list(column->raw_type, &item) && type_is_struct(item)))
            continue;
        int r = measure(stage, column, &all[count]);
        if (r < 0)
            return r;
        names[count] = column->name;
        types[count++] = base_str_from(data_value_type_name(column->type));
    }
    guess->columns = names;
    guess->column_types = types;
    guess->column_count = count;
    guess->row_count = stage->row_count;
    Choice time = {0}, customer = {0};
    guess_time(stage, all, count, &time, guess);
    guess_customer(stage, all, count, &time, &customer, guess);
    guess_amount(stage, all, count, &customer, &time, guess);
    int r = guess_event(stage, all, count, &customer, &time, guess);
    if (r == 0 && customer.traits != NULL && customer.traits->nulls > 0) {
        guess->where =
            stage_printf(stage, "%s is not null", column_sql(stage, customer.traits).data);
        guess->where_why =
            stage_printf(stage, "%" PRIu64 " rows name no customer: they are left out in any case",
                         customer.traits->nulls);
    }
    return r == 0 ? find_last_time(stage, &time, guess) : r;
}

int ingest_guess(Arena *arena, Duck *duck, Str file, int64_t now_us, IngestGuess *ret_guess,
                 KretsError *error) {
    Source source = {.key = STR("data"), .file = file};
    Model model = {.path = file, .timezone = STR("UTC"), .sources = &source, .source_count = 1};
    IngestState state = {.now_us = now_us};
    int r = base_zone_open(model.timezone, &model.zone, error);
    if (r < 0)
        return r;
    Stage *stage = base_arena_alloc(arena, sizeof(*stage));
    *stage = (Stage){.arena = arena,
                     .duck = duck,
                     .model = &model,
                     .source = &source,
                     .place = 0,
                     .state = &state,
                     .error = error};
    IngestGuess guess = {.file = file};
    r = stage_open(stage);
    static const char *const kinds[] = {"csv", "json", "parquet", "excel", "query", "database"};
    guess.input = base_str_from(kinds[stage->kind]);
    if (r == 0)
        r = look(stage, &guess);
    files_release(stage);
    if (r == 0)
        r = ingest_release(duck, 0, error);
    if (r < 0)
        return r;
    *ret_guess = guess;
    return 0;
}
