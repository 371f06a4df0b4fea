"""Exceptions of signal handlers at random moments of every kind of call, and forks amid them.

What a clean call gives afterwards has the bits that it had before, with as many threads as before;
BLAS has its threads. ``FASTEMBED_INTERRUPTS=100000 pytest tests/test_signals.py`` for more of them.
"""

import gc
import os
import random
import signal
import threading
import time
from itertools import product

import numpy as np
import pytest
from helpers import python

import fastembed
from fastembed import (
    layers,
    models,
    ops,
    optimizer,
    recurrent_layers,
    sparse,
    tables,
    time_layers,
)

INTERRUPTS = int(os.environ.get("FASTEMBED_INTERRUPTS", 1500))
pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX systems")
rng = np.random.default_rng(0)
V, D, N, T = 4000, 64, 256, 12


def floats(*shape):
    return rng.standard_normal(shape, np.float32) * np.float32(0.1)


W, IDS, X, B = floats(V, D), rng.integers(0, V, 20_000), floats(N, D), floats(V)
ROWS, LABELS, XS = floats(20_000, D), rng.integers(0, V, N), floats(32, T, D)
CELL = floats(D, 4 * D), floats(D, 4 * D), floats(4 * D)
SCORES = np.outer(LABELS, B)
SHARES, FACTORS = rng.random(V), floats(20_000)
KEEP, ALIAS = np.full(V, 0.5, np.float32), rng.integers(0, V, V)
LENGTHS, STACK = (
    rng.integers(0, T + 1, 32),
    recurrent_layers.StackedLSTM(D, D, 2, proj_size=16, bidirectional=True),
)
TABLE = tables.quantize(W, "int8")
TARGETS, BITS = rng.integers(0, V, (N, 6)), np.arange(6) == 0


def lstm_both():
    hs, *_, cache = ops.lstm(XS, *CELL)
    return ops.lstm_backward(hs, cache)


def adam():
    param, m, v = np.zeros_like(W), np.zeros_like(W), np.zeros_like(W)
    return ops.adam(param, W, m, v, 0.1, 0.9, 0.999), m, v


def negative_sampling():
    dW = np.empty_like(W)
    loss, dscores = ops.negative_sampling_loss(X, W, TARGETS, BITS)
    return loss, ops.negative_sampling_backward(dscores, X, W, TARGETS, dW), dW


def training_step():
    np.random.seed(0)
    model = models.Rnnlm(500, 32, 32)
    model.forward(IDS[:200].reshape(10, 20) % 500, IDS[1:201].reshape(10, 20) % 500)
    model.backward()
    optimizer.Adam().update(model.params, model.grads)
    return model.params


def sparse_step():
    table, ids = W.copy(), IDS[:3000]
    layer, step = layers.Embedding(table, sparse=True, padding_idx=0), optimizer.LazyAdam()
    layer.backward(layer.forward(ids))
    step.update(layer.params, layer.grads)
    return table, layer.grads[0].rows, layer.grads[0].values, *step.m, *step.v


def bags():
    """Of rows and with offsets, weighted and not; the largest; what their sums' gradients are."""
    rows, starts = IDS.reshape(-1, 10), np.arange(0, IDS.size, 7)
    dout = ROWS[: starts.size]
    out, argmax = ops.embedding_bag(W, rows, mode="max", need_argmax=True)
    return (
        ops.embedding_bag(W, IDS, starts, mode="mean", padding_idx=3),
        *ops.embedding_bag_backward(dout, W, IDS, starts, per_sample_weights=FACTORS),
        *(out, argmax, ops.embedding_bag_backward(out, W, rows, mode="max", argmax=argmax)),
        ops.segment_sum(ROWS, starts),
    )


def sparse_steps():
    tables = []
    for kind in (optimizer.SparseMomentum, optimizer.RowWiseAdaGrad, optimizer.SparseAdaGrad):
        table, step = W.copy(), kind()
        for ids in (IDS[:900], IDS[900:2000]):
            step.update([table], [sparse.RowSparse(ids, ROWS[: ids.size], W.shape)])
        tables.append(table)
    return tables


def word2vec(deterministic=True):
    vectors = np.stack([W[:, :32], W[:, 32:]])
    W_in, W_out = vectors.copy(), vectors[::-1].copy()
    options = dict(window=3, skip_gram=True, deterministic=deterministic)
    loss, targets = ops.train_word2vec(W_in, W_out, IDS[:2000], KEEP, KEEP, ALIAS, **options)
    return (W_in, W_out, loss, targets) if deterministic else targets  # others differ each time


