// Model files: each wrong one with its places and messages, right ones with what is read from them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lang/model.h"

static const struct {
    Str model;
    const char *messages; // "line:column message", one a line
} wrong[] = {
    {STR(""), "0:0 The file is empty. A model begins with “krets: 1”."},
    {STR("# only a comment\n"), "0:0 The file is empty. A model begins with “krets: 1”."},
    {STR("name: x\n"), "1:1 The model lacks “krets: 1”, the version of the model language."},
    {STR("krets: 2\n"), "1:8 This model is written for version 2 of the model language; this krets "
                        "reads version 1. Use a newer krets."},
    {STR("krets: one\n"), "1:8 “krets” is the version of the model language: 1."},
    {STR("krets: 0\n"), "1:8 “krets” is the version of the model language: 1."},
    {STR("krets: 1\nkrets: 1\n"), "2:1 “krets” was already given in line 1: keep one of the two."},
    {STR("krets: 1\nnam: x\n"), "2:1 The model has no key “nam”. Did you mean “name”?"},
    {STR("krets: 1\nzzzzzz: x\n"),
     "2:1 The model has no key “zzzzzz”. The keys are: krets, name, timezone, country, currency, "
     "now, value, customers, sources, report, metrics, segments."},
    {STR("krets: 1\nname: [a]\n"),
     "2:7 “name” must be a text, not a list. Text that begins with { or [ needs quotes."},
    {STR("krets: 1\nname:\n"), "2:1 “name” has no value. Write one or leave the key out."},
    {STR("krets: 1\nname: ~\n"), "2:7 “name” has no value. Write one or leave the key out."},
    {STR("krets: 1\ntimezone: Europe/Lodon\n"),
     "2:11 unknown time zone \"Europe/Lodon\": use an IANA name such as Europe/London or UTC. Did "
     "you mean Europe/London or Europe/Lisbon?"},
    {STR("krets: 1\ncountry: uk\n"),
     "2:10 “country” is an ISO 3166 code in capitals. Did you mean “GB”?"},
    {STR("krets: 1\ncountry: Sverige\n"), "2:10 “country” is an ISO 3166 code of two capitals, "
                                          "such as SE or GB (or with a region: GB-SCT)."},
    {STR("krets: 1\ncountry: gb-sct\n"),
     "2:10 “country” is an ISO 3166 code in capitals. Did you mean “GB-SCT”?"},
    {STR("krets: 1\ncurrency: euro\n"),
     "2:11 “currency” is an ISO 4217 code of three capitals, such as EUR or SEK."},
    {STR("krets: 1\nnow: tomorrow\n"),
     "2:6 “now” is wall clock, last event, or a time like 2026-01-31T12:00."},
    {STR("krets: 1\nnow: 2026-02-30\n"),
     "2:6 “now” is wall clock, last event, or a time like 2026-01-31T12:00."},
    {STR("krets: 1\ncustomers: some\n"),
     "2:12 “customers” is all, or identified (anonymous visitors do not count)."},
    {STR("krets: 1\nvalue: ''\n"), "2:9 “value” is empty: an expression is expected."},
    {STR("krets: 1\nreport: { cohort: mont }\n"),
     "2:19 “cohort” is day, week, month, quarter or year. Did you mean “month”?"},
    {STR("krets: 1\nreport: { cohort: fortnight }\n"),
     "2:19 “cohort” is day, week, month, quarter or year."},
    {STR("krets: 1\nreport: { cohort_evnt: order }\n"),
     "2:11 “report” has no key “cohort_evnt”. Did you mean “cohort_event”?"},
    {STR("krets: 1\nreport: order\n"), "2:9 “report” must be a mapping: lines of “key: value”."},
    {STR("krets: 1\nmetrics: [a]\n"),
     "2:10 “metrics” must be a mapping: a name and an expression each."},
    {STR("krets: 1\nmetrics:\n  a: { when: x }\n"),
     "3:6 “a” must be a text, not a mapping. Text that begins with { or [ needs quotes."},
    {STR("krets: 1\nmetrics:\n  a: x\n  a: y\n"),
     "4:3 “a” was already given in line 3: keep one of the two."},
    {STR("krets: 1\nmetrics:\n  a: x\n  A: y\n"),
     "4:3 “a” and “A” differ only in case, which columns of tables do not tell apart: rename one."},
    {STR("krets: 1\nsegments:\n  ab: x\n  aB: y\n"),
     "4:3 “ab” and “aB” differ only in case, which columns of tables do not tell apart: rename "
     "one."},
    {STR("krets: 1\nmetrics:\n  ' a': x\n"),
     "3:4 A name has 1 to 100 characters, none of them a quote or a control character, and no "
     "space at its ends."},
    {STR("krets: 1\nsegments: x\n"),
     "2:11 “segments” must be a mapping: a name and an expression each."},
    {STR("krets: 1\nsegments:\n  a: { wen: x }\n"),
     "3:8 The segment “a” has no key “wen”. Did you mean “when”?"},
    {STR("krets: 1\nsegments:\n  a: { goal: x }\n"),
     "3:3 The segment “a” does not say who belongs: give “when” (an expression) or “list” (a file "
     "of customer ids)."},
    {STR("krets: 1\nsegments:\n  a: { when: x, list: y }\n"),
     "3:23 The segment “a” has “when” and “list”: keep one of them."},
    {STR("krets: 1\nsegments:\n  a: { when: x, review: soon }\n"),
     "3:25 “review” is a date like 2027-01-31."},
    {STR("krets: 1\nsegments:\n  a: { when: x, polarity: good }\n"),
     "3:27 “polarity” is positive (growth is good news), negative or neutral."},
    {STR("krets: 1\nsegments:\n  a:\n"), "3:3 “a” has no value. Write one or leave the key out."},
    {STR("krets: 1\nsegments:\n  a: { when: ntile(recency, 5) = 1 }\n"),
     "3:14 Between { and } the comma after this text ends it, so the rest was read as another key. "
     "Put the whole expression in quotes."},
    {STR("krets: 1\nsegments:\n  a: count(order # all\n"),
     "3:6 The # after this text begins a comment, so the rest of the expression is lost. Put the "
     "whole expression in quotes."},
    {STR("krets: 1\nsegments: { a: ntile(x, 5) = 1, b: y }\n"),
     "2:16 Between { and } the comma after this text ends it, so the rest was read as another key. "
     "Put the whole expression in quotes."},
    {STR("krets: 1\nsegments:\n  a: { when: count(order[products]) > 1 }\n"),
     "3:25 This is not valid YAML: missing comma in flow mapping. Between { and }, a comma, # or [ "
     "splits a text: put each expression in quotes."},
    {STR("krets: 1\nsources:\n  s:\n    fil: x\n"),
     "4:5 The source “s” has no key “fil”. Did you mean “file”?"},
    {STR("krets: 1\nsources:\n  s:\n    kind: traits\n"),
     "3:3 The source “s” does not say where its rows come from: give “file”, or “query” (with "
     "“connect” for a database)."},
    {STR("krets: 1\nsources:\n  s:\n    file: a.csv\n"),
     "3:3 The source “s” lacks “customer”: the column with the customer's id.\n"
     "3:3 The source “s” lacks “time”: the column that says when.\n"
     "3:3 The source “s” lacks “event”: what a row is, for example order."},
    {STR("krets: 1\nsources:\n  s:\n    file: a.csv\n    query: select 1\n"),
     "4:11 The source “s” has “file” and “query”: keep one of them. A query can read files by "
     "itself."},
    {STR("krets: 1\nsources:\n  s:\n    connect: sqlite://x\n"),
     "4:14 The source “s” has “connect” and no “query”: write the SQL to send to that database."},
    {STR("krets: 1\nsources:\n  s:\n    query: select 1\n    csv: { header: true }\n"),
     "5:10 “csv” describes a file, and this source has none."},
    {STR("krets: 1\nsources:\n  s:\n    query: select 1\n    kind: people\n"),
     "5:11 “kind” is events or traits."},
    {STR("krets: 1\nsources:\n  s:\n    query: select 1\n    kind: traits\n    event: order\n"),
     "6:12 A source of traits has no “event”. Leave it out, or leave out “kind”."},
    {STR("krets: 1\nsources:\n  s:\n    query: select 1\n    customer: { colum: x }\n"),
     "5:17 “customer” has no key “colum”. Did you mean “column”?"},
    {STR("krets: 1\nsources:\n  s:\n    query: select 1\n    customer: { column: x, sql: y }\n"),
     "5:15 “customer” takes either { column: NAME } or { sql: \"…\" }."},
    {STR("krets: 1\nsources:\n  s:\n    query: select 1\n    event: {}\n"),
     "5:12 “event” takes either { column: NAME } or { sql: \"…\" }."},
    {STR("krets: 1\nsources:\n  s:\n    file: a\n    customer: c\n    time: t\n    event: e\n    "
         "csv: { delimiter: ';;' }\n"),
     "8:24 “delimiter” is one character, as in \";\" (or tab)."},
    {STR("krets: 1\nsources:\n  s:\n    file: a\n    customer: c\n    time: t\n    event: e\n    "
         "csv: { decimal: x, header: yes }\n"),
     "8:21 “decimal” is \".\" or \",\".\n"
     "8:32 “header” is true or false."},
    {STR("krets: 1\nsources:\n  s:\n    file: a\n    customer: c\n    time: t\n    event: e\n    "
         "csv: { decimal: ',', delimiter: ',' }\n"),
     "8:10 “delimiter” and “decimal” are the same character, so no number could be read."},
    {STR("krets: 1\nsources:\n  s:\n    query: select 1\n    properties: [a]\n"),
     "5:17 “properties” must be a mapping: a name and its SQL over the row."},
    {STR("krets: 1\nsources:\n  s:\n    connect: '${KRETS_TEST_ABSENT}'\n    query: select 1\n"),
     "4:15 The environment variable KRETS_TEST_ABSENT is not set. Set it before you start krets."},
    {STR("krets: 1\nsources:\n  s:\n    query: '${}'\n"),
     "4:13 “${” begins the name of an environment variable, as in ${CRM_URL}: letters, digits and "
     "_ up to “}”. For the text itself write “$${”."},
    {STR("krets: 1\nsources:\n  s:\n    query: 'a ${X'\n"),
     "4:13 “${” begins the name of an environment variable, as in ${CRM_URL}: letters, digits and "
     "_ up to “}”. For the text itself write “$${”."},
    {STR("krets: 1\nname: !!str x\n"), "2:7 YAML tags (!…) are not used in a model: leave it out."},
    {STR("krets: 1\nname: *x\n"), "2:8 The alias *x has no anchor &x before it."},
    {STR("- a\n"), "1:1 The model must be a mapping: lines of “key: value”."},
    {STR("krets: 1\n---\nkrets: 1\n"),
     "2:1 A model is one YAML document: leave out the line --- and what follows."},
    {STR("krets: 1\nname: \"x\n"),
     "2:8 This is not valid YAML: double-quoted scalar without closing quote. Put the whole "
     "expression in quotes, or write >- and the expression in the next line."},
    {STR("krets: 1\na: b: c\n"),
     "2:1 The model has no key “a”. The keys are: krets, name, timezone, country, currency, now, "
     "value, customers, sources, report, metrics, segments.\n"
     "2:5 This is not valid YAML: invalid nested block mapping on the same line. Look at the "
     "indentation, quotes and colons here and in the line before."},
    {STR("krets: 1\n\tname: x\n"), "1:8 This is not valid YAML: invalid multiline plain key. YAML "
                                   "does not allow tabs for indentation: use spaces."},
    {STR("krets: 1\nsegments: { a: \"x\"\n"),
     "3:1 This is not valid YAML: missing comma in flow mapping. Look at the indentation, quotes "
     "and colons here and in the line before."},
    {STR("krets: 1\nsegments:\n  a: \"x\" and y\n"),
     "3:10 This is not valid YAML: invalid trailing content after double-quoted scalar. Put the "
     "whole expression in quotes, or write >- and the expression in the next line."},
    {STR("krets: 1\nname: @x\n"),
     "2:7 This is not valid YAML: plain scalar cannot start with '@'. Look at the indentation, "
     "quotes and colons here and in the line before."},
    {STR("krets: 1\n? [a, b]\n: c\n"), "2:3 A name is expected before the colon, not a list or a "
                                       "mapping. Text that begins with { or [ needs quotes."},
    {STR("krets: 1\nname: caf\351\n"), "2:10 The byte 0xE9 is not UTF-8; the file may be in "
                                       "Windows-1252 or Latin-1. Save it as UTF-8."},
    {STR("\377\376k\000r\000"), "0:0 The file is in UTF-16. Save it as UTF-8."},
    {STR("krets: 1\nn\000ame: x\n"),
     "2:2 There is a zero byte here: this is not a text file (or it is UTF-16). Save it as UTF-8."},
    {STR("krets: 1\nname: [[[[[[[[[[[[[[[[[[[[[[[[[\n"),
     "2:7 “name” must be a text, not a list. Text that begins with { or [ needs quotes.\n"
     "2:26 The file nests deeper than 20 levels, which no model needs."},
    {STR("krets: 1\nnåme: x\nsegments:\n  日本: { 日本x: ü }\n"),
     "2:1 The model has no key “nåme”. Did you mean “name”?\n"
     "4:9 The segment “日本” has no key “日本x”. The keys are: name, when, list, goal, owner, "
     "review, polarity."},
};

