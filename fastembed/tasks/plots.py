"""PNG pictures, where Matplotlib (the extra ``plot``) is installed."""

import io

from fastembed._files import whole
from fastembed.tasks.values import UserError, reason

MISSING = "no picture: Matplotlib is not installed (pip install matplotlib)"


def _figure():
    # no pyplot: it would look for a screen
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _write(figure, path):
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=120)
    try:
        whole.write(path, data.getbuffer())
    except OSError as error:
        raise UserError(f"cannot write {path}: {reason(error)}") from None
    return str(path)


def training(path, ylabel, run):
    """Draw what training measured after each epoch, its learning rate and its speed.

    Returns the path, or a line that says how to get pictures.
    """
    try:
        figure = _figure()
    except ImportError:
        return MISSING
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
    return _write(figure, path)


def attention(path, examples):
    """Draw what the decoder looked at (across) for each token of its answer (down).

    Examples are of source, target and weights (len(target), len(source)). Returns the path, or a
    line that says how to get pictures.
    """
    try:
        figure = _figure()
    except ImportError:
        return MISSING
    figure.set_size_inches(9, 3.2 * len(examples))
    grid = figure.subplots(len(examples), 1, squeeze=False)[:, 0]
    for axes, (source, target, weights) in zip(grid, examples, strict=True):
        image = axes.imshow(weights, cmap="Greys", vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(source)), list(map(_shown, source)))
        axes.set_yticks(range(len(target)), list(map(_shown, target)))
        axes.set(xlabel="question", ylabel="answer")
    figure.suptitle("What each token of the answer looked at")
    figure.colorbar(image, ax=list(grid), label="attention weight")
    return _write(figure, path)


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
