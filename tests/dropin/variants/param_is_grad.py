"""An optimizer is given one array as parameter and as gradient."""

from common import normal
from textbook import SGD


def run():
    b = normal(90, 80)
    optimizer = SGD()
    for _ in range(3):
        optimizer.update([b, normal(5)], [b, normal(5)])
        yield b.copy()
