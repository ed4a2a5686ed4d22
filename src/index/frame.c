// Frames: files of sections, each with its checksum, mapped into memory.
//
// Header, table of sections, then the sections at multiples of 64 bytes. Numbers are little-endian.
// Behind the last section lie 64 zero bytes, so that a vector load at the end of a section stays
// inside the file.
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "index/index_private.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "frames are written as they lie in memory");

enum { FRAME_ALIGN = 64, FRAME_SECTIONS_MAX = 1 << 22, FRAME_WRITE_BYTES = 1 << 26 };
static const char frame_magic[8] = {'K', 'R', 'E', 'T', 'S', 'I', 'X', '\n'};

typedef struct FrameHeader {
    char magic[8];
    uint32_t version, kind;
    uint64_t build_id;
    uint32_t partition, section_count;
    uint64_t size_bytes; // of the file
    uint64_t checksum;   // of this header, with 0 here, and the table
} FrameHeader;

uint64_t index_checksum(const void *data, size_t size, uint64_t seed) {
    return XXH3_64bits_withSeed(data, size, seed);
}

static uint64_t align_up(uint64_t size) {
    return (size + FRAME_ALIGN - 1) & ~(uint64_t)(FRAME_ALIGN - 1);
}

static uint64_t head_checksum(FrameHeader header, const FrameSection *sections) {
    header.checksum = 0;
    return index_checksum(sections, header.section_count * sizeof *sections,
                          index_checksum(&header, sizeof header, 0));
}

// --- making ---

// The header and the table behind it; to be freed.
static FrameHeader *make_head(FrameName name, const FramePart *parts, size_t count,
                              uint64_t *ret_size) {
    assert(count <= FRAME_SECTIONS_MAX);
    uint64_t at = align_up(sizeof(FrameHeader) + count * sizeof(FrameSection));
    FrameHeader *header = calloc(1, (size_t)at);
    if (header == NULL)
        abort();
    FrameSection *sections = (FrameSection *)(header + 1);
    *ret_size = at;
    for (size_t i = 0; i < count; i++) {
        sections[i] =
            (FrameSection){at, parts[i].size_bytes,
                           index_checksum(parts[i].data, parts[i].size_bytes, 0), parts[i].is_rows};
        at += align_up(parts[i].size_bytes);
    }
    memcpy(header->magic, frame_magic, sizeof frame_magic);
    header->version = INDEX_VERSION;
    header->kind = name.kind;
    header->build_id = name.build_id;
    header->partition = name.partition;
    header->section_count = (uint32_t)count;
    header->size_bytes = at + FRAME_ALIGN;
    header->checksum = head_checksum(*header, sections);
    return header;
}

static void set_frame(Frame *frame, const uint8_t *data, size_t size, bool is_mapped) {
    const FrameHeader *header = (const FrameHeader *)(const void *)data;
    *frame = (Frame){.data = data,
                     .size_bytes = size,
                     .is_mapped = is_mapped,
                     .section_count = header->section_count,
                     .sections = (const FrameSection *)(const void *)(header + 1),
                     .checksum = header->checksum};
}

static int make_in_memory(const FrameHeader *header, uint64_t head_size, const FramePart *parts,
                          Frame *ret_frame, KretsError *error) {
    uint8_t *data = aligned_alloc(FRAME_ALIGN, (size_t)header->size_bytes);
    if (data == NULL)
        return base_error_set(error, BASE_E_RESOURCES,
                              "no memory for an index of %zu MiB: give the program more",
                              (size_t)header->size_bytes >> 20);
    memset(data, 0, (size_t)header->size_bytes);
    memcpy(data, header, (size_t)head_size);
    const FrameSection *sections = (const FrameSection *)(header + 1);
    for (uint32_t i = 0; i < header->section_count; i++) {
        if (parts[i].size_bytes > 0)
            memcpy(data + sections[i].offset, parts[i].data, parts[i].size_bytes);
    }
    set_frame(ret_frame, data, (size_t)header->size_bytes, false);
    return 0;
}

