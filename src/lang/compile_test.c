#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lang/expression_fixture.h"

static Arena *arena;
static const Catalog *catalog;
static const Model *model;

static int setup(void **state) {
    (void)state;
    arena = base_arena_new(SIZE_MAX);
    catalog = expression_fixture_catalog(arena);
    model = expression_fixture_model(arena);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    base_arena_free(arena);
    return 0;
}

static ExpressionLook look_at(const char *expression) {
    return expression_fixture_compile(arena, model, catalog, expression);
}

static const Node *node_of(const char *expression) {
    ExpressionLook look = look_at(expression);
    if (look.plan == NULL)
        fail_msg("%s: %.*s", expression, STR_ARG(look.diagnostics.items[0].rendered));
    return &look.plan->nodes[look.node];
}

// ---- types ----

typedef struct TypeCase {
    const char *expression;
    const char *type; // and "z" zoned, "m" moving after a space
} TypeCase;

static const TypeCase type_cases[] = {
    {"1", "integer"},
    {"2.0", "integer"},
    {"1.5", "decimal"},
    {"0.12345", "number"},
    {"1e3", "integer"},
    {"-1", "integer"},
    {"'a''b'", "text"},
    {"TRUE", "boolean"},
    {"null", "null"},
    {"now", "time m"},
    {"time '2026-01-31T12:00'", "time"},
    {"time '2026-01-31'", "time"},
    {"date '2026-01-31'", "date"},
    {"visits + 1", "integer"},
    {"visits * visits", "integer"},
    {"visits / 2", "number"},
    {"credit + 1", "decimal"},
    {"credit - credit", "decimal"},
    {"credit * 2", "decimal"},
    {"credit * 2.0", "decimal"},
    {"credit * 1.5", "number"},
    {"lat + credit", "number"},
    {"lat * 2", "number"},
    {"-credit", "decimal"},
    {"visits + null", "integer"},
    {"now - 30 days", "time m"},
    {"now - 3 months", "time z m"},
    {"signup_at + 1 hour", "time"},
    {"2 weeks + signup_at", "time"},
    {"birth_date + 18 years", "date"},
    {"birth_date - 3 days", "date"},
    {"now - signup_at > 30 days", "boolean m"},
    {"signup_at - last(order) between 1 hour and 2 days", "boolean"},
    {"city", "text"},
    {"\"city\"", "text"},
    {"interests", "list"},
    {"recency", "number m"},
    {"frequency", "integer m"},
    {"monetary", "decimal m"},
    {"segment(big)", "boolean m"},
    {"segment('small')", "boolean m"},
    {"count(order)", "integer"},
    {"count(order last 90 days)", "integer m"},
    {"count(order last 3 months)", "integer z m"},
    {"count(order last 3 full weeks)", "integer z m"},
    {"count(order from 60 days ago to 30 days ago)", "integer m"},
    {"count(order from 1 year ago to 0 days ago)", "integer z m"},
    {"count(order more than 30 days ago)", "integer m"},
    {"count(order since date '2026-01-01')", "integer"},
    {"count(order since last(mail))", "integer"},
    {"count(order before time '2026-01-01T00:00Z')", "integer"},
    {"count(order from first(order) to last(mail))", "integer"},
    {"count(order from date '2026-01-01' to date '2026-02-01')", "integer"},
    {"count(order today)", "integer z m"},
    {"count(order yesterday)", "integer z m"},
    {"count(order this month)", "integer z m"},
    {"count(order previous quarter)", "integer z m"},
    {"count(order first 30 days)", "integer"},
    {"count(order first 2 months)", "integer z"},
    {"count(order within 7 days after first(order))", "integer"},
    {"count(order within 7 days before last(order last 90 days))", "integer m"},
    {"count(order since max(order.shipped_at))", "integer"},
    {"count(any last 1 day)", "integer m"},
    {"count((order or refund))", "integer"},
    {"count(((order or refund) or view))", "integer"},
    {"count(order[products])", "integer"},
    {"count(order where amount > 5 and country = 'SE' last 1 year)", "integer z m"},
    {"count(order where time >= date '2026-01-01')", "integer"},
    {"count(order where weekday(time) in (6, 7))", "integer z"},
    {"count(order where hour(time) between 9 and 17)", "integer z"},
    {"count(order where gift)", "integer"},
    {"count(order where gift within 1 day after first(order))", "integer"},
    {"count(order where time within 21 days before holiday('Christmas Day') last 2 years)",
     "integer z m"},
    {"count(order where time on holiday('Christmas Day', 'SE'))", "integer z"},
    {"count(order where time on holiday('Christmas Day' observed))", "integer z"},
    {"count(order[products] where parent.amount > 100)", "integer"},
    {"did(order last 7 days)", "boolean m"},
    {"never(order)", "boolean"},
    {"days(order)", "integer z"},
    {"weeks(order)", "integer z"},
    {"months(order)", "integer z"},
    {"gap(order)", "number"},
    {"first(order)", "time"},
    {"last(order)", "time"},
    {"nth(order, 2)", "time"},
    {"nth(order.amount, -1)", "decimal"},
    {"first(order.country)", "text"},
    {"last(order.gift)", "boolean"},
    {"sum(order.amount)", "decimal"},
    {"sum(order.quantity)", "integer"},
    {"sum(order.price)", "number"},
    {"sum(order.\"Unit Price\")", "decimal"},
    {"sum(order.(\"Unit Price\" * quantity))", "decimal"},
    {"sum(order[products].(price * quantity) last 90 days)", "decimal m"},
    {"sum((order or refund).amount)", "decimal"},
    {"sum((order or refund or view).amount)", "number"},
    {"sum(any.amount)", "number"},
    {"sum(order.empty)", "integer"},
    {"avg(order.amount)", "number"},
    {"min(order.amount)", "decimal"},
    {"max(order.time)", "time"},
    {"max(order.shipped_at)", "time"},
    {"min(order.due)", "date"},
    {"max(order.country)", "text"},
    {"distinct(order.sku)", "integer"},
    {"mode(order.sku)", "text"},
    {"most(count(order last 90 days) by sku)", "integer m"},
    {"fewest(sum(order.amount) by country)", "decimal"},
    {"sequence(view then order)", "boolean"},
    {"sequence(view then order within 1 hour last 7 days)", "boolean m"},
    {"sequence(view then not order within 1 hour last 7 days)", "boolean m"},
    {"sequence(view where amount > 5 then not (order or refund) then mail)", "boolean"},
    {"sequence(view then not order within 1 day)", "boolean m"},
    {"sequence(view then order within 2 months)", "boolean z"},
    {"sequence(view then order in all within 3 days)", "boolean"},
    {"sequence(view then order where gift in all within 2 months last 7 days)", "boolean z m"},
    {"sequence(view then not order in all within 3 days by amount today)", "boolean z m"},
    {"sequence(order then (refund or view) by amount)", "boolean"},
    {"sequence(order then any by amount)", "boolean"},
    {"sequence(order[products] then any by quantity)", "boolean"},
    {"sequence(order then order by time)", "boolean"},
    {"sequence(order then order where sku in ('a', 'b') by sku last 7 days)", "boolean m"},
    {"sequence(view then order within 1 day within 7 days after last(mail))", "boolean"},
    {"days_since(last(order))", "number m"},
    {"days_until(birth_date)", "number z m"},
    {"calendar_days_since(last(order))", "integer z m"},
    {"days_between(first(order), last(order))", "number"},
    {"age(birth_date)", "integer z m"},
    {"anniversary(birth_date)", "date z m"},
    {"days_until(anniversary(birth_date)) <= 7", "boolean z m"},
    {"weekday(birth_date)", "integer"},
    {"weekday(signup_at)", "integer z"},
    {"year(birth_date)", "integer"},
    {"lower(city)", "text"},
    {"length(city)", "integer"},
    {"abs(credit)", "decimal"},
    {"round(lat, 2)", "number"},
    {"round(lat)", "number"},
    {"floor(credit)", "decimal"},
    {"ceil(visits)", "integer"},
    {"coalesce(credit, 0)", "decimal"},
    {"coalesce(visits, 0.5)", "decimal"},
    {"coalesce(city, 'none')", "text"},
    {"least(visits, lat)", "number"},
    {"greatest(signup_at, last(order))", "time"},
    {"if(visits > 3, 'many', 'few')", "text"},
    {"if(is_vip, 1, null)", "integer"},
    {"has(interests, 'golf')", "boolean"},
    {"has_any(interests, 'golf', 'ski')", "boolean"},
    {"size(interests)", "integer"},
    {"distance_km(lat, lon, 59.33, 18.07) < 50", "boolean"},
    {"bucket('spring', 10) = 1", "boolean"},
    {"ntile(recency, 5)", "integer m"},
    {"ntile(monetary, 4 where frequency > 0)", "integer m"},
    {"percentile(credit)", "number"},
    {"top(credit, 10)", "boolean"},
    {"top(credit, 10 where recency > 3)", "boolean m"},
    {"completed(first(order), 30 days)", "boolean m"},
    {"completed(first(order), 1 month)", "boolean z m"},
    {"city = 'Lund' or city = 'Malmö'", "boolean"},
    {"city in ('Lund', 'Malmö')", "boolean"},
    {"city not in ('Lund')", "boolean"},
    {"visits in (1, -2, 3.5)", "boolean"},
    {"visits not between 1 and 5", "boolean"},
    {"city is null", "boolean"},
    {"city is not null and not is_vip", "boolean"},
    {"city like 'L%'", "boolean"},
    {"city like '10!%' escape '!'", "boolean"},
    {"city ilike 'l%'", "boolean"},
    {"city contains 'und'", "boolean"},
    {"city starts with 'L'", "boolean"},
    {"city not ends with 'd'", "boolean"},
    {"city matches '^L.*d$'", "boolean"},
    {"last(order) within last 30 days", "boolean m"},
    {"anniversary(birth_date) within next 2 weeks", "boolean z m"},
    {"is_vip = true", "boolean"},
    {"signup_at >= date '2026-01-01'", "boolean"},
    {"signup_at > birth_date", "boolean z"},
    {"birth_date < date '2000-01-01'", "boolean"},
    {"count(order) > 1 -- a comment\n and is_vip", "boolean"},
    {"count(unseen last 3 days) = 0", "boolean m"},
    {"sum(unseen.amount) > 5", "boolean"},
    {"Count(Order Last 90 Days) > 1 AND NOT is_vip", "boolean m"},
};

