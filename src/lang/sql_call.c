// Arithmetic, functions and text matches as SQL.
#include "base/calendar.h"
#include "lang/sql_private.h"

#define EARTH_RADIUS_KM "6371.0088" // mean radius, IUGG

static const char *arithmetic_sign(NodeKind kind) {
    return kind == NODE_ADD ? "+" : kind == NODE_SUBTRACT ? "-" : kind == NODE_MULTIPLY ? "*" : "/";
}

// Calendar months, which stop at the calendar's ends (they skip nulls, so a null must not reach
// them), then microseconds, which give null beyond them.
static Str time_step(SqlBuilder *b, SqlScope *scope, const Node *node) {
    bool is_first = b->plan->nodes[node->args[0]].type == VALUE_DURATION;
    Str value = lang_sql_instant_of(b, scope, node->args[is_first ? 1 : 0]);
    NodeId length = node->args[is_first ? 0 : 1];
    const Node *step = &b->plan->nodes[length];
    int64_t sign = node->kind == NODE_SUBTRACT ? -1 : 1;
    if (step->kind != NODE_CONST || step->value.is_null) {
        Str us = lang_sql_node_text(b, scope, length);
        return lang_sql_in_calendar(b, base_arena_printf(b->arena, "%.*s %s %.*s", STR_ARG(value),
                                                         sign < 0 ? "-" : "+", STR_ARG(us)));
    }
    int64_t months = step->value.duration.months;
    if (months != 0) {
        scope->needs_customer = scope->needs_customer || b->plan->zone_trait >= 0;
        Str moved = lang_sql_add(b, lang_sql_zone(b, "c"), STR("t"), UNIT_MONTH, sign * months);
        value = base_arena_printf(b->arena,
                                  "list_transform([%.*s], lambda t: case when t is not null then"
                                  " %.*s end)[1]",
                                  STR_ARG(value), STR_ARG(moved));
    }
    const int64_t most = 2 * CALENDAR_TIME_MAX; // beyond the calendar from anywhere
    int64_t us = step->value.duration.us;
    us = sign * (us > most ? most : us < -most ? -most : us);
    return us == 0 ? value
                   : lang_sql_in_calendar(b, base_arena_printf(b->arena, "%.*s + (%lld)",
                                                               STR_ARG(value), (long long)us));
}

// A date moves by whole months, the day clamped to the month's end, then by whole days; null
// outside of the calendar.
static Str date_step(SqlBuilder *b, SqlScope *scope, const Node *node) {
    bool is_first = b->plan->nodes[node->args[0]].type == VALUE_DURATION;
    Str value = lang_sql_node_text(b, scope, node->args[is_first ? 1 : 0]);
    const Node *step = &b->plan->nodes[node->args[is_first ? 0 : 1]];
    if (step->kind != NODE_CONST || step->value.is_null) {
        return lang_sql_fail(b, "a date moved by something that is not a constant");
    }
    bool is_minus = node->kind == NODE_SUBTRACT;
    int64_t months = step->value.duration.months;
    int64_t days = step->value.duration.us / CALENDAR_US_PER_DAY;
    const int64_t most = 4000000; // more days than the calendar has
    const int64_t most_months = 200000;
    months = months > most_months ? most_months : months < -most_months ? -most_months : months;
    days = days > most ? most : days < -most ? -most : days;
    return base_arena_printf(b->arena,
                             "list_filter([cast(%.*s %s interval (%lld) month"
                             " %s interval (%lld) day as date)], lambda d:"
                             " d between date '0001-01-01' and date '9999-12-31')[1]",
                             STR_ARG(value), is_minus ? "-" : "+", (long long)months,
                             is_minus ? "-" : "+", (long long)days);
}

