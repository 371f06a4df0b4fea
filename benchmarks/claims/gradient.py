"""Advantage 5, differentiable: what has a derivative, in a lookup and in one-hot · W."""

import numpy as np

from benchmarks.claims.report import grid
from fastembed import ops
from fastembed.layers import Embedding, MatMul

TITLE = "Differentiable"
CHANGE = 1e-6


def run(quick):
    rng = np.random.default_rng(0)
    V, D, N = 50, 8, 40
    idx = rng.integers(0, V, N)  # some come more than once
    W, dout = rng.standard_normal((V, D)), rng.standard_normal((N, D))
    hot = np.eye(V)[idx]
    look, product = Embedding(W), MatMul(W)
    looked, multiplied = look.forward(idx), product.forward(hot)
    look.backward(dout)
    dhot = product.backward(dout)
    whole = rng.integers(-9, 10, (N, D)).astype(float)
    return {
        "entries": W.size,
        "numbers equal": bool(np.array_equal(looked, multiplied)),
        "lookup": _error(look.grads[0], W, lambda: (look.forward(idx) * dout).sum()),
        "one-hot W": _error(product.grads[0], W, lambda: (hot @ W * dout).sum()),
        "one-hot x": _error(dhot, hot, lambda: (hot @ W * dout).sum()),
        "difference": float(np.abs(look.grads[0] - product.grads[0]).max()),
        "whole equal": bool(
            np.array_equal(hot.T @ whole, ops.scatter_add(np.zeros((V, D)), idx, whole))
        ),
        "adjoint": abs(float((looked * dout).sum() - (W * look.grads[0]).sum())),
    }


def _error(gradient, x, function):
    """The largest difference from central differences in every entry of x."""
    worst = 0.0
    for place in np.ndindex(x.shape):
        value = x[place]
        x[place] = value + CHANGE
        above = function()
        x[place] = value - CHANGE
        slope = (above - function()) / (2 * CHANGE)
        x[place] = value
        worst = max(worst, abs(slope - gradient[place]))
    return float(worst)


def table(data):
    number = "{:.0e}".format
    lines = [
        ("lookup, by W", "scatter-add of dout", number(data["lookup"])),
        ("one-hot · W, by W", "one-hotᵀ · dout", number(data["one-hot W"])),
        ("one-hot · W, by the one-hot rows", "dout · Wᵀ", number(data["one-hot x"])),
        ("either, by the id", "none: an id is a whole number", "–"),
    ]
    header = ("derivative of", "is", "largest difference from finite differences")
    equal = "equal in every bit" if data["whole equal"] else "different"
    note = (
        f"float64. Both gradients of W differ by {number(data['difference'])} at most, which is "
        f"rounding: for gradients that are whole numbers they are {equal}."
    )
    return f"{grid(header, lines, left=2)}\n\n{note}"


def draw(data, figure):
    axes = figure.add_subplot()
    names = {"lookup": "lookup,\nby W", "one-hot W": "one-hot · W,\nby W"}
    names |= {"one-hot x": "one-hot · W,\nby the rows"}
    axes.bar(list(names.values()), [data[k] for k in names], 0.5, color="#0072b2")
    axes.set(yscale="log", ylim=(1e-12, 1), ylabel="largest error of the gradient")
    axes.axhline(1e-6, color="black", linestyle="--", label="what finite differences can see")
    axes.legend()


def quotes(data):
    return {
        "lookup": f"{data['lookup']:.0e}",
        "one-hot": f"{data['one-hot W']:.0e}",
        "rows": f"{data['one-hot x']:.0e}",
        "equal": "every bit" if data["whole equal"] else "not every bit",
    }
