"""One function of the user's with another body: the object stays, and so does its signature.

A star import made earlier, an alias such as ``__call__ = forward``, a subclass: all hold the same
function object, so they are accelerated, and undone, with it.
"""

import threading
import types
import weakref


class _Originals(threading.local):
    """Entered while original code runs that must not meet accelerated functions on its way."""

    depth = 0

    def __enter__(self):
        self.depth += 1

    def __exit__(self, *_):
        self.depth -= 1


originals = _Originals()


class Rest:
    """How many more calls of the first function of a patch run their own code, unlooked at."""

    __slots__ = ("first", "left")

    def __init__(self, first):
        self.first, self.left = first, 0


NEVER = Rest(None)


class Site:
    """A function whose calls go to the patch of the class that their object has.

    Parameters
    ----------
    function : function
        Its parameters may be given by position or by name; there are no others.
    """

    def __init__(self, function):
        self.function, self.code = function, function.__code__
        self.original = types.FunctionType(
            self.code,
            function.__globals__,
            function.__name__,
            function.__defaults__,
            function.__closure__,
        )
        self.owners, self.found, self.body = {}, {}, None
        self.rest = NEVER

    def add(self, owner, handler, rest=NEVER):
        """Have the calls for objects of a class, or of its subclasses, handled."""
        if self.owners:
            self.rest.left, rest = 0, NEVER
        self.owners[owner] = handler
        self.found.clear()
        if self.function.__code__ in (self.code, self.body):
            self.rest, first = rest, rest.first is self.function
            self.body = _body(self.code, self._make_call(), self.original, rest, first)
            self.function.__code__ = self.body

    def remove(self, owner):
        self.owners.pop(owner, None)
        self.found.clear()
        if not self.owners:
            sites.pop(id(self.function), None)
            if self.function.__code__ is self.body:  # unless the user has put another there
                self.function.__code__ = self.code

    def _make_call(self):
        """A plain function, which Python calls quickest."""
        original, find, found = self.original, self._find, self.found

        def call(*given):
            if originals.depth:
                return original(*given)
            cls = type(given[0]) if given else None
            return (found.get(cls) or find(cls))(*given)

        bodies.add(call)
        return call

    def _find(self, cls):
        for owner in (*cls.__mro__, None) if cls else (None,):
            if owner in self.owners:
                break
        handler = self.found[cls] = self.owners.get(owner, self.original)
        return handler


def site(function):
    """The one site of a function."""
    return sites.setdefault(id(function), Site(function))


def original(function):
    """The function as it was, also where it is patched now."""
    return sites[id(function)].original if id(function) in sites else function


def code(function):
    """The code of a function as the user wrote it."""
    return original(function).__code__


def plain_parameters(function):
    """Whether all parameters of a function can be given by position."""
    code = function.__code__
    return not (code.co_kwonlyargcount or code.co_flags & 0x0C)  # *args, **kwargs


sites, bodies = {}, weakref.WeakSet()


def _body(like, call, original, rest, counts):
    """A code object with the parameters, the name and the place of another that calls ``call``.

    While its patch rests it calls ``original``; ``counts`` is whether the rest is of its calls.
    """
    marks = {f"fastembed: {k}": value for k, value in enumerate((call, original, rest))}
    call, original, rest = map(repr, marks)
    names = list(like.co_varnames[: like.co_argcount])
    given = ", ".join(names)
    if like.co_posonlyargcount:
        names.insert(like.co_posonlyargcount, "/")
    free = "".join(f"{name}; " for name in like.co_freevars)
    outer = "".join(f"{name} = " for name in like.co_freevars)
    space = {}
    exec(
        f"def outer():\n {outer}0\n"
        f" def call({', '.join(names)}):\n"
        f"  {free}\n"
        f"  if {rest}.left:\n"
        f"   {f'{rest}.left -= 1' if counts else ''}\n"
        f"   return ({original} if 1 else 0)({given})\n"
        f"  return ({call} if 1 else 0)({given})\n"
        " return call\n",
        space,
    )
    code = space["outer"]().__code__
    return code.replace(
        co_consts=tuple(marks.get(const, const) for const in code.co_consts),
        co_name=like.co_name,
        co_qualname=like.co_qualname,
        co_filename=like.co_filename,
        co_firstlineno=like.co_firstlineno,
    )


def is_body(code):
    """Whether a code object is one of ours in a function of the user's."""
    return any(isinstance(c, types.FunctionType) and c in bodies for c in code.co_consts)
