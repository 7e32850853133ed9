"""One thread's work on a batch."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from ._batch_report import POLL_SECONDS
from ._kernels import layout
from ._objective import Objective
from ._result import Status, attach
from ._run import Run
from ._validation.parameters import schedule_value

if TYPE_CHECKING:
    from ._batch_run import Batch


# A worker asks for work this often, and so hands out what is left evenly.
CHUNK_SECONDS = 0.02
MOST_STRETCH = 256
_FIELD = {name: i for i, name in enumerate(layout.BATCH_FIELDS)}


class Loop:
    """One thread's compiled loop over problems, with a workspace of its own."""

    def __init__(
        self, batch: Batch, objective: Objective, x0: np.ndarray, terms: Any, penalties: Any
    ):
        from ._kernels.bind import batch_patches
        from ._kernels.drivers import caller_address

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
        self.address = caller_address("batch", run.dtype, binding.signature)

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
            self.run_.call(self.address, self.last)
            self._check_schedule(first, first + size)
        except BaseException as error:
            batch.stop[0] = 1
            attach(error, row=int(self.run_.ints[layout.INT.BATCH_ROW]))
            raise
        rows = slice(first, first + size)
        batch.settled[rows] = batch.status[rows] > layout.NOT_RUN
        seconds = (time.perf_counter() - started) / size
        self.size = max(1, min(8 * self.size, int(CHUNK_SECONDS / max(seconds, 1e-9))))
        return True

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
