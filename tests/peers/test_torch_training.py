"""PyTorch, with the recipe of ``python -m fastembed train``, comes where the command does."""

import languages
import numpy as np
import pytest
import torch

from benchmarks import language_models


def _dropout(xs, ratio, train):
    """With the masks that `TimeDropout` draws."""
    masks = np.random.random_sample(tuple(xs.shape)) > ratio if train else np.True_
    return xs * torch.tensor(masks) / (1 - ratio if train else 1)


def test_pytorch_trains_as_the_command_does(tmp_path, monkeypatch):
    path = tmp_path / "text.txt"
    path.write_text(languages.book("English", 80), "utf-8")
    monkeypatch.setattr(torch.nn.functional, "dropout", _dropout)
    # few steps: rounding makes long trainings differ
    sizes = {"embed": 16, "hidden": 16, "batch": 16, "steps": 20, "epochs": 2}
    _, epochs, bits = language_models.measure([str(path)], **sizes)
    assert epochs == 2
    assert bits["PyTorch"] == pytest.approx(bits["ours"], rel=1e-5)
