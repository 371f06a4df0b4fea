"""Forward takes *args."""

from common import normal, step
from textbook import MatMul

CHANGED = {"MatMul": {"def forward(self, x):": "def forward(self, *args):\n        x = args[0]"}}


def run():
    layer = MatMul(normal(40, 30))
    for k in range(4):
        yield step(layer, normal(50, 40, seed=k))
