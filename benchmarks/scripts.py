"""Training scripts of the book, unedited: seconds of a step, alone and through the runner.

The clone is copied to a temporary folder, and gets a synthetic text of 10,000 words where the book
would load one. A step's time comes from the lines that the book's trainers print.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from fastembed.bench.cases import draw_ids

# name -> (script, the model that it is to train where it offers several)
SCRIPTS = {
    "ch03": ("ch03/train.py", None),
    "CBOW": ("ch04/train.py", "CBOW"),
    "SkipGram": ("ch04/train.py", "SkipGram"),
    "ch05": ("ch05/train.py", None),
    "Rnnlm": ("ch06/train_rnnlm.py", None),
    "BetterRnnlm": ("ch06/train_better_rnnlm.py", None),
    "Seq2seq": ("ch07/train_seq2seq.py", "Seq2seq"),
    "PeekySeq2seq": ("ch07/train_seq2seq.py", "PeekySeq2seq"),
    "AttentionSeq2seq": ("ch08/train.py", "AttentionSeq2seq"),
}
WORDS, TOKENS = 10_000, 100_000
COMMANDS = {"python": [], "run": ["-m", "fastembed", "run"]}
LINE = re.compile(r"\| epoch (\d+) \|\s+iter (\d+) / (\d+)")
WINDOW = 0.01  # seconds between two lines that are looked at, at least
SKIPPED, WANTED, LIMIT = 1, 6, 60  # first windows, windows, and seconds after which two will do


def measure(folder, say, problem, names=tuple(SCRIPTS)):
    """Seconds of a step: script -> {"python": alone, "run": through ``python -m fastembed run``}.

    ``problem`` gets a line about each script that ends before it has trained for a while.

    Raises
    ------
    OSError
        If the folder is not a clone of the book's code.
    """
    found = {}
    with tempfile.TemporaryDirectory() as copy:
        copy = Path(copy, "book")
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".git", "*.npy"))
        write_text(copy / "dataset")
        for name in names:
            script, model = SCRIPTS[name]
            choose(copy / script, model)
            times = {}
            try:
                for who, command in COMMANDS.items():
                    say(f"{script}, {name}: {who}")
                    times[who] = step_seconds(command, copy / script)
            except RuntimeError as error:
                problem(f"the book's {name}: {error}")
            else:
                found[name] = times
    return found


def write_text(folder):
    """Files of words like those that the book downloads."""
    rng = np.random.default_rng(0)
    ids = np.concatenate([rng.permutation(WORDS), draw_ids(rng, "zipf", WORDS, TOKENS)])
    for part, some in (("train", ids), ("valid", ids[-5000:]), ("test", ids[-5000:])):
        rows = (some[k : k + 20] for k in range(0, len(some), 20))
        text = "".join(" " + " ".join(f"w{word}" for word in row) + " \n" for row in rows)
        (folder / f"ptb.{part}.txt").write_text(text, "utf-8")


def choose(script, model):
    """Of the lines that make a model, some of them comments, keep the one that makes this one."""

    def turn(match):
        return ("" if match[1] == model else "# ") + f"model = {match[1]}("

    if model is not None:
        text = script.read_text("utf-8")
        script.write_text(re.sub(r"(?m)^(?:# )?model = (\w+)\(", turn, text), "utf-8")


def step_seconds(command, script):
    """Run a script until it has trained for a while; return the median seconds of its steps."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "MPLBACKEND": "Agg"}
    chapter = script.parents[1] / "ch07"  # what a script of ch08 imports needs it on the path
    environment["PYTHONPATH"] = os.pathsep.join(
        map(os.path.abspath, [*filter(None, sys.path), chapter])
    )
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, *command, script.name],
            cwd=script.parent,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        watchdog = threading.Timer(10 * LIMIT, process.kill)
        watchdog.start()
        try:
            windows = _windows(process.stdout)
        finally:
            watchdog.cancel()
            process.kill()
            process.communicate()
        if not windows:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip().splitlines()[-3:]
            raise RuntimeError(f"{script} has not trained for long enough: " + " / ".join(said))
    return statistics.median(windows)


def _windows(lines):
    """Seconds a step between lines that are some time apart; the first windows don't count."""
    windows, last, began = [], None, time.perf_counter()
    for line in lines:
        match = LINE.search(line)
        now = time.perf_counter()
        if not match or (last and now < last[1] + WINDOW):
            continue
        epoch, iteration, steps = map(int, match.groups())
        step = (epoch - 1) * steps + iteration
        if last:
            windows.append((now - last[1]) / (step - last[0]))
        last = step, now
        enough = 2 if now > began + LIMIT else WANTED
        if len(windows) >= SKIPPED + enough:
            break
    return windows[SKIPPED:]
