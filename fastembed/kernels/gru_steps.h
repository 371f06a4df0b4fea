/* Template: GRU over a whole sequence, after sequence.h. Gates z, r, h_hat; two meetings a step, since
 * h_hat needs r h of all units.
 */

typedef struct {
    REAL *gates, *h_prev, *rh, *end;
} NAME(gru_saved);

typedef struct {
    REAL *bias, *Wx, *Wh_zr, *Wh_hat, *end;
} NAME(gru_packed);

typedef struct {
    REAL *da, *WxT, *WhT_zr, *WhT_hat, *dh, *own, *end;
} NAME(gru_gradients);

static NAME(gru_saved) NAME(gru_saved_of)(const job *j, REAL *memory)
{
    NAME(gru_saved) s;
    s.gates = memory;
    s.h_prev = s.gates + j->T * NAME(blocks)(j->H) * j->N * 3 * LANES;
    s.h_prev = memory + (s.h_prev - memory + LINE - 1) / LINE * LINE;
    s.rh = s.h_prev + j->T * j->N * NAME(lds)(j->H);
    s.end = s.rh + j->T * j->N * NAME(lds)(j->H);
    return s;
}

static NAME(gru_packed) NAME(gru_packed_of)(const job *j, REAL *memory)
{
    const ptrdiff_t units = NAME(blocks)(j->H) * LANES, packs = NAME(packs)(j);
    NAME(gru_packed) s;
    s.bias = memory;
    s.Wx = s.bias + 3 * units;
    s.Wh_zr = s.Wx + packs * j->D * 3 * units;
    s.Wh_hat = s.Wh_zr + packs * j->H * 2 * units;
    s.end = s.Wh_hat + packs * j->H * units;
    return s;
}

static NAME(gru_gradients) NAME(gru_gradients_of)(const job *j, REAL *memory)
{
    const ptrdiff_t units = NAME(blocks)(j->H) * LANES;
    NAME(gru_gradients) s;
    s.da = memory;
    s.WxT = s.da + j->N * j->T * 3 * units;
    s.WhT_zr = s.WxT + 3 * units * NAME(blocks)(j->D) * LANES;
    s.WhT_hat = s.WhT_zr + 2 * units * units;
    s.dh = s.WhT_hat + units * units;
    s.own = s.dh + j->N * units;
    s.end = s.own + j->members * NAME(own_size)(j);
    return s;
}

static void NAME(gru_sizes)(const job *j, sizes *s)
{
    REAL *const none = (REAL *)0;
    s->saved = NAME(gru_saved_of)(j, none).end - none;
    s->forward = NAME(gru_packed_of)(j, none).end - none;
    s->backward = NAME(gru_gradients_of)(j, none).end - none;
}

