#include "data/table.h"

#include <assert.h>

Value data_table_value(const TableColumn *column, size_t row) {
    if (column->type == VALUE_NULL || (column->valid != NULL && column->valid[row] == 0)) {
        return data_value_null(column->type);
    }
    Value value = {.type = column->type};
    switch (column->type) {
    case VALUE_BOOLEAN:
        value.boolean = ((const uint8_t *)column->values)[row] != 0;
        break;
    case VALUE_INTEGER:
        value.integer = ((const int64_t *)column->values)[row];
        break;
    case VALUE_DECIMAL:
        value.decimal = ((const int64_t *)column->values)[row];
        break;
    case VALUE_NUMBER:
        value.number = ((const double *)column->values)[row];
        break;
    case VALUE_TEXT:
        value.text = ((const Str *)column->values)[row];
        break;
    case VALUE_TIME:
        value.time_us = ((const int64_t *)column->values)[row];
        break;
    case VALUE_DATE:
        value.date = ((const int32_t *)column->values)[row];
        break;
    case VALUE_LIST: {
        const TableList *list = &((const TableList *)column->values)[row];
        value.list.items = list->items;
        value.list.count = list->count;
        break;
    }
    case VALUE_DURATION:
        value.duration.us = ((const int64_t *)column->values)[row];
        break;
    case VALUE_NULL:
    case VALUE_TYPE_COUNT:
        return data_value_null(column->type); // never a column of a table
    }
    return value;
}

size_t data_table_value_size(ValueType type) {
    switch (type) {
    case VALUE_BOOLEAN:
        return sizeof(uint8_t);
    case VALUE_DATE:
        return sizeof(int32_t);
    case VALUE_TEXT:
        return sizeof(Str);
    case VALUE_LIST:
        return sizeof(TableList);
    default:
        return sizeof(int64_t);
    }
}

void data_table_put(void *values, size_t row, Value value) {
    assert(!value.is_null);
    switch (value.type) {
    case VALUE_BOOLEAN:
        ((uint8_t *)values)[row] = value.boolean;
        break;
    case VALUE_DATE:
        ((int32_t *)values)[row] = value.date;
        break;
    case VALUE_TEXT:
        ((Str *)values)[row] = value.text;
        break;
    case VALUE_LIST:
        ((TableList *)values)[row] =
            (TableList){.items = value.list.items, .count = value.list.count};
        break;
    case VALUE_NUMBER:
        ((double *)values)[row] = value.number;
        break;
    case VALUE_DURATION:
        ((int64_t *)values)[row] = value.duration.us;
        break;
    default:
        ((int64_t *)values)[row] = value.integer; // decimal and time are the same bits
    }
}
