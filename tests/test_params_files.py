"""The book's parameter files, which are pickles: read without being unpickled."""

import io
import os
import pickle
import struct
import tracemalloc
import warnings

import numpy as np
import pytest

from fastembed import models

MODEL = models.Rnnlm(5, 3, 3)
every_protocol = pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))


@pytest.fixture
def load(tmp_path):
    """Write bytes to a file, have a model load it, return its parameters."""

    def load(data, model=MODEL):
        (tmp_path / "params.pkl").write_bytes(data)
        model.load_params(tmp_path / "params.pkl")
        return model.params

    return load


def refused(load, data, words):
    """One line, no parameter changed, memory within a few times the file's size."""
    before = [param.copy() for param in MODEL.params]
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=words) as caught:
            load(data)
        assert tracemalloc.get_traced_memory()[1] < 20 * len(data) + 500_000
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000
    for a, b in zip(MODEL.params, before, strict=True):
        np.testing.assert_array_equal(a, b)


class Model(models.BaseModel):
    def __init__(self, *params):
        self.params = list(params)


ARRAYS = {
    "rows": np.arange(6, dtype="f2").reshape(2, 3),
    "columns": np.arange(6, dtype="f4").reshape(3, 2).T,
    "swapped": np.arange(6, dtype=">f8").reshape(2, 3),
    "axes": np.arange(24, dtype="f2").reshape(2, 3, 4).transpose(1, 0, 2),
    "empty": np.zeros((0, 4), "f2"),
    "number": np.array(3.5, "f2"),
    "letters": np.frombuffer(bytes(range(128)) + bytes(reversed(range(256))), "<i2").astype("f4"),
}


@every_protocol
@pytest.mark.parametrize("container", [list, tuple])
def test_every_layout_in_every_protocol(protocol, container, load):
    data = pickle.dumps(container(ARRAYS.values()), protocol)
    got = load(data, Model(*(np.full(a.shape, 9.0) for a in ARRAYS.values())))
    for array, expected in zip(got, ARRAYS.values(), strict=True):
        np.testing.assert_array_equal(array, expected)


@every_protocol
def test_files_of_numpy_1_are_read(protocol, load):
    """Its modules had other names."""
    data = pickle.dumps([np.arange(3.0)], protocol)
    for name in (b"numeric", b"multiarray"):
        new, old = b"numpy._core." + name, b"numpy.core." + name
        data = data.replace(b"\x8c%c" % len(new) + new, b"\x8c%c" % len(old) + old)
        data = data.replace(b"c" + new, b"c" + old)
    if protocol >= 4:
        data = data[:3] + struct.pack("<Q", len(data) - 11) + data[11:]
    assert b"numpy.core." in data
    np.testing.assert_array_equal(load(data, Model(np.zeros(3)))[0], np.arange(3.0))


@every_protocol
def test_the_same_array_twice_is_read_twice(protocol, load):
    W = np.ones(2, "f2")
    got = load(pickle.dumps([W, W], protocol), Model(np.zeros(2), np.zeros(2)))
    assert got[0].sum() == got[1].sum() == 2


def with_dtype(code, order, names, fields, flags):
    """A file whose one array has the dtype of that code, completed by that state."""
    file = io.BytesIO()
    pickler = pickle._Pickler(file, 2)
    address = struct.pack("<q", 0x41414141)
    pickler.write(b"\x80\x02]cnumpy._core.multiarray\n_reconstruct\n(")
    for part in (np.ndarray, (0,), b"b"):
        pickler.save(part)
    pickler.write(b"tR(K\x01K\x01\x85cnumpy\ndtype\n")
    pickler.save((code, False, True))
    pickler.write(b"R")
    pickler.save((3, order, None, names, fields, 8, 8, flags))
    pickler.write(b"b\x89")
    pickler.save(address)
    pickler.write(b"tba.")
    return file.getvalue()


def test_a_dtype_that_turns_into_one_of_objects_does_no_harm(load):
    """Bytes of the file would be taken for addresses of objects."""
    load(with_dtype("f8", "<", None, None, 0), Model(np.zeros(1)))
    fields = ("a",), {"a": (np.dtype("f8"), 0)}
    objects = [data.replace(b"f8", b"O8") for data in [with_dtype("f8", "|", None, None, 0)]]
    objects.append(with_dtype("V8", "|", *fields, 0).replace(b"f8", b"O8"))
    for data in [*objects, with_dtype("V8", "|", *fields, 0), with_dtype("O", "|", None, None, 0)]:
        refused(load, data, "'numpy.dtype', which is not an array")
    refused(load, with_dtype("f8", "|", *fields, 63), "EMPTY_DICT, which no array needs")
    refused(load, with_dtype("f8", [], None, None, 0), "neither a plain dtype nor an array")