static void test_wrong_models(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
        BASE_TEXT_SCOPED messages = {0};
        Diagnostics diagnostics = {0};
        const Model *model = NULL;
        int result =
            lang_model_parse(arena, STR("k.yaml"), wrong[i].model, &diagnostics, &model, NULL);
        assert_int_equal(result, BASE_E_USAGE);
        assert_null(model);
        for (size_t d = 0; d < diagnostics.count; d++) {
            const Diagnostic *item = &diagnostics.items[d];
            base_text_printf(&messages, "%s%d:%d %.*s", d == 0 ? "" : "\n", item->place.line,
                             item->place.column, STR_ARG(item->message));
        }
        assert_string_equal(messages.data, wrong[i].messages);
    }
}

static const Model *parse(Arena *arena, Str text) {
    Diagnostics diagnostics = {0};
    const Model *model = NULL;
    if (lang_model_parse(arena, STR("shop/k.yaml"), text, &diagnostics, &model, NULL) != 0) {
        fail_msg("%s", diagnostics.items[0].rendered.data);
    }
    return model;
}

static void assert_str(Str actual, const char *expected) {
    assert_true(base_str_equal(actual, base_str_from(expected)));
}

static void test_whole_model(void **state) {
    (void)state;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    const Model *model = parse(
        arena,
        STR("krets: 1\nname: Åsas butik\nnow: 2026-07-01T12:00\ntimezone: Europe/Stockholm\n"
            "country: SE\ncurrency: SEK\ncustomers: identified\nvalue: \"sum(order.amount)\"\n"
            "sources:\n  orders:\n    file: orders/*.csv\n"
            "    csv: { delimiter: tab, decimal: \",\", quote: '', header: false }\n"
            "    customer: { sql: \"lower(mail)\" }\n    time: when\n    event: { column: kind }\n"
            "    id: line\n    properties: { amount: \"cast(a * b as decimal(18,4))\", c: c }\n"
            "  crm:\n    query: select 1\n    kind: traits\n    cursor: updated_at\n"
            "report: { cohort_event: order, cohort: week }\nmetrics: { r: \"count(order)\" }\n"
            "segments:\n  big: \"r > 3\"\n"
            "  vips: { list: v.csv, name: Våra bästa, review: 2027-01-31, polarity: positive }\n"));
    assert_str(model->directory, "shop");
    assert_int_equal(model->now_kind, MODEL_NOW_TIME);
    assert_int_equal(model->now_us, INT64_C(1782900000000000)); // 10:00 UTC
    assert_true(model->is_identified_only);
    const Source *orders = &model->sources[0];
    assert_int_equal(orders->customer.kind, FIELD_SQL);
    assert_int_equal(orders->event.kind, FIELD_COLUMN);
    assert_int_equal(orders->time.kind, FIELD_COLUMN);
    assert_str(orders->csv.delimiter, "\t");
    assert_true(orders->csv.has_header_option && !orders->csv.header);
    assert_int_equal(orders->property_count, 2);
    assert_str(orders->properties[0].sql, "cast(a * b as decimal(18,4))");
    assert_int_equal(model->sources[1].kind, SOURCE_TRAITS);
    assert_str(model->sources[1].customer.text, "customer");
    assert_int_equal(model->sources[1].time.kind, FIELD_NONE);
    assert_str(model->cohort_unit, "week");
    assert_str(model->segments[0].name, "big");
    assert_str(model->segments[1].list, "v.csv");
    assert_true(model->segments[1].has_review);
}

