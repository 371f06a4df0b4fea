"""Results as JSON, as a table for the terminal, and as a table in Markdown."""

import datetime
import json
import math
import platform
import statistics
import sys

from fastembed.bench.peers import cpus
from fastembed.bench.runner import ratio

SCHEMA = 2
BASE = "ours"
PEERS = ("reference", "numpy", "torch")  # who may be better than ours


def machine():
    """What the figures were measured on."""
    return {
        "cpu": _cpu_name(),
        "cpus": cpus(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _cpu_name():
    try:
        with open("/proc/cpuinfo") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def ceilings(measurements):
    """Bytes or operations a second, out of the fast quarter of the ceilings' samples.

    Parameters
    ----------
    measurements : list of (Case, dict)
        As `Session.measure` returned them; the same ceiling may come twice.
    """
    best = {}
    for case, results in measurements:
        for figures in results.values():
            ((kind, size),) = case.sizes.items()
            amount = {"copy": 8 * size, "fill": 4 * size, "sgemm": 2 * size**3}[kind]
            best[kind] = max(best.get(kind, 0.0), amount / figures["low"])
    return best


def row(section, case, results, limits):
    """One case of a section as plain data for JSON.

    ``share`` is the least time that the case could take at the ceilings, over the median.
    """
    work = case.work
    floor = None
    if len(limits) == 3 and (work.copied or work.filled or work.flops):
        floor = (
            work.copied / limits["copy"]
            + work.filled / limits["fill"]
            + work.flops / limits["sgemm"]
        )
    contenders = {}
    for name, figures in results.items():
        median = figures["median"]
        contenders[name] = {
            **figures,
            "gb_per_s": (work.copied + work.filled) / median / 1e9,
            "gflop_per_s": work.flops / median / 1e9,
            "share": None if floor is None else floor / median,
            "times_ours": ratio(results, name, BASE),
        }
    return {
        "section": section.title,
        "drawn": section.drawn,
        "name": case.name,
        "op": case.op,
        "sizes": dict(case.sizes),
        "ids": case.ids,
        "dtype": case.dtype,
        "bytes_copied": work.copied,
        "bytes_filled": work.filled,
        "flops": work.flops,
        "floor": floor,
        "contenders": contenders,
    }


def document(command, ran, session):
    """Everything that was measured, as plain data for JSON.

    Parameters
    ----------
    command : str
    ran : dict
        What `runner.race` returned.
    session : runner.Session
    """
    limits = ceilings(ran["limits"])
    return {
        "schema": SCHEMA,
        "command": command,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": dict(session.versions),
        "missing": dict(session.missing),
        "problems": list(session.problems),
        "disturbed": dict(session.disturbed),
        "ceilings": {
            "copy_gb_per_s": limits.get("copy", 0.0) / 1e9,
            "fill_gb_per_s": limits.get("fill", 0.0) / 1e9,
            "sgemm_gflop_per_s": limits.get("sgemm", 0.0) / 1e9,
        },
        "cases": [row(*measured, limits) for measured in ran["measured"]],
        "skipped": ran["skipped"],
    }


def best_peer(row, among=PEERS):
    """The contender that comes nearest to ours or beats it, and its times_ours."""
    found = {
        name: row["contenders"][name]["times_ours"]
        for name in among
        if (row["contenders"].get(name) or {}).get("times_ours")
    }
    return min(found.items(), key=lambda item: item[1]) if found else (None, None)


def spread(ratios):
    """Of many ratios: the share of those from 0.95 on, the least one, and the geometric mean."""
    return (
        sum(ratio >= 0.95 for ratio in ratios) / len(ratios),
        min(ratios),
        math.exp(statistics.fmean(math.log(ratio) for ratio in ratios)),
    )


DRAWN = (
    "drawn cells, best peer / ours",
    "cells",
    "≥ 0.95×",
    "worst",
    "geometric mean",
    "worst cell",
)


def drawn(rows):
    """Lines that sum up the drawn cells of each op."""
    by_op = {}
    for entry in rows:
        ratio = best_peer(entry)[1]
        if entry["drawn"] and ratio:
            by_op.setdefault(entry["op"], []).append((ratio, entry["name"]))
    return [
        (op, str(len(found)), f"{share:.0%}", times(worst), times(mean), min(found)[1])
        for op, found in by_op.items()
        for share, worst, mean in [spread([ratio for ratio, _ in found])]
    ]


def write_json(path, data):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1)
        file.write("\n")


def seconds(value):
    """A time with three digits: ``2.71 ms``."""
    unit, factor = ("s", 1.0) if value >= 1 else ("ms", 1e-3) if value >= 1e-3 else ("µs", 1e-6)
    number = value / factor
    digits = 0 if number >= 100 else 1 if number >= 10 else 2
    return f"{number:.{digits}f} {unit}"


def times(value):
    """A ratio with about three digits: ``12.3×``."""
    if value is None:
        return ""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f}×"


def _rate(figures):
    if figures["gflop_per_s"]:
        return f"{figures['gflop_per_s']:.3g} GFLOP/s"
    if figures["gb_per_s"]:
        return f"{figures['gb_per_s']:.3g} GB/s"
    return ""


COLUMNS = ("case", "who", "median", "quartiles", "rate", "of ceiling", "time / ours")


def cells(rows, disturbed):
    """The rows of the table: one line for each contender of each case."""
    for entry in rows:
        label = entry["name"] + (" (!)" if entry["name"] in disturbed else "")
        for name, figures in entry["contenders"].items():
            share = figures["share"]
            yield (
                label,
                name,
                seconds(figures["median"]),
                f"{seconds(figures['low'])} – {seconds(figures['high'])}",
                _rate(figures),
                "" if share is None else f"{share:.0%}",
                "1" if name == BASE else times(figures["times_ours"]),
            )
            label = ""


def text_table(rows, disturbed=()):
    return as_text([COLUMNS, *cells(rows, disturbed)], left=2)


def as_text(lines, left):
    """A table for the terminal; a line with a first entry begins a new block."""
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    out = []
    for number, line in enumerate(lines):
        if line[0] and number and left > 1:
            out.append("")
        cells = [
            entry.ljust(width) if k < left else entry.rjust(width)
            for k, (entry, width) in enumerate(zip(line, widths, strict=True))
        ]
        out.append("  ".join(cells).rstrip())
    return "\n".join(out)


def heading(data):
    """Where and with what it was measured, in a few lines."""
    versions = "; ".join(f"{name}: {text}" for name, text in data["versions"].items())
    limits = data["ceilings"]
    lines = [f"{data['machine']['cpu']}, {data['machine']['cpus']} CPUs"]
    if versions:
        lines.append(versions)
    if limits["copy_gb_per_s"]:
        lines.append(
            f"ceilings: copy {limits['copy_gb_per_s']:.1f} GB/s (read + write), "
            f"fill {limits['fill_gb_per_s']:.1f} GB/s, "
            f"sgemm {limits['sgemm_gflop_per_s']:.0f} GFLOP/s"
        )
    lines += [f"not measured: {name} ({why})" for name, why in data["missing"].items()]
    if data["disturbed"]:
        lines.append(
            f"WARNING: other programs, or the host of a virtual machine, kept up to "
            f"{max(data['disturbed'].values()):.1f} CPUs busy during {len(data['disturbed'])} of "
            "the cases: don't trust the figures marked (!)"
        )
    return "\n".join(lines)


def progress(line):
    """Say what is being done, where a person is looking."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{line[:100]}", end="", file=sys.stderr, flush=True)


def progress_end():
    progress("")
