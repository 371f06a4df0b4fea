"""What is not a race: equal bits, memory, and other programs' threads on the same cores."""

import ctypes
import statistics
import threading
import time
import timeit
import tracemalloc

import numpy as np

from fastembed.bench.cases import OPS, Case, case, flat
from fastembed.bench.peers import Contender, Task, cpus
from fastembed.bench.worker import settle

ROUNDS = 5
BLOCK = 0.25  # seconds of one block of calls, about

BITS = [
    case("gather", V=10_000, D=100, n=5_000),
    case("scatter_add zero", V=10_000, D=100, n=5_000),
    case("scatter_add zero", "hot", V=1_000, D=650, n=5_000),
    case("scatter_add zero", V=200_000, D=16, n=20_000),
]
INTERFERENCE = {
    "softmax_cross_entropy": case("softmax_cross_entropy", n=700, V=10_000),
    "lstm fwd+bwd": case("lstm fwd+bwd", N=20, T=35, D=100, H=100),
    "scatter_add": case("scatter_add zero", V=10_000, D=650, n=700),
}
WITH = ("two threads", "np.dot", "torch")
MEMORY = [
    case("TimeEmbedding fwd+bwd", V=10_000, D=100, N=20, T=35),
    case("TimeEmbedding fwd+bwd", V=10_000, D=650, N=20, T=35),
]


class Probe:
    """A contender that only tells: its kind is in the case's op."""

    def version(self):
        return ""

    def task(self, probe):
        kind, *what = probe.op.split(": ")
        tell = {
            "bits": bits,
            "memory": memory,
            "interference": interference,
            "runtime": runtime,
        }[kind]
        return Task(lambda: None, tell=lambda: tell(*what), compared=False)


def ask(session, op):
    """Let a new process tell about a probe; None when it failed."""
    probe, contender = Case(op, {}), Contender(op, "benchmarks.probes:Probe")
    session.start([contender])
    session.ask(probe, [op], "prepare", probe)
    told = session.ask(probe, [op], "detail").get(op)
    session.versions.pop(op, None)
    session.stop(op)
    return told


def _ours(case):
    import importlib

    op = OPS[case.op]
    return op.make(importlib.import_module(op.fast), case.inputs())


def bits():
    """Case -> whether its results are the same to the last bit at 1, 2, 3 and 7 threads."""
    import fastembed

    found = {}
    for one in BITS:
        results = set()
        for threads in (1, 2, 3, 7):
            fastembed.set_num_threads(threads)
            results.add(b"".join(np.ascontiguousarray(array) for array in flat(_ours(one)())))
        found[one.name] = len(results) == 1
    return found


def runtime():
    """Seconds of handing out slices after pauses, and of the smallest gather beside np.take's."""
    from fastembed import ops

    names = {
        "gather": ops.gather,
        "take": np.take,
        "W": np.ones((1000, 16), "f"),
        "idx": np.array([7]),
    }
    calls = {"ours": "gather(W, idx)", "np.take": "take(W, idx, 0)"}
    number = 10_000
    found = {who: [] for who in calls}
    for _ in range(25):
        for who, call in calls.items():
            found[who].append(timeit.timeit(call, globals=names, number=number) / number)
    return {
        "one id": {who: statistics.median(times) for who, times in found.items()},
        "awake": handover(0, 5000),
        "asleep": handover(0.02, 100),
    }


def handover(pause, repeats):
    """Median seconds that two slices of nothing take longer in the pool than one, after pauses.

    Workers fall asleep after 50 microseconds.
    """
    from fastembed.runtime import pool

    nothing = ctypes.cast(ctypes.pythonapi.Py_GetPlatform, ctypes.c_void_p).value
    times = {1: [], 2: []}
    for k in range(2 * repeats):
        if pause:
            time.sleep(pause)
        n = 1 + k % 2
        start = time.perf_counter()
        pool.run(nothing, 0, n, 1, 1e6 * (n - 1))
        times[n].append(time.perf_counter() - start)
    return statistics.median(times[2]) - statistics.median(times[1])


def memory(which):
    """Bytes that TimeEmbedding's backward allocates at most, beyond the gradient it fills."""
    found = {}
    for one in MEMORY:
        (W,), (xs,), (dout,) = one.inputs()["parts"]
        if which == "ours":
            from fastembed.time_layers import TimeEmbedding
        else:
            from fastembed.reference.layers import TimeEmbedding
        layer = TimeEmbedding(W)
        for _ in range(2):  # the first one loads what is loaded once
            layer.forward(xs)
            tracemalloc.start()
            layer.backward(dout)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        found[one.name] = peak
    return found


def _block(run):
    """How many calls fill a block."""
    run()
    start = time.perf_counter()
    run()
    return max(3, min(2000, int(BLOCK / (time.perf_counter() - start))))


def _timed(function, *arguments):
    settle()
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def _repeat(run, count):
    for _ in range(count):
        run()


def interference(name, other):
    """Seconds of a block of ours, of the other's, and of both mixed.

    two threads: the mixed block is the same work as two blocks of ours, in two user threads.
    np.dot, torch: calls of ours and of the other in turn.
    """
    run = _ours(INTERFERENCE[name])
    if other == "two threads":
        return _two_threads(run, _ours(INTERFERENCE[name]))
    neighbour = _np_dot() if other == "np.dot" else _torch_mm()
    count = min(_block(run), _block(neighbour))
    alone, beside, mixed = [], [], []

    def both():
        for _ in range(count):
            run()
            neighbour()

    for _ in range(ROUNDS):
        alone.append(_timed(_repeat, run, count))
        beside.append(_timed(_repeat, neighbour, count))
        mixed.append(_timed(both))
    return _summary(alone, beside, mixed)


def _two_threads(first, second):
    count = _block(first)
    alone, beside, mixed = [], [], []

    def both():
        threads = [threading.Thread(target=_repeat, args=(run, count)) for run in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    for _ in range(ROUNDS):
        alone.append(_timed(_repeat, first, count))
        beside.append(_timed(_repeat, second, count))
        mixed.append(_timed(both))
    return _summary(alone, beside, mixed)


def _summary(alone, beside, mixed):
    ratios = [m / (a + b) for a, b, m in zip(alone, beside, mixed, strict=True)]
    return {
        "ours": statistics.median(alone),
        "other": statistics.median(beside),
        "mixed": statistics.median(mixed),
        "ratio": statistics.median(ratios),
    }


def _np_dot():
    rng = np.random.default_rng(0)
    a, b = rng.random((700, 100), np.float32), rng.random((100, 10_000), np.float32)
    out = np.empty((700, 10_000), np.float32)
    return lambda: np.dot(a, b, out=out)


def _torch_mm():
    import torch

    torch.set_num_threads(cpus())
    a, b = torch.rand(700, 100), torch.rand(100, 10_000)
    out = torch.empty(700, 10_000)
    return lambda: torch.mm(a, b, out=out)
