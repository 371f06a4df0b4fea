"""The cases of the table in PyTorch: each task is what a PyTorch user would write."""

from functools import partial

import numpy as np
import torch

from fastembed.bench.cases import flat
from fastembed.bench.peers import Task, quickest


def _tensors(x, *names):
    return [torch.from_numpy(np.ascontiguousarray(x[name])) for name in names]


def _fetch(results):
    return [r.detach().numpy() for r in flat(results)]


def _gather(x):
    W, idx = _tensors(x, "W", "idx")
    ways = partial(torch.embedding, W, idx), partial(torch.index_select, W, 0, idx)
    return Task(quickest(*ways), _fetch)


def _gather_out(x):
    W, idx, out = _tensors(x, "W", "idx", "out")
    return Task(partial(torch.index_select, W, 0, idx, out=out), _fetch)


def _scatter_add(x):
    dW, dout, idx = _tensors(x, "dW", "dout", "idx")
    before = dW.clone()

    def in_two():
        return dW.add_(_dense_gradient(dW, idx, dout))

    run = quickest(partial(dW.index_add_, 0, idx, dout), in_two)
    dW.copy_(before)
    return Task(run, _fetch)


def _scatter_add_zero(x):
    dW, dout, idx = _tensors(x, "dW", "dout", "idx")

    def into_zeros():
        return dW.zero_().index_add_(0, idx, dout)

    return Task(quickest(partial(_dense_gradient, dW, idx, dout), into_zeros), _fetch)


def _dense_gradient(dW, idx, dout):
    """The backward of nn.Embedding, which has a new tensor for it."""
    return torch.ops.aten.embedding_dense_backward(dout, idx, len(dW), -1, False)


def _gates(array, order):
    """Blocks of the last axis in another order."""
    blocks = np.split(array, len(order), axis=-1)
    return np.concatenate([blocks[k] for k in order], axis=-1)


# the module, and which of the book's gates are its first, second …: i f g o, r z n
_KINDS = {
    "lstm": (torch.nn.LSTM, (2, 0, 1, 3)),
    "gru": (torch.nn.GRU, (1, 0, 2)),
    "rnn": (torch.nn.RNN, (0,)),
}


def recurrent(kind, Wx, Wh, b):
    """A module with the book's parameters; its second bias is zero and does not learn."""
    make, order = _KINDS[kind]
    module = make(*Wx.shape[:1], *Wh.shape[:1], batch_first=True, dtype=torch.from_numpy(b).dtype)
    with torch.no_grad():
        module.weight_ih_l0.copy_(torch.from_numpy(_gates(Wx, order).T.copy()))
        module.weight_hh_l0.copy_(torch.from_numpy(_gates(Wh, order).T.copy()))
        module.bias_ih_l0.copy_(torch.from_numpy(_gates(b, order)))
        module.bias_hh_l0.zero_()
    module.bias_hh_l0.requires_grad_(False)
    return module


def _sequence(kind, train):
    def make(x):
        module = recurrent(kind, x["Wx"], x["Wh"], x["b"])
        xs, dhs = _tensors(x, "xs", "dhs")
        states = [torch.from_numpy(state)[None] for state in x["states"]]
        start = tuple(states) if kind == "lstm" else states[0]
        back = np.argsort(_KINDS[kind][1])
        weights = module.weight_ih_l0, module.weight_hh_l0, module.bias_ih_l0
        # PyTorch's GRU resets after the product with Wh, the book's before it: only its time counts
        compared = kind != "gru"

        def forward():
            with torch.no_grad():
                return module(xs, start)

        def fetch_forward(results):
            hs, *last = _fetch(results)
            return hs, *(state[0] for state in last)

        if not train:
            return Task(forward, fetch_forward, compared=compared)
        leaves = [leaf.requires_grad_(True) for leaf in (xs, *states)]

        def run():
            results = module(xs, start)
            return results, torch.autograd.grad(results[0], [*leaves, *weights], dhs)

        def fetch(results):
            forward, (dxs, *dstates, dWx, dWh, db) = results
            grads = [_gates(grad.T, back) for grad in _fetch((dWx, dWh, db))]
            return fetch_forward(forward), _fetch(dxs), [_fetch(d[0]) for d in dstates], grads

        return Task(run, fetch, compared=compared)

    return make


def _matmul(x):
    a, b, out = _tensors(x, "a", "b", "out")
    return Task(partial(torch.mm, a, b, out=out), _fetch)


def _affine(x):
    a, b, bias = _tensors(x, "a", "b", "bias")
    return Task(partial(torch.addmm, bias, a, b), _fetch)


def _softmax(x):
    (scores,) = _tensors(x, "scores")
    return Task(partial(torch.softmax, scores, -1), _fetch)


def _softmax_cross_entropy(x):
    return _cross_entropy(*_tensors(x, "scores", "labels"))


def _time_softmax(x):
    _, arrays, _ = x["parts"]
    return _cross_entropy(*map(torch.from_numpy, arrays), repeats=2)


def _cross_entropy(scores, labels, repeats=1):
    scores.requires_grad_(True)
    V = scores.shape[-1]

    def run():
        loss = torch.nn.functional.cross_entropy(
            scores.view(-1, V), labels.view(-1), ignore_index=-1
        )
        return loss, *torch.autograd.grad(loss, [scores])

    return Task(run, _fetch, repeats=repeats)


def _time_embedding(x):
    (W,), (xs,), (dout,) = ([torch.from_numpy(array) for array in part] for part in x["parts"])
    W.requires_grad_(True)

    def run():
        out = torch.nn.functional.embedding(xs, W)
        return out, *torch.autograd.grad(out, [W], dout)

    return Task(run, _fetch, repeats=2)


TASKS = {
    "gather": _gather,
    "gather out": _gather_out,
    "scatter_add": _scatter_add,
    "scatter_add zero": _scatter_add_zero,
    **{
        f"{kind} {part}": _sequence(kind, part != "fwd")
        for kind in _KINDS
        for part in ("fwd", "fwd+bwd")
    },
    "matmul": _matmul,
    "affine": _affine,
    "softmax": _softmax,
    "softmax_cross_entropy": _softmax_cross_entropy,
    "TimeEmbedding fwd+bwd": _time_embedding,
    "TimeSoftmaxWithLoss fwd+bwd": _time_softmax,
}
