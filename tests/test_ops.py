"""What holds for every op: NumPy's values in any layout, bits, gradients, what is refused."""

import numpy as np
import pytest
from helpers import APART, COUNTS, DTYPES, LAYOUTS, STEPS, lay, numeric, swapped, unaligned

from fastembed import ops, reference

SMALL = dict(N=6, T=5, D=9, H=7, V=30, K=4)
LARGE = dict(N=60, T=11, D=200, H=96, V=900, K=6)
TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}
WRITTEN = {"scatter_add": [0], "negative_sampling_backward": [4]}  # arguments that are outputs
WRITTEN["train_word2vec"] = [0, 1]
WRITTEN |= {name: [0, *range(2, 2 + count)] for name, (count, _) in STEPS.items()}


def arguments(rng, dtype, N, T, D, H, V, K):
    """Op -> its arguments."""

    def draw(*shape):
        return (rng.standard_normal(shape) / 2).astype(dtype)

    def shares(*shape):
        return ops.softmax(draw(*shape))

    def ids(*shape):
        return rng.integers(-V, V, shape)

    def offsets():
        found = np.sort(rng.integers(0, N * T + 1, N))
        found[:1] = 0
        return found

    def bits(*shape):
        return rng.integers(0, 2, shape)

    return {
        "gather": (draw(V, D), ids(N, T)),
        "scatter_add": (draw(V, D), ids(N, T), draw(N, T, D)),
        "coalesce": (ids(N, T), draw(N, T, D), V),
        "embedding_bag": (draw(V, D), ids(N * T), offsets()),
        "embedding_bag_backward": (draw(N, D), draw(V, D), ids(N * T), offsets()),
        "segment_sum": (draw(N * T, D), offsets()),
        "matmul": (draw(N * T, D), draw(D, H)),
        "affine": (draw(N * T, D), draw(D, H), draw(H)),
        "affine_backward": (draw(N * T, H), draw(N * T, D), draw(D, H)),
        "softmax": (draw(N, T, V),),
        "softmax_backward": (draw(N, T, V), shares(N, T, V)),
        "softmax_cross_entropy": (draw(N, T, V), ids(N, T)),
        "sigmoid_cross_entropy": (draw(N, T), bits(N, T)),
        "linear_cross_entropy": (draw(N, T, D), draw(D, V), draw(V), ids(N, T)),
        "negative_sampling_loss": (draw(N, D), draw(V, D), ids(N, K), bits(N, K)),
        "negative_sampling_backward": (draw(N, K), draw(N, D), draw(V, D), ids(N, K), draw(V, D)),
        "train_word2vec": (
            *(draw(K, V, D) / np.sqrt(K * D).astype(dtype) for _ in range(2)),
            rng.integers(-1, V, N * T),
            *(rng.random(V).astype(dtype) for _ in range(2)),
            rng.integers(0, V, V),
        ),
        "time_attention": (draw(N, T, H), draw(N, K, H)),
        "time_attention_backward": (draw(N, K, H), draw(N, T, H), draw(N, K, H), shares(N, K, T)),
        "attention_weight": (draw(N, T, H), draw(N, H)),
        "attention_weight_backward": (draw(N, T), draw(N, T, H), draw(N, H), shares(N, T)),
        "weight_sum": (draw(N, T, H), shares(N, T)),
        "weight_sum_backward": (draw(N, H), draw(N, T, H), shares(N, T)),
    } | {
        name: (*(abs(draw(V, D)) for _ in range(2 + count)), *scalars)
        for name, (count, scalars) in STEPS.items()
    }


ALL = list(arguments(np.random.default_rng(0), np.float64, **SMALL))
every_op = pytest.mark.parametrize("name", ALL)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def is_array(argument):
    return isinstance(argument, np.ndarray)


def outputs(module, name, given):
    """All that an op returns and writes."""
    result = getattr(module, name)(*given)
    several = result if isinstance(result, tuple) else (result,)
    return [np.asarray(array) for array in (*several, *(given[k] for k in WRITTEN.get(name, [])))]


