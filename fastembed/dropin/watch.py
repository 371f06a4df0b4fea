"""What a method leans on, read from its code: module names, and attributes of its object."""

import dis
import types
from functools import lru_cache

import numpy as np

PLAIN = (type(None), bool, int, float, str)


class Watch:
    """The globals that functions read, directly or through functions and classes of their module.

    A notebook may define ``softmax`` again, or set ``GPU = True``, after a class was probed; from
    then on the original must run.
    """

    def __init__(self, functions):
        self.names = []  # (namespace, name, value)
        seen = set()
        for function in functions:
            self._follow(function, seen)

    def _follow(self, function, seen):
        if not isinstance(function, types.FunctionType) or id(function) in seen:
            return
        seen.add(id(function))
        space = function.__globals__
        for name in sorted(names_read(function)):
            if name not in space or (id(space), name) in seen:
                continue
            seen.add((id(space), name))
            value = space[name]
            self.names.append((space, name, value))
            if isinstance(value, type) and value.__module__ == function.__module__:
                for method in vars(value).values():
                    self._follow(getattr(method, "__wrapped__", method), seen)
            elif isinstance(value, types.FunctionType):
                if value.__module__ == function.__module__:
                    self._follow(value, seen)

    def changed(self):
        """The first name that no longer has the value it had, or None."""
        for space, name, value in self.names:
            if space.get(name) is not value:
                return name
        return None


class Settings:
    """Attributes that a class's methods read and that we know nothing of: a cell's class, a factor.

    They must be, on every instance, what they were on the one that was probed; of lists, the kinds.

    Parameters
    ----------
    instance : object
        A newly made instance.
    names : iterable of str
    """

    def __init__(self, instance, names):
        self.expected = [
            (name, _essence(getattr(instance, name))) for name in names if hasattr(instance, name)
        ]

    def changed(self, instance):
        """The first attribute that is not what it was, or None."""
        for name, essence in self.expected:
            if _essence(getattr(instance, name, None)) != essence:
                return name
        return None


def _essence(value):
    """What makes two settings the same: a value, a function or class, or else an object's class."""
    if isinstance(value, PLAIN):
        return type(value), value
    if isinstance(value, types.MethodType):
        return getattr(value.__func__, "__wrapped__", value.__func__)
    if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType, np.ufunc)):
        return value
    if isinstance(value, (list, tuple)):
        return type(value), {type(part) for part in value}
    return type(value)


def names_read(function):
    """Global and attribute names in a function's code, nested functions included."""
    names = set()
    for code in _codes(function.__code__):
        names.update(code.co_names)
    return names


def own_attributes(cls, methods):
    """Attributes of self that methods read, and attributes that they set, helpers included.

    Returns
    -------
    read, written : set of str
    """
    read, written, todo, done = set(), set(), list(methods), set()
    while todo:
        function = getattr(cls, todo.pop(), None)
        function = getattr(function, "__wrapped__", function)
        if not isinstance(function, types.FunctionType) or function in done:
            continue
        done.add(function)
        loads, stores = _attributes(function.__code__)
        read |= loads
        written |= stores
        todo += loads
    return read, written


@lru_cache(maxsize=1024)
def _attributes(method):
    """The attributes of self that a method's code reads, and those that it sets."""
    loads, stores = set(), set()
    this = method.co_varnames[:1]
    for code in _codes(method):
        on_top = None
        for step in dis.get_instructions(code):
            if step.opname == "STORE_ATTR":  # of any object: self may hide behind another name
                stores.add(step.argval)
            elif step.opname in ("LOAD_ATTR", "LOAD_METHOD") and on_top == this:
                loads.add(step.argval)
            if step.opname.startswith(("LOAD_FAST", "LOAD_DEREF")):
                names = step.argval if isinstance(step.argval, tuple) else (step.argval,)
                on_top = names[-1:]
            elif step.opname != "COPY":
                on_top = None
    return loads, stores


def _codes(code):
    codes = [code]
    while codes:
        code = codes.pop()
        yield code
        codes += [const for const in code.co_consts if isinstance(const, types.CodeType)]
