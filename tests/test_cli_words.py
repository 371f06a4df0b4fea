"""The words of a text, as ``train --task word2vec`` reads them."""

from fastembed.tasks.word2vec import read


def test_words_are_counted_and_rare_ones_left_out():
    pieces = ["The cat, a CAT\n\n", "3.14 and __x__: don’t! ", "The don’t and the 日本"]
    ids, words = read(pieces, 2)
    assert words == ["<unk>", "<eos>", "the", "cat", "and", "don’t"]
    assert [words[k] for k in ids] == "the cat cat and don’t the don’t and the".split()
    assert read(pieces, 1)[1][-3:] == ["__x__", "日", "本"]
    ids, words = read(["1 2"], 1)
    assert ids.tolist() == [] and words == ["<unk>", "<eos>"]
