#include "measure/overlap.h"

#include <stdlib.h>

typedef struct Sized {
    size_t segment;
    uint64_t size;
} Sized;

static int by_size(const void *a, const void *b) {
    const Sized *x = a, *y = b;
    if (x->size != y->size)
        return x->size > y->size ? -1 : 1;
    return x->segment < y->segment ? -1 : x->segment > y->segment;
}

static int by_place(const void *a, const void *b) {
    const Sized *x = a, *y = b;
    return x->segment < y->segment ? -1 : x->segment > y->segment;
}

void measure_overlap(Arena *arena, const Answers *answers, Overlap *ret_overlap) {
    Sized *sized = base_arena_alloc_array(arena, answers->segment_count + 1, sizeof *sized);
    for (size_t s = 0; s < answers->segment_count; s++)
        sized[s] = (Sized){s, roaring_bitmap_get_cardinality(answers->segments[s])};
    size_t count = answers->segment_count;
    if (count > MEASURE_OVERLAP_SEGMENT_MAX) {
        qsort(sized, count, sizeof *sized, by_size);
        count = MEASURE_OVERLAP_SEGMENT_MAX;
        qsort(sized, count, sizeof *sized, by_place);
    }
    size_t *chosen = base_arena_alloc_array(arena, count + 1, sizeof *chosen);
    uint64_t *counts = base_arena_alloc_array(arena, count * (count + 1) / 2 + 1, sizeof *counts);
    for (size_t i = 0; i < count; i++) {
        chosen[i] = sized[i].segment;
        for (size_t j = 0; j <= i; j++)
            counts[i * (i + 1) / 2 + j] = roaring_bitmap_and_cardinality(
                answers->segments[chosen[i]], answers->segments[chosen[j]]);
    }
    *ret_overlap = (Overlap){.chosen = chosen, .count = count, .counts = counts};
}
