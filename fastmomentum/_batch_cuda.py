"""`minimize_batch(..., device="cuda")`: the same problems on a device."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._batch_report import Report
from ._batch_run import Batch
from ._gradient_check import check_gradient
from ._kernels import layout
from ._kernels.cuda.device import check_device
from ._objective import Objective
from ._result import Status, attach
from ._run import Run
from ._validation.parameters import schedule_value

# Counts on the device are int32.
MOST = 2**31 - 1
_STYLES = {"2-point": "two_point", "3-point": "three_point"}


class CudaBatch(Batch):
    """The problems, solved on a device."""

    def __post_init__(self) -> None:
        check_device()
        super().__post_init__()
        self.launch: Any = None

    def done(self) -> int:
        """How many problems are solved, or under way on the device."""
        return self.before + (0 if self.launch is None else self.launch.taken())

    def _run_groups(self, workers: int, report: Report) -> None:
        super()._run_groups(1, report)

    def _run(self, workers: int, report: Report) -> None:
        self._check_clock()
        if self.stop[0]:
            return
        wrong = self.status == layout.NOT_RUN
        wrong[wrong] = ~np.isfinite(self.x[wrong]).all(axis=1)
        self.status[wrong] = Status.NONFINITE
        self.before += int(wrong.sum())
        todo = np.flatnonzero(self.status == layout.NOT_RUN)
        if todo.size == 0:
            return
        first = int(todo[0])
        x0, terms = self.x[first].copy(), self.terms(first)
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
        objective = Objective(self.fun, self.jac, self.args_of(first), x0, "python")
        if terms is not None:
            objective.bounds = terms.bounds()
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
        from ._kernels.cuda.batch import MOST_LOCAL, Spec, compiled, loop_module
        from ._kernels.cuda.launch import Launch

        plan, dtype, n = run.plan, run.dtype, self.n
        automatic = self.settings.learning_rate == "auto"
        last = self.settings.maxiter
        if plan.scheduled:
            last = run.fill_schedules(last)
        bounded = run.terms is not None and (run.terms.bounded or self.per_row is not None)
        fixed = {name: int(run.ints[i]) for i, name in enumerate(layout.INTS)}
        fixed["BOUNDED"] = int(bounded)
        rows, starts = run.rows[: plan.scratch_row, :n], []
        if not automatic:
            n_rows = 2 + len(run.method.slots)
        else:
            starts = [i for i in (*plan.starts, fixed["METRIC_START"]) if i > 0]
            if run.method.loop != "momentum":
                # It keeps no pairs: bounds and penalty follow upon the points.
                rows = np.concatenate([rows[: layout.PAIRS], rows[plan.term_row :]])
                fixed["TERMS"] = layout.PAIRS if run.terms is not None else 0
            if run.terms is not None:
                starts += [fixed["TERMS"] + i for i in range(layout.FREE_ROW + 1)]
            n_rows = len(rows)
        extra = run.floats[layout.OWN :]
        spec = Spec(
            loop=plan.loop,
            dtype=dtype.name,
            n=n if n <= MOST_LOCAL else 0,
            n_rows=n_rows,
            n_extra=extra.size,
            fixed=tuple((name, fixed[name]) for name in loop_module(plan.loop).FIXED),
            style=style,
            bounded=bounded,
            own_bounds=self.per_row is not None,
            args=tuple(
                (np.ndim(a), "last" if batched else "")
                for a, batched in zip(self.args, self.which, strict=True)
            ),
        )
        lower = upper = np.empty((0, 1), dtype)
        if bounded:
            lower, upper = self.tight if self.per_row is not None else objective.bounds
            lower, upper = (np.atleast_2d(part).T for part in (lower, upper))
        self.launch = launch = Launch(
            solve=compiled(spec, self.fun, self.jac),
            spec=spec,
            points=self.x,
            todo=todo,
            ints=run.ints,
            floats=run.floats[: layout.OWN],
            extra=extra,
            rows=rows,
            start_rows=starts,
            bounds=(lower, upper),
            rates=run.numbers["learning_rate"],
            momenta=run.numbers["momentum"],
            step=objective.step,
            args=self.args,
            which=self.which,
            maxiter=min(last, MOST),
        )
        try:
            while not launch.wait(self._patience()):
                self._check_clock()
                report.now()
                if self.stop[0]:
                    launch.end()
        finally:
            self.before += launch.collect(todo, self.x, self.gradients, self.numbers, self.counts)
            self.launch = None
        reached = self.counts[todo, 0] == Status.MAXITER
        if last < self.settings.maxiter and reached.any():
            # A schedule has no good value from there on: it says so itself.
            for parameter, schedule in plan.scheduled.values():
                schedule_value(parameter, schedule, last, dtype)
                schedule_value(parameter, schedule, last + 1, dtype)
