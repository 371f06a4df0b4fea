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
