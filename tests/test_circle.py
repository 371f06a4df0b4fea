"""The whole circle of each task by the command line: train, Ctrl-C, resume, load, use."""

import re
import signal
import subprocess
import sys

import numpy as np
import pytest

import fastembed
from fastembed.tasks import checkpoint, training

TASKS = ["lm", "pairs", "addition", "date", "word2vec"]
SMALL = {
    "lm": "text.txt --embed 8 --hidden 8 --batch 4 --steps 10 --sample-words 5",
    "pairs": "pairs.tsv --embed 8 --hidden 16 --batch 10",
    "addition": "--examples 60 --embed 8 --hidden 16 --batch 10",
    "date": "--examples 60 --embed 8 --hidden 16 --batch 10",
    "word2vec": "words.txt --embed 8 --window 2",
}
LINES = ["the cat sleeps all day", "a dog runs and eats", "the cow sings", "a cat eats the fish"]


@pytest.fixture
def folder(tmp_path):
    """With a small text and small pairs in it."""
    rng = np.random.default_rng(0)
    text = "\n\n".join(LINES[k] + "." for k in rng.integers(0, len(LINES), 300))
    (tmp_path / "text.txt").write_text(text)
    (tmp_path / "words.txt").write_text((text + "\n\n") * 20)  # a step takes 8,192 words
    pairs = [f"{k} {LINES[k % 4][: 3 + k % 9]}\t{LINES[k % 4][::-1]}\tnote" for k in range(60)]
    (tmp_path / "pairs.tsv").write_text("\n".join(pairs))
    return tmp_path


@pytest.fixture
def train(folder, here):
    def train(task, *arguments, out="out"):
        small = SMALL[task].split()
        return here("train", "--task", task, "--out", out, *small, *arguments, cwd=folder)

    return train


class After:
    """What says that Ctrl-C came, after it was asked so many times."""

    def __init__(self, times):
        self.left = times

    def __bool__(self):
        self.left -= 1
        return self.left < 0

    def __getitem__(self, k):
        return signal.SIGINT

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


def saved(folder, task):
    found = checkpoint.load(folder / f"{task}.safetensors", task)
    progress = {k: v for k, v in found.training["progress"].items() if k not in ("seconds", "data")}
    progress["history"] = {k: v for k, v in progress["history"].items() if not k.endswith("s/s")}
    return [*found.params, *found.others.values()], progress, list(found.others)


def same(first, second):
    for one, other in zip(first[0], second[0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert first[1:] == second[1:]


@pytest.mark.parametrize("task", TASKS)
def test_after_ctrl_c_a_run_goes_on_as_if_nothing_had_been(task, folder, train, monkeypatch):
    """In the middle of the second epoch: the losses, parameters and states are the same bits."""
    whole = train(task, "--epochs", 3, out="whole")
    assert (whole.returncode, whole.stderr) == (0, "")
    count = saved(folder / "whole", task)[1]["step"]
    assert count == 0
    with monkeypatch.context() as patch:
        steps = {"lm": 40, "word2vec": 6}.get(task, 9)
        patch.setattr(training, "_interrupts", lambda: After(steps))
        broken = train(task, "--epochs", 3)
    assert broken.returncode == 130 and "--resume goes on from it" in broken.stderr
    assert saved(folder / "out", task)[1]["step"] > 0
    done = train(task, "--resume")
    assert (done.returncode, done.stderr) == (0, "")
    same(saved(folder / "out", task), saved(folder / "whole", task))
    told = [re.findall(r"^epoch .*?(?=, lr)", run.stdout, re.M) for run in (whole, broken, done)]
    assert told[1] + told[2] == told[0] and len(told[0]) == 3


def stop(folder, task, number):
    """A real signal, to a process of its own, once it has told of some epochs."""
    arguments = ["train", "--task", task, "--out", "out", *SMALL[task].split()]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "fastembed", *arguments, "--epochs", "100000"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if line.startswith("epoch  2"):
            process.send_signal(number)
            break
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + number, errors
    assert "Traceback" not in errors and f"out/{task}.safetensors holds what was" in errors


def use(task, folder, here):
    """Load the model in Python and by the command; what both say is the same."""
    path = folder / "out" / f"{task}.safetensors"
    model = fastembed.load(path)
    if task == "lm":
        np.random.seed(3)
        told = model.generate("the cat", sample_size=9, temperature=0.8)
        done = here(
            "generate", "out", "--prompt", "the cat", "--length", 8, "--seed", 3, cwd=folder
        )
        assert told.startswith("the cat ")
    elif task == "word2vec":
        assert {"cat", "dog"} < set(model.tokenizer.tokens)
        assert model.word_vecs.shape == (model.tokenizer.vocab_size, 8)
        for arguments in (["similar", path, "cat"], ["analogy", path, "cat", "dog", "cow"]):
            done = here(*arguments, cwd=folder)
            assert (done.returncode, done.stderr) == (0, "") and "fish" in done.stdout
        return
    else:
        question = {"addition": "12+7", "date": "May 3, 1999", "pairs": "4 the c"}[task]
        told = model.translate(question)
        done = here("translate", "out", question, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == told + "\n"


@pytest.mark.parametrize("task", TASKS)
def test_the_circle(task, folder, train, here):
    stop(folder, task, signal.SIGTERM if task in ("lm", "pairs", "word2vec") else signal.SIGINT)
    done = train(task, "--resume", "--epochs", 1)
    assert (done.returncode, done.stderr) == (0, "")
    before = saved(folder / "out", task)
    done = train(task, "--resume", "--epochs", 0)
    assert done.returncode == 0, done.stderr
    same(saved(folder / "out", task), before)
    use(task, folder, here)
    log = (folder / "out" / f"{task}.log").read_text()
    assert "epoch  1" in log and "Stopped: ; out/" in log
