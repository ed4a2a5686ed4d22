// Rows of events as lanes: what a `where` or a value says of events when it is more than one
// property. A chunk is up to LANE_COUNT_MAX rows of one stream of one block.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/kernel_private.h"

struct KernelRows {
    LaneFrame *frame;
    // The chunk at hand.
    const Block *block;
    int32_t stream;
    uint32_t first_lane;
    uint32_t rows[LANE_COUNT_MAX];
    const uint8_t *lanes; // of the block: whose the rows are
    Arena *arena;         // emptied by a new chunk
    // The reference evaluator over a table of one row, for nodes without a vector form.
    Work *boxed;
    bool is_boxed_begun; // for this chunk
    EventTable table;
    TableColumn *columns;
    Value *values;  // by Plan.columns
    uint8_t *valid; // likewise
    uint64_t first_row[2];
    int64_t time_us;
    uint16_t event;
    uint8_t is_any;
    Str id;
};

bool engine_kernel_is_row_node(const Plan *plan, NodeId id) {
    const Node *node = &plan->nodes[id];
    switch (node->kind) {
    case NODE_PROPERTY:
    case NODE_EVENT_TIME:
    case NODE_CONST:
    case NODE_NOW:
    case NODE_NEGATE:
    case NODE_ADD:
    case NODE_SUBTRACT:
    case NODE_MULTIPLY:
    case NODE_DIVIDE:
    case NODE_COMPARE:
    case NODE_AND:
    case NODE_OR:
    case NODE_NOT:
    case NODE_IN:
    case NODE_BETWEEN:
    case NODE_IS_NULL:
    case NODE_MATCH:
    case NODE_HOLIDAY:
    case NODE_WITHIN:
    case NODE_CALL:
        break;
    default:
        return false;
    }
    for (int32_t i = 0; i < node->arg_count; i++) {
        if (!engine_kernel_is_row_node(plan, node->args[i]))
            return false;
    }
    return true;
}

// --- leaves ---

static void read_wholes(const KernelRows *rows, uint32_t count, const BlockColumn *column,
                        Lanes *ret_lanes) {
    const BlockCoding *coding = column->coding;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t code = data_block_code(coding, column->codes, rows->rows[i]);
        ret_lanes->integers[i] = code == 0 ? 0 : data_block_linear(coding, code);
        ret_lanes->valid[i / 64] |= (uint64_t)(code != 0) << (i % 64);
    }
}

static void read_numbers(const KernelRows *rows, uint32_t count, const BlockColumn *column,
                         Lanes *ret_lanes) {
    const BlockCoding *coding = column->coding;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t code = data_block_code(coding, column->codes, rows->rows[i]);
        ret_lanes->numbers[i] = code == 0 ? 0 : coding->numbers[code];
        ret_lanes->valid[i / 64] |= (uint64_t)(code != 0) << (i % 64);
    }
}

static void read_property(KernelWork *work, int32_t property, Lanes *ret_lanes) {
    const KernelRows *rows = work->rows;
    uint32_t count = engine_lanes_count(rows->frame);
    const BlockColumn *column = engine_kernel_column(work, rows->block, rows->stream, property);
    if (column == NULL)
        return;
    const BlockCoding *coding = column->coding;
    ValueType type = work->kernel->plan->properties[property].type;
    if (coding->kind == BLOCK_CODE_LINEAR && coding->type == type && type != VALUE_BOOLEAN) {
        read_wholes(rows, count, column, ret_lanes);
        return;
    }
    if (coding->kind == BLOCK_CODE_NUMBER) {
        read_numbers(rows, count, column, ret_lanes);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        Value value = engine_kernel_code_value(
            work->binding->source, rows->block->partition, coding,
            data_block_code(coding, column->codes, rows->rows[i]), rows->arena);
        engine_lanes_set(ret_lanes, i, engine_value_widen(value, type));
    }
}

static int row_leaf(void *context, LaneFrame *frame, NodeId id, Lanes *ret_lanes) {
    KernelWork *work = context;
    const KernelRows *rows = work->rows;
    const Node *node = &work->kernel->plan->nodes[id];
    if (node->kind == NODE_PROPERTY) {
        read_property(work, node->index, ret_lanes);
        return work->code;
    }
    assert(node->kind == NODE_EVENT_TIME);
    const BlockStream *stream = &rows->block->streams[rows->stream];
    for (uint32_t i = 0; i < engine_lanes_count(frame); i++) {
        ret_lanes->integers[i] = data_block_time(rows->block->time, stream, rows->rows[i]);
        BIT_SET(ret_lanes->valid, i);
    }
    return work->code;
}

// --- nodes without a vector form ---

