// An index as a BlockSource: blocks point into the files; one customer's rows are copied out.
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "index/index_private.h"

// --- checking a block when it is first read ---

uint64_t index_stream_check(const IndexStreamPart *stream, uint32_t block) {
    uint64_t begin = stream->block_row[block], count = stream->block_row[block + 1] - begin;
    uint64_t check = index_checksum(stream->lane + begin, count, 0);
    check = index_checksum(stream->tick + begin, count * sizeof *stream->tick, check);
    if (stream->rest != NULL)
        check = index_checksum(stream->rest + begin * stream->rest_width,
                               count * stream->rest_width, check);
    const uint8_t *ties = index_stream_ties(stream, block);
    if (ties != NULL)
        check = index_checksum(ties, count * stream->tie_width, check);
    return check;
}

static int fail_damaged(const Index *index, KretsError *error) {
    return base_error_set(error, BASE_E_STORE,
                          "the index in %.*s is damaged (the checksum of a block is wrong): remove "
                          "that folder, it will be made again",
                          STR_ARG(index->directory));
}

static bool is_stream_fine(const IndexStreamPart *stream, uint32_t block) {
    if (stream->is_checked == NULL ||
        atomic_load_explicit(&stream->is_checked[block], memory_order_acquire) != 0)
        return true;
    if (index_stream_check(stream, block) != stream->checks[block])
        return false;
    atomic_store_explicit(&stream->is_checked[block], 1, memory_order_release);
    return true;
}

static bool is_column_fine(const IndexStreamPart *stream, const IndexColumnPart *column,
                           uint32_t block) {
    if (column->is_checked == NULL ||
        atomic_load_explicit(&column->is_checked[block], memory_order_acquire) != 0)
        return true;
    uint64_t begin = stream->block_row[block], count = stream->block_row[block + 1] - begin;
    uint8_t width = column->coding.width;
    if (index_checksum(column->codes + begin * width, count * width, 0) != column->checks[block])
        return false;
    atomic_store_explicit(&column->is_checked[block], 1, memory_order_release);
    return true;
}

// --- scratch ---

static BlockScratch *scratch_new(void *context) {
    const Index *index = context;
    BlockScratch *scratch = calloc(1, sizeof *scratch);
    if (scratch == NULL)
        abort();
    scratch->arena = base_arena_new(SIZE_MAX);
    scratch->memory.limit_bytes = SIZE_MAX;
    size_t count = index->source.stream_count;
    scratch->streams = base_arena_alloc_array(scratch->arena, count + 1, sizeof *scratch->streams);
    scratch->columns = base_arena_alloc_array(scratch->arena, count + 1, sizeof *scratch->columns);
    for (size_t i = 0; i < count; i++)
        scratch->columns[i] = base_arena_alloc_array(
            scratch->arena, index->source.streams[i].column_count + (size_t)1,
            sizeof **scratch->columns);
    return scratch;
}

static void scratch_free(BlockScratch *scratch) {
    if (scratch == NULL)
        return;
    index_buffer_done(&scratch->memory, &scratch->copies);
    index_buffer_done(&scratch->memory, &scratch->rows);
    base_arena_free(scratch->arena);
    free(scratch);
}

// --- blocks ---

static bool needs_stream(const BlockNeeds *needs, uint32_t stream) {
    return needs->streams != NULL && needs->streams[stream] != 0;
}

static bool needs_column(const BlockNeeds *needs, uint32_t stream, uint32_t column) {
    return needs->columns != NULL && needs->columns[stream] != NULL &&
           needs->columns[stream][column] != 0;
}

// Rows of the block in one stream, pointing into the files.
static int view_stream(const Index *index, const IndexPartition *partition, BlockScratch *scratch,
                       uint32_t number, uint32_t block, const BlockNeeds *needs,
                       KretsError *error) {
    const IndexStreamPart *stream = &partition->streams[number];
    BlockStream *to = &scratch->streams[number];
    *to = (BlockStream){.columns = scratch->columns[number]};
    if (!needs_stream(needs, number) || stream->block_row == NULL)
        return 0;
    uint64_t begin = stream->block_row[block];
    to->count = (uint32_t)(stream->block_row[block + 1] - begin);
    if (to->count == 0)
        return 0;
    if (!is_stream_fine(stream, block))
        return fail_damaged(index, error);
    to->customer = stream->lane + begin;
    to->tick = stream->tick + begin;
    to->rest = stream->rest == NULL ? NULL : stream->rest + begin * stream->rest_width;
    to->tie = index_stream_ties(stream, block);
    to->rest_width = stream->rest_width;
    to->tie_width = stream->tie_width;
    for (uint32_t c = 0; c < index->source.streams[number].column_count; c++) {
        const IndexColumnPart *column = &stream->columns[c];
        scratch->columns[number][c] = (BlockColumn){0};
        if (column->codes == NULL || !needs_column(needs, number, c))
            continue;
        if (!is_column_fine(stream, column, block))
            return fail_damaged(index, error);
        scratch->columns[number][c] =
            (BlockColumn){&column->coding, column->codes + begin * column->coding.width};
    }
    return 0;
}

