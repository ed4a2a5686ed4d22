#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "lang/parse.h"

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

// The shape of a tree: (kind operand operand), names and numbers as they are.
static void write_shape(Text *out, const Syntax *syntax) {
    static const char *const kinds[] = {
        [SYNTAX_NEGATE] = "neg",      [SYNTAX_COMPARE] = "cmp",    [SYNTAX_AND] = "and",
        [SYNTAX_OR] = "or",           [SYNTAX_NOT] = "not",        [SYNTAX_IN] = "in",
        [SYNTAX_BETWEEN] = "between", [SYNTAX_IS_NULL] = "isnull", [SYNTAX_MATCH] = "match",
        [SYNTAX_HOLIDAY] = "holiday", [SYNTAX_WITHIN] = "within",  [SYNTAX_CALL] = "call",
        [SYNTAX_FIT] = "fit"};
    static const char signs[] = "+-*/";
    switch (syntax->kind) {
    case SYNTAX_NAME:
        base_text_append(out, syntax->name);
        return;
    case SYNTAX_LITERAL:
        data_value_format(out, syntax->value);
        return;
    case SYNTAX_ARITHMETIC:
        base_text_printf(out, "(%c", signs[syntax->node - NODE_ADD]);
        break;
    default:
        base_text_printf(out, "(%s%s", syntax->is_negated ? "!" : "", kinds[syntax->kind]);
    }
    for (size_t i = 0; i < syntax->arg_count; i++) {
        base_text_append_char(out, ' ');
        write_shape(out, syntax->args[i]);
    }
    base_text_append_char(out, ')');
}

static void test_precedence_and_association(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"a or b and c or d", "(or a (and b c) d)"},
        {"not a and b", "(and (not a) b)"},
        {"not a = b", "(not (cmp a b))"},
        {"not not a", "(not (not a))"},
        {"a - b - c", "(- (- a b) c)"},
        {"a - (b - c)", "(- a (- b c))"},
        {"a + b * c / d", "(+ a (/ (* b c) d))"},
        {"-a * b", "(* (neg a) b)"},
        {"a = b + 1 and c", "(and (cmp a (+ b 1)) c)"},
        {"a between 1 and 2 and b", "(and (between a 1 2) b)"},
        {"a not in (1, -2) or b", "(or (!in a 1 (neg 2)) b)"},
        {"a is not null and b is null", "(and (!isnull a) (isnull b))"},
        {"a starts with 'x' or starts = 1", "(or (match a x) (cmp starts 1))"},
        {"if(a, b, c) > 1", "(cmp (call a b c) 1)"},
        {"a.b.\"c d\" = 1", "(cmp a.b.c d 1)"},
        {"ntile(a, 5 where b) = 1", "(cmp (fit a b) 1)"},
        {"top(a, 5 where b) or c", "(or (fit a b) c)"},
        {"a within last 3 days and b", "(and (within a) b)"},
        {"a within 3 days after holiday('x') or on", NULL},
        {"day = 1 and last = 2 and first = 3", "(and (cmp day 1) (cmp last 2) (cmp first 3))"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const Syntax *syntax;
        const SyntaxProblem *problems;
        int rc = lang_parse(arena, base_str_from(cases[i][0]), &syntax, &problems);
        if (cases[i][1] == NULL) {
            assert_int_equal(rc, BASE_E_USAGE);
            continue;
        }
        assert_int_equal(rc, 0);
        BASE_TEXT_SCOPED shape = {0};
        write_shape(&shape, syntax);
        assert_string_equal(shape.data, cases[i][1]);
    }
}

static void test_where_ends_at_the_window(void **state) {
    (void)state;
    const Syntax *syntax;
    const SyntaxProblem *problems;
    Str text = STR("count(order where gift within 2 days after first(order))");
    assert_int_equal(lang_parse(arena, text, &syntax, &problems), 0);
    assert_int_equal(syntax->aggregate->where->kind, SYNTAX_NAME);
    assert_int_equal(syntax->aggregate->window.kind, WINDOW_AFTER);
    text = STR("count(order where time within 2 days after holiday('x') last 3 days)");
    assert_int_equal(lang_parse(arena, text, &syntax, &problems), 0);
    assert_int_equal(syntax->aggregate->where->kind, SYNTAX_HOLIDAY);
    assert_int_equal(syntax->aggregate->window.kind, WINDOW_LAST);
}

static void test_a_steps_limit_is_not_the_window(void **state) {
    (void)state;
    const Syntax *syntax;
    const SyntaxProblem *problems;
    Str text = STR("sequence(a then b within 1 hour within 2 days after last(c))");
    assert_int_equal(lang_parse(arena, text, &syntax, &problems), 0);
    assert_int_equal(syntax->sequence->step_count, 2);
    assert_int_equal(syntax->sequence->steps[1].within.unit, UNIT_HOUR);
    assert_int_equal(syntax->sequence->window.kind, WINDOW_AFTER);
    assert_int_equal(syntax->sequence->window.amount.n, 2);
}

static void test_all_that_is_not_available_is_reported(void **state) {
    (void)state;
    const Syntax *syntax;
    const SyntaxProblem *problems;
    Str text = STR("consent(a) and cluster(b) = 1 and score(c) > (1");
    assert_int_equal(lang_parse(arena, text, &syntax, &problems), BASE_E_USAGE);
    int count = 0;
    for (const SyntaxProblem *problem = problems; problem != NULL; problem = problem->next)
        count++;
    assert_int_equal(count, 4); // and the parenthesis that is missing
}

static int parse_repeated(const char *begin, const char *part, const char *end, int count) {
    BASE_TEXT_SCOPED text = {0};
    base_text_append(&text, base_str_from(begin));
    for (int i = 0; i < count; i++)
        base_text_append(&text, base_str_from(part));
    base_text_append(&text, base_str_from(end));
    for (int i = 0; part[0] == '(' && i < count; i++)
        base_text_append_char(&text, ')');
    const Syntax *syntax;
    const SyntaxProblem *problems;
    return lang_parse(arena, base_arena_str(arena, base_text_str(&text)), &syntax, &problems);
}

static void test_depth_is_limited_however_it_comes(void **state) {
    (void)state;
    static const char *const parts[] = {"(", "not ", "- ", "1 + ", "1 * "};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        assert_int_equal(parse_repeated("", parts[i], "1", 150), 0);
        assert_int_equal(parse_repeated("", parts[i], "1", 1000), BASE_E_USAGE);
        assert_int_equal(parse_repeated("", parts[i], "1", 10000), BASE_E_USAGE);
    }
    assert_int_equal(parse_repeated("count(", "(", "a", 10000), BASE_E_USAGE);
    assert_int_equal(parse_repeated("", "count(a since first(", "b", 3000), BASE_E_USAGE);
    // `and` and `or` are wide, not deep.
    assert_int_equal(parse_repeated("", "a and ", "a", 5000), 0);
}

static void test_lists_are_limited(void **state) {
    (void)state;
    assert_int_equal(parse_repeated("a in (1", ", 1", ")", LANG_LITERAL_LIST_MAX - 1), 0);
    assert_int_equal(parse_repeated("a in (1", ", 1", ")", LANG_LITERAL_LIST_MAX), BASE_E_USAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precedence_and_association),
        cmocka_unit_test(test_where_ends_at_the_window),
        cmocka_unit_test(test_a_steps_limit_is_not_the_window),
        cmocka_unit_test(test_all_that_is_not_available_is_reported),
        cmocka_unit_test(test_depth_is_limited_however_it_comes),
        cmocka_unit_test(test_lists_are_limited),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
