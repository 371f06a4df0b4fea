"""A global counter."""

from common import normal, step
from textbook import MatMul

CALLS = 0


CHANGED = {
    "MatMul": {
        "def forward(self, x):": "def forward(self, x):\n        global CALLS\n        CALLS += 1"
    }
}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
    yield CALLS
