"""Attention by inner products, with the API of *Deep Learning from Scratch 2*."""

from typing import Any

import numpy as np

from fastembed import ops
from fastembed._arrays import cast, common_dtype
from fastembed._check import no_mask
from fastembed._inputs import NOT_YET, Array
from fastembed.layers import Function, Softmax, Steps
from fastembed.np import GPU

__all__ = ["Attention", "AttentionWeight", "GPU", "Softmax", "TimeAttention", "WeightSum", "np"]


class WeightSum(Function):
    """Sum of states hs (N, T, H) by weights a (N, T)."""

    cache: Any = NOT_YET

    def forward(self, hs: Array, a: Array) -> Array:
        """Return c (N, H)."""
        N, T, H = hs.shape
        self.cache = _alike(hs=hs, a=a.reshape(N, T))
        return ops.weight_sum(*self.cache)

    def backward(self, dc: Array) -> tuple[Array, Array]:
        """Return the gradients of hs and a from dc (N, H)."""
        hs, a = self.cache
        return ops.weight_sum_backward(cast(dc, hs.dtype), hs, a)


class AttentionWeight(Function):
    """How well each of the states hs (N, T, H) fits h (N, H): softmax of inner products."""

    cache: Any = NOT_YET

    def __init__(self) -> None:
        super().__init__()
        self.softmax = Softmax()

    def forward(self, hs: Array, h: Array) -> Array:
        """Return a (N, T), which sums to one over T."""
        N, T, H = hs.shape
        self.cache = _alike(hs=hs, h=h.reshape(N, H))
        self.softmax.out = ops.attention_weight(*self.cache)
        return self.softmax.out

    def backward(self, da: Array) -> tuple[Array, Array]:
        """Return the gradients of hs and h from da (N, T)."""
        hs, h = self.cache
        return ops.attention_weight_backward(cast(da, hs.dtype), hs, h, self.softmax.out)


class Attention(Function):
    """What h (N, H) looks up in the states hs (N, T, H).

    Attributes
    ----------
    attention_weight : (N, T) ndarray or None
    """

    attention_weight: Array = NOT_YET

    def __init__(self) -> None:
        super().__init__()
        self.attention_weight_layer = AttentionWeight()
        self.weight_sum_layer = WeightSum()

    def forward(self, hs: Array, h: Array) -> Array:
        """Return the weighted sum (N, H)."""
        a = self.attention_weight_layer.forward(hs, h)
        out = self.weight_sum_layer.forward(hs, a)
        self.attention_weight = a
        return out

    def backward(self, dout: Array) -> tuple[Array, Array]:
        """Return the gradients of hs and h from dout (N, H)."""
        dhs, da = self.weight_sum_layer.backward(dout)
        dhs_weight, dh = self.attention_weight_layer.backward(da)
        dhs += dhs_weight
        return dhs, dh


class TimeAttention(Function):
    """Attention of every decoder state to all encoder states.

    Attributes
    ----------
    attention_weights : list of T_dec arrays (N, T_enc), or None
    """

    layers: Any = NOT_YET
    attention_weights: Any = NOT_YET

    def forward(self, hs_enc: Array, hs_dec: Array) -> Array:
        """Return (N, T_dec, H) from hs_enc (N, T_enc, H) and hs_dec (N, T_dec, H)."""
        dtype = hs_dec.dtype
        hs_enc, hs_dec = _alike(hs_enc=hs_enc, hs_dec=hs_dec)
        out, weights = ops.time_attention(hs_enc, hs_dec)
        T = weights.shape[1]
        self.layers = Steps(_steps, T, hs_enc, hs_dec, weights)
        self.attention_weights = [weights[:, t] for t in range(T)]
        return cast(out, dtype)

    def backward(self, dout: Array) -> tuple[Array, Array]:
        """Return the gradients of hs_enc and hs_dec from dout (N, T_dec, H)."""
        steps = self.layers
        if type(steps) is Steps and dout.shape == steps.kept[1].shape:
            dtype = steps.kept[0].dtype
            dhs_enc, dhs_dec = ops.time_attention_backward(cast(dout, dtype), *steps.kept)
            return dhs_enc, cast(dhs_dec, dout.dtype)
        total: Any = 0
        dhs_dec = np.empty_like(dout)
        for t in range(dout.shape[1]):  # layers that an overridden forward has made
            dhs, dhs_dec[:, t] = steps[t].backward(dout[:, t])
            total += dhs
        return total, dhs_dec


def _steps(hs_enc: Array, hs_dec: Array, weights: Array) -> list[Attention]:
    layers = [Attention() for _ in range(hs_dec.shape[1])]
    for t, layer in enumerate(layers):
        layer.forward(hs_enc, hs_dec[:, t])
    return layers


def _alike(**arrays: Array) -> tuple[Array, ...]:
    """Arrays in one dtype, as NumPy would promote them."""
    no_mask(**arrays)
    dtype = common_dtype(*arrays.values())
    return tuple(cast(array, dtype) for array in arrays.values())
