"""LSTM, GRU and RNN ops against plain NumPy, finite differences and their own promises."""

import copy
import os
import pickle
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from helpers import APART, LAYOUTS, at_once, lay, numeric, python, run_code, swapped, unaligned

import fastembed
from fastembed import ops, reference, threads
from fastembed.kernels import simd

# Cython looks for .pxd files in the folders of sys.path; an editable install may not be one
ROOT = str(Path(fastembed.__file__).parents[1])
GATES = {"lstm": 4, "gru": 3, "gru_reset_after": 3, "rnn": 1}
BIASES = GATES | {"gru_reset_after": 4}
KINDS = sorted(GATES)
TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}
SIZES = [(3, 4, 5, 6), (1, 1, 1, 1), (2, 1, 7, 5), (1, 9, 3, 17), (20, 3, 33, 40), (7, 5, 16, 64)]
SIZES += [(40, 1, 30, 70), (64, 1, 300, 9), (65, 1, 9, 20)]


def make(kind, N, T, D, H, dtype, seed=0):
    """Return xs, Wx, Wh, b, the initial states, and a gradient of hs."""
    rng = np.random.default_rng(seed)
    width = GATES[kind] * H

    def draw(*shape, scale=1.0):
        return (scale * rng.standard_normal(shape)).astype(dtype)

    states = [draw(N, H) for _ in range(2 if kind == "lstm" else 1)]
    weights = [draw(D, width, scale=0.5), draw(H, width, scale=0.5 / H**0.5)]
    weights.append(draw(BIASES[kind] * H))
    return draw(N, T, D), weights, states, draw(N, T, H)


def run(module, kind, xs, weights, states, dhs):
    """Forward and backward: all results by name."""
    *outputs, cache = getattr(module, kind)(xs, *weights, *states)
    gradients = getattr(module, f"{kind}_backward")(dhs, cache)
    return dict(zip(names(kind), [*outputs, *gradients], strict=True))


def names(kind):
    state = ["h", "c"] if kind == "lstm" else ["h"]
    return ["hs", *state, "dxs", *[f"d{s}0" for s in state], "dWx", "dWh", "db"]


def run_cell(module, kind, x, weights, states, gradients):
    *outputs, cache = getattr(module, f"{kind}_cell")(x, *states, *weights)
    return [*outputs, *getattr(module, f"{kind}_cell_backward")(*gradients, cache)]


def assert_same(got, expected, dtype):
    for name, value in expected.items():
        assert got[name].dtype == dtype, name
        assert got[name].shape == value.shape, name
        scale = max(1.0, float(np.abs(value).max(initial=0)))
        np.testing.assert_allclose(
            got[name], value, rtol=0, atol=scale * TOLERANCE[dtype], err_msg=name
        )


def assert_bits(got, expected):
    for name, value in expected.items():
        np.testing.assert_array_equal(got[name], value, err_msg=name)


# ---- the same numbers as plain NumPy


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("N, T, D, H", SIZES)
def test_sequence_agrees_with_reference(kind, dtype, N, T, D, H):
    check_against_reference(kind, dtype, N, T, D, H)


def check_against_reference(kind, dtype, N, T, D, H):
    xs, weights, states, dhs = make(kind, N, T, D, H, dtype)
    for given in (states, []):
        exact = run(
            reference, kind, xs.astype("d"), [w.astype("d") for w in weights],
            [s.astype("d") for s in given], dhs.astype("d"),
        )  # fmt: skip
        assert_same(run(ops, kind, xs, weights, given, dhs), exact, dtype)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("N, D, H", [(3, 5, 6), (1, 1, 1), (20, 33, 40)])
def test_cell_agrees_with_reference(kind, dtype, N, D, H):
    xs, weights, states, dhs = make(kind, N, 2, D, H, dtype)
    gradients = [dhs[:, 0].copy(), dhs[:, 1].copy()][: len(states)]
    got = run_cell(ops, kind, xs[:, 0], weights, states, gradients)
    expected = run_cell(reference, kind, xs[:, 0], weights, states, gradients)
    labels = [str(k) for k in range(len(got))]
    assert_same(
        dict(zip(labels, got, strict=True)), dict(zip(labels, expected, strict=True)), dtype
    )


