"""A and B are the same function: T layer objects that share one W, and one shared layer."""

import numpy as np

from benchmarks.claims import language
from benchmarks.claims.designs import PerStep, Shared
from benchmarks.claims.report import grid

TITLE = "T objects with one W, or one layer: the same function"


def run(quick):
    rng = np.random.default_rng(0)
    found = {"shapes": [], "losses": {}}
    for T in (1, 7, 35, 140):
        V, D, N = 2000, 64, 20
        W = rng.standard_normal((V, D)).astype("f")
        xs = rng.zipf(1.3, (N, T)) % V  # some words come often
        whole = rng.integers(-8, 9, (N, T, D)).astype("f")  # sums of these are not rounded
        dout = rng.standard_normal((N, T, D)).astype("f")
        A, B = PerStep(W), Shared(W)
        out = A.forward(xs), B.forward(xs)
        row = {"T": T, "outputs": bool(np.array_equal(*out))}
        grads = _gradients(A, B, whole)
        row["whole"] = bool(np.array_equal(*grads))
        a, b = _gradients(A, B, dout)
        row["difference"] = float(np.abs(a - b).max() / np.abs(a).max())
        found["shapes"].append(row)
    V, D, steps, size = (500, 32, 10, 6000) if quick else (2000, 50, 20, 30000)
    _, ids, held = language.corpus(V)
    for name, design in (("A", PerStep), ("B", Shared)):
        np.random.seed(1)
        lm = language.model(design, V, D, D)
        options = {"steps": steps, "epochs": 2, "lr": 0.003}
        found["losses"][name] = language.train(lm, ids[:size], held, **options)
    return found


def _gradients(A, B, dout):
    A.backward(dout)
    B.backward(dout)
    return A.grads[0].copy(), B.grads[0].copy()


def _largest(data):
    return max(row["difference"] for row in data["shapes"])


def table(data):
    header = ("T", "outputs", "gradients, of whole numbers", "gradients, largest difference")
    word = {True: "every bit equal", False: "differ"}
    lines = [
        (str(r["T"]), word[r["outputs"]], word[r["whole"]], f"{r['difference']:.1e}")
        for r in data["shapes"]
    ]
    a, b = (data["losses"][name] for name in "AB")
    note = f"Trained from one seed: perplexity {a:.3f} with A, {b:.3f} with B."
    return f"{grid(header, lines)}\n\n{note}"


def draw(data, figure):
    axes = figure.add_subplot()
    lines = data["shapes"]
    axes.bar([str(r["T"]) for r in lines], [r["difference"] for r in lines], 0.5, color="#0072b2")
    axes.axhline(np.finfo("f").eps, color="black", linestyle="--", label="one rounding of float32")
    axes.set(xlabel="time steps T", ylabel="largest difference / largest gradient")
    axes.legend()


def quotes(data):
    same = all(row["outputs"] and row["whole"] for row in data["shapes"])
    return {
        "bits": "every bit" if same else "not every bit",
        "difference": f"{_largest(data):.0e}",
        "A": f"{data['losses']['A']:.2f}",
        "B": f"{data['losses']['B']:.2f}",
    }
