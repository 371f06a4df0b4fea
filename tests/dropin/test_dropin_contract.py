"""The contract of the book's layers on a user's classes with ours inside.

Each row does the same with the user's module as it is and with the accelerated one. Nothing may
have fallen back meanwhile, except where the row says so.
"""

import numpy as np
import pytest
from contract import EMBEDDINGS, ROWS, Row, V, normal

from fastembed.dropin import reporting
from fastembed.dropin.session import session


def helpers(module, rng):
    corpus = rng.integers(0, V, 200)
    for window in (1, 2, 5):
        counts = module.create_co_matrix(corpus, V, window)
        yield counts
        yield module.ppmi(counts)
        yield module.create_contexts_target(corpus, window)
    yield module.convert_one_hot(corpus, V)
    yield module.convert_one_hot(corpus.reshape(50, 4), V)
    trainer = module.RnnlmTrainer(None, None)
    trainer.time_idx = 0
    for _ in range(9):
        yield trainer.get_batch(corpus[:-1], corpus[1:], 5, 7)
        yield trainer.time_idx


def messages_of_index_errors(module, rng):
    for name in EMBEDDINGS:
        with pytest.raises(IndexError) as caught:
            getattr(module, name)(normal(rng, V, 4)).forward(np.array([[1, V]]))
        yield str(caught.value)


MORE = [
    Row("helpers_give_the_same", helpers, where="util"),
    Row("errors_are_the_original_s", messages_of_index_errors, only=EMBEDDINGS, falls_back=True),
]


@pytest.mark.parametrize("row", [*ROWS, *MORE], ids=lambda row: row.name)
def test_drop_in(row, project):
    plain, fast = project.twins(row.where, only=row.only)
    row.compare(row.seen(fast), row.seen(plain))
    calls = sum(subject.stats.calls for subject in session.subjects.values())
    fallbacks = [line for line in reporting.complaints() if "fell back" in line]
    assert calls or row.falls_back is not False, reporting.text()
    assert row.falls_back is None or bool(fallbacks) == row.falls_back, fallbacks


def test_star_import_hands_on_np_and_layers(project):
    _, fast = project.twins("layers")
    project.write("star", "from my_layers import *\nx = np.zeros(3)\nf = softmax, sigmoid\n")
    star = project.load("star")
    assert star.TimeLSTM is fast.TimeLSTM
    assert star.TimeLSTM.forward is fast.TimeLSTM.forward
