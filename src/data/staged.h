// What one source delivers to the store: a relation of events inside a DuckDB connection.
#ifndef KRETS_DATA_STAGED_H
#define KRETS_DATA_STAGED_H

#include "data/value.h"

// A property of the source's events. `column` is its column in the relation, already of the DuckDB
// type that stands for `type`: boolean BOOLEAN, integer BIGINT, decimal DECIMAL(18,4), number
// DOUBLE, text VARCHAR, time TIMESTAMPTZ, date DATE, list VARCHAR[].
typedef struct StagedProperty {
    Str name;  // as the user knows it: "amount", "address.city", "parent.coupon"
    Str array; // "" for the event itself; "products" for the child events "event[products]"
    Str column;
    ValueType type;
} StagedProperty;

typedef enum StagedMode {
    STAGED_REPLACE, // the source's earlier import is replaced whole
    STAGED_APPEND   // newer rows only (cursor, changed traits)
} StagedMode;

// `relation` is an SQL select over the connection with the columns
//   customer VARCHAR, time TIMESTAMPTZ (UTC instants), arrival BIGINT, event VARCHAR,
//   message_id VARCHAR (may be null), and each property's column;
// nothing null but message_id and properties, rows in any order, nothing that must be left out.
// arrival = place of the source in the model << 53 | row << 13 | child (0 for the event itself).
// Owned by the arena of whoever staged it; valid while the connection and its temporary tables
// live.
typedef struct Staged {
    Str source; // key in the model file
    Str relation;
    const StagedProperty *properties;
    size_t property_count;
    StagedMode mode;
    uint64_t row_count; // events in the relation, or 0 when not counted yet
    bool is_sorted;     // the relation is already in (customer, time, arrival) order
    Str fingerprint;    // of the content and the source's definition: equal = nothing to do
    Str cursor;         // highest cursor value seen, "" none
    Str report_json;    // data quality: rows read, left out by reason with examples, columns
} Staged;

#endif
