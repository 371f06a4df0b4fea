from collections.abc import Sequence
from typing import Literal

from numpy import ndarray

def available() -> list[str]: ...
def isa() -> str: ...
def sizes_of(
    kind: Literal["lstm", "gru", "rnn"],
    dtype_number: int,
    N: int,
    T: int,
    D: int,
    H: int,
    members: int,
) -> tuple[int, int, int] | None: ...
def forward(
    kind: Literal["lstm", "gru", "rnn"],
    xs: ndarray,
    Wx: ndarray,
    Wh: ndarray,
    b: ndarray,
    h0: ndarray | None,
    c0: ndarray | None,
    saved: ndarray,
    scratch: ndarray,
    hs: ndarray,
    h: ndarray,
    c: ndarray | None,
    member: int,
    members: int,
    sync: ndarray | None,
) -> None: ...
def backward(
    kind: Literal["lstm", "gru", "rnn"],
    dhs: ndarray,
    dc_last: ndarray | None,
    xs: ndarray,
    Wx: ndarray,
    Wh: ndarray,
    saved: ndarray,
    scratch: ndarray,
    dxs: ndarray,
    dh: ndarray,
    dc: ndarray | None,
    dWx: ndarray,
    dWh: ndarray,
    db: ndarray,
    member: int,
    members: int,
    sync: ndarray | None,
) -> None: ...
def apply(name: Literal["sigmoid", "tanh"], x: ndarray, y: ndarray) -> None: ...
def multiply(
    a: ndarray,
    b: ndarray,
    bias: ndarray | None,
    add: bool,
    out: ndarray,
    along_rows: bool,
    slices: Sequence[int] | None,
) -> None: ...
def units_of(a: ndarray, b: ndarray, out: ndarray, along_rows: bool) -> tuple[int, int]: ...
