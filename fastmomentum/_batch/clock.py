"""When a batch ends before all of its problems are solved, and why."""

from __future__ import annotations

import time

import numpy as np

from .._report.result import Status

# Ctrl-C, the clock and the callback are looked at this often, and a problem stops as soon.
POLL_SECONDS = 0.05


class Clock:
    """Says that it is time to stop, to whoever solves problems.

    Attributes
    ----------
    begin, deadline : float
        When the call began, and when its time is over.
    stop : ndarray, shape (1,)
        Nonzero: end; compiled loops know its address.
    reason : Status
        How problems have ended that were not solved by then.
    """

    def __init__(self, begin: float, maxtime: float):
        self.begin = begin
        self.deadline = begin + maxtime
        self.stop = np.zeros(1, np.int64)
        self.reason = Status.INTERRUPTED

    @property
    def stopped(self) -> bool:
        """Is it time to stop?"""
        return bool(self.stop[0])

    def end(self, reason: Status) -> None:
        """Stop, for this reason."""
        self.reason = reason
        self.stop[0] = 1

    def check(self) -> None:
        """Stop if the time is over."""
        if time.perf_counter() > self.deadline and not self.stopped:
            self.end(Status.MAXTIME)

    def left(self) -> float:
        """Seconds to the deadline, one that `maxtime` allows."""
        return max(self.deadline - time.perf_counter(), 1e-9)

    def patience(self) -> float:
        """Seconds to the next look at it."""
        left = self.deadline - time.perf_counter()
        return POLL_SECONDS if self.stopped else min(POLL_SECONDS, max(left, 0.0))
