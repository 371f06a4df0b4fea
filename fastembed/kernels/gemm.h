/* Template: the product of two matrices, after product.h.
 *
 * c is made in blocks of rows; a block in groups of columns, which stay in the cache while the sums
 * over DEPTH numbers each are added to them in turn. A sum is made panel by panel: up to 4 vectors
 * of columns of b times all rows of the block, tile by tile. If the columns are no whole vectors,
 * the last vector overlaps the one before it. The order of the sum of an entry depends on K alone.
 * Few rows times contiguous columns are sums along both instead, in another order.
 */

/* `python -m benchmarks --only matmul,affine` shows what another size costs. */
#define DEPTH 256       /* the most numbers in a sum: a panel of b stays in the nearer cache */
#define WHOLE_LINES 16  /* numbers that fill whole cache lines in either type */
#define BLOCK_ROWS 480  /* the most rows of a and c in a block */
#define GROUP_BYTES (512 << 10) /* of c: the most in a group of columns, which a core's cache holds */
#define FEW_ROWS 4      /* so few are summed along contiguous columns: packing costs as much */
#define PACKED_ROWS 24  /* more are worth packing a panel of b that could be read in place */

/* How many numbers are summed at a time: whole lines, about equally many. */
static ptrdiff_t NAME(depth)(ptrdiff_t K)
{
    const ptrdiff_t sums = (K + DEPTH - 1) / DEPTH;
    return sums > 1 ? ((K + sums - 1) / sums + WHOLE_LINES - 1) / WHOLE_LINES * WHOLE_LINES : K;
}

static ptrdiff_t NAME(cut)(ptrdiff_t n, ptrdiff_t size) { return (n + size - 1) / size; }

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

/* Rows i to i + rows of c, columns j to j + n of it, all sums. */
static void NAME(group_product)(
    const product *p, ptrdiff_t i, ptrdiff_t rows, ptrdiff_t j, ptrdiff_t n, REAL *room)
{
    const ptrdiff_t depth = NAME(depth)(p->K);
    const ptrdiff_t vectors = NAME(cut)(n, LANES), panels = NAME(cut)(vectors, 4);
    const int packs_a = NAME(packs_a)(p), packs_b = NAME(packs_b)(p) || n < LANES;
    REAL *turned = room + (packs_b ? NAME(panel_size)(p) : 0), *c = (REAL *)p->c + i * p->c_row + j;
    const REAL *bias = p->bias ? (const REAL *)p->bias + j : NULL;
    NAME(panel) panel = {.pieces = 1, .c_row = p->c_row};
    ptrdiff_t k = 0;
    do {
        const ptrdiff_t K = k + depth < p->K ? depth : p->K - k;
        const REAL *a = (const REAL *)p->a + i * p->a_row + k * p->a_col;
        const REAL *b = (const REAL *)p->b + k * p->b_row + j * p->b_col;
        panel.K = K, panel.a_row = p->a_row, panel.a_col = p->a_col;
        if (packs_a) {
            panel.a_row = NAME(turned_width)(p), panel.a_col = 1;
            for (ptrdiff_t first = 0; first < K; first += LANES)
                NAME(turn_squares)(
                    a + first * p->a_col, p->a_col, rows, K - first < LANES ? K - first : LANES,
                    turned + first, panel.a_row);
            a = turned;
        }
        panel.a = a;
        for (ptrdiff_t g = 0; g < panels; g++) {
            const ptrdiff_t lo = vectors * g / panels * LANES;
            const ptrdiff_t end = vectors * (g + 1) / panels * LANES, hi = end < n ? end : n;
            const REAL *from = b + lo * p->b_col;
            panel.c_last = hi - lo < LANES ? 0 : hi - lo - LANES;
            panel.part = hi - lo < LANES ? hi - lo : 0;
            const int adds = k || p->add;
            panel.spills = panel.part && p->c_row == n && !adds ? c + rows * n : NULL;
            panel.b = from, panel.b_row = p->b_row, panel.b_last = panel.c_last;
            if (packs_b) {
                NAME(pack_panel)(from, p->b_row, p->b_col, K, hi - lo, room);
                panel.b = room, panel.b_row = end - lo, panel.b_last = end - lo - LANES;
            }
            panel.begin = adds ? c + lo : bias ? bias + lo : NAME(zeros);
            panel.begin_row = adds ? p->c_row : 0;
            panel.c = c + lo;
            panel.next = g + 1 < panels       ? b + end * p->b_col
                         : k + depth < p->K ? b + depth * p->b_row
                                            : b;
            panel.further = p->b_col == 1 ? p->b_row : p->b_col;
            panel.lines = (p->b_col == 1 ? hi - lo : K) / LINE + 1;
            /* c[m, :] = begin[m, :] + a[m, :] b */
            NAME(panels)[(end - lo) / LANES - 1](&panel, rows);
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
