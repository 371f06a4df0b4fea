/* Template: the arithmetic of an LSTM step, for cell.h. Gates f, g, i, o; its state is c. */

#define CELL(x) NAME(lstm_##x)
#define GATES 4
#define ALONE 0
#define SPLIT 4 /* all gates are made from h_prev */
#define STATE 1
#define CARRY 1 /* the gradient of c */
#define LATE(g) 0

INLINE void CELL(first)(REAL *gates, VEC h_prev, VEC c_prev, VEC *mid, VEC *c)
{
    const VEC f = NAME(sigmoid)(NAME(load)(gates));
    const VEC g = NAME(tanh)(NAME(load)(gates + LANES));
    const VEC i = NAME(sigmoid)(NAME(load)(gates + 2 * LANES));
    const VEC o = NAME(sigmoid)(NAME(load)(gates + 3 * LANES));
    *c = f * c_prev + g * i;
    NAME(store)(gates, f);
    NAME(store)(gates + LANES, g);
    NAME(store)(gates + 2 * LANES, i);
    NAME(store)(gates + 3 * LANES, o);
}

INLINE VEC CELL(last)(REAL *gates, VEC h_prev, VEC c)
{
    return NAME(load)(gates + 3 * LANES) * NAME(tanh)(c);
}

INLINE void CELL(first_backward)(
    const REAL *gates, VEC h_prev, VEC c_prev, VEC c, VEC dh, VEC *dc, VEC *da)
{
    const VEC f = NAME(load)(gates), g = NAME(load)(gates + LANES);
    const VEC i = NAME(load)(gates + 2 * LANES), o = NAME(load)(gates + 3 * LANES);
    const VEC tanh_c = NAME(tanh)(c), ds = *dc + dh * o * (1 - tanh_c * tanh_c);
    da[0] = ds * c_prev * f * (1 - f);
    da[1] = ds * i * (1 - g * g);
    da[2] = ds * g * i * (1 - i);
    da[3] = dh * tanh_c * o * (1 - o);
    *dc = ds * f;
}

#include "cell.h"