def test_a_file_of_nine_bytes_takes_little_memory(load):
    for data in [
        b"\x80\x02Nr\xff\xff\xff\x0f.",
        b"\x80\x04N" + b"\x8e" + struct.pack("<Q", 1 << 40),
        b"\x80\x05\x96" + struct.pack("<Q", 1 << 40),
        b"\x80\x02X\xff\xff\xff\x7f",
        b"\x80\x02\x8b\xff\xff\xff\x7f",
        b"\x80\x04\x95" + struct.pack("<Q", 1 << 40) + b"N.",
    ]:
        refused(load, data, "is not a file of parameters")


def test_a_shape_larger_than_the_bytes_is_refused(load):
    good = pickle.dumps([np.zeros((2, 3), "f2")], 2)
    at = good.index(b"K\x02K\x03\x86")
    for shape in [
        b"K\x02K\x04\x86",
        b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86",
        b"J\xff\xff\xff\xffJ\xfa\xff\xff\xff\x86",  # (-1) * (-6)
        b"\x88K\x06\x86",
        b"\x8a\x09" + b"\xff" * 8 + b"\x00" + b"K\x00\x86",
        b"K\x06",
        b"N",
        b"X\x02\x00\x00\x00ab",
    ]:
        refused(load, good[:at] + shape + good[at + 5 :], "is not a file of parameters")


def test_texts_that_give_more_bytes_than_the_file_has_are_refused(load):
    head = b"\x80\x02(c_codecs\nencode\nq\x00X\xe8\x03\x00\x00" + b"a" * 1000 + b"X\x06\x00\x00\x00"
    head += b"latin1\x86q\x01R"
    refused(load, head + b"h\x00h\x01R" * 1000 + b"l.", "longer than the file")


def test_tuples_within_tuples_end_quickly(load):
    doubling = b"\x80\x02Nq\x00" + b"h\x00h\x00\x86q\x00" * 100
    refused(load, doubling + b".", "item 0 is not an array")
    refused(load, doubling + b"h\x00\x93.", "is not a file of parameters")
    refused(load, doubling + b"h\x00R.", "is not a file of parameters")
    refused(load, b"\x80\x02" + b"(" * 200_000 + b"t" * 200_000 + b".", "nests more than 16")
    refused(load, b"\x80\x02]q\x00h\x00a.", "item 0 is not an array")


def test_very_many_instructions_are_refused(load):
    refused(load, b"\x80\x02" + b"N" * (1 << 21) + b".", "more than 1048576 instructions")


class Call:
    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


@every_protocol
def test_nothing_is_called(protocol, load, tmp_path):
    victim = tmp_path / "victim"
    for call in [
        Call(os.mkdir, str(victim)),
        Call(eval, f"open({str(victim)!r}, 'w')"),
        Call(np.fromfile, str(victim)),
        Call(np.memmap, str(victim), "u1", "w+", 0, (9,)),
        Call(np.dtype, f"O{protocol}"),
        Call(np.ndarray, (1 << 40,)),
        Call(bytes, 1 << 40),
        Call(bytearray, 1 << 40),
    ]:
        refused(load, pickle.dumps([call], protocol), "which is not an array")
        refused(load, pickle.dumps([np.zeros(3), call], protocol), "which is not an array")
    assert not victim.exists()


@pytest.mark.parametrize(
    "value",
    [{"W": 1}, {1}, [1.5], [[1, 2]], None, [None], "text", [np.float16(1)], [np.array(["a"])]]
    + [[np.array([None])], [np.zeros(2, "c8")], [np.zeros(2, "f4,f4")], [np.ma.masked_all(2)]]
    + [[np.dtype("f4")], [np.zeros(2, bool)], [np.zeros(2, "M8[s]")], [np.zeros(2, np.longdouble)]],
    ids=repr,
)
@every_protocol
def test_other_things_than_arrays_are_refused(value, protocol, load):
    refused(load, pickle.dumps(value, protocol), "is not a file of parameters")


@every_protocol
def test_every_cut_is_refused(protocol, load):
    data = pickle.dumps([param.astype(np.float16) for param in MODEL.params], protocol)
    for n in range(len(data)):
        with pytest.raises(ValueError, match="is not a file of parameters"):
            load(data[:n])


def test_a_warning_that_is_an_error_is_refused_as_well(load):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(load, b"c\\}\na\n.", "is not a file of parameters")
