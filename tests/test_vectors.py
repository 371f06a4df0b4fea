"""Word vectors: what is read is what was written; searches and fits against plain NumPy."""

import gzip
import json
import os
import tracemalloc
import warnings

import numpy as np
import pytest
from helpers import COUNTS

import fastembed
from fastembed import vectors
from fastembed._files import tensors
from fastembed.vectors import WordVectors, _search, _source

WORDS = ["the", "größer", "数", "x.y", "-1", "\u00a0", "\x85", "a\u2028b", "nan"]


@pytest.fixture
def parts(monkeypatch):
    """Files are read in parts of a few bytes."""
    monkeypatch.setattr(_source, "SIZE", 64)


@pytest.fixture
def wv(rng):
    return WordVectors(WORDS, rng.standard_normal((len(WORDS), 7)).astype("f"))


def text_of(wv, header=True, end=" \n"):
    """As the original word2vec and fastText write."""
    V, D = wv.vectors.shape
    lines = [f"{V} {D}\n"] if header else []
    for word in wv:
        lines.append(f"{word} " + " ".join(f"{x:.9g}" for x in wv[word]) + end)
    return "".join(lines).encode()


def binary_of(wv, end=b"\n"):
    V, D = wv.vectors.shape
    records = (word.encode() + b" " + wv[word].tobytes() + end for word in wv)
    return f"{V} {D}\n".encode() + b"".join(records)


def same(found, wv):
    assert found.words == list(wv)
    np.testing.assert_array_equal(found.vectors, wv.vectors)


FILES = {
    "word2vec": text_of,
    "without blanks at the end": lambda wv: text_of(wv, end="\n"),
    "with carriage returns": lambda wv: text_of(wv, end="\r\n"),
    "without the last newline": lambda wv: text_of(wv, end="\n")[:-1],
    "blank lines at the end": lambda wv: text_of(wv) + b" \n\r\n\n",
    "tabs and more blanks": lambda wv: text_of(wv).replace(b" ", b" \t "),
    "glove": lambda wv: text_of(wv, header=False, end="\n"),
    "binary": binary_of,
    "binary as gensim writes it": lambda wv: binary_of(wv, end=b""),
}


@pytest.mark.parametrize("packed", [False, True], ids=["", "gzip"])
@pytest.mark.parametrize("name", FILES)
def test_files_are_read(name, packed, wv, tmp_path):
    data = FILES[name](wv)
    path = tmp_path / "vectors"
    path.write_bytes(gzip.compress(data) if packed else data)
    same(vectors.load(path), wv)
    for limit in (1, 3, len(wv), 99):
        found = vectors.load(path, limit=limit)
        assert found.words == WORDS[:limit]
        np.testing.assert_array_equal(found.vectors, wv.vectors[:limit])


@pytest.mark.parametrize("threads", COUNTS)
@pytest.mark.parametrize("name", ["word2vec", "glove", "binary"])
@pytest.mark.parametrize("packed", [False, True], ids=["", "gzip"])
def test_files_of_many_parts(name, packed, threads, rng, tmp_path):
    V, D = 9000, 61  # about 6 MB of text
    wv = WordVectors([f"w{k}" * (k % 7 + 1) for k in range(V)], rng.random((V, D), "f"))
    path = tmp_path / "vectors"
    data = FILES[name](wv)
    path.write_bytes(gzip.compress(data, 1) if packed else data)
    before = fastembed.get_num_threads()
    fastembed.set_num_threads(threads)
    try:
        same(vectors.load(path), wv)
        assert vectors.load(path, limit=5000).words == wv.words[:5000]
    finally:
        fastembed.set_num_threads(before)


@pytest.mark.parametrize("name", FILES)
def test_parts_may_end_anywhere(name, wv, tmp_path, parts, monkeypatch):
    path = tmp_path / "vectors"
    path.write_bytes(FILES[name](wv))
    for size in range(1, 150):
        monkeypatch.setattr(_source, "SIZE", size)
        format = "glove" if name == "glove" else "word2vec-binary" if "binary" in name else None
        same(vectors.load(path, format=format or "word2vec"), wv)


