"""Np.random has another bit generator when the classes are first used."""

from book import NegativeSamplingLoss
from common import ids, normal, np, step
from textbook import Dropout, MatMul


def run():
    before = np.random.get_bit_generator()
    np.random.set_bit_generator(np.random.PCG64(5))
    try:
        yield step(MatMul(normal(400, 300)), normal(50, 400))
        yield Dropout(0.3).forward(normal(90, 60))
        yield step(
            NegativeSamplingLoss(0.1 * normal(60, 40), ids(60, 5000)), normal(70, 40), ids(60, 70)
        )
        yield np.random.rand(3)
    finally:
        np.random.set_bit_generator(before)
