"""Attributes that the user's own forward makes, if somebody reads them after an accelerated one."""

import builtins
import copy
import operator

import numpy as np

from fastembed.dropin.alike import stream
from fastembed.dropin.look import MISSING, digest
from fastembed.dropin.site import originals

CHANGED = "its attributes were read after its weights or inputs had changed"


class Past:
    """A forward that ran accelerated, as the user's own method would have found it.

    Parameters
    ----------
    patch : patch.Patch
    instance : object
        As the forward left it.
    before : dict
        The attributes of the object before the call.
    args : tuple
    labels : tuple or None
        The labels among args, which may be overwritten, and a copy.
    random : state of NumPy's random stream before the call, or None

    The arrays that were states before may be overwritten, too: they are copied.
    """

    def __init__(self, patch, instance, before, args, labels, random):
        self.patch, self.cls, self.before, self.args = patch, type(instance), before, args
        self.labels, self.random, self.made = labels, random, None
        self.marks = digest(self._sources())
        self.gradients, self.gradient_marks = [], []  # what backward was given, ours
        read = patch.known.state if before.get("stateful", True) else ()
        held = {name: before.get(name) for name in read}
        self.held = {name: a.copy() for name, a in held.items() if isinstance(a, np.ndarray)}
        self.states = {name: getattr(instance, name) for name in patch.known.state}

    def values(self):
        """The attributes that the original leaves, from the original itself, made once."""
        if self.made is None:
            ghost = object.__new__(self.cls)
            vars(ghost).update(self.before, **self.held)
            args, (now, labels) = self.args, self.labels or (None, None)
            if labels is not None:
                args = tuple(labels if array is now else array for array in args)
            drawn = stream()
            try:
                if self.random is not None:
                    np.random.set_state(self.random)
                with originals, np.errstate(all="ignore"):
                    self.patch.forward(ghost, *args)
                    for name, array in self.states.items():
                        vars(ghost)[name][...] = array  # the original may keep it in a cache, too
                    for name, array in self.held.items():
                        array[...] = self.before[name]
                    if labels is not None:
                        labels[...] = now  # what the original's cache would hold by now
                    self._follow(ghost)
            finally:
                np.random.set_state(drawn)
            self.made = vars(ghost)
        return self.made

    def _follow(self, ghost):
        """Leave in the layers inside what backward does; the gradients stay as they are by now."""
        grads = self.before.get("grads", ()) if self.gradients else ()
        now = [grad.copy() for grad in grads]
        for given in self.gradients:
            self.patch.backward(ghost, *given)
        for grad, kept in zip(grads, now, strict=True):
            grad[...] = kept

    def note_backward(self, given):
        """Keep what a backward of ours was given."""
        self.gradients = [*(self.gradients if self.patch.known.again else ()), given]
        self.gradient_marks = digest(sum(map(list, self.gradients), []))

    def _sources(self):
        """What the attributes come from, but for labels that are kept."""
        kept = self.labels[0] if self.labels else None
        inputs = [array for array in self.args if array is not kept]
        return [*self.before.get("params", ()), *inputs]

    def changed(self):
        """Whether what the attributes come from has changed: made now, they would be wrong."""
        gradients = digest(sum(map(list, self.gradients), []))
        same = digest(self._sources()) == self.marks and gradients == self.gradient_marks
        return self.made is None and not same


class Lazy:
    """Stands in an object's ``__dict__`` for what `Past` makes; copies and pickles as that does.

    ``kept`` is the value that was there before.
    """

    def __init__(self, past, name, kept):
        self.past, self.name, self.kept = past, name, kept

    def value(self):
        """What it stands for; a backward that is still to come might read it."""
        if not self.past.gradients and self.past.changed():
            self.past.patch.give_up(CHANGED)
        return self.past.values()[self.name]

    @property
    def __class__(self):
        return type(self.value())  # for isinstance

    def __deepcopy__(self, memo):
        return copy.deepcopy(self.value(), memo)

    def __reduce_ex__(self, protocol):
        return next, (iter([self.value()]),)  # loads without us, as the value itself

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.value(), name)


def _lend(name, work):
    def method(self, *others):
        return work(self.value(), *others)

    def reflected(self, other):
        return work(other, self.value())

    setattr(Lazy, f"__{name}__", method)
    if name in _REFLECTED:
        setattr(Lazy, f"__r{name}__", reflected)


_REFLECTED = "add floordiv matmul mod mul pow sub truediv".split()
for _name in "bool float format hash int iter len repr str".split():
    _lend(_name, getattr(builtins, _name))
for _name in "abs contains eq ge getitem gt index invert le lt ne neg setitem".split() + _REFLECTED:
    _lend(_name, getattr(operator, _name))


class Attribute:
    """Put on the user's class: reading the attribute makes what is lazy real."""

    def __init__(self, name):
        self.name = name

    def __get__(self, instance, owner):
        if instance is None:
            raise AttributeError(f"type object {owner.__name__!r} has no attribute {self.name!r}")
        value = vars(instance).get(self.name, MISSING)
        if type(value) is Lazy:
            if settle(instance):
                value.past.patch.give_up(CHANGED)
            value = vars(instance)[self.name]
        if value is MISSING:
            kind = type(instance).__name__
            raise AttributeError(
                f"{kind!r} object has no attribute {self.name!r}", name=self.name, obj=instance
            )
        return value

    def __set__(self, instance, value):
        vars(instance)[self.name] = value

    def __delete__(self, instance):
        if self.name not in vars(instance):
            raise AttributeError(self.name)
        del vars(instance)[self.name]


def settle(instance):
    """Replace all that is lazy in an object by what it stands for; tell if that has changed."""
    own, changed = vars(instance), False
    for name, value in list(own.items()):
        if type(value) is Lazy:
            changed = value.past.changed() or changed
            own[name] = value.past.values()[name]
    return changed


def forget(own):
    """Drop, and return, what is lazy in an object's ``__dict__``."""
    lazy = {name: value for name, value in own.items() if type(value) is Lazy}
    own.update({name: value.kept for name, value in lazy.items()})
    return lazy
