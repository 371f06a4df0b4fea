"""clip_grads appends the norm to a default list."""

from common import normal
from textbook import clip_grads

CHANGED = {
    "clip_grads": {
        "max_norm):": "max_norm, norms=[]):",
        "np.sqrt(total_norm)": "np.sqrt(total_norm)\n    norms.append(float(total_norm))",
    }
}


def run():
    for k in range(4):
        grads = [normal(80, 70, seed=k), normal(70, seed=k)]
        clip_grads(grads, 0.25)
        yield grads
    yield clip_grads.__defaults__
