#include "base/thread.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

#define THREADS_MAX 256u
// So that the shared position cannot wrap.
#define CHUNK_MAX (SIZE_MAX / ((size_t)2 * THREADS_MAX))

unsigned base_thread_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return 1;
    }
    int count = CPU_COUNT(&set);
    return count < 1 ? 1 : (unsigned)count;
}

typedef struct Shared {
    size_t count;
    size_t chunk;
    ThreadWork work;
    void *context;
    atomic_size_t next;
    atomic_int result;
} Shared;

typedef struct Worker {
    Shared *shared;
    unsigned thread;
    pthread_t handle;
} Worker;

static void *run_worker(void *argument) {
    const Worker *worker = argument;
    Shared *shared = worker->shared;
    while (atomic_load(&shared->result) >= 0) {
        size_t begin = atomic_fetch_add(&shared->next, shared->chunk);
        if (begin >= shared->count) {
            break;
        }
        size_t left = shared->count - begin;
        size_t end = begin + (left < shared->chunk ? left : shared->chunk);
        int result = shared->work(shared->context, worker->thread, begin, end);
        int expected = 0;
        if (result < 0) {
            atomic_compare_exchange_strong(&shared->result, &expected, result);
        }
    }
    return NULL;
}

int base_thread_for(unsigned threads, size_t count, size_t chunk, ThreadWork work, void *context) {
    Shared shared = {
        .count = count, .chunk = chunk == 0 ? 1 : chunk, .work = work, .context = context};
    shared.chunk = shared.chunk > CHUNK_MAX ? CHUNK_MAX : shared.chunk;
    threads = threads < 1 ? 1 : threads > THREADS_MAX ? THREADS_MAX : threads;
    size_t chunks = count / shared.chunk + (count % shared.chunk != 0);
    if (threads > chunks) {
        threads = chunks < 1 ? 1 : (unsigned)chunks;
    }
    Worker workers[THREADS_MAX];
    unsigned started = 1;
    for (; started < threads; started++) {
        workers[started] = (Worker){.shared = &shared, .thread = started};
        if (pthread_create(&workers[started].handle, NULL, run_worker, &workers[started]) != 0) {
            break; // fewer threads do the same work
        }
    }
    workers[0] = (Worker){.shared = &shared, .thread = 0};
    run_worker(&workers[0]);
    for (unsigned i = 1; i < started; i++) {
        pthread_join(workers[i].handle, NULL);
    }
    return atomic_load(&shared.result);
}