static Str negate_text(SqlBuilder *b, SqlScope *scope, const Node *node) {
    Str value = lang_sql_node_as(b, scope, node->args[0], node->type);
    if (node->type == VALUE_INTEGER) {
        return lang_sql_in_range(b, base_arena_printf(b->arena, "-(%.*s)::hugeint", STR_ARG(value)),
                                 VALUE_INTEGER);
    }
    return base_arena_printf(b->arena, "(-(%.*s))", STR_ARG(value));
}

Str lang_sql_arithmetic(SqlBuilder *b, SqlScope *scope, const Node *node) {
    if (node->kind == NODE_NEGATE) {
        return negate_text(b, scope, node);
    }
    const char *sign = arithmetic_sign(node->kind);
    if (node->type == VALUE_TIME) {
        return time_step(b, scope, node);
    }
    if (node->type == VALUE_DATE) {
        return date_step(b, scope, node);
    }
    if (node->type == VALUE_NUMBER) {
        Str x = lang_sql_node_as(b, scope, node->args[0], VALUE_NUMBER);
        Str y = lang_sql_node_as(b, scope, node->args[1], VALUE_NUMBER);
        return lang_sql_finite(
            b, base_arena_printf(b->arena, "%.*s %s %.*s", STR_ARG(x), sign, STR_ARG(y)));
    }
    Str x = lang_sql_node_text(b, scope, node->args[0]);
    Str y = lang_sql_node_text(b, scope, node->args[1]);
    if (node->type == VALUE_INTEGER || node->type == VALUE_DURATION) {
        return lang_sql_in_range(b,
                                 base_arena_printf(b->arena, "(%.*s)::hugeint %s (%.*s)::hugeint",
                                                   STR_ARG(x), sign, STR_ARG(y)),
                                 VALUE_INTEGER);
    }
    if (node->type != VALUE_DECIMAL) {
        return lang_sql_fail(b, "arithmetic on these types");
    }
    bool is_left =
        b->plan->nodes[node->args[0]].type == VALUE_DECIMAL || node->kind != NODE_MULTIPLY;
    bool is_right =
        b->plan->nodes[node->args[1]].type == VALUE_DECIMAL || node->kind != NODE_MULTIPLY;
    return lang_sql_in_range(b,
                             base_arena_printf(b->arena, "cast(%.*s as %s) %s cast(%.*s as %s)",
                                               STR_ARG(x), is_left ? "decimal(38,4)" : "bigint",
                                               sign, STR_ARG(y),
                                               is_right ? "decimal(38,4)" : "bigint"),
                             VALUE_DECIMAL);
}

static int64_t const_integer(SqlBuilder *b, const Node *node, int32_t arg, int64_t otherwise) {
    if (arg >= node->arg_count) {
        return otherwise;
    }
    const Node *value = &b->plan->nodes[node->args[arg]];
    if (value->kind == NODE_NEGATE) {
        return -const_integer(b, value, 0, otherwise);
    }
    if (value->kind != NODE_CONST || value->type != VALUE_INTEGER || value->value.is_null) {
        lang_sql_fail(b, "a number of places or buckets that is not a constant");
        return otherwise;
    }
    return value->value.integer;
}

static Str days_text(SqlBuilder *b, Str from, Str to) {
    return base_arena_printf(b->arena, "((%.*s - %.*s)::double / 86400000000)", STR_ARG(to),
                             STR_ARG(from));
}

static Str days_between_text(SqlBuilder *b, SqlScope *scope, const Node *node) {
    bool is_dates = b->plan->nodes[node->args[0]].type == VALUE_DATE &&
                    b->plan->nodes[node->args[1]].type == VALUE_DATE;
    if (!is_dates) {
        return days_text(b, lang_sql_instant_of(b, scope, node->args[0]),
                         lang_sql_instant_of(b, scope, node->args[1]));
    }
    return base_arena_printf(b->arena, "cast(%.*s - %.*s as %s)",
                             STR_ARG(lang_sql_node_text(b, scope, node->args[1])),
                             STR_ARG(lang_sql_node_text(b, scope, node->args[0])),
                             node->type == VALUE_INTEGER ? "bigint" : "double");
}

