// Nodes of the plan as scalar SQL expressions.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "lang/sql_private.h"

Str lang_sql_finite(SqlBuilder *b, Str number) {
    return base_arena_printf(b->arena, "list_filter([%.*s], lambda v: isfinite(v))[1]",
                             STR_ARG(number));
}

// Not try_cast: DuckDB 1.5 rewrites `try_cast(x as bigint) <= 5` to `x <= 5`, and the null is lost.
Str lang_sql_in_range(SqlBuilder *b, Str exact, ValueType type) {
    return type == VALUE_DECIMAL
               ? base_arena_printf(b->arena,
                                   "cast(list_filter([%.*s], lambda v:"
                                   " abs(v) < 100000000000000)[1] as decimal(18,4))",
                                   STR_ARG(exact))
               : base_arena_printf(b->arena,
                                   "cast(list_filter([%.*s], lambda v: v between"
                                   " -9223372036854775808 and 9223372036854775807)[1] as bigint)",
                                   STR_ARG(exact));
}

// The literal of a double reads back to the same bits only with an exponent (without, it is a
// decimal).
static Str number_literal(SqlBuilder *b, double number) {
    BASE_TEXT_SCOPED text = {0};
    data_value_number_format(&text, number);
    bool has_exponent = memchr(text.data, 'e', text.size_bytes) != NULL;
    return base_arena_printf(b->arena, signbit(number) ? "(%.*s%s)" : "%.*s%s",
                             STR_ARG(base_text_str(&text)), has_exponent ? "" : "e0");
}

static Str list_literal(SqlBuilder *b, const Value *value) {
    BASE_TEXT_SCOPED text = {0};
    base_text_append_char(&text, '[');
    for (size_t i = 0; i < value->list.count; i++) {
        base_text_append(&text, i > 0 ? STR(", ") : STR(""));
        lang_sql_literal(&text, value->list.items[i]);
    }
    base_text_append(&text, STR("]::varchar[]"));
    return base_arena_str(b->arena, base_text_str(&text));
}

static const char *type_name(ValueType type) {
    static const char *const names[VALUE_TYPE_COUNT] = {
        "boolean", "boolean", "bigint", "decimal(18,4)", "double",
        "varchar", "bigint",  "date",   "varchar[]",     "bigint"};
    return names[type];
}

static Str decimal_literal(SqlBuilder *b, int64_t mantissa) {
    BASE_TEXT_SCOPED text = {0};
    data_value_decimal_format(&text, mantissa);
    return base_arena_printf(b->arena, "cast(%.*s as decimal(18,4))",
                             STR_ARG(base_text_str(&text)));
}

Str lang_sql_const(SqlBuilder *b, const Node *node) {
    const Value *value = &node->value;
    if (value->is_null) {
        return base_arena_printf(b->arena, "cast(null as %s)", type_name(value->type));
    }
    switch (value->type) {
    case VALUE_BOOLEAN:
        return value->boolean ? STR("true") : STR("false");
    case VALUE_INTEGER:
        return value->integer < 0
                   ? base_arena_printf(b->arena, "cast(%lld as bigint)", (long long)value->integer)
                   : base_arena_printf(b->arena, "%lld", (long long)value->integer);
    case VALUE_DECIMAL:
        return decimal_literal(b, value->decimal);
    case VALUE_NUMBER:
        return number_literal(b, value->number);
    case VALUE_TEXT:
        return lang_sql_quote(b, value->text);
    case VALUE_TIME:
        return lang_sql_time(b, value->time_us);
    case VALUE_DATE: {
        Str date = base_calendar_format_date(b->arena, value->date);
        return base_arena_printf(b->arena, "date '%.*s'", STR_ARG(date));
    }
    case VALUE_LIST:
        return list_literal(b, value);
    case VALUE_DURATION:
        if (value->duration.months == 0) {
            return base_arena_printf(b->arena, "cast(%lld as bigint)",
                                     (long long)value->duration.us);
        }
        return lang_sql_fail(b, "a length in months outside of a sum with a time");
    default:
        return STR("null");
    }
}

