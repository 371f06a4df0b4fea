from numpy import float64, ndarray
from numpy.typing import ArrayLike

def negative_sampling_loss(
    h: ndarray, W: ndarray, targets: ArrayLike, labels: ArrayLike, *, eps: float = 1e-7
) -> tuple[float64, ndarray]: ...
def negative_sampling_backward(
    dscores: ndarray, h: ndarray, W: ndarray, targets: ArrayLike, dW: ndarray
) -> ndarray: ...
def negative_sampling_loss_if_fit(
    h: object, W: object, targets: object, labels: object, eps: object
) -> tuple[float64, ndarray] | None: ...
def negative_sampling_backward_if_fit(
    dscores: object, h: object, W: object, targets: object, dW: object
) -> ndarray | None: ...