// `mark` stands once in the file and once in the expression, at the same text.
static void check_place(const char *text, const char *mark, int32_t line, int32_t column) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Str file = base_arena_printf(arena, "krets: 1\nsegments:\n  a: %s\n", text);
    const SegmentSource *segment = &parse(arena, file)->segments[0];
    const char *at =
        memmem(segment->expression.data, segment->expression.size_bytes, mark, strlen(mark));
    assert_non_null(at);
    Place place = lang_model_place(parse(arena, file), segment->place, segment->expression,
                                   (size_t)(at - segment->expression.data));
    assert_int_equal(place.line, line);
    assert_int_equal(place.column, column);
}

static void test_places_inside_scalars(void **state) {
    (void)state;
    check_place("count(order) > x", "x", 3, 21);
    check_place("\"count(order) > x\"", "x", 3, 22);
    check_place("{ when: \"å = 'x'\", owner: me }", "x", 3, 20);
    check_place("'b = ''x'''", "x", 3, 13);
    check_place("'b\n\n      and x'", "x", 5, 11);
    check_place("\"b \\\"q\\\" \\u00e5 x\"", "x", 3, 22);
    check_place("\"b \\\n     and x\"", "x", 4, 10);
    check_place(">-\n     b and\n     x", "x", 5, 6);
    check_place(">-\n    b and\n\n      c\n    x", "x", 7, 5);
    check_place("|\n    b\n     and x", "x", 5, 10);
    check_place("b\n    and x", "x", 4, 9);
}

