"""Side-by-side probes: the user's own code, which was read before, and ours, on small inputs."""

import numpy as np

from fastembed.dropin import patch, site
from fastembed.dropin.alike import difference, stream
from fastembed.dropin.reading import Declined
from fastembed.dropin.scenarios import RAISES, Run, scenarios

RTOL = 2e-5  # of the largest entry; float32 sums in another order stay well below


def probe(found):
    """Try the user's class or function beside ours; note what only a run shows.

    Parameters
    ----------
    found : patch.Patch

    Raises
    ------
    reading.Declined
        If the two differ, and in what.
    NameError
        If the code leans on a name that its module does not have (yet).
    """
    known = found.known
    trial = type(found)(found.subject, known, patch.Stats(), found.reading, trial=True)
    own = {name: site.original(function) for name, function in trial.functions.items()}
    ours = {name: _with_defaults(own[name], trial.handlers[name]) for name in own}
    drawn = stream()
    try:
        with np.errstate(all="ignore"), site.originals:
            for scenario in scenarios(known):
                run, other = (
                    Run(known, side.get(known.name, found.subject), side) for side in (own, ours)
                )
                _record(scenario, run)
                what, value = run.rows[-1]
                if scenario.accelerated and what.endswith(RAISES):
                    raise Declined(f"{scenario.title}: {what} {value}")
                trial.stats.fallbacks.clear()
                _record(scenario, other)
                reason = _unlike(run.rows, other.rows)
                if reason is None and scenario.accelerated:
                    reason = next(iter(trial.stats.fallbacks), None)
                if reason is not None:
                    raise Declined(f"{scenario.title}: {reason}")
                if scenario.accelerated:
                    found.note(*run.last)
    finally:
        np.random.set_state(drawn)


def _with_defaults(function, handler):
    """A handler that is given the function's defaults as a call of the function would."""
    count, defaults = function.__code__.co_argcount, function.__defaults__ or ()

    def call(*given):
        missing = count - len(given)
        return handler(*given, *(defaults[-missing:] if missing > 0 else ()))

    return call


def _record(scenario, run):
    """What a scenario sees; the random stream's next number is part of it."""
    np.random.seed(11)
    try:
        scenario.work(run)
    except NameError:
        raise
    except Exception as error:
        if not (run.rows and run.rows[-1][0].endswith(RAISES)):  # outside of a call
            run.see(f"it {RAISES}", f"{type(error).__name__}: {error}")
    else:
        run.see("the next random number", np.random.random_sample())


def _unlike(expected, found):
    """How what was found differs from what was expected, in words; None if it does not."""
    for (what, value), (other, new) in zip(expected, found, strict=False):
        if what != other:
            return f"the original gets to '{what}', fastembed's to '{other}'"
        if what.startswith("argument") and (value is None) != (new is None):
            return f"{what} {'would be' if value is None else 'is'} changed"
        reason = difference([(what, value, new)], RTOL)
        if reason:
            return reason
    return None if len(expected) == len(found) else "one of the two stops early"
