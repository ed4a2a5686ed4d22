// One measured step, for bench/import.py:
//   import_bench generate FILE ROWS CUSTOMERS SEED     writes a Parquet file of events
//   import_bench copy FILE OUT THREADS MEMORY_MIB TMP  DuckDB's own sorted COPY of it
//   import_bench import FILE DATA THREADS MEMORY_MIB   the store's import of it
//   import_bench read DATA THREADS MEMORY_MIB          every bucket of that store into memory
// Prints the seconds that the step took, without opening and closing.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/store.h"

static KretsError error;

static double clock_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t number_of(const char *text) {
    char *end;
    size_t number = strtoull(text, &end, 10);
    if (end == text || *end != '\0') {
        fprintf(stderr, "import_bench: `%s` is not a whole number\n", text);
        exit(2);
    }
    return number;
}

static int finish(int r, double began_s) {
    if (r < 0)
        fprintf(stderr, "import_bench: %s\n", error.text);
    else
        printf("%.3f\n", clock_s() - began_s);
    return r < 0 ? 1 : 0;
}

static int generate(char **argv) {
    DB_DUCK_SCOPED duck = NULL;
    DuckOptions options = {0};
    int r = db_duck_open(&options, &duck, &error);
    double began_s = clock_s();
    // The seed goes into every hash; a square makes some customers much busier than others.
    if (r == 0)
        r = db_duck_run(
            duck, &error,
            "copy (select 'customer-' || cast(floor(pow(a / 1e9, 2) * %s) as bigint) as customer,"
            " make_timestamp(1640995200000000"
            "   + (hash(i, 2, %s) %% 126230400000000)::bigint) as time,"
            " list_extract(['view', 'view', 'view', 'cart', 'order', 'mail'],"
            "   (1 + hash(i, 3, %s) %% 6)::bigint) as event,"
            " 'product ' || (hash(i, 4, %s) %% 5000) as product,"
            " ((hash(i, 5, %s) %% 50000) / 100)::decimal(18,4) as amount,"
            " (1 + hash(i, 6, %s) %% 9)::bigint as quantity"
            " from (select i, (hash(i, 1, %s) %% 1000000000)::double as a from range(%s) t(i)))"
            " to '%s' (format parquet)",
            argv[4], argv[5], argv[5], argv[5], argv[5], argv[5], argv[5], argv[3], argv[2]);
    return finish(r, began_s);
}

static int copy(char **argv) {
    DB_DUCK_SCOPED duck = NULL;
    DuckOptions options = {.threads = (unsigned)number_of(argv[4]),
                           .memory_bytes = number_of(argv[5]) << 20,
                           .temp_directory = argv[6]};
    int r = db_duck_open(&options, &duck, &error);
    double began_s = clock_s();
    if (r == 0)
        r = db_duck_run(duck, &error,
                        "copy (select * from '%s' order by customer, time)"
                        " to '%s' (format parquet)",
                        argv[2], argv[3]);
    return finish(r, began_s);
}

static void show(void *context, double ratio, uint64_t rows) {
    (void)context;
    fprintf(stderr, "\r%3.0f %% %llu", ratio * 100, (unsigned long long)rows);
}

static int import(char **argv) {
    STORE_SCOPED store = NULL;
    StoreOptions options = {.threads = (unsigned)number_of(argv[4]),
                            .memory_bytes = number_of(argv[5]) << 20};
    int r = store_open(base_str_from(argv[3]), &options, &store, &error);
    const StagedProperty properties[] = {
        {STR("product"), STR(""), STR("product"), VALUE_TEXT},
        {STR("amount"), STR(""), STR("amount"), VALUE_DECIMAL},
        {STR("quantity"), STR(""), STR("quantity"), VALUE_INTEGER},
    };
    BASE_TEXT_SCOPED relation = {0};
    base_text_printf(&relation,
                     "select customer, make_timestamptz(epoch_us(time)) as time,"
                     " (file_row_number << 13)::bigint as arrival, event,"
                     " null::varchar as message_id, product, amount, quantity"
                     " from read_parquet('%s', file_row_number = true)",
                     argv[2]);
    Staged staged = {.source = STR("events"),
                     .relation = base_text_str(&relation),
                     .properties = properties,
                     .property_count = sizeof(properties) / sizeof(properties[0])};
    double began_s = clock_s();
    if (r == 0)
        r = store_import(store, &staged, getenv("BENCH_PROGRESS") != NULL ? show : NULL, NULL,
                         &error);
    return finish(r, began_s);
}

static int read_all(char **argv) {
    STORE_SCOPED store = NULL;
    StoreOptions options = {.threads = (unsigned)number_of(argv[3]),
                            .memory_bytes = number_of(argv[4]) << 20,
                            .is_read_only = true};
    int r = store_open(base_str_from(argv[2]), &options, &store, &error);
    PlanEvent events[] = {{STR("order"), true}, {STR("view"), true}};
    PlanColumn columns[] = {{STR("amount"), VALUE_DECIMAL}, {STR("product"), VALUE_TEXT}};
    Selection any = {.events = {.is_any = true}, .where = NODE_NONE};
    Plan plan = {.events = events,
                 .event_count = 2,
                 .columns = columns,
                 .column_count = 2,
                 .selections = &any,
                 .selection_count = 1};
    double began_s = clock_s();
    for (size_t bucket = 0; r == 0 && bucket < store_bucket_count(store); bucket++) {
        BASE_ARENA_SCOPED arena = base_arena_new(options.memory_bytes);
        const EventTable *table = NULL;
        r = store_read(store, arena, &plan, bucket, &table, &error);
        if (r == 0)
            fprintf(stderr, "bucket %zu: %zu customers, %zu events, %zu MiB\n", bucket,
                    table->customer_count, table->row_count, base_arena_used(arena) >> 20);
    }
    return finish(r, began_s);
}

int main(int argc, char **argv) {
    if (argc == 6 && strcmp(argv[1], "generate") == 0)
        return generate(argv);
    if (argc == 7 && strcmp(argv[1], "copy") == 0)
        return copy(argv);
    if (argc == 6 && strcmp(argv[1], "import") == 0)
        return import(argv);
    if (argc == 5 && strcmp(argv[1], "read") == 0)
        return read_all(argv);
    fprintf(stderr, "usage: see the head of bench/import_bench.c\n");
    return 2;
}
