"""Masks are changed in place before backward."""

import book
from common import normal, np


def run():
    np.random.seed(3)
    for layer, shape in ((book.Dropout(0.3), (90, 60)), (book.TimeDropout(0.3), (9, 10, 60))):
        for k in range(3):
            layer.forward(normal(*shape))
            if k == 1:
                layer.mask[...] = 1
            if k == 2:
                layer.mask = layer.mask.astype("d")
            yield layer.backward(normal(*shape)), layer.mask.dtype.char
        layer.train_flg = False
        yield layer.forward(normal(*shape)), layer.backward(normal(*shape))
