// The types of values and one value.
#ifndef KRETS_DATA_VALUE_H
#define KRETS_DATA_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

typedef enum ValueType {
    VALUE_NULL, // the literal null, or a property never seen with a value
    VALUE_BOOLEAN,
    VALUE_INTEGER,  // int64
    VALUE_DECIMAL,  // int64 of 1/10000, |x| < 10^14
    VALUE_NUMBER,   // double, always finite
    VALUE_TEXT,     // UTF-8
    VALUE_TIME,     // int64 microseconds, UTC
    VALUE_DATE,     // days since 1970-01-01, no zone
    VALUE_LIST,     // of text
    VALUE_DURATION, // months and microseconds; only inside expressions
    VALUE_TYPE_COUNT
} ValueType;

#define VALUE_DECIMAL_ONE   INT64_C(10000)
#define VALUE_DECIMAL_LIMIT INT64_C(1000000000000000000) // mantissas are below: 10^14 units

typedef struct Value {
    ValueType type;
    bool is_null; // then the union holds nothing
    union {
        bool boolean;
        int64_t integer;
        int64_t decimal; // mantissa
        double number;
        Str text;
        int64_t time_us;
        int32_t date;
        struct {
            const Str *items;
            size_t count;
        } list;
        struct {
            int64_t months;
            int64_t us;
        } duration;
    };
} Value;

// "text", "boolean", "integer", "decimal", "number", "time", "date", "list", "duration", "null".
const char *data_value_type_name(ValueType type);

static inline Value data_value_null(ValueType type) {
    return (Value){.type = type, .is_null = true};
}

// Conversions to double that every host makes the same: (double)mantissa / 10000.0.
double data_value_decimal_number(int64_t mantissa);
// "12.5", "-0.0001", "100": shortest decimal form, no exponent.
void data_value_decimal_format(Text *out, int64_t mantissa);
// Shortest form that reads back the same ("0.1", "1e+20").
void data_value_number_format(Text *out, double number);
// For people and CSV: null is "", times UTC "2026-01-31T12:00:00Z", lists "a; b", boolean
// true/false.
void data_value_format(Text *out, Value value);
// Same type and both null, or equal (numbers by bits, -0 = 0).
bool data_value_equal(Value a, Value b);

#endif
