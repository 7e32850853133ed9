"""Tells the user how far a batch has come."""

from __future__ import annotations

import time
from collections.abc import Callable

from .._report.progress import Progress
from .._report.result import Status, make_result
from .problems import Problems

# Ctrl-C, the clock and the callback are looked at this often, and a problem stops as soon.
POLL_SECONDS = 0.05


class Report:
    """Tells the user, now and then, how far the batch has come."""

    def __init__(self, batch: Problems, callback: Callable | None):
        self.batch = batch
        self.callback = callback
        self.next = 0.0
        settings = batch.settings
        self.progress: Progress | None = None
        if settings.progress:
            self.progress = Progress(
                settings.method.name,
                batch.begin,
                batch.count,
                "problem",
                settings.maxtime,
                batch.done(),
            )
        self.ended = False

    def now(self) -> None:
        """Call the callback, and write the progress line, if it is time."""
        moment = time.perf_counter()
        batch = self.batch
        done = batch.done()
        if self.ended or (moment < self.next and done < batch.count):
            return
        self.next = moment + POLL_SECONDS
        self.ended = done >= batch.count
        converged = int((batch.status == Status.CONVERGED).sum())
        if self.progress is not None:
            self.progress.show(done, converged=converged)
        if self.callback is not None and not batch.stop[0]:
            try:
                self.callback(
                    make_result(
                        n_done=done,
                        n_problems=batch.count,
                        n_converged=converged,
                        time=moment - batch.begin,
                    )
                )
            except StopIteration:
                batch.reason = Status.CALLBACK
                batch.stop[0] = 1

    def close(self) -> None:
        """End the progress bar."""
        if self.progress is not None:
            self.progress.close()
