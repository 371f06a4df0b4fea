/* Template: what the recurrent cells share, after lanes.h, product.h and gemm.h.
 *
 * Hidden units are cut into blocks of LANES; the last block ends at H and so may overlap the one
 * before it (both then compute the same bits); fewer units than LANES are filled up with zeros. What
 * a block needs at a step lies in one piece, G gates side by side: gates (steps, blocks, N, G, LANES),
 * and the gradients before the gates da (blocks, rows of all steps, G, LANES). A work item is a block,
 * or some blocks, and a tile of batch rows; a part has the same items in all phases, or nearly so if
 * rows end earlier.
 */

#define QUAD ((ptrdiff_t)(4 * LANES)) /* numbers in a row of the widest tile */
/* `python -m benchmarks --only recurrent` shows what another size costs. */
#define TILE_ROWS 3    /* rows of a work item: where two parts share a block, they do so evenly */
#define DX_ROWS 64     /* rows of dxs that are made at a time */
#define DW_STRIPS 8    /* strips of rows of dW that are made at a time */
#define PACKED_AT_ONCE 8 /* rows of weights that are packed at a time: each block of one is on a page */
#define SUM 256 /* rows of da that are added up at a time: longer sums round more */
#define STEP_ROWS 64 /* the most rows of a single step that are few; no more than DEPTH */
#define CHUNK_BYTES (256 << 10) /* gates for which x Wx is made at a time: they wait in the cache */
#define SPAN 640 /* numbers of da in a sum: as many rows of packed weights stay in the nearer cache */

static ptrdiff_t NAME(blocks)(ptrdiff_t H) { return (H + LANES - 1) / LANES; }

/* The first unit of a block. */
static ptrdiff_t NAME(unit)(ptrdiff_t block, ptrdiff_t H)
{
    return block * LANES + LANES <= H ? block * LANES : H > LANES ? H - LANES : 0;
}

/* How many units of the block belong to the one before it. */
static int NAME(shared)(ptrdiff_t block, ptrdiff_t H)
{
    return (int)(block * LANES - NAME(unit)(block, H));
}

/* The units of a block at p, where rows have H of them. */
INLINE VEC NAME(load_units)(const REAL *p, ptrdiff_t H)
{
    return H >= LANES ? NAME(load)(p) : NAME(load_part)(p, H);
}

INLINE void NAME(store_units)(REAL *p, VEC v, ptrdiff_t H)
{
    if (H >= LANES)
        NAME(store)(p, v);
    else
        NAME(store_part)(p, v, H);
}

/* Write the units of a block that are its own. */
INLINE void NAME(store_own)(REAL *to, const REAL *from, int shared, ptrdiff_t H)
{
    const ptrdiff_t end = H < LANES ? H : LANES;
    if (!shared && end == LANES)
        NAME(store)(to, NAME(load)(from));
    else
        memcpy(to + shared, from + shared, (end - shared) * sizeof(REAL));
}

/* h_prev (T, N, lds): a line more in each row, so that rows do not share places in the cache */
static ptrdiff_t NAME(lds)(ptrdiff_t H) { return (H + 2 * LINE - 1) / LINE * LINE; }

/* ---- which rows there are */

/* Rows that have a step t, and those of all steps before it. */
INLINE ptrdiff_t NAME(start_of)(const job *j, ptrdiff_t t) { return j->start ? j->start[t] : t * j->N; }
INLINE ptrdiff_t NAME(rows_at)(const job *j, ptrdiff_t t)
{
    return t >= j->T ? 0 : NAME(start_of)(j, t + 1) - NAME(start_of)(j, t);
}

INLINE ptrdiff_t NAME(all_rows)(const job *j) { return NAME(start_of)(j, j->T); }
INLINE ptrdiff_t NAME(length_of)(const job *j, ptrdiff_t n) { return j->length ? j->length[n] : j->T; }

/* Where a row is in the caller's arrays (N, …), and its step t in those of (N, pitch, …): in the order
 * of a job, which is copied so that what it says is known not to change in a loop. */
typedef struct {
    const ptrdiff_t *row, *length;
    ptrdiff_t pitch, T;
    int reverse;
} NAME(order);

INLINE NAME(order) NAME(order_of)(const job *j)
{
    return (NAME(order)){j->row, j->length, j->pitch, j->T, j->reverse};
}

