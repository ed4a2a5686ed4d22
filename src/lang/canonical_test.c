// Canonical text reads back as the same plan, and has one spelling for everything.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lang/canonical.h"
#include "lang/shop_fixture.h"

// Conditions and values of every kind; the property tests put them together.
static const char *const conditions[] = {
    "count(order last 90 days) >= 3",
    "sum(order.amount last 90 days) >= 500 and count(order last 90 days) >= 3",
    "count(order) = 0",
    "count(order last 1 year) > 0",
    "count(order) > 1",
    "count(order) = 1",
    "count(order) <= 2",
    "count(order) < 5",
    "count(order) != 3",
    "3 <= count(order)",
    "did(order last 30 days)",
    "never(order last 30 days)",
    "not did(order today)",
    "did(any last 30 days)",
    "never(any last 6 months)",
    "did(add_to_cart yesterday)",
    "never(add_to_cart this month)",
    "count(add_to_cart last 7 days) >= 3",
    "count(\"Order Completed\" previous week) >= 2",
    "count((order or return) last 30 days) >= 2",
    "count(order[products] where price > 100) >= 2",
    "days(order last 3 months) >= 5",
    "weeks(page_view last 4 full weeks) >= 3",
    "months(order) < 2",
    "sum(order.amount last 365 days) > 1000",
    "avg(order.amount) < 25.5",
    "min(order.amount) >= 10",
    "max(order.amount last 1 year) > 250",
    "distinct(order.product last 2 years) >= 4",
    "mode(order.product) = 'Tea'",
    "first(order.product) != 'Tea'",
    "last(order.coupon) is null",
    "nth(order.amount, 2) > 50",
    "nth(order, 3) within last 30 days",
    "gap(order) > 45",
    "sum(order[products].(price * quantity) last 90 days) >= 200",
    "days_since(last(order)) > 90",
    "days_since(last(order)) <= 1",
    "days_since(signup) >= 30",
    "calendar_days_since(last(order)) < 7",
    "days_until(anniversary(birth_date)) <= 7",
    "days_since(last(order)) between 30 and 90",
    "last(order) > time '2026-01-31T12:00'",
    "first(order) < date '2025-06-01'",
    "last(order) within last 2 weeks",
    "anniversary(birth_date) within next 7 days",
    "count(order where coupon is not null last 1 year) >= 1",
    "count(order where amount >= 100 and gift last 90 days) > 2",
    "count(order where product in ('Tea', 'Coffee', 'Milk')) >= 1",
    "count(order where product not in ('Tea', 'Coffee')) >= 1",
    "count(order where amount between 10 and 20) >= 1",
    "did(order where product like 'Te%')",
    "did(order where product not contains 'ea')",
    "did(order where product starts with 'T' or product ends with 'a')",
    "did(order where product matches '^T')",
    "did(order where lower(product) ilike 'tea')",
    "did(order where hour(time) >= 18)",
    "did(order where weekday(time) in (6, 7))",
    ("count(order where time within 21 days before holiday('Christmas Day') last 2 "
     "years) >= 2"),
    "did(order where time on holiday('Black Friday', 'US') last 1 year)",
    "never(order since last(mail))",
    "did(order within 7 days after first(order))",
    "did(page_view within 1 hour before last(order))",
    "count(order from 60 days ago to 30 days ago) >= 1",
    "count(order from 1 year ago to 30 days ago) >= 1",
    "count(order more than 90 days ago) >= 1",
    "count(order since date '2026-01-01') >= 2",
    "count(order before time '2026-01-01T08:30') >= 2",
    "count(order from date '2025-01-01' to date '2026-01-01') >= 2",
    "count(order first 30 days) >= 2",
    "count(order this year) >= 2",
    "count(order last 1 full month) >= 2",
    "sequence(add_to_cart then not order within 1 hour last 7 days)",
    "sequence(page_view then add_to_cart within 30 minutes then order)",
    "sequence(order where amount > 100 then return within 14 days)",
    "not sequence(order then return)",
    "sequence(page_view then order in all within 2 weeks)",
    "sequence(order then not return then any in all within 1 month by product last 1 year)",
    "sequence(order where product in ('Tea', 'Milk') then return by coupon)",
    "sequence(order where gift then return in all within 30 days by quantity)",
    "ntile(recency, 5) = 1 and ntile(frequency, 5) >= 4",
    "ntile(frequency, 5) = 3",
    "ntile(frequency, 4) = 4",
    "ntile(frequency, 2) = 1",
    "ntile(frequency, 10 where count(order) > 0) >= 9",
    "ntile(frequency, 7) = 2",
    "percentile(\"order value\") >= 0.9",
    "percentile(frequency) < 0.25",
    "top(\"order value\", 100)",
    "not top(frequency, 1 where city = 'Leeds')",
    "completed(first(order), 30 days)",
    "completed(signup, 2 months)",
    "not completed(max(order.shipped_at), 90 minutes)",
    "city = 'London'",
    "was(city, now - 30 days) = 'London'",
    "entered(lapsed last 7 days) and not exited(lapsed since last(mail))",
    "in(lapsed) for 30 days or in(big_spenders) for 1 month",
    "was(city, last(order)) != city",
    "was(signup, date '2026-01-31') is null",
    "changed(city last 30 days)",
    "changed(city from 'London' to 'Leeds' last 1 year)",
    "changed(city from null to 'Leeds' since date '2026-01-01')",
    "changed(city to 'Leeds' from date '2026-01-01' to date '2026-02-01')",
    "changed(signup from date '2026-01-01' to date '2026-01-02' first 3 months)",
    "changed(signup from date '2026-01-01' to date '2026-01-02')",
    "changed(signup from date '2026-01-01' to last(order))",
    "changed(city from first(order) to last(order)) or changed(newsletter to true today)",
    "changed(city from 3 months ago to 1 month ago)",
    "city != 'London' and newsletter",
    "not newsletter",
    "country in ('GB', 'IE')",
    "city is null",
    "city is not null or tags is null",
    "has(tags, 'vip')",
    "not has_any(tags, 'vip', 'press')",
    "age(birth_date) >= 18",
    "recency <= 30",
    "\"order value\" > 100 and frequency >= 3 and city = 'London'",
    "segment(big_spenders)",
    "not segment(big_spenders) and segment(lapsed)",
    "(did(order last 30 days) or did(return last 30 days)) and city = 'London'",
    "did(order) and city = 'London' or never(mail)",
    "not (did(order) or did(return))",
    "not (did(order) and did(return))",
    ("count(order where coupon is not null last 1 year) / count(order last 1 year) > "
     "0.6"),
    "count(order last 30 days) > count(order from 60 days ago to 30 days ago)",
    "sum(order.amount) - sum(return.amount) >= 100",
    "most(count(order last 90 days) by product) >= 3",
    "fewest(sum(order.amount) by product) < 5",
    "if(newsletter, count(mail) > 2, did(order))",
    "coalesce(city, 'none') = 'none'",
    "greatest(recency, 10) > 20",
    "bucket('test', 10) = 3",
    "round(avg(order.amount), 1) = 20.5",
    "length(city) > 5",
    "max(order.shipped_at) > now",
    "true",
    "(did(order) = true) or newsletter = false",
    "not (did(order) and not (city = 'London' or newsletter) and did(mail))",
    "did(order) and (city = 'London' or newsletter) and did(mail)",
    "now > time '2026-01-01'",
    "city ilike 'lond%' or city is null",
    "count(order last 30 days) between 2 and 4",
    "sum(order.amount) is null",
    "size(tags) > 1",
    "days_between(first(order), last(order)) > 30",
    "distance_km(1, 2, 3, 4) < 10",
    "least(recency, frequency) > 1",
    "-recency < 0",
    "year(signup) = 2025",
    "recency * 2 + 1 > frequency / 3",
};

