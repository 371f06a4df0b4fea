/* Template: the gate functions on arrays of any length. */

static void NAME(apply)(int is_tanh, const void *x, void *y, ptrdiff_t n)
{
    const REAL *from = x;
    REAL *to = y;
    for (; n >= LANES; n -= LANES, from += LANES, to += LANES) {
        const VEC v = NAME(load)(from);
        NAME(store)(to, is_tanh ? NAME(tanh)(v) : NAME(sigmoid)(v));
    }
    if (n) {
        const VEC v = NAME(load_part)(from, n);
        NAME(store_part)(to, is_tanh ? NAME(tanh)(v) : NAME(sigmoid)(v), n);
    }
}