static void test_good_expressions_have_their_types(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof type_cases / sizeof type_cases[0]; i++) {
        const Node *node = node_of(type_cases[i].expression);
        char got[40];
        snprintf(got, sizeof got, "%s%s%s", data_value_type_name(node->type),
                 node->is_zoned ? " z" : "", node->is_moving ? " m" : "");
        if (strcmp(got, type_cases[i].type) != 0)
            fail_msg("%s: %s, not %s", type_cases[i].expression, got, type_cases[i].type);
    }
}

// ---- errors ----

typedef struct ErrorCase {
    const char *expression;
    int32_t line, column;
    const char *part; // of the message
} ErrorCase;

static const ErrorCase error_cases[] = {
    {"", 1, 1, "the expression is empty"},
    {"count(", 1, 7, "name of an event"},
    {"count(order", 1, 12, "closing parenthesis"},
    {"count(order))", 1, 13, "closes nothing"},
    {"count(order lst 90 days) > 1", 1, 13, "did you mean last?"},
    {"count(order last 90 dys) > 1", 1, 21, "did you mean days?"},
    {"count(order last 1.5 hours)", 1, 18, "90 minutes"},
    {"count(order last month)", 1, 18, "previous month"},
    {"count(order last 0 days)", 1, 18, "at least 1"},
    {"count(order from 7 days ago to 30 days ago)", 1, 32, "window is empty"},
    {"count(order from date '2026-02-01' to date '2026-01-01')", 1, 13, "window is empty"},
    {"count(order since '2026-01-01')", 1, 19, "write date '2026-01-01'"},
    {"count(order last 30 days where amount > 5)", 1, 26, "where comes before the window"},
    {"count(Product Added)", 1, 15, "double quotes"},
    {"cuont(order) > 1", 1, 1, "did you mean count?"},
    {"frobnicate(1)", 1, 1, "no function frobnicate"},
    {"count(order) > > 1", 1, 16, "expected a value"},
    {"count(order) >= 1 adn is_vip", 1, 19, "did you mean and?"},
    {"1 < visits < 3", 1, 12, "between"},
    {"visits == 3", 1, 8, "write ="},
    {"visits > 3 && is_vip", 1, 12, "write and"},
    {"city = “Lund”", 1, 8, "straight quote"},
    {"city = 'Lund", 1, 8, "closing quote"},
    {"\"city", 1, 1, "closing quote"},
    {"visits > 99999999999999999999", 1, 10, "too large"},
    {"visits > 1_000", 1, 10, "without separators"},
    {"visits between 1 or 5", 1, 18, "`and`"},
    {"city is 'Lund'", 1, 9, "write ="},
    {"city not 'Lund'", 1, 10, "after not"},
    {"city in ()", 1, 10, "plain value"},
    {"city in ('a' 'b')", 1, 14, "comma"},
    {"city like 5", 1, 11, "single quotes"},
    {"signup_at within 7 days of holiday('x')", 1, 11, "before or after holiday"},
    {"signup_at within 3 hours before holiday('Christmas Day')", 1, 18, "days or weeks"},
    {"signup_at on holiday('Chrismas Day')", 1, 22, "'Christmas Day'"},
    {"signup_at on holiday('Christmas Day', 'XX')", 1, 1, "ISO 3166"},
    {"ntile(recency)", 1, 14, "number of tiles"},
    {"ntile(recency, 1)", 1, 16, "2 to 1000"},
    {"top(recency)", 1, 12, "how many customers"},
    {"top(recency, 0)", 1, 14, "1 to 1000000000"},
    {"top(recency, 1.5)", 1, 14, "1 to 1000000000"},
    {"sequence(not order then view)", 1, 10, "begins with"},
    {"sequence(order within 1 day then view)", 1, 16, "first step"},
    {"sequence(view then order in all)", 1, 32, "within, as in `in all within"},
    {"sequence(view then order in all within 0 days)", 1, 40, "at least 1"},
    {"sequence(view then order by)", 1, 28, "expected a name"},
    {"sequence(view then order by amount in all within 3 days)", 1, 36, "closing parenthesis"},
    {"sequence(view then order by sku)", 1, 29, "view has no property sku"},
    {"sequence(order then not mail by amount)", 1, 33, "mail has no property amount"},
    {"sequence(order then refund by amont)", 1, 31, "did you mean amount?"},
    {"sequence(order then refund by country)", 1, 31, "country is text in order but integer in"},
    {"sequence(order then order by tags)", 1, 30, "tags is a list"},
    {"sequence(order then order by city)", 1, 30, "is a trait of the customer"},
    {"sequence(order where gift in all then order)", 1, 34, "within, as in `in all within"},
    {"in", 1, 1, "expected a value"},
    // the history of a trait
    {"was(city)", 1, 9, "comma and an instant"},
    {"was(city, 5)", 1, 11, "needs a time or a date, but 5 is integer"},
    {"was(cty, now)", 1, 5, "did you mean city?"},
    {"was(recency, now)", 1, 5, "there is no trait recency; was looks at"},
    {"count(order where was(city, time) = 'a')", 1, 19, "cannot stand inside where"},
    {"changed(city)", 1, 13, "expected a window"},
    {"changed(city to 'a')", 1, 20, "expected a window"},
    {"changed(city to last 3 days)", 1, 17, "expected a plain value"},
    {"changed(city last 3 days to 'a')", 1, 26, "parenthesis after the window"},
    {"changed(cty last 3 days)", 1, 9, "did you mean city?"},
    {"changed(interests last 3 days)", 1, 9, "interests is a list"},
    {"changed(city from 'a' to null last 3 days)", 1, 26, "never changes to null"},
    {"changed(city from 'a' to 'a' last 3 days)", 1, 1, "never true"},
    {"changed(city to 5 last 3 days)", 1, 17, "the trait city is text and never 5"},
    {"changed(visits from 1.5 last 3 days)", 1, 21, "is integer and never 1.5"},
    {"changed(credit to 99999999999999999 last 3 days)", 1, 19, "is decimal and never"},
    {"changed(city from date '2026-01-01' to date '2026-02-01' last 3 days)", 1, 19, "is text"},
    {"count(order where changed(city last 3 days))", 1, 19, "cannot stand inside where"},
    // segments over time
    {"entered(big)", 1, 12, "expected a window: entered(vips last 7 days)"},
    {"exited(bgi last 7 days)", 1, 8, "did you mean big?"},
    {"exited()", 1, 8, "expected the name of a segment"},
    {"entered(big last 7 days or 1)", 1, 25, "parenthesis after the window"},
    {"in(big)", 1, 8, "`for` and a length"},
    {"in(big) for 0 days", 1, 13, "at least 1"},
    {"in(big) for ever", 1, 13, "a number and a unit"},
    {"count(order where entered(big today))", 1, 19, "cannot stand inside where"},
    {"entered(recent last 7 days)", 1, 9, "entered looks at the past of recent, which itself uses"},
    {"in(again) for 2 days", 1, 4, "in … for looks at the past of again"},
    // not available yet
    {"is_vip and score(churn) > 0.5", 1, 12, "score is not available yet"},
    {"cluster(shopper) = 'a'", 1, 1, "not available yet"},
    {"consent(mail)", 1, 1, "not available yet"},
    {"account.sum(monetary) > 5", 1, 1, "account is not available yet"},
    {"count(order next 7 days)", 1, 13, "not available yet"},
    // names
    {"recensy > 3", 1, 1, "did you mean recency?"},
    {"time > now", 1, 1, "inside where"},
    {"signup_at within last 0 days", 1, 23, "at least 1"},
    {"signup_at within 0 days before holiday('Christmas Day')", 1, 18, "at least 1"},
    {"cty = 'Lund'", 1, 1, "did you mean city?"},
    {"big", 1, 1, "write segment(big)"},
    {"order > 3", 1, 1, "count(order)"},
    {"order.amount > 3", 1, 1, "sum(order.amount"},
    {"ordr > 3", 1, 1, "count(order)"},
    {"segment(bgi)", 1, 9, "did you mean big?"},
    {"segment(zzzzzz)", 1, 9, "no segment zzzzzz"},
    {"sum(order.amont)", 1, 11, "did you mean amount?"},
    {"sum(mail.amount)", 1, 10, "it has none"},
    {"count(order where cupon is null)", 1, 19, "did you mean coupon?"},
    {"count(order where order.amount > 3)", 1, 19, "write amount"},
    {"count(order where city = 'x')", 1, 19, "trait of the customer"},
    {"count(order where recency > 3)", 1, 19, "metric of the customer"},
    {"count(order where segment(big))", 1, 19, "cannot stand inside where"},
    {"count(order where count(mail) > 3)", 1, 19, "use a window"},
    {"count(order where ntile(amount, 5) = 1)", 1, 19, "cannot stand inside where"},
    {"count(order where time > now - 3 days)", 1, 26, "use a window"},
    {"count(order where days_since(time) < 3)", 1, 19, "use a window"},
    {"count(order where time within last 3 days)", 1, 19, "depends on now"},
    {"sum(order.(amount * frequency))", 1, 21, "inside a value"},
    {"sum((order or refund).country)", 1, 23, "text in order but integer in refund"},
    {"count((any or order))", 1, 7, "stands alone"},
    {"most(count(order) by colour)", 1, 22, "no property colour"},
    {"most(count(order) by tags)", 1, 22, "list"},
    {"most(did(order) by sku)", 1, 6, "boolean"},
    // types
    {"city > 5", 1, 1, "text, but 5 is integer"},
    {"count(order where sku = 85123)", 1, 19, "write '85123'"},
    {"visits = '5'", 1, 1, "write 5 without quotes"},
    {"signup_at > '2026-01-01'", 1, 1, "write time '2026-01-01'"},
    {"birth_date = '2026-01-01'", 1, 1, "write date '2026-01-01'"},
    {"recency > 90 days", 1, 1, "90, not 90 days"},
    {"now - signup_at > 3", 1, 1, "30 days"},
    {"now - signup_at > 3 months", 1, 19, "no fixed length"},
    {"interests = 'golf'", 1, 1, "has(list"},
    {"interests contains 'golf'", 1, 1, "has(interests, 'golf')"},
    {"city = null", 1, 1, "write city is null"},
    {"null != visits", 1, 1, "write visits is null"},
    {"city in ('a', null)", 1, 15, "is null"},
    {"is_vip > true", 1, 1, "no order"},
    {"visits + city", 1, 1, "cannot be added"},
    {"signup_at + 3", 1, 1, "say the unit"},
    {"birth_date - birth_date", 1, 1, "days_between"},
    {"birth_date + 3 hours", 1, 1, "whole days"},
    {"now + now", 1, 1, "two times"},
    {"-city", 1, 1, "only numbers"},
    {"visits and is_vip", 1, 1, "needs a condition"},
    {"not visits", 1, 5, "visits >= 1"},
    {"count(order where amount)", 1, 19, "where needs a condition"},
    {"sum(order last 90 days)", 1, 5, "sum(order.Unit Price)"},
    {"sum(order.coupon)", 1, 11, "sum needs numbers, but order.coupon is text"},
    {"avg(order.gift)", 1, 11, "count the events"},
    {"min(order.tags)", 1, 11, "list"},
    {"count(order.amount)", 1, 13, "distinct(order.amount)"},
    {"nth(order)", 1, 1, "which"},
    {"nth(order, 0)", 1, 12, "counts from 1"},
    {"count(order, 2)", 1, 14, "only nth"},
    {"days_since('2026-01-01')", 1, 12, "write date '2026-01-01'"},
    {"days_since(3)", 1, 12, "a time or a date"},
    {"age()", 1, 1, "takes 1 value"},
    {"hour(birth_date)", 1, 6, "needs time"},
    {"lower(visits)", 1, 7, "needs text"},
    {"coalesce(visits, city)", 1, 18, "one type"},
    {"if(visits, 1, 2)", 1, 4, "needs boolean"},
    {"if(is_vip, 1, 'a')", 1, 15, "one type"},
    {"bucket(city, 3)", 1, 8, "plain text"},
    {"bucket('a', 0)", 1, 13, "from 1"},
    {"round(lat, visits)", 1, 12, "plain number"},
    {"ntile(last(order), 5)", 1, 7, "days_since"},
    {"top(last(order), 5)", 1, 5, "top needs a number"},
    {"count(order where top(amount, 5))", 1, 19, "cannot stand inside where"},
    {"completed(count(order), 3 days)", 1, 11, "completed needs a time or a date"},
    {"completed(first(order))", 1, 1, "takes 2 values"},
    {"completed(first(order), 3)", 1, 25, "completed needs a length such as 30 days"},
    {"completed(first(order), 0 days)", 1, 25, "at least 1"},
    {"completed(first(order), now - first(order))", 1, 25, "at least 1"},
    {"completed(time '2026-01-01', 3 days)", 1, 11, "a time of the customer"},
    {"count(order where completed(time, 3 days))", 1, 19, "depends on now"},
    {"count(order since count(mail))", 1, 19, "needs a time"},
    {"count(order since sum(order.amount))", 1, 19, "needs a time"},
    {"count(order within 3 days after date '2026-01-01')", 1, 33, "from"},
    {"time '2026-13-01'", 1, 1, "is not a time"},
    {"date '2026-02-30'", 1, 1, "is not a date"},
    {"city matches '('", 1, 14, "regular expression"},
    // places
    {"is_vip and\n  cty = 'x'", 2, 3, "did you mean city?"},
    {"city = 'åäö' and cty = 'x'", 1, 18, "did you mean city?"},
};