static const IndexPartition *partition_of_block(const Index *index, uint32_t block) {
    uint32_t low = 0, high = index->source.partition_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (index->partitions[middle].first_block <= block)
            low = middle;
        else
            high = middle;
    }
    // Empty partitions share their first block with the next one, which was chosen.
    assert(block - index->partitions[low].first_block < index->partitions[low].block_count);
    return &index->partitions[low];
}

static int view_block(const Index *index, BlockScratch *scratch, uint32_t number,
                      const BlockNeeds *needs, Block *ret_block, KretsError *error) {
    assert(number < index->source.block_count);
    const IndexPartition *partition = partition_of_block(index, number);
    uint32_t block = number - partition->first_block;
    for (uint32_t s = 0; s < index->source.stream_count; s++) {
        int r = view_stream(index, partition, scratch, s, block, needs, error);
        if (r < 0)
            return r;
    }
    uint32_t first = block * BLOCK_CUSTOMER_MAX;
    uint32_t left = partition->customer_count - first;
    *ret_block = (Block){
        .number = number,
        .first_ordinal = partition->first_ordinal + first,
        .customer_count = left < BLOCK_CUSTOMER_MAX ? left : BLOCK_CUSTOMER_MAX,
        .time = &partition->time,
        .first_us = partition->first_us + first,
        .first_any_us = partition->first_any_us + first,
        .streams = scratch->streams,
        .partition = (uint32_t)(partition - index->partitions),
    };
    return 0;
}

static int source_block(void *context, BlockScratch *scratch, uint32_t number,
                        const BlockNeeds *needs, Block *ret_block, KretsError *error) {
    return view_block(context, scratch, number, needs, ret_block, error);
}

// --- one customer ---

// Rows of the lane among `count`; returns how many.
static uint32_t find_rows(const uint8_t *lanes, uint32_t count, uint8_t lane, uint32_t *rows) {
    uint32_t found = 0, i = 0;
#ifdef __SSE2__
    const __m128i wanted = _mm_set1_epi8((char)lane);
    for (; i + 64 <= count; i += 64) { // most of them hold no row of the customer
        const __m128i *at = (const __m128i *)(const void *)(lanes + i);
        __m128i same[4];
        for (int k = 0; k < 4; k++)
            same[k] = _mm_cmpeq_epi8(_mm_loadu_si128(at + k), wanted);
        __m128i any = _mm_or_si128(_mm_or_si128(same[0], same[1]), _mm_or_si128(same[2], same[3]));
        if (_mm_movemask_epi8(any) == 0)
            continue;
        uint64_t mask = 0;
        for (int k = 0; k < 4; k++)
            mask |= (uint64_t)(unsigned)_mm_movemask_epi8(same[k]) << (16 * k);
        for (; mask != 0; mask &= mask - 1)
            rows[found++] = i + (uint32_t)__builtin_ctzll(mask);
    }
#endif
    for (; i < count; i++) {
        if (lanes[i] == lane)
            rows[found++] = i;
    }
    return found;
}

// Bytes of copies of `count` items, at a multiple of 8.
static void *take_copies(BlockScratch *scratch, size_t size) {
    size_t at = (scratch->copies.size_bytes + 7) & ~(size_t)7;
    assert(at + size <= scratch->copies.room_bytes);
    scratch->copies.size_bytes = at + size;
    return scratch->copies.data + at;
}

// NOLINTBEGIN(bugprone-macro-parentheses): a type cannot stand in parentheses
#define COPY(Item)                                                                                 \
    static void copy_##Item(Item *to, const Item *from, const uint32_t *rows, uint32_t count) {    \
        for (uint32_t i = 0; i < count; i++)                                                       \
            to[i] = from[rows[i]];                                                                 \
    }
// NOLINTEND(bugprone-macro-parentheses)
COPY(uint8_t)
COPY(uint16_t)
COPY(uint32_t)
COPY(uint64_t)

static const void *copy_items(BlockScratch *scratch, const void *from, uint8_t width,
                              uint32_t count) {
    if (from == NULL)
        return NULL;
    const uint32_t *rows = (const uint32_t *)(const void *)scratch->rows.data;
    void *to = take_copies(scratch, (size_t)count * width);
    switch (width) {
    case 1:
        copy_uint8_t(to, from, rows, count);
        break;
    case 2:
        copy_uint16_t(to, from, rows, count);
        break;
    case 4:
        copy_uint32_t(to, from, rows, count);
        break;
    default:
        assert(width == 8);
        copy_uint64_t(to, from, rows, count);
        break;
    }
    return to;
}

