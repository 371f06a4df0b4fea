from collections.abc import Sequence
from typing import Literal

from numpy import ndarray

def available() -> list[str]: ...
def isa() -> str: ...
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
