"""PNG pictures, where Matplotlib (the extra ``plot``) is installed."""

import functools
import io
import warnings
from itertools import product

import numpy as np

from fastembed._errors import as_user_error
from fastembed._files import whole

MISSING = "no picture: Matplotlib is not installed (pip install matplotlib)"


# families that have letters which Matplotlib's own font does not have: those that are there
FONTS = (
    "Noto Sans CJK JP|Noto Sans CJK KR|Noto Sans KR|Noto Sans JP|Malgun Gothic|NanumGothic|"
    "Apple SD Gothic Neo|AppleGothic|Hiragino Sans|Yu Gothic|Meiryo|Microsoft YaHei|PingFang SC|"
    "WenQuanYi Zen Hei|IPAexGothic|Arial Unicode MS|Noto Sans Thai|Noto Sans Devanagari"
).split("|")


def _picture(draw):
    """Draw into a figure, and write it to a path; returns the path, or what is amiss."""

    @functools.wraps(draw)
    def write(path, *given):
        try:
            import matplotlib
            from matplotlib import font_manager

            # no pyplot: it would look for a screen
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except ImportError:
            return MISSING
        except ValueError as error:  # MPLBACKEND
            return f"no picture: {' '.join(str(error).split())}"
        there = {font.name for font in font_manager.fontManager.ttflist}
        fonts = ["DejaVu Sans", *(name for name in FONTS if name in there)]
        data = io.BytesIO()
        with (
            matplotlib.rc_context({"font.family": fonts}),
            warnings.catch_warnings(record=True) as seen,
        ):
            warnings.simplefilter("always")
            figure = Figure(dpi=120, layout="constrained")
            FigureCanvasAgg(figure)
            draw(figure, *given)
            figure.savefig(data, format="png")
        with as_user_error(f"cannot write {path}"):
            whole.write(path, [data.getbuffer()])
        without = any("Glyph" in str(one.message) for one in seen)
        return f"{path}{' (no font that is installed has all letters)' * without}"

    return write


@_picture
def training(figure, ylabel, run):
    """Draw what training measured after each epoch, its learning rate and its speed."""
    *names, rate, speed = run.measures
    figure.set_size_inches(7, 6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    for name, style in zip(names, STYLES, strict=False):
        _line(above, run.history[name], style, name)
    if run.best_epoch:
        above.axvline(run.best_epoch, color="0.6", linewidth=1, zorder=0)
        above.annotate(
            "kept ", (run.best_epoch, 0.95), xycoords=("data", "axes fraction"),
            ha="right" if run.best_epoch > 1 else "left", color="0.4",
        )  # fmt: skip
    above.set(title=type(run.model).__name__, ylabel=ylabel)
    above.legend()
    above.grid(alpha=0.3)
    values = [one for name in names for one in run.history[name]]
    if values and max(values) > 20 * min(values) > 0:
        above.set_yscale("log")
    _line(below, run.history[rate], STYLES[0], rate)
    below.set(xlabel="epoch", ylabel=rate, ylim=(0, None))
    other = below.twinx()
    _line(other, run.history[speed], STYLES[1], speed)
    other.set(ylabel=f"{speed} (dashed)", ylim=(0, 1.15 * max(run.history[speed])))
    below.xaxis.get_major_locator().set_params(integer=True)
    below.margins(x=0.1)
    below.grid(alpha=0.3)


@_picture
def attention(figure, examples):
    """Draw what the decoder looked at (across) for each token of its answer (down).

    Examples are of source, target and weights (len(target), len(source)).
    """
    figure.set_size_inches(9, 3.2 * len(examples))
    grid = figure.subplots(len(examples), 1, squeeze=False)[:, 0]
    for axes, (source, target, weights) in zip(grid, examples, strict=True):
        image = axes.imshow(weights, cmap="Greys", vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(source)), list(map(_shown, source)))
        axes.set_yticks(range(len(target)), list(map(_shown, target)))
        axes.set(xlabel="question", ylabel="answer")
    figure.suptitle("What each token of the answer looked at")
    figure.colorbar(image, ax=list(grid), label="attention weight")


