"""One run of everything, collected into the document that is written as JSON."""

import importlib.util
import subprocess
import time

from benchmarks import cells, goals, probes, startup
from fastembed.bench import report, runner
from fastembed.bench.cases import CEILINGS, select
from fastembed.bench.peers import ceiling


class NoCase(Exception):
    """Nothing is to be measured."""


# seconds after which no further case is begun; the probes before them always run
LIMIT = {True: 90, False: 16 * 60}


def sections(quick):
    """Title -> (cases, contenders, options of the measurement), what matters most first."""
    everyone = cells.contenders()
    if quick:
        few = [one for one in everyone if one.name not in ("numpy", "thinc", "ours-1")]
        return {
            "table": (cells.QUICK_TABLE, few, {"budget": 0.4}),
            "steps": (cells.QUICK_STEPS, few, {"budget": 0.6, "detail": True}),
        }
    found = {
        "table": (cells.TABLE, everyone, {"budget": 1.5}),
        "steps": (cells.STEPS, everyone, {"budget": 3.0, "detail": True}),
        "float64": (cells.DOUBLE, everyone, {"budget": 1.0}),
        "threads": (cells.THREADS, cells.thread_contenders(), {"budget": 1.0}),
    }
    few = cells.scaling_contenders()
    for title, (_, chosen) in cells.SCALING.items():
        found[title] = (chosen, few, {"budget": 0.6})
    return found


def run(quick, only, say, command):
    """Measure, and return the document.

    Parameters
    ----------
    quick : bool
    only : str or None
        Only cases whose name contains it; then no probes, and no start-up.
    say : callable
        Gets a line about what is being done.
    command : str
        How the benchmark was called.

    Raises
    ------
    NoCase
        If no case has only in its name.
    """
    started = time.perf_counter()
    chosen = {
        title: (select(some, only), who, options)
        for title, (some, who, options) in sections(quick).items()
    }
    chosen = {title: part for title, part in chosen.items() if part[0]}
    if not chosen:
        raise NoCase(f"no case has {only!r} in its name")
    with runner.Session([], say=say) as session:
        found = {} if only is not None else _probes(session, quick, say)
        measured, limits, skipped = _cases(session, chosen, say, started + LIMIT[quick])
        limits = report.ceilings(limits)
        rows, index = _rows(measured, limits)
        data = report.document(command, rows, limits, session, 0.0)
    data.update(found, sections=index, skipped=skipped, quick=quick, only=only)
    data["goals"] = goals.check(data)
    data["seconds"] = time.perf_counter() - started
    return data


def _cases(session, chosen, say, end):
    """All sections' cases with their figures; the ceilings' figures; names that time ran out for.

    The ceilings are measured before each section and at the end: other programs come and go.
    """
    measured, limits, skipped = {}, [], []
    count = sum(len(some) for some, _, _ in chosen.values())
    number = 0

    def measure_ceilings():
        for case in CEILINGS:
            limits.append((case, session.measure(case, [ceiling()], budget=0.3)))

    for title, (some, who, options) in chosen.items():
        if time.perf_counter() < end:
            measure_ceilings()
        measured[title] = []
        for case in some:
            number += 1
            say(f"{number}/{count} {title}: {case.name}")
            if time.perf_counter() > end:
                skipped.append(case.name)
            else:
                measured[title].append((case, session.measure(case, who, **options)))
        if title == "threads":
            for one in who[1:]:  # they are nobody's contenders but this section's
                session.stop(one.name)
                session.versions.pop(one.name, None)
    measure_ceilings()
    session.versions.pop("ceiling", None)
    return measured, limits, skipped


def _rows(measured, limits):
    """Rows of all sections, and which rows are whose; cells are those that the goals speak of."""
    rows, index = [], {}
    for title, pairs in measured.items():
        index[title] = list(range(len(rows), len(rows) + len(pairs)))
        for case, results in pairs:
            row = report.row(case, results, limits)
            row["section"] = title
            row["cell"] = title in ("table", "steps")
            rows.append(row)
    return rows, index


def _probes(session, quick, say):
    """What is not a race between contenders; each probe is in a process of its own."""
    found = {"memory": [], "interference": {}}
    try:
        found["startup"] = startup.measure(quick, say)
    except (OSError, subprocess.SubprocessError) as error:
        session.problem(f"start-up: {error} {getattr(error, 'stderr', None) or ''}".strip())
    say("equal bits")
    found["bits"] = probes.ask(session, "bits")
    say("memory")
    told = {who: probes.ask(session, f"memory: {who}") for who in ("ours", "reference")}
    for case in probes.MEMORY if all(told.values()) else ():
        row = {who: told[who][case.name] for who in told}
        found["memory"].append({"name": case.name, **case.sizes, **row})
    for name in list(probes.INTERFERENCE)[: 2 if quick else None]:
        for other in probes.WITH:
            if other == "torch" and importlib.util.find_spec("torch") is None:
                continue
            say(f"interference: {name} with {other}")
            answer = probes.ask(session, f"interference: {name}: {other}")
            if answer is not None:
                found["interference"][f"{name} / {other}"] = answer
    return found
