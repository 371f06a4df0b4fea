"""The cases of the table that Thinc's NumPyOps compute too."""

import numpy as np
from thinc.api import NumpyOps

from fastembed.bench.peers import Task

_ops = NumpyOps()


def _gather(x):
    idx = x["idx"].astype(np.int32)[:, np.newaxis]  # it sums over the second axis
    return Task(lambda: (_ops.gather_add(x["W"], idx),))


def _scatter_add_zero(x):
    dW, dout = x["dW"], x["dout"]
    idx = x["idx"].astype(np.int32)

    def run():
        dW.fill(0)
        _ops.scatter_add(dW, idx, dout)
        return (dW,)

    return Task(run)


TASKS = {"gather": _gather, "scatter_add zero": _scatter_add_zero}
