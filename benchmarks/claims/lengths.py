"""Advantage 7, any length: one table reads any number of time steps, T tables read T."""

import numpy as np

from benchmarks.claims import language
from benchmarks.claims.designs import Separate, Shared
from benchmarks.claims.report import count, grid, percent
from fastembed.tasks.lm import perplexity

TITLE = "Any length"
T = 20  # time steps of training
LENGTHS = (1, 5, 20, 80, 320)


def run(quick):
    V, D, size = (500, 32, 20_000) if quick else (2000, 50, None)
    words, ids, held = language.corpus(V)
    found = {"T": T, "read": {}}
    for name, design in (("B", Shared), ("C", lambda W: Separate(W, T))):
        np.random.seed(1)
        lm = language.model(design, V, D, D)
        language.train(lm, ids[:size], held, steps=T, epochs=3, lr=0.003)
        found["read"][name] = {str(n): _read(lm, held, n) for n in LENGTHS}
        if name == "B":
            rows = language.paragraphs(words, ids)
            found["padding"] = _padding(lm, [row for row in rows if 5 <= len(row) <= 40][:20])
    lengths = np.array(list(map(len, rows)))
    found["paragraphs"] = np.quantile(lengths, (0, 0.25, 0.5, 0.75, 1)).astype(int).tolist()
    rng = np.random.default_rng(0)
    shares = [_padded(rng.permutation(lengths)), _padded(np.sort(lengths))]
    found["padded"] = dict(zip(("mixed", "sorted"), shares, strict=True))
    return found


def _read(lm, held, steps):
    """Perplexity when so many steps are read at a time; None where the layer cannot."""
    try:
        return perplexity(lm, held, 4, steps)
    except IndexError:
        return None


def _padding(lm, rows):
    """Loss of sentences one by one and in one padded batch whose padding is not counted."""
    width = max(map(len, rows)) - 1
    xs, ts = np.zeros((len(rows), width), np.int32), np.full((len(rows), width), -1, np.int32)
    total = 0.0
    for k, row in enumerate(rows):
        n = len(row) - 1
        xs[k, :n], ts[k, :n] = row[:-1], row[1:]
        lm.reset_state()
        total += n * lm.forward(xs[k : k + 1, :n], ts[k : k + 1, :n], train_flg=False)
    lm.reset_state()
    together = lm.forward(xs, ts, train_flg=False)
    lm.reset_state()
    return {"one by one": float(total / (ts >= 0).sum()), "together": float(together)}


def _padded(lengths, batch=20):
    """The share of padding in batches of sequences, each as long as its longest."""
    parts = lengths[: len(lengths) // batch * batch].reshape(-1, batch)
    return float(1 - parts.sum() / (batch * parts.max(axis=1).sum()))


def table(data):
    header = ("steps read at a time", "perplexity, B", "perplexity, C")
    read = data["read"]

    def told(value):
        return "IndexError" if value is None else f"{value:.3f}"

    lines = [(str(n), *(told(read[k][str(n)]) for k in "BC")) for n in LENGTHS]
    padding = data["padding"]
    low, q1, median, q3, high = map(count, data["paragraphs"])
    note = (
        f"Trained with T = {data['T']}. Mean loss of 20 paragraphs one by one "
        f"{padding['one by one']:.6f}, in one padded batch {padding['together']:.6f}. Paragraphs "
        f"of the text have {low} to {high} words, half of them {q1} to {q3}: in batches of 20, "
        f"{percent(data['padded']['mixed'])} of the places are padding, "
        f"{percent(data['padded']['sorted'])} if they are sorted by length."
    )
    return f"{grid(header, lines, left=0)}\n\n{note}"


def draw(data, figure):
    axes = figure.add_subplot()
    places = np.arange(len(LENGTHS))
    for k, (name, hatch) in enumerate((("B", ""), ("C", "//"))):
        values = [data["read"][name][str(n)] for n in LENGTHS]
        label = {"B": "B: one shared table", "C": f"C: {data['T']} tables"}[name]
        colour = ("#0072b2", "#bbbbbb")[k]
        where = places + 0.4 * k - 0.2
        axes.bar(where, [v or 0 for v in values], 0.38, label=label, color=colour, hatch=hatch)
        for place, value in zip(where, values, strict=True):
            if value is None:
                axes.annotate("cannot", (place, 0), (0, 3), textcoords="offset points", ha="center",
                              rotation=90)  # fmt: skip
    axes.set_xticks(places, [str(n) for n in LENGTHS])
    axes.set(xlabel="time steps read at a time", ylabel="perplexity on held-out text")
    axes.margins(y=0.25)
    axes.legend(loc="upper right", ncols=2)


def quotes(data):
    B = [value for value in data["read"]["B"].values()]
    low, q1, median, q3, high = map(count, data["paragraphs"])
    return {
        "T": str(data["T"]),
        "spread": f"{max(B) - min(B):.2f}",
        "perplexity": f"{B[-1]:.1f}",
        "longest": str(LENGTHS[-1]),
        "paragraph low": low,
        "paragraph high": high,
        "median": median,
        "mixed": percent(data["padded"]["mixed"]),
        "sorted": percent(data["padded"]["sorted"]),
    }
