"""A gradient that is no array goes through the training loop: its class is all that is new."""

import numpy as np
import pytest

from fastembed import layers, optimizer, reference, trainer, util

V, D = 9, 4
KINDS = [name for name in optimizer.__all__ if name not in ("np", "RowWiseAdaGrad")]


class Rows:
    """A gradient of some rows of a weight; the others have none."""

    shape = V, D

    def __init__(self):
        self.ids, self.values = np.array([], int), np.empty((0, D), "f")

    def fill_rows(self, ids, rows, padding_idx=None, mean=False):
        assert padding_idx is None and not mean
        self.ids, places = np.unique(ids, return_inverse=True)
        self.values = np.zeros((len(self.ids), D), "f")
        np.add.at(self.values, places.reshape(np.shape(ids)), rows)

    def add(self, others):
        ids = np.concatenate([self.ids, *(other.ids for other in others)])
        self.fill_rows(ids, np.concatenate([self.values, *(other.values for other in others)]))

        return self

    def step(self, op, param, states, numbers):
        arrays = [param[self.ids], *(state[self.ids] for state in states)]
        getattr(reference, op)(arrays[0], self.values, *arrays[1:], *numbers)
        for whole, rows in zip((param, *states), arrays, strict=True):
            whole[self.ids] = rows


def embedding(W, sparse):
    layer = layers.Embedding(W)
    if sparse:
        layer.grads[0] = Rows()
    return layer


@pytest.mark.parametrize("max_norm", [0.5, 1e3])
@pytest.mark.parametrize("kind", KINDS)
def test_training_with_rows_equals_training_with_arrays(kind, max_norm, rng):
    """Two layers of one weight, and a bias beside them; rows that no id touches stay at rest."""
    start = rng.standard_normal((V, D)).astype("f")
    ids, douts = rng.integers(0, 5, (4, 6)), rng.standard_normal((4, 6, D)).astype("f")
    results = []
    for sparse in (False, True):
        W, b = start.copy(), np.ones(D, "f")
        pair = [embedding(W, sparse) for _ in range(2)]
        update = getattr(optimizer, kind)(lr=0.1).update
        for k in range(0, 4, 2):
            for n, layer in enumerate(pair):
                layer.forward(ids[0])  # the same rows each time: momentum moves no other
                layer.backward(douts[k + n])
            grads = [pair[0].grads[0], np.full(D, 0.5, "f"), pair[1].grads[0]]
            params, grads = trainer.remove_duplicate([W, b, W], grads)
            assert len(params) == len(grads) == 2
            util.clip_grads(grads, max_norm)
            update(params, grads)
        results.append((W, b))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    untouched = np.setdiff1d(np.arange(V), ids[0] if kind != "AdamW" else np.arange(V))  # decay
    np.testing.assert_array_equal(results[1][0][untouched], start[untouched])
