"""Two layers share weights and gradients."""

import book
from common import ids, normal


def run():
    W = normal(60, 40)
    a, b = book.TimeEmbedding(W), book.TimeAffine(W.T, normal(60))
    W *= 0.1
    b.grads[0] = a.grads[0].T
    opt = book.SGD(0.001)
    for k in range(4):
        out = a.forward(ids(60, 9, 10, seed=k))
        score = b.forward(out)
        a.backward(b.backward(score))
        yield a.grads[0].copy(), b.grads[0].copy()
        opt.update(a.params + b.params, a.grads + b.grads)
        yield W.copy()
