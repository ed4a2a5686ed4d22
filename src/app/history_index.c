#include "app/history_index.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/map.h"
#include "base/thread.h"

// What an index must hold. In `arena`, which is the caller's.
typedef struct Needs {
    Project *project;
    Arena *arena;
    Str directory, stamp;
    const Str *events;
    size_t event_count;
    IndexColumn *columns;
    size_t column_count;
} Needs;

// --- what is needed ---

static bool has_all_events(const Project *project) {
    return project->catalog->event_count <= HISTORY_INDEX_EVENT_MAX;
}

// With too many event types the rows that are kept depend on the plan.
static uint64_t events_hash(const Project *project) {
    BASE_TEXT_SCOPED text = {0};
    const Plan *plan = project->plan;
    for (int32_t i = 0; i < plan->event_count; i++)
        base_text_printf(&text, "%zu %.*s\n", plan->events[i].name.size_bytes,
                         STR_ARG(plan->events[i].name));
    base_text_printf(&text, "%d %d", (int)store_plan_uses_any(plan), (int)(plan->trait_count > 0));
    return base_str_hash(base_text_str(&text));
}

Str app_history_index_stamp(const Project *project) {
    Str stamp = store_stamp(project->store, project->arena);
    if (has_all_events(project))
        return stamp;
    return base_arena_printf(project->arena, "%.*s-%016llx", STR_ARG(stamp),
                             (unsigned long long)events_hash(project));
}

Str app_history_index_directory(const Project *project) {
    return app_project_path(project, project->options.data, STR("index"));
}

static void find_events(Needs *needs) {
    const Project *project = needs->project;
    bool has_all = has_all_events(project);
    size_t count = has_all ? project->catalog->event_count : (size_t)project->plan->event_count;
    Str *events = base_arena_alloc_array(needs->arena, count + 1, sizeof *events);
    for (size_t i = 0; i < count; i++)
        events[i] = has_all ? project->catalog->events[i].name : project->plan->events[i].name;
    needs->events = events;
    needs->event_count = count;
}

static void add_column(Needs *needs, Map *known, Str event, int32_t column) {
    if (column < 0 || needs->project->plan->columns[column].type == VALUE_NULL)
        return; // never had a value
    const PlanColumn *read = &needs->project->plan->columns[column];
    BASE_TEXT_SCOPED key = {0};
    base_text_printf(&key, "%zu %.*s %.*s", event.size_bytes, STR_ARG(event),
                     STR_ARG(read->column));
    if (base_map_put(known, base_text_str(&key), 1))
        needs->columns[needs->column_count++] = (IndexColumn){event, read->column, read->type};
}

static void find_columns(Needs *needs) {
    const Plan *plan = needs->project->plan;
    BASE_MAP_SCOPED known = base_map_new();
    size_t room = (size_t)plan->trait_count + 1;
    for (int32_t i = 0; i < plan->property_count; i++)
        room += (size_t)plan->properties[i].count;
    needs->columns = base_arena_alloc_array(needs->arena, room, sizeof *needs->columns);
    for (int32_t i = 0; i < plan->property_count; i++) {
        const PlanProperty *property = &plan->properties[i];
        for (int32_t k = 0; k < property->count; k++)
            add_column(needs, known, plan->events[property->events[k]].name, property->columns[k]);
    }
    for (int32_t i = 0; i < plan->trait_count; i++)
        add_column(needs, known, STR(CATALOG_EVENT_IDENTIFY), plan->traits[i].column);
}

// --- opening ---

// Moves the columns that the index lacks to the front; their count.
static size_t find_missing(const Needs *needs, const Index *index) {
    size_t missing = 0;
    for (size_t i = 0; i < needs->column_count; i++) {
        IndexColumn column = needs->columns[i];
        if (index_has_column(index, column.event, column.column, column.type))
            continue;
        needs->columns[i] = needs->columns[missing];
        needs->columns[missing++] = column;
    }
    return missing;
}

// 0 with the project's index; 1 when it lacks the `ret_missing` first columns of the needs (then
// the index is given, too); 2 when another must be made, for the reason given.
static int try_open(Needs *needs, bool is_thorough, Index **ret_index, size_t *ret_missing,
                    Text *reason, KretsError *error) {
    INDEX_SCOPED index = NULL;
    base_text_clear(reason);
    int r = index_open(needs->directory, needs->stamp, is_thorough, &index, reason, error);
    if (r != 0)
        return r < 0 ? r : 2;
    size_t missing = find_missing(needs, index);
    if (missing == 0)
        needs->project->index = index;
    else
        *ret_index = index;
    *ret_missing = missing;
    index = NULL;
    return missing > 0;
}

