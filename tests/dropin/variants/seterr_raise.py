"""np.seterr(all="raise") guards against divergence."""

from common import normal, np, step
from textbook import TimeRNN


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5))
    with np.errstate(all="raise"):
        yield step(layer, normal(3, 9, 6))
        try:
            yield step(layer, 3e38 * normal(3, 9, 6))
        except FloatingPointError as error:
            yield str(error)
