"""The problems of a batch, and how they are handed to threads."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import math
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ._batch_loop import Loop
from ._batch_report import POLL_SECONDS, Report
from ._batch_state import BLOCK, BatchState, digest, limits_of
from ._checkpoint import Saver
from ._fingerprint import fingerprint
from ._gradient_check import OPTION, check_gradient
from ._kernels import layout
from ._minimize import minimize
from ._objective import Objective
from ._pinned import Pinned
from ._result import (
    OptimizeResult,
    Status,
    add_note,
    attach,
    attach_made,
    is_empty,
    make_result,
)
from ._resume import same_value
from ._state import rules_of
from ._status import message_of_error, message_of_many, without_state
from ._terms import Terms, make_terms
from ._validation.arguments import check_terms
from ._validation.batches import batched_hint
from ._validation.options import Settings
from ._validation.values import MUST_TAKE
from ._warnings import each_once, warn
from ._watch import OutOfTime

FOUND = "what was found so far"
SKIPPED, NOT_RUN, LATER = -1, layout.NOT_RUN, -3


def _bounds_within(
    per_row: tuple[np.ndarray, np.ndarray], penalty: Any, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    """The bounds of each problem and those of the penalty together, as the loops take them."""
    from .penalties._separable import inward

    lower, upper = per_row
    if penalty is not None:
        _, _, low, high = penalty.separable_data(lower.shape[1])
        lower, upper = np.maximum(lower, low), np.minimum(upper, high)
        empty = lower > upper
        if empty.any():
            i, j = (int(k[0]) for k in np.nonzero(empty))
            raise ValueError(
                f"bounds and penalty leave no value for x[{j}] of problem {i}: "
                f"({lower[i, j]}, {upper[i, j]})."
            )
    if dtype != np.float64:
        with np.errstate(over="ignore"):
            lower, upper = inward(lower, upper, dtype)
    return np.ascontiguousarray(lower, dtype), np.ascontiguousarray(upper, dtype)


@dataclasses.dataclass
class Batch(Pinned):
    """The problems, and what is found."""

    fun: Any
    jac: Any
    args: tuple
    which: tuple[bool, ...]
    starts: np.ndarray
    settings: Settings
    mask: np.ndarray | None
    begin: float

    def __post_init__(self) -> None:
        self._make_room()
        self.status[:] = NOT_RUN
        self.before = 0  # how many are done without the loops
        if self.mask is not None:
            self.status[self.mask] = SKIPPED
            self.before = int(self.mask.sum())
        self.shared: tuple[np.ndarray, np.ndarray] | None = None
        self.per_row: tuple[np.ndarray, np.ndarray] | None = None
        self.penalty: Any = None
        self.loops: list[Loop] = []
        self.to_compare = self.settings.check_jac
        self.lock = threading.Lock()
        self.stop = np.zeros(1, np.int64)
        self.reason = Status.INTERRUPTED
        self.why = ""  # of an interruption that is not the user's
        self.taken = 0
        self.used = 1
        self.evaluated = False  # fun, without an exception
        self.doubt = ""  # whether the arguments are meant as they are
        self.backend = "python"
        self.saver: Saver | None = None
        # Rows that no thread writes to any more.
        self.settled = self.status != NOT_RUN

    def _make_room(self) -> None:
        """Room for what is found."""
        self.count, self.n = self.starts.shape
        self.dtype = self.starts.dtype
        # Where the problems start, and then what was found.
        self.x = np.array(self.starts, order="C")
        self.gradients = np.full_like(self.x, math.nan)
        self.numbers = np.full((self.count, layout.N_NUMBERS), math.nan)
        self.counts = np.zeros((self.count, layout.N_COUNTS), np.int64)
        self.status = self.counts[:, 0]

    def limit(self, shared: Any, per_row: Any, penalty: Any) -> None:
        """Set bounds and penalty."""
        self.shared, self.per_row, self.penalty = shared, per_row, penalty
        self.bounds = shared if per_row is None else per_row
        check_terms(self.settings.method, self.settings, self.terms(0))
        if per_row is not None:
            self._tighten()

    def _tighten(self) -> None:
        """Bring the bounds of each problem together with those of the penalty."""
        assert self.per_row is not None
        self.tight = _bounds_within(self.per_row, self.penalty, self.dtype)

    def restore(self, state: BatchState) -> None:
        """Take over what is solved, once fun at one of the solutions has shown that it is."""
        state.check(self.settings, self.starts, self.given)
        left = state.to_do(self.settings)
        if self.mask is not None:
            left |= self.mask
        kept = ~left[state.rows]
        known = kept & np.isfinite(state.numbers[:, 0])
        if known.any():
            place = int(known.argmax())
            row = int(state.rows[place])
            x, terms = state.x[place].copy(), self.terms(row)
            objective = self.objective(row, x, terms)
            if objective.can_be_checked:
                f = objective.first_value(x)
                same_value(state.source, f, float(state.numbers[place, 0]), terms, x)
        done = state.rows[kept]
        self.x[done], self.gradients[done] = state.x[kept], state.gradients[kept]
        self.numbers[done], self.counts[done] = state.numbers[kept], state.counts[kept]
        self.settled[done] = True
        self.before = int(self.settled.sum())

    def state(self) -> BatchState:
        """What is solved; threads may be solving others meanwhile."""
        status = np.where(self.settled, self.status, NOT_RUN)
        rows = np.flatnonzero(status >= 0)
        return BatchState(
            method=self.settings.method.name,
            rules=rules_of(self.settings),
            limits=limits_of(self.settings),
            starts=self.digest,
            x=self.x[rows],
            gradients=self.gradients[rows],
            numbers=self.numbers[rows],
            counts=self.counts[rows],
            status=status.astype(np.int8),
            rows=rows,
            given=self.given,
        )

    @functools.cached_property
    def digest(self) -> str:
        """A hash of where the problems start."""
        return digest(self.starts)

    @functools.cached_property
    def given(self) -> dict[str, str]:
        """Fingerprints of what the user gave."""
        given = {"args": (self.args, self.which), "bounds": self.bounds, "penalty": self.penalty}
        return {name: fingerprint(value) for name, value in given.items()}

    def _save_if_due(self) -> None:
        if self.saver is not None and self.saver.due():
            self.saver.save(self.state)

    def objective(self, row: int, x0: np.ndarray, terms: Terms | None) -> Objective:
        """The objective of one problem."""
        made = Objective(self.fun, self.jac, self.args_of(row), x0, self.settings.backend)
        made.steps = self.settings.steps
        if terms is not None:
            made.bounds = terms.bounds()
        return made

    def terms(self, row: int) -> Terms | None:
        """Bounds and penalty of one problem."""
        return make_terms(self._bounds_of(row), self.penalty, self.n, self.dtype)

    def _bounds_of(self, row: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Bounds of one problem."""
        if self.per_row is None:
            return self.shared
        return self.per_row[0][row], self.per_row[1][row]

    def args_of(self, row: int) -> tuple:
        """The arguments of one problem."""
        return tuple(
            a[row] if batched else a for a, batched in zip(self.args, self.which, strict=True)
        )

    def done(self) -> int:
        """How many problems are solved."""
        return self.before + sum(loop.done for loop in self.loops)

    def run(self, workers: Any, callback: Callable | None) -> OptimizeResult:
        """Solve them; every way out gives what was found."""
        report = Report(self, callback)
        try:
            if isinstance(workers, int):
                self._run_groups(workers, report)
            else:
                from .distributed.batch import run_chunks

                run_chunks(self, workers, report)
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

    def _unbounded(self) -> np.ndarray:
        """Which problems have no bounds of their own."""
        assert self.per_row is not None
        lower, upper = self.per_row
        return np.isinf(lower).all(axis=1) & np.isinf(upper).all(axis=1)

    def _first(self) -> int:
        """The first problem that can be started, -1 if there is none."""
        for begin in range(0, self.count, BLOCK):
            block = slice(begin, begin + BLOCK)
            usable = np.isfinite(self.x[block]).all(axis=1) & (self.status[block] == NOT_RUN)
            if usable.any():
                return begin + int(usable.argmax())
        return -1

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
        objective.deadline = self.begin + self.settings.maxtime
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

    def keep(self, row: int, found: OptimizeResult) -> None:
        """What a run found that did not end: the problem counts as not solved."""
        status = self.status[row]
        self._store(row, found)
        self.status[row] = status

    def _store(self, row: int, found: OptimizeResult) -> None:
        self.x[row], self.gradients[row] = found.x, found.jac
        self.numbers[row] = [found[name] for name in layout.NUMBERS]
        self.counts[row] = [found[name] for name in layout.COUNTS]

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

    def _penalties(self, terms: Terms | None) -> np.ndarray | None:
        """The penalty where each problem starts, in a single run's arithmetic; None: it is 0."""
        if terms is None or terms.only_bounds:
            return None
        lower, upper = terms.bounds() if self.per_row is None else self.tight
        l1, l2, _, _ = terms.h.separable_data(self.n)
        made = np.empty(self.count)
        with np.errstate(all="ignore"):
            for begin in range(0, self.count, BLOCK):
                rows = slice(begin, begin + BLOCK)
                bounds = (lower, upper) if self.per_row is None else (lower[rows], upper[rows])
                size = np.abs(np.clip(self.x[rows], *bounds).astype(np.float64))
                made[rows] = np.where(l1 > 0.0, l1 * size, 0.0).sum(axis=1)
                made[rows] += 0.5 * np.where(l2 > 0.0, (l2 * size) * size, 0.0).sum(axis=1)
        return made

    def _patience(self) -> float:
        """Seconds to the next look at the clock."""
        left = self.begin + self.settings.maxtime - time.perf_counter()
        return POLL_SECONDS if self.stop[0] else min(POLL_SECONDS, max(left, 0.0))

    def _check_clock(self) -> None:
        if time.perf_counter() > self.begin + self.settings.maxtime and not self.stop[0]:
            self.reason = Status.MAXTIME
            self.stop[0] = 1

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

    def result(self) -> OptimizeResult:
        """What was found so far."""
        counts = self.counts.copy()
        counts[counts[:, 0] < SKIPPED, 0] = self.reason
        status = counts[:, 0]
        numbers = zip(layout.NUMBERS, self.numbers.T, strict=True)
        columns = *numbers, *zip(layout.COUNTS, counts.T, strict=True)
        return make_result(
            message=message_of_many(status, self.settings.learning_rate == "auto", self.why),
            success=status == Status.CONVERGED,
            x=self.x,
            jac=self.gradients,
            **{name: column.copy() for name, column in columns},
            time=time.perf_counter() - self.begin,
            backend=self.backend,
            workers=self.used,
        )
