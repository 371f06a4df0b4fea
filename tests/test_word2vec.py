"""word2vec: what is drawn, the twin, gradients, bits at any number of threads; whole texts."""

import os

import numpy as np
import pytest
from helpers import COUNTS, DTYPES, numeric, python

from fastembed import ops, reference, word2vec
from fastembed.kernels import simd
from fastembed.word2vec import Word2Vec


def arguments(rng, dtype=np.float64, S=2, V=40, C=9, N=1300):
    """Vectors, text and tables."""
    W_in, W_out = (rng.standard_normal((2, S, V, C)) / np.sqrt(S * C)).astype(dtype)
    accept, alias = ops.alias_table(rng.random(V))
    ids = rng.integers(-1, V, N).astype(np.int32)
    return [W_in, W_out, ids, rng.random(V).astype(dtype), accept.astype(dtype), alias]


def trained(module, given, **options):
    """What comes of copies of the vectors, and the loss."""
    W_in, W_out = given[0].copy(), given[1].copy()
    loss, targets = module.train_word2vec(W_in, W_out, *given[2:], **options)
    return W_in, W_out, float(loss), targets


@pytest.mark.parametrize("p", [[1.0], [0, 0, 2.0], [0.1] * 7, [3, 1, 0, 5, 1e-9, 2], [1e300, 1]])
def test_alias_table_draws_each_with_its_share(p):
    p = np.array(p, float)
    accept, alias = ops.alias_table(p)
    share = np.bincount(alias, 1 - accept, len(p)) + accept
    np.testing.assert_allclose(share / len(p), p / p.sum(), atol=1e-15)
    assert (accept >= 0).all() and (accept <= 1).all() and alias.dtype == np.int32
    for found, twin in zip((accept, alias), reference.alias_table(p), strict=True):
        np.testing.assert_allclose(found, twin, atol=1e-12)


@pytest.mark.parametrize("p", [[np.nan], [1, -1.0], [np.inf, 1], [0.0, 0], [1e308, 1e308]])
def test_alias_table_refuses_what_is_no_weight(p):
    with pytest.raises(ValueError, match="p must"):
        ops.alias_table(np.array(p, float))


@pytest.mark.parametrize("C", [1, 7, 16, 40, 150])
@pytest.mark.parametrize("skip_gram", [False, True])
@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_training_is_the_twins_at_any_number_of_threads(
    rng, set_threads, dtype, C, skip_gram, mean
):
    given = arguments(rng, dtype, S=3, C=C)
    options = dict(start=3, stop=1250, window=4, negative=3, lr=0.05, seed=7, batch=5)
    options |= dict(skip_gram=skip_gram, mean=mean, shrink_windows=C != 7)
    slow = [x.astype("d") if x.dtype == dtype else x for x in given]
    twin = trained(reference, slow, **options)
    tolerance = {np.float32: 1e-5, np.float64: 1e-13}[dtype]
    results = []
    for n in COUNTS:
        set_threads(n)
        results.append(trained(ops, given, **options))
        for found, wanted in zip(results[-1], twin, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)
        for found, first in zip(results[-1], results[0], strict=True):
            np.testing.assert_array_equal(found, first)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("batch", "negative"), [(16, 3), (8, 7), (64, 0), (64, 1)])
