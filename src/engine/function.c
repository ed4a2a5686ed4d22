// Functions of the language: one small piece of code each.
#include <assert.h>
#include <math.h>
#include <sodium.h>

#include "base/calendar.h"
#include "base/utf8.h"
#include "engine/engine_private.h"

enum { CALL_ARGS_MAX_PLAIN = 4 };

static Value arg_value(Work *work, const Node *node, int32_t arg, uint64_t row) {
    assert(arg >= 0 && arg < node->arg_count);
    return engine_node_value(work, node->args[arg], row);
}

static int64_t instant_arg(Work *work, const Node *node, int32_t arg, Value value) {
    assert(arg < node->arg_count);
    return engine_value_instant(work, value, work->plan->nodes[node->args[arg]].kind == NODE_CONST);
}

static Value days_value(int64_t us) {
    return engine_value_finite((double)us / ENGINE_US_PER_DAY);
}

static Value days_between(Work *work, const Node *node, Value a, Value b) {
    if (a.type == VALUE_DATE && b.type == VALUE_DATE) {
        return engine_value_widen(engine_value_integer((Int128)b.date - a.date), node->type);
    }
    return days_value(instant_arg(work, node, 1, b) - instant_arg(work, node, 0, a));
}

static bool is_later_in_year(Date a, Date b) {
    return a.month != b.month ? a.month > b.month : a.day > b.day;
}

// Born on 29 February turns on 1 March: on the 28th the birthday is still to come.
static int32_t full_years(int32_t from_day, int32_t to_day) {
    assert(from_day <= to_day);
    Date from = base_calendar_date(from_day), to = base_calendar_date(to_day);
    return to.year - from.year - (is_later_in_year(from, to) ? 1 : 0);
}

static Value age_of(Work *work, Value birth) {
    int32_t born = engine_value_day(work, birth);
    int32_t today = base_zone_day(work->zone, work->now_us);
    return engine_value_integer(born <= today ? full_years(born, today) : -full_years(today, born));
}

// The day of the year's anniversary; 29 February is 1 March in other years.
static int32_t day_in_year(Date date, int32_t year) {
    date.year = year;
    if (!base_calendar_valid(date)) {
        assert(date.month == 2 && date.day == 29);
        date.month = 3;
        date.day = 1;
    }
    return base_calendar_day(date);
}

static Value anniversary_of(Work *work, const Node *node, Value point) {
    Date date = base_calendar_date(engine_value_day(work, point));
    int32_t today = base_zone_day(work->zone, work->now_us);
    int32_t year = base_calendar_date(today).year;
    int32_t day = day_in_year(date, year);
    if (day < today) {
        if (year == base_calendar_date(CALENDAR_DAY_MAX).year) {
            return data_value_null(node->type);
        }
        day = day_in_year(date, year + 1);
    }
    assert(day >= today);
    if (node->type == VALUE_TIME) {
        return (Value){.type = VALUE_TIME, .time_us = base_zone_midnight(work->zone, day)};
    }
    return (Value){.type = VALUE_DATE, .date = day};
}

static Value calendar_part(Work *work, const Node *node, Value point) {
    int32_t day = engine_value_day(work, point);
    Date date = base_calendar_date(day);
    switch (node->function) {
    case CALL_WEEKDAY:
        return engine_value_integer(base_calendar_weekday(day));
    case CALL_DAY:
        return engine_value_integer(date.day);
    case CALL_MONTH:
        return engine_value_integer(date.month);
    case CALL_YEAR:
        return engine_value_integer(date.year);
    case CALL_HOUR: {
        if (point.type == VALUE_DATE) {
            return engine_value_integer(0);
        }
        int64_t local_us = base_zone_local(work->zone, point.time_us);
        int64_t of_day_us = local_us - (int64_t)day * CALENDAR_US_PER_DAY;
        assert(of_day_us >= 0 && of_day_us < CALENDAR_US_PER_DAY);
        return engine_value_integer(of_day_us / (3600 * CALENDAR_US_PER_SECOND));
    }
    default:
        assert(false && "no part of the calendar");
        return data_value_null(node->type);
    }
}

static double power_of_ten(int64_t n) {
    double power = 1.0;
    for (int64_t i = 0; i < n && i < 400; i++) {
        power *= 10.0;
    }
    return power;
}

// Half away from zero, to a multiple of `step`.
static Int128 round_to(Int128 x, Int128 step) {
    assert(step > 0);
    Int128 rest = x % step, down = x - rest;
    if (rest < 0) {
        return -rest * 2 >= step ? down - step : down;
    }
    return rest * 2 >= step ? down + step : down;
}

static Int128 floor_to(Int128 x, Int128 step) {
    assert(step > 0);
    Int128 rest = x % step;
    return x - rest - (rest < 0 ? step : 0);
}

double engine_round_number(double x, int64_t places) {
    if (places >= 0) {
        double scaled = x * power_of_ten(places);
        return isfinite(scaled) ? round(scaled) / power_of_ten(places) : x;
    }
    double step = power_of_ten(-places);
    return isfinite(step) ? round(x / step) * step : 0.0;
}

