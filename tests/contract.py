"""What code written for the book's layers relies on: a table, run against whoever stands for them.

A row gets a module with the book's names and a generator of random numbers; it asserts what must
hold, and yields what must be as with the plain layers. ``test_contract`` runs the rows on our
layers and on the slow twins, ``dropin/test_dropin_contract`` on a user's module with ours inside.
"""

import pickle
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

V, D, H, N, T = 13, 6, 5, 3, 4
RECURRENT = {"TimeRNN": 1, "TimeGRU": 3, "TimeLSTM": 4}
EMBEDDINGS = ("Embedding", "TimeEmbedding")
OPTIMIZERS = ("SGD", "Momentum", "Nesterov", "AdaGrad", "RMSprop", "Adam")


@dataclass(frozen=True)
class Row:
    """One line of the contract.

    Parameters
    ----------
    work : callable
        ``(module, rng)``, a generator.
    where : str
        The book-style module that has the names.
    only : tuple of str
        The classes that it needs of an accelerated module; all by default.
    falls_back : bool or None
        Whether an accelerated module must leave some call to the original; None: it may.
    tolerance : float
    """

    name: str
    work: Callable
    where: str = "layers"
    only: tuple = ()
    falls_back: bool | None = False
    tolerance: float = 2e-5

    def seen(self, module):
        """What the row yields, and where the random stream stands then."""
        np.random.seed(5)
        return [*self.work(module, np.random.default_rng(1)), np.random.random_sample()]

    def compare(self, found, expected):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert type(a) is type(b)
            if isinstance(a, list | tuple):
                self.compare(a, b)
            elif isinstance(a, np.ndarray):
                assert a.dtype == b.dtype
                scale = np.abs(b).max() if b.size and np.isfinite(b).all() else 1.0
                atol = self.tolerance * float(scale)
                np.testing.assert_allclose(a, b, rtol=0, atol=atol)
            elif isinstance(a, float | np.floating):
                np.testing.assert_allclose(a, b, rtol=self.tolerance)
            else:
                assert a == b


ROWS = []


def row(values=(), **settings):
    """Add a row, or one for each of the values that the function gets as its third argument."""

    def add(work):
        name = work.__name__
        for value in values:
            options = {key: x(value) if callable(x) else x for key, x in settings.items()}
            bound = lambda module, rng, value=value: work(module, rng, value)  # noqa: E731
            ROWS.append(Row(f"{name}[{getattr(value, '__name__', value)}]", bound, **options))
        if not values:
            ROWS.append(Row(name, work, **settings))
        return work

    return add


def its_name(name):
    return (name,)


# ---- layers and what they are fed


def normal(rng, *shape):
    return rng.standard_normal(shape).astype("f")


def cell(rng, gates, dtype="f"):
    shapes = (D, gates * H), (H, gates * H), (gates * H,)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def recurrent(module, rng, name, dtype="f", **options):
    return getattr(module, name)(*cell(rng, RECURRENT[name], dtype), **options)


def weighted(rng):
    """Layers with parameters: name -> parameters, inputs."""
    xs, x, h, c = normal(rng, N, T, D), normal(rng, 90, D), normal(rng, 90, H), normal(rng, 90, H)
    return {
        "MatMul": ([normal(rng, D, H)], [x]),
        "Affine": ([normal(rng, D, H), normal(rng, H)], [normal(rng, 900, D)]),
        "Embedding": ([normal(rng, V, D)], [rng.integers(-V, V, 30)]),
        "EmbeddingDot": ([normal(rng, V, D)], [x, rng.integers(-V, V, 90)]),
        "RNN": (cell(rng, 1), [x, h]),
        "GRU": (cell(rng, 3), [x, h]),
        "LSTM": (cell(rng, 4), [x, h, c]),
        "TimeEmbedding": ([normal(rng, V, D)], [rng.integers(-V, V, (N, T))]),
        **{name: (cell(rng, gates), [xs]) for name, gates in RECURRENT.items()},
        "TimeBiLSTM": (cell(rng, 4) + cell(rng, 4), [xs]),
        "TimeAffine": ([normal(rng, D, H), normal(rng, H)], [xs]),
    }


