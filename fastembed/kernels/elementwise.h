/* Template: the gate functions on arrays, so that their accuracy can be tested. */

static void NAME(apply)(int is_tanh, const void *x, void *y, ptrdiff_t n)
{
    for (ptrdiff_t k = 0; k + LANES <= n; k += LANES) {
        const VEC v = NAME(load)((const REAL *)x + k);
        NAME(store)((REAL *)y + k, is_tanh ? NAME(tanh)(v) : NAME(sigmoid)(v));
    }
}
