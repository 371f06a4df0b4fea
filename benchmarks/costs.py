"""``python -m benchmarks.costs``: what ``fastembed/ops/_costs.pxd`` should say on this machine.

One thread, float32, sizes for which one thread needs about 100 microseconds, since only there the
figures decide anything; the best of many calls.
"""

import re
import time
from pathlib import Path

import numpy as np

import fastembed
from fastembed import ops
from fastembed.ops.optim import add_if_fit, zero_all

TABLE = Path(fastembed.__file__).parent / "ops" / "_costs.pxd"


def ns(call):
    """Nanoseconds of a call."""
    call()
    times = []
    for _ in range(200):
        start = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - start)
    return min(times)


def numbers(*shape):
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def costs():
    """Name of each constant -> its measured value."""
    found = {}
    W, thin, ids = numbers(2000, 256), numbers(2000, 1), np.arange(2000) * 7 % 2000
    rows, sides = numbers(2000, 256), numbers(2000, 1)
    found["NS_A_ROW"] = ns(lambda: ops.gather(thin, ids, out=sides)) / 2000
    found["NS_A_BYTE_COPIED"] = (
        ns(lambda: ops.gather(W, ids, out=rows)) / 2000 - found["NS_A_ROW"]
    ) / 1024
    found["NS_A_BYTE_ZEROED"] = ns(lambda: zero_all([W])) / W.nbytes
    found["NS_A_BYTE_ADDED"] = (
        ns(lambda: ops.scatter_add(W, ids, rows)) / 2000 - found["NS_A_ROW"]
    ) / 1024
    a, b, c = numbers(256, 256), numbers(256, 256), numbers(256, 256)
    found["FLOPS_A_NS"] = 2 * 256**3 / ns(lambda: ops.matmul(a, b, out=c))
    hs, h = numbers(1000, 4, 4), numbers(1000, 4)
    found["NS_A_PRODUCT"] = ns(lambda: ops.weight_sum(hs, h)) / 1000
    scores, labels = numbers(100, 1000), ids[:100] % 1000
    found["NS_A_SCORE"] = ns(lambda: ops.softmax_cross_entropy(scores, labels)) / scores.size
    logits, bits = numbers(10_000), np.arange(10_000) % 2
    found["NS_A_LOGIT"] = ns(lambda: ops.sigmoid_cross_entropy(logits, bits)) / logits.size
    K, first = 6, np.array([1, 0, 0, 0, 0, 0])
    words, wide, short = ids[: 300 * K].reshape(300, K), numbers(300, 256), numbers(300, 1)
    dots = [
        ns(lambda x=x, y=y: ops.negative_sampling_loss(x, y, words, first)) / words.size
        for x, y in [(short, thin), (wide, rows)]
    ]
    found["NS_A_DOT"], found["NS_A_FACTOR"] = dots[0], (dots[1] - dots[0]) / 255
    found |= _of_word2vec()
    param, grad, m, v = (np.abs(numbers(200_000)) for _ in range(4))
    found["NS_A_SQUARE"] = ns(lambda: ops.global_norm([grad])) / grad.size
    found["NS_A_STEP"] = ns(lambda: ops.momentum(param, grad, v, 0.0, 0.9)) / grad.size
    found["NS_A_STEP_WITH_ROOT"] = (
        ns(lambda: ops.adam(param, grad, m, v, 0.0, 0.9, 0.999)) / grad.size
    )
    found["NS_A_PLUS"] = ns(lambda: add_if_fit(param, [grad])) / grad.size
    return found


def _of_word2vec():
    """A text of one word draws negatives and trains none of them."""

    def run(V, C, negative):
        tables = np.ones(V, "f"), np.ones(V, "f"), np.arange(V)
        W_in, W_out, places = numbers(1, V, C), numbers(1, V, C), np.arange(300) * 7 % V
        options = dict(window=1, negative=negative, lr=1e-9)
        return ns(lambda: ops.train_word2vec(W_in, W_out, places, *tables, **options)) / 300

    draw = (run(1, 1, 55) - run(1, 1, 5)) / 50
    rows = [(run(2000, C, 55) - run(2000, C, 5)) / 50 - draw for C in (1, 256)]
    learnt = (rows[1] - rows[0]) / 255
    return {"NS_A_DRAW": draw, "NS_A_SCORE_LEARNT": rows[0], "NS_A_FACTOR_LEARNT": learnt}


def main():
    fastembed.set_num_threads(1)
    table = dict(re.findall(r"#define (\w+) ([\d.]+)", TABLE.read_text("utf-8")))
    found = costs()
    if table.keys() != found.keys():
        raise SystemExit(f"measured and used differ: {sorted(table.keys() ^ found.keys())}")
    for name, value in found.items():
        print(f"{name:20} {value:8.3f}  (now {table[name]})")


if __name__ == "__main__":
    main()
