/* Template: LSTM over a whole sequence, after lanes.h and product.h.
 *
 * Hidden units are cut into blocks of LANES; the last block ends at H and so may overlap the one
 * before it (both then compute the same bits). What a block needs at a step lies in one piece:
 * gates (T, blocks, N, 4, LANES), cells (T + 1, blocks, N, LANES), and the gradients before the gates
 * da (blocks, T, N, 4, LANES). A work item is a block, or some blocks, and a tile of batch rows; a
 * member of the gang owns the same items for all steps, and all meet after each step.
 */

#define QUAD ((ptrdiff_t)(4 * LANES)) /* the gates of a block */
#define SPAN ((ptrdiff_t)(512 / QUAD)) /* blocks of da in one product: W's part stays in the cache */
#define DX_ROWS 64                     /* rows of dxs that are made at a time */
#define DW_STRIPS 8                    /* strips of rows of dW that are made at a time */
#define DW_STEPS 1024                  /* rows of da that are added to them at a time */

static ptrdiff_t NAME(blocks)(ptrdiff_t H) { return (H + LANES - 1) / LANES; }

/* The first unit of a block. */
static ptrdiff_t NAME(unit)(ptrdiff_t block, ptrdiff_t H)
{
    return block * LANES + LANES <= H ? block * LANES : H - LANES;
}

/* How many units of the block belong to the one before it. */
static int NAME(shared)(ptrdiff_t block, ptrdiff_t H)
{
    return (int)(block * LANES - NAME(unit)(block, H));
}

/* Write the units of a block that are its own. */
INLINE void NAME(store_own)(REAL *to, const REAL *from, int shared)
{
    if (!shared)
        NAME(store)(to, NAME(load)(from));
    else
        memcpy(to + shared, from + shared, (LANES - shared) * sizeof(REAL));
}

/* The first batch row of a tile; tiles before 0 and after the last count as the borders. */
static ptrdiff_t NAME(row_of)(ptrdiff_t N, ptrdiff_t tile)
{
    const ptrdiff_t tiles = (N + ROWS - 1) / ROWS;
    return tile <= 0 ? 0 : tile >= tiles ? N : N * tile / tiles;
}

/* ---- memory */

/* Packing costs one pass over the weights: not worth it for a step or two. */
static int NAME(lstm_packs)(const job *j) { return j->T * ((j->N + ROWS - 1) / ROWS) > 2; }

typedef struct {
    REAL *gates, *cells, *h_prev, *end;
} NAME(lstm_saved);

typedef struct {
    REAL *bias, *Wx, *Wh, *end;
} NAME(lstm_packed);

typedef struct {
    REAL *da, *WxT, *WhT, *dc, *db, *own, *end;
} NAME(lstm_gradients);

/* h_prev (T, N, lds): a line more in each row, so that rows do not share places in the cache */
static ptrdiff_t NAME(lds)(ptrdiff_t H) { return (H + 2 * LINE - 1) / LINE * LINE; }

static NAME(lstm_saved) NAME(lstm_saved_of)(const job *j, REAL *memory)
{
    const ptrdiff_t cell = NAME(blocks)(j->H) * j->N * LANES;
    NAME(lstm_saved) s;
    s.gates = memory;
    s.cells = s.gates + j->T * 4 * cell;
    s.h_prev = s.cells + (j->T + 1) * cell;
    s.end = s.h_prev + j->T * j->N * NAME(lds)(j->H);
    return s;
}

static NAME(lstm_packed) NAME(lstm_packed_of)(const job *j, REAL *memory)
{
    const ptrdiff_t width = NAME(blocks)(j->H) * QUAD;
    NAME(lstm_packed) s;
    s.bias = memory;
    s.Wx = s.bias + width;
    s.Wh = s.Wx + (NAME(lstm_packs)(j) ? j->D * width : 0);
    s.end = s.Wh + (NAME(lstm_packs)(j) ? j->H * width : 0);
    return s;
}

