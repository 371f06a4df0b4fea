/* Template: a recurrent cell over a whole sequence, after sequence.h.
 *
 * The cell's own file says what a step computes on vectors of units, and ends by including this one:
 *   CELL(x)         makes a name of this cell
 *   GATES           how many there are; SPLIT of them are made from h_prev, which is product 0, the
 *                   others from mid, product 1
 *   STATE, CARRY    1 if there is a state beside h; if backward hands on more than a product: the
 *                   gradient of the state, or else of h
 *   first           gates, and mid or the new state, after product 0
 *   last            gates and the new h, after the last product
 *   first_backward  da from the gradient of h, but for the LATE(g), which
 *   last_backward   makes from the gradient of mid, where there is one
 * Phases: one packs, then one for each product of each step; backward ends with all weights.
 */

#define PRODUCTS (SPLIT < GATES ? 2 : 1)

typedef struct {
    REAL *gates, *states, *h_prev, *mid, *end;
    ptrdiff_t slots; /* steps for which states are kept, and h_prev and mid */
} CELL(saved);

typedef struct {
    REAL *bias, *Wx, *Wh[2], *end;
} CELL(packed);

typedef struct {
    REAL *da, *WxT, *WhT[2], *carry, *own, *end;
} CELL(gradients);

static ptrdiff_t CELL(whole_lines)(ptrdiff_t n) { return (n + LINE - 1) / LINE * LINE; }

static CELL(saved) CELL(saved_of)(const job *j, REAL *memory)
{
    const ptrdiff_t units = NAME(blocks)(j->H) * j->N * LANES, rows = j->N * NAME(lds)(j->H);
    const ptrdiff_t steps = j->keep ? j->T : NAME(chunk)(j, GATES);
    CELL(saved) s;
    s.slots = j->keep ? j->T + 1 : 2;
    s.gates = memory;
    s.states = s.gates + steps * GATES * units;
    s.h_prev = memory + CELL(whole_lines)(s.states - memory + STATE * s.slots * units);
    s.mid = s.h_prev + s.slots * rows;
    s.end = s.mid + (PRODUCTS - 1) * s.slots * rows;
    return s;
}

static CELL(packed) CELL(packed_of)(const job *j, REAL *memory)
{
    const ptrdiff_t units = NAME(blocks)(j->H) * LANES, packs = NAME(packs)(j);
    CELL(packed) w;
    w.bias = memory;
    w.Wx = w.bias + GATES * units;
    w.Wh[0] = w.Wx + packs * j->D * GATES * units;
    w.Wh[1] = w.Wh[0] + packs * j->H * SPLIT * units;
    w.end = w.Wh[1] + packs * j->H * (GATES - SPLIT) * units;
    return w;
}

static CELL(gradients) CELL(gradients_of)(const job *j, REAL *memory)
{
    const ptrdiff_t units = NAME(blocks)(j->H) * LANES;
    CELL(gradients) w;
    w.da = memory;
    w.WxT = w.da + j->N * j->T * GATES * units;
    w.WhT[0] = w.WxT + GATES * units * NAME(blocks)(j->D) * LANES;
    w.WhT[1] = w.WhT[0] + SPLIT * units * units;
    w.carry = w.WhT[1] + (GATES - SPLIT) * units * units;
    w.own = w.carry + CARRY * j->N * units;
    w.end = w.own + j->parts * NAME(own_size)(j);
    return w;
}

static void CELL(sizes)(const job *j, sizes *s)
{
    REAL *const none = (REAL *)0;
    s->saved = CELL(saved_of)(j, none).end - none;
    s->forward = CELL(packed_of)(j, none).end - none;
    s->backward = CELL(gradients_of)(j, none).end - none;
}

/* The gates that product p makes: from lo to hi. */
INLINE int CELL(lo)(int p) { return p ? SPLIT : 0; }
INLINE int CELL(hi)(int p) { return p ? GATES : SPLIT; }

/* ---- forward */

