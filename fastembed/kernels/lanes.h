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

INLINE VEC NAME(load)(const REAL *p) { return *(const NAME(loose) *)p; }
INLINE void NAME(store)(REAL *p, VEC v) { *(NAME(loose) *)p = v; }
INLINE VEC NAME(splat)(REAL x) { return x - (VEC){0}; }

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

/* -a = n ln 2 + r, |r| <= ln 2 / 2; returns e^r - 1, which is exact to 1 ulp also near 0.
 * n is in the low bits of shifted. NaN stays NaN; a beyond top counts as top. */
INLINE VEC NAME(reduced)(VEC a, REAL top, BITS *shifted)
{
    VEC t, n, r, q;
    a = NAME(at_most)(a, top);
#ifdef REAL_IS_FLOAT
    t = a * -1.44269504f + 12582912.0f; /* 1.5 * 2^23: rounds to an integer */
    n = t - 12582912.0f;
    r = n * -0.693359375f - a; /* exact: the constant has 9 bits, n has 8 */
    r = n * 2.12194440e-4f + r;
    /* minimax of (e^r - 1 - r) / r^2, error 1.4e-9 */
    q = r * 1.98910304e-4f + 1.39336858e-3f;
    q = q * r + 8.33331048e-3f;
    q = q * r + 4.16664630e-2f;
    q = q * r + 1.66666672e-1f;
    q = q * r + 0.5f;
#else
    t = a * -1.4426950408889634 + 6755399441055744.0; /* 1.5 * 2^52 */
    n = t - 6755399441055744.0;
    r = n * -6.93147180369123816490e-01 - a; /* exact: the constant has 32 bits, n has 11 */
    r = n * -1.90821492927058770002e-10 + r;
    /* minimax of (e^r - 1 - r) / r^2, error 1.4e-18 */
    q = r * 2.0914717341716378e-09 + 2.5105259538448494e-08;
    q = q * r + 2.755727357010214e-07;
    q = q * r + 2.7557255297969643e-06;
    q = q * r + 2.4801587325605324e-05;
    q = q * r + 1.984126987490126e-04;
    q = q * r + 1.388888888888373e-03;
    q = q * r + 8.333333333326112e-03;
    q = q * r + 4.166666666666667e-02;
    q = q * r + 1.666666666666667e-01;
    q = q * r + 0.5;
#endif
    *shifted = (BITS)t;
    return r * r * q + r;
}

#ifdef REAL_IS_FLOAT
#define MANTISSA 23
#define BIAS 127
#define DEEP 64 /* 2^-DEEP carries results over into the denormals */
#define DEEP_SCALE 5.421010862427522e-20f
#define FAR ((REAL)104) /* e^-104 is 0 */
#define TANH_FAR ((REAL)40)
#else
#define MANTISSA 52
#define BIAS 1023
#define DEEP 200
#define DEEP_SCALE 6.223015277861142e-61
#define FAR ((REAL)746)
#define TANH_FAR ((REAL)80)
#endif

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
#undef DEEP
#undef DEEP_SCALE
#undef FAR
#undef TANH_FAR
