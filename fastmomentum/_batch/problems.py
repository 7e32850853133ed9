"""The table of a batch: its problems, and what is found."""

from __future__ import annotations

import dataclasses
import functools
import math
import threading
import time
from typing import Any

import numpy as np

from .._check.arguments import check_terms
from .._check.options import Settings
from .._keep.checkpoint import Saver
from .._keep.fingerprint import fingerprint
from .._keep.state import rules_of
from .._language import layout
from .._minimize.resume import same_value
from .._problem.objective import NO_BOUNDS, Limits, Objective
from .._problem.terms import Terms, make_terms
from .._report.pinned import Pinned
from .._report.result import OptimizeResult, Status, make_result
from .._report.status import message_of_many
from .state import BLOCK, BatchState, digest, limits_of

SKIPPED, NOT_RUN, LATER = -1, layout.NOT_RUN, -3


def _bounds_within(
    per_row: tuple[np.ndarray, np.ndarray], penalty: Any, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    """The bounds of each problem and those of the penalty together, as the loops take them."""
    from ..penalties._separable import inward

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
class Problems(Pinned):
    """The problems of a batch, and what is found."""

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
        self.loops: list[Any] = []  # each knows how many it has done
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

    def objective(self, row: int, x0: np.ndarray, terms: Terms | None) -> Objective:
        """The objective of one problem."""
        bounds = NO_BOUNDS if terms is None else terms.bounds()
        limits = Limits(bounds, self.settings.steps, self.begin + self.settings.maxtime)
        return Objective(self.fun, self.jac, self.args_of(row), x0, self.settings.backend, limits)

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

    def keep(self, row: int, found: OptimizeResult) -> None:
        """What a run found that did not end: the problem counts as not solved."""
        status = self.status[row]
        self._store(row, found)
        self.status[row] = status

    def _store(self, row: int, found: OptimizeResult) -> None:
        self.x[row], self.gradients[row] = found.x, found.jac
        self.numbers[row] = [found[name] for name in layout.NUMBERS]
        self.counts[row] = [found[name] for name in layout.COUNTS]

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

    def _check_clock(self) -> None:
        if time.perf_counter() > self.begin + self.settings.maxtime and not self.stop[0]:
            self.reason = Status.MAXTIME
            self.stop[0] = 1

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
