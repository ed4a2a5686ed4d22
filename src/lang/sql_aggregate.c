// One CTE for each distinct aggregate: (customer, value), a row for every customer that has one.
#include "lang/sql_private.h"

Str lang_sql_event_filter(SqlBuilder *b, const EventSet *events) {
    BASE_TEXT_SCOPED text = {0};
    if (events->is_any) {
        return STR("e.event not in ('identify', 'group', 'alias', 'consent')"
                   " and not starts_with(e.event, 'krets.')"
                   " and not (contains(e.event, '[') and ends_with(e.event, ']'))");
    }
    if (events->count == 0) {
        return STR("false");
    }
    base_text_append(&text, events->count == 1 ? STR("e.event = ") : STR("e.event in ("));
    for (int32_t i = 0; i < events->count; i++) {
        base_text_append(&text, i > 0 ? STR(", ") : STR(""));
        lang_sql_literal(&text, b->plan->events[events->events[i]].name);
    }
    base_text_append(&text, events->count == 1 ? STR("") : STR(")"));
    return base_arena_str(b->arena, base_text_str(&text));
}

Str lang_sql_selection_cte(SqlBuilder *b, int32_t index) {
    if (b->selections[index].size_bytes > 0) {
        return b->selections[index];
    }
    const Selection *selection = &b->plan->selections[index];
    SQL_SCOPE_SCOPED scope = {.events = &selection->events};
    Str where = selection->where == NODE_NONE
                    ? STR("")
                    : lang_sql_node_as(b, &scope, selection->where, VALUE_BOOLEAN);
    Str about = selection->events.is_any || selection->events.count == 0
                    ? STR("any")
                    : b->plan->events[selection->events.events[0]].name;
    Str name = lang_sql_name(b, "events", about);
    b->selections[index] = name;
    Text *out = lang_sql_cte_begin(b, name, selection->where);
    base_text_printf(out, "  select e.* from events e%s\n  where %.*s",
                     scope.needs_customer ? " join customers c using (customer)" : "",
                     STR_ARG(lang_sql_event_filter(b, &selection->events)));
    if (where.size_bytes > 0) {
        base_text_printf(out, "\n    and %.*s", STR_ARG(where));
    }
    lang_sql_cte_end(b);
    return name;
}

// The value of a row, as sums want it: mantissas for decimals, so that all are exact.
static Str sum_text(SqlBuilder *b, const Aggregate *aggregate, ValueType from) {
    if (from == VALUE_NUMBER) {
        b->needs_place = true;
        return lang_sql_finite(b, STR("coalesce(sum(e.value order by e.place), 0)"));
    }
    return lang_sql_in_range(b, STR("coalesce(sum(e.value), 0)"), aggregate->type);
}

static Str average_text(SqlBuilder *b, ValueType from) {
    if (from == VALUE_NUMBER) {
        b->needs_place = true;
        return lang_sql_finite(b, STR("sum(e.value order by e.place) / count(e.value)"));
    }
    const char *exact = from == VALUE_DECIMAL
                            ? "sum(cast(e.value::decimal(38,4) * 10000 as bigint))"
                            : "sum(e.value)";
    const char *scale = from == VALUE_DECIMAL ? " / 10000" : "";
    // DuckDB rounds twice when it converts 128 bits. Two parts of 53 bits convert exactly, so that
    // only their sum is rounded.
    return base_arena_printf(b->arena,
                             "((%s // 9007199254740992)::bigint::double * 9007199254740992"
                             " + (%s %% 9007199254740992)::bigint::double)%s / count(e.value)",
                             exact, exact, scale);
}

static Str periods_text(SqlBuilder *b, AggregateFunction function) {
    Str zone = lang_sql_zone(b, "c");
    Str local = lang_sql_local(b, zone, STR("e.time_us"));
    const char *unit = function == AGGREGATE_DAYS    ? "day"
                       : function == AGGREGATE_WEEKS ? "week"
                                                     : "month";
    return base_arena_printf(b->arena, "date_trunc('%s', %.*s)", unit, STR_ARG(local));
}

static Str nth_text(SqlBuilder *b, const Aggregate *aggregate, const char *what) {
    b->needs_place = true;
    long long n = aggregate->n;
    return base_arena_printf(b->arena, "(list(%s order by e.place) filter (%s is not null))[%lld]",
                             what, what, n);
}

