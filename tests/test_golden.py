"""The numbers that the book's own code produced: all cases of data/book.npz, none left out."""

import golden
import loops as slow_training
import numpy as np
import pytest

from fastembed import attention, functions, models, optimizer, time_layers, trainer, util
from fastembed.reference import layers as slow_layers
from fastembed.reference import models as slow_models

CASES = golden.read()
CODE = {
    "fastembed": golden.names(util, functions, time_layers, attention, optimizer, trainer, models),
    "reference": golden.names(slow_layers, slow_training, slow_models),
}
OF_UTIL = {"preprocess", "create_co_matrix", "ppmi", "create_contexts_target", "convert_one_hot"}
OF_UTIL |= {"cos_similarity", "normalize"}
RTOL = {"UnigramSampler": 1e-12, **dict.fromkeys(golden.RNNLMS + golden.SEQ2SEQS, 1e-4)}


@pytest.mark.parametrize("code", CODE)
@pytest.mark.parametrize("case", CASES)
def test_case(case, code):
    if code == "reference" and case in OF_UTIL:
        assert not hasattr(CODE[code], case)  # the slow twins have no helpers for words
        return
    data, rtol = CASES[case], RTOL.get(case, 1e-5)
    found = golden.run(CODE[code], case, data)
    assert found.keys() == golden.outputs(case, data) != set()
    for name, actual in found.items():
        expected = data[name]
        assert actual.shape == expected.shape
        if expected.dtype.kind in "iU":
            np.testing.assert_array_equal(actual, expected)
            continue
        scale = max(np.abs(expected).max(initial=0), 1e-6)
        np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol * scale)


def test_every_case_of_the_file_is_there():
    assert len(CASES) == 62
    assert sum(map(len, CASES.values())) == 634


def test_functions_that_change_their_argument():
    x = CASES["normalize"]["x"].copy()
    assert util.normalize(x) is x
    assert CODE["fastembed"].create_co_matrix(np.array([0, 1]), 2).dtype == np.int32
