"""Advantage 1, fewer dimensions: one-hot rows into the first layer, or vectors of D numbers."""

from functools import partial

import numpy as np

from benchmarks.claims.measure import race
from benchmarks.claims.report import LOOK, count, curve, grid, seconds, times
from fastembed import ops

TITLE = "Fewer dimensions"
D, H, N = 100, 100, 700  # widths, ids in a step
GATES = {"LSTM": 4, "RNN": 1}


def run(quick):
    found = []
    for V in (1_000, 3_000, 10_000) if quick else (1_000, 10_000, 100_000):
        rng = np.random.default_rng(0)
        idx = rng.integers(0, V, N)
        W, Wx = (rng.standard_normal(s, np.float32) for s in ((V, D), (D, 4 * H)))
        wide = rng.standard_normal((V, 4 * H), np.float32)
        hot = np.zeros((N, V), "f")
        hot[np.arange(N), idx] = 1
        calls = {
            "one-hot": partial(ops.matmul, hot, wide),
            "lookup": partial(_two, W, Wx, idx),
        }
        parameters = {
            cell: {"one-hot": V * g * H, "lookup": V * D + D * g * H} for cell, g in GATES.items()
        }
        found.append({"V": V, "time": race(calls), "parameters": parameters})
    return {"cells": found}


def _two(W, Wx, idx):
    return ops.matmul(ops.gather(W, idx), Wx)


def table(data):
    header = ("V", "LSTM, one-hot", "LSTM, embedding", "RNN, one-hot", "RNN, embedding")
    header += ("time, one-hot · Wx", "time, lookup and · Wx", "ratio")
    lines = []
    for c in data["cells"]:
        a, b = (c["time"][k]["median"] for k in ("one-hot", "lookup"))
        sizes = [c["parameters"][cell][k] for cell in GATES for k in ("one-hot", "lookup")]
        lines.append((count(c["V"]), *map(count, sizes), seconds(a), seconds(b), times(a / b)))
    note = (
        f"Numbers in the first layer, D = {D}, H = {H}; time of the input's product for {N} ids, "
        "all by fastembed."
    )
    return f"{grid(header, lines, left=0)}\n\n{note}"


def draw(data, figure):
    figure.set_size_inches(10, 4.2)
    left, right = figure.subplots(1, 2)
    x = [c["V"] for c in data["cells"]]
    looks = {("LSTM", "one-hot"): "A", ("LSTM", "lookup"): "B"}
    looks |= {("RNN", "one-hot"): "last", ("RNN", "lookup"): "other"}
    words = {"one-hot": "one-hot rows", "lookup": "embedding"}
    for (cell, kind), look in looks.items():
        values = [c["parameters"][cell][kind] / 1e6 for c in data["cells"]]
        left.plot(x, values, label=f"{cell}, {words[kind]}", **LOOK[look])
    for kind, look in (("one-hot", "A"), ("lookup", "B")):
        values = [{k: 1e3 * v for k, v in c["time"][kind].items()} for c in data["cells"]]
        curve(right, x, values, look, words[kind])
    left.set_ylabel("numbers in the first layer, millions")
    right.set_ylabel(f"time for {N} ids, ms")
    for axes in (left, right):
        axes.set(xscale="log", yscale="log", xlabel="vocabulary V")
        axes.grid(alpha=0.3)
        axes.legend()


def quotes(data):
    last = data["cells"][-1]
    a, b = (last["time"][k]["median"] for k in ("one-hot", "lookup"))
    parameters = last["parameters"]
    return {
        "V": count(last["V"]),
        "time": times(a / b),
        "LSTM": times(parameters["LSTM"]["one-hot"] / parameters["LSTM"]["lookup"]),
        "RNN": times(parameters["RNN"]["one-hot"] / parameters["RNN"]["lookup"]),
    }
