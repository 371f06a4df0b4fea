"""Public functions on NumPy arrays: check, allocate, call a kernel, return."""

from fastembed._lazy import attach

_NAMES = {
    "gather": "embedding",
    "scatter_add": "embedding",
}

__getattr__, __dir__, __all__ = attach(__name__, [], _NAMES)
