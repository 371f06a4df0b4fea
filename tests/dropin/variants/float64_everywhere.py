"""One float64 loss makes all gradients float64."""

from common import normal
from textbook import MatMul, TimeAffine


def run():
    for layer, x in (
        (MatMul(normal(40, 30)), normal(50, 40)),
        (TimeAffine(normal(9, 8), normal(8)), normal(5, 4, 9)),
    ):
        for _ in range(3):
            out = layer.forward(x)
            dx = layer.backward(out.astype(float))
            yield dx, str(dx.dtype), layer.grads[0].copy()
