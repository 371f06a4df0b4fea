"""Training loops, clipping, shared weights, evaluation and the other helpers."""

import io
import re
import sys

import loops as slow_training
import numpy as np
import pytest

from fastembed import models, optimizer, trainer, util
from fastembed.ops.optim import add_if_fit
from fastembed.reference import models as slow

V = 11
CORPUS = np.random.default_rng(0).integers(0, V, 400)


@pytest.mark.parametrize("size", [399, 41, 7])
@pytest.mark.parametrize("start", [0, 3, 395])
def test_get_batch_is_the_book_s(size, start):
    loop = trainer.RnnlmTrainer(None, None)
    loop.time_idx = start
    xs, ts = CORPUS[:size], CORPUS[1 : 1 + size]
    batch = loop.get_batch(xs, ts, 3, 5)
    assert loop.time_idx == start + 5
    expected = slow_training.rnnlm_batch(xs, ts, 3, 5, start)
    for a, b in zip(batch, expected, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == np.int32 and a.flags.writeable


def fit_rnnlm(module, training, **options):
    np.random.seed(3)
    model = module.Rnnlm(V, 5, 4)
    loop = training.RnnlmTrainer(model, training_optimizers(training).SGD(1.0), **options)
    loop.fit(CORPUS[:-1], CORPUS[1:], 2, 4, 5, max_grad=0.25, eval_interval=3)
    return loop


def training_optimizers(training):
    return training if training is slow_training else optimizer


def test_rnnlm_trainer_has_the_book_s_attributes(capsys):
    loop = fit_rnnlm(models, trainer)
    expected = fit_rnnlm(slow, slow_training)
    np.testing.assert_allclose(loop.ppl_list, expected.ppl_list, rtol=1e-5)
    np.testing.assert_allclose(np.exp(loop.loss_list), loop.ppl_list)
    assert loop.history == {"ppl": loop.ppl_list, "loss": loop.loss_list}
    assert loop.eval_interval == 3 and loop.current_epoch == 2
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(loop.ppl_list) == 14
    shape = r"\| epoch 1 \|  iter 1 / 19 \| time \d+\[s\] \| perplexity \d+\.\d\d"
    assert re.fullmatch(shape, lines[0])
    assert lines[0].endswith(f"perplexity {loop.ppl_list[0]:.2f}")
    loop.fit(CORPUS[:-1], CORPUS[1:], 1, 4, 5)
    assert len(loop.ppl_list) == 1 and len(loop.history["ppl"]) == 15
    assert loop.current_epoch == 3


def test_trainer_shuffles_as_the_book_does(capsys):
    rng = np.random.default_rng(1)
    xs, ts = rng.integers(0, V, (20, 6)), rng.integers(0, V, (20, 4))
    losses = []
    for module, training in ((models, trainer), (slow, slow_training)):
        np.random.seed(3)
        loop = training.Trainer(module.Seq2seq(V, 5, 4), training_optimizers(training).Adam())
        loop.fit(xs, ts, 3, 6, max_grad=5.0, eval_interval=2)
        losses.append(loop.loss_list)
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(losses[0]) == 6
    assert re.match(r"\| epoch 3 \|  iter 3 / 3 \| time \d+\[s\] \| loss \d", lines[-1])


def test_no_evaluation_and_no_lines(capsys):
    loop = trainer.Trainer(models.Seq2seq(V, 5, 4), optimizer.SGD())
    xs = np.zeros((8, 3), int)
    loop.fit(xs, xs, 1, 4, eval_interval=None)
    assert loop.loss_list == []
    loop = fit_rnnlm(models, trainer, verbose=False)
    assert len(loop.ppl_list) == 14
    assert capsys.readouterr().out == ""


def test_a_progress_bar_on_demand(monkeypatch, capsys):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    fit_rnnlm(models, trainer, progress=True)
    assert "token" in stream.getvalue()
    assert capsys.readouterr().out.count("perplexity") == 14


def test_plot(monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.gca().lines[-1].get_ydata().tolist()))
    loop = trainer.Trainer(None, None)
    loop.loss_list += [3.0, 2.0]
    loop.plot(ylim=(0, 5))
    assert shown == [[3.0, 2.0]]
    plt.close("all")


def test_plot_without_matplotlib_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    with pytest.raises(ImportError, match=r"pip install matplotlib"):
        trainer.Trainer(None, None).plot()


# ---- shared weights and clipping


