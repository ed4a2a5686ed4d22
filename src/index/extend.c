// More columns for an index: the same events once more, matched by place.
#include <assert.h>
#include <string.h>

#include "base/calendar.h"
#include "index/index_private.h"

bool index_extend_texts(Gather *gather, const IndexPartition *partition) {
    for (uint32_t i = 0; i < partition->text_count; i++) {
        Str text = index_partition_text(partition, i);
        uint32_t number =
            index_pool_add(gather->memory, &gather->texts, text.data, text.size_bytes);
        if (number == INDEX_TEXT_NONE)
            return false;
        assert(number == i);
    }
    gather->text_known = partition->text_count;
    return true;
}

static bool has_same_customers(const Gather *gather, const IndexPartition *partition) {
    size_t size = partition->customer_count * sizeof *partition->id_offsets;
    return gather->customer_count == partition->customer_count &&
           gather->id_offsets.size_bytes == size &&
           (size == 0 ||
            (memcmp(gather->id_offsets.data, partition->id_offsets, size) == 0 &&
             memcmp(gather->ids.data, partition->id_bytes, gather->ids.size_bytes) == 0));
}

static bool has_same_times(const GatherStream *stream, const IndexPartition *partition,
                           const IndexStreamPart *part) {
    const int64_t *times = (const int64_t *)(const void *)stream->time_us.data;
    BlockStream rows = {.count = UINT32_MAX, .tick = part->tick, .rest = part->rest};
    rows.rest_width = part->rest_width;
    bool is_same = true;
    for (uint64_t i = 0; i < stream->row_count; i++)
        is_same &= times[i] == data_block_time(&partition->time, &rows, i);
    return is_same;
}

static bool has_same_rows(const GatherStream *stream, const IndexPartition *partition,
                          const IndexStreamPart *part) {
    size_t blocks = (partition->block_count + (size_t)1) * sizeof(uint64_t);
    if (part->block_row == NULL || stream->row_count != part->row_count ||
        stream->block_row.size_bytes != blocks ||
        memcmp(stream->block_row.data, part->block_row, blocks) != 0)
        return false;
    return stream->row_count == 0 ||
           (memcmp(stream->lane.data, part->lane, stream->row_count) == 0 &&
            has_same_times(stream, partition, part));
}

bool index_extend_matches(const Gather *gather, const Index *index, uint32_t number) {
    const IndexPartition *partition = &index->partitions[number];
    if (!has_same_customers(gather, partition))
        return false;
    uint32_t part_count = 0;
    for (uint32_t s = 0; s < index->source.stream_count; s++)
        part_count += partition->streams[s].block_row != NULL;
    if (part_count != gather->stream_count)
        return false;
    for (uint32_t i = 0; i < gather->stream_count; i++) {
        const GatherStream *stream = &gather->streams[i];
        uint32_t place = index_stream_find(index, stream->event, stream->is_any);
        if (place == index->source.stream_count ||
            !has_same_rows(stream, partition, &partition->streams[place]))
            return false;
    }
    return true;
}