// --- making ---

// The tables of the store's parts, added to a builder by several threads.
typedef struct Filling {
    Project *project;
    IndexBuilder *builder;
    const Plan *scan;
    size_t part_count;
    size_t table_bytes; // budget of one part
    const char *what;
    atomic_size_t done_count;
    atomic_ullong event_count;
    pthread_mutex_t mutex;
    bool has_failed;
    KretsError *error;
} Filling;

typedef struct PartSink {
    Filling *filling;
    uint32_t part;
} PartSink;

static int add_table(void *context, const EventTable *table, KretsError *error) {
    PartSink *sink = context;
    atomic_fetch_add(&sink->filling->event_count, table->row_count);
    return index_build_add(sink->filling->builder, sink->part, table, error);
}

static int fill_part(Filling *filling, size_t part, KretsError *error) {
    PartSink sink = {filling, (uint32_t)part};
    int r = store_read_tables(filling->project->store, filling->table_bytes, filling->scan, part,
                              filling->part_count, add_table, &sink, error);
    return r < 0 ? r : index_build_partition_end(filling->builder, (uint32_t)part, error);
}

static int fill_parts(void *context, unsigned thread, size_t begin, size_t end) {
    Filling *filling = context;
    for (size_t part = begin; part < end; part++) {
        KretsError error = {0};
        int r = fill_part(filling, part, &error);
        if (r < 0) {
            pthread_mutex_lock(&filling->mutex);
            if (!filling->has_failed && filling->error)
                *filling->error = error;
            filling->has_failed = true;
            pthread_mutex_unlock(&filling->mutex);
            return r;
        }
        size_t done = atomic_fetch_add(&filling->done_count, 1) + 1;
        if (thread == 0) // the caller's
            app_progress_step(filling->project->progress, filling->what,
                              (double)done / (double)filling->part_count,
                              atomic_load(&filling->event_count), "events");
    }
    return 0;
}

// About what a row of the table takes, with its share of its customer's id.
static size_t row_bytes(const Plan *scan) {
    size_t bytes = sizeof(int64_t) + sizeof(uint16_t) + 1 + sizeof(Str);
    for (int32_t i = 0; i < scan->column_count; i++)
        bytes += data_table_value_size(scan->columns[i].type) + 1;
    return bytes;
}

// How many parts fit into half of the memory at once.
static unsigned parts_at_once(const Project *project, const Plan *scan, size_t part_count) {
    uint64_t rows = 1;
    for (size_t part = 0; part < part_count; part++) {
        uint64_t of_part = store_part_rows(project->store, part, part_count);
        rows = of_part > rows ? of_part : rows;
    }
    uint64_t fit = project->options.memory_bytes / 2 / (rows * row_bytes(scan));
    unsigned threads = project->options.threads;
    return fit < 1 ? 1 : fit < threads ? (unsigned)fit : threads;
}

// A plan that reads the events and columns of the needs; `columns` in their order.
static Plan scan_plan(const Needs *needs, const IndexColumn *wanted, size_t wanted_count) {
    const Plan *plan = needs->project->plan;
    PlanEvent *events =
        base_arena_alloc_array(needs->arena, needs->event_count + 1, sizeof *events);
    for (size_t i = 0; i < needs->event_count; i++)
        events[i] = (PlanEvent){needs->events[i], data_catalog_is_any(needs->events[i])};
    PlanColumn *columns = base_arena_alloc_array(needs->arena, wanted_count + 1, sizeof *columns);
    int32_t column_count = 0;
    BASE_MAP_SCOPED known = base_map_new();
    for (size_t i = 0; i < wanted_count; i++)
        if (base_map_put(known, wanted[i].column, 1))
            columns[column_count++] = (PlanColumn){wanted[i].column, wanted[i].type};
    return (Plan){.events = events,
                  .event_count = (int32_t)needs->event_count,
                  .columns = columns,
                  .column_count = column_count,
                  // whether `any` and traits are read decides which other rows are kept
                  .aggregates = plan->aggregates,
                  .aggregate_count = plan->aggregate_count,
                  .selections = plan->selections,
                  .selection_count = plan->selection_count,
                  .traits = plan->traits,
                  .trait_count = plan->trait_count};
}

