/* Template: the product of two matrices, after product.h.
 *
 * c is made in blocks of rows; a block in groups of columns, which stay in the cache while the sums
 * over DEPTH numbers each are added to them in turn. A sum is made panel by panel: up to 4 vectors
 * of columns of b, packed, times all rows of the block, tile by tile. The order of the sum of an
 * entry depends on K alone.
 */

#define DEPTH 256       /* the most numbers in a sum: a panel of b stays in the nearer cache */
#define BLOCK_ROWS 480  /* the most rows in a block */
#define GROUP_BYTES (512 << 10) /* of c, about */

/* How many numbers are summed at a time: whole lines, about equally many. */
static ptrdiff_t NAME(depth)(ptrdiff_t K)
{
    const ptrdiff_t sums = (K + DEPTH - 1) / DEPTH;
    return sums > 1 ? ((K + sums - 1) / sums + 15) / 16 * 16 : K;
}

static ptrdiff_t NAME(cut)(ptrdiff_t n, ptrdiff_t size) { return (n + size - 1) / size; }

/* The first n < LANES numbers at p, and zeros. */
INLINE VEC NAME(load_part)(const REAL *p, ptrdiff_t n)
{
#if defined(ISA_AVX512) && defined(REAL_IS_FLOAT)
    return (VEC)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif defined(ISA_AVX512)
    return (VEC)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
#else
    REAL part[LANES] = {0};
    memcpy(part, p, n * sizeof(REAL));
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
    memcpy(p, &v, n * sizeof(REAL));
#endif
}

/* n numbers to whole vectors, filled up with zeros. */
INLINE void NAME(widen)(REAL *to, const REAL *from, ptrdiff_t n)
{
    for (; n >= LANES; n -= LANES, from += LANES, to += LANES)
        NAME(store)(to, NAME(load)(from));
    if (n)
        NAME(store)(to, NAME(load_part)(from, n));
}

/* The first n numbers of whole vectors. */
INLINE void NAME(narrow)(REAL *to, const REAL *from, ptrdiff_t n)
{
    for (; n >= LANES; n -= LANES, from += LANES, to += LANES)
        NAME(store)(to, NAME(load)(from));
    if (n)
        NAME(store_part)(to, NAME(load)(from), n);
}

/* ---- packing */

/* Up to LANES columns of b, each contiguous, of K >= LANES numbers; the last square overlaps. */
static void NAME(pack_squares)(
    const REAL *b, ptrdiff_t b_col, ptrdiff_t K, ptrdiff_t columns, REAL *packed, ptrdiff_t width)
{
    for (ptrdiff_t next = 0; next < K; next += LANES) {
        const ptrdiff_t k = next + LANES <= K ? next : K - LANES;
        VEC square[LANES];
        UNROLL
        for (int lane = 0; lane < LANES; lane++)
            square[lane] = lane < columns ? NAME(load)(b + lane * b_col + k) : (VEC){0};
        NAME(transpose)(square);
        UNROLL
        for (int lane = 0; lane < LANES; lane++)
            NAME(store)(packed + (k + lane) * width, square[lane]);
    }
}

/* n columns of b as a tile wants them, (K, vectors, LANES), filled up with zeros. */
static void NAME(pack_panel)(
    const REAL *b, ptrdiff_t b_row, ptrdiff_t b_col, ptrdiff_t K, ptrdiff_t n, REAL *packed)
{
    const ptrdiff_t width = NAME(cut)(n, LANES) * LANES;
    if (b_col == 1) {
        for (ptrdiff_t k = 0; k < K; k++)
            NAME(widen)(packed + k * width, b + k * b_row, n);
    } else if (b_row == 1 && K >= LANES) {
        for (ptrdiff_t j = 0; j < n; j += LANES)
            NAME(pack_squares)(
                b + j * b_col, b_col, K, n - j < LANES ? n - j : LANES, packed + j, width);
    } else {
        for (ptrdiff_t k = 0; k < K; k++)
            for (ptrdiff_t j = 0; j < width; j++)
                packed[k * width + j] = j < n ? b[k * b_row + j * b_col] : 0;
    }
}

