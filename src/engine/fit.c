// Fits: the values of the whole population, sorted, become bounds.
#include "engine/fit.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_private.h"

// One growing list of numbers for each thread and fit.
typedef struct Numbers {
    double *items;
    size_t count, capacity;
} Numbers;

struct FitBuilder {
    Arena *arena;
    const Plan *plan;
    FitSet *set;
    int32_t level_count;
    int32_t level_done; // levels below are fitted
    Numbers *collected; // by fit
};

// One table's collection, shared by threads.
typedef struct Collect {
    FitBuilder *builder;
    int32_t level;
    Work **works;     // by thread
    Numbers *numbers; // [thread * fit_count + fit]
    KretsError *errors;
} Collect;

static void *allocate(size_t count, size_t item_size_bytes) {
    void *memory = calloc(count + 1, item_size_bytes);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static int append_number(Numbers *numbers, double number) {
    assert(numbers->count <= numbers->capacity);
    if (numbers->count == numbers->capacity) {
        size_t capacity = numbers->capacity == 0 ? 1024 : numbers->capacity * 2;
        double *items = realloc(numbers->items, capacity * sizeof(double));
        if (items == NULL) {
            return BASE_E_RESOURCES;
        }
        numbers->items = items;
        numbers->capacity = capacity;
    }
    numbers->items[numbers->count++] = number;
    return BASE_OK;
}

FitBuilder *engine_fit_new(Arena *arena, const Plan *plan, int64_t now_us) {
    FitBuilder *builder = allocate(1, sizeof(FitBuilder));
    builder->arena = arena;
    builder->plan = plan;
    builder->collected = allocate((size_t)plan->fit_count, sizeof(Numbers));
    builder->set = base_arena_alloc(arena, sizeof(FitSet));
    if (builder->set == NULL) {
        abort();
    }
    builder->set->fits =
        base_arena_alloc_array(arena, (size_t)plan->fit_count + 1, sizeof(FitBounds));
    if (builder->set->fits == NULL) {
        abort();
    }
    builder->set->count = (size_t)plan->fit_count;
    builder->set->now_us = now_us;
    for (int32_t i = 0; i < plan->fit_count; i++) {
        builder->set->fits[i].kind = plan->fits[i].kind;
        if (plan->fits[i].level >= builder->level_count) {
            builder->level_count = plan->fits[i].level + 1;
        }
    }
    return builder;
}

int32_t engine_fit_level_count(const FitBuilder *builder) {
    return builder->level_count;
}

static int collect_customer(Collect *collect, unsigned thread) {
    const Plan *plan = collect->builder->plan;
    Work *work = collect->works[thread];
    for (int32_t i = 0; i < plan->fit_count; i++) {
        const Fit *fit = &plan->fits[i];
        if (fit->level != collect->level) {
            continue;
        }
        if (fit->where != NODE_NONE) {
            Value where = engine_node_value(work, fit->where, ENGINE_NO_ROW);
            if (where.is_null || !where.boolean) {
                continue;
            }
        }
        Value x = engine_node_value(work, fit->x, ENGINE_NO_ROW);
        Numbers *numbers = &collect->numbers[thread * (size_t)plan->fit_count + (size_t)i];
        if (!x.is_null && append_number(numbers, engine_value_number(x)) < 0) {
            return base_error_set(&collect->errors[thread], BASE_E_RESOURCES,
                                  "no memory for the %zu values that ntile, percentile and top "
                                  "are fitted to",
                                  numbers->count);
        }
    }
    return engine_work_check(work, &collect->errors[thread]);
}

static int collect_customers(void *context, unsigned thread, size_t begin, size_t end) {
    Collect *collect = context;
    Work *work = collect->works[thread];
    assert(begin <= end && end <= work->table->customer_count);
    for (size_t customer = begin; customer < end; customer++) {
        engine_work_customer(work, customer);
        if (!engine_work_now(work, collect->builder->set->now_us)) {
            continue;
        }
        int code = collect_customer(collect, thread);
        if (code < 0) {
            return code;
        }
    }
    return BASE_OK;
}

// Puts what the threads found behind what earlier tables gave. The order does not matter: all is
// sorted before it is used.
static int merge_numbers(Collect *collect, unsigned threads) {
    size_t fit_count = (size_t)collect->builder->plan->fit_count;
    for (size_t i = 0; i < threads * fit_count; i++) {
        Numbers *to = &collect->builder->collected[i % fit_count];
        for (size_t k = 0; k < collect->numbers[i].count; k++) {
            if (append_number(to, collect->numbers[i].items[k]) < 0) {
                return BASE_E_RESOURCES;
            }
        }
        free(collect->numbers[i].items);
        collect->numbers[i] = (Numbers){0};
    }
    return BASE_OK;
}

static int collect_table(Collect *collect, const Ready *ready, const EventTable *table,
                         unsigned threads, KretsError *error) {
    for (unsigned i = 0; i < threads; i++) {
        collect->works[i] =
            engine_work_new(ready, table, collect->builder->set, SIZE_MAX / 2, error);
        if (collect->works[i] == NULL) {
            return BASE_E_RESOURCES;
        }
    }
    int code = base_thread_for(threads, table->customer_count, 64, collect_customers, collect);
    if (code == BASE_OK && merge_numbers(collect, threads) < 0) {
        return base_error_set(error, BASE_E_RESOURCES, "no memory for the values of the fits");
    }
    for (unsigned i = 0; code < 0 && i < threads; i++) {
        if (collect->errors[i].code == code) {
            return base_error_set(error, code, "%s", collect->errors[i].text);
        }
    }
    return code;
}

int engine_fit_collect(FitBuilder *builder, int32_t level, const EventTable *table,
                       unsigned threads, KretsError *error) {
    assert(level == builder->level_done && level < builder->level_count);
    ENGINE_READY_SCOPED ready = NULL;
    int code = engine_ready_make(builder->plan, &ready, error);
    if (code < 0) {
        return code;
    }
    threads = threads == 0 ? 1 : threads;
    size_t fit_count = (size_t)builder->plan->fit_count;
    Collect collect = {
        .builder = builder,
        .level = level,
        .works = allocate(threads, sizeof(Work *)),
        .numbers = allocate(threads * fit_count, sizeof(Numbers)),
        .errors = allocate(threads, sizeof(KretsError)),
    };
    code = collect_table(&collect, ready, table, threads, error);
    for (size_t i = 0; i < threads * fit_count; i++) {
        free(collect.numbers[i].items);
    }
    for (unsigned i = 0; i < threads; i++) {
        engine_work_free(collect.works[i]);
    }
    free(collect.works);
    free(collect.numbers);
    free(collect.errors);
    return code;
}

int engine_fit_add(FitBuilder *builder, int32_t fit, const TableColumn *x, const uint64_t *rows,
                   size_t word_count, KretsError *error) {
    assert(fit >= 0 && fit < builder->plan->fit_count);
    assert(builder->plan->fits[fit].level == builder->level_done);
    Numbers *numbers = &builder->collected[fit];
    for (size_t w = 0; w < word_count; w++) {
        for (uint64_t left = rows[w]; left != 0; left &= left - 1) {
            Value value = data_table_value(x, w * 64 + (size_t)__builtin_ctzll(left));
            if (!value.is_null && append_number(numbers, engine_value_number(value)) < 0) {
                return base_error_set(error, BASE_E_RESOURCES,
                                      "no memory for the %zu values that ntile and percentile are "
                                      "fitted to",
                                      numbers->count);
            }
        }
    }
    return BASE_OK;
}

const FitSet *engine_fit_so_far(const FitBuilder *builder) {
    return builder->set;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// numpy's default quantile: Hyndman and Fan 1996, type 7.
static double quantile(const double *sorted, size_t count, double p) {
    assert(count > 0 && p >= 0.0 && p <= 1.0);
    double h = p * (double)(count - 1), whole = floor(h), f = h - whole;
    size_t i = (size_t)whole;
    double a = sorted[i], b = sorted[i + 1 < count ? i + 1 : i];
    return f < 0.5 ? a + (b - a) * f : b - (b - a) * (1.0 - f);
}

static int fit_tiles(FitBuilder *builder, int64_t tiles, const Numbers *sorted, FitBounds *bounds) {
    assert(tiles >= 1);
    bounds->bound_count = sorted->count == 0 ? 0 : (size_t)tiles - 1;
    bounds->bounds =
        base_arena_alloc_array(builder->arena, bounds->bound_count + 1, sizeof(double));
    if (bounds->bounds == NULL) {
        return BASE_E_RESOURCES;
    }
    for (size_t k = 1; k <= bounds->bound_count; k++) {
        bounds->bounds[k - 1] = quantile(sorted->items, sorted->count, (double)k / (double)tiles);
    }
    return BASE_OK;
}

static int fit_shares(FitBuilder *builder, const Numbers *sorted, FitBounds *bounds) {
    size_t room = sorted->count + 1;
    bounds->bounds = base_arena_alloc_array(builder->arena, room, sizeof(double));
    bounds->cumulative = base_arena_alloc_array(builder->arena, room, sizeof(uint64_t));
    if (bounds->bounds == NULL || bounds->cumulative == NULL) {
        return BASE_E_RESOURCES;
    }
    size_t count = 0;
    for (size_t i = 0; i < sorted->count; i++) {
        if (i == 0 || sorted->items[i] != sorted->items[i - 1]) {
            bounds->bounds[count++] = sorted->items[i];
        }
        bounds->cumulative[count - 1] = i + 1;
    }
    bounds->bound_count = count;
    return BASE_OK;
}

static int fit_top(FitBuilder *builder, int64_t n, const Numbers *sorted, FitBounds *bounds) {
    assert(n >= 1);
    bounds->bound_count = sorted->count >= (size_t)n ? 1 : 0;
    bounds->bounds = base_arena_alloc_array(builder->arena, 1, sizeof(double));
    if (bounds->bounds == NULL) {
        return BASE_E_RESOURCES;
    }
    if (bounds->bound_count > 0) {
        bounds->bounds[0] = sorted->items[sorted->count - (size_t)n];
    }
    return BASE_OK;
}

static int fit_bounds(FitBuilder *builder, const Fit *fit, const Numbers *sorted,
                      FitBounds *bounds) {
    switch (fit->kind) {
    case FIT_NTILE:
        return fit_tiles(builder, fit->tiles, sorted, bounds);
    case FIT_PERCENTILE:
        return fit_shares(builder, sorted, bounds);
    case FIT_TOP:
        break;
    }
    return fit_top(builder, fit->tiles, sorted, bounds);
}

int engine_fit_level(FitBuilder *builder, int32_t level, KretsError *error) {
    assert(level == builder->level_done && level < builder->level_count);
    for (int32_t i = 0; i < builder->plan->fit_count; i++) {
        const Fit *fit = &builder->plan->fits[i];
        if (fit->level != level) {
            continue;
        }
        Numbers *numbers = &builder->collected[i];
        if (numbers->count > 0) {
            qsort(numbers->items, numbers->count, sizeof(double), compare_doubles);
        }
        FitBounds *bounds = &builder->set->fits[i];
        bounds->customer_count = numbers->count;
        int code = fit_bounds(builder, fit, numbers, bounds);
        free(numbers->items);
        *numbers = (Numbers){0};
        if (code < 0) {
            return base_error_set(error, code, "no memory left for the bounds of %.*s",
                                  STR_ARG(fit->key));
        }
    }
    builder->level_done = level + 1;
    return BASE_OK;
}

const FitSet *engine_fit_done(FitBuilder *builder) {
    const FitSet *set = builder->set;
    for (int32_t i = 0; i < builder->plan->fit_count; i++) {
        free(builder->collected[i].items);
    }
    free(builder->collected);
    free(builder);
    return set;
}

// The first bound that is not below x.
static size_t bound_of(const FitBounds *fit, double x) {
    size_t low = 0, high = fit->bound_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (fit->bounds[middle] < x) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

Value engine_fit_value(const FitBounds *fit, Value value) {
    static const ValueType types[] = {
        [FIT_NTILE] = VALUE_INTEGER, [FIT_PERCENTILE] = VALUE_NUMBER, [FIT_TOP] = VALUE_BOOLEAN};
    ValueType type = types[fit->kind];
    if (value.is_null || fit->customer_count == 0) {
        return data_value_null(type);
    }
    double x = engine_value_number(value);
    if (fit->kind == FIT_TOP) {
        return engine_value_boolean(fit->bound_count == 0 || x >= fit->bounds[0]);
    }
    size_t bound = bound_of(fit, x);
    assert(bound <= fit->bound_count);
    if (fit->kind == FIT_NTILE) {
        return engine_value_integer((Int128)bound + 1);
    }
    bool is_equal = bound < fit->bound_count && fit->bounds[bound] == x;
    uint64_t below = is_equal ? fit->cumulative[bound] : bound > 0 ? fit->cumulative[bound - 1] : 0;
    return engine_value_finite((double)below / (double)fit->customer_count);
}
