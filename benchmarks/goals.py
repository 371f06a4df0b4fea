"""The goals, each met or missed or not measured, with its figure."""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import vectors, word2vec
from benchmarks.cases import LAYER_OPS
from benchmarks.table import DRAWN, STEPS
from fastembed.bench.report import seconds
from fastembed.bench.table import LOOKUPS

WORD_BYTES = 64  # what a word of the batch and a row of W may cost in memory
PEERS = ("reference", "numpy", "torch")  # who may be better than ours


def best_peer(row, among=PEERS):
    """The contender that comes nearest to ours or beats it, and its times_ours."""
    found = {name: row["contenders"].get(name, {}).get("times_ours") for name in among}
    found = {name: times for name, times in found.items() if times}
    return min(found.items(), key=lambda item: item[1]) if found else (None, None)


def spread(ratios):
    """Of many ratios: the share of those from 0.95 on, the least one, and the geometric mean."""
    return (
        sum(ratio >= 0.95 for ratio in ratios) / len(ratios),
        min(ratios),
        math.exp(statistics.fmean(math.log(ratio) for ratio in ratios)),
    )


@dataclass(frozen=True)
class Race:
    """Others' times in ours, over some cells."""

    what: str
    ops: tuple
    others: tuple  # the best of them in each cell is raced against
    worst: float | None = None  # least ratio of a cell
    mean: float | None = None  # geometric mean of all
    share: float | None = None  # of the cells from 0.95× on
    drawn: bool | None = False  # only drawn cells, only named ones, or both
    fits: Callable = lambda s: True  # which sizes are meant

    def check(self, rows):
        ratios = {row["name"]: best_peer(row, self.others)[1] for row in filter(self._means, rows)}
        ratios = {name: ratio for name, ratio in ratios.items() if ratio}
        share, worst, mean = spread(ratios.values()) if ratios else (0, 0, 0)
        parts = [
            (f"≥ 0.95× in {self.share or 0:.0%} of cells", self.share, share, f"{share:.0%}"),
            (f"≥ {self.worst or 0:g}× in each", self.worst, worst, f"{worst:.2f}×"),
            (f"geometric mean ≥ {self.mean or 0:g}×", self.mean, mean, f"{mean:.2f}×"),
        ]
        parts = [part for part in parts if part[1] is not None]
        goal = ", ".join(text for text, *_ in parts)
        if not ratios:
            return _missing(self.what, goal)
        figure = ", ".join(text for *_, text in parts)
        if len(ratios) > 1:
            figure += f" over {len(ratios)} cells, worst: {min(ratios, key=ratios.get)}"
        met = all(reached >= wanted for _, wanted, reached, _ in parts)
        return _goal(self.what, goal, figure, met)

    def _means(self, row):
        return (
            row["op"] in self.ops
            and row["dtype"] == "float32"
            and row["section"] != "threads"
            and self.drawn in (None, row["drawn"])
            and self.fits(row["sizes"])
        )


def _sizes(**wanted):
    return lambda s: wanted.items() <= s.items()


def _one_step(s):
    return s["N"] == s["T"] == 1


def _sequence(s):
    return not _one_step(s)


def _named(s):
    return s in LOOKUPS


def _large(s):
    return s["n"] * s["D"] * 4 >= 1 << 20


