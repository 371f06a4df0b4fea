"""np.dot is replaced by the module before the class is defined."""

from common import normal, np, step
from textbook import MatMul

own = np.dot
np.dot = lambda a, b: own(a, b) * 2


def run():
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
    np.dot = own
    yield step(layer, normal(50, 40))
