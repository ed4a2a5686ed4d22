// Frames put together to an index. Every size and offset is checked here, so that later code may
// trust them; what a checksum per block covers is checked when the block is first read.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "index/index_private.h"

static int damaged(Text *reason, const char *what) {
    if (reason != NULL)
        base_text_append(reason, base_str_from(what));
    return INDEX_DAMAGED;
}

// A section of exactly `count` items.
static const void *exact(const Frame *frame, uint32_t section, size_t item_bytes, uint64_t count,
                         bool *is_fine) {
    uint64_t here;
    const void *data = index_frame_section(frame, section, item_bytes, &here);
    *is_fine = *is_fine && data != NULL && here == count;
    return data;
}

static bool ascends_u64(const uint64_t *items, uint64_t count, uint64_t last) {
    bool is_fine = items[0] == 0 && items[count - 1] == last;
    for (uint64_t i = 1; i < count; i++)
        is_fine &= items[i - 1] <= items[i];
    return is_fine;
}

static atomic_uchar *new_checked(Index *index, const Frame *frame, uint32_t block_count) {
    return frame->is_mapped
               ? base_arena_alloc_array(index->arena, block_count + (size_t)1, sizeof(atomic_uchar))
               : NULL;
}

// --- core ---

static bool attach_customers_of(IndexPartition *partition, const Frame *frame) {
    bool is_fine = true;
    uint64_t bytes, count = partition->customer_count;
    partition->id_offsets = exact(frame, CORE_ID_OFFSETS, sizeof(uint32_t), count, &is_fine);
    partition->first_us = exact(frame, CORE_FIRST, sizeof(int64_t), count, &is_fine);
    partition->first_any_us = partition->first_us;
    index_frame_section(frame, CORE_FIRST_ANY, 1, &bytes);
    if (bytes > 0)
        partition->first_any_us = exact(frame, CORE_FIRST_ANY, sizeof(int64_t), count, &is_fine);
    partition->id_bytes = index_frame_section(frame, CORE_ID_BYTES, 1, &bytes);
    if (!is_fine || partition->id_bytes == NULL)
        return false;
    for (uint64_t i = 1; i < count; i++)
        is_fine &= partition->id_offsets[i - 1] <= partition->id_offsets[i];
    return is_fine && (count == 0 ? 0 : partition->id_offsets[count - 1]) == bytes;
}

static bool is_width(uint8_t width, bool allows_one) {
    return width == 0 || (width == 1 && allows_one) || width == 2 || width == 4;
}

// Where the ties of each block lie; they may take `count` items in all.
static bool attach_ties(const IndexPartition *partition, const Frame *frame, uint32_t first,
                        IndexStreamPart *stream) {
    uint64_t count;
    bool is_fine = true;
    stream->tie = index_frame_section(frame, first + CORE_TIE, stream->tie_width, &count);
    stream->tie_row = exact(frame, first + CORE_TIE_ROW, sizeof *stream->tie_row,
                            partition->block_count, &is_fine);
    if (!is_fine || stream->tie == NULL)
        return false;
    for (uint32_t b = 0; b < partition->block_count; b++) {
        uint64_t row = stream->tie_row[b], rows = stream->block_row[b + 1] - stream->block_row[b];
        is_fine &= row == INDEX_TIE_NONE || (row <= count && rows <= count - row);
    }
    return is_fine;
}

static bool attach_stream(Index *index, const IndexPartition *partition, const Frame *frame,
                          uint32_t number, const CoreStream *about, IndexStreamPart *stream) {
    uint32_t first = CORE_FIXED_COUNT + number * CORE_STREAM_COUNT;
    uint64_t rows = about->row_count, blocks = partition->block_count;
    bool is_fine = is_width(about->rest_width, false) && is_width(about->tie_width, true);
    if (!is_fine || stream->block_row != NULL)
        return false;
    size_t rest = about->rest_width == 0 ? 1 : about->rest_width;
    *stream = (IndexStreamPart){
        .row_count = rows,
        .block_row = exact(frame, first + CORE_BLOCK_ROW, sizeof(uint64_t), blocks + 1, &is_fine),
        .lane = exact(frame, first + CORE_LANE, 1, rows, &is_fine),
        .tick = exact(frame, first + CORE_TICK, sizeof(uint32_t), rows, &is_fine),
        .rest = exact(frame, first + CORE_REST, rest, about->rest_width ? rows : 0, &is_fine),
        .rest_width = about->rest_width,
        .tie_width = about->tie_width,
        .checks = exact(frame, first + CORE_CHECKS, sizeof(uint64_t), blocks, &is_fine),
        .is_checked = new_checked(index, frame, partition->block_count),
        .columns = stream->columns,
    };
    if (!is_fine || !ascends_u64(stream->block_row, blocks + 1, rows))
        return false;
    for (uint64_t b = 0; b < blocks; b++)
        is_fine &= stream->block_row[b + 1] - stream->block_row[b] < UINT32_MAX;
    stream->rest = about->rest_width == 0 ? NULL : stream->rest;
    if (about->tie_width > 0)
        is_fine = is_fine && attach_ties(partition, frame, first, stream);
    return is_fine;
}

