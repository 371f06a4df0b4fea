"""Advantage 4, arithmetic: the share of products with zero, and what leaving them out saves."""

from functools import partial

import numpy as np
from scipy import sparse

from benchmarks.claims.measure import race
from benchmarks.claims.report import count, curve, grid, seconds, times
from fastembed import ops

TITLE = "Arithmetic"
N, D = 700, 100
NAMES = {
    "dense": "one-hot · W, BLAS",
    "sparse": "scipy.sparse CSR · W",
    "numpy": "W[idx] and np.add.at, NumPy",
    "ours": "gather and scatter-add, fastembed",
}
LOOKS = {"dense": "A", "sparse": "other", "numpy": "C", "ours": "B"}


def run(quick):
    found = []
    for V in (1_000, 10_000) if quick else (1_000, 10_000, 50_000):
        rng = np.random.default_rng(0)
        idx = rng.zipf(1.2, N) % V
        W, dout = (rng.standard_normal(shape, np.float32) for shape in ((V, D), (N, D)))
        hot = sparse.csr_array((np.ones(N, "f"), idx, np.arange(N + 1)), (N, V))
        dense = hot.toarray()
        dW = np.zeros_like(W)
        forward = {
            "dense": partial(np.matmul, dense, W),
            "sparse": partial(hot.__matmul__, W),
            "numpy": partial(W.__getitem__, idx),
            "ours": partial(ops.gather, W, idx),
        }
        backward = {
            "dense": partial(np.matmul, dense.T, dout),
            "sparse": partial(hot.T.__matmul__, dout),
            "numpy": partial(_add_at, dW, idx, dout),
            "ours": partial(ops.scatter_add, dW, idx, dout, zero=True),
        }
        equal = all(np.array_equal(call(), W[idx]) for call in forward.values())
        found.append(
            {
                "V": V,
                "zeros": 1 - 1 / V,
                "forward equal": equal,
                "forward": race(forward),
                "backward": race(backward),
            }
        )
    return {"N": N, "D": D, "cells": found}


def _add_at(dW, idx, dout):
    dW[...] = 0
    np.add.at(dW, idx, dout)


def table(data):
    header = ("V", "products with zero", "", *NAMES.values(), "BLAS / fastembed")
    lines = []
    for c in data["cells"]:
        zeros = f"{100 * c['zeros']:.4g} %"
        for way in ("forward", "backward"):
            took = {name: c[way][name]["median"] for name in NAMES}
            ratio = times(took["dense"] / took["ours"])
            lines.append((count(c["V"]), zeros, way, *map(seconds, took.values()), ratio))
    return f"{grid(header, lines, left=0)}\n\n{N} ids of words, D = {D}."


def draw(data, figure):
    figure.set_size_inches(10, 4.2)
    x = [c["V"] for c in data["cells"]]
    for axes, way in zip(figure.subplots(1, 2, sharey=True), ("forward", "backward"), strict=True):
        for name, label in NAMES.items():
            values = [{k: 1e3 * v for k, v in c[way][name].items()} for c in data["cells"]]
            curve(axes, x, values, LOOKS[name], label)
        axes.set(xscale="log", yscale="log", xlabel="vocabulary V", title=way)
        axes.grid(alpha=0.3)
        if way == "forward":
            axes.set_ylabel(f"time for {N} ids, ms")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)


def quotes(data):
    cell = next(c for c in data["cells"] if c["V"] == 10_000)
    f, b = ({k: v["median"] for k, v in cell[way].items()} for way in ("forward", "backward"))
    return {
        "zeros": f"{100 * cell['zeros']:.4g} %",
        "equal": "every bit" if all(c["forward equal"] for c in data["cells"]) else "not every bit",
        "forward": times(f["dense"] / f["ours"]),
        "backward": times(b["dense"] / b["ours"]),
        "sparse forward": times(f["sparse"] / f["ours"]),
        "sparse backward": times(b["sparse"] / b["ours"]),
        "dense": seconds(f["dense"] + b["dense"]),
        "ours": seconds(f["ours"] + b["ours"]),
    }
