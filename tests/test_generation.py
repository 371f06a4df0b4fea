"""Text from language models: what is chosen, streams, stops; answers of sequence models."""

import itertools

import numpy as np
import pytest

from fastembed import generation, models
from fastembed.functions import softmax
from fastembed.text import CharTokenizer

V = 11
GENERATORS = ["SimpleRnnlm", "Rnnlm", "BetterRnnlm", "RnnlmGen"]


@pytest.fixture
def model():
    np.random.seed(1)
    model = models.Rnnlm(V, 6, 6)
    for param in model.params:
        param *= 5
    return model


@pytest.fixture
def writer():
    """A model of letters, which has learnt nothing, and knows only a few of them."""
    np.random.seed(2)
    model = models.Rnnlm(257 + 6, 5, 5)
    model.tokenizer = CharTokenizer("ab \u00e9\ud55c.", "\n")
    model.params[-1][1:257] = -100  # no bytes
    return model


def probabilities(model, words):
    model.reset_state()
    return softmax(model.predict(np.array([words]))[0, -1])


def seen(model, start, count=400, **options):
    """How often each word comes next."""
    counts = np.zeros(V)
    for _ in range(count):
        model.reset_state()
        counts[model.generate(start, sample_size=2, **options)[-1]] += 1
    return counts


@pytest.mark.parametrize("name", GENERATORS)
def test_every_language_model_writes(name):
    np.random.seed(0)
    model = getattr(models, name)(V, 6, 6)
    words = model.generate([3, 4], [1], 20, temperature=0.5, top_k=5, top_p=0.9)
    assert words[:2] == [3, 4] and len(words) == 21 and 1 not in words
    assert len(list(model.stream(3))) == len(model.generate(3)[1:]) == 99


def test_top_k_and_top_p_leave_out_the_less_likely(model):
    p = probabilities(model, [3, 4])
    order = np.argsort(-p)
    assert set(np.flatnonzero(seen(model, [3, 4], top_k=3))) == set(order[:3])
    share = float(p[order[:2]].sum()) - 1e-4  # reached by the second
    assert set(np.flatnonzero(seen(model, [3, 4], top_p=share))) == set(order[:2])
    skipped = seen(model, [3, 4], skip_ids=[order[0]], top_k=1)
    assert skipped[order[1]] == 400
    assert seen(model, [3, 4], top_p=1e-9)[order[0]] == 400


def test_words_come_as_often_as_they_are_probable(model):
    for temperature in (1.0, 2.0):
        p = probabilities(model, [3]) ** (1 / temperature)
        p /= p.sum()
        for options in ({}, {"top_p": 1.0}):
            counts = seen(model, 3, 2000, temperature=temperature, **options)
            assert np.abs(counts / 2000 - p).max() < 0.05


def test_next_to_no_temperature_is_the_likeliest_word_that_may_come(model):
    def words(temperature, *skip_ids):
        model.reset_state()
        return model.generate(3, *skip_ids, sample_size=8, temperature=temperature)

    best = words(0)
    for temperature in (1e-300, 1e-40, 1e-6):
        assert words(temperature) == best
        assert words(temperature, best[1:2]) == words(0, best[1:2])


def test_ids_go_on_from_the_state_that_is_there(model):
    model.reset_state()
    whole = model.generate([3, 4, 5], sample_size=8, temperature=0)
    model.reset_state()
    model.predict(np.array([[3, 4]]))
    assert model.generate(5, sample_size=8, temperature=0) == whole[2:]


def test_it_ends_before_what_stops_it(model):
    model.reset_state()
    words = model.generate(3, sample_size=30, temperature=0)
    stop = words[10]
    first = words[1:].index(stop) + 1
    for beam in (None, 1):
        model.reset_state()
        found = model.generate(3, sample_size=30, temperature=0, stop=[stop], beam_size=beam)
        assert found == words[:first]


