"""``python -m fastembed warmup``: compile and cache every Numba kernel, before it is needed."""

import time
import warnings

import numpy as np

from fastembed.cli import kernel_list
from fastembed.cli.options import Parser

N, T, D, V = 2, 3, 4, 5  # small: what takes time is compiling
LARGE = 1 << 18  # rows of a dW that is cut into groups


def calls(dtype):
    """Op name -> a call of it, for every op that runs Numba kernels."""
    from fastembed import ops

    def full(*shape):
        return np.full(shape, 0.5, dtype)

    def step(op, states, *scalars):
        return lambda: op(full(V, D), full(V, D), *(full(V, D) for _ in range(states)), *scalars)

    ids = np.array([0, 1])
    pairs = np.array([[0, 1], [1, 2]])
    labels = np.array([[1, 0], [1, 0]])
    return {
        "gather": lambda: ops.gather(full(V, D), ids),
        "scatter_add": lambda: [
            ops.scatter_add(full(rows, D), ids, full(N, D), zero=True) for rows in (V, LARGE)
        ],
        "softmax": lambda: ops.softmax(full(N, V)),
        "softmax_backward": lambda: ops.softmax_backward(full(N, V), full(N, V)),
        "softmax_cross_entropy": lambda: ops.softmax_cross_entropy(full(N, V), ids),
        "sigmoid_cross_entropy": lambda: ops.sigmoid_cross_entropy(full(N, 2), labels),
        "negative_samples": lambda: ops.negative_samples(np.arange(1.0, V + 1), ids, 2),
        "negative_sampling_loss": lambda: ops.negative_sampling_loss(
            full(N, D), full(V, D), pairs, labels
        ),
        "negative_sampling_backward": lambda: ops.negative_sampling_backward(
            full(N, 2), full(N, D), full(V, D), pairs, full(V, D)
        ),
        "sgd": step(ops.sgd, 0, 0.1),
        "momentum": step(ops.momentum, 1, 0.1, 0.9),
        "nesterov": step(ops.nesterov, 1, 0.1, 0.9),
        "adagrad": step(ops.adagrad, 1, 0.1),
        "rmsprop": step(ops.rmsprop, 1, 0.1, 0.9),
        "adam": step(ops.adam, 2, 0.1, 0.9, 0.999),
        "global_norm": lambda: ops.global_norm([full(V, D)]),
        "scale": lambda: ops.scale([full(V, D)], 0.5),
        "time_attention": lambda: ops.time_attention(full(N, T, D), full(N, T, D)),
        "time_attention_backward": lambda: ops.time_attention_backward(
            full(N, T, D), full(N, T, D), full(N, T, D), full(N, T, T)
        ),
        "attention_weight": lambda: ops.attention_weight(full(N, T, D), full(N, D)),
        "attention_weight_backward": lambda: ops.attention_weight_backward(
            full(N, T), full(N, T, D), full(N, D), full(N, T)
        ),
    }


def walk(report):
    """Call every op that runs Numba kernels; report(kernel, dtype, seconds, how) for each kernel.

    ``how`` is ``compiled`` or ``cached`` (read from the cache folder).
    """
    import numba.core.event as event

    kernels = kernel_list.numba_kernels()
    for dtype in (np.float32, np.float64):
        for call in calls(dtype).values():
            before = [len(kernel.signatures) for kernel in kernels]
            start = time.perf_counter()
            with event.install_recorder("numba:compile") as compiling:
                call()
            seconds = time.perf_counter() - start
            started, compiled = {}, {}
            for stamp, happening in compiling.buffer:
                dispatcher = happening.data["dispatcher"]
                if happening.is_start:
                    started[dispatcher] = stamp
                else:
                    compiled[dispatcher] = stamp - started.pop(dispatcher)
            for kernel, old in zip(kernels, before, strict=True):
                if len(kernel.signatures) == old:
                    continue
                name = kernel_list.name(kernel)
                if kernel in compiled:
                    report(name, np.dtype(dtype), compiled[kernel], "compiled")
                else:
                    report(name, np.dtype(dtype), seconds, "cached")


def main(argv):
    parser = Parser(
        prog="python -m fastembed warmup",
        description="Compile every Numba kernel for float32 and float64 and keep the machine code "
        "in Numba's cache folder (beside the package, or NUMBA_CACHE_DIR), so that the first call "
        "in a later process is fast.",
    )
    parser.parse_args(argv)
    counts = {"compiled": 0, "cached": 0}
    start = time.perf_counter()

    def report(name, dtype, seconds, how):
        counts[how] += 1
        print(f"{name:42} {dtype.name:8} {seconds:7.3f} s  {how}", flush=True)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a cache folder that cannot be written is said below
        walk(report)
    folders = {kernel_list.cache_folder(kernel) for kernel in kernel_list.numba_kernels()}
    total = time.perf_counter() - start
    print(f"{counts['compiled']} compiled, {counts['cached']} from the cache, {total:.1f} s")
    if None in folders:
        print("nothing is kept: no cache folder can be written; set NUMBA_CACHE_DIR to one")
    else:
        print("cache:", ", ".join(sorted(map(str, folders))))
    return 0
