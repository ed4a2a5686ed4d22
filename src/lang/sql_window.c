// Windows as conditions on `e`; those that need a zone or an anchor get a CTE with their bounds.
#include <string.h>

#include "lang/sql_private.h"

// What a bound compares: an instant alone, or an event's place in its customer's order.
typedef struct Point {
    Str time_us;
    Str place; // "" : the time alone
} Point;

typedef struct Bounds {
    Str from, to;          // expressions, "" none
    const char *from_sign; // ">" or ">="
    const char *to_sign;   // "<" or "<="
    bool is_from_place, is_to_place;
    Str also;         // one more condition on `e`
    bool is_constant; // the same for all customers and zones
    bool is_anchored;
    bool is_instant; // anchors count by their time alone
    Str required;    // the anchor that must not be null
    SqlScope scope;  // over `c`
} Bounds;

bool lang_sql_aggregate_is_row(const Aggregate *aggregate) {
    bool is_time = aggregate->function == AGGREGATE_FIRST ||
                   aggregate->function == AGGREGATE_LAST || aggregate->function == AGGREGATE_NTH;
    return is_time && aggregate->value == NODE_NONE && aggregate->pick == GROUP_NONE;
}

static bool is_const_point(const SqlBuilder *b, NodeId id) {
    return b->plan->nodes[id].kind == NODE_CONST;
}

static Point make_point(SqlBuilder *b, SqlScope *scope, NodeId id) {
    const Node *node = &b->plan->nodes[id];
    Point point = {.time_us = lang_sql_instant_of(b, scope, id)};
    if (node->kind == NODE_AGGREGATE &&
        lang_sql_aggregate_is_row(&b->plan->aggregates[node->index])) {
        point.place =
            base_arena_printf(b->arena, "%.*s.place", STR_ARG(lang_sql_aggregate_cte(b, id)));
        b->needs_place = true;
    }
    return point;
}

static void bind_from(SqlBuilder *b, Bounds *bounds, NodeId id, bool is_since) {
    Point point = make_point(b, &bounds->scope, id);
    bool is_const = is_const_point(b, id);
    bounds->is_from_place = point.place.size_bytes > 0 && !bounds->is_instant;
    bounds->from = bounds->is_from_place ? point.place : point.time_us;
    bounds->from_sign = is_since && !is_const ? ">" : ">=";
    if (!is_const) {
        bounds->is_anchored = true;
        bounds->required = point.time_us;
    }
}

static void bind_to(SqlBuilder *b, Bounds *bounds, NodeId id) {
    Point point = make_point(b, &bounds->scope, id);
    bounds->is_to_place = point.place.size_bytes > 0 && !bounds->is_instant;
    bounds->to = bounds->is_to_place ? point.place : point.time_us;
    bounds->to_sign = "<";
    if (!is_const_point(b, id)) {
        bounds->required = bounds->is_anchored ? base_arena_printf(b->arena, "%.*s + %.*s",
                                                                   STR_ARG(bounds->required),
                                                                   STR_ARG(point.time_us))
                                               : point.time_us;
        bounds->is_anchored = true;
    }
}

static bool is_literal_time(const SqlBuilder *b, NodeId id) {
    return id == NODE_NONE || (is_const_point(b, id) && b->plan->nodes[id].type == VALUE_TIME);
}

// first n unit: [t0, t0 + n).
static void bind_first(SqlBuilder *b, Bounds *bounds, const Window *window) {
    b->needs_first_any = true;
    lang_sql_join(&bounds->scope, STR("first_any"));
    bounds->from = STR("first_any.time_us");
    bounds->from_sign = ">=";
    bounds->to = lang_sql_add(b, lang_sql_zone(b, "c"), bounds->from, window->unit, window->n);
    bounds->to_sign = "<";
    bounds->is_anchored = true;
    bounds->required = bounds->from;
}

// within n unit after A: (A, A + n]; before A: [A - n, A).
static void bind_near(SqlBuilder *b, Bounds *bounds, const Window *window) {
    Str zone = lang_sql_zone(b, "c");
    Point point = make_point(b, &bounds->scope, window->from);
    bounds->is_anchored = true;
    bounds->required = point.time_us;
    bool is_place = point.place.size_bytes > 0 && !bounds->is_instant;
    Str anchor = is_place ? point.place : point.time_us;
    if (window->kind == WINDOW_AFTER) {
        bounds->from = anchor;
        bounds->from_sign = ">";
        bounds->is_from_place = is_place;
        bounds->to = lang_sql_add(b, zone, point.time_us, window->unit, window->n);
        bounds->to_sign = "<=";
    } else {
        bounds->from = lang_sql_add(b, zone, point.time_us, window->unit, -window->n);
        bounds->from_sign = ">=";
        bounds->to = anchor;
        bounds->to_sign = "<";
        bounds->is_to_place = is_place;
    }
}

