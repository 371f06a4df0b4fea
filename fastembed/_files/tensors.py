"""Arrays by name in a safetensors file, with a checksum of every byte.

The format: the header's length (8 bytes, little-endian), the header (JSON: dtype, shape and place
of each tensor, and a map of texts), the tensors' bytes without gaps.
"""

import json
import zlib
from functools import reduce
from reprlib import repr  # a damaged name may be as long as the file
from typing import Any

import numpy as np

from fastembed._files import whole

DTYPES = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
# both are in the header of files that are written here: one damaged letter cannot hide the sum
VERSION, SUM = "fastembed", "fastembed.crc32"
NO_SUM = "00000000"


def write(path: Any, tensors: dict[str, Any], metadata: dict[str, str]) -> None:
    """Write a dict of arrays (float16, float32 or float64) and one of texts, whole.

    OSError if it cannot be written: the old file is as it was. TypeError or ValueError if a dtype
    is none of those, or the metadata are not texts or have a key of our own.
    """
    for key, value in metadata.items():
        if not (isinstance(key, str) and isinstance(value, str)):
            raise TypeError(f"metadata must map str to str, got {key!r}: {value!r}")
        if key in (VERSION, SUM):
            raise ValueError(f"metadata must not have the key {key!r}: it is the file's own")
    header = {"__metadata__": {**metadata, VERSION: "1", SUM: NO_SUM}}
    arrays, end = [], 0
    # wide ones first: every tensor begins at a multiple of its item size
    for name in sorted(tensors, key=lambda name: -tensors[name].itemsize):
        dtype = tensors[name].dtype.newbyteorder("<")
        if dtype not in NAMES:
            raise TypeError(f"{name} must be float16, float32 or float64, got {dtype}")
        arrays.append(np.ascontiguousarray(tensors[name], dtype))
        begin, end = end, end + arrays[-1].nbytes
        shape = tensors[name].shape
        header[name] = {"dtype": NAMES[dtype], "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    text = len(text).to_bytes(8, "little") + text
    parts = [array.reshape(-1).view(np.uint8) for array in arrays]
    whole.write(path, [text.replace(_sum(NO_SUM), _sum(_crc32(text, *parts))), *parts])


def read(path: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Read a dict of read-only arrays and one of texts, without our own keys.

    OSError if it cannot be read; ValueError if it is damaged, unlike its checksum, or holds another
    dtype.
    """
    data = whole.read(path)
    try:
        start = 8 + int.from_bytes(data[:8], "little")
        if not 8 < start <= len(data):
            raise ValueError("its header is cut off")
        header = json.loads(data[8:start].decode("utf-8"))
        metadata = header.pop("__metadata__", {})
        if not all(isinstance(value, str) for value in metadata.values()):
            raise ValueError("its metadata are not texts")
        if VERSION in metadata or SUM in metadata:
            blank = data[:start].replace(_sum(metadata.get(SUM, "")), _sum(NO_SUM))
            if _crc32(blank, memoryview(data)[start:]) != metadata.get(SUM):
                raise ValueError("its checksum does not fit")
        tensors, end = {}, start
        for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            tensors[name], end = _tensor(name, entry, data, start, end)
        if end != len(data):
            raise ValueError(f"{len(data) - end} bytes belong to no tensor")
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"its header is no safetensors header ({error!r})") from error
    except RecursionError as error:
        raise ValueError("its header is nested too deep") from error
    metadata.pop(VERSION, None), metadata.pop(SUM, None)
    return tensors, metadata


def _tensor(name, entry, data, start, end):
    """The tensor that an entry of the header describes, which must begin at end; and its end."""
    if entry["dtype"] not in DTYPES:
        known = f"{repr(entry['dtype'])}, not one of {', '.join(DTYPES)}"
        raise ValueError(f"tensor {repr(name)} has the dtype {known}")
    dtype, shape, place = DTYPES[entry["dtype"]], entry["shape"], entry["data_offsets"]
    nbytes = whole.size(shape, dtype)
    if place != [end - start, end - start + nbytes] or not 0 <= nbytes <= len(data) - end:
        raise ValueError(f"tensor {repr(name)} does not lie where its header says")
    return np.ndarray(shape, dtype, data, end), end + nbytes


def _sum(digits):
    return f'"{SUM}":"{digits}"'.encode()


def _crc32(*parts):
    return f"{reduce(lambda total, part: zlib.crc32(part, total), parts, 0):08x}"
