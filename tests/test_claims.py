"""The claims' machinery: designs are what they are said to be, figures reach tables and pages."""

import json

import numpy as np
import pytest
from helpers import numeric
from pages import ROOT
from scipy import stats

from benchmarks import claims
from benchmarks.claims import designs, language, measure
from benchmarks.claims import pages as documentation
from benchmarks.claims.__main__ import main, markdown

V, D, N, T = 20, 5, 3, 4


@pytest.fixture
def setting(rng):
    W = rng.standard_normal((V, D)).astype("f")
    return W, rng.integers(0, V, (N, T)), rng.standard_normal((N, T, D)).astype("f")


def test_all_designs_are_one_function_until_something_is_learnt(setting):
    W, xs, dout = setting
    layers = {
        "A": designs.PerStep(W),
        "A1": designs.OnePass(W),
        "C": designs.Separate(W, T),
        "P": designs.Positions(W, T),
    }
    expected = designs.Shared(W)
    out = expected.forward(xs)
    expected.backward(dout)
    for name, layer in layers.items():
        np.testing.assert_array_equal(layer.forward(xs), out)
        layer.backward(dout)
        total = layer.grads[0].reshape(-1, V, D).sum(axis=0)
        np.testing.assert_allclose(total, expected.grads[0], rtol=1e-5, atol=1e-6, err_msg=name)


def test_each_time_step_has_its_table(setting):
    W, xs, dout = setting
    layer = designs.Separate(W, T)
    tables = layer.params[0].reshape(T, V, D)
    tables += np.arange(T, dtype="f")[:, None, None]
    out = layer.forward(xs)
    layer.backward(dout)
    grads = layer.grads[0].reshape(T, V, D)
    for t in range(T):
        np.testing.assert_array_equal(out[:, t], tables[t][xs[:, t]])
        one = designs.OnePass(tables[t])
        one.forward(xs[:, t])
        one.backward(dout[:, t])
        np.testing.assert_allclose(grads[t], one.grads[0], rtol=1e-6)
    with pytest.raises(IndexError, match="5 time steps, and there are 4 tables"):
        layer.forward(np.zeros((1, T + 1), int))


def test_gradient_of_position_vectors(setting):
    W, xs, dout = setting
    layer = designs.Positions(W, T + 2)  # the last two are not reached
    layer.P[...] = 1
    layer.forward(xs)
    layer.backward(dout)
    slopes = numeric(lambda: float(np.vdot(layer.forward(xs), dout)), layer.P, change=0.5)
    np.testing.assert_allclose(layer.grads[1], slopes, rtol=1e-4, atol=1e-4)


def test_interval_is_students():
    values = [3.0, 4.5, 2.0, 5.0, 4.0]
    found = measure.interval(values)
    low, high = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    np.testing.assert_allclose([found["mean"] - found["half"], found["mean"] + found["half"]],
                               [low, high])  # fmt: skip


def test_peak_counts_what_a_call_allocates():
    assert 8e6 <= measure.peak(lambda: np.ones(1_000_000)) < 9e6


def test_a_frozen_layer_stays_as_it_is():
    _, ids, held = language.corpus(50)
    lm = language.freeze(language.model(designs.Shared, 50, 4, 4))
    before = [param.copy() for param in (lm.layers[0].params[0], lm.params[0])]
    language.train(lm, ids[:500], held[:300], steps=5, epochs=1, lr=0.01)
    np.testing.assert_array_equal(lm.layers[0].params[0], before[0])
    assert not np.array_equal(lm.params[0], before[1])


def test_the_command(tmp_path, capsys):
    quick = ["memory", "gradient"]
    assert main([quick[0], "--quick", f"--out={tmp_path}"]) == 0
    assert main([quick[1], "--quick", f"--out={tmp_path}"]) == 0  # the first one is kept
    data = json.loads((tmp_path / "claims.json").read_text("utf-8"))
    assert list(data["parts"]) == quick
    assert "## Memory" in (tmp_path / "claims.md").read_text("utf-8")
    for name in quick:
        assert (tmp_path / f"claims-{name}.png").stat().st_size > 5000
    with pytest.raises(SystemExit):
        main(["nothing"])
    capsys.readouterr()


def test_pages_are_filled_by_a_command(tmp_path):
    """All parts' tables, quotes and pictures are made from the stored figures."""
    data = json.loads((ROOT / "docs" / "claims.json").read_text("utf-8"))
    assert list(data["parts"]) == claims.PARTS
    docs = tmp_path / "docs"
    (docs / "img").mkdir(parents=True)
    (docs / "page.md").write_text("cosine <!--meaning.after-->?<!--/-->\n", "utf-8")
    documentation.write(data, tmp_path)
    assert "?" not in (docs / "page.md").read_text("utf-8")
    pictures = {path.stem for path in (docs / "img").glob("*.png")}
    assert {f"claims-{name}" for name in claims.PARTS} | {"lookup", "designs"} <= pictures
    for title in ("The five points", *(claims.part(name).TITLE for name in claims.PARTS)):
        assert title in markdown(data)
