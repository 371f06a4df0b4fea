"""``python -m fastembed train`` as a user runs it: a process, small text, small sizes."""

import os
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from fastembed import models
from fastembed.tasks import checkpoint, lm
from fastembed.tasks.values import UserError

SMALL = (
    "--embed 8 --hidden 8 --batch 4 --steps 10 --epochs 1 --sample-words 10 --no-compare".split()
)


def fastembed(*arguments, cwd, env=None):
    """The command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "fastembed", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def book():
    """A small text in which words predict words."""
    rng = np.random.default_rng(0)
    animals, acts = ["cat", "dog", "cow"], ["sleeps", "runs", "eats", "sings"]
    lines = (f"The {rng.choice(animals)} {rng.choice(acts)} ." for _ in range(600))
    return "\n\n".join(lines)


@pytest.fixture(scope="module")
def trained(book, tmp_path_factory):
    """A folder in which three epochs were trained, and what the command printed."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "book.txt").write_text(book)
    arguments = [*SMALL[:-1], "--epochs", 3, "--out", "out"]  # the one run that compares
    done = fastembed("train", "book.txt", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done


@pytest.fixture
def copy(trained, tmp_path):
    """A copy of the trained folder, to be changed."""
    shutil.copytree(trained[0], tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def train(copy, here):
    """The command on the text of the copied folder."""

    def run(*arguments, out="out"):
        return here("train", "book.txt", *arguments, "--out", out, cwd=copy)

    return run


def lm_of(folder):
    return checkpoint.load(folder / "lm.safetensors", "lm")


def same(first, second):
    return all(np.array_equal(tensor, second[0][name]) for name, tensor in first[0].items())


def one_line(done, *words):
    """The command ended with status 2 and one line on stderr that has the words."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1 and done.stderr.endswith("\n"), done.stderr
    assert done.stderr.startswith("python -m fastembed train: error: "), done.stderr
    for word in words:
        assert word in done.stderr


def perplexities(done):
    return [float(value) for value in re.findall(r"perplexity +([\d.]+) held out", done.stdout)]


def test_perplexity_falls_and_everything_is_written(trained):
    folder, done = trained
    values = perplexities(done)
    assert len(values) == 3 and values == sorted(values, reverse=True)
    assert values[-1] < 6  # nine words; chance alone would be 11
    assert "sample (temperature 0.6)" in done.stdout
    assert re.search(r"with the plain NumPy layers .* times (faster|slower)", done.stdout)
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["lm.png", "lm.safetensors"]
    assert (folder / "out/lm.png").read_bytes().startswith(b"\x89PNG")
    assert done.stderr == ""


def test_the_checkpoint_rebuilds_the_model(trained):
    folder, done = trained
    tensors, settings, progress, words = lm_of(folder / "out")
    assert words[:2] == ["<unk>", "<eos>"] and {"cat", "sleeps"} <= set(words)
    assert settings == dict(embed=8, hidden=8, min_count=2, batch=4, steps=10, max_grad=0.25)
    assert progress["epoch"] == 3
    assert progress["best"] == pytest.approx(min(perplexities(done)), abs=0.06)
    assert tensors["embed.W"].shape == (len(words), 8) and tensors["embed.W"].dtype == np.float32


def test_the_same_seed_gives_the_same_numbers(copy, trained, train):
    again = train(*SMALL, "--epochs", 3, out="again")
    assert same(lm_of(copy / "out"), lm_of(copy / "again"))
    assert perplexities(again) == perplexities(trained[1])


def test_resume_goes_on_where_it_stopped(copy, train):
    before = lm_of(copy / "out")
    done = train("--resume", "--no-compare", "--epochs", 2)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^epoch +(\d+)", done.stdout, re.MULTILINE) == ["4", "5"]
    after = lm_of(copy / "out")
    assert after[3] == before[3] and after[1] == before[1]
    assert after[2]["best"] <= before[2]["best"]
    assert after[2]["history"]["held out"][:3] == before[2]["history"]["held out"]


def test_resumed_epochs_are_those_of_one_long_run(copy, train):
    # three epochs, then one: the same as four
    train(*SMALL, "--epochs", 4, out="long")
    train("--resume", "--no-compare", "--epochs", 1)
    long, out = lm_of(copy / "long"), lm_of(copy / "out")
    assert long[2] == out[2] and same(long, out)


def test_resume_refuses_what_does_not_fit(copy, book, train):
    one_line(train("--resume", "--hidden", 9), "--hidden 8, not 9")
    nothing = "cannot read nowhere/lm.safetensors", "No such file"
    one_line(train("--resume", out="nowhere"), *nothing)
    (copy / "book.txt").write_text(book.replace("cat", "fox"))
    one_line(train("--resume"), "another text")


def test_a_new_run_keeps_the_old_model_beside_its_own(copy, train):
    old = (copy / "out/lm.safetensors").read_bytes()
    done = train(*SMALL, "--seed", 5)
    assert done.returncode == 0, done.stderr
    assert (copy / "out/lm.previous.safetensors").read_bytes() == old
    assert (copy / "out/lm.safetensors").read_bytes() != old


DAMAGE = {
    "truncated": lambda data: data[: len(data) // 2],
    "flipped": lambda data: data[:-5] + bytes([data[-5] ^ 64]) + data[-4:],
    "vocabulary": lambda data: data.replace(b"sleeps", b"creeps"),
    "empty": lambda data: b"",
    "text": lambda data: b"text",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_refused_and_left(copy, damage, train):
    path = copy / "out/lm.safetensors"
    damaged = DAMAGE[damage](path.read_bytes())
    path.write_bytes(damaged)
    for resume in ([], ["--resume"]):
        one_line(train(*SMALL, *resume), "lm.safetensors", "damaged")
        assert path.read_bytes() == damaged


def test_a_foreign_checkpoint_is_refused_and_left(copy, train):
    from safetensors.numpy import save_file

    path = copy / "out/lm.safetensors"
    save_file({"W": np.zeros(3)}, path)
    for resume in ([], ["--resume"]):
        one_line(train(*SMALL, *resume), "was not written by 'python -m fastembed train'")
    assert path.stat().st_size < 200


def test_a_checkpoint_of_another_task_is_refused(tmp_path):
    checkpoint.save(tmp_path / "x.safetensors", "lm", {"W": np.zeros(3)}, {}, {}, [])
    with pytest.raises(UserError, match="holds the task 'lm', not 'date'"):
        checkpoint.load(tmp_path / "x.safetensors", "date")


def test_fill_refuses_other_shapes(tmp_path):
    with pytest.raises(UserError, match=r"x has shape \(2,\), not \(3,\)"):
        checkpoint.fill([np.zeros(3)], ["x"], {"x": np.zeros(2)}, "file")
    with pytest.raises(UserError, match="holds other parameters: y"):
        checkpoint.fill([np.zeros(3)], ["x"], {"y": np.zeros(3)}, "file")


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, step):
    path = tmp_path / "x.safetensors"
    checkpoint.save(path, "lm", {"W": np.zeros(3)}, {}, {}, [])
    good = path.read_bytes()

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(UserError, match="No space left"):
        checkpoint.save(path, "lm", {"W": np.ones(3)}, {}, {}, [])
    assert path.read_bytes() == good
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, ["cannot read", "No such file"]),
        (lambda path: path.mkdir(), ["is a folder"]),
        (lambda path: path.write_bytes(b""), ["too short: 0 tokens"]),
        (lambda path: path.write_text(" \n\n \n"), ["too short: 0 tokens"]),
        (lambda path: path.write_text("just a few words"), ["too short", "needs 701"]),
        (lambda path: path.write_bytes(b"\xff\xfe\x00a"), ["not UTF-8", "0xff", "position 0"]),
        (lambda path: path.write_bytes(b"ab\0cd"), ["null character"]),
    ],
    ids=["missing", "folder", "empty", "blank", "tiny", "undecodable", "binary"],
)
def test_bad_text_ends_with_one_line(tmp_path, make, words, here):
    make(tmp_path / "text")
    one_line(here("train", "text", "--out", "out", cwd=tmp_path), *words)
    assert not (tmp_path / "out").exists()


def test_bad_input_of_a_process_ends_with_one_line(tmp_path):
    (tmp_path / "good.txt").write_text("a b c")
    one_line(fastembed("train", "good.txt", "nosuch.txt", cwd=tmp_path), "cannot read nosuch.txt")
    one_line(fastembed("train", "--epochs", "0", cwd=tmp_path), "--epochs")


BAD = (
    "--epochs 0|--epochs 1.5|--temperature -1|--temperature nan|--lr 0|--lr inf|--max-grad -0.5|"
    "--embed 0|--hidden -3|--hidden 1000000000|--batch x|--steps 0|--min-count 0|"
    "--sample-words -1|--threads 0|--seed -1|--task cooking|--frobnicate"
).split("|")


def test_bad_options_end_with_one_line(tmp_path, here):
    for arguments in map(str.split, BAD):
        one_line(here("train", *arguments, cwd=tmp_path), arguments[0])
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_ends_with_one_line(train, monkeypatch):
    for out in ("book.txt", "book.txt/deeper"):
        one_line(train(*SMALL, out=out), f"cannot write into folder {out}")
    with pytest.raises(UserError, match="cannot write into folder"):
        checkpoint.Checkpoint("null\0character", "lm").make_folder()

    def refuse(dir):  # permissions do not bind the superuser, who may run this test
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checkpoint.tempfile, "TemporaryFile", refuse)
    one_line(train(*SMALL), "cannot write into folder out: Permission denied")


def test_divergence_ends_with_one_line_and_no_file(copy, train):
    with np.errstate(all="ignore"):
        done = train(*SMALL, "--lr", "1e30", "--max-grad", "1e30", out="new")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("choose a smaller --lr")
    assert "Traceback" not in done.stderr
    assert not (copy / "new/lm.safetensors").exists()


def _start_long(cwd, *arguments):
    """A run of many epochs, returned once it has saved some."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "fastembed", "train", "book.txt", *SMALL]
        + ["--epochs", "100000", "--out", "long", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if line.startswith("epoch  3"):
            return process
    raise AssertionError(process.stderr.read())


def test_ctrl_c_ends_with_a_line_and_keeps_the_checkpoint(copy):
    process = _start_long(copy)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted; long/lm.safetensors holds epoch" in errors
    assert "--resume" in errors and "Traceback" not in errors
    assert lm_of(copy / "long")[2]["epoch"] >= 3


def test_a_killed_run_keeps_a_good_checkpoint(copy, train):
    process = _start_long(copy)
    process.kill()
    process.communicate(timeout=30)
    epoch = lm_of(copy / "long")[2]["epoch"]
    done = train("--resume", "--no-compare", "--epochs", 1, out="long")
    assert done.returncode == 0, done.stderr
    assert f"{epoch} epochs" in done.stdout


def test_a_closed_pipe_ends_quietly(copy):
    process = _start_long(copy)
    process.stdout.close()  # as `| head` does
    process.stdout = None
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 141
    assert errors == ""


def test_without_matplotlib_a_line_says_how_to_get_it(copy):
    shim = copy / "shim/matplotlib"
    shim.mkdir(parents=True)
    (shim / "__init__.py").write_text("raise ImportError('not here')")
    done = fastembed(
        "train", "book.txt", *SMALL, "--out", "new", cwd=copy,
        env={"PYTHONPATH": os.pathsep.join([str(copy / "shim"), os.environ.get("PYTHONPATH", "")])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "pip install matplotlib" in done.stdout
    assert not (copy / "new/lm.png").exists() and (copy / "new/lm.safetensors").exists()


def test_perplexity_is_that_of_the_whole_text():
    np.random.seed(0)
    model, ids = models.Rnnlm(7, 4, 5), np.random.randint(0, 7, 25)
    steps = [model.forward(ids[None, k : k + 1], ids[None, k + 1 : k + 2]) for k in range(24)]
    assert lm.perplexity(model, ids, 1, 6) == pytest.approx(np.exp(np.mean(steps)), rel=1e-5)
    assert lm.perplexity(model, ids[:2], 20, 35) == pytest.approx(np.exp(steps[0]), rel=1e-5)