static void test_bad_expressions_say_where_and_what(void **state) {
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof error_cases / sizeof error_cases[0]; i++) {
        const ErrorCase *want = &error_cases[i];
        ExpressionLook look = look_at(want->expression);
        if (look.plan != NULL || look.diagnostics.error_count == 0)
            fail_msg("no error: %s", want->expression);
        const Diagnostic *first = look.diagnostics.items;
        while (first->is_warning)
            first++;
        if (strstr(first->message.data, want->part) != NULL && first->place.line == want->line &&
            first->place.column == want->column)
            continue;
        wrong++;
        print_error("%s\nwant %d:%d %s\ngot  %d:%d %.*s\n", want->expression, want->line,
                    want->column, want->part, first->place.line, first->place.column,
                    STR_ARG(first->message));
    }
    assert_int_equal(wrong, 0);
}

static void test_all_wrong_names_are_reported_at_once(void **state) {
    (void)state;
    ExpressionLook look = look_at("cty = 'x' and count(order where amont > 1 and cupon = 'b') > 1 "
                                  "and frequensy > 3 and visits = 'x'");
    assert_int_equal(look.diagnostics.error_count, 5);
}

static void test_unseen_event_is_a_warning_with_a_suggestion(void **state) {
    (void)state;
    ExpressionLook look = look_at("count(ordr last 7 days) > 1");
    assert_non_null(look.plan);
    assert_int_equal(look.diagnostics.count, 1);
    assert_true(look.diagnostics.items[0].is_warning);
    assert_non_null(strstr(look.diagnostics.items[0].message.data, "did you mean order?"));
    assert_int_equal(look.diagnostics.items[0].place.column, 7);
}