static const char *const values[] = {"count(order)",
                                     "sum(order.amount last 90 days)",
                                     "recency",
                                     "frequency * 2",
                                     "-recency",
                                     "recency - (frequency - 1)",
                                     "recency / (frequency / 2)",
                                     "round(recency, 2)",
                                     "if(newsletter, 1, 2.5)",
                                     "ntile(recency, 5)",
                                     "percentile(\"order value\")",
                                     "0.0001",
                                     "(recency + frequency) * 3",
                                     "-(recency + 1)",
                                     "age(birth_date)",
                                     "gap(order)"};

// Appends the canonical text; false when the expression does not compile.
static bool canonical(Arena *arena, Str expression, Text *out) {
    Catalog catalog = shop_catalog();
    Diagnostics diagnostics;
    lang_diagnostics_init(&diagnostics, arena);
    const Plan *plan = NULL;
    NodeId node = NODE_NONE;
    int result = lang_plan_compile_text(arena, shop_model(arena), &catalog, STR("expression"),
                                        expression, &diagnostics, &plan, &node, NULL);
    if (result != 0) {
        print_error("%s\n", diagnostics.items[0].rendered.data);
        return false;
    }
    lang_canonical_node(out, plan, node);
    return true;
}

static void check_round(const char *expression) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    BASE_TEXT_SCOPED once = {0};
    BASE_TEXT_SCOPED twice = {0};
    assert_true(canonical(arena, base_str_from(expression), &once));
    assert_true(canonical(arena, base_text_str(&once), &twice));
    assert_string_equal(once.data, twice.data);
}

static void test_every_kind_reads_back(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++) {
        check_round(conditions[i]);
    }
}

