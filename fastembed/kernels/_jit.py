"""How every Numba kernel is compiled: without the GIL, IEEE arithmetic, cached where possible."""

import warnings

from numba import njit


def kernel(function):
    """Compile a kernel; without a writable cache folder it is compiled again in each process."""
    try:
        return njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError as error:  # Numba raises it at decoration
        _warn_once(str(error))
        return njit(nogil=True, error_model="numpy")(function)


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
