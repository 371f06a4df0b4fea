"""Warnings of one message, or from one module, are errors."""

import warnings

from common import normal, np, step
from textbook import Softmax


def run():
    layer = Softmax()
    for words in ({"message": "invalid value"}, {"module": "textbook"}):
        yield step(layer, normal(90, 60))
        with warnings.catch_warnings():
            warnings.filterwarnings("error", category=RuntimeWarning, **words)
            try:
                yield layer.forward(np.full((90, 60), np.inf, "f"))
            except RuntimeWarning as error:
                yield str(error)
