// Functions: how many operands, of which types, and what they yield.

#include "lang/check_private.h"

#define TYPES_TEXT    TYPE_BIT(VALUE_TEXT)
#define TYPES_LIST    TYPE_BIT(VALUE_LIST)
#define TYPES_ORDERED (TYPES_NUMERIC | TYPES_TEXT | TYPES_CALENDAR | TYPE_BIT(VALUE_DURATION))
#define TYPES_ALL     (~0u)
#define ARGS_MANY     10000

typedef enum ResultType {
    RESULT_FIXED,   // as the table says
    RESULT_FIRST,   // that of the first operand
    RESULT_UNIFIED, // the type that holds all operands
    RESULT_BRANCHES // of all but the first
} ResultType;

// What a function takes: operand i is one of types[i], those after the third as the third.
typedef struct Signature {
    int32_t least, most;
    unsigned types[3];
    ResultType result_rule;
    ValueType result;
    bool is_moving;
    const char *example;
} Signature;

static const Signature signatures[CALL_FUNCTION_COUNT] = {
    [CALL_DAYS_SINCE] =
        {1, 1, {TYPES_CALENDAR}, RESULT_FIXED, VALUE_NUMBER, true, "days_since(last(order))"},
    [CALL_DAYS_UNTIL] =
        {1, 1, {TYPES_CALENDAR}, RESULT_FIXED, VALUE_NUMBER, true, "days_until(renewal)"},
    [CALL_CALENDAR_DAYS_SINCE] = {1,
                                  1,
                                  {TYPES_CALENDAR},
                                  RESULT_FIXED,
                                  VALUE_INTEGER,
                                  true,
                                  "calendar_days_since(last(order))"},
    [CALL_DAYS_BETWEEN] = {2,
                           2,
                           {TYPES_CALENDAR, TYPES_CALENDAR},
                           RESULT_FIXED,
                           VALUE_NUMBER,
                           false,
                           "days_between(first(order), last(order))"},
    [CALL_AGE] = {1, 1, {TYPES_CALENDAR}, RESULT_FIXED, VALUE_INTEGER, true, "age(birth_date)"},
    [CALL_ANNIVERSARY] =
        {1, 1, {TYPES_CALENDAR}, RESULT_FIXED, VALUE_DATE, true, "anniversary(birth_date)"},
    [CALL_WEEKDAY] = {1, 1, {TYPES_CALENDAR}, RESULT_FIXED, VALUE_INTEGER, false, "weekday(time)"},
    [CALL_HOUR] = {1, 1, {TYPE_BIT(VALUE_TIME)}, RESULT_FIXED, VALUE_INTEGER, false, "hour(time)"},
    [CALL_DAY] = {1, 1, {TYPES_CALENDAR}, RESULT_FIXED, VALUE_INTEGER, false, "day(time)"},
    [CALL_MONTH] = {1, 1, {TYPES_CALENDAR}, RESULT_FIXED, VALUE_INTEGER, false, "month(time)"},
    [CALL_YEAR] = {1, 1, {TYPES_CALENDAR}, RESULT_FIXED, VALUE_INTEGER, false, "year(time)"},
    [CALL_LOWER] = {1, 1, {TYPES_TEXT}, RESULT_FIXED, VALUE_TEXT, false, "lower(city)"},
    [CALL_LENGTH] = {1, 1, {TYPES_TEXT}, RESULT_FIXED, VALUE_INTEGER, false, "length(city)"},
    [CALL_ABS] = {1, 1, {TYPES_NUMERIC}, RESULT_FIRST, VALUE_NULL, false, "abs(x)"},
    [CALL_ROUND] = {1,
                    2,
                    {TYPES_NUMERIC, TYPE_BIT(VALUE_INTEGER)},
                    RESULT_FIRST,
                    VALUE_NULL,
                    false,
                    "round(x, 2)"},
    [CALL_FLOOR] = {1, 1, {TYPES_NUMERIC}, RESULT_FIRST, VALUE_NULL, false, "floor(x)"},
    [CALL_CEIL] = {1, 1, {TYPES_NUMERIC}, RESULT_FIRST, VALUE_NULL, false, "ceil(x)"},
    [CALL_COALESCE] = {1,
                       ARGS_MANY,
                       {TYPES_ALL, TYPES_ALL, TYPES_ALL},
                       RESULT_UNIFIED,
                       VALUE_NULL,
                       false,
                       "coalesce(x, 0)"},
    [CALL_LEAST] = {1,
                    ARGS_MANY,
                    {TYPES_ORDERED, TYPES_ORDERED, TYPES_ORDERED},
                    RESULT_UNIFIED,
                    VALUE_NULL,
                    false,
                    "least(x, y)"},
    [CALL_GREATEST] = {1,
                       ARGS_MANY,
                       {TYPES_ORDERED, TYPES_ORDERED, TYPES_ORDERED},
                       RESULT_UNIFIED,
                       VALUE_NULL,
                       false,
                       "greatest(x, y)"},
    [CALL_IF] = {3,
                 3,
                 {TYPE_BIT(VALUE_BOOLEAN), TYPES_ALL, TYPES_ALL},
                 RESULT_BRANCHES,
                 VALUE_NULL,
                 false,
                 "if(x > 5, 'many', 'few')"},
    [CALL_HAS] =
        {2, 2, {TYPES_LIST, TYPES_TEXT}, RESULT_FIXED, VALUE_BOOLEAN, false, "has(tags, 'new')"},
    [CALL_HAS_ANY] = {2,
                      ARGS_MANY,
                      {TYPES_LIST, TYPES_TEXT, TYPES_TEXT},
                      RESULT_FIXED,
                      VALUE_BOOLEAN,
                      false,
                      "has_any(tags, 'new', 'sale')"},
    [CALL_SIZE] = {1, 1, {TYPES_LIST}, RESULT_FIXED, VALUE_INTEGER, false, "size(tags)"},
    [CALL_DISTANCE_KM] = {4,
                          4,
                          {TYPES_NUMERIC, TYPES_NUMERIC, TYPES_NUMERIC},
                          RESULT_FIXED,
                          VALUE_NUMBER,
                          false,
                          "distance_km(lat, lon, 59.33, 18.07)"},
    [CALL_BUCKET] = {2,
                     2,
                     {TYPES_TEXT, TYPE_BIT(VALUE_INTEGER)},
                     RESULT_FIXED,
                     VALUE_INTEGER,
                     false,
                     "bucket('spring', 10)"},
    [CALL_COMPLETED] = {2,
                        2,
                        {TYPES_CALENDAR, TYPE_BIT(VALUE_DURATION)},
                        RESULT_FIXED,
                        VALUE_BOOLEAN,
                        true,
                        "completed(first(order), 30 days)"},
};

