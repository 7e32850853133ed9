"""What a batch is of: problems that differ in their starts, some of their args, and bounds."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, NamedTuple

import numpy as np

from .._check.arguments import check_terms
from .._check.options import Settings
from .._keep.fingerprint import fingerprint
from .._problem.objective import NO_BOUNDS, Limits, Objective
from .._problem.terms import Terms, make_terms


class Family(NamedTuple):
    """The functions of all problems, and their arguments, some with a row for each problem."""

    fun: Any
    jac: Any
    args: tuple
    which: tuple[bool, ...]  # of the arguments have rows

    def args_of(self, row: int) -> tuple:
        """The arguments of one problem, on the host."""
        return tuple(
            on_host(a, row if batched else None)
            for a, batched in zip(self.args, self.which, strict=True)
        )


class Constraints(NamedTuple):
    """Bounds of all problems or of each, and the penalty; None where there are none."""

    shared: Any
    per_row: Any  # a `RowBounds`, or what is like it on a device
    penalty: Any


@dataclasses.dataclass(frozen=True, eq=False)
class Problems:
    """Problems with the same settings.

    Attributes
    ----------
    like : ndarray, shape (n,)
        Has the length and the dtype of their variables.
    """

    family: Family
    settings: Settings
    like: np.ndarray
    constraints: Constraints

    def __post_init__(self) -> None:
        check_terms(self.settings.method, self.settings, self.terms(0))
        if self.per_row is not None:
            _ = self.per_row.tight  # or an error that tells of an empty interval

    @property
    def n(self) -> int:
        """Variables of each problem."""
        return self.like.size

    @property
    def dtype(self) -> np.dtype:
        """Of the variables."""
        return self.like.dtype

    @property
    def per_row(self) -> Any:
        """Bounds of each problem, if they differ."""
        return self.constraints.per_row

    def terms(self, row: int) -> Terms | None:
        """Bounds and penalty of one problem."""
        return make_terms(self.bounds_of(row), self.constraints.penalty, self.n, self.dtype)

    def bounds_of(self, row: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Bounds of one problem."""
        shared, per_row, _ = self.constraints
        return shared if per_row is None else per_row.of(row)

    def objective(
        self, row: int, x0: np.ndarray, terms: Terms | None, deadline: float, backend: str = ""
    ) -> Objective:
        """The objective of one problem, for this backend rather than that of the settings."""
        family, settings = self.family, self.settings
        bounds = NO_BOUNDS if terms is None else terms.bounds()
        limits = Limits(bounds, settings.steps, deadline)
        return Objective(
            family.fun, family.jac, family.args_of(row), x0, backend or settings.backend, limits
        )

    def without_row_bounds(self) -> Problems:
        """The same, for those that have no bounds of their own: their loop is another."""
        constraints = self.constraints._replace(per_row=None)
        return dataclasses.replace(self, constraints=constraints)

    @functools.cached_property
    def given(self) -> dict[str, str]:
        """Fingerprints of what the user gave."""
        shared, per_row, penalty = self.constraints
        given = {
            "args": (self.family.args, self.family.which),
            "bounds": shared if per_row is None else per_row.pair,
            "penalty": penalty,
        }
        return {name: fingerprint(value) for name, value in given.items()}


def on_host(array: Any, row: int | None) -> Any:
    """A row of an array, or all of it, on the host."""
    part = array if row is None else array[row]
    return part.copy_to_host() if hasattr(part, "copy_to_host") else part