def others(rng):
    """The rest: name -> arguments, inputs."""
    hs, classes = normal(rng, N, T, H), rng.integers(0, V, 900)
    return {
        "Softmax": ([], [normal(rng, 900, V)]),
        "Sigmoid": ([], [normal(rng, 90, V)]),
        "SoftmaxWithLoss": ([], [normal(rng, 900, V), classes]),
        "SigmoidWithLoss": ([], [normal(rng, 90), rng.integers(0, 2, 90)]),
        "Dropout": ([0.3], [normal(rng, 90, 60)]),
        "NegativeSamplingLoss": (
            [normal(rng, V, D), classes, 0.75, 3],
            [normal(rng, 30, D), rng.integers(0, V, 30)],
        ),
        "TimeDropout": ([0.3], [normal(rng, 50, T, 40)]),
        "TimeSoftmaxWithLoss": ([], [normal(rng, N, T, V), rng.integers(-1, V, (N, T))]),
        "TimeSigmoidWithLoss": ([], [normal(rng, N, T), rng.integers(0, 2, (N, T))]),
        "WeightSum": ([], [hs, normal(rng, N, T)]),
        "AttentionWeight": ([], [hs, normal(rng, N, H)]),
        "Attention": ([], [hs, normal(rng, N, H)]),
        "TimeAttention": ([], [hs, normal(rng, N, T - 1, H)]),
    }


def every_layer(module, rng, table=lambda rng: {**weighted(rng), **others(rng)}):
    for name, (arguments, inputs) in table(rng).items():
        yield getattr(module, name)(*arguments), inputs


def parts(value):
    return list(value) if isinstance(value, tuple) else [] if value is None else [value]


def gradients(out):
    """Some gradient for each output; none for a loss."""
    arrays = [part for part in parts(out) if np.ndim(part)]
    return [np.cos(np.arange(part.size)).reshape(part.shape).astype(part.dtype) for part in arrays]


def copies(arrays):
    return [np.array(array) for array in arrays]


def step(layer, *inputs, douts=None):
    """What a forward and a backward give, and the gradients."""
    out = layer.forward(*inputs)
    kept = copies(parts(out)) if np.ndim(parts(out)[0]) else out
    din = layer.backward(*(gradients(out) if douts is None else douts))
    return [kept, parts(din), copies(layer.grads)]


# ---- params and grads


@row()
def every_layer_gives_the_same(module, rng):
    for layer, inputs in every_layer(module, rng):
        yield step(layer, *inputs)
        yield step(layer, *inputs)


@row()
def params_and_grads_keep_their_identity(module, rng):
    given = [arguments for arguments, _ in weighted(np.random.default_rng(1)).values()]
    for k, (layer, inputs) in enumerate(every_layer(module, rng)):
        lists, arrays = (layer.params, layer.grads), [*layer.params, *layer.grads]
        step(layer, *inputs)
        step(layer, *inputs)
        assert lists[0] is layer.params and lists[1] is layer.grads
        assert all(a is b for a, b in zip(arrays, [*layer.params, *layer.grads], strict=True))
        if k < len(given):
            yield len(layer.params) == len(given[k])
    W = normal(rng, V, D)
    assert all(
        getattr(module, name)(W).params[0] is W for name in ("MatMul", "Embedding", "TimeEmbedding")
    )


@row()
def each_instance_has_its_own_writable_grads(module, rng):
    for name, (arguments, inputs) in weighted(rng).items():
        first, second = (getattr(module, name)(*arguments) for _ in range(2))
        for mine, other in zip(first.grads, second.grads, strict=True):
            assert not np.may_share_memory(mine, other)
            assert mine.flags.writeable and mine.dtype == np.float32
        yield step(first, *inputs)
        step(second, *(np.zeros_like(array) for array in inputs))
        yield copies(first.grads)


@row()
def every_backward_overwrites_grads(module, rng):
    """Also what was clipped, tied, or spoilt in rows that no id has touched."""
    for layer, inputs in every_layer(module, rng, weighted):
        for spoilt in (np.nan, 7):
            for grad in layer.grads:
                grad[...] = spoilt
            yield step(layer, *inputs)
            for grad in layer.grads:
                grad *= 0.5
                grad += 3


