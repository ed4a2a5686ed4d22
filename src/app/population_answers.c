// Answers of the whole population from the kernel's blocks.
//
// While the kernel runs, each block has its own slots, so threads need no lock: a bit a segment and
// customer, a value a metric and customer. Then those of the population get their numbers in the
// order of ids, and slots become columns and bitmaps.
#include <stdatomic.h>
#include <string.h>

#include "app/history_index.h"
#include "app/population_private.h"
#include "base/thread.h"

typedef struct Slots {
    size_t customer_count, block_count, segment_count, metric_count;
    uint8_t *is_in;       // [ordinal]: of the population
    uint32_t *first;      // [block]: its first ordinal
    uint64_t *segments;   // [segment * block_count + block]: BLOCK_WORDS each
    TableColumn *metrics; // by ordinal; texts lie in the threads' arenas
    TableColumn value;    // type VALUE_NULL without one
    Arena **arenas;       // by thread
    atomic_ullong invalid_zone_count;
} Slots;

// --- while the kernel runs ---

static bool is_flat(ValueType type) {
    return type != VALUE_TEXT && type != VALUE_LIST && type != VALUE_NULL;
}

static void keep_column(const TableColumn *slots, size_t first, const TableColumn *lanes,
                        size_t count, Arena *arena) {
    uint8_t *valid = (uint8_t *)slots->valid + first;
    char *values = (char *)slots->values;
    if (is_flat(slots->type)) {
        size_t size = data_table_value_size(slots->type);
        memcpy(values + first * size, lanes->values, count * size);
        if (lanes->valid)
            memcpy(valid, lanes->valid, count);
        else
            memset(valid, 1, count);
        return;
    }
    for (size_t lane = 0; lane < count; lane++) {
        Value value = app_population_keep(arena, data_table_value(lanes, lane));
        valid[lane] = !value.is_null;
        if (!value.is_null)
            data_table_put(values, first + lane, value);
    }
}

static int keep_block(void *context, unsigned thread, const KernelAnswer *answer) {
    Slots *slots = context;
    const Block *block = answer->block;
    size_t first = block->first_ordinal, count = block->customer_count;
    slots->first[block->number] = block->first_ordinal;
    for (size_t lane = 0; lane < count; lane++)
        slots->is_in[first + lane] = answer->population[lane / 64] >> (lane % 64) & 1;
    for (size_t s = 0; s < slots->segment_count; s++)
        memcpy(slots->segments + (s * slots->block_count + block->number) * BLOCK_WORDS,
               answer->segments[s], BLOCK_WORDS * sizeof(uint64_t));
    for (size_t m = 0; m < slots->metric_count; m++)
        keep_column(&slots->metrics[m], first, &answer->metrics[m], count, slots->arenas[thread]);
    if (answer->value)
        keep_column(&slots->value, first, answer->value, count, slots->arenas[thread]);
    uint64_t invalid = 0;
    for (size_t w = 0; w < BLOCK_WORDS; w++)
        invalid += (uint64_t)__builtin_popcountll(answer->invalid_zone[w]);
    if (invalid > 0)
        atomic_fetch_add(&slots->invalid_zone_count, invalid);
    return 0;
}

static TableColumn new_column(Arena *arena, ValueType type, size_t count) {
    return (TableColumn){.type = type,
                         .values =
                             base_arena_alloc_array(arena, count + 1, data_table_value_size(type)),
                         .valid = base_arena_alloc(arena, count + 1)};
}

static void make_slots(Slots *slots, Arena *arena, const Plan *plan) {
    size_t customers = slots->customer_count;
    slots->is_in = base_arena_alloc(arena, customers + 1);
    slots->first = base_arena_alloc_array(arena, slots->block_count + 1, sizeof *slots->first);
    slots->segments = base_arena_alloc_array(arena, slots->segment_count * slots->block_count + 1,
                                             BLOCK_WORDS * sizeof(uint64_t));
    slots->metrics = base_arena_alloc_array(arena, slots->metric_count + 1, sizeof(TableColumn));
    for (size_t m = 0; m < slots->metric_count; m++)
        slots->metrics[m] = new_column(arena, plan->nodes[plan->metrics[m].node].type, customers);
    if (plan->value != NODE_NONE)
        slots->value = new_column(arena, plan->nodes[plan->value].type, customers);
}