uint32_t index_stream_find(const Index *index, uint32_t event, bool is_any) {
    const Roster *roster = &index->roster;
    Str name = event == roster->event_count ? STR("") : roster->events[event];
    for (uint32_t i = 0; i < index->source.stream_count; i++) {
        const BlockStreamInfo *info = &index->source.streams[i];
        if (info->is_any == is_any && base_str_equal(info->event, name))
            return i;
    }
    return index->source.stream_count;
}

static uint32_t total_u32(uint32_t a, uint64_t b, bool *is_fine) {
    *is_fine = *is_fine && b <= UINT32_MAX - a;
    return (uint32_t)(a + b);
}

int index_attach_core(Index *index, uint32_t number, const Frame *frame, Text *reason) {
    IndexPartition *partition = &index->partitions[number];
    bool is_fine = true;
    const CoreMeta *meta = exact(frame, CORE_META, sizeof *meta, 1, &is_fine);
    uint64_t count;
    const CoreStream *streams = index_frame_section(frame, CORE_STREAMS, sizeof *streams, &count);
    if (!is_fine || streams == NULL || meta->customer_count > UINT32_MAX - BLOCK_CUSTOMER_MAX ||
        meta->tick_us <= 0 || meta->tick_us > UINT32_MAX * INT64_C(1000000000) ||
        frame->section_count != CORE_FIXED_COUNT + count * CORE_STREAM_COUNT)
        return damaged(reason, "a partition's description is wrong");
    uint32_t customers = (uint32_t)meta->customer_count;
    partition->first_ordinal = index->source.customer_count;
    partition->first_block = index->source.block_count;
    partition->customer_count = customers;
    partition->block_count = (customers + BLOCK_CUSTOMER_MAX - 1) / BLOCK_CUSTOMER_MAX;
    partition->time = (BlockTime){meta->base_us, meta->tick_us};
    index->source.customer_count = total_u32(index->source.customer_count, customers, &is_fine);
    index->source.block_count =
        total_u32(index->source.block_count, partition->block_count, &is_fine);
    if (!is_fine || !attach_customers_of(partition, frame))
        return damaged(reason, "a partition's customers are wrong");
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = streams[i].event > index->roster.event_count
                             ? index->source.stream_count
                             : index_stream_find(index, streams[i].event, streams[i].is_any != 0);
        if (place == index->source.stream_count ||
            !attach_stream(index, partition, frame, i, &streams[i], &partition->streams[place]))
            return damaged(reason, "a partition's stream is wrong");
    }
    return 0;
}

// --- columns ---

static bool attach_texts(Index *index, IndexPartition *partition, const Frame *frame) {
    uint64_t count, bytes;
    const uint64_t *offsets =
        index_frame_section(frame, COLUMNS_TEXT_OFFSETS, sizeof *offsets, &count);
    const char *data = index_frame_section(frame, COLUMNS_TEXT_BYTES, 1, &bytes);
    if (offsets == NULL || data == NULL || count == 0 ||
        count - 1 >= INDEX_TEXT_NONE - partition->text_count || !ascends_u64(offsets, count, bytes))
        return false;
    partition->texts =
        base_arena_grow(index->arena, partition->texts, partition->text_piece_count,
                        partition->text_piece_count + (size_t)1, sizeof *partition->texts);
    partition->texts[partition->text_piece_count++] =
        (IndexTexts){partition->text_count, (uint32_t)(count - 1), offsets, data};
    partition->text_count += (uint32_t)(count - 1);
    return true;
}

static bool are_texts(const IndexPartition *partition, const uint32_t *texts, uint64_t first,
                      uint64_t count) {
    bool is_fine = true;
    for (uint64_t i = first; i < count; i++)
        is_fine &= texts[i] < partition->text_count;
    return is_fine;
}

