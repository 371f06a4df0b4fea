"""Pictures of the document."""

from pathlib import Path

from benchmarks.goals import PEERS, best_peer
from fastembed.bench.report import times

LOOK = {
    "ours": ("#1b7837", "fastembed"),
    "reference": ("#999999", "NumPy, as in the book"),
    "numpy": ("#666666", "NumPy"),
    "torch": ("#d6604d", "PyTorch"),
}


def all_plots(data, folder):
    """Write speed.png, drawn.png, threads.png and layers.png, as far as there are figures."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = {folder / f"{draw.__name__}.png": draw for draw in (speed, drawn, threads, layers)}
    return [path for path, draw in paths.items() if draw(data, path)]


def _subplots(*shape, **options):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot.subplots(*shape, **options)


def _rows(data, title):
    return [row for row in data["cases"] if row["section"] == title]


def headline(data):
    """The rows that README shows, with short labels."""
    wanted = (
        ("TimeEmbedding fwd+bwd", {"V": 10_000, "D": 100}, "TimeEmbedding, 10k words × 100"),
        ("TimeEmbedding fwd+bwd", {"V": 10_000, "D": 650}, "TimeEmbedding, 10k words × 650"),
        ("scatter_add zero", {"V": 100_000, "D": 300}, "scatter-add, 100k × 300"),
        ("scatter_add zero", {"V": 30_000, "D": 768}, "scatter-add, 30k × 768"),
        ("gather out", {"V": 30_000, "D": 768}, "gather, 30k × 768"),
        ("lstm fwd+bwd", {"N": 20, "H": 100}, "LSTM, 20 × 35 steps, H = 100"),
        ("lstm fwd+bwd", {"N": 20, "H": 650}, "LSTM, 20 × 35 steps, H = 650"),
        ("lstm fwd+bwd", {"N": 64, "H": 256}, "LSTM, 64 × 50 steps, H = 256"),
        ("lstm fwd", {"N": 1, "T": 1}, "LSTM, one step forward"),
        ("TimeSoftmaxWithLoss fwd+bwd", {}, "softmax cross-entropy, 700 × 10k"),
        ("Rnnlm step", {}, "training step, Rnnlm"),
        ("BetterRnnlm step", {}, "training step, BetterRnnlm"),
        ("CBOW step", {}, "training step, CBOW"),
        ("SkipGram step", {}, "training step, SkipGram"),
        ("Seq2seq step", {}, "training step, Seq2seq"),
        ("AttentionSeq2seq step", {}, "training step, AttentionSeq2seq"),
    )
    for op, sizes, label in wanted:
        for row in data["cases"]:
            if (
                row["op"] == op
                and not row["drawn"]
                and row["ids"] in ("", "zipf")
                and sizes.items() <= row["sizes"].items()
                and "ours" in row["contenders"]
            ):
                yield label, row
                break


def speed(data, path):
    """Bars: how many times our time the others need."""
    rows = list(headline(data))[::-1]
    if not rows:
        return False
    figure, axes = _subplots(figsize=(8, 0.42 * len(rows) + 1.2))
    height = 0.38
    for offset, who in ((height / 2, "reference"), (-height / 2, "torch")):
        places, values = [], []
        for k, (_, row) in enumerate(rows):
            value = row["contenders"].get(who, {}).get("times_ours")
            if value:
                places.append(k + offset)
                values.append(value)
        axes.barh(places, values, height, color=LOOK[who][0], label=LOOK[who][1])
        for place, value in zip(places, values, strict=True):
            axes.annotate(
                times(value),
                (value, place),
                (3, 0),
                va="center",
                fontsize=8,
                textcoords="offset points",
            )
    axes.axvline(1, color=LOOK["ours"][0], linewidth=2)
    axes.set_xscale("log")
    left, right = axes.get_xlim()
    axes.set_xlim(min(left, 0.5), right * 2)
    axes.set_yticks(range(len(rows)), [label for label, _ in rows], fontsize=9)
    axes.set_xlabel("time, in times that of fastembed (green line); longer is slower")
    axes.legend(loc="lower right", fontsize=9, frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return _save(figure, path)


def drawn(data, path):
    """Drawn cells by the time that ours needs: how many times that the best peer needs."""
    by_section = {}
    for row in data["cases"]:
        if row["drawn"] and "ours" in row["contenders"] and best_peer(row)[0]:
            by_section.setdefault(row["section"], []).append(row)
    if not by_section:
        return False
    figure, grid = _subplots(
        1, len(by_section), figsize=(4.5 * len(by_section), 4), squeeze=False, sharey=True
    )
    for axes, (title, rows) in zip(grid[0], by_section.items(), strict=True):
        for who in PEERS:
            points = [
                (row["contenders"]["ours"]["median"] * 1e6, best_peer(row)[1])
                for row in rows
                if best_peer(row)[0] == who
            ]
            if points:
                axes.plot(*zip(*points, strict=True), ".", color=LOOK[who][0], label=LOOK[who][1])
        axes.axhline(1, color=LOOK["ours"][0], linewidth=2)
        axes.set(xscale="log", yscale="log", title=title, xlabel="µs of fastembed")
        axes.legend(fontsize=8, title="best peer")
    grid[0, 0].set_ylabel("time of the best peer, in fastembed's")
    figure.tight_layout()
    return _save(figure, path)


def threads(data, path):
    """Speed-up over one thread."""
    rows = _rows(data, "threads")
    if not rows:
        return False
    figure, axes = _subplots(figsize=(6, 4))
    for row in rows:
        found = {
            int(who.split("-")[1]): figures["median"]
            for who, figures in row["contenders"].items()
            if who.startswith("ours-")
        }
        if 1 in found:
            counts = sorted(found)
            axes.plot(counts, [found[1] / found[k] for k in counts], "o-", label=row["name"])
    axes.set(xlabel="threads", ylabel="times as fast as one thread")
    axes.legend(fontsize=7)
    return _save(figure, path)


def layers(data, path):
    """Training steps by layer: ours beside the reference."""
    from matplotlib import colormaps

    rows = [
        row
        for row in _rows(data, "steps")
        if all(row["contenders"].get(who, {}).get("detail") for who in ("ours", "reference"))
    ]
    if not rows:
        return False
    figure, grid = _subplots(1, len(rows), figsize=(2.6 * len(rows), 5), squeeze=False)
    names = {
        name: None
        for row in rows
        for who in ("reference", "ours")
        for name in row["contenders"][who]["detail"]
    }
    colours = {name: colormaps["tab20"](k % 20) for k, name in enumerate(names)}
    used = {}
    for axes, row in zip(grid[0], rows, strict=True):
        for place, who in enumerate(("reference", "ours")):
            bottom = 0.0
            for name, value in row["contenders"][who]["detail"].items():
                used[name] = axes.bar(place, value * 1e3, 0.7, bottom, color=colours[name])
                bottom += value * 1e3
        axes.set_xticks((0, 1), ("NumPy", "fastembed"), fontsize=8)
        axes.set_title(row["op"].removesuffix(" step"), fontsize=9)
    grid[0, 0].set_ylabel("ms a step")
    figure.legend(
        used.values(), used.keys(), loc="center left", bbox_to_anchor=(1, 0.5), fontsize=7
    )
    figure.tight_layout()
    return _save(figure, path)


def _save(figure, path):
    from matplotlib import pyplot

    figure.savefig(path, dpi=120, bbox_inches="tight")
    pyplot.close(figure)
    return True
