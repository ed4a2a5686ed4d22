// was and changed: the values of a trait over time.
#include "base/calendar.h"
#include "lang/sql_private.h"

// The rows `e` that state the trait, with what it was before as `previous`.
static Str states_text(SqlBuilder *b, int32_t trait) {
    Str column = lang_sql_column(b, b->plan->traits[trait].column);
    b->needs_place = true;
    return base_arena_printf(b->arena,
                             "select e.customer, e.time_us, e.place, e.%.*s as value,\n"
                             "      lag(e.%.*s) over (partition by e.customer order by e.place)"
                             " as previous\n"
                             "    from events e where e.event = 'identify' and e.%.*s is not null",
                             STR_ARG(column), STR_ARG(column), STR_ARG(column));
}

Str lang_sql_was_cte(SqlBuilder *b, NodeId id) {
    if (b->histories[id].size_bytes > 0) {
        return b->histories[id];
    }
    const Node *node = &b->plan->nodes[id];
    SQL_SCOPE_SCOPED scope = {0};
    Str at = lang_sql_instant_of(b, &scope, node->args[0]);
    Str states = states_text(b, node->index);
    Str name = lang_sql_name(b, "", lang_sql_canonical(b, id));
    b->histories[id] = name;
    Text *out = lang_sql_cte_begin(b, name, id);
    base_text_printf(out,
                     "  select s.customer, arg_max(e.value, e.place) as value\n"
                     "  from (select c.customer, %.*s as at from customers c%.*s) s\n"
                     "  join (%.*s\n  ) e on e.customer = s.customer and e.time_us <= s.at\n"
                     "  group by s.customer",
                     STR_ARG(at), STR_ARG(base_text_str(&scope.joins)), STR_ARG(states));
    lang_sql_cte_end(b);
    return name;
}

static Str value_text(SqlBuilder *b, Value value) {
    return lang_sql_const(b, &(Node){.kind = NODE_CONST, .type = value.type, .value = value});
}

// What must hold of a row that states the trait, besides lying in the window.
static Str change_text(SqlBuilder *b, const TraitChange *change) {
    BASE_TEXT_SCOPED text = {0};
    base_text_printf(&text, "e.time_us > %lld and e.value is distinct from e.previous",
                     (long long)CALENDAR_TIME_MIN);
    if (change->has_from && change->from.is_null) {
        base_text_append(&text, STR(" and e.previous is null"));
    } else if (change->has_from) {
        base_text_printf(&text, " and e.previous = %.*s", STR_ARG(value_text(b, change->from)));
    }
    if (change->has_to) {
        base_text_printf(&text, " and e.value = %.*s", STR_ARG(value_text(b, change->to)));
    }
    return base_arena_str(b->arena, base_text_str(&text));
}

Str lang_sql_changed_cte(SqlBuilder *b, NodeId id) {
    if (b->histories[id].size_bytes > 0) {
        return b->histories[id];
    }
    const TraitChange *change = &b->plan->changes[b->plan->nodes[id].index];
    SqlWindow window = lang_sql_window_cte(b, &change->window);
    bool is_known = b->plan->traits[change->trait].column >= 0;
    Str states = is_known ? states_text(b, change->trait) : STR("");
    Str condition = is_known ? change_text(b, change) : STR("");
    Str name = lang_sql_name(b, "", lang_sql_canonical(b, id));
    b->histories[id] = name;
    Text *out = lang_sql_cte_begin(b, name, id);
    if (is_known) {
        base_text_printf(out,
                         "  select s.customer, count(e.time_us) > 0 as value\n  from %.*s s\n"
                         "  left join (select e.customer, e.time_us\n    from (%.*s) e%.*s\n"
                         "    where %.*s%s%.*s\n  ) e using (customer)\n  group by s.customer",
                         STR_ARG(window.customers), STR_ARG(states), STR_ARG(window.join),
                         STR_ARG(condition), window.condition.size_bytes > 0 ? " and " : "",
                         STR_ARG(window.condition));
    } else { // never seen with a value
        base_text_printf(out, "  select s.customer, false as value\n  from %.*s s",
                         STR_ARG(window.customers));
    }
    lang_sql_cte_end(b);
    return name;
}
