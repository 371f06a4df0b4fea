"""What a loss keeps is changed before backward."""

import book
from common import ids, normal, np


def run():
    layer = book.SoftmaxWithLoss()
    for k in range(3):
        layer.forward(normal(90, 60), ids(60, 90))
        if k == 1:
            layer.y[...] = 0.5
        if k == 2:
            layer.t[...] = 5
        yield layer.backward()
    t = ids(60, 90)
    layer.forward(normal(90, 60), t)
    t[:9] = 1
    yield layer.backward()
    x = normal(90, 60)
    layer.forward(x, t)
    x[...] = 0
    yield layer.backward()
    layer = book.Softmax()
    for k in range(3):
        out = layer.forward(normal(90, 60))
        if k:
            out *= 0.5
        yield layer.backward(normal(90, 60))
    layer = book.TimeSoftmaxWithLoss()
    for k in range(4):
        x, t = normal(9, 10, 60), ids(60, 9, 10)
        layer.forward(x, t)
        if k == 1:
            layer.cache[1][...] = 0.5
        if k == 2:
            x[...] = 0
        if k == 3:
            layer.cache[2][:5] = False
        yield layer.backward()
    layer = book.TimeSigmoidWithLoss()
    for k in range(3):
        x, t = normal(90, 60), ids(2, 90, 60)
        layer.forward(x, t)
        if k == 1:
            x[...] = 0
        if k == 2:
            t[:, 3] = 1
        yield layer.backward()
    np.random.seed(3)
    layer = book.NegativeSamplingLoss(0.1 * normal(60, 40), ids(60, 5000))
    for k in range(4):
        h, t = normal(70, 40), ids(60, 70)
        layer.forward(h, t)
        if k == 1:
            h[...] = 0
        if k == 2:
            t[:3] = 1
        if k == 3:
            layer.params[0][...] *= 2
        yield layer.backward(), [g.copy() for g in layer.grads]
