# distutils: language = c++
"""The face of the native pool (pool.h): how many threads kernels use, and how work reaches them."""

import os

from libc.stdint cimport int64_t, uintptr_t


cdef extern from "Python.h":
    int PyErr_CheckSignals()  # -1, and the exception is set: share and run_phases hand both on


cdef extern from "<atomic>" namespace "std" nogil:
    cdef cppclass atomic[T]:
        T load()
        void store(T)


cdef extern from "pool.h" namespace "fastembed" nogil:
    ctypedef int (*interrupt_function)()
    cdef struct Pool:
        atomic[int] threads
        atomic[int64_t] alone
    Pool pool
    int MOST
    int64_t now()
    void prepare()
    int _members_for "fastembed::members_for"(double ns)
    int _share "fastembed::share"(
        slice_function run, const void *args, int64_t n, int64_t grain, double ns, int members,
        interrupt_function interrupted)
    int _run_phases "fastembed::run_phases"(
        phase_function run, const void *args, int64_t phases, int64_t parts,
        interrupt_function interrupted)


cdef enum:
    KEEPS_GIL = 1000  # nanoseconds of work; to give the GIL up and take it back costs 40


cdef int interrupted() noexcept with gil:
    return PyErr_CheckSignals()


cdef int share(
    slice_function run, const void *args, int64_t n, int64_t grain, double ns
) except -1 nogil:
    """Run(args, lo, hi, member) on slices that together are range(n).

    run     works on lo <= k < hi, any slices at the same time
    grain   slices begin at multiples of it
    ns      nanoseconds that one thread would need for all: little work stays on this thread
    """
    return _share(run, args, n, grain, ns, _members_for(ns), interrupted)


cdef int share_gil(
    slice_function run, const void *args, int64_t n, int64_t grain, double ns
) except -1:
    """The same for a caller that holds the GIL: it is given up unless the work is short."""
    if ns < <double>KEEPS_GIL:
        run(args, 0, n, 0)
        return 0
    with nogil:
        return share(run, args, n, grain, ns)


cdef int share_among(
    int members, slice_function run, const void *args, int64_t n, int64_t grain, double ns
) except -1 nogil:
    """Share, with so many members as members_for(ns) gave: each has a number below that."""
    return _share(run, args, n, grain, ns, members, interrupted)


cdef int run_phases(
    phase_function run, const void *args, int64_t phases, int64_t parts
) except -1 nogil:
    """Run(args, phase, part, parts) for every part of every phase, one phase after the other.

    parts   1 to members_for(ns); who is free takes part, so results must not depend on who does
    """
    return _run_phases(run, args, phases, parts, interrupted)


cdef int members_for(double ns) noexcept nogil:
    """How many threads work that takes one thread ns nanoseconds should have."""
    return _members_for(ns)


def get_num_threads():
    """Return how many threads a kernel may use.

    The default is ``FASTEMBED_NUM_THREADS`` or else the CPUs that this process may use.
    """
    return pool.threads.load()


def set_num_threads(n):
    """Set how many threads a kernel may use.

    Parameters
    ----------
    n : int
        At least 1; beyond 64 counts as 64. More than the CPUs is allowed, and slower.

    Raises
    ------
    ValueError
        If n is not an integer >= 1.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"n must be an integer >= 1, got {n!r}")
    pool.threads.store(min(n, MOST))
    pool.alone.store(0)


def resting():
    """Seconds for which calls will use one thread, since a worker lost its CPU to other programs."""
    return max(0, pool.alone.load() - now()) * 1e-9


def run(uintptr_t function, uintptr_t args, int64_t n, int64_t grain=1, double ns=1e9):
    """Share out a function of your own by its C address, for instance a Numba ``cfunc``'s; unchecked.

    Parameters
    ----------
    function : int
        Address of a ``void (*)(void *args, int64 lo, int64 hi, int64 member)`` that works on units
        lo <= k < hi and needs no GIL.
    args : int
        Address that it is given.
    n, grain, ns
        Units of work; slices begin at multiples of grain; nanoseconds that one thread would need.
    """
    with nogil:
        share(<slice_function>function, <const void *>args, n, grain, ns)


cdef _default():
    text = os.environ.get("FASTEMBED_NUM_THREADS", "").strip()
    if text:
        if not text.isascii() or not text.isdigit() or int(text) < 1:
            raise ValueError(f"FASTEMBED_NUM_THREADS must be an integer >= 1, got {text!r}")
        return int(text)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


prepare()
set_num_threads(_default())
