"""What the calls of one minimizer share, from what compiled code in a disk cache says of it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from fastmomentum._check.arguments import check_method, check_terms
from fastmomentum._check.bounds import check_bounds
from fastmomentum._check.options import MAXITER, MAXITER_PER_VARIABLE, Settings, check_options
from fastmomentum._language import layout
from fastmomentum._language.layout import INT
from fastmomentum._loops.drivers import caller_address, driver_address
from fastmomentum._loops.table import SINGLE, SINGLE_COMPOSITE
from fastmomentum._minimize.plan import Plan
from fastmomentum._numba import entry
from fastmomentum._numba.callable import ABI
from fastmomentum._problem.objective import DIFFERENCE_CALLS, difference_step
from fastmomentum._problem.terms import Terms, make_terms
from fastmomentum._report.warnings import warn

_FIELD = {name: i for i, name in enumerate(layout.PLAN_FIELDS)}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The settings of a minimizer for one precision, as a constant of compiled code.

    Such code finds its plan in any process, or an error: its pickle says which ABI it was compiled
    for, and unpickling imports this module.
    """

    method: str
    dtype: str
    value: str  # what fun returns, "float32" or nothing
    jac: str  # "2-point", "3-point", or nothing
    options: tuple[tuple[str, Any], ...]
    bounds: tuple[tuple[float, float], ...]

    def __reduce__(self) -> tuple:
        return _restore, (ABI, dataclasses.astuple(self))

    @property
    def address(self) -> int:
        """Address of the plan in this process."""
        plan = _plans.get(self)
        if plan is None:
            with _told():
                # Of several threads' the first stays: compiled code has its address.
                plan = _plans.setdefault(self, _Shared(self))
        return plan.table.ctypes.data

    def settings(self) -> tuple[Settings, Terms | None, int]:
        """Checked settings, the bounds, and the length that x0 must have; 0: any."""
        options = dict(self.options)
        lengths = (len(value) for value in options.values() if isinstance(value, tuple))
        size = len(self.bounds) or max(lengths, default=0)
        x0 = np.zeros(max(size, 1), self.dtype)
        method = check_method(self.method)
        pair = check_bounds(self.bounds or None, size)
        terms = make_terms(pair, None, x0.size, x0.dtype)
        settings = check_options(method, None, options, x0)
        check_terms(method, settings, terms)
        return settings, terms, size


class _Stale:
    """A recipe of another version."""

    @property
    def address(self) -> int:
        with _told():
            raise RuntimeError(
                "this code was compiled with another version of fastmomentum: delete Numba's cache "
                "of the function that calls the minimizer (its .nbi and .nbc files in __pycache__, "
                "or in NUMBA_CACHE_DIR)."
            )


def _restore(abi: str, fields: tuple) -> Recipe | _Stale:
    return Recipe(*fields) if abi == ABI else _Stale()


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Warn of an exception that is raised: compiled code loses it in a ``prange`` loop."""
    try:
        yield
    except Exception as error:
        warn(f"A compiled minimizer cannot run: {error}", RuntimeWarning)
        raise


class _Shared:
    """The plan as compiled code reads it, see `layout.PLAN_FIELDS`; kept as long as the process."""

    def __init__(self, recipe: Recipe):
        settings, terms, size = recipe.settings()
        dtype = np.dtype(recipe.dtype)
        plan = Plan(settings, max(size, 1), dtype, "" if terms is None else terms.kind)
        self.ints, self.floats = plan.ints, plan.floats
        self.rate, self.momentum = plan.numbers["learning_rate"], plan.numbers["momentum"]
        self.ints[INT.COST_JAC] = 1
        self.rows = np.zeros((plan.scratch_row, max(size, 1)), dtype)
        self.terms = terms
        self.starts = np.array(self._starts(plan), np.int64).reshape(-1, 3)
        signature = entry.DRIVER_SIGNATURES[dtype.name]
        outer = SINGLE if terms is None else SINGLE_COMPOSITE
        maxiter = dict(recipe.options).get("maxiter") is None
        values = {
            "SINGLE": caller_address(outer, dtype, signature),
            "DRIVER": driver_address(plan.loop, dtype, signature),
            "N": size,
            "ITEMSIZE": dtype.itemsize,
            "INTS": self.ints.ctypes.data,
            "FLOATS": self.floats.ctypes.data,
            "N_INTS": self.ints.size,
            "N_FLOATS": self.floats.size,
            "RATE": self.rate.ctypes.data,
            "MOMENTUM": self.momentum.ctypes.data,
            "ROWS": plan.scratch_row
            + layout.SCRATCH_ROWS
            + bool(recipe.jac) * layout.DIFFERENCE_ROWS,
            "SCRATCH_ROW": plan.scratch_row,
            "STARTS": self.starts.ctypes.data,
            "N_STARTS": len(self.starts),
            "MAXITER": MAXITER if maxiter else settings.maxiter,
            "MAXITER_PER_VARIABLE": MAXITER_PER_VARIABLE if maxiter else 0,
        }
        self.table = np.zeros(len(layout.PLAN_FIELDS), np.int64)
        for name, value in values.items():
            self.table[_FIELD[name]] = value
        if recipe.jac:
            self.table[_FIELD["DIFFERENCES"]] = DIFFERENCE_CALLS[recipe.jac]
            step = difference_step(recipe.jac, dtype, recipe.value)
            self.table.view(np.float64)[_FIELD["STEP"]] = step
            self.steps = np.array(np.broadcast_arrays(*settings.steps), dtype).reshape(2, -1)
            self.table[_FIELD["STEPS"]] = self.steps.ctypes.data
            self.table[_FIELD["N_STEPS"]] = self.steps.shape[1]
        # Several threads read them.
        for array in (self.ints, self.floats, self.rows, self.starts, self.table):
            array.setflags(write=False)

    def _starts(self, plan: Plan) -> list[tuple[int, int, int]]:
        """What the rows of a workspace start from, in this order."""
        given = {"zero": layout.FROM_ZERO, "x0": layout.FROM_X0}
        starts = []
        if self.terms is not None:
            fills = self.rows, self.ints, plan.term_row, plan.loop.calls_operator
            self.operator = self.terms.fill(*fills)
            starts += [self._row(plan.term_row + i) for i in range(len(self.terms.rows))]
            starts.append((plan.term_row + layout.FREE_ROW, layout.FROM_ZERO, 0))
            starts.append((0, layout.CLIPPED, 0))
        starts += [(row, given[start], 0) for row, start in plan.starts.items()]
        if plan.x_scale is not None:
            row = int(self.ints[INT.METRIC_START])
            self.rows[row] = plan.x_scale * plan.x_scale
            starts.append(self._row(row))
        return starts

    def _row(self, row: int) -> tuple[int, int, int]:
        return row, layout.FROM_ROW, self.rows[row].ctypes.data


_plans: dict[Recipe, _Shared] = {}
