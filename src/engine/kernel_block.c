// One thread's work: a block at a now.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/kernel_private.h"

static void *allot(size_t count, size_t item_size_bytes) {
    void *memory = calloc(count + 1, item_size_bytes);
    if (memory == NULL)
        abort();
    return memory;
}

static ValueType metric_type(const Kernel *kernel, int32_t i) {
    NodeId node =
        i < kernel->metric_count ? kernel->plan->metrics[kernel->metrics[i]].node : kernel->value;
    return node == NODE_NONE ? VALUE_NULL : kernel->plan->nodes[node].type;
}

static void allot_answer(KernelWork *work) {
    const Kernel *kernel = work->kernel;
    size_t metrics = (size_t)kernel->metric_count + 1;
    work->segment_bits = allot((size_t)kernel->segment_count * LANE_WORDS, sizeof(uint64_t));
    size_t segments = (size_t)kernel->segment_count;
    work->segment_masks = allot(segments * KERNEL_BLOCKS_MAX, sizeof(*work->segment_masks));
    for (size_t b = 0; b < KERNEL_BLOCKS_MAX; b++) {
        for (size_t i = 0; i < segments; i++)
            work->segment_masks[b * segments + i] =
                work->segment_bits + i * LANE_WORDS + b * BLOCK_WORDS;
    }
    work->block_metrics = allot(metrics * KERNEL_BLOCKS_MAX, sizeof(*work->block_metrics));
    work->metric_values = allot(metrics, sizeof(void *));
    work->metric_valid = allot(metrics, sizeof(uint8_t *));
    for (int32_t i = 0; i < (int32_t)metrics; i++) {
        ValueType type = metric_type(kernel, i);
        work->metric_values[i] = allot(LANE_COUNT_MAX, data_table_value_size(type));
        work->metric_valid[i] = allot(LANE_COUNT_MAX, 1);
        for (size_t b = 0; b < KERNEL_BLOCKS_MAX; b++)
            work->block_metrics[b * metrics + (size_t)i] =
                (TableColumn){.type = type,
                              .values = (char *)work->metric_values[i] +
                                        b * BLOCK_CUSTOMER_MAX * data_table_value_size(type),
                              .valid = work->metric_valid[i] + b * BLOCK_CUSTOMER_MAX};
    }
}

static void allot_matches(KernelWork *work, bool is_keeping) {
    work->is_keeping = is_keeping;
    size_t slots = engine_kernel_slot_count(work);
    size_t streams = (size_t)work->binding->source->stream_count * KERNEL_BLOCKS_MAX;
    work->matches = allot(slots, sizeof(*work->matches));
    work->made_selection = allot(slots, sizeof(*work->made_selection));
    for (size_t i = 0; i < slots; i++)
        work->matches[i] = allot(streams, sizeof(Matches));
    work->lane_matches = allot(streams, sizeof(Matches));
}

int engine_kernel_work_make(const KernelBinding *binding, size_t memory_bytes, bool is_keeping,
                            KernelWork **ret_work, KretsError *error) {
    const Kernel *kernel = binding->kernel;
    if (memory_bytes < ((size_t)1 << 20))
        return base_error_set(
            error, BASE_E_RESOURCES,
            "the memory budget of %zu bytes a thread is too small: raise --memory "
            "or lower --threads",
            memory_bytes);
    KernelWork *work = allot(1, sizeof(*work));
    work->binding = binding;
    work->kernel = kernel;
    work->memory_bytes = memory_bytes;
    LaneHooks hooks = {.context = work, .leaf = engine_kernel_leaf, .boxed = engine_kernel_boxed};
    work->frame = engine_lanes_new(kernel->plan, binding->fits, &hooks, kernel->simd);
    work->compare = engine_kernel_compare(kernel->simd);
    work->zones = allot(LANE_COUNT_MAX + 1, sizeof(*work->zones));
    work->bounds = allot((size_t)1 << KERNEL_BOUNDS_BITS, sizeof(*work->bounds));
    work->positions =
        allot((size_t)kernel->window_count * binding->source->stream_count * KERNEL_BLOCKS_MAX,
              sizeof(*work->positions));
    work->anchors = allot((size_t)kernel->anchor_count, sizeof(*work->anchors));
    work->reaches =
        allot((size_t)binding->source->stream_count * KERNEL_BLOCKS_MAX, sizeof(uint32_t));
    work->customer_ids = allot(LANE_COUNT_MAX, sizeof(Str));
    work->slow_lanes = allot((size_t)kernel->slow_count, sizeof(Lanes *));
    work->table_arena = base_arena_new(memory_bytes / 2);
    work->sequence = engine_kernel_sequence_room(binding);
    allot_matches(work, is_keeping);
    allot_answer(work);
    int code = engine_kernel_rows_new(work, error);
    if (code < 0) {
        engine_kernel_work_free(work);
        return code;
    }
    *ret_work = work;
    return BASE_OK;
}

