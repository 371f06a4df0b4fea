/* Template: the product of two matrices, after product.h.
 *
 * c is made in blocks of rows; a block in groups of columns, which stay in the cache while the sums
 * over DEPTH numbers each are added to them in turn. A sum is made panel by panel: up to 4 vectors
 * of columns of b times all rows of the block, tile by tile. If the columns are no whole vectors,
 * the last vector overlaps the one before it. The order of the sum of an entry depends on K alone.
 * Few rows times contiguous columns are sums along both instead, in another order.
 */

#define DEPTH 256       /* the most numbers in a sum: a panel of b stays in the nearer cache */
#define BLOCK_ROWS 480  /* the most rows in a block */
#define GROUP_BYTES (512 << 10) /* of c, about */
#define FEW_ROWS 4      /* so few are summed along contiguous columns: packing costs as much */
#define PACKED_ROWS 24  /* more are worth packing a panel of b that could be read in place */

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

/* ---- packing */

/* Up to LANES columns of K contiguous numbers become rows, width apart. Rows have whole vectors
 * unless exact; the last square overlaps the one before it. */
static void NAME(turn_squares)(
    const REAL *b, ptrdiff_t b_col, ptrdiff_t K, ptrdiff_t columns, REAL *rows, ptrdiff_t width)
{
    for (ptrdiff_t next = 0; next < K; next += LANES) {
        const ptrdiff_t k = next + LANES <= K || K < LANES ? next : K - LANES;
        const ptrdiff_t height = K < LANES ? K : LANES;
        VEC square[LANES];
        UNROLL
        for (int lane = 0; lane < LANES; lane++)
            square[lane] = lane >= columns ? (VEC){0}
                : height == LANES ? NAME(load)(b + lane * b_col + k)
                : NAME(load_part)(b + lane * b_col + k, height);
        NAME(transpose)(square);
        UNROLL
        for (int lane = 0; lane < LANES; lane++)
            if (lane < height)
                NAME(store)(rows + (k + lane) * width, square[lane]);
    }
}

/* n columns of b as a tile wants them, (K, vectors, LANES): the last vector overlaps, or zeros fill
 * up the only one. */
static void NAME(pack_panel)(
    const REAL *b, ptrdiff_t b_row, ptrdiff_t b_col, ptrdiff_t K, ptrdiff_t n, REAL *packed)
{
    const ptrdiff_t vectors = NAME(cut)(n, LANES), width = vectors * LANES;
    for (ptrdiff_t v = 0; v < vectors; v++) {
        const ptrdiff_t first = v + 1 < vectors || n < LANES ? v * LANES : n - LANES;
        const ptrdiff_t columns = n < LANES ? n : LANES;
        const REAL *from = b + first * b_col;
        REAL *to = packed + v * LANES;
        if (b_row == 1)
            NAME(turn_squares)(from, b_col, K, columns, to, width);
        else if (b_col == 1 && columns == LANES)
            for (ptrdiff_t k = 0; k < K; k++)
                NAME(store)(to + k * width, NAME(load)(from + k * b_row));
        else if (b_col == 1)
            for (ptrdiff_t k = 0; k < K; k++)
                NAME(store)(to + k * width, NAME(load_part)(from + k * b_row, columns));
        else
            for (ptrdiff_t k = 0; k < K; k++)
                for (ptrdiff_t j = 0; j < LANES; j++)
                    to[k * width + j] = j < columns ? from[k * b_row + j * b_col] : 0;
    }
}

/* ---- the product */

/* Whether columns of a are turned into rows: the nearer cache does not hold a tile's lines. */
static int NAME(packs_a)(const product *p)
{
    return p->a_row == 1 && p->a_col != 1 && p->K > DEPTH && p->N >= 8 * LANES;
}

/* Whether panels of b are packed though tiles could read them where they are. */
static int NAME(packs_b)(const product *p)
{
    return p->b_col != 1 || p->M > PACKED_ROWS;
}

/* Whether entries of c are sums along rows of a and columns of b. */
static int NAME(sums_along)(const product *p)
{
    return p->b_row == 1 && p->a_col == 1 && p->M <= FEW_ROWS && p->K >= LANES;
}

