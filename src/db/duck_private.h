// What the files of this folder share about a DuckDB result.
#ifndef KRETS_DB_DUCK_PRIVATE_H
#define KRETS_DB_DUCK_PRIVATE_H

#include <duckdb.h>

#include "base/arena.h"
#include "db/duck.h"

typedef struct DuckColumn {
    duckdb_logical_type logical;
    duckdb_type type;
    Str name;
    Str type_name;
} DuckColumn;

struct DuckResult {
    Duck *duck;
    duckdb_result result;
    Arena *arena;     // names of columns
    Arena *row_arena; // texts and lists of the current row
    DuckColumn *columns;
    size_t column_count;
    duckdb_data_chunk chunk; // NULL before the first
    duckdb_vector *vectors;  // of the chunk
    size_t chunk_rows;
    size_t row; // current row of db_duck_next, 1-based
};

// The connection of a database; owned by it.
duckdb_connection duck_connection(const Duck *duck);

// DuckDB's own spelling of a type.
void duck_type_name(Text *out, duckdb_logical_type type);

// The value of one row of a vector; texts and lists point into the vector or `arena`.
Value duck_vector_value(duckdb_vector vector, duckdb_logical_type type, size_t row, Arena *arena);

#endif
