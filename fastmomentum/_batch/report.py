"""Tells the user how far a batch has come."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from .._check.options import Settings
from .._minimize.callback import Callback
from .._minimize.upkeep import progress_of
from .._report.result import Status, make_result
from .clock import POLL_SECONDS, Clock


class Report:
    """Tells the user, now and then, how far the batch has come.

    Parameters
    ----------
    status : ndarray of int
        How each problem has ended.
    done : callable
        ``done()`` is how many are solved.
    callback : Callback, optional
        What the user wants to be called.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        status: np.ndarray,
        done: Callable[[], int],
        callback: Callback | None,
    ):
        self.clock, self.status, self.done, self.callback = clock, status, done, callback
        self.next = 0.0
        self.progress = progress_of(settings, clock.begin, len(status), done(), "problem")
        self.ended = False

    def now(self) -> None:
        """Call the callback, and write the progress line, if it is time."""
        moment = time.perf_counter()
        done, count = self.done(), len(self.status)
        if self.ended or (moment < self.next and done < count):
            return
        self.next = moment + POLL_SECONDS
        self.ended = done >= count
        converged = int((self.status == Status.CONVERGED).sum())
        if self.progress is not None:
            self.progress.show(done, converged=converged)
        if self.callback is not None and not self.clock.stopped:
            counts = make_result(
                n_done=done,
                n_problems=count,
                n_converged=converged,
                time=moment - self.clock.begin,
            )
            if self.callback.ends_run(counts, lambda: counts):
                self.clock.end(Status.CALLBACK)

    def close(self) -> None:
        """End the progress bar."""
        if self.progress is not None:
            self.progress.close()