// ---- plans ----

static void test_equal_expressions_are_one_node(void **state) {
    (void)state;
    ExpressionLook look = look_at("count(order where amount > 5.00 last 90 days) = 1 and "
                                  "count( order where (amount) > 5 last 90 day ) = 1");
    const Node *both = &look.plan->nodes[look.node];
    assert_int_equal(both->arg_count, 2);
    assert_int_equal(both->args[0], both->args[1]);
}

static void test_children_come_before_their_parents(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof type_cases / sizeof type_cases[0]; i++) {
        ExpressionLook look = look_at(type_cases[i].expression);
        for (NodeId id = 0; id < look.plan->node_count; id++) {
            const Node *node = &look.plan->nodes[id];
            for (int32_t j = 0; j < node->arg_count; j++)
                assert_true(node->args[j] < id);
            if (node->kind != NODE_AGGREGATE)
                continue;
            const Aggregate *aggregate = &look.plan->aggregates[node->index];
            assert_true(aggregate->value < id && aggregate->where < id && aggregate->by < id);
            assert_true(aggregate->window.from < id && aggregate->window.to < id);
            const Selection *selection = &look.plan->selections[aggregate->selection];
            assert_int_equal(selection->where, aggregate->where);
        }
    }
}

// The canonical text of a node, compiled again, is the same text and the same type.
static void test_canonical_text_reads_back(void **state) {
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof type_cases / sizeof type_cases[0]; i++) {
        ExpressionLook look = look_at(type_cases[i].expression);
        BASE_TEXT_SCOPED once = {0};
        BASE_TEXT_SCOPED twice = {0};
        lang_canonical_node(&once, look.plan, look.node);
        ExpressionLook again = look_at(once.data);
        if (again.plan != NULL)
            lang_canonical_node(&twice, again.plan, again.node);
        if (again.plan != NULL && base_str_equal(base_text_str(&once), base_text_str(&twice)) &&
            again.plan->nodes[again.node].type == look.plan->nodes[look.node].type)
            continue;
        wrong++;
        print_error("%s -> %s -> %s\n", type_cases[i].expression, once.data,
                    again.plan == NULL ? again.diagnostics.items[0].rendered.data : twice.data);
    }
    assert_int_equal(wrong, 0);
}

