// Index and tail written together as a new index: blocks become tables again, a block at a time.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "index/tail_private.h"

// The new index's columns: one for each name and type.
typedef struct Fold {
    const IndexSnapshot *snapshot;
    Arena *arena; // of all
    Arena *rows;  // of the block at hand
    Str *events;
    uint32_t event_count;
    Str *columns;
    ValueType *types;
    uint32_t column_count;
    IndexColumn *wanted;
    uint32_t wanted_count;
    uint16_t *event_of;   // by stream
    uint32_t **column_of; // by stream and its column
    BlockNeeds needs;
    BlockScratch *scratch;
    IndexBuilder *builder;
} Fold;

// --- what the new index holds ---

static uint32_t event_number(Fold *fold, Str name) {
    for (uint32_t i = 0; i < fold->event_count; i++) {
        if (base_str_equal(fold->events[i], name))
            return i;
    }
    fold->events[fold->event_count] = name;
    return fold->event_count++;
}

static uint32_t column_number(Fold *fold, Str name, ValueType type) {
    for (uint32_t i = 0; i < fold->column_count; i++) {
        if (fold->types[i] == type && base_str_equal(fold->columns[i], name))
            return i;
    }
    fold->columns[fold->column_count] = name;
    fold->types[fold->column_count] = type;
    return fold->column_count++;
}

static void want(Fold *fold, IndexColumn column) {
    for (uint32_t i = 0; i < fold->wanted_count; i++) {
        if (fold->wanted[i].type == column.type &&
            base_str_equal(fold->wanted[i].event, column.event) &&
            base_str_equal(fold->wanted[i].column, column.column))
            return;
    }
    fold->wanted[fold->wanted_count++] = column;
}

static void list_known(Fold *fold) {
    const Roster *roster = &fold->snapshot->store->index->roster;
    const BlockSource *source = &fold->snapshot->source;
    size_t columns = roster->wanted_count;
    for (uint32_t s = 0; s < source->stream_count; s++)
        columns += source->streams[s].column_count;
    fold->events = base_arena_alloc_array(
        fold->arena, (size_t)roster->event_count + source->stream_count + 1, sizeof(Str));
    fold->columns = base_arena_alloc_array(fold->arena, columns + 1, sizeof *fold->columns);
    fold->types = base_arena_alloc_array(fold->arena, columns + 1, sizeof *fold->types);
    fold->wanted = base_arena_alloc_array(fold->arena, columns + 1, sizeof *fold->wanted);
    for (uint32_t i = 0; i < roster->event_count; i++)
        (void)event_number(fold, roster->events[i]);
    for (uint32_t i = 0; i < roster->wanted_count; i++) {
        want(fold, roster->wanted[i]);
        (void)column_number(fold, roster->wanted[i].column, roster->wanted[i].type);
    }
}

static void list_streams(Fold *fold) {
    const BlockSource *source = &fold->snapshot->source;
    size_t count = source->stream_count;
    fold->event_of = base_arena_alloc_array(fold->arena, count + 1, sizeof *fold->event_of);
    fold->column_of = base_arena_alloc_array(fold->arena, count + 1, sizeof *fold->column_of);
    uint8_t *streams = base_arena_alloc(fold->arena, count + 1);
    const uint8_t **columns = base_arena_alloc_array(fold->arena, count + 1, sizeof *columns);
    memset(streams, 1, count);
    for (uint32_t s = 0; s < count; s++) {
        const BlockStreamInfo *info = &source->streams[s];
        size_t room = (size_t)info->column_count + 1;
        uint8_t *all = base_arena_alloc(fold->arena, room);
        memset(all, 1, room);
        columns[s] = all;
        fold->event_of[s] = info->event.size_bytes == 0 ? TABLE_EVENT_UNKNOWN
                                                        : (uint16_t)event_number(fold, info->event);
        fold->column_of[s] = base_arena_alloc_array(fold->arena, room, sizeof *fold->column_of[s]);
        for (uint32_t c = 0; c < info->column_count; c++) {
            const BlockColumnInfo *column = &info->columns[c];
            want(fold, (IndexColumn){info->event, column->column, column->type});
            fold->column_of[s][c] = column_number(fold, column->column, column->type);
        }
    }
    fold->needs = (BlockNeeds){streams, columns};
}

// --- rows of a block in the order of a table ---

typedef struct FoldRow {
    int64_t time_us;
    uint64_t order; // place among equal times, then row
    int32_t stream; // -1: stands for an event that the index did not keep
    uint32_t row;
} FoldRow;

