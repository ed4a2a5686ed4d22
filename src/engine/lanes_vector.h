// Loops over lanes, once for each level of SIMD; all levels give the same bits.
//
// Arrays are aligned to 64 bytes and have room for `count` rounded up to 8.
#ifndef KRETS_ENGINE_LANES_VECTOR_H
#define KRETS_ENGINE_LANES_VECTOR_H

#include "data/block.h"
#include "engine/kernel.h"
#include "engine/lanes.h"

// Where a test's bits matter: its result is (test XOR flip) AND valid, in all LANE_WORDS words.
typedef struct LaneMask {
    const uint64_t *valid; // LANE_WORDS
    uint64_t flip;         // 0 or UINT64_MAX
    uint32_t count;        // lanes in use
} LaneMask;

typedef struct LaneVector {
    KernelSimd level;
    // low <= a <= high; none where low > high. A not-a-number is in no range.
    void (*integers_in)(const int64_t *a, int64_t low, int64_t high, const LaneMask *mask,
                        uint64_t *ret_bits);
    void (*numbers_in)(const double *a, double low, double high, const LaneMask *mask,
                       uint64_t *ret_bits);
    void (*integers_less)(const int64_t *a, const int64_t *b, const LaneMask *mask,
                          uint64_t *ret_bits);
    void (*integers_equal)(const int64_t *a, const int64_t *b, const LaneMask *mask,
                           uint64_t *ret_bits);
    void (*numbers_less)(const double *a, const double *b, const LaneMask *mask,
                         uint64_t *ret_bits);
    void (*numbers_equal)(const double *a, const double *b, const LaneMask *mask,
                          uint64_t *ret_bits);

    void (*numbers_add)(const double *a, const double *b, uint32_t count, double *ret);
    void (*numbers_subtract)(const double *a, const double *b, uint32_t count, double *ret);
    void (*numbers_multiply)(const double *a, const double *b, uint32_t count, double *ret);
    void (*numbers_divide)(const double *a, const double *b, uint32_t count, double *ret);

    // Sums that wrap around; `ret_overflow` is negative where they did.
    void (*integers_add)(const int64_t *a, const int64_t *b, uint32_t count, int64_t *ret,
                         int64_t *ret_overflow);
    void (*integers_subtract)(const int64_t *a, const int64_t *b, uint32_t count, int64_t *ret,
                              int64_t *ret_overflow);
    // sign * a + b, wrapping around.
    void (*integers_shift)(const int64_t *a, int64_t sign, int64_t b, uint32_t count, int64_t *ret);
    // a, brought into [-limit, limit], times factor.
    void (*integers_scale)(const int64_t *a, int64_t limit, int64_t factor, uint32_t count,
                           int64_t *ret);
    // (double)a / divisor.
    void (*integers_to_numbers)(const int64_t *a, double divisor, uint32_t count, double *ret);
    // How many of the bounds are below x.
    void (*numbers_rank)(const double *x, const double *bounds, size_t bound_count, uint32_t count,
                         int64_t *ret);
    // `a` where the bit is set, else what is there; with `a` NULL: what is there, else 0.
    void (*words_select)(const int64_t *a, const uint64_t *bits, uint32_t count, int64_t *ret);
} LaneVector;

// The highest level that the processor has, at most this one.
const LaneVector *engine_lanes_vector(KernelSimd simd);

#endif
