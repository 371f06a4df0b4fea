"""The story of TimeEmbedding: T layer objects, or one shared?"""

# %% Both are there: as in the book, and shared
import os
import time

import numpy as np

from fastembed.reference.layers import TimeEmbedding as PerStep  # T objects, one W
from fastembed.time_layers import TimeEmbedding as Shared

SIZE = float(os.environ.get("EXAMPLE_SIZE", 1))
V, D, N, T = max(200, int(10_000 * SIZE)), 100, 20, 35
rng = np.random.default_rng(0)
W = rng.standard_normal((V, D)).astype("f")
xs = rng.integers(0, V, (N, T))
dout = rng.standard_normal((N, T, D)).astype("f")
per_step, shared = PerStep(W), Shared(W)

# %% The same function
np.testing.assert_array_equal(per_step.forward(xs), shared.forward(xs))
per_step.backward(dout)
shared.backward(dout)
difference = np.abs(per_step.grads[0] - shared.grads[0]).max()
print(f"outputs: every bit equal; gradients: {difference:.1e} apart, which is rounding")


# %% Not the same cost
def milliseconds(layer, count=5):
    start = time.perf_counter()
    for _ in range(count):
        layer.forward(xs)
        layer.backward(dout)
    return 1e3 * (time.perf_counter() - start) / count


a, b = milliseconds(per_step), milliseconds(shared)
print(f"T objects {a:.2f} ms, one shared layer {b:.3f} ms: {a / b:.0f} times")

# %% T tables of their own are another model: a word at one step learns nothing at the others
tables = Shared(np.tile(W, (T, 1)))  # word v at step t is row t V + v
out = tables.forward(xs + V * np.arange(T))
np.testing.assert_array_equal(out, shared.forward(xs))  # as long as nothing is learnt
print(f"parameters: {W.size:,} in one table, {tables.W.size:,} in {T}")

tables.backward(dout)
touched = np.count_nonzero(tables.grads[0].any(axis=1))
print(f"a step of training touches {touched:,} of {T * V:,} rows ({touched / (T * V):.2%})")

# %% What a lookup is: one-hot rows times W, without the zeros
hot = np.zeros((T, V), "f")
hot[np.arange(T), xs[0]] = 1
np.testing.assert_array_equal(hot @ W, shared.forward(xs[:1])[0])
