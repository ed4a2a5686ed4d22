// Columns in memory as a table of DuckDB.
#ifndef KRETS_DB_DUCK_TABLE_H
#define KRETS_DB_DUCK_TABLE_H

#include "data/table.h"
#include "db/duck.h"

typedef struct DuckTableColumn {
    Str name;
    TableColumn column;
} DuckTableColumn;

// Creates (or replaces) the temporary table `name` with the columns' types (boolean BOOLEAN,
// integer BIGINT, decimal DECIMAL(18,4), number DOUBLE, text VARCHAR, time TIMESTAMPTZ, date DATE,
// list VARCHAR[], null VARCHAR, duration BIGINT of microseconds) and fills it with `row_count`
// rows, in order.
int db_duck_table_create(Duck *duck, Str name, const DuckTableColumn *columns, size_t column_count,
                         size_t row_count, KretsError *error);

#endif
