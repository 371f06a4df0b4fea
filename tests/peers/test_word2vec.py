"""word2vec against gensim: what is counted and drawn, one step, the rate, the quality, files."""

import inspect

import numpy as np
import pytest
from gensim.models import KeyedVectors
from gensim.models import Word2Vec as Gensim

from fastembed import vectors
from fastembed.word2vec import Word2Vec


def sentences(rng, count=3000, topics=40, own=8, others=60):
    """Ten words each, two of them of the sentence's topic, the others of all sentences."""
    frequent = 1 / np.arange(1, others + 1)
    for topic in rng.integers(0, topics, count):
        mine = [f"t{topic}_{k}" for k in rng.integers(0, own, 2)]
        rest = [f"f{k}" for k in rng.choice(others, 8, p=frequent / frequent.sum())]
        yield rng.permutation(mine + rest).tolist()


@pytest.fixture
def text(rng):
    return list(sentences(rng))


def both(text, **options):
    """Models that have read the text."""
    theirs, ours = Gensim(workers=1, **options), Word2Vec(**options)
    theirs.build_vocab(text)
    ours.build_vocab(text)
    return theirs, ours


def test_defaults():
    theirs, ours = (inspect.signature(kind).parameters for kind in (Gensim, Word2Vec))
    both = [name for name in ours if name in theirs]
    assert len(both) == 15
    for name in both:
        assert ours[name].default == theirs[name].default, name


def test_words_of_a_file(text, tmp_path):
    """Different: gensim takes every blank of Unicode for one."""
    path = tmp_path / "text.txt"
    for lines in (text, [["a", "größe", "a"], [], ["a", "x\ty\x0bz"]]):
        path.write_text("\n".join(map(" ".join, lines)), encoding="utf-8")
        theirs, ours = Gensim(min_count=1, workers=1), Word2Vec(min_count=1)
        theirs.build_vocab(corpus_file=str(path))
        ours.build_vocab(path)
        counts = theirs.wv.expandos["count"].tolist()
        assert dict(zip(ours.words, ours.counts.tolist(), strict=True)) == dict(
            zip(theirs.wv.index_to_key, counts, strict=True)
        )
    path.write_text("a\u3000b", encoding="utf-8")
    theirs, ours = Gensim(min_count=1, workers=1), Word2Vec(min_count=1)
    theirs.build_vocab(corpus_file=str(path))
    ours.build_vocab(path)
    assert sorted(theirs.wv.index_to_key) == ["a", "b"] and ours.words == ["a\u3000b"]


@pytest.mark.parametrize(
    "options",
    [
        dict(min_count=0),
        dict(min_count=30),
        dict(min_count=1, max_final_vocab=20),
        dict(sample=1e-2, ns_exponent=0.5),
        dict(sample=0, ns_exponent=0.0),
        dict(sample=1e-4, ns_exponent=1.0, min_count=60),
    ],
)
def test_words_and_what_they_are_drawn_with(text, options):
    text = [*text, ["rare"], ["seldom", "seldom"]]
    theirs, ours = both(text, **options)
    counts = dict(zip(theirs.wv.index_to_key, theirs.wv.expandos["count"].tolist(), strict=True))
    assert dict(zip(ours.words, ours.counts.tolist(), strict=True)) == counts
    order = [theirs.wv.key_to_index[word] for word in ours.words]
    keep, accept, alias = ours._tables
    kept = theirs.wv.expandos["sample_int"][order] / (2**32 - 1)
    np.testing.assert_allclose(np.minimum(keep, 1), kept, rtol=1e-6)
    drawn = np.diff(theirs.cum_table.astype(float), prepend=0)[order] / theirs.cum_table[-1]
    share = (np.bincount(alias, 1 - accept, len(order)) + accept) / len(order)
    np.testing.assert_allclose(share, drawn, rtol=1e-5, atol=1e-8)


def test_words_that_come_equally_often_fill_the_vocabulary():
    """Different: gensim leaves all of them out."""
    theirs, ours = both([["a", "a", "b", "c"]], min_count=1, max_final_vocab=2, vector_size=2)
    assert theirs.wv.index_to_key == ["a"] and ours.words == ["a", "b"]


