/* Template: vectors of one instruction set, and the gate functions on them.
 *
 * REAL is float or double, WORD the signed integer of its size, NAME(x) makes a name of this
 * instruction set and type: see simd.h, which compiles the templates for each.
 */

typedef REAL NAME(vec) __attribute__((vector_size(LANES * sizeof(REAL))));
typedef WORD NAME(bits) __attribute__((vector_size(LANES * sizeof(REAL))));
typedef REAL NAME(loose)
    __attribute__((vector_size(LANES * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));

#define VEC NAME(vec)
#define BITS NAME(bits)
#define LINE ((ptrdiff_t)(64 / sizeof(REAL))) /* numbers in a cache line */

INLINE VEC NAME(load)(const REAL *p) { return *(const NAME(loose) *)p; }
INLINE void NAME(store)(REAL *p, VEC v) { *(NAME(loose) *)p = v; }
INLINE VEC NAME(splat)(REAL x) { return x - (VEC){0}; }

/* The first n < LANES numbers at p, and zeros. */
INLINE VEC NAME(load_part)(const REAL *p, ptrdiff_t n)
{
#if defined(ISA_AVX512) && defined(REAL_IS_FLOAT)
    return (VEC)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif defined(ISA_AVX512)
    return (VEC)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
#elif defined(ISA_AVX2) && defined(REAL_IS_FLOAT)
    return (VEC)_mm256_maskload_ps(p, (__m256i)((BITS){0, 1, 2, 3, 4, 5, 6, 7} < (WORD)n));
#elif defined(ISA_AVX2)
    return (VEC)_mm256_maskload_pd(p, (__m256i)((BITS){0, 1, 2, 3} < (WORD)n));
#else
    REAL part[LANES] = {0};
    for (ptrdiff_t k = 0; k < n; k++)
        part[k] = p[k];
    return NAME(load)(part);
#endif
}

INLINE void NAME(store_part)(REAL *p, VEC v, ptrdiff_t n)
{
#if defined(ISA_AVX512) && defined(REAL_IS_FLOAT)
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#elif defined(ISA_AVX512)
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)v);
#else
    const REAL *from = (const REAL *)&v;
    UNROLL
    for (int size = LANES / 2; size; size /= 2)
        if (n & size) {
            memcpy(p, from, size * sizeof(REAL));
            p += size, from += size;
        }
#endif
}

/* a where mask is all ones, b where it is zero */
INLINE VEC NAME(select)(BITS mask, VEC a, VEC b)
{
    return (VEC)((mask & (BITS)a) | (~mask & (BITS)b));
}

INLINE VEC NAME(magnitude)(VEC x)
{
    return (VEC)((BITS)x & ~(BITS)NAME(splat)((REAL)-0.0));
}

INLINE VEC NAME(with_sign_of)(VEC x, VEC signs) /* x >= 0 */
{
    return (VEC)((BITS)x | ((BITS)signs & (BITS)NAME(splat)((REAL)-0.0)));
}

/* The lanes of a and b by turns: those of the lower halves, and of the upper halves. */
#if LANES == 2
#define TURNS_LOW 0, 2
#define TURNS_HIGH 1, 3
#elif LANES == 4
#define TURNS_LOW 0, 4, 1, 5
#define TURNS_HIGH 2, 6, 3, 7
#elif LANES == 8
#define TURNS_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define TURNS_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define TURNS_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define TURNS_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#endif
#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (BITS){__VA_ARGS__})
#endif

/* Transpose a square of numbers; each round deals the two halves of the rows out by turns. */
INLINE void NAME(transpose)(VEC *rows)
{
    UNROLL
    for (int round = 1; round < LANES; round *= 2) {
        VEC dealt[LANES];
        UNROLL
        for (int k = 0; k < LANES / 2; k++) {
            dealt[2 * k] = SHUFFLE(rows[k], rows[k + LANES / 2], TURNS_LOW);
            dealt[2 * k + 1] = SHUFFLE(rows[k], rows[k + LANES / 2], TURNS_HIGH);
        }
        UNROLL
        for (int k = 0; k < LANES; k++)
            rows[k] = dealt[k];
    }
}

/* The sum of each of the rows, which are changed: each round adds the lanes of two to each other. */
INLINE VEC NAME(sums)(VEC *rows)
{
    UNROLL
    for (int half = LANES / 2; half; half /= 2)
        UNROLL
        for (int k = 0; k < half; k++)
            rows[k] = SHUFFLE(rows[k], rows[k + half], TURNS_LOW) +
                      SHUFFLE(rows[k], rows[k + half], TURNS_HIGH);
    return rows[0];
}

#undef TURNS_LOW
#undef TURNS_HIGH
#undef SHUFFLE

