"""Word vectors against gensim: files in both directions, and what is similar."""

import numpy as np
import pytest
from gensim.models import KeyedVectors, Word2Vec

from fastembed import vectors

WORDS = [f"word{k}" for k in range(500)]


@pytest.fixture
def theirs(rng):
    made = KeyedVectors(24)
    made.add_vectors(WORDS, rng.standard_normal((500, 24)).astype("f"))
    return made


@pytest.fixture
def ours(theirs):
    return vectors.WordVectors(theirs.index_to_key, theirs.vectors)


def same(found, theirs):
    words = found.words if hasattr(found, "words") else found.index_to_key
    assert words == theirs.index_to_key
    np.testing.assert_array_equal(found.vectors, theirs.vectors)


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize("name", ["v", "v.gz"])
def test_what_gensim_writes_is_read(binary, name, theirs, tmp_path):
    path = str(tmp_path / name)
    theirs.save_word2vec_format(path, binary=binary)
    same(vectors.load(path), theirs)
    same(
        vectors.load(path, limit=7), KeyedVectors.load_word2vec_format(path, binary=binary, limit=7)
    )
    theirs.save_word2vec_format(path, binary=binary, write_header=binary)
    same(vectors.load(path), theirs)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # gensim's own
def test_a_file_without_a_header(theirs, tmp_path):
    path = str(tmp_path / "v.txt")
    theirs.save_word2vec_format(path, write_header=False)
    same(vectors.load(path), KeyedVectors.load_word2vec_format(path, no_header=True))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("errors", ["ignore", "replace"])
def test_encodings_and_dtypes(errors, dtype, tmp_path, rng):
    path = tmp_path / "v.txt"
    rows = [f"{word} {' '.join(map(repr, rng.random(5).tolist()))}\n" for word in ("größe", "ok")]
    path.write_bytes(("2 5\n" + "".join(rows)).encode("latin-1"))
    for given in (dict(encoding="latin-1"), dict(encoding="utf8", errors=errors)):
        theirs = {"encoding": given["encoding"], "unicode_errors": given.get("errors", "strict")}
        wanted = KeyedVectors.load_word2vec_format(str(path), datatype=getattr(np, dtype), **theirs)
        found = vectors.load(path, dtype=dtype, **given)
        assert found.vectors.dtype == wanted.vectors.dtype == dtype
        same(found, wanted)
    for load in (vectors.load, lambda path: KeyedVectors.load_word2vec_format(str(path))):
        with pytest.raises(ValueError):  # UnicodeDecodeError is one
            load(path)


def test_surplus_lines_are_refused(tmp_path):
    """Different: gensim leaves them out in silence; a file that is cut off is an error to both."""
    path = tmp_path / "v.txt"
    path.write_text("1 2\na 1 2\nb 3 4\n")
    assert KeyedVectors.load_word2vec_format(str(path)).index_to_key == ["a"]
    with pytest.raises(ValueError, match="line 1 promises 1 words, but there is a line 3"):
        vectors.load(path)
    path.write_text("3 2\na 1 2\nb 3 4\n")
    with pytest.raises(EOFError):
        KeyedVectors.load_word2vec_format(str(path))
    with pytest.raises(ValueError, match="line 1 promises 3 words, the file ends after 2"):
        vectors.load(path)


def test_words_their_places_and_rows(ours, theirs):
    assert ours.words == theirs.index_to_key and len(ours) == len(theirs)
    for word in ("word0", "word77", "word499"):
        assert word in ours and word in theirs
        np.testing.assert_array_equal(ours[word], theirs[word])
        assert ours.key_to_index[word] == theirs.key_to_index[word] == theirs.get_index(word)
        np.testing.assert_array_equal(ours[word], theirs.get_vector(word))
        assert theirs.has_index_for(word)
    np.testing.assert_array_equal(ours[["word3", "word1"]], theirs[["word3", "word1"]])
    for wv in (ours, theirs):
        assert "nowhere" not in wv
        with pytest.raises(KeyError, match="nowhere"):
            wv["nowhere"]
        with pytest.raises(KeyError, match="nowhere"):
            wv.similarity("word1", "nowhere")
        with pytest.raises(KeyError, match="nowhere"):
            wv.most_similar("nowhere")


def test_native_files_are_read_when_asked_for(theirs, tmp_path):
    theirs.save(str(tmp_path / "v.kv"))
    same(vectors.load(tmp_path / "v.kv", format="gensim"), theirs)
    with pytest.raises(ValueError, match="v.kv: it is a pickle; format='gensim' loads it"):
        vectors.load(tmp_path / "v.kv")