// The step of 10^-places in units of 10^-scale; 0 where nothing is to be rounded off.
static Int128 exact_step(int64_t places, int64_t scale) {
    Int128 step = 1;
    for (int64_t i = places; i < scale && i < places + 30; i++) {
        step *= 10;
    }
    return places >= scale ? 0 : step;
}

static Value round_exact(CallFunction function, Value x, int64_t places) {
    bool is_decimal = x.type == VALUE_DECIMAL;
    Int128 exact = is_decimal ? x.decimal : x.integer;
    Int128 step = exact_step(places, is_decimal ? 4 : 0);
    if (step != 0) {
        exact = function == CALL_ROUND   ? round_to(exact, step)
                : function == CALL_FLOOR ? floor_to(exact, step)
                                         : -floor_to(-exact, step);
    }
    return is_decimal ? engine_value_decimal(exact) : engine_value_integer(exact);
}

// What is rounded to whole units may be declared an integer.
static Value as_declared(Value value, ValueType type) {
    if (value.is_null || value.type == type || type != VALUE_INTEGER) {
        return engine_value_widen(value, type);
    }
    if (value.type == VALUE_DECIMAL) {
        assert(value.decimal % VALUE_DECIMAL_ONE == 0);
        return engine_value_integer(value.decimal / VALUE_DECIMAL_ONE);
    }
    assert(value.number == rint(value.number));
    bool is_in_range = value.number >= -0x1p63 && value.number < 0x1p63;
    return is_in_range ? engine_value_integer((int64_t)value.number)
                       : data_value_null(VALUE_INTEGER);
}

static Value round_value(const Node *node, Value x, Value places) {
    int64_t n = places.is_null ? 0 : places.integer;
    assert(node->function == CALL_ROUND || n == 0);
    if (x.type != VALUE_NUMBER) {
        return as_declared(round_exact(node->function, x, n), node->type);
    }
    Value result = node->function == CALL_ROUND
                       ? engine_value_finite(engine_round_number(x.number, n))
                   : node->function == CALL_FLOOR ? engine_value_finite(floor(x.number))
                                                  : engine_value_finite(ceil(x.number));
    return as_declared(result, node->type);
}

static Value abs_value(const Node *node, Value x) {
    switch (x.type) {
    case VALUE_INTEGER:
        x = engine_value_integer(x.integer < 0 ? -(Int128)x.integer : x.integer);
        break;
    case VALUE_DECIMAL:
        x.decimal = x.decimal < 0 ? -x.decimal : x.decimal;
        break;
    case VALUE_NUMBER:
        x.number = fabs(x.number);
        break;
    default:
        assert(false && "a value without a size");
    }
    return engine_value_widen(x, node->type);
}

static Value lower_value(Work *work, Value x) {
    Str lower = base_utf8_lower(work->lasting, x.text);
    if (lower.data == NULL && x.text.size_bytes > 0) {
        work->is_over_budget = true;
        return data_value_null(VALUE_TEXT);
    }
    return (Value){.type = VALUE_TEXT, .text = lower};
}

// Haversine on a sphere of the Earth's mean radius.
static Value distance_km(double lat1, double lon1, double lat2, double lon2) {
    const double radius_km = 6371.0088, radian = 3.14159265358979323846 / 180.0;
    double phi1 = lat1 * radian, phi2 = lat2 * radian;
    double sin_phi = sin((phi2 - phi1) / 2.0), sin_lambda = sin((lon2 - lon1) * radian / 2.0);
    double h = sin_phi * sin_phi + cos(phi1) * cos(phi2) * (sin_lambda * sin_lambda);
    return engine_value_finite(2.0 * radius_km * asin(fmin(1.0, sqrt(h))));
}

// The first eight bytes, big-endian, of SHA-256(salt ":" customer), modulo n.
static Value bucket_of(Work *work, Str salt, int64_t n) {
    if (n <= 0) {
        return data_value_null(VALUE_INTEGER);
    }
    Str id = work->table->customer_ids[work->customer];
    crypto_hash_sha256_state state;
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const unsigned char *)salt.data, salt.size_bytes);
    crypto_hash_sha256_update(&state, (const unsigned char *)":", 1);
    crypto_hash_sha256_update(&state, (const unsigned char *)id.data, id.size_bytes);
    crypto_hash_sha256_final(&state, hash);
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) {
        number = number << 8 | hash[i];
    }
    return engine_value_integer((Int128)(number % (uint64_t)n));
}

// True where any item is in the list; else null where the list or an item is null.
static Value has_value(Work *work, const Node *node, uint64_t row) {
    Value list = arg_value(work, node, 0, row);
    bool is_unknown = list.is_null;
    for (int32_t arg = 1; arg < node->arg_count && !list.is_null; arg++) {
        Value item = arg_value(work, node, arg, row);
        is_unknown = is_unknown || item.is_null;
        for (size_t i = 0; !item.is_null && i < list.list.count; i++) {
            if (base_str_equal(list.list.items[i], item.text)) {
                return engine_value_boolean(true);
            }
        }
    }
    return is_unknown ? data_value_null(VALUE_BOOLEAN) : engine_value_boolean(false);
}

