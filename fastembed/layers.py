"""Layers without a time axis, with the API of *Deep Learning from Scratch 2*.

A layer has ``params`` and ``grads``, two lists of arrays that stay the same objects for its life:
parameters are kept, not copied, so update them in place; ``backward`` fills the gradients in place
and returns the gradient of the layer's input.
"""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from fastembed import ops
from fastembed._arrays import affine, affine_backward, cast, common_dtype
from fastembed._check import integers, no_mask, number, own, row
from fastembed._gradients import fill_bags, fill_products, fill_rows, op_ids
from fastembed._inputs import NOT_YET, Array, Scalar
from fastembed.functions import cross_entropy_error, sigmoid, softmax
from fastembed.np import GPU
from fastembed.ops.elementwise import (
    cross_entropy_backward_if_fit,
    masked_if_fit,
    row_products_if_fit,
    scaled_rows_if_fit,
    sigmoid_backward_if_fit,
)
from fastembed.ops.embedding import gather_if_fit
from fastembed.ops.loss import softmax_backward_if_fit
from fastembed.ops.negative_sampling import Weights
from fastembed.sparse import Frozen, RowSparse

__all__ = [
    "GPU",
    "Affine",
    "Dropout",
    "Embedding",
    "EmbeddingBag",
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


class Layer:
    """What layers have: parameters, kept and not copied, and a gradient of its own for each."""

    grads: list[Any]  # arrays; row-sparse gradients where they are asked for

    def __init__(self, *params: Array, like: Callable[[Array], Any] = np.zeros_like) -> None:
        self.params = list(params)
        self.grads = [like(param) for param in params]


class Function(Layer):
    """A layer without parameters."""

    def __init__(self) -> None:
        super().__init__()


class Product(Layer):
    """A matrix product over the last axis of x, with a bias if there is one."""

    x: Array = NOT_YET

    def forward(self, x: Array) -> Array:
        """Multiply x (…, D) by W and add b, if any; returns (…, H)."""
        out = affine(x, *self.params)
        self.x = x
        return out

    def backward(self, dout: Array) -> Array:
        """Fill the gradients of the parameters from dout (…, H); returns that of x."""
        return affine_backward(dout, self.x, self.params[0], self.grads)


class MatMul(Product):
    """Matrix product: ``x @ W``, with W (D, H)."""

    def __init__(self, W: Array) -> None:
        super().__init__(W)


class Affine(Product):
    """Matrix product and bias: ``x @ W + b``, with W (D, H) and b (H,)."""

    def __init__(self, W: Array, b: Array) -> None:
        super().__init__(W, b)


class Softmax(Function):
    """Softmax over the last axis of x (N, V)."""

    out: Array = NOT_YET

    def forward(self, x: Array) -> Array:
        """Return the probabilities, which ``out`` keeps too."""
        self.out = softmax(x)
        return self.out

    def backward(self, dout: Array) -> Array:
        """Return the gradient of x."""
        dx = softmax_backward_if_fit(dout, self.out)
        if dx is None:
            dx = self.out * dout
            dx -= self.out * np.sum(dx, axis=1, keepdims=True)
        return dx


class SoftmaxWithLoss(Function):
    """Softmax and mean cross-entropy of scores x (N, V) and labels t, classes or one-hot rows."""

    y: Array = NOT_YET
    t: Array = NOT_YET

    def forward(self, x: Array, t: Array) -> Scalar:
        """Return the loss, ``mean(-log(p + 1e-7))``."""
        y = softmax(x)
        t = t.argmax(axis=1) if t.size == y.size else t
        loss = cross_entropy_error(y, t)
        self.y, self.t = y, t
        return loss

    def backward(self, dout: float = 1) -> Array:
        """Return the gradient of x."""
        dx = cross_entropy_backward_if_fit(self.y, self.t, dout)
        if dx is None:
            N = self.t.shape[0]
            dx = self.y.copy()
            dx[np.arange(N), self.t] -= 1
            dx *= dout
            dx /= N
        return dx


class Sigmoid(Function):
    """1 / (1 + exp(-x)), elementwise."""

    out: Array = NOT_YET

    def forward(self, x: Array) -> Array:
        """Return the sigmoid of x, which ``out`` keeps too."""
        self.out = sigmoid(x)
        return self.out

    def backward(self, dout: Array) -> Array:
        """Return the gradient of x."""
        dx = sigmoid_backward_if_fit(dout, self.out)
        return dout * (1.0 - self.out) * self.out if dx is None else dx


class SigmoidWithLoss(Function):
    """Sigmoid and mean binary cross-entropy of scores x (N,) and labels t (N,), 0 or 1."""

    loss: Scalar = NOT_YET
    y: Array = NOT_YET
    t: Array = NOT_YET

    def forward(self, x: Array, t: Array) -> Scalar:
        """Return the loss, ``mean(-log(p + 1e-7))``."""
        y = sigmoid(x)
        self.loss = binary_cross_entropy(y, t)
        self.y, self.t = y, t
        return self.loss

    def backward(self, dout: float = 1) -> Array:
        """Return the gradient of x."""
        dx: Array = (self.y - self.t) * dout / self.t.shape[0]
        return dx


class Dropout(Layer):
    """Set a share of x to zero in training; scale x by the other share otherwise.

    Parameters
    ----------
    dropout_ratio : float
        Masks come from ``np.random.rand``.
    """

    mask: Array = NOT_YET

    def __init__(self, dropout_ratio: float = 0.5) -> None:
        super().__init__()
        self.dropout_ratio = dropout_ratio

    def forward(self, x: Array, train_flg: bool = True) -> Array:
        """Return x with dropped entries."""
        if not train_flg:
            return x * (1.0 - self.dropout_ratio)
        mask = np.random.random_sample(x.shape) > self.dropout_ratio
        out, self.mask = _masked("x", x, mask), mask
        return out

    def backward(self, dout: Array) -> Array:
        """Return the gradient of x."""
        return _masked("dout", dout, self.mask)


class Embedding(Layer):
    """Rows of W (V, D) by id.

    Parameters
    ----------
    W : (V, D) ndarray
    padding_idx : int, optional
        An id whose row gets no gradient. The row itself is looked up as it is.
    max_norm : float, optional
        Each forward scales the rows that it looks up and that are longer down to it, in W itself.
    norm_type : float
        The p of the p-norm that max_norm is of.
    scale_grad_by_freq : bool
        Divide the gradient of a row by how often its id occurs in the batch.
    freeze : bool
        Do not train W: its gradient is always zero.
    sparse : bool
        ``grads[0]`` is a `RowSparse`, of the rows that were looked up: backward takes the time and
        memory of the ids, however large V is.

    Options mean what they do in ``torch.nn.Embedding``. Without any, the layer is the book's.
    """

    idx: Any = NOT_YET
    padding_idx: int | None = None
    max_norm: float | None = None
    norm_type = 2.0
    scale_grad_by_freq = False

    def __init__(
        self,
        W: Array,
        *,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        freeze: bool = False,
        sparse: bool = False,
    ) -> None:
        super().__init__(W, like=Frozen.like if freeze else _gradient(sparse))
        if padding_idx is not None:
            self.padding_idx = row("padding_idx", padding_idx, len(W))
        if max_norm is not None:
            self.max_norm = number("max_norm", max_norm)
            self.norm_type = number("norm_type", norm_type)
            if not self.max_norm >= 0:
                raise ValueError(f"max_norm must be at least 0, got {max_norm!r}")
            if not own("W", W).flags.writeable:  # its rows are scaled
                raise ValueError("W must be writable for max_norm, got a read-only array")
        if scale_grad_by_freq:
            self.scale_grad_by_freq = True

    @classmethod
    def from_pretrained(cls, W: Array, freeze: bool = True, **options: Any) -> Self:
        """A layer of vectors learnt elsewhere, which are not trained unless freeze is False."""
        if own("W", W).ndim != 2:
            raise ValueError(f"W must have 2 axes, got shape {W.shape}")
        return cls(W, freeze=freeze, **options)

    def forward(self, idx: Any) -> Array:
        """Look up ids of any shape: an array, a list or one id. Returns ``idx.shape + (D,)``.

        Raises
        ------
        IndexError
            If an id is outside [-V, V) or not an integer.
        """
        return self._look_up(self.params[0], idx)

    def backward(self, dout: Array) -> None:
        """Fill the gradient of W: dout's rows, summed for each id.

        Raises
        ------
        RuntimeError
            If no forward came before.
        """
        if self.idx is None:
            raise RuntimeError(f"{type(self).__name__}.backward needs a forward before it")
        fill_rows(self.grads[0], self.idx, dout, self.padding_idx, self.scale_grad_by_freq)

    def _look_up(self, W: Array, idx: Any) -> Array:
        """Rows of W as NumPy's indexing takes them."""
        out = gather_if_fit(W, idx)
        if out is None:
            ids = op_ids(W, idx)
            out = W[idx] if ids is None else ops.gather(W, ids)
        if self.max_norm is not None:
            norms = np.linalg.norm(out, self.norm_type, axis=-1)
            long = norms > self.max_norm
            if long.any():
                rows = np.asarray(idx)[long]
                out[long] *= (self.max_norm / (norms[long] + 1e-7))[:, np.newaxis]
                W[rows] = out[long]
        self.idx = idx
        return out


class EmbeddingBag(Embedding):
    """Sum, mean or maximum of the rows of W for each bag of ids, as in ``torch.nn.EmbeddingBag``.

    Parameters
    ----------
    W : (V, D) ndarray
    mode : str
        'sum', 'mean' or 'max'.
    include_last_offset : bool
        Whether offsets have one more: where the last bag ends.
    padding_idx : int, optional
        An id that counts as if it were not there.
    **options
        Those of `Embedding`; scale_grad_by_freq is not for 'max'.
    """

    cache: Any = NOT_YET

    def __init__(
        self, W: Array, *, mode: str = "mean", include_last_offset: bool = False, **options: Any
    ) -> None:
        super().__init__(W, **options)
        if mode not in ("sum", "mean", "max"):
            raise ValueError(f"mode must be 'sum', 'mean' or 'max', got {mode!r}")
        if mode == "max" and self.scale_grad_by_freq:
            raise ValueError("scale_grad_by_freq must be False for mode='max'")
        self.mode, self.include_last_offset = mode, include_last_offset

    def forward(
        self,
        idx: ArrayLike,
        offsets: ArrayLike | None = None,
        per_sample_weights: Array | None = None,
    ) -> Array:
        """Return a row for each bag: ids (B, L), or ids (N,) and where each bag begins (B,).

        With mode 'sum', ids may have weights, an array like that of the ids.
        """
        W = self.params[0]
        options: dict[str, Any] = {
            "mode": self.mode,
            "padding_idx": self.padding_idx,
            "include_last_offset": self.include_last_offset,
            "per_sample_weights": per_sample_weights,
        }
        out: Array
        out, argmax = ops.embedding_bag(W, idx, offsets, need_argmax=True, **options)
        if self.max_norm is not None:  # only now: what is refused changes no row
            self._look_up(W, np.unique(integers("idx", idx)))
            out, argmax = ops.embedding_bag(W, idx, offsets, need_argmax=True, **options)
        self.cache = idx, offsets, argmax, options
        return out

    def backward(self, dout: Array) -> Array | None:  # type: ignore[override]
        """Fill the gradient of W from dout (B, D); returns that of the weights, or None."""
        if self.cache is None:
            raise RuntimeError(f"{type(self).__name__}.backward needs a forward before it")
        idx, offsets, argmax, options = self.cache
        W = self.params[0]
        dout = cast(np.asanyarray(dout), W.dtype)
        return fill_bags(
            self.grads[0], dout, W, idx, offsets, argmax, self.scale_grad_by_freq, options
        )


class EmbeddingDot(Layer):
    """Inner product of h (N, D) with the rows of W (V, D) for ids (N,)."""

    cache: Any = NOT_YET

    def __init__(self, W: Array) -> None:
        self.embed = Embedding(W)
        self.params = self.embed.params
        self.grads = self.embed.grads

    def forward(self, h: Array, idx: ArrayLike) -> Array:
        """Return ``out[n] = W[idx[n]] . h[n]``, shape (N,)."""
        rows = self.embed.forward(idx)
        out = row_products_if_fit(rows, h)
        if out is None:
            no_mask(h=h)
            out = np.sum(rows * h, axis=1)
        self.cache = (h, rows)
        return out

    def backward(self, dout: Array) -> Array:
        """Fill the gradient of W from dout (N,); returns that of h."""
        h, rows = self.cache
        self.embed.backward(_scaled_rows(dout, h))
        return _scaled_rows(dout, rows)


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

    weights: Weights | None = None

    def __init__(self, corpus: ArrayLike, power: float, sample_size: int) -> None:
        self.sample_size = sample_size
        words, counts = np.unique(np.asarray(corpus), return_counts=True)
        self.vocab_size = len(words)
        self.word_p = np.zeros(self.vocab_size)
        known = (words >= 0) & (words < self.vocab_size)
        self.word_p[words[known]] = counts[known]
        self.word_p = np.power(self.word_p, power)
        self.word_p /= np.sum(self.word_p)

    def get_negative_sample(self, target: ArrayLike) -> Array:
        """Draw words for each target (N,): never itself, none twice. Returns (N, S) int32.

        The draws are those of ``np.random.choice(V, S, replace=False, p=...)`` for each target in
        turn, from the same random numbers, all at once.
        """
        if self.weights is not None:
            return self.weights.draw(target, self.sample_size)
        return ops.negative_samples(self.word_p, target, self.sample_size)

    def sum_up(self) -> None:
        """Draw by word_p as it is now: large vocabularies are not summed up for each batch."""
        self.weights = Weights(self.word_p)


class NegativeSamplingLoss(Layer):
    """Binary cross-entropy of h (N, D) against its target word and some drawn words.

    Parameters
    ----------
    W : (V, D) ndarray
        One row per word.
    corpus, power, sample_size
        As in `UnigramSampler`.
    sparse : bool
        Gradients are `RowSparse`, and the sampler's ``word_p`` is summed up once.
    """

    cache: Any = NOT_YET

    def __init__(
        self,
        W: Array,
        corpus: ArrayLike,
        power: float = 0.75,
        sample_size: int = 5,
        *,
        sparse: bool = False,
    ) -> None:
        # a gradient for each place of a sample
        self._begin([W] * (1 + sample_size), UnigramSampler(corpus, power, sample_size), sparse)
        self.sample_size = sample_size

    def _begin(self, params: list[Array], sampler: UnigramSampler, sparse: bool) -> None:
        Layer.__init__(self, *params, like=_gradient(sparse))
        self.sampler = sampler
        if sparse:
            sampler.sum_up()

    def forward(self, h: Array, target: Array) -> Scalar:
        """Return the loss, summed over the target and the drawn words, mean over the batch."""
        drawn = self.sampler.get_negative_sample(target)
        both = target.reshape(-1, 1), drawn  # without a dtype, uint64 and int32 are floats
        words = np.concatenate(both, axis=1, dtype=np.intp, casting="same_kind")  # (N, 1 + S)
        return self._loss(h, words, np.arange(words.shape[1]) == 0)

    def backward(self, dout: float = 1) -> Array:
        """Fill the gradients of W, one for each place of a sample; returns that of h."""
        return self._fill(dout).astype(np.float64)  # as NumPy's with integer labels

    def _loss(self, h: Array, words: Array, true: Array) -> Scalar:
        """The loss of words (N, K), of which some are true (K,)."""
        no_mask(h=h, target=words)
        dtype = common_dtype(h, self.params[0])
        h, W = cast(h, dtype), cast(self.params[0], dtype)
        loss, dscores = ops.negative_sampling_loss(h, W, words, true)
        self.cache = (h, W, words, dscores)
        return dtype.type(loss)

    def _fill(self, dout: float) -> Array:
        """Fill the gradients, of which each has every so many-th column; returns that of h."""
        h, W, words, dscores = self.cache
        if not is_one(dout):
            dscores = dscores * dscores.dtype.type(dout)
        dh: Array = np.zeros_like(h)
        for k, grad in enumerate(self.grads):
            columns = np.s_[:, k :: len(self.grads)]
            dh += fill_products(grad, np.ascontiguousarray(dscores[columns]), h, W, words[columns])
        return dh


def _gradient(sparse: bool) -> Callable[[Array], Any]:
    """What makes the gradient of a parameter."""
    return RowSparse.like if sparse else np.zeros_like


def is_one(dout: Any) -> bool:
    """Whether dout is the number 1, so that there is nothing to multiply."""
    return isinstance(dout, int | float | np.number) and dout == 1


def binary_cross_entropy(y: Array, t: Array) -> Scalar:
    """Mean of ``-log(p + 1e-7)``: p is y where the label t is 1, and 1 - y where it is 0."""
    return cross_entropy_error(np.stack((1 - y, y), axis=-1).reshape(-1, 2), t.reshape(-1))


def _masked(name: str, x: Array, mask: Array) -> Array:
    """X times booleans of its shape."""
    out = masked_if_fit(x, mask)
    if out is None:
        no_mask(**{name: x})
        out = x * mask
    return out


def _scaled_rows(scale: Array, rows: Array) -> Array:
    """Rows (N, D), each times its number of scale (N,)."""
    out = scaled_rows_if_fit(scale, rows)
    return scale.reshape(-1, 1) * rows if out is None else out


class Steps(Sequence[Any]):
    """The layers of T single steps, ``make(*kept)``, made only if somebody looks at them.

    Kept is what a forward keeps for its backward.
    """

    made: list[Any] | None = None

    def __init__(self, make: Callable[..., list[Any]], T: int, *kept: Any) -> None:
        self.make, self.T, self.kept = make, T, kept

    def __len__(self) -> int:
        return self.T

    def __getitem__(self, t: Any) -> Any:
        if self.made is None:
            self.made = self.make(*self.kept)
        return self.made[t]
