"""Embedding's options, row-sparse gradients and their optimizers against PyTorch's."""

import numpy as np
import pytest
import torch

from fastembed import layers, optimizer, time_layers
from fastembed.sparse import RowSparse

torch.sparse.check_sparse_tensor_invariants.enable()  # torch warns of what it does not check
V, D = 13, 6
OPTIONS = [
    {},
    dict(padding_idx=3),
    dict(padding_idx=-2),
    dict(max_norm=1.5),
    dict(max_norm=2.0, norm_type=1.0),
    dict(max_norm=0.7, norm_type=float("inf")),
    dict(max_norm=1.2, norm_type=3.5),
    dict(scale_grad_by_freq=True),
    dict(padding_idx=0, max_norm=1.0, scale_grad_by_freq=True),
]
every_option = pytest.mark.parametrize("options", OPTIONS, ids=repr)
close = {"rtol": 1e-6, "atol": 1e-6}


def pair(rng, name="Embedding", **options):
    """Our layer and torch's, of the same numbers."""
    W = rng.standard_normal((V, D)).astype("f")
    torch_layer = torch.nn.Embedding.from_pretrained(
        torch.tensor(W), freeze=options.pop("freeze", False), **options
    )
    return getattr(time_layers, name)(W, **options), torch_layer


def step(mine, theirs, ids, dout):
    out, expected = mine.forward(ids), theirs(torch.tensor(ids))
    np.testing.assert_allclose(out, expected.detach().numpy(), **close)
    mine.backward(dout)
    theirs.zero_grad()
    expected.backward(torch.tensor(dout))


@every_option
@pytest.mark.parametrize("name", ["Embedding", "TimeEmbedding"])
def test_options(rng, name, options):
    mine, theirs = pair(rng, name, **options)
    for _ in range(3):
        ids, dout = rng.integers(0, V, (4, 7)), rng.standard_normal((4, 7, D)).astype("f")
        step(mine, theirs, ids, dout)
        np.testing.assert_allclose(mine.grads[0], theirs.weight.grad.numpy(), **close)
        np.testing.assert_allclose(mine.params[0], theirs.weight.detach().numpy(), **close)


@pytest.mark.parametrize("options", OPTIONS[:7], ids=repr)
def test_sparse_gradients(rng, options):
    """Torch refuses scale_grad_by_freq here; ours are coalesced already."""
    mine, theirs = pair(rng, sparse=True, **options)
    for _ in range(3):
        ids, dout = rng.integers(0, V, (4, 7)), rng.standard_normal((4, 7, D)).astype("f")
        step(mine, theirs, ids, dout)
        grad, expected = mine.grads[0], theirs.weight.grad.coalesce()
        assert isinstance(grad, RowSparse) and grad.shape == tuple(expected.shape)
        np.testing.assert_array_equal(grad.rows, expected.indices()[0].numpy())
        np.testing.assert_allclose(grad.values, expected.values().numpy(), **close)
        np.testing.assert_allclose(mine.params[0], theirs.weight.detach().numpy(), **close)


def test_scale_grad_by_freq_of_sparse_gradients_is_that_of_dense_ones(rng):
    mine, theirs = pair(rng, scale_grad_by_freq=True)
    ours = layers.Embedding(mine.params[0], scale_grad_by_freq=True, sparse=True)
    ids, dout = rng.integers(0, V, 40), rng.standard_normal((40, D)).astype("f")
    step(ours, theirs, ids, dout)
    np.testing.assert_allclose(ours.grads[0].to_dense(), theirs.weight.grad.numpy(), **close)


def test_from_pretrained_freezes_alike(rng):
    W = rng.standard_normal((V, D)).astype("f")
    frozen = torch.nn.Embedding.from_pretrained(torch.tensor(W))
    assert not frozen.weight.requires_grad
    layer = layers.Embedding.from_pretrained(W)
    layer.backward(layer.forward(np.arange(V)))
    optimizer.Adam(1.0).update(layer.params, layer.grads)
    np.testing.assert_array_equal(W, frozen.weight.numpy())
    assert torch.nn.Embedding.from_pretrained(torch.tensor(W), freeze=False).weight.requires_grad
    assert isinstance(layers.Embedding.from_pretrained(W, freeze=False).grads[0], np.ndarray)


@pytest.mark.parametrize("padding_idx", [V, -V - 1])
def test_a_padding_idx_out_of_range_is_refused_alike(padding_idx):
    with pytest.raises(AssertionError):
        torch.nn.Embedding(V, D, padding_idx=padding_idx)
    with pytest.raises(ValueError, match="padding_idx"):
        layers.Embedding(np.ones((V, D), "f"), padding_idx=padding_idx)


