"""The steps of `minimize_sum`: rows, batches, and what a method makes of their gradients."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ._drive import CHUNK_SECONDS, FIRST_CHUNK, Run
from ._kernels import layout
from ._kernels.layout import FLOAT, INT
from ._objective import Objective, Told, is_jitted
from ._status import Status
from ._validation import Sampling, Settings

# Steps for which the numbers of a schedule are made at once.
SCHEDULE_STEPS = 4096
# Rows are put in order for compiled code by blocks of about this size: they stay in the cache.
BLOCK_BYTES = 2**19
_FIELD = {name: i for i, name in enumerate(layout.SUM_FIELDS)}


class Rows:
    """Data in memory, with the interface of `ShardedSum`: one shard."""

    def __init__(self, fun: Any, data: tuple[np.ndarray, ...], x: np.ndarray):
        self.data = data
        self.objective = Objective(fun, True, data, x, "python")

    def sizes(self) -> np.ndarray:
        return np.array([len(self.data[0])])

    def evaluate(
        self, points: np.ndarray, rows: dict[int, np.ndarray] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        objective = self.objective
        objective.args = self.data if rows is None else tuple(_rows(a, rows[0]) for a in self.data)
        fun, grad = np.empty(len(points)), np.empty_like(points)
        for k, x in enumerate(points):
            fun[k] = objective.evaluate(x, grad[k])
        return fun, grad


def _rows(array: np.ndarray, rows: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Some rows of an array, contiguous."""
    if array.flags.c_contiguous:
        # All are there: with another mode NumPy would copy once more.
        return np.take(array, rows, axis=0, out=out, mode="clip")
    found = array[rows]  # `take` would copy the whole array first
    if out is None:
        return np.ascontiguousarray(found)
    out[:] = found
    return out


def orders(
    sizes: np.ndarray, sampling: Sampling, rng: np.random.Generator
) -> Iterator[tuple[int, np.ndarray]]:
    """One epoch: what is cut into batches, as (shard, its rows); -1: rows of all shards."""
    if sampling.shuffle == "shards":
        for shard in map(int, rng.permutation(len(sizes))):
            yield shard, rng.permutation(int(sizes[shard]))
        return
    total = int(sizes.sum())
    yield -1, rng.permutation(total) if sampling.shuffle == "rows" else np.arange(total)


def batches(
    sizes: np.ndarray, sampling: Sampling, rng: np.random.Generator
) -> Iterator[dict[int, np.ndarray]]:
    """One epoch: for each batch, the rows of each shard that has some of them."""
    ends = np.cumsum(sizes)
    starts = ends - sizes
    for shard, order in orders(sizes, sampling, rng):
        for begin in range(0, len(order), sampling.batch_size):
            rows = order[begin : begin + sampling.batch_size]
            if shard >= 0 or len(sizes) == 1:
                yield {max(shard, 0): rows}
                continue
            shards = np.searchsorted(ends, rows, side="right")
            yield {int(s): rows[shards == s] - starts[s] for s in np.unique(shards)}


class Noted(NamedTuple):
    """What the first `nit` steps saw."""

    nit: int
    seen: float  # sum of the values in this epoch, of each batch times its rows
    averaged: int  # iterates in `mean`
    mean: np.ndarray | None  # in float64


class Anchor(NamedTuple):
    """A snapshot of x, with the mean of all rows there."""

    epoch: int
    x: np.ndarray
    fun: float
    grad: np.ndarray


class Steps:
    """The update rule of a method, one gradient after the other.

    Ctrl-C may come between any two lines: what is known of a step is derived from the numbers of
    the loop, which change in one call, or is replaced in one assignment.
    """

    def __init__(
        self, settings: Settings, x: np.ndarray, sampling: Sampling, total: int, terms: Any
    ):
        told: Any = Told()
        self.run = run = Run(told, settings, x, terms)
        # Values and gradients of single batches say nothing about the end.
        run.floats[FLOAT.GTOL] = -1.0
        run.floats[FLOAT.DIVERGED_FACTOR] = math.inf
        self.total = total
        # Of the steps 1, 2, ..., total the last part is averaged.
        self.average_from = math.floor((1.0 - sampling.average) * total) + 1
        self.noted = Noted(0, 0.0, 0, None)
        self.count = 0  # rows of the batch of the last step
        self.filled = 0

    @property
    def nit(self) -> int:
        """Steps taken."""
        return self.run.ints.item(INT.ITERATION)

    @property
    def point(self) -> np.ndarray:
        """Where the next gradient is to be taken."""
        return self.run.row(self.run.ints.item(INT.CURRENT))

    def start(self) -> None:
        """Before the first step, and where a run goes on."""
        self.run.ints[INT.PENDING] = layout.TO_EVALUATE
        self._advance()

    def take(self, f: float, g: np.ndarray, count: int) -> Status | None:
        """One step, by the means over a batch of `count` rows; how it failed, if it did."""
        run = self.run
        self.count = count
        run.row(layout.N_POINTS + run.ints.item(INT.CURRENT))[:] = g
        run.deliver(f)
        failed = self._advance()
        self.note()
        return failed

    def note(self) -> Noted:
        """What is known of the steps taken."""
        nit, seen, averaged, mean = self.noted
        if nit < self.nit:
            seen += self.run.floats.item(FLOAT.FUN) * self.count
            if self.nit >= self.average_from:
                x = self.run.iterate()
                averaged += 1
                mean = x.astype(np.float64) if mean is None else mean + (x - mean) / averaged
            self.noted = Noted(self.nit, seen, averaged, mean)
        return self.noted

    def fill(self, last: int) -> int:
        """Numbers of the schedules for the steps from the current one on; where they end."""
        if last >= self.filled:
            end = max(min(last + SCHEDULE_STEPS, self.total), last)
            self.filled = self.run._fill_schedules(end)
        return self.filled

    def _advance(self) -> Status | None:
        last = self.nit + 1
        self.fill(last)
        if self.run.needs_evaluation(last):
            return None
        return Status(self.run.ints.item(INT.STATUS))


