"""Advantage 3, memory: a batch of ids as one-hot rows, sparse rows, ids, and vectors."""

import numpy as np
from scipy import sparse

from benchmarks.claims.report import LOOK, count, grid, size, times
from fastembed import ops

TITLE = "Memory"
N, D = 700, 100  # ids in a batch of 20 x 35, width
NAMES = {
    "one-hot": "one-hot rows, float32",
    "sparse": "one-hot rows, scipy.sparse CSR",
    "ids": "ids, int32",
    "vectors": f"vectors of D = {D}, float32",
}
LOOKS = {"one-hot": "A", "sparse": "other", "ids": "C", "vectors": "B"}


def run(quick):
    found = []
    for V in (1_000, 10_000, 100_000):
        idx = np.random.default_rng(0).integers(0, V, N).astype(np.int32)
        hot = sparse.csr_array((np.ones(N, "f"), idx, np.arange(N + 1, dtype=np.int32)), (N, V))
        sizes = {
            "one-hot": hot.toarray().nbytes,
            "sparse": hot.data.nbytes + hot.indices.nbytes + hot.indptr.nbytes,
            "ids": idx.nbytes,
            "vectors": ops.gather(np.zeros((V, D), "f"), idx).nbytes,
        }
        found.append({"V": V, "sizes": sizes, "W": 4 * V * D})
    return {"N": N, "cells": found}


def table(data):
    header = ("V", *NAMES.values(), "W itself")
    lines = [
        (count(c["V"]), *(size(c["sizes"][k]) for k in NAMES), size(c["W"])) for c in data["cells"]
    ]
    return f"{grid(header, lines, left=0)}\n\nBytes of a batch of {N} ids; W is there once."


def draw(data, figure):
    axes = figure.add_subplot()
    x = [c["V"] for c in data["cells"]]
    for name, label in NAMES.items():
        values = [c["sizes"][name] / N for c in data["cells"]]
        axes.plot(x, values, label=label, **LOOK[LOOKS[name]])
    axes.set(xscale="log", yscale="log", xlabel="vocabulary V", ylabel="bytes of one word")
    axes.grid(alpha=0.3)
    axes.legend()


def quotes(data):
    cell = next(c for c in data["cells"] if c["V"] == 10_000)["sizes"]
    return {
        "one-hot": size(cell["one-hot"]),
        "vectors": size(cell["vectors"]),
        "sparse": size(cell["sparse"]),
        "ids": size(cell["ids"]),
        "ratio": times(cell["one-hot"] / cell["vectors"]),
        "against sparse": times(cell["vectors"] / cell["sparse"]),
    }
