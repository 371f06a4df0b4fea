"""What work costs one thread: by it, the pool decides how many threads a call is worth.

Nanoseconds, float32 (float64 costs up to twice that), on one CPU of the machine that
docs/performance.md names; ``python -m benchmarks.costs`` measures them. They move only the sizes
from which work is shared out: being wrong by a third costs little, and never changes a bit.
"""

cdef extern from *:
    """
    #define NS_A_ROW 1.0             /* a row looked up or added to, whatever its length */
    #define NS_A_BYTE_COPIED 0.025    /* gather */
    #define NS_A_BYTE_ZEROED 0.02
    #define NS_A_BYTE_ADDED 0.035    /* scatter-add */
    #define FLOPS_A_NS 90            /* large matrix products; half of it in float64 */
    #define NS_A_PRODUCT 120         /* a small matrix product, whatever its size */
    #define NS_A_SCORE 0.7           /* softmax, with or without its loss and gradient */
    #define NS_A_LOGIT 30            /* sigmoid cross-entropy */
    #define NS_A_DOT 25              /* negative sampling: a product, whatever its length */
    #define NS_A_FACTOR 0.12         /* and each multiply-add of it */
    #define NS_A_DRAW 5              /* word2vec: a negative drawn */
    #define NS_A_SCORE_LEARNT 8      /* a row of W_out scored and changed, whatever its length */
    #define NS_A_FACTOR_LEARNT 0.1   /* and each number of it */
    #define NS_A_SQUARE 0.08         /* global norm */
    #define NS_A_STEP 0.2            /* an entry in the steps of sgd, momentum, Nesterov */
    #define NS_A_STEP_WITH_ROOT 0.35 /* AdaGrad, RMSprop, Adam */
    #define NS_A_PLUS 0.12           /* x += y, x *= a */
    """
    const double NS_A_ROW, NS_A_BYTE_COPIED, NS_A_BYTE_ZEROED, NS_A_BYTE_ADDED
    const double FLOPS_A_NS, NS_A_PRODUCT
    const double NS_A_SCORE, NS_A_LOGIT, NS_A_DOT, NS_A_FACTOR, NS_A_SQUARE
    const double NS_A_DRAW, NS_A_SCORE_LEARNT, NS_A_FACTOR_LEARNT
    const double NS_A_STEP, NS_A_STEP_WITH_ROOT, NS_A_PLUS
