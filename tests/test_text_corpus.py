"""A text as ids in files: what is held out, what is said, how much memory it takes."""

import os

import numpy as np
import pytest
from helpers import linux, run_code
from hypothesis import given
from hypothesis import strategies as st
from languages import LANGUAGES, TEXTS, book

from fastembed._errors import UserError
from fastembed.models import Rnnlm
from fastembed.optimizer import SGD
from fastembed.text import corpus as corpora
from fastembed.text import tokenizer as tokenizers
from fastembed.text.corpus import Corpus
from fastembed.text.sources import find
from fastembed.text.split import divide, paragraph_end
from fastembed.trainer import RnnlmTrainer


@pytest.fixture
def make(tmp_path):
    """A corpus of a text, in a folder of its own."""

    def run(text, folder="ids", **options):
        path = tmp_path / "text.txt"
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8", newline="\n")
        return Corpus.make(find([path]), tmp_path / folder, **options)

    return run


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("level", [None, "char", "subword"])
def test_the_files_are_the_text(make, language, level):
    text = book(language, 600)
    corpus = make(text, level=level)
    for ids in (corpus.train, corpus.held_out):
        assert isinstance(ids, np.memmap) and ids.dtype == np.int32 and not ids.flags.writeable
        assert ids[-1] == corpus.tokenizer.eos_id
    assert corpus.unknown < 0.02
    decode = corpus.tokenizer.decode
    train, held_out = decode(corpus.train), decode(corpus.held_out)
    assert len(train) + len(held_out) == pytest.approx(len(text), abs=3)
    assert len(held_out) == pytest.approx(corpus.characters, abs=2)
    assert len(held_out.encode()) == pytest.approx(corpus.size, abs=2)
    assert 0.05 < len(held_out) / len(text) < 0.15
    paragraphs = sorted(one.rstrip() for one in f"{train}\n\n{held_out}".split("\n\n"))
    assert list(filter(None, paragraphs)) == sorted(text.rstrip().split("\n\n"))


def test_the_report_says_what_was_done(make):
    corpus = make(book("English"), level="word")
    text, tokens, vocabulary, unknown = corpus.report
    assert text.startswith("text        ") and text.endswith(" characters")
    assert tokens == (
        f"tokens      {len(corpus.train):,} to train on, {len(corpus.held_out):,} held out "
        f"({corpus.characters / len(corpus.held_out):.2f} characters each)"
    )
    assert vocabulary == f"vocabulary  {corpus.tokenizer.vocab_size:,} words (as asked)"
    assert unknown == "unknown     0.0% of the held-out part is <unk>"
    assert len(make(book("Korean"), "other", level="char").report) == 3


def test_the_share_of_unknown_words_is_that_of_the_held_out_part(make):
    text = "\n\n".join(f"the number {k} and the number {k + 1}" for k in range(2000))
    corpus = make(text, level="word")
    share = np.mean(corpus.held_out == corpus.tokenizer.unk_id)
    assert corpus.unknown == share and 0.05 < share < 0.5
    assert f"{share:.1%} of the held-out part is <unk>" in corpus.report[3]
    assert make(text, "other").unknown == 0


def test_bits_per_character(make):
    corpus = make(book("Japanese"))
    tokens = len(corpus.held_out)
    assert corpus.bits_per_character(np.log(2)) == pytest.approx(tokens / corpus.characters)
    spelt = make(book("Japanese"), "char", level="char")
    assert spelt.bits_per_character(np.log(8)) == pytest.approx(3, rel=0.02)  # <eos> is two


def test_the_same_text_is_not_read_again(make, tmp_path, monkeypatch):
    first = make(book("Hindi"))
    before = os.stat(tmp_path / "ids/train").st_mtime_ns
    made = []
    monkeypatch.setattr(corpora, "_make", lambda *a: made.append(a) or real(*a))
    real = _make
    assert make(book("Hindi")).digest == first.digest
    assert not made and os.stat(tmp_path / "ids/train").st_mtime_ns == before
    assert make(book("Hindi"), level="char").digest != first.digest
    other = make(book("Hindi", seed=4), level="char")
    assert len(made) == 2 and other.digest != first.digest
    assert sorted(os.listdir(tmp_path / "ids")) == [
        "corpus.json",
        "held_out",
        "tokenizer.json",
        "train",
    ]
    opened = Corpus(tmp_path / "ids")
    assert np.array_equal(opened.train, other.train) and opened.report == other.report


