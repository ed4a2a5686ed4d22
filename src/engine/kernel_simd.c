#include "engine/kernel_simd.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define PORTABLE(name, Number, op)                                                                 \
    static void name(const Number *values, uint32_t words, Number constant, uint64_t *ret_bits) {  \
        for (uint32_t w = 0; w < words; w++) {                                                     \
            uint64_t bits = 0;                                                                     \
            for (uint32_t i = 0; i < 64; i++)                                                      \
                bits |= (uint64_t)(values[w * 64 + i] op constant) << i;                           \
            ret_bits[w] = bits;                                                                    \
        }                                                                                          \
    }
PORTABLE(at_least_u32_portable, uint32_t, >=)
PORTABLE(equal_u32_portable, uint32_t, ==)
PORTABLE(at_least_i64_portable, int64_t, >=)
PORTABLE(equal_i64_portable, int64_t, ==)

static uint32_t collect_portable(const uint8_t *keep, const uint8_t *customers, uint32_t count,
                                 uint32_t *ret_rows, uint8_t *ret_customers) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        ret_rows[kept] = i;
        ret_customers[kept] = customers[i];
        kept += keep[i];
    }
    return kept;
}

static const KernelCompare portable = {at_least_u32_portable, equal_u32_portable,
                                       at_least_i64_portable, equal_i64_portable, collect_portable};

#if defined(__x86_64__)

#define AVX2   __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl")))

#define WITH_AVX2(name, Number, step, Compare)                                                     \
    AVX2 static void name(const Number *values, uint32_t words, Number constant,                   \
                          uint64_t *ret_bits) {                                                    \
        for (size_t w = 0; w < words; w++) {                                                       \
            uint64_t bits = 0;                                                                     \
            for (uint32_t i = 0; i < 64; i += (step))                                              \
                bits |= (uint64_t)Compare(values + w * 64 + i, constant) << i;                     \
            ret_bits[w] = bits;                                                                    \
        }                                                                                          \
    }

AVX2 static inline uint32_t at_least_8(const uint32_t *values, uint32_t low) {
    __m256i at = _mm256_loadu_si256((const __m256i *)(const void *)values);
    __m256i bound = _mm256_set1_epi32((int)low);
    __m256i is = _mm256_cmpeq_epi32(_mm256_max_epu32(at, bound), at);
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(is));
}

AVX2 static inline uint32_t equal_8(const uint32_t *values, uint32_t to) {
    __m256i at = _mm256_loadu_si256((const __m256i *)(const void *)values);
    __m256i is = _mm256_cmpeq_epi32(at, _mm256_set1_epi32((int)to));
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(is));
}

AVX2 static inline uint32_t at_least_4(const int64_t *values, int64_t low) {
    __m256i at = _mm256_loadu_si256((const __m256i *)(const void *)values);
    __m256i less = _mm256_cmpgt_epi64(_mm256_set1_epi64x(low), at);
    return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(less)) ^ 15u;
}

AVX2 static inline uint32_t equal_4(const int64_t *values, int64_t to) {
    __m256i at = _mm256_loadu_si256((const __m256i *)(const void *)values);
    __m256i is = _mm256_cmpeq_epi64(at, _mm256_set1_epi64x(to));
    return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(is));
}

WITH_AVX2(at_least_u32_avx2, uint32_t, 8, at_least_8)
WITH_AVX2(equal_u32_avx2, uint32_t, 8, equal_8)
WITH_AVX2(at_least_i64_avx2, int64_t, 4, at_least_4)
WITH_AVX2(equal_i64_avx2, int64_t, 4, equal_4)

static const KernelCompare avx2 = {at_least_u32_avx2, equal_u32_avx2, at_least_i64_avx2,
                                   equal_i64_avx2, collect_portable};

#define WITH_AVX512(name, Number, step, set, compare)                                              \
    AVX512 static void name(const Number *values, uint32_t words, Number constant,                 \
                            uint64_t *ret_bits) {                                                  \
        __m512i bound = set(constant);                                                             \
        for (size_t w = 0; w < words; w++) {                                                       \
            uint64_t bits = 0;                                                                     \
            for (uint32_t i = 0; i < 64; i += (step)) {                                            \
                __m512i at = _mm512_loadu_si512(values + w * 64 + i);                              \
                bits |= (uint64_t)compare(at, bound) << i;                                         \
            }                                                                                      \
            ret_bits[w] = bits;                                                                    \
        }                                                                                          \
    }
#define SET_U32(x) _mm512_set1_epi32((int)(x))
WITH_AVX512(at_least_u32_avx512, uint32_t, 16, SET_U32, _mm512_cmpge_epu32_mask)
WITH_AVX512(equal_u32_avx512, uint32_t, 16, SET_U32, _mm512_cmpeq_epi32_mask)
WITH_AVX512(at_least_i64_avx512, int64_t, 8, _mm512_set1_epi64, _mm512_cmpge_epi64_mask)
WITH_AVX512(equal_i64_avx512, int64_t, 8, _mm512_set1_epi64, _mm512_cmpeq_epi64_mask)

// 64 rows at a time: customers are pressed together by bytes, rows by fours.
__attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,popcnt"))) static uint32_t
collect_avx512(const uint8_t *keep, const uint8_t *customers, uint32_t count, uint32_t *ret_rows,
               uint8_t *ret_customers) {
    uint32_t kept = 0;
    const __m512i step = _mm512_set1_epi32(16);
    __m512i rows = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    for (uint32_t i = 0; i < count; i += 64) {
        uint32_t left = count - i;
        __mmask64 in = left >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << left) - 1;
        __mmask64 kept_mask = _mm512_mask_test_epi8_mask(in, _mm512_maskz_loadu_epi8(in, keep + i),
                                                         _mm512_set1_epi8(1));
        __m512i lanes = _mm512_maskz_loadu_epi8(in, customers + i);
        _mm512_storeu_si512(ret_customers + kept, _mm512_maskz_compress_epi8(kept_mask, lanes));
        for (uint32_t part = 0; part < 64; part += 16) {
            __mmask16 mask = (__mmask16)(kept_mask >> part);
            _mm512_storeu_si512(ret_rows + kept, _mm512_maskz_compress_epi32(mask, rows));
            kept += (uint32_t)__builtin_popcount(mask);
            rows = _mm512_add_epi32(rows, step);
        }
    }
    return kept;
}

static const KernelCompare avx512 = {at_least_u32_avx512, equal_u32_avx512, at_least_i64_avx512,
                                     equal_i64_avx512, collect_avx512};

#endif

const KernelCompare *engine_kernel_compare(KernelSimd simd) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi2");
    if ((simd == KERNEL_SIMD_BEST || simd == KERNEL_SIMD_AVX512) && has_avx512)
        return &avx512;
    if (simd != KERNEL_SIMD_NONE && __builtin_cpu_supports("avx2"))
        return &avx2;
#else
    (void)simd;
#endif
    return &portable;
}
