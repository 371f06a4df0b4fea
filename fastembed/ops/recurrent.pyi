from typing import Any

from numpy import ndarray
from numpy.typing import ArrayLike
from typing_extensions import disjoint_base

__all__ = [
    "lstm", "lstm_backward", "lstm_cell", "lstm_cell_backward",
    "gru", "gru_backward", "gru_cell", "gru_cell_backward",
    "gru_reset_after", "gru_reset_after_backward",
    "gru_reset_after_cell", "gru_reset_after_cell_backward",
    "rnn", "rnn_backward", "rnn_cell", "rnn_cell_backward",
]  # fmt: skip

_Weights = tuple[ndarray, ndarray, ndarray]
_Gradients = tuple[ndarray, ndarray, ndarray, ndarray, ndarray]

@disjoint_base
class Cache:
    kind: str
    isa: str
    xs: ndarray
    Wx: ndarray
    Wh: ndarray

def lstm(
    xs: ndarray,
    Wx: ndarray,
    Wh: ndarray,
    b: ndarray,
    h0: ndarray | None = None,
    c0: ndarray | None = None,
    *,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
    need_cache: bool = True,
) -> tuple[ndarray, ndarray, ndarray, Any]: ...
def lstm_backward(
    dhs: ndarray,
    cache: Any,
    *,
    dh_last: ndarray | None = None,
    dc_last: ndarray | None = None,
    out: _Weights | None = None,
) -> tuple[ndarray, ndarray, ndarray, ndarray, ndarray, ndarray]: ...
def lstm_cell(
    x: ndarray,
    h_prev: ndarray,
    c_prev: ndarray,
    Wx: ndarray,
    Wh: ndarray,
    b: ndarray,
    *,
    need_cache: bool = True,
) -> tuple[ndarray, ndarray, Any]: ...
def lstm_cell_backward(
    dh: ndarray, dc: ndarray, cache: Any, *, out: _Weights | None = None
) -> tuple[ndarray, ndarray, ndarray, ndarray, ndarray, ndarray]: ...
def gru(
    xs: ndarray,
    Wx: ndarray,
    Wh: ndarray,
    b: ndarray,
    h0: ndarray | None = None,
    *,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
    need_cache: bool = True,
) -> tuple[ndarray, ndarray, Any]: ...
def gru_backward(
    dhs: ndarray, cache: Any, *, dh_last: ndarray | None = None, out: _Weights | None = None
) -> _Gradients: ...
def gru_cell(
    x: ndarray, h_prev: ndarray, Wx: ndarray, Wh: ndarray, b: ndarray, *, need_cache: bool = True
) -> tuple[ndarray, Any]: ...
def gru_cell_backward(dh: ndarray, cache: Any, *, out: _Weights | None = None) -> _Gradients: ...

# every cell whose state is h has such ops
gru_reset_after = rnn = gru
gru_reset_after_backward = rnn_backward = gru_backward
gru_reset_after_cell = rnn_cell = gru_cell
gru_reset_after_cell_backward = rnn_cell_backward = gru_cell_backward
