"""Layers on top of each other against plain NumPy, and what every layer of the book keeps too."""

import copy
import pickle

import numpy as np
import pytest
from contract import LAYOUTS, copies
from helpers import COUNTS, numeric
from test_lengths import drawn

from fastembed import recurrent_layers, time_layers
from fastembed.reference import recurrent as slow

N, T, D, H, P = 4, 5, 3, 18, 7
STATES = {"StackedRNN": ("h",), "StackedGRU": ("h",), "StackedLSTM": ("h", "c")}
# name, options of the constructor
KINDS = [
    ("StackedRNN", {}),
    ("StackedGRU", {}),
    ("StackedGRU", {"reset_after": True}),
    ("StackedLSTM", {}),
    ("StackedLSTM", {"proj_size": P}),
]
every_kind = pytest.mark.parametrize(("name", "options"), KINDS, ids=str)
both = pytest.mark.parametrize("bidirectional", [False, True])


def make(name, options, num_layers=2, **more):
    np.random.seed(3)
    return getattr(recurrent_layers, name)(D, H, num_layers, **options, **more)


def twin_of(stack):
    options = {"bidirectional": stack.bidirectional, "stateful": stack.layers[0].stateful}
    return getattr(slow, type(stack).__name__).from_params(copies(stack.params), **options)


def draw(rng, *shape, dtype="f"):
    return rng.standard_normal(shape).astype(dtype)


def states(rng, stack, name, dtype="f"):
    """Some numbers for each state."""
    count, projected = len(stack.layers), len(stack.params) // len(stack.layers) == 4
    sizes = {"h": P if projected else H, "c": H}
    return [draw(rng, count, N, sizes[part], dtype=dtype) for part in STATES[name]]


def step(stack, xs, dhs, last=(), lengths=None):
    """All that a forward and a backward give."""
    out = [stack.forward(xs, lengths).copy(), stack.backward(dhs, *last), *copies(stack.grads)]
    for part in STATES[type(stack).__name__]:
        out += [getattr(stack, part), getattr(stack, f"d{part}")]
    return out


def width(stack):
    return (1 + stack.bidirectional) * (stack.params[3].shape[1] if is_projected(stack) else H)


def is_projected(stack):
    return len(stack.params) // len(stack.layers) == 4


def compare(found, expected, tolerance):
    for a, b in zip(found, expected, strict=True):
        if a is not None:  # no gradient of a state where a projection began without one
            scale = max(1.0, np.abs(b).max(initial=0))
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * scale)


@every_kind
@both
@pytest.mark.parametrize("dtype", ["f", "d"])
def test_the_same_as_plain_numpy(rng, name, options, bidirectional, dtype):
    """Two batches, of which the second begins where each sequence of the first ended."""
    stack = make(name, options, 3, bidirectional=bidirectional, stateful=True, dtype=dtype)
    twin = twin_of(stack)
    start = states(rng, stack, name, dtype)
    for layer in (stack, twin):
        layer.set_state(*start)
    for lengths in (None, drawn(N, T), drawn(N, T, 5)):
        xs, dhs = draw(rng, N, T, D, dtype=dtype), draw(rng, N, T, width(stack), dtype=dtype)
        last = states(rng, stack, name, dtype)
        found = step(stack, xs, dhs, last, lengths)
        assert all(array.dtype == dtype for array in found)
        compare(found, step(twin, xs, dhs, last, lengths), 2e-5 if dtype == "f" else 1e-12)