static bool attach_entries(const IndexPartition *partition, const Frame *frame, uint32_t first,
                           BlockCoding *coding) {
    bool is_fine = true;
    uint64_t items;
    switch (coding->kind) {
    case BLOCK_CODE_LINEAR:
        return coding->scale > 0;
    case BLOCK_CODE_DOUBLE:
        return coding->width == 8;
    case BLOCK_CODE_WHOLE:
        coding->integers = exact(frame, first + COLUMN_ENTRIES, sizeof *coding->integers,
                                 coding->code_count, &is_fine);
        return is_fine;
    case BLOCK_CODE_NUMBER:
        coding->numbers = exact(frame, first + COLUMN_ENTRIES, sizeof *coding->numbers,
                                coding->code_count, &is_fine);
        return is_fine;
    case BLOCK_CODE_TEXT:
        coding->texts = exact(frame, first + COLUMN_ENTRIES, sizeof *coding->texts,
                              coding->code_count, &is_fine);
        return is_fine && are_texts(partition, coding->texts, 1, coding->code_count);
    case BLOCK_CODE_LIST:
        coding->first_item = exact(frame, first + COLUMN_ENTRIES, sizeof *coding->first_item,
                                   coding->code_count + 1, &is_fine);
        coding->items =
            index_frame_section(frame, first + COLUMN_ITEMS, sizeof *coding->items, &items);
        return is_fine && coding->items != NULL &&
               ascends_u64(coding->first_item, coding->code_count + 1, items) &&
               are_texts(partition, coding->items, 0, items);
    }
    return false;
}

static bool fits_type(BlockCodeKind kind, ValueType type) {
    switch (kind) {
    case BLOCK_CODE_LINEAR:
    case BLOCK_CODE_WHOLE:
        return type == VALUE_BOOLEAN || type == VALUE_INTEGER || type == VALUE_DECIMAL ||
               type == VALUE_TIME || type == VALUE_DATE;
    case BLOCK_CODE_NUMBER:
    case BLOCK_CODE_DOUBLE:
        return type == VALUE_NUMBER;
    case BLOCK_CODE_TEXT:
        return type == VALUE_TEXT;
    case BLOCK_CODE_LIST:
        return type == VALUE_LIST;
    }
    return false;
}

// The column's place in its stream; NULL when it has none or is there already.
static IndexColumnPart *find_column(const Index *index, const IndexPartition *partition,
                                    const IndexColumn *wanted, bool is_any,
                                    IndexStreamPart **ret_stream) {
    for (uint32_t s = 0; s < index->source.stream_count; s++) {
        const BlockStreamInfo *info = &index->source.streams[s];
        if (info->is_any != is_any || !base_str_equal(info->event, wanted->event))
            continue;
        *ret_stream = &partition->streams[s];
        for (uint32_t c = 0; c < info->column_count; c++) {
            IndexColumnPart *column = &partition->streams[s].columns[c];
            if (info->columns[c].type == wanted->type &&
                base_str_equal(info->columns[c].column, wanted->column))
                return column->codes == NULL ? column : NULL;
        }
    }
    return NULL;
}

static bool attach_column(Index *index, IndexPartition *partition, const Frame *frame,
                          uint32_t number, const ColumnRecord *record) {
    if (record->wanted >= index->roster.wanted_count)
        return false;
    const IndexColumn *wanted = &index->roster.wanted[record->wanted];
    IndexStreamPart *stream = NULL;
    IndexColumnPart *column = find_column(index, partition, wanted, record->is_any != 0, &stream);
    uint8_t width = record->width;
    if (column == NULL || stream->block_row == NULL ||
        (width != 1 && width != 2 && width != 4 && width != 8) || record->code_count == 0 ||
        !fits_type((BlockCodeKind)record->kind, wanted->type))
        return false;
    uint32_t first = COLUMNS_FIXED_COUNT + number * COLUMN_SECTION_COUNT;
    bool is_fine = true;
    column->coding = (BlockCoding){
        .id = column->coding.id,
        .kind = (BlockCodeKind)record->kind,
        .type = wanted->type,
        .width = width,
        .has_null = record->has_null != 0,
        .code_count = record->code_count,
        .base = record->base,
        .scale = record->scale,
    };
    column->codes = exact(frame, first + COLUMN_CODES, width, stream->row_count, &is_fine);
    column->checks =
        exact(frame, first + COLUMN_CHECKS, sizeof(uint64_t), partition->block_count, &is_fine);
    column->is_checked = new_checked(index, frame, partition->block_count);
    return is_fine && attach_entries(partition, frame, first, &column->coding);
}

