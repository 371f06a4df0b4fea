"""The cases of the table in PyTorch: each task is what a PyTorch user would write."""

from functools import partial

import numpy as np
import torch
from torch.nn.utils import rnn

from fastembed.bench.cases import flat
from fastembed.bench.peers import Task, quickest, threads_text
from fastembed.cli.machine import cpus


def _tensors(*arrays):
    return [torch.from_numpy(np.ascontiguousarray(array)) for array in arrays]


def _fetch(results):
    return [r.detach().numpy() for r in flat(results)]


def _gather(W, idx, _):
    W, idx = _tensors(W, idx)
    ways = partial(torch.embedding, W, idx), partial(torch.index_select, W, 0, idx)
    return Task(quickest(*ways), _fetch)


def _gather_out(W, idx, out):
    W, idx, out = _tensors(W, idx, out)
    return Task(partial(torch.index_select, W, 0, idx, out=out), _fetch)


def _scatter_add(dW, idx, dout):
    dW, idx, dout = _tensors(dW, idx, dout)
    before = dW.clone()
    in_two = lambda: dW.add_(_dense_gradient(dW, idx, dout))  # noqa: E731
    run = quickest(partial(dW.index_add_, 0, idx, dout), in_two)
    dW.copy_(before)
    return Task(run, _fetch)


def _scatter_add_zero(dW, idx, dout):
    dW, idx, dout = _tensors(dW, idx, dout)
    into_zeros = lambda: dW.zero_().index_add_(0, idx, dout)  # noqa: E731
    return Task(quickest(partial(_dense_gradient, dW, idx, dout), into_zeros), _fetch)


def _dense_gradient(dW, idx, dout):
    """The backward of nn.Embedding, which has a new tensor for it."""
    return torch.ops.aten.embedding_dense_backward(dout, idx, len(dW), -1, False)


def _bag(mode, train):
    def make(W, idx, weights, dout):
        W, idx, weights, dout = _tensors(W, idx, weights, dout)
        options = {"mode": "sum" if mode == "weighted" else mode}
        leaves = [W, weights] if mode == "weighted" else [W]
        if mode == "weighted":
            options["per_sample_weights"] = weights
        for leaf in leaves:
            leaf.requires_grad_(train)
        forward = partial(torch.nn.functional.embedding_bag, idx, W, **options)

        def infer():
            with torch.no_grad():
                return forward()

        def run():
            out = forward()
            return out, torch.autograd.grad(out, leaves, dout)

        return Task(run if train else infer, _fetch)

    return make


def _gates(array, order):
    """Blocks of the last axis in another order."""
    blocks = np.split(array, len(order), axis=-1)
    return np.concatenate([blocks[k] for k in order], axis=-1)


# the module, and which of the book's gates are its first, second …: i f g o, r z n
_KINDS = {
    "lstm": (torch.nn.LSTM, (2, 0, 1, 3)),
    "gru": (torch.nn.GRU, (1, 0, 2)),
    "gru_reset_after": (torch.nn.GRU, (1, 0, 2)),
    "rnn": (torch.nn.RNN, (0,)),
}


def recurrent(kind, Wx, Wh, b):
    """A module with the book's parameters; its second bias is zero and does not learn."""
    make, order = _KINDS[kind]
    b = b[: Wx.shape[1]]
    module = make(*Wx.shape[:1], *Wh.shape[:1], batch_first=True, dtype=torch.from_numpy(b).dtype)
    with torch.no_grad():
        module.weight_ih_l0.copy_(torch.from_numpy(_gates(Wx, order).T.copy()))
        module.weight_hh_l0.copy_(torch.from_numpy(_gates(Wh, order).T.copy()))
        module.bias_ih_l0.copy_(torch.from_numpy(_gates(b, order)))
        module.bias_hh_l0.zero_()
    module.bias_hh_l0.requires_grad_(False)
    return module


def _sequence(kind, train):
    def make(xs, weights, states, dhs, options=None):
        module = recurrent(kind, *weights)
        lengths = torch.from_numpy(options["lengths"]) if options else None
        dhs, *leaves = _tensors(dhs, xs, *(state[np.newaxis] for state in states))
        for leaf in leaves:
            leaf.requires_grad_(train)
        xs, *states = leaves
        start = tuple(states) if kind == "lstm" else states[0]
        back = np.argsort(_KINDS[kind][1])
        weights = module.weight_ih_l0, module.weight_hh_l0, module.bias_ih_l0

        def forward():
            if lengths is None:
                return module(xs, start)
            packed = rnn.pack_padded_sequence(xs, lengths, True, enforce_sorted=False)
            packed, last = module(packed, start)
            return rnn.pad_packed_sequence(packed, True, total_length=xs.shape[1])[0], last

        def infer():
            with torch.no_grad():
                return forward()

        def run():
            results = forward()
            return results, torch.autograd.grad(results[0], [*leaves, *weights], dhs)

        def fetch(results):
            hs, *last = _fetch(results)
            return hs, *(state[0] for state in last)

        def fetch_all(results):
            forward, grads = results
            dxs, *dstates, dWx, dWh, db = _fetch(grads)
            dstates = [state[0] for state in dstates]
            return fetch(forward), dxs, dstates, [_gates(grad.T, back) for grad in (dWx, dWh, db)]

        # PyTorch's GRU resets after the product with Wh, the book's before it, and its z is 1 - z
        # of ours: only its time counts
        compared = not kind.startswith("gru")
        return Task(run, fetch_all, compared) if train else Task(infer, fetch, compared)

    return make


def _cross_entropy(scores, labels, repeats=1):
    scores, labels = _tensors(scores, labels)
    scores.requires_grad_(True)
    V = scores.shape[-1]

    def run():
        loss = torch.nn.functional.cross_entropy(
            scores.view(-1, V), labels.view(-1), ignore_index=-1
        )
        return loss, *torch.autograd.grad(loss, [scores])

    return Task(run, _fetch, repeats=repeats)


def _time_embedding(W, xs, dout):
    (W, xs, dout) = _tensors(*W, *xs, *dout)
    W.requires_grad_(True)

    def run():
        out = torch.nn.functional.embedding(xs, W)
        return out, *torch.autograd.grad(out, [W], dout)

    return Task(run, _fetch, repeats=2)


def _matmul(*arrays):
    a, b, out = _tensors(*arrays)
    return Task(partial(torch.mm, a, b, out=out), _fetch)


TASKS = {
    "gather": _gather,
    "gather out": _gather_out,
    "scatter_add": _scatter_add,
    "scatter_add zero": _scatter_add_zero,
    **{
        f"embedding_bag {mode} {part}": _bag(mode, part != "fwd")
        for mode in ("sum", "mean", "max", "weighted")
        for part in ("fwd", "fwd+bwd")
    },
    **{
        f"{kind} {part}{end}": _sequence(kind, part != "fwd")
        for kind in _KINDS
        for part in ("fwd", "fwd+bwd")
        for end in ("", " lengths")
    },
    "matmul": _matmul,
    "softmax_cross_entropy": _cross_entropy,
    "TimeEmbedding fwd+bwd": _time_embedding,
    "TimeSoftmaxWithLoss fwd+bwd": lambda _, arrays, __: _cross_entropy(*arrays, repeats=2),
}


class Torch:
    """PyTorch on the CPU, in its own threads."""

    tasks = TASKS

    def __init__(self, threads=None):
        self.threads = threads or cpus()
        torch.set_num_threads(self.threads)

    def version(self):
        return f"PyTorch {torch.__version__}, {threads_text(self.threads)}"

    def task(self, case):
        make = self.tasks.get(case.op)
        return make and make(*case.inputs())