def test_the_rate_falls_alike(text, monkeypatch):
    options = dict(alpha=0.05, min_alpha=0.01, epochs=3, vector_size=2)
    theirs, ours = both(text, **options)
    rates = []
    monkeypatch.setattr(ours, "train_part", lambda a, b, lr: rates.append((a, lr)) or (0.0, 1))
    ours.train()
    assert len(rates) == 3 * (len(ours.borders()) - 1) > 9
    for k, (start, lr) in enumerate(rates):
        wanted = theirs._get_next_alpha(start / len(ours._ids), k * 3 // len(rates))
        assert abs(lr / wanted - 1) < 1e-9


@pytest.mark.parametrize("cbow_mean", [0, 1])
@pytest.mark.parametrize("sg", [0, 1])
@pytest.mark.parametrize(("window", "size"), [(1, 0.3), (1, 1.0), (4, 0.3)])
def test_an_epoch_with_nothing_left_to_chance(rng, sg, cbow_mean, window, size):
    """Windows as they are, all words are kept, and the negative is always the same one."""
    words = [f"w{k}" for k in range(40)]
    text = [rng.permutation(words).tolist() for _ in range(9)]
    options = dict(sg=sg, cbow_mean=cbow_mean, vector_size=24, sample=0, negative=1)
    options |= dict(
        window=window, shrink_windows=False, min_count=1, alpha=1e-3, min_alpha=1e-3, epochs=1
    )
    theirs, ours = Gensim(workers=1, **options), Word2Vec(batch=1, **options)
    theirs.build_vocab(text)
    ours.build_vocab(text)
    W_in, W_out = rng.normal(0, size, (2, 40, 24)).astype("f")
    order = [theirs.wv.key_to_index[word] for word in ours.words]
    theirs.wv.vectors[order], theirs.syn1neg[order] = W_in, W_out
    ours.set_vectors(W_in, W_out)
    theirs.cum_table[:] = 0
    theirs.cum_table[order[7] :] = 2**31 - 1
    ours._tables = ours._tables[0], np.zeros(40, "f"), np.full(40, 7, np.int32)
    theirs.train(text, total_examples=len(text), epochs=1)
    ours.train()
    scores = np.abs(W_in @ W_out.T)
    assert (scores > 6).mean() > 0.1 or size < 1  # from which neither learns
    for new, found, old in (
        (theirs.wv.vectors[order], ours.wv.vectors, W_in),
        (theirs.syn1neg[order], ours.output, W_out),
    ):
        step = np.abs(new - old).max()
        assert step > 1e-3
        np.testing.assert_allclose(found, new, atol=0.03 * step)  # it looks the sigmoid up


@pytest.mark.parametrize("sg", [0, 1])
def test_quality(text, sg):
    """How many of a word's nearest are of its topic, and how long vectors become; over seeds."""
    found = {Gensim: [], Word2Vec: []}
    options = dict(sg=sg, vector_size=32, window=4, epochs=14 if sg else 20)
    for kind, more in ((Gensim, dict(workers=1)), (Word2Vec, {})):
        for seed in range(1, 7):
            model = kind(text, seed=seed, **options, **more)
            wv, output = model.wv, model.syn1neg if kind is Gensim else model.output
            topical = [word for word in wv.key_to_index if word[0] == "t"]
            near = [
                sum(o.split("_")[0] == word.split("_")[0] for o, _ in wv.most_similar(word, topn=7))
                for word in topical
            ]
            rows = [wv.key_to_index[word] for word in topical]
            lengths = [np.linalg.norm(W[rows], axis=1).mean() for W in (wv.vectors, output)]
            found[kind].append([np.mean(near) / 7, *lengths])
    theirs, ours = (np.array(found[kind]) for kind in (Gensim, Word2Vec))
    spread = np.hypot(*(x.std(axis=0, ddof=1) / np.sqrt(len(x)) for x in (theirs, ours)))
    difference = ours.mean(axis=0) - theirs.mean(axis=0)
    assert 0.2 < theirs[:, 0].mean() < 0.95  # neither chance nor all there is
    assert abs(difference[0]) < 4 * spread[0] + 0.01
    assert (abs(difference[1:]) < 0.05 * theirs[:, 1:].mean(axis=0)).all()


@pytest.mark.parametrize("name", ["v.bin", "v.txt"])
def test_what_was_trained_is_read_on_both_sides(text, tmp_path, name):
    model = Word2Vec(text, vector_size=12, epochs=1)
    path, back = str(tmp_path / name), str(tmp_path / f"back-{name}")
    model.wv.save(path)
    theirs = KeyedVectors.load_word2vec_format(path, binary=name == "v.bin")
    theirs.save_word2vec_format(back, binary=name == "v.bin")
    found = vectors.load(back)
    assert theirs.index_to_key == found.words == model.wv.words
    for W in (theirs.vectors, found.vectors):
        np.testing.assert_array_equal(W, model.wv.vectors)
