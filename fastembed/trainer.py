"""Training loops for models with ``forward``, ``backward``, ``params`` and ``grads``."""

import sys
import time

import numpy as np
from tqdm import tqdm

from fastembed.ops.optim import add_if_fit
from fastembed.util import clip_grads

__all__ = ["RnnlmTrainer", "Trainer", "clip_grads", "np", "remove_duplicate", "time"]


class Trainer:
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
        Show a progress bar on stderr; by default where stderr is a terminal.

    Attributes
    ----------
    loss_list : list of float
        Mean loss since the last evaluation, at each evaluation.
    history : dict of str to list of float
        The same under ``"loss"``.
    current_epoch : int
    eval_interval : int
    """

    def __init__(self, model, optimizer, *, verbose=True, progress=None):
        self.model = model
        self.optimizer = optimizer
        self.verbose = verbose
        self.progress = progress
        self.loss_list = []
        self.history = {"loss": self.loss_list}
        self.eval_interval = None
        self.current_epoch = 0

    def fit(self, x, t, max_epoch=10, batch_size=32, max_grad=None, eval_interval=20):
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
        size = len(x)
        max_iters = size // batch_size
        self.eval_interval = eval_interval
        total_loss, loss_count = 0, 0
        order = np.arange(size)
        start = time.time()
        with _Bar(self.progress, max_epoch * max_iters, "step") as bar:
            for _ in range(max_epoch):
                order = order[np.random.permutation(np.arange(size))]
                for iters in range(max_iters):
                    rows = order[iters * batch_size : (iters + 1) * batch_size]
                    total_loss += _step(self.model, self.optimizer, x[rows], t[rows], max_grad)
                    loss_count += 1
                    bar.update(1)
                    if eval_interval is not None and iters % eval_interval == 0:
                        loss = float(total_loss / loss_count)
                        total_loss, loss_count = 0, 0
                        self.loss_list.append(loss)
                        bar.show(loss=f"{loss:.2f}")
                        if self.verbose:
                            bar.print(
                                f"| epoch {self.current_epoch + 1} |  iter {iters + 1} / "
                                f"{max_iters} | time {int(time.time() - start)}[s] | "
                                f"loss {loss:.2f}"
                            )
                self.current_epoch += 1

    def plot(self, ylim=None):
        """Draw loss_list with matplotlib (``pip install matplotlib``) and show it."""
        _plot(self.loss_list, "loss", self.eval_interval, ylim)


class RnnlmTrainer:
    """Trains a language model on a long sequence, cut into batch_size parts read side by side.

    Parameters
    ----------
    model : object
        ``forward(xs, ts)`` returns the loss, ``backward()`` fills ``grads``.
    optimizer : object
        ``update(params, grads)``.
    verbose : bool
        Print a line at each evaluation.
    progress : bool, optional
        Show a progress bar on stderr, with perplexity and tokens/s; by default where stderr is a
        terminal.

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

    def __init__(self, model, optimizer, *, verbose=True, progress=None):
        self.model = model
        self.optimizer = optimizer
        self.verbose = verbose
        self.progress = progress
        self.time_idx = None
        self.ppl_list = None
        self.loss_list = None
        self.history = {"ppl": [], "loss": []}
        self.eval_interval = None
        self.current_epoch = 0

    def get_batch(self, x, t, batch_size, time_size):
        """Return the next batch of x and of t, each (batch_size, time_size) int32."""
        x, t = np.asarray(x), np.asarray(t)
        size = len(x)
        jump = size // batch_size
        begin = np.arange(batch_size)[:, np.newaxis] * jump + self.time_idx
        where = (begin + np.arange(time_size)) % size  # (N, T)
        self.time_idx += time_size
        return x[where].astype(np.int32), t[where].astype(np.int32)

    def fit(
        self, xs, ts, max_epoch=10, batch_size=20, time_size=35, max_grad=None, eval_interval=20
    ):
        """Train for max_epoch passes over the words xs (M,) and the words to predict ts (M,).

        Parameters
        ----------
        xs, ts : ndarray of int
        max_epoch, batch_size, time_size : int
        max_grad : float, optional
            Clip the gradients' common norm to it.
        eval_interval : int or None
            Evaluate each so many steps.
        """
        xs, ts = np.asarray(xs), np.asarray(ts)
        max_iters = len(xs) // (batch_size * time_size)
        self.time_idx = 0
        self.ppl_list, self.loss_list = [], []
        self.eval_interval = eval_interval
        total_loss, loss_count = 0, 0
        start = time.time()
        with _Bar(self.progress, max_epoch * max_iters * batch_size * time_size, "token") as bar:
            for _ in range(max_epoch):
                for iters in range(max_iters):
                    batch_x, batch_t = self.get_batch(xs, ts, batch_size, time_size)
                    total_loss += _step(self.model, self.optimizer, batch_x, batch_t, max_grad)
                    loss_count += 1
                    bar.update(batch_size * time_size)
                    if eval_interval is not None and iters % eval_interval == 0:
                        ppl = self._evaluate(total_loss / loss_count)
                        total_loss, loss_count = 0, 0
                        bar.show(perplexity=f"{ppl:.2f}")
                        if self.verbose:
                            bar.print(
                                f"| epoch {self.current_epoch + 1} |  iter {iters + 1} / "
                                f"{max_iters} | time {int(time.time() - start)}[s] | "
                                f"perplexity {ppl:.2f}"
                            )
                self.current_epoch += 1

    def _evaluate(self, loss):
        loss, ppl = float(loss), float(np.exp(loss))
        self.loss_list.append(loss)
        self.ppl_list.append(ppl)
        self.history["loss"].append(loss)
        self.history["ppl"].append(ppl)
        return ppl

    def plot(self, ylim=None):
        """Draw ppl_list with matplotlib (``pip install matplotlib``) and show it."""
        _plot(self.ppl_list, "perplexity", self.eval_interval, ylim)