static void test_constants_take_the_type_they_meet(void **state) {
    (void)state;
    ExpressionLook look = look_at("credit > 5");
    const Node *compare = &look.plan->nodes[look.node];
    const Node *five = &look.plan->nodes[compare->args[1]];
    assert_int_equal(five->type, VALUE_DECIMAL);
    assert_int_equal(five->value.decimal, 50000);
    look = look_at("signup_at >= date '2026-07-01'");
    compare = &look.plan->nodes[look.node];
    const Node *day = &look.plan->nodes[compare->args[1]];
    assert_int_equal(day->type, VALUE_TIME);
    assert_true(day->value.time_us == INT64_C(1782860400) * 1000000); // 30 June 23:00 UTC
}

static void test_literal_times_are_in_the_models_zone(void **state) {
    (void)state;
    assert_true(node_of("time '2026-07-01T12:00'")->value.time_us ==
                INT64_C(1782903600) * 1000000); // 11:00 UTC
    assert_true(node_of("time '2026-07-01T12:00Z'")->value.time_us ==
                INT64_C(1782907200) * 1000000);
    assert_true(node_of("time '2026-07-01T12:00+02:00'")->value.time_us ==
                INT64_C(1782900000) * 1000000);
}

static void test_nested_and_is_flat(void **state) {
    (void)state;
    assert_int_equal(node_of("is_vip and (visits > 1 and (visits < 5 and visits != 3))")->arg_count,
                     4);
}

