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


def curves(path, title, ylabel, lines):
    """Draw values per epoch: lines is a dict of label -> one value an epoch.

    Returns the path, or a line that says how to get pictures.
    """
    try:
        figure = _figure()
    except ImportError:
        return MISSING
    axes = figure.add_subplot()
    for label, values in lines.items():
        axes.plot(range(1, len(values) + 1), values, marker="o", label=label)
    axes.set(title=title, xlabel="epoch", ylabel=ylabel)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.legend()
    return _write(figure, path)


def attention(path, examples):
    """Draw what the decoder looked at (across) for each character (down).

    Examples are of source, target and weights (len(target), len(source)). Returns the path, or a
    line that says how to get pictures.
    """
    try:
        figure = _figure()
    except ImportError:
        return MISSING
    figure.set_size_inches(9, 3.2 * len(examples))
    for axes, (source, target, weights) in zip(
        figure.subplots(len(examples), 1, squeeze=False)[:, 0], examples, strict=True
    ):
        axes.imshow(weights, cmap="Greys", vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(source)), list(source))
        axes.set_yticks(range(len(target)), list(target))
    return _write(figure, path)
