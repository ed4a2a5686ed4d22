#include "lang/shop_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define PROPERTY(text, kind)                                                                       \
    { STR(text), STR(text), VALUE_##kind }
#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define EVENT(text, list, any)                                                                     \
    { STR(text), list, COUNT(list), any }

static CatalogProperty traits[] = {PROPERTY("birth_date", DATE), PROPERTY("city", TEXT),
                                   PROPERTY("country", TEXT),    PROPERTY("newsletter", BOOLEAN),
                                   PROPERTY("signup", TIME),     PROPERTY("tags", LIST),
                                   PROPERTY("timezone", TEXT)};
static CatalogProperty order[] = {PROPERTY("amount", DECIMAL),   PROPERTY("coupon", TEXT),
                                  PROPERTY("gift", BOOLEAN),     PROPERTY("product", TEXT),
                                  PROPERTY("quantity", INTEGER), PROPERTY("shipped_at", TIME),
                                  PROPERTY("weight", NUMBER)};
static CatalogProperty items[] = {PROPERTY("name", TEXT), PROPERTY("parent.coupon", TEXT),
                                  PROPERTY("price", DECIMAL), PROPERTY("quantity", INTEGER)};
static CatalogProperty page[] = {PROPERTY("path", TEXT)};
static CatalogEvent events[] = {
    EVENT("Order Completed", page, true), EVENT("add_to_cart", page, true),
    EVENT("identify", traits, false),     EVENT("mail", page, true),
    EVENT("order", order, true),          EVENT("order[products]", items, false),
    EVENT("page_view", page, true),       EVENT("return", order, true)};

Catalog shop_catalog(void) {
    return (Catalog){.events = events, .event_count = COUNT(events)};
}

const Model *shop_model(Arena *arena) {
    static const Str text = STR("krets: 1\n"
                                "timezone: Europe/London\n"
                                "country: GB\n"
                                "metrics:\n"
                                "  recency: days_since(last(order))\n"
                                "  frequency: count(order last 365 days)\n"
                                "  \"order value\": sum(order.amount last 365 days)\n"
                                "segments:\n"
                                "  big_spenders: sum(order.amount last 90 days) >= 500\n"
                                "  lapsed: recency > 90\n");
    Diagnostics diagnostics = {0};
    const Model *model = NULL;
    if (lang_model_parse(arena, STR("shop.yaml"), text, &diagnostics, &model, NULL) != 0) {
        fprintf(stderr, "%s\n", diagnostics.items[0].rendered.data);
        abort();
    }
    return model;
}
