"""Patches on the user's own classes and functions: made in place, undone exactly."""

import functools
import inspect
import threading
import types
import weakref
from collections import Counter
from time import perf_counter

import numpy as np

from fastembed.dropin.watch import Settings, Watch, own_attributes

MISSING = object()


class _Originals(threading.local):
    """Entered while original code runs that must not meet accelerated methods on its way."""

    depth = 0

    def __enter__(self):
        self.depth += 1

    def __exit__(self, *_):
        self.depth -= 1


originals = _Originals()


class Stats:
    """How one class or function was called."""

    def __init__(self):
        self.calls = 0  # calls that ran accelerated; a backward belongs to its forward
        self.seconds = 0.0  # forward and backward
        self.small = 0  # calls with so little work that the original is as quick
        self.fallbacks = Counter()  # reason -> calls


class _State:
    """What belongs to one instance: our twin of it, and how its last forward ran."""

    __slots__ = ("args", "backwards", "before", "ours", "random", "ref", "shape", "twin")

    def __init__(self, ref, twin):
        self.ref, self.twin = ref, twin
        self.ours, self.backwards = False, 0
        self.args = self.before = self.random = self.shape = None


class Twins:
    """Instance -> _State, weakly, by identity: ``vars(layer)`` and pickles hold nothing of ours."""

    def __init__(self):
        self.by_id = {}

    def find(self, instance):
        return self.by_id.get(id(instance))

    def make(self, instance, twin):
        key, by_id = id(instance), self.by_id
        state = by_id[key] = _State(weakref.ref(instance, lambda _: by_id.pop(key, None)), twin)
        return state


class _Patch:
    known, trial = None, False

    def _small(self, given, *instance):
        """Whether a call has so little work that the original is as quick."""
        if self.known.small is None or self.trial or given is None:
            return False
        try:
            return self.known.small(*instance, *given)
        except (AttributeError, TypeError):  # other arguments than the book's
            return False


class MethodsPatch(_Patch):
    """Accelerated methods for one class of the user's.

    Parameters
    ----------
    cls : type
        The user's class.
    known : known.Layer
        What the book's class of that name does, and which class of ours does the same.
    stats : Stats
    settings : Settings, optional
        What the instances under the probe were like; without, this patch serves a probe: its first
        instance sets the example, and small calls are accelerated too.
    """

    def __init__(self, cls, known, stats, settings=None):
        self.cls, self.known, self.stats = cls, known, stats
        self.settings, self.trial = settings, settings is None
        self.original = {name: getattr(cls, name) for name in known.methods}
        self.names = {name: _parameters(f)[1:] for name, f in self.original.items()}
        self.watch = Watch(self.original.values())
        self.twins = Twins()
        self.subclasses = weakref.WeakKeyDictionary()
        first, *second = known.methods
        self.wrapper = {first: self._forward(first)}
        for name in second:
            self.wrapper[name] = self._backward(name)

    def apply(self):
        self.before = {name: vars(self.cls).get(name, MISSING) for name in self.wrapper}
        for name, wrapper in self.wrapper.items():
            setattr(self.cls, name, wrapper)

    def undo(self):
        """Put the original methods back, and the caches that their backward needs."""
        for state in list(self.twins.by_id.values()):
            instance = state.ref()
            if instance is not None and state.ours:
                self._replay(instance, state)
        for name, wrapper in self.wrapper.items():
            if vars(self.cls).get(name) is wrapper:  # unless the user has put another one there
                if self.before[name] is MISSING:
                    delattr(self.cls, name)
                else:
                    setattr(self.cls, name, self.before[name])

    def _forward(self, name):
        original, known, stats = self.original[name], self.known, self.stats
        find, names, run = self.twins.find, self.names[name], known.run(name)

        @functools.wraps(original)
        def forward(self_, *args, **kwargs):
            state = find(self_)
            if state is not None:
                state.ours = False
            if originals.depth:
                return original(self_, *args, **kwargs)
            given = _positional(names, args, kwargs) if kwargs else args
            if self._small(given, self_):
                stats.small += 1
                with originals:
                    return original(self_, *args, **kwargs)
            reason = self._unfit(self_, given)
            if reason is None:
                if state is None:
                    state = self.twins.make(self_, known.twin())
                twin, start = state.twin, perf_counter()
                for attribute in known.reads:
                    setattr(twin, attribute, getattr(self_, attribute))
                state.before = [getattr(self_, attribute) for attribute in known.state]
                state.random = np.random.get_state() if known.random else None
                try:
                    out = run(twin, *given)
                except Exception as error:
                    if not known.retries:
                        raise
                    reason = f"{type(error).__name__}: {error}"
            if reason is not None:
                stats.fallbacks[reason] += 1
                with originals:
                    return original(self_, *args, **kwargs)
            for attribute in known.writes:
                setattr(self_, attribute, getattr(twin, attribute))
            for attribute, empty in known.hides.items():
                setattr(self_, attribute, empty())
            state.ours, state.args, state.backwards = True, given, 0
            state.shape = getattr(out, "shape", None)
            stats.calls += 1
            stats.seconds += perf_counter() - start
            return out

        return forward

    def _backward(self, name):
        original, known, stats = self.original[name], self.known, self.stats
        find, names, run = self.twins.find, self.names[name], known.run(name)

        @functools.wraps(original)
        def backward(self_, *args, **kwargs):
            state = find(self_)
            if state is None or not state.ours or originals.depth:
                return original(self_, *args, **kwargs)
            given = _positional(names, args, kwargs) if kwargs else args
            reason = self._unfit_backward(self_, state, given)
            if reason is None:
                twin, start = state.twin, perf_counter()
                if "params" in known.reads:
                    twin.params, twin.grads = self_.params, self_.grads
                try:
                    out = run(twin, *given)
                except Exception as error:
                    reason = f"{type(error).__name__}: {error}"
            if reason is not None:
                stats.fallbacks[f"in backward, {reason}"] += 1
                self._replay(self_, state)
                with originals:
                    for _ in range(state.backwards if known.backward_changes_cache else 0):
                        original(self_)
                    return original(self_, *args, **kwargs)
            for attribute in known.backward_writes:
                setattr(self_, attribute, getattr(twin, attribute))
            state.backwards += 1
            stats.seconds += perf_counter() - start
            return out

        return backward

    def _unfit(self, instance, given):
        """The reason why this call of the first method must run the original, or None."""
        if given is None:
            return "it was called with a keyword that cannot be matched"
        cls, own = type(instance), vars(instance)
        for name, wrapper in self.wrapper.items():
            if getattr(cls, name) is not wrapper or name in own:
                return f"{cls.__name__} has a {name} of its own"
        if cls is not self.cls:
            if cls not in self.subclasses:
                self.subclasses[cls] = reader(cls, self.known, until=self.cls)
            if self.subclasses[cls]:
                return self.subclasses[cls]
        if self.settings is None:
            read, _ = own_attributes(cls, self.known.methods)
            self.settings = Settings(instance, sorted(read - self.known.attributes))
        changed = self.settings.changed(instance)
        if changed:
            return f"its attribute {changed} is not what it was when the class was probed"
        changed = self.watch.changed()
        if changed:
            return f"{changed} in its module is no longer what it was when the class was probed"
        try:
            return self.known.accepts(instance, *given)
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    def _unfit_backward(self, instance, state, given):
        if given is None:
            return "it was called with a keyword that cannot be matched"
        try:
            accepts = self.known.accepts_backward
            return accepts and accepts(instance, state.shape, *given)
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    def _replay(self, instance, state):
        """Run the original forward once more on what ours got: it leaves the caches of its own."""
        state.ours = False
        if not self.known.replays:
            return
        now = [getattr(instance, attribute) for attribute in self.known.state]
        for attribute, value in zip(self.known.state, state.before, strict=True):
            setattr(instance, attribute, value)
        stream = np.random.get_state()
        if state.random is not None:
            np.random.set_state(state.random)
        try:
            with originals, np.errstate(all="ignore"):
                self.original[self.known.methods[0]](instance, *state.args)
        finally:
            np.random.set_state(stream)
        for attribute, value in zip(self.known.state, now, strict=True):
            setattr(instance, attribute, value)


