from typing import Any

from numpy import ndarray
from typing_extensions import disjoint_base

NAMES: dict[int, str]
_Weights = tuple[ndarray, ndarray, ndarray]

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
    need_cache: bool = True,
) -> tuple[ndarray, ndarray, ndarray, Any]: ...
def lstm_backward(
    dhs: ndarray, cache: Any, *, out: _Weights | None = None
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
def rnn(
    xs: ndarray,
    Wx: ndarray,
    Wh: ndarray,
    b: ndarray,
    h0: ndarray | None = None,
    *,
    need_cache: bool = True,
) -> tuple[ndarray, ndarray, Any]: ...
def rnn_backward(
    dhs: ndarray, cache: Any, *, out: _Weights | None = None
) -> tuple[ndarray, ndarray, ndarray, ndarray, ndarray]: ...
def rnn_cell(
    x: ndarray, h_prev: ndarray, Wx: ndarray, Wh: ndarray, b: ndarray, *, need_cache: bool = True
) -> tuple[ndarray, Any]: ...
def rnn_cell_backward(
    dh: ndarray, cache: Any, *, out: _Weights | None = None
) -> tuple[ndarray, ndarray, ndarray, ndarray, ndarray]: ...
def gru(
    xs: ndarray,
    Wx: ndarray,
    Wh: ndarray,
    b: ndarray,
    h0: ndarray | None = None,
    *,
    need_cache: bool = True,
) -> tuple[ndarray, ndarray, Any]: ...
def gru_backward(
    dhs: ndarray, cache: Any, *, out: _Weights | None = None
) -> tuple[ndarray, ndarray, ndarray, ndarray, ndarray]: ...
def gru_cell(
    x: ndarray, h_prev: ndarray, Wx: ndarray, Wh: ndarray, b: ndarray, *, need_cache: bool = True
) -> tuple[ndarray, Any]: ...
def gru_cell_backward(
    dh: ndarray, cache: Any, *, out: _Weights | None = None
) -> tuple[ndarray, ndarray, ndarray, ndarray, ndarray]: ...
