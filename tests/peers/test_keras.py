"""Embedding and recurrent layers give Keras's numbers (on PyTorch, whose gradients they are)."""

import os

import numpy as np
import pytest
import torch

os.environ["KERAS_BACKEND"] = "torch"
import keras  # noqa: E402

from fastembed import ops, time_layers  # noqa: E402

N, T, D, H = 4, 7, 5, 6
LENGTHS = [7, 3, 1, 5]
# Keras's variables and NumPy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")
close = {"rtol": 0, "atol": 1e-6}
KINDS = [("LSTM", {}), ("GRU", {}), ("GRU", {"reset_after": False}), ("SimpleRNN", {})]
every_kind = pytest.mark.parametrize(("kind", "options"), KINDS, ids=str)


def gates(kind, array):
    """Keras's gates, along the last axis, in our order: its z is 1 - z of ours."""
    if kind == "LSTM":
        i, f, g, o = np.split(array, 4, axis=-1)
        return np.concatenate([f, g, i, o], axis=-1)
    if kind == "GRU":
        z, r, n = np.split(array, 3, axis=-1)
        return np.concatenate([-z, r, n], axis=-1)
    return array


def params_of(kind, weights):
    """Keras's weights, or their gradients, as ours."""
    Wx, Wh, b = (gates(kind, np.array(weight)) for weight in weights)
    if b.ndim == 2:  # one for the inputs, one for the state: a reset after the product needs both
        b = np.concatenate([b[:, : 2 * H].sum(axis=0), b[0, 2 * H :], b[1, 2 * H :]])
    return [Wx, Wh, b]


def pair(rng, kind, options, **more):
    theirs = getattr(keras.layers, kind)(
        H, return_sequences=True, return_state=True, **options, **more
    )
    theirs.build((N, T, D))
    theirs.set_weights([rng.normal(0, 0.5, w.shape).astype("f") for w in theirs.weights])
    ours = getattr(time_layers, f"Time{kind.removeprefix('Simple')}")
    reset = {"reset_after": True} if kind == "GRU" and not options else {}
    return ours(*params_of(kind, theirs.get_weights()), stateful=True, **reset), theirs


def draw(rng, *shape):
    return rng.standard_normal(shape).astype("f")


@every_kind
def test_values_states_and_gradients(rng, kind, options):
    ours, theirs = pair(rng, kind, options)
    xs, dhs = draw(rng, N, T, D), draw(rng, N, T, H)
    given = torch.tensor(xs, requires_grad=True)
    hs, *last = theirs(given)
    hs.backward(torch.tensor(dhs))
    np.testing.assert_allclose(ours.forward(xs), hs.detach().numpy(), **close)
    for state, wanted in zip((ours.h, getattr(ours, "c", None)), last, strict=False):
        np.testing.assert_allclose(state, wanted.detach().numpy(), **close)
    np.testing.assert_allclose(ours.backward(dhs), given.grad.numpy(), **close)
    wanted = params_of(kind, [weight.value.grad.numpy() for weight in theirs.trainable_weights])
    if ours.grads[2].size == 4 * H and kind == "GRU":  # both biases have the gradient of the sum
        wanted[2][: 2 * H] /= 2
    for grad, expected in zip(ours.grads, wanted, strict=True):
        scale = max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(grad, expected, rtol=0, atol=2e-6 * scale)


@every_kind
def test_states_are_given_and_kept(rng, kind, options):
    ours, theirs = pair(rng, kind, options)
    start = [draw(rng, N, H) for _ in range(1 + (kind == "LSTM"))]
    xs = draw(rng, N, T, D)
    ours.set_state(*start)
    hs = theirs(xs, initial_state=start)[0].detach().numpy()
    np.testing.assert_allclose(ours.forward(xs), hs, **close)
    ours, theirs = pair(rng, kind, options, stateful=True)
    for _ in range(2):
        np.testing.assert_allclose(ours.forward(xs), theirs(xs)[0].detach().numpy(), **close)
    ours.reset_state()
    theirs.reset_state()
    np.testing.assert_allclose(ours.forward(xs), theirs(xs)[0].detach().numpy(), **close)


@every_kind
def test_padding_at_the_end_changes_no_state(rng, kind, options):
    """Beyond the end ours is zero, where Keras repeats the last output."""
    ours, theirs = pair(rng, kind, options)
    xs, ends = draw(rng, N, T, D), np.array(LENGTHS)
    inside = np.arange(T) < ends[:, np.newaxis]
    hs, h, *_ = (part.detach().numpy() for part in theirs(xs, mask=inside))
    found = ours.forward(xs, lengths=ends)
    np.testing.assert_allclose(found[inside], hs[inside], **close)
    np.testing.assert_allclose(ours.h, h, **close)
    assert not found[~inside].any()
    np.testing.assert_array_equal(hs[1, -1], hs[1, LENGTHS[1] - 1])


@every_kind
def test_backwards_is_in_the_order_of_xs(rng, kind, options):
    """Different: Keras returns the last step first."""
    ours, theirs = pair(rng, kind, options, go_backwards=True)
    name = type(ours).__name__.removeprefix("Time").lower()
    name += "_reset_after" if kind == "GRU" and not options else ""
    xs = draw(rng, N, T, D)
    hs, *last = (part.detach().numpy() for part in theirs(xs))
    found, *states, _ = getattr(ops, name)(xs, *ours.params, reverse=True)
    np.testing.assert_allclose(found[:, ::-1], hs, **close)
    for state, wanted in zip(states, last, strict=True):
        np.testing.assert_allclose(state, wanted, **close)


def test_embedding(rng):
    W, ids, dout = draw(rng, 11, D), rng.integers(0, 11, (N, T)), draw(rng, N, T, D)
    ours, theirs = time_layers.TimeEmbedding(W.copy()), keras.layers.Embedding(11, D)
    theirs.build()
    theirs.set_weights([W])
    out = theirs(ids)
    np.testing.assert_array_equal(ours.forward(ids), out.detach().numpy())
    out.backward(torch.tensor(dout))
    ours.backward(dout)
    np.testing.assert_allclose(ours.grads[0], theirs.weights[0].value.grad.numpy(), **close)
    # a mask travels with the output, and changes no gradient: padding_idx does
    mask = keras.layers.Embedding(11, D, mask_zero=True).compute_mask(ids)
    np.testing.assert_array_equal(np.asarray(mask), ids != 0)
