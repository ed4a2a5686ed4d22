#include "engine/lanes_vector.h"

#include <assert.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define LANES_X86 1
#else
#define LANES_X86 0
#endif

// ---- any processor ----

#define LANE_NAME(name) name##_plain
#define LANE_TARGET
#define LANE_LEVEL KERNEL_SIMD_NONE
#define LANE_WIDTH 2

#define LANE_PLAIN_MASK(condition)                                                                 \
    unsigned mask = 0;                                                                             \
    for (unsigned i = 0; i < 8; i++) {                                                             \
        mask |= (unsigned)(condition) << i;                                                        \
    }                                                                                              \
    return mask

static inline unsigned integers_in_8_plain(const int64_t *a, int64_t low, int64_t high) {
    LANE_PLAIN_MASK((a[i] >= low) & (a[i] <= high));
}
static inline unsigned numbers_in_8_plain(const double *a, double low, double high) {
    LANE_PLAIN_MASK((a[i] >= low) & (a[i] <= high));
}
static inline unsigned integers_less_8_plain(const int64_t *a, const int64_t *b) {
    LANE_PLAIN_MASK(a[i] < b[i]);
}
static inline unsigned integers_equal_8_plain(const int64_t *a, const int64_t *b) {
    LANE_PLAIN_MASK(a[i] == b[i]);
}
static inline unsigned numbers_less_8_plain(const double *a, const double *b) {
    LANE_PLAIN_MASK(a[i] < b[i]);
}
static inline unsigned numbers_equal_8_plain(const double *a, const double *b) {
    LANE_PLAIN_MASK(a[i] == b[i]);
}

#include "engine/lanes_vector.inc"

#undef LANE_NAME
#undef LANE_TARGET
#undef LANE_LEVEL
#undef LANE_WIDTH

#if LANES_X86

// ---- AVX2 ----

#define LANE_NAME(name) name##_avx2
#define LANE_TARGET     __attribute__((target("avx2")))
#define LANE_LEVEL      KERNEL_SIMD_AVX2
#define LANE_WIDTH      4

#define LANE_AVX2_INTEGERS(pointer) _mm256_load_si256((const __m256i *)(const void *)(pointer))
#define LANE_AVX2_MASK(mask)        ((unsigned)_mm256_movemask_pd(mask))
#define LANE_AVX2_CAST(mask)        _mm256_castsi256_pd(mask)

LANE_TARGET static inline unsigned integers_in_4_avx2(const int64_t *a, int64_t low, int64_t high) {
    __m256i x = LANE_AVX2_INTEGERS(a);
    __m256i is_below = _mm256_cmpgt_epi64(_mm256_set1_epi64x(low), x);
    __m256i is_above = _mm256_cmpgt_epi64(x, _mm256_set1_epi64x(high));
    return LANE_AVX2_MASK(LANE_AVX2_CAST(_mm256_or_si256(is_below, is_above))) ^ 15U;
}
LANE_TARGET static inline unsigned integers_in_8_avx2(const int64_t *a, int64_t low, int64_t high) {
    return integers_in_4_avx2(a, low, high) | integers_in_4_avx2(a + 4, low, high) << 4;
}

LANE_TARGET static inline unsigned numbers_in_4_avx2(const double *a, double low, double high) {
    __m256d x = _mm256_load_pd(a);
    __m256d is_high = _mm256_cmp_pd(x, _mm256_set1_pd(low), _CMP_GE_OQ);
    __m256d is_low = _mm256_cmp_pd(x, _mm256_set1_pd(high), _CMP_LE_OQ);
    return LANE_AVX2_MASK(_mm256_and_pd(is_high, is_low));
}
LANE_TARGET static inline unsigned numbers_in_8_avx2(const double *a, double low, double high) {
    return numbers_in_4_avx2(a, low, high) | numbers_in_4_avx2(a + 4, low, high) << 4;
}

