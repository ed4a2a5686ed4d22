// Building an index: partitions are gathered, written one by one, and put in place together.
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "index/index_private.h"

typedef struct BuildPartition {
    Gather *gather;            // while it is open
    bool is_ended, is_refused; // refused: its events are not those of the index to extend
    Frame core, columns;
} BuildPartition;

struct IndexBuilder {
    IndexBuild build; // with texts of its own
    Arena *arena;
    IndexMemory memory;
    Roster roster; // of the index to be; given away to it in the end
    uint64_t generation;
    uint32_t first_wanted;
    BuildPartition *partitions;
    Index *base; // what is extended; NULL: nothing
    int lock;    // descriptor; -1: none
};

// --- beginning ---

static const Str *copy_texts(Arena *arena, const Str *texts, size_t count) {
    Str *copies = base_arena_alloc_array(arena, count + 1, sizeof *copies);
    for (size_t i = 0; i < count; i++)
        copies[i] = base_arena_str(arena, texts[i]);
    return copies;
}

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static IndexBuilder *new_builder(const IndexBuild *build) {
    IndexBuilder *builder = calloc(1, sizeof *builder);
    if (builder == NULL || sodium_init() < 0)
        abort();
    Arena *arena = base_arena_new(SIZE_MAX);
    builder->arena = arena;
    builder->lock = -1;
    builder->build = *build;
    builder->build.directory = base_arena_str(arena, build->directory);
    builder->build.stamp = base_arena_str(arena, build->stamp);
    builder->build.events = copy_texts(arena, build->events, build->event_count);
    builder->build.columns = copy_texts(arena, build->columns, build->column_count);
    ValueType *types = base_arena_alloc_array(arena, build->column_count + 1, sizeof *types);
    if (build->column_count > 0)
        memcpy(types, build->types, build->column_count * sizeof *types);
    builder->build.types = types;
    builder->build.wanted = NULL; // see the roster
    builder->memory.limit_bytes = build->memory_bytes == 0 ? SIZE_MAX : build->memory_bytes;
    builder->partitions = base_arena_alloc_array(arena, build->partition_count + (size_t)1,
                                                 sizeof *builder->partitions);
    return builder;
}

static bool has_files(const IndexBuilder *builder) {
    return builder->build.directory.size_bytes > 0;
}

