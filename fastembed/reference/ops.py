"""Every op but the recurrent ones in plain NumPy."""

import numpy as np

from fastembed.reference.layers import UnigramSampler

# --- embedding ---


def gather(W, idx, *, out=None):
    rows = W[idx]
    if out is None:
        return rows
    out[...] = rows
    return out


def scatter_add(dW, idx, dout, *, zero=False):
    if zero:
        dW[...] = 0
    np.add.at(dW, idx, dout)
    return dW


def coalesce(idx, dout, num_rows, *, padding_idx=None, mean=False):
    ids = np.asarray(idx).astype(np.int64).reshape(-1)
    ids[ids < 0] += num_rows
    dout = dout.reshape(len(ids), dout.shape[-1])
    if padding_idx is not None:
        kept = ids != padding_idx % num_rows
        ids, dout = ids[kept], dout[kept]
    rows, places, counts = np.unique(ids, return_inverse=True, return_counts=True)
    values = np.zeros((len(rows), dout.shape[1]), dout.dtype)
    np.add.at(values, places, dout)
    if mean:
        values /= counts[:, np.newaxis]
    return rows, values


# --- bags of embeddings ---


def _bags(idx, offsets, include_last_offset, padding_idx, V):
    """The places of each bag in flat ids, without those of padding; and the ids from 0 on."""
    flat = np.asarray(idx, np.int64).reshape(-1)
    flat = np.where(flat < 0, flat + V, flat)
    if offsets is None:
        places = np.arange(flat.size).reshape(np.shape(idx))
    else:
        offsets = np.asarray(offsets, np.int64)
        ends = [*offsets[1:], *([] if include_last_offset else [flat.size])]
        places = [np.arange(lo, hi) for lo, hi in zip(offsets, ends, strict=False)]
    padding = -1 if padding_idx is None else padding_idx % V
    return [bag[flat[bag] != padding] for bag in places], flat


def embedding_bag(
    W, idx, offsets=None, *, mode="sum", per_sample_weights=None, include_last_offset=False,
    padding_idx=None, need_argmax=False, out=None,
):  # fmt: skip
    bags, flat = _bags(idx, offsets, include_last_offset, padding_idx, len(W))
    result = np.zeros((len(bags), W.shape[1]), W.dtype) if out is None else out
    argmax = np.zeros(result.shape, np.int64)
    for b, bag in enumerate(bags):
        rows = W[flat[bag]]
        if per_sample_weights is not None:
            rows = rows * np.reshape(per_sample_weights, (-1, 1))[bag]
        result[b] = getattr(rows, mode)(axis=0) if len(bag) else 0
        if mode == "max" and len(bag):
            argmax[b] = flat[bag][rows.argmax(axis=0)]
    return (result, argmax if mode == "max" else None) if need_argmax else result


def embedding_bag_backward(
    dout, W, idx, offsets=None, *, mode="sum", per_sample_weights=None, include_last_offset=False,
    padding_idx=None, argmax=None, out=None,
):  # fmt: skip
    bags, flat = _bags(idx, offsets, include_last_offset, padding_idx, len(W))
    dW = np.zeros_like(W) if out is None else out
    dW[...] = 0
    weights = np.ones(flat.size, W.dtype) if per_sample_weights is None else per_sample_weights
    weights, dweights = np.reshape(weights, -1), np.zeros(flat.size, W.dtype)
    for b, bag in enumerate(bags):
        if mode == "max" and len(bag):
            np.add.at(dW, (np.asarray(argmax)[b], np.arange(W.shape[1])), dout[b])
        elif mode != "max":
            shares = weights[bag] / (max(len(bag), 1) if mode == "mean" else 1)
            np.add.at(dW, flat[bag], shares[:, np.newaxis] * dout[b])
            dweights[bag] = W[flat[bag]] @ dout[b]
    return dW if per_sample_weights is None else (dW, dweights.reshape(np.shape(idx)))


def segment_sum(values, offsets, *, include_last_offset=False, out=None):
    places = np.arange(len(values))
    return embedding_bag(values, places, offsets, include_last_offset=include_last_offset, out=out)


# --- matrix products ---


def matmul(a, b, *, out=None):
    return np.matmul(a, b, out=out)


def affine(x, W, b):
    return np.matmul(x, W) + b


def affine_backward(dout, x, W, *, out=None):
    dx, dW, db = np.matmul(dout, W.T), np.matmul(x.T, dout), np.sum(dout, axis=0)
    if out is None:
        return dx, dW, db
    out[0][...], out[1][...] = dW, db
    return dx, *out


