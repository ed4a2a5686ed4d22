// The relation of events that the store imports: kept rows and their items, repeats taken out.
#include <inttypes.h>

#include "ingest/rows_private.h"

static uint64_t first_row(const Stage *stage) {
    return stage->is_append ? stage->state->row_max + 1 : 0;
}

static Str arrival_sql(Stage *stage) {
    return stage_printf(stage, "(%" PRIu64 " + ((krets_row + %" PRIu64 ") << 13))",
                        (uint64_t)stage->place << 53, first_row(stage));
}

// Rows whose id came before within this source: a small table of the ids that repeat.
static int find_repeats(Stage *stage, const RowPlan *plan, Rows *rows, Text *kept) {
    if (!plan->id.is_set)
        return 0;
    int r = stage_run(stage,
                      stage_printf(stage,
                                   "create or replace temp table krets_repeats_%zu as select "
                                   "krets_id, min(krets_row) as first_row, count(*) as n from %s "
                                   "where krets_reason = 0 and krets_id is not null group by all "
                                   "having count(*) > 1",
                                   stage->place, rows->table.data));
    if (r == 0)
        r = stage_ask_count(stage,
                            stage_printf(stage,
                                         "select coalesce(sum(n - 1), 0)::bigint from "
                                         "krets_repeats_%zu",
                                         stage->place),
                            &rows->repeat_count);
    if (r < 0)
        return r;
    if (rows->repeat_count > 0)
        base_text_printf(kept,
                         " and not exists (select 1 from krets_repeats_%zu d where d.krets_id = "
                         "r.krets_id and r.krets_row > d.first_row)",
                         stage->place);
    if (stage->is_append && stage->state->history_sql.size_bytes > 0)
        base_text_printf(kept,
                         " and not exists (select 1 from (%.*s) h where h.message_id = r.krets_id "
                         "and h.arrival >> 53 = %zu)",
                         STR_ARG(stage->state->history_sql), stage->place);
    return 0;
}

static void append_properties(const RowPlan *plan, Str array, Text *sql) {
    for (size_t i = 0; i < plan->property_count; i++) {
        const RowProperty *property = &plan->properties[i];
        if (!base_str_equal(property->array, array))
            base_text_printf(sql, ", cast(null as %s) as %s", type_duck(property->type),
                             property->column.data);
        else if (array.size_bytes == 0)
            base_text_printf(sql, ", %s", property->column.data);
        else
            base_text_printf(sql, ", cast(%s as %s) as %s", property->sql.data,
                             type_duck(property->type), property->column.data);
    }
}

static void append_items(Stage *stage, const RowPlan *plan, const RowArray *array,
                         const char *table, Str kept, Text *sql) {
    base_text_printf(
        sql,
        " union all select krets_customer, make_timestamptz(krets_instant), "
        "cast(%s + ix as bigint), krets_event || %s, krets_id || '.' || ix",
        arrival_sql(stage).data,
        stage_literal(stage, stage_printf(stage, "[%.*s]", STR_ARG(array->name))).data);
    append_properties(plan, array->name, sql);
    base_text_printf(
        sql,
        " from (select r.*, unnest(%s) as it, generate_subscripts(%s, 1) as ix from %s "
        "r where %.*s) s where it is not null and ix <= %d",
        array->column.data, array->column.data, table, STR_ARG(kept), INGEST_ITEMS_MAX);
}

// --- traits that changed ---

static Str history_column(const Stage *stage, Str property) {
    const Catalog *catalog = stage->state->catalog;
    const CatalogProperty *trait = catalog != NULL ? data_catalog_trait(catalog, property) : NULL;
    return trait != NULL ? trait->column : (Str){NULL, 0};
}

static void append_before(Stage *stage, const RowPlan *plan, Text *sql) {
    base_text_append(sql, STR("select customer"));
    for (size_t i = 0; i < plan->property_count; i++) {
        const RowProperty *property = &plan->properties[i];
        Str column = history_column(stage, property->name);
        const char *type = type_duck(property->type);
        if (column.size_bytes == 0)
            base_text_printf(sql, ", cast(null as %s) as b%zu", type, i);
        else
            base_text_printf(sql, ", try_cast(arg_max(%s, (time, arrival)) as %s) as b%zu",
                             stage_identifier(stage, column).data, type, i);
    }
    base_text_printf(sql,
                     " from (%.*s) h where event = '%s' and arrival >> 53 = %zu group by customer",
                     STR_ARG(stage->state->history_sql), CATALOG_EVENT_IDENTIFY, stage->place);
}

// What each customer's row says now, beside what it said before: only what changed is an event.
static Str changed_traits(Stage *stage, const RowPlan *plan, const char *table, Str kept) {
    BASE_TEXT_SCOPED sql = {0};
    base_text_append(&sql,
                     STR("with n as (select krets_customer, max(krets_row) as krets_row, "
                         "max(krets_instant) as krets_instant, arg_max(krets_id, krets_row) as "
                         "krets_id"));
    for (size_t i = 0; i < plan->property_count; i++)
        base_text_printf(&sql, ", arg_max(p%zu, krets_row) as p%zu", i, i);
    base_text_printf(&sql, " from %s r where %.*s group by krets_customer), b as (", table,
                     STR_ARG(kept));
    append_before(stage, plan, &sql);
    base_text_printf(
        &sql,
        ") select krets_customer as customer, make_timestamptz(krets_instant) as time, "
        "cast(%s as bigint) as arrival, '%s' as event, krets_id as message_id",
        arrival_sql(stage).data, CATALOG_EVENT_IDENTIFY);
    for (size_t i = 0; i < plan->property_count; i++)
        base_text_printf(&sql, ", case when p%zu is distinct from b%zu then p%zu end as p%zu", i, i,
                         i, i);
    base_text_append(&sql, STR(" from n left join b on n.krets_customer = b.customer where "
                               "b.customer is null"));
    for (size_t i = 0; i < plan->property_count; i++)
        base_text_printf(&sql, " or (p%zu is not null and p%zu is distinct from b%zu)", i, i, i);
    return stage_text(stage, &sql);
}

int row_relation_build(Stage *stage, RowPlan *plan, Rows *rows) {
    BASE_TEXT_SCOPED kept = {0};
    base_text_append(&kept, STR("r.krets_reason = 0"));
    int r = row_items_describe(stage, plan, rows);
    if (r == 0)
        r = find_repeats(stage, plan, rows, &kept);
    if (r < 0)
        return r;
    const char *table = rows->table.data;
    if (plan->is_timeless && stage->is_append && stage->state->history_sql.size_bytes > 0) {
        rows->relation = changed_traits(stage, plan, table, base_text_str(&kept));
    } else {
        BASE_TEXT_SCOPED sql = {0};
        base_text_printf(&sql,
                         "select krets_customer as customer, make_timestamptz(krets_instant) as "
                         "time, cast(%s as bigint) as arrival, krets_event as event, krets_id as "
                         "message_id",
                         arrival_sql(stage).data);
        append_properties(plan, STR(""), &sql);
        base_text_printf(&sql, " from %s r where %s", table, kept.data);
        for (size_t i = 0; i < plan->array_count; i++)
            append_items(stage, plan, &plan->arrays[i], table, base_text_str(&kept), &sql);
        rows->relation = stage_text(stage, &sql);
    }
    rows->kept_sql = stage_text(stage, &kept);
    return 0;
}
