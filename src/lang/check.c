// Literals, names, arithmetic, logic: what holds an expression together.

#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"
#include "lang/check_private.h"

#define MESSAGE_BYTES_MAX 2048
#define SLICE_BYTES_MAX   80

// ---- reports ----

static Place place_of(const Checker *checker, size_t offset) {
    if (checker->place.line > 0)
        return lang_model_place(checker->compiler->model, checker->place, checker->expression,
                                offset);
    return lang_place_of(checker->expression, offset);
}

static void report(const Checker *checker, SyntaxSpan span, bool is_warning, const char *format,
                   va_list args) {
    char message[MESSAGE_BYTES_MAX];
    vsnprintf(message, sizeof message, format, args);
    Str marked = {checker->expression.data + span.begin, span.end - span.begin};
    // Cut in the middle of a code point, the message still has to be valid text.
    Str whole = base_str_from(message);
    whole.size_bytes = base_utf8_invalid(whole);
    lang_diagnostic_add(
        checker->compiler->diagnostics, checker->text, place_of(checker, span.begin),
        base_utf8_invalid(marked) == marked.size_bytes ? (int32_t)base_utf8_count(marked) : 1,
        is_warning, "%.*s", STR_ARG(whole));
}

void lang_check_report(const Checker *checker, SyntaxSpan span, bool is_warning, const char *format,
                       ...) {
    va_list args;
    va_start(args, format);
    report(checker, span, is_warning, format, args);
    va_end(args);
}

NodeId lang_check_error(const Checker *checker, SyntaxSpan span, const char *format, ...) {
    va_list args;
    va_start(args, format);
    report(checker, span, false, format, args);
    va_end(args);
    return NODE_NONE;
}

Str lang_check_slice(const Checker *checker, SyntaxSpan span) {
    Str slice = {checker->expression.data + span.begin, span.end - span.begin};
    if (slice.size_bytes <= SLICE_BYTES_MAX)
        return slice;
    size_t end = SLICE_BYTES_MAX;
    while (end > 0 && (slice.data[end] & 0xC0) == 0x80)
        end--;
    return base_arena_printf(checker->arena, "%.*s…", (int)end, slice.data);
}

// ---- types ----

ValueType lang_check_type(const Checker *checker, NodeId id) {
    return lang_build_at(checker->build, id)->type;
}

bool lang_check_is(const Checker *checker, NodeId id, unsigned types) {
    ValueType type = lang_check_type(checker, id);
    return type == VALUE_NULL || (TYPE_BIT(type) & types) != 0;
}

bool lang_check_is_constant(const Checker *checker, NodeId id) {
    return lang_build_at(checker->build, id)->kind == NODE_CONST;
}

static bool is_numeric(ValueType type) {
    return (TYPE_BIT(type) & TYPES_NUMERIC) != 0;
}

ValueType lang_check_unify(ValueType a, ValueType b) {
    if (a == b || b == VALUE_NULL)
        return a;
    if (a == VALUE_NULL)
        return b;
    if (is_numeric(a) && is_numeric(b))
        return a > b ? a : b; // integer < decimal < number
    return VALUE_TYPE_COUNT;
}

static bool widen_number(Value *value, ValueType type) {
    if (value->type == VALUE_INTEGER && type == VALUE_DECIMAL) {
        int64_t limit = VALUE_DECIMAL_LIMIT / VALUE_DECIMAL_ONE;
        if (value->integer <= -limit || value->integer >= limit)
            return false;
        value->decimal = value->integer * VALUE_DECIMAL_ONE;
    } else if (value->type == VALUE_INTEGER && type == VALUE_NUMBER) {
        value->number = (double)value->integer;
    } else if (value->type == VALUE_DECIMAL && type == VALUE_NUMBER) {
        value->number = data_value_decimal_number(value->decimal);
    } else {
        return false;
    }
    value->type = type;
    return true;
}

NodeId lang_check_widen(Checker *checker, NodeId id, ValueType type) {
    const Node *node = lang_build_at(checker->build, id);
    if (node->kind != NODE_CONST || node->value.is_null)
        return id;
    Value value = node->value;
    if (value.type == VALUE_DATE && type == VALUE_TIME) {
        value = (Value){.type = VALUE_TIME};
        value.time_us = base_zone_midnight(checker->compiler->model->zone, node->value.date);
        return lang_build_const(checker->build, value);
    }
    return widen_number(&value, type) ? lang_build_const(checker->build, value) : id;
}

// ---- literals ----