def padded():
    """Sequences of different lengths, from both ends, through two layers with a projection."""
    stack = STACK  # its first state is zero each time
    hs = stack.forward(XS, LENGTHS)
    return hs, stack.backward(hs), *stack.grads


def layer_steps():
    layer = time_layers.TimeLSTM(*(part.copy() for part in CELL), stateful=True)
    for _ in range(2):
        layer.backward(layer.forward(XS))
    return layer.h, layer.c, layer.dh, *layer.grads


def single_steps():
    layer, h, c = time_layers.LSTM(*CELL), np.zeros_like(X), np.zeros_like(X)
    for _ in range(3):
        h, c = layer.forward(X, h, c)
        layer.backward(h, c)
    return h, c, *layer.grads


CALLS = {
    "gather": lambda: ops.gather(W, IDS),
    "scatter_add": lambda: ops.scatter_add(np.empty_like(W), IDS, ROWS, zero=True),
    "matmul": lambda: ops.matmul(X, W.T),
    "softmax_cross_entropy": lambda: ops.softmax_cross_entropy(SCORES, LABELS),
    "linear_cross_entropy": lambda: ops.linear_cross_entropy(X, W.T, B, LABELS),
    "lstm": lstm_both,
    "adam": adam,
    "negative_sampling": negative_sampling,
    "negative_samples": lambda: (np.random.seed(0), ops.negative_samples(SHARES, LABELS, 5))[1],
    "training_step": training_step,
    "coalesce": lambda: ops.coalesce(IDS, ROWS, V),
    "sparse_step": sparse_step,
    "layer_steps": layer_steps,
    "single_steps": single_steps,
    "embedding": lambda: layers.Embedding(W).forward(IDS),
    "bags": bags,
    "sparse_steps": sparse_steps,
    "alias_table": lambda: ops.alias_table(SHARES),
    "word2vec": word2vec,
    "word2vec_racing": lambda: word2vec(deterministic=False),
    "padded": padded,
    "quantized": lambda: TABLE.gather(IDS),
}
# what a handler raises for these may be of a class that they catch where arrays do not fit
LAYERS = "layer_steps", "single_steps", "embedding", "padded"


def bits(value):
    """All numbers of a result, as bytes."""
    parts = value if isinstance(value, tuple | list) else [value]
    return b"".join(np.asarray(part).tobytes() for part in parts if part is not None)


def settings():
    from threadpoolctl import threadpool_info

    blas = [(lib["filepath"], lib["num_threads"]) for lib in threadpool_info()]
    return fastembed.get_num_threads(), sorted(blas)


class Interrupt(Exception):
    """What a handler raises."""


@pytest.fixture
def two_threads(set_threads):
    set_threads(2)


armed = None  # the exception that a handler raises, once


def handler(number, frame):
    global armed
    if armed:
        error, armed = armed, None
        raise error


def interrupted(call, error=Interrupt, delay=None):
    """Whether a signal's exception left the call; without a delay, somebody else sends it."""
    global armed
    try:
        armed = error
        if delay:
            signal.setitimer(signal.ITIMER_REAL, delay)
        call()
        assert armed, "the exception was lost"
        armed = None
        return False
    except error:
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.fixture
def on_signal():
    """Function that sets the handler of SIGALRM and SIGUSR1, until the end of the test."""
    numbers = signal.SIGALRM, signal.SIGUSR1
    before = [signal.getsignal(number) for number in numbers]
    yield lambda function: [signal.signal(number, function) for number in numbers]
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, old in zip(numbers, before, strict=True):
        signal.signal(number, old)


