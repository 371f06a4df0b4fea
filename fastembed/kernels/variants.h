/* The recurrent kernels, compiled once for each instruction set and chosen when imported.
 *
 * Needs the vector extensions of gcc and clang; without them there are no variants, and callers
 * use the products of BLAS.
 */

#ifndef FASTEMBED_VARIANTS_H
#define FASTEMBED_VARIANTS_H

#include <string.h>

#include "jobs.h"

#if (defined(__GNUC__) || defined(__clang__)) && !defined(_MSC_VER)

#include <sched.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define PAD 16 /* room to align an array */

/* Wait until all members of the gang are here; nonzero when the gang was called off. */
static int gang_meet(int64_t *sync, int size, int64_t *round)
{
    if (size == 1)
        return 0;
    int64_t all = ++*round * size;
    __atomic_add_fetch(&sync[0], 1, __ATOMIC_ACQ_REL);
    for (long spins = 0; __atomic_load_n(&sync[0], __ATOMIC_ACQUIRE) < all; spins++) {
        if (__atomic_load_n(&sync[15], __ATOMIC_RELAXED))
            return 1;
        if (spins < 4000) {
#if defined(__x86_64__) || defined(__i386__)
            __builtin_ia32_pause();
#endif
        } else {
            sched_yield(); /* the CPUs may be fewer than the threads */
        }
    }
    return 0;
}

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

#else
static const variant *const variants[] = {NULL};
static int variant_runs(const variant *v) { return v != NULL; }
#endif

#endif
