/* Template: the arithmetic of a GRU step, for cell.h. Gates z, r, h_hat; h_hat is made from r h_prev. */

#define CELL(x) NAME(gru_##x)
#define GATES 3
#define ALONE 0
#define SPLIT 2 /* z and r */
#define STATE 0
#define CARRY 1 /* what reaches h_prev without a product */
#define LATE(g) ((g) == 1) /* r */

INLINE void CELL(first)(REAL *gates, VEC h_prev, VEC state_prev, VEC *mid, VEC *state)
{
    const VEC r = NAME(sigmoid)(NAME(load)(gates + LANES));
    NAME(store)(gates, NAME(sigmoid)(NAME(load)(gates)));
    NAME(store)(gates + LANES, r);
    *mid = r * h_prev;
}

INLINE VEC CELL(last)(REAL *gates, VEC h_prev, VEC state)
{
    const VEC z = NAME(load)(gates), h_hat = NAME(tanh)(NAME(load)(gates + 2 * LANES));
    NAME(store)(gates + 2 * LANES, h_hat);
    return (1 - z) * h_prev + z * h_hat;
}

INLINE void CELL(first_backward)(
    const REAL *gates, VEC h_prev, VEC state_prev, VEC state, VEC dh, VEC *carry, VEC *da)
{
    const VEC z = NAME(load)(gates), h_hat = NAME(load)(gates + 2 * LANES);
    dh += *carry;
    da[0] = dh * (h_hat - h_prev) * z * (1 - z);
    da[2] = dh * z * (1 - h_hat * h_hat);
    *carry = dh * (1 - z);
}

INLINE void CELL(last_backward)(const REAL *gates, VEC h_prev, VEC dmid, VEC *carry, VEC *da)
{
    const VEC r = NAME(load)(gates + LANES);
    da[1] = dmid * h_prev * r * (1 - r);
    *carry += dmid * r;
}

#include "cell.h"
