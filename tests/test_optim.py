"""Optimizer steps, norm and scaling: exact formulas, layouts, threads, errors."""

import pickle

import numpy as np
import pytest
from helpers import COUNTS, DTYPES, STEPS, swapped, unaligned

from fastembed import ops, optimizer, reference, util
from fastembed.ops.optim import add_if_fit, clip_if_fit, step_all_if_fit, zero_all

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}
LAYOUTS = ["C", "F", "columns", "rows", "reversed", "3d", "mixed"]


def places(layout, count, shape, dtype):
    """Writable arrays of zeros, each in the layout asked for."""
    N, D = shape
    return {
        "C": lambda: [np.zeros((N, D), dtype) for _ in range(count)],
        "F": lambda: [np.zeros((D, N), dtype).T for _ in range(count)],
        "columns": lambda: [np.zeros((N, 2 * D), dtype)[:, D:] for _ in range(count)],
        "rows": lambda: [np.zeros((2 * N, D), dtype)[::2] for _ in range(count)],
        "reversed": lambda: [np.zeros((N, D), dtype)[::-1, ::-1] for _ in range(count)],
        "3d": lambda: [np.zeros((N, D, 1), dtype).transpose(2, 0, 1)[0] for _ in range(count)],
        "mixed": lambda: [np.zeros((N, D), dtype, order="CF"[k % 2]) for k in range(count)],
    }[layout]()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", STEPS)
def test_three_steps_are_the_formulas(rng, name, dtype, layout):
    count, scalars = STEPS[name]
    arrays = places(layout, count + 2, (40, 30), dtype)
    param, *states, grad = arrays
    param[...] = rng.standard_normal(param.shape)
    slow_param, slow_states = param.copy(), [state.copy() for state in states]
    for _ in range(3):
        grad[...] = rng.standard_normal(grad.shape)
        before = grad.copy()
        assert getattr(ops, name)(param, grad, *states, *scalars) is param
        getattr(reference, name)(slow_param, before, *slow_states, *scalars)
        np.testing.assert_array_equal(grad, before)
        for fast, slow in zip([param, *states], [slow_param, *slow_states], strict=True):
            np.testing.assert_allclose(
                fast, slow, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] / 10
            )


@pytest.mark.parametrize("shape", [(), (0,), (1,), (0, 3), (5, 1), (2, 3, 4)])
@pytest.mark.parametrize("name", STEPS)
def test_any_number_of_axes(rng, name, shape):
    count, scalars = STEPS[name]
    grad, param = rng.standard_normal((2, *shape))
    param = np.asarray(param)
    slow, states = param.copy(), [np.zeros(shape) for _ in range(count)]
    getattr(ops, name)(param, grad, *states, *scalars)
    getattr(reference, name)(slow, np.asarray(grad), *[np.zeros(shape) for _ in states], *scalars)
    np.testing.assert_allclose(param, slow, rtol=1e-13)


def test_a_tied_transposed_parameter_is_updated_through_its_view(rng):
    W, grad = rng.standard_normal((30, 20)), rng.standard_normal((20, 30))
    expected = W - 0.1 * grad.T
    ops.sgd(W.T, grad, 0.1)
    np.testing.assert_allclose(W, expected, rtol=1e-14)


def test_zero_gradients_of_the_adaptive_steps_change_nothing():
    for name in ("adagrad", "rmsprop", "adam"):
        count, scalars = STEPS[name]
        param = np.ones(5, "f")
        getattr(ops, name)(
            param,
            np.zeros(5, "f"),
            *(np.zeros(5, "f"),) * 0,
            *[np.zeros(5, "f") for _ in range(count)],
            *scalars,
        )
        np.testing.assert_array_equal(param, 1)


@pytest.mark.parametrize(
    ("param", "grad", "error", "message"),
    [
        (np.ones(3), np.ones(3, "f"), TypeError, "grad must be float64 like the other arrays"),
        (np.ones(3, "e"), np.ones(3, "e"), TypeError, "param must be float32 or float64"),
        (np.ones(3), np.ones(4), ValueError, r"grad must have shape \(3,\) like param"),
        ([1.0], np.ones(1), TypeError, "param must be a numpy.ndarray, got list"),
        (np.broadcast_to(1.0, 3), np.ones(3), ValueError, "param must be writable"),
    ],
)
def test_sgd_refuses(param, grad, error, message):
    with pytest.raises(error, match=message):
        ops.sgd(param, grad, 0.1)