static NodeId time_literal(Checker *checker, const Syntax *syntax) {
    Value value = {.type = syntax->value.type};
    int64_t local_us;
    bool has_offset;
    int32_t offset_s, day;
    bool is_date = base_calendar_parse_date(syntax->name, &day);
    if (value.type == VALUE_DATE) {
        if (!is_date)
            return lang_check_error(checker, syntax->span,
                                    "'%.*s' is not a date; write date '2026-01-31'",
                                    STR_ARG(syntax->name));
        value.date = day;
        return lang_build_const(checker->build, value);
    }
    if (is_date) {
        value.time_us = base_zone_midnight(checker->compiler->model->zone, day);
        return lang_build_const(checker->build, value);
    }
    if (!base_calendar_parse_time(syntax->name, &local_us, &has_offset, &offset_s))
        return lang_check_error(checker, syntax->span,
                                "'%.*s' is not a time; write time '2026-01-31T12:00'",
                                STR_ARG(syntax->name));
    value.time_us = has_offset ? local_us - offset_s * CALENDAR_US_PER_SECOND
                               : base_zone_instant(checker->compiler->model->zone, local_us, NULL);
    if (value.time_us < CALENDAR_TIME_MIN || value.time_us > CALENDAR_TIME_MAX)
        return lang_check_error(checker, syntax->span, "'%.*s' lies outside the years 1 to 9999",
                                STR_ARG(syntax->name));
    return lang_build_const(checker->build, value);
}

static NodeId literal(Checker *checker, const Syntax *syntax) {
    ValueType type = syntax->value.type;
    if (type == VALUE_TIME || type == VALUE_DATE)
        return time_literal(checker, syntax);
    return lang_build_const(checker->build, syntax->value);
}

static NodeId now(Checker *checker, const Syntax *syntax) {
    if (checker->scope != NULL)
        return lang_check_error(checker, syntax->span,
                                "now cannot stand inside %s: an event is judged for good; use a "
                                "window such as last 30 days instead",
                                checker->clause);
    return lang_build_node(checker->build,
                           &(Node){.kind = NODE_NOW, .type = VALUE_TIME, .is_moving = true});
}

// ---- arithmetic ----

static NodeId negate_constant(Checker *checker, const Syntax *syntax, NodeId id) {
    Value value = lang_build_at(checker->build, id)->value;
    switch (value.type) {
    case VALUE_INTEGER:
        value.integer = -value.integer;
        break;
    case VALUE_DECIMAL:
        value.decimal = -value.decimal;
        break;
    case VALUE_NUMBER:
        value.number = -value.number;
        break;
    case VALUE_DURATION:
        value.duration.months = -value.duration.months;
        value.duration.us = -value.duration.us;
        break;
    case VALUE_NULL:
        return id;
    default:
        return lang_check_error(checker, syntax->span, "%s has no negative",
                                data_value_type_name(value.type));
    }
    return lang_build_const(checker->build, value);
}

static NodeId negate(Checker *checker, const Syntax *syntax) {
    NodeId id = lang_check_expression(checker, syntax->args[0]);
    if (id == NODE_NONE)
        return NODE_NONE;
    const Node *operand = lang_build_at(checker->build, id);
    if (operand->kind == NODE_CONST && (operand->value.is_null || operand->type != VALUE_INTEGER ||
                                        operand->value.integer != INT64_MIN))
        return negate_constant(checker, syntax, id);
    if (!lang_check_is(checker, id, TYPES_NUMERIC))
        return lang_check_error(checker, syntax->span, "%.*s is %s; only numbers have a negative",
                                STR_ARG(lang_check_slice(checker, syntax->args[0]->span)),
                                data_value_type_name(operand->type));
    return lang_build_node(
        checker->build,
        &(Node){.kind = NODE_NEGATE, .type = operand->type, .args = &id, .arg_count = 1});
}

// The type of a ± b where a time, a date or a duration takes part; VALUE_TYPE_COUNT when there is
// none, and then `*ret_hint` may say what to write.
static ValueType calendar_type(const Checker *checker, const NodeId *args, bool is_minus,
                               const char **ret_hint) {
    bool is_swapped = !is_minus && lang_check_type(checker, args[0]) == VALUE_DURATION;
    NodeId moved = args[is_swapped ? 0 : 1];
    ValueType a = lang_check_type(checker, args[is_swapped ? 1 : 0]);
    ValueType b = lang_check_type(checker, moved);
    if (a == VALUE_TIME && b == VALUE_DURATION)
        return VALUE_TIME;
    if (a == VALUE_TIME && b == VALUE_TIME && is_minus)
        return VALUE_DURATION;
    if (a == VALUE_DATE && b == VALUE_DURATION) {
        const Node *node = lang_build_at(checker->build, moved);
        if (node->kind == NODE_CONST && node->value.duration.us % CALENDAR_US_PER_DAY == 0)
            return VALUE_DATE;
        *ret_hint = "; a date moves by whole days, weeks, months or years";
    } else if (is_minus && (a == VALUE_DATE || a == VALUE_TIME) &&
               (b == VALUE_DATE || b == VALUE_TIME)) {
        *ret_hint = "; write days_between(a, b)";
    } else if ((a == VALUE_DATE || a == VALUE_TIME) && is_numeric(b)) {
        *ret_hint = "; say the unit, as in 30 days";
    } else if (a == VALUE_TIME && b == VALUE_TIME) {
        *ret_hint = "; two times cannot be added";
    }
    return VALUE_TYPE_COUNT;
}

