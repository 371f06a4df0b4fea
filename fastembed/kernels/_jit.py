"""How every Numba kernel is compiled: without the GIL, IEEE arithmetic, cached where possible.

A kernel is an ordinary ``@njit`` function that others can call. What the pool calls is an entry: a C
function ``(args, lo, hi, member)`` that finds the kernel's arrays in a C struct (see ``_args``).
"""

import importlib
import warnings

from numba import cfunc, njit, types

OPTIONS = {"error_model": "numpy"}
REALS = {"float32": types.float32, "float64": types.float64}


def kernel(function):
    """Compile a kernel for callers in Numba; it releases the GIL."""
    return _cached(njit, function, nogil=True)


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
            signature = types.void(types.CPointer(REALS[real]), types.int64, types.int64, types.int64)
            self.compiled[real] = _cached(
                lambda **options: lambda f: cfunc(signature, **options)(f), self.function
            )
        return self.compiled[real]


def address(name, real):
    """Address of the C function ``module.entry`` for float32 or float64."""
    module, _, function = name.partition(".")
    entries = importlib.import_module(f"fastembed.kernels.{module}")
    return getattr(entries, function).compile(real).address


def _cached(compiler, function, **options):
    """Without a writable cache folder it is compiled again in each process."""
    try:
        return compiler(cache=True, **OPTIONS, **options)(function)
    except RuntimeError as error:  # Numba raises it at decoration
        if "cache" not in str(error):
            raise
        _warn_once(str(error))
        return compiler(**OPTIONS, **options)(function)


def _warn_once(reason):
    if not _warned:
        _warned.append(reason)
        warnings.warn(
            "fastembed: no writable folder for Numba's cache, so the first call of each kernel "
            f"compiles it again ({reason}); set NUMBA_CACHE_DIR to a folder that can be written",
            RuntimeWarning,
            stacklevel=2,
        )


_warned = []
