"""Backward is given another shape, twice, a number."""

import book
from common import normal, np


def run():
    for layer, x, douts in (
        (
            book.MatMul(normal(60, 50)),
            normal(90, 60),
            [normal(90, 50), normal(1, 50), 2.0, np.float32(2), normal(50)],
        ),
        (
            book.Affine(normal(60, 50), normal(50)),
            normal(90, 60),
            [normal(90, 50), normal(1, 50), normal(45, 50)],
        ),
        (book.Softmax(), normal(90, 60), [normal(90, 60), normal(1, 60)]),
        (
            book.TimeRNN(normal(6, 5), normal(5, 5), normal(5)),
            normal(3, 9, 6),
            [normal(3, 9, 5), normal(3, 5, 5), normal(1, 9, 5), normal(3, 9, 1)],
        ),
        (book.TimeDropout(), normal(9, 10, 60), [normal(9, 10, 60), normal(60), 2]),
        (book.Attention(), normal(9, 10, 60), None),
    ):
        if douts is None:
            continue
        for twice in (1, 2):
            for dout in douts:
                layer.forward(x)
                for _ in range(twice):
                    try:
                        yield layer.backward(dout), [g.copy() for g in layer.grads]
                    except Exception as error:
                        yield type(error).__name__
