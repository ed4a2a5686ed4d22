// Comparisons: which types can meet, and what to write where they cannot.

#include <stdlib.h>
#include <string.h>

#include "base/regex.h"
#include "data/holiday.h"
#include "lang/check_private.h"

static bool is_text_literal(const Checker *checker, NodeId id) {
    const Node *node = lang_build_at(checker->build, id);
    return node->kind == NODE_CONST && node->type == VALUE_TEXT;
}

static bool reads_as_number(Str text) {
    char copy[64];
    if (text.size_bytes == 0 || text.size_bytes >= sizeof copy)
        return false;
    memcpy(copy, text.data, text.size_bytes);
    copy[text.size_bytes] = '\0';
    char *end;
    (void)strtod(copy, &end);
    return *end == '\0';
}

// What to write instead when `a` does not compare with the constant `b`; "" without an idea.
static Str mismatch_hint(const Checker *checker, NodeId a, NodeId b, Str b_slice) {
    ValueType a_type = lang_check_type(checker, a), b_type = lang_check_type(checker, b);
    bool is_number = (TYPE_BIT(a_type) & TYPES_NUMERIC) != 0;
    if (a_type == VALUE_LIST)
        return STR("; ask a list with has(list, 'x') or size(list)");
    if (is_text_literal(checker, b) && (TYPE_BIT(a_type) & TYPES_CALENDAR) != 0)
        return base_arena_printf(checker->arena, "; write %s %.*s",
                                 a_type == VALUE_DATE ? "date" : "time", STR_ARG(b_slice));
    Value value = lang_build_at(checker->build, b)->value;
    if (is_text_literal(checker, b) && is_number && reads_as_number(value.text))
        return base_arena_printf(checker->arena, "; write %.*s without quotes",
                                 STR_ARG(value.text));
    if (is_text_literal(checker, b) && a_type == VALUE_BOOLEAN)
        return STR("; write true or false without quotes");
    if (a_type == VALUE_TEXT && (TYPE_BIT(b_type) & TYPES_NUMERIC) != 0 &&
        lang_check_is_constant(checker, b))
        return base_arena_printf(checker->arena, "; write '%.*s'", STR_ARG(b_slice));
    if (is_number && b_type == VALUE_DURATION)
        return STR("; days are plain numbers here: write 90, not 90 days");
    if (a_type == VALUE_DURATION && (TYPE_BIT(b_type) & TYPES_NUMERIC) != 0)
        return STR("; say the unit, as in 30 days");
    return (Str){0};
}

static NodeId fail_mismatch(Checker *checker, const Syntax *left, NodeId a, const Syntax *right,
                            NodeId b) {
    Str left_slice = lang_check_slice(checker, left->span);
    Str right_slice = lang_check_slice(checker, right->span);
    Str hint = mismatch_hint(checker, a, b, right_slice);
    if (hint.size_bytes == 0)
        hint = mismatch_hint(checker, b, a, left_slice);
    return lang_check_error(checker, (SyntaxSpan){left->span.begin, right->span.end},
                            "%.*s is %s, but %.*s is %s: they cannot be compared%.*s",
                            STR_ARG(left_slice), data_value_type_name(lang_check_type(checker, a)),
                            STR_ARG(right_slice), data_value_type_name(lang_check_type(checker, b)),
                            STR_ARG(hint));
}

static bool has_months(const Checker *checker, NodeId id) {
    const Node *node = lang_build_at(checker->build, id);
    return node->type == VALUE_DURATION && node->kind == NODE_CONST &&
           node->value.duration.months != 0;
}

static bool is_null_literal(const Checker *checker, NodeId id) {
    const Node *node = lang_build_at(checker->build, id);
    return node->kind == NODE_CONST && node->value.is_null;
}

