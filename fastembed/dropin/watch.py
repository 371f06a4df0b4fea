"""What a method leans on: the module names it reads, so that a later change of them is noticed."""

import types


class Watch:
    """The globals that functions read, directly or through functions and classes of the same kind.

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


def names_read(function):
    """Global and attribute names in a function's code, nested functions included."""
    names, codes = set(), [function.__code__]
    while codes:
        code = codes.pop()
        names.update(code.co_names)
        codes += [const for const in code.co_consts if isinstance(const, types.CodeType)]
    return names
