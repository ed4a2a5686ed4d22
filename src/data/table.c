#include "data/table.h"

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
    case VALUE_NULL:
    case VALUE_DURATION:
    case VALUE_TYPE_COUNT:
        return data_value_null(column->type); // never a column of a table
    }
    return value;
}
