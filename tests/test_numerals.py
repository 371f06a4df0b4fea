"""Decimal numerals in files of vectors: the nearest float32 or float64, by exact fractions."""

import math
import random
import re
import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastembed.vectors._records import Reader

FLOATS = [np.float32, np.float64]


def read(texts, dtype):
    """The numbers of a file with one on each line, behind a word; None if one of them is none."""
    text = bytearray("".join(f"w {text}\n" for text in texts).encode())
    size, reader, out = len(text), Reader(1), np.empty((len(texts), 1), dtype)
    text += bytes(8)
    good = reader.lines(text, size, reader.count(text, size), out) if texts else 0
    return out[:, 0].tolist() if good == len(texts) else None


def bits(values, dtype):
    return np.array(values, dtype).view(f"u{np.dtype(dtype).itemsize}").tolist()


def nearest32(text):
    """The float32 that lies nearest to a numeral: float() rounds, and that is rounded again."""
    text = re.sub(r"(e-?)\d{4,}$", r"\g<1>999", text)  # as good, in fewer digits
    with np.errstate(over="ignore"):
        single = np.float32(float(text))
    if not np.isfinite(single):
        limit = Fraction(2) ** 128 - Fraction(2) ** 103  # from here on, infinity is nearest
        huge = abs(Fraction(text)) >= limit
        return single if huge else np.copysign(np.finfo("f").max, single)
    exact = Fraction(text)
    around = [np.nextafter(single, np.float32(x)) for x in (-np.inf, np.inf)]
    candidates = [single, *(x for x in around if np.isfinite(x))]

    def badness(x):
        even = struct.unpack("<I", struct.pack("<f", x))[0] & 1
        return abs(Fraction(float(x)) - exact), even

    return min(candidates, key=badness)


def expected(text, dtype):
    return float(text) if dtype == np.float64 else nearest32(text)


def same(texts, dtype):
    found = read(texts, dtype)
    assert found is not None
    wanted = [expected(text, dtype) for text in texts]
    assert bits(found, dtype) == bits(wanted, dtype)


digits = st.text("0123456789", min_size=1, max_size=30)
numerals = st.builds(
    lambda sign, whole, part, exponent: sign + whole + part + exponent,
    st.sampled_from(["", "-", "+"]),
    digits,
    st.sampled_from(["", "."]) | digits.map(".".__add__),
    st.just("")
    | st.integers(-60, 45).map("e{}".format)
    | st.integers(-400, 400).map("E{:+}".format),
)


@pytest.mark.parametrize("dtype", FLOATS)
@settings(max_examples=500, deadline=None)
@given(texts=st.lists(numerals, max_size=20))
def test_any_numeral_is_rounded_once(dtype, texts):
    same(texts, dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@settings(max_examples=300, deadline=None)
@given(
    pairs=st.lists(st.tuples(st.integers(0, 2**31 - 2**24 - 1), st.integers(1, 40)), max_size=20)
)
def test_numerals_at_and_beside_the_middle_of_two_floats(dtype, pairs):
    texts = []
    for number, place in pairs:
        low, high = (Fraction(float(x)) for x in np.array([number, number + 1], "u4").view("f4"))
        text = decimal(((low + high) / 2) if math.isfinite(high) else low)
        texts += [text, text + "1", text + "0" * place + "1", nudge(text, -1), nudge(text, 1)]
    same(texts, dtype)


def decimal(x):
    """All digits of a fraction whose denominator is a power of two."""
    places = x.denominator.bit_length() - 1
    whole = x.numerator * 5**places
    text = str(abs(whole)).rjust(places + 1, "0")
    return f"{text[: len(text) - places]}.{text[len(text) - places :]}"


def nudge(text, step):
    """Another last digit that counts, after the fifteenth."""
    head, _, tail = text.partition(".")
    number = max(0, int(head + tail[:25].ljust(25, "0")) + step)
    return f"{str(number).rjust(26, '0')[:-25]}.{str(number).rjust(26, '0')[-25:]}"


EDGES = [
    *"0 -0 +0 0.0 .5 5. 1e0 1E+5 1e-5 00012.500 -.25e2 9007199254740993 9007199254740992".split(),
    *"1e22 1e23 123456789012345678901234567890 0.1e-6 3.4028235e38 3.4028236e38 1e39 -1e39".split(),
    *"1.17549435e-38 1.17549429e-38 1e-40 7e-46 7.1e-46 1e-60 1e-61 1e-400 1e400 0e999999".split(),
    *"4.9e-324 2.4e-324 1.7976931348623157e308 1.7976931348623159e308 16777217 16777219".split(),
    *"12345678 123456789 1234567890123456789 12345678901234567890 0.00000001 0.000000001".split(),
    "0." + "0" * 50 + "123", "1" * 400, "0" * 400 + ".5", "1." + "0" * 400 + "1", "0.1" + "0" * 90,
    "1e012", "1e-99999999999999999999", "0.e1",
]  # fmt: skip


@pytest.mark.parametrize("dtype", FLOATS)
def test_edges(dtype):
    with np.errstate(over="ignore"):
        same(EDGES, dtype)


@pytest.mark.parametrize("dtype", FLOATS)
def test_no_numbers_and_infinity(dtype):
    texts = "nan NaN -nan inf -INF +Infinity -infinity".split()
    found = read(texts, dtype)
    assert bits(found, dtype) == bits([float(text) for text in texts], dtype)


@pytest.mark.parametrize("dtype", FLOATS)
def test_what_is_no_numeral(dtype):
    texts = "a . - + e5 1e 1e+ .e5 -.e 1_0 0x10 1.2.3 --1 1,5 1e5.0 in na nanx ½ 1f 1e5e5 ١".split()
    assert [read([text], dtype) for text in texts] == [None] * len(texts)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("count", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_many_numerals_as_files_have_them(dtype, count, rng):
    """Compared with Python's float(), and NumPy's cast of it but where that rounds twice."""
    values = rng.standard_normal(count).tolist()
    random.seed(int(rng.integers(1 << 30)))
    patterns = "%.6f %.5g %.4f %.9g %.8e %.17g %.18e %.12f %r %.3e".split()
    texts = [patterns[k % 10] % x for k, x in enumerate(values)]
    texts += [random.choice(patterns) % (x * 10.0 ** random.randint(-45, 40)) for x in values]
    found = np.array(read(texts, dtype), dtype)
    with np.errstate(over="ignore"):
        wanted = np.array([float(text) for text in texts]).astype(dtype)
    differ = np.flatnonzero(found != wanted)
    assert dtype == np.float32 or not len(differ)
    for k in differ:
        assert found[k] == nearest32(texts[k]), texts[k]