class Compiled:
    """Steps on rows in memory in compiled code, which takes many of them in one call."""

    def __init__(self, steps: Steps, data: tuple, sampling: Sampling, objective: Objective):
        from ._kernels.bind import row_patches
        from ._kernels.drivers import caller_address, driver_address

        self.steps, self.data = steps, data
        self.size = sampling.batch_size
        self.blocks = objective.args
        run, self.binding = steps.run, objective.binding
        self.patches = row_patches(self.binding, self.blocks)
        self.mean = np.zeros(run.n)
        self.other = np.empty(run.n, run.dtype)
        self.fields = np.zeros(len(layout.SUM_FIELDS), np.int64)
        self.reals = self.fields.view(np.float64)
        slots = run.method.slots
        at_point = run.plan.iterate_is_evaluated
        self._set(
            DRIVER=driver_address(run.plan.loop, run.dtype, self.binding.signature),
            SIZE=self.size,
            ARRAYS=self.patches.ctypes.data,
            N_ARRAYS=len(self.patches),
            OTHER=self.other.ctypes.data,
            ITERATE=-1 if at_point else layout.FIRST_SLOT + slots.index(run.method.iterate),
            AVERAGE_FROM=steps.average_from,
            MEAN=self.mean.ctypes.data,
        )
        self.address = caller_address("sum", run.dtype, self.binding.signature)
        self.stretch = 1
        self.order = np.empty(0, np.intp)
        self.first = self.end = 0

    def _set(self, **values: int) -> None:
        for name, value in values.items():
            self.fields[_FIELD[name]] = value

    def begin(self, order: np.ndarray, anchor: Anchor | None, seconds: float) -> None:
        """An epoch, through the rows in this order; a step takes about so many `seconds`."""
        self.order = order
        self.first = self.end = 0
        if anchor is not None:
            self._anchor = anchor
            self._set(SNAPSHOT=anchor.x.ctypes.data, CORRECTION=anchor.grad.ctypes.data)
        if self.stretch == 1 and seconds > 0.0:
            self.stretch = max(1, min(FIRST_CHUNK, int(CHUNK_SECONDS / seconds)))

    def advance(self, begin: int, budget: float) -> Status | None:
        """A stretch of steps from row `begin` of the epoch on; how one failed, if it did.

        They take some `budget` seconds, at most 50 ms.
        """
        steps, run = self.steps, self.steps.run
        if not self.first <= begin < self.end:
            self._gather(begin)
        before = steps.nit
        left = -(-(self.end - begin) // self.size)
        last = min(before + self.stretch, before + left, steps.fill(before + 1))
        self._set(NEXT=begin - self.first, ROWS=self.end - self.first)
        self._put(steps.note())
        run.ints[INT.BATCH] = self.fields.ctypes.data
        started = time.perf_counter()
        binding = self.binding
        binding.entry(
            self.address, binding.fun, binding.jac, self.blocks, 0, 0.0, run.workspace,
            run.ints, run.floats, run.numbers["learning_rate"], run.numbers["momentum"],
            run.history, last,
        )  # fmt: skip
        seconds = time.perf_counter() - started
        self.note()
        if run.ints[INT.STATUS] != layout.NEEDS_EVALUATION:
            return Status(run.ints.item(INT.STATUS))
        rate = (steps.nit - before) / max(seconds, 1e-9)
        budget = min(CHUNK_SECONDS, budget)
        self.stretch = max(1, min(8 * self.stretch, int(budget * rate)))
        return None

    def _put(self, noted: Noted) -> None:
        """Where compiled code goes on from."""
        if noted.mean is not None and noted.mean is not self.mean:
            self.mean[:] = noted.mean
        self._set(AVERAGED=noted.averaged)
        self.reals[_FIELD["SEEN"]] = noted.seen

    def note(self) -> Noted:
        """What is known of the steps taken."""
        steps = self.steps
        if steps.noted.nit < steps.nit:
            averaged = self.fields.item(_FIELD["AVERAGED"])
            steps.noted = Noted(
                steps.nit,
                self.reals.item(_FIELD["SEEN"]),
                averaged,
                self.mean if averaged else None,
            )
        return steps.noted

    def _gather(self, begin: int) -> None:
        """The next rows of the epoch, in order."""
        self.first, self.end = 0, 0  # none, should this be broken off
        rows = self.order[begin : begin + len(self.blocks[0])]
        for array, block in zip(self.data, self.blocks, strict=True):
            _rows(array, rows, block[: len(rows)])
        self.first, self.end = begin, begin + len(rows)


def blocks_for(data: tuple[np.ndarray, ...], size: int) -> tuple[np.ndarray, ...]:
    """Arrays for some batches of rows."""
    count = len(data[0])
    each = sum(a[:1].nbytes for a in data)
    rows = min(count, max(1, BLOCK_BYTES // max(1, each * size)) * size)
    return tuple(np.empty((rows, *a.shape[1:]), a.dtype) for a in data)
