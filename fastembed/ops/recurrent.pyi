from typing import Any, Protocol

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

# the ops of a cell whose state is h
class _Sequence(Protocol):
    def __call__(
        self,
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

class _SequenceBackward(Protocol):
    def __call__(
        self,
        dhs: ndarray,
        cache: Any,
        *,
        dh_last: ndarray | None = None,
        out: _Weights | None = None,
    ) -> _Gradients: ...

class _Cell(Protocol):
    def __call__(
        self,
        x: ndarray,
        h_prev: ndarray,
        Wx: ndarray,
        Wh: ndarray,
        b: ndarray,
        *,
        need_cache: bool = True,
    ) -> tuple[ndarray, Any]: ...

class _CellBackward(Protocol):
    def __call__(self, dh: ndarray, cache: Any, *, out: _Weights | None = None) -> _Gradients: ...

gru: _Sequence
gru_backward: _SequenceBackward
gru_cell: _Cell
gru_cell_backward: _CellBackward
gru_reset_after: _Sequence
gru_reset_after_backward: _SequenceBackward
gru_reset_after_cell: _Cell
gru_reset_after_cell_backward: _CellBackward
rnn: _Sequence
rnn_backward: _SequenceBackward
rnn_cell: _Cell
rnn_cell_backward: _CellBackward