INLINE ptrdiff_t NAME(row_of)(const NAME(order) *o, ptrdiff_t n) { return o->row ? o->row[n] : n; }
INLINE ptrdiff_t NAME(place)(const NAME(order) *o, ptrdiff_t n, ptrdiff_t t)
{
    const ptrdiff_t step = o->reverse ? (o->length ? o->length[n] : o->T) - 1 - t : t;
    return NAME(row_of)(o, n) * o->pitch + step;
}

/* What xs and hs have where no steps are, for a part of the rows. */
static void NAME(zero_padding)(
    const job *j, void *rows, ptrdiff_t size, ptrdiff_t part, ptrdiff_t parts)
{
    if (j->length)
        for (ptrdiff_t n = j->N * part / parts; n < j->N * (part + 1) / parts; n++)
            memset((REAL *)rows + (j->row[n] * j->pitch + j->length[n]) * size, 0,
                   (j->pitch - j->length[n]) * size * sizeof(REAL));
}

/* A single step of few rows: packing would cost more than the products, which are made from the
 * weights as they are, in rows (N, G, H). */
static int NAME(few)(const job *j) { return j->T == 1 && j->N <= STEP_ROWS && !j->row; }

static ptrdiff_t NAME(whole_lines)(ptrdiff_t n) { return (n + LINE - 1) / LINE * LINE; }

/* Scratch of a small product: at most a panel of b. */
static ptrdiff_t NAME(few_scratch)(const job *j, int G)
{
    const ptrdiff_t longest = G * j->H > j->D ? G * j->H : j->D;
    const ptrdiff_t deep = longest > STEP_ROWS ? longest : STEP_ROWS;
    return NAME(whole_lines)((deep < DEPTH ? deep : DEPTH) * QUAD);
}

/* A product on this thread alone. */
static void NAME(small_product)(product *p, REAL *scratch)
{
    p->scratch = scratch;
    p->along_rows = 1;
    NAME(product)(p, 0, NAME(product_units)(p), 0);
}

/* For how many steps x Wx is made at a time. */
static ptrdiff_t NAME(chunk)(const job *j, int G)
{
    const ptrdiff_t step = NAME(blocks)(j->H) * j->N * G * LANES * (ptrdiff_t)sizeof(REAL);
    const ptrdiff_t steps = CHUNK_BYTES / step;
    return steps < 1 ? 1 : steps > j->T ? j->T : steps;
}

/* A part's own scratch: sums of its products, or inputs in strips. */
static ptrdiff_t NAME(own_size)(const job *j)
{
    const ptrdiff_t rows = j->N > DX_ROWS ? j->N : DX_ROWS;
    const ptrdiff_t for_dW = DW_STRIPS * ROWS * (QUAD + NAME(all_rows)(j));
    return (rows * QUAD > for_dW ? rows * QUAD : for_dW) + LINE;
}

/* A part's share of the items, as blocks (or groups of them) and batch rows. */
typedef struct {
    ptrdiff_t rows, lo, hi, tiles, first, last;
} NAME(items);

static NAME(items) NAME(items_of)(
    const job *j, ptrdiff_t blocks, ptrdiff_t rows, ptrdiff_t part, ptrdiff_t parts)
{
    NAME(items) i;
    i.rows = rows;
    i.tiles = NAME(few)(j) ? 1 : NAME(cut)(rows, TILE_ROWS);
    i.lo = blocks * i.tiles * part / parts;
    i.hi = blocks * i.tiles * (part + 1) / parts;
    i.first = i.lo / i.tiles;
    i.last = i.hi > i.lo ? (i.hi - 1) / i.tiles : i.first - 1;
    return i;
}

/* The first batch row of a tile; tiles before 0 and after the last count as the borders. */
static ptrdiff_t NAME(first_row)(const NAME(items) *i, ptrdiff_t tile)
{
    return tile <= 0 ? 0 : tile >= i->tiles ? i->rows : i->rows * tile / i->tiles;
}

static ptrdiff_t NAME(row_lo)(const NAME(items) *i, ptrdiff_t block)
{
    return NAME(first_row)(i, i->lo - block * i->tiles);
}

static ptrdiff_t NAME(row_hi)(const NAME(items) *i, ptrdiff_t block)
{
    return NAME(first_row)(i, i->hi - block * i->tiles);
}

/* ---- rows (N, G, H) and blocks (blocks, N, G, LANES) */