static Str type_list(const Checker *checker, unsigned types) {
    if (types == TYPES_NUMERIC)
        return STR("a number");
    if (types == TYPES_CALENDAR)
        return STR("a time or a date");
    if (types == TYPES_ORDERED)
        return STR("a number, text, time or date");
    if (types == TYPE_BIT(VALUE_DURATION))
        return STR("a length such as 30 days");
    for (int type = 0; type < VALUE_TYPE_COUNT; type++) {
        if (types == TYPE_BIT(type))
            return base_arena_printf(checker->arena, "%s", data_value_type_name((ValueType)type));
    }
    return STR("a value");
}

static unsigned wanted(const Signature *signature, size_t arg) {
    return signature->types[arg < 3 ? arg : 2];
}

static bool check_operands(Checker *checker, const Syntax *syntax, const Signature *signature,
                           NodeId *args) {
    bool is_fine = true;
    for (size_t i = 0; i < syntax->arg_count; i++) {
        args[i] = lang_check_expression(checker, syntax->args[i]);
        if (args[i] == NODE_NONE) {
            is_fine = false;
        } else if (!lang_check_is(checker, args[i], wanted(signature, i))) {
            bool is_quoted_date = lang_check_type(checker, args[i]) == VALUE_TEXT &&
                                  lang_check_is_constant(checker, args[i]) &&
                                  wanted(signature, i) == TYPES_CALENDAR;
            Str slice = lang_check_slice(checker, syntax->args[i]->span);
            lang_check_error(
                checker, syntax->args[i]->span, "%.*s needs %.*s, but %.*s is %s%s%.*s",
                STR_ARG(syntax->name), STR_ARG(type_list(checker, wanted(signature, i))),
                STR_ARG(slice), data_value_type_name(lang_check_type(checker, args[i])),
                is_quoted_date ? "; write date " : "", STR_ARG(is_quoted_date ? slice : (Str){0}));
            is_fine = false;
        }
    }
    return is_fine;
}

