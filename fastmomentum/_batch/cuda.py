"""A CUDA device fills the table of a batch, whose arrays are the host's or the device's."""

from __future__ import annotations

import collections
from typing import Any

import numpy as np

from .._callables import Entries, SumOfTerms, parts_of
from .._language import layout
from .._minimize.run import Run
from .._problem.gradient_check import check_gradient
from .._problem.objective import Objective
from .._problem.terms import Terms
from .._report.result import Status, attach
from .batch import Batch
from .problems import Problems
from .table import NOT_RUN, groups

# Counts on the device are int32.
MOST = 2**31 - 1
_STYLES = {"2-point": "two_point", "3-point": "three_point"}


class Device:
    """Kernels that each solve many problems.

    Parameters
    ----------
    results : HostResults or DeviceResults
        Where what is found is written.
    """

    def __init__(self, results: Any):
        self.results = results
        self.backend = "python"  # until fun has been called once
        self.used = 1
        self.launches: collections.deque[Any] = collections.deque()
        self.compared = False  # jac with differences

    def under_way(self) -> int:
        """How many problems are solved, or under way, in the launches."""
        return sum(launch.taken() for launch in self.launches)

    def calls_here(self) -> bool:
        """Once fun has been called, kernels call it."""
        return self.backend != "cuda"

    def fill(self, batch: Batch) -> None:
        """Solve what the table has not, until the clock says stop."""
        for group in groups(batch.problems, batch.table.status):
            self._fill(group, batch)

    def _fill(self, group: Problems, batch: Batch) -> None:
        table = batch.table
        batch.clock.check()
        if batch.clock.stopped:
            return
        wrong = table.wrong_starts()
        table.status[wrong] = Status.NONFINITE
        table.before += int(wrong.sum())
        todo = np.flatnonzero(table.status == NOT_RUN)
        if todo.size == 0:
            return
        first = int(todo[0])
        x0, terms = table.start_of(first), group.terms(first)
        if terms is not None:
            _check_penalty(group, terms)
            x0 = terms.start(x0)
        # Python checks the functions once, as everywhere; the processor's loops are not compiled.
        objective = group.objective(first, x0, terms, np.inf, "python")
        style = _style(group, objective)
        try:
            if group.settings.check_jac and not self.compared:
                self.compared = True
                check_gradient(objective, x0)
            objective.first(x0, np.empty_like(x0))
        except Exception as error:
            attach(error, row=first)
            raise
        self.backend = "cuda"
        # A kernel is compiled for a number of velocities.
        run = Run(objective, group.settings.with_fixed_memory(), x0, terms)
        self._solve(group, todo, run, style, batch)

    def _solve(self, group: Problems, todo: np.ndarray, run: Run, style: str, batch: Batch) -> None:
        """Solve these problems of a group, which are all alike for a kernel."""
        from .._cuda.batch import MOST_LOCAL

        lanes = 1
        if style == "terms" and group.n <= MOST_LOCAL:
            args = run.objective.args if todo[0] == 0 else group.family.args_of(0)
            lanes = _lanes(group, batch.table, args)
        last = group.settings.maxiter
        if run.plan.scheduled:
            last = run.fill_schedules(last)
        form = _Form(style, lanes, group.n <= MOST_LOCAL)
        job = _job(group, batch.table.points, run, form, last)
        self._launch_all(job, todo, batch)
        reached = batch.table.status[todo] == Status.MAXITER
        if last < group.settings.maxiter and reached.any():
            run.refuse_schedules(last)

    def _launch_all(self, job: Any, todo: np.ndarray, batch: Batch) -> None:
        """Solve problems, some at a time: the data of the next ones travel meanwhile."""
        from numba import cuda

        from .._cuda.launch import Lane, Launch

        count = batch.table.count
        size = job.at_once(count)
        lanes = [Lane() for _ in range(min(2, -(-count // size)))]
        # Freeing memory would wait for the kernels, and nobody would look at the clock.
        with cuda.defer_cleanup():
            try:
                for k, first in enumerate(range(0, count, size)):
                    last = min(first + size, count)
                    own = todo[(todo >= first) & (todo < last)] - first
                    if own.size == 0:
                        continue
                    if len(self.launches) == len(lanes):
                        self._await(batch)
                        self._take(batch.table)
                    if batch.clock.stopped:
                        break
                    self.launches.append(Launch(job, lanes[k % len(lanes)], first, last, own))
                while self.launches:
                    self._await(batch)
                    self._take(batch.table)
            finally:
                for launch in self.launches:
                    launch.end()
                while self.launches:
                    self._take(batch.table)

    def _await(self, batch: Batch) -> None:
        """Wait for the end of the first launch."""
        while not self.launches[0].wait(batch.clock.patience()):
            batch.look()
            if batch.clock.stopped:
                for launch in self.launches:
                    launch.end()
        batch.look()

    def _take(self, table: Any) -> None:
        """Take what the first launch found; it is ended if it has not."""
        launch = self.launches[0]
        launch.finish()
        self.results.take(launch)
        self.launches.popleft()
        table.before += int((table.status[launch.first + launch.todo] != NOT_RUN).sum())


class _Form:
    """What a kernel is to look like, besides its loop."""

    def __init__(self, style: str, lanes: int, local: bool):
        self.style, self.lanes = style, lanes
        self.local = local  # are its vectors in local memory?

    def place(self, dimensions: int) -> str:
        """Where the problem's index stands in an argument: neighbouring threads read neighbours."""
        return "first" if self.lanes > 1 and dimensions > 1 else "last"


def _job(group: Problems, points: Any, run: Run, form: _Form, last: int) -> Any:
    """What all launches of a group have in common."""
    from .._cuda.launch import Job, Problems
    from .._cuda.numbers import Start

    per_row, objective, family = group.per_row, run.objective, group.family
    fixed, rows, start_rows = _numbers(group, run)
    solve, spec = _kernel(group, run, form, fixed, len(rows))
    bounds: Any = None
    if spec.bounded:
        bounds = objective.bounds if per_row is None else per_row.tight
    return Job(
        solve=solve,
        spec=spec,
        problems=Problems(
            points=points,
            bounds=bounds,
            narrow=None if per_row is None else per_row.narrow,
            args=family.args,
            which=family.which,
        ),
        start=Start(run.ints, run.floats, run.numbers["learning_rate"], run.numbers["momentum"]),
        rows=(rows, start_rows),
        steps=(objective.step, objective.steps),
        maxiter=min(last, MOST),
    )


def _numbers(group: Problems, run: Run) -> tuple[dict[str, int], np.ndarray, list[int]]:
    """The integers, what the rows start from, and which of these."""
    plan, terms = run.plan, run.terms
    fixed = {name: int(run.ints[i]) for i, name in enumerate(layout.INTS)}
    fixed["BOUNDED"] = int(_bounded(group, run))
    if group.per_row is not None:
        fixed["COST_FUN"] = run.objective.cost_without_bounds
    rows = run.rows[: plan.scratch_row, : group.n]
    if not plan.loop.automatic:
        return fixed, rows, []
    starts = [i for i in (*plan.starts, fixed["METRIC_START"]) if i > 0]
    if not plan.loop.keeps_pairs:
        # Bounds and penalty follow upon the points.
        rows = np.concatenate([rows[: layout.PAIRS], rows[plan.term_row :]])
        fixed["TERMS"] = layout.PAIRS if terms is not None else 0
    if terms is not None:
        starts += [fixed["TERMS"] + i for i in range(layout.FREE_ROW + 1)]
    return fixed, rows, starts


def _bounded(group: Problems, run: Run) -> bool:
    return run.terms is not None and (run.terms.bounded or group.per_row is not None)


def _kernel(
    group: Problems, run: Run, form: _Form, fixed: dict[str, int], n_rows: int
) -> tuple[Any, Any]:
    """The kernel, and what it is compiled for."""
    from .._cuda.batch import Spec, compiled
    from .._cuda.numbers import fixed_of

    loop, family = run.plan.loop, group.family
    spec = Spec(
        loop=loop.name,
        dtype=run.dtype.name,
        n=group.n if form.local else 0,
        n_rows=n_rows if loop.automatic else 2 + len(run.method.slots),
        n_extra=run.floats.size - layout.OWN,
        fixed=fixed_of(fixed),
        style=form.style,
        bounded=_bounded(group, run),
        own_bounds=group.per_row is not None,
        args=tuple(
            (np.ndim(a), form.place(np.ndim(a)) if batched else "")
            for a, batched in zip(family.args, family.which, strict=True)
        ),
        lanes=form.lanes,
    )
    return compiled(spec, family.fun, family.jac), spec


def _check_penalty(group: Problems, terms: Terms) -> None:
    """Are bounds and penalty what a kernel takes?"""
    penalty = group.constraints.penalty
    if not terms.separable:
        raise ValueError(f"device='cuda' takes bounds and separable penalties, got {penalty!r}.")
    if group.settings.learning_rate != "auto" and not terms.only_bounds:
        raise ValueError(
            "device='cuda' takes bounds only where learning_rate is given, got "
            f"penalty={penalty!r}."
        )


def _style(group: Problems, objective: Objective) -> str:
    """How the kernel gets the gradient."""
    fun, jac, *_ = group.family
    parts = parts_of(fun)
    if isinstance(parts, SumOfTerms):
        return "terms"
    if isinstance(parts, Entries):
        if parts.row is not None:
            raise ValueError(
                "device='cuda' takes entrywise(entry) without rows for a batch, since a kernel "
                "has no memory for them: write what they share into sum_of_terms, or leave "
                "device out."
            )
        return "entries"
    if isinstance(jac, str):
        if jac in _STYLES:
            return _STYLES[jac]
        raise ValueError(f"jac={jac!r} is not possible with device='cuda'.")
    if not objective.in_place:
        raise TypeError(
            "device='cuda' needs a gradient that is written in place, since a kernel cannot "
            "make arrays: fun(x, out, *args) -> f with jac=True, or jac(x, out, *args)."
        )
    return "fused" if jac is True else "in_place"


def _lanes(group: Problems, table: Any, args: tuple) -> int:
    """How many threads share each problem, whichever are left; `args` are those of the first.

    The order of additions depends on it.
    """
    from .._cuda.functions import python_function, refuse_exceptions
    from .._cuda.lanes import lanes_for

    parts = parts_of(group.family.fun)
    assert isinstance(parts, SumOfTerms)
    wanted, count = parts.threads, 0
    if wanted is None:
        count = int(python_function(parts.n_terms)(table.start_of(0), *args))
    lanes = lanes_for(table.count, count, wanted)
    if lanes > 1:
        refuse_exceptions(term=parts.term, n_terms=parts.n_terms)
    return lanes
