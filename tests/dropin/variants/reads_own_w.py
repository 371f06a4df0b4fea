"""A MatMul reads self.W, which is rebound."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "self.x = None": "self.x = None\n        self.W = W",
        "def forward(self, x):\n        (W,) = self.params": "def forward(self, x):",
        "np.dot(x, ": "np.dot(x, self.",
    }
}


def run():
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
    layer.W = normal(40, 30, seed=8)
    yield step(layer, normal(50, 40))
