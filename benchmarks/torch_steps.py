"""Whole training steps in PyTorch: the book's models, from the parameters that they start with."""

import itertools

import numpy as np
import torch
from torch.nn import functional

from fastembed.bench import torch_tasks
from fastembed.bench.peers import Task
from fastembed.bench.steps import CHECKED
from fastembed.bench.torch_tasks import recurrent
from fastembed.reference import models


def _embedding(W):
    return torch.nn.Embedding.from_pretrained(torch.from_numpy(W.copy()), freeze=False)


def _linear(W, b):
    module = torch.nn.Linear(*W.shape)
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(W.T.copy()))
        module.bias.copy_(torch.from_numpy(b))
    return module


def _loss(scores, labels):
    return functional.cross_entropy(scores.flatten(0, 1), labels.flatten())


class _Model(torch.nn.Module):
    """Its forward takes a batch, and ``luck``; it returns the loss.

    Luck is what the book draws at random, from NumPy, as long as losses are compared. Later there
    is none, and PyTorch draws for itself.
    """

    def __init__(self, book):
        super().__init__()

    def luck(self, book, xs, ts):
        """What the book's model draws for a batch."""
        return ()


class Rnnlm(_Model):
    def __init__(self, book):
        super().__init__(book)
        W, Wx, Wh, b, Wy, by = book.params
        self.embed = _embedding(W)
        self.lstm = recurrent("lstm", Wx, Wh, b)
        self.affine = _linear(Wy, by)
        self.state = None

    def forward(self, xs, ts):
        hs, state = self.lstm(self.embed(xs), self.state)
        self.state = tuple(part.detach() for part in state)
        return _loss(self.affine(hs), ts)


class BetterRnnlm(_Model):
    def __init__(self, book):
        super().__init__(book)
        W, Wx1, Wh1, b1, Wx2, Wh2, b2, _, by = book.params
        self.embed = _embedding(W)
        self.first, self.second = recurrent("lstm", Wx1, Wh1, b1), recurrent("lstm", Wx2, Wh2, b2)
        self.bias = torch.nn.Parameter(torch.from_numpy(by.copy()))
        self.states = [None, None]

    def luck(self, book, xs, ts):
        widths = self.embed.embedding_dim, self.first.hidden_size, self.second.hidden_size
        masks = [np.random.rand(*xs.shape, width) > 0.5 for width in widths]
        return [torch.from_numpy(mask.astype("f") * 2) for mask in masks]

    def forward(self, xs, ts, *masks):
        def dropout(hs, k):
            return hs * masks[k] if masks else functional.dropout(hs, 0.5)

        hs = dropout(self.embed(xs), 0)
        for k, lstm in enumerate((self.first, self.second)):
            hs, state = lstm(hs, self.states[k])
            self.states[k] = tuple(part.detach() for part in state)
            hs = dropout(hs, k + 1)
        return _loss(functional.linear(hs, self.embed.weight, self.bias), ts)


class CBOW(_Model):
    def __init__(self, book):
        super().__init__(book)
        self.W_in, self.W_out = _embedding(book.params[0]), _embedding(book.params[-1])
        sampler = self.losses(book)[0].sampler
        self.negatives = sampler.sample_size
        self.register_buffer("shares", torch.from_numpy(sampler.word_p))

    def losses(self, book):
        return [book.ns_loss]

    def luck(self, book, contexts, targets):
        drawn = [loss.sampler.get_negative_sample(targets.numpy()) for loss in self.losses(book)]
        return [torch.from_numpy(np.stack(drawn, axis=1)).long()]

    def forward(self, contexts, targets, *negatives):
        return self.loss(self.W_in(contexts).mean(1), targets[:, None], *negatives)

    def loss(self, h, words, negatives=None):
        """Of h (N, H), which predicts words (N, w) and not their negatives (N, w, k)."""
        N, w = words.shape
        if negatives is None:  # with replacement for the whole batch: the book's way takes longer
            count = N * w * self.negatives
            negatives = torch.multinomial(self.shares, count, replacement=True).view(N, w, -1)
        words = torch.cat([words[:, :, None], negatives], 2)
        scores = torch.bmm(self.W_out(words.view(N, -1)), h[:, :, None]).view(words.shape)
        labels = torch.zeros_like(scores)
        labels[:, :, 0] = 1
        return functional.binary_cross_entropy_with_logits(scores, labels, reduction="sum") / N


