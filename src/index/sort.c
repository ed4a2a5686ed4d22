// Sorting of rows by time, inside one block.
#include <assert.h>
#include <string.h>

#include "index/index_private.h"

enum { SORT_DIGIT_MAX = 11, SORT_PASSES_MAX = 6, SORT_FEW = 48 };

static void insert(uint64_t *items, size_t count) {
    for (size_t i = 1; i < count; i++) {
        uint64_t item = items[i];
        size_t at = i;
        for (; at > 0 && items[at - 1] > item; at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
}

// One digit: a stable distribution; `counts` is used up.
static void distribute(const uint64_t *from, uint64_t *to, size_t count, unsigned shift,
                       unsigned digit, uint32_t *counts) {
    uint32_t sum = 0;
    for (size_t i = 0; i < (size_t)1 << digit; i++) {
        uint32_t here = counts[i];
        counts[i] = sum;
        sum += here;
    }
    assert(sum == count);
    uint64_t mask = ((uint64_t)1 << digit) - 1;
    for (size_t i = 0; i < count; i++)
        to[counts[from[i] >> shift & mask]++] = from[i];
}

uint64_t *index_sort(uint64_t *items, uint64_t *swap, size_t count, unsigned row_bits,
                     unsigned key_bits) {
    assert(key_bits + row_bits <= 64 && count <= UINT32_MAX);
    if (count <= SORT_FEW) {
        insert(items, count);
        return items;
    }
    unsigned passes = (key_bits + SORT_DIGIT_MAX - 1) / SORT_DIGIT_MAX;
    if (passes == 0)
        return items; // all keys are 0 and rows are in order
    unsigned digit = (key_bits + passes - 1) / passes;
    uint32_t counts[SORT_PASSES_MAX][1 << SORT_DIGIT_MAX];
    assert(passes <= SORT_PASSES_MAX && digit <= SORT_DIGIT_MAX);
    for (unsigned pass = 0; pass < passes; pass++)
        memset(counts[pass], 0, sizeof counts[0][0] << digit);
    uint64_t mask = ((uint64_t)1 << digit) - 1;
    for (size_t i = 0; i < count; i++) {
        uint64_t key = items[i] >> row_bits;
        for (unsigned pass = 0; pass < passes; pass++, key >>= digit)
            counts[pass][key & mask]++;
    }
    for (unsigned pass = 0; pass < passes; pass++) {
        unsigned shift = row_bits + pass * digit;
        distribute(items, swap, count, shift, digit, counts[pass]);
        uint64_t *sorted = swap;
        swap = items;
        items = sorted;
    }
    return items;
}
