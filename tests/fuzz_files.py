"""Every reader of files against arbitrary bytes: what it may raise, and how much memory it takes.

``python tests/fuzz_files.py params`` (or ``tensors``, ``vectors``) looks for other behaviour for a
minute, guided by coverage: it needs the package ``atheris``, and starts from the files of
``tests/corpus``.
"""

import contextlib
import os
import sys
import tempfile
import tracemalloc
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np

instrumented = contextlib.nullcontext()
if __name__ == "__main__":
    import atheris

    instrumented = atheris.instrument_imports(
        include=["fastembed._files", "fastembed.vectors", "pickletools", "json"]
    )
with instrumented:
    from fastembed._files import pickled, tensors
    from fastembed.tasks import checkpoint, lm
    from fastembed.tasks.values import UserError
    from fastembed.vectors import load

CORPUS = Path(__file__).parent / "corpus"


def read_params(path):
    for array in pickled.arrays(Path(path).read_bytes()):
        assert array.dtype.kind in "fiu"
        array.tobytes()  # every entry can be read


def read_tensors(path):
    found, metadata = tensors.read(path)
    assert sum(array.nbytes for array in found.values()) <= os.path.getsize(path)
    for array in found.values():
        array.tobytes()
    assert all(type(text) is str for item in metadata.items() for text in item)


def resume(data):
    """A checkpoint with a right checksum: shapes of its tensors, then its texts."""
    shapes, *texts = data
    metadata = {"format": checkpoint.FORMAT, "task": "lm"}
    metadata |= dict(zip(["settings", "progress", "vocabulary"], texts, strict=True))
    params = {name: np.zeros(s, "f4") for name, s in zip(lm.PARAMETERS, shapes, strict=True)}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "lm.safetensors")
        tensors.write(path, params, metadata)
        lm.adopt(SimpleNamespace(**lm.DEFAULTS), {}, checkpoint.load(path, "lm"), path)


def read_vectors(path):
    words = ["a", "b"] if Path(path).read_bytes().startswith(b"\x93NUMPY") else None
    with warnings.catch_warnings(action="ignore"):  # of words that come again
        found = load(path, words=words)
    assert len(found.words) == len(found.vectors) == len(found.key_to_index)
    assert all(type(word) is str for word in found.words)
    found.vectors.tobytes()


READERS = {"params": read_params, "tensors": read_tensors, "vectors": read_vectors}


def try_one(read, argument, size):
    """Call a reader: it may return or refuse in one line, with memory in proportion to the size."""
    tracemalloc.start()
    try:
        read(argument)
        return True
    except (UserError, ValueError) as error:
        assert "\n" not in str(error) and len(str(error)) < 1000, str(error)[:2000]
        return False
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 200 * size + 2_000_000, f"{peak} bytes for a file of {size}"


def try_bytes(name, data):
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(data)
    try:
        return try_one(READERS[name], file.name, len(data))
    finally:
        os.unlink(file.name)


def main(name, seconds="60"):
    with tempfile.TemporaryDirectory() as found:  # new inputs: the corpus stays small
        options = [f"-max_total_time={seconds}", "-max_len=4096", found, str(CORPUS / name)]
        atheris.Setup([sys.argv[0], *options], lambda data: try_bytes(name, data))
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