// Whether the two compare; widens constants to the other's type. Reports where they do not.
static bool meet(Checker *checker, const Syntax *left, NodeId *a, const Syntax *right, NodeId *b) {
    ValueType a_type = lang_check_type(checker, *a), b_type = lang_check_type(checker, *b);
    if (is_null_literal(checker, *a) || is_null_literal(checker, *b)) {
        const Syntax *other = is_null_literal(checker, *b) ? left : right;
        lang_check_error(checker, (SyntaxSpan){left->span.begin, right->span.end},
                         "a comparison with null is never true; write %.*s is null",
                         STR_ARG(lang_check_slice(checker, other->span)));
        return false;
    }
    bool is_calendar = (TYPE_BIT(a_type) & TYPES_CALENDAR) && (TYPE_BIT(b_type) & TYPES_CALENDAR);
    ValueType type =
        is_calendar && a_type != b_type ? VALUE_TIME : lang_check_unify(a_type, b_type);
    if (type == VALUE_TYPE_COUNT || type == VALUE_LIST) {
        fail_mismatch(checker, left, *a, right, *b);
        return false;
    }
    if (has_months(checker, *a) || has_months(checker, *b)) {
        lang_check_error(checker, has_months(checker, *a) ? left->span : right->span,
                         "months, quarters and years have no fixed length; compare with days, or "
                         "compare the times: a < now - 3 months");
        return false;
    }
    *a = lang_check_widen(checker, *a, type);
    *b = lang_check_widen(checker, *b, type);
    return true;
}

// A date that meets a time is its first instant in the customer's zone.
static bool needs_zone(const Checker *checker, const NodeId *args, int32_t count) {
    bool has_time = false, has_date = false;
    for (int32_t i = 0; i < count; i++) {
        has_time |= lang_check_type(checker, args[i]) == VALUE_TIME;
        has_date |= lang_check_type(checker, args[i]) == VALUE_DATE;
    }
    return has_time && has_date;
}

NodeId lang_check_compare(Checker *checker, const Syntax *syntax) {
    const Syntax *left = syntax->args[0], *right = syntax->args[1];
    NodeId args[2] = {lang_check_expression(checker, left), lang_check_expression(checker, right)};
    if (args[0] == NODE_NONE || args[1] == NODE_NONE ||
        !meet(checker, left, &args[0], right, &args[1]))
        return NODE_NONE;
    bool is_equality = syntax->compare == COMPARE_EQ || syntax->compare == COMPARE_NE;
    if (!is_equality && lang_check_type(checker, args[0]) == VALUE_BOOLEAN)
        return lang_check_error(checker, syntax->span, "true and false have no order; use = or !=");
    return lang_build_node(checker->build, &(Node){.kind = NODE_COMPARE,
                                                   .type = VALUE_BOOLEAN,
                                                   .compare = syntax->compare,
                                                   .is_zoned = needs_zone(checker, args, 2),
                                                   .args = args,
                                                   .arg_count = 2});
}

NodeId lang_check_in(Checker *checker, const Syntax *syntax) {
    NodeId *args = base_arena_alloc_array(checker->arena, syntax->arg_count, sizeof(NodeId));
    bool is_wrong = false;
    args[0] = lang_check_expression(checker, syntax->args[0]);
    if (args[0] == NODE_NONE)
        return NODE_NONE;
    for (size_t i = 1; i < syntax->arg_count; i++) {
        args[i] = lang_check_expression(checker, syntax->args[i]);
        if (args[i] != NODE_NONE && is_null_literal(checker, args[i]))
            args[i] = lang_check_error(checker, syntax->args[i]->span,
                                       "null equals nothing, so it cannot be found in a list; add "
                                       "`or %.*s is null`",
                                       STR_ARG(lang_check_slice(checker, syntax->args[0]->span)));
        NodeId x = args[0];
        if (args[i] == NODE_NONE || !meet(checker, syntax->args[0], &x, syntax->args[i], &args[i]))
            is_wrong = true;
    }
    if (is_wrong)
        return NODE_NONE;
    return lang_build_node(checker->build, &(Node){.kind = NODE_IN,
                                                   .type = VALUE_BOOLEAN,
                                                   .is_negated = syntax->is_negated,
                                                   .args = args,
                                                   .arg_count = (int32_t)syntax->arg_count});
}

