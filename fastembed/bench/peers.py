"""Who takes part: this library, its slow twin, plain NumPy, and other libraries where installed."""

import importlib
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from fastembed.bench.cases import OPS, flat


@dataclass(frozen=True)
class Contender:
    """A name, and the class ``module:Class`` that plays it in a process of its own."""

    name: str
    factory: str
    arguments: tuple = ()


@dataclass
class Task:
    """What a contender does for one case.

    Attributes
    ----------
    run : callable
        Does the work once; this is what is timed.
    fetch : callable
        Turns what ``run`` returned into a tuple of NumPy arrays, or into one.
    tell : callable, optional
        Returns details, such as times by layer.
    compared : bool
        False for what has no result, such as a ceiling.
    repeats : int
        How many calls have their results compared.
    """

    run: Callable
    fetch: Callable = lambda results: results
    tell: Callable = lambda: None
    compared: bool = True
    repeats: int = 1

    def results(self):
        results = []
        for _ in range(self.repeats if self.compared else 0):
            results += [np.array(array) for array in flat(self.fetch(self.run()))]
        return results

    def detail(self):
        return self.tell()


def quickest(*ways, seconds=0.02):
    """The one of several ways to do the same that takes the least time here."""
    if len(ways) == 1:
        return ways[0]
    best = {}
    for way in ways:
        way()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or way not in best:
            start = time.perf_counter()
            way()
            best[way] = min(best.get(way, math.inf), time.perf_counter() - start)
    return min(best, key=best.get)


def cpus():
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _threads(n):
    return f"{n} thread" if n == 1 else f"{n} threads"


def _task(case, module):
    op = OPS[case.op]
    run = op.make(importlib.import_module(module), case.inputs())
    return Task(run, tell=getattr(run, "detail", lambda: None), repeats=op.repeats)


class Ours:
    """fastembed at a number of threads."""

    def __init__(self, threads=None):
        self.threads = threads

    def version(self):
        import fastembed

        if self.threads is not None:
            fastembed.set_num_threads(self.threads)
        return f"fastembed {fastembed.__version__}, {_threads(fastembed.get_num_threads())}"

    def task(self, case):
        return _task(case, OPS[case.op].fast)


class Reference:
    """The slow twin: NumPy alone, the way the book writes it."""

    def version(self):
        return f"NumPy {np.__version__}"

    def task(self, case):
        return _task(case, OPS[case.op].reference)


class Plain:
    """The best that one line of NumPy can do, where that is not what the reference does."""

    def version(self):
        return f"NumPy {np.__version__}"

    def task(self, case):
        if case.op not in ("gather", "gather out"):
            return None
        x = case.inputs()
        if case.op == "gather":
            return Task(partial(x["W"].take, x["idx"], 0))
        # mode="clip" is the one that writes into out without a temporary; the ids are in range
        return Task(partial(x["W"].take, x["idx"], 0, out=x["out"], mode="clip"))


class Torch:
    """PyTorch on the CPU, in its own threads."""

    compiled = False

    def __init__(self, threads=None):
        self.threads = threads or cpus()

    def version(self):
        import torch

        torch.set_num_threads(self.threads)
        return f"PyTorch {torch.__version__}, {_threads(self.threads)}"

    def task(self, case):
        from fastembed.bench import torch_steps, torch_tasks

        if case.op in torch_steps.MODELS:
            return torch_steps.task(case.op, case.inputs(), self.compiled)
        make = torch_tasks.TASKS.get(case.op)
        return None if make is None or self.compiled else make(case.inputs())


class TorchCompiled(Torch):
    """PyTorch's compiler on the same training steps; it needs a C++ compiler."""

    compiled = True


class Thinc:
    """Thinc's NumPy ops, where they do the same."""

    def version(self):
        import thinc

        return f"Thinc {thinc.__version__}"

    def task(self, case):
        from fastembed.bench import thinc_tasks

        make = thinc_tasks.TASKS.get(case.op)
        return None if make is None or case.dtype != "float32" else make(case.inputs())


class Ceiling:
    """What the machine itself can do: copy, fill, and multiply large matrices."""

    def __init__(self, threads=None):
        self.threads = threads or cpus()

    def version(self):
        return f"NumPy {np.__version__}, {_threads(self.threads)}"

    def task(self, case):
        if case.op == "gather out":
            return self.copy_rows(case)
        if case.op != "ceiling":
            return None
        ((kind, size),) = case.sizes.items()
        if kind == "sgemm":
            return self.sgemm(size)
        a, b = np.ones(size, case.dtype), np.zeros(size, case.dtype)
        if kind == "copy":
            return self.shared(size, lambda lo, hi: np.copyto(b[lo:hi], a[lo:hi]))
        return self.shared(size, lambda lo, hi: b[lo:hi].fill(0))

    def copy_rows(self, case):
        """Copy rows that lie together: each time the next ones of W, so that no cache has them."""
        x = case.inputs()
        W, out = x["W"], x["out"]
        V, n, first = len(W), len(out), [0]
        if V < n:
            return None

        def rows(lo, hi):
            start = first[0] + lo
            np.copyto(out[lo:hi], W[start : start + hi - lo])

        copy = self.shared(n, rows)

        def run():
            first[0] = (first[0] + n) % (V - n + 1)
            copy.run()

        return Task(run, compared=False)

    def shared(self, size, work):
        """Equal slices of the work, each on a thread of its own (NumPy releases the GIL)."""
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(self.threads)
        cuts = [size * k // self.threads for k in range(self.threads + 1)]

        return Task(lambda: list(pool.map(work, cuts[:-1], cuts[1:])), compared=False)

    def sgemm(self, size):
        from threadpoolctl import threadpool_limits

        a = np.random.default_rng(0).random((size, size), np.float32)
        out = np.empty_like(a)
        threadpool_limits(self.threads)
        return Task(lambda: np.dot(a, a, out=out), compared=False)


def ours(threads=None, name="ours"):
    return Contender(name, "fastembed.bench.peers:Ours", (threads,))


def ceiling(threads=None):
    """The machine's own speed; it takes part where its figure is a case's ceiling (gather)."""
    return Contender("ceiling", "fastembed.bench.peers:Ceiling", (threads,))


REFERENCE = Contender("reference", "fastembed.bench.peers:Reference")


def contenders(threads=None):
    """Those of every cell; the first one is the oracle of the others."""
    return [
        REFERENCE,
        Contender("numpy", "fastembed.bench.peers:Plain"),
        ours(threads),
        Contender("torch", "fastembed.bench.peers:Torch", (threads,)),
        ceiling(threads),
    ]
