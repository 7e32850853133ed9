"""One run of `minimize_sum`."""

from __future__ import annotations

import dataclasses
import itertools
import math
import time
from typing import Any

import numpy as np

from .._check.options import Settings
from .._check.sums import Sampling
from .._check.values import shown
from .._keep.checkpoint import check_given
from .._language import layout
from .._language.layout import INT
from .._minimize.callback import Callback
from .._minimize.plan import DIVERGED_FACTOR
from .._minimize.resume import GO_ON_ANYWAY, restore, same_value
from .._report.result import OptimizeResult, Status, attach, attach_made, make_result
from .._report.status import message_of, message_of_error, without_state
from .compiled import CompiledSteps
from .kept import NO_CHECKPOINT, Checkpoint
from .rows import Rows, batches, orders, steps_per_epoch
from .state import SumState, can_be_kept, generator_of, plain
from .steps import Anchor, Epoch

FOUND = "what was found"
# Where they are not those of `minimize`.
WORDS = {
    Status.MAXITER: "All epochs were run, and the gradient of the whole is above `gtol`. Raise "
    "`epochs` and go on with `state`, or let the learning rate fall.",
    Status.DIVERGED: "The function value grew without bound. x is the last iterate; use a smaller "
    "`learning_rate`.",
    Status.NONFINITE: "NaN or infinity was met in the function or its gradient. x is that at the "
    "start of the epoch; try a smaller `learning_rate` or another x0.",
    Status.MAXTIME: "Time limit `maxtime` reached. x is the last iterate; go on with `state`.",
    Status.INTERRUPTED: "Interrupted by the user. x is the last iterate; go on with `state`.",
}
NONFINITE_AT_THE_END = (
    "NaN or infinity was met in the function or its gradient at x, the last iterate. Try a smaller "
    "`learning_rate` or another x0."
)
# What a run that goes on must have in common with its beginning.
SAMPLING = ("batch_size", "shuffle", "variance_reduction", "snapshot_every", "average")


