"""Make ``book.npz`` again, with the book's own code, out of the inputs that it holds.

    git clone https://github.com/oreilly-japan/deep-learning-from-scratch-2 CLONE
    git -C CLONE checkout 842ae31c2bb070f5116275606ed90396626a2c17
    python tests/data/make_book.py CLONE [OUTPUT]

Without OUTPUT, what was made is compared with the file that is there. It was written with NumPy
2.4; another NumPy or another processor may round other bits.
"""

import contextlib
import importlib
import io
import subprocess
import sys
from pathlib import Path

import numpy as np

COMMIT = "842ae31c2bb070f5116275606ed90396626a2c17"
MODULES = "common.util common.functions common.time_layers common.optimizer common.trainer"
MODULES += " negative_sampling_layer attention_layer simple_rnnlm rnnlm better_rnnlm"
MODULES += " seq2seq peeky_seq2seq attention_seq2seq"
TOLERANCE = 1e-6


def compare(case, found, data):
    assert found.keys() == data.keys(), case
    for name, array in found.items():
        expected = data[name]
        assert array.dtype == expected.dtype and array.shape == expected.shape, (case, name)
        if array.dtype.kind == "f":
            np.testing.assert_allclose(array, expected, TOLERANCE, 1e-7, err_msg=f"{case}/{name}")
        else:
            np.testing.assert_array_equal(array, expected, err_msg=f"{case}/{name}")


def main(clone, output=None):
    clone = Path(clone).resolve()
    sys.path[:0] = [str(Path(__file__).parents[1])]
    import golden

    head = subprocess.run(
        ["git", "-C", clone, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if head != COMMIT:
        raise SystemExit(f"{clone} is at {head}: the numbers come from {COMMIT}")
    sys.path[:0] = [str(clone), *(str(clone / f"ch0{k}") for k in (4, 5, 6, 7, 8))]
    book = golden.names(*map(importlib.import_module, MODULES.split()))
    made = {}
    for case, data in golden.read().items():
        with contextlib.redirect_stdout(io.StringIO()):
            found = {**data, **golden.run(book, case, data)}
        if output is None:
            compare(case, found, data)
        made |= {f"{case}/{name}": found[name] for name in found}
    if output is not None:
        np.savez(output, **made)
    print(len(made), "arrays,", "written" if output else "equal")


if __name__ == "__main__":
    main(*sys.argv[1:])
