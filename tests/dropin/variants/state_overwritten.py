"""The array that was a layer's state before forward is written into before backward; no warning."""

import warnings

from book import TimeGRU, TimeLSTM, TimeRNN
from common import normal, np


def run():
    with warnings.catch_warnings(record=True) as caught:
        for cls, gates in ((TimeRNN, 1), (TimeGRU, 3), (TimeLSTM, 4)):
            H = 5 * gates
            layer = cls(0.3 * normal(6, H), 0.3 * normal(5, H), normal(H), stateful=True)
            for k in range(4):
                layer.h = h = normal(3, 5, seed=k)
                out = layer.forward(normal(3, 9, 6, seed=k))
                h[...] = 7
                yield out, layer.backward(np.cos(out)), [g.copy() for g in layer.grads], layer.dh
                if k == 2:
                    yield [[np.array(part) for part in inner.cache] for inner in layer.layers]
    yield [str(warning.message) for warning in caught]
