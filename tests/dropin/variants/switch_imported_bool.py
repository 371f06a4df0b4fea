"""A switch in an imported module, asked for by its module."""

import settings
from common import ids, normal, step
from textbook import Embedding

CHANGED = {
    "Embedding": {
        "np.add.at(dW, self.idx, dout)": (
            "if settings.ONCE:\n"
            "            dW[self.idx] = dout\n"
            "        else:\n"
            "            np.add.at(dW, self.idx, dout)"
        )
    }
}


def run():
    layer = Embedding(normal(200, 8))
    for k in range(4):
        settings.ONCE = k > 1
        yield step(layer, ids(200, 60, seed=k))
    settings.ONCE = False
