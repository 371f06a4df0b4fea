"""Compare all contenders' results, then time them in interleaved rounds, one process at a time."""

import contextlib
import math
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

from fastembed.bench import load

MIN_ROUNDS, MAX_ROUNDS = 3, 25
FOLDER = "FASTEMBED_BENCH_FOLDER"  # of contenders' files: the name of the variable that tells it


class WorkerError(RuntimeError):
    """A contender's process crashed, hung, or raised."""


class Missing(WorkerError):
    """A contender's library is not installed."""


class Process:
    """One contender's process, seen from the parent."""

    def __init__(self, contender, timeout, folder):
        self.timeout = timeout
        self.errors = tempfile.TemporaryFile()
        code = f"import sys; sys.path[:] = {sys.path!r}; from fastembed.bench import worker; "
        self.process = subprocess.Popen(
            [sys.executable, "-c", code + "worker.main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env={**os.environ, FOLDER: folder},
        )
        self.send("start", contender.factory, contender.arguments)

    def send(self, method, *arguments):
        """Let the worker call a method; `receive` waits for its answer."""
        with contextlib.suppress(OSError):  # it has ended: receive will say so
            pickle.dump((method, arguments), self.process.stdin)
            self.process.stdin.flush()

    def receive(self):
        """What the method returned."""
        end = time.monotonic() + self.timeout
        watchdog = threading.Timer(self.timeout, self.process.kill)
        watchdog.daemon = True  # an interrupt may come before it is cancelled
        try:
            watchdog.start()
            status, value = pickle.load(self.process.stdout)
        except (EOFError, pickle.UnpicklingError):
            status, value = "failed", self._last_words(time.monotonic() >= end)
        finally:
            watchdog.cancel()
        if status != "done":
            raise (Missing if status == "missing" else WorkerError)(value.strip())
        return value

    def _last_words(self, late):
        self.process.wait()
        if late:
            return f"no answer within {self.timeout:g} s"
        self.errors.seek(0)
        said = self.errors.read().decode(errors="replace").strip().splitlines()[-5:]
        ended = f"the process ended by itself with status {self.process.returncode}"
        return ": ".join([ended, *([" / ".join(said)] if said else [])])

    def stop(self):
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.errors):
            with contextlib.suppress(OSError):
                pipe.close()


