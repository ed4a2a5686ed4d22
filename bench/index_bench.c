// The index over a store, step by step, for whoever wants to know where the time goes:
//   index_bench read DATA THREADS MEMORY_MIB         the store's part alone
//   index_bench build DATA INDEX THREADS MEMORY_MIB  builds, opens, looks up, reads
// Takes all event types and columns of the catalog, in BENCH_PARTS parts (default: the store's
// buckets). Prints seconds of the wall and of all threads.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/thread.h"
#include "index/index.h"
#include "store/store.h"

enum { BENCH_PARTS_MAX = 256, BENCH_LOOKUPS = 2000000, BENCH_CUSTOMERS = 200000 };

static KretsError error;

typedef struct Clock {
    double wall_s, cpu_s;
} Clock;

static Clock read_clock(void) {
    struct timespec wall, cpu;
    clock_gettime(CLOCK_MONOTONIC, &wall);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    return (Clock){(double)wall.tv_sec + (double)wall.tv_nsec / 1e9,
                   (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9};
}

static void print_step(const char *step, Clock began, uint64_t events) {
    Clock now = read_clock();
    double cpu_s = now.cpu_s - began.cpu_s;
    printf("%-10s %8.3f s  %8.3f s of processors", step, now.wall_s - began.wall_s, cpu_s);
    if (events > 0)
        printf("  %6.1f ns/event", cpu_s * 1e9 / (double)events);
    printf("\n");
}

// --- the plan: everything that the catalog knows ---

typedef struct Everything {
    Plan plan;
    Selection any;
    IndexBuild build;
} Everything;

static size_t find_column(const Everything *all, const CatalogProperty *property) {
    size_t i = 0;
    while (i < (size_t)all->plan.column_count &&
           !base_str_equal(all->plan.columns[i].column, property->column))
        i++;
    return i;
}

static void add_property(Everything *all, Str event, const CatalogProperty *property) {
    PlanColumn *columns = (PlanColumn *)(uintptr_t)all->plan.columns;
    Str *names = (Str *)(uintptr_t)all->build.columns;
    ValueType *types = (ValueType *)(uintptr_t)all->build.types;
    IndexColumn *wanted = (IndexColumn *)(uintptr_t)all->build.wanted;
    size_t at = find_column(all, property);
    if (at == (size_t)all->plan.column_count) {
        columns[at] = (PlanColumn){property->column, property->type};
        names[at] = property->column;
        types[at] = property->type;
        all->plan.column_count++;
        all->build.column_count++;
    }
    wanted[all->build.wanted_count++] = (IndexColumn){event, property->column, property->type};
}

static void want_everything(Arena *arena, const Catalog *catalog, Everything *all) {
    size_t room = 1;
    for (size_t i = 0; i < catalog->event_count; i++)
        room += catalog->events[i].property_count;
    PlanEvent *events = base_arena_alloc_array(arena, catalog->event_count + 1, sizeof *events);
    Str *names = base_arena_alloc_array(arena, catalog->event_count + 1, sizeof *names);
    all->any = (Selection){.events = {.is_any = true}, .where = NODE_NONE};
    all->plan = (Plan){.events = events,
                       .event_count = (int32_t)catalog->event_count,
                       .columns = base_arena_alloc_array(arena, room, sizeof(PlanColumn)),
                       .selections = &all->any,
                       .selection_count = 1};
    all->build = (IndexBuild){.events = names,
                              .event_count = catalog->event_count,
                              .columns = base_arena_alloc_array(arena, room, sizeof(Str)),
                              .types = base_arena_alloc_array(arena, room, sizeof(ValueType)),
                              .wanted = base_arena_alloc_array(arena, room, sizeof(IndexColumn))};
    for (size_t i = 0; i < catalog->event_count; i++) {
        const CatalogEvent *event = &catalog->events[i];
        events[i] = (PlanEvent){event->name, event->is_any};
        names[i] = event->name;
        for (size_t k = 0; k < event->property_count; k++)
            add_property(all, event->name, &event->properties[k]);
    }
}

// --- reading and building ---

typedef struct Job {
    Store *store;
    const Everything *all;
    IndexBuilder *builder; // NULL: only read
    size_t memory_bytes, part_count;
    double read_s[BENCH_PARTS_MAX]; // of each part
} Job;

static double thread_cpu_s(void) {
    struct timespec cpu;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    return (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
}

typedef struct PartSink {
    Job *job;
    uint32_t part;
    double build_s;
} PartSink;

static int take_table(void *context, const EventTable *table, KretsError *failure) {
    PartSink *sink = context;
    if (sink->job->builder == NULL)
        return 0;
    double began_s = thread_cpu_s();
    int r = index_build_add(sink->job->builder, sink->part, table, failure);
    sink->build_s += thread_cpu_s() - began_s;
    return r;
}

static int take_part(Job *job, size_t part) {
    double began_s = thread_cpu_s();
    PartSink sink = {.job = job, .part = (uint32_t)part};
    int r = store_read_tables(job->store, job->memory_bytes, &job->all->plan, part, job->part_count,
                              take_table, &sink, &error);
    job->read_s[part] = thread_cpu_s() - began_s - sink.build_s;
    if (r == 0 && job->builder != NULL)
        r = index_build_partition_end(job->builder, (uint32_t)part, &error);
    return r;
}

static int take_parts(void *context, unsigned thread, size_t begin, size_t end) {
    (void)thread;
    int r = 0;
    for (size_t part = begin; r == 0 && part < end; part++)
        r = take_part(context, part);
    return r;
}

static void look_up(const Index *index) {
    uint32_t count = index_source(index)->customer_count;
    if (count == 0)
        return;
    Clock began = read_clock();
    uint64_t found = 0;
    uint32_t ordinal = 0;
    for (uint64_t i = 0; i < BENCH_LOOKUPS; i++) {
        uint32_t wanted = (uint32_t)(i * 2654435761u % count);
        found += index_customer_find(index, index_customer_id(index, wanted), &ordinal);
    }
    double took_s = read_clock().wall_s - began.wall_s;
    printf("%-10s %8.0f ns a customer, %llu of %d found\n", "look up", took_s * 1e9 / BENCH_LOOKUPS,
           (unsigned long long)found, BENCH_LOOKUPS);
}

// All streams and columns of customers, one at a time, or of blocks.
static int read_rows(const Index *index, bool is_by_customer) {
    const BlockSource *source = index_source(index);
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    uint8_t *all = base_arena_alloc(arena, UINT16_MAX);
    const uint8_t **columns =
        base_arena_alloc_array(arena, source->stream_count + (size_t)1, sizeof *columns);
    memset(all, 1, UINT16_MAX);
    for (uint32_t s = 0; s < source->stream_count; s++)
        columns[s] = all;
    BlockNeeds needs = {all, columns};
    BlockScratch *scratch = source->scratch_new(source->context);
    uint32_t count = is_by_customer ? source->customer_count : source->block_count;
    uint64_t times = is_by_customer ? BENCH_CUSTOMERS : count, rows = 0;
    Clock began = read_clock();
    int r = 0;
    for (uint64_t i = 0; r == 0 && count > 0 && i < times; i++) {
        Block block;
        uint32_t number = (uint32_t)(i * 2654435761u % count);
        r = (is_by_customer ? source->customer : source->block)(source->context, scratch, number,
                                                                &needs, &block, &error);
        for (uint32_t s = 0; r == 0 && s < source->stream_count; s++)
            rows += block.streams[s].count;
    }
    source->scratch_free(scratch);
    printf("%-10s %8.0f ns each, %.1f events\n", is_by_customer ? "customers" : "blocks",
           (read_clock().cpu_s - began.cpu_s) * 1e9 / (double)times, (double)rows / (double)times);
    return r;
}

static int finish_build(Job *job, Str directory, uint64_t events) {
    INDEX_SCOPED built = NULL;
    Clock began = read_clock();
    int r = index_build_end(job->builder, &built, &error);
    if (r < 0)
        return r;
    print_step("end", began, events);
    INDEX_SCOPED index = NULL;
    began = read_clock();
    r = index_open(directory, STR(""), false, &index, NULL, &error);
    print_step("open", began, 0);
    if (r != 0)
        return r < 0 ? r : base_error_set(&error, BASE_E_STORE, "the index does not open");
    look_up(index);
    r = read_rows(index, false); // checks each block
    if (r == 0)
        r = read_rows(index, false);
    if (r == 0)
        r = read_rows(index, true);
    if (r < 0)
        return r;
    IndexFacts facts = index_facts(index);
    double count = (double)facts.event_count;
    printf("%-10s %8.2f B/event: %.2f core, %.2f columns\n", "size",
           (double)facts.file_bytes / count, (double)facts.core_bytes / count,
           (double)facts.column_bytes / count);
    return 0;
}

// BENCH_PARTS parts, or as many as the store has buckets.
static size_t part_count_of(Store *store) {
    const char *wanted = getenv("BENCH_PARTS");
    size_t count = wanted == NULL ? store_bucket_count(store) : strtoul(wanted, NULL, 10);
    return count < 1 ? 1 : count > BENCH_PARTS_MAX ? BENCH_PARTS_MAX : count;
}

static int run(Store *store, const char *directory, unsigned threads, size_t memory_bytes) {
    size_t part_count = part_count_of(store);
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    const Catalog *catalog = NULL;
    Everything all;
    int r = store_catalog(store, arena, &catalog, &error);
    if (r < 0)
        return r;
    want_everything(arena, catalog, &all);
    all.build.directory = base_str_from(directory);
    all.build.partition_count = (uint32_t)part_count;
    all.build.memory_bytes = memory_bytes;
    Job job = {.store = store, .all = &all, .memory_bytes = memory_bytes, .part_count = part_count};
    uint64_t events = store_event_count(store);
    if (directory != NULL)
        r = index_build_begin(&all.build, &job.builder, &error);
    Clock began = read_clock();
    if (r == 0)
        r = base_thread_for(threads, part_count, 1, take_parts, &job);
    if (r < 0)
        return r;
    print_step(directory == NULL ? "read" : "build", began, events);
    double read_s = 0;
    for (size_t i = 0; i < part_count; i++)
        read_s += job.read_s[i];
    printf("%-10s %8.3f s of the reading threads, %llu events\n", "of it read", read_s,
           (unsigned long long)events);
    if (directory != NULL)
        r = finish_build(&job, base_str_from(directory), events);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%-10s %8ld MiB\n", "peak", usage.ru_maxrss >> 10);
    return r;
}

int main(int argc, char **argv) {
    bool is_read = argc == 5 && strcmp(argv[1], "read") == 0;
    if (!is_read && (argc != 6 || strcmp(argv[1], "build") != 0)) {
        fprintf(stderr, "usage: see the head of bench/index_bench.c\n");
        return 2;
    }
    unsigned threads = (unsigned)strtoul(argv[argc - 2], NULL, 10);
    size_t memory_bytes = (size_t)strtoull(argv[argc - 1], NULL, 10) << 20;
    STORE_SCOPED store = NULL;
    StoreOptions options = {.threads = threads, .memory_bytes = memory_bytes, .is_read_only = true};
    int r = store_open(base_str_from(argv[2]), &options, &store, &error);
    if (r == 0)
        r = run(store, is_read ? NULL : argv[3], threads, memory_bytes);
    if (r < 0)
        fprintf(stderr, "index_bench: %s\n", error.text);
    return r < 0 ? 1 : 0;
}
