"""What a kernel's annotations say: how its arguments lie in the C struct that a door fills.

The struct is made of 8-byte fields, in the order of the arguments: a matrix takes three (data,
rows, columns), a vector two (data, length), a number one. Arrays are C-contiguous.
"""

from dataclasses import dataclass, replace

import numpy as np
from numba import carray, types
from numba.extending import intrinsic


@dataclass(frozen=True)
class Field:
    """An argument: how many fields it takes, and how code reads them from ``args[k]`` on."""

    words: int
    code: str
    first: int | None = None  # where it begins, if not after the argument before it

    def at(self, first):
        return replace(self, first=first)


def _matrix(dtype):
    return Field(3, f"carray(pointer(args[k], {dtype}), (args[k + 1], args[k + 2]))")


def _vector(dtype):
    return Field(2, f"carray(pointer(args[k], {dtype}), args[k + 1])")


# "real" is the dtype that the kernel is compiled for
matrix, id_matrix, int_matrix, bit_matrix = map(_matrix, ("real", "int64", "int32", "uint8"))
single_matrix, half_matrix, byte_matrix = map(_matrix, ("float32", "uint16", "int8"))
vector, ids, bits = map(_vector, ("real", "int64", "uint8"))
singles, doubles = map(_vector, ("float32", "float64"))
integer = Field(1, "args[k]")
double = Field(1, "int64(args[k]).view(float64)")
real = Field(1, f"real({double.code})")


@intrinsic
def _pointer(typing_context, address, dtype):
    kind = types.CPointer(dtype.dtype)

    def generate(context, builder, signature, values):
        return builder.inttoptr(values[0], context.get_value_type(kind))

    return kind(address, dtype), generate


DTYPES = "int8", "int32", "int64", "uint8", "uint16", "float32", "float64"
NAMES = {name: getattr(np, name) for name in DTYPES}
NAMES |= {"carray": carray, "pointer": _pointer}


def dtypes(kernel):
    """What a kernel is compiled for: float64 stands for all where no argument depends on it."""
    fields = [field for field in kernel.py_func.__annotations__.values() if field is not bool]
    return ("float32", "float64") if any("real" in field.code for field in fields) else ("float64",)


def caller(kernel, dtype):
    """A function ``(args, lo, hi, member)`` that calls a kernel with what it finds in args.

    Where the kernel returns whether it worked, one field more is set to 0 if it did not.
    """
    function, k, end, values = kernel.py_func, 0, 0, []
    fields = dict(function.__annotations__)
    tells = fields.pop("return", None)
    for field in fields.values():
        k = k if field.first is None else field.first
        values.append(field.code.replace("[k", f"[{k}"))
        k += field.words
        end = max(end, k)
    count = function.__code__.co_argcount
    values += function.__code__.co_varnames[len(fields) : count]  # lo, hi
    call = f"kernel({', '.join(values)})"
    if tells:
        call = f"if not {call}: args[{end}] = 0"
    space = {**NAMES, "kernel": kernel, "real": getattr(np, dtype)}
    exec(f"def entry(args, lo, hi, member):\n    {call}", space)
    return space["entry"]
