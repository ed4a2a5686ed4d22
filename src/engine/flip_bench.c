// How fast next flips are and how often they are early: a generated shop, a hundred segments of
// counts, sums, distinct values and days since, in windows of exact length and of the calendar.
//
// Prints the microseconds a customer of the evaluation alone and of evaluation and flip together,
// then follows the customers for thirty days without events: wake-ups, those with a change, and
// their ratio.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/evaluate.h"
#include "engine/flip.h"
#include "lang/model.h"

enum {
    BENCH_CUSTOMERS = 10000,
    BENCH_EVENTS = 50, // a customer, on average
    BENCH_SEGMENTS = 100,
    BENCH_DAYS = 730,
    BENCH_WAKES_MAX = 20000,
    BENCH_REPEATS = 3
};

#define SPAN_US (INT64_C(30) * CALENDAR_US_PER_DAY)
#define HEAP    ((size_t)1 << 30)

typedef struct Shop {
    Arena *arena;
    Model model;
    Catalog catalog;
    const Plan *plan;
    EventTable table;
    uint16_t *kinds; // by row: index into KINDS
    int64_t *amount;
    Str *texts[3]; // category, channel, product
    int64_t now_us;
    uint64_t state;
} Shop;

static const char *const KINDS[] = {"cart", "mail_open", "order", "page_view", "refund", "search"};
static const char *const COLUMNS[] = {"category", "channel", "product"};
static const unsigned WEIGHTS[] = {12, 8, 10, 50, 2, 18}; // of a hundred events

enum { KIND_COUNT = sizeof KINDS / sizeof KINDS[0], ORDER = 2 };