// Full years; a birth on 29 February is completed on 1 March. To the future: minus the years until
// it.
static Str age_text(SqlBuilder *b, Str date) {
    return base_arena_printf(
        b->arena,
        "list_transform([%.*s], lambda d: case when d <= c.today"
        " then year(c.today) - year(d)"
        " - (month(c.today) * 100 + day(c.today) < month(d) * 100 + day(d))::bigint"
        " else year(c.today) - year(d)"
        " + (month(d) * 100 + day(d) < month(c.today) * 100 + day(c.today))::bigint end)[1]",
        STR_ARG(date));
}

static Str anniversary_text(SqlBuilder *b, Str date) {
    return base_arena_printf(b->arena,
                             "list_transform([%.*s], lambda d: list_min(list_filter("
                             "[make_date(year(c.today), month(d), 1) + (day(d) - 1)::integer,"
                             " make_date(year(c.today) + 1, month(d), 1) + (day(d) - 1)::integer],"
                             " lambda a: a >= c.today)))[1]",
                             STR_ARG(date));
}

// A number so large that it has no such places stays what it is.
static Str places_text(SqlBuilder *b, Str x, int64_t places) {
    if (places < 0) {
        return base_arena_printf(b->arena, "round(%.*s / 1e%lld) * 1e%lld", STR_ARG(x),
                                 (long long)-places, (long long)-places);
    }
    return base_arena_printf(b->arena,
                             "list_transform([%.*s], lambda v: case when isfinite(v * 1e%lld)"
                             " then round(v * 1e%lld) / 1e%lld else v end)[1]",
                             STR_ARG(x), (long long)places, (long long)places, (long long)places);
}

static Str round_text(SqlBuilder *b, SqlScope *scope, const Node *node) {
    int64_t places = const_integer(b, node, 1, 0);
    ValueType type = b->plan->nodes[node->args[0]].type;
    Str x = lang_sql_node_text(b, scope, node->args[0]);
    if (type == VALUE_NUMBER) {
        return lang_sql_finite(b, places == 0
                                      ? base_arena_printf(b->arena, "round(%.*s)", STR_ARG(x))
                                      : places_text(b, x, places));
    }
    if (places >= 4 || (places >= 0 && type == VALUE_INTEGER) || type == VALUE_NULL) {
        return x;
    }
    Str rounded = base_arena_printf(b->arena, "round(cast(%.*s as decimal(38,4)), %lld)",
                                    STR_ARG(x), (long long)places);
    return lang_sql_in_range(b, rounded, type);
}

static Str whole_text(SqlBuilder *b, SqlScope *scope, const Node *node) {
    const char *name = node->function == CALL_FLOOR ? "floor" : "ceil";
    ValueType type = b->plan->nodes[node->args[0]].type;
    Str x = lang_sql_node_text(b, scope, node->args[0]);
    if (type == VALUE_NUMBER) {
        return base_arena_printf(b->arena, "%s(%.*s)", name, STR_ARG(x));
    }
    return type != VALUE_DECIMAL
               ? x
               : lang_sql_in_range(b,
                                   base_arena_printf(b->arena, "%s(cast(%.*s as decimal(38,4)))",
                                                     name, STR_ARG(x)),
                                   type);
}

static Str has_text(SqlBuilder *b, SqlScope *scope, const Node *node) {
    BASE_TEXT_SCOPED text = {0};
    Str list = lang_sql_node_as(b, scope, node->args[0], VALUE_LIST);
    for (int32_t i = 1; i < node->arg_count; i++) {
        Str item = lang_sql_node_as(b, scope, node->args[i], VALUE_TEXT);
        base_text_printf(&text, "%slist_contains(%.*s, %.*s)", i > 1 ? " or " : "(", STR_ARG(list),
                         STR_ARG(item));
    }
    base_text_append_char(&text, ')');
    return base_arena_str(b->arena, base_text_str(&text));
}

