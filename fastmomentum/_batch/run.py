"""The problems of a batch, and how they are handed to threads."""

from __future__ import annotations

import concurrent.futures
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .._check.batches import batched_hint
from .._check.values import MUST_TAKE
from .._minimize.minimize import minimize
from .._problem.gradient_check import OPTION, check_gradient
from .._problem.objective import Objective
from .._problem.out_of_time import OutOfTime
from .._report.result import OptimizeResult, Status, add_note, attach, attach_made, is_empty
from .._report.status import message_of_error, without_state
from .._report.warnings import each_once, warn
from .loop import Loop
from .problems import LATER, NOT_RUN, SKIPPED, Problems
from .report import POLL_SECONDS, Report

FOUND = "what was found so far"


class Batch(Problems):
    """The problems, and the threads that solve them."""

    def _save_if_due(self) -> None:
        if self.saver is not None and self.saver.due():
            self.saver.save(self.state)

    def run(self, workers: Any, callback: Callable | None) -> OptimizeResult:
        """Solve them; every way out gives what was found.

        `workers` is a number of threads, or what else fills the table.
        """
        report = Report(self, callback)
        try:
            if isinstance(workers, int):
                self._run_groups(workers, report)
            else:
                workers(self, report)
        except KeyboardInterrupt as error:
            if self.settings.on_interrupt == "raise":
                attach_made(error, self._finish, FOUND)
                raise
        except BaseException as error:
            self.why = message_of_error(error)
            if isinstance(workers, int):
                self._add_hint(error)
            attach_made(error, self._finish, FOUND)
            raise
        finally:
            report.close()
        self._has_worked()
        return self._finish()

    def _has_worked(self) -> None:
        """The first evaluation gave no error that tells of a mistake."""
        if self.doubt and not self.evaluated:
            warn(self.doubt, RuntimeWarning)
        self.evaluated = True

    def _add_hint(self, error: BaseException) -> None:
        """If the first evaluation failed, what may have been meant goes with the exception."""
        if self.evaluated or self.backend == "cuda" or not isinstance(error, Exception):
            return
        if MUST_TAKE in self.why or OPTION in self.why:  # they are not about the values of args
            return
        hint = batched_hint(self.args, self.which, self.count)
        if hint:
            add_note(error, hint)

    def _finish(self) -> OptimizeResult:
        """The result, and what another call goes on from."""
        self.settled = self.status > NOT_RUN
        result = self.result()
        solved = bool((result.success | (result.status == SKIPPED)).all())
        try:
            if self.settings.keeps_state(solved):
                result["state"] = self.state()
            elif self.settings.keep_state is False:
                result["message"] = without_state(result.message)
            if self.saver is not None:
                self.saver.save(self.state)
        except BaseException as error:
            if not self.settings.returns_after(error):
                attach(error, result, FOUND)
                raise
        return result

    def _run_groups(self, workers: int, report: Report) -> None:
        """Problems without bounds come after those with them: their loop is another."""
        if self.per_row is not None:
            self.status[self._unbounded() & (self.status == NOT_RUN)] = LATER
            self._run(workers, report)
            self.status[self.status == LATER] = NOT_RUN
            self.per_row = None
            self.before, self.loops = self.done(), []
            self.taken = 0
        self._run(workers, report)
        report.now()

    def _run(self, workers: int, report: Report) -> None:
        self._check_clock()
        first = self._first()
        if self.stop[0]:
            return
        if first < 0:
            left = self.status == NOT_RUN
            self.status[left] = Status.NONFINITE
            self.before += int(left.sum())
            return
        x0, terms = self.x[first].copy(), self.terms(first)
        if terms is not None:
            x0 = terms.start(x0)
        objective = self.objective(first, x0, terms)
        compiled = objective.binding is not None and (terms is None or terms.separable)
        # Too few evaluations for one gradient: single runs know what to do.
        few = isinstance(self.jac, str) and self.settings.maxfev < objective.cost_first
        compiled = compiled and not few
        try:
            if self.to_compare:
                self.to_compare = False
                check_gradient(objective, x0)
            if compiled or (objective.fell_back and not few):
                objective.first(x0, np.empty_like(x0))
                self._has_worked()
        except OutOfTime:
            self._keep_value(first, objective, x0, terms)
            self._check_clock()
            return
        except BaseException as error:
            self._keep_value(first, objective, x0, terms)
            if isinstance(error, Exception):
                attach(error, row=first)
            raise
        if not compiled:
            objective.warn_of_fallback()
            with each_once():
                self._run_in_python(objective, report)
            return
        self.backend = "numba"
        self._run_compiled(objective, x0, terms, workers, report)

    def _keep_value(self, row: int, objective: Objective, x0: np.ndarray, terms: Any) -> None:
        """What is known of a problem whose first gradient did not come about."""
        if math.isnan(objective.seen):
            return
        penalty = 0.0 if terms is None or terms.only_bounds else terms.h.value(x0)
        self.x[row], self.numbers[row, 0] = x0, objective.seen + penalty
        self.counts[row, 2:4] = objective.calls_fun, objective.calls_jac

    def _run_compiled(
        self, objective: Objective, x0: np.ndarray, terms: Any, workers: int, report: Report
    ) -> None:
        if objective.parallel:
            workers = 1  # Numba's own threads may not be started from several at once
        self.used = workers = min(workers, self.count)
        penalties = self._penalties(terms)
        objective.calls_fun = objective.calls_jac = 0  # the loops evaluate x0 once more
        for _ in range(workers):
            self.loops.append(Loop(self, objective, x0, terms, penalties))
        # A thread even where one is enough: this one takes Ctrl-C and looks at the clock.
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            pending: set = set()
            try:
                pending = {pool.submit(loop.run) for loop in self.loops}
                while pending:
                    finished, pending = concurrent.futures.wait(
                        pending, self._patience(), concurrent.futures.FIRST_EXCEPTION
                    )
                    for future in finished:
                        future.result()
                    self._check_clock()
                    report.now()
                    self._save_if_due()
            except BaseException:
                # Also one that arrives while the threads are being started.
                self.stop[0] = 1
                raise

    def _patience(self) -> float:
        """Seconds to the next look at the clock."""
        left = self.begin + self.settings.maxtime - time.perf_counter()
        return POLL_SECONDS if self.stop[0] else min(POLL_SECONDS, max(left, 0.0))

    def _run_in_python(self, objective: Objective, report: Report) -> None:
        settings = self.settings
        options = {
            "learning_rate": settings.learning_rate,
            "gtol": settings.gtol,
            "norm": settings.norm,
            "ftol": settings.ftol,
            "gap_tol": settings.gap_tol,
            "xtol": settings.xtol,
            "maxiter": settings.maxiter,
            "maxfev": settings.maxfev,
            "patience": settings.patience,
            "backend": settings.backend,
            "eps": settings.eps,
            "finite_diff_rel_step": settings.finite_diff_rel_step,
            **settings.own,
        }
        if objective.binding is not None:
            self.backend = "numba"
        for row in map(int, np.flatnonzero(self.status == NOT_RUN)):
            if self.stop[0]:
                return
            if not np.isfinite(self.x[row]).all():
                self.status[row] = Status.NONFINITE
            else:
                self._solve(objective, row, options)
            self.before += 1
            self.settled[row] = True
            self._check_clock()
            self._save_if_due()
            if self.before < self.count:
                report.now()

    def _solve(self, objective: Objective, row: int, options: dict[str, Any]) -> None:
        """One problem by `minimize`."""
        bounds = self._bounds_of(row)
        left = self.begin + self.settings.maxtime - time.perf_counter()
        try:
            found = minimize(
                objective.fun,
                self.x[row],
                self.args_of(row),
                self.settings.method.name,
                objective.jac if self.settings.eps is None else None,
                bounds=None if bounds is None else list(zip(*bounds, strict=True)),
                options={**options, "maxtime": max(left, 1e-9)},
                penalty=self.penalty,
            )
        except BaseException as error:
            earlier = getattr(error, "result", None)
            if isinstance(earlier, OptimizeResult):
                self.keep(row, earlier)
                self.evaluated |= not is_empty(earlier)
            if isinstance(error, Exception):
                attach(error, row=row)
            raise
        self._has_worked()
        self._store(row, found)
