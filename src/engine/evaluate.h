// The reference evaluator: one customer's ordered events and one now -> metrics and segment bits.
//
// Slow, obvious, complete: it defines the semantics of the language. No I/O, no clock, no globals.
#ifndef KRETS_ENGINE_EVALUATE_H
#define KRETS_ENGINE_EVALUATE_H

#include "base/error.h"
#include "data/table.h"
#include "engine/fit.h"
#include "lang/plan.h"

// One customer at one now. Pointers are valid during the call of the sink only.
typedef struct Answer {
    size_t customer; // index into the table
    size_t now_index;
    const Value *metrics; // plan->metric_count
    const bool *segments; // plan->segment_count
    Value value;          // the model's `value`; null without one
} Answer;

// Called for each customer of the population at that now, by any thread (`thread` in [0, threads)),
// customers of one chunk in order. A negative return stops the evaluation.
typedef int (*AnswerSink)(void *context, unsigned thread, const Answer *answer);

typedef struct EvaluateJob {
    const Plan *plan;
    const EventTable *table;
    const FitSet *fits;     // NULL when the plan has none
    const int64_t *nows_us; // ascending
    size_t now_count;
    unsigned threads;
    size_t memory_bytes; // budget over all threads; exceeded: BASE_E_RESOURCES
    AnswerSink sink;
    void *context;
    // By now, may be NULL: how many of the population have a `timezone` trait that names no zone,
    // so that the model's is used. Added to what is there, once all threads are done.
    uint64_t *invalid_zone_counts;
} EvaluateJob;

int engine_evaluate(const EvaluateJob *job, KretsError *error);

// Everything about one customer at one now, for `explain`.
typedef struct TraceRows { // what an aggregate or sequence saw
    const uint64_t *rows;  // rows of the table inside the window (for a sequence: the chain found)
    size_t count;
    int64_t window_from_us,
        window_to_us; // (from, to] in effect, for people; from MIN / to now if open
} TraceRows;
typedef struct Trace {
    bool is_in_population;
    const Zone *zone;            // of the customer at now
    const Value *nodes;          // by NodeId; event-scope nodes hold null
    const TraceRows *aggregates; // by index of Plan.aggregates
    const TraceRows *sequences;  // by index of Plan.sequences
} Trace;
int engine_trace(Arena *arena, const Plan *plan, const EventTable *table, size_t customer,
                 const FitSet *fits, int64_t now_us, const Trace **ret_trace, KretsError *error);

#endif
