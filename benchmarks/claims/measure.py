"""Times, memory, intervals."""

import time
import tracemalloc

import numpy as np
from scipy.special import stdtrit

from fastembed.bench.worker import settle

TURN = 0.03  # seconds that a contender works in each round, unless one call takes longer


def race(calls, rounds=7):
    """Seconds of a call of each contender, a dict of name -> median and quartiles.

    All have a turn in every round, which begins when the threads of the last one have stopped.
    """
    counts, samples = {}, {name: [] for name in calls}
    for name, call in calls.items():
        call()
        counts[name] = max(1, min(1000, int(TURN / timed(call))))
    for _ in range(rounds):
        for name, call in calls.items():
            settle()
            samples[name].append(timed(call, counts[name]) / counts[name])
    return {name: figures(found) for name, found in samples.items()}


def timed(call, count=1):
    """Seconds of so many calls."""
    start = time.perf_counter()
    for _ in range(count):
        call()
    return time.perf_counter() - start


def figures(samples):
    """Median and quartiles."""
    low, median, high = np.quantile(samples, (0.25, 0.5, 0.75)).tolist()
    return {"median": median, "low": low, "high": high}


def peak(call):
    """Bytes that a call allocates at most, beyond what was there before."""
    call()  # what is loaded once, is loaded here
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    try:
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def interval(values):
    """Mean of values from several seeds, and half the width of its 95 % confidence interval."""
    values = np.asarray(values, float)
    n = len(values)
    half = stdtrit(n - 1, 0.975) * values.std(ddof=1) / np.sqrt(n)
    return {"mean": float(values.mean()), "half": float(half), "values": values.tolist()}
