"""What layers say about the arrays that they are given."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastembed._check import no_mask

Array = NDArray[Any]
Scalar = Any  # a NumPy scalar: its dtype follows from the inputs

NOT_YET: Any = None  # an attribute that forward or backward will set


def integers(name: str, array: Any) -> Array:
    """An array of integers, as NumPy's indexing takes them; the rest is refused by name."""
    if not isinstance(array, np.ndarray):
        raise AttributeError(f"{name} must be a numpy.ndarray, got {type(array).__name__}")
    if array.dtype.kind not in "iu":
        raise IndexError(f"{name} must be an integer array, got {array.dtype}")
    no_mask(**{name: array})
    return array