def test_equal_transposes_are_one_weight_and_others_are_not():
    rng = np.random.default_rng(2)
    W = rng.standard_normal((4, 3)).astype("f")
    near = W.T.copy()
    near[2, 3] += 1  # the same first row only
    zeros = np.zeros((4, 3), "f")
    params = [W, near, zeros, zeros.T.copy(), np.zeros(3, "f"), W.T[:, ::-1][:, ::-1]]
    grads = [np.full(p.shape, 10.0**k) for k, p in enumerate(params)]
    fast = trainer.remove_duplicate(params, [g.copy() for g in grads])
    plain = slow_training.remove_duplicate(params, [g.copy() for g in grads])
    assert len(fast[0]) == len(plain[0]) == 4
    for a, b in zip(fast[0] + fast[1], plain[0] + plain[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_lists_given_are_not_changed():
    W = np.ones((2, 2), "f")
    params, grads = [W, W], [W.copy(), W.copy()]
    trainer.remove_duplicate(params, grads)
    assert len(params) == len(grads) == 2


@pytest.mark.parametrize("order", ["C", "F", "mixed", "strided"])
@pytest.mark.parametrize("dtype", ["f", "d"])
def test_many_grads_are_added_with_the_bits_of_one_after_the_other(dtype, order):
    rng = np.random.default_rng(2)
    arrays = [rng.standard_normal((700, 131)).astype(dtype) for _ in range(5)]
    if order == "F":
        arrays = [np.asfortranarray(array) for array in arrays]
    elif order == "mixed":
        arrays[2] = np.asfortranarray(arrays[2])
    elif order == "strided":
        arrays = [array[:, ::2] for array in arrays]
    total = arrays[0].copy("K")
    expected = total + arrays[1] + arrays[2] + arrays[3] + arrays[4]
    assert add_if_fit(total, arrays[1:]) == (order in "CF")
    if order in "CF":
        np.testing.assert_array_equal(total, expected)
    before = total.copy()
    for wrong in (arrays[2][:3], arrays[2].astype("e"), total):
        assert not add_if_fit(total, [arrays[1], wrong])
    np.testing.assert_array_equal(total, before)


@pytest.mark.parametrize("dtype", ["f", "d", "e"])
@pytest.mark.parametrize("max_norm", [0.5, 1e3])
def test_clip_grads(dtype, max_norm):
    rng = np.random.default_rng(2)
    grads = [rng.standard_normal(shape).astype(dtype) for shape in [(4, 3), (5,)]]
    plain = [g.copy() for g in grads]
    util.clip_grads(grads, max_norm)
    slow_training.clip_grads(plain, max_norm)
    for a, b in zip(grads, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3 if dtype == "e" else 1e-6)


@pytest.mark.parametrize("name", [name for name in optimizer.__all__ if name != "np"])
@pytest.mark.parametrize("dtypes", ["ff", "dd", "fd", "df", "ee"])
def test_optimizers_take_what_the_book_s_take(name, dtypes):
    rng = np.random.default_rng(2)
    params = [rng.standard_normal(shape).astype(dtypes[0]) for shape in [(4, 3), (5,), (3, 4)]]
    params[2] = params[2].T
    plain = [param.copy() for param in params]
    fast, twin = getattr(optimizer, name)(), getattr(slow_training, name)()
    for _ in range(3):
        grads = [rng.standard_normal(param.shape).astype(dtypes[1]) for param in params]
        fast.update(params, grads)
        twin.update(plain, grads)
    for a, b in zip(params, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-2 if "e" in dtypes else 1e-5, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in optimizer.__all__ if name != "np"])
@pytest.mark.parametrize("dtype", ["f", "d"])
def test_a_gradient_that_is_the_parameter(name, dtype):
    start = np.random.default_rng(2).standard_normal((4, 3)).astype(dtype)
    params, plain = [start.copy(), start[0].copy()], [start.copy(), start[0].copy()]
    fast, twin = getattr(optimizer, name)(), getattr(slow_training, name)()
    for _ in range(3):
        fast.update(params, params)
        twin.update(plain, plain)
    for a, b in zip(params, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


# ---- evaluation


class Counting:
    """A model whose loss says which words it was shown."""

    def __init__(self):
        self.seen = []

    def forward(self, xs, ts, train_flg=True):
        assert not train_flg
        self.seen.append((xs, ts))
        return np.float32(2.0)


def test_eval_perplexity_shows_the_corpus_once(capsys):
    model = Counting()
    ppl = util.eval_perplexity(model, CORPUS, 3, 7)
    assert ppl == pytest.approx(np.exp(2))
    jump = (len(CORPUS) - 1) // 3
    for k, (xs, ts) in enumerate(model.seen):
        for n in range(3):
            where = n * jump + 7 * k + np.arange(7)
            np.testing.assert_array_equal(xs[n], CORPUS[where])
            np.testing.assert_array_equal(ts[n], CORPUS[where + 1])
    assert capsys.readouterr().out.endswith(f"\r{len(model.seen) - 1} / {len(model.seen)}\n")
    util.eval_perplexity(model, CORPUS[:22], 3, 7)
    with pytest.raises(ValueError, match="21 words, fewer than one batch"):
        util.eval_perplexity(model, CORPUS[:21], 3, 7)


@pytest.mark.parametrize("right", [True, False])
def test_eval_seq2seq(right, capsys):
    class Model:
        def generate(self, question, start_id, count):
            assert start_id == 0 and count == 2
            return [1, 2] if right else [2, 2]

    id_to_char = dict(enumerate("_ab"))
    question, correct = np.array([[1, 2, 2]]), np.array([[0, 1, 2]])
    found = util.eval_seq2seq(Model(), question, correct, id_to_char, True, is_reverse=True)
    assert found == right
    out = capsys.readouterr().out.splitlines()
    assert out[:2] == ["Q bba", "T ab"] and out[3] == "---"
    assert out[2].endswith("ab" if right else "bb")


# ---- words


def test_word_vectors(capsys):
    words = ["king", "man", "queen", "woman", "apple"]
    vectors = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1], [-1, -1, -1]], "f")
    word_to_id = {word: k for k, word in enumerate(words)}
    id_to_word = dict(enumerate(words))
    util.analogy("man", "king", "woman", word_to_id, id_to_word, vectors, top=1, answer="queen")
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "[analogy] man:king = woman:?"
    assert lines[2].startswith("==>queen:") and lines[3].startswith(" queen: ")
    util.most_similar("king", word_to_id, id_to_word, vectors, top=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "[query] king"
    assert [line.split(":")[0] for line in lines[2:]] == [" man", " queen"]
    assert float(lines[2].split(":")[1]) == pytest.approx(1 / np.sqrt(2), rel=1e-6)
    util.most_similar("pear", word_to_id, id_to_word, vectors)
    util.analogy("pear", "king", "man", word_to_id, id_to_word, vectors)
    assert capsys.readouterr().out == 2 * "pear is not found\n"


@pytest.mark.parametrize("window", [1, 2, 5])
def test_co_matrix_counts_pairs(window):
    corpus, counts = CORPUS[:60], np.zeros((V, V), int)
    for i in range(60):
        for j in range(max(0, i - window), min(60, i + window + 1)):
            if i != j:
                counts[corpus[i], corpus[j]] += 1
    np.testing.assert_array_equal(util.create_co_matrix(corpus, V, window), counts)
    np.testing.assert_array_equal(util.create_co_matrix(list(corpus), V, window), counts)


@pytest.mark.parametrize("window", [1, 2, 5])
@pytest.mark.parametrize("size", [30, 11, 10, 3, 2, 0])
def test_contexts_and_targets(window, size):
    corpus = CORPUS[:size]
    contexts, target = util.create_contexts_target(corpus, window)
    np.testing.assert_array_equal(target, corpus[window:-window])
    assert len(contexts) == max(0, size - 2 * window)
    for k, row in enumerate(contexts):
        around = corpus[k : k + 2 * window + 1]
        np.testing.assert_array_equal(row, np.delete(around, window))


def test_one_hot_refuses_ids_out_of_range():
    np.testing.assert_array_equal(util.convert_one_hot(np.array([0, -1]), 3), np.eye(3)[[0, 2]])
    with pytest.raises(IndexError):
        util.convert_one_hot(np.array([3]), 3)


def test_ppmi_of_any_dtype(capsys):
    C = util.create_co_matrix(CORPUS, V, 2)
    expected = np.zeros((V, V))
    total, sums = C.sum(), C.sum(axis=0)
    for i in range(V):
        for j in range(V):
            expected[i, j] = max(0, np.log2(C[i, j] * total / (sums[i] * sums[j]) + 1e-8))
    for dtype in (np.int32, np.int64, np.float64):
        M = util.ppmi(C.astype(dtype), verbose=dtype is np.int64)
        np.testing.assert_allclose(M, expected, rtol=1e-5, atol=1e-6)
        assert M.dtype == np.float32
    assert capsys.readouterr().out == "100.0% done\n"


@pytest.mark.parametrize("eps", [1e-8, 2.0])
def test_ppmi_is_the_formula(rng, eps):
    C = rng.integers(0, 9, (7, 7))
    C += C.T
    S, expected = C.sum(axis=0), np.zeros((7, 7))
    for i, j in np.ndindex(7, 7):
        expected[i, j] = max(0, np.log2(C[i, j] * C.sum() / (S[i] * S[j]) + eps))
    np.testing.assert_allclose(util.ppmi(C, eps=eps), expected, rtol=1e-6)


def test_a_word_without_a_vector_is_like_nothing(capsys):
    words = {"a": 0, "b": 1, "nothing": 2}
    util.most_similar("a", words, dict(enumerate(words)), np.array([[1.0, 0], [-1, 1], [0, 0]]))
    first, second = capsys.readouterr().out.splitlines()[2:]
    assert first == " nothing: 0.0" and second.startswith(" b: -0.70710676")


def test_to_cpu_hands_back_numpy_arrays():
    assert util.to_cpu(CORPUS) is CORPUS
    with pytest.raises(ImportError):
        util.to_gpu(CORPUS)