// An integer, a decimal and a number over the events of all steps, `any` and an item beside it.
static void test_by_is_of_one_type_in_all_steps(void **state) {
    (void)state;
    ExpressionLook look = look_at("sequence(order then refund then not view by amount)");
    const Sequence *sequence = &look.plan->sequences[0];
    assert_int_equal(look.plan->nodes[sequence->by].type, VALUE_NUMBER);
    look = look_at("sequence(order[products] then any in all within 2 weeks by quantity)");
    sequence = &look.plan->sequences[0];
    const Node *by = &look.plan->nodes[sequence->by];
    assert_int_equal(by->type, VALUE_INTEGER);
    assert_int_equal(look.plan->properties[by->index].count, 3);
    assert_int_equal(sequence->all_within_n, 2);
}

static void test_fits_are_ordered_by_level(void **state) {
    (void)state;
    ExpressionLook look = look_at("ntile(recency, 5) = 1 and percentile(ntile(monetary, 3) + "
                                  "percentile(credit)) > 0.5 and ntile(recency, 5) < 3");
    assert_non_null(look.plan);
    assert_int_equal(look.plan->fit_count, 4);
    assert_string_equal(look.plan->fits[0].key.data, "ntile(5, days_since(last(\"order\")))");
    assert_int_equal(look.plan->fits[0].level, 0);
    assert_int_equal(look.plan->fits[3].level, 1);
    assert_int_equal(look.plan->fits[3].kind, FIT_PERCENTILE);
}

static void test_a_properties_columns_follow_its_events(void **state) {
    (void)state;
    ExpressionLook look = look_at("sum((order or mail or refund).amount)");
    const Aggregate *aggregate = &look.plan->aggregates[look.plan->nodes[look.node].index];
    const PlanProperty *amount = &look.plan->properties[look.plan->nodes[aggregate->value].index];
    assert_int_equal(amount->type, VALUE_DECIMAL);
    assert_int_equal(amount->count, 3);
    for (int32_t i = 0; i < amount->count; i++) {
        const char *event = look.plan->events[amount->events[i]].name.data;
        if (strcmp(event, "mail") == 0) {
            assert_int_equal(amount->columns[i], -1);
        } else {
            const PlanColumn *column = &look.plan->columns[amount->columns[i]];
            assert_string_equal(column->column.data, "amount");
            assert_int_equal(column->type,
                             strcmp(event, "order") == 0 ? VALUE_DECIMAL : VALUE_INTEGER);
        }
        if (i > 0)
            assert_true(amount->events[i] > amount->events[i - 1]);
    }
}

