from numpy import float64, ndarray
from numpy.typing import ArrayLike

BLOCK: int

def softmax(x: ndarray) -> ndarray: ...
def softmax_backward(dout: ndarray, y: ndarray) -> ndarray: ...
def softmax_cross_entropy(
    scores: ndarray,
    labels: ArrayLike,
    *,
    ignore_label: int | None = -1,
    eps: float = 0.0,
    need_grad: bool = True,
    label_smoothing: float = 0.0,
) -> tuple[float64, ndarray]: ...
def sigmoid_cross_entropy(
    scores: ndarray, labels: ArrayLike, *, eps: float = 0.0
) -> tuple[float64, ndarray]: ...
def softmax_if_fit(x: object) -> ndarray | None: ...
def softmax_backward_if_fit(dout: object, y: object) -> ndarray | None: ...
def softmax_cross_entropy_if_fit(
    scores: object,
    labels: object,
    ignore_label: object,
    eps: object,
    need_grad: bool,
    label_smoothing: object = 0.0,
) -> tuple[float64, ndarray | None] | None: ...
def linear_cross_entropy(
    x: ndarray,
    W: ndarray,
    b: ndarray,
    labels: ArrayLike,
    *,
    ignore_label: int | None = -1,
    out: tuple[ndarray, ndarray] | None = None,
    need_grad: bool = True,
    label_smoothing: float = 0.0,
) -> tuple[float64, ndarray, ndarray, ndarray]: ...
