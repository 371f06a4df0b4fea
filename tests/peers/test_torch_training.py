"""PyTorch, with the recipe of ``python -m fastembed train``, comes where the command does."""

import languages
import pytest

from benchmarks import language_models


def test_pytorch_trains_as_the_command_does(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(languages.book("English", 80), "utf-8")
    # without dropout, which is drawn differently; rounding makes long trainings differ
    sizes = {"embed": 16, "hidden": 16, "batch": 16, "steps": 20, "epochs": 2, "dropout": 0.0}
    _, epochs, bits = language_models.measure([str(path)], **sizes)
    assert epochs == 2
    assert bits["PyTorch"] == pytest.approx(bits["ours"], rel=1e-5)