Str lang_sql_node_as(SqlBuilder *b, SqlScope *scope, NodeId id, ValueType type) {
    const Node *node = &b->plan->nodes[id];
    Str text = lang_sql_node_text(b, scope, id);
    if (node->type == type || type == VALUE_NULL) {
        return text;
    }
    if (node->type == VALUE_NULL) {
        return base_arena_printf(b->arena, "cast(null as %s)", type_name(type));
    }
    if (type == VALUE_NUMBER && node->type == VALUE_DECIMAL) {
        // DuckDB's own conversion takes another way for large ones.
        return base_arena_printf(b->arena,
                                 "(cast(%.*s::decimal(38,4) * 10000 as bigint)::double / 10000)",
                                 STR_ARG(text));
    }
    if (type == VALUE_NUMBER && node->type == VALUE_INTEGER) {
        return base_arena_printf(b->arena, "cast(%.*s as double)", STR_ARG(text));
    }
    if (type == VALUE_DECIMAL && node->type == VALUE_INTEGER) {
        return lang_sql_in_range(
            b, base_arena_printf(b->arena, "cast(%.*s as decimal(38,4))", STR_ARG(text)), type);
    }
    if (type == VALUE_TIME && node->type == VALUE_DATE) {
        return lang_sql_instant_of(b, scope, id);
    }
    return lang_sql_fail(b, "a conversion between these types");
}

// A date constant is in the model's zone like every literal, a value's in the customer's.
static Str zone_of_node(SqlBuilder *b, SqlScope *scope, const Node *node) {
    if (node->kind == NODE_CONST || b->plan->zone_trait < 0) {
        return lang_sql_model_zone(b);
    }
    scope->needs_customer = true;
    return lang_sql_zone(b, "c");
}

Str lang_sql_instant_of(SqlBuilder *b, SqlScope *scope, NodeId id) {
    const Node *node = &b->plan->nodes[id];
    Str text = lang_sql_node_text(b, scope, id);
    if (node->type != VALUE_DATE) {
        return text;
    }
    return lang_sql_midnight(b, zone_of_node(b, scope, node), text);
}

Str lang_sql_person(SqlBuilder *b, SqlScope *scope) {
    if (b->outer == NULL) {
        return scope->events != NULL ? STR("e.customer") : STR("c.customer");
    }
    scope->needs_customer = true;
    return STR("c.person");
}

Str lang_sql_local_of(SqlBuilder *b, SqlScope *scope, NodeId id) {
    const Node *node = &b->plan->nodes[id];
    Str text = lang_sql_node_text(b, scope, id);
    if (node->type == VALUE_DATE) {
        return base_arena_printf(b->arena, "cast(%.*s as timestamp)", STR_ARG(text));
    }
    scope->needs_customer = scope->needs_customer || b->plan->zone_trait >= 0;
    return lang_sql_local(b, lang_sql_zone(b, "c"), text);
}

Str lang_sql_date_of(SqlBuilder *b, SqlScope *scope, NodeId id) {
    if (b->plan->nodes[id].type == VALUE_DATE) {
        return lang_sql_node_text(b, scope, id);
    }
    return base_arena_printf(b->arena, "cast(%.*s as date)",
                             STR_ARG(lang_sql_local_of(b, scope, id)));
}

