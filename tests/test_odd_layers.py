"""Layers with arrays of the other byte order, and arrays that do not lie where they should."""

import numpy as np
import pytest
from contract import H, V, gradients, normal, others, parts, weighted
from golden import names
from helpers import swapped, unaligned

from fastembed import attention, time_layers, util

LAYERS = names(time_layers, attention)


def head(rng):
    inputs = [normal(rng, 3, 4, H), rng.integers(0, V, (3, 4))]
    return {"TimeAffineSoftmaxWithLoss": ([normal(rng, H, V), normal(rng, V)], inputs)}


@pytest.mark.parametrize("change", [swapped, unaligned])
def test_layers_give_the_same(rng, change):
    table = weighted(rng) | others(rng) | head(rng)
    for name, (arguments, inputs) in table.items():
        results = []
        for lay in (np.copy, change):
            np.random.seed(1)
            laid = (lay(x) if isinstance(x, np.ndarray) else x for x in arguments)
            layer = getattr(LAYERS, name)(*laid)
            out = layer.forward(*map(lay, inputs))
            din = layer.backward(*map(lay, gradients(out)))
            results.append([*parts(out), *parts(din), *layer.grads])
        for array, expected in zip(*reversed(results), strict=True):
            np.testing.assert_allclose(array, expected, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("change", [swapped, unaligned])
def test_clipping_gives_the_same(rng, change):
    grad = normal(rng, 4, 5)
    odd = change(grad)
    util.clip_grads([odd], 0.1)
    util.clip_grads([grad], 0.1)
    np.testing.assert_allclose(odd, grad, rtol=1e-6)