@row()
def updates_in_place_are_seen_by_the_next_forward(module, rng):
    for layer, inputs in every_layer(module, rng):
        yield step(layer, *inputs)
        for param in layer.params:
            param -= 0.1 * param
        yield step(layer, *inputs)
        for param in layer.params:
            param[...] = 0.5
        yield step(layer, *inputs)


@row(where="training")
def shared_weights_are_found_and_their_grads_added_in_place(module, rng):
    W, b = normal(rng, 90, 60), normal(rng, 60)
    params = [W, W.T, b, W, normal(rng, 60, 90), W.T.copy()]  # a copy is known by its values
    grads = [normal(rng, *param.shape) for param in params]
    kept = list(params), list(grads)
    new_params, new_grads = module.remove_duplicate(params, grads)
    assert new_params[0] is W and new_params[1] is b and len(new_params) == len(new_grads) == 3
    assert new_grads[0] is grads[0]
    for old, now in zip(kept, (params, grads), strict=True):
        assert all(a is b for a, b in zip(old, now, strict=True))
    yield new_grads
    yield grads
    params, left = module.remove_duplicate([W, W], [grads[0], grads[0]])
    assert len(params) == 1 and left[0] is grads[0]  # listed twice, it counts twice
    yield left


# ---- outputs and state


@row()
def outputs_are_fresh_and_writable(module, rng):
    for layer, inputs in every_layer(module, rng):
        out = layer.forward(*inputs)
        douts = gradients(out)
        kept = [*layer.params, *layer.grads, *inputs, *douts]
        for part in parts(out):
            if np.ndim(part):
                assert not any(np.may_share_memory(part, other) for other in kept)
                part *= 0.25
        din = parts(layer.backward(*douts))
        for part in din:
            assert not any(np.may_share_memory(part, other) for other in kept)
            part[..., -1] = 0
        if type(layer).__name__ not in ("RNN", "LSTM"):  # the plain ones read their output again
            yield din
        yield step(layer, *inputs)


@row(RECURRENT, only=its_name)
def states_are_new_arrays_at_each_forward(module, rng, name):
    layer = recurrent(module, rng, name, stateful=True)
    kept = []
    for _ in range(3):
        out = layer.forward(normal(rng, N, T, D))
        now = [getattr(layer, part) for part in ("h", "c") if hasattr(layer, part)]
        assert not any(np.may_share_memory(out, part) for part in now)
        kept += zip(now, copies(now), strict=True)
        out *= 0
    for array, copy in kept:
        np.testing.assert_array_equal(array, copy)
    yield [array for array, _ in kept]


@row(RECURRENT, only=its_name)
def set_state_may_receive_a_view_which_is_never_written(module, rng, name):
    layer, hs = recurrent(module, rng, name, stateful=True), normal(rng, N, T, H)
    hs.flags.writeable = False
    before = hs.copy()
    layer.set_state(hs[:, -1])
    yield step(layer, normal(rng, N, T, D))
    yield layer.dh
    yield step(layer, normal(rng, N, T, D))
    yield layer.h
    np.testing.assert_array_equal(hs, before)


@row(only=("TimeLSTM",))
def set_state_without_c_resets_c(module, rng):
    layer = recurrent(module, rng, "TimeLSTM", stateful=True)
    step(layer, normal(rng, N, T, D))
    layer.set_state(normal(rng, N, H))
    assert layer.c is None
    yield step(layer, normal(rng, N, T, D))
    yield layer.c
    layer.set_state(normal(rng, N, H), normal(rng, N, H))
    yield step(layer, normal(rng, N, T, D))
    layer.reset_state()
    assert layer.h is None and layer.c is None
    yield step(layer, normal(rng, N, T, D))


@row(RECURRENT, only=its_name)
def dh_is_there_after_backward(module, rng, name):
    layer = recurrent(module, rng, name)
    assert layer.dh is None
    yield step(layer, normal(rng, N, T, D))
    yield layer.dh


