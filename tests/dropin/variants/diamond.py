"""A mixin comes between a class and its base."""

from common import normal, np, step
from textbook import MatMul


class Base:
    def product(self, x, W):
        return np.dot(x, W)


CHANGED = {
    "MatMul": {
        "class MatMul:": "class MatMul(Base):",
        "return np.dot(x, W)": "return self.product(x, W)",
    }
}


class Half(Base):
    def product(self, x, W):
        return np.dot(x, W) / 2


class Both(MatMul, Half):
    pass


def run():
    for cls in (MatMul, Both, MatMul):
        yield step(cls(normal(400, 300)), normal(50, 400))