@every_kind
@both
def test_gradients_are_the_derivatives(rng, name, options, bidirectional):
    stack = make(name, options, bidirectional=bidirectional, stateful=True, dtype="d")
    lengths = np.array([T, 2, 0, 3])
    xs, dhs = draw(rng, N, T, D, dtype="d"), draw(rng, N, T, width(stack), dtype="d")
    start, last = (states(rng, stack, name, "d") for _ in range(2))

    def value():
        stack.set_state(*start)
        hs = stack.forward(xs, lengths)
        ends = [getattr(stack, part) for part in STATES[name]]
        parts = zip([hs, *ends], [dhs, *last], strict=True)
        return sum(float(np.sum(part * weight)) for part, weight in parts)

    value()
    dxs = stack.backward(dhs, *last)
    dstates = [getattr(stack, f"d{part}") for part in STATES[name]]
    arrays, found = [xs, *start, *stack.params], [dxs, *dstates, *copies(stack.grads)]
    for array, gradient in zip(arrays, found, strict=True):
        places = list(np.ndindex(array.shape))[:: max(1, array.size // 12)]
        slopes = [gradient[place] for place in places]
        np.testing.assert_allclose(slopes, numeric(value, array, places), rtol=1e-5, atol=1e-7)


@every_kind
@both
def test_not_stateful(rng, name, options, bidirectional):
    stack = make(name, options, bidirectional=bidirectional)
    twin = twin_of(stack)
    xs, dhs = draw(rng, N, T, D), draw(rng, N, T, width(stack))
    for _ in range(2):
        compare(step(stack, xs, dhs), step(twin, xs, dhs), 2e-5)


@every_kind
def test_one_layer_is_the_single_one(rng, name, options):
    stack = make(name, options, 1)
    if is_projected(stack):
        return
    single = getattr(time_layers, name.replace("Stacked", "Time"))(*stack.params, **options)
    xs, dhs = draw(rng, N, T, D), draw(rng, N, T, H)
    np.testing.assert_array_equal(stack.forward(xs), single.forward(xs))
    np.testing.assert_array_equal(stack.backward(dhs), single.backward(dhs))
    for a, b in zip(stack.grads, single.grads, strict=True):
        np.testing.assert_array_equal(a, b)


@every_kind
@both
def test_no_steps_leave_the_state_as_it_is(rng, name, options, bidirectional):
    stack = make(name, options, bidirectional=bidirectional, stateful=True)
    given = states(rng, stack, name)
    stack.set_state(*given)
    hs = stack.forward(draw(rng, N, 0, D))
    assert hs.shape == (N, 0, width(stack)) and stack.backward(hs).shape == (N, 0, D)
    for part, state in zip(STATES[name], given, strict=True):
        np.testing.assert_array_equal(getattr(stack, part), state)
        assert not getattr(stack, f"d{part}").any()
    assert not any(grad.any() for grad in stack.grads)


@every_kind
@both
def test_parameters_are_kept_and_gradients_are_its_own(rng, name, options, bidirectional):
    first = make(name, options, bidirectional=bidirectional)
    given = dict(bidirectional=bidirectional)
    second = type(first).from_params(first.params, **given)
    assert all(a is b for a, b in zip(first.params, second.params, strict=True))
    assert not any(
        np.may_share_memory(a, b) for a, b in zip(first.grads, second.grads, strict=True)
    )
    assert [g.shape for g in first.grads] == [p.shape for p in first.params]
    lists, arrays = (first.params, first.grads), [*first.params, *first.grads]
    xs, dhs = draw(rng, N, T, D), draw(rng, N, T, width(first))
    expected = step(first, xs, dhs)
    for spoilt in (np.nan, 7):  # every backward overwrites them
        for grad in first.grads:
            grad[...] = spoilt
        compare(step(first, xs, dhs), expected, 0)
    assert lists[0] is first.params and lists[1] is first.grads
    assert all(a is b for a, b in zip(arrays, [*first.params, *first.grads], strict=True))
    for param in first.params:
        param *= 0.5  # in place: the next forward sees it, of both
    compare(step(second, xs, dhs), step(first, xs, dhs), 0)
    compare(step(first, xs, dhs), step(twin_of(first), xs, dhs), 2e-5)


@every_kind
@pytest.mark.parametrize("lay", LAYOUTS)
def test_inputs_of_any_layout(rng, name, options, lay):
    stack = make(name, options, bidirectional=True, stateful=True)
    start, last = states(rng, stack, name), states(rng, stack, name)
    xs, dhs, lengths = draw(rng, N, T, D), draw(rng, N, T, width(stack)), drawn(N, T)
    stack.set_state(*start)
    expected = step(stack, xs, dhs, last, lengths)
    stack.set_state(*map(lay, start))
    found = step(stack, lay(xs), lay(dhs), [lay(part) for part in last], lengths)
    compare(found, expected, 1e-6)


@every_kind
def test_bits_at_any_number_of_threads(rng, set_threads, name, options):
    stack = getattr(recurrent_layers, name)(40, 100, 2, bidirectional=True, **options)
    xs, lengths = draw(rng, 30, 7, 40), drawn(30, 7)
    dhs = np.cos(np.arange(stack.forward(xs).size)).reshape(30, 7, -1).astype("f")
    results = []
    for n in COUNTS:
        set_threads(n)
        results.append(step(stack, xs, dhs, (), lengths))
    for result in results[1:]:
        compare(result, results[0], 0)


@every_kind
def test_copies_go_on_alike(rng, name, options):
    stack = make(name, options, bidirectional=True, stateful=True)
    xs, dhs = draw(rng, N, T, D), draw(rng, N, T, width(stack))
    step(stack, xs, dhs)
    others = copy.deepcopy(stack), pickle.loads(pickle.dumps(stack))
    expected = step(stack, xs, dhs)
    for other in others:
        compare(step(other, xs, dhs), expected, 0)


def test_dropout_between_the_layers(rng):
    stack = make("StackedLSTM", {}, 3, dropout=0.5)
    xs, dhs = draw(rng, N, T, D), draw(rng, N, T, H)
    np.random.seed(1)
    hs = stack.forward(xs)
    masks = [layer.mask for layer in stack.dropouts]
    dxs = stack.backward(dhs)
    assert len(masks) == 2 and all(set(np.unique(mask)) == {0, 2} for mask in masks)
    np.random.seed(1)
    expected, layers = xs, [time_layers.TimeLSTM(*stack.params[k : k + 3]) for k in (0, 3, 6)]
    drops = [time_layers.TimeDropout(0.5) for _ in range(2)]
    chain = [layers[0], drops[0], layers[1], drops[1], layers[2]]
    for layer in chain:
        expected = layer.forward(expected)
    np.testing.assert_array_equal(hs, expected)
    expected = dhs
    for layer in reversed(chain):
        expected = layer.backward(expected)
    np.testing.assert_array_equal(dxs, expected)
    stack.train_flg = False
    plain = make("StackedLSTM", {}, 3)
    np.testing.assert_array_equal(stack.forward(xs), plain.forward(xs))
    np.testing.assert_array_equal(stack.backward(dhs), plain.backward(dhs))


def test_dropout_held_over_time(rng):
    layer, xs = time_layers.TimeDropout(0.5, variational=True), np.ones((50, T, 40), "f")
    out = layer.forward(xs)
    assert set(np.unique(out)) == {0, 2} and (out == out[:, :1]).all()
    assert (out[0, 0] != out[1, 0]).any()
    np.testing.assert_array_equal(layer.backward(xs), out)
    stack = make("StackedGRU", {}, dropout=0.5, variational=True)
    stack.forward(draw(rng, N, T, D))
    assert stack.dropouts[0].mask.shape == (N, 1, H)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda s: s(3, 0), ValueError, "hidden_size must be at least 1, got 0"),
        (lambda s: s(3, 4, 1.5), TypeError, "num_layers must be an integer, got 1.5"),
        (lambda s: s(3, 4, dropout=1), ValueError, "dropout must be at least 0 and less than 1"),
        (lambda s: s(3, 4, width=1), TypeError, "width"),
        (lambda s: s.from_params([]), ValueError, "params must be those of each layer, got 0 arr"),
        (
            lambda s: s.from_params(s(3, 4).params, bidirectional=True),
            ValueError,
            "params must be those of each layer and direction, got 3 arrays",
        ),
        (
            lambda s: s(3, 4, 2, stateful=True).set_state(np.zeros((1, 2, 4), "f")),
            ValueError,
            r"h must have shape \(2, 2, 4\) \(layers x directions, N, H\), got \(1, 2, 4\)",
        ),
        (
            lambda s: s(3, 4, stateful=True).set_state(np.zeros((1, 2, 5), "f")),
            ValueError,
            r"h must have shape \(1, 2, 4\) .* got \(1, 2, 5\)",
        ),
        (lambda s: s(3, 4).set_state([1.0]), TypeError, r"h must be a numpy\.ndarray, got list"),
        (lambda s: s(3, 4).forward([[1], [1, 2]]), ValueError, "xs must be an array"),
        (lambda s: s(3, 4).backward(np.zeros((2, 5, 4))), RuntimeError, "needs a forward before"),
        (lambda s: s(3, 4).forward(np.zeros((2, 5, 4), "f")), ValueError, r"xs must have shape"),
        (
            lambda s: s(3, 4).forward(np.zeros((2, 5, 3), "f"), [6, 1]),
            ValueError,
            r"lengths\[0\] = 6 is not between 0 and T of xs, 5",
        ),
    ],
)
@pytest.mark.parametrize("name", STATES)
def test_what_does_not_fit_is_refused(name, call, error, message):
    with pytest.raises(error, match=message):
        call(getattr(recurrent_layers, name))


