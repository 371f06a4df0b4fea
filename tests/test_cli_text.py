"""Tokens, vocabulary and held-out part of the command line's texts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastembed.tasks import text
from fastembed.tasks.values import UserError


@pytest.mark.parametrize(
    ("line", "tokens"),
    [
        ("Don't panic.", ["Don't", "panic", "."]),
        ("a well-known __init__ = 3.14", ["a", "well-known", "__init__", "=", "3.14"]),
        ("wait..... what?!", ["wait", "...", "..", "what", "?", "!"]),
        ("an <unk> word", ["an", "<unk>", "word"]),
        ("日本語テスト。 한국어 시험", [*"日本語テスト", "。", "한국어", "시험"]),
        ("naïve café", ["naïve", "café"]),
    ],
)
def test_tokens_are_words_and_punctuation(line, tokens):
    assert text.paragraphs(line) == [[*tokens, "<eos>"]]


@pytest.mark.parametrize(
    ("written", "paragraphs"),
    [
        ("one\ntwo\n \t\n\nthree", [["one", "two", "<eos>"], ["three", "<eos>"]]),
        ("one\ntwo\n", [["one", "<eos>"], ["two", "<eos>"]]),  # without blank lines, every line
        ("Title\n*****\n\n+----+\n| a  |", [["Title", "<eos>"], ["|", "a", "|", "<eos>"]]),
    ],
)
def test_a_blank_line_ends_a_paragraph_and_rulers_are_left_out(written, paragraphs):
    assert text.paragraphs(written) == paragraphs


def test_split_holds_out_a_tenth_spread_over_the_text():
    paras = [[f"w{k}", "<eos>"] for k in range(5000)]
    train, held_out = text.split(paras)
    assert len(train) == 9000 and len(held_out) == 1000
    numbers = [int(token[1:]) for token in held_out if token != "<eos>"]
    assert [sum(1000 * k <= n < 1000 * (k + 1) for n in numbers) for k in range(5)] == [100] * 5


def test_split_holds_out_nothing_that_training_sees():
    paras = [[f"w{k % 3500}", "<eos>"] for k in range(5000)]
    train, held_out = text.split(paras)
    assert len(held_out) > 2
    assert not set(train) & set(held_out) - {"<eos>"}


def test_split_of_texts_that_repeat_themselves_or_are_short_still_holds_out():
    train, held_out = text.split([["same", "<eos>"]] * 5000)
    assert len(held_out) == 1000 and len(train) == 9000
    assert text.split([list("abcdefghij")]) == (list("abcdefghi"), ["j"])


@given(st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=300), max_size=100))
def test_split_loses_only_what_is_seen_twice(paras):
    train, held_out = text.split(paras)
    total = sum(map(len, paras))
    assert len(train) + len(held_out) <= total
    assert len(train) >= 0.75 * total


def test_vocabulary_counts_and_orders_and_encode_knows_unknown_words():
    tokens = "b a a <eos> c a b <unk> <unk> <eos>".split()
    assert text.vocabulary(tokens, 2) == ["<unk>", "<eos>", "a", "b"]
    assert text.vocabulary(tokens, 1) == ["<unk>", "<eos>", "a", "b", "c"]
    ids = text.encode(["a", "zzz", "<eos>"], ["<unk>", "<eos>", "a"])
    assert ids.dtype == np.int32 and ids.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    "line", ["Hello, world!", 'He said "no way" (twice); then left.', "It costs $5: a list..."]
)
def test_join_sets_spaces_as_they_were(line):
    assert text.join(text.paragraphs(line)[0]) == line


def test_join_ends_paragraphs_and_sets_no_spaces_between_ideographs():
    assert text.join(["a", "<eos>", "b", ".", "<eos>"]) == "a\nb."
    assert text.join(["日", "本", "。", "a", "b"]) == "日本。 a b"


def test_read_joins_files_and_understands_marks_and_line_ends(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo")
    (tmp_path / "b.txt").write_bytes(b"three\rfour")
    assert text.read([tmp_path / "a.txt", tmp_path / "b.txt"]) == "one\ntwo\n\nthree\nfour"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"caf\xe9 noir", "not UTF-8 text .byte 0xe9 at position 3"),
        (b"ab\0cd", "null character at position 2"),
    ],
)
def test_read_refuses_what_is_not_text(tmp_path, data, message):
    path = tmp_path / "x.txt"
    path.write_bytes(data)
    with pytest.raises(UserError, match=message):
        text.read([path])


def test_default_text_is_large_enough():
    train, held_out = text.split(text.paragraphs(text.default_text()))
    assert len(train) > 80_000 and len(held_out) > 4_000
    assert 2_500 < len(text.vocabulary(train, 2)) < 5_000
