/* Template: plain recurrent network over a whole sequence, after sequence.h. Its one gate is h itself.
 */

typedef struct {
    REAL *gates, *h_prev, *end;
} NAME(rnn_saved);

typedef struct {
    REAL *bias, *Wx, *Wh, *end;
} NAME(rnn_packed);

typedef struct {
    REAL *da, *WxT, *WhT, *own, *end;
} NAME(rnn_gradients);

static NAME(rnn_saved) NAME(rnn_saved_of)(const job *j, REAL *memory)
{
    NAME(rnn_saved) s;
    s.gates = memory;
    s.h_prev = s.gates + j->T * NAME(blocks)(j->H) * j->N * LANES;
    s.h_prev = memory + (s.h_prev - memory + LINE - 1) / LINE * LINE;
    s.end = s.h_prev + j->T * j->N * NAME(lds)(j->H);
    return s;
}

static NAME(rnn_packed) NAME(rnn_packed_of)(const job *j, REAL *memory)
{
    const ptrdiff_t units = NAME(blocks)(j->H) * LANES, packs = NAME(packs)(j);
    NAME(rnn_packed) s;
    s.bias = memory;
    s.Wx = s.bias + units;
    s.Wh = s.Wx + packs * j->D * units;
    s.end = s.Wh + packs * j->H * units;
    return s;
}

static NAME(rnn_gradients) NAME(rnn_gradients_of)(const job *j, REAL *memory)
{
    const ptrdiff_t units = NAME(blocks)(j->H) * LANES;
    NAME(rnn_gradients) s;
    s.da = memory;
    s.WxT = s.da + j->N * j->T * units;
    s.WhT = s.WxT + units * NAME(blocks)(j->D) * LANES;
    s.own = s.WhT + units * units;
    s.end = s.own + j->members * NAME(own_size)(j);
    return s;
}

static void NAME(rnn_sizes)(const job *j, sizes *s)
{
    REAL *const none = (REAL *)0;
    s->saved = NAME(rnn_saved_of)(j, none).end - none;
    s->forward = NAME(rnn_packed_of)(j, none).end - none;
    s->backward = NAME(rnn_gradients_of)(j, none).end - none;
}

static void NAME(rnn_forward)(const job *j, int member, int size, int64_t *sync)
{
    const ptrdiff_t N = j->N, T = j->T, H = j->H, B = NAME(blocks)(H), lds = NAME(lds)(H);
    const NAME(items) items = NAME(items_of)(j, B, member, size);
    const NAME(rnn_saved) s = NAME(rnn_saved_of)(j, j->saved);
    const NAME(rnn_packed) w = NAME(rnn_packed_of)(j, j->scratch);
    const int packed = NAME(packs)(j);
    const REAL *Wh = j->Wh;
    REAL *hs = j->hs, *h = j->h;
    int64_t round = 0;

    NAME(begin)(j, 1, member, size, s.h_prev, w.bias, w.Wx);
    if (packed)
        NAME(pack_gates)(
            Wh, H, H, 1, 0, 1, B * member / size, B * (member + 1) / size, w.Wh);
    if (gang_meet(sync, size, &round))
        return;
    NAME(times_Wx)(j, 1, &items, w.bias, w.Wx, s.gates);

    for (ptrdiff_t t = 0; t < T; t++) {
        for (ptrdiff_t block = items.first; block <= items.last; block++) {
            const ptrdiff_t n_lo = NAME(row_lo)(j, &items, block);
            const ptrdiff_t n_hi = NAME(row_hi)(j, &items, block), unit = NAME(unit)(block, H);
            const ptrdiff_t next = block < items.last ? block + 1 : items.first;
            const REAL *W = packed ? w.Wh + block * H * LANES : Wh + unit;
            REAL *gate = s.gates + (t * B + block) * N * LANES;
            NAME(rows_product)(
                n_hi - n_lo, 1, H, 1, s.h_prev + (t * N + n_lo) * lds, lds, 0, W,
                packed ? LANES : H, LANES, gate + n_lo * LANES, LANES, gate + n_lo * LANES, LANES,
                packed ? w.Wh + next * H * LANES : W);
            for (ptrdiff_t n = n_lo; n < n_hi; n++) {
                const VEC hn = NAME(tanh)(NAME(load)(gate + n * LANES));
                NAME(store)(gate + n * LANES, hn);
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

static void NAME(rnn_backward)(const job *j, int member, int size, int64_t *sync)
{
    const ptrdiff_t N = j->N, T = j->T, D = j->D, H = j->H, lds = NAME(lds)(H);
    const ptrdiff_t B = NAME(blocks)(H), groups = (B + 3) / 4;
    const NAME(items) items = NAME(items_of)(j, groups, member, size);
    const NAME(rnn_saved) s = NAME(rnn_saved_of)(j, j->saved);
    const NAME(rnn_gradients) w = NAME(rnn_gradients_of)(j, j->scratch);
    REAL *own = w.own + member * NAME(own_size)(j);
    int64_t round = 0;

    NAME(pack_all_transposed)(j->Wh, H, H, 1, 0, 1, member, size, w.WhT);
    NAME(pack_all_transposed)(j->Wx, D, H, 1, 0, 1, member, size, w.WxT);
    if (gang_meet(sync, size, &round))
        return;

    /* the extra round at t = -1 leaves the gradient of h0 */
    for (ptrdiff_t t = T - 1; t >= -1; t--) {
        for (ptrdiff_t g = items.first; g <= items.last; g++) {
            const ptrdiff_t n_lo = NAME(row_lo)(j, &items, g), n_hi = NAME(row_hi)(j, &items, g);
            if (t < T - 1)
                NAME(times_transposed)(
                    j, 1, 0, 1, w.da + ((t + 1) * N + n_lo) * LANES, n_hi - n_lo, w.WhT, H, g,
                    g < items.last ? g + 1 : items.first, own + n_lo * QUAD);
            for (ptrdiff_t block = B * g / groups, v = 0; block < B * (g + 1) / groups; block++, v++) {
                const ptrdiff_t unit = NAME(unit)(block, H);
                const BITS mine = NAME(own_units)(block, H);
                for (ptrdiff_t n = n_lo; n < n_hi; n++) {
                    VEC dh = t < T - 1 ? NAME(load)(own + n * QUAD + v * LANES) : (VEC){0};
                    if (t < 0) {
                        NAME(store)((REAL *)j->dh + n * H + unit, dh);
                        continue;
                    }
                    const VEC h = NAME(load)(s.gates + ((t * B + block) * N + n) * LANES);
                    dh += NAME(load)((const REAL *)j->dhs + (n * T + t) * H + unit);
                    NAME(store)(
                        w.da + ((block * T + t) * N + n) * LANES,
                        NAME(keep)(mine, dh * (1 - h * h)));
                }
            }
        }
        if (t >= 0 && gang_meet(sync, size, &round))
            return;
    }

    NAME(make_dW)(j, 1, 0, 1, w.da, j->xs, T * D, D, D, j->dWx, member, size, own);
    NAME(make_dW)(j, 1, 0, 1, w.da, s.h_prev, lds, N * lds, H, j->dWh, member, size, own);
    NAME(make_dxs)(j, 1, w.da, w.WxT, member, size, own);
    NAME(make_db)(j, 1, w.da, member, size);
}
