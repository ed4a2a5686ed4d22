// Customers by id: a table of hashes, and all ordinals in the order of ids.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "index/index_private.h"

uint64_t index_customer_hash(Str id) {
    return index_checksum(id.data, id.size_bytes, 0);
}

const IndexPartition *index_partition_of(const Index *index, uint32_t ordinal) {
    uint32_t low = 0, high = index->source.partition_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (index->partitions[middle].first_ordinal <= ordinal)
            low = middle;
        else
            high = middle;
    }
    assert(ordinal - index->partitions[low].first_ordinal < index->partitions[low].customer_count);
    return &index->partitions[low];
}

Str index_partition_id(const IndexPartition *partition, uint32_t customer) {
    assert(customer < partition->customer_count);
    uint32_t begin = customer == 0 ? 0 : partition->id_offsets[customer - 1];
    return (Str){partition->id_bytes + begin, partition->id_offsets[customer] - begin};
}

Str index_customer_id(const Index *index, uint32_t ordinal) {
    const IndexPartition *partition = index_partition_of(index, ordinal);
    return index_partition_id(partition, ordinal - partition->first_ordinal);
}

// The slot where a search begins: the hash's high bits, evenly over any count of slots.
static uint64_t first_slot(uint64_t hash, uint64_t count) {
    return (uint64_t)((unsigned __int128)hash * count >> 64);
}

bool index_customer_find(const Index *index, Str id, uint32_t *ret_ordinal) {
    uint64_t hash = index_customer_hash(id), count = index->slot_count;
    uint32_t mark = (uint32_t)hash; // the low bits, which the place does not tell
    uint64_t at = first_slot(hash, count);
    for (; index->slots[at].number != 0; at = at + 1 == count ? 0 : at + 1) {
        uint32_t ordinal = index->slots[at].number - 1;
        if (index->slots[at].hash == mark &&
            base_str_equal(index_customer_id(index, ordinal), id)) {
            *ret_ordinal = ordinal;
            return true;
        }
    }
    return false;
}

const uint32_t *index_customers_sorted(const Index *index) {
    return index->sorted;
}

// --- making ---

static void fill_slots(const Index *index, IndexSlot *slots, uint64_t count) {
    for (uint32_t p = 0; p < index->source.partition_count; p++) {
        const IndexPartition *partition = &index->partitions[p];
        for (uint32_t i = 0; i < partition->customer_count; i++) {
            uint64_t hash = index_customer_hash(index_partition_id(partition, i));
            uint64_t at = first_slot(hash, count);
            while (slots[at].number != 0)
                at = at + 1 == count ? 0 : at + 1;
            slots[at] = (IndexSlot){(uint32_t)hash, partition->first_ordinal + i + 1};
        }
    }
}

typedef struct SortedRun {
    const IndexPartition *partition;
    uint32_t *order; // of a partition's customers that are not sorted; NULL: as they are
    uint32_t next;
} SortedRun;

static uint32_t at_run(const SortedRun *run, uint32_t place) {
    return run->order == NULL ? place : run->order[place];
}

static bool comes_first(const SortedRun *a, const SortedRun *b) {
    return base_str_compare(index_partition_id(a->partition, at_run(a, a->next)),
                            index_partition_id(b->partition, at_run(b, b->next))) < 0;
}

static int compare_customers(const void *a, const void *b, void *partition) {
    return base_str_compare(index_partition_id(partition, *(const uint32_t *)a),
                            index_partition_id(partition, *(const uint32_t *)b));
}

static uint32_t *order_customers(const IndexPartition *partition) {
    uint32_t *order = calloc(partition->customer_count + (size_t)1, sizeof *order);
    if (order == NULL)
        abort();
    for (uint32_t i = 0; i < partition->customer_count; i++)
        order[i] = i;
    qsort_r(order, partition->customer_count, sizeof *order, compare_customers,
            (void *)(uintptr_t)partition);
    return order;
}

static void sift_down(SortedRun *heap, size_t count, size_t at) {
    for (;;) {
        size_t least = at, left = 2 * at + 1;
        if (left < count && comes_first(&heap[left], &heap[least]))
            least = left;
        if (left + 1 < count && comes_first(&heap[left + 1], &heap[least]))
            least = left + 1;
        if (least == at)
            return;
        SortedRun swap = heap[at];
        heap[at] = heap[least];
        heap[least] = swap;
        at = least;
    }
}

// Each partition is sorted, but for the last `unordered_count`: a merge of them.
static void fill_sorted(const Index *index, uint32_t unordered_count, uint32_t *sorted) {
    SortedRun *heap = calloc(index->source.partition_count + (size_t)1, sizeof *heap);
    if (heap == NULL)
        abort();
    size_t count = 0;
    for (uint32_t p = 0; p < index->source.partition_count; p++) {
        const IndexPartition *partition = &index->partitions[p];
        bool is_unordered = index->source.partition_count - p <= unordered_count;
        if (partition->customer_count > 0)
            heap[count++] =
                (SortedRun){partition, is_unordered ? order_customers(partition) : NULL, 0};
    }
    for (size_t i = count; i-- > 0;)
        sift_down(heap, count, i);
    uint32_t filled = 0;
    while (count > 0) {
        sorted[filled++] = heap[0].partition->first_ordinal + at_run(&heap[0], heap[0].next);
        if (++heap[0].next == heap[0].partition->customer_count) {
            free(heap[0].order);
            heap[0] = heap[--count];
        }
        sift_down(heap, count, 0);
    }
    assert(filled == index->source.customer_count);
    free(heap);
}

int index_customers_make(const Index *index, uint32_t unordered_count, const char *path,
                         Frame *ret_frame, KretsError *error) {
    size_t customers = index->source.customer_count;
    size_t slot_count = customers + customers / 4 + 16;
    IndexSlot *slots = calloc(slot_count, sizeof *slots);
    uint32_t *sorted = calloc(customers + 1, sizeof *sorted);
    int r = 0;
    if (slots == NULL || sorted == NULL) {
        r = base_error_set(error, BASE_E_RESOURCES,
                           "no memory for the table of %zu customers: give the program more",
                           customers);
    } else {
        fill_slots(index, slots, slot_count);
        fill_sorted(index, unordered_count, sorted);
        const FramePart parts[CUSTOMERS_SECTION_COUNT] = {
            [CUSTOMERS_SLOTS] = {slots, slot_count * sizeof *slots, false},
            [CUSTOMERS_SORTED] = {sorted, customers * sizeof *sorted, false},
        };
        FrameName name = {FRAME_CUSTOMERS, index->roster.build_id, 0};
        r = index_frame_make(path, name, parts, CUSTOMERS_SECTION_COUNT, ret_frame, error);
    }
    free(slots);
    free(sorted);
    return r;
}
