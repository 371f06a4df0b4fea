"""Negative samples for a whole batch, from the random numbers that NumPy would use."""

import numpy as np

from fastembed import _check

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport isfinite
from libc.stdint cimport int64_t

from fastembed.ops._fit cimport (
    are_ids, as_matrix, as_vector, axis, data, entry, forget_ids, id_list, is_real, matrix, read_ids,
    vector,
)
from fastembed.runtime.memory cimport Memory, take
from fastembed.runtime.pool cimport slice_function

cnp.import_array()

cdef enum:
    BUDGET = 100_000_000  # operations between two looks for signals

cdef slice_function[2] samples_entry

ctypedef struct samples_args:
    vector p, cdf, targets, uniforms, removed
    matrix out
    vector progress
    int64_t budget


def negative_samples(p, targets, size):
    """Draw ids for every sample of a batch: never its target, none twice.

    The draws are those of ``numpy.random.choice(V, size, replace=False, p=...)`` for each target in
    turn, with the target's p set to zero: the same ids, from the same legacy random stream.

    Parameters
    ----------
    p : (V,) ndarray of float64
        Weight of each id; they need not sum to one.
    targets : array_like of integers, shape (N,)
        Ids in [-V, V); negative ones count from the end.
    size : int
        How many ids per sample.

    Returns
    -------
    (N, size) ndarray of int32

    Raises
    ------
    IndexError
        If a target is outside [-V, V).
    TypeError, ValueError
        If a dtype or a shape does not fit, if p is not finite and nonnegative, or if fewer ids than
        size can be drawn.
    """
    size = _check.integer("size", size)
    if size < 0:
        raise ValueError(f"size must be at least 0, got {size}")
    out = _draw(p, targets, size)
    if out is None:
        p = _check.floats("p", p, ndim=1, dtype=np.float64)
        targets = _check.integers("targets", targets)
        _check.shape("targets", targets, (targets.size,))
        out = _draw(_check.plain(p), _check.indices("targets", targets, p.size, "p"), size)
    return out


cdef _draw(p, targets, int64_t size):
    """`negative_samples`, or None if an argument does not fit as it is."""
    cdef samples_args args
    cdef id_list ids
    cdef Memory space
    cdef int64_t V, N, k, possible
    cdef int64_t[3] progress
    cdef const double *weights
    cdef double *cdf
    cdef double total = 0
    cdef bint sound = True, any_target = False
    cdef cnp.npy_intp[2] shape
    if not is_real(p, 1, 1) or not are_ids(targets) or cnp.PyArray_NDIM(<cnp.ndarray>targets) != 1:
        return None
    V = axis(p, 0)
    try:
        if not read_ids(targets, V, &ids):
            return None
        N = ids.size
        space = take(V * sizeof(double) + (size + 1) * sizeof(int64_t))
        weights, cdf = <const double *>data(p), <double *>space.start
        possible = 0
        for k in range(V):
            total += weights[k]
            cdf[k] = total
            possible += weights[k] > 0
            sound = sound and weights[k] >= 0
        if not sound or not isfinite(total):
            raise ValueError("p must be finite and nonnegative")
        for k in range(N):
            any_target = any_target or weights[ids.data[k]] > 0
        possible -= any_target
        if N and possible < size:
            raise ValueError(f"size = {size} ids cannot be drawn: {possible} have weight")
        shape[0], shape[1] = N, size
        out = cnp.PyArray_EMPTY(2, shape, cnp.NPY_INT32, 0)
        if N == 0 or size == 0:
            return out
        progress[0] = progress[1] = progress[2] = 0
        args.p = as_vector(p)
        args.cdf.data, args.cdf.size = cdf, V
        args.targets.data, args.targets.size = ids.data, N
        args.removed.data, args.removed.size = cdf + V, size + 1
        args.out = as_matrix(out)
        args.progress.data, args.progress.size = progress, 3
        args.budget = BUDGET
        run = entry(samples_entry, "negatives.negative_samples_at_once", 1)
        uniforms = np.random.random_sample(N * size)
        while True:
            args.uniforms = as_vector(uniforms)
            with nogil:
                run(&args, 0, 0, 0)
            PyErr_CheckSignals()
            if progress[0] == N:
                return out
            # at least so many more are certain to be needed: none is drawn in vain
            uniforms = uniforms[progress[2]:]
            k = (N - progress[0]) * size - progress[1] - len(uniforms)
            uniforms = np.concatenate([uniforms, np.random.random_sample(k)])
    finally:
        forget_ids(&ids)
