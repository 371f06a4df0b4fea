"""The default of train_flg is changed later."""

from common import normal
from textbook import Dropout


def run():
    layer = Dropout(0.3)
    yield layer.forward(normal(90, 60))
    Dropout.forward.__defaults__ = (False,)
    yield layer.forward(normal(90, 60))
