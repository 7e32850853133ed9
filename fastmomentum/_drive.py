"""Runs a loop in chunks: signals, clock, callback and records come in between.

The loop keeps its whole state in arrays, so it can return after any iteration. Compiled chunks
last about 50 ms: Ctrl-C and the time limit are looked at between them, at no measurable cost.
"""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Callable
from ctypes import addressof, c_char
from typing import Any

import numpy as np

from ._checkpoint import Saver
from ._gradient_check import check_gradient
from ._kernels import layout
from ._kernels.drivers import driver, driver_address, metric_address, norm_address
from ._kernels.jit import jit_disabled
from ._kernels.layout import FLOAT, INT
from ._methods import METRICS, Method, Parameter
from ._objective import Objective
from ._progress import Progress
from ._result import OptimizeResult, Status, make_result
from ._resume import restore, state_of
from ._state import State
from ._status import NONFINITE_AT_X0, message_of, message_of_error
from ._terms import Terms
from ._validation.options import Settings
from ._validation.parameters import schedule_value, schedule_values
from ._vectors import all_finite, largest_magnitude
from .schedules import Schedule

CHUNK_SECONDS = 0.05
FIRST_CHUNK = 64
HISTORY_ROWS = 4096
# A schedule of the user's own is called once per iteration, in Python.
SCHEDULE_CHUNK = 4096
VECTOR_SCHEDULE_CHUNK = 65536
# Above the lowest value by this factor (of it, or of 1): the run is beyond return.
DIVERGED_FACTOR = 1e15

_NORMS = {math.inf: layout.NORM_INF, 1.0: layout.NORM_1, 2.0: layout.NORM_2}
_NORMS[-math.inf] = layout.NORM_MIN