_make = corpora._make


def test_a_tokenizer_that_there_is_already_is_used(make):
    tokenizer = tokenizers.CharTokenizer.train(["ab ab"])
    corpus = make(book("Thai"), tokenizer=tokenizer)
    assert corpus.tokenizer.to_json() == tokenizer.to_json()
    assert "(that of the model)" in corpus.report[2]


@pytest.mark.parametrize("name", ["corpus.json", "tokenizer.json", "train", "held_out"])
def test_damaged_files_are_refused_and_made_again(make, tmp_path, name):
    good = make(book("Korean"))
    (tmp_path / "ids" / name).write_bytes(b"{}")
    with pytest.raises(UserError, match="cannot read the corpus in .*ids: "):
        Corpus(tmp_path / "ids")
    assert make(book("Korean")).digest == good.digest


@pytest.mark.parametrize("name", ["train", "held_out"])
def test_one_wrong_bit_of_the_ids_is_found(make, tmp_path, name):
    make(book("Korean"))
    data = bytearray((tmp_path / "ids" / name).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "ids" / name).write_bytes(data)
    with pytest.raises(UserError, match="damaged: its checksum does not fit"):
        Corpus(tmp_path / "ids")


def test_what_cannot_be_made_is_said(make, tmp_path):
    with pytest.raises(UserError, match="text is too short: 5 characters"):
        make("short")
    with pytest.raises(UserError, match="too short: it is empty"):
        make("")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot make the corpus in .*file: "):
        make(book("Thai"), "file")
    with pytest.raises(UserError, match="vocab_size of level char must be"):
        make(book("Thai"), level="char", vocab_size=3)
    assert not list((tmp_path / "ids").iterdir())  # nothing is left of what failed