// Haversine: 2 R asin(min(1, sqrt(h))).
static Str distance_text(SqlBuilder *b, SqlScope *scope, const Node *node) {
    Str v[4];
    for (int32_t i = 0; i < 4; i++) {
        v[i] = lang_sql_node_as(b, scope, node->args[i], VALUE_NUMBER);
    }
    Str h = base_arena_printf(
        b->arena,
        "pow(sin(radians(%.*s - %.*s) / 2), 2)"
        " + cos(radians(%.*s)) * cos(radians(%.*s)) * pow(sin(radians(%.*s - %.*s) / 2), 2)",
        STR_ARG(v[2]), STR_ARG(v[0]), STR_ARG(v[0]), STR_ARG(v[2]), STR_ARG(v[3]), STR_ARG(v[1]));
    // least() skips nulls: a null must stay one.
    return base_arena_printf(b->arena,
                             "list_transform([%.*s], lambda h: case when h is not null then"
                             " 2 * " EARTH_RADIUS_KM " * asin(least(1::double, sqrt(h))) end)[1]",
                             STR_ARG(h));
}

// The first 8 bytes of SHA-256 of "salt:customer", big-endian, modulo n.
static Str bucket_text(SqlBuilder *b, SqlScope *scope, const Node *node) {
    Str salt = lang_sql_node_text(b, scope, node->args[0]);
    return base_arena_printf(
        b->arena,
        "cast(cast('0x' || substr(sha256(%.*s || ':' || %.*s), 1, 16) as ubigint) %% %lld"
        " as bigint)",
        STR_ARG(salt), STR_ARG(lang_sql_person(b, scope)), (long long)const_integer(b, node, 1, 1));
}

// A null must not reach the steps of the calendar, which skip nulls.
static Str completed_text(SqlBuilder *b, SqlScope *scope, const Node *node) {
    Str since = lang_sql_instant_of(b, scope, node->args[0]);
    const Value *length = &b->plan->nodes[node->args[1]].value;
    int64_t months = length->duration.months;
    int64_t seconds = length->duration.us / CALENDAR_US_PER_SECOND;
    scope->needs_customer = scope->needs_customer || b->plan->zone_trait >= 0;
    Str zone = lang_sql_zone(b, "c");
    Str end = months != 0 ? lang_sql_add(b, zone, STR("t"), UNIT_MONTH, months)
                          : lang_sql_add(b, zone, STR("t"), UNIT_SECOND, seconds);
    return base_arena_printf(b->arena,
                             "list_transform([%.*s], lambda t: case when t is not null then"
                             " %.*s >= %.*s end)[1]",
                             STR_ARG(since), STR_ARG(b->now), STR_ARG(end));
}

static Str many_text(SqlBuilder *b, SqlScope *scope, const Node *node, const char *name) {
    BASE_TEXT_SCOPED text = {0};
    base_text_printf(&text, "%s(", name);
    for (int32_t i = 0; i < node->arg_count; i++) {
        base_text_append(&text, i > 0 ? STR(", ") : STR(""));
        base_text_append(&text, lang_sql_node_as(b, scope, node->args[i], node->type));
    }
    base_text_append_char(&text, ')');
    return base_arena_str(b->arena, base_text_str(&text));
}

static bool is_of_one_type(const SqlBuilder *b, const Node *node) {
    for (int32_t i = 0; i < node->arg_count; i++) {
        if (b->plan->nodes[node->args[i]].type != node->type) {
            return false;
        }
    }
    return true;
}