def remove_duplicate(params, grads):
    """Lists in which each weight appears once; gradients of the same weight are added in place.

    A weight is the same if it is the same array, or the transpose of another (tied weights).

    Parameters
    ----------
    params, grads : list of ndarray
        The lists are not changed, the gradients are: ``grads[i] += grads[j]``.

    Returns
    -------
    params, grads : list of ndarray
    """
    params, grads = list(params), list(grads)
    i = 0
    while i < len(params):
        same, j = [], i + 1
        while j < len(params):
            if params[i] is params[j]:
                same.append(grads[j])
            elif _is_transpose(params[i], params[j]):
                same.append(grads[j].T)
            else:
                j += 1
                continue
            del params[j], grads[j]
        if same:
            _add(grads[i], same)
        i += 1
    return params, grads


def _add(grad, others):
    if not add_if_fit(grad, others):
        for other in others:
            grad += other


def _is_transpose(a, b):
    """Whether a.T equals b; views of the same memory are known without looking at values."""
    if a.ndim != 2 or b.ndim != 2 or a.T.shape != b.shape:
        return False
    same_base = a.base is b or b.base is a or (a.base is not None and a.base is b.base)
    if same_base and a.dtype == b.dtype and a.strides == b.strides[::-1]:
        if a.__array_interface__["data"][0] == b.__array_interface__["data"][0]:
            return True
    # the first rows of different weights differ: the rest is compared only for equal ones
    return bool(np.all(a.T[:1] == b[:1]) and np.all(a.T == b))


def _step(model, optimizer, x, t, max_grad):
    loss = model.forward(x, t)
    model.backward()
    params, grads = remove_duplicate(model.params, model.grads)
    if max_grad is not None:
        clip_grads(grads, max_grad)
    optimizer.update(params, grads)
    return loss


class _Bar:
    """A progress bar on a terminal; nothing elsewhere. Lines for stdout are printed above it."""

    def __init__(self, wanted, total, unit):
        if wanted is None:
            wanted = sys.stderr is not None and sys.stderr.isatty()
        self.bar = tqdm(total=total, unit=unit, unit_scale=True, leave=False) if wanted else None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.bar is not None:
            self.bar.close()

    def update(self, n):
        if self.bar is not None:
            self.bar.update(n)

    def show(self, **values):
        if self.bar is not None:
            self.bar.set_postfix(values, refresh=False)

    def print(self, line):
        if self.bar is not None:
            self.bar.write(line, file=sys.stdout)
        else:
            print(line)


def _plot(values, name, eval_interval, ylim):
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("plot() needs matplotlib: pip install matplotlib") from error
    if ylim is not None:
        plt.ylim(*ylim)
    plt.plot(np.arange(len(values or [])), values or [], label="train")
    plt.xlabel(f"iterations (x{eval_interval})")
    plt.ylabel(name)
    plt.show()
