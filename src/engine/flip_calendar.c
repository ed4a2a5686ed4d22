// The next flip: local days, hours, months, and windows of months, as functions of time.
#include <assert.h>

#include "base/calendar.h"
#include "engine/flip_private.h"

enum { MONTHS_MAX = 12 * 10000 };

#define CALM_US (INT64_C(2) * 146097 * CALENDAR_US_PER_DAY)

#define HOUR_US (INT64_C(3600) * CALENDAR_US_PER_SECOND)

static int64_t floor_divide(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

static int64_t months_of(CalendarUnit unit, int64_t n) {
    int64_t most = MONTHS_MAX;
    n = n > most ? most : n < -most ? -most : n;
    return n * (unit == UNIT_MONTH ? 1 : unit == UNIT_QUARTER ? 3 : 12);
}

static int64_t cell_of(int64_t local_us, FlipCell cell) {
    int64_t day = floor_divide(local_us, CALENDAR_US_PER_DAY);
    if (cell == FLIP_HOUR) {
        return floor_divide(local_us, HOUR_US);
    }
    if (cell == FLIP_DAY) {
        return day;
    }
    Date date = base_calendar_date((int32_t)day);
    return cell == FLIP_YEAR ? date.year : (int64_t)date.year * 12 + date.month;
}

// The local time at which the next cell begins.
static int64_t next_cell(int64_t local_us, FlipCell cell) {
    if (cell <= FLIP_HOUR) {
        int64_t length_us = cell == FLIP_DAY ? CALENDAR_US_PER_DAY : HOUR_US;
        return (floor_divide(local_us, length_us) + 1) * length_us;
    }
    Date date = base_calendar_date((int32_t)floor_divide(local_us, CALENDAR_US_PER_DAY));
    date.day = 1;
    if (cell == FLIP_YEAR) {
        date.month = 12;
    }
    return (int64_t)base_calendar_day(base_calendar_add_months(date, 1)) * CALENDAR_US_PER_DAY;
}

// When the cell of the clock itself may change: at its end, or where the clock changes.
static int64_t clock_until(const Zone *zone, int64_t now_us, FlipCell cell) {
    int64_t local_us = base_zone_local(zone, now_us);
    int64_t end_us = now_us + (next_cell(local_us, cell) - local_us);
    return engine_flip_sooner(end_us, base_zone_next_change(zone, now_us));
}

int64_t engine_flip_today_until(Flips *flips) {
    return engine_flip_sooner(clock_until(flips->work->zone, flips->work->now_us, FLIP_DAY),
                              flips->limit_us);
}

// The first change after now at which the local day goes back. Rules of the future repeat every 400
// years, so that there is none where more than twice that has none.
static int64_t find_return(const Zone *zone, int64_t now_us) {
    int64_t change_us = base_zone_next_change(zone, now_us);
    while (change_us != INT64_MAX && change_us - now_us < CALM_US &&
           base_zone_day(zone, change_us) >= base_zone_day(zone, change_us - 1)) {
        change_us = base_zone_next_change(zone, change_us);
    }
    return change_us != INT64_MAX && change_us - now_us < CALM_US ? change_us : INT64_MAX;
}

int64_t engine_flip_calm_until(Flips *flips) {
    const Zone *zone = flips->work->zone;
    int64_t now_us = flips->work->now_us;
    FlipCalm *calm = &flips->calms[((uintptr_t)zone >> 4) % FLIP_CALMS];
    if (zone != calm->zone || now_us < calm->from_us || now_us >= calm->to_us) {
        *calm = (FlipCalm){.zone = zone, .from_us = now_us, .to_us = find_return(zone, now_us)};
    }
    assert(calm->to_us > now_us);
    return calm->to_us;
}

// Whether all times of a range lie in one cell, with no change of the clock among them.
static bool is_one_cell(const Flips *flips, const Range *range, FlipCell cell) {
    const Zone *zone = flips->work->zone;
    if (!range->is_known) {
        return false;
    }
    if (range->low.is_null || range->high.is_null) {
        return range->low.is_null && range->high.is_null;
    }
    if (range->low.type == VALUE_DATE) {
        return range->low.date == range->high.date;
    }
    int64_t low_us, high_us;
    if (range->is_rough) {
        if (!(range->low.number > (double)CALENDAR_TIME_MIN) ||
            !(range->high.number < (double)CALENDAR_TIME_MAX)) {
            return false;
        }
        low_us = (int64_t)range->low.number - 1;
        high_us = (int64_t)range->high.number + 1;
    } else {
        low_us = range->low.time_us;
        high_us = range->high.time_us;
    }
    return base_zone_next_change(zone, low_us) > high_us &&
           cell_of(base_zone_local(zone, low_us), cell) ==
               cell_of(base_zone_local(zone, high_us), cell);
}

typedef struct CellTrial {
    NodeId id;
    FlipCell cell;
} CellTrial;

static bool stays_in_cell(Flips *flips, const void *context) {
    const CellTrial *trial = context;
    Range range = engine_flip_range(flips, trial->id);
    return is_one_cell(flips, &range, trial->cell);
}

int64_t engine_flip_cell_until(Flips *flips, NodeId id, FlipCell cell) {
    Shape shape = engine_flip_shape(flips, id);
    if (shape.motion == MOTION_STILL) {
        return shape.until_us;
    }
    if (flips->plan->nodes[id].kind == NODE_NOW) {
        return engine_flip_sooner(clock_until(flips->work->zone, flips->work->now_us, cell),
                                  flips->limit_us);
    }
    CellTrial trial = {.id = id, .cell = cell};
    return engine_flip_sure_until(flips, &id, 1, shape.until_us, stays_in_cell, &trial);
}

typedef struct ReachTrial {
    NodeId id;
    int64_t time_us;
} ReachTrial;

static bool is_before(Flips *flips, const void *context) {
    const ReachTrial *trial = context;
    Value value = engine_flip_value(flips, trial->id);
    return !value.is_null && value.time_us < trial->time_us;
}

int64_t engine_flip_reach(Flips *flips, NodeId id, int64_t time_us) {
    Shape shape = engine_flip_shape(flips, id);
    assert(shape.motion == MOTION_RISING && flips->plan->nodes[id].type == VALUE_TIME);
    if (flips->plan->nodes[id].kind == NODE_NOW) {
        return engine_flip_sooner(time_us, shape.until_us);
    }
    ReachTrial trial = {.id = id, .time_us = time_us};
    return engine_flip_sure_until(flips, &id, 1, shape.until_us, is_before, &trial);
}

int64_t engine_flip_add_end(const Zone *zone, int64_t time_us, CalendarUnit unit, int64_t n) {
    if (unit < UNIT_MONTH) {
        return INT64_MAX;
    }
    int64_t local_us = base_zone_local(zone, time_us);
    int64_t day = floor_divide(local_us, CALENDAR_US_PER_DAY);
    int64_t clock_us = local_us - day * CALENDAR_US_PER_DAY;
    Date date = base_calendar_add_months(base_calendar_date((int32_t)day), months_of(unit, n));
    int64_t end_us = engine_flip_sooner(time_us + (CALENDAR_US_PER_DAY - clock_us),
                                        base_zone_next_change(zone, time_us));
    if (date.year < 2 || date.year > 9998) {
        return end_us;
    }
    int32_t last = base_calendar_month_days(date.year, date.month);
    date.day = date.day > last ? last : date.day;
    int64_t to_us = base_calendar_day(date) * CALENDAR_US_PER_DAY + clock_us;
    // Times of a gap are moved behind it, those of an overlap are the first of two: behind either
    // the result leaps.
    int64_t change_us = base_zone_next_change(zone, to_us - 2 * CALENDAR_US_PER_DAY);
    while (change_us < to_us + 3 * CALENDAR_US_PER_DAY) {
        int64_t before_us = base_zone_local(zone, change_us - 1) + 1;
        int64_t after_us = base_zone_local(zone, change_us);
        after_us = after_us > before_us ? after_us : before_us;
        if (after_us > to_us) {
            end_us = engine_flip_sooner(end_us, time_us + (after_us - to_us));
        }
        change_us = base_zone_next_change(zone, change_us);
    }
    assert(end_us > time_us);
    return end_us;
}

static int64_t unit_us(CalendarUnit unit) {
    static const int64_t seconds[] = {1, 60, 3600, 86400, INT64_C(7) * 86400};
    assert(unit < UNIT_MONTH);
    return seconds[unit] * CALENDAR_US_PER_SECOND;
}

int64_t engine_flip_start_reaches(const Zone *zone, int64_t after_us, CalendarUnit unit, int64_t n,
                                  int64_t time_us) {
    assert(base_zone_window_start(zone, after_us, unit, n) < time_us);
    if (unit < UNIT_MONTH) {
        int64_t span_us;
        return __builtin_mul_overflow(n, unit_us(unit), &span_us)
                   ? INT64_MAX
                   : engine_flip_add(time_us, span_us);
    }
    int64_t guess_us = base_zone_add(zone, time_us, unit, n);
    if (guess_us > after_us && base_zone_window_start(zone, guess_us, unit, n) >= time_us &&
        base_zone_window_start(zone, guess_us - 1, unit, n) < time_us) {
        return guess_us;
    }
    int64_t low = guess_us - 8 * CALENDAR_US_PER_DAY, high = guess_us + 8 * CALENDAR_US_PER_DAY;
    if (low <= after_us || base_zone_window_start(zone, low, unit, n) >= time_us) {
        low = after_us;
    }
    if (high <= low || base_zone_window_start(zone, high, unit, n) < time_us) {
        high = CALENDAR_TIME_MAX;
        if (high <= low || base_zone_window_start(zone, high, unit, n) < time_us) {
            return INT64_MAX;
        }
    }
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (base_zone_window_start(zone, middle, unit, n) >= time_us) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return high;
}

// ---- `within last|next n unit` ----

// What base_zone_add of n units adds at least and at most.
static void reach_of(CalendarUnit unit, int64_t n, int64_t *ret_least_us, int64_t *ret_most_us) {
    int64_t span_us;
    if (unit < UNIT_MONTH) {
        span_us = __builtin_mul_overflow(n, unit_us(unit), &span_us) ? INT64_MAX : span_us;
        *ret_least_us = *ret_most_us = span_us;
        return;
    }
    int64_t days = months_of(unit, n) * 146097 / 4800; // 400 years have 146,097 days
    *ret_least_us = (days - 8) * CALENDAR_US_PER_DAY;
    *ret_most_us = (days + 8) * CALENDAR_US_PER_DAY;
}

static int64_t last_time_until(const Flips *flips, const Node *node, int64_t point_us) {
    int64_t now_us = flips->work->now_us;
    const Zone *zone = flips->work->zone;
    CalendarUnit unit = node->within.unit;
    int64_t n = node->within.amount;
    if (point_us > now_us) {
        return point_us;
    }
    if (base_zone_window_start(zone, now_us, unit, n) >= point_us) {
        return INT64_MAX; // gone for good
    }
    return engine_flip_start_reaches(zone, now_us, unit, n, point_us);
}

// For times: now < point <= now + n units.
static int64_t next_time_until(const Flips *flips, const Node *node, int64_t point_us) {
    int64_t now_us = flips->work->now_us, least_us, most_us;
    const Zone *zone = flips->work->zone;
    CalendarUnit unit = node->within.unit;
    int64_t n = node->within.amount;
    if (point_us <= now_us) {
        return INT64_MAX;
    }
    reach_of(unit, n, &least_us, &most_us);
    if (point_us <= engine_flip_add(now_us, least_us)) {
        return point_us; // in until it has come
    }
    int64_t soon_us = engine_flip_add(point_us, -most_us);
    if (soon_us > now_us) {
        return soon_us; // surely out until then
    }
    if (unit < UNIT_MONTH) {
        return point_us;
    }
    int64_t end_us = engine_flip_add_end(zone, now_us, unit, n);
    if (base_zone_add(zone, now_us, unit, n) >= point_us ||
        base_zone_add(zone, end_us - 1, unit, n) < point_us) {
        return engine_flip_sooner(point_us, end_us);
    }
    int64_t low = now_us, high = end_us - 1;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (base_zone_add(zone, middle, unit, n) >= point_us) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return high;
}

// The next instant at which the local day of the window's edge may change.
static int64_t edge_day_until(const Flips *flips, const Node *node) {
    const Zone *zone = flips->work->zone;
    int64_t now_us = flips->work->now_us;
    CalendarUnit unit = node->within.unit;
    int64_t n = node->within.amount;
    if (!node->within.is_next) {
        int64_t start_us = base_zone_window_start(zone, now_us, unit, n);
        return engine_flip_start_reaches(zone, now_us, unit, n,
                                         clock_until(zone, start_us, FLIP_DAY));
    }
    int64_t end_us = base_zone_add(zone, now_us, unit, n);
    return engine_flip_sooner(
        engine_flip_add_end(zone, now_us, unit, n),
        engine_flip_add(now_us, clock_until(zone, end_us, FLIP_DAY) - end_us));
}

// Days in the window begin and end two days or less beside these; between, nothing happens.
static int64_t date_until(const Flips *flips, const Node *node, int32_t date) {
    const Zone *zone = flips->work->zone;
    int64_t now_us = flips->work->now_us, least_us, most_us, near_us = 3 * CALENDAR_US_PER_DAY;
    int64_t day_us = (int64_t)date * CALENDAR_US_PER_DAY;
    reach_of(node->within.unit, node->within.amount, &least_us, &most_us);
    bool is_next = node->within.is_next;
    // The date comes in between the first two instants, and goes out between the others.
    int64_t around[4] = {is_next ? engine_flip_add(day_us, -most_us) : day_us,
                         is_next ? engine_flip_add(day_us, -least_us) : day_us,
                         is_next ? day_us : engine_flip_add(day_us, least_us),
                         is_next ? day_us : engine_flip_add(day_us, most_us)};
    int64_t until_us = INT64_MAX;
    for (int i = 0; i < 4; i += 2) {
        int64_t from_us = engine_flip_add(around[i], -near_us);
        int64_t to_us = engine_flip_add(around[i + 1], near_us);
        if (now_us < from_us) {
            until_us = engine_flip_sooner(until_us, from_us);
        } else if (now_us < to_us) {
            int64_t fine_us = engine_flip_sooner(clock_until(zone, now_us, FLIP_DAY),
                                                 edge_day_until(flips, node));
            until_us = engine_flip_sooner(until_us, fine_us);
        }
    }
    return until_us;
}

// The times of a range; false where it is null all the time, or not known.
static bool times_of(const Range *range, int64_t *ret_low_us, int64_t *ret_high_us) {
    if (!range->is_known || range->low.is_null || range->high.is_null ||
        (range->is_rough && (!(range->low.number > (double)CALENDAR_TIME_MIN) ||
                             !(range->high.number < (double)CALENDAR_TIME_MAX)))) {
        return false;
    }
    *ret_low_us = range->is_rough ? (int64_t)range->low.number - 1 : range->low.time_us;
    *ret_high_us = range->is_rough ? (int64_t)range->high.number + 1 : range->high.time_us;
    return true;
}

// Whether now + gap is in the window.
static bool is_in_at(const Flips *flips, const Node *node, int64_t now_us, int64_t gap_us) {
    const Zone *zone = flips->work->zone;
    CalendarUnit unit = node->within.unit;
    int64_t n = node->within.amount, point_us = engine_flip_add(now_us, gap_us);
    return node->within.is_next
               ? gap_us > 0 && point_us <= base_zone_add(zone, now_us, unit, n)
               : gap_us <= 0 && point_us > base_zone_window_start(zone, now_us, unit, n);
}

// A point at a fixed distance from now: inside a local day the window only grows.
static bool is_sure_at(const Flips *flips, const Node *node, int64_t gap_us) {
    const Zone *zone = flips->work->zone;
    int64_t from_us = flips->trial_from_us, to_us = flips->work->now_us, least_us, most_us;
    int64_t distance_us = gap_us < 0 ? -gap_us : gap_us;
    reach_of(node->within.unit, node->within.amount, &least_us, &most_us);
    if ((gap_us > 0) != node->within.is_next || distance_us > most_us || distance_us < least_us) {
        return true;
    }
    int64_t end_us = engine_flip_sooner(
        clock_until(zone, from_us, FLIP_DAY),
        node->within.is_next
            ? engine_flip_add_end(zone, from_us, node->within.unit, node->within.amount)
            : INT64_MAX);
    return to_us < end_us &&
           is_in_at(flips, node, from_us, gap_us) == is_in_at(flips, node, to_us, gap_us);
}

// A point that moves with now: sure only while its range stays on one side of the window's ends.
static bool is_sure_within(Flips *flips, const void *context) {
    const Node *node = context;
    const Zone *zone = flips->work->zone;
    Range range = engine_flip_range(flips, node->args[0]);
    int64_t from_us = flips->trial_from_us, to_us = flips->work->now_us, low_us, high_us;
    if (!times_of(&range, &low_us, &high_us)) {
        return range.is_known && range.low.is_null && range.high.is_null;
    }
    const Shape *shape = &flips->shapes[node->args[0]].shape;
    if (shape->is_exact && shape->motion == MOTION_RISING) {
        return is_sure_at(flips, node, low_us - from_us);
    }
    CalendarUnit unit = node->within.unit;
    int64_t n = node->within.amount, least_us, most_us;
    if (node->within.is_next) {
        reach_of(unit, n, &least_us, &most_us);
        return high_us <= from_us || low_us > engine_flip_add(to_us, most_us) ||
               (low_us > to_us && high_us <= engine_flip_add(from_us, least_us));
    }
    return low_us > to_us || high_us <= base_zone_window_start(zone, from_us, unit, n) ||
           (high_us <= from_us && low_us > base_zone_window_start(zone, to_us, unit, n));
}

Shape engine_flip_within_shape(Flips *flips, const Node *node) {
    NodeId id = node->args[0];
    Shape point = engine_flip_shape(flips, id);
    Shape shape = {.until_us = point.until_us};
    bool is_date = flips->plan->nodes[id].type == VALUE_DATE;
    if (point.motion != MOTION_STILL && is_date) {
        shape.until_us = engine_flip_cell_until(flips, id, FLIP_DAY);
    } else if (point.motion != MOTION_STILL) {
        shape.until_us =
            engine_flip_sure_until(flips, &id, 1, point.until_us, is_sure_within, node);
        return shape;
    }
    Value value = engine_flip_value(flips, id);
    if (value.is_null) {
        return shape;
    }
    int64_t until_us = is_date                ? date_until(flips, node, value.date)
                       : node->within.is_next ? next_time_until(flips, node, value.time_us)
                                              : last_time_until(flips, node, value.time_us);
    assert(until_us > flips->work->now_us);
    shape.until_us = engine_flip_sooner(shape.until_us, until_us);
    return shape;
}

// ---- completed(t, length) ----

static CalendarUnit unit_of(Value length, int64_t *ret_n) {
    bool is_months = length.duration.months != 0;
    *ret_n = is_months ? length.duration.months : length.duration.us / CALENDAR_US_PER_SECOND;
    return is_months ? UNIT_MONTH : UNIT_SECOND;
}

static bool is_sure_completed(Flips *flips, const void *context) {
    const Node *node = context;
    Range range = engine_flip_range(flips, node->args[0]);
    int64_t low_us, high_us, n, least_us, most_us;
    if (!times_of(&range, &low_us, &high_us)) {
        return range.is_known && range.low.is_null && range.high.is_null;
    }
    CalendarUnit unit = unit_of(flips->starts[node->args[1]], &n);
    reach_of(unit, n, &least_us, &most_us);
    return flips->work->now_us < engine_flip_add(low_us, least_us) ||
           flips->trial_from_us >= engine_flip_add(high_us, most_us);
}

Shape engine_flip_completed_shape(Flips *flips, const Node *node) {
    NodeId id = node->args[0];
    Shape point = engine_flip_shape(flips, id), length = engine_flip_shape(flips, node->args[1]);
    Shape shape = {.until_us = engine_flip_sooner(point.until_us, length.until_us)};
    Value value = engine_flip_value(flips, id), by = engine_flip_value(flips, node->args[1]);
    if (point.motion != MOTION_STILL && flips->plan->nodes[id].type == VALUE_DATE) {
        shape.until_us =
            engine_flip_sooner(shape.until_us, engine_flip_cell_until(flips, id, FLIP_DAY));
    } else if (point.motion != MOTION_STILL) {
        shape.until_us =
            engine_flip_sure_until(flips, node->args, 2, shape.until_us, is_sure_completed, node);
        return shape;
    }
    if (value.is_null || by.is_null) {
        return shape;
    }
    int64_t n;
    CalendarUnit unit = unit_of(by, &n);
    bool is_constant = flips->plan->nodes[id].kind == NODE_CONST;
    int64_t end_us = base_zone_add(flips->work->zone,
                                   engine_value_instant(flips->work, value, is_constant), unit, n);
    if (end_us > flips->work->now_us) {
        shape.until_us = engine_flip_sooner(shape.until_us, end_us);
    }
    return shape;
}