static size_t NAME(panel_size)(const product *p)
{
    const ptrdiff_t vectors = NAME(cut)(p->N, LANES);
    return NAME(depth)(p->K) * (vectors < 4 ? vectors : 4) * LANES;
}

static ptrdiff_t NAME(turned_width)(const product *p)
{
    return NAME(cut)(NAME(depth)(p->K), LANES) * LANES;
}

static size_t NAME(product_scratch)(const product *p)
{
    const ptrdiff_t rows = p->M < BLOCK_ROWS ? p->M : BLOCK_ROWS;
    const int packs_b = NAME(packs_b)(p) || p->N % LANES; /* a slice may be less than a vector */
    const size_t panel = packs_b ? NAME(panel_size)(p) : 0;
    const size_t turned = NAME(packs_a)(p) ? NAME(turned_width)(p) * rows : 0;
    return NAME(sums_along)(p) ? 0 : ((panel + turned) * sizeof(REAL) + 63) / 64 * 64;
}

/* What all tiles of a panel have in common. */
typedef struct {
    ptrdiff_t K, a_row, a_col;
    const REAL *b; /* vectors side by side, but for the last one */
    ptrdiff_t b_row, b_last;
    ptrdiff_t c_row, c_last;
    ptrdiff_t part; /* columns of the only vector, if it is not whole */
    const REAL *spills; /* up to here whole vectors may be stored: the rest is written later */
    int adds;       /* to what is in c; otherwise to begin */
    VEC begin[4];
    const REAL *next; /* is fetched meanwhile, a line for each k of a tile */
    ptrdiff_t further, lines;
} NAME(panel);

/* c[m, v] = begin[v] + sum_k a[m, k] b[k, v]  for m < rows, v < vectors, all in registers */
INLINE void NAME(panel_tile)(
    const int rows, const int vectors, const NAME(panel) *p, const REAL *a, REAL *c,
    const REAL *ahead, ptrdiff_t further)
{
    const ptrdiff_t K = p->K, a_row = p->a_row, a_col = p->a_col, b_row = p->b_row;
    const ptrdiff_t b_last = p->b_last;
    const REAL *b = p->b;
    VEC sum[8][4];
    UNROLL
    for (int m = 0; m < rows; m++)
        UNROLL
        for (int v = 0; v < vectors; v++)
            sum[m][v] = (VEC){0};
    for (ptrdiff_t k = 0; k < K; k++, a += a_col, b += b_row, ahead += further) {
        VEC w[4];
        __builtin_prefetch(ahead, 0, 2);
        UNROLL
        for (int v = 0; v < vectors; v++)
            w[v] = NAME(load)(b + (v == vectors - 1 ? b_last : v * LANES));
        UNROLL
        for (int m = 0; m < rows; m++) {
            VEC s = NAME(splat)(a[m * a_row]);
            UNROLL
            for (int v = 0; v < vectors; v++)
                sum[m][v] += s * w[v];
        }
    }
    UNROLL
    for (int m = 0; m < rows; m++, c += p->c_row) {
        if (vectors == 1 && p->part) {
            VEC out = sum[m][0] + (p->adds ? NAME(load_part)(c, p->part) : p->begin[0]);
            if (c + LANES <= p->spills)
                NAME(store)(c, out);
            else
                NAME(store_part)(c, out, p->part);
            continue;
        }
        VEC out[4]; /* all are read before any is written: the last one overlaps */
        UNROLL
        for (int v = 0; v < vectors; v++)
            out[v] = p->adds ? NAME(load)(c + (v == vectors - 1 ? p->c_last : v * LANES))
                             : p->begin[v];
        UNROLL
        for (int v = 0; v < vectors; v++)
            NAME(store)(c + (v == vectors - 1 ? p->c_last : v * LANES), out[v] + sum[m][v]);
    }
}

