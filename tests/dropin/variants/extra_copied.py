"""An extra attribute is written into from outside."""

from common import normal, np
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "self.x = None": "self.x = None\n        self.last = None",
        "self.x = x": "self.x = x\n        self.last = x.copy()",
        "np.dot(self.x.T, dout)": "np.dot(self.last.T, dout)",
    }
}


def run():
    layer = MatMul(normal(400, 300))
    for k in range(4):
        x = normal(50, 400, seed=k)
        out = layer.forward(x)
        if k == 1:
            layer.last[...] = 1
        if k == 2:
            x[...] = 0
        if k == 3:
            layer.last = np.ones_like(x)
        yield layer.backward(out), layer.grads[0].copy()
