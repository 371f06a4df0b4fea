from numpy import float64, ndarray
from numpy.typing import ArrayLike

BLOCK: int

def linear_cross_entropy(
    x: ndarray,
    W: ndarray,
    b: ndarray,
    labels: ArrayLike,
    *,
    ignore_label: int | None = -1,
    out: tuple[ndarray, ndarray] | None = None,
    need_grad: bool = True,
) -> tuple[float64, ndarray, ndarray, ndarray]: ...
def linear_cross_entropy_if_fit(
    x: object,
    W: object,
    b: object,
    labels: object,
    out: object,
    ignore_label: object,
    need_grad: bool,
) -> tuple[float64, ndarray | None, ndarray | None, ndarray | None] | None: ...
