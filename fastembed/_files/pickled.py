"""Lists of arrays from pickles, which are not unpickled: that could run any code.

Of the instructions of pickle (``python -m pickletools`` shows them) those are followed that NumPy's
arrays need in protocols 0 to 5. Nothing is imported and nothing is called: arrays are made from
a dtype, a shape and bytes of the file, once these fit together.
"""

import itertools
import pickletools
import re
from dataclasses import dataclass
from reprlib import repr  # a damaged name may be as long as the file
from typing import Any

import numpy as np

from fastembed._files import whole

MOST = 1 << 20  # instructions; an array has about forty
DEEPEST = 16  # tuples within tuples; an array needs three
PUSHED = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"} | {
    "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8",
    "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


@dataclass
class _Dtype:
    value: np.dtype  # whose byte order the file tells later


@dataclass
class _Array:
    value: np.ndarray | None = None  # whose content the file may tell later


def arrays(data: bytes) -> list[Any]:
    """The arrays, as a list, of the bytes of a pickled list or tuple of arrays.

    ValueError if it is damaged or holds anything else; no more memory is taken than a few times
    data's.
    """
    try:
        found = _Reader(len(data)).run(data)
    except (AttributeError, LookupError, OverflowError, TypeError, Warning) as error:
        raise ValueError(f"it is damaged ({error!r})") from error
    if type(found) not in (list, tuple):
        raise ValueError(f"it holds a {type(found).__name__}, not a list of arrays")
    for k, item in enumerate(found):
        if type(item) is not _Array or item.value is None:
            raise ValueError(f"its item {k} is not an array")
    return [item.value for item in found]


class _Reader:
    """Follows a pickle's instructions on a stack of plain values; names are texts."""

    def __init__(self, nbytes):
        self.left = nbytes  # all texts together cannot give more bytes than the file has

    def run(self, data):
        stack, outer, memo = [], [], {}
        for op, argument, _ in itertools.islice(pickletools.genops(data), MOST):
            match op.name:
                case name if name in PUSHED:
                    stack.append(argument)
                case name if name in CONSTANTS:
                    stack.append(CONSTANTS[name])
                case "EMPTY_LIST":
                    stack.append([])
                case "MARK":
                    if len(outer) == DEEPEST:
                        raise ValueError(f"it nests more than {DEEPEST} tuples")
                    outer.append(stack)
                    stack = []
                case "TUPLE" | "LIST" as name:
                    items, stack = stack, outer.pop()
                    stack.append(tuple(items) if name == "TUPLE" else items)
                case name if name in TUPLES:
                    items = [stack.pop() for _ in range(TUPLES[name])]
                    stack.append(tuple(reversed(items)))
                case "APPEND":
                    item = stack.pop()
                    stack[-1].append(item)
                case "APPENDS":
                    items, stack = stack, outer.pop()
                    stack[-1].extend(items)
                case "PUT" | "BINPUT" | "LONG_BINPUT" | "MEMOIZE":
                    memo[len(memo) if argument is None else argument] = stack[-1]
                case "GET" | "BINGET" | "LONG_BINGET":
                    stack.append(memo[argument])
                case "GLOBAL":
                    stack.append(argument.replace(" ", "."))
                case "STACK_GLOBAL":
                    name, module = stack.pop(), stack.pop()
                    stack.append(".".join((module, name)))
                case "REDUCE":
                    arguments = stack.pop()
                    stack[-1] = self.call(stack[-1], arguments)
                case "BUILD":
                    state = stack.pop()
                    _build(stack[-1], state)
                case "PROTO" | "FRAME":
                    pass
                case "STOP":
                    return stack.pop()
                case name:
                    raise ValueError(f"it has the instruction {name}, which no array needs")
        raise ValueError(f"it has more than {MOST} instructions")

    def call(self, name, arguments):
        """What NumPy's function of that name would return."""
        match name.replace("numpy.core.", "numpy._core."), arguments:
            case "numpy._core.multiarray._reconstruct", ("numpy.ndarray", (0,), b"b"):
                return _Array()
            case "numpy.dtype", (str(code), 0, 1) if re.fullmatch("[fiu][1248]", code):
                return _Dtype(np.dtype(code))
            case "numpy._core.numeric._frombuffer", (data, _Dtype() as dtype, shape, order, *axes):
                array = _filled(shape, dtype, data, order == "F")
                return _Array(array.transpose(*axes) if order == "K" else array)
            case "_codecs.encode", (str(text), "latin1"):  # bytes, in protocols that have none
                self.left -= len(text)
                if self.left < 0:
                    raise ValueError("its texts are longer than the file")
                return text.encode("latin1")
            case "__builtin__.bytes" | "builtins.bytes", ():
                return b""
        raise ValueError(f"it refers to {repr(name)}, which is not an array")


def _build(begun, state):
    """What NumPy's ``__setstate__`` would do."""
    match begun, state:
        case _Dtype(), (_, "<" | ">" | "=" | "|" as order, None, None, None, *_):
            begun.value = begun.value.newbyteorder(order)
        case _Array(), (1, shape, _Dtype() as dtype, columns_first, data):
            begun.value = _filled(shape, dtype, data, columns_first)
        case _:
            raise ValueError("it has something that is neither a plain dtype nor an array")


def _filled(shape, dtype, data, columns_first):
    if whole.size(shape, dtype.value) != len(data):
        raise ValueError("it has an array whose bytes do not fill its shape")
    return np.ndarray(shape, dtype.value, data, order="F" if columns_first else "C")