LANE_TARGET static inline unsigned integers_less_8_avx2(const int64_t *a, const int64_t *b) {
    __m256i low = _mm256_cmpgt_epi64(LANE_AVX2_INTEGERS(b), LANE_AVX2_INTEGERS(a));
    __m256i high = _mm256_cmpgt_epi64(LANE_AVX2_INTEGERS(b + 4), LANE_AVX2_INTEGERS(a + 4));
    return LANE_AVX2_MASK(LANE_AVX2_CAST(low)) | LANE_AVX2_MASK(LANE_AVX2_CAST(high)) << 4;
}
LANE_TARGET static inline unsigned integers_equal_8_avx2(const int64_t *a, const int64_t *b) {
    __m256i low = _mm256_cmpeq_epi64(LANE_AVX2_INTEGERS(a), LANE_AVX2_INTEGERS(b));
    __m256i high = _mm256_cmpeq_epi64(LANE_AVX2_INTEGERS(a + 4), LANE_AVX2_INTEGERS(b + 4));
    return LANE_AVX2_MASK(LANE_AVX2_CAST(low)) | LANE_AVX2_MASK(LANE_AVX2_CAST(high)) << 4;
}
LANE_TARGET static inline unsigned numbers_less_8_avx2(const double *a, const double *b) {
    __m256d low = _mm256_cmp_pd(_mm256_load_pd(a), _mm256_load_pd(b), _CMP_LT_OQ);
    __m256d high = _mm256_cmp_pd(_mm256_load_pd(a + 4), _mm256_load_pd(b + 4), _CMP_LT_OQ);
    return LANE_AVX2_MASK(low) | LANE_AVX2_MASK(high) << 4;
}
LANE_TARGET static inline unsigned numbers_equal_8_avx2(const double *a, const double *b) {
    __m256d low = _mm256_cmp_pd(_mm256_load_pd(a), _mm256_load_pd(b), _CMP_EQ_OQ);
    __m256d high = _mm256_cmp_pd(_mm256_load_pd(a + 4), _mm256_load_pd(b + 4), _CMP_EQ_OQ);
    return LANE_AVX2_MASK(low) | LANE_AVX2_MASK(high) << 4;
}

#include "engine/lanes_vector.inc"

#undef LANE_NAME
#undef LANE_TARGET
#undef LANE_LEVEL
#undef LANE_WIDTH

// ---- AVX-512: a comparison yields its mask ----

#define LANE_NAME(name) name##_avx512
#define LANE_TARGET     __attribute__((target("avx512f,avx512dq")))
#define LANE_LEVEL      KERNEL_SIMD_AVX512
#define LANE_WIDTH      8

LANE_TARGET static inline unsigned integers_in_8_avx512(const int64_t *a, int64_t low,
                                                        int64_t high) {
    __m512i x = _mm512_load_si512(a);
    __mmask8 is_high = _mm512_cmpge_epi64_mask(x, _mm512_set1_epi64(low));
    return _mm512_mask_cmple_epi64_mask(is_high, x, _mm512_set1_epi64(high));
}
LANE_TARGET static inline unsigned numbers_in_8_avx512(const double *a, double low, double high) {
    __m512d x = _mm512_load_pd(a);
    __mmask8 is_high = _mm512_cmp_pd_mask(x, _mm512_set1_pd(low), _CMP_GE_OQ);
    return _mm512_mask_cmp_pd_mask(is_high, x, _mm512_set1_pd(high), _CMP_LE_OQ);
}
LANE_TARGET static inline unsigned integers_less_8_avx512(const int64_t *a, const int64_t *b) {
    return _mm512_cmplt_epi64_mask(_mm512_load_si512(a), _mm512_load_si512(b));
}
LANE_TARGET static inline unsigned integers_equal_8_avx512(const int64_t *a, const int64_t *b) {
    return _mm512_cmpeq_epi64_mask(_mm512_load_si512(a), _mm512_load_si512(b));
}
LANE_TARGET static inline unsigned numbers_less_8_avx512(const double *a, const double *b) {
    return _mm512_cmp_pd_mask(_mm512_load_pd(a), _mm512_load_pd(b), _CMP_LT_OQ);
}
LANE_TARGET static inline unsigned numbers_equal_8_avx512(const double *a, const double *b) {
    return _mm512_cmp_pd_mask(_mm512_load_pd(a), _mm512_load_pd(b), _CMP_EQ_OQ);
}

#include "engine/lanes_vector.inc"

#undef LANE_NAME
#undef LANE_TARGET
#undef LANE_LEVEL
#undef LANE_WIDTH

#endif

const LaneVector *engine_lanes_vector(KernelSimd simd) {
#if LANES_X86
    bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
    if (has_avx512 && (simd == KERNEL_SIMD_BEST || simd == KERNEL_SIMD_AVX512)) {
        return &vector_avx512;
    }
    if (__builtin_cpu_supports("avx2") && simd != KERNEL_SIMD_NONE) {
        return &vector_avx2;
    }
#endif
    (void)simd;
    return &vector_plain;
}