/* Gates g_lo to g_hi of some blocks. */
INLINE void NAME(to_blocks)(
    const REAL *rows, ptrdiff_t N, int G, int g_lo, int g_hi, ptrdiff_t H, ptrdiff_t first,
    ptrdiff_t last, REAL *blocks)
{
    for (ptrdiff_t block = first; block <= last; block++)
        for (ptrdiff_t n = 0; n < N; n++)
            for (int g = g_lo; g < g_hi; g++)
                NAME(store)(
                    blocks + ((block * N + n) * G + g) * LANES,
                    NAME(load_units)(rows + (n * G + g) * H + NAME(unit)(block, H), H));
}

INLINE void NAME(to_rows)(
    const REAL *blocks, ptrdiff_t N, int G, ptrdiff_t H, ptrdiff_t first, ptrdiff_t last, REAL *rows)
{
    for (ptrdiff_t block = first; block <= last; block++)
        for (ptrdiff_t n = 0; n < N; n++)
            for (int g = 0; g < G; g++)
                NAME(store_own)(
                    rows + (n * G + g) * H + NAME(unit)(block, H),
                    blocks + ((block * N + n) * G + g) * LANES, NAME(shared)(block, H), H);
}

/* Where gate g is among the G that weights have side by side: see ALONE in cell.h. */
INLINE int NAME(column)(int g, int alone, int G) { return g >= alone ? g - alone : G - 1; }

/* ---- forward */

/* Weights (K, G H) as tiles want them: packed[block][k][gate][lane], for gates g_lo to g_hi; some
 * rows at a time, so that whole pages are read. */
INLINE void NAME(pack_gates)(
    const REAL *W, ptrdiff_t K, ptrdiff_t H, int G, int alone, int g_lo, int g_hi, ptrdiff_t lo,
    ptrdiff_t hi, REAL *packed)
{
    const ptrdiff_t width = (g_hi - g_lo) * LANES;
    for (ptrdiff_t k_lo = 0; k_lo < K; k_lo += PACKED_AT_ONCE) {
        const ptrdiff_t k_hi = k_lo + PACKED_AT_ONCE < K ? k_lo + PACKED_AT_ONCE : K;
        for (ptrdiff_t block = lo; block < hi; block++) {
            const REAL *from = W + NAME(unit)(block, H);
            for (ptrdiff_t k = k_lo; k < k_hi; k++) {
                REAL *to = packed + (block * K + k) * width;
                for (int g = g_lo; g < g_hi; g++, to += LANES)
                    NAME(store)(to, NAME(load_units)(from + (k * G + NAME(column)(g, alone, G)) * H, H));
            }
        }
    }
}

/* The first state of a part's rows. */
static void NAME(first_state)(const job *j, ptrdiff_t part, ptrdiff_t parts, REAL *h_prev)
{
    const ptrdiff_t H = j->H, lds = NAME(lds)(H);
    const REAL *h0 = j->h0;
    const NAME(order) order = NAME(order_of)(j);
    for (ptrdiff_t n = j->N * part / parts; n < j->N * (part + 1) / parts; n++)
        if (h0)
            memcpy(h_prev + n * lds, h0 + NAME(row_of)(&order, n) * H, H * sizeof(REAL));
        else
            memset(h_prev + n * lds, 0, H * sizeof(REAL));
}

/* A part of xs by row and step, where the caller's rows are in another order: sorted (N, T, D). */
static void NAME(sort_xs)(const job *j, ptrdiff_t part, ptrdiff_t parts, REAL *sorted)
{
    const ptrdiff_t D = j->D;
    const NAME(order) order = NAME(order_of)(j);
    for (ptrdiff_t n = j->N * part / parts; n < j->N * (part + 1) / parts; n++)
        for (ptrdiff_t t = 0, together = j->reverse ? 1 : j->length[n]; t < j->length[n];
             t += together)
            memcpy(sorted + (n * j->T + t) * D, (const REAL *)j->xs + NAME(place)(&order, n, t) * D,
                   together * D * sizeof(REAL));
}

