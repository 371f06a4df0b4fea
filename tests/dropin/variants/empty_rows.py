"""Batches without rows in the other layers."""

from book import (
    Embedding,
    MatMul,
    TimeAffine,
    TimeAttention,
    TimeEmbedding,
    TimeSoftmaxWithLoss,
)
from common import normal, np, step


def run():
    for layer, inputs in (
        (MatMul(normal(4, 3)), (np.zeros((0, 4), "f"),)),
        (TimeAffine(normal(4, 3), normal(3)), (np.zeros((2, 0, 4), "f"),)),
        (Embedding(normal(4, 3)), (np.zeros(0, int),)),
        (TimeEmbedding(normal(4, 3)), (np.zeros((0, 2), int),)),
        (TimeSoftmaxWithLoss(), (np.zeros((0, 2, 4), "f"), np.zeros((0, 2), int))),
        (TimeAttention(), (np.zeros((0, 2, 4), "f"), np.zeros((0, 2, 4), "f"))),
    ):
        try:
            with np.errstate(all="ignore"):
                yield step(layer, *inputs)
        except Exception as error:
            yield type(layer).__name__, type(error).__name__
