"""The first call of a layer scales by 2."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "def forward(self, x):\n        (W,) = self.params": (
            "def forward(self, x):\n"
            "        (W,) = self.params\n"
            "        scale = 2 if self.x is None else 1"
        ),
        "dot(x, W)": "dot(x, W) * scale",
    }
}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