// Over the rows `e` of one customer (or group); e.place is null where there is no row.
static Str function_text(SqlBuilder *b, const Aggregate *aggregate, ValueType from) {
    bool is_event = aggregate->value == NODE_NONE;
    switch (aggregate->function) {
    case AGGREGATE_COUNT:
        return STR("count(e.time_us)");
    case AGGREGATE_DID:
        return STR("count(e.time_us) > 0");
    case AGGREGATE_NEVER:
        return STR("count(e.time_us) = 0");
    case AGGREGATE_DAYS:
    case AGGREGATE_WEEKS:
    case AGGREGATE_MONTHS:
    case AGGREGATE_DISTINCT:
        return STR("count(distinct e.value)");
    case AGGREGATE_GAP:
        return STR("case when count(e.time_us) > 1 then"
                   " (max(e.time_us) - min(e.time_us))::double / 86400000000"
                   " / (count(e.time_us) - 1) end");
    case AGGREGATE_FIRST:
        b->needs_place = b->needs_place || !is_event;
        return is_event ? STR("min(e.time_us)")
                        : STR("arg_min(e.value, e.place) filter (e.value is not null)");
    case AGGREGATE_LAST:
        b->needs_place = b->needs_place || !is_event;
        return is_event ? STR("max(e.time_us)")
                        : STR("arg_max(e.value, e.place) filter (e.value is not null)");
    case AGGREGATE_NTH:
        return nth_text(b, aggregate, is_event ? "e.time_us" : "e.value");
    case AGGREGATE_SUM:
        return sum_text(b, aggregate, from);
    case AGGREGATE_AVG:
        return average_text(b, from);
    case AGGREGATE_MIN:
        return STR("min(e.value)");
    case AGGREGATE_MAX:
        return STR("max(e.value)");
    default:
        return lang_sql_fail(b, "this aggregate");
    }
}

static bool is_point(const Window *window, NodeId id) {
    bool has_from = window->kind == WINDOW_SINCE || window->kind == WINDOW_FROM_TO ||
                    window->kind == WINDOW_AFTER || window->kind == WINDOW_PRIOR;
    bool has_to = window->kind == WINDOW_BEFORE || window->kind == WINDOW_FROM_TO;
    return (has_from && window->from == id) || (has_to && window->to == id);
}

static bool is_anchor(const Plan *plan, NodeId id) {
    for (int32_t i = 0; i < plan->aggregate_count; i++) {
        if (is_point(&plan->aggregates[i].window, id)) {
            return true;
        }
    }
    for (int32_t i = 0; i < plan->sequence_count; i++) {
        if (is_point(&plan->sequences[i].window, id)) {
            return true;
        }
    }
    for (int32_t i = 0; i < plan->change_count; i++) {
        if (is_point(&plan->changes[i].window, id)) {
            return true;
        }
    }
    return false;
}

// The place of the event that the value is the time of, for windows that begin or end at it.
static Str place_text(SqlBuilder *b, NodeId id) {
    const Aggregate *aggregate = &b->plan->aggregates[b->plan->nodes[id].index];
    if (!lang_sql_aggregate_is_row(aggregate) || !is_anchor(b->plan, id)) {
        return STR("");
    }
    b->needs_place = true;
    Str place = aggregate->function == AGGREGATE_FIRST  ? STR("min(e.place)")
                : aggregate->function == AGGREGATE_LAST ? STR("max(e.place)")
                                                        : nth_text(b, aggregate, "e.place");
    return base_arena_printf(b->arena, ", %.*s as place", STR_ARG(place));
}

// The rows inside the window, with the value and the group of each.
static Str rows_text(SqlBuilder *b, const Aggregate *aggregate, const SqlWindow *window) {
    const Selection *selection = &b->plan->selections[aggregate->selection];
    SQL_SCOPE_SCOPED scope = {.events = &selection->events};
    Str from = lang_sql_selection_cte(b, aggregate->selection);
    BASE_TEXT_SCOPED text = {0};
    base_text_append(&text, STR("select e.customer, e.time_us"));
    if (aggregate->value != NODE_NONE) {
        base_text_printf(&text, ", %.*s as value",
                         STR_ARG(lang_sql_node_text(b, &scope, aggregate->value)));
    }
    if (aggregate->function >= AGGREGATE_DAYS && aggregate->function <= AGGREGATE_MONTHS) {
        scope.needs_customer = scope.needs_customer || b->plan->zone_trait >= 0;
        base_text_printf(&text, ", %.*s as value", STR_ARG(periods_text(b, aggregate->function)));
    }
    if (aggregate->pick != GROUP_NONE) {
        base_text_printf(&text, ", %.*s as grouped_by",
                         STR_ARG(lang_sql_node_text(b, &scope, aggregate->by)));
    }
    base_text_printf(&text, "%s\n    from %.*s e%.*s%s", b->needs_place ? ", e.place" : "",
                     STR_ARG(from), STR_ARG(window->join),
                     scope.needs_customer && !window->has_customer
                         ? "\n    join customers c using (customer)"
                         : "");
    if (window->condition.size_bytes > 0) {
        base_text_printf(&text, "\n    where %.*s", STR_ARG(window->condition));
    }
    return base_arena_str(b->arena, base_text_str(&text));
}

