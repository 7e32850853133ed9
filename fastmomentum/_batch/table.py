"""The table of a batch: what is found, a row for each problem."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .._keep.state import rules_of
from .._language import layout
from .._minimize.resume import same_value
from .._report.pinned import Pinned
from .._report.result import OptimizeResult, Status
from .problems import Problems
from .state import BLOCK, BatchState, digest, limits_of

SKIPPED, NOT_RUN, LATER = -1, layout.NOT_RUN, -3


class Table(Pinned):
    """What is found, in arrays of the host.

    Attributes
    ----------
    points : ndarray, shape (n_problems, n)
        Where the problems start.
    x : ndarray, shape (n_problems, n)
        The same, and then what was found.
    gradients, numbers, counts : ndarray
        The rest of it, in the order of `layout.NUMBERS` and `layout.COUNTS`.
    status : ndarray of int, shape (n_problems,)
        How each has ended: a `Status`, SKIPPED, NOT_RUN or, for problems of the next group, LATER.
    settled : ndarray of bool, shape (n_problems,)
        Rows that no thread writes to any more.
    before : int
        How many problems are done, but for those that an executor knows of.
    """

    keeps_state = True

    def __init__(self, starts: np.ndarray, mask: np.ndarray | None):
        self.points = starts
        self.count, self.n = starts.shape
        self.dtype = starts.dtype
        self.x = np.array(starts, order="C")
        self.gradients = np.full_like(self.x, math.nan)
        self.numbers = np.full((self.count, layout.N_NUMBERS), math.nan)
        self.counts = np.zeros((self.count, layout.N_COUNTS), np.int64)
        self.status = self.counts[:, 0]
        self.before = skip(self.status, mask)
        self.settled = self.status != NOT_RUN

    def start_of(self, row: int) -> np.ndarray:
        """Where a problem starts."""
        return self.x[row].copy()

    def wrong_starts(self) -> np.ndarray:
        """Which problems that are still to be solved start from a point that is not finite."""
        wrong = self.status == NOT_RUN
        wrong[wrong] = ~np.isfinite(self.x[wrong]).all(axis=1)
        return wrong

    def first(self) -> int:
        """The first problem that can be started, -1 if there is none."""
        for begin in range(0, self.count, BLOCK):
            block = slice(begin, begin + BLOCK)
            usable = np.isfinite(self.x[block]).all(axis=1) & (self.status[block] == NOT_RUN)
            if usable.any():
                return begin + int(usable.argmax())
        return -1

    # -- what is found ----------------------------------------------------------------------------

    def store(self, row: int, found: OptimizeResult) -> None:
        """What a run found."""
        self.x[row], self.gradients[row] = found.x, found.jac
        self.numbers[row] = [found[name] for name in layout.NUMBERS]
        self.counts[row] = [found[name] for name in layout.COUNTS]

    def keep(self, row: int, found: OptimizeResult) -> None:
        """What a run found that did not end: the problem counts as not solved."""
        status = self.status[row]
        self.store(row, found)
        self.status[row] = status

    def columns(self, status: np.ndarray) -> dict[str, Any]:
        """All of it by name, with these ways to end."""
        counts = self.counts.copy()
        counts[:, 0] = status
        numbers = zip(layout.NUMBERS, self.numbers.T, strict=True)
        columns = *numbers, *zip(layout.COUNTS, counts.T, strict=True)
        return {
            "success": status == Status.CONVERGED,
            "x": self.x,
            "jac": self.gradients,
            **{name: column.copy() for name, column in columns},
        }

    # -- states -----------------------------------------------------------------------------------

    def state(self, problems: Problems) -> BatchState:
        """What is solved; threads may be solving others meanwhile."""
        status = np.where(self.settled, self.status, NOT_RUN)
        rows = np.flatnonzero(status >= 0)
        return BatchState(
            method=problems.settings.method.name,
            rules=rules_of(problems.settings),
            limits=limits_of(problems.settings),
            starts=self.digest,
            x=self.x[rows],
            gradients=self.gradients[rows],
            numbers=self.numbers[rows],
            counts=self.counts[rows],
            status=status.astype(np.int8),
            rows=rows,
            given=problems.given,
        )

    @functools.cached_property
    def digest(self) -> str:
        """A hash of where the problems start."""
        return digest(self.points)

    def restore(self, state: BatchState, problems: Problems, deadline: float) -> None:
        """Take over what is solved, once fun at one of the solutions has shown that it is."""
        state.check(problems.settings, self.points, problems.given)
        left = state.to_do(problems.settings) | (self.status == SKIPPED)
        kept = ~left[state.rows]
        known = kept & np.isfinite(state.numbers[:, 0])
        if known.any():
            place = int(known.argmax())
            row = int(state.rows[place])
            x, terms = state.x[place].copy(), problems.terms(row)
            objective = problems.objective(row, x, terms, deadline)
            if objective.can_be_checked:
                f = objective.first_value(x)
                same_value(state.source, f, float(state.numbers[place, 0]), terms, x)
        done = state.rows[kept]
        self.x[done], self.gradients[done] = state.x[kept], state.gradients[kept]
        self.numbers[done], self.counts[done] = state.numbers[kept], state.counts[kept]
        self.settled[done] = True
        self.before = int(self.settled.sum())


def skip(status: np.ndarray, mask: np.ndarray | None) -> int:
    """Leave out these problems; how many there are."""
    status[:] = NOT_RUN
    if mask is None:
        return 0
    status[mask] = SKIPPED
    return int(mask.sum())


def groups(problems: Problems, status: np.ndarray) -> Iterator[Problems]:
    """Those with bounds of their own first, then the others, whose loop is another."""
    if problems.per_row is None:
        yield problems
        return
    status[problems.per_row.unbounded() & (status == NOT_RUN)] = LATER
    yield problems
    status[status == LATER] = NOT_RUN
    yield problems.without_row_bounds()