class Descent:
    """One run of `minimize_sum`.

    Parameters
    ----------
    source : Rows or ShardedSum
        The terms.
    steps : Steps
        What takes the steps.
    sampling : Sampling
        How they go through the terms.
    begin : float
        When the call began.
    to_gtol : bool
        Does the user want that test to be met?
    checkpoint : Checkpoint
    """

    def __init__(
        self,
        source: Any,
        steps: Any,
        sampling: Sampling,
        begin: float,
        to_gtol: bool,
        checkpoint: Checkpoint = NO_CHECKPOINT,
    ):
        self.source, self.steps, self.sampling, self.begin = source, steps, sampling, begin
        self.to_gtol = to_gtol
        self.saver, self.given = checkpoint
        self.settings: Settings = steps.run.settings
        self.compiled = isinstance(steps, CompiledSteps)
        self.sizes = np.asarray(source.sizes(), np.int64)
        self.count = int(self.sizes.sum())
        self.per_epoch = steps_per_epoch(self.sizes, sampling)
        self.rng = sampling.rng
        self.keeps_state = can_be_kept(self.rng)
        self.origin, self.seeded = plain(self.rng.bit_generator.state), sampling.seeded
        self.start = steps.point.copy()
        self.first = math.nan  # the value of the first batch, at `start`
        self.values: list[float] = []
        self.anchor: Anchor | None = None

    # -- the steps --------------------------------------------------------------------------------

    def run(self, callback: Callback | None) -> OptimizeResult:
        """All epochs; every way out gives what was found."""
        try:
            if self.compiled:
                self.steps.compile(self.source, self.sampling.batch_size)
            self.steps.start()
            status = self._run(callback)
        except KeyboardInterrupt as error:
            if self.settings.on_interrupt == "raise":
                attach_made(error, lambda: self._finish(Status.INTERRUPTED, False), FOUND)
                raise
            status = Status.INTERRUPTED
        except BaseException as error:
            words = message_of_error(error).replace(
                "the best point found", "that at the start of the epoch"
            )
            attach_made(error, lambda: self._finish(Status.INTERRUPTED, False, words), FOUND)
            raise
        return self._finish(status)

    def _run(self, callback: Callback | None) -> Status:
        steps = self.steps
        deadline = self.begin + self.settings.maxtime
        while (epoch := steps.up_to_date().epoch).number < self.sampling.epochs:
            if self.sampling.variance_reduction and self._look(epoch):
                return Status.CONVERGED
            failed = (self._compiled_epoch if self.compiled else self._epoch)(deadline)
            if failed is not None:
                return failed
            del self.values[epoch.number :]
            self.values.append(steps.tally.seen / self.count)
            x, drawn = steps.run.iterate(), dict(self.rng.bit_generator.state)
            steps.begin(Epoch(epoch.number + 1, x, drawn))
            if callback is not None and callback.ends_run(x.copy(), self._intermediate):
                return Status.CALLBACK
        return Status.EPOCHS

    def _epoch(self, deadline: float) -> Status | None:
        """What is left of an epoch, with one call of Python for each step."""
        done = self.steps.nit - self.steps.tally.epoch.number * self.per_epoch
        for rows in itertools.islice(batches(self.sizes, self.sampling, self.rng), done, None):
            failed = self._step(rows)
            failed = self._limited(deadline) if failed is None else failed
            if failed is not None:
                return failed
        return None

    def _compiled_epoch(self, deadline: float) -> Status | None:
        """The same, by compiled code."""
        steps = self.steps
        ((_, order),) = orders(self.sizes, self.sampling, self.rng)
        steps.follow(order)
        while (tally := steps.up_to_date()).rows < self.count:
            if tally.nit == 0:
                failed = self._step({0: order[: self.sampling.batch_size]})
            else:
                failed = steps.advance(deadline - time.perf_counter())
            failed = self._limited(deadline) if failed is None else failed
            if failed is not None:
                return failed
        return None

    def _limited(self, deadline: float) -> Status | None:
        """Between two steps: is the time over, or a checkpoint due?"""
        if self.saver is not None and self.saver.due():
            self.saver.save(lambda: self.state(layout.RUNNING))
        return Status.MAXTIME if time.perf_counter() > deadline else None

    def _step(self, rows: dict[int, np.ndarray]) -> Status | None:
        """One step, through Python."""
        first = self.steps.nit == 0
        f, g, count = self._gradient(rows, checked=first and self.compiled)
        if first:
            self.first = f
            if isinstance(self.source, Rows):
                self.source.objective.warn_of_fallback()
        failed: Status | None = self.steps.take(f, g, count)
        return failed

    def _gradient(
        self, rows: dict[int, np.ndarray], checked: bool
    ) -> tuple[float, np.ndarray, int]:
        """Mean over a batch, corrected by that at the snapshot; and its number of rows."""
        x, anchor = self.steps.point, self.anchor
        count = sum(map(len, rows.values()))
        points = x[None] if anchor is None else np.stack([x, anchor.x])
        fun, grad = self._evaluate(points, rows, checked)
        g = grad[0] / count
        if anchor is not None:
            g = g - grad[1] / count + anchor.grad
        return float(fun[0]) / count, g, count

    def _evaluate(
        self, points: np.ndarray, rows: dict[int, np.ndarray], checked: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sums over a batch; `checked`: before compiled code calls the function."""
        found: tuple[np.ndarray, np.ndarray]
        evaluate = self.source.check if checked else self.source.evaluate
        found = evaluate(points, rows)
        return found

    def _look(self, epoch: Epoch) -> bool:
        """Take a snapshot where one is due; is it the minimum?"""
        due = epoch.number % self.sampling.snapshot_every == 0
        if due and (self.anchor is None or self.anchor.epoch != epoch.number):
            self.anchor = Anchor(epoch.number, epoch.x, *self._all(epoch.x))
        anchor = self.anchor
        assert anchor is not None
        if self.compiled:
            self.steps.correct(anchor.x, anchor.grad)
        at_snapshot = anchor.epoch == epoch.number
        return at_snapshot and self._norm(anchor.x, anchor.grad) <= self.settings.gtol

    def _all(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """The mean over all rows."""
        fun, grad = self.source.evaluate(x[None])
        return float(fun[0]) / self.count, grad[0] / self.count

    def _norm(self, x: np.ndarray, g: np.ndarray) -> float:
        run = self.steps.run
        return float(run.grad_norm(run.terms, x, g))

    # -- what is known ----------------------------------------------------------------------------

    def _intermediate(self) -> OptimizeResult:
        """What a callback sees."""
        epoch = self.steps.tally.epoch
        return make_result(
            x=epoch.x.copy(),
            fun=self.values[-1],
            nit=self.steps.nit,
            epoch=epoch.number,
            time=time.perf_counter() - self.begin,
        )

    def _finish(self, status: Status, final: bool = True, words: str = "") -> OptimizeResult:
        """The result, and the last checkpoint."""
        try:
            if self.saver is not None:
                self.saver.save(lambda: self.state(status))
            return self._kept(self._result(status, final, words))
        except BaseException as error:
            result = self._kept(self._result(status, False, words))
            if not self.settings.returns_after(error):
                attach(error, result, FOUND)
                raise
            return result

    def _kept(self, result: OptimizeResult) -> OptimizeResult:
        """The result with its state, if it is to have one."""
        if self.settings.keep_state is False:
            result["message"] = without_state(result.message)
        elif self.keeps_state and self.settings.keeps_state(result.status == Status.CONVERGED):
            result["state"] = self.state(Status(result.status))
        return result

    def _result(self, status: Status, final: bool, words: str) -> OptimizeResult:
        """What was found; `final`: with a last look at all rows."""
        tally, anchor = self.steps.up_to_date(), self.anchor
        x = tally.epoch.x
        if status in (Status.MAXTIME, Status.INTERRUPTED) and not words:
            x = self.steps.run.iterate()
        elif status == Status.EPOCHS and tally.mean is not None:
            x = tally.mean.astype(x.dtype)
        # What is evaluated at snapshots, in steps, and in one that failed.
        looks = 0 if anchor is None else 1 + anchor.epoch // self.sampling.snapshot_every
        points = 1 if anchor is None else 2
        nfev = looks + points * tally.nit
        rows = self.count * (looks + points * tally.epoch.number) + points * tally.rows
        if status == Status.NONFINITE:
            nfev, rows = nfev + points, rows + points * self.steps.count
        f, g = math.nan, np.full_like(x, math.nan)
        if anchor is not None and np.array_equal(anchor.x, x):
            f, g = anchor.fun, anchor.grad.copy()
        elif final:
            f, g = self._all(x)
            nfev, rows = nfev + 1, rows + self.count
        grad_norm = self._norm(x, g)
        if status == Status.EPOCHS:
            status = self._judge(f, grad_norm) if final else Status.INTERRUPTED
            if status == Status.NONFINITE:
                words = NONFINITE_AT_THE_END
        message = words or WORDS.get(status) or message_of(status, automatic=False)
        return make_result(
            message=message,
            success=status in (Status.CONVERGED, Status.EPOCHS),
            status=int(status),
            fun=f,
            x=x.copy(),
            nit=tally.nit,
            jac=g,
            nfev=nfev,
            njev=nfev,
            epochs=tally.epoch.number,
            n_passes=rows / self.count,
            grad_norm=grad_norm,
            history={"fun": np.array(self.values[: tally.epoch.number])},
            time=time.perf_counter() - self.begin,
            backend="numba" if self.compiled else "python",
        )

    def _judge(self, f: float, grad_norm: float) -> Status:
        """What the mean over all rows says, after all epochs."""
        if not (math.isfinite(f) and math.isfinite(grad_norm)):
            return Status.NONFINITE
        if grad_norm <= self.settings.gtol:
            return Status.CONVERGED
        lowest = min(self.values)
        if f - lowest > DIVERGED_FACTOR * max(1.0, abs(lowest)):
            return Status.DIVERGED
        return Status.MAXITER if self.to_gtol else Status.EPOCHS

    # -- states -----------------------------------------------------------------------------------

    def state(self, status: int) -> SumState:
        """All that the run knows."""
        tally, anchor, run = self.steps.up_to_date(), self.anchor, self.steps.run
        steps = dataclasses.replace(run.state(layout.RUNNING), status=int(status))
        steps.ints[INT.PENDING] = layout.TO_EVALUATE
        none = np.empty(0, run.dtype)
        counts = (
            tally.epoch.number, tally.rows, tally.averaged, -1 if anchor is None else anchor.epoch
        )  # fmt: skip
        return SumState(
            steps=steps,
            generator=plain(tally.epoch.generator),
            origin=self.origin,
            seeded=self.seeded,
            sampling=self._sampling(),
            start=self.start,
            begin=tally.epoch.x,
            mean=np.empty(0) if tally.mean is None else tally.mean.copy(),
            snapshot=none if anchor is None else anchor.x,
            correction=none if anchor is None else anchor.grad,
            values=np.array(self.values[: tally.epoch.number], np.float64),
            numbers=np.array([tally.seen, self.first, math.nan if anchor is None else anchor.fun]),
            counts=np.array(counts, np.int64),
            sizes=self.sizes,
            given=self.given,
        )

    def _sampling(self) -> dict[str, str]:
        found = {name: repr(getattr(self.sampling, name)) for name in SAMPLING}
        if self.sampling.average:  # of another last part
            found["epochs"] = repr(self.sampling.epochs)
        return found

    def restore(self, state: SumState) -> None:
        """Go on from `state`, once its first batch has shown that the sum is the same.

        That call is not counted in nfev, which is then that of a run without a break.
        """
        restore(self.steps.run, state.steps)
        self._check_state(state)
        if state.from_checkpoint:
            check_given(state, self.given, GO_ON_ANYWAY)
        generator = generator_of(state.generator)
        if type(generator) is type(self.rng.bit_generator):
            self.rng.bit_generator.state = generator.state
        else:
            self.rng = np.random.Generator(generator)
        self.origin, self.seeded = state.origin, self.seeded or state.seeded
        self.start, self.first = state.start.copy(), float(state.numbers[1])
        self.steps.tally, self.anchor = state.tally(), state.anchor()
        self.values = state.values.tolist()
        if state.nit > 0:
            self._check_sum(state.source)

    def _check_state(self, state: SumState) -> None:
        """Is `state` that of such a run?"""
        own = {**self._sampling(), "rows per shard": shown(self.sizes.tolist())}
        theirs = {**state.sampling, "rows per shard": shown(state.sizes.tolist())}
        for name, value in own.items():
            if theirs.get(name) != value:
                raise ValueError(
                    f"{state.source} must be of a run with {name}={value}, got one with "
                    f"{theirs.get(name, 'another')}."
                )
        if not np.array_equal(state.sizes, self.sizes):
            raise ValueError(f"{state.source} must be of a run with the same rows per shard.")
        if self.seeded and state.origin != self.origin:
            raise ValueError(
                f"{state.source} must be of a run with the same seed: leave out seed to go on "
                "with the random numbers of that run."
            )
        done = state.nit - state.epoch * self.per_epoch
        snapshots = state.counts[3] >= 0
        if (
            not 0 <= done <= self.per_epoch
            or state.counts[1] > self.count
            or (state.nit > 0 and snapshots != bool(self.sampling.variance_reduction))
        ):
            raise ValueError(f"{state.source} is damaged: its counts do not fit together.")

    def _check_sum(self, source: str) -> None:
        """Has the first batch the value that it had?"""
        rng = np.random.Generator(generator_of(self.origin))
        rows = next(batches(self.sizes, self.sampling, rng))
        fun, _ = self._evaluate(self.start[None], rows, checked=self.compiled)
        f = float(fun[0]) / sum(map(len, rows.values()))
        same_value(source, f, self.first, None, self.start, "in its first batch", "data")
