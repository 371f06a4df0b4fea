"""The goals, each met or missed or not measured, with its figure."""

import math
import statistics

WORD_BYTES = 64  # what a word of the batch and a row of W may cost in memory


def check(data):
    """Hold all goals against the figures.

    Parameters
    ----------
    data : dict
        The document that the benchmark writes as JSON.

    Returns
    -------
    list of dict
        ``what``, ``goal``, ``figure`` (text), and ``met``: True, False, or None: not measured.
    """
    cases = {row["name"]: row for row in data["cases"] if row["cell"]}
    return [
        *_time_embedding(cases),
        *_scatter(cases),
        *_gather(cases),
        *_lstm(cases),
        _at_least(
            "softmax cross-entropy fwd+bwd, 700 × 10k, against the book",
            4,
            _ratios(cases, "TimeSoftmaxWithLoss", "reference"),
        ),
        *_steps(cases),
        *_startup(data.get("startup")),
        _memory(data.get("memory")),
        _bits(data.get("bits")),
        *_interference(data.get("interference")),
    ]


def _ratios(cases, op, other, fits=lambda row: True):
    """name -> times ours, for the float32 cases of an op."""
    return {
        name: row["contenders"][other]["times_ours"]
        for name, row in cases.items()
        if row["op"].startswith(op)
        and row["dtype"] == "float32"
        and fits(row)
        and (row["contenders"].get(other) or {}).get("times_ours")
    }


def _goal(what, goal, figure, met):
    return {"what": what, "goal": goal, "figure": figure, "met": met}


def _missing(what, goal):
    return _goal(what, goal, "not measured", None)


def _at_least(what, bound, ratios):
    """Every ratio must reach the bound."""
    goal = f"≥ {bound:g}×"
    if not ratios:
        return _missing(what, goal)
    worst = min(ratios, key=ratios.get)
    figure = f"{ratios[worst]:.2f}×"
    if len(ratios) > 1:
        figure += f" in the worst of {len(ratios)} cells ({worst})"
    return _goal(what, goal, figure, ratios[worst] >= bound)


def _mean_at_least(what, bound, ratios):
    goal = f"geometric mean ≥ {bound:g}×"
    if not ratios:
        return _missing(what, goal)
    mean = math.exp(statistics.fmean(math.log(ratio) for ratio in ratios.values()))
    return _goal(what, goal, f"{mean:.2f}× over {len(ratios)} cells", mean >= bound)


def _time_embedding(cases):
    for V, D, bound in ((10_000, 100, 60), (10_000, 650, 80), (100_000, 300, 100)):
        found = _ratios(
            cases,
            "TimeEmbedding",
            "reference",
            lambda row, V=V, D=D: (row["sizes"]["V"], row["sizes"]["D"]) == (V, D),
        )
        yield _at_least(f"TimeEmbedding fwd+bwd against the book, V={V} D={D}", bound, found)


def _scatter(cases):
    for other, name, bound, mean in (
        ("torch", "PyTorch", 1.2, 4),
        ("reference", "zero + np.add.at", 5, 10),
    ):
        found = _ratios(cases, "scatter_add", other)
        yield _at_least(f"scatter-add (zeroing included) against {name}", bound, found)
        yield _mean_at_least(f"scatter-add (zeroing included) against {name}", mean, found)


def _gather(cases):
    def large(row):
        return row["sizes"]["n"] * row["sizes"]["D"] * 4 >= 1 << 20

    for other, name in (("torch", "PyTorch"), ("numpy", "np.take(out=)")):
        found = _ratios(cases, "gather", other, large)
        yield _at_least(f"gather against {name}, ≥ 1 MB of output", 1, found)
    shares = _ratios(cases, "gather", "ceiling", large)
    yield _at_least("gather against a copy of as many adjacent rows, same rounds", 0.85, shares)


def _lstm(cases):
    def one(row):
        return row["sizes"]["N"] == row["sizes"]["T"] == 1

    def cell(row):
        return not one(row)

    for part in ("fwd", "fwd+bwd"):
        found = {
            name: ratio
            for name, ratio in _ratios(cases, "lstm fwd", "torch", cell).items()
            if cases[name]["op"] == f"lstm {part}"
        }
        yield _at_least(f"LSTM {part} against torch.nn.LSTM", 1, found)
        yield _mean_at_least(f"LSTM {part} against torch.nn.LSTM", 1.3, found)
    yield _mean_at_least("LSTM against the book", 4, _ratios(cases, "lstm fwd", "reference", cell))
    steps = {
        name: ratio
        for name, ratio in _ratios(cases, "lstm fwd", "torch", one).items()
        if cases[name]["op"] == "lstm fwd"
    }
    yield _at_least("LSTM one step (N=1, T=1) against PyTorch", 10, steps)


def _steps(cases):
    for model, bound in (
        ("Rnnlm", 2.2),
        ("BetterRnnlm", 2.4),
        ("CBOW", 5),
        ("SkipGram", 8),
        ("Seq2seq", 2),
        ("AttentionSeq2seq", 2.5),
    ):
        found = _ratios(cases, f"{model} step", "reference")
        yield _at_least(f"{model} training step against the book", bound, found)


def _at_most(what, bound, seconds, note=""):
    if seconds is None:
        return _missing(what, f"≤ {bound:g} s")
    return _goal(what, f"≤ {bound:g} s", f"{seconds:.2f} s{note}", seconds <= bound)


def _startup(found):
    found = found or {}
    yield _at_most("import fastembed, over import numpy", 0.1, found.get("import_fastembed"))
    calls = found.get("first_call") or {}
    worst = max(calls, key=calls.get) if calls else None
    yield _at_most(
        "first call in a new process, warm cache, over the call itself",
        0.5,
        calls.get(worst),
        f" ({worst}, the slowest of {len(calls)}{_floor(found)})",
    )
    compile_ = found.get("compile") or {}
    yield _at_most("all compilation, cold cache", 15, compile_.get("cold"))


def _floor(found):
    seconds = found.get("first_call_floor")
    return "" if seconds is None else f"; a Numba function that does nothing: {seconds:.2f} s"


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
    what, goal = "embedding kernels at 1, 2, 3, 7 threads", "equal to the last bit"
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