// --- numbers by id ---

// The population in the order of ids. `position` is by ordinal; of others it is not set.
typedef struct Order {
    uint32_t *ordinals; // by position
    uint32_t *position;
    size_t count;
    bool is_identity; // position = ordinal, for everybody
} Order;

static Order order_population(Arena *arena, const Index *index, const Slots *slots) {
    size_t customers = slots->customer_count;
    bool is_sorted = index_source(index)->partition_count <= 1;
    const uint32_t *sorted = is_sorted ? NULL : index_customers_sorted(index);
    Order order = {.ordinals = base_arena_alloc_array(arena, customers + 1, sizeof(uint32_t)),
                   .position = base_arena_alloc_array(arena, customers + 1, sizeof(uint32_t))};
    for (size_t i = 0; i < customers; i++) {
        uint32_t ordinal = sorted ? sorted[i] : (uint32_t)i;
        order.ordinals[order.count] = ordinal;
        order.position[ordinal] = (uint32_t)order.count;
        order.count += slots->is_in[ordinal];
    }
    order.is_identity = is_sorted && order.count == customers;
    return order;
}

// --- columns ---

#define GATHER(type)                                                                               \
    for (size_t i = 0; i < order->count; i++)                                                      \
    ((type *)values)[i] = ((const type *)from->values)[order->ordinals[i]]

// Texts are copied once more, out of the threads' arenas.
static TableColumn gather_column(Arena *arena, const Order *order, const TableColumn *from) {
    TableColumn column = new_column(arena, from->type, order->count);
    char *values = (char *)column.values;
    uint8_t *valid = (uint8_t *)column.valid;
    for (size_t i = 0; i < order->count; i++)
        valid[i] = from->valid[order->ordinals[i]];
    if (!is_flat(from->type)) {
        for (size_t i = 0; i < order->count; i++)
            if (valid[i])
                data_table_put(
                    values, i,
                    app_population_keep(arena, data_table_value(from, order->ordinals[i])));
        return column;
    }
    switch (data_table_value_size(from->type)) {
    case 1:
        GATHER(uint8_t);
        break;
    case 4:
        GATHER(uint32_t);
        break;
    default:
        GATHER(uint64_t);
        break;
    }
    return column;
}

// --- segments ---

typedef struct Gathering {
    const Slots *slots;
    const Order *order;
    uint64_t **words; // by thread: a bit a position
    roaring_bitmap_t **segments;
} Gathering;

// Blocks may begin at any ordinal, so their words are shifted into place.
static void put_straight(uint64_t *words, size_t first, const uint64_t *lanes) {
    size_t word = first / 64, shift = first % 64;
    for (size_t w = 0; w < BLOCK_WORDS; w++) {
        if (lanes[w] == 0)
            continue;
        words[word + w] |= lanes[w] << shift;
        if (shift > 0)
            words[word + w + 1] |= lanes[w] >> (64 - shift);
    }
}

static void put_by_position(uint64_t *words, const uint32_t *position, const uint64_t *lanes) {
    for (size_t w = 0; w < BLOCK_WORDS; w++)
        for (uint64_t left = lanes[w]; left; left &= left - 1) {
            uint32_t at = position[w * 64 + (size_t)__builtin_ctzll(left)];
            words[at / 64] |= UINT64_C(1) << (at % 64);
        }
}

static size_t word_count(const Slots *slots) {
    return slots->customer_count / 64 + BLOCK_WORDS + 2; // a block's words may reach beyond
}

static int gather_segments(void *context, unsigned thread, size_t begin, size_t end) {
    const Gathering *gathering = context;
    const Slots *slots = gathering->slots;
    const Order *order = gathering->order;
    uint64_t *words = gathering->words[thread];
    for (size_t s = begin; s < end; s++) {
        memset(words, 0, word_count(slots) * sizeof *words);
        const uint64_t *lanes = slots->segments + s * slots->block_count * BLOCK_WORDS;
        for (size_t b = 0; b < slots->block_count; b++, lanes += BLOCK_WORDS) {
            if (order->is_identity)
                put_straight(words, slots->first[b], lanes);
            else
                put_by_position(words, order->position + slots->first[b], lanes);
        }
        gathering->segments[s] = data_answers_members(words, order->count);
        roaring_bitmap_run_optimize(gathering->segments[s]);
    }
    return 0;
}

