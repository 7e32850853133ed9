"""One run: the state of its loop, and the ways to move it on and to read it."""

from __future__ import annotations

import copy
import dataclasses
import functools
import math
import time
from typing import Any

import numpy as np

from .._arrays import all_finite, vector_norm
from .._check.options import Settings
from .._check.parameters import schedule_value, schedule_values
from .._keep.checkpoint import Saver
from .._keep.state import State
from .._language import layout
from .._language.layout import FLOAT, INT
from .._loops.drivers import driver, driver_address
from .._methods import Method
from .._numba.interrupts import interrupts_kept
from .._numba.jit import jit_disabled
from .._problem.flat import COARSE, OutOfCalls, may_be_coarse, slopes_beyond
from .._problem.gradient_check import check_gradient
from .._problem.objective import Objective
from .._problem.terms import Terms
from .._problem.watch import Watch
from .._report.pinned import Pinned
from .._report.progress import Progress
from .._report.result import OptimizeResult, Status, attach, make_result
from .._report.status import ALL_FIXED, NONFINITE_AT_X0, message_of
from ..penalties import Penalty
from .plan import HISTORY_ROWS, plan_of, workspace
from .resume import state_of

# Where none is recorded; loops do not write to it then.
_NO_HISTORY = np.empty((1, 3))


@dataclasses.dataclass(frozen=True)
class Moment:
    """A run at some moment, as it can be copied and pickled."""

    settings: Settings
    terms: tuple[Penalty, bool, np.ndarray] | None
    state: State
    numbers: dict[str, np.ndarray]  # of the schedules
    calls: tuple[int, int]

    def run(self, objective: Objective) -> Run:
        """A run of its own that is there."""
        state, terms = self.state, None
        if self.terms is not None:
            h, shown, work = self.terms
            terms = Terms(h, state.rows.shape[1], state.rows.dtype, shown)
        run = Run(objective, self.settings, state.x, terms)
        if terms is not None:
            terms.work[:] = work
        run.rows[: run.plan.scratch_row, : run.n] = state.rows
        own = [layout.INTS.index(name) for name in layout.ADDRESSES]
        addresses = run.ints[own]
        run.ints[:], run.floats[:] = state.ints, state.floats
        run.ints[own] = addresses
        run.numbers = {name: values.copy() for name, values in self.numbers.items()}
        under_way = max(int(run.ints[INT.HISTORY]), 0)  # rows of this stretch
        put_aside = len(state.history) - under_way
        run.recorded = [state.history[:put_aside].copy()]
        run.history[:under_way] = state.history[put_aside:]
        objective.calls_fun, objective.calls_jac = self.calls
        return run


