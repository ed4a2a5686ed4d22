// ntile, percentile and top: the bounds are computed here from the population at now, never read
// from a fit.
#include "lang/sql_private.h"

// x as a double, as bounds are.
static Str position_text(SqlBuilder *b, SqlScope *scope, NodeId id) {
    ValueType type = b->plan->nodes[id].type;
    if (type == VALUE_TIME || type == VALUE_DURATION || type == VALUE_BOOLEAN) {
        return base_arena_printf(b->arena, "cast(%.*s as double)",
                                 STR_ARG(lang_sql_node_text(b, scope, id)));
    }
    if (type == VALUE_DATE) {
        return base_arena_printf(b->arena, "cast(%.*s - date '1970-01-01' as double)",
                                 STR_ARG(lang_sql_node_text(b, scope, id)));
    }
    return lang_sql_node_as(b, scope, id, VALUE_NUMBER);
}

// numpy's default quantile: linear between order statistics, with its two forms of interpolation.
static void write_tiles(Text *out, Str values, Str fitted, int64_t tiles) {
    base_text_printf(
        out,
        "  select v.customer, case when v.x is not null then"
        " 1 + len(list_filter(f.bounds, lambda q: v.x > q)) end as value\n"
        "  from %.*s v cross join (\n"
        "    select list_transform(list_transform(range(1, %lld),"
        " lambda k: (k::double / %lld) * (count - 1)),\n"
        "      lambda h: case when h - floor(h) < 0.5\n"
        "        then sorted[floor(h)::bigint + 1]"
        " + (sorted[least(floor(h)::bigint + 2, count)] - sorted[floor(h)::bigint + 1])"
        " * (h - floor(h))\n"
        "        else sorted[least(floor(h)::bigint + 2, count)]"
        " - (sorted[least(floor(h)::bigint + 2, count)] - sorted[floor(h)::bigint + 1])"
        " * (1 - (h - floor(h))) end) as bounds\n"
        "    from (select list(x order by x) as sorted, count(*) as count\n"
        "      from %.*s where is_fitted and x is not null)\n    where count > 0) f",
        STR_ARG(values), (long long)tiles, (long long)tiles, STR_ARG(fitted));
}

static void write_share(Text *out, Str values, Str fitted) {
    base_text_printf(
        out,
        "  select v.customer, coalesce(f.up_to, 0)::double / t.total as value\n"
        "  from %.*s v\n"
        "  asof left join (select x, sum(count(*)) over (order by x) as up_to, 1 as one\n"
        "    from %.*s where is_fitted and x is not null group by x) f"
        " on f.one = v.one and v.x >= f.x\n"
        "  cross join (select count(*) as total from %.*s where is_fitted and x is not null) t\n"
        "  where v.x is not null and t.total > 0",
        STR_ARG(values), STR_ARG(fitted), STR_ARG(fitted));
}

// The n-th largest is the bound, which those equal to it reach too.
static void write_top(Text *out, Str values, Str fitted, int64_t n) {
    base_text_printf(
        out,
        "  select v.customer, v.is_fitted and case when f.count > 0 and v.x is not null"
        " then f.bound is null or v.x >= f.bound end as value\n"
        "  from %.*s v cross join (\n"
        "    select count(*) as count, list(x order by x desc)[%lld] as bound\n"
        "    from %.*s where is_fitted and x is not null) f",
        STR_ARG(values), (long long)n, STR_ARG(fitted));
}

Str lang_sql_fit_values_cte(SqlBuilder *b, int32_t index) {
    if (b->fit_values[index].size_bytes > 0) {
        return b->fit_values[index];
    }
    const Fit *fit = &b->plan->fits[index];
    SQL_SCOPE_SCOPED scope = {0};
    Str x = position_text(b, &scope, fit->x);
    Str where = fit->where == NODE_NONE ? STR("true")
                                        : lang_sql_node_as(b, &scope, fit->where, VALUE_BOOLEAN);
    Str values = lang_sql_name(b, "values_to_fit", STR(""));
    b->fit_values[index] = values;
    Text *out = lang_sql_cte_begin(b, values, NODE_NONE);
    base_text_printf(out,
                     "  select c.customer, %.*s as x, %.*s as is_fitted, 1 as one\n"
                     "  from customers c%.*s",
                     STR_ARG(x), STR_ARG(where), STR_ARG(base_text_str(&scope.joins)));
    lang_sql_cte_end(b);
    return values;
}

Str lang_sql_fit_cte(SqlBuilder *b, NodeId id) {
    int32_t index = b->plan->nodes[id].index;
    if (b->fits[index].size_bytes > 0) {
        return b->fits[index];
    }
    const Fit *fit = &b->plan->fits[index];
    Str values = lang_sql_fit_values_cte(b, index);
    // Fits are frozen: other instants are placed in the population at the statement's now.
    Str fitted = b->outer == NULL ? values : lang_sql_fit_values_cte(b->outer, index);
    Str name = lang_sql_name(b, "", lang_sql_canonical(b, id));
    b->fits[index] = name;
    Text *out = lang_sql_cte_begin(b, name, id);
    if (fit->kind == FIT_NTILE) {
        write_tiles(out, values, fitted, fit->tiles);
    } else if (fit->kind == FIT_TOP) {
        write_top(out, values, fitted, fit->tiles);
    } else {
        write_share(out, values, fitted);
    }
    lang_sql_cte_end(b);
    return name;
}