# of the word that stops, and how different the words' probabilities are
@pytest.mark.parametrize(("rank", "scale"), [(-2, 1), (0, 10)])
def test_a_beam_that_stops_is_the_likeliest_of_all_lengths(model, rank, scale):
    """Compared with every sequence up to four words that ends with the stop word."""
    model.params[-2] *= scale
    stop = int(np.argsort(probabilities(model, [3]))[rank])

    def score(words):
        model.reset_state()
        p = softmax(model.predict(np.array([[3, *words][:-1]]))[0])
        return np.log(p[np.arange(len(words)), words].astype("d")).sum()

    others = [k for k in range(V) if k != stop]
    ended = [[*w, stop] for n in range(3) for w in itertools.product(others, repeat=n)]
    open_ended = [list(w) for w in itertools.product(others, repeat=3)]
    best = max(ended + open_ended, key=score)
    assert (stop in best) == (rank < 0)
    model.reset_state()
    found = model.beam_search(3, 4, V**2, stop=[stop])
    assert found[1:] == [word for word in best if word != stop]


@pytest.mark.parametrize(
    "options",
    [{"top_k": 0}, {"top_p": 0}, {"top_p": 1.1}, {"temperature": np.nan}, {"beam_size": 0}],
)
def test_bad_options_are_named(model, options):
    (name,) = options
    with pytest.raises(ValueError, match=f"{name} must be"):
        model.generate(3, **options)
    with pytest.raises(ValueError, match="start_id must have an id at least"):
        model.generate([])
    with pytest.raises(ValueError, match="has no tokenizer"):
        model.generate("text")


def test_text_goes_in_and_comes_out(writer):
    np.random.seed(0)
    told = writer.generate("a b", sample_size=30)
    assert told.startswith("a b") and len(told) == 3 + 29
    np.random.seed(0)
    pieces = list(writer.stream("a b", sample_size=30))
    assert "a b" + "".join(pieces) == told and len(pieces) > 20
    start = [0, *writer.tokenizer.encode("a b")]
    np.random.seed(0)
    writer.reset_state()
    ids = writer.generate(start, sample_size=30)
    assert writer.tokenizer.decode(ids[1:]) == told
    beam = writer.generate("a b", sample_size=8, beam_size=1)
    assert beam == writer.generate("a b", sample_size=8, temperature=0)


def test_a_text_begins_from_zero_state(writer):
    first = writer.generate("a", sample_size=20, temperature=0)
    assert writer.generate("a", sample_size=20, temperature=0) == first


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_text_stops_before_the_stop_wherever_pieces_end(writer, size):
    np.random.seed(4)
    told = writer.generate("a", sample_size=200)
    stop = told[50 : 50 + size]
    expected = told[: told.index(stop, 1)]
    np.random.seed(4)
    assert writer.generate("a", sample_size=200, stop=stop) == expected
    np.random.seed(4)
    assert writer.generate("a", sample_size=200, stop="never") == told


def test_pieces_are_whole_letters_and_hold_back_a_stop_that_has_begun():
    tokenizer = CharTokenizer("ab")
    ids = [*tokenizer.encode("ab"), *tokenizer.encode("\ud55cb\u00e9 \u0391aab")]
    found = list(generation.pieces(tokenizer, ids[:2], iter(ids[2:]), "abb"))
    # a space waits for what follows it
    assert [piece for piece in found if piece] == ["\ud55c", "b", "\u00e9", " \u0391", "a", "ab"]
    assert (
        "".join(generation.pieces(tokenizer, ids[:2], iter(ids[2:]), "aa"))
        == "\ud55cb\u00e9 \u0391"
    )


# ---- answers


@pytest.mark.parametrize("name", ["Seq2seq", "PeekySeq2seq", "AttentionSeq2seq"])
def test_translate_is_generate_on_the_text_backwards(name):
    np.random.seed(3)
    model = getattr(models, name)(257 + 3, 5, 6)
    model.tokenizer = tokenizer = CharTokenizer("abc", "\n")
    for param in model.params:
        param *= 4
    texts = ["abc", "", "ca", "bbbb", "aa"]
    found = model.translate(texts, longest=6)
    for text, answer in zip(texts, found, strict=True):
        asked = [0] * (8 - len(text)) + tokenizer.encode(text)[::-1].tolist()
        ids = model.generate(np.array([asked]), 0, 6)
        assert answer == tokenizer.decode(ids[: ids.index(0)] if 0 in ids else ids)
        assert model.translate(text, longest=6) == answer
    assert model.translate(texts, longest=6, beam_size=3) == [
        model.translate(text, longest=6, beam_size=3) for text in texts
    ]
    with pytest.raises(ValueError, match="beam_size must be >= 1"):
        model.translate("a", beam_size=0)
