from numpy import float64, ndarray
from numpy.typing import ArrayLike

def linear_cross_entropy(
    x: ndarray,
    W: ndarray,
    b: ndarray,
    labels: ArrayLike,
    *,
    ignore_label: int | None = -1,
    out: tuple[ndarray, ndarray] | None = None,
) -> tuple[float64, ndarray, ndarray, ndarray]: ...
