/* Template: LSTM over a whole sequence, after sequence.h. Gates f, g, i, o; cells are kept before each
 * step and after the last: (T + 1, blocks, N, LANES).
 */

typedef struct {
    REAL *gates, *cells, *h_prev, *end;
} NAME(lstm_saved);

typedef struct {
    REAL *bias, *Wx, *Wh, *end;
} NAME(lstm_packed);

typedef struct {
    REAL *da, *WxT, *WhT, *dc, *own, *end;
} NAME(lstm_gradients);

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
    s.Wh = s.Wx + (NAME(packs)(j) ? j->D * width : 0);
    s.end = s.Wh + (NAME(packs)(j) ? j->H * width : 0);
    return s;
}

static NAME(lstm_gradients) NAME(lstm_gradients_of)(const job *j, REAL *memory)
{
    const ptrdiff_t B = NAME(blocks)(j->H);
    NAME(lstm_gradients) s;
    s.da = memory;
    s.WxT = s.da + j->N * j->T * B * QUAD;
    s.WhT = s.WxT + B * QUAD * NAME(blocks)(j->D) * LANES;
    s.dc = s.WhT + B * QUAD * B * LANES;
    s.own = s.dc + B * j->N * LANES;
    s.end = s.own + j->members * NAME(own_size)(j);
    return s;
}

