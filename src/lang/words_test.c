// The English of expressions: each with its exact sentence.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lang/shop_fixture.h"
#include "lang/words.h"

static const struct {
    const char *expression;
    const char *sentence;
} cases[] = {
    {"count(order last 90 days) >= 3", "At least 3 orders in the last 90 days"},
    {"sum(order.amount last 90 days) >= 500 and count(order last 90 days) >= 3",
     "At least 3 orders in the last 90 days, worth 500 or more"},
    {"count(order) = 0", "No order"},
    {"count(order last 1 year) > 0", "At least one order in the last year"},
    {"count(order) > 1", "More than one order"},
    {"count(order) = 1", "Exactly one order"},
    {"count(order) <= 2", "At most 2 orders"},
    {"count(order) < 5", "Fewer than 5 orders"},
    {"count(order) != 3", "Any number of orders other than 3"},
    {"3 <= count(order)", "At least 3 orders"},
    {"did(order last 30 days)", "At least one order in the last 30 days"},
    {"never(order last 30 days)", "No order in the last 30 days"},
    {"not did(order today)", "No order today"},
    {"did(any last 30 days)", "Active in the last 30 days"},
    {"never(any last 6 months)", "No activity in the last 6 months"},
    {"did(add_to_cart yesterday)", "Added to cart yesterday"},
    {"never(add_to_cart this month)", "Did not add to cart this month"},
    {"count(add_to_cart last 7 days) >= 3", "Added to cart at least 3 times in the last 7 days"},
    {"count(\"Order Completed\" previous week) >= 2",
     "At least 2 “order completed” events in the previous week"},
    {"count((order or return) last 30 days) >= 2",
     "At least 2 orders or returns in the last 30 days"},
    {"count(order[products] where price > 100) >= 2",
     "At least 2 order products where the price is more than 100"},
    {"days(order last 3 months) >= 5", "At least 5 days with an order in the last 3 months"},
    {"weeks(page_view last 4 full weeks) >= 3",
     "At least 3 weeks with a page view in the last 4 full weeks"},
    {"months(order) < 2", "Fewer than 2 months with an order"},
    {"sum(order.amount last 365 days) > 1000",
     "A total order amount of more than 1000 in the last 365 days"},
    {"avg(order.amount) < 25.5", "An average order amount of less than 25.5"},
    {"min(order.amount) >= 10", "The smallest order amount is 10 or more"},
    {"max(order.amount last 1 year) > 250",
     "The largest order amount in the last year is more than 250"},
    {"distinct(order.product last 2 years) >= 4",
     "At least 4 different order products in the last 2 years"},
    {"mode(order.product) = 'Tea'", "The most frequent order product is ‘Tea’"},
    {"first(order.product) != 'Tea'", "The first order product is not ‘Tea’"},
    {"last(order.coupon) is null", "The last order coupon is unknown"},
    {"nth(order.amount, 2) > 50", "The 2nd order amount is more than 50"},
    {"nth(order, 3) within last 30 days", "3rd order in the last 30 days"},
    {"gap(order) > 45", "The average number of days between orders is more than 45"},
    {"sum(order[products].(price * quantity) last 90 days) >= 200",
     "The total value of the price times the quantity over the order products in the "
     "last 90 days is 200 or more"},
    {"days_since(last(order)) > 90", "Last order more than 90 days ago"},
    {"days_since(last(order)) <= 1", "Last order at most 1 day ago"},
    {"days_since(signup) >= 30", "Signup at least 30 days ago"},
    {"calendar_days_since(last(order)) < 7", "Last order less than 7 calendar days ago"},
    {"days_until(anniversary(birth_date)) <= 7",
     "Next anniversary of the birth date at most 7 days from now"},
    {"days_since(last(order)) between 30 and 90", "Last order between 30 and 90 days ago"},
    {"last(order) > time '2026-01-31T12:00'", "Last order after 31 January 2026 12:00"},
    {"first(order) < date '2025-06-01'", "First order before 1 June 2025"},
    {"last(order) within last 2 weeks", "Last order in the last 2 weeks"},
    {"anniversary(birth_date) within next 7 days",
     "The next anniversary of the birth date is in the next 7 days"},
    {"count(order where coupon is not null last 1 year) >= 1",
     "At least one order in the last year where the coupon is not empty"},
    {"count(order where amount >= 100 and gift last 90 days) > 2",
     "More than 2 orders in the last 90 days where the amount is 100 or more and "
     "gift is true"},
    {"count(order where product in ('Tea', 'Coffee', 'Milk')) >= 1",
     "At least one order where the product is one of ‘Tea’, ‘Coffee’ or "
     "‘Milk’"},
    {"count(order where product not in ('Tea', 'Coffee')) >= 1",
     "At least one order where the product is neither ‘Tea’ nor ‘Coffee’"},
    {"count(order where amount between 10 and 20) >= 1",
     "At least one order where the amount is between 10 and 20"},
    {"did(order where product like 'Te%')", "At least one order where the product is like ‘Te%’"},
    {"did(order where product not contains 'ea')",
     "At least one order where the product does not contain ‘ea’"},
    {"did(order where product starts with 'T' or product ends with 'a')",
     "At least one order where the product starts with ‘T’ or the product ends "
     "with ‘a’"},
    {"did(order where product matches '^T')", "At least one order where the product matches ‘^T’"},
    {"did(order where lower(product) ilike 'tea')",
     "At least one order where the lower case of the product is like ‘tea’ in "
     "any case"},
    {"did(order where hour(time) >= 18)", "At least one order where the hour of day is 18 or more"},
    {"did(order where weekday(time) in (6, 7))",
     "At least one order where the weekday (1 is Monday) is 6 or 7"},
    {"count(order where time within 21 days before holiday('Christmas Day') last 2 "
     "years) >= 2",
     "At least 2 orders in the last 2 years where the time is within 21 days before "
     "Christmas Day"},
    {"did(order where time on holiday('Black Friday', 'US') last 1 year)",
     "At least one order in the last year where the time is on Black Friday in US"},
    {"never(order since last(mail))", "No order since the last mail"},
    {"did(order within 7 days after first(order))",
     "At least one order within 7 days after the first order"},
    {"did(page_view within 1 hour before last(order))",
     "At least one page view within 1 hour before the last order"},
    {"count(order from 60 days ago to 30 days ago) >= 1",
     "At least one order between 60 and 30 days ago"},
    {"count(order from 1 year ago to 30 days ago) >= 1",
     "At least one order between 1 year and 30 days ago"},
    {"count(order more than 90 days ago) >= 1", "At least one order more than 90 days ago"},
    {"count(order since date '2026-01-01') >= 2", "At least 2 orders since 1 January 2026"},
    {"count(order before time '2026-01-01T08:30') >= 2",
     "At least 2 orders before 1 January 2026 08:30"},
    {"count(order from date '2025-01-01' to date '2026-01-01') >= 2",
     "At least 2 orders from 1 January 2025 until 1 January 2026"},
    {"count(order first 30 days) >= 2", "At least 2 orders in the first 30 days as a customer"},
    {"count(order this year) >= 2", "At least 2 orders this year"},
    {"count(order last 1 full month) >= 2", "At least 2 orders in the last full month"},
    {"sequence(add_to_cart then not order within 1 hour last 7 days)",
     "Added to cart, then no order within 1 hour, in the last 7 days"},
    {"sequence(page_view then add_to_cart within 30 minutes then order)",
     "A page view, then added to cart within 30 minutes, then an order"},
    {"sequence(order where amount > 100 then return within 14 days)",
     "An order where the amount is more than 100, then a return within 14 days"},
    {"sequence(page_view then order in all within 2 weeks)",
     "A page view, then an order, all within 2 weeks"},
    {"sequence(order then return in all within 1 month by product last 1 year)",
     "An order, then a return, all within 1 month, all with the same product, in the last year"},
    {"not sequence(order then return)", "Without the sequence: an order, then a return"},
    {"ntile(recency, 5) = 1 and ntile(frequency, 5) >= 4",
     "In the lowest fifth by recency and in the highest two fifths by frequency"},
    {"ntile(frequency, 5) = 3", "In fifth 3 of 5 by frequency"},
    {"ntile(frequency, 4) = 4", "In the highest quarter by frequency"},
    {"ntile(frequency, 2) = 1", "In the lowest half by frequency"},
    {"ntile(frequency, 10 where count(order) > 0) >= 9",
     "In the highest two tenths by frequency among customers with at least one order"},
    {"ntile(frequency, 7) = 2", "In group 2 of 7 by frequency"},
    {"percentile(\"order value\") >= 0.9", "In the highest 10 % by order value"},
    {"percentile(frequency) < 0.25", "In the lowest 25 % by frequency"},
    {"top(\"order value\", 100)", "Among the 100 customers with the highest order value"},
    {"not top(frequency, 1 where city = 'Leeds')",
     "Not among the customers with the highest frequency of those with the city is ‘Leeds’"},
    {"completed(first(order), 30 days)", "First order at least 30 days ago"},
    {"not completed(signup, 2 months)", "Signup less than 2 months ago"},
    {"city = 'London'", "The city is ‘London’"},
    {"was(city, now - 30 days) = 'London'", "The city as of now minus 30 days is ‘London’"},
    {"was(city, last(order)) is null", "The city as of the last order is unknown"},
    {"entered(big_spenders last 7 days)", "Entered segment ‘big spenders’ in the last 7 days"},
    {"not entered(lapsed this month)", "Did not enter segment ‘lapsed’ this month"},
    {"exited(lapsed since last(order))", "Left segment ‘lapsed’ since the last order"},
    {"not exited(lapsed today)", "Did not leave segment ‘lapsed’ today"},
    {"in(lapsed) for 30 days", "In segment ‘lapsed’ without a break in the last 30 days"},
    {"not in(lapsed) for 1 year", "Not without a break in segment ‘lapsed’ in the last year"},
    {"changed(city last 30 days)", "The city changed in the last 30 days"},
    {"changed(city from 'London' to 'Leeds' last 1 year)",
     "The city changed from ‘London’ to ‘Leeds’ in the last year"},
    {"not changed(city from null this month)", "The city did not change from nothing this month"},
    {"city != 'London' and newsletter", "The city is not ‘London’ and newsletter is true"},
    {"not newsletter", "Newsletter is false"},
    {"country in ('GB', 'IE')", "The country is ‘GB’ or ‘IE’"},
    {"city is null", "The city is empty"},
    {"city is not null or tags is null", "Either the city is not empty or the tags are empty"},
    {"has(tags, 'vip')", "The tags include ‘vip’"},
    {"not has_any(tags, 'vip', 'press')", "The tags do not include any of ‘vip’ or ‘press’"},
    {"age(birth_date) >= 18", "The age by birth date is 18 or more"},
    {"recency <= 30", "Recency is 30 or less"},
    {"\"order value\" > 100 and frequency >= 3 and city = 'London'",
     "Order value is more than 100, frequency is 3 or more, and the city is "
     "‘London’"},
    {"segment(big_spenders)", "In segment ‘big spenders’"},
    {"not segment(big_spenders) and segment(lapsed)",
     "Not in segment ‘big spenders’ and in segment ‘lapsed’"},
    {"(did(order last 30 days) or did(return last 30 days)) and city = 'London'",
     "Either at least one order in the last 30 days or at least one return in the "
     "last 30 days, and the city is ‘London’"},
    {"did(order) and city = 'London' or never(mail)",
     "Either both at least one order and the city is ‘London’, or no mail"},
    {"not (did(order) or did(return))", "No order and no return"},
    {"not (did(order) and did(return))", "Either no order or no return"},
    {"count(order where coupon is not null last 1 year) / count(order last 1 year) > "
     "0.6",
     "The number of orders in the last year where the coupon is not empty divided by "
     "the number of orders in the last year is more than 0.6"},
    {"count(order last 30 days) > count(order from 60 days ago to 30 days ago)",
     "The number of orders in the last 30 days is more than the number of orders "
     "between 60 and 30 days ago"},
    {"sum(order.amount) - sum(return.amount) >= 100",
     "The total order amount minus the total return amount is 100 or more"},
    {"most(count(order last 90 days) by product) >= 3",
     "The highest value of the number of orders per product in the last 90 days is 3 "
     "or more"},
    {"fewest(sum(order.amount) by product) < 5",
     "The lowest value of the total order amount per product is less than 5"},
    {"if(newsletter, count(mail) > 2, did(order))",
     "If newsletter is true, more than 2 mails, otherwise at least one order"},
    {"coalesce(city, 'none') = 'none'", "The first known of the city and ‘none’ is ‘none’"},
    {"greatest(recency, 10) > 20", "The greatest of recency and 10 is more than 20"},
    {"bucket('test', 10) = 3", "The random group of 10 by ‘test’ is 3"},
    {"round(avg(order.amount), 1) = 20.5",
     "The rounded value of the average order amount to 1 decimal is 20.5"},
    {"length(city) > 5", "The length of the city is more than 5"},
    {"max(order.shipped_at) > now", "Latest order shipped at after now"},
    {"true", "Everyone"},
    {"(did(order) = true) or newsletter = false",
     "Either at least one order or newsletter is false"},
    {"not (did(order) and not (city = 'London' or newsletter) and did(mail))",
     "Either no order, either the city is ‘London’ or newsletter is true, or no "
     "mail"},
    {"did(order) and (city = 'London' or newsletter) and did(mail)",
     "At least one order, either the city is ‘London’ or newsletter is true, and "
     "at least one mail"},
    {"now > time '2026-01-01'", "Now is after 1 January 2026"},
    {"city ilike 'lond%' or city is null",
     "Either the city is like ‘lond%’ in any case or the city is empty"},
    {"count(order last 30 days) between 2 and 4",
     "The number of orders in the last 30 days is between 2 and 4"},
    {"sum(order.amount) is null", "The total order amount is unknown"},
    {"size(tags) > 1", "The number of values in the tags is more than 1"},
    {"days_between(first(order), last(order)) > 30",
     "The number of days from the first order to the last order is more than 30"},
    {"distance_km(1, 2, 3, 4) < 10",
     "The distance in km between the points 1, 2, 3 and 4 is less than 10"},
    {"least(recency, frequency) > 1", "The least of recency and frequency is more than 1"},
    {"-recency < 0", "Minus recency is less than 0"},
    {"year(signup) = 2025", "The year of the signup is 2025"},
    {"recency * 2 + 1 > frequency / 3",
     "(recency times 2) plus 1 is more than frequency divided by 3"},
};

