"""The hand-written product of matrices against plain NumPy in float64."""

import ctypes
import mmap

import numpy as np
import pytest
from helpers import DTYPES, lay, linux

from fastembed.kernels import simd


def rng_of(*seed):
    return np.random.default_rng(seed)


def plain(rng, shape, dtype):
    return rng.standard_normal(shape).astype(dtype)


def transposed(rng, shape, dtype):
    return plain(rng, shape[::-1], dtype).T


def sliced(rng, shape, dtype):
    """Neither rows nor columns contiguous."""
    return plain(rng, (2 * shape[0] + 1, 3 * shape[1] + 2), dtype)[1::2, 2::3]


def cut(rng, shape, dtype):
    """Rows contiguous, with more numbers before and after them."""
    return plain(rng, (shape[0], shape[1] + 5), dtype)[:, 2:-3]


def cut_transposed(rng, shape, dtype):
    return cut(rng, shape[::-1], dtype).T


def backwards(rng, shape, dtype):
    return plain(rng, shape, dtype)[::-1, ::-1]


LAYOUTS = [plain, transposed, sliced, cut, cut_transposed, backwards]


def multiply(a, b, bias=None, add=False, out=None, along_rows=False, slices=None):
    if out is None:
        out = np.full((a.shape[0], b.shape[1]), np.nan, a.dtype)
    simd.multiply(a, b, bias, add, out, along_rows, slices)
    return out