/* gates[n, :] += operand[n, :] Wh  of a block, for the gates of product p */
INLINE void CELL(times_Wh)(
    const job *j, const CELL(packed) *w, int p, ptrdiff_t block, ptrdiff_t next, ptrdiff_t n_lo,
    ptrdiff_t n_hi, const REAL *operand, REAL *gates)
{
    const ptrdiff_t H = j->H, lds = NAME(lds)(H), width = GATES * LANES;
    const ptrdiff_t own = (CELL(hi)(p) - CELL(lo)(p)) * LANES;
    const int packed = NAME(packs)(j);
    const REAL *W = packed ? w->Wh[p] + block * H * own
                           : (const REAL *)j->Wh + CELL(lo)(p) * H + NAME(unit)(block, H);
    REAL *c = gates + n_lo * width + CELL(lo)(p) * LANES;
    NAME(rows_product)(
        n_hi - n_lo, own / LANES, H, 1, operand + n_lo * lds, lds, 0, W, packed ? own : GATES * H,
        packed ? LANES : H, c, width, c, width, packed ? w->Wh[p] + next * H * own : W);
}

static void CELL(begin)(
    const job *j, const CELL(saved) *s, const CELL(packed) *w, ptrdiff_t part, ptrdiff_t parts)
{
    const ptrdiff_t H = j->H, B = NAME(blocks)(H), lo = B * part / parts, hi = B * (part + 1) / parts;
    NAME(first_state)(j, part, parts, s->h_prev);
    NAME(pack_gates)(j->b, 1, H, GATES, 0, GATES, lo, hi, w->bias);
    if (!NAME(packs)(j))
        return;
    NAME(pack_gates)(j->Wx, j->D, H, GATES, 0, GATES, lo, hi, w->Wx);
    for (int p = 0; p < PRODUCTS; p++)
        NAME(pack_gates)(j->Wh, H, H, GATES, CELL(lo)(p), CELL(hi)(p), lo, hi, w->Wh[p]);
}

static void CELL(forward)(const void *args, int64_t phase, int64_t part, int64_t parts)
{
    const job *j = args;
    const ptrdiff_t N = j->N, T = j->T, H = j->H, B = NAME(blocks)(H), lds = NAME(lds)(H);
    const ptrdiff_t width = GATES * LANES;
    const CELL(saved) s = CELL(saved_of)(j, j->saved);
    const CELL(packed) w = CELL(packed_of)(j, j->scratch);
    if (phase == 0) {
        CELL(begin)(j, &s, &w, part, parts);
        return;
    }
    const NAME(items) items = NAME(items_of)(j, B, part, parts);
    const ptrdiff_t t = (phase - 1) / PRODUCTS, chunk = NAME(chunk)(j, GATES), in_chunk = t % chunk;
    const int p = (phase - 1) % PRODUCTS;
    const ptrdiff_t now = t % s.slots, then = (t + 1) % s.slots;
    const REAL *c0 = j->c0, *h_prev = s.h_prev + now * N * lds;
    REAL *mid = s.mid + now * N * lds, *step = s.gates + (j->keep ? t : in_chunk) * B * N * width;
    if (in_chunk == 0 && p == 0)
        NAME(times_Wx)(
            j, GATES, &items, t, t + chunk < T ? chunk : T - t, w.bias, w.Wx, step);

    for (ptrdiff_t block = items.first; block <= items.last; block++) {
        const ptrdiff_t n_lo = NAME(row_lo)(j, &items, block), n_hi = NAME(row_hi)(j, &items, block);
        const ptrdiff_t unit = NAME(unit)(block, H);
        REAL *gates = step + block * N * width, *h_next = s.h_prev + then * N * lds + unit;
        REAL *c_prev = s.states + (now * B + block) * N * LANES;
        REAL *c = s.states + (then * B + block) * N * LANES;
        CELL(times_Wh)(
            j, &w, p, block, block < items.last ? block + 1 : items.first, n_lo, n_hi,
            p ? mid : h_prev, gates);
        if (STATE && t == 0)
            for (ptrdiff_t n = n_lo; n < n_hi; n++)
                NAME(store)(
                    c_prev + n * LANES, c0 ? NAME(load_units)(c0 + n * H + unit, H) : (VEC){0});
        /* two loops: the long chains of operations of several rows overlap in the CPU */
        if (p == 0)
            for (ptrdiff_t n = n_lo; n < n_hi; n++) {
                VEC new_mid, state, prev = STATE ? NAME(load)(c_prev + n * LANES) : (VEC){0};
                CELL(first)(
                    gates + n * width, NAME(load)(h_prev + n * lds + unit), prev, &new_mid, &state);
                if (PRODUCTS == 2)
                    NAME(store)(mid + n * lds + unit, new_mid);
                if (STATE)
                    NAME(store)(c + n * LANES, state);
            }
        if (p == PRODUCTS - 1)
            for (ptrdiff_t n = n_lo; n < n_hi; n++) {
                const VEC state = STATE ? NAME(load)(c + n * LANES) : (VEC){0};
                const VEC h = CELL(last)(
                    gates + n * width, NAME(load)(h_prev + n * lds + unit), state);
                NAME(store_units)((REAL *)j->hs + (n * T + t) * H + unit, h, H);
                NAME(store)(h_next + n * lds, h);
                if (t < T - 1)
                    continue;
                NAME(store_units)((REAL *)j->h + n * H + unit, h, H);
                if (STATE)
                    NAME(store_units)((REAL *)j->c + n * H + unit, state, H);
            }
    }
}