static int compare_rows(const void *a, const void *b) {
    const FoldRow *x = a, *y = b;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

// Rows by customer: first[lane] is where a customer's begin.
static FoldRow *deal_rows(Fold *fold, const Block *block, uint64_t *first) {
    const BlockSource *source = &fold->snapshot->source;
    uint64_t next[BLOCK_CUSTOMER_MAX] = {0}, total = 0;
    for (uint32_t s = 0; s < source->stream_count; s++) {
        for (uint32_t row = 0; row < block->streams[s].count; row++)
            next[block->streams[s].customer[row]]++;
    }
    for (uint32_t lane = 0; lane < block->customer_count; lane++) {
        uint64_t count = next[lane] + (block->first_us[lane] != INT64_MAX);
        first[lane] = next[lane] = total;
        total += count;
    }
    FoldRow *rows = base_arena_alloc_array(fold->rows, total + 1, sizeof *rows);
    for (uint32_t lane = 0; lane < block->customer_count; lane++) {
        if (block->first_us[lane] != INT64_MAX)
            rows[next[lane]++] = (FoldRow){block->first_us[lane], 0, -1, 0};
    }
    for (uint32_t s = 0; s < source->stream_count; s++) {
        const BlockStream *stream = &block->streams[s];
        for (uint32_t row = 0; row < stream->count; row++)
            rows[next[stream->customer[row]]++] =
                (FoldRow){data_block_time(block->time, stream, row),
                          ((uint64_t)data_block_tie(stream, row) << 32 | row) + 1, (int32_t)s, row};
    }
    first[block->customer_count] = total;
    return rows;
}

// Puts each customer's rows in order; the one that stands for the first event goes where there is
// one at its time. Returns the count of rows.
static uint64_t order_rows(const Block *block, FoldRow *rows, uint64_t *first) {
    uint64_t kept = 0;
    for (uint32_t lane = 0; lane < block->customer_count; lane++) {
        uint64_t begin = first[lane], end = first[lane + 1];
        if (end > begin)
            qsort(rows + begin, end - begin, sizeof *rows, compare_rows);
        if (end - begin > 1 && rows[begin].stream < 0 &&
            rows[begin + 1].time_us == rows[begin].time_us)
            begin++;
        first[lane] = kept;
        memmove(rows + kept, rows + begin, (end - begin) * sizeof *rows);
        kept += end - begin;
    }
    first[block->customer_count] = kept;
    return kept;
}

// --- values ---

static Value value_of(const Fold *fold, uint32_t partition, const BlockCoding *coding,
                      uint64_t code) {
    const BlockSource *source = &fold->snapshot->source;
    Value value = {.type = coding->type, .is_null = code == 0};
    if (value.is_null)
        return value;
    switch (coding->kind) {
    case BLOCK_CODE_LINEAR:
    case BLOCK_CODE_WHOLE:
        return data_block_whole_value(coding, code);
    case BLOCK_CODE_NUMBER:
        value.number = coding->numbers[code];
        break;
    case BLOCK_CODE_DOUBLE:
        code ^= BLOCK_DOUBLE_NULL;
        memcpy(&value.number, &code, sizeof code);
        break;
    case BLOCK_CODE_TEXT:
        value.text = source->text(source->context, partition, coding->texts[code]);
        break;
    case BLOCK_CODE_LIST: {
        uint64_t first = coding->first_item[code], count = coding->first_item[code + 1] - first;
        Str *items = base_arena_alloc_array(fold->rows, count + 1, sizeof *items);
        for (uint64_t i = 0; i < count; i++)
            items[i] = source->text(source->context, partition, coding->items[first + i]);
        value.list.items = items;
        value.list.count = count;
        break;
    }
    }
    return value;
}

static void fill_column(Fold *fold, const Block *block, const uint32_t *places, uint32_t stream,
                        uint32_t column, TableColumn *to) {
    const BlockColumn *from = &block->streams[stream].columns[column];
    uint8_t *valid = (uint8_t *)(uintptr_t)to->valid;
    void *values = (void *)(uintptr_t)to->values;
    for (uint32_t row = 0; from->coding != NULL && row < block->streams[stream].count; row++) {
        uint64_t code = data_block_code(from->coding, from->codes, row);
        if (code == 0)
            continue;
        valid[places[row]] = 1;
        data_table_put(values, places[row], value_of(fold, block->partition, from->coding, code));
    }
}

static TableColumn *fill_columns(Fold *fold, const Block *block, const FoldRow *rows,
                                 uint64_t count) {
    const BlockSource *source = &fold->snapshot->source;
    TableColumn *columns =
        base_arena_alloc_array(fold->rows, (size_t)fold->column_count + 1, sizeof *columns);
    for (uint32_t i = 0; i < fold->column_count; i++)
        columns[i] = (TableColumn){
            fold->types[i],
            base_arena_alloc_array(fold->rows, count + 1, data_table_value_size(fold->types[i])),
            base_arena_alloc(fold->rows, count + 1)};
    uint32_t **places =
        base_arena_alloc_array(fold->rows, source->stream_count + (size_t)1, sizeof *places);
    for (uint32_t s = 0; s < source->stream_count; s++)
        places[s] = base_arena_alloc_array(fold->rows, block->streams[s].count + (size_t)1,
                                           sizeof **places);
    for (uint64_t i = 0; i < count; i++) {
        if (rows[i].stream >= 0)
            places[rows[i].stream][rows[i].row] = (uint32_t)i;
    }
    for (uint32_t s = 0; s < source->stream_count; s++) {
        for (uint32_t c = 0; block->streams[s].count > 0 && c < source->streams[s].column_count;
             c++)
            fill_column(fold, block, places[s], s, c, &columns[fold->column_of[s][c]]);
    }
    return columns;
}

// New customers follow those of the last partition, so that folds do not make ever more of them.
static uint32_t partition_of(const Fold *fold, uint32_t partition) {
    uint32_t count = fold->snapshot->store->index->source.partition_count;
    return partition < count ? partition : count - 1;
}

static int fold_block(Fold *fold, uint32_t number, KretsError *error) {
    const BlockSource *source = &fold->snapshot->source;
    Block block;
    int r = source->block(source->context, fold->scratch, number, &fold->needs, &block, error);
    if (r < 0)
        return r;
    base_arena_reset(fold->rows);
    uint64_t first[BLOCK_CUSTOMER_MAX + 1];
    FoldRow *rows = deal_rows(fold, &block, first);
    uint64_t count = order_rows(&block, rows, first);
    Str *ids = base_arena_alloc_array(fold->rows, BLOCK_CUSTOMER_MAX, sizeof *ids);
    int64_t *times = base_arena_alloc_array(fold->rows, count + 1, sizeof *times);
    uint16_t *events = base_arena_alloc_array(fold->rows, count + 1, sizeof *events);
    uint8_t *is_any = base_arena_alloc(fold->rows, count + 1);
    for (uint32_t lane = 0; lane < block.customer_count; lane++)
        ids[lane] = source->customer_id(source->context, block.first_ordinal + lane);
    for (uint64_t i = 0; i < count; i++) {
        int32_t stream = rows[i].stream;
        times[i] = rows[i].time_us;
        events[i] = stream < 0 ? TABLE_EVENT_UNKNOWN : fold->event_of[stream];
        is_any[i] = stream >= 0 && source->streams[stream].is_any;
    }
    EventTable table = {.customer_count = block.customer_count,
                        .customer_ids = ids,
                        .first_row = first,
                        .row_count = count,
                        .time_us = times,
                        .event = events,
                        .is_any = is_any,
                        .columns = fill_columns(fold, &block, rows, count),
                        .column_count = fold->column_count};
    return index_build_add(fold->builder, partition_of(fold, block.partition), &table, error);
}

// --- all ---

// Whether the partition's customers are in the order of their ids.
static bool is_ordered(const IndexPartition *partition) {
    for (uint32_t i = 1; i < partition->customer_count; i++) {
        if (base_str_compare(index_partition_id(partition, i - 1),
                             index_partition_id(partition, i)) >= 0)
            return false;
    }
    return true;
}

static int fold_blocks(Fold *fold, KretsError *error) {
    const Index *index = fold->snapshot->store->index;
    uint32_t count = index->source.partition_count, next = 0;
    int r = 0;
    for (uint32_t p = 0; r == 0 && p < count; p++) {
        const IndexPartition *partition = &index->partitions[p];
        uint32_t end = p + 1 == count ? fold->snapshot->source.block_count
                                      : partition->first_block + partition->block_count;
        for (; r == 0 && next < end; next++)
            r = fold_block(fold, next, error);
        if (r == 0)
            r = index_build_partition_end(fold->builder, p, error);
    }
    return r;
}

int index_fold(const IndexSnapshot *snapshot, Str stamp, Index **ret_index, KretsError *error) {
    const BlockSource *source = &snapshot->source;
    const Index *index = snapshot->store->index;
    uint32_t partitions = index->source.partition_count;
    bool is_unordered =
        snapshot->customer_count > 0 || !is_ordered(&index->partitions[partitions - 1]);
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    BASE_ARENA_SCOPED rows = base_arena_new(SIZE_MAX);
    Fold fold = {.snapshot = snapshot, .arena = arena, .rows = rows};
    list_known(&fold);
    list_streams(&fold);
    IndexBuild build = {.directory = index->directory,
                        .stamp = stamp,
                        .partition_count = partitions,
                        .events = fold.events,
                        .event_count = fold.event_count,
                        .columns = fold.columns,
                        .types = fold.types,
                        .column_count = fold.column_count,
                        .wanted = fold.wanted,
                        .wanted_count = fold.wanted_count,
                        .unordered_count = is_unordered};
    int r = index_build_begin(&build, &fold.builder, error);
    if (r < 0)
        return r;
    fold.scratch = source->scratch_new(source->context);
    r = fold_blocks(&fold, error);
    source->scratch_free(fold.scratch);
    if (r < 0) {
        index_build_free(fold.builder);
        return r;
    }
    return index_build_end(fold.builder, ret_index, error);
}