def test_batches_that_fill_their_room(rng, set_threads, dtype, batch, negative):
    """No negative is the target, so groups have all their scores: the last one ends with a line."""
    given = arguments(rng, dtype, S=3, V=20_000, C=20, N=600)
    given[3][:] = 1
    given[2][given[2] < 0] = 0
    options = dict(window=3, negative=negative, lr=0.5, batch=batch)
    twin = trained(reference, [x.astype("d") if x.dtype == dtype else x for x in given], **options)
    for n in COUNTS:
        set_threads(n)
        for found, wanted in zip(trained(ops, given, **options), twin, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("skip_gram", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_scores_beyond_six_teach_nothing(rng, set_threads, dtype, skip_gram):
    """But their loss counts."""
    given = arguments(rng, dtype, S=3, C=20)
    for W in given[:2]:
        W *= 4
    options = dict(lr=0.01, window=3, batch=4, skip_gram=skip_gram, mean=False)
    twin = trained(reference, [x.astype("d") if x.dtype == dtype else x for x in given], **options)
    for n in COUNTS:
        set_threads(n)
        for found, wanted in zip(trained(ops, given, **options), twin, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
    for score in (5.99, -5.99, 6.01, -6.01):
        given[0][...], given[1][...] = np.sign(score), abs(score) / (3 * 20)
        W_in, _, loss, targets = trained(ops, given, lr=0.01, skip_gram=skip_gram)
        assert np.array_equal(W_in, given[0]) == (abs(score) > 6)
        assert abs(score) < 6 or loss > 6 * targets > 0


@pytest.mark.parametrize("skip_gram", [False, True])
def test_one_batch_is_a_step_down_the_gradient(rng, skip_gram):
    """Of one word, whose rows are all different: else rows change before they are read again."""
    V = 400
    given = arguments(rng, S=2, V=V, C=3, N=11)
    given[2][:] = rng.permutation(V)[:11]
    given[3][:] = 1
    options = dict(start=5, stop=6, window=2, negative=2, skip_gram=skip_gram, mean=False, seed=4)
    W_in, W_out, loss, targets = trained(ops, given, lr=1e-6, **options)

    def value():
        return trained(ops, given, lr=0.0, **options)[2]

    assert abs(value() - loss) < 1e-12 and targets >= 1
    rows = [
        np.unique(np.nonzero(new != old)[1]) for new, old in ((W_in, given[0]), (W_out, given[1]))
    ]
    negatives = len(rows[1]) - 1
    assert negatives == targets * 2  # none was drawn twice
    for new, old, changed in zip((W_in, W_out), given, rows, strict=False):
        places = [(s, v, c) for s in range(2) for v in changed for c in range(3)]
        slopes = np.array(numeric(value, old, places))
        step = np.array([(old[place] - new[place]) / 1e-6 for place in places])
        # of a sum, each word gets its share of the gradient
        shares = 1 if skip_gram or old is given[1] else 1 / len(rows[0])
        np.testing.assert_allclose(step, slopes * shares, atol=1e-6)


@pytest.mark.parametrize("skip_gram", [False, True])
def test_parts_of_a_text_draw_what_the_whole_draws(rng, skip_gram):
    """A window goes on beyond a part, and beyond the pieces of 512 that threads draw."""
    given = arguments(rng, N=2000)
    given[2][given[2] < 0] = 3  # one sentence
    options = dict(window=6, negative=2, lr=0.0, skip_gram=skip_gram)
    whole = trained(ops, given, **options)
    parts = [trained(ops, given, start=a, stop=b, **options) for a, b in [(0, 700), (700, 2000)]]
    assert whole[3] == parts[0][3] + parts[1][3] > 100
    np.testing.assert_allclose(whole[2], parts[0][2] + parts[1][2])


def test_windows_words_and_negatives_are_drawn_as_often_as_they_should(rng):
    V, N = 5, 40_000
    given = arguments(rng, V=V, N=N)
    given[2][:] = rng.integers(0, V, N)
    given[3][:] = [1, 0.5, 0.25, 0, 1]
    kept = N / V * given[3].sum()
    given[0][...] = given[1][...] = 0
    loss, targets = ops.train_word2vec(*given, window=4, negative=0, lr=0.0, skip_gram=True)
    assert abs(targets / (2 * 2.5 * kept) - 1) < 0.02  # of 1, 2, 3 and 4 words on either side
    whole = dict(window=4, negative=0, lr=0.0, skip_gram=True, shrink_windows=False)
    assert abs(ops.train_word2vec(*given, **whole)[1] / (2 * 4 * kept) - 1) < 0.02
    given[4][:], given[5][:] = 1, 0
    given[3][:] = 1
    total = ops.train_word2vec(*given, window=4, negative=3, lr=0.0)[0] / np.log(2)
    assert (
        abs(total / (N * (1 + 3 * (1 - 1 / V))) - 1) < 0.01
    )  # a negative that is the target is none


def test_a_sentence_ends_at_minus_one(rng):
    given = arguments(rng, N=9)
    given[2][:] = [1, -1, 2, -1, 3, -1, 4, -1, 5]
    given[3][:] = 1
    assert trained(ops, given)[3] == trained(ops, given, skip_gram=True)[3] == 0
    given[2][1] = 7
    assert trained(ops, given)[3] == 3


def test_threads_that_race_learn_as_well(rng, any_threads):
    given = arguments(rng, N=30_000)
    given[2][:] = np.repeat(rng.integers(0, 40, 3000), 10)  # a word stands beside itself
    given[3][:] = 1
    losses = []
    for deterministic in (True, False):
        first = trained(ops, given, lr=0.05, deterministic=deterministic)
        again = ops.train_word2vec(*first[:2], *given[2:], lr=0.05, deterministic=deterministic)
        losses.append(again[0] / again[1])
        assert first[3] == 30_000
    assert max(losses) < 0.1 * 6 * np.log(2)  # before training


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (dict(start=-1), "start and stop must be"),
        (dict(stop=1301), "start and stop must be"),
        (dict(start=9, stop=8), "start and stop must be"),
        (dict(window=0), "window and batch must be at least 1"),
        (dict(window=2000), "at most"),
        (dict(negative=-1), "negative at least 0"),
        (dict(batch=0), "window and batch must be at least 1"),
    ],
)
def test_options_out_of_range_are_refused(rng, changed, message):
    given = arguments(rng)
    with pytest.raises(ValueError, match=message):
        ops.train_word2vec(*given, **changed)


@pytest.mark.parametrize("wrong", [-2, 40, 2**31 - 1])
def test_ids_out_of_range_are_refused_before_anything_is_written(rng, wrong):
    given = arguments(rng)
    given[2][700] = wrong
    before = given[0].copy()
    with pytest.raises(
        IndexError, match=rf"ids\[700\] = {wrong} is out of bounds for W_in with 40"
    ):
        ops.train_word2vec(*given)
    np.testing.assert_array_equal(given[0], before)
    ops.train_word2vec(*given, stop=700)  # what is not trained does not matter


@pytest.mark.parametrize("isa", simd.available()[1:])
def test_every_other_instruction_set(isa):
    tests = "(twins and not 1) or fill_their_room or beyond_six"  # of widths 7 and 40
    ran = python(
        *("-m", "pytest", "-q", "-n", "0", __file__, "-k", tests),
        env={**os.environ, "FASTEMBED_ISA": isa},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


# ---- the class


def text(rng, count=3000):
    """Sentences about two kinds of things."""
    pets, meals = "kitten puppy rabbit".split(), "breakfast dinner supper".split()
    around = {"pet": "furry paws barn sleeps".split(), "meal": "plate eats table warm".split()}
    for _ in range(count):
        kind, words = ("pet", pets) if rng.random() < 0.5 else ("meal", meals)
        yield [*rng.choice(around[kind], 2), str(rng.choice(words)), *rng.choice(around[kind], 2)]


OPTIONS = dict(vector_size=20, window=3, sample=0, epochs=6, alpha=0.05)


@pytest.mark.parametrize("sg", [0, 1])
@pytest.mark.parametrize("deterministic", [False, True])
def test_words_that_stand_alike_become_alike(rng, sg, deterministic):
    model = Word2Vec(text(rng), sg=sg, deterministic=deterministic, **OPTIONS)
    assert {word for word, _ in model.wv.most_similar("kitten", topn=2)} == {"puppy", "rabbit"}
    assert {word for word, _ in model.wv.most_similar("dinner", topn=2)} == {"breakfast", "supper"}
    assert model.epoch == 6 and model.loss < 6 * np.log(2) and model.words_per_second > 0


@pytest.mark.parametrize("vector_size", [1, 20, 100])
def test_vectors_have_the_same_bits_at_any_number_of_threads(rng, set_threads, vector_size):
    sentences, found = list(text(rng, 800)), []
    for n in COUNTS:
        set_threads(n)
        model = Word2Vec(sentences, **OPTIONS | dict(vector_size=vector_size))
        found.append((model.wv.vectors, model.output))
    for vectors, output in found:
        assert vectors.shape == output.shape == (14, vector_size)
        np.testing.assert_array_equal(vectors, found[0][0])
        np.testing.assert_array_equal(output, found[0][1])


def test_a_file_is_what_its_sentences_are(rng, tmp_path, monkeypatch):
    sentences = list(text(rng, 300))
    path = tmp_path / "text.txt"
    path.write_text("\n".join("\t ".join(s) for s in sentences), "utf-8")
    for block in (64, 1 << 20):
        monkeypatch.setattr(word2vec, "BLOCK", block)
        models = [Word2Vec(source, **OPTIONS) for source in (path, str(path), iter(sentences))]
        for model in models:
            assert model.wv.words == models[0].wv.words and model.tokens == 1500
            np.testing.assert_array_equal(model.wv.vectors, models[0].wv.vectors)


def test_a_long_line_is_not_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(word2vec, "BLOCK", 1000)
    words = [f"w{k % 50}" for k in range(30_000)]
    for blank in " ", "\t":
        (tmp_path / "text.txt").write_text(blank.join(words), "utf-8-sig")
        model = Word2Vec(tmp_path / "text.txt", vector_size=5, epochs=0)
        assert model.tokens == 30_000 and (model._ids >= 0).sum() == 30_000
        assert [model.wv.words[k] for k in model._ids[:-1]] == words and model._ids[-1] == -1
        parts = list(word2vec._parts_of_file(tmp_path / "text.txt"))
        assert len(parts) > 100 and max(len(part) for part, _ in parts) < 1000


def test_rare_words_are_left_out_and_frequent_ones_come_first():
    model = Word2Vec(min_count=2, max_final_vocab=2, vector_size=3)
    model.build_vocab([["b", "x", "a"], ["a", "b", "a"], ["c", "c"]])
    assert model.wv.words == ["a", "b"] and model.counts.tolist() == [3, 2]
    assert model._ids.tolist() == [1, 0, -1, 0, 1, 0, -1, -1]
    with pytest.raises(ValueError, match="min_count = 4 times, got none of 4"):
        Word2Vec([["b", "x", "a"], ["a", "b", "a", "c"]], min_count=4)


def test_seeds_differ_and_epochs_draw_anew(rng):
    sentences = list(text(rng, 300))
    one, other = (Word2Vec(sentences, seed=seed, **OPTIONS).wv.vectors for seed in (1, 2))
    assert np.abs(one - other).max() > 0.01
    model = Word2Vec(**OPTIONS)
    model.build_vocab(sentences)
    seen = []
    model.callback = lambda m: seen.append((m.epoch, m.loss))
    model.train(3)
    model.train(2)
    assert [epoch for epoch, _ in seen] == [1, 2, 3, 4, 5] and len({loss for _, loss in seen}) == 5


def test_every_word_of_many_begins_with_a_vector_of_its_own():
    model = Word2Vec(vector_size=5)
    model.use_ids(np.arange(9000), list(map(str, range(9000))))
    assert len(np.unique(model.wv.vectors, axis=0)) == 9000 and not model.output.any()


def test_ids_and_vectors_may_be_given(rng):
    sentences = list(text(rng, 300))
    model = Word2Vec(sentences, **OPTIONS)
    same = Word2Vec(**OPTIONS)
    same.use_ids(model._ids, model.words)
    same.train(2)
    vectors, output = same.wv.vectors, same.output
    same.train(1)
    other = Word2Vec(**OPTIONS)
    other.use_ids(model._ids.astype(np.int64), model.words)
    other.set_vectors(vectors, output)
    other.epoch = 2
    other.train(1)
    np.testing.assert_array_equal(same.wv.vectors, other.wv.vectors)
    with pytest.raises(ValueError, match=r"ids must be an array of one axis in \[-1, 3\)"):
        same.use_ids(np.array([0, 3]), ["a", "b", "c"])
    with pytest.raises(ValueError, match="vectors must have shape"):
        same.set_vectors(vectors[1:])
    kept = same.wv.vectors
    with pytest.raises(ValueError, match="output must have shape"):
        same.set_vectors(vectors + 1, output[1:])
    np.testing.assert_array_equal(same._plain(same._W_in), kept)


def test_an_interrupt_keeps_what_was_learnt(rng):
    def stop(model):
        raise KeyboardInterrupt

    model = Word2Vec(callback=stop, **OPTIONS)
    model.build_vocab(text(rng))
    before = model.wv.vectors.copy()
    with pytest.raises(KeyboardInterrupt):
        model.train()
    assert model.epoch == 1 and np.abs(model.wv.vectors - before).max() > 0.1


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (dict(vector_size=0), ValueError, "vector_size must be at least 1, got 0"),
        (dict(window=1.5), TypeError, "window must be an integer"),
        (dict(alpha=np.nan), ValueError, "alpha must be finite"),
        (dict(max_final_vocab=0), ValueError, "max_final_vocab must be at least 1, got 0"),
        (dict(ns_exponent=np.inf), ValueError, "ns_exponent must be finite, got inf"),
        (dict(callback=3), TypeError, "callback must be callable, got 3"),
        (dict(sentences=["a b"]), TypeError, "each sentence must be a list of words, got 'a b'"),
        (dict(sentences=[]), ValueError, "min_count = 5 times, got none of 0"),
    ],
)
def test_wrong_arguments_are_named(given, error, message):
    with pytest.raises(error, match=message):
        Word2Vec(**given)
    with pytest.raises(ValueError, match="build_vocab must be called"):
        Word2Vec().train()
    with pytest.raises(ValueError, match="build_vocab must be called before there are vectors"):
        Word2Vec().wv  # noqa: B018


def test_a_file_that_is_not_utf_8_is_refused(tmp_path):
    (tmp_path / "text.txt").write_bytes(b"caf\xe9 " * 9)
    with pytest.raises(ValueError, match="must be UTF-8"):
        Word2Vec(tmp_path / "text.txt")
