"""Training loops for models with ``forward``, ``backward``, ``params`` and ``grads``."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from tqdm.auto import tqdm

from fastembed import _gradients
from fastembed._inputs import Array
from fastembed.util import clip_grads

__all__ = ["RnnlmTrainer", "Trainer", "clip_grads", "np", "remove_duplicate", "time", "train_step"]

Batches = Iterable[tuple[Array, Array]]


class _Loop:
    """What the trainers have in common: steps over epochs of batches, and evaluations."""

    measures: tuple[str, ...] = ("loss",)
    shown = "loss"  # at an evaluation
    unit = "step"  # of the progress bar
    ppl_list: Any = None

    def __init__(
        self, model: Any, optimizer: Any, *, verbose: bool = True, progress: bool | None = None
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.verbose = verbose
        self.progress = progress
        self.history: dict[str, list[float]] = {name: [] for name in self.measures}
        self.loss_list = self.history["loss"]
        self.eval_interval: int | None = None
        self.current_epoch = 0

    def _train(
        self,
        epochs: Iterable[Batches],
        batches: int,
        max_epoch: int,
        units: int,
        max_grad: float | None,
        eval_interval: int | None,
    ) -> None:
        """Train on so many batches an epoch, each of so many units of the progress bar."""
        self.eval_interval = eval_interval
        total_loss, count, start = 0.0, 0, time.time()
        with closing(self._bar(max_epoch * batches * units)) as bar:
            for epoch in epochs:
                for iters, (x, t) in enumerate(epoch):
                    total_loss += train_step(self.model, self.optimizer, x, t, max_grad)
                    count += 1
                    bar.update(units)
                    if eval_interval is None or iters % eval_interval:
                        continue
                    value = f"{self._evaluate(float(total_loss / count)):.2f}"
                    total_loss, count = 0.0, 0
                    bar.set_postfix({self.shown: value}, refresh=False)
                    if self.verbose:
                        now = f"epoch {self.current_epoch + 1} |  iter {iters + 1} / {batches}"
                        passed = f"time {int(time.time() - start)}[s]"
                        bar.write(f"| {now} | {passed} | {self.shown} {value}", file=sys.stdout)
                self.current_epoch += 1

    def _bar(self, total: int) -> Any:
        if not (shows_bars() if self.progress is None else self.progress):
            return _NoBar()
        return tqdm(total=total, unit=self.unit, unit_scale=True, leave=False)

    def _evaluate(self, loss: float) -> float:
        """Note a mean loss; returns what is shown."""
        self.history["loss"].append(loss)
        return loss

    def plot(self, ylim: tuple[float, float] | None = None) -> None:
        """Draw what evaluations showed with matplotlib (``pip install matplotlib``)."""
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise ImportError("plot() needs matplotlib: pip install matplotlib") from error
        if ylim is not None:
            plt.ylim(*ylim)
        values = self.ppl_list or self.loss_list
        plt.plot(np.arange(len(values)), values, label="train")
        plt.xlabel(f"iterations (x{self.eval_interval})")
        plt.ylabel(self.shown)
        plt.show()


class Trainer(_Loop):
    """Trains on shuffled batches of inputs x and targets t.

    Parameters
    ----------
    model : object
        ``forward(x, t)`` returns the loss, ``backward()`` fills ``grads``.
    optimizer : object
        ``update(params, grads)``.
    verbose : bool
        Print a line at each evaluation.
    progress : bool, optional
        Show a progress bar; by default in notebooks, and where stderr is a terminal.

    Attributes
    ----------
    loss_list : list of float
        Mean loss since the last evaluation, at each evaluation.
    history : dict of str to list of float
        The same under ``"loss"``.
    current_epoch : int
    eval_interval : int
    """

    def fit(
        self,
        x: Array,
        t: Array,
        max_epoch: int = 10,
        batch_size: int = 32,
        max_grad: float | None = None,
        eval_interval: int | None = 20,
    ) -> None:
        """Train for max_epoch passes over x (M, …) and t (M, …).

        Parameters
        ----------
        x, t : ndarray
            Shuffled together before each pass, by ``numpy.random.permutation``.
        max_epoch, batch_size : int
        max_grad : float, optional
            Clip the gradients' common norm to it.
        eval_interval : int or None
            Evaluate each so many steps.
        """
        count = len(x) // batch_size

        def epochs() -> Iterator[Batches]:
            order = np.arange(len(x))
            for _ in range(max_epoch):
                order = order[np.random.permutation(np.arange(len(x)))]
                parts = order[: count * batch_size].reshape(count, batch_size)
                yield ((x[rows], t[rows]) for rows in parts)

        self._train(epochs(), count, max_epoch, 1, max_grad, eval_interval)


class RnnlmTrainer(_Loop):
    """Trains a language model on a long sequence, cut into batch_size parts read side by side.

    Parameters
    ----------
    model, optimizer, verbose, progress
        As for `Trainer`.

    Attributes
    ----------
    ppl_list, loss_list : list of float
        Perplexity and mean loss since the last evaluation, at each evaluation of the last fit.
    history : dict of str to list of float
        The same under ``"ppl"`` and ``"loss"``, of all fits.
    time_idx : int
        Where the next batch begins.
    current_epoch : int
    eval_interval : int
    """

    measures, shown, unit = ("ppl", "loss"), "perplexity", "token"
    time_idx = 0

    def get_batch(
        self, x: ArrayLike, t: ArrayLike, batch_size: int, time_size: int
    ) -> tuple[Array, Array]:
        """Return the next batch of x and of t, each (batch_size, time_size) int32."""
        x, t = np.asarray(x), np.asarray(t)
        size = len(x)
        jump = size // batch_size
        begin = np.arange(batch_size)[:, np.newaxis] * jump + self.time_idx
        where = (begin + np.arange(time_size)) % size  # (N, T)
        self.time_idx += time_size
        return x[where].astype(np.int32), t[where].astype(np.int32)

    def fit(
        self,
        xs: ArrayLike,
        ts: ArrayLike,
        max_epoch: int = 10,
        batch_size: int = 20,
        time_size: int = 35,
        max_grad: float | None = None,
        eval_interval: int | None = 20,
    ) -> None:
        """Train for max_epoch passes over the words xs (M,) and the words to predict ts (M,).

        Both are arrays of integers; the other arguments are those of `Trainer.fit`.
        """
        xs, ts = np.asarray(xs), np.asarray(ts)
        count = len(xs) // (batch_size * time_size)
        self.time_idx = 0
        self.ppl_list, self.loss_list = [], []
        epochs = (
            (self.get_batch(xs, ts, batch_size, time_size) for _ in range(count))
            for _ in range(max_epoch)
        )
        self._train(epochs, count, max_epoch, batch_size * time_size, max_grad, eval_interval)

    def _evaluate(self, loss: float) -> float:
        ppl = float(np.exp(super()._evaluate(loss)))
        self.history["ppl"].append(ppl)
        self.loss_list.append(loss)
        self.ppl_list.append(ppl)
        return ppl


def remove_duplicate(params: list[Array], grads: list[Any]) -> tuple[list[Array], list[Any]]:
    """Return lists of arrays in which each weight appears once.

    A weight is the same if it is the same array, or the transpose of another (tied weights). The
    lists given are not changed, the gradients are: ``grads[i] += grads[j]``. The sum of a
    row-sparse gradient and an array is that array.
    """
    params, grads = list(params), list(grads)
    i = 0
    while i < len(params):
        param = params[i]
        same: list[Any] = []
        transposed = param.shape[::-1] if param.ndim == 2 else None
        j = i + 1
        while j < len(params):
            other = params[j]
            if other is param:
                same.append(grads[j])
            elif other.shape == transposed and _is_transpose(param, other):
                same.append(grads[j].T)
            else:
                j += 1
                continue
            del params[j], grads[j]
        if same:
            grads[i] = _gradients.add(grads[i], same)
        i += 1
    return params, grads


def _is_transpose(a: Array, b: Array) -> bool:
    """Whether a.T equals b, which has its shape; a view of a is known without looking at values."""
    same_base = a.base is b or b.base is a or (a.base is not None and a.base is b.base)
    same_steps = a.dtype == b.dtype and a.strides == b.strides[::-1]
    if same_base and same_steps and np.may_share_memory(a[:1, :1], b[:1, :1]):
        return True
    if a.size and a[0, 0] != b[0, 0]:  # nearly all pairs of different weights end here
        return False
    return bool(np.all(a.T[:1] == b[:1]) and np.all(a.T == b))


def train_step(model: Any, optimizer: Any, x: Any, t: Any, max_grad: float | None = None) -> Any:
    """Learn one batch: gradients of shared weights are added, then clipped; returns the loss.

    Arguments are those of `Trainer` and its `fit`.
    """
    loss = model.forward(x, t)
    model.backward()
    params, grads = remove_duplicate(model.params, model.grads)
    if max_grad is not None:
        clip_grads(grads, max_grad)
    optimizer.update(params, grads)
    return loss


def shows_bars() -> bool:
    """Whether somebody looks: at a terminal, or at a notebook."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return terminal or "ipykernel" in sys.modules


class _NoBar:
    """What is used of a progress bar, where there is none."""

    def update(self, n: int) -> None: ...

    def set_postfix(self, values: dict[str, str], refresh: bool) -> None: ...

    def close(self) -> None: ...

    def write(self, line: str, file: Any) -> None:
        print(line, file=file)
