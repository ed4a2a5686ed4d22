// The kernel: all segments and metrics of a plan at memory speed, block by block.
//
// A kernel is a plan made physical. Bound to a BlockSource it evaluates blocks of up to 256
// customers (batch) or a block with one lane (live); both run the same code. No I/O, no clock, no
// globals, no allocation per customer. Its answers are those of engine_evaluate(), to the bit,
// whatever threads, SIMD level or split of the events.
#ifndef KRETS_ENGINE_KERNEL_H
#define KRETS_ENGINE_KERNEL_H

#include "base/error.h"
#include "data/block.h"
#include "data/table.h"
#include "engine/fit.h"
#include "lang/plan.h"

typedef enum KernelSimd {
    KERNEL_SIMD_BEST,
    KERNEL_SIMD_NONE,
    KERNEL_SIMD_AVX2,
    KERNEL_SIMD_AVX512
} KernelSimd;

typedef struct KernelOptions {
    KernelSimd simd; // at most this; BEST: what the processor has
    // What to answer: indices into Plan.segments and Plan.metrics; NULL: all of them.
    const int32_t *segments;
    int32_t segment_count;
    const int32_t *metrics;
    int32_t metric_count;
    bool is_without_value; // leave out the model's `value`
    bool is_slow;          // everything by the slow path: the twin for tests
} KernelOptions;

typedef struct Kernel Kernel;
// The plan must outlive the kernel. `options` may be NULL.
int engine_kernel_new(const Plan *plan, const KernelOptions *options, Kernel **ret_kernel,
                      KretsError *error);
void engine_kernel_free(Kernel *kernel);
static inline void engine_kernel_freep(Kernel **kernel) {
    engine_kernel_free(*kernel);
}
#define ENGINE_KERNEL_SCOPED __attribute__((cleanup(engine_kernel_freep))) Kernel *

// What falls back to a slow path, with an estimate of what it costs: lines for people.
void engine_kernel_print(Text *out, const Kernel *kernel);

// A kernel bound to a source: which stream and column each name means, filters turned to codes.
// Texts that a snapshot added need a new binding. Read by all threads.
typedef struct KernelBinding KernelBinding;
int engine_kernel_bind(const Kernel *kernel, const BlockSource *source, const FitSet *fits,
                       KernelBinding **ret_binding, KretsError *error);
void engine_kernel_unbind(KernelBinding *binding);

// One block at one now. Pointers are valid during the sink's call only.
typedef struct KernelAnswer {
    const Block *block;
    size_t now_index;
    const uint64_t *population;      // BLOCK_WORDS
    const uint64_t *invalid_zone;    // BLOCK_WORDS: of the population, `timezone` names no zone
    const uint64_t *const *segments; // by place in the options' segments: BLOCK_WORDS each
    const TableColumn *metrics;      // by place in the options' metrics: a value a lane
    const TableColumn *value;        // the model's `value`; NULL without one
} KernelAnswer;
// Called by any thread, blocks in any order, the nows of a block in order.
typedef int (*KernelSink)(void *context, unsigned thread, const KernelAnswer *answer);

typedef struct KernelJob {
    const KernelBinding *binding;
    const int64_t *nows_us; // ascending
    size_t now_count;
    unsigned threads;
    size_t memory_bytes; // over all threads; exceeded: BASE_E_RESOURCES
    KernelSink sink;
    void *context;
} KernelJob;
int engine_kernel_run(const KernelJob *job, KretsError *error);

// One thread's kernel at work, for callers with their own loop (live: one customer at a time).
typedef struct KernelWork KernelWork;
int engine_kernel_work_new(const KernelBinding *binding, size_t memory_bytes, KernelWork **ret_work,
                           KretsError *error);
void engine_kernel_work_free(KernelWork *work);
// Evaluates a block of the binding's source; the answer is valid until the next call.
int engine_kernel_block(KernelWork *work, const Block *block, int64_t now_us,
                        KernelAnswer *ret_answer, KretsError *error);
const BlockNeeds *engine_kernel_needs(const KernelBinding *binding);

// The events of a block as a table of its customers (ids, columns of the plan): what the reference
// evaluator, `explain` and the next flip read. `arena` carries the budget.
int engine_block_table(Arena *arena, const KernelBinding *binding, const Block *block,
                       const EventTable **ret_table, KretsError *error);

#endif
