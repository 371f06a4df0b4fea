/* The hand-written kernels, compiled once for each instruction set; simd.pyx chooses one. */

#ifndef FASTEMBED_SIMD_H
#define FASTEMBED_SIMD_H

#include <math.h>
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
#define PRAGMA(x) _Pragma(#x)
#define UNROLL _Pragma("unroll")
#define COMPILE_FOR(isa) PRAGMA(clang attribute push(__attribute__((target(isa))), apply_to = function))
#define COMPILE_AS_BEFORE _Pragma("clang attribute pop")
#else
#define PRAGMA(x) _Pragma(#x)
#define UNROLL _Pragma("GCC unroll 16")
#define COMPILE_FOR(isa) _Pragma("GCC push_options") PRAGMA(GCC target(isa))
#define COMPILE_AS_BEFORE _Pragma("GCC pop_options")
#endif

/* ---- baseline: 16 bytes, which SSE2 and NEON have */

#define VECTOR_BYTES 16
#define ROWS 3
#define ISA(x) x##_baseline
#define ISA_NAME "baseline"
#include "instruction_set.h"

#if defined(__x86_64__)

COMPILE_FOR("avx2,fma")
#define ISA_AVX2
#define VECTOR_BYTES 32
#define ROWS 3
#define ISA(x) x##_avx2
#define ISA_NAME "avx2"
#include "instruction_set.h"
#undef ISA_AVX2
COMPILE_AS_BEFORE

COMPILE_FOR("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl")
#define ISA_AVX512
#define VECTOR_BYTES 64
#define ROWS 6
#define ISA(x) x##_avx512
#define ISA_NAME "avx512"
#include "instruction_set.h"
#undef ISA_AVX512
COMPILE_AS_BEFORE

#endif

/* The fastest first. */
static const instruction_set *const instruction_sets[] = {
#if defined(__x86_64__)
    &kernels_avx512, &kernels_avx2,
#endif
    &kernels_baseline, NULL};

static int runs_here(const instruction_set *set)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (set == &kernels_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (set == &kernels_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("fma");
#endif
    return set == &kernels_baseline;
}

#define NAME_OF(name) #name,
static const char *const cell_names[] = {CELLS(NAME_OF) NULL}; /* as in the tables of kernels */

#endif
