"""The steps of `minimize_sum`: what a method makes of the gradients of batches."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .._check.options import Settings
from .._check.sums import Sampling
from .._language import layout
from .._language.layout import FLOAT, INT
from .._minimize.told import ToldRun
from .._report.pinned import Pinned
from .._report.status import Status

# Steps for which the numbers of a schedule are made at once.
SCHEDULE_STEPS = 4096


class Epoch(NamedTuple):
    """Where an epoch begins."""

    number: int
    x: np.ndarray
    generator: dict[str, Any]  # state of the random numbers


class Anchor(NamedTuple):
    """A snapshot of 'svrg', and the mean of all rows there."""

    epoch: int
    x: np.ndarray
    fun: float
    grad: np.ndarray


class Tally(NamedTuple):
    """What is known after `nit` steps."""

    nit: int
    epoch: Epoch
    rows: int  # seen in this epoch
    seen: float  # sum of the values in this epoch, of each batch times its rows
    averaged: int  # iterates in `mean`
    mean: np.ndarray | None  # in float64


class Steps(Pinned):
    """The update rule of a method, one gradient after the other.

    Ctrl-C may come between any two lines. What belongs together changes in one call, or is replaced
    in one assignment, and what may be behind is brought up to date by `up_to_date`.
    """

    def __init__(
        self, settings: Settings, x: np.ndarray, sampling: Sampling, total: int, terms: Any
    ):
        self.run = ToldRun(settings, x, terms)
        self.total = total
        # Of the steps 1, 2, ..., total the last ones are averaged.
        self.average_from = math.floor((1.0 - sampling.average) * total) + 1
        begin = Epoch(0, x.copy(), dict(sampling.rng.bit_generator.state))
        self.tally = Tally(0, begin, 0, 0.0, 0, None)
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
        """Get ready for the next gradient, at x0 or where a run goes on."""
        self.run.ints[INT.PENDING] = layout.TO_EVALUATE
        self._advance()

    def take(self, f: float, g: np.ndarray, count: int) -> Status | None:
        """One step, by the means over a batch of `count` rows; how it failed, if it did."""
        run = self.run
        self.count = count
        run.row(layout.N_POINTS + run.ints.item(INT.CURRENT))[:] = g
        run.deliver(f)
        failed = self._advance()
        self.up_to_date()
        return failed

    def up_to_date(self) -> Tally:
        """What is known of all steps taken."""
        tally = self.tally
        if tally.nit < self.nit:
            averaged, mean = tally.averaged, tally.mean
            if self.nit >= self.average_from:
                x = self.run.iterate()
                averaged += 1
                mean = x.astype(np.float64) if mean is None else mean + (x - mean) / averaged
            seen = tally.seen + self.run.floats.item(FLOAT.FUN) * self.count
            rows = tally.rows + self.count
            self.tally = Tally(self.nit, tally.epoch, rows, seen, averaged, mean)
        return self.tally

    def begin(self, epoch: Epoch) -> None:
        """Go on to an epoch."""
        self.tally = self.tally._replace(epoch=epoch, rows=0, seen=0.0)

    def fill(self, last: int) -> int:
        """Numbers of the schedules for the steps from the current one on; where they end."""
        if last >= self.filled:
            end = max(min(last + SCHEDULE_STEPS, self.total), last)
            self.filled = self.run.fill_schedules(end)
        return self.filled

    def _advance(self) -> Status | None:
        last = self.nit + 1
        self.fill(last)
        if self.run.needs_evaluation(last):
            return None
        return Status(self.run.ints.item(INT.STATUS))
