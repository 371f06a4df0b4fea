"""The embedding ops against plain NumPy: values, layouts, bounds, errors, bits."""

import numpy as np
import pytest
from helpers import COUNTS, DTYPES, LAYOUTS, at_once, lay, swapped, unaligned
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numba import njit

from fastembed import ops, reference
from fastembed.kernels import embedding as kernels

ID_DTYPES = [np.int32, np.int64, np.int8, np.uint16, np.uint64]
V, D = 23, 37


@pytest.fixture
def W(rng):
    return rng.standard_normal((V, D))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("id_dtype", ID_DTYPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_gather_equals_numpy(W, rng, dtype, id_dtype, layout):
    W = W.astype(dtype)
    low = 0 if np.dtype(id_dtype).kind == "u" else -V
    idx = lay(rng.integers(low, V, (6, 5)).astype(id_dtype), layout)
    before = idx.copy()
    expected = reference.gather(np.asarray(W), np.asarray(idx))
    result = ops.gather(lay(W, layout), idx)
    np.testing.assert_array_equal(result, expected)
    assert result.dtype == dtype and result.flags.writeable and result.flags.c_contiguous
    np.testing.assert_array_equal(idx, before)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("id_dtype", ID_DTYPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_scatter_add_equals_numpy(rng, dtype, id_dtype, layout):
    low = 0 if np.dtype(id_dtype).kind == "u" else -V
    idx = lay(rng.integers(low, V, (40, 3)).astype(id_dtype), layout)
    dout = rng.standard_normal((40, 3, D)).astype(dtype)
    start = rng.standard_normal((V, D)).astype(dtype)
    expected = reference.scatter_add(start.copy(), np.asarray(idx), dout)
    for dW in (start.copy(), np.asfortranarray(start), np.repeat(start, 2, axis=1)[:, ::2]):
        assert ops.scatter_add(dW, idx, lay(dout, layout)) is dW
        np.testing.assert_array_equal(dW, expected)


@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 0, 2), (2, 3, 4)])
def test_any_shape_of_ids(W, rng, shape):
    idx = rng.integers(-V, V, shape)
    dout = rng.standard_normal((*shape, D))
    np.testing.assert_array_equal(ops.gather(W, idx), W[idx])
    np.testing.assert_array_equal(
        ops.scatter_add(np.zeros((V, D)), idx, dout),
        reference.scatter_add(np.zeros((V, D)), idx, dout),
    )


def test_lists_and_scalars_are_ids(W):
    np.testing.assert_array_equal(ops.gather(W, [1, 2, 1]), W[[1, 2, 1]])
    np.testing.assert_array_equal(ops.gather(W, -1), W[-1])
    assert ops.gather(W, []).shape == (0, D)


@pytest.mark.parametrize("width", [1, 2, 7, 16, 64, 257])
def test_widths(rng, width):
    W = rng.standard_normal((V, width)).astype("f")
    idx = rng.integers(-V, V, 100)
    out = ops.gather(W, idx)
    np.testing.assert_array_equal(out, W[idx])
    np.testing.assert_array_equal(
        ops.scatter_add(np.ones_like(W), idx, out),
        reference.scatter_add(np.ones_like(W), idx, out),
    )


def test_scatter_add_zero_forgets_what_was_there(rng):
    idx, dout = rng.integers(0, V, 9), rng.standard_normal((9, D))
    np.testing.assert_array_equal(
        ops.scatter_add(np.full((V, D), np.nan), idx, dout, zero=True),
        reference.scatter_add(np.full((V, D), np.nan), idx, dout, zero=True),
    )


@pytest.mark.parametrize("order", ["C", "F", "strided"])
def test_gather_into_out(W, rng, order):
    idx = rng.integers(0, V, (4, 5))
    out = {
        "C": np.empty((4, 5, D)),
        "F": np.empty((4, 5, D), order="F"),
        "strided": np.empty((8, 5, 2 * D))[::2, ::-1, ::2],
    }[order]
    assert ops.gather(W, idx, out=out) is out
    np.testing.assert_array_equal(out, W[idx])


@pytest.mark.parametrize("value", [-V - 1, V, np.iinfo(np.int64).max, np.iinfo(np.int64).min])
def test_ids_out_of_bounds_are_refused_and_nothing_is_written(W, value):
    idx = np.array([[0, 1], [value, 2]])
    out, dW = np.full((2, 2, D), 5.0), np.full((V, D), 5.0)
    message = rf"idx\[1, 0\] = {value} is out of bounds for .*W with {V} rows"
    with pytest.raises(IndexError, match=message):
        ops.gather(W, idx, out=out)
    with pytest.raises(IndexError, match=message):
        ops.scatter_add(dW, idx, out, zero=True)
    assert (out == 5).all() and (dW == 5).all()


