"""An optimizer is given more parameters later."""

from book import SGD, AdaGrad, Adam, Momentum, Nesterov, RMSprop
from common import normal


def run():
    for o in (SGD(), Momentum(), AdaGrad(), Adam(), RMSprop(), Nesterov()):
        params, grads = [normal(80, 70)], [normal(80, 70, seed=2)]
        o.update(params, grads)
        params.append(normal(50, 90))
        grads.append(normal(50, 90))
        try:
            o.update(params, grads)
        except Exception as error:
            yield type(error).__name__
        yield params, getattr(o, "iter", None)
        grads.pop()
        try:
            o.update(params, grads)
        except Exception as error:
            yield type(error).__name__
        yield params, getattr(o, "iter", None)