static void bind_calendar(SqlBuilder *b, Bounds *bounds, const Window *window, Str zone,
                          Str today) {
    switch (window->kind) {
    case WINDOW_LAST:
        bounds->from = lang_sql_start(b, zone, today, window->unit, window->n);
        bounds->from_sign = ">";
        break;
    case WINDOW_AGO:
        bounds->from = lang_sql_start(b, zone, today, window->unit, window->n);
        bounds->from_sign = ">";
        bounds->to = lang_sql_start(b, zone, today, window->to_unit, window->to_n);
        bounds->to_sign = "<=";
        break;
    case WINDOW_MORE_THAN:
        bounds->to = lang_sql_start(b, zone, today, window->unit, window->n);
        bounds->to_sign = "<=";
        break;
    case WINDOW_LAST_FULL:
        bounds->from = lang_sql_period(b, zone, today, window->unit, -window->n);
        bounds->from_sign = ">=";
        bounds->to = lang_sql_period(b, zone, today, window->unit, 0);
        bounds->to_sign = "<";
        break;
    default: // WINDOW_PERIOD
        bounds->from = lang_sql_period(b, zone, today, window->unit, window->shift);
        bounds->from_sign = ">=";
        bounds->to = lang_sql_period(b, zone, today, window->unit, window->shift + 1);
        bounds->to_sign = "<";
        break;
    }
}

static bool is_exact(const Window *window) {
    bool is_ago = window->kind == WINDOW_LAST || window->kind == WINDOW_MORE_THAN ||
                  (window->kind == WINDOW_AGO && lang_sql_unit_is_exact(window->to_unit));
    return is_ago && lang_sql_unit_is_exact(window->unit);
}

static void bind_window(SqlBuilder *b, Bounds *bounds, const Window *window) {
    switch (window->kind) {
    case WINDOW_ALL:
        bounds->is_constant = true;
        return;
    case WINDOW_SINCE:
    case WINDOW_BEFORE:
    case WINDOW_FROM_TO:
        bounds->is_constant =
            is_literal_time(b, window->kind == WINDOW_BEFORE ? NODE_NONE : window->from) &&
            is_literal_time(b, window->kind == WINDOW_SINCE ? NODE_NONE : window->to);
        if (window->kind != WINDOW_BEFORE) {
            bind_from(b, bounds, window->from, window->kind == WINDOW_SINCE);
        }
        if (window->kind != WINDOW_SINCE) {
            bind_to(b, bounds, window->to);
        }
        return;
    case WINDOW_FIRST:
        bind_first(b, bounds, window);
        return;
    case WINDOW_AFTER:
    case WINDOW_PRIOR:
        bind_near(b, bounds, window);
        return;
    default:
        if (bounds->is_instant || b->outer != NULL) { // now is each customer's own, or asked by one
            bind_calendar(b, bounds, window, lang_sql_zone(b, "c"), STR("c.begun_day"));
            return;
        }
        bounds->is_constant = is_exact(window);
        bind_calendar(b, bounds, window, lang_sql_zone(b, "z"), STR("z.begun_day"));
        return;
    }
}

static Str condition_text(SqlBuilder *b, const Bounds *bounds, bool is_named) {
    BASE_TEXT_SCOPED text = {0};
    if (bounds->from.size_bytes > 0) {
        base_text_printf(&text, "e.%s %s %.*s", bounds->is_from_place ? "place" : "time_us",
                         bounds->from_sign,
                         STR_ARG(is_named ? STR("w.lower_bound") : bounds->from));
    }
    if (bounds->to.size_bytes > 0) {
        base_text_printf(&text, "%se.%s %s %.*s", text.size_bytes > 0 ? " and " : "",
                         bounds->is_to_place ? "place" : "time_us", bounds->to_sign,
                         STR_ARG(is_named ? STR("w.upper_bound") : bounds->to));
    }
    return text.size_bytes == 0 ? STR("") : base_arena_str(b->arena, base_text_str(&text));
}