static void NAME(gru_forward)(const job *j, int member, int size, int64_t *sync)
{
    const ptrdiff_t N = j->N, T = j->T, H = j->H, B = NAME(blocks)(H), lds = NAME(lds)(H);
    const ptrdiff_t width = 3 * LANES, b_lo = B * member / size, b_hi = B * (member + 1) / size;
    const NAME(items) items = NAME(items_of)(j, B, member, size);
    const NAME(gru_saved) s = NAME(gru_saved_of)(j, j->saved);
    const NAME(gru_packed) w = NAME(gru_packed_of)(j, j->scratch);
    const int packed = NAME(packs)(j);
    const ptrdiff_t gap = packed ? LANES : H;
    const REAL *Wh = j->Wh;
    REAL *hs = j->hs, *h = j->h;
    int64_t round = 0;

    NAME(begin)(j, 3, member, size, s.h_prev, w.bias, w.Wx);
    if (packed) {
        NAME(pack_gates)(Wh, H, H, 3, 0, 2, b_lo, b_hi, w.Wh_zr);
        NAME(pack_gates)(Wh, H, H, 3, 2, 3, b_lo, b_hi, w.Wh_hat);
    }
    if (gang_meet(sync, size, &round))
        return;
    NAME(times_Wx)(j, 3, &items, w.bias, w.Wx, s.gates);

    for (ptrdiff_t t = 0; t < T; t++) {
        const REAL *h_prev = s.h_prev + t * N * lds;
        REAL *rh = s.rh + t * N * lds;
        for (ptrdiff_t block = items.first; block <= items.last; block++) {
            const ptrdiff_t n_lo = NAME(row_lo)(j, &items, block);
            const ptrdiff_t n_hi = NAME(row_hi)(j, &items, block), unit = NAME(unit)(block, H);
            const ptrdiff_t next = block < items.last ? block + 1 : items.first;
            const REAL *W = packed ? w.Wh_zr + block * H * 2 * LANES : Wh + unit;
            REAL *gates = s.gates + (t * B + block) * N * width;
            NAME(rows_product)(
                n_hi - n_lo, 2, H, 1, h_prev + n_lo * lds, lds, 0, W, packed ? 2 * LANES : 3 * H,
                gap, gates + n_lo * width, width, gates + n_lo * width, width,
                packed ? w.Wh_zr + next * H * 2 * LANES : W);
            for (ptrdiff_t n = n_lo; n < n_hi; n++) {
                const VEC z = NAME(sigmoid)(NAME(load)(gates + n * width));
                const VEC r = NAME(sigmoid)(NAME(load)(gates + n * width + LANES));
                NAME(store)(gates + n * width, z);
                NAME(store)(gates + n * width + LANES, r);
                NAME(store)(rh + n * lds + unit, r * NAME(load)(h_prev + n * lds + unit));
            }
        }
        if (gang_meet(sync, size, &round))
            return;
        for (ptrdiff_t block = items.first; block <= items.last; block++) {
            const ptrdiff_t n_lo = NAME(row_lo)(j, &items, block);
            const ptrdiff_t n_hi = NAME(row_hi)(j, &items, block), unit = NAME(unit)(block, H);
            const ptrdiff_t next = block < items.last ? block + 1 : items.first;
            const REAL *W = packed ? w.Wh_hat + block * H * LANES : Wh + 2 * H + unit;
            REAL *gates = s.gates + (t * B + block) * N * width, *hat = gates + 2 * LANES;
            NAME(rows_product)(
                n_hi - n_lo, 1, H, 1, rh + n_lo * lds, lds, 0, W, packed ? LANES : 3 * H, gap,
                hat + n_lo * width, width, hat + n_lo * width, width,
                packed ? w.Wh_hat + next * H * LANES : W);
            for (ptrdiff_t n = n_lo; n < n_hi; n++) {
                const VEC z = NAME(load)(gates + n * width);
                const VEC h_hat = NAME(tanh)(NAME(load)(hat + n * width));
                const VEC hn = (1 - z) * NAME(load)(h_prev + n * lds + unit) + z * h_hat;
                NAME(store)(hat + n * width, h_hat);
                NAME(store)(hs + (n * T + t) * H + unit, hn);
                if (t + 1 < T)
                    NAME(store)(s.h_prev + ((t + 1) * N + n) * lds + unit, hn);
                else
                    NAME(store)(h + n * H + unit, hn);
            }
        }
        if (t + 1 < T && gang_meet(sync, size, &round))
            return;
    }
}

/* First half of a step: z and h_hat of a block; product is dh from the step after, less what dh
 * already holds. dh becomes what reaches h_prev by 1 - z. */
static void NAME(gru_first_backward)(
    const job *j, const NAME(gru_saved) *s, const NAME(gru_gradients) *w, ptrdiff_t t,
    ptrdiff_t block, ptrdiff_t n_lo, ptrdiff_t n_hi, const REAL *product)
{
    const ptrdiff_t N = j->N, T = j->T, H = j->H, B = NAME(blocks)(H), unit = NAME(unit)(block, H);
    const BITS own = NAME(own_units)(block, H);
    for (ptrdiff_t n = n_lo; n < n_hi; n++) {
        const REAL *gates = s->gates + ((t * B + block) * N + n) * 3 * LANES;
        const VEC z = NAME(load)(gates), h_hat = NAME(load)(gates + 2 * LANES);
        const VEC h_prev = NAME(load)(s->h_prev + (t * N + n) * NAME(lds)(H) + unit);
        REAL *da = w->da + ((block * T + t) * N + n) * 3 * LANES;
        REAL *carry = w->dh + (block * N + n) * LANES;
        VEC dh = NAME(load)((const REAL *)j->dhs + (n * T + t) * H + unit);
        if (t < T - 1)
            dh += NAME(load)(product + n * QUAD) + NAME(load)(carry);
        NAME(store)(da, NAME(keep)(own, dh * (h_hat - h_prev) * z * (1 - z)));
        NAME(store)(da + 2 * LANES, NAME(keep)(own, dh * z * (1 - h_hat * h_hat)));
        NAME(store)(carry, dh * (1 - z));
    }
}

