"""The one thread pool: how work is shared out, and BLAS kept to one thread meanwhile.

Kernels release the GIL and work on a slice of their work; this module cuts the slices and runs them
on Python threads. OpenMP and BLAS threads never run beside ours: two pools on the same cores wait
for each other for many milliseconds (see docs/performance.md).
"""

import os
import threading
from contextlib import contextmanager
from queue import SimpleQueue

import numpy as np
from threadpoolctl import ThreadpoolController

from fastembed._placement import Placement

__all__ = ["get_num_threads", "one_blas_thread", "run_gang", "set_num_threads", "share"]


def _checked(n, name):
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"{name} must be an integer >= 1, got {n!r}")
    return n


def _default_num_threads():
    text = os.environ.get("FASTEMBED_NUM_THREADS", "").strip()
    if text:
        try:
            n = int(text)
        except ValueError:
            n = text
        return _checked(n, "FASTEMBED_NUM_THREADS")
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Job:
    """Slices of one call that worker threads run, and how they ended."""

    def __init__(self, run):
        self.run = run
        self.started = 0
        self.finished = []  # None or the exception, one entry a slice
        self.tokens = SimpleQueue()

    def work(self, arguments):
        error = None
        try:
            self.run(*arguments)
        except BaseException as caught:  # raised again by the thread that called
            error = caught
        self.finished.append(error)
        self.tokens.put(None)

    def join(self):
        """Wait for every slice, also when Ctrl-C arrives meanwhile; then raise what went wrong."""
        interrupt = None
        while len(self.finished) < self.started:
            try:
                self.tokens.get()
            except KeyboardInterrupt as caught:
                interrupt = caught
        for error in (interrupt, *self.finished):
            if error is not None:
                raise error


class _Pool:
    """Worker threads of one process; the calling thread is always one more worker.

    Only a queue in C and a token a slice stand between caller and worker, so that Ctrl-C can be
    held back until every slice is done, which concurrent.futures leaves to its callers.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.gang_lock = threading.Lock()
        self.queue = SimpleQueue()
        self.workers = []
        self.placement = Placement()

    def start(self, job, argument_lists, workers):
        with self.lock:
            while len(self.workers) < workers:
                name = f"fastembed-{len(self.workers) + 1}"
                worker = threading.Thread(target=self.serve, name=name, daemon=True)
                worker.start()
                self.workers.append(worker)
                self.placement.forget()
            self.placement.keep_off_caller(self.workers, workers)
        for arguments in argument_lists:
            self.queue.put((job, arguments))
            job.started += 1

    def serve(self):
        _this_thread.is_worker = True
        while True:
            job, arguments = self.queue.get()
            job.work(arguments)
            del job, arguments  # an idle worker keeps no arrays alive


class _BlasLimit:
    """Every loaded BLAS limited to one thread while at least one caller asks for it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.callers = 0
        self.libraries = None
        self.saved = []

    def find_libraries(self):
        self.libraries = ThreadpoolController().select(user_api="blas").lib_controllers

    def enter(self):
        with self.lock:
            self.callers += 1
            if self.callers > 1:
                return
            if self.libraries is None:
                self.find_libraries()
            self.saved = [library.num_threads for library in self.libraries]
            for library in self.libraries:
                _set_blas_threads(library, 1)

    def leave(self):
        with self.lock:
            self.callers -= 1
            if self.callers == 0:
                self.restore()

    def restore(self):
        for library, n in zip(self.libraries or [], self.saved, strict=False):
            _set_blas_threads(library, n)
        self.saved = []


def _set_blas_threads(library, n):
    """Set a BLAS library's thread count from any Python thread."""
    # since threadpoolctl 3.8 OpenBLAS obeys one Python thread alone, and ignores others in silence
    release = getattr(library, "clear_controlling_thread", None)
    if release is not None:
        release(force=True)
    library.set_num_threads(n)
    if release is not None:
        release(force=True)


