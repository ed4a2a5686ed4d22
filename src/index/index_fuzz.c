// Files of an index with any bytes changed, also those that checksums cover: the checksums are made
// right again, so that only the checks of sizes, offsets and numbers stand between the bytes and a
// crash. The input: which file, then changes of five bytes: where (3), what (1), how many (1).
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "index/index_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_CHANGE = 5, FUZZ_HEAD = 48, FUZZ_AT_CHECKSUM = 40 };

// One small index, made once; its frames are copied for each input.
static Index *original(void) {
    static Index *index;
    if (index == NULL) {
        CrowdShape shape = {.seed = 42, .customers = 300, .rows_max = 3};
        KretsError error;
        Crowd *crowd = index_fixture_crowd(&shape);
        if (index_fixture_build(crowd, STR(""), &index, &error) < 0)
            abort();
        index_fixture_free(crowd);
    }
    return index;
}

static void repair(uint8_t *file, size_t size) {
    uint32_t count;
    memcpy(&count, file + 28, sizeof count);
    if (count > (size - FUZZ_HEAD) / sizeof(FrameSection))
        return;
    FrameSection *sections = (FrameSection *)(void *)(file + FUZZ_HEAD);
    for (uint32_t i = 0; i < count; i++) {
        FrameSection *section = &sections[i];
        if (section->offset <= size && section->size_bytes <= size - section->offset &&
            section->is_rows == 0)
            section->checksum = index_checksum(file + section->offset, section->size_bytes, 0);
    }
    uint64_t checksum = 0;
    memcpy(file + FUZZ_AT_CHECKSUM, &checksum, sizeof checksum);
    checksum =
        index_checksum(sections, count * sizeof *sections, index_checksum(file, FUZZ_HEAD, 0));
    memcpy(file + FUZZ_AT_CHECKSUM, &checksum, sizeof checksum);
}

static void change(uint8_t *file, size_t size, const uint8_t *data, size_t data_size) {
    for (; data_size >= FUZZ_CHANGE; data += FUZZ_CHANGE, data_size -= FUZZ_CHANGE) {
        size_t at = ((size_t)data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16) % size;
        for (size_t i = 0; i <= data[4] % 16 && at + i < size; i++)
            file[at + i] ^= data[3];
    }
}

// The bytes as a file that the index would open; its path is valid while the descriptor is open.
static int open_bytes(const uint8_t *bytes, size_t size, char *path, size_t path_size) {
    int file = memfd_create("index", MFD_CLOEXEC);
    if (file < 0 || write(file, bytes, size) != (ssize_t)size)
        abort();
    snprintf(path, path_size, "/proc/self/fd/%d", file);
    return file;
}

static int open_frame(const Index *from, uint32_t number, const uint8_t *data, size_t size,
                      bool is_changed, Frame *ret_frame) {
    const RosterFile *about = &from->roster.files[number];
    size_t file_size = from->frames[number].size_bytes;
    uint8_t *file = malloc(file_size);
    if (file == NULL)
        abort();
    memcpy(file, from->frames[number].data, file_size);
    if (is_changed) {
        change(file, file_size, data, size);
        repair(file, file_size);
    }
    char path[64];
    int descriptor = open_bytes(file, file_size, path, sizeof path);
    FrameName name = {about->kind, from->roster.build_id, about->partition};
    KretsError error;
    int r = index_frame_open(path, name, false, ret_frame, NULL, &error);
    close(descriptor);
    free(file);
    return r;
}

// Every block and some customers, every code looked up as the kernel would.
static void read_rows(const Index *index, const Block *block) {
    const BlockSource *source = index_source(index);
    uint64_t sum = 0;
    for (uint32_t s = 0; s < source->stream_count; s++) {
        const BlockStream *stream = &block->streams[s];
        for (size_t row = 0; row < stream->count; row++) {
            sum += (uint64_t)data_block_time(block->time, stream, row);
            sum += data_block_tie(stream, row) + stream->customer[row];
        }
        for (uint32_t c = 0; c < source->streams[s].column_count && stream->count > 0; c++) {
            const BlockCoding *coding = stream->columns[c].coding;
            for (uint64_t code = 1; coding != NULL && code < coding->code_count; code++) {
                if (coding->kind == BLOCK_CODE_TEXT)
                    sum += source->text(source->context, block->partition, coding->texts[code])
                               .size_bytes;
                else if (coding->kind == BLOCK_CODE_LIST)
                    sum += coding->first_item[code + 1] - coding->first_item[code];
                else
                    break;
            }
        }
    }
    for (uint32_t i = 0; i < block->customer_count; i++) {
        uint32_t ordinal;
        Str id = source->customer_id(source->context, block->first_ordinal + i);
        sum += index_customer_find(index, id, &ordinal) ? ordinal : 0;
        sum += (uint64_t)block->first_us[i] + (uint64_t)block->first_any_us[i];
    }
    static uint64_t kept; // so that nothing is optimised away
    __atomic_fetch_add(&kept, sum, __ATOMIC_RELAXED);
}

static void read_all(const Index *index) {
    const BlockSource *source = index_source(index);
    uint8_t streams[64], columns[64];
    const uint8_t *columns_of[64];
    memset(streams, 1, sizeof streams);
    memset(columns, 1, sizeof columns);
    for (size_t i = 0; i < 64; i++)
        columns_of[i] = columns;
    if (source->stream_count > 64)
        abort();
    BlockNeeds needs = {streams, columns_of};
    BlockScratch *scratch = source->scratch_new(source->context);
    Block block;
    KretsError error;
    for (uint32_t b = 0; b < source->block_count; b++) {
        if (source->block(source->context, scratch, b, &needs, &block, &error) == 0)
            read_rows(index, &block);
    }
    for (uint32_t i = 0; i < source->customer_count; i += 50) {
        if (source->customer(source->context, scratch, i, &needs, &block, &error) == 0)
            read_rows(index, &block);
    }
    source->scratch_free(scratch);
}

static void run_roster(const uint8_t *data, size_t size) {
    BASE_TEXT_SCOPED bytes = {0};
    index_roster_print(&bytes, &original()->roster);
    change((uint8_t *)bytes.data, bytes.size_bytes, data, size);
    Roster roster;
    if (index_roster_parse(base_text_str(&bytes), &roster) == 0)
        index_roster_done(&roster);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Index *from = original();
    if (size == 0)
        return 0;
    uint32_t count = from->roster.file_count, changed = data[0] % (count + 1);
    if (changed == count) {
        run_roster(data + 1, size - 1);
        return 0;
    }
    Frame *frames = calloc(count, sizeof *frames);
    Roster roster;
    index_roster_copy(&roster, &from->roster);
    int r = frames == NULL ? -1 : 0;
    for (uint32_t i = 0; r == 0 && i < count; i++) {
        r = open_frame(from, i, data + 1, size - 1, i == changed, &frames[i]);
        index_roster_add_file(&roster, from->roster.files[i]);
    }
    Index *index = NULL;
    if (r == 0) {
        BASE_TEXT_SCOPED reason = {0};
        r = index_attach(&roster, frames, STR("fuzz"), &index, &reason);
        if (r == 0)
            read_all(index);
        index_close(index);
        return 0;
    }
    for (uint32_t i = 0; i < count; i++)
        index_frame_close(&frames[i]);
    free(frames);
    index_roster_done(&roster);
    return 0;
}