int index_attach_columns(Index *index, uint32_t number, const Frame *frame, Text *reason) {
    IndexPartition *partition = &index->partitions[number];
    uint64_t count;
    const ColumnRecord *records = index_frame_section(frame, COLUMNS_META, sizeof *records, &count);
    if (records == NULL ||
        frame->section_count != COLUMNS_FIXED_COUNT + count * COLUMN_SECTION_COUNT)
        return damaged(reason, "a description of columns is wrong");
    if (!attach_texts(index, partition, frame))
        return damaged(reason, "texts are wrong");
    for (uint32_t i = 0; i < count; i++) {
        if (!attach_column(index, partition, frame, i, &records[i]))
            return damaged(reason, "a column is wrong");
    }
    return 0;
}

int index_attach_customers(Index *index, const Frame *frame, Text *reason) {
    uint64_t count;
    bool is_fine = true;
    index->slots = index_frame_section(frame, CUSTOMERS_SLOTS, sizeof *index->slots, &count);
    index->slot_count = count;
    index->sorted = exact(frame, CUSTOMERS_SORTED, sizeof *index->sorted,
                          index->source.customer_count, &is_fine);
    if (!is_fine || index->slots == NULL || count <= index->source.customer_count)
        return damaged(reason, "the table of customers is wrong");
    uint64_t free_count = 0; // a search ends at a free one
    for (uint64_t i = 0; i < count; i++) {
        is_fine &= index->slots[i].number <= index->source.customer_count;
        free_count += index->slots[i].number == 0;
    }
    is_fine &= free_count > 0;
    for (uint32_t i = 0; i < index->source.customer_count; i++)
        is_fine &= index->sorted[i] < index->source.customer_count;
    return is_fine ? 0 : damaged(reason, "the table of customers is wrong");
}

// --- streams of all partitions ---

static bool stream_comes_first(const BlockStreamInfo *a, const BlockStreamInfo *b) {
    int order = base_str_compare(a->event, b->event);
    return order != 0 ? order < 0 : a->is_any && !b->is_any;
}

static void add_stream(Index *index, BlockStreamInfo info) {
    BlockStreamInfo *streams = (BlockStreamInfo *)(uintptr_t)index->source.streams;
    uint32_t at = 0;
    while (at < index->source.stream_count && stream_comes_first(&streams[at], &info))
        at++;
    if (at < index->source.stream_count && !stream_comes_first(&info, &streams[at])) {
        streams[at].row_count += info.row_count;
        return;
    }
    streams = base_arena_grow(index->arena, streams, index->source.stream_count,
                              index->source.stream_count + (size_t)1, sizeof *streams);
    memmove(&streams[at + 1], &streams[at], (index->source.stream_count - at) * sizeof *streams);
    streams[at] = info;
    index->source.streams = streams;
    index->source.stream_count++;
}

static int collect_streams(Index *index, Text *reason) {
    const Roster *roster = &index->roster;
    for (uint32_t i = 0; i < roster->file_count; i++) {
        if (roster->files[i].kind != FRAME_CORE)
            continue;
        uint64_t count;
        const CoreStream *streams =
            index_frame_section(&index->frames[i], CORE_STREAMS, sizeof *streams, &count);
        if (streams == NULL || count > 2 * ((uint64_t)roster->event_count + 1))
            return damaged(reason, "a partition's description is wrong");
        for (uint64_t s = 0; s < count; s++) {
            if (streams[s].event > roster->event_count)
                return damaged(reason, "a stream is of no event type");
            bool is_named = streams[s].event < roster->event_count;
            add_stream(index, (BlockStreamInfo){
                                  .event = is_named ? roster->events[streams[s].event] : STR(""),
                                  .is_any = streams[s].is_any != 0,
                                  .row_count = streams[s].row_count,
                              });
        }
    }
    return 0;
}

