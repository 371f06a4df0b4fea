"""What an op takes and gives, said once, in a table: its door's test, its errors and its help().

A table has a line for each argument and each result::

    x (..., D): Inputs.
    labels (...) classes<V
    eps: float; Added to the probability.
    > loss: numpy.float64
    + dW (D, V) tied

Name, lengths of the axes, what is special, a note. ``>`` is a result, ``+`` one that the caller may
give a place for, ``=`` a place that he must give. Arrays of floats have one dtype. Special is:

    any, tied         taken as it lies: in any layout; with rows or columns side by side
    ids<V, classes<V  integers in [-V, V); those of classes may be ignored
    offsets<N         integers from 0 on that never decrease, at most N
    bits              0 and 1
    float64           of that dtype alone
    optional          may be None
    V+                at least 1
    N, ..., D         at least one axis before D

Lines without lengths are for help() alone; arguments that TERMS explains need none.
"""

import inspect
import re
import textwrap
from types import SimpleNamespace

import numpy as np

from fastembed import _check

cimport numpy as cnp
from libc.stdint cimport int64_t

from fastembed.ops._fit cimport apart, are_bits, are_ids, real_in_any_layout, writable

cnp.import_array()

cdef enum:
    REAL
    IDS
    CLASSES
    OFFSETS
    BITS

cdef enum:
    PLAIN  # in C order
    TIED
    ANY

ROW = re.compile(r"([>+=]?) ?(\w+)(?: \((.*?)\))?([^:(]*)(?:: (.*))?")
KINDS = {"ids": IDS, "classes": CLASSES, "offsets": OFFSETS, "bits": BITS}
LENGTH = re.compile(r"(\d*)([A-Z]\w*)(\+?)")
TERMS = {
    "eps": "float; Added to the probability before the logarithm; the gradient is that of eps = 0.",
    "ignore_label": "int or None; Rows with this label give no loss and no gradient. None: all count.",
    "label_smoothing": "float in [0, 1]; That share of the loss is the mean over all classes instead.",
    "need_grad": "bool; False: the loss alone, with the same bits; out is not touched.",
    "mode": "str; 'sum', 'mean' or 'max'.",
    "include_last_offset": "bool; Whether offsets have one more: where the last one's entries end.",
    "padding_idx": "int or None; An id that counts as if it were not there.",
    "need_cache": (
        "bool; False where no backward follows: quicker, in less memory, and cache is None."
    ),
}


