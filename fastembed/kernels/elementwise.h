/* Template: the gate functions on arrays, so that their accuracy can be tested. */

static void NAME(sigmoid_all)(const void *x, void *y, ptrdiff_t n)
{
    for (ptrdiff_t k = 0; k + LANES <= n; k += LANES)
        NAME(store)((REAL *)y + k, NAME(sigmoid)(NAME(load)((const REAL *)x + k)));
}

static void NAME(tanh_all)(const void *x, void *y, ptrdiff_t n)
{
    for (ptrdiff_t k = 0; k + LANES <= n; k += LANES)
        NAME(store)((REAL *)y + k, NAME(tanh)(NAME(load)((const REAL *)x + k)));
}
