"""Pictures: what is drawn of word vectors, and letters that no font has."""

import os
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

from fastembed import vectors
from fastembed.tasks import plots

pytest.importorskip("matplotlib")


def found(words, rows):
    return vectors.WordVectors(words, np.array(rows, np.float32))


def drawn(groups, wv):
    """The figure, as it is written."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    plots.vectors.__wrapped__(figure, groups, wv)
    figure.canvas.draw()
    return figure


def test_words_lie_where_their_principal_components_are():
    rng = np.random.default_rng(0)
    plane = rng.standard_normal((5, 2)) * [3, 1]
    rows = np.append(plane, np.zeros((5, 4)), axis=1)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    turned = rows @ np.linalg.qr(rng.standard_normal((6, 6)))[0]
    places, shares = plots._plane(turned * rng.uniform(1, 9, (5, 1)))  # lengths do not count
    assert sum(shares) == pytest.approx(1) and shares[0] > shares[1]
    for a, b in combinations(range(5), 2):
        distance = np.linalg.norm(rows[a] - rows[b])
        assert np.linalg.norm(places[a] - places[b]) == pytest.approx(distance)


def test_labels_do_not_overlap():
    rng = np.random.default_rng(0)
    words = [f"word{k}" + "s" * (k % 5) for k in range(60)]
    centres = np.repeat(rng.standard_normal((10, 20)), 6, axis=0)
    wv = found(words, centres + 0.3 * rng.standard_normal((60, 20)))
    groups = [words[k : k + 6] + words[:1] for k in range(0, 60, 6)]
    figure = drawn(groups, wv)
    from matplotlib.text import Text

    (axes,) = figure.axes
    labels = {text.get_text(): text for text in axes.texts}
    assert sorted(labels) == sorted(words)
    assert [w for w in words if labels[w].get_bbox_patch()] == words[::6]
    # an annotation's own extent has the line to its point in it
    boxes = [Text.get_window_extent(text).padded(-1) for text in labels.values()]
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)
    frame = axes.get_window_extent()
    assert all(frame.contains(*corner) for box in boxes for corner in box.corners())
    markers = [str(part.get_paths()[0].vertices.shape) for part in axes.collections]
    assert len(axes.collections) == 10 and len(set(markers)) > 3  # told apart in grey too


@pytest.mark.parametrize("words", [["one"], ["same", "same too"]])
def test_few_words(tmp_path, words):
    wv = found(words, np.ones((len(words), 3)))
    path = plots.vectors(tmp_path / "words.png", [words], wv)
    assert path == str(tmp_path / "words.png")
    assert (tmp_path / "words.png").read_bytes().startswith(b"\x89PNG")


def test_letters_without_a_font_are_told(tmp_path):
    words = ["a", "\U000f0000"]  # of private use: no font has it
    said = plots.vectors(tmp_path / "words.png", [words], found(words, np.eye(2)))
    assert said == f"{tmp_path / 'words.png'} (no font that is installed has all letters)"


def test_a_backend_that_is_none_costs_the_picture_alone(tmp_path):
    code = (
        "from fastembed.tasks import plots\n"
        "print(plots.attention('x.png', [(['a'], ['b'], [[1]])]))"
    )
    env = {**os.environ, "MPLBACKEND": "nonsense"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env)
    assert done.stdout.startswith("no picture: ") and "nonsense" in done.stdout, done.stderr
    assert not any(tmp_path.iterdir())