static bool write_all(int file, const void *data, size_t size) {
    const char *at = data;
    while (size > 0) {
        ssize_t written = write(file, at, size < FRAME_WRITE_BYTES ? size : FRAME_WRITE_BYTES);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

static bool write_parts(int file, const FrameHeader *header, uint64_t head_size,
                        const FramePart *parts) {
    static const char zeros[FRAME_ALIGN];
    if (!write_all(file, header, (size_t)head_size))
        return false;
    for (uint32_t i = 0; i < header->section_count; i++) {
        size_t size = parts[i].size_bytes;
        if (!write_all(file, parts[i].data, size) ||
            !write_all(file, zeros, (size_t)align_up(size) - size))
            return false;
    }
    return write_all(file, zeros, FRAME_ALIGN) && fsync(file) == 0;
}

static int report(KretsError *error, const char *what, const char *path) {
    int cause = errno;
    bool is_full = cause == ENOSPC || cause == EDQUOT || cause == ENOMEM;
    return base_error_set(error, is_full ? BASE_E_RESOURCES : BASE_E_STORE, "cannot %s %s: %s",
                          what, path, strerror(cause));
}

static int map_file(int file, const char *path, size_t size, Frame *ret_frame, KretsError *error) {
    void *data = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
    if (data == MAP_FAILED)
        return report(error, "map", path);
    set_frame(ret_frame, data, size, true);
    return 0;
}

static int make_file(const char *path, const FrameHeader *header, uint64_t head_size,
                     const FramePart *parts, Frame *ret_frame, KretsError *error) {
    unlink(path); // never into a file that somebody has mapped
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0)
        return report(error, "write", path);
    int r = write_parts(file, header, head_size, parts) ? 0 : report(error, "write", path);
    if (r == 0)
        r = map_file(file, path, (size_t)header->size_bytes, ret_frame, error);
    close(file);
    if (r < 0)
        unlink(path);
    return r;
}

int index_frame_make(const char *path, FrameName name, const FramePart *parts, size_t count,
                     Frame *ret_frame, KretsError *error) {
    uint64_t head_size;
    FrameHeader *header = make_head(name, parts, count, &head_size);
    int r = path == NULL ? make_in_memory(header, head_size, parts, ret_frame, error)
                         : make_file(path, header, head_size, parts, ret_frame, error);
    free(header);
    return r;
}

// --- opening ---

static bool is_zero(const uint8_t *bytes, size_t count) {
    uint8_t any = 0;
    for (size_t i = 0; i < count; i++)
        any |= bytes[i];
    return any == 0;
}

// What is wrong with a mapped frame; NULL: nothing. Sections lie one behind the other with zeros
// between them, so that there is no byte that nothing looks at.
static const char *find_damage(const Frame *frame, bool is_thorough) {
    uint64_t end = sizeof(FrameHeader) + frame->section_count * sizeof(FrameSection);
    uint64_t at = align_up(end);
    for (uint32_t i = 0; i < frame->section_count; i++) {
        const FrameSection *section = &frame->sections[i];
        if (section->offset != at || at > frame->size_bytes ||
            section->size_bytes > frame->size_bytes - at)
            return "a section lies outside of the file";
        if (!is_zero(frame->data + end, (size_t)(at - end)))
            return "there is something between sections";
        bool is_now = is_thorough || section->is_rows == 0;
        if (is_now && index_checksum(frame->data + section->offset, (size_t)section->size_bytes,
                                     0) != section->checksum)
            return "a checksum is wrong";
        end = at + section->size_bytes;
        at = align_up(end);
    }
    if (at + FRAME_ALIGN != frame->size_bytes ||
        !is_zero(frame->data + end, (size_t)(frame->size_bytes - end)))
        return "there is something behind the last section";
    return NULL;
}

static int refuse(const char *path, int outcome, const char *what, Text *reason) {
    if (reason != NULL)
        base_text_printf(reason, "%s: %s", path, what);
    return outcome;
}

static int check_head(const char *path, const FrameHeader *header, size_t size, FrameName name,
                      Text *reason) {
    assert(header != NULL && size >= sizeof *header);
    if (memcmp(header->magic, frame_magic, sizeof frame_magic) != 0)
        return refuse(path, INDEX_DAMAGED, "not a file of an index", reason);
    if (header->size_bytes != size)
        return refuse(path, INDEX_DAMAGED, "the file is not as long as it was", reason);
    if (header->section_count > (size - sizeof *header) / sizeof(FrameSection) ||
        header->section_count > FRAME_SECTIONS_MAX)
        return refuse(path, INDEX_DAMAGED, "the table of sections is cut off", reason);
    if (header->checksum != head_checksum(*header, (const FrameSection *)(header + 1)))
        return refuse(path, INDEX_DAMAGED, "the checksum of its head is wrong", reason);
    if (header->version > INDEX_VERSION)
        return refuse(path, INDEX_NEWER, "made by a newer version of the program", reason);
    if (header->version < INDEX_VERSION)
        return refuse(path, INDEX_OUTDATED, "made by an older version of the program", reason);
    if (header->kind != name.kind || header->partition != name.partition ||
        (name.build_id != 0 && header->build_id != name.build_id))
        return refuse(path, INDEX_DAMAGED, "a file of another index", reason);
    return 0;
}

int index_frame_open(const char *path, FrameName name, bool is_thorough, Frame *ret_frame,
                     Text *reason, KretsError *error) {
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 && errno == ENOENT)
        return refuse(path, INDEX_MISSING, "there is no such file", reason);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) {
        int r = report(error, "open", path);
        if (file >= 0)
            close(file);
        return r;
    }
    int r = 0;
    Frame frame = {0};
    if (!S_ISREG(status.st_mode) || (size_t)status.st_size < sizeof(FrameHeader))
        r = refuse(path, INDEX_DAMAGED, "too short to be a file of an index", reason);
    else
        r = map_file(file, path, (size_t)status.st_size, &frame, error);
    close(file);
    if (r == 0)
        r = check_head(path, (const FrameHeader *)(const void *)frame.data, frame.size_bytes, name,
                       reason);
    const char *damage = r == 0 ? find_damage(&frame, is_thorough) : NULL;
    if (damage != NULL)
        r = refuse(path, INDEX_DAMAGED, damage, reason);
    if (r == 0)
        *ret_frame = frame;
    else
        index_frame_close(&frame);
    return r;
}

void index_frame_close(Frame *frame) {
    if (frame->data == NULL)
        return;
    if (frame->is_mapped)
        munmap((void *)(uintptr_t)frame->data, frame->size_bytes);
    else
        free((void *)(uintptr_t)frame->data);
    *frame = (Frame){0};
}

uint64_t index_frame_build(const Frame *frame) {
    return ((const FrameHeader *)(const void *)frame->data)->build_id;
}

const void *index_frame_section(const Frame *frame, uint32_t section, size_t item_bytes,
                                uint64_t *ret_count) {
    *ret_count = 0;
    if (section >= frame->section_count || frame->sections[section].size_bytes % item_bytes != 0)
        return NULL;
    *ret_count = frame->sections[section].size_bytes / item_bytes;
    return frame->data + frame->sections[section].offset;
}
