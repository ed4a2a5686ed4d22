// The kernel and its index at work on a project's data, for bench/kernel.py. Prints JSON.
//   kernel_bench batch DIRECTORY DATA THREADS RUNS     all segments of the model at its now
//   kernel_bench one DIRECTORY DATA THREADS RUNS       each segment by itself over the open index
//   kernel_bench nows DIRECTORY DATA THREADS COUNT     many instants in one job, and one by one
//   kernel_bench customer DIRECTORY DATA EVENTS RUNS   one customer with about that many events
// DIRECTORY holds krets.yaml, DATA the store; the index is made there when it is missing. The
// environment's BENCH_SIMD (none, avx2, avx512) bounds the instructions used.
//
// `evaluate_s` is the whole job: every block of customers evaluated, each segment's bits stored and
// counted; `bitmaps_s` the roaring bitmap of every segment made from those bits, on one thread.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "app/history_index.h"
#include "app/project.h"
#include "base/thread.h"
#include "data/answers.h"
#include "engine/kernel.h"
#include "index/index.h"

enum { RUNS_MAX = 10000, NOWS_MAX = 120 };
#define MEMORY_BYTES ((size_t)4 << 30)

static KretsError error;

static double clock_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static unsigned number_of(const char *text) {
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || number == 0 || number > UINT32_MAX) {
        fprintf(stderr, "kernel_bench: `%s` is not a number of 1 or more\n", text);
        exit(2);
    }
    return (unsigned)number;
}

static KernelSimd simd_of_environment(void) {
    const char *name = getenv("BENCH_SIMD");
    if (name == NULL)
        return KERNEL_SIMD_BEST;
    if (strcmp(name, "none") == 0)
        return KERNEL_SIMD_NONE;
    return strcmp(name, "avx2") == 0 ? KERNEL_SIMD_AVX2 : KERNEL_SIMD_AVX512;
}

static void *allot(size_t count, size_t item_size_bytes) {
    void *memory = calloc(count + 1, item_size_bytes);
    if (memory == NULL) {
        fprintf(stderr, "kernel_bench: no memory left for %zu items\n", count);
        exit(4);
    }
    return memory;
}

