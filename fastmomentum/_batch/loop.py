"""One thread's work on a batch."""

from __future__ import annotations

import copy
import functools
import math
import time
from typing import Any

import numpy as np

from .._check.parameters import schedule_value
from .._language import layout
from .._loops.drivers import caller_address
from .._loops.table import BATCH
from .._minimize.run import Run
from .._problem.flat import OutOfCalls, may_be_coarse, slopes_beyond
from .._problem.objective import NO_BOUNDS, Objective
from .._problem.out_of_time import OutOfTime
from .._report.pinned import Pinned
from .._report.result import Status, attach
from .problems import Problems
from .report import POLL_SECONDS

# A worker asks for work this often, and so hands out what is left evenly.
CHUNK_SECONDS = 0.02
MOST_STRETCH = 256
_FIELD = {name: i for i, name in enumerate(layout.BATCH_FIELDS)}


class Loop(Pinned):
    """One thread's compiled loop over problems, with a workspace of its own."""

    def __init__(
        self, batch: Problems, objective: Objective, x0: np.ndarray, terms: Any, penalties: Any
    ):
        from .._numba.bind import batch_patches

        if terms is not None:  # what is written to is not shared with other threads
            terms = copy.copy(terms)
            terms.numbers, terms.work = terms.numbers.copy(), terms.work.copy()
        self.batch = batch
        self.run_ = run = Run(objective, batch.settings, x0, terms)
        self.seconds = 0.0
        self.size = 1
        self.last = batch.settings.maxiter
        if run.plan.scheduled and batch.loops:
            run.numbers, self.last = batch.loops[0].run_.numbers, batch.loops[0].last
        elif run.plan.scheduled:
            self.last = run.fill_schedules(self.last)
        binding: Any = objective.binding
        run.ints[layout.INT.CHUNK_START] = 0
        if batch.per_row is not None:
            run.ints[layout.INT.COST_FUN] = objective.cost_without_bounds
        self.ints, self.floats = run.ints.copy(), run.floats.copy()
        self.patches = batch_patches(binding, batch.args, batch.which)
        starts = [-i if start == "x0" else i for i, start in run.plan.starts.items()]
        values = {}
        if terms is not None:
            starts.append(run.plan.term_row + layout.FREE_ROW)
        if terms is not None and batch.per_row is not None:
            values["PROX_NUMBERS"] = terms.numbers.ctypes.data
            values["LOWER"], values["UPPER"] = (part.ctypes.data for part in batch.tight)
        self.penalties = penalties
        if penalties is not None:
            values["PENALTIES"] = penalties.ctypes.data
        self.start_rows = np.array(starts, np.int64)
        stretch = POLL_SECONDS / max(objective.seconds, 1e-9)
        self.fields = np.zeros(len(layout.BATCH_FIELDS), np.int64)
        values |= {
            "DRIVER": run.driver,
            "STRETCH": max(1, min(MOST_STRETCH, int(stretch))),
            "STOP": batch.stop.ctypes.data,
            "X": batch.x.ctypes.data,
            "JAC": batch.gradients.ctypes.data,
            "NUMBERS": batch.numbers.ctypes.data,
            "COUNTS": batch.counts.ctypes.data,
            "INTS": self.ints.ctypes.data,
            "FLOATS": self.floats.ctypes.data,
            "N_INTS": self.ints.size,
            "N_FLOATS": self.floats.size,
            "ROWS": self.start_rows.ctypes.data,
            "N_ROWS": self.start_rows.size,
            "PATCHES": self.patches.ctypes.data,
            "N_PATCHES": len(self.patches),
        }
        for name, value in values.items():
            self.fields[_FIELD[name]] = value
        run.ints[layout.INT.BATCH] = self.fields.ctypes.data
        run.ints[layout.INT.BATCH_ROW] = -1
        if run.watch is not None:
            run.watch.stop = batch.stop
            run.watch.begin()
        self.address = caller_address(BATCH, run.dtype, binding.signature)

    @property
    def done(self) -> int:
        """How many problems it has solved."""
        return int(self.fields[_FIELD["DONE"]])

    def run(self) -> None:
        """Work until nothing is left."""
        while self.advance():
            pass

    def advance(self) -> bool:
        """Take some problems and solve them; returns whether there were any."""
        batch = self.batch
        with batch.lock:
            first = batch.taken
            left = batch.count - first
            if left <= 0 or batch.stop[0]:
                return False
            # Small enough at the end that the threads finish together.
            size = max(1, min(self.size, -(-left // (2 * batch.used))))
            batch.taken += size
        self.fields[_FIELD["FIRST"]], self.fields[_FIELD["LAST"]] = first, first + size
        started = time.perf_counter()
        try:
            self._solve()
            self._check_schedule(first, first + size)
            self._confirm(first, first + size)
        except OutOfTime:
            batch._check_clock()
            return False
        except BaseException as error:
            batch.stop[0] = 1
            attach(error, row=self.row)
            raise
        rows = slice(first, first + size)
        self._hide_unknown(rows)
        batch.settled[rows] = batch.status[rows] > layout.NOT_RUN
        seconds = (time.perf_counter() - started) / size
        self.size = max(1, min(8 * self.size, int(CHUNK_SECONDS / max(seconds, 1e-9))))
        return True

    def _hide_unknown(self, rows: slice) -> None:
        """As `Objective.known`, for the problems that were solved."""
        fixed = self.run_.objective.fixed
        if fixed is None:
            return
        if self.batch.per_row is not None:
            lower, upper = self.batch.tight
            fixed = lower[rows] == upper[rows]
        gradients = self.batch.gradients[rows]
        gradients[np.broadcast_to(fixed, gradients.shape)] = math.nan

    @property
    def row(self) -> int | None:
        """The problem under way, None before the first."""
        row = self.run_.ints.item(layout.INT.BATCH_ROW)
        return None if row < 0 else row

    def _solve(self) -> None:
        """Run the loop over these problems."""
        try:
            self.run_.call(self.address, self.last)
        except BaseException:
            self._keep()
            raise

    def _keep(self) -> None:
        """What is known of the problem that the loop left in the middle."""
        batch, run, row = self.batch, self.run_, self.row
        if row is None or batch.status[row] != layout.NOT_RUN:
            return
        terms = run.terms if batch.per_row is None else batch.terms(row)
        found = run.result_within(terms, Status.INTERRUPTED, batch.begin, "not solved")
        batch.keep(row, found)

    def _confirm(self, first: int, end: int) -> None:
        """Look again at problems that have converged where all differences are 0."""
        batch, run = self.batch, self.run_
        if not may_be_coarse(run.objective):
            return
        rows = slice(first, end)
        flat = (batch.status[rows] == Status.CONVERGED) & ~batch.gradients[rows].any(axis=1)
        flat = first + np.flatnonzero(flat)
        batch.status[flat] = layout.NOT_RUN  # until that is known
        for row in map(int, flat):
            run.ints[layout.INT.BATCH_ROW] = row
            batch.status[row] = self._confirmed(row)

    def _confirmed(self, row: int) -> Status:
        """How a problem of these has ended."""
        batch, x = self.batch, self.batch.x[row]
        terms = batch.terms(row)
        bounds = NO_BOUNDS if terms is None else terms.bounds()
        objective = self.run_.objective.of(batch.args_of(row), bounds)
        norm = functools.partial(self.run_.grad_norm_within, terms, x)
        left = batch.settings.maxfev - int(batch.counts[row, 2])
        try:
            slopes = slopes_beyond(objective, x.copy(), norm, batch.settings.gtol, left)
        except OutOfCalls:
            return Status.MAXFEV
        finally:
            batch.counts[row, 2] += objective.calls_fun
        if slopes is None:
            return Status.CONVERGED
        batch.gradients[row], batch.numbers[row, 1] = slopes, norm(slopes)
        return Status.PRECISION_LOSS

    def _check_schedule(self, first: int, end: int) -> None:
        """An error if a problem reached the first bad value of a schedule."""
        if self.last == self.batch.settings.maxiter:
            return
        reached = self.batch.status[first:end] == Status.MAXITER
        if not reached.any():
            return
        run = self.run_
        run.ints[layout.INT.BATCH_ROW] = first + int(reached.argmax())
        for name, (parameter, schedule) in run.plan.scheduled.items():
            ahead = int(name == "momentum" and run.method.looks_ahead)
            schedule_value(parameter, schedule, self.last + ahead, run.dtype)
            schedule_value(parameter, schedule, self.last, run.dtype)
        raise ValueError(f"a schedule has no value for iteration {self.last}.")
