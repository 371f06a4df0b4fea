from numpy import float64, ndarray
from numpy.typing import ArrayLike
from typing_extensions import disjoint_base

@disjoint_base
class Weights:
    p: ndarray
    def __init__(self, p: ndarray) -> None: ...
    def draw(self, targets: ArrayLike, size: int) -> ndarray: ...

def negative_sampling_loss(
    h: ndarray, W: ndarray, targets: ArrayLike, labels: ArrayLike, *, eps: float = 1e-7
) -> tuple[float64, ndarray]: ...
def negative_sampling_backward(
    dscores: ndarray, h: ndarray, W: ndarray, targets: ArrayLike, dW: ndarray
) -> ndarray: ...
def negative_samples(p: ndarray, targets: ArrayLike, size: int) -> ndarray: ...