int engine_kernel_work_new(const KernelBinding *binding, size_t memory_bytes, KernelWork **ret_work,
                           KretsError *error) {
    return engine_kernel_work_make(binding, memory_bytes, false, ret_work, error);
}

static void free_matches(KernelWork *work) {
    size_t slots = engine_kernel_slot_count(work);
    size_t streams = (size_t)work->binding->source->stream_count * KERNEL_BLOCKS_MAX;
    for (size_t i = 0; i < slots; i++) {
        for (size_t s = 0; s < streams; s++)
            engine_kernel_matches_free(&work->matches[i][s]);
        free(work->matches[i]);
    }
    for (size_t s = 0; s < streams; s++)
        engine_kernel_matches_free(&work->lane_matches[s]);
    free(work->matches);
    free(work->lane_matches);
    free(work->made_selection);
    free(work->keep);
}

static void free_answer(KernelWork *work) {
    for (int32_t i = 0; i <= work->kernel->metric_count; i++) {
        free(work->metric_values[i]);
        free(work->metric_valid[i]);
    }
    free(work->metric_values);
    free(work->metric_valid);
    free(work->block_metrics);
    free(work->segment_bits);
    free(work->segment_masks);
}

void engine_kernel_work_free(KernelWork *work) {
    if (work == NULL)
        return;
    engine_lanes_free(work->frame);
    engine_work_free(work->reference);
    engine_work_free(work->boxed);
    engine_kernel_rows_free(work->rows);
    base_arena_free(work->table_arena);
    free_matches(work);
    free_answer(work);
    for (size_t i = 0; i < (size_t)1 << KERNEL_BOUNDS_BITS; i++) {
        free(work->bounds[i].bounds);
        free(work->bounds[i].order);
    }
    free(work->bounds);
    free(work->zones);
    free(work->positions);
    free(work->anchors);
    engine_kernel_sequence_done(work->sequence);
    free(work->reaches);
    free(work->customer_ids);
    free(work->slow_lanes);
    free(work->ahead);
    free(work->seen.entries);
    free(work);
}

// --- a block ---

void engine_kernel_begin(KernelWork *work, uint32_t block_count) {
    size_t slots = engine_kernel_slot_count(work);
    assert(block_count >= 1 && block_count <= KERNEL_BLOCKS_MAX);
    work->block_count = block_count;
    work->lane_count =
        (block_count - 1) * BLOCK_CUSTOMER_MAX + work->blocks[block_count - 1].customer_count;
    work->table = NULL;
    work->origins = NULL;
    work->has_customer_ids = false;
    work->ahead_count = 0;
    memset(work->made_selection, 0, slots * sizeof(*work->made_selection));
    base_arena_reset(work->table_arena);
    if (work->boxed != NULL)
        base_arena_reset(work->boxed->lasting);
}

static bool find_population(KernelWork *work) {
    uint64_t any = 0;
    memset(work->population, 0, sizeof(work->population));
    for (uint32_t b = 0; b < work->block_count; b++) {
        const Block *block = &work->blocks[b];
        uint64_t *population = work->population + (size_t)b * BLOCK_WORDS;
        for (uint32_t lane = 0; lane < block->customer_count; lane++)
            population[lane / 64] |= (uint64_t)(block->first_us[lane] <= work->now_us)
                                     << (lane % 64);
    }
    for (uint32_t w = 0; w < LANE_WORDS; w++)
        any |= work->population[w];
    return any != 0;
}

static int answer_segments(KernelWork *work) {
    const Kernel *kernel = work->kernel;
    for (int32_t i = 0; i < kernel->segment_count; i++) {
        const Lanes *lanes = NULL;
        int code = engine_lanes_node(work->frame, kernel->plan->segments[kernel->segments[i]].node,
                                     &lanes);
        if (code < 0)
            return code;
        uint64_t *bits = work->segment_bits + (size_t)i * LANE_WORDS;
        for (uint32_t w = 0; w < LANE_WORDS; w++)
            bits[w] = lanes->bits[w] & lanes->valid[w] & work->population[w];
    }
    return work->code;
}

