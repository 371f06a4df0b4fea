"""Padded batches: sequences that end earlier, in any order, read forwards and from their ends."""

import copy
import pickle

import numpy as np
import pytest
from helpers import COUNTS, DTYPES, LAYOUTS, lay, numeric
from test_recurrent import KINDS, assert_bits, assert_same, make, names

from fastembed import ops, reference, time_layers

SIZES = [(3, 4, 5, 6), (5, 7, 3, 17), (9, 6, 16, 64), (70, 3, 30, 40), (2, 40, 8, 70)]
both_ways = pytest.mark.parametrize("reverse", [False, True])


def drawn(N, T, seed=0):
    """Lengths in no order, 0 and T among them."""
    lengths = np.random.default_rng(seed).integers(0, T + 1, N)
    lengths[0], lengths[-1] = 0, T
    return lengths


def run(module, kind, xs, weights, states, dhs, last=(), **options):
    """Forward and backward: all results by name; last are the gradients of the last state."""
    last = dict(zip(("dh_last", "dc_last"), last, strict=False))
    *outputs, cache = getattr(module, kind)(xs, *weights, *states, **options)
    gradients = getattr(module, f"{kind}_backward")(dhs, cache, **last)
    return dict(zip(names(kind), [*outputs, *gradients], strict=True))


def problem(kind, N, T, D, H, dtype, seed=0):
    """Xs, weights, initial states, gradients of hs and of the last state."""
    xs, weights, states, dhs = make(kind, N, T, D, H, dtype, seed)
    return xs, weights, states, dhs, make(kind, N, T, D, H, dtype, seed + 1)[2]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
@both_ways
def test_agrees_with_reference(kind, dtype, size, reverse):
    xs, weights, states, dhs, last = problem(kind, *size, dtype)
    for lengths in (drawn(*size[:2]), None, np.full(size[0], size[1]), np.zeros(size[0], int)):
        options = {"lengths": lengths, "reverse": reverse}
        for states_given, last_given in ((states, last), ([], [])):
            given = xs, weights, states_given, dhs, last_given
            wide = [[a.astype("d") for a in x] if type(x) is list else x.astype("d") for x in given]
            exact = run(reference, kind, *wide, **options)
            assert_same(run(ops, kind, *given, **options), exact, dtype)


