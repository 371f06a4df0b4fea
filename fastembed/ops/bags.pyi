from typing import Any

from numpy import ndarray
from numpy.typing import ArrayLike

MODES: dict[str, int]

def embedding_bag(
    W: ndarray,
    idx: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    mode: str = "sum",
    per_sample_weights: ndarray | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
    need_argmax: bool = False,
    out: ndarray | None = None,
) -> Any: ...
def embedding_bag_backward(
    dout: ndarray,
    W: ndarray,
    idx: ArrayLike,
    offsets: ArrayLike | None = None,
    *,
    mode: str = "sum",
    per_sample_weights: ndarray | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
    argmax: ArrayLike | None = None,
    out: ndarray | None = None,
) -> Any: ...
def segment_sum(
    values: ndarray,
    offsets: ArrayLike,
    *,
    include_last_offset: bool = False,
    out: ndarray | None = None,
) -> ndarray: ...
