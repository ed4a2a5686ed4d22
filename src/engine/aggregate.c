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
} Sample;

// A value and where it stood in the sample.
typedef struct Placed {
    Value value;
    size_t position;
} Placed;

static int compare_placed(const void *a, const void *b) {
    const Placed *x = a, *y = b;
    int order = engine_value_order(x->value, y->value);
    return order != 0 ? order : (x->position > y->position) - (x->position < y->position);
}

static int compare_int32(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

// The values sorted; equal ones in (time, arrival) order. NULL over budget.
static Placed *sort_values(Work *work, const Value *values, size_t count) {
    Placed *placed = engine_work_alloc(work, work->passing, count, sizeof(Placed));
    if (placed == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        placed[i] = (Placed){.value = values[i], .position = i};
    }
    qsort(placed, count, sizeof(Placed), compare_placed);
    return placed;
}

static size_t group_end(const Placed *placed, size_t count, size_t begin) {
    size_t end = begin + 1;
    assert(begin < count);
    while (end < count && engine_value_order(placed[begin].value, placed[end].value) == 0) {
        end++;
    }
    return end;
}

static Value distinct_count(Work *work, const Sample *sample) {
    const Placed *placed = sort_values(work, sample->values, sample->count);
    int64_t count = 0;
    for (size_t i = 0; placed != NULL && i < sample->count; count++) {
        i = group_end(placed, sample->count, i);
    }
    assert(count <= (int64_t)sample->count);
    return engine_value_integer(count);
}

static Value mode_of(Work *work, const Sample *sample, ValueType type) {
    const Placed *placed = sort_values(work, sample->values, sample->count);
    size_t best_count = 0, best_position = 0;
    Value best = data_value_null(type);
    for (size_t i = 0, end; placed != NULL && i < sample->count; i = end) {
        end = group_end(placed, sample->count, i);
        size_t latest = placed[end - 1].position;
        if (end - i > best_count || (end - i == best_count && latest > best_position)) {
            best_count = end - i;
            best_position = latest;
            best = sample->values[latest];
        }
    }
    return engine_value_widen(best, type);
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
    for (size_t i = 0; i < sample->count; i++) {
        assert(sample->values[i].type == type);
        sum += type == VALUE_DECIMAL ? sample->values[i].decimal : sample->values[i].integer;
    }
    *ret_sum = sum;
    return type == VALUE_DECIMAL ? engine_value_decimal(sum) : engine_value_integer(sum);
}

static double sum_numbers(const Sample *sample) {
    double sum = 0.0;
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
        return engine_value_widen(sample->values[position], aggregate->type);
    }
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
    assert(!"an aggregate that is not one");
    return data_value_null(aggregate->type);
}

// The part of a series inside a span.
static Sample sample_of(const Series *series, const Span *span) {
    size_t from, to;
    engine_window_positions(series, span, &from, &to);
    if (from == to) {
        return (Sample){0};
    }
    return (Sample){.rows = series->rows + from,
                    .values = series->values == NULL ? NULL : series->values + from,
                    .count = to - from};
}

// The sample's events among `group` (ascending positions of `all`).
static Sample sample_of_group(Work *work, const Sample *all, const Sample *sample,
                              const Placed *group, size_t group_count) {
    uint64_t *rows = engine_work_alloc(work, work->passing, group_count, sizeof(uint64_t));
    Value *values = engine_work_alloc(work, work->passing, group_count, sizeof(Value));
    Sample result = {.rows = rows, .values = sample->values == NULL ? NULL : values};
    if (rows == NULL || values == NULL) {
        return (Sample){.rows = rows, .values = result.values};
    }
    size_t next = 0; // both ascend by row
    for (size_t i = 0; i < group_count; i++) {
        uint64_t row = all->rows[group[i].position];
        while (next < sample->count && sample->rows[next] < row) {
            next++;
        }
        if (next == sample->count || sample->rows[next] != row) {
            continue; // the value is null there
        }
        rows[result.count] = row;
        if (sample->values != NULL) {
            values[result.count] = sample->values[next];
        }
        result.count++;
    }
    assert(result.count <= group_count);
    return result;
}

// most(... by p) and fewest: the aggregate over each group of events with equal p.
static Value pick_group(Work *work, const Aggregate *aggregate, const Sample *all,
                        const Sample *sample) {
    Placed *keys = engine_work_alloc(work, work->passing, all->count, sizeof(Placed));
    size_t key_count = 0;
    for (size_t i = 0; keys != NULL && i < all->count; i++) {
        Value key = engine_node_value(work, aggregate->by, all->rows[i]);
        if (!key.is_null) {
            keys[key_count++] = (Placed){.value = key, .position = i};
        }
    }
    if (keys != NULL) {
        qsort(keys, key_count, sizeof(Placed), compare_placed);
    }
    Value best = data_value_null(aggregate->type);
    int sign = aggregate->pick == GROUP_MOST ? 1 : -1;
    for (size_t i = 0, end; i < key_count; i = end) {
        end = group_end(keys, key_count, i);
        Sample group = sample_of_group(work, all, sample, keys + i, end - i);
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
    const Series *series = engine_work_series(work, work->ready->aggregate_series[index]);
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
