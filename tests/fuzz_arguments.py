"""Every op with arguments that a fuzzer makes: an error that names one of them, or a result.

``python tests/fuzz_arguments.py`` looks for a minute, guided by coverage; it needs ``atheris``.
"""

import sys

import atheris
import numpy as np

with atheris.instrument_imports(include=["fastembed._check"]):
    from test_bad_input import ERRORS, OPS, build, call_op, parse

    from fastembed import ops

DTYPES = "f d e i q B ? F O >f >d >i".split()


def array(data, good):
    """An array near a good one: another dtype, shape, layout, or other numbers."""
    if data.ConsumeBool():
        return good
    good = good.astype(np.dtype(data.PickValueInList(DTYPES)) if data.ConsumeBool() else good.dtype)
    shape = [max(0, n + data.ConsumeIntInRange(-1, 1)) for n in good.shape]
    shape = shape[: data.ConsumeIntInRange(0, len(shape))] if data.ConsumeBool() else shape
    out = np.resize(good, shape)
    if out.size and out.dtype != object:
        out.flat[data.ConsumeIntInRange(0, out.size - 1)] = data.PickValueInList([0, 1, 3, 7, 100])
    lay = data.ConsumeIntInRange(0, 4)
    if lay == 1:
        return np.asfortranarray(out)
    if lay == 2:
        return np.repeat(out, 2, axis=0)[::2] if out.ndim else out
    if lay == 3:
        return out[::-1] if out.ndim else out
    if lay == 4:
        out.flags.writeable = False
    return out


def try_one(data):
    data = atheris.FuzzedDataProvider(data)
    name = data.PickValueInList(sorted(OPS))
    args = parse(OPS[name])
    values = build(args, np.dtype(data.PickValueInList(["f", "d"])))
    for arg in args.values():
        value = values[arg.name]
        if arg.kind == "value" and value is not True:
            values[arg.name] = data.PickValueInList([value, value, 0, 1, -1, 0.5, None])
        elif arg.kind in ("floats", "ids", "bits"):
            many = [array(data, part) for part in (value if arg.many else [value])]
            values[arg.name] = arg.many(many) if arg.many else many[0]
    try:
        with np.errstate(all="ignore"):
            call_op(ops, name, values)
    except ERRORS as error:
        assert any(arg in str(error) for arg in args), repr(error)


if __name__ == "__main__":
    seconds = sys.argv[2] if len(sys.argv) > 2 else "60"
    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-max_len=256"], try_one)
    atheris.Fuzz()
