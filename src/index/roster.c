// The roster: which files of the folder make up the index, and what they are about.
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "index/index_private.h"

#define ROSTER_FILE "roster"

void index_roster_init(Roster *roster) {
    *roster = (Roster){.arena = base_arena_new(SIZE_MAX)};
}

void index_roster_done(Roster *roster) {
    base_arena_free(roster->arena);
    *roster = (Roster){0};
}

void index_roster_copy(Roster *to, const Roster *from) {
    Arena *arena = base_arena_new(SIZE_MAX);
    *to = *from;
    to->arena = arena;
    to->stamp = base_arena_str(arena, from->stamp);
    to->events = base_arena_alloc_array(arena, from->event_count + (size_t)1, sizeof *to->events);
    for (uint32_t i = 0; i < from->event_count; i++)
        to->events[i] = base_arena_str(arena, from->events[i]);
    to->wanted = base_arena_alloc_array(arena, from->wanted_count + (size_t)1, sizeof *to->wanted);
    for (uint32_t i = 0; i < from->wanted_count; i++)
        to->wanted[i] = (IndexColumn){.event = base_arena_str(arena, from->wanted[i].event),
                                      .column = base_arena_str(arena, from->wanted[i].column),
                                      .type = from->wanted[i].type};
    to->files = NULL;
    to->file_count = to->file_room = 0;
}

void index_roster_add_file(Roster *roster, RosterFile file) {
    if (roster->file_count == roster->file_room) {
        uint32_t room = roster->file_room * 2 + 16;
        roster->files = base_arena_grow(roster->arena, roster->files, roster->file_count, room,
                                        sizeof *roster->files);
        roster->file_room = room;
    }
    file.name = base_arena_str(roster->arena, file.name);
    roster->files[roster->file_count++] = file;
}

uint32_t index_roster_event(const Roster *roster, Str event) {
    uint32_t i = 0;
    while (i < roster->event_count && !base_str_equal(roster->events[i], event))
        i++;
    return i;
}

uint32_t index_roster_wanted(const Roster *roster, IndexColumn column) {
    uint32_t i = 0;
    for (; i < roster->wanted_count; i++) {
        const IndexColumn *here = &roster->wanted[i];
        if (here->type == column.type && base_str_equal(here->event, column.event) &&
            base_str_equal(here->column, column.column))
            break;
    }
    return i;
}

// --- as bytes ---

static void print_number(Text *out, uint64_t number) {
    base_text_append(out, (Str){(const char *)&number, sizeof number});
}

static void print_text(Text *out, Str text) {
    print_number(out, text.size_bytes);
    base_text_append(out, text);
}

void index_roster_print(Text *out, const Roster *roster) {
    print_number(out, roster->generation);
    print_number(out, (uint64_t)roster->built_us);
    print_text(out, roster->stamp);
    print_number(out, roster->partition_count);
    print_number(out, roster->event_count);
    for (uint32_t i = 0; i < roster->event_count; i++)
        print_text(out, roster->events[i]);
    print_number(out, roster->wanted_count);
    for (uint32_t i = 0; i < roster->wanted_count; i++) {
        print_text(out, roster->wanted[i].event);
        print_text(out, roster->wanted[i].column);
        print_number(out, roster->wanted[i].type);
    }
    print_number(out, roster->file_count);
    for (uint32_t i = 0; i < roster->file_count; i++) {
        print_text(out, roster->files[i].name);
        print_number(out, roster->files[i].kind);
        print_number(out, roster->files[i].partition);
        print_number(out, roster->files[i].checksum);
    }
}

// What is left to be read; after a fault it yields zeros.
typedef struct RosterReader {
    Str left;
    Arena *arena;
    bool is_bad;
} RosterReader;

static uint64_t read_number(RosterReader *reader) {
    uint64_t number = 0;
    if (reader->left.size_bytes < sizeof number) {
        reader->is_bad = true;
        return 0;
    }
    memcpy(&number, reader->left.data, sizeof number);
    reader->left.data += sizeof number;
    reader->left.size_bytes -= sizeof number;
    return number;
}

static uint64_t read_up_to(RosterReader *reader, uint64_t max) {
    uint64_t number = read_number(reader);
    reader->is_bad |= number > max;
    return reader->is_bad ? 0 : number;
}

static Str read_text(RosterReader *reader) {
    uint64_t size = read_up_to(reader, reader->left.size_bytes);
    if (size > reader->left.size_bytes) {
        reader->is_bad = true;
        return STR("");
    }
    Str text = base_arena_str(reader->arena, (Str){reader->left.data, (size_t)size});
    reader->left.data += size;
    reader->left.size_bytes -= (size_t)size;
    return text;
}

// A count of things that take at least 8 bytes each.
static uint32_t read_count(RosterReader *reader) {
    return (uint32_t)read_up_to(reader, reader->left.size_bytes / sizeof(uint64_t));
}

static void read_columns(RosterReader *reader, Roster *roster) {
    roster->wanted_count = read_count(reader);
    roster->wanted = base_arena_alloc_array(roster->arena, roster->wanted_count + (size_t)1,
                                            sizeof *roster->wanted);
    for (uint32_t i = 0; i < roster->wanted_count; i++) {
        roster->wanted[i].event = read_text(reader);
        roster->wanted[i].column = read_text(reader);
        roster->wanted[i].type = (ValueType)read_up_to(reader, VALUE_TYPE_COUNT - 1);
    }
}

