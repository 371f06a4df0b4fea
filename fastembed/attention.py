"""Attention by inner products, with the API of *Deep Learning from Scratch 2*."""

from collections.abc import Sequence

import numpy as np

from fastembed import ops
from fastembed._arrays import cast, common_dtype
from fastembed.layers import Softmax
from fastembed.np import GPU

__all__ = ["Attention", "AttentionWeight", "GPU", "Softmax", "TimeAttention", "WeightSum", "np"]


class WeightSum:
    """Sum of states hs (N, T, H) by weights a (N, T)."""

    def __init__(self):
        self.params, self.grads = [], []
        self.cache = None

    def forward(self, hs, a):
        """Return c (N, H)."""
        N, T, H = hs.shape
        self.cache = _alike(hs, a.reshape(N, T))
        return ops.weight_sum(*self.cache)

    def backward(self, dc):
        """Return the gradients of hs and a from dc (N, H)."""
        hs, a = self.cache
        return ops.weight_sum_backward(cast(dc, hs.dtype), hs, a)


class AttentionWeight:
    """How well each of the states hs (N, T, H) fits h (N, H): softmax of inner products."""

    def __init__(self):
        self.params, self.grads = [], []
        self.softmax = Softmax()
        self.cache = None

    def forward(self, hs, h):
        """Return a (N, T), which sums to one over T."""
        N, T, H = hs.shape
        hs, h = _alike(hs, h.reshape(N, H))
        a = ops.attention_weight(hs, h)
        self.softmax.out = a
        self.cache = (hs, h)
        return a

    def backward(self, da):
        """Return the gradients of hs and h from da (N, T)."""
        hs, h = self.cache
        return ops.attention_weight_backward(cast(da, hs.dtype), hs, h, self.softmax.out)


class Attention:
    """What h (N, H) looks up in the states hs (N, T, H).

    Attributes
    ----------
    attention_weight : (N, T) ndarray or None
    """

    def __init__(self):
        self.params, self.grads = [], []
        self.attention_weight_layer = AttentionWeight()
        self.weight_sum_layer = WeightSum()
        self.attention_weight = None

    def forward(self, hs, h):
        """Return the weighted sum (N, H)."""
        a = self.attention_weight_layer.forward(hs, h)
        out = self.weight_sum_layer.forward(hs, a)
        self.attention_weight = a
        return out

    def backward(self, dout):
        """Return the gradients of hs and h from dout (N, H)."""
        dhs, da = self.weight_sum_layer.backward(dout)
        dhs_weight, dh = self.attention_weight_layer.backward(da)
        dhs += dhs_weight
        return dhs, dh


class TimeAttention:
    """Attention of every decoder state to all encoder states.

    Attributes
    ----------
    attention_weights : list of T_dec arrays (N, T_enc), or None
    """

    def __init__(self):
        self.params, self.grads = [], []
        self.layers = None
        self.attention_weights = None

    def forward(self, hs_enc, hs_dec):
        """Return (N, T_dec, H) from hs_enc (N, T_enc, H) and hs_dec (N, T_dec, H)."""
        dtype = hs_dec.dtype
        hs_enc, hs_dec = _alike(hs_enc, hs_dec)
        out, weights = ops.time_attention(hs_enc, hs_dec)
        self.layers = _AttentionSteps(hs_enc, hs_dec, weights)
        self.attention_weights = [weights[:, t] for t in range(weights.shape[1])]
        return cast(out, dtype)

    def backward(self, dout):
        """Return the gradients of hs_enc and hs_dec from dout (N, T_dec, H)."""
        steps = self.layers
        if isinstance(steps, _AttentionSteps) and dout.shape == steps.hs_dec.shape:
            hs_enc, hs_dec, weights = steps.hs_enc, steps.hs_dec, steps.weights
            grads = ops.time_attention_backward(cast(dout, hs_enc.dtype), hs_enc, hs_dec, weights)
            return grads[0], cast(grads[1], dout.dtype)
        dhs_enc, dhs_dec = 0, np.empty_like(dout)
        for t in range(dout.shape[1]):
            dhs, dhs_dec[:, t] = steps[t].backward(dout[:, t])
            dhs_enc += dhs
        return dhs_enc, dhs_dec


class _AttentionSteps(Sequence):
    """One Attention layer for each step, made only if somebody looks at them."""

    made = None

    def __init__(self, hs_enc, hs_dec, weights):
        self.hs_enc, self.hs_dec, self.weights = hs_enc, hs_dec, weights

    def __len__(self):
        return self.hs_dec.shape[1]

    def __getitem__(self, t):
        if self.made is None:
            self.made = [Attention() for _ in range(len(self))]
            for step, layer in enumerate(self.made):
                layer.forward(self.hs_enc, self.hs_dec[:, step])
        return self.made[t]


def _alike(hs, other):
    """Both in one dtype, as NumPy would promote them."""
    dtype = common_dtype(hs, other)
    return cast(hs, dtype), cast(other, dtype)