_num_threads = None
_this_thread = threading.local()
_pool = _Pool()
_blas = _BlasLimit()


def get_num_threads():
    """Return how many threads a kernel may use.

    The default is ``FASTEMBED_NUM_THREADS`` or else the CPUs that this process may use.
    """
    global _num_threads
    if _num_threads is None:
        _num_threads = _default_num_threads()
    return _num_threads


def set_num_threads(n):
    """Set how many threads a kernel may use.

    Parameters
    ----------
    n : int
        At least 1. More than the CPUs is allowed, and slower.

    Raises
    ------
    ValueError
        If n is not an integer >= 1.
    """
    global _num_threads
    _num_threads = _checked(n, "n")


@contextmanager
def one_blas_thread():
    """Limit every loaded BLAS to one thread inside the block; nests, and may overlap in threads."""
    _blas.enter()
    try:
        yield
    finally:
        _blas.leave()


def blas_changed():
    """Look for BLAS libraries again; call it after importing a module that loads one."""
    with _blas.lock:
        if _blas.callers == 0:
            _blas.libraries = None


def _cuts(n, parts, align):
    """Cut range(n) into at most parts slices whose inner borders are multiples of align."""
    blocks = -(-n // align)
    borders = [min(n, blocks * k // parts * align) for k in range(parts + 1)]
    return [(lo, hi) for lo, hi in zip(borders, borders[1:], strict=False) if lo < hi]


def share(n, run, *, grain=1, align=1):
    """Call run(lo, hi) on slices that together are range(n), in parallel where that pays.

    Parameters
    ----------
    n : int
        Rows or columns of work.
    run : callable
        Calls a kernel on the slice lo <= k < hi. Slices must be independent of each other.
    grain : int
        A slice has at least about this many; less work than two grains stays on this thread.
    align : int
        Slices begin at multiples of it (16 float32 columns fill a cache line).
    """
    parts = min(get_num_threads(), n // max(1, grain))
    slices = _cuts(n, parts, align) if parts > 1 and not _in_worker() else [(0, n)]
    if len(slices) < 2:
        run(0, n)
        return
    job = _Job(run)
    try:
        _pool.start(job, slices[1:], get_num_threads() - 1)
        run(*slices[0])
    finally:
        job.join()


def run_gang(size, run):
    """Call run(member, sync) on size threads that all run at the same time.

    For kernels whose threads meet at a barrier. One gang runs at a time: two that each held half of
    the pool would wait for ever.

    Parameters
    ----------
    size : int
        How many threads.
    run : callable
        Calls a kernel as member 0 <= member < size. ``sync`` is a zeroed int64 array of 16 entries
        that all members share: ``sync[0]`` and ``sync[8]`` are the kernel's own (a cache line
        each); when ``sync[15]`` becomes nonzero a member failed to start, and every barrier must
        let go.
    """
    sync = np.zeros(16, np.int64)
    if size == 1:
        run(0, sync)
        return
    if _in_worker():
        raise RuntimeError("run_gang must not be called from a slice of another job")

    def run_member(member):
        try:
            run(member, sync)
        except BaseException:
            sync[15] = 1
            raise

    with _pool.gang_lock:
        job = _Job(run_member)
        try:
            _pool.start(job, [(member,) for member in range(1, size)], size - 1)
            run_member(0)
        except BaseException:
            sync[15] = 1  # Ctrl-C may come between the two lines above
            raise
        finally:
            job.join()


def _in_worker():
    """Whether this thread is one of the pool's: then its slice must not wait for other slices."""
    return getattr(_this_thread, "is_worker", False)


def _after_fork_in_child():
    """Worker threads do not survive a fork, and locks may have been held: start anew."""
    global _pool
    _pool = _Pool()
    _blas.lock = threading.Lock()
    if _blas.callers:
        _blas.callers = 0
        _blas.restore()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
