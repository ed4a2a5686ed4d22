#include "app/doctor.h"

#include "app/history_index.h"

typedef struct Doctor {
    Project *project;
    DoctorFinding *findings;
    size_t count, room;
} Doctor;

static void add_finding(Doctor *doctor, Str path, Str text) {
    if (doctor->count == doctor->room) {
        size_t room = doctor->room * 2 + 8;
        doctor->findings = base_arena_grow(doctor->project->arena, doctor->findings, doctor->count,
                                           room, sizeof *doctor->findings);
        doctor->room = room;
    }
    doctor->findings[doctor->count++] = (DoctorFinding){path, text};
}

static void add_faults(Doctor *doctor, const StoreFault *faults, size_t count) {
    for (size_t i = 0; i < count; i++)
        add_finding(doctor, faults[i].path, faults[i].text);
}

static int open_store(Project *project, KretsError *error) {
    store_close(project->store);
    project->store = NULL;
    return app_project_open_store(project, true, error);
}

// Another process may have replaced files since the manifest was read: what is wrong is so twice.
static int check_history(Doctor *doctor, KretsError *error) {
    Project *project = doctor->project;
    StoreFault *faults = NULL;
    size_t count = 0;
    int r = store_check_files(project->store, project->arena, &faults, &count, error);
    if (r == 0 && count > 0)
        r = open_store(project, error);
    if (r == 0 && count > 0)
        r = store_check_files(project->store, project->arena, &faults, &count, error);
    if (r == 0)
        add_faults(doctor, faults, count);
    return r;
}

static int check_control(Doctor *doctor, KretsError *error) {
    StoreFault *faults = NULL;
    size_t count = 0;
    int r =
        store_check_control(doctor->project->store, doctor->project->arena, &faults, &count, error);
    if (r == 0)
        add_faults(doctor, faults, count);
    return r;
}

static void list_columns(Arena *arena, const Index *index, DoctorResult *result) {
    const BlockSource *source = index_source(index);
    size_t room = 1;
    for (uint32_t s = 0; s < source->stream_count; s++)
        room += source->streams[s].column_count;
    result->columns = base_arena_alloc_array(arena, room, sizeof *result->columns);
    for (uint32_t s = 0; s < source->stream_count; s++) {
        const BlockStreamInfo *stream = &source->streams[s];
        for (uint32_t c = 0; c < stream->column_count; c++)
            result->columns[result->column_count++] = (IndexColumn){
                base_arena_str(arena, stream->event),
                base_arena_str(arena, stream->columns[c].column), stream->columns[c].type};
    }
}

// The stamp may carry more than the store's: see app_history_index_stamp().
static bool is_of_history(Project *project, Str stamp) {
    return base_str_starts(stamp, store_stamp(project->store, project->arena));
}

static int check_index(Doctor *doctor, DoctorResult *result, KretsError *error) {
    Project *project = doctor->project;
    Arena *arena = project->arena;
    BASE_TEXT_SCOPED reason = {0};
    INDEX_SCOPED index = NULL;
    Str directory = app_history_index_directory(project);
    int r = index_open(directory, STR(""), true, &index, &reason, error);
    if (r < 0)
        return r;
    result->index_reason = base_arena_str(arena, base_text_str(&reason));
    if (r > 0) {
        result->index = r == INDEX_MISSING    ? DOCTOR_INDEX_MISSING
                        : r == INDEX_OUTDATED ? DOCTOR_INDEX_OUTDATED
                        : r == INDEX_NEWER    ? DOCTOR_INDEX_NEWER
                                              : DOCTOR_INDEX_DAMAGED;
        if (r == INDEX_DAMAGED)
            add_finding(doctor, STR("index"),
                        base_arena_printf(arena,
                                          "%s; remove the folder %.*s: the next command that needs "
                                          "the index makes it again",
                                          reason.data ? reason.data : "damaged",
                                          STR_ARG(directory)));
        return 0;
    }
    result->facts = index_facts(index);
    result->facts.stamp = base_arena_str(arena, result->facts.stamp);
    list_columns(arena, index, result);
    if (!is_of_history(project, result->facts.stamp)) {
        result->index = DOCTOR_INDEX_OUTDATED;
        result->index_reason = STR("the history has changed since it was made");
    }
    return 0;
}

int app_doctor(Project *project, DoctorResult *ret_result, KretsError *error) {
    Doctor doctor = {.project = project};
    DoctorResult result = {.index = DOCTOR_INDEX_CURRENT};
    int r = open_store(project, error);
    if (r == 0)
        r = check_control(&doctor, error);
    if (r == 0)
        r = check_history(&doctor, error);
    if (r == 0)
        r = check_index(&doctor, &result, error);
    if (r < 0)
        return r;
    result.history = store_size(project->store);
    result.findings = doctor.findings;
    result.finding_count = doctor.count;
    *ret_result = result;
    return 0;
}

const char *app_doctor_index_name(DoctorIndex index) {
    static const char *const names[DOCTOR_INDEX_COUNT] = {[DOCTOR_INDEX_CURRENT] = "current",
                                                          [DOCTOR_INDEX_OUTDATED] = "outdated",
                                                          [DOCTOR_INDEX_MISSING] = "missing",
                                                          [DOCTOR_INDEX_DAMAGED] = "damaged",
                                                          [DOCTOR_INDEX_NEWER] = "newer"};
    return names[index];
}
