"""One run of everything, collected into the document that is written as JSON."""

import importlib.util
import math
import subprocess
import time

from benchmarks import goals, probes, scripts, startup, table, vectors, work
from benchmarks.peers import CEILINGS
from fastembed._errors import UserError
from fastembed.bench import report, runner
from fastembed.bench.peers import REFERENCE, Contender, contenders, ours
from fastembed.cli.machine import cpus

QUICK_LIMIT = 60  # seconds of races after which --quick begins no further one
GENSIM = Contender("gensim", "benchmarks.word2vec:Gensim")
RACING = Contender("racing", "benchmarks.word2vec:Racing")
READERS = [Contender(name, "benchmarks.vectors:Reader", (name,)) for name in vectors.READERS]
READERS.append(Contender("loop", "benchmarks.vectors:Loop"))
CEILING = Contender("ceiling", "benchmarks.peers:Ceiling")


def who(section, quick=False):
    """The contenders of a section: the oracle first."""
    if section.title == "ceilings":
        return [CEILING]
    if section.title == "threads":
        return [REFERENCE, *(ours(k, f"ours-{k}") for k in thread_counts())]
    if section.title == "vectors":
        return [ours(), GENSIM, *READERS]
    if section.title == "word2vec":
        return [ours(), GENSIM, *([] if quick else [ours(1, "ours-1"), RACING])]
    found = contenders(torch="benchmarks.torch_steps:Torch")
    if section.title == "sparse":
        return [*found[2:], Contender("small", "benchmarks.peers:Small")]
    if section.title == "tables":
        return [*found[:3], Contender("in memory", "benchmarks.peers:InMemory")]
    if section.drawn:
        return found
    if section.title == "recurrent":
        found.append(Contender("padded", "benchmarks.peers:Padded"))
    found.append(CEILING)  # its figure is what a gather could reach
    if not quick:
        found += [ours(1, "ours-1"), Contender("thinc", "benchmarks.peers:Thinc")]
        if section.title == "steps":
            found.append(Contender("torch.compile", "benchmarks.torch_steps:TorchCompiled"))
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
    """
    started = time.perf_counter()
    quick, only = options.quick, options.only
    sections = table.sections(quick, only, options.drawn, options.seed)
    runtime = table.wanted(only, "runtime")
    book = options.book if table.wanted(only, "book") else None
    if not (sections or runtime or book):
        raise UserError(f"no part or case has {only!r} in its name")
    with runner.Session(say=say) as session:
        found = _probes(session, quick, say) if runtime else {}
        if book:
            try:
                found["scripts"] = scripts.measure(book, say, session.problem)
            except OSError as error:
                session.problem(f"the book's scripts: {error}")
        end = time.perf_counter() + QUICK_LIMIT if quick else math.inf
        limits = _ceilings(session)
        rows = _race(session, sections, quick, end)
        limits += _ceilings(session)  # at both ends: other programs come and go
        for name in ("ceiling", *(f"ours-{count}" for count in thread_counts())):
            session.versions.pop(name, None)
        data = report.document(command, rows, session, started)
    data.update(found, quick=quick, only=only, ceilings=speeds(limits))
    add_shares(rows, data["ceilings"])
    data["goals"] = goals.check(data)
    return data


def _race(session, sections, quick, end=math.inf):
    rows = []
    for section, case, results in runner.race(session, sections, lambda s: who(s, quick), end):
        if section.title == "steps":
            for name in results:
                results[name]["detail"] = session.ask(case, [name], "detail").get(name)
        rows.append({**report.row(section, case, results), "work": work.of(case)})
    return rows


def _ceilings(session):
    return _race(session, [table.ceilings()], quick=True)


def speeds(rows):
    """Kind of work -> bytes or operations a second: the fast quarter of the ceilings' samples."""
    kinds = {case.name: kind for kind, case in CEILINGS.items()}
    found = dict.fromkeys(CEILINGS, 0.0)
    for row in rows:
        for figures in row["contenders"].values():
            kind = kinds[row["name"]]
            found[kind] = max(found[kind], row["work"][kind] / figures["low"])
    return found


def add_shares(rows, limits):
    """Add ``share`` to figures: the least time that the case could take, over the median."""
    for row in rows:
        if any(row["work"].values()) and all(limits.values()):
            floor = sum(amount / limits[kind] for kind, amount in row["work"].items())
            for figures in row["contenders"].values():
                figures["share"] = floor / figures["median"]


def _probes(session, quick, say):
    """What is not a race between contenders; each probe is in a process of its own."""
    found = {"memory": [], "interference": {}, "times": {}}
    try:
        found["times"] |= startup.measure(quick, say)
    except (OSError, subprocess.SubprocessError) as error:
        session.problem(f"start-up: {error} {getattr(error, 'stderr', None) or ''}".strip())
    say("runtime, bits, memory")
    found["times"] |= probes.ask(session, "runtime") or {}
    found["bits"] = probes.ask(session, "bits")
    told = {who: probes.ask(session, "memory", who) for who in ("ours", "reference")}
    for case in probes.MEMORY if all(told.values()) else ():
        row = {who: told[who][case.name] for who in told}
        found["memory"].append({"name": case.name, **case.sizes, **row})
    for name in list(probes.INTERFERENCE)[: 2 if quick else None]:
        for other in probes.WITH:
            if other == "torch" and importlib.util.find_spec("torch") is None:
                continue
            say(f"interference: {name} with {other}")
            answer = probes.ask(session, "interference", name, other)
            if answer is not None:
                found["interference"][f"{name} / {other}"] = answer
    return found


def merged(old, new):
    """What an earlier document has, with the figures of a new one in their place or added."""
    if old["machine"] != new["machine"]:
        raise UserError("the other figures were measured on another machine or Python")
    data, measured = dict(old), {(row["section"], row["name"]) for row in new["cases"]}
    for key in new:
        if isinstance(new[key], dict) and key not in ("machine", "ceilings"):
            data[key] = {**old.get(key, {}), **new[key]}
    data["missing"] = {k: why for k, why in data["missing"].items() if k not in new["versions"]}
    data["cases"] = [row for row in old["cases"] if (row["section"], row["name"]) not in measured]
    for key in ("cases", "problems", "skipped"):
        data[key] = data[key] + new[key]
    data["memory"] = new.get("memory") or old.get("memory")
    data["seconds"] = old["seconds"] + new["seconds"]
    data["command"] = "; ".join(dict.fromkeys([*old["command"].split("; "), new["command"]]))
    data["goals"] = goals.check(data)
    return data
