"""Looking again: which real calls run both ways."""

from time import perf_counter

RTOL = 1e-4  # of the largest entry: real sizes add up more terms than probes do
SHARE = 0.01  # of the time since install() that comparing may take, beyond the first calls
KINDS = 8  # so many kinds of calls of one class are compared at once; more of them in that share


class Clock:
    """The time that comparing real calls has taken, in all classes together."""

    always = False  # every call

    def __init__(self):
        self.restart()

    def restart(self):
        self.start, self.seconds = perf_counter(), 0.0

    def affords(self, seconds):
        return self.seconds + seconds <= SHARE * (perf_counter() - self.start)


clock = Clock()


class Schedule:
    """Of each kind of call the first is compared, then the 4th, the 16th, … as time allows.

    Beyond some kinds time must allow for the first, too, unless an argument has other axes.
    """

    def __init__(self):
        self.kinds, self.axes, self.cost = {}, set(), 0.0

    def due(self, kind, given):
        counts = self.kinds.get(kind)
        if counts is None:
            axes = tuple([getattr(x, "ndim", None) for x in given])  # code may ask for these
            known = len(self.kinds) >= KINDS and axes in self.axes
            if known and not (clock.always or clock.affords(self.cost)):
                return False
            self.axes.add(axes)
            self.kinds[kind] = [1, 4]
            return True
        counts[0] += 1
        if clock.always:
            return True
        if counts[0] < counts[1] or not clock.affords(self.cost):
            return False
        counts[1] = 4 * counts[0]
        return True

    def took(self, seconds):
        self.cost = max(self.cost, seconds)
        clock.seconds += seconds