static const Plan *compile(Arena *arena, const char *expression, NodeId *ret_node) {
    Catalog catalog = shop_catalog();
    Diagnostics diagnostics;
    lang_diagnostics_init(&diagnostics, arena);
    const Plan *plan = NULL;
    int result =
        lang_plan_compile_text(arena, shop_model(arena), &catalog, STR("expression"),
                               base_str_from(expression), &diagnostics, &plan, ret_node, NULL);
    if (result != 0) {
        fail_msg("%s", diagnostics.items[0].rendered.data);
    }
    return plan;
}

static void test_sentences(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
        BASE_TEXT_SCOPED words = {0};
        NodeId node = NODE_NONE;
        const Plan *plan = compile(arena, cases[i].expression, &node);
        lang_words_node(&words, plan, node);
        assert_string_equal(words.data, cases[i].sentence);
    }
}

static void check_value(const char *expression, Value value, const char *expected) {
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    BASE_TEXT_SCOPED words = {0};
    NodeId node = NODE_NONE;
    const Plan *plan = compile(arena, expression, &node);
    lang_words_value(&words, plan, node, value);
    assert_string_equal(words.data, expected);
}

static void test_values(void **state) {
    (void)state;
    Value number = {.type = VALUE_NUMBER, .number = 90.5};
    check_value("days_since(last(order))", number, "90.5 days");
    check_value("recency", number, "90.5 days");
    check_value("gap(order)", (Value){.type = VALUE_NUMBER, .number = 1}, "1 day");
    check_value("avg(order.amount)", (Value){.type = VALUE_NUMBER, .number = 1.0 / 3}, "0.33");
    check_value("sum(order.amount)", (Value){.type = VALUE_DECIMAL, .decimal = 123400}, "12.34");
    check_value("count(order)", (Value){.type = VALUE_INTEGER, .integer = 7}, "7");
    check_value("newsletter", (Value){.type = VALUE_BOOLEAN, .boolean = true}, "yes");
    check_value("city", (Value){.type = VALUE_TEXT, .text = STR("Åre")}, "Åre");
    check_value("recency", data_value_null(VALUE_NUMBER), "nothing");
    check_value("birth_date", (Value){.type = VALUE_DATE, .date = 0}, "1 January 1970");
    // 12:00 UTC is 13:00 in London's summer.
    Value time = {.type = VALUE_TIME, .time_us = INT64_C(1782907200000000)};
    check_value("last(order)", time, "1 July 2026 13:00");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
