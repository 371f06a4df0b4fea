"""Layers without a time axis, with the API of *Deep Learning from Scratch 2*.

A layer has ``params`` and ``grads``, two lists of arrays that stay the same objects for its life:
update parameters in place; ``backward`` fills the gradients in place and returns the gradient of
the layer's input.
"""

import numpy as np

from fastembed import ops
from fastembed._arrays import FLOATS, affine, affine_backward, cast, common_dtype
from fastembed.functions import cross_entropy_error, sigmoid, softmax
from fastembed.np import GPU
from fastembed.ops.elementwise import (
    cross_entropy_backward_if_fit,
    masked_if_fit,
    row_products_if_fit,
    scaled_rows_if_fit,
    sigmoid_backward_if_fit,
)
from fastembed.ops.embedding import gather_if_fit, scatter_add_if_fit
from fastembed.ops.loss import softmax_backward_if_fit

__all__ = [
    "GPU",
    "Affine",
    "Dropout",
    "Embedding",
    "EmbeddingDot",
    "MatMul",
    "NegativeSamplingLoss",
    "Sigmoid",
    "SigmoidWithLoss",
    "Softmax",
    "SoftmaxWithLoss",
    "UnigramSampler",
    "cross_entropy_error",
    "np",
    "sigmoid",
    "softmax",
]


class MatMul:
    """Matrix product: ``x @ W``.

    Parameters
    ----------
    W : (D, H) ndarray
        Kept, not copied: in-place updates are seen by the next forward.
    """

    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        """Multiply x (N, D) by W; returns (N, H)."""
        out = affine(x, *self.params)
        self.x = x
        return out

    def backward(self, dout):
        """Fill the gradient of W from dout (N, H); returns that of x."""
        return affine_backward(dout, self.x, self.params[0], self.grads)


class Affine:
    """Matrix product and bias: ``x @ W + b``.

    Parameters
    ----------
    W : (D, H) ndarray
    b : (H,) ndarray
        Kept, not copied.
    """

    def __init__(self, W, b):
        self.params = [W, b]
        self.grads = [np.zeros_like(W), np.zeros_like(b)]
        self.x = None

    def forward(self, x):
        """Multiply x (N, D) by W and add b; returns (N, H)."""
        out = affine(x, *self.params)
        self.x = x
        return out

    def backward(self, dout):
        """Fill the gradients of W and b from dout (N, H); returns that of x."""
        return affine_backward(dout, self.x, self.params[0], self.grads)


class Softmax:
    """Softmax over the last axis of x (N, V)."""

    def __init__(self):
        self.params, self.grads = [], []
        self.out = None

    def forward(self, x):
        """Return the probabilities, which ``out`` keeps too."""
        self.out = softmax(x)
        return self.out

    def backward(self, dout):
        """Return the gradient of x."""
        dx = softmax_backward_if_fit(dout, self.out)
        if dx is None:
            dx = self.out * dout
            dx -= self.out * np.sum(dx, axis=1, keepdims=True)
        return dx


class SoftmaxWithLoss:
    """Softmax and mean cross-entropy of scores x (N, V) and labels t, classes or one-hot rows."""

    def __init__(self):
        self.params, self.grads = [], []
        self.y = None
        self.t = None

    def forward(self, x, t):
        """Return the loss, ``mean(-log(p + 1e-7))``."""
        self.y = softmax(x)
        self.t = t.argmax(axis=1) if t.size == self.y.size else t
        return cross_entropy_error(self.y, self.t)

    def backward(self, dout=1):
        """Return the gradient of x."""
        dx = cross_entropy_backward_if_fit(self.y, self.t, dout)
        if dx is None:
            N = self.t.shape[0]
            dx = self.y.copy()
            dx[np.arange(N), self.t] -= 1
            dx *= dout
            dx /= N
        return dx


class Sigmoid:
    """1 / (1 + exp(-x)), elementwise."""

    def __init__(self):
        self.params, self.grads = [], []
        self.out = None

    def forward(self, x):
        """Return the sigmoid of x, which ``out`` keeps too."""
        self.out = sigmoid(x)
        return self.out

    def backward(self, dout):
        """Return the gradient of x."""
        dx = sigmoid_backward_if_fit(dout, self.out)
        return dout * (1.0 - self.out) * self.out if dx is None else dx