// The property of row `e`: its column, chosen by the event's type where types keep it differently.
static Str property_text(SqlBuilder *b, const SqlScope *scope, const Node *node) {
    const PlanProperty *property = &b->plan->properties[node->index];
    BASE_TEXT_SCOPED text = {0};
    base_text_append(&text, STR("case e.event"));
    bool is_empty = true;
    bool is_same = !scope->events->is_any && property->count == scope->events->count;
    Str first = {0};
    for (int32_t i = 0; i < property->count; i++) {
        int32_t column = property->columns[i];
        if (column < 0) {
            is_same = false;
            continue;
        }
        Str value = base_arena_printf(b->arena, "e.%.*s", STR_ARG(lang_sql_column(b, column)));
        ValueType type = b->plan->columns[column].type;
        if (type == VALUE_DECIMAL && property->type == VALUE_NUMBER) {
            value = base_arena_printf(b->arena,
                                      "cast(%.*s::decimal(38,4) * 10000 as bigint)::double / 10000",
                                      STR_ARG(value));
        } else if (type != property->type) {
            value = base_arena_printf(b->arena, "cast(%.*s as %s)", STR_ARG(value),
                                      property->type == VALUE_DECIMAL ? "decimal(38,4)"
                                                                      : type_name(property->type));
            if (property->type == VALUE_DECIMAL) {
                value = lang_sql_in_range(b, value, VALUE_DECIMAL);
            }
        }
        is_same = is_same && (is_empty || base_str_equal(first, value)) &&
                  property->events[i] == scope->events->events[i];
        first = is_empty ? value : first;
        is_empty = false;
        Str event = lang_sql_quote(b, b->plan->events[property->events[i]].name);
        base_text_printf(&text, " when %.*s then %.*s", STR_ARG(event), STR_ARG(value));
    }
    if (is_empty) {
        return base_arena_printf(b->arena, "cast(null as %s)", type_name(property->type));
    }
    if (is_same) {
        return first;
    }
    base_text_append(&text, STR(" end"));
    return base_arena_printf(b->arena, "(%.*s)", STR_ARG(base_text_str(&text)));
}

// The type in which two operands meet.
static ValueType common_type(const SqlBuilder *b, NodeId left, NodeId right) {
    ValueType x = b->plan->nodes[left].type;
    ValueType y = b->plan->nodes[right].type;
    if (x == VALUE_NULL || y == VALUE_NULL) {
        return x == VALUE_NULL ? y : x;
    }
    if ((x == VALUE_TIME && y == VALUE_DATE) || (x == VALUE_DATE && y == VALUE_TIME)) {
        return VALUE_TIME;
    }
    if (x == VALUE_NUMBER || y == VALUE_NUMBER) {
        return VALUE_NUMBER;
    }
    return x; // integer beside decimal: DuckDB compares them exactly
}

static Str compare_text(SqlBuilder *b, SqlScope *scope, NodeId left, const char *op, NodeId right) {
    ValueType type = common_type(b, left, right);
    bool is_exact = type == VALUE_INTEGER || type == VALUE_DECIMAL;
    Str x = is_exact ? lang_sql_node_text(b, scope, left) : lang_sql_node_as(b, scope, left, type);
    Str y =
        is_exact ? lang_sql_node_text(b, scope, right) : lang_sql_node_as(b, scope, right, type);
    return base_arena_printf(b->arena, "(%.*s %s %.*s)", STR_ARG(x), op, STR_ARG(y));
}

static Str logic_text(SqlBuilder *b, SqlScope *scope, const Node *node) {
    BASE_TEXT_SCOPED text = {0};
    base_text_append_char(&text, '(');
    for (int32_t i = 0; i < node->arg_count; i++) {
        base_text_append(&text, i == 0                   ? STR("")
                                : node->kind == NODE_AND ? STR(" and ")
                                                         : STR(" or "));
        base_text_append(&text, lang_sql_node_as(b, scope, node->args[i], VALUE_BOOLEAN));
    }
    base_text_append_char(&text, ')');
    return base_arena_str(b->arena, base_text_str(&text));
}

// x in (a, b) is x = a or x = b, each compared in its own common type.
static Str in_text(SqlBuilder *b, SqlScope *scope, const Node *node) {
    BASE_TEXT_SCOPED text = {0};
    bool is_same = true;
    ValueType type = b->plan->nodes[node->args[0]].type;
    for (int32_t i = 1; i < node->arg_count; i++) {
        is_same = is_same && b->plan->nodes[node->args[i]].type == type;
    }
    if (is_same) {
        base_text_printf(&text, "(%.*s in (", STR_ARG(lang_sql_node_text(b, scope, node->args[0])));
    } else {
        base_text_append(&text, STR("(("));
    }
    for (int32_t i = 1; i < node->arg_count; i++) {
        base_text_append(&text, i == 1 ? STR("") : is_same ? STR(", ") : STR(" or "));
        base_text_append(&text, is_same
                                    ? lang_sql_node_text(b, scope, node->args[i])
                                    : compare_text(b, scope, node->args[0], "=", node->args[i]));
    }
    base_text_append(&text, STR("))"));
    return base_arena_printf(b->arena, node->is_negated ? "(not %.*s)" : "%.*s",
                             STR_ARG(base_text_str(&text)));
}

