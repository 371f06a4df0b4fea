"""np.seterrcall notes overflows."""

from common import normal, np, step
from textbook import MatMul


def run():
    layer, seen = MatMul(normal(40, 30)), []
    yield step(layer, normal(50, 40))
    old = np.seterrcall(lambda kind, flag: seen.append(kind))
    with np.errstate(all="call"):
        yield layer.forward(3e38 * normal(50, 40))
    np.seterrcall(old)
    yield seen
