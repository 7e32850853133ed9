"""Steps of `minimize_sum` in compiled code, many of them in one call."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from .._language import layout
from .._language.layout import INT
from .._loops.drivers import caller_address, driver_address
from .._loops.table import SUM
from .._minimize.chunks import CHUNK_SECONDS, FIRST_CHUNK
from .._report.status import Status
from .rows import Rows, take_rows
from .steps import Steps, Tally

_FIELD = {name: i for i, name in enumerate(layout.SUM_FIELDS)}


class CompiledSteps(Steps):
    """Steps on rows in memory."""

    def __init__(self, *given: Any):
        super().__init__(*given)
        self.mean = np.zeros(self.run.n)
        self.other = np.empty(self.run.n, self.run.dtype)
        self.fields = np.zeros(len(layout.SUM_FIELDS), np.int64)
        self.reals = self.fields.view(np.float64)
        self.order = np.empty(0, np.intp)
        self.first = self.end = 0  # the rows of the epoch that are in the blocks
        self.stretch = 0  # steps in one call; 0: nobody knows how long they take
        self._kept: Any = None

    def compile(self, source: Rows, size: int) -> None:
        """Compile the loop for these rows, in batches of `size`, or load it."""
        from .._numba.bind import row_patches

        run, method = self.run, self.run.method
        self.source, self.size = source, size
        binding: Any = source.objective.binding
        self.binding = binding
        self.patches = row_patches(binding, source.blocks)
        iterate = -1
        if not run.plan.iterate_is_evaluated:
            iterate = layout.FIRST_SLOT + method.slots.index(method.iterate)
        self._set(
            DRIVER=driver_address(run.plan.loop, run.dtype, binding.signature),
            SIZE=size,
            ARRAYS=self.patches.ctypes.data,
            N_ARRAYS=len(self.patches),
            OTHER=self.other.ctypes.data,
            ITERATE=iterate,
            AVERAGE_FROM=self.average_from,
            MEAN=self.mean.ctypes.data,
        )
        run.ints[INT.BATCH] = self.fields.ctypes.data
        self.address = caller_address(SUM, run.dtype, binding.signature)

    def correct(self, snapshot: np.ndarray, gradient: np.ndarray) -> None:
        """Correct the gradients of batches by those at a snapshot, as 'svrg' does."""
        self._set(SNAPSHOT=snapshot.ctypes.data, CORRECTION=gradient.ctypes.data)
        self._kept = snapshot, gradient

    def follow(self, order: np.ndarray) -> None:
        """Go through the rows of an epoch in this order."""
        self.order = order
        self.first = self.end = 0

    def advance(self, budget: float) -> Status | None:
        """Some steps of the epoch, of 50 ms or `budget` together; how one failed, if it did."""
        run, binding = self.run, self.binding
        tally = self.up_to_date()
        if not self.first <= tally.rows < self.end:
            self._gather(tally.rows)
        if not self.stretch:
            seconds = max(self.source.objective.seconds, 1e-9)
            self.stretch = max(1, min(FIRST_CHUNK, int(CHUNK_SECONDS / seconds)))
        left = -(-(self.end - tally.rows) // self.size)
        last = min(tally.nit + min(self.stretch, left), self.fill(tally.nit + 1))
        if tally.averaged and tally.mean is not self.mean:
            self.mean[:] = tally.mean
        self.reals[_FIELD["SEEN"]] = tally.seen
        self._set(AVERAGED=tally.averaged, NEXT=tally.rows - self.first, ROWS=self.end - self.first)
        started = time.perf_counter()
        with self.source.objective.turn():
            binding.entry(
                self.address, binding.fun, binding.jac, self.source.blocks, 0, 0.0, run.workspace,
                run.ints, run.floats, run.numbers["learning_rate"], run.numbers["momentum"],
                run.history, last,
            )  # fmt: skip
        rate = (self.nit - tally.nit) / max(time.perf_counter() - started, 1e-9)
        self.up_to_date()
        if run.ints[INT.STATUS] != layout.NEEDS_EVALUATION:
            self.count = min(self.size, len(self.order) - self.tally.rows)
            return Status(run.ints.item(INT.STATUS))
        budget = min(CHUNK_SECONDS, budget)
        self.stretch = max(1, min(8 * self.stretch, int(budget * rate)))
        return None

    def up_to_date(self) -> Tally:
        """What is known of all steps taken."""
        tally, nit = self.tally, self.nit
        rows = self.first + self.fields.item(_FIELD["NEXT"])
        if tally.nit == nit or self.end == 0:
            return super().up_to_date()  # they were taken in Python
        averaged = self.fields.item(_FIELD["AVERAGED"])
        mean = self.mean if averaged else None
        seen = self.reals.item(_FIELD["SEEN"])
        self.tally = Tally(nit, tally.epoch, rows, seen, averaged, mean)
        return self.tally

    def _set(self, **values: int) -> None:
        for name, value in values.items():
            self.fields[_FIELD[name]] = value

    def _gather(self, begin: int) -> None:
        """The next rows of the epoch, in order."""
        self.end = 0  # none, should this be broken off
        rows = self.order[begin : begin + len(self.source.blocks[0])]
        for array, block in zip(self.source.data, self.source.blocks, strict=True):
            take_rows(array, rows, block[: len(rows)])
        self.first, self.end = begin, begin + len(rows)
