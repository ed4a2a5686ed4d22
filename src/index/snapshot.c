// Index and tail as they were at one time, as a BlockSource.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "index/tail_private.h"

// --- codings of a partition ---

static uint8_t width_of(uint64_t code_count) {
    if (code_count <= UINT64_C(1) << 8)
        return 1;
    if (code_count <= UINT64_C(1) << 16)
        return 2;
    return code_count <= UINT64_C(1) << 32 ? 4 : 8;
}

// Bytes of a code: as in the index where that is enough, so that its codes are just copied.
static uint8_t width_above(const BlockCoding *base, uint64_t code_count) {
    uint8_t width = width_of(code_count);
    return base != NULL && base->width > width ? base->width : width;
}

static void extend_dictionary(SnapshotColumn *to, const TailColumn *tail) {
    BlockCoding *own = &to->own;
    own->kind = tail->kind;
    own->code_count = atomic_load_explicit(&tail->count, memory_order_acquire);
    const void *entries = atomic_load_explicit(&tail->entries, memory_order_acquire);
    if (tail->kind == BLOCK_CODE_NUMBER)
        own->numbers = entries;
    else if (tail->kind == BLOCK_CODE_TEXT)
        own->texts = entries;
    else
        own->first_item = entries;
    own->items = atomic_load_explicit(&tail->items, memory_order_acquire);
    own->width = width_above(to->base, own->code_count);
}

