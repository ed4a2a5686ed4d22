// How fast the reference evaluator is: a generated shop of Online Retail's size (541,909 events of
// 4,300 customers), 40 aggregates at 14 month ends, one thread.
//
// Prints the processor seconds of the whole job, and for single aggregates the events a second at
// one now and the milliseconds of each further now.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/evaluate.h"
#include "lang/model.h"

enum { BENCH_ROWS = 541909, BENCH_CUSTOMERS = 4300, BENCH_NOWS = 14, BENCH_REPEATS = 5 };

typedef struct Shop {
    Arena *arena;
    Model model;
    Catalog catalog;
    EventTable table;
    int64_t *amount;
    double *weight;
    Str *product;
    int64_t nows_us[BENCH_NOWS];
} Shop;

static const char *const FUNCTIONS[] = {
    "count(order%s)",
    "sum(order.amount%s)",
    "sum(order.weight%s)",
    "avg(order.amount%s)",
    "distinct(order.product%s)",
    "days(order%s)",
    "last(order%s)",
    "mode(order.product%s)",
    "max(order.amount%s)",
    "count(order where product like 'p1%%'%s)",
};
static const char *const WINDOWS[] = {"", " last 30 days", " last 6 months", " this year"};

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int compare_times(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void make_rows(Shop *shop) {
    Arena *arena = shop->arena;
    unsigned seed = 20101201;
    int64_t *time_us = base_arena_alloc_array(arena, BENCH_ROWS, sizeof(int64_t));
    uint64_t *first_row = base_arena_alloc_array(arena, BENCH_CUSTOMERS + 1, sizeof(uint64_t));
    Str *ids = base_arena_alloc_array(arena, BENCH_CUSTOMERS, sizeof(Str));
    uint8_t *is_any = base_arena_alloc(arena, BENCH_ROWS);
    shop->amount = base_arena_alloc_array(arena, BENCH_ROWS, sizeof(int64_t));
    shop->weight = base_arena_alloc_array(arena, BENCH_ROWS, sizeof(double));
    shop->product = base_arena_alloc_array(arena, BENCH_ROWS, sizeof(Str));
    for (size_t c = 0; c < BENCH_CUSTOMERS; c++) {
        ids[c] = base_arena_printf(arena, "%05zu", 12346 + c);
        first_row[c] = c * BENCH_ROWS / BENCH_CUSTOMERS;
    }
    first_row[BENCH_CUSTOMERS] = BENCH_ROWS;
    int64_t start_us = INT64_C(1291161600) * CALENDAR_US_PER_SECOND; // 2010-12-01
    for (size_t i = 0; i < BENCH_ROWS; i++) {
        time_us[i] = start_us + rand_r(&seed) % (373 * 1440) * (60 * CALENDAR_US_PER_SECOND);
        is_any[i] = 1;
        shop->amount[i] = rand_r(&seed) % 1000000;
        shop->weight[i] = rand_r(&seed) % 1000 / 10.0;
        shop->product[i] = base_arena_printf(arena, "p%d", rand_r(&seed) % 3500);
    }
    for (size_t c = 0; c < BENCH_CUSTOMERS; c++) {
        qsort(time_us + first_row[c], (size_t)(first_row[c + 1] - first_row[c]), sizeof(int64_t),
              compare_times);
    }
    for (int i = 0; i < BENCH_NOWS; i++) {
        shop->nows_us[i] = start_us + (i + 1) * INT64_C(27) * CALENDAR_US_PER_DAY;
    }
    shop->table = (EventTable){.customer_count = BENCH_CUSTOMERS,
                               .customer_ids = ids,
                               .first_row = first_row,
                               .row_count = BENCH_ROWS,
                               .time_us = time_us,
                               .is_any = is_any};
}

static void make_catalog(Shop *shop) {
    static CatalogProperty properties[3] = {
        {.type = VALUE_DECIMAL}, {.type = VALUE_TEXT}, {.type = VALUE_NUMBER}};
    static const char *const names[] = {"amount", "product", "weight"};
    static CatalogEvent event = {.properties = properties, .property_count = 3, .is_any = true};
    for (int i = 0; i < 3; i++) {
        properties[i].name = properties[i].column = base_str_from(names[i]);
    }
    event.name = base_str_from("order");
    shop->catalog = (Catalog){.events = &event, .event_count = 1};
}

// The columns as the plan asks for them; all rows are the plan's only event.
static EventTable table_for(Shop *shop, const Plan *plan) {
    EventTable table = shop->table;
    TableColumn *columns =
        base_arena_alloc_array(shop->arena, (size_t)plan->column_count + 1, sizeof(TableColumn));
    for (int32_t i = 0; i < plan->column_count; i++) {
        ValueType type = plan->columns[i].type;
        columns[i] = (TableColumn){.type = type,
                                   .values = type == VALUE_DECIMAL  ? (void *)shop->amount
                                             : type == VALUE_NUMBER ? (void *)shop->weight
                                                                    : (void *)shop->product};
    }
    table.event = base_arena_alloc_array(shop->arena, BENCH_ROWS, sizeof(uint16_t));
    table.columns = columns;
    table.column_count = (size_t)plan->column_count;
    return table;
}

static int count_answer(void *context, unsigned thread, const Answer *answer) {
    (void)thread;
    (void)answer;
    ++*(size_t *)context;
    return 0;
}

// The best time of some runs over the metrics.
static double measure(Shop *shop, const MetricSource *metrics, size_t count, size_t now_count) {
    Diagnostics diagnostics = {.arena = shop->arena};
    KretsError error = {0};
    const Plan *plan = NULL;
    shop->model.metrics = metrics;
    shop->model.metric_count = count;
    if (lang_plan_compile(shop->arena, &shop->model, &shop->catalog, &diagnostics, &plan, &error)) {
        fprintf(stderr, "%s\n", diagnostics.count > 0 ? diagnostics.items[0].rendered.data : "");
        exit(2);
    }
    EventTable table = table_for(shop, plan);
    double best = 1e9;
    for (int i = 0; i < BENCH_REPEATS; i++) {
        size_t answers = 0;
        double start = seconds();
        EvaluateJob job = {.plan = plan,
                           .table = &table,
                           .nows_us = shop->nows_us + (BENCH_NOWS - now_count),
                           .now_count = now_count,
                           .threads = 1,
                           .memory_bytes = (size_t)1 << 30,
                           .sink = count_answer,
                           .context = &answers};
        if (engine_evaluate(&job, &error) < 0) {
            fprintf(stderr, "%s\n", error.text);
            exit(4);
        }
        double spent = seconds() - start;
        best = spent < best ? spent : best;
    }
    return best;
}

int main(void) {
    enum { COUNT = sizeof FUNCTIONS / sizeof FUNCTIONS[0] * 4 };
    Shop shop = {.arena = base_arena_new(SIZE_MAX)};
    MetricSource metrics[COUNT] = {{.name = {0}}};
    KretsError error = {0};
    shop.model =
        (Model){.path = STR("bench"), .directory = STR("."), .timezone = STR("Europe/London")};
    if (base_zone_open(shop.model.timezone, &shop.model.zone, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 3;
    }
    make_catalog(&shop);
    make_rows(&shop);
    for (size_t i = 0; i < COUNT; i++) {
        Str name = base_arena_printf(shop.arena, "m%zu", i);
        char text[256];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(text, sizeof text, FUNCTIONS[i / 4], WINDOWS[i % 4]);
#pragma GCC diagnostic pop
        metrics[i].name = name;
        metrics[i].expression = base_arena_str(shop.arena, base_str_from(text));
    }
    printf("%d events, %d customers, %d aggregates, %d nows: %.3f s\n", BENCH_ROWS, BENCH_CUSTOMERS,
           (int)COUNT, BENCH_NOWS, measure(&shop, metrics, COUNT, BENCH_NOWS));
    for (size_t i = 0; i < COUNT; i++) {
        double one = measure(&shop, &metrics[i], 1, 1);
        double more = measure(&shop, &metrics[i], 1, BENCH_NOWS);
        printf("%-50.*s %7.1f M events/s at one now, %6.2f ms each further now\n",
               STR_ARG(metrics[i].expression), BENCH_ROWS / one / 1e6,
               (more - one) / (BENCH_NOWS - 1) * 1e3);
    }
    base_arena_free(shop.arena);
    return 0;
}
