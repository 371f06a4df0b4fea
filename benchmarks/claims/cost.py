"""What T layer objects cost, and T tables, as T, V and D grow."""

from functools import partial

import numpy as np

from benchmarks.claims.designs import OnePass, PerStep, Separate, Shared
from benchmarks.claims.measure import peak, race
from benchmarks.claims.report import LOOK, count, curve, grid, seconds, size, times

TITLE = "What each design costs: forward and backward"
N = 20
BASE = {"V": 10_000, "D": 100, "T": 35}
FULL = {"T": (5, 35, 140, 280), "V": (1_000, 10_000, 100_000), "D": (25, 100, 400)}
QUICK = {"T": (5, 35, 70), "V": (1_000, 10_000), "D": (25, 100)}
NAMES = {
    "A": "A: T objects, one W (as in the note)",
    "A1": "B in plain NumPy: one lookup, one scatter-add",
    "B": "B: one shared layer (fastembed)",
    "C": "C: T tables (fastembed)",
}
LOOKS = {"A": "A", "A1": "other", "B": "B", "C": "C"}


def run(quick):
    grown = QUICK if quick else FULL
    cells = [dict(BASE, **{name: value}) for name in grown for value in grown[name]]
    found = []
    for sizes in (dict(t) for t in dict.fromkeys(tuple(c.items()) for c in cells)):
        calls = _calls(**sizes)
        memory = {name: peak(call) for name, call in calls.items()}
        found.append({**sizes, "time": race(calls, 5 if quick else 9), "memory": memory})
    return {"N": N, "cells": found}


def _calls(V, D, T):
    rng = np.random.default_rng(0)
    W = rng.standard_normal((V, D), np.float32)
    xs = rng.zipf(1.2, (N, T)) % V
    dout = rng.standard_normal((N, T, D), np.float32)
    layers = {"A": PerStep(W), "A1": OnePass(W), "B": Shared(W), "C": Separate(W, T)}
    return {name: partial(_both, layer, xs, dout) for name, layer in layers.items()}


def _both(layer, xs, dout):
    layer.forward(xs)
    layer.backward(dout)


def _along(data, name):
    """The cells in which one size grows and the others are those of the base."""
    rest = {key: value for key, value in BASE.items() if key != name}
    cells = [c for c in data["cells"] if all(c[key] == value for key, value in rest.items())]
    return sorted(cells, key=lambda cell: cell[name])


def table(data):
    header = ("V", "D", "T", *(f"time, {n}" for n in ("A", "B in NumPy", "B", "C")), "A / B")
    header += ("memory, A", "B", "C")
    lines = []
    for c in data["cells"]:
        took = {name: found["median"] for name, found in c["time"].items()}
        lines.append(
            (*(count(c[k]) for k in "VDT"), *(seconds(took[k]) for k in NAMES))
            + (times(took["A"] / took["B"]), *(size(c["memory"][k]) for k in "ABC"))
        )
    note = (
        f"N = {data['N']} sequences. Memory is what one forward and backward allocate at most "
        "beyond parameters and gradients; C's gradients are T times as large besides."
    )
    return f"{grid(header, lines, left=0)}\n\n{note}"


def draw(data, figure):
    figure.set_size_inches(11, 7)
    for k, name in enumerate("TVD"):
        top, below = (figure.add_subplot(2, 3, k + 1 + 3 * row) for row in (0, 1))
        cells = _along(data, name)
        x = [c[name] for c in cells]
        for who, label in NAMES.items():
            milliseconds = [
                {key: 1e3 * value for key, value in c["time"][who].items()} for c in cells
            ]
            curve(top, x, milliseconds, LOOKS[who], label)
            below.plot(x, [c["memory"][who] / 1e6 for c in cells], **LOOK[LOOKS[who]])
        rest = ", ".join(f"{key} = {count(v)}" for key, v in BASE.items() if key != name)
        top.set_title(rest, fontsize="medium")
        below.set_xlabel(name)
        for axes in (top, below):
            axes.set(xscale="log", yscale="log")
            axes.set_xticks(x, [count(value) for value in x])
            axes.minorticks_off()
            axes.grid(alpha=0.3)
        if not k:
            top.set_ylabel("time, ms")
            below.set_ylabel("memory beyond gradients, MB")
    figure.legend(*top.get_legend_handles_labels(), loc="outside lower center", ncols=2)


def quotes(data):
    base = next(c for c in data["cells"] if all(c[k] == v for k, v in BASE.items()))
    took = {name: found["median"] for name, found in base["time"].items()}
    ratios = [c["time"]["A"]["median"] / c["time"]["B"]["median"] for c in data["cells"]]
    return {
        "A": seconds(took["A"]),
        "B": seconds(took["B"]),
        "A/B": times(took["A"] / took["B"]),
        "A/NumPy": times(took["A"] / took["A1"]),
        "NumPy/B": times(took["A1"] / took["B"]),
        "C/B": times(took["C"] / took["B"]),
        "least": times(min(ratios)),
        "most": times(max(ratios)),
        "memory A": size(base["memory"]["A"]),
        "memory B": size(base["memory"]["B"]),
        "gradients B": size(4 * base["V"] * base["D"]),
        "gradients C": size(4 * base["V"] * base["D"] * base["T"]),
    }
