/* The hand-written kernels, compiled once for each instruction set and chosen when imported. */

#ifndef FASTEMBED_VARIANTS_H
#define FASTEMBED_VARIANTS_H

#include <string.h>

#include "jobs.h"

#if !defined(__GNUC__) && !defined(__clang__)
#error "the kernels need the vector extensions of gcc or clang: on Windows, build with clang-cl"
#endif

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
/* ---- baseline: 16 bytes, which SSE2 and NEON have */

#define VECTOR_BYTES 16
#define ROWS 3
#define ISA(x) x##_baseline
#define ISA_NAME "baseline"
#define ISA_BASELINE
#include "variant.h"
#undef VECTOR_BYTES
#undef ROWS
#undef ISA
#undef ISA_NAME
#undef ISA_BASELINE

#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define VECTOR_BYTES 32
#define ROWS 3
#define ISA(x) x##_avx2
#define ISA_NAME "avx2"
#define ISA_AVX2
#include "variant.h"
#undef VECTOR_BYTES
#undef ROWS
#undef ISA
#undef ISA_NAME
#undef ISA_AVX2
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(                                                                    \
    __attribute__((target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl")
#endif
#define VECTOR_BYTES 64
#define ROWS 6
#define ISA(x) x##_avx512
#define ISA_NAME "avx512"
#define ISA_AVX512
#include "variant.h"
#undef VECTOR_BYTES
#undef ROWS
#undef ISA
#undef ISA_NAME
#undef ISA_AVX512
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif

static const variant *const variants[] = {
#if defined(__x86_64__)
    &variant_avx512, &variant_avx2,
#endif
    &variant_baseline, NULL};

static int variant_runs(const variant *v)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (v == &variant_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (v == &variant_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("fma");
#endif
    return v == &variant_baseline;
}

#endif