static ptrdiff_t NAME(strips)(ptrdiff_t n) { return (n + ROWS - 1) / ROWS; }

/* A member's own scratch: sums of its products, or inputs in strips. */
static ptrdiff_t NAME(lstm_own)(const job *j)
{
    const ptrdiff_t rows = j->N > DX_ROWS ? j->N : DX_ROWS;
    const ptrdiff_t for_dW = DW_STRIPS * ROWS * (QUAD + j->N * j->T);
    return (rows * QUAD > for_dW ? rows * QUAD : for_dW) + LINE;
}

static NAME(lstm_gradients) NAME(lstm_gradients_of)(const job *j, REAL *memory)
{
    const ptrdiff_t B = NAME(blocks)(j->H), tiles = NAME(strips)(j->N), steps = j->N * j->T;
    NAME(lstm_gradients) s;
    s.da = memory;
    s.WxT = s.da + steps * B * QUAD;
    s.WhT = s.WxT + B * QUAD * NAME(blocks)(j->D) * LANES;
    s.dc = s.WhT + B * QUAD * B * LANES;
    s.db = s.dc + B * j->N * LANES;
    s.own = s.db + tiles * B * QUAD;
    s.end = s.own + j->members * NAME(lstm_own)(j);
    return s;
}

static void NAME(lstm_sizes)(
    const job *j, ptrdiff_t *saved, ptrdiff_t *forward, ptrdiff_t *backward)
{
    REAL *const none = (REAL *)0;
    *saved = NAME(lstm_saved_of)(j, none).end - none;
    *forward = NAME(lstm_packed_of)(j, none).end - none;
    *backward = NAME(lstm_gradients_of)(j, none).end - none;
}

/* ---- forward */

/* packed[block][k][gate][lane] = W[k, gate, unit], some rows at a time: whole pages are read */
static void NAME(pack_gates)(
    const REAL *W, ptrdiff_t K, ptrdiff_t H, ptrdiff_t lo, ptrdiff_t hi, REAL *packed)
{
    for (ptrdiff_t k_lo = 0; k_lo < K; k_lo += 8) {
        const ptrdiff_t k_hi = k_lo + 8 < K ? k_lo + 8 : K;
        for (ptrdiff_t block = lo; block < hi; block++) {
            const REAL *from = W + NAME(unit)(block, H);
            REAL *to = packed + block * K * QUAD;
            for (ptrdiff_t k = k_lo; k < k_hi; k++)
                for (int gate = 0; gate < 4; gate++)
                    NAME(store)(to + k * QUAD + gate * LANES, NAME(load)(from + (k * 4 + gate) * H));
        }
    }
}

/* The gates of one row of one block, where x Wx + h Wh + b was, and the new cell. */
INLINE void NAME(lstm_gates)(REAL *gates, const REAL *c_prev, REAL *c)
{
    const VEC f = NAME(sigmoid)(NAME(load)(gates));
    const VEC g = NAME(tanh)(NAME(load)(gates + LANES));
    const VEC i = NAME(sigmoid)(NAME(load)(gates + 2 * LANES));
    const VEC o = NAME(sigmoid)(NAME(load)(gates + 3 * LANES));
    NAME(store)(c, f * NAME(load)(c_prev) + g * i);
    NAME(store)(gates, f);
    NAME(store)(gates + LANES, g);
    NAME(store)(gates + 2 * LANES, i);
    NAME(store)(gates + 3 * LANES, o);
}