static Value coalesce_value(Work *work, const Node *node, uint64_t row) {
    for (int32_t i = 0; i < node->arg_count; i++) {
        Value value = arg_value(work, node, i, row);
        if (!value.is_null) {
            return engine_value_widen(value, node->type);
        }
    }
    return data_value_null(node->type);
}

// The least (sign -1) or the greatest (1), nulls left out.
static Value extreme_value(Work *work, const Node *node, int sign, uint64_t row) {
    Value best = data_value_null(node->type);
    for (int32_t i = 0; i < node->arg_count; i++) {
        Value value = engine_value_widen(arg_value(work, node, i, row), node->type);
        if (!value.is_null && (best.is_null || sign * engine_value_order(value, best) > 0)) {
            best = value;
        }
    }
    return best;
}

static Value if_value(Work *work, const Node *node, uint64_t row) {
    assert(node->arg_count == 3);
    Value condition = arg_value(work, node, 0, row);
    bool is_true = !condition.is_null && condition.boolean;
    return engine_value_widen(arg_value(work, node, is_true ? 1 : 2, row), node->type);
}

// Calendar months at the customer's local time, or an exact length.
static Value completed_value(Work *work, int64_t since_us, Value length) {
    assert(length.duration.months == 0 || length.duration.us == 0);
    int64_t seconds = length.duration.us / CALENDAR_US_PER_SECOND;
    int64_t end_us = length.duration.months != 0
                         ? base_zone_add(work->zone, since_us, UNIT_MONTH, length.duration.months)
                         : base_zone_add(work->zone, since_us, UNIT_SECOND, seconds);
    return engine_value_boolean(work->now_us >= end_us);
}

// Functions of which any null argument makes the result null.
static Value plain_call(Work *work, const Node *node, const Value *args) {
    switch (node->function) {
    case CALL_DAYS_SINCE:
        return days_value(work->now_us - instant_arg(work, node, 0, args[0]));
    case CALL_DAYS_UNTIL:
        return days_value(instant_arg(work, node, 0, args[0]) - work->now_us);
    case CALL_CALENDAR_DAYS_SINCE:
        return engine_value_integer((Int128)base_zone_day(work->zone, work->now_us) -
                                    engine_value_day(work, args[0]));
    case CALL_DAYS_BETWEEN:
        return days_between(work, node, args[0], args[1]);
    case CALL_AGE:
        return age_of(work, args[0]);
    case CALL_ANNIVERSARY:
        return anniversary_of(work, node, args[0]);
    case CALL_WEEKDAY:
    case CALL_HOUR:
    case CALL_DAY:
    case CALL_MONTH:
    case CALL_YEAR:
        return calendar_part(work, node, args[0]);
    case CALL_LOWER:
        return lower_value(work, args[0]);
    case CALL_LENGTH:
        return engine_value_integer((Int128)base_utf8_count(args[0].text));
    case CALL_ABS:
        return abs_value(node, args[0]);
    case CALL_ROUND:
    case CALL_FLOOR:
    case CALL_CEIL:
        return round_value(node, args[0],
                           node->arg_count > 1 ? args[1] : data_value_null(VALUE_INTEGER));
    case CALL_SIZE:
        return engine_value_integer((Int128)args[0].list.count);
    case CALL_DISTANCE_KM:
        return distance_km(engine_value_number(args[0]), engine_value_number(args[1]),
                           engine_value_number(args[2]), engine_value_number(args[3]));
    case CALL_BUCKET:
        return bucket_of(work, args[0].text, args[1].integer);
    case CALL_COMPLETED:
        return completed_value(work, instant_arg(work, node, 0, args[0]), args[1]);
    default:
        assert(false && "a function that is not one");
        return data_value_null(node->type);
    }
}

Value engine_call_value(Work *work, const Node *node, uint64_t row) {
    assert(node->kind == NODE_CALL);
    switch (node->function) {
    case CALL_COALESCE:
        return coalesce_value(work, node, row);
    case CALL_LEAST:
        return extreme_value(work, node, -1, row);
    case CALL_GREATEST:
        return extreme_value(work, node, 1, row);
    case CALL_IF:
        return if_value(work, node, row);
    case CALL_HAS:
    case CALL_HAS_ANY:
        return has_value(work, node, row);
    default:
        break;
    }
    Value args[CALL_ARGS_MAX_PLAIN] = {0};
    assert(node->arg_count <= CALL_ARGS_MAX_PLAIN);
    for (int32_t i = 0; i < node->arg_count; i++) {
        args[i] = arg_value(work, node, i, row);
        if (args[i].is_null) {
            return data_value_null(node->type);
        }
    }
    return plain_call(work, node, args);
}