// The first that is not null; only then is it widened, which may make it null.
static Str coalesce_text(SqlBuilder *b, SqlScope *scope, const Node *node) {
    BASE_TEXT_SCOPED text = {0};
    base_text_append(&text, STR("(case"));
    for (int32_t i = 0; i < node->arg_count; i++) {
        Str own = lang_sql_node_text(b, scope, node->args[i]);
        Str wide = lang_sql_node_as(b, scope, node->args[i], node->type);
        base_text_printf(&text, " when %.*s is not null then %.*s", STR_ARG(own), STR_ARG(wide));
    }
    base_text_append(&text, STR(" end)"));
    return base_arena_str(b->arena, base_text_str(&text));
}

static Str calendar_text(SqlBuilder *b, SqlScope *scope, const Node *node) {
    NodeId x = node->args[0];
    switch (node->function) {
    case CALL_DAYS_SINCE:
        return days_text(b, lang_sql_instant_of(b, scope, x), b->now);
    case CALL_DAYS_UNTIL:
        return base_arena_printf(b->arena, "(-%.*s)",
                                 STR_ARG(days_text(b, lang_sql_instant_of(b, scope, x), b->now)));
    case CALL_DAYS_BETWEEN:
        return days_between_text(b, scope, node);
    case CALL_CALENDAR_DAYS_SINCE:
        scope->needs_customer = true;
        return base_arena_printf(b->arena, "(c.today - %.*s)",
                                 STR_ARG(lang_sql_date_of(b, scope, x)));
    case CALL_AGE:
        scope->needs_customer = true;
        return age_text(b, lang_sql_date_of(b, scope, x));
    case CALL_ANNIVERSARY:
        scope->needs_customer = true;
        return anniversary_text(b, lang_sql_date_of(b, scope, x));
    case CALL_WEEKDAY:
        return base_arena_printf(b->arena, "isodow(%.*s)", STR_ARG(lang_sql_date_of(b, scope, x)));
    case CALL_HOUR:
        return base_arena_printf(b->arena, "hour(%.*s)", STR_ARG(lang_sql_local_of(b, scope, x)));
    case CALL_DAY:
        return base_arena_printf(b->arena, "day(%.*s)", STR_ARG(lang_sql_date_of(b, scope, x)));
    case CALL_MONTH:
        return base_arena_printf(b->arena, "month(%.*s)", STR_ARG(lang_sql_date_of(b, scope, x)));
    default:
        return base_arena_printf(b->arena, "year(%.*s)", STR_ARG(lang_sql_date_of(b, scope, x)));
    }
}

static Str abs_text(SqlBuilder *b, SqlScope *scope, const Node *node) {
    Str x = lang_sql_node_as(b, scope, node->args[0], node->type);
    return node->type == VALUE_INTEGER
               ? lang_sql_in_range(b,
                                   base_arena_printf(b->arena, "abs((%.*s)::hugeint)", STR_ARG(x)),
                                   VALUE_INTEGER)
               : base_arena_printf(b->arena, "abs(%.*s)", STR_ARG(x));
}

Str lang_sql_call(SqlBuilder *b, SqlScope *scope, const Node *node) {
    switch (node->function) {
    case CALL_LOWER:
        return base_arena_printf(b->arena, "lower(%.*s)",
                                 STR_ARG(lang_sql_node_as(b, scope, node->args[0], VALUE_TEXT)));
    case CALL_LENGTH:
        return base_arena_printf(b->arena, "length(%.*s)",
                                 STR_ARG(lang_sql_node_text(b, scope, node->args[0])));
    case CALL_ABS:
        return abs_text(b, scope, node);
    case CALL_ROUND:
        return round_text(b, scope, node);
    case CALL_FLOOR:
    case CALL_CEIL:
        return whole_text(b, scope, node);
    case CALL_COALESCE:
        return is_of_one_type(b, node) ? many_text(b, scope, node, "coalesce")
                                       : coalesce_text(b, scope, node);
    case CALL_LEAST:
        return many_text(b, scope, node, "least");
    case CALL_GREATEST:
        return many_text(b, scope, node, "greatest");
    case CALL_IF:
        return base_arena_printf(b->arena, "(case when %.*s then %.*s else %.*s end)",
                                 STR_ARG(lang_sql_node_as(b, scope, node->args[0], VALUE_BOOLEAN)),
                                 STR_ARG(lang_sql_node_as(b, scope, node->args[1], node->type)),
                                 STR_ARG(lang_sql_node_as(b, scope, node->args[2], node->type)));
    case CALL_HAS:
    case CALL_HAS_ANY:
        return has_text(b, scope, node);
    case CALL_SIZE:
        return base_arena_printf(b->arena, "len(%.*s)",
                                 STR_ARG(lang_sql_node_as(b, scope, node->args[0], VALUE_LIST)));
    case CALL_DISTANCE_KM:
        return distance_text(b, scope, node);
    case CALL_BUCKET:
        return bucket_text(b, scope, node);
    case CALL_COMPLETED:
        return completed_text(b, scope, node);
    default:
        return calendar_text(b, scope, node);
    }
}