static void NAME(lstm_forward)(const job *j, int member, int size, int64_t *sync)
{
    const ptrdiff_t N = j->N, T = j->T, D = j->D, H = j->H;
    const ptrdiff_t B = NAME(blocks)(H), tiles = NAME(strips)(N), items = B * tiles;
    const ptrdiff_t lo = items * member / size, hi = items * (member + 1) / size;
    const ptrdiff_t first = lo / tiles, last = hi > lo ? (hi - 1) / tiles : first - 1;
    const ptrdiff_t lds = NAME(lds)(H);
    const NAME(lstm_saved) s = NAME(lstm_saved_of)(j, j->saved);
    const NAME(lstm_packed) w = NAME(lstm_packed_of)(j, j->scratch);
    const REAL *xs = j->xs, *Wx = j->Wx, *Wh = j->Wh, *h0 = j->h0, *c0 = j->c0;
    REAL *hs = j->hs, *h = j->h, *c = j->c;
    const int packed = NAME(lstm_packs)(j);
    const ptrdiff_t ldb = packed ? QUAD : 4 * H, gap = packed ? LANES : H;
    int64_t round = 0;

    const ptrdiff_t b_lo = B * member / size, b_hi = B * (member + 1) / size;
    NAME(pack_gates)(j->b, 1, H, b_lo, b_hi, w.bias);
    if (packed) {
        NAME(pack_gates)(Wx, D, H, b_lo, b_hi, w.Wx);
        NAME(pack_gates)(Wh, H, H, b_lo, b_hi, w.Wh);
    }
    for (ptrdiff_t n = N * member / size; n < N * (member + 1) / size; n++)
        if (h0)
            memcpy(s.h_prev + n * lds, h0 + n * H, H * sizeof(REAL));
        else
            memset(s.h_prev + n * lds, 0, H * sizeof(REAL));
    if (gang_meet(sync, size, &round))
        return;

    /* x Wx + b of all steps */
    for (ptrdiff_t block = first; block <= last; block++) {
        const ptrdiff_t n_lo = NAME(row_of)(N, lo - block * tiles);
        const ptrdiff_t n_hi = NAME(row_of)(N, hi - block * tiles), unit = NAME(unit)(block, H);
        const REAL *W = packed ? w.Wx + block * D * QUAD : Wx + unit;
        /* the longer of the axes gives the better tiles */
        const int along_t = T >= n_hi - n_lo;
        for (ptrdiff_t k = 0; k < (along_t ? n_hi - n_lo : T); k++) {
            const ptrdiff_t n = along_t ? n_lo + k : n_lo, t = along_t ? 0 : k;
            NAME(rows_product)(
                along_t ? T : n_hi - n_lo, 4, D, 1, xs + (n * T + t) * D, along_t ? D : T * D, 0,
                W, ldb, gap, w.bias + block * QUAD, 0, s.gates + ((t * B + block) * N + n) * QUAD,
                along_t ? B * N * QUAD : QUAD, packed && !k ? W + D * QUAD : W);
        }
        for (ptrdiff_t n = n_lo; n < n_hi; n++)
            NAME(store)(
                s.cells + (block * N + n) * LANES,
                c0 ? NAME(load)(c0 + n * H + unit) : (VEC){0});
    }

    for (ptrdiff_t t = 0; t < T; t++) {
        for (ptrdiff_t block = first; block <= last; block++) {
            const ptrdiff_t n_lo = NAME(row_of)(N, lo - block * tiles);
            const ptrdiff_t n_hi = NAME(row_of)(N, hi - block * tiles), unit = NAME(unit)(block, H);
            const REAL *W = packed ? w.Wh + block * H * QUAD : Wh + unit;
            REAL *gates = s.gates + (t * B + block) * N * QUAD;
            REAL *c_prev = s.cells + (t * B + block) * N * LANES, *c_new = c_prev + B * N * LANES;
            REAL *h_next = s.h_prev + (t + 1) * N * lds + unit;
            NAME(rows_product)(
                n_hi - n_lo, 4, H, 1, s.h_prev + (t * N + n_lo) * lds, lds, 0, W, ldb, gap,
                gates + n_lo * QUAD, QUAD, gates + n_lo * QUAD, QUAD,
                packed ? w.Wh + (block < last ? block + 1 : first) * H * QUAD : W);
            /* two loops: the long chains of operations of several rows overlap in the CPU */
            for (ptrdiff_t n = n_lo; n < n_hi; n++)
                NAME(lstm_gates)(gates + n * QUAD, c_prev + n * LANES, c_new + n * LANES);
            for (ptrdiff_t n = n_lo; n < n_hi; n++) {
                const VEC cn = NAME(load)(c_new + n * LANES);
                const VEC hn = NAME(load)(gates + n * QUAD + 3 * LANES) * NAME(tanh)(cn);
                NAME(store)(hs + (n * T + t) * H + unit, hn);
                if (t + 1 < T) {
                    NAME(store)(h_next + n * lds, hn);
                } else {
                    NAME(store)(h + n * H + unit, hn);
                    NAME(store)(c + n * H + unit, cn);
                }
            }
        }
        if (t + 1 < T && gang_meet(sync, size, &round))
            return;
    }
}

