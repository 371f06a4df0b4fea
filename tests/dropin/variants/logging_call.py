"""A logger is told about each update."""

import logging
import sys

from common import normal

LOG = logging.getLogger("variant")
LOG.propagate = False


class SGD:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        LOG.warning("update")
        for i in range(len(params)):
            params[i] -= self.lr * grads[i]


def run():
    LOG.handlers = [logging.StreamHandler(sys.stdout)]
    optimizer = SGD()
    params = [normal(80, 70), normal(70)]
    for k in range(6):
        optimizer.update(params, [normal(80, 70, seed=k), normal(70, seed=k)])
        yield [param.copy() for param in params]
