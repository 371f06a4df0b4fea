"""One shared table, or T tables: parameters, speed, perplexity as the text grows, consistency."""

import time

import numpy as np

from benchmarks.claims import language
from benchmarks.claims.designs import Separate, Shared
from benchmarks.claims.measure import interval
from benchmarks.claims.report import count, curve, grid, mean, percent, size, times

TITLE = "One table or T tables, on real text"
SEEDS = range(1, 6)
RATES = (0.001, 0.003, 0.01)
NAMES = {"B": "B: one shared table", "C": "C: a table for each time step"}
OFTEN = 50  # words that come this often are told apart from rarer ones


def run(quick):
    if quick:
        V, D, T, epochs, sizes = 500, 32, 10, 6, (4_000, 12_000, 36_000)
    else:
        V, D, T, epochs, sizes = 2000, 50, 20, 10, (10_000, 30_000, 90_000, None)
    words, ids, held = language.corpus(V)
    designs = {"B": Shared, "C": lambda W: Separate(W, T)}
    found = {"V": V, "D": D, "T": T, "epochs": epochs, "seeds": len(SEEDS), "sizes": []}
    for size_ in sizes:
        part = ids[:size_]
        row = {"words": len(part), "rows seen": _rows_seen(part, V, T)}
        for name, design in designs.items():
            row[name] = _trained(design, part, held, V, D, T, epochs)
        found["sizes"].append(row)
    found["models"] = {name: _model(design, ids, V, D, T) for name, design in designs.items()}
    found["consistency"] = _consistency(designs["C"], ids[: sizes[-1]], V, D, T, epochs)
    return found


def _trained(design, part, held, V, D, T, epochs):
    """Perplexity over seeds, at the learning rate that is best for this design and size."""

    def one(seed, lr):
        np.random.seed(seed)
        lm = language.model(design, V, D, D)
        return language.train(lm, part, held, steps=T, epochs=epochs, lr=lr)

    lr = min(RATES, key=lambda lr: one(0, lr))  # a seed that is not among those reported
    return {"lr": lr, **interval([one(seed, lr) for seed in SEEDS])}


def _rows_seen(part, V, T):
    """The share of rows that training meets at least once, of one table and of T."""
    N = language.BATCH
    jump = (len(part) - 1) // N
    length = len(part) // (N * T) * T
    read = part[(np.arange(N)[:, None] * jump + np.arange(length)) % len(part)]
    places = read.astype(np.int64) + V * (np.arange(length) % T)
    return {"B": len(np.unique(read)) / V, "C": len(np.unique(places)) / (V * T)}


def _model(design, ids, V, D, T):
    """What the model weighs, and how long a training step takes."""
    lm = language.model(design, V, D, D)
    count_ = 200 * language.BATCH * T
    language.train(lm, ids[: count_ // 4], ids[:500], steps=T, epochs=1, lr=0.001)
    part = np.resize(ids, count_)
    start = time.perf_counter()
    language.train(lm, part, ids[:500], steps=T, epochs=1, lr=0.001)
    return {
        "embedding": sum(p.size for p in lm.layers[0].params),
        "all": sum(p.size for p in lm.params),
        "step": (time.perf_counter() - start) / 200,
    }


def _consistency(design, ids, V, D, T, epochs):
    """Cosine of the vectors that a word has at two time steps, after training C."""
    np.random.seed(1)
    lm = language.model(design, V, D, D)
    language.train(lm, ids, ids[:500], steps=T, epochs=epochs, lr=0.003)
    tables = lm.params[0].reshape(T, V, D)
    unit = tables / np.linalg.norm(tables, axis=2, keepdims=True)
    cosine = np.einsum("svd,tvd->vst", unit, unit)
    between = (cosine.sum((1, 2)) - T) / (T * (T - 1))
    often = np.bincount(ids, minlength=V) >= OFTEN
    return {"often": float(between[often].mean()), "rare": float(between[~often].mean())}


def table(data):
    header = ("words", "perplexity, B", "perplexity, C", "C / B", "rows ever seen, B", "C")
    lines = [
        (count(r["words"]), mean(r["B"]), mean(r["C"]), times(r["C"]["mean"] / r["B"]["mean"]))
        + (percent(r["rows seen"]["B"]), percent(r["rows seen"]["C"]))
        for r in data["sizes"]
    ]
    models = data["models"]
    rows = [
        (NAMES[k], count(m["embedding"]), count(m["all"]), size(4 * m["all"]))
        + (f"{1e3 * m['step']:.2f} ms",)
        for k, m in models.items()
    ]
    header2 = ("design", "numbers in the embedding", "in the model", "float32", "a training step")
    note = (
        f"V = {count(data['V'])}, D = H = {data['D']}, T = {data['T']}; Adam, the best of "
        f"{data['epochs']} epochs, the best of {len(RATES)} learning rates for each design and "
        f"size; held-out text; mean of {data['seeds']} seeds ± half of the 95 % interval."
    )
    return f"{grid(header, lines)}\n\n{grid(header2, rows)}\n\n{note}"


def draw(data, figure):
    figure.set_size_inches(10, 4.2)
    left, right = figure.subplots(1, 2)
    x = [r["words"] for r in data["sizes"]]
    for name, label in NAMES.items():
        curve(left, x, [r[name] for r in data["sizes"]], name, label)
    left.set(xscale="log", xlabel="words to train on", ylabel="perplexity on held-out text")
    left.set_xticks(x, [count(value) for value in x])
    left.minorticks_off()
    left.legend()
    left.grid(alpha=0.3)
    for k, (name, hatch) in enumerate((("B", ""), ("C", "//"))):
        values = [100 * r["rows seen"][name] for r in data["sizes"]]
        places = [i + 0.4 * k - 0.2 for i in range(len(x))]
        colour = ("#0072b2", "#bbbbbb")[k]
        right.bar(places, values, 0.38, label=NAMES[name], color=colour, hatch=hatch)
    right.set_xticks(range(len(x)), [count(value) for value in x])
    right.set(xlabel="words to train on", ylabel="rows that training ever meets, %")
    right.legend(loc="lower right")


def quotes(data):
    last, first = data["sizes"][-1], data["sizes"][0]
    B, C = (data["models"][name] for name in "BC")
    return {
        "words": count(last["words"]),
        "first words": count(first["words"]),
        "B": mean(last["B"]),
        "C": mean(last["C"]),
        "first B": mean(first["B"]),
        "first C": mean(first["C"]),
        "seeds": str(data["seeds"]),
        "T": str(data["T"]),
        "numbers B": count(B["embedding"]),
        "numbers C": count(C["embedding"]),
        "step": times(C["step"] / B["step"]),
        "seen B": percent(last["rows seen"]["B"]),
        "seen C": percent(last["rows seen"]["C"]),
        "first seen C": percent(first["rows seen"]["C"]),
        "often": f"{data['consistency']['often']:.2f}",
        "rare": f"{data['consistency']['rare']:.2f}",
    }
