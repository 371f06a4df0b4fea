"""Drawings that explain, and the frame of all pictures."""

from contextlib import contextmanager

import numpy as np

GREY, BLUE, ORANGE, GREEN = "#e8e8e8", "#9ecae1", "#fdae6b", "#a1d99b"
ROWS = (BLUE, ORANGE, GREEN)


@contextmanager
def picture(path, layout="constrained"):
    """A figure that is written to path at the end; without a layout, cut to what is on it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 4), layout=layout)
    FigureCanvasAgg(figure)
    yield figure
    figure.savefig(
        path, dpi=120, metadata={"Software": None}, bbox_inches=None if layout else "tight"
    )


def draw(folder):
    """Every drawing."""
    for name, size, make in (
        ("rnnlm", (8, 4.6), rnnlm),
        ("lookup", (9, 4.2), lookup),
        ("scatter-add", (9, 4.2), scatter_add),
        ("designs", (9, 4.4), designs),
        ("lstm-steps", (9, 4.6), lstm_steps),
    ):
        with picture(folder / f"{name}.png", None) as figure:
            figure.set_size_inches(size)
            axes = figure.add_subplot()
            make(axes)
            axes.set_aspect("equal")
            axes.axis("off")
            axes.autoscale_view()


def cells(axes, x, y, values, colours, width=1.0, title=None):
    """A matrix: rows of values, a colour for each row or for each cell."""
    from matplotlib.patches import Rectangle

    rows, columns = len(values), len(values[0])
    for r in range(rows):
        for c in range(columns):
            colour = colours[r][c] if isinstance(colours[r], list) else colours[r]
            place = (x + c * width, y - r)
            axes.add_patch(Rectangle(place, width, 1, facecolor=colour, edgecolor="#555555"))
            middle = (place[0] + width / 2, place[1] + 0.5)
            axes.text(*middle, values[r][c], ha="center", va="center", fontsize=9)
    if title:
        axes.text(x + columns * width / 2, y + 1.35, title, ha="center", fontsize=11)


def box(axes, x, y, text, colour=GREY, width=3.0, height=1.0, fontsize=9):
    """A layer."""
    from matplotlib.patches import FancyBboxPatch

    style = "round,pad=0.02,rounding_size=0.15"
    place = (x - width / 2, y - height / 2)
    axes.add_patch(FancyBboxPatch(place, width, height, style, facecolor=colour, edgecolor="#333"))
    axes.text(x, y, text, ha="center", va="center", fontsize=fontsize)


def arrow(axes, begin, end, colour="#333333", dashed=False):
    style = {"arrowstyle": "-|>", "color": colour, "linestyle": "--" if dashed else "-"}
    axes.annotate("", end, begin, arrowprops=style | {"shrinkA": 1, "shrinkB": 1})


def label(axes, x, y, text, **options):
    axes.text(x, y, text, **{"ha": "center", "va": "center", "fontsize": 10} | options)


def rnnlm(axes):
    """Ids through Embedding, LSTM, Affine to a loss, at three time steps."""
    words = ("you", "say", "goodbye")
    for t, (word, id_) in enumerate(zip(words, (0, 1, 2), strict=True)):
        x = 4.5 * t
        label(axes, x, -1.6, f"“{word}”", style="italic")
        label(axes, x, -0.9, f"id {id_}", fontweight="bold")
        for y, name, colour in (
            (0.5, "Embedding: row of W", BLUE),
            (2.3, "LSTM", ORANGE),
            (4.1, "Affine", GREY),
            (5.9, "Softmax with loss", GREY),
        ):
            box(axes, x, y, name, colour, 3.5)
            arrow(axes, (x, y - 1.3 + (0.2 if y < 1 else 0)), (x, y - 0.5))
        label(axes, x + 0.15, 1.4, "D numbers", ha="left", fontsize=8)
        label(axes, x + 0.15, 3.2, "H numbers", ha="left", fontsize=8)
        label(axes, x + 0.15, 5.0, "V scores", ha="left", fontsize=8)
        if t:
            arrow(axes, (x - 2.75, 2.3), (x - 1.75, 2.3))
    label(axes, 4.5, 7.2, "one W, one Wx, one Wh, one b for all time steps")


def _table(axes, x, y, title, marked=()):
    values = [[f"W[{v},{d}]" for d in range(3)] for v in range(5)]
    colours = [GREY] * 5
    for v, colour in marked:
        colours[v] = colour
    cells(axes, x, y, values, colours, 1.6, title)


def lookup(axes):
    """One-hot rows times W are rows of W."""
    ids = (3, 1, 3)
    hot = [["1" if v == k else "0" for v in range(5)] for k in ids]
    colours = [[BLUE if v == k else "white" for v in range(5)] for k in ids]
    cells(axes, 0, 2, hot, colours, 0.8, "one-hot rows (N, V)")
    label(axes, 4.7, 1.5, "·", fontsize=18)
    _table(axes, 5.4, 3, "W (V, D)", ((3, BLUE), (1, ORANGE)))
    label(axes, 10.9, 1.5, "=", fontsize=18)
    out = [[f"W[{k},{d}]" for d in range(3)] for k in ids]
    cells(axes, 11.6, 2, out, [BLUE, ORANGE, BLUE], 1.6, "out (N, D)")
    text = "every row: V · D products, of which all but D are with 0\n"
    text += "gather: out[n] = W[ids[n]], D numbers copied: the same bits"
    label(axes, 8.2, -2.6, text)


def scatter_add(axes):
    """The gradient: rows of dout are added to the rows that were looked up."""
    ids = (3, 1, 3)
    names = [[f"g{n},{d}" for d in range(3)] for n in range(3)]
    cells(axes, 0, 2, names, list(ROWS), 1.3, "dout (N, D)")
    for n, k in enumerate(ids):
        label(axes, -0.9, 2.5 - n, f"id {k}", fontweight="bold")
    values = [["0"] * 3 for _ in range(5)]
    values[1] = [f"g1,{d}" for d in range(3)]
    values[3] = [f"g0,{d} + g2,{d}" for d in range(3)]
    colours = [GREY, ORANGE, GREY, "#c8cfa8", GREY]
    cells(axes, 8, 3, values, colours, 2.2, "dW (V, D)")
    for n, k in enumerate(ids):
        arrow(axes, (3.9, 2.5 - n), (8, 3.5 - k))
    for v in range(5):
        label(axes, 15.0, 3.5 - v, f"row {v}", fontsize=8)
    text = "an id that comes twice: its gradients are added up\n"
    text += "one-hotᵀ · dout says the same with V · D products for every n"
    label(axes, 7.2, -2.6, text)


def designs(axes):
    """The three designs at three time steps."""
    for k, (title, below, shared) in enumerate(
        (
            ("A: T objects, one W", "T gradients of V × D, added up", "arrows"),
            ("B: one shared layer", "one gradient of V × D", "one"),
            ("C: T tables", "T · V · D parameters", "many"),
        )
    ):
        x = 8.0 * k
        label(axes, x + 2.4, 5.6, title, fontsize=12)
        label(axes, x + 2.4, -1.6, below)
        if shared == "one":
            box(axes, x + 2.4, 2.0, "Embedding", GREY, 6.6)
            box(axes, x + 2.4, 4.1, "W", BLUE, 1.8)
            arrow(axes, (x + 2.4, 3.6), (x + 2.4, 2.5))
        for t in range(3):
            place = x + 2.4 * t
            label(axes, place, -0.4, f"ids of t = {t}", fontsize=8)
            arrow(axes, (place, -0.05), (place, 1.5))
            if shared == "one":
                continue
            box(axes, place, 2.0, "Embed.", GREY, 2.0)
            if shared == "many":
                box(axes, place, 4.1, f"W{t}", ROWS[t], 1.6)
                arrow(axes, (place, 3.6), (place, 2.5))
            else:
                arrow(axes, (x + 2.4, 3.6), (place, 2.5))
        if shared == "arrows":
            box(axes, x + 2.4, 4.1, "W", BLUE, 1.8)


def lstm_steps(axes):
    """What can be made for many steps at once, and what must wait."""
    label(axes, 4.2, 5.9, "as in the book: at each step t", fontsize=11)
    for t in range(3):
        x = 1.2 + 3 * t
        box(axes, x, 4.6, "x·Wx + h·Wh", BLUE, 2.7)
        box(axes, x, 3.2, "4 slices", GREY, 2.7)
        box(axes, x, 1.8, "σ σ σ tanh", GREY, 2.7)
        box(axes, x, 0.4, "c, h", ORANGE, 2.7)
        for y in (4.6, 3.2, 1.8):
            arrow(axes, (x, y - 0.5), (x, y - 0.9))
        if t:
            arrow(axes, (x - 1.65, 0.4), (x - 1.35, 4.4), dashed=True)
    label(axes, 15.6, 5.9, "packed: one kernel for the sequence", fontsize=11)
    box(axes, 15.6, 4.6, "x·Wx of many steps at once", BLUE, 9.6)
    for t in range(3):
        x = 12.4 + 3.2 * t
        box(axes, x, 2.5, "h·Wh, gates\nin registers", ORANGE, 2.9, 1.5)
        arrow(axes, (x, 4.1), (x, 3.25))
        if t:
            arrow(axes, (x - 1.75, 2.5), (x - 1.45, 2.5))
    gates = [list("fgio") * 3]
    shades = [np.array(["#fdd0a2", "#fdae6b", "#fd8d3c", "#e6a15c"] * 3).tolist()]
    cells(axes, 10.8, 0.2, gates, shades, 0.8)
    label(axes, 15.6, -0.4, "the four gates of a block of units lie side by side", fontsize=9)
