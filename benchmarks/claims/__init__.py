"""What embeddings are said to be good for, measured: ``python -m benchmarks.claims``.

A file for each claim. Each has a ``TITLE``; ``run(quick)`` gives figures that JSON can hold,
``table(data)`` tells them in Markdown, ``draw(data, figure)`` draws them, and ``quotes(data)``
names the numbers that the documentation quotes.
"""

import importlib

PARTS = [
    "same",
    "cost",
    "separate",
    "positions",
    "dimensions",
    "meaning",
    "memory",
    "arithmetic",
    "gradient",
    "transfer",
    "lengths",
]
QUESTION = PARTS[:4]  # one table for each time step, or one shared?


def part(name):
    """The module of a part."""
    return importlib.import_module(f"benchmarks.claims.{name}")
