"""The polynomials in the kernels are those that benchmarks/fits.py makes."""

import re
from pathlib import Path

import numpy as np

import fastembed
from benchmarks.fits import fits

LANES = Path(fastembed.__file__).parent / "kernels" / "lanes.h"


def test_coefficients_in_the_kernels_are_the_minimax_ones():
    found = re.findall(r"NAME\(fit\)\[\] = \{ /\* error (\S+) \*/(.*?)\}", LANES.read_text(), re.S)
    assert len(found) == 2
    for (error, numbers), (kind, (coefficients, largest)) in zip(
        found, fits().items(), strict=True
    ):
        dtype = np.float32 if kind == "float" else np.float64
        written = [dtype(number.strip(" \nf")) for number in numbers.split(",")]
        assert written == [dtype(float(coefficient)) for coefficient in coefficients]
        assert float(error) == float(f"{largest:.2g}")
