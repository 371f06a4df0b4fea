/* Template: the arithmetic of a plain recurrent step, for cell.h. Its one gate is h itself. */

#define CELL(x) NAME(rnn_##x)
#define GATES 1
#define ALONE 0
#define SPLIT 1
#define STATE 0
#define CARRY 0
#define LATE(g) 0

INLINE void CELL(first)(REAL *gates, VEC h_prev, VEC state_prev, VEC *mid, VEC *state) {}

INLINE VEC CELL(last)(REAL *gates, VEC h_prev, VEC state)
{
    const VEC h = NAME(tanh)(NAME(load)(gates));
    NAME(store)(gates, h);
    return h;
}

INLINE void CELL(first_backward)(
    const REAL *gates, VEC h_prev, VEC state_prev, VEC state, VEC dh, VEC *carry, VEC *da)
{
    const VEC h = NAME(load)(gates);
    da[0] = dh * (1 - h * h);
}

#include "cell.h"