NodeId lang_check_between(Checker *checker, const Syntax *syntax) {
    NodeId args[3];
    bool is_wrong = false;
    for (int i = 0; i < 3; i++) {
        args[i] = lang_check_expression(checker, syntax->args[i]);
        is_wrong |= args[i] == NODE_NONE;
    }
    if (is_wrong)
        return NODE_NONE;
    NodeId x = args[0];
    bool is_low = meet(checker, syntax->args[0], &x, syntax->args[1], &args[1]);
    x = args[0];
    bool is_high = meet(checker, syntax->args[0], &x, syntax->args[2], &args[2]);
    if (!is_low || !is_high)
        return NODE_NONE;
    if (lang_check_type(checker, args[0]) == VALUE_BOOLEAN)
        return lang_check_error(checker, syntax->span, "true and false have no order; use = or !=");
    return lang_build_node(checker->build, &(Node){.kind = NODE_BETWEEN,
                                                   .type = VALUE_BOOLEAN,
                                                   .is_negated = syntax->is_negated,
                                                   .is_zoned = needs_zone(checker, args, 3),
                                                   .args = args,
                                                   .arg_count = 3});
}

static bool check_pattern(Checker *checker, const Syntax *pattern) {
    KretsError error = {0};
    BASE_REGEX_SCOPED regex = NULL;
    if (base_regex_new(pattern->value.text, &regex, &error) == 0)
        return true;
    lang_check_error(checker, pattern->span, "this is no regular expression: %s", error.text);
    return false;
}

NodeId lang_check_match(Checker *checker, const Syntax *syntax) {
    NodeId args[2] = {lang_check_expression(checker, syntax->args[0]),
                      lang_check_expression(checker, syntax->args[1])};
    if (args[0] == NODE_NONE || args[1] == NODE_NONE)
        return NODE_NONE;
    if (!lang_check_is(checker, args[0], TYPE_BIT(VALUE_TEXT))) {
        Str slice = lang_check_slice(checker, syntax->args[0]->span);
        bool is_list = lang_check_type(checker, args[0]) == VALUE_LIST;
        Str hint =
            is_list ? base_arena_printf(checker->arena, "; write has(%.*s, %.*s)", STR_ARG(slice),
                                        STR_ARG(lang_check_slice(checker, syntax->args[1]->span)))
                    : (Str){0};
        return lang_check_error(
            checker, syntax->args[0]->span, "%.*s is %s, and only text can be searched%.*s",
            STR_ARG(slice), data_value_type_name(lang_check_type(checker, args[0])), STR_ARG(hint));
    }
    if (syntax->match == MATCH_REGEX && !check_pattern(checker, syntax->args[1]))
        return NODE_NONE;
    return lang_build_node(checker->build, &(Node){.kind = NODE_MATCH,
                                                   .type = VALUE_BOOLEAN,
                                                   .match = syntax->match,
                                                   .escape = syntax->escape,
                                                   .is_negated = syntax->is_negated,
                                                   .args = args,
                                                   .arg_count = 2});
}

// The operand of `on holiday` and `within`: a time or a date.
static NodeId calendar_operand(Checker *checker, const Syntax *syntax, const char *what) {
    NodeId id = lang_check_expression(checker, syntax);
    if (id == NODE_NONE || lang_check_is(checker, id, TYPES_CALENDAR))
        return id;
    return lang_check_error(checker, syntax->span, "%s needs a time or a date, but %.*s is %s",
                            what, STR_ARG(lang_check_slice(checker, syntax->span)),
                            data_value_type_name(lang_check_type(checker, id)));
}

