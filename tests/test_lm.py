"""The language model's training beyond the command: what is measured, and what is gone back to."""

import numpy as np
import pytest

from fastembed.tasks import lm


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


def test_after_a_worse_epoch_training_goes_on_from_the_best(tmp_path, monkeypatch, here):
    (tmp_path / "text.txt").write_text("some words here .\n\n" * 500)
    seen = []

    def perplexity(model, *_):
        seen.append([param.copy() for param in model.params])
        if len(seen) == 2:
            for param in model.params:
                param[...] = 7
        return {2: 20.0}.get(len(seen), 10.0 / len(seen))

    monkeypatch.setattr(lm, "perplexity", perplexity)
    sizes = "--embed 4 --hidden 4 --batch 2 --steps 5 --epochs 3 --lr 1e-30".split()
    done = here("train", "text.txt", *sizes, cwd=tmp_path)
    assert done.returncode == 0 and "worse: back to epoch 1" in done.stdout, done.stderr
    for first, third in zip(seen[0], seen[2], strict=True):
        np.testing.assert_allclose(third, first, rtol=0, atol=1e-20)