static ValueType number_type(NodeKind kind, ValueType a, ValueType b) {
    if (kind == NODE_DIVIDE || a == VALUE_NUMBER || b == VALUE_NUMBER)
        return VALUE_NUMBER;
    if (kind == NODE_MULTIPLY && a == VALUE_DECIMAL && b == VALUE_DECIMAL)
        return VALUE_NUMBER;
    return lang_check_unify(a, b);
}

static NodeId fail_arithmetic(Checker *checker, const Syntax *syntax, const NodeId *args,
                              const char *hint) {
    static const char *const verbs[] = {
        [NODE_ADD] = "added",
        [NODE_SUBTRACT] = "subtracted",
        [NODE_MULTIPLY] = "multiplied",
        [NODE_DIVIDE] = "divided",
    };
    return lang_check_error(checker, syntax->span, "%.*s is %s and %.*s is %s: they cannot be %s%s",
                            STR_ARG(lang_check_slice(checker, syntax->args[0]->span)),
                            data_value_type_name(lang_check_type(checker, args[0])),
                            STR_ARG(lang_check_slice(checker, syntax->args[1]->span)),
                            data_value_type_name(lang_check_type(checker, args[1])),
                            verbs[syntax->node], hint);
}

static NodeId arithmetic(Checker *checker, const Syntax *syntax) {
    NodeId args[2] = {lang_check_expression(checker, syntax->args[0]),
                      lang_check_expression(checker, syntax->args[1])};
    if (args[0] == NODE_NONE || args[1] == NODE_NONE)
        return NODE_NONE;
    ValueType a = lang_check_type(checker, args[0]), b = lang_check_type(checker, args[1]);
    bool is_sum = syntax->node == NODE_ADD || syntax->node == NODE_SUBTRACT;
    const char *hint = "";
    ValueType type = VALUE_TYPE_COUNT;
    if ((is_numeric(a) || a == VALUE_NULL) && (is_numeric(b) || b == VALUE_NULL))
        type = number_type(syntax->node, a, b);
    else if (is_sum)
        type = calendar_type(checker, args, syntax->node == NODE_SUBTRACT, &hint);
    if (type == VALUE_TYPE_COUNT)
        return fail_arithmetic(checker, syntax, args, hint);
    Node node = {.kind = syntax->node, .type = type, .args = args, .arg_count = 2};
    // Months and days of a date's or a time's calendar arithmetic follow the zone.
    for (int i = 0; i < 2; i++) {
        const Node *operand = lang_build_at(checker->build, args[i]);
        if (type == VALUE_TIME && operand->type == VALUE_DURATION && operand->kind == NODE_CONST)
            node.is_zoned |= operand->value.duration.months != 0;
    }
    return lang_build_node(checker->build, &node);
}

// ---- logic ----

NodeId lang_check_condition(Checker *checker, const Syntax *syntax, const char *what) {
    NodeId id = lang_check_expression(checker, syntax);
    if (id == NODE_NONE || lang_check_is(checker, id, TYPE_BIT(VALUE_BOOLEAN)))
        return id;
    Str slice = lang_check_slice(checker, syntax->span);
    ValueType type = lang_check_type(checker, id);
    return lang_check_error(checker, syntax->span,
                            "%s needs a condition that is true or false, but %.*s is %s; compare "
                            "it, as in %.*s%s",
                            what, STR_ARG(slice), data_value_type_name(type), STR_ARG(slice),
                            is_numeric(type)     ? " >= 1"
                            : type == VALUE_TEXT ? " = '…'"
                                                 : " is not null");
}

// a and (b and c) is a and b and c.
static const NodeId *flatten(Checker *checker, NodeKind kind, const NodeId *args, int32_t *count) {
    int32_t total = 0;
    for (int32_t i = 0; i < *count; i++) {
        const Node *arg = lang_build_at(checker->build, args[i]);
        total += arg->kind == kind ? arg->arg_count : 1;
    }
    NodeId *all = base_arena_alloc_array(checker->arena, (size_t)total, sizeof(NodeId));
    int32_t at = 0;
    for (int32_t i = 0; i < *count; i++) {
        const Node *arg = lang_build_at(checker->build, args[i]);
        if (arg->kind != kind)
            all[at++] = args[i];
        for (int32_t j = 0; arg->kind == kind && j < arg->arg_count; j++)
            all[at++] = arg->args[j];
    }
    *count = total;
    return all;
}

