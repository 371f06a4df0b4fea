"""Results as JSON and as a table for the terminal."""

import datetime
import json
import platform
import sys
import time
from pathlib import Path

from fastembed.bench.runner import ratio
from fastembed.cli.machine import cpu_name, cpus

SCHEMA = 3
BASE = "ours"


def row(section, case, results):
    """One case of a section as plain data for JSON."""
    work = vars(case.work)
    return {
        "section": section.title,
        "drawn": section.drawn,
        "name": case.name,
        **{key: getattr(case, key) for key in ("op", "sizes", "ids", "dtype")},
        "work": work,
        "contenders": {
            name: {
                **figures,
                "gb_per_s": (work["copied"] + work["filled"]) / figures["median"] / 1e9,
                "gflop_per_s": work["flops"] / figures["median"] / 1e9,
                "times_ours": ratio(results, name, BASE),
            }
            for name, figures in results.items()
        },
    }


def document(command, rows, session, started):
    """Everything that was measured since a time, as plain data for JSON."""
    told = ("versions", "missing", "problems", "disturbed", "skipped")
    return {
        "schema": SCHEMA,
        "command": command,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpu": cpu_name(),
            "cpus": cpus(),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        **{key: getattr(session, key) for key in told},
        "cases": rows,
        "seconds": time.perf_counter() - started,
    }


def write_json(path, data):
    Path(path).write_text(json.dumps(data, indent=1) + "\n", "utf-8")


def _three_digits(number):
    return f"{number:.{0 if number >= 100 else 1 if number >= 10 else 2}f}"


def seconds(value):
    """A time with three digits: ``2.71 ms``."""
    unit, factor = ("s", 1.0) if value >= 1 else ("ms", 1e-3) if value >= 1e-3 else ("µs", 1e-6)
    return f"{_three_digits(value / factor)} {unit}"


def times(value):
    """A ratio with about three digits: ``12.3×``."""
    return "" if value is None else f"{_three_digits(value)}×"


COLUMNS = ("case", "who", "median", "quartiles", "rate", "time / ours")


def cells(rows, disturbed):
    """The rows of the table: one line for each contender of each case."""
    for entry in rows:
        label = entry["name"] + (" (!)" if entry["name"] in disturbed else "")
        unit = ("gflop_per_s", "GFLOP/s") if entry["work"]["flops"] else ("gb_per_s", "GB/s")
        for name, figures in entry["contenders"].items():
            rate = figures[unit[0]]
            yield (
                label,
                name,
                seconds(figures["median"]),
                f"{seconds(figures['low'])} – {seconds(figures['high'])}",
                f"{rate:.3g} {unit[1]}" if rate else "",
                "1" if name == BASE else times(figures["times_ours"]),
            )
            label = ""


def as_text(lines, left):
    """A table for the terminal; a line with a first entry begins a new block."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    out = []
    for number, line in enumerate(lines):
        if line[0] and number and left > 1:
            out.append("")
        sides = [str.ljust] * left + [str.rjust] * (len(line) - left)
        padded = [side(*cell) for side, *cell in zip(sides, line, widths, strict=True)]
        out.append("  ".join(padded).rstrip())
    return "\n".join(out)


def heading(data):
    """Where and with what it was measured, in a few lines."""
    lines = [f"{data['machine']['cpu']}, {data['machine']['cpus']} CPUs"]
    lines.append("; ".join(f"{name}: {text}" for name, text in data["versions"].items()))
    lines += [f"not measured: {name} ({why})" for name, why in data["missing"].items()]
    if data["disturbed"]:
        lines.append(
            f"WARNING: other programs, or the host of a virtual machine, kept up to "
            f"{max(data['disturbed'].values()):.1f} CPUs busy during {len(data['disturbed'])} of "
            "the cases: don't trust the figures marked (!)"
        )
    return "\n".join(filter(None, lines))


def progress(line):
    """Say what is being done, where a person is looking."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{line[:100]}", end="", file=sys.stderr, flush=True)