class FunctionPatch(_Patch):
    """An accelerated body for one function of the user's.

    The function object stays, with another code object inside: a star import made earlier holds the
    same object, so it is accelerated too, and undone with it.
    """

    def __init__(self, function, known, stats, trial=False):
        self.function, self.known, self.stats, self.trial = function, known, stats, trial
        self.code = function.__code__
        self.original = types.FunctionType(
            self.code, function.__globals__, function.__name__, function.__defaults__
        )
        self.original.__kwdefaults__ = function.__kwdefaults__
        self.names = _parameters(function)
        self.watch = Watch([self.original])
        self.ours = known.ours()

    def apply(self):
        self.function.__code__ = _calling(self.call, self.code)

    def undo(self):
        self.function.__code__ = self.code

    def call(self, *args, **kwargs):
        known, stats = self.known, self.stats
        if originals.depth:
            return self.original(*args, **kwargs)
        given = _positional(self.names, args, kwargs) if kwargs else args
        if self._small(given):
            stats.small += 1
            return self.original(*args, **kwargs)
        reason = self._unfit(given)
        if reason is None:
            start = perf_counter()
            try:
                out = self.ours(*given)
            except Exception as error:
                if not known.retries:
                    raise
                reason = f"{type(error).__name__}: {error}"
        if reason is not None:
            stats.fallbacks[reason] += 1
            return self.original(*args, **kwargs)
        stats.calls += 1
        stats.seconds += perf_counter() - start
        return out

    def _unfit(self, given):
        if given is None:
            return "it was called with a keyword that cannot be matched"
        changed = self.watch.changed()
        if changed:
            return f"{changed} in its module is no longer what it was when the function was probed"
        try:
            return self.known.accepts(*given)
        except Exception as error:
            return f"{type(error).__name__}: {error}"


def reader(cls, known, until=object):
    """The reason why cls needs an attribute that ours leaves empty: a method that reads it."""
    _, written = own_attributes(cls, known.methods)
    hidden = {*known.hides, *(written - known.attributes)}
    for base in cls.__mro__[: cls.__mro__.index(until)]:
        for name in vars(base):
            if name not in known.methods and name != "__init__":
                read, _ = own_attributes(base, [name])
                for attribute in sorted(read & hidden):
                    return f"{base.__name__}.{name} reads self.{attribute}, which stays empty"
    return None


def _parameters(function):
    """The names of a function's positional parameters."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in inspect.signature(function).parameters.values() if p.kind in kinds]


def _positional(names, args, kwargs):
    """Arguments in order, or None if a keyword has no place among them."""
    given = list(args)
    for name in names[len(args) :]:
        if name not in kwargs:
            break
        given.append(kwargs[name])
    return given if len(given) - len(args) == len(kwargs) else None


def _calling(function, like):
    """A code object that calls function, under the name and place of another code object."""
    mark = "fastembed: the function to call"
    space = {}
    exec(f"def call(*args, **kwargs): return {mark!r}.__call__(*args, **kwargs)", space)
    code = space["call"].__code__
    return code.replace(
        co_consts=tuple(function if const == mark else const for const in code.co_consts),
        co_name=like.co_name,
        co_qualname=like.co_qualname,
        co_filename=like.co_filename,
        co_firstlineno=like.co_firstlineno,
    )