/* The lesser of a and top; NaN stays NaN. */
INLINE VEC NAME(at_most)(VEC a, REAL top)
{
#if defined(ISA_AVX512) && defined(REAL_IS_FLOAT)
    return (VEC)_mm512_min_ps((__m512)NAME(splat)(top), (__m512)a);
#elif defined(ISA_AVX512)
    return (VEC)_mm512_min_pd((__m512d)NAME(splat)(top), (__m512d)a);
#elif defined(ISA_AVX2) && defined(REAL_IS_FLOAT)
    return (VEC)_mm256_min_ps((__m256)NAME(splat)(top), (__m256)a);
#elif defined(ISA_AVX2)
    return (VEC)_mm256_min_pd((__m256d)NAME(splat)(top), (__m256d)a);
#else
    return NAME(select)((BITS)(a > top), NAME(splat)(top), a);
#endif
}

/* fit: minimax of (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2, made by benchmarks/fits.py.
 * LN2_HIGH has so few bits that its products with n are exact. 2^-DEEP carries results over into the
 * denormals. e^-FAR is 0, and so much less than 1 is e^-TANH_FAR. */
#ifdef REAL_IS_FLOAT
static const REAL NAME(fit)[] = { /* error 1.3e-9 */
    0.000199075744f, 0.00139336432f, 0.00833328602f, 0.0416664650f, 0.166666668f, 0.500000001f};
#define MANTISSA 23
#define BIAS 127
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194440e-4f
#define DEEP 64
#define DEEP_SCALE 0x1p-64f
#define FAR 104
#define TANH_FAR 40
#else
static const REAL NAME(fit)[] = { /* error 1.4e-18 */
    2.092158238003925e-09, 2.5105206912341694e-08, 2.7557252932538902e-07, 2.7557255424282906e-06,
    2.4801587347319319e-05, 0.00019841269874801824, 0.0013888888888874407, 0.0083333333333261411,
    0.041666666666666685, 0.16666666666666671, 0.5};
#define MANTISSA 52
#define BIAS 1023
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#define DEEP 200
#define DEEP_SCALE 0x1p-200
#define FAR 746
#define TANH_FAR 80
#endif
#define LOG2_E ((REAL)1.4426950408889634)
#define ROUNDS ((REAL)((WORD)3 << (MANTISSA - 1))) /* a number added to it becomes an integer */

/* -a = n ln 2 + r, |r| <= ln 2 / 2; returns e^r - 1, which is exact to 1 ulp also near 0.
 * n is in the low bits of shifted. NaN stays NaN; a beyond top counts as top. */
INLINE VEC NAME(reduced)(VEC a, REAL top, BITS *shifted)
{
    a = NAME(at_most)(a, top);
    const VEC t = a * -LOG2_E + ROUNDS, n = t - ROUNDS;
    const VEC r = n * -LN2_LOW + (n * -LN2_HIGH - a);
    VEC q = r * NAME(fit)[0] + NAME(fit)[1];
    UNROLL
    for (int k = 2; k < (int)(sizeof(NAME(fit)) / sizeof(REAL)); k++)
        q = q * r + NAME(fit)[k];
    *shifted = (BITS)t;
    return r * r * q + r;
}

/* e^-a for a >= 0 */
INLINE VEC NAME(decay)(VEC a)
{
    BITS n;
    VEC p = NAME(reduced)(a, FAR, &n);
    VEC scale = (VEC)((n + (BIAS + DEEP)) << MANTISSA);
    return (p * scale + scale) * DEEP_SCALE;
}

/* e^-a - 1 for a >= 0, with small relative error near 0 */
INLINE VEC NAME(decay_less_1)(VEC a)
{
    BITS n;
    VEC p = NAME(reduced)(a, TANH_FAR, &n);
    VEC scale = (VEC)((n + BIAS) << MANTISSA);
    return p * scale + (scale - 1);
}

/* Error at most 2.2 units in the last place; denormals, NaN and infinity as they should be. */
INLINE VEC NAME(sigmoid)(VEC x)
{
    VEC e = NAME(decay)(NAME(magnitude)(x));
    BITS negative = (BITS)x >> (8 * sizeof(REAL) - 1);
    return NAME(select)(negative, e, NAME(splat)(1)) / (1 + e);
}

/* Error at most 2.5 units in the last place. */
INLINE VEC NAME(tanh)(VEC x)
{
    VEC m = NAME(decay_less_1)(2 * NAME(magnitude)(x));
    return NAME(with_sign_of)(NAME(magnitude)(m) / (2 + m), x);
}

#undef MANTISSA
#undef BIAS
#undef LN2_HIGH
#undef LN2_LOW
#undef DEEP
#undef DEEP_SCALE
#undef FAR
#undef TANH_FAR
