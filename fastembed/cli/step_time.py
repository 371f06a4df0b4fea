"""How much faster a training step is than with the plain NumPy layers, measured now.

Each contender runs in a process of its own, since two thread pools in one process wait for each
other; the two take turns, so that both see the same machine.
"""

import json
import statistics
import subprocess
import sys
import time

ROUNDS = 5
SECONDS = 0.2  # of one turn, at least one step


def compare(sizes, threads):
    """Time a Rnnlm training step of ours and of the reference.

    Parameters
    ----------
    sizes : dict
        ``words``, ``embed``, ``hidden``, ``batch``, ``steps``.
    threads : int
        Threads that our kernels may use.

    Returns
    -------
    ours, reference : float
        Median seconds per step.
    """
    children = [_start(which, sizes, threads) for which in ("ours", "reference")]
    try:
        for child in children:
            _answer(child)  # both are ready before either is timed
        times = [[], []]
        for _ in range(ROUNDS):
            for child, seconds in zip(children, times, strict=True):
                child.stdin.write("\n")
                child.stdin.flush()
                seconds += _answer(child)
        return tuple(map(statistics.median, times))
    finally:
        for child in children:
            child.kill()
            child.communicate()


def _start(which, sizes, threads):
    return subprocess.Popen(
        [sys.executable, "-m", __name__, json.dumps({"which": which, "threads": threads, **sizes})],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _answer(child):
    line = child.stdout.readline()
    if not line:
        raise OSError("a timing process ended early")
    return json.loads(line)


def _serve(which, threads, words, embed, hidden, batch, steps):
    """The child: for each line on stdin, take steps and print their times."""
    import numpy as np

    if which == "ours":
        from fastembed import set_num_threads
        from fastembed.models import Rnnlm
        from fastembed.optimizer import SGD
        from fastembed.trainer import remove_duplicate
        from fastembed.util import clip_grads

        set_num_threads(threads)
    else:
        from fastembed.reference.models import Rnnlm
        from fastembed.reference.training import SGD, clip_grads, remove_duplicate

    np.random.seed(0)
    model, optimizer = Rnnlm(words, embed, hidden), SGD(0.1)
    xs, ts = np.random.randint(0, words, (2, batch, steps), dtype=np.int32)

    def step():
        start = time.perf_counter()
        model.forward(xs, ts)
        model.backward()
        params, grads = remove_duplicate(model.params, model.grads)
        clip_grads(grads, 0.25)
        optimizer.update(params, grads)
        return time.perf_counter() - start

    step()  # loads the kernels
    print("[]", flush=True)
    for _ in sys.stdin:
        seconds = [step()]
        while sum(seconds) < SECONDS:
            seconds.append(step())
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    _serve(**json.loads(sys.argv[1]))
