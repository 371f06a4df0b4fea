"""The language model's training beyond the command: what is measured, and what is gone back to."""

from types import SimpleNamespace

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
def test_perplexity_counts_every_word_once(size, monkeypatch):
    monkeypatch.setattr(lm, "STREAM", 5)
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


@pytest.mark.parametrize("tokens", [40, 500, 20_000, 50_000, 110_000, 5_000_000])
def test_a_short_text_is_read_more_often(tokens):
    options = SimpleNamespace(**lm.DEFAULTS)
    told = lm.choose(options, tokens)
    count = (tokens - 1) // (options.batch * options.steps)
    assert count >= 1 and options.patience * count >= lm.WAIT and options.patience >= 2
    steps = options.epochs * count
    assert lm.FEWEST <= options.epochs <= lm.MOST
    assert steps >= lm.WANTED or options.epochs == lm.MOST
    assert steps < lm.WANTED + count or options.epochs == lm.FEWEST
    assert f"--epochs {options.epochs} ({steps:,} steps)" in told and f" {tokens:,} tokens" in told
    assert f"--weight-decay {options.weight_decay}" in told and f"--batch {options.batch}" in told


def test_what_is_given_is_not_chosen():
    given = dict(batch=3, epochs=5, weight_decay=0.0, patience=7)
    options = SimpleNamespace(**{**lm.DEFAULTS, **given})
    assert lm.choose(options, 50_000) is None
    assert {name: getattr(options, name) for name in given} == given


def test_each_epoch_begins_elsewhere_and_reads_the_whole_text():
    text = np.arange(1, 202, dtype=np.int32)
    options = SimpleNamespace(epochs=3, lr=0.1, batch=2, steps=5, seed=1)
    model = SimpleNamespace(tokenizer=SimpleNamespace(vocab_size=300))
    corpus = SimpleNamespace(train=text)
    run = lm.Training(None, options, None, model, None, None, corpus=corpus)
    epochs = []
    for run.epoch in range(3):
        run.step = 0
        xs, ts = (np.concatenate(part, 1) for part in list(zip(*run.batches(), strict=True))[:2])
        assert sorted(xs.ravel()) == list(range(1, 201))
        np.testing.assert_array_equal(xs % 200 + 1, (ts - 1) % 200 + 1)
        epochs.append(xs)
        run.step = 7  # as after a pause
        np.testing.assert_array_equal(next(run.batches())[0], xs[:, 35:40])
    assert len({int(xs[0, 0]) for xs in epochs}) == 3


def test_the_rate_rises_then_falls():
    rates = [training.warm_cosine(done, 0.1) for done in np.linspace(0, 1, 101)]
    assert rates[0] == 0.01 and max(rates) == rates[10] == 1 and rates[-1] == pytest.approx(0.01)
    assert np.all(np.diff(rates[:11]) > 0) and np.all(np.diff(rates[10:]) < 0)
    assert training.warm_cosine(0.0, 0.0) == 1