static int lock_folder(IndexBuilder *builder, KretsError *error) {
    Str directory = builder->build.directory;
    BASE_TEXT_SCOPED path = {0};
    base_text_append(&path, directory);
    if (mkdir(path.data, 0755) != 0 && errno != EEXIST)
        return base_error_set(error, BASE_E_STORE, "cannot make the folder %s: %s", path.data,
                              strerror(errno));
    base_text_append(&path, STR("/lock"));
    builder->lock = open(path.data, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (builder->lock < 0)
        return base_error_set(error, BASE_E_STORE, "cannot open %s: %s", path.data,
                              strerror(errno));
    if (flock(builder->lock, LOCK_EX | LOCK_NB) != 0) {
        close(builder->lock); // what lies in the folder is the other one's
        builder->lock = -1;
        return base_error_set(error, BASE_E_STORE,
                              "the index in %.*s is being built already: wait for it",
                              STR_ARG(directory));
    }
    return 0;
}

// Columns that the roster does not list yet.
static void add_wanted(Roster *roster, const IndexBuild *build) {
    roster->wanted =
        base_arena_grow(roster->arena, roster->wanted, roster->wanted_count,
                        roster->wanted_count + build->wanted_count + 1, sizeof *roster->wanted);
    for (size_t i = 0; i < build->wanted_count; i++) {
        IndexColumn column = {base_arena_str(roster->arena, build->wanted[i].event),
                              base_arena_str(roster->arena, build->wanted[i].column),
                              build->wanted[i].type};
        if (index_roster_wanted(roster, column) == roster->wanted_count)
            roster->wanted[roster->wanted_count++] = column;
    }
}

// The next generation after the folder's current one; what no roster names is swept.
static int begin_folder(IndexBuilder *builder, KretsError *error) {
    int r = lock_folder(builder, error);
    if (r < 0)
        return r;
    Roster old = {0};
    r = index_roster_load(builder->build.directory, &old, NULL, error);
    if (r < 0)
        return r;
    builder->generation = builder->roster.generation = r == 0 ? old.generation + 1 : 1;
    if (r != INDEX_NEWER)
        r = index_roster_sweep(r == 0 ? &old : NULL, builder->build.directory, error);
    if (old.arena != NULL)
        index_roster_done(&old);
    return r < 0 ? r : 0;
}

int index_build_begin(const IndexBuild *build, IndexBuilder **ret_builder, KretsError *error) {
    assert(build->partition_count > 0 && build->partition_count <= UINT16_MAX);
    IndexBuilder *builder = new_builder(build);
    Roster *roster = &builder->roster;
    index_roster_init(roster);
    randombytes_buf(&roster->build_id, sizeof roster->build_id);
    roster->build_id |= 1; // never 0, which stands for any
    roster->built_us = now_us();
    roster->stamp = base_arena_str(roster->arena, build->stamp);
    roster->partition_count = build->partition_count;
    roster->events =
        base_arena_alloc_array(roster->arena, build->event_count + 1, sizeof *roster->events);
    for (size_t i = 0; i < build->event_count; i++)
        roster->events[roster->event_count++] = base_arena_str(roster->arena, build->events[i]);
    add_wanted(roster, build);
    int r = has_files(builder) ? begin_folder(builder, error) : 0;
    if (r < 0)
        index_build_free(builder);
    else
        *ret_builder = builder;
    return r;
}

// Only columns of events that the index has.
static bool can_extend(const IndexBuild *build, const Index *base) {
    bool is_fine = build->partition_count == base->roster.partition_count;
    for (size_t i = 0; i < build->wanted_count; i++)
        is_fine &= index_has_event(base, build->wanted[i].event);
    return is_fine;
}

int index_extend_begin(const IndexBuild *build, IndexBuilder **ret_builder, KretsError *error) {
    assert(build->directory.size_bytes > 0);
    IndexBuilder *builder = new_builder(build);
    int r = lock_folder(builder, error);
    if (r == 0)
        r = index_open(build->directory, build->stamp, false, &builder->base, NULL, error);
    if (r == 0 && !can_extend(build, builder->base))
        r = INDEX_OUTDATED;
    if (r == 0) {
        index_roster_copy(&builder->roster, &builder->base->roster);
        builder->generation = ++builder->roster.generation;
        builder->first_wanted = builder->roster.wanted_count;
        add_wanted(&builder->roster, build);
        r = index_roster_sweep(&builder->base->roster, build->directory, error);
    }
    if (r != 0)
        index_build_free(builder);
    else
        *ret_builder = builder;
    return r;
}

// Removes what the folder's roster does not name.
static void sweep(const IndexBuilder *builder) {
    Roster current = {0};
    int r = index_roster_load(builder->build.directory, &current, NULL, NULL);
    if (r == 0 || r == INDEX_MISSING)
        index_roster_sweep(r == 0 ? &current : NULL, builder->build.directory, NULL);
    if (r == 0)
        index_roster_done(&current);
}

void index_build_free(IndexBuilder *builder) {
    if (builder == NULL)
        return;
    for (uint32_t i = 0; i < builder->build.partition_count; i++) {
        index_gather_free(builder->partitions[i].gather);
        index_frame_close(&builder->partitions[i].core);
        index_frame_close(&builder->partitions[i].columns);
    }
    if (builder->lock >= 0) {
        sweep(builder);
        close(builder->lock);
    }
    if (builder->roster.arena != NULL)
        index_roster_done(&builder->roster);
    index_close(builder->base);
    base_arena_free(builder->arena);
    free(builder);
}

// --- partitions ---

static const char *file_path(const IndexBuilder *builder, uint32_t partition, const char *kind,
                             Text *path) {
    if (!has_files(builder))
        return NULL;
    base_text_printf(path, "%.*s/%llu-%u-%s.index", STR_ARG(builder->build.directory),
                     (unsigned long long)builder->generation, partition, kind);
    return path->data;
}

static int begin_partition(IndexBuilder *builder, uint32_t partition, KretsError *error) {
    assert(partition < builder->build.partition_count);
    assert(!builder->partitions[partition].is_ended);
    if (builder->partitions[partition].gather != NULL)
        return 0;
    Gather **gather = &builder->partitions[partition].gather;
    int r = index_gather_new(&builder->build, &builder->roster, builder->first_wanted,
                             &builder->memory, gather, error);
    if (r == 0)
        (*gather)->is_unordered =
            builder->build.partition_count - partition <= builder->build.unordered_count;
    if (r == 0 && builder->base != NULL &&
        !index_extend_texts(*gather, &builder->base->partitions[partition]))
        r = index_memory_fail(&builder->memory, error);
    return r;
}

int index_build_add(IndexBuilder *builder, uint32_t partition, const EventTable *table,
                    KretsError *error) {
    int r = begin_partition(builder, partition, error);
    if (r < 0)
        return r;
    return index_gather_add(builder->partitions[partition].gather, table, error);
}

int index_build_partition_end(IndexBuilder *builder, uint32_t partition, KretsError *error) {
    BuildPartition *part = &builder->partitions[partition];
    int r = begin_partition(builder, partition, error);
    if (r == 0)
        r = index_gather_end(part->gather, error);
    if (r < 0)
        return r;
    if (builder->base != NULL && !index_extend_matches(part->gather, builder->base, partition)) {
        part->is_ended = part->is_refused = true;
        return INDEX_OUTDATED;
    }
    BASE_TEXT_SCOPED core = {0}, columns = {0};
    const char *core_path = file_path(builder, partition, "core", &core);
    const char *columns_path = file_path(builder, partition, "columns", &columns);
    if (builder->base == NULL)
        r = index_encode_core(part->gather, partition, core_path, &part->core, error);
    base_fault_point("index_core");
    if (r == 0)
        r = index_encode_columns(part->gather, partition, columns_path, &part->columns, error);
    base_fault_point("index_columns");
    index_gather_free(part->gather);
    part->gather = NULL;
    part->is_ended = true;
    return r;
}

// --- the end ---

// Gives a frame and its place in the roster away.
static void hand_over(IndexBuilder *builder, Frame *frames, Frame *frame, FrameKind kind,
                      uint32_t partition) {
    BASE_TEXT_SCOPED path = {0};
    const char *names[] = {
        [FRAME_CORE] = "core", [FRAME_COLUMNS] = "columns", [FRAME_CUSTOMERS] = "customers"};
    const char *file = file_path(builder, partition, names[kind], &path);
    Str name = file == NULL ? STR("memory") : base_str_from(strrchr(file, '/') + 1);
    frames[builder->roster.file_count] = *frame;
    index_roster_add_file(&builder->roster, (RosterFile){name, kind, partition, frame->checksum});
    *frame = (Frame){0};
}

static int add_customers(IndexBuilder *builder, Index *index, KretsError *error) {
    BASE_TEXT_SCOPED path = {0};
    Frame frame = {0};
    int r = index_customers_make(index, builder->build.unordered_count,
                                 file_path(builder, 0, "customers", &path), &frame, error);
    if (r < 0)
        return r;
    Str name = has_files(builder) ? base_str_from(strrchr(path.data, '/') + 1) : STR("memory");
    index_roster_add_file(&index->roster, (RosterFile){name, FRAME_CUSTOMERS, 0, frame.checksum});
    index->frames[index->frame_count++] = frame;
    r = index_attach_customers(index, &frame, NULL);
    assert(r == 0);
    index_facts_set(index);
    return r;
}

static int attach(IndexBuilder *builder, Index **ret_index, KretsError *error) {
    size_t count = builder->build.partition_count;
    Frame *frames = calloc(2 * count + 2, sizeof *frames);
    if (frames == NULL)
        abort();
    for (uint32_t i = 0; i < count; i++) {
        hand_over(builder, frames, &builder->partitions[i].core, FRAME_CORE, i);
        hand_over(builder, frames, &builder->partitions[i].columns, FRAME_COLUMNS, i);
    }
    BASE_TEXT_SCOPED reason = {0};
    int r = index_attach(&builder->roster, frames, builder->build.directory, ret_index, &reason);
    if (r > 0)
        r = base_error_set(error, BASE_E_STORE,
                           "the index that was just written does not read back (%s): the disk or "
                           "the memory may be failing",
                           reason.data);
    return r;
}

static int end_partitions(IndexBuilder *builder, KretsError *error) {
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < builder->build.partition_count; i++) {
        if (!builder->partitions[i].is_ended)
            r = index_build_partition_end(builder, i, error);
        else if (builder->partitions[i].is_refused)
            r = INDEX_OUTDATED;
    }
    return r;
}