def row_stride(n: int, dtype: np.dtype) -> int:
    """Elements from one row of the workspace to the next: each on a cache line of its own."""
    per_line = 64 // dtype.itemsize
    stride = -(-n // per_line) * per_line
    if stride * dtype.itemsize % 4096 == 0:
        stride += per_line  # rows a multiple of the page size apart evict each other
    return stride


def workspace(rows: int, stride: int, dtype: np.dtype) -> tuple[np.ndarray, int]:
    """Rows for vectors, and the address of the first; untouched rows cost no memory."""
    itemsize = dtype.itemsize
    per_line = 64 // itemsize
    # Zeros, for which the system gives memory no sooner: a state must hold nothing of others.
    flat: Any = np.zeros(rows * stride + per_line, dtype)
    address = addressof(c_char.from_buffer(flat))  # three times as fast as flat.ctypes
    first = -(address // itemsize) % per_line
    table = flat[first : first + rows * stride].reshape(rows, stride)
    return table, address + first * itemsize


class Plan:
    """What every run with these settings starts from; such runs only read it.

    Many small problems are often solved with the same settings, and copying an array is quicker
    than filling it number by number.
    """

    def __init__(self, settings: Settings, n: int, dtype: np.dtype, kind: str):
        method: Method = settings.method
        automatic = settings.learning_rate == "auto"
        self.iterate_is_evaluated = automatic or method.iterate == "x"
        if automatic:
            self.loop = f"{method.loop}_{'composite' if kind else 'auto'}"
            self.starts = {layout.DIRECTION: "zero"}
            self.scratch_row = layout.PAIRS + 2 * settings.memory + layout.METRIC_ROWS
        else:
            self.loop = f"{method.name}_proximal" if kind == "penalty" else method.name
            self.starts = {
                layout.FIRST_SLOT + i: method.slots_start[name]
                for i, name in enumerate(method.slots)
            }
            self.scratch_row = layout.FIRST_SLOT + len(self.starts)
        self.term_row = self.scratch_row
        if kind:
            self.scratch_row += layout.TERM_ROWS
        self.stride = row_stride(n, dtype)
        self.ints = np.zeros(len(layout.INTS), np.int64)
        own = settings.constants
        if not automatic:
            own = (*own, *method.carries.values())
        first_own = self.first_own = layout.OWN + 2 * settings.memory
        # With room for the values that a composite loop looks back at.
        room = max(len(own), layout.FIRST_LEVEL + layout.N_LEVELS)
        self.floats = np.zeros(max(layout.RHO + layout.LOOK_BACK, first_own + room))
        ints, floats = self.ints, self.floats
        ints[INT.STATUS] = layout.RUNNING
        ints[INT.PENDING] = layout.TO_EVALUATE
        ints[INT.BEST] = -1
        ints[INT.SIZE] = n
        ints[INT.STRIDE] = self.stride
        ints[INT.MAXFEV] = settings.maxfev
        ints[INT.PATIENCE] = settings.patience
        ints[INT.NORM] = _NORMS.get(settings.norm, layout.NORM_P)
        ints[INT.NORM_ADDRESS] = norm_address(int(ints[INT.NORM]), dtype)
        ints[INT.HISTORY] = 0 if settings.history else -1
        ints[INT.MEMORY] = settings.memory
        ints[INT.RECORDED] = -1
        floats[FLOAT.FUN] = floats[FLOAT.FUN_REAL] = math.nan
        floats[FLOAT.GRAD_NORM] = floats[FLOAT.NORM_REAL] = math.nan
        floats[FLOAT.LEARNING_RATE] = floats[FLOAT.NEXT_RATE] = math.nan
        floats[FLOAT.STALL_FUN] = floats[FLOAT.STALL_NORM] = math.inf
        floats[FLOAT.GTOL] = settings.gtol
        floats[FLOAT.FTOL] = settings.ftol
        floats[FLOAT.XTOL] = settings.xtol
        floats[FLOAT.GAP_TOL] = settings.gap_tol
        floats[FLOAT.NORM_ORDER] = settings.norm
        floats[FLOAT.EPSILON] = np.finfo(dtype).eps
        floats[FLOAT.DIVERGED_FACTOR] = DIVERGED_FACTOR
        if own:
            floats[first_own : first_own + len(own)] = own
        self.calls_operator = self.loop.endswith("_proximal") or self.loop in (
            "gd_composite",
            "nesterov_composite",
        )
        self.x_scale = settings.x_scale
        if automatic and method.loop == "momentum":
            self._metric(method, layout.PAIRS + 2 * settings.memory, dtype)
        self._schedules(settings, dtype)

    def _metric(self, method: Method, first: int, dtype: np.dtype) -> None:
        """The diagonal metric, whose rows begin at `first`."""
        ints = self.ints
        ints[INT.METRIC] = layout.METRIC_LEARNED
        if method.metric is not None:
            ints[INT.METRIC] = 1 + METRICS.index(method.metric)
            ints[INT.METRIC_ADDRESS] = metric_address(dtype)
        ints[INT.JUDGED] = -1
        ints[INT.NEXT_CANDIDATE] = 2
        self.starts |= {first + layout.SUM_ROW: "zero", first + layout.SUM_ROW + 1: "zero"}
        if self.x_scale is not None:
            ints[INT.METRIC_START] = ints[INT.METRIC_IN_USE] = first + layout.START_ROW

    def _schedules(self, settings: Settings, dtype: np.dtype) -> None:
        values = {"learning_rate": settings.learning_rate, "momentum": settings.momentum}
        parameters = {p.name: p for p in settings.method.parameters}
        self.scheduled: dict[str, tuple[Parameter, Callable]] = {}
        self.numbers: dict[str, np.ndarray] = {}
        self.longest_chunk = HISTORY_ROWS if settings.history else 2**40
        for name, value in values.items():
            if callable(value):
                self.scheduled[name] = (parameters[name], value)
                vector = isinstance(value, Schedule)
                longest = VECTOR_SCHEDULE_CHUNK if vector else SCHEDULE_CHUNK
                self.longest_chunk = min(self.longest_chunk, longest)
                self.numbers[name] = np.zeros(1, dtype)
            else:
                self.numbers[name] = np.array([0.0 if value == "auto" else value], dtype)
        self.ints[INT.RATE_STRIDE] = "learning_rate" in self.scheduled
        self.ints[INT.MOMENTUM_STRIDE] = "momentum" in self.scheduled


# A plan must not refer to its settings, which it would keep alive.
_plans: weakref.WeakKeyDictionary[Settings, dict[str, Plan]] = weakref.WeakKeyDictionary()


def plan_of(settings: Settings, x0: np.ndarray, kind: str) -> Plan:
    """The plan of these settings, which were checked for an x0 of this length and dtype.

    `kind` is "bounds" or "penalty" where there are some.
    """
    plans = _plans.get(settings)
    if plans is None:
        plans = _plans[settings] = {}
    plan = plans.get(kind)
    if plan is None:
        plan = plans[kind] = Plan(settings, x0.size, x0.dtype, kind)
    return plan


# Where none is recorded; loops do not write to it then.
_NO_HISTORY = np.empty((1, 3))


class Run:
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
        self.rows, self.address = workspace(plan.scratch_row + 4, plan.stride, x0.dtype)
        self.rows[0, :n] = x0
        for i, start in plan.starts.items():
            self.rows[i, :n] = x0 if start == "x0" else 0.0
        self.ints = plan.ints.copy()
        if plan.x_scale is not None:
            self.rows[self.ints[INT.METRIC_START], :n] = plan.x_scale * plan.x_scale
        self.ints[INT.COST_FUN] = objective.cost_fun
        self.ints[INT.COST_JAC] = objective.cost_jac
        self.floats = plan.floats.copy()
        if isinstance(objective.jac, str):
            self._fill_bounds()
        if terms is not None:
            terms.fill(self.rows, self.ints, plan.term_row)
            # x0 is within the bounds, though maybe only of those rounded to its precision.
            self.floats[FLOAT.PENALTY] = 0.0 if terms.only_bounds else terms.h.value(x0)
            if plan.calls_operator:
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
        self._drivers()

    def row(self, i: int) -> np.ndarray:
        """Vector `i` of the workspace."""
        return self.rows[i, : self.n]

    def _fill_bounds(self) -> None:
        """The points of differences keep to the bounds, which stand behind the scratch rows."""
        n, first = self.n, self.plan.scratch_row
        scratch = self.rows[first : first + 4].reshape(-1)
        lower, upper = self.objective.bounds
        scratch[2 * n : 3 * n] = lower
        scratch[3 * n : 4 * n] = upper

    # -- schedules --------------------------------------------------------------------------------

    def _fill_schedules(self, last: int) -> int:
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

    def _drivers(self) -> None:
        binding = self.objective.binding
        name = self.plan.loop
        self.context: tuple = ()
        self.workspace: Any = self.address
        if binding is None:
            self.driver = driver(name, self.dtype)
            if jit_disabled():
                self.workspace = self.rows
                # Plain Python then: it must be as silent as machine code about inf - inf.
                self.driver = np.errstate(all="ignore")(self.driver)
            return
        self.driver = driver_address(name, self.dtype, binding.signature)
        args = self.objective.args if binding.c_data is None else binding.c_data
        scratch = self.address + self.plan.scratch_row * self.rows.strides[0]
        self.context = (binding.fun, binding.jac, args, scratch, self.objective.step)

    def _call(self, driver: Any, last: int) -> None:
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
        if binding is None:
            driver(0, 0, *state)
        else:
            binding.entry(driver, *self.context, *state)

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
                self.floats[FLOAT.FUN] = self.objective.value(self.row(0))
            self.row(layout.N_POINTS)[:] = math.nan
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
            last = self._fill_schedules(last)
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
        self._call(self.driver, last)
        return bool(self.ints[INT.STATUS] == layout.NEEDS_EVALUATION)

    def _advance(self, last: int) -> None:
        ints = self.ints
        while self.needs_evaluation(last):
            if self.saver is not None and self.saver.due():
                self.save(layout.RUNNING)
            current = int(ints[INT.CURRENT])
            self.deliver(
                self.objective.evaluate(self.row(current), self.row(layout.N_POINTS + current))
            )
            if self.progress is not None:
                self._show()
            if time.perf_counter() > self.deadline:
                self._call(self.driver, min(last, int(ints[INT.ITERATION])))
                if ints[INT.STATUS] < 0:
                    ints[INT.STATUS] = Status.MAXTIME
                return

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

    def norm_of(self, g: np.ndarray) -> float:
        """The norm of the gradient test."""
        order = self.settings.norm
        if order == math.inf:
            return largest_magnitude(g)
        g = g.astype(np.float64)
        with np.errstate(all="ignore"):
            plain = float(np.linalg.norm(g, order))
            # High powers of small numbers are zero, of large ones infinite.
            if math.isnan(plain) or 0.0 < plain < math.inf:
                return plain
            largest = largest_magnitude(g)
            if largest == 0.0 or not math.isfinite(largest):
                return largest
            return largest * float(np.linalg.norm(g / largest, order))

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
            jac=g.copy(),
            nit=int(ints[INT.NIT]),
            nfev=int(ints[INT.NFEV]),
            njev=int(ints[INT.NJEV]),
            grad_norm=self.grad_norm(x, g),
            learning_rate=float(self.floats[FLOAT.LEARNING_RATE]),
            time=time.perf_counter() - begin,
        )

    def grad_norm(self, x: np.ndarray, g: np.ndarray) -> float:
        """The norm of the convergence test at x, where f has the gradient g."""
        if self.terms is None or not all_finite(g):
            return self.norm_of(g)
        return self.norm_of(self.terms.residual(x, g))

    def _evaluate_extra(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """fun and gradient at a point that is not the loop's; uses a row that is free."""
        taken = (int(self.ints[INT.CURRENT]), int(self.ints[INT.BEST]))
        free = next(i for i in range(layout.N_POINTS) if i not in taken)
        point, gradient = self.row(free), self.row(layout.N_POINTS + free)
        point[:] = x
        if self.objective.binding is None:
            value = self.objective.evaluate(point, gradient)
            self.ints[INT.NFEV] = self.objective.calls_fun
            self.ints[INT.NJEV] = self.objective.calls_jac
        else:
            self._call(self.objective.binding.evaluate_row, free)
            value = float(self.floats[FLOAT.FUN_EXTRA])
            self.ints[INT.NFEV] += self.objective.cost_fun
            self.ints[INT.NJEV] += self.objective.cost_jac
        return value, gradient

    def words(self, status: Status) -> str:
        """Why the run ended, and what to try."""
        if status == Status.NONFINITE and self.ints[INT.BEST] < 0:
            return NONFINITE_AT_X0
        return message_of(status, self.settings.learning_rate == "auto")

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
        jac = self.row(layout.N_POINTS + row).copy()
        if ints[INT.BEST] < 0 and ints[INT.PENDING] == layout.TO_EVALUATE:
            jac[:] = math.nan  # not evaluated
        if self.objective.binding is None or ints[INT.NFEV] == 0:
            # An exception or Ctrl-C in fun: that call counts, too.
            ints[INT.NFEV] = self.objective.calls_fun
            ints[INT.NJEV] = self.objective.calls_jac
        x = self.row(row).copy()
        try:
            grad_norm = self.grad_norm(x, jac)
            if converged and self.terms is not None and self.terms.inexact:
                grad_norm = floats.item(FLOAT.GRAD_NORM)  # what the test saw
        except Exception:
            if not message:
                raise
            grad_norm = math.nan  # a proximal operator of the user's is what failed
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
            grad_norm=grad_norm,
            learning_rate=floats.item(FLOAT.LEARNING_RATE),
            n_restarts=ints[INT.N_RESTARTS],
            line_search_failures=ints[INT.LINE_SEARCH_FAILURES],
            time=time.perf_counter() - begin,
            backend="python" if self.objective.binding is None else "numba",
        )
        if self.terms is not None and self.terms.shown:
            result["support"] = np.flatnonzero(x)
            if self.settings.gap_tol > 0.0:
                result["gap"] = self.terms.gap(x.astype(np.float64), jac.astype(np.float64), f)
            if status == Status.PRECISION_LOSS and self.terms.inexact and not message:
                result["message"] += (
                    f" The proximal operator is inexact: lower `tol` of {self.terms.h!r}."
                )
        return result

    def history_of(self, result: OptimizeResult) -> dict[str, np.ndarray]:
        """The recorded rows, up to the last iteration."""
        # A row is recorded as its point is left; where the run ended at its last point, that row
        # is still to be written.
        table = np.concatenate([np.empty((0, 3)), *self.recorded])[: result.nit + 1]
        if len(table) <= result.nit:
            last = [[self.floats[FLOAT.FUN], self.floats[FLOAT.GRAD_NORM], math.nan]]
            table = np.concatenate([table, last])
        return {
            "fun": table[:, 0].copy(),
            "grad_norm": table[:, 1].copy(),
            "learning_rate": table[:-1, 2].copy(),
        }


def drive(
    run: Run,
    settings: Settings,
    callback: Callable | None,
    takes_result: bool,
    begin: float,
    state: State | None = None,
) -> OptimizeResult:
    """Run to the end, from `state` on; every way out gives the best point found."""
    if state is not None:
        restore(run, state)
    vectors = [run.iterate()] if settings.return_all else None
    run.deadline = begin + settings.maxtime
    if settings.progress:
        run.progress = Progress(
            settings.method.name, begin, settings.maxiter, "iteration", settings.maxtime
        )
    if takes_result and not run.plan.iterate_is_evaluated:
        run.ints[INT.RESERVE] = run.objective.cost_fun
    status: Status = Status.INTERRUPTED
    message = ""
    try:
        started = run.ints[INT.NFEV] > 0 or run.start()
        run.objective.warn_of_fallback()
        if state is not None and state.ended_under(settings):
            status = Status(state.status)
        elif started:
            status = _loop(run, settings, callback, takes_result, vectors, begin)
        else:
            status = Status.MAXFEV
    except KeyboardInterrupt as error:
        if settings.on_interrupt == "raise":
            attach(error, _finish(run, status, begin, message, vectors))
            raise
    except BaseException as error:
        message = message_of_error(error)
        attach(error, _finish(run, status, begin, message, vectors))
        raise
    return _finish(run, status, begin, message, vectors)


def _finish(
    run: Run, status: Status, begin: float, message: str, vectors: list | None
) -> OptimizeResult:
    if run.progress is not None:
        run.progress.close()
    result = run.result(status, begin, message)
    if not result.success or run.settings.keep_state:
        result["state"] = state_of(run, status)
    run.save(status)
    if vectors is not None:
        result["allvecs"] = vectors
    if run.settings.history:
        result["history"] = run.history_of(result)
    return result


def attach(
    error: BaseException,
    result: OptimizeResult | None = None,
    found: str = "the best point found",
    row: int | None = None,
) -> None:
    """The result, and of a batch the problem that failed, go with the exception as attributes."""
    try:
        if row is not None:
            error.row = row  # type: ignore[attr-defined]
        if result is None:
            return
        error.result = result  # type: ignore[attr-defined]
    except AttributeError:  # a class with __slots__
        return
    note = f"fastmomentum: {found} is in the attribute `result` of this exception."
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)


