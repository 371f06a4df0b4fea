"""Smoothed labels: the losses and gradients of ``torch.nn.CrossEntropyLoss(label_smoothing=…)``."""

import numpy as np
import pytest
import torch

from fastembed import time_layers

N, T, D, V = 4, 7, 6, 50


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_smoothed_labels(rng, dtype, label_smoothing):
    torch.manual_seed(1)
    xs, W, b = (torch.randn(*size, dtype=dtype) for size in [(N, T, D), (D, V), (V,)])
    ts = torch.from_numpy(rng.integers(-1, V, (N, T)))
    for array in (xs, W, b):
        array.requires_grad_()
    scores = xs @ W + b
    scores.retain_grad()
    loss = torch.nn.CrossEntropyLoss(ignore_index=-1, label_smoothing=label_smoothing)
    expected = loss(scores.flatten(0, 1), ts.flatten())
    expected.backward()

    close = dict(rtol=1e-5 if dtype is torch.float32 else 1e-12, atol=1e-7)
    layer = time_layers.TimeSoftmaxWithLoss(label_smoothing)
    found = layer.forward(scores.detach().numpy(), ts.numpy())
    np.testing.assert_allclose(found, expected.item(), **close)
    np.testing.assert_allclose(layer.backward(), scores.grad.numpy(), **close)

    layer = time_layers.TimeAffineSoftmaxWithLoss(
        W.detach().numpy(), b.detach().numpy(), label_smoothing
    )
    found = layer.forward(xs.detach().numpy(), ts.numpy())
    np.testing.assert_allclose(found, expected.item(), **close)
    np.testing.assert_allclose(layer.backward(), xs.grad.numpy(), **close)
    for ours, theirs in zip(layer.grads, (W.grad, b.grad), strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), **close)