// The bounds as a CTE: one row a zone, or one row a customer that has the anchor.
static void write_cte(SqlBuilder *b, SqlWindow *made, const Bounds *bounds) {
    made->name = lang_sql_name(b, "bounds", STR(""));
    Text *out = lang_sql_cte_begin(b, made->name, NODE_NONE);
    bool is_by_customer = bounds->is_anchored || b->outer != NULL;
    base_text_printf(out, "  select %s", is_by_customer ? "c.customer" : "z.zone");
    if (bounds->from.size_bytes > 0) {
        base_text_printf(out, ",\n    %.*s as lower_bound", STR_ARG(bounds->from));
    }
    if (bounds->to.size_bytes > 0) {
        base_text_printf(out, ",\n    %.*s as upper_bound", STR_ARG(bounds->to));
    }
    if (is_by_customer) {
        base_text_printf(out, "\n  from customers c%.*s\n  where (%.*s) is not null",
                         STR_ARG(base_text_str(&bounds->scope.joins)),
                         STR_ARG(bounds->is_anchored ? bounds->required : STR("c.customer")));
        made->customers = made->name;
        made->join =
            base_arena_printf(b->arena, "\n    join %.*s w using (customer)", STR_ARG(made->name));
    } else {
        base_text_append(out, STR("\n  from zones z"));
        made->has_customer = true;
        made->join = base_arena_printf(
            b->arena, "\n    join customers c using (customer) join %.*s w on w.zone = c.zone",
            STR_ARG(made->name));
    }
    lang_sql_cte_end(b);
}

static bool equal_windows(const Window *a, const Window *b) {
    return a->kind == b->kind && a->n == b->n && a->unit == b->unit && a->to_n == b->to_n &&
           a->to_unit == b->to_unit && a->shift == b->shift && a->from == b->from && a->to == b->to;
}

SqlWindow lang_sql_window_cte(SqlBuilder *b, const Window *window) {
    for (size_t i = 0; i < b->window_count; i++) {
        if (equal_windows(b->windows[i].window, window)) {
            return b->windows[i];
        }
    }
    Bounds bounds = {0};
    bind_window(b, &bounds, window);
    SqlWindow made = {
        .window = window, .name = STR(""), .join = STR(""), .customers = STR("customers")};
    if (!bounds.is_constant) {
        write_cte(b, &made, &bounds);
    }
    made.condition = condition_text(b, &bounds, !bounds.is_constant);
    lang_sql_scope_done(&bounds.scope);
    b->windows = base_arena_grow(b->arena, b->windows, b->window_count, b->window_count + 1,
                                 sizeof *b->windows);
    b->windows[b->window_count++] = made;
    return made;
}

// An instant t with t >= from is after from - 1 us, one with t < to is at or before to - 1 us.
static Str less_one(SqlBuilder *b, Str bound, bool is_less) {
    return is_less ? base_arena_printf(b->arena, "%.*s - 1", STR_ARG(bound)) : bound;
}

Str lang_sql_span_cte(SqlBuilder *b, const Window *window) {
    Bounds bounds = {.is_instant = true};
    bind_window(b, &bounds, window);
    Str name = lang_sql_name(b, "span", STR(""));
    Text *out = lang_sql_cte_begin(b, name, NODE_NONE);
    Str after = bounds.from.size_bytes > 0 ? less_one(b, bounds.from, bounds.from_sign[1] == '=')
                                           : STR("null::bigint");
    Str until =
        bounds.to.size_bytes > 0 ? less_one(b, bounds.to, bounds.to_sign[1] == '\0') : b->now;
    base_text_printf(out,
                     "  select c.customer,\n    greatest(%.*s,"
                     " least(coalesce(f.time_us - 1, %.*s), %.*s - %lld), %lld) as after_us,\n"
                     "    least(%.*s, %.*s) as until_us\n"
                     "  from customers c left join (select customer, min(time_us) as time_us\n"
                     "    from events where time_us > %lld group by customer) f using (customer)"
                     "%.*s",
                     STR_ARG(after), STR_ARG(b->now), STR_ARG(b->now), (long long)PLAN_HISTORY_US,
                     (long long)CALENDAR_TIME_MIN, STR_ARG(until), STR_ARG(b->now),
                     (long long)CALENDAR_TIME_MIN, STR_ARG(base_text_str(&bounds.scope.joins)));
    if (bounds.is_anchored) {
        base_text_printf(out, "\n  where (%.*s) is not null", STR_ARG(bounds.required));
    }
    lang_sql_cte_end(b);
    lang_sql_scope_done(&bounds.scope);
    return name;
}
