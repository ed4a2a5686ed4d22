// Work spread over threads.
#ifndef KRETS_BASE_THREAD_H
#define KRETS_BASE_THREAD_H

#include <stddef.h>

// Work on items [begin, end). `thread` is in [0, threads). A negative return stops the whole.
typedef int (*ThreadWork)(void *context, unsigned thread, size_t begin, size_t end);

unsigned base_thread_count(void); // processors this process may use

// Calls `work` on chunks of at most `chunk` items of [0, count) until all are done, on `threads`
// threads (the caller is one of them). Returns 0 or the first negative result.
int base_thread_for(unsigned threads, size_t count, size_t chunk, ThreadWork work, void *context);

#endif
