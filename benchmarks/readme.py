"""README's speed table and picture, written from a run's figures between two markers."""

from pathlib import Path

from benchmarks import markdown
from fastembed.bench.report import seconds, times

BEGIN, END = "<!-- speed: begin -->", "<!-- speed: end -->"
PICTURE = Path("docs") / "img" / "speed.png"


OURS = "#1b7837"
# a colour, a name, and on which side of a row: PyTorch and gensim never share one
LOOK = {
    "reference": ("#999999", "NumPy, as in the book", 1),
    "torch": ("#d6604d", "PyTorch", -1),
    "gensim": ("#4393c3", "gensim", -1),
}


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
        ("PeekySeq2seq step", {}, "training step, PeekySeq2seq"),
        ("AttentionSeq2seq step", {}, "training step, AttentionSeq2seq"),
        ("embedding_bag sum fwd+bwd", {"V": 100_000}, "EmbeddingBag, 100k × 300"),
        ("lstm fwd+bwd lengths", {"N": 64}, "LSTM with lengths, 64 × 50 steps, H = 256"),
        ("sparse LazyAdam step", {}, "sparse step of Adam, 1M words × 128"),
        ("word2vec CBOW", {"D": 100}, "word2vec, an epoch of CBOW, D = 100"),
        ("word2vec skip-gram", {"D": 100}, "word2vec, an epoch of skip-gram, D = 100"),
        ("load text", {"V": 20_000}, "word vectors as text, 20k × 300"),
        ("load binary", {}, "word vectors, binary, 400k × 300"),
    )
    for op, sizes, label in wanted:
        for row in data["cases"]:
            if (
                row["op"] == op
                and not row["drawn"]
                and row["ids"] in ("", "zipf", "reference")
                and sizes.items() <= row["sizes"].items()
                and "ours" in row["contenders"]
            ):
                yield label, row
                break


def picture_of(data, path):
    """Bars: how many times our time the others need."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = list(headline(data))[::-1]
    figure, axes = pyplot.subplots(figsize=(8, 0.42 * len(rows) + 1.2))
    height = 0.38
    for who, (colour, label, side) in LOOK.items():
        places, values = [], []
        for k, (_, row) in enumerate(rows):
            value = row["contenders"].get(who, {}).get("times_ours")
            if value:
                places.append(k + side * height / 2)
                values.append(value)
        axes.barh(places, values, height, color=colour, label=label)
        for place, value in zip(places, values, strict=True):
            axes.annotate(
                times(value),
                (value, place),
                (3, 0),
                va="center",
                fontsize=8,
                textcoords="offset points",
            )
    axes.axvline(1, color=OURS, linewidth=2)
    axes.set_xscale("log")
    left, right = axes.get_xlim()
    axes.set_xlim(min(left, 0.5), right * 2)
    axes.set_yticks(range(len(rows)), [label for label, _ in rows], fontsize=9)
    axes.set_xlabel("time, in times that of fastembed (green line); longer is slower")
    axes.legend(loc="lower right", fontsize=9, frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, dpi=120, bbox_inches="tight")
    pyplot.close(figure)


def commands(data):
    """The command, and whether parts were measured by others, see ``--onto``."""
    first, *others = data["command"].split("; ")
    return f"`{first}`" + (
        " and, part by part, with `--only PART --onto out.json`" if others else ""
    )


def section(data):
    """The text between the markers."""
    lines = []
    for label, row in headline(data):
        who = row["contenders"]
        others = (times(who.get(name, {}).get("times_ours")) or "–" for name in LOOK)
        lines.append((label, seconds(who["ours"]["median"]), *others))
    header = ("case", "fastembed", *(name for _, name, _ in LOOK.values()))
    versions = data["versions"]
    missing = "".join(f" Not measured: {name} ({why})." for name, why in data["missing"].items())
    return "\n".join(
        (
            f"![Times of NumPy, PyTorch and gensim in units of fastembed's]({PICTURE.as_posix()})",
            "",
            markdown.table(header, lines),
            "",
            f"Medians of interleaved rounds; the other columns are times in units of "
            f"fastembed's. {data['machine']['cpu']}, {data['machine']['cpus']} CPUs; "
            f"{'; '.join(versions[k] for k in ('ours', *LOOK) if k in versions)}. "
            f"Each contender ran in a process of its own.{missing} Measured by "
            f"{commands(data)}, written here by `python -m benchmarks --readme FILE`.",
        )
    )


def write(data, root="."):
    """Rewrite README.md's marked section and the picture; return what was written.

    Raises
    ------
    ValueError
        If README.md does not have the two markers once each, in order.
    """
    root = Path(root)
    path = root / "README.md"
    text = path.read_text("utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"{path} must have the lines {BEGIN} and {END} once each")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    picture = root / PICTURE
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture_of(data, picture)
    path.write_text(f"{before}{BEGIN}\n{section(data)}\n{END}{after}", "utf-8")
    return [path, picture]
