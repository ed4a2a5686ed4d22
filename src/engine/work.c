// One customer at work: population, traits, zone, and the events of each selection.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "engine/flip_private.h"

// A customer's memory: three quarters last while the customer is at work, the rest until the next
// now; where segments are looked at over time, half of it all goes to that.
Work *engine_work_new(const Ready *ready, const EventTable *table, const FitSet *fits,
                      size_t limit_bytes, KretsError *error) {
    const Plan *plan = ready->plan;
    size_t node_count = (size_t)plan->node_count + 1;
    size_t fixed_bytes = sizeof(Work) +
                         node_count * (sizeof(uint64_t) + sizeof(Value) + sizeof(HolidayDays)) +
                         ((size_t)ready->series_count + 1) * sizeof(Series);
    assert(fits == NULL || fits->count >= (size_t)plan->fit_count);
    assert(table->column_count >= (size_t)plan->column_count);
    if (limit_bytes < fixed_bytes) {
        base_error_set(error, BASE_E_RESOURCES,
                       "the memory budget of %zu bytes a thread is too small for this model, which "
                       "needs %zu: raise --memory or lower --threads",
                       limit_bytes, fixed_bytes);
        return NULL;
    }
    Work *work = calloc(1, sizeof(Work));
    uint64_t *stamps = calloc(node_count, sizeof(uint64_t));
    Value *values = calloc(node_count, sizeof(Value));
    HolidayDays *holidays = calloc(node_count, sizeof(HolidayDays));
    Series *series = calloc((size_t)ready->series_count + 1, sizeof(Series));
    if (work == NULL || stamps == NULL || values == NULL || holidays == NULL || series == NULL) {
        abort();
    }
    size_t past_bytes = plan->history_count > 0 ? (limit_bytes - fixed_bytes) / 2 : 0;
    size_t data_bytes = limit_bytes - fixed_bytes - past_bytes, passing_bytes = data_bytes / 4;
    *work = (Work){.ready = ready,
                   .plan = plan,
                   .table = table,
                   .fits = fits,
                   .limit_bytes = limit_bytes,
                   .past_bytes = past_bytes,
                   .node_stamps = stamps,
                   .values = values,
                   .holidays = holidays,
                   .series = series};
    work->lasting = base_arena_new(data_bytes - passing_bytes);
    work->passing = base_arena_new(passing_bytes);
    return work;
}

void engine_work_free(Work *work) {
    if (work == NULL) {
        return;
    }
    engine_flips_free(work->flips);
    base_arena_free(work->lasting);
    base_arena_free(work->passing);
    free(work->node_stamps);
    free(work->values);
    free(work->holidays);
    free(work->series);
    free(work);
}

void *engine_work_alloc(Work *work, Arena *arena, size_t count, size_t item_size_bytes) {
    assert(arena == work->lasting || arena == work->passing);
    assert(item_size_bytes > 0);
    if (work->is_over_budget) {
        return NULL;
    }
    void *memory = base_arena_alloc_array(arena, count == 0 ? 1 : count, item_size_bytes);
    work->is_over_budget = memory == NULL;
    return memory;
}

int engine_work_check(const Work *work, KretsError *error) {
    if (!work->is_over_budget) {
        return BASE_OK;
    }
    assert(work->customer < work->table->customer_count);
    return base_error_set(error, BASE_E_RESOURCES,
                          "customer '%.*s' with %llu events needs more than the memory budget of "
                          "%zu bytes a thread: raise --memory or lower --threads",
                          STR_ARG(work->table->customer_ids[work->customer]),
                          (unsigned long long)(work->end_row - work->first_row), work->limit_bytes);
}

static void forget_series(Work *work, bool is_all, bool is_zoned) {
    for (int32_t i = 0; i < work->ready->series_count; i++) {
        const SeriesKey *key = &work->ready->series[i];
        if (is_all || key->is_moving || (is_zoned && key->is_zoned)) {
            work->series[i].is_ready = false;
        }
    }
}

static void forget_place(Work *work) {
    work->local_days = NULL;
    for (int32_t i = 0; i < work->plan->node_count; i++) {
        work->holidays[i].is_ready = false;
    }
}

void engine_work_customer(Work *work, size_t customer) {
    assert(customer < work->table->customer_count);
    base_arena_reset(work->lasting);
    base_arena_reset(work->passing);
    work->is_over_budget = false;
    work->customer = customer;
    if (work->flips != NULL) {
        engine_flips_reset(work->flips, work->table);
    }
    work->first_row = work->table->first_row[customer];
    work->end_row = work->table->first_row[customer + 1];
    assert(work->first_row <= work->end_row && work->end_row <= work->table->row_count);
    work->row_buffer = NULL;
    work->visible_row = work->first_row;
    work->zone = work->plan->zone;
    work->country = work->plan->country;
    forget_series(work, true, true);
    forget_place(work);
}

// Latest not-null value among the visible `identify` events, by (time, arrival).
Value engine_trait_value(const Work *work, int32_t index) {
    return engine_trait_before(work, index, work->visible_row);
}

Value engine_trait_before(const Work *work, int32_t index, uint64_t end_row) {
    const PlanTrait *trait = &work->plan->traits[index];
    assert(index >= 0 && index < work->plan->trait_count);
    if (trait->column >= 0) {
        const TableColumn *column = &work->table->columns[trait->column];
        for (uint64_t row = end_row; row-- > work->first_row;) {
            if (work->table->event[row] == work->ready->identify &&
                (column->valid == NULL || column->valid[row])) {
                return engine_value_widen(data_table_value(column, row), trait->type);
            }
        }
    }
    return data_value_null(trait->type);
}