static int compare_integers(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// Values that the tail has in a column of the partition, at most `room` of them are written.
static uint64_t take_values(const IndexSnapshot *snapshot, const TailBlock *block, uint32_t stream,
                            uint32_t column, int64_t *to) {
    uint64_t count = 0;
    for (uint32_t lane = 0; block != NULL && lane < BLOCK_CUSTOMER_MAX; lane++) {
        const TailRow *row = atomic_load_explicit(&block->heads[lane], memory_order_acquire);
        for (; row != NULL; row = row->before) {
            if (row->arrival >= snapshot->event_count || row->stream != stream ||
                !index_tail_has(row, column))
                continue;
            if (to != NULL)
                to[count] = (int64_t)row->values[column];
            count++;
        }
    }
    return count;
}

static uint64_t take_all_values(const IndexSnapshot *snapshot, uint32_t partition, uint32_t stream,
                                uint32_t column, int64_t *to) {
    const TailStore *store = snapshot->store;
    const BlockSource *base = &store->index->source;
    uint64_t count = 0;
    if (partition == base->partition_count) {
        uint32_t blocks = snapshot->source.block_count - base->block_count;
        for (uint32_t b = 0; b < blocks; b++)
            count += take_values(snapshot, index_store_new_block(store, b), stream, column,
                                 to == NULL ? NULL : to + count);
        return count;
    }
    const IndexPartition *part = &store->index->partitions[partition];
    for (uint32_t b = 0; b < part->block_count; b++) {
        const TailBlock *block =
            atomic_load_explicit(&store->blocks[part->first_block + b], memory_order_acquire);
        count += take_values(snapshot, block, stream, column, to == NULL ? NULL : to + count);
    }
    return count;
}

// Integers that are too far apart for a line: all of them, sorted. The index's own are few or,
// when they are in line themselves, those of its rows.
static void list_integers(IndexSnapshot *snapshot, SnapshotColumn *to, uint32_t partition,
                          uint32_t stream, uint32_t column) {
    const IndexStreamPart *part = NULL;
    uint64_t count = 0;
    if (to->base != NULL) {
        part = &snapshot->store->index->partitions[partition].streams[stream];
        count = to->base->kind == BLOCK_CODE_WHOLE ? to->base->code_count : part->row_count;
    }
    uint64_t tail = take_all_values(snapshot, partition, stream, column, NULL);
    int64_t *integers = base_arena_alloc_array(snapshot->arena, count + tail + 2, sizeof *integers);
    uint64_t filled = 1;
    for (uint64_t i = 0; i < count; i++) {
        if (to->base->kind == BLOCK_CODE_WHOLE) {
            if (i > 0)
                integers[filled++] = to->base->integers[i];
            continue;
        }
        uint64_t code = data_block_code(to->base, part->columns[column].codes, i);
        if (code != 0)
            integers[filled++] = data_block_linear(to->base, code);
    }
    filled += take_all_values(snapshot, partition, stream, column, integers + filled);
    qsort(integers + 1, filled - 1, sizeof *integers, compare_integers);
    uint64_t kept = 1;
    for (uint64_t i = 1; i < filled; i++) {
        if (kept == 1 || integers[i] != integers[kept - 1])
            integers[kept++] = integers[i];
    }
    to->own.kind = BLOCK_CODE_WHOLE;
    to->own.integers = integers;
    to->own.code_count = kept;
    to->own.width = width_of(kept);
    to->recode = RECODE_WHOLE;
}

static void extend_integers(IndexSnapshot *snapshot, SnapshotColumn *to, const TailColumn *tail,
                            uint32_t partition, uint32_t stream, uint32_t column) {
    const BlockCoding *base = to->base;
    int64_t min = atomic_load_explicit(&tail->min, memory_order_relaxed);
    int64_t max = atomic_load_explicit(&tail->max, memory_order_relaxed);
    bool is_line = base == NULL || base->kind == BLOCK_CODE_LINEAR;
    uint64_t scale = 1;
    if (base != NULL && is_line) {
        bool is_off = atomic_load_explicit(&tail->is_off, memory_order_relaxed);
        scale = is_off ? 1 : (uint64_t)base->scale;
        if (base->code_count > 1) {
            int64_t last = data_block_linear(base, base->code_count - 1);
            min = base->base < min ? base->base : min;
            max = last > max ? last : max;
        }
    }
    uint64_t steps = ((uint64_t)max - (uint64_t)min) / scale;
    if (!is_line || steps > UINT64_MAX - 2) {
        list_integers(snapshot, to, partition, stream, column);
        return;
    }
    to->own.kind = BLOCK_CODE_LINEAR;
    to->own.base = min;
    to->own.scale = (int64_t)scale;
    to->own.code_count = steps + 2;
    to->own.width = width_above(base, to->own.code_count);
    if (base == NULL)
        return;
    to->step = (uint64_t)base->scale / scale;
    to->shift = ((uint64_t)base->base - (uint64_t)min) / scale;
    to->recode = to->step == 1 && to->shift == 0 ? RECODE_SAME : RECODE_LINEAR;
}

static void make_column(IndexSnapshot *snapshot, SnapshotColumn *to, uint32_t partition,
                        uint32_t stream, uint32_t column) {
    const TailStore *store = snapshot->store;
    const BlockSource *base = &store->index->source;
    uint32_t number = snapshot->numbers[stream][column];
    const TailColumn *tail =
        index_list_at(&store->partitions[partition].columns, sizeof *tail, number);
    if (tail != NULL && !atomic_load_explicit(&tail->has_value, memory_order_acquire))
        tail = NULL;
    if (partition < base->partition_count && stream < base->stream_count) {
        const IndexColumnPart *part =
            &store->index->partitions[partition].streams[stream].columns[column];
        to->base = part->codes == NULL ? NULL : &part->coding;
    }
    if (to->base != NULL)
        to->own = *to->base;
    to->own.id = base->coding_count + partition * snapshot->column_count + number;
    to->own.type = snapshot->source.streams[stream].columns[column].type;
    to->own.has_null = true;
    if (tail == NULL) {
        to->coding = to->base == NULL ? NULL : to->base->has_null ? to->base : &to->own;
        return;
    }
    to->coding = &to->own;
    if (tail->kind == BLOCK_CODE_LINEAR) {
        extend_integers(snapshot, to, tail, partition, stream, column);
    } else if (tail->kind == BLOCK_CODE_DOUBLE) {
        to->own.kind = BLOCK_CODE_DOUBLE;
        to->own.width = 8;
    } else {
        extend_dictionary(to, tail);
    }
    const BlockCoding *was = to->base;
    if (was != NULL && was->has_null && to->recode == RECODE_SAME && was->kind == to->own.kind &&
        was->code_count == to->own.code_count && was->width == to->own.width)
        to->coding = was; // nothing new: its filters serve too
}

static SnapshotPartition *make_partition(IndexSnapshot *snapshot, uint32_t number) {
    SnapshotPartition *partition = base_arena_alloc(snapshot->arena, sizeof *partition);
    partition->columns = base_arena_alloc_array(snapshot->arena, snapshot->column_count + (size_t)1,
                                                sizeof *partition->columns);
    for (uint32_t s = 0; s < snapshot->source.stream_count; s++) {
        for (uint32_t c = 0; c < snapshot->source.streams[s].column_count; c++)
            make_column(snapshot, &partition->columns[snapshot->numbers[s][c]], number, s, c);
    }
    // Read last: codes that were just taken name no later text.
    partition->text_count =
        atomic_load_explicit(&snapshot->store->partitions[number].text_count, memory_order_acquire);
    return partition;
}

const SnapshotPartition *index_snapshot_partition(const IndexSnapshot *snapshot, uint32_t number) {
    _Atomic(SnapshotPartition *) *at = &snapshot->partitions[number];
    SnapshotPartition *partition = atomic_load_explicit(at, memory_order_acquire);
    if (partition != NULL)
        return partition;
    IndexSnapshot *shared = (IndexSnapshot *)(uintptr_t)snapshot; // codings come when asked for
    pthread_mutex_lock(&shared->lock);
    partition = atomic_load_explicit(at, memory_order_relaxed);
    if (partition == NULL) {
        partition = make_partition(shared, number);
        atomic_store_explicit(at, partition, memory_order_release);
    }
    pthread_mutex_unlock(&shared->lock);
    return partition;
}

// --- scratch ---

static BlockScratch *scratch_new(void *context) {
    const IndexSnapshot *snapshot = context;
    const BlockSource *base = &snapshot->store->index->source;
    TailScratch *scratch = calloc(1, sizeof *scratch);
    size_t streams = snapshot->source.stream_count, columns = 0;
    for (size_t s = 0; s < streams; s++)
        columns += snapshot->source.streams[s].column_count;
    if (scratch == NULL)
        abort();
    scratch->streams = calloc(streams + 1, sizeof *scratch->streams);
    scratch->columns = calloc(streams + 1, sizeof *scratch->columns);
    BlockColumn *room = calloc(columns + 1, sizeof *room);
    if (scratch->streams == NULL || scratch->columns == NULL || room == NULL)
        abort();
    scratch->columns[0] = room; // the first one's is all of it
    for (size_t s = 0; s < streams; s++) {
        scratch->columns[s] = room;
        room += snapshot->source.streams[s].column_count;
    }
    scratch->inner = base->scratch_new(base->context);
    scratch->inner_free = base->scratch_free;
    return (BlockScratch *)(void *)scratch;
}

static void scratch_free(BlockScratch *opaque) {
    TailScratch *scratch = (TailScratch *)(void *)opaque;
    if (scratch == NULL)
        return;
    scratch->inner_free(scratch->inner);
    free(scratch->columns[0]);
    free(scratch->columns);
    free(scratch->streams);
    free(scratch->picks);
    free(scratch->places);
    free(scratch->copies);
    free(scratch);
}

// --- rows of the tail ---

static void pick_room(TailScratch *scratch) {
    if (scratch->pick_count < scratch->pick_room)
        return;
    scratch->pick_room = scratch->pick_room * 2 + 64;
    scratch->picks = realloc(scratch->picks, scratch->pick_room * sizeof *scratch->picks);
    scratch->places = realloc(scratch->places, scratch->pick_room * sizeof *scratch->places);
    if (scratch->picks == NULL || scratch->places == NULL)
        abort();
}

// The customer's rows that the snapshot has; says so to the earliest times too.
static void pick_lane(const IndexSnapshot *snapshot, TailScratch *scratch, const TailBlock *block,
                      uint32_t lane, uint32_t to_lane) {
    const TailRow *row = atomic_load_explicit(&block->heads[lane], memory_order_acquire);
    for (; row != NULL; row = row->before) {
        if (row->arrival >= snapshot->event_count)
            continue;
        pick_room(scratch);
        scratch->picks[scratch->pick_count++] =
            (TailPick){row, row->time_us, row->stream, (uint8_t)to_lane};
        int64_t *first_us = &scratch->first_us[to_lane];
        *first_us = row->time_us < *first_us ? row->time_us : *first_us;
        first_us = &scratch->first_any_us[to_lane];
        if (snapshot->source.streams[row->stream].is_any && row->time_us < *first_us)
            *first_us = row->time_us;
    }
}

static void pick_block(const IndexSnapshot *snapshot, TailScratch *scratch,
                       const TailBlock *block) {
    for (uint32_t w = 0; w < BLOCK_WORDS; w++) {
        uint64_t lanes = atomic_load_explicit(&block->lanes[w], memory_order_acquire);
        for (; lanes != 0; lanes &= lanes - 1) {
            uint32_t lane = w * 64 + (uint32_t)__builtin_ctzll(lanes);
            pick_lane(snapshot, scratch, block, lane, lane);
        }
    }
}

static int compare_picks(const void *a, const void *b) {
    const TailPick *x = a, *y = b;
    if (x->stream != y->stream)
        return x->stream < y->stream ? -1 : 1;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    return x->row->arrival < y->row->arrival ? -1 : 1;
}

// Earliest times as the index has them (NULL: a new customer has none), to be lowered.
static void begin_picks(TailScratch *scratch, const Block *block) {
    scratch->pick_count = 0;
    for (uint32_t lane = 0; lane < block->customer_count; lane++) {
        scratch->first_us[lane] = block->first_us == NULL ? INT64_MAX : block->first_us[lane];
        scratch->first_any_us[lane] =
            block->first_any_us == NULL ? INT64_MAX : block->first_any_us[lane];
    }
}

// The index's block with room for the tail's streams.
static void take_streams(const IndexSnapshot *snapshot, TailScratch *scratch, Block *block) {
    uint32_t base = snapshot->store->index->source.stream_count;
    if (block->streams != NULL && base > 0)
        memcpy(scratch->streams, block->streams, base * sizeof *scratch->streams);
    for (uint32_t s = block->streams == NULL ? 0 : base; s < snapshot->source.stream_count; s++)
        scratch->streams[s] = (BlockStream){.columns = scratch->columns[s]};
    block->streams = scratch->streams;
}

static void finish_block(const IndexSnapshot *snapshot, TailScratch *scratch,
                         const BlockNeeds *needs, Block *block) {
    if (scratch->pick_count == 0 && block->first_us != NULL) {
        if (snapshot->source.stream_count > snapshot->store->index->source.stream_count)
            take_streams(snapshot, scratch, block);
        return;
    }
    take_streams(snapshot, scratch, block);
    if (scratch->pick_count > 1)
        qsort(scratch->picks, scratch->pick_count, sizeof *scratch->picks, compare_picks);
    block->first_us = scratch->first_us;
    block->first_any_us = scratch->first_any_us;
    index_tail_merge(snapshot, scratch, needs, block);
}

// --- blocks ---

static Block new_block(const IndexSnapshot *snapshot, uint32_t number) {
    const BlockSource *base = &snapshot->store->index->source;
    uint32_t first = number * BLOCK_CUSTOMER_MAX, left = snapshot->customer_count - first;
    return (Block){
        .number = base->block_count + number,
        .first_ordinal = base->customer_count + first,
        .customer_count = left < BLOCK_CUSTOMER_MAX ? left : BLOCK_CUSTOMER_MAX,
        .partition = base->partition_count,
    };
}

static int source_block(void *context, BlockScratch *opaque, uint32_t number,
                        const BlockNeeds *needs, Block *ret_block, KretsError *error) {
    const IndexSnapshot *snapshot = context;
    TailScratch *scratch = (TailScratch *)(void *)opaque;
    const BlockSource *base = &snapshot->store->index->source;
    assert(number < snapshot->source.block_count);
    const TailBlock *tail;
    Block block;
    if (number < base->block_count) {
        int r = base->block(base->context, scratch->inner, number, needs, &block, error);
        if (r < 0)
            return r;
        tail = atomic_load_explicit(&snapshot->store->blocks[number], memory_order_acquire);
    } else {
        block = new_block(snapshot, number - base->block_count);
        tail = index_store_new_block(snapshot->store, number - base->block_count);
    }
    begin_picks(scratch, &block);
    if (tail != NULL)
        pick_block(snapshot, scratch, tail);
    finish_block(snapshot, scratch, needs, &block);
    *ret_block = block;
    return 0;
}

static int source_customer(void *context, BlockScratch *opaque, uint32_t ordinal,
                           const BlockNeeds *needs, Block *ret_block, KretsError *error) {
    const IndexSnapshot *snapshot = context;
    TailScratch *scratch = (TailScratch *)(void *)opaque;
    const Index *index = snapshot->store->index;
    const BlockSource *base = &index->source;
    assert(ordinal < snapshot->source.customer_count);
    const TailBlock *tail;
    uint32_t lane;
    Block block;
    if (ordinal < base->customer_count) {
        int r = base->customer(base->context, scratch->inner, ordinal, needs, &block, error);
        if (r < 0)
            return r;
        tail = atomic_load_explicit(&snapshot->store->blocks[block.number], memory_order_acquire);
        const IndexPartition *partition = &index->partitions[block.partition];
        lane = (ordinal - partition->first_ordinal) % BLOCK_CUSTOMER_MAX;
    } else {
        uint32_t number = ordinal - base->customer_count;
        block = new_block(snapshot, number / BLOCK_CUSTOMER_MAX);
        tail = index_store_new_block(snapshot->store, number / BLOCK_CUSTOMER_MAX);
        lane = number % BLOCK_CUSTOMER_MAX;
    }
    block.first_ordinal = ordinal;
    block.customer_count = 1;
    begin_picks(scratch, &block);
    if (tail != NULL)
        pick_lane(snapshot, scratch, tail, lane, 0);
    finish_block(snapshot, scratch, needs, &block);
    *ret_block = block;
    return 0;
}

static Str source_customer_id(void *context, uint32_t ordinal) {
    const IndexSnapshot *snapshot = context;
    const Index *index = snapshot->store->index;
    if (ordinal < index->source.customer_count)
        return index_customer_id(index, ordinal);
    uint32_t number = ordinal - index->source.customer_count;
    assert(number < snapshot->customer_count);
    const TailBlock *block = index_store_new_block(snapshot->store, number / BLOCK_CUSTOMER_MAX);
    return block->ids[number % BLOCK_CUSTOMER_MAX];
}

static Str source_text(void *context, uint32_t partition, uint32_t number) {
    const IndexSnapshot *snapshot = context;
    return index_store_text(snapshot->store, partition, number);
}

static uint32_t source_text_count(void *context, uint32_t partition) {
    const IndexSnapshot *snapshot = context;
    assert(partition < snapshot->source.partition_count);
    return index_snapshot_partition(snapshot, partition)->text_count;
}

// --- taking one ---

static void take_infos(IndexSnapshot *snapshot) {
    const TailStore *store = snapshot->store;
    const BlockSource *base = &store->index->source;
    BlockStreamInfo *streams =
        base_arena_alloc_array(snapshot->arena, store->stream_count + (size_t)1, sizeof *streams);
    snapshot->numbers = base_arena_alloc_array(snapshot->arena, store->stream_count + (size_t)1,
                                               sizeof *snapshot->numbers);
    for (uint32_t s = 0; s < store->stream_count; s++) {
        const TailStream *from = &store->streams[s];
        streams[s] = (BlockStreamInfo){
            .event = from->event,
            .is_any = from->is_any,
            .row_count =
                from->row_count + (s < base->stream_count ? base->streams[s].row_count : 0),
            .columns = from->columns,
            .column_count = from->column_count};
        snapshot->numbers[s] = from->numbers;
    }
    snapshot->source.streams = streams;
    snapshot->source.stream_count = store->stream_count;
}

IndexSnapshot *index_snapshot_new(const IndexTail *tail) {
    IndexSnapshot *snapshot = calloc(1, sizeof *snapshot);
    if (snapshot == NULL)
        abort();
    TailStore *store = tail->store;
    const BlockSource *base = &store->index->source;
    snapshot->store = index_store_ref(store);
    snapshot->arena = base_arena_new(SIZE_MAX);
    pthread_mutex_init(&snapshot->lock, NULL);
    snapshot->event_count = store->event_count;
    snapshot->customer_count = store->customer_count;
    snapshot->column_count = store->column_count;
    uint32_t blocks = (store->customer_count + BLOCK_CUSTOMER_MAX - 1) / BLOCK_CUSTOMER_MAX;
    snapshot->source = (BlockSource){
        .context = snapshot,
        .customer_count = base->customer_count + store->customer_count,
        .block_count = base->block_count + blocks,
        .partition_count = base->partition_count + (blocks > 0),
        .coding_count = base->coding_count + (base->partition_count + 1) * store->column_count,
        .scratch_new = scratch_new,
        .scratch_free = scratch_free,
        .block = source_block,
        .customer = source_customer,
        .customer_id = source_customer_id,
        .text = source_text,
        .text_count = source_text_count,
    };
    take_infos(snapshot);
    snapshot->partitions = base_arena_alloc_array(
        snapshot->arena, base->partition_count + (size_t)1, sizeof *snapshot->partitions);
    return snapshot;
}

void index_snapshot_free(IndexSnapshot *snapshot) {
    if (snapshot == NULL)
        return;
    pthread_mutex_destroy(&snapshot->lock);
    base_arena_free(snapshot->arena);
    index_store_unref(snapshot->store);
    free(snapshot);
}

const BlockSource *index_snapshot_source(const IndexSnapshot *snapshot) {
    return &snapshot->source;
}

uint64_t index_snapshot_event_count(const IndexSnapshot *snapshot) {
    return snapshot->event_count;
}

bool index_snapshot_find(const IndexSnapshot *snapshot, Str id, uint32_t *ret_ordinal) {
    const Index *index = snapshot->store->index;
    uint32_t number;
    if (index_customer_find(index, id, ret_ordinal))
        return true;
    if (!index_store_find(snapshot->store, snapshot->customer_count, id, &number))
        return false;
    *ret_ordinal = index->source.customer_count + number;
    return true;
}
