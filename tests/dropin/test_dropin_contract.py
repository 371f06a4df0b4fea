"""The contract of the book's layers, row by row, on a user's classes with ours inside.

Each test does the same with the user's module as it is and with the accelerated one, and compares
all that it saw. Nothing may have fallen back meanwhile, except where a test says so.
"""

import pickle

import numpy as np
import pytest

from fastembed.dropin import reporting
from fastembed.dropin.session import session

V, D, H, N, T = 13, 6, 5, 3, 4


@pytest.fixture
def same(project):
    """same(work, name): work(module) sees the same with both; its calls ran accelerated."""

    def check(work, name="layers", falls_back=False, only=()):
        plain, fast = project.twins(name, only=only)
        expected, found = run(work, plain), run(work, fast)
        assert_same(found, expected)
        calls = sum(subject.stats.calls for subject in session.subjects.values())
        fallbacks = [line for line in reporting.complaints() if "fell back" in line]
        assert calls or falls_back, reporting.text()
        assert bool(fallbacks) == falls_back, fallbacks

    return check


def run(work, module):
    np.random.seed(5)
    seen = list(work(module, np.random.default_rng(1)))
    return [*seen, np.random.random_sample()]


def assert_same(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert type(a) is type(b)
        if isinstance(a, list | tuple):
            assert_same(a, b)
        elif isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            scale = np.abs(b).max() if b.size and np.isfinite(b).all() else 1.0
            np.testing.assert_allclose(a, b, rtol=0, atol=2e-5 * scale)
        elif isinstance(a, float):
            np.testing.assert_allclose(a, b, rtol=1e-5)
        else:
            assert a == b


def normal(rng, *shape):
    return rng.standard_normal(shape).astype("f")


RECURRENT = {"TimeRNN": 1, "TimeGRU": 3, "TimeLSTM": 4}


def recurrent(module, rng, name, **options):
    gates = RECURRENT[name]
    params = normal(rng, D, gates * H), normal(rng, H, gates * H), normal(rng, gates * H)
    return getattr(module, name)(*params, **options)


def step(layer, *inputs, dout=None):
    """What a forward and a backward give, with the gradients."""
    out = layer.forward(*inputs)
    kept = np.array(out)
    if dout is None:
        dout = gradient(out)
    din = layer.backward() if dout is None else layer.backward(dout)
    return [kept, din, [grad.copy() for grad in layer.grads]]


def gradient(out):
    """Some gradient of an output; None for a loss."""
    if not isinstance(out, np.ndarray):
        return None
    return np.cos(np.arange(out.size, dtype="f")).reshape(out.shape)


def every_layer(module, rng):
    """Each accelerated class of a module, with inputs."""
    yield module.MatMul(normal(rng, D, H)), (normal(rng, 90, D),)
    yield module.Affine(normal(rng, D, H), normal(rng, H)), (normal(rng, 900, D),)
    yield module.Softmax(), (normal(rng, 900, V),)
    yield module.SoftmaxWithLoss(), (normal(rng, 900, V), rng.integers(0, V, 900))
    yield module.Embedding(normal(rng, V, D)), (rng.integers(-V, V, 30),)
    loss = module.NegativeSamplingLoss(normal(rng, V, D), rng.integers(0, V, 300), sample_size=3)
    yield loss, (normal(rng, 30, D), rng.integers(0, V, 30))
    yield module.TimeEmbedding(normal(rng, V, D)), (rng.integers(-V, V, (N, T)),)
    for name in RECURRENT:
        yield recurrent(module, rng, name), (normal(rng, N, T, D),)
    yield module.TimeAffine(normal(rng, D, H), normal(rng, H)), (normal(rng, N, T, D),)
    yield module.TimeDropout(0.3), (normal(rng, 50, T, 40),)
    yield module.TimeSoftmaxWithLoss(), (normal(rng, N, T, V), rng.integers(0, V, (N, T)))
    yield module.TimeSigmoidWithLoss(), (normal(rng, N, T), rng.integers(0, 2, (N, T)))
    yield module.WeightSum(), (normal(rng, N, T, H), normal(rng, N, T))
    yield module.AttentionWeight(), (normal(rng, N, T, H), normal(rng, N, H))
    yield module.Attention(), (normal(rng, N, T, H), normal(rng, N, H))
    yield module.TimeAttention(), (normal(rng, N, T, H), normal(rng, N, T - 1, H))


def test_contract_every_layer_gives_the_same(same):
    def work(module, rng):
        for layer, inputs in every_layer(module, rng):
            yield step(layer, *inputs)
            yield step(layer, *inputs)

    same(work)


def test_contract_star_import_hands_on_np_and_layers(project):
    _, fast = project.twins("layers")
    project.write("star", "from my_layers import *\nx = np.zeros(3)\nf = softmax, sigmoid\n")
    star = project.load("star")
    assert star.TimeLSTM is fast.TimeLSTM
    assert star.TimeLSTM.forward is fast.TimeLSTM.forward


def test_contract_params_and_grads_keep_their_identity(same):
    def work(module, rng):
        for layer, inputs in every_layer(module, rng):
            lists = layer.params, layer.grads
            arrays = [*layer.params, *layer.grads]
            step(layer, *inputs)
            step(layer, *inputs)
            yield lists[0] is layer.params and lists[1] is layer.grads
            yield all(a is b for a, b in zip(arrays, [*layer.params, *layer.grads], strict=True))

    same(work)


def test_contract_each_instance_has_its_own_grads(same):
    def work(module, rng):
        W = normal(rng, V, D)
        first, second = module.Embedding(W), module.Embedding(W)
        step(first, np.array([1, 2]))
        step(second, np.array([3, 3]))
        yield [first.grads[0], second.grads[0]]

    same(work, only=["Embedding"])


def test_contract_updates_in_place_are_seen(same):
    def work(module, rng):
        for layer, inputs in every_layer(module, rng):
            yield step(layer, *inputs)
            for param in layer.params:
                param -= 0.1 * param
            yield step(layer, *inputs)
            for param in layer.params:
                param[...] = 0.5
            yield step(layer, *inputs)

    same(work)


def test_contract_shared_and_tied_weights(project, same):
    plain, fast = project.twins("training")

    def work(module, rng):
        W, b = normal(rng, 90, 60), normal(rng, 60)
        params = [W, W.T, b, W, normal(rng, 60, 90)]
        grads = [normal(rng, *param.shape) for param in params]
        new_params, new_grads = module.remove_duplicate(params, grads)
        yield [param is W for param in new_params]
        yield [any(grad is old for old in grads) for grad in new_grads]
        yield new_grads
        yield grads

    assert_same(run(work, fast), run(work, plain))
    assert stats("remove_duplicate").calls == 1


def test_contract_grads_are_writable_and_overwritten(same):
    def work(module, rng):
        for layer, inputs in every_layer(module, rng):
            for grad in layer.grads:
                grad[...] = np.nan
            yield step(layer, *inputs)
            for grad in layer.grads:
                grad *= 0.5

    same(work)


def test_contract_returned_arrays_are_fresh_and_writable(same):
    def work(module, rng):
        for layer, inputs in every_layer(module, rng):
            out = layer.forward(*inputs)
            if isinstance(out, np.ndarray):
                out *= 0.25
                yield out
                din = layer.backward(gradient(out))
            else:
                din = layer.backward()
            for part in din if isinstance(din, tuple) else (din,):
                if part is not None:
                    part[..., -1] = 0
            yield din
            yield step(layer, *inputs)

    same(work)


@pytest.mark.parametrize("name", RECURRENT)
def test_contract_states_are_new_arrays(same, name):
    def work(module, rng):
        layer = recurrent(module, rng, name, stateful=True)
        kept = []
        for _ in range(3):
            step(layer, normal(rng, N, T, D))
            kept.append((layer.h, layer.h.copy()))
        yield [np.array_equal(array, copy) for array, copy in kept]
        yield [array for array, _ in kept]

    same(work, only=[name])


@pytest.mark.parametrize("name", RECURRENT)
def test_contract_set_state_receives_a_view(same, name):
    def work(module, rng):
        layer = recurrent(module, rng, name, stateful=True)
        hs = normal(rng, N, T, H)
        before = hs.copy()
        layer.set_state(hs[:, -1])
        yield step(layer, normal(rng, N, T, D))
        yield step(layer, normal(rng, N, T, D))
        yield np.array_equal(hs, before)
        yield layer.h

    same(work, only=[name])


def test_contract_set_state_without_c_resets_it(same):
    def work(module, rng):
        layer = recurrent(module, rng, "TimeLSTM", stateful=True)
        step(layer, normal(rng, N, T, D))
        layer.set_state(normal(rng, N, H))
        yield layer.c
        yield step(layer, normal(rng, N, T, D))
        layer.set_state(normal(rng, N, H), normal(rng, N, H))
        yield step(layer, normal(rng, N, T, D))
        layer.reset_state()
        yield step(layer, normal(rng, N, T, D))

    same(work, only=["TimeLSTM"])


@pytest.mark.parametrize("name", RECURRENT)
def test_contract_dh_is_the_gradient_of_the_initial_state(same, name):
    def work(module, rng):
        layer = recurrent(module, rng, name)
        yield step(layer, normal(rng, N, T, D))
        yield layer.dh

    same(work, only=[name])


def test_contract_attention_weights_are_a_list(same):
    def work(module, rng):
        layer = module.TimeAttention()
        yield step(layer, normal(rng, N, T, H), normal(rng, N, T - 1, H))
        yield layer.attention_weights
        yield len(layer.attention_weights)

    same(work, only=["TimeAttention"])


def test_contract_train_flg_is_set_from_outside(same):
    def work(module, rng):
        layer, xs = module.TimeDropout(0.4), normal(rng, 50, T, 40)
        yield step(layer, xs)
        layer.train_flg = False
        yield layer.forward(xs)
        layer.train_flg = True
        yield step(layer, xs)

    same(work, only=["TimeDropout"])


def test_contract_inputs_are_strided_or_read_only(same):
    def work(module, rng):
        layers = [recurrent(module, rng, name) for name in RECURRENT]
        layers += [module.TimeAffine(normal(rng, D, H), normal(rng, H))]
        for layer in layers:
            xs = normal(rng, N, 2 * T, D)
            xs.flags.writeable = False
            yield step(layer, xs[:, ::-1])
            yield step(layer, xs[:, ::2], dout=np.broadcast_to(np.float32(1), (N, T, H)))
            yield step(layer, np.asfortranarray(xs))
        embedding = module.TimeEmbedding(normal(rng, V, D))
        yield step(embedding, rng.integers(0, V, (N, 2 * T))[:, ::-2])

    same(work, only=["TimeEmbedding", "TimeAffine", *RECURRENT])


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_contract_one_row_one_step(same, dtype):
    def work(module, rng):
        yield step(module.TimeEmbedding(normal(rng, V, D)), np.array([[3]], dtype))
        yield step(module.Embedding(normal(rng, V, D)), np.array([3], dtype))
        for name in RECURRENT:
            layer = recurrent(module, rng, name, stateful=True)
            for _ in range(3):
                yield step(layer, normal(rng, 1, 1, D))
        yield step(module.TimeAffine(normal(rng, D, H), normal(rng, H)), normal(rng, 1, 1, D))

    same(work, only=["Embedding", "TimeEmbedding", "TimeAffine", *RECURRENT])


def test_contract_negative_ids_count_from_the_end(same):
    def work(module, rng):
        yield step(module.TimeEmbedding(normal(rng, V, D)), np.array([[-1, 2, -V], [V - 1, 0, -1]]))
        yield step(module.Embedding(normal(rng, V, D)), np.array([-1, 2, -V, -1]))

    same(work, only=["Embedding", "TimeEmbedding"])


@pytest.mark.parametrize("bad", [V, -V - 1])
def test_contract_ids_out_of_range_raise_index_error(same, bad):
    def work(module, rng):
        for layer in (
            module.TimeEmbedding(normal(rng, V, D)),
            module.Embedding(normal(rng, V, D)),
        ):
            with pytest.raises(IndexError) as caught:
                layer.forward(np.array([[1, bad]]))
            yield str(caught.value)

    same(work, only=["Embedding", "TimeEmbedding"], falls_back=True)


def test_contract_label_minus_one_is_ignored(same):
    def work(module, rng):
        layer = module.TimeSoftmaxWithLoss()
        yield layer.ignore_label
        for ts in ([[1, -1], [-1, 2]], [[-1, -1], [-1, -1]]):
            with np.errstate(invalid="ignore"):
                yield step(layer, normal(rng, 2, 2, V), np.array(ts))
        layer.ignore_label = 3
        yield step(layer, normal(rng, 2, 2, V), np.array([[3, 1], [-2, 3]]))

    same(work, only=["TimeSoftmaxWithLoss"])


def test_contract_the_last_forward_wins(same):
    def work(module, rng):
        for layer, inputs in every_layer(module, rng):
            layer.forward(*(np.zeros_like(array) for array in inputs))
            yield step(layer, *inputs)

    same(work)


def test_contract_backward_may_be_called_twice(same):
    def work(module, rng):
        for layer, inputs in every_layer(module, rng):
            out = layer.forward(*inputs)
            given = (gradient(out),) if isinstance(out, np.ndarray) else ()
            first = layer.backward(*given)
            yield np.array(first) if isinstance(first, np.ndarray) else first
            yield layer.backward(*given)
            yield [grad.copy() for grad in layer.grads]

    same(work)


def test_contract_self_layers_exists(same):
    def work(module, rng):
        for name in RECURRENT:
            layer = recurrent(module, rng, name)
            step(layer, normal(rng, N, T, D))
            yield hasattr(layer, "layers")

    same(work, only=[*RECURRENT])


def test_contract_no_type_error_starts_inside(same):
    """An evaluation that catches TypeError, and then calls in training mode, must not do so."""

    def work(module, rng):
        layers = every_layer(module, rng)
        for layer, inputs in layers:
            try:
                yield step(layer, *inputs)
            except TypeError as error:
                yield repr(error)

    same(work)


def test_contract_parameters_are_pickled_as_float16(same):
    def work(module, rng):
        layer = recurrent(module, rng, "TimeLSTM")
        stored = pickle.dumps([param.astype(np.float16) for param in layer.params])
        step(layer, normal(rng, N, T, D))
        for param, value in zip(layer.params, pickle.loads(stored), strict=True):
            param[...] = value.astype("f")
        yield step(layer, normal(rng, N, T, D))

    same(work, only=["TimeLSTM"])


@pytest.mark.parametrize("name", RECURRENT)
def test_contract_float64_parameters(same, name):
    """They run the user's own methods, whose mixture of dtypes is then as it was."""

    def work(module, rng):
        gates = RECURRENT[name]
        shapes = (D, gates * H), (H, gates * H), (gates * H,)
        layer = getattr(module, name)(*(rng.standard_normal(shape) for shape in shapes))
        yield step(layer, rng.standard_normal((N, T, D)))
        yield [layer.h, layer.dh]

    same(work, only=[name], falls_back=True)


def test_contract_random_stream_is_the_users(same):
    def work(module, rng):
        yield np.random.rand(3)
        layer = module.Dropout(0.3)
        for _ in range(2):
            yield step(layer, normal(rng, 90, 60))
            yield layer.mask
        yield step(module.TimeDropout(0.3), normal(rng, 50, T, 40))
        sampler = module.UnigramSampler(rng.integers(0, V, 300), 0.75, 4)
        yield sampler.get_negative_sample(rng.integers(0, V, 40))
        loss = module.NegativeSamplingLoss(normal(rng, V, D), rng.integers(0, V, 300))
        yield step(loss, normal(rng, 30, D), rng.integers(0, V, 30))
        yield np.random.rand(3)

    same(work, only=["NegativeSamplingLoss", "UnigramSampler", "TimeDropout", "Dropout"])


def test_contract_time_embedding_reads_its_attribute_w(same):
    def work(module, rng):
        layer = module.TimeEmbedding(normal(rng, V, D))
        layer.W = normal(rng, V, D)
        yield step(layer, rng.integers(0, V, (N, T)))

    same(work, only=["TimeEmbedding"])


def test_contract_embedding_accepts_lists_and_scalars(same):
    def work(module, rng):
        layer = module.Embedding(normal(rng, V, D))
        yield step(layer, [1, 2, 2])
        yield layer.forward(3)
        yield step(layer, np.array([[1, 2], [2, -1]]))
        for wrong in (np.array([1.0]), np.array([True, False] * 6)):
            with pytest.raises(IndexError):
                layer.forward(wrong)
        with pytest.raises((AttributeError, ValueError)):
            module.TimeEmbedding(normal(rng, V, D)).forward([[1, 2]])

    same(work, only=["Embedding", "TimeEmbedding"], falls_back=True)


@pytest.mark.parametrize("name", RECURRENT)
def test_contract_batches_that_change_size(same, name):
    def work(module, rng):
        layer = recurrent(module, rng, name, stateful=True)
        step(layer, normal(rng, 2, T, D))
        with pytest.raises(ValueError):
            layer.forward(normal(rng, 3, T, D))
        layer = recurrent(module, rng, name, stateful=True)
        step(layer, normal(rng, 1, T, D))
        yield layer.forward(normal(rng, 3, T, D))
        yield layer.h

    same(work, only=[name], falls_back=True)


# ---- optimizers, batches and functions


@pytest.mark.parametrize("name", ["SGD", "Momentum", "Nesterov", "AdaGrad", "RMSprop", "Adam"])
def test_contract_optimizers_update_in_place(same, name):
    def work(module, rng):
        optimizer = getattr(module, name)()
        params = [normal(rng, 80, 70), normal(rng, 70), normal(rng, 50, 60).T]
        kept = list(params)
        for k in range(4):
            optimizer.update(params, [normal(rng, *param.shape) for param in params])
            optimizer.lr = 0.1 / (k + 1)
        yield params
        yield [a is b for a, b in zip(kept, params, strict=True)]
        yield {key for key in vars(optimizer)} == set(vars(getattr(module, name)()))

    same(work, "training")


def test_contract_clip_grads_scales_in_place(same):
    def work(module, rng):
        for max_norm in (0.5, 1e6):
            grads = [normal(rng, 80, 70), normal(rng, 70)]
            kept = list(grads)
            yield module.clip_grads(grads, max_norm)
            yield grads
            yield all(a is b for a, b in zip(kept, grads, strict=True))

    same(work, "training")


def test_contract_helpers_give_the_same(same):
    def work(module, rng):
        corpus = rng.integers(0, V, 200)
        for window in (1, 2, 5):
            counts = module.create_co_matrix(corpus, V, window)
            yield counts
            yield module.ppmi(counts)
            yield module.create_contexts_target(corpus, window)
        yield module.convert_one_hot(corpus, V)
        yield module.convert_one_hot(corpus.reshape(50, 4), V)
        trainer = module.RnnlmTrainer(None, None)
        trainer.time_idx = 0
        for _ in range(9):
            yield trainer.get_batch(corpus[:-1], corpus[1:], 5, 7)
            yield trainer.time_idx

    same(work, "util")


def stats(name):
    return next(s.stats for s in session.subjects.values() if s.where.endswith("." + name))