static void test_variables_stay_secret(void **state) {
    (void)state;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    char word[32];
    for (size_t i = 0; i + 1 < sizeof word; i++) {
        word[i] = (char)('a' + rand() % 26);
    }
    word[sizeof word - 1] = '\0';
    Str url = base_arena_printf(arena, "postgres://shop:%s@localhost/crm", word);
    setenv("KRETS_TEST_URL", url.data, 1);
    const Model *model = parse(arena, STR("krets: 1\nname: a ${KRETS_TEST_URL}\nsources:\n  c:\n"
                                          "    connect: ${KRETS_TEST_URL}\n"
                                          "    query: \"select '$${x}'\"\n"));
    assert_true(base_str_equal(model->sources[0].connect, url));
    assert_str(model->sources[0].query, "select '${x}'");
    assert_str(model->name, "a ${KRETS_TEST_URL}");
    BASE_TEXT_SCOPED out = {0};
    lang_model_redact(&out, model,
                      base_arena_printf(arena, "no %s: bad password %s", url.data, word));
    assert_string_equal(out.data, "no ***: bad password ***");
    Diagnostics diagnostics = {0};
    const Model *none = NULL;
    int result = lang_model_parse(arena, STR("k"),
                                  STR("krets: 1\nsources:\n  c:\n    query: select 1\n"
                                      "    timezone: ${KRETS_TEST_URL}\n"),
                                  &diagnostics, &none, NULL);
    assert_int_equal(result, BASE_E_USAGE);
    assert_false(base_str_contains(diagnostics.items[0].rendered, base_str_from(word)));
    assert_true(base_str_contains(diagnostics.items[0].rendered, STR("${KRETS_TEST_URL}")));
    unsetenv("KRETS_TEST_URL");
}