def test_words_with_blanks_are_known_by_the_numbers_behind_them(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("the 1 2\n. . 3 4\nat me@here.org 5 6\nx 7 8\n")
    assert vectors.load(path).words == ["the", ". .", "at me@here.org", "x"]
    np.testing.assert_array_equal(vectors.load(path).vectors.ravel(), np.arange(1, 9))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", ["word2vec", "binary", "npy", "safetensors"])
def test_dtypes(dtype, name, wv, tmp_path):
    path = tmp_path / ("vectors.npy" if name == "npy" else "vectors")
    if name == "npy":
        np.save(path, wv.vectors)
        path.with_suffix(".txt").write_text("\n".join(WORDS), "utf-8", newline="\n")
    elif name == "safetensors":
        wv.save(path, "safetensors")
    else:
        path.write_bytes(FILES[name](wv))
    found = vectors.load(path, dtype=dtype)
    assert found.vectors.dtype == dtype and not found.vectors.flags.writeable
    tolerance = 1e-7 if name == "word2vec" and dtype == "float64" else 0
    np.testing.assert_allclose(found.vectors, wv.vectors.astype(dtype), rtol=tolerance)


def test_float64_text_keeps_every_bit(rng, tmp_path):
    wv = WordVectors(WORDS, rng.standard_normal((len(WORDS), 5)) * 1e-7)
    wv.save(tmp_path / "v.txt")
    same(vectors.load(tmp_path / "v.txt", dtype="float64"), wv)


@pytest.mark.parametrize("name", ["v.txt", "v.vec", "v.bin", "v.safetensors"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_what_is_written_is_read(name, dtype, rng, tmp_path):
    values = rng.standard_normal((3000, 9)) * 10.0 ** rng.integers(-30, 30, (3000, 9))
    values = values.astype(dtype) if dtype != "float16" else rng.random((3000, 9)).astype(dtype)
    words = [f"w{k}" for k in range(3000)]
    vectors.save(tmp_path / name, words, values)
    kept = "float32" if name == "v.bin" else dtype
    found = vectors.load(tmp_path / name, dtype=kept)
    same(found, WordVectors(words, values.astype(kept)))


def test_encodings(tmp_path):
    path = tmp_path / "v.txt"
    path.write_bytes("2 1\ngr\xf6\xdfer 1\nb 2\n".encode("latin-1"))
    assert vectors.load(path, encoding="latin-1").words == ["größer", "b"]
    assert vectors.load(path, errors="replace").words == ["gr\ufffd\ufffder", "b"]
    with pytest.raises(ValueError, match=r"v\.txt: line 2: its word is not utf-8: "):
        vectors.load(path)
    with pytest.raises(LookupError):
        vectors.load(path, encoding="klingon")


@pytest.mark.parametrize("header", ["2 1\n", ""])
@pytest.mark.parametrize("packed", [False, True])
def test_a_byte_order_mark_is_no_part_of_a_word(header, packed, tmp_path):
    data = f"\ufeff{header}größer 1\nb 2\n".encode()
    (tmp_path / "v.txt").write_bytes(gzip.compress(data) if packed else data)
    assert vectors.load(tmp_path / "v.txt").words == ["größer", "b"]
    (tmp_path / "v.txt").write_bytes(data[:-2] + b"x\n")
    with pytest.raises(ValueError, match=rf"byte {len(data) - 4}: 'x' is no number"):
        vectors.load(tmp_path / "v.txt")


def test_npy_with_words_elsewhere(wv, tmp_path):
    np.save(tmp_path / "v.npy", wv.vectors)
    (tmp_path / "names").write_text("\n".join(WORDS) + "\n", "utf-8", newline="\n")
    for words in (WORDS, tmp_path / "names", str(tmp_path / "names")):
        same(vectors.load(tmp_path / "v.npy", words=words), wv)
    with pytest.raises(ValueError, match="v.npy: it has 9 rows for 2 words"):
        vectors.load(tmp_path / "v.npy", words=["a", "b"])
    with pytest.raises(FileNotFoundError, match="v.txt"):
        vectors.load(tmp_path / "v.npy")


def test_other_programs_safetensors(wv, tmp_path):
    path = tmp_path / "v.safetensors"
    metadata = {"vocabulary": json.dumps(WORDS)}
    tensors.write(path, {"embed.W": wv.vectors, "b": np.zeros(9), "Wx": np.zeros((7, 9))}, metadata)
    same(vectors.load(path), wv)
    same(vectors.load(path, tensor="embed.W"), wv)
    with pytest.raises(ValueError, match="it has no 'Wx' with 9 rows, but "):
        vectors.load(path, tensor="Wx")
    tensors.write(path, {"a": wv.vectors, "b": wv.vectors}, metadata)
    with pytest.raises(ValueError, match="it has no 'word_vectors' with 9 rows, but "):
        vectors.load(path)
    for words in (dict.fromkeys(WORDS), [*WORDS[1:], 7]):
        tensors.write(path, {"a": wv.vectors}, {"vocabulary": json.dumps(words)})
        with pytest.raises(ValueError, match="its 'vocabulary' is no list of words"):
            vectors.load(path)


def test_words_that_come_again_warn_and_the_first_counts(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("a 1\nb 2\na 3\nc 4\nb 5\n")
    with pytest.warns(UserWarning, match="2 words come again, such as 'a': left out"):
        found = vectors.load(path)
    assert found.words == ["a", "b", "c"] and found.vectors.ravel().tolist() == [1, 2, 4]


def test_progress_is_shown(wv, tmp_path, capsys):
    (tmp_path / "v").write_bytes(text_of(wv))
    vectors.load(tmp_path / "v", progress=True)
    assert "100%" in capsys.readouterr().err


GOOD = b"2 3\nab 1 2 3\ncd 4 5 6\n"
BINARY = b"2 1\nab \0\0\x80?cd \0\0\0@"
DAMAGED = {
    "empty": (b"", "it is empty"),
    "a pickle": (b"\x80\x05abc", "format='gensim'"),
    "a model of fastText": (b"\xba\x16\x4f\x2f\0\0\0", r"\.vec file beside it"),
    "one word": (b"hello", "line 1 is no word with numbers"),
    "a number too few": (GOOD.replace(b" 5", b""), "line 3, byte 13: 2 numbers instead of 3"),
    "a number too many": (GOOD.replace(b" 5", b" 5 5"), "line 3, byte 13: 4 numbers instead of 3"),
    "a letter": (GOOD.replace(b" 5", b" 5x"), "line 3, byte 13: '5x' is no number"),
    "an underscore": (GOOD.replace(b" 5", b" 5_0"), "line 3, byte 13: '5_0' is no number"),
    "a comma": (GOOD.replace(b" 5", b" 5,0"), "line 3, byte 13: '5,0' is no number"),
    "no word": (GOOD.replace(b"cd", b""), "line 3, byte 13: it does not begin with a word"),
    "a blank line": (GOOD.replace(b"\ncd", b"\n\ncd"), "line 3, byte 13: it does not begin"),
    "cut at a line": (GOOD[:13], "line 1 promises 2 words, the file ends after 1"),
    "cut in a line": (GOOD[:-3], "line 3, byte 13: 2 numbers instead of 3"),
    "header alone": (b"2 3\n", "line 1 promises 2 words, the file ends after 0"),
    "a line too many": (GOOD + b"ef 7 8 9\n", "promises 2 words, but there is a line 4"),
    "a header of many words": (b"9" * 18 + GOOD[1:], "promises 9{18} words, the file ends after 2"),
    "a header of long words": (b"2 " + b"9" * 18 + GOOD[3:], "line 2, byte 21: 3 numbers instead"),
    "no length": (b"2 0\nab\ncd\n", "line 1 must say how many"),
    "glove of other lengths": (b"ab 1 2\ncd 3 4 5\n", "line 2, byte 7: 3 numbers instead of 2"),
    "binary, cut": (BINARY[:-1], "word 2, byte 11: the file ends; its header promises 2 words of"),
    "binary, header alone": (b"2 4\n", "the file ends after 0"),
    "binary, more": (BINARY + b"ef \0\0\0@", "word 3, byte 18: the file goes on"),
    "binary of many words": (b"9" * 18 + BINARY[1:], "word 3, .* promises 9{18} words"),
    "binary of long words": (b"2 " + b"9" * 18 + BINARY[3:], "word 1, byte 21: the file ends"),
    "binary, no word": (b"2 1\n" + b"x\0" * 99_999, "word 1, byte 4: no word with a space"),
    "binary, an empty word": (b"2 1\n \0\0\x80?cd \0\0\0@", "word 1, byte 4: no word with a space"),
    "binary, not UTF-8": (b"2 1\nab \0\0\x80?\xff \0\0\0@", "word 2: its word is not utf-8"),
    "gzip, cut": (gzip.compress(GOOD)[:-9], "its gzip data are damaged after byte"),
    "gzip, a bit": (gzip.compress(GOOD)[:12] + b"\xff\xff\xff", "its gzip data are damaged"),
    "npy, cut": (b"\x93NUMPY\x01\0", "it is damaged"),
    "npy, no header": (b"\x93NUMPY\x01\0\x10\0" + b"x" * 16, "it is damaged"),
    "safetensors, cut": ((100).to_bytes(8, "little") + b"{}", "its header is cut off"),
    "safetensors, no words": ((2).to_bytes(8, "little") + b"{}", "no words under 'vocabulary'"),
    "only newlines": (b"\n\n\n\n", "line 1 is no word"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_end_in_one_line_and_little_memory(name, tmp_path):
    data, message = DAMAGED[name]
    path = tmp_path / "v"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message) as caught:
            vectors.load(path)
        assert tracemalloc.get_traced_memory()[1] < 2 * _source.SIZE + 1_000_000
    finally:
        tracemalloc.stop()
    assert str(caught.value).startswith(f"{path}: ") and len(str(caught.value)) < 1000
    assert "\n" not in str(caught.value)


def test_npy_headers_that_lie(tmp_path):
    for shape in [(1 << 40, 300), (2, 3, 4), (5,), (-2, -3)]:
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
        (tmp_path / "v.npy").write_bytes(b"\x93NUMPY\x01\0\x76\0" + header.encode() + b"\0" * 96)
        with pytest.raises(ValueError, match="v.npy: it (is damaged|has shape)"):
            vectors.load(tmp_path / "v.npy", words=["a"])


def test_what_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        vectors.load(tmp_path / "nothing")
    with pytest.raises(OSError, match="Not a regular file"):
        vectors.load(tmp_path)
    with pytest.raises(OSError, match="Not a regular file"):
        vectors.load(os.devnull)


BAD_CALLS = [
    (dict(format="x"), ValueError, "format must be one of word2vec, word2vec-binary, "),
    (dict(limit=0), ValueError, "limit must be >= 1, got 0"),
    (dict(limit=1.5), TypeError, "limit must be an integer, got 1.5"),
    (dict(dtype="i4"), TypeError, "dtype must be float16, float32 or float64, got int32"),
    (dict(words=["a"]), ValueError, "words is for npy files, this one is word2vec"),
    (dict(tensor="a"), ValueError, "tensor is for safetensors files, this one is word2vec"),
    (dict(format="glove"), ValueError, "line 2, byte 4: 3 numbers instead of 1"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD_CALLS)
def test_wrong_options_are_named(options, error, message, tmp_path):
    (tmp_path / "v").write_bytes(GOOD)
    with pytest.raises(error, match=message):
        vectors.load(tmp_path / "v", **options)


@pytest.mark.parametrize(
    ("words", "array", "error", "message"),
    [
        (["a"], np.zeros((2, 3)), ValueError, "words must be 2, one a row of vectors, got 1"),
        (["a", "a"], np.zeros((2, 3)), ValueError, "words must be different, got 'a' twice"),
        (["a", 1], np.zeros((2, 3)), TypeError, "words must be a list of str"),
        ("ab", np.zeros((2, 3)), TypeError, "words must be a list of str"),
        (["a", "b"], np.zeros(2), TypeError, r"vectors must be \(V, D\) of float16"),
        (["a", "b"], np.zeros((2, 3), int), TypeError, r"vectors must be \(V, D\)"),
        (["a", "b"], [[1.0], [2.0, 3.0]], ValueError, "vectors must be an array"),
    ],
)  # fmt: skip
def test_words_and_vectors_must_fit(words, array, error, message, tmp_path):
    with pytest.raises(error, match=message):
        WordVectors(words, array)
    with pytest.raises(error, match=message):
        vectors.save(tmp_path / "v.txt", words, array)
    assert not (tmp_path / "v.txt").exists()


def test_words_that_a_format_cannot_hold_leave_the_old_file(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("old")
    for word in ("", "a b", "a\n", "\t"):
        for format in ("word2vec", "word2vec-binary"):
            with pytest.raises(ValueError, match="words must not be empty or have blanks in word2"):
                vectors.save(path, ["x", word], np.zeros((2, 2)), format=format)
        vectors.save(tmp_path / "v.safetensors", ["x", word], np.zeros((2, 2)))
        assert vectors.load(tmp_path / "v.safetensors").words == ["x", word]
    with pytest.raises(UnicodeEncodeError):
        vectors.save(path, ["\ud800"], np.zeros((1, 2)))
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 2
    with pytest.raises(ValueError, match="format must be given for a path that ends in none of"):
        vectors.save(tmp_path / "v", ["a"], np.zeros((1, 2)))
    with pytest.raises(ValueError, match="format must be one of safetensors, word2vec, "):
        vectors.save(tmp_path / "v", ["a"], np.zeros((1, 2)), format="glove")


# ---- words


def test_words_and_their_vectors(wv):
    assert len(wv) == 9 and "the" in wv and "she" not in wv and list(wv) == WORDS
    assert repr(wv) == "WordVectors(9 words × 7, float32)"
    np.testing.assert_array_equal(wv["x.y"], wv.vectors[3])
    np.testing.assert_array_equal(wv[["x.y", "the", "the"]], wv.vectors[[3, 0, 0]])
    assert wv.key_to_index["-1"] == 4
    with pytest.raises(KeyError, match="'she' is none of the 9 words"):
        wv["she"]
    with pytest.raises(ValueError, match="read-only"):
        wv["the"][0] = 1


def plain_nearest(V, queries, k):
    """Every cosine, and a stable sort."""
    V, queries = np.asarray(V, "d"), np.asarray(queries, "d")
    lengths = [np.linalg.norm(x, axis=1, keepdims=True) for x in (queries, V)]
    unit = [x / np.where(n == 0, 1, n) for x, n in zip((queries, V), lengths, strict=True)]
    scores = unit[0] @ unit[1].T
    scores[np.isnan(scores)] = -2
    ids = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    scores[scores == -2] = np.nan
    return ids, np.take_along_axis(scores, ids, 1)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(("V", "Q", "k"), [(1, 1, 1), (5, 3, 9), (700, 20, 10), (30_000, 9, 3)])
def test_nearest(dtype, V, Q, k, rng):
    array = rng.standard_normal((V, 12)).astype(dtype)
    array[V // 2] = 0
    queries = rng.standard_normal((Q, 12)).astype(dtype)
    wv = WordVectors(list(map(str, range(V))), array)
    ids, scores = wv.nearest(queries, k)
    assert scores.dtype == ("float64" if dtype == "float64" else "float32")
    wanted_ids, wanted = plain_nearest(array, queries, k)
    np.testing.assert_allclose(scores, wanted, atol=1e-12 if dtype == "float64" else 1e-6)
    if dtype == "float64":
        np.testing.assert_array_equal(ids, wanted_ids)


@pytest.mark.parametrize("order", ["rising", "falling", "equal", "nan", "infinite"])
def test_nearest_of_rows_in_any_order(order, monkeypatch):
    """Blocks all of whose rows are better than those before; equal rows: the first ones."""
    V, k = 5000, 4
    angle = np.linspace(3, 0.1, V)
    array = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    if order == "falling":
        array = array[::-1].copy()
    if order == "equal":
        array[:] = [1.0, 0.0]
    if order == "nan":
        array[::2] = np.nan
        array[:300] = np.nan
    if order == "infinite":
        array[7] = np.inf
    monkeypatch.setattr(_search, "SCORES", 600)
    queries = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.5]])
    with np.errstate(invalid="ignore"):
        ids, scores = WordVectors(list(map(str, range(V))), array).nearest(queries, k)
        wanted_ids, wanted = plain_nearest(array, queries, k)
    np.testing.assert_allclose(scores, wanted, atol=1e-12)
    np.testing.assert_array_equal(ids, wanted_ids)


def test_nearest_takes_no_more_than_a_block(rng):
    V, Q = 200_000, 400
    wv = WordVectors(list(map(str, range(V))), rng.random((V, 4), "f"))
    wv.nearest(rng.random((1, 4)), 5)
    tracemalloc.start()
    wv.nearest(rng.random((Q, 4), "f"), 5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * _search.SCORES + 2_000_000 < V * Q


def test_similar_words(wv):
    unit = wv.vectors / np.linalg.norm(wv.vectors, axis=1, keepdims=True)
    scores = unit @ unit[2]
    order = [k for k in np.argsort(-scores) if k != 2]
    for positive in ("数", ["数"], wv["数"] * 5):
        found = wv.most_similar(positive, topn=8)
        wanted = order if not isinstance(positive, np.ndarray) else [2, *order[:-1]]
        assert [word for word, _ in found] == [WORDS[k] for k in wanted]
        np.testing.assert_allclose([s for _, s in found], scores[wanted], atol=1e-6)
    assert wv.most_similar("数", topn=99) == wv.most_similar("数", topn=8)
    among = wv.most_similar("数", topn=99, restrict_vocab=4)
    assert {word for word, _ in among} == {"the", "größer", "x.y"}
    assert wv.similarity("the", "数") == pytest.approx(float(scores[0]), abs=1e-6)


def test_analogies_and_the_odd_one(wv):
    unit = wv.vectors / np.linalg.norm(wv.vectors, axis=1, keepdims=True)
    a, b, c = 0, 1, 2
    scores = unit @ (unit[b] - unit[a] + unit[c])
    order = [WORDS[k] for k in np.argsort(-scores) if k not in (a, b, c)]
    assert [w for w, _ in wv.analogy("the", "größer", "数")] == order
    assert wv.analogy("the", "größer", "数", topn=2) == wv.most_similar(
        ["größer", "数"], "the", topn=2
    )
    some = unit[[0, 3, 5, 7]]
    odd = int(np.argmin(some @ some.mean(axis=0)))
    assert wv.doesnt_match(["the", "x.y", "\u00a0", "a\u2028b"]) == WORDS[[0, 3, 5, 7][odd]]


def test_bad_questions_are_refused_by_name(wv):
    for call in (
        lambda: wv.most_similar("she"),
        lambda: wv.analogy("the", "she", "数"),
        lambda: wv.doesnt_match(["the", "she"]),
        lambda: wv.similarity("the", "she"),
    ):
        with pytest.raises(KeyError, match="'she' is none of the 9 words"):
            call()
    with pytest.raises(ValueError, match="positive and negative must not both be empty"):
        wv.most_similar()
    for topn in (0, -1):
        with pytest.raises(ValueError, match=f"topn must be >= 1, got {topn}"):
            wv.most_similar("the", topn=topn)
    with pytest.raises(TypeError, match="topn must be an integer"):
        wv.most_similar("the", topn=1.5)
    with pytest.raises(ValueError, match="a vector must have shape"):
        wv.most_similar(np.ones(3))
    with pytest.raises(ValueError, match="words must be a list of words"):
        wv.doesnt_match([])
    with pytest.raises(ValueError, match="words must be a list of words"):
        wv.doesnt_match("the")
    for queries in (np.ones(7), np.ones((2, 3)), np.ones((2, 7), "U1")):
        with pytest.raises(ValueError, match=r"queries must be numbers of shape \(Q, 7\)"):
            wv.nearest(queries)
    with pytest.raises(ValueError, match="k must be >= 1, got 0"):
        wv.nearest(np.ones((1, 7)), 0)
    assert wv.nearest(np.ones((0, 7)), 3)[0].shape == (0, 3)
    with pytest.raises(TypeError, match="restrict_vocab must be an integer, got 'a'"):
        wv.most_similar("the", restrict_vocab="a")


def test_nothing_is_similar_to_a_vector_of_nan(wv):
    assert np.isnan([score for _, score in wv.most_similar(np.full(7, np.nan))]).all()


# ---- fit


def test_fit(rng):
    wv = WordVectors(["a", "b", "New"], np.arange(12, dtype="f").reshape(3, 4))
    words = ["b", "A", "c", "New", "a", "new"]
    W, report = wv.fit(words, "zeros")
    np.testing.assert_array_equal(
        W, wv.vectors[[1, 0, 0, 2, 0, 0]] * [[1], [1], [0], [1], [1], [0]]
    )
    assert (report.exact, report.lower, report.missing) == (3, 1, ["c", "new"])
    assert str(report) == "3 of 6 words found, 1 more in lower case; 2 missing (zeros)"
    assert W.dtype == np.float32 and W.flags.writeable
    W, _ = wv.fit({word: k for k, word in enumerate(words)}, "mean", dtype="float64")
    np.testing.assert_array_equal(W[2], W[[0, 1, 3, 4]].mean(axis=0))
    assert W.dtype == np.float64


def test_rows_of_missing_words_are_drawn_like_the_others(rng):
    array = (rng.standard_normal((2000, 5)) * [1, 2, 3, 4, 0] + [5, 0, -5, 1, 7]).astype("f")
    wv = WordVectors(list(map(str, range(2000))), array)
    words = list(map(str, range(6000)))
    W, _ = wv.fit(words, seed=3)
    np.testing.assert_allclose(W[2000:].mean(axis=0), array.mean(axis=0), atol=0.3)
    np.testing.assert_allclose(W[2000:].std(axis=0), array.std(axis=0), atol=0.2)
    np.testing.assert_array_equal(W, wv.fit(words, seed=3)[0])
    assert (W != wv.fit(words, seed=4)[0]).any()


def test_nothing_found_is_zero(wv):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        W, report = wv.fit(["p", "q"])
        assert wv.fit([])[0].shape == (0, 7)
    assert not W.any() and report.missing == ["p", "q"]


def test_bad_fits_are_refused(wv):
    with pytest.raises(ValueError, match="init must be one of normal, mean, zeros, got 'x'"):
        wv.fit(["a"], "x")
    for words in ("ab", [1, 2], [None]):
        with pytest.raises(TypeError, match="words must be a list of str"):
            wv.fit(words)
    with pytest.raises(ValueError, match="words must have the ids 0 to 1"):
        wv.fit({"a": 0, "b": 2})