/* ---- backward */

/* packed[group of <= 4 vectors of rows of W][block][gate][lane][vector][lane of W's row]
 *     = W[row, gate, unit]: transposed weights, whose inner index runs as the gradients da do. */
static void NAME(pack_transposed)(
    const REAL *W, ptrdiff_t rows, ptrdiff_t H, ptrdiff_t lo, ptrdiff_t hi, REAL *packed)
{
    const ptrdiff_t B = NAME(blocks)(H), vectors = hi - lo;
    REAL *to = packed + lo * B * QUAD * LANES;
    for (ptrdiff_t block = 0; block < B; block++)
        for (int gate = 0; gate < 4; gate++)
            for (ptrdiff_t v = 0; v < vectors; v++) {
                const ptrdiff_t row = rows < LANES ? 0 : NAME(unit)(lo + v, rows);
                const REAL *from = W + (row * 4 + gate) * H + NAME(unit)(block, H);
                REAL *line = to + (block * QUAD + gate * LANES) * vectors * LANES + v * LANES;
                VEC square[LANES];
                for (int lane = 0; lane < LANES; lane++)
                    square[lane] = lane < rows ? NAME(load)(from + lane * 4 * H) : (VEC){0};
                NAME(transpose)(square);
                for (int k = 0; k < LANES; k++, line += vectors * LANES) /* shared: see store_own */
                    NAME(store)(line, k < NAME(shared)(block, H) ? (VEC){0} : square[k]);
            }
}

/* packed[strip of ROWS columns][t, n][column of the strip] = xs[n, t, column] */
static void NAME(pack_strips)(
    const REAL *xs, ptrdiff_t step_n, ptrdiff_t step_t, ptrdiff_t N, ptrdiff_t T, ptrdiff_t columns,
    REAL *packed)
{
    const ptrdiff_t whole = columns / ROWS;
    for (ptrdiff_t t = 0, step = 0; t < T; t++)
        for (ptrdiff_t n = 0; n < N; n++, step++) {
            const REAL *from = xs + n * step_n + t * step_t;
            REAL *to = packed + step * ROWS;
            for (ptrdiff_t strip = 0; strip < whole; strip++, to += N * T * ROWS)
                memcpy(to, from + strip * ROWS, ROWS * sizeof(REAL));
            for (ptrdiff_t column = whole * ROWS; column < columns; column++)
                to[column - whole * ROWS] = from[column];
        }
}

/* Gradients through the gates of one row of one block; own masks what the block shares. */
INLINE void NAME(lstm_gates_backward)(
    VEC dh, const REAL *gates, const REAL *c_prev, const REAL *c, REAL *dc, REAL *da, BITS own,
    VEC *db)
{
    const VEC f = NAME(load)(gates), g = NAME(load)(gates + LANES);
    const VEC i = NAME(load)(gates + 2 * LANES), o = NAME(load)(gates + 3 * LANES);
    const VEC tanh_c = NAME(tanh)(NAME(load)(c));
    const VEC ds = NAME(load)(dc) + dh * o * (1 - tanh_c * tanh_c);
    VEC d[4];
    d[0] = ds * NAME(load)(c_prev) * f * (1 - f);
    d[1] = ds * i * (1 - g * g);
    d[2] = ds * g * i * (1 - i);
    d[3] = dh * tanh_c * o * (1 - o);
    NAME(store)(dc, ds * f);
    UNROLL
    for (int gate = 0; gate < 4; gate++) {
        d[gate] = (VEC)((BITS)d[gate] & own);
        NAME(store)(da + gate * LANES, d[gate]);
        db[gate] += d[gate];
    }
}

