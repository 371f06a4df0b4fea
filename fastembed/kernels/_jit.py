"""How every Numba kernel is compiled: without the GIL, IEEE arithmetic, cached where possible.

A kernel is an ordinary ``@njit`` function that others can call. What the pool calls is an entry: a
C function ``(args, lo, hi, member)`` that finds the kernel's arrays in a C struct (see ``_args``).
"""

import importlib
import warnings

from numba import cfunc, njit, types

OPTIONS = {"error_model": "numpy"}
REALS = {"float32": types.float32, "float64": types.float64}


def kernel(function):
    """Compile a kernel for callers in Numba, without the GIL; what is cached are its entries."""
    return njit(nogil=True, **OPTIONS)(function)


def entry(function):
    """Make ``function(args, lo, hi, member)`` an entry; args tells the dtype of its reals."""
    return Entry(function)


class Entry:
    """A C function for each dtype, compiled or loaded from the cache when it is first wanted."""

    def __init__(self, function):
        self.function = function
        self.name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        self.compiled = {}

    def compile(self, real):
        """The ``numba.cfunc`` for float32 or float64."""
        if real not in self.compiled:
            given = types.CPointer(REALS[real]), types.int64, types.int64, types.int64
            self.compiled[real] = _cached(types.void(*given), self.function)
        return self.compiled[real]


def address(name, real):
    """Address of the C function ``module.entry`` for float32 or float64."""
    module, _, function = name.partition(".")
    entries = importlib.import_module(f"fastembed.kernels.{module}")
    return getattr(entries, function).compile(real).address


def _cached(signature, function):
    """Trouble with the cache (no folder, a full disk, a damaged file) costs time, no result."""
    try:
        return cfunc(signature, cache=True, **OPTIONS)(function)
    except Exception as error:
        compiled = cfunc(signature, **OPTIONS)(function)  # raises if the cache is not to blame
        _warn_once(error)
        return compiled


def _warn_once(error):
    if not _warned:
        _warned.append(error)
        warnings.warn(
            "fastembed: Numba's cache cannot be used, so the first call of each kernel compiles it "
            f"again ({type(error).__name__}: {error}); set NUMBA_CACHE_DIR to a folder that can be "
            "written",
            RuntimeWarning,
            stacklevel=2,
        )


_warned = []