def test_steps_refuse_overlapping_arrays():
    x = np.ones(6)
    with pytest.raises(ValueError, match="param must not overlap grad"):
        ops.sgd(x, x, 0.1)
    with pytest.raises(ValueError, match="v must not overlap m"):
        ops.adam(np.ones(4), np.ones(4), x[:4], x[2:], 0.1, 0.9, 0.999)
    with pytest.raises(ValueError, match=r"v must have shape \(4,\)"):
        ops.momentum(np.ones(4), np.ones(4), np.ones(3), 0.1, 0.9)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_global_norm(rng, dtype, layout):
    arrays = [*places(layout, 2, (300, 170), dtype), np.zeros((), dtype), np.zeros((0, 2), dtype)]
    for array in arrays:
        array[...] = rng.standard_normal(array.shape)
    flat = np.concatenate([array.ravel() for array in arrays]).astype("d")
    norm = ops.global_norm(iter(arrays))
    assert type(norm) is float
    np.testing.assert_allclose(norm, np.sqrt(flat @ flat), rtol=1e-13)


def test_global_norm_has_the_same_bits_at_any_number_of_threads(rng, set_threads):
    arrays = [rng.standard_normal(n).astype("f") for n in (5, 100_000, 333_333)]
    norms = set()
    for n in COUNTS:
        set_threads(n)
        norms.add(ops.global_norm(arrays))
    assert len(norms) == 1


def test_global_norm_of_extremes():
    assert ops.global_norm([]) == 0
    assert ops.global_norm([np.full(4, 1e30, "f")]) == pytest.approx(2e30)
    assert np.isnan(ops.global_norm([np.ones(3), np.array([np.nan])]))
    with pytest.raises(TypeError, match=r"arrays\[1\] must be float32 or float64, got int64"):
        ops.global_norm([np.ones(3), np.ones(3, np.int64)])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_scale(rng, dtype, layout):
    arrays = [*places(layout, 2, (300, 170), dtype), np.ones((), dtype), np.ones((0, 2), dtype)]
    arrays[0][...] = rng.standard_normal(arrays[0].shape)
    expected = [array * dtype(0.3) for array in arrays]
    ops.scale(iter(arrays), np.float64(0.3))
    for array, value in zip(arrays, expected, strict=True):
        np.testing.assert_array_equal(array, value)


def test_scale_changes_nothing_when_it_refuses():
    first = np.ones(3)
    with pytest.raises(ValueError, match=r"arrays\[1\] must be writable"):
        ops.scale([first, np.broadcast_to(1.0, 3)], 0.5)
    with pytest.raises(TypeError, match=r"arrays\[1\] must be float32 or float64"):
        ops.scale([first, np.ones(3, int)], 0.5)
    np.testing.assert_array_equal(first, 1)


ODD = {
    "swapped": swapped,
    "unaligned": unaligned,
    "matrix": np.asmatrix,
    "masked": np.ma.asarray,
}


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", STEPS)
def test_steps_of_odd_arrays(rng, name, dtype, odd):
    count, scalars = STEPS[name]
    plain = [np.abs(rng.standard_normal((5, 7))).astype(dtype) for _ in range(count + 2)]
    arrays = [ODD[odd](array.copy()) for array in plain]
    for written in [arrays, [arrays[0], *plain[1:]]]:  # all of them odd, or param alone
        param, grad, *states = written
        expected = [np.array(array, dtype) for array in written]
        getattr(reference, name)(*expected, *scalars)
        assert getattr(ops, name)(param, grad, *states, *scalars) is param
        for array, value in zip(written, expected, strict=True):
            np.testing.assert_allclose(np.asarray(array), value, rtol=TOLERANCE[dtype])


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("dtype", DTYPES)
def test_norm_scale_and_clipping_of_odd_arrays(rng, dtype, odd):
    plain = rng.standard_normal((5, 7)).astype(dtype)
    array = ODD[odd](plain.copy())
    assert ops.global_norm([array]) == ops.global_norm([plain])
    ops.scale([array], 0.5)
    np.testing.assert_array_equal(np.asarray(array), plain * dtype(0.5))
    assert not clip_if_fit([array], 1e-3)
    assert not add_if_fit(array, [array]) and not add_if_fit(plain, [array])
    zero_all([array])
    assert not np.asarray(array).any()


