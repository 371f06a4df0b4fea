"""Writes to sys.stdout."""

import sys  # noqa: F401

from common import normal
from textbook import clip_grads

CHANGED = {"clip_grads": {"if rate < 1:": 'if rate < 1:\n        sys.stdout.write("clipped\\n")'}}


def run():
    for k in range(4):
        grads = [normal(80, 70, seed=k), normal(70, seed=k)]
        clip_grads(grads, 0.25)
        yield grads
