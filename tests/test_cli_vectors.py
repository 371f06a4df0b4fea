"""``python -m fastembed similar`` and ``analogy``, on what ``train`` wrote and on other files."""

import numpy as np
import pytest

from fastembed import models, vectors
from fastembed._errors import UserError
from fastembed.cli import analogy, similar
from fastembed.tasks import plots
from fastembed.text import WordTokenizer

WORDS = "king queen man woman paris".split()
ARRAY = np.array([[5, 1, 0], [5, -1, 0], [1, 1, 0], [1, -1, 0.1], [0, 0, 1]], "f")


@pytest.fixture(params=["safetensors", "vec", "bin", "npy"])
def file(request, tmp_path):
    path = tmp_path / f"words.{request.param}"
    if request.param == "safetensors":
        model = models.CBOW(len(WORDS) + 2, 3, 1, np.arange(len(WORDS) + 2))
        model.tokenizer = WordTokenizer(WORDS)  # its first two are no words
        model.params[0][:] = np.concatenate([np.eye(3, dtype="f")[:2] * -1, ARRAY])
        model.save(path)
    elif request.param == "npy":
        np.save(path, ARRAY)
        path.with_suffix(".txt").write_text("\n".join(WORDS))
    else:
        vectors.save(path, WORDS, ARRAY)
    return path


def test_similar(file, capsys):
    assert similar.main([str(file), "king", "--topn", "2"]) == 0
    assert capsys.readouterr().out == " 0.9231  queen\n 0.8321  man\n"
    assert similar.main([str(file), "king", "paris", "--topn", "1", "--limit", "7"]) == 0
    assert capsys.readouterr().out == "king\n 0.9231  queen\n\nparis\n 0.0705  woman\n"


def test_similar_draws_words_and_their_neighbours(file, tmp_path, capsys, monkeypatch):
    drawn, path = [], tmp_path / "words.png"
    monkeypatch.setattr(plots, "vectors", lambda *given: drawn.append(given) or given[0])
    assert similar.main([str(file), "king", "--plot", str(path), "paris", "--topn", "2"]) == 0
    ((where, groups, found),) = drawn
    assert where == str(path) and groups[0] == ["king", "queen", "man"] and groups[1][0] == "paris"
    np.testing.assert_allclose(found["king"], ARRAY[0])
    assert capsys.readouterr().out.endswith(f"\npicture     {path}\n")


def test_a_folder_is_that_of_its_vectors(tmp_path, capsys):
    vectors.save(tmp_path / "word2vec.safetensors", WORDS, ARRAY)
    vectors.save(tmp_path / "word2vec.bin", WORDS, ARRAY)
    assert similar.main([str(tmp_path), "king", "--topn", "1"]) == 0
    assert capsys.readouterr().out == " 0.9231  queen\n"
    (tmp_path / "word2vec.safetensors").unlink()
    with pytest.raises(UserError, match="No model alone in folder .*: no .safetensors file"):
        similar.main([str(tmp_path), "king"])


def test_analogy(file, capsys):
    assert analogy.main([str(file), "man", "king", "woman", "--topn", "1"]) == 0
    assert capsys.readouterr().out.endswith("  queen\n")


def test_wrong_arguments_end_with_one_line(here, tmp_path):
    good, bad = tmp_path / "v.vec", tmp_path / "bad.vec"
    vectors.save(good, WORDS, ARRAY)
    bad.write_text("2 1\na 1\n")
    for arguments, message in [
        (["similar", good, "dog", "king", "cat"], "none of its 5 words is 'dog', 'cat'"),
        (["similar", tmp_path / "none", "king"], "none: No such file or directory"),
        (["similar", bad, "king"], "bad.vec: line 1 promises 2 words, the file ends after 1"),
        (["analogy", good, "king", "man"], "the following arguments are required: C"),
        (["similar", good], "the following arguments are required: WORD"),
        (["similar", good, "king", "--topn", "0"], "must be an integer >= 1, got '0'"),
    ]:
        done = here(*map(str, arguments), cwd=tmp_path)
        assert done.returncode == 2 and done.stdout == "", arguments
        assert done.stderr.count("\n") == 1 and message in done.stderr