@_picture
def vectors(figure, groups, found):
    """Draw groups of words by their vectors, in two dimensions (PCA of vectors of length 1).

    Groups are lists of words, each with one that is told apart before its neighbours; a word of
    several groups is drawn once. Found is of `fastembed.vectors`.
    """
    figure.set_size_inches(9, 7)
    axes = figure.subplots()
    marks = {word: mark for mark, words in reversed([*enumerate(groups)]) for word in words[::-1]}
    words, first = list(marks), {words[0] for words in groups if words}
    places, shares = _plane(found[words])
    for mark in range(len(groups)):
        own = [k for k, word in enumerate(words) if marks[word] == mark]
        color, shape = COLORS[mark % len(COLORS)], MARKERS[mark % len(MARKERS)]
        axes.scatter(*places[own].T, s=22, color=color, marker=shape, linewidths=1)
    axes.set(title="Word vectors", aspect="equal")
    axes.set_xlabel(f"first principal component ({shares[0]:.0%} of the variance)")
    axes.set_ylabel(f"second ({shares[1]:.0%})")
    axes.margins(0.08)
    axes.grid(alpha=0.3)
    _label(figure, axes, places, words, first)


# what a mark of the vectors' picture can be: dark enough in grey too, and of many shapes
COLORS = ("black", "tab:blue", "tab:red", "tab:green", "tab:purple")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")


def _plane(rows):
    """Places (N, 2) on the two first principal components, and their shares of the variance."""
    rows = np.array(rows, np.float64)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    rows -= rows.mean(axis=0)
    U, s, _ = np.linalg.svd(rows, full_matrices=False)
    s[s < 1e-9] = 0  # rounding is no direction
    U, s = (np.pad(part, [(0, 0)] * (part.ndim - 1) + [(0, 2)]) for part in (U, s))
    return U[:, :2] * s[:2], s[:2] ** 2 / max(float(s @ s), 1e-12)


def _label(figure, axes, places, words, first):
    """Write words beside their points, as near as nothing is written over, with a line if far."""
    figure.draw_without_rendering()  # lays out: what follows is in pixels
    renderer = figure.canvas.get_renderer()
    points = axes.transData.transform(places)
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in points]
    edges = axes.get_window_extent(renderer)
    turns = [(np.cos(a), np.sin(a)) for a in np.linspace(0, 2 * np.pi, 16, endpoint=False)]
    for word, place, (x, y) in zip(words, places, points, strict=True):
        text = axes.annotate(_shown(word), (0, 0), fontsize=8)
        size = text.get_window_extent(renderer)
        w, h = size.width + 6, size.height + 4
        text.remove()
        best = None
        for far, (dx, dy) in product((8, 16, 28, 42, 60, 80), turns):
            left, low = x + far * dx + (dx - 1) * w / 2, y + far * dy + (dy - 1) * h / 2
            box = (left, low, left + w, low + h)
            over = sum(_common(box, other) for other in taken)
            over += w * h - _common(box, (edges.x0, edges.y0, edges.x1, edges.y1))
            if best is None or over < best[0]:
                best = over, far, box
            if over == 0:
                break
        _, far, box = best
        taken.append(box)
        dots = 72 / figure.dpi
        axes.annotate(
            _shown(word), place, ((box[0] + 3 - x) * dots, (box[1] + 2 - y) * dots),
            textcoords="offset points", fontsize=8, in_layout=False,
            bbox=dict(boxstyle="round,pad=0.1", facecolor="none") if word in first else None,
            arrowprops=dict(arrowstyle="-", color="0.6", linewidth=0.6) if far > 16 else None,
        )  # fmt: skip


def _common(a, b):
    """The area that two boxes (left, low, right, high) have in common."""
    return max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))


# told apart in grey too
STYLES = (
    {"color": "0.0", "linestyle": "-", "marker": "o"},
    {"color": "tab:blue", "linestyle": "--", "marker": "s"},
)


def _line(axes, values, style, label):
    axes.plot(range(1, len(values) + 1), values, label=label, markersize=4, **style)


def _shown(token):
    """A token as it can be seen: a space and a line end have no shape."""
    return token.replace(" ", "\u2423").replace("\n", "\u21b5") or "\u2205"