static uint64_t next_random(Shop *shop) { // splitmix64
    uint64_t z = shop->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static unsigned below(Shop *shop, unsigned count) {
    return (unsigned)(next_random(shop) % count);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void stop(const KretsError *error) {
    fprintf(stderr, "%s\n", error->text);
    exit(4);
}

// ---- events ----

static int compare_times(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static uint16_t random_kind(Shop *shop) {
    unsigned at = below(shop, 100);
    uint16_t kind = 0;
    while (at >= WEIGHTS[kind]) {
        at -= WEIGHTS[kind++];
    }
    return kind;
}

static void make_rows(Shop *shop) {
    Arena *arena = shop->arena;
    EventTable *table = &shop->table;
    uint64_t *first_row = base_arena_alloc_array(arena, BENCH_CUSTOMERS + 1, sizeof(uint64_t));
    Str *ids = base_arena_alloc_array(arena, BENCH_CUSTOMERS, sizeof(Str));
    for (size_t c = 0; c < BENCH_CUSTOMERS; c++) { // many with few events, few with many
        unsigned share = 1 + below(shop, 100);
        ids[c] = base_arena_printf(arena, "%07zu", c);
        first_row[c + 1] = first_row[c] + 1 + BENCH_EVENTS * 40 / (share + 12);
    }
    size_t count = (size_t)first_row[BENCH_CUSTOMERS];
    int64_t *time_us = base_arena_alloc_array(arena, count, sizeof(int64_t));
    uint8_t *is_any = base_arena_alloc(arena, count);
    shop->kinds = base_arena_alloc_array(arena, count, sizeof(uint16_t));
    shop->amount = base_arena_alloc_array(arena, count, sizeof(int64_t));
    for (int t = 0; t < 3; t++) {
        shop->texts[t] = base_arena_alloc_array(arena, count, sizeof(Str));
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t ago_us = next_random(shop) % ((uint64_t)BENCH_DAYS * CALENDAR_US_PER_DAY);
        time_us[i] = shop->now_us - (int64_t)ago_us;
        is_any[i] = 1;
        shop->kinds[i] = random_kind(shop);
        shop->amount[i] = (int64_t)below(shop, 90) * 10000 + 9900;
        shop->texts[0][i] = base_arena_printf(arena, "c%u", below(shop, 12));
        shop->texts[1][i] = base_arena_printf(arena, "h%u", below(shop, 4));
        shop->texts[2][i] = base_arena_printf(arena, "p%u", below(shop, 300));
    }
    for (size_t c = 0; c < BENCH_CUSTOMERS; c++) {
        qsort(time_us + first_row[c], (size_t)(first_row[c + 1] - first_row[c]), sizeof(int64_t),
              compare_times);
    }
    *table = (EventTable){.customer_count = BENCH_CUSTOMERS,
                          .customer_ids = ids,
                          .first_row = first_row,
                          .row_count = count,
                          .time_us = time_us,
                          .is_any = is_any};
}

// ---- segments ----

static Str random_window(Shop *shop) {
    static const char *const calendar[] = {"this month",        "last 3 months",  "this week",
                                           "last 2 full weeks", "previous month", "last 1 year"};
    static const char *const ago[] = {"from 60 days ago to 30 days ago",
                                      "from 14 days ago to 7 days ago", "more than 90 days ago",
                                      ""};
    static const char *const last[] = {"36 hours", "3 days",  "1 week",  "10 days", "2 weeks",
                                       "30 days",  "45 days", "60 days", "90 days", "180 days"};
    unsigned kind = below(shop, 10);
    if (kind < 2) {
        return base_str_from(calendar[below(shop, sizeof calendar / sizeof calendar[0])]);
    }
    if (kind == 2) {
        return base_str_from(ago[below(shop, sizeof ago / sizeof ago[0])]);
    }
    return base_arena_printf(shop->arena, "last %s",
                             last[below(shop, sizeof last / sizeof last[0])]);
}

static Str random_condition(Shop *shop) {
    Arena *arena = shop->arena;
    const char *event = below(shop, 3) == 0 ? "order" : KINDS[below(shop, KIND_COUNT)];
    Str where = below(shop, 2) == 0
                    ? STR("")
                    : base_arena_printf(arena, " where channel = 'h%u'", below(shop, 4));
    Str window = random_window(shop);
    switch (below(shop, 8)) {
    case 0:
        return base_arena_printf(arena, "days_since(last(%s%.*s)) %c %u", event, STR_ARG(where),
                                 below(shop, 2) == 0 ? '<' : '>', 1 + below(shop, 120));
    case 1:
        return base_arena_printf(arena, "distinct(%s.%s%.*s %.*s) >= %u", event,
                                 below(shop, 2) == 0 ? "category" : "product", STR_ARG(where),
                                 STR_ARG(window), 1 + below(shop, 4));
    case 2:
    case 3:
        return base_arena_printf(arena, "sum(order.amount%.*s %.*s) >= %u", STR_ARG(where),
                                 STR_ARG(window), 20 + 10 * below(shop, 20));
    case 4:
        return base_arena_printf(arena, "%s(%s%.*s %.*s)", below(shop, 2) == 0 ? "did" : "never",
                                 event, STR_ARG(where), STR_ARG(window));
    default:
        return base_arena_printf(arena, "count(%s%.*s %.*s) >= %u", event, STR_ARG(where),
                                 STR_ARG(window), 1 + below(shop, 4));
    }
}

static void compile(Shop *shop) {
    Diagnostics diagnostics = {.arena = shop->arena};
    KretsError error = {0};
    SegmentSource *segments =
        base_arena_alloc_array(shop->arena, BENCH_SEGMENTS, sizeof(SegmentSource));
    for (size_t i = 0; i < BENCH_SEGMENTS; i++) {
        Str a = random_condition(shop), b = random_condition(shop);
        segments[i].key = base_arena_printf(shop->arena, "s%zu", i);
        segments[i].expression = base_arena_printf(shop->arena, "(%.*s) %s (%.*s)", STR_ARG(a),
                                                   below(shop, 4) == 0 ? "or" : "and", STR_ARG(b));
    }
    shop->model.segments = segments;
    shop->model.segment_count = BENCH_SEGMENTS;
    if (lang_plan_compile(shop->arena, &shop->model, &shop->catalog, &diagnostics, &shop->plan,
                          &error) < 0) {
        fprintf(stderr, "%s\n", diagnostics.count > 0 ? diagnostics.items[0].rendered.data : "");
        exit(2);
    }
}

static void make_catalog(Shop *shop) {
    static CatalogEvent events[KIND_COUNT];
    static CatalogProperty properties[4] = {{.name = STR("amount"), .column = STR("amount")}};
    properties[0].type = VALUE_DECIMAL;
    for (int i = 0; i < 3; i++) {
        Str name = base_str_from(COLUMNS[i]);
        properties[i + 1] = (CatalogProperty){.name = name, .column = name, .type = VALUE_TEXT};
    }
    for (size_t i = 0; i < KIND_COUNT; i++) {
        events[i] = (CatalogEvent){.name = base_str_from(KINDS[i]),
                                   .is_any = true,
                                   .properties = properties,
                                   .property_count = 4};
    }
    shop->catalog = (Catalog){.events = events, .event_count = KIND_COUNT};
}

// The events and columns as the plan numbers them.
static void fit_table(Shop *shop) {
    const Plan *plan = shop->plan;
    EventTable *table = &shop->table;
    uint16_t *event = base_arena_alloc_array(shop->arena, table->row_count, sizeof(uint16_t));
    TableColumn *columns =
        base_arena_alloc_array(shop->arena, (size_t)plan->column_count + 1, sizeof(TableColumn));
    for (size_t i = 0; i < table->row_count; i++) {
        Str name = base_str_from(KINDS[shop->kinds[i]]);
        event[i] = TABLE_EVENT_UNKNOWN;
        for (int32_t e = 0; e < plan->event_count; e++) {
            if (base_str_equal(plan->events[e].name, name)) {
                event[i] = (uint16_t)e;
            }
        }
    }
    for (int32_t i = 0; i < plan->column_count; i++) {
        columns[i] = (TableColumn){.type = plan->columns[i].type, .values = shop->amount};
        for (int t = 0; t < 3; t++) {
            if (base_str_equal(plan->columns[i].column, base_str_from(COLUMNS[t]))) {
                columns[i].values = shop->texts[t];
            }
        }
    }
    table->event = event;
    table->columns = columns;
    table->column_count = (size_t)plan->column_count;
}

// ---- measuring ----

static int ignore_answer(void *context, unsigned thread, const Answer *answer) {
    (void)context;
    (void)thread;
    (void)answer;
    return 0;
}

static double evaluation_seconds(const Shop *shop) {
    KretsError error = {0};
    double start = seconds();
    EvaluateJob job = {.plan = shop->plan,
                       .table = &shop->table,
                       .nows_us = &shop->now_us,
                       .now_count = 1,
                       .threads = 1,
                       .memory_bytes = HEAP,
                       .sink = ignore_answer};
    if (engine_evaluate(&job, &error) < 0) {
        stop(&error);
    }
    return seconds() - start;
}

static double flip_seconds(const Shop *shop, Flips *flips) {
    KretsError error = {0};
    double start = seconds();
    for (size_t c = 0; c < BENCH_CUSTOMERS; c++) {
        int64_t flip_us;
        if (engine_flip_next(flips, c, shop->now_us, NULL, 0, &flip_us, &error) < 0) {
            stop(&error);
        }
    }
    return seconds() - start;
}

// The memberships of one customer at each wake-up, one row after the other.
static int keep_answer(void *context, unsigned thread, const Answer *answer) {
    (void)thread;
    bool *kept = context;
    memcpy(kept + answer->now_index * BENCH_SEGMENTS, answer->segments, BENCH_SEGMENTS);
    return 0;
}

// Counts the wake-ups of a customer in the span, and those at which a segment changes.
static void follow(const Shop *shop, Flips *flips, size_t customer, int64_t *wakes_us, bool *kept,
                   size_t *wake_count, size_t *change_count) {
    KretsError error = {0};
    size_t count = 1;
    wakes_us[0] = shop->now_us;
    while (count < BENCH_WAKES_MAX) {
        if (engine_flip_next(flips, customer, wakes_us[count - 1], NULL, 0, &wakes_us[count],
                             &error) < 0) {
            stop(&error);
        }
        if (wakes_us[count] > shop->now_us + SPAN_US) {
            break;
        }
        count++;
    }
    EventTable table = shop->table;
    table.customer_count = 1;
    table.customer_ids += customer;
    table.first_row += customer;
    EvaluateJob job = {.plan = shop->plan,
                       .table = &table,
                       .nows_us = wakes_us,
                       .now_count = count,
                       .threads = 1,
                       .memory_bytes = HEAP,
                       .sink = keep_answer,
                       .context = kept};
    if (engine_evaluate(&job, &error) < 0) {
        stop(&error);
    }
    for (size_t i = 1; i < count; i++) {
        *change_count +=
            memcmp(kept + i * BENCH_SEGMENTS, kept + (i - 1) * BENCH_SEGMENTS, BENCH_SEGMENTS) != 0;
    }
    *wake_count += count - 1;
}

static void follow_all(const Shop *shop, Flips *flips) {
    int64_t *wakes_us = base_arena_alloc_array(shop->arena, BENCH_WAKES_MAX + 1, sizeof(int64_t));
    bool *kept = base_arena_alloc(shop->arena, (size_t)BENCH_WAKES_MAX * BENCH_SEGMENTS);
    size_t wakes = 0, changes = 0;
    double start = seconds();
    for (size_t c = 0; c < BENCH_CUSTOMERS; c++) {
        follow(shop, flips, c, wakes_us, kept, &wakes, &changes);
    }
    printf("30 days without events: %zu wake-ups, %zu with a change: %.3f wake-ups a change; "
           "%.1f us each, with the check\n",
           wakes, changes, (double)wakes / (double)changes,
           (seconds() - start) * 1e6 / (double)wakes);
}

int main(void) {
    Shop shop = {.arena = base_arena_new(SIZE_MAX), .state = 20260101};
    KretsError error = {0};
    Flips *flips = NULL;
    shop.model =
        (Model){.path = STR("bench"), .directory = STR("."), .timezone = STR("Europe/London")};
    shop.now_us = (int64_t)base_calendar_day((Date){2026, 3, 15}) * CALENDAR_US_PER_DAY;
    if (base_zone_open(shop.model.timezone, &shop.model.zone, &error) < 0) {
        stop(&error);
    }
    make_catalog(&shop);
    make_rows(&shop);
    compile(&shop);
    fit_table(&shop);
    if (engine_flips_new(shop.plan, &shop.table, NULL, HEAP, &flips, &error) < 0) {
        stop(&error);
    }
    double evaluation_s = 1e9, flip_s = 1e9;
    for (int i = 0; i < BENCH_REPEATS; i++) {
        double a = evaluation_seconds(&shop), b = flip_seconds(&shop, flips);
        evaluation_s = a < evaluation_s ? a : evaluation_s;
        flip_s = b < flip_s ? b : flip_s;
    }
    printf("%zu events, %d customers, %d segments: evaluation %.1f us a customer, evaluation and "
           "next flip %.1f us\n",
           shop.table.row_count, (int)BENCH_CUSTOMERS, (int)BENCH_SEGMENTS,
           evaluation_s * 1e6 / BENCH_CUSTOMERS, flip_s * 1e6 / BENCH_CUSTOMERS);
    follow_all(&shop, flips);
    engine_flips_free(flips);
    base_arena_free(shop.arena);
    return 0;
}