static void write_plain(SqlBuilder *b, Text *out, NodeId id, ValueType from,
                        const SqlWindow *window, Str rows) {
    const Aggregate *aggregate = &b->plan->aggregates[b->plan->nodes[id].index];
    Str value = function_text(b, aggregate, from);
    base_text_printf(out,
                     "  select s.customer, %.*s as value%.*s\n  from %.*s s\n  left join (%.*s\n"
                     "  ) e using (customer)\n  group by s.customer",
                     STR_ARG(value), STR_ARG(place_text(b, id)), STR_ARG(window->customers),
                     STR_ARG(rows));
}

// The most frequent value, of equals the one seen last.
static void write_mode(Text *out, const SqlWindow *window, Str rows, bool is_grouped) {
    const char *group = is_grouped ? ", e.grouped_by" : "";
    base_text_printf(
        out,
        "  select s.customer%s, arg_max(e.value, (e.times, e.latest)) as value\n  from %.*s s\n"
        "  left join (\n    select e.customer%s, e.value, count(*) as times, max(e.place) as "
        "latest\n"
        "    from (%.*s) e\n    where e.value is not null%s\n    group by e.customer%s, e.value\n"
        "  ) e using (customer)\n  group by s.customer%s",
        group, STR_ARG(window->customers), group, STR_ARG(rows),
        is_grouped ? " and e.grouped_by is not null" : "", group, group);
}

// most / fewest: the aggregate of each group, then the largest or smallest.
static void write_pick(SqlBuilder *b, Text *out, const Aggregate *aggregate, ValueType from,
                       const SqlWindow *window, Str rows) {
    base_text_printf(out,
                     "  select s.customer, %s(g.value) as value\n  from %.*s s\n  left join (\n",
                     aggregate->pick == GROUP_MOST ? "max" : "min", STR_ARG(window->customers));
    if (aggregate->function == AGGREGATE_MODE) {
        write_mode(out, window, rows, true);
    } else {
        base_text_printf(
            out,
            "    select e.customer, %.*s as value\n    from (%.*s) e\n"
            "    where e.grouped_by is not null\n    group by e.customer, e.grouped_by",
            STR_ARG(function_text(b, aggregate, from)), STR_ARG(rows));
    }
    base_text_append(out, STR("\n  ) g using (customer)\n  group by s.customer"));
}

Str lang_sql_aggregate_cte(SqlBuilder *b, NodeId id) {
    int32_t index = b->plan->nodes[id].index;
    if (b->aggregates[index].size_bytes > 0) {
        return b->aggregates[index];
    }
    const Aggregate *aggregate = &b->plan->aggregates[index];
    bool is_mode = aggregate->function == AGGREGATE_MODE;
    ValueType from =
        aggregate->value == NODE_NONE ? VALUE_TIME : b->plan->nodes[aggregate->value].type;
    SqlWindow window = lang_sql_window_cte(b, &aggregate->window);
    b->needs_place = b->needs_place || is_mode;
    if (!is_mode) { // says whether it needs the order before the rows are written
        function_text(b, aggregate, from);
        place_text(b, id);
    }
    Str rows = rows_text(b, aggregate, &window);
    Str name = lang_sql_name(b, "", lang_sql_canonical(b, id));
    b->aggregates[index] = name;
    Text *out = lang_sql_cte_begin(b, name, id);
    if (aggregate->pick != GROUP_NONE) {
        write_pick(b, out, aggregate, from, &window, rows);
    } else if (is_mode) {
        write_mode(out, &window, rows, false);
    } else {
        write_plain(b, out, id, from, &window, rows);
    }
    lang_sql_cte_end(b);
    return name;
}
