"""One run whose values are told: the state of its loop, and the ways to read it."""

from __future__ import annotations

import copy
import dataclasses
import functools
import math
import time
from typing import Any, NamedTuple

import numpy as np

from .._arrays import all_finite, vector_norm
from .._check.options import Settings
from .._check.parameters import schedule_value, schedule_values
from .._keep.state import ENDED, State, rules_of
from .._language import layout
from .._language.layout import FLOAT, INT
from .._loops.drivers import driver
from .._methods import Method
from .._numba.interrupts import interrupts_kept
from .._numba.jit import jit_disabled
from .._problem.terms import Terms
from .._report.pinned import Pinned
from .._report.result import OptimizeResult, Status, attach, make_result
from .._report.status import ALL_FIXED, NONFINITE_AT_X0, message_of
from ..penalties import Penalty
from .plan import HISTORY_ROWS, plan_of, workspace

# Where none is recorded; loops do not write to it then.
_NO_HISTORY = np.empty((1, 3))


@dataclasses.dataclass(frozen=True)
class Moment:
    """A run at some moment, as it can be copied and pickled."""

    settings: Settings
    terms: tuple[Penalty, bool, np.ndarray] | None
    state: State
    numbers: dict[str, np.ndarray]  # of the schedules

    def run(self) -> ToldRun:
        """A run of its own that is there."""
        state, terms = self.state, None
        if self.terms is not None:
            h, shown, work = self.terms
            terms = Terms(h, state.rows.shape[1], state.rows.dtype, shown)
        run = ToldRun(self.settings, state.x, terms)
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
        return run


class Point(NamedTuple):
    """A point of a run that ends, by its row."""

    row: int
    fun: float
    known: bool  # is its gradient?