typedef struct Making {
    Needs *needs;
    bool is_extension;
    const char *what; // for the progress
    Str directory;
    size_t part_count;
    const IndexColumn *wanted;
    size_t wanted_count;
} Making;

static int begin(const Making *making, const Plan *scan, IndexBuilder **ret_builder,
                 KretsError *error) {
    const Needs *needs = making->needs;
    size_t count = (size_t)scan->column_count;
    Str *columns = base_arena_alloc_array(needs->arena, count + 1, sizeof *columns);
    ValueType *types = base_arena_alloc_array(needs->arena, count + 1, sizeof *types);
    for (size_t i = 0; i < count; i++) {
        columns[i] = scan->columns[i].column;
        types[i] = scan->columns[i].type;
    }
    IndexBuild build = {.directory = making->directory,
                        .stamp = needs->stamp,
                        .partition_count = (uint32_t)making->part_count,
                        .events = needs->events,
                        .event_count = needs->event_count,
                        .columns = columns,
                        .types = types,
                        .column_count = count,
                        .wanted = making->wanted,
                        .wanted_count = making->wanted_count,
                        .memory_bytes = needs->project->options.memory_bytes / 10 * 4};
    return (making->is_extension ? index_extend_begin : index_build_begin)(&build, ret_builder,
                                                                           error);
}

static int make_at_once(const Making *making, const Plan *scan, unsigned at_once, Index **ret_index,
                        KretsError *error) {
    Project *project = making->needs->project;
    IndexBuilder *builder = NULL;
    int r = begin(making, scan, &builder, error);
    if (r != 0) // positive: an index that cannot be extended
        return r;
    Filling filling = {.project = project,
                       .builder = builder,
                       .scan = scan,
                       .part_count = making->part_count,
                       .table_bytes = project->options.memory_bytes / 10 * 6 / at_once,
                       .what = making->what,
                       .mutex = PTHREAD_MUTEX_INITIALIZER,
                       .error = error};
    app_progress_step(project->progress, making->what, 0, 0, "events");
    r = base_thread_for(at_once, making->part_count, 1, fill_parts, &filling);
    app_progress_step(project->progress, making->what, 1, 0, "events");
    pthread_mutex_destroy(&filling.mutex);
    if (r == 0)
        return index_build_end(builder, ret_index, error); // frees the builder
    index_build_free(builder);
    return r;
}

// What does not fit is made of one part after the other, then of more and smaller parts.
static int make(Making *making, Index **ret_index, KretsError *error) {
    Plan scan = scan_plan(making->needs, making->wanted, making->wanted_count);
    unsigned at_once = parts_at_once(making->needs->project, &scan, making->part_count);
    int r = make_at_once(making, &scan, at_once, ret_index, error);
    if (r == BASE_E_RESOURCES && at_once > 1)
        r = make_at_once(making, &scan, 1, ret_index, error);
    while (r == BASE_E_RESOURCES && !making->is_extension && making->part_count < STORE_PART_MAX) {
        making->part_count *= making->part_count * 4 <= STORE_PART_MAX ? 4 : 2;
        r = make_at_once(making, &scan, 1, ret_index, error);
    }
    return r;
}

// --- who may write ---

typedef struct Lock {
    int fd;
    int code; // errno, when it was not got
} Lock;

static void lock_done(Lock *lock) {
    if (lock->fd >= 0)
        close(lock->fd);
}

// A process makes the index of a folder at a time. Who came to write waits, who came to read does
// not.
static Lock lock_take(const Project *project) {
    Str path = app_project_path(project, project->options.data, STR("index.lock"));
    Lock lock = {.fd = open(path.data, O_RDWR | O_CREAT | O_CLOEXEC, 0666)};
    if (lock.fd >= 0 && flock(lock.fd, LOCK_EX | (project->is_read_only ? LOCK_NB : 0)) == 0)
        return lock;
    lock.code = errno;
    lock_done(&lock);
    lock.fd = -1;
    return lock;
}

static const char *lock_reason(const Lock *lock) {
    return lock->code == EWOULDBLOCK ? "another process is making it" : strerror(lock->code);
}

// --- all together ---

static int make_whole(Needs *needs, bool is_in_memory, KretsError *error) {
    Project *project = needs->project;
    Making making = {.needs = needs,
                     .what = "index",
                     .directory = is_in_memory ? STR("") : needs->directory,
                     .part_count = store_bucket_count(project->store),
                     .wanted = needs->columns,
                     .wanted_count = needs->column_count};
    return make(&making, &project->index, error);
}

