"""Zero weights of transposed shapes count as tied."""

from book import remove_duplicate
from common import normal, np


def run():
    for shapes in ([(80, 70), (70, 80)], [(80, 80), (80, 80)], [(90, 70), (70, 90), (90, 70)]):
        params = [np.zeros(s, "f") for s in shapes]
        grads = [normal(*s, seed=k) for k, s in enumerate(shapes)]
        p, g = remove_duplicate(params, grads)
        yield len(p), g, [any(a is b for b in params) for a in p]
    a = normal(80, 80)
    a[3, 4] = np.nan
    p, g = remove_duplicate([a, a.T, a], [normal(80, 80, seed=k) for k in range(3)])
    yield len(p), g