/* gates = x Wx + b of steps from on, for a part's items; but for the first ones of h_prev alone. */
INLINE void NAME(times_Wx)(
    const job *j, int G, int alone, const NAME(items) *items, ptrdiff_t from, ptrdiff_t steps, const REAL *bias,
    const REAL *packed_Wx, const REAL *sorted, REAL *gates)
{
    const ptrdiff_t N = j->N, T = j->T, D = j->D, B = NAME(blocks)(j->H), width = G * LANES;
    const ptrdiff_t skipped = alone * LANES, own = width - skipped;
    const ptrdiff_t x_step = j->reverse && !j->row ? -D : D, first = j->reverse ? T - 1 : 0;
    const REAL *xs = j->row ? sorted : (const REAL *)j->xs + first * D;
    for (ptrdiff_t block = items->first; block <= items->last; block++) {
        const ptrdiff_t n_lo = NAME(row_lo)(items, block), n_hi = NAME(row_hi)(items, block);
        const REAL *W = packed_Wx + block * D * own;
        /* the longer of the axes gives the better tiles */
        const int along_t = steps >= n_hi - n_lo;
        for (ptrdiff_t k = 0; k < (along_t ? n_hi - n_lo : steps); k++) {
            const ptrdiff_t n = along_t ? n_lo + k : n_lo, t = along_t ? 0 : k;
            const ptrdiff_t left = (along_t ? NAME(length_of)(j, n) : NAME(rows_at)(j, from + t))
                                   - (along_t ? from : n_lo);
            const ptrdiff_t most = along_t ? steps : n_hi - n_lo;
            /* gates[r, :] = bias + xs[r, :] Wx */
            NAME(panel) p = {
                .K = D, .pieces = 1, .a = xs + n * T * D + (from + t) * x_step,
                .a_row = along_t ? x_step : T * D, .a_col = 1, .b = W, .b_row = own,
                .c = gates + ((t * B + block) * N + n) * width + skipped,
                .c_row = along_t ? B * N * width : width, .begin = bias + block * width + skipped,
                .next = k ? W : W + D * own};
            NAME(whole_panel)(&p, G - alone, left < most ? left : most);
        }
    }
}

/* ---- backward */

/* Weights (rows, G H) transposed, for gates g_lo to g_hi and a group of <= 4 vectors of rows:
 * packed[group][block][gate][lane of unit][vector][lane of row]; the inner index runs as da does. */
INLINE void NAME(pack_transposed)(
    const REAL *W, ptrdiff_t rows, ptrdiff_t H, int G, int alone, int g_lo, int g_hi, ptrdiff_t lo,
    ptrdiff_t hi, REAL *packed)
{
    const ptrdiff_t B = NAME(blocks)(H), vectors = hi - lo;
    REAL *to = packed + lo * B * (g_hi - g_lo) * LANES * LANES;
    for (ptrdiff_t block = 0; block < B; block++)
        for (int g = g_lo; g < g_hi; g++, to += LANES * vectors * LANES)
            for (ptrdiff_t v = 0; v < vectors; v++) {
                const ptrdiff_t row = rows < LANES ? 0 : NAME(unit)(lo + v, rows);
                const REAL *from =
                    W + (row * G + NAME(column)(g, alone, G)) * H + NAME(unit)(block, H);
                VEC square[LANES];
                for (int lane = 0; lane < LANES; lane++)
                    square[lane] = lane < rows ? NAME(load_units)(from + lane * G * H, H) : (VEC){0};
                NAME(transpose)(square);
                for (int k = 0; k < LANES; k++) /* shared: see store_own */
                    NAME(store)(
                        to + (k * vectors + v) * LANES,
                        k < NAME(shared)(block, H) ? (VEC){0} : square[k]);
            }
}

/* A part of all groups. */
INLINE void NAME(pack_all_transposed)(
    const REAL *W, ptrdiff_t rows, ptrdiff_t H, int G, int alone, int g_lo, int g_hi,
    ptrdiff_t part, ptrdiff_t parts, REAL *packed)
{
    const ptrdiff_t V = NAME(blocks)(rows), groups = (V + 3) / 4;
    for (ptrdiff_t g = groups * part / parts; g < groups * (part + 1) / parts; g++)
        NAME(pack_transposed)(
            W, rows, H, G, alone, g_lo, g_hi, V * g / groups, V * (g + 1) / groups, packed);
}

/* c = da W^T over gates g_lo to g_hi for group g of groups, whose vectors it returns; a span of
 * blocks at a time, whose weights stay in the nearer cache. next is the group after this one. */