class Session:
    """All contenders' processes; a context manager that leaves none of them, nor a file, behind.

    A worker that does not answer within timeout seconds counts as hung; a case may take patience
    times its budget to get quiet rounds; say is called with lines about what is being done.
    """

    def __init__(self, *, timeout=300.0, patience=2.0, say=lambda line: None):
        self.timeout = timeout
        self.patience = patience
        self.say = say
        self.processes = {}
        self.versions = {}  # contender -> version of its library
        self.missing = {}  # contender -> why it is not there
        self.problems = []  # contenders that crashed, or disagreed with the reference
        self.skipped = []  # cases for which there was no time
        # cases without enough quiet rounds -> CPUs' worth of work that other programs did
        self.disturbed = {}

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        return self

    def __exit__(self, *exception):
        for name in list(self.processes):
            self.stop(name)
        self.folder.cleanup()

    def stop(self, name):
        """End a contender's process, if it runs."""
        if name in self.processes:
            self.processes.pop(name).stop()

    def start(self, contenders):
        """Start those that are not running yet, all at once."""
        new = {
            contender.name: Process(contender, self.timeout, self.folder.name)
            for contender in contenders
            if contender.name not in self.processes and contender.name not in self.missing
        }
        self.processes.update(new)
        for name, process in new.items():
            try:
                self.versions[name] = process.receive()
            except WorkerError as error:
                self.stop(name)
                self.missing[name] = str(error)
                if not isinstance(error, Missing):
                    self.missing[name] = "its process did not start"
                    self.problem(f"{name} did not start: {error}")

    def problem(self, text):
        self.problems.append(text)
        self.say(f"PROBLEM: {text}")

    def ask(self, case, names, method, *arguments):
        """Ask contenders to call a method, all of them at once; return name -> answer.

        Those that give none are problems now and have ended.
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

    def measure(self, case, contenders, budget=2.0):
        """Compare and time one case; return each contender's name -> its figures (see `figures`).

        The budget is about the seconds of timing; slow contenders still get `MIN_ROUNDS` rounds.
        Rounds in which other programs kept the CPUs busy are set aside; to get quiet ones,
        `patience` times the budget may be spent.
        """
        self.start(contenders)
        answers = self.ask(case, [contender.name for contender in contenders], "prepare", case)
        agreeing = self._compare(case, {k: v for k, v in answers.items() if v is not None})
        rounds = self._time(case, agreeing, budget)
        return {name: figures(samples) for name, samples in rounds.items() if samples}

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
        rounds, turns = [], names  # of (foreign load, name -> times)
        for name in names:  # one after the other: from here on only one process works at a time
            self.ask(case, [name], "measure")  # the first turn is for nothing
        began = time.perf_counter()
        while turns and len(rounds) < MAX_ROUNDS:
            spent = time.perf_counter() - began
            quiet = sum(foreign <= load.ALLOWED for foreign, _ in rounds)
            limit = budget if quiet >= MIN_ROUNDS else budget * self.patience
            if len(rounds) >= MIN_ROUNDS and spent > limit:
                break
            watch, used, found = load.Watch(), 0.0, {}
            for name in turns:
                for times, cpu in self.ask(case, [name], "measure").values():
                    found[name] = times
                    used += cpu
            rounds.append((watch.foreign(used), found))
            turns = [name for name in turns[1:] + turns[:1] if name in found]  # all take the lead
        kept = [found for foreign, found in rounds if foreign <= load.ALLOWED]
        if len(kept) < MIN_ROUNDS and rounds:
            kept = [found for _, found in rounds]
            self.disturbed[case.name] = statistics.median(foreign for foreign, _ in rounds)
        return {name: [found[name] for found in kept] for name in names if name in turns}


def race(session, sections, who, end=math.inf):
    """Measure all cases of some sections; yield each section, case and results when it is done.

    ``who(section)`` gives the contenders. After end, a time of ``time.perf_counter``, no further
    case is begun, but skipped.
    """
    everything = [(section, case) for section in sections for case in section.cases]
    for number, (section, case) in enumerate(everything, 1):
        session.say(f"{number}/{len(everything)} {section.title}: {case.name}")
        if time.perf_counter() > end:
            session.skipped.append(case.name)
        else:
            yield section, case, session.measure(case, who(section), budget=section.budget)


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
        fine = np.isfinite(x)
        if not np.array_equal(fine, np.isfinite(y)):
            return f"result {k} has NaN or infinity elsewhere"
        scale = np.abs(x[fine]).max(initial=0.0)
        error = np.abs(x[fine] - y[fine]).max(initial=0.0)
        if error > tolerance * scale:
            return f"result {k} is off by {error:.3g} where the largest number is {scale:.3g}"
        if abs(a["sum"] - b["sum"]) > tolerance * a["size"]:
            return f"the sum of result {k} is {b['sum']:.9g} instead of {a['sum']:.9g}"
    return None


def figures(rounds):
    """Median and quartiles of all samples, and the median of each round, in seconds."""
    samples = [x for times in rounds for x in times]
    low, median, high = np.quantile(samples, (0.25, 0.5, 0.75)).tolist()
    return {
        "median": median,
        "low": low,
        "high": high,
        "samples": len(samples),
        "rounds": [statistics.median(times) for times in rounds],
    }


def ratio(results, name, base):
    """How many times the base's time the contender needs: the median over paired rounds."""
    if name not in results or base not in results:
        return None
    pairs = zip(results[name]["rounds"], results[base]["rounds"], strict=False)
    return statistics.median(a / b for a, b in pairs)