static int answer_metric(KernelWork *work, int32_t i, NodeId node) {
    const Lanes *lanes = NULL;
    int code = engine_lanes_node(work->frame, node, &lanes);
    if (code < 0)
        return code;
    for (uint32_t lane = 0; lane < work->lane_count; lane++) {
        bool is_valid = BIT_GET(lanes->valid, lane) && BIT_GET(work->population, lane);
        work->metric_valid[i][lane] = is_valid;
        if (is_valid)
            data_table_put(work->metric_values[i], lane, engine_lanes_value(lanes, lane));
    }
    return work->code;
}

static int answer_metrics(KernelWork *work) {
    const Kernel *kernel = work->kernel;
    int code = BASE_OK;
    for (int32_t i = 0; code == BASE_OK && i < kernel->metric_count; i++)
        code = answer_metric(work, i, kernel->plan->metrics[kernel->metrics[i]].node);
    if (code == BASE_OK && kernel->value != NODE_NONE)
        code = answer_metric(work, kernel->metric_count, kernel->value);
    return code;
}

static void answer_nobody(KernelWork *work) {
    const Kernel *kernel = work->kernel;
    memset(work->segment_bits, 0,
           (size_t)kernel->segment_count * LANE_WORDS * sizeof(*work->segment_bits));
    memset(work->invalid_zone, 0, sizeof(work->invalid_zone));
    for (int32_t i = 0; i <= kernel->metric_count; i++)
        memset(work->metric_valid[i], 0, LANE_COUNT_MAX);
}

// Matches that depend on now are made again.
static void forget_shifting(KernelWork *work) {
    size_t slots = engine_kernel_slot_count(work);
    for (size_t i = 0; i < slots; i++) {
        int32_t made = work->made_selection[i];
        if (made > 0 && work->kernel->selections[made - 1].is_shifting)
            work->made_selection[i] = 0;
    }
}

int engine_kernel_at(KernelWork *work, int64_t now_us, KretsError *error) {
    const Kernel *kernel = work->kernel;
    work->now_us = now_us;
    work->code = BASE_OK;
    work->position_stamp++;
    work->position_group = 0;
    int code = BASE_OK;
    if (find_population(work)) {
        engine_kernel_zones(work);
        forget_shifting(work);
        engine_lanes_begin(work->frame, work->lane_count, now_us);
        engine_kernel_leaves(work);
        for (int32_t i = 0; work->code == BASE_OK && i < kernel->pass_count; i++)
            engine_kernel_pass(work, &kernel->passes[i]);
        code = work->code;
        if (code == BASE_OK)
            code = answer_segments(work);
        if (code == BASE_OK)
            code = answer_metrics(work);
    } else {
        answer_nobody(work);
    }
    if (code < 0)
        return base_error_set(error, code, "%s", work->error.text);
    for (uint32_t w = 0; w < LANE_WORDS; w++)
        work->invalid_zone[w] &= work->population[w];
    return BASE_OK;
}

KernelAnswer engine_kernel_answer(KernelWork *work, uint32_t block) {
    const Kernel *kernel = work->kernel;
    const TableColumn *metrics =
        work->block_metrics + (size_t)block * ((size_t)kernel->metric_count + 1);
    assert(block < work->block_count);
    return (KernelAnswer){
        .block = &work->blocks[block],
        .population = work->population + (size_t)block * BLOCK_WORDS,
        .invalid_zone = work->invalid_zone + (size_t)block * BLOCK_WORDS,
        .segments = work->segment_masks + (size_t)block * (size_t)kernel->segment_count,
        .metrics = metrics,
        .value = kernel->value == NODE_NONE ? NULL : &metrics[kernel->metric_count]};
}

int engine_kernel_block(KernelWork *work, const Block *block, int64_t now_us,
                        KernelAnswer *ret_answer, KretsError *error) {
    work->blocks[0] = *block;
    engine_kernel_begin(work, 1);
    int code = engine_kernel_at(work, now_us, error);
    if (code == BASE_OK)
        *ret_answer = engine_kernel_answer(work, 0);
    return code;
}