/* ---- backward */

/* Rows n_lo to n_hi of a block: da of step t after product p, which is the gradient of the next h_prev
 * (p = 0) or of mid. */
INLINE void CELL(step_backward)(
    const job *j, const CELL(saved) *s, const CELL(gradients) *w, int p, ptrdiff_t t,
    ptrdiff_t block, ptrdiff_t n_lo, ptrdiff_t n_hi, const REAL *product)
{
    const ptrdiff_t N = j->N, T = j->T, H = j->H, B = NAME(blocks)(H), unit = NAME(unit)(block, H);
    const ptrdiff_t width = GATES * LANES, lds = NAME(lds)(H);
    const REAL *dhs = (const REAL *)j->dhs + t * H + unit, *dc = j->dc_last;
    const REAL *gates = s->gates + (t * B + block) * N * width;
    const REAL *states = s->states + (t * B + block) * N * LANES;
    const REAL *h_prev = s->h_prev + t * N * lds + unit;
    REAL *to = w->da + (block * T + t) * N * width, *carries = w->carry + block * N * LANES;
    const BITS own = NAME(own_units)(block, H);
    for (ptrdiff_t n = n_lo; n < n_hi; n++) {
        const VEC h = NAME(load)(h_prev + n * lds);
        VEC da[GATES], carry = {0}, c_prev = {0}, c = {0};
        if (CARRY && (p || t < T - 1))
            carry = NAME(load)(carries + n * LANES);
        else if (STATE && dc)
            carry = NAME(load_units)(dc + n * H + unit, H);
        if (p == 0) {
            VEC dh = NAME(load_units)(dhs + n * T * H, H);
            if (t < T - 1)
                dh += NAME(load)(product + n * QUAD);
            if (STATE) {
                c_prev = NAME(load)(states + n * LANES);
                c = NAME(load)(states + (B * N + n) * LANES);
            }
            CELL(first_backward)(gates + n * width, h, c_prev, c, dh, &carry, da);
        }
#if SPLIT < GATES
        else
            CELL(last_backward)(gates + n * width, h, NAME(load)(product + n * QUAD), &carry, da);
#endif
        for (int g = 0; g < GATES; g++)
            if (LATE(g) == p)
                NAME(store)(to + n * width + g * LANES, NAME(keep)(own, da[g]));
        if (CARRY)
            NAME(store)(carries + n * LANES, carry);
    }
}

/* sums[n, :] = da[n, :] Wh^T  over the gates of product p at step t, for units of group g */
INLINE void CELL(times_WhT)(
    const job *j, const CELL(gradients) *w, int p, ptrdiff_t t, ptrdiff_t g, ptrdiff_t next,
    ptrdiff_t n_lo, ptrdiff_t n_hi, REAL *sums)
{
    NAME(times_transposed)(
        j, GATES, CELL(lo)(p), CELL(hi)(p), w->da + (t * j->N + n_lo) * GATES * LANES, n_hi - n_lo,
        w->WhT[p], j->H, g, next, sums + n_lo * QUAD);
}

/* The gradients of the first state: what product 0 of step 0 and the carry make of it. */
INLINE void CELL(state_backward)(
    const job *j, const CELL(gradients) *w, ptrdiff_t block, ptrdiff_t n_lo, ptrdiff_t n_hi,
    const REAL *product)
{
    const ptrdiff_t N = j->N, H = j->H, unit = NAME(unit)(block, H);
    for (ptrdiff_t n = n_lo; n < n_hi; n++) {
        VEC dh = NAME(load)(product + n * QUAD);
        if (CARRY) {
            const VEC carry = NAME(load)(w->carry + (block * N + n) * LANES);
            if (STATE)
                NAME(store_units)((REAL *)j->dc + n * H + unit, carry, H);
            else
                dh += carry;
        }
        NAME(store_units)((REAL *)j->dh + n * H + unit, dh, H);
    }
}

