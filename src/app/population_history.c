// Sizes and money of segments at many instants, in one pass over the index.
#include "app/history_index.h"
#include "app/population_private.h"

// Sums of one thread; added up when all are done, which is exact, so the order does not matter.
typedef struct HistorySums {
    uint64_t *customers;
    __int128 *money;
    uint64_t *sizes;
    __int128 *segment_money;
} HistorySums;

typedef struct HistorySink {
    HistorySums *threads;
    size_t segment_count;
} HistorySink;

static HistorySums new_sums(Arena *arena, size_t now_count, size_t segment_count) {
    size_t cells = now_count * segment_count + 1;
    return (HistorySums){
        .customers = base_arena_alloc_array(arena, now_count + 1, sizeof(uint64_t)),
        .money = base_arena_alloc_array(arena, now_count + 1, sizeof(__int128)),
        .sizes = base_arena_alloc_array(arena, cells, sizeof(uint64_t)),
        .segment_money = base_arena_alloc_array(arena, cells, sizeof(__int128)),
    };
}

// Money of a block's lanes. Sums of 256 of them fit 64 bits unless `is_wide`.
typedef struct LaneMoney {
    int64_t narrow[BLOCK_CUSTOMER_MAX];
    __int128 wide[BLOCK_CUSTOMER_MAX];
    uint64_t is_some[BLOCK_WORDS]; // lanes with money that is not 0
    bool is_wide;
} LaneMoney;

enum { NARROW_BITS = 54 };

static void read_money(const KernelAnswer *answer, LaneMoney *money) {
    for (size_t w = 0; w < BLOCK_WORDS; w++)
        money->is_some[w] = 0;
    money->is_wide = false;
    if (answer->value == NULL)
        return;
    for (size_t w = 0; w < BLOCK_WORDS; w++)
        for (uint64_t left = answer->population[w]; left; left &= left - 1) {
            size_t lane = w * 64 + (size_t)__builtin_ctzll(left);
            __int128 of_lane = app_population_money(data_table_value(answer->value, lane));
            money->wide[lane] = of_lane;
            money->narrow[lane] = (int64_t)of_lane;
            if (of_lane != 0)
                money->is_some[w] |= left & -left;
            money->is_wide |= of_lane >> NARROW_BITS != 0 && of_lane >> NARROW_BITS != -1;
        }
}

static __int128 sum_money(const LaneMoney *money, const uint64_t *lanes) {
    __int128 sum = 0;
    int64_t narrow = 0;
    for (size_t w = 0; w < BLOCK_WORDS; w++)
        for (uint64_t left = lanes[w] & money->is_some[w]; left; left &= left - 1) {
            size_t lane = w * 64 + (size_t)__builtin_ctzll(left);
            if (money->is_wide)
                sum += money->wide[lane];
            else
                narrow += money->narrow[lane];
        }
    return sum + narrow;
}

static uint64_t count_lanes(const uint64_t *lanes) {
    uint64_t count = 0;
    for (size_t w = 0; w < BLOCK_WORDS; w++)
        count += (uint64_t)__builtin_popcountll(lanes[w]);
    return count;
}

static int add_block(void *context, unsigned thread, const KernelAnswer *answer) {
    HistorySink *sink = context;
    HistorySums *sums = &sink->threads[thread];
    LaneMoney money;
    read_money(answer, &money);
    sums->customers[answer->now_index] += count_lanes(answer->population);
    sums->money[answer->now_index] += sum_money(&money, answer->population);
    size_t row = answer->now_index * sink->segment_count;
    for (size_t s = 0; s < sink->segment_count; s++) {
        sums->sizes[row + s] += count_lanes(answer->segments[s]);
        sums->segment_money[row + s] += sum_money(&money, answer->segments[s]);
    }
    return 0;
}

static void add_sums(HistorySums *total, const HistorySums *part, size_t now_count,
                     size_t segment_count) {
    for (size_t n = 0; n < now_count; n++) {
        total->customers[n] += part->customers[n];
        total->money[n] += part->money[n];
    }
    for (size_t i = 0; i < now_count * segment_count; i++) {
        total->sizes[i] += part->sizes[i];
        total->segment_money[i] += part->segment_money[i];
    }
}

static int history_once(Project *project, Arena *arena, const int64_t *nows_us, size_t now_count,
                        const FitSet *fits, PopulationHistory *ret_history, KretsError *error) {
    size_t segment_count = (size_t)project->plan->segment_count;
    unsigned threads = project->options.threads;
    HistorySink sink = {.segment_count = segment_count,
                        .threads = base_arena_alloc_array(arena, threads, sizeof *sink.threads)};
    for (unsigned i = 0; i < threads; i++)
        sink.threads[i] = new_sums(arena, now_count, segment_count);
    KernelOptions options = {.metrics = &(int32_t){0}, .metric_count = 0};
    PopulationJob job = {.project = project,
                         .plan = project->plan,
                         .options = &options,
                         .fits = fits,
                         .nows_us = nows_us,
                         .now_count = now_count,
                         .sink = add_block,
                         .context = &sink};
    int r = app_population_run(&job, error);
    if (r < 0)
        return r;
    HistorySums total = new_sums(arena, now_count, segment_count);
    for (unsigned i = 0; i < threads; i++)
        add_sums(&total, &sink.threads[i], now_count, segment_count);
    *ret_history = (PopulationHistory){.now_count = now_count,
                                       .nows_us = nows_us,
                                       .segment_count = segment_count,
                                       .customers = total.customers,
                                       .money = total.money,
                                       .sizes = total.sizes,
                                       .segment_money = total.segment_money};
    return 0;
}

int app_population_history(Project *project, Arena *arena, const int64_t *nows_us, size_t now_count,
                           const FitSet *fits, PopulationHistory *ret_history, KretsError *error) {
    int r = history_once(project, arena, nows_us, now_count, fits, ret_history, error);
    if (r < 0)
        r = app_history_index_renew(project, r, error);
    if (r == 1)
        r = history_once(project, arena, nows_us, now_count, fits, ret_history, error);
    return r;
}
