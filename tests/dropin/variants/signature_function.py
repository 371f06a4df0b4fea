"""The signature of a function is looked at."""

import inspect

from common import normal
from textbook import clip_grads

CHANGED = {"clip_grads": {}}


def run():
    clip_grads([normal(80, 70)], max_norm=0.25)
    yield str(inspect.signature(clip_grads)), clip_grads.__code__.co_varnames[:2]
    yield inspect.getsource(clip_grads)
