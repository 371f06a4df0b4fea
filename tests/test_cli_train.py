"""``python -m fastembed train`` as a user runs it: a process, small text, small sizes."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from fastembed import load, models
from fastembed.tasks import checkpoint, lm, progress, training
from fastembed.tasks.values import UserError
from fastembed.text.corpus import Corpus

SMALL = "--embed 8 --hidden 8 --batch 4 --steps 10 --epochs 1 --sample-words 10".split()


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
    arguments = [*SMALL, "--epochs", 3, "--out", "out", "--compare"]
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


def progress_of(folder):
    """Where training stands, but for the time that it took."""
    return lm_of(folder).training["progress"] | {"seconds": 0}


def same(first, second):
    return all(map(np.array_equal, first.params, second.params))


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
    files = ["lm-corpus", "lm.log", "lm.png", "lm.safetensors"]
    assert sorted(path.name for path in (folder / "out").iterdir()) == files
    assert (folder / "out/lm.png").read_bytes().startswith(b"\x89PNG")
    assert done.stderr == ""


def test_the_checkpoint_rebuilds_the_model(trained):
    folder, done = trained
    saved = lm_of(folder / "out")
    words = saved.tokenizer.tokens
    assert words[:2] == ["<unk>", "<eos>"] and {" cat", " sleeps"} <= set(words)
    sizes = dict(embed=8, hidden=8, batch=4, steps=10, max_grad=1.0, dropout=0.25)
    count = (len(Corpus(folder / "out/lm-corpus").train) - 1) // 40
    rates = dict(warmup=0.05, weight_decay=0.1, patience=-(-lm.WAIT // count), label_smoothing=0.0)
    assert saved.training["settings"] == dict(
        **sizes, **rates, model="BetterRnnlm", min_count=2, level="word", seed=1
    )
    progress = saved.training["progress"]
    assert progress["epoch"] == progress["until"] == 3
    assert progress["best"] == pytest.approx(min(perplexities(done)), abs=0.06)
    model = load(folder / "out")
    assert type(model) is models.BetterRnnlm and model.params[0].shape == (len(words), 8)
    held_out = Corpus(folder / "out/lm-corpus").held_out
    assert lm.perplexity(model, held_out, 4, 10) == pytest.approx(progress["best"], rel=1e-6)


def test_the_same_seed_gives_the_same_numbers(copy, trained, train):
    again = train(*SMALL, "--epochs", 3, out="again")
    assert same(lm_of(copy / "out"), lm_of(copy / "again"))
    assert perplexities(again) == perplexities(trained[1])


def test_resume_goes_on_where_it_stopped(copy, train):
    before = progress_of(copy / "out")
    done = train("--resume", "--epochs", 2)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^epoch +(\d+)", done.stdout, re.MULTILINE) == ["4", "5"]
    after = progress_of(copy / "out")
    assert after["best"] <= before["best"]
    assert after["history"]["held out"][:3] == before["history"]["held out"]


def test_resume_finds_text_and_folder_of_the_last_run_by_itself(copy, here):
    for _ in range(2):
        assert here("train", "book.txt", *SMALL, cwd=copy).returncode == 0
    (copy / "book.txt").unlink()
    done = here("train", "--resume", "--epochs", 0, cwd=copy)
    assert done.returncode == 0 and "resumed     fastembed-train-2/lm.safetensors" in done.stdout
    assert "sample" in done.stdout and "\nepoch" not in done.stdout


def test_resume_makes_damaged_ids_again_of_the_text(copy, train, here):
    ids = copy / "out/lm-corpus/train"
    good = ids.read_bytes()
    ids.write_bytes(b"\xff" * len(good))
    one_line(here("train", "--resume", "--out", "out", cwd=copy), "damaged: its checksum")
    assert train("--resume", "--epochs", 1).returncode == 0
    assert ids.read_bytes() == good


def test_resume_refuses_what_does_not_fit(copy, book, train):
    one_line(train("--resume", "--hidden", 9), "--hidden 8, not 9")
    one_line(train("--resume", out="nowhere"), "no nowhere/lm.safetensors to go on with")
    (copy / "book.txt").write_text(book.replace("cat", "fox"))
    one_line(train("--resume"), "another text")
    one_line(train(*SMALL, "--epochs", 0, out="new"), "--epochs: must be >= 1")


def test_resume_with_other_batches_begins_the_epoch_again(copy, train):
    done = train("--resume", "--batch", 5, "--epochs", 1)
    assert done.returncode == 0, done.stderr
    assert "batch 5" in done.stdout and lm_of(copy / "out").training["settings"]["batch"] == 5


def test_one_width_is_that_of_both_tied_layers(copy, train):
    small = "--batch 4 --steps 10 --epochs 1 --sample-words 0".split()
    for n, option in enumerate(("--embed", "--hidden")):
        done = train(*small, option, 6, out=f"width{n}")
        assert "BetterRnnlm, embed 6, hidden 6," in done.stdout, done.stderr
    one_line(
        train(*small, "--embed", 6, "--hidden", 7, out="odd"), "--embed 6 and --hidden 7 must be"
    )
    assert not (copy / "odd").exists()
    done = train(*small, "--embed", 6, "--hidden", 7, "--model", "Rnnlm", out="odd")
    assert "Rnnlm, embed 6, hidden 7," in done.stdout, done.stderr


def test_nothing_is_overwritten_unasked(copy, train, here):
    old = (copy / "out/lm.safetensors").read_bytes()
    one_line(train(*SMALL), "out/lm.safetensors holds a model", "--resume", "--force")
    assert (copy / "out/lm.safetensors").read_bytes() == old
    done = train(*SMALL, "--seed", 5, "--force")
    assert done.returncode == 0, done.stderr
    assert (copy / "out/lm.safetensors").read_bytes() != old
    for name in ("fastembed-train", "fastembed-train-2", "fastembed-train-3"):
        done = here("train", "book.txt", *SMALL, cwd=copy)
        assert f"model       {name}/lm.safetensors" in done.stdout
    (copy / "new").mkdir()
    (copy / "new/lm.safetensors").mkdir()
    one_line(train(*SMALL, "--force", out="new"), "Not a regular file")


def test_between_epochs_it_is_saved_and_told_now_and_then(copy, train, monkeypatch):
    """Without a terminal in lines, which are in the log file too."""
    monkeypatch.setattr(progress, "EVERY", 0)
    monkeypatch.setattr(training, "SAVE_EVERY", 0)
    saves = []
    monkeypatch.setattr(training.Training, "save", lambda run: saves.append(run.step))
    done = train(*SMALL, out="new")
    assert done.returncode == 0, done.stderr
    lines = re.findall(r"^epoch  1 +\d+%  loss [\d.]+  [\d,]+ tokens/s  \d\d:\d\d left$",
                       done.stdout, re.M)  # fmt: skip
    assert len(lines) > 20 and lines[-1] in (copy / "new/lm.log").read_text()
    assert saves == [*range(1, len(lines) + 1), 0]


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
    one_line(train("--resume"), "out/lm.safetensors is not a safetensors file")
    assert path.read_bytes() == damaged


def test_a_foreign_checkpoint_is_refused_and_left(copy, train):
    path = copy / "out/lm.safetensors"
    models.Rnnlm(5, 3, 3).save(path)
    one_line(train("--resume"), "was not written by 'python -m fastembed train'")


def test_a_checkpoint_of_another_task_is_refused(copy):
    with pytest.raises(UserError, match="holds the task 'lm', not 'date'"):
        checkpoint.load(copy / "out/lm.safetensors", "date")


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, step):
    path, model = tmp_path / "x.safetensors", models.Rnnlm(5, 3, 3)
    checkpoint.save(path, "lm", model, model.params, {}, {}, {})
    good = path.read_bytes()

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(UserError, match="No space left"):
        checkpoint.save(path, "lm", model, model.params, {"W": np.ones(3)}, {}, {})
    assert path.read_bytes() == good
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, ["cannot read", "No such file"]),
        (lambda path: path.mkdir(), ["folder text holds no text"]),
        (lambda path: path.write_bytes(b""), ["too short: "]),
        (lambda path: path.write_text(" \n\n \n"), ["too short: "]),
        (
            lambda path: path.write_text("just a few words " * 9),
            ["too short", "needs 36", "--level char, or more text"],
        ),
        (lambda path: path.write_bytes(b"\xffabc"), ["not UTF-8", "0xff", "position 0"]),
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
    "--min-count 9999999999999999999|--sample-words -1|--threads 0|--seed -1|--task fry|--frob"
).split("|")


def test_bad_options_end_with_one_line(tmp_path, here):
    for arguments in map(str.split, BAD):
        one_line(here("train", *arguments, cwd=tmp_path), arguments[0])
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_ends_with_one_line(train, monkeypatch):
    for out in ("book.txt", "book.txt/deeper", "o" * 300):
        one_line(train(*SMALL, out=out), f"cannot write into folder {out}")
    with pytest.raises(UserError, match="cannot write into folder"):
        with checkpoint.Checkpoint("lm", "null\0character").folder():
            pass

    def refuse(dir):  # permissions do not bind the superuser, who may run this test
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checkpoint.tempfile, "TemporaryFile", refuse)
    one_line(train(*SMALL, out="new"), "cannot write into folder new: Permission denied")


@pytest.mark.parametrize("lr", ["1e30", "1000"])
def test_divergence_is_said_with_status_1_and_leaves_no_file(copy, train, lr):
    with np.errstate(all="ignore"):
        done = train(*SMALL, "--lr", lr, "--max-grad", "1e30", out="new")
    assert done.returncode == 1
    assert "training diverged (loss " in done.stderr
    assert done.stderr.splitlines()[-1].endswith("choose a smaller --lr")
    assert "Traceback" not in done.stderr
    assert not (copy / "new/lm.safetensors").exists()


def test_divergence_in_a_later_epoch_leaves_the_best(copy, train):
    before = lm_of(copy / "out")
    with np.errstate(all="ignore"):
        done = train("--resume", "--epochs", 1, "--lr", "1e30")
    assert done.returncode == 1 and "training diverged" in done.stderr
    assert "out/lm.safetensors holds epoch 3" in done.stderr
    assert same(lm_of(copy / "out"), before)


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
    assert "interrupted; long/lm.safetensors holds what was trained" in errors
    assert "--resume" in errors and "Traceback" not in errors
    assert progress_of(copy / "long")["epoch"] >= 3


def test_sigterm_before_training_leaves_nothing(tmp_path):
    os.mkfifo(tmp_path / "text")
    process = subprocess.Popen(
        [sys.executable, "-m", "fastembed", "train", "text", "--out", "new"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    with open(tmp_path / "text", "w") as pipe:
        pipe.write("some text ")
        pipe.flush()
        while not list(tmp_path.glob("new/lm-corpus/.new.*/text.txt")):
            time.sleep(0.01)
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 143
    assert errors == "\npython -m fastembed train: interrupted\n"
    assert os.listdir(tmp_path) == ["text"]


def test_two_runs_do_not_train_in_one_folder(copy, train):
    process = _start_long(copy)
    log = (copy / "long/lm.log").read_text()
    for way in ("--force", "--resume"):
        done = train(*SMALL[:2], "--epochs", 1, way, out="long")
        one_line(done, "another run trains in long: choose another --out")
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 143
    assert (copy / "long/lm.log").read_text().startswith(log)
    assert "UserError" not in (copy / "long/lm.log").read_text()
    assert train("--resume", "--epochs", 1, out="long").returncode == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device")
def test_a_log_that_cannot_be_written_is_named():
    say = progress.Say()
    say.note("so far")
    with pytest.raises(UserError, match="^cannot write /dev/full: No space left on device$"):
        say.log_to("/dev/full")
    say.close()


def test_label_smoothing_is_kept_and_held_out_figures_are_without_it(copy, train):
    done = train(*SMALL, "--label-smoothing", 0.9, "--epochs", 2, out="smooth")
    assert done.returncode == 0, done.stderr
    saved = lm_of(copy / "smooth").training
    assert saved["settings"]["label_smoothing"] == 0.9
    seen, held_out = (saved["progress"]["history"][name][-1] for name in ("training", "held out"))
    assert held_out < seen  # which is that of smoothed labels
    model = load(copy / "smooth")
    ids = Corpus(copy / "smooth/lm-corpus").held_out
    assert lm.perplexity(model, ids, 4, 10) == pytest.approx(min(perplexities(done)), abs=0.06)
    assert train("--resume", "--epochs", 1, out="smooth").returncode == 0


def test_a_killed_run_keeps_a_good_checkpoint(copy, train):
    process = _start_long(copy)
    process.kill()
    process.communicate(timeout=30)
    epoch = progress_of(copy / "long")["epoch"]
    done = train("--resume", "--epochs", 1, out="long")
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


def test_a_name_that_is_no_text_goes_into_the_log(tmp_path):
    say = progress.Say()
    say.note(f"text        {os.fsdecode(b'caf%c.txt' % 233)}")
    say.log_to(tmp_path / "lm.log")
    say.close()
    assert (tmp_path / "lm.log").read_text("utf-8").endswith("  text        caf\\udce9.txt\n")
