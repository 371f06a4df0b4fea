"""An Embedding whose backward loops over the ids, as the book prints it first."""

from common import ids, normal, step
from textbook import Embedding

CHANGED = {
    "Embedding": {
        "np.add.at(dW, self.idx, dout)": (
            "for k, word in enumerate(self.idx):\n            dW[word] += dout[k]"
        )
    }
}


def run():
    layer = Embedding(normal(50, 9))
    for k in range(4):
        yield step(layer, ids(50, 30, seed=k))
