"""What the variants share: inputs from fixed seeds, and one step of training."""

import numpy as np

__all__ = ["gradient", "ids", "normal", "np", "step"]


def normal(*shape, seed=1):
    return np.random.RandomState(seed + 100).standard_normal(shape).astype("f")


def ids(end, *shape, seed=1):
    return np.random.RandomState(seed + 200).randint(0, end, shape)


def gradient(out):
    """Some gradient of an output; nothing for a loss."""
    if not isinstance(out, np.ndarray):
        return ()
    return (np.cos(np.arange(out.size, dtype="f")).reshape(out.shape),)


def step(layer, *inputs):
    """What a forward and a backward give, with the gradients."""
    out = layer.forward(*inputs)
    kept = np.array(out)
    din = layer.backward(*gradient(out))
    return [kept, din, [grad.copy() for grad in layer.grads]]


def turn_off_and_on():
    """What a program does that uninstalls fastembed and installs it again; the runner sets it."""