static void assert_refused(Str text, const char *message) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Diagnostics diagnostics = {0};
    const Model *model = NULL;
    assert_int_equal(lang_model_parse(arena, STR("k"), text, &diagnostics, &model, NULL),
                     BASE_E_USAGE);
    assert_true(base_str_contains(diagnostics.items[0].message, base_str_from(message)));
}

static void test_limits(void **state) {
    (void)state;
    BASE_TEXT_SCOPED large = {0};
    base_text_append(&large, STR("krets: 1\nsegments:\n"));
    for (int i = 0; i < LANG_MODEL_SEGMENTS_MAX + 1; i++) {
        base_text_printf(&large, "  s%d: x\n", i);
    }
    assert_refused(base_text_str(&large), "10001 segments");
    while (large.size_bytes <= LANG_MODEL_BYTES_MAX) {
        base_text_append(&large, STR("# a comment that fills the file up to its limit\n"));
    }
    assert_refused(base_text_str(&large), "4 MiB");
    BASE_TEXT_SCOPED aliases = {0};
    base_text_append(&aliases, STR("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"));
    for (int i = 1; i < 10; i++) {
        base_text_printf(&aliases, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++) {
            base_text_printf(&aliases, "%s*a%d", k == 0 ? "" : ", ", i - 1);
        }
        base_text_append(&aliases, STR("]\n"));
    }
    BASE_ARENA_SCOPED arena = base_arena_new((size_t)64 * 1024 * 1024);
    Diagnostics diagnostics = {0};
    const Model *model = NULL;
    assert_int_equal(
        lang_model_parse(arena, STR("k"), base_text_str(&aliases), &diagnostics, &model, NULL),
        BASE_E_USAGE);
    Str last = diagnostics.items[diagnostics.count - 1].message;
    assert_true(base_str_contains(last, STR("too many values")));
}

