"""Contenders of the whole benchmark alone: Thinc, and what the machine itself can do."""

import importlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from fastembed import ops
from fastembed.bench.cases import case
from fastembed.bench.peers import Ours, Reference, Task, threads_text
from fastembed.cli.machine import cpus

# kind of work -> the case that shows its speed: a copy of 128 MB, a fill, a large product
CEILINGS = {
    "copied": case("gather out", "uniform", V=1 << 17, D=256, n=1 << 17),
    "filled": case("scatter_add zero", "uniform", V=1 << 17, D=256, n=1),
    "flops": case("matmul", M=2048, K=2048, N=2048),
}
SMALL = 20_000  # rows


class Ceiling(Reference):
    """The machine as if it were a module of ops; it ignores the ids."""

    def __init__(self):
        self.threads = cpus()
        self.pool = ThreadPoolExecutor(self.threads)
        self.first = 0
        threadpool_limits(self.threads)

    def version(self):
        return f"{super().version()}, {threads_text(self.threads)}"

    def task(self, case):
        if case.op != "gather out" and case not in CEILINGS.values():
            return None
        W, _, out = inputs = case.inputs()
        if case.op == "gather out" and len(W) < len(out):
            return None
        return Task(case.row.make(self, *inputs), compared=False)

    def gather(self, W, idx, out):
        """Copy rows that lie together: each time the next ones of W, so that no cache has them."""
        self.first = first = (self.first + len(out)) % (len(W) - len(out) + 1)
        self._share(len(out), lambda lo, hi: np.copyto(out[lo:hi], W[first + lo : first + hi]))

    def scatter_add(self, dW, idx, dout, zero):
        self._share(len(dW), lambda lo, hi: dW[lo:hi].fill(0))

    def matmul(self, a, b, out):
        np.dot(a, b, out=out)

    def _share(self, size, work):
        """Equal slices of the work, each on a thread of its own (NumPy releases the GIL)."""
        cuts = [size * k // self.threads for k in range(self.threads + 1)]
        list(self.pool.map(work, cuts[:-1], cuts[1:]))


class Padded(Ours):
    """fastembed with the steps beyond the end of each sequence computed like the others."""

    def task(self, case):
        if not case.op.endswith(" lengths"):
            return None
        *inputs, _ = case.inputs()
        module = importlib.import_module(case.row.fast)
        return Task(case.row.make(module, *inputs), compared=False)


class InMemory(Ours):
    """fastembed with the table in memory that others have in a file."""

    def task(self, case):
        if case.op != "gather mapped":
            return None
        W, *others = case.inputs()
        return Task(case.row.make(ops, np.array(W), *others), repeats=case.row.repeats)


class Small(Ours):
    """fastembed with a table of few rows, that is warm: the step's cost should not depend on it."""

    def task(self, case):
        if "V" not in case.sizes:
            return None
        few = replace(case, sizes={**case.sizes, "V": SMALL})
        return Task(super().task(few).run, compared=False)


class Thinc:
    """Thinc's NumPy ops, where they do the same."""

    def version(self):
        import thinc

        return f"Thinc {thinc.__version__}"

    def task(self, case):
        from thinc.api import NumpyOps

        if case.op not in ("gather", "scatter_add zero") or case.dtype != "float32":
            return None
        ops = NumpyOps()
        W, idx, dout = case.inputs()
        idx = idx.astype(np.int32)
        if case.op == "gather":
            return Task(lambda: ops.gather_add(W, idx[:, np.newaxis]))  # it sums over that axis

        def scatter():
            W.fill(0)
            ops.scatter_add(W, idx, dout)
            return W

        return Task(scatter)
