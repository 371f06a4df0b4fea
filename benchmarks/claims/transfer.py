"""Advantage 6, transfer: rows that were learnt elsewhere, on a small text to train on."""

import numpy as np

from benchmarks.claims import language
from benchmarks.claims.designs import Separate, Shared
from benchmarks.claims.meaning import vectors
from benchmarks.claims.report import count, curve, grid, mean

TITLE = "Transfer"
SEEDS = range(1, 6)
LR = 0.003
NAMES = {
    "random": "random rows",
    "shuffled": "pretrained rows of other words",
    "frozen": "pretrained, frozen",
    "tuned": "pretrained, trained on",
    "C": "pretrained, trained on, T tables",
}
LOOKS = {"random": "A", "shuffled": "last", "frozen": "other", "tuned": "B", "C": "C"}


def run(quick):
    if quick:
        V, D, T, epochs, sizes, learn = 1000, 32, 10, 12, (2_000, 8_000), 20
    else:
        V, D, T, epochs, sizes, learn = 2000, 50, 20, 20, (3_000, 10_000, 30_000), 30
    words, ids, held = language.corpus(V)
    small, large = ids[: max(sizes)], ids[max(sizes) :]
    rows = vectors(words, large, D, learn)[1]
    rows = rows / rows.std() / 10  # as wide as an LSTM likes its input
    found = {"V": V, "D": D, "T": T, "seeds": len(SEEDS), "epochs": epochs, "elsewhere": len(large)}
    found["sizes"] = []
    for size in sizes:
        row = {"words": size}
        for name in NAMES:
            row[name] = language.over_seeds(
                lambda name=name: _model(name, rows, V, D, T),
                SEEDS, small[:size], held, steps=T, epochs=epochs, lr=LR,
            )  # fmt: skip
        found["sizes"].append(row)
    return found


def _model(name, rows, V, D, T):
    def embed(W):
        if name != "random":
            W = rows.copy()
        if name == "shuffled":
            W = np.random.permutation(W)
        return Separate(W, T) if name == "C" else Shared(W)

    lm = language.model(embed, V, D, D)
    return language.freeze(lm) if name == "frozen" else lm


def table(data):
    header = ("words to train on", *NAMES.values())
    lines = [(count(r["words"]), *(mean(r[name]) for name in NAMES)) for r in data["sizes"]]
    note = (
        f"Perplexity on held-out text. Rows by CBOW from {count(data['elsewhere'])} other words of "
        f"the same text; V = {count(data['V'])}, D = H = {data['D']}, T = {data['T']}; the best of "
        f"{data['epochs']} epochs; mean of {data['seeds']} seeds ± half of the 95 % interval."
    )
    return f"{grid(header, lines, left=0)}\n\n{note}"


def draw(data, figure):
    axes = figure.add_subplot()
    x = [r["words"] for r in data["sizes"]]
    for name, label in NAMES.items():
        curve(axes, x, [r[name] for r in data["sizes"]], LOOKS[name], label)
    axes.set(xscale="log", xlabel="words to train on", ylabel="perplexity on held-out text")
    axes.set_xticks(x, [count(value) for value in x])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend()


def quotes(data):
    found = {"elsewhere": count(data["elsewhere"])}
    for which, row in (("few", data["sizes"][0]), ("many", data["sizes"][-1])):
        found[which] = count(row["words"])
        found |= {f"{which} {name}": mean(row[name]) for name in NAMES}
    return found