/* The gates of a block at step t, for the tiles from tile up to row n_hi. */
static void NAME(lstm_block_backward)(
    const job *j, const NAME(lstm_saved) *s, const NAME(lstm_gradients) *w, ptrdiff_t t,
    ptrdiff_t block, ptrdiff_t tile, ptrdiff_t n_hi, const REAL *product)
{
    const ptrdiff_t N = j->N, T = j->T, H = j->H, B = NAME(blocks)(H), unit = NAME(unit)(block, H);
    const ptrdiff_t place = (t * B + block) * N, da_place = (block * T + t) * N;
    const REAL *dhs = (const REAL *)j->dhs + t * H + unit, *dc_last = j->dc_last;
    BITS own;
    for (int lane = 0; lane < LANES; lane++)
        own[lane] = lane < NAME(shared)(block, H) ? 0 : -1;
    for (ptrdiff_t n = NAME(row_of)(N, tile); n < n_hi; tile++) {
        REAL *sums = w->db + (tile * B + block) * QUAD;
        VEC db[4];
        for (int gate = 0; gate < 4; gate++)
            db[gate] = t == T - 1 ? (VEC){0} : NAME(load)(sums + gate * LANES);
        for (; n < NAME(row_of)(N, tile + 1); n++) {
            const REAL *cell = s->cells + (place + n) * LANES;
            REAL *dc = w->dc + (block * N + n) * LANES;
            VEC dh = NAME(load)(dhs + n * T * H);
            if (t == T - 1)
                NAME(store)(dc, dc_last ? NAME(load)(dc_last + n * H + unit) : (VEC){0});
            else
                dh += NAME(load)(product + n * QUAD);
            NAME(lstm_gates_backward)(
                dh, s->gates + (place + n) * QUAD, cell, cell + B * N * LANES, dc,
                w->da + (da_place + n) * QUAD, own, db);
        }
        for (int gate = 0; gate < 4; gate++)
            NAME(store)(sums + gate * LANES, db[gate]);
    }
}

/* c = da W^T for a group of vectors, in spans. */
static void NAME(times_transposed)(
    const job *j, const REAL *da, ptrdiff_t rows, const REAL *W, ptrdiff_t vectors, REAL *c,
    const REAL *after)
{
    const ptrdiff_t B = NAME(blocks)(j->H), jump = j->T * j->N * QUAD;
    const ptrdiff_t spans = (B + SPAN - 1) / SPAN;
    for (ptrdiff_t span = 0; span < spans; span++) {
        const ptrdiff_t lo = B * span / spans, hi = B * (span + 1) / spans;
        const REAL *part = W + lo * QUAD * vectors * LANES;
        NAME(rows_product)(
            rows, vectors, QUAD, hi - lo, da + lo * jump, QUAD, jump, part, vectors * LANES, LANES,
            span ? c : NAME(zeros), span ? QUAD : 0, c, QUAD,
            span + 1 < spans ? part + (hi - lo) * QUAD * vectors * LANES : after);
    }
}

