"""EmbeddingBag against PyTorch's: every mode, option and way to give bags, and gradients."""

import itertools

import numpy as np
import pytest
import torch

from fastembed import ops
from fastembed.layers import EmbeddingBag

V, D = 20, 33
CASES = list(
    itertools.product(["sum", "mean", "max", "weights"], ["rows", "offsets", "last"], [None, 3, -1])
)


@pytest.mark.parametrize(("mode", "way", "padding_idx"), CASES)
def test_values_and_gradients(rng, mode, way, padding_idx):
    W = rng.standard_normal((V, D)).astype("f")
    ids = rng.integers(0, V, (6, 5) if way == "rows" else 30)
    offsets = {"rows": None, "offsets": np.array([0, 4, 4, 11, 30])}.get(
        way, np.array([0, 9, 9, 30])
    )
    weights = rng.standard_normal(ids.shape).astype("f") if mode == "weights" else None
    options = {"mode": "sum" if mode == "weights" else mode, "padding_idx": padding_idx}
    options["include_last_offset"] = way == "last"
    theirs = torch.nn.EmbeddingBag.from_pretrained(
        torch.from_numpy(W.copy()), freeze=False, **options
    )
    ours = EmbeddingBag(W, **options)
    given = [
        None if array is None else torch.from_numpy(array) for array in (ids, offsets, weights)
    ]
    if weights is not None:
        given[2].requires_grad_(True)
    expected, out = theirs(*given), ours.forward(ids, offsets, weights)
    np.testing.assert_allclose(out, expected.detach(), rtol=1e-6, atol=1e-6)
    dout = rng.standard_normal(out.shape).astype("f")
    expected.backward(torch.from_numpy(dout))
    dweights = ours.backward(dout)
    np.testing.assert_allclose(ours.grads[0], theirs.weight.grad, rtol=1e-5, atol=2e-6)
    if weights is not None:
        np.testing.assert_allclose(dweights, given[2].grad, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("mode", ["sum", "mean"])
@pytest.mark.parametrize("sparse", [False, True])
def test_options_of_embedding(rng, mode, sparse):
    W = rng.standard_normal((V, D)).astype("f")
    ids, dout = rng.integers(0, V, (6, 5)), rng.standard_normal((6, D)).astype("f")
    options = {"mode": mode, "max_norm": 3.0, "norm_type": 1.5, "sparse": sparse}
    copy = torch.from_numpy(W.copy())
    theirs = torch.nn.EmbeddingBag.from_pretrained(copy, freeze=False, **options)
    ours = EmbeddingBag.from_pretrained(W, freeze=False, **options)
    expected = theirs(torch.from_numpy(ids))
    np.testing.assert_allclose(ours.forward(ids), expected.detach(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(W, theirs.weight.detach(), rtol=1e-5, atol=1e-6)
    expected.backward(torch.from_numpy(dout))
    ours.backward(dout)
    grad, wanted = ours.grads[0], theirs.weight.grad
    if sparse:
        grad, wanted = grad.to_dense(), wanted.to_dense()
    np.testing.assert_allclose(grad, wanted, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_scale_grad_by_freq_is_that_of_embedding(rng, mode):
    """PyTorch's EmbeddingBag divides by the frequency of another id (2.13, on the CPU)."""
    W = rng.standard_normal((V, D)).astype("f")
    ids, dout = rng.integers(0, V, (6, 5)), rng.standard_normal((6, D)).astype("f")
    weight = torch.from_numpy(W.copy()).requires_grad_(True)
    rows = torch.nn.functional.embedding(torch.from_numpy(ids), weight, scale_grad_by_freq=True)
    getattr(rows, mode)(1).backward(torch.from_numpy(dout))
    layer = EmbeddingBag(W, mode=mode, scale_grad_by_freq=True)
    layer.forward(ids)
    layer.backward(dout)
    np.testing.assert_allclose(layer.grads[0], weight.grad, rtol=1e-5, atol=2e-6)


def test_nan_is_the_maximum(rng):
    """Different: for PyTorch it is one only where it comes first (2.13, on the CPU)."""
    W = np.array([[np.nan], [2.0], [3.0]], "f")
    for ids, wanted in (([[0, 1, 2]], np.nan), ([[1, 0, 2]], 3.0)):
        theirs = torch.nn.EmbeddingBag.from_pretrained(torch.from_numpy(W.copy()), mode="max")
        np.testing.assert_array_equal(theirs(torch.tensor(ids)), [[wanted]])
        assert np.isnan(EmbeddingBag(W, mode="max").forward(ids)).all()


def test_sparse_gradients_of_maxima_are_the_dense_ones(rng):
    """PyTorch refuses them."""
    W, ids = rng.standard_normal((V, D)).astype("f"), rng.integers(0, V, (6, 5))
    theirs = torch.nn.EmbeddingBag(V, D, mode="max", sparse=True)
    with pytest.raises(ValueError, match="sparse"):
        theirs(torch.from_numpy(ids))
    theirs = torch.nn.EmbeddingBag.from_pretrained(
        torch.from_numpy(W.copy()), freeze=False, mode="max"
    )
    dout = rng.standard_normal((6, D)).astype("f")
    theirs(torch.from_numpy(ids)).backward(torch.from_numpy(dout))
    ours = EmbeddingBag(W, mode="max", sparse=True)
    ours.forward(ids)
    ours.backward(dout)
    np.testing.assert_allclose(ours.grads[0].to_dense(), theirs.weight.grad, rtol=1e-6, atol=1e-6)


def test_from_pretrained_freezes_alike(rng):
    W, ids = rng.standard_normal((V, D)).astype("f"), rng.integers(0, V, (6, 5))
    theirs = torch.nn.EmbeddingBag.from_pretrained(torch.from_numpy(W.copy()))
    assert not theirs.weight.requires_grad
    ours = EmbeddingBag.from_pretrained(W)
    out = ours.forward(ids)
    np.testing.assert_allclose(out, theirs(torch.from_numpy(ids)), rtol=1e-6, atol=1e-6)
    ours.backward(out)
    assert not len(ours.grads[0].rows)


def test_segment_sum(rng):
    values, offsets = rng.standard_normal((40, 7)), np.array([0, 3, 3, 40])
    expected = torch.segment_reduce(
        torch.from_numpy(values), "sum", offsets=torch.from_numpy(offsets), axis=0, initial=0
    )
    found = ops.segment_sum(values, offsets, include_last_offset=True)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