def test_states_of_a_projection_have_their_own_widths(rng):
    stack = make("StackedLSTM", {"proj_size": P}, stateful=True)
    stack.set_state(*states(rng, stack, "StackedLSTM"))
    with pytest.raises(ValueError, match=rf"c must have shape \(2, {N}, {H}\)"):
        stack.set_state(None, draw(rng, 2, N, P))


@pytest.mark.parametrize("dtype", "bBhHiIqQ")
def test_lengths_of_any_size_of_a_projection_with_a_state(rng, dtype):
    made = []
    xs, dhs, lengths = draw(rng, N, T, D), draw(rng, N, T, 2 * P), np.array([3, 0, T, 1])
    given = [draw(rng, 4, N, size) for size in (P, H)]
    for kind in (dtype, "q"):
        stack = make("StackedLSTM", {"proj_size": P}, bidirectional=True, stateful=True)
        stack.set_state(*given)
        made.append(step(stack, xs, dhs, lengths=lengths.astype(kind)))
    for a, b in zip(*made, strict=True):
        np.testing.assert_array_equal(a, b)


@every_kind
def test_a_state_of_one_row_is_that_of_all(rng, name, options):
    one, all_rows = (make(name, options, stateful=True) for _ in range(2))
    given = [state[:, :1] for state in states(rng, one, name)]
    one.set_state(*given)
    all_rows.set_state(*(np.repeat(state, N, axis=1) for state in given))
    xs, dhs, lengths = draw(rng, N, T, D), draw(rng, N, T, width(one)), [3, 0, T, 1]
    for a, b in zip(*(step(s, xs, dhs, lengths=lengths) for s in (one, all_rows)), strict=True):
        np.testing.assert_array_equal(a, b)


@every_kind
def test_a_batch_of_another_size_needs_another_state(rng, name, options):
    stack = make(name, options, stateful=True)
    stack.forward(draw(rng, N, T, D))
    with pytest.raises(
        ValueError, match=rf"h has shape \({N}, .*a batch of 2 needs \(2, .*reset_st"
    ):
        stack.forward(draw(rng, 2, T, D))


@pytest.mark.parametrize("size", [-1, 4, 5])
def test_a_projection_makes_h_narrower(size):
    with pytest.raises(ValueError, match=rf"proj_size must be in \[0, 4\), .* got {size}"):
        recurrent_layers.StackedLSTM(3, 4, proj_size=size)


def test_a_list_of_numbers_is_an_input():
    stack = make("StackedGRU", {})
    xs = np.arange(4.0 * D).reshape(2, 2, D)
    np.testing.assert_array_equal(stack.forward(xs.tolist()), stack.forward(xs))
