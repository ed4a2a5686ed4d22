#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "lang/token.h"

static Arena *arena;

static int setup(void **state) {
    (void)state;
    arena = base_arena_new(SIZE_MAX);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    base_arena_free(arena);
    return 0;
}

static TokenList split(const char *text) {
    TokenList list;
    SyntaxProblem problem;
    assert_int_equal(lang_token_split(arena, base_str_from(text), &list, &problem), 0);
    return list;
}

static void test_kinds_of_tokens(void **state) {
    (void)state;
    static const TokenKind kinds[] = {
        TOKEN_NAME,  TOKEN_LEFT, TOKEN_QUOTED, TOKEN_OPEN,  TOKEN_NAME,   TOKEN_CLOSE,
        TOKEN_DOT,   TOKEN_NAME, TOKEN_RIGHT,  TOKEN_GE,    TOKEN_NUMBER, TOKEN_PLUS,
        TOKEN_TEXT,  TOKEN_NE,   TOKEN_NE,     TOKEN_COMMA, TOKEN_MINUS,  TOKEN_STAR,
        TOKEN_SLASH, TOKEN_LT,   TOKEN_LE,     TOKEN_GT,    TOKEN_EQ,     TOKEN_END};
    TokenList list = split("sum(\"an order\"[items].x)>=5+'t'<>!=,-*/< <= > =");
    assert_int_equal(list.count, sizeof kinds / sizeof kinds[0]);
    for (size_t i = 0; i < list.count; i++)
        assert_int_equal(list.items[i].kind, kinds[i]);
}

static void test_quotes_are_doubled_inside(void **state) {
    (void)state;
    TokenList list = split("'it''s' \"a \"\"b\"\"\"");
    assert_true(base_str_equal(list.items[0].text, STR("it's")));
    assert_true(base_str_equal(list.items[1].text, STR("a \"b\"")));
}

static void test_a_numbers_type_follows_its_value(void **state) {
    (void)state;
    TokenList list = split("2.0 1e3 1.50 0.12345 9223372036854775807 1e-2 100000000000000.5");
    assert_int_equal(list.items[0].value.type, VALUE_INTEGER);
    assert_int_equal(list.items[0].value.integer, 2);
    assert_int_equal(list.items[1].value.integer, 1000);
    assert_int_equal(list.items[2].value.type, VALUE_DECIMAL);
    assert_int_equal(list.items[2].value.decimal, 15000);
    assert_int_equal(list.items[3].value.type, VALUE_NUMBER);
    assert_true(list.items[3].value.number == 0.12345);
    assert_true(list.items[4].value.integer == INT64_MAX);
    assert_int_equal(list.items[5].value.decimal, 100);
    assert_int_equal(list.items[6].value.type, VALUE_NUMBER);
}

static void test_names_in_any_script_and_comments(void **state) {
    (void)state;
    TokenList list = split("beställning -- a comment\n заказ 注文 आदेश नहीं_2");
    assert_int_equal(list.count, 6);
    for (size_t i = 0; i + 1 < list.count; i++)
        assert_int_equal(list.items[i].kind, TOKEN_NAME);
    assert_true(base_str_equal(list.items[0].text, STR("beställning")));
    assert_int_equal(list.items[1].span.begin, strlen("beställning -- a comment\n "));
}

static void test_plain_names(void **state) {
    (void)state;
    assert_true(lang_token_is_plain(STR("Kundår_2")));
    assert_false(lang_token_is_plain(STR("2x")));
    assert_false(lang_token_is_plain(STR("a b")));
    assert_false(lang_token_is_plain(STR("")));
}

typedef struct BadText {
    Str text;
    size_t begin;
    const char *part;
} BadText;

static void test_bad_bytes_are_named_with_their_place(void **state) {
    (void)state;
    static const BadText cases[] = {
        {STR("a = 'x"), 4, "closing quote"}, {STR("a = \"\""), 4, "cannot be empty"},
        {STR("a ; b"), 2, "character ;"},    {STR("a \x01 b"), 2, "U+0001"},
        {STR("a \xFF b"), 2, "UTF-8"},       {STR("a ≥ 5"), 2, "write >="},
        {STR("1_000"), 0, "separators"},     {STR("9223372036854775808"), 0, "too large"},
        {STR("1e999"), 0, "too large"},      {STR("5 %"), 2, "0.1 for 10 %"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        TokenList list;
        SyntaxProblem problem;
        assert_int_equal(lang_token_split(arena, cases[i].text, &list, &problem), BASE_E_USAGE);
        assert_non_null(strstr(problem.message.data, cases[i].part));
        assert_int_equal(problem.span.begin, cases[i].begin);
        assert_int_equal(list.items[list.count - 1].kind, TOKEN_END);
    }
}

static void test_too_long_an_expression_is_refused(void **state) {
    (void)state;
    char *text = base_arena_alloc(arena, LANG_EXPRESSION_BYTES_MAX + 1);
    memset(text, ' ', LANG_EXPRESSION_BYTES_MAX + 1);
    TokenList list;
    SyntaxProblem problem;
    assert_int_equal(
        lang_token_split(arena, (Str){text, LANG_EXPRESSION_BYTES_MAX}, &list, &problem), 0);
    assert_int_equal(
        lang_token_split(arena, (Str){text, LANG_EXPRESSION_BYTES_MAX + 1}, &list, &problem),
        BASE_E_USAGE);
    assert_non_null(strstr(problem.message.data, "64 KiB"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_of_tokens),
        cmocka_unit_test(test_quotes_are_doubled_inside),
        cmocka_unit_test(test_a_numbers_type_follows_its_value),
        cmocka_unit_test(test_names_in_any_script_and_comments),
        cmocka_unit_test(test_plain_names),
        cmocka_unit_test(test_bad_bytes_are_named_with_their_place),
        cmocka_unit_test(test_too_long_an_expression_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
