// A block as a table: what the reference evaluator reads.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/kernel_private.h"

// A row of the block in the order of its customer's events.
typedef struct Placed {
    int64_t us;
    uint64_t order;
    uint32_t lane;
    RowOrigin origin;
    bool is_any;
} Placed;

static int compare_placed(const void *a, const void *b) {
    const Placed *x = a, *y = b;
    if (x->us != y->us)
        return (x->us > y->us) - (x->us < y->us);
    if (x->order != y->order)
        return (x->order > y->order) - (x->order < y->order);
    return (x->origin.stream > y->origin.stream) - (x->origin.stream < y->origin.stream);
}

// Up to so many rows of a customer are sorted by insertion: they come as a few sorted runs.
enum { INSERTION_MAX = 64 };

// Blocks one after another: lane 256 i + j is customer j of block i; and what of them is read.
typedef struct Several {
    const Block *blocks;
    uint32_t count;
    const KernelNeeds *needs;
} Several;

static bool is_needed(const Several *several, uint32_t stream) {
    return several->needs->streams[stream] != 0;
}

static size_t count_customers(const Several *several) {
    return (several->count - 1) * BLOCK_CUSTOMER_MAX +
           several->blocks[several->count - 1].customer_count;
}

static size_t count_rows(const KernelBinding *binding, const Several *several) {
    size_t count = count_customers(several) * 2;
    for (uint32_t b = 0; b < several->count; b++) {
        for (uint32_t s = 0; s < binding->source->stream_count; s++)
            count += is_needed(several, s) ? several->blocks[b].streams[s].count : 0;
    }
    return count;
}

// A customer's first event and first `any` event tell the population and where `first n unit`
// begins; their streams may not be here. Rows that stand for them are of no event.
static size_t place_firsts(const Several *several, const Block *block, uint32_t first_lane,
                           Placed *placed) {
    size_t count = 0;
    for (uint32_t lane = 0; lane < block->customer_count; lane++) {
        if (block->first_us[lane] != INT64_MAX)
            placed[count++] = (Placed){.us = block->first_us[lane],
                                       .lane = first_lane + lane,
                                       .origin = {.stream = -1, .row = 0}};
        if (block->first_any_us[lane] != INT64_MAX && !several->needs->has_any)
            placed[count++] = (Placed){.us = block->first_any_us[lane],
                                       .lane = first_lane + lane,
                                       .origin = {.stream = -1, .row = 0},
                                       .is_any = true};
    }
    return count;
}

static size_t place_block(const KernelBinding *binding, const Several *several, const Block *block,
                          uint32_t first_lane, Placed *placed) {
    size_t count = place_firsts(several, block, first_lane, placed);
    for (uint32_t s = 0; s < binding->source->stream_count; s++) {
        const BlockStream *stream = &block->streams[s];
        for (uint32_t row = 0; is_needed(several, s) && row < stream->count; row++)
            placed[count++] = (Placed){.us = data_block_time(block->time, stream, row),
                                       .order = engine_kernel_order(stream, row) + 1,
                                       .lane = first_lane + stream->customer[row],
                                       .origin = {.stream = (int32_t)s, .row = row},
                                       .is_any = binding->source->streams[s].is_any};
    }
    return count;
}

static void sort_customer(Placed *placed, size_t count) {
    if (count > INSERTION_MAX) {
        qsort(placed, count, sizeof(*placed), compare_placed);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        Placed row = placed[i];
        size_t at = i;
        for (; at > 0 && compare_placed(&placed[at - 1], &row) > 0; at--)
            placed[at] = placed[at - 1];
        placed[at] = row;
    }
}

// Rows by customer, each customer's in order. `first_row` gets where each customer's begin.
static size_t place_rows(const KernelBinding *binding, const Several *several, Placed *loose,
                         Placed *placed, uint64_t *first_row) {
    size_t count = 0, customers = count_customers(several);
    for (uint32_t b = 0; b < several->count; b++)
        count += place_block(binding, several, &several->blocks[b], b * BLOCK_CUSTOMER_MAX,
                             loose + count);
    for (size_t i = 0; i < count; i++)
        first_row[loose[i].lane + 1]++;
    for (size_t lane = 0; lane < customers; lane++)
        first_row[lane + 1] += first_row[lane];
    for (size_t i = 0; i < count; i++)
        placed[first_row[loose[i].lane]++] = loose[i];
    for (size_t lane = customers; lane-- > 0;) // back to where they began
        first_row[lane + 1] = first_row[lane];
    first_row[0] = 0;
    for (size_t lane = 0; lane < customers; lane++)
        sort_customer(placed + first_row[lane], first_row[lane + 1] - first_row[lane]);
    return count;
}

static bool is_column_needed(const KernelBinding *binding, const Several *several, int32_t column) {
    for (uint32_t s = 0; s < binding->source->stream_count; s++) {
        int32_t place = binding->streams[s].columns[column];
        if (place >= 0 && is_needed(several, s) && several->needs->columns[s][place])
            return true;
    }
    return false;
}