@row(RECURRENT, only=its_name, falls_back=True)
def dh_is_the_gradient_of_the_initial_state(module, rng, name):
    layer, xs = recurrent(module, rng, name, "d", stateful=True), rng.standard_normal((N, T, D))
    h0, dhs = rng.standard_normal((N, H)), np.zeros((N, T, H))
    dhs[:, -1] = rng.standard_normal((N, H))

    def value(h):
        layer.set_state(h)
        layer.forward(xs)
        return float(np.sum(layer.h * dhs[:, -1]))

    value(h0)
    layer.backward(dhs)
    nudge = np.zeros_like(h0)
    nudge[1, 2] = 1e-6
    dh = layer.dh[1, 2]
    assert abs((value(h0 + nudge) - value(h0 - nudge)) / 2e-6 - dh) < 1e-6
    yield dh


@row(only=("TimeAttention",))
def attention_weights_is_a_list_of_t_arrays(module, rng):
    layer = module.TimeAttention()
    yield step(layer, normal(rng, N, T, H), normal(rng, N, 7, H))
    assert isinstance(layer.attention_weights, list) and len(layer.attention_weights) == 7
    for a in layer.attention_weights:
        assert a.shape == (N, T)
        np.testing.assert_allclose(a.sum(axis=1), 1, rtol=1e-6)
    yield layer.attention_weights


@row(only=("TimeDropout",))
def train_flg_is_set_from_outside(module, rng):
    layer, xs = module.TimeDropout(0.5), np.ones((50, T, 40), "f")
    assert layer.train_flg is True
    yield step(layer, xs)
    layer.train_flg = False
    np.testing.assert_array_equal(layer.forward(xs), xs)
    layer.train_flg = True
    assert set(np.unique(layer.forward(xs))) == {0, 2}


# ---- inputs


def strided(array):
    return np.repeat(array, 2, axis=-1)[..., ::2]


def backwards(array):
    return np.ascontiguousarray(array[:, ::-1])[:, ::-1] if array.ndim > 1 else array


def every_second_backwards(array):
    return np.repeat(array, 2, axis=0)[::-2][::-1] if array.ndim else array


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def memmap(array):
    with tempfile.TemporaryFile() as file:
        mapped = np.memmap(file, array.dtype, "w+", shape=array.shape)
    mapped[...] = array
    return mapped


LAYOUTS = [strided, backwards, every_second_backwards, np.asfortranarray, read_only, memmap]


@row(LAYOUTS, falls_back=lambda lay: None if lay is memmap else False)
def inputs_of_any_layout(module, rng, lay):
    for layer, inputs in every_layer(module, rng, weighted):
        douts = gradients(layer.forward(*inputs))
        yield step(layer, *map(lay, inputs), douts=map(lay, douts))
    for name in RECURRENT:
        ones = np.broadcast_to(np.float32(1), (N, T, H))
        yield step(recurrent(module, rng, name), lay(normal(rng, N, T, D)), douts=[ones])


@row([np.int32, np.int64], only=("Embedding", "TimeEmbedding", "TimeAffine", *RECURRENT))
def one_row_and_one_step(module, rng, dtype):
    embed = module.TimeEmbedding(normal(rng, V, D))
    yield step(embed, np.array([[3]], dtype))
    yield step(module.Embedding(normal(rng, V, D)), np.array([3], dtype))
    for name in RECURRENT:
        layer = recurrent(module, rng, name, stateful=True)
        for word in (3, 4, -1):
            x = embed.forward(np.array([[word]], dtype))
            assert x.shape == (1, 1, D)
            yield step(layer, x)
    yield step(module.TimeAffine(normal(rng, D, H), normal(rng, H)), normal(rng, 1, 1, D))


@row(only=EMBEDDINGS)
def negative_ids_count_from_the_end(module, rng):
    ids = np.array([[-1, 2, -V], [V - 1, 0, -1]])
    for name in EMBEDDINGS:
        W = normal(rng, V, D)
        layer = getattr(module, name)(W)
        np.testing.assert_array_equal(layer.forward(ids), W[ids])
        yield step(layer, ids)
        yield step(layer, np.array([[2, 2], [2, 2]]))  # rows that were touched before are zero now


@row([V, -V - 1], only=EMBEDDINGS, falls_back=True)
def ids_out_of_range_raise_index_error(module, rng, wrong):
    for name in EMBEDDINGS:
        with pytest.raises(IndexError, match=f"{wrong} is out of bounds"):
            getattr(module, name)(normal(rng, V, D)).forward(np.array([[1, wrong]]))
    yield None


