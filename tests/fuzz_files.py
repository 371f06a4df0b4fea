"""Every reader of files against arbitrary bytes: what it may raise, and how much memory it takes.

``python tests/fuzz_files.py params`` (or another of `READERS`) looks for other behaviour for a
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
    from fastembed import base_model, tables
    from fastembed._files import pickled, tensors
    from fastembed.optimizer import SGD
    from fastembed.tasks import checkpoint, lm, training
    from fastembed.tasks.values import UserError
    from fastembed.text import WordTokenizer
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


def write(path, params, settings, progress, made, words=None):
    """A checkpoint of the task lm with a right checksum; settings, progress and made are JSON."""
    state = f'"settings": {settings}, "progress": {progress}'
    state = f'{{"format": "{checkpoint.FORMAT}", "task": "lm", {state}}}'
    metadata = {base_model.TRAINING: state, base_model.MODEL: made}
    metadata[base_model.TOKENIZER] = WordTokenizer(["a"]).to_json() if words is None else words
    tensors.write(path, params, metadata)


def go_on(folder, **given):
    """What the task does with a file before it trains."""
    file = checkpoint.Checkpoint("lm", folder, resume=True)
    options = SimpleNamespace(**{"seed": 1, **lm.DEFAULTS, **given})
    training.adopt(lm.Training, options, given, file)
    sizes = {"wordvec_size": options.embed, "hidden_size": options.hidden}
    model = training.made(file, lm.MODELS, options, file.saved.tokenizer, sizes)
    ids = np.zeros(1000, np.int32)
    both = SimpleNamespace(train=ids, held_out=ids)
    run = lm.Training(file, options, print, model, SGD(1.0), "text", corpus=both)
    run.restore(given)
    return run


def resume(data):
    """Shapes of the parameters, then the texts of the settings, progress and model."""
    shapes, *texts = data
    params = {f"param{k}": np.zeros(shape, "f4") for k, shape in enumerate(shapes)}
    with tempfile.TemporaryDirectory() as folder:
        write(os.path.join(folder, "lm.safetensors"), params, *texts)
        go_on(folder)


def read_vectors(path):
    words = ["a", "b"] if Path(path).read_bytes().startswith(b"\x93NUMPY") else None
    found = load(path, words=words)
    assert len(found.words) == len(found.vectors) == len(found.key_to_index)
    assert all(type(word) is str for word in found.words)
    found.vectors.tobytes()


def read_model(path):
    model = base_model.load(path)
    assert all(np.asarray(param).dtype.kind == "f" for param in model.params)


def read_table(path):
    tables.open(path).tobytes()
    assert tables.open(path, "r+").ndim == 2


READERS = {
    "params": read_params,
    "tensors": read_tensors,
    "vectors": read_vectors,
    "tables": read_table,
    "models": read_model,
}
for good in (CORPUS / "models").glob(
    "good*"
):  # what is imported when it is first wanted is no file's
    read_model(good)


def try_one(read, argument, size):
    """Call a reader: it may return or refuse in one line, with memory in proportion to the size."""
    tracemalloc.start()
    try:
        with warnings.catch_warnings(action="ignore"):  # words that come again, files of Python 2
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
