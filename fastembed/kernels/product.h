/* Template: the micro-kernel of all products: rows times up to 4 vectors of columns, after lanes.h. */

/* c[m, v] = begin[m, v] + sum_k a[m, k] b[k, v]  for any number of rows m and some vectors v
 *
 * What is in begin, which may be c, is added last: short sums round less. The order of a sum depends
 * on nothing but k: every tiling gives the same bits. */
typedef struct {
    ptrdiff_t K, pieces, jump; /* a's numbers come K at a time, pieces times, jump apart */
    const REAL *a;
    ptrdiff_t a_row, a_col; /* from a row to the next, and from a number to the next */
    const REAL *b; /* vectors side by side, but for the last one */
    ptrdiff_t b_row, b_last;
    REAL *c; /* likewise, and begin */
    ptrdiff_t c_row, c_last;
    const REAL *begin;
    ptrdiff_t begin_row;
    ptrdiff_t part; /* columns of the only vector, if it is not whole */
    const REAL *spills; /* up to here whole vectors may be stored: the rest is written later */
    const REAL *next; /* wanted after this: moves from far memory to the nearer cache meanwhile, */
    ptrdiff_t further, lines; /* some lines of it side by side, a step further for each k */
} NAME(panel);

static const REAL NAME(zeros)[4 * LANES]; /* for sums that begin at zero */

/* A tile of rows from row on, all in registers; pieces and begin_row are those of the panel, and
 * constants where they are 1 and 0. */
INLINE void NAME(tile)(
    const int rows, const int vectors, const ptrdiff_t pieces, const ptrdiff_t begin_row,
    const NAME(panel) *p, ptrdiff_t row, const REAL *ahead, ptrdiff_t further)
{
    const ptrdiff_t K = p->K, a_row = p->a_row, a_col = p->a_col, b_row = p->b_row;
    const ptrdiff_t b_last = p->b_last, c_last = p->c_last;
    const REAL *start = p->a + row * a_row, *b = p->b, *begin = p->begin + row * begin_row;
    REAL *c = p->c + row * p->c_row;
    VEC sum[8][4];
    UNROLL
    for (int m = 0; m < rows; m++)
        UNROLL
        for (int v = 0; v < vectors; v++)
            sum[m][v] = (VEC){0};
    for (ptrdiff_t piece = 0; piece < pieces; piece++, start += p->jump) {
        const REAL *a = start;
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
    }
    VEC out[4];
    UNROLL
    for (int m = 0; m < rows; m++, c += p->c_row, begin += begin_row) {
        if (vectors == 1 && p->part) {
            out[0] = sum[m][0] + NAME(load_part)(begin, p->part);
            if (c + LANES <= p->spills)
                NAME(store)(c, out[0]);
            else
                NAME(store_part)(c, out[0], p->part);
            continue;
        }
        if (m == 0 || begin_row) /* all are read before any is written: the last one overlaps */
            UNROLL
            for (int v = 0; v < vectors; v++)
                out[v] = NAME(load)(begin + (v == vectors - 1 ? c_last : v * LANES));
        UNROLL
        for (int v = 0; v < vectors; v++)
            NAME(store)(c + (v == vectors - 1 ? c_last : v * LANES), out[v] + sum[m][v]);
    }
}

/* All rows of a panel, in tiles of about equal height. */
#define PANEL(vectors, most, tiles)                                                              \
    static void NAME(panel_##vectors)(const NAME(panel) *p, ptrdiff_t rows)                      \
    {                                                                                            \
        const ptrdiff_t count = (rows + most - 1) / most, low = rows / count;                    \
        const ptrdiff_t higher = rows - low * count;                                             \
        const int simple = p->pieces == 1 && p->begin_row == 0;                                  \
        for (ptrdiff_t i = 0, row = 0; i < count; i++) {                                         \
            const ptrdiff_t height = low + (i < higher);                                         \
            const REAL *ahead = i < p->lines ? p->next + i * LINE : p->b;                        \
            const ptrdiff_t further = i < p->lines ? p->further : 0;                             \
            switch (height) {                                                                    \
                tiles(vectors)                                                                   \
            }                                                                                    \
            row += height;                                                                       \
        }                                                                                        \
    }
#define HIGH(rows, vectors)                                                                      \
    case rows:                                                                                   \
        if (simple)                                                                              \
            NAME(tile)(rows, vectors, 1, 0, p, row, ahead, further);                             \
        else                                                                                     \
            NAME(tile)(rows, vectors, p->pieces, p->begin_row, p, row, ahead, further);          \
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
static void (*const NAME(panels)[4])(const NAME(panel) *, ptrdiff_t) = {
    NAME(panel_1), NAME(panel_2), NAME(panel_3), NAME(panel_4)};

/* A panel of whole vectors side by side. */
INLINE void NAME(whole_panel)(NAME(panel) *p, ptrdiff_t vectors, ptrdiff_t rows)
{
    p->b_last = p->c_last = (vectors - 1) * LANES;
    p->further = p->b_row, p->lines = vectors * LANES / LINE;
    if (rows > 0)
        NAME(panels)[vectors - 1](p, rows);
}
