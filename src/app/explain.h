// `krets explain CUSTOMER [SEGMENT]`: why somebody is in a segment, or not.
#ifndef KRETS_APP_EXPLAIN_H
#define KRETS_APP_EXPLAIN_H

#include "app/outlook.h"
#include "app/population.h"
#include "engine/evaluate.h"

enum { EXPLAIN_EVENT_MAX = 10 }; // events shown for each aggregate, the newest

// An event that decided.
typedef struct ExplainEvent {
    int64_t time_us;
    Str event;
    Str details; // "amount 12.5, country GB": the columns that the plan reads and that have a value
} ExplainEvent;

// One node of a segment's expression, in the order in which it is read; `depth` 0 is the whole.
typedef struct ExplainNode {
    int32_t depth;
    Str source; // canonical text
    Str words;
    Str value; // for people: "12.5 days", "yes", "no", "unknown"
    Value raw;
    bool is_decisive; // of and/or: this part decides the result
    const ExplainEvent *events;
    size_t event_count; // shown
    uint64_t event_total;
} ExplainNode;

typedef struct ExplainSegment {
    Str key, name, words;
    bool is_member;
    Str because;              // a sentence
    Outlook outlook;          // since when, until when
    const ExplainNode *nodes; // only when the segment was asked for
    size_t node_count;
} ExplainSegment;

typedef struct ExplainMetric {
    Str name;
    Str value;
    Value raw;
} ExplainMetric;

typedef struct ExplainResult {
    Str customer;
    int64_t now_us;
    int64_t fit_version;
    bool is_in_population;
    uint64_t event_count;
    ExplainMetric *metrics;
    size_t metric_count;
    ExplainSegment *segments; // all, or the one that was asked for
    size_t segment_count;
} ExplainResult;

// BASE_E_USAGE when there is no such customer or segment. `segment` may be "".
int app_explain(Project *project, Str customer, Str segment, ExplainResult *ret_result,
                KretsError *error);

#endif
