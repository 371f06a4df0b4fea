"""How the tasks with examples train: by Adam, with a rate that falls to nothing."""

import time

import numpy as np

from fastembed.optimizer import Adam
from fastembed.tasks.values import UserError
from fastembed.threads import get_num_threads
from fastembed.trainer import Trainer


def epochs(model, x, t, options, max_grad=None):
    """Train for ``options.epochs`` passes; yield each one's number, mean loss and seconds."""
    optimizer = Adam(options.lr)
    trainer = Trainer(model, optimizer, verbose=False)
    steps = len(x) // options.batch
    for epoch in range(1, options.epochs + 1):
        # the last epochs settle what the first ones found
        optimizer.lr = options.lr * (1 - (epoch - 1) / options.epochs)
        start = time.perf_counter()
        trainer.fit(x, t, 1, options.batch, max_grad, eval_interval=1)
        seconds = time.perf_counter() - start
        loss = float(np.mean(trainer.loss_list[-steps:]))
        if not all(np.isfinite(param).all() for param in model.params):
            raise UserError(f"training diverged (loss {loss:.3g}): choose a smaller --lr")
        yield epoch, loss, seconds


def plan(options, size):
    """A line about what is going to happen."""
    return (
        f"training    {options.epochs} epochs of {size // options.batch} steps of "
        f"{options.batch}, {get_num_threads()} threads"
    )