// The type that holds all operands from `first` on; constants are widened to it.
static ValueType unify(Checker *checker, const Syntax *syntax, NodeId *args, size_t first) {
    ValueType type = VALUE_NULL;
    for (size_t i = first; i < syntax->arg_count; i++) {
        ValueType own = lang_check_type(checker, args[i]);
        ValueType both = lang_check_unify(type, own);
        if (both == VALUE_TYPE_COUNT) {
            lang_check_error(
                checker, syntax->args[i]->span,
                "the values of %.*s must be of one type, but %.*s is %s and %.*s is %s",
                STR_ARG(syntax->name),
                STR_ARG(lang_check_slice(checker, syntax->args[first]->span)),
                data_value_type_name(type),
                STR_ARG(lang_check_slice(checker, syntax->args[i]->span)),
                data_value_type_name(own));
            return VALUE_TYPE_COUNT;
        }
        type = both;
    }
    for (size_t i = first; i < syntax->arg_count; i++)
        args[i] = lang_check_widen(checker, args[i], type);
    return type;
}

// Operands that must be constants: the places of round, the salt and count of bucket, the length
// of completed.
static bool check_constants(Checker *checker, const Syntax *syntax, CallFunction function,
                            const NodeId *args, int32_t count) {
    if (function == CALL_BUCKET) {
        if (!lang_check_is_constant(checker, args[0])) {
            lang_check_error(checker, syntax->args[0]->span,
                             "the salt of bucket is a plain text: bucket('spring', 10)");
            return false;
        }
        const Node *n = lang_build_at(checker->build, args[1]);
        if (n->kind != NODE_CONST || n->value.is_null || n->value.integer < 1 ||
            n->value.integer > 1000000) {
            lang_check_error(checker, syntax->args[1]->span,
                             "the number of buckets is a whole number from 1 to 1000000");
            return false;
        }
    }
    if (function == CALL_COMPLETED) {
        if (lang_check_is_constant(checker, args[0])) {
            lang_check_error(checker, syntax->args[0]->span,
                             "completed asks about a time of the customer, such as first(order); a "
                             "fixed time is compared with now");
            return false;
        }
        const Node *n = lang_build_at(checker->build, args[1]);
        if (n->kind != NODE_CONST || n->value.is_null ||
            (n->value.duration.months <= 0 && n->value.duration.us <= 0)) {
            lang_check_error(checker, syntax->args[1]->span,
                             "completed takes a plain length of at least 1, such as 30 days");
            return false;
        }
    }
    if (function == CALL_ROUND && count == 2) {
        const Node *n = lang_build_at(checker->build, args[1]);
        if (n->kind != NODE_CONST || n->value.is_null || n->value.integer < -18 ||
            n->value.integer > 15) {
            lang_check_error(checker, syntax->args[1]->span,
                             "round takes a plain number of places from -18 to 15");
            return false;
        }
    }
    return true;
}