def test_unsigned_ids_beyond_int64_are_refused(W):
    with pytest.raises(IndexError, match=r"idx\[0\] = 18446744073709551615"):
        ops.gather(W, np.array([2**64 - 1], np.uint64))


@pytest.mark.parametrize("value", [-V, -1, 0, V - 1])
def test_ids_at_the_bounds(W, value):
    np.testing.assert_array_equal(ops.gather(W, [value]), W[[value]])
    dW = ops.scatter_add(np.zeros((V, D)), [value], np.ones((1, D)))
    assert (dW[value] == 1).all() and dW.sum() == D


@pytest.mark.parametrize(
    "idx", [np.array([1.0]), np.array([True]), np.array(["a"]), np.array([None]), [1.5]]
)
def test_ids_that_are_no_integers_are_refused(W, idx):
    with pytest.raises(TypeError, match="idx must be an integer array"):
        ops.gather(W, idx)


@pytest.mark.parametrize("dtype", [np.float16, np.int64, np.complex64])
def test_weights_of_other_dtypes_are_refused(W, dtype):
    with pytest.raises(TypeError, match="W must be float32 or float64"):
        ops.gather(W.astype(dtype), [0])


def test_shapes_that_do_not_fit_are_refused(W):
    with pytest.raises(ValueError, match="W must have 2 axes, got shape"):
        ops.gather(W[0], [0])
    with pytest.raises(ValueError, match=r"out must have shape \(2, 37\), got \(3, 37\)"):
        ops.gather(W, [0, 1], out=np.empty((3, D)))
    with pytest.raises(TypeError, match="out must be float64, got float32"):
        ops.gather(W, [0], out=np.empty((1, D), "f"))
    with pytest.raises(TypeError, match="out must be a numpy.ndarray, got list"):
        ops.gather(W, [0], out=[[0.0] * D])
    with pytest.raises(ValueError, match=r"dout must have shape \(1, 37\).*got \(1, 36\)"):
        ops.scatter_add(W, [0], np.ones((1, D - 1)))
    with pytest.raises(TypeError, match="dout must be float64 like the other arrays, got float32"):
        ops.scatter_add(W, [0], np.ones((1, D), "f"))


def test_outputs_that_cannot_be_written_are_refused(W):
    with pytest.raises(ValueError, match="out must not overlap W in memory"):
        ops.gather(W, [0, 1], out=W[3:5])
    with pytest.raises(ValueError, match="dW must not overlap dout in memory"):
        ops.scatter_add(W, [0, 1], W[3:5])
    W.flags.writeable = False
    with pytest.raises(ValueError, match="dW must be writable"):
        ops.scatter_add(W, [0], np.ones((1, D)))


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    rows=st.integers(1, 9),
    width=st.integers(0, 9),
    shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5),
)
def test_adjoint_identity(data, rows, width, shape):
    """<gather(W, i), G> = <W, scatter_add(0, i, G)>, exactly for small whole numbers."""
    whole = st.integers(-8, 8).map(float)
    W = data.draw(hnp.arrays(np.float64, (rows, width), elements=whole))
    idx = data.draw(hnp.arrays(np.int64, shape, elements=st.integers(-rows, rows - 1)))
    G = data.draw(hnp.arrays(np.float64, (*shape, width), elements=whole))
    left = np.vdot(ops.gather(W, idx), G)
    assert left == np.vdot(W, ops.scatter_add(np.zeros_like(W), idx, G))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("zero", [False, True])
def test_groups_equal_numpy(rng, zero, dtype, layout):
    rows, width = 1200, 61  # more bytes than are added to in the order of the ids
    idx = lay(rng.integers(-rows, rows, (400, 3)), layout)
    dout = rng.standard_normal((400, 3, width)).astype(dtype)
    start = np.full((rows, width), np.nan if zero else 0.1, dtype)
    expected = reference.scatter_add(start.copy(), np.asarray(idx), dout, zero=zero)
    for dW in (start.copy(), np.asfortranarray(start), np.repeat(start, 2, axis=1)[:, ::2]):
        ops.scatter_add(dW, idx, lay(dout, layout), zero=zero)
        np.testing.assert_array_equal(dW, expected)


@pytest.mark.parametrize("skipped", [0, 1, 15])
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_of_a_large_array_end_where_they_end(rng, set_threads, dtype, skipped):
    """Of more than the caches hold; whole lines of memory are written at once, wherever it lies."""
    width = 701
    W = rng.standard_normal((50, width)).astype(dtype)
    count = (36 << 20) // W[0].nbytes
    idx = rng.integers(-50, 50, count)
    room = np.full(count * width + 40, np.nan, dtype)
    out = room[skipped : skipped + count * width].reshape(count, width)
    for n in (1, 3):
        set_threads(n)
        out[...] = np.nan
        ops.gather(W, idx, out=out)
        np.testing.assert_array_equal(out, W[idx])
    assert np.isnan(room[:skipped]).all() and np.isnan(room[skipped + count * width :]).all()


