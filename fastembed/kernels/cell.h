/* Template: a recurrent cell over a whole sequence, after sequence.h.
 *
 * The cell's own file says what a step computes on vectors of units, and ends by including this one:
 *   CELL(x)         makes a name of this cell
 *   GATES           how many there are; SPLIT of them are made from h_prev, which is product 0, the
 *                   others from mid, product 1
 *   ALONE           1 if instead gate 0 is made from h_prev alone and the last one from x alone: Wh and
 *                   Wx have them at the same place, the last; b has all, gate 0 as the last
 *   STATE, CARRY    1 if there is a state beside h; if backward hands on more than a product: the
 *                   gradient of the state, or else of h
 *   first           gates, and mid or the new state, after product 0
 *   last            gates and the new h, after the last product
 *   first_backward  da from the gradient of h; those of the LATE(g) may be begun, and
 *   last_backward   ends them from the gradient of mid, where there is one
 * Phases: one packs, then one for each product of each step; backward ends with all weights.
 */

#define WIDE (GATES - ALONE) /* gates side by side in Wx and Wh */
#define PRODUCTS (SPLIT < WIDE ? 2 : 1)

typedef struct {
    REAL *gates, *states, *h_prev, *mid, *end;
    ptrdiff_t slots; /* steps for which states are kept, and h_prev and mid */
} CELL(saved);

typedef struct {
    REAL *bias, *Wx, *Wh[2], *xs, *rows, *own, *end; /* packed weights, or (few) rows of gates */
} CELL(packed);

typedef struct {
    REAL *da, *WxT, *WhT[2], *carry, *rows, *own, *end; /* rows: of da */
} CELL(gradients);

static CELL(saved) CELL(saved_of)(const job *j, REAL *memory)
{
    const ptrdiff_t units = NAME(blocks)(j->H) * j->N * LANES, rows = j->N * NAME(lds)(j->H);
    const ptrdiff_t steps = j->keep ? j->T : NAME(chunk)(j, GATES);
    CELL(saved) s;
    s.slots = j->keep ? j->T + 1 : 2;
    s.gates = memory;
    s.states = s.gates + steps * GATES * units;
    s.h_prev = memory + NAME(whole_lines)(s.states - memory + STATE * s.slots * units);
    s.mid = s.h_prev + s.slots * rows;
    s.end = s.mid + (PRODUCTS - 1) * s.slots * rows;
    return s;
}

/* A part's own scratch in backward. */
static ptrdiff_t CELL(own_size)(const job *j)
{
    return NAME(few)(j) ? j->N * QUAD + NAME(few_scratch)(j, GATES) : NAME(own_size)(j);
}

static CELL(packed) CELL(packed_of)(const job *j, REAL *memory)
{
    const ptrdiff_t few = NAME(few)(j), units = few ? 0 : NAME(blocks)(j->H) * LANES;
    CELL(packed) w;
    w.bias = memory;
    w.Wx = w.bias + GATES * units;
    w.Wh[0] = w.Wx + j->D * WIDE * units;
    w.Wh[1] = w.Wh[0] + j->H * SPLIT * units;
    w.xs = w.Wh[1] + j->H * (WIDE - SPLIT) * units;
    w.rows = w.xs + (j->row ? NAME(whole_lines)(j->N * j->T * j->D) : 0);
    w.own = w.rows + NAME(whole_lines)(few * j->N * GATES * j->H);
    w.end = w.own + few * j->parts * NAME(few_scratch)(j, GATES);
    return w;
}

