"""Patches on the user's own classes and functions: made in place, undone exactly."""

import copy
import sys
import warnings
import weakref
from collections import Counter
from functools import partial
from time import perf_counter

import numpy as np

from fastembed.dropin import hidden, site, watch
from fastembed.dropin.alike import difference, freeze, places, same_bits, stream
from fastembed.dropin.domain import Domain, same_ids
from fastembed.dropin.hidden import Lazy
from fastembed.dropin.look import MISSING, Look, asks_for_more, carry, digest, kind
from fastembed.dropin.reading import HOOKS, static
from fastembed.dropin.site import originals
from fastembed.dropin.works import Unfit

REST = 64  # after so many small calls in a row, as many more are not looked at
AGAIN = 4  # and as many again, if so few after them are small, too
OUR_OWN = {"fastembed", "llvmlite", "numba", "numpy", *sys.stdlib_module_names}
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

    __slots__ = "failures labels left past ref ran returned shape states twin".split()

    def __init__(self, ref, twin):
        self.ref, self.twin = ref, twin
        self.ran = None  # OURS or BOTH: what backward has to follow
        self.failures, self.labels, self.left, self.past, self.shape = 0, None, (), None, None
        self.states = [], []  # the arrays that were, and are, states, and what tells of changes
        self.returned = None  # after BOTH: what forward returned, and a copy


OURS, BOTH = "ours", "both"