# ours -> torch's, with ours' constants
OPTIMIZERS = {
    **dict.fromkeys(["SGD", "SparseSGD"], lambda params: torch.optim.SGD(params, 0.1)),
    **dict.fromkeys(
        ["AdaGrad", "SparseAdaGrad"], lambda params: torch.optim.Adagrad(params, 0.1, eps=1e-7)
    ),
    "LazyAdam": lambda params: torch.optim.SparseAdam(params, 0.1, eps=1e-7),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_of_sparse_gradients(rng, name):
    mine, theirs = pair(rng, sparse=True)
    update, other = getattr(optimizer, name)(0.1), OPTIMIZERS[name]([theirs.weight])
    for _ in range(6):
        ids, dout = rng.integers(0, V, 5), rng.standard_normal((5, D)).astype("f")
        step(mine, theirs, ids, dout)
        update.update(mine.params, mine.grads)
        other.step()
        np.testing.assert_allclose(mine.params[0], theirs.weight.detach().numpy(), **close)


DENSE = {
    "SGD": lambda params: torch.optim.SGD(params, 0.1),
    "Momentum": lambda params: torch.optim.SGD(params, 0.1, momentum=0.9),
    "AdaGrad": lambda params: torch.optim.Adagrad(params, 0.1, eps=1e-7),
    "RMSprop": lambda params: torch.optim.RMSprop(params, 0.1, eps=1e-7),
    "Adam": lambda params: torch.optim.Adam(params, 0.1, eps=1e-7),
    "AdamW": lambda params: torch.optim.AdamW(params, 0.1, eps=1e-7, weight_decay=0.01),
}


@pytest.mark.parametrize("name", DENSE)
def test_optimizers_of_dense_gradients(rng, name):
    mine, theirs = pair(rng)
    update, other = getattr(optimizer, name)(0.1), DENSE[name]([theirs.weight])
    for _ in range(6):
        # none is near 0, where Adam differs
        ids, dout = np.arange(V), rng.choice([-1, 1], (V, D)) * rng.uniform(0.5, 2, (V, D))
        dout = dout.astype("f")
        step(mine, theirs, ids, dout)
        update.update(mine.params, mine.grads)
        other.step()
        np.testing.assert_allclose(mine.params[0], theirs.weight.detach().numpy(), **close)


def test_adam_of_gradients_near_0_differs(rng):
    """Ours adds eps before it corrects the bias, as the book and SparseAdam; PyTorch after it."""
    mine, theirs = pair(rng)
    start, g = mine.params[0].copy(), 1e-7
    step(mine, theirs, np.arange(V), np.full((V, D), g, "f"))
    optimizer.Adam(0.1).update(mine.params, mine.grads)
    torch.optim.Adam([theirs.weight], 0.1, eps=1e-7).step()
    root = 0.001**0.5  # of 1 - beta2
    np.testing.assert_allclose(mine.params[0], start - 0.1 * g / (g + 1e-7 / root), **close)
    np.testing.assert_allclose(
        theirs.weight.detach().numpy(), start - 0.1 * g / (g + 1e-7), **close
    )


def test_momentum_differs(rng):
    """Torch's SGD adds up a sparse velocity, in which rows without a gradient coast on."""
    mine, theirs = pair(rng, sparse=True)
    update = optimizer.SparseMomentum(0.1, 0.9)
    other = torch.optim.SGD([theirs.weight], 0.1, momentum=0.9)
    start = mine.params[0].copy()
    for ids in ([0, 1], [2, 3]):
        step(mine, theirs, np.array(ids), np.ones((2, D), "f"))
        update.update(mine.params, mine.grads)
        other.step()
    np.testing.assert_allclose(mine.params[0][0], start[0] - 0.1, **close)
    np.testing.assert_allclose(theirs.weight.detach().numpy()[0], start[0] - 0.19, **close)


def test_nesterov_differs(rng):
    """The book's formula takes the new velocity, where PyTorch's takes the old one."""
    mine, theirs = pair(rng)
    start = mine.params[0].copy()
    step(mine, theirs, np.arange(V), np.ones((V, D), "f"))
    optimizer.Nesterov(0.1, 0.9).update(mine.params, mine.grads)
    torch.optim.SGD([theirs.weight], 0.1, momentum=0.9, nesterov=True).step()
    np.testing.assert_allclose(mine.params[0], start - 0.1 * (1 + 0.9 + 0.9**2), **close)
    np.testing.assert_allclose(theirs.weight.detach().numpy(), start - 0.1 * (1 + 0.9), **close)


def test_dense_adam_refuses_alike(rng):
    mine, theirs = pair(rng, sparse=True)
    step(mine, theirs, np.array([1]), np.ones((1, D), "f"))
    with pytest.raises(RuntimeError, match="SparseAdam"):
        torch.optim.Adam([theirs.weight]).step()
    with pytest.raises(TypeError, match="LazyAdam"):
        optimizer.Adam().update(mine.params, mine.grads)