static NodeId logic(Checker *checker, const Syntax *syntax) {
    static const char *const words[] = {"and", "or", "not"};
    const char *word = words[syntax->kind - SYNTAX_AND];
    NodeId *args = base_arena_alloc_array(checker->arena, syntax->arg_count, sizeof(NodeId));
    NodeKind kind = syntax->kind == SYNTAX_AND  ? NODE_AND
                    : syntax->kind == SYNTAX_OR ? NODE_OR
                                                : NODE_NOT;
    bool is_wrong = false;
    for (size_t i = 0; i < syntax->arg_count; i++) {
        args[i] = lang_check_condition(checker, syntax->args[i], word);
        is_wrong |= args[i] == NODE_NONE;
    }
    if (is_wrong)
        return NODE_NONE;
    int32_t count = (int32_t)syntax->arg_count;
    const NodeId *all = kind == NODE_NOT ? args : flatten(checker, kind, args, &count);
    return lang_build_node(
        checker->build,
        &(Node){.kind = kind, .type = VALUE_BOOLEAN, .args = all, .arg_count = count});
}

static NodeId is_null(Checker *checker, const Syntax *syntax) {
    NodeId id = lang_check_expression(checker, syntax->args[0]);
    if (id == NODE_NONE)
        return NODE_NONE;
    return lang_build_node(checker->build, &(Node){.kind = NODE_IS_NULL,
                                                   .type = VALUE_BOOLEAN,
                                                   .is_negated = syntax->is_negated,
                                                   .args = &id,
                                                   .arg_count = 1});
}

static NodeId fit(Checker *checker, const Syntax *syntax) {
    const char *name = lang_fit_name(syntax->fit);
    if (checker->scope != NULL)
        return lang_check_error(checker, syntax->span,
                                "%s compares customers and cannot stand inside %s; use it beside "
                                "the aggregate, and a window for the time",
                                name, checker->clause);
    NodeId x = lang_check_expression(checker, syntax->args[0]), where = NODE_NONE;
    if (syntax->arg_count > 1) {
        where = lang_check_condition(checker, syntax->args[1], "where");
        if (where == NODE_NONE)
            return NODE_NONE;
    }
    if (x == NODE_NONE)
        return NODE_NONE;
    if (!lang_check_is(checker, x, TYPES_NUMERIC))
        return lang_check_error(
            checker, syntax->args[0]->span, "%s needs a number, but %.*s is %s%s", name,
            STR_ARG(lang_check_slice(checker, syntax->args[0]->span)),
            data_value_type_name(lang_check_type(checker, x)),
            lang_check_is(checker, x, TYPES_CALENDAR) ? "; write days_since(…)" : "");
    return lang_build_fit(checker->build, syntax->fit, syntax->tiles, x, where);
}

NodeId lang_check_expression(Checker *checker, const Syntax *syntax) {
    switch (syntax->kind) {
    case SYNTAX_LITERAL:
        return literal(checker, syntax);
    case SYNTAX_NOW:
        return now(checker, syntax);
    case SYNTAX_NAME:
        return lang_check_name(checker, syntax);
    case SYNTAX_NEGATE:
        return negate(checker, syntax);
    case SYNTAX_ARITHMETIC:
        return arithmetic(checker, syntax);
    case SYNTAX_COMPARE:
        return lang_check_compare(checker, syntax);
    case SYNTAX_AND:
    case SYNTAX_OR:
    case SYNTAX_NOT:
        return logic(checker, syntax);
    case SYNTAX_IN:
        return lang_check_in(checker, syntax);
    case SYNTAX_BETWEEN:
        return lang_check_between(checker, syntax);
    case SYNTAX_IS_NULL:
        return is_null(checker, syntax);
    case SYNTAX_MATCH:
        return lang_check_match(checker, syntax);
    case SYNTAX_HOLIDAY:
        return lang_check_holiday(checker, syntax);
    case SYNTAX_WITHIN:
        return lang_check_within(checker, syntax);
    case SYNTAX_CALL:
        return lang_check_call(checker, syntax);
    case SYNTAX_SEGMENT:
        return lang_check_segment(checker, syntax);
    case SYNTAX_FIT:
        return fit(checker, syntax);
    case SYNTAX_AGGREGATE:
        return lang_check_aggregate(checker, syntax);
    case SYNTAX_SEQUENCE:
        return lang_check_sequence(checker, syntax);
    case SYNTAX_WAS:
        return lang_check_was(checker, syntax);
    case SYNTAX_CHANGED:
        return lang_check_changed(checker, syntax);
    case SYNTAX_HISTORY:
        return lang_check_history(checker, syntax);
    case SYNTAX_UNAVAILABLE:
        return NODE_NONE; // the parser reported it
    }
    return NODE_NONE;
}
