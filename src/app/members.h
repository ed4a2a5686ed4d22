// `krets members SEGMENT`: who is in a segment.
#ifndef KRETS_APP_MEMBERS_H
#define KRETS_APP_MEMBERS_H

#include "app/population.h"
#include "engine/flip.h"

typedef struct MembersResult {
    Str segment, name, words;
    int64_t now_us;
    int64_t fit_version; // 0: none needed
    uint64_t population;
    Answers answers; // metrics of everybody, the one segment; free with data_answers_done()
    const roaring_bitmap_t *members;
    const FlipSpan *spans; // by customer number, of the members; NULL: not asked for
} MembersResult;

// Evaluates at the project's now with the stored fit. BASE_E_USAGE with a suggestion when there is
// no such segment.
int app_members(Project *project, Str segment, MembersResult *ret_result, KretsError *error);

// Finds since and until when each member is in the segment. After app_members().
int app_members_spans(Project *project, MembersResult *result, KretsError *error);

// Index of a segment in the plan; BASE_E_USAGE with a suggestion.
int app_members_find(const Project *project, Str segment, int32_t *ret_index, KretsError *error);

#endif
