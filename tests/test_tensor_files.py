"""Safetensors files: their checksum, other programs' files, crafted ones; checkpoints in them."""

import json
import os
import tracemalloc
from functools import partial

import fuzz_files
import numpy as np
import pytest

import fastembed
from fastembed import base_model, models
from fastembed._files import tensors
from fastembed.tasks import checkpoint
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


# ---- models and checkpoints with a right checksum

SIZES = dict(vocab_size=3, wordvec_size=4, hidden_size=5)
MADE = {"class": "Rnnlm", "arguments": SIZES}
SETTINGS = dict(
    embed=4, hidden=5, min_count=2, batch=4, steps=10, max_grad=0.25, level="word", model="Rnnlm",
    seed=1, warmup=0.1, weight_decay=0.1, dropout=0.5, patience=2,
)  # fmt: skip
HISTORY = {"training": [9.0, 8.0], "held out": [9.5, 10.0]}
HISTORY |= {"learning rate": [0.1, 0.1], "tokens/s": [10.0, 11.0]}
PROGRESS = dict(
    epoch=2, best_epoch=1, best=9.5, lr=20.0, step=3, steps=3, until=4, total=7.5, seconds=0.5,
    recent=2.5, iter=0, data="text", history=HISTORY,
)  # fmt: skip
kind, keys, *rest = np.random.get_state()
PROGRESS["random"] = [kind, keys.tolist(), *rest]
SHAPES_OF = [(3, 4), (4, 20), (5, 20), (20,), (5, 3), (3,)]
PARAMS = {f"param{k}": np.zeros(shape, "f4") for k, shape in enumerate(SHAPES_OF)}
PARAMS["training.state0.h"] = np.ones((4, 5), "f4")


def write(path, params=PARAMS, settings=SETTINGS, progress=PROGRESS, made=MADE):
    fuzz_files.write(path, params, *map(json.dumps, (settings, progress, made)))


def resume(path, **given):
    return fuzz_files.go_on(path.parent, **given)


@pytest.fixture
def lm_path(tmp_path):
    return tmp_path / "lm.safetensors"


def test_a_good_checkpoint_is_gone_on_with(lm_path):
    write(lm_path)
    run = resume(lm_path)
    assert (run.epoch, run.step, run.lr, run.until) == (2, 3, 20.0, 4)
    assert run.model._recurrent[0].h.sum() == 20 and run.model._recurrent[0].c is None
    run = resume(lm_path, lr=3.0, batch=7, epochs=9)
    assert (run.options.batch, run.lr, run.until, run.step) == (7, 3.0, 11, 0)
    odd = HISTORY | {"training": [np.inf, np.nan], "held out": [9.5, np.inf]}
    write(lm_path, progress={**PROGRESS, "history": odd, "best": np.inf})
    resume(lm_path)


NUMBERS_NOT = [None, "x", "4", [4], {}, -1, True, np.nan, np.inf]
SIZES_NOT = [*NUMBERS_NOT, 0.5, 1 << 40]


def without(values, key, others):
    """The dict without a key, and with something else in its place."""
    yield {k: v for k, v in values.items() if k != key}
    yield from ({**values, key: other} for other in others)


def refused(path, message="is damaged", **changes):
    write(path, **changes)
    refuses(partial(resume, path), UserError, message, 1_000_000)


def test_crafted_settings_are_refused(lm_path):
    for key in SETTINGS:
        reals = "max_grad", "warmup", "weight_decay", "dropout"
        others = NUMBERS_NOT if key in reals else SIZES_NOT[:-1]
        for settings in without(SETTINGS, key, others):
            refused(lm_path, settings=settings)
    for key in ("embed", "hidden", "batch", "steps"):
        refused(lm_path, settings={**SETTINGS, key: 1 << 40})
    for settings in (None, [], 7, "x", {**SETTINGS, "model": "CBOW"}):
        refused(lm_path, settings=settings)


