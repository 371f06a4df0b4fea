"""The benchmark of language models: its n-grams, and its table."""

import itertools

import languages
import pytest

from benchmarks import language_models
from benchmarks.language_models import KneserNey

IDS = [0, 1, 0, 1, 0, 2, 1, 0, 1, 3, 0]  # of 5 tokens


def test_probabilities_sum_to_one():
    for order in (1, 2, 3, 5):
        model = KneserNey(IDS, order, 5)
        for n in range(order + 1):
            for history in itertools.product(range(5), repeat=n):
                found = [model.probability(token, history) for token in range(5)]
                assert min(found) > 0
                assert sum(found) == pytest.approx(1, abs=1e-12)


def test_bigrams_by_hand():
    # bigrams: 01 three times, 10 three times, 02 21 13 30 once: nothing twice, so Y = 4/4 = 1 and
    # D1 = 1 - 2*0/4 = 1; three has D3 = 3 - 4*0/2 = 3. Different words before 0, 1, 2, 3: two
    # (1, 3), two (0, 2), one, one: Y = 2/(2 + 2*2) = 1/3, D1 = 1 - 2/3*2/2 = 1/3, and
    # D2 = 2 - 3/3*0/2 = 2
    model = KneserNey(IDS, 2, 5)
    assert [discounts for *_, discounts in model.tables] == [
        pytest.approx([0, 1 / 3, 2, 0.5]),
        pytest.approx([0, 1, 0.5, 3]),
    ]
    rest = (2 + 2 + 1 / 3 + 1 / 3) / 6 / 5  # what each token gets of the discounts
    lower = [rest, rest, 2 / 3 / 6 + rest, 2 / 3 / 6 + rest, rest]
    assert [model.probability(k, ()) for k in range(5)] == pytest.approx(lower)
    # after 0, four bigrams lose all their counts
    assert model.probability(1, (0,)) == pytest.approx(lower[1])
    # after 4, nothing was seen
    assert model.probability(2, (4,)) == pytest.approx(lower[2])


def test_trigrams_by_hand():
    # "0 1 0 1": trigrams 010 101, bigrams 01 (after 1) and 10 (after 0), one word each before 0
    # and 1; all once: Y = 1 and D1 = 1 at every order, so that only equal shares are left
    model = KneserNey([0, 1, 0, 1], 3, 4)
    assert model.loss([0, 1, 0, 3]) == pytest.approx(1.3862943611)  # ln 4


def test_a_known_text_is_less_surprising():
    text = [k % 7 for k in range(500)] + [0, 3, 5, 1]
    assert KneserNey(text, 3, 7).loss([k % 7 for k in range(50)]) < 0.2


def test_table(tmp_path, capsys):
    path = tmp_path / "text.txt"
    path.write_text(languages.book("English", 80), "utf-8")
    text = str(path)
    assert language_models.main([text, "--epochs=1", "--size=8", "--level=word"]) == 0
    header, _, row = capsys.readouterr().out.strip().split("\n")
    cells = dict(zip(header.split(" | "), row.split(" | "), strict=True))
    assert cells["| text"] == "| text.txt"
    assert cells["epochs"] == "1"
    ours, peer = float(cells["ours"]), float(cells["3-grams"])
    assert float(cells["ours / 3-grams"]) == pytest.approx(ours / peer, rel=0.01)
    assert language_models.main(["no such file"]) == 2