def check(name, given, dtype, change):
    """The op with changed arguments is its plain twin in double precision."""
    slow = [
        x.astype("d") if is_array(x) and x.dtype == dtype else np.copy(x) if is_array(x) else x
        for x in given
    ]
    changed = [change(k, x) if is_array(x) else x for k, x in enumerate(given)]
    before = [np.copy(x) for x in changed]
    fast = outputs(ops, name, changed)
    for got, expected in zip(fast, outputs(reference, name, slow), strict=True):
        kind = dtype if expected.dtype.kind == "f" else np.int64
        assert got.shape == expected.shape and (got.dtype == kind or got.shape == ())
        np.testing.assert_allclose(got, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    for k, (array, old) in enumerate(zip(changed, before, strict=True)):
        if k not in WRITTEN.get(name, []):
            np.testing.assert_array_equal(array, old)


@every_op
@pytest.mark.parametrize("layout", [*LAYOUTS, APART])
@every_dtype
def test_values_in_any_layout(rng, name, dtype, layout):
    written = WRITTEN.get(name, [])

    def change(k, array):
        return lay(array, "F" if k in written and layout in ("readonly", "memmap") else layout)

    check(name, arguments(rng, dtype, **SMALL)[name], dtype, change)


@every_op
@pytest.mark.parametrize(
    "sizes",
    [
        dict(N=1, T=1, D=1, H=1, V=4, K=1),
        dict(N=1, T=5, D=3, H=8, V=9, K=1),
        dict(N=3, T=1, D=1, H=2, V=5, K=7),
        dict(N=0, T=3, D=2, H=4, V=5, K=2),
        LARGE,
    ],
    ids=lambda sizes: "-".join(map(str, sizes.values())),
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning:fastembed.reference")
def test_values_of_any_size(rng, name, sizes):
    check(name, arguments(rng, np.float64, **sizes)[name], np.float64, lambda k, array: array)


@every_op
@pytest.mark.parametrize("id_dtype", [np.int8, np.int32])
def test_values_with_ids_of_any_dtype(rng, name, id_dtype):
    def change(k, array):
        return array.astype(id_dtype) if array.dtype == np.int64 else array

    check(name, arguments(rng, np.float64, **SMALL)[name], np.float64, change)


@every_op
@pytest.mark.parametrize("change", [swapped, unaligned])
@every_dtype
def test_bits_of_other_byte_orders_and_unaligned_arrays(rng, name, dtype, change):
    given = arguments(rng, dtype, **SMALL)[name]
    odd = [change(x) if is_array(x) else x for x in given]
    plain = [np.copy(x) if is_array(x) else x for x in given]
    results = outputs(ops, name, odd), outputs(ops, name, plain)
    for got, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(got, expected)


@every_op
@every_dtype
def test_bits_at_any_number_of_threads(rng, set_threads, name, dtype):
    given, results = arguments(rng, dtype, **LARGE)[name], []
    for n in COUNTS:
        set_threads(n)
        results.append(outputs(ops, name, [np.copy(x) if is_array(x) else x for x in given]))
    for result in results[1:]:
        for got, expected in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(got, expected)


def negative_sampling_gradients(w, h, W, targets, labels):
    dscores, dW = ops.negative_sampling_loss(h, W, targets, labels)[1], np.empty_like(W)
    return ops.negative_sampling_backward(dscores, h, W, targets, dW), dW


GRADIENTS = {  # of the sum of w times the first output, in the arguments one after another
    "gather": lambda w, W, ids: [ops.scatter_add(np.zeros_like(W), ids, w)],
    "embedding_bag": lambda w, *given: [ops.embedding_bag_backward(w, *given)],
    "segment_sum": lambda w, values, offsets: [
        np.repeat(w, np.diff([*offsets, len(values)]), axis=0)
    ],
    "matmul": lambda w, a, b: ops.affine_backward(w, a, b)[:2],
    "affine": lambda w, x, W, b: ops.affine_backward(w, x, W),
    "softmax": lambda w, x: [ops.softmax_backward(w, ops.softmax(x))],
    "softmax_cross_entropy": lambda w, *given: ops.softmax_cross_entropy(*given)[1:],
    "sigmoid_cross_entropy": lambda w, *given: ops.sigmoid_cross_entropy(*given)[1:],
    "linear_cross_entropy": lambda w, *given: ops.linear_cross_entropy(*given)[1:],
    "negative_sampling_loss": negative_sampling_gradients,
    "time_attention": lambda w, *given: ops.time_attention_backward(
        w, *given, ops.time_attention(*given)[1]
    ),
    "attention_weight": lambda w, *given: ops.attention_weight_backward(
        w, *given, ops.attention_weight(*given)
    ),
    "weight_sum": lambda w, *given: ops.weight_sum_backward(w, *given),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_are_central_differences(rng, name):
    given = arguments(rng, np.float64, N=2, T=3, D=4, H=3, V=6, K=5)[name]
    first = outputs(ops, name, given)[0]
    w = rng.standard_normal(first.shape) if first.ndim else 1.0
    gradients = GRADIENTS[name](w, *given)
    for array, gradient in zip(given, gradients, strict=False):
        expected = numeric(lambda: np.sum(w * outputs(ops, name, given)[0]), array)
        np.testing.assert_allclose(gradient, expected, atol=1e-6)


@every_op
def test_floats_of_another_dtype_are_refused(rng, name):
    given = arguments(rng, np.float64, **SMALL)[name]
    real = [k for k, x in enumerate(given) if is_array(x) and x.dtype == np.float64]
    for k in real:
        for dtype, message in [
            ("e", "must be float32 or float64, got float16|must be float64.*, got float16"),
            ("f", "must be float(32|64)( like the other arrays)?, got float(32|64)"),
            ("i8", "must be float.*, got int64"),
        ]:
            if dtype == "f" and len(real) == 1:
                continue
            before = [np.copy(x) for x in given]
            with pytest.raises(TypeError, match=message):
                getattr(ops, name)(*given[:k], given[k].astype(dtype), *given[k + 1 :])
            for array, old in zip(given, before, strict=True):
                np.testing.assert_array_equal(array, old)


@pytest.mark.parametrize("name", [name for name in ALL if "attention" in name or "weight" in name])
def test_shapes_that_do_not_fit_are_refused(rng, name):
    given = arguments(rng, np.float64, **SMALL)[name]
    for k in range(len(given)):
        for wrong, message in [(given[k][:-1], "shape"), (given[k][0], "[23] axes")]:
            with pytest.raises(ValueError, match=f"must have {message}"):
                getattr(ops, name)(*given[:k], wrong, *given[k + 1 :])


def test_attention_to_no_states():
    hs, h, none = (np.ones(shape, "f") for shape in ((2, 0, 4), (2, 3, 4), (2, 3, 0)))
    out, weights = ops.time_attention(hs, h)
    assert weights.shape == none.shape and out.shape == h.shape and not out.any()
    dhs, dh = ops.time_attention_backward(out, hs, h, weights)
    assert dhs.shape == hs.shape and not dh.any()
    a = ops.attention_weight(hs, h[:, 0])
    assert a.shape == (2, 0) and not ops.weight_sum(hs, a).any()
