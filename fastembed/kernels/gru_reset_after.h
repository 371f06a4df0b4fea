/* Template: the arithmetic of a GRU step that resets after the product, for cell.h. Gates a, z, r, h_hat,
 * where a = h_prev Wh + its bias, and h_hat is made from x and r a. */

#define CELL(x) NAME(gru_reset_after_##x)
#define GATES 4
#define ALONE 1 /* a, and before it is h_hat what x gives */
#define SPLIT 3
#define STATE 0
#define CARRY 1 /* what reaches h_prev without a product */
#define LATE(g) 0

INLINE void CELL(first)(REAL *gates, VEC h_prev, VEC state_prev, VEC *mid, VEC *state) {}

INLINE VEC CELL(last)(REAL *gates, VEC h_prev, VEC state)
{
    const VEC a = NAME(load)(gates), z = NAME(sigmoid)(NAME(load)(gates + LANES));
    const VEC r = NAME(sigmoid)(NAME(load)(gates + 2 * LANES));
    const VEC h_hat = NAME(tanh)(NAME(load)(gates + 3 * LANES) + r * a);
    NAME(store)(gates + LANES, z);
    NAME(store)(gates + 2 * LANES, r);
    NAME(store)(gates + 3 * LANES, h_hat);
    return (1 - z) * h_prev + z * h_hat;
}

INLINE void CELL(first_backward)(
    const REAL *gates, VEC h_prev, VEC state_prev, VEC state, VEC dh, VEC *carry, VEC *da)
{
    const VEC a = NAME(load)(gates), z = NAME(load)(gates + LANES);
    const VEC r = NAME(load)(gates + 2 * LANES), h_hat = NAME(load)(gates + 3 * LANES);
    dh += *carry;
    da[1] = dh * (h_hat - h_prev) * z * (1 - z);
    da[3] = dh * z * (1 - h_hat * h_hat);
    da[0] = da[3] * r;
    da[2] = da[3] * a * r * (1 - r);
    *carry = dh * (1 - z);
}

#include "cell.h"
