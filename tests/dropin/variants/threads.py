"""Two threads train layers of one class."""

import threading

from common import normal, step
from textbook import TimeRNN


def run():
    results = {}

    def work(seed):
        layer = TimeRNN(normal(6, 5, seed=seed), normal(5, 5), normal(5))
        results[seed] = [step(layer, normal(3, 9, 6, seed=k)) for k in range(4)]

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    yield [results[seed] for seed in sorted(results)]