def test_crafted_progress_is_refused(lm_path):
    for key in ("lr", "total", "recent"):
        for progress in without(PROGRESS, key, NUMBERS_NOT):
            refused(lm_path, progress=progress)
    for key in ("epoch", "best_epoch", "step", "until", "iter"):
        for progress in without(PROGRESS, key, SIZES_NOT[:-1]):
            refused(lm_path, progress=progress)
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
        refused(lm_path, progress={**PROGRESS, "history": history})
    for values in [None, {}, "ab", 2, ["a", "b"], [[1.0], [2.0]], [1.0, None], [1.0] * 3]:
        history = {"training": one * 2, "held out": values}
        refused(lm_path, progress={**PROGRESS, "history": history})
    for random in [None, 7, [], ["MT19937"], ["MT19937", [1, 2], 3], [kind, keys.tolist(), "x"]]:
        refused(lm_path, progress={**PROGRESS, "random": random})
    for progress in (None, [], 7, "x"):
        refused(lm_path, progress=progress)
    refused(lm_path, "another text", progress={**PROGRESS, "data": None})


def test_crafted_states_are_refused(lm_path):
    for name in ("training.state0.h", "training.state0.c", "training.param0"):
        refused(lm_path, params={**PARAMS, name: np.ones((4, 6), "f4")})


def test_crafted_models_are_refused_before_memory_is_taken_for_them(lm_path):
    large = dict(embed=1 << 14, hidden=1 << 14)
    huge = {"vocab_size": 3, "wordvec_size": 1 << 14, "hidden_size": 1 << 14}
    for arguments in (huge, {**SIZES, "vocab_size": 1 << 40}, {**SIZES, "hidden_size": -5}):
        made = {"class": "Rnnlm", "arguments": arguments}
        write(lm_path, made=made)
        for load in (fastembed.load, models.Rnnlm.load):
            refuses(partial(load, lm_path), ValueError, "does not make a Rnnlm", 1_000_000)
    refused(
        lm_path, "does not make a", settings={**SETTINGS, **large}, made={**MADE, "arguments": huge}
    )
    refused(lm_path, "has other sizes", settings={**SETTINGS, **large})
    for made in [None, 7, [], "x", {}, {"class": "Rnnlm"}, {"class": 7, "arguments": {}}]:
        refused(lm_path, made=made)
    refused(lm_path, "it holds a 'os.system'", made={"class": "os.system", "arguments": SIZES})
    refused(lm_path, "not param0", params={"W": np.zeros(3)})
    refused(lm_path, "holds 7 parameters", params={**PARAMS, "param6": np.zeros(3, "f4")})
    for arguments in [{}, {**SIZES, "other": 1}, {**SIZES, "hidden_size": "5"}, {"vocab_size": 3}]:
        write(lm_path, made={"class": "Rnnlm", "arguments": arguments})
        refuses(partial(fastembed.load, lm_path), ValueError, "does not make a", 1_000_000)
    write(lm_path, made={"class": "Foreign", "arguments": {}})
    refuses(partial(fastembed.load, lm_path), ValueError, "not one of fastembed.models", 1_000_000)


@pytest.mark.parametrize("key", [base_model.MODEL, base_model.TRAINING, base_model.TOKENIZER])
def test_crafted_json_within_is_refused(key, lm_path):
    for text in ["", "{", "[" * 100_000, "nul", "9" * 5000, '{"a": 1} x', "[1]", '{"level": "x"}']:
        write(lm_path)
        arrays, metadata = tensors.read(lm_path)
        tensors.write(lm_path, arrays, metadata | {key: text})
        refuses(partial(resume, lm_path), UserError, "damaged|not written by", 5_000_000)


def test_a_crafted_checkpoint_ends_the_command_with_one_line(tmp_path, lm_path, here):
    (tmp_path / "text").write_text("a b c d .\n\n" * 400)
    write(lm_path, progress={"data": None})
    done = here("train", "text", "--resume", "--out", ".", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "another text" in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["lm.safetensors", "text"]