def _first_chunk(run: Run) -> int:
    seconds = 2.0 * run.objective.seconds  # an iteration may take two; 0: not known
    return max(1, min(FIRST_CHUNK, int(CHUNK_SECONDS / seconds))) if seconds > 0.0 else 1


def _loop(
    run: Run,
    settings: Settings,
    callback: Callable | None,
    takes_result: bool,
    vectors: list | None,
    begin: float,
) -> Status:
    ints = run.ints
    compiled = run.objective.binding is not None
    each = callback is not None or vectors is not None
    chunk = 1 if each else _first_chunk(run) if compiled else 2**40
    seen = ints.item(INT.NIT)
    while True:
        before = ints.item(INT.ITERATION)
        last = min(settings.maxiter, before + min(chunk, run.plan.longest_chunk))
        started = time.perf_counter()
        status = run.advance(last)
        now = time.perf_counter()
        if each and int(ints[INT.NIT]) > seen and status != Status.NONFINITE:
            seen = int(ints[INT.NIT])
            x = run.iterate()
            if vectors is not None:
                vectors.append(x.copy())
            if callback is not None:
                try:
                    if takes_result:
                        callback(intermediate_result=run.intermediate(x, begin))
                    else:
                        callback(x)
                except StopIteration:
                    return Status.CALLBACK
        if status != layout.RUNNING:
            return Status(status)
        if ints.item(INT.ITERATION) >= settings.maxiter:
            return Status.MAXITER
        if now > run.deadline:
            return Status.MAXTIME
        if run.saver is not None and run.saver.due():
            run.save(layout.RUNNING)
        if compiled and not each:
            steps = max(1, ints.item(INT.ITERATION) - before)
            budget = min(CHUNK_SECONDS, run.deadline - now)
            rate = steps / max(now - started, 1e-9)
            chunk = max(1, min(8 * chunk, int(budget * rate)))
