"""The last of many words is padding."""

from common import ids, normal, step
from textbook import Embedding

CHANGED = {
    "Embedding": {
        "np.add.at(dW, self.idx, dout)": (
            "np.add.at(dW, self.idx, dout)\n        if len(dW) > 150:\n            dW[-1] = 0"
        )
    }
}


def run():
    layer = Embedding(normal(200, 8))
    for k in range(4):
        yield step(layer, ids(200, 60, seed=k))
