"""Compare all contenders' results, then time them in interleaved rounds, one process at a time."""

import contextlib
import math
import pickle
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

from fastembed.bench import load, peers, table

MIN_ROUNDS, MAX_ROUNDS = 3, 25
BURST = 0.03  # seconds of one contender's turn, unless one call takes longer
SAMPLE = 5e-5  # seconds of one sample at least: the clock costs about 1e-7
MINUTE = 60
WARM = 0.02  # calls that take longer wash the caches themselves: no untimed call before them


class WorkerError(RuntimeError):
    """A contender's process crashed, hung, or raised."""


class Missing(WorkerError):
    """A contender's library is not installed."""


class Process:
    """One contender's process, seen from the parent."""

    def __init__(self, contender, timeout):
        self.contender = contender
        self.timeout = timeout
        self.errors = tempfile.TemporaryFile()
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            "from fastembed.bench.worker import main; main()"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
        )
        self.replies = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.send("start", contender.factory, contender.arguments)

    def _read(self):
        try:
            while True:
                self.replies.put(pickle.load(self.process.stdout))
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            self.replies.put(("ended", None))

    def send(self, method, *arguments):
        """Let the worker call a method; `receive` waits for its answer."""
        with contextlib.suppress(OSError):  # it has ended: receive will say so
            pickle.dump((method, arguments), self.process.stdin)
            self.process.stdin.flush()

    def receive(self):
        """What the method returned."""
        try:
            status, value = self.replies.get(timeout=self.timeout)
        except queue.Empty:
            self.stop()
            raise WorkerError(f"no answer within {self.timeout:g} s") from None
        if status == "done":
            return value
        if status == "missing":
            raise Missing(value)
        if status == "failed":
            raise WorkerError(value.strip())
        self.process.wait()
        self.errors.seek(0)
        said = self.errors.read().decode(errors="replace").strip().splitlines()[-5:]
        raise WorkerError(
            f"the process ended by itself with status {self.process.returncode}"
            + (": " + " / ".join(said) if said else "")
        )

    def stop(self):
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.errors):
            with contextlib.suppress(OSError):
                pipe.close()


class Session:
    """All contenders' processes; a context manager that leaves none of them behind.

    Parameters
    ----------
    contenders : list of Contender
    timeout : float
        Seconds after which a worker that does not answer counts as hung.
    patience : float
        How many times its budget a case may take to get quiet rounds.
    say : callable
        Called with a line about what is being done.

    Attributes
    ----------
    versions : dict
        Contender's name -> version of its library.
    missing : dict
        Contender's name -> why it is not there.
    problems : list of str
        Contenders that crashed, or disagreed with the reference.
    disturbed : dict
        Case's name -> CPUs' worth of work that other programs did while it was measured, for the
        cases that did not get enough quiet rounds.
    """

    def __init__(self, contenders, *, timeout=300.0, patience=2.0, say=lambda line: None):
        self.contenders = list(contenders)
        self.timeout = timeout
        self.patience = patience
        self.say = say
        self.processes = {}
        self.versions, self.missing, self.problems, self.disturbed = {}, {}, [], {}

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for name in list(self.processes):
            self.stop(name)

    def stop(self, name):
        """End a contender's process, if it runs."""
        if name in self.processes:
            self.processes.pop(name).stop()

    def start(self, contenders):
        """Start those that are not running yet, all at once."""
        new = {
            contender.name: Process(contender, self.timeout)
            for contender in contenders
            if contender.name not in self.processes and contender.name not in self.missing
        }
        self.processes.update(new)
        for name, process in new.items():
            try:
                self.versions[name] = process.receive()
            except WorkerError as error:
                self.stop(name)
                if isinstance(error, Missing):
                    self.missing[name] = str(error)
                else:
                    self.missing[name] = "its process did not start"
                    self.problem(f"{name} did not start: {error}")

    def problem(self, text):
        self.problems.append(text)
        self.say(f"PROBLEM: {text}")

    def ask(self, case, names, method, *arguments):
        """Ask contenders to call a method, all of them at once.

        Returns
        -------
        dict
            Name -> answer, for those that gave one; the others are problems now and have ended.
        """
        names = [name for name in names if name in self.processes]
        for name in names:
            self.processes[name].send(method, *arguments)
        answers = {}
        for name in names:
            try:
                answers[name] = self.processes[name].receive()
            except WorkerError as error:
                self.stop(name)
                self.problem(f"{name} failed at {case.name}: {error}")
        return answers

    def measure(self, case, contenders=None, *, budget=2.0, detail=False):
        """Compare and time one case.

        Parameters
        ----------
        case : Case
        contenders : list of Contender, optional
            By default those of the session.
        budget : float
            Seconds of timing, about; slow contenders still get `MIN_ROUNDS` rounds. Rounds in
            which other programs kept the CPUs busy are set aside; to get quiet ones, `patience`
            times the budget may be spent.
        detail : bool
            Ask the contenders for their details afterwards.

        Returns
        -------
        dict
            Contender's name -> its figures (see `figures`), with the fastest rounds paired.
        """
        contenders = self.contenders if contenders is None else contenders
        self.start(contenders)
        names = [contender.name for contender in contenders]
        answers = self.ask(case, names, "prepare", case)
        agreeing = self._compare(case, {k: v for k, v in answers.items() if v is not None})
        self.ask(case, set(answers) - set(agreeing), "forget")
        rounds = self._time(case, agreeing, budget)
        results = {name: figures(samples) for name, samples in rounds.items() if samples}
        for name in results if detail else ():
            results[name]["detail"] = self.ask(case, [name], "detail").get(name)
        self.ask(case, agreeing, "forget")
        return results

    def _compare(self, case, digests):
        """Names of those that agree with the oracle: the first one that has results."""
        oracle = next((name for name, found in digests.items() if found), None)
        agreeing = []
        for name, found in digests.items():
            difference = found and disagreement(digests[oracle], found, case.tolerance)
            if difference:
                self.problem(f"{name} disagrees with {oracle} at {case.name}: {difference}")
            else:
                agreeing.append(name)
        return agreeing

    def _time(self, case, names, budget):
        """Rounds of samples for each name: everyone has a turn in every round."""
        seconds = {}
        for name in names:  # one after the other: from here on only one process works at a time
            seconds.update(self.ask(case, [name], "estimate"))
        rounds, turns = [], list(seconds)  # of (foreign load, name -> times)
        began = time.perf_counter()
        while turns and len(rounds) < MAX_ROUNDS:
            spent = time.perf_counter() - began
            quiet = sum(foreign <= load.ALLOWED for foreign, _ in rounds)
            limit = budget if quiet >= MIN_ROUNDS else budget * self.patience
            if len(rounds) >= MIN_ROUNDS and spent > limit:
                break
            watch, used, found = load.Watch(), 0.0, {}
            for name in turns:
                inner = max(1, round(SAMPLE / seconds[name]))
                samples = min(100, max(1, int(BURST / (inner * seconds[name]))))
                warm = seconds[name] < WARM
                answer = self.ask(case, [name], "measure", samples, inner, warm)
                if name in answer:
                    found[name], cpu = answer[name]
                    used += cpu
            rounds.append((watch.foreign(used), found))
            turns = [name for name in turns[1:] + turns[:1] if name in found]  # all take the lead
        return self._quiet(case, rounds, [name for name in seconds if name in turns])

    def _quiet(self, case, rounds, names):
        """The times of each name, from quiet rounds where there are enough of them."""
        quiet = [found for foreign, found in rounds if foreign <= load.ALLOWED]
        if len(quiet) < MIN_ROUNDS and rounds:
            quiet = [found for _, found in rounds]
            self.disturbed[case.name] = statistics.median(foreign for foreign, _ in rounds)
        return {name: [found[name] for found in quiet] for name in names}


