"""Np.errstate is set in one thread only."""

import threading

from book import Affine
from common import normal, np


def run():
    results = []

    def work():
        with np.errstate(all="raise"):
            try:
                Affine(normal(400, 300), normal(300)).forward(3e38 * normal(50, 400))
            except FloatingPointError as error:
                results.append(str(error))

    np.random.seed(1)
    layer = Affine(normal(400, 300), normal(300))
    layer.forward(normal(50, 400))
    for _ in range(3):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        with np.errstate(all="ignore"):
            yield layer.forward(3e38 * normal(50, 400)), list(results)
