"""Copies of layers have copies of inner things, and train on."""

import copy
import pickle

import book
from common import ids, normal, np, step


def run():
    np.random.seed(3)
    loss = book.NegativeSamplingLoss(0.1 * normal(60, 40), ids(60, 5000))
    lstm = book.TimeLSTM(normal(6, 20), normal(5, 20), normal(20), True)
    opt = book.Adam()
    for make in (copy.deepcopy, copy.copy, lambda x: pickle.loads(pickle.dumps(x))):
        yield step(loss, normal(70, 40), ids(60, 70)), step(lstm, normal(3, 9, 6))
        loss, lstm = make(loss), make(lstm)
        loss.forward(normal(70, 40), ids(60, 70)), lstm.forward(normal(3, 9, 6))
        loss, lstm = make(loss), make(lstm)
        yield loss.backward(), lstm.backward(normal(3, 9, 5)), [g.copy() for g in loss.grads]
        yield (
            [a is b for a in loss.grads for b in loss.grads],
            [d.grads[0] is g for d, g in zip(loss.embed_dot_layers, loss.grads, strict=True)],
        )
        opt.update(lstm.params, lstm.grads)
        opt = make(opt)
        yield opt.iter, opt.m
