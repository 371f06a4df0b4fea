"""Patches on the user's own classes and functions: made in place, undone exactly."""

import copy
import inspect
import warnings
import weakref
from collections import Counter
from time import perf_counter

import numpy as np

from fastembed.dropin import hidden, site, watch
from fastembed.dropin.alike import freeze, same_bits, unlike
from fastembed.dropin.hidden import MISSING, Lazy
from fastembed.dropin.site import originals

LIST = {"forward", "backward"}  # what a layer inside another must not have of its own
RETIRED = 2  # a layer whose backward fell back so often runs the original from then on


class Stats:
    """How one class or function was called."""

    def __init__(self):
        self.calls = 0  # calls that ran accelerated; a backward belongs to its forward
        self.compared = 0  # those of them that ran both ways
        self.seconds = 0.0  # forward and backward
        self.small = 0  # calls with so little work that the original is as quick
        self.fallbacks = Counter()  # reason -> calls


class _State:
    """What belongs to one instance: our twin of it, and how its last forward ran."""

    __slots__ = ("failures", "labels", "left", "past", "ref", "ran", "returned", "shape", "twin")

    def __init__(self, ref, twin):
        self.ref, self.twin = ref, twin
        self.ran = None  # OURS or BOTH: what backward has to follow
        self.failures, self.labels, self.left, self.past, self.shape = 0, None, (), None, None
        self.returned = None  # after BOTH: what forward returned, and a copy


OURS, BOTH = "ours", "both"


class _Twins:
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
    """What patches of classes and of functions have in common.

    Parameters
    ----------
    known : known.Layer or known.Function
    stats : Stats
    reading : reading.Reading
    trial : bool
        Whether it serves a probe, in which small calls are accelerated too and none is compared.
    """

    def __init__(self, known, stats, reading, trial=False):
        self.known, self.stats, self.reading, self.trial = known, stats, reading, trial
        self.schedule = watch.Schedule()
        self.on_difference = lambda reason: None

    def _small(self, given, *instance):
        """Whether a call has so little work that the original is as quick."""
        if self.known.small is None or self.trial:
            return False
        try:
            return self.known.small(*instance, *given)
        except (AttributeError, TypeError):  # other arguments than the book's
            return False

    def _general(self):
        """The reason why no call may run accelerated now, or None."""
        if watch.asks_for_more() and not self.trial:
            return "NumPy's error state or the warning filter asks for more than by default"
        changed = self.reading.changed()
        return f"{changed} is no longer what it was when the code was read" if changed else None

    def _asked(self, accepts, *given):
        try:
            return accepts and accepts(*given)
        except Exception as error:
            return _words(error)

    def _failed(self, error, random=None):
        """The reason to run the original after ours has failed, if nothing was changed."""
        if self.known.in_place and type(error).__name__ != "Unfit":
            raise error
        if random is not None:
            np.random.set_state(random)
        return _words(error)

    def _compared(self, reason, start):
        self.stats.compared += 1
        self.schedule.took(perf_counter() - start)
        if reason is not None:
            self.give_up(f"at a real call, {reason}")

    def _tried(self, work, *arguments):
        """What ours returns; MISSING if it raises: the original then says what it has to say."""
        try:
            return work(*arguments)
        except Exception as error:
            self.stats.fallbacks[_words(error)] += 1
            return MISSING

    def give_up(self, reason):
        """Hand the class or function back to the user's own code, for good."""
        if not self.applied:
            return
        self.undo()
        self.on_difference(reason)
        warnings.warn(
            f"fastembed hands {self.name} back to its own code: {reason}", RuntimeWarning, 4
        )


