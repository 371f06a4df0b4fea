"""README's speed table and picture, written from a run's figures between two markers."""

from pathlib import Path

from benchmarks import markdown, plots
from fastembed.bench.report import seconds, times

BEGIN, END = "<!-- speed: begin -->", "<!-- speed: end -->"
PICTURE = Path("docs") / "img" / "speed.png"


def section(data):
    """The text between the markers."""
    lines = []
    for label, row in plots.headline(data):
        who = row["contenders"]
        book, torch = (who.get(name, {}).get("times_ours") for name in ("reference", "torch"))
        lines.append(
            (label, seconds(who["ours"]["median"]), times(book) or "–", times(torch) or "–")
        )
    header = ("case", "fastembed", "NumPy, as in the book", "PyTorch")
    versions = data["versions"]
    missing = "".join(f" Not measured: {name} ({why})." for name, why in data["missing"].items())
    return "\n".join(
        (
            f"![Times of NumPy and PyTorch in units of fastembed's]({PICTURE.as_posix()})",
            "",
            markdown.table(header, lines),
            "",
            f"Medians of interleaved rounds; the last two columns are times in units of "
            f"fastembed's. {data['machine']['cpu']}, {data['machine']['cpus']} CPUs; "
            f"{'; '.join(versions[k] for k in ('ours', 'reference', 'torch') if k in versions)}. "
            f"Each contender ran in a process of its own.{missing} Measured by "
            f"`{data['command']}`, written here by `python -m benchmarks --readme FILE`.",
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
    plots.speed(data, picture)
    path.write_text(f"{before}{BEGIN}\n{section(data)}\n{END}{after}", "utf-8")
    return [path, picture]