/* All rows of a panel, in tiles of about equal height. */
#define PANEL(vectors, most, tiles)                                                              \
    static void NAME(panel_##vectors)(                                                           \
        const NAME(panel) *p, const REAL *a, REAL *c, ptrdiff_t rows)                            \
    {                                                                                            \
        const ptrdiff_t count = NAME(cut)(rows, most), low = rows / count;                       \
        ptrdiff_t higher = rows - low * count;                                                   \
        for (ptrdiff_t i = 0; i < count; i++) {                                                  \
            const ptrdiff_t height = low + (i < higher);                                         \
            const REAL *ahead = i < p->lines ? p->next + i * LINE : p->b;                        \
            const ptrdiff_t further = i < p->lines ? p->further : 0;                             \
            switch (height) {                                                                    \
                tiles(vectors)                                                                   \
            }                                                                                    \
            a += height * p->a_row;                                                              \
            c += height * p->c_row;                                                              \
        }                                                                                        \
    }
#define HIGH(rows, vectors)                                                                      \
    case rows:                                                                                   \
        NAME(panel_tile)(rows, vectors, p, a, c, ahead, further);                                \
        break;
#define UP_TO_3(vectors) HIGH(1, vectors) HIGH(2, vectors) HIGH(3, vectors)
#define UP_TO_4(vectors) UP_TO_3(vectors) HIGH(4, vectors)
#define UP_TO_6(vectors) UP_TO_4(vectors) HIGH(5, vectors) HIGH(6, vectors)
#define UP_TO_8(vectors) UP_TO_6(vectors) HIGH(7, vectors) HIGH(8, vectors)
#if ROWS == 6
PANEL(1, 8, UP_TO_8) PANEL(2, 8, UP_TO_8) PANEL(3, 8, UP_TO_8) PANEL(4, 6, UP_TO_6)
#else
PANEL(1, 8, UP_TO_8) PANEL(2, 6, UP_TO_6) PANEL(3, 4, UP_TO_4) PANEL(4, 3, UP_TO_3)
#endif
static void (*const NAME(panels)[4])(const NAME(panel) *, const REAL *, REAL *, ptrdiff_t) = {
    NAME(panel_1), NAME(panel_2), NAME(panel_3), NAME(panel_4)};

/* Rows i to i + rows of c, columns j to j + n of it, all sums. */
static void NAME(group_product)(
    const product *p, ptrdiff_t i, ptrdiff_t rows, ptrdiff_t j, ptrdiff_t n, REAL *room)
{
    const ptrdiff_t depth = NAME(depth)(p->K);
    const ptrdiff_t vectors = NAME(cut)(n, LANES), panels = NAME(cut)(vectors, 4);
    const int packs_a = NAME(packs_a)(p), packs_b = NAME(packs_b)(p) || n < LANES;
    REAL *turned = room + (packs_b ? NAME(panel_size)(p) : 0), *c = (REAL *)p->c + i * p->c_row + j;
    const REAL *bias = p->bias ? (const REAL *)p->bias + j : NULL;
    NAME(panel) panel;
    panel.c_row = p->c_row;
    ptrdiff_t k = 0;
    do {
        const ptrdiff_t K = k + depth < p->K ? depth : p->K - k;
        const REAL *a = (const REAL *)p->a + i * p->a_row + k * p->a_col;
        const REAL *b = (const REAL *)p->b + k * p->b_row + j * p->b_col;
        panel.K = K, panel.a_row = p->a_row, panel.a_col = p->a_col, panel.adds = k || p->add;
        if (packs_a) {
            panel.a_row = NAME(turned_width)(p), panel.a_col = 1;
            for (ptrdiff_t first = 0; first < K; first += LANES)
                NAME(turn_squares)(
                    a + first * p->a_col, p->a_col, rows, K - first < LANES ? K - first : LANES,
                    turned + first, panel.a_row);
            a = turned;
        }
        for (ptrdiff_t g = 0; g < panels; g++) {
            const ptrdiff_t lo = vectors * g / panels * LANES;
            const ptrdiff_t end = vectors * (g + 1) / panels * LANES, hi = end < n ? end : n;
            const REAL *from = b + lo * p->b_col;
            panel.c_last = hi - lo < LANES ? 0 : hi - lo - LANES;
            panel.part = hi - lo < LANES ? hi - lo : 0;
            panel.spills = panel.part && p->c_row == n && !panel.adds ? c + rows * n : NULL;
            panel.b = from, panel.b_row = p->b_row, panel.b_last = panel.c_last;
            if (packs_b) {
                NAME(pack_panel)(from, p->b_row, p->b_col, K, hi - lo, room);
                panel.b = room, panel.b_row = end - lo, panel.b_last = end - lo - LANES;
            }
            for (ptrdiff_t v = 0; v * LANES < hi - lo; v++) {
                const ptrdiff_t at = v * LANES < hi - lo - LANES ? v * LANES : panel.c_last;
                const ptrdiff_t first = lo + at;
                panel.begin[v] = !bias        ? (VEC){0}
                                 : panel.part ? NAME(load_part)(bias + first, panel.part)
                                              : NAME(load)(bias + first);
            }
            panel.next = g + 1 < panels       ? b + end * p->b_col
                         : k + depth < p->K ? b + depth * p->b_row
                                            : b;
            panel.further = p->b_col == 1 ? p->b_row : p->b_col;
            panel.lines = (p->b_col == 1 ? hi - lo : K) / LINE + 1;
            NAME(panels)[(end - lo) / LANES - 1](&panel, a, c + lo, rows);
        }
        k += depth;
    } while (k < p->K);
}

