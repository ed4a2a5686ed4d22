// Flips of the whole population: every customer of the store, spread over threads.
#ifndef KRETS_APP_FLIPS_H
#define KRETS_APP_FLIPS_H

#include "app/project.h"
#include "data/answers.h"
#include "engine/flip.h"

// Called for each customer of the project's index, by any thread (`thread` in [0, threads)), with
// flips over a table of some customers, both valid during the call only. A negative return stops
// the whole.
typedef int (*FlipsVisit)(void *context, unsigned thread, Flips *flips, const EventTable *table,
                          size_t customer, KretsError *error);
int app_flips_each(Project *project, const FitSet *fits, FlipsVisit visit, void *context,
                   KretsError *error);

// For each of the answers' customers the next instant after the answers' own at which any segment
// may change with no new event: a column of times, null where there is none. In `arena`.
int app_flips_next(Project *project, Arena *arena, const FitSet *fits, const Answers *answers,
                   TableColumn *ret_column, KretsError *error);

// Since and until when each of the `members` (customers of the answers) is in the segment; others'
// spans are zero. By customer number, in `arena`.
int app_flips_spans(Project *project, Arena *arena, const FitSet *fits, const Answers *answers,
                    const roaring_bitmap_t *members, int32_t segment, const FlipSpan **ret_spans,
                    KretsError *error);

#endif
