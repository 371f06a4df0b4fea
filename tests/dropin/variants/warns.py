"""Forward warns about large inputs."""

import warnings

from common import normal, step
from textbook import MatMul

CHANGED = {"MatMul": {"self.x = x": 'self.x = x\n        warnings.warn("here", stacklevel=2)'}}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(3):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            yield step(layer, normal(50, 40, seed=k))
        yield [str(w.message) for w in seen]