class SigmoidWithLoss:
    """Sigmoid and mean binary cross-entropy of scores x (N,) and labels t (N,), 0 or 1."""

    def __init__(self):
        self.params, self.grads = [], []
        self.loss = None
        self.y = None
        self.t = None

    def forward(self, x, t):
        """Return the loss, ``mean(-log(p + 1e-7))``."""
        self.t = t
        self.y = sigmoid(x)
        self.loss = binary_cross_entropy(self.y, t)
        return self.loss

    def backward(self, dout=1):
        """Return the gradient of x."""
        return (self.y - self.t) * dout / self.t.shape[0]


class Dropout:
    """Set a share of x to zero in training; scale x by the other share otherwise.

    Parameters
    ----------
    dropout_ratio : float
        Masks come from ``np.random.rand``.
    """

    def __init__(self, dropout_ratio=0.5):
        self.params, self.grads = [], []
        self.dropout_ratio = dropout_ratio
        self.mask = None

    def forward(self, x, train_flg=True):
        """Return x with dropped entries."""
        if not train_flg:
            return x * (1.0 - self.dropout_ratio)
        self.mask = np.random.random_sample(x.shape) > self.dropout_ratio
        return masked(x, self.mask)

    def backward(self, dout):
        """Return the gradient of x."""
        return masked(dout, self.mask)


class Embedding:
    """Rows of W by id.

    Parameters
    ----------
    W : (V, D) ndarray
        Kept, not copied.
    """

    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]
        self.idx = None

    def forward(self, idx):
        """Look up ids of any shape: an array, a list or one id. Returns ``idx.shape + (D,)``.

        Raises
        ------
        IndexError
            If an id is outside [-V, V) or not an integer.
        """
        (W,) = self.params
        out = look_up(W, idx)
        self.idx = idx
        return out

    def backward(self, dout):
        """Fill the gradient of W: dout's rows, summed for each id. Returns None."""
        add_up(self.grads[0], self.idx, dout)


class EmbeddingDot:
    """Inner product of h (N, D) with the rows of W for ids (N,).

    Parameters
    ----------
    W : (V, D) ndarray
    """

    def __init__(self, W):
        self.embed = Embedding(W)
        self.params = self.embed.params
        self.grads = self.embed.grads
        self.cache = None

    def forward(self, h, idx):
        """Return ``out[n] = W[idx[n]] . h[n]``, shape (N,)."""
        rows = self.embed.forward(idx)
        self.cache = (h, rows)
        out = row_products_if_fit(rows, h)
        return np.sum(rows * h, axis=1) if out is None else out

    def backward(self, dout):
        """Fill the gradient of W from dout (N,); returns that of h."""
        h, rows = self.cache
        self.embed.backward(scaled_rows(dout, h))
        return scaled_rows(dout, rows)


class UnigramSampler:
    """Draws negative samples by word frequency.

    Parameters
    ----------
    corpus : sequence of int
        Word ids, from 0.
    power : float
        Frequencies are raised to it.
    sample_size : int
        Samples for each target.

    Attributes
    ----------
    word_p : (V,) ndarray of float64
        Probability of each word.
    """

    def __init__(self, corpus, power, sample_size):
        self.sample_size = sample_size
        words, counts = np.unique(np.asarray(corpus), return_counts=True)
        self.vocab_size = len(words)
        self.word_p = np.zeros(self.vocab_size)
        known = (words >= 0) & (words < self.vocab_size)
        self.word_p[words[known]] = counts[known]
        self.word_p = np.power(self.word_p, power)
        self.word_p /= np.sum(self.word_p)

    def get_negative_sample(self, target):
        """Draw words for each target (N,): never itself, none twice. Returns (N, S) int32.

        The draws are those of ``np.random.choice(V, S, replace=False, p=...)`` for each target in
        turn, from the same random numbers, all at once.
        """
        return ops.negative_samples(self.word_p, target, self.sample_size)