class Patch:
    """Accelerated bodies for the methods of one class of the user's, or for one function.

    A function is treated as the first method of an object that is None.

    Parameters
    ----------
    subject : type or function
    known : known.Known
    stats : Stats
    reading : reading.Reading
    trial : bool
        Whether it serves a probe, in which small calls are accelerated too and none is compared.

    Attributes
    ----------
    prove : callable or None
        To be called at the first call that ours could do: it probes, and undoes this patch if it
        must.
    """

    def __init__(self, subject, known, stats, reading, trial=False):
        self.subject, self.known, self.stats = subject, known, stats
        self.reading, self.trial, self.name = reading, trial, subject.__name__
        self.schedule, self.prove, self.applied = watch.Schedule(), None, False
        self.on_difference = lambda reason: None
        self.in_a_row = 0  # small calls
        if known.methods:
            self.owner, methods = subject, (m for m in known.methods if hasattr(subject, m))
            self.functions = {name: getattr(subject, name) for name in methods}
            self.states = {}  # by identity, weakly: vars(layer) and pickles hold nothing of ours
        else:
            self.owner, self.functions = None, {self.name: subject}
            self.states = {id(None): _State(None, None)}
        self.names = {*self.functions, *reading.members}
        self.domain = Domain(known)
        functions = [function for function, _, _ in reading.functions]
        self.look = Look(reading.leans.values(), functions, self.names if known.methods else ())
        self.first = next(iter(self.functions.values()))
        self.rest = site.Rest(self.first)
        self._fall_back_to(map(site.original, self.functions.values()))
        self.handlers, makers = {}, (self._make_forward, self._make_backward)
        for (name, function), make in zip(self.functions.items(), makers, strict=False):
            names = function.__code__.co_varnames[bool(known.methods) :]
            handler = make(names, self._method(known.run(name)))
            self.handlers[name] = handler if known.methods else partial(handler, None)
        self.writes = tuple([name for name in known.writes if name in reading.sets])
        self.kept = [name for name in self.writes if name not in known.state]
        self.hides = [name for name in known.hides if name in reading.sets]
        self.hides += sorted(reading.extras)
        self.returned = []  # extra attributes that hold what forward returns

    def _method(self, function):
        """A function as a method of None; a method as it is."""
        return function if self.known.methods else lambda _, *given: function(*given)

    def _fall_back_to(self, functions):
        self.forward, self.backward = (*map(self._method, functions), None)[:2]

    def note(self, layer, out):
        """See, after a forward of the user's own, which extra attributes hold what it returned."""
        self.returned = [name for name in self.reading.extras if vars(layer).get(name) is out]

    def apply(self):
        self.sites = [site.site(function) for function in self.functions.values()]
        for each, handler in zip(self.sites, self.handlers.values(), strict=True):
            each.add(self.owner, handler, self.rest)
        self._fall_back_to(each.original for each in self.sites)  # it meets no site a second time
        for name in self.hides:
            setattr(self.subject, name, hidden.Attribute(name))
        self.applied = True

    def undo(self):
        """Put the original code back, and the attributes that its backward needs.

        Returns whether a backward is still to come and they come from weights or inputs that have
        changed since.
        """
        if not self.applied:
            return False
        self.applied = changed = False
        try:
            for state in list(self.states.values()):
                instance, state.ran = state.ref and state.ref(), None
                if instance is not None:
                    done = state.past is not None and bool(state.past.gradients)
                    changed = (hidden.settle(instance) and not done) or changed
        finally:
            for each in self.sites:
                each.remove(self.owner)
            for name in self.hides:
                if isinstance(vars(self.subject).get(name), hidden.Attribute):
                    delattr(self.subject, name)
        return changed

    def give_up(self, reason):
        """Hand the class or function back to the user's own code, for good."""
        if not self.applied:
            return
        self.undo()
        self.on_difference(reason)
        warnings.warn(
            f"fastembed hands {self.name} back to its own code: {reason}", RuntimeWarning, 4
        )

    # ---- forward

    def _make_forward(self, names, run):
        known, stats, states = self.known, self.stats, self.states

        def forward(self_, *given):
            state = states.get(id(self_))
            if state is not None:
                state.ran = state.past = None
            if known.small and not self.trial and _holds(known.small, self_, given):
                self._note_small()
                return self._fall_back(self_, given)
            self.in_a_row = 0
            if self.prove is not None:
                self.prove()
                return self._method(self.first)(self_, *given)
            reason = self._unfit(names, self_, state, given)
            if reason is None:
                if state is None:
                    state = self._new_state(self_)
                if known.watches and not self.trial:
                    if self.schedule.due(kind(self_, known.reads, given), given):
                        return self._both_forward(self_, state, given, run)
                start, own, twin = perf_counter(), getattr(self_, "__dict__", None), state.twin
                held = self._held(own)
                carry(self_, twin, known.copied)
                if self.hides:
                    before = dict(own)
                    hidden.forget(before)
                random = stream() if known.random else None
                try:
                    out = run(twin, *given)
                except Exception as error:
                    reason = self._failed(error, random)
            if reason is not None:
                stats.fallbacks[reason] += 1
                return self._fall_back(self_, given)
            carry(twin, self_, self.writes)
            if self.backward is not None:
                state.labels = self._labels(given)
            if self.hides:
                past = hidden.Past(self, self_, before, given, state.labels, random)
                state.past = past
                for attribute in self.hides:
                    own[attribute] = Lazy(past, attribute, before.get(attribute))
                for attribute in self.returned:
                    own[attribute] = out
            self._leave(state, own, OURS, out, held)
            stats.calls += 1
            stats.seconds += perf_counter() - start
            return out

        return forward

    def _note_small(self):
        """Look at no more calls for a while, unless some object's backward may be ours."""
        self.stats.small += 1
        self.in_a_row += 1
        all_original = self.owner is None or not self.states
        if self.in_a_row >= REST and all_original and self.sites[0].rest is self.rest:
            self.in_a_row, self.rest.left = REST - AGAIN, REST
            self.stats.small += REST

    def _new_state(self, instance):
        key, states = id(instance), self.states
        ref = weakref.ref(instance, lambda _: states.pop(key, None))
        state = states[key] = _State(ref, self.known.twin())
        return state

    def _labels(self, given):
        """The labels that the original's backward may read again, and a copy."""
        if self.known.labels is None:
            return None
        array = given[self.known.labels]
        return (array, array.copy()) if array.ndim < 3 else None

    def _held(self, own):
        """The states that forward begins with, which the original's backward may read again."""
        return self._states(own) if own and own.get("stateful", True) else []

    def _states(self, own):
        return [own.get(name) for name in self.known.state] if self.backward is not None else []

    def _leave(self, state, own, ran, out, held):
        """Note what backward must find again."""
        if self.backward is not None:
            held = held + self._states(own)
            state.states = held, digest(held)
            state.ran, state.shape = ran, getattr(out, "shape", None)
            state.left = [(name, own.get(name, MISSING)) for name in (*self.kept, *self.hides)]

    def _fall_back(self, self_, given):
        own = {} if self_ is None else vars(self_)
        lazy = hidden.forget(own)  # the original is about to make its own
        try:
            with originals:
                return self.forward(self_, *given)
        except BaseException:  # it may have made nothing
            own.update({name: each for name, each in lazy.items() if own.get(name) is each.kept})
            raise

    def _failed(self, error, random):
        """The reason to run the original after ours has failed, if nothing was changed."""
        if self.known.in_place and not isinstance(error, Unfit):
            raise error
        reason = _reason(error)
        if random is not None:
            np.random.set_state(random)
        return reason

    def _both_forward(self, self_, state, given, run):
        known, twin, mine, memo = self.known, state.twin, given, {}
        held = self._held(getattr(self_, "__dict__", None))
        if known.in_place:
            mine = copy.deepcopy(given, memo)
        for attribute in known.copied:
            value = getattr(self_, attribute)
            setattr(twin, attribute, copy.deepcopy(value, memo) if known.in_place else value)

        def rows(theirs, ours):
            yield "what it returns", theirs, ours
            for name in self.writes:
                yield name, getattr(self_, name, None), getattr(twin, name)
            if known.in_place:
                yield "which arrays it returns", _which(theirs, given), _which(ours, mine)
                yield "its arguments", list(given), list(mine)

        def ours():
            return run(twin, *mine)

        theirs, both = self._both(ours, lambda: self._fall_back(self_, given), rows, given)
        if both:
            self.stats.calls += 1
            if self.backward is not None:
                state.labels = self._labels(given)
                self._leave(state, vars(self_), BOTH, theirs, held)
                state.returned = theirs, freeze(theirs)
        return theirs

    def _both(self, ours, theirs, rows, given):
        """Run both sides on the same input, and compare; returns the user's own result.

        The second value tells whether the class or function stays accelerated.
        """
        start, before, drawn = perf_counter(), freeze(list(given)), stream()
        failed = None
        try:
            out = ours()
        except Exception as error:
            failed = _reason(error)
        after = stream()
        np.random.set_state(drawn)
        if failed:  # the original says what it has to say
            self.stats.fallbacks[failed] += 1
            return theirs(), False
        out = out if self.known.in_place else freeze(out)  # the original may write into it
        try:
            result = theirs()
        except Exception as error:
            self.give_up(f"at a real call it raises {_words(error)}, fastembed does not")
            raise
        reason = difference(rows(result, out), watch.RTOL)
        if reason is None and not self.known.in_place and not same_bits(before, list(given)):
            reason = "its arguments are changed"
        if reason is None and not same_bits(after, stream()):
            reason = "other random numbers are drawn"
        self.stats.compared += 1
        self.schedule.took(perf_counter() - start)
        if reason is not None:
            self.give_up(f"at a real call, {reason}")
        return result, self.applied

    # ---- backward

    def _make_backward(self, names, run):
        known, stats = self.known, self.stats

        def own(self_, given):
            with originals:
                return self.backward(self_, *given)

        def backward(self_, *given):
            state = self.states.get(id(self_))
            if state is None or state.ran is None:
                return own(self_, given)
            reason = self._torn(self_, state) or _asked(
                self.domain.unfit_gradient, names, self_, state.shape, given
            )
            twin = state.twin
            if state.ran is BOTH:
                state.ran = None
                if reason is None and same_bits(*state.returned):
                    return self._both_backward(self_, twin, given, run, lambda: own(self_, given))
                return own(self_, given)
            if reason is None:
                start = perf_counter()
                if "params" in known.copied:
                    twin.params, twin.grads = self_.params, self_.grads
                try:
                    out = _widened(run, twin, given, known)
                except Exception as error:
                    reason = _reason(error)
            if reason is not None:
                stats.fallbacks[f"in backward, {reason}"] += 1
                state.ran, state.failures = None, state.failures + 1
                if hidden.settle(self_):
                    self.give_up(hidden.CHANGED)
                return own(self_, given)
            for attribute in known.backward_writes:
                setattr(self_, attribute, getattr(twin, attribute))
            if state.past is not None:
                state.past.note_backward(given)
            stats.seconds += perf_counter() - start
            return out

        return backward

    def _torn(self, self_, state):
        """The reason why backward must not build on what our forward has left, or None."""
        own = vars(self_)
        for name, value in state.left:
            if own.get(name, MISSING) is not value:
                return f"its attribute {name} was read or set since"
        if digest(state.states[0]) != state.states[1]:
            return "its state was written into since"
        if state.labels is not None and not same_ids(*state.labels):
            return "its labels were overwritten since"
        return self._other_than_read(self_, own) or self._parts(own)

    def _both_backward(self, self_, twin, given, run, theirs):
        lists = "params" in self.known.copied
        carry(self_, twin, tuple(self.kept))  # the caller may have written into them
        if lists:
            twin.params, twin.grads = self_.params, [grad.copy() for grad in self_.grads]

        def rows(theirs, ours):
            yield "what backward returns", theirs, ours
            if lists:
                yield "grads", list(self_.grads), twin.grads
            for name in self.known.backward_writes:
                if name in self.reading.sets:
                    yield name, getattr(self_, name, None), getattr(twin, name)

        return self._both(lambda: _widened(run, twin, given, self.known), theirs, rows, given)[0]

    # ---- whether a call fits

    def _other_than_read(self, instance, own):
        """The reason why no call for this object may run accelerated now, or None."""
        if asks_for_more() and not self.trial:
            return "NumPy's error state, the warning filter or a debugger asks for more"
        if self.look.at(instance, own):
            return None
        reason = self._own(type(instance), own) if self.owner else None
        changed = self.reading.changed()
        if reason is None and changed:
            reason = f"{changed} is no longer what it was when the code was read"
        if reason is None:  # a patch has come or gone, or a class has changed that may
            self.look.admit(type(instance))
        return reason

    def _own(self, cls, own):
        """What an object, its class or the classes of that have instead of what was read."""
        for name in self.names:
            if name in own:
                return f"it has a {name} of its own"
        for name in HOOKS:
            if any(name in vars(base) for base in cls.__mro__[:-1]):
                return f"{cls.__name__} has a {name} of its own"
        others = [vars(base) for base in cls.__mro__ if base not in self.subject.__mro__]
        for name in self.names:
            if any(name in other for other in others):
                return f"{cls.__name__} has a {name} of its own"
        for name in self.known.attributes:
            if hasattr(type(static(cls, name)), "__get__"):
                return f"{cls.__name__} has a property {name}"
        return None

    def _parts(self, own):
        """The reason why the layers inside are not those that the class makes, or None."""
        for name, cls in self.reading.inner.items():
            lists = {key: own.get(key, ()) for key in ("params", "grads")}
            reason = self._part(name, own.get(name), cls, lists)
            if reason:
                return reason
        return None

    def _part(self, name, value, cls, lists):
        """The reason why an attribute does not hold a layer as the class that was read makes it."""
        reading, value = self.reading, value.kept if type(value) is Lazy else value
        for part in value if type(value) is list else (value,):
            if type(part) is not cls:
                return f"its attribute {name} is no {cls.__name__}"
            own = vars(part)
            if not reading.called.keys().isdisjoint(own):
                return f"its attribute {name} has a method of its own"
            for key, made in reading.parts.get(cls, {}).items():
                found = own.get(key, MISSING)
                if isinstance(made, type):
                    reason = self._part(f"{name}.{key}", found, made, lists)
                    if reason:
                        return reason
                elif type(found) is not type(made) or found != made:
                    return f"its attribute {name}.{key} is another"
            for key, arrays in lists.items():
                if any(all(a is not b for b in arrays) for a in own.get(key, ())):
                    return f"its attribute {name} has {key} of its own"
        return None

    def _unfit(self, names, instance, state, given):
        """The reason why this call of the first method must run the original, or None."""
        if state is not None and state.failures >= RETIRED:
            return "its backward fell back before"
        own = getattr(instance, "__dict__", None)
        reason = self._other_than_read(instance, own) or self._parts(own)
        return reason or _asked(self.domain.unfit, names, instance, given)


def _asked(unfit, *given):
    try:
        return unfit(*given)
    except Exception as error:
        return _reason(error)


def _holds(small, instance, given):
    try:
        return small(instance, *given)
    except Exception as error:  # other arguments than the book's, or a class with such attributes
        _reason(error)
        return False


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


def _reason(error):
    """The words of an error of our own code; what a signal handler raised meanwhile is raised."""
    end = error.__traceback__
    while end.tb_next:
        end = end.tb_next
    if end.tb_frame.f_globals.get("__name__", "").partition(".")[0] not in OUR_OWN:
        raise error
    return _words(error)


def _words(error):
    return f"{type(error).__name__}: {error}"


def _which(out, given):
    """Where the arrays that a call returns stand among its arguments."""
    flat = [array for part in given if type(part) is list for array in part]
    parts = [part for each in out for part in each] if type(out) is tuple else []
    return places(parts, flat)
