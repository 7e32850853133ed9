"""The problems of a batch one after the other, each by `minimize`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._check.options import Settings
from .._minimize.minimize import minimize
from .._problem.objective import Objective
from .._report.result import OptimizeResult, Status, attach, is_empty
from .batch import Batch
from .problems import Problems
from .table import NOT_RUN

# Of a batch, those of each of its problems.
OPTIONS = (
    "learning_rate", "gtol", "norm", "ftol", "gap_tol", "xtol", "maxiter", "maxfev", "patience",
    "backend", "eps", "finite_diff_rel_step",
)  # fmt: skip


def solve_one_by_one(group: Problems, objective: Objective, batch: Batch) -> None:
    """Solve what is left of a group; `objective` has the functions as they can be called."""
    table, clock = batch.table, batch.clock
    options = _options(group.settings)
    for row in map(int, np.flatnonzero(table.status == NOT_RUN)):
        if clock.stopped:
            return
        if not np.isfinite(table.x[row]).all():
            table.status[row] = Status.NONFINITE
        else:
            _solve(group, objective, row, options, batch)
        table.before += 1
        table.settled[row] = True
        clock.check()
        batch.save_if_due()
        if table.before < table.count:
            batch.report.now()


def _options(settings: Settings) -> dict[str, Any]:
    """The options of one problem."""
    return {**{name: getattr(settings, name) for name in OPTIONS}, **settings.own}


def _solve(
    group: Problems, objective: Objective, row: int, options: dict[str, Any], batch: Batch
) -> None:
    """One problem."""
    table, settings, bounds = batch.table, group.settings, group.bounds_of(row)
    try:
        found = minimize(
            objective.fun,
            table.x[row],
            group.family.args_of(row),
            settings.method.name,
            objective.jac if settings.eps is None else None,
            bounds=None if bounds is None else list(zip(*bounds, strict=True)),
            options={**options, "maxtime": batch.clock.left()},
            penalty=group.constraints.penalty,
        )
    except BaseException as error:
        earlier = getattr(error, "result", None)
        if isinstance(earlier, OptimizeResult):
            table.keep(row, earlier)
            batch.evaluated |= not is_empty(earlier)
        if isinstance(error, Exception):
            attach(error, row=row)
        raise
    batch.has_worked()
    table.store(row, found)
