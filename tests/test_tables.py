"""Tables in files and in fewer bits: what is read, written, refused; a process that is killed."""

import mmap
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import linux, python

from fastembed import ops, tables

REPOSITORY = Path(__file__).parents[1]
V, D = 50, 33


@pytest.fixture
def path(tmp_path):
    return tmp_path / "W.npy"


# ---- in files


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_what_is_written_is_there_when_it_is_opened_again(path, rng, dtype):
    W = tables.create(path, (V, D), dtype)
    assert W.shape == (V, D) and W.dtype == dtype and not W.any()
    W[3] = rng.standard_normal(D)
    tables.flush(W)
    again = tables.open(path, "r")
    np.testing.assert_array_equal(again, W)
    np.testing.assert_array_equal(np.load(path), W)
    with pytest.raises(ValueError, match="read-only"):
        again[0] = 1
    del W
    W = tables.open(path)
    W[4] = 2
    np.testing.assert_array_equal(again[4], np.full(D, 2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ops_work_on_mapped_tables_as_on_arrays(path, rng, dtype):
    W, ids = tables.create(path, (V, D), dtype), rng.integers(-V, V, (6, 5))
    values = rng.standard_normal((V, D)).astype(dtype)
    W[...] = values
    np.testing.assert_array_equal(ops.gather(W, ids), values[ids])
    np.testing.assert_array_equal(ops.embedding_bag(W, ids), ops.embedding_bag(values, ids))
    dout = rng.standard_normal((6, 5, D)).astype(dtype)
    assert ops.scatter_add(W, ids, dout) is W
    np.testing.assert_array_equal(W, ops.scatter_add(values, ids, dout))


def test_a_mapped_table_goes_through_the_door_as_it_is(path):
    from fastembed.ops.embedding import gather_if_fit

    assert gather_if_fit(tables.create(path, (V, D)), np.array([1, 2])) is not None
    assert gather_if_fit(np.ones((V, D)).view(np.matrix), np.array([1, 2])) is None


def test_pages_that_are_released_keep_what_was_written(path, rng):
    W, values = tables.create(path, (5000, 64)), rng.standard_normal((5000, 64)).astype("f")
    W[...] = values
    tables.release(W)
    np.testing.assert_array_equal(W, values)
    W[7:9] *= 2
    tables.release(W[3:])  # a view of it
    tables.flush(np.asarray(W))
    np.testing.assert_array_equal(tables.open(path, "r")[7:9], 2 * values[7:9])


def test_what_is_not_mapped_is_refused(path):
    np.save(path, np.ones((V, D), "f"))
    own = np.ndarray((2, 2), "f", mmap.mmap(-1, 64))
    for table in (np.ones((2, 2)), [[1.0]], None, np.load(path, mmap_mode="c"), own):
        for function in (tables.flush, tables.release):
            with pytest.raises(TypeError, match="table must be mapped from a file, got"):
                function(table)


def test_a_file_that_is_there_is_kept(path):
    tables.create(path, (V, D))[0] = 1
    with pytest.raises(FileExistsError):
        tables.create(path, (V, D))
    assert tables.open(path, "r")[0, 0] == 1


@pytest.mark.parametrize(
    ("shape", "dtype", "error", "message"),
    [
        ((0, 3), "f", ValueError, r"shape must be \(V, D\)"),
        (1000, "f", TypeError, r"shape must be \(V, D\), got 1000"),
        ((3,), "f", ValueError, r"shape must be \(V, D\)"),
        ((3, 1.5), "f", TypeError, r"shape\[1\] must be an integer"),
        ((3, 4), "O", TypeError, "dtype must be float32, .*, got object"),
        ((2**40, 2**10), "f", OSError, None),
    ],
)
def test_tables_that_cannot_be_made_leave_no_file(path, shape, dtype, error, message):
    with pytest.raises(error, match=message):
        tables.create(path, shape, dtype)
    assert not path.exists()
    assert tables.create(path, (1, 1)).shape == (1, 1)  # the least


def test_files_that_are_no_tables_are_refused(path):
    def refused(message, save=None):
        if save is not None:
            np.save(path, save)
        with pytest.raises(ValueError, match=message):
            tables.open(path)

    refused(r"must hold \(V, D\) numbers .*float32 of shape \(3,\)", np.ones(3, "f"))
    refused("Fortran order", np.ones((3, 4), order="F"))
    refused("int64 of shape", np.ones((3, 4), np.int64))
    np.save(path, np.ones((300, 40), "f"))
    os.truncate(path, 5000)
    refused("W.npy' is no table: it is damaged: mmap length is greater")
    path.write_bytes(b"\x93NUMPY\2\0\xff\xff\xff\x7f{'descr'")  # 2 GB of header
    refused("a header of more than 10000 bytes")
    path.write_bytes(b"text\n" * 100)
    refused("W.npy' is no table")
    with pytest.raises(ValueError, match="mode must be 'r' or 'r\\+', got 'w\\+'"):
        tables.open(path, "w+")
    assert path.stat().st_size == 500
    path.unlink()
    with pytest.raises(FileNotFoundError):
        tables.open(path)


# ---- training on them

STEPS = """
import sys
import numpy as np
from fastembed import tables
from fastembed.layers import Embedding
from fastembed.optimizer import SparseSGD

def gradient(step):
    rng = np.random.default_rng(step)
    return rng.integers(0, 4000, 3000), rng.standard_normal((3000, 64)).astype("f")

def train(W, steps):
    layer, optimizer = Embedding(W, sparse=True), SparseSGD(lr=0.5)
    for step in steps:
        ids, dout = gradient(step)
        layer.forward(ids)
        layer.backward(dout)
        optimizer.update(layer.params, layer.grads)
        yield step
"""


@linux
@pytest.mark.parametrize("wait", [0.0, 0.01, 0.03, 0.1])
def test_after_a_kill_only_the_last_update_may_be_unfinished(path, wait):
    """The promise: all rows are as after the last whole step, but for those of the one after it."""
    tables.create(path, (4000, 64))
    code = (
        STEPS + "for step in train(tables.open(sys.argv[1]), range(10**6)): print(step, flush=True)"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        first = child.stdout.readline()
        time.sleep(wait)
        child.kill()
        last = int((first + child.stdout.read()).split()[-1])
    assert child.returncode == -signal.SIGKILL
    space, expected = {}, np.zeros((4000, 64), "f")
    exec(STEPS, space)
    for _ in space["train"](expected, range(last + 1)):
        pass
    W, after = tables.open(path), expected.copy()
    for _ in space["train"](after, [last + 1]):
        pass
    changing = np.unique(space["gradient"](last + 1)[0])
    others = np.setdiff1d(np.arange(4000), changing)
    assert len(others) > 1000
    np.testing.assert_array_equal(W[others], expected[others])
    assert ((W == expected) | (W == after)).all()  # each number is an old or a new one
    for _ in space["train"](W, [last + 2]):  # and training goes on
        pass


@linux
def test_a_table_larger_than_the_memory_of_the_process_is_trained(tmp_path):
    small = "--gigabytes=0.5", "--batch=64", "--steps=40", f"--folder={tmp_path}", "--limit=0.4"
    done = python("-m", "benchmarks.large_table", *small, cwd=REPOSITORY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "each of them one of the ids'" in done.stdout
    done = python("-m", "benchmarks.large_table", *small, "--every=0", cwd=REPOSITORY)
    assert done.returncode == 1 and "more than 0.4 GB were resident" in done.stderr
    assert not list(tmp_path.iterdir())


# ---- in fewer bits


def every_float16():
    bits = np.arange(2**16, dtype=np.uint16)
    return bits.view(np.float16).reshape(256, 256)


def test_every_float16_and_bfloat16_comes_out_as_numpy_says():
    halves = every_float16()
    with np.errstate(invalid="ignore"):
        expected = halves.astype(np.float32)
    found = tables.QuantizedTable(halves).gather(np.arange(256))
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))
    bits = halves.view(np.uint16)
    expected = (bits.astype(np.uint32) << 16).view(np.float32)
    found = tables.QuantizedTable(bits).gather(np.arange(256))
    np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize("D", [1, 5, 8, 16, 17, 100])
@pytest.mark.parametrize(
    ("kind", "bound"), [("float16", 2.0**-11), ("bfloat16", 2.0**-8), ("int8", 0.5 / 127)]
)
def test_errors_are_those_of_rounding(rng, kind, bound, D):
    W = rng.standard_normal((V, D)).astype("f") * 10.0 ** rng.integers(-3, 4, (V, 1))
    table = tables.quantize(W, kind)
    assert table.shape == (V, D) and table.nbytes < W.nbytes
    rows = table.gather(np.arange(V))
    assert rows.dtype == np.float32
    scale = np.abs(W).max(axis=1, keepdims=True) if kind == "int8" else np.abs(W)
    assert (np.abs(rows - W) <= 1.001 * bound * scale + 6e-8 * (kind == "float16")).all()
    if D == 100:  # and not much less: nothing is stored in more bits
        assert np.abs(rows - W).max() > 0.1 * bound * np.abs(W).max()


def test_bfloat16_rounds_to_the_nearest_and_to_even():
    bits = np.array([[0x3F800000, 0x3F808000, 0x3F818000, 0x3F808001, 0xBF807FFF]], np.uint32)
    values = tables.quantize(bits.view(np.float32), "bfloat16").values
    np.testing.assert_array_equal(values, [[0x3F80, 0x3F80, 0x3F82, 0x3F81, 0xBF80]])


def test_int8_rows_of_zeros_and_of_tiny_numbers():
    W = np.array([[0, 0], [1e-45, -1e-45], [3e38, -3e38], [127, 1]], np.float32)
    table = tables.quantize(W, "int8")
    np.testing.assert_allclose(table.gather([0, 2, 3]), W[[0, 2, 3]], rtol=1e-6)
    assert np.abs(table.gather([1])).max() < 1e-40


@pytest.mark.parametrize("kind", tables.STORED)
def test_lookups_as_gathers(rng, any_threads, kind, tmp_path):
    W = rng.standard_normal((4000, 300)).astype("f")
    table = tables.quantize(W, kind)
    whole = table.gather(np.arange(4000))
    np.save(tmp_path / "values.npy", table.values)
    mapped = tables.open(tmp_path / "values.npy", "r")
    for ids in (rng.integers(-4000, 4000, (90, 40)), np.int32(-1), [1, 2], []):
        rows = table.gather(ids)
        np.testing.assert_array_equal(rows, whole[np.asarray(ids, int)])
        np.testing.assert_array_equal(rows, tables.QuantizedTable(mapped, table.scales).gather(ids))
        for out in (np.empty(rows.shape, "f"), np.empty(rows.shape, "f", order="F")):
            assert table.gather(ids, out=out) is out
            np.testing.assert_array_equal(out, rows)


@pytest.mark.parametrize("kind", tables.STORED)
def test_lookups_that_are_refused(kind):
    table, out = tables.quantize(np.ones((5, 3)), kind), np.full((2, 3), 7, "f")
    for wrong in (5, -6, 2**40):
        with pytest.raises(IndexError, match=rf"idx\[1\] = {wrong} is out of bounds for the table"):
            table.gather([0, wrong], out=out)
        with pytest.raises(IndexError, match="idx"):
            table.gather(np.array([0, wrong]))
    for ids in ([0.5], "text", None, np.ma.masked_array([1], [True])):
        with pytest.raises(TypeError, match="idx must be"):
            table.gather(ids)
    for place, message in [
        (np.empty((2, 3)), "out must be float32, got float64"),
        (np.empty((3, 3), "f"), r"out must have shape \(2, 3\)"),
        ([[0.0] * 3] * 2, "out must be a numpy.ndarray"),
    ]:
        with pytest.raises((TypeError, ValueError), match=message):
            table.gather([0, 1], out=place)
    assert (out == 7).all()


@pytest.mark.parametrize(
    ("values", "scales", "message"),
    [
        (np.ones((2, 3), "f"), None, "values must be float16, uint16 or int8, got float32"),
        (np.ones(3, np.float16), None, "values must have 2 axes"),
        (np.ones((2, 3), np.int8), None, "scales must be given for int8"),
        (np.ones((2, 3), np.float16), np.ones(2, "f"), "scales must be given for int8, and for no"),
        (np.ones((2, 3), np.int8), np.ones(3, "f"), r"scales must have shape \(2,\) \(V,\)"),
        (np.ones((2, 3), np.int8), np.ones(2), "scales must be float32"),
        ([[1]], None, "values must be a numpy.ndarray"),
    ],
)
def test_parts_that_do_not_make_a_table(values, scales, message):
    with pytest.raises((TypeError, ValueError), match=message):
        tables.QuantizedTable(values, scales)


def test_numbers_that_cannot_be_stored_are_refused():
    W = np.ones((4000, 300), "f")
    W[3900, 7] = 70_000
    with pytest.raises(ValueError, match=r"W\[3900\] must hold numbers up to 65504, got 70000"):
        tables.quantize(W, "float16")
    for value in (np.nan, np.inf, 1e300):
        for kind in tables.STORED:
            with pytest.raises(ValueError, match=r"W\[1\] must hold numbers up to"):
                tables.quantize(np.array([[1.0], [value]]), kind)
    with pytest.raises(ValueError, match="dtype must be float16, bfloat16, int8, got 'int4'"):
        tables.quantize(W, "int4")
    with pytest.raises(TypeError, match="W must be float32 or float64, got int64"):
        tables.quantize(np.ones((2, 2), int), "int8")
