"""A gradient is a view of its parameter."""

from common import normal
from textbook import SGD


def run():
    b = normal(90, 90)
    SGD().update([b], [b.T])
    yield b
