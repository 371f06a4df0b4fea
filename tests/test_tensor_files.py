"""Safetensors files: their checksum, other programs' files, crafted ones; checkpoints in them."""

import json
import os
import tracemalloc
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from fastembed import models
from fastembed._files import tensors
from fastembed.tasks import checkpoint, lm
from fastembed.tasks.values import UserError

TENSORS = {
    "a": np.arange(6, dtype="f2").reshape(2, 3),
    "b": np.arange(6, dtype="f8").reshape(3, 2).T,
    "c": np.array(1.5, ">f4"),
    "empty": np.zeros((0, 4), "f4"),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.safetensors"


def same(got, expected):
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(got[name], array)
        assert got[name].dtype.itemsize == array.dtype.itemsize


def refuses(read, error, message, memory):
    """In one line, within so many bytes."""
    tracemalloc.start()
    try:
        with pytest.raises(error, match=message) as caught:
            read()
        assert tracemalloc.get_traced_memory()[1] < memory
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


def test_what_is_written_is_read(path):
    tensors.write(path, TENSORS, {"words": 'größer "x"\n'})
    got, metadata = tensors.read(path)
    same(got, TENSORS)
    assert metadata == {"words": 'größer "x"\n'}


def test_the_safetensors_library_reads_what_is_written(path):
    from safetensors import safe_open

    tensors.write(path, TENSORS, {"words": "größer"})
    with safe_open(path, "numpy") as file:
        same({name: file.get_tensor(name) for name in file.keys()}, TENSORS)
        assert file.metadata()["words"] == "größer"
        assert file.metadata()["fastembed"] == "1"


def test_what_the_safetensors_library_writes_is_read(path):
    from safetensors.numpy import save_file

    arrays = {
        name: np.ascontiguousarray(array, array.dtype.newbyteorder("=")).reshape(array.shape)
        for name, array in TENSORS.items()
    }
    save_file(arrays, path, {"format": "np"})
    got, metadata = tensors.read(path)
    same(got, arrays)
    assert metadata == {"format": "np"}


def test_every_changed_bit_is_noticed(path):
    """Also in the names of the checksum's own keys."""
    tensors.write(path, {"W": np.ones(1)}, {"words": "a"})
    whole = path.read_bytes()
    for at in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
            with pytest.raises(ValueError):
                tensors.read(path)
    for n in range(len(whole)):
        path.write_bytes(whole[:n])
        with pytest.raises(ValueError):
            tensors.read(path)


def test_a_model_notices_damage_and_stays_as_it_is(path, rng):
    model = models.Rnnlm(5, 3, 3)
    before = [param.copy() for param in model.params]
    model.save(path, {"words": "a b"})
    whole = np.fromfile(path, np.uint8)
    for _ in range(300):
        damaged = whole.copy()
        damaged[rng.integers(len(whole))] ^= rng.integers(1, 256)
        damaged.tofile(path)
        with pytest.raises(ValueError, match="is not a safetensors file: "):
            model.load(path)
    for a, b in zip(model.params, before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", ["BF16", "F8_E4M3", "F8_E5M2", "I32", "BOOL", "X" * 9999, None])
def test_other_dtypes_are_named(dtype, path):
    header = {"param0": {"dtype": dtype, "shape": [2], "data_offsets": [0, 4]}}
    path.write_bytes(file_of(header, b"1234"))
    with pytest.raises(
        ValueError, match="'param0' has the dtype .*, not one of F16, F32, F64"
    ) as c:
        models.Rnnlm(5, 3, 3).load(path)
    assert len(str(c.value)) < 300


@pytest.mark.parametrize("dtype", [int, bool, object, "f4,f4", np.longdouble, complex])
def test_other_dtypes_are_not_written(dtype, path):
    with pytest.raises(TypeError, match="W must be float16, float32 or float64, got "):
        tensors.write(path, {"W": np.zeros(2, dtype)}, {})
    assert not path.exists()


def test_metadata_must_be_texts_and_not_the_files_own(path):
    for metadata in ({"a": 1}, {1: "a"}, {"a": b"b"}):
        with pytest.raises(TypeError, match="metadata must map str to str"):
            tensors.write(path, TENSORS, metadata)
    for key in ("fastembed", "fastembed.crc32"):
        with pytest.raises(ValueError, match="is the file's own"):
            tensors.write(path, TENSORS, {key: "1"})
    assert not path.exists()


def file_of(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


GOOD = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
CRAFTED = {
    "empty": b"",
    "short": b"1234567",
    "no header": bytes(8),
    "header past the end": b"\xff" * 8 + b"{}",
    "a list": file_of([1, 2]),
    "a number": file_of(7),
    "null": file_of(None),
    "no JSON": file_of(b"{'a': 1}"),
    "not UTF-8": file_of(b'{"\xff": 1}'),
    "deep": file_of(b"[" * 100_000),
    "deep entry": file_of(b'{"a":' * 50_000),
    "long number": file_of(b'{"a": ' + b"9" * 10_000 + b"}"),
    "metadata of numbers": file_of({"__metadata__": {"a": 1}}),
    "metadata a list": file_of({"__metadata__": ["a"]}),
    "metadata nothing": file_of({"__metadata__": None}),
    "checksum alone": file_of({"__metadata__": {"fastembed.crc32": "00000000"}}),
    "version alone": file_of({"__metadata__": {"fastembed": "1"}}),
    "entry a list": file_of({"a": [1]}, bytes(8)),
    "entry empty": file_of({"a": {}}, bytes(8)),
    "bytes of nobody": file_of({"a": GOOD}, bytes(9)),
    "too few bytes": file_of({"a": GOOD}, bytes(7)),
    "overlap": file_of({"a": GOOD, "b": GOOD}, bytes(8)),
    "gap": file_of({"a": GOOD, "b": {**GOOD, "data_offsets": [9, 17]}}, bytes(17)),
    "mixed places": file_of({"a": GOOD, "b": {**GOOD, "data_offsets": ["a", {}]}}, bytes(8)),
}
SHAPES = [
    [3], [-1, -2], [1 << 62, 1 << 62], [1 << 62] * 64, [2.0], [True, 2], "2", {"a": 2}, None, 2,
    [2] + [1] * 64, [[2]], [0, 1 << 62, 1 << 62], ["2"], [1 << 70, 0], [2, None],
]  # fmt: skip
CRAFTED |= {f"shape {s!r:.40}": file_of({"a": {**GOOD, "shape": s}}, bytes(8)) for s in SHAPES}


def test_tensors_begin_at_multiples_of_their_item_size(path):
    for length in range(1, 9):
        tensors.write(path, {"half": np.ones(1, "e"), "a" * length: np.ones(3, "d")}, {})
        data = path.read_bytes()
        start = 8 + int.from_bytes(data[:8], "little")
        assert start % 8 == 0
        assert data[start:] == np.ones(3, "d").tobytes() + np.ones(1, "e").tobytes()


@pytest.mark.parametrize("name", CRAFTED)
def test_crafted_files_end_in_one_line_and_little_memory(name, path):
    path.write_bytes(CRAFTED[name])
    memory = 100 * len(CRAFTED[name]) + 500_000
    for load in (tensors.read, models.Rnnlm(5, 3, 3).load):
        refuses(partial(load, path), ValueError, None, memory)
    refuses(partial(checkpoint.load, path, "lm"), UserError, None, memory)


# ---- checkpoints with a right checksum

WORDS = ["<unk>", "<eos>", "a"]
SETTINGS = dict(embed=4, hidden=5, min_count=2, batch=4, steps=10, max_grad=0.25)
PROGRESS = dict(epoch=2, best_epoch=1, best=9.5, lr=20.0)
PROGRESS["history"] = {"training": [9.0, 8.0], "held out": [9.5, 10.0]}
SHAPED = [(3, 4), (4, 20), (5, 20), (20,), (5, 3), (3,)]
PARAMS = {name: np.zeros(s, "f4") for name, s in zip(lm.PARAMETERS, SHAPED, strict=True)}


def resume(path, params=PARAMS, settings=SETTINGS, progress=PROGRESS, words=WORDS, **given):
    checkpoint.save(path, "lm", params, settings, progress, words)
    options = SimpleNamespace(**{**lm.DEFAULTS, **given})
    lm.adopt(options, given, checkpoint.load(path, "lm"), path)
    return options


def test_a_good_checkpoint_is_adopted(path):
    options = resume(path)
    assert (options.embed, options.hidden, options.lr) == (4, 5, 20.0)
    assert resume(path, lr=3.0, batch=7).batch == 7
    odd = {**PROGRESS, "history": {"training": [np.inf, np.nan], "held out": [9.5, np.inf]}}
    resume(path, progress=odd)


NUMBERS_NOT = [None, "x", "4", [4], {}, -1, True, np.nan, np.inf]
SIZES_NOT = [*NUMBERS_NOT, 0, 0.5, 1 << 40]


def without(values, key, others):
    """The dict without a key, and with something else in its place."""
    yield {k: v for k, v in values.items() if k != key}
    yield from ({**values, key: other} for other in others)


def refused(path, message="is damaged", **changes):
    refuses(partial(resume, path, **changes), UserError, message, 1_000_000)


def test_crafted_settings_are_refused(path):
    for key in SETTINGS:
        others = NUMBERS_NOT if key == "max_grad" else SIZES_NOT[:-1]
        for settings in without(SETTINGS, key, others):
            refused(path, settings=settings)
    for key in ("embed", "hidden", "batch", "steps"):
        refused(path, settings={**SETTINGS, key: 1 << 40})
    for settings in (None, [], 7, "x"):
        refused(path, settings=settings)


def test_crafted_progress_is_refused(path):
    for key in ("best", "lr"):
        for progress in without(PROGRESS, key, NUMBERS_NOT):
            refused(path, progress=progress)
    for key in ("epoch", "best_epoch"):
        for progress in without(PROGRESS, key, SIZES_NOT):
            refused(path, progress=progress)
    one = [1.0]
    for history in [
        None,
        [],
        {},
        7,
        "x",
        {"training": one * 2},
        {"training": one, "held out": one},
    ]:
        refused(path, progress={**PROGRESS, "history": history})
    for values in [None, {}, "ab", 2, ["a", "b"], [[1.0], [2.0]], [1.0, None], [1.0] * 3]:
        refused(path, progress={**PROGRESS, "history": {"training": one * 2, "held out": values}})
    for progress in (None, [], 7, "x"):
        refused(path, progress=progress)


def test_crafted_words_and_sizes_are_refused_before_a_model_is_built(path):
    for words in (None, {}, 7, "abc", [1, 2, 3], [["a"]] * 3, [None] * 3):
        refused(path, words=words)
    refused(path, "does not fit these settings", words=["a"] * 1000)
    large = {**SETTINGS, "embed": 1 << 14, "hidden": 1 << 14}
    refused(path, "embed.W has shape .3, 4., not .3, 16384.", settings=large)
    refused(path, "holds other parameters", params={"W": np.zeros(3)})
    refused(path, "lstm.b has shape", params={**PARAMS, "lstm.b": np.zeros((20, 1))})


@pytest.mark.parametrize("key", ["settings", "progress", "vocabulary"])
def test_crafted_json_within_is_refused(key, path):
    for text in ["", "{", "[" * 100_000, "nul", "9" * 5000, "\ud800", '{"a": 1} x']:
        metadata = {"format": checkpoint.FORMAT, "task": "lm"}
        metadata |= {"settings": "{}", "progress": "{}", "vocabulary": "[]", key: text}
        if text == "\ud800":
            with pytest.raises(ValueError, match="surrogates"):
                tensors.write(path, PARAMS, metadata)
            continue
        tensors.write(path, PARAMS, metadata)
        refuses(partial(checkpoint.load, path, "lm"), UserError, "is damaged", 5_000_000)


def test_a_crafted_checkpoint_ends_the_command_with_one_line(path, tmp_path, here):
    (tmp_path / "text").write_text("a b c d .\n\n" * 400)
    checkpoint.save(tmp_path / "lm.safetensors", "lm", PARAMS, SETTINGS, {}, WORDS)
    done = here("train", "text", "--resume", "--out", ".", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "epoch must be" in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["lm.safetensors", "text"]
