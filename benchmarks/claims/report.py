"""Numbers as words, tables, and the look of the pictures: told apart also in grey."""

from benchmarks.markdown import table as grid
from fastembed.bench.report import seconds, times

__all__ = ["LOOK", "count", "curve", "grid", "mean", "percent", "seconds", "size", "times"]

# Okabe and Ito's colours, whose greys differ, each with a marker and a dash of its own
LOOK = {
    "A": {"color": "#d55e00", "marker": "s", "linestyle": "--"},
    "B": {"color": "#0072b2", "marker": "o", "linestyle": "-"},
    "C": {"color": "#000000", "marker": "^", "linestyle": ":"},
    "other": {"color": "#009e73", "marker": "D", "linestyle": "-."},
    "last": {"color": "#cc79a7", "marker": "v", "linestyle": (0, (5, 1))},
}


def curve(axes, x, values, look, label):
    """A line through medians with quartiles, or through means with intervals."""
    if "half" in values[0]:
        middle = [v["mean"] for v in values]
        spread = [v["half"] for v in values]
    else:
        middle = [v["median"] for v in values]
        low, high = ([abs(v[k] - v["median"]) for v in values] for k in ("low", "high"))
        spread = [low, high]
    axes.errorbar(x, middle, spread, capsize=3, label=label, **LOOK[look])


def count(number):
    """A whole number with its thousands set apart."""
    return f"{number:,}"


def percent(share, digits=0):
    return f"{100 * share:.{digits}f} %"


def mean(found, digits=1):
    """A mean and half of its 95 % confidence interval."""
    return f"{found['mean']:.{digits}f} ± {found['half']:.{digits}f}"


def size(number):
    """Bytes."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:.3g} {unit}"
        number /= 1000
