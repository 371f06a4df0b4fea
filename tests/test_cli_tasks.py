"""``train --task addition | date | word2vec``: their data, and small runs of each."""

import datetime
import os
import re
import signal

import numpy as np
import pytest

import fastembed
from fastembed import generation, vectors
from fastembed.tasks import checkpoint, questions, seq2seq, word2vec
from fastembed.tasks.values import UserError
from fastembed.text import CharTokenizer

SMALL = "--examples 400 --epochs 1 --embed 8 --hidden 16 --batch 50".split()


def test_additions_are_right_and_distinct():
    asked, answered = questions.additions(3000, np.random.default_rng(0))
    assert len(set(asked)) == 3000
    lengths = set()
    for question, answer in zip(asked, answered, strict=True):
        a, b = question.split("+")
        assert answer == str(int(a) + int(b))
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
        date = datetime.date.fromisoformat(answer)
        assert date in meanings(question), (question, answer)
        assert 1970 <= date.year <= 2029
    assert any(re.search("[0-9](ST|ND|RD|TH) OF", question) for question in asked)


def test_what_follows_an_answer_is_no_label():
    rows = questions.padded([[1, 2, 3], [4]])
    assert rows.tolist() == [[1, 2, 3], [4, -1, -1]] and rows.dtype == np.int32


@pytest.mark.parametrize(("length", "width"), [(0, 8), (1, 8), (8, 8), (9, 16), (33, 64)])
def test_questions_are_read_backwards_and_padded_to_few_lengths(length, width):
    tokenizer = CharTokenizer("abc")
    ids = generation.question(tokenizer, ("abc" * 11)[:length])
    assert ids == [0] * (width - length) + tokenizer.encode(("abc" * 11)[:length])[::-1].tolist()


def test_batches_hold_every_question_once_and_those_of_a_length_together(rng):
    asked = [[0] * int(n) for n in rng.choice([8, 16, 32], 100)]
    parts = questions.batches(asked, 16, rng)
    assert sorted(k for part in parts for k in part) == list(range(100))
    assert len(parts) == questions.count(asked, 16) and max(map(len, parts)) <= 16
    lengths = [{len(asked[k]) for k in part} for part in parts]
    assert max(map(len, lengths)) == 1 and sorted(map(min, lengths)) != list(map(min, lengths))


@pytest.mark.parametrize("name", seq2seq.MODELS)
def test_padding_changes_no_loss_of_what_follows_it(name):
    """Labels of -1: the loss and the gradients are those of the answers without them."""
    from fastembed import models

    np.random.seed(1)
    model = getattr(models, name)(11, 5, 7)
    xs, ts = np.array([[3, 4, 0]]), np.array([[0, 5, 6, 0]])
    seen = []
    for padding in (0, 3):
        loss = model.forward(xs, np.pad(ts, ((0, 0), (0, padding)), constant_values=-1))
        model.backward()
        seen.append([loss, *(grad.copy() for grad in model.grads)])
    for one, other in zip(*seen, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-8)