// The most that copies of all rows in view can take.
static size_t copies_room(const Index *index, const BlockScratch *scratch) {
    size_t room = 64;
    for (uint32_t s = 0; s < index->source.stream_count; s++) {
        size_t count = scratch->streams[s].count;
        if (count > 0)
            room +=
                (count + 8) * (1 + 4 + 4 + 4 + 8 * (size_t)index->source.streams[s].column_count);
    }
    return room;
}

static void keep_lane(const Index *index, BlockScratch *scratch, uint32_t number, uint8_t lane) {
    BlockStream *stream = &scratch->streams[number];
    uint32_t *rows = (uint32_t *)(void *)scratch->rows.data;
    uint32_t count = find_rows(stream->customer, stream->count, lane, rows);
    stream->count = count;
    stream->tick = copy_items(scratch, stream->tick, sizeof *stream->tick, count);
    stream->rest = copy_items(scratch, stream->rest, stream->rest_width, count);
    stream->tie = copy_items(scratch, stream->tie, stream->tie_width, count);
    uint8_t *lanes = take_copies(scratch, count);
    memset(lanes, 0, count);
    stream->customer = lanes;
    for (uint32_t c = 0; c < index->source.streams[number].column_count; c++) {
        BlockColumn *column = &scratch->columns[number][c];
        if (column->coding != NULL)
            column->codes = copy_items(scratch, column->codes, column->coding->width, count);
    }
}

static bool reserve_copies(const Index *index, BlockScratch *scratch) {
    size_t rows_max = 0;
    for (uint32_t s = 0; s < index->source.stream_count; s++)
        rows_max = scratch->streams[s].count > rows_max ? scratch->streams[s].count : rows_max;
    scratch->copies.size_bytes = scratch->rows.size_bytes = 0;
    return index_buffer_reserve(&scratch->memory, &scratch->copies, copies_room(index, scratch)) !=
               NULL &&
           index_buffer_reserve(&scratch->memory, &scratch->rows,
                                (rows_max + 1) * sizeof(uint32_t)) != NULL;
}

static int source_customer(void *context, BlockScratch *scratch, uint32_t ordinal,
                           const BlockNeeds *needs, Block *ret_block, KretsError *error) {
    const Index *index = context;
    assert(ordinal < index->source.customer_count);
    const IndexPartition *partition = index_partition_of(index, ordinal);
    uint32_t customer = ordinal - partition->first_ordinal;
    uint32_t number = partition->first_block + customer / BLOCK_CUSTOMER_MAX;
    uint8_t lane = (uint8_t)(customer % BLOCK_CUSTOMER_MAX);
    Block block;
    int r = view_block(index, scratch, number, needs, &block, error);
    if (r < 0)
        return r;
    if (!reserve_copies(index, scratch))
        return index_memory_fail(&scratch->memory, error);
    for (uint32_t s = 0; s < index->source.stream_count; s++) {
        if (scratch->streams[s].count > 0)
            keep_lane(index, scratch, s, lane);
    }
    block.first_ordinal = ordinal;
    block.customer_count = 1;
    block.first_us += lane;
    block.first_any_us += lane;
    *ret_block = block;
    return 0;
}

// --- texts ---

static Str source_customer_id(void *context, uint32_t ordinal) {
    return index_customer_id(context, ordinal);
}

Str index_partition_text(const IndexPartition *partition, uint32_t number) {
    assert(number < partition->text_count);
    for (uint32_t i = 0; i < partition->text_piece_count; i++) {
        const IndexTexts *piece = &partition->texts[i];
        uint32_t at = number - piece->first_number;
        if (at < piece->count)
            return (Str){piece->bytes + piece->offsets[at],
                         piece->offsets[at + 1] - piece->offsets[at]};
    }
    return (Str){NULL, 0};
}

static Str source_text(void *context, uint32_t partition, uint32_t number) {
    const Index *index = context;
    assert(partition < index->source.partition_count);
    return index_partition_text(&index->partitions[partition], number);
}

static uint32_t source_text_count(void *context, uint32_t partition) {
    const Index *index = context;
    assert(partition < index->source.partition_count);
    return index->partitions[partition].text_count;
}

void index_source_init(Index *index) {
    index->source = (BlockSource){
        .context = index,
        .scratch_new = scratch_new,
        .scratch_free = scratch_free,
        .block = source_block,
        .customer = source_customer,
        .customer_id = source_customer_id,
        .text = source_text,
        .text_count = source_text_count,
    };
}
