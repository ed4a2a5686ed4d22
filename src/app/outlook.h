// Since when a customer is in a segment or not, until when, and what would prevent it.
#ifndef KRETS_APP_OUTLOOK_H
#define KRETS_APP_OUTLOOK_H

#include "app/project.h"
#include "engine/evaluate.h"
#include "engine/flip.h"

// One customer at one now. `flips` and `trace` are of the project's plan and the table.
typedef struct OutlookJob {
    Project *project;
    const EventTable *table;
    size_t customer;
    const FitSet *fits;
    int64_t now_us;
    Flips *flips;
    const Trace *trace;
} OutlookJob;

typedef struct Outlook {
    FlipSpan span;
    // For people, times local to the customer: "in since 3 March 2026 09:12; leaves on 12 March
    // 14:05 unless another order comes". Lives in the project's arena.
    Str words;
} Outlook;

// With `is_brief` nothing is said of what would prevent the change, which takes an evaluation of
// the whole plan to find out.
int app_outlook(const OutlookJob *job, int32_t segment, bool is_brief, Outlook *ret_outlook,
                KretsError *error);

#endif
