// Aggregates: one value from the events of a window.
#include <assert.h>
#include <stdlib.h>

#include "base/calendar.h"
#include "engine/engine_private.h"

// Events of the window in (time, arrival) order, with their values where the aggregate has one
// (only those where it is not null).
typedef struct Sample {
    const uint64_t *rows;
    const Value *values;
    size_t count;
    Groups groups; // of the values, where they are known
} Sample;

static int compare_int32(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

// The sample's groups: those of the series, or its own where it is a group's part.
static Groups groups_of(Work *work, const Sample *sample) {
    Groups groups = sample->groups;
    if (groups.numbers == NULL) {
        (void)engine_group_values(work, work->passing, sample->values, sample->count, &groups);
    }
    return groups;
}

static Value distinct_count(Work *work, const Sample *sample) {
    Groups groups = groups_of(work, sample);
    bool *is_seen = engine_work_alloc(work, work->passing, groups.count, sizeof(bool));
    int64_t count = 0;
    for (size_t i = 0; groups.numbers != NULL && is_seen != NULL && i < sample->count; i++) {
        count += !is_seen[groups.numbers[i]];
        is_seen[groups.numbers[i]] = true;
    }
    assert(count <= (int64_t)sample->count);
    return engine_value_integer(count);
}

static Value mode_of(Work *work, const Sample *sample, ValueType type) {
    assert(sample->count == 0 || sample->values != NULL);
    Groups groups = groups_of(work, sample);
    uint32_t *counts = engine_work_alloc(work, work->passing, groups.count, sizeof(uint32_t));
    if (groups.numbers == NULL || counts == NULL) {
        return data_value_null(type);
    }
    uint32_t most = 0;
    for (size_t i = 0; i < sample->count; i++) {
        uint32_t count = ++counts[groups.numbers[i]];
        most = count > most ? count : most;
    }
    for (size_t i = sample->count; i-- > 0;) { // the most recent of the most frequent
        if (counts[groups.numbers[i]] == most) {
            return engine_value_widen(sample->values[i], type);
        }
    }
    return data_value_null(type);
}

// Day, Monday's day, or month since year 0 of each event.
static int32_t period_of(AggregateFunction function, int32_t day) {
    if (function == AGGREGATE_WEEKS) {
        return day - (base_calendar_weekday(day) - 1);
    }
    if (function == AGGREGATE_MONTHS) {
        Date date = base_calendar_date(day);
        return date.year * 12 + date.month - 1;
    }
    assert(function == AGGREGATE_DAYS);
    return day;
}

// Local periods almost always ascend with time, but not where midnight happens twice: sort then.
static Value distinct_periods(Work *work, const Sample *sample, AggregateFunction function) {
    const int32_t *days = engine_work_local_days(work);
    int32_t *periods = engine_work_alloc(work, work->passing, sample->count, sizeof(int32_t));
    if (days == NULL || periods == NULL) {
        return data_value_null(VALUE_INTEGER);
    }
    bool is_sorted = true;
    for (size_t i = 0; i < sample->count; i++) {
        periods[i] = period_of(function, days[sample->rows[i] - work->first_row]);
        is_sorted = is_sorted && (i == 0 || periods[i - 1] <= periods[i]);
    }
    if (!is_sorted) {
        qsort(periods, sample->count, sizeof(int32_t), compare_int32);
    }
    int64_t count = 0;
    for (size_t i = 0; i < sample->count; i++) {
        count += i == 0 || periods[i] != periods[i - 1];
    }
    return engine_value_integer(count);
}

static Value sum_exact(const Sample *sample, ValueType type, Int128 *ret_sum) {
    Int128 sum = 0;
    assert(sample->count == 0 || sample->values != NULL);
    for (size_t i = 0; i < sample->count; i++) {
        assert(sample->values[i].type == type);
        sum += type == VALUE_DECIMAL ? sample->values[i].decimal : sample->values[i].integer;
    }
    *ret_sum = sum;
    return type == VALUE_DECIMAL ? engine_value_decimal(sum) : engine_value_integer(sum);
}

static double sum_numbers(const Sample *sample) {
    double sum = 0.0;
    assert(sample->count == 0 || sample->values != NULL);
    for (size_t i = 0; i < sample->count; i++) {
        assert(sample->values[i].type == VALUE_NUMBER);
        sum += sample->values[i].number;
    }
    return sum;
}

static Value sum_of(const Sample *sample, ValueType value_type) {
    Int128 exact;
    return value_type == VALUE_NUMBER ? engine_value_finite(sum_numbers(sample))
                                      : sum_exact(sample, value_type, &exact);
}

static Value average_of(const Sample *sample, ValueType value_type) {
    if (sample->count == 0) {
        return data_value_null(VALUE_NUMBER);
    }
    double count = (double)sample->count, sum;
    if (value_type == VALUE_NUMBER) {
        sum = sum_numbers(sample);
    } else {
        Int128 exact;
        (void)sum_exact(sample, value_type, &exact);
        sum =
            value_type == VALUE_DECIMAL ? (double)exact / (double)VALUE_DECIMAL_ONE : (double)exact;
    }
    return engine_value_finite(sum / count);
}

static Value extreme_of(const Sample *sample, ValueType type, int sign) {
    if (sample->count == 0) {
        return data_value_null(type);
    }
    assert(sample->values != NULL);
    Value best = sample->values[0];
    for (size_t i = 1; i < sample->count; i++) {
        if (sign * engine_value_order(sample->values[i], best) > 0) {
            best = sample->values[i];
        }
    }
    return engine_value_widen(best, type);
}

static Value gap_of(const Work *work, const Sample *sample) {
    if (sample->count < 2) {
        return data_value_null(VALUE_NUMBER);
    }
    int64_t first_us = work->table->time_us[sample->rows[0]];
    int64_t last_us = work->table->time_us[sample->rows[sample->count - 1]];
    assert(first_us <= last_us);
    double days = (double)(last_us - first_us) / ENGINE_US_PER_DAY;
    return engine_value_finite(days / (double)(sample->count - 1));
}

// Which of `count` events `first`, `last` or `nth` picks; false when there is none.
static bool pick_position(const Aggregate *aggregate, size_t count, size_t *ret_position) {
    int64_t n = aggregate->function == AGGREGATE_FIRST  ? 1
                : aggregate->function == AGGREGATE_LAST ? -1
                                                        : aggregate->n;
    assert(n != 0);
    uint64_t distance = n > 0 ? (uint64_t)n : 0 - (uint64_t)n;
    if (distance > count) {
        return false;
    }
    *ret_position = n > 0 ? distance - 1 : count - distance;
    assert(*ret_position < count);
    return true;
}

static Value nth_of(const Work *work, const Aggregate *aggregate, const Sample *sample) {
    size_t position;
    if (!pick_position(aggregate, sample->count, &position)) {
        return data_value_null(aggregate->type);
    }
    if (aggregate->value != NODE_NONE) {
        assert(sample->values != NULL);
        return engine_value_widen(sample->values[position], aggregate->type);
    }
    assert(sample->rows != NULL);
    return (Value){.type = VALUE_TIME, .time_us = work->table->time_us[sample->rows[position]]};
}

static Value reduce(Work *work, const Aggregate *aggregate, const Sample *sample) {
    ValueType value_type =
        aggregate->value == NODE_NONE ? VALUE_NULL : work->plan->nodes[aggregate->value].type;
    assert((aggregate->value == NODE_NONE) == (sample->values == NULL) || sample->count == 0);
    switch (aggregate->function) {
    case AGGREGATE_COUNT:
        return engine_value_integer((Int128)sample->count);
    case AGGREGATE_DID:
        return engine_value_boolean(sample->count > 0);
    case AGGREGATE_NEVER:
        return engine_value_boolean(sample->count == 0);
    case AGGREGATE_DAYS:
    case AGGREGATE_WEEKS:
    case AGGREGATE_MONTHS:
        return distinct_periods(work, sample, aggregate->function);
    case AGGREGATE_GAP:
        return gap_of(work, sample);
    case AGGREGATE_FIRST:
    case AGGREGATE_LAST:
    case AGGREGATE_NTH:
        return nth_of(work, aggregate, sample);
    case AGGREGATE_SUM:
        return engine_value_widen(sum_of(sample, value_type), aggregate->type);
    case AGGREGATE_AVG:
        return average_of(sample, value_type);
    case AGGREGATE_MIN:
        return extreme_of(sample, aggregate->type, -1);
    case AGGREGATE_MAX:
        return extreme_of(sample, aggregate->type, 1);
    case AGGREGATE_DISTINCT:
        return distinct_count(work, sample);
    case AGGREGATE_MODE:
        return mode_of(work, sample, aggregate->type);
    case AGGREGATE_FUNCTION_COUNT:
        break;
    }
    assert(false && "an aggregate that is not one");
    return data_value_null(aggregate->type);
}

// The part of a series inside a span.
static Sample sample_of(const Series *series, const Span *span) {
    size_t from, to;
    engine_window_positions(series, span, &from, &to);
    if (from == to) {
        return (Sample){0};
    }
    Groups groups = series->groups;
    groups.numbers = groups.numbers == NULL ? NULL : groups.numbers + from;
    return (Sample){.rows = series->rows + from,
                    .values = series->values == NULL ? NULL : series->values + from,
                    .count = to - from,
                    .groups = groups};
}

// The sample's events among `group` (ascending rows).
static Sample sample_of_group(Work *work, const Sample *sample, const uint64_t *group,
                              size_t group_count) {
    uint64_t *rows = engine_work_alloc(work, work->passing, group_count, sizeof(uint64_t));
    Value *values = engine_work_alloc(work, work->passing, group_count, sizeof(Value));
    if (rows == NULL || values == NULL) {
        return (Sample){0};
    }
    size_t count = 0, next = 0; // both ascend by row
    for (size_t i = 0; i < group_count; i++) {
        while (next < sample->count && sample->rows[next] < group[i]) {
            next++;
        }
        if (next == sample->count || sample->rows[next] != group[i]) {
            continue; // the value is null there
        }
        rows[count] = group[i];
        if (sample->values != NULL) {
            values[count] = sample->values[next];
        }
        count++;
    }
    assert(count <= group_count);
    return (Sample){.rows = rows, .values = sample->values == NULL ? NULL : values, .count = count};
}

// Events of a sample by an expression that is not null.
typedef struct Keyed {
    uint64_t *rows; // sorted by group, then by row
    size_t *ends;   // by group: one after its last row
    uint32_t group_count;
} Keyed;

static bool key_rows(Work *work, NodeId by, const Sample *all, Keyed *ret_keyed) {
    Value *keys = engine_work_alloc(work, work->passing, all->count, sizeof(Value));
    uint64_t *with_key = engine_work_alloc(work, work->passing, all->count, sizeof(uint64_t));
    size_t count = 0;
    Groups groups;
    for (size_t i = 0; keys != NULL && with_key != NULL && i < all->count; i++) {
        keys[count] = engine_node_value(work, by, all->rows[i]);
        with_key[count] = all->rows[i];
        count += !keys[count].is_null;
    }
    if (keys == NULL || with_key == NULL ||
        !engine_group_values(work, work->passing, keys, count, &groups)) {
        return false;
    }
    Keyed keyed = {.rows = engine_work_alloc(work, work->passing, count, sizeof(uint64_t)),
                   .ends = engine_work_alloc(work, work->passing, groups.count + 1, sizeof(size_t)),
                   .group_count = groups.count};
    if (keyed.rows == NULL || keyed.ends == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        keyed.ends[groups.numbers[i] + 1]++;
    }
    for (uint32_t g = 1; g <= groups.count; g++) { // now where each group begins
        keyed.ends[g] += keyed.ends[g - 1];
    }
    for (size_t i = 0; i < count; i++) { // and, filled, where it ends
        keyed.rows[keyed.ends[groups.numbers[i]]++] = with_key[i];
    }
    *ret_keyed = keyed;
    return true;
}

// most(... by p) and fewest: the aggregate over each group of events with equal p.
static Value pick_group(Work *work, const Aggregate *aggregate, const Sample *all,
                        const Sample *sample) {
    Keyed keyed;
    Value best = data_value_null(aggregate->type);
    if (!key_rows(work, aggregate->by, all, &keyed)) {
        return best;
    }
    int sign = aggregate->pick == GROUP_MOST ? 1 : -1;
    for (uint32_t g = 0; g < keyed.group_count; g++) {
        size_t begin = g == 0 ? 0 : keyed.ends[g - 1];
        assert(begin < keyed.ends[g]);
        Sample group = sample_of_group(work, sample, keyed.rows + begin, keyed.ends[g] - begin);
        Value value = reduce(work, aggregate, &group);
        if (!value.is_null && (best.is_null || sign * engine_value_order(value, best) > 0)) {
            best = value;
        }
    }
    return best;
}

Value engine_aggregate_value(Work *work, const Aggregate *aggregate, int32_t index) {
    Span span = engine_window_span(work, &aggregate->window);
    if (span.is_null) {
        return data_value_null(aggregate->type);
    }
    int32_t number = work->ready->aggregate_series[index];
    bool is_grouped = aggregate->pick == GROUP_NONE && (aggregate->function == AGGREGATE_DISTINCT ||
                                                        aggregate->function == AGGREGATE_MODE);
    const Series *series =
        is_grouped ? engine_work_grouped_series(work, number) : engine_work_series(work, number);
    Sample sample = sample_of(series, &span);
    if (aggregate->pick == GROUP_NONE) {
        return reduce(work, aggregate, &sample);
    }
    int32_t selection = work->ready->selection_series[aggregate->selection];
    Sample all = sample_of(engine_work_series(work, selection), &span);
    assert(sample.count <= all.count);
    return pick_group(work, aggregate, &all, &sample);
}

bool engine_aggregate_is_event(const Aggregate *aggregate) {
    return aggregate->value == NODE_NONE && aggregate->pick == GROUP_NONE &&
           (aggregate->function == AGGREGATE_FIRST || aggregate->function == AGGREGATE_LAST ||
            aggregate->function == AGGREGATE_NTH);
}

uint64_t engine_aggregate_row(Work *work, const Aggregate *aggregate, int32_t index) {
    assert(engine_aggregate_is_event(aggregate));
    Span span = engine_window_span(work, &aggregate->window);
    if (span.is_null) {
        return ENGINE_NO_ROW;
    }
    Sample sample =
        sample_of(engine_work_series(work, work->ready->aggregate_series[index]), &span);
    size_t position;
    if (!pick_position(aggregate, sample.count, &position)) {
        return ENGINE_NO_ROW;
    }
    assert(sample.rows[position] < work->visible_row);
    return sample.rows[position];
}