BOOK, TORCH, BEST = ("reference",), ("torch",), PEERS
BOOK_STEPS = {
    "Rnnlm": 2.2,
    "BetterRnnlm": 2.4,
    "CBOW": 5,
    "SkipGram": 8,
    "Seq2seq": 2,
    "AttentionSeq2seq": 2.5,
}
LOOKUP_OPS = ("gather", "gather out", "scatter_add", "scatter_add zero")
BAG_OPS = tuple(DRAWN["bags"])
BEST_OF_BOTH = "drawn sizes, against the best of NumPy and PyTorch"
FORWARD = "against PyTorch under no_grad"
EMBEDDING, LOSS = "TimeEmbedding fwd+bwd", "TimeSoftmaxWithLoss fwd+bwd"
LSTM = ("lstm fwd", "lstm fwd+bwd")
LENGTHS = tuple(f"{cell} {part} lengths" for cell in ("lstm", "gru") for part in ("fwd", "fwd+bwd"))
SPARSE_STEPS = "sparse SparseSGD step", "sparse LazyAdam step", "sparse CBOW step"
MAPPED = ("gather mapped",)
READERS = ("gensim", "loop", *vectors.READERS)
RACES = [
    # sizes that nobody has chosen
    *(Race(f"{op}, {BEST_OF_BOTH}", (op,), BEST, 0.8, 1.5, 0.95, drawn=True) for op in LOOKUP_OPS),
    Race("EmbeddingBag, drawn sizes, against PyTorch", BAG_OPS, TORCH, 1, 1.5, drawn=True),
    # never slower: equal functions differ by as much from run to run
    Race(
        "every layer, optimizer and function of the book, drawn sizes, against the book's",
        *(tuple(LAYER_OPS), BOOK, 0.95, 3),
        drawn=True,
    ),
    *(
        Race(f"{cell.upper()} fwd {FORWARD}, all sizes", (f"{cell} fwd",), TORCH, 1, drawn=None)
        for cell in ("lstm", "gru", "rnn")
    ),
    Race(f"LSTM one step (N=1, T=1) {FORWARD}", LSTM[:1], TORCH, 20, fits=_one_step),
    *(Race(f"{step.op} against PyTorch", (step.op,), TORCH, 1.2) for step in STEPS),
    # sizes that were chosen
    *(
        Race(f"{EMBEDDING} against the book, V={V} D={D}", (EMBEDDING,), BOOK, bound, fits=fits)
        for V, D, bound in ((10_000, 100, 60), (10_000, 650, 80), (100_000, 300, 100))
        for fits in [_sizes(V=V, D=D)]
    ),
    *(
        Race(f"scatter-add with zeroing against {name}", LOOKUP_OPS[3:], *bounds, fits=_named)
        for name, *bounds in (
            ("PyTorch", TORCH, 1.2, 4),
            ("zero + np.add.at", BOOK, 5, 10),
        )
    ),
    *(
        Race(f"gather out against {name}, ≥ 1 MB", LOOKUP_OPS[1:2], *bounds, fits=_large)
        for name, *bounds in (
            ("PyTorch", TORCH, 1),
            ("np.take(out=)", ("numpy",), 1),
            ("a copy of as many adjacent rows, same rounds", ("ceiling",), 0.85),
        )
    ),
    *(Race(f"LSTM {op[5:]} against PyTorch", (op,), TORCH, 1, 1.3, fits=_sequence) for op in LSTM),
    Race("lengths, about half of the steps padding, against padded", LENGTHS, ("padded",), 1.7),
    Race("lengths against PyTorch packed, all sizes", LENGTHS, TORCH, 1.2, drawn=None),
    Race("sparse step, V = 1M, in it one of V = 20k", SPARSE_STEPS, ("small",), 0.77),
    Race(
        "gather from a file in the page cache, in it one from memory", MAPPED, ("in memory",), 0.9
    ),
    Race("an epoch of word2vec against gensim", tuple(word2vec.OPS), ("gensim",), 1.2),
    Race("reading word vectors against the fastest of others", tuple(vectors.OPS), READERS, 1),
    Race("LSTM against the book", LSTM, BOOK, mean=4, fits=_sequence),
    Race("softmax cross-entropy fwd+bwd, 700 × 10k, against the book", (LOSS,), BOOK, 4),
    *(
        Race(f"{model} step against the book", (f"{model} step",), BOOK, bound)
        for model, bound in BOOK_STEPS.items()
    ),
]
# unedited scripts of the book through `python -m fastembed run`, against python: seconds a step
SCRIPTS = {
    "Rnnlm": 2.3,
    "BetterRnnlm": 2.6,
    "Seq2seq": 2.2,
    "PeekySeq2seq": 2.2,
    "AttentionSeq2seq": 2.7,
    "CBOW": 8,
    "SkipGram": 20,
    "ch03": 1.3,
    "ch05": 2,
}


