"""A logger is told about each update."""

import logging
import sys

from common import normal
from textbook import SGD

LOG = logging.getLogger("variant")
LOG.propagate = False


CHANGED = {"SGD": {"params, grads):": 'params, grads):\n        LOG.warning("update")'}}


def run():
    LOG.handlers = [logging.StreamHandler(sys.stdout)]
    optimizer = SGD()
    params = [normal(80, 70), normal(70)]
    for k in range(6):
        optimizer.update(params, [normal(80, 70, seed=k), normal(70, seed=k)])
        yield [param.copy() for param in params]
