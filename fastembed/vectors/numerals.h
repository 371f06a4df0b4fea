/* Numbers in decimal, to the float or double that lies nearest (ties to even), in any locale.
 *
 * Nothing is copied: numerals may be followed by anything. Eight readable bytes must come after the
 * text, none of which may be part of a numeral.
 */

#ifndef FASTEMBED_NUMERALS_H
#define FASTEMBED_NUMERALS_H

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__APPLE__)
#include <xlocale.h>
#endif

#if defined(_WIN32)
static _locale_t c_locale;
#define MAKE_C_LOCALE() (c_locale = _create_locale(LC_ALL, "C"))
#define slow_float(text) _strtof_l(text, NULL, c_locale)
#define slow_double(text) _strtod_l(text, NULL, c_locale)
#else
static locale_t c_locale;
#define MAKE_C_LOCALE() (c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0))
#define slow_float(text) strtof_l(text, NULL, c_locale)
#define slow_double(text) strtod_l(text, NULL, c_locale)
#endif

static const double TENS[] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14,
    1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29,
    1e30, 1e31, 1e32, 1e33, 1e34, 1e35, 1e36, 1e37, 1e38, 1e39, 1e40, 1e41, 1e42, 1e43, 1e44,
    1e45, 1e46, 1e47, 1e48, 1e49, 1e50, 1e51, 1e52, 1e53, 1e54, 1e55, 1e56, 1e57, 1e58, 1e59, 1e60,
};
enum { EXACT_TENS = 22, ALL_TENS = 60, WHOLE_DIGITS = 19 };

/* What a numeral says: (-1)^negative * digits * 10^exponent; near where digits were left out. */
typedef struct {
    uint64_t digits;
    int64_t exponent;
    int negative, near, special; /* special: 'i' infinity, 'n' no number */
} decimal;

static inline int is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* Add digits to w, which may overflow; returns where they end. */
static inline const char *take_digits(const char *p, uint64_t *w)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    static const uint64_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    for (;;) { /* eight at a time: the first is in the lowest byte */
        uint64_t v;
        memcpy(&v, p, 8);
        const uint64_t others = ((v + 0x4646464646464646u) | (v - 0x3030303030303030u)) & 0x8080808080808080u;
        const int n = others ? __builtin_ctzll(others) >> 3 : 8;
        if (n == 0)
            return p;
        v = (v & 0x0f0f0f0f0f0f0f0fu) << (64 - 8 * n); /* zeros come in before them */
        v = v * 10 + (v >> 8);
        v = ((v & 0x000000ff000000ffu) * 0x000f424000000064u +
             ((v >> 16) & 0x000000ff000000ffu) * 0x0000271000000001u) >> 32;
        *w = *w * tens[n] + (uint32_t)v;
        p += n;
        if (n < 8)
            return p;
    }
#else
    for (; is_digit(*p); p++)
        *w = *w * 10 + (uint64_t)(*p - '0');
    return p;
#endif
}

/* The first digits of a numeral with more of them than fit. */
static void shorten(const char *p, decimal *d)
{
    int64_t count = 0, point = 0, seen_point = 0;
    d->digits = 0;
    for (;; p++) {
        if (*p == '.' && !seen_point) {
            seen_point = 1;
            continue;
        }
        if (!is_digit(*p))
            break;
        if (count == WHOLE_DIGITS) {
            d->near |= *p != '0';
            point += !seen_point;
            continue;
        }
        d->digits = d->digits * 10 + (uint64_t)(*p - '0');
        count += d->digits != 0;
        point -= seen_point;
    }
    d->exponent += point;
}

static inline int is_word(const char *p, const char *word)
{
    for (; *word; p++, word++)
        if ((*p | 32) != *word)
            return 0;
    return 1;
}

/* Read a numeral; returns where it ends, NULL if there is none. */
static inline const char *read_decimal(const char *p, decimal *d)
{
    d->negative = *p == '-';
    p += d->negative | (*p == '+');
    d->digits = 0, d->exponent = 0, d->near = 0, d->special = 0;
    const char *start = p;
    for (; is_digit(*p); p++)
        d->digits = d->digits * 10 + (uint64_t)(*p - '0');
    int64_t count = p - start;
    if (*p == '.') {
        const char *point = ++p;
        p = take_digits(p, &d->digits);
        d->exponent = point - p;
        count += p - point;
    }
    if (count == 0) {
        if (p != start)
            return NULL; /* a point alone */
        d->special = is_word(p, "nan") ? 'n' : is_word(p, "inf") ? 'i' : 0;
        return !d->special ? NULL : p + (is_word(p, "infinity") ? 8 : 3);
    }
    if (count > WHOLE_DIGITS) {
        d->exponent = 0;
        shorten(start, d);
    }
    if ((*p | 32) == 'e') {
        const int down = *++p == '-';
        p += down | (*p == '+');
        if (!is_digit(*p))
            return NULL;
        int64_t exponent = 0;
        for (; is_digit(*p); p++)
            exponent = exponent < 100000000 ? exponent * 10 + (*p - '0') : exponent;
        d->exponent += down ? -exponent : exponent;
    }
    return p;
}

static inline double special_value(const decimal *d)
{
    const double x = d->special == 'i' ? INFINITY : NAN;
    return d->negative ? -x : x;
}

/* Read a double. Up to 2^53 and 10^22, factors are exact, and one operation rounds right. */
static inline const char *read_double(const char *p, double *out)
{
    decimal d;
    const char *end = read_decimal(p, &d);
    if (end == NULL)
        return NULL;
    if (d.special) {
        *out = special_value(&d);
    } else if (!d.near && d.digits <= (uint64_t)1 << 53 && d.exponent <= EXACT_TENS &&
               d.exponent >= -EXACT_TENS) {
        double x = (double)d.digits;
        x = d.exponent < 0 ? x / TENS[-d.exponent] : x * TENS[d.exponent];
        *out = d.negative ? -x : x;
    } else {
        *out = slow_double(p);
    }
    return end;
}

/* Read a float. A double that is off by three roundings at most shows which float lies nearest,
 * unless it is as near to the middle between two. */
static inline const char *read_float(const char *p, float *out)
{
    decimal d;
    const char *end = read_decimal(p, &d);
    if (end == NULL)
        return NULL;
    if (d.special) {
        *out = (float)special_value(&d);
        return end;
    }
    if (d.exponent <= ALL_TENS && d.exponent >= -ALL_TENS) {
        double x = (double)d.digits;
        x = d.exponent < 0 ? x / TENS[-d.exponent] : x * TENS[d.exponent];
        uint64_t bits;
        memcpy(&bits, &x, 8);
        const int middle = (bits & 0x1fffffff) - 0x0ffffff8 <= 16; /* unsigned */
        if (x == 0 || (!middle && x > 1.2e-38 && x < 3.4e38)) {
            *out = (float)(d.negative ? -x : x);
            return end;
        }
    }
    *out = slow_float(p);
    return end;
}

#endif
