"""Signatures, defaults, names and documentation are looked at."""

import inspect

from common import normal, step
from textbook import Dropout

CHANGED = {"Dropout": {}}


def run():
    yield step(Dropout(), normal(90, 60))
    yield str(inspect.signature(Dropout.forward)), str(inspect.signature(Dropout(0.5).forward))
    yield Dropout.forward.__defaults__, Dropout.forward.__qualname__, Dropout.forward.__module__
    yield inspect.getfullargspec(Dropout.forward).args, Dropout.forward.__doc__
    yield inspect.getsource(Dropout.forward)