static bool is_plain_name(Str name) {
    return name.size_bytes > 0 && name.data[0] != '.' &&
           memchr(name.data, '/', name.size_bytes) == NULL;
}

static void read_files(RosterReader *reader, Roster *roster) {
    uint32_t count = read_count(reader);
    for (uint32_t i = 0; i < count && !reader->is_bad; i++) {
        RosterFile file = {.name = read_text(reader)};
        file.kind = (FrameKind)read_up_to(reader, FRAME_CUSTOMERS);
        file.partition = (uint32_t)read_up_to(reader, UINT32_MAX);
        file.checksum = read_number(reader);
        reader->is_bad |= !is_plain_name(file.name) || file.kind < FRAME_CORE;
        index_roster_add_file(roster, file);
    }
}

int index_roster_parse(Str bytes, Roster *ret_roster) {
    Roster roster;
    index_roster_init(&roster);
    RosterReader reader = {.left = bytes, .arena = roster.arena};
    roster.generation = read_number(&reader);
    roster.built_us = (int64_t)read_number(&reader);
    roster.stamp = read_text(&reader);
    roster.partition_count = (uint32_t)read_up_to(&reader, UINT16_MAX);
    roster.event_count = read_count(&reader);
    roster.events =
        base_arena_alloc_array(roster.arena, roster.event_count + (size_t)1, sizeof *roster.events);
    for (uint32_t i = 0; i < roster.event_count; i++)
        roster.events[i] = read_text(&reader);
    read_columns(&reader, &roster);
    read_files(&reader, &roster);
    if (reader.is_bad || reader.left.size_bytes > 0) {
        index_roster_done(&roster);
        return INDEX_DAMAGED;
    }
    *ret_roster = roster;
    return 0;
}

// --- in the folder ---

static int fail_folder(Str directory, const char *what, KretsError *error) {
    int cause = errno;
    return base_error_set(error, cause == ENOSPC ? BASE_E_RESOURCES : BASE_E_STORE,
                          "cannot %s %.*s: %s", what, STR_ARG(directory), strerror(cause));
}

static int sync_folder(Str directory, KretsError *error) {
    BASE_TEXT_SCOPED path = {0};
    base_text_append(&path, directory);
    int folder = open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_fine = folder >= 0 && (fsync(folder) == 0 || errno == EINVAL);
    int r = is_fine ? 0 : fail_folder(directory, "make durable", error);
    if (folder >= 0)
        close(folder);
    return r;
}

int index_roster_save(const Roster *roster, Str directory, KretsError *error) {
    assert(directory.size_bytes > 0);
    BASE_TEXT_SCOPED bytes = {0}, path = {0}, temporary = {0};
    index_roster_print(&bytes, roster);
    base_text_printf(&path, "%.*s/" ROSTER_FILE, STR_ARG(directory));
    base_text_printf(&temporary, "%s.new", path.data);
    FramePart part = {bytes.data, bytes.size_bytes, false};
    FrameName name = {FRAME_ROSTER, roster->build_id, 0};
    Frame frame = {0};
    int r = sync_folder(directory, error); // the files that it names come first
    if (r == 0)
        r = index_frame_make(temporary.data, name, &part, 1, &frame, error);
    if (r < 0)
        return r;
    index_frame_close(&frame);
    base_fault_point("index_roster_written");
    if (rename(temporary.data, path.data) != 0)
        return fail_folder(directory, "write the roster of", error);
    return sync_folder(directory, error);
}

int index_roster_load(Str directory, Roster *ret_roster, Text *reason, KretsError *error) {
    BASE_TEXT_SCOPED path = {0};
    base_text_printf(&path, "%.*s/" ROSTER_FILE, STR_ARG(directory));
    Frame frame = {0};
    FrameName name = {FRAME_ROSTER, 0, 0};
    int r = index_frame_open(path.data, name, true, &frame, reason, error);
    if (r != 0)
        return r;
    uint64_t size;
    const char *bytes = index_frame_section(&frame, 0, 1, &size);
    r = bytes == NULL ? INDEX_DAMAGED : index_roster_parse((Str){bytes, size}, ret_roster);
    if (r == 0)
        ret_roster->build_id = index_frame_build(&frame);
    else if (reason != NULL)
        base_text_printf(reason, "%s: its content makes no sense", path.data);
    index_frame_close(&frame);
    return r;
}

static bool is_named(const Roster *roster, const char *name) {
    if (strcmp(name, ROSTER_FILE) == 0)
        return roster != NULL;
    for (uint32_t i = 0; roster != NULL && i < roster->file_count; i++) {
        if (base_str_equal(roster->files[i].name, base_str_from(name)))
            return true;
    }
    return false;
}

// Only what an index writes: its files end with ".index", and the roster.
static bool is_ours(const char *name) {
    Str text = base_str_from(name);
    return base_str_ends(text, STR(".index")) || strcmp(name, ROSTER_FILE) == 0 ||
           strcmp(name, ROSTER_FILE ".new") == 0;
}

int index_roster_sweep(const Roster *roster, Str directory, KretsError *error) {
    BASE_TEXT_SCOPED path = {0};
    base_text_append(&path, directory);
    DIR *folder = opendir(path.data);
    if (folder == NULL)
        return fail_folder(directory, "read", error);
    int r = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (!is_ours(entry->d_name) || is_named(roster, entry->d_name))
            continue;
        if (unlinkat(dirfd(folder), entry->d_name, 0) != 0 && errno != ENOENT)
            r = fail_folder(directory, "remove an old file of", error);
    }
    closedir(folder);
    return r;
}