static double peak_mib(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

// --- numbers of several runs ---

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Prints "NAME": median, "NAME_best": least, "NAME_worst": most. Sorts.
static void print_times(const char *name, double *times, size_t count) {
    qsort(times, count, sizeof *times, compare_doubles);
    printf(", \"%s\": %.9f, \"%s_best\": %.9f, \"%s_worst\": %.9f", name, times[count / 2], name,
           times[0], name, times[count - 1]);
}

// --- memory bandwidth: the sum over an array far larger than any cache ---

typedef struct Sweep {
    const uint64_t *words;
    uint64_t sums[64];
} Sweep;

static int sum_words(void *context, unsigned thread, size_t begin, size_t end) {
    Sweep *sweep = context;
    uint64_t sum = 0;
    for (size_t i = begin; i < end; i++)
        sum += sweep->words[i];
    sweep->sums[thread % 64] += sum;
    return 0;
}

static double bandwidth_bytes_s(unsigned threads) {
    size_t count = ((size_t)1 << 30) / sizeof(uint64_t);
    uint64_t *words = malloc(count * sizeof *words);
    if (words == NULL)
        return 0;
    memset(words, 1, count * sizeof *words);
    Sweep sweep = {.words = words};
    double best_s = 1e9;
    for (int run = 0; run < 5; run++) {
        double began_s = clock_s();
        base_thread_for(threads, count, count / 64, sum_words, &sweep);
        double took_s = clock_s() - began_s;
        best_s = took_s < best_s ? took_s : best_s;
    }
    uint64_t sum = 0;
    for (int i = 0; i < 64; i++)
        sum += sweep.sums[i];
    if (sum != 5 * count * UINT64_C(0x0101010101010101))
        abort();
    free(words);
    return (double)(count * sizeof *words) / best_s;
}

// --- what a job's sink keeps ---

// Bits of all segments by block: words[(block * segment_count + segment) * BLOCK_WORDS].
typedef struct Crowd {
    size_t segment_count, now_count;
    uint64_t *words;
    uint64_t *counts; // [thread][now][segment]
    uint32_t *first_ordinals;
} Crowd;

static Crowd crowd_new(const BlockSource *source, size_t segments, size_t nows, unsigned threads) {
    return (Crowd){
        .segment_count = segments,
        .now_count = nows,
        .words = allot((size_t)source->block_count * segments * BLOCK_WORDS, sizeof(uint64_t)),
        .counts = allot(threads * nows * segments, sizeof(uint64_t)),
        .first_ordinals = allot(source->block_count, sizeof(uint32_t)),
    };
}

static void crowd_done(Crowd *crowd) {
    free(crowd->words);
    free(crowd->counts);
    free(crowd->first_ordinals);
}

#if defined(__x86_64__)
__attribute__((target_clones("popcnt", "default")))
#endif
static uint64_t
count_bits(const uint64_t *words) {
    uint64_t count = 0;
    for (int w = 0; w < BLOCK_WORDS; w++)
        count += (uint64_t)__builtin_popcountll(words[w]);
    return count;
}

static int keep(void *context, unsigned thread, const KernelAnswer *answer) {
    Crowd *crowd = context;
    uint32_t number = answer->block->number;
    uint64_t *words = crowd->words + (size_t)number * crowd->segment_count * BLOCK_WORDS;
    uint64_t *counts =
        crowd->counts + (thread * crowd->now_count + answer->now_index) * crowd->segment_count;
    crowd->first_ordinals[number] = answer->block->first_ordinal;
    for (size_t s = 0; s < crowd->segment_count; s++) {
        const uint64_t *bits = answer->segments[s];
        memcpy(words + s * BLOCK_WORDS, bits, BLOCK_WORDS * sizeof *words);
        counts[s] += count_bits(bits);
    }
    return 0;
}

static void clear(Crowd *crowd, unsigned threads) {
    memset(crowd->counts, 0,
           threads * crowd->now_count * crowd->segment_count * sizeof *crowd->counts);
}

static uint64_t size_of(const Crowd *crowd, unsigned threads, size_t now, size_t segment) {
    uint64_t size = 0;
    for (unsigned t = 0; t < threads; t++)
        size += crowd->counts[(t * crowd->now_count + now) * crowd->segment_count + segment];
    return size;
}

// The roaring bitmaps of all segments, by ordinal; gives the members of all together.
static uint64_t make_bitmaps(const Crowd *crowd, const BlockSource *source) {
    size_t customers = source->customer_count;
    uint64_t *bits = allot(customers / 64 + BLOCK_WORDS + 1, sizeof *bits);
    uint64_t members = 0;
    for (size_t s = 0; s < crowd->segment_count; s++) {
        memset(bits, 0, (customers / 64 + BLOCK_WORDS + 1) * sizeof *bits);
        for (size_t b = 0; b < source->block_count; b++) {
            const uint64_t *words = crowd->words + (b * crowd->segment_count + s) * BLOCK_WORDS;
            size_t at = crowd->first_ordinals[b] / 64, shift = crowd->first_ordinals[b] % 64;
            for (size_t w = 0; w < BLOCK_WORDS; w++) {
                bits[at + w] |= words[w] << shift;
                if (shift > 0)
                    bits[at + w + 1] |= words[w] >> (64 - shift);
            }
        }
        roaring_bitmap_t *bitmap = data_answers_members(bits, customers);
        members += roaring_bitmap_get_cardinality(bitmap);
        roaring_bitmap_free(bitmap);
    }
    free(bits);
    return members;
}

// --- the project ---

typedef struct Bench {
    Project project;
    const Plan *plan;
    const BlockSource *source;
    int64_t now_us;
    double open_s, compile_s, index_s;
} Bench;

static int open_bench(char **argv, unsigned threads, Bench *bench) {
    AppOptions options = {.directory = base_str_from(argv[2]),
                          .data = base_str_from(argv[3]),
                          .threads = threads,
                          .memory_bytes = MEMORY_BYTES};
    double began_s = clock_s();
    int r = app_project_open(&options, NULL, &bench->project, &error);
    if (r == 0)
        r = app_project_open_store(&bench->project, false, &error);
    bench->open_s = clock_s() - began_s;
    if (r == 0)
        r = app_project_compile(&bench->project, &error);
    if (r == 0)
        r = app_project_now(&bench->project, &bench->now_us, &error);
    bench->compile_s = clock_s() - began_s - bench->open_s;
    if (r == 0)
        r = app_history_index_open(&bench->project, false, &error);
    bench->index_s = clock_s() - began_s - bench->open_s - bench->compile_s;
    if (r < 0)
        return r;
    bench->plan = bench->project.plan;
    bench->source = index_source(bench->project.index);
    return 0;
}

static int run_job(const KernelBinding *binding, const int64_t *nows_us, size_t now_count,
                   unsigned threads, Crowd *crowd) {
    clear(crowd, threads);
    KernelJob job = {.binding = binding,
                     .nows_us = nows_us,
                     .now_count = now_count,
                     .threads = threads,
                     .memory_bytes = MEMORY_BYTES,
                     .sink = keep,
                     .context = crowd};
    return engine_kernel_run(&job, &error);
}

static size_t stream_row_bytes(const BlockStream *stream, const BlockStreamInfo *info,
                               const uint8_t *columns) {
    size_t bytes = sizeof *stream->customer + sizeof *stream->tick;
    if (stream->rest != NULL)
        bytes += stream->rest_width;
    for (uint32_t c = 0; columns != NULL && c < info->column_count; c++) {
        const BlockColumn *column = &stream->columns[c];
        if (columns[c] && column->coding != NULL)
            bytes += column->coding->width;
    }
    return bytes;
}

// What a job must read at least: lanes, ticks and asked columns of the streams it names.
static int needed_bytes(const Bench *bench, const KernelBinding *binding, uint64_t *ret_bytes,
                        uint64_t *ret_rows) {
    const BlockSource *source = bench->source;
    const BlockNeeds *needs = engine_kernel_needs(binding);
    BlockScratch *scratch = source->scratch_new(source->context);
    uint64_t bytes = 0, rows = 0;
    int r = 0;
    for (uint32_t b = 0; r == 0 && b < source->block_count; b++) {
        Block block;
        r = source->block(source->context, scratch, b, needs, &block, &error);
        for (uint32_t s = 0; r == 0 && s < source->stream_count; s++) {
            if (!needs->streams[s] || block.streams[s].count == 0)
                continue;
            rows += block.streams[s].count;
            bytes += block.streams[s].count *
                     stream_row_bytes(&block.streams[s], &source->streams[s],
                                      needs->columns == NULL ? NULL : needs->columns[s]);
        }
    }
    source->scratch_free(scratch);
    *ret_bytes = bytes;
    *ret_rows = rows;
    return r;
}

// --- commands ---

static int print_batch(const Bench *bench, const KernelBinding *binding, unsigned threads,
                       const Crowd *crowd) {
    IndexFacts facts = index_facts(bench->project.index);
    uint64_t bytes = 0, rows = 0;
    int r = needed_bytes(bench, binding, &bytes, &rows);
    if (r < 0)
        return r;
    double began_s = clock_s();
    uint64_t members = make_bitmaps(crowd, bench->source);
    double bitmaps_s = clock_s() - began_s;
    double peak = peak_mib();
    printf(", \"bitmaps_s\": %.6f, \"members\": %" PRIu64 ", \"events\": %" PRIu64
           ", \"customers\": %u, \"index_file_bytes\": %" PRIu64 ", \"index_core_bytes\": %" PRIu64
           ", \"index_column_bytes\": %" PRIu64 ", \"read_bytes\": %" PRIu64
           ", \"read_rows\": %" PRIu64 ", \"peak_mib\": %.0f, \"bandwidth_bytes_s\": %.0f",
           bitmaps_s, members, facts.event_count, facts.customer_count, facts.file_bytes,
           facts.core_bytes, facts.column_bytes, bytes, rows, peak, bandwidth_bytes_s(threads));
    printf(", \"sizes\": [");
    for (size_t s = 0; s < crowd->segment_count; s++)
        printf("%s%" PRIu64, s > 0 ? ", " : "", size_of(crowd, threads, 0, s));
    printf("]");
    return 0;
}

static int batch(const Bench *bench, unsigned threads, unsigned runs) {
    double began_s = clock_s();
    KernelOptions options = {.simd = simd_of_environment()};
    ENGINE_KERNEL_SCOPED kernel = NULL;
    int r = engine_kernel_new(bench->plan, &options, &kernel, &error);
    if (r < 0)
        return r;
    double kernel_s = clock_s() - began_s;
    KernelBinding *binding = NULL;
    r = engine_kernel_bind(kernel, bench->source, NULL, &binding, &error);
    if (r < 0)
        return r;
    printf("\"segments\": %d, \"open_s\": %.6f, \"compile_s\": %.6f, \"index_s\": %.6f, "
           "\"kernel_s\": %.6f, \"bind_s\": %.6f",
           bench->plan->segment_count, bench->open_s, bench->compile_s, bench->index_s, kernel_s,
           clock_s() - began_s - kernel_s);
    Crowd crowd = crowd_new(bench->source, (size_t)bench->plan->segment_count, 1, threads);
    double *times = allot(runs, sizeof *times);
    for (unsigned i = 0; r == 0 && i <= runs; i++) { // the first one warms
        began_s = clock_s();
        r = run_job(binding, &bench->now_us, 1, threads, &crowd);
        if (i == 0)
            printf(", \"first_s\": %.6f", clock_s() - began_s);
        else
            times[i - 1] = clock_s() - began_s;
    }
    if (r == 0)
        print_times("evaluate_s", times, runs);
    if (r == 0)
        r = print_batch(bench, binding, threads, &crowd);
    free(times);
    crowd_done(&crowd);
    engine_kernel_unbind(binding);
    return r;
}

// One segment from its compiled expression to its size: kernel, binding, job.
static int evaluate_one(const Bench *bench, int32_t segment, unsigned threads, Crowd *crowd) {
    KernelOptions options = {.simd = simd_of_environment(),
                             .segments = &segment,
                             .segment_count = 1,
                             .metrics = &segment,
                             .metric_count = 0,
                             .is_without_value = true};
    ENGINE_KERNEL_SCOPED kernel = NULL;
    int r = engine_kernel_new(bench->plan, &options, &kernel, &error);
    KernelBinding *binding = NULL;
    if (r == 0)
        r = engine_kernel_bind(kernel, bench->source, NULL, &binding, &error);
    if (r == 0)
        r = run_job(binding, &bench->now_us, 1, threads, crowd);
    engine_kernel_unbind(binding);
    return r;
}

static int one(const Bench *bench, unsigned threads, unsigned runs) {
    size_t count = (size_t)bench->plan->segment_count;
    double *times = allot(count, sizeof *times);
    Crowd crowd = crowd_new(bench->source, 1, 1, threads);
    int r = 0;
    uint64_t members = 0;
    for (unsigned run = 0; r == 0 && run < runs; run++) { // the last one counts
        for (size_t s = 0; r == 0 && s < count; s++) {
            double began_s = clock_s();
            r = evaluate_one(bench, (int32_t)s, threads, &crowd);
            times[s] = clock_s() - began_s;
            members += size_of(&crowd, threads, 0, 0);
        }
    }
    printf("\"segments\": %zu, \"members\": %" PRIu64, count, members / runs);
    size_t slower = 0, slowest = 0;
    for (size_t s = 0; s < count; s++) {
        slower += times[s] > 0.1;
        slowest = times[s] > times[slowest] ? s : slowest;
    }
    printf(", \"over_100_ms\": %zu, \"slowest\": \"%.*s\"", slower,
           STR_ARG(bench->plan->segments[slowest].key));
    if (r == 0)
        print_times("one_s", times, count);
    free(times);
    crowd_done(&crowd);
    return r;
}

static int nows(const Bench *bench, unsigned threads, unsigned count) {
    count = count < NOWS_MAX ? count : NOWS_MAX;
    int64_t nows_us[NOWS_MAX];
    int64_t week_us = INT64_C(7) * 86400 * 1000000;
    for (unsigned i = 0; i < count; i++) // a week apart, the last is the model's
        nows_us[i] = bench->now_us - (int64_t)(count - 1 - i) * week_us;
    KernelOptions options = {.simd = simd_of_environment()};
    ENGINE_KERNEL_SCOPED kernel = NULL;
    int r = engine_kernel_new(bench->plan, &options, &kernel, &error);
    KernelBinding *binding = NULL;
    if (r == 0)
        r = engine_kernel_bind(kernel, bench->source, NULL, &binding, &error);
    if (r < 0)
        return r;
    size_t segments = (size_t)bench->plan->segment_count;
    Crowd together = crowd_new(bench->source, segments, count, threads);
    Crowd alone = crowd_new(bench->source, segments, 1, threads);
    double began_s = clock_s();
    r = run_job(binding, nows_us, count, threads, &together);
    double together_s = clock_s() - began_s, alone_s = 0;
    size_t differences = 0;
    for (unsigned i = 0; r == 0 && i < count; i++) {
        began_s = clock_s();
        r = run_job(binding, &nows_us[i], 1, threads, &alone);
        alone_s += clock_s() - began_s;
        for (size_t s = 0; s < segments; s++)
            differences += size_of(&alone, threads, 0, s) != size_of(&together, threads, i, s);
    }
    printf("\"segments\": %zu, \"nows\": %u, \"together_s\": %.6f, \"alone_s\": %.6f, "
           "\"differences\": %zu",
           segments, count, together_s, alone_s, differences);
    crowd_done(&together);
    crowd_done(&alone);
    engine_kernel_unbind(binding);
    return r;
}

// The customer whose number of events is nearest to `wanted`, among those looked at.
static int find_customer(const Bench *bench, uint32_t wanted, uint32_t *ret_ordinal,
                         uint64_t *ret_events) {
    const BlockSource *source = bench->source;
    BlockScratch *scratch = source->scratch_new(source->context);
    uint8_t *streams = allot(source->stream_count, 1);
    memset(streams, 1, source->stream_count);
    BlockNeeds needs = {.streams = streams};
    uint64_t nearest = UINT64_MAX;
    int r = 0;
    for (uint32_t ordinal = 0; r == 0 && nearest > 0 && ordinal < source->customer_count;
         ordinal++) {
        Block block;
        r = source->customer(source->context, scratch, ordinal, &needs, &block, &error);
        uint64_t events = 0;
        for (uint32_t s = 0; r == 0 && s < source->stream_count; s++)
            events += block.streams[s].count;
        uint64_t far = events > wanted ? events - wanted : wanted - events;
        if (r == 0 && far < nearest) {
            nearest = far;
            *ret_ordinal = ordinal;
            *ret_events = events;
        }
    }
    source->scratch_free(scratch);
    free(streams);
    return r;
}

// Live: from the customer's id to the answer, and the kernel alone on the customer's block.
static int time_customer(const Bench *bench, KernelWork *work, const KernelBinding *binding,
                         uint32_t ordinal, unsigned runs) {
    const BlockSource *source = bench->source;
    BlockScratch *scratch = source->scratch_new(source->context);
    double *whole = allot(runs, sizeof *whole), *kernel = allot(runs, sizeof *kernel);
    Str id = index_customer_id(bench->project.index, ordinal);
    uint64_t members = 0;
    int r = 0;
    for (unsigned i = 0; r == 0 && i < runs; i++) {
        double began_s = clock_s();
        uint32_t found = 0;
        Block block;
        KernelAnswer answer;
        if (!index_customer_find(bench->project.index, id, &found) || found != ordinal)
            return base_error_set(&error, BASE_E_STORE, "customer %.*s is not found by the id",
                                  STR_ARG(id));
        r = source->customer(source->context, scratch, found, engine_kernel_needs(binding), &block,
                             &error);
        double have_s = clock_s();
        if (r == 0)
            r = engine_kernel_block(work, &block, bench->now_us, &answer, &error);
        double end_s = clock_s();
        whole[i] = end_s - began_s;
        kernel[i] = end_s - have_s;
        for (int32_t s = 0; r == 0 && s < bench->plan->segment_count; s++)
            members += answer.segments[s][0] & 1;
    }
    printf(", \"member_of\": %.3f", (double)members / runs);
    print_times("whole_s", whole, runs);
    print_times("kernel_s", kernel, runs);
    source->scratch_free(scratch);
    free(whole);
    free(kernel);
    return r;
}

static int customer(const Bench *bench, unsigned wanted, unsigned runs) {
    uint32_t ordinal = 0;
    uint64_t events = 0;
    int r = find_customer(bench, wanted, &ordinal, &events);
    KernelOptions options = {.simd = simd_of_environment()};
    ENGINE_KERNEL_SCOPED kernel = NULL;
    if (r == 0)
        r = engine_kernel_new(bench->plan, &options, &kernel, &error);
    KernelBinding *binding = NULL;
    if (r == 0)
        r = engine_kernel_bind(kernel, bench->source, NULL, &binding, &error);
    KernelWork *work = NULL;
    if (r == 0)
        r = engine_kernel_work_new(binding, MEMORY_BYTES / 4, &work, &error);
    printf("\"segments\": %d, \"events\": %" PRIu64, bench->plan->segment_count, events);
    if (r == 0)
        r = time_customer(bench, work, binding, ordinal, runs);
    engine_kernel_work_free(work);
    engine_kernel_unbind(binding);
    return r;
}

static int command(char **argv) {
    unsigned first = number_of(argv[4]), second = number_of(argv[5]);
    bool is_customer = strcmp(argv[1], "customer") == 0;
    if (second > RUNS_MAX)
        second = RUNS_MAX;
    Bench bench = {0};
    int r = open_bench(argv, is_customer ? base_thread_count() : first, &bench);
    printf("{");
    if (r == 0 && is_customer)
        r = customer(&bench, first, second);
    else if (r == 0 && strcmp(argv[1], "batch") == 0)
        r = batch(&bench, first, second);
    else if (r == 0 && strcmp(argv[1], "one") == 0)
        r = one(&bench, first, second);
    else if (r == 0)
        r = nows(&bench, first, second);
    printf("}\n");
    app_project_done(&bench.project);
    return r;
}

int main(int argc, char **argv) {
    if (argc != 6 || (strcmp(argv[1], "batch") != 0 && strcmp(argv[1], "one") != 0 &&
                      strcmp(argv[1], "nows") != 0 && strcmp(argv[1], "customer") != 0)) {
        fprintf(stderr, "usage: see the head of bench/kernel_bench.c\n");
        return 2;
    }
    int r = command(argv);
    if (r < 0)
        fprintf(stderr, "kernel_bench: %s\n", error.text);
    return r < 0 ? 1 : 0;
}