static void NAME(lstm_sizes)(const job *j, sizes *s)
{
    REAL *const none = (REAL *)0;
    s->saved = NAME(lstm_saved_of)(j, none).end - none;
    s->forward = NAME(lstm_packed_of)(j, none).end - none;
    s->backward = NAME(lstm_gradients_of)(j, none).end - none;
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
    const ptrdiff_t N = j->N, T = j->T, H = j->H, B = NAME(blocks)(H), lds = NAME(lds)(H);
    const NAME(items) items = NAME(items_of)(j, B, member, size);
    const NAME(lstm_saved) s = NAME(lstm_saved_of)(j, j->saved);
    const NAME(lstm_packed) w = NAME(lstm_packed_of)(j, j->scratch);
    const int packed = NAME(packs)(j);
    const REAL *Wh = j->Wh, *c0 = j->c0;
    REAL *hs = j->hs, *h = j->h, *c = j->c;
    int64_t round = 0;

    NAME(begin)(j, 4, member, size, s.h_prev, w.bias, w.Wx);
    if (packed)
        NAME(pack_gates)(
            Wh, H, H, 4, 0, 4, B * member / size, B * (member + 1) / size, w.Wh);
    if (gang_meet(sync, size, &round))
        return;
    NAME(times_Wx)(j, 4, &items, w.bias, w.Wx, s.gates);

    for (ptrdiff_t t = 0; t < T; t++) {
        for (ptrdiff_t block = items.first; block <= items.last; block++) {
            const ptrdiff_t n_lo = NAME(row_lo)(j, &items, block);
            const ptrdiff_t n_hi = NAME(row_hi)(j, &items, block), unit = NAME(unit)(block, H);
            const ptrdiff_t next = block < items.last ? block + 1 : items.first;
            const REAL *W = packed ? w.Wh + block * H * QUAD : Wh + unit;
            REAL *gates = s.gates + (t * B + block) * N * QUAD;
            REAL *c_prev = s.cells + (t * B + block) * N * LANES, *c_new = c_prev + B * N * LANES;
            REAL *h_next = s.h_prev + (t + 1) * N * lds + unit;
            NAME(rows_product)(
                n_hi - n_lo, 4, H, 1, s.h_prev + (t * N + n_lo) * lds, lds, 0, W,
                packed ? QUAD : 4 * H, packed ? LANES : H, gates + n_lo * QUAD, QUAD,
                gates + n_lo * QUAD, QUAD, packed ? w.Wh + next * H * QUAD : W);
            if (t == 0)
                for (ptrdiff_t n = n_lo; n < n_hi; n++)
                    NAME(store)(
                        c_prev + n * LANES, c0 ? NAME(load)(c0 + n * H + unit) : (VEC){0});
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

/* The gates of a block at step t for some rows; product is dh from the step after. */
static void NAME(lstm_gates_backward)(
    const job *j, const NAME(lstm_saved) *s, const NAME(lstm_gradients) *w, ptrdiff_t t,
    ptrdiff_t block, ptrdiff_t n_lo, ptrdiff_t n_hi, const REAL *product)
{
    const ptrdiff_t N = j->N, T = j->T, H = j->H, B = NAME(blocks)(H), unit = NAME(unit)(block, H);
    const REAL *dhs = (const REAL *)j->dhs + t * H + unit, *dc_last = j->dc_last;
    const REAL *gates = s->gates + ((t * B + block) * N + n_lo) * QUAD;
    const REAL *c_prev = s->cells + ((t * B + block) * N + n_lo) * LANES;
    REAL *da = w->da + ((block * T + t) * N + n_lo) * QUAD;
    REAL *dc = w->dc + (block * N + n_lo) * LANES;
    const BITS own = NAME(own_units)(block, H);
    for (ptrdiff_t n = n_lo; n < n_hi; n++) {
        const VEC f = NAME(load)(gates), g = NAME(load)(gates + LANES);
        const VEC i = NAME(load)(gates + 2 * LANES), o = NAME(load)(gates + 3 * LANES);
        const VEC tanh_c = NAME(tanh)(NAME(load)(c_prev + B * N * LANES));
        VEC dh = NAME(load)(dhs + n * T * H), ds = {0};
        if (t < T - 1) {
            dh += NAME(load)(product + n * QUAD);
            ds = NAME(load)(dc);
        } else if (dc_last) {
            ds = NAME(load)(dc_last + n * H + unit);
        }
        ds += dh * o * (1 - tanh_c * tanh_c);
        NAME(store)(da, NAME(keep)(own, ds * NAME(load)(c_prev) * f * (1 - f)));
        NAME(store)(da + LANES, NAME(keep)(own, ds * i * (1 - g * g)));
        NAME(store)(da + 2 * LANES, NAME(keep)(own, ds * g * i * (1 - i)));
        NAME(store)(da + 3 * LANES, NAME(keep)(own, dh * tanh_c * o * (1 - o)));
        NAME(store)(dc, ds * f);
        gates += QUAD;
        c_prev += LANES;
        da += QUAD;
        dc += LANES;
    }
}

static void NAME(lstm_backward)(const job *j, int member, int size, int64_t *sync)
{
    const ptrdiff_t N = j->N, T = j->T, D = j->D, H = j->H, lds = NAME(lds)(H);
    const ptrdiff_t B = NAME(blocks)(H), groups = (B + 3) / 4;
    const NAME(items) items = NAME(items_of)(j, groups, member, size);
    const NAME(lstm_saved) s = NAME(lstm_saved_of)(j, j->saved);
    const NAME(lstm_gradients) w = NAME(lstm_gradients_of)(j, j->scratch);
    REAL *own = w.own + member * NAME(own_size)(j);
    int64_t round = 0;

    NAME(pack_all_transposed)(j->Wh, H, H, 4, 0, 4, member, size, w.WhT);
    NAME(pack_all_transposed)(j->Wx, D, H, 4, 0, 4, member, size, w.WxT);
    if (gang_meet(sync, size, &round))
        return;

    /* the extra round at t = -1 leaves the gradient of h0 and c0 */
    for (ptrdiff_t t = T - 1; t >= -1; t--) {
        for (ptrdiff_t g = items.first; g <= items.last; g++) {
            const ptrdiff_t n_lo = NAME(row_lo)(j, &items, g), n_hi = NAME(row_hi)(j, &items, g);
            if (t < T - 1)
                NAME(times_transposed)(
                    j, 4, 0, 4, w.da + ((t + 1) * N + n_lo) * QUAD, n_hi - n_lo, w.WhT, H, g,
                    g < items.last ? g + 1 : items.first, own + n_lo * QUAD);
            for (ptrdiff_t block = B * g / groups, v = 0; block < B * (g + 1) / groups; block++, v++)
                if (t >= 0)
                    NAME(lstm_gates_backward)(j, &s, &w, t, block, n_lo, n_hi, own + v * LANES);
                else
                    for (ptrdiff_t n = n_lo; n < n_hi; n++) {
                        const ptrdiff_t to = n * H + NAME(unit)(block, H);
                        const VEC dc = NAME(load)(w.dc + (block * N + n) * LANES);
                        NAME(store)((REAL *)j->dh + to, NAME(load)(own + n * QUAD + v * LANES));
                        NAME(store)((REAL *)j->dc + to, dc);
                    }
        }
        if (t >= 0 && gang_meet(sync, size, &round))
            return;
    }

    NAME(make_dW)(j, 4, 0, 4, w.da, j->xs, T * D, D, D, j->dWx, member, size, own);
    NAME(make_dW)(j, 4, 0, 4, w.da, s.h_prev, lds, N * lds, H, j->dWh, member, size, own);
    NAME(make_dxs)(j, 4, w.da, w.WxT, member, size, own);
    NAME(make_db)(j, 4, w.da, member, size);
}