/* A matrix of contiguous columns a_col apart, in strips as tiles want them: (strips, K, ROWS). Some
 * columns at a time, so that whole lines are read. */
static void NAME(pack_columns)(
    const REAL *a, ptrdiff_t a_col, ptrdiff_t rows, ptrdiff_t K, REAL *packed)
{
    const ptrdiff_t strips = NAME(cut)(rows, ROWS);
    for (ptrdiff_t k_lo = 0; k_lo < K; k_lo += 8)
        for (ptrdiff_t strip = 0; strip < strips; strip++) {
            const ptrdiff_t row = rows * strip / strips, k_hi = k_lo + 8 < K ? k_lo + 8 : K;
            const ptrdiff_t left = rows - row;
            for (ptrdiff_t k = k_lo; k < k_hi; k++) {
                const REAL *from = a + row + k * a_col;
                REAL *to = packed + (strip * K + k) * ROWS;
                if (left >= ROWS)
                    memcpy(to, from, ROWS * sizeof(REAL));
                else
                    for (ptrdiff_t m = 0; m < left; m++)
                        to[m] = from[m];
            }
        }
}

/* ---- the product */

/* Whether tiles read columns of a from strips. */
static int NAME(packs_a)(const product *p) { return p->a_row == 1 && p->a_col != 1; }

/* Whether tiles can read whole panels of b where they are: packing costs a tile's time or so. */
static int NAME(reads_b)(const product *p) { return p->b_col == 1 && p->M <= 2 * ROWS; }

static size_t NAME(panel_size)(const product *p)
{
    const ptrdiff_t vectors = NAME(cut)(p->N, LANES);
    return NAME(depth)(p->K) * (vectors < 4 ? vectors : 4) * LANES;
}

static size_t NAME(product_scratch)(const product *p)
{
    const ptrdiff_t rows = p->M < BLOCK_ROWS ? NAME(cut)(p->M, ROWS) * ROWS : BLOCK_ROWS;
    const size_t strips = NAME(packs_a)(p) ? NAME(depth)(p->K) * rows : 0;
    return ((NAME(panel_size)(p) + strips) * sizeof(REAL) + 63) / 64 * 64;
}

/* A matrix of tiles' rows: where its numbers are, from one row to the next and from one strip to
 * the next. */
typedef struct {
    const REAL *at;
    ptrdiff_t row, col, strip; /* strip: 0 when the rows just go on */
} NAME(left);

/* The columns j to j + n of rows i to i + rows of c: the sum over k to k + K is added to what is
 * there, or to what c begins with. b is a panel of whole vectors; next is fetched meanwhile. */
static void NAME(panel_product)(
    const product *p, const NAME(left) *a, ptrdiff_t i, ptrdiff_t rows, ptrdiff_t j, ptrdiff_t n,
    ptrdiff_t k, ptrdiff_t K, const REAL *b, ptrdiff_t ldb, const REAL *next)
{
    const ptrdiff_t vectors = NAME(cut)(n, LANES), strips = NAME(cut)(rows, ROWS);
    const ptrdiff_t further = p->b_col == 1 ? p->b_row : p->b_col;
    const ptrdiff_t lines = (p->b_col == 1 ? n : K) / LINE + 1;
    const int whole = n == vectors * LANES, adds = k || p->add;
    const REAL *begin = p->bias ? (const REAL *)p->bias + j : NAME(zeros);
    REAL edge[ROWS * 4 * LANES];
    for (ptrdiff_t strip = 0; strip < strips; strip++) {
        const ptrdiff_t lo = rows * strip / strips, height = rows * (strip + 1) / strips - lo;
        REAL *c = (REAL *)p->c + (i + lo) * p->c_row + j, *out = whole ? c : edge;
        const REAL *init = adds ? c : begin;
        ptrdiff_t ldi = adds ? p->c_row : 0;
        if (!whole) {
            for (ptrdiff_t m = 0; m < height; m++)
                NAME(widen)(edge + m * vectors * LANES, init + m * ldi, n);
            init = edge;
            ldi = vectors * LANES;
        }
        NAME(tiles)[height - 1][vectors - 1](
            K, 1, a->strip ? a->at + strip * a->strip : a->at + lo * a->row, a->row, a->col, 0, b,
            ldb, LANES, init, ldi, out, whole ? p->c_row : vectors * LANES,
            strip < lines ? next + strip * LINE : b, strip < lines ? further : 0);
        if (!whole)
            for (ptrdiff_t m = 0; m < height; m++)
                NAME(narrow)(c + m * p->c_row, edge + m * vectors * LANES, n);
    }
}

