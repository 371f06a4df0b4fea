"""One run of everything, collected into the document that is written as JSON."""

import time

from benchmarks import cells, goals, probes, startup
from fastembed.bench import report, runner
from fastembed.bench.cases import CEILINGS, select
from fastembed.bench.peers import ceiling


class NoCase(Exception):
    """Nothing is to be measured."""


def sections(quick):
    """Title -> (cases, contenders, options of the measurement)."""
    everyone = cells.contenders()
    if quick:
        few = [one for one in everyone if one.name not in ("numpy", "thinc", "ours-1")]
        return {
            "table": (cells.QUICK_TABLE, few, {"budget": 0.4}),
            "steps": (cells.QUICK_STEPS, few, {"budget": 0.6, "detail": True}),
        }
    found = {
        "table": (cells.TABLE, everyone, {"budget": 1.5}),
        "float64": (cells.DOUBLE, everyone, {"budget": 1.0}),
        "steps": (cells.STEPS, everyone, {"budget": 3.0, "detail": True}),
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
    """
    started = time.perf_counter()
    chosen = {
        title: (select(some, only), who, options)
        for title, (some, who, options) in sections(quick).items()
    }
    chosen = {title: part for title, part in chosen.items() if part[0]}
    if not chosen:
        raise NoCase(f"no case has {only!r} in its name")
    count = sum(len(some) for some, _, _ in chosen.values())
    measured, limits, number = {}, [], 0

    def measure_ceilings():
        for case in CEILINGS:
            limits.append((case, session.measure(case, [ceiling()], budget=0.3)))

    with runner.Session([], say=say) as session:
        for title, (some, who, options) in chosen.items():
            measure_ceilings()  # each time, since other programs come and go
            measured[title] = []
            for case in some:
                number += 1
                say(f"{number}/{count} {title}: {case.name}")
                measured[title].append((case, session.measure(case, who, **options)))
            names = {one.name for one in who} - {"ceiling"}
            if title == "threads":
                for name in names - {"reference"}:
                    session.stop(name)
                    session.versions.pop(name, None)
        measure_ceilings()
        limits = report.ceilings(limits)
        rows, index = _rows(measured, limits)
        session.versions.pop("ceiling", None)
        data = report.document(command, rows, limits, session, 0.0)
        data["sections"] = index
        data["quick"], data["only"] = quick, only
        if only is None:
            for contender in list(session.processes):
                session.stop(contender)  # from here on each probe is alone
            data.update(_probes(session, quick, say))
            data["problems"] = list(session.problems)
    if only is None:
        data["startup"] = startup.measure(quick, say)
    data["goals"] = goals.check(data)
    data["seconds"] = time.perf_counter() - started
    return data


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
    say("equal bits")
    found = {"bits": probes.ask(session, "bits"), "memory": [], "interference": {}}
    say("memory")
    told = {who: probes.ask(session, f"memory: {who}") for who in ("ours", "reference")}
    if all(told.values()):
        for case in probes.MEMORY:
            row = {who: told[who][case.name] for who in told}
            found["memory"].append({"name": case.name, **case.sizes, **row})
    names = list(probes.INTERFERENCE)[: 2 if quick else None]
    for name in names:
        for other in probes.WITH:
            say(f"interference: {name} with {other}")
            answer = probes.ask(session, f"interference: {name}: {other}")
            if answer is not None:
                found["interference"][f"{name} / {other}"] = answer
    return found
