"""A counter on the function itself."""

from common import normal
from textbook import clip_grads

CHANGED = {
    "clip_grads": {
        "def clip_grads(grads, max_norm):": (
            "def clip_grads(grads, max_norm):\n"
            '    clip_grads.calls = getattr(clip_grads, "calls", 0) + 1'
        )
    }
}


def run():
    for k in range(4):
        grads = [normal(80, 70, seed=k), normal(70, seed=k)]
        clip_grads(grads, 0.25)
        yield grads
    yield clip_grads.calls
