"""What is not a race: equal bits, memory, and other programs' threads on the same cores."""

import ctypes
import statistics
import threading
import time
import timeit
import tracemalloc
from functools import partial

import numpy as np

from fastembed.bench.cases import Case, case, flat
from fastembed.bench.peers import Contender, Ours, Reference, Task
from fastembed.bench.worker import settle
from fastembed.cli.machine import cpus

ROUNDS = 5
BLOCK = 0.25  # seconds of one block of calls, about

BITS = [
    case("gather", V=10_000, D=100, n=5_000),
    case("scatter_add zero", V=10_000, D=100, n=5_000),
    case("scatter_add zero", "hot", V=1_000, D=650, n=5_000),
    case("scatter_add zero", V=200_000, D=16, n=20_000),
    case("train_word2vec", "", table="benchmarks.cases", V=2000, H=100, n=20_000),
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


class Probe(Reference):
    """A contender that only tells."""

    def task(self, probe):
        def run():
            """Nothing is timed."""

        tell = {"bits": bits, "memory": memory, "interference": interference, "runtime": runtime}
        run.detail = partial(tell[probe.op], *probe.sizes.values())
        return Task(run, compared=False)


def ask(session, op, *what):
    """Let a new process tell about a probe; None when it failed."""
    probe, contender = Case(op, dict(enumerate(what))), Contender(op, "benchmarks.probes:Probe")
    session.start([contender])
    session.ask(probe, [op], "prepare", probe)
    told = session.ask(probe, [op], "detail").get(op)
    session.versions.pop(op, None)
    session.stop(op)
    return told


def _ours(case):
    return Ours().task(case).run


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
    """What -> seconds: handing out slices after pauses, and the smallest gather."""
    from fastembed import ops

    W, idx = np.ones((1000, 16), "f"), np.array([7])
    names = {"gather": ops.gather, "take": np.take, "W": W, "idx": idx}
    calls = {"gather of one id, checked": "gather(W, idx)", "np.take of one id": "take(W, idx, 0)"}
    number, found = 10_000, {what: [] for what in calls}
    for _ in range(25):
        for what, call in calls.items():
            found[what].append(timeit.timeit(call, globals=names, number=number) / number)
    return {
        **{what: statistics.median(times) for what, times in found.items()},
        "handing out slices, workers awake": handover(0, 5000),
        "handing out slices, workers asleep": handover(0.02, 100),
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
        (W,), (xs,), (dout,) = one.inputs()
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


def _timed(function):
    settle()
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def interference(name, other):
    """Seconds of a block of ours, of the other's, and of both mixed.

    two threads: the mixed block is the same work as two blocks of ours, in two user threads.
    np.dot, torch: calls of ours and of the other in turn.
    """
    first, two = _ours(INTERFERENCE[name]), other == "two threads"
    second = _ours(INTERFERENCE[name]) if two else {"np.dot": _np_dot, "torch": _torch_mm}[other]()
    count = _block(first) if two else min(_block(first), _block(second))

    def repeat(*runs):
        for _ in range(count):
            for run in runs:
                run()

    def both():
        if not two:
            return repeat(first, second)
        threads = [threading.Thread(target=repeat, args=(run,)) for run in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    blocks = partial(repeat, first), partial(repeat, second), both
    rounds = [[_timed(block) for block in blocks] for _ in range(ROUNDS)]
    medians = map(statistics.median, zip(*rounds, strict=True))
    ratio = statistics.median(mixed / (ours + beside) for ours, beside, mixed in rounds)
    return {**dict(zip(("ours", "other", "mixed"), medians, strict=True)), "ratio": ratio}


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