static void test_the_zone_trait_is_in_the_plan_with_its_event(void **state) {
    (void)state;
    ExpressionLook look = look_at("count(order) > 1");
    assert_true(look.plan->zone_trait >= 0);
    assert_int_equal(look.plan->country_trait, -1); // the catalog has none
    const PlanTrait *zone = &look.plan->traits[look.plan->zone_trait];
    assert_string_equal(look.plan->columns[zone->column].column.data, "timezone");
    bool has_identify = false;
    for (int32_t i = 0; i < look.plan->event_count; i++)
        has_identify |= strcmp(look.plan->events[i].name.data, "identify") == 0;
    assert_true(has_identify);
}

static void test_metrics_and_segments_keep_the_models_order(void **state) {
    (void)state;
    const Plan *plan = look_at("segment(small)").plan;
    assert_int_equal(plan->metric_count, 3);
    assert_string_equal(plan->metrics[1].name.data, "frequency");
    assert_string_equal(plan->segments[1].key.data, "small");
    assert_int_equal(plan->nodes[plan->segments[1].node].kind, NODE_NOT);
    assert_int_equal(plan->value, NODE_NONE);
}

// ---- models ----

static ExpressionLook look_at_model(const char *text) {
    ExpressionLook look = {.node = NODE_NONE};
    KretsError error;
    const Model *read = NULL;
    lang_diagnostics_init(&look.diagnostics, arena);
    int rc = lang_model_parse(arena, STR("krets.yaml"), base_str_from(text), &look.diagnostics,
                              &read, &error);
    if (rc != 0)
        fail_msg("%.*s", STR_ARG(look.diagnostics.items[0].rendered));
    (void)lang_plan_compile(arena, read, catalog, &look.diagnostics, &look.plan, &error);
    return look;
}

static const char model_head[] = "krets: 1\nname: Shop\ntimezone: Europe/London\nsources:\n"
                                 "  orders: { file: o.csv, customer: c, time: t, event: order }\n";

static ExpressionLook look_at_parts(const char *parts) {
    return look_at_model(base_arena_printf(arena, "%s%s", model_head, parts).data);
}

// The model of the reference, as far as it does not need files.
static void test_the_reference_model_compiles(void **state) {
    (void)state;
    ExpressionLook look = look_at_parts(
        "value: \"sum(order.amount)\"\n"
        "metrics:\n"
        "  recency:   \"days_since(last(order))\"\n"
        "  frequency: \"count(order last 365 days)\"\n"
        "segments:\n"
        "  big_spenders:\n"
        "    when: \"sum(order.amount last 90 days) >= 500 and count(order last 90 days) >= 3\"\n"
        "  lapsed: >-\n"
        "    count(order last 2 years) >= 2\n"
        "    and days_since(last(order)) > 90\n"
        "  cart_abandoners: \"sequence(add_to_cart then not order within 1 hour last 7 days)\"\n"
        "  christmas: \"count(order where time within 21 days before holiday('Christmas Day', "
        "'GB') last 2 years) >= 2\"\n"
        "  champions: \"ntile(recency, 5) = 1 and ntile(frequency, 5) >= 4\"\n"
        "  price_sensitive: \"count(order where coupon is not null last 1 year) / count(order last "
        "1 year) > 0.6\"\n");
    if (look.plan == NULL)
        fail_msg("%.*s", STR_ARG(look.diagnostics.items[0].rendered));
    assert_int_equal(look.diagnostics.count, 1); // add_to_cart was never seen
    assert_true(look.diagnostics.items[0].is_warning);
    assert_int_equal(look.diagnostics.items[0].place.line, 16);
    assert_int_equal(look.plan->segment_count, 6);
    assert_int_equal(look.plan->fit_count, 2);
    assert_true(look.plan->value != NODE_NONE);
}

static void test_cycles_are_named(void **state) {
    (void)state;
    ExpressionLook look = look_at_parts("metrics:\n  a: \"b + 1\"\n  b: \"c + 1\"\n  c: \"if("
                                        "segment(s), 1, 2)\"\nsegments:\n  s: \"a > 1\"\n");
    assert_null(look.plan);
    assert_int_equal(look.diagnostics.error_count, 1);
    assert_non_null(strstr(look.diagnostics.items[0].message.data, "a → b → c → s → a"));
    assert_int_equal(look.diagnostics.items[0].place.line, 11);
}

static void test_the_past_is_not_nested_also_not_through_fits_and_metrics(void **state) {
    (void)state;
    ExpressionLook look = look_at_parts(
        "metrics:\n  m: \"if(in(a) for 1 day, 1, 0)\"\nsegments:\n  a: \"did(order)\"\n"
        "  b: \"ntile(visits, 5 where m = 1) = 1\"\n  c: \"entered(b today)\"\n"
        "  d: \"exited(a since first(order))\"\n  e: \"in(d) for 2 days\"\n");
    assert_int_equal(look.diagnostics.error_count, 2);
    assert_non_null(strstr(look.diagnostics.items[0].message.data, "the past of b, which itself"));
    assert_int_equal(look.diagnostics.items[0].place.line, 11);
    assert_int_equal(look.diagnostics.items[0].place.column, 15);
    assert_non_null(strstr(look.diagnostics.items[1].message.data, "the past of d"));
    assert_int_equal(look.diagnostics.items[1].place.line, 13);
}

static void test_an_error_in_a_metric_is_reported_once(void **state) {
    (void)state;
    ExpressionLook look = look_at_parts("metrics:\n  a: \"cuont(order)\"\nsegments:\n  s: \"a > "
                                        "1\"\n  t: \"a > 2 and cty = 'x'\"\n");
    assert_int_equal(look.diagnostics.error_count, 2);
    assert_int_equal(look.diagnostics.items[0].place.line, 7);
    assert_int_equal(look.diagnostics.items[0].place.column, 7);
    assert_int_equal(look.diagnostics.items[1].place.line, 10);
    assert_int_equal(look.diagnostics.items[1].place.column, 17);
}