static roaring_bitmap_t **make_segments(Arena *arena, Arena *scratch, const Slots *slots,
                                        const Order *order, unsigned threads) {
    Gathering gathering = {
        .slots = slots,
        .order = order,
        .words = base_arena_alloc_array(scratch, threads, sizeof *gathering.words),
        .segments =
            base_arena_alloc_array(arena, slots->segment_count + 1, sizeof *gathering.segments)};
    for (unsigned i = 0; i < threads; i++)
        gathering.words[i] =
            base_arena_alloc_array(scratch, word_count(slots), sizeof *gathering.words[i]);
    base_thread_for(threads, slots->segment_count, 1, gather_segments, &gathering);
    return gathering.segments;
}

// --- all together ---

static void gather(Project *project, Arena *arena, Arena *scratch, const Slots *slots,
                   Answers *answers) {
    Order order = order_population(scratch, project->index, slots);
    answers->customer_count = order.count;
    Str *ids = base_arena_alloc_array(arena, order.count + 1, sizeof *ids);
    for (size_t i = 0; i < order.count; i++)
        ids[i] = index_customer_id(project->index, order.ordinals[i]);
    answers->customer_ids = ids;
    TableColumn *metrics = base_arena_alloc_array(arena, slots->metric_count + 1, sizeof *metrics);
    for (size_t m = 0; m < slots->metric_count; m++)
        metrics[m] = gather_column(arena, &order, &slots->metrics[m]);
    answers->metrics = metrics;
    if (project->plan->value != NODE_NONE)
        answers->value = gather_column(arena, &order, &slots->value);
    answers->segments = make_segments(arena, scratch, slots, &order, project->options.threads);
    answers->invalid_zone_count = slots->invalid_zone_count;
}

static int evaluate(Project *project, Slots *slots, int64_t now_us, const int32_t *segment,
                    const FitSet *fits, KretsError *error) {
    KernelOptions options = {.segments = segment, .segment_count = segment ? 1 : 0};
    PopulationJob job = {.project = project,
                         .plan = project->plan,
                         .options = &options,
                         .fits = fits,
                         .nows_us = &now_us,
                         .now_count = 1,
                         .sink = keep_block,
                         .context = slots};
    return app_population_run(&job, error);
}

static int answer_once(Project *project, Arena *arena, int64_t now_us, const int32_t *segment,
                       const FitSet *fits, Answers *ret_answers, KretsError *error) {
    int r = app_history_index_open(project, false, error);
    if (r < 0)
        return r;
    BASE_ARENA_SCOPED scratch = base_arena_new(SIZE_MAX);
    const BlockSource *source = index_source(project->index);
    Slots slots = {.customer_count = source->customer_count,
                   .block_count = source->block_count,
                   .segment_count = segment ? 1 : (size_t)project->plan->segment_count,
                   .metric_count = (size_t)project->plan->metric_count};
    make_slots(&slots, scratch, project->plan);
    unsigned threads = project->options.threads;
    slots.arenas = base_arena_alloc_array(scratch, threads, sizeof *slots.arenas);
    for (unsigned i = 0; i < threads; i++)
        slots.arenas[i] = base_arena_new(SIZE_MAX);
    r = evaluate(project, &slots, now_us, segment, fits, error);
    if (r == 0) {
        Answers answers = {.now_us = now_us,
                           .metric_count = slots.metric_count,
                           .segment_count = slots.segment_count};
        gather(project, arena, scratch, &slots, &answers);
        *ret_answers = answers;
    }
    for (unsigned i = 0; i < threads; i++)
        base_arena_free(slots.arenas[i]);
    return r;
}

int app_population_answers(Project *project, Arena *arena, int64_t now_us, const int32_t *segment,
                           const FitSet *fits, Answers *ret_answers, KretsError *error) {
    int r = answer_once(project, arena, now_us, segment, fits, ret_answers, error);
    if (r < 0)
        r = app_history_index_renew(project, r, error);
    if (r == 1)
        r = answer_once(project, arena, now_us, segment, fits, ret_answers, error);
    return r;
}