@row(only=("Embedding",), falls_back=True)
def embedding_accepts_lists_and_scalars_but_no_floats(module, rng):
    layer = module.Embedding(normal(rng, V, D))
    ids = [1, 2, 2], 3, np.int64(-1), [[1, 2], [3, 4]], np.array(5), [], np.array([[1, -1]])
    for idx in (*ids, (1, 2), slice(2, 4), True):  # as NumPy's indexing takes them
        out = layer.forward(idx)
        yield [out, np.shape(out)]
        layer.backward(np.ones_like(out))
        yield copies(layer.grads)
    for wrong in (1.0, [1.0, 2.0], np.array([0.0]), np.array([True, False] * 6)):
        with pytest.raises(IndexError):
            layer.forward(wrong)


@row(only=("TimeEmbedding",), falls_back=None)
def time_embedding_refuses_lists_and_floats(module, rng):
    layer = module.TimeEmbedding(normal(rng, V, D))
    with pytest.raises((AttributeError, ValueError)):
        layer.forward([[1, 2]])
    with pytest.raises(IndexError):
        layer.forward(np.array([[1.0]]))
    yield None


@row(only=("TimeEmbedding",))
def time_embedding_reads_w_not_params(module, rng):
    layer = module.TimeEmbedding(normal(rng, V, D))
    assert layer.W is layer.params[0]
    layer.W = normal(rng, V, D)
    yield step(layer, rng.integers(0, V, (N, T)))
    assert layer.backward(np.ones((N, T, D), "f")) is None


@row(only=("TimeSoftmaxWithLoss",))
def label_minus_one_is_ignored(module, rng):
    layer = module.TimeSoftmaxWithLoss()
    assert layer.ignore_label == -1
    loss, (dx,), _ = step(layer, normal(rng, 2, 2, V), np.array([[1, -1], [-1, 2]]))
    np.testing.assert_array_equal(dx[[0, 1], [1, 0]], 0)
    yield [loss, dx]
    with np.errstate(invalid="ignore", divide="ignore"):
        loss, (dx,), _ = step(layer, normal(rng, 2, 2, V), np.full((2, 2), -1))
    assert np.isnan(loss) and np.isnan(dx).all()
    layer.ignore_label = 3
    yield step(layer, normal(rng, 2, 2, V), np.array([[3, 1], [-2, 3]]))


# ---- calls


@row([1, 0.5])
def backward_may_be_called_twice(module, rng, dout):
    """TimeSoftmaxWithLoss works on its own cache, and differs then; the others do not."""
    for layer, inputs in every_layer(module, rng):
        out = layer.forward(*inputs)
        loss = not np.ndim(parts(out)[0])
        found = []
        for _ in range(3):
            din = layer.backward(dout) if loss else layer.backward(*gradients(out))
            found.append([*copies(parts(din)), *copies(layer.grads)])
        yield found
        if type(layer).__name__ != "TimeSoftmaxWithLoss":
            for first, last in zip(found[0], found[2], strict=True):
                np.testing.assert_array_equal(first, last)


@row()
def the_last_forward_wins(module, rng):
    for layer, inputs in every_layer(module, rng):
        layer.forward(*(np.zeros_like(array) for array in inputs))
        yield step(layer, *inputs)


@row([*RECURRENT, "TimeEmbedding"], only=its_name)
def layers_exists(module, rng, name):
    arguments, inputs = weighted(rng)[name]
    layer = getattr(module, name)(*arguments)
    assert layer.layers is None
    yield step(layer, *inputs)
    assert len(layer.layers) == T and layer.layers[0].params[0] is arguments[0]


@row(
    [np.float16, np.float32, np.float64, np.int32],
    falls_back=lambda dtype: dtype is not np.float32,
    tolerance=lambda dtype: 1e-2 if dtype is np.float16 else 1e-4,
)
def no_type_error_starts_inside(module, rng, dtype):
    """An evaluation that catches TypeError, and then calls in training mode, must not do so."""
    for layer, inputs in every_layer(module, rng, weighted):
        wide = [x if x.dtype.kind == "i" else (2 * x).astype(dtype) for x in inputs]
        out, din, grads = step(layer, *wide, douts=gradients(layer.forward(*inputs)))
        # of which dtype they come out is for each dtype that goes in another matter
        yield [array.astype("d") for array in (*out, *din, *grads)]