class MethodsPatch(_Patch):
    """Accelerated methods for one class of the user's."""

    def __init__(self, cls, known, stats, reading, trial=False):
        super().__init__(known, stats, reading, trial)
        self.cls, self.name = cls, cls.__name__
        functions = {name: inspect.getattr_static(cls, name, None) for name in known.methods}
        self.functions = {name: f for name, f in functions.items() if f is not None}
        self.names = {*self.functions, *reading.members}
        first, *second = self.functions
        self.forward = site.original(self.functions[first])
        self.handlers = {first: self._make_forward(first)}
        self.backward = None
        for name in second:
            self.backward = site.original(self.functions[name])
            self.handlers[name] = self._make_backward(name)
        self.twins, self.subclasses, self.applied = _Twins(), {cls: []}, False
        self.writes = [name for name in known.writes if name in reading.sets]
        self.hides = [name for name in known.hides if name in reading.sets]
        self.hides += sorted(reading.extras)
        self.flags = [name for name in known.reads if name not in ("params", "grads")]
        self.returned = []  # extra attributes that hold what forward returns: see probe

    def apply(self):
        self.sites = {name: site.site(function) for name, function in self.functions.items()}
        for name, each in self.sites.items():
            each.add(self.cls, self.handlers[name])
        for name in self.hides:
            setattr(self.cls, name, hidden.Attribute(name))
        self.applied = True

    def undo(self):
        """Put the original code back, and the attributes that its backward needs."""
        if not self.applied:
            return
        self.applied = False
        try:
            for state in list(self.twins.by_id.values()):
                instance, state.ran = state.ref(), None
                if instance is not None:
                    hidden.settle(instance)
        finally:
            for each in self.sites.values():
                each.remove(self.cls)
            for name in self.hides:
                if isinstance(vars(self.cls).get(name), hidden.Attribute):
                    delattr(self.cls, name)

    # ---- forward

    def _make_forward(self, name):
        known, stats = self.known, self.stats
        run = known.run(name)

        def forward(self_, *given):
            state = self.twins.find(self_)
            if state is not None:
                state.ran = state.past = None
            if self._small(given, self_):
                stats.small += 1
                return self._fall_back(self_, given)
            reason = self._unfit(self_, state, given)
            if reason is None:
                if state is None:
                    state = self.twins.make(self_, known.twin())
                if known.watches and not self.trial:
                    flags = [getattr(self_, name) for name in self.flags]
                    flags = [x if type(x) is bool else x is None for x in flags]
                    if self.schedule.due((*watch.kind(given), *flags)):
                        return self._both_forward(self_, state, given, run)
                start, own = perf_counter(), vars(self_)
                for attribute in known.reads:
                    setattr(state.twin, attribute, getattr(self_, attribute))
                before = self._before(own) if self.hides else None
                random = np.random.get_state() if known.random else None
                try:
                    out = run(state.twin, *given)
                except Exception as error:
                    reason = self._failed(error, random)
            if reason is not None:
                stats.fallbacks[reason] += 1
                return self._fall_back(self_, given)
            for attribute in self.writes:
                setattr(self_, attribute, getattr(state.twin, attribute))
            state.labels = self._labels(given)
            if self.hides:
                state.past = past = hidden.Past(self, type(self_), before, given, random)
                past.labels = state.labels
                for attribute in self.hides:
                    own[attribute] = Lazy(past, attribute, before.get(attribute))
                for attribute in self.returned:
                    own[attribute] = out
            self._leave(state, own, OURS, out)
            stats.calls += 1
            stats.seconds += perf_counter() - start
            return out

        return forward

    def _before(self, own):
        """The attributes of an object, with none that is lazy among them."""
        before = dict(own)
        hidden.forget(before)
        return before

    def _labels(self, given):
        if self.known.labels is None:
            return None
        array = given[self.known.labels]
        return array.copy() if array.ndim < 3 else None

    def _leave(self, state, own, ran, out):
        """Note what backward must find again."""
        state.ran, state.shape = ran, getattr(out, "shape", None)
        if self.backward is not None:
            names = [name for name in self.writes if name not in self.known.state]
            state.left = [(name, own.get(name, MISSING)) for name in (*names, *self.hides)]

    def _fall_back(self, self_, given):
        hidden.forget(vars(self_))
        with originals:
            return self.forward(self_, *given)

    def _both_forward(self, self_, state, given, run):
        """Run both sides on the same input; the results are the user's own."""
        known, twin, start = self.known, state.twin, perf_counter()
        mine, memo = given, {}
        if known.in_place:
            mine = copy.deepcopy(given, memo)
        for attribute in known.reads:
            value = getattr(self_, attribute)
            setattr(twin, attribute, copy.deepcopy(value, memo) if known.in_place else value)
        before, stream = freeze(list(given)), np.random.get_state()
        out = self._tried(run, twin, *mine)
        if out is MISSING:
            np.random.set_state(stream)
            return self._fall_back(self_, given)
        after = np.random.get_state()
        np.random.set_state(stream)
        try:
            theirs = self._fall_back(self_, given)
        except Exception as error:
            self.give_up(f"at a real call it raises {_words(error)}, fastembed does not")
            raise
        rows = [("what it returns", theirs, out)]
        rows += [(name, getattr(self_, name, None), getattr(twin, name)) for name in self.writes]
        if known.in_place:
            rows.append(("its arguments", list(given), list(mine)))
        reason = _difference(rows)
        if reason is None and not known.in_place and not same_bits(before, list(given)):
            reason = "its arguments are changed"
        if reason is None and not _same_stream(after, np.random.get_state()):
            reason = "other random numbers are drawn"
        self._compared(reason, start)
        if self.applied:
            self.stats.calls += 1
            state.labels = self._labels(given)
            self._leave(state, vars(self_), BOTH, theirs)
            state.returned = theirs, freeze(theirs)
        return theirs

    # ---- backward

    def _make_backward(self, name):
        known, stats, original = self.known, self.stats, self.backward
        run = known.run(name)

        def backward(self_, *given):
            state = self.twins.find(self_)
            if state is None or state.ran is None:
                with originals:
                    return original(self_, *given)
            reason = self._torn(self_, state) or self._asked(
                known.accepts_backward, self_, state.shape, *given
            )
            if state.ran is BOTH:
                state.ran = None
                if reason is None and same_bits(*state.returned):
                    return self._both_backward(self_, state, given, run)
                with originals:
                    return original(self_, *given)
            if reason is None:
                start = perf_counter()
                if "params" in known.reads:
                    state.twin.params, state.twin.grads = self_.params, self_.grads
                try:
                    out = _widened(run, state.twin, given, known)
                except Exception as error:
                    reason = _words(error)
            if reason is not None:
                stats.fallbacks[f"in backward, {reason}"] += 1
                state.ran, state.failures = None, state.failures + 1
                hidden.settle(self_)
                with originals:
                    return original(self_, *given)
            for attribute in known.backward_writes:
                setattr(self_, attribute, getattr(state.twin, attribute))
            if known.again:
                state.past.gradients.append(given)
            stats.seconds += perf_counter() - start
            return out

        return backward

    def _torn(self, self_, state):
        """The reason why backward must not build on what our forward has left, or None."""
        own = vars(self_)
        for name, value in state.left:
            if own.get(name, MISSING) is not value:
                return f"its attribute {name} was read or set since"
        if not own.keys().isdisjoint(self.names):
            return "it has a method of its own"
        if state.labels is not None and not np.array_equal(state.labels, self._given_labels(state)):
            return "its labels were overwritten since"
        return self._general()

    def _given_labels(self, state):
        return state.past.args[self.known.labels] if state.past else state.labels

    def _both_backward(self, self_, state, given, run):
        known, twin, start = self.known, state.twin, perf_counter()
        if "params" in known.reads:
            twin.params, twin.grads = self_.params, [grad.copy() for grad in self_.grads]
        before = freeze(list(given))
        out = self._tried(_widened, run, twin, given, known)
        if out is MISSING:
            with originals:
                return self.backward(self_, *given)
        out = freeze(out)  # the original may write where ours has read
        with originals:
            theirs = self.backward(self_, *given)
        rows = [("what backward returns", theirs, out)]
        if "params" in known.reads:
            rows.append(("grads", list(self_.grads), twin.grads))
        names = [name for name in known.backward_writes if name in self.reading.sets]
        rows += [(name, getattr(self_, name, None), getattr(twin, name)) for name in names]
        reason = _difference(rows)
        if reason is None and not same_bits(before, list(given)):
            reason = "the gradient is changed"
        self._compared(reason, start)
        return theirs

    # ---- whether a call fits

    def _unfit(self, instance, state, given):
        """The reason why this call of the first method must run the original, or None."""
        if state is not None and state.failures >= RETIRED:
            return "its backward fell back before"
        cls, own = type(instance), vars(instance)
        if not own.keys().isdisjoint(self.names):
            (name, *_) = own.keys() & self.names
            return f"it has a {name} of its own"
        if cls not in self.subclasses:
            self.subclasses[cls] = self._between(cls)
        for base in self.subclasses[cls]:
            for name in self.names:
                if name in vars(base):
                    return f"{cls.__name__} has a {name} of its own"
        reason = self._general()
        for name, inner in self.reading.inner.items():
            reason = reason or _other(name, own.get(name), inner)
        return reason or self._asked(self.known.accepts, instance, *given)

    def _between(self, cls):
        """The classes that come before ours in a subclass's order of bases."""
        for name in ("__getattribute__", "__getattr__", "__setattr__", "__delattr__"):
            if getattr(cls, name, None) is not getattr(self.cls, name, None):
                return [cls]
        return list(cls.__mro__[: cls.__mro__.index(self.cls)])


