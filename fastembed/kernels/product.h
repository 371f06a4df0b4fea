/* Template: a tile of rows times up to 4 vectors of columns, held in registers over the whole inner
 * dimension. Includes after lanes.h; ROWS is the height that the registers allow.
 */

#define LINE ((ptrdiff_t)(64 / sizeof(REAL))) /* numbers in a cache line */

/* c[m, v] = init[m, v] + sum_k a[m, k] b[k, v]  for m < rows, v < vectors
 * a's rows are lda apart and its numbers step apart; after each K of them a jumps, pieces times. b's
 * rows are ldb apart and its vectors gap; init and c have vectors side by side; init may be c, or
 * the same row for all (ldi = 0), and is added last: short sums round less. What is at ahead, and
 * every further numbers on, is fetched into the cache, a line for each k. The order of the sum
 * depends on nothing but k: every tiling gives the same bits. */
INLINE void NAME(tile)(
    const int rows, const int vectors, ptrdiff_t K, ptrdiff_t pieces, const REAL *start,
    ptrdiff_t lda, ptrdiff_t step, ptrdiff_t jump, const REAL *b, ptrdiff_t ldb, ptrdiff_t gap,
    const REAL *init, ptrdiff_t ldi, REAL *c, ptrdiff_t ldc, const REAL *ahead,
    ptrdiff_t further)
{
    VEC sum[ROWS][4];
    UNROLL
    for (int m = 0; m < rows; m++)
        UNROLL
        for (int v = 0; v < vectors; v++)
            sum[m][v] = (VEC){0};
    for (ptrdiff_t piece = 0; piece < pieces; piece++, start += jump) {
        const REAL *a = start;
        for (ptrdiff_t k = 0; k < K; k++, a += step, b += ldb, ahead += further) {
            VEC w[4];
            __builtin_prefetch(ahead, 0, 2);
            UNROLL
            for (int v = 0; v < vectors; v++)
                w[v] = NAME(load)(b + v * gap);
            UNROLL
            for (int m = 0; m < rows; m++) {
                VEC s = NAME(splat)(a[m * lda]);
                UNROLL
                for (int v = 0; v < vectors; v++)
                    sum[m][v] += s * w[v];
            }
        }
    }
    UNROLL
    for (int m = 0; m < rows; m++)
        UNROLL
        for (int v = 0; v < vectors; v++)
            NAME(store)(
                c + m * ldc + v * LANES, NAME(load)(init + m * ldi + v * LANES) + sum[m][v]);
}

#define TILE(rows, vectors)                                                                      \
    static void NAME(tile_##rows##_##vectors)(                                                   \
        ptrdiff_t K, ptrdiff_t pieces, const REAL *a, ptrdiff_t lda, ptrdiff_t step,             \
        ptrdiff_t jump, const REAL *b, ptrdiff_t ldb, ptrdiff_t gap, const REAL *init,           \
        ptrdiff_t ldi, REAL *c, ptrdiff_t ldc, const REAL *ahead, ptrdiff_t further)             \
    {                                                                                            \
        NAME(tile)(                                                                              \
            rows, vectors, K, pieces, a, lda, step, jump, b, ldb, gap, init, ldi, c, ldc, ahead, \
            further);                                                                            \
    }
#define TILES(rows) TILE(rows, 1) TILE(rows, 2) TILE(rows, 3) TILE(rows, 4)
#define TILE_NAMES(rows)                                                                         \
    {NAME(tile_##rows##_1), NAME(tile_##rows##_2), NAME(tile_##rows##_3), NAME(tile_##rows##_4)}

typedef void NAME(tile_function)(
    ptrdiff_t, ptrdiff_t, const REAL *, ptrdiff_t, ptrdiff_t, ptrdiff_t, const REAL *, ptrdiff_t,
    ptrdiff_t, const REAL *, ptrdiff_t, REAL *, ptrdiff_t, const REAL *, ptrdiff_t);

TILES(1) TILES(2) TILES(3)
#if ROWS == 6
TILES(4) TILES(5) TILES(6)
#endif

static NAME(tile_function) *const NAME(tiles)[ROWS][4] = {
    TILE_NAMES(1), TILE_NAMES(2), TILE_NAMES(3),
#if ROWS == 6
    TILE_NAMES(4), TILE_NAMES(5), TILE_NAMES(6),
#endif
};

static const REAL NAME(zeros)[4 * LANES]; /* for sums that start at zero */

/* The same for any number of rows, in tiles of about equal height. Meanwhile the weights at ahead,
 * which are as many as those at b and are wanted next, move from far memory to the nearer cache: a
 * line for each k of the first tiles. */
static void NAME(rows_product)(
    ptrdiff_t rows, ptrdiff_t vectors, ptrdiff_t K, ptrdiff_t pieces, const REAL *a, ptrdiff_t lda,
    ptrdiff_t jump, const REAL *b, ptrdiff_t ldb, ptrdiff_t gap, const REAL *init, ptrdiff_t ldi,
    REAL *c, ptrdiff_t ldc, const REAL *ahead)
{
    const ptrdiff_t tiles = (rows + ROWS - 1) / ROWS, lines = vectors * LANES / LINE;
    for (ptrdiff_t i = 0; i < tiles; i++) {
        const ptrdiff_t lo = rows * i / tiles, hi = rows * (i + 1) / tiles;
        NAME(tiles)[hi - lo - 1][vectors - 1](
            K, pieces, a + lo * lda, lda, 1, jump, b, ldb, gap, init + lo * ldi, ldi,
            c + lo * ldc, ldc, i < lines ? ahead + i * K * pieces * LINE : b, LINE);
    }
}