# --- softmax and the losses ---


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    e /= e.sum(axis=-1, keepdims=True)
    return e


def softmax_backward(dout, y):
    dx = y * dout
    return dx - y * dx.sum(axis=-1, keepdims=True)


def softmax_cross_entropy(scores, labels, *, ignore_label=-1, eps=0.0, label_smoothing=0.0):
    V = scores.shape[-1]
    flat = np.asarray(labels).reshape(-1)
    counts = np.ones(flat.shape, bool) if ignore_label is None else flat != ignore_label
    rows = np.arange(flat.size)
    flat = np.where(counts, flat, 0)
    y = softmax(scores.reshape(-1, V))
    with np.errstate(invalid="ignore", divide="ignore"):
        losses = -np.log(y[rows, flat] + eps)
        if label_smoothing:
            losses *= 1 - label_smoothing
            losses -= label_smoothing * np.log(y).mean(axis=1)
        loss = np.sum(losses * counts) / np.int64(counts.sum())
        dscores = y
        dscores[rows, flat] -= 1 - label_smoothing
        dscores -= label_smoothing / V
        dscores *= counts[:, np.newaxis]
        dscores /= max(1, counts.sum())
    return np.float64(loss), dscores.reshape(scores.shape)


def sigmoid_cross_entropy(scores, labels, *, eps=0.0):
    y = 1 / (1 + np.exp(-scores))
    p = np.where(np.asarray(labels) == 1, y, 1 - y)
    loss = -np.sum(np.log(p + eps)) / np.int64(p.size)
    return np.float64(loss), ((y - labels) / p.size).astype(scores.dtype)


def linear_cross_entropy(x, W, b, labels, *, ignore_label=-1, out=None, label_smoothing=0.0):
    rows = x.reshape(-1, W.shape[0])
    scores = affine(rows, W, b).reshape(*x.shape[:-1], W.shape[1])
    options = {"ignore_label": ignore_label, "label_smoothing": label_smoothing}
    loss, dscores = softmax_cross_entropy(scores, labels, **options)
    dx, dW, db = affine_backward(dscores.reshape(-1, W.shape[1]), rows, W, out=out)
    return loss, dx.reshape(x.shape), dW, db


# --- negative sampling ---


def negative_sampling_loss(h, W, targets, labels, *, eps=1e-7):
    scores = np.sum(W[targets] * h[:, np.newaxis, :], axis=2)
    labels = np.broadcast_to(labels, scores.shape)
    loss, dscores = sigmoid_cross_entropy(scores, labels, eps=eps)
    K = scores.shape[1]
    return loss * K, dscores * K


def negative_sampling_backward(dscores, h, W, targets, dW):
    dW[...] = 0
    np.add.at(dW, targets, dscores[:, :, np.newaxis] * h[:, np.newaxis, :])
    return np.sum(dscores[:, :, np.newaxis] * W[targets], axis=1)


def negative_samples(p, targets, size):
    sampler = UnigramSampler([0], 1, size)
    sampler.vocab_size, sampler.word_p = len(p), p
    return sampler.get_negative_sample(targets)


# --- attention ---


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


# --- optimizer steps ---


def sgd(param, grad, lr):
    param -= lr * grad
    return param


def momentum(param, grad, v, lr, rate):
    v *= rate
    v -= lr * grad
    param += v
    return param


def nesterov(param, grad, v, lr, rate):
    v *= rate
    v -= lr * grad
    param += rate * rate * v
    param -= (1 + rate) * lr * grad
    return param


def adagrad(param, grad, h, lr):
    h += grad * grad
    param -= lr * grad / (np.sqrt(h) + 1e-7)
    return param


def rmsprop(param, grad, h, lr, decay_rate):
    h *= decay_rate
    h += (1 - decay_rate) * grad * grad
    param -= lr * grad / (np.sqrt(h) + 1e-7)
    return param


def adam(param, grad, m, v, lr_t, beta1, beta2):
    m += (1 - beta1) * (grad - m)
    v += (1 - beta2) * (grad**2 - v)
    param -= lr_t * m / (np.sqrt(v) + 1e-7)
    return param


def global_norm(arrays):
    return float(np.sqrt(sum(np.sum(np.square(array, dtype=np.float64)) for array in arrays)))


def scale(arrays, rate):
    for array in arrays:
        array *= rate