cdef class Signature:
    """A table. Errors blame arguments in the order of names that is given, or of the lines."""

    def __init__(self, table, order=None):
        cdef rule_of_array *rule
        lines = re.sub(r"\n {8,}", " ", table).strip().splitlines()
        rows = [_row(*ROW.fullmatch(line.strip()).groups("")) for line in lines]
        self.rows = {row.name: row for row in rows}
        self.inputs = [row for row in rows if row.axes and not row.mark]
        self.places = [row for row in rows if row.mark in ("+", "=")]
        self.results = [row for row in rows if row.mark in (">", "+")]
        self.order = [self.rows[name] for name in order.split()] if order else self.inputs
        self.arrays, self.written = len(self.inputs), len(self.places)
        names = []
        for k, row in enumerate(self.inputs + self.places):
            rule = &self.rules[k]
            rule.kind, rule.layout, rule.leading = row.kind, row.layout, row.leading
            rule.axes, rule.optional = len(row.lengths), row.optional or row.mark == "+"
            for j, (factor, name, least) in enumerate(row.lengths):
                if name not in names:
                    names.append(name)
                rule.length[j], rule.factor[j], rule.least[j] = names.index(name), factor, least
        self.lengths = len(names)

    # ---- what doors ask

    cdef int fits(self, const ref *arrays) noexcept:
        cdef int64_t[MOST] lengths
        cdef int64_t size, factor
        cdef const cnp.npy_intp *shape
        cdef const cnp.npy_intp *front = NULL
        cdef const rule_of_array *rule
        cdef int k, j, number, leading, fronts = -1, real = -1
        cdef object x
        for k in range(self.lengths):
            lengths[k] = -1
        for k in range(self.arrays + self.written):
            rule = &self.rules[k]
            x = <object>arrays[k]
            if x is None:
                if not rule.optional:
                    return -1
                continue
            if rule.kind == REAL:
                number = real_in_any_layout(x)
                real = number if real < 0 else real
                if number < 0 or number != real:
                    return -1
                if rule.layout != ANY and not cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray>x):
                    if rule.layout != TIED or not cnp.PyArray_IS_F_CONTIGUOUS(<cnp.ndarray>x):
                        return -1
            elif not (are_bits if rule.kind == BITS else are_ids)(x):
                return -1
            shape = cnp.PyArray_DIMS(<cnp.ndarray>x)
            leading = cnp.PyArray_NDIM(<cnp.ndarray>x) - rule.axes
            if leading < rule.leading or (rule.leading < 0 and leading != 0):
                return -1
            if rule.leading >= 0:
                if fronts < 0:
                    fronts, front = leading, shape
                if leading != fronts:
                    return -1
                for j in range(leading):
                    if shape[j] != front[j]:
                        return -1
            for j in range(rule.axes):
                size, factor = shape[leading + j], rule.factor[j]
                if lengths[rule.length[j]] < 0:
                    lengths[rule.length[j]] = size if factor == 1 else size // factor
                if size != lengths[rule.length[j]] * factor or size < rule.least[j]:
                    return -1
            if k < self.arrays:
                continue
            if not writable(x):
                return -1
            for j in range(k):
                if <object>arrays[j] is not None:
                    if not apart(x, <object>arrays[j]):
                        return -1
        return real

    # ---- what does not fit as it is

    def again(self, door, given, out=None, rest=(), ignore_label=None):
        """What door(*given, out, *rest) gives for arguments made fit, or the error that blames one."""
        places = places_of(out) or tuple(None for row in self.places if row.mark == "=")
        arrays, copies = self.made_fit(given, places, ignore_label)
        if self.places:
            arrays += (copies if isinstance(out, (tuple, list)) else copies[0] if copies else None,)
        result = door(*arrays, *rest)
        own = {id(copy): place for copy, place in zip(copies, places)}
        for copy, place in zip(copies, places):
            if copy is not place:
                place[...] = copy
        if isinstance(result, tuple):
            return tuple(own.get(id(part), part) for part in result)
        return own.get(id(result), result)

    def made_fit(self, given, places=(), ignore_label=None):
        """Arrays and places as the door takes them: those that it does not take are copied."""
        arrays = {row.name: _array(row, array) for row, array in zip(self.inputs, given, strict=True)}
        wanted = [row for row in self.order if arrays[row.name] is not None]
        reals = [row.name for row in wanted if row.kind == REAL]
        dtypes = [arrays[row.name].dtype for row in self.inputs if row.name in reals]
        dtype = max(dtypes, key=dtypes.count)  # that of most: who differs is wrong
        for name in reals:
            _check.floats(name, arrays[name], dtype=self.rows[name].dtype or dtype)
        met = {}
        for row in wanted:
            _blame_shape(row, arrays[row.name].shape, met)
        others = {row.name: np.asarray(array) for row, array in zip(self.inputs, given)}
        for k, (row, place) in enumerate(zip(self.places, places)):
            name = row.name if row.mark == "=" else f"out[{k}]" if len(self.places) > 1 else "out"
            if any(symbol not in met for _, symbol, _ in row.lengths):  # no input has it
                _blame_shape(row, _check.own(name, place).shape, met)
            others[name] = _check.output(name, place, _expected(row, (), met), dtype, others)
        for row in wanted:
            array = arrays[row.name]
            if row.kind in (IDS, CLASSES):
                array = _within(row, array, met, ignore_label)
            elif row.kind == OFFSETS:
                array = _offsets(row, array, met)
            elif row.kind == BITS:
                array = _bits(row.name, array)
            arrays[row.name] = _check.plain(array)
        return tuple(arrays.values()), tuple(map(_check.plain, places))

    # ---- help()

    def documents(self, function):
        """Complete the docstring of an op, which says what it does, by what the table says."""
        code = function.__code__
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        rows = [self.rows[name] for name in names if name in self.rows]
        first = next(row.name for row in rows if row.axes and row.kind == REAL)
        text = [inspect.cleandoc(function.__doc__), "", "Parameters", "----------"]
        for name in names:
            text += self._described(name, first)
        text += ["", "Returns", "-------"]
        for row in self.results:
            kind, _, note = row.note.partition("; ")
            text += [f"{row.name} : {row.shape + ' ndarray' if row.axes else kind}"]
            text += _wrapped(row.note if row.axes else note)
        text += ["", "Raises", "------"]
        if any(row.kind != REAL for row in self.inputs):
            text += ["IndexError", "    If an id or a label is out of bounds; nothing is written then."]
        text += ["TypeError, ValueError", "    If a dtype or a shape does not fit, or arrays overlap."]
        function.__doc__ = "\n".join(text)
        return function

    def _described(self, name, first):
        row = self.rows.get(name)
        if name == "out" and row is None:
            places = ", ".join(row.name for row in self.places)
            kind, note = f"({places}), optional", "Arrays to overwrite, apart from the inputs."
        elif row is None or not row.axes:
            kind, _, note = (TERMS[name] if row is None else row.note).partition("; ")
        elif row.kind == REAL:
            dtype = row.dtype or "float32 or float64"
            if name != first:
                dtype = f"{first}' dtype" if first.endswith("s") else f"{first}'s dtype"
            kind = f"{row.shape} ndarray of {dtype}"
            note = row.note or ("Result to fill, apart from the inputs." if name == "out" else "")
        else:
            kind = f"array_like of integers, shape {row.shape}"
            end = f" in [-{row.bound}, {row.bound}); negative ones count from the end."
            note = {IDS: "Ids" + end, CLASSES: "Classes" + end, BITS: "0 or 1."}.get(row.kind)
            note = row.note or note
        if row is not None and (row.optional or name == "out"):
            kind += ", optional"
        return [f"{name} : {kind}", *_wrapped(note)]


