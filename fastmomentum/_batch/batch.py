"""One call of `minimize_batch`: a table that an executor fills, and who looks after that."""

from __future__ import annotations

import time
from typing import Any, Protocol

from .._check.batches import batched_hint
from .._check.values import MUST_TAKE
from .._keep.checkpoint import Saver
from .._minimize.callback import Callback
from .._problem.gradient_check import OPTION
from .._report.pinned import Pinned
from .._report.result import OptimizeResult, add_note, attach, attach_made, make_result
from .._report.status import message_of_error, message_of_many, without_state
from .._report.warnings import warn
from .clock import Clock
from .problems import Problems
from .report import Report
from .table import NOT_RUN, SKIPPED

FOUND = "what was found so far"


class Executor(Protocol):
    """Who solves problems.

    Attributes
    ----------
    backend : str
        "python", "numba" or "cuda".
    used : int
        Threads.
    """

    backend: str
    used: int

    def fill(self, batch: Batch) -> None:
        """Solve what the table has not, until the clock says stop."""

    def under_way(self) -> int:
        """How many problems are done that the table does not count yet."""

    def calls_here(self) -> bool:
        """May an exception be of the first call of fun, in this process?"""


class Batch(Pinned):
    """Problems, the table of what is found, and the executor that fills it.

    Parameters
    ----------
    problems, table, clock, executor
    callback : Callback, optional
        Called with counts, now and then.
    saver : Saver, optional
        Writes the checkpoint.
    doubt : str
        Whether the arguments are meant as they are.
    """

    def __init__(
        self,
        problems: Problems,
        table: Any,
        clock: Clock,
        executor: Executor,
        callback: Callback | None = None,
        saver: Saver | None = None,
        doubt: str = "",
    ):
        self.problems, self.table, self.clock, self.executor = problems, table, clock, executor
        self.saver, self.doubt = saver, doubt
        self.report = Report(problems.settings, clock, table.status, self.done, callback)
        self.evaluated = False  # fun, without an exception
        self.why = ""  # of an interruption that is not the user's

    def done(self) -> int:
        """How many problems are solved."""
        return int(self.table.before + self.executor.under_way())

    def look(self) -> None:
        """At the clock, and whether a report or a checkpoint is due."""
        self.clock.check()
        self.report.now()
        self.save_if_due()

    def save_if_due(self) -> None:
        """Write the checkpoint, if it is time."""
        if self.saver is not None and self.saver.due():
            self.saver.save(self._state)

    def run(self) -> OptimizeResult:
        """Solve them; every way out gives what was found."""
        settings = self.problems.settings
        try:
            self.executor.fill(self)
            self.report.now()
        except KeyboardInterrupt as error:
            if settings.on_interrupt == "raise":
                attach_made(error, self._finish, FOUND)
                raise
        except BaseException as error:
            self.why = message_of_error(error)
            if self.executor.calls_here():
                self._add_hint(error)
            attach_made(error, self._finish, FOUND)
            raise
        finally:
            self.report.close()
        self.has_worked()
        return self._finish()

    def has_worked(self) -> None:
        """The first evaluation gave no error that tells of a mistake."""
        if self.doubt and not self.evaluated:
            warn(self.doubt, RuntimeWarning)
        self.evaluated = True

    def _add_hint(self, error: BaseException) -> None:
        """If the first evaluation failed, what may have been meant goes with the exception."""
        if self.evaluated or not isinstance(error, Exception):
            return
        if MUST_TAKE in self.why or OPTION in self.why:  # they are not about the values of args
            return
        family = self.problems.family
        hint = batched_hint(family.args, family.which, self.table.count)
        if hint:
            add_note(error, hint)

    def _state(self) -> Any:
        return self.table.state(self.problems)

    def _finish(self) -> OptimizeResult:
        """The result, and what another call goes on from."""
        table, settings = self.table, self.problems.settings
        table.settled = table.status > NOT_RUN
        result = self._result()
        if not table.keeps_state:
            result["message"] = without_state(result.message)
            return result
        solved = bool((result.success | (result.status == SKIPPED)).all())
        try:
            if settings.keeps_state(solved):
                result["state"] = self._state()
            elif settings.keep_state is False:
                result["message"] = without_state(result.message)
            if self.saver is not None:
                self.saver.save(self._state)
        except BaseException as error:
            if not settings.returns_after(error):
                attach(error, result, FOUND)
                raise
        return result

    def _result(self) -> OptimizeResult:
        """What was found so far."""
        status = self.table.status.copy()
        status[status < SKIPPED] = self.clock.reason
        automatic = self.problems.settings.learning_rate == "auto"
        return make_result(
            message=message_of_many(status, automatic, self.why),
            **self.table.columns(status),
            time=time.perf_counter() - self.clock.begin,
            backend=self.executor.backend,
            workers=self.executor.used,
        )