/* A member's rows of dxs; a row is a step and a batch row, as in da. */
static void NAME(lstm_dxs)(
    const job *j, const NAME(lstm_gradients) *w, int member, int size, REAL *sums)
{
    const ptrdiff_t N = j->N, T = j->T, D = j->D, B = NAME(blocks)(j->H), V = NAME(blocks)(D);
    const ptrdiff_t groups = (V + 3) / 4, hi = N * T * (member + 1) / size;
    for (ptrdiff_t r_lo = N * T * member / size; r_lo < hi; r_lo += DX_ROWS) {
        const ptrdiff_t r_hi = r_lo + DX_ROWS < hi ? r_lo + DX_ROWS : hi;
        for (ptrdiff_t group = 0; group < groups; group++) {
            const ptrdiff_t v_lo = V * group / groups, vectors = V * (group + 1) / groups - v_lo;
            const REAL *W = w->WxT + v_lo * B * QUAD * LANES;
            NAME(times_transposed)(
                j, w->da + r_lo * QUAD, r_hi - r_lo, W, vectors, sums,
                group + 1 < groups ? W + vectors * B * QUAD * LANES : w->WxT);
            for (ptrdiff_t r = r_lo; r < r_hi; r++) {
                REAL *to = (REAL *)j->dxs + (r % N * T + r / N) * D;
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

/* A member's rows of dWx and dWh: the sum over all steps of an input times da. Some rows of all
 * columns at a time, so that their place stays in the cache while it is filled. */
static void NAME(lstm_weight_gradients)(
    const job *j, const NAME(lstm_saved) *s, const NAME(lstm_gradients) *w, int member, int size,
    REAL *own)
{
    const ptrdiff_t N = j->N, T = j->T, D = j->D, H = j->H, B = NAME(blocks)(H), steps = N * T;
    const ptrdiff_t of_x = NAME(strips)(D), strips = of_x + NAME(strips)(H);
    const ptrdiff_t hi = strips * (member + 1) / size, parts = (steps + DW_STEPS - 1) / DW_STEPS;
    REAL *sums = own, *inputs = own + DW_STRIPS * ROWS * QUAD;
    for (ptrdiff_t s_lo = strips * member / size, s_hi; s_lo < hi; s_lo = s_hi) {
        const int of_h = s_lo >= of_x;
        const ptrdiff_t row = (s_lo - (of_h ? of_x : 0)) * ROWS, left = (of_h ? H : D) - row;
        s_hi = s_lo + DW_STRIPS < hi ? s_lo + DW_STRIPS : hi;
        s_hi = s_lo < of_x && of_x < s_hi ? of_x : s_hi;
        const ptrdiff_t rows = (s_hi - s_lo) * ROWS < left ? (s_hi - s_lo) * ROWS : left;
        if (of_h)
            NAME(pack_strips)(
                s->h_prev + row, NAME(lds)(H), N * NAME(lds)(H), N, T, rows, inputs);
        else
            NAME(pack_strips)((const REAL *)j->xs + row, T * D, D, N, T, rows, inputs);
        for (ptrdiff_t block = 0; block < B; block++) {
            for (ptrdiff_t part = 0; part < parts; part++) {
                const ptrdiff_t k_lo = steps * part / parts, k = steps * (part + 1) / parts - k_lo;
                const REAL *da = w->da + (block * steps + k_lo) * QUAD, *next = da + k * QUAD;
                for (ptrdiff_t i = 0; i < s_hi - s_lo; i++)
                    NAME(tiles)[ROWS - 1][3](
                        k, 1, inputs + (i * steps + k_lo) * ROWS, 1, ROWS, 0, da, QUAD, LANES,
                        part ? sums + i * ROWS * QUAD : NAME(zeros), part ? QUAD : 0,
                        sums + i * ROWS * QUAD, QUAD, i < QUAD / LINE ? next + i * k * LINE : da);
            }
            REAL *to = (REAL *)(of_h ? j->dWh : j->dWx) + row * 4 * H + NAME(unit)(block, H);
            for (ptrdiff_t m = 0; m < rows; m++)
                for (int gate = 0; gate < 4; gate++)
                    NAME(store_own)(
                        to + (m * 4 + gate) * H, sums + m * QUAD + gate * LANES,
                        NAME(shared)(block, H));
        }
    }
}

static void NAME(lstm_backward)(const job *j, int member, int size, int64_t *sync)
{
    const ptrdiff_t N = j->N, T = j->T, D = j->D, H = j->H;
    const ptrdiff_t B = NAME(blocks)(H), groups = (B + 3) / 4, V = NAME(blocks)(D);
    const ptrdiff_t tiles = NAME(strips)(N), items = groups * tiles;
    const ptrdiff_t lo = items * member / size, hi = items * (member + 1) / size;
    const ptrdiff_t first = lo / tiles, last = hi > lo ? (hi - 1) / tiles : first - 1;
    const NAME(lstm_saved) s = NAME(lstm_saved_of)(j, j->saved);
    const NAME(lstm_gradients) w = NAME(lstm_gradients_of)(j, j->scratch);
    REAL *own = w.own + member * NAME(lstm_own)(j);
    int64_t round = 0;

    for (ptrdiff_t g = groups * member / size; g < groups * (member + 1) / size; g++)
        NAME(pack_transposed)(j->Wh, H, H, B * g / groups, B * (g + 1) / groups, w.WhT);
    const ptrdiff_t x_groups = (V + 3) / 4;
    for (ptrdiff_t g = x_groups * member / size; g < x_groups * (member + 1) / size; g++)
        NAME(pack_transposed)(j->Wx, D, H, V * g / x_groups, V * (g + 1) / x_groups, w.WxT);
    if (gang_meet(sync, size, &round))
        return;

    /* the extra round at t = -1 leaves the gradient of h0 and c0 */
    for (ptrdiff_t t = T - 1; t >= -1; t--) {
        for (ptrdiff_t group = first; group <= last; group++) {
            const ptrdiff_t b_lo = B * group / groups, vectors = B * (group + 1) / groups - b_lo;
            const ptrdiff_t tile = lo > group * tiles ? lo - group * tiles : 0;
            const ptrdiff_t n_lo = NAME(row_of)(N, tile);
            const ptrdiff_t n_hi = NAME(row_of)(N, hi - group * tiles);
            if (t < T - 1)
                NAME(times_transposed)(
                    j, w.da + ((t + 1) * N + n_lo) * QUAD, n_hi - n_lo,
                    w.WhT + b_lo * B * QUAD * LANES, vectors, own + n_lo * QUAD,
                    w.WhT + (group < last ? b_lo + vectors : B * first / groups) * B * QUAD * LANES);
            for (ptrdiff_t v = 0; v < vectors; v++) {
                const ptrdiff_t block = b_lo + v, unit = NAME(unit)(block, H);
                if (t >= 0) {
                    NAME(lstm_block_backward)(j, &s, &w, t, block, tile, n_hi, own + v * LANES);
                    continue;
                }
                for (ptrdiff_t n = n_lo; n < n_hi; n++) {
                    const VEC dc = NAME(load)(w.dc + (block * N + n) * LANES);
                    NAME(store)((REAL *)j->dh + n * H + unit, NAME(load)(own + n * QUAD + v * LANES));
                    NAME(store)((REAL *)j->dc + n * H + unit, dc);
                }
            }
        }
        if (t >= 0 && gang_meet(sync, size, &round))
            return;
    }

    NAME(lstm_weight_gradients)(j, &s, &w, member, size, own);
    NAME(lstm_dxs)(j, &w, member, size, own);
    /* db: the tiles' sums, always in the same order */
    for (ptrdiff_t block = B * member / size; block < B * (member + 1) / size; block++)
        for (int gate = 0; gate < 4; gate++) {
            REAL *sums = w.db + block * QUAD + gate * LANES;
            VEC sum = {0};
            for (ptrdiff_t tile = 0; tile < tiles; tile++)
                sum += NAME(load)(sums + tile * B * QUAD);
            NAME(store)(own, sum);
            NAME(store_own)(
                (REAL *)j->db + gate * H + NAME(unit)(block, H), own, NAME(shared)(block, H));
        }
}

#undef QUAD
#undef SPAN
#undef DX_ROWS
#undef DW_STEPS
#undef DW_STRIPS
