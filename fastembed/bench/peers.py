"""Who takes part: this library, its slow twin, plain NumPy, and PyTorch where it is installed."""

import importlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from fastembed.bench.cases import flat


@dataclass(frozen=True)
class Contender:
    """A name, and the class ``module:Class`` that plays it in a process of its own.

    The class has ``version()``, a text, and ``task(case)``, which returns a `Task`, or None where
    there is nothing to compare; its module may raise ImportError where a library is missing.
    """

    name: str
    factory: str
    arguments: tuple = ()


@dataclass
class Task:
    """What a contender does for one case."""

    run: Callable  # does the work once; this is what is timed
    fetch: Callable = lambda results: results  # what run returned, as arrays of NumPy
    compared: bool = True  # False for what has no result
    repeats: int = 1  # calls whose results are compared

    def results(self):
        results = []
        for _ in range(self.repeats if self.compared else 0):
            results += [np.array(array) for array in flat(self.fetch(self.run()))]
        return results


def quickest(*ways, seconds=0.02):
    """The one of several ways to do the same that takes the least time here."""
    best = {}
    for way in ways:
        way()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or way not in best:
            start = time.perf_counter()
            way()
            best[way] = min(best.get(way, math.inf), time.perf_counter() - start)
    return min(best, key=best.get)


def threads_text(n):
    return f"{n} thread" if n == 1 else f"{n} threads"


class Reference:
    """The slow twin: NumPy alone, the way the book writes it."""

    modules = "reference"

    def version(self):
        return f"NumPy {np.__version__}"

    def task(self, case):
        row = case.row
        module = importlib.import_module(getattr(row, self.modules))
        return Task(row.make(module, *case.inputs()), repeats=row.repeats)


class Ours(Reference):
    """fastembed at a number of threads."""

    modules = "fast"

    def __init__(self, threads=None):
        self.threads = threads

    def version(self):
        import fastembed

        if self.threads is not None:
            fastembed.set_num_threads(self.threads)
        return f"fastembed {fastembed.__version__}, {threads_text(fastembed.get_num_threads())}"


class Plain(Reference):
    """The best that one line of NumPy can do, where that is not what the reference does."""

    def task(self, case):
        if case.op not in ("gather", "gather out"):
            return None
        W, idx, out = case.inputs()
        if case.op == "gather":
            return Task(partial(W.take, idx, 0))
        # mode="clip" is the one that writes into out without a temporary; the ids are in range
        return Task(partial(W.take, idx, 0, out=out, mode="clip"))


def ours(threads=None, name="ours"):
    return Contender(name, "fastembed.bench.peers:Ours", (threads,))


REFERENCE = Contender("reference", "fastembed.bench.peers:Reference")


def contenders(threads=None, torch="fastembed.bench.torch_tasks:Torch"):
    """Those of every cell; the first one is the oracle of the others."""
    return [
        REFERENCE,
        Contender("numpy", "fastembed.bench.peers:Plain"),
        ours(threads),
        Contender("torch", torch, (threads,)),
    ]
