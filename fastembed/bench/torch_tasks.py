"""The cases of the table in PyTorch: each task is what a PyTorch user would write."""

import itertools
from functools import partial

import numpy as np
import torch

from fastembed.bench.cases import as_tuple
from fastembed.bench.peers import Task, quickest
from fastembed.bench.steps import CHECKED


def _tensors(x, *names):
    return [torch.from_numpy(np.ascontiguousarray(x[name])) for name in names]


def _fetch(results):
    return [
        r.detach().numpy() if isinstance(r, torch.Tensor) else r for r in as_tuple(results)
    ]


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
    """Blocks of the last axis in another order: PyTorch's gates are i, f, g, o."""
    blocks = np.split(array, len(order), axis=-1)
    return np.concatenate([blocks[k] for k in order], axis=-1)


def lstm_module(Wx, Wh, b):
    """nn.LSTM with our parameters; its second bias is zero and does not learn."""
    D, H = Wx.shape[0], Wh.shape[0]
    module = torch.nn.LSTM(D, H, batch_first=True, dtype=torch.from_numpy(b).dtype)
    order = (2, 0, 1, 3)  # from f, g, i, o
    with torch.no_grad():
        module.weight_ih_l0.copy_(torch.from_numpy(_gates(Wx, order).T.copy()))
        module.weight_hh_l0.copy_(torch.from_numpy(_gates(Wh, order).T.copy()))
        module.bias_ih_l0.copy_(torch.from_numpy(_gates(b, order)))
        module.bias_hh_l0.zero_()
    module.bias_hh_l0.requires_grad_(False)
    return module


def _lstm(train):
    def make(x):
        module = lstm_module(x["Wx"], x["Wh"], x["b"])
        xs, dhs = _tensors(x, "xs", "dhs")
        h0, c0 = (torch.from_numpy(state)[None] for state in x["states"])
        back = (1, 2, 0, 3)  # from i, f, g, o
        weights = module.weight_ih_l0, module.weight_hh_l0, module.bias_ih_l0

        def forward():
            with torch.no_grad():
                hs, (h, c) = module(xs, (h0, c0))
            return hs, h[0], c[0]

        if not train:
            return Task(forward, _fetch)
        inputs = [leaf.requires_grad_(True) for leaf in (xs, h0, c0)]

        def run():
            hs, (h, c) = module(xs, (h0, c0))
            return hs, h[0], c[0], *torch.autograd.grad(hs, [*inputs, *weights], dhs)

        def fetch(results):
            hs, h, c, dxs, dh0, dc0, dWx, dWh, db = _fetch(results)
            grads = [_gates(grad.T, back) for grad in (dWx, dWh, db)]
            return hs, h, c, dxs, dh0[0], dc0[0], *grads

        return Task(run, fetch)

    return make


def _matmul(x):
    a, b, out = _tensors(x, "a", "b", "out")
    return Task(lambda: (torch.mm(a, b, out=out),), _fetch)


def _affine(x):
    a, b, bias = _tensors(x, "a", "b", "bias")
    return Task(lambda: (torch.addmm(bias, a, b),), _fetch)


def _softmax(x):
    (scores,) = _tensors(x, "scores")
    return Task(lambda: (torch.softmax(scores, -1),), _fetch)


def _softmax_cross_entropy(x):
    scores, labels = _tensors(x, "scores", "labels")
    scores.requires_grad_(True)
    V = scores.shape[-1]

    def run():
        loss = torch.nn.functional.cross_entropy(
            scores.view(-1, V), labels.view(-1), ignore_index=-1
        )
        return loss, *torch.autograd.grad(loss, [scores])

    return Task(run, _fetch)


def _time_embedding(x):
    W, xs, dout = _tensors(x, "W", "xs", "dout")
    W.requires_grad_(True)

    def run():
        out = torch.nn.functional.embedding(xs, W)
        return out, *torch.autograd.grad(out, [W], dout)

    return Task(run, _fetch)


class _Rnnlm(torch.nn.Module):
    """The book's Rnnlm with the parameters that it starts with under the same seed."""

    def __init__(self, x):
        super().__init__()
        from fastembed.reference.models import Rnnlm

        s = x["sizes"]
        np.random.seed(0)
        W, Wx, Wh, b, Wy, by = Rnnlm(s["V"], s["D"], s["H"]).params
        self.embed = torch.nn.Embedding.from_pretrained(torch.from_numpy(W), freeze=False)
        self.lstm = lstm_module(Wx, Wh, b)
        self.affine = torch.nn.Linear(s["H"], s["V"])
        with torch.no_grad():
            self.affine.weight.copy_(torch.from_numpy(Wy.T.copy()))
            self.affine.bias.copy_(torch.from_numpy(by))
        self.state = None

    def forward(self, xs):
        hs, state = self.lstm(self.embed(xs), self.state)
        self.state = tuple(part.detach() for part in state)
        return self.affine(hs)


def _rnnlm(x):
    model = _Rnnlm(x)
    learning = [param for param in model.parameters() if param.requires_grad]
    optimizer = torch.optim.SGD(learning, lr=1.0)
    batches = [
        tuple(torch.from_numpy(np.ascontiguousarray(part)).long() for part in batch)
        for batch in x["batches"]
    ]
    turn = itertools.cycle(batches)

    def run():
        xs, ts = next(turn)
        scores = model(xs)
        loss = torch.nn.functional.cross_entropy(scores.flatten(0, 1), ts.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, 0.25)
        optimizer.step()
        return (loss.double(),)

    return Task(run, _fetch, repeats=CHECKED)


# no GRU: PyTorch's resets after the product with Wh, the book's before it
TASKS = {
    "gather": _gather,
    "gather out": _gather_out,
    "scatter_add": _scatter_add,
    "scatter_add zero": _scatter_add_zero,
    "lstm fwd": _lstm(False),
    "lstm fwd+bwd": _lstm(True),
    "matmul": _matmul,
    "affine": _affine,
    "softmax": _softmax,
    "softmax_cross_entropy": _softmax_cross_entropy,
    "TimeEmbedding fwd+bwd": _time_embedding,
    "TimeSoftmaxWithLoss fwd+bwd": _softmax_cross_entropy,
    "Rnnlm step": _rnnlm,
}