def all_slicings(a, b, **rest):
    """The product, computed whole and in slices; all must have the same bits."""
    result = multiply(a, b, **rest)
    out = rest.pop("out", None)
    for along_rows in (False, True):
        units, _ = simd.units_of(a, b, result, along_rows)
        for slices in ([0, units], [0, units // 3, units // 2, units], list(range(units + 1))):
            again = multiply(a, b, along_rows=along_rows, slices=slices, **rest)
            np.testing.assert_array_equal(again.view(np.uint8), result.view(np.uint8))
    assert out is None
    return result


def tolerance(a, b):
    """An upper bound of the rounding of sums of so many products, with some room."""
    K = a.shape[1]
    size = np.abs(a.astype(np.float64)) @ np.abs(b.astype(np.float64))
    return 4 * (K + 1) ** 0.5 * np.finfo(a.dtype).eps * (size + 1)


def check(a, b, bias=None):
    expected = a.astype(np.float64) @ b.astype(np.float64) + (0 if bias is None else bias)
    result = all_slicings(a, b, bias=bias)
    assert np.all(np.abs(result - expected) <= tolerance(a, b))
    return result


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("left", LAYOUTS)
@pytest.mark.parametrize("right", LAYOUTS)
def test_random_shapes(left, right, dtype):
    rng = rng_of(LAYOUTS.index(left), LAYOUTS.index(right), dtype == np.float32)
    for case in range(40):
        M, K, N = rng.integers(0, 71, 3)
        bias = plain(rng, N, dtype) if case % 2 else None
        check(left(rng, (M, K), dtype), right(rng, (K, N), dtype), bias)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("left", LAYOUTS)
@pytest.mark.parametrize("right", LAYOUTS)
@pytest.mark.parametrize(
    "shape", [(13, 700, 150), (3, 1025, 64), (20, 600, 128), (1000, 257, 5), (500, 300, 301)]
)
def test_many_blocks(left, right, shape, dtype):
    rng = rng_of(*shape)
    M, K, N = shape
    check(left(rng, (M, K), dtype), right(rng, (K, N), dtype), plain(rng, N, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5, 9, 11), (40, 600, 130), (7, 0, 20)])
def test_add(shape, dtype):
    M, K, N = shape
    rng = rng_of(M)
    a, b, before = (plain(rng, s, dtype) for s in ((M, K), (K, N), (M, N)))
    product = a.astype(np.float64) @ b.astype(np.float64)
    result = multiply(a, b, add=True, out=before.copy())
    assert np.all(np.abs(result - before - product) <= tolerance(a, b))
    for along_rows in (False, True):
        units, _ = simd.units_of(a, b, result, along_rows)
        slices, out = list(range(units + 1)), before.copy()
        again = multiply(a, b, add=True, out=out, along_rows=along_rows, slices=slices)
        np.testing.assert_array_equal(again, result)


@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_to_add_up(dtype):
    a, b, bias = np.ones((4, 0), dtype), np.ones((0, 21), dtype), np.arange(21, dtype=dtype)
    assert np.all(multiply(a, b) == 0)
    assert np.all(multiply(a, b, bias=bias) == bias)
    before = np.full((4, 21), -0.0, dtype)
    assert np.all(np.signbit(multiply(a, b, add=True, out=before)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_of_the_result_may_be_apart(dtype):
    rng = rng_of(1)
    a, b = plain(rng, (20, 30), dtype), plain(rng, (30, 37), dtype)
    around = np.full((20, 50), 7, dtype)
    multiply(a, b, out=around[:, 5:42])
    np.testing.assert_array_equal(around[:, 5:42], multiply(a, b))
    assert np.all(around[:, :5] == 7) and np.all(around[:, 42:] == 7)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("right", [plain, transposed])
def test_nan_and_infinity_stay_in_their_columns(right, dtype):
    """Those of neighbours must not enter through padding."""
    rng = rng_of(2)
    a, b = plain(rng, (9, 12), dtype), right(rng, (12, 19), dtype)
    b[3, 18] = np.inf
    b[4, 0] = np.nan
    result = multiply(a, b)
    assert np.all(np.isfinite(result[:, 1:18]))
    assert np.all(np.isinf(result[:, 18])) and np.all(np.isnan(result[:, 0]))


def guarded(values, at_end):
    """A copy that borders on memory that may not be touched."""
    libc = ctypes.CDLL(None, use_errno=True)
    page = mmap.PAGESIZE
    inside = -(-max(values.nbytes, 1) // page) * page
    memory = mmap.mmap(-1, inside + 2 * page)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for guard in (base, base + page + inside):
        assert libc.mprotect(ctypes.c_void_p(guard), ctypes.c_size_t(page), 0) == 0
    start = page + (inside - values.nbytes if at_end else 0)
    copy = np.frombuffer(memory, values.dtype, values.size, start).reshape(values.shape)
    copy[...] = values
    return copy


@linux
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("at_end", [False, True])
def test_touches_nothing_outside(at_end, dtype):
    rng = rng_of(3, at_end)
    for case in range(120):
        M, K, N = rng.integers(1, 40, 3) if case < 110 else rng.integers(200, 600, 3)
        a, b = plain(rng, (M, K), dtype), plain(rng, (K, N), dtype)
        bias = plain(rng, N, dtype)
        expected = a.astype(np.float64) @ b + bias
        for ta in (False, True):
            for tb in (False, True):
                left = guarded(a.T, at_end).T if ta else guarded(a, at_end)
                right = guarded(b.T, at_end).T if tb else guarded(b, at_end)
                out = guarded(np.full((M, N), np.nan, dtype), at_end)
                multiply(left, right, bias=guarded(bias, at_end), out=out)
                assert np.all(np.abs(out - expected) <= tolerance(a, b))


def test_scratch_is_bounded():
    a, b, out = (np.broadcast_to(np.float64(0), (100_000, 100_000)) for _ in range(3))
    for left in (a, a.T, np.lib.stride_tricks.as_strided(a, strides=(8, 800_000))):
        for along_rows in (False, True):
            assert simd.units_of(left, b, out, along_rows)[1] <= 2**20


@linux
def test_strides_beyond_31_bits():
    values = plain(rng_of(4), (2, 3), np.float32)
    matrix = lay(values, "apart")
    square = plain(rng_of(5), (3, 3), np.float32)
    np.testing.assert_array_equal(multiply(matrix, square), multiply(values, square))
    np.testing.assert_array_equal(multiply(square, matrix.T), multiply(square, values.T))
    np.testing.assert_array_equal(
        multiply(square[:, :2], matrix), multiply(square[:, :2].copy(), values)
    )
