"""`minimize_batch` on a CUDA device, for arrays of the host and of the device."""

from __future__ import annotations

import collections
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .._arrays import on_device, real_of
from .._callables import Entries, SumOfTerms, parts_of
from .._check.bounds import refuse_interval
from .._check.parameters import schedule_value
from .._language import layout
from .._minimize.run import Run
from .._problem.gradient_check import check_gradient
from .._problem.objective import NO_BOUNDS, Limits, Objective
from .._report.result import OptimizeResult, Status, attach, make_result
from .._report.status import message_of_many, without_state
from .problems import SKIPPED
from .report import Report
from .run import Batch

# Counts on the device are int32.
MOST = 2**31 - 1
_STYLES = {"2-point": "two_point", "3-point": "three_point"}


def batch_for(starts: Any) -> Callable[..., CudaBatch]:
    """The kind of batch for these starts."""
    return DeviceBatch if on_device(starts) else CudaBatch


class CudaBatch(Batch):
    """The problems, solved on a device; results are arrays of the host."""

    def __post_init__(self) -> None:
        self.launches: collections.deque[Any] = collections.deque()
        self.narrow: Any = None
        self.parts: Any = parts_of(self.fun)
        self.args = tuple(
            self._viewed(a, f"args[{k}]") if on_device(a) else a for k, a in enumerate(self.args)
        )
        self.points: Any = self.starts
        super().__post_init__()

    @staticmethod
    def _viewed(array: Any, name: str) -> Any:
        """Numba's view of an array on the device, once what it holds is there."""
        from .._cuda.arrays import settled_view

        view = settled_view(array, name)
        if array.shape and view.ndim > 2 and not view.is_c_contiguous():
            raise ValueError(f"{name} must be contiguous, in C order, where it is on a device.")
        return view

    def args_of(self, row: int) -> tuple:
        """The arguments of one problem, on the host."""
        return tuple(
            _on_host(a, row if batched else None)
            for a, batched in zip(self.args, self.which, strict=True)
        )

    def limit(self, shared: Any, per_row: Any, penalty: Any) -> None:
        if per_row is not None and any(map(on_device, per_row)):
            names = ("bounds.lb", "bounds.ub")
            per_row = tuple(map(self._row_bounds, per_row, names))
            self._inspect(per_row, penalty)
        super().limit(shared, per_row, penalty)

    def _row_bounds(self, bounds: Any, name: str) -> Any:
        """Lower or upper bounds of each problem, on the device."""
        from .._cuda.launch import to_device

        if not on_device(bounds):
            return to_device(bounds.astype(self.dtype))
        if real_of(bounds) != self.dtype:
            raise TypeError(
                f"{name} must be of X0's dtype, {self.dtype}, where it is on a device, got "
                f"{real_of(bounds)}."
            )
        return self._viewed(bounds, name)

    def _bounds_of(self, row: int) -> Any:
        pair = super()._bounds_of(row)
        if pair is None or isinstance(pair[0], np.ndarray):
            return pair
        return tuple(part.copy_to_host().astype(float) for part in pair)

    def _tighten(self) -> None:
        assert self.per_row is not None
        self.tight = self.per_row
        if isinstance(self.per_row[0], np.ndarray):
            super()._tighten()

    def _inspect(self, per_row: Any, penalty: Any) -> None:
        """Look at bounds of each problem that are on the device."""
        from .._cuda.launch import Lane
        from .._cuda.rows import EMPTY, WRONG, intervals, spread

        lane = Lane()
        low, high = (np.full(self.n, v, self.dtype) for v in (-np.inf, np.inf))
        if penalty is not None:
            self.narrow = low, high = self._penalty_bounds(penalty)
        found = lane.room("found", (self.count,), np.int8)
        pair = lane.upload("low", low), lane.upload("high", high)
        spread(intervals, lane.stream, found, *per_row, *pair)
        self.kinds = found.copy_to_host(stream=lane.stream)
        lane.stream.synchronize()
        for kind in (WRONG, EMPTY):
            if (self.kinds == kind).any():
                row = int((self.kinds == kind).argmax())
                lower, upper = (part[row].copy_to_host() for part in per_row)
                refuse_interval(lower, upper, row, low, high)

    def _penalty_bounds(self, penalty: Any) -> tuple[np.ndarray, np.ndarray]:
        """Bounds that the penalty sets to all problems."""
        from ..penalties._separable import inward

        _, _, low, high = penalty.separable_data(self.n)
        low, high = (np.broadcast_to(part, self.n).astype(float) for part in (low, high))
        if self.dtype != np.float64:
            with np.errstate(over="ignore"):
                low, high = inward(low, high, self.dtype)
        return low.astype(self.dtype), high.astype(self.dtype)

    def _unbounded(self) -> np.ndarray:
        assert self.per_row is not None
        if isinstance(self.per_row[0], np.ndarray):
            return super()._unbounded()
        from .._cuda.rows import FREE

        return self.kinds == FREE

    def done(self) -> int:
        """How many problems are solved, or under way on the device."""
        return self.before + sum(launch.taken() for launch in self.launches)

    def _run_groups(self, workers: int, report: Report) -> None:
        super()._run_groups(1, report)

    def _wrong_starts(self) -> np.ndarray:
        """Which problems start from a point that is not finite."""
        wrong = self.status == layout.NOT_RUN
        wrong[wrong] = ~np.isfinite(self.x[wrong]).all(axis=1)
        return wrong

    def _start_of(self, row: int) -> np.ndarray:
        """Where a problem starts."""
        return self.x[row].copy()

    def _results(self) -> Any:
        """Where what is found is written."""
        from .._cuda.results import HostResults

        return HostResults(self.x, self.gradients, self.numbers, self.counts)

    def _run(self, workers: int, report: Report) -> None:
        self._check_clock()
        if self.stop[0]:
            return
        wrong = self._wrong_starts()
        self.status[wrong] = Status.NONFINITE
        self.before += int(wrong.sum())
        todo = np.flatnonzero(self.status == layout.NOT_RUN)
        if todo.size == 0:
            return
        first = int(todo[0])
        x0, terms = self._start_of(first), self.terms(first)
        if terms is not None:
            if not terms.separable:
                raise ValueError(
                    f"device='cuda' takes bounds and separable penalties, got {self.penalty!r}."
                )
            if self.settings.learning_rate != "auto" and not terms.only_bounds:
                raise ValueError(
                    "device='cuda' takes bounds only where learning_rate is given, got "
                    f"penalty={self.penalty!r}."
                )
            x0 = terms.start(x0)
        # Python checks the functions once, as everywhere; the processor's loops are not compiled.
        limits = Limits(NO_BOUNDS if terms is None else terms.bounds(), self.settings.steps)
        objective = Objective(self.fun, self.jac, self.args_of(first), x0, "python", limits)
        style = self._style(objective)
        try:
            if self.to_compare:
                self.to_compare = False
                check_gradient(objective, x0)
            objective.first(x0, np.empty_like(x0))
        except Exception as error:
            attach(error, row=first)
            raise
        self.backend = "cuda"
        self._solve_all(todo, objective, Run(objective, self.settings, x0, terms), style, report)

    def _style(self, objective: Objective) -> str:
        """How the kernel gets the gradient."""
        if isinstance(self.parts, SumOfTerms):
            return "terms"
        if isinstance(self.parts, Entries):
            if self.parts.row is not None:
                raise ValueError(
                    "device='cuda' takes entrywise(entry) without rows for a batch, since a kernel "
                    "has no memory for them: write what they share into sum_of_terms, or leave "
                    "device out."
                )
            return "entries"
        if isinstance(self.jac, str):
            if self.jac in _STYLES:
                return _STYLES[self.jac]
            raise ValueError(f"jac={self.jac!r} is not possible with device='cuda'.")
        if not objective.in_place:
            raise TypeError(
                "device='cuda' needs a gradient that is written in place, since a kernel cannot "
                "make arrays: fun(x, out, *args) -> f with jac=True, or jac(x, out, *args)."
            )
        return "fused" if self.jac is True else "in_place"

    def _solve_all(
        self, todo: np.ndarray, objective: Objective, run: Run, style: str, report: Report
    ) -> None:
        from .._cuda.batch import MOST_LOCAL, Spec, compiled
        from .._cuda.launch import Job, Problems
        from .._cuda.numbers import fixed_of

        lanes = 1
        if style == "terms" and self.n <= MOST_LOCAL:
            lanes = self._lanes(objective.args if todo[0] == 0 else self.args_of(0))
        plan, dtype, n = run.plan, run.dtype, self.n
        automatic = self.settings.learning_rate == "auto"
        last = self.settings.maxiter
        if plan.scheduled:
            last = run.fill_schedules(last)
        bounded = run.terms is not None and (run.terms.bounded or self.per_row is not None)
        fixed = {name: int(run.ints[i]) for i, name in enumerate(layout.INTS)}
        fixed["BOUNDED"] = int(bounded)
        if self.per_row is not None:
            fixed["COST_FUN"] = objective.cost_without_bounds
        rows, starts = run.rows[: plan.scratch_row, :n], []
        if not automatic:
            n_rows = 2 + len(run.method.slots)
        else:
            starts = [i for i in (*plan.starts, fixed["METRIC_START"]) if i > 0]
            if not plan.loop.keeps_pairs:
                # It keeps no pairs: bounds and penalty follow upon the points.
                rows = np.concatenate([rows[: layout.PAIRS], rows[plan.term_row :]])
                fixed["TERMS"] = layout.PAIRS if run.terms is not None else 0
            if run.terms is not None:
                starts += [fixed["TERMS"] + i for i in range(layout.FREE_ROW + 1)]
            n_rows = len(rows)
        spec = Spec(
            loop=plan.loop.name,
            dtype=dtype.name,
            n=n if n <= MOST_LOCAL else 0,
            n_rows=n_rows,
            n_extra=run.floats.size - layout.OWN,
            fixed=fixed_of(fixed),
            style=style,
            bounded=bounded,
            own_bounds=self.per_row is not None,
            args=tuple(
                (np.ndim(a), _place(np.ndim(a), lanes) if batched else "")
                for a, batched in zip(self.args, self.which, strict=True)
            ),
            lanes=lanes,
        )
        bounds: Any = None
        if bounded:
            bounds = self.tight if self.per_row is not None else objective.bounds
        job = Job(
            solve=compiled(spec, self.fun, self.jac),
            spec=spec,
            problems=Problems(
                points=self.points,
                bounds=bounds,
                narrow=self.narrow if self.per_row is not None else None,
                args=self.args,
                which=self.which,
            ),
            n=n,
            ints=run.ints,
            floats=run.floats,
            rows=rows,
            start_rows=starts,
            rates=run.numbers["learning_rate"],
            momenta=run.numbers["momentum"],
            step=objective.step,
            steps=objective.steps,
            maxiter=min(last, MOST),
        )
        self._launch_all(job, todo, report)
        reached = self.status[todo] == Status.MAXITER
        if last < self.settings.maxiter and reached.any():
            # A schedule has no good value from there on: it says so itself.
            for parameter, schedule in plan.scheduled.values():
                schedule_value(parameter, schedule, last, dtype)
                schedule_value(parameter, schedule, last + 1, dtype)

    def _lanes(self, args: tuple) -> int:
        """How many threads share each problem, whichever are left; `args` are those of the first.

        The order of additions depends on it.
        """
        from .._cuda.functions import python_function, refuse_exceptions
        from .._cuda.lanes import lanes_for

        wanted, count = self.parts.threads, 0
        if wanted is None:
            count = int(python_function(self.parts.n_terms)(self._start_of(0), *args))
        lanes = lanes_for(self.count, count, wanted)
        if lanes > 1:
            refuse_exceptions(term=self.parts.term, n_terms=self.parts.n_terms)
        return lanes

    def _launch_all(self, job: Any, todo: np.ndarray, report: Report) -> None:
        """Solve problems, some at a time: the data of the next ones travel meanwhile."""
        from numba import cuda

        from .._cuda.launch import Lane, Launch

        results = self._results()
        size = job.at_once(self.count)
        lanes = [Lane() for _ in range(min(2, -(-self.count // size)))]
        # Freeing memory would wait for the kernels, and nobody would look at the clock.
        with cuda.defer_cleanup():
            try:
                for k, first in enumerate(range(0, self.count, size)):
                    last = min(first + size, self.count)
                    own = todo[(todo >= first) & (todo < last)] - first
                    if own.size == 0:
                        continue
                    if len(self.launches) == len(lanes):
                        self._await(report)
                        self._take(results)
                    if self.stop[0]:
                        break
                    self.launches.append(Launch(job, lanes[k % len(lanes)], first, last, own))
                while self.launches:
                    self._await(report)
                    self._take(results)
            finally:
                for launch in self.launches:
                    launch.end()
                while self.launches:
                    self._take(results)

    def _await(self, report: Report) -> None:
        """Wait for the end of the first launch."""
        while not self.launches[0].wait(self._patience()):
            self._check_clock()
            report.now()
            if self.stop[0]:
                for launch in self.launches:
                    launch.end()
        self._check_clock()
        report.now()

    def _take(self, results: Any) -> None:
        """Take what the first launch found; it is ended if it has not."""
        launch = self.launches[0]
        launch.finish()
        results.take(launch)
        self.launches.popleft()
        self.before += int((self.status[launch.first + launch.todo] != layout.NOT_RUN).sum())


class DeviceBatch(CudaBatch):
    """The same for an X0 on a device; results are arrays of its library, on the device."""

    def _make_room(self) -> None:
        from .._cuda.arrays import library_of
        from .._cuda.launch import to_device

        self.library = library_of(self.starts, "X0")
        self.dtype, self.n = real_of(self.starts), int(tuple(self.starts.shape)[-1])
        self.points = self.library.view(self.starts)
        self.library.stream.synchronize()
        if self.points.ndim == 2:
            self.count = int(self.points.shape[0])
        else:
            self.points = to_device(self.points.copy_to_host().reshape(1, self.n))
            rows = (a for a, batched in zip(self.args, self.which, strict=True) if batched)
            self.count = int(next(rows).shape[0])
        self.status = np.empty(self.count, np.int64)
        self.found: Any = None

    def _results(self) -> Any:
        from .._cuda.results import DeviceResults

        if self.found is None:
            real, stream = self.dtype.type, self.library.stream
            self.found = DeviceResults(
                self.library, self.points, self.count, real, self.status, stream
            )
            stream.synchronize()
        return self.found

    def _wrong_starts(self) -> np.ndarray:
        from .._cuda.launch import Lane
        from .._cuda.rows import not_finite, spread

        lane = Lane()
        found = lane.room("found", (self.points.shape[0],), np.int8)
        spread(not_finite, lane.stream, found, self.points)
        wrong = found.copy_to_host(stream=lane.stream)
        lane.stream.synchronize()
        return (wrong != 0) & (self.status == layout.NOT_RUN)

    def _start_of(self, row: int) -> np.ndarray:
        return _on_host(self.points, row if self.points.shape[0] > 1 else 0)

    def _finish(self) -> OptimizeResult:
        self.settled = self.status > layout.NOT_RUN
        return self.result()

    def result(self) -> OptimizeResult:
        """What was found so far."""
        status = self.status.copy()
        status[status < SKIPPED] = self.reason
        success = status == Status.CONVERGED
        message = message_of_many(status, self.settings.learning_rate == "auto", self.why)
        return make_result(
            message=without_state(message),
            **self._results().arrays(status, success),
            time=time.perf_counter() - self.begin,
            backend=self.backend,
            workers=self.used,
        )


def _place(dimensions: int, lanes: int) -> str:
    """Where the problem's index stands in an argument: threads side by side read side by side."""
    return "first" if lanes > 1 and dimensions > 1 else "last"


def _on_host(array: Any, row: int | None) -> Any:
    """A row of an array, or all of it, on the host."""
    part = array if row is None else array[row]
    return part.copy_to_host() if hasattr(part, "copy_to_host") else part
