// How the rows of a source become events: shared by rows.c, row_items.c and row_relation.c.
#ifndef KRETS_INGEST_ROWS_PRIVATE_H
#define KRETS_INGEST_ROWS_PRIVATE_H

#include "ingest/ingest_private.h"

// krets_reason of a row; 0 is kept.
typedef enum RowReason {
    ROW_KEPT,
    ROW_WHERE,
    ROW_NO_CUSTOMER,
    ROW_PLACEHOLDER,
    ROW_NO_TIME,
    ROW_BAD_TIME,
    ROW_FAR_TIME,
    ROW_NO_EVENT,
    ROW_OLD,
    ROW_REASON_COUNT
} RowReason;

typedef struct RowField {
    bool is_set;
    InputColumn *column; // or
    Str sql;             // over the row view
} RowField;

typedef struct RowValue {
    Str name, sql;
    InputColumn *column; // when it is simply one
    Place place;
} RowValue;

// An array of objects: each item is a child event.
typedef struct RowArray {
    Str name;   // "products"
    Str column; // holds the list in the table of rows
    Str sql;    // over the value view
    Str item_type;
} RowArray;

struct RowPlan {
    RowField customer, time, event, id;
    bool is_timeless, is_time_text, is_tried;
    Str time_raw, time_format, time_note;
    const Zone *zone;
    Str row_view, value_view, tried_view, time_view;
    Str customer_sql, event_sql, id_sql;
    Str naive, instant, fold; // over the converted rows
    Str cursor_filter;
    RowValue *values;
    size_t value_count;
    RowProperty *properties;
    size_t property_count, property_capacity;
    RowArray *arrays;
    size_t array_count, array_capacity;
};

RowProperty *row_property_add(Stage *stage, RowPlan *plan);
// SQL that turns a value of a DuckDB type into the type it has in Krets.
Str row_value_convert(Stage *stage, const RowPlan *plan, const char *sql, Str type,
                      ValueType value);
InputColumn *row_column_find(Stage *stage, Str name); // or NULL
void row_items_add(Stage *stage, RowPlan *plan, Str name, Str sql, Str item_type);
void row_items_append_held(Stage *stage, const RowPlan *plan, Text *sql);
// Properties of the items, and of their parents as "parent.x".
int row_items_describe(Stage *stage, RowPlan *plan, const Rows *rows);
// The relation of Staged, duplicates and unchanged traits taken out.
int row_relation_build(Stage *stage, RowPlan *plan, Rows *rows);

#endif
