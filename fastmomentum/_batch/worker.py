"""One thread's work on a batch."""

from __future__ import annotations

import functools
import math
import threading
import time
from typing import Any

import numpy as np

from .._language import layout
from .._loops.drivers import caller_address
from .._loops.table import BATCH
from .._minimize.run import Run
from .._problem.flat import OutOfCalls, may_be_coarse, slopes_beyond
from .._problem.objective import NO_BOUNDS, Objective, OutOfTime
from .._problem.terms import Terms
from .._report.pinned import Pinned
from .._report.result import Status, attach
from .clock import POLL_SECONDS, Clock
from .problems import Problems
from .state import BLOCK
from .table import Table

# A worker asks for work this often, and so hands out what is left evenly.
CHUNK_SECONDS = 0.02
MOST_STRETCH = 256
_FIELD = {name: i for i, name in enumerate(layout.BATCH_FIELDS)}


class Shared:
    """What the threads of a group of problems share, and the work that is handed out to them."""

    def __init__(
        self, problems: Problems, table: Table, clock: Clock, threads: int, terms: Terms | None
    ):
        self.problems, self.table, self.clock, self.threads = problems, table, clock, threads
        self.terms = terms
        self.penalties = _penalties(problems, table, terms)
        self.lock = threading.Lock()
        self.taken = 0
        self.schedules: tuple[dict[str, np.ndarray], int] | None = None

    def take(self, most: int) -> slice | None:
        """Some problems, so many at most; None: nothing is left."""
        with self.lock:
            first = self.taken
            left = self.table.count - first
            if left <= 0 or self.clock.stopped:
                return None
            # Small enough at the end that the threads finish together.
            size = max(1, min(most, -(-left // (2 * self.threads))))
            self.taken += size
        return slice(first, first + size)

    def schedules_of(self, run: Run) -> int:
        """Give a run the numbers of the schedules; the iteration where they end."""
        last = self.problems.settings.maxiter
        if not run.plan.scheduled:
            return last
        if self.schedules is None:
            last = run.fill_schedules(last)
            self.schedules = run.numbers, last
        run.numbers, last = self.schedules
        return last


def _penalties(problems: Problems, table: Table, terms: Terms | None) -> np.ndarray | None:
    """The penalty where each problem starts, in a single run's arithmetic; None: it is 0."""
    if terms is None or terms.only_bounds:
        return None
    per_row = problems.per_row
    lower, upper = terms.bounds() if per_row is None else per_row.tight
    l1, l2, _, _ = terms.h.separable_data(problems.n)
    made = np.empty(table.count)
    with np.errstate(all="ignore"):
        for begin in range(0, table.count, BLOCK):
            rows = slice(begin, begin + BLOCK)
            bounds = (lower, upper) if per_row is None else (lower[rows], upper[rows])
            size = np.abs(np.clip(table.x[rows], *bounds).astype(np.float64))
            made[rows] = np.where(l1 > 0.0, l1 * size, 0.0).sum(axis=1)
            made[rows] += 0.5 * np.where(l2 > 0.0, (l2 * size) * size, 0.0).sum(axis=1)
    return made


class Worker(Pinned):
    """One thread's compiled loop over problems, with a workspace of its own."""

    def __init__(self, shared: Shared, objective: Objective, x0: np.ndarray):
        from .._numba.bind import batch_patches

        self.shared = shared
        problems, family = shared.problems, shared.problems.family
        # What is written to is not shared with other threads.
        terms = None if shared.terms is None else shared.terms.copy()
        self.single = run = Run(objective, problems.settings, x0, terms)
        self.size = 1
        self.last = shared.schedules_of(run)
        binding: Any = objective.binding
        run.ints[layout.INT.CHUNK_START] = 0
        if problems.per_row is not None:
            run.ints[layout.INT.COST_FUN] = objective.cost_without_bounds
        self.ints, self.floats = run.ints.copy(), run.floats.copy()
        self.patches = batch_patches(binding, family.args, family.which)
        starts = [-i if start == "x0" else i for i, start in run.plan.starts.items()]
        if terms is not None:
            starts.append(run.plan.term_row + layout.FREE_ROW)
        self.start_rows = np.array(starts, np.int64)
        self.fields = np.zeros(len(layout.BATCH_FIELDS), np.int64)
        for name, value in self._values(objective).items():
            self.fields[_FIELD[name]] = value
        run.ints[layout.INT.BATCH] = self.fields.ctypes.data
        run.ints[layout.INT.BATCH_ROW] = -1
        if run.watch is not None:
            run.watch.stop = shared.clock.stop
            run.watch.begin()
        self.address = caller_address(BATCH, run.dtype, binding.signature)

    def _values(self, objective: Objective) -> dict[str, int]:
        """What the compiled loop works with, see `layout.BATCH_FIELDS`."""
        shared, run, table = self.shared, self.single, self.shared.table
        stretch = POLL_SECONDS / max(objective.seconds, 1e-9)
        values = {
            "DRIVER": run.driver,
            "STRETCH": max(1, min(MOST_STRETCH, int(stretch))),
            "STOP": shared.clock.stop.ctypes.data,
            "X": table.x.ctypes.data,
            "JAC": table.gradients.ctypes.data,
            "NUMBERS": table.numbers.ctypes.data,
            "COUNTS": table.counts.ctypes.data,
            "INTS": self.ints.ctypes.data,
            "FLOATS": self.floats.ctypes.data,
            "N_INTS": self.ints.size,
            "N_FLOATS": self.floats.size,
            "ROWS": self.start_rows.ctypes.data,
            "N_ROWS": self.start_rows.size,
            "PATCHES": self.patches.ctypes.data,
            "N_PATCHES": len(self.patches),
        }
        per_row = shared.problems.per_row
        if run.terms is not None and per_row is not None:
            values["PROX_NUMBERS"] = run.terms.numbers.ctypes.data
            values["LOWER"], values["UPPER"] = (part.ctypes.data for part in per_row.tight)
        if shared.penalties is not None:
            values["PENALTIES"] = shared.penalties.ctypes.data
        return values

    @property
    def done(self) -> int:
        """How many problems it has solved."""
        return int(self.fields[_FIELD["DONE"]])

    def work(self) -> None:
        """Take problems and solve them until nothing is left."""
        while (rows := self.shared.take(self.size)) is not None and self._solve(rows):
            pass

    def _solve(self, rows: slice) -> bool:
        """Solve these; False: the time is over."""
        table = self.shared.table
        self.fields[_FIELD["FIRST"]], self.fields[_FIELD["LAST"]] = rows.start, rows.stop
        started = time.perf_counter()
        try:
            self._call()
            self._check_schedule(rows)
            self._confirm(rows)
        except OutOfTime:
            self.shared.clock.check()
            return False
        except BaseException as error:
            self.shared.clock.stop[0] = 1
            attach(error, row=self.row)
            raise
        self._hide_unknown(rows)
        table.settled[rows] = table.status[rows] > layout.NOT_RUN
        seconds = (time.perf_counter() - started) / (rows.stop - rows.start)
        self.size = max(1, min(8 * self.size, int(CHUNK_SECONDS / max(seconds, 1e-9))))
        return True

    def _hide_unknown(self, rows: slice) -> None:
        """As `Objective.known`, for the problems that were solved."""
        fixed = self.single.objective.fixed
        if fixed is None:
            return
        if self.shared.problems.per_row is not None:
            lower, upper = self.shared.problems.per_row.tight
            fixed = lower[rows] == upper[rows]
        gradients = self.shared.table.gradients[rows]
        gradients[np.broadcast_to(fixed, gradients.shape)] = math.nan

    @property
    def row(self) -> int | None:
        """The problem under way, None before the first."""
        row = self.single.ints.item(layout.INT.BATCH_ROW)
        return None if row < 0 else row

    def _call(self) -> None:
        """Run the loop over these problems."""
        try:
            self.single.call(self.address, self.last)
        except BaseException:
            self._keep()
            raise

    def _keep(self) -> None:
        """What is known of the problem that the loop left in the middle."""
        problems, table, run, row = self.shared.problems, self.shared.table, self.single, self.row
        if row is None or table.status[row] != layout.NOT_RUN:
            return
        terms = run.terms if problems.per_row is None else problems.terms(row)
        begin = self.shared.clock.begin
        table.keep(row, run.result_within(terms, Status.INTERRUPTED, begin, "not solved"))

    def _confirm(self, rows: slice) -> None:
        """Look again at problems that have converged where all differences are 0."""
        table, run = self.shared.table, self.single
        if not may_be_coarse(run.objective):
            return
        flat = (table.status[rows] == Status.CONVERGED) & ~table.gradients[rows].any(axis=1)
        flat = rows.start + np.flatnonzero(flat)
        table.status[flat] = layout.NOT_RUN  # until that is known
        for row in map(int, flat):
            run.ints[layout.INT.BATCH_ROW] = row
            table.status[row] = self._confirmed(row)

    def _confirmed(self, row: int) -> Status:
        """How a problem of these has ended."""
        problems, table, x = self.shared.problems, self.shared.table, self.shared.table.x[row]
        terms, settings = problems.terms(row), problems.settings
        bounds = NO_BOUNDS if terms is None else terms.bounds()
        objective = self.single.objective.of(problems.family.args_of(row), bounds)
        norm = functools.partial(self.single.grad_norm, terms, x)
        left = settings.maxfev - int(table.counts[row, 2])
        try:
            slopes = slopes_beyond(objective, x.copy(), norm, settings.gtol, left)
        except OutOfCalls:
            return Status.MAXFEV
        finally:
            table.counts[row, 2] += objective.calls_fun
        if slopes is None:
            return Status.CONVERGED
        table.gradients[row], table.numbers[row, 1] = slopes, norm(slopes)
        return Status.PRECISION_LOSS

    def _check_schedule(self, rows: slice) -> None:
        """An error if a problem reached the first bad value of a schedule."""
        if self.last == self.shared.problems.settings.maxiter:
            return
        reached = self.shared.table.status[rows] == Status.MAXITER
        if not reached.any():
            return
        run = self.single
        run.ints[layout.INT.BATCH_ROW] = rows.start + int(reached.argmax())
        run.refuse_schedules(self.last)
