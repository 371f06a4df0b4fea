"""Matrix products against NumPy: layouts, thread counts, errors, BLAS left as it was."""

import numpy as np
import pytest
from helpers import DTYPES, LAYOUTS, lay
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from fastembed import ops, reference

TOLERANCE = {np.float32: 2e-5, np.float64: 1e-13}


def close(result, expected, dtype, scale=1.0):
    assert result.dtype == dtype
    np.testing.assert_allclose(result, expected, rtol=0, atol=TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("right", LAYOUTS)
@pytest.mark.parametrize("left", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_matmul_takes_every_layout(rng, dtype, left, right):
    a, b = rng.standard_normal((70, 81)).astype(dtype), rng.standard_normal((81, 90)).astype(dtype)
    close(ops.matmul(lay(a, left), lay(b, right)), a.astype("d") @ b, dtype, 20)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(600, 100, 300), (300, 100, 600), (40, 3000, 90), (1, 900, 999)])
def test_matmul_at_any_number_of_threads(rng, any_threads, shape, dtype):
    M, K, N = shape
    a, b = rng.standard_normal((M, K)).astype(dtype), rng.standard_normal((N, K)).astype(dtype).T
    close(ops.matmul(a, b), a.astype("d") @ b, dtype, 50)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.booleans())
def test_matmul_of_any_shape(M, K, N, transposed):
    rng = np.random.default_rng(M + 50 * K + 2500 * N)
    a, b = rng.standard_normal((M, K)), rng.standard_normal((K, N))
    out = np.full((N, M), np.nan).T if transposed else np.full((M, N), np.nan)
    assert ops.matmul(a, b, out=out) is out
    np.testing.assert_allclose(out, a @ b, atol=1e-12)


def test_matmul_fills_a_strided_out_and_nothing_else(rng):
    a, b = rng.standard_normal((100, 90)), rng.standard_normal((90, 80))
    room = np.zeros((200, 160))
    ops.matmul(a, b, out=room[::2, ::2])
    np.testing.assert_allclose(room[::2, ::2], a @ b, atol=1e-12)
    assert not room[1::2].any() and not room[:, 1::2].any()


def test_matmul_leaves_blas_as_it_was(rng):
    before = [(library["filepath"], library["num_threads"]) for library in threadpool_info()]
    ops.matmul(rng.standard_normal((200, 200)), rng.standard_normal((200, 200)))
    after = [(library["filepath"], library["num_threads"]) for library in threadpool_info()]
    assert set(before) <= set(after)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.ones((2, 3)), np.ones((4, 2))), ValueError, r"b must have shape \(3, 2\)"),
        ((np.ones((2, 3)), np.ones((3, 2), "f")), TypeError, "b must be float64.* got float32"),
        ((np.ones((2, 3), "e"), np.ones((3, 2))), TypeError, "a must be float32 or float64"),
        ((np.ones(3), np.ones((3, 2))), ValueError, r"a must have 2 axes, got shape \(3,\)"),
    ],
)
def test_matmul_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        ops.matmul(*arguments)


def test_matmul_refuses_an_out_that_does_not_fit(rng):
    a = rng.standard_normal((5, 5))
    for out, error in [
        (a, ValueError),
        (np.empty((5, 4)), ValueError),
        (np.empty((5, 5), "f"), TypeError),
        ([[0.0] * 5] * 5, TypeError),
        (lay(a, "readonly"), ValueError),
    ]:
        with pytest.raises(error, match="out must"):
            ops.matmul(a, a, out=out)


def test_affine_backward_fills_the_arrays_given(rng):
    x, W, dout = (rng.standard_normal(shape) for shape in [(6, 5), (5, 4), (6, 4)])
    dW, db = np.full((4, 5), np.nan).T, np.full(4, np.nan)
    result = ops.affine_backward(dout, x, W, out=(dW, db))
    assert result[1] is dW and result[2] is db
    for got, expected in zip(result, reference.affine_backward(dout, x, W), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-13)
    with pytest.raises(ValueError, match=r"out\[0\] must not overlap W"):
        ops.affine_backward(dout, x, W, out=(W, db))


def test_affine_takes_a_time_axis(rng):
    """All axes but the last are rows, also where they are views."""
    room = rng.standard_normal((3, 8, 9))
    W, b = rng.standard_normal((5, 4)), rng.standard_normal(4)
    for x in (
        room[:, :, 2:7],
        room[:, ::2, :5],
        room[::-1, :, :5],
        room[:1, :, 4:],
        room[:, :0, :5],
    ):
        N, T, D = x.shape
        rows, dout = x.reshape(N * T, D), rng.standard_normal((N, T, 4))
        np.testing.assert_allclose(ops.affine(x, W, b).reshape(-1, 4), rows @ W + b, atol=1e-12)
        dx, dW, db = ops.affine_backward(dout, x, W)
        np.testing.assert_allclose(dx, dout @ W.T, atol=1e-12)
        np.testing.assert_allclose(dW, rows.T @ dout.reshape(-1, 4), atol=1e-12)
        np.testing.assert_allclose(db, dout.sum(axis=(0, 1)), atol=1e-12)
    with pytest.raises(ValueError, match=r"x must have 2 axes or more, got shape \(5,\)"):
        ops.affine(np.ones(5), W, b)


@pytest.mark.parametrize("shape", [(5, 4, 0), (0, 4, 3), (2, 0, 3), (0, 3, 4, 2)])
@pytest.mark.parametrize("step", [8, 24, 12])
def test_arrays_without_entries_lie_in_any_steps(shape, step):
    W = np.ones((shape[-1], 2))
    memory = np.zeros(100)
    x = np.ndarray(
        shape, memory.dtype, memory, strides=[k * step for k in range(len(shape), 0, -1)]
    )
    out = ops.affine(x, W, np.ones(2))
    np.testing.assert_array_equal(out, np.ones((*shape[:-1], 2)))
    dx, dW, db = ops.affine_backward(out, x, W)
    assert dx.shape == shape and not dW.any() and (db == out.size // 2).all()


def test_no_width_in_any_layout():
    labels = np.zeros(3, int)
    for W in (np.ones((0, 4)), np.ones((0, 8))[:, ::2], np.ones((0, 4), ">f8")):
        loss, dx, dW, _ = ops.linear_cross_entropy(np.ones((3, 0)), W, np.ones(4), labels)
        assert np.isclose(loss, np.log(4)) and dx.shape == (3, 0) and dW.shape == (0, 4)