def _wrapped(note):
    return [f"    {line}" for line in textwrap.wrap(note, 92)]


def _row(mark, name, axes, tags, note):
    row = SimpleNamespace(mark=mark, name=name, axes=axes, note=note)
    row.leading, row.lengths = -1, []  # the least number of axes that "..." stands for
    for length in axes.split(", ") if axes else ():
        if length == "...":
            row.leading, row.lengths = len(row.lengths), []
        else:
            factor, symbol, least = LENGTH.fullmatch(length).groups()
            row.lengths.append((int(factor or 1), symbol, least == "+"))
    row.kind = next((k for tag, k in KINDS.items() if tag in tags), REAL)
    row.layout = ANY if "any" in tags else TIED if "tied" in tags else PLAIN
    row.dtype = "float64" if "float64" in tags else None
    row.optional, row.bound = "optional" in tags, tags.partition("<")[2].partition(" ")[0]
    row.shape = f"({axes.replace('+', '')}{',' * (len(row.lengths) == 1 and row.leading < 0)})"
    return row


def _array(row, given):
    if given is None and row.optional:
        return None
    if row.kind == REAL:
        return _check.floats(row.name, given)
    if row.kind == BITS and _check.as_array(row.name, given).dtype == bool:
        _check.no_mask(**{row.name: given})
        return np.asarray(given)
    return _check.integers(row.name, given)