static void list_columns(Index *index) {
    const Roster *roster = &index->roster;
    BlockStreamInfo *streams = (BlockStreamInfo *)(uintptr_t)index->source.streams;
    for (uint32_t s = 0; s < index->source.stream_count; s++) {
        BlockColumnInfo *columns =
            base_arena_alloc_array(index->arena, roster->wanted_count + 1, sizeof *columns);
        for (uint32_t i = 0; i < roster->wanted_count; i++) {
            if (base_str_equal(roster->wanted[i].event, streams[s].event))
                columns[streams[s].column_count++] =
                    (BlockColumnInfo){roster->wanted[i].column, roster->wanted[i].type};
        }
        streams[s].columns = columns;
    }
}

static void make_partitions(Index *index) {
    uint32_t stream_count = index->source.stream_count;
    uint32_t coding = 0;
    index->partitions = base_arena_alloc_array(index->arena, index->roster.partition_count + 1,
                                               sizeof *index->partitions);
    for (uint32_t p = 0; p < index->roster.partition_count; p++) {
        IndexPartition *partition = &index->partitions[p];
        partition->streams =
            base_arena_alloc_array(index->arena, stream_count + 1, sizeof *partition->streams);
        for (uint32_t s = 0; s < stream_count; s++) {
            uint32_t count = index->source.streams[s].column_count;
            IndexColumnPart *columns =
                base_arena_alloc_array(index->arena, count + (size_t)1, sizeof *columns);
            for (uint32_t c = 0; c < count; c++)
                columns[c].coding.id = coding++;
            partition->streams[s].columns = columns;
        }
    }
    index->source.coding_count = coding;
    index->source.partition_count = index->roster.partition_count;
}

// --- all ---

// The frames of one kind, in the order of the roster, which is that of partitions for cores.
static int attach_kind(Index *index, FrameKind kind, Text *reason) {
    uint32_t next_core = 0;
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < index->frame_count; i++) {
        const RosterFile *file = &index->roster.files[i];
        if (file->kind != kind)
            continue;
        if (kind != FRAME_CUSTOMERS && file->partition >= index->roster.partition_count)
            return damaged(reason, "a file of a partition that does not exist");
        if (kind == FRAME_CORE && file->partition != next_core++)
            return damaged(reason, "a partition comes twice or is missing");
        if (kind == FRAME_CORE)
            r = index_attach_core(index, file->partition, &index->frames[i], reason);
        else if (kind == FRAME_COLUMNS)
            r = index_attach_columns(index, file->partition, &index->frames[i], reason);
        else
            r = index_attach_customers(index, &index->frames[i], reason);
    }
    if (r == 0 && kind == FRAME_CORE && next_core != index->roster.partition_count)
        r = damaged(reason, "a partition is missing");
    return r;
}

void index_facts_set(Index *index) {
    IndexFacts *facts = &index->facts;
    *facts = (IndexFacts){
        .stamp = index->roster.stamp,
        .version = INDEX_VERSION,
        .partition_count = index->source.partition_count,
        .block_count = index->source.block_count,
        .customer_count = index->source.customer_count,
        .built_us = index->roster.built_us,
    };
    for (uint32_t s = 0; s < index->source.stream_count; s++)
        facts->event_count += index->source.streams[s].row_count;
    for (uint32_t i = 0; i < index->frame_count; i++) {
        facts->file_bytes += index->frames[i].size_bytes;
        if (index->roster.files[i].kind == FRAME_COLUMNS)
            facts->column_bytes += index->frames[i].size_bytes;
        else
            facts->core_bytes += index->frames[i].size_bytes;
    }
}

static int attach_all(Index *index, Text *reason) {
    int r = collect_streams(index, reason);
    if (r != 0)
        return r;
    list_columns(index);
    make_partitions(index);
    r = attach_kind(index, FRAME_CORE, reason);
    if (r == 0)
        r = attach_kind(index, FRAME_COLUMNS, reason);
    if (r == 0)
        r = attach_kind(index, FRAME_CUSTOMERS, reason);
    return r;
}

int index_attach(Roster *roster, Frame *frames, Str directory, Index **ret_index, Text *reason) {
    Index *index = calloc(1, sizeof *index);
    if (index == NULL)
        abort();
    atomic_init(&index->references, 1);
    index->arena = base_arena_new(SIZE_MAX);
    index->roster = *roster;
    index->directory = base_arena_str(index->arena, directory);
    index->frames = frames;
    index->frame_count = roster->file_count;
    *roster = (Roster){0};
    index_source_init(index);
    int r = attach_all(index, reason);
    if (r == 0) {
        index_facts_set(index);
        *ret_index = index;
    } else {
        index_close(index);
    }
    return r;
}
