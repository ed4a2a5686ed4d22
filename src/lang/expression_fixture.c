#include "lang/expression_fixture.h"

#include <stdlib.h>
#include <string.h>

typedef struct PropertyRow {
    const char *event, *name;
    ValueType type;
} PropertyRow;

// Events and their properties sorted by name, as a catalog has them.
static const PropertyRow rows[] = {
    {"identify", "birth_date", VALUE_DATE},
    {"identify", "city", VALUE_TEXT},
    {"identify", "credit", VALUE_DECIMAL},
    {"identify", "interests", VALUE_LIST},
    {"identify", "is_vip", VALUE_BOOLEAN},
    {"identify", "lat", VALUE_NUMBER},
    {"identify", "lon", VALUE_NUMBER},
    {"identify", "signup_at", VALUE_TIME},
    {"identify", "timezone", VALUE_TEXT},
    {"identify", "visits", VALUE_INTEGER},
    {"mail", NULL, VALUE_NULL},
    {"order", "Unit Price", VALUE_DECIMAL},
    {"order", "amount", VALUE_DECIMAL},
    {"order", "country", VALUE_TEXT},
    {"order", "coupon", VALUE_TEXT},
    {"order", "due", VALUE_DATE},
    {"order", "empty", VALUE_NULL},
    {"order", "gift", VALUE_BOOLEAN},
    {"order", "price", VALUE_NUMBER},
    {"order", "quantity", VALUE_INTEGER},
    {"order", "shipped_at", VALUE_TIME},
    {"order", "sku", VALUE_TEXT},
    {"order", "tags", VALUE_LIST},
    {"order[products]", "parent.amount", VALUE_DECIMAL},
    {"order[products]", "price", VALUE_DECIMAL},
    {"order[products]", "quantity", VALUE_INTEGER},
    {"refund", "amount", VALUE_INTEGER},
    {"refund", "country", VALUE_INTEGER},
    {"refund", "quantity", VALUE_INTEGER},
    {"view", "amount", VALUE_NUMBER},
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

const Catalog *expression_fixture_catalog(Arena *arena) {
    Catalog *catalog = base_arena_alloc(arena, sizeof *catalog);
    CatalogProperty *properties = base_arena_alloc_array(arena, ROW_COUNT, sizeof *properties);
    catalog->events = base_arena_alloc_array(arena, ROW_COUNT, sizeof *catalog->events);
    CatalogEvent *event = NULL;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        Str name = base_str_from(rows[i].event);
        if (event == NULL || !base_str_equal(event->name, name)) {
            event = &catalog->events[catalog->event_count++];
            *event = (CatalogEvent){
                .name = name, .properties = &properties[i], .is_any = data_catalog_is_any(name)};
        }
        if (rows[i].name == NULL)
            continue;
        properties[i] = (CatalogProperty){.name = base_str_from(rows[i].name),
                                          .column = base_str_from(rows[i].name),
                                          .type = rows[i].type};
        event->property_count++;
    }
    return catalog;
}

const Model *expression_fixture_model(Arena *arena) {
    static const MetricSource metrics[] = {
        {.name = {"recency", 7}, .expression = {"days_since(last(order))", 23}},
        {.name = {"frequency", 9}, .expression = {"count(order last 365 days)", 26}},
        {.name = {"monetary", 8}, .expression = {"sum(order.amount last 365 days)", 31}},
    };
    static const SegmentSource segments[] = {
        {.key = {"big", 3}, .expression = {"monetary >= 500", 15}},
        {.key = {"small", 5}, .expression = {"not segment(big)", 16}},
        {.key = {"recent", 6}, .expression = {"entered(big last 7 days)", 24}},
        {.key = {"again", 5}, .expression = {"segment(recent) and is_vip", 26}},
    };
    Model *model = base_arena_alloc(arena, sizeof *model);
    *model = (Model){.path = STR("krets.yaml"),
                     .country = STR("GB"),
                     .zone = base_zone_find(STR("Europe/London")),
                     .metrics = metrics,
                     .metric_count = sizeof metrics / sizeof metrics[0],
                     .segments = segments,
                     .segment_count = sizeof segments / sizeof segments[0]};
    return model;
}

ExpressionLook expression_fixture_compile(Arena *arena, const Model *model, const Catalog *catalog,
                                          const char *expression) {
    ExpressionLook look = {.node = NODE_NONE};
    KretsError error;
    lang_diagnostics_init(&look.diagnostics, arena);
    (void)lang_plan_compile_text(arena, model, catalog, STR("test"), base_str_from(expression),
                                 &look.diagnostics, &look.plan, &look.node, &error);
    return look;
}
