// A snapshot of what is known about the data: event types, their properties, traits.
#ifndef KRETS_DATA_CATALOG_H
#define KRETS_DATA_CATALOG_H

#include "base/arena.h"
#include "data/value.h"

// Events that Krets treats specially. `any` leaves these, array items ("order[products]") and
// names that begin with "krets." out.
#define CATALOG_EVENT_IDENTIFY "identify" // carries traits
#define CATALOG_EVENT_GROUP    "group"
#define CATALOG_EVENT_ALIAS    "alias"
#define CATALOG_EVENT_CONSENT  "consent"

typedef struct CatalogProperty {
    Str name;       // as the user wrote it, e.g. "Price", "address.city"
    Str column;     // column of the Parquet history, e.g. "Price~2"
    ValueType type; // VALUE_NULL while no value was ever seen
} CatalogProperty;

typedef struct CatalogEvent {
    Str name;
    CatalogProperty *properties; // sorted by name
    size_t property_count;
    bool is_any; // counts as `any`
} CatalogEvent;

// Immutable; owned by its arena. Traits are the properties of the event "identify".
typedef struct Catalog {
    CatalogEvent *events; // sorted by name
    size_t event_count;
    bool is_provisional; // read from the sources before the first import
} Catalog;

const CatalogEvent *data_catalog_event(const Catalog *catalog, Str name);          // or NULL
const CatalogProperty *data_catalog_property(const CatalogEvent *event, Str name); // or NULL
const CatalogProperty *data_catalog_trait(const Catalog *catalog, Str name);       // or NULL
bool data_catalog_is_any(Str event_name);

#endif
