"""One run that evaluates its objective: the ways to move it on, and what is found."""

from __future__ import annotations

import functools
import math
import time
from typing import Any

import numpy as np

from .._check.options import Settings
from .._keep.checkpoint import Saver
from .._language import layout
from .._language.layout import FLOAT, INT
from .._loops.drivers import driver_address
from .._problem.flat import COARSE, OutOfCalls, may_be_coarse, slopes_beyond
from .._problem.gradient_check import check_gradient
from .._problem.objective import Objective
from .._problem.terms import Terms
from .._problem.watch import Watch
from .._report.progress import Progress
from .._report.result import OptimizeResult, Status, make_result
from .told import Point, ToldRun
from .upkeep import UNATTENDED, Upkeep


class Run(ToldRun):
    """One run of an objective; the other parameters are those of `ToldRun`."""

    def __init__(
        self,
        objective: Objective,
        settings: Settings,
        x0: np.ndarray,
        terms: Terms | None = None,
        given: dict[str, str] | None = None,
    ):
        differences = isinstance(objective.jac, str)
        scratch_rows = layout.SCRATCH_ROWS + differences * layout.DIFFERENCE_ROWS
        super().__init__(settings, x0, terms, given, scratch_rows)
        self.objective = objective
        self.ints[INT.COST_FUN] = objective.cost_fun
        self.ints[INT.COST_JAC] = objective.cost_jac
        self.watch: Watch | None = None
        if differences:
            self._fill_scratch()
        self.context = self._context()

    def _fill_scratch(self) -> None:
        """What differences need: what their points keep to, and who looks at the clock."""
        n, first = self.n, self.plan.scratch_row
        scratch = self.rows[first:].reshape(-1)
        for i, vector in enumerate((*self.objective.bounds, *self.objective.steps)):
            scratch[(2 + i) * n : (3 + i) * n] = vector
        if self.objective.binding is not None:
            numbers = scratch[6 * n :].view(np.int64)[: len(layout.DIFFERENCE_FIELDS)]
            self.watch = Watch(numbers, self.objective)

    def _context(self) -> tuple:
        """What a compiled loop is told of the objective."""
        binding = self.objective.binding
        if binding is None:
            return ()
        args = self.objective.args if binding.c_data is None else binding.c_data
        scratch = self.address + self.plan.scratch_row * self.rows.strides[0]
        return binding.fun, binding.jac, args, scratch, self.objective.step

    # -- the loop ---------------------------------------------------------------------------------

    @functools.cached_property
    def driver(self) -> Any:
        """The loop; compiled only once the evaluation at x0 has shown that the objective works."""
        binding = self.objective.binding
        if binding is None:
            return super().driver
        return driver_address(self.plan.loop, self.dtype, binding.signature)

    def call(self, driver: Any, last: int) -> None:
        """One stretch of the loop."""
        binding = self.objective.binding
        if binding is None:
            super().call(driver, last)
        elif binding.parallel:
            with self.objective.turn():
                binding.entry(driver, *self.context, *self.arguments(last))
        else:
            binding.entry(driver, *self.context, *self.arguments(last))

    def deliver(self, f: float) -> None:
        """Tell the loop the value of its current point, whose gradient is in its row."""
        ints = self.ints
        ints[INT.NFEV] = self.objective.calls_fun
        ints[INT.NJEV] = self.objective.calls_jac
        self.floats[FLOAT.FUN] = f
        ints[INT.PENDING] = layout.DELIVERED

    def start(self) -> bool:
        """Make the evaluation at x0 in Python; False if maxfev does not allow its differences."""
        if self.settings.maxfev < self.objective.cost_first and self.objective.jac is not True:
            if self.objective.can_be_checked:
                self.objective.seen = self.objective.value(self.row(0))
            return False
        if self.settings.check_jac:
            check_gradient(self.objective, self.row(0))
        f = self.objective.first(self.row(0), self.row(layout.N_POINTS))
        if f is not None:
            self.deliver(f)
        return True

    def advance(self, last: int, upkeep: Upkeep = UNATTENDED) -> int:
        """Move on to iteration `last`, or to the end of the run; returns the loop's status."""
        if self.plan.scheduled:
            last = self.fill_schedules(last)
        try:
            self._advance(last, upkeep)
            if upkeep.progress is not None:
                self._show(upkeep.progress)
        finally:
            self.keep_history()
        return self.ints.item(INT.STATUS)

    def _advance(self, last: int, upkeep: Upkeep) -> None:
        ints = self.ints
        if self.watch is not None:
            self.watch.begin()
        while True:
            late = time.perf_counter() > upkeep.deadline
            if late:
                if ints[INT.NFEV] > 0 and ints[INT.PENDING] == layout.TO_EVALUATE:
                    ints[INT.STATUS] = layout.NEEDS_EVALUATION
                    break
                # What is evaluated is looked at in any case: the run may have converged.
                last = min(last, ints.item(INT.ITERATION))
            if not self.needs_evaluation(last) or late:
                break
            if upkeep.saver is not None:
                self.save_if_due(upkeep.saver)
            current = int(ints[INT.CURRENT])
            self.deliver(
                self.objective.evaluate(self.row(current), self.row(layout.N_POINTS + current))
            )
            if upkeep.progress is not None:
                self._show(upkeep.progress)
        if ints[INT.STATUS] == layout.NEEDS_EVALUATION:
            ints[INT.STATUS] = Status.MAXTIME

    def save_if_due(self, saver: Saver) -> None:
        """Write the checkpoint, if it is time."""
        if saver.due():
            saver.save(lambda: self.state(layout.RUNNING))

    def _show(self, progress: Progress) -> None:
        ints, floats = self.ints, self.floats
        progress.show(
            ints.item(INT.NIT),
            fun=floats.item(FLOAT.FUN),
            grad_norm=floats.item(FLOAT.GRAD_NORM),
            learning_rate=floats.item(FLOAT.LEARNING_RATE),
            nfev=ints.item(INT.NFEV),
        )

    # -- reading the state ------------------------------------------------------------------------

    def intermediate(self, x: np.ndarray, begin: float) -> OptimizeResult:
        """What a callback sees."""
        ints = self.ints
        current = int(ints[INT.CURRENT])
        if self.plan.iterate_is_evaluated:
            f = float(self.floats[FLOAT.FUN])
            g = self.row(layout.N_POINTS + current)
        else:
            f, g = self._evaluate_extra(x)
            if self.terms is not None and not self.terms.only_bounds:
                f += self.terms.h.value(x)
        return make_result(
            x=x,
            fun=f,
            jac=self.objective.known(g.copy()),
            nit=int(ints[INT.NIT]),
            nfev=int(ints[INT.NFEV]),
            njev=int(ints[INT.NJEV]),
            grad_norm=self.grad_norm(self.terms, x, g),
            learning_rate=float(self.floats[FLOAT.LEARNING_RATE]),
            time=time.perf_counter() - begin,
        )

    def _evaluate_extra(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """fun and gradient at a point that is not the loop's; uses a row that is free."""
        if isinstance(self.objective.jac, str):
            self.objective.check_time()
        taken = (int(self.ints[INT.CURRENT]), int(self.ints[INT.BEST]))
        free = next(i for i in range(layout.N_POINTS) if i not in taken)
        point, gradient = self.row(free), self.row(layout.N_POINTS + free)
        point[:] = x
        try:
            if self.objective.binding is None:
                value = self.objective.evaluate(point, gradient)
                self.ints[INT.NFEV] = self.objective.calls_fun
                self.ints[INT.NJEV] = self.objective.calls_jac
            else:
                self.call(self.objective.binding.evaluate_row, free)
                value = float(self.floats[FLOAT.FUN_EXTRA])
                self.ints[INT.NFEV] += self.objective.cost_fun
                self.ints[INT.NJEV] += self.objective.cost_jac
        except BaseException:
            # What is known is not of the loop's point.
            self.objective.seen = math.nan
            if self.watch is not None:
                self.ints[INT.NFEV] += self.watch.calls
                self.watch.forget()
            raise
        return value, gradient

    def confirm(self) -> tuple[Status, str]:
        """Status and message of a run that has converged, where differences may have failed."""
        objective, ints = self.objective, self.ints
        row = ints.item(INT.RESULT)
        gradient = self.row(layout.N_POINTS + row)
        if not may_be_coarse(objective) or gradient.item(0) != 0.0 or gradient.any():
            return Status.CONVERGED, ""
        ints[INT.STATUS] = layout.RUNNING  # until that is known
        x, before = self.row(row).copy(), objective.calls_fun
        left = self.settings.maxfev - ints.item(INT.NFEV)
        norm = functools.partial(self.grad_norm, self.terms, x)
        try:
            slopes = slopes_beyond(objective, x, norm, self.settings.gtol, left)
        except OutOfCalls:
            return Status.MAXFEV, ""
        finally:
            ints[INT.NFEV] += objective.calls_fun - before
        ints[INT.STATUS] = Status.CONVERGED if slopes is None else Status.PRECISION_LOSS
        if slopes is None:
            return Status.CONVERGED, ""
        gradient[:] = slopes
        return Status.PRECISION_LOSS, COARSE

    def _seen(self) -> float:
        """fun (and the penalty) at the point under way, if it is known and its gradient is not."""
        if self.ints[INT.PENDING] != layout.TO_EVALUATE:
            return math.nan
        seen = self.objective.seen
        if math.isnan(seen) and self.watch is not None:
            seen = self.watch.fun
        if self.terms is not None:
            seen += self.floats.item(FLOAT.PENALTY)
        return seen if math.isfinite(seen) or self.ints[INT.BEST] < 0 else math.nan

    def ending(self, status: Status) -> Point:
        """The point to return if the run ends now."""
        point = super().ending(status)
        if status == Status.CONVERGED:
            return point
        seen = self._seen()
        if seen < point.fun or not (point.known or math.isnan(seen)):
            return Point(self.ints.item(INT.CURRENT), seen, False)
        return point

    def result(self, status: Status, begin: float, message: str = "") -> OptimizeResult:
        """The result if the run ends now."""
        return self.result_within(self.terms, status, begin, message)

    def result_within(
        self, terms: Terms | None, status: Status, begin: float, message: str = ""
    ) -> OptimizeResult:
        """The same with these bounds and this penalty."""
        result = self.result_at(self.ending(status), status, begin, message)
        if self.objective.binding is None or result["nfev"] == 0:
            # An exception or Ctrl-C in fun: that call counts, too.
            result["nfev"] = self.objective.calls_fun
            result["njev"] = self.objective.calls_jac
        if self.watch is not None and self.watch.calls:
            result["nfev"] += self.watch.calls
            result["njev"] += not math.isnan(self.watch.fun)
        if self.objective.binding is not None:
            result["backend"] = "numba"
        try:
            self.measure(result, terms, message)
        finally:
            self.objective.known(result["jac"])
        return result
