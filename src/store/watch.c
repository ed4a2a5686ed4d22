// A long statement with progress.

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "store/loader_private.h"

enum { WATCH_PERIOD_MS = 200 };

typedef struct Watch {
    Duck *duck;
    Str sql;
    uint64_t rows;
    int result;
    KretsError *error;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    bool is_ended;
} Watch;

static int run_copy(Watch *watch) {
    DB_DUCK_RESULT_SCOPED result = NULL;
    int r = db_duck_query(watch->duck, watch->sql, &result, watch->error);
    if (r == 0)
        r = db_duck_next(result, watch->error);
    if (r < 0)
        return r;
    watch->rows = (uint64_t)db_duck_value(result, 0).integer;
    return 0;
}

static void *watched_thread(void *context) {
    Watch *watch = context;
    watch->result = run_copy(watch);
    pthread_mutex_lock(&watch->mutex);
    watch->is_ended = true;
    pthread_cond_signal(&watch->ended);
    pthread_mutex_unlock(&watch->mutex);
    return NULL;
}

static bool wait_a_little(Watch *watch) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += WATCH_PERIOD_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&watch->mutex);
    int code = 0;
    while (!watch->is_ended && code != ETIMEDOUT)
        code = pthread_cond_timedwait(&watch->ended, &watch->mutex, &until);
    bool is_ended = watch->is_ended;
    pthread_mutex_unlock(&watch->mutex);
    return is_ended;
}

static void report(const Load *load, double ratio) {
    double total = load->progress_base + load->progress_part * ratio;
    load->progress(load->progress_context, total, (uint64_t)(total * (double)load->expected_rows));
}

int load_run_watched(Load *load, Str sql, uint64_t *ret_rows, KretsError *error) {
    Watch watch = {.duck = load->store->duck,
                   .sql = sql,
                   .error = error,
                   .mutex = PTHREAD_MUTEX_INITIALIZER,
                   .ended = PTHREAD_COND_INITIALIZER};
    pthread_t thread;
    if (load->progress == NULL || pthread_create(&thread, NULL, watched_thread, &watch) != 0) {
        watch.result = run_copy(&watch);
    } else {
        while (!wait_a_little(&watch)) {
            double ratio = db_duck_progress(watch.duck);
            report(load, ratio > 0 && ratio <= 1 ? ratio : 0);
        }
        pthread_join(thread, NULL);
        report(load, 1);
    }
    *ret_rows = watch.rows;
    return watch.result;
}
