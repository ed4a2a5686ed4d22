// The evaluation: customers spread over threads, each customer at every now.
#include "engine/evaluate.h"

#include <assert.h>
#include <stdlib.h>

#include "engine/engine_private.h"

enum { CUSTOMERS_A_CHUNK = 64 };

// What the threads share; each has its own place in the arrays.
typedef struct Run {
    const EvaluateJob *job;
    Work **works;       // by thread
    Value **metrics;    // by thread
    bool **segments;    // by thread
    uint64_t **invalid; // by thread, then by now: customers whose own zone is none
    KretsError *errors; // by thread
} Run;

static int answer(Run *run, unsigned thread, size_t now_index) {
    const EvaluateJob *job = run->job;
    const Plan *plan = job->plan;
    Work *work = run->works[thread];
    for (int32_t i = 0; i < plan->metric_count; i++) {
        run->metrics[thread][i] = engine_node_value(work, plan->metrics[i].node, ENGINE_NO_ROW);
    }
    for (int32_t i = 0; i < plan->segment_count; i++) {
        Value value = engine_node_value(work, plan->segments[i].node, ENGINE_NO_ROW);
        run->segments[thread][i] = !value.is_null && value.boolean;
    }
    Answer answer = {
        .customer = work->customer,
        .now_index = now_index,
        .metrics = run->metrics[thread],
        .segments = run->segments[thread],
        .value = plan->value == NODE_NONE ? data_value_null(VALUE_NULL)
                                          : engine_node_value(work, plan->value, ENGINE_NO_ROW),
    };
    int code = engine_work_check(work, &run->errors[thread]);
    return code < 0 ? code : job->sink(job->context, thread, &answer);
}

static int evaluate_customers(void *context, unsigned thread, size_t begin, size_t end) {
    Run *run = context;
    Work *work = run->works[thread];
    assert(begin <= end && end <= run->job->table->customer_count);
    for (size_t customer = begin; customer < end; customer++) {
        engine_work_customer(work, customer);
        for (size_t i = 0; i < run->job->now_count; i++) {
            if (!engine_work_now(work, run->job->nows_us[i])) {
                continue; // not in the population yet
            }
            run->invalid[thread][i] += work->is_zone_invalid;
            int code = answer(run, thread, i);
            if (code < 0) {
                return code;
            }
        }
    }
    return BASE_OK;
}

static void *allocate(size_t count, size_t item_size_bytes) {
    void *memory = calloc(count + 1, item_size_bytes);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static int run_threads(Run *run, const Ready *ready, unsigned threads, KretsError *error) {
    const EvaluateJob *job = run->job;
    for (unsigned i = 0; i < threads; i++) {
        run->works[i] =
            engine_work_new(ready, job->table, job->fits, job->memory_bytes / threads, error);
        if (run->works[i] == NULL) {
            return BASE_E_RESOURCES;
        }
        run->invalid[i] = allocate(job->now_count, sizeof(uint64_t));
        run->metrics[i] = allocate((size_t)job->plan->metric_count, sizeof(Value));
        run->segments[i] = allocate((size_t)job->plan->segment_count, sizeof(bool));
    }
    int code = base_thread_for(threads, job->table->customer_count, CUSTOMERS_A_CHUNK,
                               evaluate_customers, run);
    for (unsigned i = 0; code < 0 && i < threads; i++) {
        if (run->errors[i].code == code) {
            return base_error_set(error, code, "%s", run->errors[i].text);
        }
    }
    return code;
}

static void add_invalid(const Run *run, unsigned threads) {
    uint64_t *counts = run->job->invalid_zone_counts;
    for (unsigned i = 0; counts != NULL && i < threads; i++) {
        for (size_t n = 0; n < run->job->now_count; n++) {
            counts[n] += run->invalid[i][n];
        }
    }
}

static int check_job(const EvaluateJob *job, KretsError *error) {
    assert(job->sink != NULL && job->plan != NULL && job->table != NULL);
    for (size_t i = 1; i < job->now_count; i++) {
        assert(job->nows_us[i - 1] <= job->nows_us[i]);
    }
    if (job->plan->fit_count > 0 && job->fits == NULL) {
        return base_error_set(
            error, BASE_E_USAGE,
            "the model uses ntile, percentile or top, which are fitted over the whole "
            "population first: run krets fit");
    }
    return BASE_OK;
}

int engine_evaluate(const EvaluateJob *job, KretsError *error) {
    int code = check_job(job, error);
    if (code < 0) {
        return code;
    }
    ENGINE_READY_SCOPED ready = NULL;
    code = engine_ready_make(job->plan, &ready, error);
    if (code < 0) {
        return code;
    }
    unsigned threads = job->threads == 0 ? 1 : job->threads;
    Run run = {
        .job = job,
        .works = allocate(threads, sizeof(Work *)),
        .metrics = allocate(threads, sizeof(Value *)),
        .segments = allocate(threads, sizeof(bool *)),
        .invalid = allocate(threads, sizeof(uint64_t *)),
        .errors = allocate(threads, sizeof(KretsError)),
    };
    code = run_threads(&run, ready, threads, error);
    if (code == BASE_OK) {
        add_invalid(&run, threads);
    }
    for (unsigned i = 0; i < threads; i++) {
        engine_work_free(run.works[i]);
        free(run.metrics[i]);
        free(run.segments[i]);
        free(run.invalid[i]);
    }
    free(run.works);
    free(run.metrics);
    free(run.segments);
    free(run.invalid);
    free(run.errors);
    return code;
}
