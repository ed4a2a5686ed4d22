// Columns of numbers against a constant: masks of 64 lanes a word, the same at every SIMD level.
#ifndef KRETS_ENGINE_KERNEL_SIMD_H
#define KRETS_ENGINE_KERNEL_SIMD_H

#include <stdint.h>

#include "engine/kernel.h"

// `values` holds 64 * words numbers. Bit i of word w is lane 64 w + i.
typedef struct KernelCompare {
    void (*at_least_u32)(const uint32_t *values, uint32_t words, uint32_t low, uint64_t *ret_bits);
    void (*equal_u32)(const uint32_t *values, uint32_t words, uint32_t to, uint64_t *ret_bits);
    void (*at_least_i64)(const int64_t *values, uint32_t words, int64_t low, uint64_t *ret_bits);
    void (*equal_i64)(const int64_t *values, uint32_t words, int64_t to, uint64_t *ret_bits);
    // The rows with keep[row] != 0, and their customers; both have room for `count` rounded up
    // to 64. How many there are.
    uint32_t (*collect)(const uint8_t *keep, const uint8_t *customers, uint32_t count,
                        uint32_t *ret_rows, uint8_t *ret_customers);
} KernelCompare;

// The functions of a level, or of the best below it that the processor has.
const KernelCompare *engine_kernel_compare(KernelSimd simd);

#endif
