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
BURST = 0.03  # seconds of one turn, unless one call takes longer
SAMPLE_SECONDS = 5e-5  # of one sample at least: the clock costs about 1e-7
WARM = 0.02  # calls that take longer wash the caches themselves: no untimed call before them
SLOW = 1.0  # of calls that take longer, the first one is a turn already


class Worker:
    """The contender, and the task that it is to run."""

    def __init__(self, factory, arguments):
        module, name = factory.split(":")
        self.contender = getattr(importlib.import_module(module), name)(*arguments)
        self.task = self.turn = None

    def version(self):
        return self.contender.version()

    def prepare(self, case):
        """Run the case once; return digests of its results, None where there is no such task."""
        self.task = self.turn = None
        self.task = self.contender.task(case)
        return None if self.task is None else [digest(array) for array in self.task.results()]

    def measure(self):
        """Seconds of one call for each sample of a turn, and CPU time of the turn."""
        used = time.process_time()
        times = self._plan() if self.turn is None else None
        samples, inner, warm = self.turn
        if times is None:
            if warm:
                self.task.run()
            times = self._times(samples, inner)
        settle()
        return times, time.process_time() - used

    def _plan(self):
        """How many samples of how many calls make a turn, by the best of a few calls.

        Returns the first turn's times if there was one.
        """
        (seconds,) = self._times(1, 1)
        if seconds > SLOW:
            self.turn = 1, 1, False
            return [seconds]
        inner = max(1, int(1e-4 / seconds))
        seconds = min(seconds, *self._times(1 if seconds > 0.05 else 3, inner))
        inner = max(1, round(SAMPLE_SECONDS / seconds))
        samples = min(100, max(1, int(BURST / (inner * seconds))))
        self.turn = samples, inner, seconds < WARM
        return None

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
        return getattr(self.task.run, "detail", lambda: None)()


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
    flat = sample = array.reshape(-1)
    if flat.size > SAMPLE:
        sample = flat[np.random.default_rng(0).integers(0, flat.size, SAMPLE)]
    return {
        "shape": array.shape,
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
                method, worker, arguments = "version", Worker(*arguments), ()
            reply = "done", getattr(worker, method)(*arguments)
            settle()
        except ImportError as error:
            reply = "missing", str(error)
        except BaseException as error:
            reply = "failed", f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
        try:
            pickle.dump(reply, replies)
            replies.flush()
        except BrokenPipeError:
            return