static bool has_holiday(Str country, Str name) {
    const int32_t *days;
    size_t count;
    return data_holiday_days(country, name, false, &days, &count) == 0;
}

static bool has_holiday_anywhere(Arena *arena, Str name) {
    const Str *codes;
    size_t count;
    data_holiday_countries(arena, &codes, &count);
    for (size_t i = 0; i < count; i++) {
        if (has_holiday(codes[i], name))
            return true;
    }
    return false;
}

static bool fail_holiday_name(Checker *checker, const Syntax *syntax, Str country) {
    const Str *names;
    size_t count;
    data_holiday_names(checker->arena, country, &names, &count);
    Str near = lang_suggest(checker->arena, syntax->holiday.name, names, count);
    lang_check_error(checker, syntax->name_span, "no holiday is called '%.*s'%s%.*s%s%.*s%s",
                     STR_ARG(syntax->holiday.name), country.size_bytes > 0 ? " in " : "",
                     STR_ARG(country), near.size_bytes > 0 ? "; did you mean '" : "", STR_ARG(near),
                     near.size_bytes > 0 ? "'?" : "");
    return false;
}

// Whether somebody can have this holiday; a country that the customer's trait names is not known
// here.
static bool check_holiday_name(Checker *checker, const Syntax *syntax) {
    const Compiler *compiler = checker->compiler;
    Str country = syntax->holiday.country, name = syntax->holiday.name;
    bool has_trait = data_catalog_trait(compiler->catalog, STR("country")) != NULL;
    if (country.size_bytes > 0) {
        if (data_holiday_has_country(country))
            return has_holiday(country, name) || fail_holiday_name(checker, syntax, country);
        lang_check_error(checker, syntax->span,
                         "no holidays are known of '%.*s'; write an ISO 3166 code such as 'GB'",
                         STR_ARG(country));
        return false;
    }
    country = compiler->model->country;
    if (!has_trait && country.size_bytes > 0)
        return has_holiday(country, name) || fail_holiday_name(checker, syntax, country);
    if (!has_holiday_anywhere(checker->arena, name))
        return fail_holiday_name(checker, syntax, (Str){0});
    if (!has_trait)
        lang_check_report(
            checker, syntax->span, true,
            "no country is known, so this is always null; set `country:` in the model "
            "or write holiday('%.*s', 'GB')",
            STR_ARG(name));
    return true;
}

NodeId lang_check_holiday(Checker *checker, const Syntax *syntax) {
    NodeId id = calendar_operand(checker, syntax->args[0], "a holiday");
    if (!check_holiday_name(checker, syntax) || id == NODE_NONE)
        return NODE_NONE;
    return lang_build_node(checker->build, &(Node){.kind = NODE_HOLIDAY,
                                                   .type = VALUE_BOOLEAN,
                                                   .holiday = syntax->holiday,
                                                   .is_zoned = true,
                                                   .args = &id,
                                                   .arg_count = 1});
}

NodeId lang_check_within(Checker *checker, const Syntax *syntax) {
    if (checker->scope != NULL)
        return lang_check_error(checker, syntax->span,
                                "within %s depends on now and cannot stand inside %s: an event is "
                                "judged for good; write a window after it instead",
                                syntax->is_next ? "next" : "last", checker->clause);
    NodeId id = calendar_operand(checker, syntax->args[0], "within");
    if (id == NODE_NONE)
        return NODE_NONE;
    bool is_date = lang_check_type(checker, id) == VALUE_DATE;
    Node node = {.kind = NODE_WITHIN, .type = VALUE_BOOLEAN, .args = &id, .arg_count = 1};
    node.within.is_next = syntax->is_next;
    node.within.unit = syntax->within.unit;
    node.within.amount = syntax->within.n;
    node.is_moving = true;
    node.is_zoned = is_date || syntax->within.unit >= UNIT_MONTH;
    return lang_build_node(checker->build, &node);
}
