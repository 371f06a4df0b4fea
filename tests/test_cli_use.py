"""``python -m fastembed generate`` and ``translate``: what is written, asked, refused."""

import io
import subprocess
import sys

import numpy as np
import pytest

from fastembed import models
from fastembed.text import CharTokenizer

LETTERS = "ab c.\u00e9\ud55c"


def save(kind, path, tokenizer=True):
    np.random.seed(2)
    model = kind(257 + len(LETTERS), 5, 5)
    for param in model.params:
        param *= 3
    model.params[-1][1:257] = -100  # no bytes
    if tokenizer:
        model.tokenizer = CharTokenizer(LETTERS, "\n")
    model.save(path)
    return model


@pytest.fixture
def lm(tmp_path):
    return save(models.Rnnlm, tmp_path / "lm.safetensors")


@pytest.fixture
def pairs(tmp_path):
    return save(models.AttentionSeq2seq, tmp_path / "pairs.safetensors")


@pytest.fixture
def generate(lm, tmp_path, here):
    def run(*arguments):
        done = here("generate", "lm.safetensors", *arguments, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


@pytest.fixture
def translate(pairs, tmp_path, here):
    def run(*arguments):
        done = here("translate", "pairs.safetensors", "--longest", 9, *arguments, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


def typed(monkeypatch, text, terminal=False):
    file = io.StringIO(text)
    file.isatty = lambda: terminal
    monkeypatch.setattr("sys.stdin", file)


def test_a_seed_writes_the_same_again_and_without_one_it_differs(generate):
    first = generate("--prompt", "a b", "--seed", 4)
    assert first.startswith("a b") and len(first) > 60
    assert generate("--prompt", "a b", "--seed", 4) == first
    assert len({generate("--length", 30) for _ in range(3)}) > 1
    assert len(generate("--length", 7)) <= 8


def test_options_are_those_of_the_method(generate, lm):
    np.random.seed(1)
    options = dict(temperature=0.5, top_k=4, top_p=0.9)
    told = lm.generate("c", sample_size=31, **options)
    choice = "--seed 1 --temperature 0.5 --top-k 4 --top-p 0.9 --length 30"
    assert generate("--prompt", "c", *choice.split()) == told + "\n"
    assert generate("--prompt", "c", *choice.split(), "--stop", told[10]) == (
        told[: told.index(told[10], 1)] + "\n"
    )
    beam = lm.generate("c", sample_size=13, beam_size=3)
    assert generate("--prompt", "c", "--beam", 3, "--length", 12) == beam + "\n"


def test_the_prompt_may_come_from_a_pipe(generate, monkeypatch):
    typed(monkeypatch, "a b\n")
    assert generate("--prompt", "-", "--length", 5).startswith("a b")


def test_text_comes_as_it_is_written(lm, tmp_path):
    """The first letters are there long before the last."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fastembed", "generate", "lm.safetensors", "--length", "1000000"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
    )
    assert len(process.stdout.read(20)) == 20 and process.poll() is None
    process.kill()
    process.communicate()


def test_questions_are_arguments_a_file_or_a_pipe(translate, pairs, tmp_path, monkeypatch):
    questions = ["a", "", "bb c", "\u00e9"]
    expected = "".join(f"{answer}\n" for answer in pairs.translate(questions, longest=9))
    assert translate(*questions) == expected
    (tmp_path / "questions.txt").write_bytes("\n".join(questions).encode("utf-16"))
    assert translate("--file", "questions.txt") == expected
    (tmp_path / "bare").write_bytes("\r\n".join(questions).encode("cp1252") + b"\r\n")
    assert translate("--file", "bare", "--encoding", "cp1252") == expected
    beam = pairs.translate("bb c", longest=9, beam_size=4)
    assert translate("bb c", "--beam", 4) == beam + "\n"


def test_a_pipe_is_read_to_its_end(pairs, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "fastembed", "translate", "."],
        cwd=tmp_path,
        input="a\nbb\n",
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.stdout == "".join(f"{answer}\n" for answer in pairs.translate(["a", "bb"]))


def test_at_a_terminal_it_asks(translate, pairs, monkeypatch):
    typed(monkeypatch, "a\nbb\n", terminal=True)
    answers = pairs.translate(["a", "bb"], longest=9)
    assert translate() == f"? {answers[0]}\n? {answers[1]}\n? \n"


def test_attention_is_drawn(pairs, tmp_path, here):
    done = here("translate", ".", "bb c", "a", "--attention", "a.png", cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == "attention: a.png\n"
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


BAD = {
    "generate nosuch": "No file: nosuch",
    "generate text": "is not a safetensors file",
    "generate pairs.safetensors": "holds a AttentionSeq2seq, not a language model",
    "generate bare.safetensors": "holds no vocabulary",
    "generate .": "bare.safetensors, lm.safetensors, pairs.safetensors, plain.safetensors",
    "generate lm.safetensors --top-p 1.5": "must be a number > 0 and <= 1",
    "generate lm.safetensors --beam 2 --top-k 3": "--beam",
    "generate lm.safetensors --temperature -1": "--temperature",
    "translate lm.safetensors a": "holds a Rnnlm, not a model that answers",
    "translate pairs.safetensors a --file text": "--file: not together with TEXT",
    "translate pairs.safetensors --file nosuch": "cannot read nosuch",
    "translate pairs.safetensors --file text --encoding x": "--encoding",
    "translate pairs.safetensors --attention a.png": "--attention: needs TEXT",
    "translate plain.safetensors a --attention a.png": "has no attention",
}


def test_bad_input_ends_with_one_line(lm, pairs, tmp_path, here):
    (tmp_path / "text").write_text("text")
    save(models.Rnnlm, tmp_path / "bare.safetensors", tokenizer=False)
    save(models.Seq2seq, tmp_path / "plain.safetensors")
    for arguments, words in BAD.items():
        done = here(*arguments.split(), cwd=tmp_path)
        assert done.returncode == 2 and done.stdout == "", arguments
        assert done.stderr.count("\n") == 1 and words in done.stderr, (arguments, done.stderr)
