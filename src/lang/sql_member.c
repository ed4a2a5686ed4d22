// entered, exited, in … for: whether a customer was in a segment, at many instants at once.
//
// Inside the statement stands another one of the same kind for the segment, in which `customer` is
// one customer at one instant, with the events up to then, and now is a column. It has no part in
// how the evaluator finds the instants.
#include "lang/sql_private.h"

// (key, person, now_us): each instant to be asked about, and the one before it.
static Str moments_cte(SqlBuilder *b, HistoryKind kind, Str span, Str instants) {
    Str name = lang_sql_name(b, "moments", STR(""));
    Text *out = lang_sql_cte_begin(b, name, NODE_NONE);
    Str other =
        kind == HISTORY_STAYED
            ? base_arena_printf(b->arena, "select customer, after_us from %.*s", STR_ARG(span))
            : base_arena_printf(b->arena, "select customer, at_us - 1 from %.*s",
                                STR_ARG(instants));
    base_text_printf(out,
                     "  select row_number() over (order by customer, now_us) as key,"
                     " customer as person, now_us\n"
                     "  from (select customer, at_us as now_us from %.*s union %.*s)",
                     STR_ARG(instants), STR_ARG(other));
    lang_sql_cte_end(b);
    return name;
}

// (customer, now_us, is_member) for those in the population at that instant.
static Str members_cte(SqlBuilder *b, NodeId segment, Str moments) {
    SqlBuilder inner = {.arena = b->arena,
                        .plan = b->plan,
                        .options = b->options,
                        .error = b->error,
                        .names = b->names,
                        .now = STR("c.now_us"),
                        .outer = b,
                        .moments = moments};
    SQL_SCOPE_SCOPED scope = {0};
    BASE_TEXT_SCOPED base = {0};
    lang_sql_builder_begin(&inner);
    Str value = lang_sql_node_text(&inner, &scope, segment);
    lang_sql_population_text(&inner, &base);
    Str name = lang_sql_name(b, "members_of", b->plan->segments[b->plan->nodes[segment].index].key);
    Text *out = lang_sql_cte_begin(b, name, segment);
    base_text_append(out, base_text_str(&base));
    base_text_append(out, base_text_str(&inner.ctes));
    base_text_printf(out,
                     "\n  select c.person as customer, c.now_us, %.*s as is_member\n"
                     "  from customers c%.*s",
                     STR_ARG(value), STR_ARG(base_text_str(&scope.joins)));
    lang_sql_cte_end(b);
    base_text_done(&inner.ctes);
    b->code = b->code != 0 ? b->code : inner.code;
    return name;
}

static void write_stayed(Text *out, Str span, Str instants, Str members) {
    base_text_printf(out,
                     "  select s.customer, bool_and(coalesce(m.is_member, false)) as value\n"
                     "  from (select customer, after_us as at_us from %.*s\n"
                     "    union all select customer, at_us from %.*s) s\n"
                     "  left join %.*s m on m.customer = s.customer and m.now_us = s.at_us\n"
                     "  group by s.customer",
                     STR_ARG(span), STR_ARG(instants), STR_ARG(members));
}

static void write_moved(Text *out, HistoryKind kind, Str span, Str instants, Str members) {
    const char *before = kind == HISTORY_ENTERED ? "not " : "";
    const char *after = kind == HISTORY_ENTERED ? "" : "not ";
    base_text_printf(out,
                     "  select s.customer, coalesce(bool_or(%scoalesce(m.is_member, false)"
                     " and %scoalesce(p.is_member, false)\n"
                     "    and i.at_us is not null), false) as value\n"
                     "  from %.*s s\n  left join %.*s i using (customer)\n"
                     "  left join %.*s m on m.customer = i.customer and m.now_us = i.at_us\n"
                     "  left join %.*s p on p.customer = i.customer and p.now_us = i.at_us - 1\n"
                     "  group by s.customer",
                     after, before, STR_ARG(span), STR_ARG(instants), STR_ARG(members),
                     STR_ARG(members));
}

Str lang_sql_history_cte(SqlBuilder *b, NodeId id) {
    if (b->histories[id].size_bytes > 0) {
        return b->histories[id];
    }
    const Node *node = &b->plan->nodes[id];
    const SegmentHistory *history = &b->plan->histories[node->index];
    Str span = lang_sql_span_cte(b, &history->window);
    Str instants = lang_sql_moments_cte(b, node->args[0], &history->window, span);
    Str moments = moments_cte(b, history->kind, span, instants);
    Str members = members_cte(b, node->args[0], moments);
    Str name = lang_sql_name(b, "", lang_sql_canonical(b, id));
    b->histories[id] = name;
    Text *out = lang_sql_cte_begin(b, name, id);
    if (history->kind == HISTORY_STAYED) {
        write_stayed(out, span, instants, members);
    } else {
        write_moved(out, history->kind, span, instants, members);
    }
    lang_sql_cte_end(b);
    return name;
}