@pytest.mark.parametrize("name", ["-", pytest.param("/dev/stdin", marks=linux)])
def test_what_comes_through_a_pipe_can_be_a_corpus(tmp_path, name):
    code = """
    import sys
    from fastembed.text import Corpus, find
    corpus = Corpus.make(find([sys.argv[1]]), sys.argv[2])
    print(len(corpus.tokenizer.decode(corpus.train)) + corpus.characters, corpus.report[0])
    """
    text = book("Korean")
    done = run_code(code, name, tmp_path / "ids", input=text, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    count, said = done.stdout.split(" ", 1)
    assert int(count) == pytest.approx(len(text), abs=3)
    assert said.startswith(f"text        {'standard input' if name == '-' else name}: ")
    assert not (tmp_path / "ids/text.txt").exists()


def unlike(count, words=12, seed=0):
    """Paragraphs of numbers, none like another."""
    draw = np.random.default_rng(seed)
    return [" ".join(map(str, draw.integers(1000, 9999, 3 * words))) for _ in range(count)]


def test_what_training_sees_too_is_not_held_out(make):
    paragraphs = unlike(500)
    paragraphs[95] = paragraphs[5]  # one of each ten fives is held out
    corpus = make("\n\n".join(paragraphs), level="char")
    decode = corpus.tokenizer.decode
    held_out = decode(corpus.held_out)
    assert paragraphs[5] in decode(corpus.train) and paragraphs[5] not in held_out
    assert paragraphs[94] in held_out and paragraphs[96] in held_out
    assert corpus.report[-1] == (
        "repeated    2.0% of the held-out part stood in the training part too: it was left out"
    )


@pytest.mark.parametrize("times", [2, 7, 50])
def test_of_a_text_that_repeats_itself_training_goes_without_what_is_held_out(make, times):
    paragraphs = unlike(300)
    corpus = make("\n\n".join(paragraphs * times), level="char")
    parts = (corpus.tokenizer.decode(ids).split("\n\n") for ids in (corpus.train, corpus.held_out))
    train, held_out = (list(filter(None, part)) for part in parts)
    assert sorted({*train, *held_out}) == sorted(paragraphs)
    assert not set(train) & set(held_out)
    assert 25 <= len(held_out) == len(set(held_out)) <= 30
    assert len(train) == times * (300 - len(held_out))
    assert (
        "% of the held-out part stood in the training part too: of the different "
        in (corpus.report[-1])
    )


def test_a_text_that_is_one_paragraph_over_and_over_is_kept_and_that_is_said(make):
    corpus = make("\n\n".join(unlike(1) * 400), level="char")
    assert len(corpus.held_out) == pytest.approx(len(corpus.train) / 9, rel=0.1)
    assert corpus.report[-1].endswith("held-out figures tell what is remembered")


def test_ends_of_paragraphs():
    assert paragraph_end([book("English")]) == "\n\n"
    assert paragraph_end(["a line\n" * 3000]) == "\n"
    assert paragraph_end(["a line\n" * 3000, "\n", "a line\n" * 3000]) == "\n"
    assert paragraph_end([]) == "\n\n"


def test_a_tenth_spread_over_the_text_is_held_out():
    text = "\n\n".join(f"w{k:05}" for k in range(20_000))
    parts = list(divide([text], len(text), "\n\n"))
    held_out = [int(one[1:]) for held, part in parts if held for one in part.split("\n\n") if one]
    assert len(held_out) == pytest.approx(2000, abs=10)
    assert [sum(4000 * k <= n < 4000 * (k + 1) for n in held_out) for k in range(5)] == (
        pytest.approx([400] * 5, abs=5)
    )
    huge = [text] * 500
    total = sum(map(len, huge))
    held_out = sum(len(part) for held, part in divide(huge, total, "\n\n") if held)
    assert held_out == pytest.approx(2_000_000, rel=0.01)


@given(
    st.lists(st.text("ab \n", max_size=30), max_size=9),
    st.integers(1, 1000),
    st.sampled_from(["\n", "\n\n"]),
)
def test_divide_loses_nothing(pieces, times, eos):
    pieces = pieces * times
    text = "".join(pieces)
    parts = list(divide(pieces, len(text), eos))
    assert "".join(part for _, part in parts) == text
    assert all(part for _, part in parts)
    if len(text) > 1000:
        held = sum(len(part) for held, part in parts if held)
        assert 0.01 < held / len(text) < 0.3


def test_the_trainer_reads_the_files_in_place(make):
    corpus = make(book("Chinese"))
    trainer = RnnlmTrainer(Rnnlm(corpus.tokenizer.vocab_size, 4, 4), SGD(1.0), verbose=False)
    seen = []
    real = trainer.get_batch
    trainer.get_batch = lambda x, t, *sizes: seen.append((x, t)) or real(x, t, *sizes)
    trainer.fit(corpus.train[:-1], corpus.train[1:], 1, 4, 8)
    assert len(seen) == (len(corpus.train) - 1) // 32
    assert all(np.shares_memory(array, corpus.train) for pair in seen for array in pair)


@linux
@pytest.mark.parametrize(
    ("level", "megabytes", "ids"),
    [("word", 8, 2_500_000), ("char", 24, 27_000_000), ("subword", 8, 3_500_000)],
)
def test_a_text_larger_than_the_memory_that_is_left(tmp_path, level, megabytes, ids):
    # the text, or its tokens in a list, would not fit: 24 MB besides the ids, mapped
    code = f"""
    import resource, sys
    from fastembed.text import Corpus, find
    from fastembed.trainer import RnnlmTrainer
    small, folder, large = sys.argv[1:]
    Corpus.make(find([small]), folder, level="{level}")  # libraries are loaded
    pages = int(open("/proc/self/statm").read().split()[0])
    limit = pages * resource.getpagesize() + 24 * 2**20 + 4 * {ids}
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    corpus = Corpus.make(find([large]), folder, level="{level}")
    xs, ts = corpus.train[:-1], corpus.train[1:]
    trainer = RnnlmTrainer(None, None)
    batches = [trainer.get_batch(xs, ts, 20, 35) for _ in range(10)]
    assert all((x[:, 1:] == t[:, :-1]).all() for x, t in batches)
    print(len(corpus.train) + len(corpus.held_out))
    """
    small, large = tmp_path / "small.txt", tmp_path / "large.txt"
    small.write_text(book("English"))
    with open(large, "w") as file:
        for k in range(megabytes * 10**6 // len(TEXTS["English"])):
            file.write(f"{k} {k * k} " + TEXTS["English"].replace("\n", " ") + "\n")
    done = run_code(code, small, tmp_path / "ids", large)
    assert done.returncode == 0, done.stderr
    assert ids / 2 < int(done.stdout) < ids
