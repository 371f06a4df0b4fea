"""Arrays mapped from ``.npy`` files, whatever stands in their headers."""

import tokenize
from typing import Any

import numpy as np

# what NumPy raises for headers that it does not expect, besides ValueError
STRANGE = (ArithmeticError, AttributeError, LookupError, RecursionError, SyntaxError, TypeError)

HEADER = 10_000  # bytes: NumPy reads no longer one either, but takes memory for it first


def mapped(path: Any, mode: str = "r") -> Any:
    """The memmap of a file's array. OSError if it cannot be opened, ValueError if it has none."""
    with open(path, "rb") as file:
        start = file.read(12)
    if start[6:7] > b"\x01" and int.from_bytes(start[8:], "little") > HEADER:
        raise ValueError(f"it is damaged: a header of more than {HEADER} bytes")
    try:
        with np.errstate(over="ignore"):  # sizes that no array has
            return np.lib.format.open_memmap(path, mode)
    except (ValueError, tokenize.TokenError, *STRANGE) as error:
        raise ValueError(f"it is damaged: {' '.join(str(error).split())}") from error