# what is measured in seconds, by the beginning of its name
AT_MOST = {
    "gather of one id, checked": 4e-7,
    "handing out slices, workers awake": 1e-6,
    "handing out slices, workers asleep": 2.5e-5,
    "import fastembed, over import numpy": 0.1,
    "first call of ": 0.5,
    "first call after import numba of ": 0.15,
    "fastembed warmup, cold cache": 15,
}


def check(data):
    """Hold all goals against the figures of a document.

    Returns
    -------
    list of dict
        ``what``, ``goal``, ``figure`` (text), and ``met``: True, False, or None: not measured.
    """
    return [
        *(race.check(data["cases"]) for race in RACES),
        *_scripts(data.get("scripts") or {}),
        *_times(data.get("times") or {}),
        _memory(data.get("memory")),
        _bits(data.get("bits")),
        *_interference(data.get("interference")),
    ]


def _goal(what, goal, figure, met):
    return {"what": what, "goal": goal, "figure": figure, "met": met}


def _missing(what, goal):
    return _goal(what, goal, "not measured", None)


def _scripts(found):
    for name, bound in SCRIPTS.items():
        what, goal = f"the book's {name} script, unedited, against python", f"≥ {bound:g}×"
        if name not in found:
            yield _missing(what, goal)
            continue
        ratio = found[name]["python"] / found[name]["run"]
        yield _goal(what, goal, f"{ratio:.2f}×", ratio >= bound)


def _times(found):
    """Seconds of the slowest of those whose name begins alike, and how much quicker gather is."""
    for what, bound in AT_MOST.items():
        times = {name: value for name, value in found.items() if name.startswith(what)}
        if not times:
            yield _missing(what, f"≤ {seconds(bound)}")
            continue
        worst = max(times, key=times.get)
        figure = seconds(times[worst]) + (f" ({worst})" if worst != what else "")
        yield _goal(what, f"≤ {seconds(bound)}", figure, times[worst] <= bound)
    what, goal = "np.take of one id against the checked gather", "≥ 2×"
    ours, take = (found.get(name) for name in ("gather of one id, checked", "np.take of one id"))
    if ours and take:
        yield _goal(what, goal, f"{take / ours:.2f}×", take >= 2 * ours)
    else:
        yield _missing(what, goal)


def _memory(found):
    what = "memory of TimeEmbedding backward beyond its outputs"
    goal = f"O(N·T + V): ≤ {WORD_BYTES} bytes each"
    if not found:
        return _missing(what, goal)
    worst, figures = 0.0, []
    for row in found:
        allowed = WORD_BYTES * (row["N"] * row["T"] + row["V"])
        worst = max(worst, row["ours"] / allowed)
        figures.append(f"{row['ours'] / 1e6:.3f} MB (book {row['reference'] / 1e6:.0f} MB)")
    return _goal(what, goal, ", ".join(figures), worst <= 1)


def _bits(found):
    what, goal = "kernels of tables at 1, 2, 3, 7 threads", "equal to the last bit"
    if not found:
        return _missing(what, goal)
    wrong = [name for name, equal in found.items() if not equal]
    return _goal(what, goal, ", ".join(wrong) or f"equal in {len(found)} cases", not wrong)


def _interference(found):
    names = {
        "two threads": "two threads of a program",
        "np.dot": "np.dot between our calls",
        "torch": "PyTorch in the same process",
    }
    for other, text in names.items():
        ratios = {
            name: figures["ratio"]
            for key, figures in (found or {}).items()
            for name, partner in [key.split(" / ")]
            if partner == other and figures
        }
        if not ratios:
            yield _missing(f"{text}, against the time alone", "≤ 1.3×")
            continue
        worst = max(ratios, key=ratios.get)
        figure = f"{ratios[worst]:.2f}× ({worst}, the worst of {len(ratios)})"
        yield _goal(f"{text}, against the time alone", "≤ 1.3×", figure, ratios[worst] <= 1.3)