static bool is_extendable(const Needs *needs, const Index *index) {
    size_t parts = index_facts(index).partition_count, wanted;
    wanted = store_bucket_count(needs->project->store);
    return parts >= wanted && parts <= STORE_PART_MAX && (parts & (parts - 1)) == 0;
}

// What the index holds is wanted still, by another model perhaps.
static void keep_columns(Needs *needs, const Index *index) {
    const BlockSource *source = index_source(index);
    size_t room = needs->column_count + 1;
    for (uint32_t s = 0; s < source->stream_count; s++)
        room += source->streams[s].column_count;
    needs->columns = base_arena_grow(needs->arena, needs->columns, needs->column_count, room,
                                     sizeof *needs->columns);
    size_t wanted = needs->column_count;
    for (uint32_t s = 0; s < source->stream_count; s++)
        for (uint32_t c = 0; c < source->streams[s].column_count; c++) {
            const BlockColumnInfo *column = &source->streams[s].columns[c];
            bool is_known = false;
            for (size_t i = 0; i < wanted && !is_known; i++)
                is_known = base_str_equal(needs->columns[i].event, source->streams[s].event) &&
                           base_str_equal(needs->columns[i].column, column->column);
            if (!is_known)
                needs->columns[needs->column_count++] =
                    (IndexColumn){base_arena_str(needs->arena, source->streams[s].event),
                                  base_arena_str(needs->arena, column->column), column->type};
        }
}

// Adds the first `missing` columns. An index that cannot take them is made anew.
static int extend(Needs *needs, Index *index, size_t missing, KretsError *error) {
    Project *project = needs->project;
    if (is_extendable(needs, index)) {
        Making making = {.needs = needs,
                         .is_extension = true,
                         .what = "index columns",
                         .directory = needs->directory,
                         .part_count = index_facts(index).partition_count,
                         .wanted = needs->columns,
                         .wanted_count = missing};
        int r = make(&making, &project->index, error);
        if (r == 0)
            app_progress_note(project->progress, "index: %zu column%s added", missing,
                              missing == 1 ? "" : "s");
        if (r <= 0 && r != BASE_E_STORE)
            return r;
    }
    keep_columns(needs, index);
    app_progress_note(project->progress, "index: made anew, with %zu more column%s", missing,
                      missing == 1 ? "" : "s");
    return make_whole(needs, false, error);
}

static int open_or_make(Needs *needs, bool is_thorough, KretsError *error) {
    Project *project = needs->project;
    BASE_TEXT_SCOPED reason = {0};
    INDEX_SCOPED index = NULL;
    size_t missing = 0;
    int r = try_open(needs, is_thorough, &index, &missing, &reason, error);
    if (r <= 0)
        return r;
    __attribute__((cleanup(lock_done))) Lock lock = lock_take(project);
    if (lock.fd < 0) {
        app_progress_note(project->progress, "index: made in memory: %s: %s", needs->directory.data,
                          lock_reason(&lock));
        return make_whole(needs, true, error);
    }
    index_close(index); // another process may have made what was missing
    index = NULL;
    r = try_open(needs, is_thorough, &index, &missing, &reason, error);
    if (r <= 0)
        return r;
    if (r == 1)
        return extend(needs, index, missing, error);
    app_progress_note(project->progress, "index: made: %s", reason.data ? reason.data : "");
    return make_whole(needs, false, error);
}

int app_history_index_open(Project *project, bool is_thorough, KretsError *error) {
    if (project->index != NULL)
        return 0;
    BASE_ARENA_SCOPED arena = base_arena_new(SIZE_MAX);
    Needs needs = {.project = project,
                   .arena = arena,
                   .directory = app_history_index_directory(project),
                   .stamp = app_history_index_stamp(project)};
    find_events(&needs);
    find_columns(&needs);
    return open_or_make(&needs, is_thorough, error);
}

// Rows are checked when they are first read, so damage may show late.
int app_history_index_renew(Project *project, int code, KretsError *error) {
    if (code != BASE_E_STORE || project->index == NULL)
        return code;
    BASE_TEXT_SCOPED reason = {0};
    INDEX_SCOPED index = NULL;
    KretsError ignored;
    int r = index_open(app_history_index_directory(project), app_history_index_stamp(project), true,
                       &index, &reason, &ignored);
    if (r != INDEX_DAMAGED)
        return code;
    index_close(project->index);
    project->index = NULL;
    r = app_history_index_open(project, true, error);
    return r < 0 ? r : 1;
}
