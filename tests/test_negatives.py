"""Negative samples: numpy.random.choice's draws, also where weights vanish beside others."""

import os

import numpy as np
import pytest
from helpers import run_code

from fastembed import layers, ops, reference


def drawn(p, targets, size):
    """The samples, checked for what they must never be."""
    result = ops.negative_samples(np.array(p, float), targets, size)
    assert result.shape == (len(targets), size) and result.dtype == np.int32
    for row, target in zip(result, targets, strict=True):
        assert len({*row, target}) == size + 1 and (row >= 0).all() and (row < len(p)).all()
        assert all(p[word] > 0 for word in row)
    return result


@pytest.mark.parametrize(
    ("p", "targets", "size"),
    [
        ([1, 1e-17, 1e-17, 1e-17], [0, 1, 2, 3], 2),
        ([0, 1e20, 1, 1], [1], 2),
        ([1, 1, 1e-20, 1e-20], [0, 1, 2], 3),
        ([1e-300, 1e300, 1e-300, 1], [1, 3], 3),
        ([5e-324, 5e-324, 1, 5e-324], [2, 0], 3),
    ],
)
def test_weights_that_vanish_beside_others_are_drawn(p, targets, size):
    for seed in range(20):
        np.random.seed(seed)
        drawn(p, targets * 5, size)


def test_a_corpus_with_one_overwhelming_word():
    sampler = layers.UnigramSampler(np.r_[np.zeros(100_000, int), 1, 2, 3, 4], 4, 2)
    np.random.seed(1)
    words = sampler.get_negative_sample(np.zeros(2000, int))
    counts = np.bincount(words.reshape(-1), minlength=5)
    assert counts[0] == 0 and (abs(counts[1:] - 1000) < 150).all()


def test_the_draws_are_those_of_choice_at_any_scale(rng):
    compared = 0
    for seed in range(500):
        count = rng.integers(2, 12)
        p = 10.0 ** rng.integers(-30, 30, count) * rng.random(count)
        p[rng.random(count) < 0.2] = 0
        targets, most = rng.integers(0, count, 4), np.count_nonzero(p) - 1
        if most < 1:
            continue
        size = rng.integers(1, most + 1)
        np.random.seed(seed)
        words, after = drawn(p, targets, size), np.random.rand()
        np.random.seed(seed)
        try:
            expected = reference.negative_samples(p, targets, size)
        except ValueError:  # choice wants weights that it does not round to zero
            continue
        np.testing.assert_array_equal(words, expected)
        assert after == np.random.rand()
        compared += 1
    assert compared > 100


@pytest.mark.parametrize(
    ("p", "size", "error", "message"),
    [
        ([1.0, 0, 2], 2, ValueError, "size = 2 ids cannot be drawn: 1 have weight"),
        ([1.0, -1, 2], 1, ValueError, "p must be finite and nonnegative"),
        ([1.0, np.nan, 2], 1, ValueError, "p must be finite and nonnegative"),
        ([1e308, 1e308, 1e308], 1, ValueError, "p must be finite and nonnegative"),
        ([1.0, 1, 2], -1, ValueError, "size must be at least 0, got -1"),
    ],
)
def test_refuses(p, size, error, message):
    with pytest.raises(error, match=message):
        ops.negative_samples(np.array(p), [0], size)


@pytest.mark.parametrize("change", [lambda a: a.astype(a.dtype.newbyteorder()), lambda a: a[::-1]])
def test_other_layouts(rng, change):
    p, targets = rng.random(30), rng.integers(0, 30, 50)
    np.random.seed(3)
    expected = ops.negative_samples(np.ascontiguousarray(change(p)), change(targets).astype(int), 5)
    np.random.seed(3)
    np.testing.assert_array_equal(ops.negative_samples(change(p), change(targets), 5), expected)


@pytest.mark.skipif(os.name == "nt", reason="needs setitimer")
def test_a_long_call_is_left_on_a_signal():
    code = """
    import signal, time
    import numpy as np
    from fastembed import ops
    p = np.full(200_000, 1e-18)
    p[0] = 1
    ops.negative_samples(p, [0], 2)
    def stop(*_):
        raise InterruptedError
    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        ops.negative_samples(p, np.zeros(100_000, int), 50)  # an hour
    except InterruptedError:
        print("left")
    """
    done = run_code(code)
    assert done.stdout == "left\n", done.stderr
