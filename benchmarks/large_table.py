"""``python -m benchmarks.large_table``: training with a table larger than the memory it may have.

A process of its own trains a linear classifier of bags of ids on a table in a file. This one stops
it as soon as its resident memory (pages of the file that it has mapped count) is above the limit.
Needs Linux, whose /proc tells that.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fastembed import tables
from fastembed.layers import Affine, EmbeddingBag, SigmoidWithLoss
from fastembed.optimizer import SparseAdaGrad, SparseSGD

D, BAG = 128, 16
BLOCK = 1 << 16  # rows that are filled or compared at a time


def block(first, rows):
    """What these rows hold before training."""
    return (np.random.default_rng(first).random((rows, D), np.float32) - 0.5) / D


def batch(V, size, step):
    """Ids (size, BAG), of which few are frequent, all over the table; and which bags are good."""
    rng = np.random.default_rng([step, V])
    ranks = np.exp(rng.random((size, BAG)) * np.log(V)).astype(np.int64) - 1
    good = (ranks * 2654435761 >> 7) & 1  # of a word, whatever its place
    return ranks * 7_368_787 % V, (good.sum(axis=1) > BAG // 2).astype(int)


def blocks(V):
    return ((first, min(BLOCK, V - first)) for first in range(0, V, BLOCK))


def resident(pid, field="VmRSS"):
    """Bytes of a process in memory, or the most that there have been (VmHWM); 0 if it has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith(field))


def train(path, size, steps, every):
    """The process that is watched."""
    W = tables.open(path)
    bags, affine, loss = EmbeddingBag(W, mode="sum", sparse=True), head(), SigmoidWithLoss()
    table, rest = SparseSGD(lr=20.0), SparseAdaGrad(lr=0.05)
    losses, start = [], time.perf_counter()
    for step in range(steps):
        ids, good = batch(len(W), size, step)
        losses.append(loss.forward(affine.forward(bags.forward(ids))[:, 0], good))
        bags.backward(affine.backward(loss.backward()[:, np.newaxis]))
        table.update(bags.params, bags.grads)
        rest.update(affine.params, affine.grads)
        if every and step % every == every - 1:
            tables.release(W)
    took = time.perf_counter() - start
    tables.flush(W)
    tenth = max(1, steps // 10)
    first, last = np.mean(losses[:tenth]), np.mean(losses[-tenth:])
    print(f"{took / steps * 1e3:.1f} ms a step, {took / steps / size / BAG * 1e9:.0f} ns an id")
    print(f"loss {first:.3f} in the first tenth, {last:.3f} in the last one")
    print(f"at most {resident('self', 'VmHWM') / 2**30:.3f} GB resident")


def head():
    rng = np.random.default_rng(0)
    return Affine((rng.standard_normal((D, 1)) / D**0.5).astype("f"), np.zeros(1, "f"))


def check(path, size, steps):
    """Refuse a file in which other rows have changed than those of the ids."""
    W = tables.open(path, "r")
    ids = [batch(len(W), size, step)[0].ravel() for step in range(steps)]
    used = np.unique(np.concatenate(ids))
    changed = []
    for first, rows in blocks(len(W)):
        changed.append(
            first + np.flatnonzero((W[first : first + rows] != block(first, rows)).any(1))
        )
        tables.release(W)
    changed = np.concatenate(changed)
    if not changed.size or np.setdiff1d(changed, used).size:
        raise SystemExit(
            f"{changed.size} rows have changed, {used.size} were used: others than those"
        )
    print(f"{changed.size:,} of {len(W):,} rows have changed, each of them one of the ids'")


def run(path, gigabytes, limit, size, steps, every):
    """Make the table, train in a process of its own, and check what it wrote."""
    V = int(gigabytes * 2**30) // (4 * D)
    W = tables.create(path, (V, D))
    for first, rows in blocks(V):
        W[first : first + rows] = block(first, rows)
        tables.release(W)
    print(f"a table of {W.nbytes / 2**30:.3f} GB, {V:,} rows of {D}")
    del W
    command = [sys.executable, "-m", "benchmarks.large_table", "--child", path]
    command += ["--batch", size, "--steps", steps, "--every", every]
    child = subprocess.Popen(list(map(str, command)))
    while child.poll() is None:
        if resident(child.pid) > limit * 2**30:
            child.kill()
            child.wait()
            raise SystemExit(f"stopped: more than {limit:g} GB were resident")
        time.sleep(0.002)
    if child.returncode:
        raise SystemExit(f"the process ended with status {child.returncode}")
    check(path, size, steps)


def main():
    parser = argparse.ArgumentParser("python -m benchmarks.large_table", description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=4.0, help="size of the table (4)")
    parser.add_argument("--limit", type=float, default=1.5, help="GB that may be resident (1.5)")
    parser.add_argument("--batch", type=int, default=1024, help=f"bags of {BAG} ids a step (1024)")
    parser.add_argument("--steps", type=int, default=400, help="of training (400)")
    parser.add_argument("--every", type=int, default=1, help="steps between releases; 0: none (1)")
    parser.add_argument("--folder", help="where the file goes (a temporary folder)")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        train(options.child, options.batch, options.steps, options.every)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder, "table.npy")
        sizes = options.batch, options.steps, options.every
        run(path, options.gigabytes, options.limit, *sizes)


if __name__ == "__main__":
    main()