def _expected(row, shape, met):
    """The shape that an array should have; lengths that have not been met are its own."""
    front = max(len(shape) - len(row.lengths), 0)
    expected = met["..."][0] if row.leading >= 0 and "..." in met else shape[:front]
    own = {name: size for name, (size, _) in met.items()}
    for k, (factor, name, _) in enumerate(row.lengths):
        if name not in own:
            own[name] = shape[front + k] // factor
        expected += (factor * own[name],)
    return expected


def _blame_shape(row, shape, met):
    """Refuse a shape that differs from what was met; note the lengths that are new."""
    n, name = len(row.lengths), row.name
    if row.leading < 0 and len(shape) != n:
        raise ValueError(f"{name} must have {_check.axes(n)}, got shape {shape}")
    if row.leading > 0 and len(shape) < n + row.leading:
        raise ValueError(f"{name} must have {n + row.leading} axes or more, got shape {shape}")
    front = len(shape) - n
    least = [symbol for _, symbol, least in row.lengths if least]
    if front < 0 or any(least and not size for (*_, least), size in zip(row.lengths, shape[front:])):
        least = "".join(f" with {symbol} >= 1" for symbol in least)
        raise ValueError(f"{name} must have shape {row.shape}{least}, got {shape}")
    expected = _expected(row, shape, met)
    if shape != expected:
        symbols = ["..."] * (row.leading >= 0) + [symbol for _, symbol, _ in row.lengths]
        known = [f"{symbol} of {met[symbol][1]}" for symbol in symbols if symbol in met]
        known = f" with {' and '.join(known)}" if known else ""
        turned = n == 2 and front == 0 and _expected(row, shape[::-1], met) == shape[::-1]
        raise ValueError(
            f"{name} must have shape {expected}, {row.shape}{known}, got {shape}"
            f"{': its transpose has' * turned}"
        )
    if row.leading >= 0:
        met.setdefault("...", (shape[:front], name))
    for (factor, symbol, _), size in zip(row.lengths, shape[front:]):
        met.setdefault(symbol, (size // factor, name))


def _within(row, ids, met, ignore_label):
    """Ids from 0 on, and -1 for labels that are ignored."""
    bound, of = met[row.bound]
    ignored = row.kind == CLASSES and ignore_label is not None
    ignored = ignored and ids == _check.number("ignore_label", ignore_label)
    ids = np.where(ignored, 0, ids) if np.any(ignored) else ids
    of, unit = ("scores", "classes") if row.kind == CLASSES else (of, "rows")
    ids = _check.indices(row.name, ids, bound, of, unit).reshape(ids.shape)
    return np.where(ignored, -1, ids)


def _offsets(row, offsets, met):
    """Offsets as intp that begin with 0, do not decrease, nor go beyond what they are offsets into."""
    (bound, of), name = met[row.bound], row.name
    if offsets.size and offsets[0] != 0:
        raise ValueError(f"{name} must begin with 0, got {name}[0] = {offsets[0]}")
    last = max(0, offsets.size - 1)
    falls = np.flatnonzero(offsets[1:] < offsets[:last]) + 1
    if falls.size:
        k = falls[0]
        raise ValueError(
            f"{name} must not decrease, got {name}[{k}] = {offsets[k]} after {offsets[k - 1]}"
        )
    if offsets.size and offsets[last] > bound:
        place = f"{name}[{last}] = {offsets[last]}"
        raise IndexError(f"{place} is out of bounds for {of} with {bound} entries")
    return offsets.astype(np.intp)


def _bits(name, labels):
    """Labels as uint8; refuses others than 0 and 1."""
    wrong = (labels != 0) & (labels != 1)
    if wrong.any():
        position = np.unravel_index(np.argmax(wrong), labels.shape)
        where = ", ".join(map(str, position))
        raise IndexError(f"{name}[{where}] = {labels[position]} is neither 0 nor 1")
    return labels.astype(np.uint8)
