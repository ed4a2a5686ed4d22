#include "data/catalog.h"

const CatalogEvent *data_catalog_event(const Catalog *catalog, Str name) {
    size_t low = 0;
    size_t high = catalog->event_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = base_str_compare(catalog->events[middle].name, name);
        if (order == 0) {
            return &catalog->events[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

const CatalogProperty *data_catalog_property(const CatalogEvent *event, Str name) {
    size_t low = 0;
    size_t high = event->property_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = base_str_compare(event->properties[middle].name, name);
        if (order == 0) {
            return &event->properties[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

const CatalogProperty *data_catalog_trait(const Catalog *catalog, Str name) {
    const CatalogEvent *identify = data_catalog_event(catalog, STR(CATALOG_EVENT_IDENTIFY));
    return identify == NULL ? NULL : data_catalog_property(identify, name);
}

bool data_catalog_is_any(Str event_name) {
    static const char *const apart[] = {CATALOG_EVENT_IDENTIFY, CATALOG_EVENT_GROUP,
                                        CATALOG_EVENT_ALIAS, CATALOG_EVENT_CONSENT};
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++) {
        if (base_str_equal(event_name, base_str_from(apart[i]))) {
            return false;
        }
    }
    // Items of an array are named event[array].
    bool is_item = base_str_ends(event_name, STR("]")) && base_str_contains(event_name, STR("["));
    return !is_item && !base_str_starts(event_name, STR("krets."));
}
