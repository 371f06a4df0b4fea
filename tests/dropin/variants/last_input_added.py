"""Each call adds the last input."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "def forward(self, x):\n        (W,) = self.params": (
            "def forward(self, x):\n"
            "        (W,) = self.params\n"
            "        if self.x is not None and len(self.x) == len(x):\n"
            "            x = x + self.x"
        )
    }
}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