static Str between_text(SqlBuilder *b, SqlScope *scope, const Node *node) {
    Str low = compare_text(b, scope, node->args[0], ">=", node->args[1]);
    Str high = compare_text(b, scope, node->args[0], "<=", node->args[2]);
    return base_arena_printf(b->arena,
                             node->is_negated ? "(not (%.*s and %.*s))" : "(%.*s and %.*s)",
                             STR_ARG(low), STR_ARG(high));
}

// A time: in (start, now] or (now, now + n]. A date: whole local days, closed at both ends.
static Str within_text(SqlBuilder *b, SqlScope *scope, const Node *node) {
    bool is_date = b->plan->nodes[node->args[0]].type == VALUE_DATE;
    Str value = lang_sql_node_text(b, scope, node->args[0]);
    scope->needs_customer = true;
    Str zone = lang_sql_zone(b, "c");
    Str bound =
        node->within.is_next
            ? lang_sql_add(b, zone, b->now, node->within.unit, node->within.amount)
            : lang_sql_start(b, zone, STR("c.begun_day"), node->within.unit, node->within.amount);
    if (!is_date) {
        return node->within.is_next
                   ? base_arena_printf(b->arena, "(%.*s > %.*s and %.*s <= %.*s)", STR_ARG(value),
                                       STR_ARG(b->now), STR_ARG(value), STR_ARG(bound))
                   : base_arena_printf(b->arena, "(%.*s > %.*s and %.*s <= %.*s)", STR_ARG(value),
                                       STR_ARG(bound), STR_ARG(value), STR_ARG(b->now));
    }
    Str day =
        base_arena_printf(b->arena, "cast(%.*s as date)", STR_ARG(lang_sql_local(b, zone, bound)));
    return node->within.is_next ? base_arena_printf(b->arena, "(%.*s between c.today and %.*s)",
                                                    STR_ARG(value), STR_ARG(day))
                                : base_arena_printf(b->arena, "(%.*s between %.*s and c.today)",
                                                    STR_ARG(value), STR_ARG(day));
}

static Str member_text(SqlBuilder *b, SqlScope *scope, const Node *node) {
    const PlanList *list = &b->plan->lists[node->index];
    if (list->count == 0) {
        return STR("false");
    }
    if (b->lists[node->index].size_bytes == 0) {
        Str name = lang_sql_name(b, "list", list->key);
        b->lists[node->index] = name;
        Text *out = lang_sql_cte_begin(b, name, NODE_NONE);
        base_text_append(out, STR("  select id from (values"));
        for (size_t i = 0; i < list->count; i++) {
            base_text_append(out, i > 0 ? STR(", (") : STR(" ("));
            lang_sql_literal(out, list->ids[i]);
            base_text_append_char(out, ')');
        }
        base_text_append(out, STR(") as ids(id)"));
        lang_sql_cte_end(b);
    }
    return base_arena_printf(b->arena, "(%.*s in (select id from %.*s))",
                             STR_ARG(lang_sql_person(b, scope)), STR_ARG(b->lists[node->index]));
}