@pytest.mark.parametrize("kind", KINDS)
def test_one_step_state_given_as_none_or_zeros(kind):
    xs, weights, states, dhs = make(kind, 2, 1, 3, 4, np.float32)
    zeros = [np.zeros_like(s) for s in states]
    assert_bits(run(ops, kind, xs, weights, [], dhs), run(ops, kind, xs, weights, zeros, dhs))


def test_lstm_takes_one_of_h0_and_c0():
    xs, weights, (h0, c0), _ = make("lstm", 2, 3, 3, 4, np.float64)
    for states in ({"h0": h0}, {"c0": c0}):
        got = ops.lstm(xs, *weights, **states)[:3]
        expected = reference.lstm(xs, *weights, **states)[:3]
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-13)


# ---- gradients against finite differences


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("H", [1, 11])  # below the width of a vector, and an overlapping block
def test_gradients_are_the_derivatives(kind, H):
    xs, weights, states, dhs = make(kind, 2, 3, 4, H, np.float64)
    got = run(ops, kind, xs, weights, states, dhs)
    inputs = dict(zip(["Wx", "Wh", "b"], weights, strict=True), xs=xs)
    inputs |= dict(zip(["h0", "c0"], states, strict=False))

    def value():
        return float((getattr(ops, kind)(xs, *weights, *states)[0] * dhs).sum())

    for name, array in inputs.items():
        places = list(np.ndindex(array.shape))[:: max(1, array.size // 25)]
        slopes = [got[f"d{name}"][place] for place in places]
        np.testing.assert_allclose(slopes, numeric(value, array, places), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("H", [1, 11])
def test_lstm_cell_gradient_of_c(H):
    xs, weights, states, dhs = make("lstm", 2, 2, 3, H, np.float64)
    dh, dc = dhs[:, 0].copy(), dhs[:, 1].copy()

    def value():
        h, c, _ = ops.lstm_cell(xs[:, 0], *states, *weights)
        return float((h * dh + c * dc).sum())

    cache = ops.lstm_cell(xs[:, 0], *states, *weights)[-1]
    _, dh_prev, dc_prev, *_ = ops.lstm_cell_backward(dh, dc, cache)
    for state, gradient in zip(states, (dh_prev, dc_prev), strict=True):
        np.testing.assert_allclose(gradient, numeric(value, state), atol=1e-8)


# ---- layouts: the same bits whoever owns the data


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("how", [*LAYOUTS, APART])
def test_any_layout(kind, dtype, how):
    xs, weights, states, dhs = make(kind, 3, 4, 6, 20, dtype)
    expected = run(ops, kind, xs, weights, states, dhs)
    other = [lay(a, how) for a in (xs, *weights, *states, dhs)]
    xs, weights, states, dhs = other[0], other[1:4], other[4:-1], other[-1]
    assert_bits(run(ops, kind, xs, weights, states, dhs), expected)


# ---- what callers rely on


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_are_never_written(kind):
    xs, weights, states, dhs = make(kind, 3, 4, 6, 20, np.float32)
    arrays = [xs, *weights, *states, dhs]
    copies = [a.copy() for a in arrays]
    run(ops, kind, xs, weights, states, dhs)
    gradients = [dhs[:, 0], dhs[:, 1]][: len(states)]
    run_cell(ops, kind, xs[:, 0], weights, states, gradients)
    for array, kept in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, kept)


@pytest.mark.parametrize("kind", KINDS)
def test_backward_twice_is_equal_and_ignores_writes_to_outputs(kind):
    xs, weights, states, dhs = make(kind, 3, 4, 6, 20, np.float32)
    *outputs, cache = getattr(ops, kind)(xs, *weights, *states)
    backward = getattr(ops, f"{kind}_backward")
    first = backward(dhs, cache)
    for output in outputs:
        output[...] = np.nan  # they are the caller's own
    for state in states:
        state[...] = np.nan
    for a, b in zip(first, backward(dhs, cache), strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.shares_memory(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_fresh_and_writable(kind):
    xs, weights, states, dhs = make(kind, 3, 4, 6, 20, np.float32)
    first = run(ops, kind, xs, weights, states, dhs)
    kept = {name: value.copy() for name, value in first.items()}
    second = run(ops, kind, xs * 2, weights, states, dhs)
    for name in first:
        assert first[name].flags.writeable, name
        for other in second:
            assert not np.shares_memory(first[name], second[other]), (name, other)
    assert not np.shares_memory(first["hs"], first["h"])
    assert_bits(first, kept)


@pytest.mark.parametrize("kind", KINDS)
def test_backward_uses_the_weights_as_they_are_then(kind):
    xs, weights, states, dhs = make(kind, 2, 3, 4, 20, np.float64)
    *_, cache = getattr(ops, kind)(xs, *weights, *states)
    weights[0] *= 2  # in place, as an optimizer does it
    dxs = getattr(ops, f"{kind}_backward")(dhs, cache)[0]
    weights[0] /= 2
    *_, cache = getattr(ops, kind)(xs, *weights, *states)
    np.testing.assert_allclose(dxs, 2 * getattr(ops, f"{kind}_backward")(dhs, cache)[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("N, T, D, H", [(0, 3, 4, 5), (2, 0, 4, 5), (2, 3, 0, 5), (0, 0, 4, 5)])
def test_empty(kind, N, T, D, H):
    xs, weights, states, dhs = make(kind, N, T, D, H, np.float32)
    got = run(ops, kind, xs, weights, states, dhs)
    expected = run(reference, kind, xs, weights, states, dhs)
    assert_same(got, expected, np.float32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("N, T, D, H", [*SIZES, (30, 40, 8, 70), (128, 3, 16, 256)])
def test_without_a_cache_the_same_bits(kind, dtype, N, T, D, H):
    xs, weights, states, _ = make(kind, N, T, D, H, dtype)
    function = getattr(ops, kind)
    *expected, _ = function(xs, *weights, *states)
    *got, cache = function(xs, *weights, *states, need_cache=False)
    assert cache is None
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    *got, cache = getattr(ops, f"{kind}_cell")(xs[:, 0], *states, *weights, need_cache=False)
    assert cache is None
    np.testing.assert_array_equal(got[0], expected[0][:, 0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["C", "F", "strided", APART])
def test_gradients_into_arrays_of_the_caller(kind, how):
    xs, weights, states, dhs = make(kind, 3, 4, 6, 20, np.float32)
    backward = getattr(ops, f"{kind}_backward")
    *_, cache = getattr(ops, kind)(xs, *weights, *states)
    expected = backward(dhs, cache)
    out = [lay(np.full_like(w, np.nan), how) for w in weights]
    got = backward(dhs, cache, out=tuple(out))
    for k, array in enumerate(out):
        assert got[-3 + k] is array
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_gradients_into_arrays_that_do_not_fit():
    xs, weights, states, dhs = make("lstm", 3, 4, 6, 20, np.float32)
    *_, cache = ops.lstm(xs, *weights, *states)
    dWx, dWh, db = (np.zeros_like(w) for w in weights)
    for out, error in [
        ((dWx[:-1], dWh, db), r"out\[0\] must have shape \(6, 80\), got \(5, 80\)"),
        ((dWx, weights[1], db), r"out\[1\] must not overlap Wh in memory"),
        ((dWx, dWh, dWx[0]), r"out\[2\] must not overlap out\[0\] in memory"),
    ]:
        with pytest.raises(ValueError, match=error):
            ops.lstm_backward(dhs, cache, out=out)
        assert not dWx.any() and not dWh.any() and not db.any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("H", [3, 20])
def test_nan_and_infinity_spread_as_in_numpy(kind, dtype, H):
    xs, weights, states, dhs = make(kind, 4, 5, 6, H, dtype)
    xs[1, 2, 3] = np.nan
    xs[2, 1, 0] = np.inf
    states[-1][3, 2] = -np.inf
    with np.errstate(all="ignore"):
        expected = run(reference, kind, xs, weights, states, dhs)
    got = run(ops, kind, xs, weights, states, dhs)
    for name, value in expected.items():
        np.testing.assert_array_equal(np.isnan(got[name]), np.isnan(value), err_msg=name)
        np.testing.assert_array_equal(np.isinf(got[name]), np.isinf(value), err_msg=name)


# ---- refusals name what is wrong


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_dtype(kind):
    xs, weights, states, dhs = make(kind, 2, 3, 4, 5, np.float32)
    function = getattr(ops, kind)
    with pytest.raises(TypeError, match="xs must be float32 or float64, got float16"):
        function(xs.astype(np.float16), *weights)
    with pytest.raises(TypeError, match="xs must be float32 or float64, got int64"):
        function(xs.astype(np.int64), *weights)
    for k, name in enumerate(["Wx", "Wh", "b"]):
        wrong = [w.astype("d") if i == k else w for i, w in enumerate(weights)]
        with pytest.raises(TypeError, match=f"{name} must be float32 like the other arrays"):
            function(xs, *wrong)
    with pytest.raises(TypeError, match="h0 must be float32"):
        function(xs, *weights, states[0].astype("d"))
    with pytest.raises(TypeError, match="xs must be float32 like the other arrays, got float64"):
        function(xs.astype("d"), *weights)
    cache = function(xs, *weights)[-1]
    with pytest.raises(TypeError, match="dhs must be float32"):
        getattr(ops, f"{kind}_backward")(dhs.astype("d"), cache)


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_shape(kind):
    xs, weights, states, dhs = make(kind, 2, 3, 4, 5, np.float32)
    function = getattr(ops, kind)
    Wx, Wh, b = weights
    with pytest.raises(ValueError, match="xs must have 3 axes"):
        function(xs[0], *weights)
    with pytest.raises(ValueError, match=r"xs must have shape \(2, 3, 3\), .* with D of Wx, got"):
        function(xs, Wx[:-1], Wh, b)
    with pytest.raises(ValueError, match=r"Wx must have shape \(4, "):
        function(xs, Wx[:, :-1], Wh, b)
    with pytest.raises(ValueError, match=r"Wh must have shape \(4, "):
        function(xs, Wx, Wh[:-1], b)
    with pytest.raises(ValueError, match="b must have shape"):
        function(xs, Wx, Wh, b[:-1])
    with pytest.raises(ValueError, match=r"h0 must have shape \(2, 5\)"):
        function(xs, *weights, states[0][:1])
    if kind != "rnn":
        with pytest.raises(ValueError, match="Wh must have shape .* its transpose has"):
            function(xs, Wx, Wh.T, b)
    if kind == "lstm":
        with pytest.raises(ValueError, match=r"c0 must have shape \(2, 5\)"):
            function(xs, *weights, None, states[0][:1])
    cache = function(xs, *weights)[-1]
    backward = getattr(ops, f"{kind}_backward")
    with pytest.raises(ValueError, match=r"dhs must have shape \(2, 3, 5\)"):
        backward(dhs[:1], cache)
    with pytest.raises(ValueError, match="dhs must have 3 axes"):
        backward(dhs[0], cache)


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_cache(kind):
    xs, weights, states, dhs = make(kind, 2, 3, 4, 5, np.float32)
    cell_cache = getattr(ops, f"{kind}_cell")(xs[:, 0], *states, *weights)[-1]
    backward = getattr(ops, f"{kind}_backward")
    with pytest.raises(TypeError, match=f"cache must come from {kind}, got one from {kind}_cell"):
        backward(dhs, cell_cache)
    with pytest.raises(TypeError, match=f"cache must come from {kind}, got tuple"):
        backward(dhs, ())
    other = KINDS[KINDS.index(kind) - 1]
    xs, weights, _, _ = make(other, 2, 3, 4, 5, np.float32)
    with pytest.raises(TypeError, match=f"got one from {other}"):
        backward(dhs, getattr(ops, other)(xs, *weights)[-1])


# ---- threads


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_thread_counts(kind, dtype, n):
    xs, weights, states, dhs = make(kind, 12, 10, 40, 150, dtype)
    threads.set_num_threads(n)
    got = run(ops, kind, xs, weights, states, dhs)
    assert_same(got, run(reference, kind, xs, weights, states, dhs), dtype)
    assert_bits(run(ops, kind, xs, weights, states, dhs), got)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("H", [24, 40])  # the last two vectors of units have some in common
def test_threads_have_nothing_of_a_single_step_in_common(kind, H):
    case = make(kind, 64, 1, 300, H, np.float32)
    threads.set_num_threads(1)
    expected = run(ops, kind, *case)
    threads.set_num_threads(3)
    for _ in range(150):
        assert_bits(run(ops, kind, *case), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_several_python_threads_at_once(kind):
    threads.set_num_threads(2)
    cases = [make(kind, 12, 10, 40, 150, np.float32, seed) for seed in range(4)]
    expected = [run(ops, kind, *case) for case in cases]

    def work(k):
        for _ in range(5):
            assert_bits(run(ops, kind, *cases[k]), expected[k])

    at_once(work, len(cases))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("kind", KINDS)
def test_after_fork(kind):
    threads.set_num_threads(2)
    case = make(kind, 12, 10, 40, 150, np.float32)
    expected = run(ops, kind, *case)  # the pool has been used
    child = os.fork()
    if child == 0:
        status = 1
        try:
            assert_bits(run(ops, kind, *case), expected)
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# ---- instruction sets


ISAS = simd.available()

ISA_SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import test_recurrent as t
from fastembed.kernels import simd

assert simd.isa() == sys.argv[2], simd.isa()
for dtype in (np.float32, np.float64):
    for size in [*t.SIZES, (5, 4, 8, 130), (31, 3, 70, 65), (1, 1, 20, 20), (13, 1, 3, 32)]:
        for kind in t.KINDS:
            t.check_against_reference(kind, dtype, *size)
    t.check_accuracy(dtype)
    for kind in t.KINDS:
        t.test_nan_and_infinity_spread_as_in_numpy(kind, dtype, 3)
        t.test_nan_and_infinity_spread_as_in_numpy(kind, dtype, 20)
        for n in (1, 2, 3, 7):
            t.test_thread_counts(kind, dtype, n)
"""


def run_with_isa(isa, code, *arguments):
    env = {**os.environ, "FASTEMBED_ISA": isa, "PYTHONPATH": ROOT}
    return run_code(code, *arguments, env=env)


@pytest.mark.parametrize("isa", ISAS)
def test_every_instruction_set(isa):
    ran = run_with_isa(isa, ISA_SCRIPT, str(Path(__file__).parent), isa)
    assert ran.returncode == 0, ran.stderr


def test_the_fastest_instruction_set_is_chosen():
    ran = run_with_isa("", "from fastembed.kernels import simd; print(simd.isa())")
    assert ran.stdout.strip() == ISAS[0]


def test_unknown_instruction_set():
    ran = run_with_isa("mmx", "import fastembed.kernels.simd")
    assert ran.returncode != 0
    assert "FASTEMBED_ISA must be baseline, avx2 or avx512, got 'mmx'" in ran.stderr


def test_instruction_set_that_does_not_run_on_a_computer():
    assert simd.choice("", ["avx2", "baseline"]) == "avx2"
    assert simd.choice("baseline", ["avx2", "baseline"]) == "baseline"
    message = "FASTEMBED_ISA=avx512 does not run on this computer, which can: avx2, baseline"
    with pytest.raises(ValueError, match=message):
        simd.choice("avx512", ["avx2", "baseline"])


# ---- accuracy of the gate functions, in units of the last place


def check_accuracy(dtype):
    rng = np.random.default_rng(0)
    top, small = (110, -44) if dtype == np.float32 else (750, -320)
    n = 1 << 14
    x = [rng.uniform(-20, 20, n), rng.uniform(-1, 1, n), rng.uniform(-top, top, n)]
    x.append(10 ** rng.uniform(small, 2, n) * rng.choice([-1, 1], n))
    x = np.concatenate(x).astype(dtype)
    wide = x.astype(np.longdouble)
    decay = np.exp(-np.abs(wide))
    exact = {"sigmoid": np.where(x < 0, decay, 1) / (1 + decay), "tanh": np.tanh(wide)}
    for name, values in exact.items():
        y = np.empty_like(x)
        simd.apply(name, x, y)
        if np.finfo(np.longdouble).precision > np.finfo(dtype).precision:
            errors = np.abs(y - values) / np.spacing(np.abs(values.astype(dtype)))
            assert errors.max() < 2.55, (name, errors.max(), x[errors.argmax()])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_accuracy_of_gate_functions(dtype):
    check_accuracy(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gate_functions_at_special_values(dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    x = np.zeros(32, dtype)
    x[:8] = [np.nan, np.inf, -np.inf, 0.0, -0.0, tiny, -tiny, np.finfo(dtype).max]
    y = np.empty_like(x)
    simd.apply("sigmoid", x, y)
    np.testing.assert_array_equal(y[:8], [np.nan, 1, 0, 0.5, 0.5, 0.5, 0.5, 1])
    simd.apply("tanh", x, y)
    np.testing.assert_array_equal(y[:8], [np.nan, 1, -1, 0, 0, tiny, -tiny, 1])
    np.testing.assert_array_equal(np.signbit(y[3:7]), [False, True, False, True])


# ---- the cell from a user's own Cython file


USER_PYX = """
from fastembed.kernels.lstm cimport cell_backward, cell_forward

def step(float[:, ::1] x, float[:, ::1] h, float[:, ::1] c, float[:, ::1] Wx, float[:, ::1] Wh,
         float[::1] b, float[:, ::1] gates, float[:, ::1] h_next, float[:, ::1] c_next):
    with nogil:
        cell_forward(&x[0, 0], &h[0, 0], &c[0, 0], &Wx[0, 0], &Wh[0, 0], &b[0],
                     &gates[0, 0], &h_next[0, 0], &c_next[0, 0],
                     x.shape[0], x.shape[1], h.shape[1])

def back(double[:, ::1] dh, double[:, ::1] dc, double[:, ::1] x, double[:, ::1] h,
         double[:, ::1] c, double[:, ::1] Wx, double[:, ::1] Wh, double[::1] b,
         double[:, ::1] gates, double[:, ::1] h_next, double[:, ::1] c_next, double[:, ::1] da,
         double[:, ::1] dx, double[:, ::1] dh_prev, double[:, ::1] dc_prev,
         double[:, ::1] dWx, double[:, ::1] dWh, double[::1] db):
    cdef Py_ssize_t N = x.shape[0], D = x.shape[1], H = h.shape[1]
    with nogil:
        cell_forward(&x[0, 0], &h[0, 0], &c[0, 0], &Wx[0, 0], &Wh[0, 0], &b[0],
                     &gates[0, 0], &h_next[0, 0], &c_next[0, 0], N, D, H)
        cell_backward(&dh[0, 0], &dc[0, 0], &x[0, 0], &h[0, 0], &c[0, 0], &Wx[0, 0], &Wh[0, 0],
                      &gates[0, 0], &c_next[0, 0], &da[0, 0], &dx[0, 0], &dh_prev[0, 0],
                      &dc_prev[0, 0], &dWx[0, 0], &dWh[0, 0], &db[0], N, D, H)
"""

USER_SETUP = """
from Cython.Build import cythonize
from setuptools import Extension, setup

setup(ext_modules=cythonize([Extension("user_cell", ["user_cell.pyx"])], language_level=3))
"""


def test_cell_cimported_by_a_users_cython_file(tmp_path):
    (tmp_path / "user_cell.pyx").write_text(USER_PYX)
    (tmp_path / "setup.py").write_text(USER_SETUP)
    env = {**os.environ, "CFLAGS": "-O0", "PYTHONPATH": ROOT}
    build = python("setup.py", "-q", "build_ext", "--inplace", cwd=tmp_path, env=env)
    assert build.returncode == 0, build.stdout + build.stderr
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    assert (tmp_path / f"user_cell{suffix}").exists()
    script = """
        import numpy as np
        import user_cell
        from fastembed import reference

        rng = np.random.default_rng(1)
        N, D, H = 3, 5, 20
        for dtype in ("f", "d"):
            def draw(*shape):
                return rng.standard_normal(shape).astype(dtype)
            x, h, c = draw(N, D), draw(N, H), draw(N, H)
            Wx, Wh, b = draw(D, 4 * H), draw(H, 4 * H), draw(4 * H)
            gates, h_next, c_next = draw(N, 4 * H), draw(N, H), draw(N, H)
            h_expected, c_expected, cache = reference.lstm_cell(x, h, c, Wx, Wh, b)
            if dtype == "f":
                user_cell.step(x, h, c, Wx, Wh, b, gates, h_next, c_next)
                np.testing.assert_allclose(h_next, h_expected, atol=1e-5)
                np.testing.assert_allclose(c_next, c_expected, atol=1e-5)
                continue
            dh, dc = draw(N, H), draw(N, H)
            out = [draw(N, D), draw(N, H), draw(N, H), draw(D, 4 * H), draw(H, 4 * H), draw(4 * H)]
            user_cell.back(dh, dc, x, h, c, Wx, Wh, b, gates, h_next, c_next, draw(N, 4 * H), *out)
            np.testing.assert_allclose(h_next, h_expected, atol=1e-13)
            for got, expected in zip(out, reference.lstm_cell_backward(dh, dc, cache)):
                np.testing.assert_allclose(got, expected, atol=1e-12)
    """
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), ROOT])}
    ran = run_code(script, cwd=tmp_path, env=env)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("change", [np.copy, np.asfortranarray, swapped, unaligned])
@pytest.mark.parametrize("kind", KINDS)
def test_the_cache_holds_the_weights_themselves(kind, change):
    """However xs lies: in a deep copy of a layer, both are the same array again."""
    xs, weights, states, _ = make(kind, 2, 3, 4, 5, np.float32)
    cache = getattr(ops, kind)(change(xs), *weights, *states)[-1]
    assert cache.Wx is weights[0] and cache.Wh is weights[1]


@pytest.mark.parametrize("H", [5, 40, 300])
def test_copied_caches_give_the_same_gradients(rng, H):
    """Whatever addresses the copies get: the saved numbers keep their places."""
    draw = rng.standard_normal
    xs, Wx, Wh, b = draw((3, 4, 7)), draw((7, 4 * H)), draw((H, 4 * H)), draw(4 * H)
    *_, cache = ops.lstm(xs, Wx, Wh, b)
    expected = ops.lstm_backward(np.ones((3, 4, H)), cache)
    for _ in range(8):
        for twin in (copy.deepcopy(cache), pickle.loads(pickle.dumps(cache))):
            for gradient, same in zip(
                ops.lstm_backward(np.ones((3, 4, H)), twin), expected, strict=True
            ):
                np.testing.assert_array_equal(gradient, same)


def test_a_cache_of_another_instruction_set_is_refused(rng):
    draw = rng.standard_normal
    *_, cache = ops.lstm(draw((2, 3, 4)), draw((4, 160)), draw((40, 160)), draw(160))
    cache.isa = "another"
    with pytest.raises(ValueError, match="cache was made with the instruction set another, this"):
        ops.lstm_backward(np.ones((2, 3, 40)), cache)
