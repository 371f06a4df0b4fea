"""Layers with arrays of the other byte order, and arrays that do not lie where they should."""

import numpy as np
import pytest
from helpers import swapped, unaligned

from fastembed import layers, time_layers, util

N, T, D, H, V = 3, 4, 5, 6, 7
# layer -> shapes of its parameters, of its input (None: ids), of its labels or its gradient
LAYERS = {
    "MatMul": ([(D, H)], (N, D), (N, H)),
    "Affine": ([(D, H), (H,)], (N, D), (N, H)),
    "Embedding": ([(V, D)], None, (N, T, D)),
    "SoftmaxWithLoss": ([], (N, V), "labels"),
    "TimeEmbedding": ([(V, D)], None, (N, T, D)),
    "TimeAffine": ([(D, H), (H,)], (N, T, D), (N, T, H)),
    "TimeSoftmaxWithLoss": ([], (N, T, V), "labels"),
    "TimeAffineSoftmaxWithLoss": ([(D, V), (V,)], (N, T, D), "labels"),
    "TimeRNN": ([(D, H), (H, H), (H,)], (N, T, D), (N, T, H)),
    "TimeLSTM": ([(D, 4 * H), (H, 4 * H), (4 * H,)], (N, T, D), (N, T, H)),
    "TimeGRU": ([(D, 3 * H), (H, 3 * H), (3 * H,)], (N, T, D), (N, T, H)),
}


@pytest.mark.parametrize("change", [swapped, unaligned])
@pytest.mark.parametrize("name", LAYERS)
def test_layers_give_the_same(rng, name, change):
    shapes, shape, last = LAYERS[name]
    params = [rng.standard_normal(s).astype("f") for s in shapes]
    x = rng.integers(-V, V, (N, T)) if shape is None else rng.standard_normal(shape).astype("f")
    if last == "labels":
        given, dout = (x, rng.integers(0, V, shape[:-1])), ()
    else:
        given, dout = (x,), (rng.standard_normal(last).astype("f"),)
    results = []
    for lay in (np.copy, change):
        layer = getattr(layers if hasattr(layers, name) else time_layers, name)(*map(lay, params))
        out = layer.forward(*map(lay, given))
        dx = layer.backward(*map(lay, dout))
        results.append([out, *([] if dx is None else [dx]), *layer.grads])
    for array, expected in zip(*reversed(results), strict=True):
        np.testing.assert_allclose(array, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("change", [swapped, unaligned])
def test_clipping_gives_the_same(rng, change):
    grad = rng.standard_normal((4, 5)).astype("f")
    odd = change(grad)
    util.clip_grads([odd], 0.1)
    util.clip_grads([grad], 0.1)
    np.testing.assert_allclose(odd, grad, rtol=1e-6)