// Metrics and segments that others use are CTEs of their own: (customer, value).
static Str named_text(SqlBuilder *b, SqlScope *scope, const Node *node) {
    bool is_metric = node->kind == NODE_METRIC;
    Str *name = is_metric ? &b->metrics[node->index] : &b->segments[node->index];
    if (name->size_bytes == 0) {
        SQL_SCOPE_SCOPED inner = {0};
        Str value = lang_sql_node_as(b, &inner, node->args[0], node->type);
        Str key =
            is_metric ? b->plan->metrics[node->index].name : b->plan->segments[node->index].key;
        *name = lang_sql_name(b, is_metric ? "metric" : "segment", key);
        Text *out = lang_sql_cte_begin(b, *name, node->args[0]);
        base_text_printf(out,
                         is_metric ? "  select c.customer, %.*s as value\n  from customers c%.*s"
                                   : "  select c.customer, coalesce(%.*s, false) as value\n"
                                     "  from customers c%.*s",
                         STR_ARG(value), STR_ARG(base_text_str(&inner.joins)));
        lang_sql_cte_end(b);
    }
    lang_sql_join(scope, *name);
    return base_arena_printf(b->arena, "%.*s.value", STR_ARG(*name));
}

static Str cte_value(SqlBuilder *b, SqlScope *scope, Str cte) {
    lang_sql_join(scope, cte);
    return base_arena_printf(b->arena, "%.*s.value", STR_ARG(cte));
}

static Str boolean_text(SqlBuilder *b, SqlScope *scope, const Node *node) {
    static const char *const ops[] = {"=", "<>", "<", "<=", ">", ">="};
    switch (node->kind) {
    case NODE_COMPARE:
        return compare_text(b, scope, node->args[0], ops[node->compare], node->args[1]);
    case NODE_NOT:
        return base_arena_printf(b->arena, "(not %.*s)",
                                 STR_ARG(lang_sql_node_as(b, scope, node->args[0], VALUE_BOOLEAN)));
    case NODE_IN:
        return in_text(b, scope, node);
    case NODE_BETWEEN:
        return between_text(b, scope, node);
    case NODE_IS_NULL:
        return base_arena_printf(b->arena, "(%.*s is %snull)",
                                 STR_ARG(lang_sql_node_text(b, scope, node->args[0])),
                                 node->is_negated ? "not " : "");
    case NODE_MATCH:
        return lang_sql_match(b, scope, node);
    case NODE_HOLIDAY:
        return lang_sql_holiday(b, scope, node);
    case NODE_WITHIN:
        return within_text(b, scope, node);
    default:
        return logic_text(b, scope, node);
    }
}

Str lang_sql_node_text(SqlBuilder *b, SqlScope *scope, NodeId id) {
    const Node *node = &b->plan->nodes[id];
    if (node->type == VALUE_NULL) { // what was never seen with a value
        return STR("null");
    }
    switch (node->kind) {
    case NODE_CONST:
        return lang_sql_const(b, node);
    case NODE_NOW:
        return b->now;
    case NODE_TRAIT:
        return base_arena_printf(b->arena, "c.%.*s",
                                 STR_ARG(lang_sql_trait_column(b, node->index)));
    case NODE_PROPERTY:
        return property_text(b, scope, node);
    case NODE_EVENT_TIME:
        return STR("e.time_us");
    case NODE_METRIC:
    case NODE_SEGMENT:
        return named_text(b, scope, node);
    case NODE_LIST:
        return member_text(b, scope, node);
    case NODE_AGGREGATE:
        return cte_value(b, scope, lang_sql_aggregate_cte(b, id));
    case NODE_SEQUENCE:
        return cte_value(b, scope, lang_sql_sequence_cte(b, id));
    case NODE_WAS:
        return cte_value(b, scope, lang_sql_was_cte(b, id));
    case NODE_HISTORY:
        return cte_value(b, scope, lang_sql_history_cte(b, id));
    case NODE_CHANGED:
        return cte_value(b, scope, lang_sql_changed_cte(b, id));
    case NODE_FIT:
        return cte_value(b, scope, lang_sql_fit_cte(b, id));
    case NODE_CALL:
        return lang_sql_call(b, scope, node);
    case NODE_NEGATE:
    case NODE_ADD:
    case NODE_SUBTRACT:
    case NODE_MULTIPLY:
    case NODE_DIVIDE:
        return lang_sql_arithmetic(b, scope, node);
    default:
        return boolean_text(b, scope, node);
    }
}