@pytest.fixture
def handled(on_signal):
    """Without the garbage collector: what its callbacks raise goes to nobody."""
    on_signal(handler)
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(
    ("name", "error"),
    [*product(CALLS, [Interrupt, KeyboardInterrupt]), *product(LAYERS, [ValueError])],
)
def test_a_call_after_an_interrupt_has_its_bits(name, error, two_threads, handled):
    call = CALLS[name]
    expected, before = bits(call()), settings()
    start = time.perf_counter()
    call()
    length = time.perf_counter() - start
    chance, caught, least = random.Random(name), 0, max(10, INTERRUPTS // len(CALLS) // 2)
    for k in range(100 * least):
        caught += interrupted(call, error, 1e-6 + chance.random() * 1.2 * length)
        if k % 10 == 9:
            assert bits(call()) == expected
        if caught and k + 1 >= least:
            break
    assert bits(call()) == expected and settings() == before
    assert caught  # some came in time
    print(f"{name}: {caught} {error.__name__}")


def test_outputs_are_nobodys_after_an_interrupt(two_threads, handled):
    """No slice that was left behind writes to arrays that the caller uses for other things."""
    out, dW = np.empty((IDS.size, D), np.float32), np.empty_like(W)
    for name in ("gather", "scatter_add"):
        CALLS[name]()  # kernels are loaded now: an exception amid that may go to a finaliser
    for k in range(max(20, INTERRUPTS // 10)):
        delay = 1e-6 + (k % 50) * 4e-5
        interrupted(lambda: ops.gather(W, IDS, out=out), delay=delay)
        interrupted(lambda: ops.scatter_add(dW, IDS, ROWS, zero=True), delay=delay)
        out.fill(7)
        dW.fill(7)
        time.sleep(0.0005)
        assert (out == 7).all() and (dW == 7).all()


def test_signals_of_another_thread(two_threads, handled):
    """As a terminal sends them, at any time; every call between them gives its bits."""
    expected = {name: bits(call()) for name, call in CALLS.items()}
    before, stop = settings(), threading.Event()

    def send():
        chance = random.Random(1)
        while not stop.wait(0.0005 + chance.random() * 0.004):
            os.kill(os.getpid(), signal.SIGUSR1)

    sender = threading.Thread(target=send)
    sender.start()
    wrong, caught, tries = [], 0, 0
    try:
        while tries < max(60, INTERRUPTS // 3):
            for name, call in CALLS.items():
                tries += 1
                caught += interrupted(call)
                if bits(call()) != expected[name]:
                    wrong.append(name)
    finally:
        stop.set()
        sender.join()
    assert not wrong and caught > 5 and settings() == before
    print(f"{caught} of {tries} calls interrupted")


def test_ops_in_handlers_that_return(two_threads, on_signal):
    """A handler that calls ops itself, amid any call: both get their bits."""
    expected, seen = {name: bits(call()) for name, call in CALLS.items()}, []
    on_signal(lambda *_: seen.append(bits(CALLS["gather"]()) == expected["gather"]))
    for name, call in CALLS.items():
        for k in range(max(3, INTERRUPTS // 100)):
            signal.setitimer(signal.ITIMER_REAL, 1e-5 + k * 5e-4)
            assert bits(call()) == expected[name]
            signal.setitimer(signal.ITIMER_REAL, 0)
    assert seen and all(seen)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_forks_in_handlers_amid_calls(two_threads, on_signal):
    """The child of a fork amid a call can make the same call, and so can the parent."""
    children = []

    def fork(number, frame):
        child = os.fork()
        if child == 0:
            signal.setitimer(signal.ITIMER_REAL, 0)
            good = all(bits(CALLS[name]()) == expected[name] for name in ("gather", "lstm"))
            os._exit(0 if good else 1)
        children.append(child)

    expected = {name: bits(call()) for name, call in CALLS.items()}
    on_signal(fork)
    for name, call in CALLS.items():
        for delay in (1e-4, 1e-3):
            signal.setitimer(signal.ITIMER_REAL, delay)
            result = bits(call())
            signal.setitimer(signal.ITIMER_REAL, 0)
            assert result == expected[name]
    ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert ends and not any(ends)


EXIT = """
import atexit, threading
import numpy as np
import fastembed
from fastembed import ops, time_layers
fastembed.set_num_threads(2)
x = np.ones((64, 20, 32), "f")
parts = np.ones((32, 128), "f"), np.ones((32, 128), "f"), np.ones(128, "f")
layer = time_layers.TimeLSTM(*parts)
expected = layer.forward(x).tobytes()
def work():
    return layer.forward(x).tobytes() == expected
class Circle:
    def __del__(self):
        print("circle", work(), flush=True)
atexit.register(lambda: print("atexit", work(), flush=True))
circle = Circle(); circle.me = circle; del circle
import gc; gc.collect()
def busy():
    while True:
        layer.forward(x)
threading.Thread(target=busy, daemon=True).start()
"""


def test_finalisers_and_exit_amid_calls_of_other_threads():
    for _ in range(max(2, INTERRUPTS // 1000)):
        done = python("-c", EXIT)
        assert done.returncode == 0 and not done.stderr
        assert done.stdout == "circle True\natexit True\n"
