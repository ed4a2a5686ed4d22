// The job: blocks spread over threads, each block at every now.
#include <assert.h>
#include <stdlib.h>

#include "engine/kernel_private.h"

// What the threads share; each has its own place in the arrays.
typedef struct KernelRun {
    const KernelJob *job;
    KernelWork **works;
    BlockScratch **scratches; // [thread * KERNEL_BLOCKS_MAX + block]
    KretsError *errors;
} KernelRun;

static int answer_blocks(KernelRun *run, unsigned thread) {
    const KernelJob *job = run->job;
    KernelWork *work = run->works[thread];
    work->nows_us = job->now_count > 1 ? job->nows_us : NULL;
    work->now_count = job->now_count;
    for (size_t i = 0; i < job->now_count; i++) {
        work->now_index = i;
        int code = engine_kernel_at(work, job->nows_us[i], &run->errors[thread]);
        for (uint32_t b = 0; code == BASE_OK && b < work->block_count; b++) {
            KernelAnswer answer = engine_kernel_answer(work, b);
            answer.now_index = i;
            code = job->sink(job->context, thread, &answer);
        }
        if (code < 0)
            return code;
    }
    return BASE_OK;
}

// Full blocks of a partition go together, the next after the last.
static int take_blocks(KernelRun *run, unsigned thread, uint32_t number, uint32_t end,
                       uint32_t *ret_count) {
    const KernelJob *job = run->job;
    const BlockSource *source = job->binding->source;
    KernelWork *work = run->works[thread];
    uint32_t count = 0;
    while (count < KERNEL_BLOCKS_MAX && number + count < end) {
        Block *block = &work->blocks[count];
        int code = source->block(source->context,
                                 run->scratches[thread * KERNEL_BLOCKS_MAX + count], number + count,
                                 engine_kernel_needs(job->binding), block, &run->errors[thread]);
        if (code < 0)
            return code;
        if (count > 0 && (block->partition != work->blocks[0].partition ||
                          work->blocks[count - 1].customer_count < BLOCK_CUSTOMER_MAX))
            break;
        count++;
    }
    *ret_count = count;
    return BASE_OK;
}

static int run_blocks(void *context, unsigned thread, size_t begin, size_t end) {
    KernelRun *run = context;
    for (uint32_t number = (uint32_t)begin; number < end;) {
        uint32_t count = 0;
        int code = take_blocks(run, thread, number, (uint32_t)end, &count);
        if (code < 0)
            return code;
        engine_kernel_begin(run->works[thread], count);
        code = answer_blocks(run, thread);
        if (code < 0)
            return code;
        number += count;
    }
    return BASE_OK;
}

static void *allot(size_t count, size_t item_size_bytes) {
    void *memory = calloc(count, item_size_bytes);
    if (memory == NULL)
        abort();
    return memory;
}

static int start(KernelRun *run, unsigned threads, KretsError *error) {
    const BlockSource *source = run->job->binding->source;
    for (unsigned i = 0; i < threads; i++) {
        int code = engine_kernel_work_make(run->job->binding, run->job->memory_bytes / threads,
                                           run->job->now_count > 1, &run->works[i], error);
        if (code < 0)
            return code;
        for (unsigned b = 0; b < KERNEL_BLOCKS_MAX; b++)
            run->scratches[i * KERNEL_BLOCKS_MAX + b] = source->scratch_new(source->context);
    }
    return BASE_OK;
}

// Few blocks at a time where there are few, so that all threads have some.
static size_t chunk_of(uint32_t block_count, unsigned threads) {
    size_t chunk = block_count / (threads * 4);
    if (chunk < KERNEL_BLOCKS_MAX)
        return chunk < 1 ? 1 : chunk;
    return chunk < (size_t)4 * KERNEL_BLOCKS_MAX ? KERNEL_BLOCKS_MAX
                                                 : (size_t)4 * KERNEL_BLOCKS_MAX;
}

int engine_kernel_run(const KernelJob *job, KretsError *error) {
    const BlockSource *source = job->binding->source;
    unsigned threads = job->threads == 0 ? 1 : job->threads;
    assert(job->sink != NULL);
    KernelRun run = {.job = job,
                     .works = allot(threads, sizeof(KernelWork *)),
                     .scratches =
                         allot((size_t)threads * KERNEL_BLOCKS_MAX, sizeof(BlockScratch *)),
                     .errors = allot(threads, sizeof(KretsError))};
    int code = start(&run, threads, error);
    if (code == BASE_OK) {
        code = base_thread_for(threads, source->block_count, chunk_of(source->block_count, threads),
                               run_blocks, &run);
        for (unsigned i = 0; code < 0 && i < threads; i++) {
            if (run.errors[i].code == code) {
                base_error_set(error, code, "%s", run.errors[i].text);
                break;
            }
        }
    }
    for (unsigned i = 0; i < threads; i++)
        engine_kernel_work_free(run.works[i]);
    for (unsigned i = 0; i < threads * KERNEL_BLOCKS_MAX; i++) {
        if (run.scratches[i] != NULL)
            source->scratch_free(run.scratches[i]);
    }
    free(run.works);
    free(run.scratches);
    free(run.errors);
    return code;
}