def race(session, sections, who, threads=None, end=math.inf):
    """Measure all cases of some sections, one after the other.

    Parameters
    ----------
    session : Session
    sections : list of table.Section
    who : callable
        ``who(section)`` -> contenders.
    threads : int, optional
        Of the ceilings, which are measured at both ends and every minute: other programs come and
        go.
    end : float
        Time of ``time.perf_counter`` after which no further case is begun.

    Returns
    -------
    dict
        ``measured``: list of (Section, Case, results); ``limits``: list of (Case, results);
        ``skipped``: names of cases for which there was no time.
    """
    measured, limits, skipped = [], [], []
    ceiling = [peers.ceiling(threads)]

    def measure_ceilings():
        for case in table.CEILINGS:
            limits.append((case, session.measure(case, ceiling, budget=0.2)))
        return time.perf_counter()

    count, last = sum(len(section.cases) for section in sections), -math.inf
    for section in sections:
        people = who(section)
        for case in section.cases:
            if time.perf_counter() > last + MINUTE:
                last = measure_ceilings()
            session.say(f"{len(measured) + len(skipped) + 1}/{count} {section.title}: {case.name}")
            if time.perf_counter() > end:
                skipped.append(case.name)
            else:
                options = {"budget": section.budget, "detail": section.detail}
                measured.append((section, case, session.measure(case, people, **options)))
    measure_ceilings()
    session.versions.pop("ceiling", None)
    return {"measured": measured, "limits": limits, "skipped": skipped}


def disagreement(expected, got, tolerance):
    """Say how two lists of digests differ, or return None when they agree.

    Numbers must agree within the tolerance relative to the largest number of their array.
    """
    if len(expected) != len(got):
        return f"{len(got)} results instead of {len(expected)}"
    for k, (a, b) in enumerate(zip(expected, got, strict=True)):
        if a["shape"] != b["shape"]:
            return f"result {k} has shape {b['shape']} instead of {a['shape']}"
        x, y = a["sample"], b["sample"]
        if not np.array_equal(np.isfinite(x), np.isfinite(y)):
            return f"result {k} has NaN or infinity elsewhere"
        fine = np.isfinite(x)
        scale = np.abs(x[fine]).max(initial=0.0)
        error = np.abs(x[fine] - y[fine]).max(initial=0.0)
        if error > tolerance * scale:
            return f"result {k} is off by {error:.3g} where the largest number is {scale:.3g}"
        off = abs(a["sum"] - b["sum"])
        if off > tolerance * a["size"]:
            return f"the sum of result {k} is {b['sum']:.9g} instead of {a['sum']:.9g}"
    return None


def figures(rounds):
    """Median and quartiles of all samples, and the median of each round, in seconds."""
    samples = sorted(x for times in rounds for x in times)
    if len(samples) > 1:
        low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
    else:
        low = median = high = samples[0]
    return {
        "median": median,
        "low": low,
        "high": high,
        "best": samples[0],
        "samples": len(samples),
        "rounds": [statistics.median(times) for times in rounds],
    }


def ratio(results, name, base):
    """How many times the base's time the contender needs: the median over paired rounds."""
    if name not in results or base not in results:
        return None
    pairs = zip(results[name]["rounds"], results[base]["rounds"], strict=False)
    return statistics.median(a / b for a, b in pairs)
