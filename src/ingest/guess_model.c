// A model file written from a guess: every choice with its reason, ready to run.
#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"
#include "ingest/ingest_private.h"

static void append_quoted(Text *out, Str text) {
    base_text_append_char(out, '"');
    for (size_t i = 0; i < text.size_bytes; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            base_text_append_char(out, '\\');
        base_text_append_char(out, text.data[i]);
    }
    base_text_append_char(out, '"');
}

static void append_field(Text *out, const char *key, Str value, Str why) {
    base_text_printf(out, "    %s: ", key);
    append_quoted(out, value);
    base_text_printf(out, "    # %.*s\n", STR_ARG(why));
}

// A name as the language takes it: plain, or in double quotes.
static void append_name(Text *out, Str name) {
    bool is_plain = name.size_bytes > 0 && !(name.data[0] >= '0' && name.data[0] <= '9');
    for (size_t i = 0; i < name.size_bytes; i++) {
        unsigned char c = (unsigned char)name.data[i];
        is_plain = is_plain && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                                (c >= '0' && c <= '9'));
    }
    if (is_plain) {
        base_text_append(out, name);
        return;
    }
    base_text_append_char(out, '"');
    for (size_t i = 0; i < name.size_bytes; i++) {
        if (name.data[i] == '"')
            base_text_append_char(out, '"');
        base_text_append_char(out, name.data[i]);
    }
    base_text_append_char(out, '"');
}

// The event that the examples speak of: an order where there is money.
static Str main_event(const IngestGuess *guess) {
    static const char *const buying[] = {"purchase", "order", "payment", "transaction", "sale"};
    if (guess->event.size_bytes == 0)
        return guess->event_name;
    for (size_t b = 0; b < sizeof(buying) / sizeof(buying[0]); b++)
        for (size_t i = 0; i < guess->event_value_count; i++)
            if (base_str_equal(guess->event_values[i], base_str_from(buying[b])))
                return guess->event_values[i];
    return guess->event_value_count > 0 ? guess->event_values[0] : guess->event_name;
}

static void append_source(const IngestGuess *guess, Text *out) {
    base_text_append(out, STR("sources:\n  data:\n    file: "));
    append_quoted(out, guess->file);
    base_text_printf(out, "    # %.*s, %" PRIu64 " rows\n", STR_ARG(guess->input),
                     guess->row_count);
    if (guess->customer.size_bytes > 0)
        append_field(out, "customer", guess->customer, guess->customer_why);
    else
        base_text_printf(out, "    customer: { sql: \"'row ' || (krets_row + 1)\" }    # %.*s\n",
                         STR_ARG(guess->customer_why));
    if (guess->time.size_bytes > 0) {
        append_field(out, "time", guess->time, guess->time_why);
        if (guess->event.size_bytes > 0) {
            base_text_append(out, STR("    event: { column: "));
            append_quoted(out, guess->event);
            base_text_printf(out, " }    # %.*s\n", STR_ARG(guess->event_why));
        } else {
            append_field(out, "event", guess->event_name, STR("each row is one"));
        }
    } else {
        base_text_printf(out, "    kind: traits    # %.*s, so each row describes a customer\n",
                         STR_ARG(guess->time_why));
    }
    if (guess->id.size_bytes > 0)
        append_field(out, "id", guess->id, guess->id_why);
}

static bool is_field(const IngestGuess *guess, Str column) {
    return base_str_equal(column, guess->customer) || base_str_equal(column, guess->time) ||
           base_str_equal(column, guess->event) || base_str_equal(column, guess->id);
}

static void append_identifier(Text *out, Str column) {
    BASE_TEXT_SCOPED sql = {0};
    db_sql_identifier(&sql, column);
    append_quoted(out, base_text_str(&sql));
}

static void append_properties(const IngestGuess *guess, Text *out) {
    base_text_append(out, STR("    properties:    # what an event carries: SQL over the row\n"));
    if (guess->amount.size_bytes > 0 && guess->time.size_bytes > 0) {
        base_text_append(out, STR("      amount: "));
        append_quoted(out, guess->amount);
        base_text_printf(out, "    # %.*s\n", STR_ARG(guess->amount_why));
    }
    for (size_t i = 0; i < guess->column_count; i++) {
        if (is_field(guess, guess->columns[i]) || base_str_equal(guess->columns[i], STR("amount")))
            continue;
        base_text_append(out, STR("      "));
        append_quoted(out, guess->columns[i]);
        base_text_append(out, STR(": "));
        append_identifier(out, guess->columns[i]);
        base_text_printf(out, "    # %.*s\n", STR_ARG(guess->column_types[i]));
    }
}