class SkipGram(CBOW):
    def losses(self, book):
        return book.loss_layers

    def forward(self, contexts, targets, *negatives):
        return self.loss(self.W_in(targets), contexts, *negatives)


class Seq2seq(_Model):
    def __init__(self, book):
        super().__init__(book)
        We, Wxe, Whe, be, Wd, Wxd, Whd, bd, Wy, by = book.params
        self.encode, self.decode = _embedding(We), _embedding(Wd)
        self.encoder = recurrent("lstm", Wxe, Whe, be)
        self.decoder = recurrent("lstm", Wxd, Whd, bd)
        self.affine = _linear(Wy, by)

    def forward(self, xs, ts):
        hs, _ = self.encoder(self.encode(xs))
        h = hs[:, -1].contiguous()
        state = h[None], torch.zeros_like(h)[None]
        scores = self.affine(self.scores(hs, self.decode(ts[:, :-1]), state))
        return _loss(scores, ts[:, 1:])

    def scores(self, hs, xs, state):
        """What the output layer gets, from the encoder's hs and the decoder's xs."""
        return self.decoder(xs, state)[0]


class PeekySeq2seq(Seq2seq):
    def scores(self, hs, xs, state):
        peek = hs[:, -1:].expand(-1, xs.shape[1], -1)
        return torch.cat([peek, self.decoder(torch.cat([peek, xs], 2), state)[0]], 2)


class AttentionSeq2seq(Seq2seq):
    def scores(self, hs, xs, state):
        out, _ = self.decoder(xs, state)
        weights = torch.softmax(out @ hs.transpose(1, 2), 2)
        return torch.cat([weights @ hs, out], 2)


MODELS = {
    f"{model.__name__} step": model
    for model in (Rnnlm, BetterRnnlm, CBOW, SkipGram, Seq2seq, PeekySeq2seq, AttentionSeq2seq)
}


def _sparse_step(optimizer):
    """A step of one table whose gradient has some rows."""

    def make(W, batches, dout):
        W, dout = torch.from_numpy(W).requires_grad_(), torch.from_numpy(dout)
        turn, update = itertools.cycle(torch.from_numpy(batches)), optimizer([W]).step
        head = W.detach()[:100]

        def run():
            W.grad = None
            functional.embedding(next(turn), W, sparse=True).backward(dout)
            update()
            return head

        return Task(run, lambda head: head.numpy(), repeats=CHECKED)

    return make


def _optimizer(book, params):
    # fused: the quickest of PyTorch's ways on the CPU
    if type(book).__name__ == "SGD":
        return torch.optim.SGD(params, book.lr, fused=True)
    return torch.optim.Adam(params, book.lr, (book.beta1, book.beta2), eps=1e-7, fused=True)


class Torch(torch_tasks.Torch):
    """PyTorch on the CPU, training steps among its tasks."""

    compiled = False
    tasks = {
        **torch_tasks.TASKS,
        "sparse SparseSGD step": _sparse_step(lambda params: torch.optim.SGD(params, 0.01)),
        "sparse LazyAdam step": _sparse_step(
            lambda params: torch.optim.SparseAdam(params, 0.001, eps=1e-7)
        ),
    }

    def task(self, case):
        if case.op in MODELS:
            return step_task(case, self.compiled)
        return None if self.compiled else super().task(case)


class TorchCompiled(Torch):
    """PyTorch's compiler on the same training steps; it needs a C++ compiler."""

    compiled = True


def step_task(case, compiled=False):
    """A training step, eager or through ``torch.compile``."""
    step = case.row.make(models, *case.inputs())  # NumPy's stream stands where the book left it
    model = MODELS[case.op](step.model)
    params = [param for param in model.parameters() if param.requires_grad]
    optimizer = _optimizer(step.optimizer, params)
    if compiled:
        torch.compiler.reset()  # its caches are bounded, and the last task's model is gone
    loss_of = torch.compile(model) if compiled else model
    turn = itertools.cycle(
        [tuple(torch.from_numpy(part.astype(np.int64)) for part in batch) for batch in step.batches]
    )
    count = itertools.count()

    def run():
        batch = next(turn)
        luck = model.luck(step.model, *batch) if next(count) < CHECKED else ()
        loss = loss_of(*batch, *luck)
        optimizer.zero_grad()
        loss.backward()
        if step.max_grad is not None:
            torch.nn.utils.clip_grad_norm_(params, step.max_grad)
        optimizer.step()
        return loss

    return Task(run, lambda loss: loss.detach().double().numpy(), repeats=CHECKED)
