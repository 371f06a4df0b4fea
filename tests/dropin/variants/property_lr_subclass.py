"""A subclass computes lr in a property that counts."""

from common import normal
from textbook import SGD


class Decay(SGD):
    n = 0

    @property
    def lr(self):
        self.n += 1
        return 0.1 / self.n

    @lr.setter
    def lr(self, value):
        pass


def run():
    o, params = Decay(), [normal(80, 70), normal(50, 90), normal(99, 77)]
    for _ in range(4):
        o.update(params, [normal(80, 70), normal(50, 90), normal(99, 77)])
    yield params, o.n
