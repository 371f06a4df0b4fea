"""Wrong calls raise what they raised."""

from common import normal
from textbook import TimeRNN


def run():
    layer = TimeRNN(normal(6, 5), normal(5, 5), normal(5))
    for args, options in (((), {}), ((1, 2), {}), ((), {"ys": 1}), ((None,), {}), (([[1]],), {})):
        try:
            yield layer.forward(*args, **options)
        except Exception as error:
            yield type(error).__name__, str(error)