static CELL(gradients) CELL(gradients_of)(const job *j, REAL *memory)
{
    const ptrdiff_t units = NAME(blocks)(j->H) * LANES, few = NAME(few)(j);
    const ptrdiff_t weights = few ? 0 : units;
    CELL(gradients) w;
    w.da = memory;
    w.WxT = w.da + NAME(all_rows)(j) * GATES * units;
    w.WhT[0] = w.WxT + WIDE * weights * NAME(blocks)(j->D) * LANES;
    w.WhT[1] = w.WhT[0] + SPLIT * weights * weights;
    w.carry = w.WhT[1] + (WIDE - SPLIT) * weights * weights;
    w.rows = w.carry + CARRY * j->N * units;
    w.own = w.rows + NAME(whole_lines)(few * j->N * GATES * j->H);
    w.own = memory + NAME(whole_lines)(w.own - memory);
    w.end = w.own + j->parts * CELL(own_size)(j);
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
    REAL *c = gates + n_lo * width + CELL(lo)(p) * LANES;
    for (ptrdiff_t n = n_lo; ALONE && n < n_hi; n++)
        NAME(store)(gates + n * width, NAME(load)(w->bias + block * width));
    NAME(panel) panel = {
        .K = H, .pieces = 1, .a = operand + n_lo * lds, .a_row = lds, .a_col = 1,
        .b = w->Wh[p] + block * H * own, .b_row = own, .c = c, .c_row = width, .begin = c,
        .begin_row = width, .next = w->Wh[p] + next * H * own};
    NAME(whole_panel)(&panel, own / LANES, n_hi - n_lo);
}

/* Few: gates of product p of a part's blocks, all rows. */
static void CELL(few_gates)(
    const job *j, const CELL(packed) *w, int p, const NAME(items) *items, ptrdiff_t part,
    const REAL *operand, REAL *gates)
{
    const ptrdiff_t H = j->H, width = WIDE * H, from = NAME(unit)(items->first, H);
    const ptrdiff_t end = NAME(unit)(items->last, H) + LANES, units = (end < H ? end : H) - from;
    const int lo = CELL(lo)(p), hi = CELL(hi)(p) + ALONE;
    const int step = units == H && !ALONE ? hi - lo : 1; /* gates side by side, or one */
    REAL *scratch = w->own + part * NAME(few_scratch)(j, GATES);
    if (items->last < items->first)
        return;
    for (int g = lo; g < hi; g += step) {
        const ptrdiff_t at = NAME(column)(g, ALONE, WIDE) * H + from;
        const REAL *bias = (const REAL *)j->b + NAME(column)(g, ALONE, GATES) * H + from;
        product x_Wx = {
            .M = j->N, .N = step * units, .K = j->D, .a = j->xs, .a_row = j->D, .a_col = 1,
            .b = (const REAL *)j->Wx + at, .b_row = width, .b_col = 1,
            .c = w->rows + g * H + from, .c_row = GATES * H, .bias = bias};
        product h_Wh = x_Wx;
        h_Wh.K = H, h_Wh.a = operand, h_Wh.a_row = NAME(lds)(H);
        h_Wh.b = (const REAL *)j->Wh + at;
        if (g >= ALONE) {
            NAME(small_product)(&x_Wx, scratch);
            h_Wh.bias = NULL, h_Wh.add = 1;
        }
        if (g < WIDE)
            NAME(small_product)(&h_Wh, scratch);
    }
    NAME(to_blocks)(w->rows, j->N, GATES, lo, hi, H, items->first, items->last, gates);
}

static void CELL(begin)(
    const job *j, const CELL(saved) *s, const CELL(packed) *w, ptrdiff_t part, ptrdiff_t parts)
{
    const ptrdiff_t H = j->H, B = NAME(blocks)(H), lo = B * part / parts, hi = B * (part + 1) / parts;
    NAME(first_state)(j, part, parts, s->h_prev);
    NAME(zero_padding)(j, j->hs, H, part, parts);
    if (NAME(few)(j))
        return;
    if (j->row)
        NAME(sort_xs)(j, part, parts, w->xs);
    NAME(pack_gates)(j->b, 1, H, GATES, ALONE, 0, GATES, lo, hi, w->bias);
    NAME(pack_gates)(j->Wx, j->D, H, WIDE, ALONE, ALONE, GATES, lo, hi, w->Wx);
    for (int p = 0; p < PRODUCTS; p++)
        NAME(pack_gates)(j->Wh, H, H, WIDE, ALONE, CELL(lo)(p), CELL(hi)(p), lo, hi, w->Wh[p]);
}

