"""Tokenizers: every text comes back, in every language."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from languages import LANGUAGES, TEXTS, book

from fastembed.text import tokenizer as tokenizers
from fastembed.text.tokenizer import CharTokenizer, SubwordTokenizer, WordTokenizer, choose, words

LEVELS = ["word", "char", "subword"]
MIXED = "\n\n".join(TEXTS.values())
TRAINED = {level: tokenizers.train(level, [MIXED], min_count=1) for level in LEVELS}
UNICODE = st.text(st.characters(exclude_categories=["Cs"]))
LIKELY = st.text(st.sampled_from(" \n\t\u3000aé한日ไทิ‍'’“.-_1(<>unkeos\U0010ffff")) | UNICODE


def tokens_of(text):
    """The tokens of a text, by a tokenizer that knows all of them."""
    known = WordTokenizer.train([text], min_count=1)
    return [known.tokens[k] for k in known.encode(text)]


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("level", LEVELS)
def test_a_text_comes_back(language, level):
    text = TEXTS[language]
    tokenizer = TRAINED[level]
    ids = tokenizer.encode(text)
    assert ids.dtype == np.int32 and ids.ndim == 1 and ids.max() < tokenizer.vocab_size
    assert tokenizer.decode(ids) == text
    assert tokenizer.unk_id is None or tokenizer.unk_id not in ids


@pytest.mark.parametrize("level", ["char", "subword"])
@given(text=LIKELY)
def test_any_text_comes_back_whatever_the_tokenizer_was_trained_on(level, text):
    assert TRAINED[level].decode(TRAINED[level].encode(text)) == text


@given(text=LIKELY.filter(lambda text: "<unk>" not in text))
def test_any_text_of_known_words_comes_back(text):
    for eos in ("\n", "\n\n"):
        tokenizer = WordTokenizer.train([text], vocab_size=10**6, min_count=1, eos=eos)
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert tokenizer.unk_id not in ids


@pytest.mark.parametrize("level", LEVELS)
@given(ids=st.lists(st.integers(0, 300)))
def test_any_ids_are_some_text_and_come_as_a_stream(level, ids):
    tokenizer = TRAINED[level]
    assert "".join(tokenizer.stream(iter(ids))) == tokenizer.decode(ids)
    tokenizer.decode(np.array(ids, np.int32)).encode()


@pytest.mark.parametrize("level", LEVELS)
def test_json_brings_the_tokenizer_back(level):
    first = TRAINED[level]
    again = tokenizers.from_json(first.to_json())
    assert type(again) is type(first) and again.level == level
    assert again.tokens == first.tokens and again.vocab_size == first.vocab_size
    assert (again.eos, again.eos_id, again.unk_id) == (first.eos, first.eos_id, first.unk_id)
    assert np.array_equal(again.encode(MIXED), first.encode(MIXED))
    assert again.to_json() == first.to_json()


@pytest.mark.parametrize("level", LEVELS)
def test_a_paragraphs_end_is_one_token(level):
    for eos in ("\n\n", "\n"):
        tokenizer = tokenizers.train(level, [MIXED], eos=eos, min_count=1)
        one, two = tokenizer.encode("The dog"), tokenizer.encode("The dog" + eos)
        assert two.tolist() == [*one, tokenizer.eos_id]
        assert tokenizer.encode("").tolist() == []
        assert tokenizer.tokens[tokenizer.eos_id] == "<eos>"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Don’t panic.", [" Don’t", " panic", "."]),
        ("a well-known __init__ = 3.14", [" a", " well-known", " __init__", " =", " 3.14"]),
        ("f(x)\n  f (x)", [" f", "(", "x", ")", "\n  ", " f", " (", "x", ")"]),
        ("wait..... what?!", [" wait", ".....", " what", "?", "!"]),
        ("東京タワーへ。 한국어", [" 東", "京", "タワー", "へ", "。", " 한국어"]),
        ("ไทย हिन्दी", [" ไ", "ท", "ย", " हिन्दी"]),
        ("a  b \n", [" a", "  ", " b", " \n"]),
        ("“naïve” café", [" “", "naïve", "”", " café"]),
    ],
)
def test_words(text, tokens):
    assert tokens_of(text) == tokens
    bare = (token.strip() for token in tokens)
    assert words(text) == [one for one in bare if one[:1].isalnum() or one[:1] == "_"]


def test_a_word_is_the_same_token_wherever_it_stands():
    for level in ("word", "subword"):
        tokenizer = TRAINED[level]
        alone = tokenizer.encode("bread").tolist()
        for before in ("the ", "the\n", "the\n\n", "the\n    ", "  "):
            assert tokenizer.encode(before + "bread").tolist()[-len(alone) :] == alone


def test_unknown_words_are_unk_and_said_so():
    tokenizer = WordTokenizer.train(["b a a\n\nc a b <unk> <unk>"], min_count=2)
    assert tokenizer.tokens == ["<unk>", "<eos>", " a", " b"]
    assert tokenizer.encode("a zzz\n\nb <unk>").tolist() == [2, 0, 1, 3, 0]
    assert tokenizer.decode([2, 0, 1, 0]) == "a <unk>\n\n<unk>"
    capped = WordTokenizer.train(["a a a b b c"], vocab_size=4, min_count=1)
    assert capped.tokens[2:] == [" a", " b"]


def test_counting_very_many_words_drops_rare_ones(monkeypatch):
    monkeypatch.setattr(tokenizers, "COUNTED", 50)
    texts = [f"often often w{k} w{k + 1000}" for k in range(200)]
    counts = tokenizers.count(texts)
    assert counts[" often"] == 400 and len(counts) <= 52


def test_characters_that_are_not_known_are_bytes():
    for level, kind, known in (("char", CharTokenizer, "a"), ("subword", SubwordTokenizer, " a")):
        tokenizer = kind.train(["abc abc"])
        first, *ids = tokenizer.encode("aé")
        assert [tokenizer.tokens[k] for k in (first, *ids)] == [known, "<0xC3>", "<0xA9>"]
        assert tokenizer.decode(ids) == "é" and tokenizer.decode(ids[:1]) == "�"
        assert tokenizer.level == level and tokenizer.unk_id is None


def test_a_stream_waits_for_whole_characters():
    tokenizer = CharTokenizer.train(["abc abc"])
    pieces = list(tokenizer.stream(tokenizer.encode("a한b")))
    assert "".join(pieces) == "a한b" and "한" in pieces and "�" not in "".join(pieces)


def test_subwords_are_learnt_the_same_way_each_time():
    first, second = (SubwordTokenizer.train([book("Chinese")]) for _ in range(2))
    assert first.to_json() == second.to_json()


@pytest.mark.parametrize("size", [258, 300, 600])
def test_the_vocabulary_has_the_size_asked_for_at_most(size):
    for level in LEVELS:
        tokenizer = tokenizers.train(level, [MIXED], vocab_size=size, min_count=1)
        assert size - 5 * (level == "subword") <= tokenizer.vocab_size <= size
        assert len(tokenizer.tokens) == tokenizer.vocab_size


@pytest.mark.parametrize("language", LANGUAGES)
def test_by_default_no_language_has_many_unknown_words(language):
    text = book(language)
    tokenizer, reason = choose(text)
    ids = tokenizer.encode(book(language, seed=1))
    unknown = 0 if tokenizer.unk_id is None else np.mean(ids == tokenizer.unk_id)
    assert unknown < 0.02
    assert tokenizer.decode(tokenizer.encode(text)) == text
    spaces = language in ("English", "Korean", "Hindi")  # few words, so all are known
    assert tokenizer.level == ("word" if spaces else "subword")
    assert ("<unk>" if spaces else "no spaces between words") in reason


@pytest.mark.parametrize(("text", "level"), [("ab 水火 cd ", "subword"), ("abcd 水 efgh ", "word")])
def test_a_fifth_of_letters_without_spaces_is_too_much_for_words(text, level):
    assert choose(text * 300)[0].level == level


# a quarter of the words is unknown, or a twentieth
@pytest.mark.parametrize("known", ["", " The cat sat on the mat." * 5])
def test_words_give_way_to_subwords_where_many_would_be_unknown(known):
    text = "\n\n".join(f"The number {k} is followed by number{k + 1}.{known}" for k in range(3000))
    tokenizer, reason = choose(text)
    assert tokenizer.level == "subword"
    assert "% of the held-out part <unk>, more than 2%" in reason
    asked, reason = choose(text, "word")
    assert asked.level == "word" and reason == "as asked"


def test_bad_arguments_are_named():
    tokenizer = TRAINED["char"]
    with pytest.raises(ValueError, match=r"text must be Unicode text, got '\\ud800' at position 2"):
        tokenizer.encode("ab\ud800")
    with pytest.raises(ValueError, match="text must be Unicode text"):
        TRAINED["subword"].encode("\ud800")
    for bad in (-1, tokenizer.vocab_size):
        with pytest.raises(IndexError, match=f"id {bad} is out of bounds for"):
            tokenizer.decode([1, bad])
    with pytest.raises(ValueError, match="level must be one of word, char, subword, got 'line'"):
        choose("text", "line")
    with pytest.raises(ValueError, match="vocab_size of level char must be at least 258, got 20"):
        choose("text", "char", vocab_size=20)
    with pytest.raises(ValueError, match="eos must be one or two line ends, got '.'"):
        WordTokenizer([], eos=".")


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("level"),
        lambda state: state.update(level="line"),
        lambda state: state.update(eos="x"),
        lambda state: state.update(vocabulary=3),
        lambda state: state.update(vocabulary=["a", 3]),
        lambda state: state.update(merges=[["a"]]),
        lambda state: state.update(merges=[["nothing", "like it"]]),
        lambda state: state.update(merges=None),
    ],
)
def test_damaged_json_is_refused(change):
    state = json.loads(TRAINED["subword"].to_json())
    change(state)
    with pytest.raises(ValueError, match="not a tokenizer"):
        tokenizers.from_json(json.dumps(state))
    with pytest.raises(ValueError, match="not a tokenizer"):
        tokenizers.from_json("{")
