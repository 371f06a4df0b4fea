"""A task in which the meaning of an id depends on its position: where T tables may make sense."""

import numpy as np

from benchmarks.claims import language
from benchmarks.claims.designs import Positions, Separate, Shared
from benchmarks.claims.measure import interval
from benchmarks.claims.report import count, curve, grid, percent
from fastembed.optimizer import Adam

TITLE = "Where the meaning of an id depends on its position"
SEEDS = range(1, 6)
V, T, D, H = 40, 10, 16, 32  # ids, positions, widths
TASKS = {
    "own": "a dictionary for each position",
    "shift": "one dictionary, turned on by the position",
    "none": "one dictionary for all positions",
}
NAMES = {
    "B": "one table",
    "C": "T tables",
    "P": "one table and position vectors",
}
LOOKS = {"B": "B", "C": "C", "P": "other"}


def run(quick):
    sizes = (20, 80, 320) if quick else (20, 40, 80, 160, 320, 1280)
    steps = 400 if quick else 2000
    found = {"V": V, "T": T, "steps": steps, "seeds": len(SEEDS), "tasks": {}}
    designs = {"B": Shared, "C": lambda W: Separate(W, T), "P": lambda W: Positions(W, T)}
    for task in TASKS:
        found["tasks"][task] = [
            {
                "sequences": size,
                **{
                    name: interval([_right(design, task, size, steps, s) for s in SEEDS])
                    for name, design in designs.items()
                },
            }
            for size in sizes
        ]
    return found


def _draw(task, count, rng, dictionary):
    """Sequences of ids, and what each id means where it stands."""
    xs = rng.integers(0, V, (count, T))
    if task == "own":
        return xs, dictionary[np.arange(T), xs]
    turned = np.arange(T) if task == "shift" else 0
    return xs, dictionary[0][(xs + turned) % V]


def _right(design, task, size, steps, seed):
    """The share of new ids that are understood after training."""
    rng = np.random.default_rng(seed)
    np.random.seed(seed)
    dictionary = np.array([rng.permutation(V) for _ in range(T)])
    xs, ts = _draw(task, size, rng, dictionary)
    lm = language.model(design, V, D, H)
    lm.lstm_layer.stateful = False  # the first word of a sequence is at position 0
    optimizer = Adam(0.01)
    for step in range(steps):
        rows = rng.integers(0, size, 32)
        lm.forward(xs[rows], ts[rows])
        lm.backward()
        optimizer.lr = 0.01 * (1 - step / steps)
        optimizer.update(lm.params, lm.grads)
    xs, ts = _draw(task, 500, rng, dictionary)
    return float((lm.predict(xs).argmax(axis=2) == ts).mean())


def table(data):
    header = ("task", "sequences", *(f"{label}, right" for label in NAMES.values()))
    lines = [
        (TASKS[task], count(r["sequences"]))
        + tuple(f"{100 * r[k]['mean']:.1f} ± {100 * r[k]['half']:.1f} %" for k in NAMES)
        for task, rows in data["tasks"].items()
        for r in rows
    ]
    note = (
        f"{V} ids, {T} positions; embedding of {D}, LSTM of {H}; {count(data['steps'])} steps of "
        f"Adam; mean of {data['seeds']} seeds ± half of the 95 % interval, on new sequences."
    )
    return f"{grid(header, lines, left=1)}\n\n{note}"


def draw(data, figure):
    figure.set_size_inches(11, 4.2)
    for axes, (task, rows) in zip(
        figure.subplots(1, len(TASKS), sharey=True), data["tasks"].items(), strict=True
    ):
        x = [r["sequences"] for r in rows]
        for name, label in NAMES.items():
            values = [{k: 100 * r[name][k] for k in ("mean", "half")} for r in rows]
            curve(axes, x, values, LOOKS[name], label)
        axes.set(xscale="log", xlabel="sequences to train on", title=TASKS[task])
        axes.title.set_fontsize("medium")
        axes.set_xticks(x, [count(value) for value in x])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        if task == "own":
            axes.set_ylabel("ids understood, %")
    handles = axes.get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=3)


def quotes(data):
    found = {}
    for task, rows in data["tasks"].items():
        for which, r in (("few", rows[0]), ("some", rows[len(rows) // 2]), ("many", rows[-1])):
            found[f"{task} {which}"] = count(r["sequences"])
            for k in NAMES:
                found[f"{task} {which} {k}"] = percent(r[k]["mean"])
    return found