@pytest.mark.parametrize("name", STEPS)
def test_steps_refuse_arrays_that_overlap_themselves(name):
    count, scalars = STEPS[name]
    for k in [0, *range(2, count + 2)]:
        arrays = [np.ones((4, 3)) for _ in range(count + 2)]
        arrays[k] = np.lib.stride_tricks.as_strided(np.ones(9), (4, 3), (16, 8))
        before = [array.copy() for array in arrays]
        with pytest.raises(ValueError, match="must not overlap itself in memory, got strides"):
            getattr(ops, name)(*arrays, *scalars)
        np.testing.assert_array_equal(arrays, before)
    for step in (0, 7):  # bytes: all at one place, and a byte less than apart
        with pytest.raises(ValueError, match=r"arrays\[0\] must not overlap itself"):
            ops.scale([np.lib.stride_tricks.as_strided(np.ones(4), (4,), (step,))], 2)


@pytest.mark.parametrize("value", ["0.1", None, [0.1], np.array([0.1]), 1j])
def test_a_rate_that_is_no_number_is_refused_by_name(value):
    message = "lr must be a real number, got "
    for name, (count, scalars) in STEPS.items():
        arrays = [np.ones(3) for _ in range(count + 2)]
        with pytest.raises(TypeError, match=message if name != "adam" else "lr_t must be a real"):
            getattr(ops, name)(*arrays, value, *scalars[1:])
        np.testing.assert_array_equal(arrays, 1)
    for name in optimizer.__all__:
        if name == "np":
            continue
        for dtype in "fde":
            param = np.ones(3, dtype)
            with pytest.raises(TypeError, match=message):
                getattr(optimizer, name)(lr=value).update([param], [np.ones(3, dtype)])
            np.testing.assert_array_equal(param, 1)


@pytest.mark.parametrize("value", [1, np.float32(1), np.int64(1), np.array(1.0), True])
def test_a_rate_may_be_any_real_number(value):
    np.testing.assert_array_equal(ops.sgd(np.full(3, 2.0), np.ones(3), value), 1)


def test_lists_are_stepped_in_their_order():
    W = np.arange(6.0).reshape(2, 3)
    params = [W, W.T, W[:, ::2], W[0]]  # one memory: each step sees the one before
    grads = [np.ones((2, 3)), W, np.ones((2, 2)), np.ones(3)]
    slow = np.arange(6.0).reshape(2, 3)
    slow_params = [slow, slow.T, slow[:, ::2], slow[0]]
    slow_grads = [np.ones((2, 3)), slow, np.ones((2, 2)), np.ones(3)]
    grads[1], slow_grads[1] = W.T, slow.T
    optimizer.SGD(0.5).update(params, grads)
    for param, grad in zip(slow_params, slow_grads, strict=True):
        param -= 0.5 * grad
    np.testing.assert_array_equal(W, slow)


@pytest.mark.parametrize("n", [0, 1, 16, 100_003])
def test_zero_all(n):
    arrays = [np.ones(n, "f"), np.ones((n, 3)).T, np.ones(2 * n)[::2], np.ones(n, int)]
    zero_all(arrays)
    assert not any(array.any() for array in arrays)


def test_steps_of_lists_that_have_too_few_arrays_are_refused():
    W = [np.ones(3)]
    with pytest.raises(TypeError, match="adam takes param, grad, m, v, lr_t, .* got 2 arrays"):
        step_all_if_fit("adam", (W, W), (0.1, 0.9, 0.99))
    with pytest.raises(TypeError, match="sgd takes param, grad, lr, got 2 arrays and 2 numbers"):
        step_all_if_fit("sgd", (W, W), (0.1, 0.9))