static void box_properties(KernelWork *work, NodeId id, uint32_t row) {
    const Kernel *kernel = work->kernel;
    KernelRows *rows = work->rows;
    const Node *node = &kernel->plan->nodes[id];
    for (int32_t i = 0; i < node->arg_count; i++)
        box_properties(work, node->args[i], row);
    if (node->kind != NODE_PROPERTY || rows->event == TABLE_EVENT_UNKNOWN)
        return;
    int32_t at =
        kernel->ready->property_columns[(size_t)node->index * (size_t)kernel->plan->event_count +
                                        rows->event];
    if (at < 0)
        return;
    const BlockColumn *column = engine_kernel_column(work, rows->block, rows->stream, node->index);
    rows->valid[at] = 0;
    if (column == NULL)
        return;
    Value value =
        engine_kernel_code_value(work->binding->source, rows->block->partition, column->coding,
                                 data_block_code(column->coding, column->codes, row), rows->arena);
    rows->valid[at] = !value.is_null;
    if (!value.is_null)
        data_table_put(&rows->values[at], 0, value);
}

static Value row_boxed(void *context, LaneFrame *frame, NodeId id, uint32_t i) {
    KernelWork *work = context;
    KernelRows *rows = work->rows;
    (void)frame;
    if (!rows->is_boxed_begun)
        engine_work_customer(rows->boxed, 0);
    rows->is_boxed_begun = true;
    engine_kernel_box(work, rows->boxed, rows->first_lane + rows->lanes[i]);
    rows->time_us =
        data_block_time(rows->block->time, &rows->block->streams[rows->stream], rows->rows[i]);
    box_properties(work, id, rows->rows[i]);
    Value value = engine_node_value(rows->boxed, id, 0);
    if (rows->boxed->is_over_budget)
        engine_kernel_fail(work, engine_work_check(rows->boxed, &work->error));
    return value;
}

// --- chunks ---

static void *allot(size_t count, size_t item_size_bytes) {
    void *memory = calloc(count + 1, item_size_bytes);
    if (memory == NULL)
        abort();
    return memory;
}

int engine_kernel_rows_new(KernelWork *work, KretsError *error) {
    const Kernel *kernel = work->kernel;
    const Plan *plan = kernel->plan;
    if (!kernel->has_rows)
        return BASE_OK;
    KernelRows *rows = allot(1, sizeof(*rows));
    work->rows = rows;
    LaneHooks hooks = {.context = work, .leaf = row_leaf, .boxed = row_boxed};
    rows->frame = engine_lanes_new(plan, work->binding->fits, &hooks, kernel->simd);
    rows->arena = base_arena_new(SIZE_MAX);
    rows->columns = allot((size_t)plan->column_count, sizeof(*rows->columns));
    rows->values = allot((size_t)plan->column_count, sizeof(*rows->values));
    rows->valid = allot((size_t)plan->column_count, 1);
    for (int32_t i = 0; i < plan->column_count; i++)
        rows->columns[i] = (TableColumn){
            .type = plan->columns[i].type, .values = &rows->values[i], .valid = &rows->valid[i]};
    rows->first_row[1] = 1;
    rows->table = (EventTable){.customer_count = 1,
                               .customer_ids = &rows->id,
                               .first_row = rows->first_row,
                               .row_count = 1,
                               .time_us = &rows->time_us,
                               .event = &rows->event,
                               .is_any = &rows->is_any,
                               .columns = rows->columns,
                               .column_count = (size_t)plan->column_count};
    rows->boxed = engine_work_new(kernel->ready, &rows->table, work->binding->fits,
                                  work->memory_bytes / 8, error);
    return rows->boxed == NULL ? BASE_E_RESOURCES : BASE_OK;
}

void engine_kernel_rows_free(KernelRows *rows) {
    if (rows == NULL)
        return;
    engine_lanes_free(rows->frame);
    engine_work_free(rows->boxed);
    base_arena_free(rows->arena);
    free(rows->columns);
    free(rows->values);
    free(rows->valid);
    free(rows);
}

const Lanes *engine_kernel_row_lanes(KernelWork *work, const Matches *matches, uint32_t low,
                                     uint32_t count, NodeId id) {
    KernelRows *rows = work->rows;
    assert(rows != NULL && count >= 1 && count <= LANE_COUNT_MAX);
    int32_t event = work->binding->streams[matches->stream].event;
    rows->block = matches->block;
    rows->stream = matches->stream;
    rows->first_lane = matches->first_lane;
    rows->lanes = matches->lanes + low;
    rows->event = event < 0 ? TABLE_EVENT_UNKNOWN : (uint16_t)event;
    for (uint32_t i = 0; i < count; i++)
        rows->rows[i] = matches->rows == NULL ? low + i : matches->rows[low + i];
    base_arena_reset(rows->arena);
    rows->is_boxed_begun = false;
    engine_lanes_begin(rows->frame, count, work->now_us);
    const Lanes *lanes = NULL;
    int code = engine_lanes_node(rows->frame, id, &lanes);
    if (code < 0)
        engine_kernel_fail(work, code);
    return work->code < 0 ? NULL : lanes;
}
