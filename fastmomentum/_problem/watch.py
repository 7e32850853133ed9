"""Looks at the clock, and lets Ctrl-C through, between two calls of fun in compiled differences."""

from __future__ import annotations

import math
import time

import numpy as np

from .._language import layout
from .objective import Objective, OutOfTime

WATCH_SECONDS = 0.05
FIRST_CALLS = 4096
CALLS, NEXT, BEGAN, FUN, _ = range(len(layout.DIFFERENCE_FIELDS))


class Watch:
    """What compiled code calls every so many calls of fun, 50 ms or so.

    A gradient of differences takes n calls or more, too many for the clock to wait.

    Attributes
    ----------
    stop : ndarray or None
        An int, nonzero: end as well.
    """

    def __init__(self, numbers: np.ndarray, objective: Objective):
        self.numbers = numbers
        self.objective = objective
        self.stop: np.ndarray | None = None
        self.count = 1
        self.seen = 0
        self.moment = math.inf
        numbers[:] = 0, 1, -1, 0, id(self)

    def forget(self) -> None:
        """No gradient is under way."""
        self.numbers[BEGAN] = -1

    def begin(self) -> None:
        """A gradient was evaluated in Python, and so calls are at least as quick."""
        seconds = self.objective.seconds
        if seconds > 0.0 and self.numbers.item(CALLS) == 0:
            calls = WATCH_SECONDS / seconds * self.objective.cost_fun
            self.count = max(1, min(FIRST_CALLS, int(calls)))
            self._wait()

    def _wait(self) -> None:
        self.numbers[NEXT] = self.numbers[CALLS] + self.count

    def __call__(self, address: int, step: float) -> float:
        """Called as proximal operators in Python are, with arguments that say nothing here."""
        self.objective.check_time()
        if self.stop is not None and self.stop[0]:
            raise OutOfTime
        now, calls = time.perf_counter(), self.numbers.item(CALLS)
        if now > self.moment:
            budget = min(WATCH_SECONDS, self.objective.deadline - now)
            rate = (calls - self.seen) / (now - self.moment)
            self.count = max(1, min(8 * self.count, int(budget * rate)))
        self.moment, self.seen = now, calls
        self._wait()
        return 0.0

    @property
    def calls(self) -> int:
        """Calls of fun for the gradient under way."""
        began = self.numbers.item(BEGAN)
        return 0 if began < 0 else self.numbers.item(CALLS) - began

    @property
    def fun(self) -> float:
        """The value at the point of that gradient, nan if it is not known or there is none."""
        return self.numbers.view(np.float64).item(FUN) if self.calls else math.nan