static void test_excerpt_is_aligned(void **state) {
    (void)state;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Diagnostics diagnostics;
    lang_diagnostics_init(&diagnostics, arena);
    SourceText text = {STR("k.yaml"), STR("a\n\t日本 x\x1b[1m\n")};
    lang_diagnostic_add(&diagnostics, &text, (Place){2, 5}, 1, false, "no %s", "x");
    lang_diagnostic_add(&diagnostics, &text, (Place){1, 1}, 9, true, "far");
    lang_diagnostics_sort(&diagnostics);
    assert_string_equal(diagnostics.items[0].rendered.data, "k.yaml:1:1: warning: far\n"
                                                            " 1 | a\n"
                                                            "   | ^");
    assert_string_equal(diagnostics.items[1].rendered.data, "k.yaml:2:5: error: no x\n"
                                                            " 2 | \t日本 x\uFFFD[1m\n"
                                                            "   | \t     ^");
    assert_int_equal(diagnostics.error_count, 1);
}

static void test_suggestions(void **state) {
    (void)state;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    const Str known[] = {STR("order"), STR("orders"), STR("Return"), STR("page_view")};
    assert_str(lang_suggest(arena, STR("ordr"), known, 4), "order");
    assert_str(lang_suggest(arena, STR("return"), known, 4), "Return");
    assert_str(lang_suggest(arena, STR("pageview"), known, 4), "page_view");
    assert_str(lang_suggest(arena, STR("xyz"), known, 4), "");
    assert_str(lang_suggest(arena, STR(""), known, 4), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_models),
        cmocka_unit_test(test_whole_model),
        cmocka_unit_test(test_places_inside_scalars),
        cmocka_unit_test(test_variables_stay_secret),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_excerpt_is_aligned),
        cmocka_unit_test(test_suggestions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