static int finish_new(IndexBuilder *builder, Index **ret_index, KretsError *error) {
    INDEX_SCOPED index = NULL;
    int r = attach(builder, &index, error);
    if (r == 0)
        r = add_customers(builder, index, error);
    base_fault_point("index_customers");
    if (r == 0 && has_files(builder))
        r = index_roster_save(&index->roster, builder->build.directory, error);
    if (r == 0) {
        *ret_index = index;
        index = NULL;
    }
    return r;
}

// The files of the index as it was, and the new columns.
static int finish_extended(IndexBuilder *builder, Index **ret_index, KretsError *error) {
    const Roster *old = &builder->base->roster;
    for (uint32_t i = 0; i < old->file_count; i++)
        index_roster_add_file(&builder->roster, old->files[i]);
    for (uint32_t i = 0; i < builder->build.partition_count; i++) {
        BASE_TEXT_SCOPED path = {0};
        const char *file = file_path(builder, i, "columns", &path);
        RosterFile columns = {base_str_from(strrchr(file, '/') + 1), FRAME_COLUMNS, i,
                              builder->partitions[i].columns.checksum};
        index_roster_add_file(&builder->roster, columns);
    }
    Str directory = builder->build.directory;
    int r = index_roster_save(&builder->roster, directory, error);
    BASE_TEXT_SCOPED reason = {0};
    if (r == 0)
        r = index_open(directory, builder->build.stamp, false, ret_index, &reason, error);
    if (r > 0)
        r = base_error_set(error, BASE_E_STORE,
                           "the index that was just written does not read back (%s): the disk or "
                           "the memory may be failing",
                           reason.data == NULL ? "" : reason.data);
    return r;
}

int index_build_end(IndexBuilder *builder, Index **ret_index, KretsError *error) {
    int r = end_partitions(builder, error);
    if (r == 0)
        r = builder->base == NULL ? finish_new(builder, ret_index, error)
                                  : finish_extended(builder, ret_index, error);
    base_fault_point("index_roster");
    index_build_free(builder); // sweeps what the roster of the folder does not name
    return r;
}
