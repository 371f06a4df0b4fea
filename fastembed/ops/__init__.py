"""Public functions on NumPy arrays: check, allocate, call a kernel, return."""

from fastembed._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
