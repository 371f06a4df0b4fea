"""clip_grads behind functools.lru_cache-like memory of its last call."""

from common import normal, np

NOTES = []


def noting(function):
    def call(grads, max_norm):
        NOTES.append(len(grads))
        return function(grads, max_norm)

    return call


@noting
def clip_grads(grads, max_norm):
    total_norm = 0
    for grad in grads:
        total_norm += np.sum(grad**2)
    total_norm = np.sqrt(total_norm)
    rate = max_norm / (total_norm + 1e-6)
    if rate < 1:
        for grad in grads:
            grad *= rate


def run():
    for k in range(4):
        grads = [normal(80, 70, seed=k), normal(70, seed=k)]
        clip_grads(grads, 0.25)
        yield grads
    yield NOTES
