// Values as operands: widening, order, and arithmetic that yields null instead of going wrong.
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/calendar.h"
#include "engine/engine_private.h"

// More months than the calendar has: nothing lies so far from any date.
enum { DATE_SHIFT_MONTHS_MAX = 12 * 10000 };

Value engine_value_boolean(bool boolean) {
    return (Value){.type = VALUE_BOOLEAN, .boolean = boolean};
}

Value engine_value_integer(Int128 integer) {
    if (integer < INT64_MIN || integer > INT64_MAX) {
        return data_value_null(VALUE_INTEGER);
    }
    return (Value){.type = VALUE_INTEGER, .integer = (int64_t)integer};
}

Value engine_value_decimal(Int128 mantissa) {
    if (mantissa <= -VALUE_DECIMAL_LIMIT || mantissa >= VALUE_DECIMAL_LIMIT) {
        return data_value_null(VALUE_DECIMAL);
    }
    return (Value){.type = VALUE_DECIMAL, .decimal = (int64_t)mantissa};
}

Value engine_value_finite(double number) {
    if (!isfinite(number)) {
        return data_value_null(VALUE_NUMBER);
    }
    return (Value){.type = VALUE_NUMBER, .number = number};
}

double engine_value_number(Value value) {
    assert(!value.is_null);
    switch (value.type) {
    case VALUE_INTEGER:
        return (double)value.integer;
    case VALUE_DECIMAL:
        return data_value_decimal_number(value.decimal);
    case VALUE_NUMBER:
        return value.number;
    case VALUE_TIME:
        return (double)value.time_us;
    case VALUE_DATE:
        return (double)value.date;
    case VALUE_BOOLEAN:
        return value.boolean ? 1.0 : 0.0;
    default:
        assert(false && "a value without a number");
        return 0.0;
    }
}

Value engine_value_widen(Value value, ValueType type) {
    if (value.is_null) {
        return data_value_null(type);
    }
    if (value.type == type) {
        return value;
    }
    if (type == VALUE_NUMBER) {
        assert(value.type == VALUE_INTEGER || value.type == VALUE_DECIMAL);
        return engine_value_finite(engine_value_number(value));
    }
    if (type == VALUE_DECIMAL) {
        assert(value.type == VALUE_INTEGER);
        return engine_value_decimal((Int128)value.integer * VALUE_DECIMAL_ONE);
    }
    assert(false && "a widening that the plan does not ask for");
    return data_value_null(type);
}

int64_t engine_value_instant(const Work *work, Value value, bool is_constant) {
    assert(!value.is_null);
    assert(value.type == VALUE_TIME || value.type == VALUE_DATE);
    if (value.type == VALUE_TIME) {
        return value.time_us;
    }
    return base_zone_midnight(is_constant ? work->plan->zone : work->zone, value.date);
}

int32_t engine_value_day(const Work *work, Value value) {
    assert(!value.is_null);
    assert(value.type == VALUE_TIME || value.type == VALUE_DATE);
    return value.type == VALUE_DATE ? value.date : base_zone_day(work->zone, value.time_us);
}

static Int128 mantissa_of(Value value) {
    assert(value.type == VALUE_INTEGER || value.type == VALUE_DECIMAL);
    return value.type == VALUE_DECIMAL ? (Int128)value.decimal
                                       : (Int128)value.integer * VALUE_DECIMAL_ONE;
}