// A line `  key: "expression"`; event names are put where % stands.
static void append_expression(Text *out, const char *key, const char *pattern, Str event) {
    BASE_TEXT_SCOPED text = {0};
    for (const char *c = pattern; *c != '\0'; c++) {
        if (*c == '%')
            append_name(&text, event);
        else
            base_text_append_char(&text, *c);
    }
    base_text_printf(out, "  %s: ", key);
    append_quoted(out, base_text_str(&text));
    base_text_append_char(out, '\n');
}

static void append_events(const IngestGuess *guess, Text *out) {
    Str event = main_event(guess);
    bool has_amount = guess->amount.size_bytes > 0;
    base_text_append(out, STR("\nmetrics:\n"));
    append_expression(out, "recency", "days_since(last(%))", event);
    append_expression(out, "frequency", "count(%)", event);
    if (has_amount)
        append_expression(out, "monetary", "sum(%.amount)", event);
    base_text_append(out, STR("\nsegments:\n"));
    append_expression(out, "active", "did(% last 90 days)", event);
    append_expression(out, "new", "first(any) within last 90 days", event);
    append_expression(out, "one_time", "count(%) = 1", event);
    append_expression(out, "loyal", "count(%) >= 3 and did(% last 180 days)", event);
    append_expression(out, "lapsed", "count(%) >= 2 and days_since(last(%)) > 180", event);
    if (has_amount) {
        append_expression(out, "big_spenders", "ntile(monetary, 10) = 10", event);
        append_expression(
            out, "champions",
            "ntile(recency, 5) = 1 and ntile(frequency, 5) >= 4 and ntile(monetary, 5) "
            ">= 4",
            event);
    }
}

// A trait that is worth a segment: the first text or number of the file.
static void append_traits(const IngestGuess *guess, Text *out) {
    base_text_append(out, STR("\nmetrics:\n"));
    size_t metrics = 0;
    for (size_t i = 0; i < guess->column_count; i++) {
        Str type = guess->column_types[i];
        bool is_number = base_str_equal(type, STR("integer")) ||
                         base_str_equal(type, STR("decimal")) ||
                         base_str_equal(type, STR("number"));
        if (is_field(guess, guess->columns[i]) || !is_number || metrics >= 3)
            continue;
        base_text_printf(out, "  metric_%zu: ", ++metrics);
        BASE_TEXT_SCOPED name = {0};
        append_name(&name, guess->columns[i]);
        append_quoted(out, base_text_str(&name));
        base_text_append_char(out, '\n');
    }
    if (metrics == 0)
        base_text_append(out, STR("  customers: \"1\"\n"));
    base_text_append(out, STR("\nsegments:\n  everyone: \"true\"\n"));
    if (metrics > 0)
        base_text_append(out, STR("  top_fifth: \"ntile(metric_1, 5) = 5\"\n"
                                  "  bottom_fifth: \"ntile(metric_1, 5) = 1\"\n"));
}

void ingest_guess_model(const IngestGuess *guess, Text *out) {
    bool has_events = guess->time.size_bytes > 0;
    base_text_append(
        out, STR("# Made by `krets init` from a look at the file. Change what is wrong, then\n"
                 "# `krets check` and `krets run`.\nkrets: 1\nname: "));
    append_quoted(out, guess->file);
    base_text_append(
        out, STR("\ntimezone: UTC    # of times without an offset, and of calendar days\n"));
    if (has_events)
        base_text_append(
            out, STR("now: last event    # segments as of the end of the data; `wall clock` "
                     "for live data\n"));
    if (has_events && guess->amount.size_bytes > 0) {
        base_text_append(out, STR("value: "));
        BASE_TEXT_SCOPED value = {0};
        base_text_append(&value, STR("sum("));
        append_name(&value, main_event(guess));
        base_text_append(&value, STR(".amount)"));
        append_quoted(out, base_text_str(&value));
        base_text_append(out, STR("    # what a customer is worth\n"));
    }
    base_text_append_char(out, '\n');
    append_source(guess, out);
    append_properties(guess, out);
    if (has_events)
        append_events(guess, out);
    else
        append_traits(guess, out);
}
