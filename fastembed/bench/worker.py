"""A process of its own for one contender, told over a pipe what to prepare and when to run.

Two thread pools in one process wait for each other, so that no two contenders may share a process;
and only one worker works at a time, because the parent asks one of them at a time.
"""

import importlib
import os
import pickle
import signal
import sys
import time
import traceback

import numpy as np

SAMPLE = 50_000  # numbers of each result that are sent back to be compared
# seconds of sleep in which a quiet process uses almost no CPU; several ticks of the kernel, which
# only then counts the time of a thread that runs on another CPU
QUIET = 0.02


class Worker:
    """The contender, and the task that it is to run."""

    def __init__(self, factory, arguments):
        module, name = factory.split(":")
        self.contender = getattr(importlib.import_module(module), name)(*arguments)
        self.task = None

    def version(self):
        return self.contender.version()

    def prepare(self, case):
        """Run the case once and return digests of its results.

        Returns
        -------
        list of dict, or None
            None where the contender has no such task; empty where there is no result to compare.
        """
        self.task = None
        self.task = self.contender.task(case)
        if self.task is None:
            return None
        digests = [digest(array) for array in self.task.results()]
        settle()
        return digests

    def estimate(self):
        """Return the seconds of a call, about: the best of a few."""
        (seconds,) = self._times(1, 1)
        inner = max(1, int(1e-4 / seconds))
        seconds = min(seconds, *self._times(1 if seconds > 0.05 else 3, inner))
        settle()
        return seconds

    def measure(self, samples, inner, warm):
        """Return the seconds of one call, for each of the samples of inner calls, and CPU time."""
        used = time.process_time()
        if warm:
            self.task.run()
        times = self._times(samples, inner)
        settle()
        return times, time.process_time() - used

    def _times(self, samples, inner):
        run, clock, times = self.task.run, time.perf_counter, []
        for _ in range(samples):
            started = clock()
            for _ in range(inner):
                run()
            times.append((clock() - started) / inner)
        return times

    def detail(self):
        """What else the task can tell of itself, such as the time of each layer."""
        found = self.task.detail()
        settle()
        return found

    def forget(self):
        self.task = None


def settle(limit=0.5):
    """Wait until this process's own threads have stopped spinning for work.

    BLAS and OpenMP workers spin for many milliseconds after their last job, on the cores that the
    next contender is about to use.
    """
    end = time.perf_counter() + limit
    while time.perf_counter() < end:
        used = time.process_time()
        time.sleep(QUIET)
        if time.process_time() - used < QUIET / 5:
            return


def digest(array):
    """An array in short: shape, dtype, two sums over all of it, and a sample of its numbers."""
    array = np.asarray(array)
    flat = array.reshape(-1)
    if flat.size > SAMPLE:
        sample = flat[np.random.default_rng(0).integers(0, flat.size, SAMPLE)]
    else:
        sample = flat
    return {
        "shape": array.shape,
        "dtype": str(array.dtype),
        "sum": float(flat.sum(dtype=np.float64)),
        "size": float(np.abs(flat).sum(dtype=np.float64)),
        "sample": np.array(sample, dtype=np.float64),
    }


def main():
    """Serve requests ``(method, arguments)`` until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a contender prints must not reach the pipe
    sys.stdout = sys.stderr
    worker = None
    while True:
        try:
            method, arguments = pickle.load(requests)
        except EOFError:
            return
        try:
            if method == "start":
                worker = Worker(*arguments)
                reply = "done", worker.version()
            else:
                reply = "done", getattr(worker, method)(*arguments)
        except ImportError as error:
            reply = "missing", str(error)
        except BaseException as error:
            reply = "failed", f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
        try:
            pickle.dump(reply, replies)
            replies.flush()
        except BrokenPipeError:
            return