static bool is_numeric(Value value) {
    return value.type == VALUE_INTEGER || value.type == VALUE_DECIMAL || value.type == VALUE_NUMBER;
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int order_numeric(Value a, Value b) {
    if (a.type == VALUE_NUMBER || b.type == VALUE_NUMBER) {
        double x = engine_value_number(a), y = engine_value_number(b);
        return ORDER(x, y);
    }
    Int128 x = mantissa_of(a), y = mantissa_of(b);
    return ORDER(x, y);
}

static int order_lists(Value a, Value b) {
    for (size_t i = 0; i < a.list.count && i < b.list.count; i++) {
        int order = base_str_compare(a.list.items[i], b.list.items[i]);
        if (order != 0) {
            return order;
        }
    }
    return ORDER(a.list.count, b.list.count);
}

int engine_value_order(Value a, Value b) {
    assert(!a.is_null && !b.is_null);
    if (is_numeric(a) && is_numeric(b)) {
        return order_numeric(a, b);
    }
    assert(a.type == b.type);
    switch (a.type) {
    case VALUE_BOOLEAN:
        return ORDER(a.boolean, b.boolean);
    case VALUE_TEXT:
        return base_str_compare(a.text, b.text);
    case VALUE_TIME:
        return ORDER(a.time_us, b.time_us);
    case VALUE_DATE:
        return ORDER(a.date, b.date);
    case VALUE_LIST:
        return order_lists(a, b);
    case VALUE_DURATION: // months have no fixed length and are never compared
        assert(a.duration.months == 0 && b.duration.months == 0);
        return ORDER(a.duration.us, b.duration.us);
    default:
        assert(false && "values without an order");
        return 0;
    }
}

// Date or time plus (or minus) a duration.
static Value shift(Work *work, const Node *node, Value point, Value duration, int sign) {
    int64_t months = sign * duration.duration.months, us = sign * duration.duration.us;
    if (point.type == VALUE_DATE && node->type == VALUE_DATE) {
        if (months < -DATE_SHIFT_MONTHS_MAX || months > DATE_SHIFT_MONTHS_MAX) {
            return data_value_null(VALUE_DATE);
        }
        Date date = base_calendar_add_months(base_calendar_date(point.date), months);
        int32_t last = base_calendar_month_days(date.year, date.month);
        date.day = date.day > last ? last : date.day;
        int64_t day = (int64_t)base_calendar_day(date) + us / CALENDAR_US_PER_DAY;
        return day < CALENDAR_DAY_MIN || day > CALENDAR_DAY_MAX
                   ? data_value_null(VALUE_DATE)
                   : (Value){.type = VALUE_DATE, .date = (int32_t)day};
    }
    int64_t time_us = engine_value_instant(work, point, false);
    if (months != 0) {
        time_us = base_zone_add(work->zone, time_us, UNIT_MONTH, months);
    }
    Int128 sum = (Int128)time_us + us;
    return sum < CALENDAR_TIME_MIN || sum > CALENDAR_TIME_MAX
               ? data_value_null(VALUE_TIME)
               : (Value){.type = VALUE_TIME, .time_us = (int64_t)sum};
}

static bool is_point(Value value) {
    return value.type == VALUE_TIME || value.type == VALUE_DATE;
}

static Value arithmetic_exact(const Node *node, Value a, Value b) {
    bool is_decimal = node->type == VALUE_DECIMAL;
    Int128 x = is_decimal ? mantissa_of(a) : (Int128)a.integer;
    Int128 y = is_decimal ? mantissa_of(b) : (Int128)b.integer;
    Int128 result = 0;
    switch (node->kind) {
    case NODE_ADD:
        result = x + y;
        break;
    case NODE_SUBTRACT:
        result = x - y;
        break;
    case NODE_MULTIPLY: // of at most one decimal: its scale is that of the product
        assert(a.type != VALUE_DECIMAL || b.type != VALUE_DECIMAL);
        result = (a.type == VALUE_DECIMAL ? (Int128)a.decimal : (Int128)a.integer) *
                 (b.type == VALUE_DECIMAL ? (Int128)b.decimal : (Int128)b.integer);
        break;
    default:
        assert(false && "an operation that is not exact");
    }
    return is_decimal ? engine_value_decimal(result) : engine_value_integer(result);
}

static Value arithmetic_number(const Node *node, Value a, Value b) {
    double x = engine_value_number(a), y = engine_value_number(b);
    switch (node->kind) {
    case NODE_ADD:
        return engine_value_finite(x + y);
    case NODE_SUBTRACT:
        return engine_value_finite(x - y);
    case NODE_MULTIPLY:
        return engine_value_finite(x * y);
    case NODE_DIVIDE:
        return y == 0.0 ? data_value_null(VALUE_NUMBER) : engine_value_finite(x / y);
    default:
        assert(false && "no operation");
        return data_value_null(VALUE_NUMBER);
    }
}

Value engine_arithmetic_value(Work *work, const Node *node, Value a, Value b) {
    assert(node->kind >= NODE_ADD && node->kind <= NODE_DIVIDE);
    if (a.is_null || b.is_null) {
        return data_value_null(node->type);
    }
    if (a.type == VALUE_TIME && b.type == VALUE_TIME) {
        assert(node->kind == NODE_SUBTRACT && node->type == VALUE_DURATION);
        return (Value){.type = VALUE_DURATION, .duration = {.us = a.time_us - b.time_us}};
    }
    if (is_point(a) || is_point(b)) {
        return shift(work, node, is_point(a) ? a : b, is_point(a) ? b : a,
                     node->kind == NODE_SUBTRACT ? -1 : 1);
    }
    return node->type == VALUE_NUMBER ? arithmetic_number(node, a, b)
                                      : arithmetic_exact(node, a, b);
}

Value engine_negate_value(const Node *node, Value a) {
    assert(node->kind == NODE_NEGATE);
    if (a.is_null) {
        return data_value_null(node->type);
    }
    switch (a.type) {
    case VALUE_INTEGER:
        return engine_value_widen(engine_value_integer(-(Int128)a.integer), node->type);
    case VALUE_DECIMAL:
        return engine_value_widen(engine_value_decimal(-(Int128)a.decimal), node->type);
    case VALUE_NUMBER:
        return engine_value_finite(-a.number);
    default:
        assert(false && "a value without a negative");
        return data_value_null(node->type);
    }
}