INLINE ptrdiff_t NAME(times_transposed)(
    const job *j, int G, int g_lo, int g_hi, const REAL *da, ptrdiff_t rows, const REAL *packed,
    ptrdiff_t width, ptrdiff_t g, ptrdiff_t next, REAL *c)
{
    const ptrdiff_t B = NAME(blocks)(j->H), V = NAME(blocks)(width), groups = (V + 3) / 4;
    const ptrdiff_t v_lo = V * g / groups, vectors = V * (g + 1) / groups - v_lo;
    const ptrdiff_t K = (g_hi - g_lo) * LANES, jump = NAME(all_rows)(j) * G * LANES;
    const ptrdiff_t spans = NAME(cut)(B * K, SPAN) < B ? NAME(cut)(B * K, SPAN) : B;
    const REAL *W = packed + v_lo * B * K * LANES;
    for (ptrdiff_t span = 0; span < spans; span++) {
        const ptrdiff_t lo = B * span / spans, hi = B * (span + 1) / spans;
        const REAL *part = W + lo * K * vectors * LANES;
        /* c[r, :] += da[r, :] W^T, over the gates of some blocks */
        NAME(panel) p = {
            .K = K, .pieces = hi - lo, .jump = jump, .a = da + lo * jump + g_lo * LANES,
            .a_row = G * LANES, .a_col = 1, .b = part, .b_row = vectors * LANES, .c = c,
            .c_row = QUAD, .begin = span ? c : NAME(zeros), .begin_row = span ? QUAD : 0,
            .next = span + 1 < spans ? part + (hi - lo) * K * vectors * LANES
                                     : packed + V * next / groups * B * K * LANES};
        NAME(whole_panel)(&p, vectors, rows);
    }
    return vectors;
}

/* A part's rows of dxs; a row is a step and a batch row, as in da. */
INLINE void NAME(make_dxs)(
    const job *j, int G, int alone, const REAL *da, const REAL *WxT, ptrdiff_t part, ptrdiff_t parts,
    REAL *sums)
{
    const ptrdiff_t D = j->D, V = NAME(blocks)(D), groups = (V + 3) / 4, all = NAME(all_rows)(j);
    const ptrdiff_t hi = all * (part + 1) / parts;
    const NAME(order) order = NAME(order_of)(j);
    ptrdiff_t places[DX_ROWS], t = 0;
    for (ptrdiff_t r_lo = all * part / parts; r_lo < hi; r_lo += DX_ROWS) {
        const ptrdiff_t r_hi = r_lo + DX_ROWS < hi ? r_lo + DX_ROWS : hi;
        for (ptrdiff_t r = r_lo; r < r_hi; r++) {
            while (r >= NAME(start_of)(j, t + 1))
                t++;
            places[r - r_lo] = NAME(place)(&order, r - NAME(start_of)(j, t), t);
        }
        for (ptrdiff_t g = 0; g < groups; g++) {
            const ptrdiff_t v_lo = V * g / groups;
            const ptrdiff_t vectors = NAME(times_transposed)(
                j, G, alone, G, da + r_lo * G * LANES, r_hi - r_lo, WxT, D, g,
                g + 1 < groups ? g + 1 : 0, sums);
            for (ptrdiff_t r = r_lo; r < r_hi; r++) {
                REAL *to = (REAL *)j->dxs + places[r - r_lo] * D;
                const REAL *from = sums + (r - r_lo) * QUAD;
                if (D < LANES)
                    memcpy(to, from, D * sizeof(REAL));
                else
                    for (ptrdiff_t v = 0; v < vectors; v++)
                        NAME(store)(to + NAME(unit)(v_lo + v, D), NAME(load)(from + v * LANES));
            }
        }
    }
}

/* packed[strip of ROWS columns][t, n][column of the strip]: those of rows that are where the caller
 * has xs, or (T, N, size). */
static void NAME(pack_strips)(
    const job *j, int like_xs, const REAL *rows, ptrdiff_t size, ptrdiff_t columns, REAL *packed)
{
    const ptrdiff_t whole = columns / ROWS, N = j->N, all = NAME(all_rows)(j);
    const NAME(order) order = NAME(order_of)(j);
    for (ptrdiff_t t = 0, step = 0; t < j->T; t++)
        for (ptrdiff_t n = 0; n < NAME(rows_at)(j, t); n++, step++) {
            const REAL *from = rows + (like_xs ? NAME(place)(&order, n, t) : t * N + n) * size;
            REAL *to = packed + step * ROWS;
            for (ptrdiff_t strip = 0; strip < whole; strip++, to += all * ROWS)
                memcpy(to, from + strip * ROWS, ROWS * sizeof(REAL));
            for (ptrdiff_t column = whole * ROWS; column < columns; column++)
                to[column - whole * ROWS] = from[column];
        }
}

/* A part's rows of dW (columns, (G - alone) H) for gates g_lo to g_hi: the sum over all steps of an input
 * times da. Some rows at a time, so that their place stays in the cache while it is filled. */