static Str like_text(SqlBuilder *b, Str text, Str pattern, const Node *node, bool is_folded) {
    Str shape = is_folded ? STR("lower") : STR("");
    Str end = {0};
    if (node->escape != 0) {
        char letter[2] = {node->escape, 0};
        Str escape = lang_sql_quote(b, base_str_from(letter));
        end = base_arena_printf(b->arena, " escape %.*s(%.*s)", STR_ARG(shape), STR_ARG(escape));
    }
    return base_arena_printf(b->arena, "(%.*s(%.*s) like %.*s(%.*s)%.*s)", STR_ARG(shape),
                             STR_ARG(text), STR_ARG(shape), STR_ARG(pattern), STR_ARG(end));
}

Str lang_sql_match(SqlBuilder *b, SqlScope *scope, const Node *node) {
    static const char *const functions[] = {NULL,          NULL,        "contains",
                                            "starts_with", "ends_with", "regexp_matches"};
    Str text = lang_sql_node_as(b, scope, node->args[0], VALUE_TEXT);
    Str pattern = lang_sql_node_as(b, scope, node->args[1], VALUE_TEXT);
    Str match;
    if (node->match == MATCH_LIKE || node->match == MATCH_ILIKE) {
        match = like_text(b, text, pattern, node, node->match == MATCH_ILIKE);
    } else {
        match = base_arena_printf(b->arena, "%s(%.*s, %.*s)", functions[node->match], STR_ARG(text),
                                  STR_ARG(pattern));
    }
    return node->is_negated ? base_arena_printf(b->arena, "(not %.*s)", STR_ARG(match)) : match;
}

// Whole local days: before H: [H - n, H - 1], after: [H + 1, H + n], of any year's H.
Str lang_sql_holiday(SqlBuilder *b, SqlScope *scope, const Node *node) {
    const HolidayTest *test = &node->holiday;
    Str column = lang_sql_holiday_column(b, test);
    Str date = lang_sql_date_of(b, scope, node->args[0]);
    scope->needs_customer = true;
    long long days = test->days > 4000000 ? 4000000 : test->days;
    Str found;
    if (test->side == HOLIDAY_ON) {
        found = base_arena_printf(b->arena, "list_contains(c.%.*s, d)", STR_ARG(column));
    } else {
        found = base_arena_printf(
            b->arena, "len(list_filter(c.%.*s, lambda h: %s)) > 0", STR_ARG(column),
            test->side == HOLIDAY_BEFORE
                ? base_arena_printf(b->arena, "h between d + 1 and d + %lld", days).data
                : base_arena_printf(b->arena, "h between d - %lld and d - 1", days).data);
    }
    return base_arena_printf(b->arena,
                             "%slist_transform([%.*s], lambda d: case when d is not null then"
                             " %.*s end)[1]",
                             node->is_negated ? "not " : "", STR_ARG(date), STR_ARG(found));
}