class NegativeSamplingLoss:
    """Binary cross-entropy of h (N, D) against its target word and some drawn words.

    Parameters
    ----------
    W : (V, D) ndarray
        One row per word.
    corpus, power, sample_size
        As in `UnigramSampler`.
    """

    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.sample_size = sample_size
        self.sampler = UnigramSampler(corpus, power, sample_size)
        self.embed_dot_layers = [EmbeddingDot(W) for _ in range(sample_size + 1)]
        self.params, self.grads = [], []
        for layer in self.embed_dot_layers:
            self.params += layer.params
            self.grads += layer.grads
        self.cache = None

    def forward(self, h, target):
        """Return the loss, summed over the target and the drawn words, mean over the batch."""
        W = self.params[0]
        negatives = self.sampler.get_negative_sample(target)
        words = [target.reshape(-1, 1), negatives]  # without a dtype, uint64 and int32 are floats
        words = np.concatenate(words, axis=1, dtype=np.intp, casting="same_kind")  # (N, 1 + S)
        true = np.arange(1 + self.sample_size) == 0
        dtype = common_dtype(h, W)
        h, rows = cast(h, dtype), cast(look_up(W, words), dtype)  # (N, D), (N, 1 + S, D)
        loss, dscores = ops.negative_sampling_loss(h, cast(W, dtype), words, true, eps=1e-7)
        self.cache = (h, words, rows, dscores)
        return loss

    def backward(self, dout=1):
        """Fill the gradients of W, one for each place of a sample; returns that of h."""
        h, words, rows, dscores = self.cache
        if not is_one(dout):
            dscores = dscores * dscores.dtype.type(dout)
        for k, grad in enumerate(self.grads):
            add_up(grad, words[:, k], scaled_rows(dscores[:, k], h))
        return ops.weight_sum(rows, dscores).astype(np.float64)  # as NumPy's with integer labels


def is_one(dout):
    """Whether dout is the number 1, so that there is nothing to multiply."""
    return isinstance(dout, int | float | np.number) and dout == 1


def binary_cross_entropy(y, t):
    """Mean of ``-log(p + 1e-7)``: p is y where the label t is 1, and 1 - y where it is 0."""
    return cross_entropy_error(np.stack((1 - y, y), axis=-1).reshape(-1, 2), t.reshape(-1))


def labels(name, array):
    """Labels as NumPy's indexing takes them: integers."""
    if array.dtype.kind not in "iu":
        raise IndexError(f"{name} must be an integer array, got {array.dtype}")
    return array


def masked(x, mask):
    """x times booleans of its shape."""
    out = masked_if_fit(x, mask)
    return x * mask if out is None else out


def scaled_rows(scale, rows):
    """Rows (N, D), each times its number of scale (N,)."""
    out = scaled_rows_if_fit(scale, rows)
    return scale.reshape(-1, 1) * rows if out is None else out


# ---- rows of W by id, and what comes back to them: for every layer that has them


def look_up(W, idx):
    """Return W's rows for ids of any shape, as NumPy takes them."""
    out = gather_if_fit(W, idx)
    if out is None:
        ids = _ids(W, idx)
        out = W[idx] if ids is None else ops.gather(W, ids)
    return out


def add_up(dW, idx, dout):
    """Overwrite dW with the gradient of W: dout's rows, summed for each id."""
    if scatter_add_if_fit(dW, idx, dout, True):
        return
    ids = _ids(dW, idx)
    if ids is None:
        dW[...] = 0
        np.add.at(dW, idx, dout)
        return
    expected = ids.shape + dW.shape[1:]
    ops.scatter_add(dW, ids, cast(np.broadcast_to(dout, expected), dW.dtype), zero=True)


def _ids(W, idx):
    """Idx as an integer array if the ops can look it up in W, else None: NumPy indexing decides."""
    if not (type(W) is np.ndarray and W.ndim == 2 and W.dtype.type in FLOATS):
        return None
    if type(idx) is not np.ndarray:
        if not isinstance(idx, list | int | np.integer) or isinstance(idx, bool):
            return None  # a tuple, a slice or None means something else to NumPy
        try:
            idx = np.asarray(idx)
        except ValueError:  # ragged
            return None
    return idx if idx.dtype.kind in "iu" else None