def test_pairs_are_read_and_bad_lines_named(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("\ufeffgo\tva\tCC-BY\n\n run \t cours\n", encoding="utf-8")
    assert questions.pairs(path) == (["go", "run"], ["va", "cours"])
    for bad in ("no tab", "\tno question", "no answer\t", "no answer\t \tmore"):
        path.write_text(f"a\tb\n{bad}\n")
        with pytest.raises(UserError, match=r"pairs.tsv: line 2 is not QUESTION, a tab, ANSWER"):
            questions.pairs(path)


@pytest.mark.parametrize("name", seq2seq.MODELS)
def test_batched_answers_are_those_of_generate(name):
    from fastembed import models

    np.random.seed(1)
    model = getattr(models, name)(11, 5, 7)
    for param in model.params:
        param *= 3  # far from the same answer for every question
    asked = [list(np.random.randint(0, 11, n)) for n in (4, 2, 4, 3, 2, 4)]
    ids = model.answers(asked, 10, 5)
    alone = [model.generate(np.array([one]), 10, 5) for one in asked]
    assert ids == [one[: one.index(10)] if 10 in one else one for one in alone]
    assert len(set(map(tuple, ids))) > 1
    assert model.answers(asked, 10, 5, beam_size=2)[0] == model.answers(asked[:1], 10, 5, 2)[0]


@pytest.mark.parametrize(("task", "extra"), [("addition", []), ("date", ["date-attention.png"])])
def test_seq2seq_tasks_answer_and_write(tmp_path, here, task, extra):
    done = here("train", "--task", task, *SMALL, "--out", "out", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"epoch  1 +[\d.]+% right", done.stdout)
    assert len(re.findall(r"  (?:right|wrong: \S+)\n", done.stdout)) == seq2seq.SHOWN
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == sorted([f"{task}.log", f"{task}.png", f"{task}.safetensors", *extra])
    saved = checkpoint.load(tmp_path / f"out/{task}.safetensors", task)
    assert saved.training["settings"]["hidden"] == 16
    assert len(saved.params) > 8 and saved.made_by[1]["hidden_size"] == 16


@pytest.mark.parametrize("model", ["CBOW", "SkipGram"])
def test_word2vec_finds_words_that_stand_alike(tmp_path, here, model):
    rng = np.random.default_rng(0)
    pets, meals = "kitten puppy rabbit".split(), "breakfast dinner supper".split()
    lines = [
        f"my {rng.choice(pets)} wants its {rng.choice(meals)} now and ever" for _ in range(900)
    ]
    (tmp_path / "text.txt").write_text("\n".join(lines))
    arguments = ["text.txt", "--embed", 16, "--window", 2, "--epochs", 60]
    done = here(
        "train", "--task", "word2vec", "--model", model, *arguments, "--out", "out", cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    near = dict(re.findall(r"^  (\w+) +(.*)$", done.stdout, re.MULTILINE))
    assert set(near["kitten"].split(", ")[:2]) == {"puppy", "rabbit"}
    assert set(near["dinner"].split(", ")[:2]) == {"breakfast", "supper"}
    model = fastembed.load(tmp_path / "out")
    assert model.word_vecs.shape == (model.tokenizer.vocab_size, 16)
    assert "kitten" in model.tokenizer.tokens
    assert f"map         out{os.sep}word2vec-words.png" in done.stdout
    assert (tmp_path / "out" / "word2vec-words.png").read_bytes().startswith(b"\x89PNG")
    wv = vectors.load(tmp_path / "out" / "word2vec.bin")
    np.testing.assert_array_equal(
        wv["kitten"], model.word_vecs[model.tokenizer.tokens.index("kitten")]
    )


def test_word2vec_goes_on_as_if_it_had_not_stopped(tmp_path, here, monkeypatch):
    monkeypatch.setattr("fastembed.word2vec.CHUNK", 500)
    rng = np.random.default_rng(0)
    (tmp_path / "text.txt").write_text(" ".join(rng.choice([*"abcdefghijk"], 3000)))
    common = ["train", "--task", "word2vec", "text.txt", "--embed", 8]
    whole = here(*common, "--epochs", 4, "--out", "whole", cwd=tmp_path)
    assert whole.returncode == 0
    learn, steps = word2vec.Training.learn, []

    def interrupted(training, start, stop):
        steps.append(start)
        if len(steps) == 9:  # amid an epoch
            os.kill(os.getpid(), signal.SIGINT)
        return learn(training, start, stop)

    monkeypatch.setattr(word2vec.Training, "learn", interrupted)
    assert here(*common, "--epochs", 4, "--out", "half", cwd=tmp_path).returncode == 130
    assert len(steps) == 9
    assert here(*common, "--out", "half", "--resume", cwd=tmp_path).returncode == 0
    found = [fastembed.load(tmp_path / name) for name in ("whole", "half")]
    for one, other in zip(*(model.params for model in found), strict=True):
        np.testing.assert_array_equal(one, other)


BAD = (
    "--task date text.txt|--task date --temperature 1|--task date --model CBOW|"
    "--task lm --model CBOW|--task addition --resume|--task word2vec --hidden 5|"
    "--task pairs|--task pairs nosuch.tsv|--task pairs empty.txt|--task word2vec nosuch.txt|"
    "--task word2vec empty.txt|--task addition --out empty.txt|--task date --compare"
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
    path.write_bytes(b"good")
    arguments = ["train", "--task", task, *small, "--lr", 1e38, "--out", "out"]
    done = here(*arguments, cwd=tmp_path)
    assert done.returncode == 2 and "--force" in done.stderr
    done = here(*arguments, "--force", cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.endswith("choose a smaller --lr\n")
    assert path.read_bytes() == b"good"