@pytest.mark.parametrize("kind", KINDS)
@both_ways
def test_a_sequence_gives_the_bits_that_it_gives_alone(kind, reverse):
    N, T, D, H = 7, 9, 5, 20
    xs, weights, states, dhs, last = problem(kind, N, T, D, H, np.float32)
    lengths = drawn(N, T)
    got = run(ops, kind, xs, weights, states, dhs, last, lengths=lengths, reverse=reverse)
    for n in np.flatnonzero(lengths > 1):
        row, t = slice(n, n + 1), lengths[n]
        alone = run(
            ops, kind, xs[row, :t], weights, [s[row] for s in states], dhs[row, :t],
            [part[row] for part in last], reverse=reverse,
        )  # fmt: skip
        for name in set(names(kind)) - {"dWx", "dWh", "db"}:
            part = got[name][row, :t] if name in ("hs", "dxs") else got[name][row]
            np.testing.assert_array_equal(part, alone[name], err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
@both_ways
def test_what_is_beyond_the_end_counts_for_nothing(kind, reverse):
    xs, weights, states, dhs, last = problem(kind, 6, 5, 4, 20, np.float32)
    lengths = drawn(6, 5)
    options = {"lengths": lengths, "reverse": reverse}
    expected = run(ops, kind, xs, weights, states, dhs, last, **options)
    beyond = np.arange(5) >= lengths[:, np.newaxis]
    xs[beyond] = dhs[beyond] = np.nan
    got = run(ops, kind, xs, weights, states, dhs, last, **options)
    assert_bits(got, expected)
    assert not got["hs"][beyond].any() and not got["dxs"][beyond].any()
    np.testing.assert_array_equal(got["h"][0], states[0][0])  # it has no step
    np.testing.assert_array_equal(got["dh0"][0], last[0][0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("H", [1, 11])
@both_ways
def test_gradients_are_the_derivatives(kind, H, reverse):
    xs, weights, states, dhs, last = problem(kind, 4, 3, 2, H, np.float64)
    options = {"lengths": [2, 0, 3, 1], "reverse": reverse}
    got = run(ops, kind, xs, weights, states, dhs, last, **options)
    inputs = dict(zip(["Wx", "Wh", "b"], weights, strict=True), xs=xs)
    inputs |= dict(zip(["h0", "c0"], states, strict=False))

    def value():
        hs, *state, _ = getattr(ops, kind)(xs, *weights, *states, **options)
        parts = zip([hs, *state], [dhs, *last], strict=True)
        return sum(float((part * weight).sum()) for part, weight in parts)

    for name, array in inputs.items():
        places = list(np.ndindex(array.shape))[:: max(1, array.size // 25)]
        slopes = [got[f"d{name}"][place] for place in places]
        np.testing.assert_allclose(slopes, numeric(value, array, places), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
@both_ways
def test_bits_at_any_number_of_threads(kind, dtype, reverse, set_threads):
    results = []
    for n in COUNTS:
        set_threads(n)
        given = problem(kind, 37, 9, 60, 130, dtype)
        results.append(run(ops, kind, *given, lengths=drawn(37, 9), reverse=reverse))
    for result in results[1:]:
        assert_bits(result, results[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", LAYOUTS)
def test_any_layout(kind, how):
    xs, weights, states, dhs, last = problem(kind, 4, 5, 6, 20, np.float32)
    lengths = drawn(4, 5)
    expected = run(ops, kind, xs, weights, states, dhs, last, lengths=lengths)
    xs, dhs, lengths = lay(xs, how), lay(dhs, how), lay(lengths, how)
    weights, states, last = ([lay(a, how) for a in part] for part in (weights, states, last))
    assert_bits(run(ops, kind, xs, weights, states, dhs, last, lengths=lengths), expected)


@pytest.mark.parametrize("kind", KINDS)
@both_ways
def test_without_a_cache_the_same_bits(kind, reverse):
    for size in [(5, 7, 3, 17), (40, 9, 16, 256)]:
        xs, weights, states, *_ = problem(kind, *size, np.float32)
        options = {"lengths": drawn(*size[:2]), "reverse": reverse}
        *expected, _ = getattr(ops, kind)(xs, *weights, *states, **options)
        *got, cache = getattr(ops, kind)(xs, *weights, *states, **options, need_cache=False)
        assert cache is None
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_array_equal(a, b)


def test_all_lengths_as_long_as_the_batch_are_none():
    xs, weights, states, dhs, last = problem("lstm", 5, 6, 4, 20, np.float32)
    expected = run(ops, "lstm", xs, weights, states, dhs, last)
    assert_bits(run(ops, "lstm", xs, weights, states, dhs, last, lengths=[6] * 5), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_copied_caches_give_the_same_gradients(kind):
    xs, weights, states, dhs, _ = problem(kind, 5, 6, 4, 20, np.float32)
    lengths = drawn(5, 6)
    *_, cache = getattr(ops, kind)(xs, *weights, *states, lengths=lengths, reverse=True)
    lengths[...] = 1  # the caller's own
    backward = getattr(ops, f"{kind}_backward")
    for twin in (copy.deepcopy(cache), pickle.loads(pickle.dumps(cache))):
        for a, b in zip(backward(dhs, twin), backward(dhs, cache), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        ([4, 5, 3], ValueError, r"lengths\[1\] = 5 is not between 0 and T of xs, 4"),
        ([4, 0, -1], ValueError, r"lengths\[2\] = -1 is not between 0 and T of xs, 4"),
        ([4, 4], ValueError, r"lengths must have shape \(3,\) \(N,\) with N of xs, got \(2,\)"),
        ([[4, 4, 4]], ValueError, r"lengths must have shape \(3,\)"),
        (3, ValueError, r"lengths must have shape \(3,\)"),
        ([4.0, 4.0, 4.0], TypeError, "lengths must be an integer array, got float64"),
        ("all", TypeError, "lengths must be an integer array"),
    ],
)
def test_lengths_that_do_not_fit(lengths, error, message):
    xs, weights, *_ = make("lstm", 3, 4, 5, 6, np.float32)
    for call in (
        lambda: ops.lstm(xs, *weights, lengths=lengths),
        lambda: time_layers.TimeLSTM(*weights).forward(xs, lengths),
        lambda: time_layers.TimeBiLSTM(*weights, *weights).forward(xs, lengths),
    ):
        with pytest.raises(error, match=message):
            call()


# ---- layers


def layer_of(kind, N, T, D, H, **options):
    xs, weights, states, dhs, last = problem(kind, N, T, D, H, np.float32)
    if kind == "gru_reset_after":
        options["reset_after"] = True
    name = f"Time{kind.partition('_')[0].upper()}"
    layer = getattr(time_layers, name)(*weights, **options)
    return layer, xs, weights, states, dhs, last


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer(kind):
    """Initial state, end states, gradients of both, and the next batch from where each ended."""
    layer, xs, weights, states, dhs, last = layer_of(kind, 5, 6, 4, 20, stateful=True)
    layer.set_state(*states)
    for seed in range(2):
        lengths = drawn(5, 6, seed)
        expected = run(reference, kind, xs, weights, states, dhs, last, lengths=lengths)
        got = {"hs": layer.forward(xs, lengths)}
        got["dxs"] = layer.backward(dhs, *last)
        got |= zip(["dWx", "dWh", "db"], layer.grads, strict=True)
        for part in "hc"[: len(states)]:
            got |= {part: getattr(layer, part), f"d{part}0": getattr(layer, f"d{part}")}
        assert_same(got, expected, np.float32)
        states = [expected[part] for part in "hc"[: len(states)]]


@pytest.mark.parametrize("kind", KINDS)
def test_layers_of_single_steps(kind):
    layer, xs, _, _, _, _ = layer_of(kind, 5, 6, 4, 20)
    lengths = drawn(5, 6)
    hs = layer.forward(xs, lengths)
    for t, step in enumerate(layer.layers):
        there, given = lengths > t, [layer.h, getattr(layer, "c", None)][: len(layer.state)]
        before = hs[:, t - 1] if t else np.zeros_like(hs[:, 0])
        out = step.forward(xs[:, t], before, *given[1:])
        out = out[0] if isinstance(out, tuple) else out
        if kind != "lstm":
            np.testing.assert_allclose(out[there], hs[there, t], atol=1e-6)
    assert len(layer.layers) == 6


def test_both_directions():
    N, T, D, H = 5, 6, 4, 20
    xs, first, _, _, _ = problem("lstm", N, T, D, H, np.float32)
    _, second, _, _, _ = problem("lstm", N, T, D, H, np.float32, seed=7)
    dhs = make("lstm", N, T, D, 2 * H, np.float32)[3]
    layer = time_layers.TimeBiLSTM(*first, *second)
    for lengths in (None, drawn(N, T)):
        out = layer.forward(xs, lengths)
        dxs = layer.backward(dhs)
        options = {"lengths": lengths}
        there = run(reference, "lstm", xs, first, [], dhs[..., :H], **options)
        back = run(reference, "lstm", xs, second, [], dhs[..., H:], reverse=True, **options)
        both = np.concatenate([there["hs"], back["hs"]], axis=2)
        np.testing.assert_allclose(out, both, atol=2e-5)
        np.testing.assert_allclose(dxs, there["dxs"] + back["dxs"], atol=1e-4)
        np.testing.assert_allclose(layer.backward_lstm.h, back["h"], atol=2e-5)
        for k, name in enumerate(["dWx", "dWh", "db"]):
            np.testing.assert_allclose(layer.grads[k], there[name], rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(layer.grads[3 + k], back[name], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_of_the_last_state_alone(kind):
    """What an encoder hands on: as a gradient of the last hs."""
    layer, xs, _, _, dhs, last = layer_of(kind, 3, 4, 5, 20)
    layer.forward(xs)
    zero = np.zeros_like(dhs)
    got = layer.backward(zero, last[0])
    zero[:, -1] = last[0]
    np.testing.assert_allclose(got, layer.backward(zero), atol=1e-6)
