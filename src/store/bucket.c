// Which bucket a customer belongs to. Part of the format of the data folder: never changes.

#include "store/store_private.h"

// FNV-1a, 64 bits (draft-eastlake-fnv), folded so that the low bits hold all of it. The bucket is
// the hash modulo the bucket count, a power of two: so bucket b of n is the union of the buckets b
// and b + n of 2n.
uint64_t store_customer_hash(Str customer) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < customer.size_bytes; i++) {
        hash ^= (unsigned char)customer.data[i];
        hash *= UINT64_C(0x100000001b3);
    }
    return hash ^ (hash >> 32);
}

// A quarter of the memory holds a bucket's rows at about 64 bytes each.
uint64_t store_bucket_rows(const Store *store) {
    if (store->options.bucket_rows > 0)
        return store->options.bucket_rows;
    uint64_t rows = store->options.memory_bytes / 256;
    if (rows < STORE_BUCKET_ROWS_MIN)
        return STORE_BUCKET_ROWS_MIN;
    return rows < STORE_BUCKET_ROWS ? rows : STORE_BUCKET_ROWS;
}

uint64_t store_bucket_wanted(const Store *store, uint64_t rows) {
    uint64_t buckets = 1, bucket_rows = store_bucket_rows(store);
    // Hashing does not spread evenly: an eighth more than the target is fine.
    while (buckets < STORE_BUCKETS_MAX && rows / buckets > bucket_rows + bucket_rows / 8)
        buckets *= 2;
    return buckets;
}