/* Rows i to i + rows of c, columns j to j + n of it, all sums. */
static void NAME(group_product)(
    const product *p, ptrdiff_t i, ptrdiff_t rows, ptrdiff_t j, ptrdiff_t n, REAL *panel)
{
    const ptrdiff_t depth = NAME(depth)(p->K);
    const ptrdiff_t vectors = NAME(cut)(n, LANES), panels = NAME(cut)(vectors, 4);
    REAL *strips = panel + NAME(panel_size)(p);
    ptrdiff_t k = 0;
    do {
        const ptrdiff_t K = k + depth < p->K ? depth : p->K - k;
        const REAL *b = (const REAL *)p->b + k * p->b_row;
        NAME(left) a = {(const REAL *)p->a + i * p->a_row + k * p->a_col, p->a_row, p->a_col, 0};
        if (NAME(packs_a)(p)) {
            NAME(pack_columns)(a.at, a.col, rows, K, strips);
            a = (NAME(left)){strips, 1, ROWS, K * ROWS};
        }
        for (ptrdiff_t g = 0; g < panels; g++) {
            const ptrdiff_t lo = vectors * g / panels * LANES;
            const ptrdiff_t end = vectors * (g + 1) / panels * LANES, hi = end < n ? end : n;
            const REAL *from = b + (j + lo) * p->b_col;
            const REAL *next = g + 1 < panels ? b + (j + end) * p->b_col
                                              : b + depth * p->b_row + j * p->b_col;
            const int reads = NAME(reads_b)(p) && hi == end;
            if (!reads)
                NAME(pack_panel)(from, p->b_row, p->b_col, K, hi - lo, panel);
            NAME(panel_product)(
                p, &a, i, rows, j + lo, hi - lo, k, K, reads ? from : panel,
                reads ? p->b_row : end - lo, next);
        }
        k += depth;
    } while (k < p->K);
}

static ptrdiff_t NAME(product_units)(const product *p)
{
    return p->along_rows ? NAME(cut)(p->M, ROWS) : NAME(cut)(p->N, LANES);
}

static void NAME(product)(const void *args, int64_t lo, int64_t hi, int64_t member)
{
    const product *p = args;
    const ptrdiff_t unit = p->along_rows ? ROWS : LANES, size = p->along_rows ? p->M : p->N;
    const ptrdiff_t first = lo * unit, last = hi * unit < size ? hi * unit : size;
    const ptrdiff_t row = p->along_rows ? first : 0, rows = (p->along_rows ? last : p->M) - row;
    const ptrdiff_t col = p->along_rows ? 0 : first, columns = (p->along_rows ? p->N : last) - col;
    if (rows <= 0 || columns <= 0 || (p->K == 0 && p->add))
        return;
    REAL *panel = (REAL *)((char *)p->scratch + member * NAME(product_scratch)(p));
    const ptrdiff_t blocks = NAME(cut)(rows, BLOCK_ROWS), high = NAME(cut)(rows, blocks);
    const ptrdiff_t room = GROUP_BYTES / (high * 4 * LANES * (ptrdiff_t)sizeof(REAL));
    const ptrdiff_t most = (room > 1 ? room : 1) * 4 * LANES;
    for (ptrdiff_t i = 0; i < blocks; i++) {
        const ptrdiff_t from = row + rows * i / blocks, to = row + rows * (i + 1) / blocks;
        for (ptrdiff_t j = 0; j < columns; j += most)
            NAME(group_product)(
                p, from, to - from, col + j, columns - j < most ? columns - j : most, panel);
    }
}