static void CELL(forward)(const void *args, int64_t phase, int64_t part, int64_t parts)
{
    const job *j = args;
    const NAME(order) order = NAME(order_of)(j);
    const ptrdiff_t N = j->N, T = j->T, H = j->H, B = NAME(blocks)(H), lds = NAME(lds)(H);
    const ptrdiff_t width = GATES * LANES;
    const CELL(saved) s = CELL(saved_of)(j, j->saved);
    const CELL(packed) w = CELL(packed_of)(j, j->scratch);
    if (phase == 0) {
        CELL(begin)(j, &s, &w, part, parts);
        return;
    }
    const ptrdiff_t t = (phase - 1) / PRODUCTS, left = NAME(rows_at)(j, t + 1), chunk = NAME(chunk)(j, GATES), in_chunk = t % chunk;
    const int p = (phase - 1) % PRODUCTS, few = NAME(few)(j);
    /* few: the gates of the last two blocks may have places in common, so one part makes both */
    const int pair = few && NAME(shared)(B - 1, H);
    NAME(items) items = NAME(items_of)(j, B - pair, NAME(rows_at)(j, t), part, parts);
    if (pair && items.hi == B - 1)
        items.hi = B, items.last = B - 1;
    const ptrdiff_t now = t % s.slots, then = (t + 1) % s.slots;
    const REAL *c0 = j->c0, *h_prev = s.h_prev + now * N * lds;
    REAL *mid = s.mid + now * N * lds, *step = s.gates + (j->keep ? t : in_chunk) * B * N * width;
    if (few)
        CELL(few_gates)(j, &w, p, &items, part, p ? mid : h_prev, step);
    else if (in_chunk == 0 && p == 0)
        NAME(times_Wx)(
            j, GATES, ALONE, &items, t, t + chunk < T ? chunk : T - t, w.bias, w.Wx, w.xs, step);

    for (ptrdiff_t block = items.first; block <= items.last; block++) {
        const ptrdiff_t n_lo = NAME(row_lo)(&items, block), n_hi = NAME(row_hi)(&items, block);
        const ptrdiff_t unit = NAME(unit)(block, H);
        REAL *gates = step + block * N * width, *h_next = s.h_prev + then * N * lds + unit;
        REAL *c_prev = s.states + (now * B + block) * N * LANES;
        REAL *c = s.states + (then * B + block) * N * LANES;
        if (!few)
            CELL(times_Wh)(
                j, &w, p, block, block < items.last ? block + 1 : items.first, n_lo, n_hi,
                p ? mid : h_prev, gates);
        if (STATE && t == 0)
            for (ptrdiff_t n = n_lo; n < n_hi; n++)
                NAME(store)(
                    c_prev + n * LANES,
                    c0 ? NAME(load_units)(c0 + NAME(row_of)(&order, n) * H + unit, H) : (VEC){0});
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
                NAME(store_units)((REAL *)j->hs + NAME(place)(&order, n, t) * H + unit, h, H);
                NAME(store)(h_next + n * lds, h);
                if (n < left)
                    continue;
                const ptrdiff_t last = NAME(row_of)(&order, n) * H + unit;
                NAME(store_units)((REAL *)j->h + last, h, H);
                if (STATE)
                    NAME(store_units)((REAL *)j->c + last, state, H);
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
    const ptrdiff_t N = j->N, H = j->H, B = NAME(blocks)(H), unit = NAME(unit)(block, H);
    const ptrdiff_t width = GATES * LANES, lds = NAME(lds)(H);
    const NAME(order) order = NAME(order_of)(j);
    const ptrdiff_t all = NAME(all_rows)(j), left = NAME(rows_at)(j, t + 1);
    const REAL *dhs = (const REAL *)j->dhs + unit, *dh_last = j->dh_last, *dc_last = j->dc_last;
    const REAL *gates = s->gates + (t * B + block) * N * width;
    const REAL *states = s->states + (t * B + block) * N * LANES;
    const REAL *h_prev = s->h_prev + t * N * lds + unit;
    REAL *to = w->da + (block * all + NAME(start_of)(j, t)) * width, *carries = w->carry + block * N * LANES;
    const BITS own = NAME(own_units)(block, H);
    for (ptrdiff_t n = n_lo; n < n_hi; n++) {
        const VEC h = NAME(load)(h_prev + n * lds);
        const ptrdiff_t last = NAME(row_of)(&order, n) * H + unit;
        VEC da[GATES] = {{0}}, carry = {0}, c_prev = {0}, c = {0};
        if (CARRY && (p || n < left))
            carry = NAME(load)(carries + n * LANES);
        else if (STATE && dc_last)
            carry = NAME(load_units)(dc_last + last, H);
        if (p == 0) {
            VEC dh = NAME(load_units)(dhs + NAME(place)(&order, n, t) * H, H);
            if (n < left)
                dh += NAME(load)(product + n * QUAD);
            else if (dh_last)
                dh += NAME(load_units)(dh_last + last, H);
            if (STATE) {
                c_prev = NAME(load)(states + n * LANES);
                c = NAME(load)(states + (B * N + n) * LANES);
            }
            CELL(first_backward)(gates + n * width, h, c_prev, c, dh, &carry, da);
        }
#if PRODUCTS == 2
        else {
            for (int g = 0; g < GATES; g++)
                if (LATE(g))
                    da[g] = NAME(load)(to + n * width + g * LANES);
            CELL(last_backward)(gates + n * width, h, NAME(load)(product + n * QUAD), &carry, da);
        }
#endif
        for (int g = 0; g < GATES; g++)
            if (p == 0 || LATE(g))
                NAME(store)(to + n * width + g * LANES, NAME(keep)(own, da[g]));
        if (CARRY)
            NAME(store)(carries + n * LANES, carry);
    }
}

/* Few: the same for the units of some blocks; the last one may overlap the one before it. */
static void CELL(few_WhT)(
    const job *j, const CELL(gradients) *w, int p, ptrdiff_t first, ptrdiff_t last, REAL *sums,
    REAL *scratch)
{
    const ptrdiff_t H = j->H, width = WIDE * H, lo = CELL(lo)(p) * H, turned = ALONE * H;
    while (first <= last) {
        const ptrdiff_t to = NAME(shared)(last, H) && first < last ? last - 1 : last;
        const ptrdiff_t unit = NAME(unit)(first, H), units = (to + 1 - first) * LANES;
        product da_WhT = {
            .M = j->N, .N = units < H ? units : H, .K = CELL(hi)(p) * H - lo - turned,
            .a = w->rows + lo + turned, .a_row = GATES * H, .a_col = 1,
            .b = (const REAL *)j->Wh + unit * width + lo, .b_row = 1, .b_col = width,
            .c = sums, .c_row = QUAD};
        NAME(small_product)(&da_WhT, scratch);
        if (ALONE) {
            da_WhT.K = H, da_WhT.a = w->rows, da_WhT.add = 1;
            da_WhT.b = (const REAL *)j->Wh + unit * width + width - H;
            NAME(small_product)(&da_WhT, scratch);
        }
        sums += units;
        first = to + 1;
    }
}

/* sums[n, :] = da[n, :] Wh^T  over the gates of product p at step t, for units of group g */
INLINE void CELL(times_WhT)(
    const job *j, const CELL(gradients) *w, int p, ptrdiff_t t, ptrdiff_t g, ptrdiff_t next,
    ptrdiff_t n_lo, ptrdiff_t n_hi, REAL *sums)
{
    const ptrdiff_t N = j->N, H = j->H, B = NAME(blocks)(H), groups = (B + 3) / 4;
    const ptrdiff_t rows = NAME(rows_at)(j, t), end = n_hi < rows ? n_hi : rows;
    if (NAME(few)(j)) {
        CELL(few_WhT)(j, w, p, B * g / groups, B * (g + 1) / groups - 1, sums, sums + N * QUAD);
        return;
    }
    NAME(times_transposed)(
        j, GATES, CELL(lo)(p), CELL(hi)(p),
        w->da + (NAME(start_of)(j, t) + n_lo) * GATES * LANES, end - n_lo, w->WhT[p], H, g, next,
        sums + n_lo * QUAD);
}

/* The gradients of the first state: what product 0 of step 0 and the carry make of it. */
INLINE void CELL(state_backward)(
    const job *j, const CELL(gradients) *w, ptrdiff_t block, ptrdiff_t n_lo, ptrdiff_t n_hi,
    const REAL *product)
{
    const ptrdiff_t N = j->N, H = j->H, unit = NAME(unit)(block, H);
    const NAME(order) order = NAME(order_of)(j);
    for (ptrdiff_t n = n_lo; n < n_hi; n++) {
        const ptrdiff_t to = NAME(row_of)(&order, n) * H + unit;
        VEC dh = NAME(load)(product + n * QUAD);
        if (CARRY) {
            const VEC carry = NAME(load)(w->carry + (block * N + n) * LANES);
            if (STATE)
                NAME(store_units)((REAL *)j->dc + to, carry, H);
            else
                dh += carry;
        }
        NAME(store_units)((REAL *)j->dh + to, dh, H);
    }
}

/* Few: a part of the gradients of inputs and weights. */
static void CELL(few_weights)(
    const job *j, const CELL(saved) *s, const CELL(gradients) *w, ptrdiff_t part, ptrdiff_t parts,
    REAL *scratch)
{
    const ptrdiff_t N = j->N, D = j->D, H = j->H, width = WIDE * H, all = GATES * H;
    const REAL *rows = w->rows + ALONE * H;
    const ptrdiff_t d_lo = D * part / parts, d = D * (part + 1) / parts - d_lo;
    const ptrdiff_t h_lo = H * part / parts, h = H * (part + 1) / parts - h_lo;
    product da_WxT = {
        .M = N, .N = d, .K = width, .a = rows, .a_row = all, .a_col = 1,
        .b = (const REAL *)j->Wx + d_lo * width, .b_row = 1, .b_col = width,
        .c = (REAL *)j->dxs + d_lo, .c_row = D};
    product xT_da = {
        .M = d, .N = width, .K = N, .a = (const REAL *)j->xs + d_lo, .a_row = 1, .a_col = D,
        .b = rows, .b_row = all, .b_col = 1, .c = (REAL *)j->dWx + d_lo * width, .c_row = width};
    NAME(small_product)(&da_WxT, scratch);
    NAME(small_product)(&xT_da, scratch);
    for (int p = 0; p < PRODUCTS; p++) {
        const ptrdiff_t lo = CELL(lo)(p) * H;
        product hT_da = {
            .M = h, .N = (CELL(hi)(p) - ALONE) * H - lo, .K = N,
            .a = (p ? s->mid : s->h_prev) + h_lo, .a_row = 1, .a_col = NAME(lds)(H),
            .b = rows + lo, .b_row = all, .b_col = 1,
            .c = (REAL *)j->dWh + h_lo * width + lo, .c_row = width};
        NAME(small_product)(&hT_da, scratch);
        if (ALONE) {
            hT_da.N = H, hT_da.b = w->rows, hT_da.c = (REAL *)j->dWh + h_lo * width + width - H;
            NAME(small_product)(&hT_da, scratch);
        }
    }
    if (part == 0)
        for (ptrdiff_t k = 0; k < all; k++) {
            REAL sum = 0;
            for (ptrdiff_t n = 0; n < N; n++)
                sum += w->rows[n * all + k];
            ((REAL *)j->db)[NAME(column)(k / H, ALONE, GATES) * H + k % H] = sum;
        }
}

static void CELL(backward)(const void *args, int64_t phase, int64_t part, int64_t parts)
{
    const job *j = args;
    const ptrdiff_t T = j->T, D = j->D, H = j->H, lds = NAME(lds)(H);
    const ptrdiff_t B = NAME(blocks)(H), groups = (B + 3) / 4;
    const CELL(saved) s = CELL(saved_of)(j, j->saved);
    const CELL(gradients) w = CELL(gradients_of)(j, j->scratch);
    REAL *own = w.own + part * CELL(own_size)(j);
    const int few = NAME(few)(j);
    if (phase == 0 && few)
        return;
    if (phase == 0) {
        for (int p = 0; p < PRODUCTS; p++)
            NAME(pack_all_transposed)(
                j->Wh, H, H, WIDE, ALONE, CELL(lo)(p), CELL(hi)(p), part, parts, w.WhT[p]);
        NAME(pack_all_transposed)(j->Wx, D, H, WIDE, ALONE, ALONE, GATES, part, parts, w.WxT);
        NAME(zero_padding)(j, j->dxs, D, part, parts);
        return;
    }
    const ptrdiff_t t = T - 1 - (phase - 1) / PRODUCTS; /* -1 in the last phase */
    const ptrdiff_t rows = NAME(rows_at)(j, t < 0 ? 0 : t);
    const NAME(items) items = NAME(items_of)(j, groups, rows, part, parts);
    const int p = (phase - 1) % PRODUCTS;
    for (ptrdiff_t g = items.first; g <= items.last; g++) {
        const ptrdiff_t n_lo = NAME(row_lo)(&items, g), n_hi = NAME(row_hi)(&items, g);
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
    if (t >= 0) {
        if (few)
            NAME(to_rows)(
                w.da, j->N, GATES, H, B * items.first / groups,
                B * (items.last + 1) / groups - 1, w.rows);
        return;
    }
    if (few) {
        CELL(few_weights)(j, &s, &w, part, parts, own);
        return;
    }
    NAME(make_dW)(j, GATES, ALONE, ALONE, GATES, w.da, 1, j->xs, D, D, j->dWx, part, parts, own);
    NAME(make_dW)(j, GATES, ALONE, 0, SPLIT, w.da, 0, s.h_prev, lds, H, j->dWh, part, parts, own);
    if (PRODUCTS == 2)
        NAME(make_dW)(
            j, GATES, ALONE, SPLIT, GATES, w.da, 0, s.mid, lds, H, j->dWh, part, parts, own);
    NAME(make_dxs)(j, GATES, ALONE, w.da, w.WxT, part, parts, own);
    NAME(make_db)(j, GATES, ALONE, w.da, part, parts);
}

/* ---- a single step whose gates the caller keeps, in rows (N, GATES, H) */

/* What saved or backward's scratch begins with: gates, or their gradients da. */
static void CELL(give_gates)(const job *j, const void *blocks, void *rows)
{
    NAME(to_rows)(blocks, j->N, GATES, j->H, 0, NAME(blocks)(j->H) - 1, rows);
}

/* Saved as forward left it, from h0, c0, c and gates. */
static void CELL(take_gates)(const job *j, const void *gates)
{
    const CELL(saved) s = CELL(saved_of)(j, j->saved);
    NAME(first_state)(j, 0, 1, s.h_prev);
    const ptrdiff_t N = j->N, H = j->H, last = NAME(blocks)(H) - 1;
    NAME(to_blocks)(gates, N, GATES, 0, GATES, H, 0, last, s.gates);
    if (STATE) {
        NAME(to_blocks)(j->c0, N, 1, 0, 1, H, 0, last, s.states);
        NAME(to_blocks)(j->c, N, 1, 0, 1, H, 0, last, s.states + (last + 1) * N * LANES);
    }
}

static const cell CELL(cell) = {
    WIDE, GATES, STATE, PRODUCTS, CELL(sizes), CELL(forward), CELL(backward), CELL(give_gates),
    CELL(take_gates)};

#undef CELL
#undef GATES
#undef ALONE
#undef WIDE
#undef SPLIT
#undef STATE
#undef CARRY
#undef LATE
#undef PRODUCTS
