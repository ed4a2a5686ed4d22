// Opening and closing an index.
#include <assert.h>
#include <stdlib.h>

#include "index/index_private.h"

enum { OPEN_TRIES = 5 };

Index *index_ref(Index *index) {
    unsigned before = atomic_fetch_add(&index->references, 1);
    assert(before > 0);
    (void)before;
    return index;
}

void index_close(Index *index) {
    if (index == NULL || atomic_fetch_sub(&index->references, 1) > 1)
        return;
    for (uint32_t i = 0; i < index->frame_count; i++)
        index_frame_close(&index->frames[i]);
    free(index->frames);
    index_roster_done(&index->roster);
    base_arena_free(index->arena);
    free(index);
}

const BlockSource *index_source(const Index *index) {
    return &index->source;
}

bool index_has_column(const Index *index, Str event, Str column, ValueType type) {
    IndexColumn wanted = {event, column, type};
    return index_roster_wanted(&index->roster, wanted) < index->roster.wanted_count;
}

bool index_has_event(const Index *index, Str event) {
    return index_roster_event(&index->roster, event) < index->roster.event_count;
}

IndexFacts index_facts(const Index *index) {
    return index->facts;
}

// --- opening ---

static int open_frames(Str directory, const Roster *roster, bool is_thorough, Frame *frames,
                       Text *reason, KretsError *error) {
    for (uint32_t i = 0; i < roster->file_count; i++) {
        const RosterFile *file = &roster->files[i];
        BASE_TEXT_SCOPED path = {0};
        base_text_printf(&path, "%.*s/%.*s", STR_ARG(directory), STR_ARG(file->name));
        FrameName name = {file->kind, roster->build_id, file->partition};
        int r = index_frame_open(path.data, name, is_thorough, &frames[i], reason, error);
        if (r != 0)
            return r;
        if (frames[i].checksum != file->checksum) {
            if (reason != NULL)
                base_text_printf(reason, "%s: not the file that the roster names", path.data);
            return INDEX_DAMAGED;
        }
    }
    return 0;
}

static int open_roster(Str directory, Str stamp, bool is_thorough, Roster *roster,
                       Index **ret_index, Text *reason, KretsError *error) {
    if (stamp.size_bytes > 0 && !base_str_equal(stamp, roster->stamp)) {
        if (reason != NULL)
            base_text_append(reason, STR("made from another state of the history"));
        return INDEX_OUTDATED;
    }
    Frame *frames = calloc(roster->file_count + (size_t)1, sizeof *frames);
    if (frames == NULL)
        abort();
    int r = open_frames(directory, roster, is_thorough, frames, reason, error);
    if (r == 0) {
        r = index_attach(roster, frames, directory, ret_index, reason);
        if (r == 0 && (*ret_index)->slots == NULL) {
            if (reason != NULL)
                base_text_append(reason, STR("the table of customers is missing"));
            index_close(*ret_index);
            *ret_index = NULL;
            r = INDEX_DAMAGED;
        }
        return r;
    }
    for (uint32_t i = 0; i < roster->file_count; i++)
        index_frame_close(&frames[i]);
    free(frames);
    return r;
}

int index_open(Str directory, Str stamp, bool is_thorough, Index **ret_index, Text *reason,
               KretsError *error) {
    assert(directory.size_bytes > 0);
    int r = 0;
    // Another process may put a new index in place between our reading of the roster and of files.
    for (int i = 0; i < OPEN_TRIES; i++) {
        if (reason != NULL)
            base_text_clear(reason);
        Roster roster = {0};
        r = index_roster_load(directory, &roster, reason, error);
        if (r != 0)
            return r;
        Index *index = NULL;
        r = open_roster(directory, stamp, is_thorough, &roster, &index, reason, error);
        if (roster.arena != NULL)
            index_roster_done(&roster);
        if (r == 0)
            *ret_index = index;
        if (r != INDEX_MISSING)
            return r;
    }
    return INDEX_DAMAGED; // the roster names a file that is not there
}
