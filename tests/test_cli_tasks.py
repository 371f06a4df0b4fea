"""``train --task addition | date | word2vec``: their data, and small runs of each."""

import datetime
import re

import numpy as np
import pytest

from fastembed.tasks import checkpoint, questions, seq2seq, word2vec

SMALL = "--examples 400 --epochs 1 --embed 8 --hidden 16 --batch 50".split()


def test_additions_are_right_and_distinct():
    asked, answered = questions.additions(3000, np.random.default_rng(0))
    assert len(set(asked)) == 3000
    lengths = set()
    for question, answer in zip(asked, answered, strict=True):
        a, b = question.split("+")
        assert answer == f"_{int(a) + int(b)}"
        lengths |= {len(a), len(b)}
    assert lengths == {1, 2, 3}


FORMATS = (
    "%B %d, %Y|%b %d, %Y|%A, %B %d, %Y|%d %B %Y|%a %d %b %Y|%m/%d/%y|%m/%d/%Y|%d.%m.%Y|%Y/%m/%d"
).split("|")


def meanings(question):
    text = re.sub(r"(?<=\d)(st|nd|rd|th) of\b", "", question, flags=re.IGNORECASE)
    for pattern in FORMATS:
        try:
            date = datetime.datetime.strptime(text, pattern).date()
        except ValueError:
            continue
        if pattern == "%m/%d/%y" and date.year > 2029:
            date = date.replace(year=date.year - 100)
        yield date


def test_dates_are_read_back_as_their_answers():
    asked, answered = questions.dates(3000, np.random.default_rng(0))
    assert len(set(asked)) == 3000
    for question, answer in zip(asked, answered, strict=True):
        date = datetime.date.fromisoformat(answer.removeprefix("_"))
        assert date in meanings(question), (question, answer)
        assert 1970 <= date.year <= 2029
    assert any(re.search("[0-9](ST|ND|RD|TH) OF", question) for question in asked)


def test_encode_and_decode():
    chars = list(" +0123456789_")
    ids = questions.encode(["1+23", "_4"], chars)
    assert ids.shape == (2, 4) and ids.dtype == np.int32
    assert [questions.decode(row, chars) for row in ids] == ["1+23", "4"]


@pytest.mark.parametrize("name", ["Seq2seq", "PeekySeq2seq", "AttentionSeq2seq"])
def test_batched_answers_are_those_of_generate(name):
    from fastembed import models

    np.random.seed(1)
    model = getattr(models, name)(11, 5, 7)
    for param in model.params:
        param *= 3  # far from the same answer for every question
    xs = np.random.randint(0, 11, (6, 4), dtype=np.int32)
    ids = seq2seq.answers(model, xs, 2, 5)
    assert ids.tolist() == [[int(k) for k in model.generate(x[None], 2, 5)] for x in xs]
    assert len({tuple(row) for row in ids}) > 1


@pytest.mark.parametrize(("task", "extra"), [("addition", []), ("date", ["date-attention.png"])])
def test_seq2seq_tasks_answer_and_write(tmp_path, here, task, extra):
    done = here("train", "--task", task, *SMALL, "--out", "out", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"epoch  1 +[\d.]+% right", done.stdout)
    assert len(re.findall(r"  (?:right|wrong: \S+)\n", done.stdout)) == seq2seq.SHOWN
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == sorted([f"{task}.png", f"{task}.safetensors", *extra])
    tensors, settings, _, chars = checkpoint.load(tmp_path / f"out/{task}.safetensors", task)
    assert settings["hidden"] == 16 and "_" in chars and len(tensors) > 8


@pytest.mark.parametrize("model", ["CBOW", "SkipGram"])
def test_word2vec_finds_words_that_stand_alike(tmp_path, here, model):
    rng = np.random.default_rng(0)
    pets, meals = "kitten puppy rabbit".split(), "breakfast dinner supper".split()
    lines = [
        f"my {rng.choice(pets)} wants its {rng.choice(meals)} now and ever" for _ in range(900)
    ]
    (tmp_path / "text.txt").write_text("\n".join(lines))
    arguments = ["text.txt", "--embed", 16, "--window", 2, "--epochs", 4, "--lr", 0.02]
    done = here(
        "train", "--task", "word2vec", "--model", model, *arguments, "--out", "out", cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    near = dict(re.findall(r"^  (\w+) +(.*)$", done.stdout, re.MULTILINE))
    assert set(near["kitten"].split(", ")[:2]) == {"puppy", "rabbit"}
    assert set(near["dinner"].split(", ")[:2]) == {"breakfast", "supper"}
    tensors, _, _, words = checkpoint.load(tmp_path / "out/word2vec.safetensors", "word2vec")
    assert tensors["word_vectors"].shape == (len(words), 16) and "kitten" in words


def test_nearest_leaves_out_the_banned():
    unit = word2vec.unit_rows(np.array([[1.0, 0], [0.9, 0.1], [0, 1], [-1, 0]]))
    assert word2vec.nearest(unit, unit[0], [0], 2).tolist() == [1, 2]


BAD = (
    "--task date text.txt|--task date --temperature 1|--task date --model CBOW|"
    "--task lm --model CBOW|--task addition --resume|--task word2vec --hidden 5|"
    "--task addition --examples 10 --batch 20|--task word2vec nosuch.txt|"
    "--task word2vec empty.txt|--task addition --out empty.txt|--task date --no-compare"
).split("|")


def test_bad_input_ends_with_one_line(tmp_path, here):
    (tmp_path / "empty.txt").write_text("")
    for arguments in BAD:
        done = here("train", *arguments.split(), cwd=tmp_path)
        assert done.returncode == 2 and done.stdout == "", arguments
        assert done.stderr.startswith("python -m fastembed train: error: "), arguments
        assert done.stderr.count("\n") == 1, arguments
        assert [path.name for path in tmp_path.iterdir()] == ["empty.txt"]


@pytest.mark.filterwarnings("ignore:overflow")  # NumPy may say so before the loss does
@pytest.mark.parametrize("task", ["addition", "word2vec"])
def test_divergence_leaves_the_old_model(tmp_path, here, task):
    small = SMALL if task == "addition" else ["--epochs", 1, "--embed", 8]
    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / f"{task}.safetensors"
    checkpoint.save(path, task, {"W": np.ones(3)}, {}, {}, [])
    good = path.read_bytes()
    done = here("train", "--task", task, *small, "--lr", 1e38, "--out", "out", cwd=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.endswith("choose a smaller --lr\n")
    assert path.read_bytes() == good
