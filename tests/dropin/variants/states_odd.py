"""States are set to lists, views and wrong shapes."""

import book
from common import normal, np


def run():
    for cls, n in ((book.TimeRNN, 1), (book.TimeGRU, 3), (book.TimeLSTM, 4)):
        for h in (
            normal(3, 5),
            normal(3, 9, 5)[:, -1],
            normal(3, 5).astype("d"),
            normal(1, 5),
            normal(5),
            np.zeros((3, 5), int),
            normal(3, 5).tolist(),
            0,
            normal(2, 5),
        ):
            layer = cls(0.3 * normal(6, 5 * n), 0.3 * normal(5, 5 * n), normal(5 * n), True)
            layer.set_state(h)
            try:
                out = layer.forward(normal(3, 9, 6))
                yield out, layer.backward(out), layer.h, layer.dh, layer.grads
            except Exception as error:
                yield type(error).__name__
