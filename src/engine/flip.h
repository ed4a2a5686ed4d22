// The next flip: the smallest instant after now at which a segment may change with no new event.
//
// Never late: between now and the reported flip nothing changes. It may be early (a wake-up without
// a change) where there is no closed form. LANGUAGE, "Next flip", is in docs/user/model.md.
#ifndef KRETS_ENGINE_FLIP_H
#define KRETS_ENGINE_FLIP_H

#include "base/error.h"
#include "data/table.h"
#include "engine/fit.h"
#include "lang/plan.h"

#define FLIP_NEVER INT64_MAX

// One thread's flips of a plan over a table.
typedef struct Flips Flips;
int engine_flips_new(const Plan *plan, const EventTable *table, const FitSet *fits,
                     size_t memory_bytes, Flips **ret_flips, KretsError *error);
void engine_flips_free(Flips *flips);

// The next instant after now_us at which any of `segments` (indices into Plan.segments; NULL: all)
// may change for the customer: expiring events (threshold-aware), thresholds of days_since,
// calendar boundaries, absence deadlines, ages, and events of the table later than now. FLIP_NEVER
// when none. A customer outside the population flips with their first event.
int engine_flip_next(Flips *flips, size_t customer, int64_t now_us, const int32_t *segments,
                     int32_t segment_count, int64_t *ret_flip_us, KretsError *error);

// Whether the customer is in the segment at now, since which instant that has been so
// (CALENDAR_TIME_MIN: from the beginning), and the instant at which it ends if no event comes that
// the table does not hold (FLIP_NEVER: never). Found by evaluating at events and successive flips.
typedef struct FlipSpan {
    bool is_member;
    int64_t since_us, until_us;
} FlipSpan;
int engine_flip_span(Flips *flips, size_t customer, int32_t segment, int64_t now_us,
                     FlipSpan *ret_span, KretsError *error);

// Every entry and exit of the customer in (from_us, to_us], ascending; a customer that joins the
// population as a member enters then.
typedef struct FlipChange {
    int64_t at_us;
    bool is_entry;
} FlipChange;
int engine_flip_changes(Flips *flips, Arena *arena, size_t customer, int32_t segment,
                        int64_t from_us, int64_t to_us, const FlipChange **ret_changes,
                        size_t *ret_count, KretsError *error);

#endif