def _widened(run, twin, given, known):
    """Run a backward; after a float64 gradient its results are float64, as NumPy's are."""
    wide = known.wide and type(given[0]) is np.ndarray and given[0].dtype == np.float64
    if not wide:
        return run(twin, *given)
    out = run(twin, given[0].astype(np.float32))
    if known.wide == "out":
        return tuple(map(_wide, out)) if type(out) is tuple else _wide(out)
    for name in known.backward_writes:
        setattr(twin, name, _wide(getattr(twin, name)))
    return out


def _wide(array):
    return array.astype(np.float64)


def _other(name, value, cls):
    """The reason why an attribute does not hold a layer of the class that was read."""
    value = value.kept if type(value) is Lazy else value
    for part in value if type(value) is list else (value,):
        if type(part) is not cls:
            return f"its attribute {name} is no {cls.__name__}"
        if not LIST.isdisjoint(vars(part)):
            return f"its attribute {name} has a method of its own"
    return None


def _difference(rows):
    for what, theirs, ours in rows:
        reason = unlike(theirs, ours, watch.RTOL)
        if reason:
            return f"{what}: {reason}"
    return None


def _same_stream(a, b):
    return a[2:] == b[2:] and np.array_equal(a[1], b[1])


def _words(error):
    return f"{type(error).__name__}: {error}"


