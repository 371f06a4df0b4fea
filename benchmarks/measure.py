"""One run of everything, collected into the document that is written as JSON."""

import importlib.util
import math
import subprocess
import time

from benchmarks import goals, probes, scripts, startup
from fastembed.bench import report, runner, table
from fastembed.bench.peers import REFERENCE, Contender, contenders, cpus, ours


class NothingToMeasure(Exception):
    """No part and no case has the name that was asked for."""


QUICK_LIMIT = 60  # seconds of races after which --quick begins no further one


def who(section, quick=False):
    """The contenders of a section: the oracle first."""
    if section.title == "threads":
        return [REFERENCE, *(ours(k, f"ours-{k}") for k in thread_counts())]
    found = contenders()
    if section.drawn:
        return [one for one in found if one.name != "ceiling"]
    if not quick:
        found += [ours(1, "ours-1"), Contender("thinc", "fastembed.bench.peers:Thinc")]
        if section.title == "steps":
            found.append(Contender("torch.compile", "fastembed.bench.peers:TorchCompiled"))
    return found


def thread_counts():
    """1, 2, 4 …, all CPUs, and one more than there are."""
    n = cpus()
    return sorted({1, n, n + 1} | {2**k for k in range(n.bit_length()) if 2**k <= n})


def run(options, say, command):
    """Measure, and return the document.

    Parameters
    ----------
    options : argparse.Namespace
        Those of the command line.
    say : callable
        Gets a line about what is being done.
    command : str
        How the benchmark was called.

    Raises
    ------
    NothingToMeasure
        If no part or case has the name that only says.
    """
    started = time.perf_counter()
    quick, only = options.quick, options.only
    fewer = 30 if quick else 1
    sections = table.sections(quick, only, options.drawn, options.seed, fewer)
    runtime = table.wanted(only, "runtime")
    book = options.book if table.wanted(only, "book") else None
    if not (sections or runtime or book):
        raise NothingToMeasure(f"no part or case has {only!r} in its name")
    with runner.Session([], say=say) as session:
        found = _probes(session, quick, say) if runtime else {}
        if book:
            try:
                found["scripts"] = scripts.measure(book, say)
            except (OSError, RuntimeError) as error:
                session.problem(f"the book's scripts: {error}")
        end = time.perf_counter() + QUICK_LIMIT if quick else math.inf
        ran = runner.race(session, sections, lambda one: who(one, quick), end=end)
        for count in thread_counts():
            session.versions.pop(f"ours-{count}", None)
        data = report.document(command, ran, session)
    data.update(found, quick=quick, only=only)
    data["goals"] = goals.check(data)
    data["seconds"] = time.perf_counter() - started
    return data


def _probes(session, quick, say):
    """What is not a race between contenders; each probe is in a process of its own."""
    found = {"memory": [], "interference": {}}
    try:
        found["startup"] = startup.measure(quick, say)
    except (OSError, subprocess.SubprocessError) as error:
        session.problem(f"start-up: {error} {getattr(error, 'stderr', None) or ''}".strip())
    for kind in ("runtime", "bits"):
        say(kind)
        found[kind] = probes.ask(session, kind)
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