class Run(Pinned):
    """One run: the state of its loop, and the ways to move it on and to read it."""

    def __init__(
        self,
        objective: Objective,
        settings: Settings,
        x0: np.ndarray,
        terms: Terms | None = None,
    ):
        self.objective = objective
        self.settings = settings
        self.method: Method = settings.method
        self.terms = terms
        self.plan = plan = plan_of(settings, x0, terms.kind if terms else "")
        self.n = n = x0.size
        self.dtype = x0.dtype
        differences = isinstance(objective.jac, str)
        n_scratch = layout.SCRATCH_ROWS + differences * layout.DIFFERENCE_ROWS
        self.rows, self.address = workspace(plan.scratch_row + n_scratch, plan.stride, x0.dtype)
        self.rows[0, :n] = x0
        for i, start in plan.starts.items():
            self.rows[i, :n] = x0 if start == "x0" else 0.0
        self.ints = plan.ints.copy()
        if plan.x_scale is not None:
            self.rows[self.ints[INT.METRIC_START], :n] = plan.x_scale * plan.x_scale
        self.ints[INT.COST_FUN] = objective.cost_fun
        self.ints[INT.COST_JAC] = objective.cost_jac
        self.floats = plan.floats.copy()
        self.watch: Watch | None = None
        if differences:
            self._fill_scratch()
        if terms is not None:
            terms.fill(self.rows, self.ints, plan.term_row)
            # x0 is within the bounds, though maybe only of those rounded to its precision.
            self.floats[FLOAT.PENALTY] = 0.0 if terms.only_bounds else terms.h.value(x0)
            if plan.loop.calls_operator:
                self.operator = terms.operator()
                self.ints[INT.PROX] = self.operator.address
                self.ints[INT.PROX_DATA] = self.operator.data.ctypes.data
        self.numbers = plan.numbers.copy()
        # One more than a chunk has iterations: a state may be in the middle of one.
        self.history = np.empty((HISTORY_ROWS + 1, 3)) if settings.history else _NO_HISTORY
        self.recorded: list[np.ndarray] = []
        self.deadline = math.inf
        self.progress: Progress | None = None
        self.saver: Saver | None = None
        self.given: dict[str, str] = {}  # fingerprints of what the user gave
        self.called = False
        self.context = self._context()
        in_python = objective.binding is None and jit_disabled()
        self.workspace: Any = self.rows if in_python else self.address

    def row(self, i: int) -> np.ndarray:
        """Vector `i` of the workspace."""
        return self.rows[i, : self.n]

    def _fill_scratch(self) -> None:
        """What differences need: what their points keep to, and who looks at the clock."""
        n, first = self.n, self.plan.scratch_row
        scratch = self.rows[first:].reshape(-1)
        for i, vector in enumerate((*self.objective.bounds, *self.objective.steps)):
            scratch[(2 + i) * n : (3 + i) * n] = vector
        if self.objective.binding is not None:
            numbers = scratch[6 * n :].view(np.int64)[: len(layout.DIFFERENCE_FIELDS)]
            self.watch = Watch(numbers, self.objective)

    def moment(self) -> Moment:
        """What another run needs to be where this one is."""
        terms = self.terms
        return Moment(
            self.settings,
            None if terms is None else (terms.h, terms.shown, terms.work.copy()),
            copy.deepcopy(state_of(self, layout.RUNNING)),
            {name: values.copy() for name, values in self.numbers.items()},
            (self.objective.calls_fun, self.objective.calls_jac),
        )

    def limit(self, deadline: float) -> None:
        """Say when the time is over."""
        self.deadline = self.objective.deadline = deadline

    # -- schedules --------------------------------------------------------------------------------

    def fill_schedules(self, last: int) -> int:
        """Numbers for the iterations from the current one on; returns where they end."""
        first = int(self.ints[INT.ITERATION])
        self.ints[INT.CHUNK_START] = first
        for name, (parameter, schedule) in self.plan.scheduled.items():
            ahead = int(name == "momentum" and self.method.looks_ahead)
            count = last - first + ahead
            if count <= 0:  # also where a state is beyond maxiter
                continue
            values = schedule_values(parameter, schedule, first, count, self.dtype)
            if len(values) == ahead:  # the next iteration's is needed, too, and it is bad
                schedule_value(parameter, schedule, first + ahead, self.dtype)
            last = first + len(values) - ahead
            self.numbers[name] = np.append(values, values[-1])
        return last

    # -- the loop ---------------------------------------------------------------------------------

    def _context(self) -> tuple:
        """What a compiled loop is told of the objective."""
        binding = self.objective.binding
        if binding is None:
            return ()
        args = self.objective.args if binding.c_data is None else binding.c_data
        scratch = self.address + self.plan.scratch_row * self.rows.strides[0]
        return binding.fun, binding.jac, args, scratch, self.objective.step

    @functools.cached_property
    def driver(self) -> Any:
        """The loop; compiled only once the evaluation at x0 has shown that the objective works."""
        binding = self.objective.binding
        if binding is not None:
            return driver_address(self.plan.loop, self.dtype, binding.signature)
        loop = driver(self.plan.loop, self.dtype)
        # As plain Python it must be as silent as machine code about inf - inf.
        return np.errstate(all="ignore")(loop) if jit_disabled() else loop

    def call(self, driver: Any, last: int) -> None:
        """One stretch of the loop."""
        binding = self.objective.binding
        state = (
            self.workspace,
            self.ints,
            self.floats,
            self.numbers["learning_rate"],
            self.numbers["momentum"],
            self.history,
            last,
        )
        if binding is not None and not binding.parallel:
            binding.entry(driver, *self.context, *state)
        elif binding is not None:
            with self.objective.turn():
                binding.entry(driver, *self.context, *state)
        elif self.called:
            driver(0, 0, *state)
        else:
            with interrupts_kept():  # it may compile
                driver(0, 0, *state)
            self.called = True

    def deliver(self, f: float) -> None:
        """Tell the loop the value of its current point, whose gradient is in its row."""
        self.ints[INT.NFEV] = self.objective.calls_fun
        self.ints[INT.NJEV] = self.objective.calls_jac
        self.floats[FLOAT.FUN] = f
        self.ints[INT.PENDING] = layout.DELIVERED

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

    def advance(self, last: int) -> int:
        """Move on to iteration `last`, or to the end of the run; returns the loop's status."""
        if self.plan.scheduled:
            last = self.fill_schedules(last)
        try:
            self._advance(last)
            self._show()
        finally:
            self.keep_history()
        return self.ints.item(INT.STATUS)

    def keep_history(self) -> None:
        """Put aside the rows recorded in this stretch."""
        if self.settings.history and self.ints[INT.HISTORY] > 0:
            rows = self.history[: self.ints[INT.HISTORY]].copy()
            # No call between these two: Python answers Ctrl-C after calls.
            self.recorded += [rows]
            self.ints[INT.HISTORY] = 0

    def needs_evaluation(self, last: int) -> bool:
        """Move on to the next evaluation that the caller must make; False: to `last` or the end."""
        self.call(self.driver, last)
        return bool(self.ints[INT.STATUS] == layout.NEEDS_EVALUATION)

    def _advance(self, last: int) -> None:
        ints = self.ints
        if self.watch is not None:
            self.watch.begin()
        while True:
            late = time.perf_counter() > self.deadline
            if late:
                if ints[INT.NFEV] > 0 and ints[INT.PENDING] == layout.TO_EVALUATE:
                    ints[INT.STATUS] = layout.NEEDS_EVALUATION
                    break
                # What is evaluated is looked at in any case: the run may have converged.
                last = min(last, ints.item(INT.ITERATION))
            if not self.needs_evaluation(last) or late:
                break
            if self.saver is not None and self.saver.due():
                self.save(layout.RUNNING)
            current = int(ints[INT.CURRENT])
            self.deliver(
                self.objective.evaluate(self.row(current), self.row(layout.N_POINTS + current))
            )
            if self.progress is not None:
                self._show()
        if ints[INT.STATUS] == layout.NEEDS_EVALUATION:
            ints[INT.STATUS] = Status.MAXTIME

    def save(self, status: int) -> None:
        """Write the checkpoint."""
        if self.saver is not None:
            self.saver.save(lambda: state_of(self, status))

    def _show(self) -> None:
        if self.progress is not None:
            ints, floats = self.ints, self.floats
            self.progress.show(
                ints.item(INT.NIT),
                fun=floats.item(FLOAT.FUN),
                grad_norm=floats.item(FLOAT.GRAD_NORM),
                learning_rate=floats.item(FLOAT.LEARNING_RATE),
                nfev=ints.item(INT.NFEV),
            )

    # -- reading the state ------------------------------------------------------------------------

    def iterate(self) -> np.ndarray:
        """A copy of the method's current iterate."""
        if self.plan.iterate_is_evaluated:
            return self.row(int(self.ints[INT.CURRENT])).copy()
        return self.row(layout.FIRST_SLOT + self.method.slots.index(self.method.iterate)).copy()

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
            grad_norm=self.grad_norm(x, g),
            learning_rate=float(self.floats[FLOAT.LEARNING_RATE]),
            time=time.perf_counter() - begin,
        )

    def grad_norm(self, x: np.ndarray, g: np.ndarray) -> float:
        """The norm of the convergence test at x, where f has the gradient g."""
        return self.grad_norm_within(self.terms, x, g)

    def grad_norm_within(self, terms: Terms | None, x: np.ndarray, g: np.ndarray) -> float:
        """The same with these bounds and this penalty."""
        if terms is None or not all_finite(g):
            return vector_norm(g, self.settings.norm)
        return vector_norm(terms.residual(x, g), self.settings.norm)

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

    def words(self, status: Status) -> str:
        """Why the run ended, and what to try."""
        if status == Status.NONFINITE and self.ints[INT.BEST] < 0:
            return NONFINITE_AT_X0
        if status == Status.CONVERGED and self.terms is not None and self.terms.fixes_all:
            return ALL_FIXED
        return message_of(status, self.settings.learning_rate == "auto")

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
        norm = functools.partial(self.grad_norm, x)
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

    def result(self, status: Status, begin: float, message: str = "") -> OptimizeResult:
        """The result if the run ends now."""
        ints, floats = self.ints.tolist(), self.floats
        converged = status == Status.CONVERGED
        if converged:
            row = ints[INT.RESULT]
        elif ints[INT.BEST] >= 0:
            row = ints[INT.BEST]
        else:
            row = ints[INT.CURRENT]
        f = floats.item(FLOAT.FUN_BEST if row == ints[INT.BEST] else FLOAT.FUN)
        known = ints[INT.BEST] >= 0 or ints[INT.PENDING] != layout.TO_EVALUATE
        seen = self._seen()
        if not converged and (seen < f or not (known or math.isnan(seen))):
            row, f, known = ints[INT.CURRENT], seen, False
        jac = self.row(layout.N_POINTS + row).copy()
        if not known:
            jac[:] = math.nan  # not evaluated, or not to the end
        if self.objective.binding is None or ints[INT.NFEV] == 0:
            # An exception or Ctrl-C in fun: that call counts, too.
            ints[INT.NFEV] = self.objective.calls_fun
            ints[INT.NJEV] = self.objective.calls_jac
        if self.watch is not None and self.watch.calls:
            ints[INT.NFEV] += self.watch.calls
            ints[INT.NJEV] += not math.isnan(self.watch.fun)
        x = self.row(row).copy()
        result = make_result(
            message=message or self.words(status),
            success=converged,
            status=int(status),
            fun=f,
            x=x,
            nit=ints[INT.NIT],
            jac=jac,
            nfev=ints[INT.NFEV],
            njev=ints[INT.NJEV],
            grad_norm=math.nan,
            learning_rate=floats.item(FLOAT.LEARNING_RATE),
            n_restarts=ints[INT.N_RESTARTS],
            line_search_failures=ints[INT.LINE_SEARCH_FAILURES],
            time=time.perf_counter() - begin,
            backend="python" if self.objective.binding is None else "numba",
        )
        try:
            self._measure(result, message)
        finally:
            self.objective.known(jac)
        return result

    def _measure(self, result: OptimizeResult, message: str) -> None:
        """Add what is computed from x and the gradient; `message`: the run was broken off."""
        x, jac, terms = result.x, result.jac, self.terms
        try:
            result["grad_norm"] = self.grad_norm(x, jac)
        except BaseException as error:  # of a proximal operator of the user's
            if not (message and isinstance(error, Exception)):
                attach(error, result)
                raise
        if terms is None:
            return
        if result.success and terms.inexact:
            result["grad_norm"] = self.floats.item(FLOAT.GRAD_NORM)  # what the test saw
        if terms.shown:
            result["support"] = np.flatnonzero(x)
            if self.settings.gap_tol > 0.0:
                f = result.fun
                result["gap"] = terms.gap(x.astype(np.float64), jac.astype(np.float64), f)
            if result.status == Status.PRECISION_LOSS and terms.inexact and not message:
                result["message"] += (
                    f" The proximal operator is inexact: lower `tol` of {terms.h!r}."
                )

    def history_of(self, result: OptimizeResult) -> dict[str, np.ndarray]:
        """The recorded rows, up to the last iteration."""
        # A row is recorded as its point is left; where the run ended at its last point, that row
        # is still to be written.
        table = np.concatenate([np.empty((0, 3)), *self.recorded])[: result.nit + 1]
        if len(table) <= result.nit:
            f = self.floats[FLOAT.FUN] if self.ints[INT.BEST] >= 0 else result.fun
            last = [[f, self.floats[FLOAT.GRAD_NORM], math.nan]]
            table = np.concatenate([table, last])
        return {
            "fun": table[:, 0].copy(),
            "grad_norm": table[:, 1].copy(),
            "learning_rate": table[:-1, 2].copy(),
        }