// The zone and the country of the customer at now, else the model's.
static void settle_place(Work *work) {
    const Plan *plan = work->plan;
    const Zone *zone = plan->zone;
    Str country = plan->country;
    work->is_zone_invalid = false;
    if (plan->zone_trait >= 0) {
        Value value = engine_trait_value(work, plan->zone_trait);
        const Zone *own = NULL;
        if (!value.is_null && value.type == VALUE_TEXT) {
            own = base_zone_find(value.text);
        }
        zone = own != NULL ? own : zone;
        work->is_zone_invalid = !value.is_null && own == NULL;
    }
    if (plan->country_trait >= 0) {
        Value value = engine_trait_value(work, plan->country_trait);
        country = !value.is_null && value.type == VALUE_TEXT ? value.text : country;
    }
    if (zone != work->zone || !base_str_equal(country, work->country)) {
        work->zone = zone;
        work->country = country;
        forget_series(work, false, true);
        forget_place(work);
    }
}

bool engine_work_now(Work *work, int64_t now_us) {
    work->stamp++;
    work->now_us = now_us;
    base_arena_reset(work->passing);
    forget_series(work, false, false);
    work->visible_row = work->end_row; // the search below looks at all rows
    work->visible_row = engine_window_row(work, now_us, true);
    if (work->visible_row == work->first_row) {
        return false;
    }
    assert(work->table->time_us[work->first_row] <= now_us);
    settle_place(work);
    return true;
}

static bool event_in_set(const EventSet *set, const EventTable *table, uint64_t row) {
    if (set->is_any) {
        return table->is_any[row] != 0;
    }
    int32_t event = table->event[row];
    for (int32_t i = 0; i < set->count; i++) {
        if (set->events[i] == event) {
            return true;
        }
    }
    return false;
}

// Rows of a selection, whatever now is: windows leave out what is not visible yet.
static void make_rows(Work *work, const Selection *selection, Arena *arena, Series *series) {
    size_t row_count = (size_t)(work->end_row - work->first_row), count = 0;
    if (work->row_buffer == NULL) {
        work->row_buffer = engine_work_alloc(work, work->lasting, row_count, sizeof(uint64_t));
    }
    for (uint64_t row = work->first_row; work->row_buffer != NULL && row < work->end_row; row++) {
        if (!event_in_set(&selection->events, work->table, row)) {
            continue;
        }
        if (selection->where != NODE_NONE) {
            Value where = engine_node_value(work, selection->where, row);
            if (where.is_null || !where.boolean) {
                continue;
            }
        }
        work->row_buffer[count++] = row;
    }
    assert(count <= row_count);
    uint64_t *rows = engine_work_alloc(work, arena, count, sizeof(uint64_t));
    if (rows != NULL && count > 0) {
        memcpy(rows, work->row_buffer, count * sizeof(uint64_t));
    }
    *series = (Series){.is_ready = true, .rows = rows, .count = rows == NULL ? 0 : count};
}

// The values of an expression over the events of a selection, where not null.
static void make_values(Work *work, const Series *events, NodeId value, Arena *arena,
                        Series *series) {
    uint64_t *rows = engine_work_alloc(work, arena, events->count, sizeof(uint64_t));
    Value *values = engine_work_alloc(work, arena, events->count, sizeof(Value));
    size_t count = 0;
    for (size_t i = 0; rows != NULL && values != NULL && i < events->count; i++) {
        Value at = engine_node_value(work, value, events->rows[i]);
        if (!at.is_null) {
            rows[count] = events->rows[i];
            values[count++] = at;
        }
    }
    assert(count <= events->count);
    *series = (Series){.is_ready = true, .rows = rows, .values = values, .count = count};
}

const Series *engine_work_series(Work *work, int32_t index) {
    assert(index >= 0 && index < work->ready->series_count);
    Series *series = &work->series[index];
    if (series->is_ready) {
        return series;
    }
    const SeriesKey *key = &work->ready->series[index];
    Arena *arena = key->is_moving ? work->passing : work->lasting;
    if (key->value == NODE_NONE) {
        make_rows(work, &work->plan->selections[key->selection], arena, series);
    } else {
        int32_t events = work->ready->selection_series[key->selection];
        make_values(work, engine_work_series(work, events), key->value, arena, series);
    }
    return series;
}

const Series *engine_work_grouped_series(Work *work, int32_t index) {
    Series *series = &work->series[index];
    (void)engine_work_series(work, index);
    assert(series->is_ready && work->ready->series[index].value != NODE_NONE);
    if (series->groups.numbers == NULL) {
        Arena *arena = work->ready->series[index].is_moving ? work->passing : work->lasting;
        (void)engine_group_values(work, arena, series->values, series->count, &series->groups);
    }
    return series;
}

const int32_t *engine_work_local_days(Work *work) {
    if (work->local_days != NULL) {
        return work->local_days;
    }
    size_t row_count = (size_t)(work->end_row - work->first_row);
    int32_t *days = engine_work_alloc(work, work->lasting, row_count, sizeof(int32_t));
    for (size_t i = 0; days != NULL && i < row_count; i++) {
        days[i] = base_zone_day(work->zone, work->table->time_us[work->first_row + i]);
    }
    work->local_days = days;
    return days;
}
