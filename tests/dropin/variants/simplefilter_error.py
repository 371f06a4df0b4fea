"""simplefilter("error") guards against divergence."""

import warnings

from common import normal, np, step
from textbook import Softmax


def run():
    layer = Softmax()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield step(layer, normal(90, 60))
        try:
            yield layer.forward(np.full((90, 60), np.inf, "f"))
        except RuntimeWarning as error:
            yield str(error)
