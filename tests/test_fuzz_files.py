"""Every reader of files against damaged and crafted files, two thousand in a run."""

import json

import numpy as np
import pytest
from fuzz_files import CORPUS, READERS, resume, try_bytes, try_one
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FILES = {name: sorted((CORPUS / name).iterdir()) for name in READERS}


def often(examples):
    checks = list(HealthCheck)
    return settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=checks
    )


@pytest.mark.parametrize("name", READERS)
def test_the_corpus(name):
    """Names of files that are good begin with ``good``."""
    for path in FILES[name]:
        assert try_bytes(name, path.read_bytes()) == path.name.startswith("good"), path.name
    assert len(FILES[name]) > 10


@st.composite
def damaged(draw, files):
    """A file of the corpus with some bytes changed, removed, repeated or put in from another."""
    data = bytearray(draw(st.sampled_from(files)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 12)))
        other = draw(st.sampled_from(files))
        start = draw(st.integers(0, len(other)))
        data[at:end] = draw(
            st.one_of(
                st.binary(max_size=end - at),
                st.sampled_from(
                    [b"", b"\xff" * 8, b"\x7f\xff\xff\xff", bytes(8), b"(", b"]", b"0"]
                ),
                st.just(bytes(data[at:end] * 2)),
                st.just(other[start : start + 20]),
            )
        )
    return bytes(data)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("examples", [400, pytest.param(10_000, marks=pytest.mark.slow)])
def test_damaged_files_are_read_or_refused(name, examples):
    files = [path.read_bytes() for path in FILES[name]]

    @often(examples)
    @given(damaged(files))
    def run(data):
        try_bytes(name, data)

    run()


# ---- checkpoints with a right checksum

numbers = st.one_of(st.integers(-2, 6), st.integers(), st.floats(), st.booleans())
odd = st.recursive(st.none() | numbers | st.text(max_size=4), lambda x: st.lists(x, max_size=3))


def near(values):
    """A dict with the keys of another, mostly, and its values, mostly."""
    items = {key: st.just(value) | odd for key, value in values.items()}
    return st.fixed_dictionaries({}, optional=items) | st.fixed_dictionaries(items) | odd


settings_ = near(
    dict(embed=2, hidden=3, min_count=1, batch=2, steps=2, max_grad=0.5, seed=1)
    | dict(model="Rnnlm", level="word")
)
history = near({"training": [1.5], "held out": [2.5]})
progress = near(
    dict(epoch=1, best_epoch=1, best=2.5, lr=1.0, step=0, steps=0, until=2, total=0.0, iter=0)
    | dict(seconds=0.0, recent=0.0, data="text", random=list(np.random.get_state()[:1]))
).flatmap(
    lambda values: history.map(lambda h: {**values, "history": h} if type(values) is dict else h)
)
sizes = near(dict(vocab_size=3, wordvec_size=2, hidden_size=3))
made = sizes.map(lambda sizes: {"class": "Rnnlm", "arguments": sizes}) | odd
texts = st.tuples(*(part.map(json.dumps) for part in (settings_, progress, made)))
good = [(3, 2), (2, 12), (3, 12), (12,), (3, 3), (3,)]
shapes = st.tuples(*(st.just(s) | st.lists(st.integers(0, 3), max_size=3) for s in good))


@often(100)
@given(st.tuples(st.just(good) | shapes, texts).map(lambda pair: (pair[0], *pair[1])))
def test_crafted_checkpoints_are_taken_or_refused(data):
    try_one(resume, data, sum(map(len, data)))
