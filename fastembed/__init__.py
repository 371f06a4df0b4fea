"""fastembed: Cython/Numba-accelerated layers for NumPy.

The layers have the API of *Deep Learning from Scratch 2* (K. Saitoh); the functions of
``fastembed.ops`` can be called from any NumPy code. Importing this package imports neither Numba
nor SciPy: every name below is loaded when it is first used.
"""

from fastembed._lazy import attach
from fastembed._version import __version__  # noqa: F401

__getattr__, __dir__, __all__ = attach(__name__, __file__)


def load_ipython_extension(ipython):
    """``%load_ext fastembed``: accelerate book-style classes in this session."""
    from fastembed import dropin

    dropin.load_ipython_extension(ipython)


def unload_ipython_extension(ipython):
    """``%unload_ext fastembed``: restore every class."""
    from fastembed import dropin

    dropin.unload_ipython_extension(ipython)
