"""Sums of many arrays in one pass over the result."""

import numpy as np

from fastembed import _check, threads

# entries of the result that stay in a core's cache while every array is added to them
BLOCK = 1 << 15


def add_all(total, arrays):
    """Add arrays to total, in place and in their order: ``total += arrays[0]; total += …``

    Parameters
    ----------
    total : ndarray of float32 or float64
        Changed in place.
    arrays : sequence of ndarrays of total's dtype and shape

    Returns
    -------
    total : ndarray

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape does not fit; nothing is changed then.
    """
    dtype = _check.floats("total", total).dtype
    _check.output("total", total, np.shape(total), dtype, {})
    for k, array in enumerate(arrays):
        _check.shape(f"arrays[{k}]", _check.floats(f"arrays[{k}]", array, dtype=dtype), total.shape)
    flats = _flat_views([total, *arrays])
    if flats is None:
        for array in arrays:
            total += array
        return total
    out, *parts = flats

    def run(lo, hi):
        for begin in range(lo, hi, BLOCK):
            block = slice(begin, min(hi, begin + BLOCK))
            mine = out[block]
            for part in parts:
                np.add(mine, part[block], out=mine)

    threads.share(out.size, run, grain=BLOCK, align=16)
    return total


def _flat_views(arrays):
    """Every array as a flat view in one common order of memory, or None."""
    if all(array.flags.c_contiguous for array in arrays):
        return [array.reshape(-1) for array in arrays]
    if all(array.flags.f_contiguous for array in arrays):
        return [array.T.reshape(-1) for array in arrays]
    return None