// Which functions read a clock or the customer's zone.
static bool is_zoned(const Checker *checker, CallFunction function, const NodeId *args,
                     int32_t count) {
    bool has_time = false, has_date = false;
    for (int32_t i = 0; i < count; i++) {
        has_time |= lang_check_type(checker, args[i]) == VALUE_TIME;
        has_date |= lang_check_type(checker, args[i]) == VALUE_DATE;
    }
    switch (function) {
    case CALL_CALENDAR_DAYS_SINCE:
    case CALL_AGE:
    case CALL_ANNIVERSARY:
        return true;
    case CALL_WEEKDAY:
    case CALL_HOUR:
    case CALL_DAY:
    case CALL_MONTH:
    case CALL_YEAR:
        return has_time;
    case CALL_DAYS_SINCE:
    case CALL_DAYS_UNTIL:
        return has_date;
    case CALL_COMPLETED:
        return has_date || lang_build_at(checker->build, args[1])->value.duration.months != 0;
    case CALL_DAYS_BETWEEN:
        return has_time && has_date;
    default:
        return false;
    }
}

// A constant date beside a time is an instant in the model's zone.
static void fix_dates(Checker *checker, CallFunction function, NodeId *args, int32_t count) {
    bool has_time = function == CALL_DAYS_SINCE || function == CALL_DAYS_UNTIL;
    if (!has_time && function != CALL_DAYS_BETWEEN)
        return;
    for (int32_t i = 0; i < count; i++)
        has_time |= lang_check_type(checker, args[i]) == VALUE_TIME;
    for (int32_t i = 0; has_time && i < count; i++)
        args[i] = lang_check_widen(checker, args[i], VALUE_TIME);
}

static bool check_count(Checker *checker, const Syntax *syntax, const Signature *signature) {
    int32_t given = (int32_t)syntax->arg_count;
    if (given >= signature->least && given <= signature->most)
        return true;
    if (signature->least == signature->most)
        lang_check_error(checker, syntax->span, "%.*s takes %d value%s, not %d: %s",
                         STR_ARG(syntax->name), signature->least, signature->least == 1 ? "" : "s",
                         given, signature->example);
    else
        lang_check_error(checker, syntax->span, "%.*s takes at %s %d value%s, not %d: %s",
                         STR_ARG(syntax->name), given < signature->least ? "least" : "most",
                         given < signature->least ? signature->least : signature->most,
                         (given < signature->least ? signature->least : signature->most) == 1 ? ""
                                                                                              : "s",
                         given, signature->example);
    return false;
}

NodeId lang_check_call(Checker *checker, const Syntax *syntax) {
    CallFunction function = CALL_FUNCTION_COUNT;
    if (!lang_call_parse(syntax->name, &function))
        return lang_check_error(checker, syntax->span, "there is no function %.*s",
                                STR_ARG(syntax->name));
    const Signature *signature = &signatures[function];
    if (signature->is_moving && checker->scope != NULL)
        return lang_check_error(
            checker, syntax->span,
            "%.*s depends on now and cannot stand inside %s: an event is judged "
            "for good; use a window such as last 30 days instead",
            STR_ARG(syntax->name), checker->clause);
    if (!check_count(checker, syntax, signature))
        return NODE_NONE;
    int32_t count = (int32_t)syntax->arg_count;
    NodeId *args = base_arena_alloc_array(checker->arena, syntax->arg_count + 1, sizeof(NodeId));
    if (!check_operands(checker, syntax, signature, args) ||
        !check_constants(checker, syntax, function, args, count))
        return NODE_NONE;
    ValueType type = signature->result;
    if (signature->result_rule == RESULT_FIRST)
        type = lang_check_type(checker, args[0]);
    else if (signature->result_rule != RESULT_FIXED)
        type = unify(checker, syntax, args, signature->result_rule == RESULT_BRANCHES ? 1 : 0);
    if (type == VALUE_TYPE_COUNT)
        return NODE_NONE;
    fix_dates(checker, function, args, count);
    if (function == CALL_ROUND && count == 1)
        args[count++] = lang_build_const(checker->build, (Value){.type = VALUE_INTEGER});
    return lang_build_node(checker->build,
                           &(Node){.kind = NODE_CALL,
                                   .type = type,
                                   .function = function,
                                   .is_moving = signature->is_moving,
                                   .is_zoned = is_zoned(checker, function, args, count),
                                   .args = args,
                                   .arg_count = count});
}