/* Second half: r of a block; product is the gradient of r h_prev. */
static void NAME(gru_second_backward)(
    const job *j, const NAME(gru_saved) *s, const NAME(gru_gradients) *w, ptrdiff_t t,
    ptrdiff_t block, ptrdiff_t n_lo, ptrdiff_t n_hi, const REAL *product)
{
    const ptrdiff_t N = j->N, T = j->T, H = j->H, B = NAME(blocks)(H), unit = NAME(unit)(block, H);
    const BITS own = NAME(own_units)(block, H);
    for (ptrdiff_t n = n_lo; n < n_hi; n++) {
        const VEC r = NAME(load)(s->gates + ((t * B + block) * N + n) * 3 * LANES + LANES);
        const VEC h_prev = NAME(load)(s->h_prev + (t * N + n) * NAME(lds)(H) + unit);
        const VEC drh = NAME(load)(product + n * QUAD);
        REAL *da = w->da + ((block * T + t) * N + n) * 3 * LANES;
        REAL *carry = w->dh + (block * N + n) * LANES;
        NAME(store)(da + LANES, NAME(keep)(own, drh * h_prev * r * (1 - r)));
        NAME(store)(carry, NAME(load)(carry) + drh * r);
    }
}

static void NAME(gru_backward)(const job *j, int member, int size, int64_t *sync)
{
    const ptrdiff_t N = j->N, T = j->T, D = j->D, H = j->H, lds = NAME(lds)(H);
    const ptrdiff_t B = NAME(blocks)(H), groups = (B + 3) / 4, width = 3 * LANES;
    const NAME(items) items = NAME(items_of)(j, groups, member, size);
    const NAME(gru_saved) s = NAME(gru_saved_of)(j, j->saved);
    const NAME(gru_gradients) w = NAME(gru_gradients_of)(j, j->scratch);
    REAL *own = w.own + member * NAME(own_size)(j);
    int64_t round = 0;

    NAME(pack_all_transposed)(j->Wh, H, H, 3, 0, 2, member, size, w.WhT_zr);
    NAME(pack_all_transposed)(j->Wh, H, H, 3, 2, 3, member, size, w.WhT_hat);
    NAME(pack_all_transposed)(j->Wx, D, H, 3, 0, 3, member, size, w.WxT);
    if (gang_meet(sync, size, &round))
        return;

    /* the extra round at t = -1 leaves the gradient of h0 */
    for (ptrdiff_t t = T - 1; t >= -1; t--) {
        for (ptrdiff_t g = items.first; g <= items.last; g++) {
            const ptrdiff_t n_lo = NAME(row_lo)(j, &items, g), n_hi = NAME(row_hi)(j, &items, g);
            if (t < T - 1)
                NAME(times_transposed)(
                    j, 3, 0, 2, w.da + ((t + 1) * N + n_lo) * width, n_hi - n_lo, w.WhT_zr, H, g,
                    g < items.last ? g + 1 : items.first, own + n_lo * QUAD);
            for (ptrdiff_t block = B * g / groups, v = 0; block < B * (g + 1) / groups; block++, v++)
                if (t >= 0)
                    NAME(gru_first_backward)(j, &s, &w, t, block, n_lo, n_hi, own + v * LANES);
                else
                    for (ptrdiff_t n = n_lo; n < n_hi; n++)
                        NAME(store)(
                            (REAL *)j->dh + n * H + NAME(unit)(block, H),
                            NAME(load)(own + n * QUAD + v * LANES) +
                                NAME(load)(w.dh + (block * N + n) * LANES));
        }
        if (t < 0)
            break;
        if (gang_meet(sync, size, &round))
            return;
        for (ptrdiff_t g = items.first; g <= items.last; g++) {
            const ptrdiff_t n_lo = NAME(row_lo)(j, &items, g), n_hi = NAME(row_hi)(j, &items, g);
            NAME(times_transposed)(
                j, 3, 2, 3, w.da + (t * N + n_lo) * width, n_hi - n_lo, w.WhT_hat, H, g,
                g < items.last ? g + 1 : items.first, own + n_lo * QUAD);
            for (ptrdiff_t block = B * g / groups, v = 0; block < B * (g + 1) / groups; block++, v++)
                NAME(gru_second_backward)(j, &s, &w, t, block, n_lo, n_hi, own + v * LANES);
        }
        if (gang_meet(sync, size, &round))
            return;
    }

    NAME(make_dW)(j, 3, 0, 3, w.da, j->xs, T * D, D, D, j->dWx, member, size, own);
    NAME(make_dW)(j, 3, 0, 2, w.da, s.h_prev, lds, N * lds, H, j->dWh, member, size, own);
    NAME(make_dW)(j, 3, 2, 3, w.da, s.rh, lds, N * lds, H, j->dWh, member, size, own);
    NAME(make_dxs)(j, 3, w.da, w.WxT, member, size, own);
    NAME(make_db)(j, 3, w.da, member, size);
}