@pytest.mark.parametrize("skipped", [0, 1, 15])
@pytest.mark.parametrize("dtype", DTYPES)
def test_zeros_of_a_large_array_end_where_it_ends(rng, set_threads, dtype, skipped):
    """Of more than the caches hold; whole lines of memory are written at once, wherever it lies."""
    width = 61
    rows = (36 << 20) // (width * np.dtype(dtype).itemsize)
    room = np.full(rows * width + 40, np.nan, dtype)
    dW = room[skipped : skipped + rows * width].reshape(rows, width)
    idx = rng.integers(0, rows, 300)
    dout = rng.standard_normal((300, width)).astype(dtype)
    W = np.zeros((rows, width), dtype)
    expected = reference.scatter_add(W.copy(), idx, dout)
    for n in (1, 3):
        set_threads(n)
        for zeroed in (
            lambda: ops.scatter_add(dW, idx, dout, zero=True),
            lambda: ops.embedding_bag_backward(dout, W, idx, np.arange(300), out=dW),
        ):
            dW[...] = np.nan
            zeroed()
            np.testing.assert_array_equal(dW, expected)
        made = ops.embedding_bag_backward(dout, W, idx, np.arange(300))  # zeroed by the system
        np.testing.assert_array_equal(made, expected)
    assert np.isnan(room[:skipped]).all() and np.isnan(room[skipped + rows * width :]).all()


@pytest.mark.parametrize("shift", [0, 3, 9])
def test_groups_hold_every_place_in_order(rng, shift):
    N, G = 5000, 40
    idx = np.minimum(rng.zipf(1.2, N), G << shift) - 1
    order, starts = np.empty(N, int), np.empty(G + 1, int)
    kernels.group(idx, shift, order, starts)
    assert starts[0] == 0 and starts[G] == N
    for g in range(G):
        mine = order[starts[g] : starts[g + 1]]
        np.testing.assert_array_equal(mine, np.flatnonzero(idx >> shift == g))


@pytest.mark.parametrize("rows", [100, 500])  # in the order of the ids, and by groups
@pytest.mark.parametrize("distribution", ["uniform", "zipf", "one hot id"])
def test_equal_bits_at_any_thread_count(rng, set_threads, distribution, rows):
    width, n = 203, 4000
    idx = {
        "uniform": rng.integers(0, rows, n),
        "zipf": np.minimum(rng.zipf(1.3, n), rows) - 1,
        "one hot id": np.full(n, 7),
    }[distribution]
    W, dout = (rng.standard_normal((k, width)).astype("f") for k in (rows, n))
    expected = reference.scatter_add(W.copy(), idx, dout)
    for count in COUNTS:
        set_threads(count)
        np.testing.assert_array_equal(ops.scatter_add(W.copy(), idx, dout), expected)
        np.testing.assert_array_equal(ops.gather(W, idx), W[idx])
        np.testing.assert_array_equal(
            ops.scatter_add(np.full_like(W, np.nan), idx, dout, zero=True),
            reference.scatter_add(np.zeros_like(W), idx, dout),
        )


@pytest.mark.parametrize("dtype", DTYPES)
def test_other_byte_orders_and_unaligned_arrays(W, rng, dtype):
    W, idx = W.astype(dtype), rng.integers(-V, V, 50)
    rows = W[idx]
    expected = reference.scatter_add(np.zeros_like(W), idx, rows)
    for change in (swapped, unaligned):
        np.testing.assert_array_equal(ops.gather(change(W), change(idx)), rows)
        out, dW = change(np.zeros_like(rows)), change(np.ones_like(W))
        assert ops.gather(change(W), change(idx), out=out) is out
        np.testing.assert_array_equal(out, rows)
        assert ops.scatter_add(dW, change(idx), change(rows), zero=True) is dW
        np.testing.assert_array_equal(dW, expected)


def test_several_python_threads_at_once(rng):
    W = rng.standard_normal((3000, 300)).astype("f")
    idx = rng.integers(0, 3000, (8, 5000))
    expected = [reference.scatter_add(np.zeros_like(W), i, W[i]) for i in idx]

    def work(k):
        for _ in range(3):
            rows = ops.gather(W, idx[k])
            np.testing.assert_array_equal(rows, W[idx[k]])
            dW = ops.scatter_add(np.empty_like(W), idx[k], rows, zero=True)
            np.testing.assert_array_equal(dW, expected[k])

    at_once(work, len(idx))


def test_kernel_inside_a_users_njit_function(W, rng):
    @njit
    def bag(W, idx):
        rows = np.empty((idx.shape[0], W.shape[1]), W.dtype)
        kernels.gather(W, idx, rows, 0, idx.shape[0])
        return rows.sum(axis=0)

    idx = rng.integers(0, V, 20).astype(np.int32)
    np.testing.assert_allclose(bag(W, idx), W[idx].sum(axis=0), rtol=1e-12)
