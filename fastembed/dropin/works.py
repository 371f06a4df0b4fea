"""What does the work of a method where it is not simply our method of that name."""

import numpy as np

from fastembed import layers, ops, optimizer, time_layers

OVERFLOW = 1e18  # the square of a longer vector is infinite in float32


class Unfit(Exception):
    """Seen in the middle of a call, before anything was changed: the original must do it."""


# ---- layers


def time_loss(twin, xs, ts):
    """Our loss, but as rounded, infinite or NaN as float32 probabilities next to 0 make it."""
    loss = time_layers.TimeSoftmaxWithLoss.forward(twin, xs, ts)
    labels = twin.cache.ts.reshape(-1)
    p = twin.cache.flat[np.arange(labels.size), labels]  # (probability - 1) / counted labels
    ignored = labels == twin.ignore_label
    if 1 + labels.size * p.min() > 1e-6 and not ignored.any():
        return loss
    rows = xs.reshape(-1, xs.shape[2])
    if not np.isfinite(rows[ignored]).all():
        raise Unfit("scores of an ignored label are not finite")  # NaN times 0 is NaN
    if any(_excess(rows[n], labels[n]) == np.inf for n in np.flatnonzero(ignored)):
        return type(loss)(np.nan)  # NumPy's log(0) times 0
    count = np.count_nonzero(~ignored)
    excess = [_excess(rows[n], labels[n]) for n in np.flatnonzero(~(1 + count * p >= 1e-6))]
    return type(loss)(loss + sum(excess) / count) if excess else loss


def _excess(row, label):
    """How much a float32 probability next to 0 makes the loss of a label larger."""
    with np.errstate(all="ignore"):
        below = row - row.max()
        if below[label] >= -80:
            return 0.0
        y = np.exp(below)
        y /= y.sum()
        return below[label] - np.log(np.exp(below).sum()) - np.log(y[label]) if y[label] else np.inf


def sampled_forward(twin, h, target):
    """Our loss; the rows of W that it looked up are kept, as the original keeps them."""
    loss = layers.NegativeSamplingLoss.forward(twin, h, target)
    _, W, words, dscores = twin.cache
    if words.shape[1] != 1 + twin.sample_size:
        raise Unfit("its sampler draws another number of words")
    twin.rows = W[words]
    if len(words) * dscores[:, 1:].max() > 1 - 1e-4:  # float32 rounds 1 minus that to few digits
        scores = np.stack([np.sum(rows * h, axis=1) for rows in np.moveaxis(twin.rows, 1, 0)])
        with np.errstate(over="ignore"):
            y = 1 / (1 + np.exp(-scores))
        y[1:] = 1 - y[1:]
        loss = -np.log(y + 1e-7).mean(axis=1).sum()
    return loss


def sampled_backward(twin, dout=1):
    _, W, words, _ = twin.cache
    now = W[words]
    if np.array_equal(now, twin.rows):
        return layers.NegativeSamplingLoss.backward(twin, dout)
    W[words] = twin.rows  # W was updated since forward
    try:
        return layers.NegativeSamplingLoss.backward(twin, dout)
    finally:
        W[words] = now


def biasless_forward(twin, xs):
    """A GRU without bias is one whose bias is zero."""
    Wx, Wh = twin.params
    twin.params = [Wx, Wh, np.zeros(Wx.shape[1], Wx.dtype)]
    return time_layers.TimeGRU.forward(twin, xs)


def biasless_backward(twin, dhs):
    Wx, Wh = twin.params
    twin.params = [Wx, Wh, np.zeros(Wx.shape[1], Wx.dtype)]
    twin.grads = [*twin.grads, np.empty(Wx.shape[1], Wx.dtype)]
    return time_layers.TimeGRU.backward(twin, dhs)


# ---- training


def momentum_anew(twin, params, grads):
    """Momentum that leaves its last arrays alone, as ``v = momentum * v - …`` does."""
    twin.v = None if twin.v is None else [v.copy() for v in twin.v]
    optimizer.Momentum.update(twin, params, grads)


def clip_grads(grads, max_norm):
    """Ours, unless NumPy's float32 sum of squares would overflow."""
    norm = ops.global_norm(grads)
    if not norm < OVERFLOW:
        raise Unfit(f"the norm of grads is {norm}")
    rate = max_norm / (norm + 1e-6)
    if rate < 1:
        ops.scale(grads, rate)


def get_batch(trainer, x, t, batch_size, time_size):
    """Words (batch_size, time_size) of arrays or lists: of a list only those that are needed."""
    size = len(x)
    begin = np.arange(batch_size)[:, np.newaxis] * (size // batch_size) + trainer.time_idx
    where = (begin + np.arange(time_size)) % size
    trainer.time_idx += time_size
    return _picked(x, where), _picked(t, where)


def _picked(words, where):
    if isinstance(words, np.ndarray):
        found = words[where]
    else:
        found = np.array([words[k] for k in where.ravel().tolist()]).reshape(where.shape)
    ids = found.astype(np.int32)
    if (ids != found).any():
        raise Unfit("words that int32 does not hold")
    return ids
