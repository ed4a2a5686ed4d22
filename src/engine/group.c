// Equal values get equal numbers, so that counting them is an array and not a search.
#include <assert.h>
#include <stdlib.h>

#include "engine/engine_private.h"

// A value and where it stood.
typedef struct Placed {
    Value value;
    size_t position;
} Placed;

static int compare_placed(const void *a, const void *b) {
    return engine_value_order(((const Placed *)a)->value, ((const Placed *)b)->value);
}

bool engine_group_values(Work *work, Arena *arena, const Value *values, size_t count,
                         Groups *ret_groups) {
    Placed *placed = engine_work_alloc(work, arena, count, sizeof(Placed));
    uint32_t *numbers = engine_work_alloc(work, arena, count, sizeof(uint32_t));
    if (placed == NULL || numbers == NULL) {
        return false;
    }
    assert(count <= UINT32_MAX);
    for (size_t i = 0; i < count; i++) {
        placed[i] = (Placed){.value = values[i], .position = i};
    }
    qsort(placed, count, sizeof(Placed), compare_placed);
    uint32_t group_count = 0;
    for (size_t i = 0; i < count; i++) {
        group_count += i == 0 || compare_placed(&placed[i - 1], &placed[i]) != 0;
        numbers[placed[i].position] = group_count - 1;
    }
    assert(group_count <= count);
    *ret_groups = (Groups){.numbers = numbers, .count = group_count};
    return true;
}