static void CELL(backward)(const void *args, int64_t phase, int64_t part, int64_t parts)
{
    const job *j = args;
    const ptrdiff_t N = j->N, T = j->T, D = j->D, H = j->H, lds = NAME(lds)(H);
    const ptrdiff_t B = NAME(blocks)(H), groups = (B + 3) / 4;
    const CELL(saved) s = CELL(saved_of)(j, j->saved);
    const CELL(gradients) w = CELL(gradients_of)(j, j->scratch);
    REAL *own = w.own + part * NAME(own_size)(j);
    if (phase == 0) {
        for (int p = 0; p < PRODUCTS; p++)
            NAME(pack_all_transposed)(
                j->Wh, H, H, GATES, CELL(lo)(p), CELL(hi)(p), part, parts, w.WhT[p]);
        NAME(pack_all_transposed)(j->Wx, D, H, GATES, 0, GATES, part, parts, w.WxT);
        return;
    }
    const NAME(items) items = NAME(items_of)(j, groups, part, parts);
    const ptrdiff_t t = T - 1 - (phase - 1) / PRODUCTS; /* -1 in the last phase */
    const int p = (phase - 1) % PRODUCTS;
    for (ptrdiff_t g = items.first; g <= items.last; g++) {
        const ptrdiff_t n_lo = NAME(row_lo)(j, &items, g), n_hi = NAME(row_hi)(j, &items, g);
        const ptrdiff_t next = g < items.last ? g + 1 : items.first;
        if (p || t < T - 1)
            CELL(times_WhT)(j, &w, p, p ? t : t + 1, g, next, n_lo, n_hi, own);
        for (ptrdiff_t block = B * g / groups, v = 0; block < B * (g + 1) / groups; block++, v++)
            if (t < 0)
                CELL(state_backward)(j, &w, block, n_lo, n_hi, own + v * LANES);
            else if (p == 0)
                CELL(step_backward)(j, &s, &w, 0, t, block, n_lo, n_hi, own + v * LANES);
            else
                CELL(step_backward)(j, &s, &w, 1, t, block, n_lo, n_hi, own + v * LANES);
    }
    if (t >= 0)
        return;
    NAME(make_dW)(j, GATES, 0, GATES, w.da, j->xs, T * D, D, D, j->dWx, part, parts, own);
    NAME(make_dW)(j, GATES, 0, SPLIT, w.da, s.h_prev, lds, N * lds, H, j->dWh, part, parts, own);
    if (PRODUCTS == 2)
        NAME(make_dW)(
            j, GATES, SPLIT, GATES, w.da, s.mid, lds, N * lds, H, j->dWh, part, parts, own);
    NAME(make_dxs)(j, GATES, w.da, w.WxT, part, parts, own);
    NAME(make_db)(j, GATES, w.da, part, parts);
}

/* ---- a single step whose gates the caller keeps, in rows (N, GATES, H) */

/* What saved or backward's scratch begins with: gates, or their gradients da. */
static void CELL(give_gates)(const job *j, const void *blocks, void *rows)
{
    NAME(to_rows)(blocks, j->N, GATES, j->H, rows);
}

/* Saved as forward left it, from h0, c0, c and gates. */
static void CELL(take_gates)(const job *j, const void *gates)
{
    const CELL(saved) s = CELL(saved_of)(j, j->saved);
    NAME(first_state)(j, 0, 1, s.h_prev);
    NAME(to_blocks)(gates, j->N, GATES, j->H, s.gates);
    if (STATE) {
        NAME(to_blocks)(j->c0, j->N, 1, j->H, s.states);
        NAME(to_blocks)(j->c, j->N, 1, j->H, s.states + NAME(blocks)(j->H) * j->N * LANES);
    }
}

static const cell CELL(cell) = {
    GATES, STATE, PRODUCTS, CELL(sizes), CELL(forward), CELL(backward), CELL(give_gates),
    CELL(take_gates)};

#undef CELL
#undef GATES
#undef SPLIT
#undef STATE
#undef CARRY
#undef LATE
#undef PRODUCTS
