"""Attention in plain NumPy."""

import numpy as np

from fastembed.reference.loss import softmax, softmax_backward


def weight_sum(hs, a):
    return np.sum(hs * a[:, :, np.newaxis], axis=1)


def weight_sum_backward(dc, hs, a):
    dhs = dc[:, np.newaxis, :] * a[:, :, np.newaxis]
    da = np.sum(dc[:, np.newaxis, :] * hs, axis=2)
    return dhs, da


def attention_weight(hs, h):
    return softmax(np.sum(hs * h[:, np.newaxis, :], axis=2))


def attention_weight_backward(da, hs, h, a):
    ds = softmax_backward(da, a)[:, :, np.newaxis]
    return ds * h[:, np.newaxis, :], np.sum(ds * hs, axis=1)


def time_attention(hs_enc, hs_dec):
    out = np.empty_like(hs_dec)
    weights = np.empty((*hs_dec.shape[:2], hs_enc.shape[1]), hs_enc.dtype)
    for t in range(hs_dec.shape[1]):
        weights[:, t] = attention_weight(hs_enc, hs_dec[:, t])
        out[:, t] = weight_sum(hs_enc, weights[:, t])
    return out, weights


def time_attention_backward(dout, hs_enc, hs_dec, weights):
    dhs_enc, dhs_dec = np.zeros_like(hs_enc), np.empty_like(hs_dec)
    for t in range(hs_dec.shape[1]):
        a = weights[:, t]
        dhs, da = weight_sum_backward(dout[:, t], hs_enc, a)
        dhs_enc += dhs
        dhs, dhs_dec[:, t] = attention_weight_backward(da, hs_enc, hs_dec[:, t], a)
        dhs_enc += dhs
    return dhs_enc, dhs_dec