@pytest.mark.parametrize("name", ["v.txt", "v.bin"])
def test_gensim_reads_what_is_written(name, ours, theirs, tmp_path):
    ours.save(tmp_path / name)
    found = KeyedVectors.load_word2vec_format(str(tmp_path / name), binary=name == "v.bin")
    same(found, theirs)


def test_a_model_that_was_trained(tmp_path):
    sentences = [["a", "b", "c", "d", "größer"] * 5] * 30
    model = Word2Vec(sentences, vector_size=10, min_count=1, seed=1, workers=1, epochs=1)
    model.wv.save_word2vec_format(str(tmp_path / "v.bin"), binary=True)
    same(vectors.load(tmp_path / "v.bin"), model.wv)


def alike(found, wanted):
    found = list(found)
    assert [word for word, _ in found] == [word for word, _ in wanted]
    np.testing.assert_allclose([s for _, s in found], [s for _, s in wanted], atol=1e-6)


QUESTIONS = [
    (dict(positive="word3"), {}),
    (dict(positive=["word3", "word4"], negative=["word5"]), {}),
    (dict(positive="word3", negative="word4"), dict(topn=3)),
    (dict(negative=["word3"]), dict(topn=20)),
    (dict(positive=["word3"]), dict(topn=5, restrict_vocab=50)),
]


@pytest.mark.parametrize(("words", "options"), QUESTIONS)
def test_most_similar(words, options, ours, theirs):
    alike(ours.most_similar(**words, **options), theirs.most_similar(**words, **options))


def test_most_similar_by_other_names(ours, theirs):
    for name in ("similar_by_word", "similar_by_key"):
        wanted = getattr(theirs, name)("word3", topn=5, restrict_vocab=50)
        alike(ours.most_similar("word3", topn=5, restrict_vocab=50), wanted)


def test_most_similar_to_a_vector(ours, theirs):
    given = [theirs["word3"] * 3, "word4"]
    alike(ours.most_similar(given), theirs.most_similar(given))
    vector = theirs["word3"] * 3
    alike(ours.most_similar(vector), theirs.similar_by_vector(vector))


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def test_a_line_of_numpy_gives_the_other_measures(ours, theirs):
    a, b, few = "word3", "word9", ["word4", "word5", "word6"]
    for found, wanted in (
        (unit(ours.vectors), theirs.get_normed_vectors()),
        (unit(ours[a]), theirs.get_vector(a, norm=True)),
        (unit(ours[few]).mean(axis=0), theirs.get_mean_vector(few)),
        (unit(ours[[a, b]].mean(axis=0)) @ unit(ours[few].mean(axis=0)),
         theirs.n_similarity([a, b], few)),
        (unit(ours[few]) @ unit(ours[a]), theirs.cosine_similarities(theirs[a], theirs[few])),
        (1 - ours.similarity(a, b), theirs.distance(a, b)),
        (1 - unit(ours.vectors) @ unit(ours[a]), theirs.distances(a)),
    ):  # fmt: skip
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_ranks_are_read_off_the_list(ours, theirs):
    a, b, few = "word3", "word9", ["word4", "word5", "word6"]
    scores = dict(ours.most_similar(a, topn=len(ours) - 1))
    words = list(scores)
    assert words.index(b) + 1 == theirs.rank(a, b)
    assert set(words[: words.index(b)]) == set(theirs.closer_than(a, b))
    assert max(few, key=scores.get) == theirs.most_similar_to_given(a, few)
    share = scores[b] / sum(list(scores.values())[:10])
    assert share == pytest.approx(float(theirs.relative_cosine_similarity(a, b, 10)), abs=1e-6)


def test_the_odd_one_of_unknown_words(ours, theirs):
    """Different: gensim leaves them out."""
    assert theirs.doesnt_match(["word1", "word2", "nowhere"]) in ("word1", "word2")
    with pytest.raises(KeyError, match="nowhere"):
        ours.doesnt_match(["word1", "word2", "nowhere"])


def test_similarity_analogy_and_the_odd_one(ours, theirs, rng):
    for _ in range(50):
        a, b, c, d = rng.choice(WORDS, 4, replace=False).tolist()
        assert ours.similarity(a, b) == pytest.approx(float(theirs.similarity(a, b)), abs=1e-6)
        assert ours.doesnt_match([a, b, c, d]) == theirs.doesnt_match([a, b, c, d])
        alike(ours.analogy(a, b, c), theirs.most_similar(positive=[b, c], negative=[a]))


def test_nearest_is_what_gensim_finds_word_by_word(ours, theirs):
    ids, scores = ours.nearest(theirs.vectors[:20], 6)
    for k in range(20):
        wanted = theirs.similar_by_vector(theirs.vectors[k], topn=6)
        alike(zip((WORDS[i] for i in ids[k]), scores[k], strict=True), wanted)
