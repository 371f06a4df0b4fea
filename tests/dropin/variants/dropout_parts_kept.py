"""Dropout keeps what it has drawn, and what it has dropped, in attributes of its own."""

from common import normal, np
from textbook import Dropout

CHANGED = {
    "Dropout": {
        "        if train_flg:": "        kept = x\n        if train_flg:",
        "            return x * self.mask": "            kept = x * self.mask",
        "        else:\n            return x * (1.0 - self.dropout_ratio)": (
            "        self.dropped = kept * 1\n"
            "        return kept if train_flg else x * (1.0 - self.dropout_ratio)"
        ),
    }
}


def run():
    layer = Dropout(0.3)
    for k in range(4):
        x = normal(90, 80, seed=k)
        out = layer.forward(x)
        yield np.array(out), layer.dropped, layer.mask, layer.backward(x), np.random.rand()