@row(only=("TimeLSTM",))
def parameters_are_pickled_as_float16(module, rng):
    layer = recurrent(module, rng, "TimeLSTM")
    stored = pickle.dumps([param.astype(np.float16) for param in layer.params])
    step(layer, normal(rng, N, T, D))
    for param, value in zip(layer.params, pickle.loads(stored), strict=True):
        param[...] = value.astype("f")
    yield step(layer, normal(rng, N, T, D))


@row(RECURRENT, only=its_name, falls_back=True)
def float64_parameters(module, rng, name):
    """hs and dxs come back as float32; h, c, dh and the gradients are float64."""
    layer = recurrent(module, rng, name, "d")
    (hs,), (dxs,), grads = step(layer, rng.standard_normal((N, T, D)))
    state = [getattr(layer, part) for part in ("h", "c", "dh") if hasattr(layer, part)]
    assert hs.dtype == dxs.dtype == np.float32
    assert all(array.dtype == np.float64 for array in (*state, *grads))
    yield [hs, dxs, *state, *grads]


@row(only=("TimeEmbedding",), falls_back=True)
def float64_time_embedding_gives_float32(module, rng):
    layer = module.TimeEmbedding(rng.standard_normal((V, D)))
    (out,), _, grads = step(layer, rng.integers(-V, V, (N, T)))
    assert out.dtype == np.float32 and grads[0].dtype == np.float64
    yield [out, *grads]


# ---- random numbers, batches, functions


@row(only=("NegativeSamplingLoss", "UnigramSampler", "TimeDropout", "Dropout"))
def random_numbers_come_from_the_legacy_stream(module, rng):
    layer = module.Dropout(0.3)
    for _ in range(2):
        yield step(layer, normal(rng, 90, 60))
        yield layer.mask
    yield step(module.TimeDropout(0.3), normal(rng, 50, T, 40))
    yield np.random.rand(3)
    sampler = module.UnigramSampler(rng.integers(0, V, 300), 0.75, 4)
    negatives = sampler.get_negative_sample(rng.integers(0, V, 40))
    assert negatives.dtype == np.int32
    yield negatives
    loss = module.NegativeSamplingLoss(normal(rng, V, D), rng.integers(0, V, 300))
    yield step(loss, normal(rng, 30, D), rng.integers(0, V, 30))


@row(RECURRENT, only=its_name, falls_back=True)
def a_batch_that_changes_size(module, rng, name):
    layer = recurrent(module, rng, name, stateful=True)
    step(layer, normal(rng, 2, T, D))
    with pytest.raises(ValueError):
        layer.forward(normal(rng, 3, T, D))
    layer.reset_state()
    step(layer, normal(rng, 1, T, D))
    yield layer.forward(normal(rng, 3, T, D))  # one row is broadcast
    yield layer.h


@row(OPTIMIZERS, where="training")
def optimizers_update_in_place(module, rng, name):
    optimizer = getattr(module, name)()
    params = [normal(rng, 80, 70), normal(rng, 70), normal(rng, 50, 60).T]
    kept, before = list(params), copies(params)
    for k in range(4):
        optimizer.update(params, [normal(rng, *param.shape) for param in params])
        optimizer.lr = 0.1 / (k + 1)
    assert all(a is b and (a != c).all() for a, b, c in zip(kept, params, before, strict=True))
    assert vars(optimizer).keys() == vars(getattr(module, name)()).keys()
    yield params


@row([0.5, 1e6], where="training")
def clip_grads_scales_in_place(module, rng, max_norm):
    grads = [normal(rng, 80, 70), normal(rng, 70)]
    kept = list(grads)
    yield module.clip_grads(grads, max_norm)
    assert all(a is b for a, b in zip(kept, grads, strict=True))
    yield grads


@row(falls_back=None, only=("Softmax",))
def softmax_hands_back_other_ranks_and_never_writes(module, rng):
    x = normal(rng, 2, 3, 4)
    before = x.copy()
    assert module.softmax(x) is x
    yield [module.softmax(x[0]), module.softmax(x[0, 0])]
    np.testing.assert_array_equal(x, before)
    yield step(module.Softmax(), normal(rng, 900, V))
