"""Another tool wraps __build_class__ and stays there."""

import builtins

from common import normal, step, turn_off_and_on
from textbook import MatMul

CHANGED = {"MatMul": {}}


def run():
    own = builtins.__build_class__

    def build(function, name, *bases, **options):
        return own(function, name, *bases, **options)

    builtins.__build_class__ = build
    turn_off_and_on()

    class Inner:
        pass

    builtins.__build_class__ = own
    yield Inner.__name__
    layer = MatMul(normal(40, 30))
    yield step(layer, normal(50, 40))
