// Events of some customers in memory, as columns: what the evaluator reads.
#ifndef KRETS_DATA_TABLE_H
#define KRETS_DATA_TABLE_H

#include "base/arena.h"
#include "data/value.h"

// One column. Values by type: boolean uint8_t, integer/decimal/time int64_t, number double,
// date int32_t, text Str, list TableList, duration int64_t of exact microseconds. `valid` has one
// byte a row, 1 where not null; NULL when every row has a value.
typedef struct TableList {
    const Str *items;
    size_t count;
} TableList;

typedef struct TableColumn {
    ValueType type;
    const void *values;
    const uint8_t *valid;
} TableColumn;

#define TABLE_EVENT_UNKNOWN UINT16_MAX

// Rows are sorted by (customer, time, arrival). Customer c owns rows
// [first_row[c], first_row[c + 1]); customers are in ascending order of their id's bytes.
typedef struct EventTable {
    size_t customer_count;
    const Str *customer_ids;
    const uint64_t *first_row; // customer_count + 1 entries
    size_t row_count;
    const int64_t *time_us;     // CALENDAR_TIME_MIN: a trait without a time
    const uint16_t *event;      // index into the plan's events; TABLE_EVENT_UNKNOWN: none of them
    const uint8_t *is_any;      // 1 where the event counts as `any`
    const TableColumn *columns; // in the order of the plan's columns
    size_t column_count;
} EventTable;

Value data_table_value(const TableColumn *column, size_t row);

// Bytes of one value in a column of the type, and the value written to its row. The value must be
// of the type and not null.
size_t data_table_value_size(ValueType type);
void data_table_put(void *values, size_t row, Value value);

#endif