static void test_segments_are_conditions_and_the_value_a_number(void **state) {
    (void)state;
    ExpressionLook look = look_at_parts("value: \"last(order)\"\nmetrics:\n  m: \"now - "
                                        "signup_at\"\nsegments:\n  s: \"count(order)\"\n");
    assert_int_equal(look.diagnostics.error_count, 3);
    assert_non_null(strstr(look.diagnostics.items[0].message.data, "a number, but this is time"));
    assert_non_null(strstr(look.diagnostics.items[1].message.data, "length of time"));
    assert_non_null(strstr(look.diagnostics.items[2].message.data, "count(order) >= 1"));
}

static void test_a_long_chain_of_metrics_is_refused(void **state) {
    (void)state;
    BASE_TEXT_SCOPED text = {0};
    base_text_append(&text, STR("metrics:\n  m200: \"1\"\n"));
    for (int i = 0; i < 200; i++)
        base_text_printf(&text, "  m%d: \"m%d + 1\"\n", i, i + 1);
    ExpressionLook look = look_at_parts(text.data);
    assert_null(look.plan);
    assert_non_null(strstr(look.diagnostics.items[0].message.data, "more than 50 deep"));
}

static void test_fit_keys_stay_small(void **state) {
    (void)state;
    BASE_TEXT_SCOPED text = {0};
    base_text_append(&text, STR("metrics:\n  m0: \"visits\"\n"));
    for (int i = 1; i <= 40; i++)
        base_text_printf(&text, "  m%d: \"m%d + m%d\"\n", i, i - 1, i - 1);
    base_text_append(&text, STR("segments:\n  s: \"ntile(m40, 4) = 1 or ntile(m39, 4) = 1\"\n"));
    ExpressionLook look = look_at_parts(text.data);
    assert_non_null(look.plan);
    assert_int_equal(look.plan->fit_count, 2);
    assert_true(look.plan->fits[0].key.size_bytes < 4000);
    assert_string_not_equal(look.plan->fits[0].key.data, look.plan->fits[1].key.data);
}

static void test_static_lists_are_sorted_and_read_once(void **state) {
    (void)state;
    char path[] = "/tmp/krets-list-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    const char ids[] = "\xEF\xBB\xBF  zoe \r\nadam\n\nadam\nÅsa";
    assert_int_equal(write(file, ids, sizeof ids - 1), sizeof ids - 1);
    close(file);
    ExpressionLook look =
        look_at_parts(base_arena_printf(arena,
                                        "segments:\n  vips: { list: %s }\n  x: \"not "
                                        "segment(vips)\"\n",
                                        path)
                          .data);
    unlink(path);
    assert_non_null(look.plan);
    assert_int_equal(look.plan->list_count, 1);
    const PlanList *list = look.plan->lists;
    assert_int_equal(list->count, 3);
    assert_true(base_str_equal(list->ids[0], STR("adam")));
    assert_true(base_str_equal(list->ids[1], STR("zoe")));
    assert_true(base_str_equal(list->ids[2], STR("Åsa")));
    assert_int_equal(look.plan->nodes[look.plan->segments[0].node].kind, NODE_LIST);
}

static void test_a_missing_list_is_named(void **state) {
    (void)state;
    ExpressionLook look = look_at_parts("segments:\n  vips: { list: no-such-file.csv }\n");
    assert_null(look.plan);
    assert_non_null(strstr(look.diagnostics.items[0].message.data, "no-such-file.csv"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_expressions_have_their_types),
        cmocka_unit_test(test_bad_expressions_say_where_and_what),
        cmocka_unit_test(test_all_wrong_names_are_reported_at_once),
        cmocka_unit_test(test_unseen_event_is_a_warning_with_a_suggestion),
        cmocka_unit_test(test_equal_expressions_are_one_node),
        cmocka_unit_test(test_children_come_before_their_parents),
        cmocka_unit_test(test_canonical_text_reads_back),
        cmocka_unit_test(test_constants_take_the_type_they_meet),
        cmocka_unit_test(test_literal_times_are_in_the_models_zone),
        cmocka_unit_test(test_nested_and_is_flat),
        cmocka_unit_test(test_by_is_of_one_type_in_all_steps),
        cmocka_unit_test(test_fits_are_ordered_by_level),
        cmocka_unit_test(test_a_properties_columns_follow_its_events),
        cmocka_unit_test(test_the_zone_trait_is_in_the_plan_with_its_event),
        cmocka_unit_test(test_metrics_and_segments_keep_the_models_order),
        cmocka_unit_test(test_the_reference_model_compiles),
        cmocka_unit_test(test_cycles_are_named),
        cmocka_unit_test(test_the_past_is_not_nested_also_not_through_fits_and_metrics),
        cmocka_unit_test(test_an_error_in_a_metric_is_reported_once),
        cmocka_unit_test(test_segments_are_conditions_and_the_value_a_number),
        cmocka_unit_test(test_a_long_chain_of_metrics_is_refused),
        cmocka_unit_test(test_fit_keys_stay_small),
        cmocka_unit_test(test_static_lists_are_sorted_and_read_once),
        cmocka_unit_test(test_a_missing_list_is_named),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
