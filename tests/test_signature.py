"""The tables of the ops: errors blame the argument that differs, and help() is complete."""

import inspect
import re

import numpy as np
import pytest

from fastembed import ops


@pytest.mark.parametrize("name", ops.__all__)
def test_help_describes_every_parameter(name):
    op = getattr(ops, name)
    described = inspect.getdoc(op).partition("Parameters\n")[2].partition("Returns\n")[0]
    named = {
        word for line in re.findall(r"^(\S.*?) : ", described, re.M) for word in line.split(", ")
    }
    assert named == set(inspect.signature(op).parameters)


def arrays(*dtypes):
    shapes = (2, 3), (3, 4), (4,)
    return [np.ones(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]


@pytest.mark.parametrize(
    ("dtypes", "message"),
    [
        ("fdd", "x must be float64 like the other arrays, got float32"),
        ("dfd", "W must be float64 like the other arrays, got float32"),
        ("fdf", "W must be float32 like the other arrays, got float64"),
        ("ffi", "b must be float32 or float64, got int32"),
    ],
)
def test_who_differs_from_most_is_blamed(dtypes, message):
    with pytest.raises(TypeError, match=message):
        ops.affine(*arrays(*dtypes))


def test_shapes_say_where_their_lengths_come_from():
    x, W, b = arrays(*"ddd")
    with pytest.raises(
        ValueError, match=r"W must have shape \(3, 3\), \(D, H\) with D of x, got \(4, 3"
    ):
        ops.affine(x, W.T, b)
    with pytest.raises(
        ValueError, match=r"b must have shape \(4,\), \(H,\) with H of W, got \(3,\)"
    ):
        ops.affine(x, W, b[1:])
    with pytest.raises(ValueError, match=r"W must have shape .* with D of x and H of dout"):
        ops.affine_backward(np.ones((2, 5)), x, W)
    with pytest.raises(ValueError, match=r"x must have shape .* with \.\.\. of dout"):
        ops.affine_backward(np.ones((3, 4)), x, W)


def test_a_place_without_entries_may_lie_in_any_array():
    W, none = np.ones((4, 3)), np.empty(0, int)
    for call in (
        lambda out: ops.gather(W, none, out=out),
        lambda out: ops.embedding_bag(W, none.reshape(0, 2), out=out),
        lambda out: ops.segment_sum(W, none, out=out),
        lambda out: ops.matmul(np.ones((0, 4)), W, out=out),
    ):
        out = W[1:][:0]
        assert call(out) is out
    weights = np.ones((0, 16)), np.ones((4, 16)), np.ones(16)
    hs, _, _, cache = ops.lstm(np.ones((2, 3, 0)), *weights)
    out = weights[1][1:][:0], np.empty((4, 16)), np.empty(16)
    *_, dWx, dWh, db = ops.lstm_backward(hs, cache, out=out)
    assert dWx is out[0] and dWh is out[1] and db is out[2]


def test_more_than_memory_can_hold_is_refused_at_once():
    """More bytes of scratch than half of all addresses, for a view without memory."""
    offsets = np.lib.stride_tricks.as_strided(np.zeros(1, np.int32), (2**60 + 1,), (0,))
    with pytest.raises(MemoryError, match="no memory for 9223372036854775824 bytes"):
        ops.segment_sum(np.ones((3, 2)), offsets)
    weights = np.ones((0, 4), "f"), np.ones((1, 4), "f"), np.ones(4, "f")
    with pytest.raises((MemoryError, ValueError)):  # NumPy's: so many steps have no outputs
        ops.lstm(np.empty((1, 2**61 - 1, 0), "f"), *weights, lengths=[1])
    V = 3_000_000  # bytes of scratch that are few as a number of 64 bits
    with pytest.raises(ValueError, match=f"size = {2**61 - V} ids cannot be drawn"):
        ops.negative_samples(np.ones(V), [0], 2**61 - V)