WRONG_GRADS = {
    "of another shape": (np.ones(5, "f"), ValueError, r"^grads\[1\] must have shape \(6,\) as"),
    "broadcast": (np.ones(1, "f"), ValueError, r"^grads\[1\] must have shape \(6,\) as"),
    "a list": ([1.0] * 6, TypeError, r"^grads\[1\] must be a numpy.ndarray, got list"),
    "none": (None, TypeError, r"^grads\[1\] must be a numpy.ndarray, got NoneType"),
    "complex": (np.ones(6, "F"), TypeError, r"^params\[1\] and grads\[1\] must be .* complex64"),
    "texts": (np.array(["a"] * 6), TypeError, r"^params\[1\] and grads\[1\] must be .* <U1"),
    "masked": (np.ma.array(np.ones(6), mask=1), TypeError, r"^grads\[1\] must be an array without"),
    "left off": (..., ValueError, "^grads must be as many arrays as params, 3, got 1"),
}


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("wrong", WRONG_GRADS)
@pytest.mark.parametrize("name", [name for name in optimizer.__all__ if name != "np"])
def test_what_an_optimizer_refuses_changes_nothing(rng, name, wrong, warm):
    params = [rng.standard_normal((5, 4)).astype("f"), np.ones(6, "f"), np.ones((3, 2))]
    grads, step = [param.copy() for param in params], getattr(optimizer, name)()
    if warm:
        step.update(params, grads)
    before = pickle.dumps((params, vars(step)))
    grad, error, message = WRONG_GRADS[wrong]
    grads[1:] = [] if grad is ... else [grad, *grads[2:]]
    with pytest.raises(error, match=message):
        step.update(params, grads)
    assert pickle.dumps((params, vars(step))) == before


@pytest.mark.parametrize("name", [name for name in optimizer.__all__ if name != "np"])
def test_a_state_of_other_parameters_is_refused(name):
    step, W, b = getattr(optimizer, name)(), np.ones((5, 4), "f"), np.ones(4, "f")
    step.update([W], [W.copy()])
    before = pickle.dumps((W, b, vars(step)))
    if len(vars(step)) == 1:  # a rate alone: there is no state
        step.update([W, b], [W.copy(), b.copy()])
        return
    with pytest.raises(ValueError, match="^[hmv] must be as many arrays as params, 2, got 1"):
        step.update([W, b], [W.copy(), b.copy()])
    with pytest.raises(ValueError, match=r"^[hmv]\[0\] must have shape \(4,?.*\) as params\[0\]"):
        step.update([b], [b.copy()])
    assert pickle.dumps((W, b, vars(step))) == before


@pytest.mark.parametrize("wrong", [np.ones(3, int), None, [1.0], np.ones(3, "F"), "read-only"])
def test_what_clipping_refuses_changes_nothing(wrong):
    if isinstance(wrong, str):
        wrong = np.ones(3, "f")
        wrong.flags.writeable = False
    grads = [np.ones(3, "f"), wrong]
    with pytest.raises((TypeError, ValueError), match=r"^grads\[1\] must be|ufunc 'square'"):
        util.clip_grads(grads, 0.1)
    np.testing.assert_array_equal(grads[0], 1)


@pytest.mark.parametrize("max_norm", [-1.0, np.nan])
def test_a_norm_that_cannot_be_reached_is_refused(max_norm):
    for dtype in ("f", np.float16):
        grads = [np.ones(3, dtype)]
        with pytest.raises(ValueError, match="^max_norm must be at least 0, got"):
            util.clip_grads(grads, max_norm)
        np.testing.assert_array_equal(grads[0], 1)


def test_half_precision_is_clipped_by_a_norm_that_does_not_overflow():
    grads = [np.full(10, 200, np.float16)]
    util.clip_grads(grads, 1.0)
    np.testing.assert_allclose(grads[0], 0.1**0.5, rtol=1e-3)


def test_one_id_out_of_bounds_has_no_place():
    with pytest.raises(IndexError, match="^idx = 9 is out of bounds for W with 3 rows"):
        ops.gather(np.ones((3, 2)), np.int64(9))
