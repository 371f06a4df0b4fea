"""The language model's training beyond the command: what is measured, and what is gone back to."""

import numpy as np
import pytest

import fastembed
from fastembed.tasks import lm, training


class Scored:
    """A model whose loss is the mean of the words to predict."""

    def reset_state(self):
        pass

    def forward(self, xs, ts, train_flg):
        return ts.mean() / 10


@pytest.mark.parametrize("size", [13, 41, 43, 57])
def test_perplexity_counts_every_word_once(size):
    ids = np.random.default_rng(size).integers(0, 20, size)
    batch = min(4, (size - 1) // 5)
    predicted = ids[1 : 1 + (size - 1) // batch * batch]
    assert lm.perplexity(Scored(), ids, 4, 5) == pytest.approx(np.exp(predicted.mean() / 10))


def test_epochs_that_do_not_help_end_training_and_the_best_is_kept(tmp_path, monkeypatch, here):
    (tmp_path / "text.txt").write_text("some words here .\n\n" * 500)
    seen = []

    def perplexity(model, *_):
        seen.append([param.copy() for param in model.params])
        return [3.0, 2.0, 2.5, 2.25, 1.0][len(seen) - 1]

    monkeypatch.setattr(lm, "perplexity", perplexity)
    sizes = "--embed 4 --hidden 4 --batch 2 --steps 5 --epochs 9 --patience 2".split()
    done = here("train", "text.txt", *sizes, cwd=tmp_path)
    assert done.returncode == 0 and len(seen) == 4, done.stderr
    assert "no better any more, so this is the end" in done.stdout
    assert "(epoch 2, perplexity 2.0)" in done.stdout
    for param, best in zip(
        fastembed.load(tmp_path / "fastembed-train").params, seen[1], strict=True
    ):
        np.testing.assert_array_equal(param, best)


def test_the_rate_rises_then_falls():
    rates = [training.warm_cosine(done, 0.1) for done in np.linspace(0, 1, 101)]
    assert rates[0] == 0.01 and max(rates) == rates[10] == 1 and rates[-1] == pytest.approx(0.01)
    assert np.all(np.diff(rates[:11]) > 0) and np.all(np.diff(rates[10:]) < 0)
    assert training.warm_cosine(0.0, 0.0) == 1