class FunctionPatch(_Patch):
    """An accelerated body for one function of the user's."""

    def __init__(self, function, known, stats, reading, trial=False):
        super().__init__(known, stats, reading, trial)
        self.function, self.name, self.applied = function, function.__name__, False
        self.original = site.original(function)
        self.ours = known.work or known.ours()

    def apply(self):
        self.site, self.applied = site.site(self.function), True
        self.site.add(None, self.call)

    def undo(self):
        if self.applied:
            self.applied = False
            self.site.remove(None)

    def call(self, *given):
        stats = self.stats
        if self._small(given):
            stats.small += 1
            return self._fall_back(given)
        reason = self._general() or self._asked(self.known.accepts, *given)
        if reason is None:
            if self.known.watches and not self.trial and self.schedule.due(watch.kind(given)):
                return self._both(given)
            start = perf_counter()
            try:
                out = self.ours(*given)
            except Exception as error:
                reason = self._failed(error)
        if reason is not None:
            stats.fallbacks[reason] += 1
            return self._fall_back(given)
        stats.calls += 1
        stats.seconds += perf_counter() - start
        return out

    def _fall_back(self, given):
        with originals:
            return self.original(*given)

    def _both(self, given):
        start, mine = perf_counter(), copy.deepcopy(given)
        out = self._tried(self.ours, *mine)
        if out is MISSING:
            return self._fall_back(given)
        theirs = self._fall_back(given)
        rows = [
            ("what it returns", theirs, out),
            ("which arrays it returns", _which(theirs, given), _which(out, mine)),
            ("its arguments", list(given), list(mine)),
        ]
        self.stats.calls += 1
        self._compared(_difference(rows), start)
        return theirs


def _which(out, given):
    """Where the arrays that a call returns stand among its arguments."""
    flat = [array for part in given if type(part) is list for array in part]
    parts = [part for each in out for part in each] if type(out) is tuple else []
    return [next((k for k, array in enumerate(flat) if array is part), None) for part in parts]