/* Columns j to j + n of all rows of c: sums along rows of a and columns of b, both contiguous. */
static void NAME(sums_product)(const product *p, ptrdiff_t j, ptrdiff_t n)
{
    const ptrdiff_t K = p->K, whole = K / LANES * LANES;
    for (ptrdiff_t first = j; first < j + n; first += LANES) {
        const ptrdiff_t columns = j + n - first < LANES ? j + n - first : LANES;
        const REAL *b[LANES];
        for (ptrdiff_t lane = 0; lane < LANES; lane++)
            b[lane] =
                (const REAL *)p->b + (first + (lane < columns ? lane : columns - 1)) * p->b_col;
        VEC begin = {0};
        if (p->bias)
            begin = columns == LANES ? NAME(load)((const REAL *)p->bias + first)
                                     : NAME(load_part)((const REAL *)p->bias + first, columns);
        for (ptrdiff_t m = 0; m < p->M; m++) {
            const REAL *a = (const REAL *)p->a + m * p->a_row;
            REAL *c = (REAL *)p->c + m * p->c_row + first;
            VEC sum[LANES];
            UNROLL
            for (int lane = 0; lane < LANES; lane++)
                sum[lane] = (VEC){0};
            for (ptrdiff_t k = 0; k < whole; k += LANES) {
                const VEC x = NAME(load)(a + k);
                UNROLL
                for (int lane = 0; lane < LANES; lane++)
                    sum[lane] += x * NAME(load)(b[lane] + k);
            }
            if (whole < K) {
                const VEC x = NAME(load_part)(a + whole, K - whole);
                UNROLL
                for (int lane = 0; lane < LANES; lane++)
                    sum[lane] += x * NAME(load_part)(b[lane] + whole, K - whole);
            }
            const VEC out = NAME(sums)(sum);
            if (columns == LANES)
                NAME(store)(c, out + (p->add ? NAME(load)(c) : begin));
            else
                NAME(store_part)(
                    c, out + (p->add ? NAME(load_part)(c, columns) : begin), columns);
        }
    }
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
    if (NAME(sums_along)(p)) {
        product some = *p;
        some.M = rows, some.a = (const REAL *)p->a + row * p->a_row;
        some.c = (REAL *)p->c + row * p->c_row;
        NAME(sums_product)(&some, col, columns);
        return;
    }
    REAL *room = (REAL *)((char *)p->scratch + member * NAME(product_scratch)(p));
    const ptrdiff_t blocks = NAME(cut)(rows, BLOCK_ROWS), high = NAME(cut)(rows, blocks);
    const ptrdiff_t space = GROUP_BYTES / (high * 4 * LANES * (ptrdiff_t)sizeof(REAL));
    const ptrdiff_t most = (space > 1 ? space : 1) * 4 * LANES;
    for (ptrdiff_t i = 0; i < blocks; i++) {
        const ptrdiff_t from = row + rows * i / blocks, to = row + rows * (i + 1) / blocks;
        for (ptrdiff_t j = 0; j < columns; j += most)
            NAME(group_product)(
                p, from, to - from, col + j, columns - j < most ? columns - j : most, room);
    }
}
