"""clip_grads sets the gradients to 0 where the norm is NaN."""

from common import normal, np
from textbook import clip_grads

CHANGED = {
    "clip_grads": {
        "total_norm = np.sqrt(total_norm)": (
            "total_norm = np.sqrt(total_norm)\n"
            "    if total_norm != total_norm:\n"
            "        for grad in grads:\n"
            "            grad[...] = 0\n"
            "        return"
        )
    }
}


def run():
    for value in (1, np.nan, np.inf):
        grads = [normal(80, 70), normal(70)]
        grads[0][3, 4] = value
        clip_grads(grads, 0.25)
        yield grads