INLINE void NAME(make_dW)(
    const job *j, int G, int alone, int g_lo, int g_hi, const REAL *da, int like_xs, const REAL *in,
    ptrdiff_t size, ptrdiff_t columns, REAL *dW, ptrdiff_t part, ptrdiff_t parts, REAL *own)
{
    const ptrdiff_t H = j->H, B = NAME(blocks)(H), steps = NAME(all_rows)(j);
    const ptrdiff_t strips = NAME(cut)(columns, ROWS), hi = strips * (part + 1) / parts;
    const ptrdiff_t sums_of = NAME(cut)(steps, SUM), width = G * LANES;
    REAL *sums = own, *packed = own + DW_STRIPS * ROWS * QUAD;
    for (ptrdiff_t s_lo = strips * part / parts, s_hi; s_lo < hi; s_lo = s_hi) {
        s_hi = s_lo + DW_STRIPS < hi ? s_lo + DW_STRIPS : hi;
        const ptrdiff_t row = s_lo * ROWS;
        const ptrdiff_t rows = s_hi * ROWS < columns ? s_hi * ROWS - row : columns - row;
        NAME(pack_strips)(j, like_xs, in + row, size, rows, packed);
        for (ptrdiff_t block = 0; block < B; block++) {
            for (ptrdiff_t q = 0; q < sums_of; q++) {
                const ptrdiff_t k_lo = steps * q / sums_of, k = steps * (q + 1) / sums_of - k_lo;
                const REAL *from = da + (block * steps + k_lo) * width + g_lo * LANES;
                for (ptrdiff_t i = 0; i < s_hi - s_lo; i++) {
                    REAL *sum = sums + i * ROWS * QUAD;
                    /* sums[m, :] += sum over steps of in[step, m] da[step, :] */
                    NAME(panel) p = {
                        .K = k, .pieces = 1, .a = packed + (i * steps + k_lo) * ROWS, .a_row = 1,
                        .a_col = ROWS, .b = from, .b_row = width, .c = sum, .c_row = QUAD,
                        .begin = q ? sum : NAME(zeros), .begin_row = q ? QUAD : 0,
                        .next = i < width / LINE ? from + k * width + i * LINE : from};
                    NAME(whole_panel)(&p, g_hi - g_lo, ROWS);
                }
            }
            const int wide = G - alone;
            REAL *to = dW + row * wide * H + NAME(unit)(block, H);
            for (ptrdiff_t m = 0; m < rows; m++, to += wide * H)
                for (int g = 0; g < g_hi - g_lo; g++)
                    NAME(store_own)(
                        to + NAME(column)(g_lo + g, alone, wide) * H, sums + m * QUAD + g * LANES,
                        NAME(shared)(block, H), H);
        }
    }
}

/* A part of db. */
INLINE void NAME(make_db)(
    const job *j, int G, int alone, const REAL *da, ptrdiff_t part, ptrdiff_t parts)
{
    const ptrdiff_t H = j->H, B = NAME(blocks)(H), steps = NAME(all_rows)(j);
    REAL sums[4 * LANES];
    for (ptrdiff_t block = B * part / parts; block < B * (part + 1) / parts; block++) {
        VEC sum[4] = {{0}};
        const REAL *from = da + block * steps * G * LANES;
        for (ptrdiff_t lo = 0; lo < steps; lo += SUM) {
            VEC part_sum[4] = {{0}};
            for (ptrdiff_t step = lo; step < steps && step < lo + SUM; step++)
                for (int g = 0; g < G; g++, from += LANES)
                    part_sum[g] += NAME(load)(from);
            for (int g = 0; g < G; g++)
                sum[g] += part_sum[g];
        }
        for (int g = 0; g < G; g++) {
            NAME(store)(sums + g * LANES, sum[g]);
            NAME(store_own)(
                (REAL *)j->db + NAME(column)(g, alone, G) * H + NAME(unit)(block, H),
                sums + g * LANES, NAME(shared)(block, H), H);
        }
    }
}

/* All ones where the units of a block are its own, else zero. */
INLINE BITS NAME(own_units)(ptrdiff_t block, ptrdiff_t H)
{
    BITS own;
    for (int lane = 0; lane < LANES; lane++)
        own[lane] = lane < NAME(shared)(block, H) || lane >= H ? 0 : -1;
    return own;
}

INLINE VEC NAME(keep)(BITS mask, VEC x) { return (VEC)((BITS)x & mask); }