static bool fill_column(Arena *arena, const KernelBinding *binding, const Several *several,
                        int32_t column, const Placed *placed, size_t count, TableColumn *ret) {
    ValueType type = binding->kernel->plan->columns[column].type;
    void *values = base_arena_alloc_array(arena, count + 1, data_table_value_size(type));
    uint8_t *valid = base_arena_alloc(arena, count + 1);
    bool is_read = is_column_needed(binding, several, column);
    for (size_t i = 0; is_read && values != NULL && valid != NULL && i < count; i++) {
        const Block *block = &several->blocks[placed[i].lane / BLOCK_CUSTOMER_MAX];
        int32_t s = placed[i].origin.stream;
        int32_t place = s < 0 ? -1 : binding->streams[s].columns[column];
        const BlockColumn *at = place < 0 ? NULL : &block->streams[s].columns[place];
        if (at == NULL || at->coding == NULL)
            continue;
        uint64_t code = data_block_code(at->coding, at->codes, placed[i].origin.row);
        Value value =
            engine_kernel_code_value(binding->source, block->partition, at->coding, code, arena);
        valid[i] = !value.is_null;
        if (valid[i])
            data_table_put(values, i, value);
    }
    *ret = (TableColumn){.type = type, .values = values, .valid = valid};
    return values != NULL && valid != NULL;
}

static int fill_table(Arena *arena, const KernelBinding *binding, const Several *several,
                      const Placed *placed, size_t count, const uint64_t *first_row,
                      EventTable *table, const RowOrigin **ret_origins) {
    const BlockSource *source = binding->source;
    size_t customers = count_customers(several), columns = table->column_count;
    Str *ids = base_arena_alloc_array(arena, customers + 1, sizeof(*ids));
    int64_t *times = base_arena_alloc_array(arena, count + 1, sizeof(*times));
    uint16_t *events = base_arena_alloc_array(arena, count + 1, sizeof(*events));
    uint8_t *is_any = base_arena_alloc(arena, count + 1);
    RowOrigin *origins = base_arena_alloc_array(arena, count + 1, sizeof(*origins));
    TableColumn *all = base_arena_alloc_array(arena, columns + 1, sizeof(*all));
    if (!ids || !times || !events || !is_any || !origins || !all)
        return BASE_E_RESOURCES;
    for (uint32_t lane = 0; lane < customers; lane++)
        ids[lane] = source->customer_id(source->context, several->blocks[0].first_ordinal + lane);
    for (size_t i = 0; i < count; i++) {
        int32_t s = placed[i].origin.stream;
        int32_t event = s < 0 ? -1 : binding->streams[s].event;
        times[i] = placed[i].us;
        events[i] = event < 0 ? TABLE_EVENT_UNKNOWN : (uint16_t)event;
        is_any[i] = placed[i].is_any;
        origins[i] = placed[i].origin;
    }
    for (size_t c = 0; c < columns; c++) {
        if (!fill_column(arena, binding, several, (int32_t)c, placed, count, &all[c]))
            return BASE_E_RESOURCES;
    }
    table->customer_count = customers;
    table->customer_ids = ids;
    table->first_row = first_row;
    table->row_count = count;
    table->time_us = times;
    table->event = events;
    table->is_any = is_any;
    table->columns = all;
    *ret_origins = origins;
    return BASE_OK;
}

int engine_kernel_table(Arena *arena, const KernelBinding *binding, const Block *blocks,
                        uint32_t block_count, const KernelNeeds *needs,
                        const EventTable **ret_table, const RowOrigin **ret_origins,
                        KretsError *error) {
    Several several = {.blocks = blocks, .count = block_count, .needs = needs};
    size_t room = count_rows(binding, &several);
    Placed *placed = base_arena_alloc_array(arena, room + 1, sizeof(*placed));
    Placed *loose = malloc((room + 1) * sizeof(*loose));
    uint64_t *first_row =
        base_arena_alloc_array(arena, count_customers(&several) + 1, sizeof(*first_row));
    EventTable *table = base_arena_alloc(arena, sizeof(*table));
    int code = BASE_E_RESOURCES;
    if (placed != NULL && loose != NULL && first_row != NULL && table != NULL) {
        size_t count = place_rows(binding, &several, loose, placed, first_row);
        table->column_count = (size_t)binding->kernel->plan->column_count;
        code = fill_table(arena, binding, &several, placed, count, first_row, table, ret_origins);
    }
    free(loose);
    if (code < 0)
        return base_error_set(error, code,
                              "%zu events of %u customers do not fit into the memory budget: raise "
                              "--memory or lower --threads",
                              room, (unsigned)count_customers(&several));
    *ret_table = table;
    return BASE_OK;
}

int engine_block_table(Arena *arena, const KernelBinding *binding, const Block *block,
                       const EventTable **ret_table, KretsError *error) {
    const RowOrigin *origins;
    return engine_kernel_table(arena, binding, block, 1, &binding->all_needs, ret_table, &origins,
                               error);
}