static uint32_t next_random(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void append_random(Text *out, uint32_t *seed, int depth) {
    static const char *const signs[] = {"=", "!=", "<", "<=", ">", ">="};
    uint32_t kind = next_random(seed) % (depth <= 0 ? 2 : 6);
    if (kind == 0) {
        base_text_printf(out, "(%s)",
                         conditions[next_random(seed) % (sizeof conditions / sizeof *conditions)]);
    } else if (kind == 1) {
        size_t count = sizeof values / sizeof values[0];
        base_text_printf(out, "%s %s %s", values[next_random(seed) % count],
                         signs[next_random(seed) % 6], values[next_random(seed) % count]);
    } else if (kind == 2) {
        base_text_append(out, STR("not ("));
        append_random(out, seed, depth - 1);
        base_text_append_char(out, ')');
    } else {
        base_text_append_char(out, '(');
        append_random(out, seed, depth - 1);
        base_text_append(out, kind % 2 == 0 ? STR(") and (") : STR(") or ("));
        append_random(out, seed, depth - 1);
        base_text_append_char(out, ')');
    }
}

static void test_random_compositions_read_back(void **state) {
    (void)state;
    for (uint32_t seed = 1; seed <= 400; seed++) {
        uint32_t random = seed * 2654435761u;
        BASE_TEXT_SCOPED expression = {0};
        append_random(&expression, &random, 3);
        BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
        BASE_TEXT_SCOPED once = {0};
        BASE_TEXT_SCOPED twice = {0};
        if (!canonical(arena, base_text_str(&expression), &once) ||
            !canonical(arena, base_text_str(&once), &twice)) {
            fail_msg("seed %u: %s", seed, expression.data);
        }
        if (!base_str_equal(base_text_str(&once), base_text_str(&twice))) {
            fail_msg("seed %u: %s\nthen %s", seed, once.data, twice.data);
        }
    }
}

static void check_spelling(const char *expression, const char *expected) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    BASE_TEXT_SCOPED out = {0};
    assert_true(canonical(arena, base_str_from(expression), &out));
    assert_string_equal(out.data, expected);
}

static void test_one_spelling(void **state) {
    (void)state;
    check_spelling("((count( order  LAST 1 days)))>=3", "count(order last 1 day) >= 3");
    check_spelling("count(order) <> 2.0", "count(order) != 2");
    check_spelling("(newsletter or did(order)) and (not (city = 'it''s'))",
                   "(newsletter or did(order)) and not city = 'it''s'");
    check_spelling("newsletter or (did(order) and did(mail))",
                   "newsletter or did(order) and did(mail)");
    check_spelling("1 - (2 - recency) > 0", "1 - (2 - recency) > 0");
    check_spelling("(1 - 2) - recency > 0", "1 - 2 - recency > 0");
    check_spelling("sum(order.(amount * (quantity + 1))) > 1",
                   "sum(order.(amount * (quantity + 1))) > 1");
    check_spelling("did(\"add_to_cart\") -- a comment", "did(add_to_cart)");
    check_spelling("last(order) < date '2026-07-01'", "last(order) < time '2026-06-30T23:00:00Z'");
    check_spelling("city = 'a' or (city = 'b' or city = 'c')",
                   "city = 'a' or city = 'b' or city = 'c'");
}

static void test_model_reads_back(void **state) {
    (void)state;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Catalog catalog = shop_catalog();
    Diagnostics diagnostics;
    lang_diagnostics_init(&diagnostics, arena);
    const Model *model = shop_model(arena);
    const Plan *plan = NULL;
    assert_int_equal(lang_plan_compile(arena, model, &catalog, &diagnostics, &plan, NULL), 0);
    BASE_TEXT_SCOPED out = {0};
    lang_canonical_model(&out, model, plan);
    assert_string_equal(out.data, "metrics:\n"
                                  "  recency: \"days_since(last(order))\"\n"
                                  "  frequency: \"count(order last 365 days)\"\n"
                                  "  \"order value\": \"sum(order.amount last 365 days)\"\n"
                                  "segments:\n"
                                  "  big_spenders: \"sum(order.amount last 90 days) >= 500\"\n"
                                  "  lapsed: \"recency > 90\"\n");
    BASE_TEXT_SCOPED file = {0};
    base_text_append(&file, STR("krets: 1\n"));
    base_text_append(&file, base_text_str(&out));
    const Model *again = NULL;
    assert_int_equal(lang_model_parse(arena, STR("again.yaml"), base_text_str(&file), &diagnostics,
                                      &again, NULL),
                     0);
    assert_int_equal(again->segment_count, 2);
    BASE_TEXT_SCOPED printed = {0};
    lang_plan_print(&printed, plan);
    assert_true(base_str_contains(base_text_str(&printed), STR("lapsed #")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_reads_back),
        cmocka_unit_test(test_random_compositions_read_back),
        cmocka_unit_test(test_one_spelling),
        cmocka_unit_test(test_model_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