class ToldRun(Pinned):
    """One run: the state of its loop, whose caller evaluates the points that it asks for.

    Parameters
    ----------
    settings, x0, terms
        What is run, from where, and bounds and penalty.
    given : dict
        Fingerprints of what the user gave, for a checkpoint.
    scratch_rows : int
        Rows behind those of the loop.
    """

    def __init__(
        self,
        settings: Settings,
        x0: np.ndarray,
        terms: Terms | None = None,
        given: dict[str, str] | None = None,
        scratch_rows: int = layout.SCRATCH_ROWS,
    ):
        self.settings = settings
        self.method: Method = settings.method
        self.terms = terms
        self.given = given or {}
        self.plan = plan = plan_of(settings, x0, terms.kind if terms else "")
        self.n = n = x0.size
        self.dtype = x0.dtype
        self.rows, self.address = workspace(plan.scratch_row + scratch_rows, plan.stride, x0.dtype)
        self.rows[0, :n] = x0
        for i, start in plan.starts.items():
            self.rows[i, :n] = x0 if start == "x0" else 0.0
        self.ints = plan.ints.copy()
        if plan.x_scale is not None:
            self.rows[self.ints[INT.METRIC_START], :n] = plan.x_scale * plan.x_scale
        self.ints[INT.COST_FUN] = self.ints[INT.COST_JAC] = 1
        self.floats = plan.floats.copy()
        if terms is not None:
            fills = self.rows, self.ints, plan.term_row, plan.loop.calls_operator
            self.operator = terms.fill(*fills)  # lives as long as the run
            # x0 is within the bounds, though maybe only of those rounded to its precision.
            self.floats[FLOAT.PENALTY] = 0.0 if terms.only_bounds else terms.h.value(x0)
        self.numbers = plan.numbers.copy()
        # One more than a chunk has iterations: a state may be in the middle of one.
        self.history = np.empty((HISTORY_ROWS + 1, 3)) if settings.history else _NO_HISTORY
        self.recorded: list[np.ndarray] = []
        self.called = False
        self.workspace: Any = self.rows if jit_disabled() else self.address

    def row(self, i: int) -> np.ndarray:
        """Vector `i` of the workspace."""
        return self.rows[i, : self.n]

    def moment(self) -> Moment:
        """What another run needs to be where this one is."""
        terms = self.terms
        return Moment(
            self.settings,
            None if terms is None else (terms.h, terms.shown, terms.work.copy()),
            copy.deepcopy(self.state(layout.RUNNING)),
            {name: values.copy() for name, values in self.numbers.items()},
        )

    def state(self, status: int) -> State:
        """All that the run knows; the vectors are the run's own, not copies."""
        ints, terms = self.ints, self.terms
        if ints[INT.STATUS] in ENDED:  # also where a callback stopped it in its last iteration
            status = ints[INT.STATUS]
        recorded = [np.empty((0, 3)), *self.recorded]
        if ints[INT.HISTORY] > 0:  # in the middle of a stretch
            recorded.append(self.history[: ints[INT.HISTORY]])
        return State(
            method=self.method.name,
            loop=self.plan.loop.name,
            status=int(status),
            rules=rules_of(self.settings),
            rows=self.rows[: self.plan.scratch_row, : self.n],
            ints=ints.copy(),
            floats=self.floats.copy(),
            history=np.concatenate(recorded),
            work=terms.work if terms and terms.keeps_work else np.empty(0, self.dtype),
            given=self.given,
        )

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

    def refuse_schedules(self, last: int) -> None:
        """Raise the error of a schedule that has no good value for the iterations from `last`."""
        for name, (parameter, schedule) in self.plan.scheduled.items():
            ahead = int(name == "momentum" and self.method.looks_ahead)
            schedule_value(parameter, schedule, last + ahead, self.dtype)
            schedule_value(parameter, schedule, last, self.dtype)
        raise ValueError(f"a schedule has no value for iteration {last}.")

    # -- the loop ---------------------------------------------------------------------------------

    @functools.cached_property
    def driver(self) -> Any:
        """The loop."""
        loop = driver(self.plan.loop, self.dtype)
        # As plain Python it must be as silent as machine code about inf - inf.
        return np.errstate(all="ignore")(loop) if jit_disabled() else loop

    def call(self, driver: Any, last: int) -> None:
        """One stretch of the loop."""
        if self.called:
            driver(0, 0, *self.arguments(last))
        else:
            with interrupts_kept():  # it may compile
                driver(0, 0, *self.arguments(last))
            self.called = True

    def arguments(self, last: int) -> tuple:
        """What a loop is called with, after the evaluation and its context."""
        return (
            self.workspace,
            self.ints,
            self.floats,
            self.numbers["learning_rate"],
            self.numbers["momentum"],
            self.history,
            last,
        )

    def deliver(self, f: float) -> None:
        """Tell the loop the value of its current point, whose gradient is in its row."""
        self.floats[FLOAT.FUN] = f
        self.ints[INT.PENDING] = layout.DELIVERED

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

    # -- reading the state ------------------------------------------------------------------------

    def iterate(self) -> np.ndarray:
        """A copy of the method's current iterate."""
        if self.plan.iterate_is_evaluated:
            return self.row(int(self.ints[INT.CURRENT])).copy()
        return self.row(layout.FIRST_SLOT + self.method.slots.index(self.method.iterate)).copy()

    def grad_norm(self, terms: Terms | None, x: np.ndarray, g: np.ndarray) -> float:
        """The norm of the convergence test at x, where f has the gradient g, with these terms."""
        if terms is None or not all_finite(g):
            return vector_norm(g, self.settings.norm)
        return vector_norm(terms.residual(x, g), self.settings.norm)

    def words(self, status: Status) -> str:
        """Why the run ended, and what to try."""
        if status == Status.NONFINITE and self.ints[INT.BEST] < 0:
            return NONFINITE_AT_X0
        if status == Status.CONVERGED and self.terms is not None and self.terms.fixes_all:
            return ALL_FIXED
        return message_of(status, self.settings.learning_rate == "auto")

    def ending(self, status: Status) -> Point:
        """The point to return if the run ends now."""
        ints, floats = self.ints, self.floats
        best = ints.item(INT.BEST)
        if status == Status.CONVERGED:
            row = ints.item(INT.RESULT)
        elif best >= 0:
            row = best
        else:
            row = ints.item(INT.CURRENT)
        f = floats.item(FLOAT.FUN_BEST if row == best else FLOAT.FUN)
        return Point(row, f, best >= 0 or ints.item(INT.PENDING) != layout.TO_EVALUATE)

    def result(self, status: Status, begin: float, message: str = "") -> OptimizeResult:
        """The result if the run ends now."""
        result = self.result_at(self.ending(status), status, begin, message)
        self.measure(result, self.terms, message)
        return result

    def result_at(self, point: Point, status: Status, begin: float, message: str) -> OptimizeResult:
        """The result with this point, but for what is computed from its gradient."""
        ints = self.ints.tolist()
        jac = self.row(layout.N_POINTS + point.row).copy()
        if not point.known:
            jac[:] = math.nan  # not evaluated, or not to the end
        return make_result(
            message=message or self.words(status),
            success=status == Status.CONVERGED,
            status=int(status),
            fun=point.fun,
            x=self.row(point.row).copy(),
            nit=ints[INT.NIT],
            jac=jac,
            nfev=ints[INT.NFEV],
            njev=ints[INT.NJEV],
            grad_norm=math.nan,
            learning_rate=self.floats.item(FLOAT.LEARNING_RATE),
            n_restarts=ints[INT.N_RESTARTS],
            line_search_failures=ints[INT.LINE_SEARCH_FAILURES],
            time=time.perf_counter() - begin,
            backend="python",
        )

    def measure(self, result: OptimizeResult, terms: Terms | None, message: str) -> None:
        """Add what is computed from x and the gradient; `message`: the run was broken off."""
        x, jac = result["x"], result["jac"]  # attributes take longer
        try:
            result["grad_norm"] = self.grad_norm(terms, x, jac)
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
