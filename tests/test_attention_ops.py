"""Attention ops: the time loop's results, layouts, threads, gradients, errors."""

import numpy as np
import pytest

from fastembed import ops, reference, threads

DTYPES = [np.float32, np.float64]
LAYOUTS = ["C", "F", "strided", "reversed", "steps", "readonly"]
TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}
N, T_ENC, T_DEC, H = 6, 9, 4, 11


def lay(array, layout):
    """The same values in another memory layout."""
    if layout == "F":
        return np.asfortranarray(array)
    if layout == "strided":
        return np.repeat(array, 2, axis=-1)[..., ::2]
    if layout == "reversed":
        return np.ascontiguousarray(array[:, ::-1])[:, ::-1]
    if layout == "steps":
        return np.repeat(array, 2, axis=1)[:, ::2]
    array = array.copy()
    array.flags.writeable = layout != "readonly"
    return array


def arguments(rng, dtype, sizes=(N, T_ENC, T_DEC, H)):
    """Op name -> its arguments."""
    n, enc, dec, width = sizes

    def normal(*shape):
        return rng.standard_normal(shape).astype(dtype) / dtype(2)

    hs, hs_dec, a = normal(n, enc, width), normal(n, dec, width), ops.softmax(normal(n, enc))
    weights = ops.softmax(normal(n, dec, enc))
    return {
        "time_attention": (hs, hs_dec),
        "time_attention_backward": (normal(n, dec, width), hs, hs_dec, weights),
        "attention_weight": (hs, normal(n, width)),
        "attention_weight_backward": (normal(n, enc), hs, normal(n, width), a),
        "weight_sum": (hs, a),
        "weight_sum_backward": (normal(n, width), hs, a),
    }


OPS = list(arguments(np.random.default_rng(0), np.float64))


def several(result):
    return result if isinstance(result, tuple) else (result,)


def check(name, given, dtype, layout="C"):
    before = [array.copy() for array in given]
    result = several(getattr(ops, name)(*(lay(array, layout) for array in given)))
    expected = several(getattr(reference, name)(*(array.astype("d") for array in given)))
    for got, value in zip(result, expected, strict=True):
        assert got.dtype == dtype and got.flags.writeable
        np.testing.assert_allclose(got, value, atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])
    for array, value in zip(given, before, strict=True):
        np.testing.assert_array_equal(array, value)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPS)
def test_ops_are_the_time_loop(rng, name, dtype, layout):
    check(name, arguments(rng, dtype)[name], dtype, layout)


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (1, 5, 1, 8), (3, 1, 7, 2), (2, 3, 1, 1)])
@pytest.mark.parametrize("name", OPS)
def test_ops_of_size_one(rng, name, sizes):
    check(name, arguments(rng, np.float64, sizes)[name], np.float64)


@pytest.mark.parametrize("name", OPS)
def test_ops_of_an_empty_batch(rng, name):
    given = arguments(rng, np.float64, (0, 3, 2, 4))[name]
    for got in several(getattr(ops, name)(*given)):
        assert got.shape[0] == 0


@pytest.mark.parametrize("n", [1, 2, 3, 7])
@pytest.mark.parametrize("name", OPS)
def test_ops_at_any_number_of_threads(rng, name, n):
    before = threads.get_num_threads()
    threads.set_num_threads(n)
    try:
        check(name, arguments(rng, np.float32, (64, 29, 10, 256))[name], np.float32)
    finally:
        threads.set_num_threads(before)


def gradient_check(forward, inputs, gradients):
    for array, gradient in zip(inputs, gradients, strict=True):
        for position in np.ndindex(array.shape):
            value, change = array[position], 1e-6
            array[position] = value + change
            above = forward()
            array[position] = value - change
            below = forward()
            array[position] = value
            assert abs((above - below) / (2 * change) - gradient[position]) < 1e-7


def test_time_attention_gradient(rng):
    hs_enc, hs_dec, weights = (rng.standard_normal(s) for s in [(2, 3, 4), (2, 5, 4), (2, 5, 4)])
    attention = ops.time_attention(hs_enc, hs_dec)[1]
    gradient_check(
        lambda: np.sum(weights * ops.time_attention(hs_enc, hs_dec)[0]),
        (hs_enc, hs_dec),
        ops.time_attention_backward(weights, hs_enc, hs_dec, attention),
    )


def test_attention_weight_gradient(rng):
    hs, h, weights = (rng.standard_normal(shape) for shape in [(2, 3, 4), (2, 4), (2, 3)])
    gradient_check(
        lambda: np.sum(weights * ops.attention_weight(hs, h)),
        (hs, h),
        ops.attention_weight_backward(weights, hs, h, ops.attention_weight(hs, h)),
    )


def test_weight_sum_gradient(rng):
    hs, a, weights = (rng.standard_normal(shape) for shape in [(2, 3, 4), (2, 3), (2, 4)])
    gradient_check(
        lambda: np.sum(weights * ops.weight_sum(hs, a)),
        (hs, a),
        ops.weight_sum_backward(weights, hs, a),
    )


@pytest.mark.parametrize("name", OPS)
def test_ops_refuse_what_does_not_fit(rng, name):
    given = arguments(rng, np.float64)[name]
    for k in range(len(given)):
        mixed = [array.astype("f") if j == k else array for j, array in enumerate(given)]
        with pytest.raises(TypeError, match="must be float(32|64) like the other arrays"):
            getattr(ops, name)(*mixed)
        halves = [array.astype("e") if j == k else array for j, array in enumerate(given)]
        with pytest.raises(TypeError, match="must be float32 or float64, got float16"):
            getattr(ops, name)(*halves)
        short = [array[:-1] if j == k else array for j, array in enumerate(given)]
        with pytest.raises(ValueError, match="must have shape"):
            getattr(ops, name)(*short)
        flat = [array[0] if j == k else array for j, array in enumerate(given)]
        with pytest.raises(ValueError, match="must have [23] axes"):
            getattr(ops, name)(*flat)
